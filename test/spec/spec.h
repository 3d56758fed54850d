/* SPDX-License-Identifier: MIT */
/*
 * The SMMUv3 model against its specifications, as tables: a base case, a few words changed (poked),
 * one access, and the address or the event that the named section asks for. A spec program is a table
 * of rows and spec_main. Given --list it prints its rows, from which doc/spec-map.md is made.
 */
#ifndef TEST_SPEC_H
#define TEST_SPEC_H

#include "../unit/smmuv3/rig.h"

enum spec_base {
	SPEC_NONE, /* no tables at all: every STE is zero */
	SPEC_BYPASS,
	SPEC_S1,
	SPEC_S2,
	SPEC_NESTED,
};

struct spec_poke {
	uint32_t at; /* 0: none */
	uint64_t value;
};

struct spec_row {
	/* "IHI 5.2" (IHI 0070), "ARM D8.3" (DDI 0487), "PCIe 10.2"; the field comes first in what. */
	const char *section, *what;
	enum spec_base base;
	struct spec_poke poke[8];
	uint64_t iova;
	uint8_t prot;
	/* The result: pa and bytes, or an event (all words but InputAddr and StreamID), or silence. */
	uint64_t pa, bytes;
	uint8_t event;
	uint64_t w1, w3;
	/* Unusual surroundings. */
	uint32_t sid;	     /* 0: RIG_SID */
	uint32_t strtab_cfg; /* 0: linear, 64 entries; bit 31 is ignored */
	uint64_t strtab_at;  /* 0: STRTAB_AT */
	uint32_t ssid;	     /* not 0: with SSV */
	bool ssv;	     /* with SSV, ssid 0 too */
	bool priv, inst;
	bool no_recinvsid, off;
	struct nb_smmuv3_config hw; /* what is not the default */
	/* Not 0: another verdict than NB_SMMUV3_OK (with bytes) or NB_SMMUV3_ABORT. */
	int verdict;
};

/* Where things are, for poke. */
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

#define NO_AP  UINT64_C(0xc03) /* S1 page: privileged read and write only */
#define RO     TTD_AP_RO
#define UNPRIV TTD_AP_UNPRIV
#define HIGH   UINT64_C(0xffff000000000000)

/* The base's tables, and the words that differ. */
void spec_tables(struct rig *rig, enum spec_base base, const struct spec_poke *poke, size_t n);
/* Run (or list) the rows: main's result. */
int spec_main(int argc, char **argv, const struct spec_row *rows, size_t n);
/* Likewise rows of another type, of that size, that begins with section and what. */
int spec_rows(int argc, char **argv, const void *rows, size_t n, size_t size,
	bool (*holds)(const void *row));
/* 1, and says so, or 0. */
int spec_differs(const char *what, uint64_t got, uint64_t want);

#endif
