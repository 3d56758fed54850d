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

/** "ok", "limited", "missing". */
const char *finding_verdict_name(enum finding_verdict verdict);

/** "NAME: ok", "NAME: limited: WHY; WITHOUT; remedy: REMEDY", "NAME: missing: WHY; remedy: REMEDY".
 * One line whatever the strings hold, without its end. Returns its length. */
int finding_line(char *buf, size_t size, const struct finding *finding);

/** Enough for a line. */
#define FINDING_LINE_SIZE 2048

/** Try every need, in an order in which the first that is missing is the cause of later ones. How
 * many are missing. A probe that hangs or crashes is ended and counts as missing, even where nestbox
 * could do without: what kills or stops the probe would do so to the box. Takes a second or so. */
unsigned doctor_examine(void (*found)(void *ctx, const struct finding *finding), void *ctx);

/** The line of the first need that is missing into buf; false: none is. */
bool doctor_first_missing(char *buf, size_t size);

#endif
