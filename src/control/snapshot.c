/* SPDX-License-Identifier: MIT */
/* Walks and saved images, as their clients see them. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "control/client.h"
#include "control/message.h"
#include "control/walk.h"
#include "explain/image.h"

static void put_true(struct json_object *object, const char *key, bool value)
{
	if (value)
		control_put_bool(object, key, true);
}

struct json_object *control_ask_walk(int fd, const struct control_walk *walk, struct error *error)
{
	struct json_object *request = json_object_new_object();

	control_put_u64(request, "version", CONTROL_VERSION);
	control_put_text(request, "request", "walk");
	control_put_text(request, "device", walk->device);
	control_put_u64(request, "iova", walk->iova);
	if (walk->has_pasid)
		control_put_u64(request, "pasid", walk->pasid);
	put_true(request, "write", walk->write);
	put_true(request, "privileged", walk->privileged);
	put_true(request, "instruction", walk->instruction);
	put_true(request, "translated", walk->translated);
	put_true(request, "text", walk->text);
	put_true(request, "colour", walk->colour);
	put_true(request, "svg", walk->svg);
	return control_ask_object(fd, request, error);
}

/* ---- images ---- */

/* The whole file, at most IMAGE_FILE_MAX bytes. */
static char *read_file(const char *path, size_t *len, struct error *error)
{
	AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	AUTO_FREE char *text = NULL;
	struct stat st;
	ssize_t n;

	*len = 0;
	if (fd < 0 || fstat(fd, &st)) {
		error_sys(error, errno, "cannot read %s", path);
		return NULL;
	}
	if (!S_ISREG(st.st_mode) || st.st_size > IMAGE_FILE_MAX) {
		error_set(error, EFBIG, "%s is no file, or has more than %u MiB", path,
			IMAGE_FILE_MAX >> 20);
		return NULL;
	}
	text = malloc((size_t)st.st_size + 1);
	while (text && (n = read(fd, text + *len, (size_t)st.st_size - *len)) > 0)
		*len += (size_t)n;
	if (!text)
		error_set(error, ENOMEM, "no memory for %s", path);
	else
		text[*len] = '\0';
	return TAKE_PTR(text);
}

/* Names come from a file: what is not printable stays out of the terminal. */
static void tell_devices(const struct image *image, struct error *error)
{
	const char *first = image_device(image, 0), *c;

	for (c = first; c && *c; c++)
		if (*c < 0x21 || *c > 0x7e)
			first = NULL;
	error_set(error, ENOENT, "there is no such device in the image; the first is %s",
		first ?: "not to be shown");
}

struct json_object *control_image_walk(
	const char *path, const struct control_walk *walk, struct error *error)
{
	struct json_object *answer = NULL;
	struct nb_smmuv3 *smmu;
	struct image *image;
	const char *iommu;
	uint32_t sid;
	size_t len;
	AUTO_FREE char *text = read_file(path, &len, error);

	image = text ? image_parse(text, len, error) : NULL;
	if (!image)
		return NULL;
	smmu = image_find(image, walk->device, &sid, &iommu);
	if (smmu)
		answer = control_walk_of(smmu, sid, iommu, walk, true);
	if (!smmu)
		tell_devices(image, error);
	else if (!answer)
		error_set(error, ENOMEM, "no memory for the walk");
	image_free(image);
	return answer;
}

int control_snapshot_save(int fd, FILE *out, uint64_t *left_out, struct error *error)
{
	struct json_object *answer = control_ask(fd, "snapshot", error), *image = NULL, *value;

	if (!answer)
		return -EIO;
	*left_out = 0;
	if (json_object_object_get_ex(answer, "image", &image)) {
		if (json_object_object_get_ex(image, "pages_left_out", &value))
			*left_out = json_object_get_uint64(value);
		fprintf(out, "%s\n",
			json_object_to_json_string_ext(
				image, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE));
	}
	json_object_put(answer);
	if (!image)
		return error_set(error, EPROTO, "the box answers without an image");
	return 0;
}

const char *control_text_of(struct json_object *answer, const char *key)
{
	struct json_object *value;

	if (!json_object_object_get_ex(answer, key, &value) ||
		!json_object_is_type(value, json_type_string))
		return NULL;
	return json_object_get_string(value);
}

/* "\033[1;31m" and its like: how many bytes; 0: it is something else. */
static size_t colour_length(const char *text)
{
	size_t n = 2 + strspn(text + 2, "0123456789;");

	return text[n] == 'm' ? n + 1 : 0;
}

/** What a box says goes to a terminal: lines, printable ASCII, and colours. */
void control_print_text(const char *text, FILE *out)
{
	while (*text) {
		size_t n = *text == '\033' && text[1] == '[' ? colour_length(text) : 0;

		if (n)
			fwrite(text, 1, n, out);
		else
			fputc(*text == '\n' || (*text >= 0x20 && *text < 0x7f) ? *text : '?', out);
		text += n ?: 1;
	}
}

void control_print_walk(struct json_object *answer, FILE *out)
{
	struct json_object *walk = NULL;

	json_object_object_get_ex(answer, "walk", &walk);
	control_print_json(walk, out);
}
