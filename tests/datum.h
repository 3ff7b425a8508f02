/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Host data that counts how often it was dropped. */
#ifndef SLOTHEAP_TESTS_DATUM_H
#define SLOTHEAP_TESTS_DATUM_H

#include "tests/store.h"

struct datum {
  uint32_t drops;
  bool reached; /* for counting */
};

/* A drop callback. */
void datum_drop(void *datum);

/* An externref to `datum`; collects and grows. The test fails if it does. */
slh_ref datum_externref(struct store *store, struct datum *datum);

/* What an externref refers to. */
struct datum *datum_of(struct store *store, slh_ref ref);

/* How often all of them were dropped. */
uint64_t datum_drops(const struct datum *data, uint64_t count);

/* Fails the test if one of them was not dropped once. */
void datum_all_dropped(const struct datum *data, uint64_t count);

/* Checks the store's table: every id stands in its order once. */
void datum_check_table(struct store *store);

#endif
