/* SPDX-License-Identifier: MIT */
/* Chance, and the words that it makes: stream table entries, context descriptors, tables, addresses. */
#include "differ.h"

uint64_t rng;
bool good;

/* splitmix64 */
uint64_t rnd(void)
{
	uint64_t z = (rng += 0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

unsigned below(unsigned n)
{
	return (unsigned)((rnd() >> 32) * n >> 32);
}

bool chance(unsigned percent)
{
	return below(100) < percent;
}

bool mostly(unsigned percent)
{
	return good || chance(percent);
}

/* ---- Random words -------------------------------------------------------------------------------- */

uint64_t spoil(uint64_t word)
{
	if (chance(w.defects))
		word ^= BIT64(below(64));
	return word;
}

static uint64_t rnd_alias(void)
{
	return chance(60) ? 0
			  : rnd() & ALIASES & (w.hw.oas_bits > 51 ? ~0ull : MASK64(47, 0)) &
				    (mostly(90) ? MASK64(w.hw.oas_bits - 1, 0) : ~0ull);
}

static unsigned rnd_index(unsigned n_bits)
{
	static const uint8_t picks[] = { 0, 0, 0, 0, 0, 1, 1, 1, 2, 2, 3 };

	if (chance(4))
		return (1u << n_bits) - 1;
	return picks[below(sizeof(picks))] & ((1u << n_bits) - 1);
}

/* An address made of indexes that tables have something at. */
static uint64_t compose(const struct format *f)
{
	unsigned stride = f->granule - 3, shift = f->granule;
	uint64_t addr = 0;
	int level;

	for (level = 3; level > f->level; level--, shift += stride)
		addr |= (uint64_t)rnd_index(stride) << shift;
	return addr | (uint64_t)rnd_index(f->in_bits - shift) << shift;
}

static uint64_t page_of(uint64_t from, uint64_t to, unsigned granule)
{
	return from + ((uint64_t)below((to - from) >> granule) << granule);
}

/* What stage 1 (or an STE, for CDs) points at: an IPA if the world nests mostly, else a PA. */
static uint64_t rnd_s1_target(unsigned granule)
{
	if (chance(70))
		return align_down(compose(&w.f2), BIT64(granule));
	return rnd_alias() | page_of(0, mostly(90) ? S1_PAGES : RAM_BYTES, granule);
}

static uint64_t with_high_bits(uint64_t addr, unsigned granule)
{
	if (granule != 16)
		return addr;
	return (addr & MASK64(47, 16)) | (addr >> 48 & 15) << 12;
}

uint64_t rnd_s1_word(void)
{
	uint64_t word = with_high_bits(rnd_s1_target(w.f1.granule), w.f1.granule) | 1;

	word |= chance(82) ? 2 : 0;
	word |= mostly(92) ? BIT64(10) : 0;
	word |= chance(60) ? BIT64(6) : 0;
	word |= chance(25) ? BIT64(7) : 0;
	word |= chance(60) ? BIT64(11) : 0;
	word |= rnd() & (MASK64(5, 2) | MASK64(9, 8));
	word |= chance(30) ? BIT64(51) : 0;
	word |= chance(12) ? BIT64(53) : 0;
	word |= chance(12) ? BIT64(54) : 0;
	if (chance(20))
		word |= rnd() & rnd() & MASK64(63, 55);
	return spoil(word);
}

/* Stage 2's pages are mostly of one level each, so that walks get through. */
unsigned s2_level(uint64_t page)
{
	return page >> w.f2.granule & 3;
}

static uint64_t s2_page(unsigned level)
{
	uint64_t page;

	do
		page = page_of(S1_PAGES, S2_END, w.f2.granule);
	while (s2_level(page) != level);
	return page;
}

uint64_t rnd_s2_word(unsigned level)
{
	uint64_t target = level == 3 ? page_of(0, S1_PAGES, w.f2.granule) : s2_page(level + 1);
	uint64_t word;

	if (!mostly(97))
		target = page_of(0, RAM_BYTES, w.f2.granule);
	word = with_high_bits(rnd_alias() | target, w.f2.granule) | 1;
	word |= chance(85) ? 2 : 0;
	word |= mostly(94) ? BIT64(10) : 0;
	word |= mostly(94) ? BIT64(6) : 0;
	word |= chance(85) ? BIT64(7) : 0;
	word |= mostly(90) ? MASK64(5, 2) : rnd() & MASK64(5, 2);
	word |= rnd() & (MASK64(9, 8) | BIT64(11));
	word |= chance(30) ? BIT64(51) : 0;
	word |= chance(10) ? BIT64(53) : 0;
	word |= chance(10) ? BIT64(54) : 0;
	return spoil(word);
}

/* The word for a bare page pointer of either kind decides at which level it is a table. */
void fill_page(uint64_t page, bool s2)
{
	static const uint16_t at[] = { 0, 8, 16, 24, 0xff8 };
	unsigned i;

	for (i = 0; i < ARRAY_LEN(at); i++)
		poke(page + at[i], s2 ? rnd_s2_word(s2_level(page)) : rnd_s1_word());
}

static unsigned rnd_txsz(const struct format *f)
{
	return mostly(95) ? 64 - f->in_bits : 12 + below(30);
}

static bool flag_for(bool supported, unsigned percent)
{
	return supported ? chance(percent) : !mostly(99);
}

uint64_t rnd_cd0(void)
{
	static const uint8_t tg0[] = { 0, 2, 1 }, tg1[] = { 2, 1, 3 };
	unsigned g = (w.f1.granule - 12) / 2;
	bool stall = w.hw.stall_model == NB_SMMUV3_STALL_FORCED
			     ? !chance(1)
			     : flag_for(w.hw.stall_model == NB_SMMUV3_STALL_ALLOWED, 30);
	uint64_t word = rnd_txsz(&w.f1) | (uint64_t)tg0[g] << 6 | (uint64_t)rnd_txsz(&w.f1) << 16 |
			(uint64_t)tg1[g] << 22;

	word |= mostly(90) ? 0 : BIT64(14);
	word |= chance(10) ? BIT64(30) : 0;
	word |= BIT64(31) | BIT64(41) | (uint64_t)(mostly(80) ? 6 : below(8)) << 32;
	word |= chance(10) ? BIT64(35) : 0;
	word |= chance(15) ? BIT64(36) : 0;
	word |= chance(15) ? BIT64(37) : 0;
	word |= rnd() & MASK64(39, 38);
	word |= chance(10) ? BIT64(40) : 0;
	word |= flag_for(w.hw.httu == NB_SMMUV3_HTTU_DIRTY, 50) ? BIT64(42) : 0;
	word |= flag_for(w.hw.httu != NB_SMMUV3_HTTU_NONE, 60) ? BIT64(43) : 0;
	word |= stall ? BIT64(44) : 0;
	word |= chance(85) ? BIT64(45) : 0;
	word |= flag_for(w.hw.raz_wi, 40) ? 0 : BIT64(46);
	return spoil(word | (uint64_t)(1 + below(3)) << 48);
}

void fill_cds(uint64_t page)
{
	unsigned i;

	for (i = 0; i < 2; i++) {
		poke(page + CDS_AT + 64 * i, rnd_cd0());
		poke(page + CDS_AT + 64 * i + 8,
			spoil(rnd_s1_target(w.f1.granule) | (chance(10) ? 2 : 0)));
		poke(page + CDS_AT + 64 * i + 16,
			spoil(rnd_s1_target(w.f1.granule) | (chance(10) ? 2 : 0)));
	}
	for (i = 0; w.hw.ssid_bits && i < 2; i++)
		poke(page + L1CDS_AT + 8 * i, spoil(rnd_s1_target(12) | (mostly(95) ? 1 : 0)));
}

static uint64_t rnd_ste0(void)
{
	static const uint8_t configs[] = { 7, 7, 7, 7, 7, 5, 5, 5, 6, 6, 4, 7 };
	unsigned config = !mostly(97) ? below(8) : configs[below(sizeof(configs))], fmt = 0,
		 max = 0;
	uint64_t at = CDS_AT;

	if (w.hw.ssid_bits && chance(60)) {
		max = 1 + below(MIN(w.hw.ssid_bits, 9u));
		fmt = flag_for(!w.hw.linear_tables_only, 50) ? 1 + below(2) : 0;
		at = fmt ? L1CDS_AT : CDS_AT;
	}
	return spoil(1 | (uint64_t)config << 1 | (uint64_t)fmt << 4 | rnd_s1_target(12) | at |
		     (uint64_t)max << 59);
}

static uint64_t rnd_ste1(void)
{
	uint64_t word = (mostly(80) ? 1 + below(2) : below(4)) | (rnd() & MASK64(16, 2));

	word |= flag_for(w.hw.stall_model == NB_SMMUV3_STALL_ALLOWED, 20) ? BIT64(27) : 0;
	word |= chance(30) ? BIT64(25) : 0;
	if (chance(15))
		word |= (uint64_t)(mostly(70) ? 0 : below(4)) << 28;
	if (chance(25))
		word |= (uint64_t)below(4) << 48;
	if (chance(25))
		word |= (uint64_t)below(4) << 50;
	return spoil(word);
}

static uint64_t rnd_ste2(unsigned stream)
{
	unsigned tg = w.f2.granule == 12 ? 0 : w.f2.granule == 14 ? 2 : 1;
	bool stall = w.hw.stall_model == NB_SMMUV3_STALL_FORCED
			     ? !chance(1)
			     : flag_for(w.hw.stall_model == NB_SMMUV3_STALL_ALLOWED, 30);
	uint64_t word = stream + 1; /* VMIDs are of one stream each */

	word |= (uint64_t)rnd_txsz(&w.f2) << 32 | (uint64_t)w.f2.sl0 << 38 | (uint64_t)tg << 46;
	word |= (uint64_t)(mostly(85) ? 6 : below(8)) << 48 | BIT64(51);
	word |= chance(10) ? BIT64(53) : 0;
	word |= chance(30) ? BIT64(54) : 0;
	word |= flag_for(w.hw.httu == NB_SMMUV3_HTTU_DIRTY, 50) ? BIT64(55) : 0;
	word |= flag_for(w.hw.httu != NB_SMMUV3_HTTU_NONE, 60) ? BIT64(56) : 0;
	word |= stall ? BIT64(57) : 0;
	word |= chance(85) ? BIT64(58) : 0;
	return spoil(word);
}

uint64_t ste_at(unsigned stream)
{
	return STRTAB_AT + 64 * (w.sids[stream] & 15);
}

void fill_ste(unsigned stream)
{
	poke(ste_at(stream), rnd_ste0());
	poke(ste_at(stream) + 8, rnd_ste1());
	poke(ste_at(stream) + 16, rnd_ste2(stream));
	poke(ste_at(stream) + 24, spoil(rnd_alias() | s2_page(w.f2.level & 3)));
}

unsigned rnd_granule(void)
{
	static const uint8_t lg2[] = { 12, 14, 16 };
	unsigned i;

	do
		i = below(3);
	while (!(w.hw.granules >> i & 1));
	return chance(2) ? lg2[below(3)] : lg2[i];
}

void rnd_format(struct format *f, bool s2)
{
	unsigned most = f->granule == 16 && (s2 ? w.hw.oas_bits == 52 : w.hw.vax) ? 52 : 48, stride;
	bool must;

	stride = f->granule - 3;
	if (s2)
		most = MIN(most, w.hw.oas_bits);
	f->in_bits = chance(50) ? most : 25 + below(most - 24);
	if (f->in_bits < 25 + stride && chance(50))
		f->in_bits = most;
	f->level = 3 - (int)((f->in_bits - 1 - f->granule) / stride);
	/* Concatenation: one level less, where up to 4 bits were left for the first. */
	must = s2 && (f->granule == 12 ? f->level == 0 && w.hw.oas_bits < 44
				       : f->level == 0 || (f->level == 1 && w.hw.oas_bits < 44));
	if (s2 && f->level < 3 && (must || chance(50)) &&
		f->in_bits - (f->granule + stride * (3 - f->level)) <= 4)
		f->level++;
	f->sl0 = f->granule == 12 ? (2 - f->level) & 3 : (3 - f->level) & 3;
}

uint64_t rnd_iova(void)
{
	uint64_t addr = chance(92) ? compose(&w.f1) : compose(&w.f2);

	if (chance(10))
		addr |= ~MASK64(w.f1.in_bits - 1, 0);
	if (chance(8))
		addr = (addr & MASK64(55, 0)) | rnd() << 56;
	return chance(4) ? rnd() : addr;
}

/* An address that shares the upper tables, perhaps the block. */
uint64_t sibling(uint64_t iova)
{
	uint64_t low =
		MASK64(w.f1.granule + below(2) * (w.f1.granule - 3) - (chance(50) ? 0 : 1), 0);

	return (iova & ~low) | (compose(chance(50) ? &w.f1 : &w.f2) & low);
}
