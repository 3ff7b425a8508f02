/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* The Boehm-Demers-Weiser collector under gc-peer.h; mode "incremental", or "". */
#include "gc-peer.h"

#include <string.h>

mem_ref mem_globals[MEM_GLOBALS];

void mem_open(const char *mode)
{
  /* One processor is all there is for it: helpers would take turns on it. */
  GC_set_markers_count(1);
  /* Programs refer to objects by their first byte, so those need no byte
   * more than they ask for: a node of two pointers takes 16, not 32. */
  GC_set_all_interior_pointers(0);
  GC_INIT();
  /* Of 1 to 4, the divisor with the lowest times; it takes more memory. */
  GC_set_free_space_divisor(1);
  GC_start_performance_measurement();
  if (strcmp(mode, "incremental") == 0)
    GC_enable_incremental();
}

void mem_close(void)
{
}

void mem_register(struct mem_type *type, size_t bytes)
{
  (void)type;
  (void)bytes;
}

struct mem mem_begin(void)
{
  return (struct mem){};
}

void mem_end(struct mem mem)
{
  (void)mem;
  memset(mem_globals, 0, sizeof mem_globals);
}

/* In whole milliseconds; those of increments are not counted. */
struct mem_collections mem_collections(struct mem mem)
{
  (void)mem;
  return (struct mem_collections){GC_get_gc_no(), GC_get_full_gc_total_time() * UINT64_C(1000000)};
}
