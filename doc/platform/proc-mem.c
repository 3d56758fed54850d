/* SPDX-License-Identifier: MIT */
/*
 * /proc/PID/mem belongs to the memory, not to the pid: opened before, it works when the program
 * makes itself non-dumpable, and gives 0 bytes once it has called exec or has ended.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "probe.h"

static char secret[] = "memory of the child";
static int to_child[2], from_child[2];

static void step(void)
{
	char c = 0;

	if (write(from_child[1], "", 1) != 1 || read(to_child[0], &c, 1) != 1)
		_exit(1);
}

static int body(void)
{
	strcpy(secret, "written by us");
	step();
	prctl(PR_SET_DUMPABLE, 0);
	step();
	/* The new program says that it runs, and waits. */
	dup2(to_child[0], 0);
	dup2(from_child[1], 1);
	execl("/bin/sh", "sh", "-c", "echo; read x", (char *)NULL);
	return 1;
}

static void next(bool go)
{
	char c;

	if (go)
		expect(write(to_child[1], "\n", 1) == 1, "continue the child");
	expect(read(from_child[0], &c, 1) == 1, "hear from the child");
}

int main(void)
{
	char path[64], buf[sizeof(secret)] = "";
	pid_t pid;
	int mem;

	expect(!pipe(to_child) && !pipe(from_child), "pipe");
	pid = run_child(body);
	next(false);
	snprintf(path, sizeof(path), "/proc/%d/mem", (int)pid);
	mem = open(path, O_RDWR | O_CLOEXEC);
	expect(mem >= 0, "open of /proc/PID/mem");
	next(true);
	expect(pread(mem, buf, sizeof(buf), (off_t)(uintptr_t)secret) == sizeof(buf), "read");
	expect(!strcmp(buf, "written by us"), "it is the child's memory, non-dumpable or not");
	expect(pwrite(mem, "X", 1, (off_t)(uintptr_t)secret) == 1, "write");
	next(true);
	expect(pread(mem, buf, 1, (off_t)(uintptr_t)secret) == 0, "0 bytes after exec");
	expect(pwrite(mem, "X", 1, (off_t)(uintptr_t)secret) == 0, "0 bytes written after exec");
	expect(write(to_child[1], "\n", 1) == 1, "end the child");
	wait_child(pid);
	expect(pread(mem, buf, 1, (off_t)(uintptr_t)secret) == 0, "0 bytes after exit");
	ok("/proc/PID/mem never reaches another program's memory");
}
