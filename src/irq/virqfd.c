/* SPDX-License-Identifier: MIT */
/*
 * An edge-triggered epoll set, and a thread that polls it. A pass, under its mutex, takes the events
 * that are there and calls for each; the thread makes one when the set becomes readable, and so does
 * whoever flushes or removes. Removing under the mutex thus leaves no event and no call behind.
 *
 * Several watches of one eventfd all fire on one signal, but its counter can be read only once: so
 * they are told apart from others by the eventfd's number (fdinfo), and fire together.
 */
#include "irq/virqfd.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/uio.h>
#include <unistd.h>
#include <urcu/list.h>

#include "base/check.h"

#define BATCH 64

struct virqfd {
	struct cds_list_head link;
	struct virqfds *all;
	int fd;	      /* -1: ours is closed, see virqfd_closed */
	int held;     /* ... and the eventfd is in this epoll set alone, which is in the host's */
	int64_t id;   /* of the eventfd, -1: not known */
	bool initial; /* the event that epoll reports of what was signalled before */
	bool calls;   /* ... is to be called for */
	void (*fired)(void *arg);
	void *arg;
};

struct virqfds {
	pthread_mutex_t pass; /* guards all below, and is held around every call */
	struct cds_list_head list;
	unsigned n, max;
	int epoll, stop;
	bool running;
	pthread_t thread;
};

/* ---- a pass ---- */

/* Never waits, whatever the descriptor's flags are: somebody else may have read it. */
static bool take(int fd)
{
	uint64_t count;
	struct iovec iov = { &count, sizeof(count) };
	struct pollfd ready = { .fd = fd, .events = POLLIN };
	ssize_t n = preadv2(fd, &iov, 1, -1, RWF_NOWAIT);

	if (n < 0 && errno != EAGAIN && poll(&ready, 1, 0) == 1)
		n = read(fd, &count, sizeof(count));
	return n == sizeof(count);
}

static void fire(struct virqfds *all, struct virqfd *signalled)
{
	struct virqfd *one;

	cds_list_for_each_entry (one, &all->list, link)
		if (one == signalled || (one->id >= 0 && one->id == signalled->id))
			one->fired(one->arg);
}

static bool any_event(int epoll)
{
	struct epoll_event event;

	return epoll_wait(epoll, &event, 1, 0) == 1;
}

static void handle(struct virqfds *all, struct virqfd *one)
{
	if (one->fd < 0) {
		if (any_event(one->held))
			one->fired(one->arg);
		return;
	}
	if (!one->initial) {
		if (take(one->fd))
			fire(all, one);
		return;
	}
	one->initial = false;
	if (one->calls)
		one->fired(one->arg);
}

/*
 * Events come in the order in which they were signalled, each eventfd once (and one more under
 * let_go): what is there at the beginning is handled after so many, and a program that goes on
 * signalling does not keep us here.
 */
static void run_pass(struct virqfds *all)
{
	struct epoll_event events[BATCH];
	int n = BATCH;

	for (unsigned done = 0; done <= all->n && n == BATCH; done += BATCH) {
		n = epoll_wait(all->epoll, events, BATCH, 0);
		for (int i = 0; i < n; i++)
			handle(all, events[i].data.ptr);
	}
}

void virqfds_flush(struct virqfds *all)
{
	pthread_mutex_lock(&all->pass);
	if (all->n)
		run_pass(all);
	pthread_mutex_unlock(&all->pass);
}

static void *watch_all(void *arg)
{
	struct virqfds *all = arg;
	struct pollfd fds[] = { { .fd = all->epoll, .events = POLLIN },
		{ .fd = all->stop, .events = POLLIN } };

	while (!fds[1].revents) {
		if (poll(fds, 2, -1) > 0 && fds[0].revents)
			virqfds_flush(all);
	}
	return NULL;
}

/* ---- the set ---- */

struct virqfds *virqfds_create(unsigned max)
{
	struct virqfds *all = calloc(1, sizeof(*all));

	if (!all)
		return NULL;
	all->max = max;
	CDS_INIT_LIST_HEAD(&all->list);
	pthread_mutex_init(&all->pass, NULL);
	all->epoll = epoll_create1(EPOLL_CLOEXEC);
	all->stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (all->epoll >= 0 && all->stop >= 0)
		return all;
	virqfds_destroy(all);
	return NULL;
}

void virqfds_destroy(struct virqfds *all)
{
	if (!all)
		return;
	nb_assert(!all->n);
	if (all->running) {
		nb_assert(!eventfd_write(all->stop, 1));
		pthread_join(all->thread, NULL);
	}
	if (all->epoll >= 0)
		close(all->epoll);
	if (all->stop >= 0)
		close(all->stop);
	pthread_mutex_destroy(&all->pass);
	free(all);
}

/* Signals are for the thread that started the program. */
static int start(struct virqfds *all)
{
	sigset_t none, old;
	int err;

	if (all->running)
		return 0;
	sigfillset(&none);
	pthread_sigmask(SIG_SETMASK, &none, &old);
	err = pthread_create(&all->thread, NULL, watch_all, all);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	all->running = !err;
	return -err;
}

static int64_t eventfd_id(int fd)
{
	char path[64], line[128];
	long long id = -1;
	FILE *info;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	info = fopen(path, "re");
	while (info && fgets(line, sizeof(line), info))
		if (sscanf(line, "eventfd-id: %lld", &id) == 1)
			break;
	if (info)
		fclose(info);
	return id;
}

static bool readable(int fd)
{
	struct pollfd ready = { .fd = fd, .events = POLLIN };

	return poll(&ready, 1, 0) == 1 && ready.revents & POLLIN;
}

static int add(struct virqfds *all, struct virqfd *one)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET, .data.ptr = one };
	int err = all->n >= all->max ? -ENOSPC : start(all);

	if (err)
		return err;
	one->initial = readable(one->fd);
	if (epoll_ctl(all->epoll, EPOLL_CTL_ADD, one->fd, &event))
		return -errno;
	cds_list_add_tail(&one->link, &all->list);
	all->n++;
	return 0;
}

int virqfd_watch(struct virqfds *all, int fd, void (*fired)(void *arg), void *arg, bool *signalled,
	struct virqfd **out)
{
	struct virqfd *one = calloc(1, sizeof(*one));
	int err;

	if (!one)
		return -ENOMEM;
	*one = (struct virqfd){ .all = all, .fd = fd, .held = -1, .fired = fired, .arg = arg };
	one->id = eventfd_id(fd);
	one->calls = !signalled;
	pthread_mutex_lock(&all->pass);
	err = add(all, one);
	if (!err && signalled)
		*signalled = one->initial;
	pthread_mutex_unlock(&all->pass);
	if (err)
		free(one);
	else
		*out = one;
	return err;
}

/* ---- who else has it ---- */

/*
 * An epoll set holds no reference of what is in it, so what nobody else has leaves it as we close
 * our descriptor. Whatever is signalled meanwhile is an event of one set or of both.
 */
static bool let_go(struct virqfd *one)
{
	struct epoll_event inner = { .events = EPOLLIN | EPOLLET };
	struct epoll_event outer = { .events = EPOLLIN, .data.ptr = one };
	int held = epoll_create1(EPOLL_CLOEXEC);

	if (held < 0)
		return false;
	if (epoll_ctl(held, EPOLL_CTL_ADD, one->fd, &inner) ||
		epoll_ctl(one->all->epoll, EPOLL_CTL_ADD, held, &outer)) {
		close(held);
		return false;
	}
	any_event(held); /* that it was signalled already */
	run_pass(one->all);
	epoll_ctl(one->all->epoll, EPOLL_CTL_DEL, one->fd, NULL);
	close(one->fd);
	one->fd = one->id = -1;
	one->held = held;
	return true;
}

static bool is_empty(int epoll)
{
	char path[64], line[128];
	bool empty;
	FILE *info;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", epoll);
	info = fopen(path, "re");
	empty = info;
	while (info && fgets(line, sizeof(line), info))
		if (!strncmp(line, "tfd:", 4))
			empty = false;
	if (info)
		fclose(info);
	return empty;
}

bool virqfd_closed(struct virqfd *one)
{
	bool closed;

	pthread_mutex_lock(&one->all->pass);
	closed = (one->fd < 0 || let_go(one)) && is_empty(one->held);
	pthread_mutex_unlock(&one->all->pass);
	return closed;
}

void virqfd_unwatch(struct virqfd *one)
{
	struct virqfds *all = one ? one->all : NULL;

	if (!one)
		return;
	pthread_mutex_lock(&all->pass);
	run_pass(all);
	epoll_ctl(all->epoll, EPOLL_CTL_DEL, one->fd >= 0 ? one->fd : one->held, NULL);
	cds_list_del(&one->link);
	all->n--;
	pthread_mutex_unlock(&all->pass);
	close(one->fd >= 0 ? one->fd : one->held);
	free(one);
}
