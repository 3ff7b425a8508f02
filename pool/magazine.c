/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Which magazines a thread has, and what becomes of them when it ends. */
#include "pool/magazine.h"

#include <string.h>

#include "pool/os.h"
#include "pool/process.h"

SLHI_THREAD_LOCAL struct thread slhi_thread;

bool slhi_fences_are_asymmetric;

/* The lists of a thread's magazines, and of a slab's, change in the process's
 * lock. */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static int watching = -1; /* errno value of what failed */

/* ---- the end of a thread ---- */

/* Destructors of other libraries can call us again, and ours comes after them, but
 * not in the last round (PTHREAD_DESTRUCTOR_ITERATIONS is at least 4). */
#define MOST_ENDS 3

static void end_thread(void *thread)
{
  struct thread *ended = thread;

  slhi_process_lock();
  while (ended->all) {
    struct magazine *magazine = ended->all;

    ended->all = magazine->of_thread;
    slhi_slab_empty(magazine->slab, magazine);
    magazine->owner = NULL;
  }
  memset(ended->recent, 0, sizeof ended->recent);
  ended->ends++;
  slhi_process_unlock();
}

/* Nobody is to call end_thread once the library has been unloaded. */
__attribute__((destructor)) static void unload(void)
{
  if (watching == 0)
    pthread_key_delete(key);
}

static void watch(void)
{
  slhi_fences_are_asymmetric = slhi_os_fence_open();
  /* From the first pool on there is word of forks. */
  slhi_process_lock();
  slhi_process_unlock();
  watching = pthread_key_create(&key, end_thread);
}

int slhi_threads_watch(void)
{
  pthread_once(&once, watch);
  return watching;
}

/* ---- finding ---- */

/* One that no thread has, or a new one, or NULL. */
static struct magazine *claim(struct slab *slab)
{
  struct magazine *magazine = atomic_load_explicit(&slab->magazines, memory_order_relaxed);
  uint32_t known = 0;
  void *block;

  for (; magazine; magazine = magazine->older, known++) {
    if (!magazine->owner)
      return magazine;
  }
  block = slhi_allocate(&slab->allocator, sizeof *magazine + alignof(struct magazine));
  if (!block)
    return NULL;
  magazine = (void *)slhi_round_up((uintptr_t)block, alignof(struct magazine));
  memset(magazine, 0, sizeof *magazine);
  magazine->block = block;
  magazine->slab = slab;
  magazine->home = known % SLHI_SHARDS;
  magazine->older = atomic_load_explicit(&slab->magazines, memory_order_relaxed);
  atomic_store(&slab->magazines, magazine);
  return magazine;
}

struct magazine *slhi_magazine_search(struct slab *slab)
{
  struct thread *self = &slhi_thread;
  struct magazine *magazine;

  /* Without the destructor, what the thread has would be lost with it; it is not
   * called for ever. */
  if (self->ends == MOST_ENDS || pthread_setspecific(key, self) != 0)
    return NULL;
  /* Who frees another pool changes the list, too. */
  slhi_process_lock();
  magazine = self->all;
  while (magazine && magazine->slab != slab)
    magazine = magazine->of_thread;
  if (!magazine) {
    magazine = claim(slab);
    if (magazine) {
      magazine->owner = self;
      magazine->of_thread = self->all;
      self->all = magazine;
    }
  }
  slhi_process_unlock();
  if (!magazine)
    return NULL;
  self->recent[slab->id % SLHI_RECENT].slab = slab->id;
  self->recent[slab->id % SLHI_RECENT].magazine = magazine;
  return magazine;
}

static void unlink_from_thread(struct magazine *magazine)
{
  struct thread *owner = magazine->owner;
  struct magazine **link = owner ? &owner->all : NULL;

  while (link && *link && *link != magazine)
    link = &(*link)->of_thread;
  if (link && *link)
    *link = magazine->of_thread;
}

void slhi_magazines_free(struct slab *slab)
{
  struct magazine *magazine = atomic_load_explicit(&slab->magazines, memory_order_relaxed);

  slhi_process_lock();
  while (magazine) {
    struct magazine *older = magazine->older;

    unlink_from_thread(magazine);
    slhi_free(&slab->allocator, magazine->block);
    magazine = older;
  }
  slhi_process_unlock();
}

void slhi_magazines_after_fork(struct slab *slab)
{
  for (struct magazine *m = atomic_load(&slab->magazines); m; m = m->older) {
    m->count = m->low = 0; /* its slots will be found by their states */
    atomic_store_explicit(&m->busy, 0, memory_order_relaxed);
    if (m->owner != &slhi_thread)
      m->owner = NULL;
  }
}
