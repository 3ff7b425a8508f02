/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Whatever bits a reference, an offset, an index or a length has, an inline
 * access of dense.h stays in its heap's slot. */
/* [promise contained] */
#include "tests/pooled.h"

#include <slotheap/dense.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "pool/pool.h"

#define WIDTH 512
#define SLOTS 24
#define VICTIM 7      /* the last of a page of 4 KiB */
#define ALL_ONES 0xff /* in the victim's slot: also the largest length */

struct world {
  slh_pool *pool;
  slh_heap *heaps[SLOTS];
  slh_heap *victim;
  char *slot; /* the victim's */
  char *memory, *copy;
  uint64_t bytes; /* of the whole mapping */
  uint64_t random;
};

static int open_world(void **state)
{
  static struct world world;
  slh_pool_options options = helper_pool_options(SLOTS);

  pooled_setup(state);
  options.kind = SLH_POOL_DENSE;
  options.slot_bytes = WIDTH;
  options.max_heap_bytes = 4 * WIDTH; /* there is something behind the last one, too */
  world.pool = helper_pool(&options);
  pooled_take_all(world.pool, world.heaps, SLOTS);
  world.memory = world.pool->memory;
  world.bytes = world.pool->plan.slab_bytes;
  world.random = helper_seed();
  world.victim = world.heaps[VICTIM];
  world.slot = slh_heap_get_data(world.victim)->base;
  assert_ptr_equal(world.slot, world.memory + VICTIM * WIDTH);
  for (uint64_t i = 0; i < world.bytes; i++)
    world.memory[i] = (char)(1 + i % 253);
  memset(world.slot, ALL_ONES, WIDTH);
  world.copy = malloc(world.bytes);
  assert_non_null(world.copy);
  memcpy(world.copy, world.memory, world.bytes);
  *state = &world;
  return 0;
}

static int close_world(void **state)
{
  struct world *world = *state;

  free(world->copy);
  memset(world->memory, 0, world->bytes);
  pooled_release(world->heaps, SLOTS);
  slh_pool_free(world->pool);
  return pooled_teardown(state);
}

/* ---- numbers that are likely to go wrong ---- */

/* In all: near each power of two, near multiples of the width. */
#define EDGES (33 * 19 + 20)

static uint32_t edge(uint32_t i)
{
  uint64_t power = UINT64_C(1) << (i / 19 % 33);

  if (i >= 33 * 19)
    return (i - 33 * 19) * WIDTH - 8;
  return (uint32_t)(power + i % 19 - 9);
}

static uint32_t any_number(struct world *world)
{
  uint32_t bits = (uint32_t)helper_random(&world->random);

  return helper_one_in(&world->random, 2) ? edge(bits % EDGES) : bits >> bits % 32;
}

/* ---- addresses ---- */

static void check_address(const struct world *world, uint32_t reference, uint32_t offset)
{
  for (uint32_t bytes = 1; bytes <= 8; bytes *= 2) {
    const char *at = slh_dense_address(world->victim, (slh_ref){reference}, offset, bytes);

    if (at < world->slot || at + bytes > world->slot + WIDTH || (at - world->slot) % bytes != 0)
      fail_msg("reference %#x, offset %#x, %u bytes: at %td of the slot", reference, offset, bytes,
               at - world->slot);
  }
}

static void test_addresses_of_edges(void **state)
{
  const struct world *world = *state;

  for (uint32_t i = 0; i < EDGES; i++) {
    for (uint32_t j = 0; j < EDGES; j++)
      check_address(world, edge(i), edge(j));
  }
}

/* Every reference of 20 bits, and those of 32 bits a step apart that is odd. */
static void test_addresses_of_all_references(void **state)
{
  const struct world *world = *state;
  uint32_t step = 1 + 1600 / (uint32_t)helper_rounds(16);

  for (uint32_t reference = 0; reference < 1u << 20; reference++)
    check_address(world, reference, 0);
  for (uint64_t reference = 0; reference <= UINT32_MAX; reference += step)
    check_address(world, (uint32_t)reference, (uint32_t)reference / 7);
}

/* What is in the slot is found where it is. */
static void test_addresses_inside(void **state)
{
  const struct world *world = *state;

  for (uint32_t bytes = 1; bytes <= 8; bytes *= 2) {
    for (uint32_t at = 0; at < WIDTH; at += bytes) {
      for (uint32_t object = 0; object <= at; object += 8)
        assert_ptr_equal(slh_dense_address(world->victim, (slh_ref){object}, at - object, bytes),
                         world->slot + at);
    }
  }
}

/* ---- accesses ---- */

/* Each makes one with any value, by `reference`, `offset` or index. True: it
 * read what is in the slot, or wrote. */
typedef bool access_fn(slh_heap *heap, slh_ref reference, uint32_t offset);

static bool is_ones(const void *value, size_t bytes)
{
  for (size_t i = 0; i < bytes; i++)
    if (((const unsigned char *)value)[i] != ALL_ONES)
      return false;
  return true;
}

#define DEFINE_ACCESS(X, T)                                                                        \
  static bool get_##X(slh_heap *heap, slh_ref reference, uint32_t offset)                          \
  {                                                                                                \
    T value = slh_dense_get_##X(heap, reference, offset);                                          \
    return is_ones(&value, sizeof value);                                                          \
  }                                                                                                \
  static bool set_##X(slh_heap *heap, slh_ref reference, uint32_t offset)                          \
  {                                                                                                \
    T value;                                                                                       \
    memset(&value, 0, sizeof value);                                                               \
    slh_dense_set_##X(heap, reference, offset, value);                                             \
    return true;                                                                                   \
  }                                                                                                \
  static bool array_get_##X(slh_heap *heap, slh_ref reference, uint32_t index)                     \
  {                                                                                                \
    T value;                                                                                       \
    slh_status status = slh_dense_array_get_##X(heap, reference, index, &value);                   \
    return status == SLH_OK ? is_ones(&value, sizeof value) : index == UINT32_MAX;                 \
  }                                                                                                \
  static bool array_set_##X(slh_heap *heap, slh_ref reference, uint32_t index)                     \
  {                                                                                                \
    T value;                                                                                       \
    memset(&value, 0, sizeof value);                                                               \
    return slh_dense_array_set_##X(heap, reference, index, value) ==                               \
           (index == UINT32_MAX ? SLH_E_BOUNDS : SLH_OK);                                          \
  }

#define EACH_TYPE(M)                                                                               \
  M(i8, int8_t)                                                                                    \
  M(u8, uint8_t)                                                                                   \
  M(i16, int16_t)                                                                                  \
  M(u16, uint16_t)                                                                                 \
  M(i32, int32_t)                                                                                  \
  M(u32, uint32_t)                                                                                 \
  M(i64, int64_t)                                                                                  \
  M(u64, uint64_t)                                                                                 \
  M(f32, float)                                                                                    \
  M(f64, double)                                                                                   \
  M(v128, slh_v128)                                                                                \
  M(ref, slh_ref)

EACH_TYPE(DEFINE_ACCESS)

static bool init_ref(slh_heap *heap, slh_ref reference, uint32_t offset)
{
  slh_dense_init_ref(heap, reference, offset, SLH_NULL);
  return true;
}

static bool array_init_ref(slh_heap *heap, slh_ref reference, uint32_t index)
{
  return slh_dense_array_init_ref(heap, reference, index, SLH_NULL) ==
         (index == UINT32_MAX ? SLH_E_BOUNDS : SLH_OK);
}

static bool header_and_length(slh_heap *heap, slh_ref reference, uint32_t offset)
{
  reference.bits += offset;
  return !slh_dense_has_type(heap, reference, pooled.node) &&
         slh_dense_array_length(heap, reference) == UINT32_MAX;
}

#define READS(X, T) get_##X, array_get_##X,
#define WRITES(X, T) set_##X, array_set_##X,

static access_fn *const reads[] = {EACH_TYPE(READS) header_and_length};
static access_fn *const writes[] = {EACH_TYPE(WRITES) init_ref, array_init_ref};

/* Nothing has changed but in the victim's slot. */
static void check_others(const struct world *world)
{
  const char *end = world->slot + WIDTH;
  uint64_t before = (uint64_t)(world->slot - world->memory);
  uint64_t behind = world->bytes - before - WIDTH;

  assert_memory_equal(world->memory, world->copy, before);
  assert_memory_equal(end, world->copy + before + WIDTH, behind);
}

static bool neighbours_are_whole(const struct world *world)
{
  const char *copy = world->copy + (world->slot - world->memory);

  return memcmp(world->slot - WIDTH, copy - WIDTH, WIDTH) == 0 &&
         memcmp(world->slot + WIDTH, copy + WIDTH, WIDTH) == 0;
}

static void read_at(const struct world *world, uint32_t reference, uint32_t offset)
{
  for (size_t i = 0; i < sizeof reads / sizeof *reads; i++) {
    if (!reads[i](world->victim, (slh_ref){reference}, offset))
      fail_msg("read %zu: reference %#x, offset %#x", i, reference, offset);
  }
}

static void write_at(const struct world *world, uint32_t reference, uint32_t offset)
{
  for (size_t i = 0; i < sizeof writes / sizeof *writes; i++) {
    bool done = writes[i](world->victim, (slh_ref){reference}, offset);

    if (!done || !neighbours_are_whole(world))
      fail_msg("write %zu: reference %#x, offset %#x", i, reference, offset);
    memset(world->slot, ALL_ONES, WIDTH);
  }
}

static void test_reads(void **state)
{
  struct world *world = *state;

  for (uint32_t i = 0; i < EDGES; i++) {
    for (uint32_t j = 0; j < 40; j++)
      read_at(world, edge(i), any_number(world));
  }
  for (uint64_t i = helper_rounds(100000); i-- > 0;)
    read_at(world, any_number(world), any_number(world));
}

static void test_writes(void **state)
{
  struct world *world = *state;

  for (uint32_t i = 0; i < EDGES; i++) {
    write_at(world, edge(i), 0);
    write_at(world, edge(i), any_number(world));
    write_at(world, 0, edge(i));
    check_others(world);
  }
  for (uint64_t i = helper_rounds(20000); i-- > 0;) {
    write_at(world, any_number(world), any_number(world));
    if (i % 256 == 0)
      check_others(world);
  }
  check_others(world);
}

/* A value that was written is read again. */
static void test_values(void **state)
{
  struct world *world = *state;

  for (uint64_t i = helper_rounds(100000); i-- > 0;) {
    slh_ref reference = {any_number(world)};
    uint32_t offset = any_number(world);
    uint64_t value = helper_random(&world->random);
    slh_v128 wide, same;

    slh_dense_set_u64(world->victim, reference, offset, value);
    assert_true(slh_dense_get_u64(world->victim, reference, offset) == value);
    memset(&wide, (int)(value & 0x7f), sizeof wide);
    slh_dense_set_v128(world->victim, reference, offset, wide);
    same = slh_dense_get_v128(world->victim, reference, offset);
    assert_memory_equal(&same, &wide, sizeof wide);
  }
  memset(world->slot, ALL_ONES, WIDTH);
  check_others(world);
}

/* The write barrier reads and marks headers: of old objects only. */
static void test_barriers(void **state)
{
  struct world *world = *state;
  slh_heap_data *data = slh_heap_get_data(world->victim);
  const slh_heap_data before = *data;
  bool guarded = pooled_page() == (VICTIM + 1) * WIDTH; /* so that reading there is seen, too */
  uint32_t remembered[2];

  if (guarded)
    assert_int_equal(mprotect(world->slot + WIDTH, pooled_page(), PROT_NONE), 0);
  for (uint64_t i = helper_rounds(200000); i-- > 0;) {
    slh_ref reference = {any_number(world)};
    slh_ref young = {any_number(world) | WIDTH};

    data->young = helper_one_in(&world->random, 2) ? WIDTH : edge((uint32_t)i % EDGES) % WIDTH;
    data->remembered = remembered;
    data->remembered_end = remembered + helper_below(&world->random, 3);
    memset(world->slot, (int)helper_random(&world->random), WIDTH);
    slh_dense_set_ref(world->victim, reference, any_number(world), young);
    (void)!slh_dense_array_set_ref(world->victim, reference, any_number(world), young);
  }
  assert_int_equal(mprotect(world->slot + WIDTH, pooled_page(), PROT_READ | PROT_WRITE), 0);
  *data = before;
  memset(world->slot, ALL_ONES, WIDTH);
  check_others(world);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_addresses_of_edges),
      cmocka_unit_test(test_addresses_of_all_references),
      cmocka_unit_test(test_addresses_inside),
      cmocka_unit_test(test_reads),
      cmocka_unit_test(test_writes),
      cmocka_unit_test(test_values),
      cmocka_unit_test(test_barriers),
  };

  helper_zeal = SLH_ZEAL_NEVER;
  return helper_run(tests, open_world, close_world);
}
