/* SPDX-License-Identifier: MIT */
/*
 * A rig for tests of the SMMUv3 model: simulated RAM with everything at a fixed place, a model
 * brought up over it as a driver would, and one port. Offsets below are into the RAM.
 */
#ifndef TEST_SMMUV3_RIG_H
#define TEST_SMMUV3_RIG_H

#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/check.h"
#include "smmuv3/regs.h"
#include "smmuv3/smmuv3.h"

#define RIG_RAM	      UINT64_C(0x40000000)
#define RIG_RAM_BYTES MIB(16)

/* Where things are. */
enum {
	CMDQ_AT = 0x0000,
	EVENTQ_AT = 0x1000,
	STRTAB_AT = 0x2000, /* linear, 64 entries */
	CD_AT = 0x3000,
	S1_L0 = 0x4000,
	S1_L1 = 0x5000,
	S1_L2 = 0x6000,
	S1_L3 = 0x7000,
	S2_L1 = 0x8000,
	S2_L2 = 0x9000,
	S2_L3 = 0xa000,
	L1STD_AT = 0xb000,
	L2_STRTAB = 0xc000, /* 256 entries, to 0x10000 */
	DATA_AT = 0x10000,
	S1H_L0 = 0x11000, /* TTB1 */
	S2_L0 = 0x12000,
};

/* Descriptors: normal memory, access flag set, readable and writable, not global. */
#define S1_PAGE(addr)  ((addr) | 0xc43)
#define S1_BLOCK(addr) ((addr) | 0xc41)
#define S2_PAGE(addr)  ((addr) | 0x4ff)
#define S2_BLOCK(addr) ((addr) | 0x4fd)
#define TABLE(addr)    ((addr) | 3)
#define RAM(off)       (RIG_RAM + (off))

#define RIG_SID	 5
#define RIG_ASID 7
#define RIG_VMID 9
/* The address that rig_s1 maps, through entries 0, 1, 2 and 3 of its four levels. */
#define RIG_VA UINT64_C(0x40403000)

#define STE0_S1	    (0xb | RAM(CD_AT))
#define STE0_S2	    UINT64_C(0xd)
#define STE0_NEST   (0xf | RAM(CD_AT))
#define STE0_BYPASS UINT64_C(0x9)
/* S2T0SZ 25 (39 bits), start at level 1, 48-bit output, AArch64, S2R. */
#define STE2_S2 (RIG_VMID | 25ull << 32 | 1ull << 38 | 5ull << 48 | STE_2_S2AA64 | STE_2_S2R)
/* T0SZ 16, EPD1, V, IPS 48 bits, AA64, R, A, ASID. */
#define CD0                                                                                        \
	(16 | CD_0_EPD1 | CD_0_V | 5ull << 32 | CD_0_AA64 | CD_0_R | CD_0_A |                      \
		(uint64_t)RIG_ASID << 48)

struct rig {
	struct nb_mem *mem;
	struct nb_extent extent;
	void *storage; /* of the RAM */
	uint8_t *ram;
	struct nb_smmuv3 *smmu;
	struct port *port;
	unsigned events, gerrors; /* interrupts seen */
	uint32_t cmdq_prod;
};

static inline uint64_t *rig_at(struct rig *rig, uint64_t off)
{
	return (uint64_t *)(rig->ram + off);
}

static inline void rig_poke(struct rig *rig, uint64_t off, uint64_t value)
{
	__atomic_store_n(rig_at(rig, off), value, __ATOMIC_RELAXED);
}

static inline void rig_irq(void *ctx, enum nb_smmuv3_irq irq)
{
	struct rig *rig = ctx;

	/* From any thread. */
	__atomic_fetch_add(&rig->events, irq == NB_SMMUV3_IRQ_EVENTQ, __ATOMIC_RELAXED);
	__atomic_fetch_add(&rig->gerrors, irq == NB_SMMUV3_IRQ_GERROR, __ATOMIC_RELAXED);
}

static inline uint32_t rig_read(struct rig *rig, uint64_t offset)
{
	return nb_smmuv3_read(rig->smmu, offset, 4);
}

static inline void rig_write(struct rig *rig, uint64_t offset, uint64_t value)
{
	nb_smmuv3_write(rig->smmu, offset, value, 4);
}

/* RAM and a model, registers at reset. */
static inline void rig_create(struct rig *rig, struct nb_smmuv3_config config)
{
	memset(rig, 0, sizeof(*rig));
	rig->mem = nb_mem_create(48);
	/* Zero without being touched: most of it never is, and there is one for each row of a table. */
	rig->storage = calloc(1, RIG_RAM_BYTES + 4096);
	nb_assert(rig->mem && rig->storage);
	rig->ram = (uint8_t *)align_up((uintptr_t)rig->storage, 4096);
	rig->extent =
		(struct nb_extent){ .pa = NB_PA(RIG_RAM), .bytes = RIG_RAM_BYTES, .ptr = rig->ram };
	nb_assert(!nb_mem_add(rig->mem, &rig->extent));
	config.size = sizeof(config);
	config.mem = rig->mem;
	config.ops =
		config.ops
			?: &(struct nb_smmuv3_ops){ .size = sizeof(*config.ops), .irq = rig_irq };
	config.ctx = rig;
	rig->smmu = nb_smmuv3_create(&config);
	nb_assert(rig->smmu);
	rig->port = smmuv3_port(nb_smmuv3_port_create(rig->smmu, RIG_SID));
}

/* Tables and queues set, enabled. */
static inline void rig_enable(struct rig *rig)
{
	nb_smmuv3_write(rig->smmu, R_STRTAB_BASE, RAM(STRTAB_AT), 8);
	rig_write(rig, R_STRTAB_CFG, 6);
	nb_smmuv3_write(rig->smmu, R_CMDQ_BASE, RAM(CMDQ_AT) | 8, 8);
	nb_smmuv3_write(rig->smmu, R_EVENTQ_BASE, RAM(EVENTQ_AT) | 7, 8);
	rig_write(rig, R_CR2, CR2_RECINVSID);
	rig_write(rig, R_IRQ_CTRL, IRQ_CTRL_GERROR | IRQ_CTRL_EVENTQ);
	rig_write(rig, R_CR0, CR0_SMMUEN | CR0_EVENTQEN | CR0_CMDQEN);
}

static inline void rig_init(struct rig *rig)
{
	rig_create(rig, (struct nb_smmuv3_config){ 0 });
	rig_enable(rig);
}

static inline void rig_finish(struct rig *rig)
{
	nb_smmuv3_port_destroy(smmuv3_port_of(rig->port));
	nb_smmuv3_destroy(rig->smmu);
	nb_mem_remove(rig->mem, &rig->extent);
	nb_mem_destroy(rig->mem);
	free(rig->storage);
}

static inline void rig_ste(
	struct rig *rig, uint32_t sid, uint64_t w0, uint64_t w1, uint64_t w2, uint64_t w3)
{
	rig_poke(rig, STRTAB_AT + 64 * sid + 8, w1);
	rig_poke(rig, STRTAB_AT + 64 * sid + 16, w2);
	rig_poke(rig, STRTAB_AT + 64 * sid + 24, w3);
	rig_poke(rig, STRTAB_AT + 64 * sid, w0);
}

/* Stage 1 tables and CD: RIG_VA to DATA_AT. */
static inline void rig_s1_tables(struct rig *rig)
{
	rig_poke(rig, CD_AT, CD0);
	rig_poke(rig, CD_AT + 8, RAM(S1_L0));
	rig_poke(rig, S1_L0, TABLE(RAM(S1_L1)));
	rig_poke(rig, S1_L1 + 8 * 1, TABLE(RAM(S1_L2)));
	rig_poke(rig, S1_L2 + 8 * 2, TABLE(RAM(S1_L3)));
	rig_poke(rig, S1_L3 + 8 * 3, S1_PAGE(RAM(DATA_AT)));
}

/* Stage 2 tables: the RAM maps to itself, the first 2 MiB by pages, the rest by blocks. */
static inline void rig_s2_tables(struct rig *rig)
{
	unsigned i;

	rig_poke(rig, S2_L1 + 8 * 1, TABLE(RAM(S2_L2)));
	rig_poke(rig, S2_L2, TABLE(RAM(S2_L3)));
	for (i = 0; i < 512; i++)
		rig_poke(rig, S2_L3 + 8 * i, S2_PAGE(RAM((uint64_t)i << 12)));
	for (i = 1; i < RIG_RAM_BYTES >> 21; i++)
		rig_poke(rig, S2_L2 + 8 * i, S2_BLOCK(RAM((uint64_t)i << 21)));
}

static inline void rig_s1(struct rig *rig)
{
	rig_s1_tables(rig);
	rig_ste(rig, RIG_SID, STE0_S1, 0, RIG_VMID, 0);
}

static inline void rig_s2(struct rig *rig)
{
	rig_s2_tables(rig);
	rig_ste(rig, RIG_SID, STE0_S2, 0, STE2_S2, RAM(S2_L1));
}

static inline void rig_nested(struct rig *rig)
{
	rig_s1_tables(rig);
	rig_s2_tables(rig);
	rig_ste(rig, RIG_SID, STE0_NEST, 0, STE2_S2, RAM(S2_L1));
}

/* Translate in a section of its own. 0 or -1. */
static inline int rig_translate_sid(
	struct rig *rig, uint32_t sid, uint64_t iova, uint8_t prot, struct dma_span *span)
{
	struct dma_txn txn = { .iova = NB_IOVA(iova), .sid = sid, .prot = prot };
	int ret;

	port_enter(rig->port);
	ret = smmuv3_translate(rig->smmu, rig->port, &txn, span);
	port_leave(rig->port);
	return ret;
}

/* The physical address, or ~0 where the transaction aborts. */
static inline uint64_t rig_pa(struct rig *rig, uint64_t iova, uint8_t prot)
{
	struct dma_span span;

	return rig_translate_sid(rig, RIG_SID, iova, prot, &span) ? ~UINT64_C(0) : span.pa.v;
}

#define RIG_ABORT (~UINT64_C(0))

/* Put a command into the queue without ringing. */
static inline void rig_queue(struct rig *rig, uint64_t w0, uint64_t w1)
{
	rig_poke(rig, CMDQ_AT + 16 * (rig->cmdq_prod & 255), w0);
	rig_poke(rig, CMDQ_AT + 16 * (rig->cmdq_prod & 255) + 8, w1);
	rig->cmdq_prod = (rig->cmdq_prod + 1) & 511;
}

static inline void rig_ring(struct rig *rig)
{
	rig_write(rig, R_CMDQ_PROD, rig->cmdq_prod);
}

/* A command, and a CMD_SYNC that completes. */
static inline void rig_cmd(struct rig *rig, uint64_t w0, uint64_t w1)
{
	rig_queue(rig, w0, w1);
	rig_queue(rig, CMD_SYNC, 0);
	rig_ring(rig);
	assert_int_equal(rig_read(rig, R_CMDQ_CONS), rig->cmdq_prod);
}

static inline unsigned rig_event_count(struct rig *rig)
{
	return (rig_read(rig, R_EVENTQ_PROD) - rig_read(rig, R_EVENTQ_CONS)) & 255;
}

/* Take the oldest event. */
static inline void rig_event(struct rig *rig, uint64_t record[EVT_WORDS])
{
	uint32_t cons = rig_read(rig, R_EVENTQ_CONS);

	assert_int_not_equal(rig_event_count(rig), 0);
	memcpy(record, rig->ram + EVENTQ_AT + 32 * (cons & 127), 32);
	rig_write(rig, R_EVENTQ_CONS, (cons & ~255u) | ((cons + 1) & 255));
}

#endif
