/* SPDX-License-Identifier: MIT */
/*
 * The SMMUv3 model against its specification, as a table: tables of a base case, a few words
 * changed (poked), one access, and the address or the event that the named section asks for. "A-"
 * sections are the Arm ARM's (DDI 0487), the others IHI 0070's.
 */
#include <stdio.h>

#include "../unit/smmuv3/rig.h"

enum base {
	NONE, /* no tables at all: every STE is zero */
	BYPASS,
	S1,
	S2,
	NESTED,
};

struct row {
	const char *section, *what;
	enum base base;
	struct {
		uint32_t at;
		uint64_t value;
	} poke[5];
	uint64_t iova;
	uint8_t prot;
	/* The result: pa and bytes, or an event (all words but InputAddr and StreamID), or silence.
	 */
	uint64_t pa, bytes;
	uint8_t event;
	uint64_t w1, w3;
	/* Unusual surroundings. */
	uint32_t sid;	     /* 0: RIG_SID */
	uint32_t strtab_cfg; /* 0: linear, 64 entries; bit 31 is ignored */
	uint64_t strtab_at;  /* 0: STRTAB_AT */
	uint32_t ssid;	     /* not 0: with SSV */
	bool no_recinvsid, no_stage1, no_stage2, off;
	unsigned oas;
};

#define STE(n)	    (STRTAB_AT + 64 * RIG_SID + 8 * (n))
#define CD(n)	    (CD_AT + 8 * (n))
#define PTE0	    S1_L0
#define PTE1	    (S1_L1 + 8)
#define PTE2	    (S1_L2 + 16)
#define PTE3	    (S1_L3 + 24)
#define S2PTE3(off) (S2_L3 + 8 * ((off) >> 12))

#define RD(va)		  .iova = (va), .prot = NB_DMA_READ
#define WR(va)		  .iova = (va), .prot = NB_DMA_WRITE
#define TO(address, span) .pa = (address), .bytes = (span)
#define EV(name)	  .event = EVT_##name
#define SILENT		  .event = EVT_NONE
#define OUT_OF_RAM	  UINT64_C(0x100000000)

/* Word 1 of an event: direction, stage, class. */
#define RNW  EVT_1_RNW
#define S2F  EVT_1_S2
#define IN   ((uint64_t)EVT_CLASS_IN << 40)
#define TT   ((uint64_t)EVT_CLASS_TT << 40)
#define PRIV ((uint64_t)STE_OVR_SET << 48)
#define INST ((uint64_t)STE_OVR_SET << 50)

#define NO_AP	     UINT64_C(0xc03) /* S1 page: privileged read and write only */
#define RO	     TTD_AP_RO
#define UNPRIV	     TTD_AP_UNPRIV
#define HIGH	     UINT64_C(0xffff000000000000)
#define CD0_BOTH     ((CD0 & ~CD_0_EPD1) | 16ull << 16 | 2ull << 22)
#define CD0_T0(t0sz) ((CD0 & ~CD_0_T0SZ) | (t0sz))
#define CD0_IPS(ips) ((CD0 & ~CD_0_IPS) | (uint64_t)(ips) << 32)
#define STE2_T(t0sz, sl0)                                                                          \
	((STE2_S2 & ~(STE_2_S2T0SZ | STE_2_S2SL0)) | (uint64_t)(t0sz) << 32 | (uint64_t)(sl0) << 38)
#define STE2_PS(ps) ((STE2_S2 & ~STE_2_S2PS) | (uint64_t)(ps) << 48)

static const struct row rows[] = {
	/* Stream table entries: which one, and is it legal. */
	{ "5.2 V", "an invalid STE", NONE, {}, RD(0), EV(C_BAD_STE) },
	{ "5.2 Config", "0b000 aborts silently", NONE, { { STE(0), 1 } }, RD(0), SILENT },
	{ "5.2 Config", "0b001 behaves as 0b000", NONE, { { STE(0), 3 } }, RD(0), SILENT },
	{ "5.2 Config", "0b010 behaves as 0b000", NONE, { { STE(0), 5 } }, RD(0), SILENT },
	{ "5.2 Config", "0b011 behaves as 0b000", NONE, { { STE(0), 7 } }, RD(0), SILENT },
	{ "5.2 Config", "bypass", BYPASS, {}, RD(RAM(0x10123)),
		TO(RAM(0x10123), GIB(1) - 0x10123) },
	{ "5.2 Config", "bypass writes", BYPASS, {}, WR(RAM(0)), TO(RAM(0), GIB(1)) },
	{ "3.4", "bypass beyond the OAS", BYPASS, {}, RD(BIT64(48)), EV(F_ADDR_SIZE), RNW | IN },
	{ "3.4", "bypass at the end of the OAS", BYPASS, {}, RD(BIT64(48) - 1),
		TO(BIT64(48) - 1, 1) },
	{ "3.4", "bypass beyond a 40-bit OAS", BYPASS, {}, WR(BIT64(40)), EV(F_ADDR_SIZE), IN,
		.oas = 40 },
	{ "7.3.3", "a StreamID beyond the table", NONE, {}, RD(0), EV(C_BAD_STREAMID), .sid = 64 },
	{ "7.3.3", "not recorded without RECINVSID", NONE, {}, RD(0), SILENT, .sid = 64,
		.no_recinvsid = true },
	{ "6.3.25 LOG2SIZE", "only entry 0 with size 0", BYPASS, {}, RD(0), EV(C_BAD_STREAMID),
		.strtab_cfg = 1u << 31 },
	{ "6.3.24", "the table is aligned to its size", BYPASS, {}, RD(RAM(0)), TO(RAM(0), GIB(1)),
		.strtab_at = STRTAB_AT + 64 },
	{ "7.3.4", "a stream table that is not there", NONE, {}, RD(0), EV(F_STE_FETCH),
		.w3 = OUT_OF_RAM + 64 * RIG_SID, .strtab_at = OUT_OF_RAM - RIG_RAM },
	{ "5.2 S1DSS", "SubstreamID without substreams", S1, {}, RD(RIG_VA), EV(C_BAD_SUBSTREAMID),
		.ssid = 3 },
	{ "5.2", "SubstreamID on a bypass stream", BYPASS, {}, RD(0), EV(C_BAD_SUBSTREAMID),
		.ssid = 3 },
	{ "5.2", "SubstreamID on an abort stream", NONE, { { STE(0), 1 } }, RD(0), SILENT,
		.ssid = 3 },
	{ "5.2 STRW", "EL2 without IDR0.Hyp", S1, { { STE(1), 2ull << 30 } }, RD(RIG_VA),
		EV(C_BAD_STE) },
	{ "5.2 S1STALLD", "without a stall model", S1, { { STE(1), STE_1_S1STALLD } }, RD(RIG_VA),
		EV(C_BAD_STE) },
	{ "5.2 Config", "stage 1 without IDR0.S1P", S1, {}, RD(RIG_VA), EV(C_BAD_STE),
		.no_stage1 = true },
	{ "5.2 Config", "stage 2 without IDR0.S2P", S2, {}, RD(RAM(0)), EV(C_BAD_STE),
		.no_stage2 = true },
	{ "5.2 Config", "nested without IDR0.S2P", NESTED, {}, RD(RIG_VA), EV(C_BAD_STE),
		.no_stage2 = true },
	{ "5.2 Config", "stage 1 needs no IDR0.S2P", S1, {}, RD(RIG_VA), TO(RAM(DATA_AT), KIB(4)),
		.no_stage2 = true },
	{ "5.2 Config", "stage 2 needs no IDR0.S1P", S2, {}, RD(RAM(0)), TO(RAM(0), KIB(4)),
		.no_stage1 = true },

/* 2-level stream tables. L1STD_AT, split 6: entry 1 holds StreamIDs 64 to 127. */
#define TWO_LEVEL .strtab_at = L1STD_AT, .strtab_cfg = 1 << 16 | 6 << 6 | 10
#define L1STD(n)  (L1STD_AT + 8 * (n))
#define L2STE(n)  (L2_STRTAB + 64 * (n))
	{ "5.1", "2-level: found", NONE,
		{ { L1STD(1), RAM(L2_STRTAB) | 7 }, { L2STE(3), STE0_BYPASS } }, RD(RAM(0)),
		TO(RAM(0), GIB(1)), .sid = 67, TWO_LEVEL },
	{ "5.1 Span", "2-level: Span 0 is no table", NONE, { { L1STD(1), RAM(L2_STRTAB) } }, RD(0),
		EV(C_BAD_STREAMID), .sid = 67, TWO_LEVEL },
	{ "5.1 Span", "2-level: reserved Span 12", NONE, { { L1STD(1), RAM(L2_STRTAB) | 12 } },
		RD(0), EV(C_BAD_STREAMID), .sid = 67, TWO_LEVEL },
	{ "5.1 Span", "2-level: beyond the Span", NONE, { { L1STD(1), RAM(L2_STRTAB) | 2 } }, RD(0),
		EV(C_BAD_STREAMID), .sid = 67, TWO_LEVEL },
	{ "5.1 Span", "2-level: last of the Span", NONE,
		{ { L1STD(1), RAM(L2_STRTAB) | 2 }, { L2STE(1), STE0_BYPASS } }, RD(RAM(0)),
		TO(RAM(0), GIB(1)), .sid = 65, TWO_LEVEL },
	{ "6.3.25", "2-level: beyond LOG2SIZE", NONE, {}, RD(0), EV(C_BAD_STREAMID), .sid = 1024,
		TWO_LEVEL },
	{ "7.3.4", "2-level: second level not there", NONE, { { L1STD(1), OUT_OF_RAM | 7 } }, RD(0),
		EV(F_STE_FETCH), .w3 = OUT_OF_RAM + 64 * 3, .sid = 67, TWO_LEVEL },
	{ "7.3.4", "2-level: first level not there", NONE, {}, RD(0), EV(F_STE_FETCH),
		.w3 = OUT_OF_RAM + 8, .sid = 67, .strtab_at = OUT_OF_RAM - RIG_RAM,
		.strtab_cfg = 1 << 16 | 6 << 6 | 10 },
	{ "6.3.25 SPLIT", "2-level: split 8", NONE,
		{ { L1STD(0), RAM(L2_STRTAB) | 9 }, { L2STE(67), STE0_BYPASS } }, RD(RAM(0)),
		TO(RAM(0), GIB(1)), .sid = 67, .strtab_at = L1STD_AT,
		.strtab_cfg = 1 << 16 | 8 << 6 | 10 },
	{ "6.3.25 SPLIT", "2-level: a reserved split means 6", NONE,
		{ { L1STD(1), RAM(L2_STRTAB) | 7 }, { L2STE(3), STE0_BYPASS } }, RD(RAM(0)),
		TO(RAM(0), GIB(1)), .sid = 67, .strtab_at = L1STD_AT,
		.strtab_cfg = 1 << 16 | 7 << 6 | 10 },

	/* Context descriptors. */
	{ "7.3.10", "a CD that is not there", S1, { { STE(0), 0xb | OUT_OF_RAM } }, RD(RIG_VA),
		EV(F_CD_FETCH), .w3 = OUT_OF_RAM },
	{ "5.4 V", "an invalid CD", S1, { { CD(0), CD0 & ~CD_0_V } }, RD(RIG_VA), EV(C_BAD_CD) },
	{ "5.4 AA64", "AArch32 tables", S1, { { CD(0), CD0 & ~CD_0_AA64 } }, RD(RIG_VA),
		EV(C_BAD_CD) },
	{ "5.4 A", "RAZ/WI with IDR0.TERM_MODEL 1", S1, { { CD(0), CD0 & ~CD_0_A } }, RD(RIG_VA),
		EV(C_BAD_CD) },
	{ "5.4 S", "stall without a stall model", S1, { { CD(0), CD0 | CD_0_S } }, RD(RIG_VA),
		EV(C_BAD_CD) },
	{ "5.4 HA", "without HTTU", S1, { { CD(0), CD0 | CD_0_HA } }, RD(RIG_VA), EV(C_BAD_CD) },
	{ "5.4 HD", "without HTTU", S1, { { CD(0), CD0 | CD_0_HD } }, RD(RIG_VA), EV(C_BAD_CD) },
	{ "5.4 ENDI", "big-endian tables", S1, { { CD(0), CD0 | CD_0_ENDI } }, RD(RIG_VA),
		EV(C_BAD_CD) },
	{ "5.4 TG0", "64 KiB granule", S1, { { CD(0), CD0 | 1 << 6 } }, RD(RIG_VA), EV(C_BAD_CD) },
	{ "5.4 TG0", "16 KiB granule", S1, { { CD(0), CD0 | 2 << 6 } }, RD(RIG_VA), EV(C_BAD_CD) },
	{ "5.4 TG1", "reserved", S1, { { CD(0), CD0 & ~CD_0_EPD1 } }, RD(RIG_VA), EV(C_BAD_CD) },
	{ "5.4 T0SZ", "15 without VAX", S1, { { CD(0), CD0_T0(15) } }, RD(RIG_VA), EV(C_BAD_CD) },
	{ "5.4 T0SZ", "40 without STT", S1, { { CD(0), CD0_T0(40) } }, RD(RIG_VA), EV(C_BAD_CD) },
	{ "5.4 TTB0", "beyond the IPS", S1, { { CD(0), CD0_IPS(0) }, { CD(1), BIT64(32) } },
		RD(RIG_VA), EV(C_BAD_CD) },
	{ "5.4 EPD0", "TTB0 is not looked at", S1, { { CD(0), CD0 | CD_0_EPD0 | 63 } }, RD(RIG_VA),
		EV(F_TRANSLATION), RNW | IN },

	/* Stage 1 walks. */
	{ "A-D8.2", "a page, reading", S1, {}, RD(RIG_VA + 0x123),
		TO(RAM(DATA_AT + 0x123), 0xedd) },
	{ "A-D8.2", "a page, writing", S1, {}, WR(RIG_VA), TO(RAM(DATA_AT), KIB(4)) },
	{ "A-D8.3", "a 2 MiB block", S1, { { PTE2, S1_BLOCK(RAM(MIB(2))) } }, RD(RIG_VA),
		TO(RAM(MIB(2) + 0x3000), MIB(2) - 0x3000) },
	{ "A-D8.3", "block address bits are not used", S1,
		{ { PTE2, S1_BLOCK(RAM(MIB(2) + 0x5000)) } }, RD(RIG_VA),
		TO(RAM(MIB(2) + 0x3000), MIB(2) - 0x3000) },
	{ "A-D8.3", "a 1 GiB block", S1, { { PTE1, S1_BLOCK(RIG_RAM) } }, RD(RIG_VA),
		TO(RIG_RAM + 0x403000, GIB(1) - 0x403000) },
	{ "A-D8.3", "no 512 GiB block", S1, { { PTE0, S1_BLOCK(0) } }, RD(RIG_VA),
		EV(F_TRANSLATION), RNW | IN },
	{ "7.3.13", "invalid at level 0", S1, { { PTE0, 0 } }, RD(RIG_VA), EV(F_TRANSLATION),
		RNW | IN },
	{ "7.3.13", "invalid at level 1", S1, { { PTE1, 2 } }, WR(RIG_VA), EV(F_TRANSLATION), IN },
	{ "7.3.13", "invalid at level 2", S1, { { PTE2, 0 } }, WR(RIG_VA), EV(F_TRANSLATION), IN },
	{ "7.3.13", "invalid at level 3", S1, { { PTE3, 0 } }, RD(RIG_VA), EV(F_TRANSLATION),
		RNW | IN },
	{ "A-D8.3", "a block at level 3 is invalid", S1, { { PTE3, S1_BLOCK(RAM(DATA_AT)) } },
		RD(RIG_VA), EV(F_TRANSLATION), RNW | IN },
	{ "7.3.13", "above the input size", S1, {}, RD(BIT64(48)), EV(F_TRANSLATION), RNW | IN },
	{ "5.4 EPD1", "the upper half is disabled", S1, {}, RD(HIGH), EV(F_TRANSLATION), RNW | IN },
	{ "5.4 R", "silent without R", S1, { { CD(0), CD0 & ~CD_0_R }, { PTE3, 0 } }, RD(RIG_VA),
		SILENT },
	{ "7.3.12", "a table that is not there", S1, { { PTE2, TABLE(OUT_OF_RAM) } }, RD(RIG_VA),
		EV(F_WALK_EABT), RNW | IN, OUT_OF_RAM + 24 },
	{ "7.3.12", "recorded whatever R says", S1,
		{ { CD(0), CD0 & ~CD_0_R }, { PTE2, TABLE(OUT_OF_RAM) } }, RD(RIG_VA),
		EV(F_WALK_EABT), RNW | IN, OUT_OF_RAM + 24 },
	{ "7.3.14", "a page beyond the IPS", S1,
		{ { CD(0), CD0_IPS(0) }, { PTE3, S1_PAGE(BIT64(32)) } }, RD(RIG_VA),
		EV(F_ADDR_SIZE), RNW | IN },
	{ "7.3.14", "a table beyond the IPS", S1,
		{ { CD(0), CD0_IPS(0) }, { PTE1, TABLE(BIT64(32)) } }, RD(RIG_VA), EV(F_ADDR_SIZE),
		RNW | IN },
	{ "5.4 IPS", "an IPS beyond the OAS means the OAS", S1,
		{ { CD(0), CD0_IPS(6) }, { PTE3, S1_PAGE(BIT64(40)) } }, RD(RIG_VA),
		EV(F_ADDR_SIZE), RNW | IN, .oas = 40 },
	{ "5.4 IPS", "a page of the last IPS bit", S1,
		{ { CD(0), CD0_IPS(1) }, { PTE3, S1_PAGE(BIT64(35)) } }, RD(RIG_VA),
		TO(BIT64(35), KIB(4)) },
	{ "7.3.15", "access flag clear", S1, { { PTE3, S1_PAGE(RAM(DATA_AT)) & ~TTD_AF } },
		RD(RIG_VA), EV(F_ACCESS), RNW | IN },
	{ "5.4 AFFD", "access flag faults disabled", S1,
		{ { CD(0), CD0 | CD_0_AFFD }, { PTE3, S1_PAGE(RAM(DATA_AT)) & ~TTD_AF } },
		RD(RIG_VA), TO(RAM(DATA_AT), KIB(4)) },
	{ "A-D8.15", "address size before access flag", S1,
		{ { CD(0), CD0_IPS(0) }, { PTE3, S1_PAGE(BIT64(32)) & ~TTD_AF } }, RD(RIG_VA),
		EV(F_ADDR_SIZE), RNW | IN },
	{ "A-D8.15", "access flag before permission", S1,
		{ { PTE3, (NO_AP & ~TTD_AF) | RAM(DATA_AT) } }, RD(RIG_VA), EV(F_ACCESS),
		RNW | IN },

	/* Input sizes and start levels. */
	{ "A-D8.2 T0SZ", "39 bits start at level 1", S1,
		{ { CD(0), CD0_T0(25) }, { CD(1), RAM(S1_L1) } }, RD(RIG_VA),
		TO(RAM(DATA_AT), KIB(4)) },
	{ "A-D8.2 T0SZ", "30 bits start at level 2", S1,
		{ { CD(0), CD0_T0(34) }, { CD(1), RAM(S1_L2) } }, RD(0x403000),
		TO(RAM(DATA_AT), KIB(4)) },
	{ "A-D8.2 T0SZ", "25 bits: the least", S1, { { CD(0), CD0_T0(39) }, { CD(1), RAM(S1_L2) } },
		RD(0x403000), TO(RAM(DATA_AT), KIB(4)) },
	{ "A-D8.2 T0SZ", "25 bits: above", S1, { { CD(0), CD0_T0(39) }, { CD(1), RAM(S1_L2) } },
		RD(BIT64(25)), EV(F_TRANSLATION), RNW | IN },

	/* The upper half, and ignored top bytes. */
	{ "5.4 TTB1", "the upper half by TTB1", S1,
		{ { CD(0), CD0_BOTH }, { CD(2), RAM(S1H_L0) }, { S1H_L0, TABLE(RAM(S1_L1)) } },
		RD(HIGH | RIG_VA), TO(RAM(DATA_AT), KIB(4)) },
	{ "5.4 TTB1", "bit 55 set, others not", S1,
		{ { CD(0), CD0_BOTH }, { CD(2), RAM(S1H_L0) }, { S1H_L0, TABLE(RAM(S1_L1)) } },
		RD(BIT64(55) | RIG_VA), EV(F_TRANSLATION), RNW | IN },
	{ "5.4 TBI0", "the top byte is ignored", S1, { { CD(0), CD0 | CD_0_TBI0 } },
		RD(RIG_VA | 0xab00000000000000), TO(RAM(DATA_AT), KIB(4)) },
	{ "5.4 TBI0", "the byte below is not", S1, { { CD(0), CD0 | CD_0_TBI0 } },
		RD(RIG_VA | BIT64(50)), EV(F_TRANSLATION), RNW | IN },
	{ "5.4 TBI1", "the top byte is ignored", S1,
		{ { CD(0), CD0_BOTH | CD_0_TBI1 }, { CD(2), RAM(S1H_L0) },
			{ S1H_L0, TABLE(RAM(S1_L1)) } },
		RD((HIGH | RIG_VA) & ~BIT64(60)), TO(RAM(DATA_AT), KIB(4)) },

	/* Stage 1 permissions. */
	{ "A-D8.4 AP", "read-only: reading", S1, { { PTE3, S1_PAGE(RAM(DATA_AT)) | RO } },
		RD(RIG_VA), TO(RAM(DATA_AT), KIB(4)) },
	{ "7.3.16 AP", "read-only: writing", S1, { { PTE3, S1_PAGE(RAM(DATA_AT)) | RO } },
		WR(RIG_VA), EV(F_PERMISSION), IN },
	{ "7.3.16 AP", "privileged only", S1, { { PTE3, NO_AP | RAM(DATA_AT) } }, RD(RIG_VA),
		EV(F_PERMISSION), RNW | IN },
	{ "5.2 PRIVCFG", "made privileged", S1,
		{ { STE(1), PRIV }, { PTE3, NO_AP | RAM(DATA_AT) } }, WR(RIG_VA),
		TO(RAM(DATA_AT), KIB(4)) },
	{ "5.2 PRIVCFG", "privileged, read-only", S1,
		{ { STE(1), PRIV }, { PTE3, NO_AP | RO | RAM(DATA_AT) } }, WR(RIG_VA),
		EV(F_PERMISSION), EVT_1_PNU | IN },
	{ "5.4 PAN", "privileged on an unprivileged page", S1,
		{ { STE(1), PRIV }, { CD(0), CD0 | CD_0_PAN } }, RD(RIG_VA), EV(F_PERMISSION),
		EVT_1_PNU | RNW | IN },
	{ "5.2 INSTCFG", "a fetch where UXN", S1,
		{ { STE(1), INST }, { PTE3, S1_PAGE(RAM(DATA_AT)) | TTD_UXN } }, RD(RIG_VA),
		EV(F_PERMISSION), EVT_1_IND | RNW | IN },
	{ "5.2 INSTCFG", "a fetch where PXN only", S1,
		{ { STE(1), INST }, { PTE3, S1_PAGE(RAM(DATA_AT)) | TTD_PXN } }, RD(RIG_VA),
		TO(RAM(DATA_AT), KIB(4)) },
	{ "5.2 INSTCFG", "writes are data", S1,
		{ { STE(1), INST }, { PTE3, S1_PAGE(RAM(DATA_AT)) | TTD_UXN } }, WR(RIG_VA),
		TO(RAM(DATA_AT), KIB(4)) },
	{ "5.4 WXN", "a fetch from a writable page", S1,
		{ { STE(1), INST }, { CD(0), CD0 | CD_0_WXN } }, RD(RIG_VA), EV(F_PERMISSION),
		EVT_1_IND | RNW | IN },
	{ "A-D8.4 PXN", "a privileged fetch where PXN", S1,
		{ { STE(1), INST | PRIV }, { PTE3, NO_AP | TTD_PXN | RAM(DATA_AT) } }, RD(RIG_VA),
		EV(F_PERMISSION), EVT_1_IND | EVT_1_PNU | RNW | IN },
	{ "A-D8.4 APTable", "no write below the table", S1,
		{ { PTE1, TABLE(RAM(S1_L2)) | TTD_APTABLE_RO } }, WR(RIG_VA), EV(F_PERMISSION),
		IN },
	{ "A-D8.4 APTable", "reads below that table", S1,
		{ { PTE1, TABLE(RAM(S1_L2)) | TTD_APTABLE_RO } }, RD(RIG_VA),
		TO(RAM(DATA_AT), KIB(4)) },
	{ "A-D8.4 APTable", "nothing unprivileged below", S1,
		{ { PTE0, TABLE(RAM(S1_L1)) | TTD_APTABLE_NO_UNPRIV } }, RD(RIG_VA),
		EV(F_PERMISSION), RNW | IN },
	{ "5.4 HAD0", "hierarchical attributes disabled", S1,
		{ { PTE0, TABLE(RAM(S1_L1)) | TTD_APTABLE_NO_UNPRIV }, { CD(1), RAM(S1_L0) | 2 } },
		RD(RIG_VA), TO(RAM(DATA_AT), KIB(4)) },
	{ "A-D8.4 UXNTable", "no fetch below the table", S1,
		{ { STE(1), INST }, { PTE2, TABLE(RAM(S1_L3)) | TTD_UXNTABLE } }, RD(RIG_VA),
		EV(F_PERMISSION), EVT_1_IND | RNW | IN },

	/* Stage 2 alone. */
	{ "A-D8.2", "stage 2: a page", S2, {}, RD(RAM(0x5678)), TO(RAM(0x5678), 0x988) },
	{ "A-D8.3", "stage 2: a 2 MiB block", S2, {}, WR(RAM(MIB(4))), TO(RAM(MIB(4)), MIB(2)) },
	{ "A-D8.3", "stage 2: a 1 GiB block", S2, { { S2_L1 + 8, S2_BLOCK(RIG_RAM) } }, WR(RAM(0)),
		TO(RAM(0), GIB(1)) },
	{ "7.3.13", "stage 2: unmapped", S2, {}, RD(0x1000), EV(F_TRANSLATION), RNW | S2F | IN,
		0x1000 },
	{ "7.3.13", "stage 2: IPA to 4 KiB", S2, {}, WR(0x1678), EV(F_TRANSLATION), S2F | IN,
		0x1000 },
	{ "7.3.13", "stage 2: beyond S2T0SZ", S2, {}, RD(BIT64(39)), EV(F_TRANSLATION),
		RNW | S2F | IN, BIT64(39) },
	{ "3.4", "stage 2: beyond the OAS it is stage 1's", S2, {}, RD(BIT64(48)), EV(F_ADDR_SIZE),
		RNW | IN },
	{ "7.3.16 S2AP", "stage 2: read-only", S2,
		{ { S2PTE3(0), S2_PAGE(RIG_RAM) & ~TTD_S2_WRITE } }, WR(RAM(0)), EV(F_PERMISSION),
		S2F | IN, RIG_RAM },
	{ "7.3.16 S2AP", "stage 2: write-only", S2,
		{ { S2PTE3(0), S2_PAGE(RIG_RAM) & ~TTD_S2_READ } }, RD(RAM(0)), EV(F_PERMISSION),
		RNW | S2F | IN, RIG_RAM },
	{ "A-D8.4 S2AP", "stage 2: write-only, writing", S2,
		{ { S2PTE3(0), S2_PAGE(RIG_RAM) & ~TTD_S2_READ } }, WR(RAM(0)),
		TO(RIG_RAM, KIB(4)) },
	{ "A-D8.4 XN", "stage 2: a fetch where XN", S2,
		{ { STE(1), INST }, { S2PTE3(0), S2_PAGE(RIG_RAM) | BIT64(54) } }, RD(RAM(0)),
		EV(F_PERMISSION), EVT_1_IND | RNW | S2F | IN, RIG_RAM },
	{ "7.3.15", "stage 2: access flag clear", S2, { { S2PTE3(0), S2_PAGE(RIG_RAM) & ~TTD_AF } },
		RD(RAM(0)), EV(F_ACCESS), RNW | S2F | IN, RIG_RAM },
	{ "5.2 S2AFFD", "stage 2: access flag faults disabled", S2,
		{ { STE(2), STE2_S2 | STE_2_S2AFFD }, { S2PTE3(0), S2_PAGE(RIG_RAM) & ~TTD_AF } },
		RD(RAM(0)), TO(RIG_RAM, KIB(4)) },
	{ "7.3.14", "stage 2: a page beyond S2PS", S2,
		{ { STE(2), STE2_PS(0) }, { S2PTE3(0), S2_PAGE(BIT64(33)) } }, RD(RAM(0)),
		EV(F_ADDR_SIZE), RNW | S2F | IN, RIG_RAM },
	{ "7.3.12", "stage 2: a table that is not there", S2, { { S2_L2, TABLE(OUT_OF_RAM) } },
		RD(RAM(0x3000)), EV(F_WALK_EABT), RNW | S2F | IN, OUT_OF_RAM + 24 },
	{ "5.2 S2R", "stage 2: silent without S2R", S2, { { STE(2), STE2_S2 & ~STE_2_S2R } },
		RD(0x1000), SILENT },
	{ "5.2 S2AA64", "stage 2: AArch32 tables", S2, { { STE(2), STE2_S2 & ~STE_2_S2AA64 } },
		RD(RAM(0)), EV(C_BAD_STE) },
	{ "5.2 S2TG", "stage 2: 64 KiB granule", S2, { { STE(2), STE2_S2 | 1ull << 46 } },
		RD(RAM(0)), EV(C_BAD_STE) },
	{ "5.2 S2HA", "stage 2: without HTTU", S2, { { STE(2), STE2_S2 | STE_2_S2HA } }, RD(RAM(0)),
		EV(C_BAD_STE) },
	{ "5.2 S2HD", "stage 2: without HTTU", S2, { { STE(2), STE2_S2 | STE_2_S2HD } }, RD(RAM(0)),
		EV(C_BAD_STE) },
	{ "5.2 S2ENDI", "stage 2: big-endian tables", S2, { { STE(2), STE2_S2 | STE_2_S2ENDI } },
		RD(RAM(0)), EV(C_BAD_STE) },
	{ "5.2 S2S", "stage 2: stall without a stall model", S2,
		{ { STE(2), STE2_S2 | STE_2_S2S } }, RD(RAM(0)), EV(C_BAD_STE) },
	{ "5.2 S2SL0", "stage 2: reserved", S2, { { STE(2), STE2_T(25, 3) } }, RD(RAM(0)),
		EV(C_BAD_STE) },
	{ "5.2 S2T0SZ", "stage 2: too small for level 0", S2, { { STE(2), STE2_T(25, 2) } },
		RD(RAM(0)), EV(C_BAD_STE) },
	{ "5.2 S2T0SZ", "stage 2: too large for level 1", S2, { { STE(2), STE2_T(20, 1) } },
		RD(RAM(0)), EV(C_BAD_STE) },
	{ "5.2 S2T0SZ", "stage 2: beyond the OAS", S2, { { STE(2), STE2_T(16, 2) } }, RD(RAM(0)),
		EV(C_BAD_STE), .oas = 44 },
	{ "5.2 S2TTB", "stage 2: beyond S2PS", S2,
		{ { STE(2), STE2_PS(0) }, { STE(3), BIT64(32) } }, RD(RAM(0)), EV(C_BAD_STE) },
	{ "A-D8.2", "stage 2: 48 bits from level 0", S2,
		{ { STE(2), STE2_T(16, 2) }, { STE(3), RAM(S2_L0) }, { S2_L0, TABLE(RAM(S2_L1)) } },
		RD(RAM(0)), TO(RAM(0), KIB(4)) },
	{ "A-D8.2", "stage 2: two concatenated tables", S2,
		{ { STE(2), STE2_T(24, 1) }, { S2_L2 + 0, S2_BLOCK(RAM(MIB(2))) } }, RD(RIG_RAM),
		TO(RAM(MIB(2)), MIB(2)) },
	{ "A-D8.2", "stage 2: the second concatenated table", S2,
		{ { STE(2), STE2_T(24, 1) }, { S2_L1 + 8 * 513, S2_BLOCK(RIG_RAM) } },
		RD(513ull << 30), TO(RIG_RAM, GIB(1)) },

	/* Both. */
	{ "3.3.2", "nested: a page of a page", NESTED, {}, WR(RIG_VA + 8),
		TO(RAM(DATA_AT + 8), 0xff8) },
	{ "3.3.2", "nested: another place at stage 2", NESTED,
		{ { S2PTE3(DATA_AT), S2_PAGE(RAM(0x20000)) } }, RD(RIG_VA),
		TO(RAM(0x20000), KIB(4)) },
	{ "3.3.2", "nested: a block over pages", NESTED, { { PTE2, S1_BLOCK(RIG_RAM) } },
		RD(RIG_VA), TO(RAM(0x3000), KIB(4)) },
	{ "3.3.2", "nested: a page over a block", NESTED, { { PTE3, S1_PAGE(RAM(MIB(3))) } },
		RD(RIG_VA), TO(RAM(MIB(3)), KIB(4)) },
	{ "3.3.2", "nested: a block over a block", NESTED, { { PTE1, S1_BLOCK(RIG_RAM) } },
		RD(RIG_VA), TO(RAM(0x403000), MIB(2) - 0x3000) },
	{ "7.3.13", "nested: stage 1 fault", NESTED, { { PTE3, 0 } }, RD(RIG_VA), EV(F_TRANSLATION),
		RNW | IN },
	{ "7.3.13", "nested: the output at stage 2", NESTED, { { S2PTE3(DATA_AT), 0 } },
		RD(RIG_VA + 0x10), EV(F_TRANSLATION), RNW | S2F | IN, RAM(DATA_AT) },
	{ "7.3.13", "nested: the CD at stage 2", NESTED, { { S2PTE3(CD_AT), 0 } }, RD(RIG_VA),
		EV(F_TRANSLATION), RNW | S2F, RAM(CD_AT) },
	{ "7.3.13", "nested: first stage 1 table at stage 2", NESTED, { { S2PTE3(S1_L0), 0 } },
		WR(RIG_VA), EV(F_TRANSLATION), S2F | TT, RAM(S1_L0) },
	{ "7.3.13", "nested: last stage 1 table at stage 2", NESTED, { { S2PTE3(S1_L3), 0 } },
		WR(RIG_VA), EV(F_TRANSLATION), S2F | TT, RAM(S1_L3) },
	{ "7.3.16", "nested: a stage 1 table not readable", NESTED,
		{ { S2PTE3(S1_L1), S2_PAGE(RAM(S1_L1)) & ~TTD_S2_READ } }, WR(RIG_VA),
		EV(F_PERMISSION), S2F | TT, RAM(S1_L1) },
	{ "A-D8.4", "nested: a stage 1 table need not be writable", NESTED,
		{ { S2PTE3(S1_L1), S2_PAGE(RAM(S1_L1)) & ~TTD_S2_WRITE } }, WR(RIG_VA),
		TO(RAM(DATA_AT), KIB(4)) },
	{ "7.3.15", "nested: a stage 1 table's access flag", NESTED,
		{ { S2PTE3(S1_L2), S2_PAGE(RAM(S1_L2)) & ~TTD_AF } }, RD(RIG_VA), EV(F_ACCESS),
		RNW | S2F | TT, RAM(S1_L2) },
	{ "7.3.16", "nested: the output read-only at stage 2", NESTED,
		{ { S2PTE3(DATA_AT), S2_PAGE(RAM(DATA_AT)) & ~TTD_S2_WRITE } }, WR(RIG_VA),
		EV(F_PERMISSION), S2F | IN, RAM(DATA_AT) },
	{ "A-D8.15", "nested: stage 1 permission comes first", NESTED,
		{ { PTE3, NO_AP | RAM(DATA_AT) }, { S2PTE3(DATA_AT), 0 } }, RD(RIG_VA),
		EV(F_PERMISSION), RNW | IN },
	{ "5.2 S2PTW", "nested: stage 1 tables in Device memory", NESTED,
		{ { STE(2), STE2_S2 | STE_2_S2PTW },
			{ S2PTE3(S1_L0), S2_PAGE(RAM(S1_L0)) & ~MASK64(5, 2) } },
		RD(RIG_VA), EV(F_PERMISSION), RNW | S2F | TT, RAM(S1_L0) },
	{ "5.2 S2PTW", "nested: Device memory without S2PTW", NESTED,
		{ { S2PTE3(S1_L0), S2_PAGE(RAM(S1_L0)) & ~MASK64(5, 2) } }, RD(RIG_VA),
		TO(RAM(DATA_AT), KIB(4)) },
	{ "5.2 S2PTW", "nested: data in Device memory", NESTED,
		{ { STE(2), STE2_S2 | STE_2_S2PTW },
			{ S2PTE3(DATA_AT), S2_PAGE(RAM(DATA_AT)) & ~MASK64(5, 2) } },
		RD(RIG_VA), TO(RAM(DATA_AT), KIB(4)) },
	{ "5.2 S2R", "nested: silent without S2R", NESTED,
		{ { STE(2), STE2_S2 & ~STE_2_S2R }, { S2PTE3(DATA_AT), 0 } }, RD(RIG_VA), SILENT },
	{ "5.4 R", "nested: R does not silence stage 2", NESTED,
		{ { CD(0), CD0 & ~CD_0_R }, { S2PTE3(DATA_AT), 0 } }, RD(RIG_VA), EV(F_TRANSLATION),
		RNW | S2F | IN, RAM(DATA_AT) },
	{ "7.3.10", "nested: the CD's page is not there", NESTED,
		{ { S2PTE3(CD_AT), S2_PAGE(OUT_OF_RAM) } }, RD(RIG_VA), EV(F_CD_FETCH), 0,
		OUT_OF_RAM },
	{ "7.3.12", "nested: a stage 1 table is not there", NESTED,
		{ { S2PTE3(S1_L0), S2_PAGE(OUT_OF_RAM) } }, RD(RIG_VA), EV(F_WALK_EABT), RNW | IN,
		OUT_OF_RAM },
	{ "7.3.12", "nested: a stage 2 table is not there, for stage 1's", NESTED,
		{ { S2_L2, TABLE(OUT_OF_RAM) }, { STE(0), 0xf | RAM(MIB(2)) }, { MIB(2), CD0 },
			{ MIB(2) + 8, RAM(S1_L0) } },
		RD(RIG_VA), EV(F_WALK_EABT), RNW | S2F | TT, OUT_OF_RAM + 8 * (S1_L0 >> 12) },
	{ "3.4", "nested: stage 1 output beyond S2T0SZ", NESTED, { { PTE3, S1_PAGE(BIT64(39)) } },
		RD(RIG_VA), EV(F_TRANSLATION), RNW | S2F | IN, BIT64(39) },
	{ "5.4 TTB0", "nested: a table beyond S2T0SZ", NESTED, { { CD(1), BIT64(40) } }, RD(RIG_VA),
		EV(F_TRANSLATION), RNW | S2F | TT, BIT64(40) },

	/* Off. */
	{ "6.3.9 SMMUEN", "off: bypass", S1, {}, RD(RAM(0x123)),
		TO(RAM(0x123), BIT64(48) - RAM(0x123)), .off = true },
	{ "3.11", "off: beyond the OAS", NONE, {}, RD(BIT64(48)), SILENT, .off = true },
};

static void build(struct rig *rig, const struct row *row)
{
	unsigned i;

	rig_create(rig, (struct nb_smmuv3_config){ .no_stage1 = row->no_stage1,
				.no_stage2 = row->no_stage2,
				.oas_bits = row->oas });
	if (row->base == BYPASS)
		rig_ste(rig, RIG_SID, STE0_BYPASS, 0, 0, 0);
	else if (row->base == S1)
		rig_s1(rig);
	else if (row->base == S2)
		rig_s2(rig);
	else if (row->base == NESTED)
		rig_nested(rig);
	for (i = 0; i < ARRAY_LEN(row->poke) && row->poke[i].at; i++)
		rig_poke(rig, row->poke[i].at, row->poke[i].value);
	rig_enable(rig);
	rig_write(rig, R_CR0, CR0_EVENTQEN);
	if (row->strtab_at)
		nb_smmuv3_write(rig->smmu, R_STRTAB_BASE, RAM(row->strtab_at), 8);
	if (row->strtab_cfg)
		rig_write(rig, R_STRTAB_CFG, row->strtab_cfg);
	if (row->no_recinvsid)
		rig_write(rig, R_CR2, 0);
	if (!row->off)
		rig_write(rig, R_CR0, CR0_EVENTQEN | CR0_SMMUEN);
}

static int differs(const char *what, uint64_t got, uint64_t want)
{
	if (got == want)
		return 0;
	printf("    %s: %#llx, expected %#llx\n", what, (unsigned long long)got,
		(unsigned long long)want);
	return 1;
}

static int check_event(struct rig *rig, const struct row *row, uint32_t sid)
{
	uint64_t record[EVT_WORDS], w0 = row->event | (uint64_t)sid << 32;
	int bad = differs("events", rig_event_count(rig), row->event ? 1 : 0);

	if (bad || !row->event)
		return bad;
	if (row->ssid)
		w0 |= EVT_0_SSV | (uint64_t)row->ssid << 12;
	rig_event(rig, record);
	bad += differs("word 0", record[0], w0);
	bad += differs("word 1", record[1], row->w1);
	bad += differs("word 2", record[2], row->event >= EVT_F_WALK_EABT ? row->iova : 0);
	bad += differs("word 3", record[3], row->w3);
	return bad;
}

/* Three times: from tables, from the caches, and (see fill) cached on second sight. */
static int check(const struct row *row)
{
	uint32_t sid = row->sid ?: RIG_SID;
	struct dma_txn txn = { .iova = NB_IOVA(row->iova),
		.prot = row->prot,
		.sid = sid,
		.ssid = row->ssid,
		.ssid_valid = row->ssid };
	struct dma_span span;
	struct rig rig;
	int bad = 0, turn, ret;

	build(&rig, row);
	for (turn = 0; turn < 3; turn++) {
		span = (struct dma_span){ .pa = NB_PA(0) };
		port_enter(rig.port);
		ret = smmuv3_translate(rig.smmu, rig.port, &txn, &span);
		port_leave(rig.port);
		bad += differs("result", ret, row->bytes ? 0 : -1);
		bad += check_event(&rig, row, sid);
		bad += differs("address", span.pa.v, row->pa);
		bad += differs("bytes", span.bytes, row->bytes);
	}
	rig_finish(&rig);
	return bad;
}

static void test_rows(void **state)
{
	unsigned i, failed = 0;

	for (i = 0; i < ARRAY_LEN(rows); i++) {
		if (check(&rows[i])) {
			printf("  row %u: %s: %s\n", i, rows[i].section, rows[i].what);
			failed++;
		}
	}
	printf("%zu rows\n", ARRAY_LEN(rows));
	assert_int_equal(failed, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_rows) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
