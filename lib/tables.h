/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Host memory that a store can make grow: its roots by handle, weak references,
 * ephemerons and finalizers, host data behind externrefs, functions behind
 * funcrefs. Made when first used, counted against the store's max_host_bytes (but for
 * states of counts.h), emptied at release, and kept with the slot for the next store
 * unless it has become large.
 *
 * Young collections must not cost what is old. So tables whose order is free
 * have entries of old objects first, and say how many: `old`, as the last
 * collection of a generational heap left it (0 with other collectors). Handles
 * have a mark for each that may refer to a young object.
 */
#ifndef SLOTHEAP_LIB_TABLES_H
#define SLOTHEAP_LIB_TABLES_H

#include <slotheap/host.h>

#include "lib/heap.h"
#include "lib/large.h"
#include "lib/remembered.h"
#include "lib/roots.h"

/* References that are held by handle. They lie side by side, for the
 * collector; the stamps say which handle each belongs to. */
struct handles {
  slh_ref *refs;
  uint64_t *stamps;
  uint32_t count; /* of both, in use or free */
  uint32_t capacity;
  uint64_t *young;         /* a bit for each that may refer to a young object */
  uint32_t young_capacity; /* bits; generational heaps only */
  uint32_t low, high;      /* words [low, high) of them may not be zero */
};

/* Handles that are freed one by one; the free ones are linked. */
struct free_handles {
  struct handles at;
  uint32_t free; /* number of the first free handle plus 1; 0: none */
  uint32_t live;
};

/* An entry of an ephemeron table. All tables of a heap share one array, and
 * one hash table with chains. */
struct ephemeron {
  slh_ref key;
  slh_ref value;
  uint32_t table;
  uint32_t next; /* in its chain: number plus 1, or 0 */
  bool kept;     /* this collection has found the key alive */
};

struct ephemerons {
  struct free_handles tables; /* their references are not used */
  struct ephemeron *entries;
  uint32_t *buckets; /* as many as the capacity: number plus 1, or 0 */
  uint32_t count;
  uint32_t capacity;
  uint32_t old; /* keys and values */
};

/* Objects with data of the host's, side by side for the collector. */
struct finalizers {
  slh_ref *refs;
  void **data;
  uint32_t first; /* of a queue: those before it are gone */
  uint32_t old;   /* of those registered; what is queued is old */
  uint32_t count;
  uint32_t capacity;
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
  uint32_t old;   /* of those in use; they are at the front */
  uint32_t image; /* those of an image's externrefs, which live as long as the store */
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
  uint64_t reset_stamp; /* given when they were made, or last emptied */
  uint64_t frame;       /* stamp of the innermost frame, 0: none open */
  uint64_t uncounted;   /* bytes of host memory that are not for the store's account */
  struct handles locals;
  struct free_handles owned;
  struct free_handles weak;
  struct ephemerons ephemerons;
  struct finalizers finalizers; /* registered; unordered */
  struct finalizers queue;      /* found unreachable, not yet polled */
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

/* Resizes one array of the tables to `count` items of `each` bytes.
 * SLH_E_NOMEM, SLH_E_HOST_LIMIT: it is as it was. */
slh_status slhi_table_resize(slh_heap *heap, void *array, uint64_t count, size_t each);

/* Doubles one of `*capacity` items, `first` to begin with. False: it is as it was. */
bool slhi_table_widen(slh_heap *heap, void *array, size_t each, uint32_t *capacity, uint32_t first);

/* Makes, checks and frees a handle. slhi_handle_locate stops, naming `call`, if
 * it is none of these. SLH_E_NOMEM, SLH_E_HOST_LIMIT. */
slh_status slhi_handle_new(slh_heap *heap, struct free_handles *handles, slh_ref ref,
                           uint64_t *stamp, uint32_t *number);
slh_ref *slhi_handle_locate(const struct handles *handles, uint64_t stamp, uint32_t number,
                            const char *call);
void slhi_handle_free(struct free_handles *handles, uint64_t stamp, uint32_t number,
                      const char *call);

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

/* Room for one more handle, and its mark. SLH_E_NOMEM, SLH_E_HOST_LIMIT. */
slh_status slhi_handles_reserve(slh_heap *heap, struct handles *handles);

/* After a collection of a generational heap: nothing is young. */
void slhi_tables_promote(struct tables *tables);

/*
 * Makes room for `count` items in two arrays that grow together, by doubling
 * `*capacity`, but not beyond `most`. An item takes so many bytes of each.
 * SLH_E_NOMEM, SLH_E_HOST_LIMIT (also if `count` is more than `most`): the
 * capacity is as it was.
 */
slh_status slhi_table_reserve(slh_heap *heap, uint32_t *capacity, uint64_t count, uint64_t most,
                              void *first, size_t first_bytes, void *second, size_t second_bytes);

/* A number that no handle of this process has had: handles of other heaps and
 * of earlier stores are told from valid ones by it. */
uint64_t slhi_new_stamp(struct tables *tables);

/* The next `count` of them will follow one another. */
void slhi_align_stamps(struct tables *tables, uint64_t count);

/* Roots held by handle, for a collection of all. */
void slhi_tables_list_roots(const struct tables *tables, slh_roots *roots);

/* The end of a store: drops all host data, voids all handles. */
void slhi_tables_reset(slh_heap *heap);

/* An externref whose number is not set yet. As slh_alloc_struct, or if
 * `collect` as slh_new_struct. */
slh_status slhi_alloc_externref(slh_heap *heap, bool collect, slh_ref *out);

/* Tables without externrefs get room for `count`, whose numbers will be 0 and
 * following. SLH_E_NOMEM, SLH_E_HOST_LIMIT. */
slh_status slhi_host_data_open(slh_heap *heap, uint32_t count);

/* The next entry, for which there is room. */
void slhi_host_data_add(slh_heap *heap, void *data, slh_drop_fn *drop);

void slhi_ephemerons_forget(struct ephemerons *all);

/* The next number for `function`, even if it has one. SLH_E_NOMEM,
 * SLH_E_HOST_LIMIT. */
slh_status slhi_function_add(slh_heap *heap, const void *function);

/* Forgets all functions. */
void slhi_functions_forget(struct functions *table);

/* Puts all ephemerons into their chains anew: their keys have moved. In steps,
 * from `*cursor` on, about `most` each; true when it is done. */
bool slhi_ephemerons_index(struct ephemerons *all, uint64_t *cursor, uint64_t most);

/* Takes those of young keys out of their chains, and puts them back in, in the
 * same way. */
bool slhi_ephemerons_unchain_young(struct ephemerons *all, uint64_t *cursor, uint64_t most);
bool slhi_ephemerons_chain_young(struct ephemerons *all, uint64_t *cursor, uint64_t most);

/* ---- host data and a collection ---- */

/* Nothing was found alive yet, but what is old in a young one. */
void slhi_host_data_begin(struct tables *tables, bool young);

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

static inline bool slhi_host_data_is_swept(const struct tables *tables)
{
  return tables->host.used == tables->host.kept;
}

/* Drops up to `most` entries that were not found alive. The heap must be
 * marked as busy dropping. */
void slhi_host_data_sweep(slh_heap *heap, uint64_t most);

/* Drops the entry with that id, unless it is not in use, or an image's. Not in a
 * collection that sweeps them all. */
void slhi_host_data_drop(slh_heap *heap, uint32_t id);

#endif
