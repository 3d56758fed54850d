/* SPDX-License-Identifier: MIT */
/* Copies of a descriptor, here and in other processes: each is the same file, and holds it. */
#include "rig.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static long copy_dup(int fd)
{
	return dup(fd);
}
static long copy_dup2(int fd)
{
	return dup2(fd, 17);
}
static long copy_dup3(int fd)
{
	return dup3(fd, 18, O_CLOEXEC);
}
static long copy_dupfd(int fd)
{
	return fcntl(fd, F_DUPFD, 20);
}
static long copy_dupfd_cloexec(int fd)
{
	return fcntl(fd, F_DUPFD_CLOEXEC, 21);
}

static long copy_over(int fd)
{
	int victim = open(CONTAINER, O_RDWR);

	return dup2(fd, victim);
}

static long copy_over_itself(int fd)
{
	return dup2(fd, fd) == fd ? dup(fd) : -1;
}

static long pass(int fd, bool close_first)
{
	int pair[2], got;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return -errno;
	got = send_one(pair[0], fd);
	if (close_first) /* now only the message holds it */
		close(fd);
	if (got || (close_first && open_group() != -EBUSY))
		return -EIO;
	got = receive_one(pair[1]);
	close(pair[0]);
	close(pair[1]);
	return got;
}

static long copy_message(int fd)
{
	return pass(fd, false);
}

static const struct copy_row {
	const char *name;
	op_fn *copy;
	int cloexec;
} copies[] = {
	{ "dup", copy_dup, 0 },
	{ "dup2", copy_dup2, 0 },
	{ "dup2 over another of ours", copy_over, 0 },
	{ "dup2 over itself", copy_over_itself, 0 },
	{ "dup3", copy_dup3, FD_CLOEXEC },
	{ "F_DUPFD", copy_dupfd, 0 },
	{ "F_DUPFD_CLOEXEC", copy_dupfd_cloexec, FD_CLOEXEC },
	{ "SCM_RIGHTS", copy_message, 0 },
};

/** The copy is the same file, and holds it when the first is closed. */
static void run_copy(const struct copy_row *row, enum kind kind)
{
	struct rig rig;
	long got = rig_open(&rig), copy;

	check(!got, row->name, got, 0);
	if (got)
		return rig_close(&rig);
	copy = row->copy(rig.fd[kind]);
	check(copy >= 0 && alive(kind, (int)copy), row->name, copy, 0);
	check(fcntl((int)copy, F_GETFD) == row->cloexec, row->name, 0, row->cloexec);
	close(rig.fd[kind]);
	rig.fd[kind] = -1;
	check(alive(kind, (int)copy), row->name, -EIO, 0);
	rig_close(&rig);
	if (kind == G || kind == D) {
		got = open_group();
		check(got == -EBUSY, "the copy holds the group", got, -EBUSY);
		if (got >= 0)
			close((int)got);
	}
	close((int)copy);
	got = open_group();
	check(got >= 0, "the copy is closed", got, 0);
	close((int)got);
}

/** A file that only a message holds is open. */
static void run_in_flight(void)
{
	int fd = open_group();
	long got = pass(fd, true);

	check(got >= 0 && alive(G, (int)got), "a group in a message", got, 0);
	close((int)got);
	got = open_group();
	check(got >= 0, "the group from the message is closed", got, 0);
	close((int)got);
}

/* ---- other processes ---- */

static bool child_says(pid_t pid)
{
	int status;

	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) && !WEXITSTATUS(status);
}

/** In a new program: is the descriptor one of that kind? */
static bool is_after_exec(enum kind kind, int fd)
{
	pid_t pid = fork();
	char k[12], n[12];

	if (!pid) {
		snprintf(k, sizeof(k), "%d", (int)kind);
		snprintf(n, sizeof(n), "%d", fd);
		execl(self, self, "is", k, n, (char *)NULL);
		_exit(2);
	}
	return child_says(pid);
}

static void run_exec(enum kind kind)
{
	struct rig rig;
	int fd;

	if (rig_open(&rig))
		return check(false, "rig", 0, 0);
	fd = rig.fd[kind];
	fcntl(fd, F_SETFD, 0);
	check(is_after_exec(kind, fd), "after exec", kind, 1);
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	check(!is_after_exec(kind, fd), "after exec, close on exec", kind, 0);
	check(alive(kind, fd), "exec of another process", kind, 1);
	close_range((unsigned)fd, (unsigned)fd, 0);
	check(!alive(kind, fd) && errno == EBADF, "close_range", kind, 0);
	rig_close(&rig);
}

/** A program that was started before, with its own memory, is sent a file, and holds it alone. */
static void run_message(enum kind kind)
{
	struct rig rig;
	int pair[2];
	char byte = 0, k[12];
	long got;
	pid_t pid;

	if (rig_open(&rig) || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return check(false, "rig", errno, 0);
	snprintf(k, sizeof(k), "%d", (int)kind);
	pid = fork();
	if (!pid) {
		dup2(pair[1], 3);
		close_range(4, ~0U, 0);
		execl(self, self, "receive", k, (char *)NULL);
		_exit(2);
	}
	close(pair[1]);
	check(!send_one(pair[0], rig.fd[kind]), "SCM_RIGHTS to a program", errno, 0);
	rig_close(&rig);
	check(read(pair[0], &byte, 1) == 1, "the program has it", errno, 0);
	got = open_group();
	check(kind < G ? got >= 0 : got == -EBUSY, "the program holds the group", got, -EBUSY);
	if (got >= 0)
		close((int)got);
	check(write(pair[0], &byte, 1) == 1 && child_says(pid), "it is that file", kind, 0);
	close(pair[0]);
}

int receive(enum kind kind)
{
	int fd = receive_one(3);
	char byte = 0;

	return !alive(kind, fd) || write(3, &byte, 1) != 1 || read(3, &byte, 1) != 1 ||
	       !alive(kind, fd);
}

static void run_close_range(void)
{
	int a = open(CONTAINER, O_RDWR), b = open(CONTAINER, O_RDWR), c = dup(a);

	check(!close_range(3, ~0U, CLOSE_RANGE_CLOEXEC), "close_range, CLOEXEC", errno, 0);
	check(alive(C, a) && alive(C, b) && alive(C, c), "they stay open", 0, 1);
	check(fcntl(a, F_GETFD) == FD_CLOEXEC, "and close on exec", 0, FD_CLOEXEC);
	check(!is_after_exec(C, a) && !is_after_exec(C, c), "and close on exec", 0, 0);
	check(!close_range(3, ~0U, 0), "close_range", errno, 0);
	check(!alive(C, a) && !alive(C, b) && !alive(C, c), "close_range closed them", 0, 0);
}

/** A forked child's copy holds the group after the parent's is closed. */
static void run_fork(void)
{
	int group = open_group(), pair[2];
	char byte = 0;
	pid_t pid;
	long got;

	check(!socketpair(AF_UNIX, SOCK_STREAM, 0, pair), "socketpair", errno, 0);
	pid = fork();
	if (!pid) {
		close(pair[0]);
		_exit(read(pair[1], &byte, 1) == 1 && alive(G, group) ? 0 : 1);
	}
	close(pair[1]);
	close(group);
	got = open_group();
	check(got == -EBUSY, "the child holds the group", got, -EBUSY);
	check(write(pair[0], &byte, 1) == 1 && child_says(pid), "the child's copy", 0, 0);
	got = open_group();
	check(got >= 0, "the child has ended", got, 0);
	close((int)got);
	close(pair[0]);
}

void run_copies(void)
{
	for (int kind = 0; kind < N_KINDS; kind++) {
		for (size_t i = 0; i < sizeof(copies) / sizeof(copies[0]); i++)
			run_copy(&copies[i], (enum kind)kind);
		run_exec((enum kind)kind);
		run_message((enum kind)kind);
	}
	run_in_flight();
	run_fork();
	run_close_range();
}
