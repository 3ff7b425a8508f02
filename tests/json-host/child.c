/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Starting and stopping programs, and the directories and ports they get. */
#include "tests/json-host/child.h"
#include "tests/helper.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- processes ---- */

/* In the child, between fork and exec: nothing here allocates. */
static _Noreturn void become(const char *const *arguments, const char *system_path, int out,
                             pid_t parent)
{
  sigset_t none;

  /* The kernel's, so that it holds for a test that is killed, too. */
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
    _exit(126);
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  if (dup2(out, STDOUT_FILENO) < 0)
    _exit(126);
  execvp(arguments[0], (char *const *)arguments);
  execv(system_path, (char *const *)arguments);
  _exit(127);
}

void child_start(struct child *child, const char *const *arguments)
{
  char system_path[256];
  pid_t parent = getpid();
  int out[2];

  snprintf(system_path, sizeof system_path, "/usr/sbin/%s", arguments[0]);
  assert_int_equal(pipe2(out, O_CLOEXEC), 0);
  child->pid = fork();
  assert_true(child->pid >= 0);
  if (child->pid == 0)
    become(arguments, system_path, out[1], parent);
  close(out[1]);
  child->out = out[0];
}

void child_read_line(struct child *child, char *line, size_t size)
{
  struct pollfd ready = {child->out, POLLIN, 0};
  size_t length = 0;

  for (;;) {
    assert_true(length + 1 < size);
    if (poll(&ready, 1, PATIENCE_SECONDS * 1000) != 1)
      fail_msg("the child printed no line in %d s", PATIENCE_SECONDS);
    if (read(child->out, &line[length], 1) != 1)
      fail_msg("the child ended, and had not printed a line");
    if (line[length] == '\n')
      break;
    length++;
  }
  line[length] = '\0';
}

int child_wait(struct child *child)
{
  int status = 0;

  for (int tries = 0; waitpid(child->pid, &status, WNOHANG) == 0; tries++) {
    if (tries == PATIENCE_SECONDS * 200) {
      kill(child->pid, SIGKILL);
      waitpid(child->pid, &status, 0);
      child->pid = 0;
      fail_msg("the child did not end in %d s", PATIENCE_SECONDS);
    }
    usleep(5000);
  }
  child->pid = 0;
  close(child->out);
  child->out = -1;
  return status;
}

int child_end(struct child *child, int signal)
{
  assert_true(child->pid > 0);
  assert_int_equal(kill(child->pid, signal), 0);
  return child_wait(child);
}

/* ---- ports ---- */

static struct sockaddr_in loopback(uint16_t port)
{
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};

  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

/* The socket stays bound, and never listens. Without SO_REUSEADDR nobody else can bind to
 * the port, and no connection is made from it. */
uint16_t child_port(void)
{
  struct sockaddr_in address = loopback(0);
  socklen_t length = sizeof address;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;

  assert_true(fd >= 0);
  assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes), 0);
  assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
  assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
  return ntohs(address.sin_port);
}

bool child_listens(struct child *child, uint16_t port)
{
  struct sockaddr_in address = loopback(port);

  for (int tries = 0; tries < PATIENCE_SECONDS * 200; tries++) {
    int status, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool connected;

    assert_true(fd >= 0);
    connected = connect(fd, (struct sockaddr *)&address, sizeof address) == 0;
    close(fd);
    if (waitpid(child->pid, &status, WNOHANG) == child->pid) {
      child->pid = 0;
      close(child->out);
      child->out = -1;
      return false;
    }
    if (connected)
      return true;
    usleep(5000);
  }
  fail_msg("nobody listens on port %d after %d s", port, PATIENCE_SECONDS);
  return false;
}

/* ---- programs ---- */

static bool runs(const char *directory, size_t length, const char *program)
{
  char path[4096];

  snprintf(path, sizeof path, "%.*s/%s", (int)length, directory, program);
  return access(path, X_OK) == 0;
}

void child_need(const char *program)
{
  const char *path = getenv("PATH");
  bool found = runs("/usr/sbin", strlen("/usr/sbin"), program);

  while (!found && path != NULL && *path != '\0') {
    size_t length = strcspn(path, ":");

    found = runs(path, length, program);
    path += length + (path[length] == ':');
  }
  if (!found) {
    printf("SKIP: %s is not installed\n", program);
    exit(77);
  }
}

/* ---- files ---- */

static char *directories[16];
static size_t directory_count;

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *where)
{
  return remove(path);
}

static void remove_directories(void)
{
  while (directory_count > 0) {
    char *directory = directories[--directory_count];

    nftw(directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    free(directory);
  }
}

char *child_directory(void)
{
  const char *parent = getenv("TMPDIR");
  char *directory = child_path(parent && *parent ? parent : "/tmp", "json-host-XXXXXX");

  assert_true(directory_count < sizeof directories / sizeof *directories);
  assert_non_null(mkdtemp(directory));
  if (directory_count == 0)
    atexit(remove_directories);
  directories[directory_count++] = directory;
  directory = strdup(directory);
  assert_non_null(directory);
  return directory;
}

char *child_path(const char *directory, const char *name)
{
  char *path = NULL;

  assert_true(asprintf(&path, "%s/%s", directory, name) >= 0);
  return path;
}

char *child_source(const char *name)
{
  const char *source = getenv("srcdir"); /* from make */

  return child_path(source ? source : "..", name);
}

char *child_read_file(const char *name)
{
  FILE *file = fopen(name, "r");
  char *text = NULL;
  size_t room = 0;

  if (file == NULL)
    fail_msg("%s: %s", name, strerror(errno));
  assert_true(getdelim(&text, &room, '\0', file) >= 0);
  fclose(file);
  return text;
}
