/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Random documents and queries: both engines say the same, and so does one that
 * collects at every allocation, and one with a tiny heap as far as it says anything.
 */
#include "tests/json-host/engine-random.h"
#include "tests/json-host/engines.h"

#include <stdio.h>
#include <string.h>

struct trial {
  struct bytes document, query; /* both end with 0 */
};

static struct trial begin(uint64_t *random, void (*make)(uint64_t *random, struct bytes *out))
{
  struct trial trial = {{NULL, 0, 0}, {NULL, 0, 0}};

  random_document(random, &trial.document);
  make(random, &trial.query);
  assert_true(bytes_append(&trial.document, "", 1) && bytes_append(&trial.query, "", 1));
  return trial;
}

static void end(struct trial *trial)
{
  bytes_free(&trial->document);
  bytes_free(&trial->query);
}

static struct outcome run(const struct engine_interface *with, struct engine *engine,
                          const struct trial *trial, size_t piece)
{
  return engines_run(with, engine, trial->document.at, trial->document.length - 1, piece,
                     trial->query.at);
}

static bool same(const struct outcome *a, const struct outcome *b)
{
  return a->problem.kind == b->problem.kind && a->problem.at == b->problem.at &&
         strcmp(a->problem.message, b->problem.message) == 0 &&
         a->answer.length == b->answer.length &&
         (a->answer.length == 0 || memcmp(a->answer.at, b->answer.at, a->answer.length) == 0);
}

static void show(const char *who, const struct outcome *outcome)
{
  print_error("%s: %s %s %.*s\n", who, problem_name(outcome->problem.kind),
              outcome->problem.message, (int)outcome->answer.length,
              outcome->answer.length > 0 ? outcome->answer.at : "");
}

/* `other` may have run out of memory, if it is `tiny`. */
static void expect_same(const struct trial *trial, const struct outcome *outcome,
                        struct outcome *other, bool tiny)
{
  if (!same(outcome, other) && !(tiny && other->problem.kind == PROBLEM_TOO_LARGE)) {
    show("ample slotheap", outcome);
    show("other", other);
    fail_msg("%s for %s", trial->query.at, trial->document.at);
  }
  bytes_free(&other->answer);
}

static void both_engines_say_the_same(void **state)
{
  uint64_t random = helper_seed();
  struct engine *slotheap = engines_new(&engine_slotheap, &engines_ample);
  struct engine *malloc_ = engines_new(&engine_malloc, &engines_ample);
  uint64_t answered = 0, rounds = helper_rounds(20000);

  for (uint64_t round = 0; round < rounds; round++) {
    struct trial trial = begin(&random, random_query);
    struct outcome outcome = run(&engine_slotheap, slotheap, &trial, 1 + helper_below(&random, 99));
    struct outcome other = run(&engine_malloc, malloc_, &trial, SIZE_MAX);

    answered += outcome.problem.kind == PROBLEM_NONE;
    expect_same(&trial, &outcome, &other, false);
    bytes_free(&outcome.answer);
    end(&trial);
  }
  engine_slotheap.engine_free(slotheap);
  engine_malloc.engine_free(malloc_);
  print_message("%llu of %llu answered\n", (unsigned long long)answered,
                (unsigned long long)rounds);
  assert_true(rounds < 100 || (answered > rounds / 4 && answered < rounds));
}

/* Against an engine with other options. */
static void compare_with(const struct engine_options *options, uint64_t rounds, bool tiny,
                         struct engine_figures *figures)
{
  uint64_t random = helper_seed() + 1;
  struct engine *ample = engines_new(&engine_slotheap, &engines_ample);
  struct engine *engine = engines_new(&engine_slotheap, options);

  for (; rounds > 0; rounds--) {
    struct trial trial = begin(&random, helper_one_in(&random, 2) ? random_query : random_path);
    struct outcome outcome = run(&engine_slotheap, ample, &trial, SIZE_MAX);
    struct outcome other = run(&engine_slotheap, engine, &trial, 1 + helper_below(&random, 999));

    expect_same(&trial, &outcome, &other, tiny);
    bytes_free(&outcome.answer);
    end(&trial);
  }
  engine_slotheap.figures(engine, figures);
  engine_slotheap.engine_free(ample);
  engine_slotheap.engine_free(engine);
}

static void collections_change_nothing(void **state)
{
  static const uint32_t zeals[] = {1, 2, 7};
  uint64_t rounds = helper_rounds(1600);

  for (size_t i = 0; i < sizeof zeals / sizeof *zeals; i++) {
    struct engine_options options = engines_ample;
    struct engine_figures figures;

    options.zeal = zeals[i];
    compare_with(&options, rounds, false, &figures);
    assert_true(rounds < 100 || figures.collections > rounds);
  }
}

static void tiny_heaps_are_collected_or_full(void **state)
{
  struct engine_options options = engines_ample;
  struct engine_figures figures;
  uint64_t rounds = helper_rounds(16000);

  options.limits.heap_bytes = 4096;
  compare_with(&options, rounds, true, &figures);
  assert_true(rounds < 100 || figures.collections > 0);
  print_message("%llu collections\n", (unsigned long long)figures.collections);
}

/* Objects of one document share their keys, whatever moves meanwhile. */
static uint64_t written(uint32_t zeal, bool alike)
{
  struct engine_options options = engines_ample;
  struct bytes document = {NULL, 0, 0};
  struct engine_figures figures;
  struct outcome outcome;
  struct engine *engine;
  char item[64];

  options.zeal = zeal;
  engine = engines_new(&engine_slotheap, &options);
  for (int i = 0; i < 100; i++) {
    sprintf(item, "%s{\"some long key %d\":\"\"}", i > 0 ? "," : "[", alike ? 10 : 10 + i % 90);
    assert_true(bytes_append(&document, item, strlen(item)));
  }
  assert_true(bytes_append(&document, "]", 2));
  outcome = engines_run_text(&engine_slotheap, engine, document.at, "length(@)");
  engines_expect(&outcome, "100");
  engine_slotheap.figures(engine, &figures);
  engine_slotheap.engine_free(engine);
  bytes_free(&document);
  return figures.heap_bytes;
}

static void keys_are_shared(void **state)
{
  assert_true(written(0, true) + 1000 < written(0, false));
  assert_int_equal(written(1, true), written(0, true));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(both_engines_say_the_same),
      cmocka_unit_test(collections_change_nothing),
      cmocka_unit_test(keys_are_shared),
      cmocka_unit_test(tiny_heaps_are_collected_or_full),
  };

  return helper_run(tests, NULL, NULL);
}
