/* SPDX-License-Identifier: MIT */
/*
 * The local caller: the program is this process, its memory is plain pointers, its descriptors are
 * a table here. With it every ioctl runs in-process (tests, fuzzers, embedders).
 */
#ifndef FILE_LOCAL_H
#define FILE_LOCAL_H

#include "file/file.h"

struct local_caller; /* a struct caller first */

struct local_caller *local_caller_create(void);
/** Closes every descriptor that is left. */
void local_caller_destroy(struct local_caller *local);
struct caller *local_caller_base(struct local_caller *local);
/** Account locked memory from now on: RLIMIT_MEMLOCK in pages, and whether CAP_IPC_LOCK is held. */
void local_memlock(struct local_caller *local, uint64_t limit, bool bypass);
/** Pages that are locked. */
uint64_t local_locked(const struct local_caller *local);

/** Enter an open file in the table (reference consumed): its number, from 1000 up. */
int local_install(struct local_caller *local, struct file *file);
/** NULL if it is none of ours. Borrowed. */
struct file *local_file(struct local_caller *local, int fd);
int local_dup(struct local_caller *local, int fd);
/** 0 or -EBADF. The last descriptor of a file releases it. */
int local_close(struct local_caller *local, int fd);

#endif
