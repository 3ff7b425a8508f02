/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* The runtime of a group, taking and dirtying heaps, and running threads. */
#include "tests/pooled.h"

#include <pthread.h>
#include <unistd.h>

#include "lib/heap.h"

struct pooled pooled;

int pooled_setup(void **state)
{
  (void)state;
  (void)helper_seed();
  pooled.runtime = helper_runtime(NULL);
  pooled.node = helper_node_type(pooled.runtime);
  pooled.bytes = helper_array_type(pooled.runtime, SLH_I8);
  return 0;
}

int pooled_teardown(void **state)
{
  (void)state;
  slh_runtime_free(pooled.runtime);
  return 0;
}

slh_status pooled_acquire(slh_pool *pool, uint32_t tag, uint64_t nanoseconds, slh_heap **out)
{
  slh_heap_options options = SLH_HEAP_OPTIONS_INIT;
  slh_error error = {0};
  slh_status status;

  options.runtime = pooled.runtime;
  options.tag = tag;
  *out = NULL;
  status = nanoseconds ? slh_heap_acquire_within(pool, &options, nanoseconds, out, &error)
                       : slh_heap_acquire(pool, &options, out);
  REQUIRE(status == SLH_OK || status == SLH_E_FULL);
  REQUIRE((status == SLH_OK) == (*out != NULL));
  return status;
}

slh_heap *pooled_take(slh_pool *pool)
{
  slh_heap *heap;

  REQUIRE_EQUAL(pooled_acquire(pool, 0, 0, &heap), SLH_OK);
  return heap;
}

void pooled_take_all(slh_pool *pool, slh_heap **heaps, size_t count)
{
  slh_heap *more;

  for (size_t i = 0; i < count; i++)
    heaps[i] = pooled_take(pool);
  REQUIRE_EQUAL(pooled_acquire(pool, 0, 0, &more), SLH_E_FULL);
}

void pooled_release(slh_heap **heaps, size_t count)
{
  for (size_t i = 0; i < count; i++)
    slh_heap_release(heaps[i]);
}

void pooled_dirty(slh_heap *heap, uint64_t bytes)
{
  slh_ref array = SLH_NULL;

  REQUIRE_EQUAL(slh_heap_grow(heap, bytes), SLH_OK);
  REQUIRE_EQUAL(slh_alloc_array_uninit(heap, pooled.bytes, (uint32_t)bytes - 8, &array), SLH_OK);
  memset(slh_address(heap, array, SLH_ARRAY_DATA_OFFSET), 0xa5, bytes - 8);
}

char *pooled_start(const slh_heap *heap)
{
  return slh_heap_get_data(heap)->base + slhi_heap_slot(heap)->slab->gap;
}

uint32_t pooled_number(const slh_heap *heap)
{
  const struct slot *slot = slhi_heap_slot(heap);

  return (uint32_t)(slot - slot->slab->slots);
}

void pooled_check_zero(const slh_heap *heap)
{
  uint64_t bytes = slhi_heap_committed(heap) - slhi_heap_slot(heap)->slab->gap;

  for (uint64_t at = 0; at < bytes; at += 8) {
    uint64_t word;

    memcpy(&word, pooled_start(heap) + at, 8);
    if (word != 0)
      helper_stop(__FILE__, __LINE__, "zero (offset, word)", at, word);
  }
}

slh_pool_stats pooled_stats(slh_pool *pool)
{
  slh_pool_stats stats;

  slh_pool_get_stats(pool, &stats);
  return stats;
}

uint64_t pooled_resident(slh_pool *pool)
{
  uint64_t slots = 0, spaces = 0;

  REQUIRE_EQUAL(slh_pool_resident(pool, &slots, &spaces), SLH_OK);
  return slots + spaces;
}

uint64_t pooled_page(void)
{
  return (uint64_t)sysconf(_SC_PAGESIZE);
}

void pooled_run(size_t count, void *(*function)(void *), void *contexts, size_t each)
{
  pthread_t threads[32];

  REQUIRE(count <= 32);
  for (size_t i = 0; i < count; i++)
    REQUIRE_EQUAL(pthread_create(&threads[i], NULL, function, (char *)contexts + i * each), 0);
  for (size_t i = 0; i < count; i++)
    REQUIRE_EQUAL(pthread_join(threads[i], NULL), 0);
}

void pooled_limit_time(unsigned seconds)
{
  alarm(seconds);
}
