/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Limits and errors. See doc/embedding.md. */
#include "vm.h"

int main(void)
{
  slh_heap_options options = SLH_HEAP_OPTIONS_INIT;
  struct language language;
  struct vm vm;
  slh_pool *pool;

  if (language_open(&language) != SLH_OK || slh_pool_new(NULL, &pool, NULL) != SLH_OK)
    return 1;
  vm_begin(&vm, &language, &options);
  vm.steps = 1000 * 1000;
  options.max_bytes = 256 * 1024;
  if (slh_heap_acquire(pool, &options, &vm.heap) != SLH_OK)
    return 1;

  static const char *const programs[] = {
      ": hoard 1 swap cons hoard ; nil hoard",
      ": forever forever ; forever",
      ": deeper deeper 1 ; deeper",
      "1 first",
      "1 nil cons print",
  };

  for (size_t i = 0; i < sizeof programs / sizeof *programs; i++)
    if (!vm_run(&vm, programs[i])) {
      printf("stopped: %s\n", vm.error);
      vm.steps = 1000 * 1000;
    }
  slh_heap_release(vm.heap);
  slh_pool_free(pool);
  slh_runtime_free(language.runtime);
  return 0;
}
