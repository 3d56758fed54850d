/* SPDX-License-Identifier: MIT */
#include "control/session.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bits.h"
#include "base/clock.h"
#include "gate/report.h"

#define READ_BYTES 4096u

void session_begin(struct session *s, int fd)
{
	*s = (struct session){ .fd = fd, .active_ns = clock_ns() };
}

static void forget(struct session *s)
{
	close(s->fd);
	free(s->in);
	free(s->out);
	s->in = s->out = NULL;
	s->ending = false;
	s->fd = -1;
}

/** Gives the reader a while to take the rest; then it sees the end of the connection. */
static void *ender_main(void *arg)
{
	struct session *s = arg;

	report_trace_stop(s->report, s->trace);
	shutdown(s->fd, SHUT_RDWR);
	atomic_store(&s->ended, true);
	return NULL;
}

void session_end(struct session *s, const struct control_box *box)
{
	if (s->fd < 0 || s->ending)
		return;
	if (!s->trace) {
		forget(s);
		return;
	}
	s->report = serve_report(box->serve);
	s->ending = true;
	atomic_store(&s->ended, false);
	if (!pthread_create(&s->ender, NULL, ender_main, s))
		return;
	ender_main(s);
	forget(s);
}

void session_reap(struct session *s, bool wait)
{
	if (!s->ending || (!wait && !atomic_load(&s->ended)))
		return;
	pthread_join(s->ender, NULL);
	forget(s);
}

/* ---- what is sent ---- */

static bool has_output(const struct session *s)
{
	return s->out_at < s->out_len;
}

static void drop_output(struct session *s)
{
	free(s->out);
	s->out = NULL;
	s->out_at = s->out_len = 0;
}

/** Takes the object. */
static void answer(struct session *s, struct json_object *object)
{
	size_t len = 0;

	drop_output(s);
	s->answered = true;
	s->out = control_line(object, &len);
	if (s->out)
		s->out_len = len;
	else
		s->closing = true; /* no memory: the end of the connection says so */
}

/** As much as goes. False: nobody is there. */
static bool flush(struct session *s)
{
	while (has_output(s)) {
		ssize_t n = send(s->fd, s->out + s->out_at, s->out_len - s->out_at,
			MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN;
		s->out_at += (size_t)n;
		s->active_ns = clock_ns();
	}
	drop_output(s);
	return true;
}

void session_refuse(struct session *s, const struct control_problem *problem)
{
	answer(s, control_problem_json(problem));
	s->closing = true;
}

/* ---- what is asked ---- */

/** The line's length without its newline, or -1: none is complete. */
static ssize_t line_length(const struct session *s)
{
	const char *end = s->in_len ? memchr(s->in, '\n', s->in_len) : NULL;

	return end ? end - s->in : -1;
}

static void drop_line(struct session *s, size_t len)
{
	s->in_len -= len + 1;
	memmove(s->in, s->in + len + 1, s->in_len);
}

static struct json_object *trace_answer(bool on, enum trace_format format)
{
	static const char *const names[] = {
		[TRACE_TEXT] = "text", [TRACE_JSON] = "json", [TRACE_CHROME] = "chrome"
	};
	struct json_object *object = control_answer("trace");

	control_put_bool(object, "on", on);
	if (on)
		control_put_text(object, "format", names[format]);
	return object;
}

static bool may_trace(const struct session *s, const struct control_box *box, unsigned traces,
	struct control_problem *problem)
{
	if (!box->serve)
		return control_refuse(problem, "no-trace", "nothing is traced here");
	if (s->trace)
		return control_refuse(
			problem, "bad-request", "this connection has a trace, end it first");
	if (traces >= REPORT_TRACES_MAX)
		return control_refuse(problem, "too-many-traces",
			"%d traces are on already, as many as there can be", REPORT_TRACES_MAX);
	return true;
}

/**
 * A trace begins once its answer is written, since then its lines go to the socket from other threads;
 * and when it has been ended nothing follows but the end of the connection, which says so.
 */
static void do_trace(struct session *s, const struct control_box *box,
	const struct control_request *request, unsigned traces)
{
	struct control_problem problem = { 0 };

	if (!request->on) {
		s->closing = s->trace;
		if (!s->closing)
			answer(s, trace_answer(false, TRACE_TEXT));
		return;
	}
	if (!may_trace(s, box, traces, &problem)) {
		/* Not among the lines of a trace. */
		if (!s->trace)
			answer(s, control_problem_json(&problem));
		return;
	}
	s->trace_wanted = true;
	s->format = request->format;
	answer(s, trace_answer(true, s->format));
}

static void do_request(struct session *s, const struct control_box *box,
	const struct control_request *request, unsigned traces)
{
	static struct json_object *(*const tell[])(const struct control_box *box) = {
		[CONTROL_LIST] = control_list,
		[CONTROL_SHOW] = control_show,
		[CONTROL_STATS] = control_stats,
		[CONTROL_SNAPSHOT] = control_snapshot,
	};

	if (request->verb == CONTROL_TRACE)
		do_trace(s, box, request, traces);
	else if (s->trace)
		return; /* its lines are the trace's */
	else if (request->verb == CONTROL_WALK)
		answer(s, control_walk_answer(box, &request->walk));
	else
		answer(s, tell[request->verb](box));
}

static void do_line(struct session *s, const struct control_box *box, size_t len, unsigned traces)
{
	struct control_problem problem = { 0 };
	struct control_request request;

	if (control_parse(s->in, len, &request, &problem)) {
		do_request(s, box, &request, traces);
	} else if (s->trace) {
		s->closing = true;
	} else {
		answer(s, control_problem_json(&problem));
		s->closing |= problem.fatal;
	}
	drop_line(s, len);
}

/** False: it has gone, or there is no memory. */
static bool receive(struct session *s)
{
	size_t want = MIN(READ_BYTES, CONTROL_REQUEST_MAX + 1 - s->in_len);
	ssize_t n;

	if (s->in_size < s->in_len + want) {
		char *in = realloc(s->in, s->in_len + want);

		if (!in)
			return false;
		s->in = in;
		s->in_size = s->in_len + want;
	}
	n = recv(s->fd, s->in + s->in_len, want, MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	s->eof = n == 0;
	s->in_len += (size_t)n;
	s->active_ns = clock_ns();
	return true;
}

static void check_length(struct session *s)
{
	struct control_problem problem = { 0 };

	if (s->in_len <= CONTROL_REQUEST_MAX || line_length(s) >= 0)
		return;
	control_refuse(&problem, "too-long", "a request is at most %d bytes", CONTROL_REQUEST_MAX);
	session_refuse(s, &problem);
	s->in_len = 0;
}

/* ---- steps ---- */

short session_events(const struct session *s)
{
	if (s->ending)
		return 0;
	if (has_output(s))
		return POLLOUT;
	return s->eof || s->closing ? 0 : POLLIN;
}

bool session_ready(const struct session *s)
{
	return s->fd >= 0 && !s->ending && !has_output(s) && !s->closing &&
	       (s->trace_wanted || line_length(s) >= 0);
}

/** The trace writes to the same socket: whoever does not read it loses lines, and holds up nobody. */
static bool begin_trace(struct session *s, const struct control_box *box)
{
	int fd = fcntl(s->fd, F_DUPFD_CLOEXEC, 0);

	s->trace_wanted = false;
	if (fd < 0)
		return false;
	s->trace = report_trace_start(serve_report(box->serve), fd, s->format);
	if (s->trace > 0)
		return true;
	s->trace = 0;
	return false;
}

static bool is_over(const struct session *s)
{
	return !has_output(s) && (s->closing || (s->eof && !s->trace && line_length(s) < 0));
}

bool session_step(struct session *s, const struct control_box *box, short revents, unsigned traces)
{
	ssize_t len;

	if (revents & (POLLERR | POLLHUP | POLLNVAL) && (s->trace || !(revents & POLLIN)))
		return false;
	if (!flush(s))
		return false;
	if (!has_output(s) && s->trace_wanted && !begin_trace(s, box))
		return false;
	if (revents & POLLIN && !has_output(s) && !receive(s))
		return false;
	check_length(s);
	len = has_output(s) || s->closing ? -1 : line_length(s);
	if (len >= 0)
		do_line(s, box, (size_t)len, traces);
	return flush(s) && !is_over(s);
}
