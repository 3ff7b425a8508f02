/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Values as objects of a heap.
 *
 *   null, integers of 31 bits   no object
 *   true, false                 structs without fields, one each
 *   other integers, doubles     structs of one field
 *   strings                     arrays of bytes
 *   lists                       arrays of references
 *   small objects               arrays of references: key, value, key, value, ...
 *   other objects               the same between their count and their slots, which are
 *                               integers of 31 bits; 0 is null
 */
#ifndef JSON_HOST_VALUE_SLOTHEAP_H
#define JSON_HOST_VALUE_SLOTHEAP_H

#include <slotheap.h>

typedef slh_ref value;

#define VALUE_NULL SLH_NULL
#define NUMBER_OFFSET 8 /* of both kinds of numbers that are objects */

/* Registered once, for all stores. */
struct types {
  const slh_type *string, *list, *object, *table, *integer, *real, *yes, *no;
};

/* What a store has of its memory. */
struct memory {
  slh_heap *heap;
  struct types types;
  value yes, no;
  bool zealous;        /* a test wants collections */
  bool collects_first; /* before it grows */
};

/* The store's memory is its first member. */
static inline const struct memory *memory_of(const struct store *store)
{
  return (const struct memory *)(const void *)store;
}

static inline bool value_is(const struct memory *memory, value it, const slh_type *type)
{
  return slh_get_u32(memory->heap, it, 0) == type->header;
}

static inline enum kind value_kind(const struct store *store, value it)
{
  const struct memory *memory = memory_of(store);
  uint32_t header;

  if (slh_is_i31(it))
    return KIND_INTEGER;
  if (slh_is_null(it))
    return KIND_NULL;
  header = slh_get_u32(memory->heap, it, 0);
  if (header == memory->types.string->header)
    return KIND_STRING;
  if (header == memory->types.object->header || header == memory->types.table->header)
    return KIND_OBJECT;
  if (header == memory->types.list->header)
    return KIND_LIST;
  if (header == memory->types.real->header)
    return KIND_REAL;
  if (header == memory->types.integer->header)
    return KIND_INTEGER;
  return header == memory->types.yes->header ? KIND_TRUE : KIND_FALSE;
}

static inline bool value_same(value a, value b)
{
  return slh_ref_equal(a, b);
}

static inline int64_t value_integer(const struct store *store, value it)
{
  return slh_is_i31(it) ? slh_i31_signed(it)
                        : slh_get_i64(memory_of(store)->heap, it, NUMBER_OFFSET);
}

static inline double value_real(const struct store *store, value it)
{
  return slh_get_f64(memory_of(store)->heap, it, NUMBER_OFFSET);
}

static inline struct text value_text(const struct store *store, value string)
{
  const slh_heap *heap = memory_of(store)->heap;
  struct text text = {slh_address(heap, string, SLH_ARRAY_DATA_OFFSET),
                      slh_array_length(heap, string)};

  return text;
}

/* Word `i` of an array of references. */
static inline value value_word(const struct memory *memory, value array, uint32_t i)
{
  return slh_get_ref(memory->heap, slh_element(array, i, 4), 0);
}

/* Items of a list. */
static inline uint32_t list_length(const struct store *store, value list)
{
  return slh_array_length(memory_of(store)->heap, list);
}

static inline value list_item(const struct store *store, value list, uint32_t i)
{
  return value_word(memory_of(store), list, i);
}

/* Where an object's first key is: a larger one has its count before it. */
static inline uint32_t object_first(const struct memory *memory, value object)
{
  return value_is(memory, object, memory->types.table);
}

static inline uint32_t object_length(const struct store *store, value object)
{
  const struct memory *memory = memory_of(store);

  if (object_first(memory, object) == 0)
    return slh_array_length(memory->heap, object) / 2;
  return slh_i31_unsigned(value_word(memory, object, 0));
}

static inline value object_key(const struct store *store, value object, uint32_t i)
{
  const struct memory *memory = memory_of(store);

  return value_word(memory, object, object_first(memory, object) + 2 * i);
}

static inline value object_value(const struct store *store, value object, uint32_t i)
{
  const struct memory *memory = memory_of(store);

  return value_word(memory, object, object_first(memory, object) + 2 * i + 1);
}

/* Slot `i` of an object that has `count` members, and slots: the number of a member and
 * one, or 0. */
static inline uint32_t object_slot(const struct store *store, value object, uint32_t count,
                                   uint32_t i)
{
  return slh_i31_unsigned(value_word(memory_of(store), object, 1 + 2 * count + i));
}

#endif
