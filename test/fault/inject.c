/* SPDX-License-Identifier: MIT */
/* What fails, and how (inject.h). */
#include "inject.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define MAX_ERRNOS 3

static enum inject_kind armed;
static unsigned long fail_at, seen;
static unsigned choice;
static const char *hit;
static bool more;

void inject_arm(enum inject_kind kind, unsigned long n, unsigned which)
{
	armed = n ? kind : INJECT_NONE;
	fail_at = n;
	seen = 0;
	choice = which;
	hit = NULL;
	more = false;
}

unsigned long inject_disarm(void)
{
	armed = INJECT_NONE;
	return seen;
}

const char *inject_hit(void)
{
	return hit;
}

bool inject_more(void)
{
	return more;
}

/* 0: do it; else the errno with which `what` fails. Its errnos end with 0. */
static int fails(enum inject_kind kind, const char *what, const int *errnos)
{
	unsigned i = 0;

	if (armed != kind || ++seen != fail_at)
		return 0;
	while (i < choice && errnos[i + 1])
		i++;
	hit = what;
	more = errnos[i + 1];
	return errnos[i];
}

#define ERRNOS(...) ((const int[MAX_ERRNOS + 1]){ __VA_ARGS__ })

/* ---- allocations ---- */

static bool no_memory(const char *what)
{
	int err = fails(INJECT_ALLOC, what, ERRNOS(ENOMEM));

	if (err)
		errno = err;
	return err;
}

#define WRAP(type, name, what, params, ...)                                                        \
	type __real_##name params;                                                                 \
	type __wrap_##name params;                                                                 \
	type __wrap_##name params                                                                  \
	{                                                                                          \
		return no_memory(#name) ? NULL : __real_##name(__VA_ARGS__);                       \
	}

WRAP(void *, malloc, "", (size_t len), len)
WRAP(void *, calloc, "", (size_t n, size_t len), n, len)
WRAP(void *, realloc, "", (void *p, size_t len), p, len)
WRAP(void *, aligned_alloc, "", (size_t align, size_t len), align, len)
WRAP(char *, strdup, "", (const char *s), s)

/* ---- host calls ---- */

#define HOST(type, failed, name, errnos, params, ...)                                              \
	type __real_##name params;                                                                 \
	type __wrap_##name params;                                                                 \
	type __wrap_##name params                                                                  \
	{                                                                                          \
		int err = fails(INJECT_HOST, #name, errnos);                                       \
                                                                                                   \
		if (!err)                                                                          \
			return __real_##name(__VA_ARGS__);                                         \
		errno = err;                                                                       \
		return failed;                                                                     \
	}

HOST(void *, MAP_FAILED, mmap64, ERRNOS(ENOMEM, EAGAIN),
	(void *at, size_t len, int prot, int flags, int fd, off64_t off), at, len, prot, flags, fd,
	off)
HOST(int, -1, memfd_create, ERRNOS(EMFILE, ENFILE, ENOMEM), (const char *name, unsigned flags),
	name, flags)
HOST(int, -1, ftruncate64, ERRNOS(ENOSPC, EINTR), (int fd, off64_t len), fd, len)
HOST(int, -1, fallocate64, ERRNOS(ENOMEM, EINTR), (int fd, int mode, off64_t off, off64_t len), fd,
	mode, off, len)
HOST(FILE *, NULL, fopen64, ERRNOS(EMFILE, ENOMEM), (const char *path, const char *mode), path,
	mode)
HOST(ssize_t, -1, readlink, ERRNOS(ENOMEM, EACCES), (const char *path, char *buf, size_t len), path,
	buf, len)
HOST(ssize_t, -1, read, ERRNOS(EINTR, EAGAIN), (int fd, void *buf, size_t len), fd, buf, len)
HOST(ssize_t, -1, write, ERRNOS(EAGAIN, EINTR), (int fd, const void *buf, size_t len), fd, buf, len)
HOST(int, -1, poll, ERRNOS(EINTR, ENOMEM), (struct pollfd * fds, nfds_t n, int timeout), fds, n,
	timeout)
HOST(int, -1, madvise, ERRNOS(EAGAIN, ENOMEM), (void *at, size_t len, int advice), at, len, advice)
HOST(int, -1, eventfd, ERRNOS(EMFILE, ENOMEM), (unsigned val, int flags), val, flags)
HOST(int, -1, epoll_create1, ERRNOS(EMFILE, ENOMEM), (int flags), flags)
HOST(ssize_t, -1, process_vm_readv, ERRNOS(ENOMEM, EPERM),
	(pid_t pid, const struct iovec *to, unsigned long n, const struct iovec *from,
		unsigned long m, unsigned long flags),
	pid, to, n, from, m, flags)
HOST(ssize_t, -1, process_vm_writev, ERRNOS(ENOMEM, EPERM),
	(pid_t pid, const struct iovec *from, unsigned long n, const struct iovec *to,
		unsigned long m, unsigned long flags),
	pid, from, n, to, m, flags)

int __real_pthread_create(
	pthread_t *thread, const pthread_attr_t *attr, void *(*fn)(void *), void *arg);
int __wrap_pthread_create(
	pthread_t *thread, const pthread_attr_t *attr, void *(*fn)(void *), void *arg);
int __wrap_pthread_create(
	pthread_t *thread, const pthread_attr_t *attr, void *(*fn)(void *), void *arg)
{
	int err = fails(INJECT_HOST, "pthread_create", ERRNOS(EAGAIN));

	return err ? err : __real_pthread_create(thread, attr, fn, arg);
}

int __real_open64(const char *path, int flags, ...);
int __wrap_open64(const char *path, int flags, mode_t mode);
int __wrap_open64(const char *path, int flags, mode_t mode)
{
	int err = fails(INJECT_HOST, "open64", ERRNOS(EMFILE, ENFILE, ENOMEM));

	if (!err)
		return __real_open64(path, flags, mode);
	errno = err;
	return -1;
}

int __real_fcntl64(int fd, int cmd, ...);
int __wrap_fcntl64(int fd, int cmd, void *arg);
int __wrap_fcntl64(int fd, int cmd, void *arg)
{
	bool dup = cmd == F_DUPFD_CLOEXEC || cmd == F_DUPFD;
	int err = dup		       ? fails(INJECT_HOST, "fcntl(F_DUPFD)", ERRNOS(EMFILE))
		  : cmd == F_ADD_SEALS ? fails(INJECT_HOST, "fcntl(F_ADD_SEALS)", ERRNOS(ENOMEM))
				       : 0;

	if (!err)
		return __real_fcntl64(fd, cmd, arg);
	errno = err;
	return -1;
}

/* Of those without a wrapper in libc, what can fail. */
static int syscall_errno(long number)
{
	switch (number) {
	case SYS_io_setup:
		return fails(INJECT_HOST, "io_setup", ERRNOS(EAGAIN, ENOMEM));
	case SYS_io_submit:
		return fails(INJECT_HOST, "io_submit", ERRNOS(ENOMEM, EAGAIN));
	default:
		return 0;
	}
}

long __real_syscall(long number, ...);
long __wrap_syscall(long number, long a, long b, long c, long d, long e, long f);
long __wrap_syscall(long number, long a, long b, long c, long d, long e, long f)
{
	int err = syscall_errno(number);

	if (!err)
		return __real_syscall(number, a, b, c, d, e, f);
	errno = err;
	return -1;
}

/* ---- the caller ---- */

static const struct caller_ops *real_ops;

static int user_copy_in(struct caller *caller, void *dst, uint64_t uaddr, size_t len)
{
	int err = fails(INJECT_USER, "copy_in", ERRNOS(EFAULT));

	return err ? -err : real_ops->copy_in(caller, dst, uaddr, len);
}

static int user_copy_out(struct caller *caller, uint64_t uaddr, const void *src, size_t len)
{
	int err = fails(INJECT_USER, "copy_out", ERRNOS(EFAULT));

	return err ? -err : real_ops->copy_out(caller, uaddr, src, len);
}

static int user_get_file(struct caller *caller, int fd, struct file **out)
{
	int err = fails(INJECT_USER, "get_file", ERRNOS(EBADF));

	return err ? -err : real_ops->get_file(caller, fd, out);
}

static int user_get_eventfd(struct caller *caller, int fd)
{
	int err = fails(INJECT_USER, "get_eventfd", ERRNOS(EBADF, EPERM, ENFILE));

	return err ? -err : real_ops->get_eventfd(caller, fd);
}

static int user_install(struct caller *caller, struct file *file, int flags)
{
	int err = fails(INJECT_USER, "install", ERRNOS(EMFILE, ENFILE, ENOMEM));

	return err ? -err : real_ops->install(caller, file, flags);
}

static int user_pin(struct caller *caller, uint64_t uaddr, uint64_t bytes, unsigned prot,
	struct umem **out, struct why *why)
{
	int err = fails(INJECT_USER, "pin", ERRNOS(EFAULT, ENOMEM));

	if (err)
		return why_refused(why, err, "injected", "pinning fails");
	return real_ops->pin(caller, uaddr, bytes, prot, out, why);
}

void inject_caller(struct caller *caller)
{
	static struct caller_ops ops;

	if (!real_ops)
		real_ops = caller->ops;
	ops = *real_ops;
	ops.copy_in = user_copy_in;
	ops.copy_out = user_copy_out;
	ops.get_file = user_get_file;
	ops.get_eventfd = user_get_eventfd;
	ops.install = user_install;
	ops.pin = user_pin;
	caller->ops = &ops;
}
