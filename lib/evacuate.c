/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Moving objects into the evacuation space, and scanning them there: the inner loops. */
#include "lib/evacuate.h"

#include "pool/assert.h"

/* How far ahead of the scan the objects that it will meet are fetched. */
#define PREFETCH_BYTES 256

/* A heap that is smaller is in the cache, and fetching ahead is only work. */
#define CACHED_SPAN ((1u << 20) / SLHI_OBJECT_ALIGN)

/* Everything below works on a struct evacuation that the compiler keeps in
 * registers: stores into objects could change one that lies in memory. */
#define HOT static inline __attribute__((always_inline))

/* Misaligned, so it is no reference. */
#define CORRUPT_REF UINT32_C(2)

struct evacuation slhi_evacuation(slh_heap *heap, struct tables *tables, uint64_t start,
                                  char *space)
{
  uint64_t end = heap->data.bump;

  SLHI_ASSERT_LE(slhi_heap_first(heap), start);
  return (struct evacuation){
      .from = heap->data.base,
      .to = space - start,
      .start = (uint32_t)start,
      .span = (uint32_t)((end - start) / SLHI_OBJECT_ALIGN),
      .first = slhi_heap_first(heap),
      .old_span = (uint32_t)((start - slhi_heap_first(heap)) / SLHI_OBJECT_ALIGN),
      .end = end,
      .sure_span = end > start + SLHI_SMALL_BYTES
                       ? (uint32_t)((end - start - SLHI_SMALL_BYTES) / SLHI_OBJECT_ALIGN)
                       : 0,
      .sure = end > start + SLHI_SMALL_BYTES ? end - SLHI_SMALL_BYTES : start,
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

/* The shape whose index a header has, as far as the table goes. */
HOT const struct shape *shape_in_table(const struct evacuation *e, uint32_t header)
{
  /* (index << 6) >> 1: shapes have 32 bytes. */
  return (const void *)((const char *)e->shapes.at + ((header & e->shapes.mask) >> 1));
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

static uint32_t leave_mark(struct evacuation *e, uint32_t ref, uint32_t moved)
{
  slhi_store_word(e->from + ref, moved | SLHI_FORWARDED);
  return moved;
}

/* Gives a large array its place, if it is not one to be copied. 0: it is. */
static uint32_t place_large(struct evacuation *e, uint32_t ref, const struct object *object)
{
  uint64_t takes;
  uint32_t place = slhi_larges_reach(e->larges, ref, object, e->free, &takes);

  /* What lies in the space there is not its elements. */
  if (takes != 0)
    slhi_store_filler(e->to + place, (uint32_t)takes);
  e->free += takes;
  return place;
}

/* The copy of an object: all of it, or what scanning needs to go on. */
static void copy_object(char *to, const char *from, uint32_t source, const struct object *object)
{
  if (object->bytes <= SLHI_LAZY_BYTES) {
    memcpy(to, from, object->bytes);
  } else {
    slhi_store_word(to + 4, object->word);
    slhi_store_word(to + 8, source);
  }
  slhi_store_word(to, object->shape->header); /* the copy is not logged */
}

/* Moves the object at offset `ref`, whatever it is. CORRUPT_REF: it is none. */
static __attribute__((noinline)) uint32_t move_any(struct evacuation *e, uint32_t ref)
{
  const char *old = e->from + ref;
  uint32_t place = (uint32_t)e->free;
  struct object object;

  if (!slhi_object_read(e->shapes, old, e->end - ref, &object) ||
      object.shape == slhi_filler_shape(e->shapes))
    return CORRUPT_REF;
  if (object.bytes >= SLHI_LARGE_BYTES && slhi_shape_kind(object.shape) == SLH_KIND_ARRAY) {
    uint32_t large = place_large(e, ref, &object);

    if (large != 0)
      return leave_mark(e, ref, large);
  }
  /* That an object also fits into the space holds for every heap that the
   * library wrote. Forged objects can overlap, and would be copied many times
   * over. */
  if (object.bytes > e->end - e->free)
    return CORRUPT_REF;
  copy_object(e->to + place, old, ref, &object);
  if (object.bytes >= SLHI_LARGE_BYTES)
    slhi_larges_note(e->larges, place, &object);
  e->free += object.bytes;
  return leave_mark(e, ref, place);
}

/* What a reference becomes that is not to a small object far from the end. */
static __attribute__((noinline)) uint32_t evacuate_other(struct evacuation *e, uint32_t ref)
{
  uint32_t header, moved;

  if (distance(e, ref) >= e->span)
    return ref == 0 || (ref & 1) != 0 || rotate(ref - e->first) < e->old_span ? ref : CORRUPT_REF;
  header = slhi_load_word(e->from + ref);
  if (!(header & SLHI_FORWARDED))
    return move_any(e, ref);
  moved = header & ~UINT32_C(7);
  return moved >= e->start && moved < e->free ? moved : CORRUPT_REF;
}

/* Sets `*out` to what a reference becomes: that of the object's copy, which is
 * made if it is the first. False: corrupt. `memory` is where `e` was read from. */
HOT bool evacuate(struct evacuation *e, struct evacuation *memory, uint32_t ref, uint32_t *out)
{
  const struct shape *shape;
  uint32_t header, bytes;
  char *old;

  *out = ref;
  if (ref == 0)
    return true;
  if (SLH_UNLIKELY(distance(e, ref) >= e->sure_span))
    goto other;
  old = e->from + ref;
  header = slhi_load_word(old);
  if (SLH_UNLIKELY(header & SLHI_FORWARDED)) {
    *out = header & ~UINT32_C(7);
    return SLH_LIKELY(*out >= e->start && *out < e->free);
  }
  /* One comparison tells whether it is the header of a small struct, and not
   * logged. */
  shape = shape_in_table(e, header);
  if (SLH_UNLIKELY(header != __atomic_load_n(&shape->small, __ATOMIC_ACQUIRE) ||
                   e->free >= e->sure))
    goto other;
  bytes = shape->bytes;
  *out = (uint32_t)e->free;
  copy_small(e->to + *out, old, bytes);
  e->free += bytes;
  slhi_store_word(old, *out | SLHI_FORWARDED);
  return true;
other:
  memory->free = e->free;
  *out = evacuate_other(memory, ref);
  e->free = memory->free;
  return *out != CORRUPT_REF;
}

/* Rewrites the reference at `at`. False: corrupt. */
HOT bool evacuate_reference(struct evacuation *e, struct evacuation *memory, char *at)
{
  uint32_t moved;

  if (SLH_UNLIKELY(!evacuate(e, memory, slhi_load_word(at), &moved)))
    return false;
  slhi_store_word(at, moved);
  return true;
}

/* Fetches what the word at `at` refers to, if it is a reference. */
HOT void prefetch_target(const struct evacuation *e, const char *at)
{
  uint32_t ref = slhi_load_word(at);

  /* Null would be an address without a page, and a walk of the tables. */
  if (distance(e, ref) < e->span)
    __builtin_prefetch(e->from + ref, 1);
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
    if (SLH_UNLIKELY(!evacuate_reference(&e, evacuation, (char *)&first[i])))
      return SLHI_CORRUPT;
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
    if (SLH_UNLIKELY(!evacuate_reference(&e, evacuation, at + 4 * i)))
      return SLHI_CORRUPT;
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
    /* Between two steps an array can have become shorter. */
    uint64_t count = shape->refs != 0 && object->word > before ? object->word - before : 0;

    done = slhi_evacuate_range(e, at + SLH_ARRAY_DATA_OFFSET + 4 * before,
                               slhi_at_most(count, budget / 4 + 1), budget);
    *complete = done == count;
  } else if (offsets) {
    uint64_t stop = slhi_at_most(offsets[0], before + budget / 4 + 1);

    for (uint64_t i = before + 1; i <= stop && done != SLHI_CORRUPT; i++)
      done = slhi_evacuate_range(e, at + offsets[i], 1, 0) == 1 ? done + 1 : SLHI_CORRUPT;
    *complete = stop == offsets[0];
  } else {
    struct evacuation local = *e;

    for (uint64_t map = shape->refs; map != 0; map >>= 8, done++) {
      if (SLH_UNLIKELY(!evacuate_reference(&local, e, at + (map & 0xff))))
        return SLHI_CORRUPT;
    }
    *e = local;
    *complete = true;
  }
  *part = *complete ? 0 : before + done;
  return done;
}

/* The references of a struct that a map describes. */
HOT bool scan_map(struct evacuation *e, struct evacuation *memory, char *object, uint64_t map,
                  bool ahead)
{
  for (; map != 0; map >>= 8) {
    char *field = object + (map & 0xff);

    /* As if what lies ahead had this shape, too: it mostly has. */
    if (ahead)
      prefetch_target(e, field + PREFETCH_BYTES);
    if (SLH_UNLIKELY(!evacuate_reference(e, memory, field)))
      return false;
  }
  return true;
}

/* The same of two references that lie side by side in the beginning: most
 * structs of references are pairs. */
#define PAIR_MAP UINT64_C(0x0804)

HOT bool scan_pair(struct evacuation *e, struct evacuation *memory, char *object, bool ahead)
{
  uint64_t pair;
  uint32_t first, second;

  memcpy(&pair, object + 4, sizeof pair);
  if (ahead) {
    prefetch_target(e, object + 4 + PREFETCH_BYTES);
    prefetch_target(e, object + 8 + PREFETCH_BYTES);
  }
  if (pair == 0)
    return true;
  if (SLH_UNLIKELY(!evacuate(e, memory, slhi_load_word(object + 4), &first) ||
                   !evacuate(e, memory, slhi_load_word(object + 8), &second)))
    return false;
  slhi_store_word(object + 4, first);
  slhi_store_word(object + 8, second);
  return true;
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
    const struct shape *shape = shape_in_table(&e, slhi_load_word(object));
    bool ahead = prefetch && at + PREFETCH_BYTES + UINT8_MAX < e.free;

    if (SLH_LIKELY(shape->refs == PAIR_MAP)) {
      if (SLH_UNLIKELY(!scan_pair(&e, evacuation, object, ahead)))
        return false;
    } else {
      if (shape->bytes == 0 || shape->offsets)
        break;
      if (SLH_UNLIKELY(!scan_map(&e, evacuation, object, shape->refs, ahead)))
        return false;
    }
    at += shape->bytes;
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
    if (SLH_UNLIKELY(!evacuate_reference(&e, evacuation, object + shape->offsets[e.part])))
      return SLHI_CORRUPT;
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

    if (done == SLHI_CORRUPT)
      return SLHI_CORRUPT;
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
  if (shape == slhi_filler_shape(e->shapes)) { /* the place of a large array */
    e->scan += slhi_load_word(object + 4);
    return sizeof(uint64_t);
  }
  slhi_host_data_keep(&e->tables->host, slhi_load_word(object + 4));
  e->scan += SLHI_EXTERN_BYTES;
  return SLHI_EXTERN_BYTES;
}

bool slhi_evacuate_scan(struct evacuation *e, uint64_t *budget)
{
  while (*budget > 0 && !slhi_evacuation_is_complete(e)) {
    uint64_t work = e->scan + e->free;

    if (e->part == 0 && !(e->span > CACHED_SPAN ? scan_structs_of_memory(e, *budget)
                                                : scan_structs_in_cache(e, *budget)))
      return false;
    work = e->scan + e->free - work;
    *budget -= slhi_at_most(work, *budget);
    if (*budget == 0)
      break;
    work = e->scan < e->free ? scan_other(e, *budget) : slhi_larges_scan(e, *budget);
    if (work == SLHI_CORRUPT)
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
