/* SPDX-License-Identifier: MIT */
/*
 * Signalling a program's eventfd as the kernel's drivers do: never blocking, whatever its counter
 * is and whoever else writes to it.
 */
#ifndef IRQ_EVENTFD_H
#define IRQ_EVENTFD_H

/**
 * Add one to the counter of fd, or leave it at its end: as Linux's eventfd_signal, after which
 * pollers see POLLERR. Any thread, under leaf locks; not under the host lock.
 */
void eventfd_raise(int fd);

#endif
