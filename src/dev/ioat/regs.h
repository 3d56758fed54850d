/* SPDX-License-Identifier: MIT */
/* Registers and descriptors of the Intel Chipset DMA engine, version 3 (BAR 0, little-endian). */
#ifndef DEV_IOAT_REGS_H
#define DEV_IOAT_REGS_H

#include <stdint.h>

/* Of the device. */
#define IOAT_CHANCNT	   0x00 /* 8 */
#define IOAT_XFERCAP	   0x01 /* 8: log2 of the most that one descriptor may move */
#define IOAT_GENCTRL	   0x02 /* 8 */
#define IOAT_INTRCTRL	   0x03 /* 8 */
#define IOAT_ATTNSTATUS	   0x04 /* 32: a bit for each channel */
#define IOAT_CBVER	   0x08 /* 8: major and minor version, BCD */
#define IOAT_PERPORTOFFSET 0x0a /* 16 */
#define IOAT_INTRDELAY	   0x0c /* 16 */
#define IOAT_CS_STATUS	   0x0e /* 16 */
#define IOAT_DMACAPABILITY 0x10 /* 32 */

#define IOAT_INTRCTRL_MASTER 0x01 /* interrupts on; a read clears it */
#define IOAT_INTRCTRL_STATUS 0x02 /* some bit of ATTNSTATUS is set */
#define IOAT_INTRCTRL_INT    0x04 /* both */
#define IOAT_INTRCTRL_MSIX   0x08 /* each channel has a vector of its own */

#define IOAT_DMACAP_FILL 0x40

/* Of channel i, at (i + 1) * 0x80. */
#define IOAT_CHANNEL_BYTES 0x80
#define IOAT_CHANCTRL	   0x00 /* 16 */
#define IOAT_DMA_COMP	   0x02 /* 16 */
#define IOAT_CHANCMD	   0x04 /* 8 */
#define IOAT_DMACOUNT	   0x06 /* 16: how many descriptors have been submitted, modulo 2^16 */
#define IOAT_CHANSTS	   0x08 /* 64 */
#define IOAT_CHAINADDR	   0x10 /* 64 */
#define IOAT_CHANCMP	   0x18 /* 64: where the status word is written */
#define IOAT_CDAR	   0x20 /* 64: the current descriptor */
#define IOAT_CHANERR	   0x28 /* 32 */
#define IOAT_CHANERRMASK   0x2c /* 32 */
#define IOAT_DCACTRL	   0x30 /* 32 */
#define IOAT_DRSCTL	   0x36 /* 16 */
#define IOAT_LTR_SWSEL	   0x3c /* 8 */
#define IOAT_LTR_ACTIVE	   0x40 /* 32 */
#define IOAT_LTR_IDLE	   0x44 /* 32 */

/* In configuration space, of all channels: errors (1 clears), and which do not count there. */
#define IOAT_PCI_CHANERR_INT	 0x180
#define IOAT_PCI_CHANERRMASK_INT 0x184

#define IOAT_CHANCTRL_REARM	     0x0001 /* reads as "interrupt disabled", writing 1 enables */
#define IOAT_CHANCTRL_ERR_COMPLETION 0x0004 /* write the status word on errors too */
#define IOAT_CHANCTRL_ERR_INT	     0x0010

#define IOAT_CHANCMD_SUSPEND 0x04
#define IOAT_CHANCMD_ABORT   0x08
#define IOAT_CHANCMD_RESUME  0x10
#define IOAT_CHANCMD_RESET   0x20

/* CHANSTS and the status word: the last completed descriptor's address, and in the low bits: */
enum ioat_status {
	IOAT_ACTIVE,
	IOAT_IDLE,
	IOAT_SUSPENDED,
	IOAT_HALTED,
	IOAT_ARMED,
};

/* CHANERR; Linux's names and numbers (DPDK's for bits 8 and 10 differ). */
#define IOAT_ERR_SRC_ADDR   (1u << 0)
#define IOAT_ERR_DST_ADDR   (1u << 1)
#define IOAT_ERR_NEXT_ADDR  (1u << 2)
#define IOAT_ERR_NEXT_ALIGN (1u << 3)
#define IOAT_ERR_CHAIN_ADDR (1u << 4)
#define IOAT_ERR_READ_DATA  (1u << 8)
#define IOAT_ERR_CONTROL    (1u << 10)
#define IOAT_ERR_LENGTH	    (1u << 11)
#define IOAT_ERR_COMPLETION (1u << 12)
#define IOAT_ERR_ALL	    0x0007ffffu

struct ioat_desc {
	uint32_t size;
	uint32_t control;
	uint64_t src; /* of a fill: the pattern */
	uint64_t dst;
	uint64_t next;
	uint64_t unused[4];
};
_Static_assert(sizeof(struct ioat_desc) == 64, "a descriptor is one cache line");

#define IOAT_DESC_INT	      0x01 /* interrupt on completion */
#define IOAT_DESC_COMPLETION  0x08 /* write the status word */
#define IOAT_DESC_NULL	      0x20 /* moves nothing */
#define IOAT_DESC_OP(control) ((control) >> 24)

#define IOAT_OP_COPY 0x00
#define IOAT_OP_FILL 0x01

#endif
