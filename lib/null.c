/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* The collector that never collects. */
#include "lib/collector.h"

const struct collector slhi_null_collector = {.id = SLH_COLLECTOR_NULL};
