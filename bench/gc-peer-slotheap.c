/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* slotheap under gc-peer.h; mode "full" (the copying collector), "null", "drc", or
 * "" for the generational collector. */
#include "gc-peer.h"
#include "clock.h"

#include <string.h>

/* Far more than the deepest recursion of any workload takes. */
#define STACK_REFS 4096

/* Less than this is not worth a call: what the others allocate at first before
 * they collect. */
#define PIECE_BYTES (1u << 20)

slh_ref mem_globals[MEM_GLOBALS];
const slh_type *mem_bytes_type;
const slh_type *mem_refs_type;

static slh_pool *pool;
static slh_heap_options options = SLH_HEAP_OPTIONS_INIT;
static slh_ref stack[STACK_REFS];
static slh_ref *stack_top = stack; /* as of the last call that may collect */
static slh_heap *piece;            /* see mem_piece */
static uint64_t collection_ns;

static void must(slh_status status, const char *what)
{
  if (status != SLH_OK)
    mem_fail(what);
}

static void list_roots(void *host, slh_heap *heap, slh_roots *roots)
{
  (void)host;
  (void)heap;
  (void)slh_roots_add(roots, SLH_ROOT_STACK, stack, (uint32_t)(stack_top - stack), "the stack");
  (void)slh_roots_add(roots, SLH_ROOT_OTHER, mem_globals, MEM_GLOBALS, "the globals");
}

void mem_open(const char *mode)
{
  slh_runtime_options runtime = SLH_RUNTIME_OPTIONS_INIT;
  slh_pool_options memory = SLH_POOL_OPTIONS_INIT;
  slh_error error;

  runtime.collector = strcmp(mode, "full") == 0   ? SLH_COLLECTOR_COPYING
                      : strcmp(mode, "null") == 0 ? SLH_COLLECTOR_NULL
                      : strcmp(mode, "drc") == 0  ? SLH_COLLECTOR_DRC
                                                  : SLH_COLLECTOR_GENERATIONAL;
  memory.slots = 2;
  /* Like the other systems, it keeps its memory. */
  memory.keep_evacuation_bytes = UINT64_C(1) << 30;
  must(slh_runtime_new(&runtime, &options.runtime, &error), "no runtime");
  must(slh_pool_new(&memory, &pool, &error), "no pool");
  must(slh_array_type_new(options.runtime, "bytes", SLH_I8, &mem_bytes_type, &error), "no type");
  must(slh_array_type_new(options.runtime, "refs", SLH_REF, &mem_refs_type, &error), "no type");
  options.enumerate_roots = list_roots;
}

void mem_close(void)
{
  slh_pool_free(pool);
  slh_runtime_free(options.runtime);
}

void mem_register(struct mem_type *type, size_t bytes)
{
  slh_field fields[16];
  size_t count = strlen(type->layout);
  const slh_type *registered;
  slh_error error;

  for (size_t i = 0; i < count; i++)
    fields[i] = (slh_field){NULL,
                            type->layout[i] == 'r'   ? SLH_REF
                            : type->layout[i] == 'i' ? SLH_I32
                                                     : SLH_I64,
                            0};
  must(slh_struct_type_new(options.runtime, type->name, NULL, fields, count, &registered, &error),
       "no type");
  if (registered->size != ((bytes + 7) & ~(size_t)7))
    mem_fail("the compiler lays a struct out in another way");
  type->header = registered->header;
}

struct mem mem_begin(void)
{
  struct mem mem = {NULL, stack};

  must(slh_heap_acquire(pool, &options, &mem.heap), "no free slot");
  return mem;
}

void mem_end(struct mem mem)
{
  memset(mem_globals, 0, sizeof mem_globals);
  stack_top = stack;
  slh_heap_release(mem.heap);
  slh_heap_release(piece);
  piece = NULL;
}

void mem_make_room(slh_heap *heap, slh_ref *top, uint64_t bytes)
{
  uint64_t start = clock_ns();

  stack_top = top;
  must(slh_heap_make_room(heap, bytes), "no room");
  collection_ns += clock_ns() - start;
}

struct mem mem_piece(struct mem mem)
{
  if (slh_heap_collector(mem.heap) != SLH_COLLECTOR_NULL)
    return mem;
  if (piece == NULL)
    must(slh_heap_acquire(pool, &options, &piece), "no free slot");
  return (struct mem){piece, mem.top};
}

void mem_piece_end(struct mem mem)
{
  if (mem.heap == piece && slh_heap_end(piece) > PIECE_BYTES)
    slh_heap_reset(piece);
}

struct mem_collections mem_collections(struct mem mem)
{
  slh_heap_stats stats;

  slh_heap_get_stats(mem.heap, &stats);
  return (struct mem_collections){stats.collections, collection_ns};
}
