/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Something for a debugger to look at, where stop_here is called. */
#include <slotheap.h>

void stop_here(slh_heap *heap, const slh_type *pair, slh_ref list, slh_ref array);

__attribute__((noinline)) void stop_here(slh_heap *heap, const slh_type *pair, slh_ref list,
                                         slh_ref array)
{
  __asm__ volatile("" : : "r"(heap), "r"(pair), "r"(list.bits), "r"(array.bits) : "memory");
}

/* A heap that counts references, of which a part of a hole is in use: objects, what is left
 * of the hole, which has no header, and objects. */
static int stop_in_hole(slh_pool *pool)
{
  slh_field field = {"next", SLH_REF, 0};
  slh_runtime_options counting = SLH_RUNTIME_OPTIONS_INIT;
  slh_heap_options options = SLH_HEAP_OPTIONS_INIT;
  slh_ref first = SLH_NULL, last = SLH_NULL, made;
  const slh_type *cell, *bytes;
  slh_heap *heap;

  counting.collector = SLH_COLLECTOR_DRC;
  if (slh_runtime_new(&counting, &options.runtime, NULL) != SLH_OK ||
      slh_struct_type_new(options.runtime, "cell", NULL, &field, 1, &cell, NULL) != SLH_OK ||
      slh_array_type_new(options.runtime, "bytes", SLH_I8, &bytes, NULL) != SLH_OK)
    return 1;
  options.initial_bytes = 64 << 10;
  if (slh_heap_acquire(pool, &options, &heap) != SLH_OK ||
      slh_alloc_struct(heap, cell, &made) != SLH_OK)
    return 1;
  slh_write_ref(heap, &first, made);
  if (slh_alloc_array(heap, bytes, 32760, &made) != SLH_OK ||
      slh_alloc_struct(heap, cell, &made) != SLH_OK)
    return 1;
  slh_write_ref(heap, &last, made);
  if (slh_heap_collect(heap, NULL) != SLH_OK ||
      slh_alloc_array(heap, bytes, 24568, &made) != SLH_OK ||
      slh_alloc_array(heap, bytes, 16376, &made) != SLH_OK)
    return 1;
  stop_here(heap, cell, last, made);
  slh_heap_release(heap);
  slh_runtime_free(options.runtime);
  return 0;
}

int main(void)
{
  int result;

  slh_field fields[] = {{"first", SLH_REF, 0}, {"number", SLH_I32, 0}, {"small", SLH_I8, 0}};
  slh_heap_options options = SLH_HEAP_OPTIONS_INIT;
  slh_pool_options few = SLH_POOL_OPTIONS_INIT;
  const slh_type *pair, *bytes;
  slh_runtime *runtime;
  slh_pool *pool;
  slh_heap *heap;
  slh_ref list, next, array;

  few.slots = 3;
  few.max_collections = 1;
  if (slh_runtime_new(NULL, &runtime, NULL) != SLH_OK ||
      slh_pool_new(&few, &pool, NULL) != SLH_OK ||
      slh_struct_type_new(runtime, "pair", NULL, fields, 3, &pair, NULL) != SLH_OK ||
      slh_array_type_new(runtime, "bytes", SLH_I16, &bytes, NULL) != SLH_OK)
    return 1;
  options.runtime = runtime;
  if (slh_heap_acquire(pool, &options, &heap) != SLH_OK ||
      slh_alloc_struct(heap, pair, &next) != SLH_OK ||
      slh_alloc_struct(heap, pair, &list) != SLH_OK ||
      slh_alloc_array(heap, bytes, 100, &array) != SLH_OK)
    return 1;
  slh_set_ref(heap, list, pair->fields[0].offset, next);
  slh_set_i32(heap, list, pair->fields[1].offset, 42);
  slh_set_i8(heap, list, pair->fields[2].offset, -7);
  slh_set_ref(heap, next, pair->fields[0].offset, slh_i31(-3));
  stop_here(heap, pair, list, array);
  slh_heap_release(heap);
  result = stop_in_hole(pool);
  slh_pool_free(pool);
  slh_runtime_free(runtime);
  return result;
}
