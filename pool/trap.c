/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Faults in slots as statuses: the signal handler and the protected call. */
#include "pool/trap.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>

#include "pool/error.h"
#include "pool/events.h"
#include "pool/process.h"
#include "pool/registry.h"

/* One protected call under way, on its own C stack; the slot points at it. */
struct protection {
  sigjmp_buf resume;
  pthread_t thread;
  struct slot *slot;
  struct protection *outer;     /* the next one of the same slot */
  struct protection *enclosing; /* the next one of the same thread */
  struct opened before;
  struct protection *ends; /* a trap ends this call, and those around it up to that one */
  slh_trap trap;
};

/* The handler looks at it only when it knows that this thread has one. */
static _Thread_local struct protection *innermost;

static const int signals[] = {SIGSEGV, SIGBUS};

#define SIGNALS (sizeof signals / sizeof *signals)

/*
 * Somebody who puts a handler over ours may pass on to ours for ever. So ours
 * is never taken away from beneath another, and when it is installed anew over
 * that other, it is as another function: one that passed on to itself would
 * never end.
 */
#define GENERATIONS 8

struct generation {
  bool installed; /* somebody may still call it */
  struct sigaction earlier;
};

static struct generation generations[GENERATIONS][SIGNALS];
static _Atomic unsigned enabled;

/* Jumps out of the innermost call. Each ends itself before it jumps on, while its stack
 * frame, which says what it has to put back, is still there. */
static _Noreturn void end_up_to(struct protection *outermost)
{
  innermost->ends = outermost;
  siglongjmp(innermost->resume, 1);
}

/* The fault is not ours: whoever was there before gets it, as if we were not
 * there. */
static void pass_on(int signal, siginfo_t *info, void *context, int generation)
{
  const struct sigaction *action = &generations[generation][signal == SIGSEGV ? 0 : 1].earlier;
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

static void handle(int signal, siginfo_t *info, void *context, int generation)
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
    atomic_fetch_add_explicit(&place.pool->traps, 1, memory_order_relaxed);
    end_up_to(protection);
  }
  pass_on(signal, info, context, generation);
  errno = saved_errno;
}

typedef void handler_fn(int signal, siginfo_t *info, void *context);

#define HANDLER(n)                                                                                 \
  static void handle_##n(int signal, siginfo_t *info, void *context)                               \
  {                                                                                                \
    handle(signal, info, context, n);                                                              \
  }
HANDLER(0)
HANDLER(1)
HANDLER(2)
HANDLER(3)
HANDLER(4)
HANDLER(5)
HANDLER(6)
HANDLER(7)

static handler_fn *const handlers[GENERATIONS] = {handle_0, handle_1, handle_2, handle_3,
                                                  handle_4, handle_5, handle_6, handle_7};

/* Which generation a handler is; GENERATIONS: not ours. */
static int generation_of(const struct sigaction *action)
{
  int generation = 0;

  if (!(action->sa_flags & SA_SIGINFO))
    return GENERATIONS;
  while (generation < GENERATIONS && action->sa_sigaction != handlers[generation])
    generation++;
  return generation;
}

/* Puts our handler on top, unless it is there. 0, or an errno value. */
static int install(size_t i)
{
  struct sigaction action = {/* NODEFER: the signal is not blocked after the jump out. */
                             .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
  struct sigaction current;
  int generation = 0;

  if (sigaction(signals[i], NULL, &current))
    return errno;
  if (generation_of(&current) < GENERATIONS)
    return 0;
  while (generation < GENERATIONS && generations[generation][i].installed)
    generation++;
  if (generation == GENERATIONS)
    return EBUSY;
  /* Set before, for a fault can come at once. */
  generations[generation][i].earlier = current;
  action.sa_sigaction = handlers[generation];
  if (sigaction(signals[i], &action, NULL))
    return errno;
  generations[generation][i].installed = true;
  return 0;
}

static void uninstall(size_t i)
{
  struct sigaction current;
  int generation;

  if (sigaction(signals[i], NULL, &current))
    return;
  generation = generation_of(&current);
  if (generation == GENERATIONS)
    return;
  sigaction(signals[i], &generations[generation][i].earlier, NULL);
  generations[generation][i].installed = false;
}

slh_status slh_traps_enable(slh_error *error)
{
  int failed = 0;
  size_t done = 0;

  slhi_process_lock();
  while (enabled == 0 && failed == 0 && done < SIGNALS)
    failed = install(done++);
  if (failed == 0) {
    enabled++;
  } else {
    for (size_t i = 0; i + 1 < done; i++)
      uninstall(i);
  }
  slhi_process_unlock();
  if (failed != 0)
    return slhi_error_errno(error, SLH_E_SYSTEM, failed, "sigaction for signal %d",
                            signals[done - 1]);
  return SLH_OK;
}

void slh_traps_disable(void)
{
  slhi_process_lock();
  if (enabled == 0)
    slhi_misuse("slh_traps_disable", "traps are not enabled");
  if (--enabled == 0) {
    for (size_t i = 0; i < SIGNALS; i++)
      uninstall(i);
  }
  slhi_process_unlock();
}

static void end_innermost(void)
{
  struct protection *protection = innermost;

  innermost = protection->enclosing;
  atomic_store_explicit(&protection->slot->protection, protection->outer, memory_order_relaxed);
}

/* [promise contained] */
slh_status slhi_slot_protect(struct slot *slot, slh_protected_fn *call, void *argument,
                             slhi_left_fn *left, const struct opened *before, slh_trap *trap)
{
  struct protection protection;

  if (atomic_load_explicit(&enabled, memory_order_relaxed) == 0)
    return SLH_E_INVALID;
  protection.thread = pthread_self();
  protection.slot = slot;
  protection.outer = atomic_load_explicit(&slot->protection, memory_order_relaxed);
  protection.enclosing = innermost;
  protection.ends = NULL; /* this and the next are for a trap to set */
  protection.trap = (slh_trap){0};
  protection.before = *before;
  innermost = &protection;
  /* Without the signal mask: the handler has not changed it, and saving it is
   * a system call. */
  if (sigsetjmp(protection.resume, 0) != 0) {
    end_innermost();
    left(slot, &protection.before);
    if (protection.ends != &protection)
      end_up_to(protection.ends);
    SLHI_EVENT(trap, TRAP, slhi_pool_of(slot), protection.trap.heap,
               (uint32_t)protection.trap.signal, protection.trap.offset, 0);
    if (trap)
      *trap = protection.trap;
    return SLH_E_TRAP;
  }
  atomic_store_explicit(&slot->protection, &protection, memory_order_relaxed);
  atomic_signal_fence(memory_order_seq_cst);
  call(argument);
  atomic_signal_fence(memory_order_seq_cst);
  end_innermost();
  return SLH_OK;
}
