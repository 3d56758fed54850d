/* SPDX-License-Identifier: MIT */
/*
 * BARs: the memory behind them, and trapped access. All BARs of a device are pages of one sparse
 * memfd, so that a program can map them, with room for the regions that the host adds; it is sealed against resizing, which otherwise would let a
 * program that holds it make our own mapping fault.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/bits.h"
#include "pci/internal.h"

#define PAGE_BYTES 4096

static uint64_t bar_pages(const struct pci_dev *dev, unsigned bar)
{
	return align_up(dev->model->bars[bar].bytes, PAGE_BYTES);
}

static int create_file(struct pci_dev *dev, struct error *error)
{
	dev->memfd = memfd_create(dev->name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (dev->memfd < 0)
		return error_sys(error, errno, "%s: memory of the BARs", dev->name);
	if (ftruncate(dev->memfd, (off_t)pci_region_offset(PCI_REGIONS)) < 0)
		return error_sys(error, errno, "%s: size of the BARs", dev->name);
	if (fcntl(dev->memfd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
		return error_sys(error, errno, "%s: sealing the BARs", dev->name);
	return 0;
}

static int map_bar(struct pci_dev *dev, unsigned bar, struct error *error)
{
	void *p = mmap(NULL, bar_pages(dev, bar), PROT_READ | PROT_WRITE, MAP_SHARED, dev->memfd,
		(off_t)pci_region_offset(bar));

	if (p == MAP_FAILED)
		return error_sys(error, errno, "%s: mapping BAR %u", dev->name, bar);
	dev->bar[bar] = p;
	if (dev->model->bars[bar].mmap) {
		dev->bar_extent[bar].ptr = p;
		dev->bar_extent[bar].bytes = dev->model->bars[bar].bytes;
	}
	return 0;
}

int pci_bars_init(struct pci_dev *dev, struct error *error)
{
	int err = create_file(dev, error);

	for (unsigned i = 0; i < PCI_BARS && !err; i++)
		if (dev->model->bars[i].bytes)
			err = map_bar(dev, i, error);
	return err;
}

void pci_bars_finish(struct pci_dev *dev)
{
	for (unsigned i = 0; i < PCI_BARS; i++)
		if (dev->bar[i])
			munmap((void *)dev->bar[i], bar_pages(dev, i));
	if (dev->memfd >= 0)
		close(dev->memfd);
}

/*
 * Giving the pages back, rather than storing zeros, keeps large BARs sparse. A host that cannot (for
 * want of memory, or a signal) gets the zeros.
 */
static void clear_bar(struct pci_dev *dev, unsigned bar)
{
	if (fallocate(dev->memfd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		    (off_t)pci_region_offset(bar), (off_t)bar_pages(dev, bar)))
		memset((void *)dev->bar[bar], 0, bar_pages(dev, bar));
}

void pci_bars_clear(struct pci_dev *dev)
{
	for (unsigned i = 0; i < PCI_BARS; i++)
		if (dev->bar[i])
			clear_bar(dev, i);
}

static bool bar_access_ok(const struct pci_dev *dev, unsigned bar, uint64_t off, unsigned size)
{
	if (bar >= PCI_BARS || size == 0 || size > 8 || !is_pow2(size))
		return false;
	if (off >= dev->model->bars[bar].bytes || size > dev->model->bars[bar].bytes - off)
		return false;
	return pci_memory_enabled(dev) && !pci_msix_covers(dev, bar, off, size);
}

uint64_t pci_bar_read(struct pci_dev *dev, unsigned bar, uint64_t off, unsigned size)
{
	uint64_t pending;

	if (bar < PCI_BARS && pci_memory_enabled(dev) &&
		pci_msix_pending_bits(dev, bar, off, size, &pending))
		return pending;
	if (!bar_access_ok(dev, bar, off, size))
		return size >= 8 ? UINT64_MAX : BIT64(8 * size) - 1;
	return dev->model->mmio_read(dev, bar, off, size);
}

void pci_bar_write(struct pci_dev *dev, unsigned bar, uint64_t off, uint64_t val, unsigned size)
{
	if (bar_access_ok(dev, bar, off, size))
		dev->model->mmio_write(dev, bar, off, val, size);
}
