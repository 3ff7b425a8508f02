/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Threads that share an engine, with fewer stores than there are threads. */
#include "tests/json-host/engine-random.h"
#include "tests/json-host/engines.h"

#include <pthread.h>
#include <string.h>

#define THREADS 4
#define STORES 3

struct worker {
  const struct engine_interface *with;
  struct engine *engine;
  uint64_t random, rounds;
  uint64_t served, refused;
};

/* A document, a patch of it, a question whose answer is known. */
static bool serve(struct worker *worker, struct problem *problem)
{
  const struct engine_interface *with = worker->with;
  struct bytes answer = {NULL, 0, 0}, noise = {NULL, 0, 0};
  struct store *store;

  if (!with->acquire(worker->engine, &store, problem))
    return false;
  random_document(&worker->random, &noise);
  REQUIRE(with->parse(store, "{\"name\":", 8, problem) &&
          with->parse(store, noise.at, noise.length, problem) &&
          with->parse(store, ",\"k\":[1,2]}", 11, problem) && with->parse_end(store, problem));
  REQUIRE(with->parse(store, "{\"name\":{\"type\":3}}", 19, problem) &&
          with->parse_end(store, problem) && with->merge(store, problem));
  REQUIRE(with->ask(store, "[name.type, sum(k)]", 19, problem) &&
          with->write(store, &answer, problem));
  REQUIRE(answer.length == 5 && memcmp(answer.at, "[3,3]", 5) == 0);
  with->release(store);
  bytes_free(&answer);
  bytes_free(&noise);
  return true;
}

static void *work(void *context)
{
  struct worker *worker = context;
  struct problem problem;

  for (; worker->rounds > 0; worker->rounds--) {
    if (serve(worker, &problem)) {
      worker->served++;
    } else {
      REQUIRE(problem.kind == PROBLEM_BUSY);
      worker->refused++;
    }
  }
  return NULL;
}

static void threads_share_an_engine(void **state)
{
  struct engine_options options = engines_ample;

  options.stores = STORES;
  for (int e = 0; e < ENGINES; e++) {
    struct engine *engine = engines_new(engines[e], &options);
    struct worker workers[THREADS];
    struct engine_figures figures;
    pthread_t threads[THREADS];
    uint64_t served = 0, refused = 0;

    for (int i = 0; i < THREADS; i++) {
      workers[i] = (struct worker){engines[e],          engine, helper_seed() + (unsigned)i,
                                   helper_rounds(8000), 0,      0};
      assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
      assert_int_equal(pthread_join(threads[i], NULL), 0);
      served += workers[i].served;
      refused += workers[i].refused;
    }
    assert_int_equal(served + refused, THREADS * helper_rounds(8000));
    engines[e]->figures(engine, &figures);
    assert_int_equal(figures.stores_taken, served);
    assert_int_equal(figures.stores_live, 0);
    engines[e]->engine_free(engine);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(threads_share_an_engine)};

  return helper_run(tests, NULL, NULL);
}
