/* SPDX-License-Identifier: MIT */
#include "bare.h"

#include <err.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP /* Linux 6.6 */
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1UL << 0)
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS	   SECCOMP_IOW(4, __u64)
#endif

double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void send_fd(int sock, int fd)
{
	char control[CMSG_SPACE(sizeof(int))] = { 0 }, byte = 0;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control) };
	struct cmsghdr *header = CMSG_FIRSTHDR(&msg);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &fd, sizeof(int));
	if (sendmsg(sock, &msg, 0) != 1)
		_exit(1);
}

static int receive_fd(int sock)
{
	char control[CMSG_SPACE(sizeof(int))], byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control) };
	int fd;

	if (recvmsg(sock, &msg, 0) != 1 || !CMSG_FIRSTHDR(&msg))
		errx(1, "no notification descriptor: is seccomp allowed here?");
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(int));
	return fd;
}

/* The caller: every getppid is notified; the mean time of one goes to the pipe. */
static _Noreturn void caller(int sock, int pipe_fd, unsigned calls)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(code) / sizeof(*code), code };
	double start, mean;

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	send_fd(sock, (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
			      SECCOMP_FILTER_FLAG_NEW_LISTENER, &program));
	for (unsigned i = 0; i < 100; i++)
		syscall(SYS_getppid);
	start = now_ns();
	for (unsigned i = 0; i < calls; i++)
		syscall(SYS_getppid);
	mean = (now_ns() - start) / calls;
	_exit(write(pipe_fd, &mean, sizeof(mean)) != sizeof(mean));
}

static void answer(int listener, unsigned calls)
{
	/* EINVAL before Linux 6.6: the round trip is then slower, for the box as well. */
	ioctl(listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);
	for (unsigned i = 0; i < calls; i++) {
		struct seccomp_notif notif = { 0 };
		struct seccomp_notif_resp response = { 0 };

		if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &notif))
			err(1, "SECCOMP_IOCTL_NOTIF_RECV");
		response.id = notif.id;
		if (ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response))
			err(1, "SECCOMP_IOCTL_NOTIF_SEND");
	}
}

double bare_notification_ns(unsigned calls)
{
	int sockets[2], result[2], listener;
	double mean = 0;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) || pipe(result))
		err(1, "bench");
	pid = fork();
	if (pid == 0)
		caller(sockets[1], result[1], calls);
	listener = receive_fd(sockets[0]);
	answer(listener, calls + 100);
	if (read(result[0], &mean, sizeof(mean)) != sizeof(mean))
		errx(1, "the reference's caller failed");
	waitpid(pid, NULL, 0);
	close(listener);
	for (int i = 0; i < 2; i++) {
		close(sockets[i]);
		close(result[i]);
	}
	return mean;
}

static void copy_remote(pid_t pid, char *dst, char *src, char *bounce, size_t len)
{
	struct iovec local = { bounce, len }, from = { src, len }, to = { dst, len };

	if (process_vm_readv(pid, &local, 1, &from, 1, 0) != (ssize_t)len ||
		process_vm_writev(pid, &local, 1, &to, 1, 0) != (ssize_t)len)
		err(1, "process_vm_readv, process_vm_writev");
}

double bare_process_vm_rate(size_t bytes, size_t chunk)
{
	char *memory =
		mmap(NULL, 2 * bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *bounce = malloc(chunk);
	double best = 0;
	pid_t pid;

	if (memory == MAP_FAILED || !bounce)
		err(1, "bench");
	pid = fork();
	if (pid == 0) {
		memset(memory, 1, 2 * bytes);
		for (;;)
			pause();
	}
	usleep(100000); /* let the child touch its memory */
	for (unsigned pass = 0; pass < 4; pass++) {
		double start = now_ns(), rate;

		/* As long in a row as the engine copies (bench/inside.c). */
		for (size_t done = 0; done < 8 * bytes; done += chunk)
			copy_remote(pid, memory + bytes + done % bytes, memory + done % bytes,
				bounce, chunk);
		rate = 8 * (double)bytes / ((now_ns() - start) * 1e-9);
		best = rate > best ? rate : best;
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	munmap(memory, 2 * bytes);
	free(bounce);
	return best;
}
