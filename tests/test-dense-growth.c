/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Heaps of dense pools that outgrow their slot are moved to a larger one, with
 * all that is in them. */
/* [promise relative] */
#include "tests/pooled.h"

#include <slotheap/dense.h>

#include "lib/heap.h"
#include "pool/os.h"

#define SLOTS 6
#define WIDTH 512
#define MOST (64 * POOLED_KIB)

struct store {
  slh_heap *heap;
  slh_ref list; /* nodes, whose values count down to 1 */
  int32_t length;
  int drops; /* of its externrefs */
};

static slh_pool_options growing(void)
{
  slh_pool_options options = helper_pool_options(SLOTS);

  options.kind = SLH_POOL_DENSE;
  options.slot_bytes = WIDTH;
  options.max_heap_bytes = MOST;
  return options;
}

static void list_roots(void *host, slh_heap *heap, slh_roots *roots)
{
  (void)heap;
  (void)slh_roots_add(roots, SLH_ROOT_OTHER, &((struct store *)host)->list, 1, "list");
}

static slh_status open_store(struct store *store, slh_pool *pool, bool fixed)
{
  slh_heap_options options = SLH_HEAP_OPTIONS_INIT;

  *store = (struct store){0};
  options.runtime = pooled.runtime;
  options.enumerate_roots = list_roots;
  options.host = store;
  options.fixed = fixed;
  return slh_heap_acquire(pool, &options, &store->heap);
}

static slh_status push(struct store *store)
{
  slh_ref node = SLH_NULL;
  slh_status status = slh_new_struct(store->heap, pooled.node, &node);

  if (status != SLH_OK)
    return status;
  slh_dense_set_ref(store->heap, node, HELPER_LEFT, store->list);
  slh_dense_set_i32(store->heap, node, HELPER_VALUE, ++store->length);
  store->list = node;
  return SLH_OK;
}

static void check_store(const struct store *store)
{
  slh_ref at = store->list;

  for (int32_t i = store->length; i > 0; i--) {
    assert_int_equal(slh_dense_get_i32(store->heap, at, HELPER_VALUE), i);
    at = slh_dense_get_ref(store->heap, at, HELPER_LEFT);
  }
  assert_true(slh_is_null(at));
  assert_int_equal(slh_heap_verify(store->heap, NULL, NULL), SLH_OK);
}

/* ---- what is found where ---- */

static uint64_t width_of(const slh_heap *heap)
{
  return (uint64_t)slh_heap_get_data(heap)->mask + 1;
}

static void check_place(const slh_heap *heap)
{
  const slh_heap_data *data = slh_heap_get_data(heap);
  const uint64_t offsets[] = {0, data->bump - 1, width_of(heap) - 1};

  for (size_t i = 0; i < 3; i++) {
    slh_place place = {0};

    assert_true(slh_find_address(data->base + offsets[i], &place));
    assert_ptr_equal(place.pool, slh_heap_pool(heap));
    assert_ptr_equal(place.heap, heap);
    assert_int_equal(place.offset, offsets[i]);
  }
}

static void drop(void *data)
{
  ++*(int *)data;
}

/* Everything that can refer to objects, and what it must refer to. */
struct handles {
  slh_owned owned;
  slh_weak weak, dead;
  slh_frame frame;
  slh_local local;
  slh_ephemerons table;
  slh_ref key, externref;
};

static void make_handles(struct store *store, struct handles *handles)
{
  slh_heap *heap = store->heap;
  slh_ref garbage = SLH_NULL;

  assert_int_equal(push(store), SLH_OK);
  handles->key = store->list;
  assert_int_equal(slh_new_externref(heap, &store->drops, drop, &handles->externref), SLH_OK);
  assert_int_equal(slh_new_struct(heap, pooled.node, &garbage), SLH_OK);
  assert_int_equal(slh_owned_new(heap, handles->externref, &handles->owned), SLH_OK);
  assert_int_equal(slh_weak_new(heap, handles->key, &handles->weak), SLH_OK);
  assert_int_equal(slh_weak_new(heap, garbage, &handles->dead), SLH_OK);
  assert_int_equal(slh_frame_open(heap, &handles->frame), SLH_OK);
  assert_int_equal(slh_local_new(&handles->frame, handles->key, &handles->local), SLH_OK);
  assert_int_equal(slh_ephemerons_new(heap, &handles->table), SLH_OK);
  assert_int_equal(slh_ephemerons_set(heap, handles->table, handles->key, handles->externref),
                   SLH_OK);
}

static void check_handles(const struct store *store, struct handles *handles)
{
  slh_heap *heap = store->heap;
  slh_ref key = slh_weak_get(heap, handles->weak), value = SLH_NULL;
  void *data = NULL;

  assert_int_equal(slh_dense_get_i32(heap, key, HELPER_VALUE), 1);
  assert_int_equal(slh_local_get(heap, handles->local).bits, key.bits);
  assert_true(slh_ephemerons_get(heap, handles->table, key, &value));
  assert_int_equal(slh_owned_get(heap, handles->owned).bits, value.bits);
  assert_int_equal(slh_externref_data(heap, value, &data), SLH_OK);
  assert_ptr_equal(data, &store->drops);
  assert_int_equal(store->drops, 0);
}

/* From the smallest slot to the largest, and collected in each. */
static void test_all_of_it_moves(void **state)
{
  slh_pool_options options = growing();
  slh_pool *pool = helper_pool(&options);
  struct handles handles;
  struct store store;
  slh_heap *first = pooled_take(pool);
  uint32_t moves = 0;

  (void)state;
  assert_int_equal(open_store(&store, pool, false), SLH_OK);
  assert_int_not_equal(pooled_number(store.heap), 0);
  make_handles(&store, &handles);
  while (width_of(store.heap) < MOST || store.length < 3000) {
    const char *base = slh_heap_get_data(store.heap)->base;
    uint64_t width = width_of(store.heap);

    assert_int_equal(push(&store), SLH_OK);
    if (slh_heap_get_data(store.heap)->base == base)
      continue;
    moves++;
    assert_true(width_of(store.heap) > width);
    assert_true(slh_heap_end(store.heap) > width); /* it did not move too early */
    check_place(store.heap);
    check_store(&store);
    check_handles(&store, &handles);
    assert_int_equal(slh_heap_collect(store.heap, NULL), SLH_OK);
    assert_true(slh_is_null(slh_weak_get(store.heap, handles.dead)));
    check_store(&store);
    check_handles(&store, &handles);
  }
  assert_int_equal(moves, 7); /* 512 bytes to 64 KiB */
  slh_frame_close(&handles.frame);
  slh_heap_release(store.heap);
  slh_heap_release(first);
  assert_int_equal(store.drops, 1);
  slh_pool_free(pool);
}

/* ---- what is borrowed ---- */

static uint32_t borrowed(slh_pool *pool)
{
  uint32_t count = 0;

  for (uint64_t size = 1; size < pool->plan.sizes; size++)
    count += slhi_slab_in_state(&pool->heaps[size], SLOT_TAKEN);
  return count;
}

/* Each has one at a time, and what is given back is empty for others. */
static void run_stores(slh_isolation isolation, uint64_t *random)
{
  slh_pool_options options = growing();
  struct store stores[SLOTS] = {0};
  slh_pool *pool;

  options.isolation = isolation;
  pool = helper_pool(&options);
  for (uint64_t i = helper_rounds(3000); i-- > 0;) {
    struct store *store = &stores[helper_below(random, SLOTS)];
    uint32_t large = 0;

    if (!store->heap) {
      assert_int_equal(open_store(store, pool, false), SLH_OK);
      assert_int_equal(width_of(store->heap), WIDTH);
      if (isolation != SLH_ISOLATION_NONE)
        pooled_check_zero(store->heap);
      check_store(store);
    }
    for (uint64_t n = helper_below(random, 1 << helper_below(random, 10)); n-- > 0;)
      if (push(store) != SLH_OK)
        break;
    check_store(store);
    if (helper_one_in(random, 8)) {
      store->list = SLH_NULL;
      store->length = 0;
      slh_heap_reset(store->heap);
      check_store(store);
    } else if (helper_one_in(random, 4)) {
      slh_heap_release(store->heap);
      *store = (struct store){0};
    }
    for (int j = 0; j < SLOTS; j++)
      large += stores[j].heap && width_of(stores[j].heap) > WIDTH;
    assert_int_equal(borrowed(pool), large);
  }
  for (int i = 0; i < SLOTS; i++)
    slh_heap_release(stores[i].heap);
  assert_int_equal(borrowed(pool), 0);
  slh_pool_free(pool);
}

static void test_borrowed_slots_come_back(void **state)
{
  uint64_t random = helper_seed();

  (void)state;
  run_stores(SLH_ISOLATION_SCRUB, &random);
  run_stores(SLH_ISOLATION_STRICT, &random);
  run_stores(SLH_ISOLATION_NONE, &random);
}

/* Figures count memory where it is, once. */
static void test_figures(void **state)
{
  const uint64_t width = 16 * POOLED_KIB;
  slh_pool_options options = growing();
  struct store store;
  slh_heap *other;
  slh_pool *pool;
  uint64_t bytes;

  (void)state;
  if (!slhi_os_has(SLHI_OS_RESIDENT))
    skip();
  options.slot_bytes = width;
  options.max_heap_bytes = 16 * MOST;
  options.huge_pages = SLH_HUGE_NEVER;
  pool = helper_pool(&options);
  assert_int_equal(open_store(&store, pool, false), SLH_OK);
  other = pooled_take(pool); /* a neighbour of the slot that is left */
  pooled_dirty(other, width - SLH_DENSE_FIRST);
  assert_int_equal(slh_heap_grow(store.heap, 4 * MOST), SLH_OK);
  memset(slh_heap_get_data(store.heap)->base, 1, width_of(store.heap));
  assert_int_equal(pooled_stats(pool).accessible_bytes, width_of(store.heap) + 2 * width);
  assert_int_equal(slh_pool_resident(pool, &bytes, NULL), SLH_OK);
  assert_int_equal(bytes, width_of(store.heap) + width);
  memset(slh_heap_get_data(store.heap)->base, 0, width_of(store.heap));
  slh_heap_release(store.heap);
  slh_heap_release(other);
  slh_pool_free(pool);
}

/* ---- where it ends ---- */

static slh_status fill(struct store *store)
{
  slh_status status;

  do
    status = push(store);
  while (status == SLH_OK);
  return status;
}

static void test_fixed_heaps_stay(void **state)
{
  slh_pool_options options = growing();
  slh_pool *pool = helper_pool(&options);
  slh_heap_stats stats;
  struct store store;
  slh_ref array;

  (void)state;
  assert_int_equal(open_store(&store, pool, true), SLH_OK);
  slh_heap_get_stats(store.heap, &stats);
  assert_int_equal(stats.max, WIDTH - SLH_DENSE_FIRST);
  assert_int_equal(slh_new_array(store.heap, pooled.bytes, WIDTH, &array), SLH_E_TOO_LARGE);
  assert_int_equal(fill(&store), SLH_E_LIMIT);
  assert_int_equal(store.length, (WIDTH - SLH_DENSE_FIRST) / 16);
  assert_int_equal(width_of(store.heap), WIDTH);
  assert_int_equal(borrowed(pool), 0);
  check_store(&store);
  check_place(store.heap);
  slh_heap_release(store.heap);
  slh_pool_free(pool);
}

/* The largest slot is all that a heap can have; then it is as it was. */
static void test_the_largest_slot(void **state)
{
  slh_pool_options options = growing();
  slh_pool *pool = helper_pool(&options);
  struct store store;
  slh_ref array;

  (void)state;
  assert_int_equal(open_store(&store, pool, false), SLH_OK);
  assert_int_equal(slh_new_array(store.heap, pooled.bytes, MOST, &array), SLH_E_TOO_LARGE);
  assert_int_equal(fill(&store), SLH_E_LIMIT);
  assert_int_equal(width_of(store.heap), MOST);
  assert_int_equal(store.length, (MOST - SLH_DENSE_FIRST) / 16);
  check_store(&store);
  slh_heap_release(store.heap);
  slh_pool_free(pool);
}

/* Larger slots are lent to others: a size larger still, or none. */
static void test_no_larger_slot_is_free(void **state)
{
  slh_pool_options options = growing();
  struct slot *lent[8 * SLOTS];
  struct store store;
  size_t count = 0;
  slh_pool *pool;

  (void)state;
  pool = helper_pool(&options);
  assert_int_equal(open_store(&store, pool, false), SLH_OK);
  for (uint64_t size = 1; size < pool->plan.sizes - 1; size++)
    for (int i = 0; i < SLOTS; i++)
      lent[count++] = slhi_slab_take(&pool->heaps[size], 0, 0);
  while (width_of(store.heap) == WIDTH)
    assert_int_equal(push(&store), SLH_OK);
  assert_int_equal(width_of(store.heap), MOST);
  check_store(&store);
  slh_heap_release(store.heap);
  for (int i = 0; i < SLOTS; i++)
    lent[count++] = slhi_slab_take(&pool->heaps[pool->plan.sizes - 1], 0, 0);
  assert_int_equal(open_store(&store, pool, false), SLH_OK);
  assert_int_equal(fill(&store), SLH_E_FULL);
  assert_int_equal(width_of(store.heap), WIDTH);
  check_store(&store);
  while (count > 0)
    count--, slhi_slab_put(lent[count]->slab, lent[count], 0);
  assert_int_equal(push(&store), SLH_OK); /* now there is one */
  check_store(&store);
  slh_heap_release(store.heap);
  slh_pool_free(pool);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_all_of_it_moves),  cmocka_unit_test(test_borrowed_slots_come_back),
      cmocka_unit_test(test_figures),          cmocka_unit_test(test_fixed_heaps_stay),
      cmocka_unit_test(test_the_largest_slot), cmocka_unit_test(test_no_larger_slot_is_free),
  };

  helper_zeal = SLH_ZEAL_NEVER;
  return helper_run(tests, pooled_setup, pooled_teardown);
}
