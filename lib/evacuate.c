/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "lib/evacuate.h"

/* How far ahead of the scan the objects that it will meet are fetched. */
#define PREFETCH_BYTES 256

/* Everything below works on a struct evacuation that the compiler keeps in
 * registers: stores into objects could change one that lies in memory. */
#define HOT static inline __attribute__((always_inline))

#define CORRUPT UINT64_MAX

/* An object's distance from `start` in units of 8, or at least `span` if the
 * reference is not aligned, or does not point into [start, end): the rotation
 * brings the low bits to the top, so that one comparison finds both. */
HOT uint32_t distance(const struct evacuation *e, uint32_t ref)
{
  uint32_t bytes = ref - e->start;

  return bytes >> 3 | bytes << 29;
}

/* The copy of an object: all of it, or what scanning needs to go on. */
HOT void copy_object(char *to, const char *from, uint32_t source, const struct object *object)
{
  uint64_t bytes = object->bytes;

  if (SLH_LIKELY(bytes <= 64)) {
    for (uint64_t i = 0; i < bytes; i += 8)
      memcpy(to + i, from + i, 8);
  } else if (bytes <= SLHI_LAZY_BYTES) {
    memcpy(to, from, bytes);
  } else {
    slhi_store_word(to + 4, object->word);
    slhi_store_word(to + 8, source);
  }
  /* Not as it is in the heap: the copy is not logged. */
  slhi_store_word(to, object->shape->header);
}

/* Moves the object at offset `ref`, or finds where it went. 0: corrupt. */
HOT uint32_t evacuate_object(struct evacuation *e, uint32_t ref)
{
  char *old = e->from + ref;
  uint32_t header = slhi_load_word(old);
  struct object object;
  uint32_t moved;

  if (header & SLHI_FORWARDED) {
    moved = header & ~UINT32_C(7);
    return moved >= e->start && moved < e->free ? moved : 0;
  }
  if (SLH_UNLIKELY(!slhi_object_read(e->shapes, old, e->end - ref, &object)))
    return 0;
  if (SLH_UNLIKELY(object.shape == slhi_filler_shape(e->shapes)))
    return 0;
  /* Holds for every heap the library wrote. Forged objects can overlap, and
   * would be copied many times over. */
  if (SLH_UNLIKELY(e->free + object.bytes > e->end))
    return 0;
  moved = (uint32_t)e->free;
  e->free += object.bytes;
  copy_object(e->to + moved, old, ref, &object);
  slhi_store_word(old, moved | SLHI_FORWARDED);
  return moved;
}

/* Rewrites the reference at `at`. False: corrupt. */
HOT bool evacuate_reference(struct evacuation *e, char *at)
{
  uint32_t ref = slhi_load_word(at);
  uint32_t moved;

  if (SLH_UNLIKELY(distance(e, ref) >= e->span))
    return ref == 0 || (ref & 1) != 0;
  moved = evacuate_object(e, ref);
  slhi_store_word(at, moved);
  return moved != 0;
}

/* Fetches what the word at `at` refers to, if it is a reference. */
HOT void prefetch_target(const struct evacuation *e, const char *at)
{
  uint32_t ref = slhi_load_word(at);

  /* Null would be an address without a page, and a walk of the tables. */
  if (distance(e, ref) < e->span)
    __builtin_prefetch(e->from + ref, 1);
}

uint64_t slhi_evacuate_range(struct evacuation *evacuation, char *at, uint64_t count,
                             uint64_t budget)
{
  struct evacuation e = *evacuation;
  uint64_t stop = e.free + budget < e.free ? UINT64_MAX : e.free + budget;
  uint64_t i = 0;

  for (; i < count && e.free <= stop; i++) {
    if (i + PREFETCH_BYTES / 4 < count)
      prefetch_target(&e, at + 4 * i + PREFETCH_BYTES);
    if (SLH_UNLIKELY(!evacuate_reference(&e, at + 4 * i)))
      return CORRUPT;
  }
  *evacuation = e;
  return i;
}

/* Scans grey structs until none is left, more than `budget` bytes were scanned
 * and copied, or another kind of object comes, or a struct that takes several
 * steps. False: corrupt. Structs are what heaps are full of. */
static bool scan_structs(struct evacuation *evacuation, uint64_t budget)
{
  struct evacuation e = *evacuation;
  uint64_t at = e.scan;
  uint64_t stop = at + e.free + budget < budget ? UINT64_MAX : at + e.free + budget;

  while (at < e.free && at + e.free <= stop) {
    char *object = e.to + at;
    const struct shape *shape = &e.shapes.at[slhi_load_word(object) >> SLHI_INDEX_SHIFT];
    bool ahead = at + PREFETCH_BYTES + 4 * SLHI_MAP_WORDS < e.free;

    if (SLH_UNLIKELY(shape->bytes - 1 >= SLHI_LAZY_BYTES || shape->more_count != 0))
      break;
    for (uint64_t map = shape->refs; map != 0; map &= map - 1) {
      char *field = object + 4 * __builtin_ctzll(map);

      /* As if what lies ahead had this shape, too: it mostly has. */
      if (ahead)
        prefetch_target(&e, field + PREFETCH_BYTES);
      if (SLH_UNLIKELY(!evacuate_reference(&e, field)))
        return false;
    }
    at += shape->bytes;
  }
  e.scan = at;
  *evacuation = e;
  return true;
}

static uint64_t at_most(uint64_t value, uint64_t limit)
{
  return value < limit ? value : limit;
}

/* ---- objects that take several steps; each returns the work done ---- */

/* A struct that is large, or has more references than its map. `part` counts
 * references, from 1 on once the struct is copied. */
static uint64_t scan_large_struct(struct evacuation *e, const struct shape *shape, uint64_t budget)
{
  char *object = e->to + e->scan;
  uint32_t in_map = (uint32_t)__builtin_popcountll(shape->refs);
  uint64_t before = e->free;
  uint64_t done = 0;

  if (e->part == 0) {
    if (shape->bytes > SLHI_LAZY_BYTES)
      memcpy(object + 8, e->from + slhi_load_word(object + 8) + 8, shape->bytes - 8);
    for (uint64_t map = shape->refs; map != 0; map &= map - 1) {
      if (slhi_evacuate_range(e, object + 4 * __builtin_ctzll(map), 1, 0) == CORRUPT)
        return CORRUPT;
    }
    e->part = 1;
    done = shape->bytes + 4 * (uint64_t)in_map;
  }
  for (; e->part <= shape->more_count && done + (e->free - before) <= budget; e->part++) {
    if (slhi_evacuate_range(e, object + shape->more[e->part - 1], 1, 0) == CORRUPT)
      return CORRUPT;
    done += 4;
  }
  if (e->part > shape->more_count) {
    e->scan += shape->bytes;
    e->part = 0;
  }
  return done + (e->free - before);
}

/* The elements of an array, as many as the budget allows. `part` counts bytes
 * of the object. */
static uint64_t scan_array(struct evacuation *e, const struct shape *shape, uint64_t budget)
{
  char *object = e->to + e->scan;
  uint32_t length = slhi_load_word(object + 4);
  uint64_t bytes = slhi_array_bytes(shape->element, length);
  uint64_t end = SLH_ARRAY_DATA_OFFSET + (uint64_t)length * shape->element;
  uint64_t before = e->free;
  uint64_t some;

  if (e->part == 0) {
    e->part = SLH_ARRAY_DATA_OFFSET;
    e->source = bytes > SLHI_LAZY_BYTES ? slhi_load_word(object + 8) : 0;
    if (e->source != 0) /* padding, too: no byte of the space itself may come back */
      memcpy(object + bytes - 8, e->from + e->source + bytes - 8, 8);
  }
  some = at_most(end - e->part, (at_most(budget, end) + 8) & ~UINT64_C(7));
  if (e->source != 0)
    memcpy(object + e->part, e->from + e->source + e->part, some);
  if (shape->refs != 0) {
    /* Stopping early is no loss: what was copied is copied again. */
    uint64_t done = slhi_evacuate_range(e, object + e->part, some / 4, budget);

    if (done == CORRUPT)
      return CORRUPT;
    some = 4 * done;
  }
  e->part += some;
  if (e->part == end) {
    e->scan += bytes;
    e->part = 0;
  }
  return some + (e->free - before);
}

static uint64_t scan_other(struct evacuation *e, uint64_t budget)
{
  const char *object = e->to + e->scan;
  const struct shape *shape = &e->shapes.at[slhi_load_word(object) >> SLHI_INDEX_SHIFT];

  if (shape->bytes != 0)
    return scan_large_struct(e, shape, budget);
  if (slhi_shape_kind(shape) == SLH_KIND_ARRAY)
    return scan_array(e, shape, budget);
  /* An externref: fillers are not copied. */
  if (e->tables)
    slhi_host_data_keep(e->tables, slhi_load_word(object + 4));
  e->scan += SLHI_EXTERN_BYTES;
  return SLHI_EXTERN_BYTES;
}

bool slhi_evacuate_scan(struct evacuation *e, uint64_t budget)
{
  while (e->scan < e->free) {
    uint64_t before = e->scan + e->free;
    uint64_t work;

    if (e->part == 0 && !scan_structs(e, budget))
      return false;
    work = e->scan + e->free - before;
    if (work > budget)
      return true;
    budget -= work;
    if (e->scan == e->free)
      return true;
    work = scan_other(e, budget);
    if (work == CORRUPT)
      return false;
    if (work > budget)
      return true;
    budget -= work;
  }
  return true;
}

uint32_t slhi_evacuation_find(const struct evacuation *e, uint32_t ref)
{
  uint32_t header;

  if (ref < e->start || (ref & 1) != 0)
    return ref;
  if (distance(e, ref) >= e->span)
    return 0;
  header = slhi_load_word(e->from + ref);
  if (!(header & SLHI_FORWARDED))
    return 0;
  header &= ~UINT32_C(7);
  return header >= e->start && header < e->free ? header : 0;
}
