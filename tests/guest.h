/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * A store with everything in it that an image can have, and a random program in it
 * whose every step follows from its seed and from what its roots reach. So two
 * guests that ran the same steps are alike, whatever their collectors, kinds of
 * pool and processes, and however often one of them was suspended.
 */
#ifndef SLOTHEAP_TESTS_GUEST_H
#define SLOTHEAP_TESTS_GUEST_H

#include "tests/collectors.h"
#include "tests/store.h"

#define GUEST_ROOTS 24
#define GUEST_WEAK 6
#define GUEST_TABLES 3
#define GUEST_TYPES 20
#define GUEST_FUNCTIONS 12

/* Numbers of types: some are equal to one another, and told by their rank. */
enum {
  GUEST_NODE, /* {ref, ref, i32} */
  GUEST_ALL,  /* all storages */
  GUEST_SUPER,
  GUEST_SUB, /* of GUEST_SUPER */
  GUEST_SUBSUB,
  GUEST_TWIN,
  GUEST_OTHER_TWIN,
  GUEST_TWIN_SUB,       /* of GUEST_OTHER_TWIN */
  GUEST_OTHER_TWIN_SUB, /* the same */
  GUEST_UNNAMED,
  GUEST_EXN,
  GUEST_BIG,
  GUEST_REFS,
  GUEST_ARRAYS = GUEST_REFS, /* from here on */
  GUEST_FUNCREFS,
  GUEST_BYTES,
  GUEST_SHORTS,
  GUEST_LONGS,
  GUEST_FLOATS,
  GUEST_DOUBLES,
  GUEST_VECTORS
};

struct guest {
  slh_runtime *runtime;
  slh_pool *pool;
  slh_heap *heap; /* NULL: suspended */
  const slh_type *types[GUEST_TYPES];
  slh_ref roots[GUEST_ROOTS];
  slh_weak weak[GUEST_WEAK];
  slh_ephemerons tables[GUEST_TABLES];
  bool without_weak; /* it has no weak references and tables */
  uint64_t random;
};

/* A runtime with the types, registered in an order that `order` makes, among
 * others; 0: one after the other. */
slh_runtime *guest_runtime(slh_collector collector, uint64_t order);

/* Those of a runtime, found by name and rank. False: it lacks some. */
bool guest_find_types(slh_runtime *runtime, const slh_type **types);

/* A small pool of that kind; of dense slots, the least. */
slh_pool *guest_pool(slh_pool_kind kind);

/* Starts one with nothing in it. */
void guest_open(struct guest *guest, slh_runtime *runtime, slh_pool *pool, uint64_t seed);

/* From now on without weak references and tables, as those are whose collector has none:
 * for one that is to be like such a guest, or to go on as one. */
void guest_forgo_weak(struct guest *guest);
void guest_close(struct guest *guest);

void guest_run(struct guest *guest, uint64_t steps);
void guest_collect(struct guest *guest);
void guest_verify(struct guest *guest);

/* A new object in root `root`; its references are null. */
slh_ref guest_new(struct guest *guest, uint32_t root, uint32_t type, uint32_t length);
slh_ref guest_new_externref(struct guest *guest, uint32_t root, uint64_t number);

/* One of the host's functions, below GUEST_FUNCTIONS. */
const void *guest_function(int number);

/* An object's type, and its fields or elements. */
const slh_type *guest_type(const struct guest *guest, slh_ref ref);
uint32_t guest_cells(const struct guest *guest, slh_ref ref);
slh_value guest_cell(const struct guest *guest, slh_ref ref, uint32_t i);

/* Fails the test if they are not alike, as far as their roots reach. */
void guest_compare(struct guest *a, struct guest *b);

/* How much host data there is, over all guests: made and not dropped. */
int64_t guest_data(void);

/* ---- images ---- */

/* With both callbacks. */
slh_image_options guest_image_options(slh_pool_kind kind);

/* All its roots (named, some of them), weak references and tables. */
slh_image *guest_freeze(struct guest *guest);

/* The heap of a guest that is suspended: resumed from an image, or begun from it,
 * with what goes with it. Collector and kind can be others than before. */
void guest_resume(struct guest *guest, const slh_image *image, bool resume);

/* Its end, without that of what it had. */
void guest_suspend(struct guest *guest);

#endif
