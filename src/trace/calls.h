/* SPDX-License-Identifier: MIT */
/*
 * The table behind trace/decode.h: what each ioctl's argument is made of. Offsets are literal here,
 * since a trace shows bytes as they crossed the boundary; tests compare them with the uAPI.
 */
#ifndef TRACE_CALLS_H
#define TRACE_CALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "trace/names.h"

enum trace_style {
	TRACE_DEC,
	TRACE_SIGNED,
	TRACE_HEX,
	TRACE_FLAGS,   /* names joined by |, the rest in hex */
	TRACE_ENUM,    /* one name, or the number */
	TRACE_FEATURE, /* VFIO_DEVICE_FEATURE: an enum in the low 16 bits, flags above */
	TRACE_REGION,  /* an offset of a device's file: "BAR0+0x80" */
	TRACE_BYTES,   /* hex digits */
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

/** What follows the fixed part of an argument. */
struct trace_tail {
	const uint8_t *arg;
	size_t len;  /* bytes of arg that there are, of everything */
	bool failed; /* the call did: what it would have answered is not there */
};
typedef void trace_tail_fn(struct text *text, const struct trace_tail *tail);

struct trace_call {
	const char *kind;
	uint8_t nr; /* VFIO_BASE + nr */
	const char *name;
	enum trace_form form;
	const struct trace_name *names; /* of TRACE_VALUE */
	const struct trace_field *fields;
	uint8_t bytes; /* of the fixed part */
	trace_tail_fn *tail;
};

/** The row of this call on this kind of file, or NULL. */
const struct trace_call *trace_call_find(const char *kind, unsigned cmd);

/** Names of calls that are not VFIO's but that programs try on any file; NULL if it has none. */
const char *trace_foreign_name(unsigned cmd);

/** Append one field of arg, without its name. */
void trace_add_field(struct text *text, const struct trace_field *field, const uint8_t *arg);
/** "name=value, ..." of those fields that len bytes hold. */
void trace_add_fields(
	struct text *text, const struct trace_field *fields, const uint8_t *arg, size_t len);
/** "BAR0+0x80", "CONFIG+0x4", or the number. */
void trace_add_region(struct text *text, uint64_t offset);

/* tails.c */
trace_tail_fn trace_tail_irq_set;
trace_tail_fn trace_tail_hot_reset;
trace_tail_fn trace_tail_hot_reset_info;
trace_tail_fn trace_tail_unmap;
trace_tail_fn trace_tail_dirty;
trace_tail_fn trace_tail_type1_info;
trace_tail_fn trace_tail_device_info;
trace_tail_fn trace_tail_region_info;
trace_tail_fn trace_tail_feature;
trace_tail_fn trace_tail_invalidate;

/** hosts are little-endian (x86-64, arm64) */
uint64_t trace_load(const uint8_t *p, unsigned bytes);

#endif
