/* SPDX-License-Identifier: MIT */
/*
 * The memory of a program: copies during a call.
 *
 * They go through /proc/TID/mem, which is bound to the memory and not to an id: after exec or exit it
 * transfers nothing, so that another process is never hit. It ignores protection, so that is looked
 * up first (maps.c). Where looking up is slow, and for the paths of opens, process_vm_readv and
 * _writev copy: by thread id, honouring protection; a read counts only if the call still waits
 * afterwards.
 */
#include "gate/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/bits.h"
#include "base/check.h"
#include "base/hostlock.h"

#define PAGE 4096u

static struct call *to_call(struct caller *caller)
{
	return (struct call *)caller;
}

/* ---- copies ---- */

ssize_t mm_read(const struct mm *mm, void *dst, uint64_t addr, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = pread(mm->mem, (char *)dst + done, len - done, (off_t)(addr + done));

		if (n <= 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

ssize_t mm_write(const struct mm *mm, uint64_t addr, const void *src, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n =
			pwrite(mm->mem, (const char *)src + done, len - done, (off_t)(addr + done));

		if (n <= 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

struct mm *usermem_of(struct call *call)
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
	struct mm *mm = usermem_of(call);
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
	n = mm_read(mm, dst, uaddr, can);
	if ((size_t)n < can && owes(call, uaddr + (size_t)n))
		wait_for(call, mm, uaddr + (size_t)n);
	return n;
}

static ssize_t write_by_mem(
	struct call *call, struct mm *mm, uint64_t uaddr, const void *src, size_t len)
{
	size_t can = allowed(call, mm, uaddr, len, VMA_WRITE);
	ssize_t n = call->owed.out ? 0 : mm_write(mm, uaddr, src, can);
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
	mm = call->known && mm_find_vma_is_fast() ? usermem_of(call) : NULL;
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
	struct mm *mm = usermem_of(call);
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
