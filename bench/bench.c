/* SPDX-License-Identifier: MIT */
/*
 * make bench: what the box costs, each figure beside a reference of the same run.
 *
 *	bench [--json FILE]
 *
 * The figures come from bench/inside, an unmodified VFIO program, in boxes of the nestbox that was
 * built beside it; the references from bench/bare.c, or from the same program outside a box.
 */
#include <err.h>
#include <getopt.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bare.h"
#include "boxes.h"
#include "table.h"

#define MIB (1024UL * 1024)

static char nestbox[PATH_MAX], inside[PATH_MAX];

enum {
	IOCTL_PLAIN,
	IOCTL_STRUCT,
	GETPPID,
	PREAD,
	IOCTL_OTHER,
	OPEN_CLOSE,
	DMA_DIRECT,
	DMA_PRIVATE,
	MAP_4K,
	MAP_2M,
	MAP_1G,
	IDLE,
	START_UP,
	START_UP_LEAST,
	RESIDENT,
	NEIGHBOURS,
	NEIGHBOURS_CPU,
	N_ROWS,
};

static struct row rows[N_ROWS] = {
	[IOCTL_PLAIN] = { "ioctl without argument", "ns", "bare notification round trip", LESS,
		1.7 },
	[IOCTL_STRUCT] = { "ioctl with a struct", "ns", "bare notification round trip", LESS, 2.2 },
	[GETPPID] = { "getppid in the box", "ns", "outside", LESS, 0 },
	[PREAD] = { "pread of a file in the box", "ns", "outside", LESS, 0 },
	[IOCTL_OTHER] = { "ioctl on a pipe in the box", "ns", "outside", LESS, 0 },
	[OPEN_CLOSE] = { "open and close in the box", "ns", "outside", LESS, 0 },
	[DMA_DIRECT] = { "DMA copy, shared memory", "GB/s", "memcpy, same buffers", MORE, 0.8 },
	[DMA_PRIVATE] = { "DMA copy, private memory", "GB/s", "process_vm_readv and _writev", MORE,
		0.8 },
	[MAP_4K] = { "map and unmap of 4 KiB", "ns", "two bare notification round trips", LESS, 0 },
	[MAP_2M] = { "map and unmap of 2 MiB", "ns", "two bare notification round trips", LESS, 0 },
	[MAP_1G] = { "map and unmap of 1 GiB", "ns", "two bare notification round trips", LESS, 0 },
	[START_UP] = { "start-up: nestbox run -- true", "ms", "bwrap -- true, own /dev and /proc",
		LESS, 3 },
	[START_UP_LEAST] = { "start-up: nestbox run -- true", "ms",
		"bwrap -- true, all of the host's", LESS, 0 },
	[RESIDENT] = { "resident memory of an idle box", "MiB", "8 MiB", LESS, 1 },
	[NEIGHBOURS] = { "DMA of 100 boxes, total", "GB/s", "one box", MORE, 0 },
	[NEIGHBOURS_CPU] = { "DMA of 100 boxes, total", "GB/s", "memcpy of 100 processes, total",
		MORE, 0 },
	[IDLE] = { "idle box, engine enabled", "cores", "one core", LESS, 0.02 },
};

static pid_t start(const char *what, int in_box, int out)
{
	pid_t pid = fork();

	if (pid < 0)
		err(1, "fork");
	if (pid)
		return pid;
	dup2(out, STDOUT_FILENO);
	if (in_box)
		execl(nestbox, "nestbox", "run", "--quiet", "--", inside, what, NULL);
	else
		execl(inside, inside, what, NULL);
	err(127, "%s", in_box ? nestbox : inside);
}

/* Run inside/what and take the n figures that it prints. */
static void figures(const char *what, int in_box, double *values, unsigned n)
{
	int pipes[2], status;
	FILE *stream;
	pid_t pid;

	if (pipe(pipes))
		err(1, "pipe");
	pid = start(what, in_box, pipes[1]);
	close(pipes[1]);
	stream = fdopen(pipes[0], "r");
	for (unsigned i = 0; i < n; i++)
		if (fscanf(stream, "%lf", &values[i]) != 1)
			errx(1, "%s: no figure", what);
	fclose(stream);
	if (waitpid(pid, &status, 0) != pid || status)
		errx(1, "%s: failed", what);
}

static void round_calls(void)
{
	double bare = bare_notification_ns(20000), box[4], out[4];

	figures("ioctl", 1, box, 2);
	row_add(&rows[IOCTL_PLAIN], box[0], bare);
	row_add(&rows[IOCTL_STRUCT], box[1], bare);
	figures("syscalls", 0, out, 4);
	figures("syscalls", 1, box, 4);
	for (unsigned i = 0; i < 4; i++)
		row_add(&rows[GETPPID + i], box[i], out[i]);
	figures("map", 1, box, 3);
	for (unsigned i = 0; i < 3; i++)
		row_add(&rows[MAP_4K + i], box[i], 2 * bare);
}

static void round_dma(void)
{
	double remote = bare_process_vm_rate(32 * MIB, MIB), rate[2];

	figures("dma-direct", 1, rate, 2);
	row_add(&rows[DMA_DIRECT], rate[0] / 1e9, rate[1] / 1e9);
	figures("dma-private", 1, rate, 2);
	row_add(&rows[DMA_PRIVATE], rate[0] / 1e9, remote / 1e9);
}

/* User and system time of a process, in seconds. */
static double cpu_seconds(pid_t pid)
{
	unsigned long user = 0, system = 0;
	char path[64], line[1024] = "", *after;
	FILE *stream;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	stream = fopen(path, "r");
	if (!stream || !fgets(line, sizeof(line), stream))
		err(1, "%s", path);
	fclose(stream);
	after = strrchr(line, ')');
	sscanf(after + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system);
	return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

/* From the end of the first second on, over two seconds. */
static void round_idle(void)
{
	pid_t pid = start("idle", 1, STDERR_FILENO);
	double before;
	int status;

	usleep(1300000);
	before = cpu_seconds(pid);
	usleep(2000000);
	row_add(&rows[IDLE], (cpu_seconds(pid) - before) / 2, 1);
	if (waitpid(pid, &status, 0) != pid || status)
		errx(1, "idle: failed");
}

static void round_boxes(void)
{
	char *box[] = { nestbox, "run", "--quiet", "--", "true", NULL };
	/* bwrap shows nothing of the host by itself. The first makes what a box has, the second least. */
	char *own[] = { "bwrap", "--bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "--",
		"true", NULL };
	char *least[] = { "bwrap", "--dev-bind", "/", "/", "--", "true", NULL };
	char *resting[] = { nestbox, "run", "--quiet", "--", inside, "rest", NULL };
	char *streaming[] = { nestbox, "run", "--quiet", "--", inside, "stream", NULL };
	char *copying[] = { inside, "stream-cpu", NULL };
	double all;

	row_add(&rows[START_UP], boxes_start_up_ms(box, 30), boxes_start_up_ms(own, 30));
	row_add(&rows[START_UP_LEAST], boxes_start_up_ms(box, 30), boxes_start_up_ms(least, 30));
	row_add(&rows[RESIDENT], boxes_resident_mib(resting), 8);
	all = boxes_sum(streaming, 100) / 1e9;
	row_add(&rows[NEIGHBOURS], all, boxes_sum(streaming, 1) / 1e9);
	row_add(&rows[NEIGHBOURS_CPU], all, boxes_sum(copying, 100) / 1e9);
}

static void find_programs(const char *self)
{
	char path[PATH_MAX], *folder;

	if (!realpath(self, path))
		err(1, "%s", self);
	folder = dirname(path);
	snprintf(inside, sizeof(inside), "%.4000s/inside", folder);
	snprintf(nestbox, sizeof(nestbox), "%.4000s/../nestbox", folder);
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "json", required_argument, NULL, 'j' }, { 0 } };
	const char *json = NULL;
	int missed = 0;

	for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		if (c != 'j')
			return 2;
		json = optarg;
	}
	find_programs("/proc/self/exe");
	for (unsigned round = 0; round < ROUNDS; round++) {
		fprintf(stderr, "bench: round %u of %u\n", round + 1, ROUNDS);
		round_calls();
		round_dma();
		round_idle();
		round_boxes();
	}
	table_print(rows, N_ROWS);
	for (unsigned i = 0; i < N_ROWS; i++)
		missed += !row_met(&rows[i]);
	if (json && table_write_json(rows, N_ROWS, json))
		return 1;
	return missed ? 3 : 0;
}
