/* SPDX-License-Identifier: MIT */
/* Operations that ops.c has in its table and others implement. */
#ifndef FUZZ_OPS_H
#define FUZZ_OPS_H

#include "abi/vfio.h"
#include "fuzz/world.h"

/* ops_device.c */
void op_set_irqs(struct world *w, const struct fuzz_rec *rec);
void op_reset(struct world *w, const struct fuzz_rec *rec);
void op_hot_reset(struct world *w, const struct fuzz_rec *rec);
void op_ioeventfd(struct world *w, const struct fuzz_rec *rec);
void op_feature(struct world *w, const struct fuzz_rec *rec);
void op_eventfd(struct world *w, const struct fuzz_rec *rec);
void op_region(struct world *w, const struct fuzz_rec *rec);
void op_config(struct world *w, const struct fuzz_rec *rec);
void op_mmap_check(struct world *w, const struct fuzz_rec *rec);
void op_bar_store(struct world *w, const struct fuzz_rec *rec);
void op_step(struct world *w, const struct fuzz_rec *rec);
void op_descriptor(struct world *w, const struct fuzz_rec *rec);
void op_launch(struct world *w, const struct fuzz_rec *rec);
void op_interrupts(struct world *w, const struct fuzz_rec *rec);

#endif
