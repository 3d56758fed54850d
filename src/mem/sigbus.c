/* SPDX-License-Identifier: MIT */
/*
 * The registry is a list of blocks of pointers that only grows, so that the handler walks it with
 * plain loads whatever the other threads do:
 *
 *   add, remove            under the mutex; a slot is one atomic pointer
 *   handler, poisoned_slow no lock. A range they find stays: a removal comes only after the last
 *                          access to the range, and each looks for what it itself accesses
 */
#include "mem/sigbus.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define BLOCK_SLOTS 1024

struct block {
	_Atomic(struct sigbus_range *) slot[BLOCK_SLOTS];
	_Atomic(struct block *) next;
};

atomic_uint sigbus_poisonings;

static struct block first_block;
static pthread_mutex_t registry_lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned lowest_free;
static pthread_once_t handler_once = PTHREAD_ONCE_INIT;
static struct sigaction previous;
static uintptr_t page_bytes;

static struct sigbus_range *find_range(uintptr_t start, uintptr_t end, bool only_poisoned)
{
	struct sigbus_range *range;
	struct block *block;
	unsigned i;

	for (block = &first_block; block; block = atomic_load(&block->next)) {
		for (i = 0; i < BLOCK_SLOTS; i++) {
			range = atomic_load(&block->slot[i]);
			if (range && start < range->end && end > range->start &&
				(!only_poisoned || atomic_load(&range->poisoned)))
				return range;
		}
	}
	return NULL;
}

bool sigbus_poisoned_slow(const void *ptr, size_t bytes)
{
	return find_range((uintptr_t)ptr, (uintptr_t)ptr + bytes, true);
}

/*
 * The fault's page; where that cannot be replaced alone (a huge page), the whole range. mmap is not
 * on POSIX's list of async-signal-safe functions, but on Linux it is the bare system call.
 */
static bool put_zero_pages(const struct sigbus_range *range, uintptr_t addr)
{
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE;
	void *page = (void *)(addr & ~(page_bytes - 1));

	if (mmap(page, page_bytes, PROT_READ | PROT_WRITE, flags, -1, 0) != MAP_FAILED)
		return true;
	return mmap((void *)range->start, range->end - range->start, PROT_READ | PROT_WRITE, flags,
		       -1, 0) != MAP_FAILED;
}

static void on_sigbus(int sig, siginfo_t *info, void *context)
{
	uintptr_t addr = (uintptr_t)info->si_addr;
	struct sigbus_range *range = NULL;
	int saved = errno;

	if (info->si_code == BUS_ADRERR)
		range = find_range(addr, addr + 1, false);
	if (range) {
		/* First poison, then zero pages: who reads a zero finds the range poisoned. */
		if (!atomic_exchange(&range->poisoned, true))
			atomic_fetch_add(&sigbus_poisonings, 1);
		if (put_zero_pages(range, addr)) {
			errno = saved;
			return;
		}
	}
	/* Not ours: the access is repeated on return, and then meets who was there before. */
	sigaction(SIGBUS, &previous, NULL);
	if (info->si_code <= 0) /* sent, not a fault: nothing would repeat it */
		raise(sig);
	errno = saved;
}

static void install_handler(void)
{
	struct sigaction action = { .sa_sigaction = on_sigbus, .sa_flags = SA_SIGINFO };

	page_bytes = sysconf(_SC_PAGESIZE);
	sigemptyset(&action.sa_mask);
	sigaction(SIGBUS, &action, &previous);
}

static struct block *next_block(struct block *block)
{
	struct block *next = atomic_load(&block->next);

	if (!next) {
		next = calloc(1, sizeof(*next));
		atomic_store(&block->next, next);
	}
	return next;
}

/* The slot's pointer; blocks are made on the way. */
static _Atomic(struct sigbus_range *) *slot_at(unsigned slot)
{
	struct block *block = &first_block;

	for (; block && slot >= BLOCK_SLOTS; slot -= BLOCK_SLOTS)
		block = next_block(block);
	return block ? &block->slot[slot] : NULL;
}

int sigbus_add(struct sigbus_range *range, void *ptr, size_t bytes)
{
	_Atomic(struct sigbus_range *) *place;

	pthread_once(&handler_once, install_handler);
	range->start = (uintptr_t)ptr;
	range->end = range->start + bytes;
	atomic_store(&range->poisoned, false);
	pthread_mutex_lock(&registry_lock);
	range->slot = lowest_free;
	while ((place = slot_at(range->slot)) && atomic_load(place))
		range->slot++;
	if (place) {
		atomic_store(place, range);
		lowest_free = range->slot + 1;
	}
	pthread_mutex_unlock(&registry_lock);
	return place ? 0 : -ENOMEM;
}

void sigbus_remove(struct sigbus_range *range)
{
	pthread_mutex_lock(&registry_lock);
	atomic_store(slot_at(range->slot), NULL);
	if (range->slot < lowest_free)
		lowest_free = range->slot;
	pthread_mutex_unlock(&registry_lock);
	if (atomic_load(&range->poisoned))
		atomic_fetch_sub(&sigbus_poisonings, 1);
}
