/* SPDX-License-Identifier: MIT */
/*
 * Fuzzers of the SMMUv3 model. An input is a struct smmu_head, then records of one size, so that a
 * mutation of one leaves the others what they are. The world is the same at the start of each: a
 * small RAM with a valid nested stream in it, and a model of the features that the head asks for.
 */
#ifndef FUZZ_SMMU_H
#define FUZZ_SMMU_H

#include <stddef.h>
#include <stdint.h>

#include <nestbox/smmuv3.h>

#include "../test/spec/naive_hw.h"

struct smmu_head {
	uint8_t oas, granules, ssid, stalls, httu, flags[2], pages;
};

struct smmu_rec {
	uint8_t op, a, b, c;
	uint32_t d;
	uint64_t x;
};
_Static_assert(sizeof(struct smmu_head) == 8 && sizeof(struct smmu_rec) == 16, "bytes of inputs");

#define SMMU_MAX_RECS 128
#define SMMU_MAX_LEN  (8 + 16 * SMMU_MAX_RECS)

/* Offsets into the RAM; from GUEST_AT on is what stage 2 grants, in this order, from IPA 0. */
#define SMMU_RAM_BYTES 0x80000u
#define SMMU_CMDQ_AT   0x0000u
#define SMMU_EVTQ_AT   0x2000u
#define SMMU_PRIQ_AT   0x4000u
#define SMMU_STRTAB_AT 0x6000u /* 16 entries */
#define SMMU_S2_AT     0x8000u /* levels 1, 2 and 3 */
#define SMMU_GUEST_AT  0x40000u
#define SMMU_GUEST_END 0x48000u
#define SMMU_LAST_RO   0x47000u /* granted for reading */
#define SMMU_CD_AT     0x40000u /* then levels 1, 2 and 3 of stage 1, then data */
#define SMMU_S1_AT     0x41000u
#define SMMU_DATA_AT   0x44000u
#define SMMU_QUEUE_LG2 6
#define SMMU_STREAMS   3 /* nested, stage 1, stage 2 */

struct fz_world {
	struct nb_mem *mem;
	struct nb_extent extent;
	uint8_t *ram;
	uint8_t twin[SMMU_RAM_BYTES]; /* the naive model's memory */
	bool dirty[SMMU_RAM_BYTES >> 12];
	struct nb_smmuv3 *smmu;
	struct nb_smmuv3_port *ports[SMMU_STREAMS];
	struct nb_smmuv3_config hw;
	uint64_t loads; /* of memory, by the model */
	bool bad_cas;	/* memory has no compare-and-swap */
	uint32_t itags[16];
	unsigned n_itags; /* invalidations that the function has yet to answer */
	bool lost_itags;  /* more than that */
	/* What stalled: the port's until it asks again. More than that: new ports. */
	struct {
		unsigned stream;
		struct nb_smmuv3_txn txn;
	} stalls[16];
	unsigned n_stalls;
};

extern struct fz_world fz_world;

/* Begin with what the head of the input asks for (false: it has none); or end. */
bool fz_begin(const uint8_t *bytes, size_t len, struct smmu_head *head);
void fz_end(void);
/* The n-th record; false: there is none. */
bool fz_record(const uint8_t *bytes, size_t len, unsigned n, struct smmu_rec *rec);
uint64_t fz_peek(uint32_t off);
void fz_poke(uint32_t off, uint64_t value);
/* This page was written: by the model, the input, or in the twin. */
void fz_touch(uint64_t off);
/* The naive model's memory is what the memory is. */
void fz_same_twin(void);
void fz_enable(void);
/* The naive model of the same hardware; its memory is the caller's. */
struct naive fz_naive(void);
void fz_stalled(unsigned stream, const struct nb_smmuv3_txn *txn);
/* One transaction through port `stream`; flags as of struct nb_smmuv3_txn. In a section of its own. */
enum nb_smmuv3_verdict fz_translate(
	unsigned stream, uint64_t iova, uint32_t flags, uint32_t ssid, struct nb_smmuv3_span *span);

/* The fuzzers: each runs one input, and aborts where its oracle finds something. */
void fuzz_smmu_tables(const uint8_t *bytes, size_t len);
void fuzz_smmu_cmdq(const uint8_t *bytes, size_t len);
void fuzz_smmu_mmio(const uint8_t *bytes, size_t len);

#endif
