/* SPDX-License-Identifier: MIT */
/*
 * R6 under attack: what ioas_unmap took from a nest parent is not touched any more, whatever stage 1
 * says. Devices do DMA; one thread owns stage 1 (tables, CD, STE, invalidations) and rewrites it
 * without pause, to pages that are there, that come and go, and that are nobody's; another maps and
 * unmaps pages of stage 2.
 *
 * A page that is unmapped is filled with poison. Poison is a valid descriptor of a page that nothing
 * else reaches, the telltale. So
 *   - poison stays as it is until the page is mapped again: nobody writes late, nor updates a descriptor,
 *   - DMA reads no poison,
 *   - DMA reads nothing of the telltale: nobody walks a page that was unmapped.
 * The same holds for what was never mapped; and what is granted for reading stays as it is.
 *
 *   stress-escape [--rounds N | --seconds N] [--seed N] [--fences] [--devices N]
 *
 * All decisions of each thread come from the seed. With fences the guest's memory is one of operations,
 * else one that is pointed to.
 */
#include <inttypes.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

#include "../unit/ioas/guest.h"
#include "tlb/port.h"

#define PAGE	    KIB(4)
#define PAGES	    64u /* of guest memory, at GUEST_IPA */
#define CD_PAGE	    0u
#define L1_PAGE	    1u
#define L2_PAGE	    2u
#define L3_PAGE	    3u /* and the next */
#define RO_PAGE	    6u /* two of them; the pages around are never mapped */
#define FIRST	    10u
#define DATA	    40u	    /* from FIRST on, that come and go */
#define SPAN	    MIB(2)  /* of IOVA, from 0 */
#define TELL_IPA    GIB(16) /* in no block that stage 1 is given */
#define TELL	    UINT64_C(0x7e117a1e7e117a1e)
#define POISON	    (TELL_IPA | 0x743)
#define RO_WORD	    UINT64_C(0x5ead0417c0de0000)
#define MAX_DEVICES 8u

static struct {
	struct rig rig;
	struct rig_umem umem, tell;
	struct busy busy;
	bool mapped[DATA];
	uint64_t maps, unmaps;
} w;

static atomic_bool stop, wanted; /* wanted: stage 2's thread waits for the lock */
static atomic_uint_fast64_t bad, tried, landed, changes;

struct thread {
	pthread_t thread;
	uint64_t rng;
	struct dma_master master;
	struct nb_smmuv3_port *port;
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

static uint64_t *word_at(unsigned page, unsigned word)
{
	return (uint64_t *)(w.umem.bytes + page * PAGE) + word;
}

static void put(unsigned page, unsigned word, uint64_t value)
{
	__atomic_store_n(word_at(page, word), value, __ATOMIC_RELEASE);
}

static uint64_t get(unsigned page, unsigned word)
{
	return __atomic_load_n(word_at(page, word), __ATOMIC_ACQUIRE);
}

static void fill(unsigned page, uint64_t value)
{
	for (unsigned i = 0; i < PAGE / 8; i++)
		put(page, i, value);
}

static void violation(const char *what, uint64_t where, uint64_t found)
{
	if (atomic_fetch_add(&bad, 1) < 10)
		printf("VIOLATION: %s: at 0x%" PRIx64 " found %" PRIx64 "\n", what, where, found);
}

static void check_page(const char *what, unsigned page, uint64_t value)
{
	for (unsigned i = 0; i < PAGE / 8; i++)
		if (get(page, i) != value)
			violation(what, GUEST_IPA + page * PAGE + 8 * i, get(page, i));
}

static uint64_t ipa_of(unsigned page)
{
	return GUEST_IPA + page * PAGE;
}

/* ---- Devices --------------------------------------------------------------------------------------- */

static uint64_t hostile_leaf(uint64_t *rng);

static void check_read(uint64_t iova, const uint64_t *words, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (words[i] == POISON || words[i] == TELL)
			violation("a device read what is not mapped", iova + 8 * i, words[i]);
}

static void one(struct thread *t)
{
	uint64_t iova = below(&t->rng, SPAN / 8) * UINT64_C(8), words[8] = { 0 };
	unsigned n = 1 + below(&t->rng, ARRAY_LEN(words));
	int ret;

	if (below(&t->rng, 8))
		iova = iova & (64 * PAGE - 1); /* where there mostly is something */
	if (below(&t->rng, 2)) {
		for (unsigned i = 0; i < n; i++)
			words[i] = hostile_leaf(&t->rng);
		ret = dma_write(&t->master, NB_IOVA(iova), words, 8 * n);
	} else {
		ret = dma_read(&t->master, NB_IOVA(iova), words, 8 * n);
		check_read(iova, words, ret ? 0 : n);
	}
	if (ret == DMA_STALLED)
		dma_forget(&t->master, &t->master.stalled);
	atomic_fetch_add_explicit(&landed, !ret, memory_order_relaxed);
	atomic_fetch_add_explicit(&tried, 1, memory_order_relaxed);
}

static void *device(void *arg)
{
	while (!atomic_load_explicit(&stop, memory_order_relaxed))
		one(arg);
	return NULL;
}

/* ---- The guest, who owns stage 1 -------------------------------------------------------------------- */

/* Guest memory mostly, mapped or not; the host's tables, other memory, the MSI page. */
static uint64_t hostile_ipa(uint64_t *rng)
{
	static const uint64_t elsewhere[] = { 0, GIB(1), GIB(1) + KIB(64), GIB(1024),
		GIB(1024) + PAGE, RIG_MSI_PAGE, GUEST_IPA - PAGE, MIB(128) };

	if (!below(rng, 8))
		return elsewhere[below(rng, ARRAY_LEN(elsewhere))];
	return ipa_of(below(rng, 4) ? FIRST + below(rng, DATA) : below(rng, PAGES));
}

/* AF, AP, attributes, now and then DBM or what is not valid. */
static uint64_t hostile_leaf(uint64_t *rng)
{
	uint64_t bits = below(rng, 8) ? 0x743 : next(rng) & 0xfff;

	return hostile_ipa(rng) | bits | (below(rng, 4) ? 0 : BIT64(51));
}

static uint64_t table(unsigned page)
{
	return ipa_of(page) | 3;
}

static void write_cd(uint64_t *rng, bool wild)
{
	uint64_t word0 = 25 | CD0_EPD1 | CD0_V | field_prep(CD0_IPS, 5) | CD0_AA64 | CD0_R | CD0_A |
			 CD0_ASET | BIT64(48);

	if (wild)
		word0 ^= BIT64(below(rng, 64));
	put(CD_PAGE, 1, ipa_of(wild && below(rng, 2) ? FIRST + below(rng, DATA) : L1_PAGE));
	put(CD_PAGE, 3, NB_PGTABLE_MAIR);
	put(CD_PAGE, 0, word0);
}

static void valid_tables(uint64_t *rng)
{
	put(L1_PAGE, 0, table(L2_PAGE));
	put(L2_PAGE, 0, table(L3_PAGE));
	for (unsigned i = 0; i < DATA; i++)
		put(L3_PAGE, i, ipa_of(FIRST + i) | 0x743);
	write_cd(rng, false);
}

static void set_ste(uint64_t *rng)
{
	static const uint64_t kinds[] = { VSTE_S1(GUEST_IPA), VSTE_S1(GUEST_IPA), VSTE_BYPASS,
		VSTE_ABORT, VSTE_S1(GUEST_IPA + FIRST * PAGE) };
	struct guest guest = { .rig = &w.rig };

	guest_set(&guest, 0, kinds[below(rng, ARRAY_LEN(kinds))], 0);
}

/* Valid ones often; any bits at all sometimes. */
static void invalidate(uint64_t *rng)
{
	static const uint64_t ops[] = { 0x05, 0x06, 0x10, 0x11, 0x12, 0x13, 0x30 };
	struct guest guest = { .rig = &w.rig };
	uint64_t word0 = ops[below(rng, ARRAY_LEN(ops))], word1 = below(rng, 64) * PAGE;

	if (word0 < 0x10)
		word0 |= w.rig.devs[0].dev.vid << 32;
	else
		word0 |= (uint64_t)below(rng, 3) << 48; /* ASID */
	if (!below(rng, 8)) {
		word0 = (next(rng) & ~UINT64_C(0xff)) | (word0 & 0xff);
		word1 = next(rng);
	}
	guest_cmd(&guest, 0, word0, word1);
}

static void calls(uint64_t *rng)
{
	if (atomic_load(&wanted))
		return;
	hostlock_lock(&w.rig.lock);
	busy_begin(&w.rig.lock, &w.busy);
	if (below(rng, 6))
		invalidate(rng);
	else
		set_ste(rng);
	busy_end(&w.rig.lock, &w.busy);
	hostlock_unlock(&w.rig.lock);
}

static void attack(uint64_t *rng)
{
	unsigned any = FIRST + below(rng, DATA);

	switch (below(rng, 128)) {
	case 0:
	case 8:
	case 9:
	case 10:
		valid_tables(rng);
		break;
	case 1:
		put(L2_PAGE, 0, table(below(rng, 2) ? any : L3_PAGE + below(rng, 2)));
		break;
	case 2:
		put(L1_PAGE, 0, table(below(rng, 2) ? any : L2_PAGE));
		break;
	case 3:
		put(L2_PAGE, 0, (below(rng, 2) ? GUEST_IPA : hostile_ipa(rng)) | 0x741);
		break;
	case 4:
		write_cd(rng, below(rng, 2));
		break;
	case 5:
	case 6:
	case 7:
		calls(rng);
		break;
	default:
		put(L3_PAGE + !below(rng, 8), below(rng, 64), hostile_leaf(rng));
	}
	atomic_fetch_add_explicit(&changes, 1, memory_order_relaxed);
}

static void *guest(void *arg)
{
	struct thread *t = arg;

	while (!atomic_load_explicit(&stop, memory_order_relaxed))
		attack(&t->rng);
	return NULL;
}

/* ---- Stage 2 ----------------------------------------------------------------------------------------- */

/* Pages of the guest [page, page + n), by the call that says how it went. */
static int map(unsigned page, unsigned n, unsigned prot)
{
	return rig_map(&w.rig, &w.umem, ipa_of(page), page * PAGE, n * PAGE, prot);
}

static void toggle(unsigned i)
{
	unsigned page = FIRST + i;

	if (w.mapped[i]) {
		if (ioas_unmap(w.rig.ioas, ipa_of(page), ipa_of(page) + PAGE - 1) != PAGE)
			violation("an unmap of another size", ipa_of(page), 0);
		fill(page, POISON);
		w.unmaps++;
	} else {
		check_page("a page was written after its unmap", page, POISON);
		fill(page, 0);
		nb_assert(!map(page, 1, IOMMU_READ | IOMMU_WRITE));
		w.maps++;
	}
	w.mapped[i] = !w.mapped[i];
}

/* Until devices have tried some more: all of them run, however few the processors. */
static void let_run(void)
{
	uint64_t from = atomic_load(&tried);

	while (atomic_load(&tried) < from + 16)
		sched_yield();
}

static void rounds(uint64_t *rng, uint64_t n, unsigned seconds)
{
	struct timespec from, now;
	unsigned k;
	uint64_t i;

	clock_gettime(CLOCK_MONOTONIC, &from);
	for (i = 0; (seconds || i < n) && !atomic_load(&bad); i++) {
		atomic_store(&wanted, true);
		hostlock_lock(&w.rig.lock);
		busy_begin(&w.rig.lock, &w.busy);
		atomic_store(&wanted, false);
		for (k = below(rng, 8); k < 8; k++)
			toggle(below(rng, DATA));
		busy_end(&w.rig.lock, &w.busy);
		hostlock_unlock(&w.rig.lock);
		let_run();
		clock_gettime(CLOCK_MONOTONIC, &now);
		if (seconds && now.tv_sec - from.tv_sec >= (time_t)seconds)
			break;
	}
}

/* ---- Guest memory by words, all atomic: for ThreadSanitizer, and without pointers into it ------------- */

static int read_words(void *ctx, uint64_t off, void *buf, size_t len)
{
	const uint8_t *from = w.umem.bytes + off;
	uint64_t word;
	size_t i;

	nb_assert(!((off | len) & 7));
	for (i = 0; i < len; i += 8) {
		word = __atomic_load_n((const uint64_t *)(from + i), __ATOMIC_ACQUIRE);
		memcpy((uint8_t *)buf + i, &word, 8);
	}
	return 0;
}

static int write_words(void *ctx, uint64_t off, const void *buf, size_t len, uint32_t sid)
{
	uint8_t *to = w.umem.bytes + off;
	uint64_t word;
	size_t i;

	nb_assert(!((off | len) & 7));
	for (i = 0; i < len; i += 8) {
		memcpy(&word, (const uint8_t *)buf + i, 8);
		__atomic_store_n((uint64_t *)(to + i), word, __ATOMIC_RELEASE);
	}
	return 0;
}

static int load_word(void *ctx, uint64_t off, uint64_t *value)
{
	return read_words(ctx, off, value, 8);
}

static const struct nb_mem_ops words_ops = {
	.read = read_words, .write = write_words, .load64 = load_word
};

/* ---- Setting up, and looking at it at the end ---------------------------------------------------------- */

static uint64_t first_word(unsigned page)
{
	if (page < L3_PAGE + 2)
		return 0;
	return page == RO_PAGE || page == RO_PAGE + 1 ? RO_WORD : POISON;
}

static void init(uint64_t *rng)
{
	static const struct nb_smmuv3_config config = { 0 };
	unsigned i;

	rig_init(&w.rig, &config, 1);
	nb_assert(!rig_attach(&w.rig, 0, IOMMU_DOMAIN_NEST_PARENT));
	rig_umem_init(&w.umem, PAGES * PAGE);
	if (port_fences)
		w.umem.umem.ops = &words_ops;
	rig_umem_init(&w.tell, PAGE);
	for (i = 0; i < PAGES; i++)
		fill(i, first_word(i));
	for (i = 0; i < PAGE / 8; i++)
		((uint64_t *)w.tell.bytes)[i] = TELL;
	nb_assert(!map(CD_PAGE, L3_PAGE + 2, IOMMU_READ | IOMMU_WRITE));
	nb_assert(!map(RO_PAGE, 2, IOMMU_READ));
	nb_assert(!rig_map(&w.rig, &w.tell, TELL_IPA, 0, PAGE, IOMMU_READ | IOMMU_WRITE));
	for (i = 0; i < DATA; i += 2)
		toggle(i);
	valid_tables(rng);
	for (i = 0; i < 4; i++)
		set_ste(rng);
	hostlock_unlock(&w.rig.lock);
}

static void finish(void)
{
	unsigned i;

	hostlock_lock(&w.rig.lock);
	rig_detach(&w.rig, 0);
	for (i = 0; i < DATA; i++)
		if (!w.mapped[i])
			check_page("a page was written after its unmap", FIRST + i, POISON);
	check_page("a page for reading was written", RO_PAGE, RO_WORD);
	check_page("a page for reading was written", RO_PAGE + 1, RO_WORD);
	for (i = L3_PAGE + 2; i < PAGES; i++)
		if (i != RO_PAGE && i != RO_PAGE + 1 && (i < FIRST || i >= FIRST + DATA))
			check_page("a page that was never mapped was written", i, POISON);
	rig_finish(&w.rig);
	rig_umem_finish(&w.umem);
	rig_umem_finish(&w.tell);
}

static void start(struct thread *t, uint64_t seed)
{
	const struct rig_dev *dev = &w.rig.devs[0];

	*t = (struct thread){ .rng = seed };
	t->port = nb_smmuv3_port_create(w.rig.models[0], dev->dev.sid);
	nb_assert(t->port && !dma_master_init(&t->master, w.rig.mem));
	t->master.translate = smmuv3_translate;
	t->master.ctx = w.rig.models[0];
	t->master.port = smmuv3_port(t->port);
	t->master.sid = dev->dev.sid;
	t->master.enabled = true;
	nb_assert(!pthread_create(&t->thread, NULL, device, t));
}

static void end(struct thread *t)
{
	pthread_join(t->thread, NULL);
	nb_smmuv3_port_destroy(t->port);
	dma_master_finish(&t->master);
}

static void run(uint64_t n, unsigned seconds, unsigned devices, uint64_t seed)
{
	struct thread threads[MAX_DEVICES], owner = { .rng = seed ^ 0x5a5a };
	unsigned i;

	init(&seed);
	for (i = 0; i < devices; i++)
		start(&threads[i], seed + i + 1);
	nb_assert(!pthread_create(&owner.thread, NULL, guest, &owner));
	rounds(&seed, n, seconds);
	atomic_store(&stop, true);
	pthread_join(owner.thread, NULL);
	for (i = 0; i < devices; i++)
		end(&threads[i]);
	finish();
	printf("%" PRIu64 " DMAs, of which %" PRIu64 " landed, during %" PRIu64
	       " changes of stage 1 and %" PRIu64 " unmaps; %" PRIu64 " violations\n",
		(uint64_t)tried, (uint64_t)landed, (uint64_t)changes, w.unmaps, (uint64_t)bad);
}

int main(int argc, char **argv)
{
	uint64_t seed = 1, n = 3000;
	unsigned seconds = 0, devices = 2;
	bool fences = false;
	int i;

	for (i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--fences"))
			fences = true;
		else if (i + 1 < argc && !strcmp(argv[i], "--rounds"))
			n = strtoull(argv[++i], NULL, 0);
		else if (i + 1 < argc && !strcmp(argv[i], "--seconds"))
			seconds = strtoul(argv[++i], NULL, 0);
		else if (i + 1 < argc && !strcmp(argv[i], "--seed"))
			seed = strtoull(argv[++i], NULL, 0);
		else if (i + 1 < argc && !strcmp(argv[i], "--devices"))
			devices = strtoul(argv[++i], NULL, 0);
		else
			return fprintf(stderr,
				       "usage: stress-escape [--rounds N | --seconds N] [--seed N] "
				       "[--fences] [--devices N]\n"),
			       2;
	}
	port_init_process(fences);
	printf("seed %" PRIu64 ", %u devices, %s\n", seed, devices,
		port_fences ? "fences" : "membarrier");
	fflush(stdout);
	run(n, seconds, MAX(1u, MIN(devices, MAX_DEVICES)), seed);
	return atomic_load(&bad) != 0;
}
