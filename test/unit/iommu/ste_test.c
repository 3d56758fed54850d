/* SPDX-License-Identifier: MIT */
/*
 * How a stream table entry that is in use changes (IHI 0070 3.21.3). The SMMU may read its words at any
 * time and in any order, and keep each until it is invalidated: so at every moment every mixture of the
 * words that it may have must mean the old entry or the new one, or, where that cannot be, abort.
 */
#include "../ioas/guest.h"

#define VA	     GUEST_IPA /* the same in stage 1 as without */
#define VERSIONS_MAX 4
#define WORDS	     4

/* Which values a word has had since what the SMMU keeps of it was last invalidated. */
struct versions {
	uint64_t of[VERSIONS_MAX];
	unsigned n;
};

static struct watch {
	struct rig *rig;
	bool on;
	struct versions words[WORDS];
	uint64_t old[STE_WORDS], new[STE_WORDS];
	bool via_abort; /* allowed in this change */
	unsigned syncs, mixtures, aborts, reads;
} watch;

static void note(unsigned i, uint64_t value)
{
	struct versions *v = &watch.words[i];

	for (unsigned k = 0; k < v->n; k++)
		if (v->of[k] == value)
			return;
	assert_true(v->n < VERSIONS_MAX);
	v->of[v->n++] = value;
}

static void note_all(void)
{
	const uint64_t *ste = rig_ste(watch.rig, 0);

	for (unsigned i = 0; i < STE_WORDS; i++)
		if (i < WORDS)
			note(i, ste[i]);
		else
			assert_int_equal(ste[i], 0);
}

static void forget(void)
{
	for (unsigned i = 0; i < WORDS; i++)
		watch.words[i].n = 0;
	note_all();
}

/* What an entry means, by the manual (5.2): only what its Config has a use for. MEV is no matter. */
static void meaning(const uint64_t *ste, uint64_t out[WORDS])
{
	unsigned config = ste[0] >> 1 & 7;
	bool s1 = config == 5 || config == 7, s2 = config == 6 || config == 7;

	memset(out, 0, WORDS * sizeof(*out));
	out[0] = ste[0] & 0xf;
	if (config == 0)
		return;
	out[1] = ste[1] & (UINT64_C(3) << 44 | UINT64_C(3) << 28);
	if (s1) {
		out[0] = ste[0];
		out[1] |= ste[1] & 0xc80000ff; /* S1DSS to S1CSH, S1STALLD, STRW */
		out[2] = ste[2] & 0xffff;
	}
	if (s2) {
		out[2] = ste[2];
		out[3] = ste[3];
	}
}

static bool means(const uint64_t *ste, const uint64_t *like)
{
	uint64_t a[WORDS], b[WORDS];

	meaning(ste, a);
	meaning(like, b);
	return !memcmp(a, b, sizeof(a));
}

static void check_mixture(const uint64_t *ste)
{
	bool aborts = means(ste, smmu_ste_abort);

	watch.mixtures++;
	assert_true(means(ste, watch.old) || means(ste, watch.new) || (watch.via_abort && aborts));
}

static void check_mixtures(void)
{
	unsigned total = 1;

	for (unsigned i = 0; i < WORDS; i++)
		total *= watch.words[i].n;
	for (unsigned k = 0; k < total; k++) {
		uint64_t ste[STE_WORDS] = { 0 };

		for (unsigned i = 0, rest = k; i < WORDS; i++) {
			ste[i] = watch.words[i].of[rest % watch.words[i].n];
			rest /= watch.words[i].n;
		}
		check_mixture(ste);
	}
}

/* A device that never rests. */
static void read_one(void)
{
	watch.reads++;
	if (guest_peek(watch.rig, 0, NO_SSID, VA) != 0x42)
		watch.aborts++;
}

/* The doorbell after a command and its CMD_SYNC. */
static unsigned op_before(uint64_t prod)
{
	const struct smmu_cmdq *q = &to_smmu(watch.rig->iommus[0])->cmdq;
	uint64_t index = (prod - 2) & ((1u << q->size_lg2) - 1);

	return field_get(CMD0_OP, q->entries[2 * index]);
}

static void hw_write(void *hw, uint64_t offset, uint64_t value, unsigned size)
{
	bool cfgi = watch.on && offset == SMMU_CMDQ_PROD && op_before(value) == CMD_CFGI_STE;

	if (cfgi) {
		note_all();
		check_mixtures();
		read_one();
	}
	nb_smmuv3_write(hw, offset, value, size);
	if (!cfgi)
		return;
	watch.syncs++;
	read_one();
	forget();
}

/* ---- what a device may be attached to ---- */

enum {
	PARENT,
	TRANSLATE,  /* one CD */
	OTHER_CD,   /* likewise elsewhere: word 0 differs */
	MORE_CDS,   /* a table of them, SubstreamID 0 for those without: words 0 and 1 */
	STALLS_OFF, /* as the first, but for word 1 */
	BYPASS,
	ABORT,
	NOT_VALID,
	N_KINDS,
};

static int install(struct guest *guest, const uint64_t cds[2], unsigned kind)
{
	const uint64_t vste[N_KINDS][2] = {
		[TRANSLATE] = { VSTE_S1(cds[0]), 0 },
		[OTHER_CD] = { VSTE_S1(cds[1]), 0 },
		[MORE_CDS] = { VSTE_S1(cds[1]) | UINT64_C(4) << 59, S1DSS_SSID0 | 0xfc },
		[STALLS_OFF] = { VSTE_S1(cds[0]), STE1_S1STALLD },
		[BYPASS] = { VSTE_BYPASS, 0 },
		[ABORT] = { VSTE_ABORT, 0 },
		[NOT_VALID] = { 0, 0 },
	};
	struct iommu_device *dev = &guest->rig->devs[0].dev;

	return kind == PARENT ? ioas_nest_device(guest->rig->ioas, dev, NULL, NULL)
			      : guest_set(guest, 0, vste[kind][0], vste[kind][1]);
}

static bool is_abort(unsigned kind)
{
	return kind == ABORT || kind == NOT_VALID;
}

/* Two words that are in use before and after. */
static bool cannot_be_hitless(unsigned from, unsigned to)
{
	static const bool pairs[N_KINDS][N_KINDS] = {
		[TRANSLATE] = { [MORE_CDS] = true },
		[OTHER_CD] = { [MORE_CDS] = true, [STALLS_OFF] = true },
		[STALLS_OFF] = { [MORE_CDS] = true, [OTHER_CD] = true },
		[MORE_CDS] = { [TRANSLATE] = true, [OTHER_CD] = true, [STALLS_OFF] = true },
	};

	return pairs[from][to];
}

/* Unwatched; what the entry is then. */
static void settle(
	struct guest *guest, const uint64_t cds[2], unsigned kind, uint64_t ste[STE_WORDS])
{
	watch.on = false;
	assert_int_equal(install(guest, cds, kind), 0);
	memcpy(ste, rig_ste(guest->rig, 0), STE_BYTES);
}

static void change(struct guest *guest, const uint64_t cds[2], unsigned from, unsigned to)
{
	bool hits = cannot_be_hitless(from, to);

	settle(guest, cds, to, watch.new);
	settle(guest, cds, from, watch.old);
	watch.via_abort = hits;
	watch.syncs = watch.aborts = watch.reads = 0;
	forget();
	watch.on = true;
	assert_int_equal(install(guest, cds, to), 0);
	assert_memory_equal(rig_ste(guest->rig, 0), watch.new, STE_BYTES);
	/* What is kept from now on may meet what the next change does. */
	note_all();
	check_mixtures();
	assert_int_equal(guest_peek(guest->rig, 0, NO_SSID, VA), is_abort(to) ? -1 : 0x42);
	if (!hits && !is_abort(from) && !is_abort(to))
		assert_int_equal(watch.aborts, 0);
	/* What is unused, then what makes the difference; to abort the latter alone. */
	assert_in_range(watch.syncs, from != PARENT || to != PARENT, hits ? 3 : 2);
}

static void every_change(void **state)
{
	struct nb_smmuv3_config config = { .ssid_bits = 4, .stall_model = NB_SMMUV3_STALL_ALLOWED };
	struct nb_pgtable *tables;
	struct guest guest;
	uint64_t cds[2];
	struct rig rig;

	rig_init(&rig, &config, 1);
	assert_int_equal(rig_attach(&rig, 0, IOMMU_DOMAIN_NEST_PARENT), 0);
	guest_init(&guest, &rig);
	*(uint8_t *)guest_at(&guest, VA) = 0x42;
	guest.next = KIB(4);
	tables = guest_tables(&guest);
	guest_map(tables, VA, VA, GUEST_RW);
	for (unsigned i = 0; i < 2; i++)
		cds[i] = guest_cd(&guest, tables, i + 1, 0);
	watch = (struct watch){ .rig = &rig };
	to_smmu(rig.iommus[0])->hw.write = hw_write;
	for (unsigned from = 0; from < N_KINDS; from++)
		for (unsigned to = 0; to < N_KINDS; to++)
			change(&guest, cds, from, to);
	watch.on = false;
	nb_pgtable_destroy(tables);
	rig_detach(&rig, 0);
	guest_finish(&guest);
	rig_finish(&rig);
}

/* Unused words are cleaned without an invalidation: a later entry that has a use for them must not meet
 * what the SMMU kept of them. */
static void three_in_a_row(void **state)
{
	struct nb_smmuv3_config config = { .ssid_bits = 4, .stall_model = NB_SMMUV3_STALL_ALLOWED };
	uint64_t stes[N_KINDS][STE_WORDS];
	struct nb_pgtable *tables;
	struct guest guest;
	uint64_t cds[2];
	struct rig rig;

	rig_init(&rig, &config, 1);
	assert_int_equal(rig_attach(&rig, 0, IOMMU_DOMAIN_NEST_PARENT), 0);
	guest_init(&guest, &rig);
	tables = guest_tables(&guest);
	for (unsigned i = 0; i < 2; i++)
		cds[i] = guest_cd(&guest, tables, i + 1, 0);
	watch = (struct watch){ .rig = &rig, .via_abort = true };
	to_smmu(rig.iommus[0])->hw.write = hw_write;
	for (unsigned k = 0; k < N_KINDS; k++)
		settle(&guest, cds, k, stes[k]);
	forget();
	watch.on = true;
	for (unsigned k = 0; k < N_KINDS * N_KINDS * N_KINDS; k++) {
		unsigned to = (k * 5 + k / N_KINDS * 3 + k / (N_KINDS * N_KINDS)) % N_KINDS;

		memcpy(watch.old, rig_ste(&rig, 0), STE_BYTES);
		memcpy(watch.new, stes[to], STE_BYTES);
		assert_int_equal(install(&guest, cds, to), 0);
		note_all();
	}
	assert_true(watch.mixtures > 1000);
	watch.on = false;
	nb_pgtable_destroy(tables);
	rig_detach(&rig, 0);
	guest_finish(&guest);
	rig_finish(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_change),
		cmocka_unit_test(three_in_a_row),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
