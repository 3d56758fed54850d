/* SPDX-License-Identifier: MIT */
#include "gate/live.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bits.h"
#include "base/cleanup.h"
#include "vfio/bind.h"

#define TEMPORARY "nestbox~" /* what an entry is before it is renamed to its place */
#define DEVS_MAX  16

/** A file, as programs' opens are recognised. */
struct live_file {
	uint64_t dev, ino;
	const struct tree_entry *entry; /* of shown */
};

/** What changes with configuration space, as the files have it. */
struct live_device {
	uint8_t config[PCI_CONFIG_BYTES];
	char enable[16];
	const char *power;
};

struct live {
	struct live_args args;
	pthread_mutex_t lock; /* a leaf but for the host lock and devices' locks, taken below it */
	struct tree shown;
	struct live_file *files;
	size_t n_files;
	uint64_t devs[DEVS_MAX]; /* file systems of the box's /sys */
	unsigned n_devs;
	struct live_device *devices;
	unsigned bindings, activity; /* as of the last look; under the lock, read without */
};

/** Below the copy of /sys. */
static const char *below_sys(const char *path)
{
	return path + strlen("/sys/");
}

static bool is_sys(const struct tree_entry *entry)
{
	return !strncmp(entry->path, "/sys/", 5);
}

/* ---- making one entry ---- */

/** "a/b/" + name, for path a/b/c. */
static void sibling(char buf[PATH_MAX], const char *path, const char *name)
{
	const char *slash = strrchr(path, '/');

	snprintf(buf, PATH_MAX, "%.*s%s", slash ? (int)(slash + 1 - path) : 0, path, name);
}

static void make_dir(struct live *live, const char *path)
{
	/* Our own umask is not the box's. */
	if (!mkdirat(live->args.sys, path, 0755))
		fchmodat(live->args.sys, path, 0755, 0);
}

static void make_parents(struct live *live, const char *path)
{
	char dir[PATH_MAX];

	snprintf(dir, sizeof(dir), "%s", path);
	for (char *slash = strchr(dir, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		make_dir(live, dir);
		*slash = '/';
	}
}

static int write_file(struct live *live, const struct tree_entry *entry, const char *path)
{
	AUTO_FD int fd = openat(
		live->args.sys, path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return -errno;
	if (write(fd, entry->content, entry->len) != (ssize_t)entry->len ||
		(entry->sparse && ftruncate(fd, (off_t)entry->sparse)) ||
		fchmod(fd, entry->mode ? entry->mode : 0444))
		return -EIO;
	return 0;
}

static int make_temporary(struct live *live, const struct tree_entry *entry, const char *path)
{
	if (entry->kind == TREE_FILE)
		return write_file(live, entry, path);
	return symlinkat(entry->content, live->args.sys, path) ? -errno : 0;
}

/** A file or link, over what is there. */
static void make(struct live *live, const struct tree_entry *entry)
{
	const char *path = below_sys(entry->path);
	char temporary[PATH_MAX];
	int err;

	sibling(temporary, path, TEMPORARY);
	err = make_temporary(live, entry, temporary);
	if (err == -ENOENT) {
		make_parents(live, path);
		err = make_temporary(live, entry, temporary);
	}
	if (err || renameat(live->args.sys, temporary, live->args.sys, path))
		unlinkat(live->args.sys, temporary, 0);
}

static bool has_below(const struct tree *tree, const char *dir)
{
	size_t len = strlen(dir);

	for (size_t i = 0; i < tree->n; i++) {
		const char *path = tree->entries[i].path;

		if (!strncmp(path, dir, len) && (!path[len] || path[len] == '/'))
			return true;
	}
	return false;
}

/** An entry goes, and the directories that were there for its sake. */
static void drop(struct live *live, const struct tree *next, const struct tree_entry *entry)
{
	char dir[PATH_MAX];
	char *slash;

	snprintf(dir, sizeof(dir), "%s", entry->path);
	unlinkat(live->args.sys, below_sys(dir), entry->kind == TREE_DIR ? AT_REMOVEDIR : 0);
	while ((slash = strrchr(dir + strlen("/sys/"), '/'))) {
		*slash = '\0';
		if (has_below(next, dir) || unlinkat(live->args.sys, below_sys(dir), AT_REMOVEDIR))
			break;
	}
}

/* ---- nodes ---- */

static void node_place(const struct tree_entry *entry, bool absent, char buf[PATH_MAX])
{
	char path[PATH_MAX];

	if (absent)
		tree_absent_path(entry, path, sizeof(path));
	else
		snprintf(path, sizeof(path), "%s", entry->path);
	/* The report directory is the way to the box's /dev. */
	snprintf(buf, PATH_MAX, "../%s", path + strlen("/dev/"));
}

static void move_node(struct live *live, const struct tree_entry *entry)
{
	char from[PATH_MAX], to[PATH_MAX];

	node_place(entry, !entry->absent, from);
	node_place(entry, entry->absent, to);
	renameat(live->args.report_dir, from, live->args.report_dir, to);
}

/* ---- the difference between two trees ---- */

static int by_path(const void *a, const void *b)
{
	return strcmp((*(const struct tree_entry *const *)a)->path,
		(*(const struct tree_entry *const *)b)->path);
}

/** Its entries in order. NULL without memory. */
static const struct tree_entry **sorted(const struct tree *tree)
{
	const struct tree_entry **list = calloc(tree->n + 1, sizeof(struct tree_entry *));

	for (size_t i = 0; list && i < tree->n; i++)
		list[i] = &tree->entries[i];
	if (list)
		qsort(list, tree->n, sizeof(struct tree_entry *), by_path);
	return list;
}

/** What the files of configuration space hold is written in place (publish). */
static bool is_same(const struct tree_entry *a, const struct tree_entry *b)
{
	if (a->kind != b->kind || a->absent != b->absent)
		return false;
	return a->attr.kind == ATTR_CONFIG ||
	       (a->len == b->len && !memcmp(a->content, b->content, a->len));
}

static void change(struct live *live, const struct tree_entry *entry)
{
	if (entry->kind == TREE_NODE)
		move_node(live, entry);
	else if (is_sys(entry) && entry->kind == TREE_DIR)
		make_parents(live, below_sys(entry->path)), make_dir(live, below_sys(entry->path));
	else if (is_sys(entry) && entry->kind != TREE_HIDDEN)
		make(live, entry);
}

/** Two sorted lists, walked together. Only what has the same path is compared. */
struct walk {
	const struct tree_entry **list;
	size_t i, n;
};

static const struct tree_entry *at(const struct walk *walk)
{
	return walk->i < walk->n ? walk->list[walk->i] : NULL;
}

static void apply(struct live *live, struct walk old, struct walk new, const struct tree *next)
{
	while (at(&old) || at(&new)) {
		int order = !at(&old) ? 1 : !at(&new) ? -1 : strcmp(at(&old)->path, at(&new)->path);

		if (order < 0 && is_sys(at(&old)) && at(&old)->kind != TREE_DIR)
			drop(live, next, at(&old));
		else if (order > 0 || (!order && !is_same(at(&old), at(&new))))
			change(live, at(&new));
		old.i += order <= 0;
		new.i += order >= 0;
	}
}

/** Directories that are empty now; children come after their parents. */
static void drop_dirs(struct live *live, const struct walk *old, const struct tree *next)
{
	for (size_t i = old->n; i-- > 0;)
		if (old->list[i]->kind == TREE_DIR && is_sys(old->list[i]) &&
			!has_below(next, old->list[i]->path))
			drop(live, next, old->list[i]);
}

/* ---- identities ---- */

static void note_dev(struct live *live, uint64_t dev)
{
	for (unsigned i = 0; i < live->n_devs; i++)
		if (live->devs[i] == dev)
			return;
	if (live->n_devs < DEVS_MAX)
		live->devs[live->n_devs++] = dev;
}

/** Which inodes are files that may be written, and on which file systems ours are. */
static void identify(struct live *live)
{
	struct live_file *files = calloc(live->shown.n + 1, sizeof(*files));
	size_t n = 0;
	struct stat st;

	for (size_t i = 0; files && i < live->shown.n; i++) {
		const struct tree_entry *entry = &live->shown.entries[i];

		if (!is_sys(entry) || (entry->kind != TREE_DIR && !entry->attr.kind) ||
			fstatat(live->args.sys, below_sys(entry->path), &st, AT_SYMLINK_NOFOLLOW))
			continue;
		note_dev(live, st.st_dev);
		if (entry->attr.kind)
			files[n++] = (struct live_file){ st.st_dev, st.st_ino, entry };
	}
	free(live->files);
	live->files = files;
	live->n_files = files ? n : 0;
}

/* ---- configuration space ---- */

static void overwrite(struct live *live, const struct pci_dev *pci, const char *name,
	const void *data, size_t len)
{
	char path[PATH_MAX];
	AUTO_FD int fd = -1;

	snprintf(path, sizeof(path), "devices/pci%04x:%02x/%s/%s", pci->segment, pci->bus,
		pci->name, name);
	fd = openat(live->args.sys, path, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
	/* All of it in one write; a shorter text leaves nothing behind. */
	if (fd >= 0 && pwrite(fd, data, len, 0) == (ssize_t)len)
		(void)!ftruncate(fd, (off_t)len);
}

static void look_at(struct live *live, unsigned i, struct live_device *is)
{
	struct machine_device *dev = &live->args.machine->devices[i];

	is->power = tree_power_text(&dev->pci);
	tree_config(&dev->pci, is->config);
	hostlock_lock(&live->args.machine->lock);
	tree_enable_text(dev, is->enable);
	hostlock_unlock(&live->args.machine->lock);
}

/** Locked. */
static void publish(struct live *live, unsigned i)
{
	struct machine_device *dev = &live->args.machine->devices[i];
	size_t len = live->args.admin ? PCI_CONFIG_BYTES : TREE_CONFIG_ORDINARY;
	struct live_device *was = &live->devices[i];
	struct live_device is = { 0 };

	look_at(live, i, &is);
	if (memcmp(is.config, was->config, len) != 0)
		overwrite(live, &dev->pci, "config", is.config, len);
	if (strcmp(is.enable, was->enable) != 0)
		overwrite(live, &dev->pci, "enable", is.enable, strlen(is.enable));
	if (is.power != was->power)
		overwrite(live, &dev->pci, "power_state", is.power, strlen(is.power));
	*was = is;
}

static void publish_all(struct live *live)
{
	for (unsigned i = 0; i < live->args.machine->n_devices; i++)
		publish(live, i);
}

void live_touched(struct live *live, int memfd)
{
	if (!live)
		return;
	for (unsigned i = 0; i < live->args.machine->n_devices; i++) {
		if (live->args.machine->devices[i].pci.memfd != memfd)
			continue;
		pthread_mutex_lock(&live->lock);
		publish(live, i);
		pthread_mutex_unlock(&live->lock);
	}
}

/* ---- refreshing ---- */

static int build(struct live *live, struct tree *tree)
{
	int err;

	hostlock_lock(&live->args.machine->lock);
	err = tree_build(live->args.machine, live->args.admin, tree);
	hostlock_unlock(&live->args.machine->lock);
	return err;
}

/** Locked. Without memory all stays as it is. */
static void refresh(struct live *live)
{
	struct tree next;
	struct walk old = { 0 }, new = { 0 };

	if (build(live, &next))
		return;
	old = (struct walk){ .list = sorted(&live->shown), .n = live->shown.n };
	new = (struct walk){ .list = sorted(&next), .n = next.n };
	if (old.list && new.list) {
		apply(live, old, new, &next);
		drop_dirs(live, &old, &next);
		tree_finish(&live->shown);
		live->shown = next;
		identify(live);
	} else {
		tree_finish(&next);
	}
	free(old.list);
	free(new.list);
}

void live_refresh(struct live *live)
{
	if (!live)
		return;
	pthread_mutex_lock(&live->lock);
	__atomic_store_n(&live->bindings, vfio_bindings(live->args.vfio), __ATOMIC_RELAXED);
	__atomic_store_n(&live->activity, vfio_activity(live->args.vfio), __ATOMIC_RELAXED);
	refresh(live);
	publish_all(live);
	pthread_mutex_unlock(&live->lock);
}

void live_follow(struct live *live)
{
	unsigned activity;

	if (!live)
		return;
	if (__atomic_load_n(&live->bindings, __ATOMIC_RELAXED) != vfio_bindings(live->args.vfio)) {
		live_refresh(live);
		return;
	}
	activity = vfio_activity(live->args.vfio);
	if (__atomic_load_n(&live->activity, __ATOMIC_RELAXED) == activity)
		return;
	pthread_mutex_lock(&live->lock);
	__atomic_store_n(&live->activity, activity, __ATOMIC_RELAXED);
	publish_all(live);
	pthread_mutex_unlock(&live->lock);
}

/* ---- looking ---- */

bool live_is_sysfs(struct live *live, uint64_t dev)
{
	bool found = false;

	if (!live)
		return false;
	pthread_mutex_lock(&live->lock);
	for (unsigned i = 0; i < live->n_devs; i++)
		found |= live->devs[i] == dev;
	pthread_mutex_unlock(&live->lock);
	return found;
}

bool live_find(struct live *live, const struct stat *st, struct live_attr *out)
{
	*out = (struct live_attr){ 0 };
	if (!live_is_sysfs(live, st->st_dev))
		return false;
	pthread_mutex_lock(&live->lock);
	for (size_t i = 0; i < live->n_files; i++) {
		const struct live_file *file = &live->files[i];

		if (file->ino != st->st_ino || file->dev != st->st_dev)
			continue;
		out->attr = file->entry->attr;
		out->mode = file->entry->mode;
		snprintf(out->path, sizeof(out->path), "%s", file->entry->path);
	}
	pthread_mutex_unlock(&live->lock);
	return true;
}

int live_stat(struct live *live, const char *path, struct stat *st)
{
	if (!live)
		return -ENOENT;
	return fstatat(live->args.sys, below_sys(path), st, AT_SYMLINK_NOFOLLOW) ? -errno : 0;
}

ssize_t live_read(struct live *live, const char *path, char *buf, size_t size, uint64_t pos)
{
	AUTO_FD int fd = openat(live->args.sys, below_sys(path), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : pread(fd, buf, size, (off_t)pos);

	return n < 0 ? -errno : n;
}

/* ---- life ---- */

static void follow(void *live)
{
	live_follow(live);
}

struct live *live_create(const struct live_args *args)
{
	struct live *live = args->sys < 0 || !args->vfio ? NULL : calloc(1, sizeof(*live));
	struct stat st;

	if (!live)
		return NULL;
	live->args = *args;
	pthread_mutex_init(&live->lock, NULL);
	live->devices = calloc(args->machine->n_devices + 1, sizeof(*live->devices));
	if (!live->devices || build(live, &live->shown)) {
		live_destroy(live);
		return NULL;
	}
	if (!fstat(args->sys, &st))
		note_dev(live, st.st_dev);
	identify(live);
	live->bindings = vfio_bindings(args->vfio);
	live->activity = vfio_activity(args->vfio);
	for (unsigned i = 0; i < args->machine->n_devices; i++) /* as launched */
		look_at(live, i, &live->devices[i]);
	vfio_watch_bindings(args->vfio, follow, live);
	return live;
}

void live_destroy(struct live *live)
{
	if (!live)
		return;
	vfio_watch_bindings(live->args.vfio, NULL, NULL);
	tree_finish(&live->shown);
	free(live->files);
	free(live->devices);
	pthread_mutex_destroy(&live->lock);
	free(live);
}
