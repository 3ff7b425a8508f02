/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Has a test's pools made dense, with slots that heaps soon outgrow. Linked with
 * --wrap=helper_pool. */
#include "tests/helper.h"

slh_pool *__real_helper_pool(const slh_pool_options *options);
slh_pool *__wrap_helper_pool(const slh_pool_options *given);

slh_pool *__wrap_helper_pool(const slh_pool_options *given)
{
  slh_pool_options options = SLH_POOL_OPTIONS_INIT;

  if (given)
    options = *given;
  options.kind = SLH_POOL_DENSE;
  options.slot_bytes = 512;
  options.guard_bytes = 0;
  if (options.max_heap_bytes == 0)
    options.max_heap_bytes = UINT64_C(256) << 20;
  return __real_helper_pool(&options);
}
