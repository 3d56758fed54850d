/* SPDX-License-Identifier: MIT */
/*
 * The seccomp filter: which system calls of a program are sent to us, and which run untouched.
 *
 * Written as rows of {system call, conditions}: a call is notified if all conditions of one row
 * hold. Rows are compiled to classic BPF by hand, since a range of one argument cannot be expressed
 * through libseccomp's comparisons. Whatever depends on no argument stays free: the kernel keeps a
 * bitmap of calls that a filter always allows.
 *
 * Sizes: arguments are 64-bit words in memory, little endian on both supported architectures.
 */
#include "gate/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/bits.h"
#include "base/check.h"

#if defined(__x86_64__)
#define GATE_AUDIT_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define GATE_AUDIT_ARCH AUDIT_ARCH_AARCH64
#else
#error "the gate knows x86-64 and arm64"
#endif

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the filter loads halves of arguments as little endian"
#endif

enum cond_kind {
	COND_NONE,   /* always holds */
	COND_IOCTL,  /* an ioctl number of VFIO's and iommufd's type, 0x3b */
	COND_FAULTS, /* USERFAULTFD_IOC_NEW, of /dev/userfaultfd */
	COND_PTPEER, /* the ioctl that opens the other side of a terminal */
	COND_WRITES, /* open flags: O_WRONLY or O_RDWR, and neither a directory nor O_PATH */
	COND_STDOUT, /* descriptor 1 */
	COND_SHORT,  /* a length that texts for sysfs have */
	COND_W_OK,   /* access for writing */
	COND_FD,     /* a descriptor number that stand-ins have */
	COND_OFFSET, /* an offset of a device region */
	COND_EMPTY,  /* AT_EMPTY_PATH is set */
	COND_FCNTL,  /* of fcntl's commands, those that know memfds: leases and seals */
	COND_FIXED,  /* MAP_FIXED: what is mapped there goes */
	COND_REMAP,  /* SHM_REMAP: likewise */
	COND_ZAP,    /* of madvise's advices, those that give pages up */
};

struct cond {
	uint8_t kind, arg;
};

struct row {
	int nr;
	struct cond conds[2];
	bool untaken; /* only where descriptors cannot be taken (eventfds.c) */
	bool strict;  /* only with --strict-pin (strict.c) */
};

/* clang-format off */
static const struct row rows[] = {
	/* VFIO's through whatever number; the others (isatty, FIONREAD) where an errno is owed. */
	{ __NR_ioctl, { { COND_IOCTL, 1 } } },
	/* Memory that programs serve: copies of ours must not wait for it (userfault.c). */
	{ __NR_ioctl, { { COND_FAULTS, 1 } } },
	{ __NR_userfaultfd },
	{ __NR_ioctl, { { COND_FD, 0 } } },
	{ __NR_ioctl, { { COND_PTPEER, 1 } } },
	/* Opens. bash opens with O_CREAT too, so only the access mode counts; files of /sys are
	 * opened for writing alone. */
#ifdef __NR_open
	{ __NR_open, { { COND_WRITES, 1 } } },
#endif
	{ __NR_openat, { { COND_WRITES, 2 } } },
	{ __NR_openat2 },
#ifdef __NR_creat
	{ __NR_creat },
#endif
	/* May a file of /sys be written? */
#ifdef __NR_access
	{ __NR_access, { { COND_W_OK, 1 } } },
#endif
	{ __NR_faccessat, { { COND_W_OK, 2 } } },
	{ __NR_faccessat2, { { COND_W_OK, 2 } } },
	/* `echo 0000:01:00.0 > bind`: shells move what they opened to 1 (attr.c). */
	{ __NR_write, { { COND_STDOUT, 0 }, { COND_SHORT, 2 } } },
	/* Device regions, by offset through whatever number, and by number. */
	{ __NR_pread64, { { COND_OFFSET, 3 } } },
	{ __NR_pwrite64, { { COND_OFFSET, 3 } } },
	{ __NR_preadv, { { COND_OFFSET, 3 } } },
	{ __NR_pwritev, { { COND_OFFSET, 3 } } },
	{ __NR_preadv2, { { COND_OFFSET, 3 } } },
	{ __NR_pwritev2, { { COND_OFFSET, 3 } } },
	{ __NR_mmap, { { COND_OFFSET, 5 } } },
	{ __NR_pread64, { { COND_FD, 0 } } },
	{ __NR_pwrite64, { { COND_FD, 0 } } },
	{ __NR_preadv, { { COND_FD, 0 } } },
	{ __NR_pwritev, { { COND_FD, 0 } } },
	{ __NR_preadv2, { { COND_FD, 0 } } },
	{ __NR_pwritev2, { { COND_FD, 0 } } },
	{ __NR_mmap, { { COND_FD, 4 } } },
	/* Where Linux owes an errno that a memfd would not give. */
	{ __NR_read, { { COND_FD, 0 } } },
	{ __NR_write, { { COND_FD, 0 } } },
	{ __NR_readv, { { COND_FD, 0 } } },
	{ __NR_writev, { { COND_FD, 0 } } },
	{ __NR_lseek, { { COND_FD, 0 } } },
	{ __NR_ftruncate, { { COND_FD, 0 } } },
	{ __NR_fallocate, { { COND_FD, 0 } } },
	{ __NR_fcntl, { { COND_FD, 0 }, { COND_FCNTL, 1 } } },
	{ __NR_fsync, { { COND_FD, 0 } } },
	{ __NR_fdatasync, { { COND_FD, 0 } } },
	{ __NR_sync_file_range, { { COND_FD, 0 } } },
	{ __NR_readahead, { { COND_FD, 0 } } },
	{ __NR_fchmod, { { COND_FD, 0 } } },
	{ __NR_fchown, { { COND_FD, 0 } } },
	{ __NR_sendfile, { { COND_FD, 0 } } },
	{ __NR_sendfile, { { COND_FD, 1 } } },
	{ __NR_splice, { { COND_FD, 0 } } },
	{ __NR_splice, { { COND_FD, 2 } } },
	{ __NR_copy_file_range, { { COND_FD, 0 } } },
	{ __NR_copy_file_range, { { COND_FD, 2 } } },
	/* Programs check that what they opened is a character device. */
	{ __NR_fstat, { { COND_FD, 0 } } },
	{ __NR_newfstatat, { { COND_FD, 0 }, { COND_EMPTY, 3 } } },
	{ __NR_statx, { { COND_FD, 0 }, { COND_EMPTY, 2 } } },
	/* libudev looks at nothing that is not of type sysfs. */
	{ __NR_fstatfs },
	{ __NR_statfs },
	/* The thread gets other memory: what we hold of it is void. */
	{ __NR_execve },
	{ __NR_execveat },
#ifdef __NR_eventfd
	{ __NR_eventfd, .untaken = true },
#endif
	{ __NR_eventfd2, .untaken = true },
	/* What takes memory away or replaces it. */
	{ __NR_munmap, .strict = true },
	{ __NR_mremap, .strict = true },
	{ __NR_brk, .strict = true },
	{ __NR_mmap, { { COND_FIXED, 3 } }, .strict = true },
	{ __NR_madvise, { { COND_ZAP, 2 } }, .strict = true },
	{ __NR_shmat, { { COND_REMAP, 2 } }, .strict = true },
	{ __NR_shmdt, .strict = true },
#ifdef __NR_remap_file_pages
	{ __NR_remap_file_pages, .strict = true },
#endif
};
/* clang-format on */

#define MAX_INSNS 512
#define JUMP_FAIL 0xff /* patched to the end of the row */

struct program {
	struct sock_filter insns[MAX_INSNS];
	unsigned n;
};

static void emit(struct program *p, uint16_t code, uint8_t jt, uint8_t jf, uint32_t k)
{
	nb_assert(p->n < MAX_INSNS);
	p->insns[p->n++] = (struct sock_filter){ code, jt, jf, k };
}

static void emit_load(struct program *p, size_t offset)
{
	emit(p, BPF_LD | BPF_W | BPF_ABS, 0, 0, (uint32_t)offset);
}

static void emit_load_arg(struct program *p, unsigned arg, bool high)
{
	emit_load(p, offsetof(struct seccomp_data, args[arg]) + (high ? 4 : 0));
}

/** Conditions on an argument of which some bits have one of a few values. */
static const struct {
	uint32_t mask, values[4];
	uint8_t n;
} one_of[] = {
	[COND_IOCTL] = { 0xff00, { ';' << 8 }, 1 },
	[COND_FAULTS] = { UINT32_MAX, { USERFAULTFD_IOC_NEW }, 1 },
	[COND_PTPEER] = { UINT32_MAX, { TIOCGPTPEER }, 1 },
	[COND_WRITES] = { O_ACCMODE | O_DIRECTORY | O_PATH, { O_WRONLY, O_RDWR }, 2 },
	[COND_STDOUT] = { UINT32_MAX, { STDOUT_FILENO }, 1 },
	[COND_FCNTL] = { UINT32_MAX, { F_SETLEASE, F_ADD_SEALS, F_GET_SEALS }, 3 },
	[COND_ZAP] = { UINT32_MAX,
		{ MADV_DONTNEED, MADV_REMOVE, GATE_MADV_DONTNEED_LOCKED, GATE_MADV_GUARD_INSTALL },
		4 },
};

/** Conditions on an argument in which a bit is set. */
static const uint32_t bit_of[] = {
	[COND_W_OK] = W_OK,
	[COND_EMPTY] = AT_EMPTY_PATH,
	[COND_FIXED] = MAP_FIXED,
	[COND_REMAP] = SHM_REMAP,
};

/** The rest are ranges. */
static void emit_range(struct program *p, enum cond_kind kind, unsigned fd_base)
{
	switch (kind) {
	case COND_SHORT:
		emit(p, BPF_JMP | BPF_JGT | BPF_K, JUMP_FAIL, 0, GATE_SHORT_WRITE);
		break;
	case COND_FD:
		/* The upper bound keeps AT_FDCWD and -1 out. */
		emit(p, BPF_JMP | BPF_JGE | BPF_K, 0, JUMP_FAIL, fd_base);
		emit(p, BPF_JMP | BPF_JGT | BPF_K, JUMP_FAIL, 0, GATE_FD_LAST);
		break;
	case COND_OFFSET:
		emit(p, BPF_JMP | BPF_JGE | BPF_K, 0, JUMP_FAIL, 1u << (GATE_OFFSET_LG2 - 32));
		break;
	default:
		nb_assert(!"a condition in neither table");
	}
}

static void emit_one_of(struct program *p, enum cond_kind kind)
{
	unsigned left = one_of[kind].n;

	if (one_of[kind].mask != UINT32_MAX)
		emit(p, BPF_ALU | BPF_AND | BPF_K, 0, 0, one_of[kind].mask);
	for (const uint32_t *value = one_of[kind].values; left--; value++)
		emit(p, BPF_JMP | BPF_JEQ | BPF_K, (uint8_t)left, left ? 0 : JUMP_FAIL, *value);
}

static void emit_cond(struct program *p, const struct cond *cond, unsigned fd_base)
{
	enum cond_kind kind = cond->kind;

	if (kind == COND_NONE)
		return;
	emit_load_arg(p, cond->arg, kind == COND_OFFSET);
	if (kind < ARRAY_LEN(one_of) && one_of[kind].n)
		emit_one_of(p, kind);
	else if (kind < ARRAY_LEN(bit_of) && bit_of[kind])
		emit(p, BPF_JMP | BPF_JSET | BPF_K, 0, JUMP_FAIL, bit_of[kind]);
	else
		emit_range(p, kind, fd_base);
}

/** Conditions that fail lead behind what was emitted since start. */
static void patch_jumps(struct program *p, unsigned start)
{
	unsigned i;

	for (i = start; i < p->n; i++) {
		if (p->insns[i].jt == JUMP_FAIL)
			p->insns[i].jt = (uint8_t)(p->n - i - 1);
		if (p->insns[i].jf == JUMP_FAIL)
			p->insns[i].jf = (uint8_t)(p->n - i - 1);
	}
}

static void emit_row(struct program *p, const struct row *row, unsigned fd_base)
{
	unsigned start = p->n;
	unsigned i;

	emit_load(p, offsetof(struct seccomp_data, nr));
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, 0, JUMP_FAIL, (uint32_t)row->nr);
	for (i = 0; i < ARRAY_LEN(row->conds); i++)
		emit_cond(p, &row->conds[i], fd_base);
	emit(p, BPF_RET | BPF_K, 0, 0, SECCOMP_RET_USER_NOTIF);
	patch_jumps(p, start);
}

/**
 * Calls of another architecture (32-bit programs) are not served, their opens reach the
 * placeholder; but VFIO's ioctls come to us, to be refused in words.
 */
static void emit_foreign(struct program *p)
{
	unsigned start = p->n;

#ifdef __x86_64__
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, 0, JUMP_FAIL, AUDIT_ARCH_I386);
	emit_load(p, offsetof(struct seccomp_data, nr));
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, 0, JUMP_FAIL, GATE_NR_IOCTL_I386);
	emit_cond(p, &(struct cond){ COND_IOCTL, 1 }, 0);
	emit(p, BPF_RET | BPF_K, 0, 0, SECCOMP_RET_USER_NOTIF);
#endif
	patch_jumps(p, start);
	emit(p, BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW);
}

static bool is_wanted(const struct row *row, bool strict_pin)
{
	return (!row->untaken || !proc_can_take_fds()) && (!row->strict || strict_pin);
}

static void compile(struct program *p, unsigned fd_base, bool strict_pin)
{
	unsigned i;

	emit_load(p, offsetof(struct seccomp_data, arch));
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, 0, 0, GATE_AUDIT_ARCH);
	i = p->n;
	emit_foreign(p);
	p->insns[i - 1].jt = (uint8_t)(p->n - i);
	for (i = 0; i < ARRAY_LEN(rows); i++)
		if (is_wanted(&rows[i], strict_pin))
			emit_row(p, &rows[i], fd_base);
	emit(p, BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW);
}

unsigned filter_arch(void)
{
	return GATE_AUDIT_ARCH;
}

static int install(const struct sock_fprog *prog)
{
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
		SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, prog);
}

int filter_install(unsigned fd_base, bool strict_pin, struct error *error)
{
	struct program p = { .n = 0 };
	struct sock_fprog prog;
	int fd;

	compile(&p, fd_base, strict_pin);
	prog = (struct sock_fprog){ (unsigned short)p.n, p.insns };
	fd = install(&prog);
	/* Without CAP_SYS_ADMIN a filter may only go to who can gain no privilege by exec. */
	if (fd < 0 && errno == EACCES && !prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		fd = install(&prog);
	if (fd >= 0)
		return fd;
	if (errno == EINVAL)
		return error_set(error, EINVAL,
			"seccomp notification is not available: Linux 5.19 is needed");
	if (errno == EBUSY)
		return error_set(
			error, EBUSY, "seccomp notification is taken: are we inside another box?");
	return error_sys(error, errno, "cannot install the seccomp filter");
}
