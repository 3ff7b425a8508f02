/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * References that do not keep their object alive: weak references, ephemeron
 * tables, finalizers. All are held by the host, outside the heap; all end with
 * the store, or when they are freed.
 *
 * A collection treats them in this order: it finds what is reachable, through
 * ephemerons too; clears weak references to the rest; queues the finalizers of
 * the rest, which makes those objects and what they reach reachable again; and
 * removes the ephemerons whose keys are still not reachable.
 *
 * Only collectors that find what is unreachable do any of this: with the null
 * collector nothing is ever cleared or queued, and with drc slh_weak_new,
 * slh_ephemerons_new and slh_finalizer_add return SLH_E_UNSUPPORTED. Prompt notice of an
 * object's end is to be had there from an externref that it refers to (host.h).
 *
 * All on the heap's thread. The storage counts against max_host_bytes. Handles
 * that have ended, or belong to another heap, stop the process with a message.
 */
#ifndef SLOTHEAP_WEAK_H
#define SLOTHEAP_WEAK_H

#include <slotheap/base.h>
#include <slotheap/heap.h>
#include <slotheap/ref.h>

SLH_BEGIN_DECLS

/* ---- weak references ---- */

/* A weak reference. Plain data; copies are the same one. */
typedef struct slh_weak {
  uint64_t stamp;  /* that no other handle has had */
  uint32_t number; /* of it in the heap */
} slh_weak;

/* A weak reference to `ref`. Errors: SLH_E_UNSUPPORTED (drc), SLH_E_NOMEM,
 * SLH_E_HOST_LIMIT, SLH_E_CORRUPT. */
SLH_API SLH_NODISCARD slh_status slh_weak_new(slh_heap *heap, slh_ref ref, slh_weak *out);
SLH_API void slh_weak_free(slh_heap *heap, slh_weak weak);

/* What it refers to, or null if a collection found that unreachable. */
SLH_API slh_ref slh_weak_get(const slh_heap *heap, slh_weak weak);

/* ---- ephemeron tables ---- */

/* Collections visit all entries once more for each time that values have kept
 * keys of other entries alive: a chain of n entries, each value the next key, can
 * cost n visits to n entries. All of it is charged to the budget of increments. */

/* A table from objects to references. An entry keeps its value alive while its
 * key is alive, and goes when its key dies; it does not keep the key
 * (Hayes, "Ephemerons", OOPSLA 1997). */
typedef struct slh_ephemerons {
  uint64_t stamp;  /* that no other handle has had */
  uint32_t number; /* of it in the heap */
} slh_ephemerons;

/* An empty table. Errors: SLH_E_UNSUPPORTED (drc), SLH_E_NOMEM, SLH_E_HOST_LIMIT,
 * SLH_E_CORRUPT. */
SLH_API SLH_NODISCARD slh_status slh_ephemerons_new(slh_heap *heap, slh_ephemerons *out);

/* Ends a table and its entries. Costs a visit to all entries of the heap. */
SLH_API void slh_ephemerons_free(slh_heap *heap, slh_ephemerons table);

/* Adds or replaces the entry of `key`. Errors: SLH_E_TYPE (the key is null, an i31,
 * or misaligned), SLH_E_NOMEM, SLH_E_HOST_LIMIT, SLH_E_CORRUPT. Not with drc, where
 * there are no tables. */
SLH_API SLH_NODISCARD slh_status slh_ephemerons_set(slh_heap *heap, slh_ephemerons table,
                                                    slh_ref key, slh_ref value);

/* Whether `key` has an entry; `*value` is set if so. */
SLH_API bool slh_ephemerons_get(const slh_heap *heap, slh_ephemerons table, slh_ref key,
                                slh_ref *value);

/* Whether `key` had an entry, which is removed. */
SLH_API bool slh_ephemerons_remove(slh_heap *heap, slh_ephemerons table, slh_ref key);

/* Calls `visit` for the entries of all tables of the heap, in no order, until it
 * returns false. It must not use the heap. */
typedef bool slh_visit_entry_fn(void *context, slh_ref key, slh_ref value);
SLH_API void slh_heap_visit_ephemerons(const slh_heap *heap, slh_visit_entry_fn *visit,
                                       void *context);

/* ---- finalizers ---- */

/* Once a collection finds the object `ref` unreachable, it is put into a
 * queue, with `data`, and lives on until the host has polled it (and longer if
 * the host keeps it). Several on one object are several entries.
 * Errors: SLH_E_UNSUPPORTED (drc), SLH_E_TYPE (null, an i31, or misaligned),
 * SLH_E_NOMEM, SLH_E_HOST_LIMIT, SLH_E_CORRUPT. */
SLH_API SLH_NODISCARD slh_status slh_finalizer_add(slh_heap *heap, slh_ref ref, void *data);

/* The next of the queue: true, and `*ref` and `*data` are set; false if it is
 * empty. Those of earlier collections come first, those of one in no order. Never
 * called by the library. */
SLH_API bool slh_finalizer_poll(slh_heap *heap, slh_ref *ref, void **data);

SLH_END_DECLS

#endif
