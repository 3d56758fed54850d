/* SPDX-License-Identifier: MIT */
/*
 * Programs that stand still in the middle of calls, with a device of theirs: stopped by a signal, by
 * a tracer; a parent in vfork; callers that die while they wait. Others go on, their memory can be
 * reached, and who kills them gets their group.
 */
#include "party.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/vfio.h>

static void check(bool ok, const char *what)
{
	if (!ok)
		errx(1, "%s (errno %d)", what, errno);
}

static unsigned random_us(void)
{
	static unsigned seed = 1;

	seed = seed * 1103515245 + 12345;
	return seed / 65536 % 2000;
}

/* ---- what stands still ---- */

static volatile unsigned *rounds; /* shared: of whoever is to be stopped */

static void *set_irqs(void *arg)
{
	struct engine *engine = arg;

	for (;;)
		if (engine_set_irq(engine, -1) || engine_set_irq(engine, engine->irq))
			err(1, "SET_IRQS");
}

/** All kinds of calls, for ever: copies in and out, waits for DMA, interrupts being changed. */
static void keep_calling(void)
{
	struct engine engine;
	struct vfio_device_info info = { .argsz = sizeof(info) };
	char *memory =
		mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pthread_t thread;

	engine_open(&engine, "1", "0000:01:00.0");
	check(!pthread_create(&thread, NULL, set_irqs, &engine), "pthread_create");
	for (;; ++*rounds) {
		check(!engine_map(&engine, memory, 65536, 2 * IOVA), "map");
		engine_start(&engine, 2 * IOVA, IOVA + ENGINE_DONE, 4096);
		check(engine_wait(&engine), "copy");
		check(!ioctl(engine.device, VFIO_DEVICE_GET_INFO, &info), "GET_INFO");
		check(!engine_unmap(&engine, 2 * IOVA, 65536), "unmap");
	}
}

static pid_t start_caller(void)
{
	pid_t pid;

	*rounds = 0;
	pid = fork();
	check(pid >= 0, "fork");
	if (!pid)
		keep_calling();
	until(*rounds > 3, "for calls of the process that will be stopped");
	return pid;
}

/** Killed where it stands; its group is free again. */
static void end_caller(pid_t pid)
{
	struct engine engine;
	int status;

	kill(pid, SIGKILL);
	do
		check(waitpid(pid, &status, 0) == pid, "waitpid");
	while (!WIFSIGNALED(status));
	engine_open(&engine, "1", "0000:01:00.0");
	engine_close(&engine);
}

/* ---- by a signal, by a tracer ---- */

static void stopped_by_signal(void)
{
	pid_t pid = start_caller();
	int status;

	for (unsigned i = 0; i < 30; i++) {
		unsigned before = *rounds;

		usleep(random_us());
		kill(pid, SIGSTOP);
		check(waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status), "stop");
		others_go_on("a stopped process");
		if (i == 29)
			break;
		kill(pid, SIGCONT);
		until(*rounds > before + 1, "for a process that continues");
	}
	end_caller(pid);
}

static void stopped_by_tracer(void)
{
	pid_t pid = start_caller();
	int status;

	if (ptrace(PTRACE_SEIZE, pid, 0, 0)) {
		warn("no tracing here");
		end_caller(pid);
		return;
	}
	for (unsigned i = 0; i < 30; i++) {
		usleep(random_us());
		check(!ptrace(PTRACE_INTERRUPT, pid, 0, 0), "PTRACE_INTERRUPT");
		check(waitpid(pid, &status, __WALL) == pid && WIFSTOPPED(status), "trace stop");
		others_go_on("a traced process");
		if (i < 29)
			check(!ptrace(PTRACE_CONT, pid, 0, 0), "PTRACE_CONT");
	}
	end_caller(pid);
}

/* ---- its memory meanwhile ---- */

/** The device belongs to both; what it copies is the stopped one's. */
static void memory_of_the_stopped(void)
{
	struct engine engine;
	char *memory = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int status;
	pid_t pid;

	engine_open(&engine, "1", "0000:01:00.0");
	pid = fork();
	if (!pid) {
		strcpy(memory, "of a process that is stopped");
		_exit(engine_map(&engine, memory, 8192, 2 * IOVA)
				? 1
				: raise(SIGSTOP) || strcmp(memory + 4096, "for it"));
	}
	check(waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status), "stop");
	engine_start(&engine, 2 * IOVA, IOVA + ENGINE_DONE, 64);
	check(engine_wait(&engine), "DMA from a stopped process");
	check(!strcmp((char *)engine.memory + ENGINE_DONE, "of a process that is stopped"), "data");
	strcpy((char *)engine.memory + ENGINE_DONE, "for it");
	engine_start(&engine, IOVA + ENGINE_DONE, 2 * IOVA + 4096, 64);
	check(engine_wait(&engine), "DMA to a stopped process");
	kill(pid, SIGCONT);
	check(waitpid(pid, &status, 0) == pid && !status, "what the stopped one found");
	engine_close(&engine);
}

/* ---- vfork ---- */

/** The parent stands still until the child, in the same memory, has done all this. */
static void vfork_parent(void)
{
	static struct engine engine; /* shared, since the memory is */
	static volatile bool ok;
	int status;
	pid_t pid = vfork();

	if (!pid) {
		engine_open(&engine, "1", "0000:01:00.0");
		strcpy((char *)engine.memory + ENGINE_DONE, "by the child");
		engine_start(&engine, IOVA + ENGINE_DONE, IOVA + ENGINE_DONE + 4096, 64);
		ok = engine_wait(&engine);
		others_go_on("a parent in vfork");
		_exit(0);
	}
	check(waitpid(pid, &status, 0) == pid && !status && ok, "a child of vfork");
	check(!strcmp((char *)engine.memory + ENGINE_DONE + 4096, "by the child"), "its DMA");
	/* The mapping is of this memory, not of the child: it goes on. */
	if (engine.memory) {
		munmap((void *)engine.bar, 0x1000);
		munmap(engine.memory, ENGINE_BYTES);
	}
}

/** As vfork_parent, but the child execs, and what it execs takes its time. */
static void vfork_exec(void)
{
	int status;
	pid_t pid = vfork();

	if (!pid) {
		int fd = open("/dev/vfio/vfio", O_RDWR);

		execl("/bin/sh", "sh", "-c", "sleep 0.2; : <>/dev/vfio/vfio", (char *)NULL);
		_exit(fd < 0);
	}
	others_go_on("a child that execs");
	check(waitpid(pid, &status, 0) == pid && !status, "the child that execs");
}

/* ---- dying ---- */

#define CALLERS 6

/** All of them want the one container at all times: most wait for it when they are killed. */
static pid_t start_mapper(struct engine *engine, unsigned i)
{
	pid_t pid = fork();
	char *memory;

	check(pid >= 0, "fork");
	if (pid)
		return pid;
	memory = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (;; ++*rounds) {
		/* Who was killed may have left a mapping there. */
		engine_unmap(engine, (2 + i) * IOVA, 65536);
		check(!engine_map(engine, memory, 65536, (2 + i) * IOVA), "map");
	}
}

static void killed_while_waiting(void)
{
	struct engine engine;
	pid_t pids[CALLERS];
	int status;

	engine_open(&engine, "1", "0000:01:00.0");
	for (unsigned i = 0; i < CALLERS; i++)
		pids[i] = start_mapper(&engine, i);
	for (unsigned i = 0; i < 120; i++) {
		unsigned before = *rounds, victim = i % CALLERS;

		usleep(random_us());
		kill(pids[victim], SIGKILL);
		check(waitpid(pids[victim], &status, 0) == pids[victim] && WIFSIGNALED(status),
			"kill");
		pids[victim] = start_mapper(&engine, victim);
		until(*rounds != before, "for those who live");
	}
	others_go_on("callers that die");
	for (unsigned i = 0; i < CALLERS; i++) {
		kill(pids[i], SIGKILL);
		waitpid(pids[i], &status, 0);
	}
	engine_start(&engine, IOVA + ENGINE_DONE, IOVA + ENGINE_DONE + 4096, 64);
	check(engine_wait(&engine), "a copy after all that");
	engine_close(&engine);
}

int main(void)
{
	rounds = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	others_start();
	stopped_by_signal();
	stopped_by_tracer();
	memory_of_the_stopped();
	vfork_parent();
	vfork_exec();
	killed_while_waiting();
	others_stop();
	return 0;
}
