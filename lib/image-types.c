/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Types told by what they are (names, storages, supertypes), so that a file and a runtime
 * can agree on them whatever their indices.
 */
#include "lib/image-types.h"

#include <stdlib.h>

#include "lib/image-format.h"

/* Goes on from the hash of its supertype. */
static uint64_t hash_type(const slh_type *type, uint64_t hash)
{
  uint32_t shape[] = {(uint32_t)type->kind, type->size, type->field_count};

  /* With the zero behind a name, so that none runs into the next. */
  hash = slhi_format_hash(type->name, strlen(type->name) + 1, hash);
  hash = slhi_format_hash(shape, sizeof shape, hash);
  for (uint32_t i = 0; i < type->field_count; i++) {
    const slh_field *field = &type->fields[i];
    uint32_t storage = (uint32_t)field->storage;

    hash = slhi_format_hash(&storage, sizeof storage, hash);
    if (field->name)
      hash = slhi_format_hash(field->name, strlen(field->name) + 1, hash);
  }
  return hash;
}

uint64_t slhi_type_fingerprint(const slh_type *type)
{
  uint64_t hash = 0;

  for (uint32_t depth = 0; depth <= type->depth; depth++)
    hash = hash_type(type->display[depth], hash);
  return hash;
}

static int compare(const void *a, const void *b)
{
  const struct known_type *first = a, *second = b;

  if (first->fingerprint != second->fingerprint)
    return first->fingerprint < second->fingerprint ? -1 : 1;
  return first->type->index < second->type->index ? -1 : first->type->index > second->type->index;
}

slh_status slhi_known_types_new(const slh_runtime *runtime, struct known_types *out)
{
  uint32_t most = slhi_shapes(runtime).count;

  out->count = 0;
  out->at = slhi_allocate(&runtime->allocator, most * sizeof *out->at);
  if (!out->at)
    return SLH_E_NOMEM;
  for (uint32_t i = SLHI_EXTERN_INDEX + 1; i < most; i++) {
    const slh_type *type = slh_runtime_type(runtime, i);

    if (type)
      out->at[out->count++] = (struct known_type){slhi_type_fingerprint(type), type};
  }
  qsort(out->at, out->count, sizeof *out->at, compare);
  return SLH_OK;
}

void slhi_known_types_free(const slh_runtime *runtime, struct known_types *known)
{
  slhi_free(&runtime->allocator, known->at);
  *known = (struct known_types){NULL, 0};
}

const struct known_type *slhi_known_types_find(const struct known_types *known,
                                               uint64_t fingerprint, uint32_t *count)
{
  uint32_t low = 0, high = known->count;

  while (low < high) {
    uint32_t middle = low + (high - low) / 2;

    if (known->at[middle].fingerprint < fingerprint)
      low = middle + 1;
    else
      high = middle;
  }
  *count = 0;
  while (low + *count < known->count && known->at[low + *count].fingerprint == fingerprint)
    ++*count;
  return &known->at[low];
}
