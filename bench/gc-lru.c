/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * A cache that forgets what was not asked for the longest: a hash table with
 * chains, and a list of its entries in the order of their last use. Entries
 * live long, so nearly every request writes a reference to something young
 * into something old.
 */
#include "gc-peer.h"
#include "random.h"

#include <string.h>

#define REQUESTS_AN_ENTRY 30
#define KEYS_AN_ENTRY 4 /* different keys that are asked for */
#define VALUE_LEAST 16
#define VALUE_MORE 48
#define REFRESH 4 /* one hit in so many replaces the value */

struct entry {
  MEM_HEADER
  mem_ref previous;
  mem_ref next;
  mem_ref chain;
  mem_ref value;
  uint32_t key;
};

enum {
  GLOBAL_TABLE,
  GLOBAL_LIST /* an entry of no key, before the newest and behind the oldest */
};

static struct mem_type entry_type = {.name = "entry", .layout = "rrrri"};

static void open(void)
{
  mem_register(&entry_type, sizeof(struct entry));
}

#define GET(at, field) MEM_GET(mem, struct entry, at, field)
#define SET(at, field, to) MEM_SET(mem, struct entry, at, field, to)
#define KEY(at) (MEM_AT(mem, struct entry, at)->key)
#define TABLE mem_global(mem, GLOBAL_TABLE)
#define LIST mem_global(mem, GLOBAL_LIST)

static mem_ref new_entry(struct mem mem, uint32_t key, mem_ref value)
{
  mem_ref entry = mem_new(mem, &entry_type, sizeof(struct entry), &value, NULL);

  MEM_INIT(mem, struct entry, entry, previous, MEM_NULL);
  MEM_INIT(mem, struct entry, entry, next, MEM_NULL);
  MEM_INIT(mem, struct entry, entry, chain, MEM_NULL);
  MEM_INIT(mem, struct entry, entry, value, value);
  KEY(entry) = key;
  return entry;
}

static mem_ref new_value(struct mem mem, struct random *random, uint32_t key)
{
  uint32_t length = VALUE_LEAST + random_below(random, VALUE_MORE);
  mem_ref value = mem_new_bytes(mem, length, NULL, NULL);

  memset(mem_bytes(mem, value), (int)(key & 0x7f), length);
  return value;
}

/* ---- the list ---- */

static void unlink_entry(struct mem mem, mem_ref entry)
{
  mem_ref previous = GET(entry, previous), next = GET(entry, next);

  SET(previous, next, next);
  SET(next, previous, previous);
}

static void link_entry(struct mem mem, mem_ref entry)
{
  mem_ref list = LIST;
  mem_ref newest = GET(list, next);

  SET(entry, previous, list);
  SET(entry, next, newest);
  SET(newest, previous, entry);
  SET(list, next, entry);
}

/* ---- the table ---- */

struct cache {
  struct random random;
  uint32_t mask; /* of a number of a chain */
  uint32_t count;
  uint32_t most;
};

static uint32_t bucket(const struct cache *cache, uint32_t key)
{
  return (key * UINT32_C(2654435761) >> 7) & cache->mask;
}

static mem_ref find(struct mem mem, const struct cache *cache, uint32_t key)
{
  mem_ref entry = mem_get_item(mem, TABLE, bucket(cache, key));

  while (!mem_is_null(entry) && KEY(entry) != key)
    entry = GET(entry, chain);
  return entry;
}

static void unchain(struct mem mem, const struct cache *cache, mem_ref entry)
{
  uint32_t number = bucket(cache, KEY(entry));
  mem_ref before = mem_get_item(mem, TABLE, number);

  if (mem_is_same(before, entry)) {
    mem_set_item(mem, TABLE, number, GET(entry, chain));
    return;
  }
  while (!mem_is_same(GET(before, chain), entry))
    before = GET(before, chain);
  SET(before, chain, GET(entry, chain));
}

static void evict(struct mem mem, struct cache *cache)
{
  mem_ref oldest = GET(LIST, previous);

  unlink_entry(mem, oldest);
  unchain(mem, cache, oldest);
  cache->count--;
  if (MEM_MANUAL) {
    mem_drop(mem, GET(oldest, value));
    mem_drop(mem, oldest);
  }
}

static void add(struct mem mem, struct cache *cache, uint32_t key)
{
  uint32_t number = bucket(cache, key);
  mem_ref entry;

  if (cache->count == cache->most)
    evict(mem, cache);
  entry = new_entry(mem, key, new_value(mem, &cache->random, key));
  SET(entry, chain, mem_get_item(mem, TABLE, number));
  mem_set_item(mem, TABLE, number, entry);
  link_entry(mem, entry);
  cache->count++;
}

/* ---- the program ---- */

static uint64_t hit(struct mem mem, struct cache *cache, mem_ref entry)
{
  mem_ref value = GET(entry, value);
  uint64_t figure = (uint64_t)mem_bytes(mem, value)[0] + mem_bytes_length(mem, value);

  unlink_entry(mem, entry);
  link_entry(mem, entry);
  if (random_below(&cache->random, REFRESH) == 0) {
    mem_ref fresh = new_value(mem_push(mem, entry), &cache->random, KEY(entry));

    entry = mem_reload(mem, 0, entry);
    if (MEM_MANUAL)
      mem_drop(mem, value);
    SET(entry, value, fresh);
  }
  return figure;
}

static void cache_open(struct mem mem, struct cache *cache, uint32_t entries, uint64_t seed)
{
  mem_ref list;

  *cache = (struct cache){random_seed(seed, 0), 1, 0, entries};
  while (cache->mask < entries)
    cache->mask = 2 * cache->mask + 1;
  mem_set_global(mem, GLOBAL_TABLE, mem_new_refs(mem, cache->mask + 1, NULL, NULL));
  list = new_entry(mem, 0, MEM_NULL);
  mem_set_global(mem, GLOBAL_LIST, list);
  SET(list, previous, list);
  SET(list, next, list);
}

static struct mem_outcome run(struct mem mem, uint32_t size, uint64_t seed)
{
  struct mem_outcome outcome = {(uint64_t)size * REQUESTS_AN_ENTRY, 0};
  struct cache cache;

  cache_open(mem, &cache, size, seed);
  for (uint64_t i = 0; i < outcome.operations; i++) {
    /* The lower a key, the more often it is asked for. */
    uint32_t key =
        random_below(&cache.random, random_below(&cache.random, KEYS_AN_ENTRY * size) + 1);
    mem_ref entry = find(mem, &cache, key);

    if (mem_is_null(entry))
      add(mem, &cache, key);
    else
      outcome.check = outcome.check * 31 + hit(mem, &cache, entry);
  }
  if (MEM_MANUAL) {
    while (cache.count > 0)
      evict(mem, &cache);
    mem_drop(mem, TABLE);
    mem_drop(mem, LIST);
  }
  return outcome;
}

const struct mem_workload mem_workload_lru = {"lru", 2000, open, run};
