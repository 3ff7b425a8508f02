/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Types of image files: told by what they are, registered where they lack, and
 * named where they may not be. */
#include "tests/guest.h"
#include "tests/image-bytes.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- memory that notices writes behind it ---- */

#define FENCE 64

static void *fenced_resize(void *context, void *old, size_t bytes);

static size_t *fenced_block(void *memory)
{
  size_t *block = (size_t *)(void *)((char *)memory - FENCE);
  const char *fence = (const char *)memory + *block;

  for (size_t i = 0; i < FENCE; i++)
    REQUIRE_EQUAL(fence[i], 0x5a);
  return block;
}

static void fenced_release(void *context, void *memory)
{
  (void)context;
  free(fenced_block(memory));
}

static void *fenced_resize(void *context, void *old, size_t bytes)
{
  char *block = malloc(FENCE + bytes + FENCE);

  if (!block)
    return NULL;
  *(size_t *)(void *)block = bytes;
  memset(block + FENCE + bytes, 0x5a, FENCE);
  if (old) {
    size_t before = *fenced_block(old);

    memcpy(block + FENCE, old, before < bytes ? before : bytes);
    fenced_release(context, old);
  }
  return block + FENCE;
}

static const slh_allocator fenced = {fenced_resize, fenced_release, NULL};

static slh_runtime *fenced_runtime(void)
{
  slh_runtime_options options = SLH_RUNTIME_OPTIONS_INIT;

  options.allocator = &fenced;
  return helper_runtime(&options);
}

/* ---- images of single objects ---- */

static const slh_type *struct_type(slh_runtime *runtime, const char *name,
                                   const slh_type *supertype, const slh_field *fields, size_t count)
{
  const slh_type *type = NULL;

  assert_ok(slh_struct_type_new(runtime, name, supertype, fields, count, &type, NULL));
  return type;
}

/* The file of an image that has an object of each type, in that order. */
static struct image_bytes bytes_of_types(slh_runtime *runtime, const slh_type *const *types,
                                         size_t count)
{
  slh_image_root *roots = calloc(count, sizeof *roots);
  slh_image_contents contents = {roots, count, NULL, 0, NULL, 0};
  slh_pool_options options = helper_pool_options(1);
  slh_pool *pool = helper_pool(&options);
  slh_heap *heap = helper_acquire(pool, runtime);
  struct image_bytes bytes;
  slh_image *image = NULL;

  assert_non_null(roots);
  for (size_t i = 0; i < count; i++) {
    if (types[i]->kind == SLH_KIND_ARRAY)
      assert_ok(slh_new_array(heap, types[i], 1, &roots[i].ref));
    else
      assert_ok(slh_new_struct(heap, types[i], &roots[i].ref));
  }
  assert_ok(slh_image_freeze(heap, &contents, NULL, &image, NULL));
  bytes = image_bytes_of(image);
  slh_image_free(image);
  slh_heap_release(heap);
  slh_pool_free(pool);
  free(roots);
  return bytes;
}

struct found {
  const slh_type **types;
  size_t count;
};

static bool note_type(void *context, slh_ref object, const slh_type *type, uint64_t size)
{
  struct found *found = context;

  (void)object;
  (void)size;
  found->types[found->count++] = type;
  return true;
}

/* Reads it; what the types of its objects are. */
static size_t read_types(slh_runtime *runtime, const struct image_bytes *bytes, bool register_types,
                         const slh_type **types)
{
  slh_image_options options = SLH_IMAGE_OPTIONS_INIT;
  struct found found = {types, 0};
  slh_image *image = NULL;
  slh_error error = {0};

  options.register_types = register_types;
  if (image_bytes_read(runtime, bytes->at, bytes->size, &options, &image, &error) != SLH_OK)
    fail_msg("%s: %s", slh_status_name(error.status), error.message);
  slh_image_walk(image, note_type, &found);
  slh_image_free(image);
  return found.count;
}

static void refuse(slh_runtime *runtime, const struct image_bytes *bytes, const char *message)
{
  slh_image *image = NULL;
  slh_error error = {0};

  assert_status(image_bytes_read(runtime, bytes->at, bytes->size, NULL, &image, &error),
                SLH_E_TYPE);
  assert_string_equal(error.message, message);
  assert_null(image);
}

/* ---- registering ---- */

#define MANY 300

/* Far more than there were when the image was made. */
static void test_register_many(void **state)
{
  slh_runtime *from = fenced_runtime(), *to = fenced_runtime();
  const slh_type *types[MANY], *found[MANY];
  struct image_bytes bytes;

  (void)state;
  for (int i = 0; i < MANY; i++) {
    const slh_field fields[] = {{"a", (slh_storage)(i % 9), 0}, {NULL, SLH_REF, 0}};
    char name[16];

    (void)snprintf(name, sizeof name, "type %d", i);
    types[i] = struct_type(from, name, i == 0 || i % 10 ? NULL : types[i / 20 * 10], fields,
                           i % 10 ? 2 : 0);
  }
  bytes = bytes_of_types(from, types, MANY);
  assert_int_equal(read_types(to, &bytes, true, found), MANY);
  for (int i = 0; i < MANY; i++) {
    assert_string_equal(found[i]->name, types[i]->name);
    assert_int_equal(found[i]->field_count, types[i]->field_count);
    assert_int_equal(found[i]->depth, types[i]->depth);
  }
  image_bytes_free(&bytes);
  slh_runtime_free(from);
  slh_runtime_free(to);
}

static void expect_alike(const slh_type *a, const slh_type *b)
{
  assert_string_equal(a->name, b->name);
  assert_int_equal(a->kind, b->kind);
  assert_int_equal(a->size, b->size);
  assert_int_equal(a->depth, b->depth);
  assert_int_equal(a->field_count, b->field_count);
  for (uint32_t i = 0; i < a->field_count; i++) {
    const slh_field *first = &a->fields[i], *second = &b->fields[i];

    assert_int_equal(first->storage, second->storage);
    assert_int_equal(first->offset, second->offset);
    assert_int_equal(!first->name, !second->name);
    if (first->name)
      assert_string_equal(first->name, second->name);
  }
  if (a->supertype)
    expect_alike(a->supertype, b->supertype);
}

/* Everything of a guest, into a runtime with nothing; and then it is all there. */
static void test_register_all(void **state)
{
  slh_runtime *from = guest_runtime(SLH_COLLECTOR_COPYING, 0), *to = fenced_runtime();
  const slh_type *types[GUEST_TYPES], *found[GUEST_TYPES], *again[GUEST_TYPES];
  struct image_bytes bytes, back;

  (void)state;
  assert_true(guest_find_types(from, types));
  bytes = bytes_of_types(from, types, GUEST_TYPES);
  assert_int_equal(read_types(to, &bytes, true, found), GUEST_TYPES);
  for (int i = 0; i < GUEST_TYPES; i++)
    expect_alike(types[i], found[i]);
  assert_ptr_not_equal(found[GUEST_TWIN], found[GUEST_OTHER_TWIN]);
  assert_ptr_equal(found[GUEST_TWIN_SUB]->supertype, found[GUEST_OTHER_TWIN]);
  (void)read_types(to, &bytes, false, again);
  assert_memory_equal((const void *)again, (const void *)found, sizeof found);
  back = bytes_of_types(to, found, GUEST_TYPES);
  (void)read_types(from, &back, false, again);
  assert_memory_equal((const void *)again, (const void *)types, sizeof types);
  image_bytes_free(&bytes);
  image_bytes_free(&back);
  slh_runtime_free(from);
  slh_runtime_free(to);
}

/* Equal types keep their order, whichever an image met first, and whether it has
 * the others at all. */
static void test_equal(void **state)
{
  static const int orders[][3] = {{0, 1, 2}, {2, 1, 0}, {1, 0, 2}, {2, 2, 2}, {1, 2, 1}};

  (void)state;
  for (size_t i = 0; i < sizeof orders / sizeof *orders; i++) {
    slh_runtime *from = fenced_runtime(), *to = fenced_runtime();
    const slh_type *types[3], *used[3], *first[3], *second[3];
    struct image_bytes bytes;

    for (int j = 0; j < 3; j++)
      types[j] = struct_type(from, "equal", NULL, NULL, 0);
    for (int j = 0; j < 3; j++)
      used[j] = types[orders[i][j]];
    bytes = bytes_of_types(from, used, 3);
    (void)read_types(to, &bytes, true, first);
    (void)read_types(to, &bytes, true, second);
    for (int j = 0; j < 3; j++) {
      assert_ptr_equal(first[j], second[j]);
      for (int k = 0; k < 3; k++)
        assert_int_equal(first[j]->index < first[k]->index, used[j]->index < used[k]->index);
    }
    image_bytes_free(&bytes);
    bytes = bytes_of_types(to, first, 3);
    (void)read_types(from, &bytes, false, second);
    assert_memory_equal((const void *)second, (const void *)used, sizeof used);
    image_bytes_free(&bytes);
    slh_runtime_free(from);
    slh_runtime_free(to);
  }
}

static void test_partly_there(void **state)
{
  slh_runtime *from = fenced_runtime(), *to = fenced_runtime();
  const slh_type *types[2], *there, *found[2];
  struct image_bytes bytes;

  (void)state;
  for (int i = 0; i < 2; i++)
    types[i] = struct_type(from, "equal", NULL, NULL, 0);
  bytes = bytes_of_types(from, types, 2);
  refuse(to, &bytes, "the runtime lacks the type equal, which the image uses");
  there = struct_type(to, "equal", NULL, NULL, 0);
  refuse(to, &bytes, "the runtime lacks one more type equal, which the image uses");
  (void)read_types(to, &bytes, true, found);
  assert_ptr_equal(found[0], there);
  assert_ptr_not_equal(found[1], there);
  image_bytes_free(&bytes);
  slh_runtime_free(from);
  slh_runtime_free(to);
}

/* ---- what makes a difference ---- */

struct given {
  const char *name;
  slh_kind kind;
  bool below; /* of another */
  size_t count;
  slh_field fields[3];
};

static const slh_type *make_type(slh_runtime *runtime, const struct given *is)
{
  const slh_type *type = NULL;

  if (is->kind == SLH_KIND_ARRAY)
    assert_ok(slh_array_type_new(runtime, is->name, is->fields[0].storage, &type, NULL));
  else if (is->kind == SLH_KIND_EXN)
    assert_ok(slh_exn_type_new(runtime, is->name, is->fields, is->count, &type, NULL));
  else
    type = struct_type(runtime, is->name,
                       is->below ? struct_type(runtime, "super", NULL, NULL, 0) : NULL, is->fields,
                       is->count);
  return type;
}

static const struct given kinds[] = {
    {"x", SLH_KIND_STRUCT, false, 2, {{"a", SLH_REF, 0}, {"b", SLH_I32, 0}}},
    {"y", SLH_KIND_STRUCT, false, 2, {{"a", SLH_REF, 0}, {"b", SLH_I32, 0}}},
    {"", SLH_KIND_STRUCT, false, 2, {{"a", SLH_REF, 0}, {"b", SLH_I32, 0}}},
    {"x", SLH_KIND_STRUCT, true, 2, {{"a", SLH_REF, 0}, {"b", SLH_I32, 0}}},
    {"x", SLH_KIND_STRUCT, false, 2, {{"a", SLH_REF, 0}, {"b", SLH_F32, 0}}},
    {"x", SLH_KIND_STRUCT, false, 2, {{"a", SLH_FUNCREF, 0}, {"b", SLH_I32, 0}}},
    {"x", SLH_KIND_STRUCT, false, 2, {{"a", SLH_REF, 0}, {"c", SLH_I32, 0}}},
    {"x", SLH_KIND_STRUCT, false, 2, {{"a", SLH_REF, 0}, {"", SLH_I32, 0}}},
    {"x", SLH_KIND_STRUCT, false, 2, {{"a", SLH_REF, 0}, {NULL, SLH_I32, 0}}},
    {"x", SLH_KIND_STRUCT, false, 2, {{NULL, SLH_REF, 0}, {"a", SLH_I32, 0}}},
    {"x", SLH_KIND_STRUCT, false, 1, {{"a", SLH_REF, 0}}},
    {"x", SLH_KIND_STRUCT, false, 3, {{"a", SLH_REF, 0}, {"b", SLH_I32, 0}, {"c", SLH_I8, 0}}},
    {"x", SLH_KIND_EXN, false, 0, {{0}}},
    {"x", SLH_KIND_STRUCT, false, 2, {{"tag_instance", SLH_I32, 0}, {"tag_index", SLH_I32, 0}}},
    {"x", SLH_KIND_ARRAY, false, 1, {{NULL, SLH_REF, 0}}},
    {"x", SLH_KIND_ARRAY, false, 1, {{NULL, SLH_I32, 0}}},
    {"xa", SLH_KIND_STRUCT, false, 2, {{"", SLH_REF, 0}, {"b", SLH_I32, 0}}},
};

static void test_differences(void **state)
{
  const size_t count = sizeof kinds / sizeof *kinds;

  (void)state;
  for (size_t i = 0; i < count; i++) {
    slh_runtime *from = fenced_runtime();
    const slh_type *type = make_type(from, &kinds[i]), *found[1];
    struct image_bytes bytes = bytes_of_types(from, &type, 1);
    char message[100];

    (void)snprintf(message, sizeof message, "the runtime lacks the type %s, which the image uses",
                   kinds[i].below ? "super" : kinds[i].name);
    for (size_t j = 0; j < count; j++) {
      slh_runtime *to = fenced_runtime();
      const slh_type *other = make_type(to, &kinds[j]);

      if (i != j) {
        refuse(to, &bytes, message);
      } else {
        (void)read_types(to, &bytes, false, found);
        assert_ptr_equal(found[0], other);
      }
      slh_runtime_free(to);
    }
    image_bytes_free(&bytes);
    slh_runtime_free(from);
  }
}

/* ---- deep ---- */

#define DEEP 1500

struct deep {
  struct image_bytes bytes;
  slh_runtime *to;
};

static void *read_deep(void *context)
{
  struct deep *deep = context;
  slh_image_options options = SLH_IMAGE_OPTIONS_INIT;
  slh_image *image = NULL;

  options.register_types = true;
  REQUIRE_EQUAL(
      image_bytes_read(deep->to, deep->bytes.at, deep->bytes.size, &options, &image, NULL), SLH_OK);
  slh_image_free(image);
  return NULL;
}

/* Supertypes cost no stack. */
static void test_deep(void **state)
{
  struct deep deep = {.to = fenced_runtime()};
  slh_runtime *from = fenced_runtime();
  const slh_type *type = NULL;
  pthread_attr_t small;
  pthread_t reader;

  (void)state;
  for (int i = 0; i < DEEP; i++)
    type = struct_type(from, "deep", type, NULL, 0);
  deep.bytes = bytes_of_types(from, &type, 1);
  assert_int_equal(pthread_attr_init(&small), 0);
  assert_int_equal(pthread_attr_setstacksize(&small, HELPER_SANITIZED ? 1 << 20 : 32 << 10), 0);
  assert_int_equal(pthread_create(&reader, &small, read_deep, &deep), 0);
  assert_int_equal(pthread_join(reader, NULL), 0);
  pthread_attr_destroy(&small);
  image_bytes_free(&deep.bytes);
  slh_runtime_free(from);
  slh_runtime_free(deep.to);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_register_many), cmocka_unit_test(test_register_all),
      cmocka_unit_test(test_equal),         cmocka_unit_test(test_partly_there),
      cmocka_unit_test(test_differences),   cmocka_unit_test(test_deep),
  };

  helper_seed();
  if (!image_bytes_are_there())
    return IMAGE_BYTES_SKIP;
  return helper_run(tests, NULL, NULL);
}
