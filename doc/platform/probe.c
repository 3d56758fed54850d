/* SPDX-License-Identifier: MIT */
#include "probe.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
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

void ok(const char *what)
{
	printf("ok: %s\n", what);
	exit(0);
}

void skip(const char *what)
{
	printf("skip: %s: %s\n", what, strerror(errno));
	exit(77);
}

void failed(const char *what)
{
	printf("failed: %s: %s\n", what, strerror(errno));
	exit(1);
}

void expect(bool holds, const char *what)
{
	if (!holds)
		failed(what);
}

pid_t run_child(int (*body)(void))
{
	pid_t pid = fork();

	expect(pid >= 0, "fork");
	if (pid == 0)
		_exit(body());
	return pid;
}

int wait_child(pid_t pid)
{
	int status;

	expect(waitpid(pid, &status, 0) == pid, "waitpid");
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
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

	expect(!socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), "socketpair");
	pid = fork();
	expect(pid >= 0, "fork");
	if (pid == 0) {
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
		skip("seccomp notification with WAIT_KILLABLE_RECV (Linux 5.19) is not available");
	}
	close(pair[0]);
	return pid;
}

struct seccomp_notif receive(int listener)
{
	struct seccomp_notif notif = { 0 };

	expect(!ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &notif), "SECCOMP_IOCTL_NOTIF_RECV");
	return notif;
}

static void respond(int listener, struct seccomp_notif_resp resp)
{
	expect(!ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &resp), "SECCOMP_IOCTL_NOTIF_SEND");
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

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		skip(path);
	close(fd);
}

void enter_namespaces(void)
{
	unsigned uid = geteuid(), gid = getegid();
	char map[48];

	if (unshare(CLONE_NEWUSER | CLONE_NEWNS))
		skip("user namespaces are forbidden");
	write_file("/proc/self/setgroups", "deny");
	snprintf(map, sizeof(map), "%u %u 1", uid, uid);
	write_file("/proc/self/uid_map", map);
	snprintf(map, sizeof(map), "%u %u 1", gid, gid);
	write_file("/proc/self/gid_map", map);
	if (mount(NULL, "/", NULL, MS_SLAVE | MS_REC, NULL))
		skip("mounts are forbidden in user namespaces");
}
