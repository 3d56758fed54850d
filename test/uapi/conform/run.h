/* SPDX-License-Identifier: MIT */
/*
 * Running one row in its world (run.c), what a program sees of the host (look.c), and making the
 * calls of rows (call.c).
 */
#ifndef TEST_UAPI_CONFORM_RUN_H
#define TEST_UAPI_CONFORM_RUN_H

#include "conform/conform.h"

/** Once per host: memory and what the host holds now. False: it was said why. */
bool run_begin(void);
void run_end(void);
/** False: it failed, and was printed. */
bool run_row(const struct area *area, const struct row *row);

/* ---- look.c ---- */

#define CONFIG_BYTES 256
#define N_IRQS	     5

struct snapshot {
	struct t_counts counts;
	long entries; /* left, or -errno */
	long status[2];
	unsigned extensions; /* bit n: CHECK_EXTENSION(n) */
	long irqs[N_IRQS];
	long config_bytes;
	uint8_t config[CONFIG_BYTES];
};

/** Is told each difference: what, which one, what was found and what is right. */
typedef void report_fn(const char *what, unsigned i, long long got, long long want);

/** Once per host: memory, and what the host holds now. False: it was said why. */
bool look_begin(report_fn *report);
void look(struct snapshot *snapshot);
/** after must be before, but for what by says. */
void look_compare(
	const struct snapshot *before, const struct snapshot *after, const struct after *by);
/** Mapping works where an IOMMU is set, and the device answers. */
void look_alive(const struct snapshot *snapshot);
/** The host holds what it held at look_begin. */
void look_end(void);

void make_world(enum world world);
void run_steps(const char *what, const struct step *steps);
void check_fields(const uint8_t *data, const struct field *see, unsigned n);

/* ---- call.c ---- */

/** The memory at fixed places; false: it was said why. */
bool call_memory(void);
/**
 * Make a call. want: what is expected (how long to wait for a signal). *data: its argument as the
 * call left it, or NULL where it has none to look at.
 */
long call_make(const struct call *call, long want, const uint8_t **data);
/** The argument, of the kind ARG_BYTES, as it is passed, until the next call. */
const uint8_t *call_argument(const struct call *call);
/** How many mappings the host held before the row. */
void call_base(unsigned long mappings);
/** Close whatever the row opened. */
void call_close_all(void);
/** The number, or -1: nothing was opened under the name. */
int call_opened(enum fd name);
void call_print(const struct call *call);

#endif
