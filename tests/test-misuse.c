/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Misuse that the contract forbids stops with a message that names the call.
 * Using a heap from its own callbacks is in test-callbacks.c. */
/* [promise own-handles] */
#include "tests/store.h"

/* The context of each is a fresh store. */
#define EXPECT_STOPS(state, misuses)                                                               \
  helper_expect_stops(misuses, sizeof(misuses) / sizeof *(misuses), *(state))

/* The heap ends, and another store gets the same slot. */
static void end_store(struct store *store)
{
  slh_heap *heap = store->heap;

  slh_heap_release(heap);
  store->heap = helper_acquire(store->pool, store->runtime);
  REQUIRE(store->heap == heap);
}

static slh_heap *other_heap(struct store *store)
{
  slh_owned owned;
  slh_heap *heap = helper_acquire(store->pool, store->runtime);

  /* It has roots of its own, with the same numbers. */
  for (int i = 0; i < 4; i++)
    REQUIRE_EQUAL(slh_owned_new(heap, SLH_NULL, &owned), SLH_OK);
  return heap;
}

/* ---- what lives as long ---- */

static void release_twice(void *context)
{
  struct store *store = context;

  slh_heap_release(store->heap);
  slh_heap_release(store->heap);
}

static void reset_released(void *context)
{
  struct store *store = context;

  slh_heap_release(store->heap);
  slh_heap_reset(store->heap);
}

static void free_pool_with_a_heap(void *context)
{
  slh_pool_free(((struct store *)context)->pool);
}

static void free_pool_with_two_heaps(void *context)
{
  struct store *store = context;

  (void)helper_acquire(store->pool, store->runtime);
  slh_pool_free(store->pool);
}

static void free_runtime_with_a_heap(void *context)
{
  slh_runtime_free(((struct store *)context)->runtime);
}

static void disable_traps(void *context)
{
  (void)context;
  slh_traps_disable();
}

static void disable_traps_twice(void *context)
{
  (void)context;
  REQUIRE_EQUAL(slh_traps_enable(NULL), SLH_OK);
  slh_traps_disable();
  slh_traps_disable();
}

static void lifetimes(void **state)
{
  static const struct misuse misuses[] = {
      {release_twice, "slh_heap_release: the heap is not acquired"},
      {reset_released, "slh_heap_reset: the heap is not acquired"},
      {free_pool_with_a_heap, "slh_pool_free: 1 heaps of the pool"},
      {free_pool_with_two_heaps, "slh_pool_free: 2 heaps of the pool"},
      {free_runtime_with_a_heap, "slh_runtime_free: a heap of the runtime"},
      {disable_traps, "slh_traps_disable: traps are not enabled"},
      {disable_traps_twice, "slh_traps_disable: traps are not enabled"},
  };

  EXPECT_STOPS(state, misuses);
}

/* ---- collections ---- */

static void collect_without_gc(void *context)
{
  struct store *store = context;

  slh_heap_enter_no_gc(store->heap);
  (void)!slh_heap_collect(store->heap, NULL);
}

static void begin_without_gc(void *context)
{
  struct store *store = context;

  slh_heap_enter_no_gc(store->heap);
  (void)!slh_collection_begin(store->heap, NULL);
}

static void leave_too_often(void *context)
{
  struct store *store = context;

  slh_heap_enter_no_gc(store->heap);
  slh_heap_leave_no_gc(store->heap);
  slh_heap_leave_no_gc(store->heap);
}

static void step_without_begin(void *context)
{
  bool complete;

  (void)!slh_collection_step(((struct store *)context)->heap, 1, &complete);
}

static void begin_twice(void *context)
{
  struct store *store = context;

  REQUIRE_EQUAL(slh_collection_begin(store->heap, NULL), SLH_OK);
  (void)!slh_collection_begin(store->heap, NULL);
}

static void collections(void **state)
{
  static const struct misuse misuses[] = {
      {collect_without_gc, "slh_heap_collect: called within slh_heap_enter_no_gc"},
      {begin_without_gc, "slh_collection_begin: called within slh_heap_enter_no_gc"},
      {leave_too_often, "slh_heap_leave_no_gc: no scope"},
      {step_without_begin, "slh_collection_step: no collection"},
      {begin_twice, "slh_collection_begin: called on a heap while a collection"},
  };

  EXPECT_STOPS(state, misuses);
}

/* ---- frames and local roots ---- */

struct frames {
  struct store *store;
  slh_frame outer, inner;
  slh_local in_outer, in_inner;
};

static struct frames open_frames(struct store *store)
{
  struct frames frames = {.store = store};

  REQUIRE_EQUAL(slh_frame_open(store->heap, &frames.outer), SLH_OK);
  REQUIRE_EQUAL(slh_local_new(&frames.outer, slh_i31(1), &frames.in_outer), SLH_OK);
  REQUIRE_EQUAL(slh_frame_open(store->heap, &frames.inner), SLH_OK);
  REQUIRE_EQUAL(slh_local_new(&frames.inner, slh_i31(2), &frames.in_inner), SLH_OK);
  return frames;
}

static void close_outer_first(void *context)
{
  struct frames frames = open_frames(context);

  slh_frame_close(&frames.outer);
}

static void close_copy(void *context)
{
  struct frames frames = open_frames(context);
  slh_frame copy = frames.inner;

  slh_frame_close(&frames.inner);
  slh_frame_close(&copy);
}

static void close_after_reset(void *context)
{
  struct frames frames = open_frames(context);

  slh_heap_reset(frames.store->heap);
  slh_frame_close(&frames.inner);
}

static void close_after_release(void *context)
{
  struct frames frames = open_frames(context);
  slh_frame frame;

  end_store(frames.store);
  REQUIRE_EQUAL(slh_frame_open(frames.store->heap, &frame), SLH_OK);
  slh_frame_close(&frames.outer);
}

static void root_in_outer(void *context)
{
  struct frames frames = open_frames(context);

  (void)!slh_local_new(&frames.outer, SLH_NULL, &frames.in_outer);
}

static void root_in_closed(void *context)
{
  struct frames frames = open_frames(context);

  slh_frame_close(&frames.inner);
  (void)!slh_local_new(&frames.inner, SLH_NULL, &frames.in_inner);
}

static void get_after_frame(void *context)
{
  struct frames frames = open_frames(context);

  slh_frame_close(&frames.inner);
  slh_local_get(frames.store->heap, frames.in_inner);
}

/* Its number is in use again. */
static void set_after_frame(void *context)
{
  struct frames frames = open_frames(context);
  slh_local local;

  slh_frame_close(&frames.inner);
  REQUIRE_EQUAL(slh_frame_open(frames.store->heap, &frames.inner), SLH_OK);
  REQUIRE_EQUAL(slh_local_new(&frames.inner, SLH_NULL, &local), SLH_OK);
  REQUIRE_EQUAL(local.number, frames.in_inner.number);
  slh_local_set(frames.store->heap, frames.in_inner, SLH_NULL);
}

static void get_in_other_heap(void *context)
{
  struct frames frames = open_frames(context);
  struct store other = *frames.store;

  other.heap = other_heap(frames.store);
  (void)open_frames(&other);
  slh_local_get(other.heap, frames.in_outer);
}

static void get_in_heap_without_roots(void *context)
{
  struct frames frames = open_frames(context);

  slh_local_get(helper_acquire(frames.store->pool, frames.store->runtime), frames.in_outer);
}

static void get_after_release(void *context)
{
  struct frames frames = open_frames(context);

  end_store(frames.store);
  (void)open_frames(frames.store);
  slh_local_get(frames.store->heap, frames.in_outer);
}

/* One that could not be opened is as one that is closed. */
static void frames_that_are_closed(void **state)
{
  static const struct misuse misuses[] = {{root_in_closed, "slh_local_new: the frame is not"}};

  EXPECT_STOPS(state, misuses);
}

static void local_roots(void **state)
{
  static const struct misuse misuses[] = {
      {close_outer_first, "slh_frame_close: the frame is not the innermost"},
      {close_copy, "slh_frame_close: the frame is not the innermost"},
      {close_after_reset, "slh_frame_close: the frame is not the innermost"},
      {close_after_release, "slh_frame_close: the frame is not the innermost"},
      {root_in_outer, "slh_local_new: the frame is not the innermost"},
      {get_after_frame, "slh_local_get: the handle is not one of this heap"},
      {set_after_frame, "slh_local_set: the handle is not one of this heap"},
      {get_in_other_heap, "slh_local_get: the handle is not one of this heap"},
      {get_in_heap_without_roots, "slh_local_get: the handle is not one of this heap"},
      {get_after_release, "slh_local_get: the handle is not one of this heap"},
  };

  EXPECT_STOPS(state, misuses);
}

/* ---- owned roots ---- */

static slh_owned new_owned(struct store *store)
{
  slh_owned owned;

  REQUIRE_EQUAL(slh_owned_new(store->heap, slh_i31(1), &owned), SLH_OK);
  return owned;
}

static slh_owned freed(struct store *store)
{
  slh_owned owned = new_owned(store);

  slh_owned_free(store->heap, owned);
  return owned;
}

static void get_freed(void *context)
{
  slh_owned_get(((struct store *)context)->heap, freed(context));
}

static void free_twice(void *context)
{
  slh_owned_free(((struct store *)context)->heap, freed(context));
}

/* Its number is in use again. */
static void set_freed(void *context)
{
  struct store *store = context;
  slh_owned owned = freed(store);

  REQUIRE_EQUAL(new_owned(store).number, owned.number);
  slh_owned_set(store->heap, owned, SLH_NULL);
}

static void owned_in_other_heap(void *context)
{
  slh_owned owned = new_owned(context);

  slh_owned_get(other_heap(context), owned);
}

static void owned_after_reset(void *context)
{
  struct store *store = context;
  slh_owned owned = new_owned(store);

  slh_heap_reset(store->heap);
  (void)new_owned(store);
  slh_owned_get(store->heap, owned);
}

static void owned_after_release(void *context)
{
  struct store *store = context;
  slh_owned owned = new_owned(store);

  end_store(store);
  (void)new_owned(store);
  slh_owned_free(store->heap, owned);
}

/* So many that the store's tables are made anew. */
static void owned_after_large_store(void *context)
{
  struct store *store = context;
  slh_owned owned = new_owned(store);

  for (int i = 0; i < 20000; i++)
    (void)new_owned(store);
  end_store(store);
  for (int i = 0; i < 20000; i++)
    (void)new_owned(store);
  slh_owned_set(store->heap, owned, SLH_NULL);
}

static void owned_never_made(void *context)
{
  slh_owned_get(((struct store *)context)->heap, (slh_owned){0, 0});
}

static void owned_roots(void **state)
{
  static const struct misuse misuses[] = {
      {get_freed, "slh_owned_get: the handle is not one of this heap"},
      {free_twice, "slh_owned_free: the handle is not one of this heap"},
      {set_freed, "slh_owned_set: the handle is not one of this heap"},
      {owned_in_other_heap, "slh_owned_get: the handle is not one of this heap"},
      {owned_after_reset, "slh_owned_get: the handle is not one of this heap"},
      {owned_after_release, "slh_owned_free: the handle is not one of this heap"},
      {owned_after_large_store, "slh_owned_set: the handle is not one of this heap"},
      {owned_never_made, "slh_owned_get: the handle is not one of this heap"},
  };

  EXPECT_STOPS(state, misuses);
}

/* A handle that is all zero, where a root has been freed. */
static void zero_owned_where_one_was_freed(void *context)
{
  (void)freed(context);
  slh_owned_free(((struct store *)context)->heap, (slh_owned){0, 0});
}

static void zero_weak_where_one_was_freed(void *context)
{
  struct store *store = context;
  slh_weak weak;

  REQUIRE_EQUAL(slh_weak_new(store->heap, SLH_NULL, &weak), SLH_OK);
  slh_weak_free(store->heap, weak);
  slh_weak_get(store->heap, (slh_weak){0, 0});
}

static void handles_of_zero(void **state)
{
  static const struct misuse misuses[] = {
      {zero_owned_where_one_was_freed, "slh_owned_free: the handle is not one of this heap"},
      {zero_weak_where_one_was_freed, "slh_weak_get: the handle is not one of this heap"},
  };

  EXPECT_STOPS(state, misuses);
}

/* ---- pools ---- */

/* One that was made and freed, so that nothing is there. */
static slh_pool *freed_pool(void)
{
  slh_pool_options options = helper_pool_options(1);
  slh_pool *pool = helper_pool(&options);

  slh_pool_free(pool);
  return pool;
}

static void free_freed_pool(void *context)
{
  slh_pool_free(freed_pool());
}

static void abandon_freed_pool(void *context)
{
  slh_pool_abandon(freed_pool());
}

static void decay_freed_pool(void *context)
{
  slh_pool_decay(freed_pool());
}

static void trim_freed_pool(void *context)
{
  slh_pool_trim(freed_pool());
}

static void look_at_freed_pool(void *context)
{
  slh_pool_stats stats;

  slh_pool_get_stats(freed_pool(), &stats);
}

static void count_freed_pool(void *context)
{
  uint64_t bytes;

  (void)!slh_pool_resident(freed_pool(), &bytes, NULL);
}

/* An address that nothing is at, and another structure. */
static void trim_wild_pool(void *context)
{
  slh_pool_trim((slh_pool *)(uintptr_t)0x10);
}

static void free_runtime_as_pool(void *context)
{
  slh_pool_free((slh_pool *)(void *)((struct store *)context)->runtime);
}

static void pools_that_are_gone(void **state)
{
  static const struct misuse misuses[] = {
      {free_freed_pool, "slh_pool_free: what it was given is no pool, or was freed before"},
      {abandon_freed_pool, "slh_pool_abandon: what it was given is no pool"},
      {decay_freed_pool, "slh_pool_decay: what it was given is no pool"},
      {trim_freed_pool, "slh_pool_trim: what it was given is no pool"},
      {look_at_freed_pool, "slh_pool_get_stats: what it was given is no pool"},
      {count_freed_pool, "slh_pool_resident: what it was given is no pool"},
      {trim_wild_pool, "slh_pool_trim: what it was given is no pool"},
      {free_runtime_as_pool, "slh_pool_free: what it was given is no pool"},
  };

  EXPECT_STOPS(state, misuses);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, store_setup, store_teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(lifetimes),           TEST(collections),     TEST(local_roots),
      TEST(owned_roots),         TEST(handles_of_zero), TEST(frames_that_are_closed),
      TEST(pools_that_are_gone),
  };

  return helper_run(tests, NULL, NULL);
}
