/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Enabling guard traps in a test, and single accesses to a heap. */
#ifndef SLOTHEAP_TESTS_TRAPS_H
#define SLOTHEAP_TESTS_TRAPS_H

#include "tests/store.h"

/* Enables traps until the test ends. To be called by the test itself: cmocka
 * installs handlers of its own before it. */
void traps_enable(void);

/* Teardown: of traps_enable, if it was called; of the store, too. */
int traps_disable(void **state);
int traps_teardown(void **state);

/* In a child of helper_in_child, whether or not its parent has enabled them:
 * over the handlers that are there now. */
void traps_enable_in_child(void);

/* A byte read or written: through the accessors that trust a reference. */
struct access {
  slh_heap *heap;
  slh_ref ref;
  uint32_t offset;
  bool write;
  uint8_t value;
};

/* Makes it. A function that slh_heap_protect can call. */
void access_make(void *access);

/* Reads 8 bytes behind null: to be stopped by the guard. */
struct access access_null(slh_heap *heap);

/* How far from the heap's base it is. */
uint64_t access_target(const struct access *access);

/* Makes it protected; it must trap, and the trap must name it. */
void access_expect_trap(struct access access);

#endif
