/* SPDX-License-Identifier: MIT */
/*
 * A nesting container of the host "smmuv3" and the devices 0000:01:00.0 and 0000:03:00.0 in it, in this
 * process: the handlers that a box drives, without a box. All ends the process on failure.
 *
 * The program's memory is direct (a pointer, as shared memory is) or remote: a child's, read and written
 * through /proc/PID/mem, as private memory is. The guest's tables lie in it, and are remote where it is.
 */
#ifndef BENCH_NESTED_RIG_H
#define BENCH_NESTED_RIG_H

#include "file/file.h"
#include "machine/machine.h"

#define RIG_COPY_BYTES (UINT64_C(16) << 20) /* of the source, and of the destination */
#define RIG_PAGES      32768u		    /* of 4 KiB, four times what the IOTLB holds */
#define RIG_DEVICES    2

/* Where the guest has it (what stage 2 translates). */
#define RIG_RAM	 UINT64_C(0x40000000) /* memory: tables, source, destination */
#define RIG_SRC	 UINT64_C(0x41000000)
#define RIG_DST	 UINT64_C(0x42000000)
#define RIG_PAGE UINT64_C(0x100000000) /* the pages: each mapped by itself in stage 2 */
#define RIG_FREE UINT64_C(0x50000000)  /* nothing: to be mapped and unmapped */
/* What its stage 1 adds. By pages of 4 KiB are the copies and the pages; the copies by 2 MiB as well. */
#define RIG_BY_PAGE  UINT64_C(0x200000000)
#define RIG_BY_BLOCK UINT64_C(0x400000000)
#define RIG_ASID     7

struct rig_caller {
	struct caller caller;
	struct file *container; /* what every descriptor is, as an argument */
	struct file *installed; /* the last one that a call made */
	int remote;		/* /proc/PID/mem, or -1: memory is direct */
};

struct nested_rig {
	struct machine *machine;
	struct vfio *vfio;
	struct rig_caller caller;
	struct file *groups[RIG_DEVICES], *devices[RIG_DEVICES];
	uint8_t *memory; /* here; if remote, the child has its own at the same address */
	pid_t child;
	struct dma_master bare; /* behind no IOMMU: takes physical addresses */
};

/** Without open devices; pages: with RIG_PAGE mapped. */
void nested_rig_init(struct nested_rig *rig, bool remote, bool pages);
void nested_rig_finish(struct nested_rig *rig);
/** Both devices, as masters of the bus. */
void nested_rig_open_devices(struct nested_rig *rig);
/** Of a device that is open. */
struct pci_dev *nested_rig_device(struct nested_rig *rig, unsigned i);

/** Hand over the guest's stage 1, or take it back (then there is stage 2 alone). */
void nested_rig_set_stage1(struct nested_rig *rig, bool set);
/** Where stage 2 leads; there is no stage 1 just now. */
nb_pa nested_rig_pa(struct nested_rig *rig, uint64_t ipa);

void nested_rig_map(struct nested_rig *rig, uint64_t ipa, uint64_t bytes);
void nested_rig_unmap(struct nested_rig *rig, uint64_t ipa, uint64_t bytes);
/** An ioctl of the container, which must answer `expected`. */
void nested_rig_call(struct nested_rig *rig, unsigned cmd, void *arg, long expected);

/** Read and write the program's memory, at RIG_SRC or RIG_DST, as the extents do. */
void nested_rig_read(struct nested_rig *rig, uint64_t ipa, void *buf, size_t len);
void nested_rig_write(struct nested_rig *rig, uint64_t ipa, const void *buf, size_t len);

#endif
