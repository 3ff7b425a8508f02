/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * What becomes of weak references, ephemerons and finalizers: a graph of nodes
 * {left, right, number} kept on the host's side, whose collections are worked
 * out by the text of weak.h and compared with those of a heap.
 */
#ifndef SLOTHEAP_TESTS_WEAK_MODEL_H
#define SLOTHEAP_TESTS_WEAK_MODEL_H

#include "tests/store.h"

#define WEAK_TABLES 3

struct weak_model;

/* All roots of the store are the model's. `finalizers`: some nodes get them. */
struct weak_model *weak_model_open(struct store *store, uint64_t seed, bool finalizers);
void weak_model_close(struct weak_model *model);

/* One random change: allocate, link, root, a handle, an entry, a table. */
void weak_model_step(struct weak_model *model);

/* Collects in steps of `budget` bytes, and compares. */
void weak_model_collect(struct weak_model *model, uint64_t budget);

/* The same of the young objects; the heap's collector must be generational. */
void weak_model_collect_young(struct weak_model *model, uint64_t budget);

/* Compares: everything that is alive, and nothing else, is in the heap. */
void weak_model_compare(struct weak_model *model);

#endif
