/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Traps. See doc/embedding.md. */
#include "vm.h"

struct request {
  struct vm *vm;
  const char *program;
  bool good;
};

static void run_request(void *argument)
{
  struct request *request = argument;

  request->good = vm_run(request->vm, request->program);
}

static void protect(struct vm *vm, const char *program)
{
  struct request request = {vm, program, false};
  slh_trap trap;

  if (slh_heap_protect(vm->heap, run_request, &request, &trap) == SLH_E_TRAP) {
    printf("stopped: offset %llu is not the store's\n", (unsigned long long)trap.offset);
    vm->depth = vm->callers = 0;
  } else if (!request.good) {
    printf("stopped: %s\n", vm->error);
  }
}

int main(void)
{
  slh_heap_options options = SLH_HEAP_OPTIONS_INIT;
  struct language language;
  struct vm vm;
  slh_pool *pool;

  if (language_open(&language) != SLH_OK || slh_pool_new(NULL, &pool, NULL) != SLH_OK ||
      slh_traps_enable(NULL) != SLH_OK)
    return 1;
  vm_begin(&vm, &language, &options);
  if (slh_heap_acquire(pool, &options, &vm.heap) != SLH_OK)
    return 1;
  protect(&vm, "1000000000 peek print");
  protect(&vm, "0 peek print");
  protect(&vm, "1 nil cons print");
  slh_heap_release(vm.heap);
  slh_traps_disable();
  slh_pool_free(pool);
  slh_runtime_free(language.runtime);
  return 0;
}
