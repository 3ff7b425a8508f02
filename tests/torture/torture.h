/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Torture: heaps are built, corrupted at random and on purpose, and then used
 * through all of the public interface. Whatever was written into a heap, each
 * call returns a status that it may return, and nothing but that heap changes.
 *
 *   main.c         arguments
 *   driver.c       batches of rounds, each in a child; which round failed
 *   round.c        a round: a store from acquire to release, and what must hold then
 *   arenas.c       pools of each kind, the slots around the heap's full of canaries
 *   canaries.c     red zones around host memory
 *   worlds.c       runtimes, and their types
 *   build.c        a heap of random objects
 *   corruptions.c  what is done to it; overlaps.c: objects within objects
 *   calls*.c       what is called then; calls-image.c: images of it
 *   figures.c      counts, and what statuses a call may return
 */
#ifndef SLOTHEAP_TESTS_TORTURE_H
#define SLOTHEAP_TESTS_TORTURE_H

#include "tests/helper.h"
#include "tests/torture/figures.h"

#define TORTURE_TYPES 16
#define TORTURE_ROOTS 12
#define TORTURE_OBJECTS 256
#define TORTURE_DATA 64
#define TORTURE_HANDLES 8

/* ---- worlds.c ---- */

/* A runtime, with the same types in each. */
struct world {
  slh_runtime *runtime;
  const slh_type *types[TORTURE_TYPES];
  bool checks; /* a collection now and then out of zeal, verified */
};

/* Those of `types` that are asked for by number. */
enum type {
  NODE,
  REFS,
  BYTES,
  LONGS,
  VECTORS,
  MANY_REFS,
  HUNDREDS_OF_REFS,
  FUNCTIONS
};

enum {
  WORLDS = 7
};

struct world *torture_world(uint64_t number);
void torture_close_worlds(void);

/* ---- arenas.c ---- */

/* A pool, and what lies in it that must not change. */
struct arena {
  const char *name;
  slh_pool *pool;
  uint64_t max_bytes; /* of the heap that is tortured */
  bool strict;        /* what is written beyond the bump pointer does not outlast its store */
  bool dense;
  bool scrubs; /* nor does anything else */
  slh_heap **canaries;
  struct span *spans; /* of each canary */
  uint32_t canary_count;
  uint32_t unchecked; /* rounds since all canaries were looked at */
  uint32_t check_every;
};

enum {
  ARENAS = 9
};

struct arena *torture_arena(uint64_t number);

/* That the canaries are as they were, now or soon. */
void torture_check_arena(struct arena *arena);
void torture_close_arenas(void);

/* ---- canaries.c ---- */

/* An allocator with red zones. */
extern const slh_allocator torture_allocator;

/* From now on it fails once in so many times; 0: never. */
void torture_refuse(uint64_t seed, uint64_t one_in);

void torture_check_host(void);

/* Blocks that are allocated. */
uint64_t torture_host_blocks(void);

/* The sanitizer reports who reads or writes that, from now on or no more. */
void torture_forbid(const char *at, uint64_t bytes);
void torture_allow(const char *at, uint64_t bytes);

/* ---- a store ---- */

struct object_at {
  slh_ref ref;
  const slh_type *type;
  uint64_t size;
};

struct torture {
  uint64_t random;
  struct figures *figures;
  bool verbose;
  struct arena *arena;
  struct world *world;
  slh_heap *heap;
  uint64_t max_bytes;
  bool large;   /* there is room for large arrays */
  bool fixed;   /* its base may not change */
  bool active;  /* a collection is under way */
  bool corrupt; /* a collection found it corrupt */
  bool wild;    /* something was written beyond the bump pointer */
  bool damaged; /* corrupted since the collection began */
  bool trap_next;
  uint32_t no_gc;
  const char *base;
  uint64_t guard_before;
  slh_ref roots[TORTURE_ROOTS];
  uint64_t guard_behind;

  /* Where objects were when somebody last looked. */
  struct object_at objects[TORTURE_OBJECTS];
  uint32_t object_count;

  slh_image *image;   /* that the next store may begin from */
  char *image_copy;   /* what the first store began with, */
  uint64_t image_end; /* and how much */

  uint32_t drops[TORTURE_DATA]; /* of the host data of each externref */
  uint32_t externrefs;

  slh_owned owned[TORTURE_HANDLES];
  slh_weak weak[TORTURE_HANDLES];
  slh_ephemerons tables[2];
  uint32_t owned_count, weak_count, table_count;
  slh_frame frame;
  slh_local locals[TORTURE_HANDLES];
  uint32_t local_count;
  uint32_t functions;
};

static inline uint64_t below(struct torture *t, uint64_t bound)
{
  return helper_below(&t->random, bound);
}

static inline bool one_in(struct torture *t, uint64_t n)
{
  return helper_one_in(&t->random, n);
}

static inline slh_heap_data *data_of(const struct torture *t)
{
  return slh_heap_get_data(t->heap);
}

static inline char *byte_at(const struct torture *t, uint64_t offset)
{
  return data_of(t)->base + offset;
}

static inline uint32_t word_at(const struct torture *t, uint64_t offset)
{
  uint32_t word;

  memcpy(&word, byte_at(t, offset), sizeof word);
  return word;
}

/* Offset behind the last object; bump can be among them. */
static inline uint64_t torture_end(const struct torture *t)
{
  return slh_heap_end(t->heap);
}

/* Offset of the first object, an image's too. */
static inline uint64_t torture_first(const struct torture *t)
{
  return t->arena->dense ? SLH_DENSE_FIRST : SLH_WIDE_FIRST;
}

/* ---- build.c ---- */

void torture_build(struct torture *t);

/* Looks for objects from the start on, as far as there are some. The status of the
 * walk. */
slh_status torture_find_objects(struct torture *t);

/* One of those found, or NULL. */
const struct object_at *torture_object(struct torture *t);

/* A new datum, and how it is dropped. False: there is none left. */
bool torture_datum(struct torture *t, void **data, slh_drop_fn **drop);

/* An externref with a datum of its own, if there are some left. */
slh_status torture_externref(struct torture *t, bool collect, slh_ref *out);

/* The heap's enumerate_roots and growth callback. */
void torture_list_roots(void *host, slh_heap *heap, slh_roots *roots);
bool torture_grow(void *host, slh_heap *heap, const slh_growth *growth);

/* ---- corruptions.c, overlaps.c ---- */

/* Does one of all corruptions to the heap, and counts it. */
void torture_corrupt(struct torture *t);

/* Bits that could be a reference, a header or a length; a reference; an offset in
 * the heap, a multiple of `align`. */
uint32_t torture_bits(struct torture *t);
slh_ref torture_ref(struct torture *t);
uint64_t torture_place(struct torture *t, uint64_t align);

/* Of an object of that kind; any if there is none. */
uint64_t torture_place_of(struct torture *t, slh_kind kind);

/* Writes a word if there is one at that offset. */
void torture_put(struct torture *t, uint64_t offset, uint32_t word);

/* Headers of all kinds. */
uint32_t torture_header(struct torture *t);

void torture_overlap_arrays(struct torture *t);
void torture_overlap_structs(struct torture *t);
void torture_overlap_larges(struct torture *t);
void torture_headers_everywhere(struct torture *t);

/* ---- calls ---- */

/* Some calls of one of all kinds. A collection can be under way afterwards. */
void torture_call(struct torture *t);

void torture_call_objects(struct torture *t);
void torture_call_fields(struct torture *t);
void torture_call_inline(struct torture *t);
void torture_call_allocation(struct torture *t);
void torture_call_collection(struct torture *t);
void torture_call_tables(struct torture *t);
void torture_call_weak(struct torture *t);
void torture_call_pool(struct torture *t);
void torture_call_image(struct torture *t);

/* What the host has of a heap that began from t->image just now, which must be
 * what earlier ones began with. */
void torture_take_image(struct torture *t);
void torture_drop_image(struct torture *t);

/* Begins a collection, and corrupts between its steps; it is mostly completed. */
void torture_collect_in_steps(struct torture *t);

/* What a heap must be after any call. */
void torture_check_marks(const struct torture *t);

/* CALL(t, slh_x, (arguments)): calls it, and checks and returns its status. */
#define CALL(t, name, arguments)                                                                   \
  (torture_calling((t)->figures, CALL_##name), torture_called((t), CALL_##name, name arguments))

/* The same of calls without a status. */
#define VISIT(t, name, arguments) (torture_visiting((t)->figures, CALL_##name), name arguments)

/* ---- round.c ---- */

/* `t` has its seed, and is else empty. */
void torture_round(struct torture *t);

#endif
