/* SPDX-License-Identifier: MIT */
/*
 * The table behind trace/decode.h: what each ioctl's argument is made of. Offsets are literal here,
 * since a trace shows bytes as they crossed the boundary; a test compares them with the uAPI.
 */
#ifndef TRACE_CALLS_H
#define TRACE_CALLS_H

#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

/** A value (or the bits of one) with a name. Tables end with name NULL. */
struct trace_name {
	uint64_t value;
	const char *name;
};

enum trace_style {
	TRACE_DEC,
	TRACE_SIGNED,
	TRACE_HEX,
	TRACE_FLAGS,   /* names joined by |, the rest in hex */
	TRACE_ENUM,    /* one name, or the number */
	TRACE_FEATURE, /* VFIO_DEVICE_FEATURE: an enum in the low 16 bits, flags above */
};

struct trace_field {
	const char *name;
	uint8_t offset, bytes;
	enum trace_style style;
	const struct trace_name *names;
};

enum trace_form {
	TRACE_NONE,    /* no argument */
	TRACE_VALUE,   /* the argument itself, by names */
	TRACE_INT_PTR, /* a pointer to a 32-bit integer */
	TRACE_STRING,  /* a pointer to a string */
	TRACE_STRUCT,  /* a pointer to fields, perhaps more behind them (tail) up to argsz */
};

struct trace_call {
	const char *kind;
	uint8_t nr; /* VFIO_BASE + nr */
	const char *name;
	enum trace_form form;
	const struct trace_name *names; /* of TRACE_VALUE */
	const struct trace_field *fields;
	uint8_t bytes; /* of the fixed part */
	/** What follows the fixed part; len: bytes of arg that there are, of everything. */
	void (*tail)(struct text *text, const uint8_t *arg, size_t len);
};

/** The row of this call on this kind of file, or NULL. */
const struct trace_call *trace_call_find(const char *kind, unsigned cmd);

/** Names of calls that are not VFIO's but that programs try on any file; NULL if it has none. */
const char *trace_foreign_name(unsigned cmd);

/** Append one field of arg, without its name. */
void trace_add_field(struct text *text, const struct trace_field *field, const uint8_t *arg);
void trace_add_named(struct text *text, const struct trace_name *names, uint64_t value);

#endif
