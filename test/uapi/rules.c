/* SPDX-License-Identifier: MIT */
/*
 * The suite for R1 (CHECK_EXTENSION says the truth), R2 (a refusal changes nothing), R4 (what a
 * domain becomes) and R5 (policy subset): every host, every subset of its groups in every order,
 * every IOMMU type, SET_IOMMU at every place among the joins.
 *
 * What must happen is computed here from a table of hosts, by the rules' words, not by asking the
 * code under test. Usage: rules HOST...
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <linux/vfio.h>

#include "sys.h"

#ifndef VFIO_TYPE1_NESTING_IOMMU
#define VFIO_TYPE1_NESTING_IOMMU 6
#endif
#ifndef VFIO_NOIOMMU_IOMMU
#define VFIO_NOIOMMU_IOMMU 8
#endif

#define MAX_GROUPS 4
#define IOVA	   0x100000

/* ---- the hosts, as their descriptions say ---- */

enum stages {
	S1,  /* stage 1 only */
	S2,  /* stage 2 only */
	S12, /* both, must not nest */
	NEST,
	NOIOMMU, /* a no-IOMMU group */
};

struct group {
	const char *path;
	int id;
	enum stages stages;
};

struct host {
	const char *name;
	bool subset;
	unsigned n;
	struct group groups[MAX_GROUPS];
};

static const struct host hosts[] = {
	{ "smmuv3", false, 2, { { "1", 1, NEST }, { "3", 3, NEST } } },
	{ "smmuv3-no-nesting", false, 2, { { "1", 1, S12 }, { "3", 3, S12 } } },
	{ "mixed", false, 2, { { "1", 1, NEST }, { "10", 10, S1 } } },
	{ "empty", false, 0, { { 0 } } },
	{ "mixed-subset", true, 3, { { "1", 1, NEST }, { "10", 10, S1 }, { "20", 20, S12 } } },
	{ "stages", false, 3, { { "1", 1, NEST }, { "10", 10, S2 }, { "20", 20, S1 } } },
	{ "noiommu", false, 2, { { "1", 1, NEST }, { "noiommu-0", 0, NOIOMMU } } },
};

static const unsigned types[] = { VFIO_TYPE1_IOMMU, VFIO_TYPE1v2_IOMMU, VFIO_TYPE1_NESTING_IOMMU,
	VFIO_NOIOMMU_IOMMU };
#define N_TYPES (sizeof(types) / sizeof(types[0]))

/* ---- what must happen ---- */

static bool host_has(const struct host *host, bool (*is)(enum stages))
{
	for (unsigned i = 0; i < host->n; i++)
		if (is(host->groups[i].stages))
			return true;
	return false;
}

static bool nests(enum stages s)
{
	return s == NEST;
}
static bool no_iommu(enum stages s)
{
	return s == NOIOMMU;
}
static bool has_iommu(enum stages s)
{
	return s != NOIOMMU;
}

/* CHECK_EXTENSION with no group: what this host could do. */
static long want_host_check(const struct host *host, unsigned type)
{
	if (type == VFIO_TYPE1_NESTING_IOMMU)
		return host_has(host, nests);
	return host_has(host, type == VFIO_NOIOMMU_IOMMU ? no_iommu : has_iommu);
}

/* A container: who is in it, and what was set. */
struct state {
	const struct host *host;
	int fd;
	unsigned type; /* 0: none */
	const struct group *in[MAX_GROUPS];
	unsigned n;
	int group_fd[MAX_GROUPS]; /* of host->groups, as opened */
};

static unsigned count_in(const struct state *s, bool (*is)(enum stages))
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->n; i++)
		n += is(s->in[i]->stages);
	return n;
}

/* SET_IOMMU: 0 or the errno. */
static int want_set(const struct state *s, unsigned type)
{
	unsigned nesting = count_in(s, nests);

	if (!s->n || s->type)
		return EINVAL;
	if (count_in(s, no_iommu) || type == VFIO_NOIOMMU_IOMMU)
		return count_in(s, no_iommu) && type == VFIO_NOIOMMU_IOMMU ? 0 : ENODEV;
	if (type != VFIO_TYPE1_NESTING_IOMMU)
		return 0;
	return (s->host->subset ? nesting > 0 : nesting == s->n) ? 0 : EOPNOTSUPP;
}

/* SET_CONTAINER of one more group. */
static int want_join(const struct state *s, const struct group *group)
{
	if (s->n && count_in(s, no_iommu) != (no_iommu(group->stages) ? s->n : 0))
		return EPERM;
	if (s->type == VFIO_TYPE1_NESTING_IOMMU && !s->host->subset && group->stages != NEST)
		return EOPNOTSUPP;
	return 0;
}

/* CHECK_EXTENSION of an IOMMU type, in any state. */
static long want_check(const struct state *s, unsigned type)
{
	unsigned nesting = count_in(s, nests);

	if (!s->n)
		return want_host_check(s->host, type);
	if (!s->type)
		return want_set(s, type) == 0;
	if (s->type == VFIO_NOIOMMU_IOMMU)
		return type == VFIO_NOIOMMU_IOMMU;
	if (type == VFIO_TYPE1_NESTING_IOMMU)
		return s->host->subset ? nesting > 0 : nesting == s->n;
	return type != VFIO_NOIOMMU_IOMMU;
}

/* R4's table. */
static enum t_kind want_kind(const struct state *s, const struct group *group)
{
	if (group->stages == NOIOMMU)
		return T_UNKNOWN;
	if (!s->type)
		return T_BLOCKED;
	if (s->type == VFIO_TYPE1_NESTING_IOMMU && group->stages == NEST)
		return T_NEST_PARENT;
	return group->stages == S2 ? T_STAGE2 : T_STAGE1;
}

/* ---- reporting ---- */

static unsigned rows, failures;
static char row_name[128];

static bool check(bool ok, int line, const char *what, long got, long want)
{
	if (ok)
		return true;
	failures++;
	printf("FAIL %s: line %d: %s: got %ld, want %ld\n", row_name, line, what, got, want);
	return false;
}
static bool same(long got, long want, int line, const char *what)
{
	return check(got == want, line, what, got, want);
}
#define SAME(got, want, what) same((long)(got), (long)(want), __LINE__, what)

/* ---- the parts of a row ---- */

static uint8_t *memory; /* one page, mapped by containers */

static long map_page(int fd)
{
	struct vfio_iommu_type1_dma_map map = { .argsz = sizeof(map),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.vaddr = (uintptr_t)memory,
		.iova = IOVA,
		.size = 4096 };

	return t_ioctl(fd, VFIO_IOMMU_MAP_DMA, (uintptr_t)&map);
}

static long unmap_page(int fd)
{
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap), .iova = IOVA, .size = 4096
	};
	long ret = t_ioctl(fd, VFIO_IOMMU_UNMAP_DMA, (uintptr_t)&unmap);

	return ret ? ret : (long)unmap.size;
}

/* Entries left (DMA_AVAIL), or -errno. */
static long avail(int fd)
{
	struct {
		struct vfio_iommu_type1_info info;
		uint32_t rest[1024];
	} reply = { .info.argsz = sizeof(reply) };
	long ret = t_ioctl(fd, VFIO_IOMMU_GET_INFO, (uintptr_t)&reply);
	uint32_t at = reply.info.cap_offset;

	while (!ret && at && at + sizeof(struct vfio_info_cap_header) <= sizeof(reply)) {
		struct vfio_info_cap_header *cap = (void *)((uint8_t *)&reply + at);

		if (cap->id == 3 /* VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL */)
			return *(uint32_t *)(cap + 1);
		at = cap->next;
	}
	return ret ? ret : -ENOENT;
}

/* The container maps: the page goes in, one entry less is left, a second one overlaps. */
static void check_works(const struct state *s)
{
	long before = avail(s->fd);

	if (s->type == VFIO_NOIOMMU_IOMMU) {
		SAME(map_page(s->fd), -ENOTTY, "map in a no-IOMMU container");
		return;
	}
	SAME(map_page(s->fd), 0, "map");
	SAME(avail(s->fd), before - 1, "entries left after map");
	SAME(map_page(s->fd), -EEXIST, "overlapping map");
	SAME(unmap_page(s->fd), 4096, "unmap");
	SAME(avail(s->fd), before, "entries left after unmap");
}

static void check_extensions(const struct state *s)
{
	for (unsigned i = 0; i < N_TYPES; i++)
		SAME(t_ioctl(s->fd, VFIO_CHECK_EXTENSION, types[i]), want_check(s, types[i]),
			"CHECK_EXTENSION");
}

static void check_kinds(const struct state *s)
{
	if (!t_is_local())
		return;
	for (unsigned i = 0; i < s->n; i++)
		SAME(t_group_kind(s->in[i]->id), want_kind(s, s->in[i]), "kind of domain (R4)");
}

static void check_status(const struct state *s, const struct group *group, bool member)
{
	struct vfio_group_status status = { .argsz = sizeof(status) };
	int fd = s->group_fd[group - s->host->groups];

	SAME(t_ioctl(fd, VFIO_GROUP_GET_STATUS, (uintptr_t)&status), 0, "GET_STATUS");
	SAME(status.flags, member ? 3u : 1u, "group status");
}

/* The reason of the call just refused: it is there, about this errno, in words. */
static void check_reason(const struct state *s, int err, const struct group *group)
{
	struct t_reason reason;

	if (!t_reason(&reason)) {
		SAME(0, 1, "a reason");
		return;
	}
	SAME(reason.err, err, "errno of the reason");
	check(reason.rule[0] && reason.missing[0], __LINE__, "rule and words", 0, 1);
	if (err != EOPNOTSUPP)
		return;
	check(reason.group[0] && reason.iommu[0], __LINE__, "group and IOMMU", 0, 1);
	check(reason.instead[0] != 0, __LINE__, "what works instead", 0, 1);
	if (group)
		check(!strcmp(reason.group, group->path), __LINE__, reason.group, 0, 1);
}

static void same_counts(const struct t_counts *before)
{
	struct t_counts now;

	if (!t_counts(&now))
		return;
	SAME(now.domains, before->domains, "domains");
	SAME(now.attachments, before->attachments, "attachments");
	SAME(now.mappings, before->mappings, "mappings");
	SAME(now.table_bytes, before->table_bytes, "table bytes");
}

static long join(const struct state *s, int container, const struct group *group)
{
	int32_t fd = container;

	return t_ioctl(
		s->group_fd[group - s->host->groups], VFIO_GROUP_SET_CONTAINER, (uintptr_t)&fd);
}

static long leave(const struct state *s, const struct group *group)
{
	return t_ioctl(s->group_fd[group - s->host->groups], VFIO_GROUP_UNSET_CONTAINER, 0);
}

/* A group refused a late join is in no container, and works in another one. */
static void check_elsewhere(const struct state *s, const struct group *group)
{
	unsigned type = group->stages == NOIOMMU ? VFIO_NOIOMMU_IOMMU : VFIO_TYPE1v2_IOMMU;
	struct state other = *s;

	other.fd = t_open("vfio");
	check(other.fd >= 0, __LINE__, "second container", other.fd, 0);
	other.in[0] = group;
	other.n = 1;
	other.type = type;
	SAME(join(s, other.fd, group), 0, "join another container");
	SAME(t_ioctl(other.fd, VFIO_SET_IOMMU, type), 0, "SET_IOMMU of another container");
	check_works(&other);
	SAME(leave(s, group), 0, "leave another container");
	t_close(other.fd);
}

static void do_join(struct state *s, const struct group *group)
{
	int want = want_join(s, group);
	struct t_counts before = { 0 };
	bool counted = t_counts(&before);

	SAME(join(s, s->fd, group), -want, "SET_CONTAINER");
	if (want) {
		check_reason(s, want, group);
		check_status(s, group, false);
		if (counted)
			same_counts(&before);
		check_elsewhere(s, group);
		if (counted)
			same_counts(&before);
		check_extensions(s);
		return;
	}
	s->in[s->n++] = group;
	check_status(s, group, true);
	check_extensions(s);
	check_kinds(s);
}

/* What SET_IOMMU would refuse now must be refused, and leave the container as it was. */
static void do_refused(struct state *s, unsigned type, int want)
{
	struct t_counts before = { 0 };
	bool counted = t_counts(&before);

	SAME(t_ioctl(s->fd, VFIO_SET_IOMMU, type), -want, "SET_IOMMU");
	check_reason(s, want, NULL);
	if (counted)
		same_counts(&before);
	SAME(avail(s->fd), -EINVAL, "GET_INFO of an unset container");
	check_extensions(s);
	check_kinds(s);
}

static void do_set(struct state *s, unsigned type)
{
	int want = want_set(s, type);

	if (want) {
		do_refused(s, type, want);
		if (!s->n)
			return;
		/* The same container works with the type that it can have. */
		type = count_in(s, no_iommu) ? VFIO_NOIOMMU_IOMMU : VFIO_TYPE1v2_IOMMU;
	}
	SAME(t_ioctl(s->fd, VFIO_SET_IOMMU, type), 0, "SET_IOMMU");
	s->type = type;
	check_extensions(s);
	check_kinds(s);
	check_works(s);
	SAME(t_ioctl(s->fd, VFIO_SET_IOMMU, type), -EINVAL, "SET_IOMMU twice");
}

/* Keep a mapping over late joins: the new group's domain must hold it, a refusal must keep it. */
static void late_joins(struct state *s, const struct group *const *order, unsigned from, unsigned n)
{
	bool mapped = s->type && s->type != VFIO_NOIOMMU_IOMMU;

	if (mapped)
		SAME(map_page(s->fd), 0, "map before late joins");
	for (unsigned i = from; i < n; i++)
		do_join(s, order[i]);
	if (mapped)
		SAME(unmap_page(s->fd), 4096, "unmap after late joins");
	if (s->type)
		check_works(s);
}

static void all_leave(struct state *s)
{
	while (s->n) {
		const struct group *group = s->in[s->n - 1];

		SAME(leave(s, group), 0, "UNSET_CONTAINER");
		check_status(s, group, false);
		if (--s->n == 0)
			s->type = 0;
		check_extensions(s);
	}
	SAME(avail(s->fd), -EINVAL, "GET_INFO after the last group left");
}

struct row {
	const struct host *host;
	const struct group *order[MAX_GROUPS];
	unsigned n;  /* groups */
	unsigned at; /* SET_IOMMU after this many joins */
	unsigned type;
};

static void name_row(const struct row *row)
{
	int len = snprintf(row_name, sizeof(row_name), "%s: type %u after %u of [", row->host->name,
		row->type, row->at);

	for (unsigned i = 0; i < row->n; i++)
		len += snprintf(
			row_name + len, sizeof(row_name) - (size_t)len, " %s", row->order[i]->path);
	snprintf(row_name + len, sizeof(row_name) - (size_t)len, " ]");
}

static void run_row(const struct row *row)
{
	struct state s = { .host = row->host };
	struct t_counts before = { 0 };
	bool counted = t_counts(&before);

	name_row(row);
	rows++;
	s.fd = t_open("vfio");
	if (!check(s.fd >= 0, __LINE__, "open a container", s.fd, 0))
		return;
	for (unsigned i = 0; i < row->n; i++) {
		int fd = t_open(row->order[i]->path);

		check(fd >= 0, __LINE__, "open a group", fd, 0);
		s.group_fd[row->order[i] - row->host->groups] = fd;
	}
	check_extensions(&s);
	for (unsigned i = 0; i < row->at; i++)
		do_join(&s, row->order[i]);
	do_set(&s, row->type);
	late_joins(&s, row->order, row->at, row->n);
	all_leave(&s);
	for (unsigned i = 0; i < row->n; i++)
		SAME(t_close(s.group_fd[row->order[i] - row->host->groups]), 0, "close a group");
	SAME(t_close(s.fd), 0, "close the container");
	if (counted)
		same_counts(&before);
}

/* ---- generating rows ---- */

static void rows_of_order(struct row *row)
{
	for (row->at = 0; row->at <= row->n; row->at++)
		for (unsigned t = 0; t < N_TYPES; t++) {
			row->type = types[t];
			run_row(row);
		}
}

/* Every sequence of distinct groups: every subset in every order. */
static void extend(struct row *row, unsigned used)
{
	rows_of_order(row);
	for (unsigned i = 0; i < row->host->n; i++) {
		if (used & 1u << i)
			continue;
		row->order[row->n++] = &row->host->groups[i];
		extend(row, used | 1u << i);
		row->n--;
	}
}

static int run_host(const struct host *host, const char *where)
{
	unsigned before = rows, failed = failures;
	struct row row = { .host = host };

	if (t_begin(where))
		return 1;
	extend(&row, 0);
	t_end();
	printf("%-20s %4u rows, %u failures\n", host->name, rows - before, failures - failed);
	return 0;
}

static const struct host *find_host(const char *name)
{
	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++)
		if (!strcmp(hosts[i].name, name))
			return &hosts[i];
	fprintf(stderr, "no table for host %s\n", name);
	return NULL;
}

/* Arguments: names of hosts, or paths DIR/NAME.yaml of their descriptions. */
static int run_argument(const char *arg)
{
	const char *slash = strrchr(arg, '/');
	const struct host *host;
	char name[32];

	snprintf(name, sizeof(name), "%.*s", (int)strcspn(slash ? slash + 1 : arg, "."),
		slash ? slash + 1 : arg);
	host = find_host(name);
	return host ? run_host(host, arg) : 1;
}

int main(int argc, char **argv)
{
	int bad = argc < 2;

	memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		return 1;
	for (int i = 1; i < argc; i++)
		bad |= run_argument(argv[i]);
	printf("%u rows, %u failures\n", rows, failures);
	return bad || failures;
}
