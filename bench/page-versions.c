/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Versions of peers, from the headers that they were compiled with: the library
 * itself is not in this program, where its malloc would replace this one's. */
#include "page.h"

#include <gnu/libc-version.h>
#include <jansson.h>
#include <slotheap/base.h>
#include <string.h>
#include <yajl/yajl_version.h>
#if __has_include(<apr_version.h>)
#include <apr_version.h>
#endif
#if __has_include(<gc/gc.h>)
#include <gc/gc.h>
#endif
#if __has_include(<jemalloc/jemalloc.h>)
#include <jemalloc/jemalloc.h>
#endif
#if __has_include(<mimalloc.h>)
#include <mimalloc.h>
#endif

static struct page_version *next(struct page_version *version, const char *name,
                                 const char *program)
{
  version->name = name;
  version->program = program;
  return version;
}

static struct page_version *add_peers(struct page_version *to)
{
  (void)next; /* there may be no peer */
#ifdef MI_MALLOC_VERSION
  snprintf(next(to++, "mimalloc", "store-mimalloc")->text, sizeof to->text, "%d.%d.%d",
           MI_MALLOC_VERSION / 100, MI_MALLOC_VERSION / 10 % 10, MI_MALLOC_VERSION % 10);
#endif
#ifdef JEMALLOC_VERSION
  snprintf(next(to++, "jemalloc", "store-jemalloc-arena")->text, sizeof to->text, "%.*s",
           (int)strcspn(JEMALLOC_VERSION, "-"), JEMALLOC_VERSION);
#endif
#ifdef APR_VERSION_STRING
  snprintf(next(to++, "apr", "store-apr-pool")->text, sizeof to->text, "%s", APR_VERSION_STRING);
#endif
#ifdef GC_VERSION_MAJOR
  snprintf(next(to++, "bdwgc", "gc-bdwgc")->text, sizeof to->text, "%d.%d.%d", GC_VERSION_MAJOR,
           GC_VERSION_MINOR, GC_VERSION_MICRO);
#endif
  return to;
}

void page_versions(struct page_version versions[PAGE_VERSIONS_MAX])
{
  struct page_version *to = versions;

  snprintf(next(to++, "slotheap", NULL)->text, sizeof to->text, "%s", slh_version());
#ifdef __clang__
  snprintf(next(to++, "compiler", NULL)->text, sizeof to->text, "%s", __VERSION__);
#else
  snprintf(next(to++, "compiler", NULL)->text, sizeof to->text, "gcc %s", __VERSION__);
#endif
  snprintf(next(to++, "glibc", NULL)->text, sizeof to->text, "%s", gnu_get_libc_version());
  snprintf(next(to++, "jansson", NULL)->text, sizeof to->text, "%s", JANSSON_VERSION);
  snprintf(next(to++, "yajl", NULL)->text, sizeof to->text, "%d.%d.%d", YAJL_MAJOR, YAJL_MINOR,
           YAJL_MICRO);
  to = add_peers(to);
  to->name = NULL;
}
