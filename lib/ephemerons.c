/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Ephemeron tables: the host's side of them. */
#include <slotheap/weak.h>

#include "lib/ephemerons.h"

#include "lib/tables.h"
#include "pool/assert.h"

/* The start of the chain that a key's entry is in. */
static uint32_t *chain_of(const struct ephemerons *all, uint32_t table, slh_ref key)
{
  return &all->buckets[slhi_hash((uint64_t)table << 32 | key.bits) & (all->capacity - 1)];
}

static void put_into_chain(struct ephemerons *all, uint32_t number)
{
  struct ephemeron *entry = &all->entries[number];
  uint32_t *chain = chain_of(all, entry->table, entry->key);

  entry->next = *chain;
  *chain = number + 1;
}

bool slhi_ephemerons_index(struct ephemerons *all, uint64_t *cursor, uint64_t most)
{
  uint64_t end = (uint64_t)all->capacity + all->count;
  uint64_t stop = slhi_at_most(end, slhi_saturating_add(*cursor, most));

  SLHI_ASSERT_EQ(all->capacity & (all->capacity - 1), 0);
  SLHI_ASSERT_LE(all->count, all->capacity);
  /* First the chains are emptied, then the entries put in. */
  for (; *cursor < stop && *cursor < all->capacity; ++*cursor)
    all->buckets[*cursor] = 0;
  for (; *cursor < stop; ++*cursor)
    put_into_chain(all, (uint32_t)(*cursor - all->capacity));
  return *cursor == end;
}

static void index_all(struct ephemerons *all)
{
  uint64_t cursor = 0;

  (void)slhi_ephemerons_index(all, &cursor, UINT64_MAX);
}

void slhi_ephemerons_forget(struct ephemerons *all)
{
  uint32_t count = all->count;

  slhi_handles_forget(&all->tables);
  all->count = 0;
  all->old = 0;
  if (count != 0)
    index_all(all);
}

/* What links to the entry of `key`, or to nothing at the end of its chain. */
static uint32_t *find_link(const struct ephemerons *all, uint32_t table, slh_ref key)
{
  uint32_t *link = chain_of(all, table, key);

  while (*link != 0) {
    struct ephemeron *entry = &all->entries[*link - 1];

    if (entry->table == table && slh_ref_equal(entry->key, key))
      break;
    link = &entry->next;
  }
  return link;
}

/* What links to this very entry: in a heap that forged forwarding marks, two
 * keys can have become the same. */
static uint32_t *find_link_to(const struct ephemerons *all, const struct ephemeron *entry)
{
  uint32_t number = (uint32_t)(entry - all->entries) + 1;
  uint32_t *link = chain_of(all, entry->table, entry->key);

  while (*link != number)
    link = &all->entries[*link - 1].next;
  return link;
}

bool slhi_ephemerons_unchain_young(struct ephemerons *all, uint64_t *cursor, uint64_t most)
{
  uint64_t stop = slhi_at_most(all->count, slhi_saturating_add(*cursor, most));

  SLHI_ASSERT_LE(all->old, *cursor);
  for (; *cursor < stop; ++*cursor) {
    struct ephemeron *entry = &all->entries[*cursor];

    *find_link_to(all, entry) = entry->next;
  }
  return *cursor >= all->count;
}

bool slhi_ephemerons_chain_young(struct ephemerons *all, uint64_t *cursor, uint64_t most)
{
  uint64_t stop = slhi_at_most(all->count, slhi_saturating_add(*cursor, most));

  SLHI_ASSERT_LE(all->old, *cursor);
  for (; *cursor < stop; ++*cursor)
    put_into_chain(all, (uint32_t)*cursor);
  return *cursor >= all->count;
}

/* Exchanges two entries, and what links to them. */
static void exchange(struct ephemerons *all, uint32_t a, uint32_t b)
{
  struct ephemeron *first = &all->entries[a], *second = &all->entries[b];
  struct ephemeron other = *first;

  if (a == b)
    return;
  *find_link_to(all, first) = first->next;
  *find_link_to(all, second) = second->next;
  *first = *second;
  *second = other;
  put_into_chain(all, a);
  put_into_chain(all, b);
}

/* Room for one more entry. */
static slh_status reserve(slh_heap *heap, struct ephemerons *all)
{
  uint32_t before = all->capacity;
  slh_status status =
      slhi_table_reserve(heap, &all->capacity, (uint64_t)all->count + 1, UINT32_MAX, &all->entries,
                         sizeof *all->entries, &all->buckets, sizeof *all->buckets);

  if (all->capacity != before)
    index_all(all);
  return status;
}

/* The heap's ephemerons, for a table that is checked. */
static struct ephemerons *checked(const slh_heap *heap, slh_ephemerons table, const char *call)
{
  struct ephemerons *all = slhi_heap_tables(heap) ? &slhi_heap_tables(heap)->ephemerons : NULL;

  slhi_require_idle(heap, call);
  (void)slhi_handle_locate(all ? &all->tables.at : NULL, table.stamp, table.number, call);
  return all;
}

slh_status slh_ephemerons_new(slh_heap *heap, slh_ephemerons *out)
{
  struct tables *tables;
  slh_status status;

  slhi_require_idle(heap, "slh_ephemerons_new");
  if (slhi_heap_counts(heap))
    return SLH_E_UNSUPPORTED;
  status = slhi_tables(heap, &tables);
  if (status != SLH_OK)
    return status;
  return slhi_handle_new(heap, &tables->ephemerons.tables, SLH_NULL, &out->stamp, &out->number);
}

void slh_ephemerons_free(slh_heap *heap, slh_ephemerons table)
{
  struct ephemerons *all = checked(heap, table, "slh_ephemerons_free");
  uint32_t kept = 0, old = 0;

  for (uint32_t i = 0; i < all->count; i++) {
    if (all->entries[i].table == table.number)
      continue;
    old += i < all->old;
    all->entries[kept++] = all->entries[i];
  }
  all->old = old;
  all->count = kept;
  index_all(all);
  slhi_handle_free(&all->tables, table.stamp, table.number, "slh_ephemerons_free");
}

slh_status slh_ephemerons_set(slh_heap *heap, slh_ephemerons table, slh_ref key, slh_ref value)
{
  struct ephemerons *all = checked(heap, table, "slh_ephemerons_set");
  slh_status status;
  uint32_t *link, number;

  if (heap->corrupt)
    return SLH_E_CORRUPT;
  if (!slh_is_object(key))
    return SLH_E_TYPE;
  /* First, for it moves the chains. */
  status = reserve(heap, all);
  if (status != SLH_OK)
    return status;
  link = find_link(all, table.number, key);
  if (*link == 0) {
    all->entries[all->count] =
        (struct ephemeron){.key = key, .table = table.number, .next = 0, .kept = false};
    *link = ++all->count;
  }
  number = *link - 1;
  if (number < all->old && slh_is_object(value) && value.bits >= heap->data.young) {
    exchange(all, number, --all->old);
    number = all->old;
  }
  all->entries[number].value = value;
  return SLH_OK;
}

bool slh_ephemerons_get(const slh_heap *heap, slh_ephemerons table, slh_ref key, slh_ref *value)
{
  const struct ephemerons *all = checked(heap, table, "slh_ephemerons_get");
  uint32_t number = all->count && !heap->corrupt ? *find_link(all, table.number, key) : 0;

  if (number == 0)
    return false;
  *value = all->entries[number - 1].value;
  return true;
}

bool slh_ephemerons_remove(slh_heap *heap, slh_ephemerons table, slh_ref key)
{
  struct ephemerons *all = checked(heap, table, "slh_ephemerons_remove");
  /* A collection that failed has left the chains as they were then. */
  uint32_t number = all->count && !heap->corrupt ? *find_link(all, table.number, key) : 0;

  if (number-- == 0)
    return false;
  if (number < all->old) {
    exchange(all, number, --all->old);
    number = all->old;
  }
  exchange(all, number, --all->count);
  *find_link_to(all, &all->entries[all->count]) = all->entries[all->count].next;
  return true;
}

void slh_heap_visit_ephemerons(const slh_heap *heap, slh_visit_entry_fn *visit, void *context)
{
  const struct tables *tables = slhi_heap_tables(heap);
  uint32_t count = tables && !heap->corrupt ? tables->ephemerons.count : 0;

  slhi_require_idle(heap, "slh_heap_visit_ephemerons");
  for (uint32_t i = 0; i < count; i++) {
    const struct ephemeron *entry = &tables->ephemerons.entries[i];

    if (!visit(context, entry->key, entry->value))
      return;
  }
}
