/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* slotheap probe: what the kernel has and lets this process use. */
#include <inttypes.h>
#include <stdio.h>
#include <sys/utsname.h>

#include "pool/os.h"
#include "tool/tool.h"

static const struct {
  enum slhi_os_feature feature;
  const char *name;
  const char *use;
} features[] = {
    {SLHI_OS_DECOMMIT, "madvise DONTNEED", "pages go back to the system"},
    {SLHI_OS_DECOMMIT_MANY, "process_madvise on self", "and those of many slots in one call"},
    {SLHI_OS_RING, "io_uring MADVISE", "and off the releasing thread"},
    {SLHI_OS_RING_WIDE, "io_uring MADVISE, 64 bits", "in ranges of 4 GiB and more, too"},
    {SLHI_OS_GUARD, "madvise GUARD_INSTALL", "guards of dense slots take no mapping"},
    {SLHI_OS_POPULATE, "madvise POPULATE_WRITE", "pages are had before they are touched"},
};

static void print_engines(bool json)
{
  for (int engine = SLH_DECOMMIT_AUTO + 1; engine < SLH_DECOMMIT_ENGINES; engine++) {
    const char *name = slh_decommit_name(engine);
    bool has = slh_decommit_available(engine);

    if (json)
      printf("{\"engine\": \"%s\", \"available\": %s}\n", name, has ? "true" : "false");
    else
      printf("  %-26s%s\n", name, has ? "yes" : "no");
  }
}

static void print_features(bool json)
{
  for (size_t i = 0; i < sizeof features / sizeof *features; i++) {
    bool has = slhi_os_has(features[i].feature);

    if (json)
      printf("{\"feature\": \"%s\", \"available\": %s}\n", features[i].name,
             has ? "true" : "false");
    else
      printf("  %-26s%-5s%s\n", features[i].name, has ? "yes" : "no", features[i].use);
  }
}

static void print_limits(bool json)
{
  slh_host_limits limits;
  struct utsname system = {0};

  slh_host_limits_get(&limits);
  uname(&system);
  if (json) {
    printf("{\"page_bytes\": %" PRIu64 ", \"address_space_bytes\": %" PRIu64
           ", \"max_mappings\": %" PRIu64 "}\n",
           limits.page_bytes, limits.address_space_bytes, limits.max_mappings);
    return;
  }
  printf("%s %s, %s\n", system.sysname, system.release, system.machine);
  printf("  %-26s%s\n", "page", tool_words(limits.page_bytes));
  printf("  %-26s%s\n", "address space", tool_words(limits.address_space_bytes));
  if (limits.max_mappings == UINT64_MAX)
    printf("  %-26s%s\n", "mappings", "no limit");
  else
    printf("  %-26s%" PRIu64 " (vm.max_map_count)\n", "mappings", limits.max_mappings);
}

int tool_probe(int argc, char **argv)
{
  bool json = tool_json(argc, argv,
                        "Tries out what slotheap can use of this kernel, as this process is "
                        "allowed to.");

  print_limits(json);
  if (!json)
    puts("\nFeatures");
  print_features(json);
  if (!json)
    puts("\nWays to give pages back (slh_pool_options.decommit)");
  print_engines(json);
  if (!json)
    printf("\nauto gives single ranges back by madvise, several by %s.\n",
           slh_decommit_available(SLH_DECOMMIT_BATCH) ? "one process_madvise"
                                                      : "one madvise for each run of neighbours");
  return 0;
}
