/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Random documents and queries, for the engines of examples/json-host. */
#ifndef TESTS_JSON_HOST_ENGINE_RANDOM_H
#define TESTS_JSON_HOST_ENGINE_RANDOM_H

#include "examples/json-host/engine.h"

#include <stdint.h>

/* Both append to `out`, and end with no 0. */
void random_document(uint64_t *random, struct bytes *out);

/* Most parse; about half of these have an answer, whatever the document. */
void random_query(uint64_t *random, struct bytes *out);

/* A query that asks for nothing that could be wrong: it has an answer. */
void random_path(uint64_t *random, struct bytes *out);

#endif
