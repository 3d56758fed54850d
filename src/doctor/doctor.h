/* SPDX-License-Identifier: MIT */
/*
 * What the box needs of this machine, tried. Each need is a probe of doc/platform: the same code, run
 * in a child of its own, so that whatever a probe does to its process ends with it.
 */
#ifndef DOCTOR_DOCTOR_H
#define DOCTOR_DOCTOR_H

#include <stdbool.h>
#include <stddef.h>

enum finding_verdict {
	FINDING_OK,
	FINDING_LIMITED, /* the box works; `without` says what does not, or costs more */
	FINDING_MISSING, /* no box can be made */
};

/** What was found of one need. Strings live as long as the callback, except name and purpose. */
struct finding {
	const char *name;    /* kebab-case, the probe's: "userns-mounts" */
	const char *purpose; /* what the box relies on it for */
	enum finding_verdict verdict;
	const char *why;     /* not ok: what happened */
	const char *remedy;  /* not ok: exactly what to do: a sysctl, a profile, container flags */
	const char *without; /* limited: what nestbox does without it, and what that costs */
};

/** "NAME: ok", "NAME: limited: WHY; WITHOUT; remedy: REMEDY", "NAME: missing: WHY; remedy: REMEDY". */
int finding_line(char *buf, size_t size, const struct finding *finding);

/** Try every need, in an order in which the first that is missing is the cause of later ones. How
 * many are missing. A probe that hangs is ended and counts as missing. */
unsigned doctor_examine(void (*found)(void *ctx, const struct finding *finding), void *ctx);

/** The line of the first need that is missing into buf; false: none is. */
bool doctor_first_missing(char *buf, size_t size);

#endif
