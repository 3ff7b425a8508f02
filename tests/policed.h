/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* A store (see store.h) whose runtime has a policy of the test's. */
#ifndef SLOTHEAP_TESTS_POLICED_H
#define SLOTHEAP_TESTS_POLICED_H

#include "tests/store.h"

/* Without zeal, and with the collector that `options` say. `grow` may be NULL; its
 * host is the store. Closed by store_close. */
struct store *policed_open(const struct store_options *options, const slh_policy *policy,
                           slh_grow_fn *grow);

#endif
