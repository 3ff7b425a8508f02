/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Guard traps: an access of compiled code or an inline accessor that leaves
 * what its heap may touch faults, and the fault becomes a status.
 *
 * A host with signal handlers of its own uses slh_find_address in them and
 * needs nothing else of this header.
 */
#ifndef SLOTHEAP_TRAP_H
#define SLOTHEAP_TRAP_H

#include <slotheap/base.h>
#include <slotheap/heap.h>
#include <slotheap/pool.h>

SLH_BEGIN_DECLS

/* Where an address lies. */
typedef struct slh_place {
  slh_pool *pool;  /* whose slot it is */
  slh_heap *heap;  /* of the slot, whether or not a store has it now */
  uint64_t offset; /* from the heap's base: what the reference and the offset added to it were */
} slh_place;

/*
 * Finds the slot that an address belongs to: from the slot's base, over its
 * accessible prefix and what is reserved behind it, to the end of its guard.
 * False if it is in no pool's slot. Async-signal-safe; takes no lock, whatever
 * other threads make of pools meanwhile. Does not access the address.
 */
SLH_API bool slh_find_address(const void *address, slh_place *out);

/*
 * Installs the process-wide handler of SIGSEGV and SIGBUS that
 * slh_heap_protect needs. It runs on the thread's alternate signal stack if
 * there is one. Every fault that is not in the slot of a heap protected by the
 * faulting thread goes to the handler that was there before, with its own mask
 * and arguments, or takes the default action. Enabling twice needs disabling
 * twice. Any thread. Errors: SLH_E_SYSTEM (also if seven times another handler
 * was left on top of ours when traps were disabled).
 */
SLH_API SLH_NODISCARD slh_status slh_traps_enable(slh_error *error);

/* Puts the earlier handlers back, unless somebody has replaced ours since
 * then: ours stays reachable, and passes everything on. No protected call may
 * be running. */
SLH_API void slh_traps_disable(void);

/* What a protected call ran into. */
typedef struct slh_trap {
  slh_heap *heap;      /* that was protected */
  const void *address; /* that was accessed */
  uint64_t offset;     /* from the heap's base */
  int signal;          /* SIGSEGV or SIGBUS */
} slh_trap;

/* What is called by slh_heap_protect. */
typedef void slh_protected_fn(void *argument);

/*
 * Calls `call(argument)` and returns SLH_OK, or, if it made an access in the
 * heap's slot that is not accessible, leaves it at once and returns
 * SLH_E_TRAP, with `*trap` (may be NULL) filled in. Protected calls nest, on
 * one heap and on several.
 *
 * `call` must not release the heap (that stops the process with a message), and
 * must return, not jump out. Leaving it at a trap is a longjmp out of a signal
 * handler: `call` must hold nothing that has to be given back (locks, memory, C++
 * destructors) across such accesses.
 * Library calls never fault, so none is ever left in the middle. Frames that
 * were opened in the call are closed. The heap can be used after a trap, unless
 * an object was left uninitialised.
 * Costs about a setjmp; no system call. On the heap's thread.
 * Errors: SLH_E_TRAP, SLH_E_INVALID (traps are not enabled; not called).
 */
SLH_API SLH_NODISCARD slh_status slh_heap_protect(slh_heap *heap, slh_protected_fn *call,
                                                  void *argument, slh_trap *trap);

SLH_END_DECLS

#endif
