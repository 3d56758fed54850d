/* SPDX-License-Identifier: MIT */
/* Exactly what to do about a need that is not met: a sysctl, a profile, the flags of a container. */
#ifndef DOCTOR_REMEDY_H
#define DOCTOR_REMEDY_H

#include <stddef.h>

#include "doctor/facts.h"
#include "platform/probe.h"

/** name: the probe's. In one line, without "; ". */
void remedy_for(
	const char *name, enum lack lack, const struct facts *facts, char *buf, size_t size);

#endif
