/* SPDX-License-Identifier: MIT */
#include "irq/msi.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "base/check.h"

#define PAGE_BYTES  4096
#define MAX_VECTORS 65536 /* EventIDs: 16 bits of GITS_TYPER.ID_bits */
#define FIRST_GROW  64

struct vector {
	uint32_t sid;
	void (*fn)(void *ctx); /* NULL: free */
	void *ctx;
};

/* `data` of a vector is its index; the requester must match, or nothing is raised. */
struct msi_controller {
	struct nb_mem *mem;
	struct nb_extent extent;
	pthread_mutex_t lock; /* a leaf; guards the vectors and is held around fn */
	struct vector *vectors;
	uint32_t n;
	uint32_t lowest_free; /* no free vector is below */
};

/* IHI 0069: GITS_TRANSLATER is write-only; the rest of the frame is reserved. */
static int doorbell_read(void *ctx, uint64_t off, void *buf, size_t len)
{
	memset(buf, 0, len);
	return 0;
}

static void raise_vector(struct msi_controller *ctrl, uint32_t sid, uint32_t data)
{
	const struct vector *vector;

	pthread_mutex_lock(&ctrl->lock);
	vector = data < ctrl->n ? &ctrl->vectors[data] : NULL;
	if (vector && vector->fn && vector->sid == sid)
		vector->fn(vector->ctx);
	pthread_mutex_unlock(&ctrl->lock);
}

static int doorbell_write(void *ctx, uint64_t off, const void *buf, size_t len, uint32_t sid)
{
	uint32_t data;

	if (off == MSI_TRANSLATER && len == sizeof(data)) {
		memcpy(&data, buf, sizeof(data));
		raise_vector(ctx, sid, data);
	}
	return 0;
}

static const struct nb_mem_ops doorbell_ops = {
	.read = doorbell_read,
	.write = doorbell_write,
};

struct msi_controller *msi_controller_create(struct nb_mem *mem, nb_pa page)
{
	struct msi_controller *ctrl = calloc(1, sizeof(*ctrl));

	if (!ctrl)
		return NULL;
	ctrl->mem = mem;
	ctrl->extent = (struct nb_extent){
		.pa = page, .bytes = PAGE_BYTES, .ops = &doorbell_ops, .ctx = ctrl
	};
	if (nb_mem_add(mem, &ctrl->extent)) {
		free(ctrl);
		return NULL;
	}
	pthread_mutex_init(&ctrl->lock, NULL);
	return ctrl;
}

void msi_controller_destroy(struct msi_controller *ctrl)
{
	if (!ctrl)
		return;
	nb_mem_remove(ctrl->mem, &ctrl->extent);
	pthread_mutex_destroy(&ctrl->lock);
	free(ctrl->vectors);
	free(ctrl);
}

nb_pa msi_doorbell_page(const struct msi_controller *ctrl)
{
	return ctrl->extent.pa;
}

static bool grow(struct msi_controller *ctrl)
{
	uint32_t n = ctrl->n ? ctrl->n * 2 : FIRST_GROW;
	struct vector *vectors;

	if (n > MAX_VECTORS)
		return false;
	vectors = realloc(ctrl->vectors, n * sizeof(*vectors));
	if (!vectors)
		return false;
	memset(vectors + ctrl->n, 0, (n - ctrl->n) * sizeof(*vectors));
	ctrl->vectors = vectors;
	ctrl->n = n;
	return true;
}

static struct vector *find_free(struct msi_controller *ctrl)
{
	uint32_t i = ctrl->lowest_free;

	while (i < ctrl->n && ctrl->vectors[i].fn)
		i++;
	ctrl->lowest_free = i;
	return i < ctrl->n || grow(ctrl) ? &ctrl->vectors[i] : NULL;
}

int msi_alloc(
	struct msi_controller *ctrl, uint32_t sid, void (*fn)(void *ctx), void *ctx, uint32_t *data)
{
	struct vector *vector;

	pthread_mutex_lock(&ctrl->lock);
	vector = find_free(ctrl);
	if (vector) {
		*vector = (struct vector){ .sid = sid, .fn = fn, .ctx = ctx };
		*data = vector - ctrl->vectors;
	}
	pthread_mutex_unlock(&ctrl->lock);
	return vector ? 0 : -ENOSPC;
}

static bool block_is_free(const struct msi_controller *ctrl, uint32_t first, unsigned n)
{
	for (uint32_t i = first; i < first + n && i < ctrl->n; i++)
		if (ctrl->vectors[i].fn)
			return false;
	return true;
}

static bool find_block(struct msi_controller *ctrl, unsigned n, uint32_t *first)
{
	uint32_t i = ctrl->lowest_free & ~(n - 1);

	while (!block_is_free(ctrl, i, n))
		i += n;
	*first = i;
	while (i + n > ctrl->n)
		if (!grow(ctrl))
			return false;
	return true;
}

int msi_alloc_block(struct msi_controller *ctrl, const struct msi_block *block, uint32_t *data)
{
	bool found;

	pthread_mutex_lock(&ctrl->lock);
	found = find_block(ctrl, block->vectors, data);
	for (unsigned i = 0; found && i < block->vectors; i++)
		ctrl->vectors[*data + i] = (struct vector){ .sid = block->sid,
			.fn = block->fn,
			.ctx = (char *)block->ctx + i * block->ctx_bytes };
	pthread_mutex_unlock(&ctrl->lock);
	return found ? 0 : -ENOSPC;
}

void msi_free(struct msi_controller *ctrl, uint32_t sid, uint32_t data)
{
	pthread_mutex_lock(&ctrl->lock);
	nb_assert(data < ctrl->n && ctrl->vectors[data].fn && ctrl->vectors[data].sid == sid);
	memset(&ctrl->vectors[data], 0, sizeof(ctrl->vectors[data]));
	if (data < ctrl->lowest_free)
		ctrl->lowest_free = data;
	pthread_mutex_unlock(&ctrl->lock);
}
