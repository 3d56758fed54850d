/* SPDX-License-Identifier: MIT */
/* Numbers and limits, what is inherited, and what leaves the box. */
#include "rig.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char buf[8];

unsigned soft_limit(void)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	return limit.rlim_cur > INT_MAX ? INT_MAX : (unsigned)limit.rlim_cur;
}

/** As many as the limit lets: then EMFILE, each of them works, and all can be closed one by one. */
static void run_many(void)
{
	static int fds[2000];
	unsigned n = 0, i, limit = soft_limit();

	while (n < 200 && (fds[n] = open(CONTAINER, O_RDWR)) >= 0)
		n++;
	check(n == 200 || errno == EMFILE, "as many as may be", errno, EMFILE);
	check(n >= (limit < 240 ? limit - 24 : 200), "as many as may be", n, limit - 24);
	for (i = 0; i < n; i++)
		check(alive(C, fds[i]) && (unsigned)fds[i] < limit, "one of many", fds[i], limit);
	/* The first are below what select can take, where the limit is above it. */
	for (i = 0; i < 60 && i < n; i++)
		check(fds[i] < FD_SETSIZE, "one of the first", fds[i], FD_SETSIZE);
	/* As programs do that know no close_range. */
	for (i = 3; i < (limit < 4096 ? limit : 4096); i++)
		close((int)i);
	n = (unsigned)open(CONTAINER, O_RDWR);
	check(alive(C, (int)n), "after closing all", n, 0);
	close((int)n);
}

/** The program's own files at the numbers that ours have. */
static void run_foreign(void)
{
	unsigned limit = soft_limit(), top = limit < FD_SETSIZE ? limit : FD_SETSIZE, i;
	int pair[2], fd;
	char byte = 'x';
	struct stat st;

	check(!pipe(pair), "pipe", errno, 0);
	for (i = top - top / 16; i < top; i++)
		check(dup2(pair[i & 1], (int)i) == (int)i, "dup2 to our numbers", errno, 0);
	check(write((int)(top - 1), &byte, 1) == 1 && read((int)(top - 2), &byte, 1) == 1,
		"a pipe at our numbers", errno, 0);
	check(!fstat((int)(top - 1), &st) && S_ISFIFO(st.st_mode), "a pipe's fstat", 0, 0);
	check(lseek((int)(top - 1), 0, SEEK_SET) == -1 && errno == ESPIPE, "its lseek", errno, 0);
	fd = open(CONTAINER, O_RDWR);
	check(fd >= 0 && alive(C, fd), "a container nevertheless", fd, 0);
	check(write((int)(top - 1), &byte, 1) == 1, "the pipe is still there", errno, 0);
	close_range(3, ~0U, 0);
}

static void set_limit(unsigned soft)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = soft;
	check(!setrlimit(RLIMIT_NOFILE, &limit), "setrlimit", errno, 0);
}

/** Limits that change while the program runs. */
static void run_limits(void)
{
	unsigned had = soft_limit();
	int before = open(CONTAINER, O_RDWR), low, none;

	set_limit(12);
	low = open(CONTAINER, O_RDWR);
	check(low >= 0 && low < 12 && alive(C, low), "a low limit", low, 12);
	check(alive(C, before), "from before the low limit", before, 0);
	set_limit((unsigned)low);
	none = open(CONTAINER, O_RDWR);
	check(none < 0 && errno == EMFILE, "no number left", none, -EMFILE);
	set_limit(had);
	none = open(CONTAINER, O_RDWR);
	check(alive(C, none), "the limit raised again", none, 0);
	close(none);
	close(low);
	close(before);
}

void run_numbers(void)
{
	run_many();
	run_foreign();
	run_limits();
}

/* ---- no descriptor but the program's ---- */

static bool is_listed(int fd, int n, char *const *list)
{
	for (int i = 0; i < n; i++)
		if (atoi(list[i]) == fd)
			return true;
	return false;
}

/** Whether exactly the listed ones are open. */
int run_inherited(int n, char *const *list)
{
	int limit = (int)soft_limit();

	for (int fd = 0; fd < (limit < 4096 ? limit : 4096); fd++) {
		bool open = fcntl(fd, F_GETFD) >= 0;

		check(open == is_listed(fd, n, list), "descriptor is open", fd, fd);
	}
	/* The last one is a pipe with a byte in it. */
	if (n > 3)
		check(read(atoi(list[n - 1]), buf, 2) == 1, "an inherited pipe", errno, 0);
	return failures != 0;
}

#define MAX_ARGS 64

/** Run a command with further arguments. */
static int run_command(char *const *command, char *const *more)
{
	char *argv[MAX_ARGS];
	int n = 0;

	while (*command && n < MAX_ARGS - 1)
		argv[n++] = *command++;
	while (more && *more && n < MAX_ARGS - 1)
		argv[n++] = *more++;
	argv[n] = NULL;
	if (argv[0])
		execvp(argv[0], argv);
	return 127;
}

int spawn(char *const *command)
{
	char *more[] = { "0", "1", "2", "19", "46", "63", "40", NULL };
	int pair[2];

	close_range(3, ~0U, 0);
	if (pipe(pair) || write(pair[1], "x", 1) != 1 || dup2(open("/", O_RDONLY), 19) < 0 ||
		dup2(eventfd(0, 0), 46) < 0 || dup2(socket(AF_UNIX, SOCK_STREAM, 0), 63) < 0 ||
		dup2(pair[0], 40) < 0)
		return 99;
	close_range(3, 18, 0);
	if (soft_limit() > 100) { /* where there are such numbers */
		more[3] = "100";
		dup2(19, 100);
		close(19);
	}
	return run_command(command, more);
}

/* ---- descriptors sent out of the box ---- */

/** In the box, with a socket to the outside at 3: give group and device away. */
int send_out(void)
{
	struct rig rig;
	char byte;
	long got = rig_open(&rig);

	check(!got, "rig", got, 0);
	check(!send_one(3, rig.fd[G]) && !send_one(3, rig.fd[D]), "sending out", errno, 0);
	rig_close(&rig);
	got = open_group();
	check(got == -EBUSY, "what is outside holds the group", got, -EBUSY);
	check(write(3, "c", 1) == 1 && read(3, &byte, 1) == 1, "outside", errno, 0);
	got = open_group();
	check(got >= 0, "it is closed outside", got, 0);
	return failures != 0;
}

/** Outside nobody answers for it: no ioctl, but the device's memory is there. */
int outer(char *const *command)
{
	int pair[2], group, device;
	uint64_t bar = UINT64_C(8) << 40;
	int status;
	char byte;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return 99;
	pid = fork();
	if (!pid) {
		dup2(pair[1], 3);
		return run_command(command, NULL);
	}
	close(pair[1]);
	group = receive_one(pair[0]);
	device = receive_one(pair[0]);
	check(group >= 0 && !alive(G, group) && errno == ENOTTY, "a group outside", errno, ENOTTY);
	check(device >= 0 && !alive(D, device) && errno == ENOTTY, "a device outside", errno,
		ENOTTY);
	check(!mmap_at(device, PROT_READ, MAP_SHARED, 4096, (int64_t)bar), "its BAR", 0, 0);
	check(read(pair[0], &byte, 1) == 1, "the box", errno, 0);
	close(group);
	close(device);
	check(write(pair[0], "d", 1) == 1 && waitpid(pid, &status, 0) == pid && !status, "the box",
		errno, 0);
	return failures != 0;
}
