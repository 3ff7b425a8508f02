/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Sizes: out of the command line, and in words. */
#include <inttypes.h>
#include <stdio.h>

#include "pool/number.h"
#include "tool/tool.h"

uint64_t tool_size(const struct argp_state *state, const char *option, const char *text)
{
  uint64_t value = 0;

  if (!slhi_read_number(SLH_OPTION_BYTES, text, strlen(text), &value))
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
    snprintf(buffer, sizeof buffers[0], "%.4g %ciB", value, "KMGT"[unit - 1]);
  return buffer;
}
