/* SPDX-License-Identifier: MIT */
/*
 * Memory behind a userfaultfd that nobody serves: as target of DMA, as vaddr of MAP_DMA, as argument
 * of calls. Whoever may not make one for faults of the kernel gets one for its own: then all of these
 * fail at once. usage: faults [CALLERS [/dev/userfaultfd]]
 */
#include "party.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/userfaultfd.h>
#include <linux/vfio.h>

#define PAGE	  4096UL
#define USER_ONLY 1 /* UFFD_USER_MODE_ONLY */

static int uffd;
static bool kernel_faults; /* it serves those, too */
static struct engine engine;

static void check(bool ok, const char *what)
{
	if (!ok)
		errx(1, "%s (errno %d)", what, errno);
}

/* ---- userfaultfd ---- */

static const char *device; /* to make it with, rather than by userfaultfd(2) */

static int new_uffd(int flags)
{
	int fd, ret;

	if (!device)
		return (int)syscall(SYS_userfaultfd, flags);
	fd = open(device, O_RDWR | O_CLOEXEC);
	ret = fd < 0 ? -1 : ioctl(fd, USERFAULTFD_IOC_NEW, flags);
	if (fd >= 0)
		close(fd);
	return ret;
}

static void open_uffd(void)
{
	struct uffdio_api api = { .api = UFFD_API };

	uffd = new_uffd(O_CLOEXEC | O_NONBLOCK);
	kernel_faults = uffd >= 0;
	if (uffd < 0)
		uffd = new_uffd(O_CLOEXEC | O_NONBLOCK | USER_ONLY);
	if (uffd < 0 || ioctl(uffd, UFFDIO_API, &api)) {
		printf("skipped: no userfaultfd here: %s\n", strerror(errno));
		exit(77);
	}
}

static void watch(void *at, size_t bytes, unsigned mode)
{
	struct uffdio_register reg = { .range = { (uintptr_t)at, bytes }, .mode = mode };

	if (ioctl(uffd, UFFDIO_REGISTER, &reg))
		err(1, "UFFDIO_REGISTER");
}

static char *pages(size_t bytes)
{
	char *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED)
		err(1, "mmap");
	return at;
}

static char *missing(size_t bytes)
{
	char *at = pages(bytes);

	watch(at, bytes, UFFDIO_REGISTER_MODE_MISSING);
	return at;
}

static void serve(void *at, const void *page)
{
	struct uffdio_copy copy = { .dst = (uintptr_t)at, .src = (uintptr_t)page, .len = PAGE };

	if (ioctl(uffd, UFFDIO_COPY, &copy))
		err(1, "UFFDIO_COPY");
}

static void protect(void *at, size_t bytes, bool on)
{
	struct uffdio_writeprotect wp = { .range = { (uintptr_t)at, bytes },
		.mode = on ? UFFDIO_WRITEPROTECT_MODE_WP : 0 };

	if (ioctl(uffd, UFFDIO_WRITEPROTECT, &wp))
		err(1, "UFFDIO_WRITEPROTECT");
}

/* ---- DMA ---- */

#define IOVA_LOST 0x200000000UL

/* Memory that was mapped while it was there, and is then given up: DMA to it aborts. */
static void dma_aborts(void)
{
	char *at = pages(16 * PAGE), page[PAGE];

	memset(at, 1, 16 * PAGE);
	check(!engine_map(&engine, at, 16 * PAGE, IOVA_LOST), "map");
	watch(at, 16 * PAGE, UFFDIO_REGISTER_MODE_MISSING);
	madvise(at, 16 * PAGE, MADV_DONTNEED);
	engine_start(&engine, IOVA + ENGINE_DONE, IOVA_LOST, PAGE);
	check(!engine_wait(&engine), "DMA to a missing page must abort");
	engine_start(&engine, IOVA_LOST, IOVA + ENGINE_DONE, 8 * PAGE);
	check(!engine_wait(&engine), "DMA from a missing page must abort");
	others_go_on("DMA to a page that nobody serves");
	check(!engine_unmap(&engine, IOVA_LOST, 16 * PAGE), "unmap");
	/* Served late: nothing of the device is in it. */
	memset(page, 0x5a, sizeof(page));
	serve(at, page);
	check(!memcmp(at, page, PAGE), "a write came after the unmap");
	munmap(at, 16 * PAGE);
}

/* As pinning, which does not wait. */
static void pin_fails(void)
{
	char *at = missing(16 * PAGE), page[PAGE] = { 0 };

	serve(at, page);
	check(engine_map(&engine, at, 16 * PAGE, IOVA_LOST) == -EFAULT, "pinning a missing page");
	for (unsigned i = 1; i < 16; i++)
		serve(at + i * PAGE, page);
	check(!engine_map(&engine, at, 16 * PAGE, IOVA_LOST), "pinning what was served");
	check(!engine_unmap(&engine, IOVA_LOST, 16 * PAGE), "unmap");
	munmap(at, 16 * PAGE);
}

/* A file that we share: DMA goes to the file, whatever the program's mapping of it waits for. */
static void shared_memory(void)
{
	int fd = memfd_create("shared", MFD_CLOEXEC);
	char *at, page[PAGE] = { 0 };

	check(fd >= 0 && !ftruncate(fd, 16 * PAGE), "memfd");
	at = mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	check(at != MAP_FAILED, "mmap");
	watch(at, 16 * PAGE, UFFDIO_REGISTER_MODE_MISSING);
	check(engine_map(&engine, at, 16 * PAGE, IOVA_LOST) == -EFAULT, "pinning a missing page");
	for (unsigned i = 0; i < 16; i++)
		serve(at + i * PAGE, page);
	check(!engine_map(&engine, at, 16 * PAGE, IOVA_LOST), "pinning what was served");
	madvise(at, 16 * PAGE, MADV_REMOVE);
	strcpy((char *)engine.memory + ENGINE_DONE, "to the file");
	engine_start(&engine, IOVA + ENGINE_DONE, IOVA_LOST + 3 * PAGE, 64);
	check(engine_wait(&engine), "DMA to the file");
	check(pread(fd, page, 64, 3 * PAGE) == 64 && !strcmp(page, "to the file"), "its data");
	others_go_on("DMA to a shared file with holes");
	check(!engine_unmap(&engine, IOVA_LOST, 16 * PAGE), "unmap");
	munmap(at, 16 * PAGE);
	close(fd);
}

/* ---- arguments ---- */

struct caller {
	pthread_t thread;
	void *arg;
	long (*call)(void *arg);
	long result; /* or -errno */
	atomic_bool done;
};

static void *caller_main(void *arg)
{
	struct caller *c = arg;

	c->result = c->call(c->arg);
	if (c->result < 0)
		c->result = -errno;
	atomic_store(&c->done, true);
	return NULL;
}

static void start(struct caller *c, long (*call)(void *arg), void *arg)
{
	pthread_attr_t attr;

	*c = (struct caller){ .call = call, .arg = arg };
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 64 * 1024);
	if (pthread_create(&c->thread, &attr, caller_main, c))
		err(1, "pthread_create");
}

static long result_of(struct caller *c)
{
	until(atomic_load(&c->done), "for a call whose memory was served");
	pthread_join(c->thread, NULL);
	return c->result;
}

static long get_info(void *arg)
{
	return ioctl(engine.device, VFIO_DEVICE_GET_INFO, arg);
}

static long open_path(void *arg)
{
	return open(arg, O_RDWR | O_CLOEXEC);
}

static long write_command(void *arg)
{
	return pwrite(engine.device, arg, 2, ((off_t)7 << 40) + 4);
}

static long map_one(void *arg)
{
	return ioctl(engine.container, VFIO_IOMMU_MAP_DMA, arg);
}

/* Without faults of the kernel the call fails at once, as a copy of the kernel does. */
static long served(struct caller *c, void *at, const void *page)
{
	if (!kernel_faults)
		return result_of(c);
	others_go_on("a call whose argument nobody serves");
	check(!atomic_load(&c->done), "the caller must wait");
	serve(at, page);
	return result_of(c);
}

static long expected(long result, long otherwise)
{
	return kernel_faults ? result : otherwise;
}

static void argument_in(void)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };
	char page[PAGE] = { 0 }, *at = missing(PAGE);
	struct caller c;

	memcpy(page + PAGE - sizeof(info), &info, sizeof(info));
	start(&c, get_info, at + PAGE - sizeof(info));
	check(served(&c, at, page) == expected(0, -EFAULT), "GET_INFO from a missing page");
	memcpy(&info, at + PAGE - sizeof(info), kernel_faults ? sizeof(info) : 0);
	check(!kernel_faults || info.num_regions == 9, "its answer");
	munmap(at, PAGE);
}

static int spare;

static long set_container(void *arg)
{
	return ioctl(spare, VFIO_GROUP_SET_CONTAINER, arg);
}

/* The argument is a descriptor that is opened late, when the call is handled anew. */
static void late_argument(void)
{
	int container = open("/dev/vfio/vfio", O_RDONLY | O_CLOEXEC);
	char page[PAGE] = { 0 }, *at = missing(PAGE);
	struct caller c;

	spare = open("/dev/vfio/4", O_RDWR | O_CLOEXEC);
	check(container >= 0 && spare >= 0, "open");
	memcpy(page, &container, sizeof(container));
	start(&c, set_container, at);
	check(served(&c, at, page) == expected(0, -EFAULT), "SET_CONTAINER of a late open");
	munmap(at, PAGE);
	close(spare);
	close(container);
}

/* It is there when the call comes, but may not be written until later. */
static void argument_out(void)
{
	struct vfio_device_info *info = (void *)pages(PAGE);
	struct caller c;

	info->argsz = sizeof(*info);
	watch(info, PAGE, UFFDIO_REGISTER_MODE_WP);
	protect(info, PAGE, true);
	start(&c, get_info, info);
	if (kernel_faults) {
		others_go_on("a call whose answer finds no place");
		check(!atomic_load(&c.done) && !info->num_regions, "the caller must wait");
		protect(info, PAGE, false);
	}
	check(result_of(&c) == expected(0, -EFAULT), "GET_INFO into a protected page");
	check(info->num_regions == (kernel_faults ? 9 : 0), "its answer");
	munmap(info, PAGE);
}

static void other_arguments(void)
{
	struct vfio_iommu_type1_dma_map map = { .argsz = sizeof(map),
		.flags = VFIO_DMA_MAP_FLAG_READ,
		.vaddr = (uintptr_t)engine.memory,
		.iova = IOVA_LOST,
		.size = PAGE };
	char page[PAGE] = { 0 }, *at = missing(3 * PAGE);
	struct caller c;
	long fd;

	memcpy(page, &map, sizeof(map));
	start(&c, map_one, at);
	check(served(&c, at, page) == expected(0, -EFAULT), "MAP_DMA from a missing page");
	check(!kernel_faults || !engine_unmap(&engine, IOVA_LOST, PAGE), "mapped once");
	page[0] = 6;
	start(&c, write_command, at + PAGE);
	check(served(&c, at + PAGE, page) == expected(2, -EFAULT), "pwrite from a missing page");
	strcpy(page, "/dev/vfio/vfio");
	start(&c, open_path, at + 2 * PAGE);
	fd = served(&c, at + 2 * PAGE, page);
	check(kernel_faults ? fd >= 0 && ioctl((int)fd, VFIO_GET_API_VERSION) == 0 : fd == -EFAULT,
		"open of a path in a missing page");
	if (fd >= 0)
		close((int)fd);
	munmap(at, 3 * PAGE);
}

/* ---- many ---- */

static void many(unsigned n)
{
	struct caller *callers = calloc(n, sizeof(*callers));
	struct vfio_device_info info = { .argsz = sizeof(info) };
	char page[PAGE] = { 0 }, *at = missing(n * PAGE);
	unsigned long before = supervisor_rss(), after;

	memcpy(page, &info, sizeof(info));
	strcpy(page + 64, "/dev/vfio/vfio");
	for (unsigned i = 0; i < n; i++)
		start(&callers[i], i % 4 ? get_info : open_path, at + i * PAGE + (i % 4 ? 0 : 64));
	others_go_on("many callers whose arguments nobody serves");
	after = supervisor_rss();
	printf("%u callers: supervisor %lu KiB before, %lu KiB while they waited\n", n, before,
		after);
	check(after < 2 * before + 4096, "memory of the supervisor");
	for (unsigned i = 0; i < n; i++) {
		check(!atomic_load(&callers[i].done) || !kernel_faults, "all wait");
		serve(at + i * PAGE, page);
	}
	for (unsigned i = 0; i < n; i++) {
		long result = result_of(&callers[i]);

		check(kernel_faults ? result >= 0 : result == -EFAULT, "one of many");
		if (!(i % 4) && result >= 0)
			close((int)result);
	}
	free(callers);
	munmap(at, n * PAGE);
}

/* ---- killed ---- */

/* Nobody serves it ever, also when its program ends: the call ends with its caller. */
static void killed(void)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		open_uffd();
		get_info(missing(PAGE));
		_exit(errno == EFAULT ? 3 : 4);
	}
	others_go_on("a call of a process that will be killed");
	if (kernel_faults)
		kill(pid, SIGKILL);
	check(waitpid(pid, &status, 0) == pid, "waitpid");
	check(kernel_faults ? WIFSIGNALED(status) : WEXITSTATUS(status) == 3,
		"how a blocked caller ends");
}

/* The last act: the program ends while threads of it wait. */
static void end_blocked(void)
{
	static struct caller callers[3];

	start(&callers[0], get_info, missing(PAGE));
	start(&callers[1], open_path, missing(PAGE));
	start(&callers[2], write_command, missing(PAGE));
	usleep(20000); /* most likely they are at it: both ways must end */
	/* Leak checkers run at exit, and stop all threads before; these cannot be stopped. */
	fflush(stdout);
	_exit(0);
}

int main(int argc, char **argv)
{
	device = argc > 2 ? argv[2] : NULL;
	open_uffd();
	others_start();
	engine_open(&engine, "1", "0000:01:00.0");
	printf("userfaultfd for faults of %s\n",
		kernel_faults ? "the kernel too" : "programs only");
	dma_aborts();
	pin_fails();
	shared_memory();
	argument_in();
	late_argument();
	argument_out();
	other_arguments();
	many(argc > 1 ? (unsigned)atoi(argv[1]) : 300);
	killed();
	others_stop();
	end_blocked();
	return 0;
}
