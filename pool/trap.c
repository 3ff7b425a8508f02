/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Faults in slots as statuses: the signal handler and the protected call. */
#include <slotheap/trap.h>

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>

#include "pool/error.h"
#include "pool/registry.h"

/* One protected call under way, on its own C stack; the slot points at it. */
struct protection {
  sigjmp_buf resume;
  pthread_t thread;
  struct slot *slot;
  struct protection *outer;     /* the next one of the same slot */
  struct protection *enclosing; /* the next one of the same thread */
  slh_trap trap;
};

/* Not used in the handler: it may run on a thread that has none yet. */
static _Thread_local struct protection *innermost;

static const int signals[] = {SIGSEGV, SIGBUS};

#define SIGNALS (sizeof signals / sizeof *signals)

static struct sigaction earlier[SIGNALS];
static bool buried[SIGNALS]; /* ours was left reachable beneath somebody else's */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static _Atomic unsigned enabled;

/* The fault is not ours: whoever was there before gets it, as if we were not
 * there. */
static void pass_on(int signal, siginfo_t *info, void *context)
{
  const struct sigaction *action = &earlier[signal == SIGSEGV ? 0 : 1];
  sigset_t blocked = action->sa_mask;
  sigset_t mask;

  if (!(action->sa_flags & SA_SIGINFO) &&
      (action->sa_handler == SIG_DFL || action->sa_handler == SIG_IGN)) {
    /* Returning repeats the access, and the default action is taken. A fault
     * that is ignored ends the process, too. */
    struct sigaction stop = {.sa_handler = SIG_DFL};

    if (info->si_code <= 0 && action->sa_handler == SIG_IGN)
      return;
    sigaction(signal, &stop, NULL);
    /* A signal that somebody sent is not repeated by returning. */
    if (info->si_code <= 0)
      raise(signal);
    return;
  }
  if (!(action->sa_flags & SA_NODEFER))
    sigaddset(&blocked, signal);
  pthread_sigmask(SIG_BLOCK, &blocked, &mask);
  if (action->sa_flags & SA_SIGINFO)
    action->sa_sigaction(signal, info, context);
  else
    action->sa_handler(signal);
  pthread_sigmask(SIG_SETMASK, &mask, NULL);
}

static void handle(int signal, siginfo_t *info, void *context)
{
  int saved_errno = errno;
  struct registry_hit hit;
  struct protection *protection = NULL;
  slh_place place;

  /* Codes up to 0 are signals that were sent, without an address. */
  if (info->si_code > 0 && slhi_registry_find(info->si_addr, &hit)) {
    protection = atomic_load_explicit(&hit.slot->protection, memory_order_relaxed);
    slhi_registry_done(&hit);
  }
  if (protection && pthread_equal(protection->thread, pthread_self()) &&
      slh_find_address(info->si_addr, &place)) {
    protection->trap = (slh_trap){place.heap, info->si_addr, place.offset, signal};
    siglongjmp(protection->resume, 1);
  }
  pass_on(signal, info, context);
  errno = saved_errno;
}

static bool is_ours(const struct sigaction *action)
{
  return (action->sa_flags & SA_SIGINFO) && action->sa_sigaction == handle;
}

/* Puts our handler on top, unless it is there already, or beneath one that
 * passes on to it: then it would pass on to itself. 0, or an errno value. */
static int install(size_t i)
{
  struct sigaction action = {.sa_sigaction = handle,
                             /* NODEFER: the signal is not blocked after the jump out. */
                             .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
  struct sigaction current;

  if (sigaction(signals[i], NULL, &current))
    return errno;
  if (buried[i] || is_ours(&current))
    return 0;
  return sigaction(signals[i], &action, &earlier[i]) ? errno : 0;
}

static void uninstall(size_t i)
{
  struct sigaction current;

  if (sigaction(signals[i], NULL, &current))
    return;
  buried[i] = !is_ours(&current);
  if (!buried[i])
    sigaction(signals[i], &earlier[i], NULL);
}

slh_status slh_traps_enable(slh_error *error)
{
  int failed = 0;
  size_t done = 0;

  pthread_mutex_lock(&lock);
  while (enabled == 0 && failed == 0 && done < SIGNALS)
    failed = install(done++);
  if (failed == 0) {
    enabled++;
  } else {
    for (size_t i = 0; i + 1 < done; i++)
      uninstall(i);
  }
  pthread_mutex_unlock(&lock);
  if (failed != 0)
    return slhi_error_errno(error, SLH_E_SYSTEM, failed, "sigaction for signal %d",
                            signals[done - 1]);
  return SLH_OK;
}

void slh_traps_disable(void)
{
  pthread_mutex_lock(&lock);
  if (enabled == 0)
    slhi_misuse("slh_traps_disable", "traps are not enabled");
  if (--enabled == 0) {
    for (size_t i = 0; i < SIGNALS; i++)
      uninstall(i);
  }
  pthread_mutex_unlock(&lock);
}

/* Ends a protected call, and those within it that were left with it. */
static void end_protection(struct protection *protection)
{
  struct protection *p;

  do {
    p = innermost;
    innermost = p->enclosing;
    atomic_store_explicit(&p->slot->protection, p->outer, memory_order_relaxed);
  } while (p != protection);
}

slh_status slh_heap_protect(slh_heap *heap, slh_protected_fn *call, void *argument, slh_trap *trap)
{
  struct slot *slot = (struct slot *)heap;
  struct protection protection;
  slh_status status = SLH_OK;

  if (atomic_load_explicit(&enabled, memory_order_relaxed) == 0)
    return SLH_E_INVALID;
  protection.thread = pthread_self();
  protection.slot = slot;
  protection.outer = atomic_load_explicit(&slot->protection, memory_order_relaxed);
  protection.enclosing = innermost;
  innermost = &protection;
  /* Without the signal mask: the handler has not changed it, and saving it is
   * a system call. */
  if (sigsetjmp(protection.resume, 0) == 0) {
    atomic_store_explicit(&slot->protection, &protection, memory_order_relaxed);
    atomic_signal_fence(memory_order_seq_cst);
    call(argument);
    atomic_signal_fence(memory_order_seq_cst);
  } else {
    status = SLH_E_TRAP;
    if (trap)
      *trap = protection.trap;
  }
  end_protection(&protection);
  return status;
}
