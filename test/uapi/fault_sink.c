/* SPDX-License-Identifier: MIT */
/*
 * From an IOMMU's fault to a record, and from a response to the IOMMU, in this process: with faults that
 * are made by hand, and an IOMMU whose answers are noted. What a program sees is in fault.c.
 */
#include "device_rig.h"

#include <nestbox/vfio-nesting.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "iommu/mmio.h"
#include "vfio/internal.h"

#define FAULTS	  (UINT64_C(17) << 40) /* pci_region_offset(9) */
#define RESPONSES (UINT64_C(18) << 40)
#define PAGE	  4096
#define N	  512

static struct iommu_device *dev;

/* ---- an IOMMU that notes what it is answered ---- */

static const struct iommu_ops *real_ops;
static struct iommu_ops noting_ops;
static struct {
	const struct iommu_device *dev;
	uint16_t tag;
	enum iommu_response response;
} answers[N];
static unsigned n_answers;

static void note_answer(struct iommu_device *to, uint16_t tag, enum iommu_response response)
{
	assert_true(n_answers < N);
	answers[n_answers].dev = to;
	answers[n_answers].tag = tag;
	answers[n_answers++].response = response;
}

static void set_stage1(int fd, unsigned config)
{
	struct vfio_iommu_type1_set_pasid_table table = { .argsz = sizeof(table),
		.flags = VFIO_PASID_TABLE_FLAG_SET,
		.config = { .argsz = sizeof(table.config),
			.version = PASID_TABLE_CFG_VERSION_1,
			.format = IOMMU_PASID_FORMAT_SMMUV3,
			.config = (uint8_t)config,
			.vendor_data.smmuv3.version = PASID_TABLE_SMMUV3_CFG_VERSION_1 } };

	assert_int_equal(call(fd, VFIO_DEVICE_SET_PASID_TABLE, &table), 0);
}

static int setup_nested(void **state)
{
	int ret;

	rig_type = VFIO_TYPE1_NESTING_IOMMU;
	ret = setup(state);
	dev = &machine_find_device(machine, "0000:01:00.0")->iommu;
	set_stage1(device, IOMMU_PASID_CONFIG_ABORT);
	real_ops = dev->iommu->ops;
	noting_ops = *real_ops;
	noting_ops.page_response = note_answer;
	dev->iommu->ops = &noting_ops;
	n_answers = 0;
	return ret;
}

static int teardown_nested(void **state)
{
	local_close(local, device);
	dev->iommu->ops = real_ops;
	return teardown(state);
}

/* ---- what the program does ---- */

static struct vfio_region_dma_fault header_at(uint64_t region)
{
	struct vfio_region_dma_fault header;

	assert_int_equal(get(region, &header, sizeof(header)), sizeof(header));
	return header;
}

static struct vfio_dma_fault_record record_at(unsigned i)
{
	struct vfio_dma_fault_record record;

	assert_int_equal(
		get(FAULTS + PAGE + i * sizeof(record), &record, sizeof(record)), sizeof(record));
	return record;
}

static void set_tail(uint32_t tail)
{
	assert_int_equal(put(FAULTS, &tail, 4), 4);
}

static struct iommu_fault a_fault(void)
{
	return (struct iommu_fault){ .iommu = "smmu0",
		.sid = 0x100,
		.name = "F_TRANSLATION",
		.cause = IOMMU_CAUSE_NOT_MAPPED,
		.address = true,
		.stage = 1,
		.stage1 = true,
		.read = true,
		.iova = 0x1234000,
		.record = { 0x10, 0x20, 0x1234000, 0x40 } };
}

static bool report(uint64_t iova)
{
	struct iommu_fault fault = a_fault();

	fault.iova = iova;
	return iommu_report_fault(dev, &fault);
}

static void stall(uint16_t tag)
{
	struct iommu_fault fault = a_fault();

	fault.stalled = true;
	fault.tag = tag;
	assert_true(iommu_report_fault(dev, &fault));
}

/* ---- records ---- */

#define R    IOMMU_FAULT_PERM_READ
#define W    IOMMU_FAULT_PERM_WRITE
#define X    IOMMU_FAULT_PERM_EXEC
#define P    IOMMU_FAULT_PERM_PRIV
#define ADDR IOMMU_FAULT_UNRECOV_ADDR_VALID

static void reasons(void **state)
{
	static const struct {
		enum iommu_cause cause;
		bool address, read, inst, priv;
		uint32_t reason, flags, perm;
	} rows[] = {
		{ IOMMU_CAUSE_UNKNOWN, false, .reason = IOMMU_FAULT_REASON_UNKNOWN },
		{ IOMMU_CAUSE_PASID_FETCH, false, .reason = IOMMU_FAULT_REASON_PASID_FETCH },
		{ IOMMU_CAUSE_PASID_ENTRY, false, .reason = IOMMU_FAULT_REASON_BAD_PASID_ENTRY },
		{ IOMMU_CAUSE_PASID_INVALID, false, .reason = IOMMU_FAULT_REASON_PASID_INVALID },
		{ IOMMU_CAUSE_WALK_ABORT, true, true, false, false, IOMMU_FAULT_REASON_WALK_EABT,
			ADDR, R },
		{ IOMMU_CAUSE_NOT_MAPPED, true, false, false, false, IOMMU_FAULT_REASON_PTE_FETCH,
			ADDR, W },
		{ IOMMU_CAUSE_PERMISSION, true, true, true, false, IOMMU_FAULT_REASON_PERMISSION,
			ADDR, R | X },
		{ IOMMU_CAUSE_ACCESS, true, true, false, true, IOMMU_FAULT_REASON_ACCESS, ADDR,
			R | P },
		{ IOMMU_CAUSE_OUT_OF_RANGE, true, false, false, true,
			IOMMU_FAULT_REASON_OOR_ADDRESS, ADDR, W | P },
	};

	for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
		struct iommu_fault fault = a_fault();
		struct vfio_dma_fault_record record;

		fault.cause = rows[i].cause;
		fault.address = rows[i].address;
		fault.read = rows[i].read;
		fault.inst = rows[i].inst;
		fault.priv = rows[i].priv;
		fault.ssid_valid = i % 2;
		fault.ssid = i % 2 ? 77 : 0;
		assert_true(iommu_report_fault(dev, &fault));
		record = record_at(i);
		assert_int_equal(record.type, IOMMU_FAULT_DMA_UNRECOV);
		assert_int_equal(record.event.reason, rows[i].reason);
		assert_int_equal(record.event.flags,
			rows[i].flags | (i % 2 ? IOMMU_FAULT_UNRECOV_PASID_VALID : 0));
		assert_int_equal(record.event.perm, rows[i].perm);
		assert_int_equal(record.event.pasid, fault.ssid);
		assert_int_equal(record.event.addr, rows[i].address ? 0x1234000 : 0);
		assert_int_equal(record.event.fetch_addr, 0);
		assert_int_equal(record.arch[0] >> 32, 0x100); /* the guest's own StreamID */
		assert_int_equal(record.arch[1], 0x20);
	}
	assert_int_equal(header_at(FAULTS).head, ARRAY_LEN(rows));
}

static void page_requests(void **state)
{
	struct iommu_fault fault = a_fault();
	struct vfio_dma_fault_record record;

	fault.stalled = true;
	fault.tag = 0xabcd;
	fault.ssid_valid = true;
	fault.ssid = 5;
	assert_true(iommu_report_fault(dev, &fault));
	record = record_at(0);
	assert_int_equal(record.type, IOMMU_FAULT_PAGE_REQ);
	assert_int_equal(record.prm.flags,
		IOMMU_FAULT_PAGE_REQUEST_PASID_VALID | IOMMU_FAULT_PAGE_REQUEST_LAST_PAGE);
	assert_int_equal(record.prm.grpid, 0xabcd);
	assert_int_equal(record.prm.pasid, 5);
	assert_int_equal(record.prm.perm, R);
	assert_int_equal(record.prm.addr, 0x1234000);
	stall(3);
	assert_int_equal(record_at(1).prm.flags, IOMMU_FAULT_PAGE_REQUEST_LAST_PAGE);
}

/* Of stage 1 alone, and of a guest that has one. */
static void not_delivered(void **state)
{
	struct iommu_fault fault = a_fault();
	struct vfio_iommu_type1_set_pasid_table unset = { .argsz = sizeof(unset),
		.flags = VFIO_PASID_TABLE_FLAG_UNSET };

	fault.stage = 2;
	fault.stage1 = false;
	assert_false(iommu_report_fault(dev, &fault));
	assert_int_equal(call(device, VFIO_DEVICE_SET_PASID_TABLE, &unset), 0);
	assert_false(report(0));
	set_stage1(device, IOMMU_PASID_CONFIG_ABORT);
	assert_true(report(0));
	assert_int_equal(header_at(FAULTS).head, 1);
}

static void full(void **state)
{
	struct iommu_fault fault = a_fault();
	unsigned i;

	for (i = 0; i < N - 1; i++)
		assert_true(report(i));
	fault.stalled = true; /* its transaction is the caller's to end */
	assert_false(iommu_report_fault(dev, &fault));
	assert_false(report(0));
	set_tail(100);
	assert_true(report(1000));
	assert_int_equal(record_at(N - 1).flags, VFIO_DMA_FAULT_LOST);
	for (i = 0; i < 99; i++)
		assert_true(report(2000 + i));
	assert_false(report(0));
	assert_int_equal(header_at(FAULTS).head, 99);
	assert_int_equal(record_at(0).event.addr, 2000);
	assert_int_equal(record_at(0).flags, 0);
	assert_int_equal(record_at(100).event.addr, 100); /* not yet read: as it was */
	set_tail(99);
	assert_true(report(3000));
	assert_int_equal(record_at(99).flags, VFIO_DMA_FAULT_LOST);
	/* A tail from beyond head makes the ring look full: the program's own harm. */
	set_tail(101);
	assert_false(report(0));
	set_tail(100);
	assert_true(report(4000));
}

/* ---- the sink and the program at once ---- */

static void *report_many(void *unused)
{
	for (unsigned i = 0; i < 20000; i++)
		report(i);
	return NULL;
}

static void at_once(void **state)
{
	int fd = eventfd(0, EFD_NONBLOCK);
	union {
		struct vfio_irq_set set;
		int32_t words[6];
	} irq = { .set = { .argsz = sizeof(irq), .flags = 0x24, .index = 5, .count = 1 } };
	uint32_t last = 0, tail = 0, head;
	pthread_t thread;

	pthread_create(&thread, NULL, report_many, NULL);
	for (unsigned i = 0; i < 300; i++) {
		irq.words[5] = i % 3 ? fd : -1;
		assert_int_equal(call(device, VFIO_DEVICE_SET_IRQS, &irq), 0);
		for (head = header_at(FAULTS).head; tail != head; tail = (tail + 1) % N) {
			struct vfio_dma_fault_record record = record_at(tail);

			assert_true(record.event.addr >= last);
			last = (uint32_t)record.event.addr;
		}
		set_tail(tail);
	}
	pthread_join(thread, NULL);
	close(fd);
}

/* ---- responses ---- */

static void write_response(unsigned at, uint32_t grpid, uint32_t code)
{
	struct iommu_page_response *map = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED,
		pci->memfd, (off_t)RESPONSES + PAGE);

	assert_ptr_not_equal(map, MAP_FAILED);
	map[at] = (struct iommu_page_response){
		.argsz = 24, .version = 1, .grpid = grpid, .code = code
	};
	munmap(map, 3 * PAGE);
}

static ssize_t respond(uint32_t head)
{
	return put(RESPONSES, &head, 4);
}

static void expect_answer(unsigned i, uint16_t tag, enum iommu_response response)
{
	assert_true(i < n_answers);
	assert_ptr_equal(answers[i].dev, dev);
	assert_int_equal(answers[i].tag, tag);
	assert_int_equal(answers[i].response, response);
}

static void responses(void **state)
{
	const uint32_t passed_over[] = { 0, 8, 0x10007, UINT32_MAX };

	stall(7);
	stall(0xffff);
	stall(9);
	write_response(0, 9, IOMMU_PAGE_RESP_FAILURE);
	write_response(1, 7, IOMMU_PAGE_RESP_SUCCESS);
	write_response(2, 0xffff, IOMMU_PAGE_RESP_INVALID);
	write_response(3, 7, IOMMU_PAGE_RESP_SUCCESS); /* again */
	assert_int_equal(respond(1), 4);
	assert_int_equal(n_answers, 1);
	assert_int_equal(respond(4), 4);
	assert_int_equal(n_answers, 3);
	expect_answer(0, 9, IOMMU_RESPONSE_ABORT);
	expect_answer(1, 7, IOMMU_RESPONSE_RETRY);
	expect_answer(2, 0xffff, IOMMU_RESPONSE_ABORT);
	for (unsigned i = 0; i < ARRAY_LEN(passed_over); i++)
		write_response(4 + i, passed_over[i], 0);
	assert_int_equal(respond(4 + ARRAY_LEN(passed_over)), 4);
	assert_int_equal(n_answers, 3);
	stall(7); /* the number is out anew */
	write_response(8, 7, IOMMU_PAGE_RESP_SUCCESS);
	assert_int_equal(respond(9), 4);
	assert_int_equal(n_answers, 4);
	assert_int_equal(header_at(RESPONSES).head, 9);
}

/* All or nothing: what was sound before the bad one is not carried out. */
static void bad_response(void **state)
{
	stall(1);
	stall(2);
	write_response(0, 1, IOMMU_PAGE_RESP_SUCCESS);
	write_response(1, 2, 3);
	assert_int_equal(respond(2), -EINVAL);
	assert_string_equal(why.rule, "bad-page-response");
	assert_int_equal(n_answers, 0);
	write_response(1, 2, IOMMU_PAGE_RESP_SUCCESS);
	assert_int_equal(respond(2), 4);
	assert_int_equal(n_answers, 2);
}

/* The whole ring at once, across its end. */
static void many_responses(void **state)
{
	unsigned i;

	for (i = 0; i < 300; i++)
		stall((uint16_t)i);
	set_tail(300);
	for (i = 0; i < 300; i++)
		write_response(i, i, 0);
	assert_int_equal(respond(300), 4);
	for (i = 0; i < N - 1; i++)
		write_response((300 + i) % N, i, 0);
	assert_int_equal(n_answers, 300);
	for (i = 0; i < 100; i++)
		stall((uint16_t)(i * 5));
	assert_int_equal(respond((300 + N - 1) % N), 4);
	assert_int_equal(n_answers, 400);
	expect_answer(399, 495, IOMMU_RESPONSE_RETRY);
}

/* A device answers its own alone. */
static void not_for_others(void **state)
{
	int other_group, engine = device;
	struct pci_dev *engine_pci = pci;
	struct file *file;

	stall(7);
	assert_int_equal(vfio_open_group(vfio, 3, false, &file, &why), 0);
	other_group = local_install(local, file);
	assert_int_equal(call(other_group, VFIO_GROUP_SET_CONTAINER, &container), 0);
	device = (int)call(other_group, VFIO_GROUP_GET_DEVICE_FD, "0000:03:00.0");
	assert_true(device >= 0);
	pci = &machine_find_device(machine, "0000:03:00.0")->pci;
	assert_int_equal(header_at(FAULTS).head, 0);
	write_response(0, 7, 0);
	assert_int_equal(respond(1), 4);
	assert_int_equal(n_answers, 0);
	device = engine;
	pci = engine_pci;
	write_response(0, 7, 0);
	assert_int_equal(respond(1), 4);
	expect_answer(0, 7, IOMMU_RESPONSE_RETRY);
}

static void closed(void **state)
{
	stall(4);
	stall(0x1234);
	stall(6);
	write_response(0, 6, 0);
	assert_int_equal(respond(1), 4);
	assert_int_equal(n_answers, 1);
	local_close(local, device);
	assert_int_equal(n_answers, 3);
	expect_answer(1, 4, IOMMU_RESPONSE_ABORT);
	expect_answer(2, 0x1234, IOMMU_RESPONSE_ABORT);
	assert_false(report(0));
	device = (int)call(group, VFIO_GROUP_GET_DEVICE_FD, "0000:01:00.0");
	assert_int_equal(header_at(FAULTS).head, 0);
	assert_int_equal(header_at(RESPONSES).head, 0);
	assert_int_equal(record_at(0).type, 0);
	write_response(0, 4, 0);
	assert_int_equal(respond(1), 4); /* the old owner's */
	assert_int_equal(n_answers, 3);
}

/* A second open is the same device: nothing changes when it is closed. */
static void opened_twice(void **state)
{
	int second = (int)call(group, VFIO_GROUP_GET_DEVICE_FD, "0000:01:00.0");

	assert_true(second >= 0);
	stall(1);
	local_close(local, second);
	assert_int_equal(n_answers, 0);
	assert_int_equal(header_at(FAULTS).head, 1);
	assert_true(report(0));
}

static void names(void **state)
{
	static const struct {
		uint64_t pos;
		const char *name;
	} rows[] = {
		{ FAULTS, "tail" },
		{ FAULTS + 4, "entry_size" },
		{ FAULTS + 16, "head" },
		{ FAULTS + 20, NULL },
		{ FAULTS + 2, NULL },
		{ RESPONSES, "head" },
		{ RESPONSES + 16, "tail" },
		{ RESPONSES + PAGE, NULL },
	};
	struct file *file = local_file(local, device);
	char buf[32];

	for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
		bool has = file->ops->register_name(file, rows[i].pos, buf, sizeof(buf));

		assert_int_equal(has, rows[i].name != NULL);
		if (has)
			assert_string_equal(buf, rows[i].name);
	}
}

#define NESTED(name) cmocka_unit_test_setup_teardown(name, setup_nested, teardown_nested)

int main(void)
{
	const struct CMUnitTest tests[] = {
		NESTED(reasons),
		NESTED(page_requests),
		NESTED(not_delivered),
		NESTED(full),
		NESTED(at_once),
		NESTED(responses),
		NESTED(bad_response),
		NESTED(many_responses),
		NESTED(not_for_others),
		NESTED(closed),
		NESTED(opened_twice),
		NESTED(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
