/* SPDX-License-Identifier: MIT */
/*
 * Event records, field by field (IHI 0070 7.3), in both stages, terminated and stalled; which of them
 * are recorded at all (5.4, 5.5, 7.3.1), and what the event queue and GERROR do (7.2, 7.4, 7.5).
 */
#include "spec.h"

#include <stdio.h>

struct row {
	const char *section, *what;
	enum spec_base base;
	struct {
		uint32_t at;
		uint64_t value;
	} poke[5];
	uint64_t iova;
	uint32_t flags; /* NB_READ ... */
	uint32_t sid;	/* 0: RIG_SID */
	uint32_t ssid;	/* with NB_SSV */
	unsigned times; /* of the same access, and how many records; 0: one */
	bool silent;
	uint64_t records;
	uint64_t w0, w1, w3; /* of the record; StreamID is added. EVT_1_STALL: it stalls */
	bool no_input;	     /* without InputAddr */
	uint64_t strtab_at;  /* 0: where it is */
	uint32_t cr2;	     /* 0: RECINVSID; CR2_PTM: without */
	struct nb_smmuv3_config hw;
};

/* Outputs beyond what 44 bits can say, and memory that is not there. */
#define HW	   .hw.oas_bits = 44
#define STALLS	   HW, .hw.stall_model = NB_SMMUV3_STALL_ALLOWED
#define SSIDS	   HW, .hw.ssid_bits = 8
#define TOO_BIG	   BIT64(45)
#define IPA_OF(at) .w3 = RAM(at)

#define R    .flags = NB_READ
#define W    .flags = NB_WRITE
#define AT   .iova = RIG_VA + 0x18
#define NEST SPEC_NESTED
#define S1   SPEC_S1
#define CDS                                                                                        \
	{                                                                                          \
		CD(0), CD0 | CD_0_S                                                                \
	}
#define CD_R                                                                                       \
	{                                                                                          \
		CD(0), CD0 & ~CD_0_R                                                               \
	}
#define S2S                                                                                        \
	{                                                                                          \
		STE(2), STE2_S2 | STE_2_S2S                                                        \
	}
#define S2_R                                                                                       \
	{                                                                                          \
		STE(2), STE2_S2 & ~STE_2_S2R                                                       \
	}
#define MEV                                                                                        \
	{                                                                                          \
		STE(1), STE_1_MEV                                                                  \
	}
/* Two context descriptors, the second like the first. */
#define CDMAX BIT64(59)
#define CD_1                                                                                       \
	{ STE(0), STE0_S1 | CDMAX }, { CD_AT + 64, CD0 },                                          \
	{                                                                                          \
		CD_AT + 72, RAM(S1_L0)                                                             \
	}
#define SSID1 .ssid = 1
#define SSV1  (EVT_0_SSV | 1ull << 12)

/* Stage 1 descriptors and stage 2 ones at fault. No one but a privileged reader is permitted. */
#define S1_TRANSLATION	   0
#define S1_ADDR_SIZE	   S1_PAGE(TOO_BIG)
#define S1_ACCESS	   (S1_PAGE(RAM(DATA_AT)) & ~TTD_AF)
#define S1_PERMISSION	   (RAM(DATA_AT) | NO_AP | RO | TTD_PXN | TTD_UXN)
#define S2_TRANSLATION(at) 0
#define S2_ADDR_SIZE(at)   S2_PAGE(TOO_BIG)
#define S2_ACCESS(at)	   (S2_PAGE(RAM(at)) & ~TTD_AF)
#define S2_PERMISSION(at)  (S2_PAGE(RAM(at)) & ~(TTD_S2_READ | TTD_S2_WRITE))

/* The four faults of translation have the same fields. TTRNW: F_PERMISSION's alone. */
#define FAULT(section, NAME, ttrnw)                                                                \
	{ section, #NAME ": stage 1, a read", S1, { { PTE3, S1_##NAME } }, AT, R,                  \
		.w0 = EVT_F_##NAME, .w1 = RNW | IN, HW },                                          \
		{ section, #NAME ": stage 1, a write", S1, { { PTE3, S1_##NAME } }, AT, W,         \
			.w0 = EVT_F_##NAME, .w1 = IN, HW },                                        \
		{ section, #NAME ": PnU", S1, { { PTE3, S1_##NAME } }, AT,                         \
			.flags = NB_WRITE | NB_PRIV, .w0 = EVT_F_##NAME, .w1 = EVT_1_PNU | IN,     \
			HW },                                                                      \
		{ section, #NAME ": InD", S1, { { PTE3, S1_##NAME } }, AT,                         \
			.flags = NB_READ | NB_INSN, .w0 = EVT_F_##NAME,                            \
			.w1 = RNW | EVT_1_IND | IN, HW },                                          \
		{ section, #NAME ": SSV, SubstreamID", S1, { { PTE3, S1_##NAME }, CD_1 }, AT,      \
			.flags = NB_WRITE | NB_SSV, SSID1, .w0 = EVT_F_##NAME | SSV1, .w1 = IN,    \
			SSIDS },                                                                   \
		{ section, #NAME ": stage 2, class IN", NEST,                                      \
			{ { S2PTE3(DATA_AT), S2_##NAME(DATA_AT) } }, AT, W, .w0 = EVT_F_##NAME,    \
			.w1 = S2F | IN, IPA_OF(DATA_AT), HW },                                     \
		{ section, #NAME ": stage 2, class TT", NEST,                                      \
			{ { S2PTE3(S1_L3), S2_##NAME(S1_L3) } }, AT, W, .w0 = EVT_F_##NAME,        \
			.w1 = S2F | TT | (ttrnw), IPA_OF(S1_L3), HW },                             \
		{ section, #NAME ": stage 2, class CD", NEST,                                      \
			{ { S2PTE3(CD_AT), S2_##NAME(CD_AT) } }, AT, R, .w0 = EVT_F_##NAME,        \
			.w1 = RNW | S2F, IPA_OF(CD_AT), HW },                                      \
		{ section, #NAME ": stage 2 alone", SPEC_S2,                                       \
			{ { S2PTE3(DATA_AT), S2_##NAME(DATA_AT) } }, .iova = RAM(DATA_AT) + 8, R,  \
			.w0 = EVT_F_##NAME, .w1 = RNW | S2F | IN, IPA_OF(DATA_AT), HW },           \
		{ "IHI 3.12.2", #NAME ": stalled, stage 1", S1, { CDS, { PTE3, S1_##NAME } }, AT,  \
			W, .w0 = EVT_F_##NAME, .w1 = EVT_1_STALL | IN, STALLS },                   \
		{ "IHI 3.12.2", #NAME ": stalled, stage 2", NEST,                                  \
			{ S2S, { S2PTE3(DATA_AT), S2_##NAME(DATA_AT) } }, AT, R,                   \
			.w0 = EVT_F_##NAME, .w1 = EVT_1_STALL | RNW | S2F | IN, IPA_OF(DATA_AT),   \
			STALLS },                                                                  \
		{ "IHI 3.12.2", #NAME ": stalled, of a table", NEST,                               \
			{ S2S, { S2PTE3(S1_L3), S2_##NAME(S1_L3) } }, AT, R, .w0 = EVT_F_##NAME,   \
			.w1 = EVT_1_STALL | RNW | S2F | TT | (ttrnw), IPA_OF(S1_L3), STALLS },     \
		{ "IHI 3.12.2", #NAME ": stalled, of the CD", NEST,                                \
			{ S2S, { S2PTE3(CD_AT), S2_##NAME(CD_AT) } }, AT, R, .w0 = EVT_F_##NAME,   \
			.w1 = EVT_1_STALL | RNW | S2F, IPA_OF(CD_AT), STALLS },                    \
		{ "IHI 3.12.2", #NAME ": asked again, stalled once", S1,                           \
			{ CDS, { PTE3, S1_##NAME } }, AT, W, .times = 3, .records = 1,             \
			.w0 = EVT_F_##NAME, .w1 = EVT_1_STALL | IN, STALLS },                      \
		{ "IHI 5.2", "S2S: " #NAME " of stage 1 terminates", NEST,                         \
			{ S2S, { PTE3, S1_##NAME } }, AT, W, .w0 = EVT_F_##NAME, .w1 = IN,         \
			STALLS },                                                                  \
		{ "IHI 5.4", "S: " #NAME " of stage 2 terminates", NEST,                           \
			{ CDS, { S2PTE3(DATA_AT), S2_##NAME(DATA_AT) } }, AT, W,                   \
			.w0 = EVT_F_##NAME, .w1 = S2F | IN, IPA_OF(DATA_AT), STALLS },             \
		{ "IHI 5.5", "R: " #NAME " not recorded", S1, { CD_R, { PTE3, S1_##NAME } }, AT,   \
			W, .silent = true, HW },                                                   \
		{ "IHI 5.5", "R: " #NAME " of stage 2 is recorded", NEST,                          \
			{ CD_R, { S2PTE3(DATA_AT), S2_##NAME(DATA_AT) } }, AT, W,                  \
			.w0 = EVT_F_##NAME, .w1 = S2F | IN, IPA_OF(DATA_AT), HW },                 \
		{ "IHI 5.5", "R: " #NAME " that stalls is recorded", S1,                           \
			{ { CD(0), (CD0 & ~CD_0_R) | CD_0_S }, { PTE3, S1_##NAME } }, AT, W,       \
			.w0 = EVT_F_##NAME, .w1 = EVT_1_STALL | IN, STALLS },                      \
		{ "IHI 5.5", "S2R: " #NAME " not recorded", NEST,                                  \
			{ S2_R, { S2PTE3(DATA_AT), S2_##NAME(DATA_AT) } }, AT, W, .silent = true,  \
			HW },                                                                      \
		{ "IHI 5.5", "S2R: " #NAME " of stage 1 is recorded", NEST,                        \
			{ S2_R, { PTE3, S1_##NAME } }, AT, W, .w0 = EVT_F_##NAME, .w1 = IN, HW },  \
		{ "IHI 7.3.1", "MEV: " #NAME " thrice is one record", S1,                          \
			{ MEV, { PTE3, S1_##NAME } }, AT, W, .times = 3, .records = 1,             \
			.w0 = EVT_F_##NAME, .w1 = IN, HW },                                        \
	{                                                                                          \
		"IHI 7.3.1", #NAME " thrice without MEV", S1, { { PTE3, S1_##NAME } }, AT, W,      \
			.times = 3, .records = 3, .w0 = EVT_F_##NAME, .w1 = IN, HW                 \
	}

/* What no setting of a stage silences or stalls: configuration, and aborts of walks. */
#define ALWAYS(section, NAME, ...)                                                                 \
	{ section, #NAME ": the record", __VA_ARGS__ },                                            \
	{                                                                                          \
		section, #NAME ": thrice, not merged", __VA_ARGS__, .times = 3, .records = 3       \
	}

static const struct row rows[] = {
	FAULT("IHI 7.3.13", TRANSLATION, 0),
	FAULT("IHI 7.3.14", ADDR_SIZE, 0),
	FAULT("IHI 7.3.15", ACCESS, 0),
	FAULT("IHI 7.3.16", PERMISSION, EVT_1_TTRNW),

	ALWAYS("IHI 7.3.3", C_BAD_STREAMID, S1, {}, AT, W, .sid = 64, .w0 = EVT_C_BAD_STREAMID,
		.no_input = true, HW),
	{ "IHI 7.3.3", "C_BAD_STREAMID: with a SubstreamID", S1, {}, AT, .flags = NB_READ | NB_SSV,
		.sid = 64, SSID1, .w0 = EVT_C_BAD_STREAMID | SSV1, .no_input = true, SSIDS },
	{ "IHI 7.3.3", "C_BAD_STREAMID: silent without RECINVSID", S1, {}, AT, W, .sid = 64,
		.silent = true, .cr2 = CR2_PTM, HW },
	ALWAYS("IHI 7.3.4", F_STE_FETCH, S1, {}, AT, W, .w0 = EVT_F_STE_FETCH, .no_input = true,
		.w3 = OUT_OF_RAM + 64 * RIG_SID, .strtab_at = OUT_OF_RAM, HW),
	{ "IHI 7.3.4", "F_STE_FETCH: with a SubstreamID", S1, {}, AT, .flags = NB_READ | NB_SSV,
		SSID1, .w0 = EVT_F_STE_FETCH | SSV1, .no_input = true,
		.w3 = OUT_OF_RAM + 64 * RIG_SID, .strtab_at = OUT_OF_RAM, SSIDS },
	{ "IHI 7.3.4", "F_STE_FETCH: recorded without RECINVSID", S1, {}, AT, W,
		.w0 = EVT_F_STE_FETCH, .no_input = true, .w3 = OUT_OF_RAM + 64 * RIG_SID,
		.strtab_at = OUT_OF_RAM, .cr2 = CR2_PTM, HW },
	ALWAYS("IHI 7.3.5", C_BAD_STE, SPEC_NONE, {}, AT, W, .w0 = EVT_C_BAD_STE, .no_input = true,
		HW),
	{ "IHI 7.3.5", "C_BAD_STE: with a SubstreamID", SPEC_NONE, {}, AT,
		.flags = NB_READ | NB_SSV, SSID1, .w0 = EVT_C_BAD_STE | SSV1, .no_input = true,
		SSIDS },
	ALWAYS("IHI 7.3.7", F_STREAM_DISABLED, S1, { CD_1 }, AT, W, .w0 = EVT_F_STREAM_DISABLED,
		.no_input = true, SSIDS),
	{ "IHI 7.3.7", "F_STREAM_DISABLED: SubstreamID 0 with S1DSS 2", S1,
		{ { STE(1), STE_S1DSS_SSID0 }, CD_1 }, AT, .flags = NB_READ | NB_SSV,
		.w0 = EVT_F_STREAM_DISABLED, .no_input = true, SSIDS },
	ALWAYS("IHI 7.3.9", C_BAD_SUBSTREAMID, S1, { CD_1 }, AT, .flags = NB_WRITE | NB_SSV,
		.ssid = 2, .w0 = EVT_C_BAD_SUBSTREAMID | 2ull << 12, .no_input = true, SSIDS),
	ALWAYS("IHI 7.3.10", F_CD_FETCH, S1, { { STE(0), 0xb | OUT_OF_RAM } }, AT, W,
		.w0 = EVT_F_CD_FETCH, .no_input = true, .w3 = OUT_OF_RAM, HW),
	{ "IHI 7.3.10", "F_CD_FETCH: with a SubstreamID", S1,
		{ { STE(0), 0xb | CDMAX | OUT_OF_RAM } }, AT, .flags = NB_READ | NB_SSV, SSID1,
		.w0 = EVT_F_CD_FETCH | SSV1, .no_input = true, .w3 = OUT_OF_RAM + 64, SSIDS },
	{ "IHI 7.3.10", "F_CD_FETCH: through stage 2, never stalls", NEST,
		{ S2S, { S2PTE3(CD_AT), S2_PAGE(OUT_OF_RAM) } }, AT, R, .w0 = EVT_F_CD_FETCH,
		.no_input = true, .w3 = OUT_OF_RAM, STALLS },
	ALWAYS("IHI 7.3.11", C_BAD_CD, S1, { { CD(0), 0 } }, AT, W, .w0 = EVT_C_BAD_CD,
		.no_input = true, HW),
	{ "IHI 7.3.11", "C_BAD_CD: with a SubstreamID", S1, { { STE(0), STE0_S1 | CDMAX } }, AT,
		.flags = NB_READ | NB_SSV, SSID1, .w0 = EVT_C_BAD_CD | SSV1, .no_input = true,
		SSIDS },
	ALWAYS("IHI 7.3.12", F_WALK_EABT, S1, { { PTE2, TABLE(OUT_OF_RAM) } }, AT, W,
		.w0 = EVT_F_WALK_EABT, .w1 = IN, .w3 = OUT_OF_RAM + 24, HW),
	{ "IHI 7.3.12", "F_WALK_EABT: PnU, InD, RnW", S1, { { PTE2, TABLE(OUT_OF_RAM) } }, AT,
		.flags = NB_READ | NB_INSN | NB_PRIV, .w0 = EVT_F_WALK_EABT,
		.w1 = RNW | EVT_1_PNU | EVT_1_IND | IN, .w3 = OUT_OF_RAM + 24, HW },
	{ "IHI 7.3.12", "F_WALK_EABT: with a SubstreamID", S1,
		{ { PTE2, TABLE(OUT_OF_RAM) }, CD_1 }, AT, .flags = NB_WRITE | NB_SSV, SSID1,
		.w0 = EVT_F_WALK_EABT | SSV1, .w1 = IN, .w3 = OUT_OF_RAM + 24, SSIDS },
	{ "IHI 7.3.12", "F_WALK_EABT: never stalls", S1, { CDS, { PTE2, TABLE(OUT_OF_RAM) } }, AT,
		W, .w0 = EVT_F_WALK_EABT, .w1 = IN, .w3 = OUT_OF_RAM + 24, STALLS },
	{ "IHI 7.3.12", "F_WALK_EABT: stage 2, class CD", NEST, { { S2_L2, TABLE(OUT_OF_RAM) } },
		AT, W, .w0 = EVT_F_WALK_EABT, .w1 = S2F, .w3 = OUT_OF_RAM + 8 * (CD_AT >> 12), HW },
	{ "IHI 7.3.8", "F_TRANSL_FORBIDDEN: a write", S1, {}, AT, .flags = NB_WRITE | NB_TRANSLATED,
		.w0 = EVT_F_TRANSL_FORBIDDEN, HW, .hw.ats = true },
	{ "IHI 7.3.8", "F_TRANSL_FORBIDDEN: RnW", S1, {}, AT, .flags = NB_READ | NB_TRANSLATED,
		.w0 = EVT_F_TRANSL_FORBIDDEN, .w1 = RNW, HW, .hw.ats = true },
	{ "IHI 7.3.8", "F_TRANSL_FORBIDDEN: never stalls", S1, { CDS }, AT,
		.flags = NB_READ | NB_TRANSLATED, .w0 = EVT_F_TRANSL_FORBIDDEN, .w1 = RNW, STALLS,
		.hw.ats = true },
	{ "IHI 5.2", "S1STALLD: a CD with S is ILLEGAL", S1,
		{ CDS, { STE(1), STE_1_S1STALLD }, { PTE3, 0 } }, AT, W, .w0 = EVT_C_BAD_CD,
		.no_input = true, STALLS },
	{ "IHI 7.3", "nothing is recorded of what succeeds", NEST, {}, AT, W, .silent = true, HW },
};

static void build(struct rig *rig, const struct row *row)
{
	static void (*const bases[])(struct rig * rig) = {
		[SPEC_S1] = rig_s1, [SPEC_S2] = rig_s2, [SPEC_NESTED] = rig_nested
	};
	unsigned i;

	rig_create(rig, row->hw);
	if (row->base != SPEC_NONE)
		bases[row->base](rig);
	for (i = 0; i < ARRAY_LEN(row->poke) && row->poke[i].at; i++)
		rig_poke(rig, row->poke[i].at, row->poke[i].value);
	rig_enable(rig);
	rig_write(rig, R_CR0, CR0_EVENTQEN);
	if (row->strtab_at)
		nb_smmuv3_write(rig->smmu, R_STRTAB_BASE, row->strtab_at, 8);
	if (row->cr2)
		rig_write(rig, R_CR2, row->cr2);
	rig_write(rig, R_CR0, CR0_EVENTQEN | CR0_SMMUEN | (row->hw.ats ? CR0_ATSCHK : 0));
}

static enum nb_smmuv3_verdict access_of(
	struct nb_smmuv3_port *port, const struct row *row, struct nb_smmuv3_span *span)
{
	struct nb_smmuv3_txn txn = {
		.iova = NB_IOVA(row->iova), .flags = row->flags, .ssid = row->ssid
	};
	enum nb_smmuv3_verdict verdict;

	nb_smmuv3_enter(port);
	verdict = nb_smmuv3_translate(port, &txn, span);
	nb_smmuv3_leave(port);
	return verdict;
}

static int check_record(struct rig *rig, const struct row *row, uint16_t stag)
{
	uint64_t record[EVT_WORDS], w0 = row->w0 | (uint64_t)(row->sid ?: RIG_SID) << 32;
	uint64_t input = row->no_input ? 0 : row->iova;
	int bad;

	rig_event(rig, record);
	bad = spec_differs("word 0", record[0], w0);
	bad += spec_differs("word 1", record[1], row->w1 | (row->w1 & EVT_1_STALL ? stag : 0));
	bad += spec_differs("word 2", record[2], input);
	return bad + spec_differs("word 3", record[3], row->w3);
}

static bool event_holds(const struct row *row)
{
	uint64_t records = row->silent ? 0 : row->records ?: 1;
	enum nb_smmuv3_verdict want = row->w1 & EVT_1_STALL ? NB_SMMUV3_STALLED : NB_SMMUV3_ABORT;
	struct nb_smmuv3_span span = { 0 };
	struct nb_smmuv3_port *port;
	struct rig rig;
	unsigned i;
	int bad = 0;

	build(&rig, row);
	port = nb_smmuv3_port_create(rig.smmu, row->sid ?: RIG_SID);
	nb_assert(port);
	for (i = 0; i < (row->times ?: 1); i++) {
		enum nb_smmuv3_verdict verdict = access_of(port, row, &span);

		/* Only one row succeeds: it has no poke, and wants silence. */
		if (verdict != NB_SMMUV3_OK || !row->silent || row->poke[0].at)
			bad += spec_differs("verdict", verdict, want);
	}
	bad += spec_differs("records", rig_event_count(&rig), records);
	for (; records && rig_event_count(&rig); records--)
		bad += check_record(&rig, row, span.stag);
	nb_smmuv3_port_destroy(port);
	rig_finish(&rig);
	return !bad;
}

/* Queues: from these registers, n translation faults of distinct addresses, to those. */
struct queue_row {
	const char *section, *what;
	uint32_t lg2, prod, cons, faults;
	uint32_t end; /* EVENTQ_PROD */
	unsigned irqs;
	uint32_t gerror; /* what is active */
	unsigned gerror_irqs;
	uint64_t base;	  /* 0: EVENTQ_AT */
	uint64_t msi;	  /* EVENTQ_IRQ_CFG0, with MSI */
	uint32_t cr0_off; /* clear then */
	bool acked;	  /* GERROR acknowledged, then one more fault */
	bool no_irqs;
};

#define OV ((uint32_t)EVENTQ_OVFLG)

static const struct queue_row queue_rows[] = {
	{ "IHI 7.2", "the first record", 2, 0, 0, 1, 1, 1 },
	{ "IHI 7.2", "until it is full", 2, 0, 0, 4, 4, 4 },
	{ "IHI 7.2", "the index wraps", 2, 3, 3, 2, 5, 2 },
	{ "IHI 7.2", "the wrap bit wraps", 2, 7, 7, 2, 1, 2 },
	{ "IHI 7.2", "one entry", 0, 0, 0, 1, 1, 1 },
	{ "IHI 7.2", "one entry, its wrap bit", 0, 1, 1, 1, 0, 1 },
	{ "IHI 7.2", "disabled: nothing is recorded", 2, 0, 0, 3, 0, 0, .cr0_off = CR0_EVENTQEN },
	{ "IHI 7.2", "disabled and full: no overflow", 2, 4, 0, 3, 4, 0, .cr0_off = CR0_EVENTQEN },
	{ "IHI 7.2", "interrupts disabled", 2, 0, 0, 2, 2, 0, .no_irqs = true },
	{ "IHI 7.2", "a record of a write that aborts is lost", 2, 0, 0, 3, 0, 0, GERROR_EVENTQ_ABT,
		1, .base = OUT_OF_RAM },
	{ "IHI 7.2", "an abort that was acknowledged may come again", 2, 0, 0, 2, 0, 0,
		GERROR_EVENTQ_ABT, 2, .base = OUT_OF_RAM, .acked = true },
	{ "IHI 7.4", "overflow", 2, 0, 0, 5, 4 | OV, 4 },
	{ "IHI 7.4", "overflow is one until acknowledged", 2, 0, 0, 9, 4 | OV, 4 },
	{ "IHI 7.4", "overflow from a full queue: no interrupt", 2, 4, 0, 1, 4 | OV, 0 },
	{ "IHI 7.4", "overflow with the flag set and acknowledged", 2, 4 | OV, 0 | OV, 1, 4, 0 },
	{ "IHI 7.4", "room again, not acknowledged: recorded", 2, 2 | OV, 0, 1, 3 | OV, 1 },
	{ "IHI 7.4", "room again, then full, not acknowledged", 2, 2 | OV, 0, 4, 4 | OV, 2 },
	{ "IHI 7.4", "acknowledged with room: the flag stays", 2, 2 | OV, 0 | OV, 1, 3 | OV, 1 },
	{ "IHI 7.4", "one entry: overflow", 0, 0, 0, 2, 1 | OV, 1 },
	{ "IHI 7.5", "nothing active without an error", 2, 0, 0, 1, 1, 1 },
	{ "IHI 7.5", "EVENTQ_ABT: active once", 2, 0, 0, 2, 0, 0, GERROR_EVENTQ_ABT, 1,
		.base = OUT_OF_RAM },
	{ "IHI 7.5", "EVENTQ_ABT: no interrupt where it is disabled", 2, 0, 0, 1, 0, 0,
		GERROR_EVENTQ_ABT, 0, .base = OUT_OF_RAM, .no_irqs = true },
	{ "IHI 7.5", "MSI_EVENTQ_ABT: the message aborts, the record stays", 2, 0, 0, 1, 1, 0,
		GERROR_MSI_EVENTQ_ABT, 1, .msi = OUT_OF_RAM },
	{ "IHI 7.5", "MSI_EVENTQ_ABT: does not end recording", 2, 0, 0, 3, 3, 0,
		GERROR_MSI_EVENTQ_ABT, 1, .msi = OUT_OF_RAM },
	{ "IHI 7.5", "a message instead of the wire", 2, 0, 0, 1, 1, 0, .msi = RAM(DATA_AT) },
};

static void set_queue(struct rig *rig, const struct queue_row *row)
{
	uint32_t cr0 = CR0_SMMUEN | CR0_EVENTQEN;

	rig_create(rig, (struct nb_smmuv3_config){ .msi = row->msi });
	rig_s1(rig);
	rig_poke(rig, PTE3, 0);
	rig_enable(rig);
	rig_write(rig, R_CR0, 0);
	rig_write(rig, R_IRQ_CTRL, 0);
	nb_smmuv3_write(rig->smmu, R_EVENTQ_BASE, (row->base ?: RAM(EVENTQ_AT)) | row->lg2, 8);
	rig_write(rig, R_EVENTQ_PROD, row->prod);
	rig_write(rig, R_EVENTQ_CONS, row->cons);
	if (row->msi) {
		nb_smmuv3_write(rig->smmu, R_EVENTQ_IRQ_CFG0, row->msi, 8);
		rig_write(rig, R_EVENTQ_IRQ_CFG1, 0x123);
	}
	if (!row->no_irqs)
		rig_write(rig, R_IRQ_CTRL, IRQ_CTRL_GERROR | IRQ_CTRL_EVENTQ);
	rig_write(rig, R_CR0, cr0 & ~row->cr0_off);
}

/* The last record written is where EVENTQ_PROD says. */
static int check_place(struct rig *rig, const struct queue_row *row)
{
	uint32_t at = (row->end - 1) & (BIT64(row->lg2) - 1);
	uint64_t want = EVT_F_TRANSLATION | (uint64_t)RIG_SID << 32;

	if (row->base || !row->irqs)
		return 0;
	return spec_differs("record", *rig_at(rig, EVENTQ_AT + 32 * at), want);
}

static bool queue_holds(const struct queue_row *row)
{
	struct rig rig;
	unsigned i;
	int bad;

	set_queue(&rig, row);
	for (i = 0; i < row->faults; i++) {
		if (row->acked && i == row->faults - 1)
			rig_write(&rig, R_GERRORN, rig_read(&rig, R_GERROR));
		rig_pa(&rig, RIG_VA + 8 * i, NB_DMA_READ);
	}
	bad = spec_differs("EVENTQ_PROD", rig_read(&rig, R_EVENTQ_PROD), row->end);
	bad += spec_differs(
		"GERROR", rig_read(&rig, R_GERROR) ^ rig_read(&rig, R_GERRORN), row->gerror);
	bad += spec_differs("event interrupts", rig.events, row->irqs);
	bad += spec_differs("error interrupts", rig.gerrors, row->gerror_irqs);
	if (row->msi && row->msi != OUT_OF_RAM)
		bad += spec_differs("message", *rig_at(&rig, DATA_AT) & MASK64(31, 0), 0x123);
	bad += check_place(&rig, row);
	rig_finish(&rig);
	return !bad;
}

static bool holds_event(const void *row)
{
	return event_holds(row);
}

static bool holds_queue(const void *row)
{
	return queue_holds(row);
}

int main(int argc, char **argv)
{
	int bad = spec_rows(argc, argv, rows, ARRAY_LEN(rows), sizeof(rows[0]), holds_event);

	return bad | spec_rows(argc, argv, queue_rows, ARRAY_LEN(queue_rows), sizeof(queue_rows[0]),
			     holds_queue);
}
