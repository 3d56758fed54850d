/* SPDX-License-Identifier: MIT */
/* Inputs: running one, and changing it record by record (input.h). */
#include "fuzz/input.h"

#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "fuzz/world.h"

void fuzz_run(const uint8_t *bytes, size_t len, bool words)
{
	struct fuzz_rec rec = { 0 };
	struct world *w;
	size_t n = MIN(len / sizeof(rec), (size_t)FUZZ_MAX_RECS);

	if (!n)
		return;
	memcpy(&rec, bytes, sizeof(rec));
	w = world_create(&rec, words);
	for (size_t i = 1; i < n; i++) {
		memcpy(&rec, bytes + i * sizeof(rec), sizeof(rec));
		op_run(w, &rec);
	}
	world_destroy(w);
}

/* ---- mutation ---- */

#define REC sizeof(struct fuzz_rec)

struct mutation {
	uint8_t *bytes;
	size_t n, max; /* records */
	unsigned seed;
	size_t (*mutate)(uint8_t *bytes, size_t len, size_t max);
};

static unsigned dice(struct mutation *m, size_t sides)
{
	return (unsigned)rand_r(&m->seed) % (unsigned)sides;
}

/* One record but the first, which is the world. */
static uint8_t *some(struct mutation *m)
{
	return m->bytes + (m->n > 1 ? 1 + dice(m, m->n - 1) : 0) * REC;
}

static void random_rec(struct mutation *m, struct fuzz_rec *rec)
{
	rec->op = (uint8_t)dice(m, FUZZ_OPS);
	/* Mostly the first file, and what a program would pass. */
	rec->who = (uint8_t)(dice(m, 16) ? dice(m, 3) : dice(m, 256));
	for (unsigned i = 0; i < ARRAY_LEN(rec->p); i++)
		rec->p[i] = (uint8_t)(dice(m, 8) ? dice(m, 128) : dice(m, 256));
	rec->x = (uint64_t)dice(m, 1u << 30) << dice(m, 40);
	rec->y = (uint64_t)dice(m, 1u << 30) << dice(m, 40);
}

static void insert(struct mutation *m)
{
	struct fuzz_rec rec;
	size_t at = 1 + dice(m, m->n);

	if (m->n == m->max)
		return;
	random_rec(m, &rec);
	at = MIN(at, m->n);
	memmove(m->bytes + (at + 1) * REC, m->bytes + at * REC, (m->n - at) * REC);
	memcpy(m->bytes + at * REC, &rec, REC);
	m->n++;
}

static void drop(struct mutation *m)
{
	size_t at = 1 + dice(m, m->n);

	if (at >= m->n)
		return;
	memmove(m->bytes + at * REC, m->bytes + (at + 1) * REC, (m->n - at - 1) * REC);
	m->n--;
}

static void repeat(struct mutation *m)
{
	if (m->n < 2 || m->n == m->max)
		return;
	memcpy(m->bytes + m->n * REC, some(m), REC);
	m->n++;
}

static void swap(struct mutation *m)
{
	struct fuzz_rec rec;
	uint8_t *a = some(m), *b = some(m);

	if (m->n < 3)
		return;
	memcpy(&rec, a, REC);
	memmove(a, b, REC);
	memcpy(b, &rec, REC);
}

static void change_pick(struct mutation *m)
{
	uint8_t *rec = some(m);

	rec[dice(m, offsetof(struct fuzz_rec, x))] = (uint8_t)dice(m, dice(m, 2) ? 16 : 256);
}

static void change_bytes(struct mutation *m)
{
	m->mutate(some(m), REC, REC);
}

static void change_world(struct mutation *m)
{
	m->bytes[dice(m, 4)] = (uint8_t)dice(m, 256);
}

size_t fuzz_mutate(uint8_t *bytes, size_t len, size_t max, unsigned seed,
	size_t (*mutate)(uint8_t *bytes, size_t len, size_t max))
{
	static void (*const ways[])(struct mutation * m) = { insert, insert, insert, drop, repeat,
		swap, change_pick, change_pick, change_bytes, change_bytes, change_world };
	struct mutation m = { .bytes = bytes,
		.n = len / REC,
		.max = MIN(max / REC, (size_t)FUZZ_MAX_RECS),
		.seed = seed,
		.mutate = mutate };

	if (!m.max)
		return len;
	if (!m.n) {
		memset(bytes, 0, REC);
		m.n = 1;
	}
	m.n = MIN(m.n, m.max);
	for (unsigned times = 1 + dice(&m, 4); times--;)
		ways[dice(&m, ARRAY_LEN(ways))](&m);
	return m.n * REC;
}

/* The beginning of one and the end of the other. */
size_t fuzz_cross(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len, uint8_t *out,
	size_t max, unsigned seed)
{
	size_t an = a_len / REC, bn = b_len / REC, head, tail;
	struct mutation m = { .seed = seed };

	if (!an || !bn)
		return 0;
	head = 1 + dice(&m, an);
	head = MIN(head, max / REC);
	tail = dice(&m, bn);
	tail = MIN(tail, max / REC - head);
	memcpy(out, a, head * REC);
	memcpy(out + head * REC, b + (bn - tail) * REC, tail * REC);
	return (head + tail) * REC;
}
