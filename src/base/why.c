/* SPDX-License-Identifier: MIT */
/* Reasons of refusals: the innermost writer wins, later ones only complete what it left open. */
#include "base/why.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int why_set(
	struct why *why, enum why_class class, int err, const char *rule, const char *format, ...)
{
	va_list args;

	if (!why || why->class != WHY_NONE)
		return -err;
	why->class = class;
	why->err = err;
	why->rule = rule;
	va_start(args, format);
	vsnprintf(why->missing, sizeof(why->missing), format, args);
	va_end(args);
	return -err;
}

static void set_once(char *field, size_t size, const char *value)
{
	if (value && !field[0])
		snprintf(field, size, "%s", value);
}

void why_about(struct why *why, const char *group, const char *device, const char *iommu)
{
	if (!why)
		return;
	set_once(why->group, sizeof(why->group), group);
	set_once(why->device, sizeof(why->device), device);
	set_once(why->iommu, sizeof(why->iommu), iommu);
}

void why_instead(struct why *why, const char *format, ...)
{
	va_list args;

	if (!why || why->instead[0])
		return;
	va_start(args, format);
	vsnprintf(why->instead, sizeof(why->instead), format, args);
	va_end(args);
}

void why_clear(struct why *why)
{
	if (why)
		memset(why, 0, sizeof(*why));
}

const char *errno_name(int err)
{
	static _Thread_local char number[16];
	const char *name = err ? strerrorname_np(err) : NULL;

	if (name)
		return name;
	snprintf(number, sizeof(number), "%d", err);
	return number;
}
