/* SPDX-License-Identifier: MIT */
/*
 * The n-th allocation fails, for every n: reading a host and building it then fails with a message,
 * or not at all, and leaves nothing behind (LeakSanitizer, where built with it).
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "machine/machine.h"

static unsigned long allocations, fail_at; /* fail_at 0: none */

static bool fails(void)
{
	return ++allocations == fail_at;
}

void *__real_malloc(size_t len);
void *__real_calloc(size_t n, size_t len);
void *__real_aligned_alloc(size_t align, size_t len);
void *__wrap_malloc(size_t len);
void *__wrap_calloc(size_t n, size_t len);
void *__wrap_aligned_alloc(size_t align, size_t len);

void *__wrap_malloc(size_t len)
{
	return fails() ? NULL : __real_malloc(len);
}

void *__wrap_calloc(size_t n, size_t len)
{
	return fails() ? NULL : __real_calloc(n, len);
}

void *__wrap_aligned_alloc(size_t align, size_t len)
{
	return fails() ? NULL : __real_aligned_alloc(align, len);
}

/** True if it was built. */
static bool build(const char *host, struct error *error)
{
	static struct host_desc desc;
	struct machine *machine;

	if (host_load(host, &desc, error) < 0)
		return false;
	machine = machine_create(&desc, error);
	machine_destroy(machine);
	return machine;
}

static void sweep(const char *host)
{
	bool built = false;

	for (unsigned long n = 1; n < 10000; n++) {
		struct error error = { 0 };

		allocations = 0;
		fail_at = n;
		built = build(host, &error);
		fail_at = 0;
		if (allocations < n)
			break; /* there was no n-th one */
		assert_true(built || (error.err && error.message[0]));
	}
	assert_true(built);
}

static void test_smmuv3(void **state)
{
	sweep("smmuv3");
}

static void test_mixed(void **state)
{
	sweep("mixed");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_smmuv3),
		cmocka_unit_test(test_mixed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
