/* SPDX-License-Identifier: MIT */
/*
 * Spec rows that are sequences: a base, a few steps, and what each of them comes to. For what only a
 * sequence shows: caches and what invalidates them, stalls, updates.
 */
#ifndef TEST_SPEC_STEPS_H
#define TEST_SPEC_STEPS_H

#include "spec.h"

enum step_kind {
	STEP_END,
	STEP_PUT_WORD,
	STEP_WORD_IS,
	STEP_COMMAND, /* and CMD_SYNC: both complete */
	STEP_RESUME_LAST,
	STEP_REGISTER,
	STEP_ACCESS_OK,
	STEP_ACCESS_FAILS,
	STEP_REQUEST_OK, /* ATS */
	STEP_REQUEST_FAILS,
	STEP_SENT_IS, /* ATC invalidations so far */
};

struct step {
	enum step_kind kind;
	uint64_t at, value;
	/* Accesses. */
	uint32_t flags; /* 0: NB_READ */
	uint32_t sid;	/* 0: RIG_SID; else OTHER */
	uint32_t ssid;	/* with NB_SSV */
	int verdict;	/* 0: NB_SMMUV3_ABORT */
	uint8_t event;	/* 0: none */
	uint64_t w1;	/* of the record, without STAG; 0: not looked at */
};

struct step_row {
	const char *section, *what;
	enum spec_base base;
	struct step step[14];
	struct nb_smmuv3_config hw;
};

/* Another stream: its STE, its CD, and tables of its own, which map RIG_VA to OTHER_DATA. */
enum {
	OTHER = 6,
	OTHER_CD = CD_AT + 0x800,
	OTHER_L0 = 0x20000,
	OTHER_L1 = 0x21000,
	OTHER_L2 = 0x22000,
	OTHER_L3 = 0x23000,
	OTHER_DATA = 0x30000,
	NEW_DATA = 0x40000, /* where pages are moved to */
	NEW_L3 = 0x50000,
};

#define PUT(where, what)                                                                           \
	{                                                                                          \
		.kind = STEP_PUT_WORD, .at = (where), .value = (what)                              \
	}
#define IS(where, what)                                                                            \
	{                                                                                          \
		.kind = STEP_WORD_IS, .at = (where), .value = (what)                               \
	}
#define RUN(w0, w1)                                                                                \
	{                                                                                          \
		.kind = STEP_COMMAND, .at = (w0), .value = (w1)                                    \
	}
#define RETRY                                                                                      \
	{                                                                                          \
		.kind = STEP_RESUME_LAST, .at = CMD_0_RESUME_AC                                    \
	}
#define REG(offset, what)                                                                          \
	{                                                                                          \
		.kind = STEP_REGISTER, .at = (offset), .value = (what)                             \
	}
#define GO(va, pa, ...)                                                                            \
	{                                                                                          \
		.kind = STEP_ACCESS_OK, .at = (va), .value = RAM(pa), __VA_ARGS__                  \
	}
#define FAIL(va, type, ...)                                                                        \
	{                                                                                          \
		.kind = STEP_ACCESS_FAILS, .at = (va), .event = EVT_##type, __VA_ARGS__            \
	}
#define SILENTLY(va)                                                                               \
	{                                                                                          \
		.kind = STEP_ACCESS_FAILS, .at = (va)                                              \
	}
#define ASK(va, pa, ...)                                                                           \
	{                                                                                          \
		.kind = STEP_REQUEST_OK, .at = (va), .value = RAM(pa), __VA_ARGS__                 \
	}
#define REFUSED(va, status, type)                                                                  \
	{                                                                                          \
		.kind = STEP_REQUEST_FAILS, .at = (va), .value = NB_SMMUV3_ATS_##status,           \
		.event = (type)                                                                    \
	}
#define SENT(n)                                                                                    \
	{                                                                                          \
		.kind = STEP_SENT_IS, .value = (n)                                                 \
	}
#define W	 .flags = NB_WRITE
#define ATS_ADDR .flags = NB_READ | NB_TRANSLATED
#define THEIRS	 .sid = OTHER
#define STALLED	 .verdict = NB_SMMUV3_STALLED
#define SUB(n)	 .flags = NB_READ | NB_SSV, .ssid = (n)

#define VA2	     (RIG_VA + 0x1000)
#define PTE3_2	     (PTE3 + 8)
#define SID_OF(sid)  ((uint64_t)(sid) << 32)
#define CFGI(sid)    RUN(CMD_CFGI_STE | SID_OF(sid), CMD_1_LEAF)
#define CFGI_CD(sid) RUN(CMD_CFGI_CD | SID_OF(sid), CMD_1_LEAF)
#define TLBI_ALL     RUN(CMD_TLBI_NSNH_ALL, 0)
#define TAGS(v, a)   ((uint64_t)(v) << 32 | (uint64_t)(a) << 48)
#define MINE	     TAGS(RIG_VMID, RIG_ASID)
#define TLBI_VA(va)  RUN(CMD_TLBI_NH_VA | MINE, (va))
#define MOVED	     PUT(PTE3, S1_PAGE(RAM(NEW_DATA)))
#define STE_ABORT    UINT64_C(1)
#define FULL	     ((uint64_t)STE_EATS_TRANS << 28)
#define SPLIT	     ((uint64_t)STE_EATS_S1CHK << 28)
#define CDMAX	     BIT64(59)

/* Run (or list) the rows: main's result. */
int steps_main(int argc, char **argv, const struct step_row *rows, size_t n);

#endif
