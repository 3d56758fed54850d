/* SPDX-License-Identifier: MIT */
/*
 * One job at a time. `open` says that there are pieces to be taken, `helping` that the helper is at
 * it; both change under the lock. The caller returns only once the helper is out, so that a port
 * section around a move covers the helper as well (src/tlb/port.h).
 *
 * Jobs come one right after the other and take some 50 us, which is what it takes to wake a thread
 * on an idle CPU. So both sides look for a moment before they sleep.
 */
#include "mem/mover.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "base/bits.h"

#define LOOK_NS 100000

struct job {
	struct mem_run dst, src;
	uint64_t bytes;
	uint32_t sid;
	_Atomic uint64_t next; /* offset of the next piece; beyond the end once a piece aborted */
};

struct dma_mover {
	pthread_t thread;
	pthread_mutex_t user; /* held for a whole move */
	pthread_mutex_t lock; /* guards what follows, but for next */
	pthread_cond_t opened, left;
	atomic_bool open, helping; /* read without the lock by who looks before it sleeps */
	bool stop;
	enum dma_side helper_side;
	struct job job;
	uint8_t *bounce; /* the helper's */
};

static struct mem_run part_of(const struct mem_run *run, uint64_t at)
{
	struct mem_run part = *run;

	part.off += at;
	part.bytes -= at;
	return part;
}

static enum dma_side move_piece(struct job *job, uint64_t at, void *bounce)
{
	struct mem_run src = part_of(&job->src, at), dst = part_of(&job->dst, at);
	uint64_t n = MIN(job->bytes - at, (uint64_t)MOVER_PIECE);

	if (mem_run_read(&src, bounce, n))
		return DMA_SRC_ABORT;
	return mem_run_write(&dst, bounce, n, job->sid) ? DMA_DST_ABORT : DMA_OK;
}

/* Take pieces until there are none; after an abort nobody takes another one. */
static enum dma_side take_pieces(struct job *job, void *bounce)
{
	for (;;) {
		uint64_t at = atomic_fetch_add(&job->next, MOVER_PIECE);
		enum dma_side side;

		if (at >= job->bytes)
			return DMA_OK;
		side = move_piece(job, at, bounce);
		if (side == DMA_OK)
			continue;
		atomic_store(&job->next, job->bytes);
		return side;
	}
}

/* Look for a moment whether the flag becomes what is waited for. */
static void look(atomic_bool *flag, bool wanted)
{
	struct timespec t;
	uint64_t end = 0, now = 0;

	while (atomic_load_explicit(flag, memory_order_relaxed) != wanted && now <= end) {
		clock_gettime(CLOCK_MONOTONIC, &t);
		now = (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
		end = end ? end : now + LOOK_NS;
	}
}

static void help_once(struct dma_mover *mover)
{
	enum dma_side side;

	mover->helping = true;
	pthread_mutex_unlock(&mover->lock);
	side = take_pieces(&mover->job, mover->bounce);
	pthread_mutex_lock(&mover->lock);
	mover->helping = mover->open = false;
	mover->helper_side = side;
	pthread_cond_signal(&mover->left);
	pthread_mutex_unlock(&mover->lock);
	look(&mover->open, true);
	pthread_mutex_lock(&mover->lock);
}

static void *helper(void *arg)
{
	struct dma_mover *mover = arg;

	pthread_mutex_lock(&mover->lock);
	while (!mover->stop) {
		if (mover->open)
			help_once(mover);
		else
			pthread_cond_wait(&mover->opened, &mover->lock);
	}
	pthread_mutex_unlock(&mover->lock);
	return NULL;
}

static void open_job(struct dma_mover *mover)
{
	pthread_mutex_lock(&mover->lock);
	mover->open = true;
	mover->helper_side = DMA_OK;
	pthread_cond_signal(&mover->opened);
	pthread_mutex_unlock(&mover->lock);
}

/* No piece is left: what the helper still holds it finishes. Returns how it fared. */
static enum dma_side close_job(struct dma_mover *mover)
{
	enum dma_side side;

	look(&mover->helping, false);
	pthread_mutex_lock(&mover->lock);
	mover->open = false;
	while (mover->helping)
		pthread_cond_wait(&mover->left, &mover->lock);
	side = mover->helper_side;
	pthread_mutex_unlock(&mover->lock);
	return side;
}

enum dma_side dma_mover_move(struct dma_mover *mover, const struct mem_run *dst,
	const struct mem_run *src, uint64_t n, uint32_t sid, void *bounce)
{
	enum dma_side own, helped;

	if (!mover || n <= MOVER_PIECE || pthread_mutex_trylock(&mover->user)) {
		struct job alone = { .dst = *dst, .src = *src, .bytes = n, .sid = sid };

		return take_pieces(&alone, bounce);
	}
	mover->job.dst = *dst;
	mover->job.src = *src;
	mover->job.bytes = n;
	mover->job.sid = sid;
	atomic_store(&mover->job.next, 0);
	open_job(mover);
	own = take_pieces(&mover->job, bounce);
	helped = close_job(mover);
	pthread_mutex_unlock(&mover->user);
	return own != DMA_OK ? own : helped;
}

static void release(struct dma_mover *mover)
{
	pthread_cond_destroy(&mover->left);
	pthread_cond_destroy(&mover->opened);
	pthread_mutex_destroy(&mover->lock);
	pthread_mutex_destroy(&mover->user);
	free(mover->bounce);
	free(mover);
}

/* Signals are the main thread's; a truncated file's SIGBUS is handled where it strikes. */
static int start_helper(struct dma_mover *mover)
{
	sigset_t all, old;
	int err;

	sigfillset(&all);
	sigdelset(&all, SIGBUS);
	sigdelset(&all, SIGSEGV);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(&mover->thread, NULL, helper, mover);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return err;
}

struct dma_mover *dma_mover_create(void)
{
	struct dma_mover *mover = calloc(1, sizeof(*mover));

	if (!mover)
		return NULL;
	pthread_mutex_init(&mover->user, NULL);
	pthread_mutex_init(&mover->lock, NULL);
	pthread_cond_init(&mover->opened, NULL);
	pthread_cond_init(&mover->left, NULL);
	mover->bounce = aligned_alloc(4096, MOVER_PIECE);
	if (mover->bounce && !start_helper(mover))
		return mover;
	release(mover);
	return NULL;
}

void dma_mover_destroy(struct dma_mover *mover)
{
	if (!mover)
		return;
	pthread_mutex_lock(&mover->lock);
	mover->stop = true;
	pthread_cond_signal(&mover->opened);
	pthread_mutex_unlock(&mover->lock);
	pthread_join(mover->thread, NULL);
	release(mover);
}
