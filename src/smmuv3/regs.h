/* SPDX-License-Identifier: MIT */
/*
 * Registers, tables, commands and events of the SMMUv3, as masks and values beside their words.
 * Names are the architecture's (IHI 0070), under R_ (registers), STE_, CD_, CMD_, EVT_. A number in
 * a field's name is the 64-bit word it lives in.
 */
#ifndef SMMUV3_REGS_H
#define SMMUV3_REGS_H

#include "base/bits.h"

/* IHI 0070 6.3: registers. Page 0, then page 1. */
#define R_IDR0		      0x000
#define IDR0_S2P	      BIT64(0)
#define IDR0_S1P	      BIT64(1)
#define IDR0_TTF	      MASK64(3, 2)
#define IDR0_TTF_AARCH64      2
#define IDR0_COHACC	      BIT64(4)
#define IDR0_HTTU	      MASK64(7, 6)
#define IDR0_HYP	      BIT64(9)
#define IDR0_ATS	      BIT64(10)
#define IDR0_NS1ATS	      BIT64(11)
#define IDR0_ASID16	      BIT64(12)
#define IDR0_MSI	      BIT64(13)
#define IDR0_SEV	      BIT64(14)
#define IDR0_PRI	      BIT64(16)
#define IDR0_VMID16	      BIT64(18)
#define IDR0_CD2L	      BIT64(19)
#define IDR0_TTENDIAN	      MASK64(22, 21)
#define IDR0_TTENDIAN_LE      2
#define IDR0_ATSRECERR	      BIT64(23)
#define IDR0_STALL_MODEL      MASK64(25, 24)
#define IDR0_STALL_NONE	      1
#define IDR0_STALL_FORCED     2
#define IDR0_TERM_MODEL	      BIT64(26)
#define IDR0_ST_LEVEL	      MASK64(28, 27)
#define IDR0_ST_LEVEL_2	      1
#define R_IDR1		      0x004
#define IDR1_SIDSIZE	      MASK64(5, 0)
#define IDR1_SSIDSIZE	      MASK64(10, 6)
#define IDR1_PRIQS	      MASK64(15, 11)
#define IDR1_EVENTQS	      MASK64(20, 16)
#define IDR1_CMDQS	      MASK64(25, 21)
#define IDR1_ATTR_PERMS_OVR   BIT64(26)
#define IDR1_ATTR_TYPES_OVR   BIT64(27)
#define R_IDR2		      0x008
#define R_IDR3		      0x00c
#define IDR3_HAD	      BIT64(2)
#define IDR3_XNX	      BIT64(4)
#define IDR3_FWB	      BIT64(8)
#define IDR3_RIL	      BIT64(10)
#define IDR3_BBML	      MASK64(12, 11)
#define R_IDR4		      0x010
#define R_IDR5		      0x014
#define IDR5_OAS	      MASK64(2, 0)
#define IDR5_GRAN4K	      BIT64(4)
#define IDR5_GRAN16K	      BIT64(5)
#define IDR5_GRAN64K	      BIT64(6)
#define IDR5_VAX	      MASK64(11, 10)
#define IDR5_STALL_MAX	      MASK64(31, 16)
#define R_IIDR		      0x018
#define R_AIDR		      0x01c
#define AIDR_SMMUV3_1	      1
#define R_CR0		      0x020
#define CR0_SMMUEN	      BIT64(0)
#define CR0_PRIQEN	      BIT64(1)
#define CR0_EVENTQEN	      BIT64(2)
#define CR0_CMDQEN	      BIT64(3)
#define CR0_ATSCHK	      BIT64(4)
#define R_CR0ACK	      0x024
#define R_CR1		      0x028
#define CR1_QUEUE_ATTRS	      MASK64(5, 0)
#define CR1_TABLE_ATTRS	      MASK64(11, 6)
#define R_CR2		      0x02c
#define CR2_RECINVSID	      BIT64(1)
#define CR2_PTM		      BIT64(2)
#define CR2_REC_CFG_ATS	      BIT64(3)
#define R_STATUSR	      0x040
#define R_GBPA		      0x044
#define GBPA_UPDATE	      BIT64(31)
#define GBPA_ABORT	      BIT64(20)
#define GBPA_ATTRS	      (MASK64(19, 16) | MASK64(13, 8) | MASK64(4, 0))
#define GBPA_RESET	      0x1000 /* SHCFG: use incoming */
#define R_IRQ_CTRL	      0x050
#define IRQ_CTRL_GERROR	      BIT64(0)
#define IRQ_CTRL_PRIQ	      BIT64(1)
#define IRQ_CTRL_EVENTQ	      BIT64(2)
#define R_IRQ_CTRLACK	      0x054
#define R_GERROR	      0x060
#define GERROR_CMDQ	      BIT64(0)
#define GERROR_EVENTQ_ABT     BIT64(2)
#define GERROR_PRIQ_ABT	      BIT64(3)
#define GERROR_MSI_CMDQ_ABT   BIT64(4)
#define GERROR_MSI_EVENTQ_ABT BIT64(5)
#define GERROR_MSI_PRIQ_ABT   BIT64(6)
#define GERROR_MSI_GERROR_ABT BIT64(7)
#define GERROR_ALL	      (MASK64(7, 2) | GERROR_CMDQ)
#define R_GERRORN	      0x064
/* MSI configuration of an interrupt: address, data, attributes. */
#define R_GERROR_IRQ_CFG0   0x068
#define R_GERROR_IRQ_CFG1   0x070
#define R_GERROR_IRQ_CFG2   0x074
#define IRQ_CFG0_ADDR	    MASK64(51, 2)
#define IRQ_CFG1_DATA	    MASK64(31, 0)
#define IRQ_CFG2_ATTRS	    MASK64(5, 0)
#define PRIQ_IRQ_CFG2_LO    BIT64(31)
#define R_STRTAB_BASE	    0x080
#define STRTAB_BASE_ADDR    MASK64(51, 6)
#define STRTAB_BASE_RA	    BIT64(62)
#define R_STRTAB_CFG	    0x088
#define STRTAB_LOG2SIZE	    MASK64(5, 0)
#define STRTAB_SPLIT	    MASK64(10, 6)
#define STRTAB_FMT	    MASK64(17, 16)
#define STRTAB_FMT_2LVL	    1
#define R_CMDQ_BASE	    0x090
#define Q_BASE_LOG2SIZE	    MASK64(4, 0)
#define Q_BASE_ADDR	    MASK64(51, 5)
#define Q_BASE_HINT	    BIT64(62)
#define R_CMDQ_PROD	    0x098
#define Q_POINTER	    MASK64(19, 0)
#define R_CMDQ_CONS	    0x09c
#define CMDQ_CONS_ERR	    MASK64(30, 24)
#define CERROR_NONE	    0
#define CERROR_ILL	    1
#define CERROR_ABT	    2
#define CERROR_ATC_INV_SYNC 3
#define R_EVENTQ_BASE	    0x0a0
#define R_EVENTQ_PROD	    0x100a8
#define EVENTQ_OVFLG	    BIT64(31)
#define R_EVENTQ_CONS	    0x100ac
#define R_EVENTQ_IRQ_CFG0   0x0b0
#define R_EVENTQ_IRQ_CFG1   0x0b8
#define R_EVENTQ_IRQ_CFG2   0x0bc
#define R_PRIQ_BASE	    0x0c0
#define R_PRIQ_PROD	    0x100c8
#define R_PRIQ_CONS	    0x100cc
#define PRIQ_OVFLG	    BIT64(31)
#define R_PRIQ_IRQ_CFG0	    0x0d0
#define R_PRIQ_IRQ_CFG1	    0x0d8
#define R_PRIQ_IRQ_CFG2	    0x0dc

/* Both queues: log2 of the most entries (the architecture's maximum for SMMUv3.1). */
#define Q_MAX_LG2	 19
#define CMDQ_ENTRY_LG2	 4
#define EVENTQ_ENTRY_LG2 5
#define PRIQ_ENTRY_LG2	 4

/* IHI 0070 5.1, 5.2: stream table. */
#define L1STD_SPAN	    MASK64(4, 0)
#define L1STD_SPAN_MAX	    11
#define L1STD_L2PTR	    MASK64(51, 6)
#define STE_WORDS	    8
#define STE_BYTES_LG2	    6
#define STE_0_V		    BIT64(0)
#define STE_0_CONFIG	    MASK64(3, 1)
#define STE_CONFIG_BYPASS   4
#define STE_CONFIG_S1	    1 /* bit of a Config with bit 2 set */
#define STE_CONFIG_S2	    2 /* likewise */
#define STE_0_S1FMT	    MASK64(5, 4)
#define STE_S1FMT_LINEAR    0
#define STE_S1FMT_4K_L2	    1
#define STE_S1FMT_64K_L2    2
#define STE_0_S1CTXPTR	    MASK64(51, 6)
#define STE_0_S1CDMAX	    MASK64(63, 59)
#define STE_1_S1STALLD	    BIT64(27)
#define STE_1_S1DSS	    MASK64(1, 0)
#define STE_S1DSS_TERMINATE 0
#define STE_S1DSS_BYPASS    1
#define STE_S1DSS_SSID0	    2
#define STE_1_CONT	    MASK64(16, 13)
#define STE_1_PPAR	    BIT64(18)
#define STE_1_MEV	    BIT64(19)
#define STE_1_S2FWB	    BIT64(25)
#define STE_1_EATS	    MASK64(29, 28)
#define STE_EATS_ABT	    0
#define STE_EATS_TRANS	    1
#define STE_EATS_S1CHK	    2
#define STE_1_MTCFG	    BIT64(36)
#define STE_1_MEMATTR	    MASK64(35, 32)
#define STE_1_ALLOCCFG	    MASK64(40, 37)
#define STE_1_SHCFG	    MASK64(45, 44)
#define STE_1_NSCFG	    MASK64(47, 46)
#define STE_1_STRW	    MASK64(31, 30)
#define STE_1_PRIVCFG	    MASK64(49, 48)
#define STE_1_INSTCFG	    MASK64(51, 50)
#define STE_OVR_CLEAR	    2 /* PRIVCFG: unprivileged; INSTCFG: data */
#define STE_OVR_SET	    3 /* privileged; instruction */
#define STE_2_S2VMID	    MASK64(15, 0)
#define STE_2_S2T0SZ	    MASK64(37, 32)
#define STE_2_S2SL0	    MASK64(39, 38)
#define STE_2_S2TG	    MASK64(47, 46)
#define STE_S2TG_4K	    0
#define STE_S2TG_64K	    1
#define STE_S2TG_16K	    2
#define STE_2_S2PS	    MASK64(50, 48)
#define STE_2_S2AA64	    BIT64(51)
#define STE_2_S2ENDI	    BIT64(52)
#define STE_2_S2AFFD	    BIT64(53)
#define STE_2_S2PTW	    BIT64(54)
#define STE_2_S2HD	    BIT64(55)
#define STE_2_S2HA	    BIT64(56)
#define STE_2_S2S	    BIT64(57)
#define STE_2_S2R	    BIT64(58)
#define STE_3_S2TTB	    MASK64(51, 4)

/* IHI 0070 5.4: context descriptor. */
#define CD_WORDS   8
#define CD_LG2	   6 /* of its bytes */
#define CD_0_T0SZ  MASK64(5, 0)
#define CD_0_TG0   MASK64(7, 6)
#define CD_TG0_4K  0
#define CD_TG0_64K 1
#define CD_TG0_16K 2
#define CD_0_EPD0  BIT64(14)
#define CD_0_ENDI  BIT64(15)
#define CD_0_T1SZ  MASK64(21, 16)
#define CD_0_TG1   MASK64(23, 22)
#define CD_TG1_16K 1
#define CD_TG1_4K  2
#define CD_TG1_64K 3
#define CD_0_EPD1  BIT64(30)
#define CD_0_V	   BIT64(31)
#define CD_0_IPS   MASK64(34, 32)
#define CD_0_AFFD  BIT64(35)
#define CD_0_WXN   BIT64(36)
#define CD_0_UWXN  BIT64(37)
#define CD_0_TBI0  BIT64(38)
#define CD_0_TBI1  BIT64(39)
#define CD_0_PAN   BIT64(40)
#define CD_0_AA64  BIT64(41)
#define CD_0_HD	   BIT64(42)
#define CD_0_HA	   BIT64(43)
#define CD_0_S	   BIT64(44)
#define CD_0_R	   BIT64(45)
#define CD_0_A	   BIT64(46)
#define CD_0_ASID  MASK64(63, 48)
#define CD_TT_HAD  BIT64(1)	 /* words 1 and 2 */
#define CD_TT_BASE MASK64(51, 4) /* words 1 and 2 */
#define L1CD_V	   BIT64(0)
#define L1CD_L2PTR MASK64(51, 12)

/* Arm ARM D8.3: VMSAv8-64 descriptors. */
#define TTD_VALID	      BIT64(0)
#define TTD_TABLE	      BIT64(1)	     /* at level 3: page */
#define TTD_ADDR_51_48	      MASK64(15, 12) /* 64 KiB granule, 52-bit addresses */
#define TTD_AF		      BIT64(10)
#define TTD_NG		      BIT64(11)
#define TTD_DBM		      BIT64(51)
#define TTD_CONT	      BIT64(52)
#define TTD_AP_UNPRIV	      BIT64(6)
#define TTD_AP_RO	      BIT64(7)
#define TTD_PXN		      BIT64(53)
#define TTD_UXN		      BIT64(54)
#define TTD_PXNTABLE	      BIT64(59)
#define TTD_UXNTABLE	      BIT64(60)
#define TTD_APTABLE_NO_UNPRIV BIT64(61)
#define TTD_APTABLE_RO	      BIT64(62)
#define TTD_S2_READ	      BIT64(6)
#define TTD_S2_WRITE	      BIT64(7)
#define TTD_S2_MEMATTR_TYPE   MASK64(5, 4) /* MemAttr[3:2]: 0 is Device */
#define TTD_S2_MEMATTR_2      BIT64(4)	   /* with S2FWB, 0 is Device */
#define TTD_S2_XN	      MASK64(54, 53)

/* IHI 0070 4.1: commands. */
#define CMD_0_OP	MASK64(7, 0)
#define CMD_0_SSEC	BIT64(10)
#define CMD_0_SSID	MASK64(31, 12)
#define CMD_0_SID	MASK64(63, 32)
#define CMD_0_NUM	MASK64(16, 12)
#define CMD_0_SCALE	MASK64(24, 20)
#define CMD_0_VMID	MASK64(47, 32)
#define CMD_0_ASID	MASK64(63, 48)
#define CMD_0_CS	MASK64(13, 12)
#define CMD_CS_RESERVED 3
#define CMD_1_RANGE	MASK64(4, 0)
#define CMD_1_TG	MASK64(11, 10)
#define CMD_1_ADDR	MASK64(63, 12)
#define CMD_1_IPA	MASK64(51, 12)
#define CMD_0_SSV	BIT64(11)
#define CMD_0_GLOBAL	BIT64(9) /* ATC_INV */
#define CMD_1_LEAF	BIT64(0)
#define CMD_1_TTL	MASK64(9, 8)
#define CMD_1_ATC_SIZE	MASK64(5, 0)
#define CMD_1_PRGI	MASK64(8, 0)
#define CMD_1_PRI_RESP	MASK64(13, 12)
#define CMD_0_RESUME_AC BIT64(12) /* retry */
#define CMD_0_RESUME_AB BIT64(13) /* abort, else RAZ/WI */
#define CMD_1_STAG	MASK64(15, 0)
#define CMD_CS_IRQ	1
#define CMD_CS_SEV	2
#define CMD_0_MSI_DATA	MASK64(63, 32)
#define CMD_1_MSI_ADDR	MASK64(51, 2)

enum cmd_op {
	CMD_PREFETCH_CONFIG = 0x01,
	CMD_PREFETCH_ADDR = 0x02,
	CMD_CFGI_STE = 0x03,
	CMD_CFGI_STE_RANGE = 0x04, /* Range 31: CFGI_ALL */
	CMD_CFGI_CD = 0x05,
	CMD_CFGI_CD_ALL = 0x06,
	CMD_TLBI_NH_ALL = 0x10,
	CMD_TLBI_NH_ASID = 0x11,
	CMD_TLBI_NH_VA = 0x12,
	CMD_TLBI_NH_VAA = 0x13,
	CMD_TLBI_S12_VMALL = 0x28,
	CMD_TLBI_S2_IPA = 0x2a,
	CMD_TLBI_NSNH_ALL = 0x30,
	CMD_ATC_INV = 0x40,
	CMD_PRI_RESP = 0x41,
	CMD_RESUME = 0x44,
	CMD_STALL_TERM = 0x45,
	CMD_SYNC = 0x46,
};

/* IHI 0070 7.3: event records, four words. */
#define EVT_WORDS   4
#define EVT_0_TYPE  MASK64(7, 0)
#define EVT_0_SSV   BIT64(11)
#define EVT_0_SSID  MASK64(31, 12)
#define EVT_0_SID   MASK64(63, 32)
#define EVT_1_PNU   BIT64(33)
#define EVT_1_STAG  MASK64(15, 0)
#define EVT_1_STALL BIT64(31)
#define EVT_1_IND   BIT64(34)
#define EVT_1_RNW   BIT64(35)
#define EVT_1_S2    BIT64(39)
#define EVT_1_TTRNW BIT64(44) /* F_PERMISSION of class TT */
#define EVT_1_CLASS MASK64(41, 40)
#define EVT_3_IPA   MASK64(51, 12)
#define EVT_3_FETCH MASK64(51, 3)

/* IHI 0070 8: page requests, two words. */
#define PPR_WORDS  2
#define PPR_0_SID  MASK64(31, 0)
#define PPR_0_SSID MASK64(51, 32)
#define PPR_0_PRIV BIT64(58)
#define PPR_0_X	   BIT64(59)
#define PPR_0_R	   BIT64(60)
#define PPR_0_W	   BIT64(61)
#define PPR_0_LAST BIT64(62)
#define PPR_0_SSV  BIT64(63)
#define PPR_1_PRGI MASK64(8, 0)
#define PPR_1_ADDR MASK64(63, 12)

enum evt_type {
	EVT_NONE = 0,
	EVT_F_UUT = 0x01,
	EVT_C_BAD_STREAMID = 0x02,
	EVT_F_STE_FETCH = 0x03,
	EVT_C_BAD_STE = 0x04,
	EVT_F_BAD_ATS_TREQ = 0x05,
	EVT_F_STREAM_DISABLED = 0x06,
	EVT_F_TRANSL_FORBIDDEN = 0x07,
	EVT_C_BAD_SUBSTREAMID = 0x08,
	EVT_F_CD_FETCH = 0x09,
	EVT_C_BAD_CD = 0x0a,
	EVT_F_WALK_EABT = 0x0b,
	EVT_F_TRANSLATION = 0x10,
	EVT_F_ADDR_SIZE = 0x11,
	EVT_F_ACCESS = 0x12,
	EVT_F_PERMISSION = 0x13,
	EVT_F_TLB_CONFLICT = 0x20,
	EVT_F_CFG_CONFLICT = 0x21,
	EVT_E_PAGE_REQUEST = 0x24,
	EVT_F_VMS_FETCH = 0x25,
};

/* What was being fetched or accessed when a stage failed. */
enum evt_class {
	EVT_CLASS_CD = 0,
	EVT_CLASS_TT = 1,
	EVT_CLASS_IN = 2,
};

#endif
