/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Collections, whole or in increments, and where they may not happen.
 *
 * A collection in increments is begun, stepped until it is complete, or
 * abandoned, which completes it at once. While one is under way the store
 * stands still: of all calls on the heap only slh_collection_*,
 * slh_heap_release, slh_heap_reset, slh_heap_get_stats and other figures may be
 * made; allocation, handles, walking and verifying stop the process with a
 * message.
 *
 * The roots are listed at the beginning and must stay where they are, unread,
 * until the collection is complete.
 */
#ifndef SLOTHEAP_COLLECTION_H
#define SLOTHEAP_COLLECTION_H

#include <slotheap/base.h>
#include <slotheap/heap.h>
#include <slotheap/roots.h>

SLH_BEGIN_DECLS

/*
 * Begins to collect the whole heap. What is reachable from the roots is kept, and the
 * rest forgotten. Collectors that copy move what is kept to the front, behind an image,
 * and rewrite each root. The roots are the handles of the heap, those that
 * enumerate_roots lists, those of `roots` (may be NULL; the list itself can be cleared at
 * once), and all that is in an image.
 *
 * With drc nothing moves, and no root is rewritten. What goes is what no counted
 * reference leads to, and what is among no roots any more (barrier.h): old objects in a
 * cycle stay, and so does what was there when there was no memory to count a reference.
 * With the null collector there is nothing to do, and it is complete after one step.
 * Errors: SLH_E_BUSY (every evacuation space is lent), SLH_E_NOMEM (for the space, the
 * list of roots, or the counts of drc): nothing has changed. SLH_E_CORRUPT (an earlier
 * collection found the heap so, or drc does when it counts anew; with zeal and in debug
 * builds, a young one that a reference was written without the barrier).
 */
SLH_API SLH_NODISCARD slh_status slh_collection_begin(slh_heap *heap, const slh_roots *roots);

/*
 * The same for the young objects only, those allocated since the last
 * collection: what is reachable of them from roots and old objects is kept,
 * and is old from then on. Its cost is in what survives, not in what is old.
 * Externrefs, weak references, ephemerons and finalizers of old objects stay.
 * Where there is nothing old, or not all that was written into old objects
 * could be remembered, and with other collectors, it is a full one. Errors: as above.
 */
SLH_API SLH_NODISCARD slh_status slh_collection_begin_young(slh_heap *heap, const slh_roots *roots);

/*
 * Goes on with the collection for about `budget` bytes of work, at most twice
 * that and one struct: bytes scanned plus bytes copied, the copy back included;
 * dropped host data counts 64 bytes each. 0 is taken for 1. Says in `*complete` whether it
 * is complete. Drop callbacks run within these calls.
 * Errors: SLH_E_CORRUPT: the heap held something that the library did not write. The
 * collection is over, and the heap can only be reset or released: until then calls that
 * return a status return SLH_E_CORRUPT, and handles read as null. What the roots hold is
 * void: set them to null before the heap is used again.
 */
SLH_API SLH_NODISCARD slh_status slh_collection_step(slh_heap *heap, uint64_t budget,
                                                     bool *complete);

/*
 * The same until the budget is used up or about so many nanoseconds have passed,
 * whichever is first: the clock is looked at every 16 KiB of work. The work done
 * is taken off `*budget`, so that a host can charge it, to a store's fuel say.
 * Errors: as above.
 */
SLH_API SLH_NODISCARD slh_status slh_collection_step_for(slh_heap *heap, uint64_t *budget,
                                                         uint64_t nanoseconds, bool *complete);

/* Completes a collection that was begun; does nothing if none was. To drop
 * the heap whole instead, release it. Errors: SLH_E_CORRUPT, as above. */
SLH_API SLH_NODISCARD slh_status slh_collection_abandon(slh_heap *heap);

/* Whether a collection is under way. */
SLH_API bool slh_collection_is_active(const slh_heap *heap);

/* All of a collection at once: begin, and steps until it is complete. Errors: those of
 * slh_collection_begin, SLH_E_BUSY and SLH_E_NOMEM, after which nothing has changed; and
 * SLH_E_CORRUPT, as slh_collection_step returns it. */
SLH_API SLH_NODISCARD slh_status slh_heap_collect(slh_heap *heap, const slh_roots *roots);
SLH_API SLH_NODISCARD slh_status slh_heap_collect_young(slh_heap *heap, const slh_roots *roots);

/* Between two increments: the host does something else, and comes back.
 * Returns false if the host wants the rest done without further pause. Must
 * not use the heap, release or reset it, and must return. */
typedef bool slh_yield_fn(void *context);

/* All of a collection, in steps of `budget` bytes, with `yield(context)`
 * between them. For event loops with coroutines, fibers or threads; a loop
 * without calls slh_collection_step itself. Errors: those of begin and step. */
SLH_API SLH_NODISCARD slh_status slh_heap_collect_async(slh_heap *heap, const slh_roots *roots,
                                                        uint64_t budget, slh_yield_fn *yield,
                                                        void *context);

/* ---- scopes in which nothing may be collected ---- */

/* Scopes nest. Within one, slh_new_* grow the heap instead of collecting, and
 * fail where they cannot; a call that asks for a collection stops the process
 * with a message. Leaving more scopes than were entered does so, too. */
SLH_API void slh_heap_enter_no_gc(slh_heap *heap);
SLH_API void slh_heap_leave_no_gc(slh_heap *heap);

SLH_END_DECLS

#endif
