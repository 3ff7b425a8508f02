/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Who keeps whom alive: node a dominates b if every way from the root to b goes
 * through a. What an object retains is all that it dominates.
 */
#ifndef SLOTHEAP_EXPORT_DOMINATORS_H
#define SLOTHEAP_EXPORT_DOMINATORS_H

#include "export/graph.h"

/* Of the nodes that can be reached. They are numbered in the order in which a
 * depth-first search meets them, so dominators come before those they dominate. */
struct dominators {
  uint32_t count;
  uint32_t *nodes;     /* of the graph */
  uint32_t *immediate; /* the closest dominator; of the root, 0, itself */
  uint64_t *retained;  /* bytes */
};

/* SLH_E_NOMEM. To be closed in either case. */
slh_status slhx_dominators_open(struct dominators *dominators, const struct graph *graph);
void slhx_dominators_close(struct dominators *dominators);

#endif
