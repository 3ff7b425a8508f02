/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Making objects: inline as long as there is room. */
#ifndef JSON_HOST_VALUE_MAKE_SLOTHEAP_H
#define JSON_HOST_VALUE_MAKE_SLOTHEAP_H

/* The same when there is no room: collects a little at a time, under the store's time,
 * or grows. */
bool memory_slow(struct store *store, const slh_type *type, uint32_t length, value *out);

/* `bytes` bytes, with header and length; the padding at the end is 0, the rest is not
 * written. Of a struct the length is overwritten. */
static inline bool memory_object(struct store *store, const slh_type *type, uint64_t bytes,
                                 uint32_t length, value *out)
{
  slh_heap_data *data = slh_heap_get_data(store->memory.heap);
  uint64_t at = data->bump;

  if (__builtin_expect(bytes > data->limit || at > data->limit - bytes, 0))
    return memory_slow(store, type, length, out);
  data->bump = at + bytes;
  out->bits = (uint32_t)at;
  slh_set_u64(store->memory.heap, *out, (uint32_t)bytes - 8, 0);
  slh_set_u32(store->memory.heap, *out, 0, type->header);
  slh_set_u32(store->memory.heap, *out, SLH_ARRAY_LENGTH_OFFSET, length);
  return true;
}

static inline bool memory_array(struct store *store, const slh_type *type, uint32_t length,
                                value *out)
{
  return memory_object(store, type, slh_array_size(type, length), length, out);
}

static inline value value_boolean(const struct store *store, bool yes)
{
  return yes ? store->memory.yes : store->memory.no;
}

/* A string's bytes are the caller's to fill in at once. */
static inline bool make_string(struct store *store, uint32_t length, value *out, char **bytes)
{
  if (!memory_array(store, store->memory.types.string, length, out))
    return false;
  *bytes = slh_address(store->memory.heap, *out, SLH_ARRAY_DATA_OFFSET);
  return true;
}

static inline bool push_integer(struct store *store, int64_t integer)
{
  const slh_type *type = store->memory.types.integer;
  value it = slh_i31((int32_t)integer);

  if (slh_i31_signed(it) == integer)
    return push(store, it);
  if (!memory_object(store, type, type->size, 0, &it))
    return false;
  slh_set_i64(store->memory.heap, it, NUMBER_OFFSET, integer);
  return push(store, it);
}

static inline bool push_real(struct store *store, double real)
{
  const slh_type *type = store->memory.types.real;
  value it;

  if (!memory_object(store, type, type->size, 0, &it))
    return false;
  slh_set_f64(store->memory.heap, it, NUMBER_OFFSET, real);
  return push(store, it);
}

/* Lists and objects are filled in at once, too; slots of objects are 0. */
static inline bool make_list(struct store *store, uint32_t length, value *out)
{
  return memory_array(store, store->memory.types.list, length, out);
}

static inline void list_init(struct store *store, value list, uint32_t i, value item)
{
  slh_init_ref(store->memory.heap, slh_element(list, i, 4), 0, item);
}

static inline bool make_object(struct store *store, uint32_t count, value *out)
{
  uint32_t slots = object_slots(count);

  if (slots == 0)
    return memory_array(store, store->memory.types.object, 2 * count, out);
  if (!memory_array(store, store->memory.types.table, 1 + 2 * count + slots, out))
    return false;
  list_init(store, *out, 0, slh_i31((int32_t)count));
  memset(slh_address(store->memory.heap, slh_element(*out, 1 + 2 * count, 4), 0), 0,
         (size_t)slots * 4);
  return true;
}

static inline void object_init(struct store *store, value object, uint32_t count, uint32_t i,
                               value key, value it)
{
  uint32_t first = count > OBJECT_SMALL;

  list_init(store, object, first + 2 * i, key);
  list_init(store, object, first + 2 * i + 1, it);
}

static inline void object_init_slot(struct store *store, value object, uint32_t count, uint32_t i,
                                    uint32_t number)
{
  list_init(store, object, 1 + 2 * count + i, slh_i31((int32_t)number));
}

/* What lies between two requests in a store is what its roots refer to. */
static inline bool memory_settle(struct store *store, value document)
{
  return true;
}

/* A key that several objects may have. */
static inline bool memory_share(struct store *store, value key)
{
  return true;
}

/* Whether what is made now is a tree, that nothing else refers into. */
static inline void memory_tree(struct store *store, bool tree)
{
  store->memory.collects_first = store->memory.zealous || !tree;
}

#endif
