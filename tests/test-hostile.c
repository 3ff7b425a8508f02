/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * A heap whose bytes are anything at all: every call returns, no other heap
 * changes, and after a reset the slot is as good as new.
 */
#include "tests/store.h"

#define ROUNDS 60000
#define HEAP_BYTES (UINT64_C(64) << 10)
#define TYPES 7
#define ROOTS 8
#define EXTERNREFS 16
#define CANARY_BYTES 8192

struct hostile {
  slh_runtime *runtime;
  slh_pool *pool;
  slh_heap *heap;          /* in the slot between those of: */
  slh_heap *neighbours[2]; /* who hold an array of canaries each */
  const slh_type *types[TYPES];
  slh_ref roots[ROOTS];
  uint64_t random;
  uint32_t drops[EXTERNREFS]; /* of each externref of this store */
  uint32_t externrefs;
  bool wild;    /* also writes beyond the bump pointer */
  bool corrupt; /* a collection said so */
};

static uint64_t below(struct hostile *hostile, uint64_t bound)
{
  return helper_below(&hostile->random, bound);
}

static uint64_t bump(const struct hostile *hostile)
{
  return slh_heap_bump(hostile->heap);
}

static char *byte_at(const struct hostile *hostile, uint64_t offset)
{
  return slh_heap_get_data(hostile->heap)->base + offset;
}

static void put_word(struct hostile *hostile, uint64_t offset, uint32_t word)
{
  memcpy(byte_at(hostile, offset), &word, sizeof word);
}

/* ---- before and after ---- */

static void list_roots(void *host, slh_heap *heap, slh_roots *roots)
{
  struct hostile *hostile = host;

  if (heap == hostile->heap)
    (void)slh_roots_add(roots, SLH_ROOT_OTHER, hostile->roots, ROOTS, "hostile");
}

static slh_heap *acquire(struct hostile *hostile)
{
  slh_heap_options options = SLH_HEAP_OPTIONS_INIT;
  slh_heap *heap = NULL;

  options.runtime = hostile->runtime;
  options.max_bytes = HEAP_BYTES;
  options.initial_bytes = 4096;
  options.enumerate_roots = list_roots;
  options.host = hostile;
  assert_ok(slh_heap_acquire(hostile->pool, &options, &heap));
  return heap;
}

static void make_types(struct hostile *hostile)
{
  slh_field fields[120] = {{NULL, SLH_FUNCREF, 0}, {NULL, SLH_V128, 0}};

  hostile->types[0] = helper_node_type(hostile->runtime);
  hostile->types[1] = helper_array_type(hostile->runtime, SLH_REF);
  hostile->types[2] = helper_array_type(hostile->runtime, SLH_I8);
  hostile->types[3] = helper_array_type(hostile->runtime, SLH_V128);
  assert_ok(slh_struct_type_new(hostile->runtime, NULL, NULL, fields, 0, &hostile->types[4], NULL));
  assert_ok(slh_struct_type_new(hostile->runtime, NULL, NULL, fields, 2, &hostile->types[5], NULL));
  for (size_t i = 2; i < 120; i++)
    fields[i].storage = SLH_REF;
  assert_ok(
      slh_struct_type_new(hostile->runtime, NULL, NULL, fields, 120, &hostile->types[6], NULL));
}

static char canary(uint32_t i)
{
  return (char)(i * 31 + i / 256 + 1);
}

static void open_hostile(struct hostile *hostile, slh_isolation isolation)
{
  slh_pool_options options = helper_pool_options(3);
  slh_ref array;

  memset(hostile, 0, sizeof *hostile);
  hostile->random = helper_seed();
  hostile->wild = isolation == SLH_ISOLATION_STRICT;
  options.isolation = isolation;
  hostile->runtime = helper_runtime(NULL);
  hostile->pool = helper_pool(&options);
  make_types(hostile);
  hostile->neighbours[0] = acquire(hostile);
  hostile->heap = acquire(hostile);
  hostile->neighbours[1] = acquire(hostile);
  for (int i = 0; i < 2; i++) {
    assert_ok(slh_new_array(hostile->neighbours[i], hostile->types[2], CANARY_BYTES, &array));
    assert_int_equal(array.bits, SLH_WIDE_START);
    for (uint32_t j = 0; j < CANARY_BYTES; j++)
      assert_ok(slh_array_set_i8(hostile->neighbours[i], array, j, canary(j)));
  }
}

static void close_hostile(struct hostile *hostile)
{
  slh_heap_release(hostile->heap);
  slh_heap_release(hostile->neighbours[0]);
  slh_heap_release(hostile->neighbours[1]);
  slh_pool_free(hostile->pool);
  slh_runtime_free(hostile->runtime);
}

static void check_neighbours(const struct hostile *hostile)
{
  static char expected[CANARY_BYTES];

  for (uint32_t i = 0; expected[0] == 0 && i < CANARY_BYTES; i++)
    expected[CANARY_BYTES - 1 - i] = canary(CANARY_BYTES - 1 - i);
  for (int i = 0; i < 2; i++) {
    const slh_heap_data *data = slh_heap_get_data(hostile->neighbours[i]);

    assert_int_equal(data->bump, SLH_WIDE_START + 8 + CANARY_BYTES);
    assert_memory_equal(data->base + SLH_WIDE_START + 8, expected, CANARY_BYTES);
  }
}

/* ---- a heap to be damaged ---- */

static slh_ref random_object(struct hostile *hostile, const slh_ref *objects, uint32_t count)
{
  return count && below(hostile, 4) ? objects[below(hostile, count)] : SLH_NULL;
}

static void count_drop(void *data)
{
  ++*(uint32_t *)data;
}

static slh_ref new_object(struct hostile *hostile)
{
  const slh_type *type = hostile->types[below(hostile, below(hostile, 2) ? 2 : TYPES)];
  slh_ref object = SLH_NULL;

  if (hostile->externrefs < EXTERNREFS && below(hostile, 8) == 0) {
    assert_ok(slh_alloc_externref(hostile->heap, &hostile->drops[hostile->externrefs++], count_drop,
                                  &object));
  } else if (type->kind == SLH_KIND_ARRAY) {
    assert_ok(slh_alloc_array(hostile->heap, type, (uint32_t)below(hostile, 40), &object));
  } else {
    assert_ok(slh_alloc_struct(hostile->heap, type, &object));
  }
  return object;
}

/* All references of one kind of object or another. */
static void link_object(struct hostile *hostile, slh_ref object, const slh_ref *all, uint32_t count)
{
  const slh_type *type = NULL;
  slh_value value = {SLH_REF, {0}};

  assert_ok(slh_object_type(hostile->heap, object, &type));
  for (uint32_t i = 0; type->kind == SLH_KIND_STRUCT && i < type->field_count; i++) {
    value.ref = random_object(hostile, all, count);
    if (type->fields[i].storage == SLH_REF)
      assert_ok(slh_struct_set(hostile->heap, object, i, &value));
  }
  if (type->kind != SLH_KIND_ARRAY || type->fields[0].storage != SLH_REF)
    return;
  for (uint32_t i = slh_array_length(hostile->heap, object); i-- > 0;)
    assert_ok(slh_array_set_ref(hostile->heap, object, i, random_object(hostile, all, count)));
}

static void build(struct hostile *hostile)
{
  slh_ref objects[60];
  uint32_t count = 1 + (uint32_t)below(hostile, 60);

  assert_ok(slh_heap_grow(hostile->heap, HEAP_BYTES - 4096));
  for (uint32_t i = 0; i < count; i++)
    objects[i] = new_object(hostile);
  for (uint32_t i = 0; i < count; i++)
    link_object(hostile, objects[i], objects, count);
  for (int i = 0; i < ROOTS; i++)
    hostile->roots[i] = random_object(hostile, objects, count);
}

/* ---- damage ---- */

/* Offset of a word, or of what could be an object. */
static uint64_t random_place(struct hostile *hostile, uint64_t align)
{
  uint64_t end = bump(hostile);
  slh_heap_stats stats;

  slh_heap_get_stats(hostile->heap, &stats);
  if (hostile->wild && below(hostile, 4) == 0)
    end = SLH_WIDE_START + stats.accessible;
  return SLH_WIDE_START + below(hostile, (end - SLH_WIDE_START) / align) * align;
}

static uint32_t random_header(struct hostile *hostile)
{
  uint32_t headers[] = {hostile->types[below(hostile, TYPES)]->header, SLH_KIND_FILLER << 3,
                        slh_externref_type(hostile->runtime)->header,
                        (uint32_t)random_place(hostile, 8) | 1, /* forwarded */
                        SLH_WIDE_START | 1};

  return headers[below(hostile, sizeof headers / sizeof *headers)] | (below(hostile, 9) ? 0 : 2);
}

static uint32_t random_bits(struct hostile *hostile)
{
  switch (below(hostile, 6)) {
  case 0:
    return (uint32_t)helper_random(&hostile->random);
  case 1:
    return (uint32_t)below(hostile, 64);
  case 2:
    return random_header(hostile);
  case 3:
    return (uint32_t)(bump(hostile) - SLH_WIDE_START - 8 * below(hostile, 64));
  default:
    return (uint32_t)(random_place(hostile, 8) + (below(hostile, 8) ? 0 : below(hostile, 8)));
  }
}

/* Arrays that all reach to the end of the heap, at every second word, and one
 * that refers to all of them: many times the heap's bytes. */
static void overlap(struct hostile *hostile)
{
  uint64_t from = random_place(hostile, 8), end = bump(hostile);
  uint32_t count = (uint32_t)(end - from) / 8 - 1;

  if (from + 16 > end || hostile->wild)
    return;
  put_word(hostile, from, hostile->types[1]->header);
  put_word(hostile, from + 4, 2 * count);
  for (uint32_t i = 0; i < count; i++) {
    uint64_t at = from + 8 + 8 * i;

    put_word(hostile, at, i % 2 ? hostile->types[2]->header : (uint32_t)at + 8);
    put_word(hostile, at + 4, i % 2 ? (uint32_t)(end - at - 8) : (uint32_t)at + 8);
  }
  hostile->roots[0].bits = (uint32_t)from;
}

static void damage(struct hostile *hostile)
{
  uint64_t word = random_place(hostile, 4), object = random_place(hostile, 8);

  switch (below(hostile, 9)) {
  case 0:
  case 1:
    put_word(hostile, word, random_bits(hostile));
    break;
  case 2:
    put_word(hostile, object, random_header(hostile));
    break;
  case 3:
    put_word(hostile, object, random_header(hostile));
    put_word(hostile, object + 4, random_bits(hostile));
    break;
  case 4:
    *byte_at(hostile, word) ^= (char)(1 << below(hostile, 8));
    break;
  case 5:
    hostile->roots[below(hostile, ROOTS)].bits = random_bits(hostile);
    break;
  case 6:
    overlap(hostile);
    break;
  case 7:
    for (uint64_t at = word; at < bump(hostile) && below(hostile, 16); at += 4)
      put_word(hostile, at, random_bits(hostile));
    break;
  default:
    if (word < bump(hostile) && object < bump(hostile))
      memmove(byte_at(hostile, object), byte_at(hostile, word),
              below(hostile, bump(hostile) - (word > object ? word : object)));
  }
}

/* ---- every call ---- */

/* What a call on such a heap may come to. */
static void expect(const struct hostile *hostile, slh_status status)
{
  switch (status) {
  case SLH_OK:
  case SLH_E_TYPE:
  case SLH_E_BOUNDS:
  case SLH_E_COLLECT:
  case SLH_E_TOO_LARGE:
  case SLH_E_LIMIT:
    assert_false(hostile->corrupt);
    break;
  default:
    assert_status(status, SLH_E_CORRUPT);
  }
}

static bool visit(void *context, slh_ref object, const slh_type *type, uint64_t size)
{
  struct hostile *hostile = context;

  assert_true(object.bits >= SLH_WIDE_START && object.bits + size <= bump(hostile));
  assert_non_null(type);
  return true;
}

static void collect(struct hostile *hostile)
{
  uint64_t before = bump(hostile);
  slh_status status = slh_heap_collect(hostile->heap, NULL);

  expect(hostile, status);
  if (status == SLH_OK) {
    assert_true(bump(hostile) <= before);
    /* What was copied was checked, and lies one after the other. */
    assert_ok(slh_heap_walk(hostile->heap, visit, hostile));
  }
  hostile->corrupt = status != SLH_OK;
}

/* A collection can run inside; whether it found damage is seen afterwards. */
static void allocate(struct hostile *hostile)
{
  slh_heap *heap = hostile->heap;
  uint32_t length = (uint32_t)below(hostile, 200);
  slh_ref ref = SLH_NULL;
  slh_status status;

  if (below(hostile, 2)) {
    expect(hostile, slh_alloc_struct(heap, hostile->types[0], &ref));
    expect(hostile, slh_alloc_array(heap, hostile->types[3], length, &ref));
    expect(hostile, slh_heap_grow(heap, length));
    return;
  }
  status = slh_new_array(heap, hostile->types[1], length * length, &ref);
  expect(hostile, status);
  hostile->corrupt = status == SLH_E_CORRUPT;
  status = slh_heap_make_room(heap, length * length);
  expect(hostile, status);
  hostile->corrupt = status == SLH_E_CORRUPT;
}

static slh_ref random_ref(struct hostile *hostile)
{
  slh_ref ref = {random_bits(hostile)};

  if (below(hostile, 2))
    memcpy(&ref, byte_at(hostile, random_place(hostile, 4)), sizeof ref);
  return ref;
}

static void access_checked(struct hostile *hostile)
{
  slh_heap *heap = hostile->heap;
  slh_ref ref = random_ref(hostile);
  slh_value value = {SLH_REF, {.ref = random_ref(hostile)}};
  uint32_t index = (uint32_t)(below(hostile, 4) ? below(hostile, 130) : random_bits(hostile));
  const slh_type *type;
  const void *function;
  uint64_t size;
  uint32_t length = 0;
  void *data = NULL;

  expect(hostile, slh_object_type(heap, ref, &type));
  expect(hostile, slh_object_size(heap, ref, &size));
  expect(hostile, slh_struct_set(heap, ref, index, &value));
  expect(hostile, slh_array_set(heap, ref, index, &value));
  expect(hostile, slh_struct_get(heap, ref, index, &value));
  expect(hostile, slh_array_get(heap, ref, index, &value));
  expect(hostile, slh_externref_data(heap, ref, &data));
  (void)slh_object_is(heap, ref, hostile->types[0]);
  assert_int_equal(slh_funcref_function(heap, 1 + index % UINT32_MAX, &function), SLH_E_CORRUPT);
  if (slh_array_data(heap, ref, SLH_I8, &data, &length) == SLH_OK)
    assert_true((char *)data + length <= byte_at(hostile, bump(hostile)));
}

static void call(struct hostile *hostile)
{
  slh_error error;

  switch (below(hostile, 6)) {
  case 0:
    collect(hostile);
    break;
  case 1:
    allocate(hostile);
    break;
  case 2:
    expect(hostile, slh_heap_verify(hostile->heap, NULL, &error));
    break;
  case 3:
    expect(hostile, slh_heap_walk(hostile->heap, visit, hostile));
    break;
  default:
    access_checked(hostile);
  }
}

/* Ends the store; the next one finds nothing of it. */
static void recover(struct hostile *hostile)
{
  slh_error error = {0};
  slh_ref ref = SLH_NULL;

  memset(hostile->roots, 0, sizeof hostile->roots);
  if (below(hostile, 2)) {
    slh_heap_reset(hostile->heap);
  } else {
    slh_heap_release(hostile->heap);
    hostile->heap = acquire(hostile);
  }
  for (uint32_t i = 0; i < hostile->externrefs; i++)
    assert_int_equal(hostile->drops[i], 1);
  memset(hostile->drops, 0, sizeof hostile->drops);
  hostile->externrefs = 0;
  hostile->corrupt = false;
  if (slh_heap_verify(hostile->heap, NULL, &error) != SLH_OK)
    fail_msg("%s", error.message);
  assert_ok(slh_new_struct(hostile->heap, hostile->types[0], &ref));
  hostile->roots[0] = ref;
  collect(hostile);
  assert_int_equal(hostile->roots[0].bits, SLH_WIDE_START);
  assert_int_equal(bump(hostile), SLH_WIDE_START + 16);
}

static void torment(slh_isolation isolation, uint64_t rounds)
{
  struct hostile hostile;

  open_hostile(&hostile, isolation);
#ifdef SLH_DEBUG
  rounds = rounds / 4 + 1; /* what the collector lets pass is a line on standard error */
#endif
  while (rounds-- > 0) {
    build(&hostile);
    for (uint64_t i = 1 + below(&hostile, 4); i > 0; i--)
      damage(&hostile);
    for (uint64_t i = 1 + below(&hostile, 8); i > 0; i--)
      call(&hostile);
    check_neighbours(&hostile);
    for (uint32_t i = 0; i < hostile.externrefs; i++)
      assert_true(hostile.drops[i] <= 1);
    recover(&hostile);
  }
  check_neighbours(&hostile);
  close_hostile(&hostile);
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
  struct hostile hostile;

  open_hostile(&hostile, SLH_ISOLATION_SCRUB);
  for (uint64_t i = 0; i < 100; i++) {
    slh_ref array = SLH_NULL;

    assert_ok(slh_heap_grow(hostile.heap, HEAP_BYTES));
    assert_ok(slh_alloc_array(hostile.heap, hostile.types[2], (uint32_t)HEAP_BYTES - 8, &array));
    overlap(&hostile);
    assert_status(slh_heap_collect(hostile.heap, NULL), SLH_E_CORRUPT);
    check_neighbours(&hostile);
    recover(&hostile);
    slh_heap_reset(hostile.heap);
  }
  close_hostile(&hostile);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(random_damage_below_the_bump_pointer),
      cmocka_unit_test(random_damage_wherever_the_slot_is_accessible),
      cmocka_unit_test(overlapping_objects_do_not_evacuate_more_than_the_heap),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
