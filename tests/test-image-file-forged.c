/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Files with a checksum that is right, and one thing that is not: the error says
 * which. Offsets are those of doc/image-format.md. */
/* [promise sound-image] */
#include <stdlib.h>

#include "tests/image-sound.h"

#define OBJECTS_MAX 16

struct forged {
  struct image_sound sound;
  struct image_bytes bytes;
  size_t types, fields, roots, weak, entries, externrefs, functions, text, body;
  uint32_t type_count, text_bytes, body_bytes, first;
  struct {
    const char *type;
    size_t at;
  } objects[OBJECTS_MAX];
  size_t object_count;
};

/* ---- what lies where ---- */

static bool note_object(void *context, slh_ref object, const slh_type *type, uint64_t size)
{
  struct forged *f = context;

  (void)size;
  assert_true(f->object_count < OBJECTS_MAX);
  f->objects[f->object_count].type = type->name;
  f->objects[f->object_count++].at = f->body + object.bits - SLH_WIDE_FIRST;
  return true;
}

static void find_parts(struct forged *f)
{
  const struct image_bytes *bytes = &f->bytes;

  f->type_count = image_bytes_u32(bytes, 60);
  f->types = 96;
  f->fields = f->types + 32 * f->type_count;
  f->roots = f->fields + 8 * image_bytes_u32(bytes, 64);
  f->weak = f->roots + 8 * image_bytes_u32(bytes, 68);
  f->entries = f->weak + 8 * image_bytes_u32(bytes, 72);
  f->externrefs = f->entries + 16 * image_bytes_u32(bytes, 80);
  f->functions = f->externrefs + 8 * image_bytes_u32(bytes, 84);
  f->text = f->functions + 8 * image_bytes_u32(bytes, 88);
  f->text_bytes = image_bytes_u32(bytes, 92);
  f->body = (size_t)image_bytes_u64(bytes, 32);
  f->body_bytes = (uint32_t)image_bytes_u64(bytes, 40);
  f->first = image_bytes_u32(bytes, 56);
}

static int setup(void **state)
{
  static struct forged forged;
  slh_image_options options = guest_image_options(SLH_POOL_WIDE);
  slh_image *image = NULL;

  image_sound_open(&forged.sound);
  forged.bytes = image_sound_example();
  find_parts(&forged);
  assert_ok(image_bytes_read(forged.sound.runtimes[0], forged.bytes.at, forged.bytes.size, &options,
                             &image, NULL));
  slh_image_walk(image, note_object, &forged);
  slh_image_free(image);
  *state = &forged;
  return 0;
}

static int teardown(void **state)
{
  struct forged *f = *state;

  image_bytes_free(&f->bytes);
  image_sound_close(&f->sound);
  assert_int_equal(guest_data(), 0);
  return 0;
}

/* Where the first object with a type of that name lies. */
static size_t object_at(const struct forged *f, const char *type)
{
  for (size_t i = 0; i < f->object_count; i++)
    if (strcmp(f->objects[i].type, type) == 0)
      return f->objects[i].at;
  fail_msg("no object of %s", type);
  return 0;
}

/* Where the type of that name is described, and what number it has. */
static size_t type_at(const struct forged *f, const char *name, uint32_t *number)
{
  for (uint32_t i = 0; i < f->type_count; i++) {
    size_t at = f->types + 32 * (size_t)i;

    *number = i;
    if (strcmp(f->bytes.at + f->text + image_bytes_u32(&f->bytes, at + 20), name) == 0)
      return at;
  }
  fail_msg("no type %s", name);
  return 0;
}

static size_t field_of(const struct forged *f, const char *type, uint32_t field)
{
  uint32_t number;

  return f->fields +
         8 * (image_bytes_u32(&f->bytes, type_at(f, type, &number) + 24) + (size_t)field);
}

/* ---- forging ---- */

static void expect(struct forged *f, const struct image_bytes *bytes, slh_status status,
                   const char *message)
{
  for (unsigned which = 0; which < 2; which++) {
    const char *error = image_sound_read(&f->sound, bytes, which);

    assert_non_null(error);
    if (!strstr(error, message))
      fail_msg("\"%s\" where \"%s\" was expected", error, message);
    assert_status(image_sound_status(), status);
  }
}

/* The file with one word that is another. */
static void forge(struct forged *f, size_t at, uint32_t value, slh_status status,
                  const char *message)
{
  struct image_bytes copy = image_bytes_copy(&f->bytes);

  assert_int_not_equal(image_bytes_u32(&copy, at), value);
  image_bytes_put_u32(&copy, at, value);
  image_bytes_repair(&copy);
  expect(f, &copy, status, message);
  image_bytes_free(&copy);
}

static void damage(struct forged *f, size_t at, uint32_t value, const char *message)
{
  forge(f, at, value, SLH_E_CORRUPT, message);
}

/* ---- the header ---- */

static void test_kind(void **state)
{
  struct forged *f = *state;
  static const char none[] = "damaged: its version or byte order is none";

  damage(f, 0, 0x746f6c74, "not an image file");
  damage(f, 4, 0, "not an image file");
  forge(f, 8, 2, SLH_E_UNSUPPORTED, "the image file has version 2, this library reads up to 1");
  forge(f, 8, UINT32_MAX, SLH_E_UNSUPPORTED, "version 4294967295");
  damage(f, 8, 0, none);
  forge(f, 12, 0x04030201, SLH_E_UNSUPPORTED,
        "the image file is of a system with the other byte order");
  damage(f, 12, 0x01020305, none);
}

static void forge_sizes(struct forged *f, uint64_t file, uint64_t body_at, uint64_t body,
                        slh_status status, const char *message)
{
  struct image_bytes copy = image_bytes_copy(&f->bytes);

  image_bytes_put_u64(&copy, 24, file);
  image_bytes_put_u64(&copy, 32, body_at);
  image_bytes_put_u64(&copy, 40, body);
  image_bytes_repair(&copy);
  expect(f, &copy, status, message);
  image_bytes_free(&copy);
}

static void test_sizes(void **state)
{
  struct forged *f = *state;
  static const char sizes[] = "damaged: its sizes do not add up";
  uint64_t file = f->bytes.size, at = f->body, body = f->body_bytes, huge = UINT64_C(1) << 32;

  forge_sizes(f, file + 8, at, body, SLH_E_CORRUPT, sizes);
  forge_sizes(f, file - 8, at, body, SLH_E_CORRUPT, sizes);
  forge_sizes(f, UINT64_MAX, at, body, SLH_E_CORRUPT, sizes);
  forge_sizes(f, file, at - 4096, body + 4096, SLH_E_CORRUPT, sizes);
  forge_sizes(f, file, at + 8, body - 8, SLH_E_CORRUPT, sizes);
  forge_sizes(f, file + 4096, at + 4096, body, SLH_E_CORRUPT, sizes);
  forge_sizes(f, file - 4, at, body - 4, SLH_E_CORRUPT, sizes);
  forge_sizes(f, at + huge, at, huge, SLH_E_CORRUPT, sizes);
  forge_sizes(f, at - 8, at, UINT64_MAX - 7, SLH_E_CORRUPT, sizes);
  forge_sizes(f, file + 8, at, body + 8, SLH_E_CORRUPT, "the image file is truncated: ");
  forge_sizes(f, at + huge - 4096, at, huge - 4096, SLH_E_CORRUPT, "is truncated: ");
  forge_sizes(f, at + huge - 8, at, huge - 8, SLH_E_TOO_LARGE, "max_bytes is 4294967296");
}

/* A count that no file has, and one that says so everywhere. */
static void test_counts(void **state)
{
  struct forged *f = *state;
  static const uint32_t sizes[] = {32, 8, 8, 8, 0, 16, 8, 8, 1}; /* of an item, from byte 60 on */

  for (uint32_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    size_t at = 60 + 4 * (size_t)i;
    struct image_bytes copy = image_bytes_copy(&f->bytes);
    uint64_t more = UINT32_MAX - image_bytes_u32(&copy, at);
    uint64_t end = f->text + f->text_bytes + more * sizes[i], body_at = (end + 4095) / 4096 * 4096;

    image_bytes_put_u32(&copy, at, UINT32_MAX);
    image_bytes_repair(&copy);
    if (sizes[i] != 0)
      expect(f, &copy, SLH_E_CORRUPT, "damaged: its sizes do not add up");
    else
      assert_null(image_sound_read(&f->sound, &copy, 0));
    image_bytes_put_u64(&copy, 24, body_at + f->body_bytes);
    image_bytes_put_u64(&copy, 32, body_at);
    image_bytes_repair(&copy);
    if (sizes[i] != 0)
      expect(f, &copy, SLH_E_TOO_LARGE, "slh_image_options.max_bytes is 4294967296");
    image_bytes_free(&copy);
  }
  damage(f, 48, image_bytes_u32(&f->bytes, 48) + 1, "it has another number of objects");
  damage(f, 48, image_bytes_u32(&f->bytes, 48) - 1, "it has another number of objects");
  damage(f, 52, 1, "it has another number of objects");
  damage(f, 76, 1, "an entry of an ephemeron table is none");
}

/* ---- types ---- */

static void test_types(void **state)
{
  struct forged *f = *state;
  static const char header[] = "damaged: a type's header is none";
  static const char name[] = "damaged: a type's name or supertype is none";
  static const char fields[] = "damaged: a type's fields are none";
  uint32_t node_number, number;
  size_t node = type_at(f, "node", &node_number), sub = type_at(f, "sub", &number), refs, exn;
  uint32_t was = image_bytes_u32(&f->bytes, node + 12);

  damage(f, node + 12, was + 1, header);                   /* forwarded */
  damage(f, node + 12, was + 2, header);                   /* logged */
  damage(f, node + 12, was + 4, header);                   /* the bit that is always 0 */
  damage(f, node + 12, (was & ~UINT32_C(56)) | 8, header); /* a filler */
  damage(f, node + 12, (was & ~UINT32_C(56)) | 32, header);
  damage(f, node + 12, (was & 63) | 64, header); /* the index of externrefs */
  damage(f, node + 12, was & 63, header);
  damage(f, node + 20, UINT32_MAX, name);
  damage(f, node + 20, f->text_bytes, name);
  damage(f, node + 16, node_number + 1, name);
  damage(f, node + 16, UINT32_MAX, name);
  damage(f, sub + 16, number + 1, name);
  damage(f, sub + 16, number + 2, name);
  refs = type_at(f, "refs", &number);
  damage(f, refs + 16, 1, name);
  damage(f, refs + 28, 0, fields);
  damage(f, refs + 28, 2, fields);
  exn = type_at(f, "exn", &number);
  damage(f, exn + 16, 1, name);
  damage(f, exn + 28, 1, fields);
  damage(f, node + 24, image_bytes_u32(&f->bytes, node + 24) + 1, fields);
  damage(f, node + 24, UINT32_MAX, fields);
  damage(f, node + 28, UINT32_MAX, fields);
  damage(f, exn + 28, UINT32_MAX, fields);
  damage(f, sub + 24, 0, fields);
  damage(f, field_of(f, "sub", 1) + 4, 9, "a field is none");
  damage(f, field_of(f, "sub", 1) + 4, UINT32_MAX, "a field is none");
  damage(f, field_of(f, "sub", 1), f->text_bytes, "a field is none");
}

/* Described as another than that which has the fingerprint. */
static void test_fingerprints(void **state)
{
  struct forged *f = *state;
  uint32_t number, all;
  size_t node = type_at(f, "node", &number), sub = type_at(f, "sub", &number);
  size_t refs = type_at(f, "refs", &number);

  (void)type_at(f, "all", &all);
  forge(f, node, 0, SLH_E_TYPE, "the runtime lacks the type node, which the image uses");
  forge(f, node + 8, 1, SLH_E_TYPE, "the runtime lacks one more type node, which the image uses");
  forge(f, node + 8, UINT32_MAX, SLH_E_TYPE, "the runtime lacks one more type node, which");
  forge(f, node + 20, image_bytes_u32(&f->bytes, refs + 20), SLH_E_TYPE,
        "lacks one more type refs");
  forge(f, field_of(f, "node", 2) + 4, SLH_F32, SLH_E_TYPE, "lacks one more type node");
  forge(f, sub + 16, 0, SLH_E_TYPE, "lacks one more type sub");
  forge(f, sub + 16, all + 1, SLH_E_TYPE, "lacks one more type sub");
  forge(f, node + 12, image_bytes_u32(&f->bytes, node + 12) + 24, SLH_E_TYPE, /* an exception */
        "lacks one more type node");
  forge(f, node + 28, 2, SLH_E_TYPE, "lacks one more type node");
}

static slh_status read_registering(const struct image_bytes *bytes, slh_error *error)
{
  slh_image_options options = guest_image_options(SLH_POOL_WIDE);
  slh_runtime *runtime = guest_runtime(SLH_COLLECTOR_COPYING, 0);
  slh_image *image = NULL;
  slh_status status;

  options.register_types = true;
  status = image_bytes_read(runtime, bytes->at, bytes->size, &options, &image, error);
  slh_image_free(image);
  slh_runtime_free(runtime);
  return status;
}

/* As above, and it is to be registered. */
static void register_forged(struct forged *f, size_t at, uint32_t value, size_t fingerprint)
{
  static const char fields[] = "the image file is damaged: a type's fields are none";
  struct image_bytes copy = image_bytes_copy(&f->bytes);
  slh_error error = {0};

  image_bytes_put_u32(&copy, at, value);
  image_bytes_put_u64(&copy, fingerprint, 0);
  image_bytes_repair(&copy);
  assert_status(read_registering(&copy, &error), SLH_E_CORRUPT);
  assert_string_equal(error.message, fields);
  assert_int_equal(error.status, SLH_E_CORRUPT);
  image_bytes_free(&copy);
}

static void test_registered(void **state)
{
  struct forged *f = *state;
  uint32_t refs, exn, number;
  size_t sub = type_at(f, "sub", &number);

  (void)type_at(f, "refs", &refs);
  (void)type_at(f, "exn", &exn);
  register_forged(f, sub + 16, refs + 1, sub);
  register_forged(f, sub + 16, exn + 1, sub);
  register_forged(f, field_of(f, "sub", 0) + 4, SLH_FUNCREF, sub);
}

/* A struct that no runtime can have. */
static void test_too_large(void **state)
{
  struct forged *f = *state;
  const uint32_t count = SLH_STRUCT_SIZE_MAX / 16 + 1;
  size_t size = (96 + 32 + 8 * (size_t)count + 2 + 4095) / 4096 * 4096;
  struct image_bytes bytes = {calloc(1, size), size};
  slh_error error = {0};

  assert_non_null(bytes.at);
  memcpy(bytes.at, f->bytes.at, 16);
  image_bytes_put_u64(&bytes, 24, size);
  image_bytes_put_u64(&bytes, 32, size);
  image_bytes_put_u32(&bytes, 60, 1);
  image_bytes_put_u32(&bytes, 64, count);
  image_bytes_put_u32(&bytes, 92, 2);
  image_bytes_put_u32(&bytes, 96 + 12, 2 << 6 | SLH_KIND_STRUCT << 3);
  image_bytes_put_u32(&bytes, 96 + 28, count);
  for (uint32_t i = 0; i < count; i++) {
    image_bytes_put_u32(&bytes, 128 + 8 * (size_t)i, UINT32_MAX);
    image_bytes_put_u32(&bytes, 132 + 8 * (size_t)i, SLH_V128);
  }
  image_bytes_repair(&bytes);
  assert_status(read_registering(&bytes, &error), SLH_E_CORRUPT);
  assert_string_equal(error.message, "the image file is damaged: a type's fields are none");
  image_bytes_put_u32(&bytes, 96 + 28, count - 2);
  image_bytes_repair(&bytes);
  assert_ok(read_registering(&bytes, NULL));
  image_bytes_free(&bytes);
}

/* ---- text ---- */

static void test_text(void **state)
{
  struct forged *f = *state;
  struct image_bytes copy = image_bytes_copy(&f->bytes);
  slh_error error = {0};

  copy.at[f->text + f->text_bytes - 1] = 'x';
  image_bytes_repair(&copy);
  expect(f, &copy, SLH_E_CORRUPT, "damaged: its text does not end");
  /* Each name goes on to the end: together they are far more than the text. */
  memset(copy.at + f->text, 'x', f->text_bytes);
  copy.at[f->text + f->text_bytes - 1] = '\0';
  image_bytes_repair(&copy);
  assert_non_null(image_sound_read(&f->sound, &copy, 0));
  for (uint32_t i = 0; i < f->type_count; i++) /* none is known */
    image_bytes_put_u64(&copy, f->types + 32 * (size_t)i, i);
  image_bytes_repair(&copy);
  assert_status(read_registering(&copy, &error), SLH_E_CORRUPT);
  assert_true(strstr(error.message, "a field is none") || strstr(error.message, "name"));
  image_bytes_free(&copy);
}

/* ---- references ---- */

/* All that is no reference. */
static void forge_reference(struct forged *f, size_t at, const char *message)
{
  const uint32_t none[] = {f->first + 4,
                           f->first + 8, /* inside of the first object */
                           f->first + f->body_bytes,
                           f->first + f->body_bytes + 8,
                           f->first - 8,
                           2,
                           8,
                           0xfffffff8,
                           0x80000000};

  for (size_t i = 0; i < sizeof none / sizeof *none; i++)
    damage(f, at, none[i], message);
}

static void test_references(void **state)
{
  struct forged *f = *state;
  static const char object[] = "damaged: a reference, or the number of host data, is none";
  static const char entry[] = "damaged: an entry of an ephemeron table is none";

  forge_reference(f, f->roots + 4, "damaged: a root is none");
  forge_reference(f, f->roots + 12, "damaged: a root is none");
  damage(f, f->roots, f->text_bytes, "damaged: a root is none");
  damage(f, f->roots + 8, image_bytes_u32(&f->bytes, f->roots), "two roots are named named");
  damage(f, f->roots + 8, image_bytes_u32(&f->bytes, f->roots) + 1, "damaged: a root is none");
  damage(f, f->roots, UINT32_MAX - 1, "damaged: a root is none");
  forge_reference(f, f->weak, "damaged: a weak reference is none");
  forge_reference(f, f->entries + 4, entry);
  forge_reference(f, f->entries + 8, entry);
  damage(f, f->entries + 4, 0, entry);
  damage(f, f->entries + 4, 7, entry);
  damage(f, f->entries, 2, entry);
  damage(f, f->entries, UINT32_MAX, entry);
  forge_reference(f, object_at(f, "node") + 4, object);
  forge_reference(f, object_at(f, "sub") + 4, object);
  forge_reference(f, object_at(f, "refs") + 16, object);
  forge_reference(f, object_at(f, "exn") + 12, object);
}

static void test_host_data(void **state)
{
  struct forged *f = *state;
  static const char object[] = "damaged: a reference, or the number of host data, is none";
  static const char outside[] = "damaged: host data lies outside of its text";
  static const char function[] = "damaged: a function lies outside of its text";
  uint32_t externrefs = image_bytes_u32(&f->bytes, 84), functions = image_bytes_u32(&f->bytes, 88);
  uint32_t size = image_bytes_u32(&f->bytes, f->externrefs + 4);
  slh_image *image = NULL;
  slh_error error = {0};

  damage(f, object_at(f, "externref") + 4, externrefs, object);
  damage(f, object_at(f, "externref") + 4, UINT32_MAX, object);
  damage(f, object_at(f, "funcrefs") + 8, functions + 1, object);
  damage(f, object_at(f, "funcrefs") + 12, UINT32_MAX, object);
  damage(f, object_at(f, "exn") + 16, functions + 1, object);
  damage(f, f->externrefs, f->text_bytes - size + 1, outside);
  damage(f, f->externrefs, f->text_bytes + 1, outside);
  damage(f, f->externrefs, UINT32_MAX, outside);
  damage(f, f->externrefs + 4, UINT32_MAX, outside);
  damage(f, f->functions, f->text_bytes + 1, function);
  damage(f, f->functions + 4, f->text_bytes, function);
  /* These are the callback's to say. */
  forge(f, f->functions + 4, 0, SLH_E_BOUNDS, "slh_image_options.decode: ");
  assert_status(
      image_bytes_read(f->sound.runtimes[0], f->bytes.at, f->bytes.size, NULL, &image, &error),
      SLH_E_UNSUPPORTED);
  assert_string_equal(error.message,
                      "the image file has host data, and slh_image_options.decode is NULL");
}

/* ---- objects ---- */

static void test_objects(void **state)
{
  struct forged *f = *state;
  static const char none[] = "damaged: it has something among its objects that is none";
  size_t node = object_at(f, "node"), refs = object_at(f, "refs");
  size_t last = f->objects[f->object_count - 1].at;
  uint32_t header = image_bytes_u32(&f->bytes, node);

  damage(f, node, 0, none);
  damage(f, node, 8, none); /* a filler */
  damage(f, node, header + 1, none);
  damage(f, node, UINT32_MAX, none);
  damage(f, node, image_bytes_u32(&f->bytes, object_at(f, "externref")), none);
  damage(f, refs + 4, UINT32_MAX, none);
  damage(f, refs + 4, 0x80000000, none);
  damage(f, refs + 4, 5, none);
  damage(f, last, image_bytes_u32(&f->bytes, object_at(f, "all")), none);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_kind),         cmocka_unit_test(test_sizes),
      cmocka_unit_test(test_counts),       cmocka_unit_test(test_types),
      cmocka_unit_test(test_fingerprints), cmocka_unit_test(test_registered),
      cmocka_unit_test(test_too_large),    cmocka_unit_test(test_text),
      cmocka_unit_test(test_references),   cmocka_unit_test(test_host_data),
      cmocka_unit_test(test_objects),
  };

  helper_seed();
  if (!image_bytes_are_there())
    return IMAGE_BYTES_SKIP;
  return helper_run(tests, setup, teardown);
}
