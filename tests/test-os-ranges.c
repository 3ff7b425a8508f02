/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* What the port does to ranges of memory beside mapping them. */
#include "tests/helper.h"
#include "tests/pages.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#include "pool/os.h"

static uint64_t page;

static char *map(uint64_t bytes)
{
  void *memory;

  assert_int_equal(slhi_os_map(bytes, &memory), 0);
  return memory;
}

static uint64_t resident(char *memory, uint64_t bytes)
{
  uint64_t out;

  assert_int_equal(slhi_os_resident(memory, bytes, &out), 0);
  return out;
}

static void touch(void *context)
{
  *(volatile char *)context = 1;
}

static bool faults(char *address)
{
  int status = helper_in_child(touch, address);

  if (status == 0)
    return false;
#if HELPER_SANITIZED
  assert_true(WIFEXITED(status) || WIFSIGNALED(status));
#else
  assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
#endif
  return true;
}

/* ---- many ranges ---- */

/* More of them than the system takes in one call. */
static void test_many(void **state)
{
  enum {
    RANGES = 3000
  };
  static struct iovec ranges[RANGES];
  char *memory = map(2 * RANGES * page);

  if (!slhi_os_has(SLHI_OS_DECOMMIT_MANY))
    skip();
  memset(memory, 1, 2 * RANGES * page);
  for (uint64_t i = 0; i < RANGES; i++)
    ranges[i] = (struct iovec){memory + 2 * i * page, page};
  assert_int_equal(slhi_os_decommit_many(ranges, RANGES), 0);
  for (uint64_t i = 0; i < 2 * RANGES; i++)
    assert_int_equal(memory[i * page], i % 2);
  for (uint64_t i = 0; i < RANGES; i++)
    assert_int_equal(ranges[i].iov_len, 0);
  slhi_os_unmap(memory, 2 * RANGES * page);
}

/* More bytes than the system takes in one call: 2 GiB less a page. */
static void test_large(void **state)
{
  uint64_t bytes = UINT64_C(3) << 30;
  char *memory = map(2 * bytes);
  struct iovec ranges[] = {{memory, bytes}, {memory + bytes + page, bytes - page}};

  if (!slhi_os_has(SLHI_OS_DECOMMIT_MANY))
    skip();
  memory[0] = memory[bytes - 1] = memory[bytes] = memory[2 * bytes - 1] = 1;
  memory[(UINT64_C(2) << 30) - page] = 1;
  assert_int_equal(slhi_os_decommit_many(ranges, 2), 0);
  assert_int_equal(memory[0] | memory[bytes - 1] | memory[2 * bytes - 1], 0);
  assert_int_equal(memory[(UINT64_C(2) << 30) - page], 0);
  assert_int_equal(memory[bytes], 1);
  slhi_os_unmap(memory, 2 * bytes);
}

/* What is left over starts where the system stopped. */
static void test_stops(void **state)
{
  char *memory = map(8 * page);
  struct iovec ranges[] = {{memory, 2 * page}, {memory + 4 * page, 3 * page}};

  if (!slhi_os_has(SLHI_OS_DECOMMIT_MANY))
    skip();
  memset(memory, 1, 8 * page);
  slhi_os_unmap(memory + 5 * page, page);
  assert_int_not_equal(slhi_os_decommit_many(ranges, 2), 0);
  assert_int_equal(ranges[0].iov_len, 0);
  assert_int_equal(memory[0] | memory[page], 0);
  assert_int_equal(memory[2 * page], 1);
  assert_true(ranges[1].iov_len > 0);
  slhi_os_unmap(memory, 5 * page);
  slhi_os_unmap(memory + 6 * page, 2 * page);
}

/* ---- into memory ---- */

static void test_populate(void **state)
{
  char *memory = map(64 * page);

  if (!slhi_os_has(SLHI_OS_POPULATE))
    skip();
  memory[9 * page] = 9;
  assert_int_equal(slhi_os_populate(memory + 8 * page, 16 * page), 0);
  assert_int_equal(resident(memory, 64 * page), 16 * page);
  assert_int_equal(memory[9 * page], 9);
  assert_int_equal(memory[8 * page], 0);
  slhi_os_unmap(memory, 64 * page);
}

/* Advice: it may have no effect, but does no harm. */
static void test_huge(void **state)
{
  uint64_t bytes = UINT64_C(4) << 20;
  char *memory = map(bytes);
  int failed = slhi_os_huge(memory, bytes, true);

  assert_true(failed == 0 || failed == EINVAL);
  memory[bytes - 1] = 1;
  assert_int_equal(slhi_os_huge(memory, bytes, false), failed);
  assert_int_equal(memory[bytes - 1], 1);
  memory[page] = 1;
  if (!failed)
    assert_int_equal(resident(memory, 4 * page), page);
  slhi_os_unmap(memory, bytes);
}

/* ---- out of reach ---- */

static void test_guard(void **state)
{
  char *memory = map(8 * page);

  if (!slhi_os_has(SLHI_OS_GUARD)) {
    assert_int_not_equal(slhi_os_guard(memory, page), 0);
    skip();
  }
  memset(memory, 1, 8 * page);
  assert_int_equal(slhi_os_guard(memory + 2 * page, 3 * page), 0);
  assert_false(faults(memory + 2 * page - 1));
  assert_true(faults(memory + 2 * page));
  assert_true(faults(memory + 5 * page - 1));
  assert_false(faults(memory + 5 * page));
  assert_int_equal(slhi_os_unguard(memory + 2 * page, 3 * page), 0);
  assert_int_equal(memory[2 * page], 0);
  assert_int_equal(memory[5 * page], 1);
  slhi_os_unmap(memory, 8 * page);
}

static void test_protect_none(void **state)
{
  char *memory = map(4 * page);

  memory[page] = 1;
  assert_int_equal(slhi_os_protect_none(memory + page, page), 0);
  assert_false(faults(memory));
  assert_true(faults(memory + page));
  assert_false(faults(memory + 2 * page));
  assert_int_equal(slhi_os_commit(memory + page, page), 0);
  assert_int_equal(memory[page], 1);
  slhi_os_unmap(memory, 4 * page);
}

/* ---- what is in memory ---- */

/* Where the system does not tell, neither do pools. */
static void test_resident(void **state)
{
  slh_pool *pool = helper_pool(NULL);
  slh_runtime *runtime = helper_runtime(NULL);
  slh_heap *heap = helper_acquire(pool, runtime);
  char *memory = map(4 * page);
  uint64_t bytes;

  assert_int_equal(slh_heap_grow(heap, page), SLH_OK);
  memory[page] = 1;
  if (slhi_os_has(SLHI_OS_RESIDENT)) {
    assert_int_equal(resident(memory, 4 * page), page);
    assert_int_equal(slh_pool_resident(pool, &bytes, NULL), SLH_OK);
  } else {
    assert_int_equal(slhi_os_resident(memory, 4 * page, &bytes), ENOSYS);
    assert_int_equal(slh_pool_resident(pool, &bytes, NULL), SLH_E_UNSUPPORTED);
  }
  slhi_os_unmap(memory, 4 * page);
  slh_heap_release(heap);
  slh_runtime_free(runtime);
  slh_pool_free(pool);
}

/* ---- sealed memory ---- */

static void test_template(void **state)
{
  char *memory = map(4 * page);
  void *template;
  bool sealed;
  int fd, failed;

  if (slhi_os_template_open(3 * page, &fd, &template) != 0)
    skip();
  memset(template, 7, 3 * page);
  assert_int_equal(slhi_os_template_seal(fd, 3 * page, 2 * page, &template, &sealed), 0);
  assert_true(sealed);
  memset(memory, 1, 4 * page);
  assert_int_equal(slhi_os_map_template(memory, 2 * page, fd), 0);
  assert_int_equal(memory[0] + memory[2 * page - 1] + memory[2 * page], 7 + 7 + 1);
  memory[page] = 2;
  assert_int_equal(((char *)template)[page], 7);
  failed = slhi_os_renew_template(memory, 2 * page);
  assert_true(failed == 0 || failed == ENOSYS);
  assert_int_equal(memory[page], failed ? 2 : 7);
  assert_int_equal(slhi_os_unmap_template(memory, 2 * page), 0);
  assert_int_equal(memory[0] | memory[page], 0);
  assert_int_equal(memory[2 * page], 1);
  slhi_os_template_close(fd);
  slhi_os_unmap(template, 2 * page);
  slhi_os_unmap(memory, 4 * page);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_many),         cmocka_unit_test(test_large),
      cmocka_unit_test(test_stops),        cmocka_unit_test(test_populate),
      cmocka_unit_test(test_huge),         cmocka_unit_test(test_guard),
      cmocka_unit_test(test_protect_none), cmocka_unit_test(test_resident),
      cmocka_unit_test(test_template),
  };

  page = slhi_os_page_size();
  return helper_run(tests, NULL, NULL);
}
