/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* The numbers of functions that funcref fields hold. */
#ifndef SLOTHEAP_LIB_FUNCTIONS_H
#define SLOTHEAP_LIB_FUNCTIONS_H

#include "lib/heap.h"

/* Number i is functions[i - 1]. `buckets` is a hash table of numbers, open addressing,
 * at most half full, 0 for empty. */
struct functions {
  const void **functions;
  uint32_t *buckets;
  uint32_t count;
  uint32_t capacity; /* of functions; buckets are twice as many */
};

/* The next number for `function`, even if it has one. The heap has tables. SLH_E_NOMEM,
 * SLH_E_HOST_LIMIT. */
slh_status slhi_function_add(slh_heap *heap, const void *function);

/* Forgets all functions. */
void slhi_functions_forget(struct functions *table);

#endif
