/* SPDX-License-Identifier: MIT */
/*
 * The memory of a program: copies during a call, and memory registered for DMA.
 *
 * Copies and registered memory go through /proc/TID/mem, which is bound to the memory and not to an
 * id: after exec or exit it transfers nothing, so that another process is never hit. It ignores
 * protection, so that is looked up first (maps.c). Where looking up is slow, and for the paths of
 * opens, process_vm_readv and _writev copy: by thread id, honouring protection; a read counts only if
 * the call still waits afterwards.
 *
 * Registered memory is cut into pieces along the mappings of that moment. A piece of a shared file
 * that the program (or we) still holds open is mapped here too and then direct; all else is read
 * and written by pread and pwrite.
 *
 * FIDELITY: real pinning keeps the pages of that moment; memory that is unmapped or replaced later
 * is followed here, for pieces that are not direct.
 */
#include "gate/internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/bits.h"
#include "base/check.h"
#include "base/cleanup.h"
#include "base/hostlock.h"
#include "iommu/iommu.h"
#include "mem/sigbus.h"

#define PAGE 4096u

static struct call *to_call(struct caller *caller)
{
	return (struct call *)caller;
}

/* ---- copies ---- */

static ssize_t mem_read(int mem, void *dst, uint64_t addr, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = pread(mem, (char *)dst + done, len - done, (off_t)(addr + done));

		if (n <= 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

static ssize_t mem_write(int mem, uint64_t addr, const void *src, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = pwrite(mem, (const char *)src + done, len - done, (off_t)(addr + done));

		if (n <= 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

/**
 * The calling thread's memory. Where no file was found through the entry that we keep of the thread,
 * that may be one of a thread that had its id before: then it is opened anew.
 */
static struct mm *call_mm(struct call *call)
{
	struct proc *proc = call_proc(call);
	bool fresh;
	struct mm *mm;

	if (!proc || (!call->known && !proc_reopen(proc)))
		return NULL;
	mm = proc_mm(proc, &fresh);
	if (mm && fresh)
		call->known = call_valid(call);
	return call->known ? mm : NULL;
}

/** The mapping that holds addr; most calls copy in and out of one place. */
static bool find_vma(struct call *call, const struct mm *mm, uint64_t addr)
{
	struct vma *vma = &call->vma;

	return (addr >= vma->start && addr < vma->end) || !mm_find_vma(mm, addr, vma);
}

/** Bytes from addr on that lie in mappings with all of `flags`. */
static size_t allowed(
	struct call *call, const struct mm *mm, uint64_t addr, size_t len, unsigned flags)
{
	uint64_t at = addr;

	while (at - addr < len && find_vma(call, mm, at) && (call->vma.flags & flags) == flags)
		at = call->vma.end;
	return (size_t)MIN(at - addr, (uint64_t)len);
}

/* ---- what the program owes ---- */

#define OUTGOING_MAX (64u << 10) /* of one call */

void owed_drop(struct owed *owed)
{
	struct outgoing *out, *next;

	for (out = owed->out; out; out = next) {
		next = out->next;
		free(out);
	}
	if (owed->file)
		file_put(owed->file);
	mm_put(owed->mm);
	*owed = (struct owed){ 0 };
}

static bool owes(struct call *call, uint64_t addr)
{
	return atomic_load(&call->serve->userfaults) &&
	       userfault_serves((pid_t)call->notif->pid, addr);
}

/** The call shall be handled anew once there is something at addr: if it had no effect yet. */
static void wait_for(struct call *call, struct mm *mm, uint64_t addr)
{
	if (call->settled || call_again(call))
		return;
	owed_drop(&call->owed);
	call->owed = (struct owed){ .mm = mm_get(mm),
		.again = true,
		.addr = addr,
		.file = call->file ? file_get(call->file) : NULL,
		.origin = call->origin };
}

/** Keep len bytes for uaddr until there is something to write them to. */
static bool keep(struct call *call, struct mm *mm, uint64_t uaddr, const void *src, size_t len)
{
	struct outgoing **last = &call->owed.out, *out;
	size_t total = len;

	for (; *last; last = &(*last)->next)
		total += (*last)->len;
	out = total <= OUTGOING_MAX && !call_again(call) ? malloc(sizeof(*out) + len) : NULL;
	if (!out) {
		wait_for(call, mm, uaddr);
		return false;
	}
	*out = (struct outgoing){ .uaddr = uaddr, .len = len };
	memcpy(out->data, src, len);
	*last = out;
	if (!call->owed.mm)
		call->owed.mm = mm_get(mm);
	return true;
}

/** Through /proc/TID/mem: needs nothing by number, but must look up what is allowed. */
static ssize_t read_by_mem(struct call *call, void *dst, uint64_t uaddr, size_t len)
{
	struct mm *mm = call_mm(call);
	size_t can;
	ssize_t n;

	if (!mm)
		return -1;
	/* What was not delivered yet cannot be read back. */
	if (call->owed.out) {
		wait_for(call, mm, call->owed.out->uaddr);
		return -1;
	}
	can = allowed(call, mm, uaddr, len, VMA_READ);
	n = mem_read(mm->mem, dst, uaddr, can);
	if ((size_t)n < can && owes(call, uaddr + (size_t)n))
		wait_for(call, mm, uaddr + (size_t)n);
	return n;
}

static ssize_t write_by_mem(
	struct call *call, struct mm *mm, uint64_t uaddr, const void *src, size_t len)
{
	size_t can = allowed(call, mm, uaddr, len, VMA_WRITE);
	ssize_t n = call->owed.out ? 0 : mem_write(mm->mem, uaddr, src, can);
	uint64_t at = uaddr + (size_t)n;

	if ((size_t)n == can || (!call->owed.out && !owes(call, at)))
		return n;
	return keep(call, mm, at, (const char *)src + n, can - (size_t)n) ? (ssize_t)can : n;
}

/* ---- copies of a call ---- */

/** process_vm_readv and _writev would wait for a userfaultfd (userfault.c). */
static bool may_copy_by_number(const struct call *call)
{
	return !atomic_load(&call->serve->userfaults);
}

/**
 * Whether a read goes through mem: then nothing is by number. But a page of a file that has to come
 * from somewhere is waited for with the program's mmap_lock held (access_remote_vm again), and all
 * its threads with us; process_vm_readv drops it.
 */
static bool read_goes_by_mem(struct call *call, uint64_t uaddr)
{
	struct mm *mm;

	if (!may_copy_by_number(call))
		return true;
	mm = call->known && mm_find_vma_is_fast() ? call_mm(call) : NULL;
	return mm && !(find_vma(call, mm, uaddr) && call->vma.ino);
}

/** By a filter (podman's default once did), not about this memory. */
static bool is_denied(ssize_t n)
{
	return n < 0 && (errno == EPERM || errno == ENOSYS || errno == EACCES);
}

/** Bytes read, which may be fewer than len; negative: none can be. */
static ssize_t read_some(struct call *call, void *dst, uint64_t uaddr, size_t len)
{
	struct iovec local = { dst, len };
	struct iovec remote = { (void *)(uintptr_t)uaddr, len };
	ssize_t n;

	nb_assert(!hostlock_held());
	if (read_goes_by_mem(call, uaddr))
		return read_by_mem(call, dst, uaddr, len);
	n = process_vm_readv((pid_t)call->notif->pid, &local, 1, &remote, 1, 0);
	if (is_denied(n))
		return read_by_mem(call, dst, uaddr, len);
	return call_valid(call) ? n : -1;
}

int usermem_copy_in(struct caller *caller, void *dst, uint64_t uaddr, size_t len)
{
	if (!len)
		return 0;
	return read_some(to_call(caller), dst, uaddr, len) == (ssize_t)len ? 0 : -EFAULT;
}

static ssize_t write_some(struct call *call, uint64_t uaddr, const void *src, size_t len)
{
	struct iovec local = { (void *)(uintptr_t)src, len };
	struct iovec remote = { (void *)(uintptr_t)uaddr, len };
	struct mm *mm = call_mm(call);
	ssize_t n;

	nb_assert(!hostlock_held());
	if (!mm)
		return -1;
	if (!mm_find_vma_is_fast() && may_copy_by_number(call) && call_valid(call)) {
		n = process_vm_writev((pid_t)call->notif->pid, &local, 1, &remote, 1, 0);
		if (!is_denied(n))
			return n;
	}
	return write_by_mem(call, mm, uaddr, src, len);
}

int usermem_copy_out(struct caller *caller, uint64_t uaddr, const void *src, size_t len)
{
	if (!len)
		return 0;
	return write_some(to_call(caller), uaddr, src, len) == (ssize_t)len ? 0 : -EFAULT;
}

bool usermem_there(struct call *call, uint64_t uaddr, uint64_t len)
{
	uint64_t at;
	char byte;

	if (!atomic_load(&call->serve->userfaults))
		return true;
	for (at = uaddr; at - uaddr < len; at = align_down(at, PAGE) + PAGE) {
		if (read_some(call, &byte, at, 1) != 1)
			return !call_again(call);
	}
	return true;
}

int usermem_string(struct call *call, uint64_t uaddr, char *buf, size_t len)
{
	size_t done = 0;

	/* Page by page: a string may end right before memory that is not there. */
	while (done < len - 1) {
		size_t page = PAGE - (uaddr + done) % PAGE;
		size_t want = MIN(page, len - 1 - done);
		ssize_t n = read_some(call, buf + done, uaddr + done, want);
		const char *end;

		if (n <= 0)
			return -EFAULT;
		end = memchr(buf + done, 0, (size_t)n);
		if (end)
			return (int)(end - buf);
		done += (size_t)n;
	}
	return -ENAMETOOLONG;
}

/* ---- registered memory ---- */

struct piece {
	uint64_t off, bytes; /* of the umem */
	void *ptr;	     /* direct, or NULL */
	void *map;	     /* our mapping around it: whole pages of the file */
	size_t map_bytes;
	struct sigbus_range guard;
	bool guarded;
};

struct user_umem {
	struct umem base;
	struct mm *mm;
	uint64_t uaddr;
	unsigned n_pieces;
	struct piece *pieces;
};

static struct piece *piece_at(const struct user_umem *u, uint64_t off)
{
	unsigned low = 0, high = u->n_pieces;

	while (high - low > 1) {
		unsigned mid = (low + high) / 2;

		if (u->pieces[mid].off <= off)
			low = mid;
		else
			high = mid;
	}
	return &u->pieces[low];
}

/** One piece's part of an access. */
typedef bool access_fn(
	const struct user_umem *u, const struct piece *piece, uint64_t off, void *buf, size_t len);

static int for_pieces(void *ctx, uint64_t off, void *buf, size_t len, access_fn *fn)
{
	const struct user_umem *u = ctx;
	size_t done = 0;

	while (done < len) {
		const struct piece *piece = piece_at(u, off + done);
		uint64_t left = piece->off + piece->bytes - (off + done);
		size_t n = (size_t)MIN(left, (uint64_t)(len - done));

		if (!fn(u, piece, off + done, (char *)buf + done, n))
			return -1;
		done += n;
	}
	return 0;
}

static bool read_piece(
	const struct user_umem *u, const struct piece *piece, uint64_t off, void *buf, size_t len)
{
	char *ptr;

	if (!piece->ptr)
		return mem_read(u->mm->mem, buf, u->uaddr + off, len) == (ssize_t)len;
	ptr = (char *)piece->ptr + (off - piece->off);
	memcpy(buf, ptr, len);
	return !sigbus_poisoned(ptr, len);
}

static bool write_piece(
	const struct user_umem *u, const struct piece *piece, uint64_t off, void *buf, size_t len)
{
	char *ptr;

	if (!piece->ptr)
		return mem_write(u->mm->mem, u->uaddr + off, buf, len) == (ssize_t)len;
	ptr = (char *)piece->ptr + (off - piece->off);
	memcpy(ptr, buf, len);
	return !sigbus_poisoned(ptr, len);
}

static int umem_read(void *ctx, uint64_t off, void *buf, size_t len)
{
	return for_pieces(ctx, off, buf, len, read_piece);
}

static int umem_write(void *ctx, uint64_t off, const void *buf, size_t len, uint32_t sid)
{
	return for_pieces(ctx, off, (void *)(uintptr_t)buf, len, write_piece);
}

#define TORN_RETRIES 64

static int umem_load64(void *ctx, uint64_t off, uint64_t *val)
{
	const struct user_umem *u = ctx;
	const struct piece *piece = piece_at(u, off);
	uint64_t again;
	unsigned i;

	if (piece->ptr) {
		const uint64_t *ptr = (const void *)((char *)piece->ptr + (off - piece->off));

		*val = __atomic_load_n(ptr, __ATOMIC_ACQUIRE);
		return sigbus_poisoned(ptr, sizeof(*ptr)) ? -1 : 0;
	}
	/* A remote read may be torn by a store of the program: take what two reads agree on. */
	if (umem_read(ctx, off, val, sizeof(*val)))
		return -1;
	for (i = 0; i < TORN_RETRIES; i++) {
		if (umem_read(ctx, off, &again, sizeof(again)))
			return -1;
		if (again == *val)
			break;
		*val = again;
	}
	return 0;
}

static void *umem_direct(void *ctx, uint64_t off, uint64_t *bytes)
{
	const struct user_umem *u = ctx;
	const struct piece *piece = piece_at(u, off);
	uint64_t left = piece->off + piece->bytes - off;

	*bytes = MIN(*bytes, left);
	return piece->ptr ? (char *)piece->ptr + (off - piece->off) : NULL;
}

/* No cas64: pieces that are not direct cannot do it, so no memory of a program offers it. */
static const struct nb_mem_ops user_umem_ops = {
	.read = umem_read,
	.write = umem_write,
	.load64 = umem_load64,
	.direct = umem_direct,
};

static void user_umem_free(struct user_umem *u)
{
	unsigned i;

	for (i = 0; i < u->n_pieces; i++) {
		struct piece *piece = &u->pieces[i];

		if (piece->guarded)
			sigbus_remove(&piece->guard);
		if (piece->map)
			munmap(piece->map, piece->map_bytes);
	}
	free(u->pieces);
	mm_put(u->mm);
	free(u);
}

static void user_umem_release(struct umem *umem)
{
	user_umem_free((struct user_umem *)umem);
}

/* ---- registering ---- */

/** The program's descriptor of that file, as our own copy; -1: it holds none. */
static int take_file(struct call *call, const struct vma *vma)
{
	struct proc *proc = call_proc(call);
	struct dirent *entry;
	struct statx stx;
	struct stat st;
	DIR *dir;
	int fd = openat(proc->fds, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int taken = -1;

	dir = fd >= 0 ? fdopendir(fd) : NULL;
	if (!dir) {
		if (fd >= 0)
			close(fd);
		return -1;
	}
	while (taken < 0 && (entry = readdir(dir))) {
		/* What is known already: a file system must not be asked, it may not answer. */
		if (entry->d_name[0] == '.' ||
			statx(fd, entry->d_name, AT_STATX_DONT_SYNC, STATX_INO | STATX_TYPE, &stx))
			continue;
		if (stx.stx_ino != vma->ino || !S_ISREG(stx.stx_mode) ||
			makedev(stx.stx_dev_major, stx.stx_dev_minor) != vma->dev)
			continue;
		taken = proc_take_file(proc, atoi(entry->d_name), vma->flags & VMA_WRITE);
		if (taken >= 0 && (fstat(taken, &st) || st.st_ino != vma->ino ||
					  st.st_dev != vma->dev || !call_valid(call))) {
			close(taken);
			taken = -1;
		}
	}
	closedir(dir);
	return taken;
}

static uint64_t file_page(int fd)
{
	struct statfs fs;

	return !fstatfs(fd, &fs) && fs.f_type == HUGETLBFS_MAGIC ? (uint64_t)fs.f_bsize : PAGE;
}

static void *map_file(int fd, uint64_t pos, size_t bytes, unsigned prot)
{
	void *map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)pos);

	if (map == MAP_FAILED && !(prot & IOMMU_WRITE))
		map = mmap(NULL, bytes, PROT_READ, MAP_SHARED, fd, (off_t)pos);
	if (map == MAP_FAILED)
		return NULL;
	madvise(map, bytes, MADV_DONTFORK);
	return map;
}

/**
 * Map the part of a shared file behind a piece here. 0, with piece->ptr NULL where it cannot be
 * done; -EFAULT where pinning it would fail: beyond the end of the file.
 */
static int map_piece(
	struct call *call, struct piece *piece, const struct vma *vma, uint64_t addr, unsigned prot)
{
	uint64_t pos = vma->offset + (addr - vma->start), page, first;
	AUTO_FD int fd = fdtable_memory(call->serve->fds, vma->dev, vma->ino);
	struct stat st;

	if (fd < 0)
		fd = take_file(call, vma);
	if (fd < 0 || fstat(fd, &st))
		return 0;
	if (align_up((uint64_t)st.st_size, PAGE) < pos + piece->bytes)
		return -EFAULT;
	page = file_page(fd);
	first = align_down(pos, page);
	piece->map_bytes = (size_t)(align_up(pos + piece->bytes, page) - first);
	piece->map = map_file(fd, first, piece->map_bytes, prot);
	if (piece->map)
		piece->ptr = (char *)piece->map + (pos - first);
	return 0;
}

/** The program may truncate a file under us. */
static void guard_pieces(struct user_umem *u)
{
	unsigned i;

	for (i = 0; i < u->n_pieces; i++) {
		struct piece *piece = &u->pieces[i];

		if (!piece->map)
			continue;
		piece->guarded = !sigbus_add(&piece->guard, piece->map, piece->map_bytes);
		if (!piece->guarded)
			piece->ptr = NULL;
	}
}

/** Append [addr, end), which lies in vma. Private neighbours become one piece. */
static int add_piece(struct call *call, struct user_umem *u, const struct vma *vma, uint64_t addr,
	uint64_t end, unsigned prot)
{
	bool shared = (vma->flags & VMA_SHARED) && vma->ino;
	struct piece *last = u->n_pieces ? &u->pieces[u->n_pieces - 1] : NULL;
	struct piece piece = { .off = addr - u->uaddr, .bytes = end - addr };
	struct piece *pieces;
	int ret;

	if (last && !last->ptr && !shared) {
		last->bytes += piece.bytes;
		return 0;
	}
	pieces = realloc(u->pieces, (u->n_pieces + 1) * sizeof(*pieces));
	if (!pieces)
		return -ENOMEM;
	u->pieces = pieces;
	pieces[u->n_pieces] = piece;
	ret = shared ? map_piece(call, &pieces[u->n_pieces], vma, addr, prot) : 0;
	if (!ret)
		u->n_pieces++;
	return ret;
}

static int refuse(struct why *why, uint64_t uaddr, uint64_t bytes, uint64_t at, const char *what)
{
	why_misuse(why, EFAULT, "user-memory",
		"%s at 0x%llx, inside the range 0x%llx to 0x%llx to be mapped", what,
		(unsigned long long)at, (unsigned long long)uaddr,
		(unsigned long long)(uaddr + bytes - 1));
	return -EFAULT;
}

/**
 * DMA would wait for whoever serves the file, and with it all devices.
 *
 * FIDELITY: Linux refuses only what the device may write (folio_longterm pins of files that track
 * dirty pages), and waits for the rest in MAP_DMA.
 */
static int refuse_served(struct why *why, uint64_t uaddr, uint64_t bytes, const char *type)
{
	why_misuse(why, EFAULT, "user-memory",
		"the range 0x%llx to 0x%llx is of a file on %s, whose pages come when another "
		"program "
		"answers",
		(unsigned long long)uaddr, (unsigned long long)(uaddr + bytes - 1), type);
	return -EFAULT;
}

/**
 * Pinning faults every page in, but does not wait for a userfaultfd (Linux 7.3 vaddr_get_pfns pins
 * with locked NULL: no FAULT_FLAG_ALLOW_RETRY). The first page in [at, end) that is not there; end:
 * all are.
 */
static uint64_t first_unserved(struct call *call, const struct mm *mm, uint64_t at, uint64_t end)
{
	char byte;

	if (!atomic_load(&call->serve->userfaults_any) ||
		!userfault_serves((pid_t)call->notif->pid, at))
		return end;
	while (at < end && pread(mm->mem, &byte, 1, (off_t)at) == 1)
		at += PAGE;
	return MIN(at, end);
}

static int add_pieces(struct call *call, struct user_umem *u, unsigned prot, struct why *why)
{
	unsigned need = (prot & IOMMU_READ ? VMA_READ : 0) | (prot & IOMMU_WRITE ? VMA_WRITE : 0);
	uint64_t uaddr = u->uaddr, bytes = u->base.bytes, end = uaddr + bytes, at = uaddr;
	struct vma vma;
	char type[32];

	while (at < end) {
		uint64_t to, unserved;
		int ret;

		if (mm_find_vma(u->mm, at, &vma))
			return refuse(why, uaddr, bytes, at, "the program has nothing mapped");
		if ((vma.flags & need) != need)
			return refuse(why, uaddr, bytes, at,
				need & VMA_WRITE ? "the program may not write what it has mapped"
						 : "the program may not read what it has mapped");
		if (vma.ino && fs_is_served((pid_t)call->notif->pid, vma.dev, type, sizeof(type)))
			return refuse_served(why, uaddr, bytes, type);
		to = MIN(vma.end, end);
		unserved = first_unserved(call, u->mm, at, to);
		if (unserved < to)
			return refuse(why, uaddr, bytes, unserved,
				"the program's userfaultfd has not served the page");
		ret = add_piece(call, u, &vma, at, to, prot);
		if (ret == -EFAULT)
			return refuse(why, uaddr, bytes, at, "the mapped file ends before it");
		if (ret)
			return ret;
		at = to;
	}
	return 0;
}

int usermem_pin(struct caller *caller, uint64_t uaddr, uint64_t bytes, unsigned prot,
	struct umem **out, struct why *why)
{
	struct call *call = to_call(caller);
	struct mm *mm = call_mm(call);
	struct user_umem *u;
	int ret;

	nb_assert(!hostlock_held());
	if (!mm)
		return -EFAULT;
	if (!bytes || uaddr + bytes < uaddr)
		return why_misuse(why, EFAULT, "user-memory", "the range of user memory wraps");
	u = calloc(1, sizeof(*u));
	if (!u)
		return why_refused(why, ENOMEM, "host-resources", "nestbox is out of memory");
	u->base = (struct umem){ 1, bytes, &user_umem_ops, user_umem_release };
	u->mm = mm_get(mm);
	u->uaddr = uaddr;
	ret = add_pieces(call, u, prot, why);
	if (ret) {
		user_umem_free(u);
		return ret == -ENOMEM ? why_refused(why, ENOMEM, "host-resources",
						"nestbox is out of memory")
				      : ret;
	}
	guard_pieces(u);
	*out = &u->base;
	return 0;
}
