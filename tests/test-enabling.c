/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Enabling and disabling traps, over and under the handlers of others. */
#include "tests/traps.h"

#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

static char *page; /* not accessible, until `repair` */
static size_t page_bytes;
static volatile int repairs;

static void repair(int signal)
{
  (void)signal;
  repairs = repairs + 1;
  if (repairs > 10)
    _exit(4); /* again and again */
  mprotect(page, page_bytes, PROT_READ | PROT_WRITE);
}

static void ignore(int signal)
{
  (void)signal;
}

static void touch(void *at)
{
  *(volatile char *)at = 1;
}

static bool is_current(int signal, void (*plain)(int))
{
  struct sigaction action;

  REQUIRE_EQUAL(sigaction(signal, NULL, &action), 0);
  return action.sa_handler == plain;
}

static void disable_restores(void **state)
{
  (void)state;
  signal(SIGSEGV, repair);
  signal(SIGBUS, ignore);
  traps_enable();
  assert_false(is_current(SIGSEGV, repair) || is_current(SIGBUS, ignore));
  assert_ok(slh_traps_enable(NULL));
  slh_traps_disable();
  assert_false(is_current(SIGSEGV, repair) || is_current(SIGBUS, ignore));
  traps_disable(NULL);
  assert_true(is_current(SIGSEGV, repair) && is_current(SIGBUS, ignore));
}

/* Another library, which passes on what it does not know. */
static struct sigaction before_other;
static volatile int other_calls;

static void other(int signal, siginfo_t *information, void *context)
{
  other_calls = other_calls + 1;
  if (other_calls > 3)
    _exit(3); /* in a circle */
  before_other.sa_sigaction(signal, information, context);
}

static void install_other(void)
{
  struct sigaction action = {.sa_sigaction = other, .sa_flags = SA_SIGINFO | SA_NODEFER};

  other_calls = 0;
  REQUIRE_EQUAL(sigaction(SIGSEGV, &action, &before_other), 0);
}

static void fault_through_another(void *heap)
{
  struct access access = access_null(heap);

  signal(SIGSEGV, repair);
  traps_enable_in_child();
  install_other();
  REQUIRE_EQUAL(slh_heap_protect(heap, access_make, &access, NULL), SLH_E_TRAP);
  REQUIRE_EQUAL(other_calls, 1);
  touch(page);
  REQUIRE_EQUAL(other_calls, 2);
  REQUIRE_EQUAL(repairs, 1);
  slh_traps_disable();
  REQUIRE(is_current(SIGSEGV, (void (*)(int))(uintptr_t)other));
  REQUIRE_EQUAL(mprotect(page, page_bytes, PROT_NONE), 0);
  touch(page);
  REQUIRE_EQUAL(other_calls, 3);
  REQUIRE_EQUAL(repairs, 2);
}

static void handler_installed_later_passes_on(void **state)
{
  struct store *store = store_open(NULL);

  (void)state;
  assert_int_equal(helper_in_child(fault_through_another, store->heap), 0);
  store_close(store);
}

/* Enabled again while ours is still reachable through the other. */
static void enable_behind_another(void *at)
{
  signal(SIGSEGV, repair);
  traps_enable_in_child();
  install_other();
  slh_traps_disable();
  REQUIRE_EQUAL(slh_traps_enable(NULL), SLH_OK);
  touch(at);
}

/* The other has gone, and left ours where it found it. */
static void enable_over_ours(void *at)
{
  signal(SIGSEGV, repair);
  traps_enable_in_child();
  install_other();
  slh_traps_disable();
  REQUIRE_EQUAL(sigaction(SIGSEGV, &before_other, NULL), 0);
  REQUIRE_EQUAL(slh_traps_enable(NULL), SLH_OK);
  touch(at);
}

static void enabling_again_makes_no_circle(void **state)
{
  (void)state;
  assert_int_equal(helper_in_child(enable_behind_another, page), 0);
  assert_int_equal(helper_in_child(enable_over_ours, page), 0);
}

/* The other does not pass on: only installing ours anew has it called. */
static void enable_after_being_replaced(void *heap)
{
  struct access access = access_null(heap);

  traps_enable_in_child();
  signal(SIGSEGV, repair);
  slh_traps_disable();
  REQUIRE_EQUAL(slh_traps_enable(NULL), SLH_OK);
  REQUIRE_EQUAL(slh_heap_protect(heap, access_make, &access, NULL), SLH_E_TRAP);
  touch(page);
  REQUIRE_EQUAL(repairs, 1);
}

static void enabling_again_installs_again(void **state)
{
  struct store *store = store_open(NULL);

  (void)state;
  assert_int_equal(helper_in_child(enable_after_being_replaced, store->heap), 0);
  store_close(store);
}

/* ---- fixtures ---- */

static int setup(void **state)
{
  (void)state;
  repairs = 0;
  page_bytes = (size_t)sysconf(_SC_PAGESIZE);
  page = mmap(NULL, page_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return page == MAP_FAILED ? -1 : 0;
}

static int teardown(void **state)
{
  traps_disable(state);
  return munmap(page, page_bytes);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(disable_restores),
      TEST(handler_installed_later_passes_on),
      TEST(enabling_again_makes_no_circle),
      TEST(enabling_again_installs_again),
  };

  return helper_run(tests, NULL, NULL);
}
