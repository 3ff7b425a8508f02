/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * What a compiler would emit for a heap, written in assembly by hand: it knows a heap and a
 * type by what slh_codegen and slh_type say of them. One file for each processor.
 */
#ifndef SLOTHEAP_TESTS_JIT_H
#define SLOTHEAP_TESTS_JIT_H

#include <slotheap.h>

#if defined __x86_64__ || defined __aarch64__
#define JIT_IS_HERE 1
#else
#define JIT_IS_HERE 0
#endif

/* What there is to know: bytes from a heap's start, or from a node's. The assembly has the
 * offsets of these fields. */
struct jit_target {
  uint64_t base;
  uint64_t bump;
  uint64_t limit;
  uint64_t header; /* of a node */
  uint64_t bytes;  /* likewise */
  uint64_t next;
  uint64_t other;
  uint64_t value;
};

/* Makes room for a node in the heap; 0 if there is room now, else the
 * status that jit_push returns. */
typedef uint32_t jit_slow_fn(slh_heap_data *data);

/*
 * Pushes `count` nodes {ref next, ref null, i32 count .. 1} in front of the
 * list in `*list`, each allocated inline. Calls `slow` where the limit is reached, and then tries
 * again: `*list` is always up to date for a collection.
 */
uint32_t jit_push(slh_heap_data *data, const struct jit_target *target, uint32_t count,
                  slh_ref *list, jit_slow_fn *slow);

/* The sum of the values of a list. */
uint64_t jit_sum(const slh_heap_data *data, const struct jit_target *target, slh_ref list);

/* The word `offset` bytes from where a reference points. */
uint32_t jit_load(const slh_heap_data *data, const struct jit_target *target, slh_ref ref,
                  uint32_t offset);
void jit_store(const slh_heap_data *data, const struct jit_target *target, slh_ref ref,
               uint32_t offset, uint32_t value);

#endif
