/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Host data in a heap, without a native pointer in it: an externref is an
 * object of 8 bytes with the number of an entry in a table outside the heap; a
 * funcref field holds the number of a function. Numbers read back from a heap
 * are checked.
 *
 * The tables count against the store's max_host_bytes. All on the heap's
 * thread.
 */
#ifndef SLOTHEAP_HOST_H
#define SLOTHEAP_HOST_H

#include <slotheap/base.h>
#include <slotheap/heap.h>
#include <slotheap/ref.h>

SLH_BEGIN_DECLS

/*
 * An externref to `data`, of any value. `drop` (may be NULL) is called exactly
 * once with it: after the collection that found the externref dead, with drc when
 * the last reference to it goes, or when the store is released or reset; never
 * while it lives. If the call fails, `drop` is not called.
 *
 * Drop callbacks run on the heap's thread, out of calls that collect, release
 * or reset, and with drc out of those that drop references (barrier.h). They must
 * not use the heap, and must return (no longjmp): the next call on the heap stops
 * the process otherwise.
 *
 * slh_alloc_externref never collects, slh_new_externref does by itself.
 * Errors: those of slh_alloc_struct / slh_new_struct; SLH_E_HOST_LIMIT,
 * SLH_E_NOMEM (the table).
 */
SLH_API SLH_NODISCARD slh_status slh_alloc_externref(slh_heap *heap, void *data, slh_drop_fn *drop,
                                                     slh_ref *out);
SLH_API SLH_NODISCARD slh_status slh_new_externref(slh_heap *heap, void *data, slh_drop_fn *drop,
                                                   slh_ref *out);

/* The data of an externref. Errors: SLH_E_TYPE (another kind of object, null
 * or an i31), SLH_E_CORRUPT (not an object, or a number without an entry). */
SLH_API SLH_NODISCARD slh_status slh_externref_data(const slh_heap *heap, slh_ref externref,
                                                    void **out);

/* The number of a function (any pointer of the host's: it is not called) for a
 * field of SLH_FUNCREF; the same for the same function as long as the store lives.
 * NULL has number 0. Entries live until the store ends. Errors: SLH_E_HOST_LIMIT,
 * SLH_E_NOMEM, SLH_E_CORRUPT. */
SLH_API SLH_NODISCARD slh_status slh_funcref_intern(slh_heap *heap, const void *function,
                                                    uint32_t *out);

/* The function with that number. Errors: SLH_E_CORRUPT (there is none). */
SLH_API SLH_NODISCARD slh_status slh_funcref_function(const slh_heap *heap, uint32_t number,
                                                      const void **out);

SLH_END_DECLS

#endif
