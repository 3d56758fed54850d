/* SPDX-License-Identifier: MIT */
/*
 * Dirty pages and the update of addresses: DIRTY_PAGES, UNMAP with a bitmap, and the VADDR flags of
 * MAP and UNMAP. Linux 7.3 drivers/vfio/vfio_iommu_type1.c. An IOMMU that cannot tell what was
 * written makes every page of every mapping dirty, always (update_user_bitmap).
 */
#include "conform/conform.h"

#define DIRTY_ "vfio_iommu_type1.c vfio_iommu_type1_dirty_pages"
#define RANGE  "vfio_iommu_type1.c vfio_iova_dirty_bitmap"
#define VERIFY "vfio_iommu_type1.c verify_bitmap_size"
#define USER   "vfio_iommu_type1.c update_user_bitmap"
#define ALLOC  "vfio_iommu_type1.c vfio_dma_bitmap_alloc"
#define UNMAP_ "vfio_iommu_type1.c vfio_iommu_type1_unmap_dma"
#define DOUN   "vfio_iommu_type1.c vfio_dma_do_unmap"
#define DOMAP  "vfio_iommu_type1.c vfio_dma_do_map"
#define ATTACH "vfio_iommu_type1.c vfio_iommu_type1_attach_group"

#define START	       VFIO_IOMMU_DIRTY_PAGES_FLAG_START
#define STOP	       VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP
#define GET	       VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP
#define SIZE_IS(bytes) .see = { UNMAPPED(bytes) }
#define BAD_BITMAP     "bad-bitmap"

/** Both calls with a bitmap have this shape. */
struct ranged {
	uint32_t argsz, flags;
	uint64_t iova, size;
	uint64_t pgsize, bytes, data; /* of the bitmap */
};

#define RANGED(cmd, argsz_, flags_, iova_, size_, pgsize_, bytes_, data_)                          \
	IOCTL(CONTAINER, cmd,                                                                      \
		ARG(struct ranged, (argsz_), (flags_), (iova_), (size_), (pgsize_), (bytes_),      \
			(data_)))
#define BITS(iova, size, pgsize, bytes, data)                                                      \
	RANGED(VFIO_IOMMU_DIRTY_PAGES, 48, GET, iova, size, pgsize, bytes, data)
#define UNMAP_BITS(iova, size, pgsize, bytes, data)                                                \
	RANGED(VFIO_IOMMU_UNMAP_DMA, 48, F_BITMAP, iova, size, pgsize, bytes, data)
#define DIRTY_RAW(argsz_, flags_)                                                                  \
	IOCTL(CONTAINER, VFIO_IOMMU_DIRTY_PAGES, WORDS((argsz_), (flags_)))

/* ---- bitmaps in memory ---- */

#define WORDS_ ((volatile uint64_t *)(uintptr_t)RW)
#define FIVES  0x5555555555555555ull

static long fives(void)
{
	for (unsigned i = 0; i < 8; i++)
		WORDS_[i] = FIVES;
	return 0;
}

static long zeros(void)
{
	for (unsigned i = 0; i < 8; i++)
		WORDS_[i] = 0;
	return 0;
}

static bool words_are(uint64_t a, uint64_t b, uint64_t c)
{
	return WORDS_[0] == a && WORDS_[1] == b && WORDS_[2] == c;
}

static bool one_word(void)
{
	return words_are(0xffff, FIVES, FIVES);
}

/* All of the word that the mapping starts inside of stays. */
static bool inside_a_word(void)
{
	return words_are(FIVES | 0xffff0000, FIVES, FIVES);
}

/* Of the word that it ends in nothing stays. */
static bool across_words(void)
{
	return words_are(FIVES | 0xffull << 56, 0xff, FIVES);
}

static bool two_in_a_word(void)
{
	return words_are(0x00030000ffff0000, 0, 0);
}

static bool two_from_the_first(void)
{
	return words_are(0x000000030000ffff, 0, 0);
}

static bool untouched(void)
{
	return words_are(FIVES, FIVES, FIVES);
}

/* ---- a mapping that no bitmap has bits for: 2^31 pages ---- */

#define HUGE_BYTES (1ull << 43)

__attribute__((unused)) static long map_huge(void)
{
	void *at = mmap(
		NULL, HUGE_BYTES, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	struct vfio_iommu_type1_dma_map map = { .argsz = sizeof(map),
		.flags = F_R,
		.vaddr = (uintptr_t)at,
		.iova = 1ull << 44,
		.size = HUGE_BYTES };
	long ret;

	if (at == MAP_FAILED)
		return -errno;
	ret = t_ioctl(fd_number(CONTAINER), VFIO_IOMMU_MAP_DMA, (uintptr_t)&map);
	munmap(at, HUGE_BYTES);
	return ret;
}

#define SECOND_AT(iova) STEPS({ MAP(iova, SHARED, 2 * PAGE, F_RW) }, { RUN(zeros) })

static const struct row rows[] = {
	/* ---- DIRTY_PAGES: the argument ---- */
	{ "dirty: v1", DIRTY_, V1, DIRTY(START), -EACCES, "needs-v2" },
	{ "dirty: v1 before the argument", DIRTY_, V1,
		IOCTL(CONTAINER, VFIO_IOMMU_DIRTY_PAGES, POINTER(NULLP)), -EACCES, "needs-v2" },
	{ "dirty: no pointer", DIRTY_, V2, IOCTL(CONTAINER, VFIO_IOMMU_DIRTY_PAGES, POINTER(NULLP)),
		-EFAULT, "bad-argument-pointer" },
	{ "dirty: the argument ends too early", DIRTY_, V2,
		IOCTL(CONTAINER, VFIO_IOMMU_DIRTY_PAGES, POINTER(EDGE + PAGE - 7)), -EFAULT,
		"bad-argument-pointer" },
	{ "dirty: argsz one byte short", DIRTY_, V2, DIRTY_RAW(7, START), -EINVAL,
		"argsz-too-small" },
	{ "dirty: argsz 0", DIRTY_, V2, DIRTY_RAW(0, START), -EINVAL, "argsz-too-small" },
	{ "dirty: no flag", DIRTY_, V2, DIRTY(0), -EINVAL, "unknown-flags" },
	{ "dirty: unknown flag", DIRTY_, V2, DIRTY(1 << 3), -EINVAL, "unknown-flags" },
	{ "dirty: unknown flag 31", DIRTY_, V2, DIRTY(1u << 31), -EINVAL, "unknown-flags" },
	{ "dirty: START and an unknown flag", DIRTY_, V2, DIRTY(START | 1 << 4), -EINVAL,
		"unknown-flags" },
	{ "dirty: START and STOP", DIRTY_, V2, DIRTY(START | STOP), -EINVAL, "unknown-flags" },
	{ "dirty: START and GET", DIRTY_, V2, DIRTY(START | GET), -EINVAL, "unknown-flags" },
	{ "dirty: STOP and GET", DIRTY_, V2, DIRTY(STOP | GET), -EINVAL, "unknown-flags" },
	{ "dirty: all flags", DIRTY_, V2, DIRTY(START | STOP | GET), -EINVAL, "unknown-flags" },
	{ "dirty: without an IOMMU", "container.c vfio_fops_unl_ioctl", JOINED, DIRTY(START),
		-EINVAL, "iommu-not-set" },

	/* ---- START, STOP ---- */
	{ "dirty: START", DIRTY_, MAPPED, DIRTY(START), 0 },
	{ "dirty: START of a later version", DIRTY_, MAPPED, DIRTY_RAW(4096, START), 0 },
	{ "dirty: START twice", DIRTY_, DIRTY_ON, DIRTY(START), 0 },
	{ "dirty: STOP", DIRTY_, DIRTY_ON, DIRTY(STOP), 0,
		.then = STEPS({ BITS(0x10000, 16 * PAGE, PAGE, 8, RW), -EINVAL }) },
	{ "dirty: STOP where it was not started", DIRTY_, MAPPED, DIRTY(STOP), 0 },
	{ "dirty: START again after STOP", DIRTY_, DIRTY_ON, DIRTY(START), 0,
		.first = STEPS({ DIRTY(STOP) }),
		.then = STEPS({ BITS(0x10000, 16 * PAGE, PAGE, 8, RW) }) },
#ifndef __SANITIZE_THREAD__ /* which leaves no 8 TiB of addresses */
	{ "dirty: START with 2^31 pages in one mapping", ALLOC, V2, DIRTY(START), -EINVAL,
		"mapping-too-large-for-bitmap", .first = STEPS({ RUN(map_huge) }) },
	{ "dirty: 2^31 pages in one mapping after START", ALLOC, DIRTY_ON, RUN(map_huge), -EINVAL,
		"mapping-too-large-for-bitmap" },
#endif
	{ "dirty: a nest parent", DIRTY_, NEST, DIRTY(START), 0 },
	{ "dirty: it goes with the IOMMU", "vfio_iommu_type1.c vfio_iommu_type1_open", DIRTY_ON,
		SET_IOMMU(CONTAINER, VFIO_TYPE1v2_IOMMU), 0,
		.first = STEPS({ UNSET_CONTAINER(GROUP) }, { SET_CONTAINER(GROUP, CONTAINER) }),
		.after = { .may = MAY_ALL & ~MAY_DIE },
		.then = STEPS({ BITS(0, PAGE, PAGE, 8, RW), -EINVAL }) },

	/* ---- GET_BITMAP: the argument ---- */
	{ "bitmap: argsz of the head", DIRTY_, DIRTY_ON, DIRTY(GET), -EINVAL, "argsz-too-small" },
	{ "bitmap: argsz one byte short", DIRTY_, DIRTY_ON,
		RANGED(VFIO_IOMMU_DIRTY_PAGES, 47, GET, 0x10000, 16 * PAGE, PAGE, 8, RW), -EINVAL,
		"argsz-too-small" },
	{ "bitmap: argsz of a later version", DIRTY_, DIRTY_ON,
		RANGED(VFIO_IOMMU_DIRTY_PAGES, 64, GET, 0x10000, 16 * PAGE, PAGE, 8, RW), 0 },
	{ "bitmap: the range cannot be read", DIRTY_, DIRTY_ON, DIRTY_RAW(48, GET), -EFAULT,
		"bad-argument-pointer" },
	{ "bitmap: size 0", DIRTY_, DIRTY_ON, BITS(0x10000, 0, PAGE, 8, RW), -EINVAL, "size-zero" },
	{ "bitmap: the range wraps", DIRTY_, DIRTY_ON, BITS(-PAGE, 2 * PAGE, PAGE, 8, RW),
		-EOVERFLOW, "wrap-around" },
	{ "bitmap: the last page of all", RANGE, DIRTY_ON, BITS(-PAGE, PAGE, PAGE, 8, RW), 0 },
	{ "bitmap: the wrap before the bitmap", DIRTY_, DIRTY_ON, BITS(-PAGE, 2 * PAGE, PAGE, 0, 0),
		-EOVERFLOW, "wrap-around" },
	{ "bitmap: of the kernel's memory", DIRTY_, DIRTY_ON,
		BITS(0x10000, 16 * PAGE, PAGE, 8, 0xffff888000000000), -EINVAL, BAD_BITMAP },
	{ "bitmap: reaches into the kernel's memory", DIRTY_, DIRTY_ON,
		BITS(0x10000, 16 * PAGE, PAGE, 16, 0x7ffffffffff8), -EINVAL, BAD_BITMAP },
	{ "bitmap: of 0 bytes", VERIFY, DIRTY_ON, BITS(0x10000, 16 * PAGE, PAGE, 0, RW), -EINVAL,
		BAD_BITMAP },
	{ "bitmap: of 7 bytes", VERIFY, DIRTY_ON, BITS(0x10000, 16 * PAGE, PAGE, 7, RW), -EINVAL,
		BAD_BITMAP },
	{ "bitmap: one word for 65 pages", VERIFY, DIRTY_ON, BITS(0x10000, 65 * PAGE, PAGE, 8, RW),
		-EINVAL, BAD_BITMAP },
	{ "bitmap: one word for 64 pages", VERIFY, DIRTY_ON, BITS(0x10000, 64 * PAGE, PAGE, 8, RW),
		0 },
	{ "bitmap: larger than any", VERIFY, DIRTY_ON,
		BITS(0x10000, 16 * PAGE, PAGE, (1 << 28) + 1, RW), -EINVAL, BAD_BITMAP },
	{ "bitmap: as large as any", VERIFY, DIRTY_ON, BITS(0x10000, 16 * PAGE, PAGE, 1 << 28, RW),
		0 },
	{ "bitmap: more room than needed", VERIFY, DIRTY_ON,
		BITS(0x10000, 16 * PAGE, PAGE, 4096, RW), 0 },
	{ "bitmap: pages of 0", DIRTY_, DIRTY_ON, BITS(0x10000, 16 * PAGE, 0, 4096, RW), -EINVAL },
	{ "bitmap: pages of 1", DIRTY_, DIRTY_ON, BITS(0x10000, PAGE, 1, 4096, RW), -EINVAL,
		"misaligned" },
	{ "bitmap: pages of 8 KiB", DIRTY_, DIRTY_ON, BITS(0x10000, 16 * PAGE, 8192, 8, RW),
		-EINVAL, "misaligned" },
	{ "bitmap: pages of 2 MiB", DIRTY_, DIRTY_ON, BITS(0, 1 << 21, 1 << 21, 8, RW), -EINVAL,
		"misaligned" },
	{ "bitmap: a page size that is no power of two", DIRTY_, DIRTY_ON,
		BITS(0x10000, 16 * PAGE, PAGE + 8192, 8, RW), -EINVAL, "misaligned" },
	{ "bitmap: less than a page", VERIFY, DIRTY_ON, BITS(0x10000, PAGE - 1, PAGE, 8, RW),
		-EINVAL, BAD_BITMAP },
	{ "bitmap: IOVA is no multiple of a page", DIRTY_, DIRTY_ON,
		BITS(0x10001, 16 * PAGE, PAGE, 8, RW), -EINVAL, "misaligned" },
	{ "bitmap: size is no multiple of a page", DIRTY_, DIRTY_ON,
		BITS(0x10000, 16 * PAGE + 1, PAGE, 8, RW), -EINVAL, "misaligned" },
	{ "bitmap: not started", DIRTY_, MAPPED, BITS(0x10000, 16 * PAGE, PAGE, 8, RW), -EINVAL,
		"dirty-tracking-off" },
	{ "bitmap: alignment before started", DIRTY_, MAPPED, BITS(0x10001, PAGE, PAGE, 8, RW),
		-EINVAL, "misaligned" },
	{ "bitmap: ends in a mapping", RANGE, DIRTY_ON, BITS(0x10000, PAGE, PAGE, 8, RW), -EINVAL,
		"bisects-mapping" },
	{ "bitmap: begins in a mapping", RANGE, DIRTY_ON, BITS(0x1f000, 16 * PAGE, PAGE, 8, RW),
		-EINVAL, "bisects-mapping" },
	{ "bitmap: inside a mapping", RANGE, DIRTY_ON, BITS(0x18000, PAGE, PAGE, 8, RW), -EINVAL,
		"bisects-mapping" },
	{ "bitmap: from before into a mapping", RANGE, DIRTY_ON, BITS(0, 0x11000, PAGE, 8, RW),
		-EINVAL, "bisects-mapping" },

	/* ---- GET_BITMAP: the bits ---- */
	{ "bits: of a mapping", USER, DIRTY_ON, BITS(0x10000, 16 * PAGE, PAGE, 8, RW), 0,
		.first = STEPS({ RUN(fives) }), .check = one_word },
	{ "bits: again, all are dirty always", USER, DIRTY_ON,
		BITS(0x10000, 16 * PAGE, PAGE, 8, RW), 0,
		.first = STEPS({ BITS(0x10000, 16 * PAGE, PAGE, 8, RW) }, { RUN(fives) }),
		.check = one_word },
	{ "bits: a mapping that can only be read too", USER, V2, BITS(0, 16 * PAGE, PAGE, 8, RW), 0,
		.first = STEPS({ MAP(0, RO, 16 * PAGE, F_R) }, { DIRTY(START) }, { RUN(fives) }),
		.check = one_word },
	{ "bits: a mapping that came after START", USER, DIRTY_ON,
		BITS(0x100000, 16 * PAGE, PAGE, 8, RW), 0,
		.first = STEPS({ MAP(0x100000, SHARED, 16 * PAGE, F_RW) }, { RUN(fives) }),
		.check = one_word },
	{ "bits: where nothing is mapped", USER, DIRTY_ON, BITS(0x20000, 64 * PAGE, PAGE, 8, RW), 0,
		.first = STEPS({ RUN(fives) }), .check = untouched },
	{ "bits: a mapping inside of a word", USER, DIRTY_ON, BITS(0, 0x100000, PAGE, 32, RW), 0,
		.first = STEPS({ RUN(fives) }), .check = inside_a_word },
	{ "bits: a mapping across words", USER, V2, BITS(0xc8000, 128 * PAGE, PAGE, 16, RW), 0,
		.first = STEPS(
			{ MAP(0x100000, RW, 16 * PAGE, F_RW) }, { DIRTY(START) }, { RUN(fives) }),
		.check = across_words },
	{ "bits: two mappings in a word", USER, DIRTY_ON, BITS(0, 64 * PAGE, PAGE, 8, RW), 0,
		.first = SECOND_AT(0x30000), .check = two_in_a_word },
	{ "bits: two mappings, from the first on", USER, DIRTY_ON,
		BITS(0x10000, 64 * PAGE, PAGE, 8, RW), 0, .first = SECOND_AT(0x30000),
		.check = two_from_the_first },
	{ "bits: nowhere to go", USER, DIRTY_ON, BITS(0x10000, 16 * PAGE, PAGE, 8, HOLE), -EFAULT,
		BAD_BITMAP },
	{ "bits: read-only memory", USER, DIRTY_ON, BITS(0x10000, 16 * PAGE, PAGE, 8, RO), -EFAULT,
		BAD_BITMAP },
	{ "bits: read-only memory, and nothing to write", USER, DIRTY_ON,
		BITS(0x20000, 64 * PAGE, PAGE, 8, RO), 0 },

	/* ---- UNMAP with a bitmap ---- */
	{ "unmap bits: not started", DOUN, MAPPED, UNMAP_BITS(0x10000, 16 * PAGE, PAGE, 8, RW),
		-EINVAL, "dirty-tracking-off" },
	{ "unmap bits: v1 cannot start", DOUN, MAPPED_V1,
		UNMAP_BITS(0x10000, 16 * PAGE, PAGE, 8, RW), -EINVAL, "dirty-tracking-off" },
	{ "unmap bits: argsz without a bitmap", UNMAP_, DIRTY_ON,
		UNMAP(0x10000, 16 * PAGE, F_BITMAP), -EINVAL, "argsz-too-small" },
	{ "unmap bits: argsz one byte short", UNMAP_, DIRTY_ON,
		RANGED(VFIO_IOMMU_UNMAP_DMA, 47, F_BITMAP, 0x10000, 16 * PAGE, PAGE, 8, RW),
		-EINVAL, "argsz-too-small" },
	{ "unmap bits: the bitmap cannot be read", UNMAP_, DIRTY_ON,
		IOCTL(CONTAINER, VFIO_IOMMU_UNMAP_DMA,
			ARG(struct vfio_iommu_type1_dma_unmap, .argsz = 48, .flags = F_BITMAP,
				.iova = 0x10000, .size = 16 * PAGE)),
		-EFAULT, "bad-argument-pointer" },
	{ "unmap bits: of the kernel's memory", UNMAP_, DIRTY_ON,
		UNMAP_BITS(0x10000, 16 * PAGE, PAGE, 8, 0xffff888000000000), -EINVAL, BAD_BITMAP },
	{ "unmap bits: size 0", VERIFY, DIRTY_ON, UNMAP_BITS(0x10000, 0, PAGE, 8, RW), -EINVAL,
		BAD_BITMAP },
	{ "unmap bits: too small", VERIFY, DIRTY_ON, UNMAP_BITS(0x10000, 65 * PAGE, PAGE, 8, RW),
		-EINVAL, BAD_BITMAP },
	{ "unmap bits: the bitmap before alignment", VERIFY, DIRTY_ON,
		UNMAP_BITS(0x10001, 16 * PAGE, PAGE, 0, RW), -EINVAL, BAD_BITMAP },
	{ "unmap bits: pages of 8 KiB", DOUN, DIRTY_ON, UNMAP_BITS(0x10000, 16 * PAGE, 8192, 8, RW),
		-EINVAL, "dirty-tracking-off" },
	{ "unmap bits: the wrap before the page size", DOUN, DIRTY_ON,
		UNMAP_BITS(-PAGE, 2 * PAGE, 8192, 8, RW), -EOVERFLOW, "wrap-around" },
	{ "unmap bits: bisects", DOUN, DIRTY_ON, UNMAP_BITS(0x10000, PAGE, PAGE, 8, RW), -EINVAL,
		"bisects-mapping" },
	{ "unmap bits: of a mapping", USER, DIRTY_ON, UNMAP_BITS(0x10000, 16 * PAGE, PAGE, 8, RW),
		0, SIZE_IS(16 * PAGE), .first = STEPS({ RUN(fives) }), .check = one_word,
		.after = ONE_LESS },
	{ "unmap bits: of more than a mapping", USER, DIRTY_ON,
		UNMAP_BITS(0, 0x100000, PAGE, 32, RW), 0, SIZE_IS(16 * PAGE),
		.first = STEPS({ RUN(fives) }), .check = inside_a_word, .after = ONE_LESS },
	{ "unmap bits: of two mappings", USER, DIRTY_ON, UNMAP_BITS(0, 64 * PAGE, PAGE, 8, RW), 0,
		SIZE_IS(18 * PAGE), .first = SECOND_AT(0x30000), .check = two_in_a_word,
		.after = { .mappings = -2, .entries = 2, .may = MAY_DOMAINS } },
	{ "unmap bits: of nothing", USER, DIRTY_ON, UNMAP_BITS(0x20000, 64 * PAGE, PAGE, 8, RW), 0,
		SIZE_IS(0), .first = STEPS({ RUN(fives) }), .check = untouched },
	{ "unmap bits: nowhere to go", USER, DIRTY_ON,
		UNMAP_BITS(0x10000, 16 * PAGE, PAGE, 8, HOLE), -EFAULT, BAD_BITMAP },
	{ "unmap: without a bitmap while tracked", DOUN, DIRTY_ON, UNMAP(0x10000, 16 * PAGE, 0), 0,
		SIZE_IS(16 * PAGE), .after = ONE_LESS },

	/* ---- VADDR: invalid ---- */
	{ "vaddr: of a mapping", DOUN, MAPPED, UNMAP(0x10000, 16 * PAGE, F_VADDR), 0,
		SIZE_IS(16 * PAGE) },
	{ "vaddr: of all", DOUN, MAPPED, UNMAP(0, 0, F_VADDR | F_ALL), 0, SIZE_IS(18 * PAGE),
		.first = STEPS({ MAP(0x30000, RW, 2 * PAGE, F_RW) }) },
	{ "vaddr: of nothing", DOUN, MAPPED, UNMAP(0x20000, PAGE, F_VADDR), 0, SIZE_IS(0) },
	{ "vaddr: twice", DOUN, STALE, UNMAP(0x10000, 16 * PAGE, F_VADDR), -EINVAL,
		"vaddr-invalid" },
	{ "vaddr: of all, one of them twice", DOUN, STALE, UNMAP(0, 0, F_VADDR | F_ALL), -EINVAL,
		"vaddr-invalid", .first = STEPS({ MAP(0x8000, RW, 2 * PAGE, F_RW) }),
		.then = STEPS({ MAP(0x8000, RW, 2 * PAGE, F_VADDR), -EINVAL },
			{ MAP(0x10000, RW, 16 * PAGE, F_VADDR), 0 }) },
	{ "vaddr: v2 does not bisect", DOUN, MAPPED, UNMAP(0x10000, PAGE, F_VADDR), -EINVAL,
		"bisects-mapping" },
	{ "vaddr: v1, by the first page", DOUN, MAPPED_V1, UNMAP(0x10000, PAGE, F_VADDR), 0,
		SIZE_IS(16 * PAGE), .then = STEPS({ MAP(0x10000, RW, 16 * PAGE, F_VADDR) }) },
	{ "vaddr: v1, inside a mapping", DOUN, MAPPED_V1, UNMAP(0x18000, PAGE, F_VADDR), 0,
		SIZE_IS(0) },
	{ "vaddr: alignment", DOUN, MAPPED, UNMAP(0x10001, PAGE, F_VADDR), -EINVAL, "misaligned" },

	/* ---- VADDR: anew ---- */
	{ "vaddr: anew", DOMAP, STALE, MAP(0x10000, SHARED, 16 * PAGE, F_VADDR), 0 },
	{ "vaddr: anew, it need not be mapped", DOMAP, STALE,
		MAP(0x10000, HOLE, 16 * PAGE, F_VADDR), 0 },
	{ "vaddr: anew, where nothing is", DOMAP, STALE, MAP(0x40000, RW, 16 * PAGE, F_VADDR),
		-ENOENT, "no-such-mapping" },
	{ "vaddr: anew, what is valid", DOMAP, MAPPED, MAP(0x10000, RW, 16 * PAGE, F_VADDR),
		-EINVAL, "vaddr-valid" },
	{ "vaddr: anew, twice", DOMAP, STALE, MAP(0x10000, RW, 16 * PAGE, F_VADDR), -EINVAL,
		"vaddr-valid", .first = STEPS({ MAP(0x10000, RW, 16 * PAGE, F_VADDR) }) },
	{ "vaddr: anew, a part", DOMAP, STALE, MAP(0x10000, RW, PAGE, F_VADDR), -EINVAL,
		"vaddr-valid" },
	{ "vaddr: anew, the last page", DOMAP, STALE, MAP(0x1f000, RW, PAGE, F_VADDR), -EINVAL,
		"vaddr-valid" },
	{ "vaddr: anew, more than it", DOMAP, STALE, MAP(0x10000, RW, 17 * PAGE, F_VADDR), -EINVAL,
		"vaddr-valid" },
	{ "vaddr: anew, alignment", DOMAP, STALE, MAP(0x10000, RW + 1, 16 * PAGE, F_VADDR), -EINVAL,
		"misaligned" },
	{ "vaddr: anew, wraps", DOMAP, STALE, MAP(0x10000, -PAGE, 16 * PAGE, F_VADDR), -EOVERFLOW,
		"wrap-around" },
	{ "vaddr: anew, alignment before what is there", DOMAP, V2, MAP(0x10001, RW, PAGE, F_VADDR),
		-EINVAL, "misaligned" },

	/* ---- meanwhile ---- */
	{ "vaddr invalid: other mappings come", DOMAP, STALE, MAP(0x40000, RW, PAGE, F_RW), 0,
		.after = ONE_MORE },
	{ "vaddr invalid: nothing comes in its place", DOMAP, STALE,
		MAP(0x10000, RW, 16 * PAGE, F_RW), -EEXIST, "overlap" },
	{ "vaddr invalid: it can be unmapped", "vfio_iommu_type1.c vfio_remove_dma", STALE,
		UNMAP(0x10000, 16 * PAGE, 0), 0, SIZE_IS(16 * PAGE), .after = ONE_LESS,
		.then = STEPS({ OPEN(GROUP2, "3"), FD }, { SET_CONTAINER(GROUP2, CONTAINER) }) },
	{ "vaddr invalid: no group joins", ATTACH, STALE, SET_CONTAINER(GROUP2, CONTAINER), -EBUSY,
		"vaddr-invalid", .first = STEPS({ OPEN(GROUP2, "3"), FD }) },
	{ "vaddr valid again: groups join", ATTACH, STALE, SET_CONTAINER(GROUP2, CONTAINER), 0,
		.first = STEPS({ OPEN(GROUP2, "3"), FD }, { MAP(0x10000, RW, 16 * PAGE, F_VADDR) }),
		.after = { .attachments = 2, .may = MAY_STATUS | MAY_DOMAINS } },
	{ "vaddr invalid: devices open", "container.c vfio_group_use_container", STALE,
		OPEN_DEVICE(X0, GROUP, DEV1), FD },
	{ "vaddr invalid: dirty pages", USER, STALE, BITS(0x10000, 16 * PAGE, PAGE, 8, RW), 0,
		.first = STEPS({ DIRTY(START) }, { RUN(fives) }), .check = one_word },
	{ "vaddr invalid: it goes with the IOMMU", "vfio_iommu_type1.c vfio_iommu_type1_release",
		STALE, SET_IOMMU(CONTAINER, VFIO_TYPE1v2_IOMMU), 0,
		.first = STEPS({ UNSET_CONTAINER(GROUP) }, { SET_CONTAINER(GROUP, CONTAINER) }),
		.after = { .may = MAY_ALL & ~MAY_DIE },
		.then = STEPS({ OPEN(GROUP2, "3"), FD }, { SET_CONTAINER(GROUP2, CONTAINER) }) },
};

AREA(type1_dirty, rows);
