/* SPDX-License-Identifier: MIT */
/*
 * Configuration space as vfio-pci virtualises it: what rows of test/uapi/conform cannot see, because
 * it takes other devices or a look at the device behind.
 */
#include "device_rig.h"

#include <pthread.h>

static void config_identity_and_command(void **state)
{
	uint8_t all[4096], again[4096];
	unsigned i;

	assert_int_equal(config_get(0, 4), 0x20218086);
	assert_int_equal(config_get(COMMAND, 2), COMMAND_MEMORY);
	config_put(0, 0, 4);
	assert_int_equal(config_get(0, 4), 0x20218086);
	config_put(COMMAND, 0x0406, 2);
	assert_int_equal(config_get(COMMAND, 2), 0x0406);
	assert_true(pci->master.enabled);
	config_put(COMMAND + 1, 0, 1);
	assert_int_equal(config_get(COMMAND, 2), 0x0006);
	/* Any size and alignment reads the same. */
	assert_int_equal(get(CONFIG, all, 4096), 4096);
	for (i = 0; i < 4096; i++)
		assert_int_equal(get(CONFIG + i, again + i, 1), 1);
	assert_memory_equal(all, again, 4096);
	for (i = 1; i + 7 < 4096; i += 7)
		assert_int_equal(get(CONFIG + i, again + i, 7), 7);
	assert_memory_equal(all, again, 4096);
	assert_int_equal(get(CONFIG + 4090, all, 7), -EFAULT);
	assert_int_equal(get(CONFIG + 4096, all, 1), -EFAULT);
	assert_int_equal(get(CONFIG, NULL, 4), -EFAULT);
	assert_int_equal(get(CONFIG, all, 0), 0);
}

static void config_bar_sizing(void **state)
{
	uint32_t low = config_get(0x10, 4), high = config_get(0x14, 4);
	uint64_t mask = ~(pci->model->bars[0].bytes - 1);

	config_put(0x10, UINT32_MAX, 4);
	config_put(0x14, UINT32_MAX, 4);
	assert_int_equal(config_get(0x10, 4) & ~15u, (uint32_t)mask);
	assert_int_equal(config_get(0x10, 4) & 15, low & 15);
	assert_int_equal(config_get(0x14, 4), (uint32_t)(mask >> 32));
	config_put(0x10, 0xfe000000, 4);
	config_put(0x14, 1, 4);
	assert_int_equal(config_get(0x10, 4) & ~15u, 0xfe000000);
	config_put(0x30, UINT32_MAX, 4);
	assert_int_equal(config_get(0x30, 4), 0);
	config_put(0x18, UINT32_MAX, 4);
	assert_int_equal(config_get(0x18, 4), 0);
	/* The registers did not move. */
	assert_int_equal(reg_get(IOAT_CBVER, 1) >> 4, 3);
	config_put(0x10, low, 4);
	config_put(0x14, high, 4);
}

static void config_msix_is_read_only(void **state)
{
	unsigned cap = pci->cap_msix;

	assert_true(config_get(6, 2) & 0x10);
	config_put(cap + 2, 0x8000, 2);
	assert_int_equal(config_get(cap + 2, 2), pci->model->msix_vectors - 1);
	config_put(cap, 0xff, 1);
	assert_int_equal(config_get(cap, 1), 0x11);
}

static void config_flr_and_power(void **state)
{
	unsigned exp = pci->cap_pcie, pm = pci->cap_pm;
	uint32_t control = config_get(exp + 8, 2);

	config_put(COMMAND, COMMAND_MEMORY | COMMAND_MASTER, 2);
	reg_put(0x80 + IOAT_CHAINADDR, 0x1234560, 8);
	config_put(exp + 8, control | 0x8000, 2);
	assert_int_equal(config_get(exp + 8, 2), control);
	assert_int_equal(reg_get(0x80 + IOAT_CHAINADDR, 8), 0);
	/* Linux puts configuration space back after a reset. */
	assert_int_equal(config_get(COMMAND, 2), COMMAND_MEMORY | COMMAND_MASTER);
	config_put(pm + 4, 3, 2);
	assert_int_equal(config_get(pm + 4, 2) & 3, 3);
	assert_int_equal(get(BAR0, &control, 4), -EIO);
	assert_false(pci->master.enabled);
	config_put(pm + 4, 0, 2);
	assert_true(pci->master.enabled);
	assert_int_equal(get(BAR0, &control, 4), 4);
}

/* What the device has, as the program does not see it. */
static uint32_t hardware(unsigned off, unsigned size)
{
	uint32_t val;

	pthread_mutex_lock(&pci->lock);
	val = pci_config_read(pci, off, size);
	pthread_mutex_unlock(&pci->lock);
	return val;
}

static void requests_are_never_below_the_payload(void **state)
{
	unsigned control = pci->cap_pcie + 8u;

	/* The host's payload size is 256 bytes. */
	pci->config[control] = (uint8_t)((pci->config[control] & ~0xe0) | 0x20);
	config_put(control + 1, 0x08, 1);
	assert_int_equal(config_get(control, 2) & 0x7000, 0);
	assert_int_equal(hardware(control, 2) & 0x7000, 0x1000);
	config_put(control + 1, 0x58, 1);
	assert_int_equal(hardware(control, 2) & 0x7000, 0x5000);
	config_put(control + 1, 0x68, 1); /* more than there is */
	assert_int_equal(config_get(control, 2) & 0x7000, 0x6000);
	assert_int_equal(hardware(control, 2) & 0x7000, 0x5000);
	config_put(control, 0xa0, 1);
	assert_int_equal(config_get(control, 1) & 0xe0, 0xa0);
	assert_int_equal(hardware(control, 1) & 0xe0, 0x20);
}

/* The device anew, with capabilities of which vfio-pci knows no length. */
static void reopen_with(unsigned at, uint32_t header)
{
	assert_int_equal(local_close(local, device), 0);
	for (unsigned i = 0; i < 4; i++)
		pci->config[at + i] = (uint8_t)(header >> 8 * i);
	device = (int)call(group, VFIO_GROUP_GET_DEVICE_FD, "0000:01:00.0");
	assert_true(device >= 0);
}

static void unknown_capabilities_are_left_out(void **state)
{
	unsigned pm = pci->cap_pm, exp = pci->cap_pcie, msix = pci->cap_msix;

	/* In the middle: the one before it leads on to the one behind. */
	reopen_with(exp, (hardware(exp, 4) & 0xffffff00) | 0x0d);
	assert_int_equal(config_get(msix + 1, 1), pm);
	assert_int_equal(config_get(pm + 1, 1), 0);
	/* And at the end. */
	reopen_with(pm, (hardware(pm, 4) & 0xffffff00) | 0x7f);
	assert_int_equal(config_get(msix + 1, 1), 0);
	/* A bit that it would have had is the device's own now. */
	assert_int_equal(config_get(pm, 1), 0x7f);
	config_put(pm + 4, 3, 2);
	assert_int_equal(hardware(pm + 4, 2) & 3, 3);
}

static void unknown_first_capability(void **state)
{
	unsigned first = config_get(0x34, 1), second = config_get(first + 1, 1);

	reopen_with(first, (hardware(first, 4) & 0xffffff00) | 0x0d);
	assert_int_equal(config_get(0x34, 1), second);
}

/* The extended list begins at a fixed place: what is hidden there has no ID, but leads on. */
static void unknown_first_extended_capability(void **state)
{
	reopen_with(0x100, (hardware(0x100, 4) & 0xffff0000) | 0x0019);
	assert_int_equal(config_get(0x100, 4), 0x1a000000);
	assert_int_equal(config_get(0x100, 2), 0);
	config_put(0x100, UINT32_MAX, 4);
	assert_int_equal(config_get(0x100, 4), 0x1a000000);
	assert_int_equal(config_get(0x1a0, 4), 0x00010003);
}

/* A list that a device was broken with: it goes in circles, or off the end. */
static void broken_lists_end(void **state)
{
	unsigned exp = pci->cap_pcie;

	reopen_with(exp, (hardware(exp, 4) & 0xffff00ff) | exp << 8);
	assert_int_equal(config_get(0, 4), 0x20218086);
	reopen_with(exp, (hardware(exp, 4) & 0xffff00ff) | 0xfc00);
	assert_int_equal(config_get(0, 4), 0x20218086);
	reopen_with(0x1a0, 0x1a010003);
	assert_int_equal(config_get(0x1a0, 4), 0x1a010003);
	reopen_with(0x1a0, 0xffc10001);
	assert_int_equal(config_get(0x1a0, 2), 1);
	reopen_with(0xffc, 0xffc10001);
	assert_int_equal(config_get(0, 4), 0x20218086);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(config_identity_and_command),
		TEST(config_bar_sizing),
		TEST(config_msix_is_read_only),
		TEST(config_flr_and_power),
		TEST(requests_are_never_below_the_payload),
		TEST(unknown_capabilities_are_left_out),
		TEST(unknown_first_capability),
		TEST(unknown_first_extended_capability),
		TEST(broken_lists_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
