/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* A heap that is filled at random and then damaged, between two neighbours
 * that must not notice. */
#ifndef SLOTHEAP_TESTS_VICTIM_H
#define SLOTHEAP_TESTS_VICTIM_H

#include "tests/store.h"

#define VICTIM_BYTES (UINT64_C(64) << 10)
#define VICTIM_TYPES 8
#define VICTIM_ROOTS 8
#define VICTIM_EXTERNREFS 16

struct victim {
  slh_runtime *runtime;
  slh_pool *pool;
  slh_heap *heap;          /* in the slot between those of: */
  slh_heap *neighbours[2]; /* who hold an array of canaries each */
  const slh_type *types[VICTIM_TYPES];
  slh_ref roots[VICTIM_ROOTS];
  uint64_t random;
  uint32_t drops[VICTIM_EXTERNREFS]; /* of each externref of this store */
  uint32_t externrefs;
  bool wild;    /* also writes beyond the bump pointer */
  bool corrupt; /* a collection said so */
  bool active;  /* a collection is under way */
};

void victim_open(struct victim *victim, slh_isolation isolation);
void victim_close(struct victim *victim);

/* A heap in the victim's slot, which must be free. */
slh_heap *victim_acquire(struct victim *victim);

/* Random objects of all types, linked at random, some of them roots. */
void victim_fill(struct victim *victim);

/* One random damage, of the heap or of a root. */
void victim_damage(struct victim *victim);

/* Arrays from a random place on that all reach to the end of the heap, and one
 * that refers to all of them, as a root: many times the heap's bytes. */
void victim_overlap(struct victim *victim);

/* Bits that could be a reference, a header or a length; and an offset in the
 * heap, a multiple of `align`. */
uint32_t victim_bits(struct victim *victim);
uint64_t victim_place(struct victim *victim, uint64_t align);

/* That the neighbours are as they were. */
void victim_check_neighbours(const struct victim *victim);

static inline uint64_t victim_below(struct victim *victim, uint64_t bound)
{
  return helper_below(&victim->random, bound);
}

static inline uint64_t victim_bump(const struct victim *victim)
{
  return slh_heap_end(victim->heap);
}

static inline char *victim_byte(const struct victim *victim, uint64_t offset)
{
  return slh_heap_get_data(victim->heap)->base + offset;
}

#endif
