/* SPDX-License-Identifier: MIT */
/*
 * /sys and /dev each get a tmpfs on top. Into it go, for every directory that is shared with the
 * host (tree.h), recursive binds of the host's entries, and beside them our own. What may be done
 * without privilege is narrow (doc/platform): no fresh sysfs, no mknod, no mkdir below
 * the real /dev, only recursive binds. So a device node of ours is a bind of /dev/null, which is a
 * character device and has a mount id of its own: that is how an open of it is recognised.
 *
 * The host's /sys and /dev stay reachable underneath through descriptors opened before
 * (/proc/self/fd/N/...), so no staging directory is needed and nothing has to be detached later.
 */
#include "gate/namespace.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
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

#define TMPFS_FLAGS (MS_NOSUID | MS_NODEV | MS_NOEXEC)

static int write_proc(const char *path, const char *text, struct error *error)
{
	AUTO_FD int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		return error_sys(error, errno, "cannot write %s", path);
	return 0;
}

/** A user namespace in which we are the only user, under our own number. */
static int enter_user_namespace(struct error *error)
{
	unsigned uid = geteuid(), gid = getegid();
	char map[48];
	int err;

	if (unshare(CLONE_NEWUSER | CLONE_NEWNS))
		return error_sys(error, errno,
			"cannot make a user namespace (as root, `nestbox run --user NAME` needs "
			"none)");
	err = write_proc("/proc/self/setgroups", "deny", error);
	snprintf(map, sizeof(map), "%u %u 1\n", uid, uid);
	err = err ? err : write_proc("/proc/self/uid_map", map, error);
	snprintf(map, sizeof(map), "%u %u 1\n", gid, gid);
	return err ? err : write_proc("/proc/self/gid_map", map, error);
}

int namespace_enter(struct error *error)
{
	int err = 0;

	if (unshare(CLONE_NEWNS)) {
		if (errno != EPERM)
			return error_sys(error, errno, "cannot make a mount namespace");
		err = enter_user_namespace(error);
	}
	/* Slave, not private: what the host unmounts later must not stay busy because of us. */
	if (!err && mount(NULL, "/", NULL, MS_SLAVE | MS_REC, NULL))
		err = error_sys(error, errno, "cannot detach the box's mounts from the host's");
	return err;
}

/* One of /sys and /dev while it is being made. */
struct cover {
	const char *root;
	const struct tree *tree;
	int host; /* O_PATH of what is below */
	struct error *error;
};

/** How the host's entry is reached now that the cover hides it. */
static void host_path(const struct cover *cover, const char *path, char out[PATH_MAX])
{
	snprintf(out, PATH_MAX, "/proc/self/fd/%d%s", cover->host, path + strlen(cover->root));
}

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

		if (!strcmp(entry, path))
			return CLAIM_OURS;
		if (!strncmp(entry, path, len) && entry[len] == '/')
			claim = CLAIM_SHARED;
	}
	return claim;
}

static int touch(const char *path, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);

	return fd < 0 ? -errno : close(fd);
}

static int copy_link(const char *from, const char *to)
{
	char target[PATH_MAX];
	ssize_t n = readlink(from, target, sizeof(target) - 1);

	if (n < 0)
		return -errno;
	target[n] = '\0';
	return symlink(target, to) ? -errno : 0;
}

/**
 * Show an entry of the host's. What cannot be shown (gone meanwhile, unbindable) is left out, as a
 * program must expect of any file of /sys and /dev.
 */
static void show_host(const struct cover *cover, const char *path)
{
	char from[PATH_MAX];
	struct stat st;
	int err;

	host_path(cover, path, from);
	if (lstat(from, &st))
		return;
	if (S_ISLNK(st.st_mode)) {
		copy_link(from, path);
		return;
	}
	err = S_ISDIR(st.st_mode) ? mkdir(path, 0755) : touch(path, 0644);
	if (!err && mount(from, path, NULL, MS_BIND | MS_REC, NULL))
		remove(path);
}

static int share_dir(const struct cover *cover, const char *path);

static int share_entry(const struct cover *cover, const char *path, const char *name)
{
	char child[PATH_MAX];

	if ((size_t)snprintf(child, sizeof(child), "%s/%s", path, name) >= sizeof(child))
		return 0;
	switch (claim_of(cover->tree, child)) {
	case CLAIM_SHARED:
		if (mkdir(child, 0755))
			return error_sys(cover->error, errno, "cannot make %s", child);
		return share_dir(cover, child);
	case CLAIM_NONE:
		show_host(cover, child);
		return 0;
	case CLAIM_OURS:
		break;
	}
	return 0;
}

/** All of the host's entries of a shared directory that are not ours. */
static int share_dir(const struct cover *cover, const char *path)
{
	char from[PATH_MAX];
	struct dirent *entry;
	int err = 0;
	DIR *dir;

	host_path(cover, path, from);
	dir = opendir(from);
	if (!dir) /* the host has none: all of it is ours */
		return 0;
	while (!err && (entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
			err = share_entry(cover, path, entry->d_name);
	closedir(dir);
	return err;
}

static int cover_root(const struct tree *tree, const char *root, struct error *error)
{
	AUTO_FD int host = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct cover cover = { .root = root, .tree = tree, .host = host, .error = error };

	if (host < 0)
		return error_sys(error, errno, "cannot open %s", root);
	if (mount("nestbox", root, "tmpfs", TMPFS_FLAGS, "mode=0755"))
		return error_sys(error, errno, "cannot mount a tmpfs on %s", root);
	return share_dir(&cover, root);
}

static int make_parents(const char *path, struct error *error)
{
	char dir[PATH_MAX];

	snprintf(dir, sizeof(dir), "%s", path);
	for (char *slash = strchr(dir + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(dir, 0755) && errno != EEXIST)
			return error_sys(error, errno, "cannot make %s", dir);
		*slash = '/';
	}
	return 0;
}

static int make_file(const struct tree_entry *entry)
{
	/* Reports below /dev are rewritten by the supervisor, who may be their mere owner. */
	mode_t mode = strncmp(entry->path, "/sys/", 5) ? 0644 : 0444;
	AUTO_FD int fd =
		open(entry->path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	ssize_t n = fd < 0 ? -1 : write(fd, entry->content, entry->len);

	return n < 0 ? -errno : n == (ssize_t)entry->len ? 0 : -EIO;
}

static int make_node(const struct tree_entry *entry, const char *null)
{
	int err = touch(entry->path, 0666);

	if (!err && mount(null, entry->path, NULL, MS_BIND, NULL))
		err = -errno;
	return err;
}

static int make_entry(const struct tree_entry *entry, const char *null, struct error *error)
{
	int err;

	if (entry->kind == TREE_HIDDEN)
		return 0;
	err = make_parents(entry->path, error);
	if (err)
		return err;
	switch (entry->kind) {
	case TREE_DIR:
		err = mkdir(entry->path, 0755) && errno != EEXIST ? -errno : 0;
		break;
	case TREE_LINK:
		err = symlink(entry->content, entry->path) ? -errno : 0;
		break;
	case TREE_FILE:
		err = make_file(entry);
		break;
	case TREE_NODE:
		err = make_node(entry, null);
		break;
	case TREE_HIDDEN:
		break;
	}
	return err ? error_sys(error, -err, "cannot make %s", entry->path) : 0;
}

static int identify(struct tree_entry *entry, struct error *error)
{
	struct statx stx;

	if (statx(AT_FDCWD, entry->path, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS | STATX_MNT_ID,
		    &stx))
		return error_sys(error, errno, "cannot stat %s", entry->path);
	if (!(stx.stx_mask & STATX_MNT_ID))
		return error_set(
			error, ENOSYS, "statx gives no mount ids (Linux 5.8 or later does)");
	entry->mnt_id = stx.stx_mnt_id;
	entry->ino = stx.stx_ino;
	entry->dev = (uint64_t)stx.stx_dev_major << 32 | stx.stx_dev_minor;
	return 0;
}

/**
 * A bind of the single file /dev/ptmx makes no terminals: the kernel looks for "pts" beside it
 * (Linux 7.3 fs/devpts: path_pts). So where ptmx is a node of its own, it is reached through a
 * bind of all the host's /dev.
 */
static int open_host_dev(void)
{
	struct stat st;

	if (lstat("/dev/ptmx", &st) || !S_ISCHR(st.st_mode))
		return -1;
	return (int)syscall(
		SYS_open_tree, AT_FDCWD, "/dev", OPEN_TREE_CLONE_ | AT_RECURSIVE | O_CLOEXEC);
}

static int keep_ptmx(int host_dev, struct error *error)
{
	if (host_dev < 0)
		return 0;
	if (umount2("/dev/ptmx", MNT_DETACH) || unlink("/dev/ptmx") || mkdir("/dev/.host", 0755) ||
		syscall(SYS_move_mount, host_dev, "", AT_FDCWD, "/dev/.host",
			MOVE_MOUNT_F_EMPTY_PATH_) ||
		symlink(".host/ptmx", "/dev/ptmx"))
		return error_sys(error, errno, "cannot keep /dev/ptmx");
	return 0;
}

/** The tmpfs is ours, but to the program these are the host's: not to be written by it. */
static int seal(struct error *error)
{
	if (mount(NULL, "/sys", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | TMPFS_FLAGS, NULL))
		return error_sys(error, errno, "cannot make /sys read-only");
	if (geteuid() && chmod("/dev", 0555))
		return error_sys(error, errno, "cannot chmod /dev");
	return 0;
}

static int populate(struct tree *tree, int null_fd, struct error *error)
{
	char null[32];
	int err = cover_root(tree, "/sys", error);

	snprintf(null, sizeof(null), "/proc/self/fd/%d", null_fd);
	err = err ? err : cover_root(tree, "/dev", error);
	for (size_t i = 0; !err && i < tree->n; i++)
		err = make_entry(&tree->entries[i], null, error);
	for (size_t i = 0; !err && i < tree->n; i++)
		if (tree->entries[i].kind == TREE_NODE)
			err = identify(&tree->entries[i], error);
	return err;
}

/** A working directory below a covered root would stay the host's: take the box's, if it has it. */
static void renew_cwd(const char *cwd)
{
	if (!strncmp(cwd, "/sys", 4) || !strncmp(cwd, "/dev", 4))
		(void)!chdir(cwd);
}

int namespace_populate(struct tree *tree, struct error *error)
{
	AUTO_FD int null_fd = open("/dev/null", O_PATH | O_CLOEXEC);
	AUTO_FD int host_dev = open_host_dev();
	mode_t mask = umask(0);
	char cwd[PATH_MAX];
	int err = 0;

	if (!getcwd(cwd, sizeof(cwd)))
		cwd[0] = '\0';
	if (null_fd < 0)
		err = error_sys(error, errno, "cannot open /dev/null");
	err = err ? err : populate(tree, null_fd, error);
	err = err ? err : keep_ptmx(host_dev, error);
	err = err ? err : seal(error);
	umask(mask);
	if (!err)
		renew_cwd(cwd);
	return err;
}
