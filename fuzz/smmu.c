/* SPDX-License-Identifier: MIT */
/* The world of the SMMUv3's fuzzers. */
#include "fuzz/smmu.h"

#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "base/check.h"
#include "smmuv3/regs.h"

struct fz_world fz_world;

#define W (&fz_world)

/* Pages, of which those that an input changed are restored for the next one. */
#define PAGES (SMMU_RAM_BYTES >> 12)

void fz_touch(uint64_t off)
{
	W->dirty[off >> 12 & (PAGES - 1)] = true;
}

/* Memory by operations, so that what the model does with it is counted. */
static int ram_read(void *ctx, uint64_t off, void *buf, size_t len)
{
	W->loads++;
	memcpy(buf, W->ram + off, len);
	return 0;
}

static int ram_write(void *ctx, uint64_t off, const void *buf, size_t len, uint32_t sid)
{
	memcpy(W->ram + off, buf, len);
	fz_touch(off);
	fz_touch(off + len - 1);
	return 0;
}

static int ram_load64(void *ctx, uint64_t off, uint64_t *val)
{
	return ram_read(ctx, off, val, 8);
}

static int ram_cas64(void *ctx, uint64_t off, uint64_t *expected, uint64_t desired)
{
	uint64_t found;

	memcpy(&found, W->ram + off, 8);
	if (found == *expected)
		memcpy(W->ram + off, &desired, 8);
	fz_touch(off);
	*expected = found;
	return 0;
}

static const struct nb_mem_ops ram_ops = {
	.read = ram_read, .write = ram_write, .load64 = ram_load64, .cas64 = ram_cas64
};

uint64_t fz_peek(uint32_t off)
{
	uint64_t value;

	memcpy(&value, W->ram + (off & (SMMU_RAM_BYTES - 8)), 8);
	return value;
}

void fz_poke(uint32_t off, uint64_t value)
{
	memcpy(W->ram + (off & (SMMU_RAM_BYTES - 8)), &value, 8);
	fz_touch(off);
}

/* IPA page n is guest page n; T0SZ 25 at level 1. */
static void fill_s2(void)
{
	unsigned i;

	fz_poke(SMMU_S2_AT, (SMMU_S2_AT + 0x1000) | 3);
	fz_poke(SMMU_S2_AT + 0x1000, (SMMU_S2_AT + 0x2000) | 3);
	for (i = 0; i < 8; i++) {
		uint64_t page = SMMU_GUEST_AT + 0x1000 * i;

		fz_poke(SMMU_S2_AT + 0x2000 + 8 * i, page | (page == SMMU_LAST_RO ? 0x47f : 0x4ff));
	}
}

/* VA page n, of four, is data page n. base: what guest pages are for stage 1. */
static void fill_s1(uint64_t cd, uint64_t tables, uint64_t base)
{
	unsigned i;

	fz_poke(cd + 8, base + 0x1000);
	fz_poke(cd,
		25 | CD_0_EPD1 | CD_0_V | 5ull << 32 | CD_0_AA64 | CD_0_R | CD_0_A | 7ull << 48);
	fz_poke(tables, (base + 0x2000) | 3);
	fz_poke(tables + 0x1000, (base + 0x3000) | 3);
	for (i = 0; i < 4; i++)
		fz_poke(tables + 0x2000 + 8 * i, (base + 0x4000 + 0x1000 * i) | 0xc43);
}

static void fill_ste(unsigned sid, uint64_t w0, uint64_t w2, uint64_t w3)
{
	fz_poke(SMMU_STRTAB_AT + 64 * sid + 16, w2);
	fz_poke(SMMU_STRTAB_AT + 64 * sid + 24, w3);
	fz_poke(SMMU_STRTAB_AT + 64 * sid, w0);
}

static void fill(bool forced)
{
	uint64_t s2 = 25ull << 32 | 1ull << 38 | 5ull << 48 | STE_2_S2AA64 | STE_2_S2R;

	if (forced)
		s2 |= STE_2_S2S;
	memset(W->ram, 0, SMMU_RAM_BYTES);
	fill_s2();
	fill_s1(SMMU_CD_AT, SMMU_S1_AT, 0);
	/* The stream without stage 2 has tables of its own, at physical addresses. */
	fill_s1(0x50000, 0x51000, 0x50000);
	if (forced) {
		fz_poke(SMMU_CD_AT, fz_peek(SMMU_CD_AT) | CD_0_S);
		fz_poke(0x50000, fz_peek(0x50000) | CD_0_S);
	}
	fill_ste(0, 0xf, s2 | 1, SMMU_S2_AT);
	fill_ste(1, 0xb | 0x50000, 2, 0);
	fill_ste(2, 0xd, s2 | 3, SMMU_S2_AT);
}

/* What an input begins with, without and with CD.S and S2S. */
static void restore(bool forced)
{
	static uint8_t image[2][SMMU_RAM_BYTES];
	static bool made[2], was;
	unsigned i;

	if (!made[forced]) {
		fill(forced);
		memcpy(image[forced], W->ram, SMMU_RAM_BYTES);
		made[forced] = true;
		memset(W->dirty, true, sizeof(W->dirty));
	}
	for (i = 0; i < PAGES; i++) {
		if (!W->dirty[i] && was == forced)
			continue;
		memcpy(W->ram + (i << 12), image[forced] + (i << 12), 4096);
		memcpy(W->twin + (i << 12), image[forced] + (i << 12), 4096);
	}
	memset(W->dirty, 0, sizeof(W->dirty));
	was = forced;
}

void fz_same_twin(void)
{
	unsigned i;

	for (i = 0; i < PAGES; i++)
		if (W->dirty[i])
			memcpy(W->twin + (i << 12), W->ram + (i << 12), 4096);
}

static void atc_inv(void *ctx, const struct nb_smmuv3_atc_inv *inv)
{
	if (W->n_itags < ARRAY_LEN(W->itags))
		W->itags[W->n_itags++] = inv->itag;
	else
		W->lost_itags = true;
}

static void pri_resp(void *ctx, const struct nb_smmuv3_pri_resp *resp)
{
	nb_assert(resp->code < 16);
}

static const struct nb_smmuv3_ops ops = {
	.size = sizeof(ops), .atc_inv = atc_inv, .pri_resp = pri_resp
};

/* Every head is some hardware: contradictions are resolved. */
static void set_hw(const struct smmu_head *head)
{
	static const uint8_t oas[8] = { 48, 52, 44, 42, 40, 36, 32, 48 };
	static const uint8_t ssids[4] = { 0, 1, 8, 20 };
	struct nb_smmuv3_config *hw = &W->hw;
	uint8_t f = head->flags[0], g = head->flags[1];

	memset(hw, 0, sizeof(*hw)); /* the padding is compared */
	*hw = (struct nb_smmuv3_config){ .size = sizeof(*hw),
		.mem = W->mem,
		.ops = &ops,
		.iotlb_slots = 64,
		.oas_bits = oas[head->oas % 8],
		.granules = (head->granules & 7) | NB_SMMUV3_GRAN4K,
		.sid_bits = 8,
		.ssid_bits = ssids[head->ssid % 4],
		.stall_model = head->stalls % 3,
		.httu = head->httu % 3,
		.no_stage1 = (f & 129) == 129,
		.linear_tables_only = f & 2,
		.no_ril = f & 4,
		.fwb = f & 8,
		.xnx = f & 16,
		.vax = f & 32,
		.ats = f & 64,
		.bbml = g % 3,
		.pri = g & 4,
		.msi = g & 8,
		.sev = g & 16,
		.raz_wi = g & 32,
		.no_stage2 = (g & 192) == 192 && (f & 129) != 129 };
	hw->pri &= hw->ats;
	if (hw->no_stage1)
		hw->ssid_bits = 0;
	if (hw->oas_bits == 52 || hw->vax)
		hw->granules |= NB_SMMUV3_GRAN64K;
}

void fz_enable(void)
{
	nb_smmuv3_write(W->smmu, R_STRTAB_BASE, SMMU_STRTAB_AT, 8);
	nb_smmuv3_write(W->smmu, R_STRTAB_CFG, 4, 4);
	nb_smmuv3_write(W->smmu, R_CMDQ_BASE, SMMU_CMDQ_AT | SMMU_QUEUE_LG2, 8);
	nb_smmuv3_write(W->smmu, R_EVENTQ_BASE, SMMU_EVTQ_AT | SMMU_QUEUE_LG2, 8);
	nb_smmuv3_write(W->smmu, R_PRIQ_BASE, SMMU_PRIQ_AT | SMMU_QUEUE_LG2, 8);
	nb_smmuv3_write(W->smmu, R_CR2, CR2_RECINVSID, 4);
	nb_smmuv3_write(W->smmu, R_IRQ_CTRL, 7, 4);
	nb_smmuv3_write(W->smmu, R_CR0,
		CR0_SMMUEN | CR0_EVENTQEN | CR0_CMDQEN | (W->hw.pri ? CR0_PRIQEN : 0), 4);
}

static void open_memory(void)
{
	if (W->mem)
		return;
	W->mem = nb_mem_create(52);
	W->ram = aligned_alloc(4096, SMMU_RAM_BYTES);
	nb_assert(W->mem && W->ram);
	W->extent = (struct nb_extent){ .pa = NB_PA(0), .bytes = SMMU_RAM_BYTES, .ops = &ram_ops };
	nb_assert(!nb_mem_add(W->mem, &W->extent));
}

static void create_ports(void)
{
	unsigned i;

	for (i = 0; i < SMMU_STREAMS; i++) {
		W->ports[i] = nb_smmuv3_port_create(W->smmu, i);
		nb_assert(W->ports[i]);
	}
}

static void destroy_ports(void)
{
	unsigned i;

	for (i = 0; i < SMMU_STREAMS; i++)
		nb_smmuv3_port_destroy(W->ports[i]);
}

static void destroy_model(void)
{
	destroy_ports();
	nb_smmuv3_destroy(W->smmu);
	W->smmu = NULL;
}

/*
 * Models are kept, since to create one (and its ports) costs far more than what an input does. Each is
 * reset as a driver would; where that does not suffice it is made anew. That a reset leaves nothing
 * behind is an oracle too: an input that fails only after others says that it does.
 */
static struct kept {
	struct nb_smmuv3_config hw;
	struct nb_smmuv3 *smmu;
	struct nb_smmuv3_port *ports[SMMU_STREAMS];
} kept[512];

static struct kept *kept_for(const struct nb_smmuv3_config *hw)
{
	const uint8_t *bytes = (const uint8_t *)hw;
	uint64_t hash = 0xcbf29ce484222325;
	size_t i;

	for (i = 0; i < sizeof(*hw); i++)
		hash = (hash ^ bytes[i]) * 0x100000001b3;
	return &kept[hash >> 32 & (ARRAY_LEN(kept) - 1)];
}

static void take_model(void)
{
	struct kept *k = kept_for(&W->hw);
	bool same = k->smmu && !memcmp(&k->hw, &W->hw, sizeof(k->hw));

	W->smmu = k->smmu;
	memcpy(W->ports, k->ports, sizeof(k->ports));
	memset(k, 0, sizeof(*k)); /* until it is kept again */
	if (same)
		return;
	if (W->smmu)
		destroy_model();
	W->smmu = nb_smmuv3_create(&W->hw);
	nb_assert(W->smmu);
	create_ports();
}

static void keep_model(void)
{
	struct kept *k = kept_for(&W->hw);

	memcpy(&k->hw, &W->hw, sizeof(k->hw));
	k->smmu = W->smmu;
	memcpy(k->ports, W->ports, sizeof(k->ports));
}

/* Every register that software sets. */
static void reset_registers(void)
{
	static const uint32_t words[] = { R_CR0, R_IRQ_CTRL, R_CR1, R_CR2, R_CMDQ_PROD, R_CMDQ_CONS,
		R_EVENTQ_PROD, R_EVENTQ_CONS, R_PRIQ_PROD, R_PRIQ_CONS, R_GERROR_IRQ_CFG1,
		R_GERROR_IRQ_CFG2, R_EVENTQ_IRQ_CFG1, R_EVENTQ_IRQ_CFG2, R_PRIQ_IRQ_CFG1,
		R_PRIQ_IRQ_CFG2 };
	static const uint32_t doubles[] = { R_GERROR_IRQ_CFG0, R_EVENTQ_IRQ_CFG0, R_PRIQ_IRQ_CFG0 };
	unsigned i;

	for (i = 0; i < ARRAY_LEN(words); i++)
		nb_smmuv3_write(W->smmu, words[i], 0, 4);
	for (i = 0; i < ARRAY_LEN(doubles); i++)
		nb_smmuv3_write(W->smmu, doubles[i], 0, 8);
	nb_smmuv3_write(W->smmu, R_GBPA, GBPA_RESET | GBPA_UPDATE, 4);
	nb_smmuv3_write(W->smmu, R_GERRORN, nb_smmuv3_read(W->smmu, R_GERROR, 4), 4);
}

static bool registers_are_reset(void)
{
	static const uint32_t zero[] = { R_CR0ACK, R_IRQ_CTRLACK, R_CMDQ_CONS, R_CMDQ_PROD,
		R_EVENTQ_PROD, R_PRIQ_PROD };
	unsigned i;

	for (i = 0; i < ARRAY_LEN(zero); i++)
		if (nb_smmuv3_read(W->smmu, zero[i], 4))
			return false;
	return nb_smmuv3_read(W->smmu, R_GBPA, 4) == GBPA_RESET &&
	       nb_smmuv3_read(W->smmu, R_GERROR, 4) == nb_smmuv3_read(W->smmu, R_GERRORN, 4);
}

/* Nothing cached, nothing pending, as if it were new; false: it does not want to. */
static bool reset_model(void)
{
	static const uint64_t flush[] = { CMD_CFGI_STE_RANGE, 31, CMD_TLBI_NSNH_ALL, 0, CMD_SYNC,
		0 };
	unsigned i;

	while (W->n_itags)
		nb_smmuv3_atc_inv_done(W->smmu, W->itags[--W->n_itags]);
	if (W->lost_itags)
		return false;
	reset_registers();
	fz_enable();
	for (i = 0; i < ARRAY_LEN(flush); i++)
		fz_poke(SMMU_CMDQ_AT + 8 * i, flush[i]);
	nb_smmuv3_write(W->smmu, R_CMDQ_PROD, 3, 4);
	if (nb_smmuv3_read(W->smmu, R_CMDQ_CONS, 4) != 3)
		return false;
	reset_registers();
	return registers_are_reset();
}

bool fz_begin(const uint8_t *bytes, size_t len, struct smmu_head *head)
{
	if (len < sizeof(*head))
		return false;
	memcpy(head, bytes, sizeof(*head));
	open_memory();
	set_hw(head);
	restore(W->hw.stall_model == NB_SMMUV3_STALL_FORCED);
	W->n_itags = 0;
	W->n_stalls = 0;
	W->lost_itags = false;
	take_model();
	fz_enable();
	W->loads = 0;
	return true;
}

void fz_stalled(unsigned stream, const struct nb_smmuv3_txn *txn)
{
	if (W->n_stalls < ARRAY_LEN(W->stalls)) {
		W->stalls[W->n_stalls].stream = stream;
		W->stalls[W->n_stalls].txn = *txn;
	}
	W->n_stalls++;
}

/* The reset terminated them: the ports are told. */
static void end_stalls(void)
{
	struct nb_smmuv3_span span;
	unsigned i;

	if (W->n_stalls > ARRAY_LEN(W->stalls)) {
		destroy_ports();
		create_ports();
		return;
	}
	for (i = 0; i < W->n_stalls; i++) {
		struct nb_smmuv3_port *port = W->ports[W->stalls[i].stream];

		nb_smmuv3_enter(port);
		nb_smmuv3_translate(port, &W->stalls[i].txn, &span);
		nb_smmuv3_leave(port);
	}
}

void fz_end(void)
{
	if (!reset_model()) {
		destroy_model();
		return;
	}
	end_stalls();
	keep_model();
}

bool fz_record(const uint8_t *bytes, size_t len, unsigned n, struct smmu_rec *rec)
{
	size_t at = sizeof(struct smmu_head) + n * sizeof(*rec);

	if (n >= SMMU_MAX_RECS || at + sizeof(*rec) > len)
		return false;
	memcpy(rec, bytes + at, sizeof(*rec));
	return true;
}

struct naive fz_naive(void)
{
	return (struct naive){ .hw = naive_hw_of(&W->hw),
		.smmuen = true,
		.recinvsid = true,
		.strtab_base = SMMU_STRTAB_AT,
		.strtab_cfg = 4 };
}

enum nb_smmuv3_verdict fz_translate(
	unsigned stream, uint64_t iova, uint32_t flags, uint32_t ssid, struct nb_smmuv3_span *span)
{
	struct nb_smmuv3_txn txn = { .iova = NB_IOVA(iova), .flags = flags, .ssid = ssid };
	struct nb_smmuv3_port *port = W->ports[stream % SMMU_STREAMS];
	enum nb_smmuv3_verdict verdict;

	nb_smmuv3_enter(port);
	verdict = nb_smmuv3_translate(port, &txn, span);
	nb_smmuv3_leave(port);
	if (verdict == NB_SMMUV3_STALLED)
		fz_stalled(stream % SMMU_STREAMS, &txn);
	return verdict;
}
