/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Mappings and descriptors, read out of /proc. */
#include "tests/footprint.h"
#include "tests/helper.h"

#include <fcntl.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void count_line(struct footprint *footprint, const char *line)
{
  char *end;
  uint64_t from = strtoull(line, &end, 16);

  REQUIRE(*end == '-');
  if (strstr(line, "[heap]") || strstr(line, "[stack]"))
    return;
  footprint->mappings++;
  footprint->bytes += strtoull(end + 1, NULL, 16) - from;
}

/* Without the C library's streams, which allocate. */
static void count_mappings(struct footprint *footprint)
{
  char text[8192];
  size_t held = 0;
  int file = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
  ssize_t some;

  REQUIRE(file >= 0);
  while ((some = read(file, text + held, sizeof text - 1 - held)) > 0) {
    char *line = text, *end;

    text[held + (size_t)some] = '\0';
    for (; (end = strchr(line, '\n')) != NULL; line = end + 1) {
      *end = '\0';
      count_line(footprint, line);
    }
    held = strlen(line);
    memmove(text, line, held);
  }
  close(file);
}

static void count_descriptors(struct footprint *footprint)
{
  for (int fd = 0; fd < 256; fd++)
    footprint->descriptors += fcntl(fd, F_GETFD) >= 0;
}

struct footprint footprint_take(void)
{
  struct footprint footprint = {0};

  count_mappings(&footprint);
  count_descriptors(&footprint);
  return footprint;
}

void footprint_settle(void)
{
  mallopt(M_MMAP_MAX, 0);
  mallopt(M_ARENA_MAX, 1);
}

void footprint_require_equal(const struct footprint *before, const struct footprint *after)
{
  if (before->mappings != after->mappings || before->bytes != after->bytes ||
      before->descriptors != after->descriptors)
    fprintf(stderr,
            "mappings %" PRIu64 " -> %" PRIu64 ", bytes %" PRIu64 " -> %" PRIu64
            ", descriptors %" PRIu64 " -> %" PRIu64 "\n",
            before->mappings, after->mappings, before->bytes, after->bytes, before->descriptors,
            after->descriptors);
  REQUIRE_EQUAL(before->descriptors, after->descriptors);
  REQUIRE_EQUAL(before->mappings, after->mappings);
  REQUIRE_EQUAL(before->bytes, after->bytes);
}
