/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Making nodes. */
#ifndef JSON_HOST_VALUE_MAKE_MALLOC_H
#define JSON_HOST_VALUE_MAKE_MALLOC_H

/* A node with room for `bytes` behind its length. */
bool memory_allocate(struct store *store, enum kind kind, uint64_t bytes, uint32_t length,
                     value *out);

/* A node that is freed alone, at the end. */
bool memory_own(struct store *store, value it);

extern const struct node memory_yes, memory_no;

static inline value value_boolean(const struct store *store, bool yes)
{
  return (value)(uintptr_t)(yes ? &memory_yes : &memory_no);
}

/* A string's bytes are the caller's to fill in at once. */
static inline bool make_string(struct store *store, uint32_t length, value *out, char **bytes)
{
  if (!memory_allocate(store, KIND_STRING, length, length, out))
    return false;
  *bytes = (*out)->bytes;
  return true;
}

static inline bool push_integer(struct store *store, int64_t integer)
{
  uintptr_t bits = (uintptr_t)integer << 1 | 1;
  value it = (value)bits;

  if ((intptr_t)bits >> 1 == integer)
    return push(store, it);
  if (!stack_has_room(store) || !memory_allocate(store, KIND_INTEGER, sizeof it->integer, 0, &it))
    return false;
  it->integer = integer;
  return push(store, it);
}

static inline bool push_real(struct store *store, double real)
{
  value it;

  if (!stack_has_room(store) || !memory_allocate(store, KIND_REAL, sizeof it->real, 0, &it))
    return false;
  it->real = real;
  return push(store, it);
}

/* Lists and objects are filled in at once, too; slots of objects are 0. */
static inline bool make_list(struct store *store, uint32_t length, value *out)
{
  return memory_allocate(store, KIND_LIST, length * (uint64_t)sizeof(value), length, out);
}

static inline void list_init(struct store *store, value list, uint32_t i, value item)
{
  node_elements(list)[i] = item;
}

static inline bool make_object(struct store *store, uint32_t count, value *out)
{
  uint64_t slots = object_slots(count) * (uint64_t)sizeof(uint32_t);

  if (!memory_allocate(store, KIND_OBJECT, 2 * (uint64_t)count * sizeof(value) + slots, count, out))
    return false;
  memset(node_slots(*out, count), 0, slots);
  return true;
}

static inline void object_init(struct store *store, value object, uint32_t count, uint32_t i,
                               value key, value it)
{
  node_elements(object)[2 * (size_t)i] = key;
  node_elements(object)[2 * (size_t)i + 1] = it;
}

static inline void object_init_slot(struct store *store, value object, uint32_t count, uint32_t i,
                                    uint32_t number)
{
  node_slots(object, count)[i] = number;
}

/* A document that was parsed: a tree, which is freed node by node. */
bool memory_settle(struct store *store, value document);

/* A key that several objects may have. */
static inline bool memory_share(struct store *store, value key)
{
  if (store->memory.tree && !memory_own(store, key))
    return false;
  key->shared = true;
  return true;
}

/* Whether what is made now is a tree, that nothing else refers into. */
static inline void memory_tree(struct store *store, bool tree)
{
  store->memory.tree = tree;
}

#endif
