/* SPDX-License-Identifier: MIT */
/* Translation descriptors (Arm ARM D8.3, VMSAv8-64) in words. */
#include <string.h>

#include "explain/fields.h"
#include "explain/out.h"
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

/* Arm ARM D8.4.1, for the descriptor alone: DBM counts as writable. */
static uint8_t s1_prot(uint64_t desc)
{
	bool unpriv = desc & TTD_AP_UNPRIV, write = !(desc & TTD_AP_RO) || (desc & TTD_DBM);
	uint8_t data = NB_EXPLAIN_R | (write ? NB_EXPLAIN_W : 0);
	bool priv_exec = !(desc & TTD_PXN) && !(unpriv && write);

	return (unpriv ? data : 0) | (desc & TTD_UXN ? 0 : NB_EXPLAIN_X) |
	       (data | (priv_exec ? NB_EXPLAIN_X : 0)) << 3;
}

static void s1_words(uint64_t desc, struct text *text)
{
	char prot[PROT_BYTES];

	text_add(text, ", %s", out_prot(s1_prot(desc), prot));
	add(text, desc & TTD_DBM, desc & TTD_AP_RO ? "DBM: clean" : "DBM: dirty");
	text_add(text, ", AttrIndx %u", (unsigned)(desc >> 2 & 7));
	add(text, !(desc & TTD_NG), "global");
}

/* D8.4.2; bit 53 counts with FEAT_XNX only, and is 0 without. */
static uint8_t s2_prot(uint64_t desc)
{
	unsigned xn = field_get(TTD_S2_XN, desc);
	bool write = desc & (TTD_S2_WRITE | TTD_DBM), read = desc & TTD_S2_READ;
	uint8_t data = (read ? NB_EXPLAIN_R : 0) | (write ? NB_EXPLAIN_W : 0);
	bool user = read && (xn == 0 || xn == 1), priv = read && (xn == 0 || xn == 3);

	return data | (user ? NB_EXPLAIN_X : 0) | (data | (priv ? NB_EXPLAIN_X : 0)) << 3;
}

static void s2_words(uint64_t desc, struct text *text)
{
	unsigned mem = desc >> 2 & 15;
	char prot[PROT_BYTES];

	text_add(text, ", %s", out_prot(s2_prot(desc), prot));
	add(text, desc & TTD_DBM, desc & TTD_S2_WRITE ? "DBM: dirty" : "DBM: clean");
	text_add(text, mem == 15 ? ", write-back" : mem < 4 ? ", device" : ", MemAttr %u", mem);
}

static void leaf_words(
	unsigned stage, uint64_t desc, const struct nb_explain_descriptor *out, struct text *text)
{
	char size[16];

	text_add(text, "%s %s", fields_size(out->lg2, size, sizeof(size)),
		out->kind == NB_EXPLAIN_PAGE ? "page" : "block");
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
