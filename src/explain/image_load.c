/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "explain/image.h"
#include "explain/image_registers.h"

#define PAGE	   4096u
#define PAGE_WORDS (PAGE / 8)
#define PA_BITS	   52 /* of any page; 48 where they are enough, since more takes time */
#define DEEP	   8  /* of the JSON */
#define IOTLB	   16

struct page {
	uint64_t pa, words[PAGE_WORDS];
};

struct image_smmu {
	char name[64];
	struct nb_smmuv3 *smmu;
};

struct image_device {
	char name[64];
	unsigned smmu;
	uint32_t sid;
};

struct image {
	struct nb_mem *mem;
	struct nb_extent extent; /* all there is: pages that were saved answer, no others */
	bool added;
	struct page *pages; /* by address */
	unsigned n_pages;
	struct image_smmu smmus[IMAGE_SMMUS_MAX];
	unsigned n_smmus;
	struct image_device *devices;
	unsigned n_devices;
};

/* ---- memory ---- */

static int compare_pages(const void *a, const void *b)
{
	const struct page *x = a, *y = b;

	return (x->pa > y->pa) - (x->pa < y->pa);
}

static const struct page *page_at(const struct image *image, uint64_t pa)
{
	const struct page key = { .pa = pa & ~(uint64_t)(PAGE - 1) };

	return bsearch(&key, image->pages, image->n_pages, sizeof(key), compare_pages);
}

static int load64(void *ctx, uint64_t off, uint64_t *val)
{
	const struct page *page = page_at(ctx, off);

	if (!page)
		return -1;
	*val = page->words[off % PAGE / 8];
	return 0;
}

static int read_bytes(void *ctx, uint64_t off, void *buf, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		const struct page *page = page_at(ctx, off + i);

		if (!page)
			return -1;
		((char *)buf)[i] = ((const char *)page->words)[(off + i) % PAGE];
	}
	return 0;
}

/* Nothing is ever written to an image. */
static int write_bytes(void *ctx, uint64_t off, const void *buf, size_t len, uint32_t sid)
{
	return -1;
}

static const struct nb_mem_ops page_ops = {
	.read = read_bytes,
	.write = write_bytes,
	.load64 = load64,
};

/* ---- numbers ---- */

/* "0x...", all of it. */
static bool take_hex(struct json_object *value, uint64_t *out)
{
	const char *text;
	char *end;

	if (!json_object_is_type(value, json_type_string))
		return false;
	text = json_object_get_string(value);
	if (strncmp(text, "0x", 2) != 0 || strspn(text + 2, "0123456789abcdef") != strlen(text + 2))
		return false;
	errno = 0;
	*out = strtoull(text + 2, &end, 16);
	return end != text + 2 && !*end && !errno && strlen(text) <= 18;
}

static int bad(struct error *error, const char *what)
{
	return error_set(error, EINVAL, "this is no saved image, or a damaged one: %s", what);
}

static struct json_object *member(struct json_object *object, const char *key, enum json_type type)
{
	struct json_object *value = NULL;

	if (!json_object_is_type(object, json_type_object) ||
		!json_object_object_get_ex(object, key, &value) ||
		!json_object_is_type(value, type))
		return NULL;
	return value;
}

static bool take_name(struct json_object *object, const char *key, char name[64])
{
	struct json_object *value = member(object, key, json_type_string);

	return value && snprintf(name, 64, "%s", json_object_get_string(value)) < 64;
}

/* ---- pages ---- */

/* One run: "1f:" and words. What follows it, or NULL: it is none. */
static const char *take_run(const char *text, struct page *page)
{
	char *end;
	unsigned long at = strtoul(text, &end, 16);

	if (end == text || end - text > 3 || *end != ':' || at >= PAGE_WORDS)
		return NULL;
	for (text = end + 1; *text && *text != ' '; text += 16, at++) {
		char word[17] = "";

		if (at >= PAGE_WORDS || strspn(text, "0123456789abcdef") < 16)
			return NULL;
		memcpy(word, text, 16);
		page->words[at] = strtoull(word, NULL, 16);
	}
	return *text == ' ' ? text + 1 : text;
}

static bool take_page(struct json_object *pair, struct page *page)
{
	const char *text;

	if (!json_object_is_type(pair, json_type_array) || json_object_array_length(pair) != 2 ||
		!take_hex(json_object_array_get_idx(pair, 0), &page->pa) || page->pa % PAGE ||
		page->pa >> PA_BITS ||
		!json_object_is_type(json_object_array_get_idx(pair, 1), json_type_string))
		return false;
	text = json_object_get_string(json_object_array_get_idx(pair, 1));
	while (text && *text)
		text = take_run(text, page);
	return text;
}

static int take_pages(struct image *image, struct json_object *list, struct error *error)
{
	size_t n = list ? json_object_array_length(list) : 0;
	unsigned bits;

	if (!list || n > IMAGE_PAGES_MAX)
		return bad(error, "'pages' is missing, or has too many");
	image->pages = calloc(n + 1, sizeof(*image->pages));
	if (!image->pages)
		return error_set(error, ENOMEM, "no memory for the image");
	for (size_t i = 0; i < n; i++)
		if (!take_page(json_object_array_get_idx(list, i), &image->pages[i]))
			return bad(error, "a page of 'pages' has no such form");
	image->n_pages = (unsigned)n;
	qsort(image->pages, n, sizeof(*image->pages), compare_pages);
	for (size_t i = 1; i < n; i++)
		if (image->pages[i].pa == image->pages[i - 1].pa)
			return bad(error, "a page is there twice");
	bits = n && image->pages[n - 1].pa >> 48 ? PA_BITS : 48;
	image->extent =
		(struct nb_extent){ .bytes = UINT64_C(1) << bits, .ops = &page_ops, .ctx = image };
	image->mem = nb_mem_create(bits);
	image->added = image->mem && !nb_mem_add(image->mem, &image->extent);
	return image->added ? 0 : error_set(error, ENOMEM, "no memory for the image");
}

/* ---- SMMUs ---- */

struct registers {
	uint64_t idr0, idr1, idr3, idr5, cr0, cr2, gbpa, strtab_base, strtab_cfg;
};

static struct nb_smmuv3_config config_of(const struct registers *regs)
{
	/* By IDR5.OAS; 1: there is no such size. */
	static const uint8_t oas[8] = { 32, 36, 40, 42, 44, 48, 52, 1 };
	/* By IDR0.STALL_MODEL; 0b11 is reserved. */
	static const enum nb_smmuv3_stall_model stalls[4] = { NB_SMMUV3_STALL_ALLOWED,
		NB_SMMUV3_STALL_NONE, NB_SMMUV3_STALL_FORCED, NB_SMMUV3_STALL_NONE };

	return (struct nb_smmuv3_config){
		.size = sizeof(struct nb_smmuv3_config),
		.no_stage1 = !(regs->idr0 & IDR0_S1P),
		.no_stage2 = !(regs->idr0 & IDR0_S2P),
		.oas_bits = oas[field_get(IDR5_OAS, regs->idr5)],
		.sid_bits = field_get(IDR1_SIDSIZE, regs->idr1) ?: 64, /* 0 would be the default */
		.iotlb_slots = IOTLB,
		.ssid_bits = field_get(IDR1_SSIDSIZE, regs->idr1),
		.granules = (regs->idr5 & IDR5_GRAN4K ? NB_SMMUV3_GRAN4K : 0) |
			    (regs->idr5 & IDR5_GRAN16K ? NB_SMMUV3_GRAN16K : 0) |
			    (regs->idr5 & IDR5_GRAN64K ? NB_SMMUV3_GRAN64K : 0),
		.stall_model = stalls[field_get(IDR0_STALL_MODEL, regs->idr0)],
		.httu = (enum nb_smmuv3_httu)field_get(IDR0_HTTU, regs->idr0),
		.linear_tables_only = field_get(IDR0_ST_LEVEL, regs->idr0) == 0,
		.no_ril = !(regs->idr3 & IDR3_RIL),
		.bbml = field_get(IDR3_BBML, regs->idr3),
		.fwb = regs->idr3 & IDR3_FWB,
		.xnx = regs->idr3 & IDR3_XNX,
		.vax = field_get(IDR5_VAX, regs->idr5),
		.ats = regs->idr0 & IDR0_ATS,
		.pri = regs->idr0 & IDR0_PRI,
		.raz_wi = !(regs->idr0 & IDR0_TERM_MODEL),
	};
}

/* Queues stay off: nothing is to be consumed or written. */
static struct nb_smmuv3 *build(const struct image *image, const struct registers *regs)
{
	struct nb_smmuv3_config config = config_of(regs);
	struct nb_smmuv3 *smmu;

	config.mem = image->mem;
	smmu = nb_smmuv3_create(&config);
	if (!smmu)
		return NULL;
	nb_smmuv3_write(smmu, R_STRTAB_BASE, regs->strtab_base, 8);
	nb_smmuv3_write(smmu, R_STRTAB_CFG, regs->strtab_cfg, 4);
	nb_smmuv3_write(smmu, R_CR2, regs->cr2, 4);
	nb_smmuv3_write(smmu, R_GBPA, (regs->gbpa & ~GBPA_UPDATE) | GBPA_UPDATE, 4);
	nb_smmuv3_write(smmu, R_CR0, regs->cr0 & CR0_SMMUEN, 4);
	return smmu;
}

static bool take_registers(struct json_object *object, struct registers *regs)
{
	const struct {
		const char *name;
		uint64_t *value;
	} taken[] = {
		{ "IDR0", &regs->idr0 },
		{ "IDR1", &regs->idr1 },
		{ "IDR3", &regs->idr3 },
		{ "IDR5", &regs->idr5 },
		{ "CR0", &regs->cr0 },
		{ "CR2", &regs->cr2 },
		{ "GBPA", &regs->gbpa },
		{ "STRTAB_BASE", &regs->strtab_base },
		{ "STRTAB_BASE_CFG", &regs->strtab_cfg },
	};

	for (size_t i = 0; i < ARRAY_LEN(taken); i++)
		if (!take_hex(member(object, taken[i].name, json_type_string), taken[i].value))
			return false;
	return true;
}

static int take_smmu(struct image *image, struct json_object *object, struct error *error)
{
	struct image_smmu *smmu = &image->smmus[image->n_smmus];
	struct registers regs;

	if (!take_name(object, "name", smmu->name) ||
		!take_registers(member(object, "registers", json_type_object), &regs))
		return bad(error, "an IOMMU has no name, or not all registers");
	smmu->smmu = build(image, &regs);
	if (!smmu->smmu)
		return bad(error, "the ID registers are of no SMMU that there is");
	image->n_smmus++;
	return 0;
}

static int take_smmus(struct image *image, struct json_object *list, struct error *error)
{
	size_t n = list ? json_object_array_length(list) : 0;

	if (!list || n > IMAGE_SMMUS_MAX)
		return bad(error, "'iommus' is missing, or has too many");
	for (size_t i = 0; i < n; i++) {
		int err = take_smmu(image, json_object_array_get_idx(list, i), error);

		if (err)
			return err;
	}
	return 0;
}

/* ---- devices ---- */

static bool take_device(struct image *image, struct json_object *object)
{
	struct image_device *dev = &image->devices[image->n_devices];
	struct json_object *sid = member(object, "stream_id", json_type_int);
	char iommu[64];

	if (!take_name(object, "at", dev->name) || !take_name(object, "iommu", iommu) || !sid ||
		json_object_get_int64(sid) < 0 || json_object_get_int64(sid) > UINT32_MAX)
		return false;
	dev->sid = (uint32_t)json_object_get_int64(sid);
	for (dev->smmu = 0; dev->smmu < image->n_smmus; dev->smmu++) {
		if (strcmp(image->smmus[dev->smmu].name, iommu) != 0)
			continue;
		image->n_devices++;
		return true;
	}
	return false;
}

static int take_devices(struct image *image, struct json_object *list, struct error *error)
{
	size_t n = list ? json_object_array_length(list) : 0;

	if (!list || n > IMAGE_DEVICES_MAX)
		return bad(error, "'devices' is missing, or has too many");
	image->devices = calloc(n + 1, sizeof(*image->devices));
	if (!image->devices)
		return error_set(error, ENOMEM, "no memory for the image");
	for (size_t i = 0; i < n; i++)
		if (!take_device(image, json_object_array_get_idx(list, i)))
			return bad(error, "a device has no name, StreamID, or IOMMU of this image");
	return 0;
}

/* ---- all of it ---- */

static int take_all(struct image *image, struct json_object *object, struct error *error)
{
	struct json_object *version = member(object, "nestbox_image", json_type_int);
	int err;

	if (!version)
		return bad(error, "there is no 'nestbox_image' in it");
	if (json_object_get_int64(version) != IMAGE_VERSION)
		return error_set(error, EINVAL, "the image has version %lld, this nestbox reads %d",
			(long long)json_object_get_int64(version), IMAGE_VERSION);
	err = take_pages(image, member(object, "pages", json_type_array), error);
	if (!err)
		err = take_smmus(image, member(object, "iommus", json_type_array), error);
	if (!err)
		err = take_devices(image, member(object, "devices", json_type_array), error);
	return err;
}

static struct json_object *parse_json(const char *text, size_t len)
{
	struct json_tokener *tokener = json_tokener_new_ex(DEEP);
	struct json_object *object = NULL;

	if (!tokener)
		return NULL;
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	object = json_tokener_parse_ex(tokener, text, (int)len);
	json_tokener_free(tokener);
	return object;
}

struct image *image_parse(const char *text, size_t len, struct error *error)
{
	struct image *image = calloc(1, sizeof(*image));
	struct json_object *object = NULL;
	int err;

	while (len && strchr(" \n\t\r", text[len - 1]) && text[len - 1])
		len--; /* strict parsing takes no more than the object */
	if (image && len && len <= IMAGE_FILE_MAX)
		object = parse_json(text, len);
	if (object)
		err = take_all(image, object, error);
	else
		err = bad(error, "it is no JSON object, or cut off");
	json_object_put(object);
	if (!err)
		return image;
	image_free(image);
	return NULL;
}

void image_free(struct image *image)
{
	if (!image)
		return;
	for (unsigned i = 0; i < image->n_smmus; i++)
		nb_smmuv3_destroy(image->smmus[i].smmu);
	if (image->added)
		nb_mem_remove(image->mem, &image->extent);
	nb_mem_destroy(image->mem);
	free(image->devices);
	free(image->pages);
	free(image);
}

struct nb_smmuv3 *image_find(
	const struct image *image, const char *device, uint32_t *sid, const char **iommu)
{
	for (unsigned i = 0; i < image->n_devices; i++) {
		const struct image_device *dev = &image->devices[i];

		if (strcmp(dev->name, device) != 0)
			continue;
		*sid = dev->sid;
		*iommu = image->smmus[dev->smmu].name;
		return image->smmus[dev->smmu].smmu;
	}
	return NULL;
}

const char *image_device(const struct image *image, unsigned n)
{
	return n < image->n_devices ? image->devices[n].name : NULL;
}
