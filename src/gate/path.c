/* SPDX-License-Identifier: MIT */
/*
 * What would this open open? Strings are not enough: programs use relative names, descriptors of
 * directories, symbolic links, "..", and names below /proc. So the path is walked in the program's
 * view (its root, its working directory, its mounts), and where it ends is compared with the nodes.
 *
 * Names are tried by the kernel first, in one call: openat2 with RESOLVE_IN_ROOT on the program's
 * root, or RESOLVE_BENEATH where a relative one begins. What that cannot do (relative names that
 * leave where they start, and /proc, whose "self" would be us and whose magic links it refuses) is
 * walked here, component by component.
 *
 * A node is known by mount and inode. A program that made itself another mount namespace has
 * other mount ids: the mount's place in its mountinfo then tells which node it is.
 */
#include "gate/calls.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "gate/procfs.h"

#define MAX_LINKS 40 /* Linux MAXSYMLINKS */

static int open_at(int dir, const char *path, uint64_t flags, uint64_t resolve)
{
	struct open_how how = { .flags = flags | O_PATH | O_CLOEXEC, .resolve = resolve };

	return (int)syscall(SYS_openat2, dir, path, &how, sizeof(how));
}

static int open_proc(pid_t tid, const char *name)
{
	return procfs_open(tid, name, O_PATH);
}

/* ---- walking ---- */

struct walk {
	struct call *call;
	pid_t tid;
	int root, at; /* descriptors (O_PATH), owned */
	unsigned links;
	bool nofollow;
	char rest[2 * PATH_MAX]; /* what is still to be walked */
};

static bool same_place(int a, int b)
{
	struct statx sa, sb;

	return !statx(a, "", AT_EMPTY_PATH, STATX_INO | STATX_MNT_ID, &sa) &&
	       !statx(b, "", AT_EMPTY_PATH, STATX_INO | STATX_MNT_ID, &sb) &&
	       sa.stx_ino == sb.stx_ino && sa.stx_mnt_id == sb.stx_mnt_id;
}

static bool step_to(struct walk *walk, int fd)
{
	if (fd < 0)
		return false;
	close(walk->at);
	walk->at = fd;
	return true;
}

static bool in_proc(int fd)
{
	struct statfs fs;

	return !fstatfs(fd, &fs) && fs.f_type == PROC_SUPER_MAGIC;
}

/** /proc/self and /proc/thread-self are whoever looks: here, the program. */
static bool proc_self(struct walk *walk, const char *name, char *target, size_t size)
{
	pid_t tgid;

	if (strcmp(name, "self") && strcmp(name, "thread-self"))
		return false;
	tgid = procfs_foreign_tgid(walk->tid);
	if (!strcmp(name, "self"))
		snprintf(target, size, "%d", tgid);
	else
		snprintf(target, size, "%d/task/%d", tgid, procfs_number(walk->tid));
	return true;
}

/** Put a link's target before what is left to walk. */
static bool follow(struct walk *walk, const char *target)
{
	char rest[sizeof(walk->rest)];
	int n = snprintf(rest, sizeof(rest), "%s/%s", target, walk->rest);

	if (++walk->links > MAX_LINKS || n >= (int)sizeof(rest))
		return false;
	memcpy(walk->rest, rest, (size_t)n + 1);
	return target[0] != '/' || step_to(walk, fcntl(walk->root, F_DUPFD_CLOEXEC, 0));
}

/** fd, a link found in walk->at under this name. */
static bool walk_link(struct walk *walk, int fd, const char *name)
{
	char target[PATH_MAX];
	bool proc = in_proc(fd);
	ssize_t n;
	int magic;

	if (proc && proc_self(walk, name, target, sizeof(target)))
		return follow(walk, target);
	if (proc) {
		magic = open_at(walk->at, name, 0, RESOLVE_NO_MAGICLINKS);
		if (magic >= 0)
			close(magic);
		else if (errno == ELOOP)
			return step_to(walk, open_at(walk->at, name, 0, 0));
	}
	n = readlinkat(fd, "", target, sizeof(target) - 1);
	if (n <= 0)
		return false;
	target[n] = 0;
	return follow(walk, target);
}

static bool walk_component(struct walk *walk, const char *name, bool last)
{
	AUTO_FD int fd = -1;
	struct stat st;

	if (!strcmp(name, ".."))
		return same_place(walk->at, walk->root) ||
		       step_to(walk, open_at(walk->at, "..", 0, 0));
	fd = open_at(walk->at, name, O_NOFOLLOW, 0);
	if (fd < 0 || fstat(fd, &st))
		return false;
	if (!S_ISLNK(st.st_mode))
		return step_to(walk, TAKE_FD(fd));
	return !(last && walk->nofollow) && walk_link(walk, fd, name);
}

/** Take the first component off walk->rest. False: there is none left. */
static bool next_component(struct walk *walk, char name[NAME_MAX + 1])
{
	const char *p = walk->rest + strspn(walk->rest, "/");
	size_t n = strcspn(p, "/");

	if (!n || n > NAME_MAX)
		return false;
	memcpy(name, p, n);
	name[n] = 0;
	memmove(walk->rest, p + n, strlen(p + n) + 1);
	return true;
}

static bool walk_rest(struct walk *walk)
{
	char name[NAME_MAX + 1];

	while (next_component(walk, name)) {
		bool last = !walk->rest[strspn(walk->rest, "/")];

		if (strcmp(name, ".") && !walk_component(walk, name, last))
			return false;
	}
	return !walk->rest[strspn(walk->rest, "/")];
}

/** Where a relative path begins: -1 where it begins nowhere. */
static int open_start(pid_t tid, int dirfd)
{
	char name[24];

	if (dirfd == AT_FDCWD)
		return open_proc(tid, "cwd");
	snprintf(name, sizeof(name), "fd/%d", dirfd);
	return open_proc(tid, name);
}

static int walk_path(struct call *call, int root, int dirfd, const char *path, bool nofollow)
{
	struct walk *walk = malloc(sizeof(*walk));
	int at = -1;

	if (!walk)
		return -1;
	walk->call = call;
	walk->tid = (pid_t)call->notif->pid;
	walk->root = root;
	walk->links = 0;
	walk->nofollow = nofollow;
	snprintf(walk->rest, sizeof(walk->rest), "%s", path);
	walk->at = path[0] == '/' ? fcntl(root, F_DUPFD_CLOEXEC, 0) : open_start(walk->tid, dirfd);
	if (walk->at >= 0) {
		if (walk_rest(walk))
			at = walk->at;
		else
			close(walk->at);
	}
	free(walk);
	return at;
}

/* ---- in one call of the kernel ---- */

/** The directory that path's last component is looked up in, and that component. */
static int open_parent(int at, const char *path, uint64_t scope, const char **last)
{
	const char *slash = strrchr(path, '/');
	char dir[PATH_MAX];

	*last = slash ? slash + 1 : path;
	snprintf(dir, sizeof(dir), "%.*s", slash ? (int)(slash - path) + 1 : 1, slash ? path : ".");
	return open_at(at, dir, 0, scope);
}

/**
 * Nothing is there, for the program either: its last component does not exist, in a directory that
 * is the same for both of us. What most opens that create a file are about.
 */
static bool is_nothing(int at, const char *path, uint64_t scope)
{
	const char *last;
	AUTO_FD int dir = open_parent(at, path, scope, &last);
	AUTO_FD int fd = -1;

	if (dir < 0 || !*last || in_proc(dir))
		return false;
	fd = open_at(dir, last, O_NOFOLLOW, 0);
	return fd < 0 && errno == ENOENT;
}

/** -1 where there is nothing, or (*walk) where only walking tells. */
static int open_quickly(int at, const char *path, uint64_t nofollow, bool *walk)
{
	uint64_t scope =
		RESOLVE_NO_MAGICLINKS | (path[0] == '/' ? RESOLVE_IN_ROOT : RESOLVE_BENEATH);
	int fd = open_at(at, path, nofollow, scope);

	*walk = fd < 0 && (errno != ENOENT || !is_nothing(at, path, scope));
	return fd;
}

static int resolve(struct call *call, int dirfd, const char *path, uint64_t flags)
{
	pid_t tid = (pid_t)call->notif->pid;
	AUTO_FD int root = open_proc(tid, "root");
	AUTO_FD int start = path[0] == '/' ? -1 : open_start(tid, dirfd);
	uint64_t nofollow = flags & O_NOFOLLOW;
	bool walk = true;
	int fd = -1;

	if (root < 0)
		return -1;
	if (path[0] == '/')
		fd = open_quickly(root, path, nofollow, &walk);
	else if (start >= 0)
		fd = open_quickly(start, path, nofollow, &walk);
	return walk ? walk_path(call, root, dirfd, path, nofollow != 0) : fd;
}

/* ---- recognising ---- */

/** Where that mount is in the program's view: "36 35 98:0 /mnt1 /mnt2 rw,noatime ..." */
static bool mount_point(pid_t tid, uint64_t mnt_id, char *out, size_t size)
{
	AUTO_FREE char *line = NULL;
	unsigned long long id;
	FILE *f = procfs_read(tid, "mountinfo");
	char at[PATH_MAX];
	bool found = false;
	size_t n = 0;

	while (f && !found && getline(&line, &n, f) > 0)
		found = sscanf(line, "%llu %*d %*s %*s %4095s", &id, at) == 2 && id == mnt_id;
	if (f)
		fclose(f);
	if (found)
		snprintf(out, size, "%s", at);
	return found;
}

static const struct tree_entry *node_by_mount(
	const struct tree *tree, pid_t tid, const struct statx *stx)
{
	char at[PATH_MAX];
	size_t i;

	if (!mount_point(tid, stx->stx_mnt_id, at, sizeof(at)))
		return NULL;
	for (i = 0; i < tree->n; i++) {
		const struct tree_entry *e = &tree->entries[i];

		if (e->kind == TREE_NODE && e->ino == stx->stx_ino && !strcmp(e->path, at))
			return e;
	}
	return NULL;
}

/** Whether the program sees the mounts of the box, and none of its own: ids are what they were. */
static bool sees_box_mounts(const struct serve *serve, pid_t tid)
{
	AUTO_FD int fd = open_proc(tid, "ns/mnt");
	struct stat st;

	return fd >= 0 && !fstat(fd, &st) && serve->args.mnt_ns == st.st_ino;
}

static const struct tree_entry *node_of(
	const struct serve *serve, pid_t tid, const struct statx *stx)
{
	const struct tree *tree = serve->args.tree;
	uint64_t dev = makedev(stx->stx_dev_major, stx->stx_dev_minor);
	bool alike = false;
	size_t i;

	for (i = 0; i < tree->n; i++) {
		const struct tree_entry *e = &tree->entries[i];

		if (e->kind != TREE_NODE || e->ino != stx->stx_ino || e->dev != dev)
			continue;
		if (e->mnt_id == stx->stx_mnt_id)
			return e;
		alike = true;
	}
	/* All nodes are /dev/null, and so is that itself, which programs open all the time. */
	return alike && !sees_box_mounts(serve, tid) ? node_by_mount(tree, tid, stx) : NULL;
}

const struct tree_entry *path_node_of(struct call *call, const struct stat *st, uint64_t mnt_id)
{
	const struct statx stx = {
		.stx_ino = st->st_ino,
		.stx_dev_major = major(st->st_dev),
		.stx_dev_minor = minor(st->st_dev),
		.stx_mnt_id = mnt_id,
	};

	return node_of(call->serve, (pid_t)call->notif->pid, &stx);
}

/** An open file of ours, reached through /proc/PID/fd. */
static bool reopened(struct fdtable *fds, int fd, struct path_node *out)
{
	struct fd_origin origin;
	struct file *file;
	struct stat st;

	if (fstat(fd, &st))
		return false;
	file = fdtable_find(fds, &st, &origin);
	if (!file)
		return false;
	bool attr = attr_is(file);

	file_put(file);
	if (attr) /* what there is of it is the stand-in */
		return false;
	*out = (struct path_node){ .node = origin.node, .device = !origin.node };
	return true;
}

int path_open(struct call *call, int dirfd, const char *path, uint64_t flags)
{
	return path[0] ? resolve(call, dirfd, path, flags) : -1;
}

static bool find_attr(struct call *call, int fd, struct live_attr *out)
{
	struct stat st;

	return !fstatat(fd, "", &st, AT_EMPTY_PATH | AT_STATX_DONT_SYNC) && S_ISREG(st.st_mode) &&
	       live_find(call->serve->live, &st, out);
}

bool path_find_attr(
	struct call *call, int dirfd, const char *path, uint64_t flags, struct live_attr *out)
{
	AUTO_FD int fd = path_open(call, dirfd, path, flags);

	return fd >= 0 && find_attr(call, fd, out);
}

bool path_find_node(
	struct call *call, int dirfd, const char *path, uint64_t flags, struct path_node *out)
{
	AUTO_FD int fd = path_open(call, dirfd, path, flags);
	struct statx stx;

	/* Whoever serves the file is not asked: ours is served by the kernel. */
	if (fd < 0 || statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC,
			      STATX_INO | STATX_MNT_ID | STATX_TYPE, &stx))
		return false;
	*out = (struct path_node){ 0 };
	/* A name that ends in a slash opens no device; Linux says ENOTDIR. */
	if (path[strlen(path) - 1] == '/')
		return false;
	if (S_ISCHR(stx.stx_mode))
		out->node = node_of(call->serve, (pid_t)call->notif->pid, &stx);
	if (out->node || !S_ISREG(stx.stx_mode))
		return out->node;
	out->sysfs = find_attr(call, fd, &out->attr);
	return out->sysfs || reopened(call->serve->fds, fd, out);
}
