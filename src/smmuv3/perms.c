/* SPDX-License-Identifier: MIT */
/* The tables of perms.h, one expression for each right and privilege. */
#include "smmuv3/perms.h"

#define IF(condition, perm) ((condition) ? (perm) : 0u)

/*
 * Arm ARM D8.4.1. PAN: privileged data accesses do not touch what unprivileged ones can. WXN: what can
 * be written cannot be executed. What unprivileged code can write, privileged code never executes.
 */
#define S1_WRITES(a) (!((a)&ATTR_RO))
#define S1_UW(a)     (S1_WRITES(a) && ((a)&ATTR_UNPRIV))
#define S1_PAN(r, a) ((r)&2 && (a)&ATTR_UNPRIV)
#define S1(r, a)                                                                                   \
	(IF((a)&ATTR_UNPRIV, PERM_UR) | IF(S1_UW(a), PERM_UW) | IF(!S1_PAN(r, a), PERM_PR) |       \
		IF(S1_WRITES(a) && !S1_PAN(r, a), PERM_PW) |                                       \
		IF(!((a)&ATTR_UXN) && !((r)&1 && S1_UW(a)), PERM_UX) |                             \
		IF(!((a)&ATTR_PXN) && !((r)&1 && S1_WRITES(a)) && !S1_UW(a), PERM_PX))

/*
 * D8.4.2. XN[1:0] at [54:53], with XNX: 0 everybody executes, 1 unprivileged, 2 nobody, 3 privileged;
 * without it bit 54 alone counts. Execution needs read permission.
 */
#define S2_READS(a) ((a)&ATTR_S2_READ)
#define S2_UX(a)    (S2_READS(a) && !((a)&8))
#define S2_PX(r, a) ((r) ? S2_READS(a) && !((a)&8) == !((a)&4) : S2_UX(a))
#define S2(r, a)                                                                                   \
	(IF(S2_READS(a), PERM_UR | PERM_PR) | IF((a)&ATTR_S2_WRITE, PERM_WRITE) |                  \
		IF(S2_UX(a), PERM_UX) | IF(S2_PX(r, a), PERM_PX))

#define ROW(f, r)                                                                                  \
	{                                                                                          \
		f(r, 0), f(r, 1), f(r, 2), f(r, 3), f(r, 4), f(r, 5), f(r, 6), f(r, 7), f(r, 8),   \
			f(r, 9), f(r, 10), f(r, 11), f(r, 12), f(r, 13), f(r, 14), f(r, 15)        \
	}

const uint8_t smmu_s1_perm_table[4][16] = { ROW(S1, 0), ROW(S1, 1), ROW(S1, 2), ROW(S1, 3) };
const uint8_t smmu_s2_perm_table[2][16] = { ROW(S2, 0), ROW(S2, 1) };
