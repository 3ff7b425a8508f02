/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "export/figures.h"

/* All fields are uint64_t, or arrays of it: a field that the tables lack makes the
 * struct larger than their sum. */
#define POOL_SIZE(field, name, type, help) +sizeof(((slh_pool_stats *)0)->field)
#define HEAP_SIZE(field, name, type, help) +sizeof(((slh_heap_stats *)0)->field)
_Static_assert(sizeof(slh_pool_stats) == 0 SLHX_POOL_FIGURES(POOL_SIZE), "no field is left out");
_Static_assert(sizeof(slh_heap_stats) == 0 SLHX_HEAP_FIGURES(HEAP_SIZE), "no field is left out");

#define FIGURE(stats, field, name, type, help)                                                     \
  {#field, name, #type, help, offsetof(stats, field), sizeof(((stats *)0)->field) / 8},
#define POOL_FIGURE(...) FIGURE(slh_pool_stats, __VA_ARGS__)
#define HEAP_FIGURE(...) FIGURE(slh_heap_stats, __VA_ARGS__)

static const struct figure pool_figures[] = {SLHX_POOL_FIGURES(POOL_FIGURE)};
static const struct figure heap_figures[] = {SLHX_HEAP_FIGURES(HEAP_FIGURE)};

const struct figures slhx_pool_figures = {pool_figures, sizeof pool_figures / sizeof *pool_figures};
const struct figures slhx_heap_figures = {heap_figures, sizeof heap_figures / sizeof *heap_figures};

uint64_t slhx_figure_value(const struct figure *figure, const void *stats, uint32_t number)
{
  uint64_t value;

  memcpy(&value, (const char *)stats + figure->offset + number * sizeof value, sizeof value);
  return value;
}
