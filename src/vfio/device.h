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

#include "abi/vfio.h"
#include "file/ioctl.h"
#include "irq/virqfd.h"
#include "machine/machine.h"

struct vfio;
struct vfio_group;

#define VFIO_CONFIG_STD 256 /* configuration space up to here has structure that VFIO knows */

/** The program's view of configuration space. */
struct vfio_config {
	uint8_t view[VFIO_CONFIG_STD];	/* what it sees of the virtualised bits */
	uint8_t virt[VFIO_CONFIG_STD];	/* bits that are virtualised, others are the device's */
	uint8_t write[VFIO_CONFIG_STD]; /* bits that it may write */
	uint8_t owner[VFIO_CONFIG_STD]; /* capability each byte belongs to, see config.c */
	uint8_t saved[VFIO_CONFIG_STD]; /* of the device at first open: put back at last close */
};

/** A vector of MSI or MSI-X that has (fd >= 0) or had an eventfd. */
struct vfio_vector {
	int fd;		/* ours */
	uint32_t data;	/* MSI-X: what the MSI controller gave */
	uint64_t fired; /* since the device was opened; written under the controller's lock */
};

/** INTx (intx.c). Guarded by the endpoint's lock, but for unmask: by the gate. */
struct vfio_intx {
	int fd;	       /* ours, or -1 */
	bool masked;   /* by firing, by the program, or by the bit below */
	bool disabled; /* Command.INTx Disable, as the program wrote it */
	uint64_t fired;
	struct virqfd *unmask; /* the eventfd that unmasks, NULL: none */
};

struct vfio_device {
	struct vfio *vfio;
	struct vfio_group *group;
	struct machine_device *dev;
	struct busy gate;
	unsigned opens;
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
void vfio_config_write(
	struct vfio_device *device, unsigned pos, const uint8_t *buf, unsigned count);

/* ---- region.c: what is read, written and mapped. Without locks. ---- */

long vfio_device_region_info(struct ioctl_call *call, void *data);
ssize_t vfio_region_read(struct file *file, struct caller *caller, uint64_t uaddr, size_t count,
	uint64_t pos, struct why *why);
ssize_t vfio_region_write(struct file *file, struct caller *caller, uint64_t uaddr, size_t count,
	uint64_t pos, struct why *why);
bool vfio_region_register_name(struct file *file, uint64_t pos, char *buf, size_t size);
int vfio_region_mmap(struct file *file, uint64_t pos, uint64_t len, unsigned prot, struct why *why);

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

#endif
