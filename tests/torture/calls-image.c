/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Images: of heaps that are corrupt by then, and files that are. */
#include "tests/torture/torture.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/image-format.h"

#define MOST_FILE (256 * 1024)

/* ---- host data, which is a number of one of ours ---- */

static slh_status encode(void *context, slh_host_kind kind, const void *value, const void **bytes,
                         size_t *size)
{
  static uint64_t number;
  const struct torture *t = context;

  number = (uintptr_t)value;
  if (kind == SLH_HOST_DATA) {
    /* Which one a forged number names does not matter, but that it is alive. */
    number = (uint64_t)((const uint32_t *)value - t->drops);
    REQUIRE(number < t->externrefs && t->drops[number] == 0);
  }
  *bytes = &number;
  *size = sizeof number;
  return SLH_OK;
}

static slh_status decode(void *context, slh_host_kind kind, const void *bytes, size_t size,
                         void **value, slh_drop_fn **drop)
{
  struct torture *t = context;
  uint64_t number = 0;

  if (kind == SLH_HOST_DATA)
    return torture_datum(t, value, drop) ? SLH_OK : SLH_E_HOST_LIMIT;
  memcpy(&number, bytes, size < sizeof number ? size : sizeof number);
  *value = (void *)(uintptr_t)number;
  return SLH_OK;
}

static slh_image_options random_options(struct torture *t)
{
  slh_image_options options = SLH_IMAGE_OPTIONS_INIT;

  options.encode = encode;
  options.decode = decode;
  options.context = t;
  options.start = (slh_image_start)below(t, SLH_IMAGE_MAP + 1);
  options.without_finalizers = !one_in(t, 4);
  options.kind = t->arena->dense ? SLH_POOL_DENSE : SLH_POOL_WIDE;
  return options;
}

/* ---- images ---- */

static bool visit(void *context, slh_ref ref, const slh_type *type, uint64_t size)
{
  const struct torture *t = context;

  REQUIRE(ref.bits % 8 == 0 && ref.bits >= torture_first(t) && size >= 8);
  REQUIRE(type != NULL && slh_runtime_type(t->world->runtime, type->index) == type);
  return true;
}

static void look_at(struct torture *t, const slh_image *image)
{
  slh_image_info info;
  slh_ref ref;

  slh_image_get_info(image, &info);
  for (size_t i = 0; i < info.roots; i++)
    (void)slh_image_root_at(image, i, NULL);
  (void)slh_image_find_root(image, "first", &ref);
  VISIT(t, slh_image_walk, (image, visit, t));
}

/* What comes next may begin from it. */
static void keep(struct torture *t, slh_image *image)
{
  look_at(t, image);
  torture_drop_image(t);
  t->image = image;
}

static void freeze(struct torture *t)
{
  slh_image_options options = random_options(t);
  slh_image_root roots[TORTURE_ROOTS];
  slh_image_contents contents = {.roots = roots,
                                 .root_count = TORTURE_ROOTS,
                                 .weak = t->weak,
                                 .weak_count = t->weak_count,
                                 .ephemerons = t->tables,
                                 .ephemerons_count = t->table_count};
  slh_image *image = NULL;
  slh_error error = {0};

  for (int i = 0; i < TORTURE_ROOTS; i++) {
    slh_ref ref = t->roots[i];
    uint64_t size;

    /* A root that is no object is refused at once: mostly it is to come further. */
    if (!t->corrupt && slh_is_object(ref) && !one_in(t, 20) &&
        slh_object_size(t->heap, ref, &size) != SLH_OK)
      ref = SLH_NULL;
    roots[i] = (slh_image_root){i == 0 ? "first" : NULL, ref};
  }
  if (CALL(t, slh_image_freeze, (t->heap, &contents, &options, &image, &error)) == SLH_OK)
    keep(t, image);
  else
    REQUIRE(error.message[0] != '\0');
}

/* ---- files ---- */

/* Bits, words and counts; with a checksum that is right. */
static void damage(struct torture *t, char *file, uint64_t bytes)
{
  struct format_header header;

  for (uint64_t i = 1 + below(t, 3); i > 0; i--) {
    uint64_t end = one_in(t, 3) ? sizeof header : bytes;
    uint64_t at = below(t, (end - 4) / 4) * 4;
    uint32_t word = torture_bits(t);

    torture_corrupted(t, TORTURE_image_file);
    if (one_in(t, 2))
      memcpy(file + at, &word, sizeof word);
    else
      file[at] ^= (char)(1 << below(t, 8));
  }
  memcpy(&header, file, sizeof header);
  if (one_in(t, 10) || header.body_at > bytes || header.body_bytes > bytes - header.body_at ||
      header.body_at < sizeof header)
    return;
  header.checksum =
      slhi_format_checksum(file, header.body_at, file + header.body_at, header.body_bytes);
  memcpy(file + offsetof(struct format_header, checksum), &header.checksum, sizeof header.checksum);
}

static void read_back(struct torture *t, int fd)
{
  slh_image_options options = random_options(t);
  off_t bytes = lseek(fd, 0, SEEK_END);
  slh_image *image = NULL;
  char *file;

  if (bytes < (off_t)sizeof(struct format_header) || bytes > MOST_FILE)
    return;
  file = mmap(NULL, (size_t)bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  REQUIRE(file != MAP_FAILED);
  if (!one_in(t, 8))
    damage(t, file, (uint64_t)bytes);
  munmap(file, (size_t)bytes);
  lseek(fd, 0, SEEK_SET);
  options.max_bytes = MOST_FILE;
  if (CALL(t, slh_image_read, (t->world->runtime, fd, &options, &image, NULL)) == SLH_OK)
    keep(t, image);
}

static void write_and_read(struct torture *t)
{
  int fd;

  if (!t->image) {
    freeze(t);
    return;
  }
  fd = memfd_create("torture", MFD_CLOEXEC);
  REQUIRE(fd >= 0);
  if (CALL(t, slh_image_write, (t->image, fd, NULL)) == SLH_OK)
    read_back(t, fd);
  close(fd);
}

void torture_call_image(struct torture *t)
{
  if (one_in(t, 3))
    write_and_read(t);
  else
    freeze(t);
}

/* Whatever stores write, an image stays what it is. */
static void compare(struct torture *t)
{
  void *bytes = NULL;
  uint64_t length = 0;

  slh_heap_slice(t->heap, &bytes, &length);
  if (!t->image_copy) {
    t->image_copy = malloc(length + 1);
    REQUIRE(t->image_copy != NULL);
    t->image_end = length;
    memcpy(t->image_copy, bytes, length);
  }
  REQUIRE_EQUAL(length, t->image_end);
  REQUIRE(memcmp(bytes, t->image_copy, length) == 0);
}

void torture_drop_image(struct torture *t)
{
  slh_image_free(t->image);
  free(t->image_copy);
  t->image = NULL;
  t->image_copy = NULL;
}

void torture_take_image(struct torture *t)
{
  slh_image_info info;

  compare(t);
  slh_image_get_info(t->image, &info);
  /* A damaged file can have more than was frozen. */
  while (t->weak_count < info.weak && t->weak_count < TORTURE_HANDLES) {
    t->weak[t->weak_count] = slh_heap_image_weak(t->heap, t->weak_count);
    t->weak_count++;
  }
  while (t->table_count < info.ephemerons && t->table_count < 2) {
    t->tables[t->table_count] = slh_heap_image_ephemerons(t->heap, t->table_count);
    t->table_count++;
  }
  t->functions = (uint32_t)info.functions;
  for (uint32_t i = 0; i < info.roots && i < TORTURE_ROOTS; i++)
    t->roots[i] = slh_image_root_at(t->image, i, NULL);
}
