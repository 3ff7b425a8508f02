/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Every figure that a policy is given, at every call, against a model of the heap;
 * and that it is asked when it should be, and not else. The policy answers at
 * random: anything may be wished for.
 */
#include "tests/policed.h"

#define KIB UINT64_C(1024)
#define MAX_BYTES (1024 * KIB)
#define UNBOUNDED UINT64_MAX

/* What is expected next of the heap. */
enum pending {
  NOTHING,
  GROWTH,
  YOUNG,
  AFTER_YOUNG, /* a full one if that did not help */
  FULL
};

/* Objects are nodes of one list that lives, and arrays that do not. */
struct model {
  slh_heap *heap;
  uint64_t random;
  slh_policy_figures f;
  uint64_t list_old, list_young; /* bytes of the list */
  enum pending pending;
  bool asked; /* to act, by this allocation */
  uint64_t grown, young, full;
};

static void compare(const struct model *m, const slh_policy_figures *f)
{
  slh_policy_figures expected = m->f;

  if (expected.nursery == UNBOUNDED)
    expected.nursery = expected.initial;
  assert_int_equal(f->used, expected.used);
  assert_int_equal(f->old, expected.old);
  assert_int_equal(f->live, expected.live);
  assert_int_equal(f->survival, expected.survival);
  assert_int_equal(f->soft_limit, expected.soft_limit);
  assert_int_equal(f->nursery, expected.nursery);
  assert_int_equal(f->initial, expected.initial);
  assert_int_equal(f->max, expected.max);
  assert_int_equal(f->collections, expected.collections);
  assert_int_equal(f->generational, expected.generational);
}

/* ---- what happens to the heap ---- */

static void collected(struct model *m, bool young)
{
  uint64_t looked_at = m->f.used - (young ? m->f.old : 0);
  uint64_t lived = m->list_young + (young ? 0 : m->list_old);

  m->list_old += m->list_young;
  m->list_young = 0;
  m->f.used = lived + (young ? m->f.old : 0);
  if (!young)
    m->f.live = m->f.used;
  if (m->f.generational)
    m->f.old = m->f.used;
  if (looked_at > 0)
    m->f.survival = lived * 100 / looked_at;
  m->f.collections++;
  m->young += young;
  m->full += !young;
}

static uint64_t rounded(uint64_t nursery)
{
  uint64_t bytes = 64 * KIB;

  while (bytes < nursery && bytes < UINT64_C(1) << 46)
    bytes *= 2;
  return bytes < nursery ? UNBOUNDED : bytes;
}

static uint64_t trigger(const struct model *m)
{
  if (m->f.nursery == UNBOUNDED || m->f.old + m->f.nursery > m->f.soft_limit)
    return m->f.soft_limit;
  return m->f.old + m->f.nursery;
}

/* ---- the policy ---- */

static uint64_t random_wish(struct model *m)
{
  uint64_t wish = helper_random(&m->random) >> helper_below(&m->random, 64);

  return helper_one_in(&m->random, 4) ? wish : wish % (2 * MAX_BYTES);
}

static slh_policy_action act(void *context, const slh_policy_figures *f)
{
  struct model *m = context;
  slh_policy_action action = (slh_policy_action)helper_below(&m->random, 3);

  assert_int_equal(m->pending, NOTHING);
  assert_false(m->asked);
  assert_int_equal(f->needed, m->f.needed);
  compare(m, f);
  m->asked = true;
  m->pending = action == SLH_POLICY_GROW                ? GROWTH
               : action == SLH_POLICY_FULL || !m->f.old ? FULL
                                                        : YOUNG;
  return action;
}

static uint64_t soft_limit(void *context, const slh_policy_figures *f)
{
  struct model *m = context;
  uint64_t wish = random_wish(m), least = m->f.used + m->f.needed;
  bool grows = m->pending == GROWTH;

  /* Others say so by asking for the nursery. */
  if (m->pending == FULL && !m->f.generational) {
    collected(m, false);
    m->pending = NOTHING;
    least = m->f.used + m->f.needed;
  }
  assert_true(grows || m->pending == NOTHING);
  assert_int_equal(f->needed, m->f.needed);
  compare(m, f);
  m->f.soft_limit = wish > least ? wish : least;
  if (m->f.soft_limit > m->f.max)
    m->f.soft_limit = m->f.max;
  m->grown += grows;
  m->pending = NOTHING;
  if (grows && m->f.nursery == UNBOUNDED && least > m->f.max)
    m->pending = FULL;
  else if (grows && least > m->f.max)
    m->pending = GROWTH; /* in vain; but first it asks for the nursery */
  return wish;
}

static uint64_t nursery(void *context, const slh_policy_figures *f)
{
  struct model *m = context;
  uint64_t wish = random_wish(m);

  assert_true(m->f.generational);
  if (m->pending == YOUNG) {
    collected(m, true);
    m->pending = AFTER_YOUNG;
  } else if (m->pending == AFTER_YOUNG || m->pending == FULL) {
    collected(m, false);
    m->pending = NOTHING;
  } else if (m->pending == GROWTH) {
    m->pending = FULL;
  }
  assert_int_equal(f->needed, 0);
  compare(m, f);
  m->f.nursery = rounded(wish);
  return wish;
}

/* ---- the program ---- */

static void allocated(struct model *m, uint64_t bytes)
{
  slh_heap_stats stats;

  /* A nursery that is too small for the object is made larger. */
  if (m->asked && m->f.nursery != UNBOUNDED && m->f.used + bytes > trigger(m))
    m->f.nursery = rounded(m->f.used + bytes - m->f.old);
  m->f.used += bytes;
  slh_heap_get_stats(m->heap, &stats);
  assert_int_equal(stats.used, m->f.used);
  assert_int_equal(stats.soft_limit, m->f.soft_limit);
  assert_int_equal(stats.live, m->f.live);
  assert_int_equal(stats.old, m->f.old);
  assert_int_equal(stats.collections, m->f.collections);
  assert_int_equal(stats.young_collections, m->young);
  assert_true(stats.used <= stats.soft_limit && stats.soft_limit <= stats.max);
}

static void begin(struct model *m, uint64_t bytes)
{
  m->f.needed = bytes;
  m->asked = false;
  m->pending = NOTHING;
}

/* Whether the policy was asked, if and only if there was no room. */
static void end(struct model *m, uint64_t bytes, bool due)
{
  assert_int_equal(m->asked, due);
  assert_true(m->pending == NOTHING || m->pending == AFTER_YOUNG);
  allocated(m, bytes);
}

static void add_node(struct model *m, struct store *store)
{
  bool due = m->f.used + 16 > trigger(m);
  slh_ref node = SLH_NULL;

  begin(m, 16);
  assert_ok(slh_new_struct(store->heap, store->node, &node));
  end(m, 16, due);
  slh_init_ref(store->heap, node, HELPER_LEFT, store->roots[0]);
  slh_set_i32(store->heap, node, HELPER_VALUE, (int32_t)(m->list_old + m->list_young));
  store->roots[0] = node;
  m->list_young += 16;
}

static void add_garbage(struct model *m, struct store *store)
{
  uint64_t bytes =
      16 + helper_below(&m->random, (64 * KIB) >> helper_below(&m->random, 12)) / 8 * 8;
  bool due = m->f.used + bytes > trigger(m);
  slh_ref array = SLH_NULL;

  begin(m, bytes);
  assert_ok(slh_new_array(store->heap, store->bytes, (uint32_t)bytes - 8, &array));
  end(m, bytes, due);
}

/* All of the list is there. */
static void check_list(const struct model *m, struct store *store)
{
  uint64_t bytes = m->list_old + m->list_young;
  slh_ref node = store->roots[0];

  for (; !slh_is_null(node); node = slh_get_ref(store->heap, node, HELPER_LEFT)) {
    bytes -= 16;
    assert_int_equal(slh_get_i32(store->heap, node, HELPER_VALUE), bytes);
  }
  assert_int_equal(bytes, 0);
}

static void run(struct model *m, struct store *store)
{
  for (int step = 0; step < 1500; step++) {
    for (uint64_t nodes = helper_below(&m->random, 100); nodes > 0; nodes--)
      add_node(m, store);
    add_garbage(m, store);
    if (m->list_old + m->list_young > MAX_BYTES / 2 || helper_one_in(&m->random, 300)) {
      check_list(m, store);
      store->roots[0] = SLH_NULL;
      m->list_old = m->list_young = 0;
    }
  }
  check_list(m, store);
  store_verify(store);
}

static void every_figure(slh_collector collector)
{
  uint64_t seed = helper_seed(), grown = 0, young = 0, full = 0;

  for (uint64_t round = helper_rounds(40); round > 0; round--, seed++) {
    struct model m = {.random = seed};
    slh_policy policy = {act, soft_limit, nursery, &m};
    struct store_options options = {collector, NULL, MAX_BYTES, 0};
    struct store *store;

    options.initial_bytes = (KIB + helper_below(&m.random, MAX_BYTES)) & ~7u;
    store = policed_open(&options, &policy, NULL);
    m.heap = store->heap;
    m.f.initial = m.f.soft_limit =
        options.initial_bytes < MAX_BYTES ? options.initial_bytes : MAX_BYTES;
    m.f.max = MAX_BYTES;
    m.f.nursery = UNBOUNDED;
    m.f.generational = collector == SLH_COLLECTOR_GENERATIONAL;
    run(&m, store);
    grown += m.grown;
    young += m.young;
    full += m.full;
    store_close(store);
  }
  assert_true(grown > 0 && full > 0 && (young > 0) == (collector == SLH_COLLECTOR_GENERATIONAL));
}

static void copying(void **state)
{
  (void)state;
  every_figure(SLH_COLLECTOR_COPYING);
}

static void generational(void **state)
{
  (void)state;
  every_figure(SLH_COLLECTOR_GENERATIONAL);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(copying),
      cmocka_unit_test(generational),
  };

  return helper_run(tests, NULL, NULL);
}
