/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * The copying collector.
 *
 * Cheney's breadth-first evacuation ("A nonrecursive list compacting
 * algorithm", CACM 13:11, 1970), into a space that is lent for the time of
 * the collection and not part of the heap. References are written as their
 * final offsets, so that the survivors can be copied back behind `start` as
 * they are:
 *
 *   heap   |== start ======= from =======bump|......|
 *                    evacuate |     ^
 *                             v     | copy back
 *   space      |== scanned ==|== grey ==|free....|
 *
 * The heap may hold anything. A reference is followed only if it is aligned
 * and inside [start, bump); an object is copied only if its header names a
 * type, and it fits into what is left of the heap and of the space. Objects
 * in the space were checked when they were copied, and nobody can change them.
 */
#include "lib/heap.h"
#include "lib/object.h"
#include "lib/roots.h"
#include "lib/tables.h"

struct evacuation {
  char *from;     /* address of offset 0 in the heap */
  char *to;       /* address of offset 0 if the space were the heap */
  uint32_t start; /* what is moved lies in [start, end) */
  uint32_t span;  /* (end - start) / 8 */
  uint64_t end;
  uint64_t free; /* final offset of the next copy */
  struct shapes shapes;
  struct tables *tables; /* of externrefs, or NULL */
};

/* An object's distance from `start` in units of 8, or at least `span` if the
 * reference is not aligned, or does not point into [start, end): the rotation
 * brings the low bits to the top, so that one comparison finds both. */
static inline uint32_t distance(const struct evacuation *e, uint32_t ref)
{
  uint32_t bytes = ref - e->start;

  return bytes >> 3 | bytes << 29;
}

/* How far ahead of the scan the objects that it will meet are fetched. */
#define PREFETCH_BYTES 256

/* Everything below works on a struct evacuation that the compiler keeps in
 * registers: stores into objects could change one that lies in memory. */
#define HOT static inline __attribute__((always_inline))

HOT void copy_object(char *to, const char *from, uint64_t bytes)
{
  if (SLH_LIKELY(bytes <= 64)) {
    for (uint64_t i = 0; i < bytes; i += 8)
      memcpy(to + i, from + i, 8);
  } else {
    memcpy(to, from, bytes);
  }
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
  /* Holds for every heap the library wrote. Forged objects can overlap, and
   * would be copied many times over. */
  if (SLH_UNLIKELY(e->free + object.bytes > e->end))
    return 0;
  moved = (uint32_t)e->free;
  e->free += object.bytes;
  copy_object(e->to + moved, old, object.bytes);
  /* What was checked is what is used: header and length are not read again
   * from the heap. The copy is not logged. */
  slhi_store_word(e->to + moved, object.shape->header);
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

/* `count` references that lie side by side. */
static bool evacuate_range(struct evacuation *evacuation, char *at, uint64_t count)
{
  struct evacuation e = *evacuation;
  uint64_t i = 0;

  for (; i + PREFETCH_BYTES / 4 < count; i++) {
    prefetch_target(&e, at + 4 * i + PREFETCH_BYTES);
    if (SLH_UNLIKELY(!evacuate_reference(&e, at + 4 * i)))
      return false;
  }
  for (; i < count; i++) {
    if (SLH_UNLIKELY(!evacuate_reference(&e, at + 4 * i)))
      return false;
  }
  *evacuation = e;
  return true;
}

/* A struct with references beyond its map. */
static bool scan_large_struct(struct evacuation *e, const struct shape *shape, char *object)
{
  for (uint64_t map = shape->refs; map != 0; map &= map - 1) {
    if (!evacuate_range(e, object + 4 * __builtin_ctzll(map), 1))
      return false;
  }
  for (uint32_t i = 0; i < shape->more_count; i++) {
    if (!evacuate_range(e, object + shape->more[i], 1))
      return false;
  }
  return true;
}

/* Scans grey structs until none is left, or another kind of object comes, or
 * a struct with more references than its map has. Returns how far it came, or
 * 0: corrupt. Structs are what heaps are full of. */
static uint64_t scan_structs(struct evacuation *evacuation, uint64_t at)
{
  struct evacuation e = *evacuation;

  while (at < e.free) {
    char *object = e.to + at;
    const struct shape *shape = &e.shapes.at[slhi_load_word(object) >> SLHI_INDEX_SHIFT];
    bool ahead = at + PREFETCH_BYTES + 4 * SLHI_MAP_WORDS < e.free;

    if (SLH_UNLIKELY(shape->bytes == 0 || shape->more_count != 0))
      break;
    for (uint64_t map = shape->refs; map != 0; map &= map - 1) {
      char *field = object + 4 * __builtin_ctzll(map);

      /* As if what lies ahead had this shape, too: it mostly has. */
      if (ahead)
        prefetch_target(&e, field + PREFETCH_BYTES);
      if (SLH_UNLIKELY(!evacuate_reference(&e, field)))
        return 0;
    }
    at += shape->bytes;
  }
  *evacuation = e;
  return at;
}

/* Scans grey objects until none is left. False: corrupt. */
static bool scan(struct evacuation *e)
{
  uint64_t at = e->start;

  while (at < e->free) {
    char *object;
    const struct shape *shape;
    uint32_t word;

    at = scan_structs(e, at);
    if (at == 0)
      return false;
    if (at == e->free)
      break;
    object = e->to + at;
    word = slhi_load_word(object + 4);
    shape = &e->shapes.at[slhi_load_word(object) >> SLHI_INDEX_SHIFT];
    if (shape->bytes != 0) {
      if (!scan_large_struct(e, shape, object))
        return false;
    } else if (shape->refs != 0) {
      if (!evacuate_range(e, object + SLH_ARRAY_DATA_OFFSET, word))
        return false;
    } else if (shape->header == SLHI_EXTERN_HEADER && e->tables) {
      slhi_host_data_keep(e->tables, word);
    }
    at += slhi_object_bytes(shape, word);
  }
  return true;
}

static bool evacuate_roots(struct evacuation *e, const slh_roots *roots)
{
  for (size_t i = 0; i < roots->count; i++) {
    const slh_root *root = &roots->entries[i];

    if (!evacuate_range(e, (char *)root->first, root->count))
      return false;
  }
  return true;
}

/* Moves the survivors to where they belong. */
static void copy_back(slh_heap *heap, const struct evacuation *e)
{
  uint64_t bump = heap->data.bump;
  uint64_t live = e->free - e->start;

  memcpy(e->from + e->start, e->to + e->start, live);
  if (heap->data.dirty < bump)
    heap->data.dirty = bump;
  heap->data.bump = e->free;
  heap->reclaimed += bump - e->free;
  heap->copied += live;
  heap->live = live;
  heap->collections++;
}

static slh_status collect(slh_heap *heap, const slh_roots *roots)
{
  slh_pool *pool = slh_heap_pool(heap);
  uint64_t start = SLHI_START;
  uint64_t end = heap->data.bump;
  struct evacuation e;
  struct slot *space;
  bool sound;
  slh_status status = slhi_pool_lend_space(pool, end - start, &space);

  if (status != SLH_OK)
    return status;
  e.from = heap->data.base;
  e.to = space->start - start;
  e.start = (uint32_t)start;
  e.span = (uint32_t)((end - start) / SLHI_OBJECT_ALIGN);
  e.end = end;
  e.free = start;
  e.shapes = slhi_shapes(heap->runtime);
  e.tables = heap->tables;
  sound = evacuate_roots(&e, roots) && scan(&e);
  if (sound)
    copy_back(heap, &e);
  slhi_pool_return_space(pool, space, e.free - start);
  return sound ? SLH_OK : SLH_E_CORRUPT;
}

const struct collector slhi_copying_collector = {"copying", true, collect};
