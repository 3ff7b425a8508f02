/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Ephemeron tables: entries that keep their value while something else keeps their key. */
#ifndef SLOTHEAP_LIB_EPHEMERONS_H
#define SLOTHEAP_LIB_EPHEMERONS_H

#include "lib/handles.h"

/* An entry. All tables of a heap share one array, and one hash table with chains. */
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
  uint32_t capacity; /* a power of two, or 0 */
  uint32_t old;      /* entries whose keys and values are old; they are at the front */
};

/* Ends all tables. */
void slhi_ephemerons_forget(struct ephemerons *all);

/* After a collection of a generational heap: no key and no value is young. */
static inline void slhi_ephemerons_promote(struct ephemerons *all)
{
  all->old = all->count;
}

/* ---- chains and a collection ----
 *
 * Keys move, so chains are made anew: in steps, from `*cursor` on, about `most` entries
 * each; true when it is done.
 */

/* Those of all entries. */
bool slhi_ephemerons_index(struct ephemerons *all, uint64_t *cursor, uint64_t most);

/* Entries that are not old are taken out of their chains, from `all->old` on, and after
 * the collection put back in. */
bool slhi_ephemerons_unchain_young(struct ephemerons *all, uint64_t *cursor, uint64_t most);
bool slhi_ephemerons_chain_young(struct ephemerons *all, uint64_t *cursor, uint64_t most);

#endif
