/* SPDX-License-Identifier: MIT */
/*
 * A tmpfs over /sys or /dev in which what the host has there is shown again, except where the tree
 * has entries of its own. In the box's mount namespace; either may be made while the other is.
 */
#ifndef GATE_COVER_H
#define GATE_COVER_H

#include "base/error.h"
#include "gate/tree.h"

/** 0, or -errno with a message. The tree's own entries are still to be made. */
int cover_sys(const struct tree *tree, struct error *error);
int cover_dev(const struct tree *tree, struct error *error);

#endif
