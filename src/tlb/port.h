/* SPDX-License-Identifier: MIT */
/*
 * Ports: how a thread tells that it is in flight (design 11, rule R6).
 *
 * A thread translates through a port, one per thread and stream. What translation yields is valid
 * only between port_enter and port_leave, and so is every access made with it. Whoever takes
 * something away first removes it from tables and caches, and then waits until every port is
 * outside, or has left and entered again since (it then translated anew).
 *
 * Readers write nothing shared: a port's word is on a cache line of its own.
 *
 *   reader                                   waiter
 *   A: port->seq = odd       (plain store)   1: change tables, bump the generation
 *   B: barrier               (compiler)      2: barrier (membarrier: a full fence on every reader)
 *   C: load generation, tables, data         3: load port->seq of each port
 *   D: port->seq = even      (release)       4: reuse what was removed
 *
 * Either the reader's A is before the waiter's 2, and 3 sees it odd and waits; or C is after 2, and
 * sees what 1 changed. Where membarrier is denied (and under ThreadSanitizer) B and 2 are both
 * sequentially consistent fences.
 */
#ifndef TLB_PORT_H
#define TLB_PORT_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <urcu/list.h>

#include "tlb/iotlb.h"

struct port {
	_Atomic uint64_t seq; /* odd: in flight. Written by the owner only */
	struct cds_list_head link;
	uint64_t waited; /* waiter's: the odd seq it saw at port_wait_begin, 0: none */
	uint32_t sid;	 /* the stream this port serves: lets waits be narrowed and explained */
} __attribute__((aligned(64)));

/** The ports of one IOMMU instance. add and remove take the lock; enter and leave do not. */
struct port_set {
	pthread_mutex_t lock;
	struct cds_list_head ports;
};

extern bool port_fences; /* true: membarrier is not to be had, readers fence. Set once at start */

/** Register for membarrier; without it (or when force_fences) fall back to fences. Idempotent. */
void port_init_process(bool force_fences);
/** port_init_process(false), unless somebody has called it: for users of the library. Any thread. */
void port_init_default(void);

void port_set_init(struct port_set *set);
void port_set_finish(struct port_set *set);
void port_add(struct port_set *set, struct port *port, uint32_t sid);
/** The port is outside; nothing waits for it after this. */
void port_remove(struct port_set *set, struct port *port);

static inline void port_enter(struct port *port)
{
	uint64_t seq = atomic_load_explicit(&port->seq, memory_order_relaxed);

	atomic_store_explicit(&port->seq, seq + 1, memory_order_relaxed); /* A */
	if (__builtin_expect(port_fences, 0))
		atomic_thread_fence(memory_order_seq_cst); /* B, paired with the waiter's 2 */
	else
		atomic_signal_fence(memory_order_seq_cst); /* B: membarrier makes it a full fence */
}

static inline void port_leave(struct port *port)
{
	uint64_t seq = atomic_load_explicit(&port->seq, memory_order_relaxed);

	/* D: release, so that no access of this section can be seen after the store. */
	atomic_store_explicit(&port->seq, seq + 1, memory_order_release);
}

/**
 * A wait in two steps, so that it never blocks: begin fences and notes which ports are in flight;
 * poll says whether all of those have left since. One wait at a time per set (the IOMMU's command
 * queue is serial, so CMD_SYNCs are too).
 */
void port_wait_begin(struct port_set *set);
bool port_wait_poll(struct port_set *set);

#endif
