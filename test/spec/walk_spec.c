/* SPDX-License-Identifier: MIT */
/*
 * Walks (Arm ARM D8.2, D8.3): every granule, start level and block size of both stages, every pair of
 * them nested, and what each level may refuse.
 */
#include "tables.h"

/* Where walks start, by the size of the input, and at which levels leaves are. */
struct start {
	uint8_t granule, level, least, most; /* bits of input */
};

static const struct start s1_starts[] = {
	{ 12, 0, 40, 48 },
	{ 12, 1, 31, 39 },
	{ 12, 2, 25, 30 },
	{ 14, 0, 48, 48 },
	{ 14, 1, 37, 47 },
	{ 14, 2, 26, 36 },
	{ 14, 3, 25, 25 },
	{ 16, 1, 43, 52 },
	{ 16, 2, 30, 42 },
	{ 16, 3, 25, 29 },
};

/* With up to 16 tables concatenated. */
static const struct start s2_starts[] = {
	{ 12, 0, 40, 48 },
	{ 12, 1, 31, 43 },
	{ 12, 2, 25, 34 },
	{ 14, 1, 37, 48 },
	{ 14, 2, 26, 40 },
	{ 14, 3, 25, 29 },
	{ 16, 1, 43, 52 },
	{ 16, 2, 30, 46 },
	{ 16, 3, 25, 33 },
};

/* Arm ARM D8.3.1, with 52-bit addresses. */
static bool has_leaves(unsigned granule, unsigned level)
{
	static const uint8_t levels[] = { [12] = 0xe, [14] = 0xc, [16] = 0xe };

	return levels[granule] >> level & 1;
}

static const char *name_of(unsigned granule)
{
	return granule == 12 ? "4K" : granule == 14 ? "16K" : "64K";
}

/* An input of this size whose index is not 0 at any level; its top bit is set. */
static uint64_t input_of(unsigned bits)
{
	return (UINT64_C(0xb9d6a5c3f5a97531) & (BIT64(bits) - 1)) | BIT64(bits - 1);
}

/* Where a leaf of this size leads. */
static uint64_t output_of(unsigned shift, unsigned bits)
{
	return align_down(UINT64_C(0xa5c3f19d6b780000) & (BIT64(bits) - 1), BIT64(shift));
}

static void check_start(
	struct world *w, const struct start *s, unsigned bits, unsigned level, bool s2)
{
	struct tree t;
	uint64_t input = input_of(bits), pa;
	unsigned shift;

	tree_init(w, &t, s->granule, bits, s->level);
	shift = tree_shift(&t, level);
	pa = output_of(shift, s->granule == 16 ? 52 : 48);
	*tree_at(w, &t, input, level) = tree_leaf(&t, pa, level) | (s2 ? 0x4fc : 0xc40);
	world_setup(w, &(struct setup){
			       .s1 = s2 ? NULL : &t, .s2 = s2 ? &t : NULL, .ips = 52, .s2ps = 52 });
	world_reaches(w, input, UR, pa | (input & (BIT64(shift) - 1)),
		BIT64(shift) - (input & (BIT64(shift) - 1)));
	world_faults(w, input ^ BIT64(bits - 1), UR, EVT_F_TRANSLATION, s2 ? S2F | IN : IN,
		s2 ? (input ^ BIT64(bits - 1)) & ~MASK64(11, 0) : 0);
	/* Beyond the input size. */
	if (bits < 52)
		world_faults(w, BIT64(bits), UW, EVT_F_TRANSLATION, s2 ? S2F | IN : IN,
			s2 ? BIT64(bits) : 0);
}

static void starts(struct world *w, const struct start *table, unsigned n, bool s2)
{
	const struct start *s;
	unsigned bits, level;

	for (s = table; s < table + n; s++)
		for (bits = s->least; bits <= s->most; bits += MAX((s->most - s->least + 2) / 3, 1))
			for (level = s->level; level <= 3; level++)
				if (has_leaves(s->granule, level) &&
					world_row(w, "ARM D8.2",
						"stage %u, %s, %u bits from level %u: leaf at "
						"level %u",
						s2 + 1, name_of(s->granule), bits, s->level, level))
					check_start(w, s, bits, level, s2);
}

static void stage1_starts(struct world *w)
{
	starts(w, s1_starts, ARRAY_LEN(s1_starts), false);
}

static void stage2_starts(struct world *w)
{
	starts(w, s2_starts, ARRAY_LEN(s2_starts), true);
}

/* The largest start of each granule. */
static void big_tree(struct world *w, struct tree *t, unsigned granule, bool s2)
{
	unsigned bits = granule == 16 ? 52 : 48;

	tree_init(w, t, granule, bits, granule == 16 || (granule == 14 && s2) ? 1 : 0);
}

static void check_pair(struct world *w, unsigned g1, unsigned l1, unsigned g2, unsigned l2)
{
	uint64_t input = input_of(48) >> 1, ipa, pa, size;
	unsigned shift1, shift2;
	struct tree t1, t2;

	big_tree(w, &t1, g1, false);
	big_tree(w, &t2, g2, true);
	shift1 = tree_shift(&t1, l1);
	shift2 = tree_shift(&t2, l2);
	tree_identity(w, &t2, l2);
	ipa = 3 * BIT64(42);
	*tree_at(w, &t1, input, l1) = tree_leaf(&t1, ipa, l1) | 0xc40;
	ipa |= input & (BIT64(shift1) - 1);
	pa = output_of(shift2, g2 == 16 ? 52 : 48);
	*tree_at(w, &t2, ipa, l2) = tree_leaf(&t2, pa, l2) | 0x4fc;
	world_setup(w, &(struct setup){ .s1 = &t1, .s2 = &t2, .ips = 48, .s2ps = 52 });
	size = BIT64(MIN(shift1, shift2));
	world_reaches(w, input, UW, pa | (ipa & (BIT64(shift2) - 1)), size - (input & (size - 1)));
}

static void pairs(struct world *w)
{
	static const uint8_t granules[] = { 12, 14, 16 };
	unsigned a, b, l1, l2;

	for (a = 0; a < 3; a++)
		for (l1 = 1; l1 <= 3; l1++)
			for (b = 0; b < 3; b++)
				for (l2 = 1; l2 <= 3; l2++)
					if (has_leaves(granules[a], l1) &&
						has_leaves(granules[b], l2) &&
						world_row(w, "ARM D8.3",
							"nested: %s level %u over %s level %u",
							name_of(granules[a]), l1,
							name_of(granules[b]), l2))
						check_pair(w, granules[a], l1, granules[b], l2);
}

/* One descriptor of a walk to a page is spoilt. */
static void check_spoilt(
	struct world *w, unsigned granule, unsigned level, bool s2, uint64_t desc, unsigned type)
{
	uint64_t input = input_of(48) >> 1;
	struct tree t;

	big_tree(w, &t, granule, s2);
	*tree_at(w, &t, input, level) = desc;
	world_setup(w, &(struct setup){
			       .s1 = s2 ? NULL : &t, .s2 = s2 ? &t : NULL, .ips = 40, .s2ps = 40 });
	world_faults(w, input, UR, type, s2 ? S2F | IN : IN, s2 ? input & ~MASK64(11, 0) : 0);
}

static void check_level(struct world *w, unsigned granule, unsigned level, bool s2)
{
	const char *name = name_of(granule);
	uint64_t leaf = level == 3 ? 3 : 1, attrs = s2 ? 0xfc : 0x840;
	unsigned stage = s2 + 1;

	if (world_row(w, "ARM D8.3.1", "stage %u, %s: invalid at level %u", stage, name, level))
		check_spoilt(w, granule, level, s2, 0xfffffffffffffffe, EVT_F_TRANSLATION);
	if (!has_leaves(granule, level) &&
		world_row(
			w, "ARM D8.3.1", "stage %u, %s: no blocks at level %u", stage, name, level))
		check_spoilt(w, granule, level, s2, attrs | 0x401, EVT_F_TRANSLATION);
	if (level == 3 && world_row(w, "ARM D8.3.1", "stage %u, %s: 0b01 at level 3 is reserved",
				  stage, name))
		check_spoilt(w, granule, level, s2, attrs | 0x401, EVT_F_TRANSLATION);
	if (level < 3 && world_row(w, "IHI 7.3.14",
				 "stage %u, %s: a table of level %u beyond the output size", stage,
				 name, level))
		check_spoilt(w, granule, level, s2, BIT64(40) | 3, EVT_F_ADDR_SIZE);
	if (!has_leaves(granule, level))
		return;
	if (world_row(w, "IHI 7.3.14", "stage %u, %s: a leaf of level %u beyond the output size",
		    stage, name, level))
		check_spoilt(
			w, granule, level, s2, BIT64(46) | attrs | 0x400 | leaf, EVT_F_ADDR_SIZE);
	if (world_row(w, "IHI 7.3.15", "stage %u, %s: access flag clear at level %u", stage, name,
		    level))
		check_spoilt(w, granule, level, s2, attrs | leaf, EVT_F_ACCESS);
	if (world_row(w, "ARM D8.15", "stage %u, %s: address size before access flag, level %u",
		    stage, name, level))
		check_spoilt(w, granule, level, s2, BIT64(46) | attrs | leaf, EVT_F_ADDR_SIZE);
	if (world_row(w, "ARM D8.15", "stage %u, %s: access flag before permission, level %u",
		    stage, name, level))
		check_spoilt(w, granule, level, s2, leaf, EVT_F_ACCESS);
	if (granule == 16 &&
		world_row(w, "ARM D8.3.1", "stage %u, 64K: bits 51 to 48 at [15:12], level %u",
			stage, level))
		check_spoilt(w, granule, level, s2, 0x1000 | attrs | 0x400 | leaf, EVT_F_ADDR_SIZE);
}

static void levels(struct world *w)
{
	static const uint8_t granules[] = { 12, 14, 16 };
	unsigned g, level, s2, first;

	for (s2 = 0; s2 < 2; s2++)
		for (g = 0; g < 3; g++) {
			first = granules[g] == 16 || (granules[g] == 14 && s2) ? 1 : 0;
			for (level = first; level <= 3; level++)
				check_level(w, granules[g], level, s2);
		}
}

/* Stage 2 of the tables of stage 1: level by level, what it refuses them. */
static void check_table_fault(struct world *w, unsigned granule, unsigned level, uint64_t desc,
	unsigned type, uint64_t or_ste2)
{
	uint64_t input = input_of(48) >> 1, table;
	struct tree t1, t2;

	big_tree(w, &t1, granule, false);
	tree_init(w, &t2, 12, 40, 1);
	tree_identity(w, &t2, 3);
	table = RIG_RAM + ((uint8_t *)tree_at(w, &t1, input, level) - w->rig.ram);
	*tree_at(w, &t1, input, 3) = tree_leaf(&t1, RIG_RAM, 3) | 0xc40;
	*tree_at(w, &t2, table, 3) = desc ? tree_leaf(&t2, table & ~MASK64(11, 0), 3) | desc : 0;
	world_setup(w, &(struct setup){ .s1 = &t1, .s2 = &t2, .or_ste2 = or_ste2 });
	world_faults(w, input, UW, type, S2F | TT, table & ~MASK64(11, 0));
}

static void tables_in_stage2(struct world *w)
{
	static const uint8_t granules[] = { 12, 14, 16 };
	unsigned g, level;

	for (g = 0; g < 3; g++)
		for (level = granules[g] == 16; level <= 3; level++) {
			const char *name = name_of(granules[g]);

			if (world_row(w, "IHI 7.3.13",
				    "nested, %s: the table of level %u is not there", name, level))
				check_table_fault(w, granules[g], level, 0, EVT_F_TRANSLATION, 0);
			if (world_row(w, "IHI 7.3.15",
				    "nested, %s: access flag of the table of level %u", name,
				    level))
				check_table_fault(w, granules[g], level, 0xfc, EVT_F_ACCESS, 0);
			if (world_row(w, "IHI 7.3.16",
				    "nested, %s: the table of level %u is not readable", name,
				    level))
				check_table_fault(
					w, granules[g], level, 0x4bc, EVT_F_PERMISSION, 0);
			if (world_row(w, "IHI 5.2",
				    "S2PTW: %s: the table of level %u in Device memory", name,
				    level))
				check_table_fault(w, granules[g], level, 0x4c4, EVT_F_PERMISSION,
					STE_2_S2PTW);
		}
}

/* IHI 0070 5.2 S2FWB: with it MemAttr[2] says what is Device. */
static void fwb(struct world *w)
{
	unsigned attr, with;

	for (with = 0; with < 2; with++)
		for (attr = 0; attr < 16; attr++) {
			bool device = with ? !(attr & 4) : attr < 4;
			uint64_t input = input_of(48) >> 1, table;
			struct tree t1, t2;

			if (!world_row(w, "IHI 5.2", "S2FWB %u, S2PTW: MemAttr %u", with, attr))
				continue;
			big_tree(w, &t1, 12, false);
			tree_init(w, &t2, 12, 40, 1);
			tree_identity(w, &t2, 3);
			*tree_at(w, &t1, input, 3) = tree_leaf(&t1, RIG_RAM, 3) | 0xc40;
			table = t1.root;
			*tree_at(w, &t2, table, 3) = tree_leaf(&t2, table, 3) | 0x4c0 | attr << 2;
			world_setup(w, &(struct setup){ .s1 = &t1,
					       .s2 = &t2,
					       .or_ste1 = with ? STE_1_S2FWB : 0,
					       .or_ste2 = STE_2_S2PTW });
			if (device)
				world_faults(w, input, UR, EVT_F_PERMISSION, S2F | TT, table);
			else
				world_reaches(w, input, UR, RIG_RAM + (input & 4095),
					4096 - (input & 4095));
		}
}

/* A contiguous hint on one descriptor, with neighbours that do not fit: it widens nothing. */
static void contiguous(struct world *w)
{
	static const uint8_t granules[] = { 12, 14, 16 };
	unsigned g, level, s2;

	for (s2 = 0; s2 < 2; s2++)
		for (g = 0; g < 3; g++)
			for (level = 2; level <= 3; level++) {
				uint64_t input = input_of(48) >> 1, pa, size;
				struct tree t;

				if (!world_row(w, "ARM D8.7",
					    "stage %u, %s: contiguous, misprogrammed, level %u",
					    s2 + 1, name_of(granules[g]), level))
					continue;
				big_tree(w, &t, granules[g], s2);
				size = BIT64(tree_shift(&t, level));
				input = align_down(input, size);
				pa = output_of(tree_shift(&t, level), 40);
				*tree_at(w, &t, input, level) =
					tree_leaf(&t, pa, level) | TTD_CONT | (s2 ? 0x4fc : 0xc40);
				world_setup(w, &(struct setup){ .s1 = s2 ? NULL : &t,
						       .s2 = s2 ? &t : NULL });
				world_reaches(w, input, UR, pa, size);
				input ^= size;
				world_faults(w, input, UR, EVT_F_TRANSLATION, s2 ? S2F | IN : IN,
					s2 ? input : 0);
			}
}

int main(int argc, char **argv)
{
	static void (*const groups[])(struct world * w) = {
		stage1_starts,
		stage2_starts,
		pairs,
		levels,
		tables_in_stage2,
		fwb,
		contiguous,
	};

	return world_main(argc, argv, groups, ARRAY_LEN(groups));
}
