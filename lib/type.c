/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Registering types: layout, trace map, and the table of them. */
#include "lib/header.h"
#include "lib/heap.h"
#include "lib/object.h"
#include "lib/runtime.h"
#include "pool/error.h"
#include "pool/process.h"

#define FIRST_CAPACITY 32

/* Indices that every runtime has: the filler's, and the externrefs'. */
#define FIXED_TYPES 2

/* A registration, in one block: the public type, its fields, its display, and
 * all names. */
struct record {
  slh_type type;
  uint32_t *offsets; /* of its shape */
  slh_field fields[];
};

static const slh_type *const extern_display[];

static const slh_type extern_type = {
    .header = SLHI_EXTERN_HEADER,
    .size = SLHI_EXTERN_BYTES,
    .kind = SLH_KIND_EXTERN,
    .index = SLHI_EXTERN_INDEX,
    .display = extern_display,
    .name = "externref",
};

static const slh_type *const extern_display[] = {&extern_type};

const slh_type *slh_externref_type(const slh_runtime *runtime)
{
  (void)runtime;
  return &extern_type;
}

/* ---- the table ---- */

static struct type_table *new_table(const slh_allocator *allocator, uint32_t capacity)
{
  size_t each = sizeof(struct shape) + sizeof(_Atomic(const slh_type *));
  struct type_table *table = slhi_allocate(allocator, sizeof *table + capacity * each);

  if (!table)
    return NULL;
  memset(table, 0, sizeof *table + capacity * each);
  table->capacity = capacity;
  table->types = (void *)(table->shapes + capacity);
  return table;
}

slh_status slhi_types_open(slh_runtime *runtime)
{
  struct type_table *table = new_table(&runtime->allocator, FIRST_CAPACITY);

  if (!table)
    return SLH_E_NOMEM;
  table->shapes[0].header = SLHI_FILLER_HEADER;
  table->shapes[0].small = SLHI_FORWARDED; /* a header of zero is none */
  table->shapes[SLHI_EXTERN_INDEX].header = SLHI_EXTERN_HEADER;
  atomic_init(&table->types[SLHI_EXTERN_INDEX], &extern_type);
  atomic_init(&runtime->table, table);
  atomic_init(&runtime->type_count, FIXED_TYPES);
  return SLH_OK;
}

static void free_record(const slh_allocator *allocator, struct record *record)
{
  slhi_free(allocator, record->offsets);
  slhi_free(allocator, record);
}

static struct record *record_of(const slh_type *type)
{
  return (struct record *)(uintptr_t)type;
}

/* What the current table has at `index`, which is below the count. */
static const slh_type *type_at(const slh_runtime *runtime, uint32_t index)
{
  const struct type_table *table = atomic_load_explicit(&runtime->table, memory_order_acquire);

  return atomic_load_explicit(&table->types[index], memory_order_acquire);
}

void slhi_types_close(slh_runtime *runtime)
{
  struct type_table *table = atomic_load(&runtime->table);

  for (uint32_t i = atomic_load(&runtime->type_count); i-- > FIXED_TYPES;) {
    if (type_at(runtime, i))
      free_record(&runtime->allocator, record_of(type_at(runtime, i)));
  }
  while (table) {
    struct type_table *older = table->older;

    slhi_free(&runtime->allocator, table);
    table = older;
  }
}

/* Replaces the full table by a larger one. */
static slh_status widen_table(slh_runtime *runtime, uint32_t count)
{
  struct type_table *table = atomic_load_explicit(&runtime->table, memory_order_relaxed);
  struct type_table *larger = new_table(&runtime->allocator, 2 * table->capacity);

  if (!larger)
    return SLH_E_NOMEM;
  memcpy(larger->shapes, table->shapes, count * sizeof *table->shapes);
  for (uint32_t i = 0; i < count; i++)
    atomic_init(&larger->types[i], type_at(runtime, i));
  larger->older = table;
  atomic_store_explicit(&runtime->table, larger, memory_order_release);
  return SLH_OK;
}

/* The index that the next type gets: one that was given back, or a new one. */
static slh_status choose_index(slh_runtime *runtime, uint32_t *out)
{
  uint32_t count = atomic_load_explicit(&runtime->type_count, memory_order_relaxed);
  uint32_t index = FIXED_TYPES;

  if (runtime->free_indices != 0) {
    while (type_at(runtime, index))
      index++;
  } else {
    index = count;
  }
  *out = index;
  if (index > SLH_TYPES_MAX)
    return SLH_E_LIMIT;
  if (index == atomic_load_explicit(&runtime->table, memory_order_relaxed)->capacity)
    return widen_table(runtime, count);
  return SLH_OK;
}

/* Enters a type at `index`; its shape's header last, for readers know it by
 * that. */
static void enter(slh_runtime *runtime, struct record *record, const struct shape *shape,
                  uint32_t index)
{
  struct type_table *table = atomic_load_explicit(&runtime->table, memory_order_relaxed);
  slh_type *type = &record->type;
  struct shape *entry = &table->shapes[index];

  type->index = index;
  type->header = slhi_header(type->kind, index);
  entry->bytes = shape->bytes;
  entry->element = shape->element;
  entry->refs = shape->refs;
  entry->offsets = shape->offsets;
  atomic_store_explicit(&table->types[index], type, memory_order_release);
  __atomic_store_n(&entry->header, type->header, __ATOMIC_RELEASE);
  if (shape->bytes != 0 && shape->bytes <= SLHI_SMALL_BYTES)
    __atomic_store_n(&entry->small, type->header, __ATOMIC_RELEASE);
}

/* Gives the type its index and makes it visible to all threads. */
static slh_status publish(slh_runtime *runtime, struct record *record, const struct shape *shape)
{
  slh_status status;
  uint32_t index;

  slhi_process_lock();
  status = choose_index(runtime, &index);
  if (status == SLH_OK) {
    enter(runtime, record, shape, index);
    if (index == atomic_load_explicit(&runtime->type_count, memory_order_relaxed))
      atomic_store_explicit(&runtime->type_count, index + 1, memory_order_release);
    else
      runtime->free_indices--;
  }
  slhi_process_unlock();
  return status;
}

const slh_type *slh_runtime_type(const slh_runtime *runtime, uint32_t index)
{
  /* The count first: the table that is read after it is at least as new. */
  uint32_t count = atomic_load_explicit(&runtime->type_count, memory_order_acquire);

  return index < count ? type_at(runtime, index) : NULL;
}

/* ---- unregistering ---- */

static const slh_type *subtype_of(slh_runtime *runtime, const slh_type *type)
{
  for (uint32_t i = atomic_load(&runtime->type_count); i-- > FIXED_TYPES;) {
    const slh_type *other = type_at(runtime, i);

    if (other && other->supertype == type)
      return other;
  }
  return NULL;
}

static slh_status check_unused(slh_runtime *runtime, const slh_type *type, slh_error *error)
{
  const slh_type *subtype;
  uint32_t index = atomic_load(&runtime->type_count);

  /* Not by its own index: it may have been freed. */
  while (index > FIXED_TYPES && type_at(runtime, index - 1) != type)
    index--;
  if (index == FIXED_TYPES)
    return slhi_error(error, SLH_E_INVALID, "not a type that was registered in this runtime");
  subtype = subtype_of(runtime, type);
  if (subtype)
    return slhi_error(error, SLH_E_INVALID, "%s is the supertype of %s, which is registered",
                      type->name, subtype->name);
  if (slhi_runtime_has_heaps(runtime))
    return slhi_error(error, SLH_E_BUSY, "a heap of the runtime is alive and may hold %s",
                      type->name);
  if (atomic_load(&runtime->images) != 0)
    return slhi_error(error, SLH_E_BUSY, "an image of the runtime may hold %s", type->name);
  return SLH_OK;
}

slh_status slh_type_unregister(slh_runtime *runtime, const slh_type *type, slh_error *error)
{
  struct type_table *table;
  slh_status status;

  slhi_process_lock();
  status = check_unused(runtime, type, error);
  if (status == SLH_OK) {
    table = atomic_load_explicit(&runtime->table, memory_order_relaxed);
    __atomic_store_n(&table->shapes[type->index].small, 0, __ATOMIC_RELEASE);
    __atomic_store_n(&table->shapes[type->index].header, 0, __ATOMIC_RELEASE);
    atomic_store_explicit(&table->types[type->index], NULL, memory_order_release);
    runtime->free_indices++;
    free_record(&runtime->allocator, record_of(type));
  }
  slhi_process_unlock();
  return status;
}

/* ---- records ---- */

static char *copy_name(char **next, const char *name)
{
  size_t size = strlen(name) + 1;
  char *copy = memcpy(*next, name, size);

  *next += size;
  return copy;
}

static struct record *new_record(const slh_allocator *allocator, const char *name,
                                 const slh_type *supertype, const slh_field *fields, size_t count)
{
  uint32_t depth = supertype ? supertype->depth + 1 : 0;
  size_t fixed = sizeof(struct record) + count * sizeof *fields;
  size_t display = (depth + (size_t)1) * sizeof(slh_type *);
  size_t names = strlen(name) + 1;
  const slh_type **ancestors;
  struct record *record;
  char *next;

  for (size_t i = 0; i < count; i++)
    names += fields[i].name ? strlen(fields[i].name) + 1 : 0;
  record = slhi_allocate(allocator, fixed + display + names);
  if (!record)
    return NULL;
  memset(record, 0, sizeof *record);
  ancestors = (const slh_type **)(void *)((char *)record + fixed);
  if (supertype)
    memcpy((void *)ancestors, supertype->display, display - sizeof *ancestors);
  ancestors[depth] = &record->type;
  next = (char *)record + fixed + display;
  record->type.name = copy_name(&next, name);
  for (size_t i = 0; i < count; i++) {
    record->fields[i] = fields[i];
    if (fields[i].name)
      record->fields[i].name = copy_name(&next, fields[i].name);
  }
  record->type.supertype = supertype;
  record->type.depth = depth;
  record->type.display = ancestors;
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
    if ((unsigned)fields[i].storage > SLH_FUNCREF)
      return slhi_error(error, SLH_E_INVALID, "field %zu has storage %d, allowed are 0 to %d", i,
                        (int)fields[i].storage, (int)SLH_FUNCREF);
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

/* All offsets of references, after their number. NULL: no memory. */
static uint32_t *list_offsets(const slh_allocator *allocator, const slh_type *type, uint32_t count)
{
  uint32_t *offsets = slhi_allocate(allocator, (count + (size_t)1) * sizeof *offsets);
  uint32_t next = 0;

  if (!offsets)
    return NULL;
  for (uint32_t i = 0; i < type->field_count; i++) {
    if (type->fields[i].storage == SLH_REF)
      offsets[++next] = type->fields[i].offset;
  }
  offsets[0] = count;
  return offsets;
}

/* The trace map of a struct: packed if it fits, else a list. */
static slh_status map_references(const slh_allocator *allocator, struct record *record,
                                 struct shape *shape)
{
  const slh_type *type = &record->type;
  bool packed = type->size <= SLHI_LAZY_BYTES;
  uint32_t count = 0;

  for (uint32_t i = 0; i < type->field_count; i++) {
    uint32_t offset = type->fields[i].offset;

    if (type->fields[i].storage != SLH_REF)
      continue;
    packed = packed && count < SLHI_MAP_REFS && offset <= UINT8_MAX;
    if (packed)
      shape->refs |= (uint64_t)offset << (8 * count);
    count++;
  }
  if (packed)
    return SLH_OK;
  shape->refs = 0;
  shape->offsets = record->offsets = list_offsets(allocator, type, count);
  return shape->offsets ? SLH_OK : SLH_E_NOMEM;
}

/* Registers what has the fields of a struct. */
static slh_status new_fields_type(slh_runtime *runtime, const char *name, slh_kind kind,
                                  const slh_type *supertype, const slh_field *fields, size_t count,
                                  const slh_type **out, slh_error *error)
{
  const slh_allocator *allocator = &runtime->allocator;
  struct shape shape = {0};
  struct record *record;
  uint64_t bytes;
  slh_status status = check_fields(runtime, supertype, fields, count, error);

  if (status != SLH_OK)
    return status;
  record = new_record(allocator, name, supertype, fields, count);
  if (!record)
    return slhi_error(error, SLH_E_NOMEM, "no memory for a type");
  bytes = lay_out(record->fields, count);
  if (bytes > SLH_STRUCT_SIZE_MAX) {
    status = slhi_error(error, SLH_E_TOO_LARGE, "%s takes %llu bytes, allowed are %u",
                        record->type.name, (unsigned long long)bytes, SLH_STRUCT_SIZE_MAX);
    free_record(allocator, record);
    return status;
  }
  record->type.kind = kind;
  record->type.size = shape.bytes = (uint32_t)bytes;
  status = map_references(allocator, record, &shape);
  if (status == SLH_OK)
    status = publish(runtime, record, &shape);
  if (status != SLH_OK) {
    free_record(allocator, record);
    return slhi_error(error, status, "registering a type: %s", slh_status_text(status));
  }
  *out = &record->type;
  return SLH_OK;
}

slh_status slh_struct_type_new(slh_runtime *runtime, const char *name, const slh_type *supertype,
                               const slh_field *fields, size_t field_count, const slh_type **out,
                               slh_error *error)
{
  return new_fields_type(runtime, name ? name : "struct", SLH_KIND_STRUCT, supertype, fields,
                         field_count, out, error);
}

slh_status slh_exn_type_new(slh_runtime *runtime, const char *name, const slh_field *payload,
                            size_t payload_count, const slh_type **out, slh_error *error)
{
  static const slh_field tag[] = {{"tag_instance", SLH_I32, 0}, {"tag_index", SLH_I32, 0}};
  const slh_allocator *allocator = &runtime->allocator;
  slh_field *fields;
  slh_status status;

  if (payload_count > SLH_STRUCT_SIZE_MAX)
    return slhi_error(error, SLH_E_TOO_LARGE, "%zu fields: an exception has at most %u bytes",
                      payload_count, SLH_STRUCT_SIZE_MAX);
  fields = slhi_allocate(allocator, sizeof tag + payload_count * sizeof *fields);
  if (!fields)
    return slhi_error(error, SLH_E_NOMEM, "no memory for a type");
  memcpy(fields, tag, sizeof tag);
  if (payload_count != 0)
    memcpy(fields + 2, payload, payload_count * sizeof *fields);
  status = new_fields_type(runtime, name ? name : "exception", SLH_KIND_EXN, NULL, fields,
                           payload_count + 2, out, error);
  slhi_free(allocator, fields);
  return status;
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
  record = new_record(allocator, name ? name : "array", NULL, &field, 1);
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
