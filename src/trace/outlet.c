/* SPDX-License-Identifier: MIT */
/*
 * Bytes are counted from the first one on: `accepted` were put into the ring, `written` of them have
 * left it, and the ring holds what is between. The thread copies a piece of whole lines out of the
 * ring, of no more than PIPE_BUF bytes, since a pipe takes that much in one piece: what the program
 * writes to the same pipe then stands before or after it.
 *
 * At the end the thread may be stuck in write(). A signal without SA_RESTART gets it out of there,
 * repeated, since it may come just before the call. Where even that does not help (the write waits
 * for a lock of the kernel's), the thread is left behind, and frees the outlet if it ever returns.
 */
#include "trace/outlet.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bits.h"
#include "base/clock.h"

#define MS UINT64_C(1000000)
/* Interrupts a write at the end; the gate's receivers have SIGRTMIN + 7. */
#define STOP_SIGNAL   (SIGRTMIN + 6)
#define STOP_ROUND_NS (2 * MS)
#define LOST_LINE_MAX 256
/* Once lines were dropped, none are taken until the reader has made this much room: else a flood
 * would alternate between a line and the news of lost ones. */
#define RESUME_BYTES (OUTLET_BYTES_MAX / 2)

struct outlet {
	int fd;
	bool own;
	enum trace_format format;
	pthread_t thread;
	atomic_uint refs;      /* who closes it, and the thread */
	atomic_bool giving_up; /* the thread ends, whatever is left */

	pthread_mutex_t lock;
	pthread_cond_t work;	 /* the thread: there is something to write, or the end */
	pthread_cond_t progress; /* waiters: written, err, stalled or ended changed */
	uint64_t accepted, written;
	uint64_t progress_ns;	  /* when the reader last took something, or had nothing to take */
	uint64_t lost, lost_told; /* lines */
	int err;
	bool stalled; /* somebody waited in vain; until the ring is empty */
	bool closing; /* the thread ends when the ring is empty */
	bool ended;   /* it has */
	char *ring;
};

/* ---- the ring; lock held ---- */

static size_t queued(const struct outlet *o)
{
	return (size_t)(o->accepted - o->written);
}

static bool has_room(const struct outlet *o, size_t len)
{
	if (o->lost != o->lost_told && queued(o) > RESUME_BYTES)
		return false;
	/* Room for one more line is kept, for the news of lost ones. */
	return len + LOST_LINE_MAX <= OUTLET_BYTES_MAX - queued(o);
}

static void append(struct outlet *o, const char *text, size_t len)
{
	size_t at = o->accepted % OUTLET_BYTES_MAX, first = MIN(len, OUTLET_BYTES_MAX - at);

	if (!queued(o))
		o->progress_ns = clock_ns();
	memcpy(o->ring + at, text, first);
	memcpy(o->ring, text + first, len - first);
	o->accepted += len;
}

/** The next bytes to write: whole lines, if there is a whole one among the first PIPE_BUF bytes. */
static size_t next_piece(const struct outlet *o, char piece[PIPE_BUF])
{
	size_t at = o->written % OUTLET_BYTES_MAX, len = MIN(queued(o), PIPE_BUF);
	size_t first = MIN(len, OUTLET_BYTES_MAX - at);
	const char *end;

	memcpy(piece, o->ring + at, first);
	memcpy(piece + first, o->ring, len - first);
	end = memrchr(piece, '\n', len);
	return end ? (size_t)(end - piece) + 1 : len;
}

static void tell_lost(struct outlet *o)
{
	char line[LOST_LINE_MAX];
	int len;

	if (o->err || o->lost == o->lost_told || LOST_LINE_MAX > OUTLET_BYTES_MAX - queued(o))
		return;
	len = trace_format_lost(line, sizeof(line), o->format, o->lost - o->lost_told, clock_ns());
	append(o, line, (size_t)len);
	o->lost_told = o->lost;
}

static void took(struct outlet *o, size_t len)
{
	o->written += len;
	o->progress_ns = clock_ns();
	if (queued(o) <= RESUME_BYTES)
		tell_lost(o);
	if (!queued(o)) {
		/* From the start again, so that a ring that never fills touches little memory. */
		o->written = align_up(o->written, OUTLET_BYTES_MAX);
		o->accepted = o->written;
		o->stalled = false;
	}
	pthread_cond_broadcast(&o->progress);
}

static void failed(struct outlet *o, int err)
{
	o->err = err;
	o->written = o->accepted;
	pthread_cond_broadcast(&o->progress);
}

/* ---- the thread ---- */

/** The program may have made the open file non-blocking; then we wait on our own. */
static void wait_writable(const struct outlet *o)
{
	struct pollfd p = { .fd = o->fd, .events = POLLOUT };

	poll(&p, 1, -1);
}

/** Bytes written, or a negative errno; 0: giving up. */
static ssize_t write_piece(struct outlet *o, const char *piece, size_t len)
{
	while (!atomic_load(&o->giving_up)) {
		ssize_t n = write(o->fd, piece, len);

		if (n > 0)
			return n;
		if (n < 0 && errno == EAGAIN)
			wait_writable(o);
		else if (n == 0 || errno != EINTR)
			return n ? -errno : -EIO;
	}
	return 0;
}

/** Lock held, and dropped while writing. */
static void write_some(struct outlet *o)
{
	char piece[PIPE_BUF];
	size_t len = next_piece(o, piece);
	ssize_t n;

	pthread_mutex_unlock(&o->lock);
	n = write_piece(o, piece, len);
	pthread_mutex_lock(&o->lock);
	if (n > 0)
		took(o, (size_t)n);
	else if (n < 0)
		failed(o, (int)-n);
}

static void put_ref(struct outlet *o)
{
	if (atomic_fetch_sub(&o->refs, 1) > 1)
		return;
	if (o->own)
		close(o->fd);
	pthread_cond_destroy(&o->work);
	pthread_cond_destroy(&o->progress);
	pthread_mutex_destroy(&o->lock);
	free(o->ring);
	free(o);
}

static void *outlet_main(void *arg)
{
	struct outlet *o = arg;

	pthread_mutex_lock(&o->lock);
	while (!atomic_load(&o->giving_up)) {
		if (queued(o))
			write_some(o);
		else if (o->closing)
			break;
		else
			pthread_cond_wait(&o->work, &o->lock);
	}
	o->ended = true;
	pthread_cond_broadcast(&o->progress);
	pthread_mutex_unlock(&o->lock);
	put_ref(o);
	return NULL;
}

static void on_stop_signal(int sig)
{
}

/** With every signal blocked but the one above: SIGPIPE is no more than EPIPE, and a terminal's
 * TOSTOP does not stop us. */
static int start_thread(struct outlet *o)
{
	struct sigaction action = { .sa_handler = on_stop_signal };
	sigset_t mask, old;
	int err;

	sigaction(STOP_SIGNAL, &action, NULL);
	sigfillset(&mask);
	sigdelset(&mask, STOP_SIGNAL);
	pthread_sigmask(SIG_SETMASK, &mask, &old);
	err = pthread_create(&o->thread, NULL, outlet_main, o);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return err;
}

struct outlet *outlet_create(int fd, bool own, enum trace_format format)
{
	struct outlet *o = calloc(1, sizeof(*o));
	/* Pages that are not touched are none. */
	char *ring = malloc(OUTLET_BYTES_MAX);

	if (!o || !ring) {
		free(o);
		free(ring);
		if (own)
			close(fd);
		return NULL;
	}
	o->fd = fd;
	o->own = own;
	o->format = format;
	o->ring = ring;
	atomic_init(&o->refs, 2);
	pthread_mutex_init(&o->lock, NULL);
	pthread_cond_init(&o->work, NULL);
	pthread_cond_init(&o->progress, NULL);
	if (!start_thread(o))
		return o;
	atomic_store(&o->refs, 1);
	put_ref(o);
	return NULL;
}

/* ---- who speaks ---- */

/** Sleep until something changed. False: it is too late. */
static bool wait_progress(struct outlet *o, uint64_t until_ns)
{
	struct timespec until = clock_timespec(until_ns);

	return !pthread_cond_clockwait(&o->progress, &o->lock, CLOCK_MONOTONIC, &until) ||
	       clock_ns() < until_ns;
}

/** Whether there is room now, or was in time. Lock held. */
static bool wait_room(struct outlet *o, size_t len, uint64_t until_ns)
{
	while (!o->err && !o->stalled && !has_room(o, len)) {
		if (!wait_progress(o, until_ns))
			o->stalled = true;
	}
	return !o->err && has_room(o, len);
}

static void wait_written(struct outlet *o, uint64_t end, uint64_t until_ns)
{
	while (!o->err && !o->stalled && o->written < end) {
		if (!wait_progress(o, until_ns))
			o->stalled = true;
	}
}

static uint64_t lines_in(const char *text, size_t len)
{
	uint64_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += text[i] == '\n';
	return n;
}

static bool put_locked(
	struct outlet *o, const char *text, size_t len, enum outlet_patience patience)
{
	/* A reader that has taken nothing for long already is not given more time. */
	uint64_t until = (queued(o) ? o->progress_ns : clock_ns()) + OUTLET_STALL_MS * MS;

	if (patience == OUTLET_NO_WAIT ? o->err || !has_room(o, len) : !wait_room(o, len, until)) {
		o->lost += lines_in(text, len);
		return false;
	}
	tell_lost(o);
	append(o, text, len);
	pthread_cond_signal(&o->work);
	if (patience == OUTLET_WAIT)
		wait_written(o, o->accepted, until);
	return true;
}

bool outlet_put(struct outlet *o, const char *text, size_t len, enum outlet_patience patience)
{
	bool taken;

	pthread_mutex_lock(&o->lock);
	taken = put_locked(o, text, len, patience);
	pthread_mutex_unlock(&o->lock);
	return taken;
}

uint64_t outlet_lost(struct outlet *o)
{
	uint64_t lost;

	pthread_mutex_lock(&o->lock);
	lost = o->lost;
	pthread_mutex_unlock(&o->lock);
	return lost;
}

int outlet_error(struct outlet *o)
{
	int err;

	pthread_mutex_lock(&o->lock);
	err = o->err;
	pthread_mutex_unlock(&o->lock);
	return err;
}

/* ---- the end ---- */

/** Until the ring is empty, the reader has taken nothing for too long, or took too long. */
static bool drained(struct outlet *o)
{
	const uint64_t end = clock_ns() + OUTLET_CLOSE_MS * MS;
	uint64_t until;
	bool all;

	pthread_mutex_lock(&o->lock);
	o->closing = true;
	tell_lost(o);
	pthread_cond_signal(&o->work);
	while (!o->err && queued(o) &&
		clock_ns() < (until = MIN(end, o->progress_ns + OUTLET_STALL_MS * MS)))
		wait_progress(o, until);
	all = !queued(o) && !o->err && !o->lost;
	pthread_mutex_unlock(&o->lock);
	return all;
}

/** The signal may come before the thread blocks: repeat, for a while. */
static void stop_thread(struct outlet *o)
{
	uint64_t now = clock_ns(), end = now + OUTLET_STALL_MS * MS;
	bool ended;

	pthread_mutex_lock(&o->lock);
	atomic_store(&o->giving_up, true);
	for (; !o->ended && now < end; now = clock_ns()) {
		pthread_kill(o->thread, STOP_SIGNAL);
		wait_progress(o, now + STOP_ROUND_NS);
	}
	ended = o->ended;
	pthread_mutex_unlock(&o->lock);
	if (ended)
		pthread_join(o->thread, NULL);
	else
		pthread_detach(o->thread);
}

bool outlet_close(struct outlet *o)
{
	bool all;

	if (!o)
		return true;
	all = drained(o);
	stop_thread(o);
	put_ref(o);
	return all;
}
