// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// \file
// Images, and their files.
#ifndef SLOTHEAP_IMAGE_HPP
#define SLOTHEAP_IMAGE_HPP

#include <slotheap/error.hpp>
#include <slotheap/handle.hpp>
#include <slotheap/image.h>
#include <slotheap/image-file.h>
#include <slotheap/image-info.h>

#include <initializer_list>

namespace slotheap
{

// The default options, to be changed and passed on.
inline slh_image_options image_options() noexcept
{
  return SLH_IMAGE_OPTIONS_INIT;
}

// A frozen heap.
class image : public handle<slh_image, slh_image_free>
{
public:
  using handle::handle;

  // Of what can be reached from the roots; throws what slh_image_freeze returns.
  image(const slh_heap *heap, std::initializer_list<slh_image_root> roots,
        const slh_image_options &options = image_options())
      : handle(freeze(heap, roots, options))
  {
  }

  // From a file; throws what slh_image_load returns.
  image(slh_runtime *runtime, const char *path, const slh_image_options &options = image_options())
      : handle(load(runtime, path, options))
  {
  }

  // To a file; throws what slh_image_save returns.
  void save(const char *path) const
  {
    slh_error why;

    check(slh_image_save(get(), path, &why), why);
  }

  // The root of that name. False: there is none.
  bool find_root(const char *name, slh_ref &out) const noexcept
  {
    return slh_image_find_root(get(), name, &out);
  }

  // See slh_image_get_info.
  slh_image_info info() const noexcept
  {
    slh_image_info info;

    slh_image_get_info(get(), &info);
    return info;
  }

private:
  static slh_image *freeze(const slh_heap *heap, std::initializer_list<slh_image_root> roots,
                           const slh_image_options &options)
  {
    slh_image_contents contents{};
    slh_image *made = nullptr;
    slh_error why;

    contents.roots = roots.begin();
    contents.root_count = roots.size();
    check(slh_image_freeze(heap, &contents, &options, &made, &why), why);
    return made;
  }

  static slh_image *load(slh_runtime *runtime, const char *path, const slh_image_options &options)
  {
    slh_image *made = nullptr;
    slh_error why;

    check(slh_image_load(runtime, path, &options, &made, &why), why);
    return made;
  }
};

} // namespace slotheap

#endif
