/* SPDX-License-Identifier: MIT */
/*
 * /proc/PID/mem belongs to the memory, not to the pid: opened before, it works when the program
 * makes itself non-dumpable, and gives 0 bytes once it has called exec or has ended.
 */
#include <stdint.h>
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
	try_namespaces();
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
		expect(write(to_child[1], "\n", 1) == 1, "the child goes on");
	expect(read(from_child[0], &c, 1) == 1, "the child lives");
}

static void run(void)
{
	char buf[sizeof(secret)] = "";
	pid_t pid;
	int mem;

	need(!pipe(to_child) && !pipe(from_child), "cannot make a pipe");
	pid = run_child(body);
	close(from_child[1]);
	next(false);
	mem = open_proc(pid, "mem");
	need(mem >= 0, "cannot open /proc/PID/mem of a child");
	next(true);
	need(pread(mem, buf, sizeof(buf), (off_t)(uintptr_t)secret) == sizeof(buf),
		"cannot read /proc/PID/mem of a child");
	expect(!strcmp(buf, "written by us"),
		"/proc/PID/mem is the child's memory, non-dumpable or not");
	need(pwrite(mem, "X", 1, (off_t)(uintptr_t)secret) == 1,
		"cannot write /proc/PID/mem of a child");
	next(true);
	expect(pread(mem, buf, 1, (off_t)(uintptr_t)secret) == 0,
		"/proc/PID/mem reads 0 bytes after exec");
	expect(pwrite(mem, "X", 1, (off_t)(uintptr_t)secret) == 0,
		"/proc/PID/mem writes 0 bytes after exec");
	expect(write(to_child[1], "\n", 1) == 1, "the child goes on");
	wait_child(pid);
	expect(pread(mem, buf, 1, (off_t)(uintptr_t)secret) == 0,
		"/proc/PID/mem reads 0 bytes after exit");
	ok();
}

const struct probe probe_proc_mem = {
	.name = "proc-mem",
	.purpose = "DMA reaches the program's memory, and after exec or exit it moves no byte",
	.run = run,
};
