/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Host memory that a store can make grow: one struct with all tables. Made when first
 * used, counted against the store's max_host_bytes (but for states of counts.h), emptied
 * at release, and kept with the slot for the next store unless it has become large.
 *
 * Young collections must not cost what is old. So tables whose order is free have entries
 * of old objects first, and say how many: `old`, as the last collection of a generational
 * heap left it (0 with other collectors). Handles have marks.
 */
#ifndef SLOTHEAP_LIB_TABLES_H
#define SLOTHEAP_LIB_TABLES_H

#include "lib/ephemerons.h"
#include "lib/finalizers.h"
#include "lib/functions.h"
#include "lib/handles.h"
#include "lib/host-data.h"
#include "lib/large.h"
#include "lib/remembered.h"
#include "lib/roots.h"

struct tables {
  uint64_t last_stamp;
  uint64_t reset_stamp; /* given when they were made, or last emptied */
  uint64_t frame;       /* stamp of the innermost frame, 0: none open */
  uint64_t uncounted;   /* bytes of host memory that are not for the store's account */
  struct handles locals;
  struct free_handles owned;
  struct free_handles weak;
  struct ephemerons ephemerons;
  struct finalizers finalizers; /* registered */
  struct finalizers queue;
  struct host_entries host;
  struct functions functions;
  struct remembered remembered;
  struct large_list large;
  struct counts *counts; /* of heaps that count references; NULL: nothing was counted yet */
  uint64_t young_collections;
  uint64_t promoted; /* bytes that they moved */
  struct {
    uint64_t weak; /* stamps of the first handles */
    uint64_t ephemerons;
    uint32_t weak_count;
    uint32_t ephemerons_count;
  } image; /* that the store began with */
};

/* The heap's tables, made if it has none. SLH_E_NOMEM, SLH_E_CORRUPT. */
slh_status slhi_tables(slh_heap *heap, struct tables **out);

/* The end of a store: drops all host data, voids all handles. */
void slhi_tables_reset(slh_heap *heap);

/* After a collection of a generational heap: nothing is young. */
void slhi_tables_promote(struct tables *tables);

/* Roots held by handle, for a collection of all. */
void slhi_tables_list_roots(const struct tables *tables, slh_roots *roots);

/* ---- stamps ---- */

/* A number that no handle of this process has had: handles of other heaps and
 * of earlier stores are told from valid ones by it. */
uint64_t slhi_new_stamp(struct tables *tables);

/* The next `count` of them will follow one another. */
void slhi_align_stamps(struct tables *tables, uint64_t count);

/* ---- arrays ----
 *
 * `array` is the address of a pointer to items of `each` bytes, in a block of the slot.
 */

/* Resizes one to `count` items. SLH_E_NOMEM, SLH_E_HOST_LIMIT: it is as it was. */
slh_status slhi_table_resize(slh_heap *heap, void *array, uint64_t count, size_t each);

/* Makes one of `*capacity` items larger, for `count`: by doubling, from `first` on. False:
 * it is as it was. */
bool slhi_table_widen(slh_heap *heap, void *array, size_t each, uint32_t *capacity, uint64_t count,
                      uint32_t first);

/*
 * Makes room for `count` items in two arrays that grow together, by doubling
 * `*capacity`, but not beyond `most`. An item takes so many bytes of each.
 * SLH_E_NOMEM, SLH_E_HOST_LIMIT (also if `count` is more than `most`): the
 * capacity is as it was.
 */
slh_status slhi_table_reserve(slh_heap *heap, uint32_t *capacity, uint64_t count, uint64_t most,
                              void *first, size_t first_bytes, void *second, size_t second_bytes);

#endif
