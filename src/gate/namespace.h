/* SPDX-License-Identifier: MIT */
/*
 * The mount namespace of a box: its own /sys and /dev over the host's. Runs in the program's
 * process before exec, which has no other thread.
 */
#ifndef GATE_NAMESPACE_H
#define GATE_NAMESPACE_H

#include "base/error.h"
#include "gate/tree.h"

/**
 * Leave the caller's mount namespace: with CAP_SYS_ADMIN for a new one of the same user namespace,
 * without it for one in a new user namespace in which we are who we were. Nothing that is mounted
 * from here on is seen outside. 0 or -errno.
 */
int namespace_enter(struct error *error);

/**
 * Put the tree over /sys and /dev and fill in its nodes' identities. *sys: a descriptor of a copy of
 * /sys that can be written, while the box's own cannot; -1 where none can be made. 0 or -errno.
 */
int namespace_populate(struct tree *tree, int *sys, struct error *error);

#endif
