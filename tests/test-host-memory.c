/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * The library's own memory: where it comes from, that all of it is returned,
 * and what happens when there is none.
 */
#include "tests/store.h"

#include <stdlib.h>

#include "pool/magazine.h"

#define NEVER UINT64_MAX
#define MAGIC UINT64_C(0x6c6f74686561702e)
#define MANY_ROOTS 20

/* ---- an allocator that counts and fails ---- */

struct hook {
  uint64_t blocks; /* allocated and not released */
  uint64_t bytes;  /* in them */
  uint64_t calls;  /* that could have failed */
  uint64_t fail_from;
  uint64_t fail_until; /* calls [from, until) fail */
  uint64_t failed;
  uint64_t failed_magazines; /* of these; the library goes on without, and asks again */
};

struct block {
  uint64_t magic;
  uint64_t bytes;
};

static void *resize(void *context, void *old, size_t bytes)
{
  struct hook *hook = context;
  struct block *block = old ? (struct block *)old - 1 : NULL, *resized;
  uint64_t call = hook->calls++;

  if (block)
    assert_int_equal(block->magic, MAGIC);
  if (call >= hook->fail_from && call < hook->fail_until) {
    hook->failed++;
    hook->failed_magazines += bytes == sizeof(struct magazine) + alignof(struct magazine);
    return NULL;
  }
  /* Always moves, and what is new is not zero. */
  resized = malloc(sizeof *resized + bytes);
  assert_non_null(resized);
  memset(resized, 0xa5, sizeof *resized + bytes);
  if (block) {
    memcpy(resized + 1, block + 1, bytes < block->bytes ? bytes : block->bytes);
    hook->bytes -= block->bytes;
    block->magic = 0;
    free(block);
  }
  *resized = (struct block){MAGIC, bytes};
  hook->blocks += !old;
  hook->bytes += bytes;
  return resized + 1;
}

static void release(void *context, void *memory)
{
  struct hook *hook = context;
  struct block *block = (struct block *)memory - 1;

  assert_non_null(memory);
  assert_int_equal(block->magic, MAGIC);
  hook->blocks--;
  hook->bytes -= block->bytes;
  block->magic = 0;
  free(block);
}

static void fail_none(struct hook *hook)
{
  hook->fail_from = hook->fail_until = NEVER;
}

static void fail_all(struct hook *hook)
{
  hook->fail_from = hook->calls;
  hook->fail_until = NEVER;
}

static slh_allocator allocator_of(struct hook *hook)
{
  slh_allocator allocator = {resize, release, hook};

  return allocator;
}

/* ---- a program that needs memory at every step ---- */

struct program {
  struct hook hook;
  slh_allocator allocator;
  slh_runtime *runtime;
  slh_pool *pool;
  slh_heap *heap;
  slh_roots *roots;
  const slh_type *node;
  slh_ref listed[MANY_ROOTS]; /* by the callback */
  slh_ref given[MANY_ROOTS];
  uint64_t dropped;
  uint64_t refused; /* calls that said SLH_E_NOMEM */
};

/* A call that can fail once for lack of memory, and then goes well. */
#define TWICE(program, call)                                                                       \
  do {                                                                                             \
    slh_status status_ = (call);                                                                   \
    if (status_ == SLH_E_NOMEM) {                                                                  \
      (program)->refused++;                                                                        \
      status_ = (call);                                                                            \
    }                                                                                              \
    assert_ok(status_);                                                                            \
  } while (0)

static void list_roots(void *host, slh_heap *heap, slh_roots *roots)
{
  struct program *program = host;

  for (uint32_t i = 0; i < MANY_ROOTS; i++)
    (void)slh_roots_add(roots, SLH_ROOT_OTHER, &program->listed[i], 1, NULL);
}

static void open_program(struct program *program, uint64_t fail_at)
{
  slh_runtime_options runtime = SLH_RUNTIME_OPTIONS_INIT;
  slh_pool_options pool = helper_pool_options(1);
  slh_heap_options heap = SLH_HEAP_OPTIONS_INIT;

  memset(program, 0, sizeof *program);
  program->hook.fail_from = fail_at;
  program->hook.fail_until = fail_at == NEVER ? NEVER : fail_at + 1;
  program->allocator = allocator_of(&program->hook);
  runtime.zeal = SLH_ZEAL_NEVER;
  runtime.allocator = pool.allocator = &program->allocator;
  TWICE(program, slh_runtime_new(&runtime, &program->runtime, NULL));
  TWICE(program, slh_pool_new(&pool, &program->pool, NULL));
  heap.runtime = program->runtime;
  heap.max_bytes = 1 << 16;
  heap.initial_bytes = 4096;
  heap.enumerate_roots = list_roots;
  heap.host = program;
  TWICE(program, slh_heap_acquire(program->pool, &heap, &program->heap));
}

static void close_program(struct program *program)
{
  slh_roots_free(program->roots);
  slh_heap_release(program->heap);
  slh_pool_free(program->pool);
  slh_runtime_free(program->runtime);
  assert_int_equal(program->hook.blocks, 0);
  assert_int_equal(program->hook.bytes, 0);
}

/* More than the first table has room for, with references beyond the first
 * map. A type that was refused takes no index. */
static void register_types(struct program *program)
{
  slh_field fields[100];
  uint32_t index = 0;

  for (size_t i = 0; i < 100; i++)
    fields[i] = (slh_field){"field", SLH_REF, 0};
  for (int i = 0; i < 80; i++) {
    const slh_type *type = NULL;

    if (i % 2)
      TWICE(program, slh_struct_type_new(program->runtime, "t", NULL, fields, 100, &type, NULL));
    else
      TWICE(program, slh_array_type_new(program->runtime, NULL, SLH_REF, &type, NULL));
    assert_true(index == 0 || type->index == index + 1);
    index = type->index;
  }
  fields[2].storage = SLH_I32;
  TWICE(program,
        slh_struct_type_new(program->runtime, NULL, NULL, fields, 3, &program->node, NULL));
}

static slh_ref node(struct program *program, int32_t value)
{
  slh_ref ref = SLH_NULL;

  assert_ok(slh_alloc_struct(program->heap, program->node, &ref));
  slh_set_i32(program->heap, ref, HELPER_VALUE, value);
  return ref;
}

static void add_roots(struct program *program)
{
  TWICE(program, slh_roots_new(program->runtime, &program->roots));
  for (int32_t i = 0; i < MANY_ROOTS; i++) {
    (void)node(program, -1);
    program->listed[i] = node(program, i);
    program->given[i] = node(program, 100 + i);
  }
  for (int i = 0; i < MANY_ROOTS; i++) {
    if (slh_roots_add(program->roots, SLH_ROOT_STACK, &program->given[i], 1, NULL) == SLH_OK)
      continue;
    /* The list remembers, until it is cleared. */
    program->refused++;
    assert_status(slh_heap_collect(program->heap, program->roots), SLH_E_NOMEM);
    slh_roots_clear(program->roots);
    i = -1;
  }
}

/* The listed objects lie `stride` bytes apart, from `first` on. */
static void check_roots(struct program *program, uint32_t first, uint32_t stride)
{
  for (int32_t i = 0; i < MANY_ROOTS; i++) {
    assert_int_equal(slh_get_i32(program->heap, program->listed[i], HELPER_VALUE), i);
    assert_int_equal(slh_get_i32(program->heap, program->given[i], HELPER_VALUE), 100 + i);
    assert_int_equal(program->listed[i].bits, first + stride * (uint32_t)i);
  }
}

/* A collection that cannot list its roots moves nothing. */
static void collect(struct program *program)
{
  slh_heap_data before = *slh_heap_get_data(program->heap);

  check_roots(program, SLH_WIDE_FIRST + 16, 48);
  if (slh_heap_collect(program->heap, program->roots) != SLH_OK) {
    program->refused++;
    assert_memory_equal(slh_heap_get_data(program->heap), &before, sizeof before);
    check_roots(program, SLH_WIDE_FIRST + 16, 48);
    assert_ok(slh_heap_collect(program->heap, program->roots));
  }
  check_roots(program, SLH_WIDE_FIRST, 16);
  TWICE(program, slh_heap_verify(program->heap, program->roots, NULL));
}

static void count_drop(void *data)
{
  struct program *program = data;

  program->dropped++;
}

static void use_tables(struct program *program)
{
  slh_frame frame;
  slh_local local;
  slh_owned owned;
  slh_ref externref = SLH_NULL;
  uint32_t function = 0;

  TWICE(program, slh_frame_open(program->heap, &frame));
  for (int i = 0; i < 100; i++) {
    TWICE(program, slh_alloc_externref(program->heap, program, count_drop, &externref));
    TWICE(program, slh_local_new(&frame, externref, &local));
    TWICE(program, slh_owned_new(program->heap, externref, &owned));
    TWICE(program, slh_funcref_intern(program->heap, (char *)program + i, &function));
    assert_int_equal(function, i + 1);
  }
  TWICE(program, slh_heap_collect(program->heap, program->roots));
  assert_int_equal(program->dropped, 0);
  slh_frame_close(&frame);
}

static void run(struct program *program, uint64_t fail_at)
{
  open_program(program, fail_at);
  register_types(program);
  add_roots(program);
  collect(program);
  use_tables(program);
  slh_heap_reset(program->heap);
  memset(program->listed, 0, sizeof program->listed);
  assert_int_equal(program->dropped, 100);
  close_program(program);
}

/* ---- tests ---- */

static void all_memory_is_returned(void **state)
{
  struct program program;

  run(&program, NEVER);
  assert_int_equal(program.hook.failed, 0);
  assert_true(program.hook.calls > 100);
}

/* The k-th request fails, for every k: the call says so, and goes well when it
 * is tried again. */
static void every_request_can_fail_once(void **state)
{
  struct program program;
  uint64_t k = 0, magazines = 0;

  do {
    run(&program, k++);
#ifndef SLH_DEBUG /* where a check that has no memory is left out */
    assert_int_equal(program.refused + program.hook.failed_magazines, program.hook.failed);
#endif
    magazines += program.hook.failed_magazines;
    assert_true(program.refused <= program.hook.failed);
  } while (program.hook.failed != 0);
  assert_true(k > 100);
  assert_int_equal(magazines, 2); /* of heaps' slots, and of evacuation spaces */
}

static void runtime_without_memory_is_refused(void **state)
{
  struct hook hook = {0};
  slh_allocator allocator = allocator_of(&hook);
  slh_runtime_options options = SLH_RUNTIME_OPTIONS_INIT;
  slh_runtime *runtime = NULL;
  slh_error error = {0};

  options.allocator = &allocator;
  fail_all(&hook);
  assert_status(slh_runtime_new(&options, &runtime, &error), SLH_E_NOMEM);
  assert_int_equal(error.status, SLH_E_NOMEM);
  assert_null(runtime);
  assert_int_equal(hook.blocks, 0);
}

static void types_without_memory_are_refused(void **state)
{
  struct program program;
  const slh_type *type = NULL;
  const slh_field field = {"f", SLH_REF, 0};
  slh_error error = {0};

  open_program(&program, NEVER);
  fail_all(&program.hook);
  assert_status(slh_struct_type_new(program.runtime, "s", NULL, &field, 1, &type, &error),
                SLH_E_NOMEM);
  assert_non_null(strstr(error.message, "memory"));
  assert_status(slh_array_type_new(program.runtime, "a", SLH_I8, &type, &error), SLH_E_NOMEM);
  assert_null(type);
  fail_none(&program.hook);
  assert_ok(slh_array_type_new(program.runtime, "a", SLH_I8, &type, &error));
  close_program(&program);
}

/* Without memory to list the roots there is no collection: the heap grows
 * while it can, and then says why not. */
static void allocation_without_host_memory_grows_the_heap(void **state)
{
  struct program program;
  slh_ref ref = SLH_NULL;

  open_program(&program, NEVER);
  register_types(&program);
  fail_all(&program.hook);
  for (int i = 0; i < (1 << 16) / 16; i++)
    assert_ok(slh_new_struct(program.heap, program.node, &ref));
  assert_status(slh_new_struct(program.heap, program.node, &ref), SLH_E_NOMEM);
  assert_status(slh_heap_collect(program.heap, NULL), SLH_E_NOMEM);
  assert_status(slh_heap_verify(program.heap, NULL, NULL), SLH_E_NOMEM);
  assert_int_equal(slh_heap_end(program.heap), SLH_WIDE_FIRST + (1 << 16));
  fail_none(&program.hook);
  assert_ok(slh_new_struct(program.heap, program.node, &ref));
  assert_int_equal(slh_heap_end(program.heap), SLH_WIDE_FIRST + 16);
  close_program(&program);
}

static void half_an_allocator_is_refused(void **state)
{
  const slh_allocator halves[] = {{resize, NULL, NULL}, {NULL, release, NULL}};
  slh_runtime_options options = SLH_RUNTIME_OPTIONS_INIT;

  (void)state;
  for (int i = 0; i < 2; i++) {
    slh_pool_options pool_options = helper_pool_options(1);
    slh_runtime *runtime = NULL;
    slh_pool *pool = NULL;
    slh_error error = {0};

    options.allocator = pool_options.allocator = &halves[i];
    assert_status(slh_runtime_new(&options, &runtime, &error), SLH_E_INVALID);
    assert_string_equal(error.message, "an allocator needs both resize and release");
    assert_status(slh_pool_new(&pool_options, &pool, &error), SLH_E_INVALID);
  }
}

static void default_allocator_allocates(void **state)
{
  slh_allocator allocator = slh_default_allocator();
  char *memory = allocator.resize(allocator.context, NULL, 10);

  assert_non_null(memory);
  strcpy(memory, "123456789");
  memory = allocator.resize(allocator.context, memory, 100000);
  assert_non_null(memory);
  assert_string_equal(memory, "123456789");
  memset(memory, 1, 100000);
  allocator.release(allocator.context, memory);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(all_memory_is_returned),
      cmocka_unit_test(every_request_can_fail_once),
      cmocka_unit_test(runtime_without_memory_is_refused),
      cmocka_unit_test(types_without_memory_are_refused),
      cmocka_unit_test(allocation_without_host_memory_grows_the_heap),
      cmocka_unit_test(half_an_allocator_is_refused),
      cmocka_unit_test(default_allocator_allocates),
  };

  return helper_run(tests, NULL, NULL);
}
