/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Random programs against a model of what their heaps should hold. */
#include "tests/model.h"

#define GIVEN_ROOTS 24
#define RANGES 3

/* ---- collecting with all that is checked around it ---- */

struct program {
  struct store *store;
  struct model *model;
  slh_roots *given;
  slh_ref roots[GIVEN_ROOTS]; /* in ranges, given to each collection */
};

static void open_program(struct program *program, uint64_t seed, uint64_t initial_bytes,
                         size_t given)
{
  struct store_options options = {SLH_COLLECTOR_COPYING, NULL, MODEL_HEAP_BYTES, initial_bytes};

  memset(program, 0, sizeof *program);
  program->store = store_open(&options);
  program->model = model_open(program->store, seed, program->roots, given);
  assert_ok(slh_roots_new(program->store->runtime, &program->given));
}

static void close_program(struct program *program)
{
  slh_roots_free(program->given);
  model_close(program->model);
  store_close(program->store);
}

/* The roots in random ranges, some of them empty. */
static void list_given_roots(struct program *program)
{
  uint32_t at = 0;

  slh_roots_clear(program->given);
  while (at < GIVEN_ROOTS) {
    uint32_t count = (uint32_t)helper_below(&program->model->random, GIVEN_ROOTS / RANGES);

    if (count > GIVEN_ROOTS - at)
      count = GIVEN_ROOTS - at;
    assert_ok(slh_roots_add(program->given, SLH_ROOT_STACK, program->roots + at, count, "given"));
    at += count;
  }
}

static void check_statistics(const struct program *program, const slh_heap_stats *before)
{
  slh_heap_stats after = store_stats(program->store);

  assert_int_equal(after.live, after.used);
  assert_int_equal(after.allocated_total, program->model->allocated);
  assert_int_equal(after.allocated_total, before->allocated_total);
  assert_int_equal(after.reclaimed_total, after.allocated_total - after.used);
  assert_int_equal(after.copied_total, before->copied_total + after.used);
  assert_int_equal(after.collections, before->collections + 1);
  assert_int_equal(after.dirty, before->dirty);
  assert_true(after.dirty >= before->used);
}

static bool yield(void *context)
{
  struct program *program = context;

  return !helper_one_in(&program->model->random, 50);
}

/* In steps as small or large as it comes. */
static slh_status collect_in_steps(struct program *program)
{
  slh_heap *heap = program->store->heap;
  uint64_t *random = &program->model->random;
  bool complete = false;
  slh_status status = slh_collection_begin(heap, program->given);

  slh_roots_clear(program->given);
  while (status == SLH_OK && !complete) {
    uint64_t budget = UINT64_C(1) << helper_below(random, 16);

    assert_true(slh_collection_is_active(heap));
    if (helper_one_in(random, 200))
      return slh_collection_abandon(heap);
    status = slh_collection_step(heap, helper_below(random, budget), &complete);
  }
  return status;
}

static slh_status collect(struct program *program)
{
  uint64_t *random = &program->model->random;

  switch (helper_below(random, 3)) {
  case 0:
    return collect_in_steps(program);
  case 1:
    return slh_heap_collect_async(program->store->heap, program->given, helper_below(random, 10000),
                                  yield, program);
  default:
    return slh_heap_collect(program->store->heap, program->given);
  }
}

static void collect_and_compare(struct program *program)
{
  slh_heap *heap = program->store->heap;
  const char *base = slh_heap_get_data(heap)->base;
  slh_heap_stats before = store_stats(program->store);
  slh_error error = {0};

  list_given_roots(program);
  assert_ok(collect(program));
  assert_false(slh_collection_is_active(heap));
  assert_ptr_equal(slh_heap_get_data(heap)->base, base);
  check_statistics(program, &before);
  model_compare(program->model);
  list_given_roots(program);
  if (slh_heap_verify(heap, program->given, &error) != SLH_OK)
    fail_msg("%s", error.message);
  store_verify(program->store);
}

/* Collects, and lets a random amount be allocated before the next time. */
static void make_room(struct program *program)
{
  slh_status status;

  collect_and_compare(program);
  status = slh_heap_grow(program->store->heap, helper_below(&program->model->random, 1 << 15));

  assert_true(status == SLH_OK || status == SLH_E_LIMIT);
}

static void change(struct program *program)
{
  struct model *model = program->model;

  switch (helper_below(&model->random, 4)) {
  case 0:
    model_write(model);
    break;
  case 1:
    model_link(model);
    break;
  default:
    model_set_root(model);
  }
}

static void step(struct program *program)
{
  if (helper_below(&program->model->random, 8) < 4)
    change(program);
  else if (!model_allocate(program->model))
    make_room(program);
}

/* ---- programs ---- */

static void random_programs_keep_their_graphs(void **state)
{
  uint64_t random = helper_seed();

  for (uint64_t i = helper_rounds(100); i > 0; i--) {
    uint64_t initial = 1024 + helper_below(&random, MODEL_HEAP_BYTES / 8);
    uint64_t often = 50 + helper_below(&random, 2000);
    struct program program;

    open_program(&program, helper_random(&random), initial, GIVEN_ROOTS);
    for (int steps = 0; steps < 4000; steps++) {
      step(&program);
      if (helper_one_in(&program.model->random, often))
        collect_and_compare(&program);
    }
    collect_and_compare(&program);
    close_program(&program);
  }
}

/* As above, but the heap decides when it collects and grows. */
static void heaps_that_collect_by_themselves_keep_their_graphs(void **state)
{
  uint64_t random = helper_seed();

  for (uint64_t i = helper_rounds(60); i > 0; i--) {
    struct program program;

    open_program(&program, helper_random(&random), 512 + helper_below(&random, 8192), 0);
    for (int steps = 0; steps < 4000; steps++) {
      if (helper_below(&program.model->random, 8) < 3)
        change(&program);
      else
        model_allocate_new(program.model);
    }
    assert_true(store_stats(program.store).collections > 0);
    collect_and_compare(&program);
    close_program(&program);
  }
}

/* ---- what a collection does to the heap around the objects ---- */

static void collecting_twice_changes_nothing_more(void **state)
{
  uint64_t random = helper_seed();
  struct program program;
  static char once[MODEL_HEAP_BYTES];
  uint64_t used;

  open_program(&program, helper_random(&random), MODEL_HEAP_BYTES, GIVEN_ROOTS);
  for (int i = 0; i < 2000; i++)
    step(&program);
  collect_and_compare(&program);
  used = store_stats(program.store).used;
  collect_and_compare(&program);
  /* The order of the first is that of the second: by root, breadth first. */
  memcpy(once, store_word(program.store, SLH_WIDE_FIRST), used);
  collect_and_compare(&program);
  assert_int_equal(store_stats(program.store).used, used);
  assert_memory_equal(once, store_word(program.store, SLH_WIDE_FIRST), used);
  close_program(&program);
}

static void neighbours_do_not_notice(void **state)
{
  struct store *store = *state;
  slh_heap *other = helper_acquire(store->pool, store->runtime);
  slh_ref array = SLH_NULL;
  char expected[1000];

  memset(expected, 0x5a, sizeof expected);
  assert_ok(slh_new_array(other, store->bytes, sizeof expected, &array));
  memset(slh_address(other, array, SLH_ARRAY_DATA_OFFSET), 0x5a, sizeof expected);
  store->roots[0] = store_array(store, store->bytes, 100000);
  for (int i = 0; i < 10; i++) {
    store_array(store, store->bytes, 100000);
    store_collect(store);
  }
  assert_int_equal(slh_heap_end(other), SLH_WIDE_FIRST + 1008);
  assert_memory_equal(slh_address(other, array, SLH_ARRAY_DATA_OFFSET), expected, 1000);
  slh_heap_release(other);
}

/* The evacuation space is lent to one store after the other. */
static void no_byte_of_another_store_comes_back(void **state)
{
  struct store *store = *state;
  slh_heap *other = helper_acquire(store->pool, store->runtime);
  slh_roots *roots = NULL;
  slh_ref secret = SLH_NULL;
  slh_heap_stats stats;

  assert_ok(slh_roots_new(store->runtime, &roots));
  assert_ok(slh_roots_add(roots, SLH_ROOT_OTHER, &secret, 1, NULL));
  assert_ok(slh_new_array(other, store->bytes, 900000, &secret));
  memset(slh_address(other, secret, SLH_ARRAY_DATA_OFFSET), 0x5a, 900000);
  store->roots[0] = store_array(store, store->refs, 100);
  for (uint32_t i = 0; i < 100; i++)
    assert_ok(slh_array_set_ref(
        store->heap, store->roots[0], i,
        store_array(store, i % 2 ? store->bytes : store->refs, (i % 4 < 2 ? 4040 : 1000) + i)));
  assert_ok(slh_heap_collect(other, roots));
  store_collect(store);
  stats = store_stats(store);
  assert_null(memchr(store_word(store, SLH_WIDE_FIRST), 0x5a, stats.used));
  slh_roots_free(roots);
  slh_heap_release(other);
}

/* Each byte that lives is not copied again for every few that are allocated. */
static void collections_are_rare_while_much_lives(void **state)
{
  struct store_options options = {SLH_COLLECTOR_COPYING, NULL, 0, 4096};
  struct store *store = store_open(&options);
  slh_heap_stats stats;
  slh_ref ref = SLH_NULL;

  store->roots[0] = store_array(store, store->bytes, 1000000);
  for (int i = 0; i < 500000; i++)
    assert_ok(slh_new_struct(store->heap, store->node, &ref));
  stats = store_stats(store);
  assert_true(stats.collections > 0);
  assert_true(stats.copied_total <= 2 * stats.allocated_total);
  assert_true(stats.soft_limit <= 4000000);
  store_close(store);
}

/* Dead fillers between objects are stepped over, and go. */
static void fillers_are_dropped(void **state)
{
  struct store *store = *state;
  slh_ref filler = store_array(store, store->bytes, 40);
  slh_ref right = store_node(store, SLH_NULL, SLH_NULL, 2);

  store->roots[0] = store_node(store, SLH_NULL, right, 1);
  *store_word(store, filler.bits) = SLH_KIND_FILLER << 3;
  *store_word(store, filler.bits + 4) = 48;
  store_verify(store);
  assert_int_equal(store_count(store), 2);
  store_collect(store);
  assert_int_equal(store_stats(store).used, 32);
  assert_int_equal(store_count(store), 2);
}

static void heap_with_nothing_in_it_collects(void **state)
{
  struct store *store = *state;

  store_collect(store);
  store_collect(store);
  assert_int_equal(store_stats(store).used, 0);
  assert_int_equal(store_stats(store).collections, 2);
  assert_int_equal(store_stats(store).reclaimed_total, 0);
}

static void reset_forgets_the_figures(void **state)
{
  struct store *store = *state;
  slh_heap_stats stats;

  store->roots[0] = store_node(store, SLH_NULL, SLH_NULL, 1);
  store_node(store, SLH_NULL, SLH_NULL, 2);
  store_collect(store);
  store->roots[0] = SLH_NULL;
  slh_heap_reset(store->heap);
  stats = store_stats(store);
  assert_int_equal(stats.used, 0);
  assert_int_equal(stats.dirty, 0);
  assert_int_equal(stats.allocated_total, 0);
  assert_int_equal(stats.copied_total, 0);
  assert_int_equal(stats.live, 0);
  assert_int_equal(stats.collections, 0);
  store_verify(store);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, store_setup, store_teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(random_programs_keep_their_graphs),
      cmocka_unit_test(heaps_that_collect_by_themselves_keep_their_graphs),
      cmocka_unit_test(collecting_twice_changes_nothing_more),
      TEST(neighbours_do_not_notice),
      TEST(no_byte_of_another_store_comes_back),
      cmocka_unit_test(collections_are_rare_while_much_lives),
      TEST(fillers_are_dropped),
      TEST(heap_with_nothing_in_it_collects),
      TEST(reset_forgets_the_figures),
  };

  helper_zeal = SLH_ZEAL_NEVER;
  return helper_run(tests, NULL, NULL);
}
