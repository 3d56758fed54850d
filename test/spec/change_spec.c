/* SPDX-License-Identifier: MIT */
/*
 * ATS that is enabled and disabled (IHI 0070 3.9.2), faults of two stages (3.12.5), flags that software,
 * hardware or a request updates (3.13).
 */
#include "steps.h"

/* Both stages' stall bits, as CD.S and STE.S2S. */
#define CD_IS(bits) PUT(CD(0), CD0 | (bits))
#define S2_IS(bits) PUT(STE(2), STE2_S2 | (bits))
#define STALL_OF(w) STALLED, .w1 = EVT_1_STALL | RNW | (w)
#define TERM_OF(w)  .w1 = RNW | (w)
#define STALLS	    .hw.stall_model = NB_SMMUV3_STALL_ALLOWED
#define HTTU	    .hw.httu = NB_SMMUV3_HTTU_DIRTY
#define ATS	    .hw.ats = true

/* A fault of each place that stage 2 may refuse: by CD.S and S2S, S2S decides. */
#define S2_PLACE(name, at, class)                                                                  \
	{ "IHI 3.12.5", name ": neither S nor S2S: terminated", SPEC_NESTED,                       \
		{ PUT(S2PTE3(at), 0), FAIL(RIG_VA, F_TRANSLATION, TERM_OF(S2F | (class))) },       \
		STALLS },                                                                          \
		{ "IHI 3.12.5", name ": S alone: terminated", SPEC_NESTED,                         \
			{ CD_IS(CD_0_S), PUT(S2PTE3(at), 0),                                       \
				FAIL(RIG_VA, F_TRANSLATION, TERM_OF(S2F | (class))) },             \
			STALLS },                                                                  \
		{ "IHI 3.12.5", name ": S2S alone: stalled", SPEC_NESTED,                          \
			{ S2_IS(STE_2_S2S), PUT(S2PTE3(at), 0),                                    \
				FAIL(RIG_VA, F_TRANSLATION, STALL_OF(S2F | (class))) },            \
			STALLS },                                                                  \
		{ "IHI 3.12.5", name ": S and S2S: stalled", SPEC_NESTED,                          \
			{ CD_IS(CD_0_S), S2_IS(STE_2_S2S), PUT(S2PTE3(at), 0),                     \
				FAIL(RIG_VA, F_TRANSLATION, STALL_OF(S2F | (class))) },            \
			STALLS },                                                                  \
	{                                                                                          \
		"IHI 3.12.5", name ": stalled, retried once it is there", SPEC_NESTED,             \
			{ S2_IS(STE_2_S2S), PUT(S2PTE3(at), 0),                                    \
				FAIL(RIG_VA, F_TRANSLATION, STALL_OF(S2F | (class))),              \
				PUT(S2PTE3(at), S2_PAGE(RAM(at))), RETRY, GO(RIG_VA, DATA_AT) },   \
			STALLS                                                                     \
	}

static const struct step_row rows[] = {
	/* ATS that is changed. */
	{ "IHI 3.9.2", "enabled: EATS, CFGI, then requests", SPEC_S1,
		{ REFUSED(RIG_VA, UNSUPPORTED, EVT_F_BAD_ATS_TREQ), PUT(STE(1), FULL),
			CFGI(RIG_SID), ASK(RIG_VA, DATA_AT) },
		ATS },
	{ "IHI 3.9.2", "EATS 0: requests are granted until CFGI", SPEC_S1,
		{ PUT(STE(1), FULL), ASK(RIG_VA, DATA_AT), PUT(STE(1), 0), ASK(RIG_VA, DATA_AT),
			CFGI(RIG_SID), REFUSED(RIG_VA, UNSUPPORTED, EVT_F_BAD_ATS_TREQ) },
		ATS },
	{ "IHI 3.9.2", "EATS 0: translated accesses pass until CFGI", SPEC_S1,
		{ PUT(STE(1), FULL), GO(RAM(DATA_AT), DATA_AT, ATS_ADDR), PUT(STE(1), 0),
			GO(RAM(DATA_AT), DATA_AT, ATS_ADDR), CFGI(RIG_SID),
			FAIL(RAM(DATA_AT), F_TRANSL_FORBIDDEN, ATS_ADDR) },
		ATS },
	{ "IHI 3.9.2", "disabled: ATC_INV is sent before and after CFGI", SPEC_S1,
		{ PUT(STE(1), FULL), ASK(RIG_VA, DATA_AT), RUN(CMD_ATC_INV | SID_OF(RIG_SID), 52),
			SENT(1), PUT(STE(1), 0), CFGI(RIG_SID),
			RUN(CMD_ATC_INV | SID_OF(RIG_SID), 52), SENT(2) },
		ATS },
	{ "IHI 3.9.2", "CFGI and TLBI tell no function", SPEC_S1,
		{ PUT(STE(1), FULL), ASK(RIG_VA, DATA_AT), CFGI(RIG_SID), TLBI_ALL, TLBI_VA(RIG_VA),
			SENT(0) },
		ATS },
	{ "IHI 3.9.2", "a page is moved: TLBI, then ATC_INV, then another answer", SPEC_S1,
		{ PUT(STE(1), FULL), ASK(RIG_VA, DATA_AT), MOVED, TLBI_VA(RIG_VA),
			RUN(CMD_ATC_INV | SID_OF(RIG_SID), RIG_VA), SENT(1),
			ASK(RIG_VA, NEW_DATA) },
		ATS },
	{ "IHI 3.9.2", "from full to split-stage: IPAs after CFGI", SPEC_NESTED,
		{ PUT(STE(1), FULL), PUT(S2PTE3(DATA_AT), S2_PAGE(RAM(NEW_DATA))),
			ASK(RIG_VA, NEW_DATA), PUT(STE(1), SPLIT), CFGI(RIG_SID),
			ASK(RIG_VA, DATA_AT), GO(RAM(DATA_AT), NEW_DATA, ATS_ADDR) },
		ATS },
	{ "IHI 3.9.2", "ATSCHK 0: translated accesses pass unseen, 1: they are checked", SPEC_S1,
		{ REG(R_CR0, CR0_SMMUEN | CR0_EVENTQEN | CR0_CMDQEN),
			GO(RAM(DATA_AT), DATA_AT, ATS_ADDR),
			REG(R_CR0, CR0_SMMUEN | CR0_EVENTQEN | CR0_CMDQEN | CR0_ATSCHK),
			FAIL(RAM(DATA_AT), F_TRANSL_FORBIDDEN, ATS_ADDR) },
		ATS },

	/* Two stages' faults. */
	S2_PLACE("stage 2, class IN", DATA_AT, IN),
	S2_PLACE("stage 2, class TT", S1_L2, TT),
	S2_PLACE("stage 2, class CD", CD_AT, 0),
	{ "IHI 3.12.5", "stage 1: neither S nor S2S: terminated", SPEC_NESTED,
		{ PUT(PTE3, 0), FAIL(RIG_VA, F_TRANSLATION, TERM_OF(IN)) }, STALLS },
	{ "IHI 3.12.5", "stage 1: S2S alone: terminated", SPEC_NESTED,
		{ S2_IS(STE_2_S2S), PUT(PTE3, 0), FAIL(RIG_VA, F_TRANSLATION, TERM_OF(IN)) },
		STALLS },
	{ "IHI 3.12.5", "stage 1: S alone: stalled", SPEC_NESTED,
		{ CD_IS(CD_0_S), PUT(PTE3, 0), FAIL(RIG_VA, F_TRANSLATION, STALL_OF(IN)) },
		STALLS },
	{ "IHI 3.12.5", "stage 1 stalls, is retried, stage 2 terminates", SPEC_NESTED,
		{ CD_IS(CD_0_S), PUT(PTE3, 0), PUT(S2PTE3(DATA_AT), 0),
			FAIL(RIG_VA, F_TRANSLATION, STALL_OF(IN)), PUT(PTE3, S1_PAGE(RAM(DATA_AT))),
			RETRY, FAIL(RIG_VA, F_TRANSLATION, TERM_OF(S2F | IN)) },
		STALLS },
	{ "IHI 3.12.5", "stage 2 stalls for a table, is retried, stage 1 terminates", SPEC_NESTED,
		{ S2_IS(STE_2_S2S), PUT(PTE3, 0), PUT(S2PTE3(S1_L3), 0),
			FAIL(RIG_VA, F_TRANSLATION, STALL_OF(S2F | TT)),
			PUT(S2PTE3(S1_L3), S2_PAGE(RAM(S1_L3))), RETRY,
			FAIL(RIG_VA, F_TRANSLATION, TERM_OF(IN)) },
		STALLS },
	{ "IHI 3.12.5", "stage 1 stalls, is retried, stage 2 stalls, is retried", SPEC_NESTED,
		{ CD_IS(CD_0_S), S2_IS(STE_2_S2S), PUT(PTE3, 0), PUT(S2PTE3(DATA_AT), 0),
			FAIL(RIG_VA, F_TRANSLATION, STALL_OF(IN)), PUT(PTE3, S1_PAGE(RAM(DATA_AT))),
			RETRY, FAIL(RIG_VA, F_TRANSLATION, STALL_OF(S2F | IN)),
			PUT(S2PTE3(DATA_AT), S2_PAGE(RAM(DATA_AT))), RETRY, GO(RIG_VA, DATA_AT) },
		STALLS },
	{ "IHI 3.12.5", "A 0: stage 1 reads as zero, stage 2 aborts", SPEC_NESTED,
		{ PUT(CD(0), CD0 & ~CD_0_A), PUT(PTE3, 0),
			FAIL(RIG_VA, F_TRANSLATION, .verdict = NB_SMMUV3_RAZ_WI, .w1 = RNW | IN),
			PUT(PTE3, S1_PAGE(RAM(DATA_AT))), PUT(S2PTE3(DATA_AT), 0),
			FAIL(RIG_VA, F_TRANSLATION, TERM_OF(S2F | IN)) },
		.hw.raz_wi = true },

	/* Flags. */
	{ "IHI 3.13.1", "the access flag is set after its fault: no TLBI", SPEC_S1,
		{ PUT(PTE3, S1_PAGE(RAM(DATA_AT)) & ~TTD_AF), FAIL(RIG_VA, F_ACCESS),
			IS(PTE3, S1_PAGE(RAM(DATA_AT)) & ~TTD_AF), PUT(PTE3, S1_PAGE(RAM(DATA_AT))),
			GO(RIG_VA, DATA_AT) } },
	{ "IHI 3.13.1", "stage 2's likewise", SPEC_S2,
		{ PUT(S2PTE3(0x5000), S2_PAGE(RAM(0x5000)) & ~TTD_AF), FAIL(RAM(0x5000), F_ACCESS),
			PUT(S2PTE3(0x5000), S2_PAGE(RAM(0x5000))), GO(RAM(0x5000), 0x5000) } },
	{ "IHI 3.13.1", "the access flag is cleared: seen after TLBI", SPEC_S1,
		{ GO(RIG_VA, DATA_AT), PUT(PTE3, S1_PAGE(RAM(DATA_AT)) & ~TTD_AF),
			GO(RIG_VA, DATA_AT), TLBI_VA(RIG_VA | CMD_1_LEAF),
			FAIL(RIG_VA, F_ACCESS) } },
	{ "IHI 3.13.1", "a clean page is read-only, made writable at the fault", SPEC_S1,
		{ PUT(PTE3, S1_PAGE(RAM(DATA_AT)) | RO | TTD_DBM), GO(RIG_VA, DATA_AT),
			FAIL(RIG_VA, F_PERMISSION, W), PUT(PTE3, S1_PAGE(RAM(DATA_AT)) | TTD_DBM),
			TLBI_VA(RIG_VA | CMD_1_LEAF), GO(RIG_VA, DATA_AT, W) } },
	{ "IHI 3.13.1", "AFFD: the flag is neither looked at nor written", SPEC_S1,
		{ PUT(CD(0), CD0 | CD_0_AFFD), PUT(PTE3, S1_PAGE(RAM(DATA_AT)) & ~TTD_AF),
			GO(RIG_VA, DATA_AT), GO(RIG_VA, DATA_AT, W),
			IS(PTE3, S1_PAGE(RAM(DATA_AT)) & ~TTD_AF) } },
	{ "IHI 3.13.2", "a page is aged: cleared, TLBI, set again", SPEC_S1,
		{ PUT(CD(0), CD0 | CD_0_HA), GO(RIG_VA, DATA_AT),
			PUT(PTE3, S1_PAGE(RAM(DATA_AT)) & ~TTD_AF), TLBI_VA(RIG_VA | CMD_1_LEAF),
			GO(RIG_VA, DATA_AT), IS(PTE3, S1_PAGE(RAM(DATA_AT))) },
		HTTU },
	{ "IHI 3.13.3", "a page is cleaned: TLBI, dirty again by a write alone", SPEC_S1,
		{ PUT(CD(0), CD0 | CD_0_HA | CD_0_HD), PUT(PTE3, S1_PAGE(RAM(DATA_AT)) | TTD_DBM),
			GO(RIG_VA, DATA_AT, W), PUT(PTE3, S1_PAGE(RAM(DATA_AT)) | TTD_DBM | RO),
			TLBI_VA(RIG_VA | CMD_1_LEAF), GO(RIG_VA, DATA_AT),
			IS(PTE3, S1_PAGE(RAM(DATA_AT)) | TTD_DBM | RO), GO(RIG_VA, DATA_AT, W),
			IS(PTE3, S1_PAGE(RAM(DATA_AT)) | TTD_DBM) },
		HTTU },
	{ "IHI 3.13.5", "both stages' flags are set by one access", SPEC_NESTED,
		{ PUT(CD(0), CD0 | CD_0_HA), S2_IS(STE_2_S2HA),
			PUT(PTE3, S1_PAGE(RAM(DATA_AT)) & ~TTD_AF),
			PUT(S2PTE3(DATA_AT), S2_PAGE(RAM(DATA_AT)) & ~TTD_AF), GO(RIG_VA, DATA_AT),
			IS(PTE3, S1_PAGE(RAM(DATA_AT))),
			IS(S2PTE3(DATA_AT), S2_PAGE(RAM(DATA_AT))) },
		HTTU },
	{ "IHI 3.13.5", "both stages get dirty by one write", SPEC_NESTED,
		{ PUT(CD(0), CD0 | CD_0_HA | CD_0_HD), S2_IS(STE_2_S2HA | STE_2_S2HD),
			PUT(PTE3, S1_PAGE(RAM(DATA_AT)) | RO | TTD_DBM),
			PUT(S2PTE3(DATA_AT), (S2_PAGE(RAM(DATA_AT)) & ~TTD_S2_WRITE) | TTD_DBM),
			GO(RIG_VA, DATA_AT, W), IS(PTE3, S1_PAGE(RAM(DATA_AT)) | TTD_DBM),
			IS(S2PTE3(DATA_AT), S2_PAGE(RAM(DATA_AT)) | TTD_DBM) },
		HTTU },
	{ "IHI 3.13.5", "stage 2 alone updates: stage 1's flag is a fault", SPEC_NESTED,
		{ S2_IS(STE_2_S2HA), PUT(PTE3, S1_PAGE(RAM(DATA_AT)) & ~TTD_AF),
			FAIL(RIG_VA, F_ACCESS, .w1 = RNW | IN),
			IS(PTE3, S1_PAGE(RAM(DATA_AT)) & ~TTD_AF) },
		HTTU },
	{ "IHI 3.13.5", "stage 1 alone updates: stage 2's flag is a fault", SPEC_NESTED,
		{ PUT(CD(0), CD0 | CD_0_HA), PUT(S2PTE3(DATA_AT), S2_PAGE(RAM(DATA_AT)) & ~TTD_AF),
			FAIL(RIG_VA, F_ACCESS, .w1 = RNW | S2F | IN),
			IS(S2PTE3(DATA_AT), S2_PAGE(RAM(DATA_AT)) & ~TTD_AF) },
		HTTU },
	{ "IHI 3.13.6", "a request sets the access flag of both stages", SPEC_NESTED,
		{ PUT(STE(1), FULL), PUT(CD(0), CD0 | CD_0_HA), S2_IS(STE_2_S2HA),
			PUT(PTE3, S1_PAGE(RAM(DATA_AT)) & ~TTD_AF),
			PUT(S2PTE3(DATA_AT), S2_PAGE(RAM(DATA_AT)) & ~TTD_AF), ASK(RIG_VA, DATA_AT),
			IS(PTE3, S1_PAGE(RAM(DATA_AT))),
			IS(S2PTE3(DATA_AT), S2_PAGE(RAM(DATA_AT))) },
		HTTU, ATS },
	{ "IHI 3.13.6", "a request to write marks dirty before any write", SPEC_S1,
		{ PUT(STE(1), FULL), PUT(CD(0), CD0 | CD_0_HA | CD_0_HD),
			PUT(PTE3, S1_PAGE(RAM(DATA_AT)) | RO | TTD_DBM), ASK(RIG_VA, DATA_AT, W),
			IS(PTE3, S1_PAGE(RAM(DATA_AT)) | TTD_DBM) },
		HTTU, ATS },
	{ "IHI 3.13.6", "a request to read leaves it clean", SPEC_S1,
		{ PUT(STE(1), FULL), PUT(CD(0), CD0 | CD_0_HA | CD_0_HD),
			PUT(PTE3, S1_PAGE(RAM(DATA_AT)) | RO | TTD_DBM), ASK(RIG_VA, DATA_AT),
			IS(PTE3, S1_PAGE(RAM(DATA_AT)) | RO | TTD_DBM) },
		HTTU, ATS },
	{ "IHI 3.13.6", "accesses by the answer update nothing", SPEC_S1,
		{ PUT(STE(1), FULL), PUT(CD(0), CD0 | CD_0_HA | CD_0_HD),
			PUT(PTE3, S1_PAGE(RAM(DATA_AT)) | RO | TTD_DBM), ASK(RIG_VA, DATA_AT),
			GO(RAM(DATA_AT), DATA_AT, .flags = NB_WRITE | NB_TRANSLATED),
			IS(PTE3, S1_PAGE(RAM(DATA_AT)) | RO | TTD_DBM) },
		HTTU, ATS },
};

int main(int argc, char **argv)
{
	return steps_main(argc, argv, rows, ARRAY_LEN(rows));
}
