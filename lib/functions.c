/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include <slotheap/host.h>

#include "lib/functions.h"

#include "lib/tables.h"

/* The bucket that has `function`, or the empty one where it belongs. */
static uint32_t find_bucket(const struct functions *table, const void *function)
{
  uint32_t mask = 2 * table->capacity - 1;
  uint32_t bucket = slhi_hash((uintptr_t)function) & mask;

  while (table->buckets[bucket] != 0 && table->functions[table->buckets[bucket] - 1] != function)
    bucket = (bucket + 1) & mask;
  return bucket;
}

/* Room for one more function. */
static slh_status reserve(slh_heap *heap, struct functions *table)
{
  uint32_t before = table->capacity;
  slh_status status = slhi_table_reserve(
      heap, &table->capacity, (uint64_t)table->count + 1, UINT32_MAX / 2, &table->functions,
      sizeof *table->functions, &table->buckets, 2 * sizeof *table->buckets);

  if (table->capacity == before)
    return status;
  memset(table->buckets, 0, 2 * (size_t)table->capacity * sizeof *table->buckets);
  for (uint32_t i = 0; i < table->count; i++)
    table->buckets[find_bucket(table, table->functions[i])] = i + 1;
  return SLH_OK;
}

void slhi_functions_forget(struct functions *table)
{
  if (table->count != 0)
    memset(table->buckets, 0, 2 * (size_t)table->capacity * sizeof *table->buckets);
  table->count = 0;
}

slh_status slhi_function_add(slh_heap *heap, const void *function)
{
  struct functions *table = &slhi_heap_tables(heap)->functions;
  slh_status status = reserve(heap, table);
  uint32_t *bucket;

  if (status != SLH_OK)
    return status;
  bucket = &table->buckets[find_bucket(table, function)];
  table->functions[table->count++] = function;
  if (*bucket == 0)
    *bucket = table->count;
  return SLH_OK;
}

slh_status slh_funcref_intern(slh_heap *heap, const void *function, uint32_t *out)
{
  struct tables *tables;
  struct functions *table;
  uint32_t number;
  slh_status status;

  slhi_require_idle(heap, "slh_funcref_intern");
  status = slhi_tables(heap, &tables);
  if (status != SLH_OK)
    return status;
  table = &tables->functions;
  number = function && table->count != 0 ? table->buckets[find_bucket(table, function)] : 0;
  if (function && number == 0) {
    status = slhi_function_add(heap, function);
    number = table->count;
  }
  if (status == SLH_OK)
    *out = number;
  return status;
}

slh_status slh_funcref_function(const slh_heap *heap, uint32_t number, const void **out)
{
  if (number == 0) {
    *out = NULL;
    return SLH_OK;
  }
  if (!slhi_heap_tables(heap) || number > slhi_heap_tables(heap)->functions.count)
    return SLH_E_CORRUPT;
  *out = slhi_heap_tables(heap)->functions.functions[number - 1];
  return SLH_OK;
}
