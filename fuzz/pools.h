/* SPDX-License-Identifier: MIT */
/*
 * What arguments are picked from. Where a pick's top bit is set, it is something that a program would
 * not pass; raw values are those of the record.
 */
#ifndef FUZZ_POOLS_H
#define FUZZ_POOLS_H

#include "fuzz/world.h"

uint64_t pick_iova(uint8_t pick, uint64_t raw);
uint64_t pick_size(uint8_t pick, uint64_t raw);
/** Where MAP_DMA finds memory. */
uint64_t pick_vaddr(uint8_t pick, uint64_t raw);
/** Where a program may have data written to or read from. */
uint64_t pick_buffer(uint8_t pick, uint64_t raw);
uint32_t pick_argsz(uint8_t pick, uint64_t raw, size_t exact);
/** Put an argument where the pick says; its address. */
uint64_t put_arg(uint8_t pick, const void *arg, size_t len);
int32_t pick_eventfd(const struct world *w, uint8_t pick);
/** A name for GET_DEVICE_FD. */
const char *pick_device(const struct world *w, uint8_t pick);

#endif
