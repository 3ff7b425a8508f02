/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Programs that a test starts: servers on free ports of the loopback interface, in
 * temporary directories. Whatever becomes of the test, none of them outlives it.
 *
 * For a test's main thread: each call fails the test if it fails.
 */
#ifndef JSON_HOST_TESTS_CHILD_H
#define JSON_HOST_TESTS_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* No test waits longer for anything. */
#define PATIENCE_SECONDS 20

struct child {
  pid_t pid; /* 0: does not run */
  int out;   /* its standard output, to read; -1 */
};

/* arguments[0] is looked for in PATH, and in /usr/sbin. Ends with NULL. */
void child_start(struct child *child, const char *const *arguments);

/* Reads a line of its output, without the end of the line. */
void child_read_line(struct child *child, char *line, size_t size);

/* Sends the signal, waits until it has ended, and returns waitpid's status. */
int child_end(struct child *child, int signal);

/* Waits for a child that ends by itself. */
int child_wait(struct child *child);

/* A free port, kept from other processes until this one exits, for servers that say
 * SO_REUSEADDR: they can be started on it again and again. */
uint16_t child_port(void);

/* Until the child accepts connections there; false if it ends instead. */
bool child_listens(struct child *child, uint16_t port);

/* Prints a reason and exits with 77, so that the test counts as skipped, if there is
 * no such program. */
void child_need(const char *program);

/* A new directory, removed with all that is in it when the test's process exits.
 * The caller frees the name. */
char *child_directory(void);

/* "DIRECTORY/NAME", to be freed. */
char *child_path(const char *directory, const char *name);

/* A file of the source tree, to be freed. */
char *child_source(const char *name);

/* All bytes of a file, with a 0 behind them, to be freed. */
char *child_read_file(const char *name);

#endif
