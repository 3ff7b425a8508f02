/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* The way through the roots, in parts; names of phases. */
#include "lib/phase.h"

#include <slotheap/events.h>

#include "lib/collection.h"

bool slhi_each_root(struct collection *c, slhi_root_fn *work, uint64_t *budget, slh_status *status)
{
  while (*budget > 0 && c->cursor < c->roots.count) {
    const slh_root *root = &c->roots.entries[c->cursor];
    uint64_t left = root->count - c->part;
    /* Where there are none, `first` may be NULL. */
    uint64_t done =
        left == 0 ? 0 : work(c, root, c->part, slhi_at_most(left, *budget / 4 + 1), budget);

    if (done == SLHI_CORRUPT) {
      *status = SLH_E_CORRUPT;
      return false;
    }
    slhi_spend(budget, SLHI_ENTRY_WORK);
    c->part += done;
    if (c->part == root->count) {
      c->cursor++;
      c->part = 0;
    }
  }
  return c->cursor == c->roots.count;
}

static uint64_t check_some(struct collection *c, const slh_root *root, uint64_t from,
                           uint64_t count, uint64_t *budget)
{
  uint32_t low = 0;

  (void)c;
  for (uint64_t i = from; i < from + count; i++)
    low |= slh_is_i31(root->first[i]) ? 0 : root->first[i].bits;
  slhi_spend(budget, 4 * count);
  return low % SLHI_OBJECT_ALIGN == 0 ? count : SLHI_CORRUPT;
}

bool slhi_check_alignment(struct collection *c, uint64_t *budget, slh_status *status)
{
  return slhi_each_root(c, check_some, budget, status);
}

const char *slh_phase_name(uint32_t phase)
{
  static const char *const names[] = {
      [PHASE_CHECK] = "check",
      [PHASE_ROOTS] = "roots",
      [PHASE_IMAGE] = "image",
      [PHASE_HANDLES] = "handles",
      [PHASE_CARDS] = "cards",
      [PHASE_REMEMBERED] = "remembered",
      [PHASE_UNCHAIN] = "unchain",
      [PHASE_SCAN] = "scan",
      [PHASE_EPHEMERONS] = "ephemerons",
      [PHASE_WEAK] = "weak",
      [PHASE_FINALIZERS] = "finalizers",
      [PHASE_REVIVE] = "revive",
      [PHASE_DEAD_KEYS] = "dead keys",
      [PHASE_INDEX] = "index",
      [PHASE_COPY_BACK] = "copy back",
      [PHASE_FINISH] = "finish",
      [PHASE_MARK] = "mark",
      [PHASE_PROMOTE] = "promote",
      [PHASE_UNLIST] = "unlist",
      [PHASE_DROP] = "drop",
      [PHASE_SWEEP] = "sweep",
      [PHASE_DONE] = "done",
  };

  return phase <= PHASE_DONE ? names[phase] : "?";
}
