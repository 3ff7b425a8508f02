// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// \file
// slotheap for C++17: runtimes, pools, heaps, roots and images that release
// themselves. Header only:
//
// \verbatim
//   error.hpp    what a call throws that failed
//   handle.hpp   owners of what C makes
//   runtime.hpp  runtimes and their types
//   pool.hpp     pools
//   heap.hpp     heaps, and scopes without collections
//   roots.hpp    roots of each kind: local, owned, lists
//   image.hpp    images, and their files
// \endverbatim
//
// All that the C headers say holds; objects convert to the pointers of C, so every call
// of C takes them:
//
// \verbatim
//   slotheap::runtime runtime;
//   slotheap::pool pool;
//   const slh_type *box = runtime.struct_type("box", {{"value", SLH_REF, 0}});
//   slotheap::heap heap(pool, runtime);
//   slotheap::frame frame(heap);
//   slotheap::local object(frame, heap.new_struct(box));
//   slh_set_ref(heap, object, box->fields[0].offset, slh_i31(42));
// \endverbatim
//
// What fails throws slotheap::error. Calls that take where to put the result, and are
// noexcept, return the status instead. Objects are released in the reverse order of
// their declaration, which is the order that C asks for: roots, heap, pool, runtime.
//
// Callbacks are called out of C: they must not throw. A protected call that traps is
// left by a jump, which runs no destructors: see trap.h.
#ifndef SLOTHEAP_HPP
#define SLOTHEAP_HPP

#include <slotheap.h>
#include <slotheap/error.hpp>
#include <slotheap/handle.hpp>
#include <slotheap/heap.hpp>
#include <slotheap/image.hpp>
#include <slotheap/pool.hpp>
#include <slotheap/roots.hpp>
#include <slotheap/runtime.hpp>

#endif
