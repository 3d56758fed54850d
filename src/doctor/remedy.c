/* SPDX-License-Identifier: MIT */
/*
 * A row for each need: by whom it may be denied, and which limit may be reached. Of several possible
 * causes the ones that can be read (a sysctl, the engine of a container, a seccomp filter) are named
 * before the ones that can only be guessed.
 *
 * What the engines' default profiles deny (moby profiles/seccomp/default.json, containers/common
 * pkg/seccomp/seccomp.json): Docker unshare, mount, open_tree and move_mount without CAP_SYS_ADMIN, and
 * pidfd_getfd without CAP_SYS_PTRACE; podman process_vm_* without CAP_SYS_PTRACE, and membarrier. Both
 * look at the capabilities that the container was started with, not at those of the process. Docker's
 * AppArmor profile forbids every mount.
 */
#include "doctor/remedy.h"

#include <string.h>

#include "base/bits.h"
#include "base/text.h"

/* What a need asks of a container's engine. */
enum grant {
	GRANT_MOUNTS,
	GRANT_MEMORY,
	GRANT_SECCOMP,
	GRANT_CALL, /* a system call that no capability brings */
	GRANTS,
};

struct row {
	const char *name, *since;
	enum grant grant;
	const char *calls; /* for a filter that is no engine's: what it must allow */
	/* False: nothing that can be read is the cause. */
	bool (*denied)(struct text *text, const struct facts *facts);
	bool (*exhausted)(struct text *text, const struct facts *facts);
};

static const char *sudo(const struct facts *facts)
{
	return facts->root ? "" : "sudo ";
}

/** Sysctls are the host's. */
static bool add_sysctl(struct text *text, const struct facts *facts, const char *name, long value)
{
	text_add(text, "%ssysctl -w %s=%ld",
		facts->container ? "on the host of this container: sudo " : sudo(facts), name,
		value);
	return true;
}

/** Twice what there is, and never little. */
static bool add_more(
	struct text *text, const struct facts *facts, const char *name, long now, long least)
{
	return add_sysctl(text, facts, name, MAX(2 * now, least));
}

/* ---- containers ---- */

static const char *const flags[][GRANTS] = {
	[CONTAINER_DOCKER] = { "docker run --cap-add SYS_ADMIN", "docker run --cap-add SYS_PTRACE",
		"docker run --security-opt seccomp=unconfined",
		"docker run --security-opt seccomp=unconfined" },
	[CONTAINER_PODMAN] = { "podman run --cap-add SYS_ADMIN", "podman run --cap-add SYS_PTRACE",
		"podman run --security-opt seccomp=unconfined",
		"podman run --security-opt seccomp=unconfined" },
	[CONTAINER_KUBERNETES] = { "in the container's securityContext: capabilities: {add: "
				   "[SYS_ADMIN]}, appArmorProfile: {type: Unconfined}",
		"in the container's securityContext: capabilities: {add: [SYS_PTRACE]}",
		"in the container's securityContext: seccompProfile: {type: Unconfined}",
		"in the container's securityContext: seccompProfile: {type: Unconfined}" },
	[CONTAINER_LXC] = { "on the host of this container: lxc config set CONTAINER "
			    "security.nesting true" },
	[CONTAINER_OTHER] = { NULL },
};

static const char *const in_words[GRANTS] = {
	[GRANT_MOUNTS] = "CAP_SYS_ADMIN, and a profile that allows",
	[GRANT_MEMORY] = "CAP_SYS_PTRACE, and a profile that allows",
	[GRANT_SECCOMP] = "a profile that allows",
	[GRANT_CALL] = "a profile that allows",
};

static bool has_options(const struct facts *facts)
{
	return facts->container == CONTAINER_DOCKER || facts->container == CONTAINER_PODMAN;
}

static bool is_apparmor(const struct facts *facts)
{
	return strstr(facts->label, "(enforce)") != NULL;
}

static bool is_selinux(const struct facts *facts)
{
	return strchr(facts->label, ':') != NULL;
}

/** What else forbids mounts, besides capabilities and seccomp. */
static void add_labels(struct text *text, const struct facts *facts)
{
	if (is_apparmor(facts))
		text_add(text, " --security-opt apparmor=unconfined");
	if (is_selinux(facts))
		text_add(text, " --security-opt label=disable");
	if (!facts->root && facts->apparmor_restrict_unprivileged_userns == 1)
		text_add(text, " --user 0");
}

static void add_container(struct text *text, const struct facts *facts, const struct row *row)
{
	const char *flag = flags[facts->container][row->grant];

	if (!flag) {
		text_add(text, "start the container with %s %s", in_words[row->grant], row->calls);
		return;
	}
	text_add(text, "%s", flag);
	if (has_options(facts) && row->grant == GRANT_MOUNTS)
		add_labels(text, facts);
	if (has_options(facts))
		text_add(text, " ...");
	if (row->grant == GRANT_CALL)
		text_add(text, " (or a profile that allows %s)", row->calls);
}

/* ---- denied ---- */

/* Ubuntu 24.04: user namespaces can be made, but give no capability, except to who has a profile. */
static bool add_apparmor(struct text *text, const struct facts *facts)
{
	if (!facts->profile_there)
		text_add(text, "sudo make install, which ships the AppArmor profile %s, then ",
			NESTBOX_APPARMOR_PROFILE);
	text_add(text,
		"sudo apparmor_parser -r %s, and start it as %s, or sudo nestbox run --user %s",
		NESTBOX_APPARMOR_PROFILE, NESTBOX_INSTALLED, facts->user);
	return true;
}

/* Linux kernel/ucount.c: each namespace of the chain has its own limit. */
static bool more_user_namespaces(struct text *text, const struct facts *facts)
{
	return add_more(
		text, facts, "user.max_user_namespaces", MAX(facts->max_user_namespaces, 0), 10000);
}

static bool mounts_denied(struct text *text, const struct facts *facts)
{
	if (facts->root)
		return false; /* lacks CAP_SYS_ADMIN: what follows is not about it */
	if (facts->unprivileged_userns_clone == 0)
		return add_sysctl(text, facts, "kernel.unprivileged_userns_clone", 1);
	if (facts->max_user_namespaces == 0)
		return more_user_namespaces(text, facts);
	if (facts->apparmor_restrict_unprivileged_userns == 1 && !facts->container)
		return add_apparmor(text, facts);
	return false;
}

static bool memory_denied(struct text *text, const struct facts *facts)
{
	if (facts->ptrace_scope == 2)
		return add_sysctl(text, facts, "kernel.yama.ptrace_scope", 1);
	if (facts->ptrace_scope == 3) {
		text_add(text, "set kernel.yama.ptrace_scope=1 where /etc/sysctl.d sets it to 3, "
			       "and boot again: a running kernel does not go back");
		return true;
	}
	if (is_selinux(facts) && !facts->container && !facts->filtered) {
		text_add(text, "%ssetsebool deny_ptrace off", sudo(facts));
		return true;
	}
	return false;
}

static bool memfd_denied(struct text *text, const struct facts *facts)
{
	return facts->memfd_noexec == 2 && add_sysctl(text, facts, "vm.memfd_noexec", 1);
}

static bool close_denied(struct text *text, const struct facts *facts)
{
	return facts->leases_enable == 0 && add_sysctl(text, facts, "fs.leases-enable", 1);
}

static bool proc_denied(struct text *text, const struct facts *facts)
{
	text_add(text, "%smount -t proc proc /proc (bubblewrap: --proc /proc)", sudo(facts));
	return true;
}

static bool runtime_dir_denied(struct text *text, const struct facts *facts)
{
	text_add(text, "export XDG_RUNTIME_DIR=\"$(mktemp -d)\"");
	return true;
}

/* ---- exhausted ---- */

static bool more_inotify_instances(struct text *text, const struct facts *facts)
{
	return add_more(
		text, facts, "fs.inotify.max_user_instances", facts->max_inotify_instances, 1024);
}

static bool more_inotify_watches(struct text *text, const struct facts *facts)
{
	return add_more(
		text, facts, "fs.inotify.max_user_watches", facts->max_inotify_watches, 65536);
}

static bool more_open_files(struct text *text, const struct facts *facts)
{
	const unsigned long long enough = 1024;

	if (has_options(facts))
		text_add(text, "%s run --ulimit nofile=%llu:%llu ...",
			facts->container == CONTAINER_DOCKER ? "docker" : "podman", enough, enough);
	else
		text_add(
			text, "%sprlimit --pid $$ --nofile=%llu:%llu", sudo(facts), enough, enough);
	return true;
}

/* ---- old ---- */

static void add_kernel(struct text *text, const struct facts *facts, const char *since)
{
	if (facts->container)
		text_add(text, "on the host of this container: ");
	/* 22.04 came with 5.15; this package follows later releases, up to 6.8. */
	if (!strcmp(facts->os, "ubuntu 22.04") && !facts->container)
		text_add(text,
			"sudo apt-get install linux-generic-hwe-22.04 and boot it, or another ");
	else
		text_add(text, "boot ");
	text_add(text, "Linux %s or later", since);
}

/* ---- the needs ---- */

#define MOUNT_CALLS   "unshare, mount, open_tree and move_mount"
#define SECCOMP_CALLS "seccomp"

/* clang-format off */
static const struct row rows[] = {
	{ "kernel", "5.19", GRANT_CALL, "uname" },
	{ "proc", "2.6", GRANT_CALL, "pidfd_open", proc_denied },
	{ "open-files", "2.6", GRANT_CALL, "getrlimit", NULL, more_open_files },
	{ "userns-mounts", "3.8", GRANT_MOUNTS, MOUNT_CALLS, mounts_denied, more_user_namespaces },
	{ "cover-sys", "3.8", GRANT_MOUNTS, MOUNT_CALLS, mounts_denied, more_user_namespaces },
	{ "cover-dev", "5.2", GRANT_MOUNTS, MOUNT_CALLS, mounts_denied, more_user_namespaces },
	{ "null-node", "5.8", GRANT_MOUNTS, MOUNT_CALLS, mounts_denied, more_user_namespaces },
	{ "listener", "5.19", GRANT_SECCOMP, SECCOMP_CALLS },
	{ "wait-killable", "5.19", GRANT_SECCOMP, SECCOMP_CALLS },
	{ "notify-addfd", "5.14", GRANT_SECCOMP, SECCOMP_CALLS },
	{ "sync-wake-up", "6.6", GRANT_SECCOMP, SECCOMP_CALLS },
	{ "memfd", "3.17", GRANT_CALL, "memfd_create", memfd_denied },
	{ "stand-in-fstat", "5.19", GRANT_SECCOMP, SECCOMP_CALLS, memory_denied },
	{ "inotify", "2.6.27", GRANT_CALL, "inotify_init1", NULL, more_inotify_instances },
	{ "last-close", "3.17", GRANT_CALL, "inotify_add_watch", close_denied, more_inotify_watches },
	{ "proc-mem", "3.2", GRANT_MEMORY, "ptrace", memory_denied },
	{ "process-vm", "3.2", GRANT_MEMORY, "process_vm_readv and process_vm_writev", memory_denied },
	{ "procmap-query", "6.11", GRANT_CALL, "ioctl" },
	{ "pidfd-getfd", "5.6", GRANT_MEMORY, "pidfd_open and pidfd_getfd", memory_denied },
	{ "membarrier", "4.14", GRANT_CALL, "membarrier" },
	{ "subreaper", "3.4", GRANT_CALL, "prctl" },
	{ "runtime-dir", "2.6", GRANT_CALL, "socket and bind", runtime_dir_denied },
};
/* clang-format on */

static const struct row *find_row(const char *name)
{
	static const struct row unknown = { "", "5.19", GRANT_CALL, "it" };

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (!strcmp(rows[i].name, name))
			return &rows[i];
	return &unknown;
}

static void add_denied(struct text *text, const struct facts *facts, const struct row *row)
{
	if (row->denied && row->denied(text, facts))
		return;
	if (facts->container)
		add_container(text, facts, row);
	else if (facts->filtered)
		text_add(text,
			"start it outside of the sandbox whose seccomp filter is on this process, "
			"or "
			"let that filter allow %s",
			row->calls);
	else if (row->grant == GRANT_MOUNTS && facts->root)
		text_add(text, "start it with CAP_SYS_ADMIN");
	else if (row->grant == GRANT_MOUNTS)
		text_add(text, "sudo nestbox run --user %s", facts->user);
	else
		text_add(text, "a kernel and a security policy that allow %s", row->calls);
}

static void add_exhausted(struct text *text, const struct facts *facts, const struct row *row)
{
	if (!row->exhausted || !row->exhausted(text, facts))
		text_add(text, "end other programs of this user, or raise its limits (ulimit -a)");
}

void remedy_for(const char *name, enum lack lack, const struct facts *facts, char *buf, size_t size)
{
	const struct row *row = find_row(name);
	struct text text;

	text_init(&text, buf, size);
	/* Leases that are switched off are EINVAL, which elsewhere is an old kernel. */
	if (lack == LACK_OLD && row->denied == close_denied && close_denied(&text, facts))
		return;
	switch (lack) {
	case LACK_NONE:
		break;
	case LACK_OLD:
		add_kernel(&text, facts, row->since);
		break;
	case LACK_DENIED:
		add_denied(&text, facts, row);
		break;
	case LACK_EXHAUSTED:
		add_exhausted(&text, facts, row);
		break;
	case LACK_TAKEN:
		text_add(&text, "start it outside of the box, or of the sandbox that listens to "
				"this process's system calls");
		break;
	case LACK_BROKEN:
		text_add(&text, "run it on Linux itself, not on an emulation of it (if this is "
				"Linux, report this line and uname -a)");
		break;
	}
}
