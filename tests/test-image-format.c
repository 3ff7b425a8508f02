/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* The page doc/image-format.md: a file that was made by hand from its numbers is read,
 * and is what the library writes; its tables are those of lib/image-format.h. */
#include <stdio.h>
#include <stdlib.h>

#include "lib/image-format.h"
#include "tests/image-bytes.h"
#include "tests/store.h"

#ifdef HAVE_XXHASH
#define XXH_INLINE_ALL
#include <xxhash.h>
#endif

/* ---- by hand ---- */

/* Text, and where its pieces lie. */
static const char text[] = "the root\0<7>\0base\0next\0list\0derived\0next\0count\0[f]";
enum {
  ROOT = 0,
  SEVEN = 9,
  BASE = 13,
  BASE_NEXT = 18,
  LIST = 23,
  DERIVED = 28,
  DERIVED_NEXT = 36,
  COUNT = 41,
  FUNCTION = 47,
  TEXT_BYTES = 51
};

static uint64_t hash(const void *bytes, size_t size, uint64_t seed)
{
#ifdef HAVE_XXHASH
  return XXH3_64bits_withSeed(bytes, size, seed);
#else
  (void)bytes;
  return size + seed;
#endif
}

static uint64_t hash_text(const char *name, uint64_t seed)
{
  return hash(name, strlen(name) + 1, seed);
}

static uint64_t hash_word(uint32_t word, uint64_t seed)
{
  return hash(&word, 4, seed);
}

static uint64_t hash_shape(uint32_t kind, uint32_t size, uint32_t fields, uint64_t seed)
{
  const uint32_t shape[] = {kind, size, fields};

  return hash(shape, 12, seed);
}

static void put(struct image_bytes *file, size_t at, size_t count, const uint32_t *words)
{
  for (size_t i = 0; i < count; i++)
    image_bytes_put_u32(file, at + 4 * i, words[i]);
}

#define PUT(file, at, ...)                                                                         \
  put(file, at, sizeof((const uint32_t[]){__VA_ARGS__}) / 4, (const uint32_t[]){__VA_ARGS__})

#define NONE 0xffffffff

/*
 *   96  base {next: ref}, list of functions, derived {next: ref, count: i32} of base
 *   192 4 fields    224 2 roots    240 1 weak reference    248 1 entry
 *   264 1 externref    272 1 function    280 text to 331    4096 body
 *
 * The objects, by their references:
 *   4096 derived (16): 4112, 42    4112 externref (8): 0    4120 base (8): 4128
 *   4128 list of 3 (24): 1, 0, 1
 */
static struct image_bytes make_by_hand(void)
{
  struct image_bytes file = {calloc(1, 4152), 4152};
  uint64_t base = hash_text("next", hash_word(7, hash_shape(2, 8, 1, hash_text("base", 0))));
  uint64_t derived = hash_shape(2, 16, 2, hash_text("derived", base));
  uint64_t list = hash_word(8, hash_shape(3, 4, 1, hash_text("list", 0)));

  assert_non_null(file.at);
  derived = hash_text("next", hash_word(7, derived));
  derived = hash_text("count", hash_word(2, derived));
  memcpy(file.at, "slotheap", 8);
  PUT(&file, 8, 1, 0x01020304);
  image_bytes_put_u64(&file, 24, 4152);
  image_bytes_put_u64(&file, 32, 4096);
  image_bytes_put_u64(&file, 40, 56);
  image_bytes_put_u64(&file, 48, 4);
  PUT(&file, 56, 4096, 3, 4, 2, 1, 1, 1, 1, 1, TEXT_BYTES);
  image_bytes_put_u64(&file, 96, base);
  PUT(&file, 104, 0, 2 << 6 | 2 << 3, 0, BASE, 0, 1);
  image_bytes_put_u64(&file, 128, list);
  PUT(&file, 136, 0, 4 << 6 | 3 << 3, 0, LIST, 1, 1);
  image_bytes_put_u64(&file, 160, derived);
  PUT(&file, 168, 0, 3 << 6 | 2 << 3, 1, DERIVED, 2, 2);
  PUT(&file, 192, BASE_NEXT, 7, NONE, 8, DERIVED_NEXT, 7, COUNT, 2);
  PUT(&file, 224, ROOT, 4096, NONE, (uint32_t)-9); /* an i31 */
  PUT(&file, 240, 4112, 0);
  PUT(&file, 248, 0, 4096, 4120, 0);
  PUT(&file, 264, SEVEN, 3);
  PUT(&file, 272, FUNCTION, 3);
  memcpy(file.at + 280, text, TEXT_BYTES);
  PUT(&file, 4096, 3 << 6 | 2 << 3, 4112, 42, 0);
  PUT(&file, 4112, 0x60, 0);
  PUT(&file, 4120, 2 << 6 | 2 << 3, 4128);
  PUT(&file, 4128, 4 << 6 | 3 << 3, 3, 1, 0, 1, 0);
  image_bytes_put_u64(&file, 16, hash(file.at + 24, 4152 - 24, 0));
  return file;
}

/* ---- the same by the library ---- */

static const char function_f;

static slh_status encode(void *context, slh_host_kind kind, const void *value, const void **bytes,
                         size_t *size)
{
  (void)context;
  (void)value;
  *bytes = kind == SLH_HOST_DATA ? "<7>" : "[f]";
  *size = 3;
  return SLH_OK;
}

static slh_status decode(void *context, slh_host_kind kind, const void *bytes, size_t size,
                         void **value, slh_drop_fn **drop)
{
  (void)context;
  (void)drop;
  assert_int_equal(size, 3);
  assert_memory_equal(bytes, kind == SLH_HOST_DATA ? "<7>" : "[f]", 3);
  *value = kind == SLH_HOST_DATA ? (void *)7 : (void *)(uintptr_t)&function_f;
  return SLH_OK;
}

struct hand {
  slh_runtime *runtime;
  slh_pool *pool;
  slh_heap *heap;
  const slh_type *base, *derived, *list;
  slh_image_options options;
  struct image_bytes file;
};

static int setup(void **state)
{
  static const slh_field fields[] = {{"next", SLH_REF, 0}, {"count", SLH_I32, 0}};
  static struct hand hand;
  slh_pool_options pool = helper_pool_options(2);

  hand.runtime = helper_runtime(NULL);
  assert_ok(slh_struct_type_new(hand.runtime, "base", NULL, fields, 1, &hand.base, NULL));
  assert_ok(
      slh_struct_type_new(hand.runtime, "derived", hand.base, fields, 2, &hand.derived, NULL));
  assert_ok(slh_array_type_new(hand.runtime, "list", SLH_FUNCREF, &hand.list, NULL));
  hand.pool = helper_pool(&pool);
  hand.heap = helper_acquire(hand.pool, hand.runtime);
  hand.options = (slh_image_options)SLH_IMAGE_OPTIONS_INIT;
  hand.options.encode = encode;
  hand.options.decode = decode;
  hand.file = make_by_hand();
  *state = &hand;
  return 0;
}

static int teardown(void **state)
{
  struct hand *hand = *state;

  image_bytes_free(&hand->file);
  slh_heap_release(hand->heap);
  slh_pool_free(hand->pool);
  slh_runtime_free(hand->runtime);
  return 0;
}

/* It is what the library writes. */
static void test_written(void **state)
{
  struct hand *hand = *state;
  slh_heap *heap = hand->heap;
  slh_image_root roots[2] = {{"the root", SLH_NULL}, {NULL, slh_i31(-5)}};
  slh_weak weak;
  slh_ephemerons table;
  slh_image_contents contents = {roots, 2, &weak, 1, &table, 1};
  struct image_bytes written;
  slh_image *image = NULL;
  slh_ref external, base, list;
  slh_value value = {SLH_FUNCREF, {0}};
  uint32_t number = 0;

  slh_heap_enter_no_gc(heap);
  assert_ok(slh_new_struct(heap, hand->derived, &roots[0].ref));
  assert_ok(slh_new_struct(heap, hand->base, &base));
  assert_ok(slh_new_array(heap, hand->list, 3, &list));
  assert_ok(slh_new_externref(heap, (void *)7, NULL, &external));
  assert_ok(slh_funcref_intern(heap, heap, &number)); /* not in the image */
  assert_ok(slh_funcref_intern(heap, &function_f, &number));
  value.integer = number;
  assert_ok(slh_array_set(heap, list, 0, &value));
  assert_ok(slh_array_set(heap, list, 2, &value));
  slh_init_ref(heap, roots[0].ref, 4, external);
  slh_set_i32(heap, roots[0].ref, 8, 42);
  slh_init_ref(heap, base, 4, list);
  assert_ok(slh_weak_new(heap, external, &weak));
  assert_ok(slh_ephemerons_new(heap, &table));
  assert_ok(slh_ephemerons_set(heap, table, roots[0].ref, base));
  assert_ok(slh_image_freeze(heap, &contents, &hand->options, &image, NULL));
  slh_heap_leave_no_gc(heap);
  written = image_bytes_of(image);
  slh_image_free(image);
  assert_int_equal(written.size, hand->file.size);
  assert_memory_equal(written.at, hand->file.at, written.size);
  image_bytes_free(&written);
}

/* And the library reads it. */
static void test_read(void **state)
{
  struct hand *hand = *state;
  slh_heap_options options = SLH_HEAP_OPTIONS_INIT;
  slh_image *image = NULL;
  slh_error error = {0};
  slh_heap *heap = NULL;
  slh_ref derived, base, list, external;
  slh_value value;
  const void *function = NULL;
  const char *name = "";
  void *data = NULL;

  if (image_bytes_read(hand->runtime, hand->file.at, hand->file.size, &hand->options, &image,
                       &error) != SLH_OK)
    fail_msg("%s: %s", slh_status_name(error.status), error.message);
  options.runtime = hand->runtime;
  options.image = image;
  assert_ok(slh_heap_acquire(hand->pool, &options, &heap));
  assert_ok(slh_heap_verify(heap, NULL, NULL));
  assert_true(slh_image_find_root(image, "the root", &derived));
  assert_int_equal(slh_i31_signed(slh_image_root_at(image, 1, &name)), -5);
  assert_null(name);
  assert_true(slh_has_type(heap, derived, hand->derived));
  assert_int_equal(slh_get_i32(heap, derived, 8), 42);
  external = slh_get_ref(heap, derived, 4);
  assert_ok(slh_externref_data(heap, external, &data));
  assert_ptr_equal(data, (void *)7);
  assert_int_equal(slh_weak_get(heap, slh_heap_image_weak(heap, 0)).bits, external.bits);
  assert_true(slh_ephemerons_get(heap, slh_heap_image_ephemerons(heap, 0), derived, &base));
  assert_true(slh_has_type(heap, base, hand->base));
  list = slh_get_ref(heap, base, 4);
  assert_int_equal(slh_array_length(heap, list), 3);
  for (uint32_t i = 0; i < 3; i++) {
    assert_ok(slh_array_get(heap, list, i, &value));
    assert_ok(slh_funcref_function(heap, (uint32_t)value.integer, &function));
    assert_ptr_equal(function, i == 1 ? NULL : &function_f);
  }
  slh_heap_release(heap);
  slh_image_free(image);
}

/* ---- the page ---- */

struct row {
  const char *part; /* its heading */
  size_t at, bytes;
  const char *field;
};

#define ROW(part, type, field)                                                                     \
  {                                                                                                \
    part, offsetof(struct type, field), sizeof((struct type *)NULL)->field, #field                 \
  }

static const struct row rows[] = {
    ROW("## Header", format_header, magic),
    ROW("## Header", format_header, version),
    ROW("## Header", format_header, byte_order),
    ROW("## Header", format_header, checksum),
    ROW("## Header", format_header, file_bytes),
    ROW("## Header", format_header, body_at),
    ROW("## Header", format_header, body_bytes),
    ROW("## Header", format_header, objects),
    ROW("## Header", format_header, first),
    ROW("## Header", format_header, types),
    ROW("## Header", format_header, fields),
    ROW("## Header", format_header, roots),
    ROW("## Header", format_header, weak),
    ROW("## Header", format_header, ephemerons),
    ROW("## Header", format_header, entries),
    ROW("## Header", format_header, externrefs),
    ROW("## Header", format_header, functions),
    ROW("## Header", format_header, text_bytes),
    ROW("## Types", format_type, fingerprint),
    ROW("## Types", format_type, rank),
    ROW("## Types", format_type, header),
    ROW("## Types", format_type, supertype),
    ROW("## Types", format_type, name),
    ROW("## Types", format_type, first_field),
    ROW("## Types", format_type, field_count),
    ROW("### Fields", format_field, name),
    ROW("### Fields", format_field, storage),
    ROW("## Roots", format_root, name),
    ROW("## Roots", format_root, ref),
    ROW("## Weak references", format_weak, ref),
    ROW("## Weak references", format_weak, zero),
    ROW("## Entries of", format_entry, table),
    ROW("## Entries of", format_entry, key),
    ROW("## Entries of", format_entry, value),
    ROW("## Entries of", format_entry, zero),
    ROW("## Externrefs and functions", format_text, at),
    ROW("## Externrefs and functions", format_text, size),
};

static FILE *open_page(void)
{
  const char *source = getenv("srcdir"); /* from make */
  char path[1000];

  (void)snprintf(path, sizeof path, "%s/doc/image-format.md", source ? source : ".");
  return fopen(path, "r");
}

/* Each row stands in the table of its part, and there are no others. */
static void test_page(void **state)
{
  FILE *page = open_page();
  static char all[65536];
  size_t count = 0;

  (void)state;
  if (!page)
    skip(); /* run from elsewhere */
  all[fread(all, 1, sizeof all - 1, page)] = '\0';
  (void)fclose(page);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    const char *part = strstr(all, rows[i].part), *end, *found;
    char row[100];

    assert_non_null(part);
    end = strstr(part + 4, "\n#");
    (void)snprintf(row, sizeof row, "\n| %zu | %zu | `%s` |", rows[i].at, rows[i].bytes,
                   rows[i].field);
    found = strstr(part, row);
    if (!found || (end && found > end))
      fail_msg("%s lacks %s", rows[i].part, row + 1);
  }
  for (const char *at = all; (at = strstr(at, "\n| ")) != NULL; at++)
    count += at[3] >= '0' && at[3] <= '9';
  assert_int_equal(count, sizeof rows / sizeof *rows);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_written, setup, teardown),
      cmocka_unit_test_setup_teardown(test_read, setup, teardown),
      cmocka_unit_test(test_page),
  };

  helper_seed();
  if (!image_bytes_are_there())
    return IMAGE_BYTES_SKIP;
  return helper_run(tests, NULL, NULL);
}
