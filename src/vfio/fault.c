/* SPDX-License-Identifier: MIT */
/*
 * From a fault to a record: the sink of a device in a nesting domain. It is called on whatever thread
 * drained the IOMMU's events, maybe in the middle of a DMA or of a call, so it takes a leaf lock and
 * never waits: a full ring drops the record, and raising an eventfd does not block (src/irq/eventfd.h).
 *
 * What a record says: Linux 7.3 arm_smmu_handle_event (page requests), and of the series the table of
 * reasons. FIDELITY: no address of a fetch is told, which would be the host's.
 */
#include "vfio/fault.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/bits.h"
#include "iommu/mmio.h"
#include "vfio/caps.h"
#include "vfio/irq.h"

_Static_assert(sizeof(struct vfio_dma_fault_record) == 64, "the series' struct iommu_fault");
_Static_assert(offsetof(struct vfio_dma_fault_record, arch) == 40, "behind struct event's use");
_Static_assert(sizeof(struct iommu_page_response) == 24, "Linux 5.10");

/* ---- records ---- */

static uint32_t reason_of(enum iommu_cause cause)
{
	static const uint32_t reasons[IOMMU_CAUSES] = {
		[IOMMU_CAUSE_PASID_FETCH] = IOMMU_FAULT_REASON_PASID_FETCH,
		[IOMMU_CAUSE_PASID_ENTRY] = IOMMU_FAULT_REASON_BAD_PASID_ENTRY,
		[IOMMU_CAUSE_PASID_INVALID] = IOMMU_FAULT_REASON_PASID_INVALID,
		[IOMMU_CAUSE_WALK_ABORT] = IOMMU_FAULT_REASON_WALK_EABT,
		[IOMMU_CAUSE_NOT_MAPPED] = IOMMU_FAULT_REASON_PTE_FETCH,
		[IOMMU_CAUSE_PERMISSION] = IOMMU_FAULT_REASON_PERMISSION,
		[IOMMU_CAUSE_ACCESS] = IOMMU_FAULT_REASON_ACCESS,
		[IOMMU_CAUSE_OUT_OF_RANGE] = IOMMU_FAULT_REASON_OOR_ADDRESS,
	};

	return reasons[cause];
}

static uint32_t perm_of(const struct iommu_fault *fault)
{
	uint32_t perm = fault->read ? IOMMU_FAULT_PERM_READ : IOMMU_FAULT_PERM_WRITE;

	if (!fault->address)
		return 0;
	if (fault->inst)
		perm |= IOMMU_FAULT_PERM_EXEC;
	if (fault->priv)
		perm |= IOMMU_FAULT_PERM_PRIV;
	return perm;
}

static void describe_event(const struct iommu_fault *fault, struct iommu_fault_unrecoverable *event)
{
	event->reason = reason_of(fault->cause);
	event->perm = perm_of(fault);
	if (fault->address) {
		event->flags |= IOMMU_FAULT_UNRECOV_ADDR_VALID;
		event->addr = fault->iova;
	}
	if (fault->ssid_valid) {
		event->flags |= IOMMU_FAULT_UNRECOV_PASID_VALID;
		event->pasid = fault->ssid;
	}
}

static void describe_request(const struct iommu_fault *fault, struct iommu_fault_page_request *prm)
{
	prm->flags = IOMMU_FAULT_PAGE_REQUEST_LAST_PAGE;
	prm->grpid = fault->tag;
	prm->perm = perm_of(fault);
	prm->addr = fault->iova;
	if (fault->ssid_valid) {
		prm->flags |= IOMMU_FAULT_PAGE_REQUEST_PASID_VALID;
		prm->pasid = fault->ssid;
	}
}

static struct vfio_dma_fault_record record_of(const struct iommu_fault *fault)
{
	struct vfio_dma_fault_record record = { 0 };

	record.type = fault->stalled ? IOMMU_FAULT_PAGE_REQ : IOMMU_FAULT_DMA_UNRECOV;
	if (fault->stalled)
		describe_request(fault, &record.prm);
	else
		describe_event(fault, &record.event);
	record.arch[0] = fault->record[0];
	record.arch[1] = fault->record[1];
	record.arch[2] = fault->record[3];
	return record;
}

/* ---- the sink ---- */

/* One slot stays free: head equal to tail is an empty ring. The lock held. */
static bool put(struct vfio_fault *to, const struct vfio_dma_fault_record *record)
{
	uint32_t next = (to->head + 1) % VFIO_FAULT_ENTRIES;

	if (next == to->tail) {
		to->lost = true;
		return false;
	}
	memcpy(to->memory[VFIO_FAULT_RECORDS] + to->head * sizeof(*record), record,
		sizeof(*record));
	to->head = next;
	return true;
}

static bool deliver(struct iommu_fault_sink *sink, const struct iommu_fault *fault)
{
	struct vfio_fault *to = caa_container_of(sink, struct vfio_fault, sink);
	struct vfio_dma_fault_record record = record_of(fault);
	bool done;

	pthread_mutex_lock(&to->lock);
	record.flags = to->lost ? VFIO_DMA_FAULT_LOST : 0;
	done = put(to, &record);
	if (done) {
		to->lost = false;
		if (fault->stalled)
			to->out[fault->tag / 64] |= BIT64(fault->tag % 64);
		vfio_irq_signal(to->fd);
	}
	pthread_mutex_unlock(&to->lock);
	return done;
}

/* ---- life ---- */

static off_t offset_of(enum vfio_fault_ring ring)
{
	return (off_t)(pci_region_offset(VFIO_PCI_NUM_REGIONS + ring) + VFIO_FAULT_HEADER);
}

/* The next owner finds nothing. As the BARs' pages are given back (src/pci/bar.c). */
static void clear(const struct vfio_device *device, enum vfio_fault_ring ring)
{
	if (fallocate(vfio_device_pci(device)->memfd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		    offset_of(ring), vfio_fault_bytes(ring)))
		memset(device->fault->memory[ring], 0, vfio_fault_bytes(ring));
}

static void release(struct vfio_device *device)
{
	struct vfio_fault *fault = device->fault;

	for (enum vfio_fault_ring i = 0; i < VFIO_FAULT_RINGS; i++) {
		if (!fault->memory[i])
			continue;
		clear(device, i);
		munmap(fault->memory[i], vfio_fault_bytes(i));
	}
	pthread_mutex_destroy(&fault->lock);
	free(fault);
	device->fault = NULL;
}

static bool map_rings(const struct vfio_device *device)
{
	for (enum vfio_fault_ring i = 0; i < VFIO_FAULT_RINGS; i++) {
		void *p = mmap(NULL, vfio_fault_bytes(i), PROT_READ | PROT_WRITE, MAP_SHARED,
			vfio_device_pci(device)->memfd, offset_of(i));

		if (p == MAP_FAILED)
			return false;
		device->fault->memory[i] = p;
	}
	return true;
}

/* While it is open its group stays where it is. */
static bool in_nest(struct vfio_device *device)
{
	bool nests;

	hostlock_lock(vfio_lock(device->vfio));
	nests = device->dev->iommu.viommu;
	hostlock_unlock(vfio_lock(device->vfio));
	return nests;
}

bool vfio_fault_open(struct vfio_device *device)
{
	if (!in_nest(device))
		return true;
	device->fault = calloc(1, sizeof(*device->fault));
	if (!device->fault)
		return false;
	pthread_mutex_init(&device->fault->lock, NULL);
	device->fault->fd = -1;
	if (!map_rings(device)) {
		release(device);
		return false;
	}
	device->fault->sink.report = deliver;
	iommu_set_fault_sink(&device->dev->iommu, &device->fault->sink);
	return true;
}

void vfio_fault_close(struct vfio_device *device)
{
	if (!device->fault)
		return;
	iommu_set_fault_sink(&device->dev->iommu, NULL);
	vfio_fault_abort_all(device);
	vfio_irq_replace_under(&device->fault->lock, &device->fault->fd, -1);
	release(device);
}

/* ---- what there is ---- */

unsigned vfio_fault_regions(const struct vfio_device *device)
{
	return VFIO_PCI_NUM_REGIONS + (device->fault ? VFIO_FAULT_RINGS : 0);
}

unsigned vfio_fault_irqs(const struct vfio_device *device)
{
	return VFIO_PCI_NUM_IRQS + (device->fault ? 1 : 0);
}

/* The struct grew by cap_offset, which who knows only the old one is not given. */
#define INFO_BYTES (sizeof(struct vfio_irq_info) + sizeof(uint32_t))

long vfio_fault_irq_info(struct ioctl_call *call, struct vfio_irq_info *info)
{
	const struct vfio_irq_info_cap_type type = { .id = VFIO_IRQ_INFO_CAP_TYPE,
		.version = 1,
		.type = VFIO_IRQ_TYPE_NESTED,
		.subtype = VFIO_IRQ_SUBTYPE_DMA_FAULT };
	const uint32_t argsz = info->argsz;
	struct vfio_caps caps;
	uint32_t cap_offset;
	int err;

	info->flags = VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_FLAG_CAPS;
	vfio_caps_init(&caps, INFO_BYTES);
	vfio_caps_add(&caps, &type, sizeof(type));
	err = vfio_caps_write(&caps, call, "VFIO_DEVICE_GET_IRQ_INFO", &info->argsz, &cap_offset);
	if (err || argsz < INFO_BYTES)
		return err;
	if (!call->caller->ops->copy_out(
		    call->caller, call->uaddr + sizeof(*info), &cap_offset, sizeof(cap_offset)))
		return 0;
	return why_misuse(call->why, EFAULT, "bad-argument-pointer",
		"VFIO_DEVICE_GET_IRQ_INFO: argsz is %u, and not all of it may be written", argsz);
}
