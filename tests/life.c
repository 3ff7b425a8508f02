/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* A life from the pool to its end; what goes on in a store is in life-store.c and life-image.c. */
#include "tests/life.h"

#include <sys/wait.h>
#include <unistd.h>

#include "pool/os.h"
#include "tests/faults.h"
#include "tests/footprint.h"
#include "tests/pooled.h"

#define SLOTS (LIFE_STORES + 3)
#define HAS_FAILED 33 /* exit status of a child in which something did */

/* ---- failures ---- */

uint64_t life_failed(const struct life *life)
{
  return faults_failed() + atomic_load(&life->meter->failing.failed);
}

void life_pause(const struct life *life, bool pause)
{
  faults_pause(pause);
  atomic_store(&life->meter->failing.paused, pause);
}

void life_explain(const struct life *life, slh_status status, uint64_t before)
{
  /* ENOSYS is what a system says that cannot do it at all. */
  if (status != SLH_E_NOMEM && status != SLH_E_SYSTEM && status != SLH_E_UNSUPPORTED)
    REQUIRE_EQUAL(status, SLH_E_NOMEM);
  REQUIRE(life_failed(life) > (before < life->excused ? before : life->excused));
  life_pause(life, true);
}

void life_give_up(struct life *life)
{
  if (life->can_give_up)
    longjmp(life->gives_up, 1);
}

void life_explain_error(const struct life *life, slh_status status, uint64_t before,
                        const slh_error *error)
{
  const char *text;

  life_explain(life, status, before);
  REQUIRE_EQUAL(error->status, status);
  REQUIRE(memchr(error->message, '\0', sizeof error->message) != NULL);
  if (error->os_errno == 0) { /* of the host */
    REQUIRE(strstr(error->message, "no memory") != NULL);
    return;
  }
  text = strstr(error->message, strerrordesc_np(error->os_errno));
  REQUIRE(text != NULL && text > error->message + 10); /* it says what, and why */
}

struct life_debts life_debts(const struct life *life)
{
  return (struct life_debts){life->meter->blocks, faults_mapped_bytes()};
}

void life_require_same(const struct life *life, const struct life_debts *before)
{
  struct life_debts after = life_debts(life);

  REQUIRE_EQUAL(after.blocks, before->blocks);
  REQUIRE_EQUAL(after.mapped_bytes, before->mapped_bytes);
}

/* ---- from the beginning ---- */

static void set_options(struct life *life)
{
  slh_pool_options *options = &life->pool_options;

  *options = helper_pool_options(SLOTS);
  options->max_collections = 1; /* one that is not given back is missed at once */
  options->allocator = &life->allocator;
  options->kind = life->options.kind;
  options->decommit = life->options.engine;
  options->decay_thread = life->options.decay_thread;
  options->decay_ms = 1;
  options->max_heap_bytes = POOLED_MIB;
  options->keep_resident_bytes = 8 * POOLED_KIB;
  options->keep_evacuation_bytes = 8 * POOLED_KIB;
  options->populate = life->options.engine % 2;
  options->huge_pages = life->options.engine % 3 ? SLH_HUGE_SYSTEM : SLH_HUGE_NEVER;
  if (options->kind == SLH_POOL_DENSE) {
    options->max_heap_bytes = 256 * POOLED_KIB;
    options->slot_bytes = 4 * POOLED_KIB;
    if (life->options.engine % 2) {
      options->slot_bytes = 64 * POOLED_KIB;
      options->guard_bytes = 4 * POOLED_KIB;
    }
  }
}

static void make_types(struct life_store *store)
{
  const slh_field fields[] = {{"left", SLH_REF, 0}, {"right", SLH_REF, 0}, {"value", SLH_I32, 0}};
  struct life *life = store->life;

  LIFE_MAKE(life,
            slh_struct_type_new(store->runtime, "node", NULL, fields, 3, &store->node, &error));
  LIFE_MAKE(life, slh_array_type_new(store->runtime, "refs", SLH_REF, &store->refs, &error));
  LIFE_MAKE(life, slh_array_type_new(store->runtime, "bytes", SLH_I8, &store->bytes, &error));
}

static void open_all(struct life *life)
{
  for (int i = 0; i < LIFE_STORES; i++) {
    slh_runtime_options options = SLH_RUNTIME_OPTIONS_INIT;
    struct life_store *store = &life->stores[i];

    *store = (struct life_store){.life = life, .collector = (slh_collector)i};
    options.collector = store->collector;
    options.allocator = &life->allocator;
    options.zeal = SLH_ZEAL_NEVER;
    LIFE_MAKE(life, slh_runtime_new(&options, &store->runtime, &error));
    make_types(store);
  }
  LIFE_MAKE(life, slh_pool_new(&life->pool_options, &life->pool, &error));
}

/* ---- when all slots are taken ---- */

static void acquire_within(struct life *life)
{
  slh_heap_options options = SLH_HEAP_OPTIONS_INIT;
  slh_heap *heaps[SLOTS], *more = NULL;
  slh_error error = {0};
  int taken = 0;

  options.runtime = life->stores[0].runtime;
  while (taken < SLOTS &&
         slh_heap_acquire_within(life->pool, &options, 0, &heaps[taken], &error) == SLH_OK)
    taken++;
  REQUIRE_EQUAL(taken, SLOTS - LIFE_STORES);
  REQUIRE_EQUAL(error.status, SLH_E_FULL);
  REQUIRE_EQUAL(slh_heap_acquire_within(life->pool, &options, 1000, &more, &error), SLH_E_FULL);
  REQUIRE(strstr(error.message, "none was released in time") != NULL);
  slh_heap_release(heaps[--taken]);
  REQUIRE_EQUAL(slh_heap_acquire_within(life->pool, &options, POOLED_SECOND, &more, &error),
                SLH_OK);
  slh_heap_release(more);
  pooled_release(heaps, (size_t)taken);
}

/* There are slots of each size for all. */
static void grow_all(slh_heap **heaps)
{
  slh_heap_stats stats;

  slh_heap_get_stats(heaps[0], &stats);
  for (uint64_t bytes = 2 * stats.used; bytes < stats.max; bytes *= 2)
    for (int i = 0; i < SLOTS; i++)
      REQUIRE_EQUAL(slh_heap_grow(heaps[i], bytes - stats.used), SLH_OK);
}

/* Every slot is free, and empty, and can be used. */
static void check_served(const struct life *life)
{
  slh_heap *heaps[SLOTS];
  slh_pool_stats stats = pooled_stats(life->pool);

  REQUIRE_EQUAL(stats.slots_in_use, 0);
  REQUIRE_EQUAL(stats.evacuation_in_use, 0);
  REQUIRE_EQUAL(stats.budget_used_bytes, 0);
  pooled_take_all(life->pool, heaps, SLOTS);
  for (int i = 0; i < SLOTS; i++) {
    pooled_check_zero(heaps[i]);
    pooled_dirty(heaps[i], 32 * POOLED_KIB);
  }
  grow_all(heaps);
  for (int i = 0; i < SLOTS; i++)
    REQUIRE_EQUAL(slh_heap_collect(heaps[i], NULL), SLH_OK);
  pooled_release(heaps, SLOTS);
}

static void measure(struct life *life)
{
  uint64_t slots, spaces;
  bool tells;

  life_pause(life, true);
  tells = slhi_os_has(SLHI_OS_RESIDENT);
  life_pause(life, false);
  if (tells)
    LIFE_TRY(life, slh_pool_resident(life->pool, &slots, &spaces));
}

/* ---- at the end ---- */

/* What could not be unmapped is by a later call. */
static void settle(void)
{
  void *memory;

  REQUIRE_EQUAL(slhi_os_map(pooled_page(), &memory), 0);
  slhi_os_unmap(memory, pooled_page());
}

static void require_nothing_left(const struct life *life, const struct footprint *before)
{
  struct footprint after;

  life_pause(life, true);
  settle();
  after = footprint_take();
  life_pause(life, false);
  REQUIRE_EQUAL(life->meter->blocks, 0);
  REQUIRE_EQUAL(life->meter->bytes, 0);
  if (!HELPER_SANITIZED) /* which map memory as they please */
    footprint_require_equal(before, &after);
}

static void free_runtimes(struct life *life)
{
  for (int i = 0; i < LIFE_STORES; i++)
    slh_runtime_free(life->stores[i].runtime);
}

struct fork {
  struct life *life;
  const struct footprint *before;
};

/* The stores of the parent are there, and a child leaves no more behind. */
static void live_in_child(void *context)
{
  const struct fork *fork = context;
  struct life *life = fork->life;
  struct life_store store = life->stores[SLH_COLLECTOR_COPYING];

  pooled_limit_time(60);
  for (int i = 0; i < LIFE_STORES; i++)
    life_check_store(&life->stores[i]);
  store.made = store.drops = 0;
  life_open_store(&store);
  life_use_store(&store);
  life_close_store(&store);
  slh_pool_trim(life->pool);
  measure(life);
  slh_pool_abandon(life->pool);
  free_runtimes(life);
  require_nothing_left(life, fork->before);
  if (life_failed(life) != 0)
    _exit(HAS_FAILED);
}

static uint64_t fork_and_live(struct life *life, const struct footprint *before)
{
  struct fork fork = {life, before};
  int status = helper_in_child(live_in_child, &fork);

  if (status == HAS_FAILED << 8)
    return 1;
  REQUIRE_EQUAL(status, 0);
  return 0;
}

static void use_store(struct life_store *store)
{
  struct life *life = store->life;
  bool forgives = life_has(store, COLLECTORS_FORGIVE);

  life->can_give_up = life->options.give_up || !forgives;
  life->excused = forgives ? UINT64_MAX : life_failed(life);
  if (setjmp(life->gives_up) == 0)
    life_use_store(store);
  life->can_give_up = false;
  life->excused = UINT64_MAX;
  life_pause(life, false);
  life_end_images(store);
  slh_roots_free(store->roots);
  store->roots = NULL;
}

uint64_t life_run(const struct life_options *options, struct meter *meter)
{
  struct footprint before;
  int64_t mapped = faults_mapped_bytes(), mappings = faults_mappings();
  struct life life = {
      .options = *options, .meter = meter, .allocator = {NULL, NULL, NULL}, .excused = UINT64_MAX};
  uint64_t failed = 0;

  life_pause(&life, true); /* it reads files */
  before = footprint_take();
  life_pause(&life, false);
  life.allocator = meter->hook;
  set_options(&life);
  open_all(&life);
  for (int i = 0; i < LIFE_STORES; i++) {
    life_open_store(&life.stores[i]);
    use_store(&life.stores[i]);
  }
  acquire_within(&life);
  measure(&life);
  if (options->fork)
    failed += fork_and_live(&life, &before);
  slh_heap_reset(life.stores[0].heap);
  life.stores[0].list = life.stores[0].array = SLH_NULL;
  life.stores[0].length = 0;
  life_fill_store(&life.stores[0], 100);
  for (int i = 0; i < LIFE_STORES; i++)
    life_close_store(&life.stores[i]);
  slh_pool_decay(life.pool);
  life_pause(&life, true);
  check_served(&life);
  life_pause(&life, false);
  slh_pool_trim(life.pool);
  slh_pool_free(life.pool);
  free_runtimes(&life);
  failed += life_failed(&life);
  REQUIRE_EQUAL(faults_mapped_bytes(), mapped);
  REQUIRE_EQUAL(faults_mappings(), mappings);
  require_nothing_left(&life, &before);
  return failed;
}
