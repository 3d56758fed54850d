/* SPDX-License-Identifier: MIT */
/* What the interface has and Debian 12's <linux/vfio.h> has not. */
#ifndef TEST_UAPI_CONFORM_NEWER_H
#define TEST_UAPI_CONFORM_NEWER_H

#include <linux/vfio.h>

#include <nestbox/vfio-nesting.h>

#ifndef VFIO_UPDATE_VADDR
#define VFIO_UPDATE_VADDR 10
#endif
#ifndef VFIO_DEVICE_FEATURE_BUS_MASTER
#define VFIO_DEVICE_FEATURE_BUS_MASTER 10
#endif

#endif
