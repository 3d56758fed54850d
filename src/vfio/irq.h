/* SPDX-License-Identifier: MIT */
/*
 * What the files of VFIO_DEVICE_SET_IRQS share. irq.c checks the header and finds the handler of an
 * interrupt index and an action; intx.c, msi.c (MSI and MSI-X) and notify.c (error, request, DMA fault)
 * hold them. All handlers run under the device's gate, without the host lock.
 *
 * Who raises and who signals: the endpoint's lock is held wherever a device raises something, so what
 * is looked at then (the eventfds, whether INTx is masked) is guarded by it, and changed under both.
 */
#ifndef VFIO_IRQ_H
#define VFIO_IRQ_H

#include "vfio/internal.h"

/** One SET_IRQS, its header checked. */
struct irq_set {
	struct vfio_device *device;
	struct ioctl_call *call;
	unsigned index;
	uint32_t kind; /* VFIO_IRQ_SET_DATA_ */
	unsigned start, count;
	const int32_t *fds; /* of kind EVENTFD: count of them */
	const uint8_t *bools;
};

/** Our own descriptor of the program's eventfd, or -errno with the reason. */
int vfio_irq_take_eventfd(struct irq_set *set, int32_t fd);
/** -EINVAL unless this kind of INTx, MSI, MSI-X is enabled; or none is, where that will do. */
int vfio_irq_check_kind(struct irq_set *set, bool or_none);
/** Put fd (-1: none) into *slot; what was there is closed. */
void vfio_irq_replace(struct vfio_device *device, int *slot, int fd);
/** Likewise where another lock guards the slot. */
void vfio_irq_replace_under(pthread_mutex_t *lock, int *slot, int fd);
void vfio_irq_signal(int fd); /* fd: -1 where there is none. Not under the host lock. */
const char *vfio_irq_name(unsigned index);

/* intx.c */
int vfio_intx_mask(struct irq_set *set);
int vfio_intx_unmask(struct irq_set *set);
int vfio_intx_trigger(struct irq_set *set);
void vfio_intx_disable(struct vfio_device *device);

/* msi.c */
int vfio_msi_trigger(struct irq_set *set);
void vfio_msi_disable(struct vfio_device *device);

/* notify.c */
int vfio_err_trigger(struct irq_set *set);
int vfio_req_trigger(struct irq_set *set);
int vfio_fault_trigger(struct irq_set *set);

#endif
