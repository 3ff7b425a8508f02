#include <slotheap.h>
#include <stdio.h>

/* What the store keeps: a list. The collector finds it through this, and
 * rewrites it when the list moves. */
static void list_roots(void *host, slh_heap *heap, slh_roots *roots)
{
  (void)slh_roots_add(roots, SLH_ROOT_OTHER, host, 1, "the list");
}

static slh_status serve(slh_pool *pool, slh_runtime *runtime, const slh_type *cell)
{
  slh_ref list = SLH_NULL;
  slh_heap_options options = SLH_HEAP_OPTIONS_INIT;
  slh_heap *heap;
  slh_heap_stats stats;
  slh_status status;

  options.runtime = runtime;
  options.max_bytes = 16 << 20;
  options.enumerate_roots = list_roots;
  options.host = &list;
  status = slh_heap_acquire(pool, &options, &heap);
  if (status != SLH_OK)
    return status;
  for (int i = 0; i < 1000000; i++) {
    slh_ref fresh;

    if ((status = slh_new_struct(heap, cell, &fresh)) != SLH_OK) /* may collect */
      break;
    slh_set_i32(heap, fresh, cell->fields[1].offset, i);
    if (i % 1000 == 0) { /* keep one in a thousand */
      slh_set_ref(heap, fresh, cell->fields[0].offset, list);
      list = fresh;
    }
  }
  slh_heap_get_stats(heap, &stats);
  printf("%s: newest %d, %llu collections\n", slh_status_name(status),
         slh_get_i32(heap, list, cell->fields[1].offset), (unsigned long long)stats.collections);
  slh_heap_release(heap); /* all gone, scrubbed, and ready for the next store */
  return status;
}

int main(void)
{
  slh_field fields[] = {{"next", SLH_REF, 0}, {"value", SLH_I32, 0}};
  const slh_type *cell;
  slh_runtime *runtime;
  slh_pool *pool;

  if (slh_runtime_new(NULL, &runtime, NULL) != SLH_OK ||
      slh_pool_new(NULL, &pool, NULL) != SLH_OK ||
      slh_struct_type_new(runtime, "cell", NULL, fields, 2, &cell, NULL) != SLH_OK)
    return 1;
  slh_status status = serve(pool, runtime, cell);
  slh_pool_free(pool);
  slh_runtime_free(runtime);
  return status == SLH_OK ? 0 : 1;
}
