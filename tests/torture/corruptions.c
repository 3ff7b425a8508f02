/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* What a guest, or a bug, does to its heap. All of it stays in [start, bump), but
 * where the pool drops what was written beyond. */
#include "tests/torture/torture.h"

#define FORWARDED 1u
#define KIND_SHIFT 3
#define INDEX_SHIFT 6
#define FILLER_HEADER ((uint32_t)SLH_KIND_FILLER << KIND_SHIFT)
#define LARGE_BYTES (256u * 1024)

/* A random one of a constant array. */
#define ONE_OF(t, array) ((array)[below((t), sizeof(array) / sizeof *(array))])

/* ---- where, and what ---- */

uint64_t torture_place(struct torture *t, uint64_t align)
{
  uint64_t start = torture_first(t), end = torture_end(t);

  return end < start + align ? start : start + below(t, (end - start) / align) * align;
}

void torture_put(struct torture *t, uint64_t offset, uint32_t word)
{
  if (offset >= torture_first(t) && offset + sizeof word <= torture_end(t))
    memcpy(byte_at(t, offset), &word, sizeof word);
}

static uint32_t get(struct torture *t, uint64_t offset)
{
  return offset >= torture_first(t) && offset + 4 <= torture_end(t) ? word_at(t, offset) : 0;
}

/* Where an object is or was; else where one could be. */
static uint64_t object_place(struct torture *t)
{
  const struct object_at *object = one_in(t, 8) ? NULL : torture_object(t);

  return object ? object->ref.bits : torture_place(t, 8);
}

uint64_t torture_place_of(struct torture *t, slh_kind kind)
{
  for (int tries = 0; tries < 10; tries++) {
    const struct object_at *object = torture_object(t);

    if (object && object->type->kind == kind)
      return object->ref.bits;
  }
  return torture_place(t, 8);
}

uint32_t torture_header(struct torture *t)
{
  switch (below(t, 10)) {
  case 0:
    return FILLER_HEADER;
  case 1:
    return (uint32_t)torture_place(t, 8) | FORWARDED;
  case 2:
    return slh_externref_type(t->world->runtime)->header;
  case 3:
    return t->world->types[below(t, TORTURE_TYPES)]->header | SLH_HEADER_LOGGED;
  default:
    return t->world->types[below(t, TORTURE_TYPES)]->header;
  }
}

uint32_t torture_bits(struct torture *t)
{
  switch (below(t, 7)) {
  case 0:
    return (uint32_t)helper_random(&t->random);
  case 1:
    return (uint32_t)below(t, 64);
  case 2:
    return torture_header(t);
  case 3:
    return (uint32_t)(torture_end(t) - data_of(t)->start - 8 * below(t, 64));
  case 4:
    return (uint32_t)(torture_place(t, 8) + below(t, 8));
  default:
    return (uint32_t)torture_place(t, 8);
  }
}

slh_ref torture_ref(struct torture *t)
{
  const struct object_at *object = torture_object(t);
  slh_ref ref = {torture_bits(t)};

  if (object && !one_in(t, 3))
    return object->ref;
  return one_in(t, 3) ? t->roots[below(t, TORTURE_ROOTS)] : ref;
}

/* Offset of one of the references that an object has or had; 0 if it has none. */
static uint64_t reference_in(struct torture *t, const struct object_at *object)
{
  const slh_type *type = object->type;
  bool is_array = type->kind == SLH_KIND_ARRAY;
  uint64_t count = is_array ? (object->size - SLH_ARRAY_DATA_OFFSET) / 4 : type->field_count;
  uint64_t number = count ? below(t, count) : 0;

  if (count == 0 || type->fields[is_array ? 0 : number].storage != SLH_REF)
    return 0;
  return object->ref.bits +
         (is_array ? SLH_ARRAY_DATA_OFFSET + 4 * number : (uint64_t)type->fields[number].offset);
}

static void put_reference(struct torture *t, uint32_t bits)
{
  uint64_t at = 0;

  for (int tries = 0; at == 0 && t->object_count && tries < 10; tries++)
    at = reference_in(t, torture_object(t));
  torture_put(t, at ? at : torture_place(t, 4), bits);
}

/* ---- anything ---- */

static void flip_bit(struct torture *t)
{
  uint64_t at = torture_place(t, 1);

  if (at < torture_end(t))
    *byte_at(t, at) ^= (char)(1 << below(t, 8));
}

static void random_word(struct torture *t)
{
  torture_put(t, torture_place(t, 4), (uint32_t)helper_random(&t->random));
}

static void plausible_word(struct torture *t)
{
  torture_put(t, torture_place(t, 4), torture_bits(t));
}

/* ---- headers ---- */

static void other_header(struct torture *t)
{
  torture_put(t, object_place(t), torture_header(t));
}

static void type_index(struct torture *t)
{
  uint64_t at = object_place(t);
  uint32_t index = (uint32_t)below(t, one_in(t, 2) ? 40 : SLH_TYPES_MAX + 1u);

  torture_put(t, at, index << INDEX_SHIFT | (get(t, at) & 63));
}

static void kind(struct torture *t)
{
  uint64_t at = object_place(t);

  torture_put(t, at, get(t, at) ^ (uint32_t)(1 + below(t, 7)) << KIND_SHIFT);
}

static void header_state(struct torture *t)
{
  uint64_t at = object_place(t);

  torture_put(t, at, get(t, at) ^ (uint32_t)(1 + below(t, 7)));
}

static void forwarded_anywhere(struct torture *t)
{
  torture_put(t, object_place(t), torture_bits(t) | FORWARDED);
}

static void forwarded_to_object(struct torture *t)
{
  uint64_t to = one_in(t, 4) ? data_of(t)->start : object_place(t);

  torture_put(t, object_place(t), (uint32_t)to | FORWARDED);
}

/* Of an object that a collection may have moved by now: it would be twice. */
static void as_it_was(struct torture *t)
{
  const struct object_at *object = torture_object(t);

  if (!object)
    return;
  torture_put(t, object->ref.bits, object->type->header);
  if (object->type->kind == SLH_KIND_ARRAY)
    torture_put(t, object->ref.bits + (uint64_t)SLH_ARRAY_LENGTH_OFFSET,
                (uint32_t)((object->size - SLH_ARRAY_DATA_OFFSET) / object->type->size));
}

/* ---- lengths ---- */

static void length_at_random(struct torture *t)
{
  static const uint32_t lengths[] = {UINT32_MAX, UINT32_MAX - 7, 1u << 31, 1u << 30, 1u << 29,
                                     1u << 28,   (1u << 29) - 1, 1u << 18, 0};

  torture_put(t, torture_place_of(t, SLH_KIND_ARRAY) + SLH_ARRAY_LENGTH_OFFSET,
              one_in(t, 2) ? torture_bits(t) : ONE_OF(t, lengths));
}

/* The last that fits, or the first that does not. */
static void length_to_the_end(struct torture *t)
{
  static const uint32_t each[] = {1, 2, 4, 8, 16};
  uint64_t at = torture_place_of(t, SLH_KIND_ARRAY);
  uint64_t room = torture_end(t) - at - SLH_ARRAY_DATA_OFFSET;

  torture_put(t, at + SLH_ARRAY_LENGTH_OFFSET,
              (uint32_t)(room / ONE_OF(t, each) + below(t, 3) - 1));
}

static void length_off_by_some(struct torture *t)
{
  uint64_t at = torture_place_of(t, SLH_KIND_ARRAY) + SLH_ARRAY_LENGTH_OFFSET;

  torture_put(t, at, get(t, at) + (uint32_t)below(t, 33) - 16);
}

/* ---- references ---- */

static void reference_at_random(struct torture *t)
{
  put_reference(t, torture_bits(t));
}

static void reference_into_object(struct torture *t)
{
  const struct object_at *object = torture_object(t);

  put_reference(t, object ? object->ref.bits + (uint32_t)(8 * below(t, object->size / 8)) : 8);
}

static void reference_beyond_heap(struct torture *t)
{
  const slh_heap_data *data = data_of(t);
  const uint64_t places[] = {data->bump,  data->bump - 8,  data->dirty,
                             data->start, data->start - 8, data->limit,
                             data->young, data->young - 8, data->mask & ~7u,
                             1u << 31,    UINT32_MAX - 7,  (uint64_t)data->mask + 1};

  put_reference(t, (uint32_t)ONE_OF(t, places));
}

static void reference_misaligned(struct torture *t)
{
  put_reference(t, (uint32_t)(torture_place(t, 8) + 2 * (1 + below(t, 3))));
}

static void all_references_to_one(struct torture *t)
{
  uint32_t to = (uint32_t)object_place(t);

  for (int i = 0; i < 40; i++)
    put_reference(t, to);
}

/* ---- numbers of the host's ---- */

static void externref_number(struct torture *t)
{
  static const uint32_t numbers[] = {UINT32_MAX, 16, 64, 65, 1u << 31};

  torture_put(t, torture_place_of(t, SLH_KIND_EXTERN) + 4,
              one_in(t, 3) ? ONE_OF(t, numbers) : (uint32_t)below(t, TORTURE_DATA + 8));
}

static void funcref_number(struct torture *t)
{
  const struct object_at *object = NULL;

  for (int tries = 0; tries < 10; tries++) {
    object = torture_object(t);
    if (object && object->type->field_count && object->type->fields[0].storage == SLH_FUNCREF)
      break;
  }
  torture_put(t, object ? object->ref.bits + UINT64_C(8) : torture_place(t, 4), torture_bits(t));
}

/* ---- more at a time ---- */

static void filler(struct torture *t)
{
  static const uint32_t sizes[] = {0, 4, 8, 12, UINT32_MAX, UINT32_MAX - 7, 1u << 31};
  uint64_t at = object_place(t);

  torture_put(t, at, FILLER_HEADER);
  torture_put(t, at + 4, one_in(t, 2) ? ONE_OF(t, sizes) : torture_bits(t));
}

/* One of those that a collection leaves in place, or slides down. */
static void large_array(struct torture *t)
{
  const struct object_at *found = NULL;

  for (uint32_t i = 0; i < t->object_count; i++) {
    if (t->objects[i].size >= LARGE_BYTES && (!found || one_in(t, 2)))
      found = &t->objects[i];
  }
  if (!found) {
    plausible_word(t);
    return;
  }
  if (one_in(t, 2))
    torture_put(t, found->ref.bits, one_in(t, 2) ? found->type->header : torture_header(t));
  if (one_in(t, 2))
    torture_put(t, found->ref.bits + UINT64_C(4), torture_bits(t));
  if (one_in(t, 3))
    torture_put(t, found->ref.bits + found->size, torture_header(t));
}

static void root(struct torture *t)
{
  t->roots[below(t, TORTURE_ROOTS)].bits = torture_bits(t);
}

static void move_block(struct torture *t)
{
  uint64_t from = torture_place(t, 4), to = torture_place(t, one_in(t, 2) ? 4 : 8);
  uint64_t most = torture_end(t) - (from > to ? from : to);

  if (most != 0)
    memmove(byte_at(t, to), byte_at(t, from), below(t, most < 4096 ? most : 4096));
}

static void fill_block(struct torture *t)
{
  static const unsigned char bytes[] = {0, 0xff, 0x80, 0x10, 1};
  uint64_t at = torture_place(t, 4), most = torture_end(t) - at;

  if (most != 0)
    memset(byte_at(t, at), ONE_OF(t, bytes), below(t, most < 1024 ? most : 1024));
}

/* What only unchecked code can write. */
static void beyond_bump(struct torture *t)
{
  uint64_t bump = torture_end(t), end;
  slh_heap_stats stats;

  slh_heap_get_stats(t->heap, &stats);
  end = stats.accessible + (t->arena->dense ? 0 : SLH_WIDE_FIRST);
  if (!t->arena->strict || end < bump + 8) {
    plausible_word(t);
    return;
  }
  t->wild = true;
  for (uint64_t i = 1 + below(t, 8); i > 0; i--) {
    uint32_t word = torture_bits(t);

    memcpy(byte_at(t, bump + below(t, (end - bump) / 4) * 4), &word, sizeof word);
  }
}

/* Noted by the barrier, then something else. */
static void remembered_object(struct torture *t)
{
  uint64_t at = object_place(t);
  slh_ref old = {(uint32_t)at};

  if (!t->active)
    slh_remember_object(t->heap, old);
  if (one_in(t, 2))
    torture_put(t, at, torture_header(t) | SLH_HEADER_LOGGED);
  if (one_in(t, 2))
    torture_put(t, at + 4, torture_bits(t));
}

/* Those of files are done to files (calls-image.c). */
static void image_file(struct torture *t)
{
  flip_bit(t);
}

/* ---- one of them ---- */

#define overlap_arrays torture_overlap_arrays
#define overlap_structs torture_overlap_structs
#define overlap_larges torture_overlap_larges
#define headers_everywhere torture_headers_everywhere

typedef void corrupt_fn(struct torture *t);

#define ROW(name, ...) name,
static corrupt_fn *const functions[] = {CORRUPTIONS(ROW)};
#undef ROW

void torture_corrupt(struct torture *t)
{
  enum corruption corruption = (enum corruption)below(t, TORTURE_image_file);

  /* These leave little of a heap. */
  if (corruption >= TORTURE_overlap_arrays && corruption <= TORTURE_headers_everywhere &&
      !one_in(t, 3))
    corruption = (enum corruption)below(t, TORTURE_overlap_arrays);
  /* Roots are the host's: between increments nobody may write there. */
  if (corruption == TORTURE_root && t->active)
    corruption = TORTURE_flip_bit;
  torture_corrupted(t, corruption);
  functions[corruption](t);
}
