/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * slh_heap: one store's garbage-collected heap, from acquire to release.
 *
 * Objects and dead fillers lie side by side from slh_heap_first to slh_heap_end
 * (inspect.h), those of an image first. References are offsets from `base`, which never
 * moves in a wide pool. Collectors that copy move objects within the heap, so after
 * any call that can collect, every slh_ref that was not rooted is void. With drc nothing
 * moves, but what nobody counts or roots is reclaimed; see barrier.h.
 */
#ifndef SLOTHEAP_HEAP_H
#define SLOTHEAP_HEAP_H

#include <slotheap/base.h>
#include <slotheap/heap-data.h>
#include <slotheap/pool.h>
#include <slotheap/runtime.h>

SLH_BEGIN_DECLS

/* What a store can begin with, and a list of roots. */
typedef struct slh_image slh_image; /* see image.h */
typedef struct slh_roots slh_roots;

/*
 * Lists the references that a store holds outside its heap, by address, for
 * a collection that starts (see roots.h). Called on the heap's thread, from calls
 * that can collect and from slh_heap_list_roots; must not use the heap, but for
 * slh_heap_host and figures (slh_heap_get_stats, slh_heap_end). A failed
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

SLH_END_DECLS

#endif
