/* SPDX-License-Identifier: MIT */
/*
 * DMA in pieces. A *section* (port_enter to port_leave) moves at most DMA_CHUNK bytes; within it
 * every piece lies in one translated span and one run of memory, so that it is one memcpy, one call
 * of an extent's operations, or, between two extents with operations, one trip through the bounce
 * buffer. A piece that stalls ends the section, and the call: whoever asked goes on from there.
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

#define RAZ_BYTES 4096u

/*
 * RAZ/WI: as far as the page goes that could not be translated, whatever its size: 4 KiB. A read finds
 * zeros, and a write goes where nobody looks.
 */
static int ignore(
	struct dma_master *master, const struct dma_txn *txn, uint64_t want, struct mem_run *run)
{
	static uint8_t zeros[RAZ_BYTES];

	*run = (struct mem_run){
		.ptr = txn->prot == NB_DMA_READ ? zeros : master->bounce,
		.bytes = MIN(want, RAZ_BYTES - txn->iova.v % RAZ_BYTES),
	};
	return 0;
}

/* Translation did not yield an address. */
static __attribute__((noinline)) int not_translated(struct dma_master *master,
	const struct dma_txn *txn, int verdict, uint64_t want, struct mem_run *run)
{
	if (verdict == DMA_TXN_RAZ_WI)
		return ignore(master, txn, want, run);
	if (verdict != DMA_TXN_STALLS)
		return -1;
	master->stalled = *txn;
	return DMA_STALLED;
}

/* Translate and decode: the run at iova, at most want bytes; -1, or DMA_STALLED. In a section. */
static int find_run(
	struct dma_master *master, nb_iova iova, uint64_t want, uint8_t prot, struct mem_run *run)
{
	struct dma_txn txn = { .iova = iova,
		.sid = master->sid,
		.ssid = master->ssid,
		.ssid_valid = master->ssid_valid,
		.prot = prot };
	struct dma_span span = { .pa = NB_PA(iova.v), .bytes = want };
	int verdict = DMA_TRANSLATED;

	if (!master->enabled || iova.v + (want - 1) < iova.v)
		return -1;
	if (master->translate)
		verdict = master->translate(master->ctx, master->port, &txn, &span);
	if (verdict != DMA_TRANSLATED)
		return not_translated(master, &txn, verdict, want, run);
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

/* Advances master->done by what was moved. */
static int section(
	struct dma_master *master, nb_iova iova, uint64_t len, const struct access *access)
{
	uint64_t at = master->done, end = at + len;
	struct mem_run run;
	int err = 0;

	section_enter(master);
	while (!err && at < end) {
		nb_iova from = NB_IOVA(iova.v + at);

		err = find_run(master, from, end - at, access->prot, &run);
		if (!err) {
			err = access->piece(master, &run, access->data, at);
			if (err)
				tell_abort(master, from, mem_run_pa(&run), access->prot, &run);
		}
		if (!err)
			at += run.bytes;
	}
	section_leave(master);
	master->done = at;
	return err;
}

/* count: reads or writes. What stalls is counted when it ends. */
static int for_range(struct dma_master *master, nb_iova iova, uint64_t len,
	const struct access *access, uint64_t *count)
{
	int err = 0;

	master->done = 0;
	while (!err && master->done < len)
		err = section(master, iova, MIN(len - master->done, (uint64_t)DMA_CHUNK), access);
	if (err != DMA_STALLED)
		dma_count(count, 1);
	if (err == -1)
		dma_count(&master->aborts, 1);
	return err;
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

	return for_range(master, iova, len, &access, &master->reads);
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

	return for_range(master, iova, len, &access, &master->writes);
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

	return for_range(master, iova, len, &access, &master->writes);
}

int dma_message(struct dma_master *master, nb_iova iova, const void *buf, size_t len)
{
	bool valid = master->ssid_valid;
	int err;

	master->ssid_valid = false;
	err = dma_write(master, iova, buf, len);
	master->ssid_valid = valid;
	return err;
}

void dma_forget(const struct dma_master *master, const struct dma_txn *txn)
{
	if (master->forget)
		master->forget(master->ctx, master->port, txn);
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
	int err = find_run(master, src, want, NB_DMA_READ, &from);

	if (err)
		return err == DMA_STALLED ? DMA_STALLED : DMA_SRC_ABORT;
	err = find_run(master, dst, MIN(want, from.bytes), NB_DMA_WRITE, &to);
	if (err)
		return err == DMA_STALLED ? DMA_STALLED : DMA_DST_ABORT;
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

/* Advances master->done by what was moved. */
static enum dma_side copy_section(struct dma_master *master, nb_iova dst, nb_iova src, uint64_t len)
{
	uint64_t at = master->done, end = at + len, moved = 0;
	enum dma_side side = DMA_OK;

	section_enter(master);
	while (at < end && side == DMA_OK) {
		side = copy_piece(
			master, NB_IOVA(dst.v + at), NB_IOVA(src.v + at), end - at, &moved);
		if (side == DMA_OK)
			at += moved;
	}
	section_leave(master);
	master->done = at;
	return side;
}

enum dma_side dma_copy(struct dma_master *master, nb_iova dst, nb_iova src, size_t len)
{
	enum dma_side side = DMA_OK;

	master->done = 0;
	while (master->done < len && side == DMA_OK)
		side = copy_section(master, dst, src, MIN(len - master->done, (uint64_t)DMA_CHUNK));
	if (side != DMA_STALLED) {
		dma_count(&master->reads, 1);
		dma_count(&master->writes, 1);
	}
	if (side != DMA_OK && side != DMA_STALLED)
		dma_count(&master->aborts, 1);
	return side;
}
