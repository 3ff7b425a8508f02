/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Image files. What is read without an error is what any image is: stores begin
 * from it, hold what a heap holds, are collected; it is written, and read again.
 *
 * The first byte says how. An input is a file; or, so that most of what is
 * fuzzed comes past the header, a file without the zeros before its body, of
 * which sizes and checksum are made right.
 */
#include <slotheap.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/image-format.h"
#include "tests/fuzz/fuzz.h"

#define WHOLE 1   /* the file as it is */
#define CHECKED 2 /* but with its checksum made right */
#define DENSE 4
#define RESUMES 8
#define MAPPED 16
#define GENERATIONAL 32

#define FILE_MAX (1 << 20)

/* ---- host data ---- */

static uint64_t decoded, dropped;

static void drop(void *data)
{
  dropped++;
  free(data);
}

static slh_status decode(void *context, slh_host_kind kind, const void *bytes, size_t size,
                         void **value, slh_drop_fn **dropper)
{
  static const char function;

  *value = (void *)(uintptr_t)&function;
  if (kind == SLH_HOST_FUNCTION)
    return SLH_OK;
  /* Reads all of it. */
  *value = malloc(size + sizeof size);
  FUZZ_REQUIRE(*value != NULL);
  memcpy(*value, &size, sizeof size);
  memcpy((char *)*value + sizeof size, bytes, size);
  *dropper = drop;
  decoded++;
  return SLH_OK;
}

static slh_status encode(void *context, slh_host_kind kind, const void *value, const void **bytes,
                         size_t *size)
{
  *bytes = "function";
  *size = 8;
  return SLH_OK;
}

/* ---- files ---- */

struct file {
  char *at;
  size_t size;
};

static void repair_checksum(struct file *file)
{
  struct format_header *header = (struct format_header *)(void *)file->at;
  uint64_t body = file->size;

  if (file->size < sizeof *header)
    return;
  if (header->body_at >= sizeof *header && header->body_at < file->size)
    body = header->body_at;
  header->checksum = slhi_format_checksum(file->at, body, file->at + body, file->size - body);
}

/* Zeros before the body, and sizes that add up. */
static void complete(struct file *file, const uint8_t *data, size_t size)
{
  struct format_header header;
  struct format_parts parts;
  uint64_t body_at, body;

  memcpy(&header, data, sizeof header);
  parts = slhi_format_parts(NULL, &header);
  if (parts.end > size)
    return;
  body_at = slhi_format_body_at(&parts);
  body = (size - parts.end) & ~(uint64_t)7;
  header.body_at = body_at;
  header.body_bytes = body;
  header.file_bytes = body_at + body;
  file->size = header.file_bytes;
  file->at = calloc(1, file->size);
  FUZZ_REQUIRE(file->at != NULL);
  memcpy(file->at, data, parts.end);
  memcpy(file->at, &header, sizeof header);
  memcpy(file->at + body_at, data + parts.end, body);
  repair_checksum(file);
}

static struct file make_file(const uint8_t *data, size_t size, unsigned how)
{
  struct file file = {NULL, 0};

  if (!(how & WHOLE) && size >= sizeof(struct format_header))
    complete(&file, data, size);
  if (file.at)
    return file;
  file = (struct file){malloc(size + 1), size};
  FUZZ_REQUIRE(file.at != NULL);
  memcpy(file.at, data, size);
  if (how & CHECKED)
    repair_checksum(&file);
  return file;
}

static int open_file(const struct file *file)
{
  int fd = memfd_create("image", 0);

  FUZZ_REQUIRE(fd >= 0);
  FUZZ_REQUIRE(write(fd, file->at, file->size) == (ssize_t)file->size);
  FUZZ_REQUIRE(lseek(fd, 0, SEEK_SET) == 0);
  return fd;
}

/* ---- a store ---- */

/* One for each input: what a pool has is in no memory that a leak checker knows. */
static slh_pool *open_pool(bool dense)
{
  slh_pool *pool;
  slh_pool_options options = SLH_POOL_OPTIONS_INIT;

  options.kind = dense ? SLH_POOL_DENSE : SLH_POOL_WIDE;
  options.slots = 2;
  options.max_collections = 1;
  options.max_heap_bytes = dense ? FILE_MAX * 2 : 0;
  FUZZ_REQUIRE(slh_pool_new(&options, &pool, NULL) == SLH_OK);
  return pool;
}

struct roots {
  slh_ref *at;
  size_t count;
};

static void list_roots(void *host, slh_heap *heap, slh_roots *roots)
{
  struct roots *mine = host;

  (void)slh_roots_add(roots, SLH_ROOT_OTHER, mine->at, mine->count, "image");
}

static bool visit(void *context, slh_ref object, const slh_type *type, uint64_t size)
{
  FUZZ_REQUIRE(size % 8 == 0 && size > 0 && type->name != NULL && slh_is_object(object));
  ++*(uint64_t *)context;
  return true;
}

static void verify(slh_heap *heap)
{
  slh_error error = {0};

  if (slh_heap_verify(heap, NULL, &error) == SLH_OK)
    return;
  fprintf(stderr, "%s\n", error.message);
  abort();
}

/* Collects, with the image's roots and without. */
static void collect(slh_heap *heap, struct roots *roots)
{
  FUZZ_REQUIRE(slh_heap_collect(heap, NULL) == SLH_OK);
  verify(heap);
  FUZZ_REQUIRE(slh_heap_collect_young(heap, NULL) == SLH_OK);
  roots->count = 0;
  FUZZ_REQUIRE(slh_heap_collect(heap, NULL) == SLH_OK);
  verify(heap);
}

static void use_tables(slh_heap *heap, const slh_image_info *info)
{
  for (size_t i = 0; i < info->weak; i++)
    (void)slh_weak_get(heap, slh_heap_image_weak(heap, i));
  for (size_t i = 0; i < info->ephemerons; i++)
    (void)slh_heap_image_ephemerons(heap, i);
}

static void use(slh_heap *heap, const slh_image *image, struct roots *roots)
{
  slh_image_info info;
  uint64_t objects = 0;

  slh_image_get_info(image, &info);
  verify(heap);
  FUZZ_REQUIRE(slh_heap_walk(heap, visit, &objects) == SLH_OK);
  use_tables(heap, &info);
  roots->at = calloc(info.roots + 1, sizeof *roots->at);
  FUZZ_REQUIRE(roots->at != NULL);
  for (; roots->count < info.roots; roots->count++)
    roots->at[roots->count] = slh_image_root_at(image, roots->count, NULL);
  collect(heap, roots);
}

static void start_store(slh_runtime *runtime, slh_pool *pool, const slh_image *image, unsigned how)
{
  slh_heap_options options = SLH_HEAP_OPTIONS_INIT;
  struct roots roots = {NULL, 0};
  slh_heap *heap;
  slh_status status;

  options.runtime = runtime;
  options.image = image;
  options.resume = how & RESUMES;
  options.enumerate_roots = list_roots;
  options.host = &roots;
  decoded = dropped = 0;
  status = slh_heap_acquire(pool, &options, &heap);
  FUZZ_REQUIRE(status == SLH_OK || status == SLH_E_TOO_LARGE || status == SLH_E_HOST_LIMIT);
  if (status == SLH_OK) {
    use(heap, image, &roots);
    slh_heap_release(heap);
  }
  FUZZ_REQUIRE(decoded == dropped);
  free(roots.at);
}

/* ---- an image ---- */

static void check_walk(const slh_image *image)
{
  slh_image_info info;
  uint64_t objects = 0;

  slh_image_get_info(image, &info);
  slh_image_walk(image, visit, &objects);
  FUZZ_REQUIRE(objects == info.objects);
  for (size_t i = 0; i < info.roots; i++) {
    const char *name;
    slh_ref ref = slh_image_root_at(image, i, &name), found;

    if (name)
      FUZZ_REQUIRE(slh_image_find_root(image, name, &found) && found.bits == ref.bits);
  }
}

/* What it writes is an image like it. */
static void check_write(slh_runtime *runtime, const slh_image *image,
                        const slh_image_options *options)
{
  int fd = memfd_create("image", 0);
  slh_image_info before, after;
  slh_error error = {0};
  slh_image *again;

  FUZZ_REQUIRE(fd >= 0);
  FUZZ_REQUIRE(slh_image_write(image, fd, &error) == SLH_OK);
  FUZZ_REQUIRE(lseek(fd, 0, SEEK_SET) == 0);
  FUZZ_REQUIRE(slh_image_read(runtime, fd, options, &again, &error) == SLH_OK);
  slh_image_get_info(image, &before);
  slh_image_get_info(again, &after);
  FUZZ_REQUIRE(before.bytes == after.bytes && before.objects == after.objects);
  FUZZ_REQUIRE(before.types == after.types && before.roots == after.roots);
  FUZZ_REQUIRE(before.weak == after.weak && before.ephemerons == after.ephemerons);
  FUZZ_REQUIRE(before.entries == after.entries && before.externrefs == after.externrefs);
  FUZZ_REQUIRE(before.functions == after.functions);
  slh_image_free(again);
  close(fd);
}

static void read_file(slh_runtime *runtime, const struct file *file, unsigned how)
{
  slh_image_options options = SLH_IMAGE_OPTIONS_INIT;
  slh_error error = {0};
  int fd = open_file(file);
  slh_image *image;
  slh_pool *pool;
  slh_status status;

  options.encode = encode;
  options.decode = decode;
  options.register_types = true;
  options.max_bytes = FILE_MAX;
  options.kind = how & DENSE ? SLH_POOL_DENSE : SLH_POOL_WIDE;
  options.start = how & MAPPED ? SLH_IMAGE_MAP : SLH_IMAGE_COPY;
  status = slh_image_read(runtime, fd, &options, &image, &error);
  close(fd);
  if (status != SLH_OK) {
    FUZZ_REQUIRE(status == SLH_E_CORRUPT || status == SLH_E_UNSUPPORTED ||
                 status == SLH_E_TOO_LARGE || status == SLH_E_TYPE);
    FUZZ_REQUIRE(error.status == status && error.message[0] != '\0');
    return;
  }
  check_walk(image);
  check_write(runtime, image, &options);
  pool = open_pool(how & DENSE);
  start_store(runtime, pool, image, how);
  /* In memory that was used. */
  start_store(runtime, pool, image, how ^ RESUMES);
  slh_pool_free(pool);
  slh_image_free(image);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  slh_runtime_options options = SLH_RUNTIME_OPTIONS_INIT;
  slh_runtime *runtime;
  struct file file;
  unsigned how;

  if (size == 0 || size > FILE_MAX || !slhi_format_is_there())
    return 0;
  how = data[0];
  options.collector = how & GENERATIONAL ? SLH_COLLECTOR_GENERATIONAL : SLH_COLLECTOR_COPYING;
  FUZZ_REQUIRE(slh_runtime_new(&options, &runtime, NULL) == SLH_OK);
  file = make_file(data + 1, size - 1, how);
  read_file(runtime, &file, how);
  free(file.at);
  slh_runtime_free(runtime);
  return 0;
}
