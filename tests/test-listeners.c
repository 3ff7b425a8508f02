/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Listeners that come and go, while threads make things happen. */
#include "tests/pooled.h"

#include <pthread.h>
#include <stdatomic.h>

#define THREADS 2

struct counter {
  _Atomic uint64_t events[SLH_EVENT_KINDS];
};

static uint64_t sum(struct counter *counter)
{
  uint64_t events = 0;

  for (int i = 0; i < SLH_EVENT_KINDS; i++)
    events += atomic_load(&counter->events[i]);
  return events;
}

static void count(void *context, const slh_event *event)
{
  struct counter *counter = context;

  REQUIRE(event->pool && event->kind < SLH_EVENT_KINDS);
  atomic_fetch_add(&counter->events[event->kind], 1);
}

/* In the same thread. */
static void nothing_after_the_end(void **state)
{
  static struct counter counter;
  slh_listener listener = {count, &counter};
  slh_pool_options options = helper_pool_options(1);
  slh_pool *pool = helper_pool(&options);
  slh_heap *heap;
  uint64_t before;

  slh_set_listener(&listener);
  slh_heap_release(pooled_take(pool));
  before = sum(&counter);
  assert_int_equal(before, 2);
  slh_set_listener(NULL);
  heap = pooled_take(pool);
  assert_int_equal(slh_heap_collect(heap, NULL), SLH_OK);
  slh_heap_release(heap);
  assert_int_equal(sum(&counter), before);
  slh_pool_free(pool);
  (void)state;
}

static void names(void **state)
{
  assert_string_equal(slh_event_name(SLH_EVENT_ACQUIRE), "acquire");
  assert_string_equal(slh_event_name(SLH_EVENT_EXHAUSTED), "exhausted");
  assert_string_equal(slh_event_name((slh_event_kind)SLH_EVENT_KINDS), "?");
  assert_string_equal(slh_phase_name(UINT32_MAX), "?");
  assert_string_not_equal(slh_phase_name(0), "?");
  (void)state;
}

struct world {
  slh_pool *pool;
  atomic_bool stop;
};

static void *work(void *context)
{
  struct world *world = *(struct world **)context;

  while (!atomic_load(&world->stop)) {
    slh_heap *heap = pooled_take(world->pool);

    REQUIRE(slh_heap_collect(heap, NULL) == SLH_OK);
    slh_heap_release(heap);
  }
  return NULL;
}

/* Two listeners in turn, and none; those that were replaced stay. */
static void changed_while_threads_run(void **state)
{
  static struct counter counters[2];
  slh_listener listeners[2] = {{count, &counters[0]}, {count, &counters[1]}};
  slh_pool_options options = helper_pool_options(THREADS);
  struct world world = {helper_pool(&options), false};
  pthread_t threads[THREADS];
  struct world *of_thread = &world;

  for (int i = 0; i < THREADS; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, work, &of_thread), 0);
  for (int i = 0; i < 2; i++) {
    while (atomic_load(&counters[i].events[SLH_EVENT_COLLECTION_END]) < 10)
      slh_set_listener(&listeners[i]);
  }
  for (uint64_t i = helper_rounds(5000); i-- > 0;)
    slh_set_listener(i % 3 == 0 ? NULL : &listeners[i % 2]);
  atomic_store(&world.stop, true);
  for (int i = 0; i < THREADS; i++)
    pthread_join(threads[i], NULL);
  slh_set_listener(NULL);
  slh_pool_free(world.pool);
  (void)state;
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(nothing_after_the_end),
      cmocka_unit_test(names),
      cmocka_unit_test(changed_while_threads_run),
  };

  helper_zeal = SLH_ZEAL_NEVER;
  return helper_run(tests, pooled_setup, pooled_teardown);
}
