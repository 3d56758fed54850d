/* SPDX-License-Identifier: MIT */
/*
 * Registers (IHI 0070 6): with CR0 and IRQ_CTRL as a row says, one write, and what the register reads
 * as afterwards: which bits there are, when they are fixed, and at which width.
 */
#include "spec.h"

#include <stdio.h>

struct row {
	const char *section, *what;
	uint32_t offset;
	uint8_t bytes;
	uint64_t write, read;
	uint32_t cr0, irq_ctrl;
	struct nb_smmuv3_config hw;
};

#define ALL    (~UINT64_C(0))
#define MSI    .hw.msi = true
#define ATS    .hw.ats = true
#define PRI    .hw.ats = true, .hw.pri = true
#define PRIMSI PRI, MSI
#define QBASE  (Q_BASE_ADDR | Q_BASE_LOG2SIZE | Q_BASE_HINT)

/* The message registers of one interrupt. */
#define IRQ_CFG(section, NAME, enable, attrs, ...)                                                 \
	{ section, #NAME "_IRQ_CFG0: ADDR", R_##NAME##_IRQ_CFG0, 8, ALL, IRQ_CFG0_ADDR,            \
		__VA_ARGS__ },                                                                     \
		{ section, #NAME "_IRQ_CFG0: its upper half", R_##NAME##_IRQ_CFG0 + 4, 4, ALL,     \
			0xfffff, __VA_ARGS__ },                                                    \
		{ section, #NAME "_IRQ_CFG1: DATA", R_##NAME##_IRQ_CFG1, 4, ALL, 0xffffffff,       \
			__VA_ARGS__ },                                                             \
		{ section, #NAME "_IRQ_CFG2: attributes", R_##NAME##_IRQ_CFG2, 4, ALL, (attrs),    \
			__VA_ARGS__ },                                                             \
		{ section, #NAME "_IRQ_CFG0: fixed while enabled", R_##NAME##_IRQ_CFG0, 8, ALL, 0, \
			.irq_ctrl = (enable), __VA_ARGS__ },                                       \
		{ section, #NAME "_IRQ_CFG1: fixed while enabled", R_##NAME##_IRQ_CFG1, 4, ALL, 0, \
			.irq_ctrl = (enable), __VA_ARGS__ },                                       \
		{ section, #NAME "_IRQ_CFG2: fixed while enabled", R_##NAME##_IRQ_CFG2, 4, ALL, 0, \
			.irq_ctrl = (enable), __VA_ARGS__ },                                       \
	{                                                                                          \
		section, #NAME "_IRQ_CFG0: RES0 without MSI", R_##NAME##_IRQ_CFG0, 8, ALL, 0       \
	}

static const struct row rows[] = {
	{ "IHI 6.3.1", "IDR0: read-only", R_IDR0, 4, 0, 0x0d44101b },
	{ "IHI 6.3.2", "IDR1: read-only", R_IDR1, 4, 0, 0x0e730010 },
	{ "IHI 6.3.3", "IDR2: nothing", R_IDR2, 4, ALL, 0 },
	{ "IHI 6.3.4", "IDR3: read-only", R_IDR3, 4, 0, 0x404 },
	{ "IHI 6.3.5", "IDR4: nothing", R_IDR4, 4, ALL, 0 },
	{ "IHI 6.3.8", "AIDR: SMMUv3.1", R_AIDR, 4, 0, 1 },
	{ "IHI 6.3.7", "IIDR: as created", R_IIDR, 4, 0, 0x4832043b, .hw.iidr = 0x4832043b },
	{ "IHI 6.3.6", "IDR5: STALL_MAX", R_IDR5, 4, 0, 0x00ff0015,
		.hw.stall_model = NB_SMMUV3_STALL_ALLOWED },
	{ "IHI 6.3.9", "CR0: PRIQEN and ATSCHK are RES0", R_CR0, 4, 0xfffffffe, 0xc },
	{ "IHI 6.3.9", "CR0: ATSCHK with ATS", R_CR0, 4, 0xfffffffe, 0x1c, ATS },
	{ "IHI 6.3.9", "CR0: PRIQEN with PRI", R_CR0, 4, 0xfffffffe, 0x1e, PRI },
	{ "IHI 6.3.9", "CR0: 64 bits wide are two registers", R_CR0, 8, 0xc, 0 },
	{ "IHI 6.3.10", "CR0ACK: read-only", R_CR0ACK, 4, ALL, 0 },
	{ "IHI 6.3.10", "CR0ACK: acknowledges", R_CR0ACK, 4, 0, 0xd, .cr0 = 0xd },
	{ "IHI 6.3.11", "CR1: all attributes", R_CR1, 4, ALL, 0xfff },
	{ "IHI 6.3.11", "CR1: tables' are fixed with SMMUEN", R_CR1, 4, ALL, 0x03f,
		.cr0 = CR0_SMMUEN },
	{ "IHI 6.3.11", "CR1: queues' are fixed with CMDQEN", R_CR1, 4, ALL, 0xfc0,
		.cr0 = CR0_CMDQEN },
	{ "IHI 6.3.11", "CR1: queues' are fixed with EVENTQEN", R_CR1, 4, ALL, 0xfc0,
		.cr0 = CR0_EVENTQEN },
	{ "IHI 6.3.11", "CR1: queues' are fixed with PRIQEN", R_CR1, 4, ALL, 0xfc0,
		.cr0 = CR0_PRIQEN, PRI },
	{ "IHI 6.3.12", "CR2: E2H is RES0 without Hyp", R_CR2, 4, ALL, CR2_RECINVSID | CR2_PTM },
	{ "IHI 6.3.12", "CR2: REC_CFG_ATS with ATSRECERR", R_CR2, 4, ALL, 0xe, ATS },
	{ "IHI 6.3.12", "CR2: fixed with SMMUEN", R_CR2, 4, ALL, 0, .cr0 = CR0_SMMUEN },
	{ "IHI 6.3.13", "STATUSR: never dormant", R_STATUSR, 4, ALL, 0 },
	{ "IHI 6.3.14", "GBPA: ignored without Update", R_GBPA, 4, GBPA_ABORT, GBPA_RESET },
	{ "IHI 6.3.14", "GBPA: updated", R_GBPA, 4, GBPA_ABORT | GBPA_UPDATE, GBPA_ABORT },
	{ "IHI 6.3.14", "GBPA: all fields", R_GBPA, 4, ALL, GBPA_ABORT | GBPA_ATTRS },
	{ "IHI 6.3.15", "AGBPA: nothing", 0x48, 4, ALL, 0 },
	{ "IHI 6.3.16", "IRQ_CTRL: PRIQ is RES0", R_IRQ_CTRL, 4, ALL, 5 },
	{ "IHI 6.3.16", "IRQ_CTRL: PRIQ with PRI", R_IRQ_CTRL, 4, ALL, 7, PRI },
	{ "IHI 6.3.17", "IRQ_CTRLACK: acknowledges", R_IRQ_CTRLACK, 4, 0, 5, .irq_ctrl = 5 },
	{ "IHI 6.3.18", "GERROR: read-only", R_GERROR, 4, ALL, 0 },
	{ "IHI 6.3.19", "GERRORN: what is not active does not toggle", R_GERRORN, 4, ALL, 0 },
	IRQ_CFG("IHI 6.3.20", GERROR, IRQ_CTRL_GERROR, IRQ_CFG2_ATTRS, MSI),
	{ "IHI 6.3.24", "STRTAB_BASE: ADDR and RA", R_STRTAB_BASE, 8, ALL,
		STRTAB_BASE_ADDR | STRTAB_BASE_RA },
	{ "IHI 6.2", "STRTAB_BASE: lower half", R_STRTAB_BASE, 4, ALL, 0xffffffc0 },
	{ "IHI 6.2", "STRTAB_BASE: upper half", R_STRTAB_BASE + 4, 4, ALL, 0x400fffff },
	{ "IHI 6.2", "STRTAB_BASE: misaligned", R_STRTAB_BASE + 4, 8, ALL, 0 },
	{ "IHI 6.2", "STRTAB_BASE: two bytes", R_STRTAB_BASE, 2, ALL, 0 },
	{ "IHI 6.3.24", "STRTAB_BASE: fixed with SMMUEN", R_STRTAB_BASE, 8, ALL, 0,
		.cr0 = CR0_SMMUEN },
	{ "IHI 6.3.25", "STRTAB_BASE_CFG: fields", R_STRTAB_CFG, 4, ALL, 0x307ff },
	{ "IHI 6.3.25", "STRTAB_BASE_CFG: fixed with SMMUEN", R_STRTAB_CFG, 4, ALL, 0,
		.cr0 = CR0_SMMUEN },
	{ "IHI 6.3.26", "CMDQ_BASE: fields", R_CMDQ_BASE, 8, ALL, QBASE },
	{ "IHI 6.3.26", "CMDQ_BASE: fixed with CMDQEN", R_CMDQ_BASE, 8, ALL, 0, .cr0 = CR0_CMDQEN },
	{ "IHI 6.3.26", "CMDQ_BASE: free with the others", R_CMDQ_BASE, 8, ALL, QBASE,
		.cr0 = CR0_EVENTQEN | CR0_SMMUEN },
	{ "IHI 6.3.27", "CMDQ_PROD: pointer", R_CMDQ_PROD, 4, ALL, 0xfffff },
	{ "IHI 6.3.28", "CMDQ_CONS: pointer and ERR", R_CMDQ_CONS, 4, ALL, 0x7f0fffff },
	{ "IHI 6.3.28", "CMDQ_CONS: fixed with CMDQEN", R_CMDQ_CONS, 4, ALL, 0, .cr0 = CR0_CMDQEN },
	{ "IHI 6.3.29", "EVENTQ_BASE: fields", R_EVENTQ_BASE, 8, ALL, QBASE },
	{ "IHI 6.3.29", "EVENTQ_BASE: fixed with EVENTQEN", R_EVENTQ_BASE, 8, ALL, 0,
		.cr0 = CR0_EVENTQEN },
	{ "IHI 6.3.30", "EVENTQ_PROD: pointer and OVFLG", R_EVENTQ_PROD, 4, ALL, 0x800fffff },
	{ "IHI 6.3.30", "EVENTQ_PROD: fixed with EVENTQEN", R_EVENTQ_PROD, 4, ALL, 0,
		.cr0 = CR0_EVENTQEN },
	{ "IHI 6.3.30", "EVENTQ_PROD: not in page 0", 0xa8, 4, ALL, 0 },
	{ "IHI 6.3.31", "EVENTQ_CONS: pointer and OVACKFLG", R_EVENTQ_CONS, 4, ALL, 0x800fffff },
	{ "IHI 6.3.31", "EVENTQ_CONS: writable with EVENTQEN", R_EVENTQ_CONS, 4, 1, 1,
		.cr0 = CR0_EVENTQEN },
	IRQ_CFG("IHI 6.3.32", EVENTQ, IRQ_CTRL_EVENTQ, IRQ_CFG2_ATTRS, MSI),
	{ "IHI 6.3.35", "PRIQ_BASE: fields", R_PRIQ_BASE, 8, ALL, QBASE, PRI },
	{ "IHI 6.3.35", "PRIQ_BASE: RES0 without PRI", R_PRIQ_BASE, 8, ALL, 0, ATS },
	{ "IHI 6.3.35", "PRIQ_BASE: fixed with PRIQEN", R_PRIQ_BASE, 8, ALL, 0, .cr0 = CR0_PRIQEN,
		PRI },
	{ "IHI 6.3.36", "PRIQ_PROD: pointer and OVFLG", R_PRIQ_PROD, 4, ALL, 0x800fffff, PRI },
	{ "IHI 6.3.36", "PRIQ_PROD: fixed with PRIQEN", R_PRIQ_PROD, 4, ALL, 0, .cr0 = CR0_PRIQEN,
		PRI },
	{ "IHI 6.3.37", "PRIQ_CONS: pointer and OVACKFLG", R_PRIQ_CONS, 4, ALL, 0x800fffff, PRI },
	{ "IHI 6.3.37", "PRIQ_CONS: RES0 without PRI", R_PRIQ_CONS, 4, ALL, 0 },
	IRQ_CFG("IHI 6.3.38", PRIQ, IRQ_CTRL_PRIQ, IRQ_CFG2_ATTRS | PRIQ_IRQ_CFG2_LO, PRIMSI),
	{ "IHI 6.3", "GATOS_CTRL: without ATOS", 0x100, 4, ALL, 0 },
	{ "IHI 6.3", "past the pages", 0x20000, 4, ALL, 0 },
	{ "IHI 6.1", "page 0: its first word", R_IDR0, 4, ALL, 0x0d44101b },
	{ "IHI 6.1", "page 0: what is reserved", 0x7c, 4, ALL, 0 },
	{ "IHI 6.1", "page 0: IMPLEMENTATION DEFINED registers, of which there are none", 0xe00, 4,
		ALL, 0 },
	{ "IHI 6.1", "page 0: ID_REGS, of which there are none", 0xfd0, 4, ALL, 0 },
	{ "IHI 6.1", "page 0: its last word", 0xfffc, 4, ALL, 0 },
	{ "IHI 6.1", "page 1: EVENTQ_PROD", 0x100a8, 4, 3, 3 },
	{ "IHI 6.1", "page 1: EVENTQ_CONS", 0x100ac, 4, 3, 3 },
	{ "IHI 6.1", "page 1: PRIQ_PROD", 0x100c8, 4, 3, 3, PRI },
	{ "IHI 6.1", "page 1: PRIQ_CONS", 0x100cc, 4, 3, 3, PRI },
	{ "IHI 6.1", "page 1: its own registers are not in page 0, EVENTQ_CONS", 0xac, 4, ALL, 0 },
	{ "IHI 6.1", "page 1: its own registers are not in page 0, PRIQ_PROD", 0xc8, 4, ALL, 0,
		PRI },
	{ "IHI 6.1", "page 1: its own registers are not in page 0, PRIQ_CONS", 0xcc, 4, ALL, 0,
		PRI },
	{ "IHI 6.1", "page 1: page 0's are not in it, IDR0", 0x10000 + R_IDR0, 4, ALL, 0 },
	{ "IHI 6.1", "page 1: page 0's are not in it, CR1", 0x10000 + R_CR1, 4, ALL, 0 },
	{ "IHI 6.1", "page 1: page 0's are not in it, CMDQ_PROD", 0x10000 + R_CMDQ_PROD, 4, ALL,
		0 },
	{ "IHI 6.1", "page 1: two registers by one access", 0x100a8, 8, ALL, 0 },
	{ "IHI 6.1", "page 1: its last word", 0x1fffc, 4, ALL, 0 },
	{ "IHI 6.1", "command queue control pages, of which there are none", 0x30000, 4, ALL, 0 },
	{ "IHI 6.1", "far off", UINT32_MAX - 3, 4, ALL, 0 },
	{ "IHI 6.1", "not aligned", R_CR1 + 2, 4, ALL, 0 },
	{ "IHI 6.1", "one byte", R_CR1, 1, ALL, 0 },
};

static bool holds(const void *any)
{
	const struct row *row = any;
	struct rig rig;
	uint64_t got;

	rig_create(&rig, row->hw);
	rig_write(&rig, R_IRQ_CTRL, row->irq_ctrl);
	rig_write(&rig, R_CR0, row->cr0);
	nb_smmuv3_write(rig.smmu, row->offset, row->write, row->bytes);
	got = nb_smmuv3_read(rig.smmu, row->offset, row->bytes);
	rig_finish(&rig);
	if (got != row->read)
		printf("  0x%llx, not 0x%llx\n", (unsigned long long)got,
			(unsigned long long)row->read);
	return got == row->read;
}

int main(int argc, char **argv)
{
	return spec_rows(argc, argv, rows, ARRAY_LEN(rows), sizeof(rows[0]), holds);
}
