/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Queries (doc/json-query.md) and their answers, by both engines. */
#include "tests/json-host/engines.h"

#include <string.h>

struct row {
  const char *query, *document, *answer;
};

/* By both engines, and by one that collects at every allocation. */
static void check_rows(const struct row *rows, size_t count)
{
  for (int e = 0; e < ENGINES + 1; e++) {
    const struct engine_interface *with = engines[e % ENGINES];
    struct engine_options options = engines_ample;
    struct engine *engine;

    options.zeal = e == ENGINES;
    engine = engines_new(with, &options);

    for (size_t i = 0; i < count; i++) {
      struct outcome outcome = engines_run_text(with, engine, rows[i].document, rows[i].query);

      engines_expect(&outcome, rows[i].answer);
    }
    with->engine_free(engine);
  }
}

#define CHECK(rows) check_rows((rows), sizeof(rows) / sizeof *(rows))

/* ---- expressions ---- */

#define PEOPLE                                                                                     \
  "{\"people\":[{\"name\":\"Ann\",\"age\":30},{\"name\":\"Bob\",\"age\":20},"                      \
  "{\"name\":\"Cy\"}],\"x y\":[[1,2],[3,[4]],5,null],\"n\":null,\"t\":true}"

static const struct row expressions[] = {
    {"@", "[1]", "[1]"},
    {" people [0] . name ", PEOPLE, "\"Ann\""},
    {"people[-1].name", PEOPLE, "\"Cy\""},
    {"people[3]", PEOPLE, "null"},
    {"people[-4]", PEOPLE, "null"},
    {"nobody.name", PEOPLE, "null"},
    {"people.name", PEOPLE, "null"},
    {"\"x y\"[1][1][0]", PEOPLE, "4"},
    {"\"x\\u0020y\"[2]", PEOPLE, "5"},
    {"t[0]", PEOPLE, "null"},
    {"people[*].age", PEOPLE, "[30,20]"},
    {"people[].name", PEOPLE, "[\"Ann\",\"Bob\",\"Cy\"]"},
    {"people[*].name | [0]", PEOPLE, "\"Ann\""},
    {"people[*].name[0]", PEOPLE, "[]"},
    {"people[0].*", PEOPLE, "[\"Ann\",30]"},
    {"*.t", "{\"a\":{\"t\":1},\"b\":2,\"c\":{\"t\":{\"u\":3}}}", "[1,{\"u\":3}]"},
    {"a.*.b.c", "{\"a\":{\"x\":{\"b\":{\"c\":1}},\"y\":{\"b\":2}}}", "[1]"},
    {"t.*", PEOPLE, "null"},
    {"t[*]", PEOPLE, "null"},
    {"t[]", PEOPLE, "null"},
    {"\"x y\"[]", PEOPLE, "[1,2,3,[4],5]"},
    {"\"x y\"[][]", PEOPLE, "[1,2,3,4,5]"},
    {"\"x y\"[*][0]", PEOPLE, "[1,3]"},
    {"people[?age].name", PEOPLE, "[\"Ann\",\"Bob\"]"},
    {"people[?age > `20`].name | [0]", PEOPLE, "\"Ann\""},
    {"people[?name == 'Bob' || !age].name", PEOPLE, "[\"Bob\",\"Cy\"]"},
    {"people[?name == 'Bob' && age == `20.0`].name", PEOPLE, "[\"Bob\"]"},
    {"people[?age][?age < `25`]", PEOPLE, "[]"},
    {"people[?age] | [?age < `25`].name", PEOPLE, "[\"Bob\"]"},
    {"t[?@]", PEOPLE, "null"},
    {"people[0].[name, age, nothing]", PEOPLE, "[\"Ann\",30,null]"},
    {"people[*].{n: name, \"a g e\": age}", PEOPLE,
     "[{\"n\":\"Ann\",\"a g e\":30},{\"n\":\"Bob\",\"a g e\":20},{\"n\":\"Cy\",\"a g e\":null}]"},
    {"n.[a]", PEOPLE, "null"},
    {"n.{a: a}", PEOPLE, "null"},
    {"[t, n]", PEOPLE, "[true,null]"},
    {"[*]", "[1,null,2]", "[1,2]"},
    {"[*, `1`]", "{\"a\":3}", "[[3],1]"},
    {"[?@ >= `2`]", "[1,2,3,\"4\"]", "[2,3]"},
    {"[]", "[[1],2]", "[1,2]"},
    {"(t || n) && `5`", PEOPLE, "5"},
    {"n || t", PEOPLE, "true"},
    {"n && t", PEOPLE, "null"},
    {"!n", PEOPLE, "true"},
    {"!!t", PEOPLE, "true"},
    {"!a.b", "{\"a\":{\"b\":1}}", "null"},
    {"!(a.b)", "{\"a\":{\"b\":1}}", "false"},
    {"!a[0]", "{\"a\":[1]}", "false"},
    {"[?length(to_string(@)) > `3`].[b]", "[{\"b\":\"c\"},{\"b\":[2]},1]", "[[\"c\"],[[2]]]"},
    {"'it\\'s a \\n \\\\ `'", "1", "\"it's a \\\\n \\\\\\\\ `\""},
    {"`{\"a\": [1, \"\\`\"]}`", "1", "{\"a\":[1,\"`\"]}"},
    {"` 1.50 `", "1", "1.5"},
};

static void expressions_are_evaluated(void **state)
{
  CHECK(expressions);
}

/* ---- slices ---- */

static const struct row slices[] = {
    {"[1:3]", "[0,1,2,3,4]", "[1,2]"},
    {"[:2]", "[0,1,2,3,4]", "[0,1]"},
    {"[3:]", "[0,1,2,3,4]", "[3,4]"},
    {"[:]", "[0,1,2,3,4]", "[0,1,2,3,4]"},
    {"[::2]", "[0,1,2,3,4]", "[0,2,4]"},
    {"[::-1]", "[0,1,2,3,4]", "[4,3,2,1,0]"},
    {"[-2:]", "[0,1,2,3,4]", "[3,4]"},
    {"[:-2]", "[0,1,2,3,4]", "[0,1,2]"},
    {"[3:1:-1]", "[0,1,2,3,4]", "[3,2]"},
    {"[10:-10:-2]", "[0,1,2,3,4]", "[4,2,0]"},
    {"[-10:10]", "[0,1,2]", "[0,1,2]"},
    {"[2:1]", "[0,1,2]", "[]"},
    {"[::9]", "[0,1,2]", "[0]"},
    {"[0:2].a", "[{\"a\":1},{\"a\":2}]", "[1,2]"},
    {"[:]", "{}", "null"},
    {"[-2147483647::2147483647]", "[1,2]", "[1]"},
    {"[::-2147483647]", "[1,2]", "[2]"},
    {"[-10::-1]", "[0,1,2]", "[]"},
    {"[1:0:-1]", "[]", "[]"},
};

static void slices_are_cut(void **state)
{
  CHECK(slices);
}

/* ---- comparisons and truth ---- */

static const struct row comparisons[] = {
    {"`[1, {\"a\": 2.0, \"b\": []}]` == @", "[1.0,{\"b\":[],\"a\":2}]", "true"},
    {"`{\"a\": 1}` == @", "{\"a\":1,\"b\":null}", "false"},
    {"`[1]` != @", "[1,2]", "true"},
    {"`1` == @", "true", "false"},
    {"`0` == @", "false", "false"},
    {"`\"1\"` == @", "1", "false"},
    {"`null` == a", "{}", "true"},
    /* No double is between these two integers. */
    {"`9007199254740993` == @", "9007199254740992.0", "false"},
    {"`9007199254740993` > @", "9007199254740992.0", "true"},
    {"`9223372036854775807` < @", "9223372036854775808", "true"},
    {"'a' < 'b'", "1", "null"},
    {"`1` < 'b'", "1", "null"},
    {"[`1` < `2`, `2` <= `2`, `2` > `2`, `2` >= `2`]", "1", "[true,true,false,true]"},
    {"[?!@]", "[0,1,\"\",\"a\",[],[0],{},{\"a\":0},false,true]", "[\"\",[],{},false]"},
    {"k12 == `12`", /* members of a large object */
     "{\"k1\":1,\"k2\":2,\"k3\":3,\"k4\":4,\"k5\":5,\"k6\":6,\"k7\":7,\"k8\":8,\"k9\":9,"
     "\"k10\":10,\"k11\":11,\"k12\":12}",
     "true"},
};

static void values_are_compared(void **state)
{
  CHECK(comparisons);
}

/* ---- functions ---- */

static const struct row functions[] = {
    {"[abs(`-3`), abs(`2`), abs(`-1.5`), abs(`-9223372036854775808`)]", "1",
     "[3,2,1.5,9.223372036854776e+18]"},
    {"[avg(@), sum(@)]", "[1,2,6]", "[3,9]"},
    {"[avg(@), sum(@)]", "[]", "[null,0]"},
    {"avg(@)", "[1,2]", "1.5"},
    {"sum(@)", "[9223372036854775807,1]", "9.223372036854776e+18"},
    {"sum(@)", "[1,0.5]", "1.5"},
    {"[ceil(`1.2`), ceil(`-1.2`), floor(`1.8`), floor(`-1.2`), ceil(`7`), floor(`1e300`)]", "1",
     "[2,-1,1,-2,7,1e+300]"},
    {"[contains(@, 'b'), contains(@, 'x'), contains('abc', 'bc'), contains('abc', `1`)]",
     "[\"a\",\"b\"]", "[true,false,true,false]"},
    {"contains(@, `[1]`)", "[0,[1.0]]", "true"},
    {"[starts_with(@, 'ab'), starts_with(@, 'bc'), starts_with(@, 'abcd'), starts_with(@, '')]",
     "\"abc\"", "[true,false,false,true]"},
    {"[ends_with(@, 'bc'), ends_with(@, 'ab'), ends_with(@, 'xabc'), ends_with(@, '')]", "\"abc\"",
     "[true,false,false,true]"},
    {"[join(', ', @), join('', @), join('x', `[]`)]", "[\"a\",\"b\",\"\"]",
     "[\"a, b, \",\"ab\",\"\"]"},
    {"[keys(@), values(@)]", "{\"b\":1,\"a\":2}", "[[\"b\",\"a\"],[1,2]]"},
    {"[length('\xc3\xa9\xf0\x9f\x98\x80'), length(@), length(`{\"a\":1}`)]", "[1,2,3]", "[2,3,1]"},
    {"map(&a, @)", "[{\"a\":1},{},{\"a\":2}]", "[1,null,2]"},
    {"[max(@), min(@)]", "[2,3.5,-1]", "[3.5,-1]"},
    {"[max(@), min(@)]", "[\"b\",\"c\",\"aa\",\"a\"]", "[\"c\",\"a\"]"},
    {"[max(@), min(@), max_by(@, &a), min_by(@, &a)]", "[]", "[null,null,null,null]"},
    {"[max_by(@, &a).b, min_by(@, &a).b]",
     "[{\"a\":1,\"b\":1},{\"a\":3,\"b\":2},{\"a\":3,\"b\":3},"
     "{\"a\":1,\"b\":4}]",
     "[2,1]"},
    {"merge(@, `{\"b\": 3, \"c\": 4}`, `{\"b\": 5}`)", "{\"a\":1,\"b\":2}",
     "{\"a\":1,\"b\":5,\"c\":4}"},
    {"not_null(a, b, c)", "{\"b\":false,\"c\":1}", "false"},
    {"not_null(a, b)", "{}", "null"},
    {"[reverse(@), reverse('a\xc3\xa9\xf0\x9f\x98\x80')]", "[1,2,3]",
     "[[3,2,1],\"\xf0\x9f\x98\x80\xc3\xa9"
     "a\"]"},
    {"sort(@)", "[3,1.5,-2,3.0,1]", "[-2,1,1.5,3,3]"},
    {"sort(@)", "[\"b\",\"\xf0\x9f\x98\x80\",\"a\",\"\xef\xbf\xbf\",\"B\",\"\"]",
     "[\"\",\"B\",\"a\",\"b\",\"\xef\xbf\xbf\",\"\xf0\x9f\x98\x80\"]"},
    {"sort_by(@, &[0])[*][1]", "[[2,\"a\"],[1,\"b\"],[2,\"c\"],[1,\"d\"],[0,\"e\"]]",
     "[\"e\",\"b\",\"d\",\"a\",\"c\"]"},
    {"[to_array(@), to_array(`[1]`)]", "1", "[[1],[1]]"},
    {"map(&to_number(@), @)", "[\"1\",\"-2.5e1\",\"01\",\" 1\",\"1e999\",\"0x1\",\"\",true,3,null]",
     "[1,-25,null,null,null,null,null,null,3,null]"},
    {"map(&to_string(@), @)", "[\"a\",1,{\"b\":[null,\"\\\"\"]}]",
     "[\"a\",\"1\",\"{\\\"b\\\":[null,\\\"\\\\\\\"\\\"]}\"]"},
    {"map(&type(@), @)", "[1,2.5,\"a\",true,false,null,[],{}]",
     "[\"number\",\"number\",\"string\",\"boolean\",\"boolean\",\"null\",\"array\",\"object\"]"},
    {"a.length(@)", "{\"a\":\"xyz\"}", "3"},
    {"a[*].to_string(@)", "{\"a\":[1,2]}", "[\"1\",\"2\"]"},
};

static void functions_are_called(void **state)
{
  CHECK(functions);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(expressions_are_evaluated),
      cmocka_unit_test(slices_are_cut),
      cmocka_unit_test(values_are_compared),
      cmocka_unit_test(functions_are_called),
  };

  return helper_run(tests, NULL, NULL);
}
