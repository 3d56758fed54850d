/* SPDX-License-Identifier: MIT */
/*
 * Reads, writes and mappings of our files: device regions by offset, and the errnos that Linux owes
 * where a file has no such call.
 */
#include "gate/calls.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/uio.h>

#include "base/bits.h"
#include "base/text.h"
#include "trace/calls.h"

/* Linux MAX_RW_COUNT */
#define RW_COUNT_MAX ((uint64_t)INT_MAX & ~UINT64_C(4095))

/* What the device takes at once (src/vfio/region.c), and more than any BAR has. */
#define PIECE	   4096u
#define PIECES_MAX (UINT64_C(1) << 20)

#define OFFSET_TEXT_MAX 80

/* ---- read and write ---- */

struct transfer {
	const char *name;
	bool write;
	bool positional; /* pos is the file's position, and moves */
	uint64_t pos;
};

/** Linux 7.3 vfs_read, vfs_write: before anything else. */
static int check_mode(const struct call *call, bool write, struct why *why)
{
	unsigned mode = call->origin.flags & O_ACCMODE;

	if (mode == O_RDWR || mode == (write ? O_WRONLY : O_RDONLY))
		return 0;
	return why_misuse(why, EBADF, "access-mode", "%s was not opened for %s", call->origin.path,
		write ? "writing" : "reading");
}

static ssize_t transfer_one(struct call *call, struct file *file, const struct transfer *t,
	uint64_t uaddr, uint64_t count, struct why *why)
{
	if (check_mode(call, t->write, why))
		return -EBADF;
	count = MIN(count, RW_COUNT_MAX);
	if (t->write && count > PIECE) {
		/* What goes piece by piece cannot begin anew. */
		if (!usermem_there(call, uaddr, MIN(count, PIECES_MAX)))
			return -EFAULT;
		call->settled = true;
	}
	if (t->write && file->ops->write)
		return file->ops->write(file, &call->caller, uaddr, (size_t)count, t->pos, why);
	if (!t->write && file->ops->read)
		return file->ops->read(file, &call->caller, uaddr, (size_t)count, t->pos, why);
	return why_misuse(
		why, EINVAL, "no-such-call", "a %s cannot be read or written", file->ops->name);
}

/** "BAR0+0x80 CHANCTRL", "CONFIG+0x4 COMMAND", or the number. file NULL: without a register. */
static const char *describe_offset(struct file *file, char buf[OFFSET_TEXT_MAX], uint64_t pos)
{
	char name[48];
	struct text text;

	text_init(&text, buf, OFFSET_TEXT_MAX);
	trace_add_region(&text, pos);
	if (file && file->ops->register_name &&
		file->ops->register_name(file, pos, name, sizeof(name)))
		text_add(&text, " %s", name);
	return buf;
}

/** What was moved, where it is no more than a register: "[0x6]", else the pointer. */
static const char *describe_data(
	struct call *call, char *buf, size_t size, uint64_t uaddr, long result)
{
	uint64_t val = 0;

	if (result > 0 && result <= 8 &&
		!usermem_copy_in(&call->caller, &val, uaddr, (size_t)result))
		snprintf(buf, size, "[0x%llx]", (unsigned long long)val);
	else
		snprintf(buf, size, "0x%llx", (unsigned long long)uaddr);
	return buf;
}

static void report_transfer(struct call *call, struct file *file, const struct transfer *t,
	uint64_t uaddr, uint64_t count, long result, const struct why *why)
{
	char text[224], data[32], at[OFFSET_TEXT_MAX], name[96];
	struct report_call done = {
		.call = call, .name = t->name, .text = text, .result = result, .why = why
	};

	if (call_again(call))
		return;
	call->settled = true;
	if (result >= 0 && !report_traces(call->serve->report))
		return;
	if (call->origin.attribute) {
		/* Which file is what counts: reasons are said once for each. */
		snprintf(name, sizeof(name), "%s(%s)", t->name, call->origin.path);
		done.name = name;
	}
	snprintf(text, sizeof(text), "%s(%d<%s>, %s, %llu, %s)", t->name, (int)call_arg(call, 0),
		call->origin.path, describe_data(call, data, sizeof(data), uaddr, result),
		(unsigned long long)count, describe_offset(file, at, t->pos));
	report_call(call->serve->report, &done);
}

/**
 * Linux puts region i at i << 40, so that a device's position, which starts at 0 and which nothing
 * but read and write moves (there is no lseek), is one in BAR 0.
 * FIDELITY: several opens of one device, being one file here, share it.
 */
static void begin_transfer(struct call *call, struct file *file, struct transfer *t)
{
	if (t->positional && attr_is(file))
		t->pos = attr_position(call, file);
	else if (t->positional)
		t->pos = pci_region_offset(0) + __atomic_load_n(&file->position, __ATOMIC_RELAXED);
}

/* Linux 7.3 ksys_read: calls at once on one file may tear it, as here. */
static void end_transfer(
	struct call *call, struct file *file, const struct transfer *t, long result)
{
	if (t->positional && result > 0 && attr_is(file))
		attr_advance(call, file, (uint64_t)result);
	else if (t->positional && result > 0)
		__atomic_fetch_add(&file->position, (uint64_t)result, __ATOMIC_RELAXED);
}

static long transfer(struct call *call, struct transfer t)
{
	struct file *file = call_file(call, 0);
	struct why why = { 0 };
	long ret;

	if (!file)
		return CALL_CONTINUE;
	begin_transfer(call, file, &t);
	if ((int64_t)t.pos < 0)
		ret = why_misuse(&why, EINVAL, "negative-offset", "the offset is negative");
	else
		ret = transfer_one(call, file, &t, call_arg(call, 1), call_arg(call, 2), &why);
	end_transfer(call, file, &t, ret);
	report_transfer(call, file, &t, call_arg(call, 1), call_arg(call, 2), ret, &why);
	if (t.write)
		call_kick(call, file);
	file_put(file);
	return ret;
}

long sys_pread64(struct call *call)
{
	return transfer(call, (struct transfer){ "pread64", .pos = call_arg(call, 3) });
}

long sys_pwrite64(struct call *call)
{
	return transfer(
		call, (struct transfer){ "pwrite64", .write = true, .pos = call_arg(call, 3) });
}

long sys_read(struct call *call)
{
	return transfer(call, (struct transfer){ "read", .positional = true });
}

long sys_write(struct call *call)
{
	return transfer(call, (struct transfer){ "write", .write = true, .positional = true });
}

/** Each piece as a call of its own, as Linux does for files that have only read and write. */
static long transfer_pieces(struct call *call, struct file *file, struct transfer t,
	const struct iovec *iov, unsigned n, struct why *why)
{
	long done = 0;
	unsigned i;

	for (i = 0; i < n; i++) {
		ssize_t ret;

		if (!iov[i].iov_len)
			continue;
		ret = transfer_one(
			call, file, &t, (uint64_t)(uintptr_t)iov[i].iov_base, iov[i].iov_len, why);
		if (ret < 0)
			return done ? done : ret;
		call->settled = true;
		done += ret;
		t.pos += (uint64_t)ret;
		if ((size_t)ret < iov[i].iov_len)
			break;
	}
	return done;
}

/* Linux 7.3 kernfs_fop_write_iter: what is written to a file of /sys is one text. */
static long transfer_gathered(struct call *call, struct file *file, struct transfer t,
	const struct iovec *iov, unsigned n, struct why *why)
{
	char text[PIECE];
	size_t len = 0;

	if (check_mode(call, true, why))
		return -EBADF;
	for (unsigned i = 0; i < n; i++) {
		size_t part = MIN(iov[i].iov_len, sizeof(text) - len);

		if (usermem_copy_in(&call->caller, text + len, (uintptr_t)iov[i].iov_base, part))
			return why_misuse(why, EFAULT, "bad-vector", "the text cannot be read");
		len += part;
	}
	return attr_write_text(call, file, text, len, t.pos, why);
}

static long vectored(struct call *call, struct transfer t, uint64_t rwf)
{
	struct file *file = call_file(call, 0);
	struct iovec iov[UIO_MAXIOV];
	uint64_t n = call_arg(call, 2);
	struct why why = { 0 };
	long ret;

	if (!file)
		return CALL_CONTINUE;
	begin_transfer(call, file, &t);
	if ((int64_t)t.pos < 0 || n > UIO_MAXIOV)
		ret = why_misuse(&why, EINVAL, "bad-vector", "offset or count is out of range");
	else if (usermem_copy_in(&call->caller, iov, call_arg(call, 1), n * sizeof(*iov)))
		ret = why_misuse(&why, EFAULT, "bad-vector", "the vector cannot be read");
	else if (rwf & ~(uint64_t)RWF_HIPRI)
		ret = why_misuse(&why, EOPNOTSUPP, "bad-vector", "flags 0x%llx are not supported",
			(unsigned long long)rwf);
	else if (t.write && attr_is(file))
		ret = transfer_gathered(call, file, t, iov, (unsigned)n, &why);
	else
		ret = transfer_pieces(call, file, t, iov, (unsigned)n, &why);
	end_transfer(call, file, &t, ret);
	report_transfer(call, file, &t, call_arg(call, 1), n, ret, &why);
	if (t.write)
		call_kick(call, file);
	file_put(file);
	return ret;
}

long sys_readv(struct call *call)
{
	return vectored(call, (struct transfer){ "readv", .positional = true }, 0);
}

long sys_writev(struct call *call)
{
	return vectored(call, (struct transfer){ "writev", .write = true, .positional = true }, 0);
}

long sys_preadv(struct call *call)
{
	return vectored(call, (struct transfer){ "preadv", .pos = call_arg(call, 3) }, 0);
}

long sys_pwritev(struct call *call)
{
	return vectored(
		call, (struct transfer){ "pwritev", .write = true, .pos = call_arg(call, 3) }, 0);
}

/* An offset of -1 means the file position. */
long sys_preadv2(struct call *call)
{
	uint64_t pos = call_arg(call, 3);
	struct transfer t = { "preadv2", .positional = pos == UINT64_MAX, .pos = pos };

	return vectored(call, t, call_arg(call, 5) & UINT32_MAX);
}

long sys_pwritev2(struct call *call)
{
	uint64_t pos = call_arg(call, 3);
	struct transfer t = { "pwritev2", .write = true, .positional = pos == UINT64_MAX,
		.pos = pos };

	return vectored(call, t, call_arg(call, 5) & UINT32_MAX);
}

/**
 * Of files of /sys the stand-in has what Linux has (kernfs): a position, a length that can be set to
 * no effect.
 */
static bool is_stand_ins(struct call *call)
{
	struct file *file = call_file(call, 0);
	bool ret = file && attr_is(file);

	if (file)
		file_put(file);
	return ret;
}

/** A call that none of our files has, on its descriptor argument n. */
static long refuse_arg(struct call *call, unsigned n, const char *name, int err)
{
	struct file *file = call_file(call, n);
	struct why why = { 0 };
	struct report_call done = {
		.call = call, .name = name, .text = name, .result = -err, .why = &why
	};

	if (!file)
		return CALL_CONTINUE;
	/* Who copies to a file of /sys tries these first. */
	why_set(&why, attr_is(file) ? WHY_PROTOCOL : WHY_MISUSE, err, "no-such-call",
		"a file of this kind (%s) has no %s", file->ops->name, name);
	report_call(call->serve->report, &done);
	file_put(file);
	return -err;
}

static long refuse_all(struct call *call, const char *name, int err)
{
	return refuse_arg(call, 0, name, err);
}

/** Likewise where two arguments are descriptors: the kernel's own answer if neither is ours. */
static long refuse_either(struct call *call, unsigned other, const char *name, int err)
{
	long ret = refuse_arg(call, 0, name, err);

	return ret == CALL_CONTINUE ? refuse_arg(call, other, name, err) : ret;
}

long sys_lseek(struct call *call)
{
	return is_stand_ins(call) ? CALL_CONTINUE : refuse_all(call, "lseek", ESPIPE);
}

long sys_ftruncate(struct call *call)
{
	return is_stand_ins(call) ? CALL_CONTINUE : refuse_all(call, "ftruncate", EINVAL);
}

/* Linux 7.3 vfs_fallocate: ENODEV for what is no regular file. */
long sys_fallocate(struct call *call)
{
	return refuse_all(call, "fallocate", ENODEV);
}

/* Linux 7.3 generic_setlease, memfd_fcntl: EINVAL for what is no regular file, no memfd. */
long sys_fcntl(struct call *call)
{
	return refuse_all(call, "fcntl", EINVAL);
}

/* Linux 7.3 vfs_fsync_range: no ->fsync. */
long sys_fsync(struct call *call)
{
	return is_stand_ins(call) ? CALL_CONTINUE : refuse_all(call, "fsync", EINVAL);
}

long sys_fdatasync(struct call *call)
{
	return is_stand_ins(call) ? CALL_CONTINUE : refuse_all(call, "fdatasync", EINVAL);
}

/* Linux 7.3 sync_file_range, ksys_readahead: for regular files, block devices, ... only. */
long sys_sync_file_range(struct call *call)
{
	return refuse_all(call, "sync_file_range", ESPIPE);
}

long sys_readahead(struct call *call)
{
	return refuse_all(call, "readahead", EINVAL);
}

/**
 * Linux 7.3 anon_inode_setattr: none for devices, whose inode all anonymous files share.
 * FIDELITY: on a node it is the open file's own.
 */
static long set_attribute(struct call *call, const char *name)
{
	struct file *file = call_file(call, 0);

	if (!file)
		return CALL_CONTINUE;
	file_put(file);
	return call->origin.node ? CALL_CONTINUE : refuse_all(call, name, EOPNOTSUPP);
}

long sys_fchmod(struct call *call)
{
	return set_attribute(call, "fchmod");
}

long sys_fchown(struct call *call)
{
	return set_attribute(call, "fchown");
}

/* Linux 7.3 do_splice_read, do_splice_from: neither ->splice_read nor ->splice_write. */
long sys_sendfile(struct call *call)
{
	return refuse_either(call, 1, "sendfile", EINVAL);
}

long sys_splice(struct call *call)
{
	return refuse_either(call, 2, "splice", EINVAL);
}

/* Linux 7.3 generic_copy_file_checks: regular files only. */
long sys_copy_file_range(struct call *call)
{
	return refuse_either(call, 2, "copy_file_range", EINVAL);
}

/* ---- mmap ---- */

static long check_mmap(struct call *call, struct file *file, struct why *why)
{
	unsigned flags = (unsigned)call_arg(call, 3);
	uint64_t len = align_up(call_arg(call, 1), 4096);
	uint64_t pos = call_arg(call, 5);

	/* Linux 7.3 do_mmap */
	if (check_mode(call, false, why))
		return -EACCES;
	if ((call_arg(call, 2) & PROT_WRITE) && (flags & MAP_TYPE) != MAP_PRIVATE &&
		check_mode(call, true, why))
		return -EACCES;
	if (!file->ops->mmap)
		return why_misuse(
			why, ENODEV, "no-such-call", "a %s cannot be mapped", file->ops->name);
	/* Linux 7.3 vfio_pci_core_mmap: only shared mappings. */
	if ((flags & MAP_TYPE) == MAP_PRIVATE)
		return why_misuse(
			why, EINVAL, "mmap-private", "device memory is mapped MAP_SHARED");
	return file->ops->mmap(file, pos, len, (unsigned)call_arg(call, 2), why);
}

static const char *describe_prot(unsigned prot)
{
	static const char *const names[] = {
		"PROT_NONE",
		"PROT_READ",
		"PROT_WRITE",
		"PROT_READ|PROT_WRITE",
		"PROT_EXEC",
		"PROT_READ|PROT_EXEC",
		"PROT_WRITE|PROT_EXEC",
		"PROT_READ|PROT_WRITE|PROT_EXEC",
	};

	return names[prot & 7];
}

/** "MAP_SHARED|MAP_FIXED"; what has no name here as a number. */
static const char *describe_map(char *buf, size_t size, unsigned flags)
{
	static const char *const types[] = { "0", "MAP_SHARED", "MAP_PRIVATE",
		"MAP_SHARED_VALIDATE" };
	static const struct {
		unsigned bit;
		const char *name;
	} bits[] = { { MAP_FIXED, "MAP_FIXED" }, { MAP_FIXED_NOREPLACE, "MAP_FIXED_NOREPLACE" },
		{ MAP_POPULATE, "MAP_POPULATE" }, { MAP_LOCKED, "MAP_LOCKED" },
		{ MAP_NORESERVE, "MAP_NORESERVE" } };
	struct text text;

	text_init(&text, buf, size);
	text_add(&text, "%s", types[flags & 3]);
	flags &= ~3u;
	for (unsigned i = 0; i < ARRAY_LEN(bits); i++) {
		if (flags & bits[i].bit)
			text_add(&text, "|%s", bits[i].name);
		flags &= ~bits[i].bit;
	}
	if (flags)
		text_add(&text, "|0x%x", flags);
	return buf;
}

static void report_mmap(struct call *call, long result, const struct why *why)
{
	char text[384], at[OFFSET_TEXT_MAX], flags[96];
	struct report_call done = {
		.call = call, .name = "mmap", .text = text, .result = result, .why = why
	};

	done.continues = !result;
	snprintf(text, sizeof(text), "mmap(0x%llx, %llu, %s, %s, %d<%s>, %s)",
		(unsigned long long)call_arg(call, 0), (unsigned long long)call_arg(call, 1),
		describe_prot((unsigned)call_arg(call, 2)),
		describe_map(flags, sizeof(flags), (unsigned)call_arg(call, 3)),
		(int)call_arg(call, 4), call->origin.path,
		describe_offset(NULL, at, call_arg(call, 5)));
	report_call(call->serve->report, &done);
}

/** What Linux would map is mapped by the kernel: the stand-in's pages are the BAR's. */
static long map_region(struct call *call)
{
	struct file *file;
	struct why why = { 0 };
	long ret;

	/* Ill-formed in itself: the kernel says so. */
	if ((call_arg(call, 3) & MAP_ANONYMOUS) || !call_arg(call, 1) || call_arg(call, 5) % 4096)
		return CALL_CONTINUE;
	file = call_file(call, 4);
	if (!file)
		return CALL_CONTINUE;
	ret = check_mmap(call, file, &why);
	report_mmap(call, ret, &why);
	file_put(file);
	return ret ? ret : CALL_CONTINUE;
}

long sys_mmap(struct call *call)
{
	long ret = map_region(call);

	if (ret == CALL_CONTINUE)
		strict_mmap(call);
	return ret;
}
