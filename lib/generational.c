/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * The generational collector (Lieberman and Hewitt, "A real-time garbage
 * collector based on the lifetimes of objects", CACM 26:6, 1983; Ungar,
 * "Generation scavenging", 1984): the copying collector, which in a young
 * collection starts from `young` and has the remembered set for further roots.
 *
 *   |== start ==== old ====|== young ==== from ===bump|
 *                |  remembered  ^  |
 *                 `-------------'  | slides down; all is old then
 */
#include "lib/collection.h"
#include "lib/copying.h"
#include "lib/growth.h"
#include "lib/policy.h"

static slh_status begin(slh_heap *heap, struct collection *c)
{
  slhi_copying_begin(heap, c, c->young ? heap->data.young : heap->data.start);
  return SLH_OK;
}

/* All that survived is old. */
static void promote(slh_heap *heap, struct collection *c)
{
  if (c->young) {
    c->tables->young_collections++;
    c->tables->promoted += c->copying.evacuation.free - c->copying.evacuation.start;
  }
  slhi_tables_promote(c->tables);
  slhi_remembered_clear(heap);
  heap->data.young = (uint32_t)heap->data.bump;
  slhi_heap_set_nursery(heap, slhi_policy_nursery(heap));
}

static slh_status step(slh_heap *heap, struct collection *c, uint64_t *budget, bool *complete)
{
  slh_status status = slhi_copying_step(heap, c, budget, complete);

  if (status == SLH_OK && *complete)
    promote(heap, c);
  return status;
}

const struct collector slhi_generational_collector = {
    .id = SLH_COLLECTOR_GENERATIONAL,
    .collects = true,
    .generational = true,
    .space = slhi_copying_space,
    .begin = begin,
    .step = step,
};
