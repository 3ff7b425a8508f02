/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* When idle slots give up what they keep. */
#include "pool/decay.h"

#include <signal.h>

#include "pool/clock.h"
#include "pool/error.h"
#include "pool/pool.h"
#include "pool/registry.h"
#include "pool/residency.h"

struct decay_thread {
  pthread_t thread;
  pthread_mutex_t lock;
  pthread_cond_t wake;
  bool stop;
};

static void decay(slh_pool *pool, bool all)
{
  slhi_residency_decay(&pool->spaces, all);
  for (uint64_t size = 0; size < pool->plan.sizes; size++)
    slhi_residency_decay(&pool->heaps[size], all);
}

void slh_pool_decay(slh_pool *pool)
{
  uint64_t now = slhi_now_ns() / 1000000;
  uint64_t last;

  slhi_check_pool(pool, "slh_pool_decay");
  last = atomic_load_explicit(&pool->decayed, memory_order_relaxed);
  if (now - last < (pool->plan.decay_ms + 1) / 2 ||
      !atomic_compare_exchange_strong(&pool->decayed, &last, now))
    return;
  decay(pool, false);
}

void slh_pool_trim(slh_pool *pool)
{
  slhi_check_pool(pool, "slh_pool_trim");
  decay(pool, true);
}

/* ---- the thread ---- */

static void *run(void *context)
{
  slh_pool *pool = context;
  struct decay_thread *self = pool->decay_thread;
  uint64_t pause = (pool->plan.decay_ms + 1) / 2 * 1000000;

  pthread_mutex_lock(&self->lock);
  while (!self->stop) {
    struct timespec until = slhi_deadline(pause);

    if (pthread_cond_timedwait(&self->wake, &self->lock, &until) == 0)
      continue;
    pthread_mutex_unlock(&self->lock);
    slh_pool_decay(pool);
    pthread_mutex_lock(&self->lock);
  }
  pthread_mutex_unlock(&self->lock);
  return NULL;
}

static void free_thread(slh_pool *pool)
{
  struct decay_thread *thread = pool->decay_thread;

  pthread_cond_destroy(&thread->wake);
  pthread_mutex_destroy(&thread->lock);
  slhi_free(&pool->spaces.allocator, thread);
  pool->decay_thread = NULL;
}

slh_status slhi_decay_start(slh_pool *pool, slh_error *error)
{
  struct decay_thread *thread = slhi_allocate(&pool->spaces.allocator, sizeof *thread);
  sigset_t all, before;
  int failed;

  if (!thread)
    return slhi_error(error, SLH_E_NOMEM, "no memory for the decay thread");
  pool->decay_thread = thread;
  thread->stop = false;
  pthread_mutex_init(&thread->lock, NULL);
  slhi_condition_open(&thread->wake);
  /* The host's signals are not for this thread. */
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  failed = pthread_create(&thread->thread, NULL, run, pool);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (failed == 0)
    return SLH_OK;
  free_thread(pool);
  return slhi_error_errno(error, SLH_E_NOMEM, failed, "starting the decay thread");
}

void slhi_decay_stop(slh_pool *pool)
{
  struct decay_thread *thread = pool->decay_thread;

  if (!thread)
    return;
  pthread_mutex_lock(&thread->lock);
  thread->stop = true;
  pthread_cond_signal(&thread->wake);
  pthread_mutex_unlock(&thread->lock);
  pthread_join(thread->thread, NULL);
  free_thread(pool);
}

void slhi_decay_forget(slh_pool *pool)
{
  struct decay_thread *thread = pool->decay_thread;

  /* Its lock may be held for ever. */
  pool->decay_thread = NULL;
  slhi_free(&pool->spaces.allocator, thread);
}
