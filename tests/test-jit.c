/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Compiled code: allocates inline by what slh_codegen says, reads and writes through
 * references it should not trust, and traps. (test-codegen.c has the barriers.) */
#include "tests/jit.h"

#include "tests/collectors.h"
#include "tests/traps.h"

#if JIT_IS_HERE

#define NODES 50000

static struct jit_target target;
static unsigned slow_calls;

_Static_assert(sizeof(struct jit_target) == 64 && offsetof(struct jit_target, value) == 56,
               "known to the assembly");

static uint32_t make_room(slh_heap_data *data)
{
  slow_calls++;
  return slh_heap_make_room((slh_heap *)data, target.bytes);
}

static uint32_t extend(slh_heap_data *data)
{
  slow_calls++;
  return slh_heap_extend((slh_heap *)data, target.bytes);
}

/* Compiles for the heap of a store, so to say. */
static void compile(const struct store *store)
{
  const slh_type *node = store->node;
  slh_codegen codegen;

  assert_ok(slh_codegen_describe(slh_heap_collector(store->heap), SLH_POOL_WIDE, &codegen));
  assert_int_equal(codegen.base.bytes, 8);
  assert_int_equal(codegen.bump.bytes, 8);
  assert_int_equal(codegen.limit.bytes, 8);
  target = (struct jit_target){
      .base = codegen.base.at,
      .bump = codegen.bump.at,
      .limit = codegen.limit.at,
      .header = node->header,
      .bytes = node->size,
      .next = node->fields[0].offset,
      .other = node->fields[1].offset,
      .value = node->fields[2].offset,
  };
}

static struct store *open_for(slh_collector collector, uint64_t max_bytes, uint64_t initial_bytes)
{
  struct store_options options = {collector, NULL, max_bytes, initial_bytes};
  struct store *store = store_open(&options);

  slow_calls = 0;
  compile(store);
  return store;
}

static struct store *open_small(uint64_t max_bytes, uint64_t initial_bytes)
{
  return open_for(SLH_COLLECTOR_COPYING, max_bytes, initial_bytes);
}

static slh_status push(struct store *store, uint32_t count, slh_ref *list, jit_slow_fn *slow)
{
  return jit_push(slh_heap_get_data(store->heap), &target, count, list, slow);
}

/* A list whose values go up from `first` to `last`. */
static void check_list(struct store *store, slh_ref list, int32_t first, int32_t last)
{
  uint64_t sum = 0;
  slh_ref at = list;

  for (int32_t value = first; value <= last; value++) {
    assert_true(slh_has_type(store->heap, at, store->node));
    assert_int_equal(slh_get_i32(store->heap, at, HELPER_VALUE), value);
    assert_true(slh_is_null(slh_get_ref(store->heap, at, HELPER_RIGHT)));
    at = slh_get_ref(store->heap, at, HELPER_LEFT);
    sum += (uint64_t)value;
  }
  assert_true(slh_is_null(at));
  assert_int_equal(jit_sum(slh_heap_get_data(store->heap), &target, list), sum);
  store_verify(store);
}

/* ---- allocating ---- */

static void list_is_what_the_library_reads(void **state)
{
  struct store *store = open_small(0, 0);

  (void)state;
  assert_ok(push(store, NODES, &store->roots[0], extend));
  check_list(store, store->roots[0], 1, NODES);
  assert_int_equal(store_count(store), NODES);
  /* Memory is committed by doubling. */
  assert_in_range(slow_calls, 1, 10);
  store_close(store);
}

static void collect_lists(slh_collector collector)
{
  struct store *store = open_for(collector, 0, 4096);

  store->on_stack = true;
  for (int i = 0; i < 8; i++) {
    store->roots[i % 2] = SLH_NULL;
    assert_ok(push(store, NODES / 8, &store->roots[i % 2], make_room));
    check_list(store, store->roots[i % 2], 1, NODES / 8);
    if (i > 0)
      check_list(store, store->roots[1 - i % 2], 1, NODES / 8);
  }
  assert_true(store_stats(store).collections >= 4);
  store_collect(store);
  assert_int_equal(store_count(store), 2 * (NODES / 8));
  store_close(store);
}

static void compiled_code_and_collections(void **state)
{
  (void)state;
  for (uint64_t i = 0; i < collectors_count(COLLECTORS_COLLECT); i++)
    collect_lists(collectors_nth(COLLECTORS_COLLECT, i));
}

/* New objects take the place of old ones: nothing but what is written. */
static void allocates_over_old_bytes(void **state)
{
  struct store *store = open_small(0, 64 * 1024);

  (void)state;
  for (int i = 0; i < 20; i++) {
    slh_ref array = store_array(store, store->bytes, 30000);

    memset(slh_address(store->heap, array, SLH_ARRAY_DATA_OFFSET), 0xff, 30000);
    store->roots[0] = SLH_NULL;
    store_collect(store);
    assert_ok(push(store, 1000, &store->roots[0], make_room));
    check_list(store, store->roots[0], 1, 1000);
    store_collect(store);
  }
  store_close(store);
}

static void limit_is_a_status(void **state)
{
  struct store *store = open_small(16 * 1000, 16 * 10);

  (void)state;
  assert_status(push(store, 2000, &store->roots[0], extend), SLH_E_COLLECT);
  check_list(store, store->roots[0], 2000 - 9, 2000);
  store->roots[0] = SLH_NULL;
  assert_status(push(store, 2000, &store->roots[0], make_room), SLH_E_LIMIT);
  check_list(store, store->roots[0], 2000 - 999, 2000);
  store->roots[0] = SLH_NULL;
  assert_ok(push(store, 1000, &store->roots[0], make_room));
  check_list(store, store->roots[0], 1, 1000);
  store_close(store);
}

/* ---- wild references ---- */

struct wild {
  struct store *store;
  slh_ref ref;
  uint32_t offset;
  bool write;
};

/* As a compiled function would: builds something, then goes wrong. */
static void go_wrong(void *argument)
{
  struct wild *wild = argument;
  slh_heap_data *data = slh_heap_get_data(wild->store->heap);

  REQUIRE_EQUAL(push(wild->store, 100, &wild->store->roots[0], make_room), SLH_OK);
  if (wild->write)
    jit_store(data, &target, wild->ref, wild->offset, 42);
  else
    (void)jit_load(data, &target, wild->ref, wild->offset);
  REQUIRE(!"not stopped");
}

static void wild_references_trap(void **state)
{
  static const uint32_t refs[] = {0, 8, 4092, 0x40000000, 0x80000000, 0xfffffff0, 0xffffffff};
  static const uint32_t offsets[] = {0, 4, SLH_STRUCT_SIZE_MAX - 4, 1024 * 1024 - 1};
  struct store *store = open_small(0, 0);
  slh_trap trap;

  (void)state;
  traps_enable();
  for (int i = 0; i < 7 * 4 * 2; i++) {
    struct wild wild = {store, {refs[i % 7]}, offsets[i / 7 % 4], i >= 28};
    uint64_t at = (uint64_t)wild.ref.bits + wild.offset;

    if (at >= SLH_WIDE_FIRST - 3 && at < 4 * 1024 * 1024)
      continue; /* may be in the heap */
    store->roots[0] = SLH_NULL;
    assert_status(slh_heap_protect(store->heap, go_wrong, &wild, &trap), SLH_E_TRAP);
    assert_ptr_equal(trap.heap, store->heap);
    assert_int_equal(trap.offset, at);
    check_list(store, store->roots[0], 1, 100);
  }
  store_collect(store);
  store_close(store);
}

/* Reads as it likes in its own heap: wrong, but its own affair. */
static void wild_references_inside_read_the_same_heap(void **state)
{
  struct store *store = open_small(0, 0);
  slh_heap_data *data = slh_heap_get_data(store->heap);

  (void)state;
  assert_ok(push(store, 10, &store->roots[0], extend));
  for (uint32_t offset = 0; offset < 16 * 10 - 4; offset++) {
    uint32_t word;

    memcpy(&word, data->base + SLH_WIDE_FIRST + offset, 4);
    assert_int_equal(jit_load(data, &target, (slh_ref){SLH_WIDE_FIRST}, offset), word);
    assert_int_equal(jit_load(data, &target, (slh_ref){SLH_WIDE_FIRST + offset}, 0), word);
  }
  store_close(store);
}

#define TESTS                                                                                      \
  cmocka_unit_test(list_is_what_the_library_reads),                                                \
      cmocka_unit_test(compiled_code_and_collections), cmocka_unit_test(allocates_over_old_bytes), \
      cmocka_unit_test(limit_is_a_status),                                                         \
      cmocka_unit_test_teardown(wild_references_trap, traps_disable),                              \
      cmocka_unit_test(wild_references_inside_read_the_same_heap)

#else

static void no_assembly_for_this_processor(void **state)
{
  (void)state;
  skip();
}

#define TESTS cmocka_unit_test(no_assembly_for_this_processor)

#endif

int main(void)
{
  const struct CMUnitTest tests[] = {TESTS};

  helper_zeal = SLH_ZEAL_NEVER;
  return helper_run(tests, NULL, NULL);
}
