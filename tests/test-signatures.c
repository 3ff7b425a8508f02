/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * What was freed, and what is something else, is told from what a call is for: runtimes,
 * lists of roots and images by their signature (pool/signature.h), heaps by what goes on
 * with them. Other misuse is in test-misuse.c.
 */
#include "tests/store.h"

#include <slotheap/image-info.h>
#include <stdlib.h>

/* Memory stays as it was when it was freed, so that what is there can be told for sure:
 * until the test ends. */
static void *kept[256];
static size_t kept_count;

static void *resize(void *context, void *old, size_t bytes)
{
  return realloc(old, bytes);
}

static void keep(void *context, void *memory)
{
  REQUIRE(kept_count < sizeof kept / sizeof *kept);
  kept[kept_count++] = memory;
}

static const slh_allocator keeping = {resize, keep, NULL};

static void expect_stops(const struct misuse *misuses, size_t count)
{
  static const struct store_options options = {.allocator = &keeping};
  struct store *store = store_open(&options);

  helper_expect_stops(misuses, count, store);
  store_close(store);
  while (kept_count > 0)
    free(kept[--kept_count]);
}

#define EXPECT_STOPS(misuses) expect_stops(misuses, sizeof(misuses) / sizeof *(misuses))

/* What has no signature. */
static uint64_t words[64];

/* ---- runtimes ---- */

static slh_runtime *freed_runtime(void)
{
  slh_runtime_options options = SLH_RUNTIME_OPTIONS_INIT;
  slh_runtime *runtime;

  options.allocator = &keeping;
  runtime = helper_runtime(&options);
  slh_runtime_free(runtime);
  return runtime;
}

static void free_runtime_twice(void *context)
{
  slh_runtime_free(freed_runtime());
}

static void free_no_runtime(void *context)
{
  slh_runtime_free((slh_runtime *)words);
}

static void register_struct(void *context)
{
  const slh_type *type;

  (void)!slh_struct_type_new(freed_runtime(), NULL, NULL, NULL, 0, &type, NULL);
}

static void register_exception(void *context)
{
  const slh_type *type;

  (void)!slh_exn_type_new(freed_runtime(), NULL, NULL, 0, &type, NULL);
}

static void register_array(void *context)
{
  const slh_type *type;

  (void)!slh_array_type_new(freed_runtime(), NULL, SLH_I8, &type, NULL);
}

static void unregister_type(void *context)
{
  (void)!slh_type_unregister(freed_runtime(), ((struct store *)context)->node, NULL);
}

static void make_roots(void *context)
{
  slh_roots *roots;

  (void)!slh_roots_new(freed_runtime(), &roots);
}

static void acquire_with_runtime(void *context)
{
  slh_heap_options options = SLH_HEAP_OPTIONS_INIT;
  slh_heap *heap;

  options.runtime = freed_runtime();
  (void)!slh_heap_acquire_within(((struct store *)context)->pool, &options, 0, &heap, NULL);
}

static void read_image(void *context)
{
  slh_image *image;

  (void)!slh_image_read(freed_runtime(), -1, NULL, &image, NULL);
}

static void runtimes(void **state)
{
  static const struct misuse misuses[] = {
      {free_runtime_twice, "slh_runtime_free: the runtime was freed before"},
      {free_no_runtime, "slh_runtime_free: what it was given is no runtime"},
      {register_struct, "slh_struct_type_new: the runtime was freed before"},
      {register_exception, "slh_exn_type_new: the runtime was freed before"},
      {register_array, "slh_array_type_new: the runtime was freed before"},
      {unregister_type, "slh_type_unregister: the runtime was freed before"},
      {make_roots, "slh_roots_new: the runtime was freed before"},
      {acquire_with_runtime,
       "slh_heap_acquire or slh_heap_acquire_within: the runtime was freed before"},
      {read_image, "slh_image_read: the runtime was freed before"},
  };

  EXPECT_STOPS(misuses);
}

/* ---- lists of roots ---- */

static slh_roots *freed_roots(const struct store *store)
{
  slh_roots *roots;

  REQUIRE_EQUAL(slh_roots_new(store->runtime, &roots), SLH_OK);
  slh_roots_free(roots);
  return roots;
}

static void free_roots_twice(void *context)
{
  slh_roots_free(freed_roots(context));
}

static void add_to_roots(void *context)
{
  struct store *store = context;

  (void)slh_roots_add(freed_roots(store), SLH_ROOT_OTHER, store->roots, 1, NULL);
}

static void clear_roots(void *context)
{
  slh_roots_clear(freed_roots(context));
}

static void look_at_roots(void *context)
{
  size_t count;

  (void)slh_roots_entries(freed_roots(context), &count);
}

static void collect_with_roots(void *context)
{
  struct store *store = context;

  (void)!slh_heap_collect(store->heap, freed_roots(store));
}

static void verify_with_roots(void *context)
{
  struct store *store = context;

  (void)!slh_heap_verify(store->heap, freed_roots(store), NULL);
}

static void collect_with_a_runtime(void *context)
{
  struct store *store = context;

  (void)!slh_heap_collect(store->heap, (const slh_roots *)store->runtime);
}

static void lists_of_roots(void **state)
{
  static const struct misuse misuses[] = {
      {free_roots_twice, "slh_roots_free: the list of roots was freed before"},
      {add_to_roots, "slh_roots_add: the list of roots was freed before"},
      {clear_roots, "slh_roots_clear: the list of roots was freed before"},
      {look_at_roots, "slh_roots_entries: the list of roots was freed before"},
      {collect_with_roots, "slh_heap_collect: the list of roots was freed before"},
      {verify_with_roots, "slh_heap_verify: the list of roots was freed before"},
      {collect_with_a_runtime, "slh_heap_collect: what it was given is no list of roots"},
  };

  EXPECT_STOPS(misuses);
}

/* ---- images ---- */

static slh_image *freed_image(const struct store *store)
{
  static const slh_image_contents nothing;
  slh_image *image;

  REQUIRE_EQUAL(slh_image_freeze(store->heap, &nothing, NULL, &image, NULL), SLH_OK);
  slh_image_free(image);
  return image;
}

static void free_image_twice(void *context)
{
  slh_image_free(freed_image(context));
}

static void acquire_with_image(void *context)
{
  struct store *store = context;
  slh_heap_options options = SLH_HEAP_OPTIONS_INIT;
  slh_heap *heap;

  options.runtime = store->runtime;
  options.image = freed_image(store);
  (void)!slh_heap_acquire(store->pool, &options, &heap);
}

static void write_image(void *context)
{
  (void)!slh_image_write(freed_image(context), -1, NULL);
}

static void save_image(void *context)
{
  (void)!slh_image_save(freed_image(context), "", NULL);
}

static void ask_image(void *context)
{
  slh_image_info info;

  slh_image_get_info(freed_image(context), &info);
}

static void find_root(void *context)
{
  slh_ref root;

  (void)slh_image_find_root(freed_image(context), "list", &root);
}

static void root_at(void *context)
{
  (void)slh_image_root_at(freed_image(context), 0, NULL);
}

static bool visit(void *context, slh_ref object, const slh_type *type, uint64_t bytes)
{
  return true;
}

static void walk_image(void *context)
{
  slh_image_walk(freed_image(context), visit, NULL);
}

static void images(void **state)
{
  static const struct misuse misuses[] = {
      {free_image_twice, "slh_image_free: the image was freed before"},
      {acquire_with_image,
       "slh_heap_acquire or slh_heap_acquire_within: the image was freed before"},
      {write_image, "slh_image_write: the image was freed before"},
      {save_image, "slh_image_save: the image was freed before"},
      {ask_image, "slh_image_get_info: the image was freed before"},
      {find_root, "slh_image_find_root: the image was freed before"},
      {root_at, "slh_image_root_at: the image was freed before"},
      {walk_image, "slh_image_walk: the image was freed before"},
  };

  EXPECT_STOPS(misuses);
}

/* ---- heaps that no store has ---- */

static slh_heap *released(void *context)
{
  struct store *store = context;

  slh_heap_release(store->heap);
  return store->heap;
}

static void collect_released(void *context)
{
  (void)!slh_heap_collect(released(context), NULL);
}

static void root_in_released(void *context)
{
  slh_owned owned;

  (void)!slh_owned_new(released(context), SLH_NULL, &owned);
}

static void open_frame_in_released(void *context)
{
  slh_frame frame;

  (void)slh_frame_open(released(context), &frame);
}

static void intern_in_released(void *context)
{
  uint32_t number;

  (void)!slh_funcref_intern(released(context), context, &number);
}

static void grow_released(void *context)
{
  (void)!slh_heap_grow(released(context), 8);
}

static void verify_released(void *context)
{
  (void)!slh_heap_verify(released(context), NULL, NULL);
}

static void freeze_released(void *context)
{
  static const slh_image_contents nothing;
  slh_image *image;

  (void)!slh_image_freeze(released(context), &nothing, NULL, &image, NULL);
}

#define RELEASED ": called on a heap while no store has it: it was released"

static void released_heaps(void **state)
{
  static const struct misuse misuses[] = {
      {collect_released, "slh_heap_collect" RELEASED},
      {root_in_released, "slh_owned_new" RELEASED},
      {open_frame_in_released, "slh_frame_open" RELEASED},
      {intern_in_released, "slh_funcref_intern" RELEASED},
      {grow_released, "slh_heap_grow" RELEASED},
      {verify_released, "slh_heap_verify" RELEASED},
      {freeze_released, "slh_image_freeze" RELEASED},
  };

  EXPECT_STOPS(misuses);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(runtimes),
      cmocka_unit_test(lists_of_roots),
      cmocka_unit_test(images),
      cmocka_unit_test(released_heaps),
  };

  return helper_run(tests, NULL, NULL);
}
