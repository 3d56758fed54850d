/* SPDX-License-Identifier: MIT */
/* The VFIO interface of one machine: its groups, and what opening a node of /dev/vfio gives. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "vfio/device.h"
#include "vfio/internal.h"

#define DMA_ENTRY_LIMIT 65535 /* Linux 7.3 vfio_iommu_type1: dma_entry_limit */

/* A device behind no IOMMU gets a group of its own, where the policy allows such groups. */
static bool has_noiommu_group(const struct machine *machine, const struct machine_device *dev)
{
	return machine->desc.noiommu && !dev->iommu.group && vfio_is_vfio_driver(dev->iommu.driver);
}

static void add_group(struct vfio *vfio, struct iommu_group *iommu, struct machine_device *dev)
{
	struct vfio_group *group = &vfio->groups[vfio->n_groups++];

	nb_assert(iommu || dev);
	group->vfio = vfio;
	group->iommu = iommu;
	group->noiommu = dev;
	group->id = iommu ? iommu->id : (int)dev->noiommu_group;
	snprintf(group->name, sizeof(group->name), "%s%d", iommu ? "" : "noiommu-", group->id);
}

static struct vfio_group *group_of(struct vfio *vfio, const struct machine_device *dev)
{
	for (unsigned i = 0; i < vfio->n_groups; i++) {
		struct vfio_group *group = &vfio->groups[i];

		if (group->iommu ? group->iommu == dev->iommu.group : group->noiommu == dev)
			return group;
	}
	return NULL; /* behind no IOMMU, and the policy has no groups for such */
}

/* What never changes of a device, or is put back at close; the rest is set when it is opened. */
static void init_devices(struct vfio *vfio)
{
	for (unsigned i = 0; i < vfio->machine->n_devices; i++) {
		vfio->devices[i].vfio = vfio;
		vfio->devices[i].err_fd = vfio->devices[i].req_fd = -1;
		vfio->devices[i].dev = &vfio->machine->devices[i];
		vfio->devices[i].group = group_of(vfio, &vfio->machine->devices[i]);
	}
}

struct vfio *vfio_create(struct machine *machine, const struct vfio_options *options)
{
	struct vfio *vfio = calloc(1, sizeof(*vfio));

	if (!vfio)
		return NULL;
	vfio->machine = machine;
	CDS_INIT_LIST_HEAD(&vfio->containers);
	if (options)
		vfio->options = *options;
	if (!vfio->options.dma_entry_limit)
		vfio->options.dma_entry_limit = DMA_ENTRY_LIMIT;
	/* At most one group per device besides the machine's; one more so that none is no failure.
	 */
	vfio->groups = calloc(machine->n_groups + machine->n_devices + 1, sizeof(*vfio->groups));
	vfio->devices = calloc(machine->n_devices + 1, sizeof(*vfio->devices));
	vfio->virqfds = virqfds_create(machine->n_devices);
	if (!vfio->groups || !vfio->devices || !vfio->virqfds) {
		virqfds_destroy(vfio->virqfds);
		free(vfio->groups);
		free(vfio->devices);
		free(vfio);
		return NULL;
	}
	for (unsigned i = 0; i < machine->n_groups; i++)
		add_group(vfio, &machine->groups[i].iommu, NULL);
	for (unsigned i = 0; i < machine->n_devices; i++)
		if (has_noiommu_group(machine, &machine->devices[i]))
			add_group(vfio, NULL, &machine->devices[i]);
	init_devices(vfio);
	return vfio;
}

void vfio_destroy(struct vfio *vfio)
{
	if (!vfio)
		return;
	for (unsigned i = 0; i < vfio->n_groups; i++)
		nb_assert(!vfio->groups[i].opened && !vfio->groups[i].container);
	virqfds_destroy(vfio->virqfds);
	free(vfio->groups);
	free(vfio->devices);
	free(vfio);
}

int vfio_open_container(struct vfio *vfio, struct file **out, struct why *why)
{
	return vfio_container_open(vfio, out, why);
}

static struct vfio_group *find_group(struct vfio *vfio, int id, bool noiommu)
{
	for (unsigned i = 0; i < vfio->n_groups; i++)
		if (vfio->groups[i].id == id && !vfio->groups[i].iommu == noiommu)
			return &vfio->groups[i];
	return NULL;
}

int vfio_open_group(struct vfio *vfio, int id, bool noiommu, struct file **out, struct why *why)
{
	struct vfio_group *group = find_group(vfio, id, noiommu);

	if (!group)
		return why_misuse(why, ENODEV, "no-such-group", "this host has no group %s%d",
			noiommu ? "noiommu-" : "", id);
	return vfio_group_open(group, out, why);
}
