/* SPDX-License-Identifier: MIT */
/*
 * Binding devices to drivers and taking them off, as a host's administrator does through sysfs, and
 * what VFIO makes of it: a group's node is there while a device of it is bound to vfio-pci, a group
 * is viable unless one is bound to a driver of the host's.
 *
 * Texts are what was written, NUL-terminated; a name may end in a newline. Called without locks.
 */
#ifndef VFIO_BIND_H
#define VFIO_BIND_H

#include "file/file.h"
#include "machine/machine.h"
#include "vfio/vfio.h"

/** A write to a driver's `bind`. 0 or a negative errno. */
int vfio_bind(struct vfio *vfio, struct machine_driver *driver, const char *text,
	struct caller *caller, struct why *why);
/**
 * A write to a driver's `unbind`. Where the device is open it is taken off at once for who looks,
 * and the call waits until it is closed, having asked its user for that (the REQ interrupt) every
 * ten seconds; if the caller dies meanwhile, the device is taken off when it is closed.
 */
int vfio_unbind(struct vfio *vfio, struct machine_driver *driver, const char *text,
	struct caller *caller, struct why *why);
/** A write to drivers_probe: the first driver that takes it. */
int vfio_drivers_probe(struct vfio *vfio, const char *text, struct caller *caller, struct why *why);
/** A write to a driver's `new_id`: it then takes what is bound to none. */
int vfio_new_id(struct vfio *vfio, struct machine_driver *driver, const char *text,
	struct caller *caller, struct why *why);

/** A write to a device's `reset`: whoever has it open, and awake (Linux 7.3 reset_store). */
void vfio_reset(struct vfio *vfio, const struct machine_device *dev);

/**
 * Be told when a device was taken off and the call goes on to wait: by any thread, without locks.
 * NULL: not any more.
 */
void vfio_watch_bindings(struct vfio *vfio, void (*watch)(void *ctx), void *ctx);
/** Changes with every binding. Any thread, without locks. */
unsigned vfio_bindings(const struct vfio *vfio);
/** Changes whenever a device is opened first and closed last. Likewise. */
unsigned vfio_activity(const struct vfio *vfio);

#endif
