/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Roots. See doc/embedding.md. */
#include "vm.h"

int main(void)
{
  slh_heap_options options = SLH_HEAP_OPTIONS_INIT;
  struct language language;
  struct vm vm;
  slh_pool *pool;
  bool good;

  if (language_open(&language) != SLH_OK || slh_pool_new(NULL, &pool, NULL) != SLH_OK)
    return 1;
  vm_begin(&vm, &language, &options);
  if (slh_heap_acquire(pool, &options, &vm.heap) != SLH_OK)
    return 1;
  good = vm_run(&vm, ": square dup * ; 3 square 4 square + print "
                     "1 2 3 nil cons cons cons print");
  slh_heap_release(vm.heap);
  slh_pool_free(pool);
  slh_runtime_free(language.runtime);
  return !good;
}
