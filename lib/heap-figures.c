/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* What a heap has, in figures. */
#include <slotheap/figures.h>
#include <slotheap/inspect.h>

#include "lib/counts.h"
#include "lib/tables.h"
#include "pool/options.h"

uint64_t slhi_heap_allocated(const slh_heap *heap)
{
  return slhi_heap_end(heap) - heap->data.start - slhi_heap_holes(heap) + heap->reclaimed;
}

uint64_t slh_heap_first(const slh_heap *heap)
{
  return slhi_heap_first(heap);
}

uint64_t slh_heap_end(const slh_heap *heap)
{
  return slhi_heap_end(heap);
}

void slh_heap_get_stats_sized(const slh_heap *heap, slh_heap_stats *out, size_t size)
{
  const struct tables *tables = slhi_heap_tables(heap);
  slh_heap_stats stats = {0};

  stats.image = heap->data.start - slhi_heap_first(heap);
  stats.used = slhi_heap_end(heap) - heap->data.start;
  stats.holes = slhi_heap_holes(heap);
  stats.soft_limit = heap->soft - heap->data.start;
  stats.max = heap->max - heap->data.start;
  stats.accessible = slhi_slot_committed(slhi_heap_slot(heap));
  stats.dirty = slhi_heap_dirty_bytes(heap);
  stats.allocated_total = slhi_heap_allocated(heap);
  stats.reclaimed_total = heap->reclaimed;
  stats.copied_total = slhi_heap_copied(heap);
  stats.live = heap->live;
  stats.collections = heap->collections;
  stats.growths = heap->growths;
  stats.old = slhi_heap_old(heap);
  stats.host_bytes = slhi_slot_host_bytes(slhi_heap_slot(heap));
  stats.max_host = heap->max_host;
  if (tables) {
    stats.max_host = slhi_saturating_add(stats.max_host, tables->uncounted);
    stats.externrefs = tables->host.used;
    stats.listed = tables->counts ? tables->counts->listed.count : 0;
    stats.local_roots = tables->locals.count;
    stats.owned_roots = tables->owned.live;
    stats.functions = tables->functions.count;
    stats.young_collections = tables->young_collections;
    stats.promoted_total = tables->promoted;
    stats.remembered = slhi_remembered_objects(heap) + tables->remembered.card_count;
  }
  slhi_write_figures(out, size, &stats, sizeof stats);
}
