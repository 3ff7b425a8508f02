/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* make-image FILE: saves a small image, for tests of the command. */
#include <slotheap.h>
#include <stdio.h>

#define PAIRS 10

static slh_status build(slh_heap *heap, const slh_type *pair, const slh_type *refs,
                        slh_image_root roots[3])
{
  slh_ref list = SLH_NULL, next;
  slh_status status = SLH_OK;

  for (int i = 0; i < PAIRS && status == SLH_OK; i++) {
    status = slh_alloc_struct(heap, pair, &next);
    if (status == SLH_OK)
      slh_init_ref(heap, next, pair->fields[0].offset, list);
    list = next;
  }
  roots[0] = (slh_image_root){"list", list};
  roots[1].name = NULL;
  roots[2] = (slh_image_root){"number", slh_i31(42)};
  return status == SLH_OK ? slh_alloc_array(heap, refs, 3, &roots[1].ref) : status;
}

static slh_status make(const char *path, slh_error *error)
{
  static const slh_field fields[] = {{"first", SLH_REF, 0}, {"second", SLH_REF, 0}};
  slh_heap_options options = SLH_HEAP_OPTIONS_INIT;
  slh_image_root roots[3];
  slh_image_contents contents = {.roots = roots, .root_count = 3};
  const slh_type *pair, *refs;
  slh_runtime *runtime;
  slh_image *image;
  slh_heap *heap;
  slh_status status = slh_runtime_new(NULL, &runtime, error);

  if (status == SLH_OK)
    status = slh_struct_type_new(runtime, "pair", NULL, fields, 2, &pair, error);
  /* Names can hold anything. */
  if (status == SLH_OK)
    status = slh_array_type_new(runtime, "\033[31m\"refs", SLH_REF, &refs, error);
  if (status != SLH_OK)
    return status;
  options.runtime = runtime;
  status = slh_heap_new(NULL, &options, &heap, error);
  if (status != SLH_OK)
    return status;
  status = build(heap, pair, refs, roots);
  if (status == SLH_OK)
    status = slh_image_freeze(heap, &contents, NULL, &image, error);
  slh_heap_release(heap);
  if (status != SLH_OK)
    return status;
  status = slh_image_save(image, path, error);
  slh_image_free(image);
  slh_runtime_free(runtime);
  return status;
}

int main(int argc, char **argv)
{
  slh_error error = {.message = "out of memory"};

  if (argc == 2 && make(argv[1], &error) == SLH_OK)
    return 0;
  fprintf(stderr, "make-image: %s\n", argc == 2 ? error.message : "which file?");
  return 1;
}
