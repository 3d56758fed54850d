/* SPDX-License-Identifier: MIT */
/* Running one row in its world (run.c), and making the calls of rows (call.c). */
#ifndef TEST_UAPI_CONFORM_RUN_H
#define TEST_UAPI_CONFORM_RUN_H

#include "conform/conform.h"

/** Once per host: memory and what the host holds now. False: it was said why. */
bool run_begin(void);
void run_end(void);
/** False: it failed, and was printed. */
bool run_row(const struct area *area, const struct row *row);

/* ---- call.c ---- */

/** The memory at fixed places; false: it was said why. */
bool call_memory(void);
/**
 * Make a call. want: what is expected (how long to wait for a signal). *data: its argument as the
 * call left it, or NULL where it has none to look at.
 */
long call_make(const struct call *call, long want, const uint8_t **data);
/** How many mappings the host held before the row. */
void call_base(unsigned long mappings);
/** Close whatever the row opened. */
void call_close_all(void);
/** The number, or -1: nothing was opened under the name. */
int call_opened(enum fd name);
void call_print(const struct call *call);

#endif
