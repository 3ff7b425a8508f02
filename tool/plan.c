/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* slotheap plan: from options to a pool's layout, without making it. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "tool/tool.h"

enum {
  KEY_ADDRESS_SPACE = 0x100,
  KEY_MAPPINGS,
  KEY_PAGE
};

struct request {
  slh_pool_options options;
  slh_host_limits limits;
  bool json;
};

static const struct argp_option options[] = {
    {"address-space", KEY_ADDRESS_SPACE, "SIZE", 0, "For a machine with that much of it", 1},
    {"mappings", KEY_MAPPINGS, "NUMBER", 0, "For a machine with that vm.max_map_count", 1},
    {"page", KEY_PAGE, "SIZE", 0, "For a machine with pages of that size", 1},
    {"json", 'j', NULL, 0, "Print one JSON object", 2},
    {0}};

static error_t parse(int key, char *text, struct argp_state *state)
{
  struct request *request = state->input;
  slh_error error;

  switch (key) {
  case ARGP_KEY_ARG:
    if (slh_pool_options_parse(&request->options, text, &error) != SLH_OK)
      argp_error(state, "%s", error.message);
    return 0;
  case KEY_ADDRESS_SPACE:
    request->limits.address_space_bytes = tool_size(state, "address-space", text);
    return 0;
  case KEY_MAPPINGS:
    request->limits.max_mappings = tool_size(state, "mappings", text);
    return 0;
  case KEY_PAGE:
    request->limits.page_bytes = tool_size(state, "page", text);
    return 0;
  case 'j':
    request->json = true;
    return 0;
  default:
    return ARGP_ERR_UNKNOWN;
  }
}

/* What a line of the plan says, and its key in JSON. */
struct line {
  const char *words;
  const char *key;
  uint64_t value;
  bool count; /* not bytes */
};

static void print(const slh_pool_plan *plan, bool json)
{
  const struct line lines[] = {
      {"slots", "slots", plan->slots, true},
      {"sizes of slots", "sizes", plan->sizes, true},
      {"from one slot to the next", "slot_stride_bytes", plan->slot_stride_bytes, false},
      {"guard of a slot", "guard_bytes", plan->guard_bytes, false},
      {"most that a heap can hold", "max_heap_bytes", plan->max_heap_bytes, false},
      {"kept by a free slot", "keep_resident_bytes", plan->keep_resident_bytes, false},
      {"address space of slots", "slab_bytes", plan->slab_bytes, false},
      {"collections at a time", "evacuation_spaces", plan->evacuation_spaces, true},
      {"their address space", "evacuation_slab_bytes", plan->evacuation_slab_bytes, false},
      {"kept by a free evacuation space", "keep_evacuation_bytes", plan->keep_evacuation_bytes,
       false},
      {"mappings at most", "mappings", plan->mappings, true},
  };
  const char *kind = plan->kind == SLH_POOL_DENSE ? "dense" : "wide";

  printf(json ? "{\"kind\": \"%s\"" : "A %s pool\n", kind);
  for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
    if (json)
      printf(", \"%s\": %" PRIu64, lines[i].key, lines[i].value);
    else if (lines[i].count)
      printf("  %-34s%" PRIu64 "\n", lines[i].words, lines[i].value);
    else
      printf("  %-34s%s\n", lines[i].words, tool_words(lines[i].value));
  }
  if (json)
    puts("}");
}

/* How much of what the machine has that is. */
static void print_share(const slh_pool_plan *plan, const slh_host_limits *limits)
{
  uint64_t bytes = plan->slab_bytes + plan->evacuation_slab_bytes;

  printf("  %-34s%s of %s (%.1f%%)\n", "address space in all", tool_words(bytes),
         tool_words(limits->address_space_bytes),
         100.0 * (double)bytes / (double)limits->address_space_bytes);
  if (limits->max_mappings != UINT64_MAX)
    printf("  %-34s%" PRIu64 " of %" PRIu64 " (%.1f%%)\n", "mappings", plan->mappings,
           limits->max_mappings, 100.0 * (double)plan->mappings / (double)limits->max_mappings);
}

/* What would have to be different. */
static void advise(const struct request *request, slh_status status)
{
  if (status != SLH_E_LIMIT)
    return;
  if (request->options.kind == SLH_POOL_WIDE)
    fputs("Fewer slots, a smaller guard, fewer collections, or a dense pool (kind=dense) would do; "
          "for more mappings raise vm.max_map_count.\n",
          stderr);
  else
    fputs("Fewer slots, a smaller max_heap_bytes, or no guards would do.\n", stderr);
}

int tool_plan(int argc, char **argv)
{
  static const char doc[] =
      "What the options of a pool come to on this machine: address space, guards, mappings; or "
      "which limit they exceed. 'slotheap options' lists those that there are.";
  struct argp argp = {
      .options = options, .parser = parse, .args_doc = "[NAME=VALUE...]", .doc = doc};
  struct request request = {.options = SLH_POOL_OPTIONS_INIT};
  slh_pool_plan plan;
  slh_error error;
  slh_status status;

  slh_host_limits_get(&request.limits);
  argp_parse(&argp, argc, argv, 0, NULL, &request);
  status = slh_pool_plan_new(&request.options, &request.limits, &plan, &error);
  if (status != SLH_OK) {
    fprintf(stderr, "slotheap plan: %s\n", error.message);
    advise(&request, status);
    return EXIT_FAILURE;
  }
  print(&plan, request.json);
  if (!request.json)
    print_share(&plan, &request.limits);
  return EXIT_SUCCESS;
}
