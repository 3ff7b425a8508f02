// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// \file
// Pools.
#ifndef SLOTHEAP_POOL_HPP
#define SLOTHEAP_POOL_HPP

#include <slotheap/error.hpp>
#include <slotheap/figures.h>
#include <slotheap/handle.hpp>
#include <slotheap/pool.h>

namespace slotheap
{

// The default options, to be changed and passed on.
inline slh_pool_options pool_options() noexcept
{
  return SLH_POOL_OPTIONS_INIT;
}

// The memory of many heaps.
class pool : public handle<slh_pool, slh_pool_free>
{
public:
  using handle::handle;

  // Throws what slh_pool_new returns.
  explicit pool(const slh_pool_options &options) : handle(make(options))
  {
  }

  // With the default options.
  pool() : pool(pool_options())
  {
  }

  // See slh_pool_get_stats.
  slh_pool_stats stats() const noexcept
  {
    slh_pool_stats stats;

    slh_pool_get_stats(get(), &stats);
    return stats;
  }

private:
  static slh_pool *make(const slh_pool_options &options)
  {
    slh_pool *made = nullptr;
    slh_error why;

    check(slh_pool_new(&options, &made, &why), why);
    return made;
  }
};

} // namespace slotheap

#endif
