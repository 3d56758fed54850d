/* SPDX-License-Identifier: MIT */
/*
 * What the uAPI suites need of a system. Two implementations: sys_local.c drives the handlers in
 * this process; sys_box.c is plain open(2), ioctl(2) and close(2), so that the same suite is an
 * unmodified program in a box. Nothing of nestbox is included here.
 */
#ifndef TEST_UAPI_SYS_H
#define TEST_UAPI_SYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Start with this host: 0, or an errno that was printed. In a box: the host it runs on. */
int t_begin(const char *host);
void t_end(void);

/** A descriptor, or -errno. path is below /dev/vfio. */
int t_open(const char *path);
int t_close(int fd);
/** What ioctl(2) returns, but -errno in place of -1. */
long t_ioctl(int fd, unsigned long cmd, uint64_t arg);
/** pread(2) and pwrite(2) with any buffer, or -errno. */
long t_pread(int fd, uint64_t buf, size_t count, uint64_t offset);
long t_pwrite(int fd, uint64_t buf, size_t count, uint64_t offset);
/** mmap(2): the address, or -errno. */
long t_mmap(int fd, uint64_t offset, size_t len, int prot, int flags);
int t_munmap(long at, size_t len);

/** Let devices work; in a box they do by themselves. */
void t_step(void);

/** The last refusal, as the program may read it (/dev/nestbox/last-refusal). */
struct t_reason {
	int err;
	char rule[48], group[16], iommu[32], missing[200], instead[200];
};
/** False: there is none to be had. */
bool t_reason(struct t_reason *reason);

/** How much the host holds; table_bytes is 0 where that cannot be seen. */
struct t_counts {
	unsigned long domains, attachments, mappings;
	unsigned long long table_bytes;
};
/** False: cannot be seen. Changes nothing of the host; may replace the last refusal. */
bool t_counts(struct t_counts *counts);

enum t_kind {
	T_UNKNOWN, /* cannot be seen */
	T_BLOCKED,
	T_STAGE1,
	T_STAGE2,
	T_NEST_PARENT,
};
/** What domain the group's devices are attached to. */
enum t_kind t_group_kind(int group);

/** True in this process: custom limits apply (dma_entry_limit is T_ENTRY_LIMIT). */
bool t_is_local(void);
#define T_ENTRY_LIMIT 64

#endif
