/* SPDX-License-Identifier: MIT */
/*
 * A DMA engine behind the real SMMU, with a guest's stage 1 whose CD lets faults stall (CD.S). The guest
 * maps the page and answers, or does not; stage 2 goes away meanwhile; the device is reset. Nobody waits
 * for what is stalled (R6).
 */
#include "rig.h"

#include "abi/arm_smmuv3.h"
#include "dev/ioat/regs.h"
#include "dev/models.h"
#include "pci/pci.h"

#define GUEST	    UINT64_C(0x40000000) /* where the guest's memory is: an IPA */
#define GUEST_BYTES KIB(256)
#define VA	    UINT64_C(0x40400000) /* entries 0, 1, 2 and 0 on of the four levels */
#define PASID	    5
#define STALL_MAX   255

/* Pages of the guest's memory. */
enum {
	CDS,
	L0,
	L1,
	L2,
	L3,
	/* At VA, in this order. */
	RING,
	SRC,
	SRC2,
	DST,
	DST2,
	STATUS,
	PAGES
};

#define PAGE(i)	   ((uint64_t)(i)*4096)
#define VA_OF(i)   (VA + PAGE((i)-RING))
#define TABLE(i)   (GUEST + PAGE(i) + 3)
#define LEAF(i)	   (GUEST + PAGE(i) + 0xc43)
#define COPY_BYTES 6000
#define COPY_AT	   500 /* in the first page */

/* T0SZ 16, EPD1, V, IPS 48 bits, AA64, S, R, A. */
#define CD0                                                                                        \
	(16 | BIT64(30) | BIT64(31) | UINT64_C(5) << 32 | BIT64(41) | BIT64(44) | BIT64(45) |      \
		BIT64(46))

struct bench {
	struct rig rig;
	struct rig_umem umem;
	struct pci_dev pci;
	unsigned pasid;
};

static uint64_t *guest(struct bench *b, unsigned page)
{
	return (uint64_t *)(b->umem.bytes + PAGE(page));
}

static void map_page(struct bench *b, unsigned page, bool mapped)
{
	guest(b, L3)[page - RING] = mapped ? LEAF(page) : 0;
}

/* The guest's tables, for its PASID or for none. */
static void fill_guest(struct bench *b)
{
	uint64_t *cd = guest(b, CDS) + 8 * (b->pasid % 8);

	cd[0] = CD0;
	cd[1] = GUEST + PAGE(L0);
	guest(b, L0)[0] = TABLE(L1);
	guest(b, L1)[1] = TABLE(L2);
	guest(b, L2)[2] = TABLE(L3);
	for (unsigned i = RING; i < PAGES; i++)
		map_page(b, i, true);
	for (unsigned i = 0; i < 8192; i++)
		((uint8_t *)guest(b, SRC))[i] = (uint8_t)(i * 7 + i / 256);
}

static void nest(struct bench *b)
{
	struct abi_smmuv3_ste ste = {
		{ STE0_V | field_prep(STE0_CONFIG, STE_CONFIG_S1) | (GUEST + PAGE(CDS)), 0 }
	};
	struct iommu_user_data data = { IOMMU_DATA_ARM_SMMUV3, &ste, sizeof(ste), 1 };

	if (b->pasid)
		ste.word[0] |= field_prep(STE0_S1CDMAX, 3);
	assert_int_equal(rig_attach(&b->rig, 0, IOMMU_DOMAIN_NEST_PARENT), 0);
	assert_int_equal(ioas_nest_device(b->rig.ioas, &b->rig.devs[0].dev, &data, NULL), 0);
}

static void begin_with(struct bench *b, unsigned ssid_bits, unsigned pasid)
{
	const struct nb_smmuv3_config config = { .stall_model = NB_SMMUV3_STALL_ALLOWED,
		.ssid_bits = ssid_bits };
	const uint64_t options[] = { 0x34, 1, 20, 1, 4, 1, pasid };
	struct error error = { 0 };

	memset(b, 0, sizeof(*b));
	b->pasid = pasid;
	rig_init(&b->rig, &config, 1);
	rig_umem_init(&b->umem, GUEST_BYTES);
	assert_int_equal(
		rig_map(&b->rig, &b->umem, GUEST, 0, GUEST_BYTES, IOMMU_READ | IOMMU_WRITE), 0);
	fill_guest(b);
	nest(b);
	assert_int_equal(pci_dev_init(&b->pci, dev_model_find("ioat"), "0000:01:00.0", options,
				 b->rig.mem, &error),
		0);
	b->pci.master.translate = smmuv3_translate;
	b->pci.master.forget = smmuv3_forget;
	b->pci.master.ctx = b->rig.models[0];
	b->pci.master.port = b->rig.devs[0].port;
	assert_int_equal(b->pci.master.sid, b->rig.devs[0].dev.sid);
	b->pci.opens = 1;
	pci_config_write(&b->pci, 4, 0x0006, 2);
}

static void begin(struct bench *b)
{
	begin_with(b, 0, 0);
}

static void detach(struct bench *b)
{
	rig_detach(&b->rig, 0);
}

static void finish(struct bench *b)
{
	pci_dev_finish(&b->pci);
	if (b->rig.devs[0].dev.domain)
		detach(b);
	ioas_unmap(b->rig.ioas, 0, UINT64_MAX);
	rig_umem_finish(&b->umem);
	rig_finish(&b->rig);
}

static void wr(struct bench *b, unsigned reg, uint64_t val, unsigned size)
{
	pci_bar_write(&b->pci, 0, IOAT_CHANNEL_BYTES + reg, val, size);
}

static uint64_t rd(struct bench *b, unsigned reg, unsigned size)
{
	return pci_bar_read(&b->pci, 0, IOAT_CHANNEL_BYTES + reg, size);
}

/* Step, as the poller does it, until there is nothing to do. */
static void settle(struct bench *b)
{
	hostlock_unlock(&b->rig.lock);
	while (pci_dev_step(&b->pci, 65536))
		;
	hostlock_lock(&b->rig.lock);
	assert_false(atomic_load(&b->rig.devs[0].port->seq) & 1);
}

/* One descriptor: over two pages of the source, and two others of the destination. */
static void submit(struct bench *b)
{
	struct ioat_desc *desc = (struct ioat_desc *)guest(b, RING);

	*desc = (struct ioat_desc){ .size = COPY_BYTES,
		.control = IOAT_DESC_COMPLETION,
		.src = VA_OF(SRC) + COPY_AT,
		.dst = VA_OF(DST) + COPY_AT + 8,
		.next = VA_OF(RING) };
	memset(guest(b, DST), 0, 8192);
	*guest(b, STATUS) = 0;
	b->rig.faults = 0;
	wr(b, IOAT_CHANCMD, IOAT_CHANCMD_RESET, 1);
	wr(b, IOAT_CHAINADDR, VA_OF(RING), 8);
	wr(b, IOAT_CHANCMP, VA_OF(STATUS), 8);
	wr(b, IOAT_CHANCTRL, IOAT_CHANCTRL_ERR_COMPLETION, 2);
	wr(b, IOAT_DMACOUNT, 1, 2);
	settle(b);
}

static void assert_copied(struct bench *b)
{
	assert_memory_equal((uint8_t *)guest(b, DST) + COPY_AT + 8,
		(uint8_t *)guest(b, SRC) + COPY_AT, COPY_BYTES);
	assert_int_equal(*guest(b, STATUS), VA_OF(RING) | IOAT_IDLE);
	assert_int_equal(rd(b, IOAT_CHANERR, 4), 0);
}

/* What was missing, as its fault tells. */
static void assert_stalled(struct bench *b, unsigned page)
{
	const struct iommu_fault *fault = &b->rig.fault;

	assert_int_equal(b->rig.faults, 1);
	assert_true(fault->stalled);
	assert_string_equal(fault->name, "F_TRANSLATION");
	assert_int_equal(fault->stage, 1);
	assert_int_equal(align_down(fault->iova, 4096), VA_OF(page));
	assert_int_equal(fault->sid, b->rig.devs[0].dev.sid);
	assert_int_equal(fault->ssid_valid, b->pasid != 0);
	assert_int_equal(fault->ssid, b->pasid);
	b->rig.faults = 0;
}

static void answer(struct bench *b, enum iommu_response response)
{
	iommu_page_response(&b->rig.devs[0].dev, b->rig.fault.tag, response);
	settle(b);
}

/* Each page in turn is missing, and what is an error of it. */
static const struct {
	unsigned page;
	uint32_t error;
} pages[] = {
	{ RING, IOAT_ERR_CHAIN_ADDR },
	{ SRC, IOAT_ERR_SRC_ADDR },
	{ SRC2, IOAT_ERR_SRC_ADDR },
	{ DST, IOAT_ERR_DST_ADDR },
	{ DST2, IOAT_ERR_DST_ADDR },
	{ STATUS, IOAT_ERR_COMPLETION },
};

static void invalidate(struct bench *b)
{
	struct abi_smmuv3_cmd cmd = { { CMD_NH_ALL, 0 } };
	struct iommu_user_data data = { IOMMU_DATA_ARM_SMMUV3, &cmd, sizeof(cmd), 1 };
	unsigned done;

	assert_int_equal(iommu_viommu_invalidate(b->rig.devs[0].dev.viommu, &data, &done, NULL), 0);
}

static void take_away(struct bench *b, unsigned page)
{
	map_page(b, page, false);
	invalidate(b);
}

static void test_retry(void **state)
{
	struct bench b;

	begin(&b);
	submit(&b);
	assert_copied(&b);
	for (unsigned i = 0; i < ARRAY_LEN(pages); i++) {
		take_away(&b, pages[i].page);
		submit(&b);
		assert_stalled(&b, pages[i].page);
		settle(&b); /* asking again makes no second event */
		assert_int_equal(b.rig.faults, 0);
		answer(&b, IOMMU_RESPONSE_RETRY); /* too early */
		assert_stalled(&b, pages[i].page);
		map_page(&b, pages[i].page, true);
		settle(&b); /* nothing but the answer ends it */
		assert_int_equal(*guest(&b, STATUS), 0);
		answer(&b, IOMMU_RESPONSE_RETRY);
		assert_int_equal(b.rig.faults, 0);
		assert_copied(&b);
	}
	finish(&b);
}

static void test_abort(void **state)
{
	struct bench b;

	begin(&b);
	for (unsigned i = 0; i < ARRAY_LEN(pages); i++) {
		take_away(&b, pages[i].page);
		submit(&b);
		assert_stalled(&b, pages[i].page);
		answer(&b, IOMMU_RESPONSE_ABORT);
		while (b.rig.faults) { /* the status word that tells of the error stalls, too */
			assert_stalled(&b, STATUS);
			answer(&b, IOMMU_RESPONSE_ABORT);
		}
		assert_int_equal(rd(&b, IOAT_CHANERR, 4), pages[i].error);
		assert_int_equal(rd(&b, IOAT_CHANSTS, 8) & 7, IOAT_HALTED);
		map_page(&b, pages[i].page, true);
	}
	submit(&b);
	assert_copied(&b);
	finish(&b);
}

/* Stage 2 goes away under what is stalled: nobody waits, and it finds nothing there. */
static void test_unmap_meanwhile(void **state)
{
	struct bench b;

	for (unsigned i = 0; i < ARRAY_LEN(pages); i++) {
		begin(&b);
		take_away(&b, pages[i].page);
		submit(&b);
		assert_stalled(&b, pages[i].page);
		assert_int_equal(
			ioas_unmap(b.rig.ioas, GUEST, GUEST + GUEST_BYTES - 1), GUEST_BYTES);
		map_page(&b, pages[i].page, true);
		answer(&b, IOMMU_RESPONSE_RETRY);
		assert_true(b.rig.faults > 0);
		assert_int_equal(b.rig.fault.stage, 2);
		assert_false(b.rig.fault.stalled);
		/* A copy starts again with its source, which is gone, too. */
		assert_int_equal(rd(&b, IOAT_CHANERR, 4),
			pages[i].error == IOAT_ERR_DST_ADDR ? IOAT_ERR_SRC_ADDR : pages[i].error);
		assert_int_equal(*guest(&b, STATUS), 0);
		finish(&b);
	}
}

/* So does the domain; the program closes the device, and somebody else takes it. */
static void test_detach_meanwhile(void **state)
{
	struct bench b;

	for (unsigned i = 0; i < ARRAY_LEN(pages); i++) {
		begin(&b);
		take_away(&b, pages[i].page);
		submit(&b);
		assert_stalled(&b, pages[i].page);
		detach(&b);
		pci_dev_reset(&b.pci);
		settle(&b);
		assert_int_equal(*guest(&b, STATUS), 0);
		map_page(&b, pages[i].page, true);
		nest(&b);
		submit(&b);
		assert_copied(&b);
		finish(&b);
	}
}

/* A device that is reset forgets; its next transaction is news, even the very same. */
static void test_reset_meanwhile(void **state)
{
	uint16_t first;
	struct bench b;

	begin(&b);
	for (unsigned i = 0; i < ARRAY_LEN(pages); i++) {
		take_away(&b, pages[i].page);
		submit(&b);
		assert_stalled(&b, pages[i].page);
		first = b.rig.fault.tag;
		submit(&b); /* RESET, and the same again */
		assert_stalled(&b, pages[i].page);
		assert_int_not_equal(b.rig.fault.tag, first);
		map_page(&b, pages[i].page, true);
		iommu_page_response(&b.rig.devs[0].dev, first, IOMMU_RESPONSE_ABORT);
		settle(&b);
		assert_int_equal(*guest(&b, STATUS), 0); /* that was the forgotten one's */
		answer(&b, IOMMU_RESPONSE_RETRY);
		assert_copied(&b);
	}
	finish(&b);
}

/* The destination is stalled when the source goes: now that is what the copy waits for. */
static void test_source_goes(void **state)
{
	uint16_t of_dst;
	struct bench b;

	begin(&b);
	take_away(&b, DST);
	submit(&b);
	assert_stalled(&b, DST);
	of_dst = b.rig.fault.tag;
	take_away(&b, SRC);
	settle(&b);
	assert_stalled(&b, SRC);
	map_page(&b, SRC, true);
	map_page(&b, DST, true);
	iommu_page_response(&b.rig.devs[0].dev, of_dst, IOMMU_RESPONSE_ABORT);
	settle(&b);
	assert_int_equal(rd(&b, IOAT_CHANERR, 4), 0);
	answer(&b, IOMMU_RESPONSE_RETRY);
	assert_copied(&b);
	finish(&b);
}

/* Nobody answers, and the device is reset each time: in the end it is as without stalls. */
static void test_all_stalled(void **state)
{
	uint16_t tags[STALL_MAX];
	struct bench b;

	begin(&b);
	take_away(&b, SRC2);
	for (unsigned i = 0; i < STALL_MAX; i++) {
		submit(&b);
		assert_stalled(&b, SRC2);
		tags[i] = b.rig.fault.tag;
	}
	submit(&b);
	assert_int_equal(rd(&b, IOAT_CHANERR, 4), IOAT_ERR_SRC_ADDR);
	map_page(&b, SRC2, true);
	submit(&b); /* what faults not needs no room */
	assert_copied(&b);
	take_away(&b, SRC2);
	for (unsigned i = 0; i < STALL_MAX; i++)
		iommu_page_response(&b.rig.devs[0].dev, tags[i], IOMMU_RESPONSE_ABORT);
	submit(&b);
	assert_stalled(&b, SRC2);
	map_page(&b, SRC2, true);
	answer(&b, IOMMU_RESPONSE_RETRY);
	assert_copied(&b);
	finish(&b);
}

/* The function's DMA carries its PASID; where the SMMU has none, that is a bad SubstreamID. */
static void test_pasid(void **state)
{
	static const struct {
		unsigned ssid_bits, pasid;
	} bad[] = { { 0, PASID }, { 8, 0x100 + PASID }, { 20, 0xfffff } };
	struct bench b;

	begin_with(&b, 8, PASID);
	submit(&b);
	assert_copied(&b);
	take_away(&b, DST2);
	submit(&b);
	assert_stalled(&b, DST2);
	map_page(&b, DST2, true);
	answer(&b, IOMMU_RESPONSE_RETRY);
	assert_copied(&b);
	finish(&b);

	for (unsigned i = 0; i < ARRAY_LEN(bad); i++) {
		begin_with(&b, bad[i].ssid_bits, bad[i].pasid);
		submit(&b);
		assert_true(b.rig.faults > 0);
		assert_string_equal(b.rig.fault.name, "C_BAD_SUBSTREAMID");
		assert_int_equal(rd(&b, IOAT_CHANERR, 4), IOAT_ERR_CHAIN_ADDR);
		finish(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_retry),
		cmocka_unit_test(test_abort),
		cmocka_unit_test(test_unmap_meanwhile),
		cmocka_unit_test(test_detach_meanwhile),
		cmocka_unit_test(test_reset_meanwhile),
		cmocka_unit_test(test_source_goes),
		cmocka_unit_test(test_all_stalled),
		cmocka_unit_test(test_pasid),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
