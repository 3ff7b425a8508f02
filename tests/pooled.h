/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* A runtime, and what tests of pools do with heaps all the time. What is wrong
 * aborts, so that threads and children can use it. */
#ifndef SLOTHEAP_TESTS_POOLED_H
#define SLOTHEAP_TESTS_POOLED_H

#include "tests/helper.h"

#define POOLED_KIB UINT64_C(1024)
#define POOLED_MIB (POOLED_KIB * POOLED_KIB)
#define POOLED_SECOND UINT64_C(1000000000)

struct pooled {
  slh_runtime *runtime;
  const slh_type *node;  /* {ref, ref, i32} */
  const slh_type *bytes; /* arrays of i8 */
};

/* Set by pooled_setup: cmocka's fixture functions of a group. */
extern struct pooled pooled;
int pooled_setup(void **state);
int pooled_teardown(void **state);

/* A heap with that tag; waits. The status, which is SLH_OK or SLH_E_FULL. */
slh_status pooled_acquire(slh_pool *pool, uint32_t tag, uint64_t nanoseconds, slh_heap **out);

/* A heap, which there must be. */
slh_heap *pooled_take(slh_pool *pool);

/* Takes `count` heaps, after which there must be none left; returns them. */
void pooled_take_all(slh_pool *pool, slh_heap **heaps, size_t count);
void pooled_release(slh_heap **heaps, size_t count);

/* Allocates `bytes` (a multiple of 8) and writes all of them. */
void pooled_dirty(slh_heap *heap, uint64_t bytes);

/* Every byte of a fresh heap that can be read is zero. */
void pooled_check_zero(const slh_heap *heap);

/* First byte of its memory. */
char *pooled_start(const slh_heap *heap);

/* Number of its slot. */
uint32_t pooled_number(const slh_heap *heap);

slh_pool_stats pooled_stats(slh_pool *pool);

/* Bytes in physical memory, of slots and evacuation spaces. */
uint64_t pooled_resident(slh_pool *pool);

/* The smallest page that this host has. */
uint64_t pooled_page(void);

/* Runs `function` on `count` threads, each with its own part of `contexts`. */
void pooled_run(size_t count, void *(*function)(void *), void *contexts, size_t each);

/* Ends a test in a child of helper_in_child after some seconds: it hangs. */
void pooled_limit_time(unsigned seconds);

#endif
