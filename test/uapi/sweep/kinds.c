/* SPDX-License-Identifier: MIT */
/* Every call of the interface on every kind of descriptor that it is not for. */
#include "sweep/sweep.h"

#include <string.h>

/* Whose call a number is; three are both the container's and the device's. */
enum owner {
	OF_CONTAINER = 1,
	OF_GROUP = 2,
	OF_DEVICE = 4
};

static const struct {
	unsigned long cmd;
	unsigned of;
} calls[] = {
	{ VFIO_GET_API_VERSION, OF_CONTAINER },
	{ VFIO_CHECK_EXTENSION, OF_CONTAINER },
	{ VFIO_SET_IOMMU, OF_CONTAINER },
	{ VFIO_GROUP_GET_STATUS, OF_GROUP },
	{ VFIO_GROUP_SET_CONTAINER, OF_GROUP },
	{ VFIO_GROUP_UNSET_CONTAINER, OF_GROUP },
	{ VFIO_GROUP_GET_DEVICE_FD, OF_GROUP },
	{ VFIO_DEVICE_GET_INFO, OF_DEVICE },
	{ VFIO_DEVICE_GET_REGION_INFO, OF_DEVICE },
	{ VFIO_DEVICE_GET_IRQ_INFO, OF_DEVICE },
	{ VFIO_DEVICE_SET_IRQS, OF_DEVICE },
	{ VFIO_DEVICE_RESET, OF_DEVICE },
	{ VFIO_IOMMU_GET_INFO, OF_CONTAINER | OF_DEVICE },	   /* GET_PCI_HOT_RESET_INFO */
	{ VFIO_IOMMU_MAP_DMA, OF_CONTAINER | OF_DEVICE },	   /* PCI_HOT_RESET */
	{ VFIO_IOMMU_UNMAP_DMA, OF_CONTAINER | OF_DEVICE },	   /* QUERY_GFX_PLANE */
	{ VFIO_IOMMU_ENABLE, OF_CONTAINER | OF_DEVICE },	   /* GET_GFX_DMABUF */
	{ VFIO_IOMMU_DISABLE, OF_CONTAINER | OF_DEVICE },	   /* DEVICE_IOEVENTFD */
	{ VFIO_IOMMU_DIRTY_PAGES, OF_CONTAINER | OF_DEVICE },	   /* DEVICE_FEATURE */
	{ VFIO_IOMMU_SET_PASID_TABLE, OF_CONTAINER | OF_DEVICE },  /* BIND_IOMMUFD */
	{ VFIO_IOMMU_CACHE_INVALIDATE, OF_CONTAINER | OF_DEVICE }, /* ATTACH_IOMMUFD_PT */
	{ VFIO_IOMMU_SET_MSI_BINDING, OF_CONTAINER | OF_DEVICE },  /* DETACH_IOMMUFD_PT */
	{ VFIO_DEVICE_SET_PASID_TABLE, OF_DEVICE },
	{ VFIO_DEVICE_CACHE_INVALIDATE, OF_DEVICE },
	{ VFIO_DEVICE_SET_MSI_BINDING, OF_DEVICE },
	{ _IO(';', 121), 0 }, /* MIG_GET_PRECOPY_INFO */
	{ _IO(';', 122), 0 },
	{ _IO(';', 255), 0 },
	{ _IOR(';', 103, int), 0 },
	{ _IOWR(';', 112, int), 0 },
};

static const struct {
	const char *name;
	enum fd fd;
	unsigned is;
	int err;
	bool any; /* of the errnos that kernels give for these */
} kinds[] = {
	{ "a container", CONTAINER, OF_CONTAINER, ENOTTY },
	{ "a container without IOMMU", CONTAINER2, OF_CONTAINER, EINVAL },
	{ "a group", GROUP, OF_GROUP, ENOTTY },
	{ "a device", DEVICE, OF_DEVICE, ENOTTY },
	{ "a regular file", REGULAR, 0, ENOTTY },
	{ "/dev/null", DEV_NULL, 0, ENOTTY },
	{ "a pipe", PIPE, 0, ENOTTY },
	{ "an eventfd", EV7, 0, ENOTTY },
	{ "an epoll", EPOLL, 0, ENOTTY, true },
	{ "a socket", SOCKET, 0, ENOTTY, true },
	{ "a closed descriptor", CLOSED, 0, EBADF },
	{ "-1", MINUS1, 0, EBADF },
};

static void one(unsigned call, unsigned kind, uint64_t arg, const char *what)
{
	static const long any_errs[] = { -ENOTTY, -EINVAL, -EFAULT, -EOPNOTSUPP };
	long got;

	case_begin("';'+%lu with %s on %s", calls[call].cmd & 0xff, what, kinds[kind].name);
	got = t_ioctl(fd_number(kinds[kind].fd), calls[call].cmd, arg);
	if (kinds[kind].any)
		case_any(got, any_errs, sizeof(any_errs) / sizeof(any_errs[0]));
	else
		case_want(got, -kinds[kind].err);
	case_end();
}

void sweep_kinds(void)
{
	const uint8_t *data;
	const struct call second = OPEN(CONTAINER2, "vfio");

	sweep_begin("wrong kinds", DEV_MSIX);
	case_want(call_make(&second, FD, &data), FD);
	memset((void *)RW, 0, PAGE);
	for (unsigned c = 0; c < sizeof(calls) / sizeof(calls[0]); c++)
		for (unsigned k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
			if (kinds[k].is & calls[c].of)
				continue;
			one(c, k, 0, "null");
			one(c, k, HOLE, "nowhere");
			one(c, k, RW, "memory");
		}
	sweep_end();
}
