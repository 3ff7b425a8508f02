/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* The library's own memory: each block lies between two red zones. The address
 * sanitizer sees what leaves a block, too, but is not in every build. */
#include "tests/torture/torture.h"

#include <stdlib.h>

#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define POISONS 1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#define POISONS 1
#endif

#ifdef POISONS
#include <sanitizer/asan_interface.h>
#endif

#define ZONE 32
#define FRESH 0xa7 /* what a block is filled with: nobody may reckon with zeroes */
#define STALE 0xdd /* what it is when it is given back */

struct block {
  struct block *next, *before;
  uint64_t bytes;
  uint64_t unused;
  unsigned char front[ZONE];
};

_Static_assert(sizeof(struct block) % 16 == 0, "what follows is aligned");

static struct block blocks = {.next = &blocks, .before = &blocks};
static uint64_t block_count;
static uint64_t refusals, refuse_one_in;

void torture_refuse(uint64_t seed, uint64_t one_in)
{
  refusals = seed;
  refuse_one_in = one_in;
}

static unsigned char zone_byte(uint64_t i)
{
  return (unsigned char)(0xc3 ^ i * 29);
}

static void paint(unsigned char *zone)
{
  for (uint64_t i = 0; i < ZONE; i++)
    zone[i] = zone_byte(i);
}

static void check_zone(const unsigned char *zone)
{
  for (uint64_t i = 0; i < ZONE; i++)
    REQUIRE_EQUAL(zone[i], zone_byte(i));
}

static unsigned char *content(struct block *block)
{
  return (unsigned char *)(block + 1);
}

static void check_block(struct block *block)
{
  check_zone(block->front);
  check_zone(content(block) + block->bytes);
}

void torture_check_host(void)
{
  for (struct block *block = blocks.next; block != &blocks; block = block->next)
    check_block(block);
}

uint64_t torture_host_blocks(void)
{
  return block_count;
}

static void release(void *context, void *memory)
{
  struct block *block = (struct block *)memory - 1;

  (void)context;
  check_block(block);
  block->next->before = block->before;
  block->before->next = block->next;
  block_count--;
  memset(content(block), STALE, block->bytes);
  free(block);
}

/* Moves at each call, so that nobody keeps an old address. */
static void *resize(void *context, void *old, size_t bytes)
{
  struct block *before = old ? (struct block *)old - 1 : NULL;
  struct block *block;

  if (refuse_one_in != 0 && helper_one_in(&refusals, refuse_one_in))
    return NULL;
  block = malloc(sizeof *block + bytes + ZONE);
  REQUIRE(block != NULL);
  block->bytes = bytes;
  paint(block->front);
  memset(content(block), FRESH, bytes);
  paint(content(block) + bytes);
  if (before)
    memcpy(content(block), content(before), bytes < before->bytes ? bytes : before->bytes);
  block->next = &blocks;
  block->before = blocks.before;
  blocks.before->next = block;
  blocks.before = block;
  block_count++;
  if (before)
    release(context, old);
  return content(block);
}

const slh_allocator torture_allocator = {resize, release, NULL};

void torture_forbid(const char *at, uint64_t bytes)
{
#ifdef POISONS
  ASAN_POISON_MEMORY_REGION(at, bytes);
#else
  (void)at;
  (void)bytes;
#endif
}

void torture_allow(const char *at, uint64_t bytes)
{
#ifdef POISONS
  ASAN_UNPOISON_MEMORY_REGION(at, bytes);
#else
  (void)at;
  (void)bytes;
#endif
}
