/* SPDX-License-Identifier: MIT */
#include "tlb/port.h"

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/check.h"

/* Until port_init_process has found membarrier, readers fence: right in any case. */
bool port_fences = true;

static long membarrier(int cmd)
{
	return syscall(SYS_membarrier, cmd, 0, 0);
}

static _Atomic bool chosen; /* port_init_process was called */

void port_init_process(bool force_fences)
{
	chosen = true;
#ifdef __SANITIZE_THREAD__
	force_fences = true; /* it does not know membarrier */
#endif
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
	force_fences = true;
#endif
#endif
	port_fences = force_fences || membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED);
}

static void init_once(void)
{
	if (!chosen)
		port_init_process(false);
}

void port_init_default(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, init_once);
}

void port_set_init(struct port_set *set)
{
	pthread_mutex_init(&set->lock, NULL);
	CDS_INIT_LIST_HEAD(&set->ports);
}

void port_set_finish(struct port_set *set)
{
	nb_assert(cds_list_empty(&set->ports));
	pthread_mutex_destroy(&set->lock);
}

void port_add(struct port_set *set, struct port *port, uint32_t sid)
{
	atomic_store_explicit(&port->seq, 0, memory_order_relaxed);
	port->waited = 0;
	port->sid = sid;
	pthread_mutex_lock(&set->lock);
	cds_list_add_tail(&port->link, &set->ports);
	pthread_mutex_unlock(&set->lock);
}

void port_remove(struct port_set *set, struct port *port)
{
	pthread_mutex_lock(&set->lock);
	nb_assert(!(atomic_load(&port->seq) & 1));
	cds_list_del(&port->link);
	pthread_mutex_unlock(&set->lock);
}

/*
 * Not cds_list_for_each_entry, which takes the list's head for a port too: ports are aligned to their
 * cache lines, and the head is not.
 */
static struct port *port_at(struct cds_list_head *at)
{
	return caa_container_of(at, struct port, link);
}

/* 2 of the table in port.h. */
static void wait_barrier(void)
{
	atomic_thread_fence(memory_order_seq_cst);
	if (!port_fences)
		nb_assert(!membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED));
}

void port_wait_begin(struct port_set *set)
{
	struct cds_list_head *at;
	struct port *port;
	uint64_t seq;

	wait_barrier();
	pthread_mutex_lock(&set->lock);
	cds_list_for_each(at, &set->ports)
	{
		port = port_at(at);
		/* acquire, paired with D: what an even count says has ended happened before. */
		seq = atomic_load_explicit(&port->seq, memory_order_acquire);
		port->waited = seq & 1 ? seq : 0;
	}
	pthread_mutex_unlock(&set->lock);
}

bool port_wait_poll(struct port_set *set)
{
	struct cds_list_head *at;
	struct port *port;
	bool done = true;

	pthread_mutex_lock(&set->lock);
	cds_list_for_each(at, &set->ports)
	{
		port = port_at(at);
		if (port->waited &&
			atomic_load_explicit(&port->seq, memory_order_acquire) != port->waited)
			port->waited = 0;
		done = done && !port->waited;
	}
	pthread_mutex_unlock(&set->lock);
	return done;
}
