// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// \file
// Calls that failed, as exceptions.
#ifndef SLOTHEAP_ERROR_HPP
#define SLOTHEAP_ERROR_HPP

#include <slotheap/base.h>

#include <cstring>
#include <exception>

// The C++ interface.
namespace slotheap
{

// A call that failed.
class error : public std::exception
{
public:
  // Of a call that gave no more than a status.
  explicit error(slh_status status) noexcept
  {
    error_.status = status;
    std::strncpy(error_.message, slh_status_text(status), sizeof error_.message - 1);
  }

  // Of a call that gave a sentence as well.
  explicit error(const slh_error &why) noexcept : error_(why)
  {
  }

  // The sentence.
  const char *what() const noexcept override
  {
    return error_.message;
  }

  // What the call came to.
  slh_status status() const noexcept
  {
    return error_.status;
  }

  // All that is known.
  const slh_error &details() const noexcept
  {
    return error_;
  }

private:
  slh_error error_{};
};

// Throws unless the call succeeded.
inline void check(slh_status status)
{
  if (SLH_UNLIKELY(status != SLH_OK))
    throw error(status);
}

// The same, with the sentence that the call gave.
inline void check(slh_status status, const slh_error &why)
{
  if (SLH_UNLIKELY(status != SLH_OK))
    throw error(why);
}

} // namespace slotheap

#endif
