/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "tool/tool.h"

static const char suffixes[] = "KMGT";

uint64_t tool_size(const struct argp_state *state, const char *option, const char *text)
{
  const char *suffix = NULL;
  char *end;
  uint64_t value;

  errno = 0;
  value = strtoull(text, &end, 10);
  if (*text >= '0' && *text <= '9' && errno == 0 && *end != '\0')
    suffix = strchr(suffixes, *end);
  if (suffix) {
    uint64_t unit = UINT64_C(1) << (10 * (suffix - suffixes + 1));

    errno = __builtin_mul_overflow(value, unit, &value) ? ERANGE : 0;
    end++;
    if (strcmp(end, "iB") == 0)
      end += 2;
  }
  if (*text < '0' || *text > '9' || errno != 0 || *end != '\0')
    argp_error(state,
               "%s is '%s'; allowed are numbers below 2^64, with K, M, G or T for powers of 1,024",
               option, text);
  return value;
}

const char *tool_words(uint64_t bytes)
{
  static char buffers[4][32];
  static unsigned next;
  char *buffer = buffers[next++ % 4];
  double value = (double)bytes;
  int unit = 0;

  while (value >= 1024 && unit < 4) {
    value /= 1024;
    unit++;
  }
  if (bytes == UINT64_MAX)
    snprintf(buffer, sizeof buffers[0], "no limit");
  else if (unit == 0)
    snprintf(buffer, sizeof buffers[0], "%" PRIu64 " B", bytes);
  else
    snprintf(buffer, sizeof buffers[0], "%.4g %ciB", value, suffixes[unit - 1]);
  return buffer;
}
