/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Objects within objects: each is well-formed by itself, and all of them together
 * are many times the heap. */
#include "tests/torture/torture.h"

#define LARGE_BYTES (256u * 1024)

/* The array at `from` becomes a root, or something may refer to it. */
static void lead_to(struct torture *t, uint64_t from)
{
  if (!t->active && !one_in(t, 4))
    t->roots[below(t, TORTURE_ROOTS)].bits = (uint32_t)from;
  else
    torture_put(t, torture_place(t, 4), (uint32_t)from);
}

static uint64_t bytes_behind(const struct torture *t, uint64_t from)
{
  return torture_end(t) - from;
}

/* A random place with so much behind it, or the start. */
static uint64_t place_before(struct torture *t, uint64_t bytes)
{
  uint64_t from = torture_place(t, 8);

  return bytes_behind(t, from) < bytes ? torture_first(t) : from;
}

static uint64_t at_most(uint64_t value, uint64_t most)
{
  return value < most ? value : most;
}

/* An array of references whose every second word is the header of an array that
 * reaches to the end. */
void torture_overlap_arrays(struct torture *t)
{
  uint64_t from = place_before(t, 512), end = torture_end(t);
  uint32_t count = (uint32_t)at_most(bytes_behind(t, from) / 8, 1500);

  if (count < 4)
    return;
  torture_put(t, from, t->world->types[REFS]->header);
  torture_put(t, from + 4, 2 * (count - 1));
  for (uint32_t i = 0; i < count - 1; i++) {
    uint64_t at = from + 8 + UINT64_C(8) * i;

    torture_put(t, at, i % 2 ? t->world->types[BYTES]->header : (uint32_t)at + 8);
    torture_put(t, at + 4, i % 2 ? (uint32_t)(end - at - 8) : (uint32_t)at + 8);
  }
  lead_to(t, from);
}

/* An array of references, and behind it structs of 16 bytes or more, one every 8
 * bytes, whose own references may lead back to the array. */
void torture_overlap_structs(struct torture *t)
{
  const slh_type *type = t->world->types[one_in(t, 2) ? NODE : MANY_REFS];
  uint64_t from = place_before(t, 512);
  uint32_t count = (uint32_t)at_most(bytes_behind(t, from) / 12, 1000) & ~1u;
  uint64_t first = from + 8 + UINT64_C(4) * count;

  if (count < 4)
    return;
  torture_put(t, from, t->world->types[REFS]->header);
  torture_put(t, from + 4, count);
  for (uint32_t i = 0; i < count; i++) {
    torture_put(t, from + 8 + UINT64_C(4) * i, (uint32_t)first + 8 * i);
    torture_put(t, first + UINT64_C(8) * i, type->header);
    torture_put(t, first + UINT64_C(8) * i + 4, one_in(t, 2) ? (uint32_t)from : 0);
  }
  lead_to(t, from);
}

/* Arrays that a collection would leave in place, or slide down; and references to
 * all of them. Heaps without room for such get small ones. */
void torture_overlap_larges(struct torture *t)
{
  uint64_t from = place_before(t, 2 * LARGE_BYTES);
  uint32_t count = 2 + (uint32_t)below(t, 30);
  const slh_type *type = t->world->types[one_in(t, 2) ? REFS : BYTES];

  if (bytes_behind(t, from) < 2 * (uint64_t)LARGE_BYTES) {
    torture_overlap_arrays(t);
    return;
  }
  torture_put(t, from, t->world->types[REFS]->header);
  torture_put(t, from + 4, count);
  for (uint32_t i = 0; i < count; i++) {
    uint64_t at = from + 4096 + 8 * below(t, 4096);
    uint64_t most = bytes_behind(t, at) - 8;

    torture_put(t, from + 8 + UINT64_C(4) * i, (uint32_t)at);
    torture_put(t, at, type->header);
    torture_put(t, at + 4, (uint32_t)((one_in(t, 2) ? most : LARGE_BYTES) / type->size));
  }
  lead_to(t, from);
}

/* Sixty-four headers, one every 8 bytes. */
void torture_headers_everywhere(struct torture *t)
{
  uint64_t at = torture_place(t, 8);

  for (uint64_t i = 0; i < 64; i++) {
    torture_put(t, at + 8 * i, torture_header(t));
    torture_put(t, at + 8 * i + 4, torture_bits(t));
  }
}
