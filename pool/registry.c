/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "pool/registry.h"

#include <sched.h>
#include <slotheap/heap.h>
#include <slotheap/trap.h>

#include "pool/error.h"
#include "pool/os.h"

/*
 * A reader raises `readers`, and only then looks at `pool`; who removes a pool
 * clears `pool`, and only then waits for `readers` to be none. In the one
 * order of all sequentially consistent operations, either the reader finds
 * no pool, or the remover finds the reader.
 */
struct registry_entry {
  _Atomic(slh_pool *) pool; /* NULL: free */
  _Atomic uint32_t readers;
  _Atomic bool claimed; /* from before add until after remove */
};

#define CHUNK_ENTRIES 62

/* Chunks are never freed, so a reader can walk them at any time. The first
 * needs no allocation, and nearly always suffices. */
struct chunk {
  struct registry_entry entries[CHUNK_ENTRIES];
  _Atomic(struct chunk *) next;
};

static struct chunk first;

static struct registry_entry *claim_in(struct chunk *chunk)
{
  for (int i = 0; i < CHUNK_ENTRIES; i++) {
    if (!atomic_exchange(&chunk->entries[i].claimed, true))
      return &chunk->entries[i];
  }
  return NULL;
}

/* The chunk after this one, made if there is none. */
static struct chunk *next_chunk(struct chunk *chunk)
{
  struct chunk *next = atomic_load(&chunk->next);
  struct chunk *other = NULL;
  size_t page = (size_t)slhi_os_page_size();
  size_t bytes = (sizeof *next + page - 1) & ~(page - 1);
  void *memory;

  if (next)
    return next;
  if (slhi_os_map(bytes, &memory))
    return NULL;
  next = memory;
  if (atomic_compare_exchange_strong(&chunk->next, &other, next))
    return next;
  slhi_os_unmap(memory, bytes);
  return other;
}

slh_status slhi_registry_add(slh_pool *pool)
{
  for (struct chunk *chunk = &first; chunk; chunk = next_chunk(chunk)) {
    struct registry_entry *entry = claim_in(chunk);

    if (entry) {
      atomic_store(&entry->pool, pool);
      return SLH_OK;
    }
  }
  return SLH_E_NOMEM;
}

static struct registry_entry *entry_of(const slh_pool *pool)
{
  for (struct chunk *chunk = &first; chunk; chunk = atomic_load(&chunk->next)) {
    for (int i = 0; i < CHUNK_ENTRIES; i++) {
      if (atomic_load(&chunk->entries[i].pool) == pool)
        return &chunk->entries[i];
    }
  }
  return NULL;
}

void slhi_check_pool(const slh_pool *pool, const char *call)
{
  if (!pool || !entry_of(pool))
    slhi_misuse(call, "what it was given is no pool, or was freed before");
}

void slhi_registry_remove(slh_pool *pool)
{
  struct registry_entry *entry = entry_of(pool);

  if (!entry)
    return;
  atomic_store(&entry->pool, NULL);
  while (atomic_load(&entry->readers) != 0)
    sched_yield();
  atomic_store(&entry->claimed, false);
}

/* Offset 0 of a slab's first slot. */
static uintptr_t first_base(const struct slab *slab)
{
  return (uintptr_t)slab->memory + slab->lead - slab->gap;
}

/* The slot of `pool` whose memory an address belongs to, by arithmetic. */
static struct slot *memory_at(slh_pool *pool, uintptr_t address)
{
  for (uint64_t size = 0; size < pool->plan.sizes; size++) {
    const struct slab *slab = &pool->heaps[size];

    if (address >= first_base(slab) && address < (uintptr_t)slab->memory + slab->bytes) {
      uint64_t number = (address - first_base(slab)) / slab->stride;

      return number < slab->count ? &slab->slots[number] : NULL;
    }
  }
  return NULL;
}

/* Whose heap is in that memory: a larger slot has the number of the one that
 * borrowed it as its `borrower`. */
static struct slot *slot_of(slh_pool *pool, struct slot *memory)
{
  struct slab *slots = &pool->heaps[0];

  if (memory >= slots->slots && memory < slots->slots + slots->count)
    return memory;
  return &slots->slots[memory->borrower % slots->count];
}

bool slhi_registry_find(const void *address, struct registry_hit *out)
{
  for (struct chunk *chunk = &first; chunk; chunk = atomic_load(&chunk->next)) {
    for (int i = 0; i < CHUNK_ENTRIES; i++) {
      out->entry = &chunk->entries[i];
      if (!atomic_load(&out->entry->pool))
        continue;
      atomic_fetch_add(&out->entry->readers, 1);
      out->pool = atomic_load(&out->entry->pool);
      out->memory = out->pool ? memory_at(out->pool, (uintptr_t)address) : NULL;
      if (out->memory) {
        out->slot = slot_of(out->pool, out->memory);
        return true;
      }
      atomic_fetch_sub(&out->entry->readers, 1);
    }
  }
  return false;
}

void slhi_registry_after_fork(void)
{
  for (struct chunk *chunk = &first; chunk; chunk = atomic_load(&chunk->next)) {
    for (int i = 0; i < CHUNK_ENTRIES; i++)
      atomic_store(&chunk->entries[i].readers, 0);
  }
}

void slhi_registry_done(const struct registry_hit *hit)
{
  atomic_fetch_sub(&hit->entry->readers, 1);
}

bool slhi_registry_visit(bool (*visit)(void *context, slh_pool *pool), void *context)
{
  for (struct chunk *chunk = &first; chunk; chunk = atomic_load(&chunk->next)) {
    for (int i = 0; i < CHUNK_ENTRIES; i++) {
      struct registry_entry *entry = &chunk->entries[i];
      slh_pool *pool;
      bool go_on;

      atomic_fetch_add(&entry->readers, 1);
      pool = atomic_load(&entry->pool);
      go_on = !pool || visit(context, pool);
      atomic_fetch_sub(&entry->readers, 1);
      if (!go_on)
        return false;
    }
  }
  return true;
}

/* The slab of a slot of `pool`; not through the slot, which may never have been taken. */
static const struct slab *slab_of(const slh_pool *pool, const struct slot *slot)
{
  const struct slab *slab = &pool->heaps[0];

  while (slot < slab->slots || slot >= slab->slots + slab->count)
    slab++;
  return slab;
}

bool slh_find_address(const void *address, slh_place *out)
{
  struct registry_hit hit;
  const struct slab *slab;

  if (!slhi_registry_find(address, &hit))
    return false;
  slab = slab_of(hit.pool, hit.memory);
  out->pool = hit.pool;
  out->heap = (slh_heap *)(void *)hit.slot->owner;
  out->offset = ((uintptr_t)address - first_base(slab)) % slab->stride;
  slhi_registry_done(&hit);
  return true;
}
