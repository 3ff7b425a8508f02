/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * make-snapshot FILE: writes a snapshot of a heap with random references, and prints
 * what slh_heap_walk and checked reads find in that heap, as JSON.
 */
#include <slotheap-export.h>
#include <stdlib.h>

#define OBJECTS 5000
#define REQUIRE(condition) ((condition) ? (void)0 : (perror(#condition), exit(1)))

struct found {
  const slh_heap *heap;
  unsigned long long pairs, arrays, externrefs, bytes, references;
};

static bool refers(slh_ref ref)
{
  return slh_is_object(ref);
}

static bool visit(void *context, slh_ref object, const slh_type *type, uint64_t size)
{
  struct found *found = context;
  slh_value value;
  uint32_t length = 0;

  found->bytes += size;
  found->externrefs += type->kind == SLH_KIND_EXTERN;
  found->pairs += type->kind == SLH_KIND_STRUCT;
  found->arrays += type->kind == SLH_KIND_ARRAY;
  for (uint32_t i = 0; type->kind == SLH_KIND_STRUCT && i < type->field_count; i++) {
    REQUIRE(slh_struct_get(found->heap, object, i, &value) == SLH_OK);
    found->references += value.storage == SLH_REF && refers(value.ref);
  }
  if (type->kind == SLH_KIND_ARRAY)
    REQUIRE(slh_array_len(found->heap, object, &length) == SLH_OK);
  for (uint32_t i = 0; i < length; i++) {
    REQUIRE(slh_array_get(found->heap, object, i, &value) == SLH_OK);
    found->references += value.storage == SLH_REF && refers(value.ref);
  }
  return true;
}

static slh_ref make_object(slh_heap *heap, const slh_type *pair, const slh_type *refs,
                           const slh_ref *others, uint32_t count)
{
  slh_ref ref;
  slh_value value = {.storage = SLH_REF};
  uint32_t fields = 2;

  switch (rand() % 4) {
  case 0:
    fields = (uint32_t)rand() % 5;
    REQUIRE(slh_alloc_array(heap, refs, fields, &ref) == SLH_OK);
    break;
  case 1:
    fields = 0;
    REQUIRE(slh_alloc_externref(heap, NULL, NULL, &ref) == SLH_OK);
    break;
  default:
    REQUIRE(slh_alloc_struct(heap, pair, &ref) == SLH_OK);
  }
  for (uint32_t i = 0; i < fields; i++) {
    value.ref = rand() % 3 == 0 || count == 0 ? slh_i31(rand()) : others[(uint32_t)rand() % count];
    if (slh_object_is(heap, ref, pair))
      REQUIRE(slh_struct_set(heap, ref, i, &value) == SLH_OK);
    else
      REQUIRE(slh_array_set(heap, ref, i, &value) == SLH_OK);
  }
  return ref;
}

static void make(slh_heap *heap, slh_runtime *runtime)
{
  static const slh_field fields[] = {{"first", SLH_REF, 0}, {NULL, SLH_REF, 0}};
  static slh_ref objects[OBJECTS];
  const slh_type *pair, *refs;
  slh_owned owned;

  REQUIRE(slh_struct_type_new(runtime, "p\"a\nir\xff\xc3\xa9", NULL, fields, 2, &pair, NULL) ==
          SLH_OK);
  REQUIRE(slh_array_type_new(runtime, NULL, SLH_REF, &refs, NULL) == SLH_OK);
  for (uint32_t i = 0; i < OBJECTS; i++) {
    objects[i] = make_object(heap, pair, refs, objects, i);
    if (i % 100 == 0)
      REQUIRE(slh_owned_new(heap, objects[i], &owned) == SLH_OK);
  }
}

int main(int argc, char **argv)
{
  slh_heap_options options = SLH_HEAP_OPTIONS_INIT;
  struct found found = {NULL, 0, 0, 0, 0, 0};
  slh_runtime *runtime;
  slh_heap *heap;
  FILE *out = argc == 2 ? fopen(argv[1], "we") : NULL;

  REQUIRE(out && slh_runtime_new(NULL, &runtime, NULL) == SLH_OK);
  options.runtime = runtime;
  REQUIRE(slh_heap_new(NULL, &options, &heap, NULL) == SLH_OK);
  make(heap, runtime);
  found.heap = heap;
  REQUIRE(slh_heap_walk(heap, visit, &found) == SLH_OK);
  REQUIRE(slh_snapshot_write(heap, NULL, out, NULL) == SLH_OK && fclose(out) == 0);
  printf("{\"pairs\": %llu, \"arrays\": %llu, \"externrefs\": %llu, \"bytes\": %llu, "
         "\"references\": %llu, \"roots\": %d}\n",
         found.pairs, found.arrays, found.externrefs, found.bytes, found.references, OBJECTS / 100);
  slh_heap_release(heap);
  slh_runtime_free(runtime);
  return 0;
}
