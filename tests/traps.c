/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Traps beside cmocka's signal handlers, and accesses that may fault. */
#include "tests/traps.h"

#include <signal.h>

static const int signals[] = {SIGSEGV, SIGBUS};

static bool enabled;
static struct sigaction ours[2]; /* the library's, while enabled */

static void exchange(const struct sigaction *to, struct sigaction *from)
{
  for (int i = 0; i < 2; i++)
    REQUIRE_EQUAL(sigaction(signals[i], to ? &to[i] : NULL, from ? &from[i] : NULL), 0);
}

void traps_enable(void)
{
  assert_ok(slh_traps_enable(NULL));
  exchange(NULL, ours);
  enabled = true;
}

int traps_disable(void **state)
{
  (void)state;
  if (enabled) {
    /* Back over cmocka's, so that the library finds what it left. */
    exchange(ours, NULL);
    slh_traps_disable();
  }
  enabled = false;
  return 0;
}

int traps_teardown(void **state)
{
  return store_teardown(state) || traps_disable(state);
}

void traps_enable_in_child(void)
{
  struct sigaction before[2];

  exchange(NULL, before);
  traps_disable(NULL);
  exchange(before, NULL);
  REQUIRE_EQUAL(slh_traps_enable(NULL), SLH_OK);
}

void access_make(void *argument)
{
  struct access *access = argument;

  if (access->write)
    slh_set_u8(access->heap, access->ref, access->offset, access->value);
  else
    *(volatile uint8_t *)&access->value = slh_get_u8(access->heap, access->ref, access->offset);
}

struct access access_null(slh_heap *heap)
{
  struct access access = {.heap = heap, .ref = SLH_NULL, .offset = 8};

  return access;
}

uint64_t access_target(const struct access *access)
{
  return (uint64_t)access->ref.bits + access->offset;
}

void access_expect_trap(struct access access)
{
  slh_trap trap = {0};

  assert_status(slh_heap_protect(access.heap, access_make, &access, &trap), SLH_E_TRAP);
  assert_ptr_equal(trap.heap, access.heap);
  assert_int_equal(trap.offset, access_target(&access));
  assert_ptr_equal(trap.address, slh_heap_get_data(access.heap)->base + access_target(&access));
  assert_int_equal(trap.signal, SIGSEGV);
}
