/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Which processors there are, and keeping a thread on one of them. */
#define _GNU_SOURCE 1
#include "pin.h"

#include <pthread.h>
#include <sched.h>

static cpu_set_t allowed;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* Before the first thread is bound, so that later ones see all processors. */
static void find_allowed(void)
{
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) {
    CPU_ZERO(&allowed);
    CPU_SET(0, &allowed);
  }
}

unsigned pin_processors(void)
{
  pthread_once(&once, find_allowed);
  return (unsigned)CPU_COUNT(&allowed);
}

bool pin_thread(unsigned number)
{
  cpu_set_t one;

  CPU_ZERO(&one);
  number %= pin_processors();
  for (unsigned processor = 0; processor < CPU_SETSIZE; processor++)
    if (CPU_ISSET(processor, &allowed) && number-- == 0) {
      CPU_SET(processor, &one);
      break;
    }
  return sched_setaffinity(0, sizeof one, &one) == 0;
}

void pin_release(void)
{
  pthread_once(&once, find_allowed);
  sched_setaffinity(0, sizeof allowed, &allowed);
}
