/* SPDX-License-Identifier: MIT */
/* Translation descriptors (Arm ARM D8.3, VMSAv8-64) in words. */
#include <string.h>

#include "explain/fields.h"
#include "smmuv3/regs.h"

static unsigned level_lg2(unsigned granule_lg2, unsigned level)
{
	return granule_lg2 + (granule_lg2 - 3) * (3 - level);
}

/* Which levels may have blocks: a row for each granule (52 bits: 64 KiB at level 1). */
static bool may_block(unsigned granule_lg2, unsigned level)
{
	return level == 2 || (level == 1 && granule_lg2 != 14);
}

static uint64_t addr_of(unsigned granule_lg2, uint64_t desc, unsigned lg2)
{
	uint64_t addr = desc & MASK64(47, 12);

	/* 64 KiB: bits 51 to 48 of the address are in 15 to 12. */
	if (granule_lg2 == 16)
		addr = (desc & MASK64(47, 16)) | (desc & MASK64(15, 12)) << 36;
	return (addr & MASK64(51, lg2));
}

static void add(struct text *text, bool has, const char *words)
{
	if (has)
		text_add(text, ", %s", words);
}

static void table_words(unsigned stage, uint64_t desc, struct text *text)
{
	text_add(text, "table");
	if (stage == 2)
		return;
	add(text, desc & TTD_APTABLE_NO_UNPRIV, "nothing below is unprivileged");
	add(text, desc & TTD_APTABLE_RO, "nothing below is writable");
	add(text, desc & TTD_UXNTABLE, "UXN below");
	add(text, desc & TTD_PXNTABLE, "PXN below");
}

static void s1_words(uint64_t desc, struct text *text)
{
	bool ro = (desc & TTD_AP_RO) && !(desc & TTD_DBM);

	text_add(text, ro ? ", read" : ", read and write");
	add(text, (desc & TTD_DBM) && (desc & TTD_AP_RO), "clean");
	add(text, !(desc & TTD_AP_UNPRIV), "privileged only");
	add(text, desc & TTD_UXN, "UXN");
	add(text, desc & TTD_PXN, "PXN");
	text_add(text, ", AttrIndx %u", (unsigned)(desc >> 2 & 7));
	add(text, !(desc & TTD_NG), "global");
}

static void s2_words(uint64_t desc, struct text *text)
{
	static const char *const perms[] = { "no access", "read", "write", "read and write" };
	static const char *const xns[] = { "", "XN for privileged", "XN", "XN for unprivileged" };
	unsigned mem = desc >> 2 & 15, xn = field_get(TTD_S2_XN, desc);

	/* DBM with S2AP[1] = 0: writable, and clean. */
	text_add(text, ", %s", perms[desc >> 6 & 3]);
	add(text, (desc & TTD_DBM) && !(desc & TTD_S2_WRITE), "DBM");
	add(text, xn, xns[xn]);
	text_add(text,
		mem == 15 ? ", normal write-back"
		: mem < 4 ? ", device"
			  : ", MemAttr %u",
		mem);
}

static void leaf_words(
	unsigned stage, uint64_t desc, const struct nb_explain_descriptor *out, struct text *text)
{
	char size[16];

	text_add(text, "%s of %s", out->kind == NB_EXPLAIN_PAGE ? "page" : "block",
		fields_size(out->lg2, size, sizeof(size)));
	if (stage == 1)
		s1_words(desc, text);
	else
		s2_words(desc, text);
	add(text, desc & TTD_CONT, "contiguous");
	add(text, !(desc & TTD_AF), "access flag 0");
}

void nb_explain_desc(unsigned stage, unsigned level, unsigned granule_lg2, uint64_t desc,
	struct nb_explain_descriptor *out)
{
	bool table = level < 3 && (desc & TTD_TABLE);
	bool leaf = level == 3 ? desc & TTD_TABLE : !table && may_block(granule_lg2, level);
	struct text text;

	memset(out, 0, sizeof(*out));
	text_init(&text, out->words, sizeof(out->words));
	out->lg2 = level_lg2(granule_lg2, level);
	if (!(desc & TTD_VALID)) {
		text_add(&text, desc ? "invalid: bit 0 is 0" : "invalid: nothing is mapped here");
	} else if (table) {
		out->kind = NB_EXPLAIN_TABLE;
		out->addr = addr_of(granule_lg2, desc, granule_lg2);
		table_words(stage, desc, &text);
	} else if (leaf) {
		out->kind = level == 3 ? NB_EXPLAIN_PAGE : NB_EXPLAIN_BLOCK;
		out->addr = addr_of(granule_lg2, desc, out->lg2);
		leaf_words(stage, desc, out, &text);
	} else {
		text_add(&text, level == 3 ? "invalid: reserved at level 3 (bit 1 is 0)"
					   : "invalid: no block is allowed at this level");
	}
}
