/* SPDX-License-Identifier: MIT */
/* Messages with descriptors over a SOCK_SEQPACKET pair: how the processes of a box talk. */
#ifndef GATE_WIRE_H
#define GATE_WIRE_H

#include <sys/types.h>
#include <sys/uio.h>

#define WIRE_MAX_FDS 4

/** A pair of close-on-exec sockets. 0 or -errno. */
int wire_pair(int pair[2]);

/** One message, and n_fds descriptors with it. 0 or -errno. Never raises SIGPIPE. */
int wire_send(int sock, const struct iovec *iov, int n_iov, const int *fds, unsigned n_fds);

/**
 * One message. Its length, 0 where the peer is gone, or -errno; -EPROTO where the message has not
 * exactly n_fds descriptors and n_fds is not 0. Received descriptors are close-on-exec.
 */
ssize_t wire_recv(int sock, const struct iovec *iov, int n_iov, int *fds, unsigned n_fds);

#endif
