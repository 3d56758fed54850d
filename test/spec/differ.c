/* SPDX-License-Identifier: MIT */
/*
 * The model against the naive one (naive.h), over random tables: valid, broken and hostile.
 *
 * An *epoch* is one model of random features. In it *worlds* are made: stream table entries, context
 * descriptors and translation tables in a small RAM that answers at many addresses, at few indexes
 * of every page, so that random walks mostly find something, and often loop, overlap or leave the
 * RAM. Both models have RAMs of their own, that hold the same; what hardware updates is compared.
 *
 * In a world the model's caches stay warm. A *mutation* changes one word, and
 *   - either what the architecture asks for is invalidated, and nothing else: results are then those
 *     of the new tables,
 *   - or nothing is: results are then those of the new or of the old word, at each of its reads.
 *
 *   differ [--seed N] [--count N] [--stalls] [--all]
 *
 * --stalls: with faults that stall, and those that end as RAZ/WI.
 *
 * The seed of the epoch is printed with a difference; given it, the difference comes first.
 */
#include "differ.h"

#define WORLDS	 24 /* of an epoch */
#define ROUNDS	 6  /* of a world: a mutation, then */
#define ACCESSES 24 /* in a round */

static bool stalls;

/* ---- Mutations ----------------------------------------------------------------------------------- */

/* A word that something read, or any. */
static uint64_t rnd_word(void)
{
	struct access access;
	uint64_t off;

	if (chance(75)) {
		rnd_access(&access);
		w.dry = true;
		run_mine(&access);
		w.dry = false;
		if (mine.n_reads && ram_offset(mine.reads[below(mine.n_reads)].pa, &off))
			return off;
	}
	return (rnd() & (RAM_BYTES - 1) & ~7ull & (chance(80) ? ~0xfe0ull : ~0ull));
}

static uint64_t rnd_value(uint64_t off)
{
	uint64_t in_page = off & 0xfff;

	if (chance(35))
		return peek(off) ^ BIT64(below(64));
	if (chance(15))
		return 0;
	if (off >= STRTAB_AT)
		return peek(off) ^ BIT64(below(64));
	if (off >= S1_PAGES)
		return rnd_s2_word(s2_level(off));
	if (in_page == CDS_AT || in_page == CDS_AT + 64)
		return rnd_cd0();
	return rnd_s1_word();
}

static void touch(uint64_t off)
{
	if (w.n_touched < MAX_TOUCHED)
		w.touched[w.n_touched++] = off;
}

/* What a stage 1 word, of the walk of one address, asks software to invalidate. */
struct victim {
	uint64_t block, iova;
	uint16_t vmid, asid;
	bool leaf, global;
	unsigned size_lg2;
};

static struct {
	struct victim list[IOVAS * STREAMS * 8];
	unsigned n;
} victims;

static void note_victim(const struct victim *victim)
{
	const struct victim *v;
	unsigned i;

	for (i = 0; i < victims.n; i++) {
		v = &victims.list[i];
		if (v->block == victim->block && v->size_lg2 == victim->size_lg2 &&
			v->vmid == victim->vmid && v->asid == victim->asid &&
			v->leaf == victim->leaf)
			return;
	}
	if (victims.n < ARRAY_LEN(victims.list))
		victims.list[victims.n++] = *victim;
}

/* As software gives it to TLBI: without a tag in the top byte. */
static uint64_t canonical(uint64_t iova)
{
	return iova >> 55 & 1 ? iova | MASK64(63, 56) : iova & MASK64(55, 0);
}

/* If the walk of that address reads the word. */
static void find_victim(uint64_t off, const struct access *access)
{
	const struct naive_read *read;
	struct victim v;
	uint64_t at;
	unsigned i;

	run_mine(access);
	for (i = 0; i < mine.n_reads; i++)
		if (ram_offset(mine.reads[i].pa, &at) && at == off)
			break;
	if (i == mine.n_reads)
		return;
	read = &mine.reads[i];
	v = (struct victim){ .iova = canonical(access->a.iova),
		.vmid = mine.vmid,
		.asid = mine.asid,
		.leaf = read->role & NAIVE_ROLE_LEAF,
		.global = !(read->value & BIT64(11)) };
	v.size_lg2 = v.leaf ? mine.s1_size_lg2 : 0;
	v.block = v.iova >> v.size_lg2;
	note_victim(&v);
}

static void find_victims(uint64_t off)
{
	static const uint8_t ssids[] = { 0, 0, 1, 32, 33, 64 + 32, 64 + 33, 2 };
	unsigned n_ssids = w.hw.ssid_bits ? ARRAY_LEN(ssids) : 1, s, x, i;
	struct access access;

	victims.n = 0;
	w.dry = true;
	for (s = 0; s < STREAMS; s++)
		for (x = 0; x < n_ssids; x++)
			for (i = 0; i < IOVAS; i++) {
				access = (struct access){ .stream = s,
					.a = { .sid = w.sids[s],
						.ssv = x != 0,
						.ssid = ssids[x],
						.read = true,
						.priv = true,
						.iova = w.iovas[i] } };
				find_victim(off, &access);
			}
	w.dry = false;
}

/* By any of the commands that reach it. */
static void kill_victim(const struct victim *v)
{
	uint64_t vmid = (uint64_t)v->vmid << 32, asid = (uint64_t)v->asid << 48;
	uint64_t how = rnd() % 8;

	if (how == 0)
		command(0x10 | vmid, 0);
	else if (how == 1 && !v->global)
		command(0x11 | vmid | asid, 0);
	else if (how < 4)
		command(0x13 | vmid, (v->iova & ~0xfffull) | v->leaf);
	else
		command(0x12 | vmid | asid, (v->iova & ~0xfffull) | v->leaf);
}

/*
 * What stage 1 words of only that role ask for: one TLBI for each address whose walk reads the word;
 * for a leaf any address of its block will do, whatever stage 2 splits it into.
 */
static void invalidate_s1(uint64_t off)
{
	unsigned i;

	find_victims(off);
	for (i = 0; i < victims.n; i++) {
		kill_victim(&victims.list[i]);
		if ((i & 63) == 63)
			sync_commands();
	}
	sync_commands();
}

static void invalidate_config(uint64_t off)
{
	unsigned s;

	/* In two levels an STE may be that of any StreamID. */
	if (off >= STRTAB_AT && off < L1STD_AT && w.naive.strtab_base == STRTAB_AT) {
		for (s = 0; s < STREAMS; s++)
			if (ste_at(s) == (off & ~63ull))
				command(0x03 | (uint64_t)w.sids[s] << 32, 1);
	} else {
		command(0x04, 31);
	}
	command(0x30, 0);
}

static void invalidate_word(uint64_t off)
{
	uint16_t role = w.roles[off / 8];
	unsigned s;

	if (!role)
		return; /* nobody has seen it */
	if (!(role & ~(15u | NAIVE_ROLE_LEAF))) {
		invalidate_s1(off);
		return;
	}
	if (chance(20)) {
		invalidate_all();
		return;
	}
	if (role & NAIVE_ROLE_CONFIG)
		invalidate_config(off);
	if (role & NAIVE_ROLE_CD)
		command(0x04, 31);
	/* Any stage: all of each VMID. */
	for (s = 0; s < STREAMS; s++) {
		if (w.naive.hw.s2p)
			command(0x28 | (peek(ste_at(s) + 16) & 0xffff) << 32, 0);
		else
			command(0x10, 0);
	}
	sync_commands();
}

static void mutate(bool stale)
{
	uint64_t off = rnd_word(), value = rnd_value(off);

	w.lying = false;
	w.lie_old = peek(off);
	touch(off);
	poke(off, value);
	if (stale) {
		w.lying = true;
		w.lie_at = off;
		return;
	}
	/* By the old tables: what was cached is what they gave. */
	w.lying = true;
	w.lie_at = off;
	w.lie_mask = ~0ull;
	invalidate_word(off);
	w.lying = false;
}

/* ---- Epochs -------------------------------------------------------------------------------------- */

static void rnd_hw(void)
{
	static const uint8_t oas[] = { 48, 48, 52, 44, 42, 40, 36, 32 };
	struct nb_smmuv3_config *hw = &w.hw;

	memset(hw, 0, sizeof(*hw));
	hw->size = sizeof(*hw);
	hw->mem = w.mem;
	hw->iotlb_slots = 256;
	hw->oas_bits = oas[below(8)];
	hw->granules = chance(30) ? 7 : 1 + below(7);
	if (hw->oas_bits == 52)
		hw->granules |= NB_SMMUV3_GRAN64K;
	hw->vax = (hw->granules & NB_SMMUV3_GRAN64K) && chance(50);
	hw->no_stage1 = chance(4);
	hw->no_stage2 = !hw->no_stage1 && chance(6);
	hw->sid_bits = 8 + below(9);
	hw->ssid_bits = hw->no_stage1 || chance(40) ? 0 : 1 + below(20);
	hw->stall_model = stalls && chance(40) ? below(3) : 0;
	hw->httu = chance(50) ? 0 : below(3);
	hw->linear_tables_only = chance(20);
	hw->no_ril = chance(20);
	hw->bbml = below(3);
	hw->fwb = chance(50);
	hw->xnx = chance(50);
	hw->ats = chance(50);
	hw->raz_wi = stalls && chance(30);
}

static void set_naive(bool two_level)
{
	w.naive = (struct naive){
		.hw = naive_hw_of(&w.hw),
		.smmuen = true,
		.recinvsid = chance(80),
		.strtab_base = two_level ? L1STD_AT : STRTAB_AT,
		.strtab_cfg = two_level ? 1 << 16 | 6 << 6 | 8 : 4,
		.load = mine_load,
		.store = mine_store,
	};
}

static void enable(void)
{
	nb_smmuv3_write(w.smmu, 0x80, w.naive.strtab_base, 8);
	nb_smmuv3_write(w.smmu, 0x88, w.naive.strtab_cfg, 4);
	nb_smmuv3_write(w.smmu, 0x90, QUEUES | CMDQ_LG2, 8);
	nb_smmuv3_write(w.smmu, 0xa0, (QUEUES + EVTQ_AT) | EVTQ_LG2, 8);
	nb_smmuv3_write(w.smmu, 0x2c, w.naive.recinvsid ? 2 : 0, 4);
	nb_smmuv3_write(w.smmu, 0x20, 0xd, 4);
	w.cmdq_prod = w.evtq_cons = 0;
}

static void begin_epoch(uint64_t seed)
{
	bool two_level;
	unsigned i;

	rng = w.epoch_seed = seed;
	rnd_hw();
	two_level = !w.hw.linear_tables_only && chance(40);
	set_naive(two_level);
	w.smmu = nb_smmuv3_create(&w.hw);
	nb_assert(w.smmu);
	enable();
	for (i = 0; i < STREAMS; i++) {
		/* The last one is beyond what there is, or in another second-level table. */
		w.sids[i] = i < STREAMS - 1 ? i : two_level ? 64 + i : 16 + below(2000);
		w.ports[i] = nb_smmuv3_port_create(w.smmu, w.sids[i]);
		nb_assert(w.ports[i]);
	}
}

static void end_epoch(void)
{
	unsigned i;

	for (i = 0; i < STREAMS; i++)
		nb_smmuv3_port_destroy(w.ports[i]);
	nb_smmuv3_destroy(w.smmu);
}

static void begin_world(void)
{
	uint64_t page;
	unsigned i;

	for (i = 0; i < w.n_touched; i++)
		poke(w.touched[i], 0);
	w.n_touched = 0;
	memset(w.roles, 0, RAM_BYTES / 8 * sizeof(*w.roles));
	memset(w.users, 0, RAM_BYTES / 8 * sizeof(*w.users));
	good = chance(60);
	w.defects = good || chance(50) ? 0 : below(12);
	w.f1.granule = rnd_granule();
	w.f2.granule = chance(70) && w.hw.granules != 7 ? w.f1.granule : rnd_granule();
	rnd_format(&w.f1, false);
	rnd_format(&w.f2, true);
	for (page = 0; page < S1_PAGES; page += KIB(4)) {
		fill_page(page, false);
		fill_cds(page);
	}
	for (; page < S2_END; page += KIB(4))
		fill_page(page, true);
	for (i = 0; i < STREAMS; i++)
		fill_ste(i);
	for (i = 0; i < 4; i++)
		poke(L1STD_AT + 8 * i, spoil(STRTAB_AT | (mostly(90) ? 5 : below(32))));
	for (i = 0; i < IOVAS; i++)
		w.iovas[i] = i && chance(35) ? sibling(w.iovas[i - 1]) : rnd_iova();
	invalidate_all();
}

/* Of half of them, the first of a few that the naive one lets through: else most would fail. */
static void rnd_likely_access(struct access *access)
{
	unsigned tries = chance(50) ? 12 : 1;

	w.dry = true;
	do {
		rnd_access(access);
		if (tries > 1)
			run_mine(access);
	} while (--tries && mine.verdict != NAIVE_OK);
	w.dry = false;
}

static void run_world(void)
{
	struct access access;
	unsigned round, i;

	begin_world();
	for (round = 0; round < ROUNDS && tally.total < tally.count; round++) {
		for (i = 0; i < ACCESSES; i++) {
			rnd_likely_access(&access);
			check_access(&access);
		}
		/* Nothing in it changes tables, nor waits. */
		if (!w.hw.httu && !w.hw.stall_model) {
			rnd_likely_access(&access);
			check_batch(&access);
		}
		mutate(false);
	}
	/* What hardware updates would be a second change of the same word. */
	if (w.hw.httu)
		return;
	mutate(true);
	for (i = 0; i < ACCESSES; i++) {
		rnd_access(&access);
		check_stale(&access);
	}
	w.lying = false;
}

static void init_memory(void)
{
	unsigned i, bit;

	w.mem = nb_mem_create(52);
	w.ram = aligned_alloc(4096, RAM_BYTES);
	w.mine = aligned_alloc(4096, RAM_BYTES);
	w.queue = aligned_alloc(4096, KIB(256));
	w.roles = calloc(RAM_BYTES / 8, sizeof(*w.roles));
	w.users = calloc(RAM_BYTES / 8, sizeof(*w.users));
	nb_assert(w.mem && w.ram && w.mine && w.queue && w.roles && w.users);
	memset(w.ram, 0, RAM_BYTES);
	memset(w.mine, 0, RAM_BYTES);
	memset(w.queue, 0, KIB(256));
	for (i = 0; i < N_ALIASES; i++) {
		uint64_t left = ALIASES, pa = 0;

		for (bit = 0; left; bit++, left &= left - 1)
			pa |= i >> bit & 1 ? left & -left : 0;
		w.aliases[i] =
			(struct nb_extent){ .pa = NB_PA(pa), .bytes = RAM_BYTES, .ptr = w.ram };
		nb_assert(!nb_mem_add(w.mem, &w.aliases[i]));
	}
	w.queues = (struct nb_extent){ .pa = NB_PA(QUEUES), .bytes = KIB(256), .ptr = w.queue };
	nb_assert(!nb_mem_add(w.mem, &w.queues));
}

static void finish_memory(void)
{
	unsigned i;

	for (i = 0; i < N_ALIASES; i++)
		nb_mem_remove(w.mem, &w.aliases[i]);
	nb_mem_remove(w.mem, &w.queues);
	nb_mem_destroy(w.mem);
	free(w.ram);
	free(w.mine);
	free(w.queue);
	free(w.roles);
	free(w.users);
}

static void report(uint64_t first)
{
	unsigned i;

	printf("%" PRIu64 " translations from seed %" PRIu64 ":", tally.total, first);
	for (i = 0; i < 4; i++)
		printf(" %s %" PRIu64, verdict_names[i], tally.verdicts[i]);
	printf("; %" PRIu64 " updates, %" PRIu64 " stale results\nevents:", tally.httu_writes,
		tally.stale_hits);
	for (i = 0; i < ARRAY_LEN(tally.event_types); i++)
		if (tally.event_types[i])
			printf(" %02x: %" PRIu64, i, tally.event_types[i]);
	printf("\n%" PRIu64 " differences\n", tally.differences);
}

int main(int argc, char **argv)
{
	uint64_t seed = 1, first;
	unsigned i;
	int arg;

	tally.count = 1000000;
	for (arg = 1; arg < argc; arg++) {
		if (!strcmp(argv[arg], "--all"))
			all = true;
		else if (!strcmp(argv[arg], "--stalls"))
			stalls = true;
		else if (arg + 1 < argc && !strcmp(argv[arg], "--seed"))
			seed = strtoull(argv[++arg], NULL, 0);
		else if (arg + 1 < argc && !strcmp(argv[arg], "--count"))
			tally.count = strtoull(argv[++arg], NULL, 0);
		else
			return fprintf(stderr,
				       "usage: differ [--seed N] [--count N] [--stalls] [--all]\n"),
			       2;
	}
	printf("seed %" PRIu64 "\n", seed);
	init_memory();
	for (first = seed; tally.total < tally.count; seed++) {
		begin_epoch(seed);
		for (i = 0; i < WORLDS && tally.total < tally.count; i++)
			run_world();
		end_epoch();
	}
	report(first);
	finish_memory();
	return tally.differences != 0;
}
