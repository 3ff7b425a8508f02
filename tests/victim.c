/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Filling the heap, damaging it, and looking after its neighbours. */
#include "tests/victim.h"

#define CANARY_BYTES 8192

static void put_word(struct victim *victim, uint64_t offset, uint32_t word)
{
  memcpy(victim_byte(victim, offset), &word, sizeof word);
}

/* ---- before and after ---- */

static void list_roots(void *host, slh_heap *heap, slh_roots *roots)
{
  struct victim *victim = host;

  if (heap == victim->heap)
    (void)slh_roots_add(roots, SLH_ROOT_OTHER, victim->roots, VICTIM_ROOTS, "victim");
}

slh_heap *victim_acquire(struct victim *victim)
{
  slh_heap_options options = SLH_HEAP_OPTIONS_INIT;
  slh_heap *heap = NULL;

  options.runtime = victim->runtime;
  options.max_bytes = VICTIM_BYTES;
  options.initial_bytes = 4096;
  options.enumerate_roots = list_roots;
  options.host = victim;
  assert_ok(slh_heap_acquire(victim->pool, &options, &heap));
  return heap;
}

static void make_types(struct victim *victim)
{
  slh_field fields[1100] = {{NULL, SLH_FUNCREF, 0}, {NULL, SLH_V128, 0}};

  victim->types[0] = helper_node_type(victim->runtime);
  victim->types[1] = helper_array_type(victim->runtime, SLH_REF);
  victim->types[2] = helper_array_type(victim->runtime, SLH_I8);
  victim->types[3] = helper_array_type(victim->runtime, SLH_V128);
  assert_ok(slh_struct_type_new(victim->runtime, NULL, NULL, fields, 0, &victim->types[4], NULL));
  assert_ok(slh_struct_type_new(victim->runtime, NULL, NULL, fields, 2, &victim->types[5], NULL));
  for (size_t i = 2; i < 1100; i++)
    fields[i].storage = SLH_REF;
  assert_ok(slh_struct_type_new(victim->runtime, NULL, NULL, fields, 120, &victim->types[6], NULL));
  assert_ok(
      slh_struct_type_new(victim->runtime, NULL, NULL, fields, 1100, &victim->types[7], NULL));
}

static char canary(uint32_t i)
{
  return (char)(i * 31 + i / 256 + 1);
}

void victim_open(struct victim *victim, slh_isolation isolation)
{
  slh_pool_options options = helper_pool_options(3);
  slh_ref array;

  memset(victim, 0, sizeof *victim);
  victim->random = helper_seed();
  victim->wild = isolation == SLH_ISOLATION_STRICT;
  options.isolation = isolation;
  victim->runtime = helper_runtime(NULL);
  victim->pool = helper_pool(&options);
  make_types(victim);
  victim->neighbours[0] = victim_acquire(victim);
  victim->heap = victim_acquire(victim);
  victim->neighbours[1] = victim_acquire(victim);
  for (int i = 0; i < 2; i++) {
    assert_ok(slh_new_array(victim->neighbours[i], victim->types[2], CANARY_BYTES, &array));
    assert_int_equal(array.bits, SLH_WIDE_FIRST);
    for (uint32_t j = 0; j < CANARY_BYTES; j++)
      assert_ok(slh_array_set_i8(victim->neighbours[i], array, j, canary(j)));
  }
}

void victim_close(struct victim *victim)
{
  slh_heap_release(victim->heap);
  slh_heap_release(victim->neighbours[0]);
  slh_heap_release(victim->neighbours[1]);
  slh_pool_free(victim->pool);
  slh_runtime_free(victim->runtime);
}

void victim_check_neighbours(const struct victim *victim)
{
  static char expected[CANARY_BYTES];

  for (uint32_t i = 0; expected[0] == 0 && i < CANARY_BYTES; i++)
    expected[CANARY_BYTES - 1 - i] = canary(CANARY_BYTES - 1 - i);
  for (int i = 0; i < 2; i++) {
    const slh_heap_data *data = slh_heap_get_data(victim->neighbours[i]);

    assert_int_equal(data->bump, SLH_WIDE_FIRST + 8 + CANARY_BYTES);
    assert_memory_equal(data->base + SLH_WIDE_FIRST + 8, expected, CANARY_BYTES);
  }
}

/* ---- a heap to be damaged ---- */

static slh_ref random_object(struct victim *victim, const slh_ref *objects, uint32_t count)
{
  return count && victim_below(victim, 4) ? objects[victim_below(victim, count)] : SLH_NULL;
}

static void count_drop(void *data)
{
  ++*(uint32_t *)data;
}

/* Null if there is no room left. */
static slh_ref new_object(struct victim *victim)
{
  const slh_type *type =
      victim->types[victim_below(victim, victim_below(victim, 2) ? 2 : VICTIM_TYPES)];
  uint32_t length = (uint32_t)victim_below(victim, victim_below(victim, 16) ? 40 : 2000);
  slh_ref object = SLH_NULL;
  slh_status status;

  if (victim->externrefs < VICTIM_EXTERNREFS && victim_below(victim, 8) == 0) {
    status =
        slh_alloc_externref(victim->heap, &victim->drops[victim->externrefs], count_drop, &object);
    victim->externrefs += status == SLH_OK;
  } else if (type->kind == SLH_KIND_ARRAY) {
    status = slh_alloc_array(victim->heap, type, length, &object);
  } else {
    status = slh_alloc_struct(victim->heap, type, &object);
  }
  if (status != SLH_OK)
    assert_status(status, SLH_E_COLLECT);
  return object;
}

/* All references of one object. */
static void link_object(struct victim *victim, slh_ref object, const slh_ref *all, uint32_t count)
{
  const slh_type *type = NULL;

  assert_ok(slh_object_type(victim->heap, object, &type));
  for (uint32_t i = 0; type->kind == SLH_KIND_STRUCT && i < type->field_count; i++) {
    if (type->fields[i].storage == SLH_REF)
      slh_set_ref(victim->heap, object, type->fields[i].offset, random_object(victim, all, count));
  }
  if (type->kind != SLH_KIND_ARRAY || type->fields[0].storage != SLH_REF)
    return;
  for (uint32_t i = slh_array_length(victim->heap, object); i-- > 0;)
    assert_ok(slh_array_set_ref(victim->heap, object, i, random_object(victim, all, count)));
}

void victim_fill(struct victim *victim)
{
  slh_ref objects[60];
  uint32_t count = 0;

  assert_ok(slh_heap_grow(victim->heap, VICTIM_BYTES - 4096));
  for (uint64_t i = 1 + victim_below(victim, 60); i > 0; i--) {
    objects[count] = new_object(victim);
    count += !slh_is_null(objects[count]);
  }
  for (uint32_t i = 0; i < count; i++)
    link_object(victim, objects[i], objects, count);
  for (int i = 0; i < VICTIM_ROOTS; i++)
    victim->roots[i] = random_object(victim, objects, count);
}

/* ---- damage ---- */

/* Offset of a word, or of what could be an object. */
uint64_t victim_place(struct victim *victim, uint64_t align)
{
  uint64_t end = victim_bump(victim);
  slh_heap_stats stats;

  slh_heap_get_stats(victim->heap, &stats);
  if (victim->wild && victim_below(victim, 4) == 0)
    end = SLH_WIDE_FIRST + stats.accessible;
  if (end == SLH_WIDE_FIRST)
    return end;
  return SLH_WIDE_FIRST + victim_below(victim, (end - SLH_WIDE_FIRST) / align) * align;
}

static uint32_t random_header(struct victim *victim)
{
  uint32_t headers[] = {victim->types[victim_below(victim, VICTIM_TYPES)]->header,
                        SLH_KIND_FILLER << 3, slh_externref_type(victim->runtime)->header,
                        (uint32_t)victim_place(victim, 8) | 1, /* forwarded */
                        SLH_WIDE_FIRST | 1};

  return headers[victim_below(victim, sizeof headers / sizeof *headers)] |
         (victim_below(victim, 9) ? 0 : 2);
}

uint32_t victim_bits(struct victim *victim)
{
  switch (victim_below(victim, 6)) {
  case 0:
    return (uint32_t)helper_random(&victim->random);
  case 1:
    return (uint32_t)victim_below(victim, 64);
  case 2:
    return random_header(victim);
  case 3:
    return (uint32_t)(victim_bump(victim) - SLH_WIDE_FIRST - 8 * victim_below(victim, 64));
  default:
    return (uint32_t)(victim_place(victim, 8) +
                      (victim_below(victim, 8) ? 0 : victim_below(victim, 8)));
  }
}

/* Arrays that all reach to the end of the heap, at every second word, and one
 * that refers to all of them: many times the heap's bytes. */
void victim_overlap(struct victim *victim)
{
  uint64_t from = victim_place(victim, 8), end = victim_bump(victim);
  uint32_t count;

  /* Close to the end there is room for a few only, which do no harm. */
  if (from + 4096 > end)
    from = SLH_WIDE_FIRST;
  count = (uint32_t)(end - from) / 8 - 1;
  if (from + 16 > end || victim->wild)
    return;
  put_word(victim, from, victim->types[1]->header);
  put_word(victim, from + 4, 2 * count);
  for (uint32_t i = 0; i < count; i++) {
    uint64_t at = from + 8 + 8 * i;

    put_word(victim, at, i % 2 ? victim->types[2]->header : (uint32_t)at + 8);
    put_word(victim, at + 4, i % 2 ? (uint32_t)(end - at - 8) : (uint32_t)at + 8);
  }
  victim->roots[0].bits = (uint32_t)from;
}

void victim_damage(struct victim *victim)
{
  uint64_t word = victim_place(victim, 4), object = victim_place(victim, 8);

  switch (victim_below(victim, 9)) {
  case 0:
  case 1:
    put_word(victim, word, victim_bits(victim));
    break;
  case 2:
    put_word(victim, object, random_header(victim));
    break;
  case 3:
    put_word(victim, object, random_header(victim));
    put_word(victim, object + 4, victim_bits(victim));
    break;
  case 4:
    *victim_byte(victim, word) ^= (char)(1 << victim_below(victim, 8));
    break;
  case 5:
    victim->roots[victim_below(victim, VICTIM_ROOTS)].bits = victim_bits(victim);
    break;
  case 6:
    victim_overlap(victim);
    break;
  case 7:
    for (uint64_t at = word; at < victim_bump(victim) && victim_below(victim, 16); at += 4)
      put_word(victim, at, victim_bits(victim));
    break;
  default:
    if (word < victim_bump(victim) && object < victim_bump(victim))
      memmove(victim_byte(victim, object), victim_byte(victim, word),
              victim_below(victim, victim_bump(victim) - (word > object ? word : object)));
  }
}
