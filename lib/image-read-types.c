/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* The types of an image file, found among those of the runtime or registered. */
#include <stdlib.h>

#include "lib/image-read.h"
#include "lib/image-types.h"

static const char *name_at(const struct reader *r, uint32_t name)
{
  return name == SLHI_NO_NAME ? NULL : r->parts.text + name;
}

/* ---- the file's description ---- */

static slh_status check_type(struct reader *r, uint32_t number)
{
  const struct format_type *type = &r->parts.types[number];
  uint32_t fields = r->parts.header->fields;
  slh_kind kind = (slh_kind)(type->header >> SLHI_KIND_SHIFT & 7);

  if ((kind != SLH_KIND_STRUCT && kind != SLH_KIND_ARRAY && kind != SLH_KIND_EXN) ||
      type->header != slhi_header(kind, type->header >> SLHI_INDEX_SHIFT) ||
      type->header >> SLHI_INDEX_SHIFT <= SLHI_EXTERN_INDEX)
    return slhi_damaged(r, "a type's header is none");
  if (type->name == SLHI_NO_NAME || !slhi_read_name(r, type->name) || type->supertype > number ||
      (type->supertype != 0 && kind != SLH_KIND_STRUCT))
    return slhi_damaged(r, "a type's name or supertype is none");
  if (type->first_field != r->fields || type->field_count > fields - r->fields ||
      (kind == SLH_KIND_ARRAY && type->field_count != 1) ||
      (kind == SLH_KIND_EXN && type->field_count < 2))
    return slhi_damaged(r, "a type's fields are none");
  r->fields += type->field_count;
  for (uint32_t i = 0; i < type->field_count; i++) {
    const struct format_field *field = &r->parts.fields[type->first_field + i];

    if (!slhi_read_name(r, field->name) || field->storage > SLH_FUNCREF)
      return slhi_damaged(r, "a field is none");
  }
  return SLH_OK;
}

static const slh_type *supertype_of(const struct reader *r, const struct format_type *type)
{
  return type->supertype ? r->types[type->supertype - 1].type : NULL;
}

/* Whether the runtime's type is what the file describes. Its objects will be
 * checked as those of the runtime's type in any case. */
static bool is_alike(const struct reader *r, const struct format_type *described,
                     const slh_type *type)
{
  if (type->kind != (slh_kind)(described->header >> SLHI_KIND_SHIFT & 7) ||
      type->field_count != described->field_count ||
      type->supertype != supertype_of(r, described) ||
      strcmp(type->name, r->parts.text + described->name) != 0)
    return false;
  for (uint32_t i = 0; i < type->field_count; i++) {
    if ((uint32_t)type->fields[i].storage != r->parts.fields[described->first_field + i].storage)
      return false;
  }
  return true;
}

/* ---- the runtime's ---- */

static slh_status register_type(const struct reader *r, const struct format_type *type,
                                const slh_type **out)
{
  slh_field *fields =
      slhi_allocate(&r->runtime->allocator, (type->field_count + UINT64_C(1)) * sizeof *fields);
  const char *name = name_at(r, type->name);
  slh_kind kind = (slh_kind)(type->header >> SLHI_KIND_SHIFT & 7);
  slh_status status;

  if (!fields)
    return slhi_read_no_memory(r);
  for (uint32_t i = 0; i < type->field_count; i++) {
    const struct format_field *field = &r->parts.fields[type->first_field + i];

    fields[i] = (slh_field){name_at(r, field->name), (slh_storage)field->storage, 0};
  }
  if (kind == SLH_KIND_ARRAY)
    status = slh_array_type_new(r->runtime, name, fields[0].storage, out, r->error);
  else if (kind == SLH_KIND_EXN) /* the tag comes by itself */
    status = slh_exn_type_new(r->runtime, name, fields + 2, type->field_count - 2, out, r->error);
  else
    status = slh_struct_type_new(r->runtime, name, supertype_of(r, type), fields, type->field_count,
                                 out, r->error);
  slhi_free(&r->runtime->allocator, fields);
  /* No runtime had such a type. */
  if (status == SLH_E_INVALID || status == SLH_E_TOO_LARGE)
    status = slhi_damaged(r, "a type's fields are none");
  return status;
}

static slh_status find_type(struct reader *r, const struct known_types *known, uint32_t number)
{
  const struct format_type *described = &r->parts.types[number];
  uint32_t count;
  const struct known_type *equal = slhi_known_types_find(known, described->fingerprint, &count);
  slh_status status = check_type(r, number);

  if (status != SLH_OK)
    return status;
  r->types[number].header = described->header;
  if (described->rank < count && is_alike(r, described, equal[described->rank].type))
    r->types[number].type = equal[described->rank].type;
  else if (r->options.register_types)
    status = register_type(r, described, &r->types[number].type);
  else
    status =
        slhi_error(r->error, SLH_E_TYPE, "the runtime lacks %s%s, which the image uses",
                   count != 0 ? "one more type " : "the type ", r->parts.text + described->name);
  return status;
}

static int compare(const void *a, const void *b)
{
  const struct read_type *first = a, *second = b;

  return first->header < second->header ? -1 : first->header > second->header;
}

slh_status slhi_read_types(struct reader *r)
{
  uint32_t count = r->parts.header->types;
  struct known_types known;
  slh_status status;

  /* Names are read where they lie. */
  if (r->parts.header->text_bytes != 0 && r->parts.text[r->parts.header->text_bytes - 1] != '\0')
    return slhi_damaged(r, "its text does not end");
  r->types = slhi_allocate(&r->runtime->allocator, (count + UINT64_C(1)) * sizeof *r->types);
  if (!r->types || slhi_known_types_new(r->runtime, &known) != SLH_OK)
    return slhi_read_no_memory(r);
  status = SLH_OK;
  for (uint32_t i = 0; i < count && status == SLH_OK; i++)
    status = find_type(r, &known, i);
  slhi_known_types_free(r->runtime, &known);
  if (status == SLH_OK && count != 0)
    qsort(r->types, count, sizeof *r->types, compare);
  return status;
}
