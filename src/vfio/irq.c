/* SPDX-License-Identifier: MIT */
/*
 * Interrupts of a device as VFIO presents them: what there is (GET_IRQ_INFO), and SET_IRQS up to the
 * handler of its index and action. Order of checks: Linux 7.3 vfio_pci_core.c, vfio_main.c
 * vfio_set_irqs_validate_and_prepare, vfio_pci_intrs.c vfio_pci_set_irqs_ioctl.
 *
 * Of INTx, MSI and MSI-X one is enabled at a time. Vectors cannot be added while MSI-X is enabled
 * (NORESIZE), as on a host whose controller is a GICv3 ITS: pci_msix_can_alloc_dyn is false there.
 */
#include "vfio/irq.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/bits.h"
#include "irq/eventfd.h"
#include "vfio/fault.h"

/* Linux 7.3 vfio_pci_get_irq_count: as the registers say, which never change. */
static unsigned irq_count(const struct vfio_device *device, unsigned index)
{
	const struct pci_dev *pci = vfio_device_pci(device);

	switch (index) {
	case VFIO_PCI_INTX_IRQ_INDEX:
		return pci->intx.present;
	case VFIO_PCI_MSI_IRQ_INDEX:
		return pci->msi.vectors;
	case VFIO_PCI_MSIX_IRQ_INDEX:
		return pci->model->msix_vectors;
	case VFIO_PCI_ERR_IRQ_INDEX:
	case VFIO_PCI_REQ_IRQ_INDEX:
	case VFIO_FAULT_IRQ_INDEX:
		return 1;
	default:
		return 0;
	}
}

const char *vfio_irq_name(unsigned index)
{
	static const char *const names[] = { "INTx", "MSI", "MSI-X", "error", "request",
		"DMA fault" };

	return index < ARRAY_LEN(names) ? names[index] : "no";
}

long vfio_device_irq_info(struct ioctl_call *call, void *data)
{
	const struct vfio_device *device = vfio_device_from_file(call->file);
	struct vfio_irq_info *info = data;

	if (info->index >= vfio_fault_irqs(device))
		return why_misuse(call->why, EINVAL, "no-such-irq",
			"interrupt index %u: the device has %u", info->index,
			vfio_fault_irqs(device));
	info->count = irq_count(device, info->index);
	if (info->index == VFIO_FAULT_IRQ_INDEX)
		return vfio_fault_irq_info(call, info);
	info->flags = VFIO_IRQ_INFO_EVENTFD;
	info->flags |= info->index == VFIO_PCI_INTX_IRQ_INDEX
			       ? VFIO_IRQ_INFO_MASKABLE | VFIO_IRQ_INFO_AUTOMASKED
			       : VFIO_IRQ_INFO_NORESIZE;
	return 0;
}

/* ---- eventfds ---- */

void vfio_irq_signal(int fd)
{
	if (fd >= 0)
		eventfd_raise(fd);
}

void vfio_irq_replace_under(pthread_mutex_t *lock, int *slot, int fd)
{
	int old;

	pthread_mutex_lock(lock);
	old = *slot;
	*slot = fd;
	pthread_mutex_unlock(lock);
	if (old >= 0)
		close(old);
}

void vfio_irq_replace(struct vfio_device *device, int *slot, int fd)
{
	vfio_irq_replace_under(&vfio_device_pci(device)->lock, slot, fd);
}

int vfio_irq_take_eventfd(struct irq_set *set, int32_t fd)
{
	return vfio_take_eventfd(set->call, fd);
}

int vfio_irq_check_kind(struct irq_set *set, bool or_none)
{
	unsigned type = set->device->irq_type;

	if (type == set->index || (or_none && type == VFIO_PCI_NUM_IRQS))
		return 0;
	/* QEMU switches off first, whatever there is: it learns nothing of that. */
	if (type == VFIO_PCI_NUM_IRQS && !set->count && set->kind == VFIO_IRQ_SET_DATA_NONE)
		return why_protocol(set->call->why, EINVAL, "irq-not-enabled", "%s is off already",
			vfio_irq_name(set->index));
	return why_misuse(set->call->why, EINVAL, "irq-not-enabled", "%s is not enabled%s%s",
		vfio_irq_name(set->index), type == VFIO_PCI_NUM_IRQS ? "" : ", but ",
		type == VFIO_PCI_NUM_IRQS ? "" : vfio_irq_name(type));
}

/* ---- SET_IRQS ---- */

/* MASK, UNMASK, TRIGGER. Linux has no masking of MSI and MSI-X vectors here. */
static int (*const handlers[VFIO_FAULT_IRQ_INDEX + 1][3])(struct irq_set *set) = {
	[VFIO_PCI_INTX_IRQ_INDEX] = { vfio_intx_mask, vfio_intx_unmask, vfio_intx_trigger },
	[VFIO_PCI_MSI_IRQ_INDEX] = { NULL, NULL, vfio_msi_trigger },
	[VFIO_PCI_MSIX_IRQ_INDEX] = { NULL, NULL, vfio_msi_trigger },
	[VFIO_PCI_ERR_IRQ_INDEX] = { NULL, NULL, vfio_err_trigger },
	[VFIO_PCI_REQ_IRQ_INDEX] = { NULL, NULL, vfio_req_trigger },
	[VFIO_FAULT_IRQ_INDEX] = { NULL, NULL, vfio_fault_trigger },
};

static int bad_set(struct ioctl_call *call, const struct vfio_irq_set *hdr, const char *what)
{
	return why_misuse(call->why, EINVAL, "bad-irq-set",
		"%s: argsz %u, flags 0x%x, index %u, start %u, count %u", what, hdr->argsz,
		hdr->flags, hdr->index, hdr->start, hdr->count);
}

/* How many bytes of data follow the header, or -EINVAL. */
static long check_header(
	const struct vfio_device *device, struct ioctl_call *call, const struct vfio_irq_set *hdr)
{
	const uint32_t known = VFIO_IRQ_SET_DATA_TYPE_MASK | VFIO_IRQ_SET_ACTION_TYPE_MASK;
	uint32_t kind = hdr->flags & VFIO_IRQ_SET_DATA_TYPE_MASK, max;
	unsigned size;

	if (hdr->index >= vfio_fault_irqs(device) || hdr->count >= UINT32_MAX - hdr->start ||
		hdr->flags & ~known)
		return bad_set(call, hdr, "no such interrupt, or unknown flags");
	max = irq_count(device, hdr->index);
	if (hdr->start >= max || hdr->start + hdr->count > max)
		return bad_set(call, hdr, "more vectors than the device has");
	if (!is_pow2(kind))
		return bad_set(call, hdr, "not exactly one kind of data");
	size = kind == VFIO_IRQ_SET_DATA_BOOL ? 1 : kind == VFIO_IRQ_SET_DATA_EVENTFD ? 4 : 0;
	if (hdr->argsz - sizeof(*hdr) < (uint64_t)hdr->count * size)
		return bad_set(call, hdr, "argsz leaves no room for the data");
	return (long)hdr->count * size;
}

static int do_set(struct irq_set *set, uint32_t action)
{
	int (*handler)(struct irq_set * set) = NULL;
	int ret;

	if (is_pow2(action)) /* exactly one */
		handler = handlers[set->index][__builtin_ctz(action / VFIO_IRQ_SET_ACTION_MASK)];
	if (!handler)
		return why_misuse(set->call->why, ENOTTY, "no-such-irq-action",
			"interrupt index %u (%s) has no action 0x%x", set->index,
			vfio_irq_name(set->index), action);
	vfio_device_lock(set->device);
	ret = handler(set);
	vfio_device_unlock(set->device);
	return ret;
}

long vfio_device_set_irqs(struct ioctl_call *call, void *data)
{
	const struct vfio_irq_set *hdr = data;
	struct irq_set set = { .device = vfio_device_from_file(call->file),
		.call = call,
		.index = hdr->index,
		.kind = hdr->flags & VFIO_IRQ_SET_DATA_TYPE_MASK,
		.start = hdr->start,
		.count = hdr->count };
	long bytes = check_header(set.device, call, hdr), ret;
	void *copy;

	if (bytes < 0)
		return bytes;
	copy = malloc(MAX(bytes, 1));
	if (!copy)
		return why_refused(call->why, ENOMEM, "host-resources", "out of memory");
	set.fds = copy;
	set.bools = copy;
	if (bytes && call->caller->ops->copy_in(
			     call->caller, copy, call->uaddr + sizeof(*hdr), (size_t)bytes))
		ret = why_misuse(call->why, EFAULT, "bad-argument-pointer",
			"VFIO_DEVICE_SET_IRQS: the data behind the header cannot be read");
	else
		ret = do_set(&set, hdr->flags & VFIO_IRQ_SET_ACTION_TYPE_MASK);
	free(copy);
	return ret;
}

unsigned vfio_irq_vectors(const struct vfio_device *device)
{
	const struct pci_dev *pci = vfio_device_pci(device);

	return MAX(pci->model->msix_vectors, MAX(pci->msi.vectors, 1));
}

bool vfio_irq_open(struct vfio_device *device)
{
	unsigned n = vfio_irq_vectors(device);

	device->vectors = calloc(n, sizeof(*device->vectors));
	if (!device->vectors)
		return false;
	for (unsigned i = 0; i < n; i++)
		device->vectors[i].fd = -1;
	device->n_vectors = 0;
	device->irq_type = VFIO_PCI_NUM_IRQS;
	device->intx = (struct vfio_intx){ .fd = -1 };
	return true;
}

/* Linux 7.3 vfio_pci_core_disable, vfio_pci_core_close_device. */
void vfio_irq_close(struct vfio_device *device)
{
	if (device->irq_type == VFIO_PCI_INTX_IRQ_INDEX)
		vfio_intx_disable(device);
	else if (device->irq_type != VFIO_PCI_NUM_IRQS)
		vfio_msi_disable(device);
	device->intx.disabled = false;
	vfio_irq_replace(device, &device->err_fd, -1);
	vfio_irq_replace(device, &device->req_fd, -1);
	free(device->vectors);
	device->vectors = NULL;
}
