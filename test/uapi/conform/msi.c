/* SPDX-License-Identifier: MIT */
/*
 * MSI and MSI-X: enabling, vectors, loopback, switching between kinds, and the capabilities in
 * configuration space. Linux 7.3 drivers/vfio/pci/vfio_pci_intrs.c, vfio_pci_config.c.
 */
#include "conform/conform.h"
#include "conform/irq_engine.h"

#define TRIGGER	  "pci/vfio_pci_intrs.c vfio_pci_set_msi_trigger"
#define ENABLE	  "pci/vfio_pci_intrs.c vfio_msi_enable"
#define DISABLE	  "pci/vfio_pci_intrs.c vfio_msi_disable"
#define VECTOR	  "pci/vfio_pci_intrs.c vfio_msi_set_vector_signal"
#define ALLOC	  "pci/vfio_pci_intrs.c vfio_msi_alloc_irq"
#define BLOCK	  "pci/vfio_pci_intrs.c vfio_msi_set_block"
#define MSI_CAP	  "pci/vfio_pci_config.c vfio_msi_config_write"
#define MSI_PERM  "pci/vfio_pci_config.c init_pci_cap_msi_perm"
#define MSIX_PERM "pci/vfio_pci_config.c init_pci_cap_msix_perm"

/* Where DEV1 has its capabilities. */
#define MSI_AT(off)  (CONFIG + 0x60 + (off))
#define MSIX_AT(off) (CONFIG + 0x80 + (off))

#define ON(index, start, ...)	  IRQ_FDS(ACT_TRIGGER, index, start, __VA_ARGS__)
#define OFF(index)		  IRQ_NONE(ACT_TRIGGER, index, 0, 0)
#define LOOP(index, start, count) IRQ_NONE(ACT_TRIGGER, index, start, count)
#define LOOP_ALL(index)                                                                            \
	{                                                                                          \
		LOOP(index, 0, 4)                                                                  \
	}
#define EACH(a, b, c, d) GETS(EV0, a), GETS(EV1, b), GETS(EV2, c), GETS(EV3, d)
#define IS_OFF(index)                                                                              \
	{                                                                                          \
		LOOP(index, 0, 1), -EINVAL                                                         \
	}
/* Once vectors have been asked for, the doorbell stays mapped (iommu_dma_prepare_msi). */
#define CONF .after.may = MAY_CONFIG | MAY_DOMAINS

/* The same rules for both kinds. world: its own with all four vectors. */
#define BOTH(row) row(MSI, DEV_MSI), row(MSIX, DEV_MSIX)

#define ENABLE_ALL(index, world)                                                                   \
	{                                                                                          \
#index ": enable all", ENABLE, DEV, ON(index, 0, EV0, EV1, EV2, EV3), 0, CONF,     \
			.then = STEPS(LOOP_ALL(index), EACH(1, 1, 1, 1))                           \
	}
#define ENABLE_ONE(index, world)                                                                   \
	{                                                                                          \
#index ": enable one", ENABLE, DEV, ON(index, 0, EV0), 0, CONF,                    \
			.then = STEPS(LOOP_ALL(index), EACH(1, 0, 0, 0))                           \
	}
#define ENABLE_LAST(index, world)                                                                  \
	{                                                                                          \
#index ": enable from the last", ENABLE, DEV, ON(index, 3, EV3), 0, CONF,          \
			.then = STEPS(LOOP_ALL(index), EACH(0, 0, 0, 1), { ON(index, 0, EV0) })    \
	}
#define ENABLE_THREE(index, world)                                                                 \
	{                                                                                          \
#index ": enable three", ENABLE, DEV, ON(index, 0, EV0, EV1, EV2), 0, CONF,        \
			.then = STEPS(                                                             \
				{ ON(index, 3, EV3), -EINVAL }, LOOP_ALL(index), EACH(1, 1, 1, 0)) \
	}
#define ENABLE_MINUS(index, world)                                                                 \
	{                                                                                          \
#index ": enable without eventfd", ENABLE, DEV, ON(index, 0, MINUS1), 0, CONF,     \
			.then = STEPS({ ON(index, 0, EV0) }, LOOP_ALL(index), EACH(1, 0, 0, 0))    \
	}
#define ENABLE_NEGATIVE(index, world)                                                              \
	{                                                                                          \
#index ": enable with -5", ENABLE, DEV,                                            \
			IRQ_WORDS(24, VFIO_IRQ_SET_DATA_EVENTFD | ACT_TRIGGER, index, 0, 1, -5),   \
			0, CONF, .then = STEPS({ LOOP(index, 0, 1) })                              \
	}
#define ENABLE_NONE(index, world)                                                                  \
	{                                                                                          \
#index ": enable no vector", ENABLE, DEV, IRQ_NO_FDS(ACT_TRIGGER, index, 0),       \
			-ERANGE, "no-vectors", .then = STEPS(IS_OFF(index))                        \
	}
#define ENABLE_TO_START(index, world)                                                              \
	{                                                                                          \
#index ": enable up to a start", ENABLE, DEV, IRQ_NO_FDS(ACT_TRIGGER, index, 2),   \
			0, CONF,                                                                   \
			.then = STEPS({ ON(index, 1, EV1) }, { ON(index, 2, EV2), -EINVAL })       \
	}
#define ENABLE_CLOSED(index, world)                                                                \
	{                                                                                          \
#index ": enable with a closed one", TRIGGER, DEV, ON(index, 0, CLOSED), -EBADF,   \
			"not-an-eventfd", CONF, .then = STEPS(IS_OFF(index))                       \
	}
#define ENABLE_PIPE(index, world)                                                                  \
	{                                                                                          \
#index ": enable with a pipe", TRIGGER, DEV, ON(index, 0, PIPE), -EINVAL,          \
			"not-an-eventfd", CONF, .then = STEPS(IS_OFF(index))                       \
	}
#define ENABLE_DEVICE(index, world)                                                                \
	{                                                                                          \
#index ": enable with the device", TRIGGER, DEV, ON(index, 0, DEVICE), -EINVAL,    \
			"not-an-eventfd", CONF, .then = STEPS(IS_OFF(index))                       \
	}
#define ENABLE_PARTLY(index, world)                                                                \
	{                                                                                          \
#index ": enable, the last is bad", TRIGGER, DEV, ON(index, 0, EV0, EV1, CLOSED),  \
			-EBADF, "not-an-eventfd", CONF,                                            \
			.then = STEPS(IS_OFF(index), { ON(INTX, 0, EV0) })                         \
	}
#define WHILE_INTX(index, world)                                                                   \
	{                                                                                          \
#index ": enable while INTx is", TRIGGER, DEV_INTX, ON(index, 0, EV1), -EINVAL,    \
			"irq-not-enabled"                                                          \
	}
#define WHILE_INTX_CLOSED(index, world)                                                            \
	{                                                                                          \
#index ": a closed one while INTx is", TRIGGER, DEV_INTX, ON(index, 0, CLOSED),    \
			-EINVAL, "irq-not-enabled"                                                 \
	}
#define WHILE_INTX_OFF(index, world)                                                               \
	{                                                                                          \
#index ": disable while INTx is", TRIGGER, DEV_INTX, OFF(index), -EINVAL,          \
			"irq-not-enabled"                                                          \
	}
#define OFF_DISABLE(index, world)                                                                  \
	{                                                                                          \
#index ": disable what is not enabled", TRIGGER, DEV, OFF(index), -EINVAL          \
	}
#define OFF_LOOP(index, world)                                                                     \
	{                                                                                          \
#index ": loopback, not enabled", TRIGGER, DEV, LOOP(index, 0, 1), -EINVAL,        \
			"irq-not-enabled"                                                          \
	}
#define OFF_BOOL(index, world)                                                                     \
	{                                                                                          \
#index ": false, not enabled", TRIGGER, DEV, IRQ_BOOL(ACT_TRIGGER, index, 0, 0),   \
			-EINVAL, "irq-not-enabled"                                                 \
	}
#define DISABLES(index, world)                                                                     \
	{                                                                                          \
#index ": disable", DISABLE, world, OFF(index), 0, CONF,                           \
			.then = STEPS(IS_OFF(index), { ON(INTX, 0, EV0) })                         \
	}
#define DISABLES_FROM(index, world)                                                                \
	{                                                                                          \
#index ": disable from 2", TRIGGER, world, LOOP(index, 2, 0), 0, CONF,             \
			.then = STEPS(IS_OFF(index))                                               \
	}
#define DISABLES_TWICE(index, world)                                                               \
	{                                                                                          \
#index ": disable twice", TRIGGER, world, OFF(index), -EINVAL,                     \
			.first = STEPS({ OFF(index) })                                             \
	}
#define LOOP_SOME(index, world)                                                                    \
	{                                                                                          \
#index ": loopback of some", TRIGGER, world, LOOP(index, 1, 2), 0,                 \
			.then = STEPS(EACH(0, 1, 1, 0))                                            \
	}
#define LOOP_BOOLS(index, world)                                                                   \
	{                                                                                          \
#index ": loopback by bools", TRIGGER, world,                                      \
			IRQ_BOOLS(ACT_TRIGGER, index, 0, 1, 0, 0x80, 0), 0,                        \
			.then = STEPS(EACH(1, 0, 1, 0))                                            \
	}
#define LOOP_NO_BOOLS(index, world)                                                                \
	{                                                                                          \
#index ": no bools", TRIGGER, world,                                               \
			IRQ_WORDS(20, VFIO_IRQ_SET_DATA_BOOL | ACT_TRIGGER, index, 0, 0), 0,       \
			.then = STEPS(LOOP_ALL(index), EACH(1, 1, 1, 1))                           \
	}
#define LOOP_GONE(index, world)                                                                    \
	{                                                                                          \
#index ": loopback without eventfd", TRIGGER, world, LOOP(index, 0, 4), 0,         \
			.first = STEPS({ ON(index, 1, MINUS1) }), .then = STEPS(EACH(1, 0, 1, 1))  \
	}
#define REPLACE(index, world)                                                                      \
	{                                                                                          \
#index ": another eventfd", VECTOR, world, ON(index, 2, EV4), 0,                   \
			.then = STEPS(LOOP_ALL(index), EACH(1, 1, 0, 1), GETS(EV4, 1))             \
	}
#define REPLACE_NOTHING(index, world)                                                              \
	{                                                                                          \
#index ": no other eventfd", BLOCK, world, IRQ_NO_FDS(ACT_TRIGGER, index, 0), 0,   \
			.then = STEPS(LOOP_ALL(index), EACH(1, 1, 1, 1))                           \
	}
#define REPLACE_CLOSED(index, world)                                                               \
	{                                                                                          \
#index ": a closed one takes the old away", VECTOR, world, ON(index, 2, CLOSED),   \
			-EBADF, "not-an-eventfd", CONF,                                            \
			.then = STEPS(LOOP_ALL(index), EACH(1, 1, 0, 1))                           \
	}
#define REPLACE_PARTLY(index, world)                                                               \
	{                                                                                          \
#index ": of several all that were set", BLOCK, world,                             \
			ON(index, 1, EV4, PIPE, EV5), -EINVAL, "not-an-eventfd", CONF,             \
			.then = STEPS(                                                             \
				LOOP_ALL(index), EACH(1, 0, 0, 1), GETS(EV4, 0), GETS(EV5, 0))     \
	}
#define REMOVE_ALL(index, world)                                                                   \
	{                                                                                          \
#index ": remove all", BLOCK, world, ON(index, 0, MINUS1, MINUS1, MINUS1, MINUS1), \
			0, CONF,                                                                   \
			.then = STEPS(LOOP_ALL(index), EACH(0, 0, 0, 0), { ON(index, 3, EV3) },    \
				LOOP_ALL(index), EACH(0, 0, 0, 1))                                 \
	}
#define ONE_FOR_ALL(index, world)                                                                  \
	{                                                                                          \
#index ": one eventfd for all", VECTOR, DEV, ON(index, 0, EV0, EV0, EV0, EV0), 0,  \
			CONF, .then = STEPS(LOOP_ALL(index), GETS(EV0, 4))                         \
	}
#define NORESIZE(index, world)                                                                     \
	{                                                                                          \
#index ": a vector more", ALLOC, DEV, ON(index, 1, EV1), -EINVAL,                  \
			"vector-not-enabled", .first = STEPS({ ON(index, 0, EV0) }),               \
					      .then = STEPS(LOOP_ALL(index), EACH(1, 0, 0, 0))     \
	}
#define NORESIZE_MINUS(index, world)                                                               \
	{                                                                                          \
#index ": -1 beyond what is enabled", VECTOR, DEV, ON(index, 1, MINUS1, MINUS1),   \
			0, .first = STEPS({ ON(index, 0, EV0) })                                   \
	}
#define NORESIZE_CLOSED(index, world)                                                              \
	{                                                                                          \
#index ": a vector more, before its eventfd", ALLOC, DEV, ON(index, 1, CLOSED),    \
			-EINVAL, "vector-not-enabled", .first = STEPS({ ON(index, 0, EV0) })       \
	}
#define MORE_AFTER(index, world)                                                                   \
	{                                                                                          \
#index ": more after disabling", ENABLE, DEV, ON(index, 0, EV0, EV1, EV2, EV3), 0, \
			CONF, .first = STEPS({ ON(index, 0, EV0) }, { OFF(index) }),               \
			      .then = STEPS(LOOP_ALL(index), EACH(1, 1, 1, 1))                     \
	}
#define FIRES(index, world)                                                                        \
	{                                                                                          \
#index ": the device fires", "pci/vfio_pci_intrs.c vfio_msihandler", world,        \
			RUN(engine_raise), 0, CONF,                                                \
			.then = STEPS(GETS(EV0, 1), RAISE, GETS(EV0, 1))                           \
	}
#define FIRES_LATER(index, world)                                                                  \
	{                                                                                          \
#index ": it fired without eventfd", VECTOR, world, ON(index, 0, EV4), 0, CONF,    \
			.first = STEPS({ ON(index, 0, MINUS1) }, RAISE),                           \
			.then = STEPS(GETS(EV0, 0), GETS(EV4, 1))                                  \
	}
#define FIRES_NOT(index, world)                                                                    \
	{                                                                                          \
#index ": disabled, nothing comes", DISABLE, world, OFF(index), 0, CONF,           \
			.then = STEPS(RAISE, EACH(0, 0, 0, 0))                                     \
	}
#define FIRES_SHARED(index, world)                                                                 \
	{                                                                                          \
#index ": the program's eventfd closed", "pci/vfio_pci_intrs.c vfio_msihandler",   \
			world, CLOSE(EV0), 0,                                                      \
			.then = STEPS(RAISE, { LOOP(index, 0, 1) }, { OFF(index) })                \
	}
#define ENDS_WITH_DEVICE(index, world)                                                             \
	{                                                                                          \
#index ": gone with the last close", "pci/vfio_pci_core.c vfio_pci_core_disable",  \
			world, CLOSE(DEVICE), 0,                                                   \
			.after.may = MAY_ALL,                                                      \
			.then = STEPS({ OPEN_DEVICE(DEVICE, GROUP, DEV1), FD }, IS_OFF(index),     \
				RAISE, EACH(0, 0, 0, 0))                                           \
	}

static const struct row rows[] = {
	BOTH(ENABLE_ALL),
	BOTH(ENABLE_ONE),
	BOTH(ENABLE_LAST),
	BOTH(ENABLE_THREE),
	BOTH(ENABLE_MINUS),
	BOTH(ENABLE_NEGATIVE),
	BOTH(ENABLE_NONE),
	BOTH(ENABLE_TO_START),
	BOTH(ENABLE_CLOSED),
	BOTH(ENABLE_PIPE),
	BOTH(ENABLE_DEVICE),
	BOTH(ENABLE_PARTLY),
	BOTH(WHILE_INTX),
	BOTH(WHILE_INTX_CLOSED),
	BOTH(WHILE_INTX_OFF),
	BOTH(OFF_DISABLE),
	BOTH(OFF_LOOP),
	BOTH(OFF_BOOL),
	BOTH(DISABLES),
	BOTH(DISABLES_FROM),
	BOTH(DISABLES_TWICE),
	BOTH(LOOP_SOME),
	BOTH(LOOP_BOOLS),
	BOTH(LOOP_NO_BOOLS),
	BOTH(LOOP_GONE),
	BOTH(REPLACE),
	BOTH(REPLACE_NOTHING),
	BOTH(REPLACE_CLOSED),
	BOTH(REPLACE_PARTLY),
	BOTH(REMOVE_ALL),
	BOTH(ONE_FOR_ALL),
	BOTH(NORESIZE),
	BOTH(NORESIZE_MINUS),
	BOTH(NORESIZE_CLOSED),
	BOTH(MORE_AFTER),
	BOTH(FIRES),
	BOTH(FIRES_LATER),
	BOTH(FIRES_NOT),
	BOTH(FIRES_SHARED),
	BOTH(ENDS_WITH_DEVICE),

	/* Between the kinds */
	{ "MSI while MSI-X is enabled", TRIGGER, DEV_MSIX, ON(MSI, 0, EV4), -EINVAL,
		"irq-not-enabled" },
	{ "MSI-X while MSI is enabled", TRIGGER, DEV_MSI, ON(MSIX, 0, EV4), -EINVAL,
		"irq-not-enabled" },
	{ "disable MSI while MSI-X is", TRIGGER, DEV_MSIX, OFF(MSI), -EINVAL, "irq-not-enabled" },
	{ "loopback of MSI while MSI-X is", TRIGGER, DEV_MSIX, LOOP(MSI, 0, 1), -EINVAL,
		"irq-not-enabled" },
	{ "from MSI-X to MSI", ENABLE, DEV_MSIX, ON(MSI, 0, EV4), 0, CONF,
		.first = STEPS({ OFF(MSIX) }), .then = STEPS(RAISE, GETS(EV4, 1), GETS(EV0, 0)) },
	{ "from MSI to MSI-X", ENABLE, DEV_MSI, ON(MSIX, 0, EV4), 0, CONF,
		.first = STEPS({ OFF(MSI) }), .then = STEPS(RAISE, GETS(EV4, 1), GETS(EV0, 0)) },
	{ "from MSI to INTx", "pci/vfio_pci_intrs.c vfio_intx_enable", DEV_MSI, ON(INTX, 0, EV4), 0,
		.first = STEPS({ OFF(MSI) }), .then = STEPS(RAISE, GETS(EV4, 1), GETS(EV0, 0)) },
	{ "from INTx to MSI", ENABLE, DEV_INTX, ON(MSI, 0, EV4), 0, CONF,
		.first = STEPS({ OFF(INTX) }), .then = STEPS(RAISE, GETS(EV4, 1), GETS(EV0, 0)) },

	/* The MSI capability */
	{ "what the capability is", MSI_PERM, DEV, PREAD(DEVICE, MSI_AT(0), 4), 4,
		.see = { BYTE(0, 5), BYTE(2, 0x84), BYTE(3, 0x01) } },
	{ "the message is a copy", MSI_PERM, DEV,
		PWRITE(DEVICE, MSI_AT(4), 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99,
			0xaa),
		10, CONF,
		.then = STEPS({ PREAD(DEVICE, MSI_AT(4), 10), 10,
			{ WORD(0, 0x44332211), WORD(1, 0x88776655), BYTE(8, 0x99),
				BYTE(9, 0xaa) } }) },
	{ "and does not reach the device", MSI_PERM, DEV_MSI,
		PWRITE(DEVICE, MSI_AT(4), 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99,
			0xaa),
		10, CONF, .then = STEPS(RAISE, GETS(EV0, 1)) },
	{ "MSI cannot be enabled by it", MSI_CAP, DEV, PWRITE(DEVICE, MSI_AT(2), 0x85), 1, CONF,
		.then = STEPS({ PREAD(DEVICE, MSI_AT(2), 1), 1, { BYTE(0, 0x84) } }) },
	{ "nor while MSI-X is enabled", MSI_CAP, DEV_MSIX, PWRITE(DEVICE, MSI_AT(2), 0x85, 1), 2,
		CONF,
		.then = STEPS({ PREAD(DEVICE, MSI_AT(2), 1), 1, { BYTE(0, 0x84) } }, RAISE,
			GETS(EV0, 1)) },
	{ "enabled by SET_IRQS: not seen", "pci/vfio_pci_config.c vfio_msi_config_read", DEV_MSI,
		PREAD(DEVICE, MSI_AT(2), 1), 1, .see = { BYTE(0, 0x84) } },
	{ "and then by it too", MSI_CAP, DEV_MSI, PWRITE(DEVICE, MSI_AT(2), 0xa5, 1), 2, CONF,
		.then = STEPS({ PREAD(DEVICE, MSI_AT(2), 1), 1, { BYTE(0, 0xa5) } }, RAISE,
			GETS(EV0, 1)) },
	{ "the device's is switched off by it", MSI_CAP, DEV_MSI,
		PWRITE(DEVICE, MSI_AT(2), 0xa4, 1), 2, CONF,
		.then = STEPS(RAISE, GETS(EV0, 0), { PWRITE(DEVICE, MSI_AT(2), 0xa5, 1), 2 }, RAISE,
			GETS(EV0, 1)) },
	{ "more vectors than ever enabled", MSI_CAP, DEV, PWRITE(DEVICE, MSI_AT(2), 0xf4), 1, CONF,
		.first = STEPS({ ON(MSI, 0, EV0, EV1) }, { OFF(MSI) }),
		.then = STEPS({ PREAD(DEVICE, MSI_AT(2), 1), 1, { BYTE(0, 0x94) } }) },
	{ "vectors as enabled", MSI_CAP, DEV_MSI, PWRITE(DEVICE, MSI_AT(2), 0xf5, 1), 2, CONF,
		.then = STEPS({ PREAD(DEVICE, MSI_AT(2), 1), 1, { BYTE(0, 0xa5) } }) },
	{ "its upper byte is read-only", MSI_PERM, DEV, PWRITE(DEVICE, MSI_AT(3), 0xff), 1,
		.then = STEPS({ PREAD(DEVICE, MSI_AT(3), 1), 1, { BYTE(0, 1) } }) },
	{ "so are its kind and its link", MSI_PERM, DEV, PWRITE(DEVICE, MSI_AT(0), 0xff, 0xff), 2,
		.after.may = 0 },
	{ "masked by its bits: pending", MSI_PERM, DEV_MSI,
		PWRITE(DEVICE, MSI_AT(0x10), 1, 0, 0, 0), 4, CONF,
		.then = STEPS(RAISE, GETS(EV0, 0),
			{ PREAD(DEVICE, MSI_AT(0x14), 4), 4, { WORD(0, 1) } },
			{ PWRITE(DEVICE, MSI_AT(0x10), 0, 0, 0, 0), 4 }, GETS(EV0, 1),
			{ PREAD(DEVICE, MSI_AT(0x14), 4), 4, { WORD(0, 0) } }) },
	{ "mask bits that it does not have", MSI_PERM, DEV,
		PWRITE(DEVICE, MSI_AT(0x10), 0xff, 0xff, 0xff, 0xff), 4, CONF,
		.then = STEPS({ PREAD(DEVICE, MSI_AT(0x10), 4), 4, { WORD(0, 0xf) } }) },
	{ "pending bits are read-only", MSI_PERM, DEV,
		PWRITE(DEVICE, MSI_AT(0x14), 0xff, 0xff, 0xff, 0xff), 4 },
	{ "vectors without eventfd are masked", "pci/vfio_pci_intrs.c vfio_msi_set_vector_signal",
		DEV, ON(MSI, 0, EV0), 0, CONF,
		.then = STEPS({ PREAD(DEVICE, MSI_AT(0x10), 4), 4, { WORD(0, 0xe) } }, { OFF(MSI) },
			{ PREAD(DEVICE, MSI_AT(0x10), 4), 4, { WORD(0, 0) } }) },

	/* The MSI-X capability */
	{ "MSI-X is read-only", MSIX_PERM, DEV, PWRITE(DEVICE, MSIX_AT(2), 0xff, 0xff), 2 },
	{ "MSI-X enabled by SET_IRQS: seen", MSIX_PERM, DEV, ON(MSIX, 0, EV0), 0, CONF,
		.then = STEPS({ PREAD(DEVICE, MSIX_AT(3), 1), 1, { BYTE(0, 0x80) } }, { OFF(MSIX) },
			{ PREAD(DEVICE, MSIX_AT(3), 1), 1, { BYTE(0, 0) } }) },
	{ "MSI-X cannot be disabled by it", MSIX_PERM, DEV_MSIX, PWRITE(DEVICE, MSIX_AT(2), 0, 0),
		2, .then = STEPS(RAISE, GETS(EV0, 1)) },
};

AREA(msi, rows);
