/* SPDX-License-Identifier: MIT */
/* The references: what the kernel alone costs, without any of our code. */
#ifndef BENCH_BARE_H
#define BENCH_BARE_H

#include <stddef.h>

/** Nanoseconds of a seccomp notification round trip whose supervisor answers at once. */
double bare_notification_ns(unsigned calls);

/** Bytes per second of process_vm_readv + process_vm_writev between buffers of another process. */
double bare_process_vm_rate(size_t bytes, size_t chunk);

double now_ns(void);

#endif
