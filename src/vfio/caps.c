/* SPDX-License-Identifier: MIT */
#include "vfio/caps.h"

#include <errno.h>
#include <string.h>

#include "base/bits.h"
#include "base/check.h"

void vfio_caps_init(struct vfio_caps *caps, uint32_t at)
{
	memset(caps, 0, sizeof(*caps));
	caps->at = at;
}

static void set_next(struct vfio_caps *caps, uint32_t cap, uint32_t next)
{
	memcpy(caps->buf + cap + offsetof(struct vfio_info_cap_header, next), &next, sizeof(next));
}

void vfio_caps_add(struct vfio_caps *caps, const void *cap, uint32_t bytes)
{
	nb_assert(bytes <= sizeof(caps->buf) - caps->len);
	memcpy(caps->buf + caps->len, cap, bytes);
	if (caps->len)
		set_next(caps, caps->last, caps->at + caps->len);
	set_next(caps, caps->len, 0);
	caps->last = caps->len;
	caps->len += (uint32_t)align_up(bytes, 8);
}

int vfio_caps_write(const struct vfio_caps *caps, struct ioctl_call *call, const char *call_name,
	uint32_t *argsz, uint32_t *cap_offset)
{
	*cap_offset = 0;
	if (*argsz < caps->at + caps->len) {
		*argsz = caps->at + caps->len;
		return 0;
	}
	if (call->caller->ops->copy_out(call->caller, call->uaddr + caps->at, caps->buf, caps->len))
		return why_misuse(call->why, EFAULT, "bad-argument-pointer",
			"%s: argsz is %u, and not all of it may be written", call_name, *argsz);
	*cap_offset = caps->at;
	return 0;
}
