/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* The model's steps, and its comparison with the heap. */
#include "tests/model.h"

#include <stdlib.h>

#define OFFSETS (MODEL_HEAP_BYTES / 8)

static uint64_t below(struct model *model, uint64_t bound)
{
  return helper_below(&model->random, bound);
}

/* ---- types ---- */

static const slh_type *struct_type(slh_runtime *runtime, const slh_storage *storages, size_t count)
{
  slh_field fields[1100] = {0};
  const slh_type *type = NULL;

  for (size_t i = 0; i < count; i++)
    fields[i].storage = storages[i];
  assert_ok(slh_struct_type_new(runtime, NULL, NULL, fields, count, &type, NULL));
  return type;
}

/* All storages; references before and beyond the first 256 bytes; arrays. */
static void make_types(struct model *model)
{
  slh_runtime *runtime = model->store->runtime;
  slh_storage storages[1100] = {SLH_REF, SLH_I8,  SLH_I16, SLH_REF, SLH_I64,    SLH_V128,
                                SLH_F32, SLH_F64, SLH_REF, SLH_I32, SLH_FUNCREF};

  model->types[0] = model->store->node;
  model->types[1] = struct_type(runtime, storages, 0);
  model->types[2] = struct_type(runtime, storages, 11);
  for (size_t i = 11; i < 1100; i++)
    storages[i] = i % 5 ? SLH_REF : SLH_I64;
  model->types[3] = struct_type(runtime, storages, 128);
  model->types[4] = model->store->refs;
  model->types[5] = model->store->bytes;
  model->types[6] = helper_array_type(runtime, SLH_V128);
  model->types[7] = helper_array_type(runtime, SLH_F64);
  model->types[8] = struct_type(runtime, storages, 1100);
}

/* ---- opening and closing ---- */

struct model *model_open(struct store *store, uint64_t seed, slh_ref *more, size_t more_count)
{
  struct model *model = calloc(1, sizeof *model);

  assert_non_null(model);
  model->store = store;
  model->random = seed;
  model->nodes = calloc(OFFSETS, sizeof *model->nodes);
  model->by_offset = calloc(OFFSETS, sizeof *model->by_offset);
  model->roots = calloc(STORE_ROOTS + more_count, sizeof *model->roots);
  assert_non_null(model->nodes);
  assert_non_null(model->by_offset);
  assert_non_null(model->roots);
  for (size_t i = 0; i < STORE_ROOTS; i++)
    model->roots[model->root_count++].at = &store->roots[i];
  for (size_t i = 0; i < more_count; i++)
    model->roots[model->root_count++].at = &more[i];
  make_types(model);
  return model;
}

void model_close(struct model *model)
{
  while (model->node_count > 0)
    free(model->nodes[--model->node_count]);
  free(model->nodes);
  free(model->by_offset);
  free(model->roots);
  free(model);
}

uint64_t model_bytes(const struct model_node *node)
{
  uint64_t bytes = node->type->size;

  if (node->type->kind == SLH_KIND_ARRAY)
    bytes = (8 + bytes * node->count + 7) / 8 * 8;
  return bytes;
}

/* ---- writing ---- */

static uint32_t cell_offset(const struct model_node *node, uint32_t i)
{
  if (node->type->kind == SLH_KIND_STRUCT)
    return node->type->fields[i].offset;
  return SLH_ARRAY_DATA_OFFSET + i * node->type->size;
}

static slh_storage cell_storage(const struct model_node *node, uint32_t i)
{
  return node->type->fields[node->type->kind == SLH_KIND_STRUCT ? i : 0].storage;
}

static slh_ref random_other(struct model *model)
{
  return below(model, 2) ? SLH_NULL : slh_i31((int32_t)helper_random(&model->random));
}

static struct model_node *random_node(struct model *model)
{
  return model->node_count ? model->nodes[below(model, model->node_count)] : NULL;
}

static slh_value random_value(struct model *model, slh_storage storage)
{
  slh_value value = {storage, {0}};
  uint64_t bits[2] = {helper_random(&model->random), helper_random(&model->random)};

  switch (storage) {
  case SLH_I8:
    value.integer = (int8_t)bits[0];
    break;
  case SLH_I16:
    value.integer = (int16_t)bits[0];
    break;
  case SLH_I32:
    value.integer = (int32_t)bits[0];
    break;
  case SLH_I64:
    value.integer = (int64_t)bits[0];
    break;
  case SLH_F32:
    value.f32 = (float)(int32_t)bits[0];
    break;
  case SLH_F64:
    value.f64 = (double)(int64_t)bits[0];
    break;
  case SLH_V128:
    memcpy(&value.v128, bits, sizeof bits);
    break;
  case SLH_REF:
    value.ref = random_other(model);
    break;
  case SLH_FUNCREF:
    value.integer = (uint32_t)bits[0];
    break;
  }
  return value;
}

/* Cell `i` gets a random value: a reference to any object, or not to one. */
static void write_cell(struct model *model, struct model_node *node, uint32_t i)
{
  slh_heap *heap = model->store->heap;
  struct model_cell *cell = &node->cells[i];
  slh_value value;

  cell->value = random_value(model, cell_storage(node, i));
  cell->target = NULL;
  if (cell->value.storage == SLH_REF && below(model, 4))
    cell->target = random_node(model);
  value = cell->value;
  if (cell->target)
    value.ref = cell->target->at;
  if (value.storage == SLH_REF && below(model, 2)) {
    if (node->type->kind == SLH_KIND_STRUCT)
      slh_set_ref(heap, node->at, cell_offset(node, i), value.ref);
    else
      assert_ok(slh_array_set_ref(heap, node->at, i, value.ref));
  } else if (node->type->kind == SLH_KIND_STRUCT) {
    assert_ok(slh_struct_set(heap, node->at, i, &value));
  } else {
    assert_ok(slh_array_set(heap, node->at, i, &value));
  }
}

static uint32_t random_length(struct model *model)
{
  switch (below(model, 8)) {
  case 0:
    return 0;
  case 1:
    return (uint32_t)below(model, below(model, 8) ? 300 : 3000);
  default:
    return (uint32_t)below(model, 20);
  }
}

static struct model_node *new_node(const slh_type *type, slh_ref at, uint32_t count)
{
  struct model_node *node = calloc(1, sizeof *node + count * sizeof *node->cells);

  assert_non_null(node);
  node->type = type;
  node->at = at;
  node->count = count;
  for (uint32_t i = 0; i < count; i++)
    node->cells[i].value.storage = cell_storage(node, i);
  return node;
}

/* The last is a large struct, and rare. */
static const slh_type *random_type(struct model *model)
{
  return model->types[below(model, below(model, 16) ? MODEL_TYPES - 1 : MODEL_TYPES)];
}

/* How many cells a new object of `type` has. */
static uint32_t random_count(struct model *model, const slh_type *type)
{
  return type->kind == SLH_KIND_ARRAY ? random_length(model) : type->field_count;
}

static struct model_node *add_node(struct model *model, const slh_type *type, slh_ref at,
                                   uint32_t count)
{
  struct model_node *node = new_node(type, at, count);

  model->nodes[model->node_count++] = node;
  model->allocated += model_bytes(node);
  return node;
}

/* One in four stays as it came: zeroed. */
static void write_cells(struct model *model, struct model_node *node)
{
  if (below(model, 4) == 0)
    return;
  for (uint32_t i = 0; i < node->count; i++)
    write_cell(model, node, i);
}

bool model_allocate(struct model *model)
{
  slh_heap *heap = model->store->heap;
  const slh_type *type = random_type(model);
  uint32_t count = random_count(model, type);
  slh_ref at = SLH_NULL;
  slh_status status = type->kind == SLH_KIND_ARRAY ? slh_alloc_array(heap, type, count, &at)
                                                   : slh_alloc_struct(heap, type, &at);

  if (status == SLH_E_COLLECT)
    return false;
  assert_ok(status);
  write_cells(model, add_node(model, type, at, count));
  return true;
}

void model_link(struct model *model)
{
  struct model_node *node = random_node(model);

  for (uint32_t i = 0; node && i < node->count; i++) {
    if (node->cells[i].value.storage == SLH_REF && below(model, 3) == 0)
      write_cell(model, node, i);
  }
}

void model_write(struct model *model)
{
  struct model_node *node = random_node(model);

  if (node && node->count > 0)
    write_cell(model, node, (uint32_t)below(model, node->count));
}

void model_set_root(struct model *model)
{
  struct model_root *root = &model->roots[below(model, model->root_count)];

  root->target = below(model, 3) ? random_node(model) : NULL;
  *root->at = root->other = root->target ? root->target->at : random_other(model);
}

/* ---- comparing ---- */

/* `ref` is where `node` is now: the only node there, and nowhere else. */
static void reach(struct model *model, struct model_node *node, slh_ref ref)
{
  struct model_node **here;
  const slh_type *type = NULL;

  assert_ok(slh_object_type(model->store->heap, ref, &type));
  assert_ptr_equal(type, node->type);
  here = &model->by_offset[(ref.bits - SLH_WIDE_FIRST) / 8];
  if (node->reached) {
    assert_ptr_equal(*here, node);
    return;
  }
  assert_null(*here);
  *here = node;
  node->at = ref;
  node->reached = true;
  model->nodes[model->node_count++] = node;
}

static void compare_value(const slh_value *actual, const slh_value *expected)
{
  switch (expected->storage) {
  case SLH_F32:
    assert_memory_equal(&actual->f32, &expected->f32, sizeof actual->f32);
    break;
  case SLH_F64:
    assert_memory_equal(&actual->f64, &expected->f64, sizeof actual->f64);
    break;
  case SLH_V128:
    assert_memory_equal(&actual->v128, &expected->v128, sizeof actual->v128);
    break;
  case SLH_REF:
    assert_int_equal(actual->ref.bits, expected->ref.bits);
    break;
  default:
    assert_int_equal(actual->integer, expected->integer);
  }
}

static void compare_node(struct model *model, struct model_node *node)
{
  const slh_heap *heap = model->store->heap;
  bool array = node->type->kind == SLH_KIND_ARRAY;

  if (array)
    assert_int_equal(slh_array_length(heap, node->at), node->count);
  for (uint32_t i = 0; i < node->count; i++) {
    struct model_cell *cell = &node->cells[i];
    slh_value value;

    if (array)
      assert_ok(slh_array_get(heap, node->at, i, &value));
    else
      assert_ok(slh_struct_get(heap, node->at, i, &value));
    assert_int_equal(value.storage, cell->value.storage);
    if (cell->target)
      reach(model, cell->target, value.ref);
    else
      compare_value(&value, &cell->value);
  }
}

struct walk {
  struct model *model;
  uint64_t bytes;
  size_t count;
  bool young; /* the collection was: there can be garbage that is old */
};

static bool visit(void *context, slh_ref object, const slh_type *type, uint64_t size)
{
  struct walk *walk = context;
  struct model_node *node = walk->model->by_offset[(object.bits - SLH_WIDE_FIRST) / 8];

  walk->bytes += size;
  if (!node && walk->young)
    return true;
  assert_non_null(node);
  assert_ptr_equal(type, node->type);
  assert_int_equal(size, model_bytes(node));
  assert_int_equal(object.bits + size, SLH_WIDE_FIRST + walk->bytes);
  walk->count++;
  return true;
}

static void forget_garbage(struct model_node **nodes, size_t count)
{
  for (size_t i = 0; i < count; i++) {
    if (!nodes[i]->reached)
      free(nodes[i]);
    else
      nodes[i]->reached = false;
  }
  free(nodes);
}

static void reach_roots(struct model *model)
{
  for (size_t i = 0; i < model->root_count; i++) {
    struct model_root *root = &model->roots[i];

    if (root->target)
      reach(model, root->target, *root->at);
    else
      assert_int_equal(root->at->bits, root->other.bits);
  }
}

/* `youngest` was allocated since the collection, and no root holds it yet. */
static void compare(struct model *model, struct model_node *youngest, bool young)
{
  struct model_node **before = model->nodes;
  size_t count = model->node_count;
  struct walk walk = {model, 0, 0, young};

  model->nodes = calloc(OFFSETS, sizeof *model->nodes);
  assert_non_null(model->nodes);
  model->node_count = 0;
  memset(model->by_offset, 0, OFFSETS * sizeof *model->by_offset);
  reach_roots(model);
  if (youngest)
    reach(model, youngest, youngest->at);
  for (size_t i = 0; i < model->node_count; i++)
    compare_node(model, model->nodes[i]);
  assert_ok(slh_heap_walk(model->store->heap, visit, &walk));
  assert_int_equal(walk.count, model->node_count);
  assert_int_equal(walk.bytes, store_stats(model->store).used);
  forget_garbage(before, count);
}

void model_compare(struct model *model)
{
  compare(model, NULL, false);
}

/* ---- allocation that collects ---- */

static slh_status new_object(struct model *model, const slh_type *type, uint32_t count,
                             slh_ref *out)
{
  slh_heap *heap = model->store->heap;

  if (type->kind == SLH_KIND_ARRAY)
    return slh_new_array(heap, type, count, out);
  return slh_new_struct(heap, type, out);
}

static void drop_roots(struct model *model)
{
  for (size_t i = 0; i < model->root_count; i++) {
    model->roots[i].target = NULL;
    model->roots[i].other = *model->roots[i].at = SLH_NULL;
  }
}

void model_allocate_new(struct model *model)
{
  slh_heap_stats before = store_stats(model->store), after;
  const slh_type *type = random_type(model);
  uint32_t count = random_count(model, type);
  struct model_root *root = &model->roots[below(model, model->root_count)];
  struct model_node *node = NULL;
  slh_ref at = SLH_NULL;
  slh_status status = new_object(model, type, count, &at);

  if (status == SLH_OK)
    node = add_node(model, type, at, count);
  else
    assert_status(status, SLH_E_LIMIT);
  after = store_stats(model->store);
  if (after.collections != before.collections)
    compare(model, node, after.young_collections != before.young_collections);
  if (!node) {
    drop_roots(model);
    return;
  }
  root->target = node;
  *root->at = node->at;
  write_cells(model, node);
}
