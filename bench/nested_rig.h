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
#define RIG_NEAR       4096u		    /* pages of 4 KiB in either */
#define RIG_FAR	       32768u		    /* four times what the IOTLB holds */
#define RIG_DEVICES    2

/* What the guest has (and stage 2 translates): RAM by blocks, with tables, source and destination. */
#define RIG_RAM UINT64_C(0x40000000)
#define RIG_SRC UINT64_C(0x41000000)
#define RIG_DST UINT64_C(0x42000000)
/* RIG_FAR pages, each mapped by itself in stage 2. Their memory is the source, several times. */
#define RIG_LOOSE UINT64_C(0x100000000)
/* Nothing: to be mapped and unmapped. */
#define RIG_FREE UINT64_C(0x50000000)

/* What its stage 1 adds: these by pages of 4 KiB, source and destination by 2 MiB as well. */
#define RIG_BY_PAGE  UINT64_C(0x200000000)
#define RIG_BY_BLOCK UINT64_C(0x400000000)
/* RIG_FAR pages, which are the source's several times. */
#define RIG_REPEATED UINT64_C(0x600000000)
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

/** Without open devices. */
void nested_rig_init(struct nested_rig *rig, bool remote, bool loose);
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
