/* SPDX-License-Identifier: MIT */
/*
 * A device as programs hold it: the same state for all its open files, as in Linux, where the first
 * open enables the device and the last close disables it.
 *
 * Locking: the gate (a busy mark; Linux's igate and device-set lock in one) serialises opening,
 * closing, resetting and interrupts; it comes after the group's mark and before the container's.
 * The host lock is not held while anything below is done, so that eventfds may be signalled and
 * user memory copied. What the program sees of configuration space is guarded by the endpoint's own
 * lock, as is the endpoint.
 */
#ifndef VFIO_DEVICE_H
#define VFIO_DEVICE_H

#include <stdatomic.h>
#include <urcu/list.h>

#include "abi/vfio.h"
#include "file/ioctl.h"
#include "irq/virqfd.h"
#include "machine/machine.h"

struct vfio;
struct vfio_fault;
struct vfio_group;

#define VFIO_CONFIG_STD 256 /* the extended space begins here */

/** The program's view of configuration space. */
struct vfio_config {
	uint8_t view[PCI_CONFIG_BYTES];	 /* what it sees of the virtualised bits */
	uint8_t virt[PCI_CONFIG_BYTES];	 /* bits that are virtualised, others are the device's */
	uint8_t write[PCI_CONFIG_BYTES]; /* bits that it may write */
	uint8_t owner[PCI_CONFIG_BYTES]; /* capability each byte belongs to, see config.c */
	uint8_t saved[PCI_CONFIG_BYTES]; /* of the device at first open: put back at last close */
};

/** A vector of MSI or MSI-X that has (fd >= 0) or had an eventfd. */
struct vfio_vector {
	int fd;		/* ours */
	uint32_t data;	/* MSI-X: what the MSI controller gave */
	uint64_t fired; /* since the device was opened; written under the controller's lock */
};

/** Whether the device may sleep while no call uses it (feature.c). Written under the endpoint's lock. */
struct vfio_low_power {
	atomic_bool engaged;
	atomic_uint calls; /* in progress */
	int wake_fd;	   /* signalled when it wakes, or -1 */
};

/** INTx (intx.c). Guarded by the endpoint's lock, but for unmask: by the gate. */
struct vfio_intx {
	int fd;	       /* ours, or -1 */
	bool masked;   /* by firing, by the program, or by the bit below */
	bool disabled; /* Command.INTx Disable, as the program wrote it */
	uint64_t fired;
	struct virqfd *unmask; /* the eventfd that unmasks, NULL: none */
};

/** Where a guest's devices find the doorbell. */
struct vfio_msi_binding {
	uint64_t size; /* 0: there is none */
	uint64_t iova, gpa;
};

struct vfio_device {
	struct vfio *vfio;
	struct vfio_group *group;
	struct machine_device *dev;
	struct busy gate;
	unsigned opens;
	unsigned holds; /* on the group, one for each open until its close is over; host lock */
	struct vfio_config config;

	unsigned irq_type; /* index of the kind that is enabled, VFIO_PCI_NUM_IRQS: none */
	struct vfio_intx intx;
	struct vfio_vector *vectors; /* of MSI or MSI-X */
	unsigned n_vectors;	     /* enabled with */
	uint64_t msi_addr;	     /* what the device writes to */
	uint32_t msi_data;	     /* MSI: of the first vector */
	unsigned msi_lg2;	     /* MSI: so many bits of it count the vectors */
	unsigned msi_qmax;  /* Linux 7.3 vdev->msi_qmax: msi_lg2 when it was last enabled */
	int err_fd, req_fd; /* eventfds, or -1; guarded by the endpoint's lock */

	struct vfio_fault *fault; /* its group nests (fault.h); else NULL. While open it stays */
	/* nested_calls.c; host lock */
	unsigned stage1;	     /* config of the guest's stage 1, 0: none */
	struct vfio_msi_binding msi; /* of its own */

	struct vfio_low_power power;
	struct cds_list_head ioeventfds; /* the gate */
	atomic_uint n_ioeventfds;
};

static inline struct pci_dev *vfio_device_pci(const struct vfio_device *device)
{
	return &device->dev->pci;
}

void vfio_device_lock(struct vfio_device *device); /* the gate */
void vfio_device_unlock(struct vfio_device *device);

/* ---- config.c. The endpoint's lock held. ---- */

/** At first open: read the device's configuration space, and decide what is virtualised. */
void vfio_config_open(struct vfio_device *device);
void vfio_config_close(struct vfio_device *device);
/** pos + count <= PCI_CONFIG_BYTES. */
void vfio_config_read(struct vfio_device *device, unsigned pos, uint8_t *buf, unsigned count);
/** Whether all of a write is dropped unread: never changes while the device is open. */
bool vfio_config_drops(const struct vfio_device *device, unsigned pos, unsigned count);
void vfio_config_write(
	struct vfio_device *device, unsigned pos, const uint8_t *buf, unsigned count);

/* ---- feature.c. Without locks. ---- */

long vfio_device_feature(struct ioctl_call *call, void *data);
/** Around each call that uses the device: it wakes up, and may go to sleep after the last one. */
void vfio_device_use(struct vfio_device *device);
void vfio_device_unuse(struct vfio_device *device);
/** At last close: awake for good. */
void vfio_low_power_close(struct vfio_device *device);

/* ---- nested_calls.c: the virtual SMMU interface, of one device. Without locks. ---- */

long vfio_device_set_pasid_table(struct ioctl_call *call, void *data);
long vfio_device_cache_invalidate(struct ioctl_call *call, void *data);
long vfio_device_set_msi_binding(struct ioctl_call *call, void *data);

/* ---- reset.c. Without locks. ---- */

long vfio_device_reset(struct ioctl_call *call, void *data);
long vfio_device_hot_reset_info(struct ioctl_call *call, void *data);
long vfio_device_hot_reset(struct ioctl_call *call, void *data);

/* ---- ioeventfd.c ---- */

long vfio_device_ioeventfd(struct ioctl_call *call, void *data);
/** Await the stores for all eventfds that have been signalled. Without locks. */
void vfio_ioeventfd_await(struct vfio_device *device);
/** At last close; the gate held. */
void vfio_ioeventfd_close(struct vfio_device *device);

/* ---- region.c: what is read, written and mapped. Without locks. ---- */

long vfio_device_region_info(struct ioctl_call *call, void *data);
ssize_t vfio_region_read(struct file *file, struct caller *caller, uint64_t uaddr, size_t count,
	uint64_t pos, struct why *why);
ssize_t vfio_region_write(struct file *file, struct caller *caller, uint64_t uaddr, size_t count,
	uint64_t pos, struct why *why);
bool vfio_region_register_name(struct file *file, uint64_t pos, char *buf, size_t size);
int vfio_region_mmap(struct file *file, uint64_t pos, uint64_t len, unsigned prot, struct why *why);
/** The region that a file offset is in (PCI_REGIONS: none), and where in it. */
unsigned vfio_region_at(uint64_t pos, uint64_t *off);
/** The MSI-X table's place in a BAR, [*start, *end): 0, 0 where it is in another. Takes the
 * endpoint's lock. */
void vfio_msix_table(
	const struct vfio_device *device, unsigned bar, uint64_t *start, uint64_t *end);

/* ---- irq.c, intx.c, notify.c. Without locks, if not said. ---- */

long vfio_device_irq_info(struct ioctl_call *call, void *data);
long vfio_device_set_irqs(struct ioctl_call *call, void *data);
unsigned vfio_irq_vectors(const struct vfio_device *device); /* there are, in device->vectors */
/** At first open, which sets all of it to what nothing enabled is; the gate held. */
bool vfio_irq_open(struct vfio_device *device);
/** At last close; the gate held. */
void vfio_irq_close(struct vfio_device *device);
/** The program's INTx Disable bit is this now. The endpoint's lock held. */
void vfio_intx_command(struct vfio_device *device, bool disable);
/**
 * The host wants the device back (it is unbound while in use): signal the request eventfd. count
 * is how often it was asked before. False: the program has given none. Without the host lock.
 */
bool vfio_device_request(struct vfio_device *device, unsigned count);

/* ---- device.c ---- */

/** The device of an open device file. */
struct vfio_device *vfio_device_from_file(struct file *file);
/** A descriptor of ours for the program's eventfd, or a negative errno with its reason. */
int vfio_take_eventfd(struct ioctl_call *call, int32_t fd);

#endif
