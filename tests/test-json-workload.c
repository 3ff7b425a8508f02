/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * The JSON workload of the benchmark, without its harness: every answer is
 * right, and an answer that is not right is noticed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../bench/json.h"
#include "tests/helper.h"

#define SEED 20240501
#define STORES 200

struct fixture {
  slh_runtime *runtime;
  slh_pool *pool;
  struct json_workload *workload;
  void *thread;
};

static int close_fixture(void **state)
{
  struct fixture *fixture = *state;

  if (fixture->thread != NULL)
    workload_json.thread_close(fixture->thread);
  if (fixture->workload != NULL)
    workload_json.close(fixture->workload);
  slh_pool_free(fixture->pool);
  slh_runtime_free(fixture->runtime);
  free(fixture);
  return 0;
}

static int open_fixture_with(void **state, uint64_t max_heap_bytes)
{
  struct fixture *fixture = calloc(1, sizeof *fixture);
  struct workload_options options = {SEED, max_heap_bytes};
  slh_pool_options pool_options = SLH_POOL_OPTIONS_INIT;
  slh_error error;

  if (fixture == NULL)
    return -1;
  *state = fixture;
  pool_options.slots = 4;
  if (slh_runtime_new(NULL, &fixture->runtime, &error) != SLH_OK ||
      slh_pool_new(&pool_options, &fixture->pool, &error) != SLH_OK) {
    fprintf(stderr, "%s\n", error.message);
    return -1;
  }
  fixture->workload = workload_json.open(fixture->runtime, &options);
  if (fixture->workload == NULL)
    return -1;
  fixture->thread = workload_json.thread_open(fixture->workload, 0);
  return fixture->thread == NULL ? -1 : 0;
}

static int open_fixture(void **state)
{
  return open_fixture_with(state, 0);
}

static int open_small_fixture(void **state)
{
  return open_fixture_with(state, 64 * 1024);
}

/* ---- what is written to stderr ---- */

struct capture {
  FILE *file;
  int real_stderr;
};

static void begin_capture(struct capture *capture)
{
  fflush(stderr);
  capture->file = tmpfile();
  assert_non_null(capture->file);
  capture->real_stderr = dup(STDERR_FILENO);
  assert_true(dup2(fileno(capture->file), STDERR_FILENO) >= 0);
}

/* Puts what was written into `text`. */
static void end_capture(struct capture *capture, char *text, size_t size)
{
  size_t length;

  fflush(stderr);
  dup2(capture->real_stderr, STDERR_FILENO);
  close(capture->real_stderr);
  rewind(capture->file);
  length = fread(text, 1, size - 1, capture->file);
  text[length] = '\0';
  fclose(capture->file);
}

static void assert_one_line_with(const char *text, const char *part)
{
  const char *end = strchr(text, '\n');

  if (strstr(text, part) == NULL)
    fail_msg("'%s' does not say '%s'", text, part);
  if (end == NULL || end[1] != '\0')
    fail_msg("'%s' is not one line", text);
}

/* ---- answers ---- */

static void serve_stores(struct fixture *fixture, unsigned stores, uint64_t *collections)
{
  for (unsigned i = 0; i < stores; i++) {
    struct workload_result result = {0, 0, 0};
    if (!workload_json.serve(fixture->thread, fixture->pool, &result))
      fail_msg("store %u of seed %d failed", i, SEED);
    assert_true(result.allocated_bytes > 0);
    assert_true(result.reclaimed_bytes <= result.allocated_bytes);
    *collections += result.collections;
  }
}

static void test_answers_are_right(void **state)
{
  uint64_t collections = 0;

  serve_stores(*state, STORES, &collections);
  /* The mix is meant to collect; one store in eight does so explicitly. */
  assert_true(collections > STORES / 16);
}

static void test_answers_about_whole_files_are_right(void **state)
{
  struct fixture *fixture = *state;
  struct json_documents *documents = &fixture->workload->documents;
  uint64_t collections = 0;

  for (int family = 0; family < JSON_FAMILIES; family++) {
    documents->ranges[JSON_SMALL][family] = documents->ranges[JSON_WHOLE][family];
    documents->ranges[JSON_MEDIUM][family] = documents->ranges[JSON_WHOLE][family];
  }
  serve_stores(fixture, 8 * JSON_FAMILIES, &collections);
  assert_true(collections > 0);
}

static void test_wrong_answer_is_noticed(void **state)
{
  struct fixture *fixture = *state;
  struct json_documents *documents = &fixture->workload->documents;
  struct workload_result result;
  struct capture capture;
  char text[2000];
  bool served;

  /* One wrong count: the last digit of each answer, before the brace. */
  for (size_t i = 0; i < documents->count; i++) {
    char *expected = documents->items[i].expected;
    size_t length = strlen(expected);
    expected[length == 2 ? 0 : length - 2] ^= 1;
  }
  begin_capture(&capture);
  served = workload_json.serve(fixture->thread, fixture->pool, &result);
  end_capture(&capture, text, sizeof text);
  assert_false(served);
  assert_one_line_with(text, "wrong answer");
}

static void test_store_at_its_limit_fails_by_name(void **state)
{
  struct fixture *fixture = *state;
  struct workload_result result;
  struct capture capture;
  char text[2000];
  bool served = true;

  begin_capture(&capture);
  for (unsigned i = 0; i < 100 * STORES && served; i++)
    served = workload_json.serve(fixture->thread, fixture->pool, &result);
  end_capture(&capture, text, sizeof text);
  assert_false(served);
  assert_one_line_with(text, "SLH_E_LIMIT");
}

static void test_missing_files_are_named(void **state)
{
  struct fixture *fixture = *state;
  struct workload_options options = {SEED, 0};
  struct capture capture;
  char text[2000];
  void *opened;

  setenv("SLOTHEAP_JSON_DIR", "/nonexistent", 1);
  begin_capture(&capture);
  opened = workload_json.open(fixture->runtime, &options);
  end_capture(&capture, text, sizeof text);
  unsetenv("SLOTHEAP_JSON_DIR");
  assert_null(opened);
  assert_one_line_with(text, "install Debian's iso-codes or set SLOTHEAP_JSON_DIR");
}

/* ---- every kind of value ---- */

static const char all_kinds[] =
    "{\"null\": null, \"true\": true, \"false\": false, \"empty\": [[], {}, \"\"],"
    " \"integers\": [0, -1, 1073741823, -1073741824, 1073741824, -1073741825, 9007199254740992],"
    " \"numbers\": [0.5, -1e300, 1.25e-7], \"text\": \"\\u00e5\\\"\\\\/\\n\\u0001\\ud83c\\udde6\","
    " \"nested\": [{\"a\": [{\"b\": [1, [2, [3, {\"c\": null}]]]}]}], \"twice\": 1, \"twice\": 2}";

/* Parses `text` in a heap that collects all the time; the value is left on
 * the stack of `store`. */
static slh_status parse_in_small_heap(struct fixture *fixture, struct json_store *store,
                                      struct json_stack *stack, const char *text, slh_error *error)
{
  slh_heap_options options = SLH_HEAP_OPTIONS_INIT;
  slh_heap *heap;
  slh_status status;

  options.runtime = fixture->runtime;
  options.initial_bytes = 1;
  options.enumerate_roots = json_enumerate_roots;
  options.host = stack;
  assert_int_equal(slh_heap_acquire(fixture->pool, &options, &heap), SLH_OK);
  *store = (struct json_store){heap, &fixture->workload->types, stack};
  status = json_parse(store, text, strlen(text), error);
  if (status == SLH_OK) {
    assert_int_equal(slh_heap_collect(heap, NULL), SLH_OK);
    assert_int_equal(slh_heap_verify(heap, NULL, error), SLH_OK);
  }
  return status;
}

/* A number's text may differ (10.0, 1e1): both are read, as reals. */
static void assert_same_json(const char *left, size_t left_length, const char *right)
{
  size_t flags = JSON_DECODE_INT_AS_REAL;
  json_t *a = json_loadb(left, left_length, flags, NULL);
  json_t *b = json_loads(right, flags, NULL);

  assert_non_null(a);
  assert_non_null(b);
  assert_true(json_equal(a, b));
  json_decref(a);
  json_decref(b);
}

static void test_all_kinds_of_values_survive(void **state)
{
  struct fixture *fixture = *state;
  struct json_stack stack = {NULL, 0, 0};
  struct json_store store;
  yajl_gen generator = yajl_gen_alloc(NULL);
  const unsigned char *written;
  size_t length;
  slh_error error;

  assert_int_equal(parse_in_small_heap(fixture, &store, &stack, all_kinds, &error), SLH_OK);
  assert_int_equal(stack.count, 1);
  assert_int_equal(json_write(&store, stack.values[0], generator), SLH_OK);
  yajl_gen_get_buf(generator, &written, &length);
  assert_same_json((const char *)written, length, all_kinds);
  slh_heap_release(store.heap);
  yajl_gen_free(generator);
  json_stack_free(&stack);
}

static void test_queries_see_what_is_no_record(void **state)
{
  static const char text[] = "{\"r\": [1, null, [], {}, {\"k\": 7}, {\"k\": \"\\u00e5b\"},"
                             " {\"k\": \"\\u00e5c\", \"k\": \"\\u00e5\\u00e5d\"}, {\"K\": \"x\"},"
                             " {\"k\": \"\"}, {\"k\": \"\\u20ac\\ud83c\\udde6\"}]}";
  static const struct json_query queries[] = {
      {"k", NULL, "k", 1}, {"k", NULL, "k", 2}, {"k", NULL, "k", 0}, {"k", "", "k", 1}};
  struct fixture *fixture = *state;

  for (size_t i = 0; i < sizeof queries / sizeof queries[0]; i++) {
    struct json_stack stack = {NULL, 0, 0};
    struct json_store store;
    yajl_gen generator = yajl_gen_alloc(NULL);
    char *expected = json_baseline_answer(text, strlen(text), "r", &queries[i]);
    const unsigned char *written;
    size_t length;
    slh_error error;

    assert_non_null(expected);
    assert_int_equal(parse_in_small_heap(fixture, &store, &stack, text, &error), SLH_OK);
    assert_int_equal(json_query_run(&store, "r", &queries[i]), SLH_OK);
    assert_int_equal(stack.count, 1);
    assert_int_equal(json_write(&store, stack.values[0], generator), SLH_OK);
    yajl_gen_get_buf(generator, &written, &length);
    assert_int_equal(length, strlen(expected));
    assert_memory_equal(written, expected, length);
    slh_heap_release(store.heap);
    yajl_gen_free(generator);
    json_stack_free(&stack);
    free(expected);
  }
}

static void test_broken_text_is_refused(void **state)
{
  static const char *const broken[] = {"", "{", "[1,]", "{\"a\" 1}", "[1] 2", "\"\xff\""};
  struct fixture *fixture = *state;

  for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
    struct json_stack stack = {NULL, 0, 0};
    struct json_store store;
    slh_error error;

    assert_int_equal(parse_in_small_heap(fixture, &store, &stack, broken[i], &error),
                     SLH_E_INVALID);
    assert_true(strlen(error.message) > 0);
    assert_null(strchr(error.message, '\n'));
    slh_heap_release(store.heap);
    json_stack_free(&stack);
  }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, open_fixture, close_fixture)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(test_answers_are_right),
      TEST(test_answers_about_whole_files_are_right),
      TEST(test_wrong_answer_is_noticed),
      cmocka_unit_test_setup_teardown(test_store_at_its_limit_fails_by_name, open_small_fixture,
                                      close_fixture),
      TEST(test_missing_files_are_named),
      TEST(test_all_kinds_of_values_survive),
      TEST(test_queries_see_what_is_no_record),
      TEST(test_broken_text_is_refused),
  };

  return helper_run(tests, NULL, NULL);
}
