/* SPDX-License-Identifier: MIT */
/*
 * The bench's rows: each a figure beside a reference measured in the same run. A row is measured
 * several times, figure and reference in turn; what counts is the median of the ratios, because a
 * machine's noise hits both sides of one round alike.
 */
#ifndef BENCH_TABLE_H
#define BENCH_TABLE_H

#include <stdbool.h>

#define ROUNDS 9

enum better {
	LESS, /* met: ratio <= target */
	MORE, /* met: ratio >= target */
};

struct row {
	const char *name, *unit, *reference;
	enum better better;
	double target; /* of the ratio; 0: none, the row only informs */
	double value[ROUNDS], reference_value[ROUNDS];
	unsigned rounds;
};

void row_add(struct row *row, double value, double reference);
double row_ratio(const struct row *row);
/** The least and the greatest ratio of a round. */
void row_spread(const struct row *row, double *least, double *greatest);
bool row_met(const struct row *row);

void table_print(const struct row *rows, unsigned n);
/** 0, or -1 with a message on stderr. */
int table_write_json(const struct row *rows, unsigned n, const char *path);

#endif
