/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* slotheap snapshot, slotheap summary: looking at a store that was put away, as if
 * it had been resumed. */
#include <errno.h>
#include <slotheap-export.h>
#include <stdlib.h>

#include "tool/tool.h"

struct arguments {
  const char *path;
  const char *output; /* NULL: standard output */
  uint64_t top;
};

/* The image as a heap, and its roots by their names. */
struct resumed {
  slh_heap *heap;
  slh_roots *roots;
  slh_ref *refs;
};

/* What becomes of it. */
typedef slh_status tell_fn(const struct resumed *resumed, const struct arguments *arguments,
                           FILE *out, slh_error *error);

static slh_status list_roots(struct resumed *resumed, const slh_image *image)
{
  slh_image_info info;
  slh_status status = slh_roots_new(slh_heap_runtime(resumed->heap), &resumed->roots);

  slh_image_get_info(image, &info);
  resumed->refs = malloc((info.roots + 1) * sizeof *resumed->refs);
  if (!resumed->refs)
    return SLH_E_NOMEM;
  for (size_t i = 0; i < info.roots && status == SLH_OK; i++) {
    const char *name;

    resumed->refs[i] = slh_image_root_at(image, i, &name);
    status = slh_roots_add(resumed->roots, SLH_ROOT_OTHER, &resumed->refs[i], 1,
                           name ? name : "root without name");
  }
  return status;
}

static slh_status resume(const slh_image *image, slh_runtime *runtime, struct resumed *out,
                         slh_error *error)
{
  slh_heap_options options = SLH_HEAP_OPTIONS_INIT;
  slh_status status;

  options.runtime = runtime;
  options.max_host_bytes = UINT64_MAX;
  options.image = image;
  options.resume = true;
  status = slh_heap_new(NULL, &options, &out->heap, error);
  if (status != SLH_OK)
    return status;
  status = list_roots(out, image);
  if (status != SLH_OK)
    snprintf(error->message, sizeof error->message, "no memory for the roots");
  return status;
}

/* Standard output is closed, too, so that what could not be written is known. */
static slh_status tell(const struct resumed *resumed, const struct arguments *arguments,
                       tell_fn *fn, slh_error *error)
{
  FILE *out = arguments->output ? fopen(arguments->output, "we") : stdout;
  slh_status status;

  if (!out) {
    snprintf(error->message, sizeof error->message, "%s: %s", arguments->output, strerror(errno));
    return SLH_E_SYSTEM;
  }
  status = fn(resumed, arguments, out, error);
  if (arguments->output && fclose(out) != 0 && status == SLH_OK) {
    snprintf(error->message, sizeof error->message, "%s: %s", arguments->output, strerror(errno));
    status = SLH_E_SYSTEM;
  }
  return status;
}

static int run(const struct arguments *arguments, const char *command, tell_fn *fn)
{
  struct resumed resumed = {NULL, NULL, NULL};
  slh_runtime *runtime;
  slh_image *image;
  slh_error error = {.message = ""};
  slh_status status = tool_load(arguments->path, &runtime, &image, &error);

  if (status == SLH_OK) {
    status = resume(image, runtime, &resumed, &error);
    if (status == SLH_OK)
      status = tell(&resumed, arguments, fn, &error);
    slh_roots_free(resumed.roots);
    slh_heap_release(resumed.heap);
    free(resumed.refs);
    slh_image_free(image);
    slh_runtime_free(runtime);
  }
  if (status != SLH_OK)
    fprintf(stderr, "%s: %s: %s\n", command, arguments->path, error.message);
  return status == SLH_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}

static error_t parse(int key, char *text, struct argp_state *state)
{
  struct arguments *arguments = state->input;

  switch (key) {
  case 'o':
    arguments->output = text;
    return 0;
  case 't':
    arguments->top = tool_size(state, "top", text);
    return 0;
  default:
    return tool_file(key, text, state, &arguments->path);
  }
}

/* ---- the commands ---- */

static slh_status write_snapshot(const struct resumed *resumed, const struct arguments *arguments,
                                 FILE *out, slh_error *error)
{
  (void)arguments;
  return slh_snapshot_write(resumed->heap, resumed->roots, out, error);
}

static slh_status write_summary(const struct resumed *resumed, const struct arguments *arguments,
                                FILE *out, slh_error *error)
{
  uint32_t top = arguments->top < UINT32_MAX ? (uint32_t)arguments->top : UINT32_MAX;

  return slh_snapshot_summary(resumed->heap, resumed->roots, top, out, error);
}

int tool_snapshot(int argc, char **argv)
{
  static const struct argp_option options[] = {
      {"output", 'o', "FILE", 0, "Write there, not to standard output", 0}, {0}};
  struct argp argp = {.options = options,
                      .parser = parse,
                      .args_doc = "FILE",
                      .doc = "Writes the objects of an image file as a .heapsnapshot, which Chrome "
                             "DevTools loads."};
  struct arguments arguments = {0};

  argp_parse(&argp, argc, argv, 0, NULL, &arguments);
  return run(&arguments, "slotheap snapshot", write_snapshot);
}

int tool_summary(int argc, char **argv)
{
  static const struct argp_option options[] = {
      {"output", 'o', "FILE", 0, "Write there, not to standard output", 0},
      {"top", 't', "NUMBER", 0, "Of those that retain most; 20 unless given, at most 1,000", 0},
      {0}};
  struct argp argp = {.options = options,
                      .parser = parse,
                      .args_doc = "FILE",
                      .doc = "Tells what the objects of an image file take by type, and which of "
                             "them retain most."};
  struct arguments arguments = {0};

  argp_parse(&argp, argc, argv, 0, NULL, &arguments);
  return run(&arguments, "slotheap summary", write_summary);
}
