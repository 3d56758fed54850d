/* SPDX-License-Identifier: MIT */
/*
 * Writer of VMSAv8-64 translation tables (Arm ARM DDI 0487, D8), for whoever plays the software side
 * of an SMMU: a monitor's own stage 2, a test, a driver of a simulated host. Both stages, granules of
 * 4, 16 and 64 KiB, addresses up to 52 bits with 64 KiB.
 *
 * Terms: a *table* is one page (of granule size) of descriptors; the root of stage 2 may be several
 * side by side ("concatenated"). A *leaf* is a page descriptor (level 3) or a block.
 *
 * Hardware, or a model of it, may walk the tables while they are written: each descriptor in a table
 * that can be reached changes by a single 64-bit store, and a table is reachable only once it is filled.
 * What hardware has cached is the caller's to invalidate: after an unmap first invalidate (and wait
 * until that has completed), then call nb_pgtable_reap, which frees the tables that were unlinked.
 *
 * Addresses: input is written as nb_iova, output as nb_pa, tables lie at an nb_pa. Where the tables are
 * a stage 1 that runs over a stage 2, input is a VA and the two others are IPAs.
 *
 * Threads: the caller serialises all calls for one set of tables, and for one struct nb_pgtable_ram.
 */
#ifndef NESTBOX_PGTABLE_H
#define NESTBOX_PGTABLE_H

#include <stdio.h>

#include <nestbox/mem.h>

#ifdef __cplusplus
extern "C" {
#endif

struct nb_pgtable;
struct nb_pgtable_ram;

enum nb_pgtable_stage {
	NB_PGTABLE_STAGE1,
	NB_PGTABLE_STAGE2,
};

/** Where tables live. Called under the caller's serialisation. */
struct nb_pgtable_ops {
	size_t size; /**< sizeof(struct nb_pgtable_ops) */
	/**
	 * Memory of this size (a power of two from 4096), aligned to it in the space that the walker
	 * addresses: *pa, below 1 << 48 (52 where oas is). Its content does not matter. NULL: there
	 * is none; memory that is elsewhere is given back, and counts as none.
	 */
	void *(*alloc)(void *ctx, uint64_t bytes, nb_pa *pa);
	void (*free)(void *ctx, void *ptr, nb_pa pa, uint64_t bytes);
};

/** What tables to build. Zero means the default in brackets. */
struct nb_pgtable_options {
	size_t size; /**< sizeof(struct nb_pgtable_options): lets the struct grow */
	enum nb_pgtable_stage stage;
	unsigned granule_lg2; /**< 12, 14 or 16 [12] */
	unsigned ias;	      /**< input bits, 25 to 48, or 52 with 64 KiB [48] */
	unsigned oas; /**< output bits, 31 to 48, or 52 with 64 KiB [48]; stage 2: ias or more */
	unsigned
		max_leaf_lg2; /**< no leaf is larger than 1 << this [as large as alignment allows] */
	bool concatenate;     /**< stage 2: start a level later whenever 16 root tables suffice.
				    Else only where the architecture demands it, and instead of level 0 */
	bool fwb;	      /**< stage 2: memory attributes are encoded for STE.S2FWB = 1 */
	bool xnx;	      /**< stage 2: execute-never for each privilege (IDR3.XNX) */
	unsigned spare_tables;	    /**< how many freed tables are kept to be used again [1024] */
	bool no_spare;		    /**< none: every table that is not in use goes back at once */
	struct nb_pgtable_ram *ram; /**< where tables live, borrowed; or */
	const struct nb_pgtable_ops *ops; /**< copied */
	void *ctx;			  /**< of ops */
};

/**
 * Empty tables. NULL: no memory, or the options are contradictory or not possible in the architecture.
 */
struct nb_pgtable *nb_pgtable_create(const struct nb_pgtable_options *options);
/** Free everything. The hardware has forgotten the tables. NULL accepted. */
void nb_pgtable_destroy(struct nb_pgtable *pgtable);

/** What a walker must be told, in the encodings of STE and CD (IHI 0070 5.2, 5.4). */
struct nb_pgtable_info {
	nb_pa root;	      /**< CD.TTB0 or TTB1; STE.S2TTB */
	uint64_t root_bytes;  /**< the root is aligned to its size */
	unsigned start_level; /**< of the root */
	unsigned tsz;	      /**< T0SZ, S2T0SZ: 64 - ias */
	unsigned tg;	      /**< TG0, S2TG (TG1 is encoded otherwise) */
	unsigned sl0;	      /**< S2SL0 */
	uint64_t leaf_sizes;  /**< bit n: leaves of 1 << n bytes are possible */
	uint64_t table_bytes; /**< memory in use: root and tables, without those unlinked */
	bool unlinked;	      /**< tables wait for nb_pgtable_reap */
	bool empty;	      /**< nothing is mapped */
};

/** size is sizeof(*info): what fits in it is filled in. */
void nb_pgtable_info(const struct nb_pgtable *pgtable, struct nb_pgtable_info *info, size_t size);

/** What a leaf allows and is: flags of struct nb_pgtable_attrs. */
#define NB_PGTABLE_READ	     1u
#define NB_PGTABLE_WRITE     2u	 /**< in stage 1 a writable page can be read too */
#define NB_PGTABLE_EXEC	     4u	 /**< unprivileged: UXN = 0. Stage 2: XN */
#define NB_PGTABLE_EXEC_PRIV 8u	 /**< privileged: PXN = 0. Stage 2: only with xnx, else as EXEC */
#define NB_PGTABLE_PRIV	     16u /**< stage 1: privileged access only (AP[1] = 0) */
#define NB_PGTABLE_GLOBAL    32u /**< stage 1: nG = 0, for every ASID */
#define NB_PGTABLE_NO_AF     64u /**< the access flag is clear: the first access faults or sets it */
#define NB_PGTABLE_DBM	     128u /**< dirty state is managed by hardware; a writable leaf is clean */
#define NB_PGTABLE_DIRTY     256u /**< with DBM: the leaf is dirty from the start */

/** Memory types: memory of struct nb_pgtable_attrs. */
#define NB_PGTABLE_WRITE_BACK	 0u
#define NB_PGTABLE_NON_CACHEABLE 1u
#define NB_PGTABLE_DEVICE	 2u	       /**< nGnRE */
#define NB_PGTABLE_ATTR(n)	 (0x10u | (n)) /**< AttrIndx n, or MemAttr n, as it is */

/** The MAIR that the three types stand for in stage 1. */
#define NB_PGTABLE_MAIR UINT64_C(0x000000000004ff44)

/** Shareability: sh of struct nb_pgtable_attrs. */
#define NB_PGTABLE_INNER 0u
#define NB_PGTABLE_SH(n) (0x10u | (n)) /**< SH[1:0] as it is: 0 non-shareable, 2 outer, 3 inner */

/** Attributes of leaves. */
struct nb_pgtable_attrs {
	uint32_t flags; /**< NB_PGTABLE_READ ... */
	uint8_t memory; /**< NB_PGTABLE_WRITE_BACK ... */
	uint8_t sh;	/**< NB_PGTABLE_INNER ... */
	uint64_t
		bits; /**< further bits of the descriptor to set, e.g. those for software, [58:55] */
};

/** What was taken out of the tables: how to invalidate. */
struct nb_pgtable_cleared {
	uint64_t leaves;
	uint64_t bytes;	   /**< that the leaves covered */
	uint64_t min_leaf; /**< the smallest of them: steps of this size reach all; 0: nothing */
	bool tables;	   /**< tables were unlinked: Leaf = 0 in the TLBI; else Leaf = 1 will do */
};

/**
 * Map [iova, iova + bytes) to pa on, by the largest leaves that alignment allows. 0; -EINVAL: not
 * multiples of the granule, or empty, or attributes that the stage does not have; -ERANGE: beyond ias
 * or oas; -EEXIST: some of it is mapped; -ENOMEM. After a failure all is mapped as before; but hardware
 * may have seen what was mapped in between: undone (may be NULL) says what to invalidate, and tables
 * may wait for nb_pgtable_reap.
 */
int nb_pgtable_map(struct nb_pgtable *pgtable, nb_iova iova, nb_pa pa, uint64_t bytes,
	const struct nb_pgtable_attrs *attrs, struct nb_pgtable_cleared *undone);

/**
 * Clear every leaf that lies wholly in [iova, iova + bytes) and unlink the tables that this empties.
 * What is not mapped is skipped; a block that reaches out of the range stays (cleared->bytes tells).
 * cleared may be NULL.
 */
void nb_pgtable_unmap(struct nb_pgtable *pgtable, nb_iova iova, uint64_t bytes,
	struct nb_pgtable_cleared *cleared);

/** Free the tables that were unlinked: the hardware has forgotten them. */
void nb_pgtable_reap(struct nb_pgtable *pgtable);

/** One leaf, as it is in the tables now (hardware may have set access flag and dirty state). */
struct nb_pgtable_leaf {
	nb_iova iova; /**< of the leaf's first byte */
	nb_pa pa;     /**< likewise */
	uint64_t bytes;
	uint64_t desc;	/**< the descriptor */
	uint32_t flags; /**< NB_PGTABLE_READ ... that it says */
	unsigned level;
};

/** The leaf that holds iova. False: not mapped. */
bool nb_pgtable_lookup(
	const struct nb_pgtable *pgtable, nb_iova iova, struct nb_pgtable_leaf *leaf);

/** Called for a leaf; not 0 ends the iteration. It changes no tables. */
typedef int nb_pgtable_leaf_fn(void *ctx, const struct nb_pgtable_leaf *leaf);

/** Every leaf that has a byte in [iova, iova + bytes), in order. 0, or what fn ended it with. */
int nb_pgtable_each(const struct nb_pgtable *pgtable, nb_iova iova, uint64_t bytes,
	nb_pgtable_leaf_fn *fn, void *ctx);

/**
 * Likewise every leaf in the range whose dirty state hardware manages and that is dirty; each is made
 * clean before fn is called for it (with keep: left as it is). Invalidate afterwards, or hardware may
 * not notice the next write.
 */
int nb_pgtable_dirty(struct nb_pgtable *pgtable, nb_iova iova, uint64_t bytes, bool keep,
	nb_pgtable_leaf_fn *fn, void *ctx);

/**
 * Everything mapped, a line for each run of equal leaves, for people: input -> output addresses, what it
 * allows and is, AttrIndx (stage 2: MemAttr) and SH, level, number and size of the leaves. Letters: r, w,
 * x, X (execute privileged), p (privileged only), g (global), a (access flag), m (DBM), d (dirty).
 */
void nb_pgtable_dump(const struct nb_pgtable *pgtable, FILE *out);

/**
 * Memory for tables (and for queues, stream tables, ...) for those who have none: anonymous memory,
 * populated as it is used, that is one direct extent of mem at pa. NULL: no memory, or the place is
 * taken (nb_mem_add). bytes and pa: multiples of 4096.
 */
struct nb_pgtable_ram *nb_pgtable_ram_create(struct nb_mem *mem, nb_pa pa, uint64_t bytes);
/** Whatever lived in it is gone. NULL accepted. */
void nb_pgtable_ram_destroy(struct nb_pgtable_ram *ram);
/** Zeroed memory, aligned to its size, a power of two from 4096. NULL: exhausted. */
void *nb_pgtable_ram_alloc(struct nb_pgtable_ram *ram, uint64_t bytes, nb_pa *pa);
void nb_pgtable_ram_free(struct nb_pgtable_ram *ram, nb_pa pa, uint64_t bytes);

#ifdef __cplusplus
}
#endif
#endif
