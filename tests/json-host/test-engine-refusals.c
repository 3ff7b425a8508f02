/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Queries that do not parse, with the byte where, and those that have no answer. */
#include "tests/json-host/engines.h"

#include <stdio.h>
#include <string.h>

static const struct {
  const char *query;
  uint64_t at;
} wrong[] = {
    {"", 0},
    {"  ", 2},
    {"a b", 2},
    {"a.", 2},
    {"a..b", 2},
    {".a", 0},
    {"a.1", 2},
    {"a.'b'", 2},
    {"a[", 2},
    {"a[1", 3},
    {"a[]]", 3},
    {"a[b]", 2},
    {"a['b']", 2},
    {"a[*", 3},
    {"a[* ,b]", 4},
    {"a[1,2]", 3},
    {"[1,2]", 2},
    {"[a,]", 3},
    {"[a", 2},
    {"a[-]", 3},
    {"a[99999999999]", 2},
    {"a[1:2:3:4]", 7},
    {"a[::0]", 4},
    {"a[?]", 3},
    {"a[?b", 4},
    {"{}", 1},
    {"{a}", 2},
    {"{a:}", 3},
    {"{a: b", 5},
    {"{a: b, a: c}", 7},
    {"{a: b, \"\\u0061\": c}", 7},
    {"{'a': b}", 1},
    {"(a", 2},
    {"a)", 1},
    {"()", 1},
    {"a |", 3},
    {"a || ", 5},
    {"a & b", 2},
    {"a = b", 2},
    {"!", 1},
    {"a ==", 4},
    {"#", 0},
    {"a\x01", 1},
    {"'abc", 4},
    {"\"abc", 4},
    {"`1", 2},
    {"`", 1},
    {"\"a\\", 3},
    {"`a`", 0},
    {"a || `[1,`", 5},
    {"`1 2`", 0},
    {"`1e999`", 0},
    {"`{\"a\":1,\"a\":2}`", 0},
    {"\"\\ud800\"", 0},
    {"nothing(@)", 0},
    {"a.nothing(@)", 2},
    {"\"length\"(@)", 0},
    {"length()", 0},
    {"length(@, @)", 0},
    {"length(@", 8},
    {"length(@,)", 9},
    {"length(&@)", 7},
    {"map(@, @)", 4},
    {"map(&@, &@)", 8},
    {"sort_by(@, a)", 11},
    {"&a", 0},
    {"(&a)", 1},
    {"a(@)(@)", 0},
    {"'\xff'", 1},
    {"'\xc3", 2},
};

static void queries_that_do_not_parse(void **state)
{
  for (int e = 0; e < ENGINES; e++) {
    struct engine *engine = engines_new(engines[e], &engines_ample);

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
      struct outcome outcome = engines_run_text(engines[e], engine, "{}", wrong[i].query);

      if (outcome.problem.kind != PROBLEM_QUERY || outcome.problem.at != wrong[i].at)
        print_error("query: %s\n", wrong[i].query);
      engines_expect_problem(&outcome, PROBLEM_QUERY, wrong[i].at);
    }
    engines[e]->engine_free(engine);
  }
}

/* ---- no answer ---- */

static const struct {
  const char *query, *document;
  uint64_t at;
} answerless[] = {
    {"length(@)", "1", 0},
    {"a | length(@)", "{}", 4},
    {"abs(@)", "\"1\"", 0},
    {"ceil(@)", "null", 0},
    {"avg(@)", "[1,\"2\"]", 0},
    {"sum(@)", "{}", 0},
    {"sum(@)", "[1e308,1e308]", 0},
    {"max(@)", "[1,\"2\"]", 0},
    {"max(@)", "[true]", 0},
    {"sort(@)", "[[1]]", 0},
    {"sort(@)", "\"ba\"", 0},
    {"sort_by(@, &a)", "[{\"a\":1},{\"a\":\"b\"}]", 0},
    {"sort_by(@, &a)", "[{\"a\":1},{}]", 0},
    {"sort_by(@, &a)", "[{\"a\":null}]", 0},
    {"sort_by(@, &a)", "{}", 0},
    {"min_by(@, &a)", "[{\"a\":[]}]", 0},
    {"join(@, @)", "[\"a\"]", 0},
    {"join('', @)", "[\"a\",1]", 0},
    {"starts_with(@, @)", "1", 0},
    {"ends_with('a', @)", "1", 0},
    {"contains(@, 'a')", "{}", 0},
    {"keys(@)", "[]", 0},
    {"values(@)", "[]", 0},
    {"merge(@, `[]`)", "{}", 0},
    {"reverse(@)", "{}", 0},
    {"map(&a, @)", "{}", 0},
    {"[?length(@) > `1`]", "[\"a\",1]", 2},
};

static void queries_without_an_answer(void **state)
{
  for (int e = 0; e < ENGINES; e++) {
    struct engine *engine = engines_new(engines[e], &engines_ample);

    for (size_t i = 0; i < sizeof answerless / sizeof *answerless; i++) {
      struct outcome outcome =
          engines_run_text(engines[e], engine, answerless[i].document, answerless[i].query);

      if (outcome.problem.kind != PROBLEM_EVALUATION)
        print_error("query: %s\n", answerless[i].query);
      engines_expect_problem(&outcome, PROBLEM_EVALUATION, answerless[i].at);
    }
    engines[e]->engine_free(engine);
  }
}

/* A message quotes the query and the document, but no half of a character of them. */
static void messages_are_whole_characters(void **state)
{
  char name[304] = "", query[320] = "a #", document[700];

  for (int i = 0; i < 100; i++)
    strcat(name, "\xe2\x82\xac");
  strcat(query, name);
  sprintf(document, "{\"%s\":1,\"%s\":2}", name, name);
  for (int e = 0; e < ENGINES; e++) {
    struct engine *engine = engines_new(engines[e], &engines_ample);
    struct outcome outcome = engines_run_text(engines[e], engine, "1", query);

    assert_non_null(strstr(outcome.problem.message, "\"#\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2"
                                                    "\x82\xac\xe2\x82\xac\": expected"));
    engines_expect_problem(&outcome, PROBLEM_QUERY, 2);
    outcome = engines_run_text(engines[e], engine, document, NULL);
    assert_non_null(strstr(outcome.problem.message, "\x82\xac\" is there twice"));
    engines_expect_problem(&outcome, PROBLEM_DUPLICATE, strlen(document));
    engines[e]->engine_free(engine);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(queries_that_do_not_parse),
      cmocka_unit_test(queries_without_an_answer),
      cmocka_unit_test(messages_are_whole_characters),
  };

  return helper_run(tests, NULL, NULL);
}
