/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * One system under `slotheap-bench density`. Each is an executable of its own:
 * density-peer.c has main(), a density-NAME.c what is declared here.
 *
 * Every heap has DENSITY_NODES linked objects. Object i of heap n refers to
 * object i - 1 and to the first one, and holds density_value(n, i).
 */
#ifndef BENCH_DENSITY_PEER_H
#define BENCH_DENSITY_PEER_H

#include <slotheap/ref.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdnoreturn.h>

#define DENSITY_NODES 30

/* What a host keeps of a heap; not counted as memory of the system. */
struct density_store {
  void *heap;
  union {
    void *address;
    slh_ref reference;
  } last; /* object: all others can be reached from it */
};

/* Makes what all heaps need. `mode` chooses among several forms of a system. */
void density_open(uint64_t heaps, const char *mode);

/* Makes heap `number`. False if the system can have no more of them. */
bool density_create(struct density_store *store, uint64_t number);

/* Collects the heap. False if the system has no collector. */
bool density_collect(struct density_store *store);

/* Changes what the last object holds to density_changed(number), then walks
 * the list. False if anything there is not as it was written. */
bool density_mutate(struct density_store *store, uint64_t number);

void density_release(struct density_store *store);

/* Returns what density_open made, once all heaps are released. */
void density_close(void);

/* Ends the process with a line that says what failed. */
noreturn void density_fail(const char *what);

static inline int32_t density_value(uint64_t number, uint32_t node)
{
  return (int32_t)(uint32_t)(number * DENSITY_NODES + node);
}

static inline int32_t density_changed(uint64_t number)
{
  return ~density_value(number, 0);
}

/* What object i holds after density_mutate. */
static inline int32_t density_expected(uint64_t number, uint32_t node)
{
  return node == DENSITY_NODES - 1 ? density_changed(number) : density_value(number, node);
}

#endif
