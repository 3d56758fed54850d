/* SPDX-License-Identifier: MIT */
/*
 * What programs hold and never let go: processes with an open container each, mappings of private
 * memory. The supervisor's memory is bounded, and the others go on.
 * usage: memory [PROCESSES [MAPPINGS]]
 */
#include "party.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/vfio.h>

#define PAGE 4096UL

static void check(bool ok, const char *what)
{
	if (!ok)
		errx(1, "%s (errno %d)", what, errno);
}

static void bounded(const char *what, unsigned n, unsigned long before, unsigned long kib_each)
{
	unsigned long now = supervisor_rss();

	printf("%u %s: supervisor %lu KiB before, %lu KiB with them\n", n, what, before, now);
	check(now < 2 * before + 4096 + n * kib_each, what);
}

static void processes(unsigned n)
{
	unsigned long before = supervisor_rss();
	pid_t *pids = calloc(n, sizeof(*pids));
	int ready[2], go[2], status;
	char byte;

	check(!pipe(ready) && !pipe(go), "pipe");
	for (unsigned i = 0; i < n; i++) {
		pids[i] = fork();
		check(pids[i] >= 0, "fork");
		if (pids[i])
			continue;
		close(go[1]);
		if (open("/dev/vfio/vfio", O_RDWR) < 0 || write(ready[1], "", 1) != 1)
			_exit(1);
		_exit(read(go[0], &byte, 1) != 0);
	}
	for (unsigned i = 0; i < n; i++)
		check(read(ready[0], &byte, 1) == 1, "a process");
	others_go_on("processes that hold a container each");
	bounded("processes", n, before, 8);
	close(go[1]);
	for (unsigned i = 0; i < n; i++)
		check(waitpid(pids[i], &status, 0) == pids[i] && !status, "a process");
	free(pids);
}

static void mappings(unsigned n)
{
	struct engine engine;
	unsigned long before;
	char *memory = mmap(NULL, n * PAGE, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	engine_open(&engine, "1", "0000:01:00.0");
	before = supervisor_rss();
	for (unsigned i = 0; i < n; i++)
		check(!engine_map(&engine, memory + i * PAGE, PAGE, 2 * IOVA + 2 * i * PAGE),
			"map");
	others_go_on("mappings");
	bounded("mappings", n, before, 4);
	for (unsigned i = 0; i < n; i++)
		check(!engine_unmap(&engine, 2 * IOVA + 2 * i * PAGE, PAGE), "unmap");
	engine_close(&engine);
	munmap(memory, n * PAGE);
}

/** nestbox keeps some descriptors for each open file of the box. */
static unsigned as_allowed(unsigned n)
{
	struct rlimit limit;

	check(!getrlimit(RLIMIT_NOFILE, &limit), "getrlimit");
	return limit.rlim_max / 8 < n ? (unsigned)limit.rlim_max / 8 : n;
}

int main(int argc, char **argv)
{
	others_start();
	processes(as_allowed(argc > 1 ? (unsigned)atoi(argv[1]) : 1000));
	mappings(argc > 2 ? (unsigned)atoi(argv[2]) : 10000);
	others_stop();
	return 0;
}
