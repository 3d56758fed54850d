/* SPDX-License-Identifier: MIT */
/*
 * Watching eventfds of the program: a function is called when one is signalled, as Linux's virqfd does
 * for INTx unmasking and ioeventfds. One thread for all of a host, made when the first is watched.
 *
 * The counter is read as Linux does at each wake-up (eventfd_ctx_do_read), so a program that reads it
 * too takes events away.
 *
 * FIDELITY: Linux calls from within the program's write. Here signals that come together count as
 * one, and the call comes a moment later: virqfds_flush awaits it.
 */
#ifndef IRQ_VIRQFD_H
#define IRQ_VIRQFD_H

#include <stdbool.h>

struct virqfds; /* all of a host */
struct virqfd;	/* one that is watched */

/** NULL without memory or descriptors. At most max are watched at a time. */
struct virqfds *virqfds_create(unsigned max);
/** NULL accepted. Nothing is watched any more. */
void virqfds_destroy(struct virqfds *all);

/**
 * Call fired(arg) at each signal of the eventfd fd, from any thread and never twice at a time. It may
 * take leaf locks only, none that is held around virqfd_watch, _unwatch or virqfds_flush, and must
 * not call these.
 *
 * An eventfd that is signalled already fires once, its counter left as it is (Linux 7.3
 * vfio_virqfd_enable): where signalled is not NULL that is said there, and left to the caller.
 *
 * 0, and fd is the watcher's; -ENOMEM, -ENOSPC (max), or what the host refused, and it is not.
 */
int virqfd_watch(struct virqfds *all, int fd, void (*fired)(void *arg), void *arg, bool *signalled,
	struct virqfd **out);
/** Closes the descriptor. Signals that came before have fired, and no call is in progress. NULL
 * accepted. */
void virqfd_unwatch(struct virqfd *one);
/**
 * Whether nobody but us has the eventfd any more, as the program has closed it: Linux's virqfd is
 * gone then (EPOLLHUP), and this one had better be too. To find out, our own descriptor is closed:
 * FIDELITY: where the answer is no, it goes on firing, but its counter is no longer read.
 */
bool virqfd_closed(struct virqfd *one);
/** Await the calls for all signals until now. */
void virqfds_flush(struct virqfds *all);

#endif
