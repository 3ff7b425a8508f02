/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Hosts that were built with headers of another version, whose structs end sooner or
 * later than the library's. */
#include <stdlib.h>
#include <string.h>

#include "tests/helper.h"

#define MORE 64 /* bytes that a newer host knows beyond */

/* Makes something with options at `options`, and gives it back. */
typedef slh_status try_fn(const void *options, slh_error *error);

static slh_runtime *runtime;
static slh_pool *pool;

static slh_status try_runtime(const void *options, slh_error *error)
{
  slh_runtime *made = NULL;
  slh_status status = slh_runtime_new(options, &made, error);

  slh_runtime_free(made);
  return status;
}

static slh_status try_pool(const void *options, slh_error *error)
{
  slh_pool *made = NULL;
  slh_status status = slh_pool_new(options, &made, error);

  slh_pool_free(made);
  return status;
}

static slh_status try_heap(const void *options, slh_error *error)
{
  slh_heap *at_once = NULL, *later = NULL;
  slh_status status = slh_heap_acquire(pool, options, &at_once);

  assert_int_equal(slh_heap_acquire_within(pool, options, 0, &later, error), status);
  slh_heap_release(at_once);
  slh_heap_release(later);
  return status;
}

static slh_status try_heap_on_demand(const void *options, slh_error *error)
{
  slh_heap_options heap_options = SLH_HEAP_OPTIONS_INIT;
  slh_heap *made = NULL;
  slh_status status;

  heap_options.runtime = runtime;
  status = slh_heap_new(options, &heap_options, &made, error);
  slh_heap_release(made);
  return status;
}

static slh_status try_image(const void *options, slh_error *error)
{
  slh_heap_options heap_options = SLH_HEAP_OPTIONS_INIT;
  slh_image_contents contents = {0};
  slh_heap *heap = NULL;
  slh_image *made = NULL;
  slh_status status;

  heap_options.runtime = runtime;
  assert_int_equal(slh_heap_acquire(pool, &heap_options, &heap), SLH_OK);
  status = slh_image_freeze(heap, &contents, options, &made, error);
  slh_image_free(made);
  slh_heap_release(heap);
  return status;
}

/* The last bytes before a page that cannot be read would be better still; sanitizers see
 * the same in a block of its own. `bytes` of a struct that says it has `said`. */
static void *block(const void *options, size_t size, size_t bytes, size_t said)
{
  char *copy = calloc(1, bytes);

  assert_non_null(copy);
  memcpy(copy, options, bytes < size ? bytes : size);
  memcpy(copy, &said, sizeof said);
  return copy;
}

static void refuse(try_fn *attempt, const void *options, const char *name)
{
  slh_error error = {0};

  assert_int_equal(attempt(options, &error), SLH_E_INVALID);
  assert_non_null(strstr(error.message, name));
}

/* Those that have at least `least` bytes can be used. */
static void every_size(try_fn *attempt, const char *name, const void *options, size_t size,
                       size_t least)
{
  slh_error error;

  for (size_t bytes = least; bytes <= size + MORE; bytes += sizeof(size_t)) {
    char *known = block(options, size, bytes, bytes);

    assert_int_equal(attempt(known, &error), SLH_OK);
    if (bytes > size) {
      known[bytes - 1] = 1; /* an option that this library has not */
      refuse(attempt, known, name);
    }
    free(known);
  }
  for (size_t i = 0; i < 4; i++) {
    const size_t no_size[] = {0, size - 1, size + 4, (size_t)1 << 40};
    char *known = block(options, size, size + MORE, no_size[i]);

    refuse(attempt, known, name);
    refuse(attempt, known, "struct_size");
    free(known);
  }
}

static void test_options_of_any_version(void **state)
{
  slh_runtime_options of_runtime = SLH_RUNTIME_OPTIONS_INIT;
  slh_pool_options of_pool = SLH_POOL_OPTIONS_INIT;
  slh_heap_options of_heap = SLH_HEAP_OPTIONS_INIT;
  slh_image_options of_image = SLH_IMAGE_OPTIONS_INIT;

  (void)state;
  of_pool.slots = 2;
  of_heap.runtime = runtime;
  every_size(try_runtime, "slh_runtime_options", &of_runtime, sizeof of_runtime, sizeof(size_t));
  every_size(try_pool, "slh_pool_options", &of_pool, sizeof of_pool, 2 * sizeof(size_t));
  every_size(try_heap_on_demand, "slh_pool_options", &of_pool, sizeof of_pool, sizeof(size_t));
  every_size(try_heap, "slh_heap_options", &of_heap, sizeof of_heap, 2 * sizeof(size_t));
  every_size(try_image, "slh_image_options", &of_image, sizeof of_image, sizeof(size_t));
}

/* What an older host knows is read, and no more. */
static void test_known_options_count(void **state)
{
  slh_pool_options options = SLH_POOL_OPTIONS_INIT;
  slh_pool_stats stats;
  slh_pool *made = NULL;

  (void)state;
  options.slots = 3;
  options.struct_size = offsetof(slh_pool_options, slots) + sizeof options.slots;
  options.max_heap_bytes = 1; /* would be refused */
  assert_int_equal(slh_pool_new(&options, &made, NULL), SLH_OK);
  slh_pool_get_stats(made, &stats);
  assert_int_equal(stats.slots, 3);
  slh_pool_free(made);
}

typedef void take_fn(void *out, size_t size);

static void take_pool_stats(void *out, size_t size)
{
  slh_pool_get_stats_sized(pool, out, size);
}

static void take_heap_stats(void *out, size_t size)
{
  slh_heap_options options = SLH_HEAP_OPTIONS_INIT;
  slh_heap *heap = NULL;

  options.runtime = runtime;
  assert_int_equal(slh_heap_acquire(pool, &options, &heap), SLH_OK);
  slh_heap_get_stats_sized(heap, out, size);
  slh_heap_release(heap);
}

/* Whatever size is asked for is filled, and nothing behind it. */
static void figures_of_any_size(take_fn *take, size_t size)
{
  char *all = malloc(size);

  assert_non_null(all);
  take(all, size);
  for (size_t bytes = 0; bytes <= size + MORE; bytes += 8) {
    char *some = malloc(bytes + 8);

    assert_non_null(some);
    memset(some, 0x5a, bytes + 8);
    take(some, bytes);
    for (size_t i = 0; i < bytes + 8; i++) {
      if (i >= bytes)
        assert_int_equal(some[i], 0x5a);
      else if (i >= size)
        assert_int_equal(some[i], 0);
      else if (i < 8) /* later ones count what this test does */
        assert_int_equal(some[i], all[i]);
    }
    free(some);
  }
  free(all);
}

static void test_figures_of_any_version(void **state)
{
  (void)state;
  figures_of_any_size(take_pool_stats, sizeof(slh_pool_stats));
  figures_of_any_size(take_heap_stats, sizeof(slh_heap_stats));
}

/* One line that says what matters, for reports of bugs. */
static void test_build_text(void **state)
{
  static const char begin[] = "slotheap ";
  const char *text = slh_build_text();

  (void)state;
  assert_memory_equal(text, begin, strlen(begin));
  assert_memory_equal(text + strlen(begin), slh_version(), strlen(slh_version()));
  assert_null(strchr(text, '\n'));
  assert_non_null(strstr(text, ", zeal "));
  assert_non_null(strstr(text, ", sanitizers "));
  assert_int_equal(strstr(text, "sanitizers none") == NULL,
                   strstr(text, "address") || strstr(text, "undefined") || strstr(text, "thread"));
#ifdef SLH_DEBUG
  assert_non_null(strstr(text, ", debug"));
#else
  assert_null(strstr(text, ", debug"));
#endif
#ifdef HAVE_LIBURING
  assert_non_null(strstr(text, ", liburing"));
#else
  assert_null(strstr(text, ", liburing"));
#endif
#if HELPER_SANITIZED
  assert_null(strstr(text, "sanitizers none"));
#endif
}

static int set_up(void **state)
{
  slh_pool_options options = SLH_POOL_OPTIONS_INIT;

  (void)state;
  options.slots = 2;
  return slh_runtime_new(NULL, &runtime, NULL) != SLH_OK ||
         slh_pool_new(&options, &pool, NULL) != SLH_OK;
}

static int tear_down(void **state)
{
  (void)state;
  slh_pool_free(pool);
  slh_runtime_free(runtime);
  return 0;
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_options_of_any_version),
      cmocka_unit_test(test_known_options_count),
      cmocka_unit_test(test_figures_of_any_version),
      cmocka_unit_test(test_build_text),
  };

  return helper_run(tests, set_up, tear_down);
}
