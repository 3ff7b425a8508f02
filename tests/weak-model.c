/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* The graph, what a collection makes of it, and comparing that with the heap. */
#include "tests/weak-model.h"

#include <stdlib.h>

#define NODES 4096 /* ever made in one model */
#define WEAK 64

struct node {
  slh_ref at;
  uint32_t links[2]; /* numbers of nodes, or 0 */
  bool alive;        /* in the heap */
  bool reached;      /* by the collection that is worked out */
  bool old;          /* it has survived one */
  uint32_t finalizers;
  uint32_t queued; /* how often it is in the queue */
};

/* Nodes by number from 1 on; 0 is null. */
struct weak_model {
  struct store *store;
  uint64_t random;
  bool finalizers, collects;
  uint32_t count;
  struct node nodes[NODES];
  uint32_t roots[STORE_ROOTS];
  uint32_t weak_targets[WEAK];
  slh_weak weak[WEAK];
  slh_ephemerons tables[WEAK_TABLES];
  uint32_t values[WEAK_TABLES][NODES]; /* by key; 0: no entry */
  uint32_t queued;                     /* in all */
};

static uint32_t below(struct weak_model *m, uint32_t bound)
{
  return (uint32_t)helper_below(&m->random, bound);
}

/* A node that is alive, or 0. */
static uint32_t random_node(struct weak_model *m)
{
  for (int tries = 0; m->count > 0 && tries < 8; tries++) {
    uint32_t number = m->count - below(m, m->count < 300 ? m->count : 300);

    if (m->nodes[number].alive)
      return number;
  }
  return 0;
}

static slh_ref at(const struct weak_model *m, uint32_t number)
{
  return m->nodes[number].at; /* 0: null */
}

/* ---- opening and closing ---- */

struct weak_model *weak_model_open(struct store *store, uint64_t seed, bool finalizers)
{
  struct weak_model *m = calloc(1, sizeof *m);

  assert_non_null(m);
  m->store = store;
  m->random = seed;
  m->finalizers = finalizers;
  m->collects = slh_heap_collector(store->heap) != SLH_COLLECTOR_NULL;
  for (int i = 0; i < WEAK_TABLES; i++)
    assert_ok(slh_ephemerons_new(store->heap, &m->tables[i]));
  for (int i = 0; i < WEAK; i++)
    assert_ok(slh_weak_new(store->heap, SLH_NULL, &m->weak[i]));
  return m;
}

void weak_model_close(struct weak_model *m)
{
  free(m);
}

/* ---- random changes ---- */

static void set_root(struct weak_model *m, uint32_t number)
{
  uint32_t root = below(m, STORE_ROOTS);

  m->roots[root] = number;
  m->store->roots[root] = at(m, number);
}

static void link_nodes(struct weak_model *m, uint32_t from, uint32_t to)
{
  uint32_t which = below(m, 2);

  if (from == 0)
    return;
  m->nodes[from].links[which] = to;
  slh_set_ref(m->store->heap, at(m, from), which ? HELPER_RIGHT : HELPER_LEFT, at(m, to));
}

static void new_node(struct weak_model *m)
{
  uint32_t number;

  if (m->count + 1 == NODES)
    return;
  number = ++m->count;
  m->nodes[number].at = store_node(m->store, SLH_NULL, SLH_NULL, (int32_t)number);
  m->nodes[number].alive = true;
  link_nodes(m, number, random_node(m));
  if (helper_one_in(&m->random, 3))
    set_root(m, number);
}

static void renew_weak(struct weak_model *m)
{
  uint32_t i = below(m, WEAK);

  slh_weak_free(m->store->heap, m->weak[i]);
  m->weak_targets[i] = random_node(m);
  assert_ok(slh_weak_new(m->store->heap, at(m, m->weak_targets[i]), &m->weak[i]));
}

static void change_entry(struct weak_model *m)
{
  uint32_t table = below(m, WEAK_TABLES), key = random_node(m), value = random_node(m);
  slh_ref found = SLH_NULL;

  if (key == 0 || value == 0)
    return;
  if (helper_one_in(&m->random, 6)) {
    bool there = m->values[table][key] != 0;

    assert_int_equal(slh_ephemerons_remove(m->store->heap, m->tables[table], at(m, key)), there);
    m->values[table][key] = 0;
    assert_false(slh_ephemerons_get(m->store->heap, m->tables[table], at(m, key), &found));
    return;
  }
  if (helper_one_in(&m->random, 8))
    value = key; /* an entry whose value is its key */
  assert_ok(slh_ephemerons_set(m->store->heap, m->tables[table], at(m, key), at(m, value)));
  m->values[table][key] = value;
}

static void renew_table(struct weak_model *m)
{
  uint32_t table = below(m, WEAK_TABLES);

  slh_ephemerons_free(m->store->heap, m->tables[table]);
  assert_ok(slh_ephemerons_new(m->store->heap, &m->tables[table]));
  memset(m->values[table], 0, sizeof m->values[table]);
}

static void add_finalizer(struct weak_model *m)
{
  uint32_t number = random_node(m);

  if (number == 0 || !m->finalizers)
    return;
  assert_ok(slh_finalizer_add(m->store->heap, at(m, number), &m->nodes[number]));
  m->nodes[number].finalizers++;
}

/* What is polled is rooted, one time in three. */
static void poll(struct weak_model *m)
{
  slh_ref ref = SLH_NULL;
  void *data = NULL;
  struct node *node;

  assert_int_equal(slh_finalizer_poll(m->store->heap, &ref, &data), m->queued != 0);
  if (m->queued == 0)
    return;
  node = data;
  assert_true(node->alive);
  assert_true(node->queued > 0);
  assert_int_equal(ref.bits, node->at.bits);
  node->queued--;
  m->queued--;
  if (helper_one_in(&m->random, 3))
    set_root(m, (uint32_t)(node - m->nodes));
}

void weak_model_step(struct weak_model *m)
{
  uint32_t what = below(m, 64);

  if (what < 20)
    new_node(m);
  else if (what < 30)
    link_nodes(m, random_node(m), random_node(m));
  else if (what < 36)
    set_root(m, helper_one_in(&m->random, 2) ? 0 : random_node(m));
  else if (what < 42)
    renew_weak(m);
  else if (what < 56)
    change_entry(m);
  else if (what < 60)
    add_finalizer(m);
  else if (what < 63)
    poll(m);
  else if (helper_one_in(&m->random, 16))
    renew_table(m);
}

/* ---- working a collection out ---- */

static void reach(struct weak_model *m, uint32_t number)
{
  struct node *node = &m->nodes[number];

  if (number == 0 || node->reached)
    return;
  node->reached = true;
  reach(m, node->links[0]);
  reach(m, node->links[1]);
}

/* Until no value of a key that is reached is not. */
static void reach_values(struct weak_model *m)
{
  bool more = true;

  while (more) {
    more = false;
    for (int table = 0; table < WEAK_TABLES; table++) {
      for (uint32_t key = 1; key <= m->count; key++) {
        uint32_t value = m->values[table][key];

        if (value == 0 || !m->nodes[key].reached || m->nodes[value].reached)
          continue;
        reach(m, value);
        more = true;
      }
    }
  }
}

static void queue_finalizers(struct weak_model *m)
{
  bool dead[NODES];

  for (uint32_t i = 1; i <= m->count; i++)
    dead[i] = !m->nodes[i].reached && m->nodes[i].finalizers > 0;
  for (uint32_t i = 1; i <= m->count; i++) {
    if (!dead[i])
      continue;
    m->nodes[i].queued += m->nodes[i].finalizers;
    m->queued += m->nodes[i].finalizers;
    m->nodes[i].finalizers = 0;
    reach(m, i);
  }
  reach_values(m);
}

static void forget_dead(struct weak_model *m)
{
  for (uint32_t i = 1; i <= m->count; i++) {
    struct node *node = &m->nodes[i];

    for (int table = 0; table < WEAK_TABLES; table++) {
      if (!node->reached)
        m->values[table][i] = 0;
    }
    node->alive = node->old = node->reached;
    node->reached = false;
  }
}

static void work_out(struct weak_model *m, bool young)
{
  if (!m->collects)
    return;
  for (uint32_t i = 1; i <= m->count && young; i++) {
    if (m->nodes[i].old)
      reach(m, i);
  }
  for (int i = 0; i < STORE_ROOTS; i++)
    reach(m, m->roots[i]);
  for (uint32_t i = 1; i <= m->count; i++) {
    if (m->nodes[i].queued > 0)
      reach(m, i);
  }
  reach_values(m);
  for (int i = 0; i < WEAK; i++) {
    if (!m->nodes[m->weak_targets[i]].reached)
      m->weak_targets[i] = 0;
  }
  queue_finalizers(m);
  forget_dead(m);
}

/* ---- comparing ---- */

struct walk {
  struct weak_model *model;
  uint32_t count;
};

/* Finds out where the nodes are now: by their numbers. */
static bool visit(void *context, slh_ref object, const slh_type *type, uint64_t size)
{
  struct walk *walk = context;
  struct weak_model *m = walk->model;
  uint32_t number = slh_get_u32(m->store->heap, object, HELPER_VALUE);

  assert_ptr_equal(type, m->store->node);
  assert_in_range(number, 1, m->count);
  assert_true(m->nodes[number].alive);
  m->nodes[number].at = object;
  walk->count++;
  return true;
}

static void compare_nodes(struct weak_model *m)
{
  for (uint32_t i = 1; i <= m->count; i++) {
    const struct node *node = &m->nodes[i];

    if (!node->alive)
      continue;
    assert_int_equal(slh_get_ref(m->store->heap, node->at, HELPER_LEFT).bits,
                     at(m, node->links[0]).bits);
    assert_int_equal(slh_get_ref(m->store->heap, node->at, HELPER_RIGHT).bits,
                     at(m, node->links[1]).bits);
  }
}

static void compare_tables(struct weak_model *m)
{
  for (int i = 0; i < WEAK; i++)
    assert_int_equal(slh_weak_get(m->store->heap, m->weak[i]).bits, at(m, m->weak_targets[i]).bits);
  for (int table = 0; table < WEAK_TABLES; table++) {
    for (uint32_t key = 1; key <= m->count; key++) {
      uint32_t value = m->values[table][key];
      slh_ref found = SLH_NULL;

      if (!m->nodes[key].alive)
        continue;
      assert_int_equal(slh_ephemerons_get(m->store->heap, m->tables[table], at(m, key), &found),
                       value != 0);
      assert_int_equal(found.bits, at(m, value).bits);
    }
  }
}

void weak_model_compare(struct weak_model *m)
{
  struct walk walk = {m, 0};
  uint32_t alive = 0;

  for (uint32_t i = 1; i <= m->count; i++)
    alive += m->nodes[i].alive;
  assert_ok(slh_heap_walk(m->store->heap, visit, &walk));
  assert_int_equal(walk.count, alive);
  for (int i = 0; i < STORE_ROOTS; i++)
    assert_int_equal(m->store->roots[i].bits, at(m, m->roots[i]).bits);
  compare_nodes(m);
  compare_tables(m);
}

void weak_model_collect(struct weak_model *m, uint64_t budget)
{
  (void)store_collect_in_steps(m->store, budget);
  work_out(m, false);
  weak_model_compare(m);
}

void weak_model_collect_young(struct weak_model *m, uint64_t budget)
{
  bool complete = false;

  assert_ok(slh_collection_begin_young(m->store->heap, NULL));
  while (!complete)
    assert_ok(slh_collection_step(m->store->heap, budget, &complete));
  work_out(m, true);
  weak_model_compare(m);
}
