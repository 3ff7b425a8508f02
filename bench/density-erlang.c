/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Erlang under `slotheap-bench density`: runs density.beam, which was made of
 * density.erl beside this executable, with arguments and output as in
 * density-peer.c. Mode "" hibernates the processes, mode "awake" does not.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OTHER_PROCESSES 4096 /* of the virtual machine itself */

int main(int argc, char **argv)
{
  char directory[4096], processes[32];
  ssize_t length = readlink("/proc/self/exe", directory, sizeof directory - 1);
  const char *mode = argc > 3 && strcmp(argv[3], "awake") == 0 ? "awake" : "hibernated";

  if (argc < 3 || argc > 4 || length < 0) {
    fputs("density-erlang: usage: HEAPS BYTES [MODE]\n", stderr);
    return 1;
  }
  directory[length] = '\0';
  *strrchr(directory, '/') = '\0';
  snprintf(processes, sizeof processes, "%" PRIu64,
           (uint64_t)strtoull(argv[1], NULL, 10) + OTHER_PROCESSES);
  setenv("ERL_CRASH_DUMP_BYTES", "0", 1); /* no file in the working directory */
  execlp("erl", "erl", "+P", processes, "+S", "1:1", "-noinput", "-pa", directory, "-run",
         "density", "main", argv[1], argv[2], mode, (char *)NULL);
  fprintf(stderr, "density-erlang: cannot run erl: %s\n", strerror(errno));
  return 1;
}
