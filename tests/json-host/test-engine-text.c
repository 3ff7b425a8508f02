/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* JSON text in and out, by both engines: what is answered, what is refused and where. */
#include "tests/json-host/engines.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- what is taken, and how it is written ---- */

static const struct {
  const char *text, *written;
} taken[] = {
    {"null", "null"},
    {" \t\r\n[ true , false , null ] \t\r\n", "[true,false,null]"},
    {"{}", "{}"},
    {"[]", "[]"},
    {"[[],{},[{}]]", "[[],{},[{}]]"},
    {"{\"b\":1,\"a\":{\"c\":[2]},\"\":3}", "{\"b\":1,\"a\":{\"c\":[2]},\"\":3}"},
    /* Numbers: those that an object of 31 bits holds, and those that it does not. */
    {"0", "0"},
    {"-0", "0"},
    {"-0.0", "-0"},
    {"1073741823", "1073741823"},
    {"1073741824", "1073741824"},
    {"-1073741824", "-1073741824"},
    {"-1073741825", "-1073741825"},
    {"4611686018427387903", "4611686018427387903"},
    {"4611686018427387904", "4611686018427387904"},
    {"-4611686018427387905", "-4611686018427387905"},
    {"9223372036854775807", "9223372036854775807"},
    {"-9223372036854775808", "-9223372036854775808"},
    {"9223372036854775808", "9.223372036854776e+18"},
    {"-9223372036854775809", "-9.223372036854776e+18"},
    {"1.0", "1"},
    {"1e2", "100"},
    {"1E+2", "100"},
    {"0.1", "0.1"},
    {"0.30000000000000004", "0.30000000000000004"},
    {"1.7976931348623157e308", "1.7976931348623157e+308"},
    {"5e-324", "4.94065645841247e-324"},
    {"1e-400", "0"},
    {"123456789.123456789", "123456789.12345679"},
    /* Strings: only what must be escaped is. */
    {"\"\\u0041\\/\\\"\\\\\\b\\f\\n\\r\\t\\u0000\\u001f\\u007f\"",
     "\"A/\\\"\\\\\\b\\f\\n\\r\\t\\u0000\\u001f\x7f\""},
    {"\"\\u00e9\\ud83d\\ude00\\uffff\"", "\"\xc3\xa9\xf0\x9f\x98\x80\xef\xbf\xbf\""},
    {"\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\xf4\x8f\xbf\xbf\xed\x9f\xbf\xee\x80\x80\"",
     "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\xf4\x8f\xbf\xbf\xed\x9f\xbf\xee\x80\x80\""},
    {"{\"k\\u0065y\":1}", "{\"key\":1}"},
};

/* Pieces of one byte, of two, and so on: tokens and characters are cut anywhere. */
static void text_is_read_and_written(void **state)
{
  for (int e = 0; e < ENGINES; e++) {
    struct engine *engine = engines_new(engines[e], &engines_ample);

    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++) {
      size_t length = strlen(taken[i].text);

      for (size_t piece = 1; piece <= length; piece++) {
        struct outcome outcome =
            engines_run(engines[e], engine, taken[i].text, length, piece, NULL);

        engines_expect(&outcome, taken[i].written);
      }
    }
    engines[e]->engine_free(engine);
  }
}

/* ---- what is not ---- */

/* A row of text with its length: some have a byte 0. */
#define ROW(text, kind, at)                                                                        \
  {                                                                                                \
    text, sizeof text - 1, kind, at                                                                \
  }

static const struct {
  const char *text;
  size_t length;
  enum problem_kind kind;
  uint64_t at;
} refused[] = {
    ROW("", PROBLEM_SYNTAX, 0),
    ROW(" ", PROBLEM_SYNTAX, 1),
    ROW("[1,2", PROBLEM_SYNTAX, 4),
    ROW("{\"a\":", PROBLEM_SYNTAX, 5),
    ROW("\"abc", PROBLEM_SYNTAX, 4),
    ROW("tru", PROBLEM_SYNTAX, 3),
    ROW("1 2", PROBLEM_SYNTAX, ANYWHERE),
    ROW("[1]]", PROBLEM_SYNTAX, ANYWHERE),
    ROW("[1,]", PROBLEM_SYNTAX, ANYWHERE),
    ROW("{\"a\":1,}", PROBLEM_SYNTAX, ANYWHERE),
    ROW("{a:1}", PROBLEM_SYNTAX, ANYWHERE),
    ROW("{1:1}", PROBLEM_SYNTAX, ANYWHERE),
    ROW("01", PROBLEM_SYNTAX, ANYWHERE),
    ROW("+1", PROBLEM_SYNTAX, ANYWHERE),
    ROW("1.", PROBLEM_SYNTAX, ANYWHERE),
    ROW(".5", PROBLEM_SYNTAX, ANYWHERE),
    ROW("1e", PROBLEM_SYNTAX, ANYWHERE),
    ROW("-", PROBLEM_SYNTAX, ANYWHERE),
    ROW("NaN", PROBLEM_SYNTAX, ANYWHERE),
    ROW("'a'", PROBLEM_SYNTAX, ANYWHERE),
    ROW("/* */1", PROBLEM_SYNTAX, ANYWHERE),
    ROW("1//", PROBLEM_SYNTAX, ANYWHERE),
    /* yajl alone takes these. */
    ROW("\v1", PROBLEM_SYNTAX, 0),
    ROW("[\f1]", PROBLEM_SYNTAX, 1),
    ROW("\"\\ud800\"", PROBLEM_SYNTAX, 7),
    ROW("\"\\ud800\\n\"", PROBLEM_SYNTAX, 8),
    ROW("\"\\ud800\\ud800\"", PROBLEM_SYNTAX, 12),
    ROW("\"\\ud800\xc3\xa9\"", PROBLEM_SYNTAX, 7),
    ROW("\"\\udc00\"", PROBLEM_SYNTAX, 6),
    ROW("\"\xc0\x80\"", PROBLEM_SYNTAX, 1),
    ROW("\"\xc1\xbf\"", PROBLEM_SYNTAX, 1),
    ROW("\"\xe0\x9f\xbf\"", PROBLEM_SYNTAX, 2),
    ROW("\"\xed\xa0\x80\"", PROBLEM_SYNTAX, 2),
    ROW("\"\xf0\x8f\xbf\xbf\"", PROBLEM_SYNTAX, 2),
    ROW("\"\xf4\x90\x80\x80\"", PROBLEM_SYNTAX, 2),
    ROW("\"\xf5\x80\x80\x80\"", PROBLEM_SYNTAX, 1),
    ROW("\"\xe2\x82\"", PROBLEM_SYNTAX, 3),
    ROW("\"\x80\"", PROBLEM_SYNTAX, 1),
    ROW("\"\xc3", PROBLEM_SYNTAX, 2),
    ROW("\"\\\xc3\xa9\"", PROBLEM_SYNTAX, ANYWHERE),
    ROW("\"\\u00\xc3\xa9\"", PROBLEM_SYNTAX, ANYWHERE),
    ROW("\"\\x41\"", PROBLEM_SYNTAX, ANYWHERE),
    ROW("\"\\u12g4\"", PROBLEM_SYNTAX, ANYWHERE),
    ROW("\xef\xbb\xbf{}", PROBLEM_SYNTAX, 0),
    ROW("[\xc2\xa0]", PROBLEM_SYNTAX, 1),
    ROW("\0", PROBLEM_SYNTAX, 0),
    ROW("1\0", PROBLEM_SYNTAX, 1),
    ROW("\"a\0\"", PROBLEM_SYNTAX, 2),
    ROW("\"a\nb\"", PROBLEM_SYNTAX, 2),
    ROW("\"a\x1f\"", PROBLEM_SYNTAX, 2),
    /* What comes first is said. */
    ROW("[1,} \xff", PROBLEM_SYNTAX, ANYWHERE),
    ROW("[1 \xff }", PROBLEM_SYNTAX, 3),
    ROW("[1e400]", PROBLEM_NUMBER, 1),
    ROW("-1e400", PROBLEM_NUMBER, 0),
    ROW("{\"a\":1,\"a\":2}", PROBLEM_DUPLICATE, 13),
    ROW("[{\"a\":1,\"\\u0061\":2}]", PROBLEM_DUPLICATE, ANYWHERE),
};

static void other_text_is_refused(void **state)
{
  for (int e = 0; e < ENGINES; e++) {
    struct engine *engine = engines_new(engines[e], &engines_ample);

    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
      for (size_t piece = 1; piece <= refused[i].length + 1; piece++) {
        struct outcome outcome =
            engines_run(engines[e], engine, refused[i].text, refused[i].length, piece, NULL);

        if (outcome.problem.kind != refused[i].kind)
          print_error("row %zu, pieces of %zu\n", i, piece);
        engines_expect_problem(&outcome, refused[i].kind, refused[i].at);
      }
    }
    engines[e]->engine_free(engine);
  }
}

/* Every single byte in a string, and outside of one. */
static void every_byte_is_judged(void **state)
{
  for (int e = 0; e < ENGINES; e++) {
    struct engine *engine = engines_new(engines[e], &engines_ample);

    for (int byte = 0; byte < 256; byte++) {
      char in[] = "\"?\"", out[] = "[1?]";
      bool is_space = byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r';
      bool is_digit = byte >= '0' && byte <= '9';
      struct outcome outcome;

      in[1] = (char)byte;
      outcome = engines_run(engines[e], engine, in, 3, 3, NULL);
      assert_int_equal(outcome.problem.kind == PROBLEM_NONE,
                       byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\');
      bytes_free(&outcome.answer);
      out[2] = (char)byte;
      outcome = engines_run(engines[e], engine, out, 4, 4, NULL);
      assert_int_equal(outcome.problem.kind == PROBLEM_NONE, is_space || is_digit);
      bytes_free(&outcome.answer);
    }
    engines[e]->engine_free(engine);
  }
}

/* ---- many members, long numbers ---- */

static char *object_of(unsigned count, unsigned twice)
{
  char *text = malloc(32 + 24 * (size_t)count), *at = text;

  assert_non_null(text);
  *at++ = '{';
  for (unsigned i = 0; i < count; i++)
    at += sprintf(at, "%s\"k%u\":%u", i > 0 ? "," : "", i == count - 1 ? twice : i, i);
  strcpy(at, "}");
  return text;
}

/* Duplicates are found whichever two members it is, with slots and without. */
static void duplicates_are_found(void **state)
{
  static const unsigned counts[] = {2, 3, 8, 9, 10, 11, 100, 1000};

  for (int e = 0; e < ENGINES; e++) {
    struct engine *engine = engines_new(engines[e], &engines_ample);

    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
      for (unsigned twice = 0; twice < counts[i]; twice += 1 + counts[i] / 16) {
        char *text = object_of(counts[i], twice);
        struct outcome outcome = engines_run_text(engines[e], engine, text, "k0");

        if (twice == counts[i] - 1)
          engines_expect(&outcome, twice == 0 ? "1" : "0");
        else
          engines_expect_problem(&outcome, PROBLEM_DUPLICATE, strlen(text));
        free(text);
      }
    }
    engines[e]->engine_free(engine);
  }
}

/* 1024 digits are read, of one more the number is refused, where it begins. */
static void long_numbers_have_an_end(void **state)
{
  static char text[2000];

  for (int e = 0; e < ENGINES; e++) {
    struct engine *engine = engines_new(engines[e], &engines_ample);
    struct outcome outcome;

    memset(text, 0, sizeof text);
    memset(text, '0', 1024);
    text[1] = '.';
    text[1023] = '5';
    outcome = engines_run_text(engines[e], engine, text, NULL);
    engines_expect(&outcome, "0");
    text[1024] = '1';
    outcome = engines_run_text(engines[e], engine, text, NULL);
    engines_expect_problem(&outcome, PROBLEM_NUMBER, 0);
    engines[e]->engine_free(engine);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(text_is_read_and_written), cmocka_unit_test(other_text_is_refused),
      cmocka_unit_test(every_byte_is_judged),     cmocka_unit_test(duplicates_are_found),
      cmocka_unit_test(long_numbers_have_an_end),
  };

  return helper_run(tests, NULL, NULL);
}
