/* SPDX-License-Identifier: MIT */
/*
 * Running one row: its world is made, the steps before, a snapshot, the call, a snapshot, the steps
 * after; then everything is closed, and the host holds what it held at the start.
 */
#include "conform/run.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const struct row *now;
static const struct area *now_area;
static unsigned failed; /* checks of this row */

/* ---- failing ---- */

static void print_row(void)
{
	printf("FAIL %s: %s (host %s)\n  kernel: %s\n  world:  %s\n  call:   ", now_area->name,
		now->name, now->host ? now->host : "smmuv3", now->kernel, worlds[now->world].name);
	call_print(&now->call);
	printf("  want:   %ld%s%s\n", now->want, now->rule ? ", rule " : "",
		now->rule ? now->rule : "");
}

static void fail(const char *what, unsigned i, long long got, long long want)
{
	if (!failed++)
		print_row();
	printf("  %s %u: got %lld (0x%llx), want %lld (0x%llx)\n", what, i, got,
		(unsigned long long)got, want, (unsigned long long)want);
}

static void same(const char *what, unsigned i, long long got, long long want)
{
	if (got != want)
		fail(what, i, got, want);
}

/* ---- calls ---- */

static void check_rule(void)
{
	struct t_reason reason;

	if (!now->rule || !t_reason(&reason) || !strcmp(reason.rule, now->rule))
		return;
	fail("rule", 0, reason.err, now->want);
	printf("  rule: got %s, want %s\n", reason.rule, now->rule);
}

static void run_call(void)
{
	struct snapshot before, after;
	const uint8_t *data;

	look(&before);
	same("result", 0, call_make(&now->call, now->want, &data), now->want);
	same("explained", 0, now->call.op == OP_RUN || t_explained(), true);
	check_fields(data, now->see, sizeof(now->see) / sizeof(now->see[0]));
	check_rule();
	if (now->check)
		same("check", 0, now->check(), true);
	look(&after);
	look_compare(&before, &after, &now->after);
	if (!(now->after.may & MAY_DIE))
		look_alive(&after);
}

bool run_row(const struct area *area, const struct row *row)
{
	now = row;
	now_area = area;
	failed = 0;
	make_world(row->world);
	run_steps("step before", row->first);
	run_call();
	run_steps("step after", row->then);
	call_close_all();
	look_end();
	return !failed;
}

bool run_begin(void)
{
	return look_begin(fail);
}

void run_end(void)
{
	call_close_all();
}
