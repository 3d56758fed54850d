/* SPDX-License-Identifier: MIT */
#include "control/procs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bits.h"
#include "base/cleanup.h"

#define SCAN_MAX   1000000 /* processes of the machine */
#define ROUNDS_MAX 64	   /* parents that have higher numbers than their children, in one line */

/* "PID (COMM) STATE PPID ...": the command's name may hold anything, parentheses too. */
static pid_t parse_stat(char *stat, char *comm)
{
	char *begin = strchr(stat, '('), *end = strrchr(stat, ')');
	int ppid;

	if (!begin || !end || end < begin || sscanf(end, ") %*c %d", &ppid) != 1)
		return -1;
	*end = '\0';
	if (comm)
		snprintf(comm, sizeof(((struct control_proc *)0)->comm), "%s", begin + 1);
	return ppid;
}

pid_t control_parent(pid_t pid, char *comm)
{
	char path[32], stat[512];
	AUTO_FD int fd = -1;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, stat, sizeof(stat) - 1);
	if (n <= 0)
		return -1;
	stat[n] = '\0';
	return parse_stat(stat, comm);
}

/** Doubles the array where n has filled it. */
static bool room(void **array, unsigned n, size_t size)
{
	void *more;

	if (n & (n - 1) || (n && n < 64))
		return true;
	more = realloc(*array, MAX(2 * n, 64u) * size);
	if (more)
		*array = more;
	return more;
}

static int add_proc(struct control_procs *procs, pid_t pid)
{
	struct control_proc *proc;

	if (!room((void **)&procs->list, procs->n, sizeof(*procs->list)))
		return -ENOMEM;
	proc = &procs->list[procs->n];
	*proc = (struct control_proc){ .pid = pid };
	proc->ppid = control_parent(pid, proc->comm);
	procs->n += proc->ppid >= 0;
	return 0;
}

/** Every process of the machine. */
static int scan(struct control_procs *procs)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;
	int err = 0;

	if (!dir)
		return -ENOMEM; /* or of descriptors */
	while (!err && procs->n < SCAN_MAX && (entry = readdir(dir))) {
		pid_t pid = atoi(entry->d_name);

		if (pid > 0)
			err = add_proc(procs, pid);
	}
	closedir(dir);
	return err;
}

static int by_pid(const void *a, const void *b)
{
	const struct control_proc *x = a, *y = b;

	return (x->pid > y->pid) - (x->pid < y->pid);
}

/** Pids wrap around, so a child may come before its parent: again while somebody was found. */
static void mark_descendants(struct control_procs *procs, pid_t guardian)
{
	bool again = true;

	for (unsigned round = 0; again; round++) {
		again = false;
		procs->partial = round == ROUNDS_MAX;
		if (procs->partial)
			break;
		for (unsigned i = 0; i < procs->n; i++) {
			struct control_proc *proc = &procs->list[i];
			const struct control_proc key = { .pid = proc->ppid };
			const struct control_proc *parent =
				bsearch(&key, procs->list, procs->n, sizeof(key), by_pid);

			if (proc->in_box)
				continue;
			proc->in_box = proc->ppid == guardian || (parent && parent->in_box);
			again |= proc->in_box;
		}
	}
}

static void keep_descendants(struct control_procs *procs)
{
	unsigned n = 0;

	for (unsigned i = 0; i < procs->n; i++) {
		if (!procs->list[i].in_box)
			continue;
		procs->partial |= n == CONTROL_PROCS_MAX;
		if (n < CONTROL_PROCS_MAX)
			procs->list[n++] = procs->list[i];
	}
	procs->n = n;
}

int control_procs_take(struct control_procs *procs, pid_t guardian)
{
	int err;

	*procs = (struct control_procs){ 0 };
	err = scan(procs);
	if (!err && procs->n) {
		qsort(procs->list, procs->n, sizeof(*procs->list), by_pid);
		mark_descendants(procs, guardian);
		keep_descendants(procs);
	}
	return err;
}

void control_procs_free(struct control_procs *procs)
{
	free(procs->list);
	free(procs->holders);
	*procs = (struct control_procs){ 0 };
}

/* ---- descriptors ---- */

/**
 * Only what is a memfd by its link's text is asked for its inode: stat of a file on a server that does
 * not answer would hold us up; reading the link does not touch the file.
 */
static bool is_memfd(int dir, const char *name, struct stat *st)
{
	char link[16];
	ssize_t n = readlinkat(dir, name, link, sizeof(link));

	return n >= 7 && !memcmp(link, "/memfd:", 7) && !fstatat(dir, name, st, 0);
}

static int add_holder(struct control_procs *procs, pid_t pid, const struct stat *st)
{
	if (!room((void **)&procs->holders, procs->n_holders, sizeof(*procs->holders)))
		return -ENOMEM;
	procs->holders[procs->n_holders++] =
		(struct control_holder){ .dev = st->st_dev, .ino = st->st_ino, .pid = pid };
	return 0;
}

static int look_at(struct control_procs *procs, pid_t pid, unsigned *looked)
{
	char path[32];
	struct dirent *entry;
	struct stat st;
	DIR *dir;
	int err = 0;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	dir = opendir(path);
	if (!dir) /* it has ended, or is not to be looked into */
		return 0;
	while (!err && *looked < CONTROL_FDS_MAX && (entry = readdir(dir))) {
		(*looked)++;
		if (is_memfd(dirfd(dir), entry->d_name, &st))
			err = add_holder(procs, pid, &st);
	}
	closedir(dir);
	return err;
}

int control_procs_holders(struct control_procs *procs)
{
	unsigned looked = 0;
	int err = 0;

	for (unsigned i = 0; i < procs->n && !err; i++)
		err = look_at(procs, procs->list[i].pid, &looked);
	procs->partial |= looked == CONTROL_FDS_MAX;
	return err;
}
