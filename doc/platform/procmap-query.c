/* SPDX-License-Identifier: MIT */
/* PROCMAP_QUERY (Linux 6.11) tells what mapping covers an address, and its permissions. */
#include <errno.h>
#include <fcntl.h>
#include <linux/ioctl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "probe.h"

/* Linux 6.11 fs.h; not in the headers of Debian 12. */
struct query {
	uint64_t size, query_flags, query_addr, vma_start, vma_end, vma_flags, vma_page_size;
	uint64_t vma_offset, inode;
	uint32_t dev_major, dev_minor, vma_name_size, build_id_size;
	uint64_t vma_name_addr, build_id_addr;
};
#define PROCMAP_QUERY_ _IOWR('f', 17, struct query)
#define VMA_READABLE   1u
#define VMA_WRITABLE   2u

static void run(void)
{
	int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	char *map = mmap(NULL, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct query query = { .size = sizeof(query), .query_addr = (uintptr_t)map };

	need(fd >= 0 && map != MAP_FAILED, "cannot open /proc/self/maps");
	need(!mprotect(map + 4096, 4096, PROT_READ | PROT_WRITE), "cannot mprotect");
	need(!ioctl(fd, PROCMAP_QUERY_, &query), "cannot ask for a mapping (PROCMAP_QUERY)");
	expect((query.vma_flags & (VMA_READABLE | VMA_WRITABLE)) == VMA_READABLE,
		"the permissions of a mapping are told");
	expect(query.vma_end == (uintptr_t)map + 4096, "the end of a mapping is told");
	query = (struct query){ .size = sizeof(query), .query_addr = (uintptr_t)map + 4096 };
	expect(!ioctl(fd, PROCMAP_QUERY_, &query) && (query.vma_flags & VMA_WRITABLE),
		"the next mapping is told");
	munmap(map, 8192);
	query = (struct query){ .size = sizeof(query), .query_addr = (uintptr_t)map };
	expect(ioctl(fd, PROCMAP_QUERY_, &query) && errno == ENOENT, "nothing mapped is ENOENT");
	ok();
}

const struct probe probe_procmap_query = {
	.name = "procmap-query",
	.purpose = "the permissions of a range of the program's memory",
	.without =
		"/proc/PID/maps is read: mapping memory for DMA takes some 100 microseconds more",
	.run = run,
};
