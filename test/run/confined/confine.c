/* SPDX-License-Identifier: MIT */
/*
 * confine PROFILE [OPTIONS] -- PROG ARGS: run a program as a container engine would, with that
 * engine's system calls, capabilities, namespaces and mounts (confine.h).
 *
 *   --rootless             the engine of an ordinary user: in a user namespace (implied for those)
 *   --user UID             the container's user; default 0
 *   --cap-add NAME         as Docker's
 *   --seccomp-unconfined   Docker's --security-opt seccomp=unconfined
 *   --no-new-privs         Docker's --security-opt no-new-privileges
 *   --hidepid              /proc mounted with hidepid=2
 *   --deny CALL=ERRNO      one more system call that is denied; procmap_query is an ioctl
 */
#include "confine.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/capability.h>

#define NAMESPACES (CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS)

/* ---- options ---- */

enum {
	OPT_ROOTLESS = 0x100,
	OPT_USER,
	OPT_CAP,
	OPT_UNCONFINED,
	OPT_NNP,
	OPT_HIDEPID,
	OPT_DENY
};

static const struct option options[] = {
	{ "rootless", no_argument, NULL, OPT_ROOTLESS },
	{ "user", required_argument, NULL, OPT_USER },
	{ "cap-add", required_argument, NULL, OPT_CAP },
	{ "seccomp-unconfined", no_argument, NULL, OPT_UNCONFINED },
	{ "no-new-privs", no_argument, NULL, OPT_NNP },
	{ "hidepid", no_argument, NULL, OPT_HIDEPID },
	{ "deny", required_argument, NULL, OPT_DENY },
	{ 0 },
};

static void add_cap(struct confinement *c, const char *name)
{
	uint64_t cap = profile_cap(name);

	if (!cap)
		errx(1, "--cap-add: unknown capability %s", name);
	c->cap_add |= cap;
}

static void add_denied(struct confinement *c, const char *option)
{
	if (c->n_denied == MAX_DENIED)
		errx(1, "--deny: at most %d", MAX_DENIED);
	c->denied[c->n_denied++] = option;
}

static void take_option(struct confinement *c, int opt)
{
	switch (opt) {
	case OPT_ROOTLESS:
		c->rootless = true;
		break;
	case OPT_USER:
		c->user = (unsigned)strtoul(optarg, NULL, 10);
		break;
	case OPT_CAP:
		add_cap(c, optarg);
		break;
	case OPT_UNCONFINED:
		c->unconfined = true;
		break;
	case OPT_NNP:
		c->no_new_privs = true;
		break;
	case OPT_HIDEPID:
		c->hidepid = true;
		break;
	case OPT_DENY:
		add_denied(c, optarg);
		break;
	default:
		exit(1);
	}
}

static char **parse(struct confinement *c, int argc, char **argv)
{
	int opt;

	c->rootless = geteuid() != 0;
	c->profile = argc > 1 ? profile_by_name(argv[1]) : PROFILES;
	if (c->profile == PROFILES)
		errx(1, "usage: confine PROFILE [OPTIONS] -- PROG ARGS");
	optind = 2;
	while ((opt = getopt_long(argc, argv, "+", options, NULL)) != -1)
		take_option(c, opt);
	if (optind == argc)
		errx(1, "no program is given");
	return argv + optind;
}

/* ---- user namespace ---- */

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		err(1, "cannot write %s", path);
	close(fd);
}

/** Root maps 65536 users as newuidmap does for a user who has them; others have but themselves. */
static void write_maps(pid_t pid, const struct confinement *c, unsigned uid, unsigned gid)
{
	char path[64], uids[64] = "0 100000 65536\n", gids[64] = "0 100000 65536\n";

	if (uid) {
		snprintf(uids, sizeof(uids), "%u %u 1\n", c->user, uid);
		snprintf(gids, sizeof(gids), "%u %u 1\n", c->user, gid);
		snprintf(path, sizeof(path), "/proc/%d/setgroups", pid);
		write_file(path, "deny");
	}
	snprintf(path, sizeof(path), "/proc/%d/uid_map", pid);
	write_file(path, uids);
	snprintf(path, sizeof(path), "/proc/%d/gid_map", pid);
	write_file(path, gids);
}

/** A helper outside writes the maps once we are inside. */
static void enter_user_namespace(const struct confinement *c)
{
	unsigned uid = geteuid(), gid = getegid();
	int ready[2], status;
	pid_t helper, self = getpid();
	char byte;

	if (pipe2(ready, O_CLOEXEC))
		err(1, "pipe");
	helper = fork();
	if (helper < 0)
		err(1, "fork");
	if (!helper) {
		if (read(ready[0], &byte, 1) == 1)
			write_maps(self, c, uid, gid);
		_exit(0);
	}
	if (unshare(CLONE_NEWUSER)) {
		printf("skip: no user namespace can be made here: %s\n", strerror(errno));
		exit(77);
	}
	if (write(ready[1], "", 1) != 1 || waitpid(helper, &status, 0) != helper || status)
		errx(1, "the maps were not written");
	close(ready[0]);
	close(ready[1]);
	if (!uid && (setgroups(0, NULL) || setresgid(0, 0, 0) || setresuid(0, 0, 0)))
		err(1, "cannot become root of the user namespace");
}

/* ---- identity ---- */

static void drop_bounding(uint64_t caps)
{
	for (unsigned long cap = 0; cap <= CAP_LAST_CAP; cap++) {
		if (!(caps >> cap & 1) && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) && errno != EINVAL)
			err(1, "cannot drop capability %lu", cap);
	}
}

static void set_caps(uint64_t caps)
{
	struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2] = {
		{ (uint32_t)caps, (uint32_t)caps, 0 },
		{ (uint32_t)(caps >> 32), (uint32_t)(caps >> 32), 0 },
	};

	if (syscall(SYS_capset, &head, data))
		err(1, "cannot set the capabilities");
}

/** The engines' order: filter, then user, then capabilities; a user who is not root has none. */
static void become(const struct confinement *c)
{
	uint64_t caps = profile_caps(c);

	if (c->no_new_privs && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		err(1, "cannot set no_new_privs");
	drop_bounding(caps);
	profile_filter(c);
	if (c->user && geteuid() != c->user &&
		(setgroups(0, NULL) || setresgid(c->user, c->user, c->user) ||
			setresuid(c->user, c->user, c->user)))
		err(1, "cannot become user %u", c->user);
	set_caps(c->user ? 0 : caps);
}

/* ---- the container ---- */

static _Noreturn void run(char **argv)
{
	execvp(argv[0], argv);
	err(127, "%s", argv[0]);
}

static _Noreturn void contain(const struct confinement *c, char **argv)
{
	mounts_make(c);
	become(c);
	run(argv);
}

/** The program is the first process of its namespace; this one waits outside and passes its status. */
static int run_contained(const struct confinement *c, char **argv)
{
	int status;
	pid_t pid;

	if (c->rootless)
		enter_user_namespace(c);
	if (unshare(NAMESPACES)) {
		printf("skip: no namespaces can be made here: %s\n", strerror(errno));
		return 77;
	}
	pid = fork();
	if (pid < 0)
		err(1, "fork");
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		contain(c, argv);
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int main(int argc, char **argv)
{
	struct confinement c = { 0 };
	char **program = parse(&c, argc, argv);

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (c.profile != PROFILE_PLAIN)
		return run_contained(&c, program);
	c.no_new_privs = c.no_new_privs || geteuid();
	profile_filter(&c);
	run(program);
}
