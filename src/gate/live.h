/* SPDX-License-Identifier: MIT */
/*
 * The box's /sys while it runs. What is to be seen is generated anew whenever the machine has
 * changed (tree.h), and the difference to what is there is made in the box's own tmpfs, through
 * mounts that only we have (namespace.h): entry by entry, each in one step (rename), so that a
 * reader sees the old one or the new one. Group nodes come and go by being renamed too: the mounts
 * on them go along, which the kernel allows to who is in another mount namespace.
 *
 * Configuration space, and what changes with it, is copied into the files that are there, before
 * the call that changed it returns.
 */
#ifndef GATE_LIVE_H
#define GATE_LIVE_H

#include <sys/stat.h>

#include "gate/tree.h"

struct live;
struct vfio;

struct live_args {
	struct machine *machine;
	struct vfio *vfio;
	const struct tree *nodes; /* as launched; borrowed */
	int sys, report_dir;	  /* of struct launched; borrowed */
	bool admin;
};

/** NULL: without memory, or where nothing can be changed (sys is -1). */
struct live *live_create(const struct live_args *args);
void live_destroy(struct live *live); /* NULL accepted */

/* All below accept NULL, and may be called by any thread, without locks. */

/** What is to be seen has changed: make it so. */
void live_refresh(struct live *live);
/** As above, if devices were bound, opened or closed since; cheap. */
void live_follow(struct live *live);
/** A call on this device (by its memfd) may have written configuration space. */
void live_touched(struct live *live, int memfd);

/** Where a file of /sys is written to. */
struct live_attr {
	struct tree_attr attr;
	unsigned mode;
	char path[64]; /* the longest is that of a driver's remove_id */
};

/** Whether the file with this stat is one of ours below /sys; kind ATTR_NONE: not writable. */
bool live_find(struct live *live, const struct stat *st, struct live_attr *out);
/** Whether it lies in the box's /sys: what statfs should call sysfs. */
bool live_is_sysfs(struct live *live, uint64_t dev);
/** stat and content of a file by its path. -errno. */
int live_stat(struct live *live, const char *path, struct stat *st);
ssize_t live_read(struct live *live, const char *path, char *buf, size_t size, uint64_t pos);

#endif
