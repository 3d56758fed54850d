/* SPDX-License-Identifier: MIT */
/*
 * Configurations of streams: fetched (STE, then CD), and cached in slots until CFGI or eviction.
 *
 * A slot's number is an IOTLB tag. What keeps a translation from being cached under a configuration
 * that is no more:
 *
 *   translation                               who drops a configuration (drop_slot)
 *   A: load cfg_gen                           1: empty the slot
 *   B: find the configuration                 2: bump cfg_gen
 *   C: load the tag's generation              3: bump the tag's generation
 *   D: load cfg_gen: as in A, or start anew
 *   E: walk; fill with the generation of C
 *
 * If D sees no change, 2 comes after D, so 3 comes after C and kills what E fills. Filling a slot
 * checks cfg_gen against A's under cfg_lock, so that a stale STE is not cached after its CFGI.
 */
#include "smmuv3/model.h"

#include <stdlib.h>
#include <string.h>

_Static_assert(sizeof(struct smmu_cfg) % 8 == 0, "copied by words");

bool smmu_cfg_init(struct nb_smmuv3 *smmu)
{
	smmu->slots = calloc(SMMU_CFG_SLOTS, sizeof(*smmu->slots));
	return smmu->slots;
}

void smmu_cfg_finish(struct nb_smmuv3 *smmu)
{
	free(smmu->slots);
}

static unsigned set_of(uint32_t sid)
{
	/* Fibonacci hashing: requester IDs differ in few bits, bus and device ones mostly. */
	return (sid * 0x9e3779b1u) >> 26;
}

_Static_assert(SMMU_CFG_SETS == 1 << (32 - 26), "set_of");

static uint32_t tag_of(const struct nb_smmuv3 *smmu, const struct smmu_cfg_slot *slot)
{
	return slot - smmu->slots + 1; /* 0 is no tag */
}

static void write_slot(struct smmu_cfg_slot *slot, const struct smmu_cfg *cfg)
{
	uint32_t seq = atomic_load_explicit(&slot->seq, memory_order_relaxed);
	uint64_t words[SMMU_CFG_QWORDS];
	unsigned i;

	memcpy(words, cfg, sizeof(words));
	atomic_store_explicit(&slot->seq, seq + 1, memory_order_relaxed);
	/* Whoever sees one of the new words also sees the odd count. */
	atomic_thread_fence(memory_order_release);
	atomic_store_explicit(&slot->sid, cfg->sid, memory_order_relaxed);
	for (i = 0; i < SMMU_CFG_QWORDS; i++)
		atomic_store_explicit(&slot->words[i], words[i], memory_order_relaxed);
	atomic_store_explicit(&slot->seq, seq + 2, memory_order_release);
	slot->cfg = *cfg;
}

static bool read_slot(const struct smmu_cfg_slot *slot, uint32_t sid, struct smmu_cfg *cfg)
{
	uint32_t seq = atomic_load_explicit(&slot->seq, memory_order_acquire);
	uint64_t words[SMMU_CFG_QWORDS];
	unsigned i;

	if (atomic_load_explicit(&slot->sid, memory_order_relaxed) != sid || (seq & 1))
		return false;
	for (i = 0; i < SMMU_CFG_QWORDS; i++)
		words[i] = atomic_load_explicit(&slot->words[i], memory_order_relaxed);
	/* The words are read before the count is read again. */
	atomic_thread_fence(memory_order_acquire);
	if (atomic_load_explicit(&slot->seq, memory_order_relaxed) != seq)
		return false;
	memcpy(cfg, words, sizeof(*cfg));
	return cfg->valid;
}

/* cfg_lock is held. The order is that of the table above. */
static void drop_slot(struct nb_smmuv3 *smmu, struct smmu_cfg_slot *slot)
{
	if (!slot->cfg.valid)
		return;
	write_slot(slot, &(struct smmu_cfg){ .valid = false });
	atomic_fetch_add(&smmu->cfg_gen, 1);
	iotlb_invalidate_tag(smmu->tlb, tag_of(smmu, slot));
}

static struct smmu_cfg_slot *find_slot(struct nb_smmuv3 *smmu, uint32_t sid)
{
	struct smmu_cfg_slot *set = &smmu->slots[set_of(sid) * SMMU_CFG_WAYS];
	unsigned i;

	for (i = 0; i < SMMU_CFG_WAYS; i++)
		if (set[i].cfg.valid && set[i].cfg.sid == sid)
			return &set[i];
	return NULL;
}

/* An empty slot for sid, evicting another stream's in turn. */
static struct smmu_cfg_slot *take_slot(struct nb_smmuv3 *smmu, uint32_t sid)
{
	unsigned set = set_of(sid), i;
	struct smmu_cfg_slot *ways = &smmu->slots[set * SMMU_CFG_WAYS];

	for (i = 0; i < SMMU_CFG_WAYS; i++)
		if (!ways[i].cfg.valid)
			return &ways[i];
	i = smmu->victim[set]++ % SMMU_CFG_WAYS;
	drop_slot(smmu, &ways[i]);
	return &ways[i];
}

/* The tag under which cfg is cached now; 0: the configuration changed since `state` was read. */
static uint32_t fill(struct nb_smmuv3 *smmu, const struct smmu_cfg *cfg, uint64_t state)
{
	struct smmu_cfg_slot *slot;
	uint32_t tag = 0;

	pthread_mutex_lock(&smmu->cfg_lock);
	if (atomic_load(&smmu->cfg_gen) == state) {
		slot = find_slot(smmu, cfg->sid);
		if (!slot) {
			slot = take_slot(smmu, cfg->sid);
			atomic_store(&slot->globals, false);
			write_slot(slot, cfg);
		}
		tag = tag_of(smmu, slot);
	}
	pthread_mutex_unlock(&smmu->cfg_lock);
	return tag;
}

static bool illegal(enum evt_type type, struct smmu_fault *fault)
{
	*fault = (struct smmu_fault){ .type = type };
	return false;
}

static bool fetch_cd(struct smmu_walk *w, const uint64_t ste[STE_WORDS], struct smmu_cfg *cfg,
	struct smmu_fault *fault)
{
	uint64_t cd[CD_WORDS];

	if (!smmu_cd_fetch(w, ste[0] & STE_0_S1CTXPTR, cd, fault))
		return false;
	return smmu_cd_decode(w->smmu, cd, &cfg->s1) || illegal(EVT_C_BAD_CD, fault);
}

bool smmu_cfg_fetch(struct nb_smmuv3 *smmu, const struct dma_txn *txn, struct smmu_cfg *cfg,
	struct smmu_fault *fault, struct smmu_recorder *rec)
{
	struct smmu_walk w = { .smmu = smmu, .cfg = cfg, .rec = rec };
	uint64_t ste[STE_WORDS], base, table_cfg;

	pthread_mutex_lock(&smmu->cfg_lock);
	base = smmu->regs.strtab_base;
	table_cfg = smmu->regs.strtab_cfg;
	pthread_mutex_unlock(&smmu->cfg_lock);

	memset(cfg, 0, sizeof(*cfg));
	cfg->sid = txn->sid;
	cfg->valid = true;
	if (!smmu_ste_fetch(&w, base, table_cfg, txn->sid, ste, fault))
		return false;
	if (!smmu_ste_decode(smmu, ste, cfg))
		return illegal(EVT_C_BAD_STE, fault);
	if (cfg->abort)
		return true;
	/* IHI 0070 7.3.9: no substreams are supported (IDR1.SSIDSIZE is 0). */
	if (txn->ssid_valid)
		return illegal(EVT_C_BAD_SUBSTREAMID, fault);
	w.access = smmu_access_of(cfg, txn);
	return !cfg->use_s1 || fetch_cd(&w, ste, cfg, fault);
}

bool smmu_cfg_get(struct nb_smmuv3 *smmu, const struct dma_txn *txn, uint64_t state,
	struct smmu_cfg *cfg, uint32_t *tag, struct smmu_fault *fault)
{
	const struct smmu_cfg_slot *set = &smmu->slots[set_of(txn->sid) * SMMU_CFG_WAYS];
	unsigned i;

	*tag = 0;
	for (i = 0; i < SMMU_CFG_WAYS && !txn->ssid_valid; i++) {
		if (read_slot(&set[i], txn->sid, cfg)) {
			*tag = tag_of(smmu, &set[i]);
			return true;
		}
	}
	if (!smmu_cfg_fetch(smmu, txn, cfg, fault, NULL))
		return false;
	if (!txn->ssid_valid)
		*tag = fill(smmu, cfg, state);
	return true;
}

bool smmu_cfg_globals(const struct nb_smmuv3 *smmu, uint32_t tag)
{
	return tag && atomic_load(&smmu->slots[tag - 1].globals);
}

void smmu_cfg_mark_globals(struct nb_smmuv3 *smmu, uint32_t tag)
{
	if (!tag)
		return;
	/* Under the lock: a TLBI that did not see the mark is over before any walk that does. */
	pthread_mutex_lock(&smmu->cfg_lock);
	atomic_store(&smmu->slots[tag - 1].globals, true);
	pthread_mutex_unlock(&smmu->cfg_lock);
}

void smmu_cfg_invalidate(struct nb_smmuv3 *smmu, uint32_t sid, uint32_t last)
{
	unsigned i;

	pthread_mutex_lock(&smmu->cfg_lock);
	/* Configurations on their way into the cache are stale too. */
	atomic_fetch_add(&smmu->cfg_gen, 1);
	for (i = 0; i < SMMU_CFG_SLOTS; i++)
		if (smmu->slots[i].cfg.sid >= sid && smmu->slots[i].cfg.sid <= last)
			drop_slot(smmu, &smmu->slots[i]);
	pthread_mutex_unlock(&smmu->cfg_lock);
}

void smmu_cfg_each(struct nb_smmuv3 *smmu, smmu_cfg_fn *fn, const void *arg)
{
	unsigned i;

	pthread_mutex_lock(&smmu->cfg_lock);
	for (i = 0; i < SMMU_CFG_SLOTS; i++)
		if (smmu->slots[i].cfg.valid)
			fn(smmu, &smmu->slots[i], i + 1, arg);
	pthread_mutex_unlock(&smmu->cfg_lock);
}

void smmu_cfg_changed(struct nb_smmuv3 *smmu)
{
	smmu_cfg_invalidate(smmu, 0, UINT32_MAX);
	iotlb_invalidate_all(smmu->tlb);
}
