/* SPDX-License-Identifier: MIT */
/*
 * What leaf descriptors allow (Arm ARM D8.4), as PERM_* masks. Both stages keep it in the same four
 * bits of a descriptor: [7:6] is AP[2:1] or S2AP, [54:53] is UXN and PXN or XN[1:0]; of these an index
 * is made, and permissions are looked up.
 */
#ifndef SMMUV3_PERMS_H
#define SMMUV3_PERMS_H

#include "smmuv3/model.h"

/* Bits of the index, stage 1. */
#define ATTR_UNPRIV 1u
#define ATTR_RO	    2u
#define ATTR_PXN    4u
#define ATTR_UXN    8u
/* Stage 2. */
#define ATTR_S2_READ  1u
#define ATTR_S2_WRITE 2u

#define PERM_WRITE (PERM_UW | PERM_PW)

extern const uint8_t smmu_s1_perm_table[4][16]; /* by WXN | PAN << 1, index */
extern const uint8_t smmu_s2_perm_table[2][16]; /* by IDR3.XNX, index */

static inline unsigned ttd_attrs(uint64_t desc)
{
	return (desc >> 6 & 3) | (desc >> 51 & 12);
}

/*
 * Hierarchical attributes of the tables above a leaf, all OR-ed, as what they do to its index: keep in
 * bits [7:4], set in [3:0].
 */
#define HIERARCHY_NONE 0xf0u

static inline uint8_t hierarchy_of(uint64_t tables)
{
	/* APTable[0] at 61 takes unprivileged access, APTable[1] write access, then PXN, UXN. */
	unsigned keep = tables & TTD_APTABLE_NO_UNPRIV ? 0xf & ~ATTR_UNPRIV : 0xf;
	unsigned set = (tables & TTD_APTABLE_RO ? ATTR_RO : 0) |
		       (tables & TTD_PXNTABLE ? ATTR_PXN : 0) |
		       (tables & TTD_UXNTABLE ? ATTR_UXN : 0);

	return keep << 4 | set;
}

/*
 * Dirty state (Arm ARM D8.5): with DBM, and hd, a leaf that the rest permits to write is writable,
 * and *clean* until hardware has made it so by its ordinary bit. These say what is allowed once that
 * was done; a leaf that is still clean must not be cached with PERM_WRITE.
 */
static inline bool s1_is_clean(uint64_t desc, bool hd)
{
	return hd && (desc & (TTD_DBM | TTD_AP_RO)) == (TTD_DBM | TTD_AP_RO);
}

static inline bool s2_is_clean(uint64_t desc, bool hd)
{
	return hd && (desc & (TTD_DBM | TTD_S2_WRITE)) == TTD_DBM;
}

static inline uint8_t s1_perms_of(const struct smmu_s1 *s1, unsigned attrs, unsigned hierarchy)
{
	attrs = (attrs & hierarchy >> 4) | (hierarchy & 0xf);
	return smmu_s1_perm_table[s1->wxn | s1->pan << 1][attrs];
}

static inline uint8_t s2_perms_of(const struct nb_smmuv3 *smmu, unsigned attrs)
{
	return smmu_s2_perm_table[smmu->hw.xnx][attrs];
}

static inline uint8_t s1_perms(
	const struct smmu_s1 *s1, uint64_t desc, unsigned hierarchy, bool clean)
{
	return s1_perms_of(s1, ttd_attrs(desc) & (clean ? ~ATTR_RO : ~0u), hierarchy);
}

static inline uint8_t s2_perms(const struct nb_smmuv3 *smmu, uint64_t desc, bool clean)
{
	return s2_perms_of(smmu, ttd_attrs(desc) | (clean ? ATTR_S2_WRITE : 0));
}

/* Arm ARM D8.6: whether a stage 2 leaf makes memory Device, whatever stage 1 says. */
static inline bool s2_is_device(uint64_t desc, bool fwb)
{
	return !(desc & (fwb ? TTD_S2_MEMATTR_2 : TTD_S2_MEMATTR_TYPE));
}

#endif
