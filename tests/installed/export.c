/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* A host that exports the figures of its pool. */
#include <slotheap-export.h>

int main(void)
{
  slh_pool_options options = SLH_POOL_OPTIONS_INIT;
  slh_export_pool pool = {.name = "installed"};
  slh_export_stats stats = {&pool, 1, NULL, 0};
  slh_pool *of;

  options.slots = 1;
  options.max_collections = 1;
  if (slh_pool_new(&options, &of, NULL) != SLH_OK)
    return 1;
  slh_pool_get_stats(of, &pool.stats);
  slh_pool_free(of);
  return slh_export_prometheus(&stats, stdout) == SLH_OK ? 0 : 1;
}
