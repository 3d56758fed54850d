/* SPDX-License-Identifier: MIT */
/* Parts of differ.c's program: random words and the worlds made of them; a translation both ways. */
#ifndef TEST_SPEC_DIFFER_H
#define TEST_SPEC_DIFFER_H

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <nestbox/smmuv3.h>

#include "base/bits.h"
#include "base/check.h"
#include "naive_hw.h"

#define RAM_BYTES MIB(1)
#define S1_PAGES  0x80000 /* below: stage 1's, up to S2_END: stage 2's */
#define S2_END	  0xe0000
#define STRTAB_AT 0xf0000 /* STEs */
#define L1STD_AT  0xf8000
#define CDS_AT	  0x800 /* in each of stage 1's pages */
#define L1CDS_AT  0xa00
/* Where RAM answers: any sum of these. Queues are at an address that no flipped bit finds. */
#define ALIASES	    (MASK64(22, 21) | MASK64(31, 30) | BIT64(39) | BIT64(51))
#define N_ALIASES   64
#define QUEUES	    UINT64_C(0xa5a00000)
#define CMDQ_LG2    8
#define EVTQ_AT	    0x10000
#define EVTQ_LG2    7
#define STREAMS	    6
#define IOVAS	    24
#define BATCH	    64
#define MAX_TOUCHED 256

struct format {
	unsigned granule, in_bits, sl0;
	int level;
};

struct world {
	struct nb_mem *mem;
	struct nb_extent aliases[N_ALIASES], queues;
	uint8_t *ram, *mine, *queue; /* the model's, the naive one's */
	struct nb_smmuv3 *smmu;
	struct nb_smmuv3_port *ports[STREAMS];
	uint32_t sids[STREAMS];
	struct nb_smmuv3_config hw;
	struct naive naive;
	uint32_t cmdq_prod, evtq_cons;
	struct format f1, f2;
	unsigned defects; /* percent of words with a flipped bit */
	uint64_t iovas[IOVAS];
	uint32_t touched[MAX_TOUCHED]; /* words that a fresh world does not write anyway */
	unsigned n_touched;
	uint16_t *roles; /* of each word read since the world began */
	uint32_t *users; /* likewise: whose walks read it */
	bool dry;	 /* what the naive one writes is dropped */
	/* A word whose old value may still be seen: at its reads by bits of `mask`. */
	bool lying;
	uint32_t lie_at;
	uint64_t lie_old, lie_mask;
	unsigned lie_reads;
	uint64_t epoch_seed;
};

struct access {
	struct naive_access a;
	unsigned stream;
};

struct tally {
	uint64_t count, total, differences, httu_writes, stale_hits, verdicts[4], event_types[64];
};

extern struct world w;
extern struct tally tally;
extern struct naive_result mine; /* of the last run_mine */
extern const char *const verdict_names[];
extern bool all;     /* go on after a difference */
extern uint64_t rng; /* a seed, and then what came of it */
extern bool good;    /* what is mostly so is always so */

/* differ_words.c */
uint64_t rnd(void);
unsigned below(unsigned n);
bool chance(unsigned percent);
bool mostly(unsigned percent);
uint64_t spoil(uint64_t word);
uint64_t rnd_s1_word(void);
uint64_t rnd_s2_word(unsigned level);
unsigned s2_level(uint64_t page);
uint64_t rnd_cd0(void);
void fill_page(uint64_t page, bool s2);
void fill_cds(uint64_t page);
void fill_ste(unsigned stream);
uint64_t ste_at(unsigned stream);
unsigned rnd_granule(void);
void rnd_format(struct format *f, bool s2);
uint64_t rnd_iova(void);
uint64_t sibling(uint64_t iova);

/* differ_check.c: memory of both, commands; then the naive one's answer, and both compared. */
bool ram_offset(uint64_t pa, uint64_t *off);
bool mine_load(void *ctx, uint64_t pa, uint64_t *value);
bool mine_store(void *ctx, uint64_t pa, uint64_t value);
uint64_t peek(uint64_t off);
void poke(uint64_t off, uint64_t value);
void command(uint64_t w0, uint64_t w1);
void sync_commands(void);
void invalidate_all(void);
void run_mine(const struct access *access);
void rnd_access(struct access *access);
void check_access(const struct access *access);
void check_batch(struct access *access);
void check_stale(const struct access *access);

#endif
