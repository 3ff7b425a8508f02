/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "pool/slab.h"

#include <sched.h>

#include "pool/error.h"
#include "pool/magazine.h"
#include "pool/os.h"
#include "pool/pool.h"
#include "pool/residency.h"
#include "pool/waiting.h"

#define TOP(word) ((uint32_t)(word))
#define NEXT_WORD(word, top) ((((word) >> 32) + 1) << 32 | (top))

/* Slots that go from shards into a magazine, or back, at a time. */
#define BATCH (SLHI_MAGAZINE_SLOTS / 2)

/* ---- opening and closing ---- */

/* Slots with something before them are those of heaps in a wide pool. */
static bool can_have_fronts(const struct slab *slab)
{
  return slab->gap != 0;
}

static size_t record_bytes(const struct slab *slab)
{
  uint64_t each = sizeof(struct slot) + (can_have_fronts(slab) ? sizeof(struct front) : 0);

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
  if (can_have_fronts(slab))
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

/* ---- shards ---- */

static struct slot *pop(struct slab *slab, slot_stack *stack)
{
  uint64_t word = atomic_load_explicit(stack, memory_order_acquire);

  while (TOP(word) != 0) {
    struct slot *slot = &slab->slots[TOP(word) - 1];
    uint32_t below = atomic_load_explicit(&slot->next, memory_order_relaxed);

    if (atomic_compare_exchange_weak_explicit(stack, &word, NEXT_WORD(word, below),
                                              memory_order_acquire, memory_order_acquire))
      return slot;
  }
  return NULL;
}

/* A chain of slots, linked from `first` to `last`. */
static void push_chain(struct slab *slab, slot_stack *stack, struct slot *first, struct slot *last)
{
  uint32_t number = (uint32_t)(first - slab->slots) + 1;
  uint64_t word = atomic_load_explicit(stack, memory_order_relaxed);

  do {
    atomic_store_explicit(&last->next, TOP(word), memory_order_relaxed);
  } while (!atomic_compare_exchange_weak_explicit(stack, &word, NEXT_WORD(word, number),
                                                  memory_order_release, memory_order_relaxed));
}

/* The stack that a free slot belongs on. */
static void push(struct slab *slab, uint32_t home, struct slot *slot)
{
  struct shard *shard = &slab->shards[home];

  push_chain(slab, slot->resident ? &shard->hot : &shard->clean, slot, slot);
}

static struct slot *pop_shards(struct slab *slab, uint32_t home, size_t stack)
{
  struct slot *slot = NULL;

  for (uint32_t i = 0; i < SLHI_SHARDS && !slot; i++)
    slot =
        pop(slab, (slot_stack *)(void *)((char *)&slab->shards[(home + i) % SLHI_SHARDS] + stack));
  return slot;
}

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
  struct slot *slot = pop_shards(slab, home, offsetof(struct shard, hot));

  if (!slot)
    slot = pop_shards(slab, home, offsetof(struct shard, cool));
  if (!slot)
    slot = pop_shards(slab, home, offsetof(struct shard, clean));
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
  magazine->count = last;
  if (last < magazine->low)
    magazine->low = last;
  return &slab->slots[number];
}

static inline void load(struct slab *slab, struct magazine *magazine, struct slot *slot)
{
  magazine->slots[magazine->count++] = (uint32_t)(slot - slab->slots);
}

/* One from the shards, and some more into the magazine. */
static struct slot *refill(struct slab *slab, struct magazine *magazine)
{
  slot_stack *hot = &slab->shards[magazine->home].hot;
  struct slot *some[BATCH];
  uint32_t count = 0;

  while (count < BATCH && (some[count] = pop(slab, hot)) != NULL)
    count++;
  magazine->low = 0;
  if (count == 0)
    return take_shared(slab, magazine->home);
  /* The one put last is taken first. */
  for (uint32_t i = count; i-- > 1;)
    load(slab, magazine, some[i]);
  return some[0];
}

/* The `count` slots of a magazine that were put first go to its shard. */
static void spill(struct slab *slab, struct magazine *magazine, uint32_t count, bool cool)
{
  struct shard *shard = &slab->shards[magazine->home];

  for (uint32_t i = 0; i < count; i++) {
    struct slot *slot = &slab->slots[magazine->slots[i]];

    if (cool && slot->resident)
      push_chain(slab, &shard->cool, slot, slot);
    else
      push(slab, magazine->home, slot);
  }
  magazine->count -= count;
  magazine->low = slhi_at_most(magazine->low, magazine->count);
  for (uint32_t i = 0; i < magazine->count; i++)
    magazine->slots[i] = magazine->slots[i + count];
}

/* ---- at the lock ---- */

/* Has all threads out of their magazines, until slhi_slab_dismiss. */
static void gather(struct slab *slab)
{
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
      push(slab, i % SLHI_SHARDS, slot);
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
  if (slhi_hand_over(slab, slot))
    return;
  atomic_store_explicit(&slot->state, SLOT_FREE, memory_order_relaxed);
  push(slab, (uint32_t)(slot - slab->slots) % SLHI_SHARDS, slot);
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
    atomic_store_explicit(&slot->state, SLOT_TAKEN, memory_order_relaxed);
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

static void count_take(struct magazine *magazine, const struct slot *slot)
{
  slhi_count(&magazine->counts.takes, 1);
  slhi_count(&magazine->counts.cold, slot->resident == 0);
}

struct slot *slhi_slab_take(struct slab *slab, uint32_t tag, uint64_t nanoseconds)
{
  struct magazine *magazine = slhi_magazine_find(slab);
  struct slot *slot = NULL;

  if (SLH_LIKELY(magazine && slhi_magazine_enter(slab, magazine))) {
    slot = unload(slab, magazine, tag);
    if (SLH_UNLIKELY(!slot))
      slot = refill(slab, magazine);
    if (SLH_LIKELY(slot != NULL)) {
      count_take(magazine, slot);
      atomic_store_explicit(&slot->state, SLOT_TAKEN, memory_order_relaxed);
    }
    slhi_magazine_leave(magazine);
  }
  if (SLH_UNLIKELY(!slot)) {
    slot = take_at_lock(slab, nanoseconds);
    if (slot && magazine)
      count_take(magazine, slot);
  }
  if (slot) {
    slot->tag = tag;
    atomic_store_explicit(&slot->next, 0, memory_order_relaxed); /* see dense.c */
  }
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

  if (SLH_LIKELY(magazine != NULL))
    slhi_count(&magazine->counts.scrubbed, scrubbed);
  if (SLH_LIKELY(magazine && slhi_magazine_enter(slab, magazine))) {
    atomic_store_explicit(&slot->state, SLOT_FREE, memory_order_relaxed);
    if (SLH_UNLIKELY(magazine->count == SLHI_MAGAZINE_SLOTS))
      spill(slab, magazine, BATCH, false);
    load(slab, magazine, slot);
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

static bool cool(struct slab *slab, void *context)
{
  (void)context;
  for (uint32_t i = 0; i < SLHI_SHARDS; i++) {
    struct shard *shard = &slab->shards[i];
    uint64_t word = atomic_load(&shard->hot);

    /* Cool ones were taken away by now, but for those put there just so. */
    if (TOP(atomic_load(&shard->cool)) != 0)
      continue;
    while (!atomic_compare_exchange_weak(&shard->hot, &word, NEXT_WORD(word, 0)))
      ;
    if (TOP(word) != 0)
      atomic_store(&shard->cool, NEXT_WORD(atomic_load(&shard->cool), TOP(word)));
  }
  return false;
}

void slhi_slab_cool(struct slab *slab)
{
  (void)slhi_slab_visit_alone(slab, cool, NULL);
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

struct slot *slhi_slab_take_idle(struct slab *slab, bool hot)
{
  struct slot *slot = pop_shards(slab, 0, offsetof(struct shard, cool));

  return slot || !hot ? slot : pop_shards(slab, 0, offsetof(struct shard, hot));
}

void slhi_slab_after_fork(struct slab *slab)
{
  pthread_mutex_init(&slab->lock, NULL);
  slab->first_waiter = NULL;
  atomic_store_explicit(&slab->forked, true, memory_order_relaxed);
  slhi_magazines_after_fork(slab);
  atomic_store(&slab->attention, 1);
}
