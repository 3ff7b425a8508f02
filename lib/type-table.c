/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * The types of a runtime, by index: entering and removing one while other threads read.
 * Changes are made under the process's lock; readers take none.
 */
#include "lib/type-table.h"

#include "lib/heap.h"
#include "lib/object.h"
#include "lib/runtime.h"
#include "pool/error.h"
#include "pool/process.h"

#define FIRST_CAPACITY 32

/* Indices that every runtime has: the filler's, and the externrefs'. */
#define FIXED_TYPES 2

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

void slhi_type_record_free(const slh_allocator *allocator, struct type_record *record)
{
  slhi_free(allocator, record->offsets);
  slhi_free(allocator, record);
}

static struct type_record *record_of(const slh_type *type)
{
  return (struct type_record *)(uintptr_t)type;
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
      slhi_type_record_free(&runtime->allocator, record_of(type_at(runtime, i)));
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
static void enter(slh_runtime *runtime, struct type_record *record, const struct shape *shape,
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

slh_status slhi_type_enter(slh_runtime *runtime, struct type_record *record,
                           const struct shape *shape)
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

  slhi_check_runtime(runtime, "slh_type_unregister");
  slhi_process_lock();
  status = check_unused(runtime, type, error);
  if (status == SLH_OK) {
    table = atomic_load_explicit(&runtime->table, memory_order_relaxed);
    __atomic_store_n(&table->shapes[type->index].small, 0, __ATOMIC_RELEASE);
    __atomic_store_n(&table->shapes[type->index].header, 0, __ATOMIC_RELEASE);
    atomic_store_explicit(&table->types[type->index], NULL, memory_order_release);
    runtime->free_indices++;
    slhi_type_record_free(&runtime->allocator, record_of(type));
  }
  slhi_process_unlock();
  return status;
}
