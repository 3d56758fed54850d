/* SPDX-License-Identifier: MIT */
/* VFIO_DEVICE_FEATURE. Linux 7.3 vfio_main.c, pci/vfio_pci_core.c. */
#include "conform/conform.h"

#define FEATURE	   "vfio_main.c vfio_ioctl_device_feature"
#define CHECK	   "vfio.h vfio_check_feature"
#define DISPATCH   "pci/vfio_pci_core.c vfio_pci_core_ioctl_feature"
#define ENTRY	   "pci/vfio_pci_core.c vfio_pci_core_pm_entry"
#define WAKEUP	   "pci/vfio_pci_core.c vfio_pci_core_pm_entry_with_wakeup"
#define ENTER	   "pci/vfio_pci_core.c vfio_pci_runtime_pm_entry"
#define RESUME	   "pci/vfio_pci_core.c vfio_pci_core_runtime_resume"
#define EXIT	   "pci/vfio_pci_core.c vfio_pci_core_pm_exit"
#define GET	   VFIO_DEVICE_FEATURE_GET
#define SET	   VFIO_DEVICE_FEATURE_SET
#define PROBE	   VFIO_DEVICE_FEATURE_PROBE
#define LOW	   3 /* LOW_POWER_ENTRY, _WITH_WAKEUP, _EXIT */
#define LOW_WAKEUP 4
#define LOW_EXIT   5
#define CHANCMP	   (REGION(0) + 0x98) /* a register that keeps what is written */
#define PMCSR	   (CONFIG + 0xe4)

#define CALL(argsz, flags) IOCTL(DEVICE, VFIO_DEVICE_FEATURE, WORDS(argsz, flags))
/* With room for whatever a feature wants. */
#define ROOM(flags) IOCTL(DEVICE, VFIO_DEVICE_FEATURE, TAIL(64, struct words, { 72, flags }))
/* With a descriptor by name, and the reserved word behind it. */
#define WAKE(argsz, flags, fd)                                                                     \
	IOCTL(DEVICE, VFIO_DEVICE_FEATURE,                                                         \
		{ .kind = ARG_BYTES,                                                               \
			.fds = 1,                                                                  \
			.n = 12,                                                                   \
			.room = 4,                                                                 \
			.bytes = (const uint32_t[]){ argsz, flags, fd } })
#define SLEEP	  CALL(8, SET | LOW)
#define WAKE_UP	  CALL(8, SET | LOW_EXIT)
#define SLEEP_EV0 WAKE(16, SET | LOW_WAKEUP, EV0)

struct words {
	uint32_t word[2];
};

#define ABSENT(name, nr)                                                                           \
	{ "absent: probe " name, DISPATCH, DEV, CALL(8, PROBE | (nr)), -ENOTTY },                  \
		{ "absent: probe get " name, DISPATCH, DEV, CALL(8, PROBE | GET | (nr)),           \
			-ENOTTY },                                                                 \
		{ "absent: get " name, DISPATCH, DEV, ROOM(GET | (nr)), -ENOTTY },                 \
	{                                                                                          \
		"absent: set " name, DISPATCH, DEV, ROOM(SET | (nr)), -ENOTTY                      \
	}

static const struct row rows[] = {
	/* ---- the call ---- */
	{ "argsz too small", FEATURE, DEV, CALL(7, PROBE | LOW), -EINVAL, "argsz-too-small" },
	{ "argsz 0", FEATURE, DEV, CALL(0, PROBE | LOW), -EINVAL, "argsz-too-small" },
	{ "no pointer", FEATURE, DEV, IOCTL(DEVICE, VFIO_DEVICE_FEATURE, POINTER(NULLP)), -EFAULT,
		"bad-argument-pointer" },
	{ "only argsz is there", FEATURE, DEV, IOCTL(DEVICE, VFIO_DEVICE_FEATURE, WORDS(8)),
		-EFAULT, "bad-argument-pointer" },
	{ "the first unknown flag", FEATURE, DEV, CALL(8, PROBE | 1 << 19 | LOW), -EINVAL,
		"bad-feature-flags" },
	{ "the last unknown flag", FEATURE, DEV, CALL(8, PROBE | 1u << 31 | LOW), -EINVAL,
		"bad-feature-flags" },
	{ "unknown flags are seen before an absent feature", FEATURE, DEV,
		CALL(8, PROBE | 1 << 19 | 1), -EINVAL, "bad-feature-flags" },
	{ "get and set", FEATURE, DEV, ROOM(GET | SET | LOW), -EINVAL, "bad-feature-flags" },
	{ "get and set of an absent feature", FEATURE, DEV, ROOM(GET | SET | 1), -EINVAL,
		"bad-feature-flags" },
	{ "probe for get and set of an absent feature", FEATURE, DEV,
		CALL(8, PROBE | GET | SET | 1), -ENOTTY },
	{ "a number that no feature has", DISPATCH, DEV, CALL(8, PROBE | 14), -ENOTTY },
	{ "the last number", DISPATCH, DEV, CALL(8, PROBE | 0xffff), -ENOTTY },
	{ "no operation on an absent feature", DISPATCH, DEV, CALL(8, 1), -ENOTTY },

	/* ---- what vfio-pci does not have ---- */
	ABSENT("VF token", 0),
	ABSENT("migration", 1),
	ABSENT("migration state", 2),
	ABSENT("DMA logging start", 6),
	ABSENT("DMA logging stop", 7),
	ABSENT("DMA logging report", 8),
	ABSENT("migration data size", 9),
	ABSENT("bus master", VFIO_DEVICE_FEATURE_BUS_MASTER),
	ABSENT("DMA buffer", 11),
	ABSENT("zPCI error", 13),
	{ "absent: precopy information asks for the flag",
		"vfio_main.c vfio_ioctl_device_feature_migration_precopy_info_v2", DEV,
		CALL(8, PROBE | SET | 12), -EINVAL },
	{ "absent: set precopy information",
		"vfio_main.c vfio_ioctl_device_feature_migration_precopy_info_v2", DEV,
		CALL(8, SET | 12), -EINVAL },

	/* ---- low power: the call ---- */
	{ "low power: probe", CHECK, DEV, CALL(8, PROBE | LOW), 0 },
	{ "low power: probe set", CHECK, DEV, CALL(8, PROBE | SET | LOW), 0 },
	{ "low power: probe get", CHECK, DEV, CALL(8, PROBE | GET | LOW), -EINVAL,
		"bad-feature-flags" },
	{ "low power: probe get and set", CHECK, DEV, CALL(8, PROBE | GET | SET | LOW), -EINVAL,
		"bad-feature-flags" },
	{ "low power: get", CHECK, DEV, ROOM(GET | LOW), -EINVAL, "bad-feature-flags" },
	{ "low power: neither get nor set", CHECK, DEV, CALL(8, LOW), -EINVAL,
		"bad-feature-flags" },
	{ "low power with wake-up: probe", CHECK, DEV, CALL(8, PROBE | LOW_WAKEUP), 0 },
	{ "low power with wake-up: probe set, without data", CHECK, DEV,
		CALL(8, PROBE | SET | LOW_WAKEUP), 0 },
	{ "low power with wake-up: probe get", CHECK, DEV, CALL(8, PROBE | GET | LOW_WAKEUP),
		-EINVAL, "bad-feature-flags" },
	{ "low power with wake-up: no data", CHECK, DEV, CALL(8, SET | LOW_WAKEUP), -EINVAL,
		"argsz-too-small" },
	{ "low power with wake-up: part of the data", CHECK, DEV, WAKE(15, SET | LOW_WAKEUP, EV0),
		-EINVAL, "argsz-too-small" },
	{ "low power with wake-up: the data is not there", WAKEUP, DEV, CALL(16, SET | LOW_WAKEUP),
		-EFAULT, "bad-argument-pointer" },
	{ "low power with wake-up: the reserved word is not there", WAKEUP, DEV,
		IOCTL(DEVICE, VFIO_DEVICE_FEATURE, WORDS(16, SET | LOW_WAKEUP, 0)), -EFAULT,
		"bad-argument-pointer" },
	{ "low power with wake-up: descriptor -1", WAKEUP, DEV, WAKE(16, SET | LOW_WAKEUP, MINUS1),
		-EINVAL, "not-an-eventfd" },
	{ "low power with wake-up: a closed descriptor", "fs/eventfd.c eventfd_ctx_fdget", DEV,
		WAKE(16, SET | LOW_WAKEUP, CLOSED), -EBADF, "not-an-eventfd" },
	{ "low power with wake-up: a pipe", "fs/eventfd.c eventfd_ctx_fdget", DEV,
		WAKE(16, SET | LOW_WAKEUP, PIPE), -EINVAL, "not-an-eventfd" },
	{ "low power with wake-up: the device", "fs/eventfd.c eventfd_ctx_fdget", DEV,
		WAKE(16, SET | LOW_WAKEUP, DEVICE), -EINVAL, "not-an-eventfd" },
	{ "leaving low power: probe", CHECK, DEV, CALL(8, PROBE | LOW_EXIT), 0 },
	{ "leaving low power: get", CHECK, DEV, ROOM(GET | LOW_EXIT), -EINVAL,
		"bad-feature-flags" },
	{ "leaving low power: probe get", CHECK, DEV, CALL(8, PROBE | GET | LOW_EXIT), -EINVAL,
		"bad-feature-flags" },

	/* ---- low power: what it does ---- */
	{ "low power: enter", ENTRY, DEV, SLEEP, 0, .then = STEPS({ WAKE_UP, 0 }) },
	{ "low power: enter twice", ENTER, DEV, SLEEP, -EINVAL, "low-power-already",
		.first = STEPS({ SLEEP, 0 }) },
	{ "low power: enter, leave, enter", EXIT, DEV, SLEEP, 0,
		.first = STEPS({ SLEEP, 0 }, { WAKE_UP, 0 }) },
	{ "low power: leave without having entered", EXIT, DEV, WAKE_UP, 0 },
	{ "low power: leave twice", EXIT, DEV, WAKE_UP, 0,
		.first = STEPS({ SLEEP, 0 }, { WAKE_UP, 0 }) },
	{ "low power: more argsz than needed", CHECK, DEV, ROOM(SET | LOW), 0 },
	{ "low power: registers can be read, and keep what they had", RESUME, DEV,
		PREAD(DEVICE, CHANCMP, 8), 8, .see = { WORD(0, 0x240) },
		.first = STEPS(
			{ PWRITE(DEVICE, CHANCMP, 0x40, 2, 0, 0, 0, 0, 0, 0), 8 }, { SLEEP, 0 }) },
	{ "low power: access does not end it", RESUME, DEV, SLEEP, -EINVAL, "low-power-already",
		.first = STEPS({ SLEEP, 0 }, { PREAD(DEVICE, CHANCMP, 8), 8 }) },
	{ "low power: the command register is kept", RESUME, DEV, PREAD(DEVICE, CONFIG + 4, 2), 2,
		.see = { BYTE(0, 6), BYTE(1, 0) },
		.first = STEPS({ PWRITE(DEVICE, CONFIG + 4, 6, 0), 2 }, { SLEEP, 0 }) },
	{ "low power: a device in D3hot is put into D0 first",
		"pci/vfio_pci_core.c vfio_pci_core_runtime_suspend", DEV, SLEEP, 0,
		.after.may = MAY_CONFIG, .first = STEPS({ PWRITE(DEVICE, PMCSR, 3, 0), 2 }),
		.then = STEPS({ PREAD(DEVICE, PMCSR, 1), 1, { BYTE(0, 8) } },
			{ PREAD(DEVICE, CHANCMP, 8), 8 }) },
	{ "low power: reset", RESUME, DEV, IOCTL(DEVICE, VFIO_DEVICE_RESET, VALUE(0)), 0,
		.first = STEPS({ SLEEP, 0 }) },
	{ "low power: hot reset", "pci/vfio_pci_core.c vfio_pci_dev_set_pm_runtime_get", DEV,
		IOCTL(DEVICE, VFIO_DEVICE_PCI_HOT_RESET,
			{ .kind = ARG_BYTES,
				.fds = 1,
				.n = 16,
				.bytes = (const uint32_t[]){ 16, 0, 1, GROUP } }),
		0, .first = STEPS({ SLEEP, 0 }) },
	{ "low power: closing the device ends it", "pci/vfio_pci_core.c vfio_pci_core_disable", DEV,
		SLEEP, 0,
		.first = STEPS({ SLEEP, 0 }, { CLOSE(DEVICE), 0 },
			{ OPEN_DEVICE(DEVICE, GROUP, DEV1), FD }) },
	{ "low power with wake-up: the next call signals", RESUME, DEV,
		IOCTL(DEVICE, VFIO_DEVICE_RESET, VALUE(0)), 0, .first = STEPS({ SLEEP_EV0, 0 }),
		.then = STEPS({ SIGNALS(EV0), 1 }) },
	{ "low power with wake-up: a read signals", RESUME, DEV, PREAD(DEVICE, CONFIG, 2), 2,
		.first = STEPS({ SLEEP_EV0, 0 }), .then = STEPS({ SIGNALS(EV0), 1 }) },
	{ "low power with wake-up: and that is the end of it", RESUME, DEV, SLEEP_EV0, 0,
		.first = STEPS({ SLEEP_EV0, 0 }) },
	{ "low power with wake-up: after that without", RESUME, DEV, SLEEP, 0,
		.first = STEPS({ SLEEP_EV0, 0 }) },
	{ "low power with wake-up: while it is allowed already", ENTER, DEV, SLEEP_EV0, -EINVAL,
		"low-power-already", .first = STEPS({ SLEEP, 0 }),
		.then = STEPS({ SIGNALS(EV0), 0 }) },
	{ "low power with wake-up: leaving is a call as any other", RESUME, DEV, WAKE_UP, 0,
		.first = STEPS({ SLEEP_EV0, 0 }), .then = STEPS({ SIGNALS(EV0), 1 }) },
	{ "low power with wake-up: a refused call wakes it too", RESUME, DEV, CALL(8, PROBE | 1),
		-ENOTTY, .first = STEPS({ SLEEP_EV0, 0 }), .then = STEPS({ SIGNALS(EV0), 1 }) },
};

AREA(feature, rows);
