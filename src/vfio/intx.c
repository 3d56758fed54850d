/* SPDX-License-Identifier: MIT */
/*
 * INTx as Linux 7.3's vfio_pci_intrs.c has it for a device whose Command.INTx Disable works: the
 * host's handler finds the pin active, masks it there (so it fires once, however long the level
 * stays) and signals the eventfd. Unmasking looks at Status.Interrupt Status: a level that is still
 * there fires again at once, and stays masked. The program's own INTx Disable bit is virtual: set, it
 * masks; cleared, it unmasks; the device's bit is the mask.
 *
 * Unmasking by eventfd is for whoever injects the interrupt elsewhere and is told there of its end.
 * The supervisor watches that eventfd (irq/virqfd.h); each call on INTx first awaits what the program
 * signalled before it, since in Linux that would have been handled within its write.
 */
#include <errno.h>
#include <unistd.h>

#include "mem/dma.h"
#include "vfio/irq.h"

static bool is_intx(const struct vfio_device *device)
{
	return device->irq_type == VFIO_PCI_INTX_IRQ_INDEX;
}

/* ---- masking. The endpoint's lock held. ---- */

/* Linux 7.3 vfio_send_intx_eventfd. */
static void send(struct vfio_device *device)
{
	struct vfio_intx *intx = &device->intx;

	if (!is_intx(device) || intx->disabled || intx->fd < 0)
		return;
	dma_count(&intx->fired, 1); /* first: who was woken finds it counted */
	vfio_irq_signal(intx->fd);
}

/* Linux 7.3 vfio_intx_handler. */
static void handle(void *ctx)
{
	struct vfio_device *device = ctx;

	if (device->intx.masked)
		return;
	device->intx.masked = true;
	pci_intx_disable(vfio_device_pci(device), true);
	send(device);
}

/* Linux 7.3 __vfio_pci_intx_mask: without INTx the device's bit follows the virtual one. */
static void mask(struct vfio_device *device)
{
	if (is_intx(device) && device->intx.masked)
		return;
	device->intx.masked = is_intx(device);
	pci_intx_disable(vfio_device_pci(device), true);
}

/* Linux 7.3 vfio_pci_intx_unmask_handler, pci_check_and_unmask_intx. */
static void unmask(struct vfio_device *device)
{
	struct pci_dev *pci = vfio_device_pci(device);

	if (!is_intx(device)) {
		pci_intx_disable(pci, false);
	} else if (device->intx.masked && !device->intx.disabled) {
		if (pci_intx_asserted(pci)) {
			send(device);
			return;
		}
		device->intx.masked = false;
		pci_intx_disable(pci, false);
	}
}

/* Linux 7.3 vfio_basic_config_write: "Emulate INTx disable". */
void vfio_intx_command(struct vfio_device *device, bool disable)
{
	if (disable == device->intx.disabled)
		return;
	device->intx.disabled = disable;
	if (disable)
		mask(device);
	else
		unmask(device);
}

static void locked(struct vfio_device *device, void (*fn)(struct vfio_device *device))
{
	pthread_mutex_lock(&vfio_device_pci(device)->lock);
	fn(device);
	pthread_mutex_unlock(&vfio_device_pci(device)->lock);
}

/* ---- MASK and UNMASK ---- */

static int not_one(struct irq_set *set)
{
	return why_misuse(set->call->why, EINVAL, "bad-irq-set",
		"INTx is one interrupt: start is %u, count is %u", set->start, set->count);
}

static int check_masking(struct irq_set *set)
{
	int err = vfio_irq_check_kind(set, false);

	if (err)
		return err;
	if (set->count != 1)
		return not_one(set);
	virqfds_flush(set->device->vfio->virqfds);
	return 0;
}

static bool chosen(const struct irq_set *set)
{
	return set->kind == VFIO_IRQ_SET_DATA_NONE || set->bools[0];
}

int vfio_intx_mask(struct irq_set *set)
{
	int err = check_masking(set);

	if (err)
		return err;
	if (set->kind == VFIO_IRQ_SET_DATA_EVENTFD)
		return why_misuse(set->call->why, ENOTTY, "no-such-irq-action",
			"INTx cannot be masked by eventfd");
	if (chosen(set))
		locked(set->device, mask);
	return 0;
}

/* By the thread that watches, or who flushes. */
static void resampled(void *arg)
{
	locked(arg, unmask);
}

static int resample_misuse(struct irq_set *set, int err)
{
	if (err == -EBUSY)
		return why_misuse(set->call->why, EBUSY, "unmask-eventfd-set",
			"INTx has an eventfd for unmasking already; -1 removes it");
	return why_refused(
		set->call->why, ENOMEM, "host-resources", "nestbox cannot watch one more eventfd");
}

static void unwatch(struct vfio_device *device)
{
	virqfd_unwatch(device->intx.unmask);
	device->intx.unmask = NULL;
}

/* Linux 7.3 vfio_virqfd_enable. One whose eventfd the program has closed meanwhile is none. */
static int watch(struct irq_set *set)
{
	struct vfio_device *device = set->device;
	struct vfio_intx *intx = &device->intx;
	int ours = vfio_irq_take_eventfd(set, set->fds[0]), err = -EBUSY;
	bool signalled = false;

	if (ours < 0)
		return ours;
	if (intx->unmask && virqfd_closed(intx->unmask))
		unwatch(device);
	if (!intx->unmask)
		err = virqfd_watch(
			device->vfio->virqfds, ours, resampled, device, &signalled, &intx->unmask);
	if (err) {
		close(ours);
		return resample_misuse(set, err);
	}
	if (signalled)
		locked(device, unmask);
	return 0;
}

int vfio_intx_unmask(struct irq_set *set)
{
	int err = check_masking(set);

	if (err)
		return err;
	if (set->kind == VFIO_IRQ_SET_DATA_EVENTFD) {
		if (set->fds[0] >= 0)
			return watch(set);
		unwatch(set->device);
	} else if (chosen(set)) {
		locked(set->device, unmask);
	}
	return 0;
}

/* ---- TRIGGER: enable, disable, another eventfd, loopback ---- */

/* Linux 7.3 vfio_intx_enable. A level that is there already fires as the handler is connected. */
static void enable(struct vfio_device *device, int fd)
{
	struct pci_dev *pci = vfio_device_pci(device);
	struct vfio_intx *intx = &device->intx;

	pthread_mutex_lock(&pci->lock);
	intx->fd = fd;
	intx->masked = intx->disabled;
	device->irq_type = VFIO_PCI_INTX_IRQ_INDEX;
	pci_intx_disable(pci, intx->masked);
	pci_intx_connect(pci, handle, device);
	pthread_mutex_unlock(&pci->lock);
}

void vfio_intx_disable(struct vfio_device *device)
{
	struct pci_dev *pci = vfio_device_pci(device);

	unwatch(device);
	pthread_mutex_lock(&pci->lock);
	pci_intx_connect(pci, NULL, NULL);
	device->irq_type = VFIO_PCI_NUM_IRQS;
	device->intx.masked = false;
	pthread_mutex_unlock(&pci->lock);
	vfio_irq_replace(device, &device->intx.fd, -1);
}

static int set_eventfd(struct irq_set *set)
{
	int fd = set->fds[0] < 0 ? -1 : vfio_irq_take_eventfd(set, set->fds[0]);

	if (set->fds[0] >= 0 && fd < 0)
		return fd;
	if (is_intx(set->device))
		vfio_irq_replace(set->device, &set->device->intx.fd, fd);
	else
		enable(set->device, fd);
	return 0;
}

int vfio_intx_trigger(struct irq_set *set)
{
	struct vfio_device *device = set->device;
	int err;

	virqfds_flush(device->vfio->virqfds);
	if (is_intx(device) && !set->count && set->kind == VFIO_IRQ_SET_DATA_NONE) {
		vfio_intx_disable(device);
		return 0;
	}
	err = vfio_irq_check_kind(set, set->kind == VFIO_IRQ_SET_DATA_EVENTFD);
	if (err)
		return err;
	if (set->count != 1)
		return not_one(set);
	if (set->kind == VFIO_IRQ_SET_DATA_EVENTFD)
		return set_eventfd(set);
	if (chosen(set))
		locked(device, send);
	return 0;
}
