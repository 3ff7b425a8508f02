/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "pool/plan.h"

#include <inttypes.h>
#include <slotheap/heap.h>

#include "pool/error.h"
#include "pool/os.h"

#define KIB UINT64_C(1024)
#define MIB (1024 * KIB)
#define TIB (1024 * 1024 * MIB)

/* field, minimum, default, maximum */
#define OPTIONS(X)                                                                                 \
  X(slots, 1, 1000, UINT64_C(1) << 31)                                                             \
  X(max_heap_bytes, 4 * KIB, SLHI_MAX_HEAP_BYTES, SLHI_MAX_HEAP_BYTES)                             \
  X(guard_bytes, SLH_STRUCT_SIZE_MAX, 1 * MIB, 1 * TIB)                                            \
  X(keep_resident_bytes, 1, 1 * MIB, UINT64_MAX - MIB)                                             \
  X(max_collections, 1, 16, 65536)                                                                 \
  X(keep_evacuation_bytes, 1, 32 * MIB, UINT64_MAX - MIB)                                          \
  X(budget_bytes, 1, UINT64_MAX, UINT64_MAX)

static slh_status read_options(const slh_pool_options *given, slh_pool_options *options,
                               slh_error *error)
{
  static const slh_pool_options defaults = SLH_POOL_OPTIONS_INIT;

  *options = given ? *given : defaults;
  if (options->struct_size != sizeof *options)
    return slhi_error(error, SLH_E_INVALID,
                      "slh_pool_options.struct_size is %zu, this version knows %zu: start from "
                      "SLH_POOL_OPTIONS_INIT",
                      options->struct_size, sizeof *options);
#define CHECK(field, minimum, initial, maximum)                                                    \
  if (options->field == 0)                                                                         \
    options->field = (initial);                                                                    \
  if (options->field < (minimum) || options->field > (maximum))                                    \
    return slhi_error(error, SLH_E_INVALID,                                                        \
                      #field " is %" PRIu64 ", allowed are %" PRIu64 " to %" PRIu64,               \
                      options->field, (uint64_t)(minimum), (uint64_t)(maximum));
  OPTIONS(CHECK)
  if ((unsigned)options->isolation > SLH_ISOLATION_NONE)
    return slhi_error(error, SLH_E_INVALID, "isolation is %d, allowed are 0 to %d",
                      (int)options->isolation, (int)SLH_ISOLATION_NONE);
  return SLH_OK;
}

static slh_status check_limits(const slh_host_limits *limits, slh_error *error)
{
  uint64_t page = limits->page_bytes;

  if (page < 4 * KIB || page > 64 * KIB || (page & (page - 1)) != 0)
    return slhi_error(error, SLH_E_INVALID,
                      "page_bytes is %" PRIu64 ", allowed are powers of two from 4096 to 65536",
                      page);
  return SLH_OK;
}

static void lay_out(const slh_pool_options *options, uint64_t page, slh_pool_plan *plan)
{
  plan->page_bytes = page;
  plan->slots = options->slots;
  plan->isolation = options->isolation;
  plan->budget_bytes = options->budget_bytes;
  plan->max_heap_bytes = slhi_round_up(options->max_heap_bytes, page);
  plan->guard_bytes = slhi_round_up(options->guard_bytes, page);
  plan->slot_stride_bytes = SLHI_WIDE_BYTES + plan->guard_bytes;
  plan->lead_guard_bytes = page;
  plan->keep_resident_bytes =
      slhi_at_most(slhi_round_up(options->keep_resident_bytes, page), plan->max_heap_bytes);
  plan->evacuation_spaces = options->max_collections;
  plan->evacuation_stride_bytes = plan->max_heap_bytes + page;
  plan->keep_evacuation_bytes =
      slhi_at_most(slhi_round_up(options->keep_evacuation_bytes, page), plan->max_heap_bytes);
}

/* Two mappings a slot (accessible, not accessible); the lead and the table of
 * records of each slab; the record of the pool. */
static uint64_t mappings(uint64_t slots, uint64_t spaces)
{
  return 2 * slots + 2 * spaces + 5;
}

/* How many slots fit into what `limit` leaves after `fixed`. */
static uint64_t slots_that_fit(uint64_t limit, uint64_t fixed, uint64_t each)
{
  return limit > fixed ? (limit - fixed) / each : 0;
}

/* That the host has room for the slots. Errors name the limit that is met
 * first, and what fits within all of them. */
static slh_status check_fit(slh_pool_plan *plan, const slh_host_limits *limits, slh_error *error)
{
  uint64_t spaces = plan->evacuation_spaces;
  uint64_t fixed_bytes =
      spaces * plan->evacuation_stride_bytes + plan->page_bytes + plan->lead_guard_bytes;
  uint64_t by_bytes =
      slots_that_fit(limits->address_space_bytes, fixed_bytes, plan->slot_stride_bytes);
  uint64_t by_mappings =
      slots_that_fit(limits->max_mappings, mappings(0, spaces) + SLHI_SPARE_MAPPINGS, 2);
  uint64_t fit = by_bytes < by_mappings ? by_bytes : by_mappings;

  if (plan->slots > by_bytes)
    return slhi_error(error, SLH_E_LIMIT,
                      "%" PRIu64 " slots of %" PRIu64 " bytes and %" PRIu64
                      " evacuation spaces exceed the %" PRIu64 " bytes of address space; %" PRIu64
                      " slots would fit",
                      plan->slots, plan->slot_stride_bytes, spaces, limits->address_space_bytes,
                      fit);
  plan->mappings = mappings(plan->slots, spaces);
  if (plan->slots > by_mappings)
    return slhi_error(
        error, SLH_E_LIMIT,
        "%" PRIu64 " slots take up to %" PRIu64 " mappings, the system allows %" PRIu64
        " (vm.max_map_count) and %d are left to the process; %" PRIu64 " slots would fit",
        plan->slots, plan->mappings, limits->max_mappings, SLHI_SPARE_MAPPINGS, fit);
  plan->slab_bytes = plan->lead_guard_bytes + plan->slots * plan->slot_stride_bytes;
  plan->evacuation_slab_bytes = plan->page_bytes + spaces * plan->evacuation_stride_bytes;
  return SLH_OK;
}

slh_status slh_pool_plan_new(const slh_pool_options *given, const slh_host_limits *limits,
                             slh_pool_plan *out, slh_error *error)
{
  slh_host_limits host;
  slh_pool_options options;
  slh_pool_plan plan = {0};
  slh_status status = read_options(given, &options, error);

  if (status != SLH_OK)
    return status;
  if (!limits) {
    host.page_bytes = slhi_os_page_size();
    host.address_space_bytes = slhi_os_address_space();
    host.max_mappings = slhi_os_mapping_limit();
    limits = &host;
  }
  status = check_limits(limits, error);
  if (status != SLH_OK)
    return status;
  lay_out(&options, limits->page_bytes, &plan);
  status = check_fit(&plan, limits, error);
  if (status != SLH_OK)
    return status;
  *out = plan;
  return SLH_OK;
}
