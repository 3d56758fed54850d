/* SPDX-License-Identifier: MIT */
/*
 * Peer to peer: a BAR that the program has mapped, and now maps for DMA. What other devices then
 * read and write is the memory behind the registers: the same that the program's own loads and
 * stores reach, so a store to a polled register is seen by its device as one of the program's is.
 *
 * FIDELITY: pages of the MSI-X table and of the pending bits are no target, DMA there aborts. (In
 * Linux it reaches the real table, past what vfio-pci virtualises of it.)
 */
#include "base/bits.h"
#include "pci/pci.h"

#define PAGE_BYTES	 4096u
#define REGION_LG2	 40
#define MSIX_ENTRY_BYTES 16

struct extent {
	uint64_t start, end;
};

/* The pages around [off, off + bytes). */
static struct extent pages(uint64_t off, uint64_t bytes)
{
	return (struct extent){ align_down(off, PAGE_BYTES), align_up(off + bytes, PAGE_BYTES) };
}

/* Cut *bytes to the part from off on that lies wholly in the hole, or wholly outside of it. */
static bool cut(const struct extent *hole, uint64_t off, uint64_t *bytes)
{
	bool inside = off >= hole->start && off < hole->end;

	if (inside)
		*bytes = MIN(*bytes, hole->end - off);
	else if (off < hole->start)
		*bytes = MIN(*bytes, hole->start - off);
	return inside;
}

static bool in_msix(const struct pci_dev *pci, unsigned bar, uint64_t off, uint64_t *bytes)
{
	unsigned vectors = pci->model->msix_vectors;
	struct extent table, pba;
	bool inside;

	if (!vectors || bar != pci->model->msix_bar)
		return false;
	table = pages(pci->msix_table, (uint64_t)vectors * MSIX_ENTRY_BYTES);
	pba = pages(pci->msix_pba, DIV_ROUND_UP(vectors, 64u) * 8);
	inside = cut(&table, off, bytes);
	inside |= cut(&pba, off, bytes);
	return inside;
}

bool pci_dma_target(struct pci_dev *dev, uint64_t pos, uint64_t *bytes, bool *hole)
{
	unsigned bar = (unsigned)((pos - pci_region_offset(0)) >> REGION_LG2);
	bool enabled;

	*hole = in_msix(dev, bar, pos & (BIT64(REGION_LG2) - 1), bytes);
	pthread_mutex_lock(&dev->lock);
	enabled = pci_memory_enabled(dev);
	pthread_mutex_unlock(&dev->lock);
	return enabled;
}
