/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Traces: complete documents, whatever was kept of what happened. */
#include "tests/exported.h"

#include <pthread.h>
#include <stdatomic.h>

struct traced {
  struct store *store;
  slh_trace *trace;
};

static void start(struct traced *traced, uint32_t max_events, bool stores)
{
  slh_trace_options options = SLH_TRACE_OPTIONS_INIT;

  options.max_events = max_events;
  options.stores = stores;
  traced->store = store_open(NULL);
  assert_ok(slh_trace_new(&options, &traced->trace));
  assert_ok(slh_trace_name_pool(traced->trace, traced->store->pool, "the pool"));
  slh_set_listener(slh_trace_listener(traced->trace));
}

static void stop(struct traced *traced)
{
  slh_set_listener(NULL);
  slh_trace_free(traced->trace);
  store_close(traced->store);
}

static yajl_val document(slh_trace *trace)
{
  struct exported exported;

  exported_open(&exported);
  assert_ok(slh_trace_write(trace, exported.out));
  return exported_json(&exported);
}

/* The number of events of that phase ("X") and name (NULL: any). */
static int count(yajl_val json, const char *phase, const char *name)
{
  yajl_val events = exported_member(json, "traceEvents");
  int found = 0;

  for (size_t i = 0; i < YAJL_GET_ARRAY(events)->len; i++) {
    yajl_val event = exported_item(events, i);

    found += strcmp(exported_string(event, "ph"), phase) == 0 &&
             (!name || strcmp(exported_string(event, "name"), name) == 0);
  }
  return found;
}

static double time_of(yajl_val event, const char *name)
{
  yajl_val number = exported_member(event, name);

  assert_true(YAJL_IS_NUMBER(number));
  return YAJL_GET_DOUBLE(number);
}

/* ---- collections ---- */

static void phases_lie_within_their_collection(void **state)
{
  struct traced t;
  double begin = 0, end = 0;
  yajl_val json, events;

  start(&t, 0, false);
  t.store->roots[0] = store_node(t.store, SLH_NULL, SLH_NULL, 1);
  store_collect(t.store);
  json = document(t.trace);
  events = exported_member(json, "traceEvents");
  for (size_t i = 0; i < YAJL_GET_ARRAY(events)->len; i++) {
    yajl_val event = exported_item(events, i);

    if (strcmp(exported_string(event, "ph"), "X") != 0)
      continue;
    assert_string_equal(exported_string(exported_member(event, "args"), "pool"), "the pool");
    if (strcmp(exported_string(event, "name"), "full collection") == 0) {
      begin = time_of(event, "ts");
      end = begin + time_of(event, "dur");
      assert_string_equal(exported_string(exported_member(event, "args"), "status"), "SLH_OK");
      assert_int_equal(exported_number(exported_member(event, "args"), "survived"), 16);
    } else {
      assert_true(time_of(event, "ts") >= begin);
      assert_true(time_of(event, "ts") + time_of(event, "dur") <= end + 0.01);
    }
  }
  assert_int_equal(count(json, "X", "full collection"), 1);
  assert_int_equal(count(json, "X", "roots"), 1);
  assert_int_equal(count(json, "X", "copy back"), 1);
  assert_int_equal(count(json, "C", "collected of the pool"), 1);
  assert_int_equal(count(json, "b", NULL), 0);
  yajl_tree_free(json);
  stop(&t);
}

/* Of two collections in turn on one thread neither is a slice of it. */
static void interleaved_collections_are_pairs(void **state)
{
  struct traced t;
  struct store *other = store_open(NULL);
  bool complete[2] = {false, false};
  yajl_val json;

  start(&t, 0, false);
  for (int i = 0; i < 100; i++) {
    t.store->roots[0] = store_node(t.store, t.store->roots[0], SLH_NULL, i);
    other->roots[0] = store_node(other, other->roots[0], SLH_NULL, i);
  }
  assert_ok(slh_collection_begin(t.store->heap, NULL));
  assert_ok(slh_collection_begin(other->heap, NULL));
  while (!complete[0] || !complete[1]) {
    if (!complete[0])
      assert_ok(slh_collection_step(t.store->heap, 100, &complete[0]));
    if (!complete[1])
      assert_ok(slh_collection_step(other->heap, 100, &complete[1]));
  }
  json = document(t.trace);
  assert_int_equal(count(json, "X", NULL), 0);
  assert_int_equal(count(json, "b", "full collection"), 2);
  assert_int_equal(count(json, "e", NULL), count(json, "b", NULL));
  yajl_tree_free(json);
  stop(&t);
  store_close(other);
}

static void unfinished_collection_is_written(void **state)
{
  struct traced t;
  yajl_val json;

  start(&t, 0, false);
  t.store->roots[0] = store_node(t.store, SLH_NULL, SLH_NULL, 1);
  assert_ok(slh_collection_begin(t.store->heap, NULL));
  json = document(t.trace);
  assert_int_equal(count(json, "X", "full collection"), 1);
  yajl_tree_free(json);
  assert_ok(slh_collection_abandon(t.store->heap));
  stop(&t);
}

/* ---- other events ---- */

static void stores_are_pairs_and_a_counter(void **state)
{
  struct traced t;
  yajl_val json;

  start(&t, 0, true);
  for (int i = 0; i < 5; i++)
    slh_heap_release(helper_acquire(t.store->pool, t.store->runtime));
  slh_heap_reset(t.store->heap);
  json = document(t.trace);
  assert_int_equal(count(json, "b", "store"), 5);
  assert_int_equal(count(json, "e", "store"), 5);
  assert_int_equal(count(json, "C", "stores of the pool"), 10);
  assert_int_equal(count(json, "i", "reset"), 1);
  yajl_tree_free(json);
  stop(&t);
}

static void growth_and_exhaustion_are_instants(void **state)
{
  struct traced t;
  slh_heap *heaps[4];
  slh_heap_options options = SLH_HEAP_OPTIONS_INIT;
  int taken = 0;
  yajl_val json;

  start(&t, 0, false);
  assert_ok(slh_heap_grow(t.store->heap, 4 << 20));
  options.runtime = t.store->runtime;
  while (taken < 4 && slh_heap_acquire(t.store->pool, &options, &heaps[taken]) == SLH_OK)
    taken++;
  json = document(t.trace);
  assert_int_equal(count(json, "i", "grow"), 1);
  assert_int_equal(count(json, "i", "exhausted"), 1);
  assert_int_equal(count(json, "b", NULL), 0); /* stores were not asked for */
  yajl_tree_free(json);
  while (taken-- > 0)
    slh_heap_release(heaps[taken]);
  stop(&t);
}

/* ---- bounds ---- */

static void the_oldest_are_forgotten(void **state)
{
  struct traced t;
  yajl_val json;

  start(&t, 64, false);
  for (int i = 0; i < 100; i++)
    store_collect(t.store);
  json = document(t.trace);
  assert_true(slh_trace_forgotten(t.trace) > 1000);
  assert_int_equal(exported_number(exported_member(json, "otherData"), "forgotten"),
                   slh_trace_forgotten(t.trace));
  assert_in_range(count(json, "X", "full collection"), 1, 8);
  yajl_tree_free(json);
  stop(&t);
}

static void options_are_checked(void **state)
{
  slh_trace_options options = {0};
  slh_trace *trace;

  assert_status(slh_trace_new(&options, &trace), SLH_E_INVALID);
  assert_ok(slh_trace_new(NULL, &trace));
  yajl_tree_free(document(trace));
  slh_trace_free(trace);
  slh_trace_free(NULL);
}

/* ---- threads ---- */

struct worker {
  slh_pool *pool;
  slh_runtime *runtime;
  atomic_bool *stop;
};

static void *work(void *context)
{
  struct worker *worker = context;

  while (!atomic_load(worker->stop)) {
    slh_heap_options options = SLH_HEAP_OPTIONS_INIT;
    slh_heap *heap;

    options.runtime = worker->runtime;
    if (slh_heap_acquire(worker->pool, &options, &heap) != SLH_OK)
      continue;
    (void)!slh_heap_collect(heap, NULL); /* every space may be lent */
    slh_heap_release(heap);
  }
  return NULL;
}

static void written_while_it_goes_on(void **state)
{
  struct traced t;
  pthread_t threads[2];
  atomic_bool stopped = false;
  struct worker worker;

  start(&t, 1000, true);
  worker = (struct worker){t.store->pool, t.store->runtime, &stopped};
  for (int i = 0; i < 2; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, work, &worker), 0);
  for (uint64_t i = helper_rounds(20); i-- > 0;)
    yajl_tree_free(document(t.trace));
  atomic_store(&stopped, true);
  for (int i = 0; i < 2; i++)
    pthread_join(threads[i], NULL);
  stop(&t);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(phases_lie_within_their_collection),
      cmocka_unit_test(interleaved_collections_are_pairs),
      cmocka_unit_test(unfinished_collection_is_written),
      cmocka_unit_test(stores_are_pairs_and_a_counter),
      cmocka_unit_test(growth_and_exhaustion_are_instants),
      cmocka_unit_test(the_oldest_are_forgotten),
      cmocka_unit_test(options_are_checked),
      cmocka_unit_test(written_while_it_goes_on),
  };

  helper_zeal = SLH_ZEAL_NEVER;
  return helper_run(tests, NULL, NULL);
}
