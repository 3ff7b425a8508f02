/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* What stores of this process that are alive take in memory. */
#include "image.h"
#include "memory.h"

#include <unistd.h>

/* Bytes that a store makes its own. */
static uint64_t own_bytes(const struct image_bed *bed, enum image_way way)
{
  if (way == IMAGE_WAY_MAP || (way == IMAGE_WAY_AUTO && bed->mapped))
    return image_pages_written(&bed->what) * (uint64_t)sysconf(_SC_PAGESIZE);
  return bed->what.bytes;
}

/* What is shared with the image, and mapped many times, is not anonymous. */
static bool measure(struct image_bed *bed, enum image_way way, slh_heap **heaps, uint32_t count,
                    struct image_live *out)
{
  struct image_memory before, after;
  bool good = image_memory(getpid(), &before);

  for (uint32_t i = 0; i < count && good; i++) {
    heaps[i] = image_start(bed, way);
    good = heaps[i] != NULL;
    if (good)
      image_serve(heaps[i], &bed->what);
  }
  if (!good || !image_memory(getpid(), &after))
    return false;
  *out = (struct image_live){count, (double)(int64_t)(after.anonymous - before.anonymous) / count,
                             (double)(int64_t)(after.page_tables - before.page_tables) / count};
  return true;
}

bool image_live(struct image_bed *bed, enum image_way way, uint64_t memory, struct image_live *out)
{
  uint32_t count = image_stores(memory, own_bytes(bed, way), IMAGE_STORES);
  slh_heap **heaps = memory_new(count, sizeof *heaps);
  bool good;

  slh_pool_trim(bed->pools[way]);
  good = measure(bed, way, heaps, count, out);
  for (uint32_t i = 0; i < count; i++)
    slh_heap_release(heaps[i]);
  slh_pool_trim(bed->pools[way]);
  free(heaps);
  return good;
}
