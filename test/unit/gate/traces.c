/* SPDX-License-Identifier: MIT */
/* Traces that start, stop and end by themselves while events go on. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gate/report.h"
#include "gate/traces.h"

#define PATIENCE_S 120

static struct trace_event event(long n)
{
	return (struct trace_event){
		.kind = TRACE_CALL,
		.begin_ns = 1,
		.end_ns = 2,
		.pid = getpid(),
		.tid = getpid(),
		.name = "open",
		.text = "open(\"/dev/vfio/vfio\", O_RDWR)",
		.result = n,
	};
}

static void tell(struct traces *traces, long n, bool device)
{
	struct trace_event e = event(n);

	traces_tell(traces, &e, device);
}

static int start(struct traces *traces, int fd, enum trace_format format, bool *whole)
{
	struct trace_target target = { outlet_create(fd, true, format), .format = format,
		.whole = whole };

	assert_non_null(target.outlet);
	return traces_start(traces, &target);
}

static void make_pipe(int fds[2])
{
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
}

/** Everything, up to where the writer's end was closed. Lines. */
static unsigned read_lines(int fd, char *last, size_t size)
{
	FILE *in = fdopen(fd, "r");
	char line[4096];
	unsigned n = 0;

	last[0] = '\0';
	for (; fgets(line, sizeof(line), in); n++)
		snprintf(last, size, "%s", line);
	fclose(in);
	return n;
}

static void test_start_stop(void **state)
{
	struct traces *traces = traces_create();
	bool whole = true;
	char last[4096];
	int a[2], b[2], id_a, id_b;

	make_pipe(a);
	make_pipe(b);
	assert_false(traces_on(traces));
	tell(traces, 1, false);
	id_a = start(traces, a[1], TRACE_TEXT, &whole);
	assert_true(id_a > 0);
	assert_true(traces_on(traces));
	tell(traces, 2, false);
	id_b = start(traces, b[1], TRACE_CHROME, &whole);
	assert_true(id_b > 0 && id_b != id_a);
	tell(traces, 3, true);
	assert_int_equal(traces_stop(traces, id_a), 0);
	assert_int_equal(traces_stop(traces, id_a), -ENOENT);
	tell(traces, 4, false);
	assert_int_equal(traces_stop(traces, id_b), 0);
	assert_int_equal(traces_stop(traces, 0), -ENOENT);
	assert_int_equal(traces_stop(traces, -1), -ENOENT);
	assert_false(traces_on(traces));
	assert_int_equal(read_lines(a[0], last, sizeof(last)), 2);
	assert_non_null(strstr(last, " = 3\n"));
	/* Head, process, thread, two events, tail. */
	assert_int_equal(read_lines(b[0], last, sizeof(last)), 6);
	assert_string_equal(last, "]\n");
	assert_true(whole);
	traces_destroy(traces);
}

/** Its reader left: that is noticed by the next event, and its id is nobody's then. */
static void test_ends_itself(void **state)
{
	struct traces *traces = traces_create();
	bool whole = true;
	int fds[2], id;

	make_pipe(fds);
	id = start(traces, fds[1], TRACE_TEXT, &whole);
	close(fds[0]);
	while (traces_on(traces))
		tell(traces, 1, true);
	/* A device leaves it to others to close it. */
	assert_true(fcntl(fds[1], F_GETFD) >= 0);
	assert_int_equal(traces_stop(traces, id), -ENOENT);
	tell(traces, 1, false);
	assert_int_equal(fcntl(fds[1], F_GETFD), -1);
	assert_false(whole);
	traces_destroy(traces);
}

static void test_too_many(void **state)
{
	struct traces *traces = traces_create();
	int fds[2], ids[REPORT_TRACES_MAX], null;

	make_pipe(fds);
	for (int i = 0; i < REPORT_TRACES_MAX; i++) {
		ids[i] = start(traces, dup(fds[1]), TRACE_JSON, NULL);
		assert_true(ids[i] > 0);
	}
	null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	assert_int_equal(start(traces, null, TRACE_JSON, NULL), -EMFILE);
	assert_int_equal(fcntl(null, F_GETFD), -1);
	assert_int_equal(traces_stop(traces, ids[3]), 0);
	ids[3] = start(traces, dup(fds[1]), TRACE_JSON, NULL);
	assert_true(ids[3] > 0);
	/* Those that failed make room too. */
	close(fds[0]);
	while (traces_on(traces))
		tell(traces, 1, true);
	assert_true(start(traces, open("/dev/null", O_WRONLY | O_CLOEXEC), TRACE_JSON, NULL) > 0);
	traces_destroy(traces);
	close(fds[1]);
}

/* ---- all at once ---- */

struct crowd {
	struct traces *traces;
	atomic_bool stop;
};

static void *speak(void *arg)
{
	struct crowd *crowd = arg;

	for (long i = 0; !atomic_load(&crowd->stop); i++)
		tell(crowd->traces, i, i % 3 == 0);
	return NULL;
}

static void *read_all(void *arg)
{
	char last[4096];

	read_lines(*(int *)arg, last, sizeof(last));
	return NULL;
}

/** One that reads it, one that leaves, one that is deaf, while three threads speak. */
static void one_round(struct traces *traces, int round)
{
	pthread_t reader;
	bool whole = true;
	int fds[2], id;

	make_pipe(fds);
	id = start(traces, fds[1], (enum trace_format)(round % 3), &whole);
	assert_true(id > 0);
	if (round % 5) {
		assert_int_equal(pthread_create(&reader, NULL, read_all, &fds[0]), 0);
		usleep(2000);
		assert_int_equal(traces_stop(traces, id), 0);
		assert_int_equal(pthread_join(reader, NULL), 0);
	} else {
		close(fds[0]);
		while (traces_stop(traces, id) != -ENOENT)
			;
	}
}

static void test_crowd(void **state)
{
	struct crowd crowd = { .traces = traces_create() };
	pthread_t threads[3];
	int deaf[2];

	make_pipe(deaf);
	assert_true(start(crowd.traces, deaf[1], TRACE_JSON, NULL) > 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, speak, &crowd), 0);
	for (int i = 0; i < 100; i++)
		one_round(crowd.traces, i);
	atomic_store(&crowd.stop, true);
	for (int i = 0; i < 3; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	traces_destroy(crowd.traces);
	assert_int_equal(fcntl(deaf[1], F_GETFD), -1);
	close(deaf[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_start_stop),
		cmocka_unit_test(test_ends_itself),
		cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_crowd),
	};

	alarm(PATIENCE_S);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
