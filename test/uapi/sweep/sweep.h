/* SPDX-License-Identifier: MIT */
/*
 * Sweeps over every call of the interface: sizes, flags, fields that do not count, pointers at the
 * edges of pages, wrong kinds of descriptors; and over reads, writes and mappings of regions. After
 * each one: an errno that Linux would give, the host as it was, and a valid call that works.
 *
 * A row of calls.c is a valid call and what the kernel makes of its argument, in the kernel's
 * order: minsz bytes are copied (EFAULT), then argsz is looked at (EINVAL), then flags, then
 * whatever follows minsz is copied (EFAULT). Worlds, descriptors and arguments: conform.h. A call
 * that the host does not have (ENOTTY for the valid call) must be ENOTTY in every other form too.
 */
#ifndef TEST_UAPI_SWEEP_H
#define TEST_UAPI_SWEEP_H

#include "conform/run.h"

struct sweep {
	const char *name;
	const char *kernel;
	enum world world;
	struct call call; /* valid */
	long want;	  /* its result */
	unsigned minsz;	  /* of the argument; 0: it is a plain value */
	unsigned tail;	  /* bytes behind minsz that a valid call needs */
	bool argsz;	  /* the first word is the argument's size; */
	int short_err; /* and this is the answer where it lacks some of tail (0: it may lack it) */
	bool out;      /* minsz is copied back; tail as well, where it is not read */
	bool loose;    /* how much of tail is needed is the host's affair */
	unsigned flags_at;   /* 0: there are none */
	uint32_t flags_mean; /* bits that mean something; all others are EINVAL */
	bool flags_ignored;  /* they are a result */
	int errs[4]; /* what those that mean something may give, besides 0, EINVAL, EFAULT */
	struct field ignored[4];      /* these may hold anything (want does not count) */
	unsigned pointer_at, pointed; /* where it points to memory, and how much is written there */
	struct call undo;	      /* after success */
	bool undo_flags;	      /* which has the flags of the call */
	bool late; /* it has taken effect when its result cannot be copied back */
};

extern const struct sweep sweeps[];
extern const unsigned n_sweeps;

/* ---- sweep.c: what all sweeps share ---- */

/** A case begins: its name, and a snapshot of the host before it. */
void case_begin(const char *format, ...) __attribute__((format(printf, 1, 2)));
/** Its result must be want. */
void case_want(long got, long want);
/** Its result must be one of n. */
void case_any(long got, const long *wants, unsigned n);
/** The case ends: nothing changed, everything works. */
void case_end(void);
/** A sweep begins, in its world; and ends. */
void sweep_begin(const char *name, enum world world);
void sweep_end(void);

/* ---- the sweeps ---- */

void sweep_calls(void);	  /* args.c */
void sweep_kinds(void);	  /* kinds.c */
void sweep_regions(void); /* regions.c */

#endif
