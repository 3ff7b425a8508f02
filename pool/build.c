/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* What this build is. */
#include <slotheap/base.h>

#define STRING_(x) #x
#define STRING(x) STRING_(x)
#define VERSION                                                                                    \
  STRING(SLH_VERSION_MAJOR) "." STRING(SLH_VERSION_MINOR) "." STRING(SLH_VERSION_PATCH)

#if defined __x86_64__
#define PROCESSOR "x86-64"
#elif defined __aarch64__
#define PROCESSOR "aarch64"
#else
#define PROCESSOR "other processor"
#endif

#ifdef __clang__
#define COMPILER __VERSION__ /* begins with its name */
#else
#define COMPILER "gcc " __VERSION__
#endif

#ifdef HAVE_JEMALLOC
#define JEMALLOC ", jemalloc"
#else
#define JEMALLOC ""
#endif
#ifdef HAVE_LIBURING
#define LIBURING ", liburing"
#else
#define LIBURING ""
#endif
#ifdef HAVE_XXHASH
#define XXHASH ", xxhash"
#else
#define XXHASH ""
#endif
#ifdef SLH_DEBUG
#define DEBUG ", debug"
#else
#define DEBUG ""
#endif
#ifdef SLH_MEMORY_TOOLS
#define MEMORY_TOOLS ", memory tools"
#else
#define MEMORY_TOOLS ""
#endif
#ifdef SLH_COVERAGE
#define COVERAGE ", coverage"
#else
#define COVERAGE ""
#endif

const char *slh_version(void)
{
  return VERSION;
}

const char *slh_build_text(void)
{
  return "slotheap " VERSION ", " SLH_OS " " PROCESSOR
         ", " COMPILER JEMALLOC LIBURING XXHASH DEBUG MEMORY_TOOLS COVERAGE
         ", zeal " STRING(SLH_DEFAULT_ZEAL) ", sanitizers" SLH_SANITIZERS;
}
