/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * drc's free room among the objects, against a list of what lives: random sizes are
 * allocated in every way and dropped. No two objects overlap, what they hold stays, the heap
 * can be walked and verified at any time, and the figures add up. Also linked for dense pools,
 * whose heaps move to grow.
 */
#include <stdlib.h>

#include "lib/counts.h"
#include "tests/counted.h"

#define MOST 400
#define KIB UINT64_C(1024)

/* What lives: each is counted by its place in `at`. */
struct room {
  struct store *store;
  slh_heap *heap;
  const slh_type *structs[4];
  uint64_t random;
  slh_ref at[MOST];
  uint32_t bytes[MOST];
  uint64_t allocated; /* since the store began */
  uint64_t wanted;    /* by the allocation under way */
};

static uint64_t below(struct room *room, uint64_t bound)
{
  return helper_below(&room->random, bound);
}

static void open_room(struct room *room, const struct store_options *options, uint32_t zeal,
                      uint64_t seed)
{
  uint32_t configured = helper_zeal;
  static const uint32_t fields[] = {0, 5, 60, 600};

  memset(room, 0, sizeof *room);
  helper_zeal = zeal;
  room->store = store_open(options);
  helper_zeal = configured;
  room->heap = room->store->heap;
  room->random = seed;
  for (int i = 0; i < 4; i++) {
    slh_field all[600];

    for (uint32_t j = 0; j < fields[i]; j++)
      all[j] = (slh_field){NULL, SLH_I32, 0};
    assert_ok(slh_struct_type_new(room->store->runtime, NULL, NULL, all, fields[i],
                                  &room->structs[i], NULL));
  }
}

/* ---- objects ---- */

/* What an object is filled with, but for header and length. */
static unsigned char filling(const struct room *room, uint32_t i)
{
  return (unsigned char)(room->at[i].bits / 8 * 37 + i);
}

static char *contents(const struct room *room, uint32_t i)
{
  return slh_address(room->heap, room->at[i], 8);
}

static void check_contents(const struct room *room, uint32_t i)
{
  const char *at = contents(room, i);

  for (uint32_t j = 8; j < room->bytes[i]; j++)
    assert_int_equal((unsigned char)at[j - 8], filling(room, i));
}

static uint32_t random_length(struct room *room)
{
  static const uint32_t most[] = {8, 60, 300, 600, 5000, 70000};

  return (uint32_t)below(room, most[below(room, below(room, 8) ? 4 : 6)]);
}

static slh_status allocate_array(struct room *room, slh_ref *out)
{
  uint32_t length = random_length(room);
  const slh_type *bytes = room->store->bytes;
  slh_status status;

  room->wanted = slh_array_size(bytes, length);
  switch (below(room, 4)) {
  case 0:
    status = slh_new_array_uninit(room->heap, bytes, length, out);
    break;
  case 1:
    status =
        slh_alloc_raw(room->heap, bytes->header, slh_array_size(bytes, length), 8, length, out);
    break;
  default:
    status = slh_new_array(room->heap, bytes, length, out);
    for (uint32_t i = 0; status == SLH_OK && i < length; i++)
      assert_int_equal(*(char *)slh_address(room->heap, *out, 8 + i), 0);
  }
  return status;
}

static slh_status allocate_struct(struct room *room, slh_ref *out)
{
  const slh_type *type = room->structs[below(room, 4)];
  slh_status status;

  room->wanted = type->size;
  switch (below(room, 3)) {
  case 0:
    return slh_new_struct_uninit(room->heap, type, out);
  case 1:
    return slh_alloc_struct_uninit(room->heap, type, out);
  default:
    status = slh_new_struct(room->heap, type, out);
    for (uint32_t i = 4; status == SLH_OK && i < type->size; i++)
      assert_int_equal(*(char *)slh_address(room->heap, *out, i), 0);
    return status;
  }
}

static int by_place(const void *a, const void *b)
{
  uint32_t x = ((const slh_ref *)a)->bits, y = ((const slh_ref *)b)->bits;

  return x < y ? -1 : x > y;
}

/* What lives, in the order in which it lies. Returns how many. */
static uint32_t sort(const struct room *room, slh_ref *living)
{
  uint32_t count = 0;

  for (uint32_t i = 0; i < MOST; i++) {
    if (!slh_is_null(room->at[i]))
      living[count++] = room->at[i];
  }
  qsort(living, count, sizeof *living, by_place);
  return count;
}

/* The most that has room between two objects, or behind the last. */
static uint64_t largest_gap(const struct room *room)
{
  slh_ref living[MOST];
  uint32_t count = sort(room, living);
  uint64_t end = slh_heap_first(room->heap), largest;

  largest = end + store_stats(room->store).max;
  if (count != 0) {
    slh_object_view last;

    assert_ok(slh_object_data(room->heap, living[count - 1], &last));
    largest -= living[count - 1].bits + last.length;
  } else {
    largest -= end;
  }
  for (uint32_t i = 0; i < count; i++) {
    slh_object_view view;

    largest = living[i].bits - end > largest ? living[i].bits - end : largest;
    assert_ok(slh_object_data(room->heap, living[i], &view));
    end = living[i].bits + view.length;
  }
  return largest;
}

/* Fails only where nothing has room for it. */
static void allocate(struct room *room, uint32_t i)
{
  slh_object_view view;
  slh_ref ref = SLH_NULL;
  slh_status status = below(room, 2) ? allocate_array(room, &ref) : allocate_struct(room, &ref);

  if (status == SLH_E_COLLECT)
    return;
  if (status == SLH_E_TOO_LARGE) {
    assert_true(room->wanted > store_stats(room->store).max);
    return;
  }
  if (status == SLH_E_LIMIT) {
    assert_true(room->wanted > largest_gap(room));
    return;
  }
  assert_ok(status);
  assert_true(slh_is_null(room->at[i]));
  slh_write_ref(room->heap, &room->at[i], ref);
  assert_ok(slh_object_data(room->heap, ref, &view));
  room->bytes[i] = (uint32_t)view.length;
  room->allocated += view.length;
  memset(contents(room, i), filling(room, i), room->bytes[i] - 8);
}

static void drop(struct room *room, uint32_t i)
{
  check_contents(room, i);
  slh_write_ref(room->heap, &room->at[i], SLH_NULL);
  room->bytes[i] = 0;
}

/* ---- the heap against what lives ---- */

struct walk {
  slh_ref *living;
  uint32_t count, next;
  uint64_t end, bytes;
};

static bool visit(void *context, slh_ref object, const slh_type *type, uint64_t size)
{
  struct walk *walk = context;

  (void)type;
  assert_true(object.bits >= walk->end);
  walk->end = object.bits + size;
  walk->bytes += size;
  if (walk->next < walk->count && walk->living[walk->next].bits == object.bits)
    walk->next++;
  return true;
}

/* `exact`: a collection was just completed, so that nothing else is there. */
static void check(struct room *room, bool exact)
{
  slh_heap_stats stats = store_stats(room->store);
  slh_ref living[MOST];
  struct walk walk = {living, sort(room, living), 0, 0, 0};
  uint64_t bytes = 0;

  for (uint32_t i = 0; i < MOST; i++) {
    if (slh_is_null(room->at[i]))
      continue;
    check_contents(room, i);
    bytes += room->bytes[i];
  }
  assert_ok(slh_heap_walk(room->heap, visit, &walk));
  assert_int_equal(walk.next, walk.count);
  assert_true(walk.end <= slh_heap_first(room->heap) + stats.used);
  assert_in_range(bytes + stats.holes, bytes, stats.used);
  assert_true(walk.bytes + stats.holes <= stats.used);
  assert_int_equal(stats.allocated_total, room->allocated);
  assert_int_equal(stats.allocated_total, stats.used - stats.holes + stats.reclaimed_total);
  store_verify(room->store);
  if (!exact)
    return;
  assert_int_equal(walk.bytes, bytes);
  assert_int_equal(stats.used, bytes + stats.holes);
  assert_int_equal(stats.live, bytes);
}

static void collect(struct room *room)
{
  if (below(room, 2))
    store_collect(room->store);
  else
    (void)store_collect_in_steps(room->store, 1 + below(room, 300));
  check(room, true);
}

/* ---- random programs ---- */

static void run(const struct store_options *options, uint64_t seed, uint64_t steps)
{
  static const uint32_t zeals[] = {SLH_ZEAL_NEVER, SLH_ZEAL_NEVER, 1, 10};
  struct room room;
  uint64_t aim = 0;

  open_room(&room, options, zeals[seed % 8 / 2], seed);
  while (steps-- > 0) {
    uint32_t i = (uint32_t)below(&room, MOST);

    if (steps % 500 == 0)
      aim = below(&room, MOST);
    if (!slh_is_null(room.at[i]) && i > aim)
      drop(&room, i);
    else if (slh_is_null(room.at[i]))
      allocate(&room, i);
    if (helper_one_in(&room.random, 40))
      check(&room, false);
    if (helper_one_in(&room.random, 150))
      collect(&room);
  }
  for (uint32_t i = 0; i < MOST; i++) {
    if (!slh_is_null(room.at[i]))
      drop(&room, i);
  }
  collect(&room);
  /* Holes that lie side by side are one, and what is at the end is no hole. */
  assert_int_equal(store_stats(room.store).used, 0);
  assert_int_equal(store_stats(room.store).holes, 0);
  store_close(room.store);
}

static void random_programs(void **state)
{
  uint64_t seed = helper_seed();

  (void)state;
  for (uint64_t round = helper_rounds(40); round > 0; round--, seed++) {
    struct store_options options = {SLH_COLLECTOR_DRC, NULL, 0, 4 * KIB << seed % 7};

    if (seed % 3 == 0)
      options.max_bytes = 64 * KIB << seed % 5;
    run(&options, seed, 2500);
  }
}

/* ---- holes are used ---- */

static slh_ref new_bytes(struct store *store, uint32_t bytes)
{
  return store_array(store, store->bytes, bytes - 8);
}

/* Objects of `each` bytes, in an array that counts them. */
static slh_ref fill(struct store *store, uint32_t count, uint32_t each)
{
  slh_ref array = store_array(store, store->refs, count);

  counted_write(store, 0, array);
  for (uint32_t i = 0; i < count; i++)
    assert_ok(slh_array_set_ref(store->heap, array, i, new_bytes(store, each)));
  store_collect(store);
  return array;
}

static void what_was_dropped_is_used_again(void **state)
{
  struct store *store = counted_store(NULL);
  slh_ref array = fill(store, 100, 1024);
  uint64_t used = store_stats(store).used;

  for (uint32_t i = 0; i < 100; i += 2)
    assert_ok(slh_array_set_ref(store->heap, array, i, SLH_NULL));
  assert_int_equal(store_stats(store).holes, 50 * 1024);
  /* Without a collection, as soon as the room at the end is not enough. */
  assert_ok(slh_heap_make_room(store->heap, 16));
  for (int i = 0; i < 50 * 64; i++)
    (void)store_node(store, SLH_NULL, SLH_NULL, i);
  assert_int_equal(store_stats(store).holes, 0);
  assert_int_equal(store_stats(store).used, used);
  assert_int_equal(store_stats(store).collections, 1);
  store_verify(store);
  store_close(store);
}

/* Sizes that no object has are rounded up, and the largest have no room. */
static void room_of_any_size(void **state)
{
  struct store_options options = {SLH_COLLECTOR_DRC, NULL, 808 + 200 * 16, 0};
  struct store *store = counted_store(&options);
  const slh_heap_data *data = slh_heap_get_data(store->heap);
  slh_ref array = fill(store, 200, 16);

  for (uint32_t i = 0; i < 200; i += 2)
    assert_ok(slh_array_set_ref(store->heap, array, i, SLH_NULL));
  for (uint64_t bytes = 1; bytes < 40; bytes++) {
    assert_status(slh_heap_make_room(store->heap, bytes), bytes > 16 ? SLH_E_LIMIT : SLH_OK);
    assert_true(bytes > 16 || data->limit - data->bump >= bytes);
    store_verify(store);
  }
  for (uint64_t bytes = 0; bytes < 10; bytes++)
    assert_status(slh_heap_grow(store->heap, UINT64_MAX - bytes), SLH_E_LIMIT);
  store_verify(store);
  store_close(store);
}

/* Neighbours become one, which has room for what fits into none of them. */
static void holes_coalesce(void **state)
{
  struct store *store = counted_store(NULL);
  slh_ref array = fill(store, 64, 1024), large;
  uint64_t used = store_stats(store).used;

  counted_write(store, 1, new_bytes(store, 64));
  for (uint32_t i = 0; i < 64; i++)
    assert_ok(slh_array_set_ref(store->heap, array, 63 - (i * 37) % 64, SLH_NULL));
  store_collect(store);
  assert_int_equal(store_stats(store).holes, 64 * 1024);
  assert_ok(slh_heap_make_room(store->heap, 64 * 1024));
  large = new_bytes(store, 64 * 1024);
  assert_true(large.bits < store->roots[1].bits);
  assert_int_equal(store_stats(store).holes, 0);
  assert_int_equal(store_stats(store).used, used + 64);
  store_verify(store);
  store_close(store);
}

/* The last that live go, and are few by what the heap takes: still it is empty then. */
static void the_rest_is_trimmed(void **state)
{
  struct store *store = counted_store(NULL);
  slh_ref array = fill(store, 100, 1024);

  for (uint32_t i = 0; i < 95; i++)
    assert_ok(slh_array_set_ref(store->heap, array, i, SLH_NULL));
  store_collect(store);
  assert_int_equal(store_stats(store).holes, 95 * 1024);
  counted_write(store, 0, SLH_NULL);
  assert_int_equal(store_stats(store).holes, store_stats(store).used);
  store_collect(store);
  assert_int_equal(store_stats(store).used, 0);
  store_close(store);
}

/* An old object that dies in a collection takes a new one along, which others lie beside
 * that die in the same: each byte is free once. */
static void what_dies_with_an_old_one_is_free_once(void **state)
{
  struct store_options options = {SLH_COLLECTOR_DRC, NULL, 8 * KIB, 0};
  struct store *store = counted_store(&options);
  slh_ref old, young, taken[MOST];
  uint32_t count = 0;

  (void)fill(store, 4, 1024); /* so much that not all is swept */
  old = store_node(store, SLH_NULL, SLH_NULL, 0);
  counted_write(store, 1, old);
  store_collect(store);
  (void)slh_expose_ref(store->heap, old);
  young = store_node(store, SLH_NULL, SLH_NULL, 1);
  slh_set_ref(store->heap, old, HELPER_LEFT, young);
  (void)store_node(store, SLH_NULL, SLH_NULL, 2);
  counted_write(store, 2, store_node(store, SLH_NULL, SLH_NULL, 3));
  counted_write(store, 1, SLH_NULL);
  store_collect(store);
  assert_int_equal(store_stats(store).holes, 3 * 16);
  /* Holes so small are used at last. */
  while (slh_alloc_struct_uninit(store->heap, store->node, &taken[count]) == SLH_OK) {
    slh_set_i32(store->heap, taken[count], HELPER_VALUE, (int32_t)count);
    count++;
    assert_true(count < MOST);
  }
  assert_true(count >= 3);
  for (uint32_t k = 0; k < count; k++)
    assert_int_equal(slh_get_i32(store->heap, taken[k], HELPER_VALUE), k);
  assert_int_equal(store_stats(store).holes, 0);
  store_close(store);
}

/* ---- limits ---- */

/* A heap can be filled to its last byte, emptied, and filled again, at the end and in
 * holes; nothing fails for want of room that is there. */
static void filled_to_the_last_byte(void **state)
{
  struct store_options options = {SLH_COLLECTOR_DRC, NULL, 16 * KIB, 0};
  struct store *store = counted_store(&options);
  slh_ref array = store_array(store, store->refs, 14), ref = SLH_NULL; /* 64 bytes */

  counted_write(store, 0, array);
  for (int round = 0; round < 5; round++) {
    uint32_t first = round % 2 ? 1 : 0;

    for (uint32_t i = first; i < 14; i++) {
      assert_ok(slh_new_array(store->heap, store->bytes, (i == 13 ? 3008 : 1024) - 8, &ref));
      assert_ok(slh_array_set_ref(store->heap, array, i, ref));
    }
    assert_int_equal(store_stats(store).used - store_stats(store).holes, 16 * KIB);
    assert_status(slh_new_array(store->heap, store->bytes, 0, &ref), SLH_E_LIMIT);
    assert_status(slh_new_struct(store->heap, store->node, &ref), SLH_E_LIMIT);
    assert_status(slh_new_array(store->heap, store->bytes, 20 * KIB, &ref), SLH_E_TOO_LARGE);
    store_verify(store);
    first = round % 2 ? 0 : 1;
    for (uint32_t i = first; i < 14; i++)
      assert_ok(slh_array_set_ref(store->heap, array, i, SLH_NULL));
    assert_int_equal(store_stats(store).used - store_stats(store).holes,
                     round % 2 ? 64 : 64 + 1024);
    if (first == 0)
      store_collect(store);
  }
  store_close(store);
}

/* ---- the next store ---- */

static void the_next_store_sees_zeros(void **state)
{
  const struct store_options options = {SLH_COLLECTOR_DRC, NULL, 0, 0};
  uint64_t seed = helper_seed();

  for (uint64_t round = helper_rounds(20); round > 0; round--, seed++) {
    struct room room;
    const char *first;
    uint64_t bytes;

    open_room(&room, &options, SLH_ZEAL_NEVER, seed);
    for (uint32_t i = 0; i < 200; i++) {
      uint32_t at = (uint32_t)below(&room, MOST);

      if (slh_is_null(room.at[at]))
        allocate(&room, at);
      else
        drop(&room, at);
      if (i % 50 == 20)
        collect(&room);
    }
    slh_heap_reset(room.heap);
    memset(room.store->roots, 0, sizeof room.store->roots);
    bytes = store_stats(room.store).accessible;
    first = slh_heap_get_data(room.heap)->base + slh_heap_first(room.heap);
    for (uint64_t i = 0; i < bytes - 8; i++)
      assert_int_equal(first[i], 0);
    memset(room.at, 0, sizeof room.at);
    room.allocated = 0;
    allocate(&room, 0);
    check(&room, false);
    store_close(room.store);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(random_programs),
      cmocka_unit_test(what_was_dropped_is_used_again),
      cmocka_unit_test(room_of_any_size),
      cmocka_unit_test(holes_coalesce),
      cmocka_unit_test(the_rest_is_trimmed),
      cmocka_unit_test(filled_to_the_last_byte),
      cmocka_unit_test(the_next_store_sees_zeros),
      cmocka_unit_test(what_dies_with_an_old_one_is_free_once),
  };

  return helper_run(tests, NULL, NULL);
}
