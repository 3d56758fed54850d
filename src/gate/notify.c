/* SPDX-License-Identifier: MIT */
/*
 * The threads that receive notifications. Normally one of them, the receiver, receives and answers
 * one call after the other: more of them in RECV would all be woken by each call. A call that
 * arrives while the receiver is in a handler waits for it; a handler takes microseconds. But one
 * may wait (for DMA in flight, for an object that is busy), and then the rest of the box must go on:
 * a standby thread watches while there is
 * activity, and becomes a second receiver if for a millisecond no call was received while all
 * receivers were in handlers. Whoever finds too many receivers after its handler steps back.
 *
 * Signals: a call that was received is not interrupted any more (WAIT_KILLABLE_RECV), so none that
 * has run is run again or lost. Until then it is (Linux 7.3 seccomp_do_user_notification waits
 * interruptibly while its state is INIT): a stop, and a handler with SA_RESTART, restart it unseen.
 * FIDELITY: a handler without SA_RESTART gets EINTR, for a call that has not run. A second receiver
 * whenever several threads call was tried: it hardly makes that rarer.
 */
#include "gate/internal.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/bits.h"
#include "base/check.h"

#define MAX_THREADS   256
#define RESP_ROOM     256 /* for struct seccomp_notif_resp of any kernel */
#define NOTIF_ROOM    512 /* for struct seccomp_notif, likewise */
#define TICK_NS	      1000000
#define TICKS_TO_REST 20
/* Interrupts RECV and poll at the end; chosen away from what libraries use. */
#define STOP_SIGNAL (SIGRTMIN + 7)

struct receivers {
	struct serve *serve;
	size_t notif_size;
	struct parked *parked;

	/* Changed by receivers without the lock, read by the standby. */
	atomic_uint calls;    /* received so far */
	atomic_uint handling; /* receivers in a handler */
	atomic_uint active;   /* receivers */
	atomic_bool resting;  /* the standby sleeps until told */
	atomic_bool stop;     /* receivers end */
	atomic_bool closing;  /* the closer ends */

	pthread_mutex_t lock;
	pthread_cond_t wake;  /* the standby */
	pthread_cond_t spare; /* threads without a role */
	bool standby;	      /* there is one */
	unsigned spares;
	pthread_t threads[MAX_THREADS];
	unsigned n_threads;
	pthread_t closer;
	bool closer_runs;
};

/* ---- one call ---- */

static void answer(void *ctx, const struct seccomp_notif *notif, long result)
{
	struct receivers *r = ctx;
	union {
		struct seccomp_notif_resp resp;
		char room[RESP_ROOM];
	} u;

	memset(&u, 0, sizeof(u));
	u.resp.id = notif->id;
	if (result == CALL_CONTINUE)
		u.resp.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
	else if (result < 0)
		u.resp.error = (int)result;
	else
		u.resp.val = result;
	/* ENOENT: the caller died meanwhile; nobody is there to be told. */
	while (ioctl(r->serve->args.listener, SECCOMP_IOCTL_NOTIF_SEND, &u.resp) && errno == EINTR)
		;
}

static void handle(struct receivers *r, struct seccomp_notif *notif)
{
	struct call call;
	bool parked;
	long result;

	/* Whoever closed before this call arrived has closed. */
	fdtable_drain(r->serve->fds);
	call_init(&call, r->serve, notif);
	result = call_handle(&call);
	parked = call_owes(&call) && parked_add(r->parked, &call, result);
	call_finish(&call);
	live_follow(r->serve->live);
	if (!parked)
		answer(r, notif, result);
}

/** No process of the box is left to call. */
static bool listener_dead(int listener)
{
	struct pollfd p = { .fd = listener, .events = POLLIN };

	return poll(&p, 1, 0) == 1 && (p.revents & (POLLHUP | POLLERR));
}

static void rouse(struct receivers *r)
{
	if (!atomic_load_explicit(&r->resting, memory_order_relaxed))
		return;
	pthread_mutex_lock(&r->lock);
	atomic_store(&r->resting, false);
	pthread_cond_broadcast(&r->wake);
	pthread_mutex_unlock(&r->lock);
}

/** Receive and handle one call. False: there will be none any more. */
static bool receive(struct receivers *r, struct seccomp_notif *notif)
{
	int listener = r->serve->args.listener;

	memset(notif, 0, r->notif_size);
	if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, notif))
		/* ENOENT: the caller was killed while we woke up, or all are gone. */
		return errno == EINTR || (errno == ENOENT && !listener_dead(listener));
	atomic_fetch_add(&r->calls, 1);
	atomic_fetch_add(&r->handling, 1);
	rouse(r);
	handle(r, notif);
	atomic_fetch_sub(&r->handling, 1);
	return true;
}

/* ---- roles ---- */

static void *thread_main(void *arg);

/** Lock held. */
static void add_thread(struct receivers *r)
{
	if (!atomic_load(&r->stop) && r->n_threads < MAX_THREADS &&
		!pthread_create(&r->threads[r->n_threads], NULL, thread_main, r))
		r->n_threads++;
}

/** One receiver less, unless it would be the last. */
static bool step_back(struct receivers *r)
{
	unsigned n = atomic_load(&r->active);

	while (n > 1) {
		if (atomic_compare_exchange_weak(&r->active, &n, n - 1))
			return true;
	}
	return false;
}

static void be_receiver(struct receivers *r, struct seccomp_notif *notif)
{
	while (!atomic_load(&r->stop)) {
		if (!receive(r, notif)) {
			atomic_store(&r->stop, true);
			break;
		}
		if (atomic_load_explicit(&r->active, memory_order_relaxed) > 1 && step_back(r))
			return;
	}
}

static void tick(struct receivers *r)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += TICK_NS;
	if (until.tv_nsec >= 1000000000) {
		until.tv_nsec -= 1000000000;
		until.tv_sec++;
	}
	pthread_cond_clockwait(&r->wake, &r->lock, CLOCK_MONOTONIC, &until);
}

static bool stuck(struct receivers *r, unsigned calls)
{
	return atomic_load(&r->calls) == calls &&
	       atomic_load(&r->handling) >= atomic_load(&r->active);
}

/** Watch until a receiver is missing. Lock held. */
static void watch(struct receivers *r)
{
	unsigned calls = atomic_load(&r->calls), idle = 0;

	while (!atomic_load(&r->stop)) {
		if (idle >= TICKS_TO_REST && !atomic_load(&r->handling)) {
			atomic_store(&r->resting, true);
			while (atomic_load(&r->resting) && !atomic_load(&r->stop))
				pthread_cond_wait(&r->wake, &r->lock);
			idle = 0;
		}
		tick(r);
		if (stuck(r, calls))
			break;
		idle = atomic_load(&r->calls) == calls ? idle + 1 : 0;
		calls = atomic_load(&r->calls);
	}
}

/** Without a role until there is no standby, then the standby, then a receiver. Lock held. */
static void take_role(struct receivers *r)
{
	if (!atomic_load(&r->active)) {
		atomic_store(&r->active, 1);
		return;
	}
	r->spares++;
	while (r->standby && !atomic_load(&r->stop))
		pthread_cond_wait(&r->spare, &r->lock);
	r->spares--;
	r->standby = true;
	watch(r);
	r->standby = false;
	if (atomic_load(&r->stop))
		return;
	atomic_fetch_add(&r->active, 1);
	if (r->spares)
		pthread_cond_signal(&r->spare);
	else
		add_thread(r);
}

static void *thread_main(void *arg)
{
	struct receivers *r = arg;
	union {
		struct seccomp_notif notif;
		char room[NOTIF_ROOM];
	} u;

	pthread_mutex_lock(&r->lock);
	while (!atomic_load(&r->stop)) {
		take_role(r);
		pthread_mutex_unlock(&r->lock);
		be_receiver(r, &u.notif);
		pthread_mutex_lock(&r->lock);
	}
	pthread_mutex_unlock(&r->lock);
	return NULL;
}

/* ---- last closes while nobody calls ---- */

static void *closer_main(void *arg)
{
	struct receivers *r = arg;
	struct pollfd p = { .fd = fdtable_events(r->serve->fds), .events = POLLIN };

	int timeout = -1;

	while (!atomic_load(&r->closing)) {
		if (poll(&p, 1, timeout) < 0)
			continue;
		timeout = fdtable_close(r->serve->fds);
		live_follow(r->serve->live);
		proc_cache_sweep(r->serve->procs);
	}
	return NULL;
}

/* ---- start and stop ---- */

static void on_stop_signal(int sig)
{
}

/** All signals but this one, and those that tell of bugs, go to the launcher's thread. */
static void set_signals(sigset_t *old)
{
	static const int keep[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP };
	struct sigaction action = { .sa_handler = on_stop_signal };
	sigset_t mask;
	unsigned i;

	sigaction(STOP_SIGNAL, &action, NULL);
	sigfillset(&mask);
	sigdelset(&mask, STOP_SIGNAL);
	for (i = 0; i < ARRAY_LEN(keep); i++)
		sigdelset(&mask, keep[i]);
	pthread_sigmask(SIG_SETMASK, &mask, old);
}

static int get_sizes(struct receivers *r)
{
	struct seccomp_notif_sizes sizes;

	if (syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes))
		return -errno;
	r->notif_size = MAX(sizes.seccomp_notif, sizeof(struct seccomp_notif));
	if (sizes.seccomp_notif_resp > RESP_ROOM || r->notif_size > NOTIF_ROOM)
		return -EOVERFLOW;
	return 0;
}

static bool start_threads(struct receivers *r)
{
	sigset_t old;
	bool both;

	set_signals(&old);
	pthread_mutex_lock(&r->lock);
	add_thread(r);
	add_thread(r);
	both = r->n_threads == 2;
	pthread_mutex_unlock(&r->lock);
	r->closer_runs = !pthread_create(&r->closer, NULL, closer_main, r);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return both && r->closer_runs;
}

struct receivers *receivers_start(struct serve *serve, struct error *error)
{
	struct receivers *r = calloc(1, sizeof(*r));

	if (!r) {
		error_set(error, ENOMEM, "out of memory");
		return NULL;
	}
	r->serve = serve;
	pthread_mutex_init(&r->lock, NULL);
	pthread_cond_init(&r->wake, NULL);
	pthread_cond_init(&r->spare, NULL);
	r->parked = parked_create(serve, answer, r);
	if (!r->parked || get_sizes(r)) {
		error_sys(error, errno, "cannot ask for the sizes of seccomp notifications");
		parked_destroy(r->parked);
		free(r);
		return NULL;
	}
	/* Linux 6.6: hand over on the same CPU. Older: EINVAL, and only slower. */
	ioctl(serve->args.listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS,
		SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);
	if (!start_threads(r)) {
		error_set(error, EAGAIN, "cannot start the threads that serve calls");
		receivers_stop(r);
		return NULL;
	}
	return r;
}

/** The signal may come before the thread blocks: repeat. */
static void stop_thread(pthread_t thread)
{
	struct timespec until;

	do {
		pthread_kill(thread, STOP_SIGNAL);
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += 2 * TICK_NS;
		if (until.tv_nsec >= 1000000000) {
			until.tv_nsec -= 1000000000;
			until.tv_sec++;
		}
	} while (pthread_timedjoin_np(thread, NULL, &until) == ETIMEDOUT);
}

void receivers_stop(struct receivers *r)
{
	unsigned i;

	if (!r)
		return;
	pthread_mutex_lock(&r->lock);
	atomic_store(&r->stop, true);
	atomic_store(&r->closing, true);
	pthread_cond_broadcast(&r->wake);
	pthread_cond_broadcast(&r->spare);
	pthread_mutex_unlock(&r->lock);
	for (i = 0; i < r->n_threads; i++)
		stop_thread(r->threads[i]);
	if (r->closer_runs)
		stop_thread(r->closer);
	parked_destroy(r->parked);
	pthread_cond_destroy(&r->wake);
	pthread_cond_destroy(&r->spare);
	pthread_mutex_destroy(&r->lock);
	free(r);
}
