/* SPDX-License-Identifier: MIT */
/*
 * INTx: enabling, the level that masks itself, masking and unmasking by call, by eventfd and by
 * Command.INTx Disable. Linux 7.3 drivers/vfio/pci/vfio_pci_intrs.c, virqfd.c.
 */
#include "conform/conform.h"
#include "conform/irq_engine.h"

#define TRIGGER "pci/vfio_pci_intrs.c vfio_pci_set_intx_trigger"
#define MASK	"pci/vfio_pci_intrs.c vfio_pci_set_intx_mask"
#define UNMASK	"pci/vfio_pci_intrs.c vfio_pci_set_intx_unmask"
#define ENABLE	"pci/vfio_pci_intrs.c vfio_intx_enable"
#define DISABLE "pci/vfio_pci_intrs.c vfio_intx_disable"
#define SIGNAL	"pci/vfio_pci_intrs.c vfio_intx_set_signal"
#define SEND	"pci/vfio_pci_intrs.c vfio_send_intx_eventfd"
#define HANDLER "pci/vfio_pci_intrs.c vfio_intx_handler"
#define UNMASKS "pci/vfio_pci_intrs.c vfio_pci_intx_unmask_handler"
#define CONFIGS "pci/vfio_pci_config.c vfio_basic_config_write"
#define VIRQFD	"virqfd.c vfio_virqfd_enable"
#define WAKEUP	"virqfd.c virqfd_wakeup"
#define RELEASE "virqfd.c vfio_virqfd_disable"

#define OFF	    IRQ_NONE(ACT_TRIGGER, INTX, 0, 0)
#define LOOPBACK    IRQ_NONE(ACT_TRIGGER, INTX, 0, 1)
#define DO_MASK	    IRQ_NONE(ACT_MASK, INTX, 0, 1)
#define DO_UNMASK   IRQ_NONE(ACT_UNMASK, INTX, 0, 1)
#define ON(event)   IRQ_FDS(ACT_TRIGGER, INTX, 0, event)
#define RESAMPLE(e) IRQ_FDS(ACT_UNMASK, INTX, 0, e)
#define IS_OFF                                                                                     \
	{                                                                                          \
		LOOPBACK, -EINVAL                                                                  \
	}
#define STILL_ON { LOOPBACK }, GETS(EV0, 1)
/* Command.INTx Disable, memory and bus mastering on. */
#define DISINTX                                                                                    \
	{                                                                                          \
		PWRITE(DEVICE, CONFIG + 4, 6, 4), 2                                                \
	}
#define ENINTX                                                                                     \
	{                                                                                          \
		PWRITE(DEVICE, CONFIG + 4, 6, 0), 2                                                \
	}
#define UNMASKING                                                                                  \
	{                                                                                          \
		DO_UNMASK                                                                          \
	}
#define MASKING                                                                                    \
	{                                                                                          \
		DO_MASK                                                                            \
	}
#define RESAMPLING                                                                                 \
	{                                                                                          \
		RESAMPLE(EV1)                                                                      \
	}
#define RESAMPLED                                                                                  \
	{                                                                                          \
		WRITE_EVENT(EV1)                                                                   \
	}

/* A wrong descriptor: the errno, and INTx is not enabled. */
#define BAD(name, fd, want)                                                                        \
	{                                                                                          \
		name, TRIGGER, DEV, ON(fd), want, "not-an-eventfd", .then = STEPS(IS_OFF)          \
	}
#define NOT_ON(name, kernel, ...)                                                                  \
	{                                                                                          \
		name, kernel, DEV, __VA_ARGS__, -EINVAL, "irq-not-enabled"                         \
	}
#define OTHER_ON(name, kernel, ...)                                                                \
	{                                                                                          \
		name, kernel, DEV_MSIX, __VA_ARGS__, -EINVAL, "irq-not-enabled"                    \
	}

static const struct row rows[] = {
	/* TRIGGER: enable, disable, loopback */
	{ "enable", ENABLE, DEV, ON(EV0), 0, .then = STEPS({ LOOPBACK }, GETS(EV0, 1)) },
	{ "enable without eventfd", ENABLE, DEV, ON(MINUS1), 0,
		.then = STEPS({ LOOPBACK }, { ON(EV0) }, { LOOPBACK }, GETS(EV0, 1)) },
	{ "enable with -5", ENABLE, DEV,
		IRQ_WORDS(24, VFIO_IRQ_SET_DATA_EVENTFD | ACT_TRIGGER, INTX, 0, 1, -5), 0,
		.then = STEPS({ LOOPBACK }) },
	{ "enable with no descriptor", TRIGGER, DEV, IRQ_NO_FDS(ACT_TRIGGER, INTX, 0), -EINVAL,
		"bad-irq-set", .then = STEPS(IS_OFF) },
	BAD("closed", CLOSED, -EBADF),
	BAD("a pipe", PIPE, -EINVAL),
	BAD("a regular file", REGULAR, -EINVAL),
	BAD("a socket", SOCKET, -EINVAL),
	BAD("an epoll", EPOLL, -EINVAL),
	BAD("/dev/null", DEV_NULL, -EINVAL),
	BAD("the device", DEVICE, -EINVAL),
	BAD("its group", GROUP, -EINVAL),
	BAD("its container", CONTAINER, -EINVAL),
	{ "disable what is not enabled", TRIGGER, DEV, OFF, -EINVAL },
	NOT_ON("loopback where it is not enabled", TRIGGER, LOOPBACK),
	NOT_ON("true where it is not enabled", TRIGGER, IRQ_BOOL(ACT_TRIGGER, INTX, 0, 1)),
	NOT_ON("false where it is not enabled", TRIGGER, IRQ_BOOL(ACT_TRIGGER, INTX, 0, 0)),
	OTHER_ON("enable while MSI-X is", TRIGGER, ON(EV4)),
	OTHER_ON("enable while MSI-X is, a bad descriptor", TRIGGER, ON(CLOSED)),
	OTHER_ON("disable while MSI-X is enabled", TRIGGER, OFF),
	OTHER_ON("loopback while MSI-X is enabled", TRIGGER, LOOPBACK),
	{ "enable while MSI is", TRIGGER, DEV_MSI, ON(EV4), -EINVAL, "irq-not-enabled" },
	{ "disable", DISABLE, DEV_INTX, OFF, 0, .then = STEPS(IS_OFF) },
	{ "disable twice", TRIGGER, DEV_INTX, OFF, -EINVAL, .first = STEPS({ OFF }) },
	{ "MSI-X after it", DISABLE, DEV_INTX, OFF, 0,
		.then = STEPS({ IRQ_FDS(ACT_TRIGGER, MSIX, 0, EV2) }) },
	{ "false with a count of 0", TRIGGER, DEV_INTX,
		IRQ_WORDS(20, VFIO_IRQ_SET_DATA_BOOL | ACT_TRIGGER, INTX, 0, 0), -EINVAL,
		"bad-irq-set", .then = STEPS(STILL_ON) },
	{ "loopback", SEND, DEV_INTX, LOOPBACK, 0, .then = STEPS(GETS(EV0, 1)) },
	{ "loopback does not mask", SEND, DEV_INTX, LOOPBACK, 0,
		.then = STEPS({ LOOPBACK }, GETS(EV0, 2), RAISE, GETS(EV0, 1)) },
	{ "loopback while masked", SEND, DEV_INTX, LOOPBACK, 0, .first = STEPS(MASKING),
		.then = STEPS(GETS(EV0, 1)) },
	{ "true", TRIGGER, DEV_INTX, IRQ_BOOL(ACT_TRIGGER, INTX, 0, 1), 0,
		.then = STEPS(GETS(EV0, 1)) },
	{ "true of another value", TRIGGER, DEV_INTX, IRQ_BOOL(ACT_TRIGGER, INTX, 0, 0x40), 0,
		.then = STEPS(GETS(EV0, 1)) },
	{ "false", TRIGGER, DEV_INTX, IRQ_BOOL(ACT_TRIGGER, INTX, 0, 0), 0,
		.then = STEPS(GETS(EV0, 0)) },
	{ "another eventfd", SIGNAL, DEV_INTX, ON(EV1), 0,
		.then = STEPS({ LOOPBACK }, GETS(EV0, 0), GETS(EV1, 1)) },
	{ "no eventfd any more", SIGNAL, DEV_INTX, ON(MINUS1), 0,
		.then = STEPS({ LOOPBACK }, GETS(EV0, 0), RAISE, GETS(EV0, 0)) },
	{ "another that is closed", TRIGGER, DEV_INTX, ON(CLOSED), -EBADF, "not-an-eventfd",
		.then = STEPS(STILL_ON) },
	{ "another that is none", TRIGGER, DEV_INTX, ON(PIPE), -EINVAL, "not-an-eventfd",
		.then = STEPS(STILL_ON) },
	{ "another with no descriptor", TRIGGER, DEV_INTX, IRQ_NO_FDS(ACT_TRIGGER, INTX, 0),
		-EINVAL, "bad-irq-set", .then = STEPS(STILL_ON) },

	/* MASK and UNMASK: what is refused */
	NOT_ON("mask what is not enabled", MASK, DO_MASK),
	NOT_ON("mask by true what is not enabled", MASK, IRQ_BOOL(ACT_MASK, INTX, 0, 1)),
	NOT_ON("mask by eventfd what is not enabled", MASK, IRQ_FDS(ACT_MASK, INTX, 0, EV1)),
	NOT_ON("unmask what is not enabled", UNMASK, DO_UNMASK),
	NOT_ON("unmask by eventfd what is not enabled", UNMASK, RESAMPLE(EV1)),
	NOT_ON("unmask by a bad one what is not enabled", UNMASK, RESAMPLE(CLOSED)),
	OTHER_ON("mask while MSI-X is enabled", MASK, DO_MASK),
	OTHER_ON("unmask while MSI-X is enabled", UNMASK, DO_UNMASK),
	{ "mask none", MASK, DEV_INTX, IRQ_NONE(ACT_MASK, INTX, 0, 0), -EINVAL, "bad-irq-set" },
	{ "unmask none", UNMASK, DEV_INTX, IRQ_NONE(ACT_UNMASK, INTX, 0, 0), -EINVAL,
		"bad-irq-set" },
	{ "unmask by no descriptor", UNMASK, DEV_INTX, IRQ_NO_FDS(ACT_UNMASK, INTX, 0), -EINVAL,
		"bad-irq-set" },
	{ "mask by eventfd", MASK, DEV_INTX, IRQ_FDS(ACT_MASK, INTX, 0, EV1), -ENOTTY,
		"no-such-irq-action" },
	{ "mask by -1", MASK, DEV_INTX, IRQ_FDS(ACT_MASK, INTX, 0, MINUS1), -ENOTTY,
		"no-such-irq-action" },
	{ "mask twice", MASK, DEV_INTX, DO_MASK, 0, .first = STEPS(MASKING) },
	{ "unmask what is not masked", UNMASK, DEV_INTX, DO_UNMASK, 0,
		.then = STEPS(GETS(EV0, 0), RAISE, GETS(EV0, 1)) },

	/* The level */
	{ "it fires", HANDLER, DEV_INTX, RUN(engine_raise), 0, .after.may = MAY_CONFIG,
		.then = STEPS(GETS(EV0, 1)) },
	{ "and masks itself", HANDLER, DEV_INTX, RUN(engine_raise), 0, .after.may = MAY_CONFIG,
		.first = STEPS(RAISE, GETS(EV0, 1)), .then = STEPS(GETS(EV0, 0)) },
	{ "the status bit shows the level", HANDLER, DEV_INTX, RUN(engine_raise), 0,
		.after.may = MAY_CONFIG,
		.then = STEPS({ PREAD(DEVICE, CONFIG + 6, 1), 1, { BYTE(0, 0x18) } }, ACK,
			{ PREAD(DEVICE, CONFIG + 6, 1), 1, { BYTE(0, 0x10) } }) },
	{ "what masks it does not show", HANDLER, DEV_INTX, RUN(engine_raise), 0,
		.after.may = MAY_CONFIG,
		.then = STEPS({ PREAD(DEVICE, CONFIG + 4, 2), 2, { BYTE(0, 6), BYTE(1, 0) } }) },
	{ "unmasked while asserted: again", UNMASKS, DEV_INTX, DO_UNMASK, 0,
		.first = STEPS(RAISE, GETS(EV0, 1)), .then = STEPS(GETS(EV0, 1)) },
	{ "and again", UNMASKS, DEV_INTX, DO_UNMASK, 0,
		.first = STEPS(RAISE, GETS(EV0, 1), UNMASKING, GETS(EV0, 1)),
		.then = STEPS(GETS(EV0, 1)) },
	{ "unmasked after it was acknowledged", UNMASKS, DEV_INTX, DO_UNMASK, 0,
		.first = STEPS(RAISE, GETS(EV0, 1), ACK),
		.then = STEPS(GETS(EV0, 0), RAISE, GETS(EV0, 1)) },
	{ "unmask by true", UNMASK, DEV_INTX, IRQ_BOOL(ACT_UNMASK, INTX, 0, 1), 0,
		.first = STEPS(RAISE, GETS(EV0, 1)), .then = STEPS(GETS(EV0, 1)) },
	{ "unmask by false: nothing", UNMASK, DEV_INTX, IRQ_BOOL(ACT_UNMASK, INTX, 0, 0), 0,
		.first = STEPS(RAISE, GETS(EV0, 1)), .then = STEPS(GETS(EV0, 0)) },
	{ "masked: it does not fire", MASK, DEV_INTX, DO_MASK, 0,
		.then = STEPS(RAISE, GETS(EV0, 0), UNMASKING, GETS(EV0, 1)) },
	{ "masked by true", MASK, DEV_INTX, IRQ_BOOL(ACT_MASK, INTX, 0, 1), 0,
		.then = STEPS(RAISE, GETS(EV0, 0)) },
	{ "masked by false: it fires", MASK, DEV_INTX, IRQ_BOOL(ACT_MASK, INTX, 0, 0), 0,
		.then = STEPS(RAISE, GETS(EV0, 1)) },
	{ "masked, and acknowledged before unmasking", UNMASKS, DEV_INTX, DO_UNMASK, 0,
		.first = STEPS(MASKING, RAISE, ACK), .then = STEPS(GETS(EV0, 0)) },
	{ "asserted before it is enabled", ENABLE, DEV, ON(EV0), 0, .first = STEPS(RAISE),
		.then = STEPS(GETS(EV0, 1)) },
	{ "asserted when it is enabled again", ENABLE, DEV_INTX, ON(EV0), 0,
		.first = STEPS(RAISE, GETS(EV0, 1), { OFF }), .then = STEPS(GETS(EV0, 1)) },
	{ "another eventfd does not unmask", SIGNAL, DEV_INTX, ON(EV1), 0,
		.first = STEPS(RAISE, GETS(EV0, 1)),
		.then = STEPS(GETS(EV1, 0), UNMASKING, GETS(EV1, 1)) },
	{ "fired without eventfd: masked all the same", HANDLER, DEV, ON(EV0), 0,
		.first = STEPS({ ON(MINUS1) }, RAISE),
		.then = STEPS(GETS(EV0, 0), UNMASKING, GETS(EV0, 1)) },
	{ "a reset takes the level back", "pci/vfio_pci_core.c vfio_pci_ioctl_reset", DEV_INTX,
		IOCTL(DEVICE, VFIO_DEVICE_RESET, VALUE(0)), 0, .after.may = MAY_CONFIG,
		.first = STEPS(RAISE, GETS(EV0, 1)),
		.then = STEPS(UNMASKING, GETS(EV0, 0), RAISE, GETS(EV0, 1)) },
	{ "disabled: nothing comes", DISABLE, DEV_INTX, OFF, 0,
		.then = STEPS(RAISE, GETS(EV0, 0)) },
	{ "the pin is off while MSI-X is on", "pci/vfio_pci_intrs.c vfio_msi_enable", DEV,
		IRQ_FDS(ACT_TRIGGER, MSIX, 0, EV1), 0, .after.may = MAY_CONFIG | MAY_DOMAINS,
		.first = STEPS({ ON(EV0) }, { OFF }),
		.then = STEPS(RAISE, GETS(EV1, 1), GETS(EV0, 0)) },

	/* Command.INTx Disable */
	{ "set, it masks", CONFIGS, DEV_INTX, PWRITE(DEVICE, CONFIG + 4, 6, 4), 2,
		.after.may = MAY_CONFIG, .then = STEPS(RAISE, GETS(EV0, 0)) },
	{ "cleared, it unmasks", CONFIGS, DEV_INTX, PWRITE(DEVICE, CONFIG + 4, 6, 0), 2,
		.after.may = MAY_CONFIG, .first = STEPS(DISINTX, RAISE),
		.then = STEPS(GETS(EV0, 1)) },
	{ "by its byte alone", CONFIGS, DEV_INTX, PWRITE(DEVICE, CONFIG + 5, 4), 1,
		.after.may = MAY_CONFIG,
		.then = STEPS(
			RAISE, GETS(EV0, 0), { PWRITE(DEVICE, CONFIG + 5, 0), 1 }, GETS(EV0, 1)) },
	{ "by four bytes", CONFIGS, DEV_INTX, PWRITE(DEVICE, CONFIG + 4, 6, 4, 0, 0), 4,
		.after.may = MAY_CONFIG, .then = STEPS(RAISE, GETS(EV0, 0)) },
	{ "it is read as written", CONFIGS, DEV_INTX, PWRITE(DEVICE, CONFIG + 4, 6, 4), 2,
		.after.may = MAY_CONFIG,
		.then = STEPS({ PREAD(DEVICE, CONFIG + 5, 1), 1, { BYTE(0, 4) } }) },
	{ "cleared, it unmasks what fired", CONFIGS, DEV_INTX, PWRITE(DEVICE, CONFIG + 4, 6, 0), 2,
		.after.may = MAY_CONFIG, .first = STEPS(RAISE, GETS(EV0, 1), DISINTX),
		.then = STEPS(GETS(EV0, 1)) },
	{ "cleared twice: no change", CONFIGS, DEV_INTX, PWRITE(DEVICE, CONFIG + 4, 6, 0), 2,
		.after.may = MAY_CONFIG, .first = STEPS(RAISE, GETS(EV0, 1)),
		.then = STEPS(GETS(EV0, 0)) },
	{ "set, unmask does nothing", UNMASKS, DEV_INTX, DO_UNMASK, 0,
		.first = STEPS(DISINTX, RAISE), .then = STEPS(GETS(EV0, 0), ENINTX, GETS(EV0, 1)) },
	{ "set, loopback does nothing", SEND, DEV_INTX, LOOPBACK, 0, .first = STEPS(DISINTX),
		.then = STEPS(GETS(EV0, 0)) },
	{ "set before enabling", ENABLE, DEV, ON(EV0), 0, .first = STEPS(DISINTX, RAISE),
		.then = STEPS(GETS(EV0, 0), ENINTX, GETS(EV0, 1)) },
	{ "set, without INTx", CONFIGS, DEV_MSIX, PWRITE(DEVICE, CONFIG + 4, 6, 4), 2,
		.after.may = MAY_CONFIG, .then = STEPS(RAISE, GETS(EV0, 1)) },
	{ "set, and the device opened anew", "pci/vfio_pci_core.c vfio_pci_core_disable", DEV_INTX,
		CLOSE(DEVICE), 0, .after.may = MAY_ALL, .first = STEPS(DISINTX),
		.then = STEPS({ OPEN_DEVICE(DEVICE, GROUP, DEV1), FD }, { ON(EV0) }, RAISE,
			GETS(EV0, 1)) },

	/* Unmasking by eventfd */
	{ "resample, still asserted", WAKEUP, DEV_INTX, RESAMPLE(EV1), 0,
		.then = STEPS(
			RAISE, GETS(EV0, 1), RESAMPLED, GETS(EV0, 1), RESAMPLED, GETS(EV0, 1)) },
	{ "resample, acknowledged", WAKEUP, DEV_INTX, RESAMPLE(EV1), 0,
		.then = STEPS(RAISE, GETS(EV0, 1), ACK, RESAMPLED, RAISE, GETS(EV0, 1)) },
	{ "its counter is taken", WAKEUP, DEV_INTX, RESAMPLE(EV1), 0,
		.then = STEPS(RAISE, GETS(EV0, 1), RESAMPLED, GETS(EV0, 1), GETS(EV1, 0)) },
	{ "signalled before: at once", VIRQFD, DEV_INTX, RESAMPLE(EV1), 0,
		.first = STEPS(RAISE, GETS(EV0, 1), RESAMPLED), .then = STEPS(GETS(EV0, 1)) },
	{ "signalled before: its counter stays", VIRQFD, DEV_INTX, RESAMPLE(EV1), 0,
		.first = STEPS(RESAMPLED), .then = STEPS(GETS(EV1, 1)) },
	{ "a second one", VIRQFD, DEV_INTX, RESAMPLE(EV2), -EBUSY, "unmask-eventfd-set",
		.first = STEPS(RESAMPLING),
		.then = STEPS(RAISE, GETS(EV0, 1), RESAMPLED, GETS(EV0, 1)) },
	{ "the same twice", VIRQFD, DEV_INTX, RESAMPLE(EV1), -EBUSY, "unmask-eventfd-set",
		.first = STEPS(RESAMPLING) },
	{ "a second that is closed", VIRQFD, DEV_INTX, RESAMPLE(CLOSED), -EBADF, "not-an-eventfd",
		.first = STEPS(RESAMPLING) },
	{ "a second that is none", VIRQFD, DEV_INTX, RESAMPLE(PIPE), -EINVAL, "not-an-eventfd",
		.first = STEPS(RESAMPLING) },
	{ "resample by a closed one", VIRQFD, DEV_INTX, RESAMPLE(CLOSED), -EBADF,
		"not-an-eventfd" },
	{ "resample by a pipe", VIRQFD, DEV_INTX, RESAMPLE(PIPE), -EINVAL, "not-an-eventfd" },
	{ "resample by the device", VIRQFD, DEV_INTX, RESAMPLE(DEVICE), -EINVAL, "not-an-eventfd" },
	{ "removed by -1", RELEASE, DEV_INTX, RESAMPLE(MINUS1), 0,
		.first = STEPS(RESAMPLING, RAISE, GETS(EV0, 1)),
		.then = STEPS(RESAMPLED, GETS(EV0, 0), GETS(EV1, 1)) },
	{ "removed by -5", RELEASE, DEV_INTX,
		IRQ_WORDS(24, VFIO_IRQ_SET_DATA_EVENTFD | ACT_UNMASK, INTX, 0, 1, -5), 0,
		.first = STEPS(RESAMPLING), .then = STEPS({ RESAMPLE(EV2) }) },
	{ "-1 where there is none", RELEASE, DEV_INTX, RESAMPLE(MINUS1), 0 },
	{ "another after it was removed", VIRQFD, DEV_INTX, RESAMPLE(EV2), 0,
		.first = STEPS(RESAMPLING, { RESAMPLE(MINUS1) }),
		.then = STEPS(RAISE, GETS(EV0, 1), { WRITE_EVENT(EV2) }, GETS(EV0, 1)) },
	{ "signalled and removed: done before", RELEASE, DEV_INTX, RESAMPLE(MINUS1), 0,
		.first = STEPS(RESAMPLING, RAISE, GETS(EV0, 1), RESAMPLED),
		.then = STEPS(GETS(EV0, 1)) },
	{ "signalled, then masked: masked", WAKEUP, DEV_INTX, DO_MASK, 0,
		.first = STEPS(RESAMPLING, RAISE, ACK, GETS(EV0, 1), RESAMPLED),
		.then = STEPS(RAISE, GETS(EV0, 0)) },
	{ "it goes with INTx", DISABLE, DEV_INTX, OFF, 0, .first = STEPS(RESAMPLING),
		.then = STEPS({ ON(EV0) }, { RESAMPLE(EV2) }, RESAMPLED, GETS(EV1, 1)) },
	{ "it stays with another eventfd", SIGNAL, DEV_INTX, ON(EV2), 0, .first = STEPS(RESAMPLING),
		.then = STEPS(RAISE, GETS(EV2, 1), RESAMPLED, GETS(EV2, 1)) },
	{ "it unmasks what a call masked", WAKEUP, DEV_INTX, DO_MASK, 0, .first = STEPS(RESAMPLING),
		.then = STEPS(RAISE, RESAMPLED, GETS(EV0, 1)) },
	{ "not what the command register masked", UNMASKS, DEV_INTX, RESAMPLE(EV1), 0,
		.first = STEPS(DISINTX, RAISE),
		.then = STEPS(RESAMPLED, UNMASKING, GETS(EV0, 0), ENINTX, GETS(EV0, 1)) },
	{ "closed by the program: it is gone", WAKEUP, DEV_INTX, RESAMPLE(EV2), 0,
		.first = STEPS(RESAMPLING, { CLOSE(EV1) }),
		.then = STEPS(RAISE, GETS(EV0, 1), { WRITE_EVENT(EV2) }, GETS(EV0, 1)) },
	{ "closed by the program, and removed", RELEASE, DEV_INTX, RESAMPLE(MINUS1), 0,
		.first = STEPS(RESAMPLING, { CLOSE(EV1) }) },
	{ "the device closed with one", "pci/vfio_pci_core.c vfio_pci_core_disable", DEV_INTX,
		CLOSE(DEVICE), 0, .after.may = MAY_ALL, .first = STEPS(RESAMPLING, RAISE),
		.then = STEPS(RESAMPLED, GETS(EV1, 1)) },
};

AREA(intx, rows);
