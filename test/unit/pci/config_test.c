/* SPDX-License-Identifier: MIT */
/* Configuration space bit by bit, BAR sizing, the capability list, the command register, MSI-X. */
#include "rig.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* A model that counts what reaches it. */
struct probe {
	unsigned inits, resets, steps, reads, writes;
	uint64_t option[2];
};

static void probe_init(struct pci_dev *dev, const uint64_t *options)
{
	struct probe *p = dev->state;

	p->inits++;
	memcpy(p->option, options, sizeof(p->option));
}

static void probe_reset(struct pci_dev *dev)
{
	((struct probe *)dev->state)->resets++;
}

static bool probe_step(struct pci_dev *dev, uint64_t budget)
{
	((struct probe *)dev->state)->steps++;
	return true;
}

static uint64_t probe_read(struct pci_dev *dev, unsigned bar, uint64_t off, unsigned size)
{
	((struct probe *)dev->state)->reads++;
	return off;
}

static void probe_write(
	struct pci_dev *dev, unsigned bar, uint64_t off, uint64_t val, unsigned size)
{
	((struct probe *)dev->state)->writes++;
}

static const struct pci_option probe_options[] = {
	{ "a", "an option", 0, 9, 3 },
	{ "b", "another", 0, 9, 4 },
	{ .key = NULL },
};

static const struct pci_model probe_model = {
	.name = "probe",
	.id = { 0x1234, 0x5678, 0x9abc, 0xdef0, 0x010802, 0x21 },
	.bars = {
		[0] = { .bytes = 0x4000, .mem64 = true, .mmap = true },
		[2] = { .bytes = 0x1000 },
		[4] = { .bytes = UINT64_C(8) << 30, .mem64 = true, .prefetch = true, .mmap = true },
	},
	.msix_vectors = 70,
	.msix_bar = 0,
	.options = probe_options,
	.state_bytes = sizeof(struct probe),
	.init = probe_init,
	.reset = probe_reset,
	.step = probe_step,
	.mmio_read = probe_read,
	.mmio_write = probe_write,
};

static int setup(void **state)
{
	*state = rig_begin(&probe_model, "0001:02:03.4", NULL);
	return 0;
}

static void test_init(void **state)
{
	struct bench *b = *state;
	struct probe *p = b->dev.state;
	struct error error = { 0 };
	struct pci_dev other;

	assert_int_equal(b->dev.segment, 1);
	assert_int_equal(pci_requester_id(&b->dev), 0x021c);
	assert_int_equal(b->dev.master.sid, 0x021c);
	assert_int_equal(p->inits, 1);
	assert_int_equal(p->resets, 1);
	assert_int_equal(p->option[0], 3);
	assert_int_equal(p->option[1], 4);
	assert_int_equal(pci_dev_init(&other, &probe_model, "0:1:2", NULL, b->mem, &error), -22);
	assert_string_not_equal(error.message, "");
	assert_int_not_equal(
		pci_dev_init(&other, &probe_model, "0000:01:20.0", NULL, b->mem, &error), 0);
}

static void test_identity(void **state)
{
	struct pci_dev *dev = &((struct bench *)*state)->dev;

	assert_int_equal(pci_config_read(dev, 0, 4), 0x56781234);
	assert_int_equal(pci_config_read(dev, 8, 4), 0x01080221);
	assert_int_equal(pci_config_read(dev, 0x2c, 4), 0xdef09abc);
	assert_int_equal(pci_config_read(dev, 0x0e, 1), 0);
	assert_int_equal(pci_config_read(dev, 0x3d, 1), 0); /* no interrupt pin */
	assert_int_equal(pci_config_read(dev, 4, 4), 0x00100000);
}

/* What each byte may change, written here a second time: all other bits are read-only. */
static const struct {
	uint16_t off;
	uint8_t writable;
} writable[] = {
	{ 0x04, 0x46 }, { 0x05, 0x05 }, { 0x0c, 0xff }, { 0x3c, 0xff }, { 0x11, 0xc0 },
	{ 0x12, 0xff }, { 0x13, 0xff },					/* BAR 0: 16 KiB */
	{ 0x14, 0xff }, { 0x15, 0xff }, { 0x16, 0xff }, { 0x17, 0xff }, /* its high half */
	{ 0x19, 0xf0 }, { 0x1a, 0xff }, { 0x1b, 0xff },			/* BAR 2: 4 KiB */
	{ 0x24, 0xfe }, { 0x25, 0xff }, { 0x26, 0xff }, { 0x27, 0xff }, /* BAR 4: 8 GiB */
	{ 0x83, 0xc0 },							/* MSI-X control */
	{ 0x98, 0xff }, { 0x99, 0x79 }, /* device control, not FLR */
	{ 0xa0, 0xcb }, { 0xa1, 0x01 }, { 0xb8, 0x10 }, { 0xc0, 0x0f }, /* link, device 2, link 2 */
	{ 0xe4, 0x03 },							/* power state */
	{ 0x108, 0x10 }, { 0x109, 0xf0 }, { 0x10a, 0x5f },		/* errors: masks */
	{ 0x10c, 0x10 }, { 0x10d, 0xf0 }, { 0x10e, 0x5f },		/* and severity */
	{ 0x114, 0xc1 }, { 0x115, 0xf1 },				/* correctable ones */
	{ 0x118, 0x40 }, { 0x119, 0x01 },				/* ECRC */
	{ 0x154, 0x03 },						/* link control 3 */
};

static uint8_t writable_bits(unsigned off)
{
	for (unsigned i = 0; i < sizeof(writable) / sizeof(writable[0]); i++)
		if (writable[i].off == off)
			return writable[i].writable;
	return 0;
}

static void test_permission_sweep(void **state)
{
	struct pci_dev *dev = &((struct bench *)*state)->dev;

	for (unsigned off = 0; off < PCI_CONFIG_BYTES; off++) {
		uint8_t old = (uint8_t)pci_config_read(dev, off, 1), bits = writable_bits(off);

		pci_config_write(dev, off, 0xff, 1);
		assert_int_equal(pci_config_read(dev, off, 1), old | bits);
		pci_config_write(dev, off, 0, 1);
		assert_int_equal(pci_config_read(dev, off, 1), old & ~bits);
		pci_config_write(dev, off, old, 1);
		assert_int_equal(pci_config_read(dev, off, 1), old);
	}
	/* The extended list: error reporting, secondary PCI Express, serial number. */
	assert_int_equal(pci_config_read(dev, 0x100, 4), 0x15020001);
	assert_int_equal(pci_config_read(dev, 0x150, 4), 0x1a010019);
	assert_int_equal(pci_config_read(dev, 0x1a0, 4), 0x00010003);
}

static void test_odd_accesses(void **state)
{
	struct pci_dev *dev = &((struct bench *)*state)->dev;

	assert_int_equal(pci_config_read(dev, 4096, 1), UINT32_MAX);
	assert_int_equal(pci_config_read(dev, 4094, 4), UINT32_MAX);
	assert_int_equal(pci_config_read(dev, 0, 3), UINT32_MAX);
	pci_config_write(dev, 4095, 0xffff, 2);
	pci_config_write(dev, UINT32_MAX, 1, 4);
	assert_int_equal(pci_config_read(dev, 1, 2), 0x7812);
	assert_int_equal(pci_config_read(dev, 3, 4), 0x10000056);
}

static void test_status_w1c(void **state)
{
	struct pci_dev *dev = &((struct bench *)*state)->dev;

	dev->config[7] = 0xf9;
	pci_config_write(dev, 6, 0x0000, 2);
	assert_int_equal(pci_config_read(dev, 6, 2), 0xf910);
	pci_config_write(dev, 6, 0x2000, 2);
	assert_int_equal(pci_config_read(dev, 6, 2), 0xd910);
	pci_config_write(dev, 4, 0xffff0000, 4);
	assert_int_equal(pci_config_read(dev, 6, 2), 0x0010);
}

static uint64_t size_bar(struct pci_dev *dev, unsigned bar, bool mem64)
{
	uint64_t mask;

	pci_config_write(dev, 0x10 + 4 * bar, 0xffffffff, 4);
	mask = pci_config_read(dev, 0x10 + 4 * bar, 4) & ~0xfu;
	if (!mem64)
		return (uint32_t) - (uint32_t)mask;
	pci_config_write(dev, 0x14 + 4 * bar, 0xffffffff, 4);
	return -(mask | (uint64_t)pci_config_read(dev, 0x14 + 4 * bar, 4) << 32);
}

static void test_bar_sizing(void **state)
{
	struct pci_dev *dev = &((struct bench *)*state)->dev;

	assert_int_equal(pci_config_read(dev, 0x10, 4), 0x4);
	assert_int_equal(pci_config_read(dev, 0x18, 4), 0x0);
	assert_int_equal(pci_config_read(dev, 0x20, 4), 0xc);
	assert_int_equal(size_bar(dev, 0, true), 0x4000);
	assert_int_equal(size_bar(dev, 2, false), 0x1000);
	assert_int_equal(size_bar(dev, 3, false), 0);
	assert_int_equal(size_bar(dev, 4, true), UINT64_C(8) << 30);
	pci_config_write(dev, 0x10, 0xfebf1234, 4);
	assert_int_equal(pci_config_read(dev, 0x10, 4), 0xfebf0004);
}

static void test_capability_list(void **state)
{
	struct pci_dev *dev = &((struct bench *)*state)->dev;
	unsigned off = pci_config_read(dev, 0x34, 1), seen = 0;

	while (off) {
		unsigned id = pci_config_read(dev, off, 1);

		assert_true(off >= 0x40 && off % 4 == 0);
		assert_true(id == 0x01 || id == 0x10 || id == 0x11);
		assert_int_equal(seen >> id & 1, 0);
		seen |= 1u << id;
		off = pci_config_read(dev, off + 1, 1);
	}
	assert_int_equal(seen, 1u << 0x01 | 1u << 0x10 | 1u << 0x11);
	assert_int_equal(pci_config_read(dev, dev->cap_pcie + 2, 2), 0x0002);
	assert_int_equal(pci_config_read(dev, dev->cap_pcie + 4, 4) >> 28 & 1, 1);
	assert_int_equal(pci_config_read(dev, dev->cap_msix + 2, 2), 69);
	assert_int_equal(pci_config_read(dev, dev->cap_msix + 4, 4), 0x2000);
	assert_int_equal(pci_config_read(dev, dev->cap_msix + 8, 4), 0x3000);
	assert_int_equal(pci_config_read(dev, dev->cap_pm, 1), 0x01);
}

static void test_command(void **state)
{
	struct pci_dev *dev = &((struct bench *)*state)->dev;
	struct probe *p = dev->state;

	dev->opens = 1;
	for (unsigned command = 0; command < 8; command++) {
		unsigned before = p->steps;
		bool on = (command & 6) == 6;

		pci_config_write(dev, 4, command, 2);
		assert_int_equal(pci_memory_enabled(dev), command >> 1 & 1);
		assert_int_equal(pci_bus_master_enabled(dev), command >> 2 & 1);
		assert_int_equal(dev->master.enabled, command >> 2 & 1);
		assert_int_equal(pci_dev_step(dev, 1), on);
		assert_int_equal(p->steps - before, on);
	}
	pci_config_write(dev, dev->cap_pm + 4, 3, 2); /* D3hot */
	assert_false(pci_memory_enabled(dev));
	assert_false(dev->master.enabled);
	pci_config_write(dev, dev->cap_pm + 4, 0, 2);
	assert_true(dev->master.enabled);
	dev->opens = 0;
	assert_false(pci_dev_step(dev, 1));
}

static void test_flr(void **state)
{
	struct pci_dev *dev = &((struct bench *)*state)->dev;
	struct probe *p = dev->state;

	pci_config_write(dev, 4, 0x0006, 2);
	dev->bar[0][5] = 1;
	pci_config_write(dev, dev->cap_pcie + 8, 0xa810, 2);
	assert_int_equal(p->resets, 2);
	assert_int_equal(pci_config_read(dev, dev->cap_pcie + 8, 2), 0x2810);
	assert_int_equal(pci_config_read(dev, 4, 2), 0x0006);
	assert_int_equal(dev->bar[0][5], 0);
	pci_config_reset(dev);
	assert_int_equal(pci_config_read(dev, 4, 2), 0);
	assert_false(dev->master.enabled);
}

static void test_bar_access(void **state)
{
	struct pci_dev *dev = &((struct bench *)*state)->dev;
	struct probe *p = dev->state;

	assert_int_equal(pci_bar_read(dev, 0, 4, 4), UINT32_MAX); /* memory disabled */
	pci_config_write(dev, 4, 0x0002, 2);
	assert_int_equal(pci_bar_read(dev, 0, 4, 4), 4);
	pci_bar_write(dev, 0, 4, 1, 8);
	assert_int_equal(p->writes, 1);
	assert_int_equal(pci_bar_read(dev, 0, 0x1fff, 1), 0x1fff);
	/* MSI-X table of 70 vectors, and its pending bits; and outside. */
	assert_int_equal(pci_bar_read(dev, 0, 0x2000, 4), UINT32_MAX);
	assert_int_equal(pci_bar_read(dev, 0, 0x245f, 1), 0xff);
	assert_int_equal(pci_bar_read(dev, 0, 0x2460, 4), 0x2460);
	dev->msix[2].pending = dev->msix[65].pending = true;
	assert_int_equal(pci_bar_read(dev, 0, 0x3000, 8), 4);
	assert_int_equal(pci_bar_read(dev, 0, 0x3008, 8), 2);
	assert_int_equal(pci_bar_read(dev, 0, 0x3008, 1), 2);
	assert_int_equal(pci_bar_read(dev, 0, 0x300c, 4), 0);
	pci_bar_write(dev, 0, 0x3000, UINT64_MAX, 8);
	assert_int_equal(pci_bar_read(dev, 0, 0x3000, 8), 4);
	assert_int_equal(pci_bar_read(dev, 0, 0x3010, 4), 0x3010);
	assert_int_equal(pci_bar_read(dev, 0, 0x4000, 4), UINT32_MAX);
	assert_int_equal(pci_bar_read(dev, 0, UINT64_MAX, 4), UINT32_MAX);
	assert_int_equal(pci_bar_read(dev, 1, 0, 1), 0xff);
	assert_int_equal(pci_bar_read(dev, 6, 0, 1), 0xff);
	pci_bar_write(dev, 0, 0x2000, 0, 4);
	assert_int_equal(p->writes, 1);
}

static void test_memfd(void **state)
{
	struct pci_dev *dev = &((struct bench *)*state)->dev;
	volatile uint8_t *map = mmap(NULL, 0x4000, PROT_READ | PROT_WRITE, MAP_SHARED, dev->memfd,
		(off_t)pci_region_offset(0));

	assert_true(map != MAP_FAILED);
	map[0x123] = 7;
	assert_int_equal(dev->bar[0][0x123], 7);
	munmap((void *)map, 0x4000);
	assert_int_equal(ftruncate(dev->memfd, 4096), -1);
	assert_int_equal(ftruncate(dev->memfd, INT64_MAX & ~4095), -1);
	assert_int_equal(dev->bar_extent[0].bytes, 0x4000);
	assert_ptr_equal(dev->bar_extent[0].ptr, (void *)dev->bar[0]);
	assert_null(dev->bar_extent[2].ptr); /* not mmap */
}

static void test_msix(void **state)
{
	struct bench *b = *state;
	struct pci_dev *dev = &b->dev;

	pci_config_write(dev, 4, 0x0006, 2);
	pci_msix_set(dev, 1, 0x10000000, 11);
	pci_msix_raise(dev, 1); /* disabled: nothing, not even pending */
	pci_msix_enable(dev, true);
	assert_int_equal(pci_config_read(dev, dev->cap_msix + 2, 2) >> 15, 1);
	assert_int_equal(*b->word, 0);
	pci_msix_raise(dev, 1);
	assert_int_equal(*b->word, 11);
	*b->word = 0;
	pci_msix_mask(dev, 1, true);
	pci_msix_raise(dev, 1);
	assert_int_equal(*b->word, 0);
	assert_true(dev->msix[1].pending);
	pci_msix_mask(dev, 1, false);
	assert_int_equal(*b->word, 11);
	assert_false(dev->msix[1].pending);
	*b->word = 0;
	pci_config_write(dev, dev->cap_msix + 2, 0xc000, 2); /* function mask */
	pci_msix_raise(dev, 1);
	assert_int_equal(*b->word, 0);
	pci_config_write(dev, dev->cap_msix + 2, 0x8000, 2);
	assert_int_equal(*b->word, 11);
}

static void test_msix_corners(void **state)
{
	struct bench *b = *state;
	struct pci_dev *dev = &b->dev;

	pci_config_write(dev, 4, 0x0006, 2);
	pci_msix_enable(dev, true);
	pci_msix_raise(dev, 69); /* the host has not programmed it yet */
	assert_true(dev->msix[69].pending);
	pci_msix_set(dev, 69, 0x10000000, 3);
	assert_int_equal(*b->word, 3);
	pci_msix_raise(dev, 70);
	pci_msix_set(dev, 70, 0, 0);
	pci_msix_clear(dev, 70);
	pci_msix_mask(dev, 70, true);
	*b->word = 0;
	pci_config_write(dev, 4, 0x0002, 2); /* no bus master: the write aborts, and is lost */
	pci_msix_raise(dev, 69);
	assert_int_equal(*b->word, 0);
	pci_config_write(dev, 4, 0x0006, 2);
	pci_msix_raise(dev, 0); /* pending, and forgotten with the function disabled */
	pci_msix_enable(dev, false);
	pci_msix_enable(dev, true);
	pci_msix_set(dev, 0, 0x10000000, 4);
	assert_int_equal(*b->word, 0);
	pci_msix_clear(dev, 0);
	pci_msix_raise(dev, 0);
	assert_int_equal(*b->word, 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_init),
		T(test_identity),
		T(test_permission_sweep),
		T(test_odd_accesses),
		T(test_status_w1c),
		T(test_bar_sizing),
		T(test_capability_list),
		T(test_command),
		T(test_flr),
		T(test_bar_access),
		T(test_memfd),
		T(test_msix),
		T(test_msix_corners),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
