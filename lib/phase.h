/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* The phases of a collection, and the way of all of them through the roots. */
#ifndef SLOTHEAP_LIB_PHASE_H
#define SLOTHEAP_LIB_PHASE_H

#include <slotheap/roots.h>

/* In the order in which they come. With collectors that copy, ephemerons lead back to the
 * scan until their values have moved; finalizers do once, for what they revive. */
enum phase {
  PHASE_CHECK, /* that no root is misaligned */
  /* Collectors that copy: */
  PHASE_ROOTS,      /* what the roots refer to is moved */
  PHASE_IMAGE,      /* all: what objects of an image refer to is moved */
  PHASE_HANDLES,    /* young: what handles with a mark refer to is moved */
  PHASE_CARDS,      /* young: what remembered parts of arrays refer to */
  PHASE_REMEMBERED, /* young: what remembered objects refer to */
  PHASE_UNCHAIN,    /* young: ephemerons of keys that can move leave their chains */
  PHASE_SCAN,       /* what moved objects refer to is moved */
  PHASE_EPHEMERONS, /* values of keys that are alive are moved */
  PHASE_WEAK,       /* weak references to what was not reached are cleared */
  PHASE_FINALIZERS, /* finalizers of what was not reached are queued */
  PHASE_REVIVE,     /* the objects queued are moved */
  PHASE_DEAD_KEYS,  /* ephemerons of what is still not reached are removed */
  PHASE_INDEX,      /* the others are found by their keys again */
  PHASE_COPY_BACK,  /* survivors are copied to where they belong */
  PHASE_FINISH,     /* the roots get their final form */
  /* drc: */
  PHASE_MARK,    /* what may be on a stack, and is, gets a mark */
  PHASE_PROMOTE, /* what is new and lives has its references counted */
  PHASE_UNLIST,  /* what has no mark is on no stack */
  PHASE_DROP,    /* what is referred to no more is reclaimed, with what it refers to */
  PHASE_SWEEP,   /* what is new and dead becomes holes; these coalesce */
  PHASE_DONE
};

struct collection;

/* A phase: goes on until its budget is used up. Whether it is done; `*status` is set if
 * the heap turns out to be corrupt. */
typedef bool slhi_phase_fn(struct collection *c, uint64_t *budget, slh_status *status);

/* Instead of a number: the heap is corrupt. */
#define SLHI_CORRUPT UINT64_MAX

/* Works on `count` references of a root or fewer, from number `from` on; how many, or
 * SLHI_CORRUPT. Takes its work off the budget. */
typedef uint64_t slhi_root_fn(struct collection *c, const slh_root *root, uint64_t from,
                              uint64_t count, uint64_t *budget);

/* A phase: all roots, once through. */
bool slhi_each_root(struct collection *c, slhi_root_fn *work, uint64_t *budget, slh_status *status);

/* PHASE_CHECK. */
slhi_phase_fn slhi_check_alignment;

#endif
