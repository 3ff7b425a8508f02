/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* The collector that never collects. */
#include "lib/collector.h"

static slh_status collect(slh_heap *heap, const slh_roots *roots)
{
  (void)heap;
  (void)roots;
  return SLH_OK;
}

const struct collector slhi_null_collector = {"null", false, collect};
