/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * doc/contract.md: between two increments of a collection the store stands
 * still. Every call that allocates or uses a handle stops the process, by name.
 */
#include "tests/store.h"

/* A store with one handle of each kind. */
struct between {
  struct store *store;
  slh_heap *heap;
  slh_ref ref;
  slh_frame frame;
  slh_local local;
  slh_owned owned;
  slh_weak weak;
  slh_ephemerons table;
  uint32_t result; /* so that none is ignored */
};

/* NAME(between): makes the call, which is to stop. */
#define CALL(name, call)                                                                           \
  static void name(void *context)                                                                  \
  {                                                                                                \
    struct between *b = context;                                                                   \
    void *data;                                                                                    \
                                                                                                   \
    (void)data;                                                                                    \
    b->result = (call);                                                                            \
  }
#define CALLS(X)                                                                                   \
  X(slh_alloc_struct, slh_alloc_struct(b->heap, b->store->node, &b->ref) == SLH_OK)                \
  X(slh_alloc_struct_uninit, slh_alloc_struct_uninit(b->heap, b->store->node, &b->ref) == SLH_OK)  \
  X(slh_new_struct_uninit, slh_new_struct_uninit(b->heap, b->store->node, &b->ref) == SLH_OK)      \
  X(slh_new_array, slh_new_array(b->heap, b->store->bytes, 3, &b->ref) == SLH_OK)                  \
  X(slh_new_externref, slh_new_externref(b->heap, NULL, NULL, &b->ref) == SLH_OK)                  \
  X(slh_alloc_externref, slh_alloc_externref(b->heap, NULL, NULL, &b->ref) == SLH_OK)              \
  X(slh_heap_grow, slh_heap_grow(b->heap, 1 << 21) == SLH_OK)                                      \
  X(slh_dealloc, slh_dealloc(b->heap, b->ref) == SLH_OK)                                           \
  X(slh_heap_collect, slh_heap_collect(b->heap, NULL) == SLH_OK)                                   \
  X(slh_collection_begin, slh_collection_begin(b->heap, NULL) == SLH_OK)                           \
  X(slh_heap_enter_no_gc, (slh_heap_enter_no_gc(b->heap), 1))                                      \
  X(slh_frame_open, slh_frame_open(b->heap, &b->frame) == SLH_OK)                                  \
  X(slh_local_new, slh_local_new(&b->frame, b->ref, &b->local) == SLH_OK)                          \
  X(slh_local_get, slh_local_get(b->heap, b->local).bits)                                          \
  X(slh_local_set, (slh_local_set(b->heap, b->local, SLH_NULL), 1))                                \
  X(slh_frame_close, (slh_frame_close(&b->frame), 1))                                              \
  X(slh_owned_new, slh_owned_new(b->heap, b->ref, &b->owned) == SLH_OK)                            \
  X(slh_owned_get, slh_owned_get(b->heap, b->owned).bits)                                          \
  X(slh_owned_set, (slh_owned_set(b->heap, b->owned, SLH_NULL), 1))                                \
  X(slh_owned_free, (slh_owned_free(b->heap, b->owned), 1))                                        \
  X(slh_weak_new, slh_weak_new(b->heap, b->ref, &b->weak) == SLH_OK)                               \
  X(slh_weak_get, slh_weak_get(b->heap, b->weak).bits)                                             \
  X(slh_weak_free, (slh_weak_free(b->heap, b->weak), 1))                                           \
  X(slh_ephemerons_new, slh_ephemerons_new(b->heap, &b->table) == SLH_OK)                          \
  X(slh_ephemerons_set, slh_ephemerons_set(b->heap, b->table, b->ref, b->ref) == SLH_OK)           \
  X(slh_ephemerons_get, slh_ephemerons_get(b->heap, b->table, b->ref, &b->ref))                    \
  X(slh_ephemerons_remove, slh_ephemerons_remove(b->heap, b->table, b->ref))                       \
  X(slh_ephemerons_free, (slh_ephemerons_free(b->heap, b->table), 1))                              \
  X(slh_finalizer_add, slh_finalizer_add(b->heap, b->ref, NULL) == SLH_OK)                         \
  X(slh_finalizer_poll, slh_finalizer_poll(b->heap, &b->ref, &data))

#define DEFINE_CALL(name, call) CALL(do_##name, call)
CALLS(DEFINE_CALL)

static void open_between(struct between *b, slh_collector collector)
{
  struct store_options options = {collector, NULL, 0, 0};

  b->store = store_open(&options);
  b->heap = b->store->heap;
  b->ref = b->store->roots[0] = store_node(b->store, SLH_NULL, SLH_NULL, 1);
  assert_ok(slh_frame_open(b->heap, &b->frame));
  assert_ok(slh_local_new(&b->frame, b->ref, &b->local));
  assert_ok(slh_owned_new(b->heap, b->ref, &b->owned));
  assert_ok(slh_weak_new(b->heap, b->ref, &b->weak));
  assert_ok(slh_ephemerons_new(b->heap, &b->table));
  assert_ok(slh_ephemerons_set(b->heap, b->table, b->ref, b->ref));
}

/* Allocation and handles stop; the collection itself can go on. */
static void using_the_heap_while_it_is_collected_stops(void **state)
{
  const char *message = "called on a heap while a collection of it is under way";
  const struct {
    void (*call)(void *);
    const char *name;
  } calls[] = {
#define ENTRY(name, call) {do_##name, #name},
      CALLS(ENTRY)};
  slh_collector collectors[] = {SLH_COLLECTOR_COPYING, SLH_COLLECTOR_NULL};
  int passed = 0;

  for (size_t i = 0; i < 2; i++) {
    struct between b;

    open_between(&b, collectors[i]);
    assert_ok(slh_collection_begin(b.heap, NULL));
    for (size_t j = 0; j < sizeof calls / sizeof *calls; j++) {
      int status = helper_in_child(calls[j].call, &b);

      if (status == 0)
        print_error("%s does not stop\n", calls[j].name);
      else
        helper_expect_stop(calls[j].call, &b, message);
      passed += status == 0;
    }
    assert_ok(slh_collection_abandon(b.heap));
    slh_frame_close(&b.frame);
    store_close(b.store);
  }
  assert_int_equal(passed, 0);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(using_the_heap_while_it_is_collected_stops),
  };

  store_zeal = STORE_CALM;
  return cmocka_run_group_tests(tests, NULL, NULL);
}
