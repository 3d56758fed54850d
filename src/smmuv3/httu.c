/* SPDX-License-Identifier: MIT */
#include "smmuv3/httu.h"

#include "mem/run.h"

/* What an update would come to, as far as can be told without one. */
static enum httu foretell(const struct nb_mem *mem, nb_pa pa)
{
	struct mem_run run;

	if (!mem_run_at(mem, pa, 8, &run))
		return HTTU_ABORT;
	return run.ptr || run.ext->ops->cas64 ? HTTU_DONE : HTTU_NONE;
}

enum httu httu_update(const struct smmu_walk *w, nb_pa pa, uint64_t desc, uint64_t by)
{
	uint64_t found = desc;
	int ret;

	if (w->no_update)
		return foretell(w->smmu->mem, pa);
	ret = nb_mem_cas64(w->smmu->mem, pa, &found, by);
	if (ret)
		return ret < 0 ? HTTU_ABORT : HTTU_NONE;
	return found == desc ? HTTU_DONE : HTTU_CHANGED;
}
