/* SPDX-License-Identifier: MIT */
/*
 * Explaining a translation (the request walk), and saving what it takes to do that later (snapshot,
 * src/explain/image.h). Both look at SMMUs and memory as DMA does, without the host lock.
 */
#ifndef CONTROL_WALK_H
#define CONTROL_WALK_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

struct nb_smmuv3;
struct control_box;

/** What is asked. */
struct control_walk {
	char device[64];
	uint64_t iova;
	bool has_pasid;
	uint32_t pasid;
	bool write, privileged, instruction, translated;
	/* Renderings that are wanted besides. */
	bool text, colour, svg;
};

/** The answer, also a refusal; NULL without memory. */
struct json_object *control_walk_answer(
	const struct control_box *box, const struct control_walk *walk);
struct json_object *control_snapshot(const struct control_box *box);

/** The same for one SMMU; saved: it is of an image. */
struct json_object *control_walk_of(struct nb_smmuv3 *smmu, uint32_t sid, const char *iommu,
	const struct control_walk *walk, bool saved);

#endif
