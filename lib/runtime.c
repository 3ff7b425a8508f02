/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "lib/runtime.h"

#include "lib/heap.h"
#include "pool/options.h"

/* --enable-zeal=N */
#ifndef SLH_DEFAULT_ZEAL
#define SLH_DEFAULT_ZEAL 0
#endif

static const struct collector *find_collector(slh_collector collector)
{
  switch (collector) {
  case SLH_COLLECTOR_COPYING:
    return &slhi_copying_collector;
  case SLH_COLLECTOR_NULL:
    return &slhi_null_collector;
  case SLH_COLLECTOR_GENERATIONAL:
    return &slhi_generational_collector;
  case SLH_COLLECTOR_DRC:
    return &slhi_drc_collector;
  }
  return NULL;
}

slh_status slh_runtime_new(const slh_runtime_options *given, slh_runtime **out, slh_error *error)
{
  slh_runtime_options options;
  slh_allocator allocator;
  const struct collector *collector;
  slh_runtime *runtime;
  slh_status status =
      slhi_read_options("slh_runtime_options", given, &options, sizeof options, error);

  if (status != SLH_OK)
    return status;
  collector = find_collector(options.collector);
  if (!collector)
    return slhi_error(error, SLH_E_INVALID, "collector is %d, allowed are 0 to %d",
                      (int)options.collector, (int)SLH_COLLECTOR_DRC);
  if (options.zeal > SLH_ZEAL_MAX && options.zeal != SLH_ZEAL_NEVER)
    return slhi_error(error, SLH_E_INVALID, "zeal is %u, allowed are 0 to %u and SLH_ZEAL_NEVER",
                      (unsigned)options.zeal, SLH_ZEAL_MAX);
  if (options.policy &&
      !(options.policy->act && options.policy->soft_limit && options.policy->nursery))
    return slhi_error(error, SLH_E_INVALID, "a policy needs act, soft_limit and nursery");
  status = slhi_read_allocator(options.allocator, &allocator, error);
  if (status != SLH_OK)
    return status;
  runtime = slhi_allocate(&allocator, sizeof *runtime);
  if (!runtime)
    return slhi_error(error, SLH_E_NOMEM, "no memory for a runtime");
  memset(runtime, 0, sizeof *runtime);
  runtime->allocator = allocator;
  runtime->collector = collector;
  runtime->young_mask = collector->counts ? SLHI_YOUNG_COUNTING : 0;
  runtime->policy = options.policy ? *options.policy : *slh_default_policy();
  runtime->zeal = options.zeal ? options.zeal : SLH_DEFAULT_ZEAL;
  if (runtime->zeal == SLH_ZEAL_NEVER)
    runtime->zeal = 0;
  status = slhi_types_open(runtime);
  if (status != SLH_OK) {
    slhi_free(&allocator, runtime);
    return slhi_error(error, status, "no memory for the type table");
  }
  slhi_sign(&runtime->signature, SLHI_SIGNATURE_RUNTIME);
  *out = runtime;
  return SLH_OK;
}

void slh_runtime_free(slh_runtime *runtime)
{
  slh_allocator allocator;

  if (!runtime)
    return;
  slhi_check_runtime(runtime, "slh_runtime_free");
  if (slhi_runtime_has_heaps(runtime))
    slhi_misuse("slh_runtime_free", "a heap of the runtime has not been released");
  if (atomic_load(&runtime->images) != 0)
    slhi_misuse("slh_runtime_free", "an image of the runtime has not been freed");
  slhi_spoil_signature(&runtime->signature);
  allocator = runtime->allocator;
  slhi_types_close(runtime);
  slhi_free(&allocator, runtime);
}
