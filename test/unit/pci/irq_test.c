/* SPDX-License-Identifier: MIT */
/* The interrupt pin and MSI of an endpoint: levels, masks, messages, and which of the kinds a model's
 * interrupt becomes. */
#include "rig.h"

#include <unistd.h>

#include "base/bits.h"

#define COMMAND	  0x04
#define STATUS	  0x06
#define INTX	  0x08 /* of Status */
#define INTX_OFF  0x0400
#define MEM_BM	  0x0006
#define DOORBELL  RIG_PAGE
#define MSI(off)  (b->dev.cap_msi + (off))
#define VECTORS	  8
#define NO_VECTOR 0xffffffff

static void none(struct pci_dev *dev)
{
}

static bool no_step(struct pci_dev *dev, uint64_t budget)
{
	return false;
}

static uint64_t no_read(struct pci_dev *dev, unsigned bar, uint64_t off, unsigned size)
{
	return 0;
}

static void no_write(struct pci_dev *dev, unsigned bar, uint64_t off, uint64_t val, unsigned size)
{
}

/* Options: has a pin, MSI vectors, MSI can be masked. */
static void init(struct pci_dev *dev, const uint64_t *options)
{
	dev->intx.present = options[0];
	dev->msi.vectors = (unsigned)options[1];
	dev->msi.maskable = options[2];
}

static const struct pci_model model = {
	.name = "interrupts",
	.id = { 0x1234, 0x5678, 0x9abc, 0xdef0, 0x010802, 0x21 },
	.bars = { { .bytes = 0x4000 } },
	.msix_vectors = 2,
	.init = init,
	.reset = none,
	.step = no_step,
	.mmio_read = no_read,
	.mmio_write = no_write,
};

static void handler(void *ctx)
{
	struct bench *b = ctx;

	b->handled++;
	if (b->masks)
		pci_intx_disable(&b->dev, true);
}

static struct bench *begin(const char *name, const uint64_t *options)
{
	struct bench *b = rig_begin(&model, name, options);

	pci_config_write(&b->dev, COMMAND, MEM_BM, 2);
	b->masks = true;
	*b->word = NO_VECTOR;
	return b;
}

static int setup(void **state)
{
	const uint64_t options[] = { 1, VECTORS, 1 };

	*state = begin("0000:01:00.2", options);
	return 0;
}

/* What was written to the doorbell since the last call. */
static uint32_t message(struct bench *b)
{
	uint32_t word = *b->word;

	*b->word = NO_VECTOR;
	return word;
}

/* ---- the pin ---- */

static void registers_of_a_pin(void **state)
{
	const uint64_t options[] = { 0, 0, 0 };
	struct bench *b = *state;
	void *without;

	assert_int_equal(pci_config_read(&b->dev, 0x3d, 1), 3); /* function 2: INTC# */
	assert_int_equal(pci_config_read(&b->dev, STATUS, 1) & INTX, 0);
	pci_intx_set(&b->dev, true);
	assert_int_equal(pci_config_read(&b->dev, STATUS, 1) & INTX, INTX);
	pci_config_write(&b->dev, STATUS, 0xffff, 2); /* read-only */
	assert_int_equal(pci_config_read(&b->dev, STATUS, 1) & INTX, INTX);
	pci_config_write(&b->dev, COMMAND, MEM_BM | INTX_OFF, 2); /* shown all the same */
	assert_int_equal(pci_config_read(&b->dev, STATUS, 1) & INTX, INTX);
	pci_dev_reset(&b->dev);
	assert_false(pci_intx_asserted(&b->dev));

	without = b = begin("0000:02:00.0", options);
	assert_int_equal(pci_config_read(&b->dev, 0x3d, 1), 0);
	pci_intx_set(&b->dev, true);
	assert_false(pci_intx_asserted(&b->dev));
	assert_int_equal(b->dev.cap_msi, 0);
	pci_msi_enable(&b->dev, true);
	pci_msi_set(&b->dev, DOORBELL, 1, 0);
	pci_msi_mask(&b->dev, 0, true);
	assert_false(pci_msi_enabled(&b->dev));
	pci_irq_raise(&b->dev, 0);
	assert_int_equal(message(b), NO_VECTOR);
	teardown(&without);
}

static void a_level_reaches_the_handler(void **state)
{
	struct bench *b = *state;

	pci_intx_connect(&b->dev, handler, b);
	pci_intx_set(&b->dev, true);
	assert_int_equal(b->handled, 1);
	pci_intx_set(&b->dev, true); /* it is one level */
	assert_int_equal(b->handled, 1);
	pci_intx_disable(&b->dev, false);
	assert_int_equal(b->handled, 2);
	pci_intx_set(&b->dev, false);
	pci_intx_disable(&b->dev, false);
	assert_int_equal(b->handled, 2);
	pci_intx_set(&b->dev, true);
	assert_int_equal(b->handled, 3);
	pci_intx_connect(&b->dev, NULL, NULL);
	pci_intx_disable(&b->dev, false);
	assert_int_equal(b->handled, 3);
	pci_intx_connect(&b->dev, handler, b); /* it is there already */
	assert_int_equal(b->handled, 4);
}

static void what_holds_a_level_back(void **state)
{
	struct bench *b = *state;

	b->masks = false;
	pci_intx_connect(&b->dev, handler, b);
	pci_config_write(&b->dev, COMMAND, MEM_BM | INTX_OFF, 2);
	pci_intx_set(&b->dev, true);
	assert_int_equal(b->handled, 0);
	pci_config_write(&b->dev, COMMAND, 0, 2); /* neither memory nor bus mastering is needed */
	assert_int_equal(b->handled, 1);
	pci_config_write(&b->dev, b->dev.cap_pm + 4u, 3, 2); /* D3hot */
	assert_int_equal(b->handled, 1);
	pci_config_write(&b->dev, b->dev.cap_pm + 4u, 0, 2);
	assert_int_equal(b->handled, 2);
	pci_msi_enable(&b->dev, true);
	pci_intx_disable(&b->dev, false);
	assert_int_equal(b->handled, 2);
	pci_msi_enable(&b->dev, false);
	assert_int_equal(b->handled, 3);
	pci_msix_enable(&b->dev, true);
	assert_int_equal(b->handled, 3);
	pci_msix_enable(&b->dev, false);
	assert_int_equal(b->handled, 4);
}

/* ---- MSI ---- */

static void registers_of_msi(void **state)
{
	struct bench *b = *state;
	unsigned off = b->dev.cap_msi;

	assert_int_equal(pci_config_read(&b->dev, off, 1), 0x05);
	assert_int_equal(
		pci_config_read(&b->dev, off + 2, 2), 0x0186); /* 8 vectors, 64 bits, masks */
	pci_config_write(&b->dev, off + 2, 0xffff, 2);
	assert_int_equal(pci_config_read(&b->dev, off + 2, 2), 0x01f7);
	pci_config_write(&b->dev, off + 2, 0, 2);
	pci_config_write(&b->dev, off + 4, 0xffffffff, 4);
	assert_int_equal(pci_config_read(&b->dev, off + 4, 4), 0xfffffffc);
	pci_config_write(&b->dev, off + 8, 0xffffffff, 4);
	assert_int_equal(pci_config_read(&b->dev, off + 8, 4), 0xffffffff);
	pci_config_write(&b->dev, off + 12, 0xffffffff, 4);
	assert_int_equal(pci_config_read(&b->dev, off + 12, 4), 0x0000ffff);
	pci_config_write(&b->dev, off + 16, 0xffffffff, 4);
	assert_int_equal(pci_config_read(&b->dev, off + 16, 4), 0x000000ff);
	pci_config_write(&b->dev, off + 20, 0xffffffff, 4);
	assert_int_equal(pci_config_read(&b->dev, off + 20, 4), 0);
}

static void vectors_share_a_message(void **state)
{
	struct bench *b = *state;

	/* Software enables 1, 2, 4, 8 vectors; more is undefined, here all that there are. */
	static const struct {
		unsigned lg2, raised;
		uint32_t want;
	} rows[] = {
		{ 0, 0, 0x4fff },
		{ 0, 5, 0x4fff },
		{ 1, 0, 0x4ffe },
		{ 1, 1, 0x4fff },
		{ 1, 2, 0x4ffe },
		{ 2, 3, 0x4fff },
		{ 3, 0, 0x4ff8 },
		{ 3, 7, 0x4fff },
		{ 3, 8, 0x4ff8 },
		{ 5, 6, 0x4ffe },
	};

	pci_msi_enable(&b->dev, true);
	for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
		/* With one vector all bits of the data are the host's. */
		pci_msi_set(&b->dev, DOORBELL, 0x4fff, rows[i].lg2);
		pci_msi_raise(&b->dev, rows[i].raised);
		assert_int_equal(message(b), rows[i].want);
	}
}

static void masked_vectors_wait(void **state)
{
	struct bench *b = *state;

	pci_msi_set(&b->dev, DOORBELL, 0x40, 3);
	pci_msi_raise(&b->dev, 1); /* disabled: nothing, not even pending */
	pci_msi_enable(&b->dev, true);
	assert_int_equal(message(b), NO_VECTOR);
	pci_msi_mask(&b->dev, 1, true);
	pci_msi_raise(&b->dev, 1);
	pci_msi_raise(&b->dev, 1);
	pci_msi_raise(&b->dev, 2);
	assert_int_equal(message(b), 0x42);
	assert_int_equal(pci_config_read(&b->dev, MSI(20), 4), 2);
	pci_config_write(&b->dev, MSI(16), 0, 4); /* by its register, as pci_msi_mask does */
	assert_int_equal(message(b), 0x41);
	assert_int_equal(pci_config_read(&b->dev, MSI(20), 4), 0);
	pci_config_write(&b->dev, MSI(16), 0, 4);
	assert_int_equal(message(b), NO_VECTOR);
	/* What is pending goes with MSI, and with a reset. */
	for (unsigned reset = 0; reset < 2; reset++) {
		pci_msi_mask(&b->dev, 3, true);
		pci_msi_raise(&b->dev, 3);
		if (reset)
			pci_dev_reset(&b->dev);
		else
			pci_msi_enable(&b->dev, false);
		pci_msi_enable(&b->dev, true);
		pci_msi_mask(&b->dev, 3, false);
		assert_int_equal(message(b), NO_VECTOR);
	}
	pci_msi_mask(&b->dev, VECTORS, true); /* there is none */
	assert_int_equal(pci_config_read(&b->dev, MSI(16), 4), 0);
}

static void without_mask_bits(void **state)
{
	const uint64_t options[] = { 1, 32, 0 };
	struct bench *b;
	void *without;

	without = b = begin("0000:02:00.0", options);
	assert_int_equal(pci_config_read(&b->dev, MSI(2), 2), 0x008a);
	pci_config_write(&b->dev, MSI(16), 0xffffffff, 4);
	assert_int_equal(pci_config_read(&b->dev, MSI(16), 4), 0);
	pci_msi_set(&b->dev, DOORBELL, 0x80, 5);
	pci_msi_enable(&b->dev, true);
	pci_msi_mask(&b->dev, 31, true);
	pci_msi_raise(&b->dev, 31);
	assert_int_equal(message(b), 0x9f);
	teardown(&without);
}

/* Design 13: a message is a DMA write, and is lost where that aborts. */
static void a_message_is_dma(void **state)
{
	struct bench *b = *state;
	uint64_t before = b->dev.master.bytes_written;

	pci_msi_set(&b->dev, DOORBELL, 7, 0);
	pci_msi_enable(&b->dev, true);
	pci_config_write(&b->dev, COMMAND, 0x0002, 2);
	pci_msi_raise(&b->dev, 0);
	pci_config_write(&b->dev, COMMAND, MEM_BM, 2);
	assert_int_equal(message(b), NO_VECTOR);
	pci_msi_raise(&b->dev, 0);
	assert_int_equal(message(b), 7);
	assert_int_equal(b->dev.master.bytes_written - before, 4);
	pci_msi_set(&b->dev, UINT64_C(0x1000000000), 7, 0); /* nothing is there */
	pci_msi_raise(&b->dev, 0);
	assert_int_equal(message(b), NO_VECTOR);
	assert_int_equal(pci_config_read(&b->dev, MSI(20), 4), 0);
}

/* ---- which kind ---- */

static void a_model_need_not_know(void **state)
{
	struct bench *b = *state;

	pci_intx_connect(&b->dev, handler, b);
	pci_msi_set(&b->dev, DOORBELL, 0x40, 2);
	pci_msix_set(&b->dev, 1, DOORBELL, 0x91);
	pci_irq_raise(&b->dev, 1);
	assert_int_equal(b->handled, 1);
	assert_int_equal(message(b), NO_VECTOR);
	pci_intx_set(&b->dev, false);
	pci_intx_disable(&b->dev, false);
	pci_msi_enable(&b->dev, true);
	pci_irq_raise(&b->dev, 1);
	assert_int_equal(message(b), 0x41);
	pci_msi_enable(&b->dev, false);
	pci_msix_enable(&b->dev, true);
	pci_irq_raise(&b->dev, 1);
	assert_int_equal(message(b), 0x91);
	assert_int_equal(b->handled, 1);
	assert_false(pci_intx_asserted(&b->dev));
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(registers_of_a_pin),
		T(a_level_reaches_the_handler),
		T(what_holds_a_level_back),
		T(registers_of_msi),
		T(vectors_share_a_message),
		T(masked_vectors_wait),
		T(without_mask_bits),
		T(a_message_is_dma),
		T(a_model_need_not_know),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
