/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * drc without host memory: for counts, for the list, for the regions. Each allocation fails in
 * turn, then all from one on; or the store's limit is low. What is reached stays, the store goes
 * on, and what it has is dropped once, if not earlier then at its end.
 */
#include <stdlib.h>

#include "tests/datum.h"
#include "tests/meter.h"

#define SLOTS 40
#define STEPS 500
#define DATA (STEPS + SLOTS)

/* A pool and a runtime with the meter's memory, an old array, and what is in it. */
struct scene {
  struct meter meter;
  slh_runtime *runtime;
  slh_pool *pool;
  slh_heap *heap;
  const slh_type *refs;
  slh_ref array; /* counted */
  uint32_t made;
  uint32_t slots[SLOTS]; /* numbers of data plus 1, or 0 */
  struct datum data[DATA];
};

static void list_roots(void *host, slh_heap *heap, slh_roots *roots)
{
  struct scene *scene = host;

  (void)heap;
  (void)slh_roots_add(roots, SLH_ROOT_OTHER, &scene->array, 1, "scene");
}

static void open_scene(struct scene *scene, uint64_t max_host)
{
  slh_pool_options pool = helper_pool_options(1);
  slh_runtime_options runtime = SLH_RUNTIME_OPTIONS_INIT;
  slh_heap_options options = SLH_HEAP_OPTIONS_INIT;
  slh_allocator hook;
  slh_ref array = SLH_NULL;

  memset(scene, 0, sizeof *scene);
  hook = meter_allocator(&scene->meter);
  pool.allocator = &hook;
  runtime.allocator = &hook;
  runtime.collector = SLH_COLLECTOR_DRC;
  runtime.zeal = SLH_ZEAL_NEVER;
  assert_ok(slh_runtime_new(&runtime, &scene->runtime, NULL));
  scene->pool = helper_pool(&pool);
  scene->refs = helper_array_type(scene->runtime, SLH_REF);
  options.runtime = scene->runtime;
  options.enumerate_roots = list_roots;
  options.host = scene;
  options.max_host_bytes = max_host;
  options.initial_bytes = 2048;
  assert_ok(slh_heap_acquire(scene->pool, &options, &scene->heap));
  assert_ok(slh_new_array(scene->heap, scene->refs, SLOTS, &array));
  slh_write_ref(scene->heap, &scene->array, array);
}

static void close_scene(struct scene *scene)
{
  slh_heap_release(scene->heap);
  datum_all_dropped(scene->data, scene->made);
  slh_pool_free(scene->pool);
  slh_runtime_free(scene->runtime);
  assert_int_equal(scene->meter.blocks, 0);
}

static void check(const struct scene *scene)
{
  for (uint32_t i = 0; i < SLOTS; i++) {
    slh_ref ref = SLH_NULL;
    void *data = NULL;

    assert_ok(slh_array_get_ref(scene->heap, scene->array, i, &ref));
    assert_int_equal(slh_is_null(ref), scene->slots[i] == 0);
    if (scene->slots[i] == 0)
      continue;
    assert_ok(slh_externref_data(scene->heap, ref, &data));
    assert_ptr_equal(data, &scene->data[scene->slots[i] - 1]);
    assert_int_equal(scene->data[scene->slots[i] - 1].drops, 0);
  }
  for (uint32_t i = 0; i < scene->made; i++)
    assert_in_range(scene->data[i].drops, 0, 1);
}

static void require_allowed(slh_status status)
{
  assert_true(status == SLH_OK || status == SLH_E_NOMEM || status == SLH_E_HOST_LIMIT);
}

static void step(struct scene *scene, uint64_t *random)
{
  uint32_t to = (uint32_t)helper_below(random, SLOTS);
  uint32_t from = (uint32_t)helper_below(random, SLOTS);
  slh_ref ref = SLH_NULL;
  slh_status status;

  assert_ok(slh_array_get_ref(scene->heap, scene->array, from, &ref));
  switch (helper_below(random, 8)) {
  case 0:
    require_allowed(slh_heap_collect(scene->heap, NULL));
    return;
  case 1:
    (void)slh_expose_ref(scene->heap, ref);
    return;
  case 2:
    scene->slots[to] = scene->slots[from];
    break;
  case 3:
    scene->slots[to] = 0;
    ref = SLH_NULL;
    break;
  default:
    status = slh_new_externref(scene->heap, &scene->data[scene->made], datum_drop, &ref);
    require_allowed(status);
    if (status != SLH_OK)
      return;
    scene->slots[to] = ++scene->made;
  }
  assert_ok(slh_array_set_ref(scene->heap, scene->array, to, ref));
}

/* Returns how many allocations failed. */
static uint64_t live(uint64_t pass, uint64_t count, uint64_t max_host, uint64_t seed)
{
  struct scene *scene = malloc(sizeof *scene);
  uint64_t failed;

  assert_non_null(scene);
  open_scene(scene, max_host);
  failing_row(&scene->meter.failing, pass, count);
  for (int i = 0; i < STEPS; i++) {
    step(scene, &seed);
    if (i % 20 == 0)
      check(scene);
  }
  failed = scene->meter.failing.failed;
  failing_row(&scene->meter.failing, 0, 0);
  assert_ok(slh_heap_collect(scene->heap, NULL));
  for (int i = 0; i < SLOTS; i++)
    step(scene, &seed);
  check(scene);
  assert_ok(slh_heap_verify(scene->heap, NULL, NULL));
  slh_heap_reset(scene->heap);
  datum_all_dropped(scene->data, scene->made);
  close_scene(scene);
  free(scene);
  return failed;
}

static void each_allocation(void **state)
{
  uint64_t seed = helper_seed(), pass = 0;

  (void)state;
  while (live(pass, 1, 0, seed) != 0)
    pass++;
  assert_true(pass >= 5);
}

static void all_allocations_from_one_on(void **state)
{
  uint64_t seed = helper_seed(), pass = 0;

  (void)state;
  while (live(pass, UINT64_MAX, 0, seed) != 0)
    pass++;
  assert_true(pass >= 5);
}

/* ---- counts that there was no memory for ---- */

static void set(const struct scene *scene, slh_ref array, uint32_t index, slh_ref value)
{
  assert_ok(slh_array_set_ref(scene->heap, array, index, value));
}

static slh_ref get(const struct scene *scene, slh_ref array, uint32_t index)
{
  slh_ref ref = SLH_NULL;

  assert_ok(slh_array_get_ref(scene->heap, array, index, &ref));
  return ref;
}

static slh_ref new_datum(struct scene *scene)
{
  slh_ref ref = SLH_NULL;

  assert_ok(slh_new_externref(scene->heap, &scene->data[scene->made++], datum_drop, &ref));
  return ref;
}

/* Elements 1 and 2 of the old array refer to an array with a datum, which lies beyond the
 * counts while these cannot grow. */
static void lose_counts(struct scene *scene)
{
  slh_ref lost = SLH_NULL, datum = new_datum(scene);

  slh_heap_enter_no_gc(scene->heap);
  while (slh_heap_end(scene->heap) < 65536)
    assert_ok(slh_new_array(scene->heap, scene->refs, SLOTS, &lost));
  failing_row(&scene->meter.failing, 0, UINT64_MAX);
  assert_ok(slh_new_array(scene->heap, scene->refs, 1, &lost));
  set(scene, scene->array, 1, lost);
  set(scene, scene->array, 2, lost);
  set(scene, lost, 0, datum);
  slh_heap_leave_no_gc(scene->heap);
  assert_status(slh_heap_collect(scene->heap, NULL), SLH_E_NOMEM);
  assert_true(scene->meter.failing.failed >= 2);
  failing_row(&scene->meter.failing, 0, 0);
}

static void check_lost(const struct scene *scene, slh_ref lost)
{
  void *data = NULL;

  assert_ok(slh_externref_data(scene->heap, get(scene, lost, 0), &data));
  assert_ptr_equal(data, &scene->data[0]);
  assert_int_equal(scene->data[0].drops, 0);
}

/* As if no reference was lost, but that what they were to stays. */
static void lost_counts_are_made_good(void **state)
{
  struct scene *scene = malloc(sizeof *scene);
  slh_ref lost;

  (void)state;
  assert_non_null(scene);
  open_scene(scene, 0);
  assert_ok(slh_heap_collect(scene->heap, NULL));
  lose_counts(scene);
  assert_ok(slh_heap_collect(scene->heap, NULL));
  lost = get(scene, scene->array, 1);
  check_lost(scene, lost);
  set(scene, scene->array, 1, SLH_NULL);
  check_lost(scene, lost);
  set(scene, scene->array, 2, SLH_NULL);
  assert_ok(slh_heap_collect(scene->heap, NULL));
  check_lost(scene, lost);

  for (uint32_t i = 1; i < 10; i++) {
    set(scene, scene->array, i, new_datum(scene));
    assert_ok(slh_heap_collect(scene->heap, NULL));
    assert_int_equal(scene->data[i].drops, 0);
    set(scene, scene->array, i, SLH_NULL);
    assert_int_equal(scene->data[i].drops, 1);
  }
  assert_ok(slh_heap_verify(scene->heap, NULL, NULL));
  close_scene(scene);
  free(scene);
}

/* What lies in the heap is not to be gone through: it is corrupt, and says so. */
static void lost_counts_in_a_corrupt_heap(void **state)
{
  struct scene *scene = malloc(sizeof *scene);
  uint32_t *header = NULL;

  (void)state;
  assert_non_null(scene);
  open_scene(scene, 0);
  assert_ok(slh_heap_collect(scene->heap, NULL));
  lose_counts(scene);
  assert_ok(slh_object_header(scene->heap, scene->array, &header));
  *header = UINT32_MAX;
  assert_status(slh_heap_collect(scene->heap, NULL), SLH_E_CORRUPT);
  assert_status(slh_heap_collect(scene->heap, NULL), SLH_E_CORRUPT);
  slh_heap_reset(scene->heap);
  scene->array = SLH_NULL;
  assert_ok(slh_heap_collect(scene->heap, NULL));
  close_scene(scene);
  free(scene);
}

/* Counts are not on the store's account; the list is. */
static void low_limits(void **state)
{
  uint64_t seed = helper_seed();

  (void)state;
  for (uint64_t most = 8; most < 16384; most += most / 4 + 8)
    assert_int_equal(live(0, 0, most, seed), 0);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(each_allocation),
      cmocka_unit_test(all_allocations_from_one_on),
      cmocka_unit_test(low_limits),
      cmocka_unit_test(lost_counts_are_made_good),
      cmocka_unit_test(lost_counts_in_a_corrupt_heap),
  };

  return helper_run(tests, NULL, NULL);
}
