/* SPDX-License-Identifier: MIT */
/*
 * The register file as a table (IHI 0070 6.3): where a register is, which bits software may write
 * and when, and what reading or writing it sets off. Both register pages are one offset space; a
 * page 1 register has no alias in page 0.
 */
#include "smmuv3/model.h"

#include <stddef.h>

struct reg {
	uint32_t offset;
	uint8_t bytes;
	uint8_t guard;	   /* CR0 bits that make it read-only while set */
	uint8_t irq_guard; /* likewise of IRQ_CTRL */
	uint16_t at;	   /* of the value, in struct smmu_regs */
	uint64_t writable; /* bits */
	uint64_t needs;	   /* bits of IDR0: without one of them it is RES0 */
	void (*before_read)(struct nb_smmuv3 *smmu);
	/* Instead of just storing; value is what the register would hold. */
	void (*write)(struct nb_smmuv3 *smmu, uint64_t value);
};

void smmu_wait_begin(struct nb_smmuv3 *smmu, uint64_t why)
{
	/* A wait that begins now covers what an earlier one waited for: one for all. */
	smmu->waiting |= why;
	atomic_store_explicit(&smmu->awaited, true, memory_order_relaxed);
	port_wait_begin(&smmu->ports);
}

void smmu_wait_poll(struct nb_smmuv3 *smmu)
{
	if (!smmu->waiting || !port_wait_poll(&smmu->ports))
		return;
	if (smmu->waiting & SMMU_WAIT_CR0)
		smmu->regs.cr0ack = smmu->regs.cr0;
	if (smmu->waiting & SMMU_WAIT_GBPA)
		smmu->regs.gbpa &= ~GBPA_UPDATE;
	smmu->waiting = 0;
	atomic_store_explicit(&smmu->awaited, false, memory_order_relaxed);
}

void smmu_left(struct nb_smmuv3 *smmu)
{
	pthread_mutex_lock(&smmu->reg_lock);
	smmu_wait_poll(smmu);
	smmu_cmdq_run(smmu);
	pthread_mutex_unlock(&smmu->reg_lock);
	smmu_signal(smmu);
	smmu_outbox_deliver(smmu);
}

/*
 * IHI 0070 6.3.9: a change of SMMUEN is acknowledged once no transaction is in flight that was
 * treated the old way; the queue enables at once.
 */
static void set_cr0(struct nb_smmuv3 *smmu, uint64_t value)
{
	smmu->regs.cr0 = value;
	pthread_mutex_lock(&smmu->out_lock); /* queues are idle once they are disabled */
	if (!(value & CR0_EVENTQEN))
		smmu->last_valid = false;
	atomic_store(&smmu->cr0, value);
	smmu_stall_records(smmu);
	pthread_mutex_unlock(&smmu->out_lock);
}

static void write_cr0(struct nb_smmuv3 *smmu, uint64_t value)
{
	const uint64_t waits = CR0_SMMUEN | CR0_ATSCHK;
	uint64_t changed;

	/* 6.3.9: without PRI and ATS their bits are RES0. */
	value &= ~((smmu->hw.pri ? 0 : CR0_PRIQEN) | (smmu->hw.ats ? 0 : CR0_ATSCHK));
	changed = smmu->regs.cr0 ^ value;
	set_cr0(smmu, value);
	if (changed & CR0_SMMUEN) {
		smmu_cfg_changed(smmu);
		smmu_stall_term_all(smmu);
	}
	if (changed & waits)
		smmu_wait_begin(smmu, SMMU_WAIT_CR0);
	smmu->regs.cr0ack = (smmu->regs.cr0ack & waits) | (value & ~waits);
	if (!(value & CR0_CMDQEN)) {
		smmu->sync_begun = false;
		smmu->waiting &= ~SMMU_WAIT_SYNC;
		atomic_store_explicit(&smmu->awaited, smmu->waiting, memory_order_relaxed);
	}
	smmu_wait_poll(smmu);
	smmu_cmdq_run(smmu);
}

/* 6.3.11: each half is guarded by what uses it, tables or queues. */
static void write_cr1(struct nb_smmuv3 *smmu, uint64_t value)
{
	uint64_t enabled = smmu->regs.cr0 | smmu->regs.cr0ack, fixed = 0;

	if (enabled & CR0_SMMUEN)
		fixed |= CR1_TABLE_ATTRS;
	if (enabled & (CR0_CMDQEN | CR0_EVENTQEN | CR0_PRIQEN))
		fixed |= CR1_QUEUE_ATTRS;
	smmu->regs.cr1 = (smmu->regs.cr1 & fixed) | (value & ~fixed);
}

static void write_cr2(struct nb_smmuv3 *smmu, uint64_t value)
{
	/* 6.3.12: RES0 without IDR0.ATSRECERR. */
	if (!(smmu->regs.idr[0] & IDR0_ATSRECERR))
		value &= ~CR2_REC_CFG_ATS;
	smmu->regs.cr2 = value;
	atomic_store(&smmu->cr2, value);
}

static void write_gbpa(struct nb_smmuv3 *smmu, uint64_t value)
{
	/* IHI 0070 6.3.14: ignored without Update, and while an earlier update is under way. */
	if (!(value & GBPA_UPDATE) || (smmu->regs.gbpa & GBPA_UPDATE))
		return;
	smmu->regs.gbpa = value;
	atomic_store(&smmu->gbpa, value & ~GBPA_UPDATE);
	smmu_wait_begin(smmu, SMMU_WAIT_GBPA);
	smmu_wait_poll(smmu);
}

/* 6.3.18: a disable is acknowledged once no message is still being written. */
static void ack_irq_ctrl(struct nb_smmuv3 *smmu)
{
	if (!atomic_load(&smmu->msis))
		smmu->regs.irq_ctrlack = smmu->regs.irq_ctrl;
}

static void write_irq_ctrl(struct nb_smmuv3 *smmu, uint64_t value)
{
	if (!smmu->hw.pri)
		value &= ~IRQ_CTRL_PRIQ;
	smmu->regs.irq_ctrl = value;
	atomic_store(&smmu->irq_ctrl, value);
	smmu->regs.irq_ctrlack |= value;
	ack_irq_ctrl(smmu);
}

static void write_gerrorn(struct nb_smmuv3 *smmu, uint64_t value)
{
	uint64_t active;

	pthread_mutex_lock(&smmu->out_lock);
	/* UNPREDICTABLE: toggling what is not active. Ignored, so that no error is made up. */
	active = smmu->regs.gerror ^ smmu->regs.gerrorn;
	smmu->regs.gerrorn ^= (smmu->regs.gerrorn ^ value) & active;
	if (!((smmu->regs.gerror ^ smmu->regs.gerrorn) & GERROR_CMDQ))
		smmu->cmdq_halted = false;
	smmu_stall_records(smmu);
	pthread_mutex_unlock(&smmu->out_lock);
	smmu_cmdq_run(smmu);
}

static void write_strtab_base(struct nb_smmuv3 *smmu, uint64_t value)
{
	pthread_mutex_lock(&smmu->cfg_lock);
	smmu->regs.strtab_base = value;
	pthread_mutex_unlock(&smmu->cfg_lock);
}

static void write_strtab_cfg(struct nb_smmuv3 *smmu, uint64_t value)
{
	pthread_mutex_lock(&smmu->cfg_lock);
	smmu->regs.strtab_cfg = value;
	pthread_mutex_unlock(&smmu->cfg_lock);
}

/* Room again, perhaps. */
static void write_eventq_cons(struct nb_smmuv3 *smmu, uint64_t value)
{
	pthread_mutex_lock(&smmu->out_lock);
	smmu->regs.eventq_cons = value;
	smmu_stall_records(smmu);
	pthread_mutex_unlock(&smmu->out_lock);
}

static void write_cmdq_prod(struct nb_smmuv3 *smmu, uint64_t value)
{
	smmu->regs.cmdq_prod = value;
	smmu_cmdq_run(smmu);
}

#define REG(off, size, field, ...)                                                                 \
	{                                                                                          \
		.offset = (off), .bytes = (size), .at = offsetof(struct smmu_regs, field),         \
		__VA_ARGS__                                                                        \
	}

/* The three registers of an interrupt's message (6.3.20), fixed while it is enabled. */
#define IRQ_CFG(NAME, name, attrs, cfg2_needs)                                                     \
	REG(R_##NAME##_IRQ_CFG0, 8, name##_irq_cfg0, .writable = IRQ_CFG0_ADDR,                    \
		.irq_guard = IRQ_CTRL_##NAME, .needs = IDR0_MSI | MSI_NEEDS_##NAME),               \
		REG(R_##NAME##_IRQ_CFG1, 4, name##_irq_cfg1, .writable = IRQ_CFG1_DATA,            \
			.irq_guard = IRQ_CTRL_##NAME, .needs = IDR0_MSI | MSI_NEEDS_##NAME),       \
		REG(R_##NAME##_IRQ_CFG2, 4, name##_irq_cfg2, .writable = (attrs),                  \
			.irq_guard = IRQ_CTRL_##NAME, .needs = (cfg2_needs))
#define MSI_NEEDS_GERROR 0
#define MSI_NEEDS_EVENTQ 0
#define MSI_NEEDS_PRIQ	 IDR0_PRI

static const struct reg registers[] = {
	REG(R_IDR0, 4, idr[0]),
	REG(R_IDR1, 4, idr[1]),
	REG(R_IDR2, 4, idr[2]),
	REG(R_IDR3, 4, idr[3]),
	REG(R_IDR4, 4, idr[4]),
	REG(R_IDR5, 4, idr[5]),
	REG(R_IIDR, 4, iidr),
	REG(R_AIDR, 4, aidr),
	REG(R_CR0, 4, cr0,
		.writable = CR0_SMMUEN | CR0_PRIQEN | CR0_EVENTQEN | CR0_CMDQEN | CR0_ATSCHK,
		.write = write_cr0),
	REG(R_CR0ACK, 4, cr0ack, .before_read = smmu_wait_poll),
	REG(R_CR1, 4, cr1, .writable = CR1_TABLE_ATTRS | CR1_QUEUE_ATTRS, .write = write_cr1),
	REG(R_CR2, 4, cr2, .writable = CR2_RECINVSID | CR2_PTM | CR2_REC_CFG_ATS,
		.guard = CR0_SMMUEN, .write = write_cr2),
	REG(R_STATUSR, 4, statusr), /* DORMANT: never (IDR0.DORMHINT is 0) */
	REG(R_GBPA, 4, gbpa, .writable = GBPA_UPDATE | GBPA_ABORT | GBPA_ATTRS,
		.before_read = smmu_wait_poll, .write = write_gbpa),
	REG(R_IRQ_CTRL, 4, irq_ctrl, .writable = IRQ_CTRL_GERROR | IRQ_CTRL_PRIQ | IRQ_CTRL_EVENTQ,
		.write = write_irq_ctrl),
	REG(R_IRQ_CTRLACK, 4, irq_ctrlack, .before_read = ack_irq_ctrl),
	REG(R_GERROR, 4, gerror),
	REG(R_GERRORN, 4, gerrorn, .writable = GERROR_ALL, .write = write_gerrorn),
	IRQ_CFG(GERROR, gerror, IRQ_CFG2_ATTRS, IDR0_MSI),
	REG(R_STRTAB_BASE, 8, strtab_base, .writable = STRTAB_BASE_ADDR | STRTAB_BASE_RA,
		.guard = CR0_SMMUEN, .write = write_strtab_base),
	REG(R_STRTAB_CFG, 4, strtab_cfg, .writable = STRTAB_FMT | STRTAB_SPLIT | STRTAB_LOG2SIZE,
		.guard = CR0_SMMUEN, .write = write_strtab_cfg),
	REG(R_CMDQ_BASE, 8, cmdq_base, .writable = Q_BASE_ADDR | Q_BASE_LOG2SIZE | Q_BASE_HINT,
		.guard = CR0_CMDQEN),
	REG(R_CMDQ_PROD, 4, cmdq_prod, .writable = Q_POINTER, .write = write_cmdq_prod),
	REG(R_CMDQ_CONS, 4, cmdq_cons, .writable = Q_POINTER | CMDQ_CONS_ERR, .guard = CR0_CMDQEN,
		.before_read = smmu_cmdq_run),
	REG(R_EVENTQ_BASE, 8, eventq_base, .writable = Q_BASE_ADDR | Q_BASE_LOG2SIZE | Q_BASE_HINT,
		.guard = CR0_EVENTQEN),
	REG(R_EVENTQ_PROD, 4, eventq_prod, .writable = Q_POINTER | EVENTQ_OVFLG,
		.guard = CR0_EVENTQEN),
	REG(R_EVENTQ_CONS, 4, eventq_cons, .writable = Q_POINTER | EVENTQ_OVFLG,
		.write = write_eventq_cons),
	IRQ_CFG(EVENTQ, eventq, IRQ_CFG2_ATTRS, IDR0_MSI),
	REG(R_PRIQ_BASE, 8, priq_base, .writable = Q_BASE_ADDR | Q_BASE_LOG2SIZE | Q_BASE_HINT,
		.guard = CR0_PRIQEN, .needs = IDR0_PRI),
	REG(R_PRIQ_PROD, 4, priq_prod, .writable = Q_POINTER | PRIQ_OVFLG, .guard = CR0_PRIQEN,
		.needs = IDR0_PRI),
	REG(R_PRIQ_CONS, 4, priq_cons, .writable = Q_POINTER | PRIQ_OVFLG, .needs = IDR0_PRI),
	/* Its CFG2 has LO, which wires need too. */
	IRQ_CFG(PRIQ, priq, IRQ_CFG2_ATTRS | PRIQ_IRQ_CFG2_LO, IDR0_PRI),
};

/* Half (or all) of the register that an access is to: NULL if there is none such. */
static const struct reg *find(uint64_t offset, unsigned size)
{
	const struct reg *reg;
	unsigned i;

	if ((size != 4 && size != 8) || !is_aligned(offset, size))
		return NULL;
	for (i = 0; i < ARRAY_LEN(registers); i++) {
		reg = &registers[i];
		if (size <= reg->bytes && offset >= reg->offset &&
			offset - reg->offset <= reg->bytes - size)
			return reg;
	}
	return NULL;
}

void smmu_signal(struct nb_smmuv3 *smmu)
{
	smmu_forward(smmu);
	smmu_cmdq_signal(smmu);
	smmu_stall_notify(smmu);
	smmu_gerror_signal(smmu);
}

static uint64_t *value_of(struct nb_smmuv3 *smmu, const struct reg *reg)
{
	return (uint64_t *)((char *)&smmu->regs + reg->at);
}

/* The bits of the register that the access covers. */
static uint64_t lane(const struct reg *reg, uint64_t offset, unsigned size)
{
	unsigned shift = (offset - reg->offset) * 8;

	return (size == 8 ? ~UINT64_C(0) : (uint64_t)UINT32_MAX) << shift;
}

uint64_t nb_smmuv3_read(struct nb_smmuv3 *smmu, uint64_t offset, unsigned size)
{
	const struct reg *reg = find(offset, size);
	uint64_t value;

	if (!reg)
		return 0;
	pthread_mutex_lock(&smmu->reg_lock);
	if (reg->before_read)
		reg->before_read(smmu);
	pthread_mutex_lock(&smmu->out_lock);
	value = *value_of(smmu, reg);
	pthread_mutex_unlock(&smmu->out_lock);
	pthread_mutex_unlock(&smmu->reg_lock);
	smmu_signal(smmu);
	smmu_outbox_deliver(smmu);
	return (value & lane(reg, offset, size)) >> (offset - reg->offset) * 8;
}

static void store(struct nb_smmuv3 *smmu, const struct reg *reg, uint64_t value, uint64_t lanes)
{
	uint64_t mask = reg->writable & lanes, *at = value_of(smmu, reg);

	pthread_mutex_lock(&smmu->out_lock);
	value = (*at & ~mask) | (value & mask);
	if (!reg->write)
		*at = value;
	pthread_mutex_unlock(&smmu->out_lock);
	if (reg->write)
		reg->write(smmu, value);
}

void nb_smmuv3_write(struct nb_smmuv3 *smmu, uint64_t offset, uint64_t value, unsigned size)
{
	const struct reg *reg = find(offset, size);

	if (!reg || !reg->writable || (reg->needs & ~smmu->regs.idr[0]))
		return;
	pthread_mutex_lock(&smmu->reg_lock);
	if (!((smmu->regs.cr0 | smmu->regs.cr0ack) & reg->guard) &&
		!((smmu->regs.irq_ctrl | smmu->regs.irq_ctrlack) & reg->irq_guard))
		store(smmu, reg, value << (offset - reg->offset) * 8, lane(reg, offset, size));
	pthread_mutex_unlock(&smmu->reg_lock);
	smmu_signal(smmu);
	smmu_outbox_deliver(smmu);
}
