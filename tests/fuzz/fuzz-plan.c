/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Options: of pools, through to the plan that they come to; of runtimes, of heaps;
 * and text: sizes that the command reads, and options. The first byte says which.
 */
#include <stdarg.h>

#include "pool/math.h"
#include "tests/fuzz/fuzz.h"
#include "tool/tool.h"

typedef unsigned __int128 wide; /* sums that cannot overflow */

/* What no struct has as its size: of those that one can have, the memory must be there. */
static size_t no_size(struct fuzz_input *input)
{
  uint64_t size = fuzz_number(input);

  return size % sizeof(size_t) == 0 && size <= 4096 ? size + 1 : size;
}

/* ---- pools ---- */

static slh_pool_options read_pool_options(struct fuzz_input *input)
{
  slh_pool_options options = SLH_POOL_OPTIONS_INIT;
  uint64_t kinds = fuzz_bytes(input, 2);

  options.kind = (slh_pool_kind)(kinds & 1);
  options.isolation = (slh_isolation)(kinds >> 1 & 3);
  options.decommit = (slh_decommit)(kinds >> 3 & 7);
  options.huge_pages = (slh_huge_pages)(kinds >> 6 & 3);
  options.populate = kinds >> 8 & 1;
  options.decay_thread = kinds >> 9 & 1;
  if (kinds >> 10 == 63)
    options.struct_size = no_size(input);
  options.slots = fuzz_number(input);
  options.max_heap_bytes = fuzz_number(input);
  options.guard_bytes = fuzz_number(input);
  options.slot_bytes = fuzz_number(input);
  options.keep_resident_bytes = fuzz_number(input);
  options.max_collections = fuzz_number(input);
  options.keep_evacuation_bytes = fuzz_number(input);
  options.budget_bytes = fuzz_number(input);
  options.resident_budget_bytes = fuzz_number(input);
  options.decay_ms = fuzz_number(input);
  return options;
}

static slh_host_limits read_limits(struct fuzz_input *input)
{
  static const uint64_t pages[] = {4096, 16384, 65536};
  uint64_t how = fuzz_bytes(input, 1);
  slh_host_limits limits = {pages[how % 3], UINT64_C(1) << 47, UINT64_MAX, how & 64};

  if (how & 8)
    limits.address_space_bytes = fuzz_number(input);
  if (how & 16)
    limits.max_mappings = fuzz_number(input);
  if (how & 32)
    limits.page_bytes = fuzz_number(input);
  return limits;
}

/* Nothing lies beyond anything, and no sum has overflowed. */
static void check_plan(const slh_pool_options *options, const slh_host_limits *limits,
                       const slh_pool_plan *plan)
{
  uint64_t page = limits->page_bytes;
  wide slots = plan->lead_guard_bytes;

  FUZZ_REQUIRE(plan->page_bytes == page && plan->kind == options->kind);
  FUZZ_REQUIRE(plan->slots == (options->slots ? options->slots : 1000));
  FUZZ_REQUIRE(plan->guard_bytes % page == 0 && plan->slab_bytes % page == 0);
  FUZZ_REQUIRE(plan->evacuation_stride_bytes % page == 0);
  FUZZ_REQUIRE(plan->evacuation_stride_bytes > plan->max_heap_bytes);
  FUZZ_REQUIRE((wide)plan->evacuation_spaces * plan->evacuation_stride_bytes <=
               plan->evacuation_slab_bytes);
  FUZZ_REQUIRE(plan->sizes >= 1 && plan->sizes < 32);
  for (uint64_t size = 0; size < plan->sizes; size++)
    slots += (wide)plan->slots * plan->slot_stride_bytes << size;
  FUZZ_REQUIRE(slots <= plan->slab_bytes);
  FUZZ_REQUIRE(plan->slab_bytes - slots <= (wide)page * plan->sizes);
  FUZZ_REQUIRE((wide)plan->slab_bytes + plan->evacuation_slab_bytes <= limits->address_space_bytes);
  FUZZ_REQUIRE(plan->mappings <= limits->max_mappings);
  FUZZ_REQUIRE(plan->keep_resident_bytes <= slhi_round_up(plan->max_heap_bytes, page));
  FUZZ_REQUIRE(plan->max_heap_bytes + plan->guard_bytes <= plan->slot_stride_bytes
                                                               << (plan->sizes - 1));
  if (plan->kind == SLH_POOL_WIDE)
    FUZZ_REQUIRE(plan->slot_stride_bytes >= (UINT64_C(1) << 32) + plan->guard_bytes &&
                 plan->lead_guard_bytes >= SLH_WIDE_FIRST);
}

/* What a refusal says would fit does, and one slot more does not. */
static void check_refusal(slh_pool_options options, const slh_host_limits *limits,
                          const slh_error *error)
{
  const char *at = strstr(error->message, " slots would fit");
  slh_pool_plan plan;

  FUZZ_REQUIRE(at != NULL);
  while (at > error->message && at[-1] >= '0' && at[-1] <= '9')
    at--;
  options.slots = strtoull(at, NULL, 10);
  if (options.slots != 0)
    FUZZ_REQUIRE(slh_pool_plan_new(&options, limits, &plan, NULL) == SLH_OK);
  options.slots++;
  FUZZ_REQUIRE(slh_pool_plan_new(&options, limits, &plan, NULL) == SLH_E_LIMIT);
}

static void check_error(slh_status status, const slh_error *error)
{
  FUZZ_REQUIRE(status == SLH_E_INVALID || status == SLH_E_LIMIT);
  FUZZ_REQUIRE(error->status == status);
  FUZZ_REQUIRE(memchr(error->message, '\0', sizeof error->message) != NULL);
  FUZZ_REQUIRE(error->message[0] != '\0' && strchr(error->message, '\n') == NULL);
}

static void plan_pool(struct fuzz_input *input)
{
  slh_pool_options options = read_pool_options(input);
  slh_host_limits limits = read_limits(input);
  slh_error error = {0};
  slh_pool_plan plan, untouched;
  slh_status status;

  memset(&plan, 0x5a, sizeof plan);
  untouched = plan;
  status = slh_pool_plan_new(&options, &limits, &plan, &error);
  if (status == SLH_OK) {
    check_plan(&options, &limits, &plan);
    return;
  }
  check_error(status, &error);
  FUZZ_REQUIRE(memcmp(&plan, &untouched, sizeof plan) == 0);
  if (status == SLH_E_LIMIT)
    check_refusal(options, &limits, &error);
}

/* ---- runtimes and heaps ---- */

static slh_status make_runtime(struct fuzz_input *input, slh_runtime **runtime)
{
  slh_runtime_options options = SLH_RUNTIME_OPTIONS_INIT;
  slh_error error = {0};
  slh_status status;

  options.collector = (slh_collector)(fuzz_bytes(input, 1) & 3);
  options.zeal = (uint32_t)fuzz_number(input);
  if (fuzz_bytes(input, 1) == 255)
    options.struct_size = no_size(input);
  status = slh_runtime_new(&options, runtime, &error);
  if (status != SLH_OK)
    check_error(status, &error);
  return status;
}

static slh_pool *open_pool(slh_pool_kind kind)
{
  slh_pool *pool;
  slh_pool_options options = SLH_POOL_OPTIONS_INIT;

  options.kind = kind;
  options.slots = 2;
  options.max_collections = 1;
  FUZZ_REQUIRE(slh_pool_new(&options, &pool, NULL) == SLH_OK);
  return pool;
}

/* It is used within its bounds, whatever they are. */
static void use_heap(slh_heap *heap, const slh_type *bytes, uint32_t length)
{
  slh_heap_stats stats;
  slh_error error = {0};
  slh_ref ref;

  for (int i = 0; i < 20; i++) {
    slh_status status = slh_new_array(heap, bytes, length % 5000, &ref);

    FUZZ_REQUIRE(status == SLH_OK || status == SLH_E_LIMIT || status == SLH_E_TOO_LARGE);
  }
  slh_heap_get_stats(heap, &stats);
  FUZZ_REQUIRE(stats.used <= stats.max);
  FUZZ_REQUIRE(slh_heap_verify(heap, NULL, &error) == SLH_OK);
}

static void make_heap(struct fuzz_input *input)
{
  slh_heap_options options = SLH_HEAP_OPTIONS_INIT;
  const slh_type *bytes;
  slh_heap *heap;
  slh_pool *pool;
  slh_status status;
  uint64_t how;

  if (make_runtime(input, &options.runtime) != SLH_OK)
    return;
  FUZZ_REQUIRE(slh_array_type_new(options.runtime, NULL, SLH_I8, &bytes, NULL) == SLH_OK);
  how = fuzz_bytes(input, 1);
  options.max_bytes = fuzz_number(input);
  options.initial_bytes = fuzz_number(input);
  options.max_host_bytes = fuzz_number(input);
  options.tag = (uint32_t)fuzz_number(input);
  options.fixed = how & 2;
  options.resume = how & 4;
  if (how >> 3 == 31)
    options.struct_size = no_size(input);
  pool = open_pool((slh_pool_kind)(how & 1));
  status = slh_heap_acquire(pool, &options, &heap);
  FUZZ_REQUIRE(status == SLH_OK || status == SLH_E_INVALID);
  if (status == SLH_OK) {
    use_heap(heap, bytes, (uint32_t)fuzz_number(input));
    slh_heap_release(heap);
  }
  slh_pool_free(pool);
  slh_runtime_free(options.runtime);
}

/* ---- sizes ---- */

static bool refused;

/* In place of the C library's, which would end the process. */
void argp_error(const struct argp_state *state, const char *format, ...)
{
  char text[512];
  va_list arguments;

  (void)state;
  va_start(arguments, format);
  FUZZ_REQUIRE(vsnprintf(text, sizeof text, format, arguments) > 0);
  va_end(arguments);
  refused = true;
}

/* The same, read in another way. False: it is no size. */
static bool read_size(const char *text, wide *value)
{
  static const char *const endings[] = {"",  "K",   "KiB", "k", "M",   "MiB", "m",
                                        "G", "GiB", "g",   "T", "TiB", "t"};
  size_t digits = strspn(text, "0123456789");

  *value = 0;
  for (size_t i = 0; i < digits; i++) {
    *value = *value * 10 + (wide)(text[i] - '0');
    if (*value > UINT64_MAX)
      return false;
  }
  for (size_t i = 0; digits > 0 && i < sizeof endings / sizeof *endings; i++) {
    if (strcmp(text + digits, endings[i]) != 0)
      continue;
    *value <<= 10 * ((i + 2) / 3);
    return *value <= UINT64_MAX;
  }
  return false;
}

static void read_size_text(const char *text)
{
  wide expected;
  uint64_t value;
  bool valid;

  refused = false;
  value = tool_size(NULL, "slots", text);
  valid = read_size(text, &expected);
  FUZZ_REQUIRE(refused == !valid);
  FUZZ_REQUIRE(refused || value == expected);
  FUZZ_REQUIRE(strlen(tool_words(value)) > 0);
}

/* ---- options as text ---- */

/* All of them, or none, is set; what it came to is in its range. */
static void read_options_text(const char *text)
{
  slh_pool_options pool = SLH_POOL_OPTIONS_INIT, pool_before = pool;
  slh_runtime_options runtime = SLH_RUNTIME_OPTIONS_INIT, runtime_before = runtime;
  slh_heap_options heap = SLH_HEAP_OPTIONS_INIT, heap_before = heap;
  slh_error error = {0};
  slh_pool_plan plan;

  if (slh_pool_options_parse(&pool, text, &error) == SLH_OK) {
    slh_status status = slh_pool_plan_new(&pool, NULL, &plan, &error);

    if (status != SLH_OK)
      check_error(status, &error);
  } else {
    check_error(SLH_E_INVALID, &error);
    FUZZ_REQUIRE(memcmp(&pool, &pool_before, sizeof pool) == 0);
  }
  if (slh_runtime_options_parse(&runtime, text, &error) != SLH_OK) {
    check_error(SLH_E_INVALID, &error);
    FUZZ_REQUIRE(memcmp(&runtime, &runtime_before, sizeof runtime) == 0);
  }
  if (slh_heap_options_parse(&heap, text, &error) != SLH_OK) {
    check_error(SLH_E_INVALID, &error);
    FUZZ_REQUIRE(memcmp(&heap, &heap_before, sizeof heap) == 0);
  }
}

/* In a block of its very size, so that a sanitizer sees what is read beyond. */
static void read_text(const struct fuzz_input *input)
{
  char *text = malloc(input->left + 1);

  FUZZ_REQUIRE(text != NULL);
  memcpy(text, input->at, input->left);
  text[input->left] = '\0';
  read_size_text(text);
  read_options_text(text);
  free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct fuzz_input input = {data, size};

  switch (fuzz_bytes(&input, 1) % 3) {
  case 0:
    plan_pool(&input);
    break;
  case 1:
    make_heap(&input);
    break;
  default:
    read_text(&input);
  }
  return 0;
}
