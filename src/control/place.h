/* SPDX-License-Identifier: MIT */
/*
 * Where control sockets are: a directory of the user's (mode 0700), and in it one socket (mode 0600) a
 * box, named by the supervisor's pid (PID, or PID-N where another box has that name). The first that can be had of
 *
 *   $XDG_RUNTIME_DIR/nestbox     where that is the user's own
 *   /run/user/UID/nestbox        likewise
 *   /tmp/nestbox-UID             made here
 *
 * /tmp is everybody's: what is there already is used only if it is a directory (no link) of that user
 * which nobody else can enter. All access goes through a descriptor of the directory, so that nothing
 * that is moved or linked later leads elsewhere; and so that a path may be longer than sun_path.
 *
 * Who makes or removes a socket holds a lock (flock) of the directory: a stale socket is not removed
 * between the birth of a supervisor that has the same pid again and its bind.
 */
#ifndef CONTROL_PLACE_H
#define CONTROL_PLACE_H

#include <limits.h>
#include <sys/types.h>

#include "base/error.h"

struct control_socket {
	int fd;	 /* listens */
	int dir; /* the directory's descriptor */
	uid_t uid;
	gid_t gid;
	char name[32];
	char path[PATH_MAX];
};

/** For this process, belonging to uid. Call it while there is one thread. 0 or -errno. */
int control_socket_make(struct control_socket *sock, uid_t uid, gid_t gid, struct error *error);
/** Closes, removes the name, and the directory if that was the last one. */
void control_socket_remove(struct control_socket *sock);

/** The same for whoever shares its descriptors and outlives its owner; closes nothing. */
void control_socket_forget(struct control_socket *sock);

/** Connect to dir/name; gives up after some seconds. The descriptor, or -errno. */
int control_connect_at(int dir, const char *name);
/** As above, by path. */
int control_connect(const char *path);

/** A socket that somebody listens to; fd is the callee's. uid: whose directory it is in. */
typedef void control_found_fn(void *ctx, int fd, const char *path, uid_t uid);

/**
 * Connect to every box of this user; as root to those of all users. Sockets of dead supervisors (the
 * connection is refused, and the process is gone) are removed.
 */
void control_each(control_found_fn *found, void *ctx);

#endif
