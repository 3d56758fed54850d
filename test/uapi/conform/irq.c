/* SPDX-License-Identifier: MIT */
/*
 * GET_IRQ_INFO, the header of SET_IRQS, and the error and request notifications. Linux 7.3
 * drivers/vfio/pci/vfio_pci_core.c, vfio_main.c, pci/vfio_pci_intrs.c.
 */
#include "conform/conform.h"
#include "conform/irq_engine.h"

#define GET_INFO "pci/vfio_pci_core.c vfio_pci_ioctl_get_irq_info"
#define COUNT	 "pci/vfio_pci_core.c vfio_pci_get_irq_count"
#define VALIDATE "vfio_main.c vfio_set_irqs_validate_and_prepare"
#define SET_IRQS "pci/vfio_pci_core.c vfio_pci_ioctl_set_irqs"
#define SELECT	 "pci/vfio_pci_intrs.c vfio_pci_set_irqs_ioctl"
#define ERR	 "pci/vfio_pci_intrs.c vfio_pci_set_err_trigger"
#define REQ	 "pci/vfio_pci_intrs.c vfio_pci_set_req_trigger"
#define SINGLE	 "pci/vfio_pci_intrs.c vfio_pci_set_ctx_trigger_single"

#define INFO(index, argsz) IOCTL(DEVICE, VFIO_DEVICE_GET_IRQ_INFO, WORDS(argsz, ~0u, index, ~0u))
#define INFO_AT(address)   IOCTL(DEVICE, VFIO_DEVICE_GET_IRQ_INFO, POINTER(address))
#define IS(flags, count)                                                                           \
	{                                                                                          \
		WORD(1, flags), WORD(3, count)                                                     \
	}

#define D_NONE		VFIO_IRQ_SET_DATA_NONE
#define D_BOOL		VFIO_IRQ_SET_DATA_BOOL
#define D_EVENT		VFIO_IRQ_SET_DATA_EVENTFD
#define NONE_ON		(D_NONE | ACT_TRIGGER)
#define EV_ON		(D_EVENT | ACT_TRIGGER)
#define SET_AT(address) IOCTL(DEVICE, VFIO_DEVICE_SET_IRQS, POINTER(address))

/* No action of an index: what it says is the same for all data. */
#define NO_ACTION(name, index, action)                                                             \
	{                                                                                          \
		name, SELECT, DEV, IRQ_NONE(action, index, 0, 1), -ENOTTY, "no-such-irq-action"    \
	}

/* A notification with EV0 as its eventfd. */
#define ERR_ON                                                                                     \
	{                                                                                          \
		IRQ_FDS(ACT_TRIGGER, ERR_IRQ, 0, EV0)                                              \
	}
#define REQ_ON                                                                                     \
	{                                                                                          \
		IRQ_FDS(ACT_TRIGGER, REQ_IRQ, 0, EV0)                                              \
	}
#define ERR_SIGNAL                                                                                 \
	{                                                                                          \
		IRQ_NONE(ACT_TRIGGER, ERR_IRQ, 0, 1)                                               \
	}
#define REQ_SIGNAL                                                                                 \
	{                                                                                          \
		IRQ_NONE(ACT_TRIGGER, REQ_IRQ, 0, 1)                                               \
	}

static const struct row rows[] = {
	/* GET_IRQ_INFO */
	{ "INTx: one, maskable, masks itself", COUNT, DEV, INFO(INTX, 16), 0, .see = IS(7, 1) },
	{ "MSI: as its capability says", COUNT, DEV, INFO(MSI, 16), 0, .see = IS(9, 4) },
	{ "MSI-X: as its capability says", COUNT, DEV, INFO(MSIX, 16), 0, .see = IS(9, 4) },
	{ "error: one", COUNT, DEV, INFO(ERR_IRQ, 16), 0, .see = IS(9, 1) },
	{ "request: one", COUNT, DEV, INFO(REQ_IRQ, 16), 0, .see = IS(9, 1) },
	{ "MSI: the same while INTx is on", COUNT, DEV_INTX, INFO(MSI, 16), 0, .see = IS(9, 4) },
	{ "INTx: the same while MSI-X is on", COUNT, DEV_MSIX, INFO(INTX, 16), 0, .see = IS(7, 1) },
	{ "MSI: the same while one vector is on", COUNT, DEV, INFO(MSI, 16), 0, .see = IS(9, 4),
		.first = STEPS({ IRQ_FDS(ACT_TRIGGER, MSI, 0, EV0) }) },
	{ "no such index", GET_INFO, DEV, INFO(5, 16), -EINVAL, "no-such-irq" },
	{ "last index", GET_INFO, DEV, INFO(~0u, 16), -EINVAL, "no-such-irq" },
	{ "info size 0", GET_INFO, DEV, INFO(INTX, 0), -EINVAL, "argsz-too-small" },
	{ "info size 15", GET_INFO, DEV, INFO(INTX, 15), -EINVAL, "argsz-too-small" },
	{ "info size most", GET_INFO, DEV, INFO(INTX, ~0u), 0,
		.see = { WORD(0, ~0u), WORD(3, 1) } },
	{ "size before index", GET_INFO, DEV, INFO(5, 15), -EINVAL, "argsz-too-small" },
	{ "info: null", GET_INFO, DEV, INFO_AT(NULLP), -EFAULT, "bad-argument-pointer" },
	{ "info: not mapped", GET_INFO, DEV, INFO_AT(HOLE), -EFAULT, "bad-argument-pointer" },
	{ "info: read-only", GET_INFO, DEV, INFO_AT(RO), -EFAULT, "bad-argument-pointer" },
	{ "info: of a group", "group.c vfio_group_fops_unl_ioctl", DEV,
		IOCTL(GROUP, VFIO_DEVICE_GET_IRQ_INFO, WORDS(16, 0, 0, 0)), -ENOTTY },
	{ "info: of a container", "vfio_iommu_type1.c vfio_iommu_type1_ioctl", DEV,
		IOCTL(CONTAINER, VFIO_DEVICE_GET_IRQ_INFO, WORDS(16, 0, 0, 0)), -ENOTTY },

	/* SET_IRQS: the header */
	{ "size 0", VALIDATE, DEV, IRQ_WORDS(0, NONE_ON, MSIX, 0, 0), -EINVAL, "argsz-too-small" },
	{ "size 19", VALIDATE, DEV, IRQ_WORDS(19, NONE_ON, MSIX, 0, 0), -EINVAL,
		"argsz-too-small" },
	{ "index 5", VALIDATE, DEV, IRQ_WORDS(20, NONE_ON, 5, 0, 0), -EINVAL, "bad-irq-set" },
	{ "index of the kernel's int -1", VALIDATE, DEV, IRQ_WORDS(20, NONE_ON, ~0u, 0, 0), -EINVAL,
		"bad-irq-set" },
	{ "unknown flag", VALIDATE, DEV_INTX, IRQ_WORDS(20, NONE_ON | 1 << 6, INTX, 0, 1), -EINVAL,
		"bad-irq-set" },
	{ "highest flag", VALIDATE, DEV_INTX, IRQ_WORDS(20, NONE_ON | 1u << 31, INTX, 0, 1),
		-EINVAL, "bad-irq-set" },
	{ "start and count wrap", VALIDATE, DEV_MSIX, IRQ_WORDS(20, NONE_ON, MSIX, 2, ~1u), -EINVAL,
		"bad-irq-set" },
	{ "start and count just wrap", VALIDATE, DEV_MSIX, IRQ_WORDS(20, NONE_ON, MSIX, 1, ~1u),
		-EINVAL, "bad-irq-set" },
	{ "last start", VALIDATE, DEV_MSIX, IRQ_WORDS(20, NONE_ON, MSIX, ~0u, 0), -EINVAL,
		"bad-irq-set" },
	{ "start at the number of vectors", VALIDATE, DEV_MSIX, IRQ_NONE(ACT_TRIGGER, MSIX, 4, 0),
		-EINVAL, "bad-irq-set" },
	{ "one vector too many", VALIDATE, DEV_MSIX, IRQ_NONE(ACT_TRIGGER, MSIX, 0, 5), -EINVAL,
		"bad-irq-set" },
	{ "one too many at the end", VALIDATE, DEV_MSIX, IRQ_NONE(ACT_TRIGGER, MSIX, 3, 2), -EINVAL,
		"bad-irq-set" },
	{ "INTx from 1", VALIDATE, DEV_INTX, IRQ_NONE(ACT_TRIGGER, INTX, 1, 0), -EINVAL,
		"bad-irq-set" },
	{ "two of INTx", VALIDATE, DEV_INTX, IRQ_NONE(ACT_TRIGGER, INTX, 0, 2), -EINVAL,
		"bad-irq-set" },
	{ "error from 1", VALIDATE, DEV, IRQ_NONE(ACT_TRIGGER, ERR_IRQ, 1, 0), -EINVAL,
		"bad-irq-set" },
	{ "two errors", VALIDATE, DEV, IRQ_NONE(ACT_TRIGGER, ERR_IRQ, 0, 2), -EINVAL,
		"bad-irq-set" },
	{ "request from 1", VALIDATE, DEV, IRQ_NONE(ACT_TRIGGER, REQ_IRQ, 1, 0), -EINVAL,
		"bad-irq-set" },
	{ "no kind of data", VALIDATE, DEV_INTX, IRQ_WORDS(20, ACT_TRIGGER, INTX, 0, 1), -EINVAL,
		"bad-irq-set" },
	{ "none and bool", VALIDATE, DEV_INTX, IRQ_WORDS(24, NONE_ON | D_BOOL, INTX, 0, 1, 1),
		-EINVAL, "bad-irq-set" },
	{ "none and eventfd", VALIDATE, DEV_INTX, IRQ_WORDS(24, NONE_ON | D_EVENT, INTX, 0, 1, 0),
		-EINVAL, "bad-irq-set" },
	{ "bool and eventfd", VALIDATE, DEV_INTX,
		IRQ_WORDS(24, ACT_TRIGGER | D_BOOL | D_EVENT, INTX, 0, 1, 1), -EINVAL,
		"bad-irq-set" },
	{ "all kinds of data", VALIDATE, DEV_INTX, IRQ_WORDS(24, NONE_ON | 6, INTX, 0, 1, 1),
		-EINVAL, "bad-irq-set" },
	{ "no room for a bool", VALIDATE, DEV_INTX, IRQ_WORDS(20, ACT_TRIGGER | D_BOOL, INTX, 0, 1),
		-EINVAL, "bad-irq-set" },
	{ "no room for the fourth bool", VALIDATE, DEV_MSIX,
		IRQ_WORDS(23, ACT_TRIGGER | D_BOOL, MSIX, 0, 4, 0), -EINVAL, "bad-irq-set" },
	{ "no room for a descriptor", VALIDATE, DEV, IRQ_WORDS(23, EV_ON, MSIX, 0, 1, 0), -EINVAL,
		"bad-irq-set" },
	{ "no room for the second", VALIDATE, DEV, IRQ_WORDS(27, EV_ON, MSIX, 0, 2, 0, 0), -EINVAL,
		"bad-irq-set" },
	{ "a size beyond the data", VALIDATE, DEV_INTX, IRQ_WORDS(4096, NONE_ON, INTX, 0, 1), 0,
		.then = STEPS(GETS(EV0, 1)) },
	{ "set: null", SET_IRQS, DEV, SET_AT(NULLP), -EFAULT, "bad-argument-pointer" },
	{ "set: not mapped", SET_IRQS, DEV, SET_AT(HOLE), -EFAULT, "bad-argument-pointer" },
	{ "descriptors not mapped", SET_IRQS, DEV, IRQ_WORDS(24, EV_ON, MSIX, 0, 1), -EFAULT,
		"bad-argument-pointer" },
	{ "second descriptor not mapped", SET_IRQS, DEV, IRQ_WORDS(28, EV_ON, MSIX, 0, 2, ~0u),
		-EFAULT, "bad-argument-pointer" },
	{ "bools not mapped", SET_IRQS, DEV, IRQ_WORDS(24, ACT_TRIGGER | D_BOOL, MSIX, 0, 1),
		-EFAULT, "bad-argument-pointer" },
	{ "count before what is not mapped", VALIDATE, DEV, IRQ_WORDS(40, EV_ON, MSIX, 0, 5),
		-EINVAL, "bad-irq-set" },
	{ "not mapped, before no action", SELECT, DEV,
		IRQ_WORDS(24, D_EVENT | ACT_MASK, MSIX, 0, 1), -EFAULT, "bad-argument-pointer" },
	{ "not mapped, before not enabled", SET_IRQS, DEV,
		IRQ_WORDS(24, D_EVENT | ACT_UNMASK, INTX, 0, 1), -EFAULT, "bad-argument-pointer" },
	{ "set: of a group", "group.c vfio_group_fops_unl_ioctl", DEV,
		IOCTL(GROUP, VFIO_DEVICE_SET_IRQS, WORDS(20, NONE_ON, 0, 0, 0)), -ENOTTY },

	/* Which index has which action. */
	NO_ACTION("no action", MSIX, 0),
	NO_ACTION("INTx: no action", INTX, 0),
	NO_ACTION("mask and unmask", INTX, ACT_MASK | ACT_UNMASK),
	NO_ACTION("mask and trigger", INTX, ACT_MASK | ACT_TRIGGER),
	NO_ACTION("all actions", INTX, ACT_MASK | ACT_UNMASK | ACT_TRIGGER),
	NO_ACTION("mask MSI", MSI, ACT_MASK),
	NO_ACTION("unmask MSI", MSI, ACT_UNMASK),
	NO_ACTION("mask MSI-X", MSIX, ACT_MASK),
	NO_ACTION("unmask MSI-X", MSIX, ACT_UNMASK),
	NO_ACTION("mask errors", ERR_IRQ, ACT_MASK),
	NO_ACTION("unmask errors", ERR_IRQ, ACT_UNMASK),
	NO_ACTION("mask requests", REQ_IRQ, ACT_MASK),
	NO_ACTION("unmask requests", REQ_IRQ, ACT_UNMASK),
	{ "the header before the action", VALIDATE, DEV, IRQ_NONE(ACT_MASK, MSIX, 0, 5), -EINVAL,
		"bad-irq-set" },

	/* Notifications */
	{ "error by eventfd", ERR, DEV, IRQ_FDS(ACT_TRIGGER, ERR_IRQ, 0, EV0), 0,
		.then = STEPS(ERR_SIGNAL, GETS(EV0, 1)) },
	{ "request by eventfd", REQ, DEV, IRQ_FDS(ACT_TRIGGER, REQ_IRQ, 0, EV0), 0,
		.then = STEPS(REQ_SIGNAL, GETS(EV0, 1)) },
	{ "they are two", REQ, DEV, IRQ_FDS(ACT_TRIGGER, REQ_IRQ, 0, EV1), 0,
		.first = STEPS(ERR_ON),
		.then = STEPS(REQ_SIGNAL, GETS(EV1, 1), GETS(EV0, 0), ERR_SIGNAL, GETS(EV0, 1)) },
	{ "one eventfd for both", REQ, DEV, IRQ_FDS(ACT_TRIGGER, REQ_IRQ, 0, EV0), 0,
		.first = STEPS(ERR_ON), .then = STEPS(REQ_SIGNAL, ERR_SIGNAL, GETS(EV0, 2)) },
	{ "replaced", SINGLE, DEV, IRQ_FDS(ACT_TRIGGER, ERR_IRQ, 0, EV1), 0, .first = STEPS(ERR_ON),
		.then = STEPS(ERR_SIGNAL, GETS(EV0, 0), GETS(EV1, 1)) },
	{ "removed by -1", SINGLE, DEV, IRQ_FDS(ACT_TRIGGER, ERR_IRQ, 0, MINUS1), 0,
		.first = STEPS(ERR_ON),
		.then = STEPS({ IRQ_NONE(ACT_TRIGGER, ERR_IRQ, 0, 1), -EINVAL }) },
	{ "removed by none", SINGLE, DEV, IRQ_NONE(ACT_TRIGGER, REQ_IRQ, 0, 0), 0,
		.first = STEPS(REQ_ON),
		.then = STEPS({ IRQ_NONE(ACT_TRIGGER, REQ_IRQ, 0, 1), -EINVAL }) },
	{ "-1 where there is none", SINGLE, DEV, IRQ_FDS(ACT_TRIGGER, REQ_IRQ, 0, MINUS1), 0 },
	{ "none where there is none", SINGLE, DEV, IRQ_NONE(ACT_TRIGGER, REQ_IRQ, 0, 0), -EINVAL,
		"bad-irq-set" },
	{ "signalled where there is none", SINGLE, DEV, IRQ_NONE(ACT_TRIGGER, ERR_IRQ, 0, 1),
		-EINVAL, "bad-irq-set" },
	{ "true where there is none", SINGLE, DEV, IRQ_BOOL(ACT_TRIGGER, ERR_IRQ, 0, 1), 0 },
	{ "true", SINGLE, DEV, IRQ_BOOL(ACT_TRIGGER, ERR_IRQ, 0, 1), 0, .first = STEPS(ERR_ON),
		.then = STEPS(GETS(EV0, 1)) },
	{ "true of another value", SINGLE, DEV, IRQ_BOOL(ACT_TRIGGER, ERR_IRQ, 0, 0x80), 0,
		.first = STEPS(ERR_ON), .then = STEPS(GETS(EV0, 1)) },
	{ "false", SINGLE, DEV, IRQ_BOOL(ACT_TRIGGER, REQ_IRQ, 0, 0), 0, .first = STEPS(REQ_ON),
		.then = STEPS(GETS(EV0, 0), REQ_SIGNAL, GETS(EV0, 1)) },
	{ "no bool", SINGLE, DEV, IRQ_WORDS(20, ACT_TRIGGER | D_BOOL, REQ_IRQ, 0, 0), -EINVAL,
		"bad-irq-set", .first = STEPS(REQ_ON), .then = STEPS(REQ_SIGNAL, GETS(EV0, 1)) },
	{ "no descriptor", SINGLE, DEV, IRQ_NO_FDS(ACT_TRIGGER, REQ_IRQ, 0), -EINVAL, "bad-irq-set",
		.first = STEPS(REQ_ON), .then = STEPS(REQ_SIGNAL, GETS(EV0, 1)) },
	{ "-2", SINGLE, DEV, IRQ_WORDS(24, EV_ON, REQ_IRQ, 0, 1, ~1u), -EINVAL, "bad-irq-set",
		.first = STEPS(REQ_ON), .then = STEPS(REQ_SIGNAL, GETS(EV0, 1)) },
	{ "a closed descriptor", SINGLE, DEV, IRQ_FDS(ACT_TRIGGER, ERR_IRQ, 0, CLOSED), -EBADF,
		"not-an-eventfd", .first = STEPS(ERR_ON), .then = STEPS(ERR_SIGNAL, GETS(EV0, 1)) },
	{ "a pipe", SINGLE, DEV, IRQ_FDS(ACT_TRIGGER, ERR_IRQ, 0, PIPE), -EINVAL, "not-an-eventfd",
		.first = STEPS(ERR_ON), .then = STEPS(ERR_SIGNAL, GETS(EV0, 1)) },
	{ "a device", SINGLE, DEV, IRQ_FDS(ACT_TRIGGER, REQ_IRQ, 0, DEVICE), -EINVAL,
		"not-an-eventfd" },
	{ "beside INTx", SELECT, DEV_INTX, IRQ_FDS(ACT_TRIGGER, ERR_IRQ, 0, EV1), 0,
		.then = STEPS(ERR_SIGNAL, GETS(EV1, 1), GETS(EV0, 0)) },
	{ "beside MSI-X", SELECT, DEV_MSIX, IRQ_FDS(ACT_TRIGGER, REQ_IRQ, 0, EV4), 0,
		.then = STEPS(REQ_SIGNAL, GETS(EV4, 1)) },
	{ "kept while MSI-X goes", SELECT, DEV_MSIX, IRQ_NONE(ACT_TRIGGER, MSIX, 0, 0), 0,
		.after.may = MAY_CONFIG, .first = STEPS({ IRQ_FDS(ACT_TRIGGER, REQ_IRQ, 0, EV4) }),
		.then = STEPS(REQ_SIGNAL, GETS(EV4, 1)) },
	{ "kept over a reset", "pci/vfio_pci_core.c vfio_pci_ioctl_reset", DEV,
		IOCTL(DEVICE, VFIO_DEVICE_RESET, VALUE(0)), 0, .first = STEPS(ERR_ON),
		.then = STEPS(ERR_SIGNAL, GETS(EV0, 1)) },
	{ "gone with the last close", "pci/vfio_pci_core.c vfio_pci_core_close_device", DEV,
		CLOSE(DEVICE), 0, .after.may = MAY_ALL, .first = STEPS(REQ_ON),
		.then = STEPS({ OPEN_DEVICE(DEVICE, GROUP, DEV1), FD },
			{ IRQ_NONE(ACT_TRIGGER, REQ_IRQ, 0, 1), -EINVAL }) },
};

AREA(irq, rows);
