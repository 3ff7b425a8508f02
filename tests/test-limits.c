/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* A store's limits on its heap, and the growth callback. Those on the library's
 * own memory are in test-host-limits.c, the pool's in test-budget.c. */
#include "tests/store.h"

#define NODE_BYTES 16

/* A store with a growth callback. */
struct grower {
  struct store *store; /* of which only this heap is used */
  slh_heap *heap;
  slh_ref list;
  uint64_t cap; /* what the callback allows */
  slh_growth last;
  unsigned calls;
};

static void list_roots(void *host, slh_heap *heap, slh_roots *roots)
{
  struct grower *grower = host;

  assert_ptr_equal(heap, grower->heap);
  (void)slh_roots_add(roots, SLH_ROOT_OTHER, &grower->list, 1, "list");
}

static bool agree(void *host, slh_heap *heap, const slh_growth *growth)
{
  struct grower *grower = host;

  assert_ptr_equal(heap, grower->heap);
  grower->calls++;
  grower->last = *growth;
  return growth->to <= grower->cap;
}

static void open_grower(struct grower *grower, void **state, uint64_t initial, uint64_t max)
{
  slh_heap_options options = SLH_HEAP_OPTIONS_INIT;

  *grower = (struct grower){.store = *state, .cap = UINT64_MAX};
  options.runtime = grower->store->runtime;
  options.initial_bytes = initial;
  options.max_bytes = max;
  options.enumerate_roots = list_roots;
  options.grow = agree;
  options.host = grower;
  assert_ok(slh_heap_acquire(grower->store->pool, &options, &grower->heap));
}

static slh_heap_stats stats_of(const struct grower *grower)
{
  slh_heap_stats stats;

  slh_heap_get_stats(grower->heap, &stats);
  return stats;
}

/* One more node in front of the list. */
static slh_status push(struct grower *grower)
{
  slh_ref node = SLH_NULL;
  slh_status status = slh_new_struct(grower->heap, grower->store->node, &node);

  if (status == SLH_OK) {
    slh_init_ref(grower->heap, node, HELPER_LEFT, grower->list);
    grower->list = node;
  }
  return status;
}

/* Garbage. */
static slh_status waste(struct grower *grower)
{
  slh_ref node = SLH_NULL;

  return slh_new_struct(grower->heap, grower->store->node, &node);
}

static slh_status push_many(struct grower *grower, uint64_t count)
{
  slh_status status = SLH_OK;

  while (status == SLH_OK && count-- > 0)
    status = push(grower);
  return status;
}

/* ---- max_bytes ---- */

static void heap_is_usable_at_its_limit(void **state)
{
  struct grower grower;

  open_grower(&grower, state, 1024, 64 * NODE_BYTES * 16);
  for (int round = 0; round < 3; round++) {
    assert_status(push_many(&grower, 10000), SLH_E_LIMIT);
    assert_int_equal(stats_of(&grower).used, stats_of(&grower).max);
    assert_ok(slh_heap_verify(grower.heap, NULL, NULL));
    assert_status(slh_heap_grow(grower.heap, 8), SLH_E_LIMIT);
    grower.list = slh_get_ref(grower.heap, grower.list, HELPER_LEFT);
    assert_ok(waste(&grower)); /* in the place of the one dropped */
    assert_ok(waste(&grower));
    grower.list = SLH_NULL;
    assert_ok(push_many(&grower, 1000));
    grower.list = SLH_NULL;
  }
  slh_heap_release(grower.heap);
}

/* ---- the callback ---- */

static void callback_gets_the_figures(void **state)
{
  struct grower grower;
  uint64_t soft;

  open_grower(&grower, state, 4096, 100000);
  for (int i = 0; i < 100000 / NODE_BYTES; i++) {
    unsigned before = grower.calls;

    soft = stats_of(&grower).soft_limit;
    assert_ok(push(&grower));
    if (grower.calls == before)
      continue;
    assert_int_equal(grower.calls, before + 1);
    assert_int_equal(grower.last.from, soft);
    assert_int_equal(grower.last.to, stats_of(&grower).soft_limit);
    assert_true(grower.last.to > soft && grower.last.to <= 100000);
    assert_int_equal(grower.last.live, stats_of(&grower).live);
    assert_int_equal(grower.last.live, (uint64_t)i * NODE_BYTES);
    assert_int_equal(grower.last.needed, NODE_BYTES);
  }
  assert_in_range(grower.calls, 2, 10);
  assert_int_equal(stats_of(&grower).soft_limit, 100000);
  slh_heap_release(grower.heap);
}

static void growing_by_hand_asks_too(void **state)
{
  struct grower grower;

  open_grower(&grower, state, 4096, 100000);
  assert_ok(slh_heap_grow(grower.heap, 4096));
  assert_int_equal(grower.calls, 0); /* there already */
  assert_ok(push_many(&grower, 10));
  assert_ok(slh_heap_grow(grower.heap, 5000));
  assert_int_equal(grower.calls, 1);
  assert_int_equal(grower.last.from, 4096);
  assert_int_equal(grower.last.to, 10 * NODE_BYTES + 5000);
  assert_int_equal(grower.last.live, 0);
  assert_int_equal(grower.last.needed, 5000);
  grower.cap = 50000;
  assert_status(slh_heap_grow(grower.heap, 60000), SLH_E_REFUSED);
  assert_int_equal(stats_of(&grower).soft_limit, 10 * NODE_BYTES + 5000);
  assert_ok(slh_heap_grow(grower.heap, 10000));
  slh_heap_release(grower.heap);
}

static void callback_is_asked_for_growth_only(void **state)
{
  struct grower grower;
  slh_ref ref;

  open_grower(&grower, state, 4096, 0);
  for (int i = 0; i < 10000; i++)
    assert_ok(waste(&grower));
  for (int i = 0; i < 256; i++)
    (void)!slh_alloc_struct(grower.heap, grower.store->node, &ref);
  assert_status(slh_alloc_struct(grower.heap, grower.store->node, &ref), SLH_E_COLLECT);
  assert_ok(slh_heap_collect(grower.heap, NULL));
  slh_heap_reset(grower.heap);
  assert_int_equal(grower.calls, 0);
  slh_heap_release(grower.heap);
}

/* Refused only when there is no room left, not when the policy would like
 * more than there is. */
static void refusal_leaves_what_there_is(void **state)
{
  struct grower grower;

  open_grower(&grower, state, 256 * NODE_BYTES, 0);
  grower.cap = 0;
  assert_ok(push_many(&grower, 200)); /* the policy would allow 400 */
  for (int i = 0; i < 1000; i++)
    assert_ok(waste(&grower));
  assert_true(grower.calls > 10);
  assert_int_equal(stats_of(&grower).soft_limit, 256 * NODE_BYTES);
  assert_ok(push_many(&grower, 56));
  for (int i = 0; i < 3; i++)
    assert_status(push(&grower), SLH_E_REFUSED);
  assert_int_equal(stats_of(&grower).used, 256 * NODE_BYTES);
  assert_int_equal(grower.last.needed, NODE_BYTES);
  assert_ok(slh_heap_verify(grower.heap, NULL, NULL));
  grower.list = slh_get_ref(grower.heap, grower.list, HELPER_LEFT);
  assert_ok(push(&grower));
  assert_status(push(&grower), SLH_E_REFUSED);
  grower.cap = UINT64_MAX;
  assert_ok(push_many(&grower, 1000));
  slh_heap_release(grower.heap);
}

/* What is needed may be granted where the policy's wish is not. */
static void store_grows_to_what_the_callback_allows(void **state)
{
  struct grower grower;

  open_grower(&grower, state, 64 * NODE_BYTES, 0);
  grower.cap = 300 * NODE_BYTES;
  assert_status(push_many(&grower, 1000), SLH_E_REFUSED);
  assert_int_equal(stats_of(&grower).used, 300 * NODE_BYTES);
  assert_int_equal(stats_of(&grower).soft_limit, 300 * NODE_BYTES);
  slh_heap_release(grower.heap);
}

static void large_objects_are_refused_alone(void **state)
{
  struct grower grower;
  slh_ref array;

  open_grower(&grower, state, 4096, 1 << 20);
  grower.cap = 8192;
  assert_status(slh_new_array(grower.heap, grower.store->bytes, 100000, &array), SLH_E_REFUSED);
  assert_int_equal(grower.last.needed, 100008);
  assert_status(slh_new_array(grower.heap, grower.store->bytes, 2 << 20, &array), SLH_E_TOO_LARGE);
  assert_ok(push_many(&grower, 300));
  assert_ok(slh_heap_verify(grower.heap, NULL, NULL));
  slh_heap_release(grower.heap);
}

/* ---- random stores against random limits ---- */

static void limits_hold_for_random_stores(void **state)
{
  uint64_t random = helper_seed();

  for (uint64_t round = helper_rounds(300); round-- > 0;) {
    struct grower grower;
    uint64_t max = 64 + helper_below(&random, 20000), initial = helper_below(&random, max) + 1;
    uint64_t live = 0;

    open_grower(&grower, state, initial, max);
    grower.cap = helper_one_in(&random, 2) ? UINT64_MAX : helper_below(&random, max);
    max = stats_of(&grower).max;
    for (int i = 0; i < 1500; i++) {
      slh_heap_stats stats;
      bool keep = helper_one_in(&random, 2);
      slh_status status = keep ? push(&grower) : waste(&grower);
      /* What it may come to have without asking again. */
      uint64_t allowed = stats_of(&grower).soft_limit > grower.cap
                             ? stats_of(&grower).soft_limit
                             : (grower.cap < max ? grower.cap & ~UINT64_C(7) : max);

      if (status == SLH_OK)
        live += keep ? NODE_BYTES : 0;
      else
        assert_true((status == SLH_E_REFUSED || status == SLH_E_LIMIT) &&
                    live + NODE_BYTES > allowed);
      stats = stats_of(&grower);
      assert_true(stats.used <= stats.soft_limit && stats.soft_limit <= max);
      if (helper_one_in(&random, 300)) {
        grower.list = SLH_NULL;
        live = 0;
      }
    }
    slh_heap_release(grower.heap);
  }
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, store_setup, store_teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(heap_is_usable_at_its_limit),     TEST(callback_gets_the_figures),
      TEST(growing_by_hand_asks_too),        TEST(callback_is_asked_for_growth_only),
      TEST(refusal_leaves_what_there_is),    TEST(store_grows_to_what_the_callback_allows),
      TEST(large_objects_are_refused_alone), TEST(limits_hold_for_random_stores),
  };

  helper_zeal = SLH_ZEAL_NEVER;
  return helper_run(tests, NULL, NULL);
}
