/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* The copying collector, for the collector that is made from it, and its phases. */
#ifndef SLOTHEAP_LIB_COPYING_H
#define SLOTHEAP_LIB_COPYING_H

#include "lib/collection.h"

/* As the functions of struct collector; begins for what lies in [start, bump). */
uint64_t slhi_copying_space(const slh_heap *heap, bool young);
void slhi_copying_begin(slh_heap *heap, struct collection *c, uint64_t start);
slh_status slhi_copying_step(slh_heap *heap, struct collection *c, uint64_t *budget,
                             bool *complete);

/* Moves what a reference outside the heap refers to. False: corrupt. */
bool slhi_copying_one(struct collection *c, slh_ref *ref, uint64_t *budget, slh_status *status);

/* ---- phases, see enum phase ---- */

slhi_phase_fn slhi_copying_image; /* image-scan.c */

/* copying-young.c */
slhi_phase_fn slhi_copying_handles;
slhi_phase_fn slhi_copying_cards;
slhi_phase_fn slhi_copying_remembered;
slhi_phase_fn slhi_copying_unchain;

/* copying-weak.c */
slhi_phase_fn slhi_copying_ephemerons;
slhi_phase_fn slhi_copying_weak;
slhi_phase_fn slhi_copying_finalizers;
slhi_phase_fn slhi_copying_revive;
slhi_phase_fn slhi_copying_dead_keys;
slhi_phase_fn slhi_copying_index;

#endif
