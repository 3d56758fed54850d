/* SPDX-License-Identifier: MIT */
/*
 * Saved images: what was saved translates likewise; and whatever is done to the text of one, reading it
 * ends in an image or an error with a message.
 */
#include <json-c/json.h>
#include <nestbox/explain.h>

#include "../smmuv3/rig.h"
#include "explain/image.h"

static struct json_object *device(const char *at, uint32_t sid)
{
	struct json_object *object = json_object_new_object();

	json_object_object_add(object, "at", json_object_new_string(at));
	json_object_object_add(object, "iommu", json_object_new_string("smmu0"));
	json_object_object_add(object, "stream_id", json_object_new_int64(sid));
	return object;
}

static char *save(struct rig *rig, unsigned room)
{
	struct json_object *object = json_object_new_object(), *iommu = json_object_new_object();
	struct json_object *iommus = json_object_new_array(), *devices = json_object_new_array(),
			   *pages = json_object_new_array();
	char *text;

	json_object_object_add(iommu, "name", json_object_new_string("smmu0"));
	json_object_object_add(iommu, "registers", image_registers(rig->smmu));
	json_object_array_add(iommus, iommu);
	json_object_array_add(devices, device("dev", RIG_SID));
	image_pages(pages, NB_PA(RIG_RAM), rig->ram, MIB(1), &room);
	json_object_object_add(object, "nestbox_image", json_object_new_int(IMAGE_VERSION));
	json_object_object_add(object, "iommus", iommus);
	json_object_object_add(object, "devices", devices);
	json_object_object_add(object, "pages", pages);
	text = strdup(json_object_to_json_string(object));
	json_object_put(object);
	return text;
}

static struct image *parse(const char *text, size_t len)
{
	struct error error = { 0 };
	char *exact = malloc(len + 1); /* what is read beyond is seen by ASan */
	struct image *image;

	memcpy(exact, text, len);
	exact[len] = '\0';
	image = image_parse(exact, len, &error);
	if (!image)
		assert_true(strlen(error.message) > 10);
	free(exact);
	return image;
}

static void explain(struct nb_smmuv3 *smmu, uint32_t sid, uint64_t iova, struct nb_explanation *out)
{
	struct nb_smmuv3_txn txn = { .iova = NB_IOVA(iova), .flags = NB_READ };

	assert_int_equal(nb_smmuv3_explain(smmu, sid, &txn, out), 0);
}

static void same(struct rig *rig, const struct image *image, uint64_t iova)
{
	static struct nb_explanation live, saved;
	struct nb_smmuv3 *smmu;
	const char *iommu;
	uint32_t sid;

	smmu = image_find(image, "dev", &sid, &iommu);
	assert_non_null(smmu);
	assert_string_equal(iommu, "smmu0");
	explain(rig->smmu, RIG_SID, iova, &live);
	explain(smmu, sid, iova, &saved);
	assert_int_equal(live.n, saved.n);
	for (unsigned i = 0; i < live.n; i++)
		assert_memory_equal(&live.steps[i], &saved.steps[i], sizeof(live.steps[i]));
	assert_true(live.ok == saved.ok && live.pa.v == saved.pa.v && live.prot == saved.prot);
	assert_memory_equal(live.record, saved.record, sizeof(live.record));
	saved.hw.iotlb_slots = live.hw.iotlb_slots;
	assert_memory_equal(&live.hw, &saved.hw, sizeof(live.hw));
}

static void test_same(void **state)
{
	static const struct nb_smmuv3_config kinds[] = {
		{ 0 },
		{ .oas_bits = 44, .sid_bits = 8, .ssid_bits = 6, .granules = 5, .bbml = 1 },
		{ .ats = true,
			.pri = true,
			.fwb = true,
			.xnx = true,
			.no_ril = true,
			.raz_wi = true },
		{ .stall_model = NB_SMMUV3_STALL_ALLOWED, .httu = NB_SMMUV3_HTTU_DIRTY },
	};
	uint32_t sid;
	const char *iommu;

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		struct rig rig;
		struct image *image;
		char *text;

		rig_create(&rig, kinds[i]);
		rig_enable(&rig);
		rig_nested(&rig);
		text = save(&rig, 1000);
		image = parse(text, strlen(text));
		assert_non_null(image);
		same(&rig, image, RIG_VA);
		same(&rig, image, 0x1000);
		same(&rig, image, BIT64(60));
		assert_null(image_find(image, "other", &sid, &iommu));
		assert_string_equal(image_device(image, 0), "dev");
		assert_null(image_device(image, 1));
		image_free(image);
		free(text);
		rig_finish(&rig);
	}
}

/* Pages that do not fit are counted, and their memory aborts. */
static void test_room(void **state)
{
	struct json_object *pages = json_object_new_array();
	static struct nb_explanation e;
	unsigned room = 2;
	struct image *image;
	struct rig rig;
	const char *iommu;
	uint32_t sid;
	char *text;

	rig_init(&rig);
	rig_s2(&rig);
	assert_true(image_pages(pages, NB_PA(RIG_RAM), rig.ram, MIB(1), &room) > 0);
	assert_int_equal(room, 0);
	assert_int_equal(json_object_array_length(pages), 2);
	json_object_put(pages);
	text = save(&rig, 0);
	image = parse(text, strlen(text));
	assert_non_null(image);
	explain(image_find(image, "dev", &sid, &iommu), RIG_SID, RAM(DATA_AT), &e);
	assert_true(e.event && field_get(EVT_0_TYPE, e.record[0]) == EVT_F_STE_FETCH);
	image_free(image);
	free(text);
	rig_finish(&rig);
}

#define REGS                                                                                       \
	"{\"IDR0\":\"0xd44101b\",\"IDR1\":\"0xe730010\",\"IDR3\":\"0x404\",\"IDR5\":\"0x15\","     \
	"\"CR0\":\"0x1\",\"CR2\":\"0x2\",\"GBPA\":\"0x0\",\"STRTAB_BASE\":\"0x0\","                \
	"\"STRTAB_BASE_CFG\":\"0x6\"}"
#define IMAGE(iommus, devices, pages)                                                              \
	"{\"nestbox_image\":1,\"iommus\":[" iommus "],\"devices\":[" devices "],\"pages\":[" pages \
	"]}"
#define SMMU "{\"name\":\"s\",\"registers\":" REGS "}"

static const struct {
	const char *text;
	bool good;
} images[] = {
	{ IMAGE("", "", ""), true },
	{ IMAGE(SMMU, "{\"at\":\"d\",\"iommu\":\"s\",\"stream_id\":1}",
		  "[\"0x1000\",\"0:0000000000000001\"]"),
		true },
	{ IMAGE(SMMU, "", "") "\n\n", true },
	{ "", false },
	{ "x", false },
	{ "[]", false },
	{ "{}", false },
	{ "{\"nestbox_image\":2}", false },
	{ "{\"nestbox_image\":1}", false },
	{ "{\"nestbox_image\":\"1\",\"iommus\":[],\"devices\":[],\"pages\":[]}", false },
	{ IMAGE("1", "", ""), false },
	{ IMAGE("{\"name\":\"s\"}", "", ""), false },
	{ IMAGE("{\"name\":\"s\",\"registers\":{}}", "", ""), false },
	{ IMAGE(SMMU, "{\"at\":\"d\",\"iommu\":\"t\",\"stream_id\":1}", ""), false },
	{ IMAGE(SMMU, "{\"at\":\"d\",\"iommu\":\"s\",\"stream_id\":-1}", ""), false },
	{ IMAGE(SMMU, "{\"at\":\"d\",\"iommu\":\"s\",\"stream_id\":4294967296}", ""), false },
	{ IMAGE(SMMU, "{\"at\":1,\"iommu\":\"s\",\"stream_id\":1}", ""), false },
	{ IMAGE("", "", "1"), false },
	{ IMAGE("", "", "[]"), false },
	{ IMAGE("", "", "[\"0x1000\"]"), false },
	{ IMAGE("", "", "[\"1000\",\"\"]"), false },
	{ IMAGE("", "", "[\"0x1001\",\"\"]"), false },
	{ IMAGE("", "", "[\"0x\",\"\"]"), false },
	{ IMAGE("", "", "[\"0x10000000000000\",\"\"]"), false },
	{ IMAGE("", "", "[\"0x100000000000000000\",\"\"]"), false },
	{ IMAGE("", "", "[\"0x1000\",\"\"]"), true },
	{ IMAGE("", "", "[\"0x1000\",\"\"],[\"0x1000\",\"\"]"), false },
	{ IMAGE("", "", "[\"0x1000\",\"200:0000000000000000\"]"), false },
	{ IMAGE("", "", "[\"0x1000\",\"1ff:00000000000000010000000000000002\"]"), false },
	{ IMAGE("", "", "[\"0x1000\",\"0:1\"]"), false },
	{ IMAGE("", "", "[\"0x1000\",\"0\"]"), false },
	{ IMAGE("", "", "[\"0x1000\",\":\"]"), false },
	{ IMAGE("", "", "[\"0x1000\",\"-1:0000000000000001\"]"), false },
	{ IMAGE("", "", "[\"0x1000\",\"0:000000000000000g\"]"), false },
	{ "{\"nestbox_image\":1,\"iommus\":[[[[[[[[[[[[]]]]]]]]]]]],\"devices\":[],\"pages\":[]}",
		false },
};

static void test_images(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(images); i++) {
		struct image *image = parse(images[i].text, strlen(images[i].text));

		if (!image != !images[i].good)
			fail_msg("%s", images[i].text);
		image_free(image);
	}
}

/* Every truncation, and flips of bits; what can still be read can be walked. */
static void walk_any(struct image *image)
{
	static struct nb_explanation e;
	struct nb_smmuv3 *smmu;
	const char *iommu;
	uint32_t sid;

	smmu = image && image_device(image, 0)
		       ? image_find(image, image_device(image, 0), &sid, &iommu)
		       : NULL;
	if (smmu)
		explain(smmu, sid, RIG_VA, &e);
	image_free(image);
}

static void test_damage(void **state)
{
	uint64_t seed = 1;
	struct rig rig;
	size_t len;
	char *text;

	rig_init(&rig);
	rig_s1(&rig);
	text = save(&rig, 1000);
	len = strlen(text);
	for (size_t n = 0; n < len; n += n < 1500 || len - n < 100 ? 1 : 37)
		assert_null(parse(text, n));
	for (unsigned i = 0; i < 500; i++) {
		char was;
		size_t at;

		seed = seed * 6364136223846793005u + 1442695040888963407u;
		at = (seed >> 33) % len;
		was = text[at];
		text[at] ^= 1 << (seed >> 30 & 7);
		walk_any(parse(text, len));
		text[at] = was;
	}
	free(text);
	rig_finish(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same),
		cmocka_unit_test(test_room),
		cmocka_unit_test(test_images),
		cmocka_unit_test(test_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
