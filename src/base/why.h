/* SPDX-License-Identifier: MIT */
/*
 * The reason of a refusal (rule R3), carried like Linux's extack: every fallible function of the
 * iommu, ioas, vfio and iommufd layers takes a struct why *, and the innermost writer wins, since
 * it knows best. The gate adds the call's name and prints it. Tests match fields, never prose.
 */
#ifndef BASE_WHY_H
#define BASE_WHY_H

#include <stdbool.h>

enum why_class {
	WHY_NONE,     /* nothing recorded */
	WHY_REFUSED,  /* policy or capability: EOPNOTSUPP, EPERM, EBUSY, ENOMEM, ... */
	WHY_MISUSE,   /* the call is wrong: EINVAL, EFAULT, EBADF, ... */
	WHY_STOPPED,  /* no refusal: the call runs, and stops something of the program's */
	WHY_PROTOCOL, /* an answer rather than a refusal: size probes, feature probes. Trace only.
		       */
};

struct why {
	enum why_class class;
	int err; /* positive errno; 0 for CHECK_EXTENSION(nesting) = 0, which is no error */
	const char *rule;  /* static, stable id in kebab case, e.g. "iommu-cannot-nest" */
	char group[16];	   /* "1", or "" */
	char device[32];   /* "0000:01:00.0", or "" */
	char iommu[32];	   /* name in the host description, or "" */
	char missing[192]; /* what is wrong or missing, in words */
	char instead[160]; /* what would work instead, or "" */
};

/**
 * Record a reason and return -err. Does nothing but return -err when why is NULL or already holds a
 * reason. rule must be a string literal.
 */
int why_set(struct why *why, enum why_class class, int err, const char *rule, const char *format,
	...) __attribute__((format(printf, 5, 6)));

#define why_refused(why, err, rule, ...)  why_set(why, WHY_REFUSED, err, rule, __VA_ARGS__)
#define why_misuse(why, err, rule, ...)	  why_set(why, WHY_MISUSE, err, rule, __VA_ARGS__)
#define why_protocol(why, err, rule, ...) why_set(why, WHY_PROTOCOL, err, rule, __VA_ARGS__)

/** Add what the reason is about; each may be NULL, and a field already set stays. */
void why_about(struct why *why, const char *group, const char *device, const char *iommu);

/** Add what would work instead. The first writer wins. */
void why_instead(struct why *why, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** Forget the reason (a retry, or a probe whose refusal is not the program's). */
void why_clear(struct why *why);

/** "EOPNOTSUPP" for EOPNOTSUPP (95); decimal for a number without a name, in a static buffer. */
const char *errno_name(int err);

#endif
