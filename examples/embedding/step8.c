/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* An image as prelude. See doc/embedding.md. */
#include "vm.h"

static const char prelude[] = ": square dup * ; "
                              ": list nil cons cons cons ; "
                              ": second rest first ;";

/* Runs the prelude once, and freezes what it has defined. */
static slh_status make_prelude(slh_pool *pool, const struct language *language, slh_image **image,
                               slh_error *error)
{
  slh_heap_options options = SLH_HEAP_OPTIONS_INIT;
  slh_image_root root = {"words", SLH_NULL};
  slh_image_contents contents = {.roots = &root, .root_count = 1};
  struct vm vm;
  slh_status status;

  vm_begin(&vm, language, &options);
  status = slh_heap_acquire(pool, &options, &vm.heap);
  if (status != SLH_OK)
    return status;
  if (vm_run(&vm, prelude)) {
    root.ref = vm.words;
    status = slh_image_freeze(vm.heap, &contents, NULL, image, error);
  } else {
    status = SLH_E_INVALID;
  }
  slh_heap_release(vm.heap);
  return status;
}

static bool serve(slh_pool *pool, const struct language *language, const slh_image *image,
                  const char *program)
{
  slh_heap_options options = SLH_HEAP_OPTIONS_INIT;
  struct vm vm;
  bool good;

  vm_begin(&vm, language, &options);
  options.image = image;
  if (slh_heap_acquire(pool, &options, &vm.heap) != SLH_OK)
    return false;
  good = slh_image_find_root(image, "words", &vm.words) && vm_run(&vm, program);
  slh_heap_release(vm.heap);
  return good;
}

int main(void)
{
  struct language language;
  slh_error error = {0};
  slh_image *image;
  slh_pool *pool;
  bool good;

  if (language_open(&language) != SLH_OK || slh_pool_new(NULL, &pool, NULL) != SLH_OK)
    return 1;
  if (make_prelude(pool, &language, &image, &error) != SLH_OK) {
    fprintf(stderr, "%s\n", error.message);
    return 1;
  }
  good = serve(pool, &language, image, "7 square print") &&
         serve(pool, &language, image, ": square drop 0 ; 7 square print") &&
         serve(pool, &language, image, "1 2 3 list second print");
  slh_image_free(image);
  slh_pool_free(pool);
  slh_runtime_free(language.runtime);
  return !good;
}
