/* SPDX-License-Identifier: MIT */
/*
 * The local caller (src/file/local.h): this process plays the program.
 *
 * Pointers come from tests and fuzzers and may be wrong on purpose. Copies therefore go through the
 * kernel (process_vm_readv on ourselves, which answers EFAULT where we would crash), and pin looks
 * the range up in /proc/self/maps, as pinning looks it up in the page tables. A program that unmaps
 * pinned memory keeps its DMA in Linux; here the local caller's user must not do that (direct
 * pointers are handed out).
 */
#include "file/local.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/check.h"
#include "base/bits.h"
#include "base/cleanup.h"
#include "base/hostlock.h"
#include "iommu/iommu.h"

#define FIRST_FD 1000
#define MAX_FDS	 1024

struct local_caller {
	struct caller caller;
	pthread_mutex_t mutex; /* guards fds */
	struct file *fds[MAX_FDS];
	struct locked_vm vm; /* embedded: the local caller outlives what it mapped */
	bool memlock, ipc_lock;
	uint64_t limit; /* pages */
};

static struct local_caller *local_of(struct caller *caller)
{
	return (struct local_caller *)caller;
}

/* One copy between our own addresses, checked by the kernel page by page. */
static int checked_copy(uint64_t dst, uint64_t src, size_t len, bool in)
{
	while (len) {
		struct iovec mine = { (void *)(uintptr_t)(in ? dst : src), len };
		struct iovec user = { (void *)(uintptr_t)(in ? src : dst), len };
		ssize_t n = in ? process_vm_readv(getpid(), &mine, 1, &user, 1, 0)
			       : process_vm_writev(getpid(), &mine, 1, &user, 1, 0);

		if (n <= 0)
			return -EFAULT;
		dst += (uint64_t)n;
		src += (uint64_t)n;
		len -= (size_t)n;
	}
	return 0;
}

static int local_copy_in(struct caller *caller, void *dst, uint64_t uaddr, size_t len)
{
	nb_assert(!hostlock_held());
	return checked_copy((uintptr_t)dst, uaddr, len, true);
}

static int local_copy_out(struct caller *caller, uint64_t uaddr, const void *src, size_t len)
{
	nb_assert(!hostlock_held());
	return checked_copy(uaddr, (uintptr_t)src, len, false);
}

/* ---- descriptors ---- */

/* The slot of a descriptor of ours in use, or NULL. mutex held. */
static struct file **slot_of(struct local_caller *local, int fd)
{
	if (fd < FIRST_FD || fd >= FIRST_FD + MAX_FDS || !local->fds[fd - FIRST_FD])
		return NULL;
	return &local->fds[fd - FIRST_FD];
}

int local_install(struct local_caller *local, struct file *file)
{
	int fd = -EMFILE;

	pthread_mutex_lock(&local->mutex);
	for (int i = 0; i < MAX_FDS && fd < 0; i++) {
		if (local->fds[i])
			continue;
		local->fds[i] = file;
		fd = FIRST_FD + i;
	}
	pthread_mutex_unlock(&local->mutex);
	return fd;
}

struct file *local_file(struct local_caller *local, int fd)
{
	struct file **slot, *file;

	pthread_mutex_lock(&local->mutex);
	slot = slot_of(local, fd);
	file = slot ? *slot : NULL;
	pthread_mutex_unlock(&local->mutex);
	return file;
}

/* With a reference, taken while the table still holds its own. */
static struct file *local_file_get(struct local_caller *local, int fd)
{
	struct file **slot, *file;

	pthread_mutex_lock(&local->mutex);
	slot = slot_of(local, fd);
	file = slot ? file_get(*slot) : NULL;
	pthread_mutex_unlock(&local->mutex);
	return file;
}

int local_dup(struct local_caller *local, int fd)
{
	struct file *file = local_file_get(local, fd);
	int copy;

	if (!file)
		return -EBADF;
	copy = local_install(local, file);
	if (copy < 0)
		file_put(file);
	return copy;
}

int local_close(struct local_caller *local, int fd)
{
	struct file **slot, *file = NULL;

	pthread_mutex_lock(&local->mutex);
	slot = slot_of(local, fd);
	if (slot) {
		file = *slot;
		*slot = NULL;
	}
	pthread_mutex_unlock(&local->mutex);
	if (!file)
		return -EBADF;
	file_put(file);
	return 0;
}

static int local_get_file(struct caller *caller, int fd, struct file **out)
{
	*out = local_file_get(local_of(caller), fd);
	if (*out)
		return 0;
	return fd < FIRST_FD && fcntl(fd, F_GETFD) >= 0 ? 0 : -EBADF;
}

/* What Linux's eventfd_ctx_fdget asks for: -EBADF: no descriptor; -EINVAL: another kind of file. */
static int local_get_eventfd(struct caller *caller, int fd)
{
	static const char eventfd_link[] = "anon_inode:[eventfd]";
	char path[32], target[64];
	ssize_t n;
	int copy;

	nb_assert(!hostlock_held());
	if (local_file(local_of(caller), fd))
		return -EINVAL;
	copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (copy < 0)
		return -EBADF;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", copy);
	n = readlink(path, target, sizeof(target) - 1);
	target[n > 0 ? n : 0] = 0;
	if (!strcmp(target, eventfd_link))
		return copy;
	close(copy);
	return -EINVAL;
}

static int local_install_op(struct caller *caller, struct file *file, int flags)
{
	return local_install(local_of(caller), file);
}

/* ---- memory ---- */

struct local_umem {
	struct umem umem;
	uint8_t *base;
};

static int umem_read(void *ctx, uint64_t off, void *buf, size_t len)
{
	memcpy(buf, ((struct local_umem *)ctx)->base + off, len);
	return 0;
}

static int umem_write(void *ctx, uint64_t off, const void *buf, size_t len, uint32_t sid)
{
	memcpy(((struct local_umem *)ctx)->base + off, buf, len);
	return 0;
}

static int umem_load64(void *ctx, uint64_t off, uint64_t *val)
{
	*val = __atomic_load_n(
		(uint64_t *)(void *)(((struct local_umem *)ctx)->base + off), __ATOMIC_ACQUIRE);
	return 0;
}

static int umem_cas64(void *ctx, uint64_t off, uint64_t *expected, uint64_t desired)
{
	uint64_t *word = (uint64_t *)(void *)(((struct local_umem *)ctx)->base + off);

	__atomic_compare_exchange_n(
		word, expected, desired, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
	return 0;
}

static void *umem_direct(void *ctx, uint64_t off, uint64_t *bytes)
{
	return ((struct local_umem *)ctx)->base + off;
}

static const struct nb_mem_ops local_umem_ops = {
	.read = umem_read,
	.write = umem_write,
	.load64 = umem_load64,
	.cas64 = umem_cas64,
	.direct = umem_direct,
};

static void local_umem_release(struct umem *umem)
{
	free(umem);
}

/* One line of /proc/self/maps: "start-end rwxp ...". */
static bool parse_line(const char *line, uint64_t *start, uint64_t *end, unsigned *prot)
{
	char perms[5];

	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s", start, end, perms) != 3)
		return false;
	*prot = (perms[0] == 'r' ? IOMMU_READ : 0) | (perms[1] == 'w' ? IOMMU_WRITE : 0);
	return true;
}

/* The first address of [from, end) that is not mapped so; end where all of it is. */
static uint64_t first_unmapped(FILE *maps, uint64_t from, uint64_t end, unsigned need)
{
	char *line AUTO_FREE = NULL;
	size_t room = 0;
	uint64_t start, stop;
	unsigned has;

	while (from < end && getline(&line, &room, maps) > 0) {
		if (!parse_line(line, &start, &stop, &has) || stop <= from)
			continue;
		if (start > from || !(has & need))
			break;
		from = stop;
	}
	return MIN(from, end);
}

static int check_mapped(uint64_t uaddr, uint64_t bytes, unsigned prot, struct why *why)
{
	unsigned need = prot & IOMMU_WRITE ? IOMMU_WRITE : IOMMU_READ;
	uint64_t end = uaddr + bytes, bad;
	FILE *maps;

	if (end < uaddr)
		return why_misuse(why, EFAULT, "user-memory",
			"program memory 0x%" PRIx64 " + 0x%" PRIx64 " wraps around", uaddr, bytes);
	maps = fopen("/proc/self/maps", "re");
	if (!maps)
		return why_refused(why, ENOMEM, "host-resources", "cannot read /proc/self/maps");
	bad = first_unmapped(maps, uaddr, end, need);
	fclose(maps);
	if (bad >= end)
		return 0;
	return why_misuse(why, EFAULT, "user-memory",
		"program memory at 0x%" PRIx64 " is not mapped%s", bad,
		prot & IOMMU_WRITE ? " writable" : " readable");
}

static int local_pin(struct caller *caller, uint64_t uaddr, uint64_t bytes, unsigned prot,
	struct umem **out, struct why *why)
{
	struct local_umem *mem;
	int ret;

	nb_assert(!hostlock_held());
	ret = check_mapped(uaddr, bytes, prot, why);
	if (ret)
		return ret;
	mem = calloc(1, sizeof(*mem));
	if (!mem)
		return why_refused(why, ENOMEM, "host-resources", "out of memory");
	mem->base = (uint8_t *)(uintptr_t)uaddr;
	mem->umem.refs = 1;
	mem->umem.bytes = bytes;
	mem->umem.ops = &local_umem_ops;
	mem->umem.release = local_umem_release;
	mem->umem.lockable = bytes >> 12;
	*out = &mem->umem;
	return 0;
}

static bool local_memlock_op(struct caller *caller, struct memlock *out)
{
	struct local_caller *local = local_of(caller);

	if (!local->memlock)
		return false;
	*out = (struct memlock){ locked_vm_get(&local->vm), local->limit, 0, local->ipc_lock };
	return true;
}

static const struct caller_ops local_ops = {
	.copy_in = local_copy_in,
	.copy_out = local_copy_out,
	.get_file = local_get_file,
	.get_eventfd = local_get_eventfd,
	.install = local_install_op,
	.pin = local_pin,
	.memlock = local_memlock_op,
};

/* ---- life ---- */

struct local_caller *local_caller_create(void)
{
	struct local_caller *local = calloc(1, sizeof(*local));

	if (!local)
		return NULL;
	local->caller.ops = &local_ops;
	atomic_init(&local->vm.refs, 1); /* our own, never given back */
	pthread_mutex_init(&local->mutex, NULL);
	return local;
}

void local_caller_destroy(struct local_caller *local)
{
	if (!local)
		return;
	for (int i = 0; i < MAX_FDS; i++)
		local_close(local, FIRST_FD + i);
	pthread_mutex_destroy(&local->mutex);
	free(local);
}

struct caller *local_caller_base(struct local_caller *local)
{
	return &local->caller;
}

void local_memlock(struct local_caller *local, uint64_t limit, bool bypass)
{
	local->memlock = true;
	local->limit = limit;
	local->ipc_lock = bypass;
}

uint64_t local_locked(const struct local_caller *local)
{
	return local->vm.pages;
}
