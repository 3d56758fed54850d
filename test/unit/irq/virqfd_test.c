/* SPDX-License-Identifier: MIT */
/* Watched eventfds: who fires, how often, what becomes of the counter, and that removal is final. */
#include "irq/virqfd.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

static void count(void *arg)
{
	atomic_fetch_add((atomic_int *)arg, 1);
}

static void await(atomic_int *at, int least)
{
	while (atomic_load(at) < least)
		usleep(1000);
}

static uint64_t counter(int fd)
{
	struct pollfd ready = { .fd = fd, .events = POLLIN };
	eventfd_t val = 0;

	if (poll(&ready, 1, 0) == 1)
		assert_int_equal(eventfd_read(fd, &val), 0);
	return val;
}

static void fires_and_takes_the_counter(void **state)
{
	struct virqfds *all = virqfds_create(4);
	int fd = eventfd(0, EFD_CLOEXEC);
	atomic_int fired = 0;
	struct virqfd *one;

	assert_int_equal(virqfd_watch(all, dup(fd), count, &fired, NULL, &one), 0);
	for (int i = 1; i <= 100; i++) {
		assert_int_equal(eventfd_write(fd, 7), 0);
		await(&fired, i);
	}
	virqfds_flush(all);
	assert_int_equal(fired, 100);
	assert_int_equal(counter(fd), 0);
	virqfd_unwatch(one);
	assert_int_equal(eventfd_write(fd, 1), 0);
	virqfds_flush(all);
	assert_int_equal(fired, 100);
	assert_int_equal(counter(fd), 1);
	close(fd);
	virqfds_destroy(all);
}

/* Linux 7.3 vfio_virqfd_enable calls the handler, and reads nothing. */
static void signalled_before(void **state)
{
	struct virqfds *all = virqfds_create(4);
	int fd = eventfd(3, EFD_CLOEXEC);
	atomic_int fired = 0, told = 0;
	struct virqfd *one, *two;
	bool signalled = false;

	assert_int_equal(virqfd_watch(all, dup(fd), count, &fired, NULL, &one), 0);
	await(&fired, 1);
	assert_int_equal(virqfd_watch(all, dup(fd), count, &told, &signalled, &two), 0);
	assert_true(signalled);
	virqfds_flush(all);
	assert_int_equal(fired, 1);
	assert_int_equal(told, 0);
	assert_int_equal(counter(fd), 3);
	assert_int_equal(eventfd_write(fd, 1), 0);
	virqfds_flush(all);
	assert_int_equal(fired, 2);
	assert_int_equal(told, 1); /* one signal, both watches */
	virqfd_unwatch(one);
	virqfd_unwatch(two);
	close(fd);
	virqfds_destroy(all);
}

/* A signal that was made before the removal has fired when that returns. */
static void removal_is_final(void **state)
{
	struct virqfds *all = virqfds_create(1);
	int fd = eventfd(0, EFD_CLOEXEC);
	atomic_int fired = 0;
	struct virqfd *one, *two;

	for (int i = 1; i <= 1000; i++) {
		assert_int_equal(virqfd_watch(all, dup(fd), count, &fired, NULL, &one), 0);
		assert_int_equal(eventfd_write(fd, 1), 0);
		virqfd_unwatch(one);
		assert_int_equal(fired, i);
		assert_int_equal(counter(fd), 0);
	}
	assert_int_equal(virqfd_watch(all, dup(fd), count, &fired, NULL, &one), 0);
	assert_int_equal(virqfd_watch(all, fd, count, &fired, NULL, &two), -ENOSPC);
	virqfd_unwatch(one);
	virqfd_unwatch(NULL);
	close(fd);
	virqfds_destroy(all);
	virqfds_destroy(NULL);
}

/* Who else has it: nobody, or somebody by whatever descriptor; then it goes on firing. */
static void closed_by_the_program(void **state)
{
	struct virqfds *all = virqfds_create(2);
	int fd, copy;
	atomic_int fired = 0;
	struct virqfd *one;

	for (int kept = 0; kept < 2; kept++) {
		fd = eventfd(0, EFD_CLOEXEC);
		copy = dup(fd);
		assert_int_equal(virqfd_watch(all, dup(fd), count, &fired, NULL, &one), 0);
		atomic_store(&fired, 0);
		close(fd);
		if (!kept)
			close(copy);
		assert_int_equal(virqfd_closed(one), !kept);
		assert_int_equal(virqfd_closed(one), !kept);
		if (kept) {
			for (int i = 1; i <= 10; i++) {
				assert_int_equal(eventfd_write(copy, 1), 0);
				await(&fired, i);
			}
			virqfds_flush(all);
			assert_int_equal(fired, 10);
			assert_int_equal(counter(copy), 10); /* nobody reads it now */
			close(copy);
			assert_true(virqfd_closed(one));
		}
		virqfds_flush(all);
		virqfd_unwatch(one);
	}
	virqfds_destroy(all);
}

/* What is signalled while that is found out is lost in no case. */
static void closed_or_not_under_fire(void **state)
{
	struct virqfds *all = virqfds_create(1);
	int fd = eventfd(0, EFD_CLOEXEC);
	atomic_int fired = 0;
	struct virqfd *one;

	for (int i = 0; i < 300; i++) {
		assert_int_equal(virqfd_watch(all, dup(fd), count, &fired, NULL, &one), 0);
		virqfds_flush(all);
		atomic_store(&fired, 0);
		assert_int_equal(eventfd_write(fd, 1), 0);
		assert_false(virqfd_closed(one));
		assert_true(fired >= 1);
		assert_int_equal(eventfd_write(fd, 1), 0);
		virqfds_flush(all);
		assert_true(fired >= 2);
		virqfd_unwatch(one);
		counter(fd);
	}
	close(fd);
	virqfds_destroy(all);
}

struct writer {
	int fd;
	atomic_bool stop;
};

static void *hammer(void *arg)
{
	struct writer *writer = arg;

	while (!atomic_load(&writer->stop))
		(void)eventfd_write(writer->fd, 1);
	return NULL;
}

/* Watches come and go while somebody signals all the time. */
static void under_fire(void **state)
{
	struct virqfds *all = virqfds_create(8);
	struct writer writer = { .fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) };
	atomic_int fired = 0, ended;
	struct virqfd *one;
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, hammer, &writer), 0);
	for (int i = 0; i < 500 || !atomic_load(&fired); i++) { /* the writer has begun */
		assert_int_equal(virqfd_watch(all, dup(writer.fd), count, &fired, NULL, &one), 0);
		virqfd_unwatch(one);
		ended = atomic_load(&fired);
		assert_int_equal(fired, ended);
	}
	atomic_store(&writer.stop, true);
	pthread_join(thread, NULL);
	assert_true(fired > 0);
	close(writer.fd);
	virqfds_destroy(all);
}

#define MANY 130 /* more than are handled at a time */

/* A program that signals without end. */
static void signal_again(void *arg)
{
	struct writer *writer = arg;

	if (!atomic_load(&writer->stop))
		assert_int_equal(eventfd_write(writer->fd, 1), 0);
}

static void flushing_ends(void **state)
{
	struct virqfds *all = virqfds_create(MANY);
	struct writer writer = { .fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) };
	struct virqfd *watched[MANY];

	for (int i = 0; i < MANY; i++)
		assert_int_equal(
			virqfd_watch(all, dup(writer.fd), signal_again, &writer, NULL, &watched[i]),
			0);
	assert_int_equal(eventfd_write(writer.fd, 1), 0);
	virqfds_flush(all);
	virqfds_flush(all);
	atomic_store(&writer.stop, true);
	for (int i = 0; i < MANY; i++)
		virqfd_unwatch(watched[i]);
	close(writer.fd);
	virqfds_destroy(all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fires_and_takes_the_counter),
		cmocka_unit_test(signalled_before),
		cmocka_unit_test(removal_is_final),
		cmocka_unit_test(closed_by_the_program),
		cmocka_unit_test(closed_or_not_under_fire),
		cmocka_unit_test(under_fire),
		cmocka_unit_test(flushing_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
