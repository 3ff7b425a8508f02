/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* What a guest can write into its own heap, against a collector that has free lists: the
 * neighbour keeps its bytes, and the library its memory. */
#include <string.h>

#include "tests/helper.h"

#define SLOT 65536u

struct fixture {
  slh_runtime *runtime;
  slh_pool *pool;
  slh_heap *heap, *neighbour;
  const slh_type *bytes, *refs, *cell, *pair;
  slh_ref table; /* an old array of references */
  slh_owned owned;
  slh_ref kept; /* in the neighbour */
};

#define TABLE_LENGTH 6000
#define KEPT_BYTES 30000

static void acquire(struct fixture *f, slh_heap **out)
{
  slh_heap_options options = SLH_HEAP_OPTIONS_INIT;

  options.runtime = f->runtime;
  options.fixed = true;
  assert_int_equal(slh_heap_acquire(f->pool, &options, out), SLH_OK);
}

static int set_up(void **state)
{
  static struct fixture fixture;
  struct fixture *f = &fixture;
  slh_runtime_options runtime_options = SLH_RUNTIME_OPTIONS_INIT;
  slh_pool_options pool_options = SLH_POOL_OPTIONS_INIT;
  const slh_field cell[] = {{"a", SLH_I32, 0}, {"b", SLH_I64, 0}};
  const slh_field pair[] = {{"a", SLH_REF, 0}, {"b", SLH_REF, 0}};

  runtime_options.collector = SLH_COLLECTOR_DRC;
  runtime_options.zeal = SLH_ZEAL_NEVER;
  pool_options.kind = SLH_POOL_DENSE;
  pool_options.slot_bytes = SLOT;
  pool_options.max_heap_bytes = SLOT - SLH_DENSE_FIRST;
  pool_options.slots = 4;
  assert_int_equal(slh_runtime_new(&runtime_options, &f->runtime, NULL), SLH_OK);
  assert_int_equal(slh_pool_new(&pool_options, &f->pool, NULL), SLH_OK);
  assert_int_equal(slh_array_type_new(f->runtime, "bytes", SLH_I8, &f->bytes, NULL), SLH_OK);
  assert_int_equal(slh_array_type_new(f->runtime, "refs", SLH_REF, &f->refs, NULL), SLH_OK);
  assert_int_equal(slh_struct_type_new(f->runtime, "cell", NULL, cell, 2, &f->cell, NULL), SLH_OK);
  assert_int_equal(slh_struct_type_new(f->runtime, "pair", NULL, pair, 2, &f->pair, NULL), SLH_OK);
  acquire(f, &f->heap);
  acquire(f, &f->neighbour);
  assert_int_equal(slh_new_array(f->neighbour, f->bytes, KEPT_BYTES, &f->kept), SLH_OK);
  memset(slh_address(f->neighbour, f->kept, SLH_ARRAY_DATA_OFFSET), 'V', KEPT_BYTES);
  assert_int_equal(slh_new_array(f->heap, f->refs, TABLE_LENGTH, &f->table), SLH_OK);
  assert_int_equal(slh_owned_new(f->heap, f->table, &f->owned), SLH_OK);
  *state = f;
  return 0;
}

static int tear_down(void **state)
{
  struct fixture *f = *state;

  slh_heap_release(f->heap);
  slh_heap_release(f->neighbour);
  slh_pool_free(f->pool);
  slh_runtime_free(f->runtime);
  return 0;
}

static void neighbour_is_unharmed(const struct fixture *f)
{
  const char *kept = slh_address(f->neighbour, f->kept, SLH_ARRAY_DATA_OFFSET);
  uint32_t length = 0;

  assert_int_equal(slh_array_len(f->neighbour, f->kept, &length), SLH_OK);
  assert_int_equal(length, KEPT_BYTES);
  for (uint32_t i = 0; i < KEPT_BYTES; i++)
    assert_int_equal(kept[i], 'V');
}

static void put(const struct fixture *f, uint32_t index, slh_ref ref)
{
  assert_int_equal(slh_dense_array_set_ref(f->heap, f->table, index, ref), SLH_OK);
}

static slh_ref new_bytes(const struct fixture *f, uint32_t length)
{
  slh_ref ref = SLH_NULL;

  assert_int_equal(slh_new_array(f->heap, f->bytes, length, &ref), SLH_OK);
  return ref;
}

/* References to the middle of a hole, where its size is kept. */
static void test_references_into_holes_do_not_widen_them(void **state)
{
  struct fixture *f = *state;
  slh_ref forged, made;
  unsigned count = 0;

  forged = new_bytes(f, 2000);
  put(f, 0, forged);
  assert_int_equal(slh_heap_collect(f->heap, NULL), SLH_OK);
  put(f, 0, SLH_NULL); /* a hole */
  forged.bits += 8;
  for (uint32_t i = 0; i < TABLE_LENGTH; i++)
    put(f, i, forged);
  while (slh_alloc_array(f->heap, f->bytes, 600, &made) == SLH_OK) {
    assert_in_range(made.bits, SLH_DENSE_FIRST, SLOT - 608);
    assert_true(++count < SLOT / 608);
  }
  assert_true(count > 30);
  neighbour_is_unharmed(f);
}

/* An object that was forged within another: both die, and so have one place twice. */
static void test_overlapping_objects_in_free_lists(void **state)
{
  struct fixture *f = *state;
  slh_ref outer, inner, made = SLH_NULL;
  uint32_t left;

  outer = new_bytes(f, 100);
  put(f, 0, outer);
  for (uint32_t i = 100; i < 300; i++) {
    assert_int_equal(slh_new_struct(f->heap, f->cell, &made), SLH_OK);
    put(f, i, made);
  }
  left = SLOT - (uint32_t)slh_heap_end(f->heap);
  put(f, TABLE_LENGTH - 1, new_bytes(f, left - SLH_ARRAY_DATA_OFFSET));
  inner.bits = outer.bits + 24;
  memcpy(slh_heap_get_data(f->heap)->base + inner.bits, &f->cell->header, sizeof(uint32_t));
  put(f, 1, inner);
  /* Builds that verify find it out here. */
  if (slh_heap_collect(f->heap, NULL) != SLH_OK) {
    neighbour_is_unharmed(f);
    skip();
  }
  for (uint32_t i = 0; i < 300; i++)
    put(f, i == 0 ? 1 : i == 1 ? 0 : i, SLH_NULL); /* the inner one first */
  for (int round = 0; round < 2; round++) {
    if (slh_alloc_array(f->heap, f->bytes, 16, &made) != SLH_OK ||
        slh_alloc_struct(f->heap, f->cell, &made) != SLH_OK)
      break;
    for (uint32_t i = 400; round == 1 && i < TABLE_LENGTH - 10; i++)
      put(f, i, made);
    if (slh_heap_collect(f->heap, NULL) != SLH_OK)
      break; /* it may be found corrupt */
  }
  for (int i = 0; i < 400 && slh_alloc_struct(f->heap, f->cell, &made) == SLH_OK; i++)
    assert_in_range(made.bits, SLH_DENSE_FIRST, SLOT - 16);
  neighbour_is_unharmed(f);
}

static unsigned drops;

static void drop(void *data)
{
  (void)data;
  drops++;
}

/* What a collection has met ends by its counts; giving it back as if its initialisation had
 * failed does not lose what it refers to. */
static void test_giving_back_what_is_counted(void **state)
{
  struct fixture *f = *state;
  slh_ref pair = SLH_NULL, external = SLH_NULL;

  drops = 0;
  assert_int_equal(slh_new_struct(f->heap, f->pair, &pair), SLH_OK);
  assert_int_equal(slh_new_externref(f->heap, NULL, drop, &external), SLH_OK);
  slh_dense_set_ref(f->heap, pair, 4, external);
  put(f, 0, pair);
  assert_int_equal(slh_heap_collect(f->heap, NULL), SLH_OK);
  assert_int_equal(slh_dealloc(f->heap, pair), SLH_OK);
  assert_int_equal(slh_heap_verify(f->heap, NULL, NULL), SLH_OK);
  put(f, 0, SLH_NULL);
  assert_int_equal(drops, 1);
  assert_int_equal(slh_heap_collect(f->heap, NULL), SLH_OK);
  assert_int_equal(slh_heap_verify(f->heap, NULL, NULL), SLH_OK);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      TEST(test_references_into_holes_do_not_widen_them),
      TEST(test_overlapping_objects_in_free_lists),
      TEST(test_giving_back_what_is_counted),
  };

  return helper_run(tests, NULL, NULL);
}
