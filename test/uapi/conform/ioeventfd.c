/* SPDX-License-Identifier: MIT */
/* VFIO_DEVICE_IOEVENTFD. Linux 7.3 pci/vfio_pci_core.c, pci/vfio_pci_rdwr.c. */
#include "conform/conform.h"

#define CALL_FN "pci/vfio_pci_core.c vfio_pci_ioctl_ioeventfd"
#define FN	"pci/vfio_pci_rdwr.c vfio_pci_ioeventfd"
#define HANDLER "pci/vfio_pci_rdwr.c vfio_pci_ioeventfd_handler"
#define ENABLE	"virqfd.c vfio_virqfd_enable"
#define WAKEUP	"virqfd.c virqfd_wakeup"
#define DISABLE "virqfd.c vfio_virqfd_disable"

#define CHANCMP 0x98ull /* a register that keeps what is written, but for its low three bits */
#define BYTES0	0x4000ull
#define TABLE	0x2000ull

/* argsz, flags, offset, data, descriptor by name. */
#define IOEVENTFD_ARG(argsz, flags, offset, data, fd)                                              \
	IOCTL(DEVICE, VFIO_DEVICE_IOEVENTFD,                                                       \
		{ .kind = ARG_BYTES,                                                               \
			.fds = 1,                                                                  \
			.pos = 8,                                                                  \
			.n = 28,                                                                   \
			.bytes = (const uint32_t[]){ argsz, flags, (uint32_t)(offset),             \
				(uint32_t)((offset) >> 32), (uint32_t)(data),                      \
				(uint32_t)((uint64_t)(data) >> 32), fd } })
#define IOEVENTFD(size, offset, data, fd) IOEVENTFD_ARG(28, size, offset, data, fd)
/* With a number for the descriptor. */
#define IOEVENTFD_RAW(flags, fd)                                                                   \
	IOCTL(DEVICE, VFIO_DEVICE_IOEVENTFD, WORDS(28, flags, 0x98, 0x10000000, 0, 0, fd))
#define ADD(fd)	   IOEVENTFD(8, REGION(0) + CHANCMP, 0x12340, fd)
#define REMOVE	   ADD(MINUS1)
#define ADD32(fd)  IOEVENTFD(4, REGION(0) + CHANCMP + 4, 0xabcdef01, fd)
#define MEMORY(on) PWRITE(DEVICE, CONFIG + 4, (on) ? 2 : 0, 0)
#define ZERO                                                                                       \
	{                                                                                          \
		PWRITE(DEVICE, REGION(0) + CHANCMP, 0, 0, 0, 0, 0, 0, 0, 0), 8                     \
	}
#define HOLDS(low, high)                                                                           \
	{                                                                                          \
		PREAD(DEVICE, REGION(0) + CHANCMP, 8), 8,                                          \
		{                                                                                  \
			WORD(0, low), WORD(1, high)                                                \
		}                                                                                  \
	}

static long add_numbered(uint64_t data, int fd)
{
	struct vfio_region_info info = { .argsz = sizeof(info) };
	struct vfio_device_ioeventfd arg = {
		.argsz = sizeof(arg), .flags = 8, .data = data, .fd = fd
	};

	t_ioctl(fd_number(DEVICE), VFIO_DEVICE_GET_REGION_INFO, (uintptr_t)&info);
	arg.offset = info.offset + CHANCMP;
	return t_ioctl(fd_number(DEVICE), VFIO_DEVICE_IOEVENTFD, (uintptr_t)&arg);
}

/* As many as a device may have: how many it were. */
static long fill(void)
{
	long n = 0;

	while (n < 1001 && !add_numbered((uint64_t)n << 3, fd_number(EV0)))
		n++;
	return n;
}

static long fill_and_add(void)
{
	return fill() == 1000 ? add_numbered(8000 << 3, fd_number(EV0)) : -1;
}

static long fill_and_replace(void)
{
	if (fill() != 1000 || add_numbered(0, -1))
		return -1;
	return add_numbered(8000 << 3, fd_number(EV0));
}

static long fill_and_add_again(void)
{
	return fill() == 1000 ? add_numbered(0, fd_number(EV0)) : -1;
}

static const struct row rows[] = {
	/* ---- the call ---- */
	{ "argsz too small", CALL_FN, DEV, IOEVENTFD_ARG(27, 8, REGION(0) + CHANCMP, 0, EV0),
		-EINVAL, "argsz-too-small" },
	{ "no pointer", CALL_FN, DEV, IOCTL(DEVICE, VFIO_DEVICE_IOEVENTFD, POINTER(NULLP)), -EFAULT,
		"bad-argument-pointer" },
	{ "the descriptor is not there", CALL_FN, DEV,
		IOCTL(DEVICE, VFIO_DEVICE_IOEVENTFD, WORDS(28, 8, 0, 0, 0, 0)), -EFAULT,
		"bad-argument-pointer" },
	{ "no size", CALL_FN, DEV, IOEVENTFD(0, REGION(0) + CHANCMP, 0, EV0), -EINVAL,
		"bad-ioeventfd" },
	{ "two sizes", CALL_FN, DEV, IOEVENTFD(3, REGION(0) + CHANCMP, 0, EV0), -EINVAL,
		"bad-ioeventfd" },
	{ "all sizes", CALL_FN, DEV, IOEVENTFD(15, REGION(0) + CHANCMP, 0, EV0), -EINVAL,
		"bad-ioeventfd" },
	{ "an unknown flag", CALL_FN, DEV, IOEVENTFD(16, REGION(0) + CHANCMP, 0, EV0), -EINVAL,
		"bad-ioeventfd" },
	{ "an unknown flag and a size", CALL_FN, DEV,
		IOEVENTFD(8 | 1u << 31, REGION(0) + CHANCMP, 0, EV0), -EINVAL, "bad-ioeventfd" },
	{ "descriptor -2", CALL_FN, DEV, IOEVENTFD_RAW(8, (uint32_t)-2), -EINVAL, "bad-ioeventfd" },
	{ "the lowest descriptor", CALL_FN, DEV, IOEVENTFD_RAW(8, 1u << 31), -EINVAL,
		"bad-ioeventfd" },

	/* ---- the place ---- */
	{ "in configuration space", FN, DEV, IOEVENTFD(4, CONFIG + 4, 0, EV0), -EINVAL,
		"bad-ioeventfd" },
	{ "in the ROM", FN, DEV, IOEVENTFD(4, REGION(6), 0, EV0), -EINVAL, "bad-ioeventfd" },
	{ "far beyond all regions", FN, DEV, IOEVENTFD(4, 1ull << 50, 0, EV0), -EINVAL,
		"bad-ioeventfd" },
	{ "in a BAR that is not there", FN, DEV, IOEVENTFD(4, REGION(2), 0, EV0), -EINVAL,
		"bad-ioeventfd" },
	{ "in the high half of a BAR", FN, DEV, IOEVENTFD(1, REGION(1), 0, EV0), -EINVAL,
		"bad-ioeventfd" },
	{ "behind the BAR", FN, DEV, IOEVENTFD(1, REGION(0) + BYTES0, 0, EV0), -EINVAL,
		"bad-ioeventfd" },
	{ "across the BAR's end", FN, DEV, IOEVENTFD(8, REGION(0) + BYTES0 - 4, 0, EV0), -EINVAL,
		"bad-ioeventfd" },
	{ "up to the BAR's end", FN, DEV, IOEVENTFD(8, REGION(0) + BYTES0 - 8, 0, EV0), 0 },
	{ "a byte at the BAR's end", FN, DEV, IOEVENTFD(1, REGION(0) + BYTES0 - 1, 0, EV0), 0 },
	{ "at the MSI-X table", FN, DEV, IOEVENTFD(4, REGION(0) + TABLE, 0, EV0), -EINVAL,
		"bad-ioeventfd" },
	{ "in the MSI-X table", FN, DEV, IOEVENTFD(1, REGION(0) + TABLE + 13, 0, EV0), -EINVAL,
		"bad-ioeventfd" },
	{ "across the beginning of the MSI-X table", FN, DEV,
		IOEVENTFD(8, REGION(0) + TABLE - 4, 0, EV0), -EINVAL, "bad-ioeventfd" },
	{ "up to the MSI-X table", FN, DEV, IOEVENTFD(8, REGION(0) + TABLE - 8, 0, EV0), 0 },
	{ "not aligned", FN, DEV, IOEVENTFD(4, REGION(0) + CHANCMP + 1, 0, EV0), 0 },
	{ "the place is looked at before the descriptor", FN, DEV,
		IOEVENTFD(4, REGION(2), 0, CLOSED), -EINVAL, "bad-ioeventfd" },
	{ "a place in no BAR, to be removed", FN, DEV, IOEVENTFD(4, REGION(2), 0, MINUS1), -EINVAL,
		"bad-ioeventfd" },

	/* ---- the list ---- */
	{ "add, 1 byte", FN, DEV, IOEVENTFD(1, REGION(0) + CHANCMP, 0, EV0), 0 },
	{ "add, 2 bytes", FN, DEV, IOEVENTFD(2, REGION(0) + CHANCMP, 0, EV0), 0 },
	{ "add, 4 bytes", FN, DEV, IOEVENTFD(4, REGION(0) + CHANCMP, 0, EV0), 0 },
	{ "add, 8 bytes", FN, DEV, ADD(EV0), 0 },
	{ "add twice", FN, DEV, ADD(EV0), -EEXIST, "ioeventfd-exists",
		.first = STEPS({ ADD(EV0), 0 }) },
	{ "add with another eventfd", FN, DEV, ADD(EV1), -EEXIST, "ioeventfd-exists",
		.first = STEPS({ ADD(EV0), 0 }) },
	{ "the list is looked at before the descriptor", FN, DEV, ADD(CLOSED), -EEXIST,
		"ioeventfd-exists", .first = STEPS({ ADD(EV0), 0 }) },
	{ "add with another value", FN, DEV, IOEVENTFD(8, REGION(0) + CHANCMP, 0x12348, EV0), 0,
		.first = STEPS({ ADD(EV0), 0 }) },
	{ "add with another size", FN, DEV, IOEVENTFD(4, REGION(0) + CHANCMP, 0x12340, EV0), 0,
		.first = STEPS({ ADD(EV0), 0 }) },
	{ "add elsewhere", FN, DEV, IOEVENTFD(8, REGION(0) + CHANCMP + 8, 0x12340, EV0), 0,
		.first = STEPS({ ADD(EV0), 0 }) },
	{ "bits of the value beyond the size count", FN, DEV,
		IOEVENTFD(1, REGION(0) + CHANCMP, 0x108, EV0), 0,
		.first = STEPS({ IOEVENTFD(1, REGION(0) + CHANCMP, 0x08, EV0), 0 }) },
	{ "remove", FN, DEV, REMOVE, 0, .first = STEPS({ ADD(EV0), 0 }) },
	{ "remove what is not there", FN, DEV, REMOVE, -ENODEV, "no-such-ioeventfd" },
	{ "remove twice", FN, DEV, REMOVE, -ENODEV, "no-such-ioeventfd",
		.first = STEPS({ ADD(EV0), 0 }, { REMOVE, 0 }) },
	{ "remove with another value", FN, DEV, IOEVENTFD(8, REGION(0) + CHANCMP, 0, MINUS1),
		-ENODEV, "no-such-ioeventfd", .first = STEPS({ ADD(EV0), 0 }) },
	{ "remove with another size", FN, DEV, IOEVENTFD(4, REGION(0) + CHANCMP, 0x12340, MINUS1),
		-ENODEV, "no-such-ioeventfd", .first = STEPS({ ADD(EV0), 0 }) },
	{ "add, remove, add", FN, DEV, ADD(EV0), 0,
		.first = STEPS({ ADD(EV0), 0 }, { REMOVE, 0 }) },
	{ "a closed descriptor", ENABLE, DEV, ADD(CLOSED), -EBADF, "not-an-eventfd",
		.then = STEPS({ REMOVE, -ENODEV }) },
	{ "a pipe", ENABLE, DEV, ADD(PIPE), -EINVAL, "not-an-eventfd",
		.then = STEPS({ REMOVE, -ENODEV }) },
	{ "the device itself", ENABLE, DEV, ADD(DEVICE), -EINVAL, "not-an-eventfd" },
	{ "as many as there may be", FN, DEV, RUN(fill), 1000, "too-many-ioeventfds" },
	{ "one too many", FN, DEV, RUN(fill_and_add), -ENOSPC, "too-many-ioeventfds" },
	{ "one too many, which is there already", FN, DEV, RUN(fill_and_add_again), -EEXIST,
		"ioeventfd-exists" },
	{ "one too many, after one was removed", FN, DEV, RUN(fill_and_replace), 0 },

	/* ---- what it does ---- */
	{ "a signal stores", HANDLER, DEV, WRITE_EVENT(EV0), 0,
		.first = STEPS({ ADD(EV0), 0 }, ZERO), .then = STEPS(HOLDS(0x12340, 0)) },
	{ "a signal is consumed", WAKEUP, DEV, WRITE_EVENT(EV0), 0, .first = STEPS({ ADD(EV0), 0 }),
		.then = STEPS(HOLDS(0x12340, 0), { SIGNALS(EV0), 0 }) },
	{ "each signal stores", HANDLER, DEV, WRITE_EVENT(EV0), 0,
		.first = STEPS({ ADD(EV0), 0 }, { WRITE_EVENT(EV0), 0 }, HOLDS(0x12340, 0), ZERO,
			HOLDS(0, 0)),
		.then = STEPS(HOLDS(0x12340, 0)) },
	{ "four bytes", HANDLER, DEV, WRITE_EVENT(EV0), 0, .first = STEPS({ ADD32(EV0), 0 }, ZERO),
		.then = STEPS(HOLDS(0, 0xabcdef01)) },
	{ "two bytes", HANDLER, DEV, WRITE_EVENT(EV0), 0,
		.first = STEPS({ IOEVENTFD(2, REGION(0) + CHANCMP + 4, 0x1234abcd, EV0), 0 }, ZERO),
		.then = STEPS(HOLDS(0, 0xabcd)) },
	{ "one byte", HANDLER, DEV, WRITE_EVENT(EV0), 0,
		.first = STEPS({ IOEVENTFD(1, REGION(0) + CHANCMP + 7, 0xfff12, EV0), 0 }, ZERO),
		.then = STEPS(HOLDS(0, 0x12000000)) },
	{ "two on one eventfd", WAKEUP, DEV, WRITE_EVENT(EV0), 0,
		.first = STEPS({ IOEVENTFD(4, REGION(0) + CHANCMP, 0x80, EV0), 0 },
			{ ADD32(EV0), 0 }, ZERO),
		.then = STEPS(HOLDS(0x80, 0xabcdef01)) },
	{ "an eventfd that was signalled before stores at once", ENABLE, DEV, ADD(EV0), 0,
		.first = STEPS(ZERO, { WRITE_EVENT(EV0), 0 }), .then = STEPS(HOLDS(0x12340, 0)) },
	{ "and keeps its count", ENABLE, DEV, ADD(EV0), 0, .first = STEPS({ WRITE_EVENT(EV0), 0 }),
		.then = STEPS(HOLDS(0x12340, 0), { SIGNALS(EV0), 1 }) },
	{ "which the next signal consumes", WAKEUP, DEV, WRITE_EVENT(EV0), 0,
		.first = STEPS({ WRITE_EVENT(EV0), 0 }, { ADD(EV0), 0 }),
		.then = STEPS(HOLDS(0x12340, 0), { SIGNALS(EV0), 0 }) },
	{ "nothing is stored after removal", DISABLE, DEV, WRITE_EVENT(EV0), 0,
		.first = STEPS({ ADD(EV0), 0 }, { REMOVE, 0 }, ZERO),
		.then = STEPS(HOLDS(0, 0), { SIGNALS(EV0), 1 }) },
	{ "what was signalled before removal is stored", DISABLE, DEV, REMOVE, 0,
		.first = STEPS({ ADD(EV0), 0 }, ZERO, { WRITE_EVENT(EV0), 0 }),
		.then = STEPS(HOLDS(0x12340, 0), { SIGNALS(EV0), 0 }) },
	{ "nothing is stored while memory is disabled", HANDLER, DEV, WRITE_EVENT(EV0), 0,
		.first = STEPS({ ADD(EV0), 0 }, ZERO, { MEMORY(0), 2 }),
		.then = STEPS({ MEMORY(1), 2 }, HOLDS(0, 0), { SIGNALS(EV0), 0 }) },
	{ "nor in D3hot", HANDLER, DEV, WRITE_EVENT(EV0), 0,
		.first = STEPS({ ADD(EV0), 0 }, ZERO, { PWRITE(DEVICE, CONFIG + 0xe4, 3, 0), 2 }),
		.then = STEPS({ PWRITE(DEVICE, CONFIG + 0xe4, 0, 0), 2 }, HOLDS(0, 0)) },
	{ "added while memory is disabled", FN, DEV, ADD(EV0), 0,
		.first = STEPS(ZERO, { MEMORY(0), 2 }),
		.then = STEPS({ MEMORY(1), 2 }, { WRITE_EVENT(EV0), 0 }, HOLDS(0x12340, 0)) },
	{ "signalled before, with memory disabled", ENABLE, DEV, ADD(EV0), 0,
		.first = STEPS(ZERO, { MEMORY(0), 2 }, { WRITE_EVENT(EV0), 0 }),
		.then = STEPS({ MEMORY(1), 2 }, HOLDS(0, 0), { SIGNALS(EV0), 1 }) },
	{ "reset leaves them", FN, DEV, IOCTL(DEVICE, VFIO_DEVICE_RESET, VALUE(0)), 0,
		.first = STEPS({ ADD(EV0), 0 }),
		.then = STEPS({ WRITE_EVENT(EV0), 0 }, HOLDS(0x12340, 0)) },
	{ "closing the device removes them", "pci/vfio_pci_core.c vfio_pci_core_disable", DEV,
		REMOVE, -ENODEV, "no-such-ioeventfd",
		.first = STEPS({ ADD(EV0), 0 }, { CLOSE(DEVICE), 0 },
			{ OPEN_DEVICE(DEVICE, GROUP, DEV1), FD }) },
	{ "nothing is stored after the device was closed",
		"pci/vfio_pci_core.c vfio_pci_core_disable", DEV, WRITE_EVENT(EV0), 0,
		.first = STEPS({ ADD(EV0), 0 }, { CLOSE(DEVICE), 0 },
			{ OPEN_DEVICE(DEVICE, GROUP, DEV1), FD }),
		.then = STEPS(HOLDS(0, 0), { SIGNALS(EV0), 1 }) },
	{ "the eventfd may be closed", ENABLE, DEV, CLOSE(EV0), 0, .first = STEPS({ ADD(EV0), 0 }),
		.then = STEPS({ ADD(EV1), -EEXIST }, { REMOVE, 0 }) },
};

AREA(ioeventfd, rows);
