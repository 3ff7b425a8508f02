/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Host memory that a store can make grow: its local and owned roots, host data
 * behind externrefs, functions behind funcrefs. Made when first used, counted
 * against the store's max_host_bytes, emptied at release, and kept with the
 * slot for the next store unless it has become large.
 */
#ifndef SLOTHEAP_LIB_TABLES_H
#define SLOTHEAP_LIB_TABLES_H

#include <slotheap/host.h>

#include "lib/heap.h"
#include "lib/roots.h"

/* Roots that are held by handle. The references lie side by side, for the
 * collector; the stamps say which handle each belongs to. */
struct handles {
  slh_ref *refs;
  uint64_t *stamps;
  uint32_t count; /* of both, in use or reusable */
  uint32_t capacity;
};

/* The last reference of `refs` is at `count`, and free ones are linked. */
struct owned_handles {
  struct handles at;
  uint32_t free; /* number of the first free handle plus 1; 0: none */
  uint32_t live;
};

struct host_entry {
  void *data;
  slh_drop_fn *drop;
  uint32_t place; /* in `order` */
};

/*
 * What externrefs refer to, by id. `order` has every id once: first those in
 * use, [0, used), then the free ones. During a collection those in use are
 * parted into [0, kept), whose externrefs were found alive, and the others: so
 * finding the dead costs nothing for the living.
 */
struct host_entries {
  struct host_entry *entries;
  uint32_t *order;
  uint32_t used;
  uint32_t kept;
  uint32_t capacity;
};

/* What funcrefs refer to; id i is functions[i - 1]. `buckets` is a hash table
 * of ids, open addressing, at most half full, 0 for empty. */
struct functions {
  const void **functions;
  uint32_t *buckets;
  uint32_t count;
  uint32_t capacity; /* of functions; buckets are twice as many */
};

struct tables {
  uint64_t last_stamp;
  uint64_t frame; /* stamp of the innermost frame, 0: none open */
  struct handles locals;
  struct owned_handles owned;
  struct host_entries host;
  struct functions functions;
};

/* The heap's tables, made if it has none. SLH_E_NOMEM, SLH_E_HOST_LIMIT. */
slh_status slhi_tables(slh_heap *heap, struct tables **out);

/* Resizes one array of the tables to `count` items of `each` bytes.
 * SLH_E_NOMEM, SLH_E_HOST_LIMIT: it is as it was. */
slh_status slhi_table_resize(slh_heap *heap, void *array, uint64_t count, size_t each);

/* A number that no handle of this process has had: handles of other heaps and
 * of earlier stores are told from valid ones by it. */
uint64_t slhi_new_stamp(struct tables *tables);

/* Roots held by handle, for a collection. */
void slhi_tables_list_roots(const struct tables *tables, slh_roots *roots);

/* The end of a store: drops all host data, voids all handles. */
void slhi_tables_reset(slh_heap *heap);

/* An externref whose number is not set yet. As slh_alloc_struct, or if
 * `collect` as slh_new_struct. */
slh_status slhi_alloc_externref(slh_heap *heap, bool collect, slh_ref *out);

/* ---- host data and a collection ---- */

/* Nothing was found alive yet. */
void slhi_host_data_begin(struct tables *tables);

/* The externref with that id is alive. Ids that were never given are left for
 * whoever uses them. */
static inline void slhi_host_data_keep(struct tables *tables, uint32_t id)
{
  struct host_entries *host = &tables->host;
  uint32_t place, other;

  if (id >= host->capacity)
    return;
  place = host->entries[id].place;
  if (place < host->kept || place >= host->used)
    return;
  other = host->order[host->kept];
  host->order[place] = other;
  host->entries[other].place = place;
  host->order[host->kept] = id;
  host->entries[id].place = host->kept++;
}

/* Drops what was not found alive. */
void slhi_host_data_sweep(slh_heap *heap);

#endif
