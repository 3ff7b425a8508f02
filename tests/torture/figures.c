/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Adding figures up, and printing them. */
#include "tests/torture/torture.h"

#include <inttypes.h>
#include <stdio.h>

#define ROW(name, ...) #name,
static const char *const corruptions[] = {CORRUPTIONS(ROW)};
static const char *const phases[] = {PHASES(ROW)};
static const char *const calls[] = {CALLS(ROW)};
#undef ROW

#define ROW(name, statuses) statuses,
static const uint32_t allowed[] = {CALLS(ROW)};
#undef ROW

const char *torture_call_name(enum call call)
{
  return call < TORTURE_CALLS ? calls[call] : "?";
}

const char *torture_corruption_name(enum corruption corruption)
{
  return corruption < TORTURE_CORRUPTIONS ? corruptions[corruption] : "?";
}

const char *torture_phase_name(enum torture_phase phase)
{
  return phase < TORTURE_PHASES ? phases[phase] : "?";
}

void torture_calling(struct figures *figures, enum call call)
{
  figures->call = call;
}

void torture_visiting(struct figures *figures, enum call call)
{
  figures->call = call;
  figures->calls[call]++;
}

/* Whether a heap that is known to be corrupt can get this answer. */
static bool befits_corrupt(uint32_t may, slh_status status)
{
  return status == SLH_E_CORRUPT || (may & S_EVEN_IF_CORRUPT) != 0 ||
         ((may & S_ARGUMENTS) != 0 && (status == SLH_E_TYPE || status == SLH_E_UNSUPPORTED));
}

slh_status torture_called(struct torture *t, enum call call, slh_status status)
{
  uint32_t may = allowed[call];
  bool valid = (unsigned)status < TORTURE_STATUSES && (may >> status & 1) != 0 &&
               (!t->corrupt || befits_corrupt(may, status));

  if (t->verbose)
    fprintf(stderr, "  %s: %s\n", calls[call], slh_status_name(status));
  if (!valid) {
    fprintf(stderr, "%s returned %s%s\n", calls[call], slh_status_name(status),
            t->corrupt ? ", of a heap that was found corrupt" : "");
    REQUIRE(!"a status that the call may return");
  }
  t->figures->calls[call]++;
  t->figures->statuses[call][status]++;
  if (status == SLH_E_CORRUPT && (may & S_COLLECTS) != 0) {
    t->corrupt = true;
    t->active = false;
  }
  torture_check_marks(t);
  return status;
}

void torture_corrupted(struct torture *t, enum corruption corruption)
{
  if (t->verbose)
    fprintf(stderr, "  corruption: %s\n", corruptions[corruption]);
  t->figures->last = corruption;
  t->figures->corruptions++;
  t->figures->by_kind[corruption]++;
  t->figures->by_phase[t->figures->phase]++;
  t->damaged = true;
}

/* ---- printing ---- */

static void print_counts(const char *title, const char *const *names, const uint64_t *counts,
                         int count)
{
  printf("\n%s\n", title);
  for (int i = 0; i < count; i++)
    printf("  %-26s %12" PRIu64 "\n", names[i], counts[i]);
}

static void print_calls(const struct figures *figures)
{
  printf("\ncalls, and what they returned\n");
  for (int i = 0; i < TORTURE_CALLS; i++) {
    printf("  %-26s %12" PRIu64, calls[i], figures->calls[i]);
    for (int j = 0; j < TORTURE_STATUSES; j++) {
      if (figures->statuses[i][j] != 0)
        printf("  %s %" PRIu64, slh_status_name((slh_status)j) + 4, figures->statuses[i][j]);
    }
    printf("\n");
  }
}

void torture_print_figures(const struct figures *figures)
{
  print_counts("corruptions", corruptions, figures->by_kind, TORTURE_CORRUPTIONS);
  print_counts("corruptions, by when", phases, figures->by_phase, TORTURE_PHASES);
  print_calls(figures);
}
