/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "pool/events.h"

#include "pool/clock.h"

#ifdef HAVE_SYS_SDT_H
#define _SDT_HAS_SEMAPHORES 1
#include <sys/sdt.h>
#define DEFINE_SEMAPHORE(name, NAME)                                                               \
  volatile unsigned short slotheap_##name##_semaphore __attribute__((section(".probes")));
SLHI_EVENTS(DEFINE_SEMAPHORE)
#endif

_Atomic(const slh_listener *) slhi_listener;

void slh_set_listener(const slh_listener *listener)
{
  atomic_store_explicit(&slhi_listener, listener, memory_order_release);
}

static void fire_probe(slh_event_kind kind, const slh_pool *pool, const slh_heap *heap,
                       uint32_t detail, uint64_t bytes, uint64_t total)
{
#ifdef HAVE_SYS_SDT_H
  switch (kind) {
#define FIRE(name, NAME)                                                                           \
  case SLH_EVENT_##NAME:                                                                           \
    DTRACE_PROBE5(slotheap, name, pool, heap, detail, bytes, total);                               \
    break;
    SLHI_EVENTS(FIRE)
#undef FIRE
  }
#else
  (void)kind;
  (void)pool;
  (void)heap;
  (void)detail;
  (void)bytes;
  (void)total;
#endif
}

void slhi_tell(slh_event_kind kind, const slh_pool *pool, const slh_heap *heap, uint32_t detail,
               uint64_t bytes, uint64_t total)
{
  const slh_listener *listener = atomic_load_explicit(&slhi_listener, memory_order_acquire);

  fire_probe(kind, pool, heap, detail, bytes, total);
  if (listener) {
    slh_event event = {kind, detail, slhi_now_ns(), pool, heap, bytes, total};

    listener->listen(listener->context, &event);
  }
}

const char *slh_event_name(slh_event_kind kind)
{
#define NAME_OF(name, NAME) [SLH_EVENT_##NAME] = #name,
  static const char *const names[SLH_EVENT_KINDS] = {SLHI_EVENTS(NAME_OF)};

  return (unsigned)kind < SLH_EVENT_KINDS ? names[kind] : "?";
}
