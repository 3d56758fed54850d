/* SPDX-License-Identifier: MIT */
/*
 * SET_MSI_BINDING, and MSIs that go through both stages: a guest's tables are built in the mapped pages,
 * the engine signals, and the eventfd tells. See nested.c.
 */
#include <string.h>

#include "conform/irq_engine.h"
#include "conform/nested.h"

#define T1   "vfio_iommu_type1.c vfio_iommu_type1_set_msi_binding"
#define DMA  "dma-iommu.c iommu_dma_bind_guest_msi"
#define OURS "doc/uapi-nesting.md"

#define B(iova, gpa, size) BINDING(CONTAINER, VFIO_IOMMU_BIND_MSI, iova, gpa, size)
#define WITH_10                                                                                    \
	{ OPEN(GROUP2, "10"), FD },                                                                \
	{                                                                                          \
		SET_CONTAINER(GROUP2, CONTAINER)                                                   \
	}

/* ---- a guest's stage 1 in the first pages at RW, which are at TABLE_AT ---- */

#define PTE_TABLE 3ull
/* A page that anybody may read and write; accessed, inner shareable. */
#define PTE_PAGE (3ull | 1 << 6 | 3 << 8 | 1 << 10)

static uint64_t *page(unsigned n)
{
	return (uint64_t *)(RW + n * PAGE);
}

/* 39 bits of 4 KiB pages: three levels, of which the pages below serve the doorbell's IOVA. */
static void build(uint64_t leaf)
{
	memset(page(0), 0, 4 * PAGE);
	/* T0SZ 25, write-back inner shareable, EPD1, V, IPS 48 bits, AA64, R, A, ASET, ASID 1 */
	page(0)[0] = 25 | 1 << 8 | 1 << 10 | 3 << 12 | 1 << 30 | 1ull << 31 | 5ull << 32 |
		     1ull << 41 | 7ull << 45 | 1ull << 48;
	page(0)[1] = TABLE_AT + PAGE;
	page(0)[3] = 0xff;
	page(1)[DOORBELL_IOVA >> 30] = (TABLE_AT + 2 * PAGE) | PTE_TABLE;
	page(2)[(DOORBELL_IOVA >> 21) & 511] = (TABLE_AT + 3 * PAGE) | PTE_TABLE;
	page(3)[(DOORBELL_IOVA >> 12) & 511] = leaf;
}

static long build_stage1(void)
{
	build(DOORBELL_GPA | PTE_PAGE);
	return 0;
}

static long build_without(void)
{
	build(0);
	return 0;
}

static long map_doorbell(void)
{
	page(3)[(DOORBELL_IOVA >> 12) & 511] = DOORBELL_GPA | PTE_PAGE;
	return 0;
}

static long unmap_doorbell(void)
{
	page(3)[(DOORBELL_IOVA >> 12) & 511] = 0;
	return 0;
}

#define BUILD                                                                                      \
	{                                                                                          \
		RUN(build_stage1)                                                                  \
	}
#define BUILD_WITHOUT                                                                              \
	{                                                                                          \
		RUN(build_without)                                                                 \
	}
#define TABLE                                                                                      \
	{                                                                                          \
		SET_TABLE(CONTAINER)                                                               \
	}
#define BOUND                                                                                      \
	{                                                                                          \
		BIND(CONTAINER)                                                                    \
	}
#define VECTORS                                                                                    \
	{                                                                                          \
		IRQ_FDS(ACT_TRIGGER, MSIX, 0, EV0, EV1, EV2, EV3)                                  \
	}
#define RAISED .after = { .may = MAY_CONFIG | MAY_DOMAINS }

static const struct row rows[] = {
	/* ---- arguments ---- */
	{ "bind: nowhere", T1, NEST_MAP,
		IOCTL(CONTAINER, VFIO_IOMMU_SET_MSI_BINDING, POINTER(HOLE)), -EFAULT,
		"bad-argument-pointer" },
	{ "bind: argsz too small", T1, NEST_MAP,
		IOCTL(CONTAINER, VFIO_IOMMU_SET_MSI_BINDING, WORDS(31, 1, 0, 0, 0, 0, 0, 0)),
		-EINVAL, "argsz-too-small" },
	{ "bind: no flags", T1, NEST_MAP, BINDING(CONTAINER, 0, 0, 0, PAGE), -EINVAL,
		"unknown-flags" },
	{ "bind: both flags", T1, NEST_MAP, BINDING(CONTAINER, 3, 0, 0, PAGE), -EINVAL,
		"unknown-flags" },
	{ "bind: size 0", OURS, NEST_MAP, B(DOORBELL_IOVA, DOORBELL_GPA, 0), -EINVAL, "bad-size" },
	{ "bind: size 2 KiB", OURS, NEST_MAP, B(DOORBELL_IOVA, DOORBELL_GPA, 2048), -EINVAL,
		"bad-size" },
	{ "bind: no power of two", OURS, NEST_MAP, B(DOORBELL_IOVA, DOORBELL_GPA, 3 * PAGE),
		-EINVAL, "bad-size" },
	{ "bind: iova not aligned", OURS, NEST_MAP, B(DOORBELL_IOVA + 64, DOORBELL_GPA, PAGE),
		-EINVAL, "misaligned" },
	{ "bind: gpa not aligned to the size", OURS, NEST_MAP,
		B(DOORBELL_IOVA, DOORBELL_GPA + PAGE, 2 * PAGE), -EINVAL, "misaligned" },

	/* ---- places ---- */
	{ "bind: a page", DMA, NEST_MAP, BIND(CONTAINER), 0, .after = { .may = MAY_DOMAINS } },
	{ "bind: 64 KiB", DMA, NEST_MAP, B(DOORBELL_IOVA, DOORBELL_GPA, 0x10000), 0,
		.after = { .may = MAY_DOMAINS } },
	{ "bind: over a mapping", OURS, NEST_MAP, B(DOORBELL_IOVA, 0x1f000, PAGE), -EEXIST,
		"overlap" },
	{ "bind: over the host's window", OURS, NEST_MAP, B(DOORBELL_IOVA, MSI_START, PAGE),
		-EINVAL, "iova-not-allowed" },
	{ "bind: beyond guest memory", OURS, NEST_MAP, B(DOORBELL_IOVA, 1ull << 48, PAGE), -EINVAL,
		"iova-not-allowed" },
	{ "bind: a mapping over it", OURS, NEST_MAP, MAP(DOORBELL_GPA, RW, PAGE, F_RW), -EINVAL,
		"iova-not-allowed", .first = STEPS(BOUND) },
	{ "bind: a mapping over its unused part", OURS, NEST_MAP,
		MAP(DOORBELL_GPA + PAGE, RW, PAGE, F_RW), -EINVAL, "iova-not-allowed",
		.first = STEPS({ B(DOORBELL_IOVA, DOORBELL_GPA, 0x10000) }) },
	{ "bind: a mapping there after unbinding", OURS, NEST_MAP,
		MAP(DOORBELL_GPA, RW, PAGE, F_RW), 0, .first = STEPS(BOUND, { UNBIND(CONTAINER) }),
		.after = ONE_MORE },

	/* ---- once ---- */
	{ "bind: the same again", DMA, NEST_MAP, BIND(CONTAINER), 0, .first = STEPS(BOUND) },
	{ "bind: another gpa", OURS, NEST_MAP, B(DOORBELL_IOVA, DOORBELL_GPA + PAGE, PAGE), -EEXIST,
		"msi-bound", .first = STEPS(BOUND) },
	{ "bind: another iova", OURS, NEST_MAP, B(DOORBELL_IOVA + PAGE, DOORBELL_GPA, PAGE),
		-EEXIST, "msi-bound", .first = STEPS(BOUND) },
	{ "bind: unbind", "dma-iommu.c iommu_dma_unbind_guest_msi", NEST_MAP, UNBIND(CONTAINER), 0,
		.first = STEPS(BOUND), .after = { .may = MAY_DOMAINS } },
	{ "bind: unbind what is not bound", "dma-iommu.c iommu_dma_unbind_guest_msi", NEST_MAP,
		UNBIND(CONTAINER), 0 },
	{ "bind: bound twice is unbound at once", OURS, NEST_MAP,
		B(DOORBELL_IOVA, DOORBELL_GPA + PAGE, PAGE), 0,
		.first = STEPS(BOUND, BOUND, { UNBIND(CONTAINER) }),
		.after = { .may = MAY_DOMAINS } },

	/* ---- states ---- */
	{ "bind: TYPE1v2", "arm-smmu-v3.c arm_smmu_bind_guest_msi", MAPPED, BIND(CONTAINER),
		-EINVAL, "not-a-nesting-container" },
	{ "bind: no IOMMU", "container.c vfio_fops_unl_ioctl", JOINED, BIND(CONTAINER), -EINVAL,
		"iommu-not-set" },
	{ "bind: a group joins", OURS, NEST_MAP, SET_CONTAINER(GROUP2, CONTAINER), 0,
		.first = STEPS(BOUND, { OPEN(GROUP2, "3"), FD }),
		.after = { .attachments = 2, .may = MAY_STATUS } },
	{ "bind: the group leaves", OURS, NEST_MAP, UNSET_CONTAINER(GROUP), 0,
		.first = STEPS(BOUND),
		.after = { .mappings = -1, .domains = -1, .attachments = -1, .may = MAY_ALL } },
	{ "bind: mixed", OURS, NEST_MAP, BIND(CONTAINER), -EOPNOTSUPP, "mixed-container",
		.first = STEPS(WITH_10), .host = "mixed-subset" },
	{ "bind: mixed, the device that nests", OURS, NEST_DEV, BIND(DEVICE), 0,
		.first = STEPS(WITH_10), .after = { .may = MAY_DOMAINS }, .host = "mixed-subset" },
	{ "bind: mixed, the device that does not", OURS, NEST_DEV, BIND(DEVICE2), -EOPNOTSUPP,
		"group-does-not-nest",
		.first = STEPS(WITH_10, { OPEN_DEVICE(DEVICE2, GROUP2, "0001:01:00.0"), FD }),
		.host = "mixed-subset" },
	{ "bind: a device, beside all", OURS, NEST_DEV,
		BINDING(DEVICE, VFIO_IOMMU_BIND_MSI, 0, DOORBELL_GPA, PAGE), 0,
		.first = STEPS(BOUND) },
	{ "bind: a device, elsewhere", OURS, NEST_DEV,
		BINDING(DEVICE, VFIO_IOMMU_BIND_MSI, 0, DOORBELL_GPA + PAGE, PAGE), -EEXIST,
		"msi-bound", .first = STEPS(BOUND) },
	{ "bind: a device's stays when all unbind", OURS, NEST_DEV,
		MAP(DOORBELL_GPA, RW, PAGE, F_RW), -EINVAL, "iova-not-allowed",
		.first = STEPS(BOUND, { BIND(DEVICE) }, { UNBIND(CONTAINER) }) },

	/* ---- MSIs ---- */
	{ "msi: through both stages", OURS, NEST_DEV, RUN(engine_raise), 0,
		.first = STEPS(BUILD, TABLE, BOUND, VECTORS), RAISED, .then = STEPS(GETS(EV0, 1)) },
	{ "msi: through both stages, of the device's own", OURS, NEST_DEV, RUN(engine_raise), 0,
		.first = STEPS(BUILD, TABLE, { BIND(DEVICE) }, VECTORS), RAISED,
		.then = STEPS(GETS(EV0, 1)) },
	{ "msi: stage 1 has no doorbell", OURS, NEST_DEV, RUN(engine_raise), 0,
		.first = STEPS(BUILD_WITHOUT, TABLE, BOUND, VECTORS), RAISED,
		.then = STEPS(GETS(EV0, 0)) },
	{ "msi: stage 1 has one later", OURS, NEST_DEV, RUN(engine_raise), 0,
		.first = STEPS(BUILD_WITHOUT, TABLE, BOUND, VECTORS, { RUN(map_doorbell) }), RAISED,
		.then = STEPS(GETS(EV0, 1)) },
	{ "msi: a second one", OURS, NEST_DEV, RUN(engine_raise), 0,
		.first = STEPS(BUILD, TABLE, BOUND, VECTORS, RAISE, GETS(EV0, 1), ACK), RAISED,
		.then = STEPS(GETS(EV0, 1)) },
	{ "msi: stage 1 lost it, and it was invalidated", OURS, NEST_DEV, RUN(engine_raise), 0,
		.first = STEPS(BUILD, TABLE, BOUND, VECTORS, RAISE, GETS(EV0, 1), ACK,
			{ RUN(unmap_doorbell) },
			{ INV_ADDR(CONTAINER, 1, 2, 1, 0, DOORBELL_IOVA, PAGE, 1) }),
		RAISED, .then = STEPS(GETS(EV0, 0)) },
	{ "msi: unbound", OURS, NEST_DEV, RUN(engine_raise), 0,
		.first = STEPS(BUILD, TABLE, BOUND, VECTORS, { UNBIND(CONTAINER) }), RAISED,
		.then = STEPS(GETS(EV0, 0)) },
	{ "msi: enabled before it was bound", OURS, NEST_DEV, RUN(engine_raise), 0,
		.first = STEPS(VECTORS, BOUND), RAISED, .then = STEPS(GETS(EV0, 1)) },
	{ "msi: of abort", OURS, NEST_DEV, RUN(engine_raise), 0,
		.first = STEPS(BOUND,
			{ PASID_TABLE(CONTAINER, VFIO_IOMMU_SET_PASID_TABLE, 32, 1, 1,
				IOMMU_PASID_CONFIG_ABORT, 0, 0, 1, 0, 0) },
			VECTORS),
		RAISED, .then = STEPS(GETS(EV0, 0)) },
	{ "msi: of bypass", OURS, NEST_DEV, RUN(engine_raise), 0,
		.first = STEPS({ BINDING(CONTAINER, 1, DOORBELL_GPA, DOORBELL_GPA, PAGE) },
			{ PASID_TABLE(CONTAINER, VFIO_IOMMU_SET_PASID_TABLE, 32, 1, 1,
				IOMMU_PASID_CONFIG_BYPASS, 0, 0, 1, 0, 0) },
			VECTORS),
		RAISED, .then = STEPS(GETS(EV0, 1)) },
};
AREA(nested_msi, rows);
