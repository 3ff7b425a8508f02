/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* A process that is traced, and whose system calls are counted. */
#define _GNU_SOURCE 1
#include "syscalls.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* What PTRACE_O_TRACESYSGOOD makes of a stop at a system call. */
#define SYSCALL_STOP (SIGTRAP | 0x80)

/* A mark in the child's life that its parent sees; itself one system call. */
static void mark(void)
{
  static pid_t self;

  if (self == 0)
    self = getpid();
  syscall(SYS_kill, self, SIGSTOP);
}

static _Noreturn void be_traced(bool (*prepare)(void *), bool (*run)(void *), void *context)
{
  /* What goes wrong here goes wrong again in the parent, and is told there. */
  if (freopen("/dev/null", "w", stderr) == NULL || ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0 ||
      !prepare(context))
    _exit(EXIT_FAILURE);
  mark();
  if (!run(context))
    _exit(EXIT_FAILURE);
  mark();
  _exit(EXIT_SUCCESS);
}

/* Waits until the child stops; 0 if it ended instead, and is gone now. */
static int wait_for_stop(pid_t *child)
{
  int status;

  while (waitpid(*child, &status, 0) < 0)
    if (errno != EINTR)
      return 0;
  if (WIFSTOPPED(status))
    return WSTOPSIG(status);
  *child = 0;
  return 0;
}

/* Runs the child to its next mark. True if it got there. */
static bool count_to_mark(pid_t *child, uint64_t *stops)
{
  int deliver = 0;

  *stops = 0;
  for (;;) {
    int stop;

    if (ptrace(PTRACE_SYSCALL, *child, NULL, (void *)(intptr_t)deliver) != 0)
      return false;
    stop = wait_for_stop(child);
    if (stop == SIGSTOP || stop == 0)
      return stop == SIGSTOP;
    deliver = 0;
    if (stop == SYSCALL_STOP)
      ++*stops;
    else
      deliver = stop; /* a signal of its own, a fault perhaps */
  }
}

static bool trace(pid_t *child, uint64_t *out)
{
  uint64_t stops;
  int stop;

  /* Up to the first mark nothing else is reported but signals. */
  while ((stop = wait_for_stop(child)) != SIGSTOP)
    if (stop == 0 || ptrace(PTRACE_CONT, *child, NULL, (void *)(intptr_t)stop) != 0)
      return false;
  if (ptrace(PTRACE_SETOPTIONS, *child, NULL, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL) != 0 ||
      !count_to_mark(child, &stops))
    return false;
  /* It stops on entry to and on return from each; the last was the mark. */
  *out = stops / 2 - 1;
  return true;
}

bool syscalls_count(bool (*prepare)(void *context), bool (*run)(void *context), void *context,
                    uint64_t *out)
{
  pid_t child = fork();
  bool counted;

  if (child < 0)
    return false;
  if (child == 0)
    be_traced(prepare, run, context);
  counted = trace(&child, out);
  if (child != 0) {
    kill(child, SIGKILL);
    while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
      continue;
  }
  return counted;
}
