/* SPDX-License-Identifier: MIT */
/*
 * /proc by our own process numbers. A container may have process numbers of its own and yet show
 * the /proc of outside (`bwrap --unshare-pid` without --proc): there /proc/N is somebody else's. Such a
 * /proc is called foreign; the number that a thread has in it is asked of the kernel, which writes
 * it into the fdinfo of the thread's pidfd.
 */
#ifndef GATE_PROCFS_H
#define GATE_PROCFS_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

#include "base/error.h"

/** Whether /proc can be used: 0, or a message. */
int procfs_check(struct error *error);

/** The number in /proc of a thread (by our number); 0: it is gone. */
pid_t procfs_number(pid_t tid);

/** Open /proc/TID/NAME of a thread (by our number). A descriptor or -errno. */
int procfs_open(pid_t tid, const char *name, int flags);

/** The same, to be read as text. NULL: it is gone, or closed to us. */
FILE *procfs_read(pid_t tid, const char *name);

/** The thread group of a thread, both by our numbers; 0: gone. */
pid_t procfs_tgid(pid_t tid);
/** The same by the numbers of /proc; 0: gone. */
pid_t procfs_foreign_tgid(pid_t tid);

/** Send a signal to a process by its number in /proc. */
void procfs_kill(pid_t number, int sig);

#endif
