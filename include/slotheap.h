/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * slotheap: a garbage-collected heap of its own for every short-lived store.
 *
 * Read in this order:
 *   base.h          statuses and errors
 *   ref.h           slh_ref: what a reference is
 *
 *   runtime.h       slh_runtime: the collector
 *   policy.h        when heaps are collected, and when they grow
 *   type.h          slh_type: what objects are made of
 *   pool.h          slh_pool: the virtual memory that heaps are taken from
 *   plan.h          its options, and what they come to on a host
 *   decommit.h      ways to give memory back
 *
 *   heap.h          slh_heap: acquire, release
 *   options.h       options of pools, runtimes and heaps as text
 *   allocate.h      objects
 *   access.h        fields, elements and lengths
 *   dense.h         the same for heaps of dense pools
 *   checked.h       the same, checked, and of whole arrays
 *   roots.h         slh_roots: what a collection starts from
 *   handles.h       roots for hosts written in C: frames, owned roots
 *   collection.h    collecting, at once or in increments
 *   barrier.h       barriers: of references in objects, and of those that the host holds
 *   weak.h          weak references, ephemerons, finalizers
 *   host.h          externrefs and funcrefs: host data from inside a heap
 *
 *   image.h         heaps that stores begin with
 *   image-file.h    images in files
 *   image-info.h    what an image has
 *
 *   figures.h       what heaps and pools have and had
 *   inspect.h       walking and verifying a heap
 *   events.h        what happens, as it happens
 *
 *   object.h        objects as such
 *   view.h          their bytes
 *   codegen.h       what a compiler has to know
 *   heap-data.h     what compiled code has of a heap
 *   trap.h          faults of compiled code as statuses
 *
 * Threads: a pool and a runtime may be used from any thread at any time. A
 * heap belongs to one thread at a time; hand it over with whatever
 * synchronisation you would use for plain memory.
 *
 * Versions: an option struct begins with its size, and zero in a field means its default.
 * So a host that was built with other headers goes on: options that it does not know have
 * their defaults, and those that the library does not know are refused unless they are
 * zero. Structs of figures are filled as far as the host knows them.
 *
 * Errors: a call that can fail returns slh_status and has no effect when it
 * fails, unless its comment says otherwise. Calls that make something take
 * an optional slh_error, filled with a sentence that names what was wrong
 * and what is allowed. Misuse that the contract forbids (releasing a heap
 * twice) stops the process with a message that names the call; slh_set_misuse_handler lets the
 * host have it first.
 *
 * Pointers: what a call sets through one (`out` and its like) is as it was after an
 * error, unless the comment says otherwise; an slh_error is written after an error only.
 * NULL is allowed for every slh_error, for the options of a runtime, a pool or an image,
 * for the roots that a collection is given in addition, for what is to be freed or
 * released, and where a comment says so. Nothing else may be NULL, which is not checked.
 */
#ifndef SLOTHEAP_H
#define SLOTHEAP_H

#include <slotheap/base.h>
#include <slotheap/ref.h>
#include <slotheap/runtime.h>
#include <slotheap/policy.h>
#include <slotheap/type.h>
#include <slotheap/pool.h>
#include <slotheap/plan.h>
#include <slotheap/decommit.h>
#include <slotheap/heap.h>
#include <slotheap/options.h>
#include <slotheap/allocate.h>
#include <slotheap/access.h>
#include <slotheap/dense.h>
#include <slotheap/checked.h>
#include <slotheap/roots.h>
#include <slotheap/handles.h>
#include <slotheap/collection.h>
#include <slotheap/barrier.h>
#include <slotheap/weak.h>
#include <slotheap/host.h>
#include <slotheap/image.h>
#include <slotheap/image-file.h>
#include <slotheap/image-info.h>
#include <slotheap/figures.h>
#include <slotheap/inspect.h>
#include <slotheap/events.h>
#include <slotheap/object.h>
#include <slotheap/view.h>
#include <slotheap/codegen.h>
#include <slotheap/heap-data.h>
#include <slotheap/trap.h>

#endif
