/* SPDX-License-Identifier: MIT */
#include "control/walk.h"

#include <stdlib.h>
#include <string.h>

#include <nestbox/explain.h>

#include "base/bits.h"
#include "control/message.h"
#include "control/show.h"
#include "explain/image.h"
#include "machine/kinds.h"

/* ---- renderings ---- */

struct memory {
	char *text;
	size_t len, size;
	bool full; /* no memory: what there is is no use */
};

static void to_memory(void *ctx, const char *text, size_t len)
{
	struct memory *to = ctx;

	if (to->full)
		return;
	if (to->len + len + 1 > to->size) {
		size_t size = MAX(2 * to->size, to->len + len + 4096);
		char *more = realloc(to->text, size);

		to->full = !more;
		if (!more)
			return;
		to->text = more;
		to->size = size;
	}
	memcpy(to->text + to->len, text, len);
	to->len += len;
	to->text[to->len] = '\0';
}

/* Takes the text. */
static struct json_object *as_string(struct memory *from)
{
	struct json_object *string = NULL;

	if (from->text && !from->full)
		string = json_object_new_string_len(from->text, (int)from->len);
	free(from->text);
	return string;
}

static struct json_object *as_object(struct memory *from)
{
	struct json_object *object = NULL;

	if (from->text && !from->full)
		object = json_tokener_parse(from->text);
	free(from->text);
	return object;
}

static void put_renderings(struct json_object *answer, const struct nb_explanation *explanation,
	const struct nb_explain_names *names, const struct control_walk *walk)
{
	struct memory json = { 0 }, text = { 0 }, svg = { 0 };

	nb_explain_json(explanation, names, to_memory, &json);
	control_put(answer, "walk", as_object(&json));
	if (walk->text) {
		nb_explain_text(
			explanation, names, walk->colour ? NB_EXPLAIN_COLOUR : 0, to_memory, &text);
		control_put(answer, "text", as_string(&text));
	}
	if (walk->svg) {
		nb_explain_svg(explanation, names, to_memory, &svg);
		control_put(answer, "svg", as_string(&svg));
	}
}

/* ---- the walk ---- */

static struct nb_smmuv3_txn txn_of(const struct control_walk *walk)
{
	return (struct nb_smmuv3_txn){
		.iova = NB_IOVA(walk->iova),
		.ssid = walk->pasid,
		.flags = (walk->write ? NB_WRITE : NB_READ) | (walk->instruction ? NB_INSN : 0) |
			 (walk->privileged ? NB_PRIV : 0) | (walk->has_pasid ? NB_SSV : 0) |
			 (walk->translated ? NB_TRANSLATED : 0),
	};
}

/* An image has no caches, and not all memory. */
static void tell_saved(struct nb_explanation *explanation)
{
	enum {
		F_STE_FETCH = 0x03,
		F_CD_FETCH = 0x09,
		F_WALK_EABT = 0x0b
	};
	unsigned type = explanation->record[0] & 0xff;

	explanation->caches_known = false;
	if (explanation->event &&
		(type == F_STE_FETCH || type == F_CD_FETCH || type == F_WALK_EABT))
		explanation->unsaved = "Nothing is saved for that address: memory of programs is "
				       "not in an image, or there was none.";
}

struct json_object *control_walk_of(struct nb_smmuv3 *smmu, uint32_t sid, const char *iommu,
	const struct control_walk *walk, bool saved)
{
	struct nb_explain_names names = { .device = walk->device, .iommu = iommu };
	struct nb_explanation *explanation = malloc(sizeof(*explanation));
	struct nb_smmuv3_txn txn = txn_of(walk);
	struct json_object *answer = NULL;

	if (explanation && !nb_smmuv3_explain(smmu, sid, &txn, explanation)) {
		if (saved)
			tell_saved(explanation);
		answer = control_answer("walk");
		put_renderings(answer, explanation, &names, walk);
	}
	free(explanation);
	return answer;
}

static struct machine_iommu *iommu_of(struct machine *machine, const struct machine_device *dev)
{
	for (unsigned i = 0; i < machine->n_iommus; i++)
		if (dev->iommu.iommu && machine->iommus[i].iommu == dev->iommu.iommu)
			return &machine->iommus[i];
	return NULL;
}

static struct nb_smmuv3 *smmu_of(const struct machine_iommu *iommu)
{
	return iommu->kind->smmuv3 ? iommu->kind->smmuv3(iommu->model) : NULL;
}

struct json_object *control_walk_answer(
	const struct control_box *box, const struct control_walk *walk)
{
	struct machine_device *dev = machine_find_device(box->machine, walk->device);
	struct machine_iommu *iommu = dev ? iommu_of(box->machine, dev) : NULL;
	struct nb_smmuv3 *smmu = iommu ? smmu_of(iommu) : NULL;
	struct control_problem problem = { 0 };

	if (smmu)
		return control_walk_of(smmu, dev->iommu.sid, iommu->desc->name, walk, false);
	if (!dev)
		control_refuse(&problem, "no-device", "there is no such device: see nestbox show");
	else if (!iommu)
		control_refuse(&problem, "no-iommu",
			"%s is behind no IOMMU: addresses are physical", dev->pci.name);
	else
		control_refuse(&problem, "no-iommu", "%s is no SMMUv3", iommu->desc->name);
	return control_problem_json(&problem);
}

/* ---- the snapshot ---- */

static struct json_object *iommus_json(const struct machine *machine)
{
	struct json_object *list = json_object_new_array();

	for (unsigned i = 0; i < machine->n_iommus; i++) {
		struct nb_smmuv3 *smmu = smmu_of(&machine->iommus[i]);
		struct json_object *object;

		if (!smmu)
			continue;
		object = json_object_new_object();
		control_put_text(object, "name", machine->iommus[i].desc->name);
		control_put(object, "registers", image_registers(smmu));
		control_append(list, object);
	}
	return list;
}

static struct json_object *devices_json(struct machine *machine)
{
	struct json_object *list = json_object_new_array();

	for (unsigned i = 0; i < machine->n_devices; i++) {
		const struct machine_device *dev = &machine->devices[i];
		struct machine_iommu *iommu = iommu_of(machine, dev);
		struct json_object *object;

		if (!iommu || !smmu_of(iommu))
			continue;
		object = json_object_new_object();
		control_put_text(object, "at", dev->pci.name);
		control_put_text(object, "iommu", iommu->desc->name);
		control_put_u64(object, "stream_id", dev->iommu.sid);
		control_append(list, object);
	}
	return list;
}

struct json_object *control_snapshot(const struct control_box *box)
{
	const struct nb_extent *ram = ram_extent(box->machine->ram);
	struct json_object *answer = control_answer("snapshot");
	struct json_object *image = json_object_new_object();
	struct json_object *pages = json_object_new_array();
	unsigned room = IMAGE_PAGES_MAX;
	uint64_t left_out;

	control_put_u64(image, "nestbox_image", IMAGE_VERSION);
	control_put_text(image, "host", box->machine->desc.name);
	control_put(image, "iommus", iommus_json(box->machine));
	control_put(image, "devices", devices_json(box->machine));
	left_out = image_pages(pages, ram->pa, ram->ptr, ram->bytes, &room);
	control_put_u64(image, "pages_left_out", left_out);
	control_put(image, "pages", pages);
	control_put(answer, "image", image);
	return answer;
}
