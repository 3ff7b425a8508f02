/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* A host in C++, built against the installed library: every header reads as
 * C++, and the inline calls and the linked ones work. */
#include <slotheap.h>
#include <cstdio>

int main()
{
  slh_runtime_options runtime_options = SLH_RUNTIME_OPTIONS_INIT;
  slh_pool_options pool_options = SLH_POOL_OPTIONS_INIT;
  slh_heap_options heap_options = SLH_HEAP_OPTIONS_INIT;
  const slh_field fields[] = {{"value", SLH_REF, 0}};
  const slh_type *box = nullptr;
  slh_error error;
  slh_heap *heap = nullptr;
  slh_pool *pool = nullptr;
  slh_runtime *runtime = nullptr;
  slh_ref object = SLH_NULL;

  pool_options.slots = 4;
  pool_options.max_collections = 1;
  if (slh_runtime_new(&runtime_options, &runtime, &error) != SLH_OK ||
      slh_struct_type_new(runtime, "box", nullptr, fields, 1, &box, &error) != SLH_OK ||
      slh_pool_new(&pool_options, &pool, &error) != SLH_OK) {
    std::fprintf(stderr, "%s\n", error.message);
    return 1;
  }
  heap_options.runtime = runtime;
  if (slh_heap_acquire(pool, &heap_options, &heap) != SLH_OK ||
      slh_new_struct(heap, box, &object) != SLH_OK) {
    std::fprintf(stderr, "no heap or no object\n");
    return 1;
  }
  slh_set_ref(heap, object, box->fields[0].offset, slh_i31(-42));
  const int32_t value = slh_i31_signed(slh_get_ref(heap, object, box->fields[0].offset));

  slh_heap_release(heap);
  slh_pool_free(pool);
  slh_runtime_free(runtime);
  std::printf("slotheap %s: the value is %d\n", slh_version(), static_cast<int>(value));
  return value == -42 ? 0 : 1;
}
