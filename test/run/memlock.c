/* SPDX-License-Identifier: MIT */
/*
 * RLIMIT_MEMLOCK, as an unmodified program meets it under --memlock=enforce, and does not without.
 * Usage: memlock enforce|off
 */
#include <errno.h>
#include <linux/capability.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "device.h"

#define PAGE	    4096ul
#define LIMIT	    16ul /* pages */
#define AT	    0x100000000ul
#define F_RW	    (VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE)
#define VADDR	    (1u << 2) /* VFIO_DMA_MAP_FLAG_VADDR, VFIO_DMA_UNMAP_FLAG_VADDR */
#define PAGES(n)    ((n)*PAGE)
#define IOVA(place) (AT + (place)*0x1000000ul)

static struct device dev;
static char *memory; /* 32 pages, and then nothing */
static unsigned failures;

#define CHECK(what)                                                                                \
	do {                                                                                       \
		if (!(what)) {                                                                     \
			printf("FAIL line %d: %s (%s)\n", __LINE__, #what, strerror(errno));       \
			failures++;                                                                \
		}                                                                                  \
	} while (0)

static int map_flags(unsigned place, void *vaddr, size_t bytes, uint32_t flags)
{
	struct vfio_iommu_type1_dma_map map = { .argsz = sizeof(map),
		.flags = flags,
		.vaddr = (uintptr_t)vaddr,
		.iova = IOVA(place),
		.size = bytes };

	return ioctl(dev.container, VFIO_IOMMU_MAP_DMA, &map) ? -errno : 0;
}

static int map(unsigned place, void *vaddr, unsigned long pages)
{
	return map_flags(place, vaddr, PAGES(pages), F_RW);
}

static int unmap_flags(unsigned place, unsigned long pages, uint32_t flags)
{
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap), .flags = flags, .iova = IOVA(place), .size = PAGES(pages)
	};

	return ioctl(dev.container, VFIO_IOMMU_UNMAP_DMA, &unmap) ? -errno : 0;
}

static int unmap(unsigned place, unsigned long pages)
{
	return unmap_flags(place, pages, 0);
}

static void set_limit(unsigned long pages)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_MEMLOCK, &limit))
		err(1, "getrlimit");
	limit.rlim_cur = PAGES(pages);
	if (setrlimit(RLIMIT_MEMLOCK, &limit))
		err(1, "setrlimit");
}

static void capabilities(uint32_t *low, bool set)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &head, data))
		err(1, "capget");
	if (set) {
		data[0].effective = *low;
		if (syscall(SYS_capset, &head, data))
			err(1, "capset");
	}
	*low = data[0].effective;
}

/* Give up or take back CAP_IPC_LOCK. False: there is none. */
static bool ipc_lock(bool have)
{
	uint32_t caps, bit = 1u << CAP_IPC_LOCK;
	static bool had;

	capabilities(&caps, false);
	had |= !!(caps & bit);
	if (!had)
		return false;
	caps = have ? caps | bit : caps & ~bit;
	capabilities(&caps, true);
	return true;
}

static void open_all(void)
{
	device_open(&dev);
	memory = mmap(NULL, PAGES(33), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED || munmap(memory + PAGES(32), PAGE))
		err(1, "memory");
}

/* ---- what holds ---- */

static void limit_counts(void)
{
	CHECK(map(0, memory, LIMIT + 1) == -ENOMEM);
	CHECK(map(0, memory, LIMIT) == 0);
	CHECK(map(1, memory, 1) == -ENOMEM);
	CHECK(unmap(0, LIMIT) == 0);
	/* The same memory twice counts twice. */
	CHECK(map(0, memory, LIMIT / 2) == 0);
	CHECK(map(1, memory, LIMIT / 2) == 0);
	CHECK(map(2, memory, 1) == -ENOMEM);
	CHECK(unmap(1, LIMIT / 2) == 0);
	CHECK(map(2, memory, LIMIT / 2 + 1) == -ENOMEM);
	CHECK(map(2, memory, LIMIT / 2) == 0);
	CHECK(unmap(0, LIMIT / 2) == 0 && unmap(2, LIMIT / 2) == 0);
}

static void limit_changes(void)
{
	set_limit(LIMIT / 2);
	CHECK(map(0, memory, LIMIT) == -ENOMEM);
	CHECK(map(0, memory, LIMIT / 2) == 0);
	set_limit(1); /* what is locked stays */
	CHECK(map(1, memory, 1) == -ENOMEM);
	set_limit(LIMIT);
	CHECK(map(1, memory, LIMIT / 2) == 0);
	CHECK(unmap(0, LIMIT / 2) == 0 && unmap(1, LIMIT / 2) == 0);
}

/* Linux goes from the start: too many pages, or one that is not there, whichever comes first. */
static void what_comes_first(void)
{
	CHECK(map(0, memory, 33) == -ENOMEM);
	CHECK(map(0, memory + PAGES(32 - LIMIT), LIMIT + 1) == -EFAULT);
	CHECK(map(0, memory + PAGES(31 - LIMIT), LIMIT + 2) == -ENOMEM);
	CHECK(map(0, memory + PAGES(32), LIMIT) == -EFAULT);
	CHECK(map(0, memory, LIMIT) == 0);
	CHECK(map(0, memory, LIMIT) == -EEXIST);
	CHECK(map(1, memory + PAGES(32), 1) == -EFAULT);
	CHECK(unmap(0, LIMIT) == 0);
}

static void mlock_counts_too(void)
{
	/* Not through the library: AddressSanitizer makes it do nothing. */
	CHECK(syscall(SYS_mlock, memory, PAGES(8)) == 0);
	CHECK(map(0, memory, LIMIT - 7) == -ENOMEM);
	CHECK(map(0, memory, LIMIT - 8) == 0);
	CHECK(syscall(SYS_munlock, memory, PAGES(8)) == 0);
	CHECK(map(1, memory, 8) == 0);
	CHECK(unmap(0, LIMIT - 8) == 0 && unmap(1, 8) == 0);
}

static void bars_do_not_count(void)
{
	void *regs = device_bar(&dev);

	CHECK(map(0, memory, LIMIT) == 0);
	CHECK(map(1, regs, dev.bar.size / PAGE) == 0);
	CHECK(unmap(1, dev.bar.size / PAGE) == 0 && unmap(0, LIMIT) == 0);
	CHECK(munmap(regs, dev.bar.size) == 0);
}

static void *map_in_thread(void *arg)
{
	int *ret = arg;

	*ret = map(1, memory, 1);
	return NULL;
}

static void threads_share(void)
{
	pthread_t thread;
	int ret = 1;

	CHECK(map(0, memory, LIMIT) == 0);
	CHECK(pthread_create(&thread, NULL, map_in_thread, &ret) == 0);
	pthread_join(thread, NULL);
	CHECK(ret == -ENOMEM);
	CHECK(unmap(0, LIMIT) == 0);
}

/* Run in a child; failures are counted. */
static void in_child(void (*fn)(void))
{
	int status = -1;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		failures = 0;
		fn();
		fflush(stdout);
		_exit(failures ? 1 : 0);
	}
	waitpid(pid, &status, 0);
	CHECK(status == 0);
}

static void child_fills(void)
{
	CHECK(map(1, memory, LIMIT + 1) == -ENOMEM);
	CHECK(map(1, memory, LIMIT) == 0);
	CHECK(map(2, memory, 1) == -ENOMEM);
}

/* The child's memory is its own, and ends with it: its mapping has no one left to count for. */
static void children_do_not_share(void)
{
	CHECK(map(0, memory, LIMIT) == 0);
	in_child(child_fills);
	CHECK(map(2, memory, 1) == -ENOMEM);
	CHECK(unmap(1, LIMIT) == 0);
	CHECK(map(2, memory, 1) == -ENOMEM);
	CHECK(unmap(0, LIMIT) == 0);
	CHECK(map(2, memory, LIMIT) == 0 && unmap(2, LIMIT) == 0);
}

static void child_takes_over(void)
{
	CHECK(map(1, memory, 1) == 0);
	CHECK(map_flags(0, memory, PAGES(LIMIT), VADDR) == -ENOMEM); /* 1 + 16 pages */
	CHECK(unmap(1, 1) == 0);
	CHECK(map_flags(0, memory, PAGES(LIMIT), VADDR) == 0);
	CHECK(map(1, memory, 1) == -ENOMEM);
}

/* vfio_change_dma_owner: with the address goes what counts. */
static void new_owner(void)
{
	CHECK(map(0, memory, LIMIT) == 0);
	CHECK(unmap_flags(0, LIMIT, VADDR) == 0);
	CHECK(map(1, memory, 1) == -ENOMEM);
	in_child(child_takes_over);
	CHECK(map(1, memory, LIMIT) == 0);
	CHECK(unmap(0, LIMIT) == 0 && unmap(1, LIMIT) == 0);
}

static void as_root_of_own_namespace(void)
{
	uint32_t caps;

	if (unshare(CLONE_NEWUSER))
		return; /* not here */
	capabilities(&caps, false);
	CHECK(caps >> CAP_IPC_LOCK & 1);
	CHECK(map(0, memory, LIMIT + 1) == -ENOMEM);
}

static void capability(void)
{
	in_child(as_root_of_own_namespace);
	if (!ipc_lock(true))
		return;
	CHECK(map(0, memory, LIMIT + 1) == 0);
	ipc_lock(false);
	CHECK(map(1, memory, 1) == -ENOMEM);
	CHECK(unmap(0, LIMIT + 1) == 0);
	CHECK(map(1, memory, LIMIT) == 0 && unmap(1, LIMIT) == 0);
}

/* exec gives other memory: what was mapped before counts for nobody any more. */
static void before_exec(char *self)
{
	char fd[16];

	CHECK(map(0, memory, LIMIT) == 0);
	snprintf(fd, sizeof(fd), "%d", failures ? -1 : dev.container);
	execl(self, self, "after-exec", fd, NULL);
	err(1, "execl");
}

static int after_exec(const char *fd)
{
	ipc_lock(false); /* root has it again after exec */
	dev.container = atoi(fd);
	memory = mmap(NULL, PAGES(33), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(dev.container >= 0);
	CHECK(map(1, memory, LIMIT + 1) == -ENOMEM);
	CHECK(map(1, memory, LIMIT) == 0);
	CHECK(map(2, memory, 1) == -ENOMEM);
	CHECK(unmap(0, LIMIT) == 0);
	CHECK(map(2, memory, 1) == -ENOMEM);
	return failures ? 1 : 0;
}

static int enforced(char *self)
{
	limit_counts();
	limit_changes();
	what_comes_first();
	mlock_counts_too();
	bars_do_not_count();
	threads_share();
	children_do_not_share();
	new_owner();
	capability();
	before_exec(self);
	return 1;
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "after-exec"))
		return after_exec(argv[2]);
	if (argc != 2)
		return 1;
	open_all();
	ipc_lock(false);
	set_limit(LIMIT);
	if (!strcmp(argv[1], "enforce"))
		return enforced(argv[0]);
	CHECK(map(0, memory, 32) == 0); /* nothing is really locked */
	return failures ? 1 : 0;
}
