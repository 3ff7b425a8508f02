/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* What the kernel says that a process has in memory. */
#include "image.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static FILE *open_of(pid_t process, const char *name)
{
  char path[64];

  snprintf(path, sizeof path, "/proc/%d/%s", (int)process, name);
  return fopen(path, "re");
}

/* Adds what the file says under a name, if it does. */
static bool add(FILE *file, const char *const *names, uint64_t *const *sums)
{
  uint32_t found = 0;
  char line[256], name[64];
  uint64_t kib;

  while (fgets(line, sizeof line, file) != NULL)
    if (sscanf(line, "%63[^:]: %" SCNu64, name, &kib) == 2)
      for (int i = 0; names[i] != NULL; i++)
        if (strcmp(name, names[i]) == 0) {
          *sums[i] += kib * 1024;
          found++;
        }
  fclose(file);
  return found != 0;
}

bool image_memory(pid_t process, struct image_memory *out)
{
  static const char *const rollup[] = {"Private_Clean", "Private_Dirty", "Anonymous", NULL};
  static const char *const status[] = {"VmPTE", NULL};
  uint64_t *const of_rollup[] = {&out->own, &out->own, &out->anonymous};
  uint64_t *const of_status[] = {&out->page_tables};
  FILE *file;

  *out = (struct image_memory){0, 0, 0};
  file = open_of(process, "smaps_rollup");
  if (file == NULL || !add(file, rollup, of_rollup))
    return false;
  file = open_of(process, "status");
  return file != NULL && add(file, status, of_status);
}

uint32_t image_stores(uint64_t memory, uint64_t bytes, uint32_t most)
{
  uint64_t fit = bytes == 0 ? most : memory / bytes;

  return fit == 0 ? 1 : fit < most ? (uint32_t)fit : most;
}
