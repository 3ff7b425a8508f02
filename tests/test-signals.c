/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Faults that are not a protected heap's reach whoever was there before.
 * Enabling and disabling is in test-enabling.c. */
#include "tests/traps.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- a host's handler, which repairs what faulted ---- */

static struct {
  int calls;
  int signal;
  int code;
  void *address;
  bool has_context;
  sigset_t mask; /* while it ran */
  char *frame;   /* on which stack */
} seen;

static char *page; /* not accessible at first */
static size_t page_bytes;

static void note(int signal)
{
  if (++seen.calls > 10)
    _exit(4); /* again and again */
  seen.signal = signal;
  seen.frame = __builtin_frame_address(0);
  pthread_sigmask(SIG_SETMASK, NULL, &seen.mask);
  errno = ENOTUNIQ; /* ours restores it, whatever it does */
}

static void repair(int signal)
{
  note(signal);
  mprotect(page, page_bytes, PROT_READ | PROT_WRITE);
}

static void repair_with_information(int signal, siginfo_t *information, void *context)
{
  seen.code = information->si_code;
  seen.address = information->si_addr;
  seen.has_context = context != NULL;
  repair(signal);
}

static sigjmp_buf elsewhere;

static void jump(int signal)
{
  note(signal);
  siglongjmp(elsewhere, 1);
}

/* Has SIGUSR1 and the signal itself blocked. */
static void install(int signal, void (*plain)(int), void (*full)(int, siginfo_t *, void *))
{
  struct sigaction action = {.sa_handler = plain};

  if (full) {
    action.sa_sigaction = full;
    action.sa_flags = SA_SIGINFO;
  }
  sigaddset(&action.sa_mask, SIGUSR1);
  assert_int_equal(sigaction(signal, &action, NULL), 0);
}

static void touch(void *at)
{
  *(volatile char *)at = 1;
  atomic_signal_fence(memory_order_seq_cst); /* handlers have written variables */
}

/* ---- to a handler ---- */

static void check_masks(void)
{
  sigset_t after;

  assert_true(sigismember(&seen.mask, SIGUSR1));
  assert_true(sigismember(&seen.mask, SIGSEGV));
  assert_false(sigismember(&seen.mask, SIGUSR2));
  assert_int_equal(pthread_sigmask(SIG_SETMASK, NULL, &after), 0);
  assert_false(sigismember(&after, SIGUSR1));
  assert_false(sigismember(&after, SIGSEGV));
}

static void handler_with_information_gets_all_of_it(void **state)
{
  (void)state;
  install(SIGSEGV, NULL, repair_with_information);
  traps_enable();
  errno = EXDEV;
  touch(page + 100);
  assert_int_equal(errno, EXDEV);
  assert_int_equal(page[100], 1);
  assert_int_equal(seen.calls, 1);
  assert_int_equal(seen.signal, SIGSEGV);
  assert_int_equal(seen.code, SEGV_ACCERR);
  assert_ptr_equal(seen.address, page + 100);
  assert_true(seen.has_context);
  check_masks();
}

static void plain_handler_gets_the_signal(void **state)
{
  (void)state;
  install(SIGSEGV, repair, NULL);
  traps_enable();
  touch(page);
  assert_int_equal(seen.calls, 1);
  assert_int_equal(seen.signal, SIGSEGV);
  check_masks();
}

/* A handler that asked not to be blocked while it runs is not. */
static void handler_with_nodefer_is_not_blocked(void **state)
{
  struct sigaction action = {.sa_handler = repair, .sa_flags = SA_NODEFER};

  (void)state;
  assert_int_equal(sigaction(SIGSEGV, &action, NULL), 0);
  traps_enable();
  touch(page);
  assert_int_equal(seen.calls, 1);
  assert_false(sigismember(&seen.mask, SIGSEGV));
}

static void sent_signals_reach_the_handler(void **state)
{
  (void)state;
  install(SIGSEGV, NULL, repair_with_information);
  install(SIGBUS, repair, NULL);
  traps_enable();
  assert_int_equal(raise(SIGSEGV), 0);
  assert_int_equal(seen.calls, 1);
  assert_in_range(seen.code + 100, 0, 100); /* 0 or below: it was sent */
  assert_int_equal(raise(SIGBUS), 0);
  assert_int_equal(seen.calls, 2);
  assert_int_equal(seen.signal, SIGBUS);
}

static void bus_error_elsewhere_reaches_its_handler(void **state)
{
  int file = memfd_create("empty", 0);
  char *empty = mmap(NULL, page_bytes, PROT_READ, MAP_SHARED, file, 0);

  (void)state;
  assert_true(empty != MAP_FAILED);
  install(SIGBUS, jump, NULL);
  traps_enable();
  if (sigsetjmp(elsewhere, 1) == 0) {
    (void)*(volatile char *)empty;
    fail();
  }
  assert_int_equal(seen.signal, SIGBUS);
  assert_int_equal(munmap(empty, page_bytes), 0);
  close(file);
}

/* Whether `access`, not protected or not on this thread, gets to `jump`. */
static bool jumps(void (*access)(void *), void *argument)
{
  int before = seen.calls;

  if (sigsetjmp(elsewhere, 1) == 0)
    access(argument);
  return seen.calls == before + 1;
}

static void slots_without_protection_are_elsewhere(void **state)
{
  struct store *store = store_open(NULL);
  slh_heap *other = helper_acquire(store->pool, store->runtime);
  struct access access = access_null(store->heap);

  (void)state;
  install(SIGSEGV, jump, NULL);
  traps_enable();
  assert_true(jumps(access_make, &access));
  access_expect_trap(access);
  assert_true(jumps(access_make, &access));
  slh_heap_release(store->heap);
  assert_true(jumps(access_make, &access));
  store->heap = other;
  store_close(store);
}

/* A heap that this thread has protected is not protected from others. */
struct intruder {
  struct access access;
  bool jumped;
};

static void *intrude(void *argument)
{
  struct intruder *intruder = argument;

  intruder->jumped = jumps(access_make, &intruder->access);
  return NULL;
}

static void let_another_thread_in(void *intruder)
{
  pthread_t thread;

  REQUIRE_EQUAL(pthread_create(&thread, NULL, intrude, intruder), 0);
  REQUIRE_EQUAL(pthread_join(thread, NULL), 0);
}

static void faults_of_other_threads_are_elsewhere(void **state)
{
  struct store *store = store_open(NULL);
  struct intruder intruder = {access_null(store->heap), false};

  (void)state;
  install(SIGSEGV, jump, NULL);
  traps_enable();
  assert_ok(slh_heap_protect(store->heap, let_another_thread_in, &intruder, NULL));
  assert_true(intruder.jumped);
  store_close(store);
}

static void handler_runs_on_the_alternate_stack(void **state)
{
  static char memory[64 * 1024];
  stack_t none = {.ss_flags = SS_DISABLE};
  stack_t stack = {.ss_sp = memory, .ss_size = sizeof memory};

  (void)state;
  install(SIGSEGV, repair, NULL);
  traps_enable();
  assert_int_equal(sigaltstack(&stack, NULL), 0);
  touch(page);
  assert_int_equal(sigaltstack(&none, NULL), 0);
  assert_true(seen.frame > memory && seen.frame < memory + sizeof memory);
}

/* ---- to nobody ---- */

static void touch_enabled(void *at)
{
  traps_enable_in_child();
  touch(at);
}

static void raise_enabled(void *signal)
{
  traps_enable_in_child();
  raise(*(int *)signal);
}

static void touch_ignored(void *at)
{
  signal(SIGSEGV, SIG_IGN);
  touch_enabled(at);
}

static void raise_ignored(void *number)
{
  signal(*(int *)number, SIG_IGN);
  raise_enabled(number);
}

static void assert_killed_by(int status, int signal)
{
  assert_true(WIFSIGNALED(status));
  assert_int_equal(WTERMSIG(status), signal);
}

static void default_action_ends_the_process(void **state)
{
  int signals[] = {SIGSEGV, SIGBUS};

  (void)state;
  assert_killed_by(helper_in_child(touch_enabled, page), SIGSEGV);
  assert_killed_by(helper_in_child(touch_enabled, (void *)16), SIGSEGV);
  assert_killed_by(helper_in_child(touch_enabled, (void *)(UINTPTR_MAX / 2)), SIGSEGV);
  for (int i = 0; i < 2; i++)
    assert_killed_by(helper_in_child(raise_enabled, &signals[i]), signals[i]);
}

/* The kernel ends a process that ignores a fault, but not one that ignores
 * the same signal sent by somebody. */
static void ignored_faults_end_the_process(void **state)
{
  (void)state;
  assert_killed_by(helper_in_child(touch_ignored, page), SIGSEGV);
}

static void ignored_signals_stay_ignored(void **state)
{
  int signals[] = {SIGSEGV, SIGBUS};

  (void)state;
  for (int i = 0; i < 2; i++)
    assert_int_equal(helper_in_child(raise_ignored, &signals[i]), 0);
}

/* ---- fixtures ---- */

static struct sigaction found[2]; /* cmocka's own */

static int setup(void **state)
{
  (void)state;
  memset(&seen, 0, sizeof seen);
  page_bytes = (size_t)sysconf(_SC_PAGESIZE);
  page = mmap(NULL, page_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  sigaction(SIGSEGV, NULL, &found[0]);
  sigaction(SIGBUS, NULL, &found[1]);
  return page == MAP_FAILED ? -1 : 0;
}

static int teardown(void **state)
{
  traps_disable(state);
  sigaction(SIGSEGV, &found[0], NULL);
  sigaction(SIGBUS, &found[1], NULL);
  return munmap(page, page_bytes);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(handler_with_information_gets_all_of_it),
      TEST(plain_handler_gets_the_signal),
      TEST(handler_with_nodefer_is_not_blocked),
      TEST(sent_signals_reach_the_handler),
      TEST(bus_error_elsewhere_reaches_its_handler),
      TEST(slots_without_protection_are_elsewhere),
      TEST(faults_of_other_threads_are_elsewhere),
      TEST(handler_runs_on_the_alternate_stack),
      TEST(default_action_ends_the_process),
      TEST(ignored_faults_end_the_process),
      TEST(ignored_signals_stay_ignored),
  };

  return helper_run(tests, NULL, NULL);
}
