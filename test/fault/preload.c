/* SPDX-License-Identifier: MIT */
/*
 * A library to preload into nestbox: its n-th allocation, or host call that can fail for want of
 * something, fails. By the environment:
 *
 *   FAIL_KIND   alloc or host
 *   FAIL_AT     which one, from 1; 0: none
 *   FAIL_WHO    supervisor: the process that was started; children: each that it forked, as long as
 *               it has not exec'd
 *   FAIL_LOG    a file that gets the name of what failed, or at the end how many there were
 *
 * Programs other than nestbox are left alone. What cannot fail on a sound host (a read of an open
 * file, close, locks) is not touched; nor is what fails with EINTR only, since no signal is there.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <linux/seccomp.h>

enum kind {
	NONE,
	ALLOC,
	HOST
};

static enum kind kind;
static unsigned long fail_at;
static bool children;
static const char *log_path;
static pid_t first, counting;
static atomic_ulong seen;

/* The library's own calls go past libc, which is wrapped. */
static void note(const char *text, size_t len)
{
	long fd = log_path
			  ? syscall(SYS_openat, AT_FDCWD, log_path, O_WRONLY | O_APPEND | O_CLOEXEC)
			  : -1;

	if (fd < 0)
		return;
	syscall(SYS_write, fd, text, len);
	syscall(SYS_close, fd);
}

static bool is_nestbox(void)
{
	char path[512];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	path[n > 0 ? n : 0] = 0;
	return n > 8 && !strcmp(path + n - 8, "/nestbox");
}

__attribute__((constructor)) static void begin(void)
{
	const char *at = getenv("FAIL_AT"), *which = getenv("FAIL_KIND"), *who = getenv("FAIL_WHO");

	if (!at || !which || !is_nestbox())
		return;
	fail_at = strtoul(at, NULL, 10);
	children = who && !strcmp(who, "children");
	log_path = getenv("FAIL_LOG");
	first = getpid();
	kind = !strcmp(which, "alloc") ? ALLOC : HOST;
}

__attribute__((destructor)) static void end(void)
{
	char text[32];

	if (kind != NONE && getpid() == first)
		note(text, (size_t)snprintf(text, sizeof(text), "total %lu\n", atomic_load(&seen)));
	kind = NONE;
}

/* " in FILE+0xOFFSET", for addr2line. */
static void note_caller(void *at)
{
	char text[300];
	Dl_info info;

	if (dladdr(at, &info) && info.dli_fname)
		note(text, (size_t)snprintf(text, sizeof(text), " in %.200s+0x%zx\n",
				   info.dli_fname, (size_t)((char *)at - (char *)info.dli_fbase)));
}

/* Whether this call of `what` is the one; inlined, so that it knows who called. */
static inline __attribute__((always_inline)) bool fails(enum kind of, const char *what)
{
	char text[64];
	pid_t pid;

	if (kind != of)
		return false;
	pid = (pid_t)syscall(SYS_getpid);
	if ((pid != first) != children)
		return false;
	if (pid != counting) { /* a child counts for itself */
		counting = pid;
		atomic_store(&seen, 0);
	}
	if (atomic_fetch_add(&seen, 1) + 1 != fail_at)
		return false;
	note(text, (size_t)snprintf(text, sizeof(text), "hit %s", what));
	note_caller(__builtin_return_address(0));
	return true;
}

/* ---- allocations: libc's own go through these too ---- */

void *__libc_malloc(size_t len);
void *__libc_calloc(size_t n, size_t len);
void *__libc_realloc(void *p, size_t len);
void *__libc_memalign(size_t align, size_t len);

static void *no_memory(void)
{
	errno = ENOMEM;
	return NULL;
}

void *malloc(size_t len)
{
	return fails(ALLOC, "malloc") ? no_memory() : __libc_malloc(len);
}

void *calloc(size_t n, size_t len)
{
	return fails(ALLOC, "calloc") ? no_memory() : __libc_calloc(n, len);
}

void *realloc(void *p, size_t len)
{
	return fails(ALLOC, "realloc") ? no_memory() : __libc_realloc(p, len);
}

void *aligned_alloc(size_t align, size_t len)
{
	return fails(ALLOC, "aligned_alloc") ? no_memory() : __libc_memalign(align, len);
}

/* ---- host calls ---- */

/* libc's own, looked up before anything fails: the lookup may allocate. */
#define REAL(name)                                                                                 \
	static __typeof__(name) *real_##name;                                                      \
                                                                                                   \
	__attribute__((constructor(101))) static void find_##name(void)                            \
	{                                                                                          \
		real_##name = (__typeof__(name) *)dlsym(RTLD_NEXT, #name);                         \
	}

#define HOST_CALL(type, name, failed, err, params, ...)                                            \
	REAL(name)                                                                                 \
	type name params                                                                           \
	{                                                                                          \
		if (!real_##name) /* another library's constructor */                              \
			find_##name();                                                             \
		if (!fails(HOST, #name))                                                           \
			return real_##name(__VA_ARGS__);                                           \
		errno = err;                                                                       \
		return failed;                                                                     \
	}

HOST_CALL(void *, mmap64, MAP_FAILED, ENOMEM,
	(void *at, size_t len, int prot, int flags, int fd, off64_t off), at, len, prot, flags, fd,
	off)
HOST_CALL(int, memfd_create, -1, EMFILE, (const char *name, unsigned flags), name, flags)
HOST_CALL(int, ftruncate64, -1, ENOSPC, (int fd, off64_t len), fd, len)
HOST_CALL(int, fallocate64, -1, ENOMEM, (int fd, int mode, off64_t off, off64_t len), fd, mode, off,
	len)
HOST_CALL(FILE *, fopen64, NULL, EMFILE, (const char *path, const char *mode), path, mode)
HOST_CALL(DIR *, opendir, NULL, EMFILE, (const char *path), path)
HOST_CALL(int, dup, -1, EMFILE, (int fd), fd)
HOST_CALL(int, dup3, -1, EMFILE, (int fd, int to, int flags), fd, to, flags)
HOST_CALL(int, eventfd, -1, EMFILE, (unsigned val, int flags), val, flags)
HOST_CALL(int, pipe2, -1, EMFILE, (int fds[2], int flags), fds, flags)
HOST_CALL(int, socket, -1, EMFILE, (int domain, int type, int protocol), domain, type, protocol)
HOST_CALL(int, socketpair, -1, EMFILE, (int domain, int type, int protocol, int fds[2]), domain,
	type, protocol, fds)
HOST_CALL(int, inotify_init1, -1, EMFILE, (int flags), flags)
HOST_CALL(int, inotify_add_watch, -1, ENOSPC, (int fd, const char *path, uint32_t mask), fd, path,
	mask)
HOST_CALL(int, signalfd, -1, EMFILE, (int fd, const sigset_t *mask, int flags), fd, mask, flags)
HOST_CALL(pid_t, fork, -1, EAGAIN, (void), )
HOST_CALL(int, unshare, -1, ENOSPC, (int flags), flags)
HOST_CALL(int, mount, -1, ENOMEM,
	(const char *from, const char *at, const char *type, unsigned long flags, const void *data),
	from, at, type, flags, data)
HOST_CALL(int, mkdir, -1, ENOSPC, (const char *path, mode_t mode), path, mode)
HOST_CALL(int, mkdirat, -1, ENOSPC, (int fd, const char *path, mode_t mode), fd, path, mode)
HOST_CALL(int, symlink, -1, ENOSPC, (const char *to, const char *path), to, path)
HOST_CALL(ssize_t, readlink, -1, ENOMEM, (const char *path, char *buf, size_t len), path, buf, len)
HOST_CALL(ssize_t, readlinkat, -1, ENOMEM, (int fd, const char *path, char *buf, size_t len), fd,
	path, buf, len)
HOST_CALL(int, stat64, -1, ENOMEM, (const char *path, struct stat64 *st), path, st)
HOST_CALL(int, fstatat64, -1, ENOMEM, (int fd, const char *path, struct stat64 *st, int flags), fd,
	path, st, flags)
HOST_CALL(
	ssize_t, pread64, -1, EIO, (int fd, void *buf, size_t len, off64_t off), fd, buf, len, off)
HOST_CALL(ssize_t, pwrite64, -1, EIO, (int fd, const void *buf, size_t len, off64_t off), fd, buf,
	len, off)
HOST_CALL(ssize_t, process_vm_readv, -1, EPERM,
	(pid_t pid, const struct iovec *to, unsigned long n, const struct iovec *from,
		unsigned long m, unsigned long flags),
	pid, to, n, from, m, flags)
HOST_CALL(ssize_t, process_vm_writev, -1, EPERM,
	(pid_t pid, const struct iovec *from, unsigned long n, const struct iovec *to,
		unsigned long m, unsigned long flags),
	pid, from, n, to, m, flags)
HOST_CALL(
	ssize_t, sendmsg, -1, ENOMEM, (int fd, const struct msghdr *msg, int flags), fd, msg, flags)

REAL(pthread_create)
int pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*fn)(void *), void *arg)
{
	if (!real_pthread_create)
		find_pthread_create();
	return fails(HOST, "pthread_create") ? EAGAIN : real_pthread_create(thread, attr, fn, arg);
}

REAL(open64)
int open64(const char *path, int flags, ...)
{
	va_list args;
	mode_t mode;

	if (!real_open64)
		find_open64();
	va_start(args, flags);
	mode = va_arg(args, mode_t);
	va_end(args);
	if (!fails(HOST, "open64"))
		return real_open64(path, flags, mode);
	errno = EMFILE;
	return -1;
}

REAL(openat64)
int openat64(int fd, const char *path, int flags, ...)
{
	va_list args;
	mode_t mode;

	if (!real_openat64)
		find_openat64();
	va_start(args, flags);
	mode = va_arg(args, mode_t);
	va_end(args);
	if (!fails(HOST, "openat64"))
		return real_openat64(fd, path, flags, mode);
	errno = EMFILE;
	return -1;
}

REAL(fcntl64)
int fcntl64(int fd, int cmd, ...)
{
	va_list args;
	void *arg;

	if (!real_fcntl64)
		find_fcntl64();
	va_start(args, cmd);
	arg = va_arg(args, void *);
	va_end(args);
	if ((cmd != F_DUPFD && cmd != F_DUPFD_CLOEXEC) || !fails(HOST, "fcntl(F_DUPFD)"))
		return real_fcntl64(fd, cmd, arg);
	errno = EMFILE;
	return -1;
}

REAL(ioctl)
/* Of the listener's calls the one that can fail while the program waits. */
int ioctl(int fd, unsigned long cmd, ...)
{
	va_list args;
	void *arg;

	if (!real_ioctl)
		find_ioctl();
	va_start(args, cmd);
	arg = va_arg(args, void *);
	va_end(args);
	if (cmd != SECCOMP_IOCTL_NOTIF_ADDFD || !fails(HOST, "SECCOMP_IOCTL_NOTIF_ADDFD"))
		return real_ioctl(fd, cmd, arg);
	errno = EMFILE;
	return -1;
}

static const struct {
	long number;
	const char *name;
	int err;
} numbered[] = {
	{ SYS_openat2, "openat2", EMFILE },
	{ SYS_pidfd_open, "pidfd_open", EMFILE },
	{ SYS_pidfd_getfd, "pidfd_getfd", EMFILE },
	{ SYS_io_setup, "io_setup", EAGAIN },
	{ SYS_io_submit, "io_submit", ENOMEM },
};

REAL(syscall)
long syscall(long number, ...)
{
	va_list args;
	long a[6];

	if (!real_syscall)
		find_syscall();
	va_start(args, number);
	for (unsigned i = 0; i < 6; i++)
		a[i] = va_arg(args, long);
	va_end(args);
	for (unsigned i = 0; i < sizeof(numbered) / sizeof(numbered[0]); i++) {
		if (numbered[i].number == number && fails(HOST, numbered[i].name)) {
			errno = numbered[i].err;
			return -1;
		}
	}
	return real_syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
