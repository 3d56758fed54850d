/* SPDX-License-Identifier: MIT */
#include "iommu/pt/vmsa64.h"

#include <errno.h>
#include <stdlib.h>

#include "base/bits.h"
#include "base/check.h"

/* What the tables' memory comes from; at a fixed place, however struct pt is moved. */
struct pt_memory {
	struct ram *ram;
	struct charge *charge;
};

static void *alloc_table(void *ctx, uint64_t bytes, nb_pa *pa)
{
	struct pt_memory *memory = ctx;
	void *ptr;

	return ram_alloc(memory->ram, bytes, memory->charge, pa, &ptr) ? ptr : NULL;
}

static void free_table(void *ctx, void *ptr, nb_pa pa, uint64_t bytes)
{
	struct pt_memory *memory = ctx;

	ram_free(memory->ram, pa, bytes, memory->charge);
}

static const struct nb_pgtable_ops memory_ops = {
	.size = sizeof(memory_ops),
	.alloc = alloc_table,
	.free = free_table,
};

static bool create_tables(struct pt *pt, enum pt_stage stage)
{
	const struct nb_pgtable_options options = {
		.size = sizeof(options),
		.stage = stage == PT_STAGE2 ? NB_PGTABLE_STAGE2 : NB_PGTABLE_STAGE1,
		.ias = pt->ias,
		.oas = pt->oas,
		.no_spare = true,
		.ops = &memory_ops,
		.ctx = pt->memory,
	};
	struct nb_pgtable_info info;

	pt->tables = nb_pgtable_create(&options);
	if (!pt->tables)
		return false;
	nb_pgtable_info(pt->tables, &info, sizeof(info));
	pt->root = info.root;
	pt->start_level = info.start_level;
	return true;
}

bool pt_init(struct pt *pt, enum pt_stage stage, unsigned ias, unsigned oas, struct ram *ram,
	struct charge *charge)
{
	nb_assert(ias >= 31 && ias <= 48 && oas >= 31 && oas <= 48);
	*pt = (struct pt){ .ias = ias, .oas = oas, .memory = malloc(sizeof(*pt->memory)) };
	if (!pt->memory)
		return false;
	*pt->memory = (struct pt_memory){ ram, charge };
	if (create_tables(pt, stage))
		return true;
	free(pt->memory);
	return false;
}

void pt_finish(struct pt *pt)
{
	nb_pgtable_destroy(pt->tables);
	free(pt->memory);
}

int pt_map(struct pt *pt, nb_iova iova, nb_pa pa, uint64_t bytes, unsigned prot,
	struct nb_pgtable_cleared *undone)
{
	/* Stage 1 knows no write-only: a writable page can be read (as in Linux io-pgtable-arm). */
	const struct nb_pgtable_attrs attrs = {
		.flags = (prot & PT_READ ? NB_PGTABLE_READ : 0) |
			 (prot & PT_WRITE ? NB_PGTABLE_WRITE : 0) | NB_PGTABLE_EXEC |
			 NB_PGTABLE_EXEC_PRIV,
	};
	int ret = nb_pgtable_map(pt->tables, iova, pa, bytes, &attrs, undone);

	nb_assert(ret != -EINVAL && ret != -ERANGE);
	return ret;
}

void pt_unmap(struct pt *pt, nb_iova iova, uint64_t bytes, struct nb_pgtable_cleared *cleared)
{
	nb_pgtable_unmap(pt->tables, iova, bytes, cleared);
}

void pt_reap(struct pt *pt)
{
	nb_pgtable_reap(pt->tables);
}

bool pt_lookup(const struct pt *pt, nb_iova iova, struct pt_leaf *leaf)
{
	struct nb_pgtable_leaf found;

	if (!nb_pgtable_lookup(pt->tables, iova, &found))
		return false;
	*leaf = (struct pt_leaf){
		.pa = NB_PA(found.pa.v + (iova.v - found.iova.v)),
		.bytes = found.bytes,
		.prot = (found.flags & NB_PGTABLE_READ ? PT_READ : 0) |
			(found.flags & NB_PGTABLE_WRITE ? PT_WRITE : 0),
	};
	return true;
}

bool pt_empty(const struct pt *pt)
{
	struct nb_pgtable_info info;

	nb_pgtable_info(pt->tables, &info, sizeof(info));
	return info.empty;
}
