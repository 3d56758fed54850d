/* SPDX-License-Identifier: MIT */
/* Numbers of the uAPI by name. */
#ifndef TRACE_NAMES_H
#define TRACE_NAMES_H

#include <stdint.h>

#include "base/text.h"

/** A value (or the bits of one) with a name. Tables end with name NULL. */
struct trace_name {
	uint64_t value;
	const char *name;
};

/** The name, or the number. */
void trace_add_named(struct text *text, const struct trace_name *names, uint64_t value);
/** Names of bits joined by |, the rest in hex. */
void trace_add_flags(struct text *text, const struct trace_name *names, uint64_t value);

extern const struct trace_name trace_extensions[];
extern const struct trace_name trace_group_flags[];
extern const struct trace_name trace_device_flags[];
extern const struct trace_name trace_region_flags[];
extern const struct trace_name trace_region_index[];
extern const struct trace_name trace_irq_flags[];
extern const struct trace_name trace_irq_index[];
extern const struct trace_name trace_irq_set_flags[];
extern const struct trace_name trace_ioeventfd_flags[];
extern const struct trace_name trace_features[];
extern const struct trace_name trace_info_flags[];
extern const struct trace_name trace_map_flags[];
extern const struct trace_name trace_unmap_flags[];
extern const struct trace_name trace_dirty_flags[];
extern const struct trace_name trace_set_unset[];
extern const struct trace_name trace_bind_unbind[];
extern const struct trace_name trace_pasid_config[];
extern const struct trace_name trace_cache_kinds[];
extern const struct trace_name trace_granularity[];
extern const struct trace_name trace_inv_flags[];
extern const struct trace_name trace_feature_ops[];
extern const struct trace_name trace_bus_master[];
extern const struct trace_name trace_migration_flags[];
extern const struct trace_name trace_migration_states[];
extern const struct trace_name trace_precopy_flags[];
extern const struct trace_name trace_hot_reset_flags[];
extern const struct trace_name trace_plane_flags[];
extern const struct trace_name trace_bind_flags[];
extern const struct trace_name trace_pasid_flags[];
extern const struct trace_name trace_atomic_flags[];

#endif
