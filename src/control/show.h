/* SPDX-License-Identifier: MIT */
/*
 * A running box as JSON: what `nestbox show --json` prints; its keys are in doc/control.md. Figures are
 * copied first (machine/machine.h, vfio/inspect.h), each under its own lock, and told without any.
 */
#ifndef CONTROL_SHOW_H
#define CONTROL_SHOW_H

#include <json-c/json.h>
#include <stdint.h>
#include <sys/types.h>

#include "gate/serve.h"
#include "machine/machine.h"
#include "vfio/vfio.h"

#define CONTROL_CONTAINERS_MAX 64 /* shown, each with all there is */

/** What is looked into. All borrowed. */
struct control_box {
	struct machine *machine;
	struct vfio *vfio;
	struct serve
		*serve; /* NULL: no process of a box; then nobody holds anything, and no traces */
	pid_t guardian; /* 0: likewise */
	char *const *argv; /* ends with NULL */
	unsigned fd_base;
	uint64_t started_ns; /* CLOCK_MONOTONIC */
};

/** An answer, NULL without memory. */
struct json_object *control_list(const struct control_box *box);
struct json_object *control_show(const struct control_box *box);
struct json_object *control_stats(const struct control_box *box);

#endif
