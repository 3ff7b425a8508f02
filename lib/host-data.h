/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* What externrefs refer to: data of the host's, dropped when the externref is dead. */
#ifndef SLOTHEAP_LIB_HOST_DATA_H
#define SLOTHEAP_LIB_HOST_DATA_H

#include <slotheap/host.h>

#include "lib/heap.h"

struct host_entry {
  void *data;
  slh_drop_fn *drop;
  uint32_t place; /* in `order` */
};

/*
 * The entries by id, which is what an externref holds. `order` has every id once: first
 * those in use, [0, used), then the free ones. During a collection those in use are
 * parted into [0, kept), whose externrefs were found alive, and the others: so finding
 * the dead costs nothing for the living.
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

/* A table without entries gets room for `count`, whose ids will be 0 and following. The
 * heap has tables. SLH_E_NOMEM, SLH_E_HOST_LIMIT. */
slh_status slhi_host_data_open(slh_heap *heap, uint32_t count);

/* The next entry, for which there is room. */
void slhi_host_data_add(struct host_entries *host, void *data, slh_drop_fn *drop);

/* Drops the entry with that id, unless it is not in use, or an image's. For heaps that
 * count references, whose collections do not sweep. */
void slhi_host_data_drop(slh_heap *heap, uint32_t id);

/* Drops all, an image's too: the end of a store. */
void slhi_host_data_reset(slh_heap *heap);

/* ---- in a collection ---- */

/* Nothing was found alive yet, but what is old in a young one. */
static inline void slhi_host_data_begin(struct host_entries *host, bool young)
{
  host->kept = young ? host->old : host->image;
}

/* The externref with that id is alive. Ids that were never given are left for
 * whoever uses them. */
static inline void slhi_host_data_keep(struct host_entries *host, uint32_t id)
{
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

/* After that of a generational heap: what lives is old; the others are about to be
 * dropped. */
static inline void slhi_host_data_promote(struct host_entries *host)
{
  host->old = host->kept;
}

/* Drops up to `most` entries that were not found alive. The heap must be marked as
 * busy dropping. */
void slhi_host_data_sweep(struct host_entries *host, uint64_t most);

static inline bool slhi_host_data_is_swept(const struct host_entries *host)
{
  return host->used == host->kept;
}

#endif
