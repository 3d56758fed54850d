/* SPDX-License-Identifier: MIT */
#include "base/error.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static bool error_begin(struct error *e, int err)
{
	if (!e || e->err)
		return false;
	e->err = err;
	return true;
}

int error_set(struct error *e, int err, const char *format, ...)
{
	va_list args;

	if (!error_begin(e, err))
		return -err;
	va_start(args, format);
	vsnprintf(e->message, sizeof(e->message), format, args);
	va_end(args);
	return -err;
}

static const char *description(int err)
{
	const char *text = strerrordesc_np(err);

	return text ? text : "unknown error";
}

int error_sys(struct error *e, int err, const char *format, ...)
{
	va_list args;
	int len;

	if (!error_begin(e, err))
		return -err;
	va_start(args, format);
	len = vsnprintf(e->message, sizeof(e->message), format, args);
	va_end(args);
	if (len >= 0 && (size_t)len < sizeof(e->message))
		snprintf(e->message + len, sizeof(e->message) - len, ": %s", description(err));
	return -err;
}
