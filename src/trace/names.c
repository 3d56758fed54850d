/* SPDX-License-Identifier: MIT */
/*
 * Names of what the ioctls' arguments hold: flags and indexes, as <linux/vfio.h> calls them less
 * their common beginning.
 */
#include "trace/names.h"

const struct trace_name trace_extensions[] = {
	{ 1, "VFIO_TYPE1_IOMMU" },
	{ 2, "VFIO_SPAPR_TCE_IOMMU" },
	{ 3, "VFIO_TYPE1v2_IOMMU" },
	{ 4, "VFIO_DMA_CC_IOMMU" },
	{ 5, "VFIO_EEH" },
	{ 6, "VFIO_TYPE1_NESTING_IOMMU" },
	{ 7, "VFIO_SPAPR_TCE_v2_IOMMU" },
	{ 8, "VFIO_NOIOMMU_IOMMU" },
	{ 9, "VFIO_UNMAP_ALL" },
	{ 10, "VFIO_UPDATE_VADDR" },
	{ 0, NULL },
};
const struct trace_name trace_group_flags[] = {
	{ 1, "VIABLE" },
	{ 2, "CONTAINER_SET" },
	{ 0, NULL },
};
const struct trace_name trace_device_flags[] = {
	{ 1, "RESET" },
	{ 2, "PCI" },
	{ 4, "PLATFORM" },
	{ 8, "AMBA" },
	{ 16, "CCW" },
	{ 32, "AP" },
	{ 64, "FSL_MC" },
	{ 128, "CAPS" },
	{ 256, "CDX" },
	{ 0, NULL },
};
const struct trace_name trace_region_flags[] = {
	{ 1, "READ" },
	{ 2, "WRITE" },
	{ 4, "MMAP" },
	{ 8, "CAPS" },
	{ 0, NULL },
};
const struct trace_name trace_region_index[] = {
	{ 0, "BAR0" },
	{ 1, "BAR1" },
	{ 2, "BAR2" },
	{ 3, "BAR3" },
	{ 4, "BAR4" },
	{ 5, "BAR5" },
	{ 6, "ROM" },
	{ 7, "CONFIG" },
	{ 8, "VGA" },
	{ 9, "DMA-FAULT" },
	{ 10, "DMA-FAULT-RESPONSE" },
	{ 0, NULL },
};
const struct trace_name trace_irq_flags[] = {
	{ 1, "EVENTFD" },
	{ 2, "MASKABLE" },
	{ 4, "AUTOMASKED" },
	{ 8, "NORESIZE" },
	{ 0, NULL },
};
const struct trace_name trace_irq_index[] = {
	{ 0, "INTX" },
	{ 1, "MSI" },
	{ 2, "MSIX" },
	{ 3, "ERR" },
	{ 4, "REQ" },
	{ 0, NULL },
};
const struct trace_name trace_irq_set_flags[] = {
	{ 1, "DATA_NONE" },
	{ 2, "DATA_BOOL" },
	{ 4, "DATA_EVENTFD" },
	{ 8, "ACTION_MASK" },
	{ 16, "ACTION_UNMASK" },
	{ 32, "ACTION_TRIGGER" },
	{ 0, NULL },
};
const struct trace_name trace_ioeventfd_flags[] = {
	{ 1, "8" },
	{ 2, "16" },
	{ 4, "32" },
	{ 8, "64" },
	{ 0, NULL },
};
const struct trace_name trace_features[] = {
	{ 0, "PCI_VF_TOKEN" },
	{ 1, "MIGRATION" },
	{ 2, "MIG_DEVICE_STATE" },
	{ 3, "LOW_POWER_ENTRY" },
	{ 4, "LOW_POWER_ENTRY_WITH_WAKEUP" },
	{ 5, "LOW_POWER_EXIT" },
	{ 6, "DMA_LOGGING_START" },
	{ 7, "DMA_LOGGING_STOP" },
	{ 8, "DMA_LOGGING_REPORT" },
	{ 9, "MIG_DATA_SIZE" },
	{ 10, "BUS_MASTER" },
	{ 11, "DMA_BUF" },
	{ 12, "MIG_PRECOPY_INFOv2" },
	{ 13, "ZPCI_ERROR" },
	{ 0, NULL },
};
const struct trace_name trace_info_flags[] = {
	{ 1, "PGSIZES" },
	{ 2, "CAPS" },
	{ 0, NULL },
};
const struct trace_name trace_map_flags[] = {
	{ 1, "READ" },
	{ 2, "WRITE" },
	{ 4, "VADDR" },
	{ 0, NULL },
};
const struct trace_name trace_unmap_flags[] = {
	{ 1, "GET_DIRTY_BITMAP" },
	{ 2, "ALL" },
	{ 4, "VADDR" },
	{ 0, NULL },
};
const struct trace_name trace_dirty_flags[] = {
	{ 1, "START" },
	{ 2, "STOP" },
	{ 4, "GET_BITMAP" },
	{ 0, NULL },
};
const struct trace_name trace_set_unset[] = { { 1, "SET" }, { 2, "UNSET" }, { 0, NULL } };
const struct trace_name trace_bind_unbind[] = { { 1, "BIND" }, { 2, "UNBIND" }, { 0, NULL } };
const struct trace_name trace_pasid_config[] = {
	{ 1, "TRANSLATE" },
	{ 2, "BYPASS" },
	{ 3, "ABORT" },
	{ 0, NULL },
};
const struct trace_name trace_cache_kinds[] = {
	{ 1, "IOTLB" },
	{ 2, "DEV_IOTLB" },
	{ 4, "PASID" },
	{ 0, NULL },
};
const struct trace_name trace_granularity[] = {
	{ 0, "DOMAIN" },
	{ 1, "PASID" },
	{ 2, "ADDR" },
	{ 0, NULL },
};
const struct trace_name trace_feature_ops[] = {
	{ 1u << 16, "GET" },
	{ 1u << 17, "SET" },
	{ 1u << 18, "PROBE" },
	{ 0, NULL },
};
const struct trace_name trace_bus_master[] = { { 0, "CLEAR_MASTER" }, { 1, "SET_MASTER" },
	{ 0, NULL } };
const struct trace_name trace_migration_flags[] = {
	{ 1, "STOP_COPY" },
	{ 2, "P2P" },
	{ 4, "PRE_COPY" },
	{ 0, NULL },
};
const struct trace_name trace_migration_states[] = {
	{ 0, "ERROR" },
	{ 1, "STOP" },
	{ 2, "RUNNING" },
	{ 3, "STOP_COPY" },
	{ 4, "RESUMING" },
	{ 5, "RUNNING_P2P" },
	{ 6, "PRE_COPY" },
	{ 7, "PRE_COPY_P2P" },
	{ 0, NULL },
};
const struct trace_name trace_precopy_flags[] = { { 1, "REINIT" }, { 0, NULL } };
const struct trace_name trace_hot_reset_flags[] = {
	{ 1, "DEV_ID" },
	{ 2, "DEV_ID_OWNED" },
	{ 0, NULL },
};
const struct trace_name trace_plane_flags[] = {
	{ 1, "TYPE_PROBE" },
	{ 2, "TYPE_DMABUF" },
	{ 4, "TYPE_REGION" },
	{ 0, NULL },
};
const struct trace_name trace_bind_flags[] = { { 1, "TOKEN" }, { 0, NULL } };
const struct trace_name trace_inv_flags[] = {
	{ 1, "PASID" },
	{ 2, "ARCHID" },
	{ 4, "LEAF" },
	{ 0, NULL },
};
const struct trace_name trace_pasid_flags[] = { { 1, "PASID" }, { 0, NULL } };
const struct trace_name trace_atomic_flags[] = {
	{ 1, "COMP32" },
	{ 2, "COMP64" },
	{ 4, "COMP128" },
	{ 0, NULL },
};

static const char *name_of(const struct trace_name *names, uint64_t value)
{
	for (; names && names->name; names++) {
		if (names->value == value)
			return names->name;
	}
	return NULL;
}

void trace_add_named(struct text *text, const struct trace_name *names, uint64_t value)
{
	const char *name = name_of(names, value);

	if (name)
		text_add(text, "%s", name);
	else
		text_add(text, "%llu", (unsigned long long)value);
}

void trace_add_flags(struct text *text, const struct trace_name *names, uint64_t value)
{
	const char *sep = "";

	for (; names->name; names++) {
		if (!(value & names->value))
			continue;
		text_add(text, "%s%s", sep, names->name);
		value &= ~names->value;
		sep = "|";
	}
	if (value || !*sep)
		text_add(text, "%s%#llx", sep, (unsigned long long)value);
}
