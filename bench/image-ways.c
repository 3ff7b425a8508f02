/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Stores of this process that begin with the same objects, each way in a pool of
 * its own. */
#include "clock.h"
#include "image.h"
#include "memory.h"
#include "node.h"
#include "progress.h"

#include <inttypes.h>

/* The start of the ways that have an image. */
static const slh_image_start starts[IMAGE_WAYS] = {
    [IMAGE_WAY_COPY] = SLH_IMAGE_COPY,
    [IMAGE_WAY_MAP] = SLH_IMAGE_MAP,
    [IMAGE_WAY_AUTO] = SLH_IMAGE_AUTO,
};

static bool has_image(enum image_way way)
{
  return way == IMAGE_WAY_COPY || way == IMAGE_WAY_MAP || way == IMAGE_WAY_AUTO;
}

static bool fail(const char *what, const char *why)
{
  progress_clear();
  fprintf(stderr, "slotheap-bench image: %s: %s\n", what, why);
  return false;
}

/* ---- open and close ---- */

static bool freeze(struct image_bed *bed, slh_ref *last, const slh_heap *heap, enum image_way way)
{
  slh_image_options options = SLH_IMAGE_OPTIONS_INIT;
  const slh_image_root root = {NULL, *last};
  const slh_image_contents contents = {.roots = &root, .root_count = 1};
  slh_error error;

  options.start = starts[way];
  options.written_percent = bed->what.written == 0 ? 1 : bed->what.written;
  if (slh_image_freeze(heap, &contents, &options, &bed->images[way], &error) != SLH_OK)
    return fail("freezing", error.message);
  bed->options[way].image = bed->images[way];
  return true;
}

static bool freeze_all(struct image_bed *bed)
{
  slh_heap *heap;
  slh_ref last;
  slh_error error;
  bool good;

  if (slh_heap_new(NULL, &bed->options[IMAGE_WAY_BUILD], &heap, &error) != SLH_OK)
    return fail("a heap", error.message);
  good = image_graph_build(heap, bed->node, bed->what.bytes, &last) ||
         fail("building", "out of memory");
  for (enum image_way way = 0; way < IMAGE_WAYS && good; way++)
    good = !has_image(way) || freeze(bed, &last, heap, way);
  slh_heap_release(heap);
  return good;
}

static bool open_pools(struct image_bed *bed)
{
  slh_pool_options options = SLH_POOL_OPTIONS_INIT;
  slh_error error;

  options.slots = IMAGE_STORES;
  options.keep_resident_bytes = bed->what.keep;
  for (enum image_way way = 0; way < IMAGE_WAYS; way++)
    if (has_image(way) || way == IMAGE_WAY_BUILD) {
      bed->options[way] = (slh_heap_options)SLH_HEAP_OPTIONS_INIT;
      bed->options[way].runtime = bed->runtime;
      if (slh_pool_new(&options, &bed->pools[way], &error) != SLH_OK)
        return fail("a pool", error.message);
    }
  /* No collection while it is built. */
  bed->options[IMAGE_WAY_BUILD].initial_bytes = bed->what.bytes;
  return true;
}

/* Both in memory, and at the start of a page, as slots are. */
static bool open_memcpy(struct image_bed *bed)
{
  bed->from = aligned_alloc(4096, bed->what.bytes);
  bed->to = aligned_alloc(4096, bed->what.bytes);
  if (bed->from == NULL || bed->to == NULL)
    memory_exhausted();
  memset(bed->from, 1, bed->what.bytes);
  memset(bed->to, 2, bed->what.bytes);
  return true;
}

/* What AUTO chose is told by the mappings of a store. */
static bool is_mapped(const slh_heap *heap)
{
  uint64_t start = (uintptr_t)slh_heap_get_data(heap)->base + SLH_WIDE_FIRST;
  FILE *file = fopen("/proc/self/maps", "re");
  bool found = false;
  char line[256];
  uint64_t from;

  while (file != NULL && !found && fgets(line, sizeof line, file) != NULL)
    found = sscanf(line, "%" SCNx64, &from) == 1 && from == start && strstr(line, "memfd:") != NULL;
  if (file != NULL)
    fclose(file);
  return found;
}

/* Each way once, which warms it up. */
static bool check(struct image_bed *bed)
{
  bool good = true;

  for (enum image_way way = 0; way < IMAGE_WAYS && good; way++)
    if (bed->pools[way] != NULL) {
      slh_heap *heap = image_start(bed, way);

      good = heap != NULL && (image_graph_is_whole(heap, bed->what.bytes) ||
                              fail("a store", "it did not begin with all objects"));
      if (good && way == IMAGE_WAY_AUTO)
        bed->mapped = is_mapped(heap);
      slh_heap_release(heap);
    }
  return good;
}

bool image_bed_open(struct image_bed *bed, const struct image_case *what)
{
  slh_error error;

  *bed = (struct image_bed){.what = *what};
  if (slh_runtime_new(NULL, &bed->runtime, &error) != SLH_OK ||
      node_type_new(bed->runtime, &bed->node, &error) != SLH_OK)
    return fail("a runtime", error.message);
  return open_pools(bed) && freeze_all(bed) && open_memcpy(bed) && check(bed);
}

void image_bed_close(struct image_bed *bed)
{
  for (enum image_way way = 0; way < IMAGE_WAYS; way++) {
    slh_pool_free(bed->pools[way]);
    slh_image_free(bed->images[way]);
  }
  slh_runtime_free(bed->runtime);
  free(bed->from);
  free(bed->to);
}

/* ---- a store ---- */

slh_heap *image_start(const struct image_bed *bed, enum image_way way)
{
  slh_status status;
  slh_heap *heap;
  slh_ref last;

  status = slh_heap_acquire(bed->pools[way], &bed->options[way], &heap);
  if (status != SLH_OK) {
    fail("a store", slh_status_text(status));
    return NULL;
  }
  if (way != IMAGE_WAY_BUILD || image_graph_build(heap, bed->node, bed->what.bytes, &last))
    return heap;
  slh_heap_release(heap);
  fail("building", "out of memory");
  return NULL;
}

/* The floor begins like a store that has a region of its own already. */
static void copy(const struct image_bed *bed)
{
  char *to = bed->to;

  memcpy(to, bed->from, bed->what.bytes);
  __asm__ volatile("" : : "r"(to) : "memory");
}

static bool run(struct image_bed *bed, enum image_way way, uint64_t *started)
{
  slh_heap *heap;

  if (way == IMAGE_WAY_MEMCPY) {
    copy(bed);
    *started = clock_ns();
    return true;
  }
  heap = image_start(bed, way);
  *started = clock_ns();
  if (heap == NULL)
    return false;
  image_serve(heap, &bed->what);
  slh_heap_release(heap);
  return true;
}

bool image_time(struct image_bed *bed, enum image_way way, uint64_t at_least,
                struct image_time *out)
{
  uint64_t begin = clock_ns(), from = begin, start = 0, stores = 0;

  do {
    uint64_t started;

    if (!run(bed, way, &started))
      return false;
    start += started - from;
    stores++;
    from = clock_ns();
  } while (from - begin < at_least);
  out->start = (double)start / (double)stores;
  out->cycle = (double)(from - begin) / (double)stores;
  return true;
}
