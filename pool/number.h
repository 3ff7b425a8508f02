/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Numbers as people write them: 64K, 10s. The library reads options by this, and the
 * programs beside it their arguments: inline, so that no symbol of the library is needed.
 */
#ifndef SLOTHEAP_POOL_NUMBER_H
#define SLOTHEAP_POOL_NUMBER_H

#include <slotheap/options.h>
#include <string.h>

/* What a unit of this kind stands for; 0: there is no such unit. */
static inline uint64_t slhi_unit(slh_option_kind kind, const char *text, size_t length)
{
  static const char prefixes[] = "KMGTkmgt";
  const char *prefix;

  if (length == 0)
    return 1;
  if (kind == SLH_OPTION_TIME)
    return length == 2 && memcmp(text, "ms", 2) == 0 ? 1 : length == 1 && *text == 's' ? 1000 : 0;
  prefix = memchr(prefixes, *text, sizeof prefixes - 1);
  if (kind != SLH_OPTION_BYTES || !prefix ||
      !(length == 1 || (length == 3 && prefix < prefixes + 4 && memcmp(text + 1, "iB", 2) == 0)))
    return 0;
  return UINT64_C(1) << (10 * ((prefix - prefixes) % 4 + 1));
}

/* False: it is no number of this kind, or one that 64 bits do not hold. */
static inline bool slhi_read_number(slh_option_kind kind, const char *text, size_t length,
                                    uint64_t *out)
{
  size_t digits = 0;
  uint64_t value = 0;
  uint64_t unit;

  for (; digits < length && text[digits] >= '0' && text[digits] <= '9'; digits++) {
    if (__builtin_mul_overflow(value, 10, &value) ||
        __builtin_add_overflow(value, (uint64_t)(text[digits] - '0'), &value))
      return false;
  }
  unit = slhi_unit(kind, text + digits, length - digits);
  *out = value;
  return digits > 0 && unit != 0 && !__builtin_mul_overflow(value, unit, out);
}

#endif
