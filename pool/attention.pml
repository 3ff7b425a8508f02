/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * How threads are kept out of their magazines: slhi_magazine_enter, gather and
 * slhi_slab_dismiss (magazine.h, slab.c, slab.h), with store buffers. What a
 * thread stores waits in its buffer until the processor writes it to memory, so
 * that others see it late; the thread itself sees it at once. See
 * doc/protocol.md.
 *
 *   -DTHREADS=N   threads; each takes, puts and gathers
 *   -DSYMMETRIC   without membarrier: both halves are sequentially consistent
 *   -DREORDER     stores leave a buffer in any order that release and the same
 *                 address allow, as on aarch64; without, first in, first out (x86)
 *   -DMUTANT=N    breaks it, see below
 */
#ifndef THREADS
#define THREADS 2
#endif
#ifndef MUTANT
#define MUTANT 0
#endif

/* What each of them breaks. */
#define NO_FENCE (MUTANT == 1)         /* the frequent half's stores are not waited for */
#define FENCE_FIRST (MUTANT == 2)      /* the fence comes before attention is asked for */
#define NO_LOOK (MUTANT == 3)          /* a thread goes in whatever attention says */
#define NO_WAIT (MUTANT == 4)          /* who gathers does not wait for busy threads */
#define LEAVES_EARLY (MUTANT == 5)     /* busy is cleared before the magazine is written */
#define DISMISSES_EARLY (MUTANT == 6)  /* before the magazines are empty */
#define STAYS_BUSY_LATE (MUTANT == 7)  /* busy is set after the look at attention */

/* Stores of a thread in its magazine, and twice. */
#define BUFFER 6

mtype = { BUSY, COUNT };

/* Memory. A magazine has one slot, or none. */
bool attention;
bool lock;
bool busy[THREADS];
bit count[THREADS];
byte shared = THREADS;

/* What threads have stored; the last count, which they see themselves. */
chan buffer[THREADS] = [BUFFER] of { mtype, bit };
byte counts[THREADS]; /* of it in the buffer */
bit newest[THREADS];

/* Ghosts. */
bool inside[THREADS];
byte hands; /* slots that threads have */

inline write(t, what, value) {
  if
  :: what == BUSY -> busy[t] = value
  :: what == COUNT -> count[t] = value; counts[t]--
  fi
}

inline store(what, value) {
  atomic {
    nfull(buffer[me]) -> buffer[me]!what, value;
    if
    :: what == COUNT -> counts[me]++; newest[me] = value
    :: else
    fi
  }
}

/* All that thread `t` has stored so far goes to memory. */
inline fence_of(t) {
  d_step {
    do
    :: buffer[t]?what, value -> write(t, what, value)
    :: empty(buffer[t]) -> break
    od;
    what = 0; value = 0
  }
}

/* The processors. */
active [THREADS] proctype processor() {
  mtype what;
  bit value;
  byte t = _pid;

end:
  do
  :: d_step { buffer[t]?what, value -> write(t, what, value); what = 0; value = 0 }
#ifdef REORDER
  :: d_step { buffer[t]??COUNT, value -> count[t] = value; counts[t]--; value = 0 }
#endif
  od
}

/* slhi_magazine_enter */
inline enter() {
  if
  :: STAYS_BUSY_LATE
  :: else -> store(BUSY, 1)
  fi;
#ifdef SYMMETRIC
  if
  :: NO_FENCE
  :: else -> fence_of(me)
  fi;
#endif
  if
  :: atomic { !attention || NO_LOOK -> inside[me] = true; in = true }
  :: else -> in = false
  fi;
  if
  :: STAYS_BUSY_LATE && in -> store(BUSY, 1)
  :: !STAYS_BUSY_LATE && !in -> store(BUSY, 0)
  :: else
  fi
}

/* slhi_magazine_leave */
inline leave() {
  atomic { inside[me] = false; in = false };
  if
  :: LEAVES_EARLY
  :: else -> store(BUSY, 0)
  fi
}

/* A slot goes from the magazine into the hand, or back. */
inline use() {
  if
  :: counts[me] > 0 -> seen = newest[me]
  :: else -> seen = count[me]
  fi;
  if
  :: LEAVES_EARLY -> store(BUSY, 0)
  :: else
  fi;
  if
  :: seen && !hand -> store(COUNT, 0); d_step { hand = true; hands++ }
  :: !seen && hand -> d_step { hand = false; hands-- }; store(COUNT, 1)
  :: else
  fi;
  seen = 0
}

/* A lock is a fence for who takes it. */
inline acquire() {
  atomic { !lock -> lock = true };
  fence_of(me)
}

inline release() {
  fence_of(me);
  lock = false
}

/* membarrier: every processor passes a fence, one after the other. */
inline fence() {
#ifndef SYMMETRIC
  i = 0;
  do
  :: i < THREADS && !NO_FENCE -> fence_of(i); i++
  :: else -> break
  od;
#endif
  i = 0
}

inline gather() {
  if
  :: FENCE_FIRST -> fence()
  :: else
  fi;
  attention = true;
  if
  :: FENCE_FIRST
  :: else -> fence()
  fi;
  do
  :: i < THREADS -> (!busy[i] || NO_WAIT) -> i++
  :: else -> break
  od;
  i = 0
}

/* All magazines are this thread's now. */
inline drain() {
  do
  :: i < THREADS ->
    assert(!inside[i] && counts[i] == 0);
    d_step { shared = shared + count[i]; count[i] = 0; i++ }
  :: else -> break
  od;
  i = 0
}

/* A slot from the shards into the hand, or back; so that all is found again. */
inline share() {
  if
  :: shared > 0 && !hand -> d_step { shared--; hand = true; hands++ }
  :: hand -> d_step { shared++; hand = false; hands-- }
  :: else
  fi
}

active [THREADS] proctype thread() {
  byte me = _pid - THREADS;
  byte i;
  mtype what;
  bit value, seen;
  bool in, hand;

end:
  do
  :: enter();
    if
    :: in -> use(); leave()
    :: else
    fi
  :: acquire();
    gather();
    if
    :: DISMISSES_EARLY -> attention = false
    :: else
    fi;
    drain();
    assert(shared + hands == THREADS);
    share();
    attention = false;
    release()
  od
}

