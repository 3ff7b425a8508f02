/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Freezing, starting, and byte-for-byte copies of heaps. */
#include "tests/imaged.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/image.h"

slh_image *imaged_freeze(const slh_heap *heap, const slh_ref *refs, size_t count,
                         slh_image_start start)
{
  slh_image_options options = SLH_IMAGE_OPTIONS_INIT;
  slh_image_root *roots = calloc(count + 1, sizeof *roots);
  slh_image_contents contents = {.roots = roots, .root_count = count};
  slh_error error = {0};
  slh_image *image = NULL;

  assert_non_null(roots);
  for (size_t i = 0; i < count; i++)
    roots[i].ref = refs[i];
  options.start = start;
  if (slh_image_freeze(heap, &contents, &options, &image, &error) != SLH_OK)
    fail_msg("%s", error.message);
  free(roots);
  return image;
}

slh_image *imaged_bytes(struct store *store, uint32_t length, unsigned char seed,
                        slh_image_start start)
{
  slh_heap *heap = helper_acquire(store->pool, store->runtime);
  slh_ref array = SLH_NULL;
  unsigned char *bytes;
  slh_image *image;

  assert_ok(slh_new_array(heap, store->bytes, length, &array));
  bytes = slh_address(heap, array, SLH_ARRAY_DATA_OFFSET);
  for (uint32_t i = 0; i < length; i++)
    bytes[i] = (unsigned char)(seed + i);
  image = imaged_freeze(heap, &array, 1, start);
  slh_heap_release(heap);
  return image;
}

slh_heap *imaged_start(slh_pool *pool, const slh_image *image, const slh_heap_options *options)
{
  slh_heap_options all = SLH_HEAP_OPTIONS_INIT;
  slh_error error = {0};
  slh_heap *heap = NULL;

  if (options)
    all = *options;
  all.runtime = image->runtime;
  all.image = image;
  if (slh_heap_acquire_within(pool, &all, 0, &heap, &error) != SLH_OK)
    fail_msg("%s", error.message);
  return heap;
}

void imaged_restart(struct store *store, const slh_image *image, const slh_heap_options *options)
{
  slh_heap_options all = SLH_HEAP_OPTIONS_INIT;

  if (options)
    all = *options;
  all.enumerate_roots = store->heap->enumerate_roots;
  all.host = store;
  slh_heap_release(store->heap);
  store->heap = imaged_start(store->pool, image, &all);
}

slh_image_info imaged_info(const slh_image *image)
{
  slh_image_info info;

  slh_image_get_info(image, &info);
  return info;
}

slh_ref imaged_root(const slh_image *image, size_t number)
{
  return slh_image_root_at(image, number, NULL);
}

bool imaged_is_mapped(const slh_heap *heap)
{
  return slhi_heap_slot(heap)->has_front;
}

/* ---- pages ---- */

/* Whether a line of smaps begins a mapping, which those that follow are about. */
static bool read_start(const char *line, uint64_t *start)
{
  uint64_t first, end;
  bool is_one = sscanf(line, "%" SCNx64 "-%" SCNx64 " ", &first, &end) == 2;

  *start = is_one ? first : *start;
  return is_one;
}

uint64_t imaged_private_pages(const void *memory, uint64_t bytes)
{
  uint64_t first = (uintptr_t)memory, start = 0, total = 0, some;
  FILE *file = fopen("/proc/self/smaps", "re");
  char line[512];

  assert_non_null(file);
  while (fgets(line, sizeof line, file)) {
    if (!read_start(line, &start) && start >= first && start < first + bytes &&
        sscanf(line, "Anonymous: %" SCNu64, &some) == 1)
      total += some * 1024;
  }
  fclose(file);
  return total / (uint64_t)sysconf(_SC_PAGESIZE);
}

/* ---- heaps, byte for byte ---- */

struct imaged_copy imaged_copy_heap(const slh_heap *heap)
{
  uint64_t bytes = slhi_heap_committed(heap) - slhi_heap_slot(heap)->slab->gap;
  struct imaged_copy copy = {bytes, malloc(sizeof *heap + bytes)};

  assert_non_null(copy.memory);
  memcpy(copy.memory, heap, sizeof *heap);
  memcpy(copy.memory + sizeof *heap, slhi_heap_memory(heap), bytes);
  return copy;
}

void imaged_check_copy(const slh_heap *heap, struct imaged_copy *copy)
{
  struct imaged_copy now = imaged_copy_heap(heap);

  assert_int_equal(now.bytes, copy->bytes);
  assert_int_equal(memcmp(now.memory, copy->memory, sizeof *heap + now.bytes), 0);
  free(now.memory);
  free(copy->memory);
}

void imaged_expect_refusal(struct store *store, const slh_image_contents *contents,
                           slh_status status, const char *text)
{
  struct imaged_copy copy = imaged_copy_heap(store->heap);
  slh_image *const none = (slh_image *)(uintptr_t)1;
  slh_image *image = none;
  slh_error error = {0};

  assert_status(slh_image_freeze(store->heap, contents, NULL, &image, &error), status);
  if (!strstr(error.message, text))
    fail_msg("\"%s\" does not have \"%s\"", error.message, text);
  assert_ptr_equal(image, none);
  imaged_check_copy(store->heap, &copy);
  assert_status(slh_image_freeze(store->heap, contents, NULL, &image, NULL), status);
}
