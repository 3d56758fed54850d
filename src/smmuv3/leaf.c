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

void leaf_fill(const struct smmu_walk *w, const struct leaf_at *at)
{
	unsigned granule = at->tt->granule_lg2, mask = 0;
	uint64_t slice = at->input >> (granule + LEAF_SLICE_LG2), pa = at->pa, ptr;
	/* Before extents are looked up: what is removed from now on is a later generation's. */
	uint64_t gen = leaf_gen(w);

	/* Inputs have 25 bits at least, so tables a slice. It is in one page even after stage 2. */
	if (at->shift == granule) {
		mask = BIT64(LEAF_SLICE_LG2) - 1;
		pa -= 8 * (at->input >> granule & mask);
	}
	ptr = pointer_to(w->smmu->mem, pa, mask + 1);
	*leaf_slot(at->cache, w->tag, slice) = (struct smmu_leaf_slot){ .slice = slice,
		.table = ptr ? ptr : pa,
		.gen = gen,
		.tag = w->tag,
		.size_lg2 = at->shift,
		.hierarchy = at->tt->had ? HIERARCHY_NONE : hierarchy_of(at->tables),
		.index_mask = mask,
		.by_pa = !ptr };
}
