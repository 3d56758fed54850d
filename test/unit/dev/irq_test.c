/* SPDX-License-Identifier: MIT */
/*
 * The engine's interrupts as a driver of two channels lives by them: INTx, one MSI, MSI-X with a
 * vector for each channel; with its registers trapped or mapped, and a poller that comes early, late
 * or at odd moments. The driver is written to the facts of Linux's (drivers/dma/ioat): the handler
 * reads INTRCTRL and ATTNSTATUS and writes the former back; what runs after it re-arms the channel.
 * None waits for anything but interrupts, so that a lost one is seen.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/bits.h"
#include "rig.h"

#define CHANNELS   2
#define CHANREG(c) (((c) + 1) * IOAT_CHANNEL_BYTES)
#define RUN	   (IOAT_CHANCTRL_REARM | IOAT_CHANCTRL_ERR_COMPLETION | IOAT_CHANCTRL_ERR_INT)
#define QUIET	   0xffffffff
#define PATIENCE   100000

enum mode {
	INTX,
	MSI,
	MSIX,
	MODES
};

struct driver {
	struct rig rig;
	enum mode mode;
	volatile uint32_t *doorbell[CHANNELS]; /* memory where messages land */
	bool intx;			       /* the host's handler ran, and masked */
	struct ioat_desc *ring[CHANNELS];
	volatile uint64_t *status[CHANNELS];
	uint16_t submitted[CHANNELS];
	unsigned interrupts, spurious;
};

/* ---- the host ---- */

static void intx_fired(void *ctx)
{
	struct driver *d = ctx;

	d->intx = true;
	pci_intx_disable(&d->rig.dev, true);
}

/* At the end of its handling INTx is unmasked; a level that is still there fires again. */
static void host_unmask(struct driver *d)
{
	d->intx = pci_intx_asserted(&d->rig.dev);
	if (!d->intx)
		pci_intx_disable(&d->rig.dev, false);
}

static bool take_message(struct driver *d, unsigned i)
{
	bool came = *d->doorbell[i] != QUIET;

	*d->doorbell[i] = QUIET;
	return came;
}

static void host_enable(struct driver *d)
{
	struct pci_dev *dev = &d->rig.dev;

	for (unsigned i = 0; i < CHANNELS; i++) {
		d->doorbell[i] = rig_alloc(&d->rig, 4);
		*d->doorbell[i] = QUIET;
		pci_msix_set(dev, i, rig_iova(&d->rig, (void *)d->doorbell[i]), 0x90 + i);
	}
	pci_msi_set(dev, rig_iova(&d->rig, (void *)d->doorbell[0]), 0x40, 0);
	pci_intx_connect(dev, intx_fired, d);
	pci_msi_enable(dev, d->mode == MSI);
	pci_msix_enable(dev, d->mode == MSIX);
}

/* ---- the driver ---- */

static void driver_start(struct driver *d)
{
	for (unsigned c = 0; c < CHANNELS; c++) {
		d->ring[c] = rig_alloc(&d->rig, 64 * sizeof(struct ioat_desc));
		d->status[c] = rig_alloc(&d->rig, 8);
		for (unsigned i = 0; i < 64; i++)
			d->ring[c][i] = (struct ioat_desc){ .size = 64,
				.control = IOAT_DESC_NULL | IOAT_DESC_INT | IOAT_DESC_COMPLETION,
				.next = rig_iova(&d->rig, &d->ring[c][(i + 1) % 64]) };
		rig_write(&d->rig, CHANREG(c) + IOAT_CHANCMP,
			rig_iova(&d->rig, (void *)d->status[c]), 8);
		rig_write(&d->rig, CHANREG(c) + IOAT_CHANCTRL, RUN, 2);
		rig_write(&d->rig, CHANREG(c) + IOAT_CHAINADDR, rig_iova(&d->rig, d->ring[c]), 8);
	}
	rig_write(&d->rig, IOAT_INTRCTRL,
		IOAT_INTRCTRL_MASTER | (d->mode == MSIX ? IOAT_INTRCTRL_MSIX : 0), 1);
}

static void submit(struct driver *d, unsigned c)
{
	rig_write(&d->rig, CHANREG(c) + IOAT_DMACOUNT, ++d->submitted[c], 2);
}

static bool completed(const struct driver *d, unsigned c)
{
	uint64_t last = rig_iova(&d->rig, &d->ring[c][(d->submitted[c] - 1) % 64]);

	return (*d->status[c] & ~UINT64_C(63)) == last;
}

/* A bit for each channel that wants attention. */
static uint32_t handler(struct driver *d)
{
	uint8_t control = (uint8_t)rig_read(&d->rig, IOAT_INTRCTRL, 1);
	uint32_t attention = 0;

	if (!(control & IOAT_INTRCTRL_MASTER))
		return 0;
	if (control & IOAT_INTRCTRL_STATUS)
		attention = (uint32_t)rig_read(&d->rig, IOAT_ATTNSTATUS, 4);
	else
		d->spurious++;
	rig_write(&d->rig, IOAT_INTRCTRL, control, 1);
	return attention;
}

/* Channels whose turn an interrupt makes it. */
static uint32_t interrupted(struct driver *d)
{
	uint32_t attention = 0;

	if (d->mode == MSIX)
		for (unsigned c = 0; c < CHANNELS; c++)
			attention |= (uint32_t)take_message(d, c) << c;
	else if (d->mode == MSI ? take_message(d, 0) : d->intx)
		attention = handler(d);
	else
		return 0;
	d->interrupts++;
	if (d->mode == INTX)
		host_unmask(d);
	return attention;
}

/* After the handler: what is complete is seen before the channel is re-armed. */
static uint32_t clean_up(struct driver *d, uint32_t attention)
{
	uint32_t done = 0;

	for (unsigned c = 0; c < CHANNELS; c++) {
		if (!(attention >> c & 1))
			continue;
		done |= (uint32_t)completed(d, c) << c;
		rig_write(&d->rig, CHANREG(c) + IOAT_CHANCTRL, RUN, 2);
	}
	return done;
}

static void wait_for(struct driver *d, uint32_t channels)
{
	for (unsigned i = 0; channels && i < PATIENCE; i++) {
		channels &= ~clean_up(d, interrupted(d));
		rig_wait(&d->rig);
	}
	assert_int_equal(channels, 0); /* or an interrupt was lost */
}

static void drive(struct driver *d)
{
	for (unsigned round = 0; round < 300; round++) {
		uint32_t channels = 1 + round % 3; /* one, the other, both */

		for (unsigned c = 0; c < CHANNELS; c++)
			if (channels >> c & 1)
				submit(d, c);
		wait_for(d, channels);
	}
}

/* All is acknowledged: nothing is left asserted, whatever interrupts more than needed came. */
static void check_rest(struct driver *d)
{
	for (unsigned i = 0; i < 100; i++) {
		clean_up(d, interrupted(d));
		rig_wait(&d->rig);
	}
	assert_true(rig_settle(&d->rig));
	assert_false(pci_intx_asserted(&d->rig.dev));
	assert_false(d->intx);
	assert_true(d->interrupts >= 300);
}

static void test_modes(void **state)
{
	const uint64_t options[] = { 0x33, CHANNELS, 20, 1, 4, 1, 0 };
	static struct driver d;

	for (unsigned run = 0; run < MODES * RIG_PATTERNS * 2; run++) {
		memset(&d, 0, sizeof(d));
		d.mode = run % MODES;
		rig_init(&d.rig, run / MODES % RIG_PATTERNS, run / (MODES * RIG_PATTERNS), options);
		host_enable(&d);
		driver_start(&d);
		drive(&d);
		check_rest(&d);
		rig_finish(&d.rig);
	}
}

/* INTRCTRL's master gates pin and message, and lets go what waited for it. */
static void test_master(void **state)
{
	const uint64_t options[] = { 0x33, CHANNELS, 20, 1, 4, 1, 0 };
	static struct driver d;

	for (unsigned run = 0; run < 4; run++) {
		bool trapped = run & 1;

		memset(&d, 0, sizeof(d));
		d.mode = run & 2 ? MSI : INTX;
		rig_init(&d.rig, RIG_EAGER, trapped, options);
		host_enable(&d);
		driver_start(&d);
		rig_write(&d.rig, IOAT_INTRCTRL, 0, 1);
		submit(&d, 0);
		assert_true(rig_settle(&d.rig));
		assert_true(completed(&d, 0));
		assert_false(d.intx);
		assert_int_equal(*d.doorbell[0], QUIET);
		assert_int_equal(rig_read(&d.rig, IOAT_INTRCTRL, 1), IOAT_INTRCTRL_STATUS);
		rig_write(&d.rig, IOAT_INTRCTRL, IOAT_INTRCTRL_MASTER, 1);
		assert_true(rig_settle(&d.rig));
		assert_int_equal(d.intx, d.mode == INTX);
		assert_int_equal(*d.doorbell[0], d.mode == MSI ? 0x40 : QUIET);
		/* Off again, the level falls. */
		rig_write(&d.rig, IOAT_INTRCTRL, 0, 1);
		assert_true(rig_settle(&d.rig));
		assert_false(pci_intx_asserted(&d.rig.dev));
		rig_finish(&d.rig);
	}
}

/* Until it re-arms a channel the driver hears nothing more of it. */
static void test_rearm(void **state)
{
	const uint64_t options[] = { 0x33, CHANNELS, 20, 1, 4, 1, 0 };
	static struct driver d;

	for (unsigned trapped = 0; trapped < 2; trapped++) {
		memset(&d, 0, sizeof(d));
		d.mode = MSIX;
		rig_init(&d.rig, RIG_EAGER, trapped, options);
		host_enable(&d);
		driver_start(&d);
		submit(&d, 1);
		assert_true(rig_settle(&d.rig));
		assert_true(take_message(&d, 1));
		submit(&d, 1);
		assert_true(rig_settle(&d.rig));
		assert_true(completed(&d, 1));
		assert_false(take_message(&d, 1));
		rig_write(&d.rig, CHANREG(1) + IOAT_CHANCTRL, RUN, 2);
		assert_true(rig_settle(&d.rig));
		assert_true(take_message(&d, 1));
		assert_false(take_message(&d, 0));
		rig_finish(&d.rig);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_modes),
		cmocka_unit_test(test_master),
		cmocka_unit_test(test_rearm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
