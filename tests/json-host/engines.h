/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* The two engines of examples/json-host, as tests drive them: in this process. */
#ifndef TESTS_JSON_HOST_ENGINES_H
#define TESTS_JSON_HOST_ENGINES_H

#include "tests/helper.h"

#include "examples/json-host/engine.h"

/* The engines, malloc's last. */
#define ENGINES 2
extern const struct engine_interface *const engines[ENGINES];

/* Ample limits: 64 MiB, 64 deep, a minute, 4 stores. */
extern const struct engine_options engines_ample;

/* Makes an engine; fails the test if it cannot. */
struct engine *engines_new(const struct engine_interface *with,
                           const struct engine_options *options);

/* What came of a request. */
struct outcome {
  struct problem problem; /* PROBLEM_NONE: there is an answer */
  struct bytes answer;
};

/* A request: a store that parses a document, in pieces of up to `piece` bytes, evaluates a
 * query (unless it is NULL), writes its answer and is released. */
struct outcome engines_run(const struct engine_interface *with, struct engine *engine,
                           const char *document, size_t length, size_t piece, const char *query);

/* The same with a document that is a string, whole. */
struct outcome engines_run_text(const struct engine_interface *with, struct engine *engine,
                                const char *document, const char *query);

/* Fails the test unless the request was answered by `answer`; frees the outcome. */
void engines_expect(struct outcome *outcome, const char *answer);

/* Fails the test unless it came to that problem, at that byte. */
void engines_expect_problem(struct outcome *outcome, enum problem_kind kind, uint64_t at);

#define ANYWHERE UINT64_MAX

#endif
