/* SPDX-License-Identifier: MIT */
#include "storm.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define SETTLE_SECONDS 60

void storm_fail(const char *file, int line, const char *fmt, ...)
{
	int err = errno;
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	fflush(stdout);
	dprintf(2, "not ok: %s:%d: %s (errno %d, %s)\n", file, line, text, err, strerror(err));
	_exit(1);
}

unsigned long storm_env(const char *name, unsigned long otherwise)
{
	const char *value = getenv(name);

	return value ? strtoul(value, NULL, 0) : otherwise;
}

uint32_t storm_random(uint32_t *seed)
{
	uint32_t x = *seed ? *seed : 1;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	return *seed = x;
}

/* ---- what the supervisor holds ---- */

/** A line of /proc/PID/status, as a number; 0: not there. */
static unsigned long status_of(pid_t pid, const char *key)
{
	char path[48], line[256];
	unsigned long value = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, key, strlen(key)))
			value = strtoul(line + strlen(key), NULL, 10);
	if (f)
		fclose(f);
	return value;
}

pid_t storm_supervisor(void)
{
	pid_t pid = (pid_t)status_of(getppid(), "PPid:");

	EXPECT(pid > 1);
	return pid;
}

struct storm_use storm_use(pid_t pid)
{
	struct storm_use use = { .rss_kib = status_of(pid, "VmRSS:") };
	struct dirent *entry;
	char path[48];
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	dir = opendir(path);
	EXPECT(dir != NULL);
	while ((entry = readdir(dir)))
		use.fds += entry->d_name[0] != '.';
	closedir(dir);
	/* Our own count holds the directory itself. */
	use.fds -= pid == getpid();
	return use;
}

/**
 * After calls of ours, with a copy from and to our memory, and a close: it then holds all that it
 * keeps of a thread, and drops what it kept of those that have ended. The last group is free.
 */
static struct storm_use use_after_call(pid_t pid)
{
	struct vfio_group_status status = { .argsz = sizeof(status) };
	int group = open("/dev/vfio/8", O_RDWR | O_CLOEXEC);

	EXPECT(group >= 0 && !ioctl(group, VFIO_GROUP_GET_STATUS, &status));
	close(group);
	return storm_use(pid);
}

struct storm_use storm_rest(pid_t pid)
{
	struct timespec pause = { .tv_nsec = 10000000 };
	struct storm_use least = use_after_call(pid), now;

	for (unsigned i = 0; i < 20; i++) {
		nanosleep(&pause, NULL);
		now = use_after_call(pid);
		if (now.fds < least.fds)
			least = now;
	}
	return least;
}

void storm_settle(pid_t pid, unsigned fds)
{
	struct timespec pause = { .tv_nsec = 10000000 };
	time_t end = time(NULL) + SETTLE_SECONDS;
	unsigned now;

	while ((now = use_after_call(pid).fds) > fds) {
		if (time(NULL) > end)
			FAIL("the supervisor holds %u descriptors, had %u", now, fds);
		nanosleep(&pause, NULL);
	}
}

/* ---- a device, in its group, in a container ---- */

void world_open(struct world *w, unsigned n)
{
	*w = (struct world){ .container = -1, .group = -1, .device = -1 };
	snprintf(w->path, sizeof(w->path), "/dev/vfio/%u", n);
	snprintf(w->name, sizeof(w->name), "0000:%02x:00.0", n);
	w->group = open(w->path, O_RDWR | O_CLOEXEC);
	if (w->group < 0)
		FAIL("open of %s", w->path);
	w->container = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
	EXPECT(w->container >= 0);
	EXPECT(!ioctl(w->group, VFIO_GROUP_SET_CONTAINER, &w->container));
	EXPECT(!ioctl(w->container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU));
	w->device = ioctl(w->group, VFIO_GROUP_GET_DEVICE_FD, w->name);
	EXPECT(w->device >= 0);
}

void world_map_bar(struct world *w)
{
	struct vfio_region_info info = { .argsz = sizeof(info), .index = 0 };
	void *bar;

	EXPECT(!ioctl(w->device, VFIO_DEVICE_GET_REGION_INFO, &info));
	w->bar_bytes = info.size;
	bar = mmap(
		NULL, info.size, PROT_READ | PROT_WRITE, MAP_SHARED, w->device, (off_t)info.offset);
	EXPECT(bar != MAP_FAILED);
	w->bar = bar;
}

void world_close(struct world *w)
{
	int *const fds[] = { &w->device, &w->group, &w->container };

	if (w->bar)
		munmap((void *)w->bar, w->bar_bytes);
	w->bar = NULL;
	for (size_t i = 0; i < sizeof(fds) / sizeof(*fds); i++) {
		if (*fds[i] >= 0)
			close(*fds[i]);
		*fds[i] = -1;
	}
}

int world_map(const struct world *w, void *memory, uint64_t iova, size_t bytes)
{
	struct vfio_iommu_type1_dma_map map = { .argsz = sizeof(map),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.vaddr = (uintptr_t)memory,
		.iova = iova,
		.size = bytes };

	return ioctl(w->container, VFIO_IOMMU_MAP_DMA, &map);
}

int64_t world_unmap(const struct world *w, uint64_t iova, size_t bytes)
{
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap), .iova = iova, .size = bytes
	};

	return ioctl(w->container, VFIO_IOMMU_UNMAP_DMA, &unmap) ? -1 : (int64_t)unmap.size;
}

bool world_is_free(const struct world *w)
{
	int fd = open(w->path, O_RDWR | O_CLOEXEC);

	if (fd < 0 && errno != EBUSY)
		FAIL("open of %s", w->path);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}
