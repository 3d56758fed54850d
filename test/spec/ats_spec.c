/* SPDX-License-Identifier: MIT */
/*
 * ATS (IHI 0070 3.9, 13.6, 13.7) as a table: a configuration, and a translation request, a translated
 * access or a CMD_ATC_INV with what it yields.
 */
#include <stdio.h>

#include "spec.h"

enum kind {
	REQUEST,
	ACCESS,
	INVALIDATE,
};

#define CR0_ALL (CR0_SMMUEN | CR0_EVENTQEN | CR0_CMDQEN | CR0_ATSCHK)
#define FULL	((uint64_t)STE_EATS_TRANS << 28)
#define SPLIT	((uint64_t)STE_EATS_S1CHK << 28)
#define NO_PA	(~UINT64_C(0))
#define ERR(n)	((n) + 1)

struct row {
	const char *section, *what;
	enum kind kind;
	enum spec_base base;
	struct spec_poke poke[6];
	uint32_t cr0_off; /* bits of CR0_ALL that are clear */
	uint32_t cr2;
	bool no_ats, httu;
	uint64_t pte3; /* what the page's descriptor is then; 0: not looked at */
	uint32_t sid;  /* 0: RIG_SID */
	uint64_t iova;
	uint32_t ssid, flags;
	/* Requests. */
	enum nb_smmuv3_ats_status status;
	const char *perms; /* of "rwxp"; NULL: none */
	uint64_t pa, bytes;
	uint8_t event;
	/* Commands. */
	uint64_t w[2];
	unsigned error; /* ERR(CERROR_*) */
	bool sent;
	struct nb_smmuv3_atc_inv inv;
};

#define REQ(va)	     .kind = REQUEST, .iova = (va)
#define ACC(va)	     .kind = ACCESS, .iova = (va)
#define UR	     .status = NB_SMMUV3_ATS_UNSUPPORTED
#define CA	     .status = NB_SMMUV3_ATS_ABORT
#define IS(p, to, n) .perms = (p), .pa = (to), .bytes = (n)
#define NONE	     .bytes = 4096
#define RAMD	     RAM(DATA_AT)
#define W	     .flags = NB_WRITE
#define EATS(v)                                                                                    \
	{                                                                                          \
		STE(1), (v)                                                                        \
	}
#define CDMAX ((uint64_t)2 << 59)
#define WITH_CDS                                                                                   \
	{                                                                                          \
		STE(0), STE0_S1 | CDMAX                                                            \
	}
#define NEST_CDS                                                                                   \
	{                                                                                          \
		STE(0), STE0_NEST | CDMAX                                                          \
	}
#define RX_PAGE (RAMD | 0xcc3)
#define CLEAN	(RAMD | 0xcc3 | TTD_DBM)
#define USER_RW (RAMD | 0xc43)

static const struct row rows[] = {
	/* Whether there is ATS at all. */
	{ "IHI 3.9.1.2", "SMMUEN 0", REQ(RIG_VA), .base = SPEC_S1, .poke = { EATS(FULL) },
		.cr0_off = CR0_SMMUEN, UR, EV(F_BAD_ATS_TREQ) },
	{ "IHI 3.9.1.2", "SMMUEN 0, events disabled", REQ(RIG_VA), .base = SPEC_S1,
		.poke = { EATS(FULL) }, .cr0_off = CR0_SMMUEN | CR0_EVENTQEN, UR },
	{ "IHI 6.3.1", "ATS 0: request", REQ(RIG_VA), .base = SPEC_S1, .poke = { EATS(FULL) },
		.no_ats = true, UR },
	{ "IHI 3.9.1.2", "Config 0b000", REQ(RIG_VA), .base = SPEC_NONE,
		.poke = { { STE(0), 1 }, EATS(FULL) }, UR },
	{ "IHI 3.9.1.2", "Config 0b001: reserved", REQ(RIG_VA), .base = SPEC_NONE,
		.poke = { { STE(0), 3 }, EATS(FULL) }, UR },
	{ "IHI 3.9.1.2", "Config 0b100, EATS 0b01", REQ(RIG_VA), .base = SPEC_BYPASS,
		.poke = { EATS(FULL) }, UR, EV(F_BAD_ATS_TREQ) },
	{ "IHI 3.9.1.2", "Config 0b100, EATS 0b00", REQ(RIG_VA), .base = SPEC_BYPASS,
		.poke = { EATS(0) }, UR, EV(F_BAD_ATS_TREQ) },
	{ "IHI 5.2", "EATS 0b00: stage 1", REQ(RIG_VA), .base = SPEC_S1, .poke = { EATS(0) }, UR,
		EV(F_BAD_ATS_TREQ) },
	{ "IHI 5.2", "EATS 0b00: stage 2", REQ(RAMD), .base = SPEC_S2, .poke = { EATS(0) }, UR,
		EV(F_BAD_ATS_TREQ) },
	{ "IHI 5.2", "EATS 0b00: nested", REQ(RIG_VA), .base = SPEC_NESTED, .poke = { EATS(0) }, UR,
		EV(F_BAD_ATS_TREQ) },
	{ "IHI 5.2", "EATS 0b11: no DPT, as 0b00", REQ(RIG_VA), .base = SPEC_S1,
		.poke = { EATS(3ull << 28) }, UR, EV(F_BAD_ATS_TREQ) },
	{ "IHI 5.2", "EATS 0b10 without ATSCHK: as 0b00", REQ(RIG_VA), .base = SPEC_NESTED,
		.poke = { EATS(SPLIT) }, .cr0_off = CR0_ATSCHK, UR, EV(F_BAD_ATS_TREQ) },
	{ "IHI 5.2", "EATS 0b10, stage 1 alone: ILLEGAL", REQ(RIG_VA), .base = SPEC_S1,
		.poke = { EATS(SPLIT) }, CA },
	{ "IHI 5.2", "EATS 0b10, stage 2 alone: ILLEGAL", REQ(RAMD), .base = SPEC_S2,
		.poke = { EATS(SPLIT) }, CA },
	{ "IHI 5.2", "EATS 0b00 is seen before a bad CD", REQ(RIG_VA), .base = SPEC_S1,
		.poke = { EATS(0), { CD(0), 0 } }, UR, EV(F_BAD_ATS_TREQ) },

	/* What a request yields. */
	{ "IHI 3.9.1", "full, stage 1: read", REQ(RIG_VA), .base = SPEC_S1, .poke = { EATS(FULL) },
		IS("rw", RAMD, 4096) },
	{ "IHI 3.9.1", "full, stage 1: NW 0", REQ(RIG_VA), .base = SPEC_S1, .poke = { EATS(FULL) },
		W, IS("rw", RAMD, 4096) },
	{ "IHI 3.9.1", "full, stage 2", REQ(RAMD), .base = SPEC_S2, .poke = { EATS(FULL) }, W,
		IS("rw", RAMD, 4096) },
	{ "IHI 3.9.1", "full, nested", REQ(RIG_VA), .base = SPEC_NESTED, .poke = { EATS(FULL) }, W,
		IS("rw", RAMD, 4096) },
	{ "IHI 3.9.1", "full, nested: the PA", REQ(RIG_VA), .base = SPEC_NESTED,
		.poke = { EATS(FULL), { S2PTE3(DATA_AT), S2_PAGE(RAM(0x20000)) } }, W,
		IS("rw", RAM(0x20000), 4096) },
	{ "IHI 13.6.3", "split-stage: the IPA", REQ(RIG_VA), .base = SPEC_NESTED,
		.poke = { EATS(SPLIT), { S2PTE3(DATA_AT), S2_PAGE(RAM(0x20000)) } }, W,
		IS("rw", RAMD, 4096) },
	{ "IHI 13.6.3", "split-stage: permissions of both", REQ(RIG_VA), .base = SPEC_NESTED,
		.poke = { EATS(SPLIT), { S2PTE3(DATA_AT), RAMD | 0x47f } }, W,
		IS("r", RAMD, 4096) },
	{ "IHI 13.6.3", "split-stage: stage 2 does not map it", REQ(RIG_VA), .base = SPEC_NESTED,
		.poke = { EATS(SPLIT), { S2PTE3(DATA_AT), 0 } }, W, NONE },
	{ "PCIe 10.2.3", "size: a 2 MiB block", REQ(RIG_VA), .base = SPEC_S1,
		.poke = { EATS(FULL), { PTE2, S1_BLOCK(RIG_RAM) } }, W, IS("rw", RIG_RAM, MIB(2)) },
	{ "PCIe 10.2.3", "size: the smaller of two stages", REQ(RIG_VA), .base = SPEC_NESTED,
		.poke = { EATS(FULL), { PTE2, S1_BLOCK(RIG_RAM) } }, W,
		IS("rw", RAM(0x3000), 4096) },
	{ "PCIe 10.2.3", "size: a stage 2 block", REQ(RAM(MIB(4))), .base = SPEC_S2,
		.poke = { EATS(FULL) }, W, IS("rw", RAM(MIB(4)), MIB(2)) },

	/* Permissions. */
	{ "IHI 13.7", "a read-only page, NW 0", REQ(RIG_VA), .base = SPEC_S1,
		.poke = { EATS(FULL), { PTE3, RX_PAGE } }, W, IS("r", RAMD, 4096) },
	{ "IHI 13.7", "a read-only page, NW 1", REQ(RIG_VA), .base = SPEC_S1,
		.poke = { EATS(FULL), { PTE3, RX_PAGE } }, IS("r", RAMD, 4096) },
	{ "IHI 13.7", "a privileged page, no PASID", REQ(RIG_VA), .base = SPEC_S1,
		.poke = { EATS(FULL), { PTE3, RAMD | NO_AP } }, W, NONE },
	{ "IHI 13.7", "no PASID: Priv is not looked at", REQ(RIG_VA), .base = SPEC_S1,
		.poke = { EATS(FULL), { PTE3, RAMD | NO_AP } }, .flags = NB_PRIV, NONE },
	{ "IHI 13.7", "no PASID: Exe is not looked at", REQ(RIG_VA), .base = SPEC_S1,
		.poke = { EATS(FULL), { PTE3, RX_PAGE } }, .flags = NB_INSN, IS("r", RAMD, 4096) },
	{ "IHI 13.7.1", "PRIVCFG privileged: Priv as asked", REQ(RIG_VA), .base = SPEC_S1,
		.poke = { EATS(FULL | PRIV), { PTE3, RAMD | NO_AP } }, W, IS("rw", RAMD, 4096) },
	{ "IHI 13.7.1", "INSTCFG instruction: R is X", REQ(RIG_VA), .base = SPEC_S1,
		.poke = { EATS(FULL | INST), { PTE3, USER_RW | TTD_UXN } }, .perms = "w",
		.pa = RAMD, .bytes = 4096 },
	{ "IHI 13.7", "stage 2 read-only under stage 1 writable", REQ(RIG_VA), .base = SPEC_NESTED,
		.poke = { EATS(FULL), { S2PTE3(DATA_AT), RAMD | 0x47f } }, W, IS("r", RAMD, 4096) },
	{ "IHI 13.7", "stage 2 without permissions", REQ(RIG_VA), .base = SPEC_NESTED,
		.poke = { EATS(FULL), { S2PTE3(DATA_AT), RAMD | 0x43f } }, W, NONE },

	/* Dirty state. */
	{ "IHI 13.7", "HTTU, writable-clean, NW 0: W, and dirty", REQ(RIG_VA), .base = SPEC_S1,
		.poke = { EATS(FULL), { CD(0), CD0 | CD_0_HA | CD_0_HD }, { PTE3, CLEAN } },
		.httu = true, W, IS("rw", RAMD, 4096), .pte3 = CLEAN & ~TTD_AP_RO },
	{ "IHI 13.7", "HTTU, writable-clean, NW 1: no W, and clean", REQ(RIG_VA), .base = SPEC_S1,
		.poke = { EATS(FULL), { CD(0), CD0 | CD_0_HA | CD_0_HD }, { PTE3, CLEAN } },
		.httu = true, IS("r", RAMD, 4096), .pte3 = CLEAN },
	{ "IHI 13.7", "no HTTU, writable-clean, NW 0: no W", REQ(RIG_VA), .base = SPEC_S1,
		.poke = { EATS(FULL), { PTE3, CLEAN } }, W, IS("r", RAMD, 4096), .pte3 = CLEAN },
	{ "IHI 3.9.1", "HTTU: a request sets the access flag", REQ(RIG_VA), .base = SPEC_S1,
		.poke = { EATS(FULL), { CD(0), CD0 | CD_0_HA }, { PTE3, USER_RW & ~TTD_AF } },
		.httu = true, W, IS("rw", RAMD, 4096), .pte3 = USER_RW },

	/* What is wrong with the address: success without permissions, no event. */
	{ "IHI 3.9.1.2", "F_TRANSLATION, stage 1", REQ(RIG_VA), .base = SPEC_S1,
		.poke = { EATS(FULL), { PTE3, 0 } }, W, NONE },
	{ "IHI 3.9.1.2", "F_TRANSLATION, a table", REQ(RIG_VA), .base = SPEC_S1,
		.poke = { EATS(FULL), { PTE1, 0 } }, W, NONE },
	{ "IHI 3.9.1.2", "F_TRANSLATION, EPD1", REQ(HIGH), .base = SPEC_S1, .poke = { EATS(FULL) },
		W, NONE },
	{ "IHI 3.9.1.2", "F_TRANSLATION, stage 2", REQ(RAMD), .base = SPEC_S2,
		.poke = { EATS(FULL), { S2PTE3(DATA_AT), 0 } }, W, NONE },
	{ "IHI 3.9.1.2", "F_TRANSLATION, beyond S2T0SZ", REQ(BIT64(40)), .base = SPEC_S2,
		.poke = { EATS(FULL) }, W, NONE },
	{ "IHI 3.9.1.2", "F_ADDR_SIZE", REQ(RIG_VA), .base = SPEC_S1,
		.poke = { EATS(FULL), { CD(0), CD0 & ~(5ull << 32) },
			{ PTE3, S1_PAGE(OUT_OF_RAM) } },
		W, NONE },
	{ "IHI 3.9.1.2", "F_ACCESS, stage 1", REQ(RIG_VA), .base = SPEC_S1,
		.poke = { EATS(FULL), { PTE3, USER_RW & ~TTD_AF } }, W, NONE },
	{ "IHI 3.9.1.2", "F_ACCESS, stage 2", REQ(RAMD), .base = SPEC_S2,
		.poke = { EATS(FULL), { S2PTE3(DATA_AT), S2_PAGE(RAMD) & ~TTD_AF } }, W, NONE },
	{ "IHI 3.9.1.2", "stage 2 fault of a stage 1 table", REQ(RIG_VA), .base = SPEC_NESTED,
		.poke = { EATS(FULL), { S2PTE3(S1_L2), 0 } }, W, NONE },
	{ "IHI 3.9.1.2", "stage 2 permission fault of a table", REQ(RIG_VA), .base = SPEC_NESTED,
		.poke = { EATS(FULL), { S2PTE3(S1_L2), RAM(S1_L2) | 0x43f } }, W, NONE },
	{ "IHI 3.9.1.2", "stage 2 fault of the CD", REQ(RIG_VA), .base = SPEC_NESTED,
		.poke = { EATS(FULL), { S2PTE3(CD_AT), 0 } }, W, NONE },

	/* What is wrong with the configuration: CA, an event where CR2.REC_CFG_ATS asks for it. */
	{ "IHI 3.9.1.2", "C_BAD_STREAMID", REQ(RIG_VA), .sid = 77, CA },
	{ "IHI 3.9.1.2", "C_BAD_STREAMID, REC_CFG_ATS and RECINVSID", REQ(RIG_VA), .sid = 77,
		.cr2 = CR2_REC_CFG_ATS | CR2_RECINVSID, CA, EV(C_BAD_STREAMID) },
	{ "IHI 3.9.1.2", "C_BAD_STREAMID, REC_CFG_ATS alone", REQ(RIG_VA), .sid = 77,
		.cr2 = CR2_REC_CFG_ATS, CA },
	{ "IHI 3.9.1.2", "C_BAD_STE", REQ(RIG_VA), .base = SPEC_NONE, CA },
	{ "IHI 3.9.1.2", "C_BAD_STE, REC_CFG_ATS", REQ(RIG_VA), .base = SPEC_NONE,
		.cr2 = CR2_REC_CFG_ATS, CA, EV(C_BAD_STE) },
	{ "IHI 3.9.1.2", "C_BAD_CD", REQ(RIG_VA), .base = SPEC_S1,
		.poke = { EATS(FULL), { CD(0), 0 } }, CA },
	{ "IHI 3.9.1.2", "C_BAD_CD, REC_CFG_ATS", REQ(RIG_VA), .base = SPEC_S1,
		.poke = { EATS(FULL), { CD(0), 0 } }, .cr2 = CR2_REC_CFG_ATS, CA, EV(C_BAD_CD) },
	{ "IHI 3.9.1.2", "F_CD_FETCH", REQ(RIG_VA), .base = SPEC_S1,
		.poke = { EATS(FULL), { STE(0), 0xb | OUT_OF_RAM } }, CA },
	{ "IHI 3.9.1.2", "F_CD_FETCH, REC_CFG_ATS", REQ(RIG_VA), .base = SPEC_S1,
		.poke = { EATS(FULL), { STE(0), 0xb | OUT_OF_RAM } }, .cr2 = CR2_REC_CFG_ATS, CA,
		EV(F_CD_FETCH) },
	{ "IHI 3.9.1.2", "F_WALK_EABT", REQ(RIG_VA), .base = SPEC_S1,
		.poke = { EATS(FULL), { PTE1, TABLE(OUT_OF_RAM) } }, CA },
	{ "IHI 3.9.1.2", "F_WALK_EABT, REC_CFG_ATS", REQ(RIG_VA), .base = SPEC_S1,
		.poke = { EATS(FULL), { PTE1, TABLE(OUT_OF_RAM) } }, .cr2 = CR2_REC_CFG_ATS, CA,
		EV(F_WALK_EABT) },
	{ "IHI 3.9.1.2", "C_BAD_SUBSTREAMID", REQ(RIG_VA), .base = SPEC_S1,
		.poke = { EATS(FULL), WITH_CDS }, .flags = NB_SSV, .ssid = 9, CA },
	{ "IHI 3.9.1.2", "C_BAD_SUBSTREAMID, REC_CFG_ATS", REQ(RIG_VA), .base = SPEC_S1,
		.poke = { EATS(FULL), WITH_CDS }, .flags = NB_SSV, .ssid = 9,
		.cr2 = CR2_REC_CFG_ATS, CA, EV(C_BAD_SUBSTREAMID) },
	{ "IHI 3.9", "a PASID without stage 1", REQ(RAMD), .base = SPEC_S2, .poke = { EATS(FULL) },
		.flags = NB_SSV, .ssid = 1, CA },
	{ "IHI 3.9.1.2", "F_STREAM_DISABLED", REQ(RIG_VA), .base = SPEC_S1,
		.poke = { EATS(FULL), WITH_CDS }, CA },
	{ "IHI 3.9.1.2", "F_STREAM_DISABLED, REC_CFG_ATS", REQ(RIG_VA), .base = SPEC_S1,
		.poke = { EATS(FULL), WITH_CDS }, .cr2 = CR2_REC_CFG_ATS, CA,
		EV(F_STREAM_DISABLED) },

	/* Substreams. */
	{ "IHI 3.9.1", "PASID 0", REQ(RIG_VA), .base = SPEC_S1, .poke = { EATS(FULL), WITH_CDS },
		.flags = NB_SSV | NB_WRITE, IS("rw", RAMD, 4096) },
	{ "IHI 13.7", "PASID: Exe", REQ(RIG_VA), .base = SPEC_S1,
		.poke = { EATS(FULL), WITH_CDS, { PTE3, RX_PAGE } }, .flags = NB_SSV | NB_INSN,
		IS("rx", RAMD, 4096) },
	{ "IHI 13.7", "PASID: Exe, UXN", REQ(RIG_VA), .base = SPEC_S1,
		.poke = { EATS(FULL), WITH_CDS, { PTE3, RX_PAGE | TTD_UXN } },
		.flags = NB_SSV | NB_INSN, IS("r", RAMD, 4096) },
	{ "IHI 13.7", "PASID: executable, Exe 0", REQ(RIG_VA), .base = SPEC_S1,
		.poke = { EATS(FULL), WITH_CDS, { PTE3, RX_PAGE } }, .flags = NB_SSV,
		IS("r", RAMD, 4096) },
	{ "IHI 13.7", "PASID: Priv", REQ(RIG_VA), .base = SPEC_S1,
		.poke = { EATS(FULL), WITH_CDS, { PTE3, RAMD | NO_AP } },
		.flags = NB_SSV | NB_PRIV | NB_WRITE, IS("rwp", RAMD, 4096) },
	{ "IHI 13.7", "PASID: Priv in a denial", REQ(RIG_VA), .base = SPEC_S1,
		.poke = { EATS(FULL), WITH_CDS, { PTE3, 0 } }, .flags = NB_SSV | NB_PRIV,
		.perms = "p", NONE },
	{ "IHI 13.7.1", "PRIVCFG unprivileged: Priv as asked", REQ(RIG_VA), .base = SPEC_S1,
		.poke = { EATS(FULL | 2ull << 48), WITH_CDS, { PTE3, RX_PAGE & ~TTD_AP_RO } },
		.flags = NB_SSV | NB_PRIV | NB_WRITE, IS("rwp", RAMD, 4096) },
	{ "IHI 13.7.1", "INSTCFG instruction: R and Exe are X", REQ(RIG_VA), .base = SPEC_S1,
		.poke = { EATS(FULL | INST), WITH_CDS, { PTE3, RX_PAGE } },
		.flags = NB_SSV | NB_INSN, IS("rx", RAMD, 4096) },
	{ "IHI 13.7.1", "INSTCFG data: Exe is R", REQ(RIG_VA), .base = SPEC_S1,
		.poke = { EATS(FULL | 2ull << 50), WITH_CDS, { PTE3, RX_PAGE | TTD_UXN } },
		.flags = NB_SSV | NB_INSN, IS("rx", RAMD, 4096) },
	{ "IHI 13.6.4", "S1DSS 0b01, stage 1 alone: identity", REQ(RIG_VA), .base = SPEC_S1,
		.poke = { EATS(FULL | 1), WITH_CDS }, W, .perms = "rw", .pa = RIG_VA },
	{ "IHI 13.6.4", "S1DSS 0b01, nested: stage 2 alone", REQ(RAMD), .base = SPEC_NESTED,
		.poke = { EATS(FULL | 1), NEST_CDS, { S2PTE3(DATA_AT), S2_PAGE(RAM(0x20000)) } }, W,
		IS("rw", RAM(0x20000), 4096) },
	{ "IHI 13.6.5", "S1DSS 0b01, split-stage: identity, as stage 2 permits", REQ(RAMD),
		.base = SPEC_NESTED,
		.poke = { EATS(SPLIT | 1), NEST_CDS, { S2PTE3(DATA_AT), RAM(0x20000) | 0x47f } }, W,
		IS("r", RAMD, 4096) },
	{ "IHI 13.6.5", "S1DSS 0b01, split-stage: stage 2 fault", REQ(RAMD), .base = SPEC_NESTED,
		.poke = { EATS(SPLIT | 1), NEST_CDS, { S2PTE3(DATA_AT), 0 } }, W, NONE },
	{ "IHI 5.2", "S1DSS 0b10: CD 0", REQ(RIG_VA), .base = SPEC_S1,
		.poke = { EATS(FULL | 2), WITH_CDS }, W, IS("rw", RAMD, 4096) },

	/* Translated accesses. */
	{ "IHI 6.3.1", "ATS 0: a translated access aborts", ACC(RAMD), .base = SPEC_S1,
		.poke = { EATS(FULL) }, .no_ats = true, .pa = NO_PA },
	{ "IHI 3.9.1.3", "SMMUEN 0", ACC(RAMD), .base = SPEC_S1, .poke = { EATS(FULL) },
		.cr0_off = CR0_SMMUEN, .pa = NO_PA, EV(F_TRANSL_FORBIDDEN) },
	{ "IHI 3.9.1.3", "ATSCHK 0: no STE is read", ACC(RAMD), .base = SPEC_NONE,
		.cr0_off = CR0_ATSCHK, .pa = RAMD },
	{ "IHI 3.9.1.3", "ATSCHK 0, Config 0b000", ACC(RAMD), .base = SPEC_NONE,
		.poke = { { STE(0), 1 } }, .cr0_off = CR0_ATSCHK, .pa = RAMD },
	{ "IHI 3.9.1.1", "ATSCHK 0, beyond the OAS", ACC(BIT64(48)), .base = SPEC_NONE,
		.cr0_off = CR0_ATSCHK, .pa = NO_PA },
	{ "IHI 3.9.1.1", "ATSCHK 1, beyond the OAS", ACC(BIT64(48)), .base = SPEC_S1,
		.poke = { EATS(FULL) }, .pa = NO_PA },
	{ "IHI 3.9.1.3", "ATSCHK 1, EATS 0b01", ACC(RAMD), .base = SPEC_S1, .poke = { EATS(FULL) },
		.pa = RAMD },
	{ "IHI 3.9.1.3", "ATSCHK 1, EATS 0b01, nested: not translated", ACC(RAMD),
		.base = SPEC_NESTED, .poke = { EATS(FULL), { S2PTE3(DATA_AT), 0 } }, .pa = RAMD },
	{ "IHI 3.9.1.3", "ATSCHK 1, EATS 0b00", ACC(RAMD), .base = SPEC_S1, .poke = { EATS(0) },
		.pa = NO_PA, EV(F_TRANSL_FORBIDDEN) },
	{ "IHI 7.3.8", "F_TRANSL_FORBIDDEN: a write", ACC(RAMD), .base = SPEC_S1,
		.poke = { EATS(0) }, W, .pa = NO_PA, EV(F_TRANSL_FORBIDDEN) },
	{ "IHI 7.3.8", "F_TRANSL_FORBIDDEN: no PASID, no PnU", ACC(RAMD), .base = SPEC_S1,
		.poke = { EATS(0) }, .flags = NB_SSV | NB_PRIV, .ssid = 1, .pa = NO_PA,
		EV(F_TRANSL_FORBIDDEN) },
	{ "IHI 3.9.1.3", "Config 0b000", ACC(RAMD), .base = SPEC_NONE,
		.poke = { { STE(0), 1 }, EATS(FULL) }, .pa = NO_PA },
	{ "IHI 3.9.1.3", "Config 0b100", ACC(RAMD), .base = SPEC_BYPASS, .poke = { EATS(FULL) },
		.pa = NO_PA, EV(F_TRANSL_FORBIDDEN) },
	{ "IHI 3.9.1.3", "C_BAD_STREAMID", ACC(RAMD), .sid = 77, .cr2 = CR2_RECINVSID,
		.pa = NO_PA },
	{ "IHI 3.9.1.3", "C_BAD_STREAMID, REC_CFG_ATS without RECINVSID", ACC(RAMD), .sid = 77,
		.cr2 = CR2_REC_CFG_ATS, .pa = NO_PA, EV(C_BAD_STREAMID) },
	{ "IHI 3.9.1.3", "C_BAD_STE", ACC(RAMD), .base = SPEC_NONE, .pa = NO_PA },
	{ "IHI 3.9.1.3", "C_BAD_STE, REC_CFG_ATS", ACC(RAMD), .base = SPEC_NONE,
		.cr2 = CR2_REC_CFG_ATS, .pa = NO_PA, EV(C_BAD_STE) },
	{ "IHI 3.9.1.3", "a bad CD is not looked at", ACC(RAMD), .base = SPEC_S1,
		.poke = { EATS(FULL), { CD(0), 0 } }, .pa = RAMD },
	{ "IHI 3.9.1.3", "F_STREAM_DISABLED", ACC(RAMD), .base = SPEC_S1,
		.poke = { EATS(FULL), WITH_CDS }, .cr2 = CR2_REC_CFG_ATS, .pa = NO_PA,
		EV(F_STREAM_DISABLED) },
	{ "IHI 3.9.1.3", "EATS 0b00 before F_STREAM_DISABLED", ACC(RAMD), .base = SPEC_S1,
		.poke = { EATS(0), WITH_CDS }, .cr2 = CR2_REC_CFG_ATS, .pa = NO_PA,
		EV(F_TRANSL_FORBIDDEN) },
	{ "IHI 13.6.3", "split-stage: through stage 2", ACC(RAMD), .base = SPEC_NESTED,
		.poke = { EATS(SPLIT), { S2PTE3(DATA_AT), S2_PAGE(RAM(0x20000)) } },
		.pa = RAM(0x20000) },
	{ "IHI 3.9.1.3", "split-stage: stage 2 fault is recorded", ACC(RAMD), .base = SPEC_NESTED,
		.poke = { EATS(SPLIT), { S2PTE3(DATA_AT), 0 } }, .pa = NO_PA, EV(F_TRANSLATION) },
	{ "IHI 3.9.1.3", "split-stage: stage 2 read-only", ACC(RAMD), .base = SPEC_NESTED,
		.poke = { EATS(SPLIT), { S2PTE3(DATA_AT), RAMD | 0x47f } }, W, .pa = NO_PA,
		EV(F_PERMISSION) },
	{ "IHI 3.9.1.3", "split-stage: beyond the IAS", ACC(BIT64(48)), .base = SPEC_NESTED,
		.poke = { EATS(SPLIT) }, .pa = NO_PA, EV(F_ADDR_SIZE) },
	{ "IHI 5.2", "split-stage without ATSCHK passes as a PA", ACC(RAMD), .base = SPEC_NESTED,
		.poke = { EATS(SPLIT), { S2PTE3(DATA_AT), 0 } }, .cr0_off = CR0_ATSCHK,
		.pa = RAMD },

/* CMD_ATC_INV. */
#define INV(word0, word1) .kind = INVALIDATE, .w = { CMD_ATC_INV | 5ull << 32 | (word0), (word1) }
	{ "IHI 4.5.1", "ATS 0: ILLEGAL", INV(0, 0), .no_ats = true, .error = ERR(CERROR_ILL) },
	{ "IHI 4.5.1", "SSec 1: ILLEGAL", INV(CMD_0_SSEC, 0), .error = ERR(CERROR_ILL) },
	{ "IHI 4.5.1", "SMMUEN 0: ignored", INV(0, 0), .cr0_off = CR0_SMMUEN },
	{ "IHI 4.5.1", "Size 0", INV(0, 0x12345000), .sent = true,
		.inv = { .sid = 5, .iova = { 0x12345000 }, .bytes = 4096 } },
	{ "IHI 4.5.1", "Size 9: aligned to it", INV(0, 0x12345000 | 9), .sent = true,
		.inv = { .sid = 5, .iova = { 0x12200000 }, .bytes = MIB(2) } },
	{ "IHI 4.5.1", "Size 51", INV(0, ~UINT64_C(0) << 12 | 51), .sent = true,
		.inv = { .sid = 5, .iova = { BIT64(63) }, .bytes = BIT64(63) } },
	{ "IHI 4.5.1", "Size 52: everything", INV(0, 0x12345000 | 52), .sent = true,
		.inv = { .sid = 5 } },
	{ "IHI 4.5.1", "Size 63 (UNPREDICTABLE): everything", INV(0, 63), .sent = true,
		.inv = { .sid = 5 } },
	{ "IHI 4.5.1", "SSV", INV(CMD_0_SSV | 3 << 12, 0), .sent = true,
		.inv = { .sid = 5, .ssid = 3, .ssv = true, .bytes = 4096 } },
	{ "IHI 4.5.1", "SSV 0: SubstreamID is ignored", INV(3 << 12, 0), .sent = true,
		.inv = { .sid = 5, .bytes = 4096 } },
	{ "IHI 4.5.1", "Global", INV(CMD_0_SSV | CMD_0_GLOBAL, 52), .sent = true,
		.inv = { .sid = 5, .ssv = true, .global = true } },
	{ "IHI 4.5.1", "Global without SSV is ignored", INV(CMD_0_GLOBAL, 52), .sent = true,
		.inv = { .sid = 5 } },
	{ "IHI 4.5.1", "EATS does not matter", INV(0, 0), .base = SPEC_S1, .sent = true,
		.inv = { .sid = 5, .bytes = 4096 } },
};

static struct nb_smmuv3_atc_inv got;
static unsigned sent;

static void atc_inv(void *ctx, const struct nb_smmuv3_atc_inv *inv)
{
	struct rig *rig = ctx;

	got = *inv;
	sent++;
	nb_smmuv3_atc_inv_done(rig->smmu, inv->itag);
}

static void build(struct rig *rig, const struct row *row)
{
	static const struct nb_smmuv3_ops ops = {
		.size = sizeof(ops), .irq = rig_irq, .atc_inv = atc_inv
	};

	rig_create(rig, (struct nb_smmuv3_config){ .ats = !row->no_ats,
				.httu = row->httu ? NB_SMMUV3_HTTU_DIRTY : NB_SMMUV3_HTTU_NONE,
				.pri = !row->no_ats,
				.ssid_bits = 4,
				.ops = &ops });
	spec_tables(rig, row->base, row->poke, ARRAY_LEN(row->poke));
	rig_enable(rig);
	rig_write(rig, R_CR0, 0);
	rig_write(rig, R_CR2, row->cr2);
	rig_write(rig, R_CR0, CR0_ALL & ~row->cr0_off);
	if (row->sid) {
		nb_smmuv3_port_destroy(smmuv3_port_of(rig->port));
		rig->port = smmuv3_port(nb_smmuv3_port_create(rig->smmu, row->sid));
	}
	sent = 0;
}

static int check_event(struct rig *rig, const struct row *row)
{
	bool event = row->event, transl = row->event == EVT_F_TRANSL_FORBIDDEN;
	uint64_t record[EVT_WORDS];
	int bad = spec_differs("events", rig_event_count(rig), event);

	if (bad || !event)
		return bad;
	rig_event(rig, record);
	bad += spec_differs("type", record[0] & EVT_0_TYPE, row->event);
	bad += spec_differs("SID", record[0] >> 32, row->sid ?: RIG_SID);
	if (transl)
		bad += spec_differs("SSV", !!(record[0] & EVT_0_SSV), 0) +
		       spec_differs("word 1", record[1], row->flags & NB_WRITE ? 0 : EVT_1_RNW);
	if (transl || row->event == EVT_F_BAD_ATS_TREQ)
		bad += spec_differs("InputAddr", record[2], row->iova);
	return bad;
}

static bool has(const struct row *row, char perm)
{
	return row->perms && strchr(row->perms, perm);
}

static int check_request(struct rig *rig, const struct row *row)
{
	struct nb_smmuv3_txn txn = {
		.iova = NB_IOVA(row->iova), .ssid = row->ssid, .flags = row->flags | NB_READ
	};
	struct nb_smmuv3_ats_entry entry;
	enum nb_smmuv3_ats_status status;
	int bad;

	port_enter(rig->port);
	status = nb_smmuv3_ats_request(smmuv3_port_of(rig->port), &txn, &entry);
	port_leave(rig->port);
	bad = spec_differs("status", status, row->status);
	if (bad || status != NB_SMMUV3_ATS_SUCCESS)
		return bad;
	bad = spec_differs("R", entry.read, has(row, 'r')) +
	      spec_differs("W", entry.write, has(row, 'w')) +
	      spec_differs("Exe", entry.exec, has(row, 'x')) +
	      spec_differs("Priv", entry.priv, has(row, 'p')) +
	      spec_differs("U", entry.untranslated, 0) + spec_differs("Global", entry.global, 0);
	if (row->bytes)
		bad += spec_differs("bytes", entry.bytes, row->bytes);
	bad += spec_differs("IOVA", entry.iova.v, align_down(row->iova, entry.bytes));
	if (row->pa)
		bad += spec_differs("PA", entry.pa.v, align_down(row->pa, entry.bytes));
	return bad;
}

static int check_access(struct rig *rig, const struct row *row)
{
	bool ssv = row->flags & NB_SSV;
	struct dma_txn txn = { .iova = NB_IOVA(row->iova),
		.sid = row->sid ?: RIG_SID,
		.ssid_valid = ssv,
		.ssid = row->ssid,
		.priv = row->flags & NB_PRIV,
		.translated = true,
		.prot = row->flags & NB_WRITE ? NB_DMA_WRITE : NB_DMA_READ };
	struct dma_span span;
	int ret;

	port_enter(rig->port);
	ret = smmuv3_translate(rig->smmu, rig->port, &txn, &span);
	port_leave(rig->port);
	return spec_differs("PA", ret ? NO_PA : span.pa.v, row->pa);
}

static int check_invalidate(struct rig *rig, const struct row *row)
{
	uint32_t cons;
	int bad;

	rig_queue(rig, row->w[0], row->w[1]);
	rig_queue(rig, CMD_SYNC, 0);
	rig_ring(rig);
	cons = rig_read(rig, R_CMDQ_CONS);
	if (row->error)
		return spec_differs("error", field_get(CMDQ_CONS_ERR, cons), row->error - 1) +
		       spec_differs("sent", sent, 0);
	bad = spec_differs("CONS", cons, rig->cmdq_prod) + spec_differs("sent", sent, row->sent);
	if (bad || !sent)
		return bad;
	return spec_differs("SID", got.sid, row->inv.sid) +
	       spec_differs("SSV", got.ssv, row->inv.ssv) +
	       spec_differs("SSID", got.ssid, row->inv.ssid) +
	       spec_differs("Global", got.global, row->inv.global) +
	       spec_differs("IOVA", got.iova.v, row->inv.iova.v) +
	       spec_differs("bytes", got.bytes, row->inv.bytes);
}

static bool check(const void *any)
{
	const struct row *row = any;
	static int (*const checks[])(struct rig * rig, const struct row *row) = {
		[REQUEST] = check_request, [ACCESS] = check_access, [INVALIDATE] = check_invalidate
	};
	struct rig rig;
	int bad;

	build(&rig, row);
	bad = checks[row->kind](&rig, row);
	bad += check_event(&rig, row);
	if (row->pte3)
		bad += spec_differs("descriptor", *rig_at(&rig, PTE3), row->pte3);
	rig_finish(&rig);
	return !bad;
}

int main(int argc, char **argv)
{
	return spec_rows(argc, argv, rows, ARRAY_LEN(rows), sizeof(rows[0]), check);
}
