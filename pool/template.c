/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "pool/template.h"

#include <errno.h>

#include "pool/error.h"
#include "pool/os.h"

/* ---- templates ---- */

/* Of a template: there is a page even if there is nothing in it. */
static uint64_t mapping_bytes(uint64_t bytes)
{
  return slhi_round_up(bytes ? bytes : 1, slhi_os_page_size());
}

slh_status slhi_template_open(struct slhi_template *template, uint64_t bytes, bool map,
                              slh_error *error)
{
  static _Atomic uint64_t ids;
  uint64_t size = mapping_bytes(bytes);
  void *memory;
  int failed;

  *template = (struct slhi_template){.fd = -1, .bytes = size};
  failed = map ? slhi_os_template_open(size, &template->fd, &memory) : ENOSYS;
  if (failed) { /* it is copied, from any memory */
    template->fd = -1;
    failed = slhi_os_map(size, &memory);
  }
  if (failed)
    return slhi_error_errno(error, SLH_E_NOMEM, failed, "mapping %llu bytes for an image",
                            (unsigned long long)size);
  template->memory = memory;
  template->id = atomic_fetch_add_explicit(&ids, 1, memory_order_relaxed) + 1;
  return SLH_OK;
}

slh_status slhi_template_seal(struct slhi_template *template, uint64_t bytes, slh_error *error)
{
  uint64_t kept = mapping_bytes(bytes);
  void *memory = template->memory;
  bool sealed;
  int failed;

  if (template->fd < 0) {
    failed = slhi_os_protect_writes(memory, template->bytes);
    return failed ? slhi_error_errno(error, SLH_E_SYSTEM, failed, "sealing an image") : SLH_OK;
  }
  failed = slhi_os_template_seal(template->fd, template->bytes, kept, &memory, &sealed);
  template->memory = memory;
  template->bytes = kept;
  if (!failed && !sealed)
    slhi_template_keep_private(template);
  if (!failed)
    return SLH_OK;
  slhi_os_template_close(template->fd);
  template->id = 0;
  return slhi_error_errno(error, SLH_E_SYSTEM, failed, "sealing the %llu bytes of an image",
                          (unsigned long long)kept);
}

void slhi_template_keep_private(struct slhi_template *template)
{
  if (template->fd >= 0)
    slhi_os_template_close(template->fd);
  template->fd = -1;
}

void slhi_template_close(struct slhi_template *template)
{
  if (template->id == 0)
    return;
  slhi_os_unmap(template->memory, template->bytes);
  if (template->fd >= 0)
    slhi_os_template_close(template->fd);
  template->id = 0;
}

bool slhi_template_can_be_mapped(const struct slhi_template *template, const slh_pool *pool)
{
  const slh_pool_plan *plan = &pool->plan;

  return template->fd >= 0 && !slhi_pool_is_dense(pool) && !plan->populate &&
         plan->isolation != SLH_ISOLATION_NONE &&
         pool->heaps[0].decommit.engine != SLH_DECOMMIT_MEMSET;
}

/* ---- fronts ---- */

/* For slots of slabs that have fronts. */
static struct front *front_of(struct slot *slot)
{
  SLHI_ASSERT(slot->slab->fronted);
  return &slot->slab->fronts[slhi_slot_number(slot)];
}

bool slhi_slot_drop_front(struct slot *slot)
{
  struct front *front = front_of(slot);
  /* What the slot keeps lies behind it: nothing would be known of that. */
  uint64_t bytes = slhi_at_most(front->bytes + slot->resident, slhi_slot_committed(slot));

  if (slhi_os_unmap_template(slhi_slot_start(slot), bytes) != 0)
    return false;
  *front = (struct front){0, 0};
  slot->has_front = false;
  slhi_slot_set_resident(slot, 0);
  slhi_slot_advise(slot, bytes);
  return true;
}

bool slhi_slot_begins_with(const struct slot *slot, uint64_t id)
{
  SLHI_ASSERT(id != 0);
  return slot->has_front && slot->slab->fronts[slhi_slot_number(slot)].template == id;
}

void slhi_slot_blank_front(struct slot *slot)
{
  struct front *front = front_of(slot);

  SLHI_ASSERT(slot->has_front && slhi_slot_is_taken(slot));
  if (slhi_slot_drop_front(slot))
    return;
  memset(slhi_slot_start(slot), 0, front->bytes);
  front->template = 0;
}

void slhi_slot_renew_front(struct slot *slot)
{
  struct front *front = front_of(slot);

  if (slhi_os_renew_template(slhi_slot_start(slot), front->bytes) != 0)
    front->template = 0;
}

void slhi_slot_begin_with(struct slot *slot, const struct slhi_template *template, uint64_t bytes,
                          bool map)
{
  char *start = slhi_slot_start(slot);

  if (map && bytes != 0 && !slot->has_front &&
      slhi_os_map_template(start, template->bytes, template->fd) == 0) {
    *front_of(slot) = (struct front){template->id, template->bytes};
    slot->has_front = true;
    slhi_slot_set_resident(slot, slot->resident - slhi_at_most(slot->resident, template->bytes));
    return;
  }
  if (bytes != 0)
    memcpy(start, template->memory, bytes);
}
