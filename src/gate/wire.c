/* SPDX-License-Identifier: MIT */
#include "gate/wire.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"

#define SEND_TRIES  100
#define SEND_NAP_US 10000

union control {
	char buf[CMSG_SPACE(WIRE_MAX_FDS * sizeof(int))];
	struct cmsghdr align;
};

int wire_pair(int pair[2])
{
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) ? -errno : 0;
}

/* What is not sent is lost (the program's exit status, say): for want of memory wait a little. */
static bool memory_may_come(unsigned *tries)
{
	if ((errno != ENOMEM && errno != ENOBUFS) || ++*tries > SEND_TRIES)
		return false;
	usleep(SEND_NAP_US);
	return true;
}

int wire_send(int sock, const struct iovec *iov, int n_iov, const int *fds, unsigned n_fds)
{
	union control control = { 0 };
	struct msghdr msg = { .msg_iov = (struct iovec *)iov, .msg_iovlen = (size_t)n_iov };
	unsigned tries = 0;
	ssize_t n;

	nb_assert(n_fds <= WIRE_MAX_FDS);
	if (n_fds) {
		struct cmsghdr *cmsg;

		msg.msg_control = control.buf;
		msg.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
		memcpy(CMSG_DATA(cmsg), fds, n_fds * sizeof(int));
	}
	do
		n = sendmsg(sock, &msg, MSG_NOSIGNAL);
	while (n < 0 && (errno == EINTR || memory_may_come(&tries)));
	return n < 0 ? -errno : 0;
}

/** Take exactly n_fds descriptors out of the message, or close whatever came and say false. */
static bool take_fds(struct msghdr *msg, int *fds, unsigned n_fds)
{
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(msg);
	int got[WIRE_MAX_FDS];
	size_t n = 0;

	if (cmsg && cmsg->cmsg_level == SOL_SOCKET && cmsg->cmsg_type == SCM_RIGHTS) {
		n = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		memcpy(got, CMSG_DATA(cmsg), n * sizeof(int));
	}
	if (n == n_fds) {
		memcpy(fds, got, n * sizeof(int));
		return true;
	}
	while (n)
		close(got[--n]);
	return false;
}

ssize_t wire_recv(int sock, const struct iovec *iov, int n_iov, int *fds, unsigned n_fds)
{
	union control control = { 0 };
	struct msghdr msg = {
		.msg_iov = (struct iovec *)iov,
		.msg_iovlen = (size_t)n_iov,
		.msg_control = n_fds ? control.buf : NULL,
		.msg_controllen = n_fds ? sizeof(control.buf) : 0,
	};
	ssize_t n;

	do
		n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == ECONNRESET ? 0 : -errno;
	if (n > 0 && n_fds && !take_fds(&msg, fds, n_fds))
		return -EPROTO;
	return n;
}
