/* SPDX-License-Identifier: MIT */
/*
 * The naive model. Numbers of bits are the architecture's; where it leaves a choice, the model's
 * documented one is taken (UNPREDICTABLE there), so that what is compared is what is defined.
 */
#include "naive.h"

#include <string.h>

static uint64_t bits(uint64_t word, unsigned high, unsigned low)
{
	return word >> low & (~UINT64_C(0) >> (63 - (high - low)));
}

static bool bit(uint64_t word, unsigned n)
{
	return word >> n & 1;
}

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

static uint64_t floor_to(uint64_t value, unsigned lg2)
{
	return lg2 > 63 ? 0 : value >> lg2 << lg2;
}

/* The classes of operation, and the events, of IHI 0070 7.3. */
enum {
	CLASS_CD,
	CLASS_TT,
	CLASS_IN
};

enum {
	C_BAD_STREAMID = 0x02,
	F_STE_FETCH = 0x03,
	C_BAD_STE = 0x04,
	F_STREAM_DISABLED = 0x06,
	C_BAD_SUBSTREAMID = 0x08,
	F_CD_FETCH = 0x09,
	C_BAD_CD = 0x0a,
	F_WALK_EABT = 0x0b,
	F_TRANSLATION = 0x10,
	F_ADDR_SIZE = 0x11,
	F_ACCESS = 0x12,
	F_PERMISSION = 0x13,
};

/* How a stage is walked (the pseudocode's S1TTWParams, S2TTWParams). */
struct params {
	unsigned granule; /* log2 */
	unsigned in_bits, out_bits;
	int level;
	uint64_t base;
	bool ha, hd, affd;
};

struct stage1 {
	bool epd[2], tbi[2], had[2], legal;
	struct params p[2];
	bool wxn, pan, record, abort, stall;
};

struct stage2 {
	struct params p;
	bool ptw, fwb, record, stall;
};

struct walk {
	const struct naive *n;
	const struct naive_access *in;
	struct naive_result *out;
	bool priv, inst; /* after overrides */
	bool s1, s2, stalld;
	bool for_cd; /* what is being read is on the way to a CD */
	struct stage1 one;
	struct stage2 two;
};

/* The end of a transaction that fails; false, for whoever passes it on. */
struct fault {
	uint8_t type;
	bool s2;
	unsigned class;
	uint64_t ipa, fetch;
	bool ttw_write;
	bool optional; /* no record: what R, S2R or RECINVSID say */
};

static bool ends(struct walk *w, enum naive_verdict verdict)
{
	w->out->verdict = verdict;
	return false;
}

static void record_event(struct walk *w, const struct fault *f, bool stall)
{
	uint64_t *event = w->out->event;
	bool access = f->type >= F_TRANSLATION || f->type == F_WALK_EABT;
	bool fetch = f->type == F_STE_FETCH || f->type == F_CD_FETCH || f->type == F_WALK_EABT;

	w->out->recorded = true;
	event[0] = f->type | (uint64_t)w->in->sid << 32;
	/* IHI 0070 7.3.7, 7.3.9: no SubstreamID; one, but no SSV. */
	if (w->in->ssv && f->type != C_BAD_SUBSTREAMID && f->type != F_STREAM_DISABLED)
		event[0] |= UINT64_C(1) << 11;
	if (w->in->ssv && f->type != F_STREAM_DISABLED)
		event[0] |= (uint64_t)w->in->ssid << 12;
	if (access) {
		event[1] = (uint64_t)w->priv << 33 | (uint64_t)w->inst << 34 |
			   (uint64_t)!w->in->write << 35 | (uint64_t)f->s2 << 39 |
			   (uint64_t)f->class << 40 | (uint64_t)stall << 31;
		event[2] = w->in->iova;
		event[3] = f->s2 ? floor_to(bits(f->ipa, 51, 0), 12) : 0;
	}
	/* F_PERMISSION TTRnW: stage 2 refused a stage 1 table's read, or its update. */
	if (f->type == F_PERMISSION && f->s2 && f->class == CLASS_TT && !f->ttw_write)
		event[1] |= UINT64_C(1) << 44;
	if (fetch)
		event[3] = floor_to(bits(f->fetch, 51, 0), 3);
}

/* Configuration faults, and external aborts: recorded, and the transaction aborts. */
static bool config_fault(struct walk *w, unsigned type, uint64_t fetch)
{
	struct fault f = { .type = type, .fetch = fetch };

	if (type != C_BAD_STREAMID || w->n->recinvsid)
		record_event(w, &f, false);
	return ends(w, NAIVE_ABORT);
}

/* IHI 0070 3.12: what becomes of a fault of translation. */
static bool tt_fault(struct walk *w, const struct fault *f, bool by_bypass)
{
	bool stall = f->s2 ? w->two.stall : w->one.stall;
	bool record = f->s2 ? w->two.record : w->one.record;

	if (f->type == F_WALK_EABT || by_bypass) {
		record_event(w, f, false);
		return ends(w, NAIVE_ABORT);
	}
	if (stall) {
		record_event(w, f, true);
		return ends(w, NAIVE_STALL);
	}
	if (record)
		record_event(w, f, false);
	return ends(w, f->s2 || w->one.abort ? NAIVE_ABORT : NAIVE_RAZ_WI);
}

static bool load(struct walk *w, uint64_t pa, uint16_t role, uint64_t input, uint64_t *value)
{
	struct naive_result *out = w->out;

	if (w->for_cd)
		role |= NAIVE_ROLE_CD;
	if (pa >> w->n->hw.oas || !w->n->load(w->n->ctx, pa, value))
		return false;
	if (out->n_reads < NAIVE_MAX_READS)
		out->reads[out->n_reads++] = (struct naive_read){
			.pa = pa, .value = *value, .role = role, .input = input
		};
	return true;
}

static void store(struct walk *w, uint64_t pa, uint64_t before, uint64_t after, bool optional)
{
	struct naive_result *out = w->out;

	w->n->store(w->n->ctx, pa, after);
	if (out->n_writes < NAIVE_MAX_WRITES)
		out->writes[out->n_writes++] = (struct naive_write){
			.pa = pa, .before = before, .after = after, .optional = optional
		};
}

/* ---- Descriptors, both stages ------------------------------------------------------------------ */

static unsigned resolved_from(const struct params *p, int level)
{
	return p->granule + (unsigned)(3 - level) * (p->granule - 3);
}

/* AArch64.BlockDescSupported */
static bool block_supported(const struct walk *w, const struct params *p, int level)
{
	if (p->granule == 12)
		return level == 1 || level == 2;
	if (p->granule == 14)
		return level == 2;
	return level == 2 || (level == 1 && w->n->hw.oas == 52);
}

/* The address in a descriptor: bits [47:low], and with 64 KiB and 52 bits [15:12] above them. */
static uint64_t desc_address(
	const struct walk *w, const struct params *p, uint64_t desc, unsigned low)
{
	uint64_t address = floor_to(bits(desc, 47, 0), low);

	if (p->granule == 16 && w->n->hw.oas == 52)
		address |= bits(desc, 15, 12) << 48;
	return address;
}

/* AArch64.OAOutOfRange */
static bool out_of_range(const struct params *p, uint64_t address)
{
	unsigned most = p->granule == 16 ? p->out_bits : least(p->out_bits, 48);

	return address >> most;
}

struct found {
	uint64_t desc, desc_pa, desc_ipa, address;
	unsigned size_lg2;
	bool ap_no_unpriv, ap_ro, uxn, pxn; /* hierarchical */
};

static bool translate_s2(struct walk *w, uint64_t ipa, unsigned class, bool read, bool write,
	bool inst, bool priv, uint64_t *pa, unsigned *size_lg2);

/* Where the descriptor at address (an IPA, for stage 1 over stage 2) is. */
static bool descriptor_pa(struct walk *w, bool s2, uint64_t address, bool write, uint64_t *pa)
{
	*pa = address;
	if (s2 || !w->s2)
		return true;
	return translate_s2(w, address, CLASS_TT, !write, write, false, true, pa, NULL);
}

/* AArch64.S1Walk and S2Walk, to a leaf. Fills f->type and fails. */
static bool descend(struct walk *w, const struct params *p, bool s2, uint64_t input,
	struct fault *f, struct found *found)
{
	uint64_t table = p->base, address = input & ((UINT64_C(1) << p->in_bits) - 1);
	unsigned high = p->in_bits - 1, low;
	uint16_t role;
	int level;

	memset(found, 0, sizeof(*found));
	for (level = p->level;; level++) {
		low = resolved_from(p, level);
		role = s2 ? NAIVE_ROLE_S2(level) : NAIVE_ROLE_S1(level);
		found->desc_ipa = table + 8 * bits(address, high, low);
		if (!descriptor_pa(w, s2, found->desc_ipa, false, &found->desc_pa))
			return false; /* f->type 0: over already */
		if (!load(w, found->desc_pa, role, input, &found->desc)) {
			f->type = F_WALK_EABT;
			f->fetch = found->desc_pa;
			return false;
		}
		if (!bit(found->desc, 0))
			f->type = F_TRANSLATION;
		else if (!bit(found->desc, 1) && !(level < 3 && block_supported(w, p, level)))
			f->type = F_TRANSLATION;
		if (f->type)
			return false;
		if (level == 3 || !bit(found->desc, 1))
			break;
		table = desc_address(w, p, found->desc, p->granule);
		if (out_of_range(p, table)) {
			f->type = F_ADDR_SIZE;
			return false;
		}
		found->pxn |= bit(found->desc, 59);
		found->uxn |= bit(found->desc, 60);
		found->ap_no_unpriv |= bit(found->desc, 61);
		found->ap_ro |= bit(found->desc, 62);
		high = low - 1;
	}
	if (w->out->n_reads)
		w->out->reads[w->out->n_reads - 1].role |= NAIVE_ROLE_LEAF;
	found->size_lg2 = low;
	found->address = desc_address(w, p, found->desc, low);
	if (out_of_range(p, found->address)) {
		f->type = F_ADDR_SIZE;
		return false;
	}
	found->address |= bits(address, low - 1, 0);
	if (!bit(found->desc, 10) && !p->ha && !p->affd) {
		f->type = F_ACCESS;
		return false;
	}
	return true;
}

/* ---- Stage 2 ----------------------------------------------------------------------------------- */

/* AArch64.S2HasPermissionsFault */
static bool s2_permitted(const struct walk *w, uint64_t desc, unsigned class, bool read, bool write,
	bool inst, bool priv)
{
	bool dirty_able = w->two.p.hd && bit(desc, 51);
	bool r = bit(desc, 6), wr = bit(desc, 7) || dirty_able, px, ux;
	bool device = w->two.fwb ? !bit(desc, 4) : bits(desc, 5, 4) == 0;

	px = ux = !bit(desc, 54);
	if (w->n->hw.xnx) {
		px = bit(desc, 54) == bit(desc, 53);
		ux = !bit(desc, 54);
	}
	if (class != CLASS_IN && w->two.ptw && device)
		return false;
	if (write && !wr)
		return false;
	/* An instruction fetch needs to execute; and to read, as it is a read of the bus. */
	if (read && inst && !(priv ? px : ux))
		return false;
	return !read || r;
}

static bool s2_fault(struct walk *w, struct fault *f, unsigned class, uint64_t ipa, bool write)
{
	if (!f->type)
		return false;
	f->s2 = true;
	f->class = class;
	f->ipa = ipa;
	f->ttw_write = write;
	return tt_fault(w, f, false);
}

/* AArch64.S2Translate */
static bool translate_s2(struct walk *w, uint64_t ipa, unsigned class, bool read, bool write,
	bool inst, bool priv, uint64_t *pa, unsigned *size_lg2)
{
	const struct params *p = &w->two.p;
	struct fault f = { 0 };
	struct found found;
	uint64_t desc;
	bool ok;

	if (ipa >> p->in_bits) {
		f.type = F_TRANSLATION;
		return s2_fault(w, &f, class, ipa, write);
	}
	if (!descend(w, p, true, ipa, &f, &found))
		return s2_fault(w, &f, class, ipa, write);
	ok = s2_permitted(w, found.desc, class, read, write, inst, priv);
	desc = found.desc;
	if (p->ha)
		desc |= UINT64_C(1) << 10;
	if (ok && p->hd && write && bit(desc, 51))
		desc |= UINT64_C(1) << 7;
	if (desc != found.desc)
		store(w, found.desc_pa, found.desc, desc, !ok);
	if (!ok) {
		f.type = F_PERMISSION;
		return s2_fault(w, &f, class, ipa, write);
	}
	*pa = found.address;
	if (size_lg2)
		*size_lg2 = found.size_lg2;
	return true;
}

/* ---- Stage 1 ----------------------------------------------------------------------------------- */

/* AArch64.S1HasPermissionsFault, EL1&0 */
static bool s1_permitted(
	const struct walk *w, const struct found *found, const struct params *p, bool had)
{
	uint64_t desc = found->desc;
	bool dirty_able = p->hd && bit(desc, 51);
	bool ap2 = bit(desc, 7) && !dirty_able, ap1 = bit(desc, 6);
	bool pr = true, pw = !ap2, ur = ap1, uw = ap1 && !ap2, px, ux, r, wr, x;
	bool pxn = bit(desc, 53), uxn = bit(desc, 54);

	if (!had) {
		if (found->ap_no_unpriv)
			ur = uw = false;
		if (found->ap_ro)
			pw = uw = false;
		pxn |= found->pxn;
		uxn |= found->uxn;
	}
	px = !(pxn || uw);
	ux = !uxn;
	if (w->one.wxn && pw)
		px = false;
	if (w->one.wxn && uw)
		ux = false;
	if (w->one.pan && (ur || uw))
		pr = pw = false;
	r = w->priv ? pr : ur;
	wr = w->priv ? pw : uw;
	x = w->priv ? px : ux;
	if (w->in->write && !wr)
		return false;
	if (w->in->read && !(w->inst ? x : r))
		return false;
	return true;
}

static bool s1_fault(struct walk *w, struct fault *f)
{
	if (!f->type)
		return false;
	f->class = CLASS_IN;
	return tt_fault(w, f, false);
}

/* AArch64.S1Translate: the IPA, or without stage 2 the PA. */
static bool translate_s1(struct walk *w, uint64_t *out)
{
	uint64_t va = w->in->iova, desc, pa;
	unsigned half = bit(va, 55), top;
	const struct params *p = &w->one.p[half];
	struct fault f = { 0 };
	struct found found;
	bool ok;

	top = w->one.tbi[half] ? 55 : 63;
	if (w->one.epd[half] ||
		bits(va, top, p->in_bits) != (half ? bits(~UINT64_C(0), top, p->in_bits) : 0)) {
		f.type = F_TRANSLATION;
		return s1_fault(w, &f);
	}
	if (!descend(w, p, false, va, &f, &found))
		return s1_fault(w, &f);
	ok = s1_permitted(w, &found, p, w->one.had[half]);
	desc = found.desc;
	if (p->ha)
		desc |= UINT64_C(1) << 10;
	if (ok && p->hd && w->in->write && bit(desc, 51))
		desc &= ~(UINT64_C(1) << 7);
	if (desc != found.desc) {
		/* A permission fault may or may not set the flag, so its stage 2 is not looked at. */
		if (ok && !descriptor_pa(w, false, found.desc_ipa, true, &pa))
			return false;
		store(w, found.desc_pa, found.desc, desc, !ok);
	}
	if (!ok) {
		f.type = F_PERMISSION;
		return s1_fault(w, &f);
	}
	w->out->s1_size_lg2 = found.size_lg2;
	w->out->global = !bit(desc, 11);
	*out = found.address;
	return true;
}

/* ---- Configuration ----------------------------------------------------------------------------- */

static unsigned address_bits(const struct walk *w, unsigned field)
{
	static const unsigned sizes[] = { 32, 36, 40, 42, 44, 48, 52, 52 };

	return least(sizes[field], w->n->hw.oas);
}

static bool granule_of(const struct walk *w, unsigned granule)
{
	const struct naive_hw *hw = &w->n->hw;

	return (granule == 12 && hw->gran4k) || (granule == 14 && hw->gran16k) ||
	       (granule == 16 && hw->gran64k);
}

/* The base of the first table; beyond the output size it is ILLEGAL. */
static bool set_base(struct params *p, uint64_t address)
{
	unsigned size_lg2 = p->in_bits - resolved_from(p, p->level) + 3;

	if (out_of_range(p, address))
		return false;
	if (p->out_bits == 52 && size_lg2 < 6)
		size_lg2 = 6;
	p->base = floor_to(address, size_lg2);
	return true;
}

static bool stall_legal(const struct walk *w, bool stall)
{
	return w->n->hw.stall_model == 0 || (w->n->hw.stall_model == 1 && !stall) ||
	       (w->n->hw.stall_model == 2 && stall);
}

static bool httu_legal(const struct walk *w, bool ha, bool hd)
{
	return !(ha && w->n->hw.httu == 0) && !(hd && w->n->hw.httu != 2);
}

/* IHI 0070 5.2, of stage 2. */
static bool stage2_legal(struct walk *w, const uint64_t *ste)
{
	static const unsigned granules[] = { 12, 16, 14, 0 };
	struct params *p = &w->two.p;
	unsigned sl0 = bits(ste[2], 39, 38), most;
	bool ha = bit(ste[2], 56), hd = bit(ste[2], 55);

	p->granule = granules[bits(ste[2], 47, 46)];
	if (!w->n->hw.s2p || !bit(ste[2], 51) || bit(ste[2], 52) || !granule_of(w, p->granule))
		return false;
	w->two.stall = bit(ste[2], 57);
	if (!stall_legal(w, w->two.stall) || !httu_legal(w, ha, hd) || sl0 == 3)
		return false;
	p->in_bits = 64 - bits(ste[2], 37, 32);
	most = least(w->n->hw.oas, p->granule == 16 ? 52 : 48);
	if (p->in_bits < 25 || p->in_bits > most)
		return false;
	p->level = p->granule == 12 ? 2 - (int)sl0 : 3 - (int)sl0;
	if (sl0 == 2 && w->n->hw.oas < (p->granule == 14 ? 42 : 44))
		return false;
	/* One bit at least, and at most 16 tables side by side. */
	if (p->in_bits < resolved_from(p, p->level) + 1 ||
		p->in_bits > resolved_from(p, p->level) + p->granule - 3 + 4)
		return false;
	p->out_bits = address_bits(w, bits(ste[2], 50, 48));
	if (!set_base(p, bits(ste[3], 51, 4) << 4))
		return false;
	p->ha = ha;
	p->hd = ha && hd;
	p->affd = bit(ste[2], 53);
	w->two.ptw = bit(ste[2], 54);
	w->two.record = bit(ste[2], 58);
	w->two.fwb = w->n->hw.fwb && bit(ste[1], 25);
	return true;
}

static bool eats_legal(const struct walk *w, const uint64_t *ste)
{
	unsigned eats = bits(ste[1], 29, 28);
	bool s2s = bit(ste[2], 57);

	if (!w->n->hw.ats || (!w->s1 && !w->s2))
		return true;
	if (eats == 1)
		return !(w->s2 && s2s);
	return eats != 2 || (w->s1 && w->s2 && !s2s);
}

static bool stage1_legal(struct walk *w, const uint64_t *ste)
{
	unsigned cdmax = bits(ste[0], 63, 59), fmt = bits(ste[0], 5, 4);

	w->stalld = bit(ste[1], 27);
	if (!w->n->hw.s1p || (w->stalld && w->n->hw.stall_model != 0))
		return false;
	if (!w->s2 && (bits(ste[0], 51, 6) << 6) >> w->n->hw.oas)
		return false;
	if (!w->n->hw.ssid_bits)
		return true;
	return cdmax <= w->n->hw.ssid_bits && !(cdmax && !w->n->hw.cd2l && (fmt == 1 || fmt == 2));
}

/* IHI 0070 3.3.1, 5.1: where the STE is. */
static bool find_ste(struct walk *w, uint64_t *pa)
{
	unsigned size = least(bits(w->n->strtab_cfg, 5, 0), w->n->hw.sid_bits);
	unsigned split = bits(w->n->strtab_cfg, 10, 6), span, l1_lg2;
	uint64_t base = bits(w->n->strtab_base, 51, 6) << 6, l1, at;
	uint32_t sid = w->in->sid;

	if ((uint64_t)sid >> size)
		return config_fault(w, C_BAD_STREAMID, 0);
	if (!w->n->hw.st2lvl || bits(w->n->strtab_cfg, 17, 16) != 1) {
		*pa = floor_to(base, size + 6) + 64 * (uint64_t)sid;
		return true;
	}
	if (split != 8 && split != 10)
		split = 6;
	l1_lg2 = size > split ? size - split + 3 : 0;
	at = floor_to(base, l1_lg2 < 6 ? 6 : l1_lg2) + 8 * (uint64_t)(sid >> split);
	if (!load(w, at, NAIVE_ROLE_CONFIG, sid, &l1))
		return config_fault(w, F_STE_FETCH, at);
	span = bits(l1, 4, 0);
	sid &= (1u << split) - 1;
	if (!span || span > 11 || span > split + 1 || sid >> (span - 1))
		return config_fault(w, C_BAD_STREAMID, 0);
	*pa = floor_to(bits(l1, 51, 6) << 6, span - 1 + 6) + 64 * (uint64_t)sid;
	return true;
}

/* A structure that lies where stage 2 says. */
static bool load_cd_words(struct walk *w, uint64_t address, uint64_t *words, unsigned count)
{
	uint64_t pa = address;
	unsigned i;

	w->for_cd = true;
	if (w->s2 && !translate_s2(w, address, CLASS_CD, true, false, false, true, &pa, NULL))
		return false;
	w->for_cd = false;
	for (i = 0; i < count; i++)
		if (!load(w, pa + 8 * i, NAIVE_ROLE_CONFIG, w->in->ssid, &words[i]))
			return config_fault(w, F_CD_FETCH, pa);
	return true;
}

/* IHI 0070 3.3.2, 5.3: where the CD is, an IPA under stage 2. */
static bool find_cd(
	struct walk *w, const uint64_t *ste, unsigned cdmax, uint32_t ssid, uint64_t *at)
{
	unsigned fmt = bits(ste[0], 5, 4), leaf = fmt == 2 ? 10 : 6, l1_lg2;
	uint64_t base = bits(ste[0], 51, 6) << 6, l1;

	if (!cdmax || fmt == 0 || fmt == 3) {
		*at = floor_to(base, cdmax + 6) + 64 * (uint64_t)ssid;
		return true;
	}
	l1_lg2 = cdmax > leaf ? cdmax - leaf + 3 : 0;
	base = floor_to(base, l1_lg2 < 6 ? 6 : l1_lg2);
	if (!load_cd_words(w, base + 8 * (uint64_t)(ssid >> leaf), &l1, 1))
		return false;
	base = floor_to(bits(l1, 51, 12) << 12, leaf + 6);
	if (!bit(l1, 0) || (!w->s2 && base >> w->n->hw.oas))
		return config_fault(w, C_BAD_SUBSTREAMID, 0);
	*at = base + 64 * (uint64_t)(ssid & ((1u << leaf) - 1));
	return true;
}

static bool half_legal(
	struct walk *w, unsigned half, unsigned granule, unsigned txsz, uint64_t word)
{
	struct params *p = &w->one.p[half];
	unsigned most = w->n->hw.vax && granule == 16 ? 52 : 48;

	if (w->one.epd[half])
		return true;
	p->granule = granule;
	p->in_bits = 64 - txsz;
	if (!granule_of(w, granule) || p->in_bits < 25 || p->in_bits > most)
		return false;
	/* AArch64.S1StartLevel */
	p->level = 3 - (int)(p->in_bits - 1 - granule) / (int)(granule - 3);
	w->one.had[half] = bit(word, 1);
	return set_base(p, bits(word, 51, 4) << 4);
}

/* IHI 0070 5.4, 5.5 */
static bool cd_legal(struct walk *w, const uint64_t *cd)
{
	static const unsigned tg0[] = { 12, 16, 14, 0 }, tg1[] = { 0, 14, 12, 16 };
	struct stage1 *one = &w->one;
	bool ha = bit(cd[0], 43), hd = bit(cd[0], 42);
	unsigned i;

	if (!bit(cd[0], 31) || !bit(cd[0], 41))
		return false;
	one->stall = bit(cd[0], 44);
	one->record = bit(cd[0], 45);
	one->abort = bit(cd[0], 46);
	if ((!one->abort && !w->n->hw.raz_wi) || !stall_legal(w, one->stall) ||
		(one->stall && w->stalld) || !httu_legal(w, ha, hd))
		return false;
	one->epd[0] = bit(cd[0], 14);
	one->epd[1] = bit(cd[0], 30);
	if (bit(cd[0], 15) && !(one->epd[0] && one->epd[1]))
		return false;
	for (i = 0; i < 2; i++) {
		one->p[i].out_bits = address_bits(w, bits(cd[0], 34, 32));
		one->p[i].ha = ha;
		one->p[i].hd = ha && hd;
		one->p[i].affd = bit(cd[0], 35);
		one->tbi[i] = bit(cd[0], 38 + i);
	}
	one->wxn = bit(cd[0], 36);
	one->pan = bit(cd[0], 40);
	w->out->asid = bits(cd[0], 63, 48);
	return half_legal(w, 0, tg0[bits(cd[0], 7, 6)], bits(cd[0], 5, 0), cd[1]) &&
	       half_legal(w, 1, tg1[bits(cd[0], 23, 22)], bits(cd[0], 21, 16), cd[2]);
}

/* Which substream, and its CD. */
static bool configure_s1(struct walk *w, const uint64_t *ste)
{
	unsigned cdmax = w->n->hw.ssid_bits ? bits(ste[0], 63, 59) : 0, dss = bits(ste[1], 1, 0);
	uint32_t ssid = w->in->ssv ? w->in->ssid : 0;
	uint64_t cd[8], at;

	if (!w->s1 || !cdmax)
		if (w->in->ssv)
			return config_fault(w, C_BAD_SUBSTREAMID, 0);
	if (w->s1 && cdmax) {
		if (ssid >> cdmax)
			return config_fault(w, C_BAD_SUBSTREAMID, 0);
		if (w->in->ssv && dss == 2 && ssid == 0)
			return config_fault(w, F_STREAM_DISABLED, 0);
		if (!w->in->ssv && (dss == 0 || dss == 3))
			return config_fault(w, F_STREAM_DISABLED, 0);
		if (!w->in->ssv && dss == 1)
			w->s1 = false;
	}
	if (!w->s1)
		return true;
	if (!find_cd(w, ste, cdmax, ssid, &at) || !load_cd_words(w, at, cd, 8))
		return false;
	return cd_legal(w, cd) || config_fault(w, C_BAD_CD, 0);
}

static bool configure(struct walk *w)
{
	uint64_t ste[8], pa;
	unsigned i, config;

	if (!find_ste(w, &pa))
		return false;
	for (i = 0; i < 8; i++)
		if (!load(w, pa + 8 * i, NAIVE_ROLE_CONFIG, w->in->sid, &ste[i]))
			return config_fault(w, F_STE_FETCH, pa);
	config = bits(ste[0], 3, 1);
	if (!bit(ste[0], 0))
		return config_fault(w, C_BAD_STE, 0);
	if (config < 4)
		return ends(w, NAIVE_ABORT);
	w->s1 = config & 1;
	w->s2 = config & 2;
	w->out->mev = bit(ste[1], 19);
	w->out->vmid = w->n->hw.s2p ? bits(ste[2], 15, 0) : 0;
	if (bits(ste[1], 49, 48) & 2)
		w->priv = bits(ste[1], 49, 48) & 1;
	if (bits(ste[1], 51, 50) & 2)
		w->inst = bits(ste[1], 51, 50) & 1;
	w->inst &= !w->in->write;
	if (!eats_legal(w, ste) || (w->s1 && !stage1_legal(w, ste)) ||
		(w->s2 && !stage2_legal(w, ste)))
		return config_fault(w, C_BAD_STE, 0);
	return configure_s1(w, ste);
}

/* ---- All of it --------------------------------------------------------------------------------- */

static bool translate(struct walk *w)
{
	uint64_t address = w->in->iova;

	if (!w->n->smmuen) {
		w->out->pa = address;
		return (!w->n->gbpa_abort && !(address >> w->n->hw.oas)) || ends(w, NAIVE_ABORT);
	}
	if (!configure(w))
		return false;
	w->out->s1 = w->s1;
	w->out->s2 = w->s2;
	if (w->s1) {
		if (!translate_s1(w, &address))
			return false;
	} else if (address >> w->n->hw.oas) {
		return tt_fault(w, &(struct fault){ .type = F_ADDR_SIZE, .class = CLASS_IN }, true);
	}
	w->out->ipa = w->out->pa = address;
	return !w->s2 || translate_s2(w, address, CLASS_IN, w->in->read, w->in->write, w->inst,
				 w->priv, &w->out->pa, &w->out->s2_size_lg2);
}

void naive_translate(
	const struct naive *n, const struct naive_access *access, struct naive_result *result)
{
	struct walk w = { .n = n,
		.in = access,
		.out = result,
		.priv = access->priv,
		.inst = access->inst && !access->write };

	result->verdict = NAIVE_OK;
	result->pa = result->ipa = 0;
	result->recorded = result->mev = result->s1 = result->s2 = result->global = false;
	memset(result->event, 0, sizeof(result->event));
	result->n_reads = result->n_writes = 0;
	result->vmid = result->asid = 0;
	result->s1_size_lg2 = result->s2_size_lg2 = 0;
	translate(&w);
}
