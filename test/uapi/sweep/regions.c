/* SPDX-License-Identifier: MIT */
/*
 * pread, pwrite and mmap over all regions: offsets at every edge, sizes, bad buffers. What must
 * come out is computed from GET_REGION_INFO, by Linux 7.3 vfio_pci_rw, vfio_pci_config_rw,
 * vfio_pci_bar_rw and vfio_pci_core_mmap. Writes write back what was read.
 */
#include <string.h>

#include "sweep/sweep.h"

#define ROOM	  (64 * PAGE)
#define BUFFER	  0x62000000ull /* ROOM bytes, then nothing */
#define N_REGIONS 9

static struct vfio_region_info infos[N_REGIONS];

static bool begin(void)
{
	void *want = (void *)(uintptr_t)BUFFER;

	for (unsigned i = 0; i < N_REGIONS; i++) {
		infos[i] = (struct vfio_region_info){ .argsz = 32, .index = i };
		if (t_ioctl(fd_number(DEVICE), VFIO_DEVICE_GET_REGION_INFO, (uintptr_t)&infos[i]))
			infos[i].size = 0;
	}
	return mmap(want, ROOM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
		       0) == want;
}

/* ---- sizes ---- */

static bool is_config(unsigned region)
{
	return region == VFIO_PCI_CONFIG_REGION_INDEX;
}

/* What so many bytes at off give, all of the buffer being there. */
static long want_io(const struct vfio_region_info *info, uint64_t off, uint64_t count)
{
	if (!count)
		return 0;
	if (is_config(info->index))
		return off >= info->size || count > info->size - off ? -EFAULT : (long)count;
	if (off >= info->size)
		return -EINVAL;
	return (long)(count < info->size - off ? count : info->size - off);
}

static void io(const struct vfio_region_info *info, uint64_t off, uint64_t count)
{
	int fd = fd_number(DEVICE);
	long want = want_io(info, off, count);

	case_begin("read %llu at 0x%llx of region %u", (unsigned long long)count,
		(unsigned long long)off, info->index);
	case_want(t_pread(fd, BUFFER, count, info->offset + off), want);
	case_end();
	if (info->index == VFIO_PCI_ROM_REGION_INDEX && want > 0)
		want = -EINVAL;
	case_begin("write %llu at 0x%llx of region %u", (unsigned long long)count,
		(unsigned long long)off, info->index);
	case_want(t_pwrite(fd, BUFFER, count, info->offset + off), want);
	case_end();
}

static void sweep_sizes(const struct vfio_region_info *info)
{
	static const unsigned counts[] = { 0, 1, 2, 3, 4, 5, 7, 8, 9, 16, 255, 256, 257, 4095, 4096,
		4097, 20000 };
	const uint64_t offs[] = { 0, 1, 2, 3, 4, 6, 7, info->size / 2, info->size - 4,
		info->size - 3, info->size - 1, info->size, info->size + 1, info->size + 4096,
		1ull << 32, (1ull << 40) - 4 };

	for (unsigned o = 0; o < sizeof(offs) / sizeof(offs[0]); o++)
		for (unsigned c = 0; c < sizeof(counts) / sizeof(counts[0]); c++)
			if (offs[o] < 1ull << 40)
				io(info, offs[o], counts[c]);
}

/* ---- places that are in no region ---- */

static void sweep_nowhere(void)
{
	const uint64_t places[] = { 0xffull << 40, 0x1000ull << 40, 1ull << 62, INT64_MAX,
		1ull << 63, UINT64_MAX - 3, UINT64_MAX };
	int fd = fd_number(DEVICE);

	for (unsigned i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		case_begin("read 4 at 0x%llx", (unsigned long long)places[i]);
		case_want(t_pread(fd, BUFFER, 4, places[i]), -EINVAL);
		case_end();
		case_begin("write 4 at 0x%llx", (unsigned long long)places[i]);
		case_want(t_pwrite(fd, BUFFER, 4, places[i]), -EINVAL);
		case_end();
		case_begin("map a page at 0x%llx", (unsigned long long)places[i]);
		case_want(t_mmap(fd, places[i] & -PAGE, PAGE, PROT_READ, MAP_SHARED), -EINVAL);
		case_end();
	}
}

/* ---- buffers ---- */

/* k of n bytes are there. Configuration space at 0: its first bytes are read-only. */
static void partial(const struct vfio_region_info *info, unsigned k, unsigned n)
{
	uint64_t at = BUFFER + ROOM - k;
	int fd = fd_number(DEVICE);
	long want = k < n ? -EFAULT : (long)n;

	case_begin("read %u into %u bytes, region %u", n, k, info->index);
	case_want(t_pread(fd, at, n, info->offset), want);
	case_end();
	case_begin("write %u of %u bytes, region %u", n, k, info->index);
	case_want(t_pwrite(fd, at, n, info->offset), want);
	case_end();
}

static void sweep_buffers(const struct vfio_region_info *info)
{
	const uint64_t bad[] = { 0, HOLE, NONE, 1ull << 63, -4096ull };
	int fd = fd_number(DEVICE);

	t_pread(fd, BUFFER, 64, info->offset);
	for (unsigned k = 0; k <= 16; k++) {
		memmove((void *)(uintptr_t)(BUFFER + ROOM - k), (void *)BUFFER, k);
		partial(info, k, 16);
	}
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		case_begin("read into 0x%llx, region %u", (unsigned long long)bad[i], info->index);
		case_want(t_pread(fd, bad[i], 4, info->offset), -EFAULT);
		case_end();
		case_begin("write from 0x%llx, region %u", (unsigned long long)bad[i], info->index);
		case_want(t_pwrite(fd, bad[i], 4, info->offset), -EFAULT);
		case_end();
	}
	case_begin("read into read-only memory, region %u", info->index);
	case_want(t_pread(fd, RO + PAGE, 4, info->offset), -EFAULT);
	case_end();
}

/* ---- mappings ---- */

static void map(
	const struct vfio_region_info *info, uint64_t off, uint64_t len, int prot, int flags)
{
	uint64_t whole = (info->size + PAGE - 1) & -PAGE, pages = (len + PAGE - 1) & -PAGE;
	bool maps = info->flags & VFIO_REGION_INFO_FLAG_MMAP;
	long want = 0, got;

	if (!len || off % PAGE || !(flags & MAP_SHARED) || !maps || off > whole ||
		pages > whole - off)
		want = -EINVAL;
	case_begin("map %llu at 0x%llx of region %u, prot %d, flags %d", (unsigned long long)len,
		(unsigned long long)off, info->index, prot, flags);
	got = t_mmap(fd_number(DEVICE), info->offset + off, len, prot, flags);
	case_want(got < 0 ? got : 0, want);
	if (got >= 0)
		t_munmap(got, len);
	case_end();
}

static void sweep_maps(const struct vfio_region_info *info)
{
	static const uint64_t lens[] = { 0, 1, PAGE, PAGE + 1, 2 * PAGE, 4 * PAGE, 5 * PAGE,
		1ull << 30 };
	const uint64_t offs[] = { 0, 1, 8, PAGE, 2 * PAGE, info->size - PAGE, info->size,
		info->size + PAGE, (1ull << 40) - PAGE };

	for (unsigned o = 0; o < sizeof(offs) / sizeof(offs[0]); o++)
		for (unsigned l = 0; l < sizeof(lens) / sizeof(lens[0]); l++)
			if (offs[o] < 1ull << 40)
				map(info, offs[o], lens[l], PROT_READ | PROT_WRITE, MAP_SHARED);
	map(info, 0, PAGE, PROT_NONE, MAP_SHARED);
	map(info, 0, PAGE, PROT_READ, MAP_SHARED);
	map(info, 0, PAGE, PROT_WRITE, MAP_SHARED);
	map(info, 0, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	map(info, 0, PAGE, PROT_READ, MAP_PRIVATE);
}

static void sweep_region(unsigned region)
{
	const struct vfio_region_info *info = &infos[region];

	if (!info->offset) /* it is not there at all */
		return;
	sweep_sizes(info);
	if (info->size)
		sweep_buffers(info);
	sweep_maps(info);
}

void sweep_regions(void)
{
	sweep_begin("regions", DEV_MSIX);
	if (begin()) {
		for (unsigned i = 0; i < N_REGIONS; i++)
			sweep_region(i);
		sweep_nowhere();
	}
	sweep_end();
}
