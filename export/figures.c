/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "export/figures.h"

/* All fields are uint64_t, or arrays of it: a field that the tables lack makes the
 * struct larger than these, and one that they have twice does not compile. */
#define POOL_FIELD(field, name, type, help) char field[sizeof(((slh_pool_stats *)0)->field)];
#define HEAP_FIELD(field, name, type, help) char field[sizeof(((slh_heap_stats *)0)->field)];
struct pool_fields {
  SLHX_POOL_FIGURES(POOL_FIELD)
};
struct heap_fields {
  SLHX_HEAP_FIGURES(HEAP_FIELD)
};
_Static_assert(sizeof(slh_pool_stats) == sizeof(struct pool_fields), "no field is left out");
_Static_assert(sizeof(slh_heap_stats) == sizeof(struct heap_fields), "no field is left out");

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
