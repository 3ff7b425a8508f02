/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* One store of a life: all that a store can do. */
#include "tests/life.h"

#define NODES 200
#define HANDLES 20 /* of each kind: more than the first tables have room for */
#define ELEMENTS 300
#define LARGE_BYTES 300000

/* A call on the heap. If it is refused the heap is as before. */
#define TRY(store, call)                                                                           \
  do {                                                                                             \
    uint64_t before_ = life_failed((store)->life);                                                 \
    slh_status status_ = (call);                                                                   \
                                                                                                   \
    if (status_ != SLH_OK) {                                                                       \
      life_explain((store)->life, status_, before_);                                               \
      life_check_store(store);                                                                     \
      life_give_up((store)->life);                                                                 \
      status_ = (call);                                                                            \
      REQUIRE_EQUAL(status_, SLH_OK);                                                              \
      life_pause((store)->life, false);                                                            \
    }                                                                                              \
  } while (0)

static void list_roots(void *host, slh_heap *heap, slh_roots *roots)
{
  struct life_store *store = host;

  REQUIRE(heap == store->heap);
  (void)slh_roots_add(roots, SLH_ROOT_OTHER, &store->list, 1, "list");
  (void)slh_roots_add(roots, SLH_ROOT_OTHER, &store->array, 1, "array");
}

void life_open_store(struct life_store *store)
{
  slh_heap_options options = SLH_HEAP_OPTIONS_INIT;

  store->list = store->array = SLH_NULL;
  store->length = 0;
  store->queued = 0;
  options.runtime = store->runtime;
  options.initial_bytes = 2048;
  options.enumerate_roots = list_roots;
  options.host = store;
  LIFE_TRY(store->life, slh_heap_acquire(store->life->pool, &options, &store->heap));
}

void life_check_store(struct life_store *store)
{
  slh_ref at = store->list;

  for (int32_t i = store->length; i-- > 0; at = slh_get_ref(store->heap, at, HELPER_LEFT))
    REQUIRE_EQUAL(slh_get_i32(store->heap, at, HELPER_VALUE), i);
  REQUIRE(slh_is_null(at));
  LIFE_TRY(store->life, slh_heap_verify(store->heap, NULL, NULL));
}

static slh_ref new_node(struct life_store *store)
{
  slh_ref node = SLH_NULL;

  TRY(store, slh_new_struct(store->heap, store->node, &node));
  REQUIRE_EQUAL(slh_get_i32(store->heap, node, HELPER_VALUE), 0);
  return node;
}

void life_fill_store(struct life_store *store, int32_t nodes)
{
  while (nodes-- > 0) {
    slh_ref node = new_node(store);

    slh_set_i32(store->heap, node, HELPER_VALUE, store->length++);
    slh_set_ref(store->heap, node, HELPER_LEFT, store->list);
    slh_write_ref(store->heap, &store->list, node);
  }
}

static slh_ref nth(const struct life_store *store, int n)
{
  slh_ref at = store->list;

  while (n-- > 0)
    at = slh_get_ref(store->heap, at, HELPER_LEFT);
  return at;
}

/* ---- what refers to objects from outside ---- */

void life_count_drop(void *store)
{
  ((struct life_store *)store)->drops++;
}

/* What lives, by a frame, owned roots, and where there are such weak references and keys;
 * beside it as much that does not. */
struct handles {
  slh_weak alive[HANDLES], dead[HANDLES];
  slh_owned owned[HANDLES];
  slh_local locals[HANDLES];
  slh_ephemerons table;
};

void life_make_externref(struct life_store *store, slh_ref *out)
{
  uint64_t drops = store->drops;

  TRY(store, slh_new_externref(store->heap, store, life_count_drop, out));
  store->made++;
  /* A collection meanwhile may have dropped others, a failure none. */
  REQUIRE(store->drops >= drops && store->drops < store->made);
}

static void make_weak_handles(struct life_store *store, struct handles *handles)
{
  slh_heap *heap = store->heap;

  TRY(store, slh_ephemerons_new(heap, &handles->table));
  for (int i = 0; i < HANDLES; i++) {
    slh_ref ref;

    TRY(store, slh_weak_new(heap, nth(store, i), &handles->alive[i]));
    ref = new_node(store);
    TRY(store, slh_weak_new(heap, ref, &handles->dead[i]));
    TRY(store, slh_finalizer_add(heap, ref, store));
    TRY(store, slh_ephemerons_set(heap, handles->table, nth(store, i), ref));
  }
}

static void make_handles(struct life_store *store, struct handles *handles)
{
  slh_heap *heap = store->heap;
  uint32_t function = 0;

  TRY(store, slh_frame_open(heap, &store->frame));
  if (life_has(store, COLLECTORS_HAVE_WEAK))
    make_weak_handles(store, handles);
  for (int i = 0; i < HANDLES; i++) {
    slh_ref ref = SLH_NULL;

    life_make_externref(store, &ref);
    TRY(store, slh_owned_new(heap, ref, &handles->owned[i]));
    life_make_externref(store, &ref); /* dies */
    TRY(store, slh_local_new(&store->frame, nth(store, i), &handles->locals[i]));
    TRY(store, slh_funcref_intern(heap, &handles->locals[i], &function));
    REQUIRE_EQUAL(function, i + 1);
  }
}

static void check_weak_handles(struct life_store *store, struct handles *handles)
{
  slh_heap *heap = store->heap;

  for (int i = 0; i < HANDLES; i++) {
    slh_ref ref = nth(store, i), value = SLH_NULL;

    REQUIRE_EQUAL(slh_weak_get(heap, handles->alive[i]).bits, ref.bits);
    REQUIRE(slh_ephemerons_get(heap, handles->table, ref, &value));
    REQUIRE_EQUAL(slh_weak_get(heap, handles->dead[i]).bits, value.bits);
  }
}

static void check_handles(struct life_store *store, struct handles *handles)
{
  slh_heap *heap = store->heap;

  for (int i = 0; i < HANDLES; i++) {
    slh_ref ref = nth(store, i);
    void *data = NULL;

    REQUIRE_EQUAL(slh_local_get(heap, handles->locals[i]).bits, ref.bits);
    REQUIRE_EQUAL(slh_externref_data(heap, slh_owned_get(heap, handles->owned[i]), &data), SLH_OK);
    REQUIRE(data == store);
  }
  if (life_has(store, COLLECTORS_HAVE_WEAK))
    check_weak_handles(store, handles);
}

/* The values of ephemerons die with the entries; finalizers find them then. */
static void drop_handles(struct life_store *store, struct handles *handles)
{
  slh_ref ref;
  void *data;

  if (life_has(store, COLLECTORS_HAVE_WEAK)) {
    slh_ephemerons_free(store->heap, handles->table);
    for (int i = 0; i < HANDLES; i += 2)
      slh_weak_free(store->heap, handles->alive[i]);
  }
  for (int i = 0; i < HANDLES; i += 2)
    slh_owned_free(store->heap, handles->owned[i]);
  TRY(store, slh_heap_collect(store->heap, NULL));
  for (; slh_finalizer_poll(store->heap, &ref, &data); store->queued++)
    REQUIRE(data == store);
  REQUIRE_EQUAL(store->queued,
                life_has(store, COLLECTORS_COLLECT | COLLECTORS_HAVE_WEAK) ? HANDLES : 0);
  REQUIRE_EQUAL(store->drops, life_has(store, COLLECTORS_COLLECT) ? HANDLES + HANDLES / 2 : 0);
  slh_frame_close(&store->frame);
}

/* ---- collections ---- */

/* A list remembers that it is not complete, until it is cleared. */
static void list_given(struct life_store *store, slh_roots *roots, slh_ref *refs)
{
  for (int i = 0; i < HANDLES; i++) {
    uint64_t before = life_failed(store->life);
    slh_status status = slh_roots_add(roots, SLH_ROOT_STACK, &refs[i], 1, NULL);

    if (status == SLH_OK)
      continue;
    life_explain(store->life, status, before);
    REQUIRE_EQUAL(slh_heap_collect(store->heap, roots),
                  life_has(store, COLLECTORS_COLLECT) ? status : SLH_OK);
    slh_roots_clear(roots);
    list_given(store, roots, refs);
    life_pause(store->life, false);
    return;
  }
}

static bool go_on(void *context)
{
  (void)context;
  return true;
}

static void collect_in_steps(struct life_store *store)
{
  slh_ref refs[HANDLES];
  bool complete = false;

  for (int i = 0; i < HANDLES; i++)
    refs[i] = nth(store, i);
  LIFE_TRY(store->life, slh_roots_new(store->runtime, &store->roots));
  list_given(store, store->roots, refs);
  for (int i = 0; i < HANDLES; i++)
    REQUIRE_EQUAL(refs[i].bits, nth(store, i).bits);
  TRY(store, slh_collection_begin(store->heap, store->roots));
  while (!complete)
    REQUIRE_EQUAL(slh_collection_step(store->heap, 2048, &complete), SLH_OK);
  for (int i = 0; i < HANDLES; i++)
    REQUIRE_EQUAL(refs[i].bits, nth(store, i).bits);
  TRY(store, slh_collection_begin(store->heap, store->roots));
  REQUIRE_EQUAL(slh_collection_abandon(store->heap), SLH_OK);
  TRY(store, slh_heap_collect_async(store->heap, store->roots, 4096, go_on, NULL));
  slh_roots_free(store->roots);
  store->roots = NULL;
}

/* Young objects that only old ones refer to. */
static void collect_young(struct life_store *store)
{
  slh_ref array = SLH_NULL;

  TRY(store, slh_new_array(store->heap, store->refs, ELEMENTS, &array));
  slh_write_ref(store->heap, &store->array, array);
  TRY(store, slh_heap_collect(store->heap, NULL));
  for (uint32_t i = 0; i < ELEMENTS; i++) {
    slh_ref node = new_node(store);

    slh_set_i32(store->heap, node, HELPER_VALUE, (int32_t)i);
    REQUIRE_EQUAL(slh_array_set_ref(store->heap, store->array, i, node), SLH_OK);
    slh_set_ref(store->heap, nth(store, (int)i % NODES), HELPER_RIGHT, node);
  }
  TRY(store, slh_heap_collect_young(store->heap, NULL));
  for (uint32_t i = 0; i < ELEMENTS; i++) {
    slh_ref node = SLH_NULL;

    REQUIRE_EQUAL(slh_array_get_ref(store->heap, store->array, i, &node), SLH_OK);
    REQUIRE_EQUAL(slh_get_i32(store->heap, node, HELPER_VALUE), i);
  }
}

/* ---- growing ---- */

/* One that is copied back to its place, not through the evacuation space; in
 * dense pools whatever there is room for. */
static void make_large(struct life_store *store)
{
  slh_heap_stats stats;
  slh_ref array = SLH_NULL;
  uint32_t length = LARGE_BYTES;
  const char *bytes;

  slh_heap_get_stats(store->heap, &stats);
  if (stats.max < 2 * LARGE_BYTES)
    length = (uint32_t)(stats.max / 2);
  TRY(store, slh_heap_grow(store->heap, length + 8));
  TRY(store, slh_new_array(store->heap, store->bytes, length, &array));
  memset(slh_address(store->heap, array, SLH_ARRAY_DATA_OFFSET), 0x5a, length);
  slh_write_ref(store->heap, &store->array, array);
  TRY(store, slh_heap_collect(store->heap, NULL));
  bytes = slh_address(store->heap, store->array, SLH_ARRAY_DATA_OFFSET);
  REQUIRE(*bytes == 0x5a && memcmp(bytes, bytes + 1, length - 1) == 0);
}

void life_use_store(struct life_store *store)
{
  struct handles handles;

  life_fill_store(store, NODES);
  make_handles(store, &handles);
  check_handles(store, &handles);
  collect_in_steps(store);
  check_handles(store, &handles);
  collect_young(store);
  drop_handles(store, &handles);
  if (life_has(store, COLLECTORS_COLLECT))
    make_large(store);
  life_check_store(store);
  if (store->life->options.images &&
      (unsigned)store->life->options.engine % LIFE_STORES == (unsigned)store->collector)
    life_use_images(store);
}

void life_close_store(struct life_store *store)
{
  life_check_store(store);
  slh_heap_release(store->heap);
  store->heap = NULL;
  REQUIRE_EQUAL(store->drops, store->made);
}
