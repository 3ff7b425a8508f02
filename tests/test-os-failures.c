/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Every memory system call fails once, at each place where one is made; and
 * the steady state makes none. */
/* [promise no-calls] */
#include "tests/faults.h"
#include "tests/helper.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pool/os.h"

#define KIB UINT64_C(1024)
#define NODES 6000 /* 96 KB: the slot and the evacuation space both grow */

static slh_pool_options small_options(void)
{
  slh_pool_options options = helper_pool_options(2);

  options.max_heap_bytes = 1024 * KIB;
  options.keep_resident_bytes = 64 * KIB;
  options.keep_evacuation_bytes = 16 * KIB;
  options.max_collections = 1;
  return options;
}

/* ---- a store with one list ---- */

struct store {
  slh_heap *heap;
  slh_ref list;
  int32_t length;
};

static void enumerate(void *host, slh_heap *heap, slh_roots *roots)
{
  struct store *store = host;

  (void)heap;
  slh_roots_add(roots, SLH_ROOT_OTHER, &store->list, 1, "list");
}

static slh_status open_store(slh_pool *pool, slh_runtime *runtime, struct store *store)
{
  slh_heap_options options = SLH_HEAP_OPTIONS_INIT;

  store->list = SLH_NULL;
  store->length = 0;
  options.runtime = runtime;
  options.initial_bytes = 32 * KIB;
  options.enumerate_roots = enumerate;
  options.host = store;
  return slh_heap_acquire(pool, &options, &store->heap);
}

static slh_status push(struct store *store, const slh_type *node)
{
  slh_ref ref = {0};
  slh_status status = slh_new_struct(store->heap, node, &ref);

  if (status != SLH_OK)
    return status;
  assert_int_equal(slh_get_i32(store->heap, ref, HELPER_VALUE), 0);
  slh_init_ref(store->heap, ref, HELPER_LEFT, store->list);
  slh_set_i32(store->heap, ref, HELPER_VALUE, store->length++);
  store->list = ref;
  return SLH_OK;
}

static void check_store(const struct store *store)
{
  slh_error error = {0};
  slh_status status = slh_heap_verify(store->heap, NULL, &error);
  slh_ref at = store->list;

  if (status != SLH_OK)
    fail_msg("%s: %s", slh_status_name(status), error.message);
  for (int32_t i = store->length; i-- > 0; at = slh_get_ref(store->heap, at, HELPER_LEFT))
    assert_int_equal(slh_get_i32(store->heap, at, HELPER_VALUE), i);
  assert_true(slh_is_null(at));
}

/* ---- a run in which some calls fail ---- */

struct run {
  slh_runtime *runtime;
  const slh_type *node;
  uint64_t failed; /* calls, until now */
  uint64_t errors; /* statuses that were not SLH_OK */
};

/* After each step: a failure must have a fault to explain it, and be the
 * right one. Then the system works again, and so must the step. */
static bool must_retry(struct run *run, slh_status status, slh_status allowed)
{
  if (status == SLH_OK)
    return false;
  assert_int_equal(status, allowed);
  assert_true(faults_end() > 0);
  run->errors++;
  return true;
}

static slh_pool *open_pool(struct run *run)
{
  slh_pool_options options = small_options();
  int64_t mapped = faults_mapped_bytes();
  int64_t mappings = faults_mappings();
  slh_pool *pool = NULL;
  slh_error error = {0};

  if (must_retry(run, slh_pool_new(&options, &pool, &error), SLH_E_NOMEM)) {
    assert_null(pool);
    assert_int_equal(error.status, SLH_E_NOMEM);
    assert_int_equal(error.os_errno, ENOMEM);
    assert_non_null(strstr(error.message, "Cannot allocate memory"));
    assert_int_equal(faults_mapped_bytes(), mapped);
    assert_int_equal(faults_mappings(), mappings);
    assert_int_equal(slh_pool_new(&options, &pool, NULL), SLH_OK);
  }
  return pool;
}

static void fill_store(struct run *run, struct store *store)
{
  while (store->length < NODES) {
    if (must_retry(run, push(store, run->node), SLH_E_NOMEM)) {
      check_store(store);
      assert_int_equal(push(store, run->node), SLH_OK);
    }
  }
  if (must_retry(run, slh_heap_grow(store->heap, 256 * KIB), SLH_E_NOMEM)) {
    check_store(store);
    assert_int_equal(slh_heap_grow(store->heap, 256 * KIB), SLH_OK);
  }
  check_store(store);
}

static void collect_store(struct run *run, struct store *store)
{
  if (must_retry(run, slh_heap_collect(store->heap, NULL), SLH_E_NOMEM)) {
    check_store(store);
    assert_int_equal(slh_heap_collect(store->heap, NULL), SLH_OK);
  }
  check_store(store);
}

/* All zero, which verify checks: the heap is empty. */
static void check_next_store(struct run *run, slh_pool *pool)
{
  struct store store;

  assert_int_equal(open_store(pool, run->runtime, &store), SLH_OK);
  check_store(&store);
  slh_heap_release(store.heap);
}

static void measure_pool(struct run *run, slh_pool *pool)
{
  uint64_t slots, spaces;

  if (must_retry(run, slh_pool_resident(pool, &slots, &spaces), SLH_E_SYSTEM))
    assert_int_equal(slh_pool_resident(pool, &slots, &spaces), SLH_OK);
}

static void check_pool(slh_pool *pool)
{
  slh_pool_stats stats;

  slh_pool_get_stats(pool, &stats);
  assert_int_equal(stats.slots_in_use, 0);
  assert_int_equal(stats.evacuation_in_use, 0);
}

/* The whole life of a pool. */
static void live(struct run *run)
{
  slh_pool *pool = open_pool(run);
  struct store store, other;

  assert_int_equal(open_store(pool, run->runtime, &store), SLH_OK);
  assert_int_equal(open_store(pool, run->runtime, &other), SLH_OK);
  fill_store(run, &store);
  collect_store(run, &store);
  fill_store(run, &other);
  measure_pool(run, pool);
  slh_heap_reset(other.heap);
  other.list = SLH_NULL;
  other.length = 0;
  fill_store(run, &other);
  check_store(&store);
  slh_heap_release(store.heap);
  slh_heap_release(other.heap);
  check_next_store(run, pool);
  check_pool(pool);
  slh_pool_free(pool);
}

static void live_with_faults(struct run *run, unsigned which, uint64_t pass, uint64_t count)
{
  int64_t mapped = faults_mapped_bytes();
  int64_t mappings = faults_mappings();
  uint64_t errors = run->errors;

  faults_fail(which, pass, count, ENOMEM);
  live(run);
  run->failed = faults_end();
  run->failed += run->errors - errors; /* where must_retry ended the faults */
  assert_int_equal(faults_mapped_bytes(), mapped);
  assert_int_equal(faults_mappings(), mappings);
}

/* Fails the k-th call, or `count` from the k-th on, for each k there is. */
static void fail_each(struct run *run, unsigned which, uint64_t count, bool expect_errors)
{
  uint64_t k = 0;

  run->errors = 0;
  do
    live_with_faults(run, which, k++, count);
  while (run->failed > 0);
  assert_true(k > 2);
  assert_int_equal(run->errors > 0, expect_errors);
}

static int open_run(void **state)
{
  static struct run run;

  run.runtime = helper_runtime(NULL);
  run.node = helper_node_type(run.runtime);
  *state = &run;
  return 0;
}

static int close_run(void **state)
{
  struct run *run = *state;

  slh_runtime_free(run->runtime);
  return 0;
}

static void test_each_call_fails(void **state)
{
  fail_each(*state, OS_ALL, 1, true);
}

static void test_each_two_calls_fail(void **state)
{
  fail_each(*state, OS_ALL, 2, true);
}

static void test_all_calls_fail_from_one_on(void **state)
{
  fail_each(*state, OS_ALL, UINT64_MAX, true);
}

static void test_each_mmap_fails(void **state)
{
  fail_each(*state, OS_MMAP, 1, true);
}

static void test_each_mprotect_fails_for_good(void **state)
{
  fail_each(*state, OS_MPROTECT, UINT64_MAX, true);
}

/* These have no status to give: what they would have done is done otherwise,
 * or makes no difference. */
static void test_silent_calls_fail(void **state)
{
  fail_each(*state, OS_MADVISE | OS_MUNMAP, 1, false);
  fail_each(*state, OS_MADVISE | OS_MUNMAP, UINT64_MAX, false);
}

/* Of heaps and of spaces: a count that could not be made is no count. */
static void test_resident_fails(void **state)
{
  struct run *run = *state;
  slh_pool_options options = small_options();
  slh_pool *pool = helper_pool(&options);
  uint64_t slots = 7, spaces = 7;
  struct store store;

  assert_int_equal(open_store(pool, run->runtime, &store), SLH_OK);
  fill_store(run, &store);
  collect_store(run, &store);
  for (uint64_t pass = 0; pass < 2; pass++) {
    faults_fail(OS_MINCORE, pass, 1, ENOMEM);
    assert_int_equal(slh_pool_resident(pool, &slots, &spaces), SLH_E_SYSTEM);
    assert_int_equal(faults_end(), 1);
    assert_true(slots == 7 && spaces == 7);
  }
  assert_int_equal(slh_pool_resident(pool, &slots, NULL), SLH_OK);
  assert_true(slots >= 16 * NODES);
  slh_heap_release(store.heap);
  slh_pool_free(pool);
}

static void test_no_thread_for_decay(void **state)
{
  slh_pool_options options = small_options();
  slh_pool *pool = NULL;
  slh_error error = {0};

  (void)state;
  options.decay_ms = 1;
  options.decay_thread = true;
  faults_fail(OS_THREAD, 0, 1, EAGAIN);
  assert_int_equal(slh_pool_new(&options, &pool, &error), SLH_E_NOMEM);
  assert_int_equal(faults_end(), 1);
  assert_non_null(strstr(error.message, "thread"));
  assert_null(pool);
  slh_pool_free(helper_pool(&options));
}

/* ---- the steady state ---- */

/* One store of a few thousand nodes. */
static void serve(const struct run *run, slh_pool *pool, bool collect)
{
  struct store store;

  REQUIRE_EQUAL(open_store(pool, run->runtime, &store), SLH_OK);
  for (int i = 0; i < 2000; i++) {
    slh_ref ref = {0};

    REQUIRE_EQUAL(slh_alloc_struct(store.heap, run->node, &ref), SLH_OK);
    slh_init_ref(store.heap, ref, HELPER_LEFT, store.list);
    if (i % 2)
      store.list = ref;
  }
  if (collect)
    REQUIRE_EQUAL(slh_heap_collect(store.heap, NULL), SLH_OK);
  slh_heap_release(store.heap);
}

static void test_warm_store_makes_no_calls(void **state)
{
  for (int collect = 0; collect < 2; collect++) {
    slh_pool_options options = small_options();
    slh_pool *pool;
    uint64_t calls;

    options.keep_evacuation_bytes = 64 * KIB;
    pool = helper_pool(&options);
    serve(*state, pool, collect);
    calls = faults_calls(OS_ALL);
    for (int i = 0; i < 100; i++)
      serve(*state, pool, collect);
    assert_int_equal(faults_calls(OS_ALL), calls);
    slh_pool_free(pool);
  }
}

/* From here on the kernel kills at any system call but read, write, exit. */
static void serve_in_jail(const struct run *run, slh_pool *pool)
{
  serve(run, pool, true);
  serve(run, pool, true);
  if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT))
    _exit(77);
  for (int i = 0; i < 100; i++)
    serve(run, pool, i % 2);
  syscall(SYS_exit, 0);
}

/* No system calls of any kind, not only those that map memory. */
static void test_warm_store_in_a_jail(void **state)
{
  slh_pool_options options = small_options();
  slh_pool *pool;
  pid_t child;
  int status;

  if (HELPER_SANITIZED)
    skip();
  options.keep_evacuation_bytes = 64 * KIB;
  pool = helper_pool(&options);
  child = fork();
  assert_true(child >= 0);
  if (child == 0)
    serve_in_jail(*state, pool);
  assert_int_equal(waitpid(child, &status, 0), child);
  slh_pool_free(pool);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
    skip(); /* a kernel without it */
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
    fail_msg("the child's status is %#x", (unsigned)status);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_each_call_fails),
      cmocka_unit_test(test_each_two_calls_fail),
      cmocka_unit_test(test_all_calls_fail_from_one_on),
      cmocka_unit_test(test_each_mmap_fails),
      cmocka_unit_test(test_each_mprotect_fails_for_good),
      cmocka_unit_test(test_silent_calls_fail),
      cmocka_unit_test(test_resident_fails),
      cmocka_unit_test(test_no_thread_for_decay),
      cmocka_unit_test(test_warm_store_makes_no_calls),
      cmocka_unit_test(test_warm_store_in_a_jail),
  };

  if (!slhi_os_has(SLHI_OS_RESIDENT))
    return helper_skip("this system does not tell what is in memory");
  helper_zeal = SLH_ZEAL_NEVER; /* each of many failures, with all before it */
  return helper_run(tests, open_run, close_run);
}
