/* SPDX-License-Identifier: MIT */
/*
 * Conformance of the container, group and type 1 calls: each row is one wrong (or unusual) use, the
 * errno that Linux 7.3 gives, and the rule that explains it. After each row the container is as it
 * was: nothing more or less is mapped, and mapping works. Usage: misuse HOST (smmuv3, or
 * hosts/drivers.yaml for the rows about host drivers).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include <linux/vfio.h>

#include "sys.h"

#define PAGE	  4096ull
#define MSI_START 0x8000000ull /* of the window that no SMMUv3 program may map */
#define DEVICE	  "0000:01:00.0"
#define OTHER	  "0000:03:00.0" /* in group 3 */
#ifndef VFIO_UPDATE_VADDR
#define VFIO_UPDATE_VADDR 10
#endif
#define F_R	      VFIO_DMA_MAP_FLAG_READ
#define F_RW	      (VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE)
#define F_VADDR_MAP   (1u << 2)
#define F_VADDR_UNMAP (1u << 2)
#define F_ALL	      (1u << 1)
#define F_BITMAP      (1u << 0)
#define NOWHERE	      0x10u /* an address that nothing is mapped at */

/* ---- the world of a row ---- */

static int container, group;
static uint64_t rw, ro, none; /* 16 pages each, readable and writable, read-only, PROT_NONE */
static uint64_t edge;	      /* one page, followed by nothing */

static long map_flags(uint64_t iova, uint64_t vaddr, uint64_t size, uint32_t flags)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map), .flags = flags, .vaddr = vaddr, .iova = iova, .size = size
	};

	return t_ioctl(container, VFIO_IOMMU_MAP_DMA, (uintptr_t)&map);
}

static long map(uint64_t iova, uint64_t size)
{
	return map_flags(iova, rw, size, F_RW);
}

/* Bytes unmapped, or -errno. */
static long unmap_flags(uint64_t iova, uint64_t size, uint32_t flags)
{
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap), .flags = flags, .iova = iova, .size = size
	};
	long ret = t_ioctl(container, VFIO_IOMMU_UNMAP_DMA, (uintptr_t)&unmap);

	return ret ? ret : (long)unmap.size;
}

static long unmap(uint64_t iova, uint64_t size)
{
	return unmap_flags(iova, size, 0);
}

static long set_container(int group_fd, int32_t fd)
{
	return t_ioctl(group_fd, VFIO_GROUP_SET_CONTAINER, (uintptr_t)&fd);
}

static long get_device(int group_fd, const char *name)
{
	return t_ioctl(group_fd, VFIO_GROUP_GET_DEVICE_FD, (uintptr_t)name);
}

static long avail(void)
{
	struct {
		struct vfio_iommu_type1_info info;
		uint32_t rest[1024];
	} reply = { .info.argsz = sizeof(reply) };
	uint8_t *bytes = (uint8_t *)&reply;

	if (t_ioctl(container, VFIO_IOMMU_GET_INFO, (uintptr_t)&reply))
		return -1;
	for (uint32_t at = reply.info.cap_offset; at;) {
		struct vfio_info_cap_header *cap = (void *)(bytes + at);

		if (cap->id == 3)
			return *(uint32_t *)(cap + 1);
		at = cap->next;
	}
	return -1;
}

/* ---- rows: what a program does. The result is the last call's. ---- */

/* A container without IOMMU (type 0 rows). */
static long unset_unknown_ioctl(void)
{
	return t_ioctl(container, _IO(';', 190), 0);
}
static long unset_get_info(void)
{
	return t_ioctl(container, VFIO_IOMMU_GET_INFO, NOWHERE);
}
static long unset_map(void)
{
	return map(0, PAGE);
}
static long unset_no_group(void)
{
	int fd = t_open("vfio");
	long ret = t_ioctl(fd, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU);

	t_close(fd);
	return ret;
}
static long unset_type_42(void)
{
	return t_ioctl(container, VFIO_SET_IOMMU, 42);
}
static long unset_type_spapr(void)
{
	return t_ioctl(container, VFIO_SET_IOMMU, VFIO_SPAPR_TCE_IOMMU);
}
static long unset_type_extension(void)
{
	return t_ioctl(container, VFIO_SET_IOMMU, 9 /* VFIO_UNMAP_ALL */);
}
static long unset_type_huge(void)
{
	return t_ioctl(container, VFIO_SET_IOMMU, 1ull << 32 | VFIO_TYPE1v2_IOMMU);
}
static long unset_device(void)
{
	return get_device(group, DEVICE);
}
static long unset_api_version(void)
{
	return t_ioctl(container, VFIO_GET_API_VERSION, 0);
}
static long unset_check_vaddr(void)
{
	return t_ioctl(container, VFIO_CHECK_EXTENSION, VFIO_UPDATE_VADDR);
}

/* Extensions of a TYPE1v2 container. */
static long check_unmap_all(void)
{
	return t_ioctl(container, VFIO_CHECK_EXTENSION, 9);
}
static long check_vaddr(void)
{
	return t_ioctl(container, VFIO_CHECK_EXTENSION, VFIO_UPDATE_VADDR);
}
static long check_unknown(void)
{
	long sum = 0;
	const uint64_t numbers[] = { 0, 2, 4, 5, 7, 11, 42, ~0ull };

	for (unsigned i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		sum += t_ioctl(container, VFIO_CHECK_EXTENSION, numbers[i]);
	return sum;
}

/* Calls of a TYPE1v2 container. */
static long unknown_ioctl(void)
{
	return t_ioctl(container, _IO(';', 190), 0);
}
static long enable(void)
{
	return t_ioctl(container, VFIO_IOMMU_ENABLE, 0);
}
static long disable(void)
{
	return t_ioctl(container, VFIO_IOMMU_DISABLE, 0);
}
static long set_twice(void)
{
	return t_ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU);
}
static long info_null(void)
{
	return t_ioctl(container, VFIO_IOMMU_GET_INFO, 0);
}
static long info_short(void)
{
	struct vfio_iommu_type1_info info = { .argsz = 15 };

	return t_ioctl(container, VFIO_IOMMU_GET_INFO, (uintptr_t)&info);
}
static long info_not_writable(void)
{
	return t_ioctl(container, VFIO_IOMMU_GET_INFO, ro);
}
static long info_size_probe(void)
{
	struct vfio_iommu_type1_info info = { .argsz = sizeof(info) };
	long ret = t_ioctl(container, VFIO_IOMMU_GET_INFO, (uintptr_t)&info);

	if (ret || !(info.flags & 2) || info.cap_offset || info.argsz <= sizeof(info))
		return -1;
	return (info.iova_pgsizes & PAGE) != 0;
}
static long map_null(void)
{
	return t_ioctl(container, VFIO_IOMMU_MAP_DMA, 0);
}
static long map_across_edge(void)
{
	return t_ioctl(container, VFIO_IOMMU_MAP_DMA, edge + PAGE - 16);
}
static long map_short(void)
{
	struct vfio_iommu_type1_dma_map arg = {
		.argsz = sizeof(arg) - 1, .flags = F_RW, .vaddr = rw, .size = PAGE
	};

	return t_ioctl(container, VFIO_IOMMU_MAP_DMA, (uintptr_t)&arg);
}
static long map_bad_flags(void)
{
	return map_flags(0, rw, PAGE, F_RW | 1u << 3);
}
static long map_no_flags(void)
{
	return map_flags(0, rw, PAGE, 0);
}
static long map_zero(void)
{
	return map(0, 0);
}
static long map_wrap_iova(void)
{
	return map(-PAGE, 2 * PAGE);
}
static long map_wrap_vaddr(void)
{
	return map_flags(0, -PAGE, 2 * PAGE, F_RW);
}
static long map_iova_odd(void)
{
	return map(0x800, PAGE);
}
static long map_vaddr_odd(void)
{
	return map_flags(0, rw + 8, PAGE, F_RW);
}
static long map_size_odd(void)
{
	return map(0, PAGE + 1);
}
static long map_over(uint64_t iova, uint64_t size)
{
	long ret;

	if (map(4 * PAGE, 4 * PAGE))
		return -1;
	ret = map(iova, size);
	unmap(4 * PAGE, 4 * PAGE);
	return ret;
}
static long map_same(void)
{
	return map_over(4 * PAGE, 4 * PAGE);
}
static long map_inside(void)
{
	return map_over(5 * PAGE, PAGE);
}
static long map_over_head(void)
{
	return map_over(3 * PAGE, 2 * PAGE);
}
static long map_over_tail(void)
{
	return map_over(7 * PAGE, 2 * PAGE);
}
static long map_around(void)
{
	return map_over(2 * PAGE, 8 * PAGE);
}
static long map_beside(void)
{
	long ret = map_over(8 * PAGE, PAGE);

	unmap(8 * PAGE, PAGE);
	return ret;
}
static long map_reserved(void)
{
	return map(MSI_START, PAGE);
}
static long map_into_reserved(void)
{
	return map(MSI_START - PAGE, 2 * PAGE);
}
static long map_beyond(void)
{
	return map(1ull << 62, PAGE);
}
static long map_unmapped(void)
{
	return map_flags(0, NOWHERE * PAGE, PAGE, F_RW);
}
static long map_half_mapped(void)
{
	return map_flags(0, edge, 2 * PAGE, F_RW);
}
static long map_read_only(void)
{
	return map_flags(0, ro, PAGE, F_RW);
}
static long map_prot_none(void)
{
	return map_flags(0, none, PAGE, F_R);
}
static long map_read_only_r(void)
{
	long ret = map_flags(0, ro, PAGE, F_R);

	unmap(0, PAGE);
	return ret;
}
/* A bad argument that is refused for its overlap before its memory is looked at. */
static long map_overlap_before_memory(void)
{
	long ret;

	map(0, PAGE);
	ret = map_flags(0, NOWHERE * PAGE, PAGE, F_RW);
	unmap(0, PAGE);
	return ret;
}
static long map_limit(void)
{
	long ret = 0;
	unsigned n = 0;

	while (n <= T_ENTRY_LIMIT && !(ret = map(n * PAGE, PAGE)))
		n++;
	if (n != T_ENTRY_LIMIT)
		ret = -1;
	unmap_flags(0, 0, F_ALL);
	return ret;
}
static long unmap_null(void)
{
	return t_ioctl(container, VFIO_IOMMU_UNMAP_DMA, 0);
}
static long unmap_short(void)
{
	struct vfio_iommu_type1_dma_unmap arg = { .argsz = sizeof(arg) - 1, .size = PAGE };

	return t_ioctl(container, VFIO_IOMMU_UNMAP_DMA, (uintptr_t)&arg);
}
static long unmap_bad_flags(void)
{
	return unmap_flags(0, PAGE, 1u << 3);
}
static long unmap_zero(void)
{
	return unmap(0, 0);
}
static long unmap_wrap(void)
{
	return unmap(-PAGE, 2 * PAGE);
}
static long unmap_odd_iova(void)
{
	return unmap(8, PAGE);
}
static long unmap_odd_size(void)
{
	return unmap(0, 8);
}
static long unmap_nothing(void)
{
	return unmap(0, 16 * PAGE);
}
static long unmap_of_four(uint64_t iova, uint64_t size)
{
	long ret;

	map(4 * PAGE, 4 * PAGE);
	ret = unmap(iova, size);
	unmap(4 * PAGE, 4 * PAGE);
	return ret;
}
static long unmap_head(void)
{
	return unmap_of_four(4 * PAGE, PAGE);
}
static long unmap_tail(void)
{
	return unmap_of_four(7 * PAGE, 4 * PAGE);
}
static long unmap_whole(void)
{
	return unmap_of_four(4 * PAGE, 4 * PAGE);
}
static long unmap_around(void)
{
	return unmap_of_four(0, 16 * PAGE);
}
static long unmap_two(void)
{
	map(0, PAGE);
	return unmap_of_four(0, 8 * PAGE);
}
static long unmap_all(void)
{
	map(0, PAGE);
	map(1ull << 32, 2 * PAGE);
	return unmap_flags(0, 0, F_ALL);
}
static long unmap_all_with_size(void)
{
	return unmap_flags(0, PAGE, F_ALL);
}
static long unmap_all_bitmap(void)
{
	return unmap_flags(0, 0, F_ALL | F_BITMAP);
}

/* Rows of a TYPE1 (v1) container. */
static long v1_middle(void)
{
	return unmap_of_four(5 * PAGE, PAGE);
}
static long v1_first_page(void)
{
	return unmap_of_four(4 * PAGE, PAGE);
}
static long v1_before(void)
{
	return unmap_of_four(0, 5 * PAGE);
}
static long v1_dirty(void)
{
	return t_ioctl(container, _IO(';', 117), 0);
}

/* Dirty pages (v2). */
static long dirty(uint32_t flags)
{
	struct {
		uint32_t argsz, flags;
	} arg = { sizeof(arg), flags };

	return t_ioctl(container, _IO(';', 117), (uintptr_t)&arg);
}
struct dirty_get {
	uint32_t argsz, flags;
	uint64_t iova, size, pgsize, bytes, data;
};
static long dirty_get(uint64_t iova, uint64_t size, uint64_t *bitmap)
{
	struct dirty_get arg = { sizeof(arg), 4, iova, size, PAGE, 8, (uintptr_t)bitmap };

	return t_ioctl(container, _IO(';', 117), (uintptr_t)&arg);
}
static long dirty_null(void)
{
	return t_ioctl(container, _IO(';', 117), 0);
}
static long dirty_two_flags(void)
{
	return dirty(3);
}
static long dirty_not_started(void)
{
	uint64_t bits = 0;

	return dirty_get(0, 16 * PAGE, &bits);
}
/* Two areas, pages 1 to 2 and 5: their bits, and the bits below them kept. */
static long dirty_bits(void)
{
	uint64_t bits = 1;
	long ret;

	map(PAGE, 2 * PAGE);
	map(5 * PAGE, PAGE);
	dirty(1);
	ret = dirty_get(0, 16 * PAGE, &bits);
	dirty(2);
	unmap_flags(0, 0, F_ALL);
	return ret ? ret : (long)bits;
}
static long dirty_bisect(void)
{
	uint64_t bits = 0;
	long ret;

	map(PAGE, 2 * PAGE);
	dirty(1);
	ret = dirty_get(2 * PAGE, 4 * PAGE, &bits);
	dirty(2);
	unmap_flags(0, 0, F_ALL);
	return ret;
}
static long dirty_unmap(bool tracking)
{
	uint64_t bits = 0;
	struct {
		uint32_t argsz, flags;
		uint64_t iova, size, pgsize, bytes, data;
	} arg = { sizeof(arg), F_BITMAP, 0, 4 * PAGE, PAGE, 8, (uintptr_t)&bits };
	long ret;

	map(PAGE, 2 * PAGE);
	if (tracking)
		dirty(1);
	ret = t_ioctl(container, VFIO_IOMMU_UNMAP_DMA, (uintptr_t)&arg);
	dirty(2);
	unmap_flags(0, 0, F_ALL);
	return ret ? ret : (long)(arg.size << 8 | bits);
}
static long dirty_unmap_off(void)
{
	return dirty_unmap(false);
}
static long dirty_unmap_on(void)
{
	return dirty_unmap(true);
}

/* Updating vaddr (v2). */
static long vaddr_twice(void)
{
	long ret;

	map(0, PAGE);
	map(PAGE, PAGE);
	unmap_flags(PAGE, PAGE, F_VADDR_UNMAP);
	ret = unmap_flags(0, 2 * PAGE, F_VADDR_UNMAP);
	unmap_flags(0, 0, F_ALL);
	return ret;
}
static long vaddr_size(void)
{
	long ret;

	map(0, 4 * PAGE);
	ret = unmap_flags(0, 0, F_ALL | F_VADDR_UNMAP);
	unmap_flags(0, 0, F_ALL);
	return ret;
}
static long vaddr_of(uint64_t iova, uint64_t size, bool invalidate)
{
	long ret;

	map(0, 4 * PAGE);
	if (invalidate)
		unmap_flags(0, 4 * PAGE, F_VADDR_UNMAP);
	ret = map_flags(iova, rw, size, F_VADDR_MAP);
	unmap_flags(0, 0, F_ALL);
	return ret;
}
static long vaddr_update(void)
{
	return vaddr_of(0, 4 * PAGE, true);
}
static long vaddr_part(void)
{
	return vaddr_of(0, 2 * PAGE, true);
}
static long vaddr_valid(void)
{
	return vaddr_of(0, 4 * PAGE, false);
}
static long vaddr_nowhere(void)
{
	return vaddr_of(8 * PAGE, PAGE, true);
}
static long vaddr_join(void)
{
	int other = t_open("3");
	long ret;

	map(0, PAGE);
	unmap_flags(0, PAGE, F_VADDR_UNMAP);
	ret = set_container(other, container);
	t_close(other);
	unmap_flags(0, 0, F_ALL);
	return ret;
}

/* Groups. */
static long group_second_opener(void)
{
	return t_open("1");
}
static long group_unknown(void)
{
	return t_open("77");
}
static long group_unknown_ioctl(void)
{
	return t_ioctl(group, _IO(';', 190), 0);
}
static long group_container_call(void)
{
	return t_ioctl(group, VFIO_SET_IOMMU, VFIO_TYPE1_IOMMU);
}
static long group_status_null(void)
{
	return t_ioctl(group, VFIO_GROUP_GET_STATUS, 0);
}
static long group_status_short(void)
{
	struct vfio_group_status status = { .argsz = 7 };

	return t_ioctl(group, VFIO_GROUP_GET_STATUS, (uintptr_t)&status);
}
static long group_set_null(void)
{
	return t_ioctl(group, VFIO_GROUP_SET_CONTAINER, 0);
}
static long group_set_closed_fd(void)
{
	return set_container(group, -1);
}
static long group_set_twice(void)
{
	return set_container(group, container);
}
/* A group that is in no container yet: each row opens group 3. */
static long other_set(int fd)
{
	int other = t_open("3");
	long ret = set_container(other, fd < 0 ? other : fd);

	t_close(other);
	return ret;
}
static long other_set_null_device(void)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	long ret = other_set(fd);

	t_close(fd);
	return ret;
}
static long other_set_group(void)
{
	return other_set(-1);
}
static long other_unset(void)
{
	int other = t_open("3");
	long ret = t_ioctl(other, VFIO_GROUP_UNSET_CONTAINER, 0);

	t_close(other);
	return ret;
}
static long other_device(void)
{
	int other = t_open("3");
	long ret = get_device(other, OTHER);

	t_close(other);
	return ret;
}
static long device_null(void)
{
	return t_ioctl(group, VFIO_GROUP_GET_DEVICE_FD, 0);
}
static long device_endless_name(void)
{
	memset((void *)(uintptr_t)rw, 'a', 2 * PAGE);
	return t_ioctl(group, VFIO_GROUP_GET_DEVICE_FD, rw);
}
static long device_unknown(void)
{
	return get_device(group, "0000:7f:00.0");
}
static long device_prefix(void)
{
	return get_device(group, "0000:01:00");
}
static long device_of_other_group(void)
{
	return get_device(group, OTHER);
}
static long device_option(void)
{
	return get_device(group, DEVICE " color=blue");
}
/* The name may end at the edge of mapped memory. */
static long device_at_edge(void)
{
	char *name = (char *)(uintptr_t)(edge + PAGE - sizeof(DEVICE));
	long fd;

	memcpy(name, DEVICE, sizeof(DEVICE));
	fd = t_ioctl(group, VFIO_GROUP_GET_DEVICE_FD, (uintptr_t)name);
	return fd < 0 ? fd : t_close((int)fd);
}
static long device_unset(void)
{
	long fd = get_device(group, DEVICE), ret;

	ret = t_ioctl(group, VFIO_GROUP_UNSET_CONTAINER, 0);
	t_close((int)fd);
	return ret;
}

/* ---- rows whose world ends in a way of its own (no IOMMU afterwards) ---- */

/* The device holds the group open: a second opener is refused until it is closed. */
static long close_group_first(void)
{
	long device = get_device(group, DEVICE), again;

	t_close(group);
	again = t_open("1");
	t_close((int)device);
	group = t_open("1");
	return again;
}
static long close_container_first(void)
{
	long device = get_device(group, DEVICE), ret;

	t_close(container);
	ret = t_ioctl(group, VFIO_GROUP_UNSET_CONTAINER, 0);
	t_close((int)device);
	if (t_ioctl(group, VFIO_GROUP_UNSET_CONTAINER, 0))
		return -1;
	container = t_open("vfio");
	return ret;
}
static long last_group_takes_maps(void)
{
	struct t_counts counts;

	map(0, PAGE);
	t_ioctl(group, VFIO_GROUP_UNSET_CONTAINER, 0);
	if (t_counts(&counts) && (counts.mappings || counts.domains || counts.attachments))
		return -1;
	set_container(group, container);
	return t_ioctl(container, VFIO_IOMMU_MAP_DMA, rw);
}

/* ---- rows of the host hosts/drivers.yaml ---- */

/* Group 1 has a device that another driver of the host holds. */
static long drivers_not_viable(void)
{
	struct vfio_group_status status = { .argsz = sizeof(status) };
	long ret = t_ioctl(group, VFIO_GROUP_GET_STATUS, (uintptr_t)&status);

	return ret ? ret : status.flags;
}
static long drivers_join(void)
{
	return set_container(group, container);
}
/* Group 2: one device of vfio-pci, and one without driver, which VFIO does not have. */
static long drivers_device(const char *name)
{
	int other = t_open("2");
	long ret;

	if (set_container(other, container) ||
		t_ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU))
		return -1;
	ret = get_device(other, name);
	if (ret >= 0)
		ret = t_close((int)ret);
	t_close(other);
	return ret;
}
static long drivers_bound(void)
{
	return drivers_device("0000:02:00.0");
}
static long drivers_unbound(void)
{
	return drivers_device("0000:02:00.1");
}
/* Group 3: no device of vfio-pci, so VFIO does not have the group. */
static long drivers_no_group(void)
{
	return t_open("3");
}

/* ---- the table ---- */

enum where {
	UNSET,	  /* group in the container, no IOMMU */
	V2,	  /* TYPE1v2 */
	V1,	  /* TYPE1 */
	ENDS,	  /* TYPE1v2, and the row leaves no IOMMU behind */
	LOCAL_V2, /* as V2, only in-process */
	DRIVERS,  /* hosts/drivers.yaml: group 1 is open and in no container */
	LOCAL_DRIVERS,
};

static const struct row {
	const char *name;
	long (*run)(void);
	enum where where;
	long want;
	const char *rule; /* NULL: no refusal, or protocol */
} table[] = {
#define ROW(f, where, want, rule)                                                                  \
	{                                                                                          \
#f, f, where, want, rule                                                           \
	}
	ROW(unset_unknown_ioctl, UNSET, -EINVAL, "iommu-not-set"),
	ROW(unset_get_info, UNSET, -EINVAL, "iommu-not-set"),
	ROW(unset_map, UNSET, -EINVAL, "iommu-not-set"),
	ROW(unset_no_group, UNSET, -EINVAL, "container-has-no-group"),
	ROW(unset_type_42, UNSET, -ENODEV, "unknown-iommu-type"),
	ROW(unset_type_spapr, UNSET, -ENODEV, "unknown-iommu-type"),
	ROW(unset_type_extension, UNSET, -EINVAL, "unknown-iommu-type"),
	ROW(unset_type_huge, UNSET, -ENODEV, "unknown-iommu-type"),
	ROW(unset_device, UNSET, -EINVAL, "iommu-not-set"),
	ROW(unset_api_version, UNSET, 0, NULL),
	ROW(unset_check_vaddr, UNSET, 0, NULL),
	ROW(check_unmap_all, V2, 1, NULL),
	ROW(check_vaddr, V2, 1, NULL),
	ROW(check_unknown, V2, 0, NULL),
	ROW(unknown_ioctl, V2, -ENOTTY, NULL),
	ROW(enable, V2, -ENOTTY, NULL),
	ROW(disable, V2, -ENOTTY, NULL),
	ROW(set_twice, V2, -EINVAL, "iommu-already-set"),
	ROW(info_null, V2, -EFAULT, "bad-argument-pointer"),
	ROW(info_short, V2, -EINVAL, "argsz-too-small"),
	ROW(info_not_writable, V2, -EFAULT, "bad-argument-pointer"),
	ROW(info_size_probe, V2, 1, NULL),
	ROW(map_null, V2, -EFAULT, "bad-argument-pointer"),
	ROW(map_across_edge, V2, -EFAULT, "bad-argument-pointer"),
	ROW(map_short, V2, -EINVAL, "argsz-too-small"),
	ROW(map_bad_flags, V2, -EINVAL, "unknown-flags"),
	ROW(map_no_flags, V2, -EINVAL, "no-permission"),
	ROW(map_zero, V2, -EINVAL, "size-zero"),
	ROW(map_wrap_iova, V2, -EOVERFLOW, "wrap-around"),
	ROW(map_wrap_vaddr, V2, -EOVERFLOW, "wrap-around"),
	ROW(map_iova_odd, V2, -EINVAL, "misaligned"),
	ROW(map_vaddr_odd, V2, -EINVAL, "misaligned"),
	ROW(map_size_odd, V2, -EINVAL, "misaligned"),
	ROW(map_same, V2, -EEXIST, "overlap"),
	ROW(map_inside, V2, -EEXIST, "overlap"),
	ROW(map_over_head, V2, -EEXIST, "overlap"),
	ROW(map_over_tail, V2, -EEXIST, "overlap"),
	ROW(map_around, V2, -EEXIST, "overlap"),
	ROW(map_beside, V2, 0, NULL),
	ROW(map_reserved, V2, -EINVAL, "iova-not-allowed"),
	ROW(map_into_reserved, V2, -EINVAL, "iova-not-allowed"),
	ROW(map_beyond, V2, -EINVAL, "iova-not-allowed"),
	ROW(map_unmapped, V2, -EFAULT, "user-memory"),
	ROW(map_half_mapped, V2, -EFAULT, "user-memory"),
	ROW(map_read_only, V2, -EFAULT, "user-memory"),
	ROW(map_prot_none, V2, -EFAULT, "user-memory"),
	ROW(map_read_only_r, V2, 0, NULL),
	ROW(map_overlap_before_memory, V2, -EEXIST, "overlap"),
	ROW(map_limit, LOCAL_V2, -ENOSPC, "entry-limit"),
	ROW(unmap_null, V2, -EFAULT, "bad-argument-pointer"),
	ROW(unmap_short, V2, -EINVAL, "argsz-too-small"),
	ROW(unmap_bad_flags, V2, -EINVAL, "unknown-flags"),
	ROW(unmap_zero, V2, -EINVAL, "size-zero"),
	ROW(unmap_wrap, V2, -EOVERFLOW, "wrap-around"),
	ROW(unmap_odd_iova, V2, -EINVAL, "misaligned"),
	ROW(unmap_odd_size, V2, -EINVAL, "misaligned"),
	ROW(unmap_nothing, V2, 0, NULL),
	ROW(unmap_head, V2, -EINVAL, "bisects-mapping"),
	ROW(unmap_tail, V2, -EINVAL, "bisects-mapping"),
	ROW(unmap_whole, V2, 4 * PAGE, NULL),
	ROW(unmap_around, V2, 4 * PAGE, NULL),
	ROW(unmap_two, V2, 5 * PAGE, NULL),
	ROW(unmap_all, V2, 3 * PAGE, NULL),
	ROW(unmap_all_with_size, V2, -EINVAL, "unmap-all-with-range"),
	ROW(unmap_all_bitmap, V2, -EINVAL, "unknown-flags"),
	ROW(v1_middle, V1, 0, NULL),
	ROW(v1_first_page, V1, 4 * PAGE, NULL),
	ROW(v1_before, V1, 4 * PAGE, NULL),
	ROW(v1_dirty, V1, -EACCES, "needs-v2"),
	ROW(unmap_wrap, V1, -EOVERFLOW, "wrap-around"),
	ROW(unmap_all, V1, 3 * PAGE, NULL),
	ROW(dirty_null, V2, -EFAULT, "bad-argument-pointer"),
	ROW(dirty_two_flags, V2, -EINVAL, "unknown-flags"),
	ROW(dirty_not_started, V2, -EINVAL, "dirty-tracking-off"),
	ROW(dirty_bits, V2, 0x27, NULL),
	ROW(dirty_bisect, V2, -EINVAL, "bisects-mapping"),
	ROW(dirty_unmap_off, V2, -EINVAL, "dirty-tracking-off"),
	ROW(dirty_unmap_on, V2, 2 * PAGE << 8 | 6, NULL),
	ROW(vaddr_twice, V2, -EINVAL, "vaddr-invalid"),
	ROW(vaddr_size, V2, 4 * PAGE, NULL),
	ROW(vaddr_update, V2, 0, NULL),
	ROW(vaddr_part, V2, -EINVAL, "vaddr-valid"),
	ROW(vaddr_valid, V2, -EINVAL, "vaddr-valid"),
	ROW(vaddr_nowhere, V2, -ENOENT, "no-such-mapping"),
	ROW(vaddr_join, V2, -EBUSY, "vaddr-invalid"),
	ROW(group_second_opener, V2, -EBUSY, "group-is-open"),
	ROW(group_unknown, LOCAL_V2, -ENODEV, "no-such-group"),
	ROW(group_unknown_ioctl, V2, -ENOTTY, NULL),
	ROW(group_container_call, V2, -ENOTTY, NULL),
	ROW(group_status_null, V2, -EFAULT, "bad-argument-pointer"),
	ROW(group_status_short, V2, -EINVAL, "argsz-too-small"),
	ROW(group_set_null, V2, -EFAULT, "bad-argument-pointer"),
	ROW(group_set_closed_fd, V2, -EBADF, "bad-descriptor"),
	ROW(group_set_twice, V2, -EINVAL, "group-has-container"),
	ROW(other_set_null_device, V2, -EBADFD, "not-a-container"),
	ROW(other_set_group, V2, -EBADFD, "not-a-container"),
	ROW(other_unset, V2, -EINVAL, "group-has-no-container"),
	ROW(other_device, V2, -EINVAL, "group-has-no-container"),
	ROW(device_null, V2, -EFAULT, "bad-argument-pointer"),
	ROW(device_endless_name, V2, -EINVAL, "name-too-long"),
	ROW(device_unknown, V2, -ENODEV, "no-such-device"),
	ROW(device_prefix, V2, -ENODEV, "no-such-device"),
	ROW(device_of_other_group, V2, -ENODEV, "no-such-device"),
	ROW(device_option, V2, -EINVAL, "unknown-device-option"),
	ROW(device_at_edge, V2, 0, NULL),
	ROW(device_unset, V2, -EBUSY, "devices-open"),
	ROW(close_group_first, ENDS, -EBUSY, "group-is-open"),
	ROW(close_container_first, ENDS, -EBUSY, "devices-open"),
	ROW(last_group_takes_maps, ENDS, -EINVAL, "iommu-not-set"),
	ROW(drivers_not_viable, DRIVERS, 0, NULL),
	ROW(drivers_join, DRIVERS, -EPERM, "group-not-viable"),
	ROW(drivers_bound, DRIVERS, 0, NULL),
	ROW(drivers_unbound, DRIVERS, -ENODEV, "no-such-device"),
	ROW(drivers_no_group, LOCAL_DRIVERS, -ENODEV, "no-vfio-device"),
};

static unsigned failures;

static void expect(const struct row *row, const char *what, long got, long want)
{
	if (got == want)
		return;
	failures++;
	printf("FAIL %s: %s: got %ld, want %ld\n", row->name, what, got, want);
}

static void setup(const struct row *row)
{
	unsigned type = row->where == V1 ? VFIO_TYPE1_IOMMU : VFIO_TYPE1v2_IOMMU;

	container = t_open("vfio");
	group = t_open("1");
	if (row->where >= DRIVERS)
		return;
	expect(row, "SET_CONTAINER", set_container(group, container), 0);
	if (row->where != UNSET)
		expect(row, "SET_IOMMU", t_ioctl(container, VFIO_SET_IOMMU, type), 0);
}

static void check_rule(const struct row *row)
{
	struct t_reason reason;

	if (!row->rule || !t_reason(&reason))
		return;
	if (!strcmp(reason.rule, row->rule))
		return;
	failures++;
	printf("FAIL %s: rule: got %s, want %s\n", row->name, reason.rule, row->rule);
}

/* No IOMMU is set before the row, or after it. */
static bool no_iommu(const struct row *row)
{
	return row->where == UNSET || row->where == ENDS || row->where >= DRIVERS;
}

/* As it was: entries, and mapping works. */
static void check_after(const struct row *row, long before)
{
	if (no_iommu(row))
		return;
	expect(row, "entries left", avail(), before);
	expect(row, "map afterwards", map(0, 16 * PAGE), 0);
	expect(row, "unmap afterwards", unmap(0, 16 * PAGE), 16 * PAGE);
}

static void run(const struct row *row)
{
	struct t_counts before = { 0 }, after = { 0 };
	bool counted = t_counts(&before);
	long left;

	setup(row);
	left = no_iommu(row) ? 0 : avail();
	expect(row, "result", row->run(), row->want);
	check_rule(row);
	check_after(row, left);
	t_close(group);
	t_close(container);
	if (!counted || !t_counts(&after))
		return;
	expect(row, "domains", (long)after.domains, (long)before.domains);
	expect(row, "attachments", (long)after.attachments, (long)before.attachments);
	expect(row, "mappings", (long)after.mappings, (long)before.mappings);
	expect(row, "table bytes", (long)after.table_bytes, (long)before.table_bytes);
}

static uint64_t pages(size_t n, int prot)
{
	void *p = mmap(NULL, n * PAGE, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? 0 : (uintptr_t)p;
}

int main(int argc, char **argv)
{
	const char *host = argc > 1 ? argv[1] : "smmuv3";
	bool drivers = strstr(host, "drivers");
	unsigned n = 0;

	rw = pages(16, PROT_READ | PROT_WRITE);
	ro = pages(16, PROT_READ | PROT_WRITE);
	none = pages(16, PROT_NONE);
	edge = pages(2, PROT_READ | PROT_WRITE);
	if (!rw || !ro || !none || !edge || munmap((void *)(uintptr_t)(edge + PAGE), PAGE))
		return 1;
	*(uint32_t *)(uintptr_t)ro = PAGE; /* an argsz */
	mprotect((void *)(uintptr_t)ro, 16 * PAGE, PROT_READ);
	if (t_begin(host))
		return 1;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if ((table[i].where >= DRIVERS) != drivers)
			continue;
		if ((table[i].where == LOCAL_V2 || table[i].where == LOCAL_DRIVERS) &&
			!t_is_local())
			continue;
		run(&table[i]);
		n++;
	}
	t_end();
	printf("%u rows, %u failures\n", n, failures);
	return failures != 0;
}
