/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* UTF-8, and what of JSON text is checked before the parser sees it. */
#ifndef JSON_HOST_TEXT_H
#define JSON_HOST_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where a scan is in the text. All zero: at its beginning, and `in_json` to be set. */
struct text_scan {
  bool in_json;        /* else: any UTF-8 */
  uint8_t state;       /* in JSON */
  uint8_t missing;     /* bytes of a character */
  uint8_t least, most; /* what the next of them may be */
  uint8_t digits;      /* of \u that have been read */
  uint16_t unit;       /* their value */
};

/*
 * Goes on with the next bytes of a text; returns how many of them are right. If that is
 * not all, `*wrong` says why.
 *
 * Checked are UTF-8 (RFC 3629: no overlong forms, no surrogates, nothing beyond
 * U+10FFFF); and of JSON that no control characters are in the text but tab, line
 * feed and carriage return between values, that nothing but ASCII is outside of strings,
 * and that the surrogates of \u escapes are pairs.
 */
size_t text_scan(struct text_scan *scan, const char *bytes, size_t length, const char **wrong);

/* Whether the text ends, so far, within a string. */
static inline bool text_is_open(const struct text_scan *scan)
{
  return scan->state != 0;
}

/* The most of `length` bytes up to `most` that is whole characters. */
static inline size_t text_clip(const char *bytes, size_t length, size_t most)
{
  if (length <= most)
    return length;
  while (most > 0 && ((unsigned char)bytes[most] & 0xc0) == 0x80)
    most--;
  return most;
}

/* Whether a byte begins a character. */
static inline bool text_begins(char byte)
{
  return ((unsigned char)byte & 0xc0) != 0x80;
}

#endif
