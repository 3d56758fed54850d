/* SPDX-License-Identifier: MIT */
/*
 * IN_CLOSE_WRITE on a re-opened memfd comes with its last release, not while a dup, a mapping or a
 * forked child still has it; and a read lease is refused (EAGAIN) as long, which confirms events
 * that may have coalesced.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <unistd.h>

#include "probe.h"

static int inotify, memfd, reader;

static int reopen(int flags)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", memfd);
	fd = open(path, flags | O_CLOEXEC);
	need(fd >= 0, "cannot re-open a memfd");
	return fd;
}

static bool event(void)
{
	struct pollfd pfd = { .fd = inotify, .events = POLLIN };
	char buf[512];

	return poll(&pfd, 1, 20) == 1 && read(inotify, buf, sizeof(buf)) > 0;
}

static bool released(void)
{
	if (fcntl(reader, F_SETLEASE, F_RDLCK)) {
		need(errno == EAGAIN, "cannot take a lease");
		return false;
	}
	fcntl(reader, F_SETLEASE, F_UNLCK);
	return true;
}

/* The child keeps its copy until the pipe is closed. */
static pid_t keeper(int go[2])
{
	pid_t pid = fork();
	char c;

	if (pid == 0) {
		close(go[1]);
		_exit(read(go[0], &c, 1) != 0);
	}
	close(go[0]);
	return pid;
}

static void run(void)
{
	int writer, copy, go[2] = { -1, -1 };
	char path[64];
	void *map;
	pid_t pid;

	/* The creator's own descriptor gives no events (pseudo files, since 6.14) and counts as a
	 * writer: only the re-opened file is watched, and what we keep is read-only. */
	copy = memfd_create("probe", MFD_CLOEXEC);
	need(copy >= 0 && !ftruncate(copy, 4096), "cannot make a memfd");
	memfd = copy;
	reader = reopen(O_RDONLY);
	memfd = reader;
	writer = reopen(O_RDWR);
	inotify = inotify_init1(IN_CLOEXEC);
	need(inotify >= 0, "cannot make an inotify instance");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", reader);
	need(inotify_add_watch(inotify, path, IN_CLOSE_WRITE) >= 0,
		"cannot watch a memfd (inotify)");
	close(copy);

	copy = dup(writer);
	map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, writer, 0);
	need(map != MAP_FAILED && !pipe(go), "cannot map a memfd");
	pid = keeper(go);
	close(writer);
	expect(!event() && !released(), "a file stays open as long as a dup of it");
	close(copy);
	expect(!event() && !released(), "a file stays open as long as a mapping of it");
	munmap(map, 4096);
	expect(!event() && !released(), "a file stays open as long as a child has it");
	close(go[1]);
	join_child(pid);
	expect(event(), "the last release of a memfd is an event");
	expect(released(), "a lease confirms the last release of a memfd");
	ok();
}

const struct probe probe_last_close = {
	.name = "last-close",
	.purpose = "the last release of a stand-in is seen (inotify), and confirmed by a lease",
	.run = run,
};
