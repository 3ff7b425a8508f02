/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* A host that loads the library late, as plug-ins do. */
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
  const char *(*version)(void);
  void *library;
  void *symbol;

  if (argc != 2)
    return 2;
  library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
  symbol = library ? dlsym(library, "slh_version") : NULL;
  if (!symbol) {
    fprintf(stderr, "%s\n", dlerror());
    return 1;
  }
  memcpy(&version, &symbol, sizeof version);
  printf("slotheap %s, loaded late\n", version());
  return dlclose(library);
}
