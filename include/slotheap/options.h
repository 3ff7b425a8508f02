/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Options of pools, runtimes and heaps as text, for configuration files, arguments and
 * environment variables; and the list of what there is.
 *
 *   slots=5000, isolation=strict   # five thousand
 *   keep_resident_bytes=256K
 *
 * Names are those of the struct's fields. Between options are commas, spaces or newlines;
 * a # begins a comment that ends with the line. Of an option that is named twice the later
 * one counts. Fields that are pointers have no text: they are the program's.
 *
 * The library reads no environment variable. A host that wants one says so:
 *
 *   slh_pool_options_parse(&options, getenv("MYHOST_POOL"), &error)
 */
#ifndef SLOTHEAP_OPTIONS_H
#define SLOTHEAP_OPTIONS_H

#include <slotheap/base.h>
#include <slotheap/heap.h>
#include <slotheap/plan.h>
#include <slotheap/runtime.h>

SLH_BEGIN_DECLS

/*
 * Sets the fields of `options` that `text` names, and leaves the others as they are. NULL
 * names none. `options` must have been initialised. Any thread.
 * Errors: SLH_E_INVALID (no such option; a value that is none, or out of its range; text of
 * another form; struct_size not known): then nothing of `options` has changed, and the
 * message names the option, the value, and what is allowed. What options forbid one another
 * is found by slh_pool_plan_new, slh_pool_new and slh_runtime_new.
 */
SLH_API SLH_NODISCARD slh_status slh_pool_options_parse(slh_pool_options *options, const char *text,
                                                        slh_error *error);
SLH_API SLH_NODISCARD slh_status slh_runtime_options_parse(slh_runtime_options *options,
                                                           const char *text, slh_error *error);
SLH_API SLH_NODISCARD slh_status slh_heap_options_parse(slh_heap_options *options, const char *text,
                                                        slh_error *error);

/* ---- what there is ---- */

/* The structs that have options. */
typedef enum slh_option_struct {
  SLH_OPTION_OF_POOL = 0,    /* slh_pool_options */
  SLH_OPTION_OF_RUNTIME = 1, /* slh_runtime_options */
  SLH_OPTION_OF_HEAP = 2     /* slh_heap_options */
} slh_option_struct;

/* How the value of an option is written. 0 in place of a number is its default. */
typedef enum slh_option_kind {
  SLH_OPTION_COUNT = 0,  /* a whole number */
  SLH_OPTION_BYTES = 1,  /* also with K, M, G or T for powers of 1,024, and iB behind it */
  SLH_OPTION_TIME = 2,   /* milliseconds; also with ms, or s for seconds */
  SLH_OPTION_SWITCH = 3, /* yes or no, true or false, on or off, 1 or 0 */
  SLH_OPTION_CHOICE = 4  /* one of `words` */
} slh_option_kind;

/* An option. Static; what it points to, too. */
typedef struct slh_option {
  const char *name;     /* of the field */
  const char *text;     /* what it is, in a sentence */
  slh_option_kind kind; /* how its value is written */
  /* Ends with NULL. A choice: what there is; the field is its place in the list. A number:
   * one word, for the largest value that the field can hold. Else NULL. */
  const char *const *words;
  uint64_t initial;   /* what 0 in a field comes to; 0: the text says what */
  uint64_t least;     /* of a number, unless it is 0, or `words` has a name for it */
  uint64_t most;      /* likewise */
  size_t offset;      /* of the field in its struct */
  size_t field_bytes; /* its size */
} slh_option;

/* The first option of the struct if `after` is NULL, else the one after it; NULL: there is
 * none. In the order of the fields. Any thread. */
SLH_API const slh_option *slh_option_next(slh_option_struct of, const slh_option *after);

SLH_END_DECLS

#endif
