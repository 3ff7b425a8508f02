/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Stores with the generational collector. */
#ifndef SLOTHEAP_TESTS_GENERATIONAL_H
#define SLOTHEAP_TESTS_GENERATIONAL_H

#include "tests/store.h"

struct store *generational_open(uint32_t zeal);

/* With checks around each collection, which only tests ask for. */
struct store *generational_open_checked(void);

/* A young collection that must be one, and a verified heap. */
void generational_collect_young(struct store *store);

/* Makes an old node, or an old array of references, in root 0. */
slh_ref generational_make_old(struct store *store);
slh_ref generational_make_old_array(struct store *store, uint32_t length);

/* The value of a node, which must be one. */
int32_t generational_value(struct store *store, slh_ref node);

#endif
