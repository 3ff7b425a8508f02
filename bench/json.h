/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * The JSON workload: what its parts share.
 *
 *   json-workload.c   a store from acquire to release, and the check of its answer
 *   json-documents.c  the documents: whole files of iso-codes and batches cut from them
 *   json-baseline.c   the expected answers, computed with jansson
 *   json-parse.c      text to values in the store's heap
 *   json-query.c      a query over those values
 *   json-write.c      a value to text
 *   json-values.c     JSON values as objects of a heap
 *
 * A value is an slh_ref: SLH_NULL is null, an i31 is an integer that fits,
 * everything else is an object of one of the types in json_types.
 *
 * Any allocation can collect and move every object. So a reference that lives
 * across one lies on the value stack, which is a root of the heap.
 */
#ifndef BENCH_JSON_H
#define BENCH_JSON_H

#include <slotheap.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <yajl/yajl_gen.h>

#include "random.h"
#include "workload.h"

/* ---- values ---- */

struct json_types {
  const slh_type *string;  /* array of i8: UTF-8 */
  const slh_type *list;    /* array of values */
  const slh_type *members; /* array of values: key, value, key, value, ... */
  const slh_type *object;  /* struct: its members */
  const slh_type *number;  /* struct: a double, what an i31 cannot hold */
  const slh_type *boolean; /* struct: 0 or 1 */
  const slh_type *group;   /* struct of a query: key, next in bucket, hash, count */
};

/* Offsets of the fields; json_types_register checks that the library agrees. */
enum {
  JSON_OBJECT_MEMBERS = 4,
  JSON_NUMBER_VALUE = 8,
  JSON_BOOLEAN_VALUE = 4,
  JSON_GROUP_KEY = 4,
  JSON_GROUP_NEXT = 8,
  JSON_GROUP_HASH = 12,
  JSON_GROUP_COUNT = 16,
};

/* The value stack of one thread, reused by all its stores. */
struct json_stack {
  slh_ref *values;
  uint32_t count;
  uint32_t capacity;
};

/* The store that is being served: what all code that makes values needs. */
struct json_store {
  slh_heap *heap;
  const struct json_types *types;
  struct json_stack *stack;
};

/* Bytes of a string; when they lie in a heap, until the next allocation. */
struct json_text {
  const char *bytes;
  uint32_t length;
};

slh_status json_types_register(slh_runtime *runtime, struct json_types *types, slh_error *error);

/* Grows the stack; for json_push. */
slh_status json_stack_grow(struct json_stack *stack);
void json_stack_free(struct json_stack *stack);

/* Lists the value stack for a collection; its host is a struct json_stack. */
void json_enumerate_roots(void *host, slh_heap *heap, slh_roots *roots);

/* Each of these makes a value and pushes it. */
slh_status json_push_string(struct json_store *store, const void *bytes, size_t length);
slh_status json_push_integer(struct json_store *store, long long integer);
slh_status json_push_number(struct json_store *store, double number);
slh_status json_push_boolean(struct json_store *store, bool boolean);

/* Each of these replaces the values from stack position `first` on by one
 * value made of them. Those of an object are key, value, key, value, ... */
slh_status json_make_list(struct json_store *store, uint32_t first);
slh_status json_make_object(struct json_store *store, uint32_t first);

/* The value of a member; the last one if there are several, as jansson has
 * it. False if there is none, or if `object` is no object. */
bool json_object_get_member(const struct json_store *store, slh_ref object, struct json_text key,
                            slh_ref *value);

static inline SLH_NODISCARD slh_status json_push(struct json_store *store, slh_ref value)
{
  struct json_stack *stack = store->stack;

  if (SLH_UNLIKELY(stack->count == stack->capacity)) {
    slh_status status = json_stack_grow(stack);
    if (status != SLH_OK)
      return status;
  }
  stack->values[stack->count++] = value;
  return SLH_OK;
}

/* Whether `value` is an object of `type`. Every object of a type carries the
 * same header word between collections, so one comparison tells. */
static inline bool json_is(const struct json_store *store, slh_ref value, const slh_type *type)
{
  return slh_is_object(value) && slh_get_u32(store->heap, value, 0) == type->header;
}

/* Element `index` of a list or of members; `index` must be below its length. */
static inline slh_ref json_element(const struct json_store *store, slh_ref array, uint32_t index)
{
  return slh_get_ref(store->heap, slh_element(array, index, 4), 0);
}

static inline struct json_text json_string_text(const struct json_store *store, slh_ref string)
{
  struct json_text text = {slh_address(store->heap, string, SLH_ARRAY_DATA_OFFSET),
                           slh_array_length(store->heap, string)};
  return text;
}

static inline bool json_text_equal(struct json_text a, struct json_text b)
{
  return a.length == b.length && memcmp(a.bytes, b.bytes, a.length) == 0;
}

struct json_text json_text_of(const char *string);

/* ---- parse, query, write ---- */

/* Parses a document and pushes its value. On failure `error` says why:
 * SLH_E_INVALID if the text is no JSON, else a status of the library. */
slh_status json_parse(struct json_store *store, const char *text, size_t length, slh_error *error);

/* SELECT the first `group_characters` characters (0: all) of `group_field`,
 * COUNT(*) WHERE `where_field` is there (and is the string `where_equals`,
 * unless NULL) GROUP BY the first. Records without a string in `group_field`
 * are left out. */
struct json_query {
  const char *where_field;
  const char *where_equals;
  const char *group_field;
  uint32_t group_characters;
};

/* Runs a query over the list `records_key` of the document on top of the
 * stack and leaves the answer there instead: an object of counts, its keys
 * sorted. SLH_E_TYPE if there is no such list. */
slh_status json_query_run(struct json_store *store, const char *records_key,
                          const struct json_query *query);

/* Writes a value. SLH_E_LIMIT if it is nested too deeply, SLH_E_INVALID if it
 * holds a number JSON cannot express, SLH_E_TYPE if it is no JSON value. */
slh_status json_write(const struct json_store *store, slh_ref value, yajl_gen generator);

/* ---- documents ---- */

#define JSON_FAMILIES 8
#define JSON_QUERIES_MAX 4

/* One file of iso-codes: iso_<name>.json, {"<name>": [record, ...]}. */
struct json_family {
  const char *name;
  struct json_query queries[JSON_QUERIES_MAX];
};

extern const struct json_family json_families[JSON_FAMILIES];

enum json_size {
  JSON_SMALL,
  JSON_MEDIUM,
  JSON_WHOLE,
  JSON_SIZES
};

struct json_document {
  const struct json_family *family;
  const struct json_query *query;
  enum json_size size;
  uint32_t records;
  char *text;
  size_t length;
  char *expected; /* the answer, computed with jansson */
};

struct json_range {
  size_t first;
  size_t count;
};

struct json_documents {
  struct json_document *items;
  size_t count;
  size_t capacity;
  struct json_range ranges[JSON_SIZES][JSON_FAMILIES];
};

/* Reads the files, cuts the batches and computes the answers. On failure
 * prints a line to stderr; the caller frees what there is. */
bool json_documents_load(struct json_documents *documents, uint64_t seed);
void json_documents_free(struct json_documents *documents);

/* One of them: 90% small, 9.5% medium, 0.5% whole; every family as often. */
const struct json_document *json_documents_pick(const struct json_documents *documents,
                                                struct random *random);

/* The answer of `query` over `text` as jansson computes it; malloc'ed. NULL,
 * with a line on stderr, if the text is no such document or memory is out. */
char *json_baseline_answer(const char *text, size_t length, const char *records_key,
                           const struct json_query *query);

/* ---- the workload ---- */

/* What `open` returns; read-only for the threads. */
struct json_workload {
  slh_runtime *runtime;
  struct workload_options options;
  struct json_types types;
  struct json_documents documents;
};

#endif
