/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Stopping on misuse. */
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "pool/error.h"

static slh_misuse_fn *told;
static void *told_context;

static _Atomic(pthread_t) stopping; /* 0: no thread */

void slh_set_misuse_handler(slh_misuse_fn *handler, void *context)
{
  told = handler;
  told_context = context;
}

/* Whether this thread is the first to come here. One that comes while another's handler
 * runs does not end the process under it. */
static bool stop_first(void)
{
  pthread_t first = 0;

  if (atomic_compare_exchange_strong(&stopping, &first, pthread_self()))
    return true;
  while (!pthread_equal(first, pthread_self()))
    pause();
  return false;
}

void slhi_misuse(const char *call, const char *format, ...)
{
  char message[400];
  va_list arguments;

  va_start(arguments, format);
  vsnprintf(message, sizeof message, format, arguments);
  va_end(arguments);
  if (stop_first() && told)
    told(call, message, told_context);
  fprintf(stderr, "slotheap: %s: %s\n", call, message);
  abort();
}
