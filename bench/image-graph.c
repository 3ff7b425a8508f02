/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* A list of 16-byte objects side by side, so that every page begins with one. */
#include "image.h"
#include "node.h"

#include "pool/os.h"

static inline slh_ref object(uint64_t number)
{
  return (slh_ref){(uint32_t)(SLH_WIDE_FIRST + number * NODE_BYTES)};
}

bool image_graph_build(slh_heap *heap, const slh_type *node, uint64_t bytes, slh_ref *last)
{
  slh_ref first = object(0);
  slh_ref previous = SLH_NULL;

  for (uint64_t i = 0; i < bytes / NODE_BYTES; i++) {
    slh_ref fresh;

    if (slh_alloc_struct_uninit(heap, node, &fresh) != SLH_OK)
      return false;
    slh_init_ref(heap, fresh, NODE_NEXT, previous);
    slh_init_ref(heap, fresh, NODE_OTHER, first);
    slh_set_i32(heap, fresh, NODE_VALUE, (int32_t)i);
    previous = fresh;
  }
  *last = previous;
  return true;
}

static uint64_t sum(const slh_heap *heap, uint64_t bytes)
{
  uint64_t result = 0;

  for (uint64_t i = 0; i < bytes / NODE_BYTES; i++)
    result += (uint32_t)slh_get_i32(heap, object(i), NODE_VALUE);
  return result;
}

bool image_graph_is_whole(const slh_heap *heap, uint64_t bytes)
{
  uint64_t count = bytes / NODE_BYTES;

  return sum(heap, bytes) == count * (count - 1) / 2;
}

uint64_t image_pages_written(const struct image_case *what)
{
  return (what->bytes / slhi_os_page_size() * what->written + 99) / 100;
}

void image_serve(slh_heap *heap, const struct image_case *what)
{
  uint64_t page = slhi_os_page_size();
  uint64_t pages = what->bytes / page;
  uint64_t count = image_pages_written(what);

  if (what->read) {
    uint64_t result = sum(heap, what->bytes);

    __asm__ volatile("" : : "r"(result));
  }
  for (uint64_t i = 0; i < count; i++)
    slh_set_i32(heap, object(i * pages / count * (page / NODE_BYTES)), NODE_VALUE, (int32_t)i);
}
