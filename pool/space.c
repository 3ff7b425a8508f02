/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Evacuation spaces, which a pool lends to collections. */
#include "pool/pool.h"

slh_status slhi_pool_lend_space(struct slot *slot, uint64_t bytes)
{
  struct slab *spaces = &slhi_pool_of(slot)->spaces;
  struct slot *space = slhi_slab_take(spaces, 0, 0);
  slh_status status;

  SLHI_ASSERT_EQ(slot->space, 0);
  if (!space)
    return SLH_E_BUSY;
  status = slhi_slot_grow(space, bytes);
  if (status != SLH_OK) {
    slhi_slab_put(spaces, space, 0);
    return status;
  }
  slot->space = (uint16_t)(space - spaces->slots + 1);
  return SLH_OK;
}

void slhi_pool_return_space(struct slot *slot, uint64_t used)
{
  struct slot *space = slhi_slot_space(slot);

  slot->space = 0;
  slhi_slot_release(space, slhi_slot_start(space), used,
                    slhi_pool_of(slot)->plan.keep_evacuation_bytes, SLH_ISOLATION_NONE);
}
