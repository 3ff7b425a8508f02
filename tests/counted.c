/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* The store that counts, with its array and its node. */
#include "tests/counted.h"

#include <stdlib.h>

struct store *counted_store(const struct store_options *options)
{
  struct store_options all = {SLH_COLLECTOR_DRC, NULL, 0, 0};
  uint32_t configured = helper_zeal;
  struct store *store;

  if (options)
    all = *options;
  all.collector = SLH_COLLECTOR_DRC;
  helper_zeal = SLH_ZEAL_NEVER;
  store = store_open(&all);
  helper_zeal = configured;
  return store;
}

void counted_write(struct store *store, uint32_t number, slh_ref ref)
{
  slh_write_ref(store->heap, &store->roots[number], ref);
}

int counted_setup(void **state)
{
  struct counted *counted = calloc(1, sizeof *counted);

  assert_non_null(counted);
  counted->store = counted_store(NULL);
  counted->heap = counted->store->heap;
  counted->array = store_array(counted->store, counted->store->refs, COUNTED_DATA);
  counted->node = store_node(counted->store, SLH_NULL, SLH_NULL, 0);
  for (uint32_t i = 0; i < COUNTED_LEFT; i++)
    assert_ok(slh_array_set_ref(counted->heap, counted->array, i,
                                datum_externref(counted->store, &counted->data[i])));
  slh_set_ref(counted->heap, counted->node, HELPER_LEFT,
              datum_externref(counted->store, &counted->data[COUNTED_LEFT]));
  slh_set_ref(counted->heap, counted->node, HELPER_RIGHT,
              datum_externref(counted->store, &counted->data[COUNTED_RIGHT]));
  counted_write(counted->store, 0, counted->array);
  counted_write(counted->store, 1, counted->node);
  store_collect(counted->store);
  assert_int_equal(store_stats(counted->store).listed, 0);
  *state = counted;
  return 0;
}

int counted_teardown(void **state)
{
  struct counted *counted = *state;

  store_close(counted->store);
  datum_all_dropped(counted->data, COUNTED_DATA);
  free(counted);
  return 0;
}

slh_ref counted_element(const struct counted *counted, uint32_t index)
{
  slh_ref ref = SLH_NULL;

  assert_ok(slh_array_get_ref(counted->heap, counted->array, index, &ref));
  return ref;
}
