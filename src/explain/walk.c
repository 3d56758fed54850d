/* SPDX-License-Identifier: MIT */
/*
 * One translation, explained: configuration and walk as translation does them, with a recorder and
 * without caches; then what the caches hold for the same address. In a port section, so that what is
 * read stays there; the only locks taken are those of a translation that misses.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "explain/fields.h"
#include "smmuv3/model.h"

struct collector {
	struct smmu_recorder rec; /* first */
	struct nb_explanation *out;
	struct dma_txn txn;
	struct smmu_access access; /* that an event tells */
	struct smmu_cfg cfg;
	struct smmu_fault fault;
	struct smmu_result result;
};

static const enum nb_explain_kind kinds[] = {
	[SMMU_STEP_L1STD] = NB_EXPLAIN_L1STD,
	[SMMU_STEP_STE] = NB_EXPLAIN_STE,
	[SMMU_STEP_L1CD] = NB_EXPLAIN_L1CD,
	[SMMU_STEP_CD] = NB_EXPLAIN_CD,
	[SMMU_STEP_S1] = NB_EXPLAIN_S1,
	[SMMU_STEP_S2] = NB_EXPLAIN_S2,
};

static void on_step(struct smmu_recorder *rec, const struct smmu_step *step)
{
	struct nb_explanation *out = ((struct collector *)rec)->out;
	struct nb_explain_step *to;

	if (out->n == NB_EXPLAIN_STEPS_MAX)
		return;
	to = &out->steps[out->n++];
	*to = (struct nb_explain_step){ .kind = kinds[step->kind],
		.level = step->level,
		.input = step->input,
		.addr = step->addr,
		.pa = step->pa,
		.n = MIN(step->n, 8u) };
	memcpy(to->words, step->words, to->n * sizeof(uint64_t));
}

/* ---- what the steps have to do with each other ---- */

/*
 * A run of stage 2 steps with one input serves the step that follows, if that read from there; at the
 * end of a walk that failed the fault tells.
 */
static void set_depths(struct collector *c)
{
	struct nb_explanation *out = c->out;
	unsigned i, next;

	for (i = 0; i < out->n; i = next) {
		bool nested;

		next = i + 1;
		if (out->steps[i].kind != NB_EXPLAIN_S2)
			continue;
		while (next < out->n && out->steps[next].kind == NB_EXPLAIN_S2 &&
			out->steps[next].input == out->steps[i].input &&
			out->steps[next].level > out->steps[next - 1].level)
			next++;
		nested = next < out->n ||
			 (out->event && c->fault.s2 && c->fault.class != EVT_CLASS_IN);
		for (; i < next; i++)
			out->steps[i].depth = nested;
	}
}

static const struct smmu_tt *table_of(
	const struct smmu_cfg *cfg, const struct nb_explain_step *step)
{
	if (step->kind == NB_EXPLAIN_S2)
		return &cfg->s2.tt;
	return &cfg->s1.tt[step->input >> 55 & 1];
}

static void restrict_note(struct nb_explain_step *step, uint64_t tables)
{
	struct text text;

	text_init(&text, step->note, sizeof(step->note));
	if (!(tables & (TTD_APTABLE_NO_UNPRIV | TTD_APTABLE_RO | TTD_UXNTABLE | TTD_PXNTABLE)))
		return;
	text_add(&text, "tables above take away:%s%s%s%s",
		tables & TTD_APTABLE_NO_UNPRIV ? " unprivileged access" : "",
		tables & TTD_APTABLE_RO ? " write" : "",
		tables & TTD_UXNTABLE ? " unprivileged execute" : "",
		tables & TTD_PXNTABLE ? " privileged execute" : "");
}

/* Which entry of its table it is. A first table may be shorter, or several in a row. */
static void set_index(struct nb_explain_step *step, const struct smmu_tt *tt)
{
	unsigned stride, shift, bits;

	if (!tt->granule_lg2)
		return;
	stride = bits = tt->granule_lg2 - 3u;
	shift = tt->granule_lg2 + stride * (3 - step->level);
	step->granule_lg2 = tt->granule_lg2;
	if (step->level == tt->level && tt->in_bits > shift)
		bits = MIN(tt->in_bits - shift, 32u);
	step->index = step->input >> shift & (BIT64(bits) - 1);
}

static void set_indexes(struct collector *c)
{
	uint64_t tables = 0;

	for (unsigned i = 0; i < c->out->n; i++) {
		struct nb_explain_step *step = &c->out->steps[i];
		const struct smmu_tt *tt = table_of(&c->cfg, step);
		struct nb_explain_descriptor desc;

		if (step->kind != NB_EXPLAIN_S1 && step->kind != NB_EXPLAIN_S2)
			continue;
		set_index(step, tt);
		if (step->kind != NB_EXPLAIN_S1)
			continue;
		nb_explain_desc(1, step->level, step->granule_lg2, step->words[0], &desc);
		if (desc.kind == NB_EXPLAIN_TABLE)
			tables |= tt->had ? 0 : step->words[0];
		else if (desc.kind != NB_EXPLAIN_INVALID)
			restrict_note(step, tables);
	}
}

/* What stage 1 yielded: the input of the last walk of stage 2 that was not for a table. */
static void set_ipa(struct collector *c)
{
	struct nb_explanation *out = c->out;

	for (unsigned i = 0; i < out->n; i++)
		if (out->steps[i].kind == NB_EXPLAIN_S2 && !out->steps[i].depth)
			out->ipa = NB_IPA(out->steps[i].input);
}

/* ---- caches ---- */

struct cached {
	const struct collector *c;
	const struct dma_txn *txn;
	struct smmu_cfg cfg;
	uint32_t tag;
};

static void find_cached(
	struct nb_smmuv3 *smmu, const struct smmu_cfg_slot *slot, uint32_t tag, const void *arg)
{
	struct cached *cached = *(struct cached *const *)arg;
	const struct dma_txn *txn = cached->txn;

	if (slot->cfg.sid != txn->sid || slot->cfg.ssv != txn->ssid_valid ||
		(txn->ssid_valid && slot->cfg.ssid != txn->ssid))
		return;
	cached->tag = tag;
	cached->cfg = slot->cfg;
}

/* What one port's IOTLB holds for the address, stale or live. */
static void look_up_port(struct nb_smmuv3_port *port, const struct cached *cached, nb_iova iova,
	struct nb_explanation *out)
{
	uint64_t sizes = __atomic_load_n(&port->iotlb.sizes, __ATOMIC_RELAXED), mask;
	struct nb_explain_entry *to;
	struct iotlb_entry entry;
	unsigned lg2;
	bool live;

	for (; sizes && out->n_entries < NB_EXPLAIN_ENTRIES_MAX; sizes &= sizes - 1) {
		lg2 = (unsigned)__builtin_ctzll(sizes);
		if (!iotlb_peek(port->tlb, &port->iotlb, cached->tag, iova, lg2, &entry, &live))
			continue;
		mask = BIT64(lg2) - 1;
		to = &out->entries[out->n_entries++];
		*to = (struct nb_explain_entry){ .size_lg2 = (uint8_t)lg2,
			.prot = entry.prot,
			.live = live,
			.iova = iova.v & ~mask,
			.pa = NB_PA(entry.pa) };
		to->differs = live && (!out->ok || out->pa.v != (entry.pa | (iova.v & mask)) ||
					      (entry.prot & ~out->prot));
	}
}

/*
 * As words, which is how they are cached: both began as zeros, and were filled in by the same. Of an
 * access by a translated address: but for stage 1, which it does not use.
 */
static bool same_cfg(struct smmu_cfg a, struct smmu_cfg b, bool translated)
{
	uint64_t x[SMMU_CFG_QWORDS], y[SMMU_CFG_QWORDS];
	bool same = true;

	if (translated) {
		memset(&a.s1, 0, sizeof(a.s1));
		memset(&b.s1, 0, sizeof(b.s1));
		a.use_s1 = b.use_s1 = false;
	}
	memcpy(x, &a, sizeof(x));
	memcpy(y, &b, sizeof(y));
	for (unsigned i = 0; i < SMMU_CFG_QWORDS; i++)
		same &= x[i] == y[i];
	return same;
}

static void look_up(struct collector *c, struct nb_smmuv3 *smmu)
{
	const struct dma_txn *txn = &c->txn;
	struct cached cached = { .c = c, .txn = txn }, *arg = &cached;
	struct nb_smmuv3_port *port;
	struct cds_list_head *at;
	nb_iova iova = txn->iova;

	c->out->caches_known = true;
	smmu_cfg_each(smmu, find_cached, &arg);
	if (!cached.tag)
		return;
	c->out->cfg_cached = true;
	c->out->cfg_differs = !c->out->configured || !same_cfg(cached.cfg, c->cfg, txn->translated);
	if (txn->translated)
		return; /* no IOTLB is asked */
	iova = smmu_canonical(&cached.cfg, iova);
	pthread_mutex_lock(&smmu->ports.lock);
	cds_list_for_each(at, &smmu->ports.ports)
	{
		port = to_smmu_port(caa_container_of(at, struct port, link));
		if (port->port.sid == txn->sid)
			look_up_port(port, &cached, iova, c->out);
	}
	pthread_mutex_unlock(&smmu->ports.lock);
}

/* ---- the walk ---- */

static void take_fault(struct collector *c)
{
	c->out->event = true;
	c->out->verdict = smmu_verdict(&c->txn, &c->cfg, &c->fault);
	c->out->silent = c->fault.silent && c->out->verdict != NB_SMMUV3_STALLED;
	smmu_event_record(&c->fault, &c->txn, &c->access, c->out->record);
	if (c->out->verdict == NB_SMMUV3_STALLED)
		c->out->record[1] |= EVT_1_STALL;
}

static void take_result(struct collector *c)
{
	c->out->ok = true;
	c->out->pa = NB_PA(c->result.addr);
	c->out->size_lg2 = c->result.size_lg2;
	c->out->prot = c->result.prot;
}

static void take_cfg(struct collector *c)
{
	struct nb_explanation *out = c->out;

	out->configured = true;
	out->abort = c->cfg.abort;
	out->stage1 = c->cfg.use_s1;
	out->stage2 = c->cfg.use_s2;
	out->asid = c->cfg.s1.asid;
	out->vmid = c->cfg.vmid;
}

static void walk(struct collector *c, struct nb_smmuv3 *smmu)
{
	struct smmu_walk w = { .smmu = smmu, .cfg = &c->cfg, .rec = &c->rec, .no_update = true };
	bool ok = smmu_cfg_fetch(smmu, &c->txn, &c->cfg, &c->fault, &c->rec);

	w.access = c->access = smmu_access_of(&c->cfg, &c->txn);
	if (!ok) {
		take_fault(c);
		return;
	}
	take_cfg(c);
	if (c->out->abort)
		return;
	if (smmu_walk(&w, &c->result, &c->fault))
		take_result(c);
	else
		take_fault(c);
}

/* An access by an address that ATS translated: what the access itself does, with the recorder. */
static void walk_translated(struct collector *c, struct nb_smmuv3 *smmu)
{
	struct smmu_translated access;
	enum smmu_outcome outcome = smmu_translated_resolve(smmu, &c->txn, &c->rec, &access);

	c->txn = access.txn;
	c->access = access.access;
	c->cfg = access.cfg;
	c->fault = access.fault;
	c->result = access.result;
	if (access.configured) {
		take_cfg(c);
		c->out->stage1 = false;
		c->out->stage2 = access.s2;
	}
	c->out->abort = outcome == SMMU_ABORTED;
	if (outcome == SMMU_TRANSLATED)
		take_result(c);
	else if (outcome == SMMU_FAULTED)
		take_fault(c);
}

/* SMMUEN is 0: GBPA decides for all streams (IHI 0070 6.3.14). */
static void without_smmu(struct collector *c, struct nb_smmuv3 *smmu)
{
	c->out->abort = (atomic_load(&smmu->gbpa) & GBPA_ABORT) || c->txn.iova.v >> smmu->oas_bits;
	if (c->out->abort)
		return;
	c->result = (struct smmu_result){
		.addr = c->txn.iova.v, .size_lg2 = (uint8_t)smmu->oas_bits, .prot = PERM_ALL
	};
	take_result(c);
}

static struct dma_txn txn_of(uint32_t sid, const struct nb_smmuv3_txn *txn)
{
	return (struct dma_txn){ .iova = txn->iova,
		.sid = sid,
		.ssid = txn->flags & NB_SSV ? txn->ssid : 0,
		.ssid_valid = txn->flags & NB_SSV,
		.priv = txn->flags & NB_PRIV,
		.inst = txn->flags & NB_INSN,
		.translated = txn->flags & NB_TRANSLATED,
		.prot = (txn->flags & NB_READ ? NB_DMA_READ : 0) |
			(txn->flags & NB_WRITE ? NB_DMA_WRITE : 0) };
}

int nb_smmuv3_explain(struct nb_smmuv3 *smmu, uint32_t sid, const struct nb_smmuv3_txn *txn,
	struct nb_explanation *out)
{
	struct nb_smmuv3_port *port = nb_smmuv3_port_create(smmu, sid);
	struct collector c = { .rec = { .step = on_step }, .out = out, .txn = txn_of(sid, txn) };

	if (!port)
		return -ENOMEM;
	memset(out, 0, sizeof(*out));
	out->sid = sid;
	out->txn = *txn;
	out->hw = smmu->hw;
	out->hw.mem = NULL;
	out->hw.ops = NULL;
	out->hw.ctx = NULL;
	port_enter(&port->port);
	out->enabled = atomic_load_explicit(&smmu->cr0, memory_order_acquire) & CR0_SMMUEN;
	if (c.txn.translated)
		walk_translated(&c, smmu);
	else if (out->enabled)
		walk(&c, smmu);
	else
		without_smmu(&c, smmu);
	port_leave(&port->port);
	nb_smmuv3_port_destroy(port);
	set_depths(&c);
	set_indexes(&c);
	if (out->stage1 && out->stage2)
		set_ipa(&c);
	if (out->enabled)
		look_up(&c, smmu);
	return 0;
}
