/* SPDX-License-Identifier: MIT */
/*
 * /sys and /dev each get a tmpfs on top, which shows the host's entries (cover.c), and beside them
 * our own. What may be done
 * without privilege is narrow (doc/platform): no fresh sysfs, no mknod, no mkdir below
 * the real /dev, only recursive binds. So a device node of ours is a bind of /dev/null, which is a
 * character device and has a mount id of its own: that is how an open of it is recognised.
 */
#include "gate/namespace.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <linux/magic.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/bits.h"
#include "base/cleanup.h"
#include "gate/cover.h"

#define OPEN_TREE_CLONE_ 1u /* older C libraries lack it */

#define TMPFS_FLAGS (MS_NOSUID | MS_NODEV | MS_NOEXEC)

static int write_proc(const char *path, const char *text, struct error *error)
{
	AUTO_FD int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		return error_sys(error, errno, "cannot write %s", path);
	return 0;
}

static int map_user(unsigned uid, struct error *error)
{
	struct error failure = { 0 };
	char map[48];
	int err;

	snprintf(map, sizeof(map), "%u %u 1\n", uid, uid);
	err = write_proc("/proc/self/uid_map", map, &failure);
	if (!err)
		return 0;
	/* Linux 5.12 verify_root_map: root may only hand itself on if it had CAP_SETFCAP. */
	if (err == -EPERM && !uid)
		return error_set(error, EPERM,
			"root without CAP_SETFCAP cannot be root of a user namespace (containers: "
			"--cap-add SETFCAP, or another user than root)");
	/* AppArmor lets a user namespace be made, but nothing be done in it. */
	return error_set(error, -err,
		"%s (Ubuntu 24.04: sysctl kernel.apparmor_restrict_unprivileged_userns=0, or "
		"sudo nestbox run --user NAME)",
		failure.message);
}

static int refuse_user_namespace(int err, struct error *error)
{
	if (err == ENOSPC)
		return error_set(error, err,
			"no more user namespaces can be made (sysctl user.max_user_namespaces)");
	return error_sys(error, err,
		"cannot make a user namespace (containers: --cap-add SYS_ADMIN; elsewhere: sudo "
		"nestbox run --user NAME)");
}

/** A user namespace in which we are the only user, under our own number. */
static int enter_user_namespace(struct error *error)
{
	unsigned uid = geteuid(), gid = getegid();
	char map[48];
	int err;

	if (unshare(CLONE_NEWUSER | CLONE_NEWNS))
		return refuse_user_namespace(errno, error);
	err = write_proc("/proc/self/setgroups", "deny", error);
	err = err ? err : map_user(uid, error);
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
		err = error_sys(error, errno,
			"cannot mount, not even in a namespace of our own (containers: --cap-add "
			"SYS_ADMIN --security-opt apparmor=unconfined)");
	return err;
}

static int touch(const char *path, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);

	return fd < 0 ? -errno : close(fd);
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
	mode_t mode = entry->mode ? entry->mode : strncmp(entry->path, "/sys/", 5) ? 0644 : 0444;
	AUTO_FD int fd =
		open(entry->path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	ssize_t n = fd < 0 ? -1 : write(fd, entry->content, entry->len);

	if (n >= 0 && entry->sparse && ftruncate(fd, (off_t)entry->sparse))
		return -errno;
	return n < 0 ? -errno : n == (ssize_t)entry->len ? 0 : -EIO;
}

void tree_absent_path(const struct tree_entry *node, char *buf, size_t size)
{
	snprintf(buf, size, TREE_ABSENT_DIR "/%s", strrchr(node->path, '/') + 1);
}

/** Where it is created: a node that is absent can come later, by being renamed. */
static const char *place_of(const struct tree_entry *entry, char *buf, size_t size)
{
	if (!entry->absent)
		return entry->path;
	tree_absent_path(entry, buf, size);
	return buf;
}

static int make_node(const struct tree_entry *entry, const char *null)
{
	char buf[PATH_MAX];
	const char *path = place_of(entry, buf, sizeof(buf));
	int err = touch(path, 0666);

	if (!err && mount(null, path, NULL, MS_BIND, NULL))
		err = -errno;
	return err;
}

/** Where the host's directory shows (cover.c: fits), ours is a tmpfs over it. */
static int make_dir(const char *path)
{
	struct statfs fs;

	if (!mkdir(path, 0755))
		return 0;
	if (errno != EEXIST || statfs(path, &fs))
		return -errno;
	if (fs.f_type == TMPFS_MAGIC)
		return 0;
	return mount("nestbox", path, "tmpfs", TMPFS_FLAGS, "mode=0755") ? -errno : 0;
}

static int make_it(const struct tree_entry *entry, const char *null)
{
	switch (entry->kind) {
	case TREE_DIR:
		return make_dir(entry->path);
	case TREE_LINK:
		return symlink(entry->content, entry->path) ? -errno : 0;
	case TREE_FILE:
		return make_file(entry);
	case TREE_NODE:
		return make_node(entry, null);
	case TREE_HIDDEN:
		break;
	}
	return 0;
}

static int make_entry(const struct tree_entry *entry, const char *null, struct error *error)
{
	int err = make_it(entry, null);

	/* Most have their directory by now: looking first would be most of the work. */
	if (err == -ENOENT) {
		char buf[PATH_MAX];

		err = make_parents(place_of(entry, buf, sizeof(buf)), error);
		if (err)
			return err;
		err = make_it(entry, null);
	}
	return err ? error_sys(error, -err, "cannot make %s", entry->path) : 0;
}

static int identify(struct tree_entry *entry, struct error *error)
{
	char buf[PATH_MAX];
	const char *path = place_of(entry, buf, sizeof(buf));
	struct statx stx;

	if (statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS | STATX_MNT_ID, &stx))
		return error_sys(error, errno, "cannot stat %s", path);
	if (!(stx.stx_mask & STATX_MNT_ID))
		return error_set(
			error, ENOSYS, "statx gives no mount ids (Linux 5.8 or later does)");
	entry->mnt_id = stx.stx_mnt_id;
	entry->ino = stx.stx_ino;
	entry->dev = (uint64_t)stx.stx_dev_major << 32 | stx.stx_dev_minor;
	return 0;
}

/** The tmpfs is ours, but to the program these are the host's: not to be written by it. */
static int seal(const struct tree *tree, struct error *error)
{
	const unsigned long flags = MS_REMOUNT | MS_BIND | MS_RDONLY | TMPFS_FLAGS;

	if (mount(NULL, "/sys", NULL, flags, NULL))
		return error_sys(error, errno, "cannot make /sys read-only");
	/* Those that are mounts of their own (make_dir); of the others it is EINVAL. */
	for (size_t i = 0; i < tree->n; i++)
		if (tree->entries[i].kind == TREE_DIR &&
			!strncmp(tree->entries[i].path, "/sys/", 5) &&
			mount(NULL, tree->entries[i].path, NULL, flags, NULL) && errno != EINVAL)
			return error_sys(
				error, errno, "cannot make %s read-only", tree->entries[i].path);
	if (geteuid() && chmod("/dev", 0555))
		return error_sys(error, errno, "cannot chmod /dev");
	return 0;
}

/**
 * The same file systems by other mounts, which nobody seals and which are mounted nowhere: what the
 * supervisor changes while the box runs it changes there (live.c). Without open_tree, nothing can be
 * changed.
 */
static int copy_sys(void)
{
	return (int)syscall(
		SYS_open_tree, AT_FDCWD, "/sys", OPEN_TREE_CLONE_ | AT_RECURSIVE | O_CLOEXEC);
}

/** One of /sys and /dev: neither needs anything of the other. */
struct part {
	const char *root;
	int (*cover)(const struct tree *tree, struct error *error);
	const struct tree *tree;
	const char *null; /* the host's /dev/null */
	struct error error;
	int err;
};

static void *populate_part(void *ctx)
{
	struct part *part = ctx;
	const struct tree *tree = part->tree;
	size_t len = strlen(part->root);

	part->err = part->cover(tree, &part->error);
	for (size_t i = 0; !part->err && i < tree->n; i++)
		if (!strncmp(tree->entries[i].path, part->root, len))
			part->err = make_entry(&tree->entries[i], part->null, &part->error);
	return NULL;
}

/** Both at once, since this is most of what starting a box takes. */
static void populate_parts(struct part *sys, struct part *dev)
{
	pthread_t thread;
	bool alone = pthread_create(&thread, NULL, populate_part, dev) != 0;

	populate_part(sys);
	if (alone)
		populate_part(dev);
	else
		pthread_join(thread, NULL);
}

static int populate(struct tree *tree, int null_fd, struct error *error)
{
	char null[32];
	struct part sys = { .root = "/sys/", .cover = cover_sys, .tree = tree, .null = null };
	struct part dev = { .root = "/dev/", .cover = cover_dev, .tree = tree, .null = null };
	int err;

	snprintf(null, sizeof(null), "/proc/self/fd/%d", null_fd);
	populate_parts(&sys, &dev);
	*error = sys.err ? sys.error : dev.error;
	err = sys.err ? sys.err : dev.err;
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

int namespace_populate(struct tree *tree, int *sys, struct error *error)
{
	AUTO_FD int null_fd = open("/dev/null", O_PATH | O_CLOEXEC);
	mode_t mask = umask(0);
	char cwd[PATH_MAX];
	int err = 0;

	if (!getcwd(cwd, sizeof(cwd)))
		cwd[0] = '\0';
	if (null_fd < 0)
		err = error_sys(error, errno, "cannot open /dev/null");
	err = err ? err : populate(tree, null_fd, error);
	*sys = err ? -1 : copy_sys();
	err = err ? err : seal(tree, error);
	umask(mask);
	if (!err)
		renew_cwd(cwd);
	return err;
}
