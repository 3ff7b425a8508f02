/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* A host in C, built against the installed library. */
#include <slotheap.h>
#include <stdio.h>
#include <stdlib.h>

static void must(slh_status status, const char *call)
{
  if (status == SLH_OK)
    return;
  fprintf(stderr, "%s: %s\n", call, slh_status_name(status));
  exit(1);
}

int main(void)
{
  const slh_field fields[] = {{"next", SLH_REF, 0}, {"number", SLH_I32, 0}};
  slh_heap_options heap_options = SLH_HEAP_OPTIONS_INIT;
  slh_pool_options pool_options = SLH_POOL_OPTIONS_INIT;
  slh_runtime *runtime;
  slh_pool *pool;
  slh_heap *heap;
  slh_roots *roots;
  const slh_type *node;
  slh_ref list = SLH_NULL;
  int32_t sum = 0;

  must(slh_runtime_new(NULL, &runtime, NULL), "slh_runtime_new");
  must(slh_struct_type_new(runtime, "node", NULL, fields, 2, &node, NULL), "slh_struct_type_new");
  pool_options.slots = 4; /* a little: it also runs under the thread sanitizer */
  pool_options.max_collections = 1;
  must(slh_pool_new(&pool_options, &pool, NULL), "slh_pool_new");
  must(slh_roots_new(runtime, &roots), "slh_roots_new");
  must(slh_roots_add(roots, SLH_ROOT_OTHER, &list, 1, "the list"), "slh_roots_add");
  heap_options.runtime = runtime;
  must(slh_heap_acquire(pool, &heap_options, &heap), "slh_heap_acquire");

  for (int32_t number = 1; number <= 100; number++) {
    slh_ref cell;
    must(slh_alloc_struct(heap, node, &cell), "slh_alloc_struct");
    slh_init_ref(heap, cell, node->fields[0].offset, list);
    slh_set_i32(heap, cell, node->fields[1].offset, number);
    list = cell;
  }
  must(slh_heap_collect(heap, roots), "slh_heap_collect");
  for (slh_ref at = list; !slh_is_null(at); at = slh_get_ref(heap, at, node->fields[0].offset))
    sum += slh_get_i32(heap, at, node->fields[1].offset);

  slh_heap_release(heap);
  slh_roots_free(roots);
  slh_pool_free(pool);
  slh_runtime_free(runtime);
  printf("slotheap %s: the sum is %d\n", slh_version(), (int)sum);
  return sum == 5050 ? 0 : 1;
}
