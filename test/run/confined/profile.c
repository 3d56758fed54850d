/* SPDX-License-Identifier: MIT */
/*
 * Which system calls and capabilities a container has. The engines list what they allow; here is
 * what of the rest a program could want, with the errno that it gets. Read in moby's and
 * containers/common's default profiles and capability lists.
 */
#include "confine.h"

#include <err.h>
#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <linux/capability.h>

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define BIT(n)	     (UINT64_C(1) << (n))

#define DOCKER_OLD BIT(PROFILE_DOCKER)
#define DOCKER	   (BIT(PROFILE_DOCKER) | BIT(PROFILE_DOCKER_UNSHARE))
#define PODMAN_OLD BIT(PROFILE_PODMAN_OLD)
#define PODMAN	   (BIT(PROFILE_PODMAN_OLD) | BIT(PROFILE_PODMAN))
#define ALL	   (DOCKER | PODMAN)

#define ADMIN  BIT(CAP_SYS_ADMIN)
#define PTRACE BIT(CAP_SYS_PTRACE)
#define NICE   BIT(CAP_SYS_NICE)

static const char *const names[PROFILES] = {
	[PROFILE_DOCKER] = "docker",
	[PROFILE_DOCKER_UNSHARE] = "docker-unshare",
	[PROFILE_PODMAN_OLD] = "podman-old",
	[PROFILE_PODMAN] = "podman",
	[PROFILE_PLAIN] = "plain",
};

/* A call that the profiles in `in` answer with err, unless the container has a capability. */
struct denial {
	uint64_t in;
	uint64_t unless;
	int err;
	const char *calls[20];
};

/* clang-format off */
static const struct denial denials[] = {
	{ DOCKER, ADMIN, EPERM, { "mount", "umount2", "open_tree", "move_mount", "mount_setattr", "fsopen",
		"fsconfig", "fsmount", "fspick", "setns", "quotactl", "bpf", "perf_event_open", "fanotify_init",
		"sethostname", "setdomainname", "lookup_dcookie" } },
	{ DOCKER_OLD, ADMIN, EPERM, { "unshare" } },
	{ DOCKER, ADMIN, ENOSYS, { "clone3" } },
	{ DOCKER, PTRACE, EPERM, { "pidfd_getfd", "kcmp", "process_madvise" } },
	{ DOCKER, NICE, EPERM, { "mbind", "get_mempolicy", "set_mempolicy" } },
	{ DOCKER, 0, EPERM, { "pivot_root", "io_uring_setup", "io_uring_enter", "io_uring_register", "keyctl",
		"add_key", "request_key" } },
	{ PODMAN, ADMIN, EPERM, { "bpf", "fanotify_init", "lookup_dcookie", "perf_event_open", "quotactl",
		"sethostname", "setdomainname" } },
	{ PODMAN, PTRACE, EPERM, { "kcmp", "process_madvise" } },
	{ PODMAN_OLD, PTRACE, EPERM, { "process_vm_readv", "process_vm_writev", "ptrace" } },
	{ PODMAN_OLD, NICE, EPERM, { "mbind", "get_mempolicy", "set_mempolicy" } },
	{ PODMAN_OLD, 0, EPERM, { "membarrier" } },
	{ PODMAN_OLD, 0, ENOSYS, { "mount_setattr", "io_uring_setup", "io_uring_enter", "io_uring_register" } },
	{ ALL, 0, EPERM, { "userfaultfd", "move_pages", "migrate_pages", "kexec_load", "kexec_file_load",
		"swapon", "swapoff", "vhangup", "acct", "settimeofday", "clock_settime", "init_module",
		"finit_module", "delete_module", "iopl", "ioperm", "uselib", "ustat", "sysfs" } },
};

static const struct { const char *name; int bit; } cap_names[] = {
	{ "SYS_ADMIN", CAP_SYS_ADMIN },
	{ "SYS_PTRACE", CAP_SYS_PTRACE },
	{ "SYS_NICE", CAP_SYS_NICE },
};
/* clang-format on */

/* What both engines leave root; Docker leaves three more. */
#define CAPS_BOTH                                                                                  \
	(BIT(CAP_CHOWN) | BIT(CAP_DAC_OVERRIDE) | BIT(CAP_FOWNER) | BIT(CAP_FSETID) |              \
		BIT(CAP_KILL) | BIT(CAP_NET_BIND_SERVICE) | BIT(CAP_SETFCAP) | BIT(CAP_SETGID) |   \
		BIT(CAP_SETPCAP) | BIT(CAP_SETUID) | BIT(CAP_SYS_CHROOT))
#define CAPS_DOCKER (BIT(CAP_MKNOD) | BIT(CAP_NET_RAW) | BIT(CAP_AUDIT_WRITE))

enum profile_id profile_by_name(const char *name)
{
	unsigned i;

	for (i = 0; i < PROFILES; i++)
		if (!strcmp(names[i], name))
			break;
	return (enum profile_id)i;
}

uint64_t profile_cap(const char *name)
{
	for (unsigned i = 0; i < ARRAY_LEN(cap_names); i++)
		if (!strcmp(cap_names[i].name, name))
			return BIT(cap_names[i].bit);
	return 0;
}

uint64_t profile_caps(const struct confinement *c)
{
	return CAPS_BOTH | (BIT(c->profile) & DOCKER ? CAPS_DOCKER : 0) | c->cap_add;
}

/* ---- the filter ---- */

static void deny(scmp_filter_ctx filter, const char *call, int error)
{
	int nr = seccomp_syscall_resolve_name(call);

	if (nr == __NR_SCMP_ERROR)
		errx(1, "libseccomp knows no %s", call);
	if (nr < 0) /* not on this architecture */
		return;
	if (seccomp_rule_add(filter, SCMP_ACT_ERRNO((uint32_t)error), nr, 0))
		errx(1, "cannot deny %s", call);
}

/** Docker: no clone into a new namespace either. */
static void deny_namespaces(scmp_filter_ctx filter)
{
	static const int flags[] = { CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC, CLONE_NEWUSER,
		CLONE_NEWPID, CLONE_NEWNET, CLONE_NEWCGROUP };

	for (unsigned i = 0; i < ARRAY_LEN(flags); i++) {
		scmp_datum_t flag = (unsigned)flags[i];

		if (seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
			    SCMP_A0(SCMP_CMP_MASKED_EQ, flag, flag)))
			errx(1, "cannot deny clone");
	}
}

static void deny_by_profile(scmp_filter_ctx filter, const struct confinement *c)
{
	for (unsigned i = 0; i < ARRAY_LEN(denials); i++) {
		const struct denial *d = &denials[i];

		if (!(d->in & BIT(c->profile)) || (d->unless & c->cap_add))
			continue;
		for (unsigned k = 0; k < ARRAY_LEN(d->calls) && d->calls[k]; k++)
			deny(filter, d->calls[k], d->err);
	}
	if ((BIT(c->profile) & DOCKER) && !(c->cap_add & ADMIN))
		deny_namespaces(filter);
}

static int errno_by_name(const char *name)
{
	static const struct {
		const char *name;
		int err;
	} errnos[] = { { "EPERM", EPERM }, { "ENOSYS", ENOSYS }, { "EACCES", EACCES },
		{ "ENOTTY", ENOTTY } };

	for (unsigned i = 0; i < ARRAY_LEN(errnos); i++)
		if (!strcmp(errnos[i].name, name))
			return errnos[i].err;
	errx(1, "--deny: errno %s", name);
}

/** PROCMAP_QUERY of Linux 6.11, as an older kernel answers it. */
static void deny_procmap_query(scmp_filter_ctx filter, int error)
{
	scmp_datum_t query = _IOWR('f', 17, char[104]);

	if (seccomp_rule_add(filter, SCMP_ACT_ERRNO((uint32_t)error), SCMP_SYS(ioctl), 1,
		    SCMP_A1(SCMP_CMP_MASKED_EQ, UINT32_MAX, query)))
		errx(1, "cannot deny PROCMAP_QUERY");
}

/** "CALL=ERRNO" */
static void deny_by_option(scmp_filter_ctx filter, const char *option)
{
	const char *equals = strchr(option, '=');
	char call[64] = "";

	if (!equals || (size_t)(equals - option) >= sizeof(call))
		errx(1, "--deny CALL=ERRNO");
	memcpy(call, option, (size_t)(equals - option));
	if (!strcmp(call, "procmap_query"))
		deny_procmap_query(filter, errno_by_name(equals + 1));
	else
		deny(filter, call, errno_by_name(equals + 1));
}

void profile_filter(const struct confinement *c)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int ret;

	if (!filter)
		errx(1, "no memory for the filter");
	/* Engines install it while they still have CAP_SYS_ADMIN, so that sudo works inside. */
	seccomp_attr_set(filter, SCMP_FLTATR_CTL_NNP, c->no_new_privs);
	if (!c->unconfined)
		deny_by_profile(filter, c);
	for (unsigned i = 0; i < c->n_denied; i++)
		deny_by_option(filter, c->denied[i]);
	ret = seccomp_load(filter);
	if (ret)
		errx(1, "cannot install the filter: %s", strerror(-ret));
	seccomp_release(filter);
}
