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

/** Likewise of that descriptor. */
struct file *call_file_at(struct call *call, int fd);

/**
 * Make file a descriptor of the program: a free one of the reserved range, or over descriptor at
 * (negative: none). Consumes the reference on success. Its number, or a negative errno.
 */
int call_install(struct call *call, struct file *file, const struct fd_origin *origin, int at);

/**
 * Something is busy. It may be so only because of us: a step in progress reads the memory of a
 * program that has ended, or the closer thread is about to release a file. Wait for these; after
 * that, busy is busy.
 */
void call_settle(struct call *call);

/** An open of a node. */
struct call_open {
	const char *path; /* as the program calls it */
	unsigned flags;	  /* O_* */
	bool late;	  /* it is made up for at the first ioctl: */
	int at;		  /* over this descriptor */
};
/** Do it and report it. A descriptor of the program, or a negative errno. */
long call_open(struct call *call, const struct path_node *found, const struct call_open *open);

/** A call on a device may have given it work. */
void call_kick(struct call *call, const struct file *file);

/** What the call did, unless it is to be handled anew. */
struct report_call;
void call_report(struct call *call, const struct report_call *done);

/* ---- open.c ---- */

long sys_open(struct call *call);
long sys_creat(struct call *call);
long sys_openat(struct call *call);
long sys_openat2(struct call *call);
long sys_access(struct call *call);
long sys_faccessat(struct call *call);

/* ---- attr.c: files of the box's /sys ---- */

/** Open it. A new file, or a negative errno. */
int attr_open(struct call *call, const struct live_attr *at, unsigned flags, struct file **out,
	struct why *why);
/** What access(2) says: want has 4 for reading, 2 for writing. 0 or -EACCES. */
int attr_access(struct call *call, const struct live_attr *at, unsigned want);
bool attr_is(const struct file *file);
/** A write of len bytes at text, of at most a page. */
ssize_t attr_write_text(struct call *call, struct file *file, const char *text, size_t len,
	uint64_t pos, struct why *why);
/** fstat, where it is one. */
bool attr_stat(struct call *call, struct file *file, struct stat *st);
/** Where the call's descriptor, which is one, reads and writes; and n bytes further. */
uint64_t attr_position(struct call *call, struct file *file);
void attr_advance(struct call *call, struct file *file, uint64_t n);

/* ---- userfault.c ---- */

long sys_userfaultfd(struct call *call);
long userfault_new(struct call *call); /* USERFAULTFD_IOC_NEW */

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
long sys_fcntl(struct call *call);
long sys_fsync(struct call *call);
long sys_fdatasync(struct call *call);
long sys_sync_file_range(struct call *call);
long sys_readahead(struct call *call);
long sys_fchmod(struct call *call);
long sys_fchown(struct call *call);
long sys_sendfile(struct call *call);
long sys_splice(struct call *call);
long sys_copy_file_range(struct call *call);
long sys_mmap(struct call *call);

/* ---- strict.c: calls that take memory away; they continue ---- */

long sys_munmap(struct call *call);
long sys_mremap(struct call *call);
long sys_brk(struct call *call);
long sys_madvise(struct call *call);
long sys_shmat(struct call *call);
long sys_shmdt(struct call *call);
long sys_remap_file_pages(struct call *call);
/** An mmap that is about to run. */
void strict_mmap(struct call *call);

/* ---- eventfds.c ---- */

long sys_eventfd(struct call *call);
long sys_eventfd2(struct call *call);

/* ---- late.c ---- */

/** The node that descriptor fd, which is no file of ours, should have opened. NULL: none. */
const struct tree_entry *late_find(struct call *call, int fd, unsigned *flags);
/** Open it now. 0 and a reference; 0 and NULL: no node of ours; or a negative errno, reported. */
int late_open(struct call *call, int fd, struct file **out);

/* ---- pty.c ---- */

/** ioctl TIOCGPTPEER. */
long sys_open_peer(struct call *call);

/* ---- stat.c ---- */

long sys_fstat(struct call *call);
long sys_newfstatat(struct call *call);
long sys_statx(struct call *call);
long sys_fstatfs(struct call *call);
long sys_statfs(struct call *call);

#endif
