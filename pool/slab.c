/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "pool/slab.h"

#include <sched.h>

#include "pool/error.h"
#include "pool/magazine.h"
#include "pool/os.h"
#include "pool/pool.h"
#include "pool/residency.h"
#include "pool/waiting.h"

/* Slots that go from shards into a magazine, or back, at a time. */
#define BATCH (SLHI_MAGAZINE_SLOTS / 2)

/* ---- opening and closing ---- */

static size_t record_bytes(const struct slab *slab)
{
  uint64_t each = sizeof(struct slot) + (slab->fronted ? sizeof(struct front) : 0);

  return slhi_round_up(slab->count * each, slab->page);
}

slh_status slhi_slab_open(struct slab *slab, slh_error *error)
{
  static _Atomic uint64_t ids;
  void *records;
  int failed = slhi_threads_watch();
  slh_status status;

  if (failed)
    return slhi_error_errno(error, SLH_E_NOMEM, failed, "watching for the end of threads");
  failed = slhi_os_map(record_bytes(slab), &records);
  if (failed)
    return slhi_error_errno(error, SLH_E_NOMEM, failed, "mapping the records of %u slots",
                            (unsigned)slab->count);
  status = slhi_decommit_open(&slab->decommit, slab->wish, error);
  if (status != SLH_OK) {
    slhi_os_unmap(records, record_bytes(slab));
    return status;
  }
  slab->decommit.pool = slab->pool;
  slab->slots = records;
  if (slab->fronted)
    slab->fronts = (struct front *)(void *)(slab->slots + slab->count);
  slab->id = atomic_fetch_add_explicit(&ids, 1, memory_order_relaxed) + 1;
  pthread_mutex_init(&slab->lock, NULL);
  return SLH_OK;
}

void slhi_slab_close(struct slab *slab)
{
  for (uint32_t i = slhi_slab_touched(slab); i-- > 0;)
    slhi_slot_free_all(&slab->slots[i]);
  slhi_magazines_free(slab);
  slhi_decommit_close(&slab->decommit);
  pthread_mutex_destroy(&slab->lock);
  slhi_os_unmap(slab->slots, record_bytes(slab));
}

/* ---- slots for all threads ---- */

/* One that was never taken. */
static struct slot *take_fresh(struct slab *slab)
{
  uint32_t number = atomic_load_explicit(&slab->fresh, memory_order_relaxed);
  struct slot *slot;

  do {
    if (number == slab->count)
      return NULL;
  } while (!atomic_compare_exchange_weak_explicit(&slab->fresh, &number, number + 1,
                                                  memory_order_relaxed, memory_order_relaxed));
  slot = &slab->slots[number];
  slot->slab = slab;
  return slot;
}

static struct slot *take_shared(struct slab *slab, uint32_t home)
{
  struct slot *slot = slhi_shards_take(slab, home);

  return slot ? slot : take_fresh(slab);
}

/* ---- a thread in its magazine ---- */

/* Without a tag, one without a front: that would have to be dropped. */
static inline bool is_wanted(const struct slot *slot, uint32_t tag)
{
  return tag != 0 ? slot->tag == tag : !slot->has_front;
}

/* The slot put last, of those that are wanted if there is one. */
static inline struct slot *unload(struct slab *slab, struct magazine *magazine, uint32_t tag)
{
  uint32_t *slots = magazine->slots;
  uint32_t last = magazine->count - 1;
  uint32_t at = last;
  uint32_t number;

  if (magazine->count == 0)
    return NULL;
  while (at > 0 && !is_wanted(&slab->slots[slots[at]], tag))
    at--;
  if (!is_wanted(&slab->slots[slots[at]], tag))
    at = last;
  number = slots[at];
  for (; at < last; at++)
    slots[at] = slots[at + 1];
  slhi_magazine_set_count(magazine, last);
  return &slab->slots[number];
}

/* One from the shards, and some more into the magazine. */
static struct slot *refill(struct slab *slab, struct magazine *magazine)
{
  struct slot *some[BATCH];
  uint32_t count = slhi_shard_take_hot(slab, magazine->home, some, BATCH);

  magazine->low = 0;
  if (count == 0)
    return take_shared(slab, magazine->home);
  /* The one put last is taken first. */
  for (uint32_t i = count; i-- > 1;)
    slhi_magazine_load(slab, magazine, some[i]);
  return some[0];
}

/* The `count` slots of a magazine that were put first go to its shard. */
static void spill(struct slab *slab, struct magazine *magazine, uint32_t count, bool cool)
{
  for (uint32_t i = 0; i < count; i++)
    slhi_shard_put(slab, magazine->home, &slab->slots[magazine->slots[i]], cool);
  magazine->count -= count;
  magazine->low = slhi_at_most(magazine->low, magazine->count);
  for (uint32_t i = 0; i < magazine->count; i++)
    magazine->slots[i] = magazine->slots[i + count];
}

/* ---- at the lock ---- */

/* Has all threads out of their magazines, until slhi_slab_dismiss. */
static void gather(struct slab *slab)
{
  slhi_slab_assert_locked(slab);
  atomic_store(&slab->attention, 1);
  if (slhi_fences_are_asymmetric)
    slhi_os_fence();
  for (struct magazine *m = atomic_load(&slab->magazines); m; m = m->older) {
    while (atomic_load(&m->busy) != 0)
      sched_yield();
  }
}

/* Between these two. What was idle since the last decay is cool already. */
static void drain(struct slab *slab, bool idle)
{
  for (struct magazine *m = atomic_load(&slab->magazines); m; m = m->older) {
    spill(slab, m, idle ? m->low : m->count, idle);
    m->low = m->count;
  }
}

/* After a fork other threads may have been lost with a slot in their hands. */
static void find_free_slots(struct slab *slab)
{
  memset(slab->shards, 0, sizeof slab->shards);
  slhi_residency_after_fork(slab);
  for (uint32_t i = slhi_slab_touched(slab); i-- > 0;) {
    struct slot *slot = &slab->slots[i];

    slot->slab = slab; /* it may have been taken just then */
    if (!slhi_slot_is_taken(slot))
      slhi_shard_put(slab, i % SLHI_SHARDS, slot, false);
  }
  atomic_store_explicit(&slab->forked, false, memory_order_relaxed);
  slhi_slab_dismiss(slab);
}

/* A thread that is cancelled must not take the lock with it. */
static void stay(struct slab *slab)
{
  pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &slab->cancel_state);
}

void slhi_slab_lock(struct slab *slab)
{
  pthread_mutex_lock(&slab->lock);
  stay(slab);
  if (SLH_UNLIKELY(atomic_load_explicit(&slab->forked, memory_order_relaxed)))
    find_free_slots(slab);
}

bool slhi_slab_try_lock(struct slab *slab)
{
  if (atomic_load_explicit(&slab->forked, memory_order_relaxed) ||
      pthread_mutex_trylock(&slab->lock) != 0)
    return false;
  stay(slab);
  return true;
}

void slhi_slab_unlock(struct slab *slab)
{
  int state = slab->cancel_state;

  pthread_mutex_unlock(&slab->lock);
  pthread_setcancelstate(state, NULL);
}

void slhi_slab_put_locked(struct slab *slab, struct slot *slot)
{
  slhi_slab_assert_locked(slab);
  if (slhi_hand_over(slab, slot))
    return;
  slhi_slot_set_state(slot, SLOT_FREE);
  slhi_shard_put(slab, slhi_slot_number(slot) % SLHI_SHARDS, slot, false);
}

/* Wherever it may be. */
static struct slot *take_at_lock(struct slab *slab, uint64_t nanoseconds)
{
  struct slot *slot = NULL;

  slhi_slab_lock(slab);
  if (!slab->first_waiter) {
    slot = take_shared(slab, 0);
    if (!slot) {
      gather(slab);
      drain(slab, false);
      slhi_residency_flush(slab);
      slot = take_shared(slab, 0);
      /* Who is going to wait has to be told of whatever is put from now on. */
      if (slot || nanoseconds == 0)
        slhi_slab_dismiss(slab);
    }
  }
  if (slot) {
    slhi_slot_set_state(slot, SLOT_TAKEN);
  } else if (nanoseconds != 0) {
    atomic_fetch_add_explicit(&slab->waits, 1, memory_order_relaxed);
    slot = slhi_wait(slab, nanoseconds);
  }
  slhi_slab_unlock(slab);
  if (!slot)
    atomic_fetch_add_explicit(&slab->refusals, 1, memory_order_relaxed);
  return slot;
}

/* ---- take and put ---- */

struct slot *slhi_slab_take(struct slab *slab, uint32_t tag, uint64_t nanoseconds)
{
  struct magazine *magazine = slhi_magazine_find(slab);
  struct slot *slot = NULL;

  if (SLH_LIKELY(magazine && slhi_magazine_enter(slab, magazine))) {
    slot = unload(slab, magazine, tag);
    if (SLH_UNLIKELY(!slot))
      slot = refill(slab, magazine);
    if (SLH_LIKELY(slot != NULL)) {
      slhi_magazine_count_take(magazine, slot);
      slhi_slot_set_state(slot, SLOT_TAKEN);
    }
    slhi_magazine_leave(magazine);
  }
  if (SLH_UNLIKELY(!slot)) {
    slot = take_at_lock(slab, nanoseconds);
    if (slot && magazine)
      slhi_magazine_count_take(magazine, slot);
  }
  if (slot)
    slhi_slot_begin_use(slot, tag);
  return slot;
}

void slhi_slab_count_scrubbed(struct slab *slab, uint64_t bytes)
{
  struct magazine *magazine = slhi_magazine_find(slab);

  if (magazine)
    slhi_count(&magazine->counts.scrubbed, bytes);
}

void slhi_slab_put(struct slab *slab, struct slot *slot, uint64_t scrubbed)
{
  struct magazine *magazine = slhi_magazine_find(slab);

  SLHI_ASSERT(slot->slab == slab && slhi_slot_is_taken(slot));
  if (SLH_LIKELY(magazine != NULL))
    slhi_count(&magazine->counts.scrubbed, scrubbed);
  if (SLH_LIKELY(magazine && slhi_magazine_enter(slab, magazine))) {
    slhi_slot_set_state(slot, SLOT_FREE);
    if (SLH_UNLIKELY(magazine->count == SLHI_MAGAZINE_SLOTS))
      spill(slab, magazine, BATCH, false);
    slhi_magazine_load(slab, magazine, slot);
    slhi_magazine_leave(magazine);
    return;
  }
  slhi_slab_lock(slab);
  slhi_slab_put_locked(slab, slot);
  slhi_slab_unlock(slab);
}

void slhi_slab_empty(struct slab *slab, struct magazine *magazine)
{
  if (slhi_magazine_enter(slab, magazine)) {
    spill(slab, magazine, magazine->count, false);
    slhi_magazine_leave(magazine);
    return;
  }
  slhi_slab_lock(slab);
  while (magazine->count > 0)
    slhi_slab_put_locked(slab, unload(slab, magazine, 0));
  slhi_slab_unlock(slab);
}

/* ---- idle slots ---- */

bool slhi_slab_visit_alone(struct slab *slab, bool (*visit)(struct slab *slab, void *context),
                           void *context)
{
  bool result;

  gather(slab);
  result = visit(slab, context);
  slhi_slab_dismiss(slab);
  return result;
}

void slhi_slab_drain(struct slab *slab, bool idle)
{
  gather(slab);
  drain(slab, idle);
  slhi_slab_dismiss(slab);
}

void slhi_slab_cool(struct slab *slab)
{
  gather(slab);
  slhi_shards_cool(slab);
  slhi_slab_dismiss(slab);
}

bool slhi_slab_share_one(struct slab *slab)
{
  struct magazine *magazine = slhi_magazine_find(slab);
  bool any = false;

  if (magazine && slhi_magazine_enter(slab, magazine)) {
    any = magazine->count != 0;
    if (any)
      spill(slab, magazine, 1, true);
    slhi_magazine_leave(magazine);
  }
  return any;
}

void slhi_slab_after_fork(struct slab *slab)
{
  pthread_mutex_init(&slab->lock, NULL);
  slab->first_waiter = NULL;
  atomic_store_explicit(&slab->forked, true, memory_order_relaxed);
  slhi_magazines_after_fork(slab);
  atomic_store(&slab->attention, 1);
}
