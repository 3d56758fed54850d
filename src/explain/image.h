/* SPDX-License-Identifier: MIT */
/*
 * A saved image: the registers and the table memory of a host's SMMUs, as JSON (doc/explain.md), from
 * which models are built again that translate as those did. What is read is input: whatever is wrong
 * with it is an error with a message.
 */
#ifndef EXPLAIN_IMAGE_H
#define EXPLAIN_IMAGE_H

#include <json-c/json.h>
#include <nestbox/smmuv3.h>

#include "base/error.h"

#define IMAGE_VERSION	  1
#define IMAGE_FILE_MAX	  (64u << 20) /* bytes of its text */
#define IMAGE_PAGES_MAX	  4096	      /* of 4 KiB, saved or loaded */
#define IMAGE_SMMUS_MAX	  64
#define IMAGE_DEVICES_MAX 1024

/** Registers by name: {"IDR0": "0x...", ...}. Reads the SMMU; changes nothing. */
struct json_object *image_registers(struct nb_smmuv3 *smmu);
/**
 * Append the pages of this memory of ours that were ever touched and are not zero: [address, runs].
 * Other threads may be writing. Returns how many were left out, since *room came to its end.
 */
uint64_t image_pages(
	struct json_object *pages, nb_pa pa, const void *ptr, uint64_t bytes, unsigned *room);

struct image;

/** len bytes of text. NULL with a message. */
struct image *image_parse(const char *text, size_t len, struct error *error);
void image_free(struct image *image); /* NULL accepted */

/** The device's SMMU, or NULL: there is none of that name. */
struct nb_smmuv3 *image_find(
	const struct image *image, const char *device, uint32_t *sid, const char **iommu);
/** Names of devices, in order; NULL at the end. */
const char *image_device(const struct image *image, unsigned n);

#endif
