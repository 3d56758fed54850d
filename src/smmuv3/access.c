/* SPDX-License-Identifier: MIT */
/* Translation and DMA as users of the library see them, over what the simulated host uses. */
#include "smmuv3/model.h"

#include <string.h>

/* Sections are short, since CMD_SYNC waits for them. */
#define SECTION_BYTES KIB(64)

void nb_smmuv3_enter(struct nb_smmuv3_port *port)
{
	port_enter(&port->port);
}

void nb_smmuv3_leave(struct nb_smmuv3_port *port)
{
	port_leave(&port->port);
}

static struct dma_txn txn_of(
	const struct nb_smmuv3_port *port, uint32_t flags, uint32_t ssid, nb_iova iova)
{
	return (struct dma_txn){
		.iova = iova,
		.sid = port->port.sid,
		.ssid = flags & NB_SSV ? ssid : 0,
		.ssid_valid = flags & NB_SSV,
		.priv = flags & NB_PRIV,
		.inst = flags & NB_INSN,
		.translated = flags & NB_TRANSLATED,
		.prot = flags & (NB_READ | NB_WRITE),
	};
}

static enum nb_smmuv3_verdict translate(
	struct nb_smmuv3_port *port, const struct dma_txn *txn, struct nb_smmuv3_span *span)
{
	struct dma_span found;
	int verdict = smmuv3_translate(port->smmu, &port->port, txn, &found);

	if (verdict == NB_SMMUV3_OK)
		*span = (struct nb_smmuv3_span){ .pa = found.pa, .bytes = found.bytes };
	return verdict;
}

enum nb_smmuv3_verdict nb_smmuv3_translate(
	struct nb_smmuv3_port *port, const struct nb_smmuv3_txn *at, struct nb_smmuv3_span *span)
{
	const struct dma_txn txn = txn_of(port, at->flags, at->ssid, at->iova);

	return translate(port, &txn, span);
}

size_t nb_smmuv3_translate_batch(struct nb_smmuv3_port *port, uint32_t flags, uint32_t ssid,
	const nb_iova *iova, struct nb_smmuv3_span *span, size_t n, enum nb_smmuv3_verdict *verdict)
{
	struct dma_txn txn = txn_of(port, flags, ssid, NB_IOVA(0));
	size_t i;

	*verdict = NB_SMMUV3_OK;
	for (i = 0; i < n && *verdict == NB_SMMUV3_OK; i++) {
		txn.iova = iova[i];
		*verdict = translate(port, &txn, &span[i]);
	}
	return *verdict == NB_SMMUV3_OK ? i : i - 1;
}

/* One DMA on its way; exactly one of in and out. */
struct dma {
	struct dma_txn txn;
	uint8_t *in;
	const uint8_t *out;
	size_t done, left;
};

static int access_memory(struct nb_smmuv3_port *port, const struct dma *dma, nb_pa pa, size_t len)
{
	const struct nb_mem *mem = port->smmu->mem;

	if (dma->out)
		return nb_mem_write(mem, pa, dma->out + dma->done, len, dma->txn.sid);
	return nb_mem_read(mem, pa, dma->in + dma->done, len);
}

static enum nb_smmuv3_verdict section(struct nb_smmuv3_port *port, struct dma *dma)
{
	enum nb_smmuv3_verdict verdict;
	struct nb_smmuv3_span span;
	size_t len = 0;

	port_enter(&port->port);
	verdict = translate(port, &dma->txn, &span);
	if (verdict == NB_SMMUV3_OK) {
		len = MIN(MIN(span.bytes, SECTION_BYTES), dma->left);
		if (access_memory(port, dma, span.pa, len))
			verdict = NB_SMMUV3_ABORT;
	}
	port_leave(&port->port);
	if (verdict != NB_SMMUV3_OK)
		return verdict;
	dma->done += len;
	dma->left -= len;
	dma->txn.iova.v += len;
	return NB_SMMUV3_OK;
}

static enum nb_smmuv3_verdict run_dma(struct nb_smmuv3_port *port, struct dma *dma, size_t *done)
{
	enum nb_smmuv3_verdict verdict = NB_SMMUV3_OK;

	while (dma->left && verdict == NB_SMMUV3_OK)
		verdict = section(port, dma);
	if (done)
		*done = dma->done;
	return verdict;
}

enum nb_smmuv3_verdict nb_smmuv3_dma_read(struct nb_smmuv3_port *port,
	const struct nb_smmuv3_txn *at, void *buf, size_t len, size_t *done)
{
	struct dma dma = {
		.txn = txn_of(port, at->flags | NB_READ, at->ssid, at->iova),
		.in = buf,
		.left = len,
	};
	enum nb_smmuv3_verdict verdict = run_dma(port, &dma, done);

	if (verdict == NB_SMMUV3_RAZ_WI)
		memset(dma.in + dma.done, 0, dma.left);
	return verdict;
}

enum nb_smmuv3_verdict nb_smmuv3_dma_write(struct nb_smmuv3_port *port,
	const struct nb_smmuv3_txn *at, const void *buf, size_t len, size_t *done)
{
	struct dma dma = {
		.txn = txn_of(port, at->flags | NB_WRITE, at->ssid, at->iova),
		.out = buf,
		.left = len,
	};

	return run_dma(port, &dma, done);
}
