/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * A call that fails, or says that there is nothing, leaves what it was to fill in as it
 * was (slotheap/base.h): each call with such a parameter, made to fail as late as it can.
 */
#include "tests/store.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

/* What a call is to fill in, and the memory behind it. */
union output {
  unsigned char bytes[sizeof(slh_pool_plan) + 64];
  uint64_t words[8];
  slh_pool_plan plan;
};

#define FILL 0xa5

/* ---- failures ---- */

/* An allocator that refuses everything while that is set. */
static bool refuses;

static void *resize(void *context, void *old, size_t bytes)
{
  return refuses ? NULL : realloc(old, bytes);
}

static void release(void *context, void *memory)
{
  free(memory);
}

static const slh_allocator refusing = {resize, release, NULL};

/* A heap of the store's runtime with these limits; it is the store's from then on. */
static slh_heap *limited(struct store *store, uint64_t max_bytes, uint64_t max_host_bytes)
{
  slh_heap_options options = SLH_HEAP_OPTIONS_INIT;

  slh_heap_release(store->heap);
  options.runtime = store->runtime;
  options.max_bytes = max_bytes;
  options.max_host_bytes = max_host_bytes;
  assert_ok(slh_heap_acquire(store->pool, &options, &store->heap));
  return store->heap;
}

/* One whose tables cannot take anything. */
static slh_heap *without_host_memory(struct store *store)
{
  return limited(store, 0, 1);
}

static slh_ref array(struct store *store)
{
  return store_array(store, store->bytes, 8);
}

/* A header that is none. */
static slh_ref forged(struct store *store)
{
  slh_ref node = store_node(store, SLH_NULL, SLH_NULL, 0);

  *store_word(store, node.bits) = UINT32_MAX;
  return node;
}

/* ---- pools, runtimes, heaps ---- */

static slh_status pool_plan_new(struct store *store, union output *out)
{
  slh_host_limits limits;
  slh_pool_options options = SLH_POOL_OPTIONS_INIT;

  slh_host_limits_get(&limits);
  limits.max_mappings = 1;
  options.slots = 1000;
  return slh_pool_plan_new(&options, &limits, &out->plan, NULL);
}

static slh_status pool_new(struct store *store, union output *out)
{
  slh_pool_options options = helper_pool_options(UINT64_C(1) << 40);

  return slh_pool_new(&options, (slh_pool **)out->words, NULL);
}

static slh_status runtime_new(struct store *store, union output *out)
{
  slh_runtime_options options = SLH_RUNTIME_OPTIONS_INIT;

  options.allocator = &refusing;
  refuses = true;
  return slh_runtime_new(&options, (slh_runtime **)out->words, NULL);
}

static slh_status roots_new(struct store *store, union output *out)
{
  refuses = true;
  return slh_roots_new(store->runtime, (slh_roots **)out->words);
}

static slh_status heap_acquire(struct store *store, union output *out)
{
  slh_heap_options options = SLH_HEAP_OPTIONS_INIT;

  return slh_heap_acquire(store->pool, &options, (slh_heap **)out->words);
}

/* The slot is there, but the image exceeds the limit. */
static slh_status heap_acquire_within(struct store *store, union output *out)
{
  slh_heap_options options = SLH_HEAP_OPTIONS_INIT;
  slh_image_root root = {NULL, array(store)};
  slh_image_contents contents = {&root, 1, NULL, 0, NULL, 0};
  slh_image *image;
  slh_status status;

  assert_ok(slh_image_freeze(store->heap, &contents, NULL, &image, NULL));
  options.runtime = store->runtime;
  options.image = image;
  options.resume = true;
  options.max_bytes = 8;
  status = slh_heap_acquire_within(store->pool, &options, 0, (slh_heap **)out->words, NULL);
  slh_image_free(image);
  return status;
}

static slh_status heap_new(struct store *store, union output *out)
{
  slh_heap_options options = SLH_HEAP_OPTIONS_INIT;

  return slh_heap_new(NULL, &options, (slh_heap **)out->words, NULL);
}

/* ---- types ---- */

static const slh_field a_field = {"field", SLH_I32, 0};

static slh_status struct_type_new(struct store *store, union output *out)
{
  refuses = true;
  return slh_struct_type_new(store->runtime, NULL, NULL, &a_field, 1, (const slh_type **)out->words,
                             NULL);
}

static slh_status exn_type_new(struct store *store, union output *out)
{
  refuses = true;
  return slh_exn_type_new(store->runtime, NULL, &a_field, 1, (const slh_type **)out->words, NULL);
}

static slh_status array_type_new(struct store *store, union output *out)
{
  refuses = true;
  return slh_array_type_new(store->runtime, NULL, SLH_I8, (const slh_type **)out->words, NULL);
}

/* ---- allocation ---- */

#define ALLOCATIONS(X)                                                                             \
  X(alloc_struct, slh_alloc_struct(heap, store->node, ref))                                        \
  X(new_struct, slh_new_struct(heap, store->node, ref))                                            \
  X(alloc_struct_uninit, slh_alloc_struct_uninit(heap, store->node, ref))                          \
  X(new_struct_uninit, slh_new_struct_uninit(heap, store->node, ref))                              \
  X(alloc_array, slh_alloc_array(heap, store->bytes, 8, ref))                                      \
  X(new_array, slh_new_array(heap, store->bytes, 8, ref))                                          \
  X(alloc_array_uninit, slh_alloc_array_uninit(heap, store->bytes, 8, ref))                        \
  X(new_array_uninit, slh_new_array_uninit(heap, store->bytes, 8, ref))                            \
  X(alloc_raw, slh_alloc_raw(heap, store->node->header, 16, 8, 0, ref))                            \
  X(alloc_struct_of_array, slh_alloc_struct(heap, store->bytes, ref))                              \
  X(new_array_of_struct, slh_new_array(heap, store->node, 8, ref))

/* In a heap that has room for 8 bytes. */
#define ALLOCATION(name, call)                                                                     \
  static slh_status name(struct store *store, union output *out)                                   \
  {                                                                                                \
    slh_heap *heap = limited(store, 8, 0);                                                         \
    slh_ref *ref = (slh_ref *)out->words;                                                          \
                                                                                                   \
    return call;                                                                                   \
  }
ALLOCATIONS(ALLOCATION)
#undef ALLOCATION

/* ---- tables ---- */

static slh_status local_new(struct store *store, union output *out)
{
  SLH_FRAME(frame, without_host_memory(store));

  return slh_local_new(&frame, SLH_NULL, (slh_local *)out->words);
}

static slh_status new_externref_of_full_heap(struct store *store, union output *out)
{
  slh_heap *heap = limited(store, 8, 0);
  slh_ref first;

  assert_ok(slh_new_externref(heap, NULL, NULL, &first));
  /* It lives, so collecting does not help. */
  SLH_FRAME(frame, heap);
  slh_local local;
  assert_ok(slh_local_new(&frame, first, &local));
  return slh_new_externref(heap, NULL, NULL, (slh_ref *)out->words);
}

#define TABLE_CALLS(X)                                                                             \
  X(owned_new, slh_owned_new(heap, SLH_NULL, (slh_owned *)out->words))                             \
  X(weak_new, slh_weak_new(heap, SLH_NULL, (slh_weak *)out->words))                                \
  X(ephemerons_new, slh_ephemerons_new(heap, (slh_ephemerons *)out->words))                        \
  X(alloc_externref, slh_alloc_externref(heap, NULL, NULL, (slh_ref *)out->words))                 \
  X(new_externref, slh_new_externref(heap, NULL, NULL, (slh_ref *)out->words))                     \
  X(funcref_intern, slh_funcref_intern(heap, store, (uint32_t *)out->words))                       \
  X(funcref_function, slh_funcref_function(heap, 7, (const void **)out->words))

#define TABLE_CALL(name, call)                                                                     \
  static slh_status name(struct store *store, union output *out)                                   \
  {                                                                                                \
    slh_heap *heap = without_host_memory(store);                                                   \
                                                                                                   \
    return call;                                                                                   \
  }
TABLE_CALLS(TABLE_CALL)
#undef TABLE_CALL

/* ---- objects ---- */

#define OBJECT_CALLS(X)                                                                            \
  X(object_type, slh_object_type(heap, forged(store), (const slh_type **)out->words))              \
  X(object_size, slh_object_size(heap, forged(store), out->words))                                 \
  X(object_range, slh_object_range(heap, forged(store), out->words, out->words + 1))               \
  X(object_header, slh_object_header(heap, forged(store), (uint32_t **)out->words))                \
  X(array_len, slh_array_len(heap, store_node(store, SLH_NULL, SLH_NULL, 0), word))                \
  X(exn_tag, slh_exn_tag(heap, array(store), word, word + 1))                                      \
  X(heap_index, slh_heap_index(heap, UINT32_MAX, 8, (void **)out->words))                          \
  X(object_data, slh_object_data(heap, forged(store), view))                                       \
  X(object_data_pair, slh_object_data_pair(heap, array(store), forged(store), view, view + 1))     \
  X(struct_get, slh_struct_get(heap, store_node(store, SLH_NULL, SLH_NULL, 0), 3, value))          \
  X(array_get, slh_array_get(heap, array(store), 8, value))                                        \
  X(array_get_inline, slh_array_get_i8(heap, array(store), 8, (int8_t *)out->bytes))               \
  X(array_get_ref,                                                                                 \
    slh_array_get_ref(heap, store_array(store, store->refs, 1), 1, (slh_ref *)word))               \
  X(array_data, slh_array_data(heap, array(store), SLH_I64, (void **)out->words, word + 2))        \
  X(externref_data, slh_externref_data(heap, array(store), (void **)out->words))

#define OBJECT_CALL(name, call)                                                                    \
  static slh_status name(struct store *store, union output *out)                                   \
  {                                                                                                \
    slh_heap *heap = store->heap;                                                                  \
    uint32_t *word = (uint32_t *)out->words;                                                       \
    slh_object_view *view = (slh_object_view *)out->words;                                         \
    slh_value *value = (slh_value *)out->words;                                                    \
                                                                                                   \
    (void)word, (void)view, (void)value;                                                           \
    return call;                                                                                   \
  }
OBJECT_CALLS(OBJECT_CALL)
#undef OBJECT_CALL

static slh_status view_get(struct store *store, union output *out)
{
  slh_object_view view;

  assert_ok(slh_object_data(store->heap, array(store), &view));
  return slh_view_get_i64(&view, view.length - 4, (int64_t *)out->words);
}

/* ---- collections ---- */

static void corrupt_and_begin(struct store *store)
{
  store->roots[0] = forged(store);
  assert_ok(slh_collection_begin(store->heap, NULL));
}

static slh_status collection_step(struct store *store, union output *out)
{
  corrupt_and_begin(store);
  return slh_collection_step(store->heap, UINT64_MAX, (bool *)out->bytes);
}

static slh_status collection_step_for(struct store *store, union output *out)
{
  uint64_t budget = UINT64_MAX;

  corrupt_and_begin(store);
  return slh_collection_step_for(store->heap, &budget, UINT64_MAX, (bool *)out->bytes);
}

/* ---- images ---- */

static slh_status image_freeze(struct store *store, union output *out)
{
  slh_image_root root = {NULL, forged(store)};
  slh_image_contents contents = {&root, 1, NULL, 0, NULL, 0};

  return slh_image_freeze(store->heap, &contents, NULL, (slh_image **)out->words, NULL);
}

static slh_status image_read(struct store *store, union output *out)
{
  int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
  slh_status status;

  assert_true(fd >= 0);
  status = slh_image_read(store->runtime, fd, NULL, (slh_image **)out->words, NULL);
  close(fd);
  return status;
}

static slh_status image_load(struct store *store, union output *out)
{
  return slh_image_load(store->runtime, "/dev/null", NULL, (slh_image **)out->words, NULL);
}

/* ---- what says whether there is something: true is SLH_OK here ---- */

static slh_status is_found(bool found)
{
  return found ? SLH_OK : SLH_E_BOUNDS;
}

static slh_status finalizer_poll(struct store *store, union output *out)
{
  return is_found(
      slh_finalizer_poll(store->heap, (slh_ref *)out->words, (void **)(out->words + 1)));
}

static slh_status ephemerons_get(struct store *store, union output *out)
{
  slh_ephemerons table;

  if (slh_ephemerons_new(store->heap, &table) != SLH_OK)
    return SLH_E_UNSUPPORTED;
  return is_found(slh_ephemerons_get(store->heap, table, array(store), (slh_ref *)out->words));
}

static slh_status image_find_root(struct store *store, union output *out)
{
  slh_image_root root = {"name", array(store)};
  slh_image_contents contents = {&root, 1, NULL, 0, NULL, 0};
  slh_image *image;
  bool found;

  assert_ok(slh_image_freeze(store->heap, &contents, NULL, &image, NULL));
  found = slh_image_find_root(image, "another", (slh_ref *)out->words);
  slh_image_free(image);
  return is_found(found);
}

static slh_status find_address(struct store *store, union output *out)
{
  return is_found(slh_find_address(store, (slh_place *)out->words));
}

/* ---- all ---- */

#define CALLS(X)                                                                                   \
  X(pool_plan_new, )                                                                               \
  X(pool_new, )                                                                                    \
  X(runtime_new, )                                                                                 \
  X(roots_new, )                                                                                   \
  X(heap_acquire, )                                                                                \
  X(heap_acquire_within, )                                                                         \
  X(heap_new, )                                                                                    \
  X(struct_type_new, )                                                                             \
  X(exn_type_new, )                                                                                \
  X(array_type_new, )                                                                              \
  ALLOCATIONS(X)                                                                                   \
  X(local_new, )                                                                                   \
  X(new_externref_of_full_heap, )                                                                  \
  TABLE_CALLS(X)                                                                                   \
  OBJECT_CALLS(X)                                                                                  \
  X(view_get, )                                                                                    \
  X(collection_step, )                                                                             \
  X(collection_step_for, )                                                                         \
  X(image_freeze, )                                                                                \
  X(image_read, )                                                                                  \
  X(image_load, )                                                                                  \
  X(finalizer_poll, )                                                                              \
  X(ephemerons_get, )                                                                              \
  X(image_find_root, )                                                                             \
  X(find_address, )

struct call {
  const char *name;
  slh_status (*failing)(struct store *store, union output *out);
};

static void failures_leave_outputs_alone(void **state)
{
#define ROW(name, call) {#name, name},
  static const struct call calls[] = {CALLS(ROW)};
#undef ROW
  static const struct store_options options = {.collector = SLH_COLLECTOR_GENERATIONAL,
                                               .allocator = &refusing};

  for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
    struct store *store = store_open(&options);
    union output out, before;
    slh_status status;

    memset(&out, FILL, sizeof out);
    memset(&before, FILL, sizeof before);
    status = calls[i].failing(store, &out);
    refuses = false;
    if (status == SLH_OK || memcmp(&out, &before, sizeof out) != 0)
      fail_msg("%s: %s, and its output is %s", calls[i].name, slh_status_name(status),
               memcmp(&out, &before, sizeof out) == 0 ? "as it was" : "written");
    store_close(store);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(failures_leave_outputs_alone)};

  helper_zeal = SLH_ZEAL_NEVER;
  return helper_run(tests, NULL, NULL);
}
