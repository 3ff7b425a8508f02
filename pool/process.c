/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "pool/process.h"

#include <pthread.h>

#include "pool/pool.h"
#include "pool/registry.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void before_fork(void)
{
  pthread_mutex_lock(&lock);
}

static void in_parent(void)
{
  pthread_mutex_unlock(&lock);
}

static bool tell(void *context, slh_pool *pool)
{
  (void)context;
  slhi_pool_after_fork(pool);
  return true;
}

static void in_child(void)
{
  slhi_registry_after_fork();
  (void)slhi_registry_visit(tell, NULL);
  pthread_mutex_unlock(&lock);
}

static void watch(void)
{
  /* If there is no memory for it, children can use what no other thread of the
   * parent was using. */
  (void)pthread_atfork(before_fork, in_parent, in_child);
}

void slhi_process_lock(void)
{
  pthread_once(&once, watch);
  pthread_mutex_lock(&lock);
}

void slhi_process_unlock(void)
{
  pthread_mutex_unlock(&lock);
}
