/* SPDX-License-Identifier: MIT */
#include "gate/procfs.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"

/* Linux 6.9: O_EXCL, a pidfd of any thread. */
#define PIDFD_THREAD_ O_EXCL

/* Of the file system that is mounted on /proc; -1: it is ours, else how many namespaces ours is
 * inside its. */
static int depth = -1;
static pthread_once_t depth_once = PTHREAD_ONCE_INIT;

/** The rest of the line "KEY:\t..." of a file below /proc. */
static bool read_line(const char *path, const char *key, char *out, size_t size)
{
	AUTO_FREE char *line = NULL;
	size_t n = 0, len = strlen(key);
	bool found = false;
	FILE *f = fopen(path, "re");

	while (f && !found && getline(&line, &n, f) > 0) {
		found = !strncmp(line, key, len) && line[len] == ':';
		if (found)
			snprintf(out, size, "%s", line + len + 1);
	}
	if (f)
		fclose(f);
	return found;
}

/** The n-th number of a list, from 0; 0: it has fewer. */
static pid_t nth(const char *list, int n)
{
	char *end;
	long value = 0;

	for (int i = 0; i <= n; i++) {
		value = strtol(list, &end, 10);
		if (end == list)
			return 0;
		list = end;
	}
	return (pid_t)value;
}

/* NSpid lists our numbers from the namespace of that /proc down to our own. */
static void find_depth(void)
{
	char list[256], self[32] = "";

	if (readlink("/proc/self", self, sizeof(self) - 1) <= 0 || atoi(self) == getpid())
		return;
	if (!read_line("/proc/self/status", "NSpid", list, sizeof(list)))
		return;
	for (depth = 0; nth(list, depth + 1); depth++)
		;
}

static bool is_foreign(void)
{
	pthread_once(&depth_once, find_depth);
	return depth >= 0;
}

static int open_pidfd(pid_t tid)
{
	int fd = (int)syscall(SYS_pidfd_open, tid, PIDFD_THREAD_);

	return fd >= 0 || errno != EINVAL ? fd : (int)syscall(SYS_pidfd_open, tid, 0);
}

int procfs_check(struct error *error)
{
	struct statvfs fs;
	char self[32];

	if (readlink("/proc/self", self, sizeof(self)) <= 0)
		return error_set(error, ENOENT,
			"/proc is not mounted here, or is of other processes than ours "
			"(bubblewrap: --proc /proc)");
	if (!statvfs("/proc", &fs) && fs.f_flag & ST_RDONLY)
		return error_set(error, EROFS,
			"/proc is read-only here: no program's memory can be written (bubblewrap: "
			"--proc /proc)");
	if (is_foreign()) {
		AUTO_FD int fd = (int)syscall(SYS_pidfd_open, getpid(), PIDFD_THREAD_);

		if (fd < 0)
			return error_set(error, ENOSYS,
				"/proc has other process numbers than we have (bubblewrap: --proc "
				"/proc; or Linux 6.9)");
	}
	return 0;
}

pid_t procfs_number(pid_t tid)
{
	AUTO_FD int fd = -1;
	char path[48], number[32];

	if (!is_foreign())
		return tid;
	fd = open_pidfd(tid);
	if (fd < 0)
		return 0;
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	/* -1: it has ended; 0: it is not in that namespace. */
	return read_line(path, "Pid", number, sizeof(number)) && atoi(number) > 0 ? atoi(number)
										  : 0;
}

int procfs_open(pid_t tid, const char *name, int flags)
{
	pid_t number = procfs_number(tid);
	char path[64];
	int fd;

	if (!number)
		return -ESRCH;
	snprintf(path, sizeof(path), "/proc/%d/%s", number, name);
	fd = open(path, flags | O_CLOEXEC);
	return fd >= 0 ? fd : -errno;
}

FILE *procfs_read(pid_t tid, const char *name)
{
	int fd = procfs_open(tid, name, O_RDONLY);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "r");

	if (!f && fd >= 0)
		close(fd);
	return f;
}

static pid_t read_tgid(pid_t tid, const char *key, int n)
{
	char path[48], list[256];

	snprintf(path, sizeof(path), "/proc/%d/status", procfs_number(tid));
	return read_line(path, key, list, sizeof(list)) ? nth(list, n) : 0;
}

pid_t procfs_tgid(pid_t tid)
{
	return is_foreign() ? read_tgid(tid, "NStgid", depth) : read_tgid(tid, "Tgid", 0);
}

pid_t procfs_foreign_tgid(pid_t tid)
{
	return read_tgid(tid, "Tgid", 0);
}

/* A directory of /proc is a pidfd too: no way back to our numbers is needed. */
void procfs_kill(pid_t number, int sig)
{
	AUTO_FD int fd = -1;
	char path[32];

	if (!is_foreign()) {
		kill(number, sig);
		return;
	}
	snprintf(path, sizeof(path), "/proc/%d", number);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0)
		syscall(SYS_pidfd_send_signal, fd, sig, NULL, 0);
}
