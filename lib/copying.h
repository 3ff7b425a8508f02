/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* The copying collector, for the collector that is made from it. */
#ifndef SLOTHEAP_LIB_COPYING_H
#define SLOTHEAP_LIB_COPYING_H

#include "lib/collection.h"

/* A phase: moves what references in the image's objects lead to. */
bool slhi_scan_image(struct collection *c, uint64_t *budget, slh_status *status);

/* As the functions of struct collector, for what lies in [start, bump). */
void slhi_copying_begin(slh_heap *heap, struct collection *c, uint64_t start);
slh_status slhi_copying_step(slh_heap *heap, struct collection *c, uint64_t *budget,
                             bool *complete);

#endif
