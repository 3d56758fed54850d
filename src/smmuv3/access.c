/* SPDX-License-Identifier: MIT */
/* Ports as the public interface has them: sections, translation, DMA. */
#include <string.h>

#include "mem/run.h"
#include "smmuv3/lookup.h"

void nb_smmuv3_enter(struct nb_smmuv3_port *port)
{
	port_enter(&port->port);
}

void nb_smmuv3_leave(struct nb_smmuv3_port *port)
{
	smmu_leave(port);
}

enum nb_smmuv3_verdict nb_smmuv3_translate(
	struct nb_smmuv3_port *port, const struct nb_smmuv3_txn *txn, struct nb_smmuv3_span *span)
{
	return smmu_translate(port, txn->iova, txn->flags, txn->ssid, span);
}

/* A DMA on its way. */
struct transfer {
	struct nb_smmuv3_port *port;
	struct nb_smmuv3_txn txn; /* of the next byte */
	uint8_t *to;		  /* a read */
	const uint8_t *from;	  /* a write */
	uint64_t left;
};

static bool move(const struct transfer *transfer, const struct mem_run *run)
{
	if (transfer->to)
		return !mem_run_read(run, transfer->to, run->bytes);
	return !mem_run_write(run, transfer->from, run->bytes, transfer->port->port.sid);
}

static void advance(struct transfer *transfer, uint64_t bytes)
{
	transfer->txn.iova.v += bytes;
	transfer->left -= bytes;
	if (transfer->to)
		transfer->to += bytes;
	else
		transfer->from += bytes;
}

/* RAZ/WI: as far as the page that could not be translated goes, whatever its size: 4 KiB. */
static uint64_t ignore(const struct transfer *transfer, uint64_t want)
{
	uint64_t bytes = MIN(want, KIB(4) - (transfer->txn.iova.v & (KIB(4) - 1)));

	if (transfer->to)
		memset(transfer->to, 0, bytes);
	return bytes;
}

/* One run of memory, at most want bytes. In a section. */
static enum nb_smmuv3_verdict piece(struct transfer *transfer, uint64_t want)
{
	struct nb_smmuv3_span span;
	struct mem_run run;
	enum nb_smmuv3_verdict verdict;

	verdict = nb_smmuv3_translate(transfer->port, &transfer->txn, &span);
	if (verdict == NB_SMMUV3_RAZ_WI) {
		advance(transfer, ignore(transfer, want));
		return NB_SMMUV3_OK;
	}
	if (verdict != NB_SMMUV3_OK)
		return verdict;
	if (!mem_run_at(transfer->port->smmu->mem, span.pa, MIN(want, span.bytes), &run) ||
		!move(transfer, &run))
		return NB_SMMUV3_ABORT;
	advance(transfer, run.bytes);
	return NB_SMMUV3_OK;
}

/* At most DMA_CHUNK bytes, so that whoever waits for the section waits a bounded time. */
static enum nb_smmuv3_verdict section(struct transfer *transfer)
{
	uint64_t end = transfer->left - MIN(transfer->left, (uint64_t)DMA_CHUNK);
	enum nb_smmuv3_verdict verdict = NB_SMMUV3_OK;

	nb_smmuv3_enter(transfer->port);
	while (transfer->left > end && verdict == NB_SMMUV3_OK)
		verdict = piece(transfer, transfer->left - end);
	nb_smmuv3_leave(transfer->port);
	return verdict;
}

static enum nb_smmuv3_verdict dma(struct transfer *transfer, size_t len, size_t *done)
{
	enum nb_smmuv3_verdict verdict = NB_SMMUV3_OK;
	uint64_t room = -transfer->txn.iova.v, beyond;

	/* Addresses do not wrap around; from 0 on there is room for all. */
	transfer->left = room ? MIN(room, (uint64_t)len) : len;
	beyond = len - transfer->left;
	while (transfer->left && verdict == NB_SMMUV3_OK)
		verdict = section(transfer);
	if (done)
		*done = len - beyond - transfer->left;
	return verdict == NB_SMMUV3_OK && beyond ? NB_SMMUV3_ABORT : verdict;
}

enum nb_smmuv3_verdict nb_smmuv3_dma_read(struct nb_smmuv3_port *port,
	const struct nb_smmuv3_txn *at, void *buf, size_t len, size_t *done)
{
	struct transfer transfer = { .port = port, .txn = *at, .to = buf };

	transfer.txn.flags |= NB_READ;
	return dma(&transfer, len, done);
}

enum nb_smmuv3_verdict nb_smmuv3_dma_write(struct nb_smmuv3_port *port,
	const struct nb_smmuv3_txn *at, const void *buf, size_t len, size_t *done)
{
	struct transfer transfer = { .port = port, .txn = *at, .from = buf };

	transfer.txn.flags |= NB_WRITE;
	return dma(&transfer, len, done);
}
