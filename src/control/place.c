/* SPDX-License-Identifier: MIT */
#include "control/place.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/bits.h"
#include "base/check.h"
#include "base/cleanup.h"

#define BACKLOG	   128
#define CONNECT_S  5
#define LOCK_TRIES 100 /* 10 ms each */
#define NAMES	   100 /* for one pid */
#define MAKE_TRIES 16  /* others may remove the empty directory under us */

/** A directory of sockets: base/name, or (base empty) name, which is absolute. */
struct place {
	char base[PATH_MAX];
	char name[32];
};

/** False: there is no such place for anybody. */
static bool place_get(unsigned i, uid_t uid, struct place *out)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");

	snprintf(out->name, sizeof(out->name), "nestbox");
	switch (i) {
	case 0:
		if (!runtime || runtime[0] != '/' || strlen(runtime) >= sizeof(out->base))
			return false;
		snprintf(out->base, sizeof(out->base), "%s", runtime);
		return true;
	case 1:
		snprintf(out->base, sizeof(out->base), "/run/user/%u", (unsigned)uid);
		return true;
	default:
		snprintf(out->base, sizeof(out->base), "/tmp");
		snprintf(out->name, sizeof(out->name), "nestbox-%u", (unsigned)uid);
		return true;
	}
}
#define PLACES 3u

/** Whether what fd is belongs to uid, and others (also: cannot look into it) do not write to it. */
static bool is_private(int fd, uid_t uid, mode_t denied)
{
	struct stat st;

	return !fstat(fd, &st) && st.st_uid == uid && !(st.st_mode & denied);
}

/** The directory, made if `make`. A descriptor or -errno. */
static int place_open(unsigned i, uid_t uid, bool make, struct place *place)
{
	AUTO_FD int base = -1;
	AUTO_FD int dir = -1;

	if (!place_get(i, uid, place))
		return -ENOENT;
	base = open(place->base, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (base < 0)
		return -errno;
	if (i < PLACES - 1 && !is_private(base, uid, 022))
		return -EPERM;
	if (make && mkdirat(base, place->name, 0700) && errno != EEXIST)
		return -errno;
	dir = openat(base, place->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0)
		return -errno;
	return is_private(dir, uid, 077) ? TAKE_FD(dir) : -EPERM;
}

/* ---- sockets in it ---- */

/** dir/name as an address that always fits. */
static socklen_t address(struct sockaddr_un *addr, int dir, const char *name)
{
	*addr = (struct sockaddr_un){ .sun_family = AF_UNIX };
	snprintf(addr->sun_path, sizeof(addr->sun_path), "/proc/self/fd/%d/%s", dir, name);
	return sizeof(*addr);
}

int control_connect_at(int dir, const char *name)
{
	AUTO_FD int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct timeval patience = { .tv_sec = CONNECT_S };
	struct sockaddr_un addr;
	socklen_t len;

	if (fd < 0)
		return -errno;
	if (strlen(name) > 64 || strchr(name, '/'))
		return -ENAMETOOLONG;
	len = address(&addr, dir, name);
	/* Connecting waits while the backlog is full, for as long as sending may take. */
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (connect(fd, (struct sockaddr *)&addr, len))
		return -errno;
	return TAKE_FD(fd);
}

int control_connect(const char *path)
{
	const char *slash = strrchr(path, '/');
	char parent[PATH_MAX];
	AUTO_FD int dir = -1;

	if (!slash || strlen(path) >= sizeof(parent))
		return slash ? -ENAMETOOLONG : -EINVAL;
	snprintf(parent, sizeof(parent), "%.*s", (int)(slash - path), path);
	dir = open(*parent ? parent : "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return dir < 0 ? -errno : control_connect_at(dir, slash + 1);
}

/** False: somebody holds it for long. The lock goes with the descriptor. */
static bool lock(int dir)
{
	const struct timespec moment = { .tv_nsec = 10000000 };

	for (unsigned i = 0; i < LOCK_TRIES; i++) {
		if (!flock(dir, LOCK_EX | LOCK_NB))
			return true;
		nanosleep(&moment, NULL);
	}
	return false;
}

static bool refuses(int dir, const char *name)
{
	int fd = control_connect_at(dir, name);

	if (fd >= 0)
		close(fd);
	return fd == -ECONNREFUSED;
}

/** The pid that a socket's name is, "PID" or "PID-N"; 0: it is none of ours. */
static pid_t pid_of(const char *name)
{
	char *end;
	long pid = strtol(name, &end, 10);

	return name[0] >= '1' && name[0] <= '9' && (!*end || *end == '-') && pid <= INT_MAX
		       ? (pid_t)pid
		       : 0;
}

static bool is_stale(int dir, const char *name)
{
	return kill(pid_of(name), 0) && errno == ESRCH && refuses(dir, name);
}

/** What supervisors that were killed have left. The lock is held. */
static void sweep(int dir)
{
	int copy = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *list = copy < 0 ? NULL : fdopendir(copy);
	struct dirent *entry;

	while (list && (entry = readdir(list)))
		if (pid_of(entry->d_name) && is_stale(dir, entry->d_name))
			unlinkat(dir, entry->d_name, 0);
	if (list)
		closedir(list);
	else
		cleanup_fd(&copy);
}

/** Bind and listen. What has our name is of somebody who had our pid, unless it answers. */
static int bind_in(struct control_socket *sock)
{
	struct sockaddr_un addr;
	socklen_t len = address(&addr, sock->dir, sock->name);
	int err;

	sock->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	/* Linux 7.3 unix_bind_bsd: the name gets the mode of the socket's own inode. */
	if (sock->fd < 0 || fchmod(sock->fd, 0600))
		return -errno;
	err = bind(sock->fd, (struct sockaddr *)&addr, len) ? errno : 0;
	if (err == EADDRINUSE && refuses(sock->dir, sock->name)) {
		unlinkat(sock->dir, sock->name, 0);
		err = bind(sock->fd, (struct sockaddr *)&addr, len) ? errno : 0;
	}
	if (!err && listen(sock->fd, BACKLOG))
		err = errno;
	if (!err)
		sweep(sock->dir);
	return -err;
}

static int name_it(struct control_socket *sock, const struct place *place, unsigned n)
{
	int len =
		snprintf(sock->name, sizeof(sock->name), n > 1 ? "%d-%u" : "%d", (int)getpid(), n);

	nb_assert(len > 0 && (size_t)len < sizeof(sock->name));
	len = snprintf(
		sock->path, sizeof(sock->path), "%s/%s/%s", place->base, place->name, sock->name);
	return (size_t)len < sizeof(sock->path) ? 0 : -ENAMETOOLONG;
}

/** Boxes of several pid namespaces (containers) that share the directory may have equal pids. */
static int bind_free_name(struct control_socket *sock, const struct place *place)
{
	int err = -EADDRINUSE;

	for (unsigned n = 1; n <= NAMES && err == -EADDRINUSE; n++) {
		cleanup_fd(&sock->fd);
		sock->fd = -1;
		err = name_it(sock, place, n);
		if (!err)
			err = bind_in(sock);
	}
	return err;
}

static int make_in_place(struct control_socket *sock, unsigned i)
{
	struct place place;
	int err;

	sock->dir = place_open(i, sock->uid, true, &place);
	if (sock->dir < 0)
		return sock->dir;
	err = lock(sock->dir) ? bind_free_name(sock, &place) : -EBUSY;
	flock(sock->dir, LOCK_UN);
	if (!err)
		return 0;
	cleanup_fd(&sock->fd);
	cleanup_fd(&sock->dir);
	sock->fd = sock->dir = -1;
	return err;
}

/** The first place where it works. The last one's error. */
static int make_somewhere(struct control_socket *sock)
{
	int err = -ENOENT;

	for (unsigned i = 0; i < PLACES * MAKE_TRIES && err; i++)
		err = make_in_place(sock, i / MAKE_TRIES);
	return err;
}

/**
 * Files are made and removed as the user whose they are: root could be led, by names that change
 * meanwhile, to do it to something else.
 */
static int as_user(struct control_socket *sock, int (*work)(struct control_socket *sock))
{
	int dumpable = prctl(PR_GET_DUMPABLE);
	int result;

	setfsgid(sock->gid);
	setfsuid(sock->uid);
	result = work(sock);
	setfsuid(geteuid());
	setfsgid(getegid());
	/* Linux 7.3 commit_creds: changing the fsuid makes a process undumpable. */
	if (prctl(PR_GET_DUMPABLE) != dumpable)
		prctl(PR_SET_DUMPABLE, dumpable);
	return result;
}

int control_socket_make(struct control_socket *sock, uid_t uid, gid_t gid, struct error *error)
{
	mode_t mask;
	int err;

	*sock = (struct control_socket){ .fd = -1, .dir = -1, .uid = uid, .gid = gid };
	mask = umask(077);
	err = as_user(sock, make_somewhere);
	umask(mask);
	return err ? error_sys(error, -err,
			     "cannot make a socket in $XDG_RUNTIME_DIR, /run/user/%u or "
			     "/tmp/nestbox-%u",
			     (unsigned)uid, (unsigned)uid)
		   : 0;
}

static int remove_names(struct control_socket *sock)
{
	unlinkat(sock->dir, sock->name, 0);
	*strrchr(sock->path, '/') = '\0';
	return rmdir(sock->path); /* fails unless it is an empty directory */
}

void control_socket_forget(struct control_socket *sock)
{
	lock(sock->dir);
	as_user(sock, remove_names);
}

void control_socket_remove(struct control_socket *sock)
{
	if (sock->dir < 0)
		return;
	control_socket_forget(sock);
	close(sock->fd);
	close(sock->dir);
	sock->fd = sock->dir = -1;
}

/* ---- all there are ---- */

struct search {
	control_found_fn *found;
	void *ctx;
	struct {
		dev_t dev;
		ino_t ino;
	} * seen; /* directories, which may have several names */
	unsigned n_seen;
};

static bool is_new(struct search *search, int dir)
{
	struct stat st;
	void *seen;

	if (fstat(dir, &st))
		return false;
	for (unsigned i = 0; i < search->n_seen; i++)
		if (search->seen[i].dev == st.st_dev && search->seen[i].ino == st.st_ino)
			return false;
	seen = realloc(search->seen, (search->n_seen + 1) * sizeof(*search->seen));
	if (!seen)
		return false;
	search->seen = seen;
	search->seen[search->n_seen].dev = st.st_dev;
	search->seen[search->n_seen++].ino = st.st_ino;
	return true;
}

static void remove_stale(int dir, const char *name)
{
	/* Who holds the lock for long may clean up by himself. */
	if (!is_stale(dir, name) || flock(dir, LOCK_EX | LOCK_NB))
		return;
	if (is_stale(dir, name))
		unlinkat(dir, name, 0);
	flock(dir, LOCK_UN);
}

static void search_entry(
	struct search *search, int dir, const struct place *place, uid_t uid, const char *name)
{
	char path[PATH_MAX + 300];
	int fd;

	if (!pid_of(name))
		return;
	fd = control_connect_at(dir, name);
	if (fd < 0) {
		remove_stale(dir, name);
		return;
	}
	snprintf(path, sizeof(path), "%s/%s/%s", place->base, place->name, name);
	search->found(search->ctx, fd, path, uid);
}

static void search_place(struct search *search, unsigned i, uid_t uid)
{
	struct place place;
	AUTO_FD int dir = place_open(i, uid, false, &place);
	struct dirent *entry;
	DIR *list;
	int copy;

	if (dir < 0 || !is_new(search, dir))
		return;
	copy = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	list = copy < 0 ? NULL : fdopendir(copy);
	while (list && (entry = readdir(list)))
		search_entry(search, dir, &place, uid, entry->d_name);
	if (list)
		closedir(list);
	else
		cleanup_fd(&copy);
}

/** Whoever has a directory there now: its name ends in the uid. */
static void search_pattern(struct search *search, unsigned place, const char *pattern)
{
	glob_t found;

	if (glob(pattern, GLOB_NOSORT, NULL, &found))
		return;
	for (size_t i = 0; i < found.gl_pathc; i++) {
		const char *digits = found.gl_pathv[i] + strcspn(found.gl_pathv[i], "0123456789");
		char *end;
		unsigned long uid = strtoul(digits, &end, 10);

		if (*digits && !*end && uid < UINT_MAX)
			search_place(search, place, (uid_t)uid);
	}
	globfree(&found);
}

void control_each(control_found_fn *found, void *ctx)
{
	struct search search = { .found = found, .ctx = ctx };

	for (unsigned i = 0; i < PLACES; i++)
		search_place(&search, i, geteuid());
	if (geteuid() == 0) {
		search_pattern(&search, 1, "/run/user/[0-9]*");
		search_pattern(&search, 2, "/tmp/nestbox-[0-9]*");
	}
	free(search.seen);
}
