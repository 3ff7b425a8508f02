/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Allocation, as far as the rest of the library calls it. */
#ifndef SLOTHEAP_LIB_ALLOCATE_H
#define SLOTHEAP_LIB_ALLOCATE_H

#include "lib/heap.h"

/* An externref whose number is not set yet. As slh_alloc_struct, or if `collect` as
 * slh_new_struct. */
slh_status slhi_alloc_externref(slh_heap *heap, bool collect, slh_ref *out);

#endif
