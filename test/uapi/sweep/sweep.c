/* SPDX-License-Identifier: MIT */
/* Running sweeps (sweep.h). Usage: sweep HOST */
#include "sweep/sweep.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define MAX_PRINTED 100

static const char *now;	    /* the sweep */
static char case_name[128]; /* and its case */
static unsigned cases, failures;
static struct snapshot before;

static void fail(const char *what, unsigned i, long long got, long long want)
{
	if (failures++ < MAX_PRINTED)
		printf("FAIL %s: %s: %s %u: got %lld (0x%llx), want %lld (0x%llx)\n", now,
			case_name, what, i, got, (unsigned long long)got, want,
			(unsigned long long)want);
}

void case_begin(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(case_name, sizeof(case_name), format, args);
	va_end(args);
	cases++;
}

void case_want(long got, long want)
{
	if (got != want)
		fail("result", 0, got, want);
	if (got < 0 && !t_explained())
		fail("explained", 0, false, true);
}

void case_any(long got, const long *wants, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (got == wants[i]) {
			case_want(got, got);
			return;
		}
	fail("result is none of several, the first", 0, got, wants[0]);
}

void case_end(void)
{
	static const struct after nothing;
	struct snapshot after;

	look(&after);
	look_compare(&before, &after, &nothing);
	look_alive(&after);
}

void sweep_begin(const char *name, enum world world)
{
	now = name;
	case_begin("its world");
	make_world(world);
	look(&before);
}

void sweep_end(void)
{
	case_begin("its end");
	call_close_all();
	look_end();
}

int main(int argc, char **argv)
{
	if (argc != 2 || t_begin(argv[1]))
		return 1;
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!look_begin(fail))
		return 1;
	sweep_calls();
	sweep_kinds();
	sweep_regions();
	t_end();
	printf("%u cases, %u failures\n", cases, failures);
	return failures != 0;
}
