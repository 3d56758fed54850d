/* SPDX-License-Identifier: MIT */
/*
 * Hardware update of descriptors (Arm ARM D8.5; IHI 0070 3.13): access flag and dirty state,
 * by compare-and-swap, so that nothing software writes meanwhile is lost.
 */
#ifndef SMMUV3_HTTU_H
#define SMMUV3_HTTU_H

#include "smmuv3/model.h"

enum httu {
	HTTU_DONE,
	HTTU_CHANGED, /* the descriptor is another by now: walk again */
	HTTU_NONE,    /* memory there has no compare-and-swap: as if updates were disabled */
	HTTU_ABORT,   /* nobody answers there */
};

/* Replace desc at pa, unless the walk is not to write. */
enum httu httu_update(const struct smmu_walk *w, nb_pa pa, uint64_t desc, uint64_t by);

#endif
