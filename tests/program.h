/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * A random program that runs in several worlds (stores with different
 * collectors) at a time, and on the host's side: the model. Every step does the
 * same everywhere; what the worlds reach from their roots must be the same graph.
 */
#ifndef SLOTHEAP_TESTS_PROGRAM_H
#define SLOTHEAP_TESTS_PROGRAM_H

#include "tests/datum.h"

#define PROGRAM_WORLDS 11
#define PROGRAM_OWNED 8
#define PROGRAM_WEAK 8
#define PROGRAM_FRAMES 4
#define PROGRAM_LOCALS 3 /* in each frame */
#define PROGRAM_DATA 2000

/* An object. Everything that can refer has its references in `links`. */
struct thing {
  uint32_t number; /* unique, in the object wherever there is room */
  slh_kind kind;
  uint32_t count; /* of links */
  bool reached;
  uint32_t holders; /* see program_compare */
  slh_ref at;       /* in the world that is compared */
  struct thing *next;
  struct link *links;
};

/* What a reference is: to a thing, or null or an i31. */
struct link {
  struct thing *thing;
  slh_ref small;
};

/* All that is a root, and the weak references: in the model, and in worlds. */
struct world {
  const char *name;
  struct store *store; /* its roots are the registers */
  bool collects;
  bool counts; /* references: there are no weak ones */
  slh_owned owned[PROGRAM_OWNED];
  slh_frame frames[PROGRAM_FRAMES];
  slh_local locals[PROGRAM_FRAMES][PROGRAM_LOCALS];
  slh_weak weak[PROGRAM_WEAK];
  struct datum data[PROGRAM_DATA];
};

struct program {
  uint64_t random;
  struct thing *things;
  uint32_t made, externrefs;
  struct link registers[STORE_ROOTS];
  struct link owned[PROGRAM_OWNED];
  struct link locals[PROGRAM_FRAMES][PROGRAM_LOCALS];
  struct link weak[PROGRAM_WEAK];
  uint32_t frames;
  const slh_type *exn[PROGRAM_WORLDS];
  struct world worlds[PROGRAM_WORLDS];
};

/* Opens the worlds: copying, null, copying with zeal 1 and 10, generational and drc likewise,
 * and drc with registers on a stack. */
struct program *program_open(uint64_t seed);

/* Ends all stores; all host data must have been dropped once. */
void program_close(struct program *program);

/* One step in the model and in all worlds; none asks for a collection. */
void program_step(struct program *program);

/* What each world's roots reach is what the model says; so are its weak references
 * and drops, as far as that is certain unless it was just `collected`. Worlds that count
 * may keep what is reached from a cycle that the roots do not reach, and no more. */
void program_compare(struct program *program, bool collected);

/* The same of what one world's roots reach alone; returns how many objects that is. The
 * things are marked with whether they were reached, and where. */
size_t program_compare_world(struct program *program, const struct world *world);

/* Gives a register of a world a reference, as roots of that kind are given theirs. */
void program_set_register(struct world *world, uint32_t number, slh_ref ref);

/* Collects in all worlds, each in steps of its own; then compares. */
void program_collect(struct program *program);

/* Reads reference `i` of an object in the world of `heap`. */
slh_ref program_link(const slh_heap *heap, const struct thing *thing, slh_ref at, uint32_t i);

#endif
