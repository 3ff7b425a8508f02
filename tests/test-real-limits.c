/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Limits that the system sets, as it sets them: address space, memory that can be
 * committed, mappings, a memory cgroup. Each call that meets one says so in words
 * and leaves nothing behind; pools that are there go on serving.
 *
 * Strict overcommit is for a whole system. What it does to a process, refusing
 * private memory that could be written, RLIMIT_DATA does to one: the same calls
 * fail for the same reason.
 */
/* [promise nothing-lost] */
#include "tests/footprint.h"
#include "tests/pooled.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pool/os.h"

#define NODES 4000 /* 64,000 bytes */
#define NOT_HERE 77

/* ---- a store that was there before ---- */

struct store {
  slh_heap *heap;
  slh_ref list; /* values count down to 0 */
  int32_t length;
};

static void list_roots(void *host, slh_heap *heap, slh_roots *roots)
{
  (void)heap;
  (void)slh_roots_add(roots, SLH_ROOT_OTHER, &((struct store *)host)->list, 1, "list");
}

static void open_store(struct store *store, slh_pool *pool)
{
  slh_heap_options options = SLH_HEAP_OPTIONS_INIT;

  *store = (struct store){0};
  options.runtime = pooled.runtime;
  options.initial_bytes = 16 * POOLED_KIB;
  options.enumerate_roots = list_roots;
  options.host = store;
  REQUIRE_EQUAL(slh_heap_acquire(pool, &options, &store->heap), SLH_OK);
}

static slh_status push(struct store *store)
{
  slh_ref node = SLH_NULL;
  slh_status status = slh_new_struct(store->heap, pooled.node, &node);

  if (status != SLH_OK)
    return status;
  slh_set_i32(store->heap, node, HELPER_VALUE, store->length++);
  slh_set_ref(store->heap, node, HELPER_LEFT, store->list);
  store->list = node;
  return SLH_OK;
}

static void fill_store(struct store *store, int32_t nodes)
{
  while (nodes-- > 0)
    REQUIRE_EQUAL(push(store), SLH_OK);
}

static void check_store(const struct store *store)
{
  slh_ref at = store->list;

  for (int32_t i = store->length; i-- > 0; at = slh_get_ref(store->heap, at, HELPER_LEFT))
    REQUIRE_EQUAL(slh_get_i32(store->heap, at, HELPER_VALUE), i);
  REQUIRE(slh_is_null(at));
}

/* A whole store in a slot that was used before. */
static void serve(slh_pool *pool)
{
  struct store store;

  open_store(&store, pool);
  pooled_check_zero(store.heap);
  fill_store(&store, NODES);
  REQUIRE_EQUAL(slh_heap_collect(store.heap, NULL), SLH_OK);
  check_store(&store);
  slh_heap_release(store.heap);
}

static slh_pool_options wide(void)
{
  slh_pool_options options = helper_pool_options(4);

  options.max_heap_bytes = 16 * POOLED_MIB;
  return options;
}

static slh_pool_options dense(uint64_t slots)
{
  slh_pool_options options = helper_pool_options(slots);

  options.kind = SLH_POOL_DENSE;
  options.slot_bytes = POOLED_MIB;
  options.max_heap_bytes = POOLED_MIB;
  return options;
}

/* ---- what is refused ---- */

/* Says what and why, and leaves nothing behind. */
static void expect_no_pool(const slh_pool_options *options, slh_status expected, const char *what,
                           const char *why)
{
  struct footprint before = footprint_take(), after;
  slh_pool *pool = NULL;
  slh_error error;
  slh_status status;

  memset(&error, 0x5a, sizeof error);
  status = slh_pool_new(options, &pool, &error);
  after = footprint_take();
  REQUIRE_EQUAL(status, expected);
  REQUIRE(!pool && error.status == status);
  REQUIRE(strstr(error.message, what) != NULL && strstr(error.message, why) != NULL);
  REQUIRE_EQUAL(error.os_errno, status == SLH_E_NOMEM ? ENOMEM : 0);
  footprint_require_equal(&before, &after);
}

static void expect_pool(const slh_pool_options *options)
{
  slh_error error = {0};
  slh_pool *pool = NULL;

  if (slh_pool_new(options, &pool, &error) != SLH_OK) {
    fprintf(stderr, "%s\n", error.message);
    REQUIRE(pool != NULL);
  }
  serve(pool);
  slh_pool_free(pool);
}

static rlim_t set_limit(int resource, rlim_t value)
{
  struct rlimit limit;
  rlim_t before;

  REQUIRE_EQUAL(getrlimit((__rlimit_resource_t)resource, &limit), 0);
  before = limit.rlim_cur;
  limit.rlim_cur = value;
  REQUIRE_EQUAL(setrlimit((__rlimit_resource_t)resource, &limit), 0);
  return before;
}

static void run(void (*work)(void *context))
{
  int status;

  if (HELPER_SANITIZED)
    skip(); /* they need memory of their own */
  status = helper_in_child(work, NULL);
  if (status == NOT_HERE << 8)
    skip();
  assert_int_equal(status, 0);
}

/* ---- RLIMIT_AS ---- */

static void exhaust_addresses(void *context)
{
  slh_pool_options options = wide(), smaller;
  slh_pool *pool = helper_pool(&options);
  uint64_t used;
  rlim_t before;

  (void)context;
  serve(pool);
  used = footprint_take().bytes;
  before = set_limit(RLIMIT_AS, used + 64 * POOLED_MIB);
  expect_no_pool(NULL, SLH_E_LIMIT, "1000 slots", "address space");
  /* Less than the limit, but more than is left of it. */
  smaller = dense(128);
  expect_no_pool(&smaller, SLH_E_NOMEM, "reserving", "Cannot allocate memory");
  smaller = dense(16);
  expect_pool(&smaller);
  (void)set_limit(RLIMIT_AS, used);
  expect_no_pool(&smaller, SLH_E_NOMEM, "mapping", "Cannot allocate memory");
  /* What is reserved already is there to be used. */
  for (int i = 0; i < 10; i++)
    serve(pool);
  (void)set_limit(RLIMIT_AS, before);
  expect_pool(NULL);
  slh_pool_free(pool);
}

static void test_address_space(void **state)
{
  (void)state;
  run(exhaust_addresses);
}

/* ---- RLIMIT_DATA, as strict overcommit ---- */

/* One page: whatever would be more than there is now is refused. */
#define NO_MORE 4096

/* The heap is as before, and the space for collecting it was not lost. */
static void expect_no_growth(struct store *store)
{
  slh_heap_stats before, after;
  slh_ref ref = SLH_NULL;

  slh_heap_get_stats(store->heap, &before);
  REQUIRE_EQUAL(slh_heap_grow(store->heap, 4 * POOLED_MIB), SLH_E_NOMEM);
  REQUIRE_EQUAL(slh_new_array(store->heap, pooled.bytes, 4 * POOLED_MIB, &ref), SLH_E_NOMEM);
  slh_heap_get_stats(store->heap, &after);
  REQUIRE_EQUAL(before.accessible, after.accessible);
  check_store(store);
}

static void commit_no_more(void *context)
{
  slh_pool_options options = wide(), other = dense(4);
  slh_pool *pool = helper_pool(&options);
  slh_heap *more;
  slh_ref ref = SLH_NULL;
  struct store store, fresh;
  rlim_t before;

  (void)context;
  open_store(&store, pool);
  fill_store(&store, NODES);
  serve(pool);
  before = set_limit(RLIMIT_DATA, NO_MORE);
  if (mmap(NULL, NO_MORE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED)
    _exit(NOT_HERE); /* before Linux 4.7 */
  expect_no_growth(&store);
  expect_no_pool(&other, SLH_E_NOMEM, "mapping", "Cannot allocate memory");
  expect_no_pool(&options, SLH_E_NOMEM, "mapping", "Cannot allocate memory");
  REQUIRE_EQUAL(slh_heap_collect(store.heap, NULL), SLH_OK); /* in a space that is there */
  check_store(&store);
  for (int i = 0; i < 10; i++)
    serve(pool); /* in a slot that is there */
  /* Two slots are there; a third one is not. */
  open_store(&fresh, pool);
  more = pooled_take(pool);
  REQUIRE_EQUAL(slh_new_struct(more, pooled.node, &ref), SLH_E_NOMEM);
  slh_heap_release(more);
  (void)set_limit(RLIMIT_DATA, before);
  REQUIRE_EQUAL(slh_heap_grow(store.heap, 4 * POOLED_MIB), SLH_OK);
  check_store(&store);
  slh_heap_release(store.heap);
  slh_heap_release(fresh.heap);
  expect_pool(&other);
  slh_pool_free(pool);
}

static void test_no_more_can_be_committed(void **state)
{
  (void)state;
  run(commit_no_more);
}

/* ---- vm.max_map_count ---- */

#define MOST_MAPPINGS 300000 /* more would take too long */

struct filler {
  char *memory;
  uint64_t bytes, used;
  uint64_t page;
};

/* Neighbours of different protection are mappings of their own. */
static void fill_mappings(struct filler *filler)
{
  uint64_t limit = slhi_os_mapping_limit();
  void *memory;

  if (limit > MOST_MAPPINGS)
    _exit(NOT_HERE);
  filler->page = pooled_page();
  filler->bytes = 2 * limit * filler->page;
  memory = mmap(NULL, filler->bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  REQUIRE(memory != MAP_FAILED);
  filler->memory = memory;
  for (filler->used = filler->page; filler->used < filler->bytes; filler->used += 2 * filler->page)
    if (mprotect(filler->memory + filler->used, filler->page, PROT_READ))
      break;
  REQUIRE(errno == ENOMEM);
  /* There may be one left: at an end, a page makes one more. */
  (void)mprotect(filler->memory + filler->bytes - filler->page, filler->page, PROT_READ);
}

static void free_mappings(const struct filler *filler)
{
  REQUIRE_EQUAL(munmap(filler->memory, filler->bytes), 0);
}

static void exhaust_mappings(void *context)
{
  slh_pool_options options = wide(), other = dense(4);
  slh_pool *pool = helper_pool(&options), *many = helper_pool(&other);
  struct filler filler = {0};
  struct store store, fresh;
  slh_heap *held;

  (void)context;
  open_store(&store, pool);
  fill_store(&store, NODES);
  serve(pool);
  serve(many);
  fill_mappings(&filler);
  expect_no_pool(&options, SLH_E_NOMEM, "", "Cannot allocate memory");
  for (int i = 0; i < 3; i++) {
    serve(pool); /* in a slot whose mapping is there */
    serve(many); /* whose slots need none of their own */
  }
  REQUIRE_EQUAL(slh_heap_collect(store.heap, NULL), SLH_OK);
  check_store(&store);
  /* Each slot that is used for the first time needs one. */
  held = pooled_take(pool);
  open_store(&fresh, pool);
  REQUIRE_EQUAL(push(&fresh), SLH_E_NOMEM);
  check_store(&store);
  free_mappings(&filler);
  fill_store(&fresh, NODES);
  slh_heap_release(held);
  slh_heap_release(fresh.heap);
  slh_heap_release(store.heap);
  slh_pool_free(many);
  slh_pool_free(pool);
  expect_pool(&options);
}

static void test_mappings(void **state)
{
  (void)state;
  run(exhaust_mappings);
}

/* Pools that lie side by side are one mapping to the kernel where they can be, and to
 * take one out of the middle takes one more. */
static void free_without_mappings(void *context)
{
  slh_pool_options options = wide();
  struct footprint before, after;
  struct filler filler = {0};
  slh_pool *pools[8];

  (void)context;
  before = footprint_take();
  for (int i = 0; i < 8; i++)
    pools[i] = helper_pool(&options);
  fill_mappings(&filler);
  for (int i = 1; i < 8; i += 2)
    slh_pool_free(pools[i]);
  for (int i = 0; i < 8; i += 2)
    slh_pool_free(pools[i]);
  free_mappings(&filler);
  slh_pool_free(helper_pool(&options)); /* and what could not be unmapped before */
  after = footprint_take();
  footprint_require_equal(&before, &after);
}

static void test_freeing_without_mappings(void **state)
{
  (void)state;
  run(free_without_mappings);
}

/* ---- a memory cgroup ---- */

#define GROUP_BYTES (96 * POOLED_MIB)
#define BUDGET (32 * POOLED_MIB)
#define PIECE (1 * POOLED_MIB)
#define GREEDY 4

static char group[256]; /* its folder */

static bool write_file(const char *name, const char *text)
{
  char path[512];
  int file;
  bool written;

  snprintf(path, sizeof path, "%s/%s", group, name);
  file = open(path, O_WRONLY | O_CLOEXEC);
  if (file < 0)
    return false;
  written = write(file, text, strlen(text)) == (ssize_t)strlen(text);
  close(file);
  return written;
}

/* In SLOTHEAP_CGROUP, a folder of the first or second version's file system. Not where
 * this process happens to be: that is somebody else's to arrange. */
static bool make_group(void)
{
  const char *parent = getenv("SLOTHEAP_CGROUP");
  char limit[32];

  if (!parent || !*parent)
    return false;
  snprintf(group, sizeof group, "%s/slotheap-test-%d", parent, (int)getpid());
  snprintf(limit, sizeof limit, "%llu", (unsigned long long)GROUP_BYTES);
  if (mkdir(group, 0700) != 0)
    return false;
  if (write_file("memory.max", limit) || write_file("memory.limit_in_bytes", limit))
    return true;
  rmdir(group);
  return false;
}

/* Keeps all of it. */
static slh_status want_more(struct store *store)
{
  slh_ref array = SLH_NULL;
  slh_status status = slh_new_array(store->heap, pooled.bytes, PIECE, &array);

  if (status == SLH_OK)
    memset(slh_address(store->heap, array, SLH_ARRAY_DATA_OFFSET), 0xa5, PIECE);
  return status;
}

/* What all may have ends before what the group has: nobody is killed. */
static void be_greedy(void *context)
{
  slh_pool_options options = wide();
  struct store stores[GREEDY];
  uint64_t pieces = 0;
  slh_pool *pool;

  (void)context;
  if (!write_file("cgroup.procs", "0"))
    _exit(NOT_HERE);
  options.max_heap_bytes = GROUP_BYTES;
  options.budget_bytes = BUDGET;
  pool = helper_pool(&options);
  for (int round = 0; round < 3; round++) {
    for (int i = 0; i < GREEDY; i++)
      open_store(&stores[i], pool);
    for (int i = 0; i < GREEDY; i++) {
      slh_heap_enter_no_gc(stores[i].heap); /* its garbage is what it wants */
      for (slh_status status = SLH_OK; status != SLH_E_POOL_LIMIT; pieces++) {
        status = want_more(&stores[i]);
        REQUIRE(status == SLH_OK || status == SLH_E_POOL_LIMIT);
      }
      slh_heap_leave_no_gc(stores[i].heap);
      REQUIRE_EQUAL(slh_heap_verify(stores[i].heap, NULL, NULL), SLH_OK);
    }
    REQUIRE(pooled_stats(pool).budget_used_bytes <= BUDGET);
    REQUIRE(pooled_resident(pool) < GROUP_BYTES);
    for (int i = 0; i < GREEDY; i++)
      slh_heap_release(stores[i].heap);
    REQUIRE_EQUAL(pooled_stats(pool).budget_used_bytes, 0);
    serve(pool);
  }
  REQUIRE(pieces > 3 * BUDGET / PIECE / 2);
  slh_pool_free(pool);
}

static void test_budget_in_a_cgroup(void **state)
{
  int status;

  (void)state;
  if (!make_group()) {
    print_message("no memory cgroup can be made in $SLOTHEAP_CGROUP\n");
    skip();
  }
  status = helper_in_child(be_greedy, NULL);
  for (int tries = 100; rmdir(group) != 0 && tries > 0; tries--)
    usleep(10000);
  if (status == NOT_HERE << 8)
    skip();
  assert_int_equal(status, 0);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_address_space),      cmocka_unit_test(test_no_more_can_be_committed),
      cmocka_unit_test(test_mappings),           cmocka_unit_test(test_freeing_without_mappings),
      cmocka_unit_test(test_budget_in_a_cgroup),
  };

  helper_zeal = SLH_ZEAL_NEVER;
  footprint_settle();
  return helper_run(tests, pooled_setup, pooled_teardown);
}
