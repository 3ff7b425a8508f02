/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Registering types: what is asked for is checked, laid out field by field, and told to
 * collectors as a shape.
 */
#include "lib/object.h"
#include "lib/runtime.h"
#include "lib/type-table.h"
#include "pool/error.h"

/* ---- records ---- */

static char *copy_name(char **next, const char *name)
{
  size_t size = strlen(name) + 1;
  char *copy = memcpy(*next, name, size);

  *next += size;
  return copy;
}

static struct type_record *new_record(const slh_allocator *allocator, const char *name,
                                      const slh_type *supertype, const slh_field *fields,
                                      size_t count)
{
  uint32_t depth = supertype ? supertype->depth + 1 : 0;
  size_t fixed = sizeof(struct type_record) + count * sizeof *fields;
  size_t display = (depth + (size_t)1) * sizeof(slh_type *);
  size_t names = strlen(name) + 1;
  const slh_type **ancestors;
  struct type_record *record;
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
static slh_status map_references(const slh_allocator *allocator, struct type_record *record,
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
  struct type_record *record;
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
    slhi_type_record_free(allocator, record);
    return status;
  }
  record->type.kind = kind;
  record->type.size = shape.bytes = (uint32_t)bytes;
  status = map_references(allocator, record, &shape);
  if (status == SLH_OK)
    status = slhi_type_enter(runtime, record, &shape);
  if (status != SLH_OK) {
    slhi_type_record_free(allocator, record);
    return slhi_error(error, status, "registering a type: %s", slh_status_text(status));
  }
  *out = &record->type;
  return SLH_OK;
}

slh_status slh_struct_type_new(slh_runtime *runtime, const char *name, const slh_type *supertype,
                               const slh_field *fields, size_t field_count, const slh_type **out,
                               slh_error *error)
{
  slhi_check_runtime(runtime, "slh_struct_type_new");
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

  slhi_check_runtime(runtime, "slh_exn_type_new");
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
  struct type_record *record;
  slh_status status;

  slhi_check_runtime(runtime, "slh_array_type_new");
  status = check_fields(runtime, NULL, &field, 1, error);
  if (status != SLH_OK)
    return status;
  record = new_record(allocator, name ? name : "array", NULL, &field, 1);
  if (!record)
    return slhi_error(error, SLH_E_NOMEM, "no memory for a type");
  record->type.kind = SLH_KIND_ARRAY;
  record->type.size = shape.element = slh_storage_size(element);
  shape.refs = element == SLH_REF;
  status = slhi_type_enter(runtime, record, &shape);
  if (status != SLH_OK) {
    slhi_type_record_free(allocator, record);
    return slhi_error(error, status, "registering an array type: %s", slh_status_text(status));
  }
  *out = &record->type;
  return SLH_OK;
}
