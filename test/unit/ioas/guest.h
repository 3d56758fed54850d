/* SPDX-License-Identifier: MIT */
/*
 * A guest in the rig: memory that stage 2 maps, and in it a stage 1 of its own, of which the guest
 * knows IPAs only.
 */
#ifndef TEST_IOAS_GUEST_H
#define TEST_IOAS_GUEST_H

#include <nestbox/pgtable.h>

#include "abi/arm_smmuv3.h"
#include "rig.h"

#define GUEST_IPA   GIB(2)
#define GUEST_BYTES MIB(4)
#define GUEST_RW    (NB_PGTABLE_READ | NB_PGTABLE_WRITE)
#define GUEST_CDS   1024 /* most CDs of a table here */
#define NO_SSID	    UINT32_MAX

/* IHI 0070 5.2, 5.4: what the host's driver has no use for. */
#define CD0_S	      BIT64(44)
#define S1FMT_LINEAR  0
#define S1FMT_4K_L2   1
#define S1FMT_64K_L2  2
#define S1DSS_ABORT   0
#define S1DSS_BYPASS  1
#define S1DSS_SSID0   2
#define L1CD_V	      BIT64(0)
#define VSTE_S1(addr) (STE0_V | STE_CONFIG_S1 << 1 | (addr))
#define VSTE_BYPASS   (STE0_V | STE_CONFIG_BYPASS << 1)
#define VSTE_ABORT    (STE0_V | STE_CONFIG_ABORT << 1)

struct guest {
	struct rig *rig;
	struct rig_umem umem;
	uint64_t next; /* the first byte that is free */
};

static inline void guest_init(struct guest *guest, struct rig *rig)
{
	guest->rig = rig;
	guest->next = 0;
	rig_umem_init(&guest->umem, GUEST_BYTES);
	assert_int_equal(
		rig_map(rig, &guest->umem, GUEST_IPA, 0, GUEST_BYTES, IOMMU_READ | IOMMU_WRITE), 0);
}

static inline void guest_finish(struct guest *guest)
{
	ioas_unmap(guest->rig->ioas, 0, UINT64_MAX);
	rig_umem_finish(&guest->umem);
}

static inline void *guest_at(struct guest *guest, uint64_t ipa)
{
	assert_in_range(ipa, GUEST_IPA, GUEST_IPA + GUEST_BYTES - 1);
	return guest->umem.bytes + (ipa - GUEST_IPA);
}

static inline void *guest_alloc(void *ctx, uint64_t bytes, nb_pa *pa)
{
	struct guest *guest = ctx;
	uint64_t at = align_up(guest->next, bytes);

	assert_true(at + bytes <= GUEST_BYTES);
	guest->next = at + bytes;
	*pa = NB_PA(GUEST_IPA + at);
	return guest_at(guest, pa->v);
}

static inline void guest_free(void *ctx, void *ptr, nb_pa pa, uint64_t bytes)
{
}

/* A page with this in its first byte. */
static inline uint64_t guest_page(struct guest *guest, uint8_t value)
{
	nb_pa pa;

	*(uint8_t *)guest_alloc(guest, KIB(4), &pa) = value;
	return pa.v;
}

static inline struct nb_pgtable *guest_tables(struct guest *guest)
{
	struct nb_pgtable *tables;

	tables = nb_pgtable_create(
		&(struct nb_pgtable_options){ .size = sizeof(struct nb_pgtable_options),
			.stage = NB_PGTABLE_STAGE1,
			.no_spare = true,
			.ops = &(struct nb_pgtable_ops){ .size = sizeof(struct nb_pgtable_ops),
				.alloc = guest_alloc,
				.free = guest_free },
			.ctx = guest });
	assert_non_null(tables);
	return tables;
}

static inline void guest_map(struct nb_pgtable *tables, uint64_t va, uint64_t ipa, uint32_t flags)
{
	assert_int_equal(nb_pgtable_map(tables, NB_IOVA(va), NB_PA(ipa), KIB(4),
				 &(struct nb_pgtable_attrs){ .flags = flags }, NULL),
		0);
}

/* bits: further ones of word 0. */
static inline void guest_write_cd(
	uint64_t *cd, const struct nb_pgtable *tables, uint16_t asid, uint64_t bits)
{
	struct nb_pgtable_info info;

	nb_pgtable_info(tables, &info, sizeof(info));
	cd[1] = info.root.v;
	cd[3] = NB_PGTABLE_MAIR;
	cd[0] = info.tsz | info.tg << 6 | CD0_EPD1 | CD0_V | field_prep(CD0_IPS, 5) | CD0_AA64 |
		CD0_R | CD0_A | CD0_ASET | field_prep(CD0_ASID, asid) | bits;
}

/* One CD for one set of tables; its address. */
static inline uint64_t guest_cd(
	struct guest *guest, const struct nb_pgtable *tables, uint16_t asid, uint64_t bits)
{
	nb_pa pa;

	guest_write_cd(guest_alloc(guest, KIB(4), &pa), tables, asid, bits);
	return pa.v;
}

/* The guest's STE as the driver takes it. */
static inline struct iommu_user_data guest_ste(
	struct abi_smmuv3_ste *ste, uint64_t word0, uint64_t word1)
{
	*ste = (struct abi_smmuv3_ste){ { word0, word1 } };
	return (struct iommu_user_data){ IOMMU_DATA_ARM_SMMUV3, ste, sizeof(*ste), 1 };
}

static inline int guest_set(struct guest *guest, unsigned i, uint64_t word0, uint64_t word1)
{
	struct abi_smmuv3_ste ste;
	struct iommu_user_data data = guest_ste(&ste, word0, word1);

	return ioas_nest_device(guest->rig->ioas, &guest->rig->devs[i].dev, &data, NULL);
}

/* Commands of the guest's queue; *done as the driver says. */
static inline int guest_cmds(struct guest *guest, unsigned i, const struct abi_smmuv3_cmd *cmds,
	unsigned n, unsigned *done)
{
	struct iommu_user_data data = { IOMMU_DATA_ARM_SMMUV3, cmds, sizeof(*cmds), n };

	return iommu_viommu_invalidate(guest->rig->devs[i].dev.viommu, &data, done, NULL);
}

static inline int guest_cmd(struct guest *guest, unsigned i, uint64_t word0, uint64_t word1)
{
	unsigned done;

	return guest_cmds(guest, i, &(struct abi_smmuv3_cmd){ { word0, word1 } }, 1, &done);
}

/* One byte, read. */
static inline enum nb_smmuv3_verdict guest_read(
	struct rig *rig, unsigned i, uint32_t ssid, uint64_t va, uint8_t *byte)
{
	struct nb_smmuv3_txn txn = { NB_IOVA(va), ssid == NO_SSID ? 0 : ssid,
		ssid == NO_SSID ? 0 : NB_SSV };

	*byte = 0;
	return nb_smmuv3_dma_read(smmuv3_port_of(rig->devs[i].port), &txn, byte, 1, NULL);
}

/* What a read yields, or -1: it aborts. */
static inline int guest_peek(struct rig *rig, unsigned i, uint32_t ssid, uint64_t va)
{
	uint8_t byte;

	return guest_read(rig, i, ssid, va, &byte) == NB_SMMUV3_OK ? byte : -1;
}

/* The entry of device i as hardware reads it. */
static inline uint64_t *rig_ste(struct rig *rig, unsigned i)
{
	const struct arm_smmu *smmu = to_smmu(rig->iommus[i]);
	uint32_t sid = rig->devs[i].dev.sid;
	uint64_t desc;

	assert_true(smmu->strtab_2lvl);
	desc = smmu->strtab_ptr[sid >> 8];
	return (uint64_t *)ram_ptr(rig->ram, NB_PA(desc & L1STD_L2PTR)) + (sid & 0xff) * STE_WORDS;
}

#endif
