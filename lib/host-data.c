/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "lib/host-data.h"

#include <slotheap/access.h>
#include <slotheap/object.h>
#include <slotheap/collection.h>

#include "lib/allocate.h"
#include "lib/collection.h"
#include "lib/object.h"
#include "lib/tables.h"
#include "pool/assert.h"

/* Entries from `first` on are free, and in the order of their ids. */
static void put_in_order(struct host_entries *host, uint32_t first)
{
  for (uint32_t id = first; id < host->capacity; id++) {
    host->order[id] = id;
    host->entries[id].place = id;
  }
}

/* Room for `count` entries. */
static slh_status reserve(slh_heap *heap, struct host_entries *host, uint64_t count)
{
  uint32_t before = host->capacity;
  slh_status status = slhi_table_reserve(heap, &host->capacity, count, UINT32_MAX, &host->entries,
                                         sizeof *host->entries, &host->order, sizeof *host->order);

  put_in_order(host, before);
  return status;
}

static slh_status reserve_one(slh_heap *heap, struct host_entries *host)
{
  return reserve(heap, host, (uint64_t)host->used + 1);
}

static slh_status new_externref(slh_heap *heap, void *data, slh_drop_fn *drop, bool collect,
                                slh_ref *out)
{
  struct tables *tables;
  uint32_t id;
  slh_status status = slhi_tables(heap, &tables);

  if (status == SLH_OK)
    status = reserve_one(heap, &tables->host);
  /* The table is full: perhaps of the dead. */
  if (status == SLH_E_HOST_LIMIT && collect && tables->host.used != 0 &&
      heap->data.runtime->collector->collects && heap->no_gc == 0) {
    slh_status collected = slh_heap_collect(heap, NULL);

    if (collected == SLH_OK)
      status = reserve_one(heap, &tables->host);
    else if (collected == SLH_E_CORRUPT)
      status = collected;
  }
  /* The object last, so that nothing has to be taken back. It can collect,
   * which frees entries but takes none. */
  if (status == SLH_OK)
    status = slhi_alloc_externref(heap, collect, out);
  if (status != SLH_OK)
    return status;
  id = tables->host.order[tables->host.used];
  slhi_host_data_add(&tables->host, data, drop);
  slhi_store_word(slh_address(heap, *out, SLHI_EXTERN_ID_OFFSET), id);
  return SLH_OK;
}

slh_status slhi_host_data_open(slh_heap *heap, uint32_t count)
{
  struct host_entries *host = &slhi_heap_tables(heap)->host;
  slh_status status;

  SLHI_ASSERT_EQ(host->used, 0);
  status = reserve(heap, host, count);
  /* Those of an earlier store are in any order. */
  put_in_order(host, 0);
  return status;
}

void slhi_host_data_add(struct host_entries *host, void *data, slh_drop_fn *drop)
{
  struct host_entry *entry;

  SLHI_ASSERT_LT(host->used, host->capacity);
  entry = &host->entries[host->order[host->used++]];
  entry->data = data;
  entry->drop = drop;
}

slh_status slh_alloc_externref(slh_heap *heap, void *data, slh_drop_fn *drop, slh_ref *out)
{
  slhi_require_idle(heap, "slh_alloc_externref");
  return new_externref(heap, data, drop, false, out);
}

slh_status slh_new_externref(slh_heap *heap, void *data, slh_drop_fn *drop, slh_ref *out)
{
  slhi_require_idle(heap, "slh_new_externref");
  return new_externref(heap, data, drop, true, out);
}

slh_status slh_externref_data(const slh_heap *heap, slh_ref externref, void **out)
{
  const struct tables *tables = slhi_heap_tables(heap);
  const slh_type *type;
  uint32_t id;
  slh_status status = slh_object_type(heap, externref, &type);

  if (status != SLH_OK)
    return status;
  if (type->kind != SLH_KIND_EXTERN)
    return SLH_E_TYPE;
  id = slhi_load_word(slh_address(heap, externref, SLHI_EXTERN_ID_OFFSET));
  if (!tables || id >= tables->host.capacity || tables->host.entries[id].place >= tables->host.used)
    return SLH_E_CORRUPT;
  *out = tables->host.entries[id].data;
  return SLH_OK;
}

/* ---- dropping ---- */

/* Has two ids change places. */
static void swap(struct host_entries *host, uint32_t a, uint32_t b)
{
  uint32_t id = host->order[a];

  host->order[a] = host->order[b];
  host->order[b] = id;
  host->entries[host->order[a]].place = a;
  host->entries[host->order[b]].place = b;
}

void slhi_host_data_drop(slh_heap *heap, uint32_t id)
{
  struct host_entries *host = &slhi_heap_tables(heap)->host;
  /* Those that live are the first of them all. */
  uint32_t *alive = heap->busy == BUSY_COLLECTING ? &host->kept : &host->old;
  enum busy busy = heap->busy;
  const struct host_entry *entry;

  SLHI_ASSERT(slhi_heap_counts(heap));
  if (id >= host->capacity || host->entries[id].place < host->image ||
      host->entries[id].place >= host->used)
    return;
  entry = &host->entries[id];
  if (entry->place < *alive)
    swap(host, entry->place, --*alive);
  swap(host, entry->place, --host->used);
  if (!entry->drop)
    return;
  slhi_heap_set_busy(heap, BUSY_DROPPING);
  if (busy == BUSY_COLLECTING)
    slhi_heap_collection(heap)->sweeping = true;
  entry->drop(entry->data);
  if (busy == BUSY_COLLECTING)
    slhi_heap_collection(heap)->sweeping = false;
  slhi_heap_set_busy(heap, busy);
}

/* [promise dropped-once] */
void slhi_host_data_sweep(struct host_entries *host, uint64_t most)
{
  SLHI_ASSERT_LE(host->kept, host->used);
  /* From the end, so that an entry is free before its callback runs. */
  for (; most > 0 && host->used > host->kept; most--) {
    const struct host_entry *entry = &host->entries[host->order[--host->used]];

    if (entry->drop)
      entry->drop(entry->data);
  }
}

void slhi_host_data_reset(slh_heap *heap)
{
  struct host_entries *host = &slhi_heap_tables(heap)->host;

  host->image = 0;
  host->kept = 0;
  slhi_heap_set_busy(heap, BUSY_DROPPING);
  slhi_host_data_sweep(host, UINT64_MAX);
  slhi_heap_set_busy(heap, BUSY_NOT);
  host->old = 0;
}
