/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* One store with all that it needs: for tests of what happens in a heap. */
#ifndef SLOTHEAP_TESTS_STORE_H
#define SLOTHEAP_TESTS_STORE_H

#include "tests/helper.h"

#define STORE_ROOTS 16

struct store {
  slh_runtime *runtime;
  slh_pool *pool;
  slh_heap *heap;
  const slh_type *node;       /* {ref, ref, i32} */
  const slh_type *refs;       /* arrays of references */
  const slh_type *bytes;      /* arrays of i8 */
  slh_ref roots[STORE_ROOTS]; /* listed by the heap's enumerate_roots, */
  bool on_stack;              /* as those of a stack */
};

struct store_options {
  slh_collector collector;
  const slh_allocator *allocator;
  uint64_t max_bytes;
  uint64_t initial_bytes;
};

/* `options` may be NULL. The pool has 4 slots and 2 evacuation spaces. */
struct store *store_open(const struct store_options *options);
void store_close(struct store *store);

/* Fixture functions of cmocka: a store by default. */
int store_setup(void **state);
int store_teardown(void **state);

/* A new node; the test fails if there is no room. Never collects. */
slh_ref store_node(struct store *store, slh_ref left, slh_ref right, int32_t value);

/* A new zeroed array; the same. */
slh_ref store_array(struct store *store, const slh_type *type, uint32_t length);

/* Collects, and verifies the heap. */
void store_collect(struct store *store);

/* The same in steps of `budget` bytes. Returns how many. */
uint64_t store_collect_in_steps(struct store *store, uint64_t budget);

/* Verifies the heap and its listed roots; the test fails with the reason. */
void store_verify(struct store *store);

slh_heap_stats store_stats(const struct store *store);

/* Objects that slh_heap_walk visits. */
uint64_t store_count(struct store *store);

/* The word at byte `offset` of the heap, whatever it is. */
uint32_t *store_word(struct store *store, uint64_t offset);

#define assert_status(call, expected)                                                              \
  assert_string_equal(slh_status_name(call), slh_status_name(expected))
#define assert_ok(call) assert_status(call, SLH_OK)

#endif
