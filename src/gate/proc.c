/* SPDX-License-Identifier: MIT */
/*
 * Threads of programs that made a call, and what we keep open of them: opening /proc files anew for
 * each call would cost more than the call.
 *
 * The cache is direct mapped by thread id, a few slots, each used by one call at a time (a thread
 * makes one call at a time; a collision gets an entry of its own for the time of the call). Is a
 * cached entry still right? Its /proc/TID/fd is bound to the task: once that task is gone it finds
 * no descriptor at all, then everything is opened anew (proc_stat_fd). So an entry through which a
 * descriptor was found belongs to the thread that calls, since only one live task has its id.
 */
#include "gate/internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"

#define CACHE_SLOTS 64

struct proc_cache {
	pthread_mutex_t lock;
	struct proc *slots[CACHE_SLOTS];
	unsigned used;
};

/* ---- memory ---- */

struct mm *mm_get(struct mm *mm)
{
	atomic_fetch_add(&mm->refs, 1);
	return mm;
}

void mm_put(struct mm *mm)
{
	if (!mm || atomic_fetch_sub(&mm->refs, 1) != 1)
		return;
	close(mm->mem);
	if (mm->maps >= 0)
		close(mm->maps);
	free(mm);
}

static struct mm *mm_open(pid_t tid)
{
	struct mm *mm = calloc(1, sizeof(*mm));
	char path[48];

	if (!mm)
		return NULL;
	atomic_init(&mm->refs, 1);
	snprintf(path, sizeof(path), "/proc/%d/mem", tid);
	mm->mem = open(path, O_RDWR | O_CLOEXEC);
	if (mm->mem < 0) {
		free(mm);
		return NULL;
	}
	snprintf(path, sizeof(path), "/proc/%d/maps", tid);
	mm->maps = open(path, O_RDONLY | O_CLOEXEC);
	return mm;
}

struct mm *proc_mm(struct proc *proc, bool *fresh)
{
	*fresh = !proc->mm;
	if (!proc->mm)
		proc->mm = mm_open(proc->tid);
	return proc->mm;
}

/* ---- entries ---- */

static void proc_free(struct proc *proc)
{
	if (!proc)
		return;
	if (proc->fds >= 0)
		close(proc->fds);
	if (proc->pidfd >= 0)
		close(proc->pidfd);
	mm_put(proc->mm);
	free(proc);
}

static int open_fds(pid_t tid)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d/fd", tid);
	return open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

static struct proc *proc_open(pid_t tid)
{
	struct proc *proc = calloc(1, sizeof(*proc));

	if (!proc)
		return NULL;
	proc->tid = tid;
	proc->pidfd = -1;
	proc->by_number = true;
	proc->fds = open_fds(tid);
	if (proc->fds < 0) {
		free(proc);
		return NULL;
	}
	return proc;
}

bool proc_reopen(struct proc *proc)
{
	int fds = open_fds(proc->tid);

	if (fds < 0)
		return false;
	close(proc->fds);
	proc->fds = fds;
	proc->by_number = true;
	if (proc->pidfd >= 0)
		close(proc->pidfd);
	proc->pidfd = -1;
	proc->tgid = 0;
	proc->volatile_mm = false;
	mm_put(proc->mm);
	proc->mm = NULL;
	return true;
}

/** A name below a directory of /proc is looked up anew: not found once the task is gone. */
static bool is_live(const struct proc *proc)
{
	struct stat st;

	return !fstatat(proc->fds, "../stat", &st, 0);
}

bool proc_refresh(struct proc *proc)
{
	return is_live(proc) || proc_reopen(proc);
}

struct proc_cache *proc_cache_create(void)
{
	struct proc_cache *cache = calloc(1, sizeof(*cache));

	if (cache)
		pthread_mutex_init(&cache->lock, NULL);
	return cache;
}

void proc_cache_destroy(struct proc_cache *cache)
{
	unsigned i;

	if (!cache)
		return;
	for (i = 0; i < CACHE_SLOTS; i++)
		proc_free(cache->slots[i]);
	pthread_mutex_destroy(&cache->lock);
	free(cache);
}

/** Put a new entry into its slot, unless what is there is in use. Cache locked. */
static void cache_enter(struct proc_cache *cache, struct proc *proc)
{
	struct proc **slot = &cache->slots[(unsigned)proc->tid % CACHE_SLOTS];

	if (*slot && (*slot)->busy)
		return;
	if (*slot)
		proc_free(*slot);
	else
		cache->used++;
	proc->cached = true;
	*slot = proc;
}

struct proc *proc_get(struct proc_cache *cache, pid_t tid)
{
	struct proc *proc;

	pthread_mutex_lock(&cache->lock);
	proc = cache->slots[(unsigned)tid % CACHE_SLOTS];
	if (!proc || proc->tid != tid || proc->busy) {
		proc = proc_open(tid);
		if (proc)
			cache_enter(cache, proc);
	}
	if (proc)
		proc->busy = true;
	pthread_mutex_unlock(&cache->lock);
	return proc;
}

void proc_put(struct proc_cache *cache, struct proc *proc)
{
	pthread_mutex_lock(&cache->lock);
	proc->busy = false;
	if (!proc->cached) {
		proc_free(proc);
	} else if (proc->volatile_mm) {
		mm_put(proc->mm);
		proc->mm = NULL;
	}
	pthread_mutex_unlock(&cache->lock);
}

/* ---- thread groups ---- */

static pid_t read_tgid(pid_t tid)
{
	AUTO_FREE char *line = NULL;
	size_t size = 0;
	char path[48];
	pid_t tgid = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", tid);
	f = fopen(path, "re");
	if (!f)
		return 0;
	while (!tgid && getline(&line, &size, f) > 0)
		sscanf(line, "Tgid: %d", &tgid);
	fclose(f);
	return tgid;
}

/** A non-leader's exec takes over the leader's id: its old memory must not be kept meanwhile. */
static void forget_mm(struct proc_cache *cache, pid_t tid, bool for_good)
{
	struct proc *proc = cache->slots[(unsigned)tid % CACHE_SLOTS];

	if (!proc || proc->tid != tid)
		return;
	if (for_good)
		proc->volatile_mm = true;
	if (!proc->busy) {
		mm_put(proc->mm);
		proc->mm = NULL;
	}
}

void proc_exec(struct proc_cache *cache, pid_t tid)
{
	pid_t tgid;

	pthread_mutex_lock(&cache->lock);
	if (cache->used) {
		tgid = read_tgid(tid);
		forget_mm(cache, tid, false);
		if (tgid && tgid != tid)
			forget_mm(cache, tgid, true);
	}
	pthread_mutex_unlock(&cache->lock);
}

void proc_cache_sweep(struct proc_cache *cache)
{
	unsigned i;

	pthread_mutex_lock(&cache->lock);
	for (i = 0; i < CACHE_SLOTS; i++) {
		struct proc *proc = cache->slots[i];

		if (!proc || proc->busy || is_live(proc))
			continue;
		proc_free(proc);
		cache->slots[i] = NULL;
		cache->used--;
	}
	pthread_mutex_unlock(&cache->lock);
}

static int open_pidfd(struct proc *proc)
{
	if (proc->pidfd >= 0)
		return proc->pidfd;
	if (!proc->tgid)
		proc->tgid = read_tgid(proc->tid);
	if (!proc->tgid)
		return -ESRCH;
	proc->pidfd = (int)syscall(SYS_pidfd_open, proc->tgid, 0);
	return proc->pidfd >= 0 ? proc->pidfd : -errno;
}

/* ---- descriptors ---- */

int proc_take_fd(struct proc *proc, int fd)
{
	int pidfd, ret;

	if (fd < 0)
		return -EBADF;
	pidfd = open_pidfd(proc);
	if (pidfd < 0)
		return pidfd;
	ret = (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0);
	return ret >= 0 ? ret : -errno;
}

/** Through a copy: works for processes whose /proc/TID/fd is closed to us (not dumpable). */
static int stat_taken(struct proc *proc, int fd, struct stat *st)
{
	AUTO_FD int taken = proc_take_fd(proc, fd);

	proc->by_number = true;
	if (taken < 0 || fstat(taken, st))
		return -EBADF;
	return 0;
}

int proc_stat_fd(struct proc *proc, int fd, struct stat *st)
{
	char name[16];

	if (fd < 0)
		return -EBADF;
	snprintf(name, sizeof(name), "%d", fd);
	if (!fstatat(proc->fds, name, st, 0))
		return 0;
	if (errno == EACCES || errno == EPERM)
		return stat_taken(proc, fd, st);
	/* Not open, or the task that this entry was for has ended. */
	if (!proc_reopen(proc) || fstatat(proc->fds, name, st, 0))
		return -EBADF;
	return 0;
}

bool proc_fd_used(struct proc *proc, int fd)
{
	char name[16];
	struct stat st;
	int taken;

	snprintf(name, sizeof(name), "%d", fd);
	if (!fstatat(proc->fds, name, &st, AT_SYMLINK_NOFOLLOW))
		return true;
	if (errno == ENOENT)
		return false;
	taken = proc_take_fd(proc, fd);
	if (taken >= 0)
		close(taken);
	return taken != -EBADF;
}

unsigned proc_fd_limit(const struct proc *proc)
{
	struct rlimit limit;

	if (prlimit(proc->tid, RLIMIT_NOFILE, NULL, &limit))
		return 0;
	return limit.rlim_cur > GATE_FD_LAST ? GATE_FD_LAST + 1 : (unsigned)limit.rlim_cur;
}
