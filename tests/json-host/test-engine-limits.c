/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Each limit of a request at its edge, and what is said beyond it. */
#include "tests/json-host/engines.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* `count` times `text`; to be freed. */
static char *repeat(const char *text, size_t count, const char *end)
{
  size_t length = strlen(text);
  char *out = malloc(length * count + strlen(end) + 1);

  assert_non_null(out);
  for (size_t i = 0; i < count; i++)
    memcpy(out + i * length, text, length);
  strcpy(out + length * count, end);
  return out;
}

/* Runs one request in an engine of its own. */
static struct outcome run(int e, const struct engine_options *options, const char *document,
                          const char *query)
{
  struct engine *engine = engines_new(engines[e], options);
  struct outcome outcome = engines_run_text(engines[e], engine, document, query);

  engines[e]->engine_free(engine);
  return outcome;
}

/* ---- nesting ---- */

static char *nested(const char *open, const char *inner, const char *close, size_t depth)
{
  char *left = repeat(open, depth, inner), *right = repeat(close, depth, "");
  char *out = malloc(strlen(left) + strlen(right) + 1);

  assert_non_null(out);
  strcat(strcpy(out, left), right);
  free(left);
  free(right);
  return out;
}

static void expect_depth(int e, uint32_t depth)
{
  struct engine_options options = engines_ample;
  char *lists = nested("[", "1", "]", depth), *more = nested("[", "", "]", depth + 1);
  char *objects = nested("{\"a\":", "1", "}", depth), *other = nested("{\"a\":", "{}", "}", depth);
  struct outcome outcome;

  options.limits.depth = depth;
  outcome = run(e, &options, lists, "@");
  engines_expect(&outcome, lists);
  outcome = run(e, &options, more, "@");
  engines_expect_problem(&outcome, PROBLEM_DEPTH, depth);
  outcome = run(e, &options, objects, "@");
  engines_expect(&outcome, objects);
  outcome = run(e, &options, other, "@");
  engines_expect_problem(&outcome, PROBLEM_DEPTH, 5ull * depth);
  free(lists);
  free(more);
  free(objects);
  free(other);
}

static void documents_have_a_depth(void **state)
{
  for (int e = 0; e < ENGINES; e++) {
    char *hostile = repeat("[", 5000000, "");
    struct outcome outcome = run(e, &engines_ample, hostile, "@");

    engines_expect_problem(&outcome, PROBLEM_DEPTH, 64);
    free(hostile);
    expect_depth(e, 1);
    expect_depth(e, 64);
    expect_depth(e, 4096);
  }
}

/* Comparing and merging nested values takes C stack; they are equal at any depth. */
static void deep_values_are_compared(void **state)
{
  struct engine_options options = engines_ample;
  char *deep = nested("[", "1", "]", 4095), *both = malloc(2 * strlen(deep) + 4);
  struct outcome outcome;

  assert_non_null(both);
  sprintf(both, "[%s,%s]", deep, deep);
  options.limits.depth = 4096;
  for (int e = 0; e < ENGINES; e++) {
    outcome = run(e, &options, both, "[0] == [1]");
    engines_expect(&outcome, "true");
  }
  free(deep);
  free(both);
}

/* ---- queries ---- */

static void expect_query(int e, const char *query, bool parses)
{
  struct outcome outcome = run(e, &engines_ample, "1", query);

  if (!parses)
    engines_expect_problem(&outcome, PROBLEM_QUERY, ANYWHERE);
  else if (outcome.problem.kind != PROBLEM_NONE)
    fail_msg("%.20s...: %s", query, outcome.problem.message);
  bytes_free(&outcome.answer);
}

static void expect_query_nesting(int e, const char *open, const char *close, size_t depth)
{
  char *query = nested(open, "a", close, depth), *more = nested(open, "a", close, depth + 1);

  expect_query(e, query, true);
  expect_query(e, more, false);
  free(query);
  free(more);
}

static void queries_have_a_depth(void **state)
{
  for (int e = 0; e < ENGINES; e++) {
    char *hostile[] = {repeat("(", 4096, ""),    repeat("!", 4096, ""),
                       repeat("[?", 2048, ""),   repeat("[*].", 1000, "a"),
                       repeat("a.", 2000, "a"),  repeat("[*][0]", 600, ""),
                       repeat("a||", 1300, "a"), repeat("[]", 2000, "")};

    for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++) {
      expect_query(e, hostile[i], false);
      free(hostile[i]);
    }
    /* The expression within the innermost brackets is one, too. */
    expect_query_nesting(e, "(", ")", 63);
    expect_query_nesting(e, "[", "]", 63);
    expect_query_nesting(e, "{a:", "}", 63);
    expect_query_nesting(e, "!", "", 63);
    expect_query_nesting(e, "to_array(", ")", 63);
    /* 500 names, one more. */
    expect_query_nesting(e, "a.", "", 499);
  }
}

static void queries_have_a_length(void **state)
{
  char *most = repeat("a", 4096, ""), *more = repeat("a", 4097, "");
  struct outcome outcome;

  for (int e = 0; e < ENGINES; e++) {
    expect_query(e, most, true);
    outcome = run(e, &engines_ample, "1", more);
    engines_expect_problem(&outcome, PROBLEM_QUERY, 4096);
  }
  free(most);
  free(more);
}

/* ---- memory ---- */

static bool fits(int e, uint64_t heap_bytes, const char *document)
{
  struct engine_options options = engines_ample;
  struct outcome outcome;

  options.limits.heap_bytes = heap_bytes;
  outcome = run(e, &options, document, "length(@)");
  if (outcome.problem.kind == PROBLEM_NONE) {
    engines_expect(&outcome, "2000");
    return true;
  }
  engines_expect_problem(&outcome, PROBLEM_TOO_LARGE, 0);
  return false;
}

/* There is one edge: below it nothing fits, from it on all does. */
static void heaps_have_a_limit(void **state)
{
  char *items = repeat("[\"abcdefgh\",{\"b\":2.5}],", 1999, "{\"c\":\"d\"}]");
  char *document = malloc(strlen(items) + 2);

  assert_non_null(document);
  strcat(strcpy(document, "["), items);
  for (int e = 0; e < ENGINES; e++) {
    uint64_t no = 4096, yes = 1 << 20;

    assert_false(fits(e, no, document));
    assert_true(fits(e, yes, document));
    while (yes - no > 8) {
      uint64_t middle = (no + yes) / 2;

      *(fits(e, middle, document) ? &yes : &no) = middle;
    }
    for (uint64_t away = 16; away < 10000; away *= 3) {
      assert_true(fits(e, yes + away, document));
      assert_false(fits(e, no - away, document));
    }
    assert_true(yes > 2000 * 50);
    print_message("%s: a document of %zu bytes fits into %llu\n", engines[e]->name,
                  strlen(document), (unsigned long long)yes);
  }
  free(items);
  free(document);
}

/* A heap that has to grow may have all of its limit: 100,000 strings of 16 bytes in a
 * list of 400,008, and no 8 bytes less. */
static void the_limit_is_exact(void **state)
{
  struct engine_options options = engines_ample;
  char *items = repeat("\"abcdefgh\",", 99999, "\"abcdefgh\"]");
  char *document = malloc(strlen(items) + 2);
  struct outcome outcome;

  assert_non_null(document);
  strcat(strcpy(document, "["), items);
  options.limits.heap_bytes = 2000008;
  outcome = run(0, &options, document, "length(@)");
  engines_expect(&outcome, "100000");
  options.limits.heap_bytes -= 8;
  outcome = run(0, &options, document, "length(@)");
  engines_expect_problem(&outcome, PROBLEM_TOO_LARGE, 0);
  free(items);
  free(document);
}

/* Objects with slots, in memory that garbage was in. */
static void large_objects_of_old_memory(void **state)
{
  struct engine_options options = engines_ample;
  char *items = repeat("{\"k0\":0,\"k1\":1,\"k2\":2,\"k3\":3,\"k4\":4,\"k5\":5,\"k6\":6,\"k7\":7,"
                       "\"k8\":8,\"k9\":9},",
                       299, "{\"k9\":9}]");
  char *document = malloc(strlen(items) + 2);
  struct engine_figures figures;
  struct outcome outcome;
  struct engine *engine;

  assert_non_null(document);
  strcat(strcpy(document, "["), items);
  options.limits.heap_bytes = 64 << 10;
  engine = engines_new(&engine_slotheap, &options);
  for (int round = 0; round < 20; round++) {
    outcome = engines_run_text(&engine_slotheap, engine, document,
                               "map(&merge(@, {a: k1, b: k2, c: 'xxxxxxxx', d: `12345678901`}).k9, "
                               "@) | sum(@)");
    engines_expect(&outcome, "2700");
  }
  engine_slotheap.figures(engine, &figures);
  assert_true(figures.collections > 0);
  engine_slotheap.engine_free(engine);
  free(items);
  free(document);
}

/* Garbage of an evaluation does not count against a heap that is collected. */
static void garbage_is_collected(void **state)
{
  struct engine_options options = engines_ample;
  char *items = repeat("1,", 999, "1]"), *document = malloc(strlen(items) + 2);
  struct engine_figures figures;
  struct outcome outcome;
  struct engine *engine;

  assert_non_null(document);
  strcat(strcpy(document, "["), items);
  options.limits.heap_bytes = 64 << 10;
  engine = engines_new(&engine_slotheap, &options);
  outcome = engines_run_text(&engine_slotheap, engine, document,
                             "map(&length(join('', ['abcdefghijklmnop', '0123456789abcdef', "
                             "'and some more that is garbage soon'])), @) | sum(@)");
  engines_expect(&outcome, "66000");
  engine_slotheap.figures(engine, &figures);
  assert_true(figures.collections > 0);
  assert_true(figures.heap_bytes > 64 << 10);
  engine_slotheap.engine_free(engine);
  free(items);
  free(document);
}

/* `[@, @] | [@, @] | ...`: twice as much text at each step, and hardly more memory. */
static char *doubling(unsigned steps)
{
  return repeat("[@,@]|", steps, "@");
}

static void answers_have_a_limit(void **state)
{
  struct engine_options options = engines_ample;
  char *query = doubling(60), *text = malloc(strlen(query) + 32);
  struct outcome outcome;

  assert_non_null(text);
  sprintf(text, "%s|to_string(@)", query);
  options.limits.heap_bytes = 1 << 20;
  for (int e = 0; e < ENGINES; e++) {
    outcome = run(e, &options, "1", query);
    engines_expect_problem(&outcome, PROBLEM_TOO_LARGE, 0);
    assert_true(outcome.answer.length <= 1 << 20);
    outcome = run(e, &options, "1", text);
    engines_expect_problem(&outcome, PROBLEM_TOO_LARGE, 0);
    outcome = run(e, &options, "[\"0123456789\"]",
                  "[@[],@[],@[],@[],@[],@[],@[],@[]][]|[@,@,@,@,@,@,@,@][]|[@,@,@,@,@,@,@,@][]|"
                  "[@,@,@,@,@,@,@,@][]|[@,@,@,@,@,@,@,@][]|[@,@,@,@,@,@,@,@][]|join('"
                  "0123456789012345678901234567890123456789',@)");
    engines_expect_problem(&outcome, PROBLEM_TOO_LARGE, 0);
  }
  free(query);
  free(text);
}

/* ---- time ---- */

/* Whoever has used up its time is told so, by whichever call. */
static void time_has_a_limit(void **state)
{
  struct engine_options options = engines_ample;
  char *steps = doubling(60), *equal = malloc(2 * strlen(steps) + 32);
  struct outcome outcome;

  assert_non_null(equal);
  sprintf(equal, "[(%s),(%s)]|[0]==[1]", steps, steps);
  for (int e = 0; e < ENGINES; e++) {
    char *large = repeat(" ", 300000, "1");

    options = engines_ample;
    options.limits.nanoseconds = 1;
    outcome = run(e, &options, "1", "@");
    engines_expect_problem(&outcome, PROBLEM_TIME, 0);
    outcome = run(e, &options, large, "@");
    engines_expect_problem(&outcome, PROBLEM_TIME, 0);
    /* Two lists that have 2^60 leaves each. */
    options.limits.nanoseconds = 50000000;
    outcome = run(e, &options, "1", equal);
    engines_expect_problem(&outcome, PROBLEM_TIME, 0);
    /* An answer of 4 GiB. */
    options.limits.heap_bytes = UINT32_MAX;
    outcome = run(e, &options, "1", steps);
    engines_expect_problem(&outcome, PROBLEM_TIME, 0);
    free(large);
  }
  free(equal);
  free(steps);
}

/* The clock is looked at while a document is parsed, not only between two calls. */
static void a_long_piece_is_left(void **state)
{
  struct engine_options options = engines_ample;
  char *spaces = repeat(" ", 300000, "1");

  options.limits.nanoseconds = 1;
  for (int e = 0; e < ENGINES; e++) {
    struct engine *engine = engines_new(engines[e], &options);
    struct problem problem;
    struct store *store;

    assert_true(engines[e]->acquire(engine, &store, &problem));
    assert_false(engines[e]->parse(store, spaces, strlen(spaces), &problem));
    assert_int_equal(problem.kind, PROBLEM_TIME);
    engines[e]->release(store);
    engines[e]->engine_free(engine);
  }
  free(spaces);
}

/* ---- stores and options ---- */

static void stores_are_counted(void **state)
{
  struct engine_options options = engines_ample;

  options.stores = 2;
  for (int e = 0; e < ENGINES; e++) {
    struct engine *engine = engines_new(engines[e], &options);
    struct engine_figures figures;
    struct problem problem;
    struct store *stores[3];

    for (int round = 0; round < 3; round++) {
      assert_true(engines[e]->acquire(engine, &stores[0], &problem));
      assert_true(engines[e]->acquire(engine, &stores[1], &problem));
      assert_false(engines[e]->acquire(engine, &stores[2], &problem));
      assert_int_equal(problem.kind, PROBLEM_BUSY);
      engines[e]->figures(engine, &figures);
      assert_int_equal(figures.stores_live, 2);
      assert_int_equal(figures.stores_taken, 3 * round + 2);
      engines[e]->release(stores[round % 2]);
      assert_true(engines[e]->acquire(engine, &stores[2], &problem));
      engines[e]->release(stores[2]);
      engines[e]->release(stores[1 - round % 2]);
      engines[e]->figures(engine, &figures);
      assert_int_equal(figures.stores_live, 0);
      assert_int_equal(figures.stores_taken, 3 * round + 3);
    }
    engines[e]->engine_free(engine);
  }
}

static void options_have_ranges(void **state)
{
  struct engine_options all[6];

  for (int i = 0; i < 6; i++)
    all[i] = engines_ample;
  all[0].limits.heap_bytes = 4095;
  all[1].limits.heap_bytes = UINT64_C(1) << 32;
  all[2].limits.depth = 0;
  all[3].limits.depth = 4097;
  all[4].limits.nanoseconds = 0;
  all[5].stores = 0;
  for (int e = 0; e < ENGINES; e++) {
    for (int i = 0; i < 6; i++) {
      struct problem problem;

      assert_null(engines[e]->engine_new(&all[i], &problem));
      assert_int_equal(problem.kind, PROBLEM_INTERNAL);
      assert_non_null(strstr(problem.message, "the engine needs"));
    }
  }
}

/* ---- order of calls ---- */

static void a_document_has_to_end(void **state)
{
  for (int e = 0; e < ENGINES; e++) {
    struct engine *engine = engines_new(engines[e], &engines_ample);
    struct bytes out = {NULL, 0, 0};
    struct problem problem;
    struct store *store;

    assert_true(engines[e]->acquire(engine, &store, &problem));
    assert_true(engines[e]->parse(store, "[1, [2", 6, &problem));
    assert_false(engines[e]->ask(store, "@", 1, &problem));
    assert_int_equal(problem.kind, PROBLEM_INTERNAL);
    assert_false(engines[e]->write(store, &out, &problem));
    engines[e]->release(store); /* in the middle */
    /* A store that nobody used; the answer of one without a document is null. */
    assert_true(engines[e]->acquire(engine, &store, &problem));
    assert_true(engines[e]->write(store, &out, &problem));
    assert_memory_equal(out.at, "null", 4);
    bytes_free(&out);
    engines[e]->release(store);
    engines[e]->engine_free(engine);
  }
}

static void metrics_are_the_pools(void **state)
{
  struct engine *engine = engines_new(&engine_slotheap, &engines_ample);
  struct bytes out = {NULL, 0, 0};

  assert_true(engine_slotheap.metrics(engine, &out));
  assert_true(bytes_append(&out, "", 1));
  assert_non_null(strstr(out.at, "slotheap_pool_slots{pool=\"requests\"} 4\n"));
  bytes_free(&out);
  engine_slotheap.engine_free(engine);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(documents_have_a_depth), cmocka_unit_test(deep_values_are_compared),
      cmocka_unit_test(queries_have_a_depth),   cmocka_unit_test(queries_have_a_length),
      cmocka_unit_test(the_limit_is_exact),     cmocka_unit_test(large_objects_of_old_memory),
      cmocka_unit_test(heaps_have_a_limit),     cmocka_unit_test(garbage_is_collected),
      cmocka_unit_test(answers_have_a_limit),   cmocka_unit_test(time_has_a_limit),
      cmocka_unit_test(a_long_piece_is_left),   cmocka_unit_test(stores_are_counted),
      cmocka_unit_test(options_have_ranges),    cmocka_unit_test(a_document_has_to_end),
      cmocka_unit_test(metrics_are_the_pools),
  };

  return helper_run(tests, NULL, NULL);
}
