/* SPDX-License-Identifier: MIT */
/*
 * The type 1 backend of a container: information, map, unmap. Linux 7.3
 * drivers/vfio/vfio_iommu_type1.c. Order of checks: where a call is wrong in two ways, the rule says
 * which of them was looked at first.
 */
#include <string.h>

#include "conform/conform.h"

#define INFO   "vfio_iommu_type1.c vfio_iommu_type1_get_info"
#define CAPS   "vfio_iommu_type1.c vfio_iommu_iova_build_caps"
#define MAP_   "vfio_iommu_type1.c vfio_iommu_type1_map_dma"
#define DOMAP  "vfio_iommu_type1.c vfio_dma_do_map"
#define VALID  "vfio_iommu_type1.c vfio_iommu_iova_dma_valid"
#define PIN    "vfio_iommu_type1.c vaddr_get_pfns"
#define UNMAP_ "vfio_iommu_type1.c vfio_iommu_type1_unmap_dma"
#define DOUN   "vfio_iommu_type1.c vfio_dma_do_unmap"

#define TOP (1ull << 48) /* the first IOVA that a stage 1 of 48 bits has not */
#define LESS(n)                                                                                    \
	{                                                                                          \
		.mappings = -(n), .entries = (n), .may = MAY_DOMAINS                               \
	}
#define INFO_BYTES   120 /* with two IOVA ranges: 24, and capabilities of 32, 16 and 48 */
#define CAP(id, ver) ((id) | (ver) << 16)
#define GET_INFO(argsz_, more)                                                                     \
	IOCTL(CONTAINER, VFIO_IOMMU_GET_INFO,                                                      \
		TAIL(more, struct vfio_iommu_type1_info, .argsz = (argsz_)))
#define MAP_ARGSZ(argsz_)                                                                          \
	IOCTL(CONTAINER, VFIO_IOMMU_MAP_DMA,                                                       \
		ARG(struct vfio_iommu_type1_dma_map, .argsz = (argsz_), .flags = F_RW,             \
			.vaddr = RW, .iova = 0, .size = PAGE))
#define UNMAP_ARGSZ(argsz_)                                                                        \
	IOCTL(CONTAINER, VFIO_IOMMU_UNMAP_DMA,                                                     \
		ARG(struct vfio_iommu_type1_dma_unmap, .argsz = (argsz_), .iova = 0x10000,         \
			.size = 16 * PAGE))
#define SIZE_IS(bytes) .see = { UNMAPPED(bytes) }
/* Beside the 16 pages at 0x10000: two at 0x30000. */
#define SECOND STEPS({ MAP(0x30000, RW, 2 * PAGE, F_RW) })

/* ---- what no macro has ---- */

static long map_at(uint64_t iova, const void *vaddr, uint32_t flags)
{
	struct vfio_iommu_type1_dma_map map = { .argsz = sizeof(map),
		.flags = flags,
		.vaddr = (uintptr_t)vaddr,
		.iova = iova,
		.size = PAGE };

	return t_ioctl(fd_number(CONTAINER), VFIO_IOMMU_MAP_DMA, (uintptr_t)&map);
}

static long map_write_only(uint32_t flags)
{
	void *page = mmap(NULL, PAGE, PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	long ret = map_at(0, page, flags);

	if (ret)
		munmap(page, PAGE);
	return ret;
}

static long write_only_rw(void)
{
	return map_write_only(F_RW);
}

static long write_only_r(void)
{
	return map_write_only(F_R);
}

/* As many mappings as the container may have. */
static long fill(void)
{
	for (uint64_t i = 0; i < T_ENTRY_LIMIT; i++) {
		long ret = map_at(0x40000000 + i * PAGE, (void *)(uintptr_t)RW, F_RW);

		if (ret)
			return ret;
	}
	return 0;
}

/* The answer cannot be written: what was done stays done. */
static long unmap_read_only_argument(void)
{
	struct vfio_iommu_type1_dma_unmap *unmap =
		mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	long ret;

	*unmap = (struct vfio_iommu_type1_dma_unmap){
		.argsz = sizeof(*unmap), .iova = 0x10000, .size = 16 * PAGE
	};
	mprotect(unmap, PAGE, PROT_READ);
	ret = t_ioctl(fd_number(CONTAINER), VFIO_IOMMU_UNMAP_DMA, (uintptr_t)unmap);
	munmap(unmap, PAGE);
	return ret;
}

static const struct row rows[] = {
	/* ---- GET_INFO ---- */
	{ "info: the smallest argument", INFO, V2,
		IOCTL(CONTAINER, VFIO_IOMMU_GET_INFO, WORDS(16, 0, 0, 0)), 0,
		.see = { WORD(0, INFO_BYTES), WORD(1, 3), WORD(2, 0x40201000), WORD(3, 0) } },
	{ "info: argsz one byte short", INFO, V2,
		IOCTL(CONTAINER, VFIO_IOMMU_GET_INFO, WORDS(15, 0, 0, 0)), -EINVAL,
		"argsz-too-small", .see = { WORD(0, 15), WORD(1, 0) } },
	{ "info: argsz 0", INFO, V2, GET_INFO(0, 0), -EINVAL, "argsz-too-small" },
	{ "info: argsz between two versions of the struct", INFO, V2,
		IOCTL(CONTAINER, VFIO_IOMMU_GET_INFO, WORDS(20, 0, 0, 0, 0xff)), 0,
		.see = { WORD(0, INFO_BYTES), WORD(4, 0) } },
	{ "info: the struct alone", INFO, V2, GET_INFO(24, 0), 0,
		.see = { WORD(0, INFO_BYTES), WORD(1, 3), WORD(4, 0) } },
	{ "info: a byte short of the capabilities", INFO, V2, GET_INFO(INFO_BYTES - 1, 0), 0,
		.see = { WORD(0, INFO_BYTES), WORD(1, 3), WORD(4, 0) } },
	{ "info: room for all", INFO, V2, GET_INFO(INFO_BYTES, 96), 0,
		.see = { WORD(0, INFO_BYTES), WORD(1, 3), WORD(4, 24) } },
	{ "info: room to spare", INFO, V2, GET_INFO(4096, 4072), 0,
		.see = { WORD(0, 4096), WORD(4, 24), WORD(INFO_BYTES / 4, 0) } },
	{ "info: argsz promises more than there is", INFO, V2, GET_INFO(INFO_BYTES, 0), -EFAULT,
		"bad-argument-pointer" },
	{ "info: no pointer", INFO, V2, IOCTL(CONTAINER, VFIO_IOMMU_GET_INFO, POINTER(NULLP)),
		-EFAULT, "bad-argument-pointer" },
	{ "info: the argument ends too early", INFO, V2,
		IOCTL(CONTAINER, VFIO_IOMMU_GET_INFO, POINTER(EDGE + PAGE - 12)), -EFAULT,
		"bad-argument-pointer" },
	{ "info: read-only memory", INFO, V2, IOCTL(CONTAINER, VFIO_IOMMU_GET_INFO, POINTER(RO)),
		-EFAULT, "bad-argument-pointer" },
	{ "info: capability migration", "vfio_iommu_type1.c vfio_iommu_migration_build_caps", V2,
		GET_INFO(INFO_BYTES, 96), 0,
		.see = { WORD(6, CAP(2, 1)), WORD(7, 56), WORD(8, 0), WORD(10, PAGE),
			WORD(12, 1 << 28), WORD(13, 0) } },
	{ "info: capability DMA entries", "vfio_iommu_type1.c vfio_iommu_dma_avail_build_caps", V2,
		GET_INFO(INFO_BYTES, 96), 0,
		.see = { WORD(14, CAP(3, 1)), WORD(15, 72), WORD(17, 0) } },
	{ "info: entries left of none", "vfio_iommu_type1.c vfio_iommu_dma_avail_build_caps", V2,
		GET_INFO(INFO_BYTES, 96), 0, .see = { WORD(16, T_ENTRY_LIMIT) }, .local = true },
	{ "info: entries left with a mapping", "vfio_iommu_type1.c vfio_iommu_dma_avail_build_caps",
		MAPPED, GET_INFO(INFO_BYTES, 96), 0, .see = { WORD(16, T_ENTRY_LIMIT - 1) },
		.local = true },
	{ "info: no entries left", "vfio_iommu_type1.c vfio_iommu_dma_avail_build_caps", V2,
		GET_INFO(INFO_BYTES, 96), 0, .see = { WORD(16, 0) }, .local = true,
		.first = STEPS({ RUN(fill) }) },
	{ "info: capability IOVA ranges", CAPS, V2, GET_INFO(INFO_BYTES, 96), 0,
		.see = { WORD(18, CAP(1, 1)), WORD(19, 0), WORD(20, 2), WORD(21, 0) } },
	{ "info: up to the MSI window", CAPS, V2, GET_INFO(INFO_BYTES, 96), 0,
		.see = { WORD(22, 0), WORD(23, 0), WORD(24, MSI_START - 1), WORD(25, 0) } },
	{ "info: from the MSI window to the last IOVA", CAPS, V2, GET_INFO(INFO_BYTES, 96), 0,
		.see = { WORD(26, MSI_START + MSI_BYTES), WORD(27, 0), WORD(28, 0xffffffff),
			WORD(29, 0xffff) } },
	{ "info: TYPE1 says the same", INFO, V1, GET_INFO(INFO_BYTES, 96), 0,
		.see = { WORD(0, INFO_BYTES), WORD(1, 3), WORD(2, 0x40201000), WORD(4, 24) } },
	{ "info: a nest parent's pages", INFO, NEST, GET_INFO(INFO_BYTES + 64, 160), 0,
		.see = { WORD(1, 3), WORD(2, 0x40201000), WORD(20, 2) } },
	{ "info: without an IOMMU", "container.c vfio_fops_unl_ioctl", JOINED, GET_INFO(24, 0),
		-EINVAL, "iommu-not-set" },

	/* ---- MAP: the argument ---- */
	{ "map: argsz one byte short", MAP_, V2, MAP_ARGSZ(31), -EINVAL, "argsz-too-small" },
	{ "map: argsz 0", MAP_, V2, MAP_ARGSZ(0), -EINVAL, "argsz-too-small" },
	{ "map: argsz of a later version", MAP_, V2, MAP_ARGSZ(64), 0, .after = ONE_MORE },
	{ "map: argsz of 4 GiB", MAP_, V2, MAP_ARGSZ(UINT32_MAX), 0, .after = ONE_MORE },
	{ "map: no pointer", MAP_, V2, IOCTL(CONTAINER, VFIO_IOMMU_MAP_DMA, POINTER(NULLP)),
		-EFAULT, "bad-argument-pointer" },
	{ "map: the argument ends too early", MAP_, V2,
		IOCTL(CONTAINER, VFIO_IOMMU_MAP_DMA, POINTER(EDGE + PAGE - 31)), -EFAULT,
		"bad-argument-pointer" },
	{ "map: memory that cannot be read", MAP_, V2,
		IOCTL(CONTAINER, VFIO_IOMMU_MAP_DMA, POINTER(NONE)), -EFAULT,
		"bad-argument-pointer" },
	{ "map: unknown flag", MAP_, V2, MAP(0, RW, PAGE, F_RW | 1 << 3), -EINVAL,
		"unknown-flags" },
	{ "map: unknown flag 4", MAP_, V2, MAP(0, RW, PAGE, F_RW | 1 << 4), -EINVAL,
		"unknown-flags" },
	{ "map: unknown flag 8", MAP_, V2, MAP(0, RW, PAGE, F_RW | 1 << 8), -EINVAL,
		"unknown-flags" },
	{ "map: unknown flag 16", MAP_, V2, MAP(0, RW, PAGE, F_RW | 1 << 16), -EINVAL,
		"unknown-flags" },
	{ "map: unknown flag 31", MAP_, V2, MAP(0, RW, PAGE, F_RW | 1u << 31), -EINVAL,
		"unknown-flags" },
	{ "map: flags before the size", MAP_, V2, MAP(0, RW, 0, F_RW | 1 << 3), -EINVAL,
		"unknown-flags" },
	{ "map: without an IOMMU", "container.c vfio_fops_unl_ioctl", JOINED,
		MAP(0, RW, PAGE, F_RW), -EINVAL, "iommu-not-set" },

	/* ---- MAP: what needs no container ---- */
	{ "map: size 0", DOMAP, V2, MAP(0, RW, 0, F_RW), -EINVAL, "size-zero" },
	{ "map: size 0 before permissions", DOMAP, V2, MAP(0, RW, 0, 0), -EINVAL, "size-zero" },
	{ "map: size 0 before alignment", DOMAP, V2, MAP(1, RW, 0, F_RW), -EINVAL, "size-zero" },
	{ "map: IOVA wraps", DOMAP, V2, MAP(-PAGE, RW, 2 * PAGE, F_RW), -EOVERFLOW, "wrap-around" },
	{ "map: IOVA wraps by a byte", DOMAP, V2, MAP(2, RW, UINT64_MAX, F_RW), -EOVERFLOW,
		"wrap-around" },
	{ "map: the last byte of all may be meant", DOMAP, V2, MAP(1, 1, UINT64_MAX, F_RW), -EINVAL,
		"misaligned" },
	{ "map: the last page of all is none of the IOMMU's", VALID, V2, MAP(-PAGE, RW, PAGE, F_RW),
		-EINVAL, "iova-not-allowed" },
	{ "map: vaddr wraps", DOMAP, V2, MAP(0, -PAGE, 2 * PAGE, F_RW), -EOVERFLOW, "wrap-around" },
	{ "map: the last page of vaddr", PIN, V2, MAP(0, -PAGE, PAGE, F_RW), -EFAULT,
		"user-memory" },
	{ "map: wraps before permissions", DOMAP, V2, MAP(-PAGE, RW, 2 * PAGE, 0), -EOVERFLOW,
		"wrap-around" },
	{ "map: wraps before alignment", DOMAP, V2, MAP(-PAGE + 1, RW, 2 * PAGE, F_RW), -EOVERFLOW,
		"wrap-around" },
	{ "map: no permission", DOMAP, V2, MAP(0, RW, PAGE, 0), -EINVAL, "no-permission" },
	{ "map: VADDR and READ", DOMAP, MAPPED, MAP(0x10000, RW, 16 * PAGE, F_VADDR | F_R), -EINVAL,
		"no-permission" },
	{ "map: VADDR and WRITE", DOMAP, MAPPED, MAP(0x10000, RW, 16 * PAGE, F_VADDR | F_W),
		-EINVAL, "no-permission" },
	{ "map: VADDR, READ and WRITE", DOMAP, MAPPED, MAP(0x10000, RW, 16 * PAGE, F_VADDR | F_RW),
		-EINVAL, "no-permission" },
	{ "map: permissions before alignment", DOMAP, V2, MAP(1, RW, PAGE, 0), -EINVAL,
		"no-permission" },

	/* ---- MAP: alignment, what is there, where it may be ---- */
	{ "map: IOVA is no multiple of a page", DOMAP, V2, MAP(1, RW, PAGE, F_RW), -EINVAL,
		"misaligned" },
	{ "map: IOVA half a page", DOMAP, V2, MAP(PAGE / 2, RW, PAGE, F_RW), -EINVAL,
		"misaligned" },
	{ "map: vaddr is no multiple of a page", DOMAP, V2, MAP(0, RW + 1, PAGE, F_RW), -EINVAL,
		"misaligned" },
	{ "map: size is no multiple of a page", DOMAP, V2, MAP(0, RW, PAGE + 1, F_RW), -EINVAL,
		"misaligned" },
	{ "map: size of a byte", DOMAP, V2, MAP(0, RW, 1, F_RW), -EINVAL, "misaligned" },
	{ "map: alignment before overlap", DOMAP, MAPPED, MAP(0x10001, RW, PAGE, F_RW), -EINVAL,
		"misaligned" },
	{ "map: alignment before the range", DOMAP, V2, MAP(TOP + 1, RW, PAGE, F_RW), -EINVAL,
		"misaligned" },
	{ "map: the same again", DOMAP, MAPPED, MAP(0x10000, RW, 16 * PAGE, F_RW), -EEXIST,
		"overlap" },
	{ "map: first page is taken", DOMAP, MAPPED, MAP(0x10000, RW, PAGE, F_RW), -EEXIST,
		"overlap" },
	{ "map: last page is taken", DOMAP, MAPPED, MAP(0x1f000, RW, PAGE, F_RW), -EEXIST,
		"overlap" },
	{ "map: a page in the middle is taken", DOMAP, MAPPED, MAP(0x18000, RW, PAGE, F_RW),
		-EEXIST, "overlap" },
	{ "map: reaches into a mapping", DOMAP, MAPPED, MAP(0xf000, RW, 2 * PAGE, F_RW), -EEXIST,
		"overlap" },
	{ "map: begins in a mapping", DOMAP, MAPPED, MAP(0x1f000, RW, 2 * PAGE, F_RW), -EEXIST,
		"overlap" },
	{ "map: goes around a mapping", DOMAP, MAPPED, MAP(0xc000, RW, 0x20000, F_RW), -EEXIST,
		"overlap" },
	{ "map: overlap before the memory", DOMAP, MAPPED, MAP(0x10000, HOLE, PAGE, F_RW), -EEXIST,
		"overlap" },
	{ "map: right before a mapping", DOMAP, MAPPED, MAP(0xf000, RW, PAGE, F_RW), 0,
		.after = ONE_MORE },
	{ "map: right behind a mapping", DOMAP, MAPPED, MAP(0x20000, RW, PAGE, F_RW), 0,
		.after = ONE_MORE },
	{ "map: v1 keeps mappings apart too", DOMAP, MAPPED_V1, MAP(0x1f000, RW, 2 * PAGE, F_RW),
		-EEXIST, "overlap" },
	{ "map: the memory of another mapping", DOMAP, MAPPED, MAP(0x50000, RW, 16 * PAGE, F_RW), 0,
		.after = ONE_MORE },
	{ "map: the entry limit", DOMAP, V2, MAP(0, RW, PAGE, F_RW), -ENOSPC, "entry-limit",
		.first = STEPS({ RUN(fill) }), .local = true },
	{ "map: overlap before the entry limit", DOMAP, V2, MAP(0x40000000, RW, PAGE, F_RW),
		-EEXIST, "overlap", .first = STEPS({ RUN(fill) }), .local = true },
	{ "map: the entry limit before the range", DOMAP, V2, MAP(MSI_START, RW, PAGE, F_RW),
		-ENOSPC, "entry-limit", .first = STEPS({ RUN(fill) }), .local = true },
	{ "map: an entry comes back", "vfio_iommu_type1.c vfio_remove_dma", V2,
		MAP(0, RW, PAGE, F_RW), 0,
		.first = STEPS({ RUN(fill) }, { UNMAP(0x40000000, PAGE, 0) }), .local = true,
		.after = ONE_MORE },
	{ "map: start of the MSI window", VALID, V2, MAP(MSI_START, RW, PAGE, F_RW), -EINVAL,
		"iova-not-allowed" },
	{ "map: end of the MSI window", VALID, V2,
		MAP(MSI_START + MSI_BYTES - PAGE, RW, PAGE, F_RW), -EINVAL, "iova-not-allowed" },
	{ "map: reaches into the MSI window", VALID, V2, MAP(MSI_START - PAGE, RW, 2 * PAGE, F_RW),
		-EINVAL, "iova-not-allowed" },
	{ "map: from the MSI window outwards", VALID, V2,
		MAP(MSI_START + MSI_BYTES - PAGE, RW, 2 * PAGE, F_RW), -EINVAL,
		"iova-not-allowed" },
	{ "map: right before the MSI window", VALID, V2, MAP(MSI_START - PAGE, RW, PAGE, F_RW), 0,
		.after = ONE_MORE },
	{ "map: right behind the MSI window", VALID, V2, MAP(MSI_START + MSI_BYTES, RW, PAGE, F_RW),
		0, .after = ONE_MORE },
	{ "map: around the MSI window", VALID, V2, MAP(0x7000000, RW, 0x2000000, F_RW), -EINVAL,
		"iova-not-allowed" },
	{ "map: the last page of the IOMMU", VALID, V2, MAP(TOP - PAGE, RW, PAGE, F_RW), 0,
		.after = ONE_MORE },
	{ "map: beyond the IOMMU", VALID, V2, MAP(TOP, RW, PAGE, F_RW), -EINVAL,
		"iova-not-allowed" },
	{ "map: reaches beyond the IOMMU", VALID, V2, MAP(TOP - PAGE, RW, 2 * PAGE, F_RW), -EINVAL,
		"iova-not-allowed" },
	{ "map: the range before the memory", VALID, V2, MAP(MSI_START, HOLE, PAGE, F_RW), -EINVAL,
		"iova-not-allowed" },

	/* ---- MAP: memory ---- */
	{ "map: one page", DOMAP, V2, MAP(0, RW, PAGE, F_RW), 0, .after = ONE_MORE },
	{ "map: to be read", DOMAP, V2, MAP(0, RW, PAGE, F_R), 0, .after = ONE_MORE },
	{ "map: to be written", DOMAP, V2, MAP(0, RW, PAGE, F_W), 0, .after = ONE_MORE },
	{ "map: shared memory", DOMAP, V2, MAP(0, SHARED, 16 * PAGE, F_RW), 0, .after = ONE_MORE },
	{ "map: nothing is mapped there", PIN, V2, MAP(0, HOLE, PAGE, F_RW), -EFAULT,
		"user-memory" },
	{ "map: vaddr 0", PIN, V2, MAP(0, NULLP, PAGE, F_RW), -EFAULT, "user-memory" },
	{ "map: an address of the kernel's", PIN, V2, MAP(0, 0xffff888000000000, PAGE, F_RW),
		-EFAULT, "user-memory" },
	{ "map: the memory ends", PIN, V2, MAP(0, EDGE, 2 * PAGE, F_RW), -EFAULT, "user-memory" },
	{ "map: half of user space", PIN, V2, MAP(0x100000000, RW, 1ull << 46, F_RW), -EFAULT,
		"user-memory" },
	{ "map: PROT_NONE", PIN, V2, MAP(0, NONE, PAGE, F_R), -EFAULT, "user-memory" },
	{ "map: read-only memory to be written", PIN, V2, MAP(0, RO, PAGE, F_RW), -EFAULT,
		"user-memory" },
	{ "map: read-only memory to be written only", PIN, V2, MAP(0, RO, PAGE, F_W), -EFAULT,
		"user-memory" },
	{ "map: read-only memory to be read", PIN, V2, MAP(0, RO, PAGE, F_R), 0,
		.after = ONE_MORE },
	{ "map: the second page may not be written", PIN, V2, MAP(0, RO_END, 2 * PAGE, F_RW),
		-EFAULT, "user-memory" },
	{ "map: the second page may be read", PIN, V2, MAP(0, RO_END, 2 * PAGE, F_R), 0,
		.after = ONE_MORE },
	{ "map: what is written need not be readable", PIN, V2, RUN(write_only_rw), 0,
		.after = ONE_MORE },
	{ "map: what is only read must be", PIN, V2, RUN(write_only_r), -EFAULT, "user-memory" },
	{ "map: v1, one page", DOMAP, V1, MAP(0, RW, PAGE, F_RW), 0, .after = ONE_MORE },
	{ "map: a nest parent", DOMAP, NEST, MAP(0, RW, 16 * PAGE, F_RW), 0, .after = ONE_MORE },
	{ "map: a nest parent's MSI window", VALID, NEST, MAP(MSI_START, RW, PAGE, F_RW), -EINVAL,
		"iova-not-allowed" },

	/* ---- UNMAP: the argument ---- */
	{ "unmap: argsz one byte short", UNMAP_, MAPPED, UNMAP_ARGSZ(23), -EINVAL,
		"argsz-too-small" },
	{ "unmap: argsz 0", UNMAP_, MAPPED, UNMAP_ARGSZ(0), -EINVAL, "argsz-too-small" },
	{ "unmap: argsz of a later version", UNMAP_, MAPPED, UNMAP_ARGSZ(4096), 0,
		SIZE_IS(16 * PAGE), .after = ONE_LESS },
	{ "unmap: no pointer", UNMAP_, MAPPED,
		IOCTL(CONTAINER, VFIO_IOMMU_UNMAP_DMA, POINTER(NULLP)), -EFAULT,
		"bad-argument-pointer" },
	{ "unmap: the argument ends too early", UNMAP_, MAPPED,
		IOCTL(CONTAINER, VFIO_IOMMU_UNMAP_DMA, POINTER(EDGE + PAGE - 23)), -EFAULT,
		"bad-argument-pointer" },
	{ "unmap: the answer cannot be written", UNMAP_, MAPPED, RUN(unmap_read_only_argument),
		-EFAULT, "bad-argument-pointer", .after = ONE_LESS },
	{ "unmap: unknown flag", UNMAP_, MAPPED, UNMAP(0x10000, 16 * PAGE, 1 << 3), -EINVAL,
		"unknown-flags" },
	{ "unmap: unknown flag 16", UNMAP_, MAPPED, UNMAP(0x10000, 16 * PAGE, 1 << 16), -EINVAL,
		"unknown-flags" },
	{ "unmap: unknown flag 31", UNMAP_, MAPPED, UNMAP(0x10000, 16 * PAGE, 1u << 31), -EINVAL,
		"unknown-flags" },
	{ "unmap: a bitmap and ALL", UNMAP_, DIRTY_ON, UNMAP(0, 0, F_BITMAP | F_ALL), -EINVAL,
		"unknown-flags" },
	{ "unmap: a bitmap and VADDR", UNMAP_, DIRTY_ON,
		UNMAP(0x10000, 16 * PAGE, F_BITMAP | F_VADDR), -EINVAL, "unknown-flags" },
	{ "unmap: all flags", UNMAP_, DIRTY_ON, UNMAP(0, 0, F_BITMAP | F_VADDR | F_ALL), -EINVAL,
		"unknown-flags" },
	{ "unmap: without an IOMMU", "container.c vfio_fops_unl_ioctl", JOINED, UNMAP(0, PAGE, 0),
		-EINVAL, "iommu-not-set" },

	/* ---- UNMAP: the range ---- */
	{ "unmap: size 0", DOUN, MAPPED, UNMAP(0x10000, 0, 0), -EINVAL, "size-zero" },
	{ "unmap: IOVA is no multiple of a page", DOUN, MAPPED, UNMAP(0x10001, PAGE, 0), -EINVAL,
		"misaligned" },
	{ "unmap: size is no multiple of a page", DOUN, MAPPED, UNMAP(0x10000, PAGE + 1, 0),
		-EINVAL, "misaligned" },
	{ "unmap: alignment of IOVA before the size", DOUN, MAPPED, UNMAP(1, 0, 0), -EINVAL,
		"misaligned" },
	{ "unmap: wraps", DOUN, MAPPED, UNMAP(-PAGE, 2 * PAGE, 0), -EOVERFLOW, "wrap-around",
		SIZE_IS(2 * PAGE) },
	{ "unmap: alignment before the wrap", DOUN, MAPPED, UNMAP(-PAGE, 2 * PAGE + 1, 0), -EINVAL,
		"misaligned" },
	{ "unmap: the last page of all", DOUN, MAPPED, UNMAP(-PAGE, PAGE, 0), 0, SIZE_IS(0) },
	{ "unmap: all but a page of all", DOUN, MAPPED, UNMAP(0, -PAGE, 0), 0, SIZE_IS(16 * PAGE),
		.after = ONE_LESS },
	{ "unmap: from a page on to the last of all", DOUN, MAPPED, UNMAP(PAGE, -PAGE, 0), 0,
		SIZE_IS(16 * PAGE), .after = ONE_LESS },
	{ "unmap: a refusal leaves the size", DOUN, MAPPED, UNMAP(0x10000, PAGE, 0), -EINVAL,
		"bisects-mapping", SIZE_IS(PAGE) },

	/* ---- UNMAP: ALL ---- */
	{ "unmap: ALL with an IOVA", DOUN, MAPPED, UNMAP(0x10000, 0, F_ALL), -EINVAL,
		"unmap-all-with-range" },
	{ "unmap: ALL with a size", DOUN, MAPPED, UNMAP(0, 16 * PAGE, F_ALL), -EINVAL,
		"unmap-all-with-range" },
	{ "unmap: alignment before ALL", DOUN, MAPPED, UNMAP(1, 0, F_ALL), -EINVAL, "misaligned" },
	{ "unmap: ALL, of any size", DOUN, MAPPED, UNMAP(0, 1, F_ALL), -EINVAL,
		"unmap-all-with-range" },
	{ "unmap: ALL of nothing", DOUN, V2, UNMAP(0, 0, F_ALL), 0, SIZE_IS(0) },
	{ "unmap: ALL of one", DOUN, MAPPED, UNMAP(0, 0, F_ALL), 0, SIZE_IS(16 * PAGE),
		.after = ONE_LESS },
	{ "unmap: ALL of two", DOUN, MAPPED, UNMAP(0, 0, F_ALL), 0, SIZE_IS(18 * PAGE),
		.first = SECOND, .after = LESS(2) },
	{ "unmap: ALL of v1", DOUN, MAPPED_V1, UNMAP(0, 0, F_ALL), 0, SIZE_IS(18 * PAGE),
		.first = SECOND, .after = LESS(2) },
	{ "unmap: ALL, first and last page of the IOMMU", DOUN, V2, UNMAP(0, 0, F_ALL), 0,
		SIZE_IS(2 * PAGE),
		.first = STEPS({ MAP(0, RW, PAGE, F_RW) }, { MAP(TOP - PAGE, RW, PAGE, F_RW) }),
		.after = LESS(2) },

	/* ---- UNMAP: v2 ---- */
	{ "unmap: exactly", DOUN, MAPPED, UNMAP(0x10000, 16 * PAGE, 0), 0, SIZE_IS(16 * PAGE),
		.after = ONE_LESS },
	{ "unmap: twice", DOUN, MAPPED, UNMAP(0x10000, 16 * PAGE, 0), 0, SIZE_IS(0),
		.first = STEPS({ UNMAP(0x10000, 16 * PAGE, 0) }) },
	{ "unmap: where nothing is", DOUN, MAPPED, UNMAP(0x20000, 16 * PAGE, 0), 0, SIZE_IS(0) },
	{ "unmap: right before a mapping", DOUN, MAPPED, UNMAP(0, 0x10000, 0), 0, SIZE_IS(0) },
	{ "unmap: more than the mapping", DOUN, MAPPED, UNMAP(0, 0x100000, 0), 0,
		SIZE_IS(16 * PAGE), .after = ONE_LESS },
	{ "unmap: two, and what is between", DOUN, MAPPED, UNMAP(0x10000, 0x22000, 0), 0,
		SIZE_IS(18 * PAGE), .first = SECOND, .after = LESS(2) },
	{ "unmap: one of two", DOUN, MAPPED, UNMAP(0x30000, 2 * PAGE, 0), 0, SIZE_IS(2 * PAGE),
		.first = SECOND, .after = ONE_LESS },
	{ "unmap: two that touch", DOUN, MAPPED, UNMAP(0x10000, 17 * PAGE, 0), 0,
		SIZE_IS(17 * PAGE), .first = STEPS({ MAP(0x20000, RW, PAGE, F_RW) }),
		.after = LESS(2) },
	{ "unmap: v2 does not bisect", DOUN, MAPPED, UNMAP(0x10000, PAGE, 0), -EINVAL,
		"bisects-mapping" },
	{ "unmap: v2, not all but the first page", DOUN, MAPPED, UNMAP(0x11000, 15 * PAGE, 0),
		-EINVAL, "bisects-mapping" },
	{ "unmap: v2, not a page in the middle", DOUN, MAPPED, UNMAP(0x18000, PAGE, 0), -EINVAL,
		"bisects-mapping" },
	{ "unmap: v2, ends in a mapping", DOUN, MAPPED, UNMAP(0, 0x11000, 0), -EINVAL,
		"bisects-mapping" },
	{ "unmap: v2, begins in a mapping", DOUN, MAPPED, UNMAP(0x1f000, 0x10000, 0), -EINVAL,
		"bisects-mapping" },
	{ "unmap: v2, the first whole, the second bisected", DOUN, MAPPED,
		UNMAP(0x10000, 0x21000, 0), -EINVAL, "bisects-mapping", .first = SECOND },
	{ "unmap: v2, the first bisected, the second whole", DOUN, MAPPED,
		UNMAP(0x1f000, 0x13000, 0), -EINVAL, "bisects-mapping", .first = SECOND },
	{ "unmap: a nest parent does not bisect", DOUN, NEST, UNMAP(0, PAGE, 0), -EINVAL,
		"bisects-mapping", .first = STEPS({ MAP(0, RW, 2 * PAGE, F_RW) }) },
	{ "unmap: the IOVA can be mapped again", DOUN, MAPPED, UNMAP(0x10000, 16 * PAGE, 0), 0,
		.after = ONE_LESS, .then = STEPS({ MAP(0x10000, RO, PAGE, F_R) }) },

	/* ---- UNMAP: v1 ---- */
	{ "unmap: v1 removes what starts there", DOUN, MAPPED_V1, UNMAP(0x10000, PAGE, 0), 0,
		SIZE_IS(16 * PAGE), .after = ONE_LESS },
	{ "unmap: v1, exactly", DOUN, MAPPED_V1, UNMAP(0x10000, 16 * PAGE, 0), 0,
		SIZE_IS(16 * PAGE), .after = ONE_LESS },
	{ "unmap: v1, from before to its first page", DOUN, MAPPED_V1, UNMAP(0, 0x11000, 0), 0,
		SIZE_IS(16 * PAGE), .after = ONE_LESS },
	{ "unmap: v1, inside a mapping", DOUN, MAPPED_V1, UNMAP(0x18000, PAGE, 0), 0, SIZE_IS(0) },
	{ "unmap: v1, all but the first page", DOUN, MAPPED_V1, UNMAP(0x11000, 15 * PAGE, 0), 0,
		SIZE_IS(0) },
	{ "unmap: v1, the last page", DOUN, MAPPED_V1, UNMAP(0x1f000, PAGE, 0), 0, SIZE_IS(0) },
	{ "unmap: v1, where nothing is", DOUN, MAPPED_V1, UNMAP(0x20000, PAGE, 0), 0, SIZE_IS(0) },
	{ "unmap: v1, what starts before ends it, whatever follows", DOUN, MAPPED_V1,
		UNMAP(0x1f000, 0x13000, 0), 0, SIZE_IS(0), .first = SECOND },
	{ "unmap: v1, the second by its first page", DOUN, MAPPED_V1, UNMAP(0x10000, 0x21000, 0), 0,
		SIZE_IS(18 * PAGE), .first = SECOND, .after = LESS(2) },
	{ "unmap: v1, from the hole to the second's first page", DOUN, MAPPED_V1,
		UNMAP(0x20000, 0x11000, 0), 0, SIZE_IS(2 * PAGE), .first = SECOND,
		.after = ONE_LESS },
	{ "unmap: v1 checks alignment too", DOUN, MAPPED_V1, UNMAP(0x10000, 1, 0), -EINVAL,
		"misaligned" },
	{ "unmap: v1 checks the wrap too", DOUN, MAPPED_V1, UNMAP(-PAGE, 2 * PAGE, 0), -EOVERFLOW,
		"wrap-around" },

	/* ---- the rest ---- */
	{ "a call that type 1 has not", "vfio_iommu_type1.c vfio_iommu_type1_ioctl", V2,
		IOCTL(CONTAINER, _IO(';', 100 + 40), VALUE(0)), -ENOTTY },
	{ "a call of another type 1 kind", "vfio_iommu_type1.c vfio_iommu_type1_ioctl", V2,
		IOCTL(CONTAINER, VFIO_IOMMU_ENABLE, VALUE(0)), -ENOTTY },
	{ "extension: UNMAP_ALL", "vfio_iommu_type1.c vfio_iommu_type1_check_extension", V2,
		CHECK_EXTENSION(CONTAINER, VFIO_UNMAP_ALL), 1 },
	{ "extension: UNMAP_ALL without an IOMMU",
		"vfio_iommu_type1.c vfio_iommu_type1_check_extension", JOINED,
		CHECK_EXTENSION(CONTAINER, VFIO_UNMAP_ALL), 1 },
	{ "extension: UPDATE_VADDR", "vfio_iommu_type1.c vfio_iommu_type1_check_extension", V2,
		CHECK_EXTENSION(CONTAINER, VFIO_UPDATE_VADDR), 1 },
	{ "extension: UPDATE_VADDR of v1", "vfio_iommu_type1.c vfio_iommu_type1_check_extension",
		V1, CHECK_EXTENSION(CONTAINER, VFIO_UPDATE_VADDR), 1 },
	{ "extension: UPDATE_VADDR without an IOMMU",
		"vfio_iommu_type1.c vfio_iommu_type1_check_extension", JOINED,
		CHECK_EXTENSION(CONTAINER, VFIO_UPDATE_VADDR), 0 },
	{ "extension: DMA_CC of an SMMU without CANWBS",
		"vfio_iommu_type1.c vfio_domains_have_enforce_cache_coherency", V2,
		CHECK_EXTENSION(CONTAINER, VFIO_DMA_CC_IOMMU), 0 },
	{ "extension: both types, whichever is set",
		"vfio_iommu_type1.c vfio_iommu_type1_check_extension", V1,
		CHECK_EXTENSION(CONTAINER, VFIO_TYPE1v2_IOMMU), 1 },
};

AREA(type1, rows);
