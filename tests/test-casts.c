/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Casts by the supertype display, and types that are unregistered. */
#include "tests/meter.h"
#include "tests/store.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#define MANY 400

static const slh_type *subtype(slh_runtime *runtime, const slh_type *supertype)
{
  static const slh_field fields[] = {{"x", SLH_REF, 0}};
  const slh_type *type = NULL;
  char name[32];

  snprintf(name, sizeof name, "depth %u", supertype ? (unsigned)supertype->depth + 1 : 0);
  assert_ok(slh_struct_type_new(runtime, name, supertype, fields, 1, &type, NULL));
  return type;
}

/* What the display is a shortcut of. */
static bool is_below(const slh_type *type, const slh_type *of)
{
  while (type && type != of)
    type = type->supertype;
  return type != NULL;
}

static void check_display(const slh_type *type)
{
  const slh_type *at = type;

  for (uint32_t i = type->depth + 1; i-- > 0; at = at->supertype) {
    assert_ptr_equal(type->display[i], at);
    assert_int_equal(at->depth, i);
  }
  assert_null(at);
}

/* ---- slh_type_is ---- */

static void deep_hierarchy(void **state)
{
  struct store *store = *state;
  const slh_type *types[100];

  for (int i = 0; i < 100; i++) {
    types[i] = subtype(store->runtime, i > 0 ? types[i - 1] : NULL);
    assert_int_equal(types[i]->depth, i);
    check_display(types[i]);
  }
  for (int i = 0; i < 100; i++) {
    for (int j = 0; j < 100; j++)
      assert_true(slh_type_is(types[i], types[j]) == (i >= j));
  }
}

static void random_hierarchies_agree_with_a_walk(void **state)
{
  struct store *store = *state;
  uint64_t random = helper_seed();
  const slh_type *types[MANY];

  for (uint64_t i = 0; i < MANY; i++) {
    bool is_root = i == 0 || helper_one_in(&random, 20);
    /* Recent ones more often: deep, and wide. */
    uint64_t back = i == 0 ? 0 : 1 + helper_below(&random, helper_one_in(&random, 2) ? i : 1);

    types[i] = subtype(store->runtime, is_root ? NULL : types[i - back]);
  }
  for (uint64_t i = 0; i < MANY; i++) {
    check_display(types[i]);
    for (uint64_t j = 0; j < MANY; j++)
      assert_true(slh_type_is(types[i], types[j]) == is_below(types[i], types[j]));
  }
}

static void other_kinds_are_only_themselves(void **state)
{
  struct store *store = *state;
  const slh_type *types[] = {store->refs, store->bytes, store->node,
                             slh_externref_type(store->runtime)};

  for (int i = 0; i < 4; i++) {
    check_display(types[i]);
    assert_int_equal(types[i]->depth, 0);
    for (int j = 0; j < 4; j++)
      assert_true(slh_type_is(types[i], types[j]) == (i == j));
  }
}

/* ---- slh_object_is ---- */

static void objects_are_cast_by_their_type(void **state)
{
  struct store *store = *state;
  const slh_type *types[20];
  slh_ref objects[20], ref;

  for (int i = 0; i < 20; i++) {
    types[i] = subtype(store->runtime, i == 0 || i == 10 ? NULL : types[i - 1]);
    assert_ok(slh_alloc_struct(store->heap, types[i], &objects[i]));
  }
  for (int i = 0; i < 20; i++) {
    for (int j = 0; j < 20; j++)
      assert_true(slh_object_is(store->heap, objects[i], types[j]) ==
                  (i >= j && (i < 10) == (j < 10)));
  }
  assert_ok(slh_alloc_externref(store->heap, NULL, NULL, &ref));
  assert_true(slh_object_is(store->heap, ref, slh_externref_type(store->runtime)));
  assert_false(slh_object_is(store->heap, ref, types[0]));
  ref = store_array(store, store->refs, 3);
  assert_true(slh_object_is(store->heap, ref, store->refs));
  assert_false(slh_object_is(store->heap, ref, store->bytes));
  assert_false(slh_object_is(store->heap, SLH_NULL, types[0]));
  assert_false(slh_object_is(store->heap, slh_i31(3), types[0]));
  assert_false(slh_object_is(store->heap, (slh_ref){objects[0].bits + 4}, types[0]));
  assert_false(slh_object_is(store->heap, (slh_ref){0xfffffff8}, types[0]));
}

/* ---- unregistering ---- */

struct world {
  struct meter meter;
  slh_allocator allocator;
  slh_runtime *runtime;
  slh_pool *pool;
};

static int setup(void **state)
{
  static struct world world;
  slh_runtime_options runtime = SLH_RUNTIME_OPTIONS_INIT;
  slh_pool_options pool = helper_pool_options(2);

  world.allocator = meter_allocator(&world.meter);
  runtime.allocator = &world.allocator;
  world.runtime = helper_runtime(&runtime);
  world.pool = helper_pool(&pool);
  *state = &world;
  return 0;
}

static int teardown(void **state)
{
  struct world *world = *state;

  slh_pool_free(world->pool);
  slh_runtime_free(world->runtime);
  return world->meter.blocks == 0 && world->meter.bytes == 0 ? 0 : -1;
}

static void index_is_used_again(void **state)
{
  struct world *world = *state;
  const slh_type *types[50], *last;
  uint32_t indices[50];

  for (int i = 0; i < 50; i++) {
    types[i] = subtype(world->runtime, NULL);
    indices[i] = types[i]->index;
  }
  last = subtype(world->runtime, NULL);
  for (int i = 1; i < 50; i += 7) {
    assert_ok(slh_type_unregister(world->runtime, types[i], NULL));
    assert_null(slh_runtime_type(world->runtime, indices[i]));
  }
  for (int i = 1; i < 50; i += 7)
    types[i] = subtype(world->runtime, NULL);
  for (int i = 0; i < 50; i++) {
    assert_ptr_equal(slh_runtime_type(world->runtime, types[i]->index), types[i]);
    assert_true(types[i]->index < last->index);
    for (int j = 0; j < i; j++)
      assert_true(types[i]->index != types[j]->index);
  }
  assert_int_equal(subtype(world->runtime, NULL)->index, last->index + 1);
}

static void heap_with_types_of_used_indices(void **state)
{
  struct world *world = *state;
  const slh_type *small = helper_node_type(world->runtime), *large;
  uint32_t index = small->index;
  slh_field fields[100];
  slh_heap *heap;
  slh_ref ref;
  uint64_t size;

  for (int i = 0; i < 100; i++)
    fields[i] = (slh_field){NULL, i % 2 ? SLH_REF : SLH_I64, 0};
  assert_ok(slh_type_unregister(world->runtime, small, NULL));
  assert_ok(slh_struct_type_new(world->runtime, NULL, NULL, fields, 100, &large, NULL));
  assert_int_equal(large->index, index);
  heap = helper_acquire(world->pool, world->runtime);
  assert_ok(slh_alloc_struct(heap, large, &ref));
  assert_ok(slh_object_size(heap, ref, &size));
  assert_int_equal(size, large->size);
  assert_ok(slh_heap_collect(heap, NULL));
  slh_heap_release(heap);
}

static void refused_while_a_heap_lives(void **state)
{
  struct world *world = *state;
  const slh_type *type = subtype(world->runtime, NULL);
  slh_runtime *other = helper_runtime(NULL);
  slh_heap *heap = helper_acquire(world->pool, other);
  slh_error error = {0};

  assert_ok(slh_type_unregister(world->runtime, type, NULL)); /* a heap of another */
  slh_heap_release(heap);
  type = subtype(world->runtime, NULL);
  heap = helper_acquire(world->pool, world->runtime);
  assert_status(slh_type_unregister(world->runtime, type, &error), SLH_E_BUSY);
  assert_non_null(strstr(error.message, "depth 0"));
  assert_ptr_equal(slh_runtime_type(world->runtime, type->index), type);
  slh_heap_reset(heap);
  assert_status(slh_type_unregister(world->runtime, type, NULL), SLH_E_BUSY);
  slh_heap_release(heap);
  assert_ok(slh_type_unregister(world->runtime, type, NULL));
  slh_runtime_free(other);
}

static void refused_for_types_in_use_or_unknown(void **state)
{
  struct world *world = *state;
  slh_runtime *other = helper_runtime(NULL);
  const slh_type *top = subtype(world->runtime, NULL);
  const slh_type *middle = subtype(world->runtime, top);
  const slh_type *bottom = subtype(world->runtime, middle);
  const slh_type *foreign = subtype(other, NULL);
  slh_error error = {0};

  assert_status(slh_type_unregister(world->runtime, top, &error), SLH_E_INVALID);
  assert_non_null(strstr(error.message, "depth 1"));
  assert_status(slh_type_unregister(world->runtime, middle, NULL), SLH_E_INVALID);
  assert_status(slh_type_unregister(world->runtime, foreign, NULL), SLH_E_INVALID);
  assert_status(slh_type_unregister(world->runtime, slh_externref_type(world->runtime), NULL),
                SLH_E_INVALID);
  assert_ok(slh_type_unregister(world->runtime, bottom, NULL));
  assert_status(slh_type_unregister(world->runtime, bottom, NULL), SLH_E_INVALID);
  assert_ok(slh_type_unregister(world->runtime, middle, NULL));
  assert_ok(slh_type_unregister(world->runtime, top, NULL));
  assert_int_equal(foreign->depth, 0);
  slh_runtime_free(other);
}

static void memory_of_types_stays_bounded(void **state)
{
  struct world *world = *state;
  uint64_t most = 0;

  for (uint64_t i = 0; i < helper_rounds(5000); i++) {
    const slh_type *types[20];

    for (int j = 0; j < 20; j++)
      types[j] = subtype(world->runtime, j > 0 ? types[j - 1] : NULL);
    for (int j = 20; j-- > 0;)
      assert_ok(slh_type_unregister(world->runtime, types[j], NULL));
    if (i == 10)
      most = world->meter.bytes + world->meter.bytes / 2;
    assert_true(i <= 10 || world->meter.bytes <= most);
  }
}

static void unregistering_needs_no_memory(void **state)
{
  struct world *world = *state;
  const slh_type *type = subtype(world->runtime, NULL);
  uint32_t index = type->index;

  world->meter.left = 0;
  assert_ok(slh_type_unregister(world->runtime, type, NULL));
  assert_null(slh_runtime_type(world->runtime, index));
  world->meter.left = UINT64_MAX;
}

/* ---- threads ---- */

struct shared {
  slh_runtime *runtime;
  slh_pool *pool;
  _Atomic bool done;
};

/* Collects objects of types registered by this thread, whatever others do. */
static void *register_and_collect(void *argument)
{
  struct shared *shared = argument;
  slh_heap *heap = NULL;
  slh_heap_options options = SLH_HEAP_OPTIONS_INIT;

  options.runtime = shared->runtime;
  REQUIRE_EQUAL(slh_heap_acquire(shared->pool, &options, &heap), SLH_OK);
  for (uint64_t i = helper_rounds(1500); i-- > 0;) {
    static const slh_field fields[] = {{"x", SLH_REF, 0}, {"y", SLH_I64, 0}};
    const slh_type *top, *type;
    slh_ref ref = SLH_NULL;
    slh_owned owned;

    REQUIRE_EQUAL(slh_struct_type_new(shared->runtime, "t", NULL, fields, 1, &top, NULL), SLH_OK);
    REQUIRE_EQUAL(slh_struct_type_new(shared->runtime, "u", top, fields, 2, &type, NULL), SLH_OK);
    REQUIRE_EQUAL(slh_new_struct(heap, type, &ref), SLH_OK);
    REQUIRE_EQUAL(slh_owned_new(heap, ref, &owned), SLH_OK);
    REQUIRE_EQUAL(slh_heap_collect(heap, NULL), SLH_OK);
    REQUIRE(slh_object_is(heap, slh_owned_get(heap, owned), top));
    slh_owned_free(heap, owned);
    REQUIRE_EQUAL(slh_type_unregister(shared->runtime, type, NULL), SLH_E_BUSY);
  }
  slh_heap_release(heap);
  return NULL;
}

static void registering_while_heaps_collect(void **state)
{
  slh_pool_options options = helper_pool_options(3);
  struct shared shared = {helper_runtime(NULL), NULL, false};
  pthread_t threads[3];

  (void)state;
  options.max_collections = 3;
  shared.pool = helper_pool(&options);
  (void)helper_seed();
  for (int i = 0; i < 3; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, register_and_collect, &shared), 0);
  for (int i = 0; i < 3; i++)
    assert_int_equal(pthread_join(threads[i], NULL), 0);
  slh_pool_free(shared.pool);
  slh_runtime_free(shared.runtime);
}

/* slh_runtime_type and registrations may come from any thread while no heap
 * is alive and another thread unregisters. */
static void *look_at_types(void *argument)
{
  struct shared *shared = argument;

  for (uint32_t i = 0; !atomic_load(&shared->done); i++)
    (void)slh_runtime_type(shared->runtime, i % 64);
  return NULL;
}

static void looking_while_types_are_unregistered(void **state)
{
  struct shared shared = {helper_runtime(NULL), NULL, false};
  pthread_t thread;

  (void)state;
  assert_int_equal(pthread_create(&thread, NULL, look_at_types, &shared), 0);
  for (uint64_t i = helper_rounds(20000); i-- > 0;)
    assert_ok(slh_type_unregister(shared.runtime, subtype(shared.runtime, NULL), NULL));
  atomic_store(&shared.done, true);
  assert_int_equal(pthread_join(thread, NULL), 0);
  slh_runtime_free(shared.runtime);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, store_setup, store_teardown)
#define TEST_WORLD(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(deep_hierarchy),
      TEST(random_hierarchies_agree_with_a_walk),
      TEST(other_kinds_are_only_themselves),
      TEST(objects_are_cast_by_their_type),
      TEST_WORLD(index_is_used_again),
      TEST_WORLD(heap_with_types_of_used_indices),
      TEST_WORLD(refused_while_a_heap_lives),
      TEST_WORLD(refused_for_types_in_use_or_unknown),
      TEST_WORLD(memory_of_types_stays_bounded),
      TEST_WORLD(unregistering_needs_no_memory),
      cmocka_unit_test(registering_while_heaps_collect),
      cmocka_unit_test(looking_while_types_are_unregistered),
  };

  helper_zeal = SLH_ZEAL_NEVER;
  return helper_run(tests, NULL, NULL);
}
