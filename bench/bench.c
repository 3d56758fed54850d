/* SPDX-License-Identifier: MIT */
/*
 * make bench: what the box costs, each figure beside a reference of the same run.
 *
 *	bench [--json FILE]
 *
 * The figures come from bench/inside, an unmodified VFIO program, in boxes of the nestbox that was
 * built beside it, or from bench/storm, which has the handlers in its own process; the references from
 * bench/bare.c, or from the same program outside a box.
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
#include "guest.h"
#include "nested.h"
#include "smmu.h"
#include "table.h"

#define MIB	   (1024UL * 1024)
#define BOX_ROUNDS 5 /* these take their time */

static char build[PATH_MAX], nestbox[PATH_MAX], inside[PATH_MAX], storm[PATH_MAX];

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
	STORM_SEQUENTIAL,
	STORM_RANDOM,
	STORM_BOX_FEW,
	STORM_BOX_MANY,
	CONFIG_READS,
	REG_MAPPED,
	REG_TRAPPED,
	INVALIDATE,
	UNMAP_IDLE,
	STRICT_MUNMAP,
	GUEST_PRIVATE,
	GUEST_SHARED,
	IDLE,
	START_UP,
	START_UP_LEAST,
	RESIDENT,
	NEIGHBOURS,
	NEIGHBOURS_CPU,
	N_BOX_ROWS,
	N_SMMU_ROWS = N_BOX_ROWS + SMMU_ROWS, /* then those of the SMMUv3 model */
	N_ROWS = N_SMMU_ROWS + NESTED_ROWS,   /* then those of nesting */
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
	[STORM_SEQUENTIAL] = { "map, unmap 4 KiB, 60000 live, in order", "ns",
		"10 live, in this process", LESS, 1.5 },
	[STORM_RANDOM] = { "map, unmap 4 KiB, 60000 live, random", "ns", "10 live, in this process",
		LESS, 1.5 },
	[STORM_BOX_FEW] = { "map, unmap 4 KiB, 10 live, in a box", "ns",
		"two bare notification round trips", LESS, 0 },
	[STORM_BOX_MANY] = { "map, unmap 4 KiB, 60000 live, in a box", "ns",
		"two bare notification round trips", LESS, 0 },
	[CONFIG_READS] = { "configuration space, pread of 4 bytes", "1/s",
		"bare notification round trips", MORE, 0 },
	[REG_MAPPED] = { "register read, mapped BAR", "ns", "register read, trapped", LESS, 0 },
	[REG_TRAPPED] = { "register read, trapped", "ns", "bare notification round trip", LESS, 0 },
	[INVALIDATE] = { "invalidate a page, nesting, in a box", "ns",
		"bare notification round trip", LESS, 0 },
	[UNMAP_IDLE] = { "unmap 4 KiB, nesting, idle device, box", "ns", "no device is open", LESS,
		1.2 },
	[STRICT_MUNMAP] = { "mmap and munmap with --strict-pin", "ns", "in a box without", LESS,
		0 },
	[GUEST_PRIVATE] = { "copy for a Linux guest, private memory", "MB/s",
		"memcpy of the guest, same run", MORE, 0 },
	[GUEST_SHARED] = { "copy for a Linux guest, shared memory", "MB/s",
		"memcpy of the guest, same run", MORE, 0 },
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

/* Where a program of ours runs. */
enum where {
	OUTSIDE,
	IN_BOX,
	IN_STRICT_BOX,
};

static pid_t start(const char *what, enum where where, int out)
{
	pid_t pid = fork();

	if (pid < 0)
		err(1, "fork");
	if (pid)
		return pid;
	dup2(out, STDOUT_FILENO);
	if (where == OUTSIDE)
		execl(inside, inside, what, NULL);
	else if (where == IN_BOX)
		execl(nestbox, "nestbox", "run", "--quiet", "--", inside, what, NULL);
	else
		execl(nestbox, "nestbox", "run", "--quiet", "--strict-pin", "--", inside, what,
			NULL);
	err(127, "%s", where == OUTSIDE ? inside : nestbox);
}

/* The n figures that a process prints to a pipe. */
static void take_figures(pid_t pid, int from, const char *what, double *values, unsigned n)
{
	FILE *stream = fdopen(from, "r");
	int status;

	for (unsigned i = 0; i < n; i++)
		if (fscanf(stream, "%lf", &values[i]) != 1)
			errx(1, "%s: no figure", what);
	fclose(stream);
	if (waitpid(pid, &status, 0) != pid || status)
		errx(1, "%s: failed", what);
}

/* Run inside/what and take the n figures that it prints. */
static void figures(const char *what, enum where where, double *values, unsigned n)
{
	int pipes[2];
	pid_t pid;

	if (pipe(pipes))
		err(1, "pipe");
	pid = start(what, where, pipes[1]);
	close(pipes[1]);
	take_figures(pid, pipes[0], what, values, n);
}

#define STORM_CYCLES "200000" /* a million in all rounds */

static void storm_figures(double values[4])
{
	int pipes[2];
	pid_t pid;

	if (pipe(pipes))
		err(1, "pipe");
	pid = fork();
	if (pid < 0)
		err(1, "fork");
	if (!pid) {
		dup2(pipes[1], STDOUT_FILENO);
		execl(storm, storm, STORM_CYCLES, NULL);
		err(127, "%s", storm);
	}
	close(pipes[1]);
	take_figures(pid, pipes[0], "storm", values, 4);
}

static void round_calls(void)
{
	double bare = bare_notification_ns(20000), box[4], out[4];

	figures("ioctl", IN_BOX, box, 2);
	row_add(&rows[IOCTL_PLAIN], box[0], bare);
	row_add(&rows[IOCTL_STRUCT], box[1], bare);
	figures("syscalls", OUTSIDE, out, 4);
	figures("syscalls", IN_BOX, box, 4);
	for (unsigned i = 0; i < 4; i++)
		row_add(&rows[GETPPID + i], box[i], out[i]);
	figures("map", IN_BOX, box, 3);
	for (unsigned i = 0; i < 3; i++)
		row_add(&rows[MAP_4K + i], box[i], 2 * bare);
}

static void round_maps(void)
{
	double bare = bare_notification_ns(20000), values[4], without;

	storm_figures(values);
	row_add(&rows[STORM_SEQUENTIAL], values[1], values[0]);
	row_add(&rows[STORM_RANDOM], values[3], values[2]);
	figures("storm", IN_BOX, values, 2);
	row_add(&rows[STORM_BOX_FEW], values[0], 2 * bare);
	row_add(&rows[STORM_BOX_MANY], values[1], 2 * bare);
	figures("registers", IN_BOX, values, 3);
	row_add(&rows[CONFIG_READS], 1e9 / values[0], 1e9 / bare);
	row_add(&rows[REG_TRAPPED], values[1], bare);
	row_add(&rows[REG_MAPPED], values[2], values[1]);
	figures("invalidate", IN_BOX, values, 1);
	row_add(&rows[INVALIDATE], values[0], bare);
	figures("unmap", IN_BOX, values, 2);
	row_add(&rows[UNMAP_IDLE], values[1], values[0]);
	figures("munmap", IN_BOX, &without, 1);
	figures("munmap", IN_STRICT_BOX, values, 1);
	row_add(&rows[STRICT_MUNMAP], values[0], without);
}

static void round_dma(void)
{
	double remote = bare_process_vm_rate(32 * MIB, MIB), rate[2];

	figures("dma-direct", IN_BOX, rate, 2);
	row_add(&rows[DMA_DIRECT], rate[0] / 1e9, rate[1] / 1e9);
	figures("dma-private", IN_BOX, rate, 2);
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
	pid_t pid = start("idle", IN_BOX, STDERR_FILENO);
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

/* Once: a guest takes a while to boot. */
static void round_guest(void)
{
	struct guest_rates private, shared;

	fprintf(stderr, "bench: a Linux guest\n");
	if (!guest_measure(build, &private, &shared))
		return;
	row_add(&rows[GUEST_PRIVATE], private.engine, private.memcpy);
	row_add(&rows[GUEST_SHARED], shared.engine, shared.memcpy);
}

static void find_programs(const char *self)
{
	char path[PATH_MAX], *folder;

	if (!realpath(self, path))
		err(1, "%s", self);
	folder = dirname(path);
	snprintf(inside, sizeof(inside), "%.4000s/inside", folder);
	snprintf(storm, sizeof(storm), "%.4000s/storm", folder);
	snprintf(nestbox, sizeof(nestbox), "%.4000s/../nestbox", folder);
	snprintf(build, sizeof(build), "%s", dirname(folder));
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
	for (unsigned round = 0; round < BOX_ROUNDS; round++) {
		fprintf(stderr, "bench: round %u of %u\n", round + 1, BOX_ROUNDS);
		round_calls();
		round_maps();
		round_dma();
		round_idle();
		round_boxes();
	}
	round_guest();
	memcpy(&rows[N_BOX_ROWS], smmu_rows, sizeof(smmu_rows));
	fprintf(stderr, "bench: the SMMUv3\n");
	for (unsigned round = 0; round < ROUNDS; round++)
		smmu_round(&rows[N_BOX_ROWS]);
	memcpy(&rows[N_SMMU_ROWS], nested_rows, sizeof(nested_rows));
	fprintf(stderr, "bench: nesting\n");
	for (unsigned round = 0; round < ROUNDS; round++)
		nested_round(&rows[N_SMMU_ROWS]);
	table_print(rows, N_ROWS);
	for (unsigned i = 0; i < N_ROWS; i++)
		missed += !row_met(&rows[i]);
	if (json && table_write_json(rows, N_ROWS, json))
		return 1;
	return missed ? 3 : 0;
}
