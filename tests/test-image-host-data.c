/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Host data in images: what externrefs and funcrefs refer to goes in, comes out for
 * each store, and is dropped once for each. */
#include "tests/imaged.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define DATA 50

/* What encode and decode were asked; `fail` counts down to a refusal. */
struct host {
  uint32_t encoded, decoded, dropped, fail;
  uint32_t alive[DATA]; /* decoded and not dropped, by number */
  char bytes[300];
};

struct value {
  struct host *host;
  uint32_t number;
  uint32_t drops;
};

/* Number 0 takes no bytes, others ever more. */
static slh_status encode(void *context, slh_host_kind kind, const void *value, const void **bytes,
                         size_t *size)
{
  struct host *host = context;
  const struct value *data = value;

  assert_int_equal(kind, SLH_HOST_DATA);
  if (host->fail != 0 && --host->fail == 0)
    return SLH_E_BUSY;
  host->encoded++;
  memset(host->bytes, (int)data->number, sizeof host->bytes);
  *bytes = data->number ? host->bytes : NULL;
  *size = data->number * 5;
  return SLH_OK;
}

static void drop(void *data)
{
  struct value *value = data;

  value->host->dropped++;
  value->host->alive[value->number]--;
  free(value);
}

static slh_status decode(void *context, slh_host_kind kind, const void *bytes, size_t size,
                         void **value, slh_drop_fn **drop_out)
{
  struct host *host = context;
  struct value *data;

  assert_int_equal(kind, SLH_HOST_DATA);
  assert_null(*drop_out);
  assert_int_equal(size % 5, 0);
  for (size_t i = 0; i < size; i++)
    assert_int_equal(((const unsigned char *)bytes)[i], size / 5);
  if (host->fail != 0 && --host->fail == 0)
    return SLH_E_BUSY;
  data = malloc(sizeof *data);
  assert_non_null(data);
  *data = (struct value){host, (uint32_t)(size / 5), 0};
  host->decoded++;
  host->alive[data->number]++;
  *value = data;
  *drop_out = drop;
  return SLH_OK;
}

static struct value *value_of(const slh_heap *heap, slh_ref array, uint32_t index)
{
  slh_ref ref = SLH_NULL;
  void *data = NULL;

  assert_ok(slh_array_get_ref(heap, array, index, &ref));
  assert_ok(slh_externref_data(heap, ref, &data));
  return data;
}

/* An array of externrefs, each with some that are garbage before it, so that numbers
 * change; the first one twice. */
static slh_ref make_data(struct store *store, struct value *values)
{
  slh_ref ref = SLH_NULL;

  store->roots[0] = store_array(store, store->refs, DATA + 1);
  for (uint32_t i = 0; i < DATA; i++) {
    values[i].number = i;
    assert_ok(slh_new_externref(store->heap, NULL, NULL, &ref));
    assert_ok(slh_new_externref(store->heap, &values[i], NULL, &ref));
    assert_ok(slh_array_set_ref(store->heap, store->roots[0], i, ref));
    if (i == 0)
      assert_ok(slh_array_set_ref(store->heap, store->roots[0], DATA, ref));
  }
  return store->roots[0];
}

static slh_status freeze(struct store *store, slh_image_options *options, struct host *host,
                         slh_image **out, slh_error *error)
{
  slh_image_root root = {NULL, store->roots[0]};
  slh_image_contents contents = {.roots = &root, .root_count = 1};

  options->context = host;
  return slh_image_freeze(store->heap, &contents, options, out, error);
}

static slh_image *freeze_data(struct store *store, struct host *host)
{
  static struct value values[DATA];
  slh_image_options options = SLH_IMAGE_OPTIONS_INIT;
  slh_image *image = NULL;

  options.encode = encode;
  options.decode = decode;
  make_data(store, values);
  assert_ok(freeze(store, &options, host, &image, NULL));
  assert_int_equal(host->encoded, DATA);
  assert_int_equal(imaged_info(image).externrefs, DATA);
  return image;
}

static void check_data(slh_heap *heap, slh_ref array)
{
  for (uint32_t i = 0; i < DATA; i++)
    assert_int_equal(value_of(heap, array, i)->number, i);
  assert_ptr_equal(value_of(heap, array, DATA), value_of(heap, array, 0));
}

/* ---- going in ---- */

static void data_needs_a_way_in(void **state)
{
  struct store *store = *state;
  struct host host = {0};
  struct value values[DATA];
  slh_image_options options = SLH_IMAGE_OPTIONS_INIT;
  struct imaged_copy copy;
  slh_error error = {0};
  slh_image *image = NULL;

  make_data(store, values);
  copy = imaged_copy_heap(store->heap);
  assert_status(freeze(store, &options, &host, &image, &error), SLH_E_UNSUPPORTED);
  assert_non_null(strstr(error.message, "encode"));
  imaged_check_copy(store->heap, &copy);
  assert_null(image);
}

static void a_way_in_can_fail_anywhere(void **state)
{
  struct store *store = *state;
  struct value values[DATA];
  slh_image_options options = SLH_IMAGE_OPTIONS_INIT;

  options.encode = encode;
  make_data(store, values);
  for (uint32_t fail = 1; fail <= DATA; fail++) {
    struct imaged_copy copy = imaged_copy_heap(store->heap);
    struct host host = {.fail = fail};
    slh_image *image = NULL;
    slh_error error = {0};

    assert_status(freeze(store, &options, &host, &image, &error), SLH_E_BUSY);
    assert_non_null(strstr(error.message, "encode"));
    assert_int_equal(host.encoded, fail - 1);
    assert_null(image);
    imaged_check_copy(store->heap, &copy);
  }
}

/* A process that begins meanwhile, and goes on. */
static slh_status fork_and_encode(void *context, slh_host_kind kind, const void *value,
                                  const void **bytes, size_t *size)
{
  pid_t *child = context;

  (void)kind;
  (void)value;
  *bytes = child;
  *size = 0;
  if (*child != 0)
    return SLH_OK;
  *child = fork();
  while (*child == 0)
    pause();
  return *child > 0 ? SLH_OK : SLH_E_SYSTEM;
}

static void forks_do_not_keep_images_from_being_made(void **state)
{
  struct store *store = *state;
  struct value values[DATA];
  slh_image_options options = SLH_IMAGE_OPTIONS_INIT;
  slh_image_root root = {NULL, make_data(store, values)};
  slh_image_contents contents = {.roots = &root, .root_count = 1};
  slh_image *image = NULL;
  pid_t child = 0;
  slh_status status;

  options.encode = fork_and_encode;
  options.context = &child;
  status = slh_image_freeze(store->heap, &contents, &options, &image, NULL);
  assert_true(child > 0);
  assert_int_equal(kill(child, SIGKILL), 0);
  assert_int_equal(waitpid(child, NULL, 0), child);
  assert_ok(status);
  slh_image_free(image);
}

/* A number that no externref has, or a function that there is not. */
static void forged_numbers_are_found_out(void **state)
{
  struct store *store = *state;
  struct value values[DATA];
  struct host host = {0};
  slh_image_options options = SLH_IMAGE_OPTIONS_INIT;
  slh_field field = {"function", SLH_FUNCREF, 0};
  const slh_type *type = NULL;
  slh_ref ref = SLH_NULL;
  slh_image *image = NULL;
  slh_error error = {0};

  options.encode = encode;
  make_data(store, values);
  assert_ok(slh_array_get_ref(store->heap, store->roots[0], 3, &ref));
  for (int i = 0; i < 2; i++) {
    *(uint32_t *)slh_address(store->heap, ref, 4) = i ? UINT32_MAX : 2 * DATA;
    assert_status(freeze(store, &options, &host, &image, &error), SLH_E_CORRUPT);
    assert_non_null(strstr(error.message, "externref"));
  }
  assert_ok(slh_struct_type_new(store->runtime, NULL, NULL, &field, 1, &type, NULL));
  assert_ok(slh_new_struct(store->heap, type, &store->roots[0]));
  *(uint32_t *)slh_address(store->heap, store->roots[0], 4) = 1;
  assert_status(freeze(store, &options, &host, &image, &error), SLH_E_CORRUPT);
  assert_non_null(strstr(error.message, "funcref"));
}

/* ---- coming out ---- */

static void each_store_has_its_own(void **state)
{
  struct store *store = *state;
  struct host host = {0};
  slh_image *image = freeze_data(store, &host);
  slh_heap *a = imaged_start(store->pool, image, NULL), *b = imaged_start(store->pool, image, NULL);
  slh_ref array = imaged_root(image, 0);

  assert_int_equal(host.decoded, 2 * DATA);
  check_data(a, array);
  check_data(b, array);
  assert_ptr_not_equal(value_of(a, array, 1), value_of(b, array, 1));
  slh_heap_release(a);
  assert_int_equal(host.dropped, DATA);
  for (int i = 0; i < DATA; i++)
    assert_int_equal(host.alive[i], 1);
  slh_image_free(image);
  check_data(b, array);
  slh_heap_reset(b);
  assert_int_equal(host.dropped, 2 * DATA);
  slh_heap_release(b);
  assert_int_equal(host.dropped, 2 * DATA);
}

/* An image's data lives as long as the store; that of new externrefs not; a store that
 * is resumed has none that is the image's. */
static void data_is_dropped_once(void **state)
{
  struct store *store = *state;
  struct host host = {0};
  slh_image *image = freeze_data(store, &host);

  for (int resume = 0; resume < 2; resume++) {
    slh_heap_options options = SLH_HEAP_OPTIONS_INIT;
    uint32_t dropped;

    options.resume = resume != 0;
    host.dropped = host.decoded = 0;
    imaged_restart(store, image, &options);
    store->roots[0] = imaged_root(image, 0);
    check_data(store->heap, store->roots[0]);
    for (uint32_t i = 0; i < 500; i++) {
      struct value *value = malloc(sizeof *value);
      slh_ref ref = SLH_NULL;

      assert_non_null(value);
      *value = (struct value){&host, i % DATA, 0};
      host.alive[i % DATA]++;
      host.decoded++;
      assert_ok(slh_new_externref(store->heap, value, drop, &ref));
      if (i == 200)
        store->roots[1] = ref;
      if (i % 100 == 99)
        assert_ok(i % 200 == 99 ? slh_heap_collect_young(store->heap, NULL)
                                : slh_heap_collect(store->heap, NULL));
      check_data(store->heap, store->roots[0]);
    }
    store->roots[0] = SLH_NULL;
    assert_ok(slh_heap_collect(store->heap, NULL));
    dropped = slh_heap_collector(store->heap) == SLH_COLLECTOR_NULL ? 0 : 499;
    assert_int_equal(host.dropped, dropped + (dropped && resume ? DATA : 0));
    store->roots[1] = SLH_NULL;
    slh_heap_reset(store->heap);
    assert_int_equal(host.dropped, host.decoded);
    for (int i = 0; i < DATA; i++)
      assert_int_equal(host.alive[i], 0);
    assert_ok(slh_new_array(store->heap, store->refs, 10, &store->roots[0]));
    store->roots[0] = SLH_NULL;
  }
  slh_image_free(image);
}

/* What was decoded before is dropped. */
static void a_way_out_can_fail_anywhere(void **state)
{
  struct store *store = *state;
  struct host host = {0};
  slh_image *image = freeze_data(store, &host);
  slh_heap_options options = SLH_HEAP_OPTIONS_INIT;

  options.runtime = store->runtime;
  options.image = image;
  for (uint32_t fail = 1; fail <= DATA; fail++) {
    slh_heap *heap = NULL;
    slh_error error = {0};

    host.decoded = host.dropped = 0;
    host.fail = fail;
    options.resume = fail % 2 != 0;
    assert_status(slh_heap_acquire_within(store->pool, &options, 0, &heap, &error), SLH_E_BUSY);
    assert_null(heap);
    assert_non_null(strstr(error.message, "image"));
    assert_int_equal(host.decoded, fail - 1);
    assert_int_equal(host.dropped, fail - 1);
  }
  /* The slot is as good as before. */
  imaged_restart(store, image, &options);
  check_data(store->heap, imaged_root(image, 0));
  store->roots[0] = SLH_NULL;
  slh_heap_reset(store->heap);
  slh_image_free(image);
}

static void limits_hold_for_data(void **state)
{
  struct store *store = *state;
  struct host host = {0};
  slh_image *image = freeze_data(store, &host);
  slh_heap_options options = SLH_HEAP_OPTIONS_INIT;
  slh_heap *heap = NULL;

  options.runtime = store->runtime;
  options.image = image;
  options.max_host_bytes = 64;
  slh_pool_trim(store->pool);
  assert_status(slh_heap_acquire(store->pool, &options, &heap), SLH_E_HOST_LIMIT);
  assert_int_equal(host.decoded, 0);
  assert_null(heap);
  slh_image_free(image);
}

static void data_needs_a_way_out(void **state)
{
  struct store *store = *state;
  struct host host = {0};
  struct value values[DATA];
  slh_image_options image_options = SLH_IMAGE_OPTIONS_INIT;
  slh_heap_options options = SLH_HEAP_OPTIONS_INIT;
  slh_image *image = NULL;
  slh_heap *heap = NULL;

  image_options.encode = encode;
  make_data(store, values);
  assert_ok(freeze(store, &image_options, &host, &image, NULL));
  options.runtime = store->runtime;
  options.image = image;
  assert_status(slh_heap_acquire(store->pool, &options, &heap), SLH_E_UNSUPPORTED);
  assert_null(heap);
  slh_image_free(image);
}

/* An image of what began with an image. */
static void data_goes_in_again(void **state)
{
  struct store *store = *state;
  struct host host = {0};
  slh_image *image = freeze_data(store, &host), *again = NULL;
  slh_image_options options = SLH_IMAGE_OPTIONS_INIT;

  options.encode = encode;
  options.decode = decode;
  imaged_restart(store, image, NULL);
  store->roots[0] = imaged_root(image, 0);
  slh_image_free(image);
  assert_ok(freeze(store, &options, &host, &again, NULL));
  assert_int_equal(host.encoded, 2 * DATA);
  imaged_restart(store, again, NULL);
  check_data(store->heap, imaged_root(again, 0));
  assert_int_equal(host.dropped, DATA);
  slh_heap_reset(store->heap);
  assert_int_equal(host.dropped, 2 * DATA);
  slh_image_free(again);
}

/* ---- functions ---- */

#define FUNCTIONS 100

static void functions_come_along(void **state)
{
  static const char functions[FUNCTIONS];
  struct store *store = *state;
  const slh_type *type = helper_array_type(store->runtime, SLH_FUNCREF);
  slh_ref array = store_array(store, type, 2 * FUNCTIONS + 1), other;
  slh_image *image;
  uint32_t number = 0;

  /* Each twice, in no order; some that are not used between them. */
  for (uint32_t i = 0; i < 2 * FUNCTIONS; i++) {
    slh_value value = {SLH_FUNCREF, {0}};

    assert_ok(slh_funcref_intern(store->heap, &functions[i * 37 % FUNCTIONS], &number));
    value.integer = number;
    assert_ok(slh_array_set(store->heap, array, i, &value));
    assert_ok(slh_funcref_intern(store->heap, (const char *)&image + i, &number));
  }
  image = imaged_freeze(store->heap, &array, 1, SLH_IMAGE_AUTO);
  assert_int_equal(imaged_info(image).functions, FUNCTIONS);
  for (int resume = 0; resume < 2; resume++) {
    slh_heap_options options = SLH_HEAP_OPTIONS_INIT;

    options.resume = resume != 0;
    imaged_restart(store, image, &options);
    other = imaged_root(image, 0);
    for (uint32_t i = 0; i <= 2 * FUNCTIONS; i++) {
      const void *function = NULL, *expected = &functions[i * 37 % FUNCTIONS];
      slh_value value;

      assert_ok(slh_array_get(store->heap, other, i, &value));
      if (i == 2 * FUNCTIONS) {
        assert_int_equal(value.integer, 0);
        break;
      }
      assert_ok(slh_funcref_function(store->heap, (uint32_t)value.integer, &function));
      assert_ptr_equal(function, expected);
      assert_ok(slh_funcref_intern(store->heap, function, &number));
      assert_int_equal(number, value.integer);
    }
    assert_int_equal(store_stats(store).functions, FUNCTIONS);
    assert_ok(slh_funcref_intern(store->heap, &image, &number));
    assert_int_equal(number, FUNCTIONS + 1);
  }
  slh_image_free(image);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, store_setup, store_teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(data_needs_a_way_in),
      TEST(a_way_in_can_fail_anywhere),
      TEST(forks_do_not_keep_images_from_being_made),
      TEST(forged_numbers_are_found_out),
      TEST(each_store_has_its_own),
      TEST(data_is_dropped_once),
      TEST(a_way_out_can_fail_anywhere),
      TEST(limits_hold_for_data),
      TEST(data_needs_a_way_out),
      TEST(data_goes_in_again),
      TEST(functions_come_along),
  };

  helper_zeal = SLH_ZEAL_NEVER;
  return helper_run(tests, NULL, NULL);
}
