/* SPDX-License-Identifier: MIT */
#include "dmadrv.h"

#include <string.h>

#define PATIENCE 200
#define CTRL	 0x000c /* abort on any error, status word on errors */

static unsigned channel_state(struct dmadrv *d)
{
	return (unsigned)rig_read(d->rig, CH(IOAT_CHANSTS), 8) & 7;
}

static uint64_t ring_iova(const struct dmadrv *d, unsigned i)
{
	return rig_iova(d->rig, &d->ring[i & (d->n - 1)]);
}

static void link_ring(struct dmadrv *d, unsigned n)
{
	d->n = n;
	d->ring = rig_alloc(d->rig, n * sizeof(*d->ring));
	d->status = rig_alloc(d->rig, 64);
	for (unsigned i = 0; i < n; i++)
		d->ring[i].next = ring_iova(d, i + 1);
}

static void delay_1ms(struct dmadrv *d)
{
	for (unsigned i = 0; i < 3; i++)
		rig_wait(d->rig);
	if (d->rig->threaded)
		rig_sleep_ms(1);
}

int dmadrv_probe(struct dmadrv *d, struct rig *rig, unsigned n)
{
	memset(d, 0, sizeof(*d));
	d->rig = rig;
	link_ring(d, n);
	if (rig_read(rig, CH(IOAT_CHANERR), 4))
		rig_write(rig, CH(IOAT_CHANERR), rig_read(rig, CH(IOAT_CHANERR), 4), 4);
	rig_write(rig, CH(IOAT_CHANCMD), IOAT_CHANCMD_SUSPEND, 1);
	delay_1ms(d);
	rig_write(rig, CH(IOAT_CHANCMD), IOAT_CHANCMD_RESET, 1);
	delay_1ms(d);
	for (unsigned i = 0; rig_read(rig, CH(IOAT_CHANCMD), 1) & IOAT_CHANCMD_RESET; i++) {
		rig_write(rig, CH(IOAT_CHAINADDR), 0, 8);
		delay_1ms(d);
		if (i == PATIENCE)
			return -1;
	}
	return 0;
}

static int recover(struct dmadrv *d)
{
	struct rig *rig = d->rig;
	unsigned tries = 0;

	rig_write(rig, CH(IOAT_CHANERR), rig_read(rig, CH(IOAT_CHANERR), 4), 4);
	rig_write(rig, CH(IOAT_CHANCMD), IOAT_CHANCMD_RESET, 1);
	rig_write(rig, CH(IOAT_CHAINADDR), ring_iova(d, d->next_read), 8);
	rig_write(rig, CH(IOAT_CHANCTRL), CTRL, 2);
	rig_write(rig, CH(IOAT_CHANCMP), rig_iova(rig, (void *)d->status), 8);
	do
		rig_pause(rig);
	while (rig_read(rig, CH(IOAT_CHANSTS), 8) != IOAT_ARMED && ++tries < PATIENCE);
	if (rig_read(rig, CH(IOAT_CHANSTS), 8) != IOAT_ARMED)
		return -1;
	d->offset = d->next_read;
	*d->status = ring_iova(d, d->next_read - 1u);
	return 0;
}

int dmadrv_start(struct dmadrv *d)
{
	rig_write(d->rig, CH(IOAT_CHAINADDR), ring_iova(d, 0), 8);
	rig_write(d->rig, CH(IOAT_CHANCMP), rig_iova(d->rig, (void *)d->status), 8);
	rig_write(d->rig, CH(IOAT_CHANCTRL), CTRL, 2);
	*d->status = ring_iova(d, d->n - 1);
	d->next_read = d->next_write = d->offset = 0;
	d->failure = 0;
	if (channel_state(d) == IOAT_HALTED)
		return recover(d);
	return 0;
}

int dmadrv_stop(struct dmadrv *d)
{
	unsigned state = channel_state(d), tries = 0;
	bool running = state == IOAT_ACTIVE || state == IOAT_IDLE;

	rig_write(d->rig, CH(IOAT_CHANCMD), running ? IOAT_CHANCMD_SUSPEND : IOAT_CHANCMD_RESET, 1);
	do {
		rig_pause(d->rig);
		state = channel_state(d);
	} while (state != IOAT_SUSPENDED && state != IOAT_HALTED && ++tries < PATIENCE);
	return state == IOAT_SUSPENDED || state == IOAT_HALTED ? 0 : -1;
}

unsigned dmadrv_space(const struct dmadrv *d)
{
	return (uint16_t)(d->n - 1 + d->next_read - d->next_write);
}

int dmadrv_enqueue(struct dmadrv *d, uint8_t op, uint64_t src, uint64_t dst, uint32_t len)
{
	struct ioat_desc *desc = &d->ring[d->next_write & (d->n - 1)];

	if (!dmadrv_space(d))
		return -1;
	desc->size = len;
	desc->control = (uint32_t)op << 24 | IOAT_DESC_COMPLETION;
	desc->src = src;
	desc->dst = dst;
	return d->next_write++;
}

void dmadrv_submit(struct dmadrv *d)
{
	rig_write(d->rig, CH(IOAT_DMACOUNT), (uint16_t)(d->next_write - d->offset), 2);
}

static uint16_t last_completed(const struct dmadrv *d, unsigned *state)
{
	uint64_t status = *d->status;

	*state = status & 7;
	if (!(status & ~UINT64_C(7)))
		return (uint16_t)(d->offset - 1);
	return (uint16_t)((status - ring_iova(d, 0)) / sizeof(*d->ring));
}

bool dmadrv_await(struct dmadrv *d)
{
	unsigned state;

	for (unsigned i = 0; i < 10000000; i++) {
		uint16_t last = last_completed(d, &state);

		if (state == IOAT_HALTED || state == IOAT_SUSPENDED ||
			last == ((d->next_write - 1) & (d->n - 1)))
			return true;
		rig_wait(d->rig);
	}
	return false;
}

/* How many more have completed (at most max), and whether a failed one is next. */
static unsigned count_completed(struct dmadrv *d, unsigned max, bool *failed)
{
	unsigned state;
	uint16_t last = last_completed(d, &state);
	unsigned count = (last + 1u - d->next_read) & (d->n - 1);

	*failed = count < max && state == IOAT_HALTED;
	return count < max ? count : max;
}

/* The failed operation is skipped and those behind it are submitted again. */
static void skip_failed(struct dmadrv *d)
{
	d->next_read++;
	d->errors++;
	if (recover(d) == 0)
		dmadrv_submit(d);
}

unsigned dmadrv_completed(struct dmadrv *d, unsigned max, uint16_t *last, bool *error)
{
	unsigned count;
	bool failed;

	*error = d->failure != 0;
	*last = (uint16_t)(d->next_read - 2);
	if (d->failure)
		return 0;
	count = count_completed(d, max, &failed);
	d->next_read = (uint16_t)(d->next_read + count);
	*last = (uint16_t)(d->next_read - 1);
	if (failed) {
		*error = true;
		d->failure = (uint32_t)rig_read(d->rig, CH(IOAT_CHANERR), 4);
		skip_failed(d);
	}
	d->completed += count;
	return count;
}

/*
 * A failure that completed() came upon is told first. (DPDK's driver loses a completion here if the
 * engine has already finished what was submitted again and max is 1; ours does not.)
 */
unsigned dmadrv_completed_status(struct dmadrv *d, unsigned max, uint16_t *last, uint32_t *status)
{
	unsigned told = d->failure ? 1 : 0, count;
	bool failed;

	memset(status, 0, max * sizeof(*status));
	status[0] = d->failure;
	d->failure = 0;
	count = told + count_completed(d, max - told, &failed);
	d->next_read = (uint16_t)(d->next_read + count - told);
	if (failed) {
		status[count++] = (uint32_t)rig_read(d->rig, CH(IOAT_CHANERR), 4);
		skip_failed(d);
	}
	*last = (uint16_t)(d->next_read - 1);
	d->completed += count;
	return count;
}
