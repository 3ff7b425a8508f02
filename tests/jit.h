/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * What a compiler would emit for a heap, written in assembly by hand: knows
 * slh_heap_data by its offsets only. One file for each processor.
 */
#ifndef SLOTHEAP_TESTS_JIT_H
#define SLOTHEAP_TESTS_JIT_H

#include <slotheap.h>

#if defined __x86_64__ || defined __aarch64__
#define JIT_IS_HERE 1
#else
#define JIT_IS_HERE 0
#endif

/* Makes room for 16 bytes in the heap; 0 if there is room now, else the
 * status that jit_push returns. */
typedef uint32_t jit_slow_fn(slh_heap_data *data);

/*
 * Pushes `count` nodes {ref next, ref null, i32 count .. 1} in front of the
 * list in `*list`, each allocated inline; `header` is their type's. Calls
 * `slow` where the limit is reached, and then tries again: `*list` is always
 * up to date for a collection.
 */
uint32_t jit_push(slh_heap_data *data, uint32_t header, uint32_t count, slh_ref *list,
                  jit_slow_fn *slow);

/* The sum of the values of a list. */
uint64_t jit_sum(const slh_heap_data *data, slh_ref list);

/* The word `offset` bytes from where a reference points. */
uint32_t jit_load(const slh_heap_data *data, slh_ref ref, uint32_t offset);
void jit_store(const slh_heap_data *data, slh_ref ref, uint32_t offset, uint32_t value);

#endif
