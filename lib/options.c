/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Options of runtimes and heaps as text, and the list of all that there are. */
#include "lib/options.h"

#include "pool/option-table.h"

static const char *const collectors[] = {"copying", "null", "generational", "drc", NULL};
static const char *const never[] = {"never", NULL};

static const slh_option runtime_rows[] = {
    SLHI_CHOICE(slh_runtime_options, collector, collectors, "How all its heaps are collected."),
    SLHI_NUMBER(slh_runtime_options, zeal, COUNT, 0, 1, SLH_ZEAL_MAX, never,
                "For tests: collect at every Nth allocation; by default as configured."),
};

static const slh_option heap_rows[] = {
    SLHI_NUMBER(slh_heap_options, max_bytes, BYTES, 0, 1, UINT64_MAX, slhi_option_unlimited,
                "The most that the heap may hold; by default what the pool allows."),
    SLHI_NUMBER(slh_heap_options, initial_bytes, BYTES, SLHI_INITIAL_BYTES, 1, UINT64_MAX,
                slhi_option_unlimited, "Allocated before the first collection is considered."),
    SLHI_NUMBER(slh_heap_options, max_host_bytes, BYTES, SLHI_MAX_HOST_BYTES, 1, UINT64_MAX,
                slhi_option_unlimited, "Memory of the library that the store can make grow."),
    SLHI_NUMBER(slh_heap_options, tag, COUNT, 0, 1, UINT32_MAX, NULL,
                "What kind of store it is; by default of none."),
    SLHI_SWITCH(slh_heap_options, fixed, "Dense: the heap stays in the smallest slot."),
    SLHI_SWITCH(slh_heap_options, resume, "The store has the objects of its image as its own."),
};

static const struct option_table runtime_table =
    SLHI_OPTION_TABLE(slh_runtime_options, runtime_rows);
static const struct option_table heap_table = SLHI_OPTION_TABLE(slh_heap_options, heap_rows);

slh_status slh_runtime_options_parse(slh_runtime_options *options, const char *text,
                                     slh_error *error)
{
  slh_runtime_options known;

  return slhi_options_parse(&runtime_table, options, &known, text, error);
}

slh_status slh_heap_options_parse(slh_heap_options *options, const char *text, slh_error *error)
{
  slh_heap_options known;

  return slhi_options_parse(&heap_table, options, &known, text, error);
}

const slh_option *slh_option_next(slh_option_struct of, const slh_option *after)
{
  static const struct option_table *const tables[] = {
      [SLH_OPTION_OF_POOL] = &slhi_pool_table,
      [SLH_OPTION_OF_RUNTIME] = &runtime_table,
      [SLH_OPTION_OF_HEAP] = &heap_table,
  };
  const struct option_table *table;

  if ((unsigned)of >= sizeof tables / sizeof *tables)
    return NULL;
  table = tables[of];
  after = after ? after + 1 : table->rows;
  return after < table->rows + table->count ? after : NULL;
}
