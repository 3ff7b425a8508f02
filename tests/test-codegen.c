/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * What slh_codegen says is enough to compile by: random programs, run by code that knows
 * nothing else of heaps, with each collector in both kinds of pools.
 */
#include "tests/collectors.h"
#include "tests/store.h"
#include "tests/traps.h"

#define NODES 32
#define ELEMENTS 300 /* more than are remembered as a whole */
#define STEPS 20000

/* Node `i` is in register `i`, with a number of its own. What it refers to has a number
 * as well; 0: it is null. */
struct program {
  slh_codegen code;
  slh_runtime *runtime;
  slh_pool *pool;
  slh_heap *heap;
  const slh_type *node;     /* {ref, ref, i32} */
  const slh_type *array;    /* of references */
  slh_ref nodes[NODES + 1]; /* the last one is the array */
  uint32_t number[NODES];
  uint32_t child[NODES][2];
  uint32_t element[ELEMENTS];
  uint32_t numbers; /* given so far */
  uint64_t random;
};

/* ---- emitted code ---- */

static uint64_t get_field(const struct program *p, slh_codegen_field field)
{
  uint64_t wide = 0;
  uint32_t narrow = 0;
  const char *at = (const char *)p->heap + field.at;

  if (field.bytes == 8)
    memcpy(&wide, at, 8);
  else
    memcpy(&narrow, at, 4);
  return wide + narrow;
}

static void set_field(struct program *p, slh_codegen_field field, uint64_t value)
{
  assert_int_equal(field.bytes, 8);
  memcpy((char *)p->heap + field.at, &value, 8);
}

/* Where a word is, `offset` bytes from where a reference leads. */
static uint32_t *word(const struct program *p, slh_ref ref, uint32_t offset)
{
  char *base = (char *)(uintptr_t)get_field(p, p->code.base);
  uint64_t at = ref.bits + (uint64_t)offset;

  if (p->code.address == SLH_CODEGEN_MASKED)
    at = (uint32_t)at & get_field(p, p->code.mask) & ~UINT64_C(3);
  return (uint32_t *)(void *)(base + at);
}

/* An object of which nothing is written but the header. */
static slh_ref allocate(struct program *p, const slh_type *type, uint64_t bytes)
{
  slh_ref ref;
  uint64_t at;

  assert_true(bytes <= p->code.inline_bytes_max && bytes % p->code.object_align == 0);
  for (;;) {
    at = get_field(p, p->code.bump);
    if (at + bytes <= get_field(p, p->code.limit))
      break;
    assert_ok(slh_heap_make_room(p->heap, bytes));
  }
  set_field(p, p->code.bump, at + bytes);
  ref.bits = (uint32_t)at;
  *word(p, ref, 0) = type->header;
  return ref;
}

/* `value` was written into `object`, an array if `elements` is not 0. */
static void remember(struct program *p, slh_ref object, uint32_t elements, uint32_t index,
                     slh_ref value)
{
  uint64_t young = get_field(p, p->code.young);
  uint64_t next = get_field(p, p->code.remembered);

  if (object.bits >= young || value.bits < young || (value.bits & p->code.i31_tag) != 0)
    return;
  if (elements > p->code.remembered_whole) {
    slh_remember_element(p->heap, object, index);
  } else if ((*word(p, object, 0) & p->code.header_logged) == 0) {
    if (next == get_field(p, p->code.remembered_end)) {
      slh_remember_object(p->heap, object);
    } else {
      *word(p, object, 0) |= p->code.header_logged;
      *(uint32_t *)(uintptr_t)next = object.bits;
      set_field(p, p->code.remembered, next + sizeof object.bits);
    }
  }
}

static void set_ref(struct program *p, slh_ref object, uint32_t offset, uint32_t elements,
                    slh_ref value)
{
  uint32_t index = (offset - p->code.array_data_at) / p->code.reference_bytes;

  if (p->code.barrier == SLH_CODEGEN_COUNT) {
    slh_counted_set(p->heap, object, object.bits + (uint64_t)offset, value);
    return;
  }
  *word(p, object, offset) = value.bits;
  if (p->code.barrier == SLH_CODEGEN_REMEMBER)
    remember(p, object, elements, index, value);
}

/* ---- programs ---- */

static void list_roots(void *host, slh_heap *heap, slh_roots *roots)
{
  struct program *p = host;

  assert_ptr_equal(heap, p->heap);
  (void)slh_roots_add(roots, SLH_ROOT_STACK, p->nodes, NODES + 1, "registers");
}

static void make_array(struct program *p)
{
  slh_ref array = allocate(p, p->array, slh_array_size(p->array, ELEMENTS));

  *word(p, array, p->code.array_length_at) = ELEMENTS;
  for (uint32_t i = 0; i < ELEMENTS; i++) {
    uint32_t from = i % NODES;

    *word(p, array, p->code.array_data_at + i * p->code.reference_bytes) = p->nodes[from].bits;
    p->element[i] = p->number[from];
  }
  p->nodes[NODES] = array;
}

static void make_node(struct program *p, uint32_t i)
{
  slh_ref node = allocate(p, p->node, p->node->size);
  uint32_t left = (uint32_t)helper_below(&p->random, NODES);

  *word(p, node, HELPER_LEFT) = p->nodes[left].bits;
  *word(p, node, HELPER_RIGHT) = p->code.null_bits;
  *word(p, node, HELPER_VALUE) = ++p->numbers;
  p->child[i][0] = p->number[left];
  p->child[i][1] = 0;
  p->number[i] = p->numbers;
  p->nodes[i] = node;
}

static void check_child(const struct program *p, uint32_t bits, uint32_t number)
{
  slh_ref child = {bits};

  assert_int_equal(bits == p->code.null_bits, number == 0);
  if (number == 0)
    return;
  assert_int_equal(*word(p, child, 0) & ~p->code.header_state, p->node->header);
  assert_int_equal(*word(p, child, HELPER_VALUE), number);
}

static void check(const struct program *p)
{
  slh_error error;

  for (uint32_t i = 0; i < NODES; i++) {
    check_child(p, p->nodes[i].bits, p->number[i]);
    check_child(p, *word(p, p->nodes[i], HELPER_LEFT), p->child[i][0]);
    check_child(p, *word(p, p->nodes[i], HELPER_RIGHT), p->child[i][1]);
  }
  for (uint32_t i = 0; i < ELEMENTS; i++)
    check_child(p, *word(p, p->nodes[NODES], p->code.array_data_at + 4 * i), p->element[i]);
  if (slh_heap_verify(p->heap, NULL, &error) != SLH_OK)
    fail_msg("%s", error.message);
}

static void step(struct program *p)
{
  uint32_t i = (uint32_t)helper_below(&p->random, NODES);
  uint32_t from = (uint32_t)helper_below(&p->random, NODES);
  uint32_t at = (uint32_t)helper_below(&p->random, ELEMENTS);
  bool right = helper_one_in(&p->random, 2);

  switch (helper_below(&p->random, 4)) {
  case 0:
    make_node(p, i);
    break;
  case 1:
    set_ref(p, p->nodes[i], right ? HELPER_RIGHT : HELPER_LEFT, 0, p->nodes[from]);
    p->child[i][right] = p->number[from];
    break;
  case 2:
    set_ref(p, p->nodes[i], right ? HELPER_RIGHT : HELPER_LEFT, 0, SLH_NULL);
    p->child[i][right] = 0;
    break;
  default:
    set_ref(p, p->nodes[NODES], p->code.array_data_at + at * p->code.reference_bytes, ELEMENTS,
            p->nodes[from]);
    p->element[at] = p->number[from];
  }
}

static void program_open(struct program *p, slh_collector collector, slh_pool_kind kind)
{
  slh_runtime_options runtime = SLH_RUNTIME_OPTIONS_INIT;
  slh_pool_options pool = helper_pool_options(2);
  slh_heap_options heap = SLH_HEAP_OPTIONS_INIT;

  *p = (struct program){.random = helper_seed()};
  assert_ok(slh_codegen_describe(collector, kind, &p->code));
  runtime.collector = collector;
  pool.kind = kind;
  if (kind == SLH_POOL_DENSE)
    pool.slot_bytes = 512;
  pool.max_heap_bytes = 1 << 20;
  p->runtime = helper_runtime(&runtime);
  p->pool = helper_pool(&pool);
  p->node = helper_node_type(p->runtime);
  p->array = helper_array_type(p->runtime, SLH_REF);
  heap.runtime = p->runtime;
  heap.initial_bytes = 4096;
  heap.enumerate_roots = list_roots;
  heap.host = p;
  assert_ok(slh_heap_acquire(p->pool, &heap, &p->heap));
  for (uint32_t i = 0; i < NODES; i++)
    make_node(p, i);
  make_array(p);
}

static void program_close(struct program *p)
{
  slh_heap_release(p->heap);
  slh_pool_free(p->pool);
  slh_runtime_free(p->runtime);
}

static void run(slh_collector collector, slh_pool_kind kind)
{
  uint64_t rounds = helper_rounds(STEPS);
  struct program program, *p = &program;
  slh_heap_stats stats;

  program_open(p, collector, kind);
  for (uint64_t i = 0; i < rounds; i++) {
    step(p);
    if (p->code.collects && helper_one_in(&p->random, 2000)) {
      assert_ok(slh_heap_collect(p->heap, NULL));
      make_array(p);
    }
    if (i % 500 == 0)
      check(p);
  }
  check(p);
  slh_heap_get_stats(p->heap, &stats);
  assert_true(stats.collections >= (p->code.collects && rounds >= STEPS ? 1 : 0));
  program_close(p);
}

static void programs(void **state)
{
  (void)state;
  for (int i = 0; i < COLLECTORS; i++) {
    run((slh_collector)i, SLH_POOL_WIDE);
    run((slh_collector)i, SLH_POOL_DENSE);
  }
}

/* ---- what is said besides ---- */

static void what_collectors_do(void **state)
{
  (void)state;
  for (int i = 0; i < COLLECTORS; i++) {
    slh_codegen code;

    assert_ok(slh_codegen_describe((slh_collector)i, SLH_POOL_WIDE, &code));
    assert_int_equal(code.collects, collectors_have((slh_collector)i, COLLECTORS_COLLECT));
    assert_int_equal(code.moves, collectors_have((slh_collector)i, COLLECTORS_MOVE));
    assert_int_equal(code.barrier == SLH_CODEGEN_REMEMBER,
                     collectors_have((slh_collector)i, COLLECTORS_HAVE_YOUNG));
    assert_int_equal(code.counts_roots, code.barrier == SLH_CODEGEN_COUNT);
    assert_int_equal(code.barrier == SLH_CODEGEN_COUNT, i == SLH_COLLECTOR_DRC);
    assert_int_equal(code.barrier == SLH_CODEGEN_NO_BARRIER,
                     i == SLH_COLLECTOR_NULL || i == SLH_COLLECTOR_COPYING);
  }
}

static void objects_are_as_described(void **state)
{
  struct store *store = *state;
  slh_field payload = {NULL, SLH_I64, 0};
  const slh_type *type;
  slh_codegen code;
  slh_ref exception, array = store_array(store, store->bytes, 5);
  const char *base = slh_heap_get_data(store->heap)->base;
  uint32_t instance, index;

  assert_ok(slh_codegen_describe(slh_heap_collector(store->heap), SLH_POOL_WIDE, &code));
  assert_ok(slh_exn_type_new(store->runtime, NULL, &payload, 1, &type, NULL));
  assert_ok(slh_alloc_struct(store->heap, type, &exception));
  memcpy((char *)slh_heap_get_data(store->heap)->base + exception.bits + code.exn_tag_instance_at,
         &(uint32_t){11}, 4);
  memcpy((char *)slh_heap_get_data(store->heap)->base + exception.bits + code.exn_tag_index_at,
         &(uint32_t){22}, 4);
  assert_ok(slh_exn_tag(store->heap, exception, &instance, &index));
  assert_int_equal(instance, 11);
  assert_int_equal(index, 22);
  assert_int_equal(*(const uint32_t *)(const void *)(base + array.bits + code.array_length_at), 5);
  assert_int_equal(type->header >> code.header_index_shift, type->index);
  assert_int_equal(slh_i31(7).bits, UINT32_C(7) << code.i31_shift | code.i31_tag);
  assert_int_equal(SLH_NULL.bits, code.null_bits);
}

struct load {
  const struct program *program;
  slh_ref ref;
  uint32_t offset;
};

static void load(void *argument)
{
  const struct load *load = argument;

  (void)*(volatile uint32_t *)word(load->program, load->ref, load->offset);
}

static void faults_are_as_described(void **state)
{
  struct program program, *p = &program;
  struct load null = {p, SLH_NULL, 0}, far = {p, {UINT32_MAX - 3}, 0};

  (void)state;
  traps_enable();
  program_open(p, SLH_COLLECTOR_COPYING, SLH_POOL_WIDE);
  null.offset = p->code.null_faults_below - 4;
  far.offset = p->code.offsets_below - 4;
  assert_status(slh_heap_protect(p->heap, load, &null, NULL), SLH_E_TRAP);
  assert_status(slh_heap_protect(p->heap, load, &far, NULL), SLH_E_TRAP);
  null.offset += 4; /* where the first object is */
  assert_ok(slh_heap_protect(p->heap, load, &null, NULL));
  program_close(p);
  program_open(p, SLH_COLLECTOR_COPYING, SLH_POOL_DENSE);
  assert_int_equal(p->code.null_faults_below, 0);
  assert_int_equal(p->code.offsets_below, UINT32_MAX);
  far.offset = p->code.offsets_below - 1;
  assert_ok(slh_heap_protect(p->heap, load, &far, NULL));
  program_close(p);
}

static void what_there_is_not(void **state)
{
  slh_codegen code = {.null_bits = 77};

  (void)state;
  assert_status(slh_codegen_describe((slh_collector)COLLECTORS, SLH_POOL_WIDE, &code),
                SLH_E_INVALID);
  assert_status(slh_codegen_describe(SLH_COLLECTOR_DRC, (slh_pool_kind)2, &code), SLH_E_INVALID);
  assert_int_equal(code.null_bits, 77);
}

static void hosts_of_other_versions(void **state)
{
  struct {
    slh_codegen code;
    uint64_t later;
  } all, some;
  size_t few = offsetof(slh_codegen, base);

  (void)state;
  memset(&all, 0xff, sizeof all);
  memset(&some, 0xff, sizeof some);
  assert_ok(slh_codegen_describe_sized(SLH_COLLECTOR_DRC, SLH_POOL_DENSE, &all.code, sizeof all));
  assert_int_equal(all.later, 0);
  assert_ok(slh_codegen_describe_sized(SLH_COLLECTOR_DRC, SLH_POOL_DENSE, &some.code, few));
  assert_memory_equal(&some, &all, few);
  for (size_t i = few; i < sizeof some; i++)
    assert_int_equal(((unsigned char *)&some)[i], 0xff);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(programs),
      cmocka_unit_test(what_collectors_do),
      cmocka_unit_test_setup_teardown(objects_are_as_described, store_setup, store_teardown),
      cmocka_unit_test_teardown(faults_are_as_described, traps_disable),
      cmocka_unit_test(what_there_is_not),
      cmocka_unit_test(hosts_of_other_versions),
  };

  helper_zeal = SLH_ZEAL_NEVER;
  return helper_run(tests, NULL, NULL);
}
