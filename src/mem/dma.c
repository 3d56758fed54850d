/* SPDX-License-Identifier: MIT */
/*
 * DMA in pieces. A *section* (port_enter to port_leave) moves at most DMA_CHUNK bytes; within it
 * every piece lies in one translated span and one run of memory, so that it is one memcpy, one call
 * of an extent's operations, or, between two extents with operations, one trip through the bounce
 * buffer.
 */
#include "mem/dma.h"

#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "mem/mover.h"
#include "mem/run.h"
#include "mem/sigbus.h"
#include "tlb/port.h"

int dma_master_init(struct dma_master *master, const struct nb_mem *mem)
{
	memset(master, 0, sizeof(*master));
	master->mem = mem;
	master->bounce = aligned_alloc(4096, DMA_CHUNK);
	return master->bounce ? 0 : -1;
}

void dma_master_finish(struct dma_master *master)
{
	free(master->bounce);
	master->bounce = NULL;
}

void dma_counts(const struct dma_master *master, struct dma_counts *out)
{
	out->reads = __atomic_load_n(&master->reads, __ATOMIC_RELAXED);
	out->read_bytes = __atomic_load_n(&master->bytes_read, __ATOMIC_RELAXED);
	out->writes = __atomic_load_n(&master->writes, __ATOMIC_RELAXED);
	out->write_bytes = __atomic_load_n(&master->bytes_written, __ATOMIC_RELAXED);
	out->aborts = __atomic_load_n(&master->aborts, __ATOMIC_RELAXED);
}

static void section_enter(struct dma_master *master)
{
	if (master->port)
		port_enter(master->port);
}

static void section_leave(struct dma_master *master)
{
	if (master->port)
		port_leave(master->port);
}

/* run: what refused it, or NULL: nothing answers there. */
static void tell_abort(const struct dma_master *master, nb_iova iova, nb_pa pa, uint8_t prot,
	const struct mem_run *run)
{
	struct dma_abort abort = { iova, pa, prot, "nothing answers at that physical address" };

	if (!master->aborted)
		return;
	if (run)
		abort.reason = mem_run_reason(run);
	master->aborted(master->aborted_ctx, &abort);
}

/* Translate and decode: the run at iova, at most want bytes. In a section. */
static int find_run(
	struct dma_master *master, nb_iova iova, uint64_t want, uint8_t prot, struct mem_run *run)
{
	struct dma_txn txn = { .iova = iova, .sid = master->sid, .prot = prot };
	struct dma_span span = { .pa = NB_PA(iova.v), .bytes = want };

	if (!master->enabled || iova.v + (want - 1) < iova.v)
		return -1;
	/* FIDELITY: a stalled transaction, and one that is RAZ/WI, aborts like any other. */
	if (master->translate && master->translate(master->ctx, master->port, &txn, &span))
		return -1;
	if (mem_run_at(master->mem, span.pa, MIN(want, span.bytes), run))
		return 0;
	tell_abort(master, iova, span.pa, prot, NULL);
	return -1;
}

/* What is done with the runs of one range. at: offset from the range's first byte. */
struct access {
	uint8_t prot;
	int (*piece)(struct dma_master *master, const struct mem_run *run, void *data, uint64_t at);
	void *data;
};

static int section(struct dma_master *master, nb_iova iova, uint64_t at, uint64_t len,
	const struct access *access)
{
	uint64_t done = 0;
	struct mem_run run;
	int err = 0;

	section_enter(master);
	while (!err && done < len) {
		nb_iova from = NB_IOVA(iova.v + done);

		err = find_run(master, from, len - done, access->prot, &run);
		if (!err) {
			err = access->piece(master, &run, access->data, at + done);
			if (err)
				tell_abort(master, from, mem_run_pa(&run), access->prot, &run);
		}
		if (!err)
			done += run.bytes;
	}
	section_leave(master);
	return err;
}

static int for_range(
	struct dma_master *master, nb_iova iova, uint64_t len, const struct access *access)
{
	uint64_t at, n;

	for (at = 0; at < len; at += n) {
		n = MIN(len - at, (uint64_t)DMA_CHUNK);
		if (section(master, NB_IOVA(iova.v + at), at, n, access)) {
			dma_count(&master->aborts, 1);
			return -1;
		}
	}
	return 0;
}

static int read_piece(struct dma_master *master, const struct mem_run *run, void *data, uint64_t at)
{
	if (mem_run_read(run, (char *)data + at, run->bytes))
		return -1;
	dma_count(&master->bytes_read, run->bytes);
	return 0;
}

int dma_read(struct dma_master *master, nb_iova iova, void *buf, size_t len)
{
	struct access access = { .prot = NB_DMA_READ, .piece = read_piece, .data = buf };

	dma_count(&master->reads, 1);
	return for_range(master, iova, len, &access);
}

static int write_piece(
	struct dma_master *master, const struct mem_run *run, void *data, uint64_t at)
{
	if (mem_run_write(run, (const char *)data + at, run->bytes, master->sid))
		return -1;
	dma_count(&master->bytes_written, run->bytes);
	return 0;
}

int dma_write(struct dma_master *master, nb_iova iova, const void *buf, size_t len)
{
	struct access access = { .prot = NB_DMA_WRITE, .piece = write_piece, .data = (void *)buf };

	dma_count(&master->writes, 1);
	return for_range(master, iova, len, &access);
}

/* len bytes of the repeated pattern, from byte `at` of the repetition on. */
static void put_pattern(uint8_t *to, uint64_t len, uint64_t pattern, uint64_t at)
{
	unsigned shift = at % 8 * 8;
	uint64_t word = shift ? pattern >> shift | pattern << (64 - shift) : pattern, done;

	for (done = 0; done + 8 <= len; done += 8)
		memcpy(to + done, &word, 8);
	memcpy(to + done, &word, len - done);
}

static int fill_piece(struct dma_master *master, const struct mem_run *run, void *data, uint64_t at)
{
	const uint64_t *pattern = data;

	if (!run->ptr) {
		put_pattern(master->bounce, run->bytes, *pattern, at);
		return write_piece(master, run, master->bounce - at, at);
	}
	put_pattern(run->ptr, run->bytes, *pattern, at);
	if (sigbus_poisoned(run->ptr, run->bytes))
		return -1;
	dma_count(&master->bytes_written, run->bytes);
	return 0;
}

int dma_fill(struct dma_master *master, nb_iova iova, uint64_t pattern, size_t len)
{
	struct access access = { .prot = NB_DMA_WRITE, .piece = fill_piece, .data = &pattern };

	dma_count(&master->writes, 1);
	return for_range(master, iova, len, &access);
}

/* Move n bytes between two runs; the side that fails is reported. */
static enum dma_side move(
	struct dma_master *master, const struct mem_run *dst, const struct mem_run *src, uint64_t n)
{
	const void *from = src->ptr;

	if (dst->ptr && !from) /* straight to where it goes */
		return mem_run_read(src, dst->ptr, n) ? DMA_SRC_ABORT
		       : sigbus_poisoned(dst->ptr, n) ? DMA_DST_ABORT
						      : DMA_OK;
	if (!from)
		return dma_mover_move(master->mover, dst, src, n, master->sid, master->bounce);
	if (mem_run_write(dst, from, n, master->sid))
		return DMA_DST_ABORT;
	return sigbus_poisoned(src->ptr, n) ? DMA_SRC_ABORT : DMA_OK;
}

static enum dma_side copy_piece(
	struct dma_master *master, nb_iova dst, nb_iova src, uint64_t want, uint64_t *moved)
{
	struct mem_run from, to;
	enum dma_side side;

	if (find_run(master, src, want, NB_DMA_READ, &from))
		return DMA_SRC_ABORT;
	if (find_run(master, dst, MIN(want, from.bytes), NB_DMA_WRITE, &to))
		return DMA_DST_ABORT;
	*moved = MIN(from.bytes, to.bytes);
	side = move(master, &to, &from, *moved);
	if (side == DMA_OK) {
		dma_count(&master->bytes_read, *moved);
		dma_count(&master->bytes_written, *moved);
	} else if (side == DMA_SRC_ABORT) {
		tell_abort(master, src, mem_run_pa(&from), NB_DMA_READ, &from);
	} else {
		tell_abort(master, dst, mem_run_pa(&to), NB_DMA_WRITE, &to);
	}
	return side;
}

static enum dma_side copy_section(struct dma_master *master, nb_iova dst, nb_iova src, uint64_t len)
{
	enum dma_side side = DMA_OK;
	uint64_t done, moved;

	section_enter(master);
	for (done = 0; done < len && side == DMA_OK; done += moved) {
		moved = 0;
		side = copy_piece(
			master, NB_IOVA(dst.v + done), NB_IOVA(src.v + done), len - done, &moved);
	}
	section_leave(master);
	return side;
}

enum dma_side dma_copy(struct dma_master *master, nb_iova dst, nb_iova src, size_t len)
{
	enum dma_side side = DMA_OK;
	uint64_t at, n;

	dma_count(&master->reads, 1);
	dma_count(&master->writes, 1);
	for (at = 0; at < len && side == DMA_OK; at += n) {
		n = MIN(len - at, (uint64_t)DMA_CHUNK);
		side = copy_section(master, NB_IOVA(dst.v + at), NB_IOVA(src.v + at), n);
	}
	if (side != DMA_OK)
		dma_count(&master->aborts, 1);
	return side;
}
