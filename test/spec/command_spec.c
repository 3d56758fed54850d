/* SPDX-License-Identifier: MIT */
/*
 * Commands (IHI 0070 4): one command, then CMD_SYNC; both are consumed, or the queue stops at the first
 * with an error. Opcodes of EL2, EL3, Secure and later extensions are ILLEGAL here.
 */
#include "spec.h"

#include <stdio.h>

struct row {
	const char *section, *what;
	uint64_t w0, w1;
	unsigned error; /* CERROR_* */
	struct nb_smmuv3_config hw;
};

#define ILL    CERROR_ILL
#define S1ONLY .hw.no_stage2 = true
#define S2ONLY .hw.no_stage1 = true
#define NORIL  .hw.no_ril = true
#define STALL  .hw.stall_model = NB_SMMUV3_STALL_ALLOWED
#define FORCED .hw.stall_model = NB_SMMUV3_STALL_FORCED
#define ATS    .hw.ats = true
#define PRI    .hw.ats = true, .hw.pri = true
#define SSEC   CMD_0_SSEC

#define TG(n)	 ((uint64_t)(n) << 10)
#define TTL(n)	 ((uint64_t)(n) << 8)
#define NUM(n)	 ((uint64_t)(n) << 12)
#define SCALE(n) ((uint64_t)(n) << 20)
#define CS(n)	 ((uint64_t)(n) << 12)

/* Reserved, or of a state that is not implemented. */
#define NONE(op, what)                                                                             \
	{                                                                                          \
		"IHI 4.1.1", what, (op), 0, ILL                                                    \
	}
/* Legal, and with SSec not. */
#define BOTH(section, name, op, ...)                                                               \
	{ section, name, (op), 0, 0, __VA_ARGS__ },                                                \
	{                                                                                          \
		"IHI 4.1.5", name ": SSec on the Non-secure queue", (op) | SSEC, 0, ILL,           \
			__VA_ARGS__                                                                \
	}
/* Range forms of a TLBI by address. */
#define RANGES(section, name, op)                                                                  \
	{ section, name ": one address", (op), RIG_VA, 0 },                                        \
		{ section, name ": one address, Leaf", (op), RIG_VA | CMD_1_LEAF, 0 },             \
		{ section, name ": 4 KiB range", (op) | NUM(3) | SCALE(2), RIG_VA | TG(1), 0 },    \
		{ section, name ": 16 KiB range", (op) | NUM(31), RIG_VA | TG(2) | TTL(2), 0 },    \
		{ section, name ": 64 KiB range", (op) | SCALE(31) | NUM(31), RIG_VA | TG(3), 0 }, \
		{ section, name ": TTL of one page", (op), RIG_VA | TG(1) | TTL(3), 0 },           \
		{ section, name ": TTL 1 with 16 KiB is no hint", (op), RIG_VA | TG(2) | TTL(1),   \
			0 },                                                                       \
		{ section, name ": range of one without TTL", (op), RIG_VA | TG(1), ILL },         \
		{ section, name ": likewise 64 KiB", (op), RIG_VA | TG(3), ILL },                  \
	{                                                                                          \
		section, name ": without RIL the fields are ignored", (op), RIG_VA | TG(1), 0,     \
			NORIL                                                                      \
	}

static const struct row rows[] = {
	BOTH("IHI 4.2.1", "PREFETCH_CONFIG", CMD_PREFETCH_CONFIG),
	BOTH("IHI 4.2.2", "PREFETCH_ADDR", CMD_PREFETCH_ADDR),
	BOTH("IHI 4.3.1", "CFGI_STE", CMD_CFGI_STE),
	BOTH("IHI 4.3.2", "CFGI_STE_RANGE", CMD_CFGI_STE_RANGE),
	{ "IHI 4.3.2", "CFGI_STE_RANGE: Range 31 is CFGI_ALL", CMD_CFGI_STE_RANGE, 31, 0 },
	{ "IHI 4.3.2", "CFGI_STE_RANGE: Range 30", CMD_CFGI_STE_RANGE, 30, 0 },
	{ "IHI 4.3.1", "CFGI_STE: Leaf", CMD_CFGI_STE, CMD_1_LEAF, 0 },
	{ "IHI 4.3.1", "CFGI_STE: a StreamID beyond the table", CMD_CFGI_STE | CMD_0_SID, 0, 0 },
	BOTH("IHI 4.3.3", "CFGI_CD", CMD_CFGI_CD),
	{ "IHI 4.3.3", "CFGI_CD: a substream", CMD_CFGI_CD | NUM(7), 0, 0, .hw.ssid_bits = 8 },
	{ "IHI 4.3.3", "CFGI_CD: without stage 1", CMD_CFGI_CD, 0, ILL, S2ONLY },
	BOTH("IHI 4.3.4", "CFGI_CD_ALL", CMD_CFGI_CD_ALL),
	{ "IHI 4.3.4", "CFGI_CD_ALL: without stage 1", CMD_CFGI_CD_ALL, 0, ILL, S2ONLY },
	NONE(0x07, "CFGI_VMS_PIDM: without MPAM"),
	BOTH("IHI 4.4.2", "TLBI_NH_ALL", CMD_TLBI_NH_ALL),
	BOTH("IHI 4.4.2", "TLBI_NH_ALL: without stage 2", CMD_TLBI_NH_ALL | CMD_0_VMID, S1ONLY),
	{ "IHI 4.4.2", "TLBI_NH_ALL: without stage 1", CMD_TLBI_NH_ALL, 0, ILL, S2ONLY },
	BOTH("IHI 4.4.2", "TLBI_NH_ASID", CMD_TLBI_NH_ASID),
	{ "IHI 4.4.2", "TLBI_NH_ASID: 16 bits of both", CMD_TLBI_NH_ASID | CMD_0_ASID | CMD_0_VMID,
		0, 0 },
	{ "IHI 4.4.2", "TLBI_NH_ASID: without stage 1", CMD_TLBI_NH_ASID, 0, ILL, S2ONLY },
	BOTH("IHI 4.4.2", "TLBI_NH_VA", CMD_TLBI_NH_VA),
	RANGES("IHI 4.4.1", "TLBI_NH_VA", CMD_TLBI_NH_VA),
	{ "IHI 4.4.2", "TLBI_NH_VA: without stage 1", CMD_TLBI_NH_VA, 0, ILL, S2ONLY },
	BOTH("IHI 4.4.2", "TLBI_NH_VAA", CMD_TLBI_NH_VAA),
	RANGES("IHI 4.4.1", "TLBI_NH_VAA", CMD_TLBI_NH_VAA),
	{ "IHI 4.4.2", "TLBI_NH_VAA: without stage 1", CMD_TLBI_NH_VAA, 0, ILL, S2ONLY },
	BOTH("IHI 4.4.3", "TLBI_S12_VMALL", CMD_TLBI_S12_VMALL),
	{ "IHI 4.4.3", "TLBI_S12_VMALL: without stage 2", CMD_TLBI_S12_VMALL, 0, ILL, S1ONLY },
	BOTH("IHI 4.4.3", "TLBI_S2_IPA", CMD_TLBI_S2_IPA),
	RANGES("IHI 4.4.1", "TLBI_S2_IPA", CMD_TLBI_S2_IPA),
	{ "IHI 4.4.3", "TLBI_S2_IPA: without stage 2", CMD_TLBI_S2_IPA, 0, ILL, S1ONLY },
	BOTH("IHI 4.4.4", "TLBI_NSNH_ALL", CMD_TLBI_NSNH_ALL),
	BOTH("IHI 4.4.4", "TLBI_NSNH_ALL: stage 1 only", CMD_TLBI_NSNH_ALL, S1ONLY),
	BOTH("IHI 4.4.4", "TLBI_NSNH_ALL: stage 2 only", CMD_TLBI_NSNH_ALL, S2ONLY),
	NONE(0x18, "TLBI_EL3_ALL"),
	NONE(0x1a, "TLBI_EL3_VA"),
	NONE(0x20, "TLBI_EL2_ALL: without IDR0.Hyp"),
	NONE(0x21, "TLBI_EL2_ASID: without IDR0.Hyp"),
	NONE(0x22, "TLBI_EL2_VA: without IDR0.Hyp"),
	NONE(0x23, "TLBI_EL2_VAA: without IDR0.Hyp"),
	NONE(0x50, "TLBI_S_EL2_ALL"),
	NONE(0x58, "TLBI_S_S12_VMALL"),
	NONE(0x5a, "TLBI_S_S2_IPA"),
	NONE(0x60, "TLBI_SNH_ALL"),
	NONE(0x70, "DPTI_ALL"),
	NONE(0x73, "DPTI_PA"),
	NONE(0x00, "opcode 0"),
	NONE(0x08, "reserved 0x08"),
	NONE(0x0f, "reserved 0x0f"),
	NONE(0x14, "reserved 0x14"),
	NONE(0x29, "reserved 0x29"),
	NONE(0x31, "reserved 0x31"),
	NONE(0x42, "reserved 0x42"),
	NONE(0x43, "reserved 0x43"),
	NONE(0x47, "reserved 0x47"),
	NONE(0x80, "IMPLEMENTATION DEFINED 0x80"),
	NONE(0xff, "IMPLEMENTATION DEFINED 0xff"),
	BOTH("IHI 4.5.1", "ATC_INV", CMD_ATC_INV, ATS),
	{ "IHI 4.5.1", "ATC_INV: without ATS", CMD_ATC_INV, 0, ILL },
	BOTH("IHI 4.5.2", "PRI_RESP", CMD_PRI_RESP, PRI),
	{ "IHI 4.5.2", "PRI_RESP: without PRI", CMD_PRI_RESP, 0, ILL, ATS },
	{ "IHI 4.5.2", "PRI_RESP: reserved Resp", CMD_PRI_RESP, 3ull << 12, ILL, PRI },
	BOTH("IHI 4.6.1", "RESUME: nothing is stalled", CMD_RESUME, STALL),
	BOTH("IHI 4.6.1", "RESUME: stalls forced", CMD_RESUME | CMD_0_RESUME_AC, FORCED),
	{ "IHI 4.6.1", "RESUME: any STAG", CMD_RESUME, CMD_1_STAG, 0, STALL },
	{ "IHI 4.6.1", "RESUME: without stalls", CMD_RESUME, 0, ILL },
	BOTH("IHI 4.6.2", "STALL_TERM: nothing is stalled", CMD_STALL_TERM, STALL),
	BOTH("IHI 4.6.2", "STALL_TERM: stalls forced", CMD_STALL_TERM, FORCED),
	{ "IHI 4.6.2", "STALL_TERM: without stalls", CMD_STALL_TERM, 0, ILL },
	{ "IHI 4.7.3", "SYNC: SIG_NONE", CMD_SYNC, 0, 0 },
	{ "IHI 4.7.3", "SYNC: SIG_IRQ, a wire", CMD_SYNC | CS(1), 0, 0 },
	{ "IHI 4.7.3", "SYNC: SIG_IRQ, a message", CMD_SYNC | CS(1), RAM(DATA_AT), 0,
		.hw.msi = true },
	{ "IHI 4.7.3", "SYNC: SIG_SEV", CMD_SYNC | CS(2), 0, 0, .hw.sev = true },
	{ "IHI 4.7.3", "SYNC: SIG_SEV without SEV is SIG_NONE", CMD_SYNC | CS(2), 0, 0 },
	{ "IHI 4.7.3", "SYNC: reserved CS", CMD_SYNC | CS(3), 0, ILL },
	{ "IHI 4.7.3", "SYNC: has no SSec", CMD_SYNC | SSEC, 0, 0 },
};

static bool holds(const void *any)
{
	const struct row *row = any;
	uint32_t cons, expected;
	struct rig rig;

	rig_create(&rig, row->hw);
	rig_enable(&rig);
	rig_queue(&rig, row->w0, row->w1);
	rig_queue(&rig, CMD_SYNC, 0);
	rig_ring(&rig);
	cons = rig_read(&rig, R_CMDQ_CONS);
	expected = row->error ? row->error << 24 : 2;
	if (cons != expected)
		printf("  CMDQ_CONS 0x%x, not 0x%x\n", cons, expected);
	if (rig_read(&rig, R_GERROR) != (row->error ? GERROR_CMDQ : 0))
		cons = ~expected;
	rig_finish(&rig);
	return cons == expected;
}

int main(int argc, char **argv)
{
	return spec_rows(argc, argv, rows, ARRAY_LEN(rows), sizeof(rows[0]), holds);
}
