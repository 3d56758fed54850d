/* SPDX-License-Identifier: MIT */
/*
 * The launcher without the rest: `boxed [--user NAME] [--report TEXT] [--nodes] -- PROG ARGS` runs
 * PROG in a box of a few entries, with a filter that notifies nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/bits.h"
#include "gate/launch.h"
#include "gate/serve.h"

/* The filter's stand-in: everything is allowed. */
int filter_install(unsigned fd_base, bool strict_pin, struct error *error)
{
	struct sock_filter allow[] = { BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW) };
	struct sock_fprog prog = { ARRAY_LEN(allow), allow };
	int fd = (int)syscall(
		SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &prog);

	(void)fd_base;
	return fd < 0 ? error_sys(error, errno, "cannot install the filter") : fd;
}

#define DEVICE "/sys/devices/pci0000:01/0000:01:00.0"

static struct tree_entry entries[] = {
	{ TREE_DIR, "/sys/bus/pci", "" },
	{ TREE_LINK, "/sys/bus/pci/devices/0000:01:00.0",
		"../../../devices/pci0000:01/0000:01:00.0" },
	{ TREE_FILE, DEVICE "/vendor", "0x8086\n", 7 },
	{ TREE_DIR, "/sys/kernel/iommu_groups", "" },
	{ TREE_DIR, "/sys/module/vfio", "" },
	{ TREE_DIR, "/dev/vfio", "" },
	{ TREE_NODE, "/dev/vfio/vfio", "" },
	{ TREE_NODE, "/dev/vfio/1", "" },
	{ TREE_HIDDEN, "/dev/zero", "" },
	{ TREE_DIR, TREE_REPORT_DIR, "" },
	{ TREE_FILE, TREE_REPORT_DIR "/last-refusal", "{}\n", 3 },
};

static struct tree tree = { .entries = entries, .n = ARRAY_LEN(entries) };

static void write_report(const struct launched *launched, const char *what)
{
	int fd = openat(launched->report_dir, "last-refusal", O_WRONLY | O_TRUNC | O_CLOEXEC);

	if (fd < 0 || write(fd, what, strlen(what)) < 0)
		perror("boxed: last-refusal");
	if (fd >= 0)
		close(fd);
}

static void print_nodes(void)
{
	for (size_t i = 0; i < tree.n; i++)
		if (entries[i].kind == TREE_NODE)
			fprintf(stderr, "%s %llu %llu\n", entries[i].path,
				(unsigned long long)entries[i].mnt_id,
				(unsigned long long)entries[i].ino);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "user", required_argument, NULL, 'u' },
		{ "report", required_argument, NULL, 'r' },
		{ "nodes", no_argument, NULL, 'n' },
		{ 0 },
	};
	struct launch_args args = { .tree = &tree, .fd_base = 960 };
	const char *what = NULL;
	struct launched launched;
	struct error error = { 0 };
	bool nodes = false;
	int c, status;

	while ((c = getopt_long(argc, argv, "+", options, NULL)) != -1) {
		if (c == 'u')
			args.user = optarg;
		else if (c == 'r')
			what = optarg;
		else if (c == 'n')
			nodes = true;
		else
			return 125;
	}
	args.argv = argv + optind;
	if (launch(&args, &launched, &error)) {
		fprintf(stderr, "boxed: %s\n", error.message);
		return 125;
	}
	if (what)
		write_report(&launched, what);
	if (nodes)
		print_nodes();
	status = launch_wait(&launched);
	launch_finish(&launched);
	return status;
}
