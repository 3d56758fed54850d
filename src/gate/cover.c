/* SPDX-License-Identifier: MIT */
/*
 * For every directory that is shared with the host (tree.h): a directory of our own, and in it the
 * host's entries as recursive binds, links as links. The host's stay reachable underneath through
 * descriptors opened before, so no staging directory is needed and nothing is detached later.
 *
 * A mount costs time at the start and at the end of a box, and a line in mountinfo; a host has
 * hundreds of modules and device nodes. So what programs hardly look at by its real path is a
 * symbolic link into one bind of the host's directory instead: modules (/sys/.module), and most device
 * nodes (/dev/.host).
 */
#include "gate/cover.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/bits.h"
#include "base/cleanup.h"

/* Older C libraries lack these. */
#define OPEN_TREE_CLONE_	 1u
#define MOVE_MOUNT_F_EMPTY_PATH_ 4u

/** All of the host's /dev; and all of its modules, where links from one to another hold. */
#define DEV_HOST     "/dev/.host"
#define MODULES	     "/sys/module"
#define MODULES_HOST "/sys/.module"

struct cover {
	const struct tree *tree;
	bool links; /* DEV_HOST or MODULES_HOST is there: entries may be links to it */
	struct error *error;
};

/** A directory of the host's, and its place in the box. */
struct level {
	const struct cover *cover;
	int host;
	const char *path;
};

enum claim {
	CLAIM_NONE,   /* the host's */
	CLAIM_SHARED, /* a directory in which some entry of ours is, somewhere below */
	CLAIM_OURS,
};

static enum claim claim_of(const struct tree *tree, const char *path)
{
	enum claim claim = CLAIM_NONE;
	size_t len = strlen(path);

	for (size_t i = 0; i < tree->n; i++) {
		const char *entry = tree->entries[i].path;

		if (strncmp(entry, path, len))
			continue;
		if (!entry[len])
			return CLAIM_OURS;
		if (entry[len] == '/')
			claim = CLAIM_SHARED;
	}
	return claim;
}

/** The kind of what is ours at path/name[0..n), or -1. */
static int kind_of(const struct tree *tree, const char *path, const char *name, size_t n)
{
	size_t len = strlen(path);

	for (size_t i = 0; i < tree->n; i++) {
		const char *entry = tree->entries[i].path;

		if (!strncmp(entry, path, len) && entry[len] == '/' &&
			!strncmp(entry + len + 1, name, n) && !entry[len + 1 + n])
			return (int)tree->entries[i].kind;
	}
	return -1;
}

static bool has_dir(int host, const char *name, size_t n)
{
	char dir[NAME_MAX + 1];
	struct stat st;

	snprintf(dir, sizeof(dir), "%.*s", (int)n, name);
	return !fstatat(host, dir, &st, AT_SYMLINK_NOFOLLOW) && S_ISDIR(st.st_mode);
}

/**
 * Whether a shared directory can be the host's with ours mounted over its own directories
 * (namespace.c: make_dir), which takes far fewer mounts than showing each entry.
 */
static bool fits(const struct tree *tree, int host, const char *path)
{
	size_t len = strlen(path);

	for (size_t i = 0; i < tree->n; i++) {
		const struct tree_entry *entry = &tree->entries[i];
		const char *name = entry->path + len + 1;
		size_t n;

		if (strncmp(entry->path, path, len) || entry->path[len] != '/')
			continue;
		n = strcspn(name, "/");
		if (entry->kind == TREE_HIDDEN && !name[n]) {
			if (!faccessat(host, name, F_OK, AT_SYMLINK_NOFOLLOW))
				return false;
		} else if (kind_of(tree, path, name, n) != TREE_DIR || !has_dir(host, name, n)) {
			return false;
		}
	}
	return true;
}

static void copy_link(const struct level *level, const char *name, const char *path)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(level->host, name, target, sizeof(target) - 1);

	if (n < 0)
		return;
	target[n] = '\0';
	(void)!symlink(target, path);
}

/** What can be bound only onto its own kind: a directory, or anything else. */
static void bind(const struct level *level, const char *name, const char *path, bool dir)
{
	char from[NAME_MAX + 32];
	int err;

	snprintf(from, sizeof(from), "/proc/self/fd/%d/%s", level->host, name);
	err = dir ? mkdir(path, 0755) : mknod(path, S_IFREG | 0644, 0);
	if (!err && mount(from, path, NULL, MS_BIND | MS_REC, NULL))
		remove(path);
}

static void link_to(const char *folder, const char *name, const char *path)
{
	char target[PATH_MAX];

	snprintf(target, sizeof(target), "%s/%s", folder, name);
	(void)!symlink(target, path);
}

static bool is_node(const struct dirent *entry)
{
	return entry->d_type == DT_CHR || entry->d_type == DT_BLK;
}

/** Nodes that programs know by their name; ptmx is none of them (keep_host_dev). */
static bool is_well_known(const char *name)
{
	static const char *const names[] = { "null", "zero", "full", "random", "urandom", "tty" };

	for (unsigned i = 0; i < ARRAY_LEN(names); i++)
		if (!strcmp(name, names[i]))
			return true;
	return false;
}

/**
 * Show an entry of the host's. What cannot be shown (gone meanwhile, unbindable) is left out, as a
 * program must expect of any file of /sys and /dev.
 */
static void show(const struct level *level, const struct dirent *entry, const char *path)
{
	const char *name = entry->d_name;

	if (level->cover->links && !strcmp(level->path, MODULES))
		link_to("../.module", name, path);
	else if (entry->d_type == DT_LNK)
		copy_link(level, name, path);
	else if (level->cover->links && is_node(entry) && !is_well_known(name))
		link_to(".host", name, path);
	else
		bind(level, name, path, entry->d_type == DT_DIR);
}

static int share(const struct cover *cover, int host, const char *path);

static int share_dir(const struct level *level, const char *name, const char *path)
{
	int host = openat(level->host, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (host >= 0 && fits(level->cover->tree, host, path)) {
		close(host);
		bind(level, name, path, true);
		return 0;
	}
	if (mkdir(path, 0755)) {
		close(host);
		return error_sys(level->cover->error, errno, "cannot make %s", path);
	}
	return share(level->cover, host, path);
}

static int share_entry(const struct level *level, const struct dirent *entry)
{
	char path[PATH_MAX];

	if ((size_t)snprintf(path, sizeof(path), "%s/%s", level->path, entry->d_name) >=
		sizeof(path))
		return 0;
	switch (claim_of(level->cover->tree, path)) {
	case CLAIM_SHARED:
		return share_dir(level, entry->d_name, path);
	case CLAIM_NONE:
		show(level, entry, path);
		return 0;
	case CLAIM_OURS:
		break;
	}
	return 0;
}

/** All of the host's entries of a shared directory that are not ours. Takes host. */
static int share(const struct cover *cover, int host, const char *path)
{
	const struct level level = { .cover = cover, .host = host, .path = path };
	DIR *dir = host < 0 ? NULL : fdopendir(host);
	struct dirent *entry;
	int err = 0;

	if (!dir) { /* the host's is none, or closed to us: all of it is ours */
		if (host >= 0)
			close(host);
		return 0;
	}
	while (!err && (entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
			err = share_entry(&level, entry);
	closedir(dir);
	return err;
}

/** Mount the tmpfs. What is below as a descriptor, or -errno. */
static int cover(const char *root, struct error *error)
{
	AUTO_FD int host = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (host < 0)
		return error_sys(error, errno, "cannot open %s", root);
	if (mount("nestbox", root, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0755"))
		return error_sys(error, errno, "cannot mount a tmpfs on %s", root);
	return TAKE_FD(host);
}

static bool bind_modules(int sys)
{
	const struct level level = { .host = sys };
	struct stat st;

	bind(&level, "module", MODULES_HOST, true);
	return !stat(MODULES_HOST, &st);
}

int cover_sys(const struct tree *tree, struct error *error)
{
	struct cover sys = { .tree = tree, .error = error };
	int host = cover("/sys", error);

	if (host < 0)
		return host;
	sys.links = bind_modules(host);
	return share(&sys, host, "/sys");
}

/**
 * The host's whole /dev, to be reached at DEV_HOST. ptmx must be: a bind of that single file makes
 * no terminals, since the kernel looks for "pts" beside it (Linux 7.3 fs/devpts: path_pts).
 */
static bool keep_host_dev(int host_dev)
{
	return host_dev >= 0 && !mkdir(DEV_HOST, 0755) &&
	       !syscall(SYS_move_mount, host_dev, "", AT_FDCWD, DEV_HOST, MOVE_MOUNT_F_EMPTY_PATH_);
}

int cover_dev(const struct tree *tree, struct error *error)
{
	AUTO_FD int all = (int)syscall(
		SYS_open_tree, AT_FDCWD, "/dev", OPEN_TREE_CLONE_ | AT_RECURSIVE | O_CLOEXEC);
	struct cover dev = { .tree = tree, .error = error };
	int host = cover("/dev", error);

	if (host < 0)
		return host;
	dev.links = keep_host_dev(all);
	return share(&dev, host, "/dev");
}
