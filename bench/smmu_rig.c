/* SPDX-License-Identifier: MIT */
#include "smmu_rig.h"

#include <err.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/bits.h"
#include "smmuv3/regs.h"

#define RAM	  UINT64_C(0x40000000)
#define RAM_BYTES MIB(16)
#define IPA	  GIB(2) /* of the data, if nested */
#define DATA	  GIB(8)
#define SID	  5
#define ASID	  7
#define VMID	  9

/* Where things are in RAM. L3 tables are one array of descriptors each. */
enum {
	CMDQ_AT = 0x0000,
	STRTAB_AT = 0x2000,
	CD_AT = 0x3000,
	S1_L0 = 0x4000,
	S1_L1 = 0x5000,
	S1_L2 = 0x6000,
	S2_L1 = 0x7000,
	S2_L2_RAM = 0x8000,
	S2_L2_DATA = 0x9000,
	S2_L3_RAM = 0x10000,
	S1_L3 = 0x200000,
	S2_L3 = 0x400000,
};

static void poke(struct smmu_rig *rig, uint64_t off, uint64_t value)
{
	memcpy(rig->ram + off, &value, 8);
}

/* n descriptors of tables that follow one another. */
static void poke_tables(struct smmu_rig *rig, uint64_t off, uint64_t first, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		poke(rig, off + 8 * i, (RAM + first + KIB(4) * i) | 3);
}

static void make_stage1(struct smmu_rig *rig, uint64_t out)
{
	poke_tables(rig, S1_L0, S1_L1, 1);
	poke_tables(rig, S1_L1 + 8 * 4, S1_L2, 1);
	poke_tables(rig, S1_L2, S1_L3, 512);
	for (uint64_t i = 0; i < SMMU_RIG_PAGES; i++)
		poke(rig, S1_L3 + 8 * i, (out + (i << 12)) | 0xc43);
	poke(rig, CD_AT,
		16 | CD_0_EPD1 | CD_0_V | 5ull << 32 | CD_0_AA64 | CD_0_R | CD_0_A |
			(uint64_t)ASID << 48);
	poke(rig, CD_AT + 8, RAM + S1_L0);
}

/* The RAM at itself, the data elsewhere, all by pages. */
static void make_stage2(struct smmu_rig *rig)
{
	poke_tables(rig, S2_L1 + 8 * 1, S2_L2_RAM, 2);
	poke_tables(rig, S2_L2_RAM, S2_L3_RAM, RAM_BYTES >> 21);
	poke_tables(rig, S2_L2_DATA, S2_L3, 512);
	for (uint64_t i = 0; i < RAM_BYTES >> 12; i++)
		poke(rig, S2_L3_RAM + 8 * i, (RAM + (i << 12)) | 0x4ff);
	for (uint64_t i = 0; i < SMMU_RIG_PAGES; i++)
		poke(rig, S2_L3 + 8 * i, (DATA + (i << 12)) | 0x4ff);
}

static void enable(struct smmu_rig *rig)
{
	nb_smmuv3_write(rig->smmu, R_STRTAB_BASE, RAM + STRTAB_AT, 8);
	nb_smmuv3_write(rig->smmu, R_STRTAB_CFG, 6, 4);
	nb_smmuv3_write(rig->smmu, R_CMDQ_BASE, (RAM + CMDQ_AT) | 8, 8);
	nb_smmuv3_write(rig->smmu, R_CR0, CR0_SMMUEN | CR0_CMDQEN, 4);
}

void smmu_rig_init(struct smmu_rig *rig, bool nested)
{
	struct nb_smmuv3_config config = { .size = sizeof(config) };

	memset(rig, 0, sizeof(*rig));
	rig->mem = nb_mem_create(48);
	rig->ram = aligned_alloc(MIB(2), RAM_BYTES);
	if (!rig->mem || !rig->ram)
		err(1, "memory");
	/* Large pages, as the memory of a guest has. */
	madvise(rig->ram, RAM_BYTES, MADV_HUGEPAGE);
	memset(rig->ram, 0, RAM_BYTES);
	rig->extent = (struct nb_extent){ .pa = NB_PA(RAM), .bytes = RAM_BYTES, .ptr = rig->ram };
	config.mem = rig->mem;
	rig->smmu = nb_smmuv3_create(&config);
	if (nb_mem_add(rig->mem, &rig->extent) || !rig->smmu)
		err(1, "SMMU");
	make_stage1(rig, nested ? IPA : DATA);
	make_stage2(rig);
	poke(rig, STRTAB_AT + 64 * SID, (nested ? 0xf : 0xb) | (RAM + CD_AT));
	if (nested) {
		poke(rig, STRTAB_AT + 64 * SID + 16,
			VMID | 25ull << 32 | 1ull << 38 | 5ull << 48 | STE_2_S2AA64 | STE_2_S2R);
		poke(rig, STRTAB_AT + 64 * SID + 24, RAM + S2_L1);
	}
	enable(rig);
}

void smmu_rig_finish(struct smmu_rig *rig)
{
	nb_smmuv3_destroy(rig->smmu);
	nb_mem_remove(rig->mem, &rig->extent);
	nb_mem_destroy(rig->mem);
	free(rig->ram);
}

struct nb_smmuv3_port *smmu_rig_port(struct smmu_rig *rig)
{
	struct nb_smmuv3_port *port = nb_smmuv3_port_create(rig->smmu, SID);

	if (!port)
		err(1, "port");
	return port;
}

static void command(struct smmu_rig *rig, uint64_t w0, uint64_t w1)
{
	poke(rig, CMDQ_AT + 16 * (rig->cmdq_prod & 255), w0);
	poke(rig, CMDQ_AT + 16 * (rig->cmdq_prod & 255) + 8, w1);
	rig->cmdq_prod = (rig->cmdq_prod + 1) & 511;
	nb_smmuv3_write(rig->smmu, R_CMDQ_PROD, rig->cmdq_prod, 4);
	if (nb_smmuv3_read(rig->smmu, R_CMDQ_CONS, 4) != rig->cmdq_prod)
		errx(1, "a command was refused");
}

/* VMID, which is 0 where there is one stage, and ASID. */
static uint64_t tags(const struct smmu_rig *rig)
{
	uint64_t ste = 0;

	memcpy(&ste, rig->ram + STRTAB_AT + 64 * SID + 16, 8);
	return (uint64_t)(uint16_t)ste << 32 | (uint64_t)ASID << 48;
}

void smmu_rig_kill_leaves(struct smmu_rig *rig)
{
	/* 32 << 7 pages of 4 KiB: NUM, SCALE, TG. */
	uint64_t range = field_prep(CMD_0_NUM, 31) | field_prep(CMD_0_SCALE, 7);

	command(rig, CMD_TLBI_NH_VA | range | tags(rig),
		SMMU_RIG_VA | field_prep(CMD_1_TG, 1) | CMD_1_LEAF);
}

void smmu_rig_kill_page(struct smmu_rig *rig)
{
	command(rig, CMD_TLBI_NH_VA | tags(rig), SMMU_RIG_VA | CMD_1_LEAF);
	command(rig, CMD_SYNC, 0);
}

void smmu_rig_kill_all(struct smmu_rig *rig)
{
	command(rig, CMD_TLBI_NSNH_ALL, 0);
}
