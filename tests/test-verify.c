/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* The verifier finds every kind of damage, and says where it is. */
/* [promise dense-prefix] */
#include "tests/store.h"

#include <stdio.h>

/* A heap with one of each, rooted: at the offsets below. */
enum {
  NODE = SLH_WIDE_FIRST,
  ARRAY = NODE + 16,  /* 4 references */
  BYTES = ARRAY + 24, /* 20 */
  WIDE = BYTES + 32,  /* a struct of 101 references */
  WIDE_BYTES = 408,
  BUMP = WIDE + WIDE_BYTES
};

static int setup(void **state)
{
  struct store *store = store_open(NULL);
  slh_field fields[101];
  const slh_type *type = NULL;

  for (size_t i = 0; i < 101; i++)
    fields[i] = (slh_field){NULL, SLH_REF, 0};
  assert_ok(slh_struct_type_new(store->runtime, NULL, NULL, fields, 101, &type, NULL));
  assert_int_equal(type->size, WIDE_BYTES);
  store->roots[0] = store_node(store, SLH_NULL, slh_i31(-1), 77);
  store->roots[1] = store_array(store, store->refs, 4);
  store->roots[2] = store_array(store, store->bytes, 20);
  assert_ok(slh_new_struct(store->heap, type, &store->roots[3]));
  assert_int_equal(slh_heap_end(store->heap), BUMP);
  store_verify(store);
  *state = store;
  return 0;
}

/* Damage is found, and its sentence has `offset` in it as hexadecimal. */
static void expect_found(struct store *store, uint64_t offset, const char *word)
{
  slh_error error = {0};
  char where[32];

  assert_status(slh_heap_verify(store->heap, NULL, NULL), SLH_E_CORRUPT);
  assert_status(slh_heap_verify(store->heap, NULL, &error), SLH_E_CORRUPT);
  assert_int_equal(error.status, SLH_E_CORRUPT);
  snprintf(where, sizeof where, "%#llx", (unsigned long long)offset);
  if (!strstr(error.message, where) || !strstr(error.message, word))
    fail_msg("no %s and %s in: %s", where, word, error.message);
}

/* The word at `at` becomes `bits`, is found, and is put back. */
static void expect_word_found(struct store *store, uint64_t at, uint32_t bits, uint64_t offset,
                              const char *word)
{
  uint32_t before = *store_word(store, at);

  *store_word(store, at) = bits;
  expect_found(store, offset, word);
  *store_word(store, at) = before;
  store_verify(store);
}

static void sound_heap_passes(void **state)
{
  struct store *store = *state;

  store_verify(store);
  assert_ok(slh_heap_verify(store->heap, NULL, NULL));
}

static void headers(void **state)
{
  struct store *store = *state;
  uint32_t header = store->node->header;
  const uint32_t wrong[] = {0,          UINT32_MAX, header | 1,
                            header | 4, header ^ 8, header + (UINT32_C(1) << 20)};

  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    expect_word_found(store, NODE, wrong[i], NODE, "no object");
    expect_word_found(store, BYTES, wrong[i], BYTES, "no object");
  }
}

/* The objects behind are out of step, or the last goes beyond the end. */
static void lengths(void **state)
{
  struct store *store = *state;

  expect_word_found(store, BYTES + 4, UINT32_MAX, BYTES, "no object");
  expect_word_found(store, BYTES + 4, 20 + WIDE_BYTES + 8, BYTES, "no object");
  expect_word_found(store, BYTES + 4, 8, BYTES + 16, "no object");
  expect_word_found(store, ARRAY + 4, 5, BYTES + 8, "no object");
  expect_word_found(store, ARRAY + 4, UINT32_C(1) << 30, ARRAY, "no object");
}

static void fillers(void **state)
{
  struct store *store = *state;

  store->roots[2] = SLH_NULL;
  *store_word(store, BYTES) = SLH_KIND_FILLER << 3;
  *store_word(store, BYTES + 4) = 32;
  assert_ok(slh_heap_verify(store->heap, NULL, NULL));
  expect_word_found(store, BYTES + 4, 0, BYTES, "no object");
  expect_word_found(store, BYTES + 4, 28, BYTES, "no object");
  expect_word_found(store, BYTES + 4, 1 << 20, BYTES, "no object");
  expect_word_found(store, NODE + HELPER_LEFT, BYTES, NODE, "no object starts");
}

static void references(void **state)
{
  struct store *store = *state;
  const uint32_t fields[] = {NODE + 4, NODE + 8,   ARRAY + 8,  ARRAY + 20,
                             WIDE + 4, WIDE + 252, WIDE + 256, WIDE + 404};
  const uint32_t objects[] = {NODE, NODE, ARRAY, ARRAY, WIDE, WIDE, WIDE, WIDE};
  const uint32_t wrong[] = {2,         4,    8,        SLH_WIDE_FIRST - 8,  NODE + 8,
                            BYTES + 8, BUMP, NODE + 2, UINT32_C(0xfffffff8)};

  for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
    for (size_t j = 0; j < sizeof wrong / sizeof *wrong; j++)
      expect_word_found(store, fields[i], wrong[j], objects[i], "reference");
  }
}

/* What is no reference can be anything. */
static void integers_can_be_anything(void **state)
{
  struct store *store = *state;

  *store_word(store, NODE + HELPER_VALUE) = 4;
  memset(store_word(store, BYTES + 8), 0xfc, 20);
  store_verify(store);
}

static void roots(void **state)
{
  struct store *store = *state;
  const uint32_t wrong[] = {2, 8, NODE + 8, BUMP, UINT32_C(0xfffffff8)};
  slh_roots *list = NULL;
  slh_error error = {0};

  assert_ok(slh_roots_new(store->runtime, &list));
  assert_ok(slh_roots_add(list, SLH_ROOT_OTHER, store->roots, 1, NULL));
  assert_ok(slh_roots_add(list, SLH_ROOT_OTHER, store->roots + 1, 8, "globals"));
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    store->roots[5].bits = wrong[i];
    assert_status(slh_heap_verify(store->heap, list, &error), SLH_E_CORRUPT);
    assert_non_null(strstr(error.message, "root 1[4] (globals)"));
    assert_ok(slh_heap_verify(store->heap, NULL, NULL));
    store->roots[5] = slh_i31(3);
    assert_ok(slh_heap_verify(store->heap, list, &error));
  }
  store->roots[0].bits = NODE + 8;
  assert_status(slh_heap_verify(store->heap, list, &error), SLH_E_CORRUPT);
  assert_non_null(strstr(error.message, "root 0[0]"));
  store->roots[0].bits = NODE;
  slh_roots_free(list);
}

static void bytes_beyond_the_dirty_mark(void **state)
{
  struct store *store = *state;
  uint64_t end = SLH_WIDE_FIRST + store_stats(store).accessible;
  const uint64_t at[] = {BUMP, BUMP + 1, BUMP + 4095, end - 1};

  for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
    char *byte = slh_heap_get_data(store->heap)->base + at[i];

    *byte = 1;
    expect_found(store, at[i], "not zero");
    *byte = 0;
    store_verify(store);
  }
}

/* Bytes of dead objects between bump and the dirty mark are no damage. */
static void bytes_below_the_dirty_mark_can_be_anything(void **state)
{
  struct store *store = *state;
  char *base = slh_heap_get_data(store->heap)->base;

  memset(store->roots, 0, sizeof store->roots);
  store_collect(store);
  memset(base + NODE, 0xff, BUMP - NODE);
  store_verify(store);
  base[BUMP] = 1;
  expect_found(store, BUMP, "not zero");
  base[BUMP] = 0;
}

static void random_damage_of_references_is_found(void **state)
{
  struct store *store = *state;
  uint64_t random = helper_seed();

  for (uint64_t i = helper_rounds(20000); i > 0; i--) {
    uint64_t at = WIDE + 4 + 4 * helper_below(&random, 101);
    uint32_t bits = (uint32_t)helper_random(&random);

    if (helper_one_in(&random, 2))
      bits = (uint32_t)(NODE + helper_below(&random, BUMP - NODE + 64));
    *store_word(store, at) = bits;
    if (bits == 0 || (bits & 1) || bits == NODE || bits == ARRAY || bits == BYTES || bits == WIDE)
      store_verify(store);
    else
      assert_status(slh_heap_verify(store->heap, NULL, NULL), SLH_E_CORRUPT);
    *store_word(store, at) = 0;
  }
}

/* ---- the walk ---- */

struct visits {
  uint64_t count;
  uint64_t end_after;
  uint64_t last;
};

static bool visit(void *context, slh_ref object, const slh_type *type, uint64_t size)
{
  struct visits *visits = context;

  assert_non_null(type);
  visits->count++;
  visits->last = object.bits;
  return visits->count != visits->end_after;
}

static void walk_ends_where_it_is_told(void **state)
{
  struct store *store = *state;
  const uint64_t at[] = {NODE, ARRAY, BYTES, WIDE};

  for (uint64_t i = 1; i <= 4; i++) {
    struct visits visits = {0, i, 0};

    assert_ok(slh_heap_walk(store->heap, visit, &visits));
    assert_int_equal(visits.count, i);
    assert_int_equal(visits.last, at[i - 1]);
  }
}

static void walk_stops_at_damage(void **state)
{
  struct store *store = *state;
  struct visits visits = {0, 0, 0};

  *store_word(store, BYTES) = 0;
  assert_status(slh_heap_walk(store->heap, visit, &visits), SLH_E_CORRUPT);
  assert_int_equal(visits.count, 2);
  assert_int_equal(visits.last, ARRAY);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, store_teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(sound_heap_passes),
      TEST(headers),
      TEST(lengths),
      TEST(fillers),
      TEST(references),
      TEST(integers_can_be_anything),
      TEST(roots),
      TEST(bytes_beyond_the_dirty_mark),
      TEST(bytes_below_the_dirty_mark_can_be_anything),
      TEST(random_damage_of_references_is_found),
      TEST(walk_ends_where_it_is_told),
      TEST(walk_stops_at_damage),
  };

  return helper_run(tests, NULL, NULL);
}
