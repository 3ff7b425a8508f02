/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* slh_heap_protect: nesting, and what is left after a trap. */
/* [promise contained] */
#include "tests/traps.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pool/slot.h"

/* ---- protected calls ---- */

static void add_one(void *argument)
{
  ++*(int *)argument;
}

static void call_without_a_trap(void **state)
{
  struct store *store = *state;
  slh_trap trap = {.offset = 7};
  int calls = 0;

  traps_enable();
  assert_ok(slh_heap_protect(store->heap, add_one, &calls, &trap));
  assert_ok(slh_heap_protect(store->heap, add_one, &calls, NULL));
  assert_int_equal(calls, 2);
  assert_int_equal(trap.offset, 7);
}

static void protection_needs_the_handler(void **state)
{
  struct store *store = *state;
  int calls = 0;

  assert_status(slh_heap_protect(store->heap, add_one, &calls, NULL), SLH_E_INVALID);
  assert_int_equal(calls, 0);
  traps_enable();
  assert_ok(slh_heap_protect(store->heap, add_one, &calls, NULL));
  traps_disable(NULL);
  assert_status(slh_heap_protect(store->heap, add_one, &calls, NULL), SLH_E_INVALID);
}

/* Each level calls one level deeper, which traps, and then traps itself. */
struct levels {
  slh_heap *heap[2]; /* of even and odd levels */
  unsigned level, last;
  unsigned reached, trapped;
};

static void descend(void *argument)
{
  struct levels *levels = argument;
  unsigned level = levels->level++;
  struct access access = access_null(levels->heap[level % 2]);

  levels->reached++;
  access.offset = 8 * level;
  if (level < levels->last) {
    slh_heap *inner = levels->heap[(level + 1) % 2];
    slh_trap trap = {0};

    if (slh_heap_protect(inner, descend, levels, &trap) == SLH_E_TRAP && trap.heap == inner &&
        trap.offset == 8 * (uint64_t)(level + 1))
      levels->trapped++;
  }
  access_make(&access);
}

static void nest(slh_heap *even, slh_heap *odd)
{
  struct levels levels = {{even, odd}, 0, 20, 0, 0};

  assert_status(slh_heap_protect(even, descend, &levels, NULL), SLH_E_TRAP);
  assert_int_equal(levels.reached, 21);
  assert_int_equal(levels.trapped, 20);
}

static void protected_calls_nest(void **state)
{
  struct store *store = *state;
  slh_heap *other = helper_acquire(store->pool, store->runtime);

  traps_enable();
  nest(store->heap, store->heap);
  nest(store->heap, other);
  slh_heap_release(other);
}

/* Accesses one heap from inside a protected call on another. */
struct leave {
  struct access access;
  slh_heap *other;
};

static void leave_from_inside(void *argument)
{
  struct leave *leave = argument;

  REQUIRE_EQUAL(slh_heap_protect(leave->other, access_make, &leave->access, NULL), SLH_OK);
  REQUIRE(!"reached");
}

static bool is_protected(slh_heap *heap)
{
  return atomic_load(&((struct slot *)(void *)heap)->protection) != NULL;
}

/* The inner call, on the other heap, is left too: nothing may point at it. */
static void trap_in_the_outer_heap_ends_the_inner_call(void **state)
{
  struct store *store = *state;
  struct leave leave = {access_null(store->heap), helper_acquire(store->pool, store->runtime)};
  bool left;

  traps_enable();
  assert_status(slh_heap_protect(store->heap, leave_from_inside, &leave, NULL), SLH_E_TRAP);
  left = is_protected(leave.other);
  slh_heap_release(leave.other);
  assert_false(left);
  assert_false(is_protected(store->heap));
}

#define WITHIN 3

/* Calls on heaps one within another, the last of which collects. Few bytes of stack each:
 * whoever ended them from outside would write over what they have to put back. */
struct within {
  slh_heap *heaps[WITHIN];
  struct access access;
  unsigned level;
};

static void list_and_trap(void *host, slh_heap *heap, slh_roots *roots)
{
  struct within *within = host;

  (void)heap;
  (void)roots;
  access_make(&within->access);
}

static void collect_innermost(void *argument)
{
  const struct within *within = argument;

  REQUIRE_EQUAL(slh_heap_collect(within->heaps[WITHIN - 1], NULL), SLH_OK);
}

static void go_within(void *argument)
{
  struct within *within = argument;
  slh_heap *heap = within->heaps[within->level++];

  REQUIRE_EQUAL(
      slh_heap_protect(heap, within->level < WITHIN ? go_within : collect_innermost, within, NULL),
      SLH_OK);
  REQUIRE(!"reached");
}

static void calls_within_end_while_they_are_there(void **state)
{
  struct store *store = *state;
  struct within within = {.access = access_null(store->heap)};
  slh_heap_options options = SLH_HEAP_OPTIONS_INIT;
  slh_ref fresh;

  options.runtime = store->runtime;
  options.enumerate_roots = list_and_trap;
  options.host = &within;
  for (int i = 0; i < WITHIN; i++) {
    assert_ok(slh_heap_acquire(store->pool, &options, &within.heaps[i]));
    assert_ok(slh_alloc_struct(within.heaps[i], store->node, &fresh));
  }
  traps_enable();
  for (int round = 0; round < 3; round++) {
    within.level = 0;
    assert_status(slh_heap_protect(store->heap, go_within, &within, NULL), SLH_E_TRAP);
    assert_int_equal(within.level, WITHIN);
    for (int i = 0; i < WITHIN; i++)
      assert_false(is_protected(within.heaps[i]));
  }
  for (int i = 0; i < WITHIN; i++)
    slh_heap_release(within.heaps[i]);
}

/* ---- after a trap ---- */

static void allocate_and_trap(void *argument)
{
  struct store *store = argument;
  struct access access = access_null(store->heap);

  for (int i = 0; i < 10000; i++)
    store->roots[0] = store_node(store, store->roots[0], SLH_NULL, i);
  access_make(&access);
}

static void heap_is_usable_after_a_trap(void **state)
{
  struct store *store = *state;

  traps_enable();
  for (int i = 0; i < 5; i++) {
    store->roots[0] = SLH_NULL;
    assert_status(slh_heap_protect(store->heap, allocate_and_trap, store, NULL), SLH_E_TRAP);
    assert_int_equal(slh_get_i32(store->heap, store->roots[0], HELPER_VALUE), 9999);
    store_collect(store);
    assert_int_equal(store_count(store), 10000);
  }
}

/* Frames that the call opened end with it; those around it go on. */
static void open_frames_and_trap(void *argument)
{
  struct store *store = argument;
  struct access access = access_null(store->heap);

  for (int i = 0; i < 10; i++) {
    slh_frame frame;
    slh_local local;

    REQUIRE_EQUAL(slh_frame_open(store->heap, &frame), SLH_OK);
    for (int j = 0; j < 100; j++)
      REQUIRE_EQUAL(slh_local_new(&frame, slh_i31(j), &local), SLH_OK);
  }
  access_make(&access);
}

static void frames_of_the_call_end_with_it(void **state)
{
  struct store *store = *state;
  slh_frame frame;
  slh_local local;

  traps_enable();
  /* The heap's first frames, and then some within another. */
  assert_status(slh_heap_protect(store->heap, open_frames_and_trap, store, NULL), SLH_E_TRAP);
  assert_int_equal(store_stats(store).local_roots, 0);
  assert_ok(slh_frame_open(store->heap, &frame));
  assert_ok(slh_local_new(&frame, slh_i31(7), &local));
  assert_status(slh_heap_protect(store->heap, open_frames_and_trap, store, NULL), SLH_E_TRAP);
  assert_int_equal(store_stats(store).local_roots, 1);
  assert_int_equal(slh_i31_signed(slh_local_get(store->heap, local)), 7);
  assert_ok(slh_local_new(&frame, slh_i31(8), &local));
  slh_frame_close(&frame);
}

static void reset_and_trap(void *argument)
{
  struct access access = access_null(argument);

  slh_heap_reset(argument);
  access_make(&access);
}

/* Its frames ended with the reset; they do not come back with the trap. */
static void frames_before_a_reset_in_the_call(void **state)
{
  struct store *store = *state;
  slh_frame frame;
  slh_local local;

  traps_enable();
  for (int many = 10; many < 20000; many *= 30) {
    assert_ok(slh_frame_open(store->heap, &frame));
    for (int i = 0; i < many; i++)
      assert_ok(slh_local_new(&frame, slh_i31(i), &local));
    assert_status(slh_heap_protect(store->heap, reset_and_trap, store->heap, NULL), SLH_E_TRAP);
    assert_int_equal(store_stats(store).local_roots, 0);
    store_collect(store);
  }
}

static bool yield_and_trap(void *context)
{
  access_make(context);
  return true;
}

static void collect_and_yield(void *argument)
{
  struct access *access = argument;

  REQUIRE_EQUAL(slh_heap_collect_async(access->heap, NULL, 1, yield_and_trap, access), SLH_OK);
  REQUIRE(!"reached");
}

/* It is under way, and goes on. */
static void collection_is_usable_after_a_trap(void **state)
{
  struct store *store = *state;
  struct access access = access_null(store->heap);
  bool complete = false;

  traps_enable();
  for (int i = 0; i < 100; i++)
    store->roots[0] = store_node(store, store->roots[0], SLH_NULL, i);
  assert_status(slh_heap_protect(store->heap, collect_and_yield, &access, NULL), SLH_E_TRAP);
  assert_true(slh_collection_is_active(store->heap));
  while (!complete)
    assert_ok(slh_collection_step(store->heap, 1, &complete));
  assert_false(slh_collection_is_active(store->heap));
  assert_int_equal(slh_get_i32(store->heap, store->roots[0], HELPER_VALUE), 99);
  assert_int_equal(store_count(store), 100);
}

static void slot_is_reused_after_a_trap(void **state)
{
  struct store *store = *state;

  traps_enable();
  for (int i = 0; i < 5; i++) {
    slh_heap *heap = helper_acquire(store->pool, store->runtime);
    struct access access = access_null(heap);

    access_expect_trap(access);
    slh_heap_release(heap);
    assert_ptr_equal(helper_acquire(store->pool, store->runtime), heap);
    assert_false(is_protected(heap));
    access_expect_trap(access);
    slh_heap_reset(heap);
    access_expect_trap(access);
    slh_heap_release(heap);
  }
}

static void errno_and_mask_survive_a_trap(void **state)
{
  struct store *store = *state;
  struct access access = access_null(store->heap);
  sigset_t mask;

  traps_enable();
  errno = EXDEV;
  access_expect_trap(access);
  assert_int_equal(errno, EXDEV);
  assert_int_equal(pthread_sigmask(SIG_SETMASK, NULL, &mask), 0);
  assert_false(sigismember(&mask, SIGSEGV));
  assert_false(sigismember(&mask, SIGBUS));
}

/* ---- cost ---- */

/* A protected call, trapping or not, needs no system call: the kernel would
 * end this process at the first one. */
static void protect_without_system_calls(void *argument)
{
  struct access trapping = access_null(argument);
  int calls = 0;

  traps_enable_in_child();
  if (prctl(PR_SET_SECCOMP, 1 /* SECCOMP_MODE_STRICT */) != 0)
    abort();
  for (int i = 0; i < 1000; i++) {
    REQUIRE_EQUAL(slh_heap_protect(trapping.heap, add_one, &calls, NULL), SLH_OK);
    REQUIRE_EQUAL(slh_heap_protect(trapping.heap, access_make, &trapping, NULL), SLH_E_TRAP);
  }
  syscall(SYS_exit, calls == 1000 ? 0 : 1);
}

static void no_system_calls(void **state)
{
  struct store *store = *state;
  int status;

  if (HELPER_SANITIZED)
    skip(); /* sanitizers make system calls at each jump */
  status = helper_in_child(protect_without_system_calls, store->heap);
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT)
    skip(); /* no seccomp here: an emulator, or a kernel without it */
  assert_int_equal(status, 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, store_setup, traps_teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(call_without_a_trap),
      TEST(protection_needs_the_handler),
      TEST(protected_calls_nest),
      TEST(trap_in_the_outer_heap_ends_the_inner_call),
      TEST(calls_within_end_while_they_are_there),
      TEST(heap_is_usable_after_a_trap),
      TEST(frames_of_the_call_end_with_it),
      TEST(frames_before_a_reset_in_the_call),
      TEST(collection_is_usable_after_a_trap),
      TEST(slot_is_reused_after_a_trap),
      TEST(errno_and_mask_survive_a_trap),
      TEST(no_system_calls),
  };

  helper_zeal = SLH_ZEAL_NEVER;
  return helper_run(tests, NULL, NULL);
}
