/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Under filters of system calls, as sandboxes and containers have them, the
 * ranges are zero all the same, and pools live. */
#include "tests/faults.h"
#include "tests/footprint.h"
#include "tests/helper.h"
#include "tests/life.h"
#include "tests/pages.h"
#include "tests/pooled.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static uint64_t child_random;

struct filter {
  int numbers[4]; /* of the calls it refuses; 0 ends them */
  int error;
  bool late; /* installed after it has been found out what there is */
};

static void install(const struct filter *filter)
{
  struct sock_filter code[16] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
  };
  struct sock_fprog program = {1, code};

  for (int i = 0; i < 4 && filter->numbers[i]; i++) {
    code[program.len++] =
        (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)filter->numbers[i], 0, 1);
    code[program.len++] =
        (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)filter->error);
  }
  code[program.len++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
      prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
    _exit(77);
}

static bool refuses(const struct filter *filter, int number)
{
  for (int i = 0; i < 4; i++)
    if (filter->numbers[i] == number)
      return true;
  return false;
}

/* Nothing of it is refused. */
static void live_with_every_engine(void)
{
  for (int i = 0; i < 2 * SLH_DECOMMIT_ENGINES; i++) {
    struct life_options options = {.kind = i % 2 ? SLH_POOL_DENSE : SLH_POOL_WIDE,
                                   .engine = (slh_decommit)(i / 2),
                                   .fork = i < 2};
    struct meter meter;

    (void)meter_allocator(&meter);
    REQUIRE_EQUAL(life_run(&options, &meter), 0);
  }
}

static void live_under(void *context)
{
  const struct filter *filter = context;

  alarm(100);
  footprint_settle();
  if (filter->late) {
    for (int engine = 0; engine < SLH_DECOMMIT_ENGINES; engine++)
      slh_decommit_available((slh_decommit)engine);
    live_with_every_engine();
  }
  install(filter);
  if (!filter->late) {
    REQUIRE(!refuses(filter, SYS_madvise) || !slh_decommit_available(SLH_DECOMMIT_MADVISE));
    REQUIRE(!refuses(filter, SYS_process_madvise) || !slh_decommit_available(SLH_DECOMMIT_BATCH));
    REQUIRE(!refuses(filter, SYS_io_uring_setup) || !slh_decommit_available(SLH_DECOMMIT_URING));
    REQUIRE(!refuses(filter, SYS_io_uring_enter) || !slh_decommit_available(SLH_DECOMMIT_URING));
  }
  pages_give_back_by_all(&child_random, 16);
  live_with_every_engine();
}

static void test_filters(void **state)
{
  static const int lists[][4] = {
      {SYS_io_uring_setup},
      {SYS_io_uring_enter},
      {SYS_process_madvise},
      {SYS_madvise},
      {SYS_madvise, SYS_process_madvise},
      {SYS_membarrier},
      {SYS_madvise, SYS_process_madvise, SYS_io_uring_setup, SYS_io_uring_enter},
  };

  child_random = helper_seed();
  for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
    for (int which = 0; which < 4; which++) {
      struct filter filter = {.error = which & 1 ? EPERM : ENOSYS, .late = which & 2};
      int status;

      memcpy(filter.numbers, lists[i], sizeof filter.numbers);
      status = helper_in_child(live_under, &filter);
      if (status == 77 << 8)
        skip(); /* a kernel without it */
      assert_int_equal(status, 0);
    }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_filters),
  };

  if (!faults_reach_decommit())
    return helper_skip("pages do not go back by calls that are refused here");
  helper_zeal = SLH_ZEAL_NEVER;
  return helper_run(tests, pooled_setup, pooled_teardown);
}
