/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Host data, their drop callback, and a check of the table they are in. */
#include "tests/datum.h"

#include "lib/tables.h"

void datum_drop(void *data)
{
  ((struct datum *)data)->drops++;
}

slh_ref datum_externref(struct store *store, struct datum *datum)
{
  slh_ref ref = SLH_NULL;

  assert_ok(slh_new_externref(store->heap, datum, datum_drop, &ref));
  return ref;
}

struct datum *datum_of(struct store *store, slh_ref ref)
{
  void *data = NULL;

  assert_ok(slh_externref_data(store->heap, ref, &data));
  return data;
}

uint64_t datum_drops(const struct datum *data, uint64_t count)
{
  uint64_t drops = 0;

  while (count-- > 0)
    drops += data[count].drops;
  return drops;
}

void datum_all_dropped(const struct datum *data, uint64_t count)
{
  while (count-- > 0)
    assert_int_equal(data[count].drops, 1);
}

void datum_check_table(struct store *store)
{
  const struct host_entries *host = &slhi_heap_tables(store->heap)->host;

  assert_true(host->used <= host->capacity);
  for (uint32_t i = 0; i < host->capacity; i++) {
    assert_true(host->order[i] < host->capacity);
    assert_int_equal(host->entries[host->order[i]].place, i);
  }
}
