/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* The hook: malloc, counted. */
#include "tests/meter.h"

#include <stdlib.h>

struct block {
  uint64_t bytes;
  uint64_t unused; /* keeps what follows aligned */
};

static bool fails(struct meter *meter)
{
  uint64_t left = atomic_load(&meter->left), bits;

  do {
    if (left == 0)
      return true;
  } while (!atomic_compare_exchange_weak(&meter->left, &left, left - 1));
  return failing_hit(&meter->failing, &bits);
}

/* Always moves, so that nobody keeps a pointer to the old place. */
static void *resize(void *context, void *old, size_t bytes)
{
  struct meter *meter = context;
  struct block *block = old ? (struct block *)old - 1 : NULL, *resized;

  if (fails(meter))
    return NULL;
  resized = malloc(sizeof *resized + bytes);
  if (!resized)
    return NULL;
  memset(resized, 0xa5, sizeof *resized + bytes);
  resized->bytes = bytes;
  meter->bytes += bytes;
  meter->blocks++;
  if (block) {
    memcpy(resized + 1, old, bytes < block->bytes ? bytes : block->bytes);
    meter->bytes -= block->bytes;
    meter->blocks--;
    free(block);
  }
  return resized + 1;
}

static void release(void *context, void *memory)
{
  struct meter *meter = context;
  struct block *block = (struct block *)memory - 1;

  meter->bytes -= block->bytes;
  meter->blocks--;
  free(block);
}

slh_allocator meter_allocator(struct meter *meter)
{
  slh_allocator allocator = {resize, release, meter};

  *meter = (struct meter){.left = UINT64_MAX, .hook = allocator};
  return allocator;
}
