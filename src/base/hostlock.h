/* SPDX-License-Identifier: MIT */
/*
 * The host lock: one per machine, it serialises all uAPI calls.
 *
 * Never held across: a copy of user memory, an eventfd write, a wait for DMA in flight. Who must
 * wait in the middle of an operation marks its object busy (struct busy), and waits with
 * hostlock_relax, which drops the lock; others that want the object sleep in busy_begin. A busy
 * mark thus is a sleeping lock below which the host lock may be dropped.
 *
 * Order: busy marks (group's container first), host lock, ioas, domain, device.
 */
#ifndef BASE_HOSTLOCK_H
#define BASE_HOSTLOCK_H

#include <pthread.h>
#include <stdbool.h>

struct hostlock {
	pthread_mutex_t mutex;
	pthread_cond_t changed; /* some busy mark was cleared */
};

struct busy {
	bool held;
};

void hostlock_init(struct hostlock *lock);
void hostlock_finish(struct hostlock *lock);
void hostlock_lock(struct hostlock *lock);
void hostlock_unlock(struct hostlock *lock);

/** True while the calling thread holds any host lock: lets usermem and eventfd code assert not. */
bool hostlock_held(void);

/** Drop the lock, give others and DMA in flight a moment (round counts the waits so far), retake.
 */
void hostlock_relax(struct hostlock *lock, unsigned round);

/** Sleep until the mark is free, then take it. The host lock is held at entry and return. */
void busy_begin(struct hostlock *lock, struct busy *busy);
/**
 * As busy_begin, for somebody who may be gone before it is his turn: false, without the mark, once
 * alive(ctx) says so. That is asked now and then, under the host lock.
 */
bool busy_begin_while(
	struct hostlock *lock, struct busy *busy, bool (*alive)(void *ctx), void *ctx);
void busy_end(struct hostlock *lock, struct busy *busy);

#endif
