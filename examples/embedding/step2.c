/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Allocating. See doc/embedding.md. */
#include "language.h"

#include <stdio.h>

static slh_status store(slh_heap *heap, const struct language *language)
{
  slh_ref text, pair;
  slh_status status = slh_heap_make_room(heap, 1024);

  if (status == SLH_OK)
    status = language_text(heap, language, "the answer", 10, &text);
  if (status == SLH_OK)
    status = slh_alloc_struct(heap, language->pair, &pair);
  if (status != SLH_OK)
    return status;
  slh_init_ref(heap, pair, language->first, text);
  slh_init_ref(heap, pair, language->rest, slh_i31(42));
  language_print(stdout, heap, language, pair);
  putchar('\n');
  return SLH_OK;
}

int main(void)
{
  slh_heap_options options = SLH_HEAP_OPTIONS_INIT;
  struct language language;
  slh_pool *pool;
  slh_heap *heap;
  slh_status status;

  if (language_open(&language) != SLH_OK || slh_pool_new(NULL, &pool, NULL) != SLH_OK)
    return 1;
  options.runtime = language.runtime;
  status = slh_heap_acquire(pool, &options, &heap);
  if (status == SLH_OK) {
    status = store(heap, &language);
    slh_heap_release(heap);
  }
  slh_pool_free(pool);
  slh_runtime_free(language.runtime);
  printf("%s\n", slh_status_text(status));
  return status != SLH_OK;
}
