/* SPDX-License-Identifier: MIT */
/*
 * What is mapped at an address of a program: PROCMAP_QUERY (Linux 6.11, about 1.4 us) or, on older
 * kernels, the text of /proc/PID/maps (some 100 us). Both on a descriptor that stays with the
 * memory it was opened for. And what file systems such mappings are of.
 */
#include "gate/internal.h"
#include "gate/procfs.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/bits.h"
#include "base/cleanup.h"

/* Linux 6.11 <linux/fs.h>, which older headers lack; our own names. */
struct procmap_query_arg {
	uint64_t size;
	uint64_t query_flags;
	uint64_t query_addr;
	uint64_t vma_start, vma_end;
	uint64_t vma_flags; /* VMA_* */
	uint64_t vma_page_size;
	uint64_t vma_offset;
	uint64_t inode;
	uint32_t dev_major, dev_minor;
	uint32_t vma_name_size, build_id_size;
	uint64_t vma_name_addr, build_id_addr;
};
_Static_assert(sizeof(struct procmap_query_arg) == 104, "struct procmap_query");

#define PROCMAP_QUERY_CMD _IOWR('f', 17, struct procmap_query_arg)

#define PROCMAP_COVERING_OR_NEXT 0x10u

static int query(int maps, uint64_t addr, uint64_t flags, struct vma *vma)
{
	struct procmap_query_arg q = {
		.size = sizeof(q), .query_flags = flags, .query_addr = addr
	};

	if (ioctl(maps, PROCMAP_QUERY_CMD, &q))
		return -errno;
	*vma = (struct vma){
		.start = q.vma_start,
		.end = q.vma_end,
		.offset = q.vma_offset,
		.flags = (unsigned)q.vma_flags & (VMA_READ | VMA_WRITE | VMA_SHARED),
		.dev = makedev(q.dev_major, q.dev_minor),
		.ino = q.inode,
	};
	return 0;
}

static pthread_once_t fast_once = PTHREAD_ONCE_INIT;
static bool fast;

static void probe_fast(void)
{
	int maps = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	struct vma vma;

	if (maps < 0)
		return;
	fast = !query(maps, (uint64_t)(uintptr_t)&fast_once, 0, &vma);
	close(maps);
}

bool mm_find_vma_is_fast(void)
{
	pthread_once(&fast_once, probe_fast);
	return fast;
}

/** "start-end rwxp offset major:minor inode path" */
static bool parse_line(const char *line, struct vma *vma)
{
	unsigned major, minor;
	char perm[5];

	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %x:%x %" SCNu64, &vma->start,
		    &vma->end, perm, &vma->offset, &major, &minor, &vma->ino) != 7)
		return false;
	vma->dev = makedev(major, minor);
	vma->flags = (perm[0] == 'r' ? VMA_READ : 0) | (perm[1] == 'w' ? VMA_WRITE : 0) |
		     (perm[3] == 's' ? VMA_SHARED : 0);
	return true;
}

static int parse(int maps, uint64_t addr, bool next, struct vma *vma)
{
	/* A fresh open would show what the process maps now; so the one we have is rewound. */
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	AUTO_FREE char *line = NULL;
	size_t size = 0;
	int ret = -ENOENT;
	FILE *f;
	int fd;

	fd = fcntl(maps, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return -EIO;
	f = fdopen(fd, "r");
	if (!f) {
		close(fd);
		return -EIO;
	}
	pthread_mutex_lock(&lock);
	rewind(f);
	while (getline(&line, &size, f) > 0) {
		if (parse_line(line, vma) && (next || addr >= vma->start) && addr < vma->end) {
			ret = 0;
			break;
		}
	}
	pthread_mutex_unlock(&lock);
	fclose(f);
	return ret;
}

static int find(const struct mm *mm, uint64_t addr, bool next, struct vma *vma)
{
	int ret;

	if (mm->maps < 0)
		return -EIO;
	if (!mm_find_vma_is_fast())
		return parse(mm->maps, addr, next, vma);
	ret = query(mm->maps, addr, next ? PROCMAP_COVERING_OR_NEXT : 0, vma);
	/* ESRCH: the memory is gone, nothing is mapped in it. */
	return !ret ? 0 : ret == -ENOENT || ret == -ESRCH ? -ENOENT : -EIO;
}

int mm_find_vma(const struct mm *mm, uint64_t addr, struct vma *vma)
{
	return find(mm, addr, false, vma);
}

int mm_next_vma(const struct mm *mm, uint64_t addr, struct vma *vma)
{
	return find(mm, addr, true, vma);
}

/* ---- file systems ---- */

/** Their pages come when somebody answers, which may be never. As in mountinfo; "fuse" also begins others. */
static const char *const served_types[] = { "fuse", "nfs", "cifs", "smb", "9p", "ceph", "afs",
	"virtiofs" };

static bool is_served(const char *type)
{
	for (unsigned i = 0; i < ARRAY_LEN(served_types); i++)
		if (!strncmp(type, served_types[i], strlen(served_types[i])))
			return true;
	return false;
}

/** "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw": the type, of that device. */
static bool type_of(const char *line, uint64_t dev, char type[32])
{
	const char *dash = strstr(line, " - ");
	unsigned major, minor;

	return dash && sscanf(line, "%*d %*d %u:%u ", &major, &minor) == 2 &&
	       makedev(major, minor) == dev && sscanf(dash, " - %31s", type) == 1;
}

bool fs_is_served(pid_t tid, uint64_t dev, char *name, size_t size)
{
	AUTO_FREE char *line = NULL;
	char type[32];
	bool found = false;
	size_t n = 0;
	FILE *f;

	f = procfs_read(tid, "mountinfo");
	while (f && !found && getline(&line, &n, f) > 0)
		found = type_of(line, dev, type);
	if (f)
		fclose(f);
	/* Not mounted: the kernel's own, as a memfd's. */
	if (!found || !is_served(type))
		return false;
	snprintf(name, size, "%s", type);
	return true;
}
