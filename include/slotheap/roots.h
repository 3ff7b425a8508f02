/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * slh_roots: the references a collection starts from, listed by address. A
 * collector that moves objects rewrites each of them in place. A list is owned by
 * one thread; its storage is reused after slh_roots_clear.
 */
#ifndef SLOTHEAP_ROOTS_H
#define SLOTHEAP_ROOTS_H

#include <slotheap/base.h>
#include <slotheap/heap.h>
#include <slotheap/ref.h>

SLH_BEGIN_DECLS

/* Where a root lies. */
typedef enum slh_root_kind {
  SLH_ROOT_STACK = 0, /* in a frame of guest code */
  SLH_ROOT_OTHER = 1  /* anywhere else: globals, tables, host variables */
} slh_root_kind;

/* `count` references that lie side by side. */
typedef struct slh_root {
  slh_ref *first;     /* of them; the others follow it */
  const char *reason; /* why they are roots, for those who look inside */
  uint32_t count;     /* how many */
  slh_root_kind kind; /* where they lie */
} slh_root;

/* Makes an empty list. Errors: SLH_E_NOMEM. */
SLH_API SLH_NODISCARD slh_status slh_roots_new(slh_runtime *runtime, slh_roots **out);

/* NULL is ignored. The referenced roots are not touched. */
SLH_API void slh_roots_free(slh_roots *roots);

/*
 * Adds `count` references from `first` on. They must stay where they are
 * until the collection ends. One that is listed twice is one root. `reason` is a
 * static string, or NULL. A failure sticks: a collection given this list fails
 * with it, nothing moved. Errors: SLH_E_NOMEM.
 */
SLH_API slh_status slh_roots_add(slh_roots *roots, slh_root_kind kind, slh_ref *first,
                                 uint32_t count, const char *reason);

/* Empties the list, its failure too; keeps its storage. */
SLH_API void slh_roots_clear(slh_roots *roots);

/* The entries of the list, `*count` of them. Valid until the next call that
 * changes the list. */
SLH_API const slh_root *slh_roots_entries(const slh_roots *roots, size_t *count);

/* Whether the list has no entry. */
SLH_API bool slh_roots_is_empty(const slh_roots *roots);

/* Adds to the list what a collection of the heap would start from if it was given
 * none: what enumerate_roots lists, the handles of the heap ("local roots", "owned
 * roots"), and its "queued finalizers". For looking at; valid until the next call
 * that changes any of them. On the heap's thread. Errors: SLH_E_NOMEM (a part can have
 * been added), SLH_E_CORRUPT. */
SLH_API SLH_NODISCARD slh_status slh_heap_list_roots(slh_heap *heap, slh_roots *roots);

/* Goes through the references of a list one by one. Start with all zero but
 * `roots`. */
typedef struct slh_roots_iterator {
  const slh_roots *roots; /* the list */
  size_t entry;           /* of the list, the next */
  uint32_t item;          /* of the entry, the next */
  slh_ref *ref;           /* the current one */
  const slh_root *root;   /* the entry it belongs to */
} slh_roots_iterator;

/* Moves on; false at the end. The list must not change meanwhile. */
SLH_API bool slh_roots_next(slh_roots_iterator *iterator);

/* The value of the current one. */
static inline slh_ref slh_root_get(const slh_roots_iterator *iterator)
{
  return *iterator->ref;
}

/* Gives the current one a new value. */
static inline void slh_root_set(const slh_roots_iterator *iterator, slh_ref ref)
{
  *iterator->ref = ref;
}

/* Whether the current one lies in a frame of guest code. */
static inline bool slh_root_is_on_stack(const slh_roots_iterator *iterator)
{
  return iterator->root->kind == SLH_ROOT_STACK;
}

SLH_END_DECLS

#endif
