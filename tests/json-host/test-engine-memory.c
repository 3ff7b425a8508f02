/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * The machine has no memory: each allocation of the engine and of the library fails in
 * turn, and that is an error of that request, after which the next is served. (yajl is
 * a shared library: its own are not made to fail.)
 */
#include "tests/json-host/engines.h"

#include <stdlib.h>
#include <string.h>

void *__real_malloc(size_t bytes);
void *__real_calloc(size_t count, size_t bytes);
void *__real_realloc(void *old, size_t bytes);
void *__wrap_malloc(size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);
void *__wrap_realloc(void *old, size_t bytes);

static uint64_t until_failure; /* allocations; 0: none fails */
static bool failed;

static bool fails(void)
{
  bool now = until_failure > 0 && --until_failure == 0;

  failed = failed || now;
  return now;
}

void *__wrap_malloc(size_t bytes)
{
  return fails() ? NULL : __real_malloc(bytes);
}

void *__wrap_calloc(size_t count, size_t bytes)
{
  return fails() ? NULL : __real_calloc(count, bytes);
}

void *__wrap_realloc(void *old, size_t bytes)
{
  return fails() ? NULL : __real_realloc(old, bytes);
}

/* ---- a request with all that there is ---- */

static char document[20000];

static void make_document(void)
{
  char *at = document;

  *at++ = '[';
  for (int i = 0; i < 400; i++)
    at = stpcpy(at, "{\"name\":\"a\",\"other\":[12345678901,2.5]},");
  strcpy(at, "0]");
}

static bool use(const struct engine_interface *with, struct store *store, struct bytes *out,
                struct problem *problem)
{
  static const char query[] = "[?name].{n: to_string(@), m: join(name, ['x', 'y'])} | "
                              "sort_by(@, &n)[*].n | length(@)";

  return with->parse(store, document, strlen(document), problem) &&
         with->parse_end(store, problem) && with->parse(store, "{\"a\":{\"b\":[]}}", 14, problem) &&
         with->parse_end(store, problem) && with->merge(store, problem) &&
         with->set_done(store, "id", 1, problem) &&
         with->parse(store, document, strlen(document), problem) &&
         with->parse_end(store, problem) && with->ask(store, query, strlen(query), problem) &&
         with->write(store, out, problem);
}

static bool move(const struct engine_interface *with, struct engine *engine, struct store **store,
                 struct problem *problem)
{
  struct bytes image = {NULL, 0, 0};
  struct store *other;
  bool good = with == &engine_malloc || with->suspend(*store, &image, problem);

  if (good && with != &engine_malloc) {
    good = with->resume(engine, image.at, image.length, &other, problem);
    if (good) {
      with->release(*store);
      *store = other;
    }
  }
  bytes_free(&image);
  return good;
}

/* The whole life of an engine; false if something said what was wrong. */
static bool run(const struct engine_interface *with, struct problem *problem)
{
  struct engine *engine = with->engine_new(&engines_ample, problem);
  struct bytes out = {NULL, 0, 0};
  struct store *store;
  bool good;

  if (engine == NULL)
    return false;
  good = with->acquire(engine, &store, problem);
  if (good) {
    good = use(with, store, &out, problem) && move(with, engine, &store, problem) &&
           with->metrics(engine, &out);
    with->release(store);
    assert_true(!good || (out.length >= 3 && memcmp(out.at, "400", 3) == 0));
  }
  bytes_free(&out);
  with->engine_free(engine);
  return good;
}

static void each_failure_is_said(void **state)
{
  make_document();
  for (int e = 0; e < ENGINES; e++) {
    uint64_t failures = 0, step = engines[e] == &engine_malloc ? 7 : 1;

    for (uint64_t n = 1;; n += step) {
      struct problem problem = {PROBLEM_NONE, 0, ""};
      bool good;

      until_failure = n;
      failed = false;
      good = run(engines[e], &problem);
      until_failure = 0;
      if (!failed) {
        assert_true(good);
        break;
      }
      failures++;
      if (!good && problem.kind != PROBLEM_NONE && problem.kind != PROBLEM_BUSY &&
          problem.kind != PROBLEM_INTERNAL)
        fail_msg("allocation %llu: %s", (unsigned long long)n, problem.message);
      assert_true(run(engines[e], &problem));
    }
    print_message("%s: %llu failures\n", engines[e]->name, (unsigned long long)failures);
    assert_true(failures > 20);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(each_failure_is_said)};

  return helper_run(tests, NULL, NULL);
}
