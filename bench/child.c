/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Starting the programs that lie beside this one, and reading what they say. */
#define _GNU_SOURCE 1
#include "child.h"
#include "progress.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

bool child_find(const char *name, char *path, size_t size)
{
  char self[4096];
  ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
  char *slash;

  if (length < 0)
    return false;
  self[length] = '\0';
  slash = strrchr(self, '/');
  return snprintf(path, size, "%.*s/%s", (int)(slash - self), self, name) < (int)size &&
         access(path, X_OK) == 0;
}

/* Starts it with stdout in a pipe; the end to read from, or -1. */
static int start(const char *path, char *const *arguments, pid_t *child)
{
  posix_spawn_file_actions_t actions;
  int ends[2];
  int error;

  if (pipe2(ends, O_CLOEXEC) != 0)
    return -1;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  error = posix_spawn(child, path, &actions, NULL, arguments, environ);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  if (error == 0)
    return ends[0];
  close(ends[0]);
  errno = error;
  return -1;
}

static void report_failure(char *const *arguments, int status)
{
  progress_clear();
  fputs("slotheap-bench:", stderr);
  for (; *arguments != NULL; arguments++)
    fprintf(stderr, " %s", *arguments);
  fprintf(stderr, " failed (%s %d)\n", WIFSIGNALED(status) ? "signal" : "status",
          WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
}

static int wait_for(pid_t child)
{
  int status = 0;

  while (waitpid(child, &status, 0) < 0 && errno == EINTR)
    continue;
  return status;
}

/* As start(); NULL after a line on stderr. */
static FILE *open_child(const char *path, char *const *arguments, pid_t *child)
{
  int output = start(path, arguments, child);
  FILE *stream = output < 0 ? NULL : fdopen(output, "r");
  int failed = errno;

  if (stream != NULL)
    return stream;
  progress_clear();
  fprintf(stderr, "slotheap-bench: cannot run %s: %s\n", path, strerror(failed));
  if (output >= 0) {
    close(output);
    (void)wait_for(*child);
  }
  return NULL;
}

/* Waits for its end; `good` says whether it printed what it should. */
static bool close_child(FILE *stream, pid_t child, char *const *arguments, bool good)
{
  int status;

  fclose(stream);
  status = wait_for(child);
  if (status == 0 && good)
    return true;
  report_failure(arguments, status);
  return false;
}

bool child_run(const char *path, char *const *arguments, char *line, size_t size)
{
  pid_t child;
  FILE *stream = open_child(path, arguments, &child);

  return stream != NULL &&
         close_child(stream, child, arguments, fgets(line, (int)size, stream) != NULL);
}

bool child_lines(const char *path, char *const *arguments,
                 void (*use)(void *context, const char *line), void *context)
{
  pid_t child;
  FILE *stream = open_child(path, arguments, &child);
  char *line = NULL;
  size_t size = 0;

  if (stream == NULL)
    return false;
  while (getline(&line, &size, stream) > 0) {
    line[strcspn(line, "\n")] = '\0';
    use(context, line);
  }
  free(line);
  return close_child(stream, child, arguments, true);
}
