/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Stores and their isolation. See doc/embedding.md. */
#include "vm.h"

#include <stdlib.h>

/* One request: a heap of its own, from nothing to nothing. */
static bool serve(slh_pool *pool, const struct language *language, const char *program)
{
  slh_heap_options options = SLH_HEAP_OPTIONS_INIT;
  struct vm vm;
  bool good;

  vm_begin(&vm, language, &options);
  if (slh_heap_acquire(pool, &options, &vm.heap) != SLH_OK)
    return false;
  good = vm_run(&vm, program);
  if (!good)
    printf("stopped: %s\n", vm.error);
  slh_heap_release(vm.heap);
  return good;
}

int main(void)
{
  slh_pool_options options = SLH_POOL_OPTIONS_INIT;
  struct language language;
  slh_pool_stats stats;
  slh_error error;
  slh_pool *pool;
  bool good;

  options.slots = 100;
  options.isolation = SLH_ISOLATION_STRICT; /* the programs are other people's */
  if (slh_pool_options_parse(&options, getenv("MYHOST_POOL"), &error) != SLH_OK) {
    fprintf(stderr, "MYHOST_POOL: %s\n", error.message);
    return 1;
  }
  if (language_open(&language) != SLH_OK || slh_pool_new(&options, &pool, NULL) != SLH_OK)
    return 1;
  good = serve(pool, &language, ": secret 42 ; secret print") &&
         !serve(pool, &language, "secret print");
  for (int i = 0; i < 1000 && good; i++)
    good = serve(pool, &language, "1 nil cons drop");
  slh_pool_get_stats(pool, &stats);
  printf("%llu stores were served by %llu slots\n", (unsigned long long)stats.acquires,
         (unsigned long long)stats.slots);
  slh_pool_free(pool);
  slh_runtime_free(language.runtime);
  return !good;
}
