/* SPDX-License-Identifier: MIT */
/*
 * Escape: an attacker that owns stage 1 (tables, CDs, the STE, invalidations, responses) and devices,
 * against the host's driver and an SMMUv3. Beside it, behind the same SMMU, is a victim with memory of
 * its own. An input is a head and records of one size, each an operation.
 *
 * Oracles:
 *  - what a device reads is in a page that is granted, at that offset;
 *  - nothing but pages granted for writing changes: not what is granted for reading, what is not granted
 *    any more or never was, nor the victim's; no device's word is in the host's tables and queues;
 *  - canaries are valid descriptors of a page that nothing else reaches (the telltale), and no device
 *    reads that: nobody walks tables outside the grant;
 *  - no access is translated to where no memory is;
 *  - the victim's DMA goes on as if nobody else were there.
 *
 *   fuzz-escape FILE runs one input again; with ESCAPE_WORDS set, it says what the operations are.
 */
#include <stdio.h>

#include "../test/unit/ioas/guest.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);
size_t LLVMFuzzerMutate(uint8_t *bytes, size_t len, size_t max);
size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t len, size_t max, unsigned seed);

#define PAGE	  KIB(4)
#define PAGES	  32u /* of guest memory */
#define L1_PAGE	  1u  /* page 0: CDs, or level 1 of them */
#define L2_PAGE	  2u
#define L3_PAGE	  3u
#define CDS_PAGE  4u  /* of two-level CD tables */
#define FIXED	  8u  /* pages that are always granted */
#define COMING	  16u /* and the next, which come and go */
#define RO_PAGE	  26u /* around it is nothing */
#define TELL_IPA  GIB(16)
#define TELL	  UINT64_C(0x7e117a1e7e117a1e)
#define CANARY	  (TELL_IPA | 0x743)
#define MARK	  UINT64_C(0xd3c0ded3c0ded300) /* what devices write: no descriptor */
#define SCANNED	  MIB(2)		       /* of the host's RAM: what is in use, and more */
#define MAX_RECS  128
#define VICTIM_AT GIB(2)

struct rec {
	uint8_t op, a, b, c;
	uint32_t d;
	uint64_t x;
};
_Static_assert(sizeof(struct rec) == 16, "bytes of inputs");

static struct {
	struct rig rig;
	struct rig_umem umem, tell, theirs;
	struct ioas *victim;
	struct guest guest;
	bool granted[PAGES];
	bool words;
} w;

static uint64_t *word_at(unsigned page, unsigned word)
{
	return (uint64_t *)(w.umem.bytes + page % PAGES * PAGE) + word % 512;
}

static uint64_t ipa_of(unsigned page)
{
	return GUEST_IPA + page * PAGE;
}

static _Noreturn void found(const char *what, uint64_t where, uint64_t value)
{
	fprintf(stderr, "ERROR: %s: at 0x%llx, 0x%llx\n", what, (unsigned long long)where,
		(unsigned long long)value);
	abort();
}

/* ---- the world ---- */

static void fill(uint8_t *bytes, uint64_t value)
{
	for (unsigned i = 0; i < 512; i++)
		memcpy(bytes + 8 * i, &value, 8);
}

/* Each word differs, and is no valid descriptor. */
static void fill_own(unsigned page)
{
	for (unsigned i = 0; i < 512; i++)
		*word_at(page, i) = (uint64_t)(page + 1) << 48 | i << 16 | 0x2e;
}

static void write_cd(unsigned page, unsigned n)
{
	*word_at(page, 8 * n + 1) = ipa_of(L1_PAGE);
	*word_at(page, 8 * n + 3) = NB_PGTABLE_MAIR;
	*word_at(page, 8 * n) = 25 | CD0_EPD1 | CD0_V | field_prep(CD0_IPS, 5) | CD0_AA64 | CD0_R |
				CD0_A | CD0_ASET | field_prep(CD0_ASID, n + 1);
}

/* What the attacker begins with, and may go back to. */
static void valid_tables(void)
{
	for (unsigned i = 0; i < 4; i++) {
		write_cd(0, i);
		write_cd(CDS_PAGE, i);
	}
	*word_at(L1_PAGE, 0) = ipa_of(L2_PAGE) | 3;
	*word_at(L2_PAGE, 0) = ipa_of(L3_PAGE) | 3;
	for (unsigned i = 0; i < PAGES; i++)
		*word_at(L3_PAGE, i) = ipa_of(i) | 0x743;
}

static void grant(unsigned page, unsigned prot)
{
	fill_own(page);
	if (rig_map(&w.rig, &w.umem, ipa_of(page), page * PAGE, PAGE, prot))
		found("a page cannot be mapped", ipa_of(page), 0);
	w.granted[page] = true;
}

static void take_back(unsigned page)
{
	if (ioas_unmap(w.rig.ioas, ipa_of(page), ipa_of(page) + PAGE - 1) != PAGE)
		found("an unmap of another size", ipa_of(page), 0);
	fill(w.umem.bytes + page * PAGE, CANARY);
	w.granted[page] = false;
}

/* A second device behind the same SMMU, in an address space of its own. */
static void init_victim(void)
{
	struct rig *rig = &w.rig;
	struct ioas_map map = { .iova = NB_IOVA(VICTIM_AT),
		.bytes = 2 * PAGE,
		.prot = IOMMU_READ | IOMMU_WRITE,
		.umem = &w.theirs.umem };

	rig->iommus[1] = rig->iommus[0];
	rig->models[1] = rig->models[0];
	rig_add_device(rig, 1);
	w.victim = ioas_create(&rig->env);
	rig_umem_init(&w.theirs, 2 * PAGE);
	fill(w.theirs.bytes, CANARY);
	fill(w.theirs.bytes + PAGE, CANARY);
	nb_assert(!ioas_map(w.victim, &map, NULL));
	nb_assert(
		!ioas_attach_group(w.victim, &rig->devs[1].group, IOMMU_DOMAIN_NEST_PARENT, NULL));
}

static void aborted(void *ctx, const struct dma_abort *abort)
{
	found("an access was translated to where no memory is", abort->iova.v, abort->pa.v);
}

static void init(const uint8_t *head)
{
	struct nb_smmuv3_config config = { .ssid_bits = head[0] & 1 ? 8 : 0,
		.granules = head[0] & 2 ? 7 : 1,
		.stall_model = head[1] % 2, /* forced: no driver */
		.httu = head[2] % 3,
		.no_ril = head[3] & 1,
		.ats = head[3] & 2 };

	memset(&w, 0, sizeof(w));
	w.words = getenv("ESCAPE_WORDS");
	rig_init(&w.rig, &config, 1);
	w.guest.rig = &w.rig;
	w.rig.devs[0].master.aborted = aborted;
	rig_umem_init(&w.umem, PAGES * PAGE);
	rig_umem_init(&w.tell, PAGE);
	fill(w.tell.bytes, TELL);
	for (unsigned i = 0; i < PAGES; i++)
		fill(w.umem.bytes + i * PAGE, CANARY);
	nb_assert(!rig_attach(&w.rig, 0, IOMMU_DOMAIN_NEST_PARENT));
	init_victim();
	for (unsigned i = 0; i < FIXED; i++)
		grant(i, IOMMU_READ | IOMMU_WRITE);
	grant(COMING, IOMMU_READ | IOMMU_WRITE);
	grant(RO_PAGE, IOMMU_READ);
	nb_assert(!rig_map(&w.rig, &w.tell, TELL_IPA, 0, PAGE, IOMMU_READ));
	valid_tables();
	guest_set(&w.guest, 0, VSTE_S1(GUEST_IPA), 0);
}

/* ---- oracles ---- */

static void check_same(const uint8_t *bytes, uint64_t value, const char *what)
{
	for (unsigned i = 0; i < 512; i++)
		if (memcmp(bytes + 8 * i, &value, 8))
			found(what, 8 * i, ((const uint64_t *)bytes)[i]);
}

static void check_memory(void)
{
	for (unsigned i = 0; i < PAGES; i++)
		if (!w.granted[i])
			check_same(w.umem.bytes + i * PAGE, CANARY, "a page that is not granted");
	for (unsigned i = 0; i < 512; i++)
		if (*word_at(RO_PAGE, i) != ((uint64_t)(RO_PAGE + 1) << 48 | i << 16 | 0x2e))
			found("a page granted for reading", 8 * i, *word_at(RO_PAGE, i));
	check_same(w.theirs.bytes, CANARY, "the victim's page");
	check_same(w.theirs.bytes + PAGE, CANARY, "the victim's page");
	check_same(w.tell.bytes, TELL, "the telltale");
}

static void check_host(void)
{
	const uint64_t *ram = ram_ptr(w.rig.ram, NB_PA(GIB(1)));

	for (unsigned i = 0; i < SCANNED / 8; i++)
		if (ram[i] == MARK)
			found("a device wrote to the host's RAM", GIB(1) + 8 * (uint64_t)i, MARK);
}

static void check_read(uint64_t iova, uint64_t value)
{
	for (unsigned i = 0; i < PAGES; i++)
		if (w.granted[i] && *word_at(i, iova / 8 % 512) == value)
			return;
	found("a device read what is in no page that is granted", iova, value);
}

/* ---- operations ---- */

/* The guest's pages, granted or not; and what is the host's or another's. */
static uint64_t address(uint8_t pick, uint64_t x)
{
	static const uint64_t others[] = { GIB(1), GIB(1) + KIB(8), GIB(1) + KIB(64), GIB(1024),
		GIB(1024) + PAGE, RIG_MSI_PAGE, GUEST_IPA - PAGE, 0x8000000 };

	if (pick < 160)
		return ipa_of(pick % PAGES);
	if (pick < 224)
		return others[pick % ARRAY_LEN(others)] + (x % 64) * PAGE;
	return x & ~(PAGE - 1) & MASK64(47, 0);
}

static uint64_t not_telling(uint64_t value)
{
	/* The telltale is the canaries' alone: no descriptor of it, nor of a block that holds it. */
	return (value & MASK64(47, 30)) >> 34 == 1 ? value & ~BIT64(34) : value;
}

static void store(unsigned page, unsigned word, uint64_t value)
{
	if (w.granted[page % PAGES] && page % PAGES != RO_PAGE && value != MARK)
		*word_at(page, word) = not_telling(value);
}

static void op_store(const struct rec *r)
{
	store(r->a, r->d, r->x);
}

static void op_descriptor(const struct rec *r)
{
	static const uint64_t bits[] = { 0x743, 0x7c3, 0x3, 0x741, 0x343, 0x8000000000743 };
	uint64_t attrs = bits[r->d % ARRAY_LEN(bits)];

	store(L1_PAGE + r->a % 3, r->a & 128 ? r->b : r->b % 8, address(r->c, r->x) | attrs);
}

static void op_flip(const struct rec *r)
{
	unsigned page = r->a % CDS_PAGE, word = r->b % 32;

	store(page, word, *word_at(page, word) ^ BIT64(r->c % 64));
}

static uint64_t iova_of(const struct rec *r)
{
	if (r->a & 64)
		return r->x & ~UINT64_C(7);
	return r->a & 32 ? address(r->b, r->x) + r->d % 512 * 8 : r->b % 64 * PAGE + r->d % 512 * 8;
}

static int dma(const struct rec *r, bool write, uint64_t *word)
{
	struct dma_master *master = &w.rig.devs[0].master;
	int ret;

	master->ssid_valid = r->a & 1;
	master->ssid = r->a & 1 ? r->c & 7 : 0;
	ret = rig_dma(&w.rig, 0, iova_of(r), word, 8, write);
	if (ret == DMA_STALLED)
		dma_forget(master, &master->stalled);
	return ret;
}

static void op_read(const struct rec *r)
{
	uint64_t word = 0;

	if (!dma(r, false, &word))
		check_read(iova_of(r), word);
}

static void op_write(const struct rec *r)
{
	uint64_t word = MARK;

	dma(r, true, &word);
}

static void op_ste(const struct rec *r)
{
	static const uint64_t kinds[] = { VSTE_S1(GUEST_IPA), VSTE_BYPASS, VSTE_ABORT,
		VSTE_S1(GUEST_IPA) | UINT64_C(2) << 59 };
	uint64_t word0 = kinds[r->a % ARRAY_LEN(kinds)];

	if (r->a & 64)
		word0 ^= BIT64(r->b % 64);
	if (r->a & 128)
		word0 = r->x;
	guest_set(&w.guest, 0, word0, r->c & 1 ? r->x : (uint64_t)r->d);
}

/* What the driver made of a guest's commands names no VMID, and no stream, but the guest's. */
static void check_commands(uint64_t from)
{
	const struct iommu_device *dev = &w.rig.devs[0].dev;
	const struct smmu_cmdq *cmdq = &to_smmu(dev->iommu)->cmdq;
	uint16_t vmid = to_smmu_domain(iommu_nest_parent((struct iommu_device *)dev))->id;

	for (; from != cmdq->prod; from++) {
		uint64_t word = cmdq->entries[2 * (from & (BIT64(cmdq->size_lg2) - 1))];
		unsigned op = word & 0xff;

		if (op >= 0x10 && op <= 0x13 && (uint16_t)(word >> 32) != vmid)
			found("a command with another's VMID", op, word);
		if ((op == 5 || op == 6) && word >> 32 != dev->sid)
			found("a command with another's StreamID", op, word);
		if (op != 5 && op != 6 && op != 0x46 && (op < 0x10 || op > 0x13))
			found("a command that no guest may give", op, word);
	}
}

static void op_command(const struct rec *r)
{
	uint64_t from = to_smmu(w.rig.iommus[0])->cmdq.prod;
	static const uint8_t ops[] = { 0x05, 0x06, 0x10, 0x11, 0x12, 0x13, 0x30, 0x03, 0x2a, 0x46 };
	uint64_t word0 = r->a & 128 ? r->x : ops[r->a % ARRAY_LEN(ops)];

	/* As often as not what it may name: its own StreamID, ASIDs that there are. */
	if (r->b & 4)
		word0 |= (word0 & 0xff) < 0x10 ? w.rig.devs[0].dev.vid << 32
					       : (uint64_t)(r->d % 5) << 48;
	else
		word0 |= (uint64_t)r->d << 32;
	guest_cmd(&w.guest, 0, word0, r->b & 1 ? r->x : r->c % 64 * PAGE | (r->b & 2) >> 1);
	check_commands(from);
}

/* A device uses the page, so that it is cached; and again when it is gone. */
static void op_stage2(const struct rec *r)
{
	unsigned page = COMING + r->a % 8;
	struct rec use = { .a = r->c & 1, .b = page, .c = r->c, .d = r->d };

	if (w.granted[page]) {
		op_read(&use);
		take_back(page);
		op_read(&use);
		op_write(&use);
	} else {
		grant(page, IOMMU_READ | IOMMU_WRITE);
	}
}

static void op_valid(const struct rec *r)
{
	valid_tables();
	guest_set(&w.guest, 0, VSTE_S1(GUEST_IPA), 0);
	guest_cmd(&w.guest, 0, 0x30, 0);
}

static void op_respond(const struct rec *r)
{
	iommu_page_response(&w.rig.devs[0].dev, r->x, r->a & 1);
}

static void op_victim(const struct rec *r)
{
	uint64_t word = 0, iova = VICTIM_AT + r->b % 2 * PAGE + r->d % 512 * 8;

	if (rig_dma(&w.rig, 1, iova, &word, 8, false) || word != CANARY)
		found("the victim's DMA", iova, word);
}

static const struct {
	const char *name;
	void (*run)(const struct rec *r);
} ops[] = {
	{ "store", op_store },
	{ "descriptor", op_descriptor },
	{ "flip", op_flip },
	{ "read", op_read },
	{ "write", op_write },
	{ "ste", op_ste },
	{ "command", op_command },
	{ "stage2", op_stage2 },
	{ "valid", op_valid },
	{ "respond", op_respond },
	{ "victim", op_victim },
};

static void run(const struct rec *r)
{
	const char *name = ops[r->op % ARRAY_LEN(ops)].name;

	if (w.words)
		printf("%s %u %u %u 0x%x 0x%llx\n", name, r->a, r->b, r->c, r->d,
			(unsigned long long)r->x);
	ops[r->op % ARRAY_LEN(ops)].run(r);
}

static void finish(void)
{
	op_victim(&(struct rec){ 0 });
	check_memory();
	check_host();
	rig_detach(&w.rig, 0);
	ioas_detach_group(w.victim, &w.rig.devs[1].group);
	ioas_destroy(w.victim);
	nb_smmuv3_port_destroy(smmuv3_port_of(w.rig.devs[1].port));
	dma_master_finish(&w.rig.devs[1].master);
	w.rig.iommus[1] = NULL;
	rig_finish(&w.rig);
	rig_umem_finish(&w.umem);
	rig_umem_finish(&w.tell);
	rig_umem_finish(&w.theirs);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct rec rec;

	if (len < 8 + sizeof(rec))
		return 0;
	init(bytes);
	len = MIN(len, 8 + MAX_RECS * sizeof(rec));
	for (size_t at = 8; at + sizeof(rec) <= len; at += sizeof(rec)) {
		memcpy(&rec, bytes + at, sizeof(rec));
		run(&rec);
	}
	finish();
	return 0;
}

/* ---- inputs ---- */

static uint64_t rng;

/* splitmix64 */
static uint64_t next(void)
{
	uint64_t z = (rng += 0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

/* Half of all are DMA: what else is done shows there. */
static struct rec any_rec(void)
{
	uint64_t bits = next();
	struct rec r = { .op = bits & 1 ? 3 + (bits >> 1 & 1) : bits >> 8,
		.a = bits >> 16,
		.b = bits >> 24,
		.c = bits >> 32,
		.d = bits >> 40,
		.x = next() };

	if (bits & 4)
		r.a &= 0x1f;
	return r;
}

/* Whole records come, go and change places; what is in one changes as libFuzzer has it. */
size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t len, size_t max, unsigned seed)
{
	size_t n = len > 8 ? (len - 8) / sizeof(struct rec) : 0, most, at;
	struct rec *recs = (struct rec *)(bytes + 8);

	rng = seed;
	most = max > 8 ? MIN((max - 8) / sizeof(*recs), (size_t)MAX_RECS) : 0;
	if (!most)
		return LLVMFuzzerMutate(bytes, len, max);
	if (len < 8)
		memset(bytes, 0, 8);
	for (; n < MIN(most, (size_t)24); n++)
		recs[n] = any_rec();
	at = next() % n;
	switch (next() % 6) {
	case 0:
		bytes[next() % 4] = next();
		break;
	case 1:
		LLVMFuzzerMutate((uint8_t *)&recs[at], sizeof(*recs), sizeof(*recs));
		break;
	case 2:
		memmove(&recs[at], &recs[at + 1], (--n - at) * sizeof(*recs));
		break;
	case 3:
		recs[at] = recs[next() % n];
		break;
	case 4:
		recs[at] = any_rec();
		break;
	default:
		for (at = next() % 16; at && n < most; at--)
			recs[n++] = any_rec();
	}
	return 8 + n * sizeof(*recs);
}
