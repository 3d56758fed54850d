/* SPDX-License-Identifier: MIT */
/*
 * Device files: opening, the calls that have no file of their own, and the last close. Order of
 * checks: Linux 7.3 drivers/vfio/pci/vfio_pci_core.c.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/bits.h"
#include "base/check.h"
#include "vfio/fault.h"
#include "vfio/internal.h"

#define COMMAND	       0x04
#define COMMAND_MEMORY 0x0002
#define COMMAND_MASTER 0x0004

struct vfio_device_file {
	struct file file;
	struct vfio_device *device;
};

static const struct file_ops device_ops;

struct vfio_device *vfio_device_from_file(struct file *file)
{
	nb_assert(file->ops == &device_ops);
	return caa_container_of(file, struct vfio_device_file, file)->device;
}

int vfio_take_eventfd(struct ioctl_call *call, int32_t fd)
{
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

void vfio_device_lock(struct vfio_device *device)
{
	struct hostlock *lock = vfio_lock(device->vfio);

	hostlock_lock(lock);
	busy_begin(lock, &device->gate);
	hostlock_unlock(lock);
}

void vfio_device_unlock(struct vfio_device *device)
{
	struct hostlock *lock = vfio_lock(device->vfio);

	hostlock_lock(lock);
	busy_end(lock, &device->gate);
	hostlock_unlock(lock);
}

/* ---- open and close ---- */

/* Linux 7.3 vfio_pci_core_enable: memory on (pci_enable_device), bus mastering off, reset. */
static int enable(struct vfio_device *device)
{
	struct pci_dev *pci = vfio_device_pci(device);

	if (!vfio_irq_open(device))
		return -ENOMEM;
	if (!vfio_fault_open(device)) {
		vfio_irq_close(device);
		return -ENOMEM;
	}
	pthread_mutex_lock(&pci->lock);
	pci_config_write(pci, COMMAND, COMMAND_MEMORY, 2);
	pci_dev_reset(pci);
	vfio_config_open(device);
	pci->opens = 1;
	pthread_mutex_unlock(&pci->lock);
	__atomic_add_fetch(&device->vfio->activity, 1, __ATOMIC_RELEASE);
	return 0;
}

/* Once bus mastering is off, under the endpoint's lock, no DMA of the device is in flight. */
static void disable(struct vfio_device *device)
{
	struct pci_dev *pci = vfio_device_pci(device);
	uint32_t command;

	vfio_low_power_close(device);
	pthread_mutex_lock(&pci->lock);
	command = pci_config_read(pci, COMMAND, 2);
	pci_config_write(pci, COMMAND, command & ~COMMAND_MASTER, 2);
	pthread_mutex_unlock(&pci->lock);

	vfio_irq_close(device);
	vfio_fault_close(device);
	vfio_ioeventfd_close(device);

	pthread_mutex_lock(&pci->lock);
	pci->opens = 0;
	pci_dev_reset(pci);
	vfio_config_close(device);
	pci_config_write(pci, COMMAND, 0, 2); /* pci_disable_device, in time */
	pthread_mutex_unlock(&pci->lock);
	__atomic_add_fetch(&device->vfio->activity, 1, __ATOMIC_RELEASE);
}

static int open_gated(struct vfio_device *device)
{
	int ret = device->opens ? 0 : enable(device);

	if (!ret)
		device->opens++;
	return ret;
}

int vfio_device_open(struct vfio_device *device, struct file **out, struct why *why)
{
	struct vfio_device_file *opened = calloc(1, sizeof(*opened));
	int ret = -ENOMEM;

	if (opened) {
		vfio_device_lock(device);
		ret = open_gated(device);
		vfio_device_unlock(device);
	}
	if (ret) {
		free(opened);
		return why_refused(why, -ret, "host-resources", "out of memory");
	}
	file_init(&opened->file, &device_ops);
	opened->file.memfd = vfio_device_pci(device)->memfd;
	opened->device = device;
	*out = &opened->file;
	return 0;
}

static void device_release(struct file *file)
{
	struct vfio_device_file *opened = caa_container_of(file, struct vfio_device_file, file);
	struct vfio_device *device = opened->device;

	vfio_device_lock(device);
	if (--device->opens == 0)
		disable(device);
	vfio_device_unlock(device);
	free(opened);
	if (vfio_group_unuse(device))
		vfio_device_closed(device);
}

/* ---- calls ---- */

static long get_info(struct ioctl_call *call, void *data)
{
	struct vfio_device_info info = {
		.flags = VFIO_DEVICE_FLAGS_PCI | VFIO_DEVICE_FLAGS_RESET,
	};
	const struct vfio_device *device = vfio_device_from_file(call->file);

	info.argsz = ((struct vfio_device_info *)data)->argsz;
	info.num_regions = vfio_fault_regions(device);
	info.num_irqs = vfio_fault_irqs(device);
	/* The struct grew: as much of it as the program knows. */
	if (call->caller->ops->copy_out(
		    call->caller, call->uaddr, &info, MIN(info.argsz, sizeof(info))))
		return why_misuse(call->why, EFAULT, "bad-argument-pointer",
			"VFIO_DEVICE_GET_INFO: argsz is %u, and not all of it may be written",
			info.argsz);
	return 0;
}

static const struct ioctl_row device_rows[] = {
	{ VFIO_DEVICE_GET_INFO, "VFIO_DEVICE_GET_INFO",
		ABI_SIZE_TO(struct vfio_device_info, num_irqs), get_info, false },
	{ VFIO_DEVICE_GET_REGION_INFO, "VFIO_DEVICE_GET_REGION_INFO",
		sizeof(struct vfio_region_info), vfio_device_region_info, true },
	{ VFIO_DEVICE_GET_IRQ_INFO, "VFIO_DEVICE_GET_IRQ_INFO", sizeof(struct vfio_irq_info),
		vfio_device_irq_info, true },
	{ VFIO_DEVICE_SET_IRQS, "VFIO_DEVICE_SET_IRQS", sizeof(struct vfio_irq_set),
		vfio_device_set_irqs, false },
	{ VFIO_DEVICE_RESET, "VFIO_DEVICE_RESET", 0, vfio_device_reset, false },
	{ VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, "VFIO_DEVICE_GET_PCI_HOT_RESET_INFO",
		sizeof(struct vfio_pci_hot_reset_info), vfio_device_hot_reset_info, false },
	{ VFIO_DEVICE_PCI_HOT_RESET, "VFIO_DEVICE_PCI_HOT_RESET", sizeof(struct vfio_pci_hot_reset),
		vfio_device_hot_reset, false },
	{ VFIO_DEVICE_IOEVENTFD, "VFIO_DEVICE_IOEVENTFD",
		ABI_SIZE_TO(struct vfio_device_ioeventfd, fd), vfio_device_ioeventfd, false },
	{ VFIO_DEVICE_FEATURE, "VFIO_DEVICE_FEATURE", sizeof(struct vfio_device_feature),
		vfio_device_feature, false },
	{ VFIO_DEVICE_SET_PASID_TABLE, "VFIO_DEVICE_SET_PASID_TABLE",
		offsetof(struct vfio_iommu_type1_set_pasid_table, config),
		vfio_device_set_pasid_table, false },
	{ VFIO_DEVICE_CACHE_INVALIDATE, "VFIO_DEVICE_CACHE_INVALIDATE",
		offsetof(struct vfio_iommu_type1_cache_invalidate, info),
		vfio_device_cache_invalidate, false },
	{ VFIO_DEVICE_SET_MSI_BINDING, "VFIO_DEVICE_SET_MSI_BINDING",
		sizeof(struct vfio_iommu_type1_set_msi_binding), vfio_device_set_msi_binding,
		false },
};

static long device_ioctl(
	struct file *file, struct caller *caller, unsigned cmd, uint64_t arg, struct why *why)
{
	struct ioctl_call call = {
		.file = file, .caller = caller, .cmd = cmd, .uaddr = arg, .why = why
	};
	struct vfio_device *device = vfio_device_from_file(file);
	long ret;

	vfio_ioeventfd_await(device);
	vfio_device_use(device);
	ret = ioctl_dispatch(device_rows, ARRAY_LEN(device_rows), &call);
	vfio_device_unuse(device);
	if (ret < 0)
		why_about(why, device->group->name, vfio_device_pci(device)->name, NULL);
	return ret;
}

static const struct file_ops device_ops = {
	.name = "device",
	.ioctl = device_ioctl,
	.read = vfio_region_read,
	.write = vfio_region_write,
	.mmap = vfio_region_mmap,
	.register_name = vfio_region_register_name,
	.release = device_release,
};
