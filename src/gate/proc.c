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

#include "base/bits.h"
#include "base/cleanup.h"
#include "gate/procfs.h"

#define CACHE_SLOTS 64
/* An entry has up to four descriptors open; together they shall not take more than a quarter. */
#define FDS_PER_SLOT 16

struct proc_cache {
	pthread_mutex_t lock;
	unsigned n_slots; /* that are used: fewer where our descriptors are few */
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

	if (!mm)
		return NULL;
	atomic_init(&mm->refs, 1);
	mm->mem = procfs_open(tid, "mem", O_RDWR);
	if (mm->mem < 0) {
		free(mm);
		return NULL;
	}
	mm->maps = procfs_open(tid, "maps", O_RDONLY);
	return mm;
}

bool mm_key_read(struct mm_key *key, pid_t tid)
{
	AUTO_FD int fd = procfs_open(tid, "auxv", O_RDONLY);
	unsigned char auxv[1024];
	ssize_t n = fd < 0 ? -1 : read(fd, auxv, sizeof(auxv));

	key->tgid = n > 0 ? procfs_tgid(tid) : 0;
	key->start = UINT64_C(14695981039346656037); /* FNV-1a */
	for (ssize_t i = 0; i < n; i++)
		key->start = (key->start ^ auxv[i]) * UINT64_C(1099511628211);
	return key->tgid;
}

bool mm_identify(struct mm *mm, pid_t tid)
{
	return mm->key.tgid || mm_key_read(&mm->key, tid);
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
	return procfs_open(tid, "fd", O_PATH | O_DIRECTORY);
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
	struct rlimit limit;

	if (!cache)
		return NULL;
	pthread_mutex_init(&cache->lock, NULL);
	cache->n_slots = CACHE_SLOTS;
	if (!getrlimit(RLIMIT_NOFILE, &limit) && limit.rlim_cur < CACHE_SLOTS * FDS_PER_SLOT)
		cache->n_slots = MAX((unsigned)limit.rlim_cur / FDS_PER_SLOT, 1u);
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

static struct proc **slot_of(struct proc_cache *cache, pid_t tid)
{
	return &cache->slots[(unsigned)tid % cache->n_slots];
}

/** Put a new entry into its slot, unless what is there is in use. Cache locked. */
static void cache_enter(struct proc_cache *cache, struct proc *proc)
{
	struct proc **slot = slot_of(cache, proc->tid);

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
	proc = *slot_of(cache, tid);
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

/** A non-leader's exec takes over the leader's id: its old memory must not be kept meanwhile. */
static void forget_mm(struct proc_cache *cache, pid_t tid, bool for_good)
{
	struct proc *proc = *slot_of(cache, tid);

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
		tgid = procfs_tgid(tid);
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

pid_t proc_tgid(struct proc *proc)
{
	if (!proc->tgid)
		proc->tgid = procfs_tgid(proc->tid);
	return proc->tgid;
}

static int open_pidfd(struct proc *proc)
{
	if (proc->pidfd >= 0)
		return proc->pidfd;
	if (!proc_tgid(proc))
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

static pthread_once_t take_once = PTHREAD_ONCE_INIT;
static bool can_take;

/* On ourselves it is denied by nothing but a filter; EBADF would be an answer too. */
static void probe_take(void)
{
	AUTO_FD int pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0);
	AUTO_FD int taken = (int)syscall(SYS_pidfd_getfd, pidfd, pidfd, 0);

	can_take = pidfd >= 0 && taken >= 0;
}

bool proc_can_take_fds(void)
{
	pthread_once(&take_once, probe_take);
	return can_take;
}

int proc_take_file(struct proc *proc, int fd, bool writable)
{
	int flags = (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
	char name[16];
	int ret;

	if (proc_can_take_fds())
		return proc_take_fd(proc, fd);
	snprintf(name, sizeof(name), "%d", fd);
	ret = openat(proc->fds, name, flags);
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
	/* Who serves the file (a network, a program) is not asked: it is only to be told from ours. */
	if (!fstatat(proc->fds, name, st, AT_STATX_DONT_SYNC))
		return 0;
	if (errno == EACCES || errno == EPERM)
		return stat_taken(proc, fd, st);
	/* Not open, or the task that this entry was for has ended. */
	if (!proc_reopen(proc) || fstatat(proc->fds, name, st, AT_STATX_DONT_SYNC))
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

/** For other users' processes (--user) prlimit wants CAP_SYS_RESOURCE; anybody may read this. */
static unsigned long long read_fd_limit(pid_t tid)
{
	AUTO_FREE char *line = NULL;
	unsigned long long limit = 0;
	bool found = false;
	size_t size = 0;
	FILE *f;

	f = procfs_read(tid, "limits");
	while (f && !found && getline(&line, &size, f) > 0)
		found = sscanf(line, "Max open files %llu", &limit) == 1;
	if (f)
		fclose(f);
	return limit;
}

unsigned proc_fd_limit(const struct proc *proc)
{
	unsigned long long soft;
	struct rlimit limit;

	soft = prlimit(proc->tid, RLIMIT_NOFILE, NULL, &limit) ? read_fd_limit(proc->tid)
							       : limit.rlim_cur;
	return soft > GATE_FD_LAST ? GATE_FD_LAST + 1 : (unsigned)soft;
}
