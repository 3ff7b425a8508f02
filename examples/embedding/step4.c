/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Collecting. See doc/embedding.md. */
#include "vm.h"

/* A hundred thousand lists, each dropped as soon as it is made. */
static const char garbage[] = ": waste leave-at-0 1 2 3 nil cons cons cons drop 1 - waste ; "
                              "7 nil cons 100000 waste drop print";

int main(void)
{
  slh_heap_options options = SLH_HEAP_OPTIONS_INIT;
  struct language language;
  struct vm vm;
  slh_heap_stats stats;
  slh_pool *pool;
  bool good;

  if (language_open(&language) != SLH_OK || slh_pool_new(NULL, &pool, NULL) != SLH_OK)
    return 1;
  vm_begin(&vm, &language, &options);
  if (slh_heap_acquire(pool, &options, &vm.heap) != SLH_OK)
    return 1;
  good = vm_run(&vm, garbage);
  if (good)
    good = slh_heap_collect(vm.heap, NULL) == SLH_OK;
  slh_heap_get_stats(vm.heap, &stats);
  printf("more than a MiB was allocated: %d; less than a KiB of it is left: %d\n",
         stats.allocated_total > 1 << 20, stats.live < 1024);
  slh_heap_release(vm.heap);
  slh_pool_free(pool);
  slh_runtime_free(language.runtime);
  return !good;
}
