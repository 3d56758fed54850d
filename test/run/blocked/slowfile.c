/* SPDX-License-Identifier: MIT */
/*
 * Memory that is a file on a user space file system which answers no read: as vaddr of MAP_DMA, and
 * as the argument of calls. The file system is a process that does as little of FUSE as a file takes.
 */
#include "party.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/fuse.h>
#include <linux/vfio.h>

#define BYTES	(16 * 4096UL)
#define FILE_ID 2
#define CALLERS 20

static void check(bool ok, const char *what)
{
	if (!ok)
		errx(1, "%s (errno %d)", what, errno);
}

/* ---- the file system ---- */

static struct fuse_attr attr_of(uint64_t node)
{
	return (struct fuse_attr){ .ino = node,
		.size = BYTES,
		.mode = node == FILE_ID ? S_IFREG | 0600 : S_IFDIR | 0700,
		.nlink = 1,
		.uid = getuid(),
		.gid = getgid(),
		.blksize = 4096 };
}

union reply {
	struct fuse_init_out init;
	struct fuse_entry_out entry;
	struct fuse_attr_out attr;
	struct fuse_open_out open;
};

/** Its length; -1: no answer, ever. */
static int make_reply(const struct fuse_in_header *in, union reply *out)
{
	memset(out, 0, sizeof(*out));
	switch (in->opcode) {
	case FUSE_INIT:
		out->init = (struct fuse_init_out){ .major = 7, .minor = 31, .max_write = 4096 };
		return sizeof(out->init);
	case FUSE_LOOKUP:
		out->entry = (struct fuse_entry_out){
			.nodeid = FILE_ID, .entry_valid = 1000, .attr = attr_of(FILE_ID)
		};
		return sizeof(out->entry);
	case FUSE_GETATTR:
		out->attr.attr = attr_of(in->nodeid);
		return sizeof(out->attr);
	case FUSE_OPEN:
		return sizeof(out->open);
	case FUSE_READ:
		return -1;
	default:
		return 0;
	}
}

static void serve(int fuse)
{
	static char request[FUSE_MIN_READ_BUFFER + 65536];
	struct {
		struct fuse_out_header head;
		union reply body;
	} out;

	while (read(fuse, request, sizeof(request)) > 0) {
		const struct fuse_in_header *in = (const void *)request;
		int len = make_reply(in, &out.body);

		if (len < 0 || in->opcode == FUSE_FORGET)
			continue;
		out.head = (struct fuse_out_header){ .len = (uint32_t)(sizeof(out.head) + len),
			.error = len || in->opcode == FUSE_FLUSH || in->opcode == FUSE_RELEASE
					 ? 0
					 : -ENOSYS,
			.unique = in->unique };
		(void)!write(fuse, &out, out.head.len);
	}
}

static bool try_mount(int fuse, const char *dir)
{
	char options[96];

	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=%u,group_id=%u", fuse,
		getuid(), getgid());
	return !mount("slow", dir, "fuse.slow", MS_NOSUID | MS_NODEV, options);
}

/** A mount namespace of our own, so that nothing of it is left. */
static pid_t start_file_system(const char *dir)
{
	int fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	bool ours = !unshare(CLONE_NEWNS) || !unshare(CLONE_NEWUSER | CLONE_NEWNS);
	pid_t pid;

	if (fuse < 0 || !ours || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
		!try_mount(fuse, dir)) {
		printf("skipped: no FUSE here: %s\n", strerror(errno));
		rmdir(dir);
		exit(77);
	}
	pid = fork();
	if (!pid) {
		serve(fuse);
		_exit(0);
	}
	close(fuse);
	return pid;
}

/* ---- who uses it ---- */

static struct engine engine;
static char *slow; /* a private mapping of the file */
static atomic_uint answered;

static void *get_info(void *arg)
{
	int ret = ioctl(engine.device, VFIO_DEVICE_GET_INFO, slow + (uintptr_t)arg * 64);

	check(ret == -1 && errno == EFAULT, "a call whose argument cannot be read");
	atomic_fetch_add(&answered, 1);
	return NULL;
}

static void arguments(pid_t server)
{
	pthread_t threads[CALLERS];
	int status;

	for (uintptr_t i = 0; i < CALLERS; i++)
		check(!pthread_create(&threads[i], NULL, get_info, (void *)i), "pthread_create");
	others_go_on("calls whose arguments are in a file that nobody serves");
	check(!atomic_load(&answered), "they must wait");
	/* Without its server the file system ends, and all that waits for it with EIO. */
	kill(server, SIGKILL);
	check(waitpid(server, &status, 0) == server, "waitpid");
	for (unsigned i = 0; i < CALLERS; i++)
		pthread_join(threads[i], NULL);
}

int main(void)
{
	char dir[] = "/tmp/nestbox-slow-XXXXXX", path[64];
	pid_t server;
	int fd;

	check(mkdtemp(dir), "mkdtemp");
	snprintf(path, sizeof(path), "%s/file", dir);
	server = start_file_system(dir);
	others_start();
	engine_open(&engine, "1", "0000:01:00.0");
	fd = open(path, O_RDONLY | O_CLOEXEC);
	check(fd >= 0, path);
	slow = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	check(slow != MAP_FAILED, "mmap");
	check(engine_map(&engine, slow, BYTES, 2 * IOVA) == -EFAULT, "MAP_DMA of a served file");
	others_go_on("MAP_DMA of a served file");
	arguments(server);
	others_stop();
	umount2(dir, MNT_DETACH);
	rmdir(dir);
	return 0;
}
