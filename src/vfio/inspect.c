/* SPDX-License-Identifier: MIT */
#include "vfio/inspect.h"

#include <stdlib.h>

#include "base/bits.h"
#include "base/text.h"
#include "vfio/internal.h"

static void show_container(const struct vfio_container *container, struct vfio_container_info *out)
{
	unsigned limit = container->vfio->options.dma_entry_limit;

	*out = (struct vfio_container_info){
		.file = &container->file,
		.id = container->id,
		.type = container->type,
		.noiommu = container->noiommu,
		.dirty_tracking = container->dirty_tracking,
		.has_ioas = container->ioas,
	};
	if (!container->ioas)
		return;
	ioas_inspect(container->ioas, &out->ioas);
	out->entries_left = limit - MIN(limit, out->ioas.mappings);
}

static void show_group(const struct vfio_group *group, struct vfio_group_info *out)
{
	*out = (struct vfio_group_info){
		.file = group->opened ? &group->opened->file : NULL,
		.name = group->name,
		.iommu = vfio_group_iommu_name(group),
		.container = group->container ? group->container->id : 0,
		.viable = !group->iommu || iommu_group_viable(group->iommu, NULL),
		.open_devices = group->container_users ? group->container_users - 1 : 0,
	};
}

static void show_vectors(const struct vfio_device *device, struct vfio_device_info_now *out)
{
	unsigned n = vfio_irq_vectors(device);

	out->vectors = device->n_vectors;
	out->n_shown = MIN(device->n_vectors, (unsigned)VFIO_VECTORS_SHOWN);
	for (unsigned i = 0; i < n; i++) {
		const struct vfio_vector *vector = &device->vectors[i];
		uint64_t fired = __atomic_load_n(&vector->fired, __ATOMIC_RELAXED);

		out->eventfds += vector->fd >= 0;
		out->signalled += fired;
		if (i < out->n_shown)
			out->fired[i] = fired;
	}
}

static void show_irqs(const struct vfio_device *device, struct vfio_device_info_now *out)
{
	static const char *const names[VFIO_PCI_NUM_IRQS + 1] = { "intx", "msi", "msix" };
	uint64_t fired = __atomic_load_n(&device->intx.fired, __ATOMIC_RELAXED);

	out->irqs = names[device->irq_type];
	show_vectors(device, out);
	out->signalled += fired;
	if (device->irq_type == VFIO_PCI_INTX_IRQ_INDEX) {
		out->vectors = out->n_shown = 1;
		out->eventfds = device->intx.fd >= 0;
		out->fired[0] = fired;
	}
	out->unmask_fd = device->intx.unmask;
	out->err_fd = device->err_fd >= 0;
	out->req_fd = device->req_fd >= 0;
}

/* Who has the gate works without the host lock: what it guards is not looked at then. */
static void show_device(const struct vfio_device *device, struct vfio_device_info_now *out)
{
	*out = (struct vfio_device_info_now){
		.dev = device->dev,
		.group = device->group ? device->group->name : NULL,
		.stage1 = iommu_nested_name(&device->dev->iommu),
		.known = !device->gate.held,
	};
	if (!out->known)
		return;
	out->opens = device->opens;
	if (device->opens)
		show_irqs(device, out);
}

static void fill(struct vfio *vfio, struct vfio_snapshot *out)
{
	const struct vfio_container *container;

	cds_list_for_each_entry (container, &vfio->containers, link)
		if (out->n_containers++ < out->max_containers)
			show_container(container, &out->containers[out->n_containers - 1]);
	for (unsigned i = 0; i < vfio->n_groups; i++)
		show_group(&vfio->groups[i], &out->groups[i]);
	for (unsigned i = 0; i < vfio->machine->n_devices; i++)
		show_device(&vfio->devices[i], &out->devices[i]);
}

struct vfio_snapshot *vfio_snapshot_take(struct vfio *vfio, unsigned max_containers)
{
	struct vfio_snapshot *out = calloc(1, sizeof(*out));

	if (!out)
		return NULL;
	out->max_containers = max_containers;
	out->n_groups = vfio->n_groups;
	out->n_devices = vfio->machine->n_devices;
	out->containers = calloc(max_containers + 1, sizeof(*out->containers));
	out->groups = calloc(out->n_groups + 1, sizeof(*out->groups));
	out->devices = calloc(out->n_devices + 1, sizeof(*out->devices));
	if (!out->containers || !out->groups || !out->devices) {
		vfio_snapshot_free(out);
		return NULL;
	}
	hostlock_lock(vfio_lock(vfio));
	fill(vfio, out);
	hostlock_unlock(vfio_lock(vfio));
	return out;
}

void vfio_snapshot_free(struct vfio_snapshot *snapshot)
{
	if (!snapshot)
		return;
	free(snapshot->containers);
	free(snapshot->groups);
	free(snapshot->devices);
	free(snapshot);
}

static void name_groups(const struct vfio_container *container, struct vfio_mapping *out)
{
	const struct vfio_group *group;
	struct text text;

	text_init(&text, out->groups, sizeof(out->groups));
	cds_list_for_each_entry (group, &container->groups, member)
		text_add(&text, "%s%s", text.len ? ", " : "", group->name);
}

bool vfio_find_memory(const struct vfio *vfio, const struct umem *umem, struct vfio_mapping *out)
{
	const struct vfio_container *container;
	struct ioas_area_info area;

	cds_list_for_each_entry (container, &vfio->containers, link) {
		uint64_t next = 0;

		while (container->ioas && ioas_find(container->ioas, next, &area)) {
			if (area.umem == umem) {
				*out = (struct vfio_mapping){ .container = container->id,
					.type = container->type,
					.iova = area.iova };
				name_groups(container, out);
				return true;
			}
			next = area.last + 1;
			if (!next)
				break;
		}
	}
	return false;
}

const char *vfio_type_name(unsigned type)
{
	switch (type) {
	case 0:
		return "none";
	case VFIO_TYPE1_IOMMU:
		return "type1";
	case VFIO_TYPE1v2_IOMMU:
		return "type1v2";
	case VFIO_TYPE1_NESTING_IOMMU:
		return "nesting";
	case VFIO_NOIOMMU_IOMMU:
		return "noiommu";
	default:
		return "unknown";
	}
}
