/* SPDX-License-Identifier: MIT */
/* Readers that are slow, that never read, that leave: who speaks goes on, and lines stay lines. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "trace/outlet.h"

/* Whoever waits for good is ended by this, and the test fails. */
#define PATIENCE_S 120

static void make_pipe(int fds[2])
{
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
}

/** Until not one byte fits. The bytes. */
static size_t fill(int fd)
{
	static const char zeros[PIPE_BUF];
	int flags = fcntl(fd, F_GETFL);
	size_t n = 0;

	assert_int_equal(fcntl(fd, F_SETFL, flags | O_NONBLOCK), 0);
	while (write(fd, zeros, sizeof(zeros)) > 0)
		n += sizeof(zeros);
	assert_int_equal(fcntl(fd, F_SETFL, flags), 0);
	return n;
}

/** Throw n bytes away. */
static void drain(int fd, size_t n)
{
	char buf[PIPE_BUF];

	while (n) {
		ssize_t got = read(fd, buf, n < sizeof(buf) ? n : sizeof(buf));

		assert_true(got > 0);
		n -= (size_t)got;
	}
}

static bool put(struct outlet *outlet, enum outlet_patience patience, const char *format, ...)
{
	char line[256];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	return outlet_put(outlet, line, (size_t)n, patience);
}

static struct outlet *create(int fd, bool own)
{
	struct outlet *outlet = outlet_create(fd, own, TRACE_TEXT);

	assert_non_null(outlet);
	return outlet;
}

static void expect_line(FILE *file, const char *format, ...)
{
	char expected[256], line[256];
	va_list args;

	va_start(args, format);
	vsnprintf(expected, sizeof(expected), format, args);
	va_end(args);
	assert_non_null(fgets(line, sizeof(line), file));
	assert_string_equal(line, expected);
}

/* ---- readers that read ---- */

static void test_file(void **state)
{
	FILE *file = tmpfile();
	struct outlet *outlet = create(fileno(file), false);
	char byte = 0;

	for (int i = 0; i < 20000; i++)
		assert_true(
			put(outlet, OUTLET_WAIT_ROOM, "line %d of a file that takes it all\n", i));
	assert_true(put(outlet, OUTLET_WAIT, "last\n"));
	/* It has been written by now. */
	assert_int_equal(pread(fileno(file), &byte, 1, lseek(fileno(file), 0, SEEK_END) - 1), 1);
	assert_int_equal(byte, '\n');
	assert_true(outlet_close(outlet));
	rewind(file);
	for (int i = 0; i < 20000; i++)
		expect_line(file, "line %d of a file that takes it all\n", i);
	expect_line(file, "last\n");
	assert_int_equal(fgetc(file), EOF);
	fclose(file);
}

/** Each line is there when its put returns: it stands before what the program says next. */
static void test_wait(void **state)
{
	struct outlet *outlet;
	int fds[2];
	FILE *in;

	make_pipe(fds);
	in = fdopen(fds[0], "r");
	outlet = create(fds[1], false);
	for (int i = 0; i < 1000; i++) {
		assert_true(put(outlet, OUTLET_WAIT, "outlet %d\n", i));
		dprintf(fds[1], "program %d\n", i);
		expect_line(in, "outlet %d\n", i);
		expect_line(in, "program %d\n", i);
	}
	assert_true(outlet_close(outlet));
	fclose(in);
	close(fds[1]);
}

struct talk {
	struct outlet *outlet;
	int fd;
	char id;
};

#define TALK_LINES 3000

static void talk_line(char *line, size_t size, char id, int i)
{
	memset(line, id, size);
	snprintf(line, size, "%c %06d", id, i);
	line[strlen(line)] = ' ';
	line[size - 1] = '\n';
}

static void *talk(void *arg)
{
	struct talk *t = arg;
	char line[200];

	for (int i = 0; i < TALK_LINES; i++) {
		talk_line(line, sizeof(line), t->id, i);
		if (t->outlet)
			outlet_put(t->outlet, line, sizeof(line), OUTLET_WAIT_ROOM);
		else if (write(t->fd, line, sizeof(line)) != sizeof(line))
			abort();
	}
	return NULL;
}

/** Two threads, and the program on the same pipe; a reader that dawdles. All is there, in order. */
static void test_speakers(void **state)
{
	struct talk talks[3];
	pthread_t threads[3];
	char line[201], expected[200];
	int fds[2], next[3] = { 0 };
	struct outlet *outlet;
	FILE *in;

	make_pipe(fds);
	fcntl(fds[1], F_SETPIPE_SZ, 4096);
	in = fdopen(fds[0], "r");
	outlet = create(fds[1], false);
	for (int i = 0; i < 3; i++) {
		talks[i] = (struct talk){ i < 2 ? outlet : NULL, fds[1], (char)('a' + i) };
		assert_int_equal(pthread_create(&threads[i], NULL, talk, &talks[i]), 0);
	}
	for (int i = 0; i < 3 * TALK_LINES; i++) {
		assert_non_null(fgets(line, sizeof(line), in));
		assert_in_range(line[0], 'a', 'c');
		talk_line(expected, sizeof(expected), line[0], next[line[0] - 'a']++);
		assert_memory_equal(line, expected, sizeof(expected));
		if (i % 100 == 0)
			usleep(1000);
	}
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	assert_true(outlet_close(outlet));
	fclose(in);
	close(fds[1]);
}

/* ---- readers that do not ---- */

/** Many callers' lines pass (each would wait a second), then they are dropped, counted and told. */
static void test_deaf(void **state)
{
	unsigned long taken = 0, i;
	struct outlet *outlet;
	size_t filled;
	int fds[2];
	FILE *in;

	make_pipe(fds);
	filled = fill(fds[1]);
	outlet = create(fds[1], false);
	assert_true(put(outlet, OUTLET_NO_WAIT, "device\n"));
	for (i = 0; i < 1000; i++)
		assert_true(put(outlet, OUTLET_WAIT, "caller %lu\n", i));
	while (put(outlet, OUTLET_NO_WAIT, "flood %lu\n", taken))
		taken++;
	assert_in_range(taken, OUTLET_BYTES_MAX / 20, OUTLET_BYTES_MAX / 8);
	for (i = 0; i < 1000; i++) {
		assert_false(put(outlet, OUTLET_WAIT, "dropped\n"));
		assert_false(put(outlet, OUTLET_WAIT_ROOM, "dropped\n"));
	}
	assert_int_equal(outlet_lost(outlet), 2001);
	assert_int_equal(outlet_error(outlet), 0);

	drain(fds[0], filled);
	in = fdopen(fds[0], "r");
	expect_line(in, "device\n");
	for (i = 0; i < 1000; i++)
		expect_line(in, "caller %lu\n", i);
	for (i = 0; i < taken; i++)
		expect_line(in, "flood %lu\n", i);
	/* Without another put. */
	expect_line(in, "nestbox: ... 2001 lines lost\n");
	assert_true(put(outlet, OUTLET_WAIT, "again\n"));
	expect_line(in, "again\n");
	assert_false(outlet_close(outlet));
	fclose(in);
	close(fds[1]);
}

struct wait {
	struct outlet *outlet;
	bool taken;
};

static void *put_and_wait(void *arg)
{
	struct wait *w = arg;

	w->taken = put(w->outlet, OUTLET_WAIT_ROOM, "waited\n");
	return NULL;
}

/** A slow reader: whoever waits for room gets it. */
static void test_slow(void **state)
{
	struct wait w;
	pthread_t thread;
	char buf[PIPE_BUF];
	size_t total = 0;
	ssize_t n;
	int fds[2];

	make_pipe(fds);
	w.outlet = create(fds[1], true);
	memset(buf, 'x', sizeof(buf));
	buf[sizeof(buf) - 1] = '\n';
	/* The pipe and the queue are full, and nothing was dropped. */
	while (total + 2 * sizeof(buf) < OUTLET_BYTES_MAX) {
		assert_true(outlet_put(w.outlet, buf, sizeof(buf), OUTLET_NO_WAIT));
		total += sizeof(buf);
	}
	assert_int_equal(pthread_create(&thread, NULL, put_and_wait, &w), 0);
	do {
		n = read(fds[0], buf, sizeof(buf));
		assert_true(n > 0);
		total -= (size_t)n;
		usleep(100);
	} while (total > sizeof(buf));
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_true(w.taken);
	drain(fds[0], total + strlen("waited\n"));
	assert_true(outlet_close(w.outlet));
	assert_int_equal(read(fds[0], buf, 1), 0);
	close(fds[0]);
}

/** The writer is stuck in write(); close returns all the same, and the descriptor is closed. */
static void test_close_stuck(void **state)
{
	struct outlet *outlet;
	size_t filled;
	char byte;
	int fds[2];

	make_pipe(fds);
	filled = fill(fds[1]);
	outlet = create(fds[1], true);
	put(outlet, OUTLET_NO_WAIT, "never\n");
	assert_false(outlet_close(outlet));
	drain(fds[0], filled);
	assert_int_equal(read(fds[0], &byte, 1), 0);
	close(fds[0]);
}

/** What the flags of the open file are is the program's affair: they stay, and either works. */
static void test_flags(void **state)
{
	struct outlet *outlet;
	size_t filled;
	int fds[2];
	FILE *in;

	make_pipe(fds);
	filled = fill(fds[1]);
	assert_int_equal(fcntl(fds[1], F_SETFL, O_NONBLOCK | O_APPEND), 0);
	outlet = create(fds[1], false);
	put(outlet, OUTLET_NO_WAIT, "patient\n");
	drain(fds[0], filled);
	in = fdopen(fds[0], "r");
	expect_line(in, "patient\n");
	assert_int_equal(fcntl(fds[1], F_GETFL) & (O_NONBLOCK | O_APPEND), O_NONBLOCK | O_APPEND);
	assert_true(outlet_close(outlet));
	assert_int_equal(fcntl(fds[1], F_GETFL) & (O_NONBLOCK | O_APPEND), O_NONBLOCK | O_APPEND);

	fill(fds[1]);
	outlet = create(fds[1], false);
	put(outlet, OUTLET_NO_WAIT, "in vain\n");
	assert_false(outlet_close(outlet));
	fclose(in);
	close(fds[1]);
}

/* ---- readers that leave, files that are full ---- */

/** SIGPIPE would end the test. */
static void test_gone(void **state)
{
	struct outlet *outlet;
	int fds[2];

	make_pipe(fds);
	outlet = create(fds[1], true);
	assert_true(put(outlet, OUTLET_WAIT, "heard\n"));
	close(fds[0]);
	put(outlet, OUTLET_WAIT, "not heard\n");
	assert_int_equal(outlet_error(outlet), EPIPE);
	assert_false(put(outlet, OUTLET_WAIT, "not heard\n"));
	assert_int_equal(outlet_lost(outlet), 1);
	assert_false(outlet_close(outlet));
}

/** It leaves while the writer waits in write(). */
static void test_gone_meanwhile(void **state)
{
	struct outlet *outlet;
	int fds[2];

	make_pipe(fds);
	fill(fds[1]);
	outlet = create(fds[1], true);
	put(outlet, OUTLET_NO_WAIT, "not heard\n");
	usleep(1000);
	close(fds[0]);
	put(outlet, OUTLET_WAIT, "not heard\n");
	assert_int_equal(outlet_error(outlet), EPIPE);
	assert_false(outlet_close(outlet));
}

static void test_full(void **state)
{
	int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
	struct outlet *outlet;

	if (fd < 0)
		skip();
	outlet = create(fd, true);
	put(outlet, OUTLET_WAIT, "no room\n");
	assert_int_equal(outlet_error(outlet), ENOSPC);
	assert_false(outlet_close(outlet));
}

/** More than a ring's worth at once can never be taken, and does no harm. */
static void test_too_long(void **state)
{
	char *text = malloc(OUTLET_BYTES_MAX);
	struct outlet *outlet;
	int fds[2];
	FILE *in;

	make_pipe(fds);
	in = fdopen(fds[0], "r");
	memset(text, '\n', OUTLET_BYTES_MAX);
	outlet = create(fds[1], true);
	assert_false(outlet_put(outlet, text, OUTLET_BYTES_MAX, OUTLET_NO_WAIT));
	assert_true(put(outlet, OUTLET_WAIT, "short\n"));
	expect_line(in, "nestbox: ... %u lines lost\n", OUTLET_BYTES_MAX);
	expect_line(in, "short\n");
	assert_false(outlet_close(outlet));
	assert_true(outlet_close(NULL));
	fclose(in);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_file),
		cmocka_unit_test(test_wait),
		cmocka_unit_test(test_speakers),
		cmocka_unit_test(test_deaf),
		cmocka_unit_test(test_slow),
		cmocka_unit_test(test_close_stuck),
		cmocka_unit_test(test_flags),
		cmocka_unit_test(test_gone),
		cmocka_unit_test(test_gone_meanwhile),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_too_long),
	};

	alarm(PATIENCE_S);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
