/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * One system under `slotheap-bench store`. Each is an executable of its own,
 * so that no system's malloc replaces another's: peer.c has main(), a
 * peer-NAME.c has peer_open and peer_store.
 *
 * A store of n objects is: begin, n linked objects of 16 bytes, end. Object
 * i refers to object i - 1, and to the first one, and holds i.
 */
#ifndef BENCH_PEER_H
#define BENCH_PEER_H

#include <stddef.h>
#include <stdint.h>
#include <stdnoreturn.h>

/* Makes what outlives every store; stores will have up to `objects` objects. */
void peer_open(uint32_t objects);

/* Runs one store of `objects` objects. */
void peer_store(uint32_t objects);

/* Ends the process with a line that says what failed. */
noreturn void peer_fail(const char *what);

/* The object of every system that hands out host addresses. With two real
 * pointers it would take 24 bytes; one pointer and half of the other is the
 * cheapest form that fits into 16, so these systems are given that. */
struct node {
  struct node *next;
  uint32_t other;
  int32_t value;
};

_Static_assert(sizeof(struct node) == 16, "the same bytes as a {ref, ref, i32} of slotheap");

/* Makes the compiler believe that `value` is used. */
static inline void peer_consume(const void *value)
{
  __asm__ volatile("" : : "r"(value) : "memory");
}

/* The loop of every such system; `allocate` is inlined into it. Returns the
 * last object, from which all others can be reached, or NULL for none. */
static inline __attribute__((always_inline)) struct node *
peer_link(uint32_t objects, void *(*allocate)(void *context), void *context)
{
  struct node *previous = NULL;
  struct node *first = NULL;

  for (uint32_t i = 0; i < objects; i++) {
    struct node *node = allocate(context);

    if (__builtin_expect(node == NULL, 0))
      peer_fail("out of memory");
    if (first == NULL)
      first = node;
    node->next = previous;
    node->other = (uint32_t)(uintptr_t)first;
    node->value = (int32_t)i;
    previous = node;
  }
  return previous;
}

/* Gives every object back on its own, for systems that drop nothing whole. */
static inline __attribute__((always_inline)) void peer_unlink(struct node *last,
                                                              void (*release)(void *object))
{
  peer_consume(last);
  while (last != NULL) {
    struct node *next = last->next;

    release(last);
    last = next;
  }
}

#endif
