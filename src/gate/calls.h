/* SPDX-License-Identifier: MIT */
/* Handlers of notified system calls (calls.c has the table), and what they share. */
#ifndef GATE_CALLS_H
#define GATE_CALLS_H

#include "gate/internal.h"

static inline uint64_t call_arg(const struct call *call, unsigned n)
{
	return call->notif->data.args[n];
}

/** The file that descriptor argument n is, reference taken; NULL: the call continues. */
struct file *call_file(struct call *call, unsigned n);

/** A call on a device may have given it work. */
void call_kick(struct call *call, const struct file *file);

/* ---- io.c ---- */

long sys_pread64(struct call *call);
long sys_pwrite64(struct call *call);
long sys_read(struct call *call);
long sys_write(struct call *call);
long sys_readv(struct call *call);
long sys_writev(struct call *call);
long sys_preadv(struct call *call);
long sys_pwritev(struct call *call);
long sys_preadv2(struct call *call);
long sys_pwritev2(struct call *call);
long sys_lseek(struct call *call);
long sys_ftruncate(struct call *call);
long sys_fallocate(struct call *call);
long sys_mmap(struct call *call);

/* ---- pty.c ---- */

/** ioctl TIOCGPTPEER. */
long sys_open_peer(struct call *call);

/* ---- stat.c ---- */

long sys_fstat(struct call *call);
long sys_newfstatat(struct call *call);
long sys_statx(struct call *call);

#endif
