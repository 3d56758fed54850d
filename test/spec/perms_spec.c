/* SPDX-License-Identifier: MIT */
/*
 * Permissions (Arm ARM D8.4) of every leaf of both stages against every kind of access, and hardware
 * update of access flag and dirty state (D8.5).
 */
#include "tables.h"

#define VA UINT64_C(0x40403000)

/* A page of one stage, or of both: *leaf1, *leaf2 are its descriptors. */
struct page {
	struct tree t1, t2;
	uint64_t *leaf1, *leaf2;
	uint64_t table;	       /* the last one of stage 1 */
	uint64_t *table_leaf2; /* what maps it */
	struct setup setup;
};

static uint64_t pa_of(const struct page *p)
{
	return RAM(0x20000);
}

static void page_init(struct world *w, struct page *p, bool s1, bool s2, uint64_t table_bits)
{
	*p = (struct page){ 0 };
	if (s1) {
		tree_init(w, &p->t1, 12, 48, 0);
		p->t1.table_bits = table_bits;
		p->leaf1 = tree_at(w, &p->t1, VA, 3);
		*p->leaf1 = pa_of(p) | 0xc43;
		p->table = align_down(RIG_RAM + ((uint8_t *)p->leaf1 - w->rig.ram), 4096);
		p->setup.s1 = &p->t1;
	}
	if (s2) {
		tree_init(w, &p->t2, 12, 40, 1);
		tree_identity(w, &p->t2, 3);
		p->leaf2 = tree_at(w, &p->t2, s1 ? pa_of(p) : VA, 3);
		*p->leaf2 = pa_of(p) | 0x4ff;
		if (s1)
			p->table_leaf2 = tree_at(w, &p->t2, p->table, 3);
		p->setup.s2 = &p->t2;
	}
}

/* Accesses by the letters of a string like "rwx r--": unprivileged, then privileged. */
static const struct {
	uint8_t at, flags;
} kinds[] = {
	{ 0, UR },
	{ 1, UW },
	{ 2, UR | AX },
	{ 4, UR | AP },
	{ 5, UW | AP },
	{ 6, UR | AX | AP },
};

static void check_rights(struct world *w, const struct page *p, const char *rights)
{
	bool s2 = !p->setup.s1;
	unsigned i;

	world_setup(w, &p->setup);
	for (i = 0; i < ARRAY_LEN(kinds); i++) {
		if (rights[kinds[i].at] == '-')
			world_faults(w, VA, kinds[i].flags, EVT_F_PERMISSION, s2 ? S2F | IN : IN,
				s2 ? VA : 0);
		else
			world_reaches(w, VA, kinds[i].flags, pa_of(p), KIB(4));
	}
}

/* Stage 1, by PAN, WXN and AP[2:1]; PXN and UXN then take execution. */
static const char *const s1_rights[2][2][4] = {
	{ { "--x rwx", "rwx rw-", "--x r-x", "r-x r-x" },
		{ "--x rw-", "rw- rw-", "--x r-x", "r-x r-x" } },
	{ { "--x rwx", "rwx ---", "--x r-x", "r-x --x" },
		{ "--x rw-", "rw- ---", "--x r-x", "r-x --x" } },
};

static void stage1(struct world *w)
{
	unsigned pan, wxn, ap, xn;
	char rights[8];
	struct page p;

	for (pan = 0; pan < 2; pan++)
		for (wxn = 0; wxn < 2; wxn++)
			for (ap = 0; ap < 4; ap++)
				for (xn = 0; xn < 4; xn++) {
					if (!world_row(w, "ARM D8.4.1",
						    "PAN %u, WXN %u, AP[2:1] %u, UXN %u, PXN %u",
						    pan, wxn, ap, xn >> 1, xn & 1))
						continue;
					memcpy(rights, s1_rights[pan][wxn][ap], sizeof(rights));
					rights[2] = xn & 2 ? '-' : rights[2];
					rights[6] = xn & 1 ? '-' : rights[6];
					page_init(w, &p, true, false, 0);
					*p.leaf1 = pa_of(&p) | 0xc03 | ap << 6 | (uint64_t)xn << 53;
					p.setup.or_cd0 =
						(pan ? CD_0_PAN : 0) | (wxn ? CD_0_WXN : 0);
					check_rights(w, &p, rights);
				}
}

/* Stage 2 with XNX, by S2AP and XN[1:0]. */
static const char *const s2_rights[4][4] = {
	{ "--- ---", "--- ---", "--- ---", "--- ---" },
	{ "r-x r-x", "r-x r--", "r-- r--", "r-- r-x" },
	{ "-w- -w-", "-w- -w-", "-w- -w-", "-w- -w-" },
	{ "rwx rwx", "rwx rw-", "rw- rw-", "rw- rwx" },
};

static void stage2(struct world *w)
{
	unsigned ap, xn;
	struct page p;

	for (ap = 0; ap < 4; ap++)
		for (xn = 0; xn < 4; xn++) {
			if (!world_row(w, "ARM D8.4.2", "S2AP %u, XN[1:0] %u", ap, xn))
				continue;
			page_init(w, &p, false, true, 0);
			*p.leaf2 = pa_of(&p) | 0x43f | ap << 6 | (uint64_t)xn << 53;
			check_rights(w, &p, s2_rights[ap][xn]);
		}
}

/* Hierarchical attributes, in a table descriptor of each level. */
static void hierarchy(struct world *w)
{
	static const struct {
		const char *what;
		uint64_t bits;
		unsigned ap;
		const char *rights;
	} rows[] = {
		{ "APTable[0]: no unprivileged access", TTD_APTABLE_NO_UNPRIV, 1, "--x rwx" },
		{ "APTable[1]: no writes", TTD_APTABLE_RO, 1, "r-x r-x" },
		{ "APTable 3", TTD_APTABLE_RO | TTD_APTABLE_NO_UNPRIV, 1, "--x r-x" },
		{ "UXNTable", TTD_UXNTABLE, 3, "r-- r-x" },
		{ "PXNTable", TTD_PXNTABLE, 3, "r-x r--" },
		{ "all", MASK64(62, 59), 1, "--- r--" },
	};
	unsigned i, level;
	struct page p;

	for (i = 0; i < ARRAY_LEN(rows); i++)
		for (level = 0; level <= 3; level++) {
			/* Level 3: in all three, and not looked at. */
			if (!world_row(w, "ARM D8.4.3", "%s, level %u%s", rows[i].what, level,
				    level == 3 ? " (all tables, HAD)" : ""))
				continue;
			page_init(w, &p, true, false, level == 3 ? rows[i].bits : 0);
			if (level < 3)
				*tree_at(w, &p.t1, VA, level) |= rows[i].bits;
			*p.leaf1 = pa_of(&p) | 0xc03 | rows[i].ap << 6;
			p.setup.or_cd1 = level == 3 ? CD_TT_HAD : 0;
			check_rights(w, &p,
				level < 3	  ? rows[i].rights
				: rows[i].ap == 1 ? "rwx rw-"
						  : "r-x r-x");
		}
}

#define HA  1u
#define HD  3u
#define AFF 4u /* AFFD */

/* Hardware update: a page with these bits under these controls, an access, what it becomes. */
struct update {
	const char *what;
	unsigned control;
	uint64_t clear, set; /* of the descriptor at first */
	unsigned access;
	uint8_t fault;		 /* or EVT_NONE */
	uint64_t cleared, added; /* of the descriptor afterwards */
};

static const struct update s1_updates[] = {
	{ "HA: a read sets the access flag", HA, TTD_AF, 0, UR, 0, 0, TTD_AF },
	{ "HA: a write sets the access flag", HA, TTD_AF, 0, UW, 0, 0, TTD_AF },
	{ "HA: AFFD or not", HA | AFF, TTD_AF, 0, UR, 0, 0, TTD_AF },
	{ "AFFD alone writes nothing", AFF, TTD_AF, 0, UR, 0, 0, 0 },
	{ "off: an access flag fault", 0, TTD_AF, 0, UR, EVT_F_ACCESS, 0, 0 },
	{ "HA: not where permission lacks", HA, TTD_AF, TTD_AP_RO, UW, EVT_F_PERMISSION, 0, 0 },
	{ "HA: DBM alone is nothing", HA, 0, TTD_AP_RO | TTD_DBM, UW, EVT_F_PERMISSION, 0, 0 },
	{ "HD: a write makes it dirty", HD, 0, TTD_AP_RO | TTD_DBM, UW, 0, TTD_AP_RO, 0 },
	{ "HD: both at once", HD, TTD_AF, TTD_AP_RO | TTD_DBM, UW, 0, TTD_AP_RO, TTD_AF },
	{ "HD: a read leaves it clean", HD, 0, TTD_AP_RO | TTD_DBM, UR, 0, 0, 0 },
	{ "HD: a read sets the access flag", HD, TTD_AF, TTD_AP_RO | TTD_DBM, UR, 0, 0, TTD_AF },
	{ "HD: read-only without DBM", HD, 0, TTD_AP_RO, UW, EVT_F_PERMISSION, 0, 0 },
	{ "HD: dirty already", HD, 0, TTD_DBM, UW, 0, 0, 0 },
	{ "HD: privileged only", HD, TTD_AP_UNPRIV, TTD_AP_RO | TTD_DBM, UW, EVT_F_PERMISSION, 0,
		0 },
	{ "HD: privileged", HD, TTD_AP_UNPRIV, TTD_AP_RO | TTD_DBM, UW | AP, 0, TTD_AP_RO, 0 },
};

static const struct update s2_updates[] = {
	{ "S2HA: a read sets the access flag", HA, TTD_AF, 0, UR, 0, 0, TTD_AF },
	{ "S2HA: a write sets the access flag", HA, TTD_AF, 0, UW, 0, 0, TTD_AF },
	{ "S2HA: S2AFFD or not", HA | AFF, TTD_AF, 0, UR, 0, 0, TTD_AF },
	{ "S2AFFD alone writes nothing", AFF, TTD_AF, 0, UR, 0, 0, 0 },
	{ "stage 2 off: an access flag fault", 0, TTD_AF, 0, UR, EVT_F_ACCESS, 0, 0 },
	{ "S2HA: not where permission lacks", HA, TTD_AF | TTD_S2_WRITE, 0, UW, EVT_F_PERMISSION, 0,
		0 },
	{ "S2HA: DBM alone is nothing", HA, TTD_S2_WRITE, TTD_DBM, UW, EVT_F_PERMISSION, 0, 0 },
	{ "S2HD: a write makes it dirty", HD, TTD_S2_WRITE, TTD_DBM, UW, 0, 0, TTD_S2_WRITE },
	{ "S2HD: both at once", HD, TTD_AF | TTD_S2_WRITE, TTD_DBM, UW, 0, 0,
		TTD_AF | TTD_S2_WRITE },
	{ "S2HD: a read leaves it clean", HD, TTD_S2_WRITE, TTD_DBM, UR, 0, 0, 0 },
	{ "S2HD: read-only without DBM", HD, TTD_S2_WRITE, 0, UW, EVT_F_PERMISSION, 0, 0 },
	{ "S2HD: dirty already", HD, 0, TTD_DBM, UW, 0, 0, 0 },
};

static uint64_t s1_control(unsigned control)
{
	return (control & HA ? CD_0_HA : 0) | (control & 2 ? CD_0_HD : 0) |
	       (control & AFF ? CD_0_AFFD : 0);
}

static uint64_t s2_control(unsigned control)
{
	return (control & HA ? STE_2_S2HA : 0) | (control & 2 ? STE_2_S2HD : 0) |
	       (control & AFF ? STE_2_S2AFFD : 0);
}

/* stages: of the stream; s2: whose update it is. */
static void check_update(struct world *w, const struct update *u, bool nested, bool s2)
{
	uint64_t *leaf, before;
	struct page p;

	page_init(w, &p, nested || !s2, nested || s2, 0);
	leaf = s2 ? p.leaf2 : p.leaf1;
	*leaf = before = (*leaf & ~u->clear) | u->set;
	p.setup.or_cd0 = s2 ? 0 : s1_control(u->control);
	p.setup.or_ste2 = s2 ? s2_control(u->control) : 0;
	world_setup(w, &p.setup);
	if (u->fault)
		world_faults(w, VA, u->access, u->fault, s2 ? S2F | IN : IN,
			s2 ? (nested ? pa_of(&p) : VA) : 0);
	else
		world_reaches(w, VA, u->access, pa_of(&p), KIB(4));
	world_expect(w, "descriptor", *leaf, (before & ~u->cleared) | u->added);
}

/* IHI 0070 3.13.3 is about the dirty state, 3.13.2 about the access flag alone, 3.13.1 about neither. */
static const char *update_section(const struct update *u)
{
	return u->control & 2 ? "IHI 3.13.3" : u->control & HA ? "IHI 3.13.2" : "IHI 3.13.1";
}

static void updates(struct world *w)
{
	const struct update *u;
	unsigned nested;

	for (nested = 0; nested < 2; nested++) {
		for (u = s1_updates; u < s1_updates + ARRAY_LEN(s1_updates); u++)
			if (world_row(w, nested ? update_section(u) : "ARM D8.5", "%s%s",
				    nested ? "nested: " : "", u->what))
				check_update(w, u, nested, false);
		for (u = s2_updates; u < s2_updates + ARRAY_LEN(s2_updates); u++)
			if (world_row(w, nested ? update_section(u) : "ARM D8.5", "%s%s",
				    nested ? "nested: " : "", u->what))
				check_update(w, u, nested, true);
	}
}

/* Stage 2 of a table of stage 1 that hardware updates. */
static void table_updates(struct world *w)
{
	struct page p;

	if (world_row(w, "IHI 3.13.5", "nested: stage 2 does not let the table be written")) {
		page_init(w, &p, true, true, 0);
		*p.leaf1 &= ~TTD_AF;
		*p.table_leaf2 &= ~TTD_S2_WRITE;
		p.setup.or_cd0 = CD_0_HA;
		world_setup(w, &p.setup);
		world_faults(w, VA, UR, EVT_F_PERMISSION, S2F | TT, p.table);
		world_expect(w, "descriptor", *p.leaf1 & TTD_AF, 0);
	}
	if (world_row(w, "IHI 3.13.4",
		    "nested: which does not matter where there is nothing to write")) {
		page_init(w, &p, true, true, 0);
		*p.table_leaf2 &= ~TTD_S2_WRITE;
		p.setup.or_cd0 = CD_0_HA | CD_0_HD;
		world_setup(w, &p.setup);
		world_reaches(w, VA, UW, pa_of(&p), KIB(4));
	}
	if (world_row(w, "IHI 3.13.5", "nested: the table's page gets dirty at stage 2")) {
		page_init(w, &p, true, true, 0);
		*p.leaf1 |= TTD_AP_RO | TTD_DBM;
		*p.table_leaf2 = (*p.table_leaf2 & ~(TTD_S2_WRITE | TTD_AF)) | TTD_DBM;
		p.setup.or_cd0 = CD_0_HA | CD_0_HD;
		p.setup.or_ste2 = STE_2_S2HA | STE_2_S2HD;
		world_setup(w, &p.setup);
		world_reaches(w, VA, UR, pa_of(&p), KIB(4));
		world_expect(w, "after a read", *p.table_leaf2 & (TTD_S2_WRITE | TTD_AF), TTD_AF);
		world_reaches(w, VA, UW, pa_of(&p), KIB(4));
		world_expect(w, "after a write", *p.table_leaf2 & (TTD_S2_WRITE | TTD_AF),
			TTD_S2_WRITE | TTD_AF);
		world_expect(w, "descriptor", *p.leaf1 & TTD_AP_RO, 0);
	}
	if (world_row(w, "IHI 3.13.4",
		    "nested: stage 1 is updated before stage 2 refuses the page")) {
		page_init(w, &p, true, true, 0);
		*p.leaf1 &= ~TTD_AF;
		*p.leaf2 = 0;
		p.setup.or_cd0 = CD_0_HA;
		world_setup(w, &p.setup);
		world_faults(w, VA, UR, EVT_F_TRANSLATION, S2F | IN, pa_of(&p));
		world_expect(w, "descriptor", *p.leaf1 & TTD_AF, TTD_AF);
	}
}

/* Memory without compare-and-swap: the RAM once more, by operations. */
#define SLOW UINT64_C(0x80000000)

static int slow_read(void *ctx, uint64_t off, void *buf, size_t len)
{
	memcpy(buf, ((struct world *)ctx)->rig.ram + off, len);
	return 0;
}

static const struct nb_mem_ops slow_ops = { .read = slow_read };

static void check_without_cas(struct world *w, const struct update *u, bool s2)
{
	struct nb_extent slow = {
		.pa = NB_PA(SLOW), .bytes = RIG_RAM_BYTES, .ops = &slow_ops, .ctx = w
	};
	uint64_t *leaf, before;
	struct tree *t;
	struct page p;

	nb_assert(!nb_mem_add(w->rig.mem, &slow));
	page_init(w, &p, !s2, s2, 0);
	leaf = s2 ? p.leaf2 : p.leaf1;
	*leaf = before = (*leaf & ~u->clear) | u->set;
	/* Only the last table is there. */
	t = s2 ? &p.t2 : &p.t1;
	*tree_at(w, t, VA, 2) += SLOW - RIG_RAM;
	p.setup.or_cd0 = s2 ? 0 : s1_control(u->control);
	p.setup.or_ste2 = s2 ? s2_control(u->control) : 0;
	world_setup(w, &p.setup);
	if (u->fault)
		world_faults(w, VA, u->access, u->fault, s2 ? S2F | IN : IN, s2 ? VA : 0);
	else
		world_reaches(w, VA, u->access, pa_of(&p), KIB(4));
	world_expect(w, "descriptor", *leaf, before);
	nb_mem_remove(w->rig.mem, &slow);
}

static void without_cas(struct world *w)
{
	static const struct update s1[] = {
		{ "HA: an access flag fault", HA, TTD_AF, 0, UR, EVT_F_ACCESS, 0, 0 },
		{ "HA: AFFD holds then", HA | AFF, TTD_AF, 0, UR, 0, 0, 0 },
		{ "HD: a permission fault", HD, 0, TTD_AP_RO | TTD_DBM, UW, EVT_F_PERMISSION, 0,
			0 },
		{ "HD: reads of what is clean", HD, 0, TTD_AP_RO | TTD_DBM, UR, 0, 0, 0 },
	};
	static const struct update s2[] = {
		{ "S2HA: an access flag fault", HA, TTD_AF, 0, UR, EVT_F_ACCESS, 0, 0 },
		{ "S2HD: a permission fault", HD, TTD_S2_WRITE, TTD_DBM, UW, EVT_F_PERMISSION, 0,
			0 },
	};
	unsigned i;

	for (i = 0; i < ARRAY_LEN(s1); i++)
		if (world_row(w, update_section(&s1[i]), "no compare-and-swap: %s", s1[i].what))
			check_without_cas(w, &s1[i], false);
	for (i = 0; i < ARRAY_LEN(s2); i++)
		if (world_row(w, update_section(&s2[i]), "no compare-and-swap: %s", s2[i].what))
			check_without_cas(w, &s2[i], true);
}

int main(int argc, char **argv)
{
	static void (*const groups[])(struct world * w) = {
		stage1,
		stage2,
		hierarchy,
		updates,
		table_updates,
		without_cas,
	};

	return world_main(argc, argv, groups, ARRAY_LEN(groups));
}
