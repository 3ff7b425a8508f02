/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "lib/evacuate.h"

/* How far ahead of the scan the objects that it will meet are fetched. */
#define PREFETCH_BYTES 256

/* A heap that is smaller is in the cache, and fetching ahead is only work. */
#define CACHED_SPAN ((1u << 20) / SLHI_OBJECT_ALIGN)

/* Everything below works on a struct evacuation that the compiler keeps in
 * registers: stores into objects could change one that lies in memory. */
#define HOT static inline __attribute__((always_inline))

#define CORRUPT UINT64_MAX

/* Objects up to this size are copied inline. */
#define SMALL_BYTES 64

struct evacuation slhi_evacuation(slh_heap *heap, struct tables *tables, uint64_t start,
                                  char *space)
{
  uint64_t end = heap->data.bump;

  return (struct evacuation){
      .from = heap->data.base,
      .to = space - start,
      .start = (uint32_t)start,
      .span = (uint32_t)((end - start) / SLHI_OBJECT_ALIGN),
      .old = heap->data.start,
      .old_span = (uint32_t)((start - heap->data.start) / SLHI_OBJECT_ALIGN),
      .end = end,
      .sure = end > start + SMALL_BYTES ? end - SMALL_BYTES : start,
      .free = start,
      .scan = start,
      .shapes = slhi_shapes(heap->data.runtime),
      .tables = tables,
  };
}

/* An object's distance from `start` in units of 8, or at least `span` if the
 * reference is not aligned, or does not point into [start, end): the rotation
 * brings the low bits to the top, so that one comparison finds both. */
HOT uint32_t rotate(uint32_t bytes)
{
  return bytes >> 3 | bytes << 29;
}

HOT uint32_t distance(const struct evacuation *e, uint32_t ref)
{
  return rotate(ref - e->start);
}

HOT void copy_small(char *to, const char *from, uint64_t bytes)
{
  if (SLH_LIKELY(bytes == 16)) { /* {ref, ref, i32}, {ref, i64}, a short string */
    memcpy(to, from, 16);
    return;
  }
  for (uint64_t i = 0; i < bytes; i += 8)
    memcpy(to + i, from + i, 8);
}

/* The copy of an object: all of it, or what scanning needs to go on. */
HOT void copy_object(char *to, const char *from, uint32_t source, const struct object *object)
{
  if (object->bytes <= SMALL_BYTES) {
    copy_small(to, from, object->bytes);
  } else if (object->bytes <= SLHI_LAZY_BYTES) {
    memcpy(to, from, object->bytes);
  } else {
    slhi_store_word(to + 4, object->word);
    slhi_store_word(to + 8, source);
  }
}

/* Moves the object at offset `ref`, or finds where it went. 0: corrupt. */
HOT uint32_t evacuate_object(struct evacuation *e, uint32_t ref)
{
  char *old = e->from + ref;
  uint32_t header = slhi_load_word(old);
  uint32_t moved = (uint32_t)e->free;
  struct object object;

  if (header & SLHI_FORWARDED) {
    moved = header & ~UINT32_C(7);
    return moved >= e->start && moved < e->free ? moved : 0;
  }
  object.shape = slhi_shape_of(e->shapes, header);
  if (SLH_UNLIKELY(!object.shape))
    return 0;
  object.bytes = object.shape->bytes;
  /* Before `sure` any small object fits, in the heap and in the space. */
  if (SLH_LIKELY(object.bytes - 1 < SMALL_BYTES && ref < e->sure && e->free < e->sure)) {
    copy_small(e->to + moved, old, object.bytes);
  } else {
    /* That an object also fits into the space holds for every heap that the
     * library wrote. Forged objects can overlap, and would be copied many
     * times over. */
    if (!slhi_object_measure(&object, old, e->end - ref) || object.bytes > e->end - e->free ||
        object.shape == slhi_filler_shape(e->shapes))
      return 0;
    copy_object(e->to + moved, old, ref, &object);
  }
  e->free += object.bytes;
  slhi_store_word(e->to + moved, object.shape->header); /* the copy is not logged */
  slhi_store_word(old, moved | SLHI_FORWARDED);
  return moved;
}

/* Rewrites the reference at `at`. False: corrupt. */
HOT bool evacuate_reference(struct evacuation *e, char *at)
{
  uint32_t ref = slhi_load_word(at);
  uint32_t moved;

  if (SLH_UNLIKELY(distance(e, ref) >= e->span))
    return ref == 0 || (ref & 1) != 0 || rotate(ref - e->old) < e->old_span;
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

bool slhi_roots_are_aligned(const slh_ref *first, uint64_t count)
{
  uint32_t low = 0;

  for (uint64_t i = 0; i < count; i++)
    low |= slh_is_i31(first[i]) ? 0 : first[i].bits;
  return (low & 7) == 0;
}

uint64_t slhi_evacuate_roots(struct evacuation *evacuation, slh_ref *first, uint64_t count,
                             uint64_t budget)
{
  struct evacuation e = *evacuation;
  uint64_t stop = e.free + budget < e.free ? UINT64_MAX : e.free + budget;
  uint64_t i = 0;

  for (; i < count && e.free <= stop; i++) {
    uint32_t bits = first[i].bits;

    if (bits == 0 || (bits & 1) != 0 || (bits & SLHI_ROOT_DONE) != 0)
      continue;
    if (SLH_UNLIKELY(!evacuate_reference(&e, (char *)&first[i])))
      return CORRUPT;
    first[i].bits |= SLHI_ROOT_DONE;
  }
  *evacuation = e;
  return i;
}

void slhi_finish_roots(slh_ref *first, uint64_t count)
{
  for (uint64_t i = 0; i < count; i++) {
    if (!slh_is_i31(first[i]))
      first[i].bits &= ~SLHI_ROOT_DONE;
  }
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

uint64_t slhi_evacuate_in_place(struct evacuation *e, char *at, const struct object *object,
                                uint64_t *part, uint64_t budget, bool *complete)
{
  const struct shape *shape = object->shape;
  const uint32_t *offsets = shape->offsets;
  uint64_t before = *part, done = 0;

  if (shape->bytes == 0) {
    uint64_t count = shape->refs != 0 ? object->word - before : 0;

    done = slhi_evacuate_range(e, at + SLH_ARRAY_DATA_OFFSET + 4 * before,
                               slhi_at_most(count, budget / 4 + 1), budget);
    *complete = done == count;
  } else if (offsets) {
    uint64_t stop = slhi_at_most(offsets[0], before + budget / 4 + 1);

    for (uint64_t i = before + 1; i <= stop && done != CORRUPT; i++)
      done = slhi_evacuate_range(e, at + offsets[i], 1, 0) == 1 ? done + 1 : CORRUPT;
    *complete = stop == offsets[0];
  } else {
    struct evacuation local = *e;

    for (uint64_t map = shape->refs; map != 0; map >>= 8, done++) {
      if (SLH_UNLIKELY(!evacuate_reference(&local, at + (map & 0xff))))
        return CORRUPT;
    }
    *e = local;
    *complete = true;
  }
  *part = *complete ? 0 : before + done;
  return done;
}

/* Scans grey structs until none is left, more than `budget` bytes were scanned
 * and copied, or an object comes that is not simple. False: corrupt. Simple
 * structs are what heaps are full of. */
HOT bool scan_structs(struct evacuation *evacuation, uint64_t budget, bool prefetch)
{
  struct evacuation e = *evacuation;
  uint64_t at = e.scan;
  uint64_t stop = at + e.free + budget < budget ? UINT64_MAX : at + e.free + budget;

  while (at < e.free && at + e.free <= stop) {
    char *object = e.to + at;
    const struct shape *shape = &e.shapes.at[slhi_load_word(object) >> SLHI_INDEX_SHIFT];
    bool ahead = prefetch && at + PREFETCH_BYTES + UINT8_MAX < e.free;

    if (SLH_UNLIKELY(shape->simple == 0))
      break;
    for (uint64_t map = shape->refs; map != 0; map >>= 8) {
      char *field = object + (map & 0xff);

      /* As if what lies ahead had this shape, too: it mostly has. */
      if (ahead)
        prefetch_target(&e, field + PREFETCH_BYTES);
      if (SLH_UNLIKELY(!evacuate_reference(&e, field)))
        return false;
    }
    at += shape->simple;
  }
  e.scan = at;
  *evacuation = e;
  return true;
}

static bool scan_structs_in_cache(struct evacuation *e, uint64_t budget)
{
  return scan_structs(e, budget, false);
}

static bool scan_structs_of_memory(struct evacuation *e, uint64_t budget)
{
  return scan_structs(e, budget, true);
}

/* ---- objects that take several steps; each returns the work done ---- */

/* A struct that is not simple: large, or with more references than its map has
 * room for. `part` counts references, from 1 on once the struct is copied. */
static uint64_t scan_struct(struct evacuation *evacuation, const struct shape *shape,
                            uint64_t budget)
{
  struct evacuation e = *evacuation;
  char *object = e.to + e.scan;
  uint32_t count = shape->offsets[0];
  uint64_t before = e.free;
  uint64_t done = 0;

  if (e.part == 0) {
    if (shape->bytes > SLHI_LAZY_BYTES)
      memcpy(object + 4, e.from + slhi_load_word(object + 8) + 4, shape->bytes - 4);
    e.part = 1;
    done = shape->bytes;
  }
  for (; e.part <= count && done + (e.free - before) <= budget; e.part++) {
    if (SLH_UNLIKELY(!evacuate_reference(&e, object + shape->offsets[e.part])))
      return CORRUPT;
    done += 4;
  }
  if (e.part > count) {
    e.scan += shape->bytes;
    e.part = 0;
  }
  *evacuation = e;
  return done + (e.free - before);
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
  some = slhi_at_most(end - e->part, (slhi_at_most(budget, end) + 8) & ~UINT64_C(7));
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
    return scan_struct(e, shape, budget);
  if (slhi_shape_kind(shape) == SLH_KIND_ARRAY)
    return scan_array(e, shape, budget);
  /* An externref: fillers are not copied. */
  slhi_host_data_keep(e->tables, slhi_load_word(object + 4));
  e->scan += SLHI_EXTERN_BYTES;
  return SLHI_EXTERN_BYTES;
}

bool slhi_evacuate_scan(struct evacuation *e, uint64_t *budget)
{
  while (e->scan<e->free && * budget> 0) {
    uint64_t work = e->scan + e->free;

    if (e->part == 0 && !(e->span > CACHED_SPAN ? scan_structs_of_memory(e, *budget)
                                                : scan_structs_in_cache(e, *budget)))
      return false;
    work = e->scan + e->free - work;
    *budget -= slhi_at_most(work, *budget);
    if (e->scan == e->free || *budget == 0)
      break;
    work = scan_other(e, *budget);
    if (work == CORRUPT)
      return false;
    *budget -= slhi_at_most(work, *budget);
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
