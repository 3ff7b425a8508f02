/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Registering types: layout, trace map, and the table of them. */
#include "lib/header.h"
#include "lib/object.h"
#include "lib/runtime.h"
#include "pool/error.h"

#define FIRST_CAPACITY 32

/* A registration: the public type and all it points at, in one block. */
struct record {
  slh_type type;
  slh_field fields[];
};

/* ---- the table ---- */

static struct type_table *new_table(const slh_allocator *allocator, uint32_t capacity)
{
  size_t each = sizeof(struct shape) + sizeof(slh_type *);
  struct type_table *table = slhi_allocate(allocator, sizeof *table + capacity * each);

  if (!table)
    return NULL;
  table->older = NULL;
  table->capacity = capacity;
  table->types = (const slh_type **)(void *)(table->shapes + capacity);
  return table;
}

slh_status slhi_types_open(slh_runtime *runtime)
{
  struct type_table *table = new_table(&runtime->allocator, FIRST_CAPACITY);

  if (!table)
    return SLH_E_NOMEM;
  memset(&table->shapes[0], 0, sizeof table->shapes[0]);
  table->shapes[0].header = SLHI_FILLER_HEADER;
  table->types[0] = NULL;
  atomic_init(&runtime->table, table);
  atomic_init(&runtime->type_count, 1);
  return SLH_OK;
}

void slhi_types_close(slh_runtime *runtime)
{
  const slh_allocator *allocator = &runtime->allocator;
  struct type_table *table = atomic_load(&runtime->table);

  for (uint32_t i = atomic_load(&runtime->type_count); i-- > 1;) {
    slhi_free(allocator, (void *)(uintptr_t)table->shapes[i].more);
    slhi_free(allocator, (void *)(uintptr_t)table->types[i]);
  }
  while (table) {
    struct type_table *older = table->older;

    slhi_free(allocator, table);
    table = older;
  }
}

/* A table with room for one more than `count`; the current one if it has. */
static struct type_table *roomy_table(slh_runtime *runtime, uint32_t count)
{
  struct type_table *table = atomic_load_explicit(&runtime->table, memory_order_relaxed);
  struct type_table *larger;

  if (count < table->capacity)
    return table;
  larger = new_table(&runtime->allocator, 2 * table->capacity);
  if (!larger)
    return NULL;
  memcpy(larger->shapes, table->shapes, count * sizeof *table->shapes);
  memcpy((void *)larger->types, table->types, count * sizeof *table->types);
  larger->older = table;
  atomic_store_explicit(&runtime->table, larger, memory_order_release);
  return larger;
}

/* Gives the type its index and makes it visible to all threads. */
static slh_status publish(slh_runtime *runtime, struct record *record, struct shape *shape)
{
  slh_type *type = &record->type;
  struct type_table *table;
  uint32_t count;

  pthread_mutex_lock(&runtime->lock);
  count = atomic_load_explicit(&runtime->type_count, memory_order_relaxed);
  table = count <= SLH_TYPES_MAX ? roomy_table(runtime, count) : NULL;
  if (table) {
    type->index = count;
    type->header = slhi_header(type->kind, count);
    shape->header = type->header;
    table->shapes[count] = *shape;
    table->types[count] = type;
    atomic_store_explicit(&runtime->type_count, count + 1, memory_order_release);
  }
  pthread_mutex_unlock(&runtime->lock);
  if (table)
    return SLH_OK;
  return count <= SLH_TYPES_MAX ? SLH_E_NOMEM : SLH_E_LIMIT;
}

const slh_type *slh_runtime_type(const slh_runtime *runtime, uint32_t index)
{
  uint32_t count = atomic_load_explicit(&runtime->type_count, memory_order_acquire);
  const struct type_table *table = atomic_load_explicit(&runtime->table, memory_order_acquire);

  return index < count ? table->types[index] : NULL;
}

/* ---- records ---- */

/* The block holds the record, its fields, and all names one after the other. */
static struct record *new_record(const slh_allocator *allocator, const char *name,
                                 const slh_field *fields, size_t count)
{
  size_t names = strlen(name) + 1;
  size_t fixed = sizeof(struct record) + count * sizeof *fields;
  struct record *record;
  char *next;

  for (size_t i = 0; i < count; i++)
    names += fields[i].name ? strlen(fields[i].name) + 1 : 0;
  record = slhi_allocate(allocator, fixed + names);
  if (!record)
    return NULL;
  memset(record, 0, sizeof *record);
  next = (char *)record + fixed;
  record->type.name = strcpy(next, name);
  next += strlen(name) + 1;
  for (size_t i = 0; i < count; i++) {
    record->fields[i] = fields[i];
    if (!fields[i].name)
      continue;
    record->fields[i].name = strcpy(next, fields[i].name);
    next += strlen(fields[i].name) + 1;
  }
  record->type.fields = record->fields;
  record->type.field_count = (uint32_t)count;
  return record;
}

/* ---- structs ---- */

static slh_status check_fields(const slh_runtime *runtime, const slh_type *supertype,
                               const slh_field *fields, size_t count, slh_error *error)
{
  /* The smallest field takes a byte, so more cannot fit; also keeps counts
   * in 32 bits. */
  if (count > SLH_STRUCT_SIZE_MAX)
    return slhi_error(error, SLH_E_TOO_LARGE, "%zu fields: a struct has at most %u bytes", count,
                      SLH_STRUCT_SIZE_MAX);
  for (size_t i = 0; i < count; i++) {
    if ((unsigned)fields[i].storage > SLH_REF)
      return slhi_error(error, SLH_E_INVALID, "field %zu has storage %d, allowed are 0 to %d", i,
                        (int)fields[i].storage, (int)SLH_REF);
  }
  if (!supertype)
    return SLH_OK;
  if (slh_runtime_type(runtime, supertype->index) != supertype)
    return slhi_error(error, SLH_E_INVALID, "the supertype is not a type of this runtime");
  if (supertype->kind != SLH_KIND_STRUCT)
    return slhi_error(error, SLH_E_INVALID, "the supertype %s is not a struct", supertype->name);
  for (uint32_t i = 0; i < supertype->field_count; i++) {
    if (i >= count || fields[i].storage != supertype->fields[i].storage)
      return slhi_error(error, SLH_E_INVALID, "field %u is not that of the supertype %s",
                        (unsigned)i, supertype->name);
  }
  return SLH_OK;
}

/* Sets all offsets. Returns the bytes of an object. */
static uint64_t lay_out(slh_field *fields, size_t count)
{
  uint64_t at = 4;

  for (size_t i = 0; i < count; i++) {
    uint32_t bytes = slh_storage_size(fields[i].storage);
    uint32_t align = bytes < SLHI_OBJECT_ALIGN ? bytes : SLHI_OBJECT_ALIGN;

    at = (at + align - 1) & ~(uint64_t)(align - 1);
    fields[i].offset = (uint32_t)at;
    at += bytes;
  }
  return slhi_align_object(at);
}

static slh_status map_references(const slh_allocator *allocator, const slh_type *type,
                                 struct shape *shape)
{
  uint32_t beyond = 0;
  uint32_t *more;

  for (uint32_t i = 0; i < type->field_count; i++) {
    uint32_t word = type->fields[i].offset / 4;

    if (type->fields[i].storage != SLH_REF)
      continue;
    if (word < SLHI_MAP_WORDS)
      shape->refs |= UINT64_C(1) << word;
    else
      beyond++;
  }
  if (beyond == 0)
    return SLH_OK;
  more = slhi_allocate(allocator, beyond * sizeof *more);
  if (!more)
    return SLH_E_NOMEM;
  shape->more = more;
  shape->more_count = beyond;
  for (uint32_t i = 0; i < type->field_count; i++) {
    if (type->fields[i].storage == SLH_REF && type->fields[i].offset / 4 >= SLHI_MAP_WORDS)
      *more++ = type->fields[i].offset;
  }
  return SLH_OK;
}

slh_status slh_struct_type_new(slh_runtime *runtime, const char *name, const slh_type *supertype,
                               const slh_field *fields, size_t field_count, const slh_type **out,
                               slh_error *error)
{
  const slh_allocator *allocator = &runtime->allocator;
  struct shape shape = {0};
  struct record *record;
  uint64_t bytes;
  slh_status status = check_fields(runtime, supertype, fields, field_count, error);

  if (status != SLH_OK)
    return status;
  record = new_record(allocator, name ? name : "struct", fields, field_count);
  if (!record)
    return slhi_error(error, SLH_E_NOMEM, "no memory for a type");
  bytes = lay_out(record->fields, field_count);
  if (bytes > SLH_STRUCT_SIZE_MAX) {
    status = slhi_error(error, SLH_E_TOO_LARGE, "struct %s takes %llu bytes, allowed are %u",
                        record->type.name, (unsigned long long)bytes, SLH_STRUCT_SIZE_MAX);
    slhi_free(allocator, record);
    return status;
  }
  record->type.kind = SLH_KIND_STRUCT;
  record->type.size = shape.bytes = (uint32_t)bytes;
  record->type.supertype = supertype;
  status = map_references(allocator, &record->type, &shape);
  if (status == SLH_OK)
    status = publish(runtime, record, &shape);
  if (status != SLH_OK) {
    slhi_free(allocator, (void *)(uintptr_t)shape.more);
    slhi_free(allocator, record);
    return slhi_error(error, status, "registering a struct type: %s", slh_status_text(status));
  }
  *out = &record->type;
  return SLH_OK;
}

/* ---- arrays ---- */

slh_status slh_array_type_new(slh_runtime *runtime, const char *name, slh_storage element,
                              const slh_type **out, slh_error *error)
{
  const slh_allocator *allocator = &runtime->allocator;
  slh_field field = {NULL, element, SLH_ARRAY_DATA_OFFSET};
  struct shape shape = {0};
  struct record *record;
  slh_status status = check_fields(runtime, NULL, &field, 1, error);

  if (status != SLH_OK)
    return status;
  record = new_record(allocator, name ? name : "array", &field, 1);
  if (!record)
    return slhi_error(error, SLH_E_NOMEM, "no memory for a type");
  record->type.kind = SLH_KIND_ARRAY;
  record->type.size = shape.element = slh_storage_size(element);
  shape.refs = element == SLH_REF;
  status = publish(runtime, record, &shape);
  if (status != SLH_OK) {
    slhi_free(allocator, record);
    return slhi_error(error, status, "registering an array type: %s", slh_status_text(status));
  }
  *out = &record->type;
  return SLH_OK;
}
