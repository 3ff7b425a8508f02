/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "pool/error.h"

#include <stdarg.h>
#include <stdio.h>

/* One line a status: name, meaning. */
#define STATUSES(X)                                                                                \
  X(SLH_OK, "success")                                                                             \
  X(SLH_E_INVALID, "an argument or option is out of its range")                                    \
  X(SLH_E_NOMEM, "the system has no memory or address space left")                                 \
  X(SLH_E_LIMIT, "a limit of this store would be exceeded")                                        \
  X(SLH_E_FULL, "every slot of the pool is taken")                                                 \
  X(SLH_E_BUSY, "every evacuation space is lent")                                                  \
  X(SLH_E_COLLECT, "no room: collect or grow the heap, then retry")                                \
  X(SLH_E_TOO_LARGE, "an object that no heap of this limit can hold")                              \
  X(SLH_E_CORRUPT, "the heap holds bytes the library did not write")                               \
  X(SLH_E_BOUNDS, "an index or range lies outside its object")                                     \
  X(SLH_E_TYPE, "an object is not of the type the call needs")                                     \
  X(SLH_E_SYSTEM, "a system call failed")                                                          \
  X(SLH_E_UNSUPPORTED, "this collector or system cannot do that")                                  \
  X(SLH_E_TRAP, "an access left its heap and was stopped")                                         \
  X(SLH_E_HOST_LIMIT, "the store's bookkeeping would exceed max_host_bytes")                       \
  X(SLH_E_POOL_LIMIT, "the heaps of the pool would exceed budget_bytes")                           \
  X(SLH_E_REFUSED, "the store's growth callback said no")

const char *slh_status_name(slh_status status)
{
  switch (status) {
#define NAME(status, text)                                                                         \
  case status:                                                                                     \
    return #status;
    STATUSES(NAME)
  }
  return "SLH_E_?";
}

const char *slh_status_text(slh_status status)
{
  switch (status) {
#define TEXT(status, text)                                                                         \
  case status:                                                                                     \
    return text;
    STATUSES(TEXT)
  }
  return "not a status of this library";
}

__attribute__((format(printf, 4, 0))) static void
fill(slh_error *error, slh_status status, int os_errno, const char *format, va_list arguments)
{
  error->status = status;
  error->os_errno = os_errno;
  vsnprintf(error->message, sizeof error->message, format, arguments);
  /* Names can come out of a file. */
  for (char *c = error->message; *c; c++) {
    if ((unsigned char)*c < ' ')
      *c = '?';
  }
}

slh_status slhi_error(slh_error *error, slh_status status, const char *format, ...)
{
  va_list arguments;

  if (!error)
    return status;
  va_start(arguments, format);
  fill(error, status, 0, format, arguments);
  va_end(arguments);
  return status;
}

/* What an errno value means; in English, if the C library can. NULL: it is none. */
static const char *describe(int os_errno, char *buffer, size_t size)
{
#ifdef HAVE_STRERRORDESC_NP
  (void)buffer;
  (void)size;
  return strerrordesc_np(os_errno);
#elif defined STRERROR_R_CHAR_P
  return strerror_r(os_errno, buffer, size);
#else
  return strerror_r(os_errno, buffer, size) == 0 ? buffer : NULL;
#endif
}

slh_status slhi_error_errno(slh_error *error, slh_status status, int os_errno, const char *format,
                            ...)
{
  char buffer[80];
  const char *description;
  va_list arguments;
  size_t length;

  if (!error)
    return status;
  va_start(arguments, format);
  fill(error, status, os_errno, format, arguments);
  va_end(arguments);
  length = strlen(error->message);
  /* %m would read errno, which vsnprintf may have changed. */
  description = describe(os_errno, buffer, sizeof buffer);
  snprintf(error->message + length, sizeof error->message - length, ": %s",
           description ? description : "unknown error");
  return status;
}
