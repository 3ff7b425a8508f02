/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Merge patches, suspended stores and recent requests, against a model of them. */
#include "tests/json-host/engines.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void parse(const struct engine_interface *with, struct store *store, const char *text)
{
  struct problem problem;

  if (!with->parse(store, text, strlen(text), &problem) || !with->parse_end(store, &problem))
    fail_msg("%s: %s", text, problem.message);
}

static void patch(const struct engine_interface *with, struct store *store, const char *text)
{
  struct problem problem;

  parse(with, store, text);
  if (!with->merge(store, &problem))
    fail_msg("%s: %s", text, problem.message);
}

static void expect(const struct engine_interface *with, struct store *store, const char *query,
                   const char *answer)
{
  struct outcome outcome = {{PROBLEM_NONE, 0, ""}, {NULL, 0, 0}};

  if (query != NULL)
    (void)with->ask(store, query, strlen(query), &outcome.problem);
  if (outcome.problem.kind == PROBLEM_NONE)
    (void)with->write(store, &outcome.answer, &outcome.problem);
  engines_expect(&outcome, answer);
}

/* The store again, in another engine, whose seed is another. */
static struct store *move(struct store *store, struct engine *to)
{
  struct bytes image = {NULL, 0, 0};
  struct problem problem;
  struct store *out = NULL;

  if (!engine_slotheap.suspend(store, &image, &problem) ||
      !engine_slotheap.resume(to, image.at, image.length, &out, &problem))
    fail_msg("%s", problem.message);
  engine_slotheap.release(store);
  bytes_free(&image);
  return out;
}

/* ---- merge patches ---- */

/* RFC 7396, appendix A, and where that says nothing. */
static const struct {
  const char *original, *patch, *result;
} patches[] = {
    {"{\"a\":\"b\"}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
    {"{\"a\":\"b\"}", "{\"b\":\"c\"}", "{\"a\":\"b\",\"b\":\"c\"}"},
    {"{\"a\":\"b\"}", "{\"a\":null}", "{}"},
    {"{\"a\":\"b\",\"b\":\"c\"}", "{\"a\":null}", "{\"b\":\"c\"}"},
    {"{\"a\":[\"b\"]}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
    {"{\"a\":\"c\"}", "{\"a\":[\"b\"]}", "{\"a\":[\"b\"]}"},
    {"{\"a\":{\"b\":\"c\"}}", "{\"a\":{\"b\":\"d\",\"c\":null}}", "{\"a\":{\"b\":\"d\"}}"},
    {"{\"a\":[{\"b\":\"c\"}]}", "{\"a\":[1]}", "{\"a\":[1]}"},
    {"[\"a\",\"b\"]", "[\"c\",\"d\"]", "[\"c\",\"d\"]"},
    {"{\"a\":\"b\"}", "[\"c\"]", "[\"c\"]"},
    {"{\"a\":\"foo\"}", "null", "null"},
    {"{\"a\":\"foo\"}", "\"bar\"", "\"bar\""},
    {"{\"e\":null}", "{\"a\":1}", "{\"e\":null,\"a\":1}"},
    {"[1,2]", "{\"a\":\"b\",\"c\":null}", "{\"a\":\"b\"}"},
    {"{}", "{\"a\":{\"bb\":{\"ccc\":null}}}", "{\"a\":{\"bb\":{}}}"},
    {"1", "{}", "{}"},
    {"{\"a\":{\"b\":1}}", "{\"a\":[{\"b\":null}]}", "{\"a\":[{\"b\":null}]}"},
    {"{\"1\":1,\"2\":2,\"3\":3,\"4\":4,\"5\":5,\"6\":6,\"7\":7,\"8\":8,\"9\":9}",
     "{\"9\":null,\"1\":{\"x\":0},\"10\":10,\"11\":null}",
     "{\"1\":{\"x\":0},\"2\":2,\"3\":3,\"4\":4,\"5\":5,\"6\":6,\"7\":7,\"8\":8,\"10\":10}"},
};

static void patches_are_merged(void **state)
{
  for (int e = 0; e < ENGINES; e++) {
    struct engine *engine = engines_new(engines[e], &engines_ample);

    for (size_t i = 0; i < sizeof patches / sizeof *patches; i++) {
      struct problem problem;
      struct store *store;

      assert_true(engines[e]->acquire(engine, &store, &problem));
      parse(engines[e], store, patches[i].original);
      patch(engines[e], store, patches[i].patch);
      expect(engines[e], store, NULL, patches[i].result);
      expect(engines[e], store, "@", patches[i].result);
      engines[e]->release(store);
    }
    engines[e]->engine_free(engine);
  }
}

/* ---- a model: sixteen objects of sixteen integers ---- */

#define WIDTH 16
#define NONE INT_MIN

struct model {
  bool there[WIDTH];
  int number[WIDTH][WIDTH];
  uint64_t version;
  uint64_t done[STORE_RECENT_MAX]; /* ids, of which the last come last */
  unsigned done_count;
  uint64_t ids;
};

/* A patch of one object: to another number, or away with it. */
static void patch_object(struct model *model, uint64_t *random, int i, char *at)
{
  char *start = at;

  model->there[i] = true;
  at += sprintf(at, "{");
  for (int j = 0; j < WIDTH; j++) {
    if (!helper_one_in(random, 3))
      continue;
    at += sprintf(at, "%s\"k%d\":", at > start + 1 ? "," : "", j);
    if (helper_one_in(random, 3)) {
      model->number[i][j] = NONE;
      at += sprintf(at, "null");
    } else {
      model->number[i][j] = (int)helper_random(random) | 1;
      at += sprintf(at, "%d", model->number[i][j]);
    }
  }
  strcpy(at, "}");
}

static void forget_object(struct model *model, int i)
{
  model->there[i] = false;
  for (int j = 0; j < WIDTH; j++)
    model->number[i][j] = NONE;
}

static void model_patch(struct model *model, uint64_t *random, struct store *store)
{
  static char text[WIDTH * WIDTH * 24];
  char *at = text;

  at += sprintf(at, "{");
  for (int i = 0; i < WIDTH; i++) {
    if (!helper_one_in(random, 4))
      continue;
    at += sprintf(at, "%s\"k%d\":", at > text + 1 ? "," : "", i);
    if (helper_one_in(random, 4)) {
      forget_object(model, i);
      at += sprintf(at, "null");
    } else {
      patch_object(model, random, i, at);
      at += strlen(at);
    }
  }
  strcpy(at, "}");
  patch(&engine_slotheap, store, text);
}

static void model_compare(const struct model *model, struct store *store)
{
  for (int i = 0; i < WIDTH; i++) {
    char query[WIDTH * 16] = "[", answer[WIDTH * 16] = "[", *q = query + 1, *a = answer + 1;

    for (int j = 0; j < WIDTH; j++) {
      q += sprintf(q, "%sk%d.k%d", j > 0 ? "," : "", i, j);
      a += model->number[i][j] == NONE ? sprintf(a, "%snull", j > 0 ? "," : "")
                                       : sprintf(a, "%s%d", j > 0 ? "," : "", model->number[i][j]);
    }
    strcpy(q, "]");
    strcpy(a, "]");
    expect(&engine_slotheap, store, query, answer);
    sprintf(query, "k%d != `null`", i);
    expect(&engine_slotheap, store, query, model->there[i] ? "true" : "false");
  }
  assert_int_equal(engine_slotheap.version(store), model->version);
}

/* ---- recent requests ---- */

static void id_of(uint64_t number, char *out)
{
  sprintf(out, "request-%" PRIu64, number);
}

static void model_done(struct model *model, struct store *store)
{
  struct problem problem;
  char id[64];

  model->ids++;
  model->version += 1 + (UINT64_C(1) << 40);
  if (model->done_count == STORE_RECENT_MAX)
    memmove(model->done, model->done + 1, --model->done_count * sizeof *model->done);
  model->done[model->done_count++] = model->version;
  id_of(model->ids, id);
  assert_true(engine_slotheap.set_done(store, id, model->version, &problem));
  engine_slotheap.set_version(store, model->version);
}

static void model_compare_done(const struct model *model, const struct store *store)
{
  char id[64];

  for (uint64_t number = 1; number <= model->ids + 1; number++) {
    bool is_recent = number <= model->ids && number + STORE_RECENT_MAX > model->ids;
    uint64_t version = 0;

    id_of(number, id);
    assert_int_equal(engine_slotheap.was_done(store, id, &version), is_recent);
    if (is_recent)
      assert_int_equal(version, model->done[model->done_count - 1 - (model->ids - number)]);
  }
}

static void run_model(uint64_t random, uint32_t zeal)
{
  struct engine_options options = engines_ample;
  struct model model = {.version = UINT64_C(1) << 63};
  struct engine *engine[2];
  struct problem problem;
  struct store *store;

  options.zeal = zeal;
  engine[0] = engines_new(&engine_slotheap, &options);
  engine[1] = engines_new(&engine_slotheap, &options);
  for (int i = 0; i < WIDTH; i++)
    forget_object(&model, i);
  assert_true(engine_slotheap.acquire(engine[0], &store, &problem));
  parse(&engine_slotheap, store, "{}");
  engine_slotheap.set_version(store, model.version);
  for (int step = 0; step < 150; step++) {
    if (helper_one_in(&random, 2))
      model_done(&model, store);
    else
      model_patch(&model, &random, store);
    if (helper_one_in(&random, 4))
      store = move(store, engine[helper_below(&random, 2)]);
    model_compare(&model, store);
  }
  model_compare_done(&model, store);
  engine_slotheap.release(store);
  engine_slotheap.engine_free(engine[0]);
  engine_slotheap.engine_free(engine[1]);
}

static void sessions_are_as_the_model_says(void **state)
{
  uint64_t seed = helper_seed();

  for (uint64_t round = helper_rounds(48); round > 0; round--)
    run_model(seed + round, round % 4 == 0 ? 1 : 0);
}

/* ---- ids ---- */

static void ids_have_a_length(void **state)
{
  for (int e = 0; e < ENGINES; e++) {
    struct engine *engine = engines_new(engines[e], &engines_ample);
    char id[STORE_REQUEST_ID_MAX + 2];
    struct problem problem;
    struct store *store;
    uint64_t version;

    memset(id, 'x', sizeof id);
    id[STORE_REQUEST_ID_MAX + 1] = '\0';
    assert_true(engines[e]->acquire(engine, &store, &problem));
    assert_false(engines[e]->was_done(store, id, &version));
    assert_false(engines[e]->set_done(store, id, 1, &problem));
    assert_false(engines[e]->set_done(store, "", 1, &problem));
    id[STORE_REQUEST_ID_MAX] = '\0';
    assert_true(engines[e]->set_done(store, id, UINT64_MAX, &problem));
    assert_true(engines[e]->was_done(store, id, &version));
    assert_true(version == UINT64_MAX);
    id[STORE_REQUEST_ID_MAX - 1] = '\0';
    assert_false(engines[e]->was_done(store, id, &version));
    engines[e]->release(store);
    engines[e]->engine_free(engine);
  }
}

/* ---- what cannot be ---- */

static void trees_are_not_suspended(void **state)
{
  struct engine *engine = engines_new(&engine_malloc, &engines_ample);
  struct bytes image = {NULL, 0, 0};
  struct problem problem;
  struct store *store;

  assert_true(engine_malloc.acquire(engine, &store, &problem));
  parse(&engine_malloc, store, "1");
  assert_false(engine_malloc.suspend(store, &image, &problem));
  assert_int_equal(problem.kind, PROBLEM_UNSUPPORTED);
  assert_false(engine_malloc.resume(engine, "", 0, &store, &problem));
  assert_int_equal(problem.kind, PROBLEM_UNSUPPORTED);
  engine_malloc.release(store);
  engine_malloc.engine_free(engine);
}

/* A session that is larger than a store may be, and one for which there is no store. */
static void sessions_have_to_fit(void **state)
{
  struct engine_options options = engines_ample;
  struct engine *large = engines_new(&engine_slotheap, &options), *small;
  struct bytes image = {NULL, 0, 0};
  struct store *store, *other;
  struct problem problem;
  char text[9000];

  options.limits.heap_bytes = 8192;
  options.stores = 1;
  small = engines_new(&engine_slotheap, &options);
  memset(text, 'x', sizeof text);
  text[0] = text[8998] = '"';
  text[8999] = '\0';
  assert_true(engine_slotheap.acquire(large, &store, &problem));
  parse(&engine_slotheap, store, text);
  assert_true(engine_slotheap.suspend(store, &image, &problem));
  assert_false(engine_slotheap.resume(small, image.at, image.length, &other, &problem));
  assert_int_equal(problem.kind, PROBLEM_TOO_LARGE);
  engine_slotheap.release(store);
  assert_true(engine_slotheap.acquire(small, &store, &problem));
  assert_false(engine_slotheap.resume(small, image.at, image.length, &other, &problem));
  assert_int_equal(problem.kind, PROBLEM_BUSY);
  engine_slotheap.release(store);
  bytes_free(&image);
  engine_slotheap.engine_free(small);
  engine_slotheap.engine_free(large);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(patches_are_merged),   cmocka_unit_test(sessions_are_as_the_model_says),
      cmocka_unit_test(ids_have_a_length),    cmocka_unit_test(trees_are_not_suspended),
      cmocka_unit_test(sessions_have_to_fit),
  };

  return helper_run(tests, NULL, NULL);
}
