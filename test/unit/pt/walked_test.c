/* SPDX-License-Identifier: MIT */
/*
 * What the table writer writes, the SMMU model reads alike: random mappings of both stages, translated
 * through a port, against what nb_pgtable_lookup says. Written into memory by one, walked by the other;
 * they share no code.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <nestbox/pgtable.h>
#include <nestbox/smmuv3.h>

#include "base/bits.h"
#include "smmuv3/regs.h"

#define RAM_BASE  GIB(4)
#define RAM_BYTES MIB(512)
#define SID	  3u
#define MAPPINGS  60
#define RW	  (NB_PGTABLE_READ | NB_PGTABLE_WRITE)

struct rig {
	struct nb_mem *mem;
	struct nb_pgtable_ram *ram;
	struct nb_smmuv3 *smmu;
	struct nb_smmuv3_port *port;
	struct nb_pgtable *pt;
	nb_pa strtab_pa, cd_pa, cmdq_pa, eventq_pa;
	uint64_t *strtab, *cd, *cmdq;
	uint32_t prod;
};

struct row {
	unsigned stage, granule, ias, oas;
	bool concatenate;
	unsigned max_leaf;
};

static void create(struct rig *rig, const struct row *row)
{
	const struct nb_smmuv3_config config = { .size = sizeof(config),
		.mem = rig->mem = nb_mem_create(52),
		.oas_bits = row->oas,
		.granules = row->granule == 12	 ? NB_SMMUV3_GRAN4K
			    : row->granule == 14 ? NB_SMMUV3_GRAN16K
						 : NB_SMMUV3_GRAN64K,
		.vax = row->ias > 48 };
	struct nb_pgtable_options options = { .size = sizeof(options),
		.stage = row->stage - 1,
		.granule_lg2 = row->granule,
		.ias = row->ias,
		.oas = row->oas,
		.concatenate = row->concatenate,
		.max_leaf_lg2 = row->max_leaf };

	rig->prod = 0;
	rig->ram = nb_pgtable_ram_create(rig->mem, NB_PA(RAM_BASE), RAM_BYTES);
	rig->strtab = nb_pgtable_ram_alloc(rig->ram, 4096, &rig->strtab_pa);
	rig->cd = nb_pgtable_ram_alloc(rig->ram, 4096, &rig->cd_pa);
	rig->cmdq = nb_pgtable_ram_alloc(rig->ram, 4096, &rig->cmdq_pa);
	nb_pgtable_ram_alloc(rig->ram, 4096, &rig->eventq_pa);
	rig->smmu = nb_smmuv3_create(&config);
	rig->port = nb_smmuv3_port_create(rig->smmu, SID);
	options.ram = rig->ram;
	rig->pt = nb_pgtable_create(&options);
	assert_non_null(rig->pt);
}

static uint64_t ips_of(unsigned oas)
{
	return oas == 52 ? 6 : oas == 48 ? 5 : oas == 44 ? 4 : oas == 42 ? 3 : oas == 40 ? 2 : 0;
}

static void set_ste(struct rig *rig, const struct row *row)
{
	struct nb_pgtable_info info;
	uint64_t *ste = rig->strtab + 8 * SID;

	nb_pgtable_info(rig->pt, &info, sizeof(info));
	if (row->stage == 1) {
		rig->cd[1] = info.root.v;
		rig->cd[3] = NB_PGTABLE_MAIR;
		rig->cd[0] = info.tsz | field_prep(CD_0_TG0, info.tg) | CD_0_EPD1 | CD_0_V |
			     field_prep(CD_0_IPS, ips_of(row->oas)) | CD_0_AA64 | CD_0_R | CD_0_A |
			     field_prep(CD_0_ASID, 1);
		ste[0] = 0xb | rig->cd_pa.v;
		return;
	}
	ste[2] = 1 | field_prep(STE_2_S2T0SZ, info.tsz) | field_prep(STE_2_S2SL0, info.sl0) |
		 field_prep(STE_2_S2TG, info.tg) | field_prep(STE_2_S2PS, ips_of(row->oas)) |
		 STE_2_S2AA64 | STE_2_S2R;
	ste[3] = info.root.v;
	ste[0] = 0xd;
}

static void enable(struct rig *rig)
{
	nb_smmuv3_write(rig->smmu, R_STRTAB_BASE, rig->strtab_pa.v, 8);
	nb_smmuv3_write(rig->smmu, R_STRTAB_CFG, 4, 4);
	nb_smmuv3_write(rig->smmu, R_CMDQ_BASE, rig->cmdq_pa.v | 8, 8);
	nb_smmuv3_write(rig->smmu, R_EVENTQ_BASE, rig->eventq_pa.v | 7, 8);
	nb_smmuv3_write(rig->smmu, R_CR0, CR0_SMMUEN | CR0_EVENTQEN | CR0_CMDQEN, 4);
}

static void rig_init(struct rig *rig, const struct row *row)
{
	create(rig, row);
	set_ste(rig, row);
	enable(rig);
}

static void rig_finish(struct rig *rig)
{
	nb_smmuv3_port_destroy(rig->port);
	nb_smmuv3_destroy(rig->smmu);
	nb_pgtable_destroy(rig->pt);
	nb_pgtable_ram_destroy(rig->ram);
	nb_mem_destroy(rig->mem);
}

static void command(struct rig *rig, uint64_t word0, uint64_t word1)
{
	rig->cmdq[2 * (rig->prod & 255)] = word0;
	rig->cmdq[2 * (rig->prod & 255) + 1] = word1;
	rig->prod = (rig->prod + 1) & 511;
	nb_smmuv3_write(rig->smmu, R_CMDQ_PROD, rig->prod, 4);
}

/* Invalidate by what nb_pgtable_unmap says: each step, with Leaf where no table went. */
static void invalidate(struct rig *rig, const struct row *row, uint64_t iova, uint64_t bytes,
	const struct nb_pgtable_cleared *cleared)
{
	uint64_t op = row->stage == 1 ? CMD_TLBI_NH_VA : CMD_TLBI_S2_IPA;
	uint64_t at = cleared->min_leaf ? align_down(iova, cleared->min_leaf) : 0;

	if (!cleared->leaves)
		return;
	if (bytes / cleared->min_leaf > 512) {
		command(rig, CMD_TLBI_NSNH_ALL, 0);
	} else {
		for (; at < iova + bytes; at += cleared->min_leaf)
			command(rig,
				op | field_prep(CMD_0_VMID, row->stage == 1 ? 0 : 1) |
					field_prep(CMD_0_ASID, row->stage == 1 ? 1 : 0),
				at | (cleared->tables ? 0 : CMD_1_LEAF));
	}
	command(rig, CMD_SYNC, 0);
	assert_int_equal(nb_smmuv3_read(rig->smmu, R_CMDQ_CONS, 4), rig->prod);
}

static void check(struct rig *rig, uint64_t iova)
{
	struct nb_pgtable_leaf leaf;
	bool mapped = nb_pgtable_lookup(rig->pt, NB_IOVA(iova), &leaf);

	for (uint32_t flags = NB_READ; flags <= NB_WRITE; flags++) {
		const struct nb_smmuv3_txn txn = { .iova = NB_IOVA(iova), .flags = flags };
		bool allowed = mapped && (leaf.flags & flags) == flags;
		struct nb_smmuv3_span span;
		enum nb_smmuv3_verdict verdict;

		nb_smmuv3_enter(rig->port);
		verdict = nb_smmuv3_translate(rig->port, &txn, &span);
		nb_smmuv3_leave(rig->port);
		assert_int_equal(verdict, allowed ? NB_SMMUV3_OK : NB_SMMUV3_ABORT);
		if (allowed) {
			assert_int_equal(span.pa.v, leaf.pa.v + (iova - leaf.iova.v));
			assert_true(span.bytes <= leaf.iova.v + leaf.bytes - iova);
		}
	}
}

static uint64_t random64(void)
{
	return (uint64_t)random() << 42 ^ (uint64_t)random() << 21 ^ (uint64_t)random();
}

/* One mapping of random place, size and congruence; as large as the leaf above, at times. */
struct mapping {
	uint64_t iova, bytes;
};

static bool map_random(struct rig *rig, const struct row *row, struct mapping *m)
{
	static const uint32_t prots[] = { NB_PGTABLE_READ, RW };
	const struct nb_pgtable_attrs attrs = { .flags = prots[random() & 1] };
	uint64_t page = BIT64(row->granule), block = page << (row->granule - 3);
	uint64_t unit = random() & 1 ? page : block, pa;

	m->bytes = unit * (1 + (uint64_t)random() % (unit == page ? 600 : 5));
	m->iova = random64() & (BIT64(row->ias) - 1) & ~(unit - 1);
	pa = random64() & (BIT64(row->oas) - 1) & ~(unit - 1);
	if (m->iova + m->bytes > BIT64(row->ias) || pa + m->bytes > BIT64(row->oas))
		return false;
	return !nb_pgtable_map(rig->pt, NB_IOVA(m->iova), NB_PA(pa), m->bytes, &attrs, NULL);
}

static void check_around(struct rig *rig, const struct row *row, const struct mapping *m)
{
	uint64_t top = BIT64(row->ias) - 1;

	check(rig, m->iova);
	check(rig, m->iova + m->bytes - 1);
	check(rig, (m->iova + m->bytes) & top);
	check(rig, (m->iova - 1) & top);
	for (unsigned i = 0; i < 8; i++)
		check(rig, m->iova + random64() % m->bytes);
}

static void run_row(const struct row *row)
{
	struct mapping all[MAPPINGS];
	struct nb_pgtable_cleared cleared;
	struct rig rig;
	unsigned n = 0;

	rig_init(&rig, row);
	while (n < MAPPINGS)
		if (map_random(&rig, row, &all[n]))
			check_around(&rig, row, &all[n++]);
	while (n--) {
		nb_pgtable_unmap(rig.pt, NB_IOVA(all[n].iova), all[n].bytes, &cleared);
		assert_int_equal(cleared.bytes, all[n].bytes);
		invalidate(&rig, row, all[n].iova, all[n].bytes, &cleared);
		nb_pgtable_reap(rig.pt);
		check_around(&rig, row, &all[n]);
		for (unsigned i = 0; i < n; i++)
			check(&rig, all[i].iova);
	}
	rig_finish(&rig);
}

static const struct row rows_4k[] = {
	{ 1, 12, 48, 48 },
	{ 1, 12, 39, 40 },
	{ 1, 12, 31, 48, .max_leaf = 12 },
	{ 2, 12, 48, 48 },
	{ 2, 12, 40, 40 },
	{ 2, 12, 34, 48, .concatenate = true },
};

static const struct row rows_other[] = {
	{ 1, 14, 48, 48 },
	{ 1, 14, 36, 40 },
	{ 2, 14, 48, 48 },
	{ 2, 14, 40, 40 },
	{ 2, 14, 37, 48, .concatenate = true },
	{ 1, 16, 48, 48 },
	{ 1, 16, 52, 52 },
	{ 1, 16, 42, 44 },
	{ 2, 16, 48, 48 },
	{ 2, 16, 44, 48, .concatenate = true },
	{ 2, 16, 52, 52 },
};

static void granule_4k(void **state)
{
	srandom(11);
	for (unsigned i = 0; i < ARRAY_LEN(rows_4k); i++)
		run_row(&rows_4k[i]);
}

static void other_granules(void **state)
{
	srandom(12);
	for (unsigned i = 0; i < ARRAY_LEN(rows_other); i++)
		run_row(&rows_other[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(granule_4k),
		cmocka_unit_test(other_granules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
