/* SPDX-License-Identifier: MIT */
/*
 * Open files of the simulated host and their stand-ins in the program.
 *
 * A stand-in is a memfd: an empty sealed one for each container and group, the device's own (with
 * its BARs in it) for devices. The program gets a second open file of it, opened read-write through
 * /proc/self/fd, which it may dup, pass through fork and exec, and map. We keep the first.
 *
 * - Identity is the inode: whatever descriptor of whatever process has it is this file. Several
 *   opens of one device share a stand-in and the first one's file: they answer alike, and the
 *   device closes with the last.
 * - Last close: when the last such open file goes, inotify says IN_CLOSE_WRITE. Unread equal events
 *   coalesce, so an event is only a hint; a read lease can be had exactly if no writer (no open
 *   file, no mapping) is left. Under the table lock nobody can become one, since all come from
 * here. The event comes shortly before the writer is gone (Linux 7.3 __fput): a stand-in with an
 * event but without the lease stays suspect and is looked at again for a while.
 * - Order: a handler drains the events that are there when its call arrives, so whoever closed
 *   before it called has closed. The drain lock is held until those files are released.
 */
#include "gate/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>
#include <urcu/list.h>

#include "base/bits.h"
#include "base/cleanup.h"

#define BUCKETS 64

/*
 * So many descriptors of ours stay free for the handling of calls (to resolve a path, to look at a
 * new thread): without them an open could not even be recognised as one of ours.
 */
#define RESERVE 16

struct standin {
	struct cds_list_head node;
	uint64_t dev, ino;
	int memfd; /* ours where own, else the file's */
	bool own;
	bool reader; /* the program's open file is read-only */
	int lease;   /* read-only open of it */
	int watch;
	struct fd_origin origin;
	struct file *file; /* a reference */
	uint64_t suspect;  /* until when (ns) it is to be looked at again; 0: not at all */
};

/* How long the end of a close may take after its event: seconds when the machine is overloaded. */
#define SUSPECT_NS UINT64_C(5000000000)
/* In the first part of that, callers look too; then only the closer thread does, and rarely. */
#define SUSPECT_HOT_NS (SUSPECT_NS - UINT64_C(100000000))

struct fdtable {
	pthread_mutex_t drain, lock;
	int events;   /* inotify */
	int fd_limit; /* our own descriptors are below it */
	struct cds_list_head buckets[BUCKETS];
	unsigned devices; /* stand-ins of devices */
	unsigned suspects;
	void (*devices_open)(void *ctx, unsigned n);
	void *ctx;
};

struct fdtable *fdtable_create(
	void (*devices_open)(void *ctx, unsigned n), void *ctx, struct error *error)
{
	struct fdtable *table = calloc(1, sizeof(*table));
	struct rlimit limit;
	unsigned i;

	if (!table) {
		error_set(error, ENOMEM, "out of memory");
		return NULL;
	}
	table->events = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (table->events < 0) {
		error_sys(error, errno, "cannot watch for closes (inotify)");
		free(table);
		return NULL;
	}
	if (!getrlimit(RLIMIT_NOFILE, &limit) && limit.rlim_cur < INT_MAX)
		table->fd_limit = (int)limit.rlim_cur;
	else
		table->fd_limit = INT_MAX;
	for (i = 0; i < BUCKETS; i++)
		CDS_INIT_LIST_HEAD(&table->buckets[i]);
	pthread_mutex_init(&table->drain, NULL);
	pthread_mutex_init(&table->lock, NULL);
	table->devices_open = devices_open;
	table->ctx = ctx;
	return table;
}

int fdtable_events(const struct fdtable *table)
{
	return table->events;
}

bool fdtable_affords(const struct fdtable *table, int fd)
{
	/* The kernel gives the lowest number that is free. */
	return fd < table->fd_limit - RESERVE;
}

/* ---- stand-ins ---- */

static struct standin *find(struct fdtable *table, uint64_t dev, uint64_t ino)
{
	struct standin *s;

	cds_list_for_each_entry (s, &table->buckets[ino % BUCKETS], node) {
		if (s->ino == ino && s->dev == dev)
			return s;
	}
	return NULL;
}

/** Without waiting for a lease that the program may have got of it. */
static int reopen(int fd, unsigned flags)
{
	char path[32];
	int ret;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ret = open(path, (int)flags | O_NONBLOCK | O_CLOEXEC);
	if (ret >= 0 && !(flags & O_NONBLOCK))
		fcntl(ret, F_SETFL, flags & O_APPEND);
	return ret >= 0 ? ret : -errno;
}

/** A device's memfd outlives its opens, and the program may have changed its mode. */
static void make_accessible(const struct standin *s)
{
	if (!s->own)
		fchmod(s->memfd, 0600);
}

/* Of an open's flags, those that fcntl(F_GETFL) shows, besides the access mode. */
#define KEPT_FLAGS ((unsigned)(O_NONBLOCK | O_APPEND | O_DSYNC | O_SYNC | O_ASYNC))

/** The open file that the program gets. */
static int open_standin(const struct standin *s, unsigned flags)
{
	unsigned mode = flags & O_ACCMODE;

	/* 3 is an open for ioctls alone, which nothing counts. */
	if (mode == O_ACCMODE)
		mode = O_RDWR;
	make_accessible(s);
	return reopen(s->memfd, mode | (flags & KEPT_FLAGS));
}

static int watch(struct fdtable *table, int fd, bool reader)
{
	char path[32];
	int ret;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ret = inotify_add_watch(table->events, path, reader ? IN_CLOSE : IN_CLOSE_WRITE);
	return ret >= 0 ? ret : -errno;
}

/** Nothing can be written to it: of size 0 because it cannot grow. */
static int make_memfd(const char *name, uint64_t size)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int seals = size ? F_SEAL_WRITE : F_SEAL_SHRINK | F_SEAL_GROW;

	if (fd < 0)
		return -errno;
	if (size && ftruncate(fd, (off_t)size)) {
		close(fd);
		return -ENOSPC;
	}
	fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | seals);
	fchmod(fd, 0666); /* as the node's: nothing to execute */
	return fd;
}

static void standin_free(struct fdtable *table, struct standin *s)
{
	if (s->watch >= 0)
		inotify_rm_watch(table->events, s->watch);
	if (s->lease >= 0)
		close(s->lease);
	if (s->own)
		close(s->memfd);
	if (s->file)
		file_put(s->file);
	free(s);
}

/** -errno, with nothing left behind. */
static int standin_create(struct fdtable *table, const struct file *file,
	const struct fd_origin *origin, struct standin **out)
{
	struct standin *s = calloc(1, sizeof(*s));
	struct stat st;
	int ret;

	if (!s)
		return -ENOMEM;
	s->lease = s->watch = -1;
	s->origin = *origin;
	s->own = file->memfd < 0;
	s->reader = (origin->flags & O_ACCMODE) == O_RDONLY;
	s->memfd = s->own ? make_memfd(origin->path, file->size) : file->memfd;
	if (s->memfd < 0) {
		ret = s->memfd;
		free(s);
		return ret;
	}
	ret = fstat(s->memfd, &st) ? -errno : 0;
	s->dev = st.st_dev;
	s->ino = st.st_ino;
	make_accessible(s);
	if (!ret)
		ret = s->lease = reopen(s->memfd, O_RDONLY);
	if (ret >= 0 && !fdtable_affords(table, ret))
		ret = -EMFILE;
	if (ret >= 0)
		ret = s->watch = watch(table, s->memfd, s->reader);
	if (ret < 0) {
		standin_free(table, s);
		return ret;
	}
	*out = s;
	return 0;
}

/** Table locked. */
static void count_devices(struct fdtable *table, const struct standin *s, int change)
{
	if (s->own)
		return;
	table->devices += (unsigned)change;
	table->devices_open(table->ctx, table->devices);
}

static struct standin *standin_for(struct fdtable *table, int memfd)
{
	struct stat st;

	if (memfd < 0 || fstat(memfd, &st))
		return NULL;
	return find(table, st.st_dev, st.st_ino);
}

/** The table takes the reference. Locked. */
static void enter(struct fdtable *table, struct standin *s, struct file *file)
{
	s->file = file;
	cds_list_add(&s->node, &table->buckets[s->ino % BUCKETS]);
	count_devices(table, s, 1);
}

int fdtable_add(struct fdtable *table, struct file *file, const struct fd_origin *origin)
{
	struct standin *s, *fresh = NULL;
	int ret, fd = -1;

	pthread_mutex_lock(&table->lock);
	s = standin_for(table, file->memfd);
	ret = s ? 0 : standin_create(table, file, origin, &fresh);
	if (!ret)
		ret = fd = open_standin(s ? s : fresh, origin->flags);
	if (fd >= 0 && fresh)
		enter(table, fresh, file);
	else if (fresh)
		standin_free(table, fresh);
	pthread_mutex_unlock(&table->lock);
	/* The stand-in's own file answers for it, as long as there is a descriptor. */
	if (fd >= 0 && !fresh)
		file_put(file);
	return ret < 0 ? ret : fd;
}

struct file *fdtable_find(struct fdtable *table, const struct stat *st, struct fd_origin *origin)
{
	struct file *file = NULL;
	struct standin *s;

	pthread_mutex_lock(&table->lock);
	s = find(table, st->st_dev, st->st_ino);
	if (s) {
		file = file_get(s->file);
		if (origin)
			*origin = s->origin;
	}
	pthread_mutex_unlock(&table->lock);
	return file;
}

int fdtable_memory(struct fdtable *table, uint64_t dev, uint64_t ino, int *memfd)
{
	struct standin *s;
	int fd = -1;

	pthread_mutex_lock(&table->lock);
	s = find(table, dev, ino);
	/* A plain copy of what we keep: it is no writer and keeps no file open. */
	if (s && !s->own)
		fd = fcntl(s->memfd, F_DUPFD_CLOEXEC, 0);
	if (fd >= 0 && memfd)
		*memfd = s->memfd;
	pthread_mutex_unlock(&table->lock);
	return fd;
}

/* ---- last close ---- */

/** Whether no open file and no mapping of the stand-in is left. Table locked. */
static bool is_closed(const struct standin *s)
{
	if (fcntl(s->lease, F_SETLEASE, s->reader ? F_WRLCK : F_RDLCK))
		return false;
	fcntl(s->lease, F_SETLEASE, F_UNLCK);
	return true;
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/** Table locked. */
static void set_suspect(struct fdtable *table, struct standin *s, uint64_t until)
{
	table->suspects += (unsigned)(until != 0) - (unsigned)(s->suspect != 0);
	s->suspect = until;
}

/** Move it to `closed` if it is. Table locked. */
static bool take(struct fdtable *table, struct standin *s, struct cds_list_head *closed)
{
	if (!is_closed(s))
		return false;
	set_suspect(table, s, 0);
	cds_list_del(&s->node);
	cds_list_add_tail(&s->node, closed);
	count_devices(table, s, -1);
	return true;
}

/** As above; else it is suspect. */
static void take_if_closed(
	struct fdtable *table, struct standin *s, uint64_t suspect, struct cds_list_head *closed)
{
	if (!take(table, s, closed))
		set_suspect(table, s, suspect);
}

/** An event for watch wd, or (-1, events were lost) perhaps for all. */
static void take_closed(struct fdtable *table, int wd, struct cds_list_head *closed)
{
	uint64_t suspect = now_ns() + SUSPECT_NS;
	struct standin *s, *next;
	unsigned i;

	pthread_mutex_lock(&table->lock);
	for (i = 0; i < BUCKETS; i++) {
		cds_list_for_each_entry_safe (s, next, &table->buckets[i], node) {
			if (wd < 0 || s->watch == wd)
				take_if_closed(table, s, suspect, closed);
		}
	}
	pthread_mutex_unlock(&table->lock);
}

/** Look at suspects again; by a caller only at the hot ones. How long until the next look (ms). */
static int take_suspects(struct fdtable *table, bool caller, struct cds_list_head *closed)
{
	uint64_t now = now_ns();
	struct standin *s, *next;
	int timeout = -1;
	unsigned i;

	pthread_mutex_lock(&table->lock);
	for (i = 0; i < BUCKETS && table->suspects; i++) {
		cds_list_for_each_entry_safe (s, next, &table->buckets[i], node) {
			bool hot = s->suspect > now + SUSPECT_HOT_NS;

			if (!s->suspect || (caller && !hot))
				continue;
			take_if_closed(table, s, s->suspect > now ? s->suspect : 0, closed);
			timeout = hot ? 2 : timeout < 0 ? 500 : timeout;
		}
	}
	pthread_mutex_unlock(&table->lock);
	return timeout;
}

static void release_closed(struct fdtable *table, struct cds_list_head *closed)
{
	struct standin *s, *next;

	cds_list_for_each_entry_safe (s, next, closed, node) {
		cds_list_del(&s->node);
		standin_free(table, s);
	}
}

static void handle_events(
	struct fdtable *table, const char *buf, size_t len, struct cds_list_head *closed)
{
	size_t at;

	for (at = 0; at < len;) {
		const struct inotify_event *event = (const void *)(buf + at);

		if (event->mask & IN_Q_OVERFLOW)
			take_closed(table, -1, closed);
		else if (event->mask & IN_CLOSE)
			take_closed(table, event->wd, closed);
		at += sizeof(*event) + event->len;
	}
}

static int drain(struct fdtable *table, bool caller)
{
	char buf[2048] __attribute__((aligned(8)));
	CDS_LIST_HEAD(closed);
	int timeout = -1;
	ssize_t len;

	pthread_mutex_lock(&table->drain);
	while ((len = read(table->events, buf, sizeof(buf))) > 0)
		handle_events(table, buf, (size_t)len, &closed);
	/* Changed under the drain lock only. */
	if (table->suspects)
		timeout = take_suspects(table, caller, &closed);
	release_closed(table, &closed);
	pthread_mutex_unlock(&table->drain);
	return timeout;
}

void fdtable_drain(struct fdtable *table)
{
	drain(table, true);
}

int fdtable_close(struct fdtable *table)
{
	return drain(table, false);
}

void fdtable_settle(struct fdtable *table)
{
	CDS_LIST_HEAD(closed);
	struct standin *s, *next;
	unsigned i;

	pthread_mutex_lock(&table->drain);
	pthread_mutex_lock(&table->lock);
	for (i = 0; i < BUCKETS; i++) {
		cds_list_for_each_entry_safe (s, next, &table->buckets[i], node)
			take(table, s, &closed);
	}
	pthread_mutex_unlock(&table->lock);
	release_closed(table, &closed);
	pthread_mutex_unlock(&table->drain);
}

void fdtable_destroy(struct fdtable *table)
{
	CDS_LIST_HEAD(all);
	struct standin *s, *next;
	unsigned i;

	if (!table)
		return;
	fdtable_drain(table);
	for (i = 0; i < BUCKETS; i++) {
		cds_list_for_each_entry_safe (s, next, &table->buckets[i], node) {
			cds_list_del(&s->node);
			cds_list_add_tail(&s->node, &all);
			count_devices(table, s, -1);
		}
	}
	release_closed(table, &all);
	close(table->events);
	pthread_mutex_destroy(&table->drain);
	pthread_mutex_destroy(&table->lock);
	free(table);
}
