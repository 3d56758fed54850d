/* SPDX-License-Identifier: MIT */
/*
 * Descriptors: fetch, check, move, complete. A chain is whatever the program's memory says: it may
 * loop, or change under us. Each descriptor is read once, into our copy, and costs budget even if
 * it moves nothing, so that a step is bounded; a long one goes on in the next step, and so does one
 * whose transaction stalls.
 */
#include "base/bits.h"
#include "dev/ioat/ioat.h"

#define DESC_COST 256 /* bytes of budget */

struct op {
	uint8_t code;
	bool has_src;
	/* Move n bytes from ch->moved on. */
	enum dma_side (*move)(struct ioat_chan *ch, uint32_t n);
};

static enum dma_side move_copy(struct ioat_chan *ch, uint32_t n)
{
	return dma_copy(&ch->ioat->dev->master, NB_IOVA(ch->desc.dst + ch->moved),
		NB_IOVA(ch->desc.src + ch->moved), n);
}

/* A stall may end a piece at any byte: the pattern goes on with the next one. */
static enum dma_side move_fill(struct ioat_chan *ch, uint32_t n)
{
	nb_iova dst = NB_IOVA(ch->desc.dst + ch->moved);
	unsigned shift = ch->moved % 8 * 8;
	uint64_t pattern = ch->desc.src;
	int err;

	if (shift)
		pattern = pattern >> shift | pattern << (64 - shift);
	err = dma_fill(&ch->ioat->dev->master, dst, pattern, n);
	return err == -1 ? DMA_DST_ABORT : (enum dma_side)err;
}

static uint32_t error_of(enum dma_side side)
{
	return side == DMA_SRC_ABORT ? IOAT_ERR_SRC_ADDR : IOAT_ERR_DST_ADDR;
}

static const struct op ops[] = {
	{ IOAT_OP_COPY, true, move_copy },
	{ IOAT_OP_FILL, false, move_fill },
};

static const struct op *find_op(uint32_t control)
{
	for (unsigned i = 0; i < ARRAY_LEN(ops); i++)
		if (ops[i].code == IOAT_DESC_OP(control))
			return &ops[i];
	return NULL;
}

static bool moves_nothing(const struct ioat_desc *desc)
{
	return IOAT_DESC_OP(desc->control) == IOAT_OP_COPY && (desc->control & IOAT_DESC_NULL);
}

static bool wraps(uint64_t addr, uint32_t size)
{
	return addr + (size - 1) < addr;
}

static uint32_t check_desc(const struct ioat_chan *ch)
{
	const struct ioat_desc *desc = &ch->desc;
	const struct op *op = find_op(desc->control);

	if (!op)
		return IOAT_ERR_CONTROL;
	if (moves_nothing(desc))
		return 0;
	if (desc->size == 0 || desc->size > BIT64(ch->ioat->xfercap))
		return IOAT_ERR_LENGTH;
	if (op->has_src && wraps(desc->src, desc->size))
		return IOAT_ERR_SRC_ADDR;
	if (wraps(desc->dst, desc->size))
		return IOAT_ERR_DST_ADDR;
	return 0;
}

/* Errors of the address: of CHAINADDR, or of the next pointer of the descriptor before. */
static uint32_t fetch_desc(struct ioat_chan *ch)
{
	int err;

	ch->cur = ch->next;
	if (!is_aligned(ch->cur, sizeof(ch->desc)))
		return ch->first ? IOAT_ERR_CHAIN_ADDR : IOAT_ERR_NEXT_ALIGN;
	err = dma_read(&ch->ioat->dev->master, NB_IOVA(ch->cur + ch->moved),
		(char *)&ch->desc + ch->moved, sizeof(ch->desc) - ch->moved);
	if (ioat_chan_stalled(ch, err))
		return 0;
	if (err)
		return ch->first ? IOAT_ERR_CHAIN_ADDR : IOAT_ERR_NEXT_ADDR;
	return check_desc(ch);
}

static bool load_desc(struct ioat_chan *ch)
{
	uint32_t error = fetch_desc(ch);

	if (error) {
		ioat_chan_fail(ch, error);
		return false;
	}
	if (ch->stalled)
		return false;
	ch->moved = 0;
	ch->loaded = true;
	return true;
}

static void complete_desc(struct ioat_chan *ch)
{
	ch->loaded = false;
	ch->moved = 0;
	ch->last = ch->cur;
	ch->next = ch->desc.next;
	ch->first = false;
	if (ch->desc.control & IOAT_DESC_COMPLETION)
		ch->report = ch->cur;
	if (ch->desc.control & IOAT_DESC_INT)
		ch->want_int = true;
	if (++ch->done == ch->target)
		ioat_chan_finish_batch(ch);
}

/* Move what the budget allows; returns how much that was. */
static uint32_t run_desc(struct ioat_chan *ch, uint64_t budget)
{
	uint32_t size = moves_nothing(&ch->desc) ? 0 : ch->desc.size;
	uint32_t n = (uint32_t)MIN(size - ch->moved, MAX(align_down(budget, 8), 8));
	uint32_t before = ch->moved;
	enum dma_side side = DMA_OK;

	if (n) {
		side = find_op(ch->desc.control)->move(ch, n);
		if (ioat_chan_stalled(ch, side))
			return ch->moved - before;
	}
	if (side != DMA_OK)
		ioat_chan_fail(ch, error_of(side));
	else if (ch->moved == size)
		complete_desc(ch);
	return n;
}

static uint64_t spend(uint64_t budget, uint64_t cost)
{
	return budget > cost ? budget - cost : 0;
}

uint64_t ioat_exec(struct ioat_chan *ch, uint64_t budget)
{
	uint32_t moved;

	while (ch->state == IOAT_ACTIVE && budget && !ch->word.due) {
		if (!ch->loaded && !load_desc(ch))
			break;
		moved = run_desc(ch, budget);
		if (ch->stalled && !moved)
			break; /* it comes no further now: no work was done */
		budget = spend(budget, DESC_COST + moved);
		if (ch->stalled)
			break;
	}
	return budget;
}
