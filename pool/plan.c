/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "pool/plan.h"

#include <inttypes.h>
#include <slotheap/type.h>
#include <slotheap/heap-data.h>

#include "pool/error.h"
#include "pool/option-table.h"
#include "pool/options.h"
#include "pool/os.h"
#include "pool/pool-options.h"

/* Most bytes of an address, so that no sum below overflows. */
#define ADDRESSES (UINT64_C(1) << 56)

static slh_status check_dense(const slh_pool_options *options, slh_error *error)
{
  uint64_t width = options->slot_bytes;

  if ((width & (width - 1)) != 0)
    return slhi_error(error, SLH_E_INVALID, "slot_bytes is %" PRIu64 ", allowed are powers of two",
                      width);
  if (options->guard_bytes != 0 && width < 64 * SLHI_KIB)
    return slhi_error(error, SLH_E_INVALID,
                      "guard_bytes is %" PRIu64 ", but slots of %" PRIu64
                      " bytes are too small for guards: allowed is 0, or slot_bytes from 65536 on",
                      options->guard_bytes, width);
  if (options->max_heap_bytes > SLHI_DENSE_MOST)
    return slhi_error(error, SLH_E_INVALID,
                      "max_heap_bytes is %" PRIu64 ", allowed are 1 to %" PRIu64
                      " in a dense pool, and 0 for its default",
                      options->max_heap_bytes, SLHI_DENSE_MOST);
  if (options->guard_bytes > width / 2)
    return slhi_error(error, SLH_E_INVALID,
                      "guard_bytes is %" PRIu64 ", allowed are up to half of slot_bytes, %" PRIu64,
                      options->guard_bytes, width / 2);
  return SLH_OK;
}

static slh_status read_options(const slh_pool_options *given, slh_pool_options *options,
                               slh_error *error)
{
  slh_status status = slhi_read_options("slh_pool_options", given, options, sizeof *options, error);

  if (status != SLH_OK)
    return status;
  status = slhi_options_complete(&slhi_pool_table, options, error);
  if (status != SLH_OK)
    return status;
#define CHECK(field, initial, least, most)                                                         \
  if (options->field == 0)                                                                         \
    options->field = (initial);                                                                    \
  if (options->field < (least) || options->field > (most))                                         \
    return slhi_error(error, SLH_E_INVALID,                                                        \
                      #field " is %" PRIu64 ", allowed are %" PRIu64 " to %" PRIu64,               \
                      options->field, (uint64_t)(least), (uint64_t)(most));
  if (options->kind == SLH_POOL_WIDE) {
    if (options->slot_bytes != 0)
      return slhi_error(error, SLH_E_INVALID,
                        "slot_bytes is %" PRIu64 ", but slots of a wide pool have 4 GiB: allowed "
                        "is 0, or kind SLH_POOL_DENSE",
                        options->slot_bytes);
    SLHI_WIDE_OPTIONS(CHECK)
    return SLH_OK;
  }
  SLHI_DENSE_OPTIONS(CHECK)
  if (check_dense(options, error) != SLH_OK)
    return SLH_E_INVALID;
  return SLH_OK;
}

/* Once it is whole pages of this host. */
static slh_status check_guard(const slh_pool_plan *plan, slh_error *error)
{
  if (plan->kind == SLH_POOL_DENSE && plan->guard_bytes > plan->slot_stride_bytes / 2)
    return slhi_error(error, SLH_E_INVALID,
                      "guard_bytes is %" PRIu64 " as pages of %" PRIu64
                      " bytes, allowed are up to half of slot_bytes, %" PRIu64,
                      plan->guard_bytes, plan->page_bytes, plan->slot_stride_bytes / 2);
  return SLH_OK;
}

static slh_status check_limits(const slh_host_limits *limits, slh_error *error)
{
  uint64_t page = limits->page_bytes;

  if (page < 4 * SLHI_KIB || page > 64 * SLHI_KIB || (page & (page - 1)) != 0)
    return slhi_error(error, SLH_E_INVALID,
                      "page_bytes is %" PRIu64 ", allowed are powers of two from 4096 to 65536",
                      page);
  return SLH_OK;
}

static void lay_out_wide(const slh_pool_options *options, slh_pool_plan *plan)
{
  plan->max_heap_bytes = slhi_round_up(options->max_heap_bytes, plan->page_bytes);
  plan->slot_stride_bytes = SLHI_WIDE_BYTES + plan->guard_bytes;
  plan->lead_guard_bytes = plan->page_bytes;
  plan->sizes = 1;
}

/* As many slots of each size, so that each heap can grow to the largest. */
static void lay_out_dense(const slh_pool_options *options, slh_pool_plan *plan)
{
  uint64_t need = options->max_heap_bytes + plan->guard_bytes;
  uint64_t width = options->slot_bytes;

  if (options->max_heap_bytes == 0)
    need = 16 * width;
  for (plan->sizes = 1; width < need && width < SLHI_DENSE_MOST; plan->sizes++)
    width *= 2;
  plan->slot_stride_bytes = options->slot_bytes;
  plan->max_heap_bytes = width - plan->guard_bytes - SLH_DENSE_FIRST;
}

static void lay_out(const slh_pool_options *options, uint64_t page, slh_pool_plan *plan)
{
  uint64_t most;

  plan->kind = options->kind;
  plan->page_bytes = page;
  plan->slots = options->slots;
  plan->isolation = options->isolation;
  plan->budget_bytes = options->budget_bytes;
  plan->resident_budget_bytes = options->resident_budget_bytes;
  plan->decay_ms = options->decay_ms;
  plan->decommit = options->decommit;
  plan->huge_pages = options->huge_pages;
  plan->populate = options->populate && options->kind == SLH_POOL_WIDE;
  plan->guard_bytes = slhi_round_up(options->guard_bytes, page);
  if (plan->kind == SLH_POOL_WIDE)
    lay_out_wide(options, plan);
  else
    lay_out_dense(options, plan);
  most = slhi_round_up(plan->max_heap_bytes, page);
  plan->keep_resident_bytes = slhi_at_most(slhi_round_up(options->keep_resident_bytes, page), most);
  plan->evacuation_spaces = options->max_collections;
  plan->evacuation_stride_bytes = most + page;
  plan->keep_evacuation_bytes =
      slhi_at_most(slhi_round_up(options->keep_evacuation_bytes, page), most);
}

/* Address space of one slot of each size. */
static uint64_t bytes_each(const slh_pool_plan *plan)
{
  return plan->slot_stride_bytes * ((UINT64_C(1) << plan->sizes) - 1);
}

/* Mappings that a slot can take: wide, what is accessible and what is not;
 * dense, none of its own, unless its guards are. */
static uint64_t mappings_each(const slh_pool_plan *plan, const slh_host_limits *limits)
{
  if (plan->kind == SLH_POOL_WIDE)
    return 2;
  return plan->guard_bytes != 0 && !limits->light_guards ? 2 * plan->sizes : 0;
}

/* Two for each space (as for wide slots) and its lead, the records of each
 * slab, the heaps' memory, the record of the pool. */
static uint64_t mappings_fixed(const slh_pool_plan *plan)
{
  return 2 * plan->evacuation_spaces + plan->sizes + 4;
}

/* How many slots fit into what `limit` leaves after `fixed`. */
static uint64_t slots_that_fit(uint64_t limit, uint64_t fixed, uint64_t each)
{
  if (each == 0)
    return limit > fixed ? UINT64_MAX : 0;
  return limit > fixed ? (limit - fixed) / each : 0;
}

/* The slots of each size begin at a page. */
static uint64_t slab_bytes(const slh_pool_plan *plan)
{
  uint64_t bytes = plan->lead_guard_bytes;

  for (uint64_t size = 0; size < plan->sizes; size++)
    bytes += slhi_round_up(plan->slots * (plan->slot_stride_bytes << size), plan->page_bytes);
  return bytes;
}

/* That the host has room for the slots. Errors name the limit that is met
 * first, and what fits within all of them. */
static slh_status check_fit(slh_pool_plan *plan, const slh_host_limits *limits, slh_error *error)
{
  uint64_t spaces = plan->evacuation_spaces;
  uint64_t rounded = plan->slot_stride_bytes < plan->page_bytes ? plan->sizes : 0; /* up, pages */
  uint64_t fixed_bytes = spaces * plan->evacuation_stride_bytes + plan->lead_guard_bytes +
                         (1 + rounded) * plan->page_bytes;
  uint64_t by_bytes = slots_that_fit(slhi_at_most(limits->address_space_bytes, ADDRESSES),
                                     fixed_bytes, bytes_each(plan));
  uint64_t by_mappings =
      slots_that_fit(limits->max_mappings, mappings_fixed(plan) + SLHI_SPARE_MAPPINGS,
                     mappings_each(plan, limits));
  uint64_t fit = by_bytes < by_mappings ? by_bytes : by_mappings;

  if (plan->slots > by_bytes)
    return slhi_error(error, SLH_E_LIMIT,
                      "%" PRIu64 " slots of %" PRIu64 " bytes and %" PRIu64
                      " evacuation spaces exceed the %" PRIu64 " bytes of address space; %" PRIu64
                      " slots would fit",
                      plan->slots, bytes_each(plan), spaces, limits->address_space_bytes, fit);
  plan->mappings = mappings_fixed(plan) + plan->slots * mappings_each(plan, limits);
  if (plan->slots > by_mappings)
    return slhi_error(
        error, SLH_E_LIMIT,
        "%" PRIu64 " slots take up to %" PRIu64 " mappings, the system allows %" PRIu64
        " (vm.max_map_count) and %d are left to the process; %" PRIu64 " slots would fit",
        plan->slots, plan->mappings, limits->max_mappings, SLHI_SPARE_MAPPINGS, fit);
  plan->slab_bytes = slab_bytes(plan);
  plan->evacuation_slab_bytes = plan->page_bytes + spaces * plan->evacuation_stride_bytes;
  return SLH_OK;
}

void slh_host_limits_get(slh_host_limits *out)
{
  out->page_bytes = slhi_os_page_size();
  out->address_space_bytes = slhi_os_address_space();
  out->max_mappings = slhi_os_mapping_limit();
  out->light_guards = slhi_os_has(SLHI_OS_GUARD);
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
    slh_host_limits_get(&host);
    limits = &host;
  }
  status = check_limits(limits, error);
  if (status != SLH_OK)
    return status;
  lay_out(&options, limits->page_bytes, &plan);
  status = check_guard(&plan, error);
  if (status == SLH_OK)
    status = check_fit(&plan, limits, error);
  if (status != SLH_OK)
    return status;
  *out = plan;
  return SLH_OK;
}
