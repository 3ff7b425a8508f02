/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * The work of one increment is bounded by its budget, whatever the heap holds:
 * measured in bytes that were copied and scanned, not in time. An increment
 * can scan as much as its budget says and copy as much, too; it goes beyond that
 * by the object it is at: a struct, and small objects that it refers to.
 */
/* [promise bounded-step] */
#include "tests/datum.h"
#include "tests/model.h"

#include "lib/collection.h"

#include <stdlib.h>

#define KIB UINT64_C(1024)
#define MIB (KIB * KIB)

/* Budgets that are small against these heaps. */
static const uint64_t budgets[] = {1000, 64 * KIB};

/* ---- measuring ---- */

/* How far a collection has come. */
struct progress {
  enum phase phase;
  unsigned stage;         /* grows from phase to phase, the second time through, too */
  uint64_t free, scanned; /* offsets */
  uint64_t large;         /* bytes of the large array that is scanned */
  uint64_t roots;         /* bytes of them, entries and references */
  uint64_t entries;       /* of a table */
  uint64_t ephemerons;    /* in all */
  uint64_t back;          /* bytes */
  uint64_t undropped;
};

static uint64_t root_bytes(const struct collection *c)
{
  uint64_t bytes = 4 * c->part;

  for (size_t i = 0; i < c->cursor; i++)
    bytes += 16 + 4 * (uint64_t)c->roots.entries[i].count;
  return bytes;
}

/* Bytes of places in the space that the scan has passed: nothing is there. */
static uint64_t skipped(const struct collection *c)
{
  uint64_t bytes = 0;

  for (uint32_t i = c->copying.larges.kept; i < c->copying.larges.count; i++) {
    const struct large *large = &c->copying.larges.at[i];

    if (large->in_place && large->place < c->copying.evacuation.scan)
      bytes += large->bytes;
  }
  return bytes;
}

static struct progress progress(const struct collection *c)
{
  const struct evacuation *e = &c->copying.evacuation;
  struct progress p = {.phase = c->phase, .free = e->free, .scanned = e->scan + e->part};

  p.scanned -= skipped(c);
  p.large = c->copying.larges.grey != 0 ? 4 * (uint64_t)c->copying.larges.scanned : 0;

  p.stage = c->phase + (c->copying.finalizing ? PHASE_DONE : 0);
  p.ephemerons = c->tables->ephemerons.count;
  if (c->phase == PHASE_CHECK || c->phase == PHASE_ROOTS || c->phase == PHASE_FINISH)
    p.roots = root_bytes(c);
  else if (c->phase != PHASE_SCAN && c->phase < PHASE_COPY_BACK)
    p.entries = c->cursor;
  if (c->phase >= PHASE_COPY_BACK)
    p.back = (c->phase == PHASE_COPY_BACK ? c->cursor : e->free - e->start) -
             c->copying.larges.stayed - c->copying.larges.dead;
  p.undropped = c->tables->host.used;
  return p;
}

/* Bytes of small objects that were copied into the space from `from` on; those
 * of large ones count when they are scanned. */
static uint64_t copied(const struct evacuation *e, uint64_t from)
{
  uint64_t bytes = 0;
  struct object object = {0};

  for (; from < e->free; from += object.bytes) {
    assert_true(slhi_object_read(e->shapes, e->to + from, e->free - from, &object));
    bytes += object.bytes <= SLHI_LAZY_BYTES ? object.bytes : 16;
  }
  return bytes;
}

/* Whether a phase lies wholly between two points. */
static bool passed(const struct progress *a, const struct progress *b, unsigned stage)
{
  return a->stage < stage && stage < b->stage;
}

/* Bytes of work for tables of which all was gone through. */
static uint64_t whole_tables(const struct collection *c, const struct progress *a,
                             const struct progress *b)
{
  uint64_t entries = 0;

  if (passed(a, b, PHASE_EPHEMERONS))
    entries += a->ephemerons;
  if (passed(a, b, PHASE_WEAK))
    entries += c->tables->weak.at.count;
  if (passed(a, b, PHASE_DONE + PHASE_EPHEMERONS))
    entries += a->ephemerons;
  if (passed(a, b, PHASE_DONE + PHASE_DEAD_KEYS))
    entries += a->ephemerons;
  return 16 * entries;
}

/* The work between two points: at least this. */
static uint64_t work(const struct collection *c, const struct progress *a, const struct progress *b)
{
  uint64_t bytes = b->scanned - a->scanned + (b->back - a->back) + whole_tables(c, a, b);

  if (b->large > a->large) /* else it is the next one */
    bytes += b->large - a->large;
  if (c->phase < PHASE_COPY_BACK)
    bytes += copied(&c->copying.evacuation, a->free);
  if (a->phase == b->phase) {
    bytes += b->roots - a->roots;
    if (b->entries > a->entries) /* else it is the next time through */
      bytes += 16 * (b->entries - a->entries);
  }
  return bytes + 64 * (a->undropped - b->undropped);
}

/* Collects; no step scans or copies more than `budget` and `slack` bytes.
 * Returns how many steps. */
static uint64_t collect(struct store *store, const slh_roots *roots, uint64_t budget,
                        uint64_t slack)
{
  const struct collection *c;
  uint64_t steps = 0;
  bool complete = false;

  assert_ok(slh_collection_begin(store->heap, roots));
  c = slhi_heap_collection(store->heap);
  for (;; steps++) {
    struct progress before = progress(c), after;

    assert_ok(slh_collection_step(store->heap, budget, &complete));
    if (complete) /* its state can be gone */
      return steps + 1;
    after = progress(c);
    assert_true(work(c, &before, &after) <= 2 * budget + slack);
  }
}

/* Steps that a collection may take which has `bytes` of work to do. */
static uint64_t at_most_steps(uint64_t bytes, uint64_t budget)
{
  return 2 * (bytes / budget) + 16;
}

static struct store *open_large(void)
{
  struct store_options options = {SLH_COLLECTOR_COPYING, NULL, 256 * MIB, 256 * MIB};

  return store_open(&options);
}

/* Large numbers are these only where they do not take long. */
static uint32_t many(uint32_t count)
{
  return (uint32_t)helper_rounds(count);
}

/* ---- heaps ---- */

/* The most that an increment can go beyond: a struct with up to 8 references is
 * scanned whole, and what they refer to copied; any other up to one reference. */
static uint64_t largest_scan(const struct model *model)
{
  uint64_t most = 0;

  for (size_t i = 0; i < model->node_count; i++) {
    const struct model_node *node = model->nodes[i];
    uint64_t bytes = model_bytes(node) + SLHI_LAZY_BYTES;

    for (uint32_t j = 0, found = 0; j < node->count && found < SLHI_MAP_REFS; j++) {
      const struct model_node *target = node->cells[j].target;

      if (target && ++found && model_bytes(target) <= SLHI_LAZY_BYTES)
        bytes += model_bytes(target);
    }
    if (bytes > most && node->type->kind == SLH_KIND_STRUCT)
      most = bytes;
  }
  return most + 64;
}

static void random_heaps(void **state)
{
  static const uint64_t small[] = {1, 7, 64, 1000, 64 * KIB};
  uint64_t seed = helper_seed();

  for (uint64_t round = helper_rounds(60); round > 0; round--) {
    struct store_options options = {SLH_COLLECTOR_COPYING, NULL, MODEL_HEAP_BYTES,
                                    MODEL_HEAP_BYTES};
    struct store *store = store_open(&options);
    struct model *model = model_open(store, seed++, NULL, 0);
    uint64_t budget = small[round % 5], steps;

    while (model_allocate(model)) {
      model_link(model);
      model_set_root(model);
    }
    steps = collect(store, NULL, budget, largest_scan(model));
    assert_true(steps <= at_most_steps(4 * MODEL_HEAP_BYTES, budget));
    model_compare(model);
    model_close(model);
    store_close(store);
  }
}

static void array_of_a_million_references(void **state)
{
  struct store *store = open_large();
  uint32_t count = many(1000000);
  slh_ref array = store->roots[0] = store_array(store, store->refs, count);

  for (uint32_t i = 0; i < count; i++) {
    slh_ref node = i % 3 ? SLH_NULL : store_node(store, SLH_NULL, SLH_NULL, (int32_t)i);

    assert_ok(slh_array_set_ref(store->heap, array, i, node));
  }
  for (size_t i = 0; i < 2; i++) {
    uint64_t steps = collect(store, NULL, budgets[i], 64);

    assert_true(steps > store_stats(store).live / budgets[i]);
    assert_true(steps <= at_most_steps(4 * store_stats(store).live, budgets[i]));
  }
  for (uint32_t i = 0; i < count; i += 3) {
    slh_ref node = SLH_NULL;

    assert_ok(slh_array_get_ref(store->heap, store->roots[0], i, &node));
    assert_int_equal(slh_get_i32(store->heap, node, HELPER_VALUE), i);
  }
  store_close(store);
}

static void array_of_sixty_megabytes(void **state)
{
  struct store *store = open_large();
  uint32_t length = many(60 * 1000 * 1000 + 5);
  unsigned char *bytes;

  store_array(store, store->bytes, 1000); /* so that it moves */
  store->roots[0] = store_array(store, store->bytes, length);
  bytes = slh_address(store->heap, store->roots[0], 8);
  for (uint32_t i = 0; i < length; i++)
    bytes[i] = (unsigned char)(i * 2654435761u >> 24);
  /* It slides down once. */
  assert_true(collect(store, NULL, budgets[0], 64) > length / budgets[0]);
  for (size_t i = 0; i < 2; i++)
    assert_true(collect(store, NULL, budgets[i], 64) < 20);
  bytes = slh_address(store->heap, store->roots[0], 8);
  assert_int_equal(store->roots[0].bits, slh_heap_first(store->heap));
  for (uint32_t i = 0; i < length; i++) {
    if (bytes[i] != (unsigned char)(i * 2654435761u >> 24))
      fail_msg("byte %u changed", i);
  }
  store_close(store);
}

/* Structs of the largest size, most of it references beyond the first. */
static void largest_structs(void **state)
{
  struct store *store = open_large();
  uint32_t count = SLH_STRUCT_SIZE_MAX / 4 - 2;
  slh_field *fields = calloc(count, sizeof *fields);
  const slh_type *type = NULL;

  assert_non_null(fields);
  for (uint32_t i = 0; i < count; i++)
    fields[i].storage = SLH_REF;
  assert_ok(slh_struct_type_new(store->runtime, NULL, NULL, fields, count, &type, NULL));
  free(fields);
  for (int i = 0; i < 20; i++) {
    slh_ref next = store->roots[0];

    assert_ok(slh_alloc_struct(store->heap, type, &store->roots[0]));
    slh_set_ref(store->heap, store->roots[0], 4, next);
    slh_set_ref(store->heap, store->roots[0], 4 * count, next);
    slh_set_ref(store->heap, store->roots[0], 2 * count, store_node(store, SLH_NULL, SLH_NULL, i));
  }
  for (size_t i = 0; i < 2; i++)
    (void)collect(store, NULL, budgets[i], SLH_STRUCT_SIZE_MAX + 64);
  store_verify(store);
  assert_int_equal(store_count(store), 40);
  store_close(store);
}

/* ---- roots ---- */

static void range_of_100000_roots(void **state)
{
  struct store *store = open_large();
  uint32_t count = many(100000);
  slh_ref *refs = calloc(count, sizeof *refs);
  slh_roots *roots = NULL;

  assert_non_null(refs);
  for (uint32_t i = 0; i < count; i++)
    refs[i] = i % 2 ? slh_i31((int32_t)i) : store_node(store, SLH_NULL, SLH_NULL, (int32_t)i);
  assert_ok(slh_roots_new(store->runtime, &roots));
  assert_ok(slh_roots_add(roots, SLH_ROOT_OTHER, refs, count, "range"));
  for (size_t i = 0; i < 2; i++)
    assert_true(collect(store, roots, budgets[i], 64) > 4 * (uint64_t)count / budgets[i]);
  for (uint32_t i = 0; i < count; i += 2)
    assert_int_equal(slh_get_i32(store->heap, refs[i], HELPER_VALUE), i);
  slh_roots_free(roots);
  free(refs);
  store_close(store);
}

static void list_of_10000_roots(void **state)
{
  struct store *store = open_large();
  uint32_t count = many(10000);
  slh_ref *refs = calloc(count, sizeof *refs);
  slh_roots *roots = NULL;

  assert_non_null(refs);
  assert_ok(slh_roots_new(store->runtime, &roots));
  for (uint32_t i = 0; i < count; i++) {
    refs[i] = store_node(store, i ? refs[i - 1] : SLH_NULL, SLH_NULL, (int32_t)i);
    assert_ok(slh_roots_add(roots, SLH_ROOT_STACK, &refs[i], i % 3 != 0, "entry"));
  }
  for (size_t i = 0; i < 2; i++)
    (void)collect(store, roots, budgets[i], 64);
  for (uint32_t i = 0; i < count; i++) {
    if (i % 3 != 0)
      assert_int_equal(slh_get_i32(store->heap, refs[i], HELPER_VALUE), i);
  }
  slh_roots_free(roots);
  free(refs);
  store_close(store);
}

/* ---- tables ---- */

static void dying_externrefs(void **state)
{
  struct store *store = open_large();
  uint32_t count = many(100000);
  struct datum *data = calloc(count, sizeof *data);

  assert_non_null(data);
  for (size_t i = 0; i < 2; i++) {
    memset(data, 0, count * sizeof *data);
    for (uint32_t j = 0; j < count; j++)
      (void)datum_externref(store, &data[j]);
    assert_true(collect(store, NULL, budgets[i], 64 + 64) >
                count * UINT64_C(64) / (budgets[i] + 64));
    datum_all_dropped(data, count);
  }
  free(data);
  store_close(store);
}

/* Half of what they hold is garbage. */
static void weak_references_ephemerons_and_finalizers(void **state)
{
  struct store *store = open_large();
  uint32_t count = many(20000);
  slh_ephemerons table;
  slh_weak weak;

  assert_ok(slh_ephemerons_new(store->heap, &table));
  for (uint32_t i = 0; i < count; i++) {
    slh_ref node = store_node(store, SLH_NULL, SLH_NULL, (int32_t)i);

    if (i % 2)
      store->roots[0] = store_node(store, store->roots[0], node, 0);
    assert_ok(slh_weak_new(store->heap, node, &weak));
    assert_ok(slh_ephemerons_set(store->heap, table, node, node));
    assert_ok(slh_finalizer_add(store->heap, node, NULL));
  }
  for (size_t i = 0; i < 2; i++)
    (void)collect(store, NULL, budgets[i], 64);
  store_verify(store);
  store_close(store);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(random_heaps),
      cmocka_unit_test(array_of_a_million_references),
      cmocka_unit_test(array_of_sixty_megabytes),
      cmocka_unit_test(largest_structs),
      cmocka_unit_test(range_of_100000_roots),
      cmocka_unit_test(list_of_10000_roots),
      cmocka_unit_test(dying_externrefs),
      cmocka_unit_test(weak_references_ephemerons_and_finalizers),
  };

  helper_zeal = SLH_ZEAL_NEVER;
  return helper_run(tests, NULL, NULL);
}
