/* SPDX-License-Identifier: MIT */
/* Groups. Linux 7.3 drivers/vfio/group.c. */
#include "conform/conform.h"

static const struct row rows[] = {
	{ "status of a group in a container", "group.c vfio_group_ioctl_get_status", JOINED,
		STATUS(GROUP), 0, .see = { FIELD(struct vfio_group_status, flags, 3) } },
	{ "a group as container", "group.c vfio_group_ioctl_set_container", OPENED,
		SET_CONTAINER(GROUP, GROUP), -EBADFD, "not-a-container" },
	{ "a device is open: the group stays", "group.c vfio_group_ioctl_unset_container", DEV,
		UNSET_CONTAINER(GROUP), -EBUSY, "devices-open" },
};

AREA(group, rows);
