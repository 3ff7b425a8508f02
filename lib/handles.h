/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Handles: references that a host holds by number and stamp. They are the local and
 * owned roots, and the weak references; ephemeron tables are named in the same way.
 *
 * In a generational heap each has a mark if it may refer to a young object, so that
 * young collections do not look at the others.
 */
#ifndef SLOTHEAP_LIB_HANDLES_H
#define SLOTHEAP_LIB_HANDLES_H

#include "lib/heap.h"

/* They lie side by side, for the collector; the stamps say which handle each belongs
 * to. */
struct handles {
  slh_ref *refs;
  uint64_t *stamps; /* 0: of a handle that is free */
  uint32_t count;   /* of both, in use or free */
  uint32_t capacity;
  uint64_t *young;         /* a bit for each that may refer to a young object */
  uint32_t young_capacity; /* bits; generational heaps only */
  uint32_t low, high;      /* words [low, high) of them may not be zero */
};

/* Handles that are freed one by one; the free ones are linked through their references. */
struct free_handles {
  struct handles at;
  uint32_t free; /* number of the first free handle plus 1; 0: none */
  uint32_t live;
};

/* Room for one more handle, and its mark. SLH_E_NOMEM, SLH_E_HOST_LIMIT. */
slh_status slhi_handles_reserve(slh_heap *heap, struct handles *handles);

/* Makes a handle. The heap has tables. SLH_E_NOMEM, SLH_E_HOST_LIMIT: there is none, and
 * `*stamp` and `*number` are as they were. */
slh_status slhi_handle_new(slh_heap *heap, struct free_handles *handles, slh_ref ref,
                           uint64_t *stamp, uint32_t *number);

/* The reference of a handle. Stops, naming `call`, if it is none of these; `handles` may
 * be NULL, for there are no tables then. */
slh_ref *slhi_handle_locate(const struct handles *handles, uint64_t stamp, uint32_t number,
                            const char *call);

/* The reference that one of a heap holds, for the host: null if the heap is corrupt. Stops
 * as above, and if something goes on with the heap. */
slh_ref slhi_handle_get(const slh_heap *heap, const struct handles *handles, uint64_t stamp,
                        uint32_t number, const char *call);

/* Ends a handle. Stops as above. */
void slhi_handle_free(struct free_handles *handles, uint64_t stamp, uint32_t number,
                      const char *call);

/* Voids all. */
void slhi_handles_forget(struct free_handles *handles);

/* ---- marks ---- */

/* The handle `number` was given a reference. */
static inline void slhi_handle_note(const slh_heap *heap, struct handles *handles, uint32_t number)
{
  uint32_t ref = handles->refs[number].bits;
  uint32_t word = number / 64;

  if (number >= handles->young_capacity || ref < heap->data.young || (ref & 1) != 0)
    return;
  handles->young[word] |= UINT64_C(1) << (number % 64);
  if (handles->low >= handles->high || word < handles->low)
    handles->low = word;
  if (word >= handles->high)
    handles->high = word + 1;
}

/* The next handle with a mark, which it loses; UINT32_MAX if there is none. */
uint32_t slhi_handle_next_young(struct handles *handles);

/* Takes all marks away. */
void slhi_handles_promote(struct handles *handles);

#endif
