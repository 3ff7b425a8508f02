/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Increments. See doc/embedding.md. */
#include "vm.h"

static bool acquire(struct vm *vm, const struct language *language, slh_pool *pool)
{
  slh_heap_options options = SLH_HEAP_OPTIONS_INIT;

  vm_begin(vm, language, &options);
  return slh_heap_acquire(pool, &options, &vm->heap) == SLH_OK;
}

/* Collects one store a little at a time. Between two increments others run. */
static slh_status collect(slh_heap *heap, struct vm *other, unsigned *turns)
{
  bool complete = false;
  slh_status status = slh_collection_begin(heap, NULL);

  while (status == SLH_OK && !complete) {
    status = slh_collection_step(heap, 16 * 1024, &complete);
    if (vm_run(other, "1 2 3 nil cons cons cons drop"))
      ++*turns;
  }
  return status;
}

int main(void)
{
  struct language language;
  struct vm large, small;
  unsigned turns = 0;
  slh_pool *pool;
  bool good;

  if (language_open(&language) != SLH_OK || slh_pool_new(NULL, &pool, NULL) != SLH_OK ||
      !acquire(&large, &language, pool) || !acquire(&small, &language, pool))
    return 1;
  good = vm_run(&large, ": grow leave-at-0 swap 1 swap cons swap 1 - grow ; nil 10000 grow drop") &&
         collect(large.heap, &small, &turns) == SLH_OK && vm_run(&large, "first print");
  printf("the other store had more than ten turns: %d\n", turns > 10);
  slh_heap_release(small.heap);
  slh_heap_release(large.heap);
  slh_pool_free(pool);
  slh_runtime_free(language.runtime);
  return !good;
}
