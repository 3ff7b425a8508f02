/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Sessions that are damaged: a changed or missing byte is told; and whatever somebody
 * writes who makes the checksum right, resuming it fails or gives a store that can be used.
 */
#include "tests/image-bytes.h"
#include "tests/json-host/engine-random.h"
#include "tests/json-host/engines.h"

#include <stdlib.h>
#include <string.h>

static const char document[] =
    "{\"list\":[1,2.5,9007199254740993,\"text\",true,false,null,[],{}],"
    "\"object\":{\"a\":[[1],[2]],\"b\":[[1],[2]]},\"k0\":[\"a\",\"b\"],\"k1\":[{\"k0\":1},{\"k0\":"
    "2}],"
    "\"table\":{\"k0\":0,\"k1\":1,\"k2\":2,\"k3\":3,\"k4\":4,\"k5\":5,\"k6\":6,\"k7\":7,\"k8\":8,"
    "\"k9\":9}}";

static struct image_bytes suspended(struct engine *engine)
{
  struct bytes image = {NULL, 0, 0};
  struct problem problem;
  struct store *store;

  assert_true(engine_slotheap.acquire(engine, &store, &problem));
  assert_true(engine_slotheap.parse(store, document, strlen(document), &problem));
  assert_true(engine_slotheap.parse_end(store, &problem));
  assert_true(engine_slotheap.set_done(store, "one", 1, &problem));
  assert_true(engine_slotheap.set_done(store, "two", UINT64_C(1) << 40, &problem));
  assert_true(engine_slotheap.suspend(store, &image, &problem));
  engine_slotheap.release(store);
  return (struct image_bytes){image.at, image.length};
}

static void expect_damaged(struct engine *engine, const char *at, size_t size)
{
  struct problem problem;
  struct store *store;

  assert_false(engine_slotheap.resume(engine, at, size, &store, &problem));
  assert_int_equal(problem.kind, PROBLEM_INTERNAL);
  assert_non_null(strstr(problem.message, "the session is damaged: "));
}

static void damage_is_told(void **state)
{
  struct engine *engine = engines_new(&engine_slotheap, &engines_ample);
  struct image_bytes bytes = suspended(engine);
  char *more = calloc(1, bytes.size + 1);

  assert_non_null(more);
  for (size_t size = 0; size < bytes.size; size++)
    expect_damaged(engine, bytes.at, size);
  for (size_t i = 0; i < bytes.size; i++) {
    bytes.at[i] ^= 1 << i % 8;
    expect_damaged(engine, bytes.at, bytes.size);
    bytes.at[i] ^= 1 << i % 8;
  }
  memcpy(more, bytes.at, bytes.size);
  expect_damaged(engine, more, bytes.size + 1);
  free(more);
  free(bytes.at);
  engine_slotheap.engine_free(engine);
}

/* An image of something else: a prelude's types, but no session. */
static void other_images_are_no_sessions(void **state)
{
  struct engine *engine = engines_new(&engine_slotheap, &engines_ample);
  slh_runtime *runtime = helper_runtime(NULL);
  slh_pool_options options = helper_pool_options(1);
  slh_pool *pool = helper_pool(&options);
  slh_heap *heap = helper_acquire(pool, runtime);
  const slh_image_root root = {"document", slh_i31(1)};
  const slh_image_contents contents = {.roots = &root, .root_count = 1};
  struct image_bytes bytes;
  slh_image *image;

  assert_int_equal(slh_image_freeze(heap, &contents, NULL, &image, NULL), SLH_OK);
  bytes = image_bytes_of(image);
  expect_damaged(engine, bytes.at, bytes.size);
  image_bytes_free(&bytes);
  slh_image_free(image);
  slh_heap_release(heap);
  slh_pool_free(pool);
  slh_runtime_free(runtime);
  engine_slotheap.engine_free(engine);
}

/* Uses a store in every way; what that comes to does not matter. */
static void use(struct store *store, uint64_t *random)
{
  static const char *const queries[] = {
      "[list, list] | [0] == [1]",
      "object.a == object.b",
      "table.k9",
      "*",
      "list[?@ == `9007199254740993`]",
      "sort(k0)",
      "sort_by(k1, &k0)",
      "join('', k0)",
      "merge(table, object)",
      "[][][][]",
      "map(&to_string(@), *)",
      "length(to_string(@))",
      "*.*.*",
  };
  struct problem problem = {PROBLEM_NONE, 0, ""};
  struct bytes out = {NULL, 0, 0};
  uint64_t version;
  const char *query = queries[helper_below(random, sizeof queries / sizeof *queries)];

  (void)engine_slotheap.was_done(store, "one", &version);
  if (engine_slotheap.ask(store, query, strlen(query), &problem) &&
      engine_slotheap.write(store, &out, &problem) &&
      engine_slotheap.parse(store, "{\"table\":{\"k0\":null},\"list\":1}", 31, &problem) &&
      engine_slotheap.parse_end(store, &problem) && engine_slotheap.merge(store, &problem) &&
      engine_slotheap.set_done(store, "three", 3, &problem) &&
      engine_slotheap.suspend(store, &out, &problem))
    (void)engine_slotheap.ask(store, "@", 1, &problem);
  bytes_free(&out);
}

static void forged_sessions_do_no_harm(void **state)
{
  struct engine_options options = engines_ample;
  uint64_t random = helper_seed(), resumed = 0, rounds = helper_rounds(20000);
  struct engine *engine = engines_new(&engine_slotheap, &options);
  struct image_bytes bytes = suspended(engine);

  /* Tight limits are for what was forged only: a machine that stands still for 2 ms would
   * make the good session fail too. */
  engine_slotheap.engine_free(engine);
  options.limits.nanoseconds = 2000000;
  options.limits.heap_bytes = 1 << 20;
  engine = engines_new(&engine_slotheap, &options);
  for (uint64_t round = rounds; round > 0; round--) {
    struct image_bytes forged = image_bytes_copy(&bytes);
    struct problem problem;
    struct store *store;

    for (uint64_t changes = 1 + helper_below(&random, 3); changes > 0; changes--) {
      size_t word = helper_below(&random, forged.size / 4),
             other = helper_below(&random, forged.size / 4);
      uint32_t value = image_bytes_u32(&forged, 4 * other);

      /* The word of somewhere else, most often a reference to something else. */
      if (helper_one_in(&random, 4))
        value = (uint32_t)helper_below(&random, 64);
      image_bytes_put_u32(&forged, 4 * word, value);
    }
    image_bytes_repair(&forged);
    if (engine_slotheap.resume(engine, forged.at, forged.size, &store, &problem)) {
      resumed++;
      use(store, &random);
      engine_slotheap.release(store);
    } else {
      assert_true(problem.message[0] != '\0');
    }
    image_bytes_free(&forged);
  }
  print_message("%llu of %llu resumed\n", (unsigned long long)resumed, (unsigned long long)rounds);
  assert_true(rounds < 100 || resumed > rounds / 100);
  free(bytes.at);
  engine_slotheap.engine_free(engine);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(damage_is_told),
      cmocka_unit_test(other_images_are_no_sessions),
      cmocka_unit_test(forged_sessions_do_no_harm),
  };

  return helper_run(tests, NULL, NULL);
}
