/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * The barriers of heaps that count references, as far as the rest of the library calls
 * them; the others are slh_counted_* (slotheap/barrier.h). Drop callbacks run within.
 */
#ifndef SLOTHEAP_LIB_COUNTED_H
#define SLOTHEAP_LIB_COUNTED_H

#include <slotheap/heap.h>
#include <slotheap/ref.h>

#include "lib/object.h"

/* Writes references into an array, from `from` on, each `step` bytes after the one
 * before it: 4, or 0 for one value. False: nothing was written, since none is counted
 * there; what is written may be on a stack. */
bool slhi_counted_set_elements(slh_heap *heap, slh_ref array, char *to, const char *from,
                               uint32_t step, uint32_t count);

/* `count` references of a checked object at `at`, from number `first` on, were written by
 * somebody who did not count: what is there now is counted once more, or if the object is
 * new may be on a stack. */
void slhi_counted_remember(slh_heap *heap, const struct object *object, uint32_t at, uint32_t first,
                           uint32_t count);

#endif
