/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * A query over the values in a heap, made as a query engine makes it: a list
 * of the rows selected, a hash table of groups, a sorted answer, all of them
 * objects of the store's heap.
 *
 * What is held across an allocation has a place of its own on the value
 * stack, above the document.
 */
#define _GNU_SOURCE 1 /* qsort_r */

#include "json.h"

#include <stdlib.h>
#include <string.h>

enum place {
  DOCUMENT,
  RECORDS,
  ROWS,
  BUCKETS,
  KEY,
  PLACES
};

struct run {
  struct json_store *store;
  const struct json_query *query;
  uint32_t base;   /* stack position of the document */
  uint32_t rows;   /* entries of the list at ROWS that are rows */
  uint32_t groups; /* in the hash table at BUCKETS */
};

/* What lies at a place. Read it again after every allocation. */
static slh_ref held(const struct run *run, enum place place)
{
  return run->store->stack->values[run->base + place];
}

static void hold(const struct run *run, enum place place, slh_ref value)
{
  run->store->stack->values[run->base + place] = value;
}

/* ---- WHERE ---- */

static bool is_selected(const struct run *run, slh_ref record)
{
  const struct json_query *query = run->query;
  const struct json_store *store = run->store;
  slh_ref value;

  if (!json_object_get_member(store, record, json_text_of(query->where_field), &value))
    return false;
  if (query->where_equals == NULL)
    return true;
  return json_is(store, value, store->types->string) &&
         json_text_equal(json_string_text(store, value), json_text_of(query->where_equals));
}

/* Makes room for at least one more row: a list twice as long, the old one is
 * garbage. */
static slh_status grow_rows(struct run *run)
{
  struct json_store *store = run->store;
  uint32_t capacity = run->rows == 0 ? 8 : run->rows * 2;
  slh_ref rows;
  slh_status status = slh_new_array(store->heap, store->types->list, capacity, &rows);

  if (status != SLH_OK)
    return status;
  for (uint32_t i = 0; i < run->rows; i++)
    slh_init_ref(store->heap, slh_element(rows, i, 4), 0, json_element(store, held(run, ROWS), i));
  hold(run, ROWS, rows);
  return SLH_OK;
}

static slh_status select_rows(struct run *run)
{
  struct json_store *store = run->store;
  uint32_t count = slh_array_length(store->heap, held(run, RECORDS));
  slh_status status = grow_rows(run);

  for (uint32_t i = 0; i < count && status == SLH_OK; i++) {
    if (!is_selected(run, json_element(store, held(run, RECORDS), i)))
      continue;
    if (run->rows == slh_array_length(store->heap, held(run, ROWS)))
      status = grow_rows(run);
    if (status == SLH_OK)
      status = slh_array_set_ref(store->heap, held(run, ROWS), run->rows++,
                                 json_element(store, held(run, RECORDS), i));
  }
  return status;
}

/* ---- GROUP BY ---- */

/* FNV-1a: short keys, no need of more. */
static uint32_t hash_text(struct json_text text)
{
  uint32_t hash = 2166136261u;

  for (uint32_t i = 0; i < text.length; i++)
    hash = (hash ^ (uint8_t)text.bytes[i]) * 16777619u;
  return hash;
}

/* Bytes of the first `characters` characters of UTF-8 text. */
static uint32_t prefix_length(struct json_text text, uint32_t characters)
{
  uint32_t length = 0;

  while (length < text.length && characters > 0) {
    characters--;
    length++;
    while (length < text.length && ((uint8_t)text.bytes[length] & 0xc0) == 0x80)
      length++;
  }
  return length;
}

/* The chain that groups of `hash` are in; there is a power of two of them. */
static uint32_t bucket_of(const struct run *run, slh_ref buckets, uint32_t hash)
{
  return hash & (slh_array_length(run->store->heap, buckets) - 1);
}

/* Makes the hash table, or one twice as large with the same groups. */
static slh_status grow_buckets(struct run *run)
{
  slh_heap *heap = run->store->heap;
  uint32_t old_count = run->groups == 0 ? 0 : slh_array_length(heap, held(run, BUCKETS));
  uint32_t count = old_count == 0 ? 8 : old_count * 2;
  slh_ref buckets;
  slh_status status = slh_new_array(heap, run->store->types->list, count, &buckets);

  if (status != SLH_OK)
    return status;
  for (uint32_t i = 0; i < old_count; i++) {
    slh_ref group = json_element(run->store, held(run, BUCKETS), i);
    while (!slh_is_null(group)) {
      slh_ref next = slh_get_ref(heap, group, JSON_GROUP_NEXT);
      uint32_t bucket = bucket_of(run, buckets, slh_get_u32(heap, group, JSON_GROUP_HASH));
      slh_set_ref(heap, group, JSON_GROUP_NEXT, json_element(run->store, buckets, bucket));
      status = slh_array_set_ref(heap, buckets, bucket, group);
      if (status != SLH_OK)
        return status;
      group = next;
    }
  }
  hold(run, BUCKETS, buckets);
  return SLH_OK;
}

/* Adds a group with the key at KEY and a count of one. */
static slh_status add_group(struct run *run, uint32_t hash)
{
  slh_heap *heap = run->store->heap;
  slh_ref buckets, group;
  uint32_t bucket;
  slh_status status;

  if (run->groups == slh_array_length(heap, held(run, BUCKETS))) {
    status = grow_buckets(run);
    if (status != SLH_OK)
      return status;
  }
  status = slh_new_struct_uninit(heap, run->store->types->group, &group);
  if (status != SLH_OK)
    return status;
  buckets = held(run, BUCKETS);
  bucket = bucket_of(run, buckets, hash);
  slh_init_ref(heap, group, JSON_GROUP_KEY, held(run, KEY));
  slh_init_ref(heap, group, JSON_GROUP_NEXT, json_element(run->store, buckets, bucket));
  slh_set_u32(heap, group, JSON_GROUP_HASH, hash);
  slh_set_u32(heap, group, JSON_GROUP_COUNT, 1);
  run->groups++;
  return slh_array_set_ref(heap, buckets, bucket, group);
}

/* Counts one row in the group whose key is at KEY. */
static slh_status count_key(struct run *run)
{
  slh_heap *heap = run->store->heap;
  struct json_text key = json_string_text(run->store, held(run, KEY));
  uint32_t hash = hash_text(key);
  slh_ref buckets = held(run, BUCKETS);
  slh_ref group = json_element(run->store, buckets, bucket_of(run, buckets, hash));

  for (; !slh_is_null(group); group = slh_get_ref(heap, group, JSON_GROUP_NEXT)) {
    slh_ref other = slh_get_ref(heap, group, JSON_GROUP_KEY);
    if (slh_get_u32(heap, group, JSON_GROUP_HASH) == hash &&
        json_text_equal(json_string_text(run->store, other), key)) {
      uint32_t count = slh_get_u32(heap, group, JSON_GROUP_COUNT);
      slh_set_u32(heap, group, JSON_GROUP_COUNT, count + 1);
      return SLH_OK;
    }
  }
  return add_group(run, hash);
}

/* Puts the key of a row at KEY: a new string, whether or not there is a group
 * for it. `*found` is false if the row has none. */
static slh_status make_key(struct run *run, slh_ref row, bool *found)
{
  struct json_store *store = run->store;
  uint32_t characters = run->query->group_characters;
  slh_ref field, key;
  uint32_t length;
  slh_status status;

  *found = json_object_get_member(store, row, json_text_of(run->query->group_field), &field) &&
           json_is(store, field, store->types->string);
  if (!*found)
    return SLH_OK;
  hold(run, KEY, field);
  if (characters == 0)
    return SLH_OK;
  length = prefix_length(json_string_text(store, field), characters);
  status = slh_new_array_uninit(store->heap, store->types->string, length, &key);
  if (status != SLH_OK)
    return status;
  memcpy(slh_address(store->heap, key, SLH_ARRAY_DATA_OFFSET),
         json_string_text(store, held(run, KEY)).bytes, length);
  hold(run, KEY, key);
  return SLH_OK;
}

static slh_status group_rows(struct run *run)
{
  slh_status status = grow_buckets(run);

  for (uint32_t i = 0; i < run->rows && status == SLH_OK; i++) {
    bool found;
    status = make_key(run, json_element(run->store, held(run, ROWS), i), &found);
    if (status == SLH_OK && found)
      status = count_key(run);
  }
  return status;
}

/* ---- the answer ---- */

static int compare_groups(const void *left, const void *right, void *context)
{
  const struct json_store *store = context;
  slh_ref left_key = slh_get_ref(store->heap, *(const slh_ref *)left, JSON_GROUP_KEY);
  slh_ref right_key = slh_get_ref(store->heap, *(const slh_ref *)right, JSON_GROUP_KEY);
  struct json_text a = json_string_text(store, left_key);
  struct json_text b = json_string_text(store, right_key);
  int order = memcmp(a.bytes, b.bytes, a.length < b.length ? a.length : b.length);

  if (order != 0)
    return order;
  return (a.length > b.length) - (a.length < b.length);
}

/* Pushes all groups, sorted by key. They are sorted on the stack, not in the
 * heap: a sort of raw heap memory would go around the write barrier. */
static slh_status push_sorted_groups(struct run *run)
{
  struct json_store *store = run->store;
  uint32_t first = store->stack->count;
  uint32_t buckets = slh_array_length(store->heap, held(run, BUCKETS));

  for (uint32_t i = 0; i < buckets; i++) {
    slh_ref group = json_element(store, held(run, BUCKETS), i);
    for (; !slh_is_null(group); group = slh_get_ref(store->heap, group, JSON_GROUP_NEXT)) {
      slh_status status = json_push(store, group);
      if (status != SLH_OK)
        return status;
    }
  }
  qsort_r(store->stack->values + first, run->groups, sizeof(slh_ref), compare_groups, store);
  return SLH_OK;
}

/* Pushes the answer: an object that gives each key its count. */
static slh_status push_answer(struct run *run)
{
  struct json_store *store = run->store;
  uint32_t first = store->stack->count;
  slh_status status = push_sorted_groups(run);

  for (uint32_t i = 0; i < run->groups && status == SLH_OK; i++) {
    slh_ref group = store->stack->values[first + i];
    status = json_push(store, slh_get_ref(store->heap, group, JSON_GROUP_KEY));
    if (status == SLH_OK)
      status = json_push_integer(store, slh_get_i32(store->heap, group, JSON_GROUP_COUNT));
    /* That allocates for a count of 2^30 only; the groups are on the stack. */
  }
  if (status != SLH_OK)
    return status;
  return json_make_object(store, first + run->groups);
}

slh_status json_query_run(struct json_store *store, const char *records_key,
                          const struct json_query *query)
{
  struct json_stack *stack = store->stack;
  struct run run = {store, query, stack->count - 1, 0, 0};
  slh_status status = SLH_OK;
  slh_ref records;

  if (!json_object_get_member(store, held(&run, DOCUMENT), json_text_of(records_key), &records) ||
      !json_is(store, records, store->types->list))
    return SLH_E_TYPE;
  for (int place = RECORDS; place < PLACES && status == SLH_OK; place++)
    status = json_push(store, place == RECORDS ? records : SLH_NULL);
  if (status == SLH_OK)
    status = select_rows(&run);
  if (status != SLH_OK)
    return status;
  /* From here on the records that were not selected are garbage. */
  hold(&run, DOCUMENT, SLH_NULL);
  hold(&run, RECORDS, SLH_NULL);
  status = group_rows(&run);
  if (status == SLH_OK)
    status = push_answer(&run);
  if (status != SLH_OK)
    return status;
  hold(&run, DOCUMENT, stack->values[stack->count - 1]);
  stack->count = run.base + 1;
  return SLH_OK;
}
