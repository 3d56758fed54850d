/* SPDX-License-Identifier: MIT */
/*
 * Sweeps over the arguments of calls. The argument lies in four pages: OUT (nothing, or
 * PROT_NONE), two pages, OUT; of the two the second can be read-only.
 */
#include <string.h>

#include "sweep/sweep.h"

#define ARENA	0x61000000ull
#define FIRST	(ARENA + PAGE)
#define SECOND	(ARENA + 2 * PAGE)
#define BEHIND	(ARENA + 3 * PAGE)
#define MAX_ARG 512

static const struct sweep *now;
static uint8_t arg[MAX_ARG]; /* as it is to lie in memory */
static bool absent;	     /* the host does not have the call */

/* ---- memory ---- */

static bool protect(uint64_t at, int prot)
{
	return !mprotect((void *)(uintptr_t)at, PAGE, prot);
}

static bool make_arena(void)
{
	void *want = (void *)(uintptr_t)ARENA;

	return mmap(want, 4 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) ==
		       want &&
	       protect(FIRST, PROT_READ | PROT_WRITE) && protect(SECOND, PROT_READ | PROT_WRITE);
}

/* Nothing is mapped before and behind the two pages, or it is, with PROT_NONE. */
static void outside(bool mapped)
{
	const uint64_t at[] = { ARENA, BEHIND };

	for (unsigned i = 0; i < 2; i++) {
		void *page = (void *)(uintptr_t)at[i];

		if (mapped)
			mmap(page, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		else
			munmap(page, PAGE);
	}
}

/* What of the argument falls into the two pages. */
static void put(uint64_t at)
{
	for (unsigned i = 0; i < MAX_ARG; i++)
		if (at + i >= FIRST && at + i < BEHIND)
			*(uint8_t *)(uintptr_t)(at + i) = arg[i];
}

static void put_word(unsigned at, uint32_t word)
{
	memcpy(arg + at, &word, sizeof(word));
}

static uint32_t word(unsigned at)
{
	uint32_t word;

	memcpy(&word, arg + at, sizeof(word));
	return word;
}

static void valid(void)
{
	const uint8_t *data = call_argument(&now->call);

	memset(arg, 0, sizeof(arg));
	memcpy(arg, data, now->call.arg.n + now->call.arg.room);
}

/* ---- one case ---- */

/* Only what was done with flags is undone with them. */
static long undo_with_flags(void)
{
	uint8_t *data = (uint8_t *)call_argument(&now->undo);

	memcpy(data + now->flags_at, arg + now->flags_at, 4);
	return t_ioctl(fd_number(now->undo.on), now->undo.cmd, (uintptr_t)data);
}

static void undo(void)
{
	const uint8_t *data;

	if (now->undo.op == OP_END)
		return;
	case_want(now->undo_flags ? undo_with_flags() : call_make(&now->undo, 0, &data), 0);
}

static long try(uint64_t at)
{
	long ret = t_ioctl(fd_number(now->call.on), now->call.cmd, at);

	if (ret >= 0 && now->want == FD) {
		t_close((int)ret);
		return FD;
	}
	return ret;
}

/* Undo whatever has taken effect; the case ends. */
static void settle(long got, bool effect)
{
	if (got >= 0 || effect)
		undo();
	case_end();
}

static void expect(uint64_t at, long want)
{
	long got = try(at);

	case_want(got, absent ? -ENOTTY : want);
	settle(got, false);
}

static void expect_any(uint64_t at, long a, long b)
{
	const long wants[] = { absent ? -ENOTTY : a, absent ? -ENOTTY : b };
	long got = try(at);

	case_any(got, wants, 2);
	settle(got, false);
}

/* ---- sizes ---- */

static void argsz(uint32_t size)
{
	valid();
	put_word(0, size);
	put(FIRST + 64);
	case_begin("argsz %u", size);
	if (size < now->minsz)
		expect(FIRST + 64, -EINVAL);
	else if (now->loose)
		expect_any(FIRST + 64, now->want, -now->short_err);
	else if (size - now->minsz < now->tail && now->short_err)
		expect(FIRST + 64, -now->short_err);
	else
		expect(FIRST + 64, now->want);
}

static void sweep_argsz(void)
{
	const uint32_t large[] = { 4095, 4096, 65536, 0x7fffffff, 0x80000000, 0xffffffff };
	unsigned twice = 2 * (now->minsz + now->tail);

	if (!now->argsz)
		return;
	for (unsigned size = 0; size <= twice; size++)
		argsz(size);
	for (unsigned i = 0; i < sizeof(large) / sizeof(large[0]); i++)
		argsz(large[i]);
}

/* ---- flags ---- */

static void flags(uint32_t set, const char *how)
{
	const long wants[] = { now->want, 0, -EINVAL, -EFAULT, -now->errs[0], -now->errs[1],
		-now->errs[2], -now->errs[3] };
	bool mean = !(set & ~now->flags_mean);
	long got;

	valid();
	put_word(now->flags_at, set);
	put(FIRST + 64);
	case_begin("flags 0x%x (%s)", set, how);
	got = try(FIRST + 64);
	if (absent)
		case_want(got, -ENOTTY);
	else if (now->flags_ignored)
		case_want(got, now->want);
	else if (mean)
		case_any(got, wants, sizeof(wants) / sizeof(wants[0]));
	else
		case_want(got, -EINVAL);
	settle(got, false);
}

static void sweep_flags(void)
{
	if (!now->flags_at)
		return;
	for (unsigned bit = 0; bit < 32; bit++) {
		valid();
		if (!(1u << bit & now->flags_mean) || now->flags_ignored)
			flags(word(now->flags_at) | 1u << bit, "one more");
		flags(1u << bit, "alone");
	}
}

/* ---- fields that do not count ---- */

static void sweep_ignored(void)
{
	const unsigned n = sizeof(now->ignored) / sizeof(now->ignored[0]);

	for (unsigned i = 0; i < n && now->ignored[i].size; i++) {
		valid();
		memset(arg + now->ignored[i].at, 0xff, now->ignored[i].size);
		put(FIRST + 64);
		case_begin("ones at %u", now->ignored[i].at);
		expect(FIRST + 64, now->want);
	}
}

/* ---- pointers ---- */

/* The first k bytes are there. */
static void there(unsigned k, const char *else_what)
{
	unsigned all = now->minsz + now->tail;

	valid();
	put(BEHIND - k);
	case_begin("%u bytes, then %s", k, else_what);
	if (k >= now->minsz && k < all && now->loose)
		expect_any(BEHIND - k, now->want, -EFAULT);
	else
		expect(BEHIND - k, k < all ? -EFAULT : now->want);
}

/* The first k bytes are not there. */
static void missing(unsigned k, const char *what)
{
	valid();
	put(FIRST - k);
	case_begin("%u bytes of %s first", k, what);
	expect(FIRST - k, -EFAULT);
}

/* Of the argument all but the first k bytes is read-only. */
static void read_only_behind(unsigned k)
{
	bool fault = now->out && k < now->minsz;
	long got;

	valid();
	protect(SECOND, PROT_READ | PROT_WRITE);
	put(SECOND - k);
	protect(SECOND, PROT_READ);
	case_begin("%u bytes, then read-only", k);
	if (now->loose) {
		expect_any(SECOND - k, now->want, -EFAULT);
	} else {
		got = try(SECOND - k);
		case_want(got, absent ? -ENOTTY : fault ? -EFAULT : now->want);
		settle(got, fault && now->late);
	}
	protect(SECOND, PROT_READ | PROT_WRITE);
}

/* Places that no program has. */
static void sweep_wild(void)
{
	const uint64_t places[] = { 0, 1, 8, PAGE - 4, 1ull << 47, (1ull << 47) - PAGE, 1ull << 48,
		1ull << 63, -4096ull, -8ull, -1ull };

	for (unsigned i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		case_begin("at 0x%llx", (unsigned long long)places[i]);
		expect(places[i], -EFAULT);
	}
}

static void sweep_pointers(void)
{
	unsigned all = now->minsz + (now->loose ? 0 : now->tail);

	if (!now->minsz)
		return;
	for (int mapped = 0; mapped < 2; mapped++) {
		const char *what = mapped ? "PROT_NONE" : "nothing";

		outside(mapped);
		for (unsigned k = 0; k <= all; k++)
			there(k, what);
		for (unsigned k = 1; k <= all; k++)
			missing(k, what);
	}
	for (unsigned k = 0; k <= all; k++)
		read_only_behind(k);
	sweep_wild();
}

/* ---- memory that the argument points to ---- */

static void pointed(uint64_t to, long want, const char *what)
{
	valid();
	memcpy(arg + now->pointer_at, &to, sizeof(to));
	put(FIRST + 64);
	case_begin("it points to %s", what);
	expect(FIRST + 64, want);
}

static void sweep_pointed(void)
{
	if (!now->pointer_at)
		return;
	outside(false);
	for (unsigned k = 0; k < now->pointed; k++) {
		pointed(BEHIND - k, -EFAULT, "the end of memory");
		pointed(RO_END + PAGE - k, -EFAULT, "the end of writable memory");
	}
	pointed(BEHIND - now->pointed, now->want, "the last bytes of memory");
	pointed(RO_END + PAGE - now->pointed, now->want, "the last writable bytes");
	pointed(FIRST - 1, -EFAULT, "before memory");
	pointed(NULLP, -EFAULT, "null");
	pointed(NONE, -EFAULT, "PROT_NONE");
}

static void sweep_call(void)
{
	long got;

	sweep_begin(now->name, now->world);
	valid();
	if (now->minsz)
		put(FIRST + 64);
	case_begin("as it should be");
	got = try(now->minsz ? FIRST + 64 : now->call.arg.value);
	absent = got == -ENOTTY;
	if (!absent)
		case_want(got, now->want);
	settle(got, false);
	sweep_argsz();
	sweep_flags();
	sweep_ignored();
	sweep_pointers();
	sweep_pointed();
	sweep_end();
}

void sweep_calls(void)
{
	if (!make_arena())
		return;
	for (unsigned i = 0; i < n_sweeps; i++) {
		now = &sweeps[i];
		sweep_call();
	}
}
