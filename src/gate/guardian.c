/* SPDX-License-Identifier: MIT */
#include "gate/guardian.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bits.h"
#include "base/cleanup.h"
#include "gate/procfs.h"
#include "gate/wire.h"

/* ThreadSanitizer's fork starts a thread of its own in the child; but only a process with one
 * thread can make a user namespace. There are no other threads yet whose locks fork would take. */
#ifdef __SANITIZE_THREAD__
#define fork _Fork
#endif

/**
 * The parent of pid by /proc/PID/stat, or -1; all by the numbers of /proc. The command's name may
 * hold anything, ')' too.
 */
static pid_t parent_of(pid_t pid)
{
	char path[32], buf[512], *end;
	AUTO_FD int fd = -1;
	ssize_t n;
	int ppid;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, buf, sizeof(buf) - 1);
	if (n <= 0)
		return -1;
	buf[n] = '\0';
	end = buf + n;
	while (end > buf && *end != ')')
		end--;
	return sscanf(end, ") %*c %d", &ppid) == 1 ? ppid : -1;
}

/** Where the kernel lists no children (CONFIG_PROC_CHILDREN): look at everybody. */
static void kill_by_parent(void)
{
	DIR *proc = opendir("/proc");
	pid_t self = procfs_number(getpid());
	struct dirent *entry;

	if (!proc)
		return;
	while ((entry = readdir(proc))) {
		pid_t pid = atoi(entry->d_name);

		if (pid > 0 && parent_of(pid) == self)
			procfs_kill(pid, SIGKILL);
	}
	closedir(proc);
}

/** SIGKILL to every child there is now. A child stays ours until we reap it: no pid is reused. */
static void kill_each_child(void)
{
	FILE *list = fopen("/proc/thread-self/children", "re");
	int pid;

	if (!list) {
		kill_by_parent();
		return;
	}
	while (fscanf(list, "%d", &pid) == 1)
		procfs_kill(pid, SIGKILL);
	fclose(list);
}

void guardian_kill_children(void)
{
	pid_t pid;

	do {
		kill_each_child();
		/* Wait for one, then take all that have ended, then look for whom they left to us.
		 */
		pid = waitpid(-1, NULL, __WALL);
		while (pid > 0 && (pid = waitpid(-1, NULL, __WALL | WNOHANG)) > 0)
			;
	} while (pid >= 0 || errno == EINTR);
}

static void report(int sock, enum guardian_news news, int value)
{
	struct guardian_report message = { .news = news, .value = value };
	struct iovec iov = { &message, sizeof(message) };

	wire_send(sock, &iov, 1, NULL, 0);
}

/** Reap what has ended. False once there is no child any more. */
static bool reap(int sock, pid_t program)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, __WALL | WNOHANG | WUNTRACED)) > 0)
		if (pid == program)
			report(sock, WIFSTOPPED(status) ? GUARDIAN_STOPPED : GUARDIAN_ENDED,
				status);
	return pid == 0;
}

static void watch(int sock, int children, pid_t program)
{
	struct pollfd fds[] = {
		{ .fd = sock, .events = POLLIN },
		{ .fd = children, .events = POLLIN },
	};
	struct signalfd_siginfo info;

	while (reap(sock, program)) {
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			break;
		if (fds[0].revents) /* nobody ever sends: it hung up */
			break;
		if (fds[1].revents && read(children, &info, sizeof(info)) < 0)
			break;
	}
	guardian_kill_children();
}

/**
 * Keep nothing of the supervisor's or the program's but these (ascending, after which -1 may come): a
 * pipe they close must be closed.
 */
static void close_all_but(const int *keep, unsigned n)
{
	unsigned from = 0;

	for (unsigned i = 0; i < n && keep[i] >= 0; i++) {
		unsigned kept = (unsigned)keep[i];

		if (kept > from)
			syscall(SYS_close_range, from, kept - 1, 0);
		from = kept + 1;
	}
	syscall(SYS_close_range, from, ~0u, 0);
}

static int ascending(const void *a, const void *b)
{
	unsigned x = (unsigned)*(const int *)a, y = (unsigned)*(const int *)b; /* -1 is last */

	return (x > y) - (x < y);
}

static void guard(int sock, void (*body)(void *), void *ctx, const struct guardian_will *will)
{
	int keep[] = { sock, -1, will && will->run ? will->fd : -1 };
	sigset_t all;
	int children;
	pid_t program;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	children = signalfd(-1, &all, SFD_CLOEXEC);
	program = children < 0 ? -1 : fork();
	if (program < 0)
		_exit(1);
	if (program == 0) {
		body(ctx);
		_exit(125);
	}
	prctl(PR_SET_NAME, "nestbox-guard");
	setsid();
	keep[1] = children;
	qsort(keep, ARRAY_LEN(keep), sizeof(*keep), ascending);
	close_all_but(keep, ARRAY_LEN(keep));
	if (chdir("/")) /* pin no file system */
		_exit(1);
	report(sock, GUARDIAN_STARTED, program);
	watch(sock, children, program);
	if (will && will->run)
		will->run(will->ctx);
	_exit(0);
}

int guardian_start(struct guardian *guardian, void (*body)(void *ctx), void *ctx,
	const struct guardian_will *will)
{
	int pair[2], err = wire_pair(pair);

	if (err)
		return err;
	guardian->pid = fork();
	if (guardian->pid < 0) {
		err = -errno;
		close(pair[0]);
		close(pair[1]);
		return err;
	}
	if (guardian->pid == 0) {
		close(pair[0]);
		guard(pair[1], body, ctx, will);
	}
	close(pair[1]);
	guardian->sock = pair[0];
	return 0;
}

bool guardian_receive(struct guardian *guardian, struct guardian_report *report)
{
	struct iovec iov = { report, sizeof(*report) };

	return wire_recv(guardian->sock, &iov, 1, NULL, 0) == (ssize_t)sizeof(*report);
}

void guardian_stop(struct guardian *guardian)
{
	int status = 0;

	if (guardian->pid <= 0)
		return;
	close(guardian->sock);
	while (waitpid(guardian->pid, &status, 0) < 0 && errno == EINTR)
		;
	/* Had somebody killed the guardian, its orphans are ours by now. Otherwise children of ours
	 * were there before the box (`sleep 9 & exec nestbox`) and are none of our business. */
	if (WIFSIGNALED(status))
		guardian_kill_children();
	guardian->pid = 0;
	guardian->sock = -1;
}
