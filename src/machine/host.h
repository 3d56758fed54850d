/* SPDX-License-Identifier: MIT */
/*
 * The host description: what a simulated host is made of, read from YAML.
 * Syntax, unknown keys, ranges and cross-checks (duplicate address, unknown IOMMU, impossible
 * stages) are all found here, with file:line:column: key: what is wrong and what is allowed.
 */
#ifndef MACHINE_HOST_H
#define MACHINE_HOST_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"

#define HOST_MAX_IOMMUS	 16
#define HOST_MAX_BUSES	 64
#define HOST_MAX_DEVICES 256
#define HOST_MAX_OPTIONS 16

struct host_iommu {
	char name[32];
	char kind[16]; /* "smmuv3" */
	bool stage1, stage2;
	bool httu, stall;
	unsigned ssid_bits;
	char granules[8]; /* "4k", "4k-16k", "4k-64k", "all" */
	uint32_t iidr;	  /* 0: an implementation that nests */
	unsigned oas_bits, sid_bits;
	uint64_t msi_window; /* an IOVA, HOST_MSI_WINDOW_BYTES long and aligned so */
};
#define HOST_MSI_WINDOW_BYTES 0x100000

struct host_bus {
	char type[16]; /* "pci" */
	uint16_t segment;
	int iommu; /* index, -1: none */
};

struct host_device {
	char at[16]; /* "0000:01:00.0", canonical */
	char model[16];
	int group;	 /* -1: none (behind no IOMMU) */
	char driver[32]; /* bound host driver: "vfio-pci" (default), another, or "" for none */
	int bus;	 /* index into buses */
	uint64_t options[HOST_MAX_OPTIONS]; /* in the model's order, defaults filled in */
};

struct host_desc {
	char name[64]; /* "smmuv3", or the file's name */
	struct host_iommu iommus[HOST_MAX_IOMMUS];
	unsigned n_iommus;
	struct host_bus buses[HOST_MAX_BUSES];
	unsigned n_buses;
	struct host_device devices[HOST_MAX_DEVICES];
	unsigned n_devices;
	bool nesting_subset; /* policy.nesting: enforce | subset */
	bool noiommu;	     /* policy.noiommu */
};

/** A built-in name, or a path (it has a '/' or ends in .yaml or .yml). 0 or -errno with a message.
 */
int host_load(const char *name_or_path, struct host_desc *desc, struct error *error);
/** From a buffer; file names it in messages. */
int host_parse(const char *file, const char *text, size_t len, struct host_desc *desc,
	struct error *error);

/** Names of built-in hosts, ends with NULL; and the YAML of one, NULL if there is none. */
extern const char *const host_builtins[];
const char *host_builtin_yaml(const char *name);

/** Views of a description for `nestbox host`. */
void host_print_table(const struct host_desc *desc, FILE *out);
void host_print_yaml(const struct host_desc *desc, FILE *out); /* with the keys' docs as comments */
void host_print_json(const struct host_desc *desc, FILE *out);

#endif
