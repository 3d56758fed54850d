/* SPDX-License-Identifier: MIT */
/*
 * The thread that steps the devices: programs store to mapped registers, which nobody sees, so the
 * devices look at them (design 10).
 *
 * While there is work it goes on without pause; for 200 us after the last it spins, since a driver
 * that waits for a command expects it within microseconds; then it naps, at first 200 us, longer
 * the longer nothing happens (drivers were measured to take naps of 1 ms in the middle of work; the
 * longer nap comes after a whole idle second). Without an open device it sleeps.
 */
#include "gate/internal.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "base/bits.h"

#define STEP_BYTES (256u << 10)
#define US	   UINT64_C(1000)
#define MS	   UINT64_C(1000000)
#define SPIN_NS	   (200 * US)
#define SPIN_LOOPS 32 /* steps between two looks at the clock */

struct poller {
	struct machine *machine;
	bool spin;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	atomic_uint devices; /* open */
	atomic_bool napping;
	atomic_bool kicked;
	atomic_bool stop;
};

/** How long to nap after so much idleness. */
static const struct {
	uint64_t idle_below, nap;
} naps[] = {
	{ 10 * MS, 200 * US },
	{ 200 * MS, 500 * US },
	{ 1000 * MS, 1 * MS },
	{ UINT64_MAX, 4 * MS },
};

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static uint64_t nap_after(uint64_t idle)
{
	unsigned i = 0;

	while (idle >= naps[i].idle_below)
		i++;
	return naps[i].nap;
}

/** Sleep until the time, a kick, or the end. until 0: for ever. */
static void nap(struct poller *p, uint64_t until)
{
	struct timespec t = { (time_t)(until / 1000000000), (long)(until % 1000000000) };

	pthread_mutex_lock(&p->lock);
	atomic_store(&p->napping, true);
	if (!atomic_exchange(&p->kicked, false) && !atomic_load(&p->stop)) {
		if (until)
			pthread_cond_clockwait(&p->wake, &p->lock, CLOCK_MONOTONIC, &t);
		else
			pthread_cond_wait(&p->wake, &p->lock);
	}
	atomic_store(&p->napping, false);
	pthread_mutex_unlock(&p->lock);
}

/** At most this many steps; true if one of them had work. */
static bool step(struct poller *p, unsigned loops)
{
	bool worked = false;
	unsigned i;

	for (i = 0; i < loops && !worked; i++)
		worked = machine_step(p->machine, STEP_BYTES);
	return worked;
}

static void *poller_main(void *arg)
{
	struct poller *p = arg;
	uint64_t active = now_ns(), now = active;

	while (!atomic_load(&p->stop)) {
		if (!atomic_load(&p->devices)) {
			nap(p, 0);
			active = now = now_ns();
			continue;
		}
		/* After a nap one look is enough. */
		if (step(p, now - active < SPIN_NS ? SPIN_LOOPS : 1)) {
			active = now = now_ns();
			continue;
		}
		now = now_ns();
		if (p->spin || now - active < SPIN_NS)
			continue;
		nap(p, now + nap_after(now - active));
	}
	return NULL;
}

void poller_kick(struct poller *p)
{
	/* Lost when it comes just before the nap begins: then it is seen after that nap. */
	if (!atomic_load_explicit(&p->napping, memory_order_relaxed))
		return;
	pthread_mutex_lock(&p->lock);
	atomic_store(&p->kicked, true);
	pthread_cond_signal(&p->wake);
	pthread_mutex_unlock(&p->lock);
}

void poller_devices(void *ctx, unsigned n)
{
	struct poller *p = ctx;

	pthread_mutex_lock(&p->lock);
	atomic_store(&p->devices, n);
	atomic_store(&p->kicked, true);
	pthread_cond_signal(&p->wake);
	pthread_mutex_unlock(&p->lock);
}

struct poller *poller_start(struct machine *machine, bool spin, struct error *error)
{
	struct poller *p = calloc(1, sizeof(*p));
	sigset_t all, old;
	int err;

	if (!p) {
		error_set(error, ENOMEM, "out of memory");
		return NULL;
	}
	p->machine = machine;
	p->spin = spin;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->wake, NULL);
	sigfillset(&all);
	/* A truncated file of the program raises SIGBUS here, which is handled. */
	sigdelset(&all, SIGBUS);
	sigdelset(&all, SIGSEGV);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(&p->thread, NULL, poller_main, p);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (!err)
		return p;
	error_sys(error, err, "cannot start the thread that steps devices");
	free(p);
	return NULL;
}

void poller_stop(struct poller *p)
{
	if (!p)
		return;
	pthread_mutex_lock(&p->lock);
	atomic_store(&p->stop, true);
	pthread_cond_signal(&p->wake);
	pthread_mutex_unlock(&p->lock);
	pthread_join(p->thread, NULL);
	pthread_cond_destroy(&p->wake);
	pthread_mutex_destroy(&p->lock);
	free(p);
}
