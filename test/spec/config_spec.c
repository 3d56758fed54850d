/* SPDX-License-Identifier: MIT */
/*
 * Configuration (IHI 0070 3.3, 5): each field of STE, L1CD and CD, each rule that makes one ILLEGAL,
 * and which of them a substream finds. Where a row is about legality alone its tables are empty, so
 * that a legal configuration shows as a Translation fault.
 */
#include "spec.h"

/* Tables of this program's own, in the 2 MiB that stage 2 maps by pages. */
enum {
	EMPTY = 0x20000,
	CD_TABLE = 0x100000, /* linear: 64 CDs */
	L1CDS = 0x108000,
	LEAF = 0x110000,  /* 64 KiB */
	LEAF2 = 0x120000, /* 64 KiB, for the second half */
	BIG_L2 = 0x200000,
};

#define FINE	   RD(RIG_VA), TO(RAM(DATA_AT), KIB(4))
#define BAD_STE	   RD(RIG_VA), EV(C_BAD_STE)
#define BAD_CD	   RD(RIG_VA), EV(C_BAD_CD)
#define NO_SUBS	   RD(RIG_VA), EV(C_BAD_SUBSTREAMID)
#define DISABLED   RD(RIG_VA), EV(F_STREAM_DISABLED)
#define LEGAL	   RD(0), EV(F_TRANSLATION), RNW | IN
#define S2_LEGAL   RD(0), EV(F_TRANSLATION), RNW | S2F | IN
#define S2_FINE	   RD(RAM(0x30000)), TO(RAM(0x30000), KIB(4))
#define S2_BAD	   RD(RAM(0x30000)), EV(C_BAD_STE)
#define BYPASSED   RD(RAM(0x123)), TO(RAM(0x123), GIB(1) - 0x123)
#define FETCHES(a) RD(0), EV(F_WALK_EABT), RNW | IN, (a)

#define GRAN_ALL (NB_SMMUV3_GRAN4K | NB_SMMUV3_GRAN16K | NB_SMMUV3_GRAN64K)
#define ALL	 .hw.granules = GRAN_ALL
#define WIDE	 .hw.granules = GRAN_ALL, .hw.oas_bits = 52
#define VAX	 .hw.granules = GRAN_ALL, .hw.oas_bits = 52, .hw.vax = true
#define STALL	 .hw.stall_model = NB_SMMUV3_STALL_ALLOWED
#define FORCED	 .hw.stall_model = NB_SMMUV3_STALL_FORCED
#define HTTU_A	 .hw.httu = NB_SMMUV3_HTTU_ACCESS
#define HTTU_D	 .hw.httu = NB_SMMUV3_HTTU_DIRTY
#define SUBS	 .hw.ssid_bits = 16
#define NO_CD2L	 .hw.ssid_bits = 16, .hw.linear_tables_only = true

/* Word 1 of an STE. */
#define EATS(n) ((uint64_t)(n) << 28)
#define DSS(n)	((uint64_t)(n))

/* Stage 2, empty tables: S2TG, S2T0SZ, S2SL0. */
#define S2W(tg, t0sz, sl0)                                                                         \
	{                                                                                          \
		{ STE(3), RAM(EMPTY) },                                                            \
		{                                                                                  \
			STE(2), (STE2_S2 & ~(STE_2_S2T0SZ | STE_2_S2SL0)) |                        \
					(uint64_t)(t0sz) << 32 | (uint64_t)(sl0) << 38 |           \
					(uint64_t)(tg) << 46                                       \
		}                                                                                  \
	}
/* The same with a base (and S2PS) of its own. */
#define S2B(tg, t0sz, sl0, ps, base)                                                               \
	{                                                                                          \
		{ STE(3), (base) },                                                                \
		{                                                                                  \
			STE(2), (STE2_S2 & ~(STE_2_S2T0SZ | STE_2_S2SL0 | STE_2_S2PS)) |           \
					(uint64_t)(t0sz) << 32 | (uint64_t)(sl0) << 38 |           \
					(uint64_t)(tg) << 46 | (uint64_t)(ps) << 48                \
		}                                                                                  \
	}
#define S2(set)                                                                                    \
	{                                                                                          \
		{                                                                                  \
			STE(2), STE2_S2 | (set)                                                    \
		}                                                                                  \
	}
#define NS2(clear)                                                                                 \
	{                                                                                          \
		{                                                                                  \
			STE(2), STE2_S2 & ~(clear)                                                 \
		}                                                                                  \
	}

/* Stage 1, empty tables: TG0, T0SZ; TG1, T1SZ beside a lower half that is fine. */
#define CD0_TG0(tg, t0sz)                                                                          \
	((CD0 & ~(CD_0_T0SZ | CD_0_TG0 | CD_0_IPS)) | (t0sz) | (uint64_t)(tg) << 6 | 6ull << 32)
#define CD0_TG1(tg, t1sz)                                                                          \
	((CD0 & ~(CD_0_EPD1 | CD_0_IPS)) | (uint64_t)(t1sz) << 16 | (uint64_t)(tg) << 22 |         \
		6ull << 32)
#define S1W(tg, t0sz)                                                                              \
	{                                                                                          \
		{ CD(0), CD0_TG0(tg, t0sz) },                                                      \
		{                                                                                  \
			CD(1), RAM(EMPTY)                                                          \
		}                                                                                  \
	}
#define S1B(tg, t0sz, base)                                                                        \
	{                                                                                          \
		{ CD(0), CD0_TG0(tg, t0sz) },                                                      \
		{                                                                                  \
			CD(1), (base)                                                              \
		}                                                                                  \
	}
#define S1H(tg, t1sz)                                                                              \
	{                                                                                          \
		{ CD(0), CD0_TG1(tg, t1sz) },                                                      \
		{                                                                                  \
			CD(2), RAM(EMPTY)                                                          \
		}                                                                                  \
	}
#define S1HB(tg, t1sz, base)                                                                       \
	{                                                                                          \
		{ CD(0), CD0_TG1(tg, t1sz) },                                                      \
		{                                                                                  \
			CD(2), (base)                                                              \
		}                                                                                  \
	}
#define C0(set)                                                                                    \
	{                                                                                          \
		{                                                                                  \
			CD(0), CD0 | (set)                                                         \
		}                                                                                  \
	}
#define NC0(clear)                                                                                 \
	{                                                                                          \
		{                                                                                  \
			CD(0), CD0 & ~(clear)                                                      \
		}                                                                                  \
	}

/* Substreams: S1CDMax, S1Fmt over a table; and a CD that is fine. */
#define SUBSTREAMS(config, max, fmt, at)                                                           \
	{                                                                                          \
		STE(0), (config) | RAM(at) | (uint64_t)(fmt) << 4 | (uint64_t)(max) << 59          \
	}
#define LINEAR(max)  SUBSTREAMS(0xb, max, 0, CD_TABLE)
#define LEAF4K(max)  SUBSTREAMS(0xb, max, 1, L1CDS)
#define LEAF64K(max) SUBSTREAMS(0xb, max, 2, L1CDS)
#define GOOD_CD(at)                                                                                \
	{ (at), CD0 },                                                                             \
	{                                                                                          \
		(at) + 8, RAM(S1_L0)                                                               \
	}
#define CDN(n)	      (CD_TABLE + 64 * (n))
#define L1CD(n)	      (L1CDS + 8 * (n))
#define L1CD_TO(addr) (RAM(addr) | L1CD_V)

static const struct spec_row rows[] = {
	/* 3.3.1, 5.1: which STE. */
	{ "IHI 5.1", "Span: more than the split has room for", SPEC_NONE,
		{ { L1STD_AT + 8, RAM(L2_STRTAB) | 8 } }, RD(0), EV(C_BAD_STREAMID), .sid = 67,
		.strtab_at = L1STD_AT, .strtab_cfg = 1 << 16 | 6 << 6 | 10 },
	{ "IHI 5.1", "Span: 31 is reserved", SPEC_NONE, { { L1STD_AT + 8, RAM(L2_STRTAB) | 31 } },
		RD(0), EV(C_BAD_STREAMID), .sid = 64, .strtab_at = L1STD_AT,
		.strtab_cfg = 1 << 16 | 6 << 6 | 10 },
	{ "IHI 5.1", "Span: one STE", SPEC_NONE,
		{ { L1STD_AT + 8, RAM(L2_STRTAB) | 1 }, { L2_STRTAB, STE0_BYPASS } }, BYPASSED,
		.sid = 64, .strtab_at = L1STD_AT, .strtab_cfg = 1 << 16 | 6 << 6 | 10 },
	{ "IHI 5.1", "Span: one STE, and the next", SPEC_NONE,
		{ { L1STD_AT + 8, RAM(L2_STRTAB) | 1 }, { L2_STRTAB + 64, STE0_BYPASS } }, RD(0),
		EV(C_BAD_STREAMID), .sid = 65, .strtab_at = L1STD_AT,
		.strtab_cfg = 1 << 16 | 6 << 6 | 10 },
	{ "IHI 5.1", "Span: 11 with split 10, the last STE", SPEC_NONE,
		{ { L1STD_AT, RAM(BIG_L2) | 11 }, { BIG_L2 + 64 * 1023, STE0_BYPASS } }, BYPASSED,
		.sid = 1023, .strtab_at = L1STD_AT, .strtab_cfg = 1 << 16 | 10 << 6 | 10 },
	{ "IHI 5.1", "Span: 10 with split 8", SPEC_NONE, { { L1STD_AT, RAM(BIG_L2) | 10 } }, RD(0),
		EV(C_BAD_STREAMID), .sid = 3, .strtab_at = L1STD_AT,
		.strtab_cfg = 1 << 16 | 8 << 6 | 10 },
	{ "IHI 5.1", "L2Ptr: aligned to its size", SPEC_NONE,
		{ { L1STD_AT + 8, (RAM(L2_STRTAB) + 0x140) | 7 }, { L2_STRTAB, STE0_BYPASS } },
		BYPASSED, .sid = 64, .strtab_at = L1STD_AT, .strtab_cfg = 1 << 16 | 6 << 6 | 10 },
	{ "IHI 3.3.1", "2-level: a table smaller than the split uses descriptor 0", SPEC_NONE,
		{ { L1STD_AT, RAM(L2_STRTAB) | 6 }, { L2_STRTAB + 64 * 31, STE0_BYPASS } },
		BYPASSED, .sid = 31, .strtab_at = L1STD_AT, .strtab_cfg = 1 << 16 | 6 << 6 | 5 },
	{ "IHI 3.3.1", "2-level: LOG2SIZE counts before the Span", SPEC_NONE,
		{ { L1STD_AT, RAM(L2_STRTAB) | 7 } }, RD(0), EV(C_BAD_STREAMID), .sid = 32,
		.strtab_at = L1STD_AT, .strtab_cfg = 1 << 16 | 6 << 6 | 5 },
	{ "IHI 3.3.1", "linear where IDR0.ST_LEVEL is 0", SPEC_NONE,
		{ { L1STD_AT + 64 * RIG_SID, STE0_BYPASS } }, BYPASSED, .strtab_at = L1STD_AT,
		.strtab_cfg = 1 << 16 | 6 << 6 | 6, .hw.linear_tables_only = true },
	{ "IHI 6.3.24", "2-level: the first level is aligned to its size", SPEC_NONE,
		{ { L1STD_AT + 8, RAM(L2_STRTAB) | 7 }, { L2_STRTAB + 64 * 3, STE0_BYPASS } },
		BYPASSED, .sid = 67, .strtab_at = L1STD_AT + 0x40,
		.strtab_cfg = 1 << 16 | 6 << 6 | 10 },
	{ "IHI 6.3.25", "FMT: 0b10 is reserved and linear", SPEC_NONE,
		{ { L1STD_AT + 64 * RIG_SID, STE0_BYPASS } }, BYPASSED, .strtab_at = L1STD_AT,
		.strtab_cfg = 2 << 16 | 6 << 6 | 6 },
	{ "IHI 6.3.25", "LOG2SIZE: at most SIDSIZE", SPEC_NONE, {}, RD(0), EV(C_BAD_STREAMID),
		.sid = 256, .strtab_cfg = 9, .hw.sid_bits = 8, .strtab_at = BIG_L2 },
	{ "IHI 3.4.3", "L2Ptr beyond the OAS", SPEC_NONE, { { L1STD_AT + 8, BIT64(41) | 7 } },
		RD(0), EV(F_STE_FETCH), .w3 = BIT64(41) + 64 * 3, .sid = 67, .hw.oas_bits = 40,
		.strtab_at = L1STD_AT, .strtab_cfg = 1 << 16 | 6 << 6 | 10 },

	/* 5.2: what a stage that is off, or a feature that is not there, does not look at. */
	{ "IHI 5.2", "V: the rest of an invalid STE is IGNORED", SPEC_S1,
		{ { STE(0), STE0_S1 & ~STE_0_V } }, BAD_STE },
	{ "IHI 5.2", "Config 0b000: nothing else counts", SPEC_S1,
		{ { STE(0), ~UINT64_C(0) & ~STE_0_CONFIG }, { STE(1), ~UINT64_C(0) },
			{ STE(2), ~UINT64_C(0) } },
		RD(RIG_VA), SILENT, SUBS },
	{ "IHI 5.2", "Config 0b100: stage 1's fields are IGNORED", SPEC_BYPASS,
		{ { STE(0), STE0_BYPASS | STE_0_S1FMT | STE_0_S1CTXPTR | STE_0_S1CDMAX },
			{ STE(1), STE_1_S1STALLD | DSS(3) | STE_1_STRW } },
		BYPASSED, SUBS },
	{ "IHI 5.2", "Config 0b100: stage 2's fields are IGNORED", SPEC_BYPASS,
		{ { STE(2), ~UINT64_C(0) }, { STE(3), ~UINT64_C(0) }, { STE(1), STE_1_S2FWB } },
		BYPASSED },
	{ "IHI 5.2", "Config 0b101: stage 2's fields are IGNORED", SPEC_S1,
		{ { STE(2), ~UINT64_C(0) }, { STE(3), ~UINT64_C(0) }, { STE(1), STE_1_S2FWB } },
		FINE },
	{ "IHI 5.2", "Config 0b110: stage 1's fields are IGNORED", SPEC_S2,
		{ { STE(0), STE0_S2 | STE_0_S1FMT | STE_0_S1CTXPTR | STE_0_S1CDMAX },
			{ STE(1), STE_1_S1STALLD | DSS(3) | STE_1_STRW } },
		S2_FINE, SUBS },
	{ "IHI 5.2", "Config 0b110: without IDR0.S2P", SPEC_S2, {}, S2_BAD, .hw.no_stage2 = true },
	{ "IHI 5.2", "Config 0b111: without IDR0.S1P", SPEC_NESTED, {}, BAD_STE,
		.hw.no_stage1 = true },
	{ "IHI 5.2", "STRW: IGNORED in a nested STE", SPEC_NESTED, { { STE(1), 3ull << 30 } },
		FINE },
	{ "IHI 5.2", "S1CIR, S1COR, S1CSH: attributes", SPEC_S1, { { STE(1), 0xfcull } }, FINE },
	{ "IHI 5.2", "CONT: a hint", SPEC_S1, { { STE(1), STE_1_CONT } }, FINE },
	{ "IHI 5.2", "CONT: neighbours are what they are", SPEC_S1,
		{ { STE(1), 3ull << 13 }, { STRTAB_AT + 64 * 4, STE0_BYPASS } }, BYPASSED,
		.sid = 4 },
	{ "IHI 5.2", "MEV: permits merging", SPEC_S1, { { STE(1), STE_1_MEV } }, FINE },
	{ "IHI 5.2", "DRE, DCP, PPAR, SW_RESERVED: nothing here", SPEC_S1,
		{ { STE(1), BIT64(12) | BIT64(17) | BIT64(18) | MASK64(23, 20) } }, FINE },
	{ "IHI 5.2", "S1PIE, S1MPAM: RES0 without the features", SPEC_S1,
		{ { STE(1), BIT64(24) | BIT64(26) } }, FINE },
	{ "IHI 5.2", "S2HWU59 to 62: IGNORED without PBHA", SPEC_S2, { { STE(1), 0xf00ull } },
		S2_FINE },
	{ "IHI 5.2", "MTCFG, MemAttr: attributes", SPEC_S1,
		{ { STE(1), STE_1_MTCFG | 5ull << 32 } }, FINE },
	{ "IHI 5.2", "MTCFG: of bypass too", SPEC_BYPASS, { { STE(1), STE_1_MTCFG | 15ull << 32 } },
		BYPASSED },
	{ "IHI 5.2", "ALLOCCFG: hints", SPEC_S1, { { STE(1), STE_1_ALLOCCFG } }, FINE },
	{ "IHI 5.2", "SHCFG: attributes", SPEC_S1, { { STE(1), STE_1_SHCFG } }, FINE },
	{ "IHI 5.2", "NSCFG: IGNORED in the Non-secure table", SPEC_S1, { { STE(1), STE_1_NSCFG } },
		FINE },
	{ "IHI 5.2", "PRIVCFG: 0b01 is reserved: as it comes", SPEC_S1,
		{ { STE(1), 1ull << 48 }, { PTE3, NO_AP | RAM(DATA_AT) } }, FINE, .priv = true },
	{ "IHI 5.2", "PRIVCFG: 0b00: as it comes, unprivileged", SPEC_S1,
		{ { PTE3, NO_AP | RAM(DATA_AT) } }, RD(RIG_VA), EV(F_PERMISSION), RNW | IN },
	{ "IHI 5.2", "PRIVCFG: 0b10: made unprivileged", SPEC_S1,
		{ { STE(1), 2ull << 48 }, { PTE3, NO_AP | RAM(DATA_AT) } }, RD(RIG_VA),
		EV(F_PERMISSION), RNW | IN, .priv = true },
	{ "IHI 5.2", "INSTCFG: 0b01 is reserved: as it comes", SPEC_S1,
		{ { STE(1), 1ull << 50 }, { PTE3, S1_PAGE(RAM(DATA_AT)) | TTD_UXN } }, RD(RIG_VA),
		EV(F_PERMISSION), EVT_1_IND | RNW | IN, .inst = true },
	{ "IHI 5.2", "INSTCFG: 0b10: made data", SPEC_S1,
		{ { STE(1), 2ull << 50 }, { PTE3, S1_PAGE(RAM(DATA_AT)) | TTD_UXN } }, FINE,
		.inst = true },
	{ "IHI 5.2", "S2VMID: all 16 bits", SPEC_S2, { { STE(2), STE2_S2 | 0xffff } }, S2_FINE },
	{ "IHI 5.2", "S1ContextPtr: beyond the OAS", SPEC_S1,
		{ { STE(0), 0xb | BIT64(45) | RAM(CD_AT) } }, BAD_STE, .hw.oas_bits = 40 },
	{ "IHI 3.4.3", "S1ContextPtr: nested, beyond the IAS, is stage 2's fault", SPEC_NESTED,
		{ { STE(0), 0xf | BIT64(45) } }, RD(RIG_VA), EV(F_TRANSLATION), RNW | S2F,
		BIT64(45), .hw.oas_bits = 40 },

	/* 5.2: faults and ATS. */
	{ "IHI 5.5", "S1STALLD: stalls are configurable", SPEC_S1, { { STE(1), STE_1_S1STALLD } },
		FINE, STALL },
	{ "IHI 5.5", "S1STALLD: stalls are forced", SPEC_S1,
		{ { STE(1), STE_1_S1STALLD }, { CD(0), CD0 | CD_0_S } }, BAD_STE, FORCED },
	{ "IHI 5.5", "S1STALLD: nested, no stalls", SPEC_NESTED, { { STE(1), STE_1_S1STALLD } },
		BAD_STE },
	{ "IHI 5.5", "S2S: stalls are configurable", SPEC_S2, S2(STE_2_S2S), S2_FINE, STALL },
	{ "IHI 5.5", "S2S: clear, stalls are configurable", SPEC_S2, {}, S2_FINE, STALL },
	{ "IHI 5.5", "S2S: set, stalls are forced", SPEC_S2, S2(STE_2_S2S), S2_FINE, FORCED },
	{ "IHI 5.5", "S2S: clear, stalls are forced", SPEC_S2, {}, S2_BAD, FORCED },
	{ "IHI 5.5", "S2S: IGNORED without stage 2", SPEC_S1, { { STE(2), STE_2_S2S } }, FINE },
	{ "IHI 5.5", "S2S: clear and IGNORED, stalls are forced", SPEC_S1, C0(CD_0_S), FINE,
		FORCED },
	{ "IHI 5.2", "EATS: full ATS", SPEC_NESTED, { { STE(1), EATS(1) } }, FINE, .hw.ats = true },
	{ "IHI 5.2", "EATS: full ATS with S2S", SPEC_NESTED,
		{ { STE(1), EATS(1) }, { STE(2), STE2_S2 | STE_2_S2S } }, BAD_STE, .hw.ats = true,
		STALL },
	{ "IHI 5.2", "EATS: full ATS with S2S, stage 2 alone", SPEC_S2,
		{ { STE(1), EATS(1) }, { STE(2), STE2_S2 | STE_2_S2S } }, S2_BAD, .hw.ats = true,
		STALL },
	{ "IHI 5.2", "EATS: full ATS, S2S without stage 2", SPEC_S1,
		{ { STE(1), EATS(1) }, { STE(2), STE_2_S2S } }, FINE, .hw.ats = true, STALL },
	{ "IHI 5.2", "EATS: S2S where there is no ATS", SPEC_NESTED,
		{ { STE(1), EATS(1) }, { STE(2), STE2_S2 | STE_2_S2S } }, FINE, STALL },
	{ "IHI 5.2", "EATS: split-stage ATS, both stages", SPEC_NESTED, { { STE(1), EATS(2) } },
		FINE, .hw.ats = true },
	{ "IHI 5.2", "EATS: split-stage ATS with S2S", SPEC_NESTED,
		{ { STE(1), EATS(2) }, { STE(2), STE2_S2 | STE_2_S2S } }, BAD_STE, .hw.ats = true,
		STALL },
	{ "IHI 5.2", "EATS: split-stage ATS, stage 1 alone", SPEC_S1, { { STE(1), EATS(2) } },
		BAD_STE, .hw.ats = true },
	{ "IHI 5.2", "EATS: split-stage ATS, stage 2 alone", SPEC_S2, { { STE(1), EATS(2) } },
		S2_BAD, .hw.ats = true },
	{ "IHI 5.2", "EATS: IGNORED without IDR0.ATS", SPEC_S1, { { STE(1), EATS(2) } }, FINE },
	{ "IHI 5.2", "EATS: IGNORED in bypass", SPEC_BYPASS, { { STE(1), EATS(2) } }, BYPASSED,
		.hw.ats = true },
	{ "IHI 5.2", "EATS: 0b11 is reserved: none", SPEC_S1, { { STE(1), EATS(3) } }, FINE,
		.hw.ats = true },
	{ "IHI 5.2", "EATS: 0b11 with S2S", SPEC_S2,
		{ { STE(1), EATS(3) }, { STE(2), STE2_S2 | STE_2_S2S } }, S2_FINE, .hw.ats = true,
		STALL },

	/* 5.2: stage 2. */
	{ "IHI 5.2", "S2HA: IDR0.HTTU 1", SPEC_S2, S2(STE_2_S2HA), S2_FINE, HTTU_A },
	{ "IHI 5.2", "S2HD: IDR0.HTTU 1", SPEC_S2, S2(STE_2_S2HA | STE_2_S2HD), S2_BAD, HTTU_A },
	{ "IHI 5.2", "S2HD: IDR0.HTTU 2", SPEC_S2, S2(STE_2_S2HA | STE_2_S2HD), S2_FINE, HTTU_D },
	{ "IHI 5.2", "S2HD: alone, IDR0.HTTU 1", SPEC_S2, S2(STE_2_S2HD), S2_BAD, HTTU_A },
	{ "IHI 5.2", "S2HD: alone it is off", SPEC_S2,
		{ { STE(2), STE2_S2 | STE_2_S2HD }, { S2PTE3(0x30000), 0 } }, RD(RAM(0x30000)),
		EV(F_TRANSLATION), RNW | S2F | IN, RAM(0x30000), HTTU_D },
	{ "IHI 5.2", "S2HD: alone, the dirty state is not updated", SPEC_S2,
		{ { STE(2), STE2_S2 | STE_2_S2HD },
			{ S2PTE3(0x30000), (S2_PAGE(RAM(0x30000)) & ~TTD_S2_WRITE) | TTD_DBM } },
		WR(RAM(0x30000)), EV(F_PERMISSION), S2F | IN, RAM(0x30000), HTTU_D },
	{ "IHI 5.2", "S2HA: nested, without HTTU", SPEC_NESTED, S2(STE_2_S2HA), BAD_STE },
	{ "IHI 5.2", "S2FWB: RES0 without IDR3.FWB", SPEC_S2, { { STE(1), STE_1_S2FWB } },
		S2_FINE },
	{ "IHI 5.2", "S2FWB: with IDR3.FWB", SPEC_S2, { { STE(1), STE_1_S2FWB } }, S2_FINE,
		.hw.fwb = true },
	{ "IHI 5.2", "S2PTW: a CD in Device memory", SPEC_NESTED,
		{ { STE(2), STE2_S2 | STE_2_S2PTW },
			{ S2PTE3(CD_AT), S2_PAGE(RAM(CD_AT)) & ~MASK64(5, 2) } },
		RD(RIG_VA), EV(F_PERMISSION), RNW | S2F, RAM(CD_AT) },
	{ "IHI 5.2", "S2PTW: a CD in Device memory, without S2PTW", SPEC_NESTED,
		{ { S2PTE3(CD_AT), S2_PAGE(RAM(CD_AT)) & ~MASK64(5, 2) } }, FINE },
	{ "IHI 5.2", "S2PTW: IGNORED without stage 1", SPEC_S2,
		{ { STE(2), STE2_S2 | STE_2_S2PTW },
			{ S2PTE3(0x30000), S2_PAGE(RAM(0x30000)) & ~MASK64(5, 2) } },
		S2_FINE },
	{ "IHI 5.2", "S2AA64: nested, AArch32 tables", SPEC_NESTED, NS2(STE_2_S2AA64), BAD_STE },
	{ "IHI 5.2", "S2ENDI: nested, big-endian tables", SPEC_NESTED, S2(STE_2_S2ENDI), BAD_STE },
	{ "IHI 5.2", "S2TG: 4 KiB, not supported", SPEC_S2, S2W(0, 25, 1), S2_BAD,
		.hw.granules = NB_SMMUV3_GRAN16K | NB_SMMUV3_GRAN64K },
	{ "IHI 5.2", "S2TG: 16 KiB", SPEC_S2, S2W(2, 25, 1), S2_LEGAL, ALL },
	{ "IHI 5.2", "S2TG: 16 KiB, not supported", SPEC_S2, S2W(2, 25, 1), S2_BAD,
		.hw.granules = NB_SMMUV3_GRAN4K | NB_SMMUV3_GRAN64K },
	{ "IHI 5.2", "S2TG: 64 KiB", SPEC_S2, S2W(1, 25, 1), S2_LEGAL, ALL },
	{ "IHI 5.2", "S2TG: 64 KiB, not supported", SPEC_S2, S2W(1, 25, 1), S2_BAD,
		.hw.granules = NB_SMMUV3_GRAN4K | NB_SMMUV3_GRAN16K },
	{ "IHI 5.2", "S2TG: 0b11 is reserved", SPEC_S2, S2W(3, 25, 1), S2_BAD, ALL },
	/* S2SL0 and S2T0SZ: each granule's first levels, their least and largest input sizes. */
	{ "IHI 5.2", "S2SL0: 4 KiB, level 2: 25 bits", SPEC_S2, S2W(0, 39, 0), S2_LEGAL },
	{ "IHI 5.2", "S2T0SZ: 40 without STT", SPEC_S2, S2W(0, 40, 0), S2_BAD },
	{ "IHI 5.2", "S2SL0: 4 KiB, level 2: 34 bits", SPEC_S2, S2W(0, 30, 0), S2_LEGAL },
	{ "IHI 5.2", "S2SL0: 4 KiB, level 2: 35 bits", SPEC_S2, S2W(0, 29, 0), S2_BAD },
	{ "IHI 5.2", "S2SL0: 4 KiB, level 1: 30 bits", SPEC_S2, S2W(0, 34, 1), S2_BAD },
	{ "IHI 5.2", "S2SL0: 4 KiB, level 1: 31 bits", SPEC_S2, S2W(0, 33, 1), S2_LEGAL },
	{ "IHI 5.2", "S2SL0: 4 KiB, level 1: 43 bits", SPEC_S2, S2W(0, 21, 1), S2_LEGAL },
	{ "IHI 5.2", "S2SL0: 4 KiB, level 1: 44 bits", SPEC_S2, S2W(0, 20, 1), S2_BAD },
	{ "IHI 5.2", "S2SL0: 4 KiB, level 0: 39 bits", SPEC_S2, S2W(0, 25, 2), S2_BAD },
	{ "IHI 5.2", "S2SL0: 4 KiB, level 0: 40 bits", SPEC_S2, S2W(0, 24, 2), S2_LEGAL },
	{ "IHI 5.2", "S2SL0: 4 KiB, level 0: 48 bits", SPEC_S2, S2W(0, 16, 2), S2_LEGAL },
	{ "IHI 5.2", "S2T0SZ: 15 with 4 KiB, even where the OAS is 52 bits", SPEC_S2, S2W(0, 15, 2),
		S2_BAD, WIDE },
	{ "IHI 5.2", "S2SL0: 4 KiB, level 0 needs 44 bits of OAS", SPEC_S2, S2W(0, 24, 2), S2_BAD,
		.hw.oas_bits = 42 },
	{ "IHI 5.2", "S2SL0: 4 KiB, level 0 with 44 bits of OAS", SPEC_S2, S2W(0, 24, 2), S2_LEGAL,
		.hw.oas_bits = 44 },
	{ "IHI 5.2", "S2SL0: 4 KiB, 0b11", SPEC_S2, S2W(0, 39, 3), S2_BAD, ALL },
	{ "IHI 5.2", "S2T0SZ: beyond the IAS", SPEC_S2, S2W(0, 23, 1), S2_BAD, .hw.oas_bits = 40 },
	{ "IHI 5.2", "S2T0SZ: all of the IAS", SPEC_S2, S2W(0, 24, 1), S2_LEGAL,
		.hw.oas_bits = 40 },
	{ "IHI 5.2", "S2SL0: 16 KiB, level 3: 25 bits", SPEC_S2, S2W(2, 39, 0), S2_LEGAL, ALL },
	{ "IHI 5.2", "S2SL0: 16 KiB, level 3: 29 bits", SPEC_S2, S2W(2, 35, 0), S2_LEGAL, ALL },
	{ "IHI 5.2", "S2SL0: 16 KiB, level 3: 30 bits", SPEC_S2, S2W(2, 34, 0), S2_BAD, ALL },
	{ "IHI 5.2", "S2SL0: 16 KiB, level 2: 25 bits", SPEC_S2, S2W(2, 39, 1), S2_BAD, ALL },
	{ "IHI 5.2", "S2SL0: 16 KiB, level 2: 26 bits", SPEC_S2, S2W(2, 38, 1), S2_LEGAL, ALL },
	{ "IHI 5.2", "S2SL0: 16 KiB, level 2: 40 bits", SPEC_S2, S2W(2, 24, 1), S2_LEGAL, ALL },
	{ "IHI 5.2", "S2SL0: 16 KiB, level 2: 41 bits", SPEC_S2, S2W(2, 23, 1), S2_BAD, ALL },
	{ "IHI 5.2", "S2SL0: 16 KiB, level 1: 36 bits", SPEC_S2, S2W(2, 28, 2), S2_BAD, ALL },
	{ "IHI 5.2", "S2SL0: 16 KiB, level 1: 37 bits", SPEC_S2, S2W(2, 27, 2), S2_LEGAL, ALL },
	{ "IHI 5.2", "S2SL0: 16 KiB, level 1: 48 bits", SPEC_S2, S2W(2, 16, 2), S2_LEGAL, ALL },
	{ "IHI 5.2", "S2SL0: 16 KiB, level 1 needs 42 bits of OAS", SPEC_S2, S2W(2, 27, 2), S2_BAD,
		ALL, .hw.oas_bits = 40 },
	{ "IHI 5.2", "S2T0SZ: 15 with 16 KiB", SPEC_S2, S2W(2, 15, 2), S2_BAD, WIDE },
	{ "IHI 5.2", "S2SL0: 16 KiB, 0b11 without LPA2", SPEC_S2, S2W(2, 16, 3), S2_BAD, ALL },
	{ "IHI 5.2", "S2SL0: 64 KiB, level 3: 25 bits", SPEC_S2, S2W(1, 39, 0), S2_LEGAL, ALL },
	{ "IHI 5.2", "S2SL0: 64 KiB, level 3: 33 bits", SPEC_S2, S2W(1, 31, 0), S2_LEGAL, ALL },
	{ "IHI 5.2", "S2SL0: 64 KiB, level 3: 34 bits", SPEC_S2, S2W(1, 30, 0), S2_BAD, ALL },
	{ "IHI 5.2", "S2SL0: 64 KiB, level 2: 29 bits", SPEC_S2, S2W(1, 35, 1), S2_BAD, ALL },
	{ "IHI 5.2", "S2SL0: 64 KiB, level 2: 30 bits", SPEC_S2, S2W(1, 34, 1), S2_LEGAL, ALL },
	{ "IHI 5.2", "S2SL0: 64 KiB, level 2: 46 bits", SPEC_S2, S2W(1, 18, 1), S2_LEGAL, ALL },
	{ "IHI 5.2", "S2SL0: 64 KiB, level 2: 47 bits", SPEC_S2, S2W(1, 17, 1), S2_BAD, ALL },
	{ "IHI 5.2", "S2SL0: 64 KiB, level 1: 42 bits", SPEC_S2, S2W(1, 22, 2), S2_BAD, ALL },
	{ "IHI 5.2", "S2SL0: 64 KiB, level 1: 43 bits", SPEC_S2, S2W(1, 21, 2), S2_LEGAL, ALL },
	{ "IHI 5.2", "S2SL0: 64 KiB, level 1: 48 bits", SPEC_S2, S2W(1, 16, 2), S2_LEGAL, ALL },
	{ "IHI 5.2", "S2T0SZ: 15 with 64 KiB, where the OAS is 48 bits", SPEC_S2, S2W(1, 15, 2),
		S2_BAD, ALL },
	{ "IHI 5.2", "S2T0SZ: 12 with 64 KiB", SPEC_S2, S2W(1, 12, 2), S2_LEGAL, WIDE },
	{ "IHI 5.2", "S2T0SZ: 11 with 64 KiB", SPEC_S2, S2W(1, 11, 2), S2_BAD, WIDE },
	{ "IHI 5.2", "S2SL0: 64 KiB, 0b11", SPEC_S2, S2W(1, 21, 3), S2_BAD, ALL },
	{ "IHI 5.2", "S2TTB: bits above 48 with 4 KiB", SPEC_S2, S2B(0, 25, 1, 6, BIT64(48)),
		S2_BAD, WIDE },
	{ "IHI 5.2", "S2TTB: bits above 48 with 16 KiB", SPEC_S2, S2B(2, 25, 1, 6, BIT64(51)),
		S2_BAD, WIDE },
	{ "IHI 5.2", "S2TTB: bits above 48 with 64 KiB", SPEC_S2, S2B(1, 25, 1, 6, BIT64(51)),
		RD(0), EV(F_WALK_EABT), RNW | S2F | IN, BIT64(51), WIDE },
	{ "IHI 5.2", "S2TTB: beyond S2PS with 64 KiB", SPEC_S2, S2B(1, 25, 1, 5, BIT64(48)), S2_BAD,
		WIDE },
	{ "IHI 5.2", "S2PS: 7 means 6", SPEC_S2, S2B(1, 25, 1, 7, BIT64(50)), RD(0),
		EV(F_WALK_EABT), RNW | S2F | IN, BIT64(50), WIDE },
	{ "IHI 5.2", "S2PS: at most the OAS", SPEC_S2, S2B(0, 25, 1, 6, BIT64(41)), S2_BAD,
		.hw.oas_bits = 40 },
	{ "IHI 5.2", "S2TTB: the last bit of S2PS", SPEC_S2, S2B(0, 25, 1, 1, BIT64(35)), RD(0),
		EV(F_WALK_EABT), RNW | S2F | IN, BIT64(35) },
	{ "IHI 5.2", "S2TTB: aligned to the table", SPEC_S2, S2B(0, 25, 1, 5, OUT_OF_RAM | 0xff0),
		RD(0), EV(F_WALK_EABT), RNW | S2F | IN, OUT_OF_RAM },
	{ "IHI 5.2", "S2TTB: aligned to 16 concatenated tables", SPEC_S2,
		S2B(0, 21, 1, 5, OUT_OF_RAM | 0xf000), RD(0), EV(F_WALK_EABT), RNW | S2F | IN,
		OUT_OF_RAM },
	{ "IHI 5.2", "S2TTB: a table of two entries", SPEC_S2, S2B(0, 33, 1, 5, OUT_OF_RAM | 0x30),
		RD(0), EV(F_WALK_EABT), RNW | S2F | IN, OUT_OF_RAM | 0x30 },
	{ "IHI 5.2", "S2TTB: at least 64 bytes, where the output is 52 bits", SPEC_S2,
		S2B(0, 33, 1, 6, OUT_OF_RAM | 0x30), RD(0), EV(F_WALK_EABT), RNW | S2F | IN,
		OUT_OF_RAM, WIDE },

	/* 3.3.2, 5.2: substreams. */
	{ "IHI 5.2", "S1CDMax: IGNORED without substreams", SPEC_S1,
		{ { STE(0), STE0_S1 | 31ull << 59 } }, FINE },
	{ "IHI 5.2", "S1Fmt: IGNORED without substreams", SPEC_S1, { { STE(0), STE0_S1 | 0x10 } },
		FINE },
	{ "IHI 5.2", "S1DSS: IGNORED without substreams", SPEC_S1,
		{ { STE(0), STE0_S1 | 3ull << 59 }, { STE(1), DSS(1) } }, FINE },
	{ "IHI 5.2", "S1CDMax 0: one CD", SPEC_S1,
		{ { STE(0), STE0_S1 | 0x20 }, { STE(1), DSS(1) } }, FINE, SUBS },
	{ "IHI 5.2", "S1CDMax 0: SubstreamID", SPEC_S1, {}, NO_SUBS, .ssid = 1, SUBS },
	{ "IHI 5.2", "S1CDMax 0: SubstreamID 0", SPEC_S1, {}, NO_SUBS, .ssv = true, SUBS },
	{ "IHI 5.2", "S1CDMax: SSIDSIZE is the most", SPEC_S1,
		{ SUBSTREAMS(0xb, 16, 0, MIB(4)), GOOD_CD(MIB(4) + 64 * 65535) }, FINE,
		.ssid = 65535, SUBS },
	{ "IHI 5.2", "S1CDMax: more than SSIDSIZE", SPEC_S1, { LINEAR(17) }, BAD_STE, .ssid = 9,
		SUBS },
	{ "IHI 5.2", "S1CDMax: more than SSIDSIZE, no SubstreamID", SPEC_NESTED,
		{ SUBSTREAMS(0xf, 5, 0, CD_TABLE) }, BAD_STE, .hw.ssid_bits = 4 },
	{ "IHI 7.3.9", "stage 2 alone with SubstreamID", SPEC_S2, {}, RD(RAM(0)),
		EV(C_BAD_SUBSTREAMID), .ssid = 5, SUBS },
	{ "IHI 7.3.9", "bypass with SubstreamID 0", SPEC_BYPASS, {}, RD(RAM(0)),
		EV(C_BAD_SUBSTREAMID), .ssv = true, SUBS },
	{ "IHI 7.3.9", "SubstreamID is the number of CDs", SPEC_S1, { LINEAR(2) }, NO_SUBS,
		.ssid = 4, SUBS },
	{ "IHI 7.3.9", "SubstreamID beyond SSIDSIZE", SPEC_S1, { LINEAR(16) }, NO_SUBS,
		.ssid = 0xfffff, SUBS },
	{ "IHI 3.3.2", "linear: the last CD", SPEC_S1, { LINEAR(2), GOOD_CD(CDN(3)) }, FINE,
		.ssid = 3, SUBS },
	{ "IHI 3.3.2", "linear: two CDs", SPEC_S1, { LINEAR(1), GOOD_CD(CDN(1)) }, FINE, .ssid = 1,
		SUBS },
	{ "IHI 3.3.2", "linear: SubstreamID 0 is one of them", SPEC_S1,
		{ LINEAR(1), GOOD_CD(CDN(0)) }, FINE, .ssv = true, SUBS },
	{ "IHI 3.3.2", "linear: an invalid CD", SPEC_S1, { LINEAR(2), GOOD_CD(CDN(3)) }, BAD_CD,
		.ssid = 2, SUBS },
	{ "IHI 5.2", "S1Fmt: linear, aligned to its size", SPEC_S1,
		{ SUBSTREAMS(0xb, 4, 0, CD_TABLE + 0x3c0), GOOD_CD(CDN(3)) }, FINE, .ssid = 3,
		SUBS },
	{ "IHI 5.2", "S1Fmt: 0b11 is reserved and linear", SPEC_S1,
		{ SUBSTREAMS(0xb, 4, 3, CD_TABLE), GOOD_CD(CDN(3)) }, FINE, .ssid = 3, SUBS },
	{ "IHI 5.2", "S1Fmt: 0b11 without IDR0.CD2L", SPEC_S1,
		{ SUBSTREAMS(0xb, 4, 3, CD_TABLE), GOOD_CD(CDN(3)) }, FINE, .ssid = 3, NO_CD2L },
	{ "IHI 5.2", "S1Fmt: 4 KiB leaves without IDR0.CD2L", SPEC_S1, { LEAF4K(8) }, BAD_STE,
		.ssid = 3, NO_CD2L },
	{ "IHI 5.2", "S1Fmt: 64 KiB leaves without IDR0.CD2L", SPEC_S1, { LEAF64K(8) }, BAD_STE,
		.ssid = 3, NO_CD2L },
	{ "IHI 5.2", "S1Fmt: IGNORED with one CD, without IDR0.CD2L", SPEC_S1,
		{ { STE(0), STE0_S1 | 0x10 } }, FINE, NO_CD2L },
	{ "IHI 7.3.10", "linear: a CD that is not there", SPEC_S1,
		{ { STE(0), 0xb | OUT_OF_RAM | 4ull << 59 } }, RD(RIG_VA), EV(F_CD_FETCH),
		.w3 = OUT_OF_RAM + 64 * 3, .ssid = 3, SUBS },
	{ "IHI 3.3.2", "4 KiB leaves: the first leaf", SPEC_S1,
		{ LEAF4K(7), { L1CD(0), L1CD_TO(LEAF) }, GOOD_CD(LEAF + 64 * 63) }, FINE,
		.ssid = 63, SUBS },
	{ "IHI 3.3.2", "4 KiB leaves: the second leaf", SPEC_S1,
		{ LEAF4K(7), { L1CD(1), L1CD_TO(LEAF) }, GOOD_CD(LEAF + 64 * 6) }, FINE, .ssid = 70,
		SUBS },
	{ "IHI 5.2", "S1Fmt: 4 KiB leaves, fewer than one leaf", SPEC_S1,
		{ LEAF4K(2), { L1CD(0), L1CD_TO(LEAF) }, GOOD_CD(LEAF + 64 * 3) }, FINE, .ssid = 3,
		SUBS },
	{ "IHI 7.3.9", "4 KiB leaves: beyond S1CDMax", SPEC_S1,
		{ LEAF4K(7), { L1CD(2), L1CD_TO(LEAF) } }, NO_SUBS, .ssid = 128, SUBS },
	{ "IHI 5.2", "S1Fmt: 4 KiB leaves, the first level is aligned to its size", SPEC_S1,
		{ SUBSTREAMS(0xb, 10, 1, L1CDS + 0x40), { L1CD(1), L1CD_TO(LEAF) },
			GOOD_CD(LEAF + 64 * 6) },
		FINE, .ssid = 70, SUBS },
	{ "IHI 5.2", "S1Fmt: 4 KiB leaves, the first level is aligned to 64 bytes at least",
		SPEC_S1,
		{ SUBSTREAMS(0xb, 7, 1, L1CDS + 0x40), { L1CD(9), L1CD_TO(LEAF) },
			GOOD_CD(LEAF + 64 * 6) },
		FINE, .ssid = 70, SUBS },
	{ "IHI 5.3", "V: an L1CD that is not valid", SPEC_S1, { LEAF4K(7), { L1CD(1), RAM(LEAF) } },
		NO_SUBS, .ssid = 70, SUBS },
	{ "IHI 5.3", "V: 64 KiB leaves", SPEC_S1, { LEAF64K(11), { L1CD(1), RAM(LEAF) } }, NO_SUBS,
		.ssid = 1030, SUBS },
	{ "IHI 7.3.9", "an L1CD that is not valid, no SubstreamID", SPEC_S1,
		{ LEAF4K(7), { STE(1), DSS(2) } }, NO_SUBS, SUBS },
	{ "IHI 5.3", "L2Ptr: low bits are not used", SPEC_S1,
		{ LEAF4K(7), { L1CD(1), L1CD_TO(LEAF) | 0xffe }, GOOD_CD(LEAF + 64 * 6) }, FINE,
		.ssid = 70, SUBS },
	{ "IHI 5.3", "L2Ptr: beyond the OAS", SPEC_S1,
		{ LEAF4K(7), { L1CD(1), BIT64(41) | L1CD_V } }, NO_SUBS, .ssid = 70, SUBS,
		.hw.oas_bits = 40 },
	{ "IHI 3.4.3", "L2Ptr: nested, beyond the IAS, is stage 2's fault", SPEC_NESTED,
		{ SUBSTREAMS(0xf, 7, 1, L1CDS), { L1CD(1), BIT64(45) | L1CD_V } }, RD(RIG_VA),
		EV(F_TRANSLATION), RNW | S2F, BIT64(45), .ssid = 70, SUBS, .hw.oas_bits = 40 },
	{ "IHI 7.3.10", "an L1CD that is not there", SPEC_S1,
		{ { STE(0), 0xb | OUT_OF_RAM | 1ull << 4 | 7ull << 59 } }, RD(RIG_VA),
		EV(F_CD_FETCH), .w3 = OUT_OF_RAM + 8, .ssid = 70, SUBS },
	{ "IHI 7.3.10", "a leaf that is not there", SPEC_S1,
		{ LEAF4K(7), { L1CD(1), OUT_OF_RAM | L1CD_V } }, RD(RIG_VA), EV(F_CD_FETCH),
		.w3 = OUT_OF_RAM + 64 * 6, .ssid = 70, SUBS },
	{ "IHI 3.3.2", "64 KiB leaves: the last CD of the first leaf", SPEC_S1,
		{ LEAF64K(11), { L1CD(0), L1CD_TO(LEAF) }, GOOD_CD(LEAF + 64 * 1023) }, FINE,
		.ssid = 1023, SUBS },
	{ "IHI 3.3.2", "64 KiB leaves: the second leaf", SPEC_S1,
		{ LEAF64K(11), { L1CD(1), L1CD_TO(LEAF2) }, GOOD_CD(LEAF2 + 64) }, FINE,
		.ssid = 1025, SUBS },
	{ "IHI 5.3", "L2Ptr: 64 KiB leaves are aligned to their size", SPEC_S1,
		{ LEAF64K(11), { L1CD(1), L1CD_TO(LEAF2 + 0xf000) }, GOOD_CD(LEAF2 + 64) }, FINE,
		.ssid = 1025, SUBS },
	{ "IHI 5.2", "S1Fmt: 64 KiB leaves, fewer than one leaf", SPEC_S1,
		{ LEAF64K(8), { L1CD(0), L1CD_TO(LEAF) }, GOOD_CD(LEAF + 64 * 255) }, FINE,
		.ssid = 255, SUBS },
	{ "IHI 7.3.9", "64 KiB leaves: beyond S1CDMax", SPEC_S1, { LEAF64K(11) }, NO_SUBS,
		.ssid = 2048, SUBS },
	{ "IHI 5.2", "S1DSS 0b00: no SubstreamID", SPEC_S1, { LINEAR(4), GOOD_CD(CDN(0)) },
		DISABLED, SUBS },
	{ "IHI 5.2", "S1DSS 0b00: SubstreamID 0", SPEC_S1, { LINEAR(4), GOOD_CD(CDN(0)) }, FINE,
		.ssv = true, SUBS },
	{ "IHI 5.2", "S1DSS 0b11: reserved, as 0b00", SPEC_S1,
		{ LINEAR(4), GOOD_CD(CDN(0)), { STE(1), DSS(3) } }, DISABLED, SUBS },
	{ "IHI 5.2", "S1DSS 0b11: SubstreamID 0", SPEC_S1,
		{ LINEAR(4), GOOD_CD(CDN(0)), { STE(1), DSS(3) } }, FINE, .ssv = true, SUBS },
	{ "IHI 5.2", "S1DSS 0b01: stage 1 bypass", SPEC_S1, { LINEAR(4), { STE(1), DSS(1) } },
		BYPASSED, SUBS },
	{ "IHI 5.2", "S1DSS 0b01: beyond the OAS", SPEC_S1, { LINEAR(4), { STE(1), DSS(1) } },
		RD(BIT64(48)), EV(F_ADDR_SIZE), RNW | IN, SUBS },
	{ "IHI 5.2", "S1DSS 0b01: no CD is fetched", SPEC_S1,
		{ { STE(0), 0xb | OUT_OF_RAM | 4ull << 59 }, { STE(1), DSS(1) } }, BYPASSED, SUBS },
	{ "IHI 5.2", "S1DSS 0b01: SubstreamID 0 translates", SPEC_S1,
		{ LINEAR(4), GOOD_CD(CDN(0)), { STE(1), DSS(1) } }, FINE, .ssv = true, SUBS },
	{ "IHI 5.2", "S1DSS 0b01: other SubstreamIDs translate", SPEC_S1,
		{ LINEAR(4), GOOD_CD(CDN(3)), { STE(1), DSS(1) } }, FINE, .ssid = 3, SUBS },
	{ "IHI 5.2", "S1DSS 0b01: nested, stage 2 alone", SPEC_NESTED,
		{ SUBSTREAMS(0xf, 4, 0, CD_TABLE), { STE(1), DSS(1) } }, S2_FINE, SUBS },
	{ "IHI 5.2", "S1DSS 0b01: nested, unmapped", SPEC_NESTED,
		{ SUBSTREAMS(0xf, 4, 0, CD_TABLE), { STE(1), DSS(1) } }, RD(0x1000),
		EV(F_TRANSLATION), RNW | S2F | IN, 0x1000, SUBS },
	{ "IHI 5.2", "S1DSS 0b10: substream 0 is for those without", SPEC_S1,
		{ LINEAR(4), GOOD_CD(CDN(0)), { STE(1), DSS(2) } }, FINE, SUBS },
	{ "IHI 5.2", "S1DSS 0b10: SubstreamID 0", SPEC_S1,
		{ LINEAR(4), GOOD_CD(CDN(0)), { STE(1), DSS(2) } }, DISABLED, .ssv = true, SUBS },
	{ "IHI 5.2", "S1DSS 0b10: other SubstreamIDs", SPEC_S1,
		{ LINEAR(4), GOOD_CD(CDN(2)), { STE(1), DSS(2) } }, FINE, .ssid = 2, SUBS },
	{ "IHI 5.2", "S1DSS 0b10: an invalid CD 0", SPEC_S1, { LINEAR(4), { STE(1), DSS(2) } },
		BAD_CD, SUBS },
	{ "IHI 5.2", "S1DSS 0b10: through an L1CD", SPEC_S1,
		{ LEAF64K(11), { STE(1), DSS(2) }, { L1CD(0), L1CD_TO(LEAF) }, GOOD_CD(LEAF) },
		FINE, SUBS },
	{ "IHI 3.3.2", "nested: a linear table's CD", SPEC_NESTED,
		{ SUBSTREAMS(0xf, 7, 0, CD_TABLE), GOOD_CD(CDN(65)) }, FINE, .ssid = 65, SUBS },
	{ "IHI 3.3.2", "nested: each CD at stage 2", SPEC_NESTED,
		{ SUBSTREAMS(0xf, 7, 0, CD_TABLE), GOOD_CD(CDN(65)),
			{ S2PTE3(CD_TABLE + 0x1000), 0 } },
		RD(RIG_VA), EV(F_TRANSLATION), RNW | S2F, RAM(CD_TABLE + 0x1000), .ssid = 65,
		SUBS },
	{ "IHI 3.3.2", "nested: L1CD and CD are IPAs", SPEC_NESTED,
		{ SUBSTREAMS(0xf, 7, 1, L1CDS), { L1CD(1), L1CD_TO(LEAF2) }, GOOD_CD(LEAF + 64 * 6),
			{ S2PTE3(LEAF2), S2_PAGE(RAM(LEAF)) } },
		FINE, .ssid = 70, SUBS },
	{ "IHI 7.3.13", "nested: an L1CD at stage 2", SPEC_NESTED,
		{ SUBSTREAMS(0xf, 7, 1, L1CDS), { S2PTE3(L1CDS), 0 } }, WR(RIG_VA),
		EV(F_TRANSLATION), S2F, RAM(L1CDS), .ssid = 70, SUBS },
	{ "IHI 7.3.13", "nested: a leaf's CD at stage 2", SPEC_NESTED,
		{ SUBSTREAMS(0xf, 7, 1, L1CDS), { L1CD(1), L1CD_TO(LEAF) }, { S2PTE3(LEAF), 0 } },
		RD(RIG_VA), EV(F_TRANSLATION), RNW | S2F, RAM(LEAF), .ssid = 70, SUBS },
	{ "IHI 7.3.16", "nested: an L1CD that stage 2 forbids to read", SPEC_NESTED,
		{ SUBSTREAMS(0xf, 7, 1, L1CDS),
			{ S2PTE3(L1CDS), S2_PAGE(RAM(L1CDS)) & ~TTD_S2_READ } },
		RD(RIG_VA), EV(F_PERMISSION), RNW | S2F, RAM(L1CDS), .ssid = 70, SUBS },
	{ "IHI 7.3.15", "nested: a CD's access flag at stage 2", SPEC_NESTED,
		{ { S2PTE3(CD_AT), S2_PAGE(RAM(CD_AT)) & ~TTD_AF } }, RD(RIG_VA), EV(F_ACCESS),
		RNW | S2F, RAM(CD_AT) },
	{ "IHI 7.3.14", "nested: a CD beyond S2PS", SPEC_NESTED,
		{ { STE(2), (STE2_S2 & ~STE_2_S2PS) }, { S2PTE3(CD_AT), S2_PAGE(BIT64(33)) } },
		RD(RIG_VA), EV(F_ADDR_SIZE), RNW | S2F, RAM(CD_AT) },
	{ "IHI 7.3.12", "nested: a stage 2 table is not there, for the CD", SPEC_NESTED,
		{ { S2_L2, TABLE(OUT_OF_RAM) } }, RD(RIG_VA), EV(F_WALK_EABT), RNW | S2F,
		OUT_OF_RAM + 8 * (CD_AT >> 12) },
	{ "IHI 7.3.10", "nested: an L1CD's page is not there", SPEC_NESTED,
		{ SUBSTREAMS(0xf, 7, 1, L1CDS), { S2PTE3(L1CDS), S2_PAGE(OUT_OF_RAM) } },
		RD(RIG_VA), EV(F_CD_FETCH), 0, OUT_OF_RAM + 8, .ssid = 70, SUBS },

	/* 5.4: context descriptors. Granules and sizes of the lower half. */
	{ "IHI 5.4", "TG0: 64 KiB", SPEC_S1, S1W(1, 16), LEGAL, ALL },
	{ "IHI 5.4", "TG0: 16 KiB", SPEC_S1, S1W(2, 16), LEGAL, ALL },
	{ "IHI 5.4", "TG0: 0b11 is reserved", SPEC_S1, S1W(3, 16), BAD_CD, ALL },
	{ "IHI 5.4", "TG0: 4 KiB, not supported", SPEC_S1, S1W(0, 16), BAD_CD,
		.hw.granules = NB_SMMUV3_GRAN64K },
	{ "IHI 5.4", "TG0: 16 KiB, not supported", SPEC_S1, S1W(2, 16), BAD_CD,
		.hw.granules = NB_SMMUV3_GRAN4K | NB_SMMUV3_GRAN64K },
	{ "IHI 5.4", "TG0: 64 KiB, not supported", SPEC_S1, S1W(1, 16), BAD_CD,
		.hw.granules = NB_SMMUV3_GRAN4K | NB_SMMUV3_GRAN16K },
	{ "IHI 5.4", "T0SZ: 39 with 4 KiB", SPEC_S1, S1W(0, 39), LEGAL },
	{ "IHI 5.4", "T0SZ: 39 with 16 KiB", SPEC_S1, S1W(2, 39), LEGAL, ALL },
	{ "IHI 5.4", "T0SZ: 39 with 64 KiB", SPEC_S1, S1W(1, 39), LEGAL, ALL },
	{ "IHI 5.4", "T0SZ: 40 with 16 KiB", SPEC_S1, S1W(2, 40), BAD_CD, ALL },
	{ "IHI 5.4", "T0SZ: 40 with 64 KiB", SPEC_S1, S1W(1, 40), BAD_CD, ALL },
	{ "IHI 5.4", "T0SZ: 63", SPEC_S1, S1W(0, 63), BAD_CD },
	{ "IHI 5.4", "T0SZ: 0", SPEC_S1, S1W(0, 0), BAD_CD },
	{ "IHI 5.4", "T0SZ: 15 with 64 KiB, without VAX", SPEC_S1, S1W(1, 15), BAD_CD, WIDE },
	{ "IHI 5.4", "T0SZ: 12 with 64 KiB and VAX", SPEC_S1, S1W(1, 12), LEGAL, VAX },
	{ "IHI 5.4", "T0SZ: 11 with 64 KiB and VAX", SPEC_S1, S1W(1, 11), BAD_CD, VAX },
	{ "IHI 5.4", "T0SZ: 15 with 4 KiB and VAX", SPEC_S1, S1W(0, 15), BAD_CD, VAX },
	{ "IHI 5.4", "T0SZ: 15 with 16 KiB and VAX", SPEC_S1, S1W(2, 15), BAD_CD, VAX },
	/* The upper half, whose granule is encoded otherwise. */
	{ "IHI 5.4", "TG1: 16 KiB", SPEC_S1, S1H(1, 16), RD(HIGH), EV(F_TRANSLATION), RNW | IN,
		ALL },
	{ "IHI 5.4", "TG1: 4 KiB", SPEC_S1, S1H(2, 16), RD(HIGH), EV(F_TRANSLATION), RNW | IN },
	{ "IHI 5.4", "TG1: 64 KiB", SPEC_S1, S1H(3, 16), RD(HIGH), EV(F_TRANSLATION), RNW | IN,
		ALL },
	{ "IHI 5.4", "TG1: 0b00 is reserved", SPEC_S1, S1H(0, 16), BAD_CD, ALL },
	{ "IHI 5.4", "TG1: 16 KiB, not supported", SPEC_S1, S1H(1, 16), BAD_CD },
	{ "IHI 5.4", "TG1: 64 KiB, not supported", SPEC_S1, S1H(3, 16), BAD_CD },
	{ "IHI 5.4", "TG1: 4 KiB, not supported", SPEC_S1,
		{ { CD(0), CD0_TG1(2, 16) | 1 << 6 }, { CD(2), RAM(EMPTY) } }, BAD_CD,
		.hw.granules = NB_SMMUV3_GRAN64K },
	{ "IHI 5.4", "T1SZ: 39", SPEC_S1, S1H(2, 39), RD(~UINT64_C(0)), EV(F_TRANSLATION),
		RNW | IN },
	{ "IHI 5.4", "T1SZ: 40", SPEC_S1, S1H(2, 40), BAD_CD },
	{ "IHI 5.4", "T1SZ: 15", SPEC_S1, S1H(2, 15), BAD_CD },
	{ "IHI 5.4", "T1SZ: 12 with 64 KiB and VAX", SPEC_S1, S1H(3, 12), RD(~MASK64(51, 0)),
		EV(F_TRANSLATION), RNW | IN, VAX },
	{ "IHI 5.4", "T1SZ: 11 with 64 KiB and VAX", SPEC_S1, S1H(3, 11), BAD_CD, VAX },
	{ "IHI 5.4", "T1SZ: the lower half does not mind", SPEC_S1, S1H(2, 25), FINE },
	/* Walks that are disabled. */
	{ "IHI 5.4.1.1", "EPD0: TG0 is IGNORED", SPEC_S1, C0(CD_0_EPD0 | CD_0_TG0), LEGAL },
	{ "IHI 5.4.1.1", "EPD0: TTB0 is IGNORED", SPEC_S1,
		{ { CD(0), (CD0 & ~CD_0_IPS) | CD_0_EPD0 }, { CD(1), BIT64(50) } }, LEGAL },
	{ "IHI 5.4.1.1", "EPD0: the upper half is not", SPEC_S1,
		{ { CD(0), CD0_TG1(2, 16) | CD_0_EPD0 | 63 }, { CD(2), RAM(S1H_L0) },
			{ S1H_L0, TABLE(RAM(S1_L1)) } },
		RD(HIGH | RIG_VA), TO(RAM(DATA_AT), KIB(4)) },
	{ "IHI 5.4.1.1", "EPD0: an invalid T1SZ counts", SPEC_S1,
		{ { CD(0), CD0_TG1(2, 63) | CD_0_EPD0 } }, BAD_CD },
	{ "IHI 5.4.1.1", "EPD1: T1SZ, TG1 and TTB1 are IGNORED", SPEC_S1,
		{ { CD(0), CD0 | CD_0_T1SZ | 1ull << 22 }, { CD(2), BIT64(51) } }, FINE },
	{ "IHI 5.4.1.1", "EPD1: an invalid T0SZ counts", SPEC_S1, { { CD(0), CD0 | 63 } }, RD(HIGH),
		EV(C_BAD_CD) },
	{ "IHI 5.4.1.1", "EPD0 and EPD1: nothing to walk", SPEC_S1, C0(CD_0_EPD0), LEGAL },
	{ "IHI 5.4", "ENDI: IGNORED where both halves are disabled", SPEC_S1,
		C0(CD_0_EPD0 | CD_0_ENDI), LEGAL },
	{ "IHI 5.4", "ENDI: counts where one is not", SPEC_S1,
		{ { CD(0), CD0_TG1(2, 16) | CD_0_EPD0 | CD_0_ENDI } }, BAD_CD },
	/* Bases. */
	{ "IHI 5.4", "TTB0: the last bit of the IPS", SPEC_S1,
		{ { CD(0), (CD0 & ~CD_0_IPS) | 1ull << 32 }, { CD(1), BIT64(35) } },
		FETCHES(BIT64(35)) },
	{ "IHI 5.4", "TTB0: beyond 36 bits of IPS", SPEC_S1,
		{ { CD(0), (CD0 & ~CD_0_IPS) | 1ull << 32 }, { CD(1), BIT64(36) } }, BAD_CD },
	{ "IHI 5.4", "TTB0: beyond the OAS", SPEC_S1, { { CD(1), BIT64(40) } }, BAD_CD,
		.hw.oas_bits = 40 },
	{ "IHI 5.4", "TTB1: beyond the IPS", SPEC_S1,
		{ { CD(0), CD0_TG1(2, 16) & ~CD_0_IPS }, { CD(2), BIT64(32) } }, BAD_CD },
	{ "IHI 5.4", "TTB0: bits above 48 with 4 KiB", SPEC_S1, S1B(0, 16, BIT64(48)), BAD_CD,
		WIDE },
	{ "IHI 5.4", "TTB0: bits above 48 with 16 KiB", SPEC_S1, S1B(2, 16, BIT64(51)), BAD_CD,
		WIDE },
	{ "IHI 5.4", "TTB0: bits above 48 with 64 KiB", SPEC_S1, S1B(1, 16, BIT64(51)),
		FETCHES(BIT64(51)), WIDE },
	{ "IHI 5.4", "TTB1: bits above 48 with 4 KiB", SPEC_S1, S1HB(2, 16, BIT64(48)), BAD_CD,
		WIDE },
	{ "IHI 5.4", "TTB1: bits above 48 with 64 KiB", SPEC_S1, S1HB(3, 16, BIT64(50)), RD(HIGH),
		EV(F_WALK_EABT), RNW | IN, BIT64(50), WIDE },
	{ "IHI 5.4", "TTB0: bits [5:4] are an address, not PA[49:48]", SPEC_S1,
		S1B(1, 39, OUT_OF_RAM | 0x30), FETCHES(OUT_OF_RAM), WIDE },
	{ "IHI 5.4", "IPS: 7 means 6", SPEC_S1,
		{ { CD(0), CD0_TG0(1, 16) | CD_0_IPS }, { CD(1), BIT64(51) } }, FETCHES(BIT64(51)),
		WIDE },
	{ "IHI 5.4", "IPS: 6 is at most the OAS", SPEC_S1, S1B(1, 16, BIT64(48)), BAD_CD, ALL },
	{ "IHI 5.4", "TTB0: aligned to the table", SPEC_S1, S1B(0, 16, OUT_OF_RAM | 0xff0),
		FETCHES(OUT_OF_RAM) },
	{ "IHI 5.4", "TTB0: aligned to a table of two entries", SPEC_S1,
		{ { CD(0), (CD0 & ~CD_0_T0SZ) | 33 }, { CD(1), OUT_OF_RAM | 0x30 } },
		FETCHES(OUT_OF_RAM | 0x30) },
	{ "IHI 5.4", "TTB0: to 64 bytes, where the output is 52 bits", SPEC_S1,
		S1B(0, 33, OUT_OF_RAM | 0x30), FETCHES(OUT_OF_RAM), WIDE },
	{ "IHI 5.4", "TTB0: 64 KiB, aligned to 512 entries", SPEC_S1,
		S1B(1, 39, OUT_OF_RAM | 0x1ff0), FETCHES(OUT_OF_RAM | 0x1000), ALL },
	/* Flags. */
	{ "IHI 5.5", "A: clear, where RAZ/WI is supported", SPEC_S1, NC0(CD_0_A), FINE,
		.hw.raz_wi = true },
	{ "IHI 5.5", "A: set, where RAZ/WI is supported", SPEC_S1, {}, FINE, .hw.raz_wi = true },
	{ "IHI 5.5", "S: set, stalls are configurable", SPEC_S1, C0(CD_0_S), FINE, STALL },
	{ "IHI 5.5", "S: clear, stalls are configurable", SPEC_S1, {}, FINE, STALL },
	{ "IHI 5.5", "S: with STE.S1STALLD", SPEC_S1,
		{ { STE(1), STE_1_S1STALLD }, { CD(0), CD0 | CD_0_S } }, BAD_CD, STALL },
	{ "IHI 5.5", "S: nested, with STE.S1STALLD", SPEC_NESTED,
		{ { STE(1), STE_1_S1STALLD }, { CD(0), CD0 | CD_0_S } }, BAD_CD, STALL },
	{ "IHI 5.5", "S: set, stalls are forced", SPEC_S1, C0(CD_0_S), FINE, FORCED },
	{ "IHI 5.5", "S: clear, stalls are forced", SPEC_S1, {}, BAD_CD, FORCED },
	{ "IHI 5.4", "HA: IDR0.HTTU 1", SPEC_S1, C0(CD_0_HA), FINE, HTTU_A },
	{ "IHI 5.4", "HD: IDR0.HTTU 1", SPEC_S1, C0(CD_0_HA | CD_0_HD), BAD_CD, HTTU_A },
	{ "IHI 5.4", "HD: alone, IDR0.HTTU 1", SPEC_S1, C0(CD_0_HD), BAD_CD, HTTU_A },
	{ "IHI 5.4", "HD: IDR0.HTTU 2", SPEC_S1, C0(CD_0_HA | CD_0_HD), FINE, HTTU_D },
	{ "IHI 5.4", "HD: alone it is off", SPEC_S1,
		{ { CD(0), CD0 | CD_0_HD }, { PTE3, S1_PAGE(RAM(DATA_AT)) | RO | TTD_DBM } },
		WR(RIG_VA), EV(F_PERMISSION), IN, HTTU_D },
	{ "IHI 5.4", "HD: alone, the access flag is not updated", SPEC_S1,
		{ { CD(0), CD0 | CD_0_HD }, { PTE3, S1_PAGE(RAM(DATA_AT)) & ~TTD_AF } }, RD(RIG_VA),
		EV(F_ACCESS), RNW | IN, HTTU_D },
	{ "IHI 5.4", "ASID: all 16 bits", SPEC_S1, C0(CD_0_ASID), FINE },
	{ "IHI 5.4", "ASET: nothing here", SPEC_S1, C0(BIT64(47)), FINE },
	{ "IHI 5.4", "IRx, ORx, SHx: attributes", SPEC_S1, C0(MASK64(13, 8) | MASK64(29, 24)),
		FINE },
	{ "IHI 5.4", "UWXN: IGNORED with VMSAv8-64", SPEC_S1, C0(CD_0_UWXN), FINE },
	{ "IHI 5.4", "NSCFG0: IGNORED, Non-secure", SPEC_S1, { { CD(1), RAM(S1_L0) | 1 } }, FINE },
	{ "IHI 5.4", "E0PD0, HAFT: RES0 without the features", SPEC_S1,
		{ { CD(1), RAM(S1_L0) | 0xc } }, FINE },
	{ "IHI 5.4", "DS: RES0 without LPA2", SPEC_S1, { { CD(2), BIT64(58) } }, FINE },
	{ "IHI 5.4", "MAIR, AMAIR: attributes", SPEC_S1,
		{ { CD(3), ~UINT64_C(0) }, { CD(4), ~UINT64_C(0) } }, FINE },
	{ "IHI 5.4", "words 5 to 7: RES0 without the features", SPEC_S1,
		{ { CD(5), ~UINT64_C(0) }, { CD(6), ~UINT64_C(0) }, { CD(7), ~UINT64_C(0) } },
		FINE },
	{ "IHI 5.4", "HAD1: of the upper half alone", SPEC_S1,
		{ { PTE0, TABLE(RAM(S1_L1)) | TTD_APTABLE_NO_UNPRIV }, { CD(2), 2 } }, RD(RIG_VA),
		EV(F_PERMISSION), RNW | IN },
	{ "IHI 5.4", "PAN: an unprivileged access does not mind", SPEC_S1, C0(CD_0_PAN), FINE },
	{ "IHI 5.4", "V: nested", SPEC_NESTED, NC0(CD_0_V), BAD_CD },
	{ "IHI 5.4", "AA64: nested, AArch32 tables", SPEC_NESTED, NC0(CD_0_AA64), BAD_CD },
};

int main(int argc, char **argv)
{
	return spec_main(argc, argv, rows, ARRAY_LEN(rows));
}
