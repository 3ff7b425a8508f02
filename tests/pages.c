/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Pages, what each should hold, and giving them back by all engines. */
#include "tests/pages.h"
#include "tests/helper.h"

#include <stdio.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "pool/os.h"

void pages_fill(struct pages *pages, uint32_t first, uint32_t count, unsigned char byte)
{
  memset(pages->memory + first * pages->page, byte, count * pages->page);
  memset(pages->model + first, byte, count);
}

void pages_open(struct pages *pages, uint32_t count)
{
  void *memory;

  REQUIRE(count <= PAGES_MAX);
  pages->page = slhi_os_page_size();
  pages->count = count;
  REQUIRE_EQUAL(slhi_os_map(count * pages->page, &memory), 0);
  pages->memory = memory;
  for (uint32_t i = 0; i < count; i++)
    pages_fill(pages, i, 1, (unsigned char)(1 + i % 255));
}

void pages_close(struct pages *pages)
{
  slhi_os_unmap(pages->memory, pages->count * pages->page);
}

void pages_expect_zero(struct pages *pages, const struct slhi_range *ranges, uint32_t count)
{
  for (uint32_t i = 0; i < count; i++)
    memset(pages->model + (uint64_t)(ranges[i].start - pages->memory) / pages->page, 0,
           ranges[i].bytes / pages->page);
}

void pages_check(const struct pages *pages)
{
  for (uint32_t i = 0; i < pages->count; i++) {
    const char *page = pages->memory + i * pages->page;

    REQUIRE_EQUAL((unsigned char)*page, pages->model[i]);
    REQUIRE(memcmp(page, page + 1, pages->page - 1) == 0);
  }
}

struct slhi_range pages_range(const struct pages *pages, uint32_t first, uint32_t count)
{
  return (struct slhi_range){pages->memory + first * pages->page, count * pages->page, NULL};
}

uint32_t pages_random(const struct pages *pages, uint64_t *random, struct slhi_range *out,
                      uint32_t most)
{
  uint32_t at = 1 + (uint32_t)helper_below(random, 8);
  uint32_t count = 0;

  for (; count < most && at < pages->count - 1; count++) {
    uint32_t length = 1 + (uint32_t)helper_below(random, 4);

    if (length > pages->count - 1 - at)
      length = pages->count - 1 - at;
    out[count] = pages_range(pages, at, length);
    at += length + (helper_one_in(random, 2) ? 0 : (uint32_t)helper_below(random, 8));
  }
  for (uint32_t i = count; i > 1; i--) {
    uint32_t other = (uint32_t)helper_below(random, i);
    struct slhi_range range = out[i - 1];

    out[i - 1] = out[other];
    out[other] = range;
  }
  return count;
}

bool pages_lock(const struct slhi_range *range)
{
  return syscall(SYS_mlock, range->start, range->bytes) == 0;
}

void pages_unlock(const struct slhi_range *range)
{
  REQUIRE_EQUAL(syscall(SYS_munlock, range->start, range->bytes), 0);
}

uint64_t pages_resident(const struct pages *pages)
{
  uint64_t bytes;

  REQUIRE_EQUAL(slhi_os_resident(pages->memory, pages->count * pages->page, &bytes), 0);
  return bytes;
}

bool pages_kernel_at_least(unsigned major, unsigned minor)
{
  struct utsname name;
  unsigned numbers[2];

  REQUIRE_EQUAL(uname(&name), 0);
  REQUIRE_EQUAL(sscanf(name.release, "%u.%u", &numbers[0], &numbers[1]), 2);
  return numbers[0] > major || (numbers[0] == major && numbers[1] >= minor);
}

void pages_open_engine(struct decommit *decommit, slh_decommit wish)
{
  memset(decommit, 0xee, sizeof *decommit);
  REQUIRE_EQUAL(slhi_decommit_open(decommit, wish, NULL), SLH_OK);
  REQUIRE_EQUAL(pages_counted(decommit), 0);
  REQUIRE_EQUAL(decommit->counts.failures, 0);
}

uint64_t pages_counted(const struct decommit *decommit)
{
  uint64_t bytes = 0;

  for (int i = 0; i < SLH_DECOMMIT_ENGINES; i++)
    bytes += decommit->counts.bytes[i];
  return bytes;
}

#define GIVEN_PAGES 128
#define GIVEN_RANGES 100

/* Random ranges by one engine, all in one call or one after the other off
 * this thread; and nothing beside them. */
static void give_back_some(struct decommit *decommit, struct pages *pages, uint64_t *random)
{
  struct slhi_range ranges[GIVEN_RANGES];
  uint32_t count =
      pages_random(pages, random, ranges, 1 + (uint32_t)helper_below(random, GIVEN_RANGES));
  uint64_t bytes = pages_counted(decommit);
  void *owner;

  for (uint32_t i = 0; i < count; i++)
    bytes += ranges[i].bytes;
  pages_fill(pages, 1, GIVEN_PAGES - 2, (unsigned char)(1 + helper_below(random, 255)));
  pages_expect_zero(pages, ranges, count);
  if (helper_one_in(random, 2)) {
    slhi_decommit_now(decommit, ranges, count);
  } else {
    for (uint32_t i = 0; i < count; i++)
      if (!slhi_decommit_start(decommit, &ranges[i]))
        slhi_decommit_now(decommit, &ranges[i], 1);
    while (slhi_decommit_reap(decommit, &owner, 1, true) > 0)
      continue;
  }
  pages_check(pages);
  REQUIRE_EQUAL(pages_counted(decommit), bytes);
}

void pages_give_back_by_all(uint64_t *random, uint64_t rounds)
{
  struct pages pages;

  pages_open(&pages, GIVEN_PAGES);
  for (int engine = 0; engine < SLH_DECOMMIT_ENGINES; engine++) {
    struct decommit decommit;

    pages_open_engine(&decommit, (slh_decommit)engine);
    for (uint64_t i = 0; i < rounds; i++)
      give_back_some(&decommit, &pages, random);
    slhi_decommit_close(&decommit);
  }
  pages_close(&pages);
}
