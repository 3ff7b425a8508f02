/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * slh_heap: one store's garbage-collected heap, from acquire to release.
 *
 * Objects and dead fillers lie side by side from slh_heap_start to slh_heap_bump
 * (inspect.h), those of an image first. References are offsets from `base`, which never
 * moves in a wide pool. Collectors that copy move objects within the heap, so after
 * any call that can collect, every slh_ref that was not rooted is void. With drc nothing
 * moves, but what nobody counts or roots is reclaimed; see barrier.h.
 */
#ifndef SLOTHEAP_HEAP_H
#define SLOTHEAP_HEAP_H

#include <slotheap/base.h>
#include <slotheap/pool.h>
#include <slotheap/ref.h>
#include <slotheap/runtime.h>

SLH_BEGIN_DECLS

/* A store's heap: taken by slh_heap_acquire, given back by slh_heap_release. */
typedef struct slh_heap slh_heap;

/* What a store can begin with, and a list of roots. */
typedef struct slh_image slh_image; /* see image.h */
typedef struct slh_roots slh_roots;

/*
 * What compiled code needs of a heap, at fixed offsets. An slh_heap * points
 * at its slh_heap_data. `bump` and all that follows it, but for the pointers,
 * are offsets from `base`.
 *
 * To allocate inline: end = bump + size; if end > limit, call the library;
 * else store bump = end and write the header word (and the length of an
 * array). Bytes from max(bump, dirty) on are zero, those below `dirty` are
 * not: initialise every field before anything can collect. With drc `bump` and `limit`
 * can lie in a hole among the objects: then there are objects behind it, too.
 *
 * To write a reference inline into an object that anything may have collected
 * since it was allocated (the write barrier of slh_set_ref): store it; then
 *   if object >= young, or value < young, or bit 0 of value is set: done;
 *   if header & SLH_HEADER_LOGGED: done;
 *   if remembered == remembered_end: call slh_remember_object(heap, object);
 *   else set that bit in the header and store the object's offset at
 *   *remembered++.
 * `object` is the array, not the element. With arrays of more than
 * SLH_REMEMBERED_WHOLE elements, call slh_remember_element in place of all
 * after the first line; else the whole array is looked at. With the copying and the null
 * collector nothing lies below `young`: the first comparison always ends it. With drc
 * there is another barrier; see SLH_COUNTING.
 */
typedef struct slh_heap_data {
  char *base;               /* +0  address of offset 0 */
  uint64_t bump;            /* +8  the next free byte; drc: perhaps in a hole */
  uint64_t limit;           /* +16 allocation may go up to here */
  uint32_t *remembered;     /* +24 where the write barrier notes the next object */
  uint32_t *remembered_end; /* +32 and where there is no more room for one */
  uint32_t dirty;           /* +40 bytes below may not be zero; see above */
  uint32_t young;           /* +44 objects from here on are young: no barrier; SLH_COUNTING */
  uint32_t start;           /* +48 the store's own objects lie from here on; an image's before */
  uint32_t mask;            /* +52 of offsets in a dense slot: its width - 1; wide: all ones */
  slh_runtime *runtime;     /* +56 */
} slh_heap_data;

SLH_STATIC_ASSERT(sizeof(slh_heap_data) == 64, "one cache line, known to compiled code");
SLH_STATIC_ASSERT(offsetof(slh_heap_data, bump) == 8, "known to compiled code");
SLH_STATIC_ASSERT(offsetof(slh_heap_data, limit) == 16, "known to compiled code");
SLH_STATIC_ASSERT(offsetof(slh_heap_data, remembered) == 24, "known to compiled code");
SLH_STATIC_ASSERT(offsetof(slh_heap_data, remembered_end) == 32, "known to compiled code");
SLH_STATIC_ASSERT(offsetof(slh_heap_data, dirty) == 40, "known to compiled code");
SLH_STATIC_ASSERT(offsetof(slh_heap_data, young) == 44, "known to compiled code");
SLH_STATIC_ASSERT(offsetof(slh_heap_data, start) == 48, "known to compiled code");
SLH_STATIC_ASSERT(offsetof(slh_heap_data, mask) == 52, "known to compiled code");
SLH_STATIC_ASSERT(offsetof(slh_heap_data, runtime) == 56, "known to compiled code");

/* Bit of `young` in heaps that count references (SLH_COLLECTOR_DRC), where it lies above
 * all objects: compiled code for them writes references by slh_counted_set (barrier.h), but
 * for those that slh_init_ref would do for. */
#define SLH_COUNTING 1u

/* Offset of the first object in a heap of a wide pool. References below it
 * fault: null plus a small offset is caught by the guard at no cost. */
#define SLH_WIDE_START 4096u

/* The same in a dense pool, whose slots have nothing before them. */
#define SLH_DENSE_START 8u

/* What compiled code needs of a heap. The same memory, at no cost. */
static inline slh_heap_data *slh_heap_get_data(const slh_heap *heap)
{
  return (slh_heap_data *)(uintptr_t)heap;
}

/*
 * Lists the references that a store holds outside its heap, by address, for
 * a collection that starts (see roots.h). Called on the heap's thread, from calls
 * that can collect and from slh_heap_list_roots; must not use the heap, but for
 * slh_heap_host and figures (slh_heap_get_stats, slh_heap_bump). A failed
 * slh_roots_add need not be handled: the list remembers it and the collection fails.
 */
typedef void slh_enumerate_roots_fn(void *host, slh_heap *heap, slh_roots *roots);

/* Called with the data of an externref when it is dropped; see host.h. */
typedef void slh_drop_fn(void *data);

/* A store is about to be allowed more. Bytes. */
typedef struct slh_growth {
  uint64_t from;   /* what it may use now before it collects */
  uint64_t to;     /* what it would be allowed */
  uint64_t live;   /* left by the last collection, 0 if there was none */
  uint64_t needed; /* by the call that asks; it fails if growth is refused and
                      there is no room for it */
} slh_growth;

/* Returns whether the store may grow. If not, less may be asked for: half as
 * much again and again, then what is needed. Must not use the heap. */
typedef bool slh_grow_fn(void *host, slh_heap *heap, const slh_growth *growth);

/* Options of a store. Zero in a field means its default. */
typedef struct slh_heap_options {
  size_t struct_size;   /* sizeof(slh_heap_options), set by the initialiser */
  slh_runtime *runtime; /* required; must outlive the heap */
  /* The heap may hold this much; more is SLH_E_LIMIT. 0: what the pool
   * allows. Clamped to that. */
  uint64_t max_bytes;
  /* Allocated before the first collection is considered. 0: 1 MiB. Clamped
   * to max_bytes. */
  uint64_t initial_bytes;
  /* The library's own memory that the store can make grow (host data, roots,
   * functions): more is SLH_E_HOST_LIMIT. 0: 16 MiB. Up to 64 KiB that an
   * earlier store left do not count; nor do the counts of drc, 4 bytes for each 8 bytes of
   * heap, which the heap's own limit bounds. */
  uint64_t max_host_bytes;
  slh_enumerate_roots_fn *enumerate_roots; /* NULL: the store has none */
  slh_grow_fn *grow;                       /* NULL: always yes */
  void *host;                              /* passed to both */
  /* What kind of store it is, if the host knows some: a slot whose last store had
   * the same tag is preferred, as far as the thread has one at hand. 0: none. */
  uint32_t tag;
  /* Dense pools: the base never changes, so the heap cannot outgrow the smallest
   * slot: max_bytes is clamped to it. */
  bool fixed;
  /* What the store begins with; of this runtime, for pools of this kind. Used
   * during the call only. NULL: nothing. */
  const slh_image *image;
  /* The image's objects are as if the store had allocated them: they are
   * collected, and count; `grow` can be asked during the call. */
  bool resume;
} slh_heap_options;

/* All defaults; `runtime` has to be set. */
#define SLH_HEAP_OPTIONS_INIT                                                                      \
  {                                                                                                \
    sizeof(slh_heap_options), NULL, 0, 0, 0, NULL, NULL, NULL, 0, false, NULL, false               \
  }

/*
 * Takes a heap from the pool, at once: an empty one, or one with the objects of
 * `options->image`. A slot that was used before is taken first; that makes no
 * system call. The caller owns the heap until slh_heap_release. Any thread.
 * Errors: SLH_E_FULL, SLH_E_INVALID (no runtime, struct_size not known); with an
 * image also SLH_E_INVALID (of another runtime, or for another kind of pool),
 * SLH_E_TOO_LARGE (no slot has room for it), SLH_E_LIMIT (resuming: it exceeds
 * max_bytes), SLH_E_POOL_LIMIT, SLH_E_REFUSED, SLH_E_HOST_LIMIT, SLH_E_NOMEM,
 * SLH_E_UNSUPPORTED (it has host data, and no `decode`; with drc, weak references or
 * ephemerons), and what `decode` returns.
 */
SLH_API SLH_NODISCARD slh_status slh_heap_acquire(slh_pool *pool, const slh_heap_options *options,
                                                  slh_heap **out);

/*
 * The same; if every slot is taken it waits up to `nanoseconds` (0: not at all)
 * for one to be released. Who came first gets the first. Errors: as above, in
 * words (`error` may be NULL).
 */
SLH_API SLH_NODISCARD slh_status slh_heap_acquire_within(slh_pool *pool,
                                                         const slh_heap_options *options,
                                                         uint64_t nanoseconds, slh_heap **out,
                                                         slh_error *error);

/*
 * Makes a heap on demand, with a mapping of its own: a pool of one slot, made
 * with `pool_options` (may be NULL; slots and max_collections are taken for 1),
 * which is freed when the heap is released. Errors: those of slh_pool_new and
 * slh_heap_acquire.
 */
SLH_API SLH_NODISCARD slh_status slh_heap_new(const slh_pool_options *pool_options,
                                              const slh_heap_options *options, slh_heap **out,
                                              slh_error *error);

/* Ends the store: scrubs what it wrote and returns the slot. Every reference
 * into it is void. NULL is ignored. Any thread. Releasing twice stops the process
 * with a message, with two exceptions. If another store has the slot by then, it is
 * that store which ends. And slh_heap_new's heaps are gone with their memory. */
SLH_API void slh_heap_release(slh_heap *heap);

/*
 * Ends a store that its thread has left in the middle: the thread has ended, was
 * cancelled, or jumped out of a callback, or out of a protected call. As
 * slh_heap_release, whatever goes on with the heap; frames and protected calls
 * that were open must not be returned to; a protected call that such a jump left
 * must have been the outermost of its thread. Any thread. Library calls that were
 * cut off in the middle (by an asynchronous signal, or a fork in another thread)
 * leave nothing that could be trusted: for those slh_pool_abandon.
 */
SLH_API void slh_heap_discard(slh_heap *heap);

/*
 * Calls `visit` for each heap of the pool that has not been released, until it
 * returns false: for finding those that a thread has left behind. Any
 * thread; others can acquire and release meanwhile, so what `visit` gets may be
 * gone, unless the host knows better (by slh_heap_host), and must not be used
 * then.
 */
typedef bool slh_visit_heap_fn(void *context, slh_heap *heap);
SLH_API void slh_pool_visit_heaps(slh_pool *pool, slh_visit_heap_fn *visit, void *context);

/* Forgets all objects, those of an image too, as if nothing had been allocated;
 * other options, mappings and bookkeeping stay. Handles, open frames and scopes end; what the
 * host's roots hold is void: set them to null before the heap is used again. */
SLH_API void slh_heap_reset(slh_heap *heap);

/* What the heap was acquired with. */
SLH_API slh_runtime *slh_heap_runtime(const slh_heap *heap);
SLH_API slh_collector slh_heap_collector(const slh_heap *heap);
SLH_API slh_pool *slh_heap_pool(const slh_heap *heap);
SLH_API void *slh_heap_host(const slh_heap *heap);

/* ---- allocation ----
 *
 * Two families. slh_alloc_* never collects and has three outcomes: SLH_OK;
 * SLH_E_COLLECT (no room below the soft limit: collect, or grow by
 * slh_heap_grow, and retry; slh_heap_bytes_needed says how much); or an error
 * that no retry can help. slh_new_* collects and grows by itself, as the
 * heap's policy decides, and can move every object.
 *
 * Types must be of the heap's runtime (not checked). With the null collector,
 * slh_alloc_* grow the heap by themselves: there is nothing to collect.
 *
 * Objects come zeroed (references null), except from the _uninit calls: there
 * every field must be set before anything can collect.
 *
 * Errors of both: SLH_E_TYPE (not a struct / array type; not of the calls for
 * uninitialised structs), SLH_E_TOO_LARGE (the object alone exceeds max_bytes),
 * SLH_E_NOMEM (the system refused memory), SLH_E_FULL (dense pools: the heap has
 * outgrown its slot, and no larger one is free), SLH_E_CORRUPT (a collection met what
 * the library did not write). slh_alloc_*: SLH_E_COLLECT. slh_new_*, and with the null
 * collector slh_alloc_*: SLH_E_LIMIT (the live objects and this one exceed max_bytes),
 * SLH_E_POOL_LIMIT (the pool's budget), SLH_E_REFUSED (the growth callback). slh_new_*
 * also: SLH_E_BUSY (every evacuation space is lent, and growing did not do instead).
 * After any error but SLH_E_CORRUPT the heap is as usable as before.
 */

/*
 * Makes room for `bytes` without collecting: commits memory below the soft
 * limit. What slh_alloc_* calls when the inline path finds no room.
 * Errors: those of slh_alloc_* but SLH_E_TYPE.
 */
SLH_API SLH_NODISCARD slh_status slh_heap_extend(slh_heap *heap, uint64_t bytes);

/* Makes room for `bytes`: collects, or grows, or both, as the policy decides.
 * Moves objects. What slh_new_* calls, and what to call when slh_alloc_* returns
 * SLH_E_COLLECT and the policy is to decide whether a young collection will do.
 * Errors: those of slh_new_* but SLH_E_TYPE. */
SLH_API SLH_NODISCARD slh_status slh_heap_make_room(slh_heap *heap, uint64_t bytes);

/* The two differ in what they call when there is no room, and then they try
 * again: joining the loop from there, compilers can keep the bump pointer in
 * a register from one object to the next. */
#define SLH_DEFINE_UNINIT(name, make_room)                                                         \
  static inline SLH_NODISCARD slh_status name(slh_heap *heap, const slh_type *type, slh_ref *out)  \
  {                                                                                                \
    slh_heap_data *data = slh_heap_get_data(heap);                                                 \
    uint64_t at, end;                                                                              \
                                                                                                   \
    for (;;) {                                                                                     \
      slh_status status;                                                                           \
                                                                                                   \
      at = data->bump;                                                                             \
      end = at + type->size;                                                                       \
      if (SLH_LIKELY(end <= data->limit))                                                          \
        break;                                                                                     \
      status = make_room(heap, type->size);                                                        \
      if (status != SLH_OK)                                                                        \
        return status;                                                                             \
    }                                                                                              \
    data->bump = end;                                                                              \
    *(uint32_t *)(data->base + at) = type->header;                                                 \
    out->bits = (uint32_t)at;                                                                      \
    return SLH_OK;                                                                                 \
  }

/* An uninitialised struct. `type` must be a struct type of the heap's runtime
 * (not checked). Where one type is allocated again and again, a local copy of
 * its slh_type spares reloading it. */
SLH_DEFINE_UNINIT(slh_alloc_struct_uninit, slh_heap_extend)
SLH_DEFINE_UNINIT(slh_new_struct_uninit, slh_heap_make_room)
#undef SLH_DEFINE_UNINIT

/* The same, zeroed. */
SLH_API SLH_NODISCARD slh_status slh_alloc_struct(slh_heap *heap, const slh_type *type,
                                                  slh_ref *out);
SLH_API SLH_NODISCARD slh_status slh_new_struct(slh_heap *heap, const slh_type *type, slh_ref *out);

/* An array of `length` elements: zeroed, or with only header and length written.
 * Errors: as above. SLH_E_TYPE: no array type. SLH_E_TOO_LARGE: so many elements of that
 * size, with 8 bytes before them, exceed max_bytes. */
SLH_API SLH_NODISCARD slh_status slh_alloc_array(slh_heap *heap, const slh_type *type,
                                                 uint32_t length, slh_ref *out);
SLH_API SLH_NODISCARD slh_status slh_new_array(slh_heap *heap, const slh_type *type,
                                               uint32_t length, slh_ref *out);
SLH_API SLH_NODISCARD slh_status slh_alloc_array_uninit(slh_heap *heap, const slh_type *type,
                                                        uint32_t length, slh_ref *out);
SLH_API SLH_NODISCARD slh_status slh_new_array_uninit(slh_heap *heap, const slh_type *type,
                                                      uint32_t length, slh_ref *out);

/* Bytes that the last allocation answered with SLH_E_COLLECT wanted. */
SLH_API uint64_t slh_heap_bytes_needed(const slh_heap *heap);

/* Raises the soft limit so that `bytes` more can be allocated without a
 * collection. Errors: SLH_E_LIMIT (max_bytes), SLH_E_POOL_LIMIT,
 * SLH_E_REFUSED, SLH_E_NOMEM, SLH_E_FULL (dense pools, as above), SLH_E_CORRUPT. */
SLH_API SLH_NODISCARD slh_status slh_heap_grow(slh_heap *heap, uint64_t bytes);

SLH_END_DECLS

#endif
