/* SPDX-License-Identifier: MIT */
/*
 * Configurations of streams and substreams, cached whole (STE and CD) in slots until CFGI or eviction.
 *
 * A slot's number is an IOTLB tag. What keeps a translation from being cached under a configuration
 * that is no more:
 *
 *   translation                               who drops a configuration (drop_slot)
 *   A: load cfg_gen                           1: empty the slot
 *   B: find the configuration                 2: bump cfg_gen
 *   C: load the tag's generations             3: bump the tag's generations
 *   D: load cfg_gen: as in A, or start anew
 *   E: walk; fill IOTLB and leaf-table caches with the generations of C
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
	size_t bytes = align_up(sizeof(*smmu->cache), _Alignof(struct smmu_cfg_cache));

	smmu->cache = aligned_alloc(_Alignof(struct smmu_cfg_cache), bytes);
	if (smmu->cache)
		memset(smmu->cache, 0, bytes);
	return smmu->cache;
}

void smmu_cfg_finish(struct nb_smmuv3 *smmu)
{
	free(smmu->cache);
}

#define KEY_VALID BIT64(63)
#define KEY_SSV	  BIT64(62)
#define KEY_SSID  MASK64(52, 32)
#define NO_SSID	  BIT64(20) /* beyond what any table has, hence never cached */

/* Whose configuration: a stream's without substream, or a substream's. */
static uint64_t key_of(uint32_t sid, bool ssv, uint32_t ssid)
{
	return KEY_VALID | sid | (ssv ? KEY_SSV | field_prep(KEY_SSID, MIN(ssid, NO_SSID)) : 0);
}

static uint64_t key_of_txn(const struct dma_txn *txn)
{
	return key_of(txn->sid, txn->ssid_valid, txn->ssid);
}

static unsigned set_of(uint64_t key)
{
	/* Fibonacci hashing: requester IDs differ in few bits, bus and device ones mostly. */
	return (key * UINT64_C(0x9e3779b97f4a7c15)) >> (64 - SMMU_CFG_SETS_LG2);
}

static unsigned number_of(const struct nb_smmuv3 *smmu, const struct smmu_cfg_slot *slot)
{
	return slot - smmu->cache->slots;
}

static uint32_t tag_of(const struct nb_smmuv3 *smmu, const struct smmu_cfg_slot *slot)
{
	return number_of(smmu, slot) + 1; /* 0 is no tag */
}

static void write_slot(struct smmu_cfg_slot *slot, uint64_t key, const struct smmu_cfg *cfg)
{
	uint32_t seq = atomic_load_explicit(&slot->seq, memory_order_relaxed);
	uint64_t words[SMMU_CFG_QWORDS];
	unsigned i;

	memcpy(words, cfg, sizeof(words));
	atomic_store_explicit(&slot->seq, seq + 1, memory_order_relaxed);
	/* Whoever sees one of the new words also sees the odd count. */
	atomic_thread_fence(memory_order_release);
	atomic_store_explicit(&slot->key, key, memory_order_relaxed);
	for (i = 0; i < SMMU_CFG_QWORDS; i++)
		atomic_store_explicit(&slot->words[i], words[i], memory_order_relaxed);
	atomic_store_explicit(&slot->seq, seq + 2, memory_order_release);
	slot->cfg = *cfg;
}

static bool read_slot(const struct smmu_cfg_slot *slot, uint64_t key, struct smmu_cfg *cfg)
{
	uint32_t seq = atomic_load_explicit(&slot->seq, memory_order_acquire);
	uint64_t words[SMMU_CFG_QWORDS];
	unsigned i;

	if (atomic_load_explicit(&slot->key, memory_order_relaxed) != key || (seq & 1))
		return false;
	for (i = 0; i < SMMU_CFG_QWORDS; i++)
		words[i] = atomic_load_explicit(&slot->words[i], memory_order_relaxed);
	/* The words are read before the count is read again. */
	atomic_thread_fence(memory_order_acquire);
	if (atomic_load_explicit(&slot->seq, memory_order_relaxed) != seq)
		return false;
	memcpy(cfg, words, sizeof(*cfg));
	return true;
}

/* Note that a slot is in use; and that it is no longer. cfg_lock is held. */
static void use_slot(struct smmu_cfg_cache *cache, unsigned slot, const struct smmu_cfg *cfg)
{
	cache->places[slot] = cache->n_used;
	cache->used[cache->n_used++] =
		(struct smmu_cfg_use){ .sid = cfg->sid, .vmid = cfg->vmid, .slot = slot };
}

static void unuse_slot(struct smmu_cfg_cache *cache, unsigned slot)
{
	unsigned place = cache->places[slot];

	cache->used[place] = cache->used[--cache->n_used];
	cache->places[cache->used[place].slot] = place;
}

/* cfg_lock is held, the slot is valid. The order is that of the table above. */
static void drop_slot(struct nb_smmuv3 *smmu, struct smmu_cfg_slot *slot)
{
	unuse_slot(smmu->cache, number_of(smmu, slot));
	write_slot(slot, 0, &(struct smmu_cfg){ .valid = false });
	atomic_fetch_add(&smmu->cfg_gen, 1);
	iotlb_invalidate_tag(smmu->tlb, tag_of(smmu, slot));
}

static struct smmu_cfg_slot *set_at(struct nb_smmuv3 *smmu, uint64_t key)
{
	return &smmu->cache->slots[set_of(key) * SMMU_CFG_WAYS];
}

static struct smmu_cfg_slot *find_slot(struct nb_smmuv3 *smmu, uint64_t key)
{
	struct smmu_cfg_slot *set = set_at(smmu, key);
	unsigned i;

	for (i = 0; i < SMMU_CFG_WAYS; i++)
		if (atomic_load_explicit(&set[i].key, memory_order_relaxed) == key)
			return &set[i];
	return NULL;
}

/* An empty slot for a key, evicting another's in turn. */
static struct smmu_cfg_slot *take_slot(struct nb_smmuv3 *smmu, uint64_t key)
{
	struct smmu_cfg_slot *set = set_at(smmu, key);
	unsigned i;

	for (i = 0; i < SMMU_CFG_WAYS; i++)
		if (!set[i].cfg.valid)
			return &set[i];
	i = smmu->cache->victim[set_of(key)]++ % SMMU_CFG_WAYS;
	drop_slot(smmu, &set[i]);
	return &set[i];
}

/* The tag under which cfg is cached now; 0: the configuration changed since `state` was read. */
static uint32_t fill(
	struct nb_smmuv3 *smmu, uint64_t key, const struct smmu_cfg *cfg, uint64_t state)
{
	struct smmu_cfg_slot *slot;
	uint32_t tag = 0;

	pthread_mutex_lock(&smmu->cfg_lock);
	if (atomic_load(&smmu->cfg_gen) == state) {
		slot = find_slot(smmu, key);
		if (!slot) {
			slot = take_slot(smmu, key);
			atomic_store(&slot->globals, false);
			atomic_store(&slot->split_lg2, 0);
			write_slot(slot, key, cfg);
			use_slot(smmu->cache, number_of(smmu, slot), cfg);
		}
		tag = tag_of(smmu, slot);
	}
	pthread_mutex_unlock(&smmu->cfg_lock);
	return tag;
}

bool smmu_cfg_get(struct nb_smmuv3 *smmu, const struct dma_txn *txn, uint64_t state,
	struct smmu_cfg *cfg, uint32_t *tag, struct smmu_fault *fault)
{
	uint64_t key = key_of_txn(txn);
	const struct smmu_cfg_slot *set = set_at(smmu, key);
	struct dma_txn whole;
	unsigned i;

	*tag = 0;
	for (i = 0; i < SMMU_CFG_WAYS; i++) {
		if (read_slot(&set[i], key, cfg)) {
			*tag = tag_of(smmu, &set[i]);
			return true;
		}
	}
	/* What is cached serves accesses of every kind. */
	whole = *txn;
	whole.translated = false;
	if (!smmu_cfg_fetch(smmu, &whole, cfg, fault, NULL))
		return false;
	*tag = fill(smmu, key, cfg, state);
	return true;
}

bool smmu_cfg_globals(const struct nb_smmuv3 *smmu, uint32_t tag)
{
	return tag && atomic_load(&smmu->cache->slots[tag - 1].globals);
}

void smmu_cfg_mark_globals(struct nb_smmuv3 *smmu, uint32_t tag)
{
	if (!tag)
		return;
	/* Under the lock: a TLBI that did not see the mark is over before any walk that does. */
	pthread_mutex_lock(&smmu->cfg_lock);
	atomic_store(&smmu->cache->slots[tag - 1].globals, true);
	pthread_mutex_unlock(&smmu->cfg_lock);
}

unsigned smmu_cfg_split(const struct nb_smmuv3 *smmu, uint32_t tag)
{
	return tag ? atomic_load(&smmu->cache->slots[tag - 1].split_lg2) : 0;
}

void smmu_cfg_mark_split(struct nb_smmuv3 *smmu, uint32_t tag, unsigned lg2)
{
	pthread_mutex_lock(&smmu->cfg_lock); /* as above */
	if (lg2 > smmu_cfg_split(smmu, tag))
		atomic_store(&smmu->cache->slots[tag - 1].split_lg2, (uint8_t)lg2);
	pthread_mutex_unlock(&smmu->cfg_lock);
}

#define ANY_SSID UINT32_MAX /* no configuration has it */

/* Where slots are dropped, from the end: what fills the gap had its turn. */
static void invalidate(struct nb_smmuv3 *smmu, uint32_t sid, uint32_t last, uint32_t ssid)
{
	struct smmu_cfg_cache *cache = smmu->cache;
	const struct smmu_cfg_use *use;
	struct smmu_cfg_slot *slot;
	unsigned i;

	pthread_mutex_lock(&smmu->cfg_lock);
	/* Configurations on their way into the cache are stale too. */
	atomic_fetch_add(&smmu->cfg_gen, 1);
	for (i = cache->n_used; i > 0; i--) {
		use = &cache->used[i - 1];
		slot = &cache->slots[use->slot];
		if (use->sid >= sid && use->sid <= last &&
			(ssid == ANY_SSID || slot->cfg.ssid == ssid))
			drop_slot(smmu, slot);
	}
	pthread_mutex_unlock(&smmu->cfg_lock);
}

void smmu_cfg_invalidate(struct nb_smmuv3 *smmu, uint32_t sid, uint32_t last)
{
	invalidate(smmu, sid, last, ANY_SSID);
}

/* Without substream a stream uses CD 0, if any: its ssid is 0. */
void smmu_cfg_invalidate_cd(struct nb_smmuv3 *smmu, uint32_t sid, uint32_t ssid)
{
	invalidate(smmu, sid, sid, ssid);
}

void smmu_cfg_each(struct nb_smmuv3 *smmu, smmu_cfg_fn *fn, const void *arg)
{
	struct smmu_cfg_cache *cache = smmu->cache;
	const struct smmu_cfg_use *use;

	pthread_mutex_lock(&smmu->cfg_lock);
	for (use = cache->used; use < cache->used + cache->n_used; use++)
		fn(smmu, &cache->slots[use->slot], use->slot + 1, arg);
	pthread_mutex_unlock(&smmu->cfg_lock);
}

void smmu_cfg_each_vmid(struct nb_smmuv3 *smmu, uint16_t vmid, smmu_cfg_fn *fn, const void *arg)
{
	struct smmu_cfg_cache *cache = smmu->cache;
	const struct smmu_cfg_use *use;

	pthread_mutex_lock(&smmu->cfg_lock);
	for (use = cache->used; use < cache->used + cache->n_used; use++)
		if (use->vmid == vmid)
			fn(smmu, &cache->slots[use->slot], use->slot + 1, arg);
	pthread_mutex_unlock(&smmu->cfg_lock);
}

void smmu_cfg_changed(struct nb_smmuv3 *smmu)
{
	smmu_cfg_invalidate(smmu, 0, UINT32_MAX);
	iotlb_invalidate_all(smmu->tlb);
}
