/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Tables of options: for each field of an option struct that is no pointer, what it may be
 * (slotheap/options.h). They are what text is read by, ranges are checked by, and the manual
 * is checked by.
 */
#ifndef SLOTHEAP_POOL_OPTION_TABLE_H
#define SLOTHEAP_POOL_OPTION_TABLE_H

#include <slotheap/options.h>

/* The options of a struct. */
struct option_table {
  const char *name;       /* of the struct */
  size_t size;            /* of the struct */
  const slh_option *rows; /* in the order of the fields */
  size_t count;
};

/* ---- rows ---- */

#define SLHI_FIELD(type, field) offsetof(type, field), sizeof(((type *)0)->field)

/* initial, least, most, and a word for the largest value or NULL */
#define SLHI_NUMBER(type, field, kind, initial, least, most, words, text)                          \
  {                                                                                                \
#field, text, SLH_OPTION_##kind, words, initial, least, most, SLHI_FIELD(type, field)          \
  }

#define SLHI_CHOICE(type, field, words, text)                                                      \
  {                                                                                                \
#field, text, SLH_OPTION_CHOICE, words, 0, 0, sizeof(words) / sizeof *(words)-2,               \
        SLHI_FIELD(type, field)                                                                    \
  }

#define SLHI_SWITCH(type, field, text)                                                             \
  {                                                                                                \
#field, text, SLH_OPTION_SWITCH, NULL, 0, 0, 1, SLHI_FIELD(type, field)                        \
  }

#define SLHI_OPTION_TABLE(type, rows)                                                              \
  {                                                                                                \
#type, sizeof(type), rows, sizeof(rows) / sizeof *(rows)                                       \
  }

/* The word for no limit at all. */
extern const char *const slhi_option_unlimited[2];

extern const struct option_table slhi_pool_table;

/* ---- use ---- */

/*
 * Sets the fields of `options` that `text` names (NULL: none). `known` has room for the
 * struct as this version knows it. SLH_E_INVALID: nothing has changed.
 */
slh_status slhi_options_parse(const struct option_table *table, void *options, void *known,
                              const char *text, slh_error *error);

/*
 * Puts defaults in place of 0, and checks the ranges of all that has a default of its
 * own, and of choices. `options` are as slhi_read_options has read them. SLH_E_INVALID.
 */
slh_status slhi_options_complete(const struct option_table *table, void *options, slh_error *error);

#endif
