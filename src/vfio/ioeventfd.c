/* SPDX-License-Identifier: MIT */
/*
 * VFIO_DEVICE_IOEVENTFD: a store to a BAR whenever the program's eventfd is signalled (Linux 7.3
 * vfio_pci_rdwr.c vfio_pci_ioeventfd). A monitor gives such an eventfd to KVM, so that a guest's
 * doorbell needs no exit to it.
 *
 * The list is guarded by the device's gate. The store takes the endpoint's lock alone, from the
 * thread that watches (irq/virqfd.h); calls of the program first await it, so that they find done
 * what was signalled before.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/bits.h"
#include "irq/virqfd.h"
#include "vfio/internal.h"

#define IOEVENTFD_MAX 1000 /* Linux 7.3 VFIO_PCI_IOEVENTFD_MAX */

struct vfio_ioeventfd {
	struct cds_list_head link;
	struct vfio_device *device;
	unsigned bar, size;
	uint64_t off, data;
	struct virqfd *virqfd;
};

/* Linux 7.3 vfio_pci_ioeventfd_handler: nothing while memory is disabled. */
static void store(void *arg)
{
	const struct vfio_ioeventfd *one = arg;
	struct pci_dev *pci = vfio_device_pci(one->device);

	pthread_mutex_lock(&pci->lock);
	pci_bar_write(pci, one->bar, one->off, one->data, one->size);
	pthread_mutex_unlock(&pci->lock);
}

static struct vfio_ioeventfd *find(struct vfio_device *device, const struct vfio_ioeventfd *like)
{
	struct vfio_ioeventfd *one;

	cds_list_for_each_entry (one, &device->ioeventfds, link)
		if (one->bar == like->bar && one->off == like->off && one->data == like->data &&
			one->size == like->size)
			return one;
	return NULL;
}

static void drop(struct vfio_ioeventfd *one)
{
	virqfd_unwatch(one->virqfd);
	cds_list_del(&one->link);
	atomic_fetch_sub(&one->device->n_ioeventfds, 1);
	free(one);
}

static int watch(struct ioctl_call *call, struct vfio_ioeventfd *one, int32_t fd)
{
	int ours = vfio_take_eventfd(call, fd), err;
	bool signalled = false;

	if (ours < 0)
		return ours;
	err = virqfd_watch(one->device->vfio->virqfds, ours, store, one, &signalled, &one->virqfd);
	if (err) {
		close(ours);
		return why_refused(
			call->why, -err, "host-resources", "the eventfd cannot be watched");
	}
	if (signalled)
		store(one);
	return 0;
}

static int add(struct ioctl_call *call, const struct vfio_ioeventfd *like, int32_t fd)
{
	struct vfio_device *device = like->device;
	struct vfio_ioeventfd *one;
	int err;

	if (device->n_ioeventfds >= IOEVENTFD_MAX)
		return why_refused(call->why, ENOSPC, "too-many-ioeventfds",
			"a device has at most %u", IOEVENTFD_MAX);
	one = malloc(sizeof(*one));
	if (!one)
		return why_refused(call->why, ENOMEM, "host-resources", "out of memory");
	*one = *like;
	err = watch(call, one, fd);
	if (err) {
		free(one);
		return err;
	}
	cds_list_add(&one->link, &device->ioeventfds);
	atomic_fetch_add(&device->n_ioeventfds, 1);
	return 0;
}

/* Under the gate. fd -1: remove. */
static int change(struct ioctl_call *call, const struct vfio_ioeventfd *like, int32_t fd)
{
	struct vfio_ioeventfd *there = find(like->device, like);

	if (there && fd == -1) {
		drop(there);
		return 0;
	}
	if (there)
		return why_misuse(call->why, EEXIST, "ioeventfd-exists",
			"there is one with this address, size and value");
	if (fd < 0)
		return why_misuse(
			call->why, ENODEV, "no-such-ioeventfd", "there is none to remove");
	return add(call, like, fd);
}

static int bad(struct ioctl_call *call, const struct vfio_device_ioeventfd *arg, const char *what)
{
	return why_misuse(call->why, EINVAL, "bad-ioeventfd",
		"flags 0x%x, offset 0x%llx, fd %d: %s", arg->flags, (unsigned long long)arg->offset,
		arg->fd, what);
}

/* Linux 7.3 vfio_pci_ioeventfd, before it looks at the list. */
static int check_place(struct ioctl_call *call, const struct vfio_device_ioeventfd *arg,
	const struct vfio_ioeventfd *one)
{
	const struct pci_dev *pci = vfio_device_pci(one->device);
	uint64_t table, table_end;

	if (one->bar > VFIO_PCI_BAR5_REGION_INDEX ||
		one->off + one->size > pci->model->bars[one->bar].bytes)
		return bad(call, arg, "not in a BAR");
	vfio_msix_table(one->device, one->bar, &table, &table_end);
	if (one->off < table_end && one->off + one->size > table)
		return bad(call, arg, "in the MSI-X table");
	return 0;
}

long vfio_device_ioeventfd(struct ioctl_call *call, void *data)
{
	const struct vfio_device_ioeventfd *arg = data;
	struct vfio_ioeventfd one = { .device = vfio_device_from_file(call->file),
		.size = arg->flags & VFIO_DEVICE_IOEVENTFD_SIZE_MASK,
		.data = arg->data };
	int ret;

	if (arg->flags & ~VFIO_DEVICE_IOEVENTFD_SIZE_MASK || !is_pow2(one.size) || arg->fd < -1)
		return bad(call, arg, "not one size, or no descriptor");
	one.bar = vfio_region_at(arg->offset, &one.off);
	ret = check_place(call, arg, &one);
	if (ret)
		return ret;
	vfio_device_lock(one.device);
	ret = change(call, &one, arg->fd);
	vfio_device_unlock(one.device);
	return ret;
}

void vfio_ioeventfd_await(struct vfio_device *device)
{
	if (atomic_load(&device->n_ioeventfds))
		virqfds_flush(device->vfio->virqfds);
}

void vfio_ioeventfd_close(struct vfio_device *device)
{
	struct vfio_ioeventfd *one, *next;

	cds_list_for_each_entry_safe (one, next, &device->ioeventfds, link)
		drop(one);
}
