/* SPDX-License-Identifier: MIT */
/* Raising eventfds: counted, saturated at the end, and never waiting, while others fill them. */
#include "irq/eventfd.h"

#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#define FULL UINT64_C(0xfffffffffffffffe) /* the most that a write can make of it */

static uint64_t take(int fd)
{
	uint64_t val = 0;

	assert_int_equal(read(fd, &val, sizeof(val)), sizeof(val));
	return val;
}

static void counts(void **state)
{
	int fd = eventfd(0, EFD_CLOEXEC);
	int semaphore = eventfd(0, EFD_CLOEXEC | EFD_SEMAPHORE);

	/* More than any ring of completions holds. */
	for (int i = 0; i < 5000; i++)
		eventfd_raise(fd);
	assert_int_equal(take(fd), 5000);
	for (int i = 0; i < 3; i++)
		eventfd_raise(semaphore);
	for (int i = 0; i < 3; i++)
		assert_int_equal(take(semaphore), 1);
	close(semaphore);
	close(fd);
}

static void saturates(void **state)
{
	int fd = eventfd(0, EFD_CLOEXEC);
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLOUT };
	uint64_t full = FULL;

	assert_int_equal(write(fd, &full, sizeof(full)), sizeof(full));
	for (int i = 0; i < 100; i++)
		eventfd_raise(fd);
	assert_int_equal(poll(&p, 1, 0), 1);
	assert_int_equal(p.revents & (POLLIN | POLLOUT), POLLIN);
	/* FULL: there is no asynchronous I/O here. */
	full = take(fd);
	assert_true((full == UINT64_MAX && p.revents & POLLERR) || full == FULL);
	eventfd_raise(fd);
	assert_int_equal(take(fd), 1);
	close(fd);
}

static atomic_bool stop;

/** Fills it whenever it is empty. */
static void *fill(void *arg)
{
	uint64_t full = FULL;

	while (!atomic_load(&stop))
		(void)!write(*(int *)arg, &full, sizeof(full));
	return NULL;
}

/** The only reader also raises: where that waits, nobody ever reads again. */
static void never_waits_for_a_reader(void **state)
{
	int fd = eventfd(0, EFD_CLOEXEC);
	pthread_t thread;
	unsigned i;

	assert_int_equal(pthread_create(&thread, NULL, fill, &fd), 0);
	for (i = 0; i < 200000; i++) {
		struct pollfd p = { .fd = fd, .events = POLLIN };

		eventfd_raise(fd);
		if (i % 2 && poll(&p, 1, 0) == 1)
			take(fd);
	}
	atomic_store(&stop, true);
	eventfd_raise(fd);
	take(fd);
	pthread_join(thread, NULL);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts),
		cmocka_unit_test(saturates),
		cmocka_unit_test(never_waits_for_a_reader),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
