/* SPDX-License-Identifier: MIT */
/*
 * Inside the SMMUv3 model.
 *
 * A *configuration* (struct smmu_cfg) is what STE and CD say about one stream, decoded. The
 * configuration cache holds them in numbered slots; a slot's number is the IOTLB tag of what is
 * translated under it, so a live IOTLB entry exists only where its configuration is cached and
 * unchanged. Whoever takes a configuration out of the cache bumps its tag.
 *
 * Locks, in this order: reg_lock (registers, command queue), cfg_lock (configuration cache,
 * stream table registers), out_lock (event queue, GERROR). Translation takes none on a hit,
 * cfg_lock where a configuration is filled in, out_lock for an event. Interrupts are raised with
 * none held.
 */
#ifndef SMMUV3_MODEL_H
#define SMMUV3_MODEL_H

#include <pthread.h>
#include <stdatomic.h>

#include "smmuv3/regs.h"
#include "smmuv3/smmuv3.h"
#include "tlb/iotlb.h"

/* One translation table base (TTB0, TTB1 or S2TTB) and how its walk starts. */
struct smmu_tt {
	uint64_t base;
	uint8_t in_bits;     /* input size; 0: walks are disabled (CD.EPDx) */
	uint8_t level;	     /* of the first table; 255 for -1 (there is none here: no LPA2) */
	uint8_t granule_lg2; /* 12, 14, 16 */
	bool tbi, had;
};

struct smmu_s1 {
	uint16_t asid; /* first: TLBIs look at it beside the VMID */
	uint8_t out_bits;
	struct smmu_tt tt[2]; /* by bit 55 of the address */
	bool affd, wxn, uwxn, pan, record;
	bool ha, hd; /* hardware updates access flag, dirty state */
	bool stall;  /* CD.S */
	bool raz_wi; /* CD.A = 0 */
};

struct smmu_s2 {
	struct smmu_tt tt;
	uint8_t out_bits;
	bool affd, ptw, record;
	bool ha, hd, stall, fwb;
};

/* A stream's configuration. Only 64-bit words are copied, so its size is a multiple of 8. */
struct smmu_cfg {
	uint32_t sid, ssid;
	bool ssv; /* of a substream; else ssid is 0 */
	uint16_t vmid;
	bool valid;
	bool abort;	     /* STE.Config 0xx */
	bool use_s1, use_s2; /* neither: bypass */
	uint8_t privcfg, instcfg;
	uint8_t eats, strw;
	bool stalld; /* STE.S1STALLD: stage 1 faults never stall */
	bool mev;    /* equal events may be merged */
	struct smmu_s1 s1;
	struct smmu_s2 s2;
} __attribute__((aligned(8)));

/* Why a transaction failed: becomes an event record, unless silent. */
struct smmu_fault {
	enum evt_type type;
	enum evt_class class;
	bool s2;
	bool merge;	/* STE.MEV: a record equal to the last one need not be written */
	bool silent;	/* CD.R or STE.S2R is 0, or the architecture records nothing */
	bool ttd_write; /* of class TT: what failed is an update of a descriptor, not its read */
	uint64_t ipa;	/* where s2 */
	uint64_t fetch; /* F_STE_FETCH, F_CD_FETCH, F_WALK_EABT */
	/* What no record has: the last descriptor that was read of the stage that failed. */
	bool has_desc;
	uint8_t level;
	uint64_t desc;
};

/* An access with the attributes it has after the STE's overrides. */
struct smmu_access {
	nb_iova iova;
	uint8_t prot; /* NB_DMA_READ and/or NB_DMA_WRITE */
	bool priv, inst;
};

/*
 * What a translation allows: read, write and execute, unprivileged and privileged. Cached whole, so
 * that one entry serves every kind of access.
 */
#define PERM_UR	 1u
#define PERM_UW	 2u
#define PERM_UX	 4u
#define PERM_PR	 8u
#define PERM_PW	 16u
#define PERM_PX	 32u
#define PERM_ALL 63u

/* What an access needs of it. */
static inline uint8_t smmu_need(const struct smmu_access *access)
{
	uint8_t need = (access->prot & NB_DMA_WRITE ? PERM_UW : 0) |
		       (access->prot & NB_DMA_READ ? (access->inst ? PERM_UX : PERM_UR) : 0);

	return access->priv ? need << 3 : need;
}

/* The optional recorder of a walk: `explain` sees what translation saw. */
enum smmu_step_kind {
	SMMU_STEP_L1STD,
	SMMU_STEP_STE,
	SMMU_STEP_L1CD,
	SMMU_STEP_CD,
	SMMU_STEP_S1,
	SMMU_STEP_S2,
};

struct smmu_step {
	enum smmu_step_kind kind;
	uint8_t level;	/* S1, S2 */
	uint64_t input; /* StreamID, SubstreamID (L1CD, CD), IOVA or IPA being translated */
	uint64_t addr;	/* of the words, as their stage addresses them */
	nb_pa pa;	/* likewise, after all translation */
	const uint64_t *words;
	unsigned n;
};

struct smmu_recorder {
	void (*step)(struct smmu_recorder *rec, const struct smmu_step *step);
};

/* One walk: everything it reads. */
struct smmu_walk {
	const struct nb_smmuv3 *smmu;
	const struct smmu_cfg *cfg;
	struct smmu_access access;
	struct smmu_recorder *rec; /* or NULL */
	bool no_update;		   /* access flag and dirty state: tell, but write nothing */
	/* Where leaf tables are cached, and under what (tag is not 0). NULL: not, as with rec. */
	struct nb_smmuv3_port *port;
	uint32_t tag;
	uint64_t tables; /* smmu_gens.tables */
};

/* What a walk yields: the output of the very address, the block around it, what may be done. */
struct smmu_result {
	uint64_t addr;
	uint64_t ipa; /* what stage 1 made of it (smmu_walk) */
	uint8_t size_lg2;
	uint8_t prot;	   /* PERM_* */
	bool global;	   /* stage 1 leaf with nG = 0: TLBI by VA reaches it under every ASID */
	uint8_t split_lg2; /* of a stage 1 block that stage 2 maps in pieces; else 0 */
};

/* Register values, 64 bits each whatever their width; reg_lock, those below the line out_lock. */
struct smmu_regs {
	uint64_t idr[6], iidr, aidr;
	uint64_t cr0, cr0ack, cr1, cr2, gbpa, irq_ctrl, irq_ctrlack, statusr;
	uint64_t strtab_base, strtab_cfg; /* written under cfg_lock too */
	uint64_t cmdq_base, cmdq_prod, cmdq_cons;
	/* out_lock */
	uint64_t gerror, gerrorn, eventq_base, eventq_prod, eventq_cons;
	uint64_t priq_base, priq_prod, priq_cons;
	uint64_t gerror_irq_cfg0, gerror_irq_cfg1, gerror_irq_cfg2;
	uint64_t eventq_irq_cfg0, eventq_irq_cfg1, eventq_irq_cfg2;
	uint64_t priq_irq_cfg0, priq_irq_cfg1, priq_irq_cfg2;
};

/* What commands send to functions (atc_inv.c); all under reg_lock. */
struct smmu_message {
	bool is_resp;
	union {
		struct nb_smmuv3_atc_inv inv;
		struct nb_smmuv3_pri_resp resp;
	};
};

#define SMMU_OUTBOX   128
#define SMMU_ATC_INVS 64

struct smmu_outbox {
	struct smmu_message ring[SMMU_OUTBOX];
	unsigned head, n;
	bool delivering;
	_Atomic bool due;		/* there is something, perhaps */
	uint64_t busy;			/* itags in use */
	uint32_t serial[SMMU_ATC_INVS]; /* how often each was */
};

/* What waits for the DMA in flight: bits of nb_smmuv3.waiting. */
#define SMMU_WAIT_SYNC BIT64(0)
#define SMMU_WAIT_CR0  BIT64(1)
#define SMMU_WAIT_GBPA BIT64(2)

#define SMMU_CFG_WAYS	  4
#define SMMU_CFG_SETS_LG2 8
#define SMMU_CFG_SETS	  (1 << SMMU_CFG_SETS_LG2)
#define SMMU_CFG_SLOTS	  (SMMU_CFG_WAYS * SMMU_CFG_SETS)
#define SMMU_CFG_QWORDS	  (sizeof(struct smmu_cfg) / 8)

/*
 * A cached configuration: written under cfg_lock, copied by readers under a sequence count. What
 * TLBIs look at is in the first cache line.
 */
struct smmu_cfg_slot {
	_Atomic uint32_t seq;	   /* odd while it is written */
	_Atomic bool globals;	   /* a global page was seen under this tag */
	_Atomic uint8_t split_lg2; /* the largest smmu_result.split_lg2 that was */
	_Atomic uint64_t key;	   /* whose it is: see key_of; 0: empty */
	struct smmu_cfg cfg;	   /* what words hold, for who holds cfg_lock */
	_Atomic uint64_t words[SMMU_CFG_QWORDS];
} __attribute__((aligned(64)));

/* One of the slots in use: what most of those who look for slots ask for. */
struct smmu_cfg_use {
	uint32_t sid;
	uint16_t vmid, slot;
};

/* The configuration cache. All but the slots: under cfg_lock. */
struct smmu_cfg_cache {
	struct smmu_cfg_slot slots[SMMU_CFG_SLOTS];
	struct smmu_cfg_use used[SMMU_CFG_SLOTS]; /* the first n_used, in no order */
	uint16_t places[SMMU_CFG_SLOTS];	  /* of a slot that is in use: where in used */
	unsigned n_used;
	uint8_t victim[SMMU_CFG_SETS];
};

/*
 * Generations of a tag's class (iotlb_class_gen, _tables). tables is loaded after gen: what was made of
 * old leaf tables must not pass for an entry of a new generation. Both before the configuration is looked
 * at for the last time (D of the table in config.c).
 */
struct smmu_gens {
	uint64_t gen, tables;
};

/*
 * A configuration that somebody holds a copy of. It is current, and the tag still its own, while the
 * tag's generation has the value of gens.gen from IOTLB_GEN_ALL_LG2 up; what is filled under it needs the
 * check of held_current (translate.c) too.
 */
struct smmu_held {
	const struct iotlb_class *class; /* of tag; never NULL */
	uint32_t tag; /* 0: nothing is cached under it, and it is not used again */
	uint32_t ssid;
	bool ssv, globals; /* globals: smmu_cfg_globals of the tag */
	uint8_t split_lg2; /* likewise: smmu_cfg_split */
	bool tbi;	   /* some addresses are not their own canonical form */
	uint8_t need[16];  /* PERM_* that an access needs, by its NB_READ to NB_PRIV */
	struct smmu_gens gens;
	uint64_t state; /* cfg_gen */
	struct smmu_cfg cfg;
};

/* An entry of a leaf-table cache, a cache line: see leaf.h. */
struct smmu_leaf_slot {
	uint64_t
		key; /* leaf_key: tag, and input address >> what a slice's pages resolve; 0: empty */
	uint64_t table; /* host pointer to the first descriptor, or (by_pa) where it is */
	uint64_t gen;	/* leaf_gen */
	uint64_t must, offset_mask;
	uint8_t perms[16];   /* by the descriptor's attributes (perms.h) */
	uint16_t want;	     /* what a leaf to be used has in the bits of must */
	uint16_t index_mask; /* of a slice's pages; 0: a block, which has one descriptor */
	uint8_t size_lg2;
	uint8_t odd; /* LEAF_ODD_* */
} __attribute__((aligned(64)));

#define SMMU_LEAF_SLOTS 1024

_Static_assert(SMMU_CFG_SLOTS <= IOTLB_TAG_MAX, "tags are numbers of slots");

/* A port of this SMMU. What is below `port` is the owner's alone, but for peeks into the IOTLB. */
struct nb_smmuv3_port {
	struct port port;
	struct nb_smmuv3 *smmu;
	const struct iotlb *tlb;	  /* of smmu */
	const _Atomic uint64_t *removals; /* of smmu->mem */
	_Atomic uint32_t stalls;	  /* transactions of this port that are stalled (stall.c) */
	struct iotlb_cache iotlb;
	struct smmu_held held; /* for the substream that was last asked for */
	struct smmu_leaf_slot leaves[2][SMMU_LEAF_SLOTS]; /* of stage 1, of stage 2 */
};

static inline struct nb_smmuv3_port *to_smmu_port(struct port *port)
{
	return (struct nb_smmuv3_port *)port;
}

#define SMMU_STALLS 255 /* IDR5.STALL_MAX */

enum smmu_stall_state {
	SMMU_STALL_FREE,
	SMMU_STALL_WAITS, /* for CMD_RESUME */
	SMMU_STALL_ENDED, /* terminated; its port was not told yet */
};

/* A stalled transaction (stall.c); under out_lock. */
struct smmu_stall {
	struct nb_smmuv3_port *port; /* NULL: it will not be asked for again */
	struct dma_txn txn;
	uint64_t order; /* of the records that are due */
	uint64_t record[EVT_WORDS];
	uint16_t stag;
	enum smmu_stall_state state;
	enum nb_smmuv3_verdict verdict; /* where it has ended */
	bool record_due;		/* not written yet, for want of room */
	bool notify;			/* ops.resumed is to be called */
};

/** Commands on their way to ops.commands (forward.c). Guarded by reg_lock. */
#define SMMU_FORWARDS 32
struct smmu_forward {
	uint64_t cmds[SMMU_FORWARDS][2];
	unsigned n;
	bool busy; /* some thread is passing on what it took */
};

/* The completion of a CMD_SYNC with CS = SIG_IRQ. */
struct smmu_sync_irq {
	nb_pa addr; /* 0: a wire */
	uint32_t data;
};

#define SMMU_SYNC_IRQS 32

struct nb_smmuv3 {
	/* Constant after creation. */
	struct nb_mem *mem;
	struct iotlb *tlb;
	struct nb_smmuv3_config hw; /* what was asked for, without zeros that mean a default */
	bool has_s1, has_s2;
	unsigned oas_bits, sid_bits;
	struct nb_smmuv3_ops ops;
	void *ctx;	       /* of ops */
	dma_detail_fn *detail; /* or NULL */
	void *detail_ctx;

	/* Read by every translation that misses. */
	_Atomic uint32_t cr0, gbpa, cr2, irq_ctrl; /* copies of the registers */
	_Atomic uint32_t msis;			   /* being written */
	_Atomic bool awaited;			   /* see smmu_leave */
	_Atomic uint64_t
		cfg_gen; /* bumped by whatever changes any configuration, before its tag is */

	pthread_mutex_t cfg_lock;
	struct smmu_cfg_cache *cache;

	pthread_mutex_t reg_lock;
	struct smmu_regs regs;
	bool cmdq_halted; /* CMDQ_ERR is active */
	bool sync_begun;  /* the CMD_SYNC at CONS has begun to wait */
	bool sync_due;	  /* something was invalidated since the last CMD_SYNC */
	bool cmdq_paused; /* until sync_irqs has room */
	uint32_t budget;  /* commands that the doorbell may still execute: see cmdq.c */
	struct smmu_sync_irq sync_irqs[SMMU_SYNC_IRQS];
	_Atomic unsigned n_sync_irqs;
	struct smmu_forward forward;
	uint64_t waiting;	  /* SMMU_WAIT_* */
	uint64_t commands, syncs; /* done so far */
	unsigned atc_pending;	  /* ATC invalidations that were not answered */
	bool atc_failed;	  /* one timed out since the last CMD_SYNC */
	struct smmu_outbox outbox;

	pthread_mutex_t out_lock;
	bool gerror_due; /* the GERROR interrupt is to be raised */
	bool eventq_due; /* the event queue's */
	bool last_valid; /* last is what the event queue's last record says */
	uint64_t last[EVT_WORDS];
	unsigned records_due; /* of stalled transactions */
	uint64_t stall_order;
	_Atomic unsigned notices; /* stalls whose end is to be told */
	struct smmu_stall stalls[SMMU_STALLS];
	uint64_t events, events_lost;

	struct port_set ports;
};

/* ste.c, ste_decode.c, cd.c, cd_decode.c: fetch and decode. False: fault says why, or ILLEGAL. */
bool smmu_ste_fetch(const struct smmu_walk *w, uint64_t strtab_base, uint64_t strtab_cfg,
	uint32_t sid, uint64_t ste[STE_WORDS], struct smmu_fault *fault);
bool smmu_ste_decode(
	const struct nb_smmuv3 *smmu, const uint64_t ste[STE_WORDS], struct smmu_cfg *cfg);
/* The CD that an STE has for a substream. Nested: through stage 2, so w->cfg is decoded. */
bool smmu_cd_fetch(const struct smmu_walk *w, const uint64_t ste[STE_WORDS], uint32_t ssid,
	uint64_t cd[CD_WORDS], struct smmu_fault *fault);
/* Into cfg->s1, under what the STE (in cfg) permits. */
bool smmu_cd_decode(
	const struct nb_smmuv3 *smmu, const uint64_t cd[CD_WORDS], struct smmu_cfg *cfg);
/* log2 of a granule, by a TG0 or S2TG field; 0: reserved, or not supported. */
unsigned smmu_granule_lg2(const struct nb_smmuv3 *smmu, unsigned tg0);
/*
 * Where the first table is, of tt's size, level and granule. False: the base is beyond out_bits, or
 * beyond what a granule's tables can address.
 */
bool smmu_tt_set_base(struct smmu_tt *tt, uint64_t base, unsigned out_bits);
/* Bits of an address size field (IPS, S2PS, IDR5.OAS), at most the SMMU's own. */
unsigned smmu_addr_bits(const struct nb_smmuv3 *smmu, unsigned field);

/*
 * config.c: the whole configuration of a transaction, and its cache. Of an access by a translated
 * address fetch leaves out the CD, which it does not use.
 */
bool smmu_cfg_fetch(struct nb_smmuv3 *smmu, const struct dma_txn *txn, struct smmu_cfg *cfg,
	struct smmu_fault *fault, struct smmu_recorder *rec);
/* From the cache, or fetched and put there while cfg_gen is state. *tag 0: could not be cached. */
bool smmu_cfg_get(struct nb_smmuv3 *smmu, const struct dma_txn *txn, uint64_t state,
	struct smmu_cfg *cfg, uint32_t *tag, struct smmu_fault *fault);
bool smmu_cfg_init(struct nb_smmuv3 *smmu);
void smmu_cfg_finish(struct nb_smmuv3 *smmu);
/* Whether globals were seen under the tag, and: record that they were. */
bool smmu_cfg_globals(const struct nb_smmuv3 *smmu, uint32_t tag);
void smmu_cfg_mark_globals(struct nb_smmuv3 *smmu, uint32_t tag);
/* Likewise: the largest stage 1 block that is cached in pieces under the tag. */
unsigned smmu_cfg_split(const struct nb_smmuv3 *smmu, uint32_t tag);
void smmu_cfg_mark_split(struct nb_smmuv3 *smmu, uint32_t tag, unsigned lg2);
/* CFGI: drop the configurations of the streams [sid, last]. */
void smmu_cfg_invalidate(struct nb_smmuv3 *smmu, uint32_t sid, uint32_t last);
/* CFGI_CD: drop those that used one CD. */
void smmu_cfg_invalidate_cd(struct nb_smmuv3 *smmu, uint32_t sid, uint32_t ssid);
/* For each cached configuration, with its tag, under cfg_lock; and: for each of one VMID. */
typedef void smmu_cfg_fn(
	struct nb_smmuv3 *smmu, const struct smmu_cfg_slot *slot, uint32_t tag, const void *arg);
void smmu_cfg_each(struct nb_smmuv3 *smmu, smmu_cfg_fn *fn, const void *arg);
void smmu_cfg_each_vmid(struct nb_smmuv3 *smmu, uint16_t vmid, smmu_cfg_fn *fn, const void *arg);
/* Everything of this SMMU changed (SMMUEN): nothing cached is used again. */
void smmu_cfg_changed(struct nb_smmuv3 *smmu);

/* walk.c */
bool smmu_walk(const struct smmu_walk *w, struct smmu_result *out, struct smmu_fault *fault);
/* Stage 2 alone, as a read of class CD or TT on behalf of something else. */
bool smmu_walk_s2(const struct smmu_walk *w, uint64_t ipa, enum evt_class class,
	struct smmu_result *out, struct smmu_fault *fault);
void smmu_record(const struct smmu_walk *w, const struct smmu_step *step);
/* The address as stage 1 compares it: a top byte that TBI ignores is replaced by its sign. */
static inline nb_iova smmu_canonical(const struct smmu_cfg *cfg, nb_iova iova)
{
	bool high = iova.v >> 55 & 1;

	if (!cfg->use_s1 || !cfg->s1.tt[high].tbi)
		return iova;
	return NB_IOVA(high ? iova.v | MASK64(63, 56) : iova.v & MASK64(55, 0));
}

/*
 * fault.c: what becomes of a transaction that failed: it is recorded (unless silent), and aborts, is
 * RAZ/WI, or stalls (*stag).
 */
enum nb_smmuv3_verdict smmu_fail(struct nb_smmuv3 *smmu, struct nb_smmuv3_port *port,
	const struct dma_txn *txn, const struct smmu_cfg *cfg, const struct smmu_fault *fault,
	uint16_t *stag);

/* What that would be, with room for a stall. */
enum nb_smmuv3_verdict smmu_verdict(
	const struct dma_txn *txn, const struct smmu_cfg *cfg, const struct smmu_fault *fault);

/* translate.c: attributes of a transaction under a configuration. */
struct smmu_access smmu_access_of(const struct smmu_cfg *cfg, const struct dma_txn *txn);

/* What becomes of a transaction, before anybody is told. */
enum smmu_outcome {
	SMMU_TRANSLATED,
	SMMU_ABORTED, /* by GBPA or STE.Config: nothing is recorded */
	SMMU_FAULTED,
};

struct smmu_lookup {
	const struct smmu_cfg *cfg; /* the port's, until it translates again; NULL: SMMUEN is 0 */
	struct smmu_fault fault;    /* SMMU_FAULTED */
	struct nb_smmuv3_span span; /* SMMU_TRANSLATED, and the rest */
	nb_iova iova;		    /* of the block: its first byte */
	uint8_t size_lg2, prot;	    /* 0: no block, SMMUEN is 0 */
	bool global;
};

/* In a section of the port. Fills the caches, records nothing. */
enum smmu_outcome smmu_resolve(
	struct nb_smmuv3_port *port, const struct dma_txn *txn, struct smmu_lookup *out);

/* translate.c: nb_smmuv3_translate, for what is in no cache; tells whom it concerns. */
enum nb_smmuv3_verdict smmu_translate_slow(struct nb_smmuv3_port *port, nb_iova iova,
	uint32_t flags, uint32_t ssid, struct nb_smmuv3_span *span);

/* cmdq.c. Run, under reg_lock: a bounded number of commands. */
void smmu_cmdq_run(struct nb_smmuv3 *smmu);
/* No lock held: raise the interrupts of the CMD_SYNCs that completed, and go on if they had no room. */
void smmu_cmdq_signal(struct nb_smmuv3 *smmu);
/** What consumption waited for is there: go on, as far as the doorbell's budget goes. reg_lock held. */
void smmu_cmdq_resume(struct nb_smmuv3 *smmu);

/* forward.c. The first two with reg_lock held, the last without locks. */
bool smmu_forward_room(const struct nb_smmuv3 *smmu);
bool smmu_forward_pending(const struct nb_smmuv3 *smmu);
void smmu_forward(struct nb_smmuv3 *smmu);
/* mmio.c: whatever is due after reg_lock was held: interrupts, ops.resumed. No lock held. */
void smmu_signal(struct nb_smmuv3 *smmu);

/*
 * stall.c. Begin: false, it cannot stall now. Check: whether the transaction is one that has stalled,
 * and then what becomes of it. A port that goes takes its stalls along.
 */
bool smmu_stall_begin(struct nb_smmuv3 *smmu, struct nb_smmuv3_port *port,
	const struct dma_txn *txn, const struct smmu_access *access, const struct smmu_fault *fault,
	uint16_t *stag);
bool smmu_stall_check(struct nb_smmuv3_port *port, const struct dma_txn *txn,
	enum nb_smmuv3_verdict *verdict, uint16_t *stag);
void smmu_stall_port_gone(struct nb_smmuv3_port *port);
/* Its port will not ask for it again. */
void smmu_stall_forget(struct nb_smmuv3_port *port, const struct dma_txn *txn);
/* Commands; sid and stag need not exist. verdict OK: translate anew. */
void smmu_stall_resume(
	struct nb_smmuv3 *smmu, uint32_t sid, uint16_t stag, enum nb_smmuv3_verdict verdict);
void smmu_stall_term(struct nb_smmuv3 *smmu, uint32_t sid);
void smmu_stall_term_all(struct nb_smmuv3 *smmu);
/* Write the records that are due, while there is room; the caller holds out_lock. */
void smmu_stall_records(struct nb_smmuv3 *smmu);
/* Call ops.resumed for those that ended; no lock held. */
void smmu_stall_notify(struct nb_smmuv3 *smmu);

/* atc_inv.c. The commands, under reg_lock. False: no room, try again later. */
bool smmu_atc_inv(struct nb_smmuv3 *smmu, const uint64_t w[2]);
bool smmu_outbox_put(struct nb_smmuv3 *smmu, const struct smmu_message *msg);
bool smmu_cmd_ssv(const struct nb_smmuv3 *smmu, const uint64_t w[2]);
/* Deliver what they put into the outbox; no lock held. */
void smmu_outbox_deliver(struct nb_smmuv3 *smmu);

/* pri.c: likewise. *ill: the command is ILLEGAL. */
bool smmu_pri_resp(struct nb_smmuv3 *smmu, const uint64_t w[2], bool *ill);

/* ats.c: an access marked as translated, and what becomes of it before anybody is told. */
struct smmu_translated {
	struct dma_txn txn;	   /* without its PASID */
	struct smmu_access access; /* that an event tells */
	struct smmu_cfg cfg;	   /* the stream's, as far as its STE says; else zero */
	bool configured;	   /* the STE was asked, and is legal */
	bool s2;		   /* split-stage: the address is stage 2's input */
	struct smmu_fault fault;   /* SMMU_FAULTED */
	struct smmu_result result; /* SMMU_TRANSLATED */
};

/* With rec no cache is asked, and nothing is changed. */
enum smmu_outcome smmu_translated_resolve(struct nb_smmuv3 *smmu, const struct dma_txn *txn,
	struct smmu_recorder *rec, struct smmu_translated *out);
enum nb_smmuv3_verdict smmu_translated(
	struct nb_smmuv3_port *port, const struct dma_txn *txn, struct nb_smmuv3_span *span);
/* Record a configuration error of ATS, if CR2 asks for it. */
void smmu_ats_config_event(
	struct nb_smmuv3 *smmu, const struct smmu_fault *fault, const struct dma_txn *txn);

/* evtq.c: raise an interrupt, as a wire or (where configured) an MSI. No lock held. */
void smmu_irq(struct nb_smmuv3 *smmu, enum nb_smmuv3_irq irq);

/* mmio.c, under reg_lock: wait for the DMA in flight, and see whether it has left. */
void smmu_wait_begin(struct nb_smmuv3 *smmu, uint64_t why);
void smmu_wait_poll(struct nb_smmuv3 *smmu);

/*
 * Leave a section. A port whose leaving is waited for makes whatever waits go on, since a driver may
 * look at no register meanwhile, but at the memory that a CMD_SYNC's message writes. Either the waiter's
 * barrier (port.h) is before the load here, which then sees `awaited`, or the waiter sees the port outside.
 */
void smmu_left(struct nb_smmuv3 *smmu);

static inline void smmu_leave(struct nb_smmuv3_port *port)
{
	port_leave(&port->port);
	if (__builtin_expect(port_fences, 0))
		atomic_thread_fence(memory_order_seq_cst);
	else
		atomic_signal_fence(memory_order_seq_cst);
	if (__builtin_expect(atomic_load_explicit(&port->smmu->awaited, memory_order_relaxed), 0))
		smmu_left(port->smmu);
}

/* msi.c: a message of the SMMU's own. 0 or -1. */
int smmu_msi_write(struct nb_smmuv3 *smmu, nb_pa addr, uint32_t data);

/* evtq.c. */
/* The queue can be written now, and: put a record into it. False: it was not. Under out_lock. */
bool smmu_eventq_writable(const struct nb_smmuv3 *smmu);
bool smmu_eventq_put(struct nb_smmuv3 *smmu, const uint64_t record[EVT_WORDS]);
/** Likewise, as any event: false if it is lost (overflow), or the queue is off. */
bool smmu_eventq_record(struct nb_smmuv3 *smmu, const uint64_t record[EVT_WORDS]);
void smmu_event(struct nb_smmuv3 *smmu, const struct smmu_fault *fault, const struct dma_txn *txn,
	const struct smmu_access *access);
/* The record of a fault; record is zero before. */
void smmu_event_record(const struct smmu_fault *fault, const struct dma_txn *txn,
	const struct smmu_access *access, uint64_t record[EVT_WORDS]);
/* Make a global error active; the caller holds out_lock. */
void smmu_gerror_raise(struct nb_smmuv3 *smmu, uint64_t error);
/* Raise the interrupts of GERROR and the event queue if they are due; no lock held. */
void smmu_gerror_signal(struct nb_smmuv3 *smmu);

#endif
