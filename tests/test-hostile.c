/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * A heap whose bytes are anything at all: every call returns, no other heap
 * changes, and after a reset the slot is as good as new.
 */
/* [promise checked] */
#include "tests/collectors.h"
#include "tests/victim.h"

#define ROUNDS 48000

/* What a call on such a heap may come to. */
static void expect(const struct victim *victim, slh_status status)
{
  switch (status) {
  case SLH_OK:
  case SLH_E_TYPE:
  case SLH_E_BOUNDS:
  case SLH_E_COLLECT:
  case SLH_E_TOO_LARGE:
  case SLH_E_LIMIT:
    assert_false(victim->corrupt);
    break;
  default:
    assert_status(status, SLH_E_CORRUPT);
  }
}

static bool visit(void *context, slh_ref object, const slh_type *type, uint64_t size)
{
  struct victim *victim = context;

  assert_true(object.bits >= SLH_WIDE_FIRST && object.bits + size <= victim_bump(victim));
  assert_non_null(type);
  return true;
}

/* Some steps of a collection, mostly up to its end. */
static slh_status collect_in_steps(struct victim *victim)
{
  slh_status status = victim_below(victim, 2) ? slh_collection_begin(victim->heap, NULL)
                                              : slh_collection_begin_young(victim->heap, NULL);
  bool complete = false;

  while (status == SLH_OK && !complete) {
    if (victim_below(victim, 50) == 0) {
      victim->active = true;
      break;
    }
    status = slh_collection_step(victim->heap, victim_below(victim, 10000), &complete);
  }
  return status;
}

static uint64_t young_collections(const struct victim *victim)
{
  slh_heap_stats stats;

  slh_heap_get_stats(victim->heap, &stats);
  return stats.young_collections;
}

static void collect(struct victim *victim)
{
  uint64_t before = victim_bump(victim), young = young_collections(victim);
  slh_status status;

  switch (victim_below(victim, 4)) {
  case 0:
    status = slh_heap_collect(victim->heap, NULL);
    break;
  case 1:
    status = slh_heap_collect_young(victim->heap, NULL);
    break;
  default:
    status = collect_in_steps(victim);
  }
  expect(victim, status);
  if (status == SLH_OK && !victim->active) {
    assert_true(victim_bump(victim) <= before);
    /* What was copied was checked, and lies one after the other. */
    status = slh_heap_walk(victim->heap, visit, victim);
    assert_true(status == SLH_OK || young_collections(victim) != young);
    status = SLH_OK;
  }
  victim->corrupt = status != SLH_OK;
}

/* A collection can run inside; whether it found damage is seen afterwards. */
static void allocate(struct victim *victim)
{
  slh_heap *heap = victim->heap;
  uint32_t length = (uint32_t)victim_below(victim, 200);
  slh_ref ref = SLH_NULL;
  slh_status status;

  if (victim_below(victim, 2)) {
    expect(victim, slh_alloc_struct(heap, victim->types[0], &ref));
    expect(victim, slh_alloc_array(heap, victim->types[3], length, &ref));
    expect(victim, slh_heap_grow(heap, length));
    return;
  }
  status = slh_new_array(heap, victim->types[1], length * length, &ref);
  expect(victim, status);
  victim->corrupt = status == SLH_E_CORRUPT;
  status = slh_heap_make_room(heap, length * length);
  expect(victim, status);
  victim->corrupt = status == SLH_E_CORRUPT;
}

static slh_ref random_ref(struct victim *victim)
{
  slh_ref ref = {victim_bits(victim)};

  if (victim_below(victim, 2))
    memcpy(&ref, victim_byte(victim, victim_place(victim, 4)), sizeof ref);
  return ref;
}

static uint32_t random_index(struct victim *victim)
{
  return victim_below(victim, 4) ? (uint32_t)victim_below(victim, 130) : victim_bits(victim);
}

static void access_fields(struct victim *victim)
{
  slh_heap *heap = victim->heap;
  slh_ref ref = random_ref(victim);
  uint32_t index = random_index(victim);
  slh_value value = {SLH_REF, {.ref = random_ref(victim)}};
  const void *function;

  expect(victim, slh_struct_set(heap, ref, index, &value));
  expect(victim, slh_array_set(heap, ref, index, &value));
  expect(victim, slh_array_fill(heap, ref, index, random_index(victim), &value));
  expect(victim, slh_struct_get(heap, ref, index, &value));
  expect(victim, slh_array_get(heap, ref, index, &value));
  assert_int_equal(slh_funcref_function(heap, 1 + index % UINT32_MAX, &function), SLH_E_CORRUPT);
}

static void access_arrays(struct victim *victim)
{
  static const char bytes[130 * 16] = {1, 2, 3, 4};
  slh_heap *heap = victim->heap;
  slh_ref ref = random_ref(victim);
  uint32_t length = 0;
  void *data = NULL;

  expect(victim, slh_array_copy(heap, ref, random_index(victim), random_ref(victim),
                                random_index(victim), random_index(victim)));
  expect(victim, slh_array_init(heap, ref, random_index(victim),
                                (uint32_t)victim_below(victim, 130), bytes));
  expect(victim, slh_array_len(heap, ref, &length));
  if (slh_array_data(heap, ref, SLH_I8, &data, &length) == SLH_OK)
    assert_true((char *)data + length <= victim_byte(victim, victim_bump(victim)));
}

static void access_objects(struct victim *victim)
{
  slh_heap *heap = victim->heap;
  slh_ref ref = random_ref(victim);
  const slh_type *type;
  uint64_t start, end = 0;
  slh_object_view view;
  uint32_t *header;
  void *data;

  expect(victim, slh_object_type(heap, ref, &type));
  expect(victim, slh_object_header(heap, ref, &header));
  expect(victim, slh_externref_data(heap, ref, &data));
  expect(victim, slh_object_range(heap, ref, &start, &end));
  assert_true(end <= victim_bump(victim));
  if (slh_object_data(heap, ref, &view) == SLH_OK)
    memset(view.bytes, (int)victim_below(victim, 256), view.length);
  (void)slh_object_is(heap, ref, victim->types[0]);
  (void)slh_ref_is(heap, ref, SLH_EQ, true);
  if (victim_below(victim, 4) == 0)
    expect(victim, slh_dealloc(heap, ref));
}

/* What was given back is scrubbed all the same, and zeroed if it is allocated
 * again. */
static void give_back(struct victim *victim)
{
  slh_heap *heap = victim->heap;
  uint32_t length = (uint32_t)victim_below(victim, 1000);
  slh_ref array = SLH_NULL, again = SLH_NULL;
  void *bytes = NULL;

  if (slh_alloc_array(heap, victim->types[2], length, &array) != SLH_OK)
    return;
  assert_ok(slh_array_data(heap, array, SLH_I8, &bytes, &length));
  memset(bytes, 0x5a, length);
  assert_ok(slh_dealloc(heap, array));
  if (victim_below(victim, 2)) {
    assert_ok(slh_alloc_array(heap, victim->types[2], length, &again));
    assert_int_equal(again.bits, array.bits);
    assert_null(memchr(bytes, 0x5a, length));
  }
}

/* Weak things of what may be no object. */
static void hold(struct victim *victim)
{
  slh_heap *heap = victim->heap;
  uint64_t used = victim_below(victim, 4);
  slh_ephemerons table;
  slh_weak weak;
  slh_ref ref;
  void *data;

  if (victim->corrupt)
    return;
  assert_ok(slh_ephemerons_new(heap, &table));
  for (uint64_t i = used; i > 0; i--) {
    assert_ok(slh_weak_new(heap, random_ref(victim), &weak));
    expect(victim, slh_finalizer_add(heap, random_ref(victim), victim));
    expect(victim, slh_ephemerons_set(heap, table, random_ref(victim), random_ref(victim)));
  }
  collect(victim);
  if (victim->corrupt || victim->active)
    return;
  if (used) {
    ref = slh_weak_get(heap, weak);
    assert_true(slh_is_i31(ref) || ref.bits < victim_bump(victim));
  }
  while (slh_finalizer_poll(heap, &ref, &data))
    assert_ptr_equal(data, victim);
  if (slh_ephemerons_get(heap, table, random_ref(victim), &ref))
    slh_ephemerons_free(heap, table);
}

static void call(struct victim *victim)
{
  static void (*const calls[])(struct victim *) = {
      collect, allocate, access_fields, access_arrays, access_objects, hold, give_back};
  slh_error error;

  if (victim->active)
    return;
  switch (victim_below(victim, 4)) {
  case 0:
    expect(victim, slh_heap_verify(victim->heap, NULL, &error));
    break;
  case 1:
    expect(victim, slh_heap_walk(victim->heap, visit, victim));
    break;
  default:
    calls[victim_below(victim, sizeof calls / sizeof *calls)](victim);
  }
}

/* Ends the store; the next one finds nothing of it. */
static void recover(struct victim *victim)
{
  slh_error error = {0};
  slh_ref ref = SLH_NULL;

  memset(victim->roots, 0, sizeof victim->roots);
  if (victim_below(victim, 2)) {
    slh_heap_reset(victim->heap);
  } else {
    slh_heap_release(victim->heap);
    victim->heap = victim_acquire(victim);
  }
  for (uint32_t i = 0; i < victim->externrefs; i++)
    assert_int_equal(victim->drops[i], 1);
  memset(victim->drops, 0, sizeof victim->drops);
  victim->externrefs = 0;
  victim->corrupt = victim->active = false;
  if (slh_heap_verify(victim->heap, NULL, &error) != SLH_OK)
    fail_msg("%s", error.message);
  assert_ok(slh_new_struct(victim->heap, victim->types[0], &ref));
  victim->roots[0] = ref;
  assert_ok(slh_heap_collect(victim->heap, NULL));
  assert_int_equal(victim->roots[0].bits, SLH_WIDE_FIRST);
  assert_int_equal(victim_bump(victim), SLH_WIDE_FIRST + 16);
}

static void torment(slh_isolation isolation, uint64_t rounds)
{
  struct victim victim;

  victim_open(&victim, isolation);
  while (rounds-- > 0) {
    victim_fill(&victim);
    for (uint64_t i = 1 + victim_below(&victim, 4); i > 0; i--)
      victim_damage(&victim);
    for (uint64_t i = 1 + victim_below(&victim, 8); i > 0; i--)
      call(&victim);
    victim_check_neighbours(&victim);
    for (uint32_t i = 0; i < victim.externrefs; i++)
      assert_true(victim.drops[i] <= 1);
    recover(&victim);
  }
  victim_check_neighbours(&victim);
  victim_close(&victim);
}

static void random_damage_below_the_bump_pointer(void **state)
{
  torment(SLH_ISOLATION_SCRUB, helper_rounds(ROUNDS));
}

static void random_damage_wherever_the_slot_is_accessible(void **state)
{
  torment(SLH_ISOLATION_STRICT, helper_rounds(ROUNDS / 4));
}

/* Each of the arrays is most of the heap; there are hundreds. */
static void overlapping_objects_do_not_evacuate_more_than_the_heap(void **state)
{
  struct victim victim;

  victim_open(&victim, SLH_ISOLATION_SCRUB);
  for (uint64_t i = 0; i < 100; i++) {
    slh_ref array = SLH_NULL;

    assert_ok(slh_heap_grow(victim.heap, VICTIM_BYTES));
    assert_ok(slh_alloc_array(victim.heap, victim.types[2], (uint32_t)VICTIM_BYTES - 8, &array));
    victim_overlap(&victim);
    assert_status(slh_heap_collect(victim.heap, NULL), SLH_E_CORRUPT);
    victim_check_neighbours(&victim);
    recover(&victim);
    slh_heap_reset(victim.heap);
  }
  victim_close(&victim);
}

/* An array of k references to k objects of 16 bytes, one every 8 bytes. */
static void small_objects_that_overlap_do_not_either(void **state)
{
  const slh_field field = {NULL, SLH_I64, 0};
  const uint32_t count = 4000;
  struct victim victim;
  const slh_type *type = NULL;
  slh_ref refs = SLH_NULL, bytes = SLH_NULL;

  victim_open(&victim, SLH_ISOLATION_SCRUB);
  assert_ok(slh_struct_type_new(victim.runtime, NULL, NULL, &field, 1, &type, NULL));
  assert_ok(slh_heap_grow(victim.heap, VICTIM_BYTES));
  assert_ok(slh_alloc_array(victim.heap, victim.types[1], count, &refs));
  assert_ok(slh_alloc_array(victim.heap, victim.types[2], 8 * count + 8, &bytes));
  for (uint32_t i = 0; i < count; i++) {
    slh_ref object = {bytes.bits + 8 + 8 * i};

    memcpy(victim_byte(&victim, object.bits), &type->header, sizeof type->header);
    assert_ok(slh_array_set_ref(victim.heap, refs, i, object));
  }
  victim.roots[0] = refs;
  assert_status(slh_heap_collect(victim.heap, NULL), SLH_E_CORRUPT);
  victim_check_neighbours(&victim);
  recover(&victim);
  victim_close(&victim);
}

/* A mark that says where an object went is believed only if that is possible. */
static void forged_forwarding_marks_lead_nowhere(void **state)
{
  const uint32_t marks[] = {1, SLH_WIDE_FIRST | 1, UINT32_C(0xfffffff9), (1 << 20) | 1};

  for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
    struct victim victim;
    slh_ref node = SLH_NULL;
    slh_weak weak;

    victim_open(&victim, SLH_ISOLATION_SCRUB);
    assert_ok(slh_alloc_struct(victim.heap, victim.types[0], &node));
    assert_ok(slh_weak_new(victim.heap, node, &weak));
    memcpy(victim_byte(&victim, node.bits), &marks[i], sizeof marks[i]);
    assert_ok(slh_heap_collect(victim.heap, NULL));
    assert_true(slh_is_null(slh_weak_get(victim.heap, weak)));
    recover(&victim);
    assert_ok(slh_alloc_struct(victim.heap, victim.types[0], &node));
    memcpy(victim_byte(&victim, node.bits), &marks[i], sizeof marks[i]);
    memset(victim.roots, 0, sizeof victim.roots);
    victim.roots[0] = node;
    assert_status(slh_heap_collect(victim.heap, NULL), SLH_E_CORRUPT);
    victim_close(&victim);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(random_damage_below_the_bump_pointer),
      cmocka_unit_test(random_damage_wherever_the_slot_is_accessible),
      cmocka_unit_test(overlapping_objects_do_not_evacuate_more_than_the_heap),
      cmocka_unit_test(small_objects_that_overlap_do_not_either),
      cmocka_unit_test(forged_forwarding_marks_lead_nowhere),
  };

  int failed = 0;

  helper_zeal = SLH_ZEAL_NEVER;
  for (uint64_t i = 0; i < collectors_count(COLLECTORS_TRACE); i++) {
    helper_collector = collectors_nth(COLLECTORS_TRACE, i);
    failed += helper_run(tests, NULL, NULL);
  }
  return failed;
}
