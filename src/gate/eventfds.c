/* SPDX-License-Identifier: MIT */
/*
 * Eventfds where pidfd_getfd is denied (Docker without CAP_SYS_PTRACE). No other way leads to an
 * eventfd that a program has: /proc/PID/fd/N cannot be opened (ENXIO). So there the programs'
 * eventfd calls are notified: we make the eventfd, keep a copy and install it in the program.
 *
 * Which of them a descriptor is, whatever its number and whichever process has it by dup, fork,
 * exec or a socket: fdinfo says ("eventfd-id", Linux 5.2), a number that no two live eventfds share,
 * and what we keep lives. That we hold a copy is invisible: an eventfd has no other side that could
 * notice.
 *
 * Nothing tells when the program has closed its last descriptor of one. So from time to time, when
 * many have been made, all processes are looked through, and those that none has are dropped. One
 * that hides from that look (in a message under way, in a process that we may not look into) is
 * then one we cannot signal any more: SET_IRQS with it is refused, as for one made outside.
 *
 * FIDELITY: an eventfd that we did not make, or dropped, cannot be an interrupt: EPERM.
 */
#include "gate/calls.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/bits.h"
#include "base/cleanup.h"
#include "gate/procfs.h"

#define FIRST_SWEEP 256
#define MAX_KEPT    4096
/* After a sweep that left most, a pause of so many times as long: a program may have too many open. */
#define SWEEP_PAUSE 8

struct kept {
	int id, fd;
	bool seen; /* by the sweep in progress */
};

struct eventfds {
	pthread_mutex_t lock;
	struct kept *kept;
	unsigned n, room, max;
	unsigned sweep_at; /* so many */
	uint64_t pause_to; /* no sweep before that (ns, CLOCK_MONOTONIC) */
};

/** They must not take all descriptors that we may have: other things of the box need some. */
static unsigned most(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur / 2 > MAX_KEPT)
		return MAX_KEPT;
	return (unsigned)limit.rlim_cur / 2;
}

struct eventfds *eventfds_create(void)
{
	struct eventfds *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	pthread_mutex_init(&e->lock, NULL);
	e->max = most();
	e->sweep_at = FIRST_SWEEP;
	return e;
}

void eventfds_destroy(struct eventfds *e)
{
	if (!e)
		return;
	for (unsigned i = 0; i < e->n; i++)
		close(e->kept[i].fd);
	free(e->kept);
	pthread_mutex_destroy(&e->lock);
	free(e);
}

/** The id of the eventfd behind an fdinfo; -EINVAL: it is none; -EBADF. */
static int read_id(int dir, const char *path)
{
	AUTO_FD int fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
	const char *line;
	char text[512];
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (n < 0)
		return -EBADF;
	text[n] = '\0';
	line = strstr(text, "\neventfd-id:");
	return line ? atoi(line + strlen("\neventfd-id:")) : -EINVAL;
}

static struct kept *find(struct eventfds *e, int id)
{
	for (unsigned i = 0; i < e->n; i++)
		if (e->kept[i].id == id)
			return &e->kept[i];
	return NULL;
}

/* ---- dropping what nobody has ---- */

static bool is_number(const char *name)
{
	return name[0] >= '0' && name[0] <= '9';
}

/** What a process has, by the directory of its descriptors (or a thread's). How many it has. */
static unsigned mark_fds(struct eventfds *e, int dir)
{
	DIR *fds = dir >= 0 ? fdopendir(dir) : NULL;
	char target[32], info[300];
	struct dirent *entry;
	unsigned n = 0;

	while (fds && (entry = readdir(fds))) {
		struct kept *kept;
		ssize_t len;

		if (!is_number(entry->d_name))
			continue;
		n++;
		len = readlinkat(dirfd(fds), entry->d_name, target, sizeof(target));
		if (len != (ssize_t)strlen("anon_inode:[eventfd]"))
			continue;
		snprintf(info, sizeof(info), "../fdinfo/%s", entry->d_name);
		kept = find(e, read_id(dirfd(fds), info));
		if (kept)
			kept->seen = true;
	}
	if (fds)
		closedir(fds);
	else if (dir >= 0)
		close(dir);
	return n;
}

/** A process whose first thread has ended has descriptors all the same. */
static void mark_threads(struct eventfds *e, int process)
{
	int dir = openat(process, "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *tasks = dir >= 0 ? fdopendir(dir) : NULL;
	struct dirent *entry;
	char path[300];

	while (tasks && (entry = readdir(tasks))) {
		if (!is_number(entry->d_name))
			continue;
		snprintf(path, sizeof(path), "%s/fd", entry->d_name);
		mark_fds(e, openat(dirfd(tasks), path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	}
	if (tasks)
		closedir(tasks);
	else if (dir >= 0)
		close(dir);
}

static void mark_process(struct eventfds *e, int proc, const char *name)
{
	AUTO_FD int process = openat(proc, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int fds = process < 0 ? -1 : openat(process, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fds >= 0 && !mark_fds(e, fds))
		mark_threads(e, process);
}

static void drop_unseen(struct eventfds *e)
{
	unsigned left = 0;

	for (unsigned i = 0; i < e->n; i++) {
		if (e->kept[i].seen)
			e->kept[left++] = e->kept[i];
		else
			close(e->kept[i].fd);
	}
	e->n = left;
}

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/** Lock held. /proc by its own numbers: whose they are does not matter. */
static void sweep(struct eventfds *e)
{
	DIR *proc = opendir("/proc");
	uint64_t start = now();
	struct dirent *entry;

	if (!proc)
		return;
	for (unsigned i = 0; i < e->n; i++)
		e->kept[i].seen = false;
	while ((entry = readdir(proc))) {
		/* Not ourselves: we have them all. */
		if (is_number(entry->d_name) && atoi(entry->d_name) != procfs_number(getpid()))
			mark_process(e, dirfd(proc), entry->d_name);
	}
	closedir(proc);
	drop_unseen(e);
	e->sweep_at = MIN(MAX(e->n * 2, (unsigned)FIRST_SWEEP), e->max);
	if (e->n > e->max / 4 * 3)
		e->pause_to = now() + SWEEP_PAUSE * (now() - start);
}

static bool sweep_again(struct eventfds *e)
{
	if (now() < e->pause_to)
		return false;
	sweep(e);
	return true;
}

/* ---- making them ---- */

static int grow(struct eventfds *e)
{
	unsigned room = MAX(e->room * 2, 64U);
	struct kept *kept = e->n < e->room ? e->kept : realloc(e->kept, room * sizeof(*kept));

	if (!kept)
		return -ENOMEM;
	if (e->n == e->room)
		e->room = room;
	e->kept = kept;
	return 0;
}

/** An eventfd of ours, kept from before anybody can have it. A descriptor to install; -1. */
static int try_make(struct eventfds *e, unsigned initial, int flags)
{
	AUTO_FD int fd = -1;
	char path[48];
	int copy, id;

	if (e->n >= e->max || grow(e))
		return -1;
	fd = eventfd(initial, flags | EFD_CLOEXEC);
	if (fd < 0)
		return -1;
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	id = read_id(AT_FDCWD, path);
	copy = id < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (copy < 0)
		return -1;
	e->kept[e->n++] = (struct kept){ id, copy, false };
	return TAKE_FD(fd);
}

/** What cannot be made, for want of descriptors perhaps, may be once old ones are dropped. */
static int make(struct eventfds *e, unsigned initial, int flags)
{
	int fd;

	pthread_mutex_lock(&e->lock);
	if (e->n >= e->sweep_at)
		sweep_again(e);
	fd = try_make(e, initial, flags);
	if (fd < 0 && sweep_again(e))
		fd = try_make(e, initial, flags);
	pthread_mutex_unlock(&e->lock);
	return fd;
}

/** Whatever we cannot do, the kernel does: then it is an eventfd that we cannot signal. */
static long do_eventfd(struct call *call, unsigned initial, int flags)
{
	struct eventfds *e = call->serve->eventfds;
	struct seccomp_notif_addfd add = { .id = call->notif->id };
	AUTO_FD int fd = -1;
	int ret;

	if (!e || (flags & ~(EFD_SEMAPHORE | EFD_CLOEXEC | EFD_NONBLOCK)))
		return CALL_CONTINUE;
	fd = make(e, initial, flags);
	if (fd < 0)
		return CALL_CONTINUE;
	add.srcfd = (unsigned)fd;
	add.newfd_flags = flags & EFD_CLOEXEC ? O_CLOEXEC : 0;
	/* Not while somebody else is choosing a number that is free. */
	pthread_mutex_lock(&call->serve->install_lock);
	ret = ioctl(call->serve->args.listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add);
	pthread_mutex_unlock(&call->serve->install_lock);
	return ret >= 0 ? ret : -errno;
}

#ifdef __NR_eventfd
long sys_eventfd(struct call *call)
{
	return do_eventfd(call, (unsigned)call_arg(call, 0), 0);
}
#endif

long sys_eventfd2(struct call *call)
{
	return do_eventfd(call, (unsigned)call_arg(call, 0), (int)call_arg(call, 1));
}

/* ---- taking them ---- */

int eventfds_take(struct eventfds *e, const struct proc *proc, int fd)
{
	const struct kept *kept;
	char path[48];
	int id, taken;

	snprintf(path, sizeof(path), "../fdinfo/%d", fd);
	id = read_id(proc->fds, path);
	if (id < 0)
		return id;
	pthread_mutex_lock(&e->lock);
	kept = find(e, id);
	taken = kept ? fcntl(kept->fd, F_DUPFD_CLOEXEC, 0) : -1;
	pthread_mutex_unlock(&e->lock);
	return taken >= 0 ? taken : kept ? -EMFILE : -EPERM;
}
