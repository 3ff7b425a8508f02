// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// \file
// What the other classes are made of: owners of what C makes.
#ifndef SLOTHEAP_HANDLE_HPP
#define SLOTHEAP_HANDLE_HPP

#include <slotheap/base.h>

#include <memory>

namespace slotheap
{

// Owns what a call of C makes and another frees. Moves; does not copy.
template <typename T, void (*Free)(T *)> class handle
{
public:
  // Owns nothing.
  handle() noexcept = default;

  // Owns what `pointer` points at.
  explicit handle(T *pointer) noexcept : pointer_(pointer)
  {
  }

  // What C calls take. Null if it was moved away.
  T *get() const noexcept
  {
    return pointer_.get();
  }

  // The same, wherever C wants it.
  operator T *() const noexcept
  {
    return get();
  }

  // Gives up owning it.
  T *leave() noexcept
  {
    return pointer_.release();
  }

private:
  struct free {
    void operator()(T *pointer) const noexcept
    {
      Free(pointer);
    }
  };

  std::unique_ptr<T, free> pointer_;
};

} // namespace slotheap

#endif
