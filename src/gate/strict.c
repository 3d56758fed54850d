/* SPDX-License-Identifier: MIT */
/*
 * --strict-pin: a program takes memory away that it has registered for DMA.
 *
 * On Linux the pages stay pinned: the device goes on with them, and the program has others, or none,
 * at that address. The data of one are lost to the other, silently. Here every call that does this is
 * notified before it runs; if it touches registered memory of that program, DMA to that part is
 * stopped (it aborts), what was in flight has ended, the user is told, and then the call runs.
 *
 * Continuing is safe: all that is decided on are arguments in registers, which nobody can change
 * while the thread waits (but for a debugger), and nothing is granted by letting it run. What another
 * thread maps and registers between our look and the call is not seen: registering memory that is
 * being unmapped is a race in the program. A call that the kernel then refuses (a bad descriptor)
 * has stopped DMA all the same.
 *
 * Not noticed (doc/fidelity.md): what goes by the file (ftruncate, hole punching), io_uring's madvise,
 * process_madvise, UFFDIO_MOVE. Not counted, because the pages stay: mprotect, MADV_FREE, fork (a
 * child's own copy is other memory), MADV_DONTNEED of a shared file.
 */
#include "gate/calls.h"

#include <errno.h>
#include <linux/kcmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/bits.h"
#include "base/check.h"
#include "base/cleanup.h"
#include "gate/pins.h"
#include "gate/procfs.h"
#include "vfio/inspect.h"

#define PAGE 4096u

/** What a call is about to do. */
struct change {
	const char *does; /* "unmapped" */
	pid_t process;	  /* thread group; 0: gone */
	char text[160];	  /* with its arguments */
};

/* ---- whose memory ---- */

static bool same_key(const struct mm_key *a, const struct mm_key *b)
{
	return a->tgid == b->tgid && a->start == b->start;
}

/** Processes can share memory (vfork, CLONE_VM). */
static bool shares(const struct call *call, const struct mm *mm)
{
	struct mm_key now;

	return !syscall(SYS_kcmp, (pid_t)call->notif->pid, mm->key.tgid, KCMP_VM, 0, 0) &&
	       mm_key_read(&now, mm->key.tgid) && same_key(&now, &mm->key);
}

/** Whether the calling thread's memory is that one. key: the thread's. */
static bool is_its(const struct call *call, const struct mm_key *key, const struct mm *mm)
{
	return same_key(key, &mm->key) || (key->tgid != mm->key.tgid && shares(call, mm));
}

/** Descriptors of memory that the range touches and that are the calling thread's. */
static unsigned find_mms(struct call *call, const struct pins_range *range, struct mm ***out)
{
	unsigned max = 8, n = 0, own = 0;
	struct mm_key key;

	*out = NULL;
	do {
		struct mm **mms = calloc(max *= 2, sizeof(struct mm *));

		for (unsigned i = 0; i < n; i++)
			mm_put((*out)[i]);
		free((void *)*out);
		*out = mms;
		n = mms ? pins_mms(call->serve->pins, range, mms, max) : 0;
	} while (n == max);
	if (!n || !mm_key_read(&key, (pid_t)call->notif->pid) || !call_valid(call))
		key.tgid = 0;
	for (unsigned i = 0; i < n; i++) {
		struct mm *mm = (*out)[i];

		if (key.tgid && is_its(call, &key, mm))
			(*out)[own++] = mm;
		else
			mm_put(mm);
	}
	return own;
}

/* ---- telling ---- */

/* Parts of one call that are told one by one. */
#define TOLD_MAX 4

struct told {
	struct vfio_mapping at[TOLD_MAX];
	uint64_t last[TOLD_MAX]; /* IOVA */
	bool mapped[TOLD_MAX];
};

/** Where what was stopped is mapped. Host lock held. */
static void look_up(
	const struct vfio *vfio, const struct pins_stopped *stopped, unsigned i, struct told *told)
{
	struct vfio_mapping *at = &told->at[i];
	uint64_t iova;

	told->mapped[i] = vfio_find_memory(vfio, stopped->umem, at);
	iova = at->iova;
	at->iova = iova + stopped->off;
	told->last[i] = iova + stopped->last;
}

static void tell_one(struct call *call, const struct change *change, const struct told *told,
	unsigned i, unsigned more)
{
	const struct vfio_mapping *at = &told->at[i];
	struct why why = { 0 };
	char others[48] = "";
	struct report_call done = {
		.call = call,
		.name = change->text,
		.text = change->text,
		.continues = true,
		.why = &why,
	};

	if (more)
		snprintf(others, sizeof(others), ", and %u more mapping%s", more,
			more == 1 ? "" : "s");
	if (told->mapped[i])
		why_set(&why, WHY_STOPPED, 0, "registered-memory-gone",
			"process %d %s memory that is mapped for DMA: iova 0x%llx to 0x%llx of "
			"container %u (%s)%s",
			(int)change->process, change->does, (unsigned long long)at->iova,
			(unsigned long long)told->last[i], at->container, vfio_type_name(at->type),
			others);
	else
		why_set(&why, WHY_STOPPED, 0, "registered-memory-gone",
			"process %d %s memory that is just being mapped for DMA%s",
			(int)change->process, change->does, others);
	why_about(&why, at->groups, NULL, NULL);
	why_instead(&why, "VFIO_IOMMU_UNMAP_DMA of that range first");
	report_call(call->serve->report, &done);
}

/* ---- stopping ---- */

static unsigned stop_locked(struct call *call, const struct pins_range *range,
	struct mm *const *mms, unsigned n, struct told *told)
{
	struct pins_stopped stopped[TOLD_MAX];
	unsigned found = 0;

	for (unsigned i = 0; i < n; i++) {
		unsigned room = found < TOLD_MAX ? TOLD_MAX - found : 0;
		unsigned more = pins_stop(call->serve->pins, mms[i], range, stopped, room);

		for (unsigned k = 0; k < MIN(more, room); k++)
			look_up(call->serve->args.vfio, &stopped[k], found + k, told);
		found += more;
	}
	return found;
}

/**
 * What is registered cannot be released under the host lock, so what was stopped is found. Devices
 * look at stops in every step; those that began before have ended when this returns.
 */
static void stop(struct call *call, struct change *change, const struct pins_range *range)
{
	struct machine *machine = call->serve->args.machine;
	struct told told;
	struct mm **mms;
	unsigned found, n = find_mms(call, range, &mms);

	hostlock_lock(&machine->lock);
	found = stop_locked(call, range, mms, n, &told);
	hostlock_unlock(&machine->lock);
	if (found) {
		machine_await_steps(machine);
		change->process = procfs_tgid((pid_t)call->notif->pid);
	}
	for (unsigned i = 0; i < MIN(found, TOLD_MAX); i++)
		tell_one(call, change, &told, i, i == TOLD_MAX - 1 ? found - TOLD_MAX : 0);
	for (unsigned i = 0; i < n; i++)
		mm_put(mms[i]);
	free((void *)mms);
}

/** [start, start + bytes) is about to go. */
static void take(struct call *call, struct change *change, uint64_t start, uint64_t bytes,
	enum pins_kind kind)
{
	struct pins_range range = { start, start + bytes - 1, kind };

	if (!call->serve->pins || !bytes || range.last < start ||
		!pins_touch(call->serve->pins, &range))
		return;
	stop(call, change, &range);
}

static struct change describe(
	const struct call *call, const char *name, unsigned n, const char *does)
{
	struct change change = { .does = does };
	int len = snprintf(change.text, sizeof(change.text), "%s(", name);

	for (unsigned i = 0; i < n; i++)
		len += snprintf(change.text + len, sizeof(change.text) - (size_t)len, "%s0x%llx",
			i ? ", " : "", (unsigned long long)call_arg(call, i));
	snprintf(change.text + len, sizeof(change.text) - (size_t)len, ")");
	return change;
}

static uint64_t pages(uint64_t bytes)
{
	return align_up(bytes, PAGE);
}

/* ---- the calls. What is ill-formed in itself changes nothing. ---- */

/* Linux 7.3 do_vmi_munmap */
long sys_munmap(struct call *call)
{
	struct change change = describe(call, "munmap", 2, "unmapped");
	uint64_t start = call_arg(call, 0);

	if (is_aligned(start, PAGE))
		take(call, &change, start, pages(call_arg(call, 1)), PINS_ALL);
	return CALL_CONTINUE;
}

/* Linux 7.3 ksys_mmap_pgoff, do_mmap: MAP_FIXED_NOREPLACE fails rather than replaces. */
void strict_mmap(struct call *call)
{
	uint64_t start = call_arg(call, 0), flags = call_arg(call, 3);
	struct change change;

	if (!(flags & MAP_FIXED) || (flags & MAP_FIXED_NOREPLACE) || !is_aligned(start, PAGE))
		return;
	change = describe(call, "mmap", 6, "replaced (MAP_FIXED)");
	take(call, &change, start, pages(call_arg(call, 1)), PINS_ALL);
}

/** Whether a mapping that ends at end can grow to wanted where it is (vma_expandable). */
static bool can_grow(struct call *call, uint64_t end, uint64_t wanted)
{
	struct mm *mm = usermem_of(call);
	struct vma vma;

	if (!mm || mm_find_vma(mm, end - 1, &vma) || vma.end != end)
		return false;
	return mm_next_vma(mm, end, &vma) == -ENOENT || vma.start >= wanted;
}

/* Linux 7.3 mm/mremap.c: moving takes the pages along; the device keeps the addresses. */
long sys_mremap(struct call *call)
{
	struct change moved = describe(call, "mremap", 5, "moved (mremap)");
	struct change cut = describe(call, "mremap", 5, "cut off (mremap)");
	struct change replaced = describe(call, "mremap", 5, "replaced (MREMAP_FIXED)");
	uint64_t start = call_arg(call, 0), old = pages(call_arg(call, 1));
	uint64_t new = pages(call_arg(call, 2)), flags = call_arg(call, 3);
	bool fixed = flags & MREMAP_FIXED, away = fixed || (flags & MREMAP_DONTUNMAP);

	if (!is_aligned(start, PAGE) || !new || (away && !(flags & MREMAP_MAYMOVE)))
		return CALL_CONTINUE;
	if (fixed && is_aligned(call_arg(call, 4), PAGE))
		take(call, &replaced, call_arg(call, 4), new, PINS_ALL);
	if (!away && new < old)
		take(call, &cut, start + new, old - new, PINS_ALL);
	else if (away || (new > old && (flags & MREMAP_MAYMOVE) && old &&
				 !can_grow(call, start + old, start + new)))
		take(call, &moved, start, old, PINS_ALL);
	return CALL_CONTINUE;
}

/** Where the heap is and ends, as its maps call it. */
static bool find_heap(pid_t tid, uint64_t *start, uint64_t *end)
{
	FILE *f = procfs_read(tid, "maps");
	AUTO_FREE char *line = NULL;
	size_t size = 0;
	bool found = false;

	while (f && getline(&line, &size, f) > 0) {
		unsigned long long from, to;

		if (!strstr(line, " [heap]") || sscanf(line, "%llx-%llx", &from, &to) != 2)
			continue;
		*start = found ? *start : from;
		*end = to;
		found = true;
	}
	if (f)
		fclose(f);
	return found;
}

/* Linux 7.3 brk: below the present end it unmaps. */
long sys_brk(struct call *call)
{
	struct change change = describe(call, "brk", 1, "unmapped (brk)");
	uint64_t at = pages(call_arg(call, 0)), start = 0, end = 0;
	struct pins_range above = { at, UINT64_MAX, PINS_ALL };

	if (at && call->serve->pins && pins_touch(call->serve->pins, &above) &&
		find_heap((pid_t)call->notif->pid, &start, &end) && at >= start && at < end)
		take(call, &change, at, end - at, PINS_ALL);
	return CALL_CONTINUE;
}

/* Linux 7.3 mm/madvise.c */
long sys_madvise(struct call *call)
{
	struct change change = describe(call, "madvise", 3, "gave up (madvise)");
	uint64_t start = call_arg(call, 0);
	int advice = (int)call_arg(call, 2);

	/* A shared file's pages stay in the file, unless they are removed from it. */
	if (is_aligned(start, PAGE))
		take(call, &change, start, pages(call_arg(call, 1)),
			advice == MADV_REMOVE ? PINS_SHARED : PINS_PRIVATE);
	return CALL_CONTINUE;
}

/* Linux 7.3 ipc/shm.c do_shmat */
long sys_shmat(struct call *call)
{
	struct change change = describe(call, "shmat", 3, "replaced (SHM_REMAP)");
	uint64_t start = call_arg(call, 1), flags = call_arg(call, 2);
	struct shmid_ds segment;

	if (flags & SHM_RND)
		start = align_down(start, PAGE);
	if (start && is_aligned(start, PAGE) && !shmctl((int)call_arg(call, 0), IPC_STAT, &segment))
		take(call, &change, start, pages(segment.shm_segsz), PINS_ALL);
	return CALL_CONTINUE;
}

/* Linux 7.3 ksys_shmdt: the segment's mappings from there on, which mprotect may have split. */
long sys_shmdt(struct call *call)
{
	struct change change = describe(call, "shmdt", 1, "unmapped (shmdt)");
	uint64_t start = call_arg(call, 0), end = start;
	struct pins_range above = { start, UINT64_MAX, PINS_ALL };
	struct vma first, vma;
	struct mm *mm;

	if (!call->serve->pins || !pins_touch(call->serve->pins, &above))
		return CALL_CONTINUE;
	mm = usermem_of(call);
	/* The first segment's inode is 0. */
	if (!mm || mm_find_vma(mm, start, &first) || first.start != start ||
		!(first.flags & VMA_SHARED) || !first.dev)
		return CALL_CONTINUE;
	for (vma = first; vma.ino == first.ino && vma.dev == first.dev;) {
		end = vma.end;
		if (mm_find_vma(mm, end, &vma))
			break;
	}
	take(call, &change, start, end - start, PINS_ALL);
	return CALL_CONTINUE;
}

long sys_remap_file_pages(struct call *call)
{
	struct change change = describe(call, "remap_file_pages", 5, "replaced (remap_file_pages)");

	take(call, &change, align_down(call_arg(call, 0), PAGE),
		align_down(call_arg(call, 1), PAGE), PINS_ALL);
	return CALL_CONTINUE;
}
