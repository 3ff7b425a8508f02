/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Runs a fuzz target without libFuzzer, so with any compiler: on the files named, or
 * on all of its corpus. A target fuzz-NAME has the folder corpus/NAME.
 */
#include <dirent.h>

#include "tests/fuzz/fuzz.h"

static void run_file(const char *path)
{
  FILE *file = fopen(path, "rb");
  uint8_t *data = NULL;
  size_t size = 0, some;

  FUZZ_REQUIRE(file != NULL);
  do {
    data = realloc(data, size + BUFSIZ);
    FUZZ_REQUIRE(data != NULL);
    some = fread(data + size, 1, BUFSIZ, file);
    size += some;
  } while (some > 0);
  fclose(file);
  /* Of its very size, so that a sanitizer sees what is read beyond. */
  data = realloc(data, size ? size : 1);
  FUZZ_REQUIRE(data != NULL);
  fprintf(stderr, "%s\n", path);
  (void)LLVMFuzzerTestOneInput(data, size);
  free(data);
}

static void run_folder(const char *folder)
{
  struct dirent **files;
  int count = scandir(folder, &files, NULL, alphasort);
  int run = 0;

  for (int i = 0; i < count; i++) {
    char *path;

    FUZZ_REQUIRE(asprintf(&path, "%s/%s", folder, files[i]->d_name) > 0);
    if (files[i]->d_name[0] != '.') {
      run_file(path);
      run++;
    }
    free(path);
    free(files[i]);
  }
  FUZZ_REQUIRE(run > 0);
  free(files);
}

int main(int argc, char **argv)
{
  const char *source = getenv("srcdir"); /* set by make check */
  const char *name = strstr(argv[0], "fuzz-");
  char *folder;

  for (int i = 1; i < argc; i++)
    run_file(argv[i]);
  if (argc > 1)
    return 0;
  FUZZ_REQUIRE(name != NULL);
  FUZZ_REQUIRE(asprintf(&folder, "%s/tests/fuzz/corpus/%s", source ? source : ".", name + 5) > 0);
  run_folder(folder);
  free(folder);
  return 0;
}
