/* SPDX-License-Identifier: MIT */
/*
 * MSI and MSI-X by eventfds (Linux 7.3 vfio_pci_set_msi_trigger and what it calls). A vector with an
 * eventfd is a vector of the host's MSI controller: the device writes its data through the IOMMU to
 * the doorbell, and only then the eventfd is signalled (design 13).
 *
 * The two differ in who holds the message. MSI-X: each vector has its own, given to the device with
 * its eventfd and taken back with it. MSI: there is one, for a block of 2^n vectors, from enabling to
 * disabling; a vector without eventfd is masked in the device where it has mask bits.
 */
#include <errno.h>
#include <unistd.h>

#include "base/bits.h"
#include "irq/msi.h"
#include "vfio/irq.h"

#define PM_CTRL	 4 /* in the power management capability */
#define PM_STATE 3

static struct msi_controller *controller(const struct vfio_device *device)
{
	return device->vfio->machine->msi;
}

static uint32_t requester(const struct vfio_device *device)
{
	return device->dev->pci.master.sid;
}

static void vector_fired(void *ctx)
{
	struct vfio_vector *vector = ctx;

	if (vector->fd < 0)
		return;
	dma_count(&vector->fired, 1); /* first: who was woken finds it counted */
	vfio_irq_signal(vector->fd);
}

/* ---- MSI-X: a vector ---- */

static void msix_program(struct vfio_device *device, unsigned i, bool armed)
{
	struct pci_dev *pci = vfio_device_pci(device);

	pthread_mutex_lock(&pci->lock);
	if (armed)
		pci_msix_set(pci, i, device->msi_addr, device->vectors[i].data);
	else
		pci_msix_clear(pci, i);
	pthread_mutex_unlock(&pci->lock);
}

static void msix_drop(struct vfio_device *device, unsigned i)
{
	msix_program(device, i, false);
	msi_free(controller(device), requester(device), device->vectors[i].data);
	vfio_irq_replace(device, &device->vectors[i].fd, -1);
}

static int msix_arm(struct vfio_device *device, unsigned i, int fd)
{
	struct vfio_vector *vector = &device->vectors[i];
	int err;

	vfio_irq_replace(device, &vector->fd, fd); /* before the vector can fire */
	err = msi_alloc(controller(device), requester(device), vector_fired, vector, &vector->data);
	if (err)
		vfio_irq_replace(device, &vector->fd, -1);
	else
		msix_program(device, i, true);
	return err;
}

/* ---- MSI: a vector ---- */

static void msi_mask(struct vfio_device *device, unsigned i, bool masked)
{
	struct pci_dev *pci = vfio_device_pci(device);

	pthread_mutex_lock(&pci->lock);
	pci_msi_mask(pci, i, masked);
	pthread_mutex_unlock(&pci->lock);
}

static void msi_drop(struct vfio_device *device, unsigned i)
{
	msi_mask(device, i, true);
	vfio_irq_replace(device, &device->vectors[i].fd, -1);
}

/* What came while it was masked is pending, and arrives now. */
static int msi_arm(struct vfio_device *device, unsigned i, int fd)
{
	vfio_irq_replace(device, &device->vectors[i].fd, fd);
	msi_mask(device, i, false);
	return 0;
}

/* ---- all vectors of a kind ---- */

static bool is_msix(const struct vfio_device *device)
{
	return device->irq_type == VFIO_PCI_MSIX_IRQ_INDEX;
}

static void drop_vector(struct vfio_device *device, unsigned i)
{
	if (device->vectors[i].fd < 0)
		return;
	if (is_msix(device))
		msix_drop(device, i);
	else
		msi_drop(device, i);
}

/* Linux 7.3 vfio_msi_set_vector_signal. fd: the program's, negative: none. */
static int set_vector(struct irq_set *set, unsigned i, int32_t fd)
{
	struct vfio_device *device = set->device;
	int ours, err;

	drop_vector(device, i);
	if (fd < 0)
		return 0;
	if (i >= device->n_vectors)
		return why_misuse(set->call->why, EINVAL, "vector-not-enabled",
			"vector %u: %s is enabled with %u vectors", i, vfio_irq_name(set->index),
			device->n_vectors);
	ours = vfio_irq_take_eventfd(set, fd);
	if (ours < 0)
		return ours;
	err = is_msix(device) ? msix_arm(device, i, ours) : msi_arm(device, i, ours);
	if (err)
		return why_refused(
			set->call->why, -err, "no-msi-left", "the MSI controller is full");
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

/* ---- enable and disable ---- */

/* Linux 7.3 pci_intx_for_msi: the pin is off while messages are on. */
static void msix_switch(struct vfio_device *device, bool on)
{
	struct pci_dev *pci = vfio_device_pci(device);

	pthread_mutex_lock(&pci->lock);
	if (on)
		pci_intx_disable(pci, true);
	pci_msix_enable(pci, on);
	if (!on)
		pci_intx_disable(pci, false);
	device->irq_type = on ? VFIO_PCI_MSIX_IRQ_INDEX : VFIO_PCI_NUM_IRQS;
	pthread_mutex_unlock(&pci->lock);
}

/* Linux 7.3 pci/msi.c: all that it has are masked before it is on, and unmasked once it is off. */
static void msi_switch(struct vfio_device *device, bool on)
{
	struct pci_dev *pci = vfio_device_pci(device);

	pthread_mutex_lock(&pci->lock);
	if (on) {
		pci_msi_set(pci, device->msi_addr, (uint16_t)device->msi_data, device->msi_lg2);
		pci_intx_disable(pci, true);
	} else {
		pci_msi_enable(pci, false);
		pci_intx_disable(pci, false);
	}
	for (unsigned i = 0; i < pci->msi.vectors; i++)
		pci_msi_mask(pci, i, on);
	if (on)
		pci_msi_enable(pci, true);
	device->irq_type = on ? VFIO_PCI_MSI_IRQ_INDEX : VFIO_PCI_NUM_IRQS;
	pthread_mutex_unlock(&pci->lock);
}

static int msi_reserve(struct irq_set *set, unsigned vectors)
{
	struct vfio_device *device = set->device;
	int err;

	device->msi_lg2 = 0;
	while (1u << device->msi_lg2 < vectors)
		device->msi_lg2++;
	err = msi_alloc_block(controller(device),
		&(struct msi_block){ .sid = requester(device),
			.vectors = 1u << device->msi_lg2,
			.fn = vector_fired,
			.ctx = device->vectors,
			.ctx_bytes = sizeof(*device->vectors) },
		&device->msi_data);
	if (err)
		return why_refused(
			set->call->why, -err, "no-msi-left", "the MSI controller is full");
	device->msi_qmax = device->msi_lg2;
	return 0;
}

static bool in_d0(struct vfio_device *device)
{
	struct pci_dev *pci = vfio_device_pci(device);
	bool d0;

	pthread_mutex_lock(&pci->lock);
	d0 = !pci->cap_pm || !(pci_config_read(pci, pci->cap_pm + PM_CTRL, 2) & PM_STATE);
	pthread_mutex_unlock(&pci->lock);
	return d0;
}

/* Linux 7.3 __pci_enable_msi_range, __pci_enable_msix_range: their first checks, in their order. */
static int check_enable(struct irq_set *set)
{
	bool d0 = in_d0(set->device), any = set->start + set->count;

	if (!d0 && (any || set->index == VFIO_PCI_MSI_IRQ_INDEX))
		return why_misuse(set->call->why, EINVAL, "not-in-d0",
			"%s cannot be enabled while the device is in D3hot",
			vfio_irq_name(set->index));
	if (!any) /* of at least 1 and at most 0 */
		return why_misuse(set->call->why, ERANGE, "no-vectors",
			"enabling %s takes at least one vector", vfio_irq_name(set->index));
	return 0;
}

/* Linux 7.3 vfio_msi_enable. */
static int msi_enable(struct irq_set *set)
{
	struct vfio_device *device = set->device;
	struct hostlock *lock = vfio_lock(device->vfio);
	unsigned vectors = set->start + set->count;
	int err = check_enable(set);

	if (err)
		return err;
	hostlock_lock(lock);
	err = vfio_device_msi_addr(device, &device->msi_addr, set->call->why);
	hostlock_unlock(lock);
	if (!err && set->index == VFIO_PCI_MSI_IRQ_INDEX)
		err = msi_reserve(set, vectors);
	if (err)
		return err;
	device->n_vectors = vectors;
	if (set->index == VFIO_PCI_MSI_IRQ_INDEX)
		msi_switch(device, true);
	else
		msix_switch(device, true);
	return 0;
}

void vfio_msi_disable(struct vfio_device *device)
{
	for (unsigned i = 0; i < device->n_vectors; i++)
		drop_vector(device, i);
	device->n_vectors = 0;
	if (is_msix(device)) {
		msix_switch(device, false);
		return;
	}
	msi_switch(device, false);
	for (unsigned i = 0; i < 1u << device->msi_lg2; i++)
		msi_free(controller(device), requester(device), device->msi_data + i);
}

/* ---- TRIGGER ---- */

static int set_eventfds(struct irq_set *set)
{
	int err;

	if (set->device->irq_type == set->index)
		return set_block(set);
	err = msi_enable(set);
	if (err)
		return err;
	err = set_block(set);
	if (err)
		vfio_msi_disable(set->device);
	return err;
}

/* A loopback: the program triggers its own eventfds. */
static int trigger_vectors(struct irq_set *set)
{
	int err = vfio_irq_check_kind(set, false);

	for (unsigned i = 0; !err && i < set->count; i++)
		if (set->kind == VFIO_IRQ_SET_DATA_NONE || set->bools[i])
			vfio_irq_signal(set->device->vectors[set->start + i].fd);
	return err;
}

int vfio_msi_trigger(struct irq_set *set)
{
	bool enabled = set->device->irq_type == set->index;
	int err;

	if (enabled && !set->count && set->kind == VFIO_IRQ_SET_DATA_NONE) {
		vfio_msi_disable(set->device);
		return 0;
	}
	err = vfio_irq_check_kind(set, true);
	if (err)
		return err;
	return set->kind == VFIO_IRQ_SET_DATA_EVENTFD ? set_eventfds(set) : trigger_vectors(set);
}
