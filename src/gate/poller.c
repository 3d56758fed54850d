/* SPDX-License-Identifier: MIT */
/*
 * The thread that steps the devices: programs store to mapped registers, which nobody sees, so the
 * devices look at them (design 10).
 *
 * While there is work it goes on without pause; for 200 us after the last it spins, since a driver
 * that waits for a command expects it within microseconds; then it naps, at first 200 us, longer
 * the longer nothing happens (drivers were measured to take naps of 1 ms in the middle of work; the
 * longer nap comes after a whole idle second). Without an open device it sleeps. A device that waits for
 * an answer to a stalled transaction has no work until it comes (machine->resumed).
 */
#include "gate/internal.h"

#include <errno.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/bits.h"
#include "mem/mover.h"

#define STEP_BYTES (256u << 10)
#define US	   UINT64_C(1000)
#define MS	   UINT64_C(1000000)
#define SPIN_NS	   (200 * US)
#define SPIN_STEPS 16 /* between two looks at the clock */

struct poller {
	struct machine *machine;
	struct dma_mover *mover; /* NULL: large copies go without help */
	bool spin;
	pthread_t thread;
	atomic_uint kicks;   /* counted, and a futex: a nap ends when it changes */
	atomic_uint devices; /* open */
	atomic_bool napping;
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

/**
 * Sleep for so long (0: for ever), or until there is a kick after `kicks` was read. A futex rather
 * than a condition: idle boxes do little else.
 */
static void nap(struct poller *p, unsigned kicks, uint64_t ns)
{
	struct timespec t = { (time_t)(ns / 1000000000), (long)(ns % 1000000000) };

	/* Either we see the kick here or whoever kicks sees us nap: both are sequentially
	 * consistent, and the kernel compares once more. */
	atomic_store(&p->napping, true);
	if (atomic_load(&p->kicks) == kicks && !atomic_load(&p->stop))
		syscall(SYS_futex, &p->kicks, FUTEX_WAIT_PRIVATE, kicks, ns ? &t : NULL);
	atomic_store(&p->napping, false);
}

void poller_kick(struct poller *p)
{
	atomic_fetch_add(&p->kicks, 1);
	if (atomic_load(&p->napping))
		syscall(SYS_futex, &p->kicks, FUTEX_WAKE_PRIVATE, 1);
}

/* A stalled transaction was answered: the device that waits for it need not nap. */
static void on_resumed(void *ctx)
{
	poller_kick(ctx);
}

void poller_devices(void *ctx, unsigned n)
{
	struct poller *p = ctx;

	atomic_store(&p->devices, n);
	poller_kick(p);
}

/** Step until there was work, at most n times. */
static bool step(struct poller *p, unsigned n)
{
	while (n--) {
		if (machine_step(p->machine, STEP_BYTES))
			return true;
	}
	return false;
}

static void *poller_main(void *arg)
{
	struct poller *p = arg;
	uint64_t active = now_ns(), now = active;

	while (!atomic_load(&p->stop)) {
		unsigned kicks = atomic_load(&p->kicks);

		machine_settle_faults(p->machine); /* also of devices that were closed since */
		if (!atomic_load(&p->devices)) {
			nap(p, kicks, 0);
			active = now = now_ns();
			continue;
		}
		if (step(p, p->spin || now - active < SPIN_NS ? SPIN_STEPS : 1)) {
			active = now = now_ns();
			continue;
		}
		now = now_ns();
		if (!p->spin && now - active >= SPIN_NS)
			nap(p, kicks, nap_after(now - active));
	}
	return NULL;
}

/* The helper for large copies, of all devices; nobody steps them yet, or any more. */
static void set_mover(struct poller *p, struct dma_mover *mover)
{
	for (unsigned i = 0; i < p->machine->n_devices; i++)
		p->machine->devices[i].pci.master.mover = mover;
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
	p->mover = dma_mover_create();
	set_mover(p, p->mover);
	machine->resumed_ctx = p;
	machine->resumed = on_resumed;
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
	machine->resumed = NULL;
	set_mover(p, NULL);
	dma_mover_destroy(p->mover);
	free(p);
	return NULL;
}

void poller_stop(struct poller *p)
{
	if (!p)
		return;
	atomic_store(&p->stop, true);
	poller_kick(p);
	pthread_join(p->thread, NULL);
	p->machine->resumed = NULL; /* nobody calls in any more (serve_stop) */
	set_mover(p, NULL);
	dma_mover_destroy(p->mover);
	free(p);
}
