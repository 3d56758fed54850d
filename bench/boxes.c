/* SPDX-License-Identifier: MIT */
#include "boxes.h"

#include <err.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bare.h"

extern char **environ;

struct run {
	pid_t pid;
	FILE *in, *out; /* its standard input and output */
};

static void run_start(struct run *run, char *const argv[])
{
	posix_spawn_file_actions_t actions;
	int in[2], out[2];

	if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC))
		err(1, "pipe");
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, in[0], STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
	if (posix_spawnp(&run->pid, argv[0], &actions, NULL, argv, environ))
		err(1, "%s", argv[0]);
	posix_spawn_file_actions_destroy(&actions);
	close(in[0]);
	close(out[1]);
	run->in = fdopen(in[1], "w");
	run->out = fdopen(out[0], "r");
	if (!run->in || !run->out)
		err(1, "fdopen");
}

static void run_hear(struct run *run, char *line, int size)
{
	if (!fgets(line, size, run->out))
		errx(1, "process %d said nothing", (int)run->pid);
}

static void run_say(struct run *run)
{
	fputs("go\n", run->in);
	fflush(run->in);
}

static void run_end(struct run *run)
{
	int status;

	fclose(run->in);
	fclose(run->out);
	if (waitpid(run->pid, &status, 0) != run->pid || status)
		errx(1, "process %d failed", (int)run->pid);
}

double boxes_start_up_ms(char *const argv[], unsigned times)
{
	double least = 0;

	for (unsigned i = 0; i < times; i++) {
		double start = now_ns(), ms;
		struct run run;

		run_start(&run, argv);
		run_end(&run);
		ms = (now_ns() - start) * 1e-6;
		least = !i || ms < least ? ms : least;
	}
	return least;
}

/* ---- memory ---- */

static double resident_mib(pid_t pid)
{
	unsigned long pages = 0;
	char path[64];
	FILE *stream;

	snprintf(path, sizeof(path), "/proc/%d/statm", (int)pid);
	stream = fopen(path, "r");
	if (!stream || fscanf(stream, "%*u %lu", &pages) != 1)
		err(1, "%s", path);
	fclose(stream);
	return (double)pages * (double)sysconf(_SC_PAGESIZE) / (1 << 20);
}

/* A supervisor and its children: the program is none of these. */
static double resident_mib_of_box(pid_t pid)
{
	double sum = resident_mib(pid);
	char path[64];
	FILE *stream;
	int child;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)pid, (int)pid);
	stream = fopen(path, "r");
	if (!stream)
		err(1, "%s", path);
	while (fscanf(stream, "%d", &child) == 1)
		sum += resident_mib(child);
	fclose(stream);
	return sum;
}

double boxes_resident_mib(char *const argv[])
{
	struct run run;
	char line[64];
	double mib;

	run_start(&run, argv);
	run_hear(&run, line, sizeof(line));
	mib = resident_mib_of_box(run.pid);
	run_end(&run);
	return mib;
}

/* ---- side by side ---- */

double boxes_sum(char *const argv[], unsigned n)
{
	struct run *runs = calloc(n, sizeof(*runs));
	double sum = 0;
	char line[64];

	if (!runs)
		err(1, "calloc");
	for (unsigned i = 0; i < n; i++)
		run_start(&runs[i], argv);
	for (unsigned i = 0; i < n; i++)
		run_hear(&runs[i], line, sizeof(line));
	for (unsigned i = 0; i < n; i++)
		run_say(&runs[i]);
	for (unsigned i = 0; i < n; i++) {
		run_hear(&runs[i], line, sizeof(line));
		sum += atof(line);
	}
	for (unsigned i = 0; i < n; i++)
		run_end(&runs[i]);
	free(runs);
	return sum;
}
