/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* One pool and one runtime, used by several threads at once. For the thread
 * sanitizer, too. */
#include "tests/helper.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "pool/pool.h"
#include "pool/os.h"

#define KIB UINT64_C(1024)
#define THREADS 4
#define SLOTS 6
#define MAILBOXES 3
#define COLLECTIONS 200000

static void run_threads(size_t count, void *(*function)(void *), void *contexts, size_t size)
{
  pthread_t threads[16];

  (void)helper_seed();
  for (size_t i = 0; i < count; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, function, (char *)contexts + i * size), 0);
  for (size_t i = 0; i < count; i++)
    assert_int_equal(pthread_join(threads[i], NULL), 0);
}

/* ---- stores that wander between threads ---- */

struct store {
  slh_heap *heap;
  slh_ref list; /* nodes whose values count down to 1 */
  int32_t length;
};

struct world {
  slh_pool *pool;
  slh_runtime *runtime;
  _Atomic(const slh_type *) node;             /* replaced by the registrar */
  struct store stores[SLOTS];                 /* by slot */
  _Atomic uint32_t owner[SLOTS];              /* by slot: a thread, or 0 */
  _Atomic(struct store *) mailbox[MAILBOXES]; /* stores that nobody has */
  _Atomic uint64_t acquires, refusals;
  _Atomic uint32_t running; /* workers */
};

struct worker {
  struct world *world;
  uint32_t number; /* 1.. */
  uint64_t random;
  struct store *held;
};

static void enumerate(void *host, slh_heap *heap, slh_roots *roots)
{
  struct world *world = host;
  const struct slot *slot = (const struct slot *)(const void *)heap;

  slh_roots_add(roots, SLH_ROOT_OTHER, &world->stores[slot - world->pool->heaps[0].slots].list, 1,
                NULL);
}

static _Atomic uint32_t *owner_of(struct world *world, const struct store *store)
{
  return &world->owner[store - world->stores];
}

static void own(struct worker *worker, struct store *store)
{
  REQUIRE_EQUAL(atomic_exchange_explicit(owner_of(worker->world, store), worker->number,
                                         memory_order_relaxed),
                0);
  worker->held = store;
}

static struct store *disown(struct worker *worker)
{
  struct store *store = worker->held;

  REQUIRE_EQUAL(atomic_exchange_explicit(owner_of(worker->world, store), 0, memory_order_relaxed),
                worker->number);
  worker->held = NULL;
  return store;
}

/* Prepends a node, if there is room. */
static bool push_node(struct worker *worker)
{
  struct store *store = worker->held;
  const slh_type *node = atomic_load_explicit(&worker->world->node, memory_order_acquire);
  slh_ref ref = {0};
  slh_status status = slh_new_struct(store->heap, node, &ref);

  if (status == SLH_E_BUSY || status == SLH_E_LIMIT)
    return false;
  REQUIRE_EQUAL(status, SLH_OK);
  slh_init_ref(store->heap, ref, HELPER_LEFT, store->list);
  slh_set_i32(store->heap, ref, HELPER_VALUE, ++store->length);
  store->list = ref;
  return true;
}

/* Each store writes something, so that the next one in its slot is warm. */
static void acquire(struct worker *worker)
{
  struct world *world = worker->world;
  slh_heap_options options = SLH_HEAP_OPTIONS_INIT;
  slh_heap *heap;
  slh_status status;
  struct store *store;

  options.runtime = world->runtime;
  options.initial_bytes = 16 * KIB;
  options.enumerate_roots = enumerate;
  options.host = world;
  status = slh_heap_acquire(world->pool, &options, &heap);
  if (status != SLH_OK) {
    REQUIRE_EQUAL(status, SLH_E_FULL);
    atomic_fetch_add(&world->refusals, 1);
    sched_yield();
    return;
  }
  atomic_fetch_add(&world->acquires, 1);
  store = &world->stores[(struct slot *)(void *)heap - world->pool->heaps[0].slots];
  own(worker, store);
  *store = (struct store){heap, SLH_NULL, 0};
  REQUIRE(push_node(worker));
}

static void check_list(const struct store *store)
{
  slh_ref at = store->list;

  for (int32_t i = store->length; i > 0; i--) {
    REQUIRE(!slh_is_null(at));
    REQUIRE_EQUAL(slh_get_i32(store->heap, at, HELPER_VALUE), i);
    REQUIRE_EQUAL(slh_get_ref(store->heap, at, HELPER_RIGHT).bits, 0);
    at = slh_get_ref(store->heap, at, HELPER_LEFT);
  }
  REQUIRE(slh_is_null(at));
}

static void push_nodes(struct worker *worker)
{
  for (uint64_t i = helper_below(&worker->random, 300); i-- > 0;) {
    if (!push_node(worker))
      return;
  }
}

static void collect(struct worker *worker)
{
  slh_status status = slh_heap_collect(worker->held->heap, NULL);

  REQUIRE(status == SLH_OK || status == SLH_E_BUSY);
  check_list(worker->held);
}

static void forget(struct worker *worker)
{
  worker->held->list = SLH_NULL;
  worker->held->length = 0;
  if (helper_one_in(&worker->random, 2))
    slh_heap_reset(worker->held->heap);
}

static void release(struct worker *worker)
{
  check_list(worker->held);
  slh_heap_release(disown(worker)->heap);
}

/* Leaves the store for another thread, and takes what lay there. */
static void swap(struct worker *worker)
{
  struct world *world = worker->world;
  struct store *store = worker->held ? disown(worker) : NULL;

  store = atomic_exchange_explicit(&world->mailbox[helper_below(&worker->random, MAILBOXES)], store,
                                   memory_order_acq_rel);
  if (store) {
    own(worker, store);
    check_list(store);
  }
}

static void act(struct worker *worker)
{
  uint64_t choice = helper_below(&worker->random, 16);

  if (choice == 0)
    swap(worker);
  else if (!worker->held)
    acquire(worker);
  else if (choice == 1)
    release(worker);
  else if (choice == 2)
    forget(worker);
  else if (choice < 5)
    collect(worker);
  else
    push_nodes(worker);
}

static void *work(void *context)
{
  struct worker *worker = context;

  for (uint64_t i = helper_rounds(150000); i-- > 0;)
    act(worker);
  if (worker->held)
    release(worker);
  atomic_fetch_sub(&worker->world->running, 1);
  return NULL;
}

/* Registers types while others allocate, collect and verify by them. */
static void *register_types(void *context)
{
  struct world *world = ((struct worker *)context)->world;
  const slh_field fields[] = {{"left", SLH_REF, 0}, {"right", SLH_REF, 0}, {"value", SLH_I32, 0}};
  const slh_type *type;

  for (uint32_t i = 0; i < 20000 && atomic_load(&world->running) > 0; i++) {
    REQUIRE_EQUAL(slh_array_type_new(world->runtime, NULL, SLH_REF, &type, NULL), SLH_OK);
    REQUIRE_EQUAL(slh_struct_type_new(world->runtime, "node", NULL, fields, 3, &type, NULL),
                  SLH_OK);
    REQUIRE(slh_runtime_type(world->runtime, type->index) == type);
    atomic_store_explicit(&world->node, type, memory_order_release);
    sched_yield();
  }
  return NULL;
}

/* Types that nobody told this thread of: those that it finds are whole. */
static void look_for_types(const struct world *world, uint32_t *index)
{
  const slh_type *type;

  while ((type = slh_runtime_type(world->runtime, *index)) != NULL) {
    REQUIRE_EQUAL(type->index, *index);
    REQUIRE(type->field_count == (type->kind == SLH_KIND_STRUCT ? 3 : 1));
    REQUIRE(type->name != NULL);
    ++*index;
  }
}

static void *read_stats(void *context)
{
  struct world *world = ((struct worker *)context)->world;
  uint64_t acquires = 0, slot_bytes, space_bytes;
  uint32_t index = atomic_load(&world->node)->index;
  slh_pool_stats stats;

  while (atomic_load(&world->running) > 0) {
    look_for_types(world, &index);
    slh_pool_get_stats(world->pool, &stats);
    REQUIRE_EQUAL(stats.slots, SLOTS);
    REQUIRE(stats.slots_in_use <= stats.slots_touched && stats.slots_touched <= SLOTS);
    REQUIRE(stats.acquires >= acquires && stats.warm_acquires <= stats.acquires);
    REQUIRE(stats.evacuation_in_use <= 2);
    acquires = stats.acquires;
    if (slhi_os_has(SLHI_OS_RESIDENT)) {
      REQUIRE_EQUAL(slh_pool_resident(world->pool, &slot_bytes, &space_bytes), SLH_OK);
      REQUIRE(slot_bytes <= SLOTS * 256 * KIB);
    }
    sched_yield();
  }
  return NULL;
}

static void *play(void *context)
{
  struct worker *worker = context;

  if (worker->number <= THREADS)
    return work(worker);
  return worker->number == THREADS + 1 ? register_types(worker) : read_stats(worker);
}

static void open_world(struct world *world)
{
  slh_pool_options options = helper_pool_options(SLOTS);

  memset(world, 0, sizeof *world);
  options.max_heap_bytes = 256 * KIB;
  options.keep_resident_bytes = 32 * KIB;
  world->pool = helper_pool(&options);
  world->runtime = helper_runtime(NULL);
  world->node = helper_node_type(world->runtime);
  world->running = THREADS;
}

/* What was taken was given back, as often as was counted. */
static void close_world(struct world *world)
{
  slh_pool_stats stats;

  for (int i = 0; i < MAILBOXES; i++) {
    struct store *store = world->mailbox[i];

    if (store) {
      check_list(store);
      slh_heap_release(store->heap);
    }
  }
  slh_pool_get_stats(world->pool, &stats);
  assert_int_equal(stats.acquires, world->acquires);
  assert_int_equal(stats.full_refusals, world->refusals);
  assert_int_equal(stats.warm_acquires, stats.acquires - stats.slots_touched);
  assert_int_equal(stats.slots_in_use, 0);
  assert_int_equal(stats.evacuation_in_use, 0);
  slh_pool_free(world->pool);
  slh_runtime_free(world->runtime);
}

static void test_wandering_stores(void **state)
{
  struct world world;
  struct worker workers[THREADS + 2];

  (void)state;
  open_world(&world);
  for (uint32_t i = 0; i < THREADS + 2; i++)
    workers[i] = (struct worker){&world, i + 1, helper_seed() + i, NULL};
  run_threads(THREADS + 2, play, workers, sizeof workers[0]);
  close_world(&world);
}

/* ---- evacuation spaces ---- */

struct collecting {
  slh_pool *pool;
  slh_runtime *runtime;
  const slh_type *node;
  _Atomic uint64_t collected;
};

/* Fewer spaces than collectors: each gets one, or SLH_E_BUSY and a heap that
 * is as it was. */
static void *collect_often(void *context)
{
  struct collecting *shared = *(struct collecting **)context;
  slh_heap_options options = SLH_HEAP_OPTIONS_INIT;
  slh_heap *heap;
  slh_ref ref;

  options.runtime = shared->runtime;
  REQUIRE_EQUAL(slh_heap_acquire(shared->pool, &options, &heap), SLH_OK);
  for (uint64_t i = helper_rounds(COLLECTIONS); i-- > 0;) {
    uint64_t bump;
    slh_status status;

    for (int j = 0; j < 20; j++)
      REQUIRE_EQUAL(slh_alloc_struct(heap, shared->node, &ref), SLH_OK);
    bump = slh_heap_end(heap);
    while ((status = slh_heap_collect(heap, NULL)) == SLH_E_BUSY) {
      REQUIRE_EQUAL(slh_heap_end(heap), bump);
      sched_yield();
    }
    REQUIRE_EQUAL(status, SLH_OK);
    REQUIRE_EQUAL(slh_heap_end(heap), slh_heap_first(heap));
    atomic_fetch_add(&shared->collected, 1);
  }
  slh_heap_release(heap);
  return NULL;
}

static void test_few_spaces(void **state)
{
  slh_pool_options options = helper_pool_options(THREADS);
  struct collecting shared = {0};
  struct collecting *contexts[THREADS];
  slh_pool_stats stats;

  (void)state;
  options.max_collections = 2;
  shared.pool = helper_pool(&options);
  shared.runtime = helper_runtime(NULL);
  shared.node = helper_node_type(shared.runtime);
  for (int i = 0; i < THREADS; i++)
    contexts[i] = &shared;
  run_threads(THREADS, collect_often, contexts, sizeof contexts[0]);
  assert_int_equal(shared.collected, THREADS * helper_rounds(COLLECTIONS));
  slh_pool_get_stats(shared.pool, &stats);
  assert_int_equal(stats.evacuation_in_use, 0);
  slh_pool_free(shared.pool);
  slh_runtime_free(shared.runtime);
}

/* ---- waiting ---- */

#define LONG UINT64_C(20000000000) /* nanoseconds: for ever, as far as a test goes */

struct waiting {
  slh_pool *pool;
  slh_heap *heap; /* the only one */
};

/* Releases the heap once somebody waits for it. */
static void *release_for_waiter(void *context)
{
  struct waiting *waiting = context;
  slh_pool_stats stats = {0};

  while (stats.waits == 0) {
    sched_yield();
    slh_pool_get_stats(waiting->pool, &stats);
  }
  slh_heap_release(waiting->heap);
  return NULL;
}

/* Whichever way its pages go back, the slot goes to who waits for it. */
static void test_waiter_gets_the_slot(void **state)
{
  slh_runtime *runtime = helper_runtime(NULL);
  const slh_type *bytes = helper_array_type(runtime, SLH_I8);
  slh_heap_options heap = SLH_HEAP_OPTIONS_INIT;
  slh_error error = {0};

  (void)state;
  heap.runtime = runtime;
  for (int engine = 0; engine < SLH_DECOMMIT_ENGINES; engine++) {
    slh_pool_options options = helper_pool_options(1);
    struct waiting waiting;
    pthread_t thread;
    slh_heap *next = NULL;
    slh_ref array;

    options.keep_resident_bytes = 4 * KIB;
    options.decommit = (slh_decommit)engine;
    waiting.pool = helper_pool(&options);
    waiting.heap = helper_acquire(waiting.pool, runtime);
    assert_int_equal(slh_new_array(waiting.heap, bytes, 512 * KIB, &array), SLH_OK);
    memset(slh_address(waiting.heap, array, 8), 0xa5, 512 * KIB);
    assert_int_equal(pthread_create(&thread, NULL, release_for_waiter, &waiting), 0);
    if (slh_heap_acquire_within(waiting.pool, &heap, LONG, &next, &error) != SLH_OK)
      fail_msg("%s: %s", slh_decommit_name((slh_decommit)engine), error.message);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_ptr_equal(next, waiting.heap);
    assert_int_equal(slh_new_array(next, bytes, 512 * KIB, &array), SLH_OK);
    for (uint32_t i = 0; i < 512 * KIB; i++)
      assert_int_equal(slh_get_i8(next, slh_element(array, i, 1), 0), 0);
    slh_heap_release(next);
    slh_pool_free(waiting.pool);
  }
  slh_runtime_free(runtime);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_wandering_stores),
      cmocka_unit_test(test_few_spaces),
      cmocka_unit_test(test_waiter_gets_the_slot),
  };

  helper_zeal = SLH_ZEAL_NEVER;
  return helper_run(tests, NULL, NULL);
}
