/* SPDX-License-Identifier: MIT */
/*
 * Opens that the filter did not catch. It sees flags but no paths, and notifying every open of
 * every program would cost each of them 20 microseconds: so only opens for writing are sent to us.
 * Who opens a node in another way (O_RDONLY, which Linux lets use every ioctl; io_uring) has the
 * placeholder, a mount of /dev/null. But VFIO's ioctls come to us on whatever descriptor: the first
 * one opens the node, and puts the stand-in over that very number.
 *
 * A read-only open of /proc/self/fd/N, where N is a node of ours, gives the stand-in's memfd. While
 * N's file is open that is the same file; once it is closed, the memfd's name says which node would
 * have been opened, and it is treated alike.
 *
 * FIDELITY: until its first ioctl such a descriptor reads and writes as /dev/null, and a group is
 * not yet taken. Copies made before it (dup, fork, SCM_RIGHTS) are opens of their own.
 *
 * Hazard: another thread may close the number and use it anew between our look and the
 * installation. That thread races its close with the ioctl, and could as well have been first.
 */
#include "gate/calls.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "gate/procfs.h"

/** What a descriptor was opened with and where, which stat does not tell. */
struct fd_info {
	unsigned flags;
	unsigned long long mnt_id;
};

static bool read_info(const struct proc *proc, int fd, struct fd_info *info)
{
	AUTO_FREE char *line = NULL;
	size_t size = 0;
	unsigned found = 0;
	char name[24];
	FILE *f;

	snprintf(name, sizeof(name), "fdinfo/%d", fd);
	f = procfs_read(proc->tid, name);
	while (f && getline(&line, &size, f) > 0) {
		found += sscanf(line, "flags: %o", &info->flags) == 1;
		found += sscanf(line, "mnt_id: %llu", &info->mnt_id) == 1;
	}
	if (f)
		fclose(f);
	return found == 2;
}

/** The node that a memfd is named after: that of a stand-in whose file is closed. */
static const struct tree_entry *node_by_name(struct call *call, int fd)
{
	static const char prefix[] = "/memfd:";
	const struct tree *tree = call->serve->args.tree;
	char name[16], target[128], *end;
	ssize_t n;

	snprintf(name, sizeof(name), "%d", fd);
	n = readlinkat(call->proc->fds, name, target, sizeof(target) - 1);
	if (n <= 0 || strncmp(target, prefix, sizeof(prefix) - 1) != 0)
		return NULL;
	target[n] = 0;
	end = strstr(target, " (deleted)");
	if (end)
		*end = 0;
	for (size_t i = 0; i < tree->n; i++) {
		const struct tree_entry *e = &tree->entries[i];

		if (e->kind == TREE_NODE && !strcmp(e->path, target + sizeof(prefix) - 1))
			return e;
	}
	return NULL;
}

const struct tree_entry *late_find(struct call *call, int fd, unsigned *flags)
{
	struct proc *proc = call_proc(call);
	const struct tree_entry *node = NULL;
	struct fd_info info;
	struct stat st;

	if (!proc || proc_stat_fd(proc, fd, &st) || !read_info(proc, fd, &info))
		return NULL;
	if (S_ISCHR(st.st_mode))
		node = path_node_of(call, &st, info.mnt_id);
	else if (S_ISREG(st.st_mode) && !st.st_nlink)
		node = node_by_name(call, fd);
	*flags = info.flags;
	/* An O_PATH descriptor has no ioctls: EBADF, says the kernel. */
	return node && !(info.flags & O_PATH) && call_valid(call) ? node : NULL;
}

static long open_now(struct call *call, const struct path_node *found, int fd, unsigned flags)
{
	const struct call_open open = {
		.path = found->node->path,
		/* It exists, whatever the open said of creating it. */
		.flags = flags & ~(unsigned)(O_CREAT | O_EXCL),
		.late = true,
		.at = fd,
	};

	return call_open(call, found, &open);
}

int late_open(struct call *call, int fd, struct file **out)
{
	struct path_node found = { 0 };
	unsigned flags;
	long ret = 0;

	*out = NULL;
	if (!late_find(call, fd, &flags))
		return 0;
	/* Two threads may make their first ioctl at once: the other one may have opened it. */
	pthread_mutex_lock(&call->serve->late_lock);
	*out = call_file_at(call, fd);
	if (!*out)
		found.node = late_find(call, fd, &flags);
	if (found.node) {
		ret = open_now(call, &found, fd, flags);
		*out = ret < 0 ? NULL : call_file_at(call, fd);
	}
	pthread_mutex_unlock(&call->serve->late_lock);
	return ret < 0 ? (int)ret : 0;
}
