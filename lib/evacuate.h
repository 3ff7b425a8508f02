/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Evacuation: Cheney's breadth-first copying ("A nonrecursive list compacting
 * algorithm", CACM 13:11, 1970), into a space that is not part of the heap.
 * References are written as their final offsets, so that the survivors can be
 * copied back behind `start` as they are:
 *
 *   heap   |== start ======= from =======end|......|
 *                    evacuate |     ^
 *                             v     | copy back
 *   space      |== scanned ==|== grey ==|free....|
 *                            ^scan
 *
 * The heap may hold anything. A reference is followed only if it is aligned
 * and inside [start, end); an object is copied only if its header names a
 * type, and it fits into what is left of the heap and of the space. Objects
 * in the space were checked when they were copied, and nobody can change them.
 *
 * Objects of more than SLHI_LAZY_BYTES are given their place at once, but
 * copied when they are scanned, a part at a time: so no step of a collection
 * is longer for them.
 */
#ifndef SLOTHEAP_LIB_EVACUATE_H
#define SLOTHEAP_LIB_EVACUATE_H

#include "lib/large.h"
#include "lib/object.h"
#include "lib/phase.h"
#include "lib/tables.h"

struct evacuation {
  char *from;         /* address of offset 0 in the heap */
  char *to;           /* address of offset 0 if the space were the heap */
  uint32_t start;     /* what is moved lies in [start, end) */
  uint32_t span;      /* (end - start) / 8 */
  uint32_t first;     /* slhi_heap_first: what lies in [first, start) stays */
  uint32_t old_span;  /* (start - first) / 8: of what stays */
  uint32_t sure_span; /* so far any small object fits */
  uint64_t end;
  uint64_t sure; /* end, less what a small object takes */
  uint64_t free; /* final offset of the next copy */
  uint64_t scan; /* final offset of the object to be scanned next */
  /* How far that object is scanned, if it is one of those that take several
   * steps: bytes of an array, references of a struct. */
  uint64_t part;
  uint32_t source; /* where a lazy object is copied from */
  struct shapes shapes;
  struct tables *tables; /* for externrefs */
  struct larges *larges;
};

/* An evacuation of [start, bump) of a heap into a space. References to what
 * lies before it stay as they are. */
struct evacuation slhi_evacuation(slh_heap *heap, struct tables *tables, uint64_t start,
                                  char *space);

/* Rewrites up to `count` references that lie side by side; fewer if more than
 * `budget` bytes were copied for them. Returns how many, or SLHI_CORRUPT. */
uint64_t slhi_evacuate_range(struct evacuation *e, char *at, uint64_t count, uint64_t budget);

/* Rewrites the references of an object that stays where it is, at `at`. Goes on
 * at reference `*part`; how many it has done, or SLHI_CORRUPT. It is done
 * with all when `*complete` is set. */
uint64_t slhi_evacuate_in_place(struct evacuation *e, char *at, const struct object *object,
                                uint64_t *part, uint64_t budget, bool *complete);

/*
 * The same for roots, which a host may list more than once: a reference that
 * was rewritten is told from one that was not by a bit that is set in it until
 * slhi_finish_roots. PHASE_CHECK has seen that none has it from elsewhere.
 */
#define SLHI_ROOT_DONE UINT32_C(2)

uint64_t slhi_evacuate_roots(struct evacuation *e, slh_ref *first, uint64_t count, uint64_t budget);
void slhi_finish_roots(slh_ref *first, uint64_t count);

/* Scans grey objects until none is left, or about `*budget` bytes were scanned
 * and copied, which are taken off it. False: corrupt. */
bool slhi_evacuate_scan(struct evacuation *e, uint64_t *budget);

static inline bool slhi_evacuation_is_complete(const struct evacuation *e)
{
  return e->scan == e->free && e->larges->grey == 0;
}

/* Where an object that was reached is now; 0 if it was not reached, or is none.
 * Null, i31s, and what lies before `start` are themselves. */
uint32_t slhi_evacuation_find(const struct evacuation *e, uint32_t ref);

#endif
