/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Telling what happens: to the listener, and to the probes of <sys/sdt.h>. One
 * macro serves both, and nothing is worked out for it while nobody wants to know.
 */
#ifndef SLOTHEAP_POOL_EVENTS_H
#define SLOTHEAP_POOL_EVENTS_H

#include <slotheap/events.h>
#include <stdatomic.h>

/* In the order of slh_event_kind. */
#define SLHI_EVENTS(X)                                                                             \
  X(acquire, ACQUIRE)                                                                              \
  X(release, RELEASE)                                                                              \
  X(reset, RESET)                                                                                  \
  X(grow, GROW)                                                                                    \
  X(collection_begin, COLLECTION_BEGIN)                                                            \
  X(collection_phase, COLLECTION_PHASE)                                                            \
  X(collection_end, COLLECTION_END)                                                                \
  X(trap, TRAP)                                                                                    \
  X(decommit, DECOMMIT)                                                                            \
  X(exhausted, EXHAUSTED)

/* Of each probe a count of those who have attached to it, which they keep. */
#ifdef HAVE_SYS_SDT_H
#define SLHI_SEMAPHORE(name, NAME) extern volatile unsigned short slotheap_##name##_semaphore;
SLHI_EVENTS(SLHI_SEMAPHORE)
#undef SLHI_SEMAPHORE
#define SLHI_IS_PROBED(name) (slotheap_##name##_semaphore != 0)
#else
#define SLHI_IS_PROBED(name) false
#endif

extern _Atomic(const slh_listener *) slhi_listener;

static inline bool slhi_is_listened(void)
{
  return atomic_load_explicit(&slhi_listener, memory_order_relaxed) != NULL;
}

void slhi_tell(slh_event_kind kind, const slh_pool *pool, const slh_heap *heap, uint32_t detail,
               uint64_t bytes, uint64_t total);

/* SLHI_EVENT(acquire, ACQUIRE, pool, heap, detail, bytes, total): what these are is
 * said in slotheap/events.h. */
#define SLHI_EVENT(name, NAME, ...)                                                                \
  do {                                                                                             \
    if (SLH_UNLIKELY(slhi_is_listened() || SLHI_IS_PROBED(name)))                                  \
      slhi_tell(SLH_EVENT_##NAME, __VA_ARGS__);                                                    \
  } while (0)

#endif
