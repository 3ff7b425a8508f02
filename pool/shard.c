/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "pool/shard.h"

#include "pool/slab.h"

#define TOP(word) ((uint32_t)(word))
#define NEXT_WORD(word, top) ((((word) >> 32) + 1) << 32 | (top))

/* ---- a stack ---- */

static inline struct slot *pop(struct slab *slab, slot_stack *stack)
{
  uint64_t word = atomic_load_explicit(stack, memory_order_acquire);

  while (TOP(word) != 0) {
    struct slot *slot = &slab->slots[TOP(word) - 1];
    /* Another thread may have taken it by now: then the word has changed, too. */
    uint32_t below = atomic_load_explicit(&slot->below, memory_order_relaxed);

    if (atomic_compare_exchange_weak_explicit(stack, &word, NEXT_WORD(word, below),
                                              memory_order_acquire, memory_order_acquire))
      return slot;
  }
  return NULL;
}

static inline void push(slot_stack *stack, struct slot *slot)
{
  uint32_t top = slhi_slot_number(slot) + 1;
  uint64_t word = atomic_load_explicit(stack, memory_order_relaxed);

  do {
    atomic_store_explicit(&slot->below, TOP(word), memory_order_relaxed);
  } while (!atomic_compare_exchange_weak_explicit(stack, &word, NEXT_WORD(word, top),
                                                  memory_order_release, memory_order_relaxed));
}

/* ---- shards ---- */

/* From the stack at `stack` of each shard, from `home` on. */
static struct slot *pop_any(struct slab *slab, uint32_t home, size_t stack)
{
  struct slot *slot = NULL;

  for (uint32_t i = 0; i < SLHI_SHARDS && !slot; i++) {
    struct shard *shard = &slab->shards[(home + i) % SLHI_SHARDS];

    slot = pop(slab, (slot_stack *)(void *)((char *)shard + stack));
  }
  return slot;
}

struct slot *slhi_shards_take(struct slab *slab, uint32_t home)
{
  struct slot *slot = pop_any(slab, home, offsetof(struct shard, hot));

  if (!slot)
    slot = pop_any(slab, home, offsetof(struct shard, cool));
  return slot ? slot : pop_any(slab, home, offsetof(struct shard, clean));
}

uint32_t slhi_shard_take_hot(struct slab *slab, uint32_t home, struct slot **out, uint32_t most)
{
  uint32_t count = 0;

  while (count < most && (out[count] = pop(slab, &slab->shards[home].hot)) != NULL)
    count++;
  return count;
}

struct slot *slhi_shards_take_idle(struct slab *slab, bool hot)
{
  struct slot *slot = pop_any(slab, 0, offsetof(struct shard, cool));

  return slot || !hot ? slot : pop_any(slab, 0, offsetof(struct shard, hot));
}

void slhi_shard_put(struct slab *slab, uint32_t home, struct slot *slot, bool cool)
{
  struct shard *shard = &slab->shards[home];

  if (slot->resident == 0)
    push(&shard->clean, slot);
  else
    push(cool ? &shard->cool : &shard->hot, slot);
}

void slhi_shards_cool(struct slab *slab)
{
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
}
