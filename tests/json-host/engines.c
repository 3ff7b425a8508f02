/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Opening an engine, and one request to it. */
#include "tests/json-host/engines.h"

#include <stdlib.h>
#include <string.h>

const struct engine_interface *const engines[ENGINES] = {&engine_slotheap, &engine_malloc};

const struct engine_options engines_ample = {{64 << 20, 64, UINT64_C(60000000000)}, 4, 0};

struct engine *engines_new(const struct engine_interface *with,
                           const struct engine_options *options)
{
  struct problem problem;
  struct engine *engine = with->engine_new(options, &problem);

  if (engine == NULL)
    fail_msg("%s: %s", with->name, problem.message);
  return engine;
}

static bool parse(const struct engine_interface *with, struct store *store, const char *document,
                  size_t length, size_t piece, struct problem *problem)
{
  for (size_t done = 0; done < length; done += piece) {
    /* Behind a copy of just these bytes a sanitizer sees what is read too far. */
    size_t bytes = length - done < piece ? length - done : piece;
    char *copy = malloc(bytes);
    bool good;

    assert_non_null(copy);
    memcpy(copy, document + done, bytes);
    good = with->parse(store, copy, bytes, problem);
    free(copy);
    if (!good)
      return false;
  }
  return with->parse_end(store, problem);
}

struct outcome engines_run(const struct engine_interface *with, struct engine *engine,
                           const char *document, size_t length, size_t piece, const char *query)
{
  struct outcome out = {{PROBLEM_NONE, 0, ""}, {NULL, 0, 0}};
  struct store *store;
  bool good;

  if (!with->acquire(engine, &store, &out.problem))
    return out;
  good = parse(with, store, document, length, piece, &out.problem) &&
         (query == NULL || with->ask(store, query, strlen(query), &out.problem)) &&
         with->write(store, &out.answer, &out.problem);
  /* A failure says what it is. */
  assert_int_equal(good, out.problem.kind == PROBLEM_NONE);
  assert_int_equal(good, out.problem.message[0] == '\0');
  with->release(store);
  return out;
}

struct outcome engines_run_text(const struct engine_interface *with, struct engine *engine,
                                const char *document, const char *query)
{
  return engines_run(with, engine, document, strlen(document), SIZE_MAX, query);
}

void engines_expect(struct outcome *outcome, const char *answer)
{
  if (outcome->problem.kind != PROBLEM_NONE)
    fail_msg("%s: %s, and not %s", problem_name(outcome->problem.kind), outcome->problem.message,
             answer);
  if (outcome->answer.length != strlen(answer) ||
      memcmp(outcome->answer.at, answer, strlen(answer)) != 0)
    fail_msg("%.*s, and not %s", (int)outcome->answer.length, outcome->answer.at, answer);
  bytes_free(&outcome->answer);
}

void engines_expect_problem(struct outcome *outcome, enum problem_kind kind, uint64_t at)
{
  if (outcome->problem.kind != kind || (at != ANYWHERE && outcome->problem.at != at))
    fail_msg("%s at %llu: \"%s\", and not %s at %llu", problem_name(outcome->problem.kind),
             (unsigned long long)outcome->problem.at, outcome->problem.message, problem_name(kind),
             (unsigned long long)at);
  bytes_free(&outcome->answer);
}
