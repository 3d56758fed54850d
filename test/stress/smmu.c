/* SPDX-License-Identifier: MIT */
/*
 * R6 under storm: readers translate (one, a batch) and do DMA through ports, while one writer maps,
 * unmaps and invalidates at random: leaves and tables of stage 1, leaves of stage 2, CDs and STEs.
 *
 * Each page of an address space (a *slot*) owns a frame, and the frame's first word says whose it is.
 * It is written before the slot is mapped. Only after the CMD_SYNC that follows the invalidation is
 * the frame taken back, and filled with poison. So
 *   - who translates a slot finds the slot's own name in the frame, as long as the section lasts,
 *   - what DMA reads is the slot's name,
 *   - poison stays as it is until the frame is given out again: nobody writes late.
 *
 *   stress-smmu [--seconds N] [--seed N] [--fences] [--readers N]
 *
 * All decisions of each thread come from the seed.
 */
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <nestbox/smmuv3.h>

#include "base/bits.h"
#include "base/check.h"
#include "smmuv3/regs.h"
#include "tlb/port.h"

#define RAM	    UINT64_C(0x40000000)
#define RAM_BYTES   MIB(4)
#define IOVA	    UINT64_C(0x80000000)
#define IPA	    UINT64_C(0xc0000000) /* of data, in the nested stream */
#define SLOTS	    24			 /* of a context */
#define CONTEXTS    2			 /* of a stream: its STE, or its CD, chooses one */
#define MAX_READERS 16
#define BATCH	    8
#define POISON	    UINT64_C(0xdead00000000dead)
#define FRAMES_AT   0x200000 /* offsets into the RAM from here on */
#define FRAMES	    256
#define CMDQ_AT	    0x0000
#define CMDQ_LG2    8
#define EVTQ_AT	    0x2000
#define EVTQ_LG2    7
#define STRTAB_AT   0x4000
#define S2_L1	    0x5000
#define S2_L2_RAM   0x6000
#define S2_L2_IPA   0x7000
#define S2_L3_IPA   0x8000 /* one for each nested context */
#define CONTEXTS_AT 0x10000
#define CONTEXT_LG2 14 /* CD; L1; L2; L3 */

enum stream {
	STAGE1,
	NESTED,
	STREAMS,
};

/* Who writes what: `frame` is the writer's alone, the RAM everybody's. */
struct slot {
	unsigned frame; /* 0: none */
};

static struct {
	struct nb_mem *mem;
	struct nb_extent extent;
	uint8_t *ram;
	struct nb_smmuv3 *smmu;
	struct slot slots[STREAMS][CONTEXTS][SLOTS];
	unsigned chosen[STREAMS];
	unsigned free[FRAMES], n_free;
	uint32_t cmdq_prod;
	uint64_t rng, ops, syncs;
} w;

static atomic_bool stop;
static atomic_uint_fast64_t bad;

struct reader {
	pthread_t thread;
	unsigned number;
	uint64_t rng, checks, aborts;
	struct nb_smmuv3_port *ports[STREAMS];
};

/* splitmix64 */
static uint64_t next(uint64_t *rng)
{
	uint64_t z = (*rng += 0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static unsigned below(uint64_t *rng, unsigned n)
{
	return (unsigned)((next(rng) >> 32) * n >> 32);
}

static uint64_t *at(uint64_t off)
{
	return (uint64_t *)(w.ram + off);
}

static void put(uint64_t off, uint64_t value)
{
	__atomic_store_n(at(off), value, __ATOMIC_RELEASE);
}

static uint64_t get(uint64_t off)
{
	return __atomic_load_n(at(off), __ATOMIC_ACQUIRE);
}

static uint64_t context_at(enum stream s, unsigned c)
{
	return CONTEXTS_AT + ((s * CONTEXTS + c) << CONTEXT_LG2);
}

static uint64_t cd_at(enum stream s, unsigned c)
{
	return context_at(s, c);
}

static uint64_t l1_at(enum stream s, unsigned c)
{
	return context_at(s, c) + 0x1000;
}

static uint64_t l2_at(enum stream s, unsigned c)
{
	return context_at(s, c) + 0x2000;
}

static uint64_t l3_at(enum stream s, unsigned c)
{
	return context_at(s, c) + 0x3000;
}

static uint64_t frame_at(unsigned frame)
{
	return FRAMES_AT + ((uint64_t)frame << 12);
}

/* A slot's name. The two contexts of a stream have the same IOVAs. */
static uint64_t name_of(enum stream s, unsigned c, unsigned slot)
{
	return BIT64(40) | (uint64_t)s << 32 | (uint64_t)c << 16 | (slot + 1);
}

/* What a reader may find: the reader does not know which context is chosen. */
static bool name_ok(uint64_t name, enum stream s, unsigned slot)
{
	return name == name_of(s, 0, slot) || name == name_of(s, 1, slot);
}

static void violation(const char *what, enum stream s, unsigned slot, uint64_t found)
{
	if (atomic_fetch_add(&bad, 1) < 10)
		printf("VIOLATION: %s: stream %u slot %u found %" PRIx64 "\n", what, s, slot,
			found);
}

/* ---- Readers --------------------------------------------------------------------------------------- */

static uint64_t iova_of(struct reader *r, unsigned slot)
{
	return IOVA + ((uint64_t)slot << 12) + 8 * below(&r->rng, 8);
}

/* In a section: the frame is the slot's, and stays. */
static void look(struct reader *r, enum stream s, unsigned slot, nb_pa pa)
{
	uint64_t off = align_down(pa.v - RAM, KIB(4)), name = get(off);
	unsigned i, n = below(&r->rng, 30);

	r->checks++;
	for (i = 0; i < n; i++) {
		if (!name_ok(name, s, slot)) {
			violation("a frame that is not the slot's", s, slot, name);
			return;
		}
		if (i == 15 && r->checks % 37 == 0)
			sched_yield();
		name = get(off);
	}
}

static void one(struct reader *r, enum stream s)
{
	unsigned i, n = 1 + below(&r->rng, 4), slot;
	struct nb_smmuv3_txn txn = { .flags = NB_READ };
	struct nb_smmuv3_span span;

	nb_smmuv3_enter(r->ports[s]);
	for (i = 0; i < n; i++) {
		slot = below(&r->rng, SLOTS);
		txn.iova = NB_IOVA(iova_of(r, slot));
		if (nb_smmuv3_translate(r->ports[s], &txn, &span) == NB_SMMUV3_OK)
			look(r, s, slot, span.pa);
		else
			r->aborts++;
	}
	nb_smmuv3_leave(r->ports[s]);
}

static void batch(struct reader *r, enum stream s)
{
	unsigned slots[BATCH], i;
	nb_iova iovas[BATCH];
	struct nb_smmuv3_span spans[BATCH];
	enum nb_smmuv3_verdict verdict;
	size_t n;

	for (i = 0; i < BATCH; i++) {
		slots[i] = below(&r->rng, SLOTS);
		iovas[i] = NB_IOVA(iova_of(r, slots[i]));
	}
	nb_smmuv3_enter(r->ports[s]);
	n = nb_smmuv3_translate_batch(r->ports[s], NB_READ, 0, iovas, spans, BATCH, &verdict);
	for (i = 0; i < n; i++)
		look(r, s, slots[i], spans[i].pa);
	nb_smmuv3_leave(r->ports[s]);
	r->aborts += n < BATCH;
}

static void dma(struct reader *r, enum stream s, bool write)
{
	unsigned slot = below(&r->rng, SLOTS);
	struct nb_smmuv3_txn txn = { .iova = NB_IOVA(IOVA + ((uint64_t)slot << 12)) };
	uint64_t name = r->number;
	enum nb_smmuv3_verdict verdict;

	if (write) {
		txn.iova.v += 64 + 8 * r->number; /* a word of its own */
		verdict = nb_smmuv3_dma_write(r->ports[s], &txn, &name, sizeof(name), NULL);
	} else {
		verdict = nb_smmuv3_dma_read(r->ports[s], &txn, &name, sizeof(name), NULL);
	}
	r->checks += verdict == NB_SMMUV3_OK;
	r->aborts += verdict != NB_SMMUV3_OK;
	if (!write && verdict == NB_SMMUV3_OK && !name_ok(name, s, slot))
		violation("what DMA read is not the slot's", s, slot, name);
}

static void *read_all(void *arg)
{
	struct reader *r = arg;

	while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
		enum stream s = below(&r->rng, STREAMS);

		switch (below(&r->rng, 6)) {
		case 0:
			dma(r, s, false);
			break;
		case 1:
			dma(r, s, true);
			break;
		case 2:
			batch(r, s);
			break;
		default:
			one(r, s);
		}
	}
	return NULL;
}

/* ---- The writer: commands --------------------------------------------------------------------------- */

static void command(uint64_t w0, uint64_t w1)
{
	uint64_t off = CMDQ_AT + 16 * (w.cmdq_prod & (BIT64(CMDQ_LG2) - 1));

	put(off, w0);
	put(off + 8, w1);
	w.cmdq_prod = (w.cmdq_prod + 1) & (2 * BIT64(CMDQ_LG2) - 1);
	nb_smmuv3_write(w.smmu, R_CMDQ_PROD, w.cmdq_prod, 4);
}

static void sync_all(void)
{
	command(CMD_SYNC, 0);
	while (nb_smmuv3_read(w.smmu, R_CMDQ_CONS, 4) != w.cmdq_prod) {
		nb_assert(nb_smmuv3_read(w.smmu, R_GERROR, 4) ==
			  nb_smmuv3_read(w.smmu, R_GERRORN, 4));
		sched_yield();
	}
	w.syncs++;
	/* Events of pages that were not there. */
	nb_smmuv3_write(w.smmu, R_EVENTQ_CONS, nb_smmuv3_read(w.smmu, R_EVENTQ_PROD, 4), 4);
}

static uint64_t ids(enum stream s, unsigned c)
{
	return (uint64_t)(s + 1) << 32 | (uint64_t)(c + 1) << 48;
}

static void cfgi(enum stream s, unsigned op)
{
	command(op | (uint64_t)s << 32, 1);
}

/* One page of stage 1, by one of the commands that do. */
static void tlbi_page(enum stream s, unsigned c, unsigned slot, bool leaf)
{
	uint64_t va = IOVA + ((uint64_t)slot << 12);

	switch (below(&w.rng, leaf ? 7 : 4)) {
	case 0:
		command(CMD_TLBI_NH_ASID | ids(s, c), 0);
		break;
	case 1:
		command(CMD_TLBI_NH_VAA | (uint64_t)(s + 1) << 32, va | leaf);
		break;
	case 2: /* a range of one page: TG is 4 KiB, NUM and SCALE 0 */
		command(CMD_TLBI_NH_VA | ids(s, c),
			va | leaf | 3 << 8 | 1 << 10); /* TTL: at level 3 */
		break;
	case 3:
		command(below(&w.rng, 2) ? CMD_TLBI_NSNH_ALL
					 : CMD_TLBI_NH_ALL | (uint64_t)(s + 1) << 32,
			0);
		break;
	default:
		command(CMD_TLBI_NH_VA | ids(s, c), va | leaf);
	}
}

static void tlbi_ipa(unsigned c, unsigned slot)
{
	uint64_t ipa = IPA + ((uint64_t)c << 21) + ((uint64_t)slot << 12);
	uint64_t vmid = (uint64_t)(NESTED + 1) << 32;

	if (below(&w.rng, 3)) {
		command(CMD_TLBI_S2_IPA | vmid, ipa | 1);
		command(CMD_TLBI_NH_ALL | vmid, 0);
	} else {
		command(CMD_TLBI_S12_VMALL | vmid, 0);
	}
}

/* ---- The writer: frames ------------------------------------------------------------------------------ */

/* Nobody has written since it was taken back. */
static unsigned take_frame(void)
{
	unsigned i = below(&w.rng, w.n_free), frame = w.free[i], word;
	uint64_t off = frame_at(frame);

	w.free[i] = w.free[--w.n_free];
	for (word = 0; word < 64; word++)
		if (get(off + 8 * word) != POISON)
			violation("a write after the invalidation", 0, word, get(off + 8 * word));
	return frame;
}

static void give_frame(unsigned frame)
{
	uint64_t off = frame_at(frame);
	unsigned word;

	for (word = 0; word < 64; word++)
		put(off + 8 * word, POISON);
	w.free[w.n_free++] = frame;
}

/* Where the slot's leaf is, that which changes: nested, stage 2's as often as stage 1's. */
static uint64_t s1_leaf(enum stream s, unsigned c, unsigned slot)
{
	return l3_at(s, c) + 8 * slot;
}

static uint64_t s2_leaf(unsigned c, unsigned slot)
{
	return S2_L3_IPA + 0x1000 * c + 8 * slot;
}

static void map(enum stream s, unsigned c, unsigned slot)
{
	unsigned frame = take_frame();
	uint64_t target = RAM + frame_at(frame);

	w.slots[s][c][slot].frame = frame;
	if (c == w.chosen[s]) /* else poison, until it wakes */
		put(frame_at(frame), name_of(s, c, slot));
	if (s == NESTED) {
		put(s2_leaf(c, slot), target | 0x4ff);
		target = IPA + ((uint64_t)c << 21) + ((uint64_t)slot << 12);
	}
	put(s1_leaf(s, c, slot), target | 0xc43);
}

/* Remove the slot from tables, and have it invalidated; its frame is given back after the SYNC. */
static void unmap(enum stream s, unsigned c, unsigned slot)
{
	bool by_s2 = s == NESTED && below(&w.rng, 2);

	if (by_s2) {
		put(s2_leaf(c, slot), 0);
		tlbi_ipa(c, slot);
	} else {
		put(s1_leaf(s, c, slot), 0);
		tlbi_page(s, c, slot, true);
	}
}

static void drop(enum stream s, unsigned c, unsigned slot)
{
	give_frame(w.slots[s][c][slot].frame);
	w.slots[s][c][slot].frame = 0;
}

/* ---- The writer: what it does ------------------------------------------------------------------------- */

static void remap_some(enum stream s)
{
	unsigned c = below(&w.rng, CONTEXTS), i, n = 1 + below(&w.rng, 6), slot[6];

	for (i = 0; i < n; i++) {
		slot[i] = below(&w.rng, SLOTS);
		if (w.slots[s][c][slot[i]].frame)
			unmap(s, c, slot[i]);
	}
	sync_all();
	for (i = 0; i < n; i++)
		if (w.slots[s][c][slot[i]].frame)
			drop(s, c, slot[i]);
	for (i = 0; i < n; i++)
		if (!w.slots[s][c][slot[i]].frame && w.n_free && below(&w.rng, 8))
			map(s, c, slot[i]);
}

/* Move one page to another frame: leaf by leaf, break before make or not. */
static void move_one(enum stream s)
{
	unsigned c = below(&w.rng, CONTEXTS), slot = below(&w.rng, SLOTS);
	unsigned old = w.slots[s][c][slot].frame;

	if (!old || !w.n_free)
		return;
	if (below(&w.rng, 2)) {
		unmap(s, c, slot);
		sync_all();
		drop(s, c, slot);
		map(s, c, slot);
		return;
	}
	map(s, c, slot);
	if (s == NESTED)
		tlbi_ipa(c, slot);
	else
		tlbi_page(s, c, slot, true);
	sync_all();
	give_frame(old);
}

/* Everything of the context is unreachable: its frames are poisoned, then named again. */
static void rest(enum stream s, unsigned c)
{
	unsigned slot, word, frame;

	for (slot = 0; slot < SLOTS; slot++) {
		frame = w.slots[s][c][slot].frame;
		for (word = 0; frame && word < 64; word++)
			put(frame_at(frame) + 8 * word, POISON);
	}
	sched_yield();
}

static void wake(enum stream s, unsigned c)
{
	unsigned slot, word, frame;

	for (slot = 0; slot < SLOTS; slot++) {
		frame = w.slots[s][c][slot].frame;
		for (word = 0; frame && word < 64; word++)
			if (get(frame_at(frame) + 8 * word) != POISON)
				violation("a write to a context that is not in use", s, slot, word);
		if (frame)
			put(frame_at(frame), name_of(s, c, slot));
	}
}

/* The last table goes, and comes back. */
static void unlink_table(enum stream s)
{
	unsigned c = w.chosen[s], slot;

	put(l2_at(s, c), 0);
	if (below(&w.rng, 2))
		command(CMD_TLBI_NH_ASID | ids(s, c), 0);
	else
		for (slot = 0; slot < SLOTS; slot++)
			command(CMD_TLBI_NH_VA | ids(s, c), IOVA + ((uint64_t)slot << 12));
	sync_all();
	rest(s, c);
	wake(s, c);
	put(l2_at(s, c), RAM + l3_at(s, c) + 3);
}

static uint64_t ste0(enum stream s, unsigned c)
{
	return (s == NESTED ? 0xf : 0xb) | (RAM + cd_at(s, c));
}

/* Another context, by its STE. */
static void switch_ste(enum stream s)
{
	unsigned old = w.chosen[s], new = !old;

	wake(s, new);
	put(STRTAB_AT + 64 * s, ste0(s, new));
	cfgi(s, below(&w.rng, 4) ? CMD_CFGI_STE : CMD_CFGI_STE_RANGE);
	command(CMD_TLBI_NH_ASID | ids(s, old), 0);
	sync_all();
	rest(s, old);
	w.chosen[s] = new;
}

/* EPD0 set and cleared: nothing translates meanwhile. */
static void switch_cd(enum stream s)
{
	unsigned c = w.chosen[s];
	uint64_t cd0 = get(cd_at(s, c));

	put(cd_at(s, c), cd0 | CD_0_EPD0);
	cfgi(s, below(&w.rng, 2) ? CMD_CFGI_CD : CMD_CFGI_CD_ALL);
	command(CMD_TLBI_NH_ASID | ids(s, c), 0);
	sync_all();
	rest(s, c);
	wake(s, c);
	put(cd_at(s, c), cd0);
	cfgi(s, CMD_CFGI_CD);
	sync_all();
}

static void step(void)
{
	enum stream s = below(&w.rng, STREAMS);
	unsigned what = below(&w.rng, 32);

	w.ops++;
	if (what == 0)
		unlink_table(s);
	else if (what == 1)
		switch_ste(s);
	else if (what == 2)
		switch_cd(s);
	else if (what < 16)
		move_one(s);
	else
		remap_some(s);
}

/* ---- Setting up ---------------------------------------------------------------------------------------- */

/* T0SZ 25, EPD1, V, IPS 48 bits, AA64, R, A, ASID. */
static uint64_t cd0_of(unsigned c)
{
	return 25 | CD_0_EPD1 | CD_0_V | 5ull << 32 | CD_0_AA64 | CD_0_R | CD_0_A |
	       (uint64_t)(c + 1) << 48;
}

static void init_stream(enum stream s)
{
	unsigned c, slot;

	for (c = 0; c < CONTEXTS; c++) {
		put(cd_at(s, c) + 8, RAM + l1_at(s, c));
		put(cd_at(s, c), cd0_of(c));
		put(l1_at(s, c) + 8 * (IOVA >> 30), RAM + l2_at(s, c) + 3);
		put(l2_at(s, c), RAM + l3_at(s, c) + 3);
		for (slot = 0; slot < SLOTS; slot += 2)
			map(s, c, slot);
	}
	/* VMID; for the nested stream S2T0SZ 25, start at level 1, 48 bits, AArch64, S2R. */
	put(STRTAB_AT + 64 * s + 16,
		(s + 1) | 25ull << 32 | 1ull << 38 | 5ull << 48 | STE_2_S2AA64 | STE_2_S2R);
	put(STRTAB_AT + 64 * s + 24, RAM + S2_L1);
	put(STRTAB_AT + 64 * s, ste0(s, 0));
}

static void init_tables(void)
{
	unsigned i;

	for (i = 1; i < FRAMES; i++)
		give_frame(i);
	/* Stage 2: the first 2 MiB of RAM as they are, and the data. */
	put(S2_L1 + 8 * (RAM >> 30), RAM + S2_L2_RAM + 3);
	put(S2_L2_RAM, RAM | 0x4fd);
	put(S2_L1 + 8 * (IPA >> 30), RAM + S2_L2_IPA + 3);
	for (i = 0; i < CONTEXTS; i++)
		put(S2_L2_IPA + 8 * i, RAM + S2_L3_IPA + 0x1000 * i + 3);
	for (i = 0; i < STREAMS; i++)
		init_stream(i);
}

static void init(void)
{
	struct nb_smmuv3_config config = { .size = sizeof(config) };

	w.mem = nb_mem_create(48);
	w.ram = aligned_alloc(4096, RAM_BYTES);
	nb_assert(w.mem && w.ram);
	memset(w.ram, 0, RAM_BYTES);
	w.extent = (struct nb_extent){ .pa = NB_PA(RAM), .bytes = RAM_BYTES, .ptr = w.ram };
	nb_assert(!nb_mem_add(w.mem, &w.extent));
	config.mem = w.mem;
	config.iotlb_slots = 1024;
	w.smmu = nb_smmuv3_create(&config);
	nb_assert(w.smmu);
	init_tables();
	nb_smmuv3_write(w.smmu, R_STRTAB_BASE, RAM + STRTAB_AT, 8);
	nb_smmuv3_write(w.smmu, R_STRTAB_CFG, 3, 4);
	nb_smmuv3_write(w.smmu, R_CMDQ_BASE, (RAM + CMDQ_AT) | CMDQ_LG2, 8);
	nb_smmuv3_write(w.smmu, R_EVENTQ_BASE, (RAM + EVTQ_AT) | EVTQ_LG2, 8);
	nb_smmuv3_write(w.smmu, R_CR0, CR0_SMMUEN | CR0_EVENTQEN | CR0_CMDQEN, 4);
}

static void start(struct reader *r, unsigned number, uint64_t seed)
{
	unsigned s;

	*r = (struct reader){ .number = number, .rng = seed + number + 1 };
	for (s = 0; s < STREAMS; s++) {
		r->ports[s] = nb_smmuv3_port_create(w.smmu, s);
		nb_assert(r->ports[s]);
	}
	nb_assert(!pthread_create(&r->thread, NULL, read_all, r));
}

static void finish(struct reader *r)
{
	unsigned s;

	pthread_join(r->thread, NULL);
	for (s = 0; s < STREAMS; s++)
		nb_smmuv3_port_destroy(r->ports[s]);
}

static void run(unsigned seconds, unsigned n, uint64_t seed)
{
	struct reader readers[MAX_READERS];
	uint64_t checks = 0, aborts = 0;
	struct timespec from, now;
	unsigned i;

	w.rng = seed;
	init();
	for (i = 0; i < n; i++)
		start(&readers[i], i, seed);
	clock_gettime(CLOCK_MONOTONIC, &from);
	do {
		for (i = 0; i < 64; i++)
			step();
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (now.tv_sec - from.tv_sec < (time_t)seconds && !atomic_load(&bad));
	atomic_store(&stop, true);
	for (i = 0; i < n; i++) {
		finish(&readers[i]);
		checks += readers[i].checks;
		aborts += readers[i].aborts;
	}
	printf("%" PRIu64 " accesses checked, %" PRIu64 " aborted, during %" PRIu64
	       " changes and %" PRIu64 " syncs; %" PRIu64 " violations\n",
		checks, aborts, w.ops, w.syncs, (uint64_t)atomic_load(&bad));
	nb_smmuv3_destroy(w.smmu);
	nb_mem_remove(w.mem, &w.extent);
	nb_mem_destroy(w.mem);
	free(w.ram);
}

int main(int argc, char **argv)
{
	unsigned seconds = 3, readers = 3;
	uint64_t seed = 1;
	bool fences = false;
	int i;

	for (i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--fences"))
			fences = true;
		else if (i + 1 < argc && !strcmp(argv[i], "--seconds"))
			seconds = strtoul(argv[++i], NULL, 0);
		else if (i + 1 < argc && !strcmp(argv[i], "--seed"))
			seed = strtoull(argv[++i], NULL, 0);
		else if (i + 1 < argc && !strcmp(argv[i], "--readers"))
			readers = strtoul(argv[++i], NULL, 0);
		else
			return fprintf(stderr,
				       "usage: stress-smmu [--seconds N] [--seed N] [--fences] "
				       "[--readers N]\n"),
			       2;
	}
	port_init_process(fences);
	printf("seed %" PRIu64 ", %u readers, %s\n", seed, readers,
		port_fences ? "fences" : "membarrier");
	fflush(stdout);
	run(seconds, MIN(readers, (unsigned)MAX_READERS), seed);
	return atomic_load(&bad) != 0;
}
