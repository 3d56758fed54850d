/* SPDX-License-Identifier: MIT */
/*
 * Regions: BARs and configuration space, as descriptions, by pread and pwrite, and which of them
 * may be mapped. Those of faults are in fault.c. Order of checks: Linux 7.3 vfio_pci_core.c, vfio_pci_rdwr.c.
 *
 * FIDELITY: user memory is copied in pieces of PIECE bytes, before or after the device is accessed;
 * Linux goes access by access. Where the program's buffer is bad half way, more of the device has
 * been read, or less written, than there.
 */
#include <errno.h>
#include <string.h>

#include "base/bits.h"
#include "vfio/caps.h"
#include "vfio/fault.h"
#include "vfio/region.h"

#define PIECE	   4096
#define OFFSET_LG2 40 /* see pci_region_offset */
#define PAGE_BYTES 4096

#define MSIX_TABLE	 4 /* in the capability: offset, and BAR in bits 2:0 */
#define MSIX_ENTRY_BYTES 16

_Static_assert(PIECE >= PCI_CONFIG_BYTES, "configuration space in one piece");

static int no_region(struct why *why, const char *rule, unsigned region)
{
	return why_misuse(why, EINVAL, rule, "there is no region %u to access", region);
}

/* ---- GET_REGION_INFO ---- */

static bool is_bar(unsigned region)
{
	return region <= VFIO_PCI_BAR5_REGION_INDEX;
}

static bool bar_maps(const struct vfio_device *device, const struct pci_bar *bar)
{
	return bar->mmap && bar->bytes >= PAGE_BYTES && !device->vfio->options.no_mmap;
}

static void describe(const struct vfio_device *device, struct vfio_region_info *info)
{
	const struct pci_model *model = vfio_device_pci(device)->model;
	const uint32_t rw = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE;
	const struct pci_bar *bar = is_bar(info->index) ? &model->bars[info->index] : NULL;

	info->offset = pci_region_offset(info->index);
	info->size = info->index == VFIO_PCI_CONFIG_REGION_INDEX ? PCI_CONFIG_BYTES
		     : bar					 ? bar->bytes
								 : 0;
	info->flags = info->size ? rw : 0;
	if (bar && bar_maps(device, bar))
		info->flags |= VFIO_REGION_INFO_FLAG_MMAP;
}

/* Where MSI-X table and registers share a BAR that maps: one capability without content. */
static int add_msix_mappable(struct ioctl_call *call, struct vfio_region_info *info)
{
	const struct vfio_info_cap_header cap = { .id = VFIO_REGION_INFO_CAP_MSIX_MAPPABLE,
		.version = 1 };
	struct vfio_caps caps;

	vfio_caps_init(&caps, sizeof(*info));
	vfio_caps_add(&caps, &cap, sizeof(cap));
	info->flags |= VFIO_REGION_INFO_FLAG_CAPS;
	return vfio_caps_write(
		&caps, call, "VFIO_DEVICE_GET_REGION_INFO", &info->argsz, &info->cap_offset);
}

long vfio_device_region_info(struct ioctl_call *call, void *data)
{
	const struct vfio_device *device = vfio_device_from_file(call->file);
	const struct pci_model *model = vfio_device_pci(device)->model;
	struct vfio_region_info *info = data;

	if (info->index >= vfio_fault_regions(device))
		return why_misuse(call->why, EINVAL, "no-such-region",
			"region %u: the device has %u", info->index, vfio_fault_regions(device));
	if (info->index >= VFIO_PCI_NUM_REGIONS)
		return vfio_fault_region_info(call, info);
	if (info->index == VFIO_PCI_VGA_REGION_INDEX)
		return why_protocol(
			call->why, EINVAL, "no-vga-region", "the device is no VGA controller");
	describe(device, info);
	if (model->msix_vectors && info->index == model->msix_bar &&
		info->flags & VFIO_REGION_INFO_FLAG_MMAP)
		return add_msix_mappable(call, info);
	return 0;
}

/* ---- BARs ---- */

/* One pread or pwrite, as far as it lies in a BAR. */
struct bar_access {
	struct pci_dev *pci;
	unsigned bar;
	uint64_t table, table_end; /* the MSI-X table, where this is its BAR; else 0, 0 */
	bool write;
};

/* Bytes from off on that are registers; 0: the table, which reads as ones and takes no writes. */
static uint64_t registers_at(const struct bar_access *access, uint64_t off, uint64_t count)
{
	if (off < access->table)
		return MIN(count, access->table - off);
	return off >= access->table_end ? count : 0;
}

static unsigned width_at(uint64_t off, uint64_t fillable)
{
	unsigned width = 8;

	while (width > 1 && (fillable < width || off % width))
		width /= 2;
	return width;
}

static void access_register(
	const struct bar_access *access, uint64_t off, uint8_t *buf, unsigned width)
{
	uint64_t val = 0;

	if (access->write) {
		memcpy(&val, buf, width);
		pci_bar_write(access->pci, access->bar, off, val, width);
		return;
	}
	val = pci_bar_read(access->pci, access->bar, off, width);
	memcpy(buf, &val, width);
}

/* 0, or -EIO: memory is disabled. The endpoint's lock held. */
static int access_piece(const struct bar_access *access, uint64_t off, uint8_t *buf, uint64_t count)
{
	uint64_t n, fillable;

	for (; count; count -= n, off += n, buf += n) {
		fillable = registers_at(access, off, count);
		n = fillable ? width_at(off, fillable) : MIN(count, access->table_end - off);
		if (fillable && !pci_memory_enabled(access->pci))
			return -EIO;
		if (fillable)
			access_register(access, off, buf, (unsigned)n);
		else if (!access->write)
			memset(buf, 0xff, n);
	}
	return 0;
}

/* ---- pread, pwrite ---- */

int vfio_region_bad_buffer(const struct region_io *io)
{
	return why_misuse(io->why, EFAULT, "bad-buffer",
		"the %zu bytes at 0x%llx are not all accessible to the program", io->count,
		(unsigned long long)io->uaddr);
}

/* Then a write is dropped without looking at the program's buffer. */
static bool all_in_table(const struct bar_access *access, uint64_t off, uint64_t count)
{
	return !registers_at(access, off, count) && count <= access->table_end - off;
}

static int bar_piece(
	const struct region_io *io, const struct bar_access *access, size_t done, size_t n)
{
	struct caller *caller = io->caller;
	uint8_t buf[PIECE];
	int err;

	if (io->write && all_in_table(access, io->off + done, n))
		return 0;
	if (io->write && caller->ops->copy_in(caller, buf, io->uaddr + done, n))
		return vfio_region_bad_buffer(io);
	pthread_mutex_lock(&access->pci->lock);
	err = access_piece(access, io->off + done, buf, n);
	pthread_mutex_unlock(&access->pci->lock);
	if (err)
		return why_refused(io->why, -err, "memory-disabled",
			"the device does not decode memory: the command register's memory bit is "
			"off, or the device is in D3hot");
	if (!io->write && caller->ops->copy_out(caller, io->uaddr + done, buf, n))
		return vfio_region_bad_buffer(io);
	return 0;
}

/* Where the capability says that it is. */
void vfio_msix_table(const struct vfio_device *device, unsigned bar, uint64_t *start, uint64_t *end)
{
	struct pci_dev *pci = vfio_device_pci(device);

	*start = *end = 0;
	if (!pci->cap_msix || bar != pci->model->msix_bar)
		return;
	pthread_mutex_lock(&pci->lock);
	*start = pci_config_read(pci, pci->cap_msix + MSIX_TABLE, 4) & ~7u;
	pthread_mutex_unlock(&pci->lock);
	*end = *start + pci->model->msix_vectors * MSIX_ENTRY_BYTES;
}

static ssize_t bar_io(struct region_io *io, unsigned bar)
{
	struct pci_dev *pci = vfio_device_pci(io->device);
	struct bar_access access = { .pci = pci, .bar = bar, .write = io->write };
	uint64_t bytes = pci->model->bars[bar].bytes;
	size_t done, n;
	int err;

	if (io->off >= bytes)
		return why_misuse(io->why, EINVAL, "beyond-region",
			"offset 0x%llx of BAR %u, which has 0x%llx bytes",
			(unsigned long long)io->off, bar, (unsigned long long)bytes);
	io->count = MIN(io->count, bytes - io->off);
	vfio_msix_table(io->device, bar, &access.table, &access.table_end);
	for (done = 0; done < io->count; done += n) {
		n = MIN(io->count - done, PIECE);
		err = bar_piece(io, &access, done, n);
		if (err)
			return err;
	}
	return (ssize_t)io->count;
}

static ssize_t config_io(struct region_io *io)
{
	struct pci_dev *pci = vfio_device_pci(io->device);
	uint8_t buf[PCI_CONFIG_BYTES];

	if (io->off >= PCI_CONFIG_BYTES || io->count > PCI_CONFIG_BYTES - io->off)
		return why_misuse(io->why, EFAULT, "beyond-region",
			"%zu bytes at 0x%llx are not all in configuration space", io->count,
			(unsigned long long)io->off);
	if (io->write && vfio_config_drops(io->device, (unsigned)io->off, (unsigned)io->count))
		return (ssize_t)io->count;
	if (io->write && io->caller->ops->copy_in(io->caller, buf, io->uaddr, io->count))
		return vfio_region_bad_buffer(io);
	pthread_mutex_lock(&pci->lock);
	if (io->write)
		vfio_config_write(io->device, (unsigned)io->off, buf, (unsigned)io->count);
	else
		vfio_config_read(io->device, (unsigned)io->off, buf, (unsigned)io->count);
	pthread_mutex_unlock(&pci->lock);
	if (!io->write && io->caller->ops->copy_out(io->caller, io->uaddr, buf, io->count))
		return vfio_region_bad_buffer(io);
	return (ssize_t)io->count;
}

unsigned vfio_region_at(uint64_t pos, uint64_t *off)
{
	uint64_t start = pos >> OFFSET_LG2 << OFFSET_LG2;
	unsigned region = 0;

	*off = pos - start;
	while (region < PCI_REGIONS && pci_region_offset(region) != start)
		region++;
	return region;
}

/* Linux 7.3 vfio_pci_rw, with the device awake. */
static ssize_t io_in_region(struct region_io *io, unsigned region)
{
	if (region == VFIO_PCI_CONFIG_REGION_INDEX)
		return config_io(io);
	if (is_bar(region) && vfio_device_pci(io->device)->model->bars[region].bytes)
		return bar_io(io, region);
	if (vfio_fault_has(io->device, region))
		return vfio_fault_region_io(io, region);
	return no_region(io->why, "no-such-region", region);
}

static ssize_t region_io(struct region_io *io, uint64_t pos)
{
	unsigned region = vfio_region_at(pos, &io->off);
	ssize_t ret;

	if (!io->count)
		return 0;
	vfio_ioeventfd_await(io->device);
	vfio_device_use(io->device);
	ret = io_in_region(io, region);
	vfio_device_unuse(io->device);
	if (ret < 0)
		why_about(
			io->why, io->device->group->name, vfio_device_pci(io->device)->name, NULL);
	return ret;
}

ssize_t vfio_region_read(struct file *file, struct caller *caller, uint64_t uaddr, size_t count,
	uint64_t pos, struct why *why)
{
	struct region_io io = { .device = vfio_device_from_file(file),
		.caller = caller,
		.uaddr = uaddr,
		.count = count,
		.why = why };

	return region_io(&io, pos);
}

ssize_t vfio_region_write(struct file *file, struct caller *caller, uint64_t uaddr, size_t count,
	uint64_t pos, struct why *why)
{
	struct region_io io = { .device = vfio_device_from_file(file),
		.caller = caller,
		.uaddr = uaddr,
		.count = count,
		.write = true,
		.why = why };

	return region_io(&io, pos);
}

bool vfio_region_register_name(struct file *file, uint64_t pos, char *buf, size_t size)
{
	const struct vfio_device *device = vfio_device_from_file(file);
	uint64_t off;
	unsigned region = vfio_region_at(pos, &off);

	if (vfio_fault_has(device, region))
		return vfio_fault_register_name(region, off, buf, size);
	return pci_register_name(vfio_device_pci(device), region, off, buf, size);
}

/*
 * ---- mmap ----
 *
 * FIDELITY: Linux revokes mappings while memory is disabled or the device resets; here they stay,
 * and nobody looks at the registers behind them.
 */

int vfio_region_mmap(struct file *file, uint64_t pos, uint64_t len, unsigned prot, struct why *why)
{
	const struct vfio_device *device = vfio_device_from_file(file);
	const struct pci_dev *pci = vfio_device_pci(device);
	uint64_t off, bytes;
	unsigned region = vfio_region_at(pos, &off);

	if (vfio_fault_has(device, region))
		return vfio_fault_region_mmap(region, off, len, why);
	if (!is_bar(region) || !bar_maps(device, &pci->model->bars[region]))
		return why_misuse(why, EINVAL, "region-does-not-map",
			"region %u cannot be mapped (no VFIO_REGION_INFO_FLAG_MMAP)", region);
	bytes = align_up(pci->model->bars[region].bytes, PAGE_BYTES);
	if (off > bytes || len > bytes - off)
		return why_misuse(why, EINVAL, "beyond-region",
			"0x%llx bytes at 0x%llx of BAR %u, which has 0x%llx",
			(unsigned long long)len, (unsigned long long)off, region,
			(unsigned long long)bytes);
	return 0;
}
