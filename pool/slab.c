/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "pool/slab.h"

#include "pool/error.h"
#include "pool/os.h"
#include "pool/plan.h"

#define TOP(word) ((uint32_t)(word))
#define NEXT_WORD(word, top) ((((word) >> 32) + 1) << 32 | (top))

static size_t record_bytes(const struct slab *slab)
{
  return slhi_round_up((uint64_t)slab->count * sizeof(struct slot), slab->page);
}

slh_status slhi_slab_open(struct slab *slab, slh_error *error)
{
  void *memory;
  void *records;
  int failed;

  slab->bytes = slab->lead + slab->count * slab->stride;
  failed = slhi_os_reserve(slab->bytes, &memory);
  if (failed)
    return slhi_error_errno(error, SLH_E_NOMEM, failed,
                            "reserving %llu bytes of address space for %u slots",
                            (unsigned long long)slab->bytes, (unsigned)slab->count);
  failed = slhi_os_map(record_bytes(slab), &records);
  if (failed) {
    slhi_os_unmap(memory, slab->bytes);
    return slhi_error_errno(error, SLH_E_NOMEM, failed, "mapping the records of %u slots",
                            (unsigned)slab->count);
  }
  slab->memory = memory;
  slab->slots = records;
  atomic_init(&slab->free, 0);
  atomic_init(&slab->fresh, 0);
  atomic_init(&slab->refusals, 0);
  return SLH_OK;
}

void slhi_slab_close(struct slab *slab)
{
  for (uint32_t i = slhi_slab_touched(slab); i-- > 0;)
    slhi_slot_free_all(&slab->slots[i]);
  slhi_os_unmap(slab->slots, record_bytes(slab));
  slhi_os_unmap(slab->memory, slab->bytes);
}

static struct slot *pop(struct slab *slab)
{
  uint64_t word = atomic_load_explicit(&slab->free, memory_order_acquire);

  while (TOP(word) != 0) {
    struct slot *slot = &slab->slots[TOP(word) - 1];
    uint32_t below = atomic_load_explicit(&slot->next, memory_order_relaxed);

    if (atomic_compare_exchange_weak_explicit(&slab->free, &word, NEXT_WORD(word, below),
                                              memory_order_acquire, memory_order_acquire))
      return slot;
  }
  return NULL;
}

static void push(struct slab *slab, struct slot *slot)
{
  uint32_t number = (uint32_t)(slot - slab->slots) + 1;
  uint64_t word = atomic_load_explicit(&slab->free, memory_order_relaxed);

  do {
    atomic_store_explicit(&slot->next, TOP(word), memory_order_relaxed);
  } while (!atomic_compare_exchange_weak_explicit(&slab->free, &word, NEXT_WORD(word, number),
                                                  memory_order_release, memory_order_relaxed));
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
  slot->start = slab->memory + slab->lead + number * slab->stride;
  return slot;
}

struct slot *slhi_slab_take(struct slab *slab)
{
  struct slot *slot = pop(slab);

  if (!slot)
    slot = take_fresh(slab);
  if (!slot) {
    atomic_fetch_add_explicit(&slab->refusals, 1, memory_order_relaxed);
    return NULL;
  }
  atomic_store_explicit(&slot->in_use, 1, memory_order_relaxed);
  slhi_count(&slot->count.takes, 1);
  return slot;
}

bool slhi_slab_put(struct slab *slab, struct slot *slot)
{
  if (atomic_load_explicit(&slot->in_use, memory_order_relaxed) == 0)
    return false;
  atomic_store_explicit(&slot->in_use, 0, memory_order_relaxed);
  push(slab, slot);
  return true;
}

uint32_t slhi_slab_touched(const struct slab *slab)
{
  return atomic_load_explicit(&slab->fresh, memory_order_relaxed);
}

uint32_t slhi_slab_in_use(const struct slab *slab)
{
  uint32_t in_use = 0;

  for (uint32_t i = slhi_slab_touched(slab); i-- > 0;)
    in_use += atomic_load_explicit(&slab->slots[i].in_use, memory_order_relaxed);
  return in_use;
}

int slhi_slab_resident(const struct slab *slab, uint64_t *out)
{
  uint64_t total = 0;

  for (uint32_t i = slhi_slab_touched(slab); i-- > 0;) {
    const struct slot *slot = &slab->slots[i];
    uint64_t resident = 0;
    /* Never NULL once taken, but another thread may be taking it now. */
    char *start = slab->memory + slab->lead + i * slab->stride;
    int failed = slhi_os_resident(start, slhi_slot_committed(slot), &resident);

    if (failed)
      return failed;
    total += resident;
  }
  *out = total;
  return 0;
}
