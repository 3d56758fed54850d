/* SPDX-License-Identifier: MIT */
/*
 * What looking in shows of containers, groups and open devices: copies in plain structs, taken under
 * the host lock for a bounded time. Strings are borrowed of the machine.
 */
#ifndef VFIO_INSPECT_H
#define VFIO_INSPECT_H

#include "ioas/ioas.h"
#include "vfio/vfio.h"

struct vfio_container_info {
	const struct file *file; /* to be compared only */
	unsigned id;		 /* from 1 up, in the order of opening */
	unsigned type;		 /* VFIO_TYPE1v2_IOMMU, ...; 0: no IOMMU set */
	bool noiommu, dirty_tracking;
	bool has_ioas; /* false: the two below are empty */
	unsigned entries_left;
	struct ioas_info ioas;
};

struct vfio_group_info {
	const struct file *file; /* NULL: not open; to be compared only */
	const char *name;	 /* "1", "noiommu-0" */
	const char *iommu;	 /* NULL: behind none */
	unsigned container;	 /* its id, 0: none */
	bool viable;
	unsigned open_devices;
};

#define VFIO_VECTORS_SHOWN 64

struct vfio_device_info_now {
	struct machine_device *dev;
	const char *group;  /* NULL: none */
	const char *stage1; /* a guest's: "none", "translate", ...; NULL: no guest can have it */
	bool known;	    /* below: false while somebody opens, closes or changes interrupts */
	unsigned opens;
	const char *irqs;	    /* "intx", "msi", "msix": what is enabled; NULL: nothing */
	unsigned vectors, eventfds; /* enabled with; of these with an eventfd */
	uint64_t signalled;	    /* INTx and all vectors, since it was opened */
	unsigned n_shown;
	uint64_t fired[VFIO_VECTORS_SHOWN];
	bool unmask_fd, err_fd, req_fd;
};

struct vfio_snapshot {
	unsigned n_containers; /* that exist; the first max_containers are here */
	unsigned max_containers;
	struct vfio_container_info *containers;
	unsigned n_groups;
	struct vfio_group_info *groups;
	unsigned n_devices;
	struct vfio_device_info_now *devices;
};

/** All at one moment. NULL without memory. Without the host lock. */
struct vfio_snapshot *vfio_snapshot_take(struct vfio *vfio, unsigned max_containers);
void vfio_snapshot_free(struct vfio_snapshot *snapshot); /* NULL accepted */

/** Where registered memory is mapped for DMA. */
struct vfio_mapping {
	unsigned container; /* its id */
	unsigned type;	    /* its */
	char groups[16];    /* its members: "1", "1, 3" */
	uint64_t iova;	    /* of the memory's first byte */
};

/** The mapping of umem; false: it has none (yet, or any more). Host lock held. */
bool vfio_find_memory(const struct vfio *vfio, const struct umem *umem, struct vfio_mapping *out);

/** "type1v2", "nesting", ...: for people; "none" for 0. */
const char *vfio_type_name(unsigned type);

#endif
