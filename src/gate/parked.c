/* SPDX-License-Identifier: MIT */
/*
 * Calls that wait for memory which the program serves itself (userfault.c): struct owed. They take no
 * thread: a call whose argument is owed has done nothing yet, and is handled anew once it is there;
 * one whose answer found no place has its result, and only that is still to be delivered. One thread
 * looks after all of them, every millisecond at first and seldom later; it runs once there was one.
 *
 * A thread of a program makes one call at a time, so there are never more than it has threads.
 */
#include "gate/internal.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include <urcu/list.h>

#include "base/bits.h"

#define PAUSE_MIN_NS 1000000
#define PAUSE_MAX_NS 32000000

struct parked_call {
	struct cds_list_head node;
	struct seccomp_notif notif;
	struct owed owed;
	long result; /* where only owed.out is left */
};

struct parked {
	struct serve *serve;
	parked_answer_fn *answer;
	void *ctx;
	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t changed;
	struct cds_list_head calls;
	bool fresh; /* a call was added: look soon */
	bool stop;
	bool runs;
	pthread_t thread;
};

/* ---- one call ---- */

static bool still_waits(const struct parked *p, const struct parked_call *c)
{
	return !ioctl(p->serve->args.listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &c->notif.id);
}

/** Nothing that could be served is mapped at addr any more. */
static bool unmapped(const struct owed *owed, uint64_t addr, unsigned need)
{
	struct vma vma;

	return mm_find_vma(owed->mm, addr, &vma) || !(vma.flags & need);
}

/** 0, -EFAULT, or -EAGAIN: not yet. */
static int deliver(struct owed *owed)
{
	struct outgoing *out;

	while ((out = owed->out)) {
		ssize_t n = pwrite(owed->mm->mem, out->data + out->done, out->len - out->done,
			(off_t)(out->uaddr + out->done));

		if (n <= 0)
			return n && unmapped(owed, out->uaddr + out->done, VMA_WRITE) ? -EFAULT
										      : -EAGAIN;
		out->done += (size_t)n;
		if (out->done < out->len)
			continue;
		owed->out = out->next;
		free(out);
	}
	return 0;
}

static bool served(const struct owed *owed)
{
	char byte;
	ssize_t n = pread(owed->mm->mem, &byte, 1, (off_t)owed->addr);

	return n > 0 || (n < 0 && unmapped(owed, owed->addr, VMA_READ));
}

static bool finish(struct parked *p, struct parked_call *c, long result)
{
	p->answer(p->ctx, &c->notif, result);
	return true;
}

/** As if the call came only now, but about the file that its descriptor was when it came. */
static bool handle_anew(struct parked *p, struct parked_call *c)
{
	struct call call;
	long result;
	bool owing;

	call_init(&call, p->serve, &c->notif);
	call.held = c->owed.file;
	call.origin = c->owed.origin;
	c->owed.file = NULL;
	owed_drop(&c->owed);
	result = call_handle(&call);
	owing = call_owes(&call);
	if (owing) {
		c->owed = call.owed;
		c->result = result;
		call.owed = (struct owed){ 0 };
	}
	call_finish(&call);
	return owing ? false : finish(p, c, result);
}

/** True: it is over, answered or nobody's. */
static bool attend(struct parked *p, struct parked_call *c)
{
	int err;

	if (!still_waits(p, c))
		return true;
	if (c->owed.again)
		return served(&c->owed) && handle_anew(p, c);
	err = deliver(&c->owed);
	if (err == -EAGAIN)
		return false;
	return finish(p, c, err ? err : c->result);
}

static void drop(struct parked_call *c)
{
	cds_list_del(&c->node);
	owed_drop(&c->owed);
	free(c);
}

/* ---- the thread ---- */

/** Lock held at entry and return. True: some call is over. */
static bool attend_all(struct parked *p)
{
	struct parked_call *c, *next;
	CDS_LIST_HEAD(calls);
	bool some = false;

	cds_list_splice(&p->calls, &calls);
	CDS_INIT_LIST_HEAD(&p->calls);
	pthread_mutex_unlock(&p->lock);
	cds_list_for_each_entry_safe (c, next, &calls, node) {
		if (!attend(p, c))
			continue;
		drop(c);
		some = true;
	}
	pthread_mutex_lock(&p->lock);
	cds_list_splice(&calls, &p->calls);
	return some;
}

static void pause_for(struct parked *p, long ns)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += ns;
	if (until.tv_nsec >= 1000000000) {
		until.tv_nsec -= 1000000000;
		until.tv_sec++;
	}
	pthread_cond_clockwait(&p->changed, &p->lock, CLOCK_MONOTONIC, &until);
}

static void *parked_main(void *arg)
{
	struct parked *p = arg;
	long pause = PAUSE_MIN_NS;

	pthread_mutex_lock(&p->lock);
	while (!p->stop) {
		if (cds_list_empty(&p->calls)) {
			pthread_cond_wait(&p->changed, &p->lock);
			continue;
		}
		if (p->fresh)
			pause = PAUSE_MIN_NS;
		p->fresh = false;
		pause_for(p, pause);
		pause = attend_all(p) ? PAUSE_MIN_NS : MIN(pause * 2, PAUSE_MAX_NS);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

/** Lock held. Signals are the main thread's. */
static bool start(struct parked *p)
{
	sigset_t all, old;

	if (p->runs)
		return true;
	sigfillset(&all);
	sigdelset(&all, SIGBUS);
	sigdelset(&all, SIGSEGV);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	p->runs = !pthread_create(&p->thread, NULL, parked_main, p);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return p->runs;
}

/* ---- from outside ---- */

bool parked_add(struct parked *p, struct call *call, long result)
{
	struct parked_call *c = calloc(1, sizeof(*c));
	bool ok;

	if (!c)
		return false;
	c->notif = *call->notif;
	c->result = result;
	pthread_mutex_lock(&p->lock);
	ok = start(p);
	if (ok) {
		c->owed = call->owed;
		call->owed = (struct owed){ 0 };
		cds_list_add_tail(&c->node, &p->calls);
		p->fresh = true;
		pthread_cond_signal(&p->changed);
	}
	pthread_mutex_unlock(&p->lock);
	if (!ok)
		free(c);
	return ok;
}

struct parked *parked_create(struct serve *serve, parked_answer_fn *answer, void *ctx)
{
	struct parked *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->serve = serve;
	p->answer = answer;
	p->ctx = ctx;
	CDS_INIT_LIST_HEAD(&p->calls);
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->changed, NULL);
	return p;
}

void parked_destroy(struct parked *p)
{
	struct parked_call *c, *next;

	if (!p)
		return;
	pthread_mutex_lock(&p->lock);
	p->stop = true;
	pthread_cond_signal(&p->changed);
	pthread_mutex_unlock(&p->lock);
	if (p->runs)
		pthread_join(p->thread, NULL);
	cds_list_for_each_entry_safe (c, next, &p->calls, node)
		drop(c);
	pthread_cond_destroy(&p->changed);
	pthread_mutex_destroy(&p->lock);
	free(p);
}
