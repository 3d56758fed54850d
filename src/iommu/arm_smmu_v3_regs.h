/* SPDX-License-Identifier: MIT */
/*
 * SMMUv3 as its host driver sees it (IHI 0070): registers (chapter 6), stream table entries and
 * context descriptors (5), commands (4) and event records (7). Only what this driver uses; masks
 * stand below the word they belong to.
 */
#ifndef IOMMU_ARM_SMMU_V3_REGS_H
#define IOMMU_ARM_SMMU_V3_REGS_H

#include "base/bits.h"

/* Registers, page 0 (IHI 0070 6.3). */
#define SMMU_IDR0	   0x00
#define IDR0_ST_LEVEL	   MASK64(28, 27) /* 1: two-level stream tables */
#define IDR0_STALL_MODEL   MASK64(25, 24) /* 0: both, 1: no stalls, 2: stalls only */
#define IDR0_TTENDIAN	   MASK64(22, 21) /* 0: mixed, 2: little, 3: big */
#define IDR0_VMID16	   BIT64(18)
#define IDR0_CD2L	   BIT64(19) /* two-level tables of context descriptors */
#define IDR0_ASID16	   BIT64(12)
#define IDR0_ATS	   BIT64(10)
#define IDR0_HTTU	   MASK64(7, 6)
#define IDR0_TTF	   MASK64(3, 2) /* bit 1: AArch64 tables */
#define IDR0_S1P	   BIT64(1)
#define IDR0_S2P	   BIT64(0)
#define SMMU_IDR1	   0x04
#define IDR1_TABLES_PRESET BIT64(30)
#define IDR1_QUEUES_PRESET BIT64(29)
#define IDR1_REL	   BIT64(28)
#define IDR1_CMDQS	   MASK64(25, 21)
#define IDR1_EVENTQS	   MASK64(20, 16)
#define IDR1_PRIQS	   MASK64(15, 11)
#define IDR1_SSIDSIZE	   MASK64(10, 6)
#define IDR1_SIDSIZE	   MASK64(5, 0)
#define SMMU_IDR3	   0x0c
#define IDR3_BBML	   MASK64(12, 11)
#define IDR3_RIL	   BIT64(10)
#define SMMU_IDR5	   0x14
#define IDR5_STALL_MAX	   MASK64(31, 16)
#define IDR5_VAX	   MASK64(11, 10)
#define IDR5_GRAN4K	   BIT64(4)
#define IDR5_OAS	   MASK64(2, 0)
#define SMMU_IIDR	   0x18
#define IIDR_PRODUCT	   MASK64(31, 20)
#define IIDR_VARIANT	   MASK64(19, 16) /* the n of rNpM */
#define IIDR_REVISION	   MASK64(15, 12) /* the m of rNpM */
#define IIDR_IMPLEMENTER   MASK64(11, 0)
#define SMMU_AIDR	   0x1c
#define SMMU_CR0	   0x20
#define SMMU_CR0ACK	   0x24
#define CR0_CMDQEN	   BIT64(3)
#define CR0_EVENTQEN	   BIT64(2)
#define CR0_SMMUEN	   BIT64(0)
#define SMMU_CR1	   0x28
#define CR1_TABLE_SH	   MASK64(11, 10)
#define CR1_TABLE_OC	   MASK64(9, 8)
#define CR1_TABLE_IC	   MASK64(7, 6)
#define CR1_QUEUE_SH	   MASK64(5, 4)
#define CR1_QUEUE_OC	   MASK64(3, 2)
#define CR1_QUEUE_IC	   MASK64(1, 0)
#define CR1_CACHE_WB	   1
#define SMMU_CR2	   0x2c
#define CR2_PTM		   BIT64(2) /* no broadcast TLB maintenance */
#define CR2_RECINVSID	   BIT64(1) /* record events of StreamIDs out of range */
#define SMMU_GBPA	   0x44
#define GBPA_UPDATE	   BIT64(31)
#define GBPA_ABORT	   BIT64(20)
#define SMMU_IRQ_CTRL	   0x50
#define SMMU_IRQ_CTRLACK   0x54
#define IRQ_CTRL_EVENTQ	   BIT64(2)
#define IRQ_CTRL_GERROR	   BIT64(0)
#define SMMU_GERROR	   0x60
#define SMMU_GERRORN	   0x64
#define GERROR_CMDQ_ERR	   BIT64(0)
#define SMMU_STRTAB_BASE   0x80
#define STRTAB_BASE_RA	   BIT64(62)
#define SMMU_STRTAB_CFG	   0x88
#define STRTAB_CFG_FMT	   MASK64(17, 16) /* 0: linear, 1: two levels */
#define STRTAB_CFG_SPLIT   MASK64(10, 6)
#define STRTAB_CFG_SIZE	   MASK64(5, 0)
#define SMMU_CMDQ_BASE	   0x90
#define SMMU_CMDQ_PROD	   0x98
#define SMMU_CMDQ_CONS	   0x9c
#define CMDQ_CONS_ERR	   MASK64(30, 24)
#define CERROR_ILL	   1
#define CERROR_ABT	   2
#define SMMU_EVENTQ_BASE   0xa0
#define SMMU_EVENTQ_PROD   0x100a8 /* page 1 */
#define SMMU_EVENTQ_CONS   0x100ac
#define QUEUE_OVERFLOW	   BIT64(31) /* of EVENTQ_PROD; acknowledged in EVENTQ_CONS */
#define QUEUE_BASE_RWA	   BIT64(62)
#define QUEUE_BASE_SIZE	   MASK64(4, 0)

#define SH_INNER 3

/* Stream table (IHI 0070 5.1, 5.2). */
#define STE_WORDS	  8
#define STE_BYTES	  64
#define L1STD_SPAN	  MASK64(4, 0) /* 0: invalid; n: 2^(n - 1) entries */
#define L1STD_L2PTR	  MASK64(55, 6)
#define STE0_V		  BIT64(0)
#define STE0_CONFIG	  MASK64(3, 1)
#define STE_CONFIG_ABORT  0
#define STE_CONFIG_BYPASS 4
#define STE_CONFIG_S1	  5 /* stage 1 translates, stage 2 bypass */
#define STE_CONFIG_S2	  6 /* stage 1 bypass, stage 2 translates */
#define STE_CONFIG_NEST	  7 /* both translate */
#define STE0_S1FMT	  MASK64(5, 4)
#define STE0_S1CTXPTR	  MASK64(55, 6)
#define STE0_S1CDMAX	  MASK64(63, 59)
#define STE1_S1DSS	  MASK64(1, 0)
#define STE1_S1CIR	  MASK64(3, 2)
#define STE1_S1COR	  MASK64(5, 4)
#define STE1_S1CSH	  MASK64(7, 6)
#define STE_CACHE_WBRA	  1
#define STE1_MEV	  BIT64(19) /* merge events */
#define STE1_S1STALLD	  BIT64(27)
#define STE1_EATS	  MASK64(29, 28)
#define STE1_STRW	  MASK64(31, 30)
#define STE_EATS_NONE	  0
#define STE_EATS_FULL	  1
#define STE1_SHCFG	  MASK64(45, 44)
#define STE_SHCFG_IN	  1 /* use the incoming attribute */
#define STE2_S2VMID	  MASK64(15, 0)
#define STE2_S2T0SZ	  MASK64(37, 32)
#define STE2_S2SL0	  MASK64(39, 38)
#define STE2_S2IR0	  MASK64(41, 40)
#define STE2_S2OR0	  MASK64(43, 42)
#define STE2_S2SH0	  MASK64(45, 44)
#define STE2_S2TG	  MASK64(47, 46) /* 0: 4 KiB */
#define STE2_S2PS	  MASK64(50, 48)
#define STE2_S2AA64	  BIT64(51)
#define STE2_S2PTW	  BIT64(54)
#define STE2_S2R	  BIT64(58) /* record faults */
#define STE3_S2TTB	  MASK64(55, 4)

/* Context descriptor (IHI 0070 5.4). */
#define CD_WORDS  8
#define CD0_T0SZ  MASK64(5, 0)
#define CD0_TG0	  MASK64(7, 6) /* 0: 4 KiB */
#define CD0_IR0	  MASK64(9, 8)
#define CD0_OR0	  MASK64(11, 10)
#define CD0_SH0	  MASK64(13, 12)
#define CD0_EPD1  BIT64(30)
#define CD0_V	  BIT64(31)
#define CD0_IPS	  MASK64(34, 32)
#define CD0_AA64  BIT64(41)
#define CD0_R	  BIT64(45) /* record faults */
#define CD0_A	  BIT64(46) /* abort on fault */
#define CD0_ASET  BIT64(47) /* the ASID is not shared with CPUs */
#define CD0_ASID  MASK64(63, 48)
#define CD1_TTB0  MASK64(55, 4)
#define WALK_WBWA 1 /* IR0, OR0: walks are write-back, allocating */

/* Commands, 16 bytes (IHI 0070 4). */
#define CMD0_OP		MASK64(7, 0)
#define CMD_CFGI_STE	0x03
#define CMD_CFGI_ALL	0x04
#define CMD_CFGI_CD	0x05
#define CMD_CFGI_CD_ALL 0x06
#define CMD_NH_ALL	0x10
#define CMD_NH_ASID	0x11
#define CMD_NH_VA	0x12
#define CMD_NH_VAA	0x13
#define CMD_S12_VMALL	0x28
#define CMD_S2_IPA	0x2a
#define CMD_NSNH_ALL	0x30
#define CMD_ATC_INV	0x40
#define CMD_RESUME	0x44
#define CMD_STALL_TERM	0x45
#define CMD_SYNC	0x46
#define CMD0_SSV	BIT64(11)
#define CMD0_SSID	MASK64(31, 12)
#define CMD0_SID	MASK64(63, 32)
#define CFGI0_SID	MASK64(63, 32)
#define CFGI1_LEAF	BIT64(0)
#define CFGI1_RANGE	MASK64(4, 0) /* 31: CFGI_ALL */
#define TLBI0_VMID	MASK64(47, 32)
#define TLBI0_ASID	MASK64(63, 48)
#define TLBI0_NUM	MASK64(16, 12)
#define TLBI0_SCALE	MASK64(24, 20) /* bit 25 wants IDR5.DS */
#define TLBI1_ADDR	MASK64(63, 12)
#define TLBI1_TG	MASK64(11, 10)
#define TLBI1_TTL	MASK64(9, 8)
#define TLBI1_LEAF	BIT64(0)
#define ATC0_GLOBAL	BIT64(9)
#define ATC1_ADDR	MASK64(63, 12)
#define ATC1_SIZE	MASK64(5, 0)
#define ATC_SIZE_ALL	52
#define RESUME0_RETRY	BIT64(12)
#define RESUME0_ABORT	BIT64(13)
#define RESUME1_STAG	MASK64(15, 0)

/* Event records, 32 bytes (IHI 0070 7.3). */
#define EVENT_WORDS  4
#define EVENT0_ID    MASK64(7, 0)
#define EVENT0_SSV   BIT64(11)
#define EVENT0_SSID  MASK64(31, 12)
#define EVENT0_SID   MASK64(63, 32)
#define EVENT1_STAG  MASK64(15, 0)
#define EVENT1_STALL BIT64(31)
#define EVENT1_PNU   BIT64(33)
#define EVENT1_IND   BIT64(34)
#define EVENT1_RNW   BIT64(35)
#define EVENT1_S2    BIT64(39)
#define EVENT3_IPA   MASK64(51, 12)

#endif
