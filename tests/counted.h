/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* A store that counts references, and host data whose last reference it holds. */
#ifndef SLOTHEAP_TESTS_COUNTED_H
#define SLOTHEAP_TESTS_COUNTED_H

#include "tests/datum.h"

#define COUNTED_DATA 8

/* Register 0 holds an array of externrefs to the first data, register 1 a node with the last
 * two. All of them are old: nothing is on a stack. */
struct counted {
  struct store *store;
  slh_heap *heap;
  slh_ref array;
  slh_ref node;
  struct datum data[COUNTED_DATA];
};

#define COUNTED_LEFT (COUNTED_DATA - 2)
#define COUNTED_RIGHT (COUNTED_DATA - 1)

/* A store with collector drc, and without zeal. */
struct store *counted_store(const struct store_options *options);

/* Fixture functions of cmocka. At the end all data must have been dropped once. */
int counted_setup(void **state);
int counted_teardown(void **state);

/* A register becomes what it is to be. */
void counted_write(struct store *store, uint32_t number, slh_ref ref);

/* The externref in an element of the array. */
slh_ref counted_element(const struct counted *counted, uint32_t index);

#endif
