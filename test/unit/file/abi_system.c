/* SPDX-License-Identifier: MIT */
#define ABI_ITEMS abi_system
#include <linux/vfio.h>
#include "abi_list.h"
