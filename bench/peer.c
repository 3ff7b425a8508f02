/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * main() of a system under `slotheap-bench store`:
 *
 *   store-NAME OBJECTS [MILLISECONDS]
 *
 * warms up, runs stores of OBJECTS objects for about MILLISECONDS, and prints
 * one number: nanoseconds a store.
 */
#define _GNU_SOURCE 1
#include "peer.h"
#include "clock.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define OBJECTS_MAX 10000000
#define MILLISECONDS_DEFAULT 25

noreturn void peer_fail(const char *what)
{
  fprintf(stderr, "%s: %s\n", program_invocation_short_name, what);
  exit(1);
}

static uint64_t run(uint32_t objects, uint64_t stores)
{
  uint64_t start = clock_ns();

  for (uint64_t i = 0; i < stores; i++)
    peer_store(objects);
  return clock_ns() - start;
}

/* How many stores take `wanted` nanoseconds. Doubles until a tenth of that is
 * reached, which is the warm-up too: by then every system has its memory. */
static uint64_t calibrate(uint32_t objects, uint64_t wanted)
{
  uint64_t stores = 8;
  uint64_t taken = run(objects, stores);

  while (taken < wanted / 10) {
    stores *= 2;
    taken = run(objects, stores);
  }
  return (uint64_t)((double)stores * (double)wanted / (double)taken) + 1;
}

static uint64_t argument(const char *text, const char *name, uint64_t max)
{
  char message[160];
  char *end;
  uint64_t value = strtoull(text, &end, 10);

  if (*text < '0' || *text > '9' || *end != '\0' || value > max) {
    snprintf(message, sizeof message, "%s is '%s'; it must be a number up to %" PRIu64, name, text,
             max);
    peer_fail(message);
  }
  return value;
}

int main(int argc, char **argv)
{
  if (argc < 2 || argc > 3)
    peer_fail("usage: OBJECTS [MILLISECONDS]");

  uint32_t objects = (uint32_t)argument(argv[1], "OBJECTS", OBJECTS_MAX);
  uint64_t milliseconds =
      argc < 3 ? MILLISECONDS_DEFAULT : argument(argv[2], "MILLISECONDS", 60000);
  uint64_t stores;

  peer_open(objects);
  stores = calibrate(objects, milliseconds * 1000000 + 1);
  printf("%.4f\n", (double)run(objects, stores) / (double)stores);
  return 0;
}
