/* SPDX-License-Identifier: MIT */
#include "probe.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

void ok(void)
{
	_exit(LACK_NONE);
}

/* EPERM is what most profiles of containers deny with, ENOSYS what podman's does: no call that we
 * need is newer than the kernel that we need. */
static enum lack lack_of(int err)
{
	static const struct {
		int err;
		enum lack lack;
	} kinds[] = {
		{ EPERM, LACK_DENIED },
		{ EACCES, LACK_DENIED },
		{ ENOSYS, LACK_DENIED },
		{ EROFS, LACK_DENIED },
		{ EINVAL, LACK_OLD },
		{ ENOTTY, LACK_OLD },
		{ EBUSY, LACK_TAKEN },
		{ EMFILE, LACK_EXHAUSTED },
		{ ENFILE, LACK_EXHAUSTED },
		{ ENOSPC, LACK_EXHAUSTED },
		{ EAGAIN, LACK_EXHAUSTED },
		{ EUSERS, LACK_EXHAUSTED },
		{ ENOMEM, LACK_EXHAUSTED },
	};

	for (size_t i = 0; i < COUNT(kinds); i++)
		if (kinds[i].err == err)
			return kinds[i].lack;
	return LACK_BROKEN;
}

void lacking(const char *what)
{
	enum lack lack = lack_of(errno);

	dprintf(STDOUT_FILENO, "%s: %s\n", what, strerror(errno));
	_exit(lack);
}

void lacks(enum lack lack, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vdprintf(STDOUT_FILENO, format, args);
	va_end(args);
	dprintf(STDOUT_FILENO, "\n");
	_exit(lack);
}

void need(bool holds, const char *what)
{
	if (!holds)
		lacking(what);
}

void expect(bool holds, const char *what)
{
	if (!holds)
		lacks(LACK_BROKEN, "it does not hold that %s", what);
}

pid_t run_child(int (*body)(void))
{
	pid_t pid = fork();

	need(pid >= 0, "cannot fork");
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(body());
	}
	return pid;
}

int wait_child(pid_t pid)
{
	int status;

	need(waitpid(pid, &status, 0) == pid, "cannot wait for a child");
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

void join_child(pid_t pid)
{
	int status = wait_child(pid);

	if (status)
		_exit(status);
}

/* As src/gate/procfs.c. */
int number_in_proc(pid_t pid)
{
	char path[64], self[32] = "", line[64];
	int fd, number = 0;
	FILE *info;

	if (readlink("/proc/self", self, sizeof(self) - 1) > 0 && atoi(self) == getpid())
		return pid;
	fd = (int)syscall(SYS_pidfd_open, pid, 0);
	snprintf(path, sizeof(path), "/proc/thread-self/fdinfo/%d", fd);
	info = fd < 0 ? NULL : fopen(path, "re");
	while (info && fgets(line, sizeof(line), info))
		sscanf(line, "Pid: %d", &number);
	return number > 0 ? number : 0;
}

int open_proc(pid_t pid, const char *name)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", number_in_proc(pid), name);
	fd = open(path, O_RDWR | O_CLOEXEC);
	return fd >= 0 ? fd : open(path, O_RDONLY | O_CLOEXEC);
}

static void send_fd(int sock, int fd)
{
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { 0 };
	struct iovec iov = { "", 1 };
	struct msghdr msg = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control) };
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
	if (sendmsg(sock, &msg, 0) < 0)
		_exit(1);
}

static int receive_fd(int sock)
{
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { 0 };
	char byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control) };
	int fd;

	if (recvmsg(sock, &msg, 0) <= 0 || !CMSG_FIRSTHDR(&msg))
		return -1;
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));
	return fd;
}

pid_t run_notified(const struct sock_filter *filter, size_t n, int (*body)(void), int *listener)
{
	struct sock_fprog prog = { (unsigned short)n, (struct sock_filter *)filter };
	int pair[2];
	pid_t pid;

	need(!socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), "cannot make a socket pair");
	pid = fork();
	need(pid >= 0, "cannot fork");
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(pair[0]);
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		*listener = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
			SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
			&prog);
		if (*listener < 0)
			_exit(errno);
		send_fd(pair[1], *listener);
		close(*listener);
		_exit(body());
	}
	close(pair[1]);
	*listener = receive_fd(pair[0]);
	if (*listener < 0) {
		errno = wait_child(pid);
		lacking("cannot install a seccomp filter with a listener and WAIT_KILLABLE_RECV");
	}
	close(pair[0]);
	return pid;
}

struct seccomp_notif receive(int listener)
{
	struct seccomp_notif notif = { 0 };

	need(!ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &notif), "cannot receive a notification");
	return notif;
}

static void respond(int listener, struct seccomp_notif_resp resp)
{
	need(!ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &resp), "cannot answer a notification");
}

void answer(int listener, unsigned long long id, long value, int error)
{
	respond(listener, (struct seccomp_notif_resp){ .id = id, .val = value, .error = -error });
}

void let_happen(int listener, unsigned long long id)
{
	respond(listener,
		(struct seccomp_notif_resp){ .id = id, .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE });
}

static bool write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool done = fd >= 0 && write(fd, text, strlen(text)) >= 0;
	int err = errno;

	if (fd >= 0)
		close(fd);
	errno = err;
	return done;
}

static const char *new_user_namespace(void)
{
	unsigned uid = geteuid(), gid = getegid();
	char map[48];

	if (unshare(CLONE_NEWUSER | CLONE_NEWNS))
		return "cannot make a user namespace";
	if (!write_file("/proc/self/setgroups", "deny"))
		return "cannot write /proc/self/setgroups in a user namespace";
	snprintf(map, sizeof(map), "%u %u 1", uid, uid);
	if (!write_file("/proc/self/uid_map", map))
		return "cannot write /proc/self/uid_map in a user namespace";
	snprintf(map, sizeof(map), "%u %u 1", gid, gid);
	if (!write_file("/proc/self/gid_map", map))
		return "cannot write /proc/self/gid_map in a user namespace";
	return NULL;
}

/* As src/gate/namespace.c: CAP_SYS_ADMIN needs no user namespace. What cannot be done, or NULL. */
static const char *new_namespaces(void)
{
	const char *not = NULL;

	if (unshare(CLONE_NEWNS))
		not = errno == EPERM ? new_user_namespace() : "cannot make a mount namespace";
	if (!not &&mount(NULL, "/", NULL, MS_SLAVE | MS_REC, NULL))
		not = "cannot detach the mounts of a mount namespace from the host's";
	return not ;
}

void enter_namespaces(void)
{
	const char *not = new_namespaces();

	if (not )
		lacking(not );
}

void try_namespaces(void)
{
	(void)new_namespaces();
}
