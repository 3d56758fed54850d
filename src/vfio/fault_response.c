/* SPDX-License-Identifier: MIT */
/*
 * What the program answers to stalled transactions. Checks of a response: Linux 6.1 iommu_page_response,
 * and its user's argsz. All responses of one write are checked before the first is carried out, so that
 * a refused write changed nothing; its responses may be mended where they are, and head written again.
 *
 * A response to nothing that is out (never was, was answered, or has ended otherwise: its stage 1 went) is
 * passed over, as hardware does.
 */
#include <errno.h>
#include <string.h>

#include "base/bits.h"
#include "vfio/fault.h"

#define WORDS (sizeof(struct iommu_page_response) / sizeof(uint32_t))

/* Once: the program may change it while we look. */
static void copy_response(
	const struct vfio_fault *fault, uint32_t at, struct iommu_page_response *out)
{
	const uint32_t *from =
		(const uint32_t *)(const void *)(fault->memory[VFIO_FAULT_RESPONSES] +
						 at * sizeof(*out));
	uint32_t words[WORDS];

	for (unsigned i = 0; i < WORDS; i++)
		words[i] = __atomic_load_n(&from[i], __ATOMIC_RELAXED);
	memcpy(out, words, sizeof(words));
}

static int check(const struct iommu_page_response *response, uint32_t at, struct why *why)
{
	const char *bad = NULL;

	if (response->argsz < sizeof(*response))
		bad = "argsz";
	else if (response->version != IOMMU_PAGE_RESP_VERSION_1)
		bad = "version";
	else if (response->flags & ~IOMMU_PAGE_RESP_PASID_VALID)
		bad = "flags";
	else if (response->code > IOMMU_PAGE_RESP_FAILURE)
		bad = "code";
	if (!bad)
		return 0;
	return why_misuse(why, EINVAL, "bad-page-response",
		"response %u: %s (argsz %u, version %u, flags 0x%x, grpid %u, code %u)", at, bad,
		response->argsz, response->version, response->flags, response->grpid,
		response->code);
}

/* How many, all of them copied and sound, or -EINVAL. */
static int take_batch(struct vfio_fault *fault, uint32_t head, struct why *why)
{
	unsigned n = 0;

	for (uint32_t at = fault->responded; at != head; at = (at + 1) % VFIO_FAULT_ENTRIES) {
		int err;

		copy_response(fault, at, &fault->batch[n]);
		err = check(&fault->batch[n], at, why);
		if (err)
			return err;
		n++;
	}
	return (int)n;
}

static bool is_out(const struct vfio_fault *fault, uint32_t tag)
{
	return tag <= UINT16_MAX && fault->out[tag / 64] & BIT64(tag % 64);
}

/* Before it is answered: the number is free again from then on. */
static bool take_tag(struct vfio_fault *fault, uint32_t tag)
{
	bool out;

	pthread_mutex_lock(&fault->lock);
	out = is_out(fault, tag);
	if (out)
		fault->out[tag / 64] &= ~BIT64(tag % 64);
	pthread_mutex_unlock(&fault->lock);
	return out;
}

static void answer(struct vfio_device *device, uint32_t tag, enum iommu_response response)
{
	if (!take_tag(device->fault, tag))
		return;
	hostlock_lock(vfio_lock(device->vfio));
	iommu_page_response(&device->dev->iommu, (uint16_t)tag, response);
	hostlock_unlock(vfio_lock(device->vfio));
}

static void set_responded(struct vfio_fault *fault, uint32_t head)
{
	pthread_mutex_lock(&fault->lock);
	fault->responded = head;
	pthread_mutex_unlock(&fault->lock);
}

static int respond(struct vfio_device *device, uint32_t head, struct why *why)
{
	struct vfio_fault *fault = device->fault;
	int n = take_batch(fault, head, why);

	if (n < 0)
		return n;
	for (int i = 0; i < n; i++)
		answer(device, fault->batch[i].grpid,
			fault->batch[i].code == IOMMU_PAGE_RESP_SUCCESS ? IOMMU_RESPONSE_RETRY
									: IOMMU_RESPONSE_ABORT);
	set_responded(fault, head);
	return 0;
}

int vfio_fault_respond(struct vfio_device *device, uint32_t head, struct why *why)
{
	int ret;

	vfio_device_lock(device);
	ret = respond(device, head, why);
	vfio_device_unlock(device);
	return ret;
}

/* The sink is gone: nothing is added. */
void vfio_fault_abort_all(struct vfio_device *device)
{
	struct vfio_fault *fault = device->fault;

	for (unsigned i = 0; i < ARRAY_LEN(fault->out); i++)
		while (fault->out[i])
			answer(device, i * 64 + (unsigned)__builtin_ctzll(fault->out[i]),
				IOMMU_RESPONSE_ABORT);
}
