/* SPDX-License-Identifier: MIT */
/*
 *   caller --- warden --- probe --- its children
 *
 * The warden is a subreaper, so that what a probe leaves behind becomes its child and is killed,
 * whatever session it made; the caller's own children are none of our business. The caller reads
 * what the probe prints until the warden has ended, which closes the second of two pipes: the first
 * may still be held by a process that cannot be killed at once.
 */
#include "doctor/run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"

/* The warden's exit status beside the probe's own, and 128 + n for a signal. */
#define EXIT_UNSTARTED 125
#define EXIT_HUNG      126

/* ---- the probe ---- */

static void be_probe(const struct probe *probe, int out)
{
	const struct rlimit none = { 0 };
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	sigset_t set;

	sigemptyset(&set);
	sigprocmask(SIG_SETMASK, &set, NULL);
	setrlimit(RLIMIT_CORE, &none); /* it may crash; that is no news for the host */
	if (null >= 0)
		dup2(null, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	dup2(out, STDERR_FILENO);
	probe->run();
	_exit(LACK_BROKEN);
}

/* ---- the warden ---- */

/** SIGKILL to every child there is now. A child stays ours until we reap it: no pid is reused. */
static bool kill_each_child(void)
{
	FILE *list = NULL;
	int pid;

	/* In a /proc of outside the numbers would be those of others. */
	if (number_in_proc(getpid()) == getpid())
		list = fopen("/proc/thread-self/children", "re");
	if (!list)
		return false;
	while (fscanf(list, "%d", &pid) == 1)
		kill(pid, SIGKILL);
	fclose(list);
	return true;
}

/** As each dies, its own children become ours. Where the kernel lists no children, they stay. */
static void kill_children(pid_t probe)
{
	kill(probe, SIGKILL);
	while (kill_each_child() && (waitpid(-1, NULL, __WALL) > 0 || errno == EINTR))
		;
}

static void subtract(struct timespec *left, const struct timespec *start, unsigned limit_ms)
{
	struct timespec now;
	long long ns;

	clock_gettime(CLOCK_MONOTONIC, &now);
	ns = limit_ms * 1000000ll - (now.tv_sec - start->tv_sec) * 1000000000ll -
	     (now.tv_nsec - start->tv_nsec);
	ns = ns > 0 ? ns : 0;
	*left = (struct timespec){ ns / 1000000000, ns % 1000000000 };
}

static int shell_status(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/** The probe's exit status, 128 + n for a signal; SIGCHLD is blocked. */
static int wait_limited(pid_t pid, unsigned limit_ms)
{
	struct timespec start, left;
	int status;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	clock_gettime(CLOCK_MONOTONIC, &start);
	do {
		if (waitpid(pid, &status, WNOHANG) == pid)
			return shell_status(status);
		subtract(&left, &start, limit_ms);
	} while (sigtimedwait(&set, NULL, &left) >= 0 || errno == EINTR);
	return EXIT_HUNG;
}

static void be_warden(const struct probe *probe, unsigned limit_ms, int out, int life)
{
	int status = EXIT_UNSTARTED;
	sigset_t set;
	pid_t pid;

	prctl(PR_SET_CHILD_SUBREAPER, 1);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	pid = fork();
	if (pid == 0) {
		close(life);
		be_probe(probe, out);
	}
	if (pid > 0) {
		status = wait_limited(pid, limit_ms);
		kill_children(pid);
	} else {
		dprintf(out, "cannot fork: %s\n", strerror(errno));
	}
	_exit(status);
}

/* ---- the caller ---- */

/** Keep the first line; the rest is read and dropped, so that no writer waits. False: the end. */
static bool read_some(int from, struct run_result *result)
{
	char buf[4096];
	ssize_t n = read(from, buf, sizeof(buf));
	size_t len = strlen(result->said), room = sizeof(result->said) - 1 - len;

	if (n <= 0)
		return n < 0 && errno == EINTR;
	if (!memchr(result->said, '\n', len))
		strncat(result->said, buf, (size_t)n < room ? (size_t)n : room);
	return true;
}

static void listen_to(int out, int life, struct run_result *result)
{
	struct pollfd fds[] = { { .fd = out, .events = POLLIN }, { .fd = life, .events = POLLIN } };

	fcntl(out, F_SETFL, O_NONBLOCK);
	while (!fds[1].revents) {
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			break;
		if (fds[0].revents && !read_some(out, result))
			fds[0].fd = -1; /* closed by the probe; its end is still to come */
	}
	while (fds[0].fd >= 0 && read_some(out, result))
		;
	result->said[strcspn(result->said, "\n")] = '\0';
}

static void take_status(int status, struct run_result *result)
{
	if (!WIFEXITED(status) || WEXITSTATUS(status) == EXIT_UNSTARTED)
		result->end = RUN_UNSTARTED;
	else if (WEXITSTATUS(status) == EXIT_HUNG)
		result->end = RUN_HUNG;
	else if (WEXITSTATUS(status) > 128) {
		result->end = RUN_KILLED;
		result->signal = WEXITSTATUS(status) - 128;
	} else {
		result->end = RUN_ENDED;
		result->lack = (enum lack)WEXITSTATUS(status);
	}
}

static void unstarted(struct run_result *result, const char *what)
{
	result->end = RUN_UNSTARTED;
	snprintf(result->said, sizeof(result->said), "%s: %s", what, strerror(errno));
}

static void run_warden(const struct probe *probe, unsigned limit_ms, int out[2], int life[2],
	struct run_result *result)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0)
		be_warden(probe, limit_ms, out[1], life[1]);
	close(out[1]);
	close(life[1]);
	out[1] = life[1] = -1;
	if (pid < 0) {
		unstarted(result, "cannot fork");
		return;
	}
	listen_to(out[0], life[0], result);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	take_status(status, result);
}

static bool make_pipe(int out[2])
{
	return !pipe2(out, O_CLOEXEC);
}

static void close_pipe(int ends[2])
{
	cleanup_fd(&ends[0]);
	cleanup_fd(&ends[1]);
}

void probe_run(const struct probe *probe, unsigned limit_ms, struct run_result *result)
{
	/* Inherited SIG_IGN would have the kernel reap the warden, and us never learn its status. */
	struct sigaction dfl = { .sa_handler = SIG_DFL }, old;
	int out[2] = { -1, -1 }, life[2] = { -1, -1 };

	*result = (struct run_result){ .end = RUN_UNSTARTED };
	sigaction(SIGCHLD, &dfl, &old);
	if (make_pipe(out) && make_pipe(life))
		run_warden(probe, limit_ms, out, life, result);
	else
		unstarted(result, "cannot make a pipe");
	close_pipe(out);
	close_pipe(life);
	sigaction(SIGCHLD, &old, NULL);
}
