/* SPDX-License-Identifier: MIT */
/*
 * Chains of capabilities behind the struct of an info call (Linux 7.3 vfio_info_cap_add,
 * vfio_info_cap_shift): offsets from the start of the struct, each capability aligned to 8 bytes.
 */
#ifndef VFIO_CAPS_H
#define VFIO_CAPS_H

#include "abi/vfio.h"
#include "file/ioctl.h"

struct vfio_caps {
	uint32_t at;   /* where the chain begins: the size of the struct before it */
	uint32_t len;  /* of buf, in use */
	uint32_t last; /* the last capability, in buf */
	_Alignas(8) uint8_t buf[128];
};

void vfio_caps_init(struct vfio_caps *caps, uint32_t at);
/** cap begins with a struct vfio_info_cap_header, whose next is set here. */
void vfio_caps_add(struct vfio_caps *caps, const void *cap, uint32_t bytes);

/**
 * Put the chain behind the caller's struct: 0, with *cap_offset; 0, *argsz raised and *cap_offset 0
 * where that has no room for it; -EFAULT. call_name is for the reason.
 */
int vfio_caps_write(const struct vfio_caps *caps, struct ioctl_call *call, const char *call_name,
	uint32_t *argsz, uint32_t *cap_offset);

#endif
