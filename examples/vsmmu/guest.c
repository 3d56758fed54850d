/* SPDX-License-Identifier: MIT */
#include "guest.h"

#include <err.h>
#include <string.h>

#define BIT(n) (UINT64_C(1) << (n))

/* Registers (IHI 0070 6.3). */
#define IDR0	    0x00
#define IDR1	    0x04
#define CR0	    0x20
#define CR0ACK	    0x24
#define CR1	    0x28
#define CR2	    0x2c
#define GBPA	    0x44
#define IRQ_CTRL    0x50
#define IRQ_CTRLACK 0x54
#define STRTAB_BASE 0x80
#define STRTAB_CFG  0x88
#define CMDQ_BASE   0x90
#define CMDQ_PROD   0x98
#define CMDQ_CONS   0x9c
#define EVENTQ_BASE 0xa0
#define EVENTQ_PROD 0x100a8
#define EVENTQ_CONS 0x100ac
#define CR0_SMMUEN  1u
#define CR0_EVENTQ  4u
#define CR0_CMDQ    8u

#define CMDQ_LG2   8
#define EVENTQ_LG2 7
#define SID_BITS   16
#define SPLIT	   8

/* Commands (4). */
#define CFGI_STE      0x03
#define CFGI_ALL      0x04
#define TLBI_NH_ASID  0x11
#define TLBI_NH_VA    0x12
#define TLBI_NSNH_ALL 0x30
#define RESUME	      0x44
#define SYNC	      0x46

#define ASID UINT64_C(1)

static uint32_t read32(struct guest *guest, uint64_t offset)
{
	return (uint32_t)guest->ops.read(guest->ops.ctx, offset, 4);
}

static void write32(struct guest *guest, uint64_t offset, uint32_t value)
{
	guest->ops.write(guest->ops.ctx, offset, value, 4);
}

static void write64(struct guest *guest, uint64_t offset, uint64_t value)
{
	guest->ops.write(guest->ops.ctx, offset, value, 8);
}

static void write_and_wait(struct guest *guest, uint64_t offset, uint64_t ack, uint32_t value)
{
	write32(guest, offset, value);
	while (read32(guest, ack) != value)
		guest->ops.idle(guest->ops.ctx);
}

void *guest_alloc(struct guest *guest, uint64_t bytes, uint64_t *ipa)
{
	uint64_t at = (guest->free + bytes - 1) & ~(bytes - 1);

	guest->free = at + bytes;
	*ipa = at;
	return memset(guest->ram + (at - guest->ipa), 0, bytes);
}

/* ---- commands ---- */

static void command(struct guest *guest, uint64_t word0, uint64_t word1)
{
	uint64_t *slot = guest->cmdq + 2 * (guest->prod % BIT(CMDQ_LG2));

	slot[0] = word0;
	slot[1] = word1;
	guest->prod = (guest->prod + 1) % (2 * BIT(CMDQ_LG2));
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	write32(guest, CMDQ_PROD, guest->prod);
}

static void sync_commands(struct guest *guest)
{
	command(guest, SYNC, 0);
	while (read32(guest, CMDQ_CONS) != guest->prod)
		guest->ops.idle(guest->ops.ctx);
}

/* ---- the stream table (5.1, 5.2) ---- */

static uint64_t *ste_of(struct guest *guest, uint32_t sid)
{
	uint64_t *table = guest->strtab, ipa;

	if (!guest->two_level)
		return table + 8 * (uint64_t)sid;
	if (!table[sid >> SPLIT]) {
		guest_alloc(guest, 64 << SPLIT, &ipa);
		table[sid >> SPLIT] = ipa | (SPLIT + 1);
	}
	ipa = table[sid >> SPLIT] & ~UINT64_C(63);
	return (uint64_t *)(guest->ram + (ipa - guest->ipa)) + 8 * (sid % BIT(SPLIT));
}

/* 3.21.3: word 0 last, and whoever has the old entry cached forgets it. */
static void write_ste(struct guest *guest, uint32_t sid, uint64_t word0, uint64_t word1)
{
	uint64_t *ste = ste_of(guest, sid);

	ste[1] = word1;
	__atomic_store_n(&ste[0], word0, __ATOMIC_RELEASE);
	command(guest, CFGI_STE | (uint64_t)sid << 32, 1);
	sync_commands(guest);
}

static void init_strtab(struct guest *guest)
{
	uint64_t ipa, bytes = guest->two_level ? 8 << (SID_BITS - SPLIT) : 64 << SPLIT;
	uint32_t cfg = guest->two_level ? 1 << 16 | SPLIT << 6 | SID_BITS : SPLIT;

	guest->strtab = guest_alloc(guest, bytes, &ipa);
	write64(guest, STRTAB_BASE, ipa | BIT(62));
	write32(guest, STRTAB_CFG, cfg);
}

/* ---- bring-up: arm_smmu_device_reset ---- */

static void start_cmdq(struct guest *guest)
{
	uint64_t ipa;

	guest->cmdq = guest_alloc(guest, 4096, &ipa);
	write64(guest, CMDQ_BASE, ipa | CMDQ_LG2 | BIT(62));
	write32(guest, CMDQ_PROD, 0);
	write32(guest, CMDQ_CONS, 0);
	write_and_wait(guest, CR0, CR0ACK, CR0_CMDQ);
	command(guest, CFGI_ALL, 31);
	sync_commands(guest);
	command(guest, TLBI_NSNH_ALL, 0);
	sync_commands(guest);
}

static void start_eventq(struct guest *guest)
{
	uint64_t ipa;

	guest->eventq = guest_alloc(guest, 4096, &ipa);
	write64(guest, EVENTQ_BASE, ipa | EVENTQ_LG2 | BIT(62));
	write32(guest, EVENTQ_PROD, 0);
	write32(guest, EVENTQ_CONS, 0);
	write_and_wait(guest, CR0, CR0ACK, CR0_CMDQ | CR0_EVENTQ);
}

void guest_bring_up(struct guest *guest)
{
	uint32_t idr0 = read32(guest, IDR0);

	if (!(idr0 & 2))
		errx(1, "guest: the SMMU has no stage 1");
	guest->two_level = idr0 >> 27 & 1 && (read32(guest, IDR1) & 0x3f) >= SID_BITS;
	guest->stalls = (idr0 >> 24 & 3) != 1;
	write_and_wait(guest, CR0, CR0ACK, 0);
	write32(guest, CR1, 3 << 10 | 1 << 8 | 1 << 6 | 3 << 4 | 1 << 2 | 1);
	write32(guest, CR2, 2); /* RECINVSID */
	init_strtab(guest);
	start_cmdq(guest);
	start_eventq(guest);
	write_and_wait(guest, IRQ_CTRL, IRQ_CTRLACK, 4 | 1);
	write_and_wait(guest, CR0, CR0ACK, CR0_CMDQ | CR0_EVENTQ | CR0_SMMUEN);
}

void guest_finish(struct guest *guest)
{
	nb_pgtable_destroy(guest->tables);
}

/* ---- an address space (5.4) ---- */

static void *alloc_table(void *ctx, uint64_t bytes, nb_pa *pa)
{
	return guest_alloc(ctx, bytes, &pa->v);
}

static void free_table(void *ctx, void *ptr, nb_pa pa, uint64_t bytes)
{
}

static void write_cd(struct guest *guest)
{
	struct nb_pgtable_info info;

	nb_pgtable_info(guest->tables, &info, sizeof(info));
	guest->cd[1] = info.root.v;
	guest->cd[3] = NB_PGTABLE_MAIR;
	guest->cd[0] = info.tsz | 1 << 8 | 1 << 10 | 3 << 12 | BIT(30) | BIT(31) | BIT(33) |
		       BIT(41) | (guest->stalls ? BIT(44) : 0) | BIT(45) | BIT(46) | BIT(47) |
		       ASID << 48;
}

void guest_attach(struct guest *guest, uint32_t sid)
{
	const struct nb_pgtable_ops ops = { sizeof(ops), alloc_table, free_table };
	const struct nb_pgtable_options options = {
		.size = sizeof(options), .ias = 39, .oas = 40, .ops = &ops, .ctx = guest
	};
	uint64_t ipa;

	guest->tables = nb_pgtable_create(&options);
	if (!guest->tables)
		errx(1, "guest: tables");
	guest->cd = guest_alloc(guest, 4096, &ipa);
	write_cd(guest);
	/* V, Config 0b101; S1CIR, S1COR, S1CSH: walks are cached. */
	write_ste(guest, sid, 1 | 5 << 1 | ipa, 1 << 2 | 1 << 4 | 3 << 6);
}

void guest_detach(struct guest *guest, uint32_t sid)
{
	write_ste(guest, sid, 1, 0); /* V, Config 0b000: abort */
	command(guest, TLBI_NH_ASID | ASID << 48, 0);
	sync_commands(guest);
	nb_pgtable_destroy(guest->tables);
	guest->tables = NULL;
}

void guest_map(struct guest *guest, uint64_t iova, uint64_t ipa, uint64_t bytes)
{
	const struct nb_pgtable_attrs rw = { .flags = NB_PGTABLE_READ | NB_PGTABLE_WRITE };

	if (nb_pgtable_map(guest->tables, NB_IOVA(iova), NB_PA(ipa), bytes, &rw, NULL))
		errx(1, "guest: cannot map");
}

void guest_unmap(struct guest *guest, uint64_t iova, uint64_t bytes)
{
	struct nb_pgtable_cleared cleared;

	nb_pgtable_unmap(guest->tables, NB_IOVA(iova), bytes, &cleared);
	for (uint64_t at = iova; cleared.leaves && at < iova + bytes; at += cleared.min_leaf)
		command(guest, TLBI_NH_VA | ASID << 48, at | !cleared.tables);
	sync_commands(guest);
	nb_pgtable_reap(guest->tables);
}

/* ---- events (7) ---- */

bool guest_event(struct guest *guest, struct guest_event *event)
{
	const uint64_t *record = guest->eventq + 4 * (guest->cons % BIT(EVENTQ_LG2));
	uint32_t mask = 2 * BIT(EVENTQ_LG2) - 1;

	if ((read32(guest, EVENTQ_PROD) & mask) == guest->cons)
		return false;
	*event = (struct guest_event){ .type = record[0] & 0xff,
		.sid = (uint32_t)(record[0] >> 32),
		.iova = record[2],
		.stalled = record[1] >> 31 & 1,
		.tag = (uint16_t)record[1] };
	guest->cons = (guest->cons + 1) & mask;
	write32(guest, EVENTQ_CONS, guest->cons);
	return true;
}

void guest_resume(struct guest *guest, const struct guest_event *event)
{
	command(guest, RESUME | BIT(12) | (uint64_t)event->sid << 32, event->tag);
	sync_commands(guest);
}
