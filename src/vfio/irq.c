/* SPDX-License-Identifier: MIT */
/*
 * Interrupts of a device: MSI-X by eventfds, and the error and request notifications. A vector with
 * an eventfd is a vector of the host's MSI controller: the device writes its data through the IOMMU
 * to the doorbell, and only then the eventfd is signalled (design 13). Order of checks: Linux 7.3
 * vfio_main.c vfio_set_irqs_validate_and_prepare, vfio_pci_intrs.c.
 *
 * No endpoint has INTx or MSI: their count is 0, which no SET_IRQS passes. Vectors cannot be added
 * while MSI-X is enabled (NORESIZE), as on a host whose controller is a GICv3 ITS.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/bits.h"
#include "base/check.h"
#include "irq/eventfd.h"
#include "vfio/internal.h"

static unsigned irq_count(const struct vfio_device *device, unsigned index)
{
	switch (index) {
	case VFIO_PCI_MSIX_IRQ_INDEX:
		return vfio_device_pci(device)->model->msix_vectors;
	case VFIO_PCI_ERR_IRQ_INDEX:
	case VFIO_PCI_REQ_IRQ_INDEX:
		return 1;
	default:
		return 0;
	}
}

long vfio_device_irq_info(struct ioctl_call *call, void *data)
{
	struct vfio_irq_info *info = data;

	if (info->index >= VFIO_PCI_NUM_IRQS)
		return why_misuse(call->why, EINVAL, "no-such-irq",
			"interrupt index %u: a PCI device has %u", info->index, VFIO_PCI_NUM_IRQS);
	info->count = irq_count(vfio_device_from_file(call->file), info->index);
	info->flags = VFIO_IRQ_INFO_EVENTFD;
	info->flags |= info->index == VFIO_PCI_INTX_IRQ_INDEX
			       ? VFIO_IRQ_INFO_MASKABLE | VFIO_IRQ_INFO_AUTOMASKED
			       : VFIO_IRQ_INFO_NORESIZE;
	return 0;
}

/* Called under leaf locks, never under the host lock. fd: -1 where there is none. */
static void signal_eventfd(int fd)
{
	if (fd >= 0)
		eventfd_raise(fd);
}

static void close_eventfd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* One SET_IRQS, its header checked. */
struct irq_set {
	struct vfio_device *device;
	struct ioctl_call *call;
	uint32_t kind; /* VFIO_IRQ_SET_DATA_ */
	unsigned start, count;
	const int32_t *fds; /* of kind EVENTFD, or NULL */
	const uint8_t *bools;
};

static int take_eventfd(struct irq_set *set, int32_t fd)
{
	struct ioctl_call *call = set->call;
	int ours = call->caller->ops->get_eventfd(call->caller, fd);

	if (ours == -EPERM)
		return why_refused(call->why, EPERM, "eventfd-out-of-reach",
			"descriptor %d is an eventfd that was not made in this box, and "
			"pidfd_getfd is denied here (containers: --cap-add SYS_PTRACE)",
			fd);
	if (ours == -ENFILE)
		return why_refused(
			call->why, ENFILE, "no-descriptor", "nestbox has no descriptor left");
	if (ours < 0)
		return why_misuse(
			call->why, -ours, "not-an-eventfd", "descriptor %d is no eventfd", fd);
	return ours;
}

/* ---- MSI-X ---- */

static void vector_fired(void *ctx)
{
	struct vfio_vector *vector = ctx;

	dma_count(&vector->fired, 1); /* first: who was woken finds it counted */
	signal_eventfd(vector->fd);
}

static void program(struct vfio_device *device, unsigned i, bool armed)
{
	struct pci_dev *pci = vfio_device_pci(device);

	pthread_mutex_lock(&pci->lock);
	if (armed)
		pci_msix_set(pci, i, device->msi_addr, device->vectors[i].data);
	else
		pci_msix_clear(pci, i);
	pthread_mutex_unlock(&pci->lock);
}

static struct msi_controller *controller(const struct vfio_device *device)
{
	return device->vfio->machine->msi;
}

static void drop_vector(struct vfio_device *device, unsigned i)
{
	struct vfio_vector *vector = &device->vectors[i];

	if (vector->fd < 0)
		return;
	program(device, i, false);
	msi_free(controller(device), device->dev->pci.master.sid, vector->data);
	close_eventfd(&vector->fd);
}

/* fd: the program's, negative: none. */
static int set_vector(struct irq_set *set, unsigned i, int32_t fd)
{
	struct vfio_device *device = set->device;
	struct vfio_vector *vector = &device->vectors[i];
	int ours, err;

	drop_vector(device, i);
	if (fd < 0)
		return 0;
	if (i >= device->n_vectors)
		return why_misuse(set->call->why, EINVAL, "vector-not-enabled",
			"vector %u: MSI-X is enabled with %u vectors", i, device->n_vectors);
	ours = take_eventfd(set, fd);
	if (ours < 0)
		return ours;
	vector->fd = ours; /* before the vector can fire */
	err = msi_alloc(controller(device), device->dev->pci.master.sid, vector_fired, vector,
		&vector->data);
	if (err) {
		close_eventfd(&vector->fd);
		return why_refused(
			set->call->why, -err, "no-msi-left", "the MSI controller is full");
	}
	program(device, i, true);
	return 0;
}

/* Linux 7.3 vfio_msi_set_block: what was set before the one that failed goes too. */
static int set_block(struct irq_set *set)
{
	unsigned i, n;
	int err = 0;

	for (n = 0; n < set->count && !err; n++)
		err = set_vector(set, set->start + n, set->fds[n]);
	for (i = 0; err && i < n; i++)
		drop_vector(set->device, set->start + i);
	return err;
}

static void msix_switch(struct vfio_device *device, bool on)
{
	struct pci_dev *pci = vfio_device_pci(device);

	pthread_mutex_lock(&pci->lock);
	pci_msix_enable(pci, on);
	pthread_mutex_unlock(&pci->lock);
	device->irq_type = on ? VFIO_PCI_MSIX_IRQ_INDEX : VFIO_PCI_NUM_IRQS;
}

static int msix_enable(struct irq_set *set)
{
	struct vfio_device *device = set->device;
	struct hostlock *lock = vfio_lock(device->vfio);
	int err;

	/* pci_alloc_irq_vectors(1, 0): the maximum is below the minimum. */
	if (set->start + set->count == 0)
		return why_misuse(set->call->why, ERANGE, "no-vectors",
			"enabling MSI-X takes at least one vector");
	hostlock_lock(lock);
	err = vfio_group_msi_addr(device->group, &device->msi_addr, set->call->why);
	hostlock_unlock(lock);
	if (err)
		return err;
	device->n_vectors = set->start + set->count;
	msix_switch(device, true);
	return 0;
}

static void msix_disable(struct vfio_device *device)
{
	for (unsigned i = 0; i < device->n_vectors; i++)
		drop_vector(device, i);
	device->n_vectors = 0;
	msix_switch(device, false);
}

static int set_eventfds(struct irq_set *set)
{
	int err;

	if (set->device->irq_type == VFIO_PCI_MSIX_IRQ_INDEX)
		return set_block(set);
	err = msix_enable(set);
	if (err)
		return err;
	err = set_block(set);
	if (err)
		msix_disable(set->device);
	return err;
}

/* A loopback: the program triggers its own eventfds. */
static int trigger_vectors(struct irq_set *set)
{
	if (set->device->irq_type != VFIO_PCI_MSIX_IRQ_INDEX)
		return why_misuse(
			set->call->why, EINVAL, "irq-not-enabled", "MSI-X is not enabled");
	for (unsigned i = 0; i < set->count; i++)
		if (set->kind == VFIO_IRQ_SET_DATA_NONE || set->bools[i])
			signal_eventfd(set->device->vectors[set->start + i].fd);
	return 0;
}

static int msix_trigger(struct irq_set *set)
{
	bool enabled = set->device->irq_type == VFIO_PCI_MSIX_IRQ_INDEX;

	if (!set->count && set->kind == VFIO_IRQ_SET_DATA_NONE) {
		/* QEMU switches off first, whatever there is: the answer tells it nothing new. */
		if (!enabled)
			return why_protocol(
				set->call->why, EINVAL, "irq-not-enabled", "MSI-X is off already");
		msix_disable(set->device);
		return 0;
	}
	return set->kind == VFIO_IRQ_SET_DATA_EVENTFD ? set_eventfds(set) : trigger_vectors(set);
}

/* ---- error and request notifications (Linux 7.3 vfio_pci_set_ctx_trigger_single) ---- */

static int no_notification(struct irq_set *set)
{
	return why_misuse(set->call->why, EINVAL, "bad-irq-set",
		"this notification takes one eventfd, or -1 for none");
}

static int replace_eventfd(struct irq_set *set, int *slot)
{
	int32_t fd = set->count ? set->fds[0] : -2;
	int ours = -1;

	if (fd < -1)
		return no_notification(set);
	if (fd >= 0) {
		ours = take_eventfd(set, fd);
		if (ours < 0)
			return ours;
	}
	close_eventfd(slot);
	*slot = ours;
	return 0;
}

static int notification(struct irq_set *set, int *slot)
{
	if (set->kind == VFIO_IRQ_SET_DATA_EVENTFD)
		return replace_eventfd(set, slot);
	if (set->kind == VFIO_IRQ_SET_DATA_BOOL ? !set->count : *slot < 0)
		return no_notification(set);
	if (!set->count)
		close_eventfd(slot);
	else if (set->kind == VFIO_IRQ_SET_DATA_NONE || set->bools[0])
		signal_eventfd(*slot);
	return 0;
}

static int err_trigger(struct irq_set *set)
{
	return notification(set, &set->device->err_fd);
}

static int req_trigger(struct irq_set *set)
{
	return notification(set, &set->device->req_fd);
}

/* ---- SET_IRQS ---- */

static int (*const triggers[VFIO_PCI_NUM_IRQS])(struct irq_set *set) = {
	[VFIO_PCI_MSIX_IRQ_INDEX] = msix_trigger,
	[VFIO_PCI_ERR_IRQ_INDEX] = err_trigger,
	[VFIO_PCI_REQ_IRQ_INDEX] = req_trigger,
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

	if (hdr->index >= VFIO_PCI_NUM_IRQS || hdr->count >= UINT32_MAX - hdr->start ||
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

static int do_set(struct irq_set *set, const struct vfio_irq_set *hdr)
{
	uint32_t action = hdr->flags & VFIO_IRQ_SET_ACTION_TYPE_MASK;
	int ret;

	if (action != VFIO_IRQ_SET_ACTION_TRIGGER || !triggers[hdr->index])
		return why_misuse(set->call->why, ENOTTY, "no-such-irq-action",
			"interrupt index %u has no action 0x%x", hdr->index, action);
	vfio_device_lock(set->device);
	ret = triggers[hdr->index](set);
	vfio_device_unlock(set->device);
	return ret;
}

long vfio_device_set_irqs(struct ioctl_call *call, void *data)
{
	const struct vfio_irq_set *hdr = data;
	struct irq_set set = { .device = vfio_device_from_file(call->file),
		.call = call,
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
		ret = do_set(&set, hdr);
	free(copy);
	return ret;
}

void vfio_irq_close(struct vfio_device *device)
{
	if (device->irq_type == VFIO_PCI_MSIX_IRQ_INDEX)
		msix_disable(device);
	close_eventfd(&device->err_fd);
	close_eventfd(&device->req_fd);
}
