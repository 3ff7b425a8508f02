/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "text.h"

enum state {
  OUTSIDE,
  STRING,
  ESCAPE,         /* behind a backslash */
  UNIT,           /* in the digits of \u */
  HIGH,           /* behind a high surrogate: \ must follow */
  HIGH_BACKSLASH, /* and u */
  LOW             /* and the digits of a low one */
};

static const char lone[] = "a \\u escape of half a surrogate pair: both halves are needed";
static const char outside[] = "a byte that no JSON value has outside of strings";

/* The first byte of a character that has several. */
static bool begin_character(struct text_scan *scan, unsigned char byte)
{
  scan->least = 0x80;
  scan->most = 0xbf;
  if (byte >= 0xc2 && byte <= 0xdf) {
    scan->missing = 1;
  } else if (byte >= 0xe0 && byte <= 0xef) {
    scan->missing = 2;
    if (byte == 0xe0)
      scan->least = 0xa0; /* below are two bytes */
    else if (byte == 0xed)
      scan->most = 0x9f; /* beyond are surrogates */
  } else if (byte >= 0xf0 && byte <= 0xf4) {
    scan->missing = 3;
    if (byte == 0xf0)
      scan->least = 0x90;
    else if (byte == 0xf4)
      scan->most = 0x8f; /* U+10FFFF */
  } else {
    return false;
  }
  return true;
}

static bool go_on_character(struct text_scan *scan, unsigned char byte)
{
  if (byte < scan->least || byte > scan->most)
    return false;
  scan->missing--;
  scan->least = 0x80;
  scan->most = 0xbf;
  return true;
}

/* A hexadecimal digit, or -1: then the parser refuses the escape. */
static int digit(unsigned char byte)
{
  if (byte >= '0' && byte <= '9')
    return byte - '0';
  byte |= 0x20;
  return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

static bool go_on_unit(struct text_scan *scan, unsigned char byte)
{
  int value = digit(byte);

  if (value < 0) {
    scan->state = STRING;
    return true;
  }
  scan->unit = (uint16_t)(scan->unit << 4 | value);
  if (++scan->digits < 4)
    return true;
  if (scan->state == LOW) {
    scan->state = STRING;
    return scan->unit >= 0xdc00 && scan->unit <= 0xdfff;
  }
  scan->state = scan->unit >= 0xd800 && scan->unit <= 0xdbff ? HIGH : STRING;
  return scan->unit < 0xdc00 || scan->unit > 0xdfff;
}

/* A byte of ASCII; returns what is wrong with it, or NULL. */
static const char *go_on_json(struct text_scan *scan, unsigned char byte)
{
  switch ((enum state)scan->state) {
  case OUTSIDE:
    if (byte == '"')
      scan->state = STRING;
    return byte < 0x20 && byte != '\t' && byte != '\n' && byte != '\r' ? outside : NULL;
  case STRING:
    if (byte == '"')
      scan->state = OUTSIDE;
    else if (byte == '\\')
      scan->state = ESCAPE;
    return byte < 0x20 ? "a control character in a string: it must be escaped" : NULL;
  case ESCAPE:
    scan->state = byte == 'u' ? UNIT : STRING;
    scan->digits = 0;
    scan->unit = 0;
    return NULL;
  case UNIT:
  case LOW:
    return go_on_unit(scan, byte) ? NULL : lone;
  case HIGH:
    scan->state = HIGH_BACKSLASH;
    return byte == '\\' ? NULL : lone;
  case HIGH_BACKSLASH:
    scan->state = LOW;
    scan->digits = 0;
    scan->unit = 0;
    return byte == 'u' ? NULL : lone;
  }
  return NULL;
}

/* Which bytes change something, or are wrong: in strings, outside of them, in text. */
#define IN_STRING 1
#define IN_JSON 2
#define IN_TEXT 4

static const uint8_t special[256] = {
    [0 ... 0x08] = IN_STRING | IN_JSON,
    ['\t'] = IN_STRING,
    ['\n'] = IN_STRING,
    [0x0b ... 0x0c] = IN_STRING | IN_JSON,
    ['\r'] = IN_STRING,
    [0x0e ... 0x1f] = IN_STRING | IN_JSON,
    ['"'] = IN_STRING | IN_JSON,
    ['\\'] = IN_STRING,
    [0x80 ... 0xff] = IN_STRING | IN_JSON | IN_TEXT,
};

/* Bytes from `at` on that change nothing. */
static size_t skip_plain(const struct text_scan *scan, const unsigned char *at, size_t length)
{
  uint8_t where = !scan->in_json           ? IN_TEXT
                  : scan->state == STRING  ? IN_STRING
                  : scan->state == OUTSIDE ? IN_JSON
                                           : UINT8_MAX;
  size_t i = 0;

  if (where == UINT8_MAX)
    return 0;
  while (i < length && (special[at[i]] & where) == 0)
    i++;
  return i;
}

size_t text_scan(struct text_scan *scan, const char *bytes, size_t length, const char **wrong)
{
  const unsigned char *at = (const unsigned char *)bytes;

  for (size_t i = 0; i < length; i++) {
    if (scan->missing > 0) {
      if (!go_on_character(scan, at[i])) {
        *wrong = "no UTF-8";
        return i;
      }
      continue;
    }
    i += skip_plain(scan, at + i, length - i);
    if (i == length)
      break;
    *wrong = NULL;
    if (at[i] < 0x80 && scan->in_json)
      *wrong = go_on_json(scan, at[i]);
    else if (at[i] >= 0x80 && !begin_character(scan, at[i]))
      *wrong = "no UTF-8";
    else if (at[i] >= 0x80 && scan->in_json && scan->state == OUTSIDE)
      *wrong = outside;
    else if (at[i] >= 0x80 && scan->in_json && (scan->state == HIGH || scan->state > HIGH))
      *wrong = lone;
    else if (at[i] >= 0x80 && scan->in_json)
      scan->state = STRING; /* the parser refuses escapes of it */
    if (*wrong != NULL)
      return i;
  }
  return length;
}
