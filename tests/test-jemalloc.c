/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Bookkeeping where the process has jemalloc: in an arena of its own, all of it,
 * until it is released. Here this program is jemalloc.
 */
#include "tests/store.h"

#include <stdlib.h>

#ifdef HAVE_JEMALLOC
#include <jemalloc/jemalloc.h>

#define ARENA 5
#define FLAGS (MALLOCX_ARENA(ARENA) | MALLOCX_TCACHE_NONE)

static _Atomic uint64_t arenas, blocks, resizes;
static bool refuses;

/* As jemalloc has them; its header may name them otherwise. */
void *mallocx(size_t bytes, int flags)
{
  REQUIRE_EQUAL(flags, FLAGS);
  blocks++;
  return malloc(bytes);
}

void *rallocx(void *old, size_t bytes, int flags)
{
  REQUIRE_EQUAL(flags, FLAGS);
  resizes++;
  return realloc(old, bytes);
}

void dallocx(void *memory, int flags)
{
  REQUIRE_EQUAL(flags, FLAGS);
  blocks--;
  free(memory);
}

int mallctl(const char *name, void *out, size_t *out_size, void *in, size_t in_size)
{
  REQUIRE(strcmp(name, "arenas.create") == 0 && *out_size == sizeof(unsigned));
  *(unsigned *)out = ARENA;
  arenas++;
  return refuses;
}

static void use_a_store(void)
{
  struct store *store = store_open(NULL);
  slh_owned owned;

  for (int i = 0; i < 1000; i++)
    assert_ok(slh_owned_new(store->heap, SLH_NULL, &owned));
  store_collect(store);
  store_close(store);
}

static void all_goes_to_one_arena(void **state)
{
  (void)state;
  use_a_store();
  assert_int_equal(arenas, 1);
  assert_true(resizes > 0);
  assert_int_equal(blocks, 0);
}

static void use_without_arena(void *context)
{
  slh_allocator allocator;
  void *memory;

  (void)context;
  refuses = true;
  allocator = slh_default_allocator();
  memory = allocator.resize(allocator.context, NULL, 100);
  REQUIRE(memory != NULL);
  allocator.release(allocator.context, memory);
  REQUIRE(arenas == 1 && blocks == 0 && resizes == 0);
}

/* First: the arena is made once. */
static void without_an_arena_it_is_the_c_library(void **state)
{
  (void)state;
  assert_int_equal(helper_in_child(use_without_arena, NULL), 0);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(without_an_arena_it_is_the_c_library),
      cmocka_unit_test(all_goes_to_one_arena),
  };

  return helper_run(tests, NULL, NULL);
}

#else

int main(void)
{
  return 77; /* the library was compiled without */
}

#endif
