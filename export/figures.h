/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Every field of slh_pool_stats and slh_heap_stats: what JSON and Prometheus call
 * it, and what it is. X(field, name for Prometheus without its prefix, gauge or
 * counter, help). Units are in the names, counters end in _total, as Prometheus
 * has it.
 */
#ifndef SLOTHEAP_EXPORT_FIGURES_H
#define SLOTHEAP_EXPORT_FIGURES_H

#include <slotheap-export.h>

#define SLHX_POOL_FIGURES(X)                                                                       \
  X(slots, "slots", gauge, "Heaps that the pool can have alive at a time")                         \
  X(slots_in_use, "slots_in_use", gauge, "Slots that a store has now")                             \
  X(slots_touched, "slots_touched", gauge, "Slots that a store has had at least once")             \
  X(slots_waiting, "slots_waiting", gauge, "Released slots whose pages are still to go back")      \
  X(acquires, "acquires_total", counter, "Heaps acquired")                                         \
  X(warm_acquires, "warm_acquires_total", counter, "Heaps acquired in a slot that was warm")       \
  X(full_refusals, "full_refusals_total", counter, "Acquires that found no slot free")             \
  X(waits, "waits_total", counter, "Acquires that had to wait for a slot")                         \
  X(accessible_bytes, "accessible_bytes", gauge, "Accessible bytes of all slots")                  \
  X(resident_bytes, "resident_bytes", gauge, "What slots may have in memory from earlier uses")    \
  X(scrubbed_bytes, "scrubbed_bytes_total", counter, "Bytes scrubbed by memset")                   \
  X(decommitted_bytes, "decommitted_bytes_total", counter, "Bytes given back to the system")       \
  X(decommitted_by, "decommitted_by_engine_bytes_total", counter, "The same by engine")            \
  X(decommit_failures, "decommit_failures_total", counter, "Decommits that the system refused")    \
  X(budget_used_bytes, "budget_used_bytes", gauge, "Used of the pool's budget")                    \
  X(evacuation_in_use, "evacuations_in_use", gauge, "Collections under way")                       \
  X(evacuation_accessible_bytes, "evacuation_accessible_bytes", gauge,                             \
    "Accessible bytes of evacuation spaces")                                                       \
  X(traps, "traps_total", counter, "Faults that ended a protected call")

#define SLHX_HEAP_FIGURES(X)                                                                       \
  X(image, "image_bytes", gauge, "Objects that the store began with")                              \
  X(used, "used_bytes", gauge, "Objects and fillers, without the image's")                         \
  X(soft_limit, "soft_limit_bytes", gauge, "What may be used before the next full collection")     \
  X(max, "max_bytes", gauge, "What may ever be used")                                              \
  X(accessible, "accessible_bytes", gauge, "Mapped readable and writable")                         \
  X(dirty, "dirty_bytes", gauge, "Written since the last scrub")                                   \
  X(allocated_total, "allocated_bytes_total", counter, "By all allocations")                       \
  X(reclaimed_total, "reclaimed_bytes_total", counter, "By all collections")                       \
  X(copied_total, "copied_bytes_total", counter, "Moved by all collections")                       \
  X(live, "live_bytes", gauge, "Left by the last full collection")                                 \
  X(collections, "collections_total", counter, "Collections")                                      \
  X(growths, "growths_total", counter, "Times that the accessible prefix grew")                    \
  X(host_bytes, "host_bytes", gauge, "Memory of the library's own for this heap")                  \
  X(max_host, "max_host_bytes", gauge, "What that may not go beyond")                              \
  X(externrefs, "externrefs", gauge, "Externrefs that are alive, or not yet collected")            \
  X(local_roots, "local_roots", gauge, "Local roots")                                              \
  X(owned_roots, "owned_roots", gauge, "Owned roots")                                              \
  X(functions, "functions", gauge, "Functions interned for funcrefs")                              \
  X(old, "old_bytes", gauge, "What young collections leave alone")                                 \
  X(young_collections, "young_collections_total", counter, "Young ones of the collections")        \
  X(promoted_total, "promoted_bytes_total", counter, "Moved by young collections")                 \
  X(remembered, "remembered", gauge, "Old objects that the next young collection looks at")        \
  X(holes, "holes_bytes", gauge, "Free, among the objects")                                        \
  X(listed, "listed", gauge, "Objects that may be on a stack")

struct figure {
  const char *field;
  const char *name;
  const char *type;
  const char *help;
  size_t offset;  /* in the struct */
  uint32_t count; /* 1, or values by engine */
};

struct figures {
  const struct figure *at;
  size_t count;
};

extern const struct figures slhx_pool_figures;
extern const struct figures slhx_heap_figures;

/* Value `number`, below figure->count, of a figure in those statistics. */
uint64_t slhx_figure_value(const struct figure *figure, const void *stats, uint32_t number);

#endif
