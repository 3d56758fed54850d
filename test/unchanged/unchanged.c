/* SPDX-License-Identifier: MIT */
/*
 * unchanged [--allow GLOB]... COMMAND ARGS: run a test, and hold the host's own state against what
 * it was before: mounts, sysctls, files, interfaces, System V IPC, modules, limits, processes. GLOB
 * matches what is printed of a difference that is all right ("file /run/x", "own /home/.x").
 *
 * Other tests may run at the same time, so what can be made the command's own is: it gets fresh
 * directories as TMPDIR, XDG_RUNTIME_DIR and HOME, which must be empty in the end, and whatever it
 * leaves running becomes our child (we are a subreaper), whatever its environment or session. What
 * there is only once is compared as it is; a difference counts if it stays for PATIENCE_MS.
 *
 * The exit status is the command's; 1, with one line for each difference, where that is 0 or 77
 * (skipped) and something changed.
 */
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <ftw.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bits.h"
#include "base/cleanup.h"

#define PATIENCE_MS 10000
#define STEP_MS	    50	/* processes */
#define READ_MS	    500 /* everything: costs tens of milliseconds */
#define MAX_ALLOWED 16
#define MAX_VALUE   4096

/* ---- a state: sorted pairs of key and value ---- */

struct entry {
	char *key, *value;
};

struct state {
	struct entry *entries;
	size_t n, room;
};

static void *must(void *p)
{
	if (!p)
		err(99, "unchanged");
	return p;
}

static void add(struct state *state, const char *key, const char *value)
{
	if (state->n == state->room) {
		state->room = state->room ? 2 * state->room : 1024;
		state->entries =
			must(reallocarray(state->entries, state->room, sizeof(struct entry)));
	}
	state->entries[state->n++] = (struct entry){ must(strdup(key)), must(strdup(value)) };
}

static void state_finish(struct state *state)
{
	for (size_t i = 0; i < state->n; i++) {
		free(state->entries[i].key);
		free(state->entries[i].value);
	}
	free(state->entries);
	*state = (struct state){ 0 };
}

static int by_key(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int order = strcmp(x->key, y->key);

	return order ? order : strcmp(x->value, y->value);
}

/* ---- where it is read ---- */

/** Up to MAX_VALUE bytes of a file. False: it cannot be read (write-only, gone, not permitted). */
static bool read_file(const char *path, char value[MAX_VALUE + 1])
{
	AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t n = fd < 0 ? -1 : read(fd, value, MAX_VALUE);

	value[n < 0 ? 0 : n] = '\0';
	return n >= 0;
}

/** One entry for each line, whose key is its first `words` words (all of it: 0). */
static void add_lines(struct state *state, const char *what, const char *path, unsigned words)
{
	AUTO_FREE char *line = NULL;
	FILE *file = fopen(path, "re");
	size_t size = 0;
	char key[PATH_MAX];

	while (file && getline(&line, &size, file) > 0) {
		char *end = line + strspn(line, " ");

		line[strcspn(line, "\n")] = '\0';
		for (unsigned i = 0; i < words; i++)
			end += strspn(end, " ") + strcspn(end + strspn(end, " "), " ");
		if (!words)
			end = line + strlen(line);
		snprintf(key, sizeof(key), "%s %.*s", what, (int)(end - line), line);
		add(state, key, "");
	}
	if (file)
		fclose(file);
}

typedef void visit(struct state *state, const char *path);

/** Call visit for everything below dir that is no directory, down to `depth` levels. */
static void walk(struct state *state, const char *dir, unsigned depth, visit *visit_file)
{
	DIR *entries = opendir(dir);
	struct dirent *entry;
	char path[PATH_MAX];

	while (entries && (entry = readdir(entries))) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		if ((size_t)snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name) >=
			sizeof(path))
			continue;
		if (entry->d_type == DT_DIR && depth > 1)
			walk(state, path, depth - 1, visit_file);
		if (entry->d_type != DT_DIR || depth <= 1)
			visit_file(state, path);
	}
	if (entries)
		closedir(entries);
}

static void add_sysctl(struct state *state, const char *path)
{
	char value[MAX_VALUE + 1], key[PATH_MAX + 8];

	snprintf(key, sizeof(key), "sysctl %s", path);
	if (read_file(path, value))
		add(state, key, value);
}

static void add_path(struct state *state, const char *path)
{
	char key[PATH_MAX + 8], value[64];
	struct stat st;

	if (lstat(path, &st))
		return;
	snprintf(key, sizeof(key), "file %s", path);
	snprintf(value, sizeof(value), "mode %o owner %u:%u device %lx", st.st_mode, st.st_uid,
		st.st_gid, (unsigned long)st.st_rdev);
	add(state, key, value);
}

/** Where everybody keeps things, only the name tells whose they are. */
static void add_if_ours(struct state *state, const char *path)
{
	if (strstr(path, "nestbox"))
		add_path(state, path);
}

/* Files: where programs and boxes leave some. Terminals come and go. */
static void add_files(struct state *state)
{
	walk(state, "/dev", 3, add_path);
	walk(state, "/run", 1, add_path);
	walk(state, "/run/nestbox", 3, add_path);
	walk(state, "/run/netns", 1, add_path);
	walk(state, "/tmp", 1, add_if_ours);
	walk(state, "/var/tmp", 1, add_if_ours);
	walk(state, "/sys/bus/pci/devices", 1, add_path);
}

static void take(struct state *state)
{
	add_lines(state, "mount", "/proc/self/mountinfo", 0);
	walk(state, "/proc/sys", 16, add_sysctl);
	add_files(state);
	add_lines(state, "shared memory", "/proc/sysvipc/shm", 2);
	add_lines(state, "semaphores", "/proc/sysvipc/sem", 2);
	add_lines(state, "message queue", "/proc/sysvipc/msg", 2);
	add_lines(state, "interface", "/proc/self/net/dev", 1);
	add_lines(state, "module", "/proc/modules", 1);
	add_lines(state, "limit", "/proc/self/limits", 0);
	if (state->n)
		qsort(state->entries, state->n, sizeof(struct entry), by_key);
}

/* ---- what differs ---- */

/* Patterns of keys: counters and the like, and what belongs to other tests that run now. */
static const char *const by_themselves[] = {
	"sysctl /proc/sys/fs/aio-nr", "sysctl /proc/sys/fs/dentry-state",
	"sysctl /proc/sys/fs/file-nr", "sysctl /proc/sys/fs/inode-nr",
	"sysctl /proc/sys/fs/inode-state", "sysctl /proc/sys/fs/quota/*",
	"sysctl /proc/sys/kernel/ns_last_pid",
	"sysctl /proc/sys/kernel/perf_event_max_sample_rate", /* the kernel lowers it */
	"sysctl /proc/sys/kernel/pty/nr", "sysctl /proc/sys/kernel/random/*",
	"sysctl /proc/sys/net/*/*_count", "file /dev/pts/*", "file /tmp/nestbox-unchanged-*",
	"file /tmp/nestbox-[0-9]*",	    /* control sockets of other tests' boxes, by user */
	"file /run/dpdk", "file /run/sudo", /* made for good by whoever runs these first */
};

struct allowed {
	const char *globs[MAX_ALLOWED];
	unsigned n;
	struct state *restless; /* differed without a test between two readings */
};

static bool is_allowed(const struct allowed *allowed, const char *key)
{
	for (size_t i = 0; i < ARRAY_LEN(by_themselves); i++)
		if (!fnmatch(by_themselves[i], key, 0))
			return true;
	for (unsigned i = 0; i < allowed->n; i++)
		if (!fnmatch(allowed->globs[i], key, 0))
			return true;
	for (size_t i = 0; i < allowed->restless->n; i++)
		if (!strcmp(allowed->restless->entries[i].key, key))
			return true;
	return false;
}

static void print(FILE *out, char sign, const struct entry *entry)
{
	if (out)
		fprintf(out, "%c %s%s%s%s", sign, entry->key, *entry->value ? " = " : "",
			entry->value, strchr(entry->value, '\n') ? "" : "\n");
}

/** How many entries only one of both has. Each goes to out, and into list; both may be NULL. */
static unsigned compare(const struct state *before, const struct state *after,
	const struct allowed *allowed, FILE *out, struct state *list)
{
	unsigned n = 0;

	for (size_t i = 0, j = 0; i < before->n || j < after->n;) {
		int order = i == before->n  ? 1
			    : j == after->n ? -1
					    : by_key(&before->entries[i], &after->entries[j]);
		const struct entry *entry = order > 0 ? &after->entries[j] : &before->entries[i];

		i += order <= 0;
		j += order >= 0;
		if (!order || is_allowed(allowed, entry->key))
			continue;
		print(out, order > 0 ? '+' : '-', entry);
		if (list)
			add(list, entry->key, entry->value);
		n++;
	}
	return n;
}

/** Until nothing differs, or patience ends. */
static unsigned changes(const struct state *before, const struct allowed *allowed)
{
	struct state after = { 0 };
	unsigned n = 0;

	for (int ms = 0; ms <= PATIENCE_MS; ms += READ_MS) {
		state_finish(&after);
		take(&after);
		n = compare(before, &after, allowed, NULL, NULL);
		if (!n)
			break;
		poll(NULL, 0, READ_MS);
	}
	compare(before, &after, allowed, stderr, NULL);
	state_finish(&after);
	return n;
}

/* ---- directories of the test's own ---- */

static char base[] = "/tmp/nestbox-unchanged-XXXXXX";

static const struct {
	const char *name, *variable;
	mode_t mode;
} own[] = {
	{ "tmp", "TMPDIR", 01777 }, /* tests go on in it as another user */
	{ "run", "XDG_RUNTIME_DIR", 0700 },
	{ "home", "HOME", 0755 },
};

static void make_own(void)
{
	char path[PATH_MAX];

	if (!mkdtemp(base) || chmod(base, 0755))
		err(99, "%s", base);
	for (size_t i = 0; i < ARRAY_LEN(own); i++) {
		snprintf(path, sizeof(path), "%s/%s", base, own[i].name);
		if (mkdir(path, 0700) || chmod(path, own[i].mode) ||
			setenv(own[i].variable, path, 1))
			err(99, "%s", path);
	}
}

static unsigned n_left;
static const struct allowed *allowed_left; /* nftw has no context */

static int note_and_remove(const char *path, const struct stat *st, int type, struct FTW *at)
{
	char key[PATH_MAX];

	snprintf(key, sizeof(key), "own %s", path + strlen(base));
	if (at->level > 1 && !is_allowed(allowed_left, key)) {
		fprintf(stderr, "+ file %s\n", path);
		n_left++;
	}
	if (remove(path))
		warn("%s", path);
	return 0;
}

/** Remove them. How many files were in them. */
static unsigned remove_own(const struct allowed *allowed)
{
	allowed_left = allowed;
	nftw(base, note_and_remove, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
	return n_left;
}

/* ---- processes ---- */

static pid_t parent_of(const char *pid, char *name, size_t size)
{
	char path[PATH_MAX], stat[MAX_VALUE + 1], *open, *close;
	int parent;

	snprintf(path, sizeof(path), "/proc/%s/stat", pid);
	if (!read_file(path, stat))
		return -1;
	open = strchr(stat, '(');
	close = strrchr(stat, ')');
	if (!open || !close || sscanf(close, ") %*c %d", &parent) != 1)
		return -1;
	snprintf(name, size, "%.*s", (int)(close - open - 1), open + 1);
	return parent;
}

/** Say who is left, and kill them. Only children: theirs become ours. */
static unsigned kill_left(bool quiet)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	char name[64];
	unsigned n = 0;

	while (proc && (entry = readdir(proc))) {
		pid_t pid = atoi(entry->d_name);

		if (pid <= 0 || parent_of(entry->d_name, name, sizeof(name)) != getpid())
			continue;
		if (!quiet)
			fprintf(stderr, "+ process %d %s\n", pid, name);
		kill(pid, SIGKILL);
		n++;
	}
	if (proc)
		closedir(proc);
	return n;
}

/** False: there is no child any more. */
static bool reap(pid_t command, int *status)
{
	int ended;
	pid_t pid;

	while ((pid = waitpid(-1, &ended, __WALL | WNOHANG)) > 0)
		if (pid == command)
			*status = WIFSIGNALED(ended) ? 128 + WTERMSIG(ended) : WEXITSTATUS(ended);
	return pid == 0;
}

/** What has not ended after some patience is killed. How many there were. */
static unsigned end_processes(void)
{
	unsigned n = 0;
	int status;

	for (int ms = 0; reap(0, &status) && ms < PATIENCE_MS; ms += STEP_MS)
		poll(NULL, 0, STEP_MS);
	while (reap(0, &status)) {
		n += kill_left(n > 0);
		poll(NULL, 0, STEP_MS);
	}
	return n;
}

static pid_t start(char **argv, const sigset_t *mask)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	sigprocmask(SIG_SETMASK, mask, NULL);
	execvp(argv[0], argv);
	err(127, "%s", argv[0]);
}

/** The command's exit status; or, told to end, 128 and the signal. */
static int run(char **argv)
{
	sigset_t set, old;
	int status = -1, sig;
	pid_t pid;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, &old);
	pid = start(argv, &old);
	if (pid < 0)
		err(99, "fork");
	while (status < 0) {
		if (sigwait(&set, &sig))
			continue;
		if (sig != SIGCHLD)
			return 128 + sig;
		reap(pid, &status);
	}
	return status;
}

static void kill_all(void)
{
	int status;

	while (reap(0, &status)) {
		kill_left(true);
		poll(NULL, 0, 1);
	}
}

int main(int argc, char **argv)
{
	struct state before = { 0 }, again = { 0 }, restless = { 0 };
	struct allowed allowed = { .restless = &restless };
	unsigned n;
	int status;

	for (argv++; argv[0] && argv[1] && !strcmp(argv[0], "--allow"); argv += 2)
		if (allowed.n < MAX_ALLOWED)
			allowed.globs[allowed.n++] = argv[1];
	if (!argv[0])
		errx(99, "usage: unchanged [--allow GLOB]... COMMAND ARGS");
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	make_own();
	take(&before);
	take(&again);
	compare(&before, &again, &allowed, NULL, &restless);
	state_finish(&again);
	status = run(argv);
	if (status > 128 && status <= 128 + SIGTERM)
		kill_all();
	n = end_processes();
	n += remove_own(&allowed);
	n += changes(&before, &allowed);
	state_finish(&before);
	state_finish(&restless);
	if (n)
		fprintf(stderr, "unchanged: %s left %u changes (above)\n", argv[0], n);
	return n && (status == 0 || status == 77) ? 1 : status;
}
