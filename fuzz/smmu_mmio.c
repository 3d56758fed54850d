/* SPDX-License-Identifier: MIT */
/*
 * Registers read and written at any offset and size, between commands, translations, DMA, ATS, page
 * requests and stalls, some of them in sections that stay open. Oracle: what identifies the hardware
 * never changes, what is no register reads as zero, each access does bounded work.
 */
#include "fuzz/smmu.h"

#include <string.h>

#include "base/bits.h"
#include "base/check.h"
#include "smmuv3/regs.h"

#define W (&fz_world)

#define WORK_MAX (3 * 4096)

static struct {
	uint32_t ids[8];
	bool open[SMMU_STREAMS]; /* a section of this port */
	uint64_t before;
} f;

static uint32_t reg(uint64_t offset)
{
	return nb_smmuv3_read(W->smmu, offset, 4);
}

static void check(void)
{
	uint32_t active;
	unsigned i;

	nb_assert(W->loads - f.before <= WORK_MAX);
	for (i = 0; i < ARRAY_LEN(f.ids); i++)
		nb_assert(reg(4 * i) == f.ids[i]);
	/* Errors that there are; SMMUEN is acknowledged, or under way. */
	active = reg(R_GERROR) ^ reg(R_GERRORN);
	nb_assert(!(active & ~(MASK64(7, 2) | GERROR_CMDQ)));
	nb_assert(nb_smmuv3_read(W->smmu, R_CR0, 2) == 0 && nb_smmuv3_read(W->smmu, 2, 4) == 0);
	nb_assert(!((reg(R_CR0) ^ reg(R_CR0ACK)) & ~(CR0_SMMUEN | CR0_ATSCHK)));
}

static void access_reg(const struct smmu_rec *rec)
{
	/* Mostly where registers are; else anywhere. */
	uint64_t offset =
		rec->a & 3 ? (rec->d & 0xff) | (rec->a & 4 ? 0x10000 : 0) : rec->d & 0x3ffff;
	unsigned size = rec->a & 8 ? rec->b : rec->b & 1 ? 8 : 4;

	if (rec->a & 16)
		nb_smmuv3_read(W->smmu, offset, size);
	else
		nb_smmuv3_write(W->smmu, offset, rec->x, size);
}

static void command(const struct smmu_rec *rec)
{
	uint32_t prod = reg(R_CMDQ_PROD);
	uint32_t at = SMMU_CMDQ_AT + 16 * (prod & (BIT64(SMMU_QUEUE_LG2) - 1));

	fz_poke(at, rec->a | (uint64_t)rec->c << 8 | (uint64_t)rec->d << 32 | (rec->x & 0xff0000));
	fz_poke(at + 8, rec->x);
	nb_smmuv3_write(W->smmu, R_CMDQ_PROD, prod + 1, 4);
}

static struct nb_smmuv3_txn txn_of(const struct smmu_rec *rec)
{
	return (struct nb_smmuv3_txn){ .iova = NB_IOVA(rec->c & 1 ? rec->x : rec->x & 0x7fff),
		.ssid = rec->d & 0xfffff,
		.flags = (rec->b & 63) | (rec->b & 3 ? 0 : NB_READ) };
}

/* In the port's open section, or one of its own. */
static void enter(unsigned s)
{
	if (!f.open[s])
		nb_smmuv3_enter(W->ports[s]);
}

static void leave(unsigned s)
{
	if (!f.open[s])
		nb_smmuv3_leave(W->ports[s]);
}

static void translate(const struct smmu_rec *rec)
{
	unsigned s = rec->a % SMMU_STREAMS;
	struct nb_smmuv3_txn txn = txn_of(rec);
	struct nb_smmuv3_span span = { 0 };
	enum nb_smmuv3_verdict verdict;

	enter(s);
	verdict = nb_smmuv3_translate(W->ports[s], &txn, &span);
	if (verdict == NB_SMMUV3_STALLED)
		fz_stalled(s, &txn);
	if (verdict == NB_SMMUV3_OK)
		nb_assert(span.bytes && span.pa.v + (span.bytes - 1) < BIT64(52));
	leave(s);
}

static void dma(const struct smmu_rec *rec)
{
	unsigned s = rec->a % SMMU_STREAMS;
	struct nb_smmuv3_txn txn = txn_of(rec);
	enum nb_smmuv3_verdict verdict;
	uint8_t buf[256];
	size_t done = 0;

	if (f.open[s])
		return;
	memset(buf, rec->d, sizeof(buf));
	txn.flags &= ~(NB_READ | NB_WRITE);
	if (rec->c & 2)
		verdict = nb_smmuv3_dma_read(W->ports[s], &txn, buf, rec->d >> 24, &done);
	else
		verdict = nb_smmuv3_dma_write(W->ports[s], &txn, buf, rec->d >> 24, &done);
	if (verdict == NB_SMMUV3_STALLED) /* on one of its pages */
		W->n_stalls = ARRAY_LEN(W->stalls) + 1;
	nb_assert(done <= rec->d >> 24);
}

static void ats(const struct smmu_rec *rec)
{
	unsigned s = rec->a % SMMU_STREAMS;
	struct nb_smmuv3_txn txn = txn_of(rec);
	struct nb_smmuv3_ats_entry entry = { 0 };

	txn.flags = (txn.flags & ~NB_TRANSLATED) | NB_READ;
	enter(s);
	nb_smmuv3_ats_request(W->ports[s], &txn, &entry);
	leave(s);
}

static void page_request(const struct smmu_rec *rec)
{
	struct nb_smmuv3_page_request request = { .sid = rec->a,
		.ssid = rec->d & 0xfffff,
		.iova = NB_IOVA(rec->x),
		.flags = rec->b & 31,
		.prgi = rec->x & 511,
		.last = rec->c & 1 };

	nb_smmuv3_page_request(W->smmu, &request);
}

static void run(const struct smmu_rec *rec)
{
	unsigned s = rec->a % SMMU_STREAMS;

	f.before = W->loads;
	switch (rec->op % 12) {
	case 0:
	case 1:
	case 2:
		access_reg(rec);
		break;
	case 3:
		command(rec);
		break;
	case 4:
		translate(rec);
		break;
	case 5:
		dma(rec);
		break;
	case 6:
		ats(rec);
		break;
	case 7:
		page_request(rec);
		break;
	case 8: /* open a section, or close it */
		f.open[s] ? nb_smmuv3_leave(W->ports[s]) : nb_smmuv3_enter(W->ports[s]);
		f.open[s] = !f.open[s];
		break;
	case 9:
		if (W->n_itags)
			nb_smmuv3_atc_inv_done(W->smmu, W->itags[--W->n_itags]);
		break;
	case 10: /* tables, but not the queues */
		fz_poke(SMMU_STRTAB_AT + rec->d % (SMMU_RAM_BYTES - SMMU_STRTAB_AT), rec->x);
		break;
	default: /* as a driver begins anew */
		nb_smmuv3_write(W->smmu, R_CR0, 0, 4);
		nb_smmuv3_write(W->smmu, R_GERRORN, reg(R_GERROR), 4);
		nb_smmuv3_write(W->smmu, R_CMDQ_CONS, 0, 4);
		nb_smmuv3_write(W->smmu, R_CMDQ_PROD, 0, 4);
		fz_enable();
	}
	check();
}

void fuzz_smmu_mmio(const uint8_t *bytes, size_t len)
{
	struct smmu_head head;
	struct smmu_rec rec;
	unsigned i;

	if (!fz_begin(bytes, len, &head))
		return;
	memset(f.open, 0, sizeof(f.open));
	for (i = 0; i < ARRAY_LEN(f.ids); i++)
		f.ids[i] = reg(4 * i);
	for (i = 0; fz_record(bytes, len, i, &rec); i++)
		run(&rec);
	for (i = 0; i < SMMU_STREAMS; i++)
		if (f.open[i])
			nb_smmuv3_leave(W->ports[i]);
	fz_end();
}
