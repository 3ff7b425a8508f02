/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Pages with a model of what each holds, for tests of giving pages back. What
 * is wrong aborts, so that it can be used in children and threads. */
#ifndef SLOTHEAP_TESTS_PAGES_H
#define SLOTHEAP_TESTS_PAGES_H

#include "pool/decommit.h"

#define PAGES_MAX 4096

struct pages {
  char *memory;
  uint64_t page; /* bytes of one */
  uint32_t count;
  unsigned char model[PAGES_MAX]; /* what every byte of a page is */
};

/* Fresh pages, filled: no two neighbours with the same, none with zero. */
void pages_open(struct pages *pages, uint32_t count);
void pages_close(struct pages *pages);

void pages_fill(struct pages *pages, uint32_t first, uint32_t count, unsigned char byte);

/* From now on these are expected to be zero. */
void pages_expect_zero(struct pages *pages, const struct slhi_range *ranges, uint32_t count);

/* Every byte is as expected. */
void pages_check(const struct pages *pages);

struct slhi_range pages_range(const struct pages *pages, uint32_t first, uint32_t count);

/* Ranges of random lengths that do not overlap, in random order, some of them
 * neighbours; never the first and the last page. Returns how many. */
uint32_t pages_random(const struct pages *pages, uint64_t *random, struct slhi_range *out,
                      uint32_t most);

/* Locks memory, so that the kernel will not take it back, and unlocks it. Not
 * by mlock, which sanitizers make do nothing. False where a limit forbids it. */
bool pages_lock(const struct slhi_range *range);
void pages_unlock(const struct slhi_range *range);

/* Bytes in physical memory. Reading maps pages: ask before pages_check. */
uint64_t pages_resident(const struct pages *pages);

/* For what must work where a kernel is new enough. */
bool pages_kernel_at_least(unsigned major, unsigned minor);

/* slhi_decommit_open, which must do, and with each byte of counts 0. */
void pages_open_engine(struct decommit *decommit, slh_decommit wish);

/* Of all engines. */
uint64_t pages_counted(const struct decommit *decommit);

/* By each engine, `rounds` times: random ranges of fresh pages are given back,
 * at once or off this thread, and are zero then, and nothing beside them. */
void pages_give_back_by_all(uint64_t *random, uint64_t rounds);

#endif
