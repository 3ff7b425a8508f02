/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* glibc, jemalloc and mimalloc under gc-peer.h: which of them is a matter of
 * what this is compiled and linked with. */
#include "gc-peer.h"

/* Memory is kept, not given back and asked for again. jemalloc reads this
 * name; the others do not know it. */
const char *malloc_conf = "dirty_decay_ms:-1,muzzy_decay_ms:-1";

mem_ref mem_globals[MEM_GLOBALS];

void mem_open(const char *mode)
{
  (void)mode;
#if defined MEM_MIMALLOC
  mi_option_disable(mi_option_allow_decommit);
#endif
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
}

struct mem_collections mem_collections(struct mem mem)
{
  (void)mem;
  return (struct mem_collections){0, 0};
}
