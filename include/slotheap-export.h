/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * libslotheap-export: what slotheap knows, in formats that other programs read.
 *
 *   slh_export_*    statistics as JSON and as Prometheus text
 *   slh_trace_*     collections over time, for Perfetto and chrome://tracing
 *   slh_snapshot_*  all objects of a heap, for Chrome DevTools, and in words
 *
 * It uses nothing of libslotheap but what <slotheap.h> has. Output goes to a FILE;
 * texts of hosts and guests are escaped, and what is no UTF-8 in them replaced by
 * U+FFFD. doc/tracing.md shows what to do with it.
 */
#ifndef SLOTHEAP_EXPORT_H
#define SLOTHEAP_EXPORT_H

#include <slotheap.h>
#include <stdio.h>

SLH_BEGIN_DECLS

/* ---- statistics ---- */

/* Figures of a pool and of a heap, taken by slh_pool_get_stats and
 * slh_heap_get_stats: the latter on the heap's thread. Formatting them is for any
 * thread. */
typedef struct slh_export_pool {
  const char *name;
  slh_pool_stats stats;
} slh_export_pool;

typedef struct slh_export_heap {
  const char *pool; /* its pool's name */
  const char *name;
  slh_heap_stats stats;
} slh_export_heap;

typedef struct slh_export_stats {
  const slh_export_pool *pools;
  size_t pool_count;
  const slh_export_heap *heaps;
  size_t heap_count;
} slh_export_stats;

/* One JSON object in a line: {"pools": [{"name": ..., "slots": ...}], "heaps": [...]},
 * with the names that the fields of slh_pool_stats and slh_heap_stats have.
 * Errors: SLH_E_NOMEM, SLH_E_SYSTEM (writing). */
SLH_API SLH_NODISCARD slh_status slh_export_json(const slh_export_stats *stats, FILE *out);

/* Text format 0.0.4 of Prometheus, one family a field: slotheap_pool_slots{pool="name"},
 * slotheap_heap_used_bytes{pool="name",heap="name"}. Names of one kind must differ.
 * Heaps come and go, so give those that last. Errors: as above. */
SLH_API SLH_NODISCARD slh_status slh_export_prometheus(const slh_export_stats *stats, FILE *out);

/* ---- traces ---- */

typedef struct slh_trace slh_trace;

typedef struct slh_trace_options {
  size_t struct_size; /* sizeof(slh_trace_options), set by the initialiser */
  /* Kept; of more the oldest are forgotten. 64 bytes each. 0: 65,536. */
  uint32_t max_events;
  /* Acquire, release and reset, too. They are many: each takes a lock. */
  bool stores;
} slh_trace_options;

#define SLH_TRACE_OPTIONS_INIT                                                                     \
  {                                                                                                \
    sizeof(slh_trace_options), 0, false                                                            \
  }

/* A trace of whatever pools its listener is told of. `options` may be NULL.
 * Errors: SLH_E_INVALID, SLH_E_NOMEM. */
SLH_API SLH_NODISCARD slh_status slh_trace_new(const slh_trace_options *options, slh_trace **out);

/* Nobody may be telling its listener any more. NULL is ignored. */
SLH_API void slh_trace_free(slh_trace *trace);

/* What to give to slh_set_listener. It notes the event in memory, and takes a lock
 * for as long as copying 64 bytes takes. */
SLH_API const slh_listener *slh_trace_listener(slh_trace *trace);

/* The name that a pool has in the output, in place of its address. Before
 * slh_trace_write; the name is copied. Any thread. Errors: SLH_E_NOMEM. */
SLH_API SLH_NODISCARD slh_status slh_trace_name_pool(slh_trace *trace, const slh_pool *pool,
                                                     const char *name);

/* Events that were forgotten to make room. Any thread. */
SLH_API uint64_t slh_trace_forgotten(slh_trace *trace);

/*
 * Writes what is kept as one complete document of Chrome's trace event format.
 * Collections and their phases are slices of the thread that made them; those in
 * increments, between which the thread worked on another heap, are tracks of their
 * own. Growth, traps, exhaustion and decommit are instants; what collections met
 * and left, and stores in use (option `stores`), are counters of the pool.
 * The trace goes on: any thread, at any time. Errors: SLH_E_NOMEM, SLH_E_SYSTEM.
 */
SLH_API SLH_NODISCARD slh_status slh_trace_write(slh_trace *trace, FILE *out);

/* ---- snapshots ---- */

/*
 * All objects of a heap, those that nothing keeps, and those of its image, too: as a
 * .heapsnapshot that Chrome DevTools loads (Memory, Load profile). Type names are
 * constructors, sizes are self sizes, fields are properties; roots are under "(GC
 * roots)" by their reasons. An object's id is its offset plus 1: collections change
 * it, so compare snapshots with none in between.
 *
 * Roots are those that slh_heap_list_roots finds, and `roots` (may be NULL). Keys of
 * ephemerons keep their values; weak references keep nothing. To leave out what
 * is dead, collect first. On the heap's thread. Takes about 12 bytes an object.
 * Errors: SLH_E_CORRUPT (a reference or root where no object starts, or worse:
 * `error` names it), SLH_E_NOMEM, SLH_E_SYSTEM (writing).
 */
SLH_API SLH_NODISCARD slh_status slh_snapshot_write(slh_heap *heap, const slh_roots *roots,
                                                    FILE *out, slh_error *error);

/*
 * The same in words: bytes and objects by type, what is reachable, and the `top`
 * objects that retain most (0: 20) as a tree of who is only reachable through
 * whom (Lengauer and Tarjan, "A Fast Algorithm for Finding Dominators in a
 * Flowgraph", TOPLAS 1:1, 1979). Takes about 50 bytes an object and 4 a
 * reference. Errors: as above.
 */
SLH_API SLH_NODISCARD slh_status slh_snapshot_summary(slh_heap *heap, const slh_roots *roots,
                                                      uint32_t top, FILE *out, slh_error *error);

SLH_END_DECLS

#endif
