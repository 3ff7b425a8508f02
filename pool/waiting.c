/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "pool/waiting.h"

#include <errno.h>

#include "pool/clock.h"

/* A thread that waits, on its own stack. */
struct waiter {
  pthread_cond_t handed;
  struct slot *slot; /* or NULL */
  struct waiter *next;
};

static struct waiter *join(struct slab *slab, struct waiter *waiter)
{
  struct waiter **link = &slab->first_waiter;

  slhi_condition_open(&waiter->handed);
  while (*link)
    link = &(*link)->next;
  *link = waiter;
  slhi_slab_dismiss(slab);
  return waiter;
}

static void give_up(struct slab *slab, const struct waiter *waiter)
{
  struct waiter **link = &slab->first_waiter;

  while (*link != waiter)
    link = &(*link)->next;
  *link = waiter->next;
  slhi_slab_dismiss(slab);
}

struct slot *slhi_wait(struct slab *slab, uint64_t nanoseconds)
{
  struct timespec deadline = slhi_deadline(nanoseconds);
  struct waiter waiter = {.slot = NULL, .next = NULL};
  int state = slab->cancel_state;
  int failed = 0;

  slhi_slab_assert_locked(slab);
  join(slab, &waiter);
  while (!waiter.slot && failed != ETIMEDOUT)
    failed = pthread_cond_timedwait(&waiter.handed, &slab->lock, &deadline);
  slab->cancel_state = state; /* others had the lock */
  if (!waiter.slot)
    give_up(slab, &waiter);
  pthread_cond_destroy(&waiter.handed);
  return waiter.slot;
}

bool slhi_hand_over(struct slab *slab, struct slot *slot)
{
  struct waiter *waiter = slab->first_waiter;

  if (!waiter)
    return false;
  slhi_slot_set_state(slot, SLOT_TAKEN);
  slab->first_waiter = waiter->next;
  waiter->slot = slot;
  pthread_cond_signal(&waiter->handed);
  slhi_slab_dismiss(slab);
  return true;
}
