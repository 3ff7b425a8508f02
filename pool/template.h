/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Templates: bytes, sealed, that slots begin with, by a copy or by a private
 * mapping at the slot's front. A front stays mapped from one use of its slot to
 * the next, so that a slot which serves the same template again needs one
 * system call, at release, for the pages that were written.
 *
 *   slot  |== front: private pages, and the template's ==|== dirty ==|.. zero ..|
 *
 * Only slots of wide pools have fronts, and only where the pages that were
 * written can be dropped. What the rest of pool/ says of a slot's bytes, that they
 * are scrubbed, kept or given back, is then said of those behind its front.
 *
 * The states of a front, by the slot's `has_front` and the front's `template`:
 *
 *   has_front  template  slot    bytes of the front
 *   false      0         any     there is none: all bytes are the slot's own
 *   true       an id     taken   the template's, and private copies of pages written
 *   true       an id     free    the template's: the copies were dropped after the use
 *   true       0         free    not known: the system did not drop the copies, or did
 *                                not map what was to be there instead
 *   true       0         taken   zeroes, and what the store writes, as if there were none
 *
 * Without a front `resident`, extents and the dirty bytes of slhi_slot_reset count from
 * the slot's start. With one they count from where the front ends, and `resident` is a
 * page at least, so that decay finds the slot. `committed` counts from the start always;
 * `stale` is 0 where there can be fronts, for those pools scrub.
 */
#ifndef SLOTHEAP_POOL_TEMPLATE_H
#define SLOTHEAP_POOL_TEMPLATE_H

#include <slotheap/base.h>

#include "pool/pool.h"

struct slhi_template {
  uint64_t id;    /* unique in the process; 0: not open */
  char *memory;   /* page-aligned */
  uint64_t bytes; /* of the mapping: a multiple of a page */
  int fd;         /* sealed memory, or -1: it can only be copied */
};

/* Memory for a template, zeroed, to be written; if `map`, such that slots can have
 * it mapped, where the system has that. SLH_E_NOMEM. */
slh_status slhi_template_open(struct slhi_template *template, uint64_t bytes, bool map,
                              slh_error *error);

/* Its first `bytes` bytes are all that is kept; from now on nothing changes them. What
 * the system does not seal can only be copied. SLH_E_SYSTEM: it is to be closed. */
slh_status slhi_template_seal(struct slhi_template *template, uint64_t bytes, slh_error *error);
void slhi_template_close(struct slhi_template *template);

/* No slot is to have it mapped: it costs no descriptor any more. */
void slhi_template_keep_private(struct slhi_template *template);

/* Whether slots of the pool can have it mapped. */
bool slhi_template_can_be_mapped(const struct slhi_template *template, const slh_pool *pool);

/*
 * Makes its first `bytes` bytes those of a slot that was just taken, is
 * accessible so far, and has no front. Where `map`, by a mapping, which
 * takes whole pages, if that can be had. Behind them the slot is as it was.
 */
void slhi_slot_begin_with(struct slot *slot, const struct slhi_template *template, uint64_t bytes,
                          bool map);

/* Whether a slot's front is that of the template with this id, which is not 0. */
bool slhi_slot_begins_with(const struct slot *slot, uint64_t id);

/* A taken slot that has a front: from now on there are zeroes, without one if it can be. */
void slhi_slot_blank_front(struct slot *slot);

/* Drops what was written to a slot's front. It is for the end of a use. */
void slhi_slot_renew_front(struct slot *slot);

/* Nobody will need the front soon. False: the system has no mapping for what is
 * to be there instead; it is as it was. */
bool slhi_slot_drop_front(struct slot *slot);

#endif
