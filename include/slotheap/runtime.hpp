// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// \file
// Runtimes and their types.
#ifndef SLOTHEAP_RUNTIME_HPP
#define SLOTHEAP_RUNTIME_HPP

#include <slotheap/error.hpp>
#include <slotheap/handle.hpp>
#include <slotheap/runtime.h>
#include <slotheap/type.h>

#include <initializer_list>

namespace slotheap
{

// The default options, to be changed and passed on.
inline slh_runtime_options runtime_options() noexcept
{
  return SLH_RUNTIME_OPTIONS_INIT;
}

// A collector and types.
class runtime : public handle<slh_runtime, slh_runtime_free>
{
public:
  using handle::handle;

  // Throws SLH_E_INVALID, SLH_E_NOMEM.
  explicit runtime(const slh_runtime_options &options) : handle(make(options))
  {
  }

  // With the default options.
  runtime() : runtime(runtime_options())
  {
  }

  // Registers a struct type; see slh_struct_type_new.
  const slh_type *struct_type(const char *name, std::initializer_list<slh_field> fields,
                              const slh_type *supertype = nullptr)
  {
    const slh_type *type = nullptr;
    slh_error why;

    check(slh_struct_type_new(get(), name, supertype, fields.begin(), fields.size(), &type, &why),
          why);
    return type;
  }

  // Registers an array type; see slh_array_type_new.
  const slh_type *array_type(const char *name, slh_storage element)
  {
    const slh_type *type = nullptr;
    slh_error why;

    check(slh_array_type_new(get(), name, element, &type, &why), why);
    return type;
  }

private:
  static slh_runtime *make(const slh_runtime_options &options)
  {
    slh_runtime *made = nullptr;
    slh_error why;

    check(slh_runtime_new(&options, &made, &why), why);
    return made;
  }
};

} // namespace slotheap

#endif
