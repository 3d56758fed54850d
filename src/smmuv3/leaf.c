/* SPDX-License-Identifier: MIT */
/* Filling the caches of leaf.h. */
#include "smmuv3/leaf.h"

/* A host pointer to n descriptors from pa on, or 0: by nb_mem_load64 then. */
static uint64_t pointer_to(const struct nb_mem *mem, uint64_t pa, unsigned n)
{
	const struct nb_extent *ext = nb_mem_find(mem, NB_PA(pa));

	/* An operation's pointers (nb_mem_ops.direct) come and go: only extents that are one. */
	if (!ext || !ext->ptr || ext->bytes - (pa - ext->pa.v) < 8 * (uint64_t)n)
		return 0;
	return (uint64_t)(uintptr_t)ext->ptr + (pa - ext->pa.v);
}

/* What the configuration says about a stage's leaves. */
static void set_rules(
	const struct smmu_walk *w, const struct leaf_at *at, struct smmu_leaf_slot *slot)
{
	const struct smmu_s1 *s1 = &w->cfg->s1;
	const struct smmu_s2 *s2 = &w->cfg->s2;
	bool pa52 = smmu_pa52(w->smmu) && at->tt->granule_lg2 == 16;
	bool need_af = at->s2 ? s2->ha || !s2->affd : s1->ha || !s1->affd;
	unsigned out_bits = at->s2 ? s2->out_bits : s1->out_bits;

	slot->must = 3 | (need_af ? TTD_AF : 0) | (pa52 && out_bits < 52 ? TTD_ADDR_51_48 : 0);
	if (out_bits < 48)
		slot->must |= MASK64(47, out_bits);
	slot->want = (slot->index_mask ? 3 : 1) | (slot->must & TTD_AF);
	slot->offset_mask = BIT64(at->shift) - 1;
	slot->odd |= (pa52 && out_bits == 52 ? LEAF_ODD_PA52 : 0) |
		     ((at->s2 ? s2->hd : s1->hd) ? LEAF_ODD_HD : 0);
}

static void set_perms(
	const struct smmu_walk *w, const struct leaf_at *at, struct smmu_leaf_slot *slot)
{
	unsigned hierarchy = at->tt->had ? HIERARCHY_NONE : hierarchy_of(at->tables), i;

	for (i = 0; i < 16; i++)
		slot->perms[i] =
			at->s2 ? s2_perms_of(w->smmu, i) : s1_perms_of(&w->cfg->s1, i, hierarchy);
}

void leaf_fill(const struct smmu_walk *w, const struct leaf_at *at)
{
	unsigned granule = at->tt->granule_lg2;
	uint64_t slice = at->input >> (granule + LEAF_SLICE_LG2), pa = at->pa, ptr;
	struct smmu_leaf_slot *slot = leaf_slot(w->port, at->s2, w->tag, slice);

	/* gen before extents are looked up: what is removed from now on is a later generation's. */
	*slot = (struct smmu_leaf_slot){
		.key = leaf_key(w->tag, slice), .gen = leaf_gen(w), .size_lg2 = at->shift
	};
	/* Inputs have 25 bits at least, so tables a slice. It is in one page even after stage 2. */
	if (at->shift == granule) {
		slot->index_mask = BIT64(LEAF_SLICE_LG2) - 1;
		pa -= 8 * (at->input >> granule & slot->index_mask);
	}
	ptr = pointer_to(w->smmu->mem, pa, slot->index_mask + 1);
	slot->table = ptr ? ptr : pa;
	slot->odd = ptr ? 0 : LEAF_ODD_BY_PA;
	set_rules(w, at, slot);
	set_perms(w, at, slot);
}

bool leaf_step_odd(const struct nb_mem *mem, const struct smmu_leaf_slot *slot, bool s2,
	uint64_t index, struct leaf *leaf)
{
	unsigned attrs;
	uint64_t desc;

	if (!(slot->odd & LEAF_ODD_BY_PA))
		desc = __atomic_load_n((const uint64_t *)slot->table + index, __ATOMIC_ACQUIRE);
	else if (nb_mem_load64(mem, NB_PA(slot->table + 8 * index), &desc))
		return false;
	if ((desc ^ slot->want) & slot->must)
		return false;
	leaf->addr = leaf_join(desc, leaf->addr, slot->offset_mask);
	if (slot->odd & LEAF_ODD_PA52)
		leaf->addr |= (desc & TTD_ADDR_51_48) << 36;
	leaf->desc = desc;
	leaf->size_lg2 = slot->size_lg2;
	attrs = ttd_attrs(desc);
	leaf->prot = slot->perms[attrs];
	/* What is allowed without an update of dirty state (perms.h). */
	if (slot->odd & LEAF_ODD_HD && desc & TTD_DBM && (attrs & 2) == (s2 ? 0 : ATTR_RO))
		leaf->prot = slot->perms[attrs ^ 2] & ~PERM_WRITE;
	return true;
}
