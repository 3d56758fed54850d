/* SPDX-License-Identifier: MIT */
/*
 * Notifications that are no interrupts of the device: that it met an error, that the host wants it
 * back, that its IOMMU has faults of the guest's stage 1. Each has one eventfd (Linux 7.3
 * vfio_pci_set_ctx_trigger_single).
 */
#include <errno.h>

#include "vfio/fault.h"
#include "vfio/irq.h"

static int no_notification(struct irq_set *set)
{
	return why_misuse(set->call->why, EINVAL, "bad-irq-set",
		"this notification takes one eventfd, or -1 for none");
}

/* Where its eventfd is (-1: none), and what guards that. */
struct slot {
	int *fd;
	pthread_mutex_t *lock;
};

static int replace_eventfd(struct irq_set *set, const struct slot *slot)
{
	int32_t fd = set->count ? set->fds[0] : -2;
	int ours = -1;

	if (fd < -1)
		return no_notification(set);
	if (fd >= 0) {
		ours = vfio_irq_take_eventfd(set, fd);
		if (ours < 0)
			return ours;
	}
	vfio_irq_replace_under(slot->lock, slot->fd, ours);
	return 0;
}

static int notification(struct irq_set *set, const struct slot *slot)
{
	if (set->kind == VFIO_IRQ_SET_DATA_EVENTFD)
		return replace_eventfd(set, slot);
	if (set->kind == VFIO_IRQ_SET_DATA_BOOL ? !set->count : *slot->fd < 0)
		return no_notification(set);
	if (!set->count)
		vfio_irq_replace_under(slot->lock, slot->fd, -1);
	else if (set->kind == VFIO_IRQ_SET_DATA_NONE || set->bools[0])
		vfio_irq_signal(*slot->fd);
	return 0;
}

int vfio_err_trigger(struct irq_set *set)
{
	struct vfio_device *device = set->device;

	return notification(set, &(struct slot){ &device->err_fd, &vfio_device_pci(device)->lock });
}

int vfio_req_trigger(struct irq_set *set)
{
	struct vfio_device *device = set->device;

	return notification(set, &(struct slot){ &device->req_fd, &vfio_device_pci(device)->lock });
}

int vfio_fault_trigger(struct irq_set *set)
{
	struct vfio_fault *fault = set->device->fault;

	return notification(set, &(struct slot){ &fault->fd, &fault->lock });
}

/* Linux 7.3 vfio_pci_core_request: it does not wait for SET_IRQS, nor does it have to be open. */
bool vfio_device_request(struct vfio_device *device, unsigned count)
{
	struct pci_dev *pci = vfio_device_pci(device);
	bool told;

	pthread_mutex_lock(&pci->lock);
	told = device->req_fd >= 0;
	if (told)
		vfio_irq_signal(device->req_fd);
	pthread_mutex_unlock(&pci->lock);
	return told;
}
