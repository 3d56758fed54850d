/* SPDX-License-Identifier: MIT */
/* The table-driven ioctl dispatcher (src/file/ioctl.h). */
#include "file/ioctl.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"

static const struct ioctl_row *find_row(const struct ioctl_row *rows, unsigned n, unsigned cmd)
{
	for (unsigned i = 0; i < n; i++)
		if (rows[i].cmd == cmd)
			return &rows[i];
	return NULL;
}

static int bad_argument(const struct ioctl_row *row, struct ioctl_call *call)
{
	return why_misuse(call->why, EFAULT, "bad-argument-pointer",
		"%s: the %u bytes at 0x%llx are not all accessible to the program", row->name,
		row->minsz, (unsigned long long)call->uaddr);
}

/* VFIO convention: the struct opens with argsz, the size that the program knows of. */
static int copy_fixed(const struct ioctl_row *row, struct ioctl_call *call, void *data)
{
	uint32_t argsz;

	if (call->caller->ops->copy_in(call->caller, data, call->uaddr, row->minsz))
		return bad_argument(row, call);
	memcpy(&argsz, data, sizeof(argsz));
	if (argsz < row->minsz)
		return why_misuse(call->why, EINVAL, "argsz-too-small",
			"%s: argsz is %u, the struct has at least %u bytes", row->name, argsz,
			row->minsz);
	return 0;
}

static bool caller_alive(void *ctx)
{
	struct caller *caller = ctx;

	return !caller->ops->alive || caller->ops->alive(caller);
}

int ioctl_busy_begin(struct ioctl_call *call, struct hostlock *lock, struct busy *busy)
{
	if (busy_begin_while(lock, busy, caller_alive, call->caller))
		return 0;
	return why_protocol(call->why, EINTR, "caller-died", "the caller died while it waited");
}

long ioctl_dispatch(const struct ioctl_row *rows, unsigned n_rows, struct ioctl_call *call)
{
	const struct ioctl_row *row = find_row(rows, n_rows, call->cmd);
	_Alignas(8) uint8_t data[IOCTL_MAX_FIXED];
	long ret;

	if (!row)
		return why_protocol(call->why, ENOTTY, "unknown-ioctl", "a %s has no ioctl 0x%x",
			call->file->ops->name, call->cmd);
	if (!row->minsz)
		return row->handler(call, NULL);

	nb_assert(row->minsz >= sizeof(uint32_t) && row->minsz <= sizeof(data));
	ret = copy_fixed(row, call, data);
	if (ret)
		return ret;
	ret = row->handler(call, data);
	if (ret < 0 || !row->out)
		return ret;
	if (call->caller->ops->copy_out(call->caller, call->uaddr, data, row->minsz))
		return bad_argument(row, call);
	return ret;
}
