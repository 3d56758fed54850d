/* SPDX-License-Identifier: MIT */
/*
 * Fail the n-th of a kind: allocations and host calls by wrapped symbols (-Wl,--wrap, of what the
 * static libraries call), user copies and look-ups by the operations of the caller.
 */
#ifndef TEST_FAULT_INJECT_H
#define TEST_FAULT_INJECT_H

#include <stdbool.h>

#include "file/file.h"

enum inject_kind {
	INJECT_NONE,
	INJECT_ALLOC,
	INJECT_HOST,
	INJECT_USER,
	INJECT_KINDS,
};

/**
 * From now on the n-th of this kind fails (0: none), with its first, second ... plausible errno;
 * who has fewer of them fails with its last.
 */
void inject_arm(enum inject_kind kind, unsigned long n, unsigned choice);
/** Nothing fails any more. How many of the kind there were. */
unsigned long inject_disarm(void);
/** What failed: "mmap64", or NULL; and whether it has more errnos than the choice. */
const char *inject_hit(void);
bool inject_more(void);

/** Let the operations of this caller fail, too. */
void inject_caller(struct caller *caller);

#endif
