/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * wild-read WHERE: reads one byte of a heap, which a memory tool should report, or
 * for WHERE "object" should not. Before that it does what heaps go through, none of which should
 * be reported.
 */
#include <slotheap.h>
#include <stdio.h>

#define OBJECTS 20000

static slh_ref list;

static void list_roots(void *host, slh_heap *heap, slh_roots *roots)
{
  (void)heap;
  (void)slh_roots_add(roots, SLH_ROOT_OTHER, host, 1, NULL);
}

static slh_status fill(slh_heap *heap, const slh_type *pair)
{
  slh_status status = SLH_OK;

  for (int i = 0; i < OBJECTS && status == SLH_OK; i++) {
    slh_ref fresh;

    status = i % 2 ? slh_new_struct(heap, pair, &fresh) : slh_new_struct_uninit(heap, pair, &fresh);
    if (status != SLH_OK)
      break;
    slh_init_ref(heap, fresh, pair->fields[0].offset, i % 100 == 0 ? list : SLH_NULL);
    if (i % 100 == 0)
      list = fresh;
  }
  return status;
}

/* Stores of all kinds, one after the other in the same slot; the last stays. */
static slh_status live(slh_pool *pool, slh_runtime *runtime, const slh_type *pair, slh_heap **heap)
{
  slh_heap_options options = SLH_HEAP_OPTIONS_INIT;
  slh_image_root root = {NULL, SLH_NULL};
  slh_image_contents contents = {.roots = &root, .root_count = 1};
  slh_image *image = NULL;
  slh_status status = SLH_OK;

  options.runtime = runtime;
  options.initial_bytes = 64 * 1024;
  options.enumerate_roots = list_roots;
  options.host = &list;
  for (int i = 0; i < 3 && status == SLH_OK; i++) {
    list = SLH_NULL;
    options.image = image;
    status = slh_heap_acquire(pool, &options, heap);
    if (status == SLH_OK)
      status = fill(*heap, pair);
    if (status == SLH_OK)
      status = slh_heap_verify(*heap, NULL, NULL);
    root.ref = list;
    if (status == SLH_OK && i == 0)
      status = slh_image_freeze(*heap, &contents, NULL, &image, NULL);
    if (i < 2)
      slh_heap_release(*heap);
  }
  slh_image_free(image);
  list = SLH_NULL;
  slh_heap_reset(*heap);
  if (status == SLH_OK)
    status = fill(*heap, pair);
  return status == SLH_OK ? slh_heap_collect(*heap, NULL) : status;
}

static uint64_t place(const slh_heap *heap, const char *where)
{
  if (strcmp(where, "behind") == 0)
    return slh_heap_end(heap);
  if (strcmp(where, "dead") == 0) /* the collection has left fewer */
    return slh_heap_end(heap) + OBJECTS / 2;
  return list.bits;
}

int main(int argc, char **argv)
{
  static const slh_field fields[] = {{"next", SLH_REF, 0}, {"value", SLH_I32, 0}};
  slh_pool_options options = SLH_POOL_OPTIONS_INIT;
  slh_runtime *runtime;
  slh_pool *pool;
  const slh_type *pair;
  slh_heap *heap;

  options.slots = 2;
  options.max_collections = 1;
  if (argc == 3 && strcmp(argv[2], "dense") == 0)
    options.kind = SLH_POOL_DENSE;
  else
    options.max_heap_bytes = 16 << 20;
  if (argc < 2 || slh_runtime_new(NULL, &runtime, NULL) != SLH_OK ||
      slh_pool_new(&options, &pool, NULL) != SLH_OK ||
      slh_struct_type_new(runtime, "pair", NULL, fields, 2, &pair, NULL) != SLH_OK ||
      live(pool, runtime, pair, &heap) != SLH_OK)
    return 2;
  if (*(volatile char *)(slh_heap_get_data(heap)->base + place(heap, argv[1])) != 0)
    puts("something is there");
  slh_heap_release(heap);
  slh_pool_free(pool);
  slh_runtime_free(runtime);
  return 0;
}
