// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// \file
// Roots of each kind: local, owned, and lists.
#ifndef SLOTHEAP_ROOTS_HPP
#define SLOTHEAP_ROOTS_HPP

#include <slotheap/error.hpp>
#include <slotheap/handle.hpp>
#include <slotheap/handles.h>
#include <slotheap/roots.h>

#include <utility>

namespace slotheap
{

// A scope with local roots. Frames close in the reverse order of their opening, so it
// stays where it is.
class frame
{
public:
  // Throws SLH_E_NOMEM, SLH_E_HOST_LIMIT.
  explicit frame(slh_heap *heap)
  {
    check(slh_frame_open(heap, &frame_));
  }

  // Ends its roots.
  ~frame()
  {
    slh_frame_close(&frame_);
  }

  frame(const frame &) = delete;
  frame &operator=(const frame &) = delete;

  // What C calls take.
  slh_frame *get() noexcept
  {
    return &frame_;
  }

  // The heap whose roots it has.
  slh_heap *heap() const noexcept
  {
    return frame_.heap;
  }

private:
  slh_frame frame_;
};

// A root that ends with its frame. Copies are the same root.
class local
{
public:
  // Throws SLH_E_NOMEM, SLH_E_HOST_LIMIT.
  explicit local(frame &in, slh_ref ref = SLH_NULL) : heap_(in.heap())
  {
    check(slh_local_new(in.get(), ref, &local_));
  }

  // What it refers to now.
  slh_ref get() const noexcept
  {
    return slh_local_get(heap_, local_);
  }

  // The same, wherever C wants it. To be used before anything can collect.
  operator slh_ref() const noexcept
  {
    return get();
  }

  // Makes it refer to something else.
  void set(slh_ref ref) noexcept
  {
    slh_local_set(heap_, local_, ref);
  }

private:
  slh_heap *heap_;
  slh_local local_;
};

// A root that lives until it is destroyed, which must be before its heap is released
// or reset. Moves; does not copy.
class owned
{
public:
  // None.
  owned() noexcept = default;

  // Throws SLH_E_NOMEM, SLH_E_HOST_LIMIT.
  explicit owned(slh_heap *heap, slh_ref ref = SLH_NULL)
  {
    check(slh_owned_new(heap, ref, &owned_));
    heap_ = heap;
  }

  // Takes the root over.
  owned(owned &&other) noexcept : heap_(std::exchange(other.heap_, nullptr)), owned_(other.owned_)
  {
  }

  // Frees what it had, and takes the root over.
  owned &operator=(owned &&other) noexcept
  {
    owned taken(std::move(other));

    std::swap(heap_, taken.heap_);
    std::swap(owned_, taken.owned_);
    return *this;
  }

  // Frees it.
  ~owned()
  {
    if (heap_ != nullptr)
      slh_owned_free(heap_, owned_);
  }

  // What it refers to now.
  slh_ref get() const noexcept
  {
    return slh_owned_get(heap_, owned_);
  }

  // The same, wherever C wants it. To be used before anything can collect.
  operator slh_ref() const noexcept
  {
    return get();
  }

  // Makes it refer to something else.
  void set(slh_ref ref) noexcept
  {
    slh_owned_set(heap_, owned_, ref);
  }

private:
  slh_heap *heap_ = nullptr;
  slh_owned owned_{};
};

// A list of roots; see roots.h.
class roots : public handle<slh_roots, slh_roots_free>
{
public:
  // Throws SLH_E_NOMEM.
  explicit roots(slh_runtime *runtime) : handle(make(runtime))
  {
  }

  // Adds references that lie side by side; a failure shows when the list is used.
  void add(slh_ref *first, uint32_t count = 1, const char *reason = nullptr,
           slh_root_kind kind = SLH_ROOT_OTHER) noexcept
  {
    (void)slh_roots_add(get(), kind, first, count, reason);
  }

private:
  static slh_roots *make(slh_runtime *runtime)
  {
    slh_roots *made = nullptr;

    check(slh_roots_new(runtime, &made));
    return made;
  }
};

} // namespace slotheap

#endif
