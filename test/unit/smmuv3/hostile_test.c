/* SPDX-License-Identifier: MIT */
/*
 * Hostile tables and commands: random words where STE, CD, descriptors, commands and registers are,
 * biased to be nearly right. Nothing crashes, and R6 holds: whatever a guest writes into what it
 * owns (CD, stage 1 tables), no address leaves what stage 2 grants. Bounded and seeded.
 */
#include <stdio.h>

#include "rig.h"

#define ROUNDS	     20000
#define CD0_IPS_TINY (CD0 & ~CD_0_IPS)

static uint64_t seed;

/* splitmix64 */
static uint64_t rnd(void)
{
	uint64_t z = (seed += 0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

/* A descriptor, biased to point at tables and memory that exist. */
static uint64_t rnd_desc(void)
{
	uint64_t page = RIG_RAM + ((rnd() & 0x3f) << 12);

	switch (rnd() % 6) {
	case 0:
		return rnd();
	case 1:
		return S1_BLOCK(page);
	case 2:
		return page | (rnd() & 0xfff);
	case 3:
		return S1_PAGE(page) ^ BIT64(rnd() % 64);
	default:
		return TABLE(page);
	}
}

/* A word that is right but for a few bits. */
static uint64_t spoil(uint64_t word)
{
	unsigned n = rnd() % 4;

	while (n--)
		word ^= BIT64(rnd() % 64);
	return word;
}

static uint64_t rnd_iova(void)
{
	switch (rnd() % 4) {
	case 0:
		return rnd();
	case 1:
		return RAM(rnd() % RIG_RAM_BYTES);
	default:
		return RIG_VA ^ (rnd() % 4 ? 0 : BIT64(rnd() % 64));
	}
}

static void rnd_command(struct rig *rig)
{
	static const uint8_t ops[] = { 0x01, 0x03, 0x04, 0x05, 0x06, 0x10, 0x11, 0x12, 0x13, 0x28,
		0x2a, 0x30, 0x46 };
	uint64_t op = rnd() % 8 ? ops[rnd() % sizeof(ops)] : rnd() & 0xff;

	rig_queue(rig, op | (rnd() & (rnd() % 2 ? ~UINT64_C(0xfff) : MASK64(63, 32))), rnd());
	rig_ring(rig);
	/* Recover as a driver would: replace and acknowledge. */
	if (rig_read(rig, R_GERROR) != rig_read(rig, R_GERRORN)) {
		rig_poke(rig, CMDQ_AT + 16 * (rig_read(rig, R_CMDQ_CONS) & 255), CMD_SYNC);
		rig_write(rig, R_GERRORN, rig_read(rig, R_GERROR));
	}
	rig_write(rig, R_EVENTQ_CONS, rig_read(rig, R_EVENTQ_PROD));
}

/* All of it, host's tables too: only sanity is asked for. */
static void test_everything(void **state)
{
	static const uint32_t tables[] = { S1_L0, S1_L1, S1_L2, S1_L3, S2_L1, S2_L2, S2_L3 };
	struct dma_span span;
	struct rig rig;
	unsigned i, n;

	rig_init(&rig);
	rig_nested(&rig);
	for (i = 0; i < ROUNDS; i++) {
		if (i % 64 == 0)
			rig_nested(&rig);
		rig_poke(&rig, STRTAB_AT + 64 * RIG_SID, spoil(STE0_NEST & ~(rnd() & 6)));
		rig_poke(&rig, STRTAB_AT + 64 * RIG_SID + 8, rnd() % 4 ? 0 : rnd());
		rig_poke(&rig, STRTAB_AT + 64 * RIG_SID + 16, spoil(STE2_S2));
		rig_poke(&rig, STRTAB_AT + 64 * RIG_SID + 24, spoil(RAM(S2_L1)));
		rig_poke(&rig, CD_AT, spoil(CD0));
		rig_poke(&rig, CD_AT + 8, spoil(RAM(S1_L0)));
		rig_poke(&rig, CD_AT + 16, spoil(RAM(S1_L0)));
		for (n = 0; n < 8; n++)
			rig_poke(&rig, tables[rnd() % ARRAY_LEN(tables)] + 8 * (rnd() % 16),
				rnd_desc());
		rnd_command(&rig);
		for (n = 0; n < 4; n++) {
			if (rig_translate_sid(&rig, rnd() % 8 ? RIG_SID : rnd(), rnd_iova(),
				    1 << rnd() % 2, &span))
				continue;
			assert_true(span.bytes && span.pa.v + (span.bytes - 1) < BIT64(48));
		}
	}
	rig_finish(&rig);
}

/* Only what a guest owns: CD and stage 1 tables, in 8 pages that stage 2 maps; it grants no more.
 */
static void test_guest(void **state)
{
	uint64_t granted_lo = RAM(0x20000), granted_hi = RAM(0x28000);
	struct dma_span span;
	struct rig rig;
	unsigned i, n, hits = 0;

	rig_init(&rig);
	rig_poke(&rig, S2_L1 + 8, TABLE(RAM(S2_L2)));
	rig_poke(&rig, S2_L2, TABLE(RAM(S2_L3)));
	/* IPA pages 0 to 7 are the granted ones; the first is the CD's. The last is read-only. */
	for (i = 0; i < 8; i++)
		rig_poke(&rig, S2_L3 + 8 * i,
			S2_PAGE(granted_lo + 0x1000 * i) & ~(i == 7 ? TTD_S2_WRITE : 0));
	rig_ste(&rig, RIG_SID, 0xf | RIG_RAM, 0, STE2_S2, RAM(S2_L1));
	for (i = 0; i < ROUNDS; i++) {
		uint8_t prot = 1 << rnd() % 2;

		rig_poke(&rig, 0x20000, spoil(rnd() % 4 ? CD0 : CD0_IPS_TINY));
		rig_poke(&rig, 0x20008, spoil(RAM(0x1000)));
		for (n = 0; n < 8; n++)
			rig_poke(&rig, 0x20000 + (rnd() % 8 << 12) + 8 * (8 + rnd() % 8),
				rnd_desc() & ~MASK64(17, 15));
		rig_poke(&rig, 0x21000, TABLE(RAM(0x1000 * (1 + rnd() % 6))));
		rnd_command(&rig);
		for (n = 0; n < 8; n++) {
			if (rig_translate_sid(&rig, RIG_SID,
				    (8 + rnd() % 8) * (BIT64(12) + BIT64(21) + BIT64(30)), prot,
				    &span))
				continue;
			hits++;
			assert_in_range(span.pa.v, granted_lo, granted_hi - 1);
			assert_true(span.pa.v + span.bytes <= granted_hi);
			assert_true(prot == NB_DMA_READ || span.pa.v < granted_hi - 0x1000);
		}
	}
	assert_int_not_equal(hits, 0); /* the test reaches what it is about */
	printf("%u of %u translated\n", hits, ROUNDS * 8);
	rig_finish(&rig);
}

static void test_registers(void **state)
{
	struct dma_span span;
	struct rig rig;
	unsigned i;

	rig_init(&rig);
	rig_nested(&rig);
	for (i = 0; i < ROUNDS; i++) {
		uint64_t offset = (rnd() & 0x1fc) | (rnd() % 4 ? 0 : 0x10000);

		nb_smmuv3_write(
			rig.smmu, offset, rnd() % 2 ? rnd() : rnd() & 0xd, rnd() % 2 ? 4 : 8);
		nb_smmuv3_read(rig.smmu, offset, 4);
		rig_translate_sid(&rig, RIG_SID, rnd_iova(), NB_DMA_READ, &span);
	}
	rig_finish(&rig);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_everything),
		cmocka_unit_test(test_guest),
		cmocka_unit_test(test_registers),
	};

	seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 20140701;
	printf("seed %llu\n", (unsigned long long)seed);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
