/* SPDX-License-Identifier: MIT */
/*
 * The calls of the virtual SMMU interface, on a nesting container and on a device in one: their
 * arguments, and who may make them (R5). What they mean to an SMMU is in nested.c.
 *
 * Order of checks: of the series "SMMUv3 Nested Stage Setup", v13 to v16, where it had any: the outer
 * struct, the inner one by its own argsz, and then the container.
 */
#include <errno.h>

#include "base/bits.h"
#include "vfio/nested.h"

/* ---- whom a call is about ---- */

static int check_device(const struct nested *nested)
{
	const struct vfio_group *group = nested->device->group;

	if (ioas_group_nests(nested->container->ioas, group->iommu))
		return 0;
	return why_refused(nested->why, EOPNOTSUPP, "group-does-not-nest",
		"the virtual SMMU interface: the device's IOMMU does not nest");
}

static int check_container(const struct nested *nested)
{
	const struct ioas *ioas = nested->container->ioas;
	const struct vfio_group *group;

	if (!ioas_group_nests(ioas, NULL))
		return why_refused(nested->why, EOPNOTSUPP, "no-nesting-group",
			"no group is left in the container whose IOMMU nests");
	cds_list_for_each_entry (group, &nested->container->groups, member) {
		if (ioas_group_nests(ioas, group->iommu))
			continue;
		why_refused(nested->why, EOPNOTSUPP, "mixed-container",
			"a call for all devices of the container: not all of its groups nest");
		why_about(nested->why, group->name, NULL, vfio_group_iommu_name(group));
		why_instead(nested->why,
			"the call on each device's descriptor (VFIO_DEVICE_SET_PASID_TABLE, ...)");
		return -EOPNOTSUPP;
	}
	return 0;
}

static int check_who(const struct nested *nested)
{
	if (nested->container->type != VFIO_TYPE1_NESTING_IOMMU) {
		why_misuse(nested->why, EINVAL, "not-a-nesting-container",
			"the virtual SMMU interface: the container's IOMMU is of type %u",
			nested->container->type);
		why_instead(nested->why, "VFIO_SET_IOMMU with VFIO_TYPE1_NESTING_IOMMU");
		return -EINVAL;
	}
	return nested->device ? check_device(nested) : check_container(nested);
}

/* An open device holds its group in its container, and that its IOMMU. */
static int begin_device(struct ioctl_call *call, struct nested *nested)
{
	struct hostlock *lock = vfio_lock(nested->device->vfio);

	hostlock_lock(lock);
	nested->container = nested->device->group->container;
	if (!ioctl_busy_begin(call, lock, &nested->container->busy))
		return 0;
	hostlock_unlock(lock);
	return -EINTR;
}

static int begin(struct ioctl_call *call, struct vfio_device *device, struct nested *nested)
{
	int ret;

	*nested = (struct nested){ .device = device, .why = call->why };
	ret = device ? begin_device(call, nested) : vfio_type1_begin(call, &nested->container);
	if (ret)
		return ret;
	ret = check_who(nested);
	if (ret)
		vfio_type1_end(nested->container);
	return ret;
}

int vfio_nested_each(
	const struct nested *nested, int (*fn)(struct iommu_viommu *viommu, void *ctx), void *ctx)
{
	if (nested->device)
		return fn(nested->device->dev->iommu.viommu, ctx);
	return ioas_for_each_viommu(nested->container->ioas, fn, ctx);
}

/* ---- arguments ---- */

/* One flag, and no other. */
static int check_flags(
	const char *call, uint32_t flags, uint32_t set, uint32_t unset, struct why *why)
{
	if (flags == set || flags == unset)
		return 0;
	return why_misuse(why, EINVAL, "unknown-flags", "%s: flags are 0x%x or 0x%x, not 0x%x",
		call, set, unset, flags);
}

/* Bytes [from, to) of the struct that lies at `at` in the argument. */
static int copy_part(struct ioctl_call *call, void *data, uint64_t at, size_t from, size_t to)
{
	if (from >= to || !call->caller->ops->copy_in(call->caller, (char *)data + from,
				  call->uaddr + at + from, to - from))
		return 0;
	return why_misuse(call->why, EFAULT, "bad-argument-pointer",
		"the inner struct is not readable up to byte %zu", to);
}

static int check_inner(uint32_t argsz, size_t min, uint32_t version, struct why *why)
{
	if (argsz < min)
		return why_misuse(why, EINVAL, "argsz-too-small",
			"argsz of the inner struct is %u, it has at least %zu bytes", argsz, min);
	if (version != 1)
		return why_misuse(
			why, EINVAL, "unknown-version", "version %u of the inner struct", version);
	return 0;
}

/* ---- SET_PASID_TABLE ---- */

static int get_config(struct ioctl_call *call, struct iommu_pasid_table_config *config)
{
	const size_t at = offsetof(struct vfio_iommu_type1_set_pasid_table, config);
	const size_t min = offsetof(struct iommu_pasid_table_config, vendor_data);
	int ret = copy_part(call, config, at, 0, min);

	if (!ret)
		ret = check_inner(config->argsz, min, config->version, call->why);
	if (!ret && config->format != IOMMU_PASID_FORMAT_SMMUV3)
		ret = why_misuse(call->why, EINVAL, "unknown-format",
			"SET_PASID_TABLE: format %u is not SMMUv3's (%u)", config->format,
			IOMMU_PASID_FORMAT_SMMUV3);
	if (!ret)
		ret = check_inner(config->argsz, sizeof(*config), config->version, call->why);
	if (!ret)
		ret = copy_part(call, config, at, min, sizeof(*config));
	return ret ? ret : vfio_nested_check_config(config, call->why);
}

/* The devices of the call, or of this group. */
static bool is_about(const struct nested *nested, const struct vfio_device *device)
{
	if (nested->device)
		return device == nested->device;
	return device->group && device->group->container == nested->container &&
	       ioas_group_nests(nested->container->ioas, device->group->iommu);
}

static bool any_translates(const struct nested *nested)
{
	struct vfio *vfio = nested->container->vfio;

	for (unsigned i = 0; i < vfio->machine->n_devices; i++)
		if (is_about(nested, &vfio->devices[i]) &&
			vfio->devices[i].stage1 == IOMMU_PASID_CONFIG_TRANSLATE)
			return true;
	return !nested->device && nested->container->stage1.config == IOMMU_PASID_CONFIG_TRANSLATE;
}

static struct iommu_user_data data_of(const struct vfio_stage1 *stage1)
{
	return (struct iommu_user_data){ IOMMU_DATA_ARM_SMMUV3, stage1->word, sizeof(stage1->word),
		1 };
}

/* Linux's driver answers EIO to an STE that is not valid; ours of what was checked is. */
static int install(const struct nested *nested, const struct vfio_stage1 *stage1)
{
	struct iommu_user_data data = data_of(stage1);
	const struct iommu_user_data *given = stage1->config ? &data : NULL;
	struct vfio *vfio = nested->container->vfio;
	int ret;

	if (nested->device)
		ret = ioas_nest_device(
			nested->container->ioas, &nested->device->dev->iommu, given, nested->why);
	else
		ret = ioas_nest_all(nested->container->ioas, given, nested->why);
	if (ret)
		return ret;
	for (unsigned i = 0; i < vfio->machine->n_devices; i++)
		if (is_about(nested, &vfio->devices[i]))
			vfio->devices[i].stage1 = stage1->config;
	if (!nested->device)
		nested->container->stage1 = *stage1;
	return 0;
}

static int set_stage1(const struct nested *nested, const struct iommu_pasid_table_config *config)
{
	struct vfio_stage1 stage1 = { .config = config->config };
	struct abi_smmuv3_ste ste;
	int ret;

	if (config->config == IOMMU_PASID_CONFIG_TRANSLATE && any_translates(nested)) {
		why_misuse(nested->why, EINVAL, "already-translates",
			"SET_PASID_TABLE: a table is set already");
		why_instead(nested->why, "VFIO_PASID_TABLE_FLAG_UNSET first");
		return -EINVAL;
	}
	ret = vfio_nested_ste(nested, config, &ste);
	if (ret)
		return ret;
	stage1.word[0] = ste.word[0];
	stage1.word[1] = ste.word[1];
	return install(nested, &stage1);
}

static long set_pasid_table(struct ioctl_call *call, struct vfio_device *device, void *data)
{
	const struct vfio_iommu_type1_set_pasid_table *outer = data;
	const struct vfio_stage1 none = { 0 };
	struct iommu_pasid_table_config config = { 0 };
	struct nested nested;
	int ret = check_flags("SET_PASID_TABLE", outer->flags, VFIO_PASID_TABLE_FLAG_SET,
		VFIO_PASID_TABLE_FLAG_UNSET, call->why);
	bool set = outer->flags == VFIO_PASID_TABLE_FLAG_SET;

	if (!ret && set)
		ret = get_config(call, &config);
	if (!ret)
		ret = begin(call, device, &nested);
	if (ret)
		return ret;
	ret = set ? set_stage1(&nested, &config) : install(&nested, &none);
	vfio_type1_end(nested.container);
	return ret;
}

long vfio_set_pasid_table(struct ioctl_call *call, void *data)
{
	return set_pasid_table(call, NULL, data);
}

long vfio_device_set_pasid_table(struct ioctl_call *call, void *data)
{
	return set_pasid_table(call, vfio_device_from_file(call->file), data);
}

/* ---- who comes and goes ---- */

static int join_device(
	struct vfio_container *container, struct vfio_device *device, struct why *why)
{
	struct iommu_user_data data = data_of(&container->stage1);
	struct iommu_device *dev = &device->dev->iommu;
	int ret = 0;

	/* Behind an SMMU of which a device was here already it came with its domain. */
	if (!ioas_nest_is_set(container->ioas, dev))
		ret = ioas_nest_device(container->ioas, dev, &data, why);
	if (!ret)
		device->stage1 = container->stage1.config;
	return ret;
}

int vfio_nested_join(struct vfio_container *container, struct vfio_group *group, struct why *why)
{
	struct vfio *vfio = container->vfio;
	int ret = 0;

	if (!container->stage1.config || !ioas_group_nests(container->ioas, group->iommu))
		return 0;
	for (unsigned i = 0; i < vfio->machine->n_devices && !ret; i++)
		if (vfio->devices[i].group == group)
			ret = join_device(container, &vfio->devices[i], why);
	if (ret)
		vfio_nested_leave(container, group);
	return ret;
}

void vfio_nested_leave(struct vfio_container *container, struct vfio_group *group)
{
	struct vfio *vfio = container->vfio;

	for (unsigned i = 0; i < vfio->machine->n_devices; i++) {
		struct vfio_device *device = &vfio->devices[i];

		if (device->group != group)
			continue;
		device->stage1 = 0;
		if (device->msi.size)
			ioas_msi_unbind(container->ioas);
		device->msi = (struct vfio_msi_binding){ 0 };
	}
}

/* ---- CACHE_INVALIDATE ---- */

static int get_invalidation(struct ioctl_call *call, struct iommu_cache_invalidate_info *info)
{
	static const uint8_t needs[] = {
		[IOMMU_INV_GRANU_DOMAIN] = offsetof(struct iommu_cache_invalidate_info, granu),
		[IOMMU_INV_GRANU_PASID] =
			ABI_SIZE_TO(struct iommu_cache_invalidate_info, granu.pasid_info),
		[IOMMU_INV_GRANU_ADDR] =
			ABI_SIZE_TO(struct iommu_cache_invalidate_info, granu.addr_info),
	};
	const size_t at = offsetof(struct vfio_iommu_type1_cache_invalidate, info);
	size_t min = needs[IOMMU_INV_GRANU_DOMAIN];
	int ret = copy_part(call, info, at, 0, min);

	if (ret)
		return ret;
	if (info->granularity < ARRAY_LEN(needs))
		min = needs[info->granularity];
	ret = check_inner(info->argsz, min, info->version, call->why);
	if (!ret)
		ret = copy_part(call, info, at, needs[IOMMU_INV_GRANU_DOMAIN], min);
	return ret ? ret : vfio_nested_check_invalidation(info, call->why);
}

static long cache_invalidate(struct ioctl_call *call, struct vfio_device *device, void *data)
{
	const struct vfio_iommu_type1_cache_invalidate *outer = data;
	struct iommu_cache_invalidate_info info = { 0 };
	struct nested nested;
	int ret;

	if (outer->flags)
		return why_misuse(call->why, EINVAL, "unknown-flags", "CACHE_INVALIDATE flags 0x%x",
			outer->flags);
	ret = get_invalidation(call, &info);
	if (!ret)
		ret = begin(call, device, &nested);
	if (ret)
		return ret;
	ret = vfio_nested_invalidate(&nested, &info);
	vfio_type1_end(nested.container);
	return ret;
}

long vfio_cache_invalidate(struct ioctl_call *call, void *data)
{
	return cache_invalidate(call, NULL, data);
}

long vfio_device_cache_invalidate(struct ioctl_call *call, void *data)
{
	return cache_invalidate(call, vfio_device_from_file(call->file), data);
}

/* ---- SET_MSI_BINDING ---- */

static int check_binding(const struct vfio_iommu_type1_set_msi_binding *arg, struct why *why)
{
	if (arg->flags == VFIO_IOMMU_UNBIND_MSI)
		return 0;
	if (!is_pow2(arg->size) || arg->size < 4096)
		return why_misuse(why, EINVAL, "bad-size",
			"SET_MSI_BINDING: size 0x%llx is no power of two from 4 KiB on",
			(unsigned long long)arg->size);
	if (!is_aligned(arg->iova | arg->gpa, arg->size))
		return why_misuse(why, EINVAL, "misaligned",
			"SET_MSI_BINDING: iova 0x%llx and gpa 0x%llx are multiples of 0x%llx",
			(unsigned long long)arg->iova, (unsigned long long)arg->gpa,
			(unsigned long long)arg->size);
	return 0;
}

static struct vfio_msi_binding *binding_of(const struct nested *nested)
{
	return nested->device ? &nested->device->msi : &nested->container->msi;
}

/* Linux's series, iommu_dma_bind_guest_msi: an iova that is bound already is no error. */
static int bind_msi(const struct nested *nested, const struct vfio_iommu_type1_set_msi_binding *arg)
{
	struct vfio_msi_binding *msi = binding_of(nested);
	int ret;

	if (msi->size) {
		if (msi->iova == arg->iova && msi->gpa == arg->gpa && msi->size == arg->size)
			return 0;
		why_misuse(nested->why, EEXIST, "msi-bound",
			"SET_MSI_BINDING: iova 0x%llx is bound to gpa 0x%llx already",
			(unsigned long long)msi->iova, (unsigned long long)msi->gpa);
		why_instead(nested->why, "VFIO_IOMMU_UNBIND_MSI first");
		return -EEXIST;
	}
	ret = ioas_msi_bind(nested->container->ioas, arg->gpa, arg->size, nested->why);
	if (!ret)
		*msi = (struct vfio_msi_binding){ arg->size, arg->iova, arg->gpa };
	return ret;
}

/* As in the series, what is not bound is no error either. */
static void unbind_msi(const struct nested *nested, uint64_t iova)
{
	struct vfio_msi_binding *msi = binding_of(nested);

	if (!msi->size || msi->iova != iova)
		return;
	*msi = (struct vfio_msi_binding){ 0 };
	ioas_msi_unbind(nested->container->ioas);
}

static long set_msi_binding(struct ioctl_call *call, struct vfio_device *device, void *data)
{
	const struct vfio_iommu_type1_set_msi_binding *arg = data;
	struct nested nested;
	int ret = check_flags("SET_MSI_BINDING", arg->flags, VFIO_IOMMU_BIND_MSI,
		VFIO_IOMMU_UNBIND_MSI, call->why);

	if (!ret)
		ret = check_binding(arg, call->why);
	if (!ret)
		ret = begin(call, device, &nested);
	if (ret)
		return ret;
	if (arg->flags == VFIO_IOMMU_BIND_MSI)
		ret = bind_msi(&nested, arg);
	else
		unbind_msi(&nested, arg->iova);
	vfio_type1_end(nested.container);
	return ret;
}

long vfio_set_msi_binding(struct ioctl_call *call, void *data)
{
	return set_msi_binding(call, NULL, data);
}

long vfio_device_set_msi_binding(struct ioctl_call *call, void *data)
{
	return set_msi_binding(call, vfio_device_from_file(call->file), data);
}

bool vfio_nested_msi_page(const struct vfio_device *device, uint64_t *page)
{
	const struct vfio_container *container = device->group->container;
	const struct vfio_msi_binding *msi = device->msi.size ? &device->msi : &container->msi;

	if (!msi->size || !ioas_group_nests(container->ioas, device->group->iommu))
		return false;
	*page = msi->iova;
	return true;
}

/* ---- GET_INFO ---- */

bool vfio_nested_info(
	struct vfio_container *container, struct vfio_iommu_type1_info_cap_nesting *cap)
{
	const struct nested nested = { .container = container };
	const struct vfio_group *group;

	if (container->type != VFIO_TYPE1_NESTING_IOMMU || !ioas_group_nests(container->ioas, NULL))
		return false;
	vfio_nested_fill_info(&nested, cap);
	cds_list_for_each_entry (group, &container->groups, member)
		if (!ioas_group_nests(container->ioas, group->iommu))
			cap->flags |= VFIO_NESTING_INFO_DEVICE_CALLS_ONLY;
	return true;
}
