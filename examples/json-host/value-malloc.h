/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Values as nodes of malloc, one allocation a node: strings have their bytes in the
 * node, lists and objects all their elements. Null is NULL, integers that fit into a
 * pointer without its lowest bit are no node, true and false are two for all.
 *
 * What becomes of them when the store ends is in memory-malloc.c.
 */
#ifndef JSON_HOST_VALUE_MALLOC_H
#define JSON_HOST_VALUE_MALLOC_H

#include <string.h>

struct node {
  uint8_t kind;
  bool shared;     /* not of one list or object alone: these do not free it */
  uint32_t length; /* of strings and lists; members of an object */
  union {
    char bytes[8];            /* and so on */
    struct node *elements[1]; /* a list's, or an object's keys and values; then its slots */
    int64_t integer;
    double real;
  };
};

typedef struct node *value;

#define VALUE_NULL NULL

/* What a store has of its memory. */
struct memory {
  uint64_t used;  /* bytes of nodes */
  uint64_t limit; /* that they may have */
  value *owned;   /* to be freed at the end; see memory-malloc.c */
  size_t owned_count, owned_capacity;
  bool tree; /* what is made now is owned by what it becomes a part of */
};

static inline enum kind value_kind(const struct store *store, value it)
{
  if (((uintptr_t)it & 1) != 0)
    return KIND_INTEGER;
  return it == NULL ? KIND_NULL : (enum kind)it->kind;
}

static inline bool value_same(value a, value b)
{
  return a == b;
}

static inline int64_t value_integer(const struct store *store, value it)
{
  return ((uintptr_t)it & 1) != 0 ? (int64_t)(intptr_t)it >> 1 : it->integer;
}

static inline double value_real(const struct store *store, value it)
{
  return it->real;
}

static inline struct text value_text(const struct store *store, value string)
{
  struct text text = {string->bytes, string->length};

  return text;
}

static inline uint32_t list_length(const struct store *store, value list)
{
  return list->length;
}

/* The elements lie behind one another; the union only says where they begin. */
static inline value *node_elements(value it)
{
  return (value *)(void *)((char *)it + offsetof(struct node, elements));
}

static inline value list_item(const struct store *store, value list, uint32_t i)
{
  return node_elements(list)[i];
}

static inline uint32_t object_length(const struct store *store, value object)
{
  return object->length;
}

static inline value object_key(const struct store *store, value object, uint32_t i)
{
  return node_elements(object)[2 * (size_t)i];
}

static inline value object_value(const struct store *store, value object, uint32_t i)
{
  return node_elements(object)[2 * (size_t)i + 1];
}

static inline uint32_t *node_slots(value object, uint32_t count)
{
  return (uint32_t *)(void *)(node_elements(object) + 2 * (size_t)count);
}

static inline uint32_t object_slot(const struct store *store, value object, uint32_t count,
                                   uint32_t i)
{
  return node_slots(object, count)[i];
}

#endif
