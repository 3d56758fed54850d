/* SPDX-License-Identifier: MIT */
#include "base/hostlock.h"

#include <sched.h>
#include <time.h>

#include "base/check.h"

static _Thread_local unsigned held;

void hostlock_init(struct hostlock *lock)
{
	pthread_mutex_init(&lock->mutex, NULL);
	pthread_cond_init(&lock->changed, NULL);
}

void hostlock_finish(struct hostlock *lock)
{
	pthread_cond_destroy(&lock->changed);
	pthread_mutex_destroy(&lock->mutex);
}

void hostlock_lock(struct hostlock *lock)
{
	nb_assert(!pthread_mutex_lock(&lock->mutex));
	held++;
}

void hostlock_unlock(struct hostlock *lock)
{
	nb_assert(held);
	held--;
	pthread_mutex_unlock(&lock->mutex);
}

bool hostlock_held(void)
{
	return held;
}

/*
 * A section of DMA lasts microseconds, unless its thread was preempted or its program serves a page
 * fault: yield a few times, then sleep, 20 us at first and doubling up to about a millisecond.
 */
static void pause_for(unsigned round)
{
	struct timespec nap = { 0 };

	if (round < 8) {
		sched_yield();
		return;
	}
	nap.tv_nsec = 20000L << (round - 8 < 6 ? round - 8 : 6);
	nanosleep(&nap, NULL);
}

void hostlock_relax(struct hostlock *lock, unsigned round)
{
	hostlock_unlock(lock);
	pause_for(round);
	hostlock_lock(lock);
}

void busy_begin(struct hostlock *lock, struct busy *busy)
{
	nb_assert(held);
	while (busy->held) {
		held--;
		pthread_cond_wait(&lock->changed, &lock->mutex);
		held++;
	}
	busy->held = true;
}

#define ASK_NS 20000000

static void wait_a_while(struct hostlock *lock)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += ASK_NS;
	if (until.tv_nsec >= 1000000000) {
		until.tv_nsec -= 1000000000;
		until.tv_sec++;
	}
	held--;
	pthread_cond_clockwait(&lock->changed, &lock->mutex, CLOCK_MONOTONIC, &until);
	held++;
}

bool busy_begin_while(struct hostlock *lock, struct busy *busy, bool (*alive)(void *ctx), void *ctx)
{
	nb_assert(held);
	while (busy->held) {
		wait_a_while(lock);
		if (busy->held && !alive(ctx))
			return false;
	}
	busy->held = true;
	return true;
}

void busy_end(struct hostlock *lock, struct busy *busy)
{
	nb_assert(held && busy->held);
	busy->held = false;
	pthread_cond_broadcast(&lock->changed);
}
