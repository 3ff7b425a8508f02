/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Magazines: the few free slots of a slab that a thread keeps for itself, and
 * the figures that it counts. (Bonwick, Adams, "Magazines and vmem", USENIX
 * 2001.) A thread's magazines are found through thread-local storage; when it
 * ends they are emptied, and await another thread.
 */
#ifndef SLOTHEAP_POOL_MAGAZINE_H
#define SLOTHEAP_POOL_MAGAZINE_H

#include "pool/slab.h"

#define SLHI_MAGAZINE_SLOTS 16

/* Written by one thread, read by any. */
struct magazine_counts {
  _Atomic uint64_t takes;
  _Atomic uint64_t cold;     /* of slots without memory */
  _Atomic uint64_t scrubbed; /* bytes */
};

struct magazine {
  alignas(64) _Atomic uint32_t busy;   /* its thread is inside */
  uint32_t count;                      /* slots */
  uint32_t low;                        /* the fewest since the last decay */
  uint32_t home;                       /* shard that its thread tries first */
  uint32_t slots[SLHI_MAGAZINE_SLOTS]; /* numbers, used last last */
  struct magazine_counts counts;
  struct slab *slab;
  void *block;                /* what it was allocated as */
  struct magazine *older;     /* in the slab's list */
  struct magazine *of_thread; /* the next one of its thread */
  void *owner;                /* its thread; NULL: none */
};

/* Slabs whose magazine is found at once. */
#define SLHI_RECENT 4

struct thread {
  struct {
    uint64_t slab; /* its id: never that of a slab that is gone */
    struct magazine *magazine;
  } recent[SLHI_RECENT];
  struct magazine *all;
  unsigned ends; /* times that it has ended: see magazine.c */
};

/* Of few bytes, so that there is room for it in every process that loads this
 * library later; found without a call then. */
#ifdef __GLIBC__
#define SLHI_THREAD_LOCAL _Thread_local __attribute__((tls_model("initial-exec")))
#else
#define SLHI_THREAD_LOCAL _Thread_local
#endif

extern SLHI_THREAD_LOCAL struct thread slhi_thread;

struct magazine *slhi_magazine_search(struct slab *slab);

/* This thread's magazine of a slab, if it was found lately. */
static inline struct magazine *slhi_magazine_recent(const struct slab *slab)
{
  uint64_t id = slab->id;

  return slhi_thread.recent[id % SLHI_RECENT].slab == id
             ? slhi_thread.recent[id % SLHI_RECENT].magazine
             : NULL;
}

/* This thread's magazine of a slab; NULL: there is no memory for one. */
static inline struct magazine *slhi_magazine_find(struct slab *slab)
{
  struct magazine *magazine = slhi_magazine_recent(slab);

  return SLH_LIKELY(magazine != NULL) ? magazine : slhi_magazine_search(slab);
}

static inline void slhi_count(_Atomic uint64_t *counter, uint64_t more)
{
  uint64_t value = atomic_load_explicit(counter, memory_order_relaxed);

  atomic_store_explicit(counter, value + more, memory_order_relaxed);
}

/* Whether the light half of the fences costs nothing here. */
extern bool slhi_fences_are_asymmetric;

/* Whether the thread may go on; if not it must come to the lock. */
static inline bool slhi_magazine_enter(struct slab *slab, struct magazine *magazine)
{
  if (SLH_LIKELY(slhi_fences_are_asymmetric)) {
    atomic_store_explicit(&magazine->busy, 1, memory_order_relaxed);
    atomic_signal_fence(memory_order_seq_cst);
  } else {
    atomic_store(&magazine->busy, 1);
  }
  if (SLH_LIKELY(atomic_load(&slab->attention) == 0))
    return true;
  atomic_store_explicit(&magazine->busy, 0, memory_order_release);
  return false;
}

static inline void slhi_magazine_leave(struct magazine *magazine)
{
  atomic_store_explicit(&magazine->busy, 0, memory_order_release);
}

/* ---- a thread in its magazine ---- */

static inline void slhi_magazine_count_take(struct magazine *magazine, const struct slot *slot)
{
  slhi_count(&magazine->counts.takes, 1);
  if (SLH_UNLIKELY(slot->resident == 0))
    slhi_count(&magazine->counts.cold, 1);
}

/* The slot that is to be taken next; there is one. */
static inline struct slot *slhi_magazine_last(const struct slab *slab,
                                              const struct magazine *magazine)
{
  SLHI_ASSERT(magazine->count != 0);
  return &slab->slots[magazine->slots[magazine->count - 1]];
}

/* So many slots are left of those that it had. */
static inline void slhi_magazine_set_count(struct magazine *magazine, uint32_t count)
{
  magazine->count = count;
  if (count < magazine->low)
    magazine->low = count;
}

/* There is room for it. */
static inline void slhi_magazine_load(const struct slab *slab, struct magazine *magazine,
                                      const struct slot *slot)
{
  SLHI_ASSERT_LT(magazine->count, SLHI_MAGAZINE_SLOTS);
  magazine->slots[magazine->count++] = (uint32_t)(slot - slab->slots);
}

/* ---- take and put, as they nearly always go ---- */

/* [promise no-calls] */
static inline struct slot *slhi_take(struct slab *slab, uint32_t tag, uint64_t nanoseconds)
{
  struct magazine *magazine = slhi_magazine_recent(slab);

  if (SLH_LIKELY(tag == 0 && magazine && slhi_magazine_enter(slab, magazine))) {
    if (SLH_LIKELY(magazine->count != 0 && !slhi_magazine_last(slab, magazine)->has_front)) {
      struct slot *slot = slhi_magazine_last(slab, magazine);

      slhi_magazine_set_count(magazine, magazine->count - 1);
      slhi_magazine_count_take(magazine, slot);
      slhi_slot_begin_use(slot, 0);
      slhi_slot_set_state(slot, SLOT_TAKEN);
      slhi_magazine_leave(magazine);
      return slot;
    }
    slhi_magazine_leave(magazine);
  }
  return slhi_slab_take(slab, tag, nanoseconds);
}

static inline void slhi_put(struct slab *slab, struct slot *slot, uint64_t scrubbed)
{
  struct magazine *magazine = slhi_magazine_recent(slab);

  if (SLH_LIKELY(magazine && slhi_magazine_enter(slab, magazine))) {
    if (SLH_LIKELY(magazine->count < SLHI_MAGAZINE_SLOTS)) {
      slhi_slot_set_state(slot, SLOT_FREE);
      slhi_magazine_load(slab, magazine, slot);
      slhi_count(&magazine->counts.scrubbed, scrubbed);
      slhi_magazine_leave(magazine);
      return;
    }
    slhi_magazine_leave(magazine);
  }
  slhi_slab_put(slab, slot, scrubbed);
}

/* Frees all magazines of a slab. No thread may be using it. */
void slhi_magazines_free(struct slab *slab);

/* In a child: all are empty, and those of threads that are not here are free. */
void slhi_magazines_after_fork(struct slab *slab);

/* Has threads' magazines emptied when they end. 0, or an errno value. */
int slhi_threads_watch(void);

#endif
