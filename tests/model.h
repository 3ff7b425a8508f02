/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * What a store's heap should hold: a graph of host-side nodes, one for each
 * object, changed in step with the heap and compared with it from the roots.
 */
#ifndef SLOTHEAP_TESTS_MODEL_H
#define SLOTHEAP_TESTS_MODEL_H

#include "tests/store.h"

#define MODEL_HEAP_BYTES (UINT64_C(256) << 10)
#define MODEL_TYPES 9

struct model_node;

/* The expected value of a field or element. A reference is to `target`, or
 * else is `value.ref`: null or an i31. */
struct model_cell {
  slh_value value;
  struct model_node *target;
};

struct model_node {
  const slh_type *type;
  slh_ref at;     /* where the object was when last seen */
  bool reached;   /* by the comparison that runs */
  uint32_t count; /* of cells: fields or elements */
  struct model_cell cells[];
};

struct model_root {
  slh_ref *at; /* rewritten by collections */
  struct model_node *target;
  slh_ref other; /* if there is no target: null or an i31 */
};

struct model {
  struct store *store;
  uint64_t random;
  const slh_type *types[MODEL_TYPES];
  struct model_node **nodes; /* the whole heap's, garbage included */
  size_t node_count;
  struct model_root *roots;
  size_t root_count;
  struct model_node **by_offset; /* during a comparison */
  uint64_t allocated;            /* bytes, in all */
};

/* The store's heap must be empty, with at most MODEL_HEAP_BYTES; the roots
 * are those of the store and `more_count` others. */
struct model *model_open(struct store *store, uint64_t seed, slh_ref *more, size_t more_count);
void model_close(struct model *model);

/* Bytes that the node's object takes. */
uint64_t model_bytes(const struct model_node *node);

/* One random step. False if there was no room: collect, then compare. */
bool model_allocate(struct model *model);

/* The same by slh_new_*, which can collect; compares if it did. All roots
 * must be the store's; drops them all if the heap is full of what lives. */
void model_allocate_new(struct model *model);

/* More random steps. */
void model_link(struct model *model);
void model_write(struct model *model);
void model_set_root(struct model *model);

/* After a collection: the heap holds what the roots reach, and nothing else.
 * Forgets the nodes that are garbage. */
void model_compare(struct model *model);

#endif
