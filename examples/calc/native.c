/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Functions written in C. */
#include "calc.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- printing ---- */

static slh_status print_value(struct session *s, slh_ref value);

static slh_status print_list(struct session *s, slh_ref list)
{
  const char *before = "[";

  for (; calc_is(s, list, s->types->pair); list = slh_get_ref(s->heap, list, FIELD(pair, tail))) {
    fputs(before, stdout);
    TRY(print_value(s, slh_get_ref(s->heap, list, FIELD(pair, head))));
    before = ", ";
  }
  fputs("]", stdout);
  return SLH_OK;
}

static slh_status print_nested(struct session *s, slh_ref list)
{
  slh_status status;

  if (s->depth == CALC_DEPTH_MAX)
    return calc_fail(s, "nested too deeply");
  s->depth++;
  status = print_list(s, list);
  s->depth--;
  return status;
}

static slh_status print_value(struct session *s, slh_ref value)
{
  struct text text;

  TRY(calc_spend(s, 1));
  if (calc_is(s, value, s->types->pair))
    return print_nested(s, value);
  if (calc_text(s, value, &text)) {
    TRY(calc_spend(s, text.length / CALC_BYTES_A_STEP));
    fwrite(text.bytes, 1, text.length, stdout);
  } else if (slh_is_null(value)) {
    fputs("nil", stdout);
  } else {
    bool is_file = calc_is(s, value, slh_externref_type(slh_heap_runtime(s->heap)));

    fputs(is_file ? "<file>" : "<function>", stdout);
  }
  return SLH_OK;
}

static slh_status native_print(struct session *s, const slh_local *arguments, slh_ref *out)
{
  slh_status status = print_value(s, calc_get(s, arguments[0]));

  fputs("\n", stdout);
  *out = SLH_NULL;
  return status;
}

/* ---- lists ---- */

static slh_status native_cons(struct session *s, const slh_local *arguments, slh_ref *out)
{
  /* Allocate first, then ask where the arguments are now. */
  TRY(slh_new_struct_uninit(s->heap, s->types->pair, out));
  slh_init_ref(s->heap, *out, FIELD(pair, head), calc_get(s, arguments[0]));
  slh_init_ref(s->heap, *out, FIELD(pair, tail), calc_get(s, arguments[1]));
  return SLH_OK;
}

static slh_status part(struct session *s, slh_local pair, uint32_t field, slh_ref *out)
{
  if (!calc_is(s, calc_get(s, pair), s->types->pair))
    return calc_fail(s, "only a list that is not empty has a head and a tail");
  *out = slh_get_ref(s->heap, calc_get(s, pair), field);
  return SLH_OK;
}

static slh_status native_head(struct session *s, const slh_local *arguments, slh_ref *out)
{
  return part(s, arguments[0], FIELD(pair, head), out);
}

static slh_status native_tail(struct session *s, const slh_local *arguments, slh_ref *out)
{
  return part(s, arguments[0], FIELD(pair, tail), out);
}

static slh_status native_len(struct session *s, const slh_local *arguments, slh_ref *out)
{
  slh_ref value = calc_get(s, arguments[0]);
  uint32_t length = 0;

  if (calc_is(s, value, s->types->string)) {
    (void)calc_string(s, value, &length);
    return calc_new_number(s, length, out);
  }
  for (; calc_is(s, value, s->types->pair); length++) {
    TRY(calc_spend(s, 1));
    value = slh_get_ref(s->heap, value, FIELD(pair, tail));
  }
  if (!slh_is_null(value))
    return calc_fail(s, "only strings and lists have a length");
  return calc_new_number(s, length, out);
}

/* ---- files: host data that an externref owns ---- */

struct file {
  FILE *stream;
  struct session *owner;
};

/* The drop callback of an externref, and for one that could not be made. */
static void close_file(void *data)
{
  struct file *file = data;

  file->owner->files--;
  fclose(file->stream);
  free(file);
}

/* NULL: errno says why. */
static struct file *open_file(struct session *s, const char *name)
{
  int descriptor = openat(s->folder, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  FILE *stream = descriptor < 0 ? NULL : fdopen(descriptor, "r");
  struct file *file = stream ? malloc(sizeof *file) : NULL;

  if (file) {
    *file = (struct file){stream, s};
    s->files++;
  } else if (stream) {
    fclose(stream);
  } else if (descriptor >= 0) {
    close(descriptor);
  }
  return file;
}

static slh_status native_open(struct session *s, const slh_local *arguments, slh_ref *out)
{
  struct text name;
  char path[NAME_MAX + 1];
  struct file *file;
  slh_status status;

  if (!calc_text(s, calc_get(s, arguments[0]), &name) || name.length > NAME_MAX ||
      memchr(name.bytes, '/', name.length) || memchr(name.bytes, '\0', name.length))
    return calc_fail(s, "open takes the name of a file in the script's folder");
  TRY(calc_spend(s, 100)); /* what waits for the system costs more */
  memcpy(path, name.bytes, name.length);
  path[name.length] = '\0';
  /* A heap may have room for long while files run short: the collector knows
   * nothing of what else a host has too little of. */
  if (s->files == CALC_FILES_MAX)
    TRY(slh_heap_collect(s->heap, NULL));
  if (s->files == CALC_FILES_MAX)
    return calc_fail(s, "more than %d files are open", CALC_FILES_MAX);
  file = open_file(s, path);
  if (!file)
    return calc_fail(s, "%s: %s", path, strerror(errno));
  status = slh_new_externref(s->heap, file, close_file, out);
  if (status != SLH_OK)
    close_file(file);
  return status;
}

/* A line of a file without its end, or nil after the last. A long line comes
 * in pieces: how much host memory it takes must not be up to the script. */
static slh_status native_readline(struct session *s, const slh_local *arguments, slh_ref *out)
{
  void *data;
  char line[1024];

  if (slh_externref_data(s->heap, calc_get(s, arguments[0]), &data) != SLH_OK)
    return calc_fail(s, "readline takes a file");
  *out = SLH_NULL;
  if (!fgets(line, sizeof line, ((struct file *)data)->stream))
    return SLH_OK;
  return calc_new_string(s, line, strcspn(line, "\n"), out);
}

/* How many files are open. */
static slh_status native_files(struct session *s, const slh_local *arguments, slh_ref *out)
{
  (void)arguments;
  return calc_new_number(s, s->files, out);
}

static slh_status native_collect(struct session *s, const slh_local *arguments, slh_ref *out)
{
  (void)arguments;
  *out = SLH_NULL;
  return slh_heap_collect(s->heap, NULL);
}

/* ---- a deliberate mistake ---- */

/* Takes a number for a reference, and reads through it inline, unchecked. In
 * the heap it finds some byte of this very script; elsewhere it meets a guard,
 * and the script's protected call ends with SLH_E_TRAP. */
static slh_status native_peek(struct session *s, const slh_local *arguments, slh_ref *out)
{
  double number;
  slh_ref wild;

  if (!calc_number(s, calc_get(s, arguments[0]), &number) || !(number >= 0 && number <= UINT32_MAX))
    return calc_fail(s, "peek takes a number of 32 bits");
  wild.bits = (uint32_t)number;
  return calc_new_number(s, slh_get_u8(s->heap, wild, 0), out);
}

const struct native calc_natives[] = {{"print", 1, native_print},
                                      {"len", 1, native_len},
                                      {"cons", 2, native_cons},
                                      {"head", 1, native_head},
                                      {"tail", 1, native_tail},
                                      {"open", 1, native_open},
                                      {"readline", 1, native_readline},
                                      {"files", 0, native_files},
                                      {"collect", 0, native_collect},
                                      {"peek", 1, native_peek},
                                      {NULL, 0, NULL}};
