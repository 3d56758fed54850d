/* SPDX-License-Identifier: MIT */
/*
 * The configuration cache: streams and substreams are told apart, each command takes what it names,
 * more of them than there are slots are no harm, and a configuration that was replaced is used by
 * nobody once the command is complete. And the recorder: what it sees of a fetch.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>

#include "rig.h"
#include "smmuv3/model.h"

#define CDS 256
/* Translation tables: number n maps its first 2 MiB to TO(n). */
#define TABLES		 MIB(2)
#define TABLE_AT(n)	 (TABLES + 128 * (uint64_t)(n))
#define TO(n)		 (BIT64(40) | (uint64_t)(n) << 21)
#define CDS_OF(sid)	 (MIB(4) + 64 * CDS * (uint64_t)(sid))
#define CD_OF(sid, ssid) (CDS_OF(sid) + 64 * (uint64_t)(ssid))
#define LATER		 0x1000 /* added to a table's number once it changed */

/* CD: 25 bits, one level, ASID as given; and its table. */
static void set_cd(struct rig *rig, uint32_t sid, uint32_t ssid, unsigned asid, unsigned table)
{
	rig_poke(rig, CD_OF(sid, ssid) + 8, RAM(TABLE_AT(table)));
	rig_poke(rig, CD_OF(sid, ssid),
		39 | CD_0_EPD1 | CD_0_V | 5ull << 32 | CD_0_AA64 | CD_0_R | CD_0_A |
			(uint64_t)asid << 48);
}

/* Substream 0 is for transactions without any (S1DSS 0b10). */
static void set_ste(struct rig *rig, uint32_t sid)
{
	rig_ste(rig, sid, 0xb | RAM(CDS_OF(sid)) | 8ull << 59, STE_S1DSS_SSID0, RIG_VMID, 0);
}

static void init(struct rig *rig)
{
	unsigned n;

	rig_create(rig, (struct nb_smmuv3_config){ .ssid_bits = 16 });
	for (n = 0; n < 2 * LATER; n++)
		rig_poke(rig, TABLE_AT(n), S1_BLOCK(TO(n)));
	rig_enable(rig);
}

/* Who translates: ssid 0 is without SubstreamID. The number of the table; ~0: it aborts. */
struct who {
	uint32_t sid, ssid;
};

static unsigned table_of(struct rig *rig, struct port *port, struct who who)
{
	struct dma_txn txn = { .iova = NB_IOVA(0x123),
		.sid = who.sid,
		.ssid = who.ssid,
		.ssid_valid = who.ssid,
		.prot = NB_DMA_READ };
	struct dma_span span;
	int ret;

	port_enter(port);
	ret = smmuv3_translate(rig->smmu, port, &txn, &span);
	port_leave(port);
	return ret ? ~0u : (unsigned)((span.pa.v & ~BIT64(40)) >> 21);
}

/* Four that differ in stream, substream or both. */
static const struct who four[] = { { 5, 0 }, { 5, 1 }, { 5, 2 }, { 6, 1 } };

#define SID(sid)   ((uint64_t)(sid) << 32)
#define SSID(ssid) ((uint64_t)(ssid) << 12)
#define VMID(vmid) SID(vmid)
#define ASID(asid) ((uint64_t)(asid) << 48)

static const struct {
	const char *what;
	uint64_t w0, w1;
	bool leaves;	  /* the tables' leaves change, else which table a CD has */
	unsigned reaches; /* bit i: four[i] */
} rows[] = {
	{ "CFGI_CD of a substream", CMD_CFGI_CD | SID(5) | SSID(1), 1, false, 2 },
	{ "CFGI_CD, not leaf", CMD_CFGI_CD | SID(5) | SSID(2), 0, false, 4 },
	{ "CFGI_CD of substream 0", CMD_CFGI_CD | SID(5), 1, false, 1 },
	{ "CFGI_CD of nobody's", CMD_CFGI_CD | SID(5) | SSID(3), 1, false, 0 },
	{ "CFGI_CD of another stream", CMD_CFGI_CD | SID(6) | SSID(1), 1, false, 8 },
	{ "CFGI_CD_ALL", CMD_CFGI_CD_ALL | SID(5), 0, false, 7 },
	{ "CFGI_STE", CMD_CFGI_STE | SID(5), 1, false, 7 },
	{ "CFGI_STE of another stream", CMD_CFGI_STE | SID(6), 1, false, 8 },
	{ "CFGI_STE_RANGE of both", CMD_CFGI_STE_RANGE | SID(4), 1, false, 15 },
	{ "CFGI_STE_RANGE of others", CMD_CFGI_STE_RANGE | SID(8), 1, false, 0 },
	{ "CFGI_ALL", CMD_CFGI_STE_RANGE, 31, false, 15 },
	{ "TLBI leaves CDs cached", CMD_TLBI_NSNH_ALL, 0, false, 0 },
	{ "TLBI_NH_ASID of one substream", CMD_TLBI_NH_ASID | VMID(RIG_VMID) | ASID(2), 0, true,
		4 },
	{ "TLBI_NH_ASID of two streams", CMD_TLBI_NH_ASID | VMID(RIG_VMID) | ASID(1), 0, true, 10 },
	{ "TLBI_NH_VA", CMD_TLBI_NH_VA | VMID(RIG_VMID) | ASID(1), 0, true, 10 },
	{ "TLBI_NH_VAA", CMD_TLBI_NH_VAA | VMID(RIG_VMID), 0, true, 15 },
	{ "TLBI_NH_ALL", CMD_TLBI_NH_ALL | VMID(RIG_VMID), 0, true, 15 },
	{ "TLBI_NH_ALL of another VMID", CMD_TLBI_NH_ALL | VMID(1), 0, true, 0 },
};

static unsigned table_before(unsigned i)
{
	return 10 * four[i].sid + four[i].ssid;
}

static void change(struct rig *rig, bool leaves)
{
	unsigned i, n;

	for (i = 0; i < ARRAY_LEN(four); i++) {
		n = table_before(i);
		if (leaves)
			rig_poke(rig, TABLE_AT(n), S1_BLOCK(TO(n + LATER)));
		else
			set_cd(rig, four[i].sid, four[i].ssid, four[i].ssid, n + LATER);
	}
}

static void test_commands(void **state)
{
	struct rig rig;
	unsigned r, i, got, want;

	for (r = 0; r < ARRAY_LEN(rows); r++) {
		init(&rig);
		for (i = 0; i < ARRAY_LEN(four); i++) {
			set_ste(&rig, four[i].sid);
			set_cd(&rig, four[i].sid, four[i].ssid, four[i].ssid, table_before(i));
			assert_int_equal(table_of(&rig, rig.port, four[i]), table_before(i));
		}
		change(&rig, rows[r].leaves);
		rig_cmd(&rig, rows[r].w0, rows[r].w1);
		for (i = 0; i < ARRAY_LEN(four); i++) {
			got = table_of(&rig, rig.port, four[i]);
			want = table_before(i) + (rows[r].reaches >> i & 1 ? LATER : 0);
			if (got != want)
				fail_msg(
					"%s: who %u: table %u, not %u", rows[r].what, i, got, want);
		}
		rig_finish(&rig);
	}
}

/* More than there are slots, twice over: each finds its own, and CFGI_ALL reaches all. */
static void test_eviction(void **state)
{
	struct rig rig;
	unsigned sid, ssid, round, n;

	init(&rig);
	for (sid = 0; sid < 16; sid++)
		set_ste(&rig, sid);
	for (round = 0; round < 4; round++) {
		for (n = 0; n < 16 * CDS && round % 2 == 0; n++)
			set_cd(&rig, n / CDS, n % CDS, n % CDS, n + round / 2 * LATER);
		if (round == 2)
			rig_cmd(&rig, CMD_CFGI_STE_RANGE, 31);
		for (n = 0; n < 16 * CDS; n++) {
			sid = n / CDS;
			ssid = n % CDS;
			assert_int_equal(table_of(&rig, rig.port, (struct who){ sid, ssid }),
				n + round / 2 * LATER);
		}
	}
	assert_int_equal(rig_event_count(&rig), 0);
	rig_finish(&rig);
}

_Static_assert(16 * CDS > 2 * SMMU_CFG_SLOTS, "more than there are slots");
_Static_assert(16 * CDS <= LATER, "tables enough");

/* A SubstreamID that is too large for any table is nobody's, whatever is cached. */
static void test_huge_ssid(void **state)
{
	struct rig rig;

	init(&rig);
	set_ste(&rig, 5);
	set_cd(&rig, 5, 1, 1, 51);
	set_cd(&rig, 5, 0, 0, 50);
	assert_int_equal(table_of(&rig, rig.port, (struct who){ 5, 1 }), 51);
	assert_int_equal(table_of(&rig, rig.port, (struct who){ 5, (1u << 20) + 1 }), ~0u);
	assert_int_equal(table_of(&rig, rig.port, (struct who){ 5, 1u << 31 | 1 }), ~0u);
	assert_int_equal(table_of(&rig, rig.port, (struct who){ 5, UINT32_MAX }), ~0u);
	rig_finish(&rig);
}

/*
 * The storm: readers use many more substreams than there are slots; one of them gets a new CD again
 * and again. What a reader finds is never older than what was complete before it entered.
 */
#define READERS 2
#define MOVES	250

struct storm {
	struct rig rig;
	atomic_uint complete; /* the table that the moving one has at least */
	atomic_uint rounds[READERS];
	atomic_uint bad;
	atomic_bool stop;
};

struct reader {
	pthread_t thread;
	struct storm *storm;
	unsigned number;
};

static const struct who moving = { 5, 1 };

static void one_round(struct storm *storm, struct port *port, uint32_t *seed)
{
	unsigned least = atomic_load(&storm->complete), i, n;

	if (table_of(&storm->rig, port, moving) < least)
		atomic_fetch_add(&storm->bad, 1);
	for (i = 0; i < 8; i++) {
		*seed = *seed * 1664525 + 1013904223;
		n = (*seed >> 12) % (16 * CDS);
		if (n / CDS == moving.sid)
			continue;
		if (table_of(&storm->rig, port, (struct who){ n / CDS, n % CDS }) != n)
			atomic_fetch_add(&storm->bad, 1);
	}
}

static void *read_all(void *arg)
{
	struct reader *reader = arg;
	struct storm *storm = reader->storm;
	struct port *port = smmuv3_port(nb_smmuv3_port_create(storm->rig.smmu, 5));
	uint32_t seed = reader->number;

	while (!atomic_load(&storm->stop)) {
		one_round(storm, port, &seed);
		atomic_fetch_add(&storm->rounds[reader->number], 1);
	}
	nb_smmuv3_port_destroy(smmuv3_port_of(port));
	return NULL;
}

/* One round that began meanwhile, of each reader, is over. */
static void await_rounds(struct storm *storm)
{
	unsigned i, from;

	for (i = 0; i < READERS; i++) {
		from = atomic_load(&storm->rounds[i]);
		while (atomic_load(&storm->rounds[i]) - from < 2)
			sched_yield();
	}
}

static void move(struct storm *storm, unsigned table)
{
	struct rig *rig = &storm->rig;

	rig_poke(rig, CD_OF(moving.sid, moving.ssid) + 8, RAM(TABLE_AT(table)));
	rig_queue(rig, CMD_CFGI_CD | SID(moving.sid) | SSID(moving.ssid), 1);
	/* Translations outlive their CD, until they are invalidated. */
	rig_queue(rig, CMD_TLBI_NH_ASID | VMID(RIG_VMID) | ASID(moving.ssid), 0);
	rig_queue(rig, CMD_SYNC, 0);
	rig_ring(rig);
	while (rig_read(rig, R_CMDQ_CONS) != rig->cmdq_prod)
		sched_yield();
	atomic_store(&storm->complete, table);
}

static void test_storm(void **state)
{
	static struct storm storm;
	struct reader readers[READERS];
	unsigned i, n;

	init(&storm.rig);
	for (n = 0; n < 16 * CDS; n++)
		set_cd(&storm.rig, n / CDS, n % CDS, n % CDS, n);
	for (i = 0; i < 16; i++)
		set_ste(&storm.rig, i);
	set_cd(&storm.rig, moving.sid, moving.ssid, moving.ssid, 0);
	for (i = 0; i < READERS; i++) {
		readers[i] = (struct reader){ .storm = &storm, .number = i };
		assert_int_equal(
			pthread_create(&readers[i].thread, NULL, read_all, &readers[i]), 0);
	}
	for (i = 1; i <= MOVES; i++) {
		await_rounds(&storm);
		move(&storm, i);
	}
	atomic_store(&storm.stop, true);
	for (i = 0; i < READERS; i++)
		pthread_join(readers[i].thread, NULL);
	assert_int_equal(atomic_load(&storm.bad), 0);
	assert_int_equal(rig_event_count(&storm.rig), 0);
	rig_finish(&storm.rig);
}

/* What the recorder saw; words holds the first word of each. */
struct recording {
	struct smmu_recorder rec;
	unsigned n;
	struct smmu_step steps[32];
	uint64_t words[32];
};

static void take_step(struct smmu_recorder *rec, const struct smmu_step *step)
{
	struct recording *recording = (struct recording *)rec;

	assert_in_range(recording->n, 0, 31);
	recording->steps[recording->n] = *step;
	recording->words[recording->n++] = step->words[0];
}

static void expect_step(const struct recording *recording, unsigned i, enum smmu_step_kind kind,
	uint64_t addr, uint64_t pa, uint64_t word)
{
	assert_in_range(i, 0, recording->n - 1);
	assert_int_equal(recording->steps[i].kind, kind);
	assert_int_equal(recording->steps[i].addr, addr);
	assert_int_equal(recording->steps[i].pa.v, pa);
	assert_int_equal(recording->words[i], word);
}

/* Both tables 2-level, nested: each word that was read on the way, in its order. */
static void test_recorder(void **state)
{
	const uint64_t ste0 = 0xf | 1 << 4 | 7ull << 59 | RAM(0x20000);
	struct recording recording = { .rec.step = take_step };
	struct dma_txn txn = { .sid = 67, .ssid = 70, .ssid_valid = true, .prot = NB_DMA_READ };
	struct smmu_fault fault;
	struct smmu_cfg cfg;
	struct rig rig;

	rig_create(&rig, (struct nb_smmuv3_config){ .ssid_bits = 16 });
	rig_nested(&rig);
	rig_poke(&rig, L1STD_AT + 8, RAM(L2_STRTAB) | 7);
	rig_poke(&rig, L2_STRTAB + 64 * 3, ste0);
	rig_poke(&rig, L2_STRTAB + 64 * 3 + 16, STE2_S2);
	rig_poke(&rig, L2_STRTAB + 64 * 3 + 24, RAM(S2_L1));
	rig_poke(&rig, 0x20008, RAM(0x30000) | L1CD_V);
	rig_poke(&rig, S2_L3 + 8 * 0x30, S2_PAGE(RAM(0x40000)));
	rig_poke(&rig, 0x40000 + 64 * 6, CD0);
	nb_smmuv3_write(rig.smmu, R_STRTAB_BASE, RAM(L1STD_AT), 8);
	rig_write(&rig, R_STRTAB_CFG, 1 << 16 | 6 << 6 | 10);

	assert_true(smmu_cfg_fetch(rig.smmu, &txn, &cfg, &fault, &recording.rec));
	assert_int_equal(recording.n, 10);
	expect_step(&recording, 0, SMMU_STEP_L1STD, RAM(L1STD_AT + 8), RAM(L1STD_AT + 8),
		RAM(L2_STRTAB) | 7);
	expect_step(&recording, 1, SMMU_STEP_STE, RAM(L2_STRTAB + 192), RAM(L2_STRTAB + 192), ste0);
	expect_step(&recording, 2, SMMU_STEP_S2, RAM(S2_L1 + 8), RAM(S2_L1 + 8), TABLE(RAM(S2_L2)));
	expect_step(&recording, 4, SMMU_STEP_S2, RAM(S2_L3 + 0x100), RAM(S2_L3 + 0x100),
		S2_PAGE(RAM(0x20000)));
	expect_step(
		&recording, 5, SMMU_STEP_L1CD, RAM(0x20008), RAM(0x20008), RAM(0x30000) | L1CD_V);
	expect_step(&recording, 8, SMMU_STEP_S2, RAM(S2_L3 + 0x180), RAM(S2_L3 + 0x180),
		S2_PAGE(RAM(0x40000)));
	expect_step(&recording, 9, SMMU_STEP_CD, RAM(0x30180), RAM(0x40180), CD0);
	assert_int_equal(recording.steps[5].input, 70);
	assert_int_equal(recording.steps[9].n, CD_WORDS);
	assert_int_equal(cfg.ssid, 70);
	assert_true(cfg.ssv && cfg.use_s1 && cfg.use_s2);
	rig_finish(&rig);
}

/* Random words, mostly ones near a legal configuration: what is accepted is safe to walk. */
static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	return *state ^= *state << 17;
}

static uint64_t flip(uint64_t word, uint64_t *state)
{
	unsigned n = next_random(state) % 4;

	while (n--)
		word ^= BIT64(next_random(state) % 64);
	return next_random(state) % 16 ? word : next_random(state);
}

static void check_tt(const struct nb_smmuv3 *smmu, const struct smmu_tt *tt, unsigned out_bits)
{
	unsigned stride = tt->granule_lg2 - 3, below;

	if (!tt->in_bits)
		return; /* EPDx */
	assert_true(smmu->hw.granules & 1u << (tt->granule_lg2 - 12) / 2);
	assert_in_range(tt->in_bits, 25, tt->granule_lg2 == 16 ? 52 : 48);
	assert_in_range(tt->level, 0, 3);
	below = tt->granule_lg2 + stride * (3 - tt->level);
	assert_in_range(tt->in_bits, below + 1, below + stride + 4);
	assert_int_equal(tt->base >> MIN(out_bits, smmu->oas_bits), 0);
	assert_true(is_aligned(tt->base, BIT64(tt->in_bits - below + 3)));
}

static unsigned decode_once(const struct nb_smmuv3 *smmu, uint64_t *state)
{
	uint64_t ste[STE_WORDS] = { STE0_NEST, 0, STE2_S2, RAM(S2_L1) }, cd[CD_WORDS] = { CD0 };
	struct smmu_cfg cfg = { .valid = true };
	unsigned i;

	for (i = 0; i < 4; i++) {
		ste[i] = flip(ste[i], state);
		cd[i] = flip(cd[i], state);
	}
	if (!smmu_ste_decode(smmu, ste, &cfg) || cfg.abort)
		return 0;
	if (cfg.use_s2)
		check_tt(smmu, &cfg.s2.tt, cfg.s2.out_bits);
	if (!cfg.use_s1 || !smmu_cd_decode(smmu, cd, &cfg))
		return 0;
	check_tt(smmu, &cfg.s1.tt[0], cfg.s1.out_bits);
	check_tt(smmu, &cfg.s1.tt[1], cfg.s1.out_bits);
	return 1;
}

static void test_random(void **state)
{
	static const struct nb_smmuv3_config hws[] = {
		{ 0 },
		{ .granules = 7, .oas_bits = 52, .vax = true, .httu = NB_SMMUV3_HTTU_DIRTY },
		{ .granules = 6, .oas_bits = 40, .stall_model = NB_SMMUV3_STALL_ALLOWED },
		{ .oas_bits = 32, .ssid_bits = 20, .ats = true, .raz_wi = true, .fwb = true },
	};
	uint64_t seed = 0x5eed;
	unsigned i, n, legal;
	struct rig rig;

	for (i = 0; i < ARRAY_LEN(hws); i++) {
		rig_create(&rig, hws[i]);
		for (n = legal = 0; n < 100000; n++)
			legal += decode_once(rig.smmu, &seed);
		assert_in_range(legal, 100, n); /* the test sees both */
		rig_finish(&rig);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_commands),
		cmocka_unit_test(test_eviction),
		cmocka_unit_test(test_huge_ssid),
		cmocka_unit_test(test_storm),
		cmocka_unit_test(test_recorder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
