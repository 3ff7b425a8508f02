/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Objects find their members by hashes of keys; these are seeded, by the kernel's
 * random numbers once a process, or by what a session was begun with, so that nobody can
 * choose keys whose hashes collide.
 */
#include "store.h"

#include "text.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

static uint64_t hash(const struct store *store, struct text key)
{
  return XXH3_64bits_withSeed(key.bytes, key.length, store->seed);
}

/* ---- strings ---- */

bool string_make(struct store *store, const char *bytes, size_t length)
{
  value string;
  char *to;

  if (length > UINT32_MAX)
    return store_fail(store, PROBLEM_TOO_LARGE, 0, "a string has more than 4 GiB");
  if (!stack_has_room(store) || !make_string(store, (uint32_t)length, &string, &to))
    return false;
  if (length > 0)
    memcpy(to, bytes, length);
  return push(store, string);
}

/* Where the cache has a key, or where it may be put. */
static value *find_cached(struct store *store, struct text key)
{
  uint32_t first = (uint32_t)hash(store, key);

  for (uint32_t i = 0; i < KEY_CACHE_NEAR; i++) {
    value *cached = &store->roots[ROOT_KEY_CACHE + ((first + i) & KEY_CACHE_MASK)];

    if (value_same(*cached, VALUE_NULL) || text_equal(value_text(store, *cached), key))
      return cached;
  }
  return &store->roots[ROOT_KEY_CACHE + (first & KEY_CACHE_MASK)];
}

bool key_make(struct store *store, const char *bytes, size_t length)
{
  struct text key = {bytes, (uint32_t)length};
  value *cached, it;

  if (length > UINT32_MAX)
    return string_make(store, bytes, length);
  cached = find_cached(store, key);
  if (!value_same(*cached, VALUE_NULL) && text_equal(value_text(store, *cached), key))
    return push(store, *cached);
  if (!value_same(store->roots[ROOT_KEYS], VALUE_NULL) &&
      object_find(store, store->roots[ROOT_KEYS], VALUE_NULL, key, &it)) {
    *cached = it;
    return push(store, it);
  }
  if (!string_make(store, bytes, length))
    return false;
  it = store->stack[store->count - 1];
  if (!memory_share(store, it))
    return false;
  *cached = it;
  return true;
}

/* ---- lists ---- */

bool list_make(struct store *store, uint32_t first)
{
  uint32_t count = store->count - first;
  value list;

  if (!stack_has_room(store) || !make_list(store, count, &list))
    return false;
  for (uint32_t i = 0; i < count; i++)
    list_init(store, list, i, store->stack[first + i]);
  store->count = first;
  return push(store, list) && store_spend(store, count * UINT64_C(4));
}

/* ---- objects ---- */

static bool keys_equal(const struct store *store, value a, value b)
{
  return value_same(a, b) || text_equal(value_text(store, a), value_text(store, b));
}

static bool duplicate(struct store *store, value key, uint64_t at)
{
  struct text name = value_text(store, key);

  return store_fail(store, PROBLEM_DUPLICATE, at,
                    "the member \"%.*s\" is there twice in one object: names must differ",
                    (int)text_clip(name.bytes, name.length, 80), name.bytes);
}

static bool check_small(struct store *store, uint32_t first, uint64_t at)
{
  for (uint32_t i = first; i < store->count; i += 2)
    for (uint32_t j = first; j < i; j += 2)
      if (keys_equal(store, store->stack[j], store->stack[i]))
        return duplicate(store, store->stack[i], at);
  return true;
}

/* Where the member of that name is, or the slot that it would take. */
static uint32_t find_slot(const struct store *store, value object, uint32_t count, value key,
                          struct text name, uint32_t *member)
{
  uint32_t mask = object_slots(count) - 1;
  uint32_t slot = (uint32_t)hash(store, name) & mask;

  for (uint32_t looked = 0; looked <= mask; looked++, slot = (slot + 1) & mask) {
    uint32_t number = object_slot(store, object, count, slot);
    value there;

    *member = number - 1;
    if (number == 0 || number > count)
      return slot;
    there = object_key(store, object, *member);
    if (value_same(there, key) || text_equal(value_text(store, there), name))
      return slot;
  }
  *member = UINT32_MAX; /* no slot is free: no such table was made here */
  return 0;
}

static bool fill_slots(struct store *store, value object, uint32_t count, uint64_t at)
{
  for (uint32_t i = 0; i < count; i++) {
    value key = object_key(store, object, i);
    uint32_t member, slot = find_slot(store, object, count, key, value_text(store, key), &member);

    if (member < count)
      return duplicate(store, key, at);
    object_init_slot(store, object, count, slot, i + 1);
  }
  return true;
}

bool object_make(struct store *store, uint32_t first, uint64_t at)
{
  uint32_t count = (store->count - first) / 2;
  value object;

  if (count <= OBJECT_SMALL && !check_small(store, first, at))
    return false;
  if (!stack_has_room(store) || !make_object(store, count, &object))
    return false;
  for (uint32_t i = 0; i < count; i++)
    object_init(store, object, count, i, store->stack[first + 2 * i],
                store->stack[first + 2 * i + 1]);
  store->count = first;
  (void)push(store, object);
  if (count > OBJECT_SMALL && !fill_slots(store, object, count, at))
    return false;
  return store_spend(store, count * UINT64_C(4));
}

bool object_find(const struct store *store, value object, value key, struct text name, value *out)
{
  uint32_t count = object_length(store, object), member;

  if (count > OBJECT_SMALL) {
    (void)find_slot(store, object, count, key, name, &member);
    if (member >= count)
      return false;
    *out = object_value(store, object, member);
    return true;
  }
  for (member = 0; member < count; member++) {
    value there = object_key(store, object, member);

    if (value_same(there, key) || text_equal(value_text(store, there), name)) {
      *out = object_value(store, object, member);
      return true;
    }
  }
  return false;
}
