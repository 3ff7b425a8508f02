/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* What compilers are told of heaps. */
#include <slotheap/codegen.h>
#include <slotheap/heap-data.h>
#include <slotheap/barrier.h>
#include <slotheap/ref.h>
#include <slotheap/type.h>

#include "lib/header.h"
#include "lib/object.h"
#include "pool/options.h"

#define FIELD(name)                                                                                \
  {                                                                                                \
    offsetof(slh_heap_data, name), sizeof(((slh_heap_data *)NULL)->name)                           \
  }

/* What is the same for all. */
static const slh_codegen common = {
    .base = FIELD(base),
    .bump = FIELD(bump),
    .limit = FIELD(limit),
    .dirty = FIELD(dirty),
    .mask = FIELD(mask),
    .young = FIELD(young),
    .remembered = FIELD(remembered),
    .remembered_end = FIELD(remembered_end),
    .reference_bytes = sizeof(slh_ref),
    .null_bits = 0,
    .i31_tag = 1,
    .i31_shift = 1,
    .object_align = SLHI_OBJECT_ALIGN,
    .header_state = SLH_HEADER_STATE,
    .header_logged = SLH_HEADER_LOGGED,
    .header_index_shift = SLHI_INDEX_SHIFT,
    .array_length_at = SLH_ARRAY_LENGTH_OFFSET,
    .array_data_at = SLH_ARRAY_DATA_OFFSET,
    .exn_tag_instance_at = SLH_EXN_TAG_INSTANCE_OFFSET,
    .exn_tag_index_at = SLH_EXN_TAG_INDEX_OFFSET,
    .inline_bytes_max = UINT32_MAX - (SLHI_OBJECT_ALIGN - 1),
    .remembered_whole = SLH_REMEMBERED_WHOLE,
};

static bool describe_collector(slh_collector collector, slh_codegen *out)
{
  out->collects = out->moves = true;
  out->barrier = SLH_CODEGEN_NO_BARRIER;
  switch (collector) {
  case SLH_COLLECTOR_COPYING:
    return true;
  case SLH_COLLECTOR_NULL:
    out->collects = out->moves = false;
    return true;
  case SLH_COLLECTOR_GENERATIONAL:
    out->barrier = SLH_CODEGEN_REMEMBER;
    return true;
  case SLH_COLLECTOR_DRC:
    out->barrier = SLH_CODEGEN_COUNT;
    out->moves = false;
    out->counts_roots = true;
    return true;
  }
  return false;
}

static bool describe_pool(slh_pool_kind kind, slh_codegen *out)
{
  switch (kind) {
  case SLH_POOL_WIDE:
    out->address = SLH_CODEGEN_ADDED;
    out->null_faults_below = SLH_WIDE_FIRST;
    out->offsets_below = SLH_STRUCT_SIZE_MAX;
    return true;
  case SLH_POOL_DENSE:
    out->address = SLH_CODEGEN_MASKED;
    out->offsets_below = UINT32_MAX;
    out->base_moves = true;
    return true;
  }
  return false;
}

slh_status slh_codegen_describe_sized(slh_collector collector, slh_pool_kind kind, slh_codegen *out,
                                      size_t size)
{
  slh_codegen codegen = common;

  if (!describe_collector(collector, &codegen) || !describe_pool(kind, &codegen))
    return SLH_E_INVALID;
  slhi_write_figures(out, size, &codegen, sizeof codegen);
  return SLH_OK;
}
