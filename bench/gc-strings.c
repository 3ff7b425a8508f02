/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Strings, as a script makes them: words are written, and joined one by one to
 * a line; every line replaces some other among those that are kept. One string
 * in sixteen lives on.
 */
#include "gc-peer.h"
#include "random.h"

#include <string.h>

#define LINES_A_PLACE 8
#define WORDS 8

enum {
  GLOBAL_LINES
};

static void open(void)
{
}

/* 3 to 18 bytes. */
static mem_ref new_word(struct mem mem, struct random *random)
{
  uint64_t bits = random_bits(random);
  uint32_t length = 3 + (uint32_t)(bits >> 60);
  mem_ref word = mem_new_bytes(mem, length, NULL, NULL);
  char *data = mem_bytes(mem, word);

  for (uint32_t i = 0; i < length; i++)
    data[i] = (char)('a' + (bits >> 3 * i & 15));
  return word;
}

static mem_ref join(struct mem mem, mem_ref a, mem_ref b)
{
  uint32_t a_length = mem_bytes_length(mem, a), b_length = mem_bytes_length(mem, b);
  mem_ref both = mem_new_bytes(mem, a_length + b_length, &a, &b);

  memcpy(mem_bytes(mem, both), mem_bytes(mem, a), a_length);
  memcpy(mem_bytes(mem, both) + a_length, mem_bytes(mem, b), b_length);
  if (MEM_MANUAL) {
    mem_drop(mem, a);
    mem_drop(mem, b);
  }
  return both;
}

static mem_ref new_line(struct mem mem, struct random *random)
{
  mem_ref line = mem_new_bytes(mem, 0, NULL, NULL);

  for (uint32_t i = 0; i < WORDS; i++) {
    mem_ref word = new_word(mem_push(mem, line), random);

    line = join(mem, mem_reload(mem, 0, line), word);
  }
  return line;
}

static uint64_t read_line(struct mem mem, mem_ref line)
{
  uint32_t length = mem_bytes_length(mem, line);
  const char *data = mem_bytes(mem, line);
  uint64_t sum = length;

  for (uint32_t i = 0; i < length; i++)
    sum = sum * 31 + (uint64_t)data[i];
  return sum;
}

static struct mem_outcome run(struct mem mem, uint32_t size, uint64_t seed)
{
  struct mem_outcome outcome = {0, 0};
  struct random random = random_seed(seed, 0);
  uint64_t lines = (uint64_t)size * LINES_A_PLACE;

  mem_set_global(mem, GLOBAL_LINES, mem_new_refs(mem, size, NULL, NULL));
  for (uint64_t i = 0; i < lines; i++) {
    mem_ref line = new_line(mem, &random);
    uint32_t place = random_below(&random, size);
    mem_ref old = mem_get_item(mem, mem_global(mem, GLOBAL_LINES), place);

    if (MEM_MANUAL && !mem_is_null(old))
      mem_drop(mem, old);
    mem_set_item(mem, mem_global(mem, GLOBAL_LINES), place, line);
  }
  for (uint32_t i = 0; i < size; i++) {
    mem_ref line = mem_get_item(mem, mem_global(mem, GLOBAL_LINES), i);

    if (mem_is_null(line))
      continue;
    outcome.check += read_line(mem, line);
    if (MEM_MANUAL)
      mem_drop(mem, line);
  }
  if (MEM_MANUAL)
    mem_drop(mem, mem_global(mem, GLOBAL_LINES));
  outcome.operations = lines * (2 * WORDS + 1);
  return outcome;
}

const struct mem_workload mem_workload_strings = {"strings", 2000, open, run};
