// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// \file
// Heaps, and scopes without collections.
#ifndef SLOTHEAP_HEAP_HPP
#define SLOTHEAP_HEAP_HPP

#include <slotheap/allocate.h>
#include <slotheap/collection.h>
#include <slotheap/error.hpp>
#include <slotheap/figures.h>
#include <slotheap/handle.hpp>
#include <slotheap/heap.h>

namespace slotheap
{

// The default options, but for the runtime, to be changed and passed on.
inline slh_heap_options heap_options(slh_runtime *runtime) noexcept
{
  slh_heap_options options = SLH_HEAP_OPTIONS_INIT;

  options.runtime = runtime;
  return options;
}

// A store's heap.
class heap : public handle<slh_heap, slh_heap_release>
{
public:
  using handle::handle;

  // None: for acquire.
  heap() noexcept = default;

  // Takes one from the pool; throws what slh_heap_acquire_within returns.
  heap(slh_pool *pool, const slh_heap_options &options, uint64_t wait_nanoseconds = 0)
      : handle(make(pool, options, wait_nanoseconds))
  {
  }

  // With the default options.
  heap(slh_pool *pool, slh_runtime *runtime) : heap(pool, heap_options(runtime))
  {
  }

  // As slh_heap_acquire: what `out` had is released, unless it fails.
  SLH_NODISCARD static slh_status acquire(slh_pool *pool, const slh_heap_options &options,
                                          heap &out) noexcept
  {
    slh_heap *made = nullptr;
    slh_status status = slh_heap_acquire(pool, &options, &made);

    if (status == SLH_OK)
      out = heap(made);
    return status;
  }

  // A struct. Can collect.
  slh_ref new_struct(const slh_type *type)
  {
    slh_ref made;

    check(new_struct(type, made));
    return made;
  }

  // A struct. Can collect.
  SLH_NODISCARD slh_status new_struct(const slh_type *type, slh_ref &out) noexcept
  {
    return slh_new_struct(get(), type, &out);
  }

  // An array. Can collect.
  slh_ref new_array(const slh_type *type, uint32_t length)
  {
    slh_ref made;

    check(new_array(type, length, made));
    return made;
  }

  // An array. Can collect.
  SLH_NODISCARD slh_status new_array(const slh_type *type, uint32_t length, slh_ref &out) noexcept
  {
    return slh_new_array(get(), type, length, &out);
  }

  // See slh_heap_collect.
  void collect(const slh_roots *roots = nullptr)
  {
    check(slh_heap_collect(get(), roots));
  }

  // See slh_heap_collect_young.
  void collect_young(const slh_roots *roots = nullptr)
  {
    check(slh_heap_collect_young(get(), roots));
  }

  // See slh_heap_get_stats.
  slh_heap_stats stats() const noexcept
  {
    slh_heap_stats stats;

    slh_heap_get_stats(get(), &stats);
    return stats;
  }

private:
  static slh_heap *make(slh_pool *pool, const slh_heap_options &options, uint64_t nanoseconds)
  {
    slh_heap *made = nullptr;
    slh_error why;

    check(slh_heap_acquire_within(pool, &options, nanoseconds, &made, &why), why);
    return made;
  }
};

// Nothing is collected in its scope; see slh_heap_enter_no_gc.
class no_gc
{
public:
  // Enters.
  explicit no_gc(slh_heap *heap) noexcept : heap_(heap)
  {
    slh_heap_enter_no_gc(heap_);
  }

  // Leaves.
  ~no_gc()
  {
    slh_heap_leave_no_gc(heap_);
  }

  no_gc(const no_gc &) = delete;
  no_gc &operator=(const no_gc &) = delete;

private:
  slh_heap *heap_;
};

} // namespace slotheap

#endif
