/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Image files, whatever host made them. */
#include "tool/tool.h"

/* What the host has made its data of means nothing here. */
static slh_status decode(void *context, slh_host_kind kind, const void *bytes, size_t size,
                         void **value, slh_drop_fn **drop)
{
  (void)context;
  (void)kind;
  (void)bytes;
  (void)size;
  (void)drop;
  *value = NULL;
  return SLH_OK;
}

static error_t parse_json(int key, char *text, struct argp_state *state)
{
  (void)text;
  if (key != 'j')
    return ARGP_ERR_UNKNOWN;
  *(bool *)state->input = true;
  return 0;
}

bool tool_json(int argc, char **argv, const char *doc)
{
  static const struct argp_option options[] = {
      {"json", 'j', NULL, 0, "Print one JSON object a line", 0}, {0}};
  struct argp argp = {.options = options, .parser = parse_json, .doc = doc};
  bool json = false;

  argp_parse(&argp, argc, argv, 0, NULL, &json);
  return json;
}

error_t tool_file(int key, char *text, struct argp_state *state, const char **path)
{
  switch (key) {
  case ARGP_KEY_ARG:
    if (*path)
      argp_error(state, "one FILE at a time");
    *path = text;
    return 0;
  case ARGP_KEY_NO_ARGS:
    argp_error(state, "which FILE?");
    return 0;
  default:
    return ARGP_ERR_UNKNOWN;
  }
}

slh_status tool_load(const char *path, slh_runtime **runtime, slh_image **image, slh_error *error)
{
  slh_image_options options = SLH_IMAGE_OPTIONS_INIT;
  slh_status status = slh_runtime_new(NULL, runtime, error);

  if (status != SLH_OK)
    return status;
  options.decode = decode;
  options.register_types = true;
  options.max_bytes = UINT64_MAX;
  status = slh_image_load(*runtime, path, &options, image, error);
  if (status != SLH_OK)
    slh_runtime_free(*runtime);
  return status;
}
