/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Large arrays: collections leave them where they are once they have settled,
 * whatever else lives, dies or is damaged.
 */
#include "tests/collectors.h"
#include "tests/store.h"

#include "lib/large.h"

#include <stdlib.h>

#define MIB (1u << 20)

static struct store *open_store(slh_collector collector, uint32_t zeal)
{
  struct store_options options = {collector, NULL, 512 * MIB, 256 * MIB};
  uint32_t configured = helper_zeal;
  struct store *store;

  helper_zeal = zeal;
  store = store_open(&options);
  helper_zeal = configured;
  return store;
}

/* With checks around each collection. */
static struct store *open_checked(slh_collector collector)
{
  return open_store(collector, SLH_ZEAL_MAX);
}

/* Every byte of it follows from `seed`. */
static slh_ref new_bytes(struct store *store, uint32_t length, uint32_t seed)
{
  slh_ref array = store_array(store, store->bytes, length);
  uint8_t *bytes = slh_address(store->heap, array, SLH_ARRAY_DATA_OFFSET);

  for (uint32_t i = 0; i < length; i++)
    bytes[i] = (uint8_t)((i * 2654435761u >> 24) + seed);
  return array;
}

static void check_bytes(struct store *store, slh_ref array, uint32_t length, uint32_t seed)
{
  const uint8_t *bytes = slh_address(store->heap, array, SLH_ARRAY_DATA_OFFSET);

  assert_int_equal(slh_array_length(store->heap, array), length);
  for (uint32_t i = 0; i < length; i++) {
    if (bytes[i] != (uint8_t)((i * 2654435761u >> 24) + seed))
      fail_msg("byte %u of %u changed", i, length);
  }
}

static slh_ref small_list(struct store *store, int32_t length)
{
  slh_ref list = SLH_NULL;

  while (length-- > 0)
    list = store_node(store, list, SLH_NULL, length);
  return list;
}

static void check_list(struct store *store, slh_ref list, int32_t length)
{
  for (int32_t i = 0; i < length; i++) {
    assert_int_equal(slh_get_i32(store->heap, list, HELPER_VALUE), i);
    list = slh_get_ref(store->heap, list, HELPER_LEFT);
  }
  assert_true(slh_is_null(list));
}

/* ---- where they are ---- */

static void settles_and_stays(void **state)
{
  struct store *store = open_checked(SLH_COLLECTOR_COPYING);
  slh_ref settled;

  small_list(store, 1000);
  store->roots[0] = small_list(store, 1000);
  store->roots[1] = new_bytes(store, MIB, 1);
  small_list(store, 1000);
  store->roots[2] = new_bytes(store, 2 * MIB, 2);
  store_collect(store);
  store_collect(store);
  settled = store->roots[1];
  for (int i = 0; i < 5; i++) {
    uint64_t copied = store_stats(store).copied_total;

    small_list(store, 300);
    store->roots[0] = small_list(store, 200);
    store_collect(store);
    assert_int_equal(store->roots[1].bits, settled.bits);
    assert_int_equal(store->roots[2].bits, settled.bits + 8 + MIB);
    assert_int_equal(store_stats(store).copied_total - copied, 200 * 16);
    assert_int_equal(store_stats(store).used, 200 * 16 + 3 * MIB + 16);
    check_list(store, store->roots[0], 200);
  }
  check_bytes(store, store->roots[1], MIB, 1);
  check_bytes(store, store->roots[2], 2 * MIB, 2);
  store_close(store);
}

static void room_of_the_dead_is_had_back(void **state)
{
  struct store *store = open_checked(SLH_COLLECTOR_COPYING);

  for (uint32_t i = 0; i < 4; i++)
    store->roots[i] = new_bytes(store, MIB - 8, i);
  store->roots[8] = small_list(store, 100);
  store_collect(store);
  store_collect(store);
  assert_int_equal(store_stats(store).live, 4 * MIB + 1600);
  store->roots[1] = SLH_NULL;
  store_collect(store); /* a filler is in its place */
  assert_int_equal(store_stats(store).used, 4 * MIB + 1600);
  assert_int_equal(store_stats(store).live, 3 * MIB + 1600);
  assert_int_equal(store_count(store), 103);
  store_collect(store);
  assert_int_equal(store_stats(store).used, 3 * MIB + 1600);
  for (uint32_t i = 0; i < 4; i++) {
    if (i != 1)
      check_bytes(store, store->roots[i], MIB - 8, i);
  }
  check_list(store, store->roots[8], 100);
  store_close(store);
}

/* What died among those that live is room that will be used again: the limit does not count
 * it twice. */
static void the_dead_do_not_raise_the_limit(void **state)
{
  struct store_options options = {SLH_COLLECTOR_COPYING, NULL, 512 * MIB, MIB};
  uint32_t configured = helper_zeal;
  struct store *store;
  uint64_t used, dead = 8 * MIB + SLH_ARRAY_DATA_OFFSET, needed = 112;
  slh_ref ref = SLH_NULL;

  (void)state;
  helper_zeal = SLH_ZEAL_NEVER;
  store = store_open(&options);
  helper_zeal = configured;
  for (int i = 0; i < 2; i++)
    store->roots[i] = store_array(store, store->bytes, 8 * MIB);
  store_collect(store);
  store_collect(store);
  used = store_stats(store).used;
  assert_int_equal(store_stats(store).soft_limit, used);
  store->roots[0] = SLH_NULL;
  assert_ok(
      slh_new_array(store->heap, store->bytes, (uint32_t)needed - SLH_ARRAY_DATA_OFFSET, &ref));
  assert_int_equal(store_stats(store).collections, 3);
  assert_int_equal(store_stats(store).used, used + needed);
  assert_true(store_stats(store).soft_limit <= 2 * used + needed - dead);
  store_close(store);
}

/* The last ones leave no filler if there is nothing small behind them. */
static void trailing_dead_leave_at_once(void **state)
{
  struct store *store = open_checked(SLH_COLLECTOR_COPYING);

  for (uint32_t i = 0; i < 3; i++)
    store->roots[i] = new_bytes(store, MIB - 8, i);
  store_collect(store);
  store->roots[1] = store->roots[2] = SLH_NULL;
  store_collect(store);
  assert_int_equal(store_stats(store).used, MIB);
  store->roots[0] = SLH_NULL;
  store_collect(store);
  assert_int_equal(store_stats(store).used, 0);
  store_close(store);
}

/* New ones that die are like any object. */
static void new_ones_leave_nothing(void **state)
{
  struct store *store = open_checked(SLH_COLLECTOR_COPYING);

  new_bytes(store, MIB, 1);
  store->roots[0] = small_list(store, 10);
  new_bytes(store, MIB, 1);
  store_collect(store);
  assert_int_equal(store_stats(store).used, 160);
  store_close(store);
}

/* One that is given its place above where it is goes through the space. */
static void moves_up_if_it_must(void **state)
{
  struct store *store = open_checked(SLH_COLLECTOR_COPYING);

  store->roots[1] = new_bytes(store, MIB, 7);
  store->roots[0] = small_list(store, 1000);
  store_collect(store);
  assert_true(store->roots[1].bits > SLH_WIDE_FIRST);
  check_bytes(store, store->roots[1], MIB, 7);
  store_collect(store);
  assert_int_equal(store->roots[1].bits, SLH_WIDE_FIRST);
  check_bytes(store, store->roots[1], MIB, 7);
  check_list(store, store->roots[0], 1000);
  store_close(store);
}

static void young_collections_promote_them(void **state)
{
  struct store *store = open_checked(SLH_COLLECTOR_GENERATIONAL);
  slh_ref large, node = SLH_NULL;

  store->roots[0] = small_list(store, 100);
  store_collect(store);
  store->roots[1] = store_array(store, store->refs, MIB);
  new_bytes(store, MIB, 1);
  assert_ok(slh_heap_collect_young(store->heap, NULL));
  large = store->roots[1];
  assert_int_equal(large.bits, store->roots[0].bits + 1600);
  assert_ok(
      slh_array_set_ref(store->heap, large, 777777, store_node(store, SLH_NULL, SLH_NULL, 5)));
  assert_int_equal(store_stats(store).remembered, 1);
  assert_ok(slh_heap_collect_young(store->heap, NULL));
  assert_int_equal(store->roots[1].bits, large.bits);
  store_verify(store);
  store_collect(store);
  assert_int_equal(store->roots[1].bits, SLH_WIDE_FIRST);
  slh_remember_object(store->heap, store->roots[1]);
  store_collect(store);
  assert_int_equal(*store_word(store, SLH_WIDE_FIRST), store->refs->header); /* not logged */
  assert_ok(slh_array_get_ref(store->heap, store->roots[1], 777777, &node));
  assert_int_equal(slh_get_i32(store->heap, node, HELPER_VALUE), 5);
  check_list(store, store->roots[0], 100);
  store_close(store);
}

/* ---- references ---- */

static void weak_things_of_large_arrays(void **state)
{
  struct store *store = open_checked(SLH_COLLECTOR_COPYING);
  slh_weak weak[2];
  slh_ephemerons table;
  slh_ref found;
  void *data = NULL;

  assert_ok(slh_ephemerons_new(store->heap, &table));
  for (uint32_t i = 0; i < 2; i++) {
    store->roots[i] = new_bytes(store, MIB, i);
    assert_ok(slh_weak_new(store->heap, store->roots[i], &weak[i]));
    assert_ok(slh_ephemerons_set(store->heap, table, store->roots[i],
                                 store_node(store, SLH_NULL, SLH_NULL, (int32_t)i)));
  }
  for (int i = 0; i < 3; i++) {
    store_collect(store);
    assert_int_equal(slh_weak_get(store->heap, weak[0]).bits, store->roots[0].bits);
    assert_true(slh_ephemerons_get(store->heap, table, store->roots[0], &found));
    assert_int_equal(slh_get_i32(store->heap, found, HELPER_VALUE), 0);
  }
  assert_ok(slh_finalizer_add(store->heap, store->roots[1], &table));
  store->roots[0] = store->roots[1] = SLH_NULL;
  store_collect(store);
  assert_true(slh_is_null(slh_weak_get(store->heap, weak[0])));
  assert_true(slh_finalizer_poll(store->heap, &found, &data));
  check_bytes(store, found, MIB, 1);
  store_collect(store);
  store_collect(store);
  assert_int_equal(store_stats(store).used, 0);
  store_close(store);
}

/* A graph of large arrays of references and small nodes with numbers; the host
 * knows which element leads where. */
#define ARRAYS 12
#define LINKS 40

struct model {
  struct store *store;
  uint64_t random;
  uint32_t length[ARRAYS]; /* 0: none */
  uint32_t at[ARRAYS][LINKS];
  uint32_t to[ARRAYS][LINKS]; /* an array's number, or a node's beyond */
  bool rooted[ARRAYS];        /* in root i */
};

static uint32_t below(struct model *m, uint32_t bound)
{
  return (uint32_t)helper_below(&m->random, bound);
}

static void make_array(struct model *m, uint32_t i)
{
  struct store *store = m->store;
  uint32_t length = 40000 + below(m, 120000); /* 64 Ki elements are large */

  m->length[i] = length;
  m->rooted[i] = true;
  store->roots[i] = SLH_NULL;
  store->roots[i] = store_array(store, store->refs, length);
  for (uint32_t j = 0; j < LINKS; j++) {
    m->at[i][j] = j * (length / LINKS) + below(m, length / LINKS);
    m->to[i][j] = ARRAYS + below(m, 1000000);
    assert_ok(slh_array_set_ref(store->heap, store->roots[i], m->at[i][j],
                                store_node(store, SLH_NULL, SLH_NULL, (int32_t)m->to[i][j])));
  }
}

static void link_arrays(struct model *m)
{
  uint32_t from = below(m, ARRAYS), to = below(m, ARRAYS), j = below(m, LINKS);

  if (m->length[from] == 0 || m->length[to] == 0)
    return;
  m->to[from][j] = to;
  assert_ok(slh_array_set_ref(m->store->heap, m->store->roots[from], m->at[from][j],
                              m->store->roots[to]));
}

static void compare(struct model *m)
{
  for (uint32_t i = 0; i < ARRAYS; i++) {
    for (uint32_t j = 0; j < LINKS && m->length[i] != 0; j++) {
      slh_ref element = SLH_NULL;

      assert_int_equal(slh_array_length(m->store->heap, m->store->roots[i]), m->length[i]);
      assert_ok(slh_array_get_ref(m->store->heap, m->store->roots[i], m->at[i][j], &element));
      if (m->to[i][j] < ARRAYS && m->rooted[m->to[i][j]] && m->length[m->to[i][j]] != 0)
        assert_int_equal(element.bits, m->store->roots[m->to[i][j]].bits);
      else if (m->to[i][j] >= ARRAYS)
        assert_int_equal(slh_get_u32(m->store->heap, element, HELPER_VALUE), m->to[i][j]);
    }
  }
}

static void collect(struct model *m)
{
  static const uint64_t budgets[] = {1000, 100000, UINT64_MAX};
  bool complete = false;

  if (below(m, 2))
    assert_ok(slh_collection_begin(m->store->heap, NULL));
  else
    assert_ok(slh_collection_begin_young(m->store->heap, NULL));
  while (!complete)
    assert_ok(slh_collection_step(m->store->heap, budgets[below(m, 3)], &complete));
  store_verify(m->store);
  compare(m);
}

/* An array that is dropped can live on through others, whose links to it are
 * then forgotten: they are overwritten. */
static void drop_array(struct model *m, uint32_t i)
{
  if (m->length[i] == 0)
    return;
  for (uint32_t from = 0; from < ARRAYS; from++) {
    for (uint32_t j = 0; j < LINKS && m->length[from] != 0; j++) {
      if (m->to[from][j] != i)
        continue;
      m->to[from][j] = ARRAYS + j;
      assert_ok(slh_array_set_ref(m->store->heap, m->store->roots[from], m->at[from][j],
                                  store_node(m->store, SLH_NULL, SLH_NULL, (int32_t)(ARRAYS + j))));
    }
  }
  m->length[i] = 0;
  m->store->roots[i] = SLH_NULL;
}

static void random_graphs(void **state)
{
  uint64_t seed = helper_seed();

  for (uint64_t round = helper_rounds(48); round > 0; round--) {
    slh_collector collector = collectors_nth(COLLECTORS_MOVE, round);
    struct model *m = calloc(1, sizeof *m);

    assert_non_null(m);
    m->random = seed++;
    m->store = open_store(collector, round % 4 < 2 ? SLH_ZEAL_NEVER : SLH_ZEAL_MAX);
    for (int i = 0; i < 150; i++) {
      uint32_t which = below(m, ARRAYS);

      if (below(m, 6) == 0) {
        drop_array(m, which);
        make_array(m, which);
      } else if (below(m, 12) == 0) {
        drop_array(m, which);
      } else {
        link_arrays(m);
      }
      m->store->roots[ARRAYS] = small_list(m->store, (int32_t)below(m, 100));
      if (below(m, 12) == 0)
        collect(m);
    }
    collect(m);
    store_close(m->store);
    free(m);
  }
}

/* ---- damage ---- */

/* Whatever is written over arrays that the heap has a list of: collections end,
 * well or not, and the neighbour's bytes stay. */
static void damage(struct store *store, uint64_t *random)
{
  uint64_t bump = slh_heap_end(store->heap);
  uint32_t headers[] = {store->refs->header, store->bytes->header, store->node->header,
                        SLH_KIND_FILLER << 3, store->refs->header | SLH_HEADER_LOGGED};

  for (uint64_t i = 1 + helper_below(random, 8); i > 0; i--) {
    uint64_t at = SLH_WIDE_FIRST + helper_below(random, (bump - SLH_WIDE_FIRST) / 8 - 1) * 8;
    uint32_t root = (uint32_t)helper_below(random, 4);

    switch (helper_below(random, 4)) {
    case 0: /* in the header of one */
      at = store->roots[root].bits;
      *store_word(store, at) = headers[helper_below(random, 5)];
      break;
    case 1: /* its length */
      at = store->roots[root].bits;
      *store_word(store, at + 4) = (uint32_t)helper_below(random, 4 * MIB);
      break;
    case 2: /* another within it, or across */
      *store_word(store, at) = headers[helper_below(random, 5)];
      *store_word(store, at + 4) = (uint32_t)helper_below(random, 2 * MIB);
      store->roots[4 + root].bits = (uint32_t)at;
      break;
    default:
      *store_word(store, at) = (uint32_t)helper_below(random, bump);
    }
  }
}

static void random_damage(void **state)
{
  uint64_t random = helper_seed();

  for (uint64_t round = helper_rounds(300); round > 0; round--) {
    slh_collector collector = collectors_nth(COLLECTORS_MOVE, round);
    struct store *store = open_store(collector, SLH_ZEAL_NEVER);
    slh_heap *neighbour = helper_acquire(store->pool, store->runtime);
    slh_status status = SLH_OK;
    slh_ref canary = SLH_NULL;

    assert_ok(slh_new_array(neighbour, store->bytes, 5000, &canary));
    memset(slh_address(neighbour, canary, 8), 0x5a, 5000);
    for (int i = 0; i < 4; i++)
      store->roots[i] = store_array(store, i % 2 ? store->refs : store->bytes,
                                    (uint32_t)(70000 + helper_below(&random, 200000)));
    store->roots[8] = small_list(store, 1000);
    for (int i = 0; i < 3 && status == SLH_OK; i++) {
      if (helper_below(&random, 3))
        damage(store, &random);
      status = helper_below(&random, 2) ? slh_heap_collect(store->heap, NULL)
                                        : slh_heap_collect_young(store->heap, NULL);
      if (status != SLH_OK)
        assert_status(status, SLH_E_CORRUPT);
    }
    for (int i = 0; i < 5000; i++)
      assert_int_equal(((char *)slh_address(neighbour, canary, 8))[i], 0x5a);
    memset(store->roots, 0, sizeof store->roots);
    slh_heap_reset(store->heap);
    store->roots[0] = new_bytes(store, MIB, 3);
    store_collect(store);
    store_collect(store);
    check_bytes(store, store->roots[0], MIB, 3);
    slh_heap_release(neighbour);
    store_close(store);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(settles_and_stays),
      cmocka_unit_test(room_of_the_dead_is_had_back),
      cmocka_unit_test(the_dead_do_not_raise_the_limit),
      cmocka_unit_test(trailing_dead_leave_at_once),
      cmocka_unit_test(new_ones_leave_nothing),
      cmocka_unit_test(moves_up_if_it_must),
      cmocka_unit_test(young_collections_promote_them),
      cmocka_unit_test(weak_things_of_large_arrays),
      cmocka_unit_test(random_graphs),
      cmocka_unit_test(random_damage),
  };

  return helper_run(tests, NULL, NULL);
}
