/* SPDX-License-Identifier: MIT */
/*
 * A container's /proc, /sys and /dev: a /proc of its own process namespace with parts hidden and
 * parts read-only, a read-only /sys, and a /dev on a tmpfs with few nodes. The rest of the file
 * system stays the host's, where an engine would have put an image.
 */
#include "confine.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define QUIET	     (MS_NOSUID | MS_NOEXEC | MS_NODEV)

static const char *const masked[] = { "/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys",
	"/proc/latency_stats", "/proc/scsi", "/proc/timer_list", "/proc/sched_debug",
	"/sys/firmware", "/sys/devices/virtual/powercap" };
static const char *const read_only[] = { "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys",
	"/proc/sysrq-trigger" };

static const struct {
	const char *name;
	unsigned minor;
} nodes[] = { { "null", 3 }, { "zero", 5 }, { "full", 7 }, { "random", 8 }, { "urandom", 9 } };

static const struct {
	const char *name, *target;
} links[] = { { "fd", "/proc/self/fd" }, { "stdin", "/proc/self/fd/0" },
	{ "stdout", "/proc/self/fd/1" }, { "stderr", "/proc/self/fd/2" }, { "ptmx", "pts/ptmx" } };

/** A test that cannot run here says why. */
static void must(int result, const char *what)
{
	if (result) {
		printf("skip: this machine does not let us mount as a container engine does: %s: "
		       "%s\n",
			what, strerror(errno));
		exit(77);
	}
}

static void mask(const char *path)
{
	struct stat st;

	if (stat(path, &st))
		return;
	if (S_ISDIR(st.st_mode))
		must(mount("tmpfs", path, "tmpfs", MS_RDONLY, "size=0k"), path);
	else
		must(mount("/dev/null", path, NULL, MS_BIND, NULL), path);
}

static void make_read_only(const char *path)
{
	if (access(path, F_OK))
		return;
	must(mount(path, path, NULL, MS_BIND | MS_REC, NULL), path);
	must(mount(NULL, path, NULL, MS_BIND | MS_REMOUNT | MS_RDONLY | QUIET, NULL), path);
}

/** Ours to make where we are root of the machine; else the host's, bound. */
static void make_node(int host_dev, const char *name, unsigned major, unsigned minor)
{
	char path[PATH_MAX], from[PATH_MAX];

	snprintf(path, sizeof(path), "/dev/%s", name);
	if (!mknod(path, S_IFCHR | 0666, makedev(major, minor)) && !chmod(path, 0666))
		return;
	snprintf(from, sizeof(from), "/proc/self/fd/%d/%s", host_dev, name);
	close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666));
	must(mount(from, path, NULL, MS_BIND, NULL), path);
}

static void make_dev(void)
{
	int host = open("/dev", O_PATH | O_DIRECTORY | O_CLOEXEC);

	must(mount("tmpfs", "/dev", "tmpfs", MS_NOSUID | MS_STRICTATIME, "mode=755,size=65536k"),
		"/dev");
	for (unsigned i = 0; i < ARRAY_LEN(nodes); i++)
		make_node(host, nodes[i].name, 1, nodes[i].minor);
	make_node(host, "tty", 5, 0);
	for (unsigned i = 0; i < ARRAY_LEN(links); i++) {
		char path[PATH_MAX];

		snprintf(path, sizeof(path), "/dev/%s", links[i].name);
		must(symlink(links[i].target, path), path);
	}
	must(mkdir("/dev/pts", 0755) || mkdir("/dev/shm", 0777) || mkdir("/dev/mqueue", 0777),
		"/dev/pts");
	must(mount("devpts", "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC,
		     "newinstance,ptmxmode=0666,mode=0620"),
		"/dev/pts");
	must(mount("shm", "/dev/shm", "tmpfs", QUIET, "mode=1777,size=65536k"), "/dev/shm");
	must(mount("mqueue", "/dev/mqueue", "mqueue", QUIET, NULL), "/dev/mqueue");
	close(host);
}

/* Where a sysfs of our own is refused (we are in a container already), the one that is there. */
static void make_sys(void)
{
	if (mount("sysfs", "/sys", "sysfs", MS_RDONLY | QUIET, NULL)) {
		must(mount("/sys", "/sys", NULL, MS_BIND | MS_REC, NULL), "/sys");
		must(mount(NULL, "/sys", NULL, MS_BIND | MS_REMOUNT | MS_RDONLY | QUIET, NULL),
			"/sys");
	}
	/* Engines show the container's control groups; where that is not possible it stays empty. */
	(void)!mount("cgroup", "/sys/fs/cgroup", "cgroup2", MS_RDONLY | QUIET, NULL);
}

void mounts_make(const struct confinement *c)
{
	must(mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL), "/");
	/* Before /proc: what is bound is found through the old one. */
	make_dev();
	must(mount("proc", "/proc", "proc", QUIET, c->hidepid ? "hidepid=2" : NULL), "/proc");
	make_sys();
	for (unsigned i = 0; i < ARRAY_LEN(masked); i++)
		mask(masked[i]);
	for (unsigned i = 0; i < ARRAY_LEN(read_only); i++)
		make_read_only(read_only[i]);
}
