/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Strings, lists and objects, made of bytes or of what lies on the stack. */
#ifndef JSON_HOST_OBJECT_H
#define JSON_HOST_OBJECT_H

/* Pushes a string. */
bool string_make(struct store *store, const char *bytes, size_t length);

/* The same for one that is likely to be a key of several objects: it may be one that
 * exists. */
bool key_make(struct store *store, const char *bytes, size_t length);

/* Each of these replaces the values from stack position `first` on by one made of them;
 * of an object they are key, value, key, value, ... A key that is there twice is the
 * document's error at byte `at`. */
bool list_make(struct store *store, uint32_t first);
bool object_make(struct store *store, uint32_t first, uint64_t at);

/* Whether an object has a member of that name, and its value. `key` is that name as a
 * value, which spares comparing bytes, or VALUE_NULL. */
bool object_find(const struct store *store, value object, value key, struct text name, value *out);

static inline bool text_equal(struct text a, struct text b)
{
  return a.length == b.length && memcmp(a.bytes, b.bytes, a.length) == 0;
}

#endif
