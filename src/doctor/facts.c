/* SPDX-License-Identifier: MIT */
#include "doctor/facts.h"

#include <fcntl.h>
#include <pwd.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bits.h"
#include "base/cleanup.h"

/** The beginning of a file as text, zeroes between strings as spaces. False: it cannot be read. */
static bool read_file(const char *path, char *buf, size_t size)
{
	AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, buf, size - 1);

	buf[n > 0 ? n : 0] = '\0';
	for (ssize_t i = 0; i + 1 < n; i++)
		if (!buf[i])
			buf[i] = ' ';
	return n >= 0;
}

static long read_sysctl(const char *name)
{
	char path[128], buf[32];

	snprintf(path, sizeof(path), "/proc/sys/%s", name);
	return read_file(path, buf, sizeof(buf)) && *buf ? strtol(buf, NULL, 10) : FACT_NONE;
}

static void read_sysctls(struct facts *facts)
{
	static const struct {
		const char *name;
		size_t offset;
	} sysctls[] = {
		{ "user/max_user_namespaces", offsetof(struct facts, max_user_namespaces) },
		{ "kernel/unprivileged_userns_clone",
			offsetof(struct facts, unprivileged_userns_clone) },
		{ "kernel/apparmor_restrict_unprivileged_userns",
			offsetof(struct facts, apparmor_restrict_unprivileged_userns) },
		{ "kernel/yama/ptrace_scope", offsetof(struct facts, ptrace_scope) },
		{ "vm/memfd_noexec", offsetof(struct facts, memfd_noexec) },
		{ "fs/inotify/max_user_instances", offsetof(struct facts, max_inotify_instances) },
		{ "fs/inotify/max_user_watches", offsetof(struct facts, max_inotify_watches) },
		{ "fs/leases-enable", offsetof(struct facts, leases_enable) },
	};

	for (size_t i = 0; i < ARRAY_LEN(sysctls); i++)
		*(long *)((char *)facts + sysctls[i].offset) = read_sysctl(sysctls[i].name);
}

/* ---- this process ---- */

/** The number behind KEY in /proc/self/status, or otherwise. */
static unsigned long long read_status(const char *key, int base, unsigned long long otherwise)
{
	char buf[4096];
	const char *at = read_file("/proc/self/status", buf, sizeof(buf)) ? strstr(buf, key) : NULL;

	return at ? strtoull(at + strlen(key), NULL, base) : otherwise;
}

static bool is_filtered(void)
{
	return read_status("\nSeccomp:", 10, 0) != 0;
}

/** Whether some capability is out of reach, of root as well. */
static bool is_bounded(void)
{
	long last = read_sysctl("kernel/cap_last_cap");
	unsigned long long all = last > 0 && last < 63 ? (2ull << last) - 1 : 0;

	return (read_status("\nCapBnd:", 16, all) & all) != all;
}

/* ---- containers ---- */

static const struct {
	const char *word;
	enum container container;
} engines[] = {
	{ "kubepods", CONTAINER_KUBERNETES },
	{ "libpod", CONTAINER_PODMAN },
	{ "podman", CONTAINER_PODMAN },
	{ "docker", CONTAINER_DOCKER },
	{ "lxc", CONTAINER_LXC },
};

static enum container engine_in(const char *text)
{
	for (size_t i = 0; i < ARRAY_LEN(engines); i++)
		if (strstr(text, engines[i].word))
			return engines[i].container;
	return CONTAINER_NONE;
}

/** What the engine told the first process, as systemd in it wrote it down for all, or as root sees. */
static enum container container_of_init(void)
{
	char buf[4096], *value;
	enum container found;

	if (read_file("/run/systemd/container", buf, sizeof(buf)) && *buf) {
		found = engine_in(buf);
		return found ? found : CONTAINER_OTHER;
	}
	read_file("/proc/1/environ", buf, sizeof(buf));
	value = strncmp(buf, "container=", 10) ? strstr(buf, " container=") : buf;
	if (value) {
		value[strcspn(value + 1, " ") + 1] = '\0';
		found = engine_in(value);
		return found ? found : CONTAINER_OTHER;
	}
	return read_file("/proc/1/cgroup", buf, sizeof(buf)) ? engine_in(buf) : CONTAINER_NONE;
}

/**
 * Images that became the root of a virtual machine keep the marks of their engine: only where the
 * process is confined do they say something.
 */
static enum container find_container(void)
{
	if (!is_filtered() && !is_bounded())
		return CONTAINER_NONE;
	if (getenv("KUBERNETES_SERVICE_HOST") || !access("/var/run/secrets/kubernetes.io", F_OK))
		return CONTAINER_KUBERNETES;
	if (!access("/run/.containerenv", F_OK))
		return CONTAINER_PODMAN;
	if (!access("/.dockerenv", F_OK))
		return CONTAINER_DOCKER;
	return container_of_init();
}

/* ---- this system ---- */

/** The value of KEY=VALUE or KEY="VALUE" in os-release, behind what is in buf. */
static void add_os(const char *release, const char *key, char *buf, size_t size)
{
	const char *at = strstr(release, key);
	size_t len = strlen(buf);

	if (!at)
		return;
	at += strlen(key);
	at += *at == '"';
	snprintf(buf + len, size - len, "%s%.*s", len ? " " : "", (int)strcspn(at, "\"\n"), at);
}

static void read_os(struct facts *facts)
{
	char buf[4096] = "\n";

	if (!read_file("/etc/os-release", buf + 1, sizeof(buf) - 1))
		return;
	add_os(buf, "\nID=", facts->os, sizeof(facts->os));
	add_os(buf, "\nVERSION_ID=", facts->os, sizeof(facts->os));
}

void facts_read(struct facts *facts)
{
	const struct passwd *pw = getpwuid(getuid());

	*facts = (struct facts){
		.root = geteuid() == 0,
		.filtered = is_filtered(),
		.container = find_container(),
		.profile_there = !access(NESTBOX_APPARMOR_PROFILE, R_OK),
	};
	read_file("/proc/self/attr/current", facts->label, sizeof(facts->label));
	facts->label[strcspn(facts->label, "\n")] = '\0';
	snprintf(facts->user, sizeof(facts->user), "%s", pw ? pw->pw_name : "NAME");
	read_os(facts);
	read_sysctls(facts);
}
