/* SPDX-License-Identifier: MIT */
#define ABI_ITEMS abi_ours
#include "abi/vfio.h"
#include "abi_list.h"
