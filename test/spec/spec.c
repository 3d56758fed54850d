/* SPDX-License-Identifier: MIT */
/* The runner of spec rows. */
#include "spec.h"

#include <stdio.h>

static void (*const bases[])(struct rig *rig) = {
	[SPEC_S1] = rig_s1,
	[SPEC_S2] = rig_s2,
	[SPEC_NESTED] = rig_nested,
};

void spec_tables(struct rig *rig, enum spec_base base, const struct spec_poke *poke, size_t n)
{
	size_t i;

	if (base == SPEC_BYPASS)
		rig_ste(rig, RIG_SID, STE0_BYPASS, 0, 0, 0);
	else if (base != SPEC_NONE)
		bases[base](rig);
	for (i = 0; i < n && poke[i].at; i++)
		rig_poke(rig, poke[i].at, poke[i].value);
}

static void build(struct rig *rig, const struct spec_row *row)
{
	rig_create(rig, row->hw);
	spec_tables(rig, row->base, row->poke, ARRAY_LEN(row->poke));
	rig_enable(rig);
	rig_write(rig, R_CR0, CR0_EVENTQEN);
	if (row->strtab_at)
		nb_smmuv3_write(rig->smmu, R_STRTAB_BASE, RAM(row->strtab_at), 8);
	if (row->strtab_cfg)
		rig_write(rig, R_STRTAB_CFG, row->strtab_cfg);
	if (row->no_recinvsid)
		rig_write(rig, R_CR2, 0);
	if (!row->off)
		rig_write(rig, R_CR0, CR0_EVENTQEN | CR0_SMMUEN);
}

int spec_differs(const char *what, uint64_t got, uint64_t want)
{
	if (got == want)
		return 0;
	printf("    %s: %#llx, expected %#llx\n", what, (unsigned long long)got,
		(unsigned long long)want);
	return 1;
}

/* Which SubstreamID the record has: IHI 0070 7.3.7, 7.3.9. */
static uint64_t ssid_field(const struct spec_row *row)
{
	if ((!row->ssid && !row->ssv) || row->event == EVT_F_STREAM_DISABLED)
		return 0;
	return (row->event == EVT_C_BAD_SUBSTREAMID ? 0 : EVT_0_SSV) | (uint64_t)row->ssid << 12;
}

static int check_event(struct rig *rig, const struct spec_row *row, uint32_t sid)
{
	uint64_t record[EVT_WORDS], w0 = row->event | (uint64_t)sid << 32;
	int bad = spec_differs("events", rig_event_count(rig), row->event ? 1 : 0);

	if (bad || !row->event)
		return bad;
	rig_event(rig, record);
	bad += spec_differs("word 0", record[0], w0 | ssid_field(row));
	bad += spec_differs("word 1", record[1], row->w1);
	bad += spec_differs("word 2", record[2], row->event >= EVT_F_WALK_EABT ? row->iova : 0);
	bad += spec_differs("word 3", record[3], row->w3);
	return bad;
}

/* Three times: from tables, from the caches, and (globals) cached on second sight. */
static bool check(const void *spec_row)
{
	const struct spec_row *row = spec_row;
	uint32_t sid = row->sid ?: RIG_SID;
	struct dma_txn txn = { .iova = NB_IOVA(row->iova),
		.prot = row->prot,
		.priv = row->priv,
		.inst = row->inst,
		.sid = sid,
		.ssid = row->ssid,
		.ssid_valid = row->ssid || row->ssv };
	struct dma_span span;
	struct rig rig;
	int bad = 0, turn, ret;

	build(&rig, row);
	for (turn = 0; turn < 3; turn++) {
		span = (struct dma_span){ .pa = NB_PA(0) };
		port_enter(rig.port);
		ret = smmuv3_translate(rig.smmu, rig.port, &txn, &span);
		port_leave(rig.port);
		bad += spec_differs("result", ret,
			row->verdict ?: (row->bytes ? NB_SMMUV3_OK : NB_SMMUV3_ABORT));
		bad += check_event(&rig, row, sid);
		bad += spec_differs("address", span.pa.v, row->pa);
		bad += spec_differs("bytes", span.bytes, row->bytes);
	}
	rig_finish(&rig);
	return !bad;
}

int spec_rows(int argc, char **argv, const void *rows, size_t n, size_t size,
	bool (*holds)(const void *row))
{
	bool listing = argc == 2 && !strcmp(argv[1], "--list");
	size_t i, failed = 0;

	for (i = 0; i < n; i++) {
		const void *row = (const char *)rows + i * size;
		const char *const *name = row;

		if (listing) {
			printf("%s\t%s\n", name[0], name[1]);
		} else if (!holds(row)) {
			printf("  row %zu: %s: %s\n", i, name[0], name[1]);
			failed++;
		}
	}
	if (!listing)
		printf("%zu rows, %zu of them do not hold\n", n, failed);
	return failed ? 1 : 0;
}

int spec_main(int argc, char **argv, const struct spec_row *rows, size_t n)
{
	return spec_rows(argc, argv, rows, n, sizeof(*rows), check);
}
