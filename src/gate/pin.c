/* SPDX-License-Identifier: MIT */
/*
 * Memory of a program that is registered for DMA. It is cut into pieces along the mappings of that
 * moment. A piece of a shared file that the program (or we) still holds open is mapped here too and
 * then direct; all else is read and written through /proc/TID/mem, as copies are (usermem.c).
 *
 * FIDELITY: real pinning keeps the pages of that moment; memory that is unmapped or replaced later
 * is followed here, for pieces that are not direct. --strict-pin stops DMA to it (strict.c).
 */
#include "gate/internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/bits.h"
#include "base/check.h"
#include "base/cleanup.h"
#include "base/hostlock.h"
#include "gate/pins.h"
#include "iommu/iommu.h"
#include "mem/sigbus.h"

#define PAGE 4096u

/* ---- registered memory ---- */

struct piece {
	uint64_t off, bytes; /* of the umem */
	bool bar;	     /* of a BAR: no locked memory (Linux: a reserved pfn) */
	bool hole;	     /* of a BAR, where nobody answers DMA */
	void *ptr;	     /* direct, or NULL */
	void *map;	     /* our mapping around it: whole pages of the file */
	size_t map_bytes;
	struct sigbus_range guard;
	bool guarded;
	bool shared; /* of a shared file, direct or not */
};

struct user_umem {
	struct umem base;
	struct mm *mm;
	uint64_t uaddr;
	unsigned n_pieces;
	struct piece *pieces;
	struct pins *pins; /* NULL without --strict-pin: */
	struct pin pin;
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

/** The program took what is at off away. */
static bool is_stopped(const struct user_umem *u, uint64_t off)
{
	uint64_t bytes = 1;

	return stops_at(&u->pin.stops, off, &bytes);
}

/** One piece's part of an access. */
typedef bool access_fn(
	const struct user_umem *u, const struct piece *piece, uint64_t off, void *buf, size_t len);

static int for_pieces(void *ctx, uint64_t off, void *buf, size_t len, access_fn *fn)
{
	const struct user_umem *u = ctx;
	size_t done = 0;

	/* Runs end where this changes: umem_direct. */
	if (is_stopped(u, off))
		return -1;
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

	if (piece->hole)
		return false;
	if (!piece->ptr)
		return mm_read(u->mm, buf, u->uaddr + off, len) == (ssize_t)len;
	ptr = (char *)piece->ptr + (off - piece->off);
	memcpy(buf, ptr, len);
	return !sigbus_poisoned(ptr, len);
}

static bool write_piece(
	const struct user_umem *u, const struct piece *piece, uint64_t off, void *buf, size_t len)
{
	char *ptr;

	if (piece->hole)
		return false;
	if (!piece->ptr)
		return mm_write(u->mm, u->uaddr + off, buf, len) == (ssize_t)len;
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

	if (is_stopped(u, off))
		return -1;
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
	if (stops_at(&u->pin.stops, off, bytes))
		return NULL;
	return piece->ptr ? (char *)piece->ptr + (off - piece->off) : NULL;
}

static const char *umem_reason(void *ctx, uint64_t off)
{
	const struct user_umem *u = ctx;

	if (is_stopped(u, off))
		return "the program took this memory away (--strict-pin)";
	if (piece_at(u, off)->hole)
		return "the MSI-X table of a device is no target of DMA";
	if (piece_at(u, off)->ptr)
		return "the file behind it was truncated";
	return "the program has nothing there any more";
}

/* No cas64: pieces that are not direct cannot do it, so no memory of a program offers it. */
static const struct nb_mem_ops user_umem_ops = {
	.read = umem_read,
	.write = umem_write,
	.load64 = umem_load64,
	.direct = umem_direct,
	.reason = umem_reason,
};

static void user_umem_free(struct user_umem *u)
{
	unsigned i;

	if (u->pins)
		pins_remove(u->pins, &u->pin);
	stops_finish(&u->pin.stops);
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
	AUTO_FD int fd = fdtable_memory(call->serve->fds, vma->dev, vma->ino, NULL);
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

/** Append the piece, which lies in vma. Private neighbours become one piece. */
static int add_piece(struct call *call, struct user_umem *u, const struct vma *vma,
	const struct piece *piece, unsigned prot)
{
	bool shared = vma->flags & VMA_SHARED;
	struct piece *last = u->n_pieces ? &u->pieces[u->n_pieces - 1] : NULL;
	struct piece *pieces;
	int ret = 0;

	if (last && !last->shared && !shared) {
		last->bytes += piece->bytes;
		return 0;
	}
	pieces = realloc(u->pieces, (u->n_pieces + 1) * sizeof(*pieces));
	if (!pieces)
		return -ENOMEM;
	u->pieces = pieces;
	pieces[u->n_pieces] = *piece;
	pieces[u->n_pieces].shared = shared;
	if (shared && vma->ino && !piece->hole)
		ret = map_piece(call, &pieces[u->n_pieces], vma, u->uaddr + piece->off, prot);
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

/** The device whose BARs are in that memfd; devices last as long as the machine. */
static struct pci_dev *device_of(struct machine *machine, int memfd)
{
	for (unsigned i = 0; i < machine->n_devices; i++)
		if (machine->devices[i].pci.memfd == memfd)
			return &machine->devices[i].pci;
	return NULL;
}

/**
 * Where vma maps a BAR: what the piece finds there, cut to what is alike; or the device's refusal.
 * Private copies of a BAR's pages are none.
 */
static int look_at_bar(struct call *call, const struct vma *vma, uint64_t addr, struct piece *piece,
	struct why *why)
{
	struct pci_dev *pci;
	AUTO_FD int fd = -1;
	int memfd;

	if (!(vma->flags & VMA_SHARED) || !vma->ino)
		return 0;
	fd = fdtable_memory(call->serve->fds, vma->dev, vma->ino, &memfd);
	pci = fd >= 0 ? device_of(call->serve->args.machine, memfd) : NULL;
	if (!pci)
		return 0;
	piece->bar = true;
	/* Linux 7.3 follow_fault_pfn: vfio_pci_mmap_fault gives SIGBUS while memory is disabled. */
	if (pci_dma_target(pci, vma->offset + (addr - vma->start), &piece->bytes, &piece->hole))
		return 0;
	why_misuse(why, EFAULT, "bar-memory-disabled",
		"0x%llx is of a BAR, and the device's memory is disabled",
		(unsigned long long)addr);
	why_about(why, NULL, pci->name, NULL);
	why_instead(why, "PCI_COMMAND_MEMORY set before VFIO_IOMMU_MAP_DMA");
	return -EFAULT;
}

static void count_lockable(struct user_umem *u)
{
	for (unsigned i = 0; i < u->n_pieces; i++)
		if (!u->pieces[i].bar)
			u->base.lockable += u->pieces[i].bytes / PAGE;
}

static int add_pieces(struct call *call, struct user_umem *u, unsigned prot, struct why *why)
{
	/* Linux 7.3 vaddr_get_pfns: FOLL_WRITE or not, and what is written need not be readable. */
	unsigned need = prot & IOMMU_WRITE ? VMA_WRITE : VMA_READ;
	uint64_t uaddr = u->uaddr, bytes = u->base.bytes, end = uaddr + bytes, at = uaddr;
	struct vma vma;
	char type[32];

	while (at < end) {
		struct piece piece = { .off = at - uaddr };
		uint64_t to, unserved;
		int ret;

		if (mm_find_vma(u->mm, at, &vma))
			return refuse(why, uaddr, bytes, at, "the program has nothing mapped");
		if (!(vma.flags & need))
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
		piece.bytes = to - at;
		ret = look_at_bar(call, &vma, at, &piece, why);
		if (ret)
			return ret;
		ret = add_piece(call, u, &vma, &piece, prot);
		if (ret == -EFAULT)
			return refuse(why, uaddr, bytes, at, "the mapped file ends before it");
		if (ret)
			return ret;
		at += piece.bytes;
	}
	count_lockable(u);
	return 0;
}

static bool pin_is_shared(const struct pin *pin, uint64_t off, uint64_t *bytes)
{
	const struct user_umem *u =
		(const void *)((const char *)pin - offsetof(struct user_umem, pin));
	const struct piece *piece = piece_at(u, off);

	*bytes = MIN(*bytes, piece->off + piece->bytes - off);
	return piece->shared;
}

/** --strict-pin: have it found by address. */
static int watch(struct call *call, struct user_umem *u, struct why *why)
{
	if (!call->serve->pins)
		return 0;
	if (!mm_identify(u->mm, (pid_t)call->notif->pid) || !call_valid(call))
		return why_misuse(why, EFAULT, "user-memory",
			"the program's auxiliary vector cannot be read, which --strict-pin wants");
	u->pin.start = u->uaddr;
	u->pin.last = u->uaddr + (u->base.bytes - 1);
	u->pin.mm = u->mm;
	u->pin.umem = &u->base;
	u->pin.is_shared = pin_is_shared;
	u->pins = call->serve->pins;
	pins_add(u->pins, &u->pin);
	return 0;
}

int usermem_pin(struct caller *caller, uint64_t uaddr, uint64_t bytes, unsigned prot,
	struct umem **out, struct why *why)
{
	struct call *call = (struct call *)caller;
	struct mm *mm = usermem_of(call);
	struct user_umem *u;
	int ret;

	nb_assert(!hostlock_held());
	if (!mm)
		return why_refused(why, EFAULT, "user-memory",
			"the program's memory cannot be opened (/proc/PID/mem)");
	if (!bytes || uaddr + bytes < uaddr)
		return why_misuse(why, EFAULT, "user-memory", "the range of user memory wraps");
	u = calloc(1, sizeof(*u));
	if (!u)
		return why_refused(why, ENOMEM, "host-resources", "nestbox is out of memory");
	u->base = (struct umem){ 1, bytes, &user_umem_ops, user_umem_release };
	u->mm = mm_get(mm);
	u->uaddr = uaddr;
	stops_init(&u->pin.stops, bytes);
	ret = add_pieces(call, u, prot, why);
	if (!ret)
		ret = watch(call, u, why);
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
