/* SPDX-License-Identifier: MIT */
/*
 * A nesting container with one DMA engine and a guest whose stage 1 is in its memory, for suites over
 * sys.h. What the guest's tables map, and how, is in fault_rig.c.
 */
#ifndef TEST_UAPI_FAULT_RIG_H
#define TEST_UAPI_FAULT_RIG_H

#include <stdbool.h>
#include <stdint.h>

#include <linux/vfio.h>
#include <nestbox/vfio-nesting.h>

#define PAGE 4096ull

/* Guest physical: its memory (stage 2). */
#define IPA	  0x80000000ull
#define IPA_BYTES 0x10000ull

/* What the guest's stage 1 maps, a page each. */
#define IOVA	       0x1000000000ull
#define IOVA_ENGINE    (IOVA + 0 * PAGE)
#define IOVA_SRC       (IOVA + 1 * PAGE)
#define IOVA_DST       (IOVA + 2 * PAGE)
#define IOVA_READ_ONLY (IOVA + 3 * PAGE) /* the source's page */
#define IOVA_NO_ACCESS (IOVA + 4 * PAGE) /* access flag clear */
#define IOVA_OUTSIDE   (IOVA + 5 * PAGE) /* an IPA that stage 2 does not map */
#define IOVA_NOTHING   (IOVA + 6 * PAGE) /* nor anything from there on */

/* What is where in its memory. */
#define AT_CD  0x0000
#define AT_SRC 0x5000
#define AT_DST 0x6000

struct fault_rig {
	uint8_t *memory; /* at IPA */
	int container, group, device;
	uint64_t config; /* offset of configuration space */
	long bar;	 /* mapped */
};

#define ARRAY_LEN(array) (sizeof(array) / sizeof((array)[0]))

/* Indexes, and the entries of each ring. */
#define FAULTS	  9
#define RESPONSES 10
#define IRQ	  5
#define N	  512

extern unsigned failures;
extern struct fault_rig rig;

#define CHECK(what)                                                                                \
	do {                                                                                       \
		if (!(what)) {                                                                     \
			printf("FAIL %s:%d: %s\n", __func__, __LINE__, #what);                     \
			failures++;                                                                \
		}                                                                                  \
	} while (0)

long must(long ret, const char *what);

/** Group 1 and its engine in a container of that type; of a nesting one the guest's stage 1 is set. */
void rig_open(struct fault_rig *rig, unsigned type);
void rig_close(struct fault_rig *rig);
/** The device's descriptor alone, closed and opened anew. */
void rig_reopen(struct fault_rig *rig);

/** SET_PASID_TABLE: IOMMU_PASID_CONFIG_ of the guest's table at IPA + AT_CD. */
void rig_set_stage1(const struct fault_rig *rig, unsigned config);
/** Map IOVA + page * PAGE to IPA + at, or nothing (at 0), in the guest's tables. */
void rig_map(struct fault_rig *rig, unsigned page, uint64_t at);
/** CACHE_INVALIDATE of all that the guest has. */
void rig_invalidate(const struct fault_rig *rig);

/** One page from src to dst. False: the engine halted. */
bool rig_copy(struct fault_rig *rig, uint64_t dst, uint64_t src);
/** The two halves of it. */
void rig_start(struct fault_rig *rig, uint64_t dst, uint64_t src);
bool rig_finish(struct fault_rig *rig);
/** It has told how it ended. */
bool rig_done(const struct fault_rig *rig);
/** Nothing of the engine's is translated, so that it cannot tell its status either: it halts. */
bool rig_halts(struct fault_rig *rig);

/* ---- the regions of rig.device ---- */

uint64_t offset_of(unsigned index);
struct vfio_region_dma_fault header_of(unsigned index);
/** Write its one number; what pwrite(2) returns. */
long set_index(unsigned index, uint32_t to);
/** mmap(2) of a part of it. */
long map(unsigned index, uint64_t off, uint64_t len, int flags);
/** The last refusal had this rule (or none can be had). */
bool has_reason(const char *rule);

/* ---- fault_look.c: as rig.device is now ---- */

void look_regions(void);
void look_irq(void);
void look_accesses(void);
void look_maps(void);

#endif
