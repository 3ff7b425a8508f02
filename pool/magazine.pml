/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Who has which slot: magazines, shards, the lock, who waits, and slots whose pages
 * are on their way back (slab.c, shard.c, magazine.c, waiting.c, residency.c). What
 * is below is modelled beside this: attention with store buffers (attention.pml), a
 * shard's stacks (stack.pml). See doc/protocol.md.
 *
 *   -DTHREADS=N -DSLOTS=N   of each; a magazine has room for ROOM slots
 *   -DDECAY=N               a further thread decays or trims so often
 *   -DQUEUE=N               pages go back, by a queue with room for N slots
 *   -DRING                  pages go back, by io_uring
 *   -DRELIEVE               threads bring down what the pool keeps
 *   -DENDS                  threads end, and others begin
 *   -DMUTANT=N              breaks it, see below
 */
#ifndef THREADS
#define THREADS 2
#endif
#ifndef SLOTS
#define SLOTS 2
#endif
#ifndef ROOM
#define ROOM 1
#endif
#ifndef MUTANT
#define MUTANT 0
#endif

/* What each of them breaks. */
#define NO_LOOK (MUTANT == 1)           /* attention keeps nobody out of a magazine */
#define NO_BUSY_WAIT (MUTANT == 2)      /* who gathers does not wait for busy threads */
#define NO_DRAIN (MUTANT == 3)          /* the last resort overlooks magazines */
#define NO_FLUSH (MUTANT == 4)          /* ... or slots whose pages go back */
#define DISMISSES_FIRST (MUTANT == 5)   /* attention ends before somebody waits */
#define JOINS_SILENTLY (MUTANT == 6)    /* ... or while somebody does */
#define NO_HAND_OVER (MUTANT == 7)      /* a put overlooks who waits */
#define QUEUES_ANYWAY (MUTANT == 8)     /* pages go back late though somebody waits */
#define STAYS_IN_LINE (MUTANT == 9)     /* who gives up is still waited for */
#define ENDS_ROUGHLY (MUTANT == 10)     /* an ending thread does not enter its magazine */
#define ENDS_FULL (MUTANT == 11)        /* ... or leaves its slots there, for ever */
#define PUBLISHES_LATE (MUTANT == 12)   /* a new magazine is used before it is in the list */
#define CHECKS_FIRST (MUTANT == 13)     /* a thread sets busy after it looked at attention */
#define PUTS_FIRST (MUTANT == 14)       /* a slot is free before its pages have gone back */
#define LEAVES_LINE_OPEN (MUTANT == 15) /* who is handed a slot stays the first in line */

/* Sets of slots are bits. */
#define ALL ((1 << SLOTS) - 1)
#define BIT(slot) (1 << (slot))
#define NONE 255

#define MAGAZINES THREADS

bool attention;
byte lock = NONE; /* who has it */

/* Those in the list are the first so many; they stay there. */
byte magazines;
byte made;
bool busy[MAGAZINES];
byte loaded[MAGAZINES];
byte owner[MAGAZINES] = NONE;

byte hot, cool, clean; /* shards, as one: see miss() */
byte fresh;            /* how many were taken: the others never were */

byte queue, in_flight, landed;

chan line = [THREADS] of { byte };
byte waiters; /* in line */
byte handed[THREADS] = NONE;

/* Ghosts. */
byte user[SLOTS] = NONE; /* who has it */
byte settled = ALL;      /* free, and the call that put it has returned */
byte warm;               /* pages are on their way back: not to be touched */
bool inside[MAGAZINES];
bool waits[THREADS];
byte gone; /* threads that ended for good */

/* ---- slots in sets ---- */

#define COUNT(set) (((set) & 1) + (((set) >> 1) & 1) + (((set) >> 2) & 1))
#define FREE_SETS (hot | cool | clean | queue | in_flight | landed)

inline choose(set) {
  if
  :: (set) & 1 -> slot = 0
  :: (set) & 2 -> slot = 1
  :: (set) & 4 -> slot = 2
  fi
}

/* With no pages in memory it is clean. */
inline push(number) {
  assert(((FREE_SETS) & BIT(number)) == 0 && user[number] == NONE);
  if
  :: hot = hot | BIT(number)
  :: clean = clean | BIT(number)
  fi
}

/* A scan over shards can miss what others put and take meanwhile: it may find nothing,
 * but for who has all to itself. */
inline pop(set, alone) {
  atomic {
    if
    :: set != 0 -> choose(set); set = set & ~BIT(slot)
    :: set == 0 || !alone -> skip
    fi
  }
}

inline take_shared(alone) {
  pop(hot, alone);
  if
  :: slot == NONE -> pop(cool, alone)
  :: else
  fi;
  if
  :: slot == NONE -> pop(clean, alone)
  :: else
  fi;
  atomic {
    if
    :: slot == NONE && fresh < SLOTS -> slot = fresh; fresh++
    :: else
    fi
  }
}

/* ---- attention ---- */

inline enter() {
  in = false;
  if
  :: mine != NONE ->
    if
    :: CHECKS_FIRST
    :: else -> busy[mine] = true
    fi;
    if
    :: atomic { !attention || NO_LOOK -> in = true; inside[mine] = !CHECKS_FIRST }
    :: else -> busy[mine] = false
    fi;
    if
    :: CHECKS_FIRST && in -> atomic { busy[mine] = true; inside[mine] = true }
    :: else
    fi
  :: else
  fi
}

inline leave() {
  atomic { magazines = made; busy[mine] = false; inside[mine] = false; in = false }
}

/* The list is read once attention has been asked for. */
inline gather() {
  attention = true;
  atomic { m = 0; last = magazines };
  do
  :: atomic { m < last && (!busy[m] || NO_BUSY_WAIT) -> m++ }
  :: m == last -> break
  od;
  atomic { m = 0; last = 0 }
}

inline dismiss() {
  attention = waiters > 0 && !JOINS_SILENTLY
}

/* ---- the lock ---- */

inline acquire() {
  atomic { lock == NONE -> lock = me }
}

inline release() {
  lock = NONE
}

/* slhi_slab_put_locked */
inline put_locked(number) {
  atomic {
    if
    :: waiters > 0 && !NO_HAND_OVER ->
      if
      :: LEAVES_LINE_OPEN -> line?<w>
      :: !LEAVES_LINE_OPEN -> line?w; waiters--
      fi;
      assert(waits[w] && handed[w] == NONE);
      assert(user[number] == NONE);
      handed[w] = number;
      user[number] = w;
      settled = settled & ~BIT(number);
      w = NONE
    :: else -> push(number); settled = settled | BIT(number)
    fi
  };
  if
  :: w == NONE -> dismiss(); w = 0
  :: else
  fi
}

/* A magazine's slots, one by one: all, or those that were idle, which are cool. */
inline drain(idle) {
  do
  :: m < magazines ->
    assert(!inside[m]);
    atomic {
      do
      :: loaded[m] != 0 ->
        choose(loaded[m]);
        loaded[m] = loaded[m] & ~BIT(slot);
        if
        :: idle -> cool = cool | BIT(slot)
        :: push(slot)
        fi
      :: loaded[m] == 0 || idle -> break
      od;
      slot = NONE;
      m++
    }
  :: else -> break
  od;
  m = 0
}

/* slhi_residency_reap */
inline reap() {
  do
  :: landed != 0 ->
    atomic { choose(landed); landed = landed & ~BIT(slot) };
    put_locked(slot);
    slot = NONE
  :: else -> break
  od
}

/* slhi_residency_flush */
inline flush() {
  some = queue;
  if
  :: PUTS_FIRST
  :: else -> warm = warm & ~some
  fi;
  queue = 0;
  do
  :: some != 0 ->
    atomic { choose(some); some = some & ~BIT(slot) };
    put_locked(slot);
    slot = NONE
  :: else -> break
  od;
  do
  :: (in_flight | landed) != 0 -> landed != 0; reap()
  :: else -> break
  od
}

/* ---- take ---- */

inline found() {
  assert(user[slot] == NONE);
  assert((warm & BIT(slot)) == 0);
  user[slot] = me;
  settled = settled & ~BIT(slot)
}

/* slhi_wait */
inline wait() {
  atomic { waits[me] = true; line!me; waiters++ };
  dismiss();
  release();
  if
  :: atomic { handed[me] != NONE && lock == NONE -> lock = me }
  :: atomic { expires && lock == NONE -> lock = me }
  fi;
  atomic {
    waits[me] = false;
    if
    :: handed[me] != NONE -> slot = handed[me]; handed[me] = NONE
    :: else ->
      if
      :: STAYS_IN_LINE
      :: !STAYS_IN_LINE -> line??eval(me); waiters--
      fi
    fi
  }
  if
  :: slot == NONE -> dismiss()
  :: else
  fi
}

/* take_at_lock */
inline take_at_lock() {
  acquire();
  if
  :: waiters == 0 ->
    take_shared(false);
    if
    :: slot == NONE ->
      gather();
      if
      :: NO_DRAIN
      :: else -> drain(false)
      fi;
      if
      :: NO_FLUSH
      :: else -> flush()
      fi;
      take_shared(true);
      /* Refused: then none is free. */
      assert(slot != NONE || settled == 0);
      if
      :: slot != NONE || !patient || DISMISSES_FIRST -> dismiss()
      :: else
      fi
    :: else
    fi
  :: else
  fi;
  if
  :: slot != NONE -> atomic { found() }
  :: slot == NONE && patient ->
    if
    :: DISMISSES_FIRST -> release(); acquire()
    :: else
    fi;
    wait()
  :: else
  fi;
  release()
}

/* slhi_slab_take */
inline take() {
  enter();
  if
  :: in ->
    if
    :: atomic { loaded[mine] != 0 -> choose(loaded[mine]); loaded[mine] = loaded[mine] & ~BIT(slot) }
    :: else ->
      take_shared(false);
      /* More of them into the magazine. */
      if
      :: atomic { slot != NONE && hot != 0 && COUNT(loaded[mine]) < ROOM ->
          some = slot;
          choose(hot);
          hot = hot & ~BIT(slot);
          loaded[mine] = loaded[mine] | BIT(slot);
          slot = some;
          some = 0
        }
      :: skip
      fi
    fi;
    if
    :: slot != NONE -> atomic { assert(waiters == 0); found() }
    :: else
    fi;
    leave()
  :: else
  fi;
  if
  :: slot == NONE -> take_at_lock()
  :: else
  fi;
  atomic {
    if
    :: slot != NONE -> assert(user[slot] == me); held = held | BIT(slot); slot = NONE
    :: else
    fi
  }
}

/* ---- put ---- */

inline spill() {
  atomic {
    choose(loaded[mine]);
    loaded[mine] = loaded[mine] & ~BIT(slot);
    push(slot);
    slot = NONE
  }
}

/* slhi_slab_put, of `given` */
inline put_slot() {
  enter();
  if
  :: in ->
    if
    :: COUNT(loaded[mine]) == ROOM -> spill()
    :: else
    fi;
    loaded[mine] = loaded[mine] | BIT(given);
    atomic {
      assert(waiters == 0);
      settled = settled | BIT(given);
      given = NONE;
      leave()
    }
  :: else ->
    acquire();
    put_locked(given);
    given = NONE;
    release()
  fi
}

/* enqueue; without the lock the pages go back at once. */
inline enqueue() {
  atomic { lock == NONE -> lock = me };
#ifdef RING
  reap();
  if
  :: waiters == 0 || QUEUES_ANYWAY ->
    atomic {
      warm = warm | BIT(given);
      in_flight = in_flight | BIT(given);
      settled = settled | BIT(given);
      given = NONE
    }
  :: skip /* refused by the system */
  fi;
#else
  if
  :: waiters == 0 || QUEUES_ANYWAY ->
    atomic {
      warm = warm | BIT(given);
      queue = queue | BIT(given);
      settled = settled | BIT(given);
      given = NONE
    }
  :: else
  fi;
  if
  :: COUNT(queue) == QUEUE -> flush()
  :: else
  fi;
#endif
  release()
}

/* slhi_residency_relieve */
inline relieve() {
  atomic { lock == NONE -> lock = me };
  empty_some(true);
  release();
  enter();
  if
  :: in ->
    if
    :: loaded[mine] != 0 -> spill()
    :: else
    fi;
    leave()
  :: else
  fi
}

inline put() {
#ifdef RELIEVE
  if
  :: relieve()
  :: skip
  fi;
#endif
  atomic {
    choose(held);
    given = slot;
    slot = NONE;
    held = held & ~BIT(given);
    assert(user[given] == me);
    user[given] = NONE
  }
#if defined(QUEUE) || defined(RING)
  if
  :: enqueue()
  :: skip
  fi;
#endif
  if
  :: given != NONE -> put_slot()
  :: else
  fi
}

/* Takes idle slots, has their pages given back, and puts them. */
inline empty_some(all) {
  do
  :: atomic { cool != 0 -> choose(cool); cool = cool & ~BIT(slot) };
    atomic { some = some | BIT(slot); slot = NONE }
  :: atomic { all && hot != 0 -> choose(hot); hot = hot & ~BIT(slot) };
    atomic { some = some | BIT(slot); slot = NONE }
  :: break
  od;
  do
  :: some != 0 ->
    atomic { choose(some); some = some & ~BIT(slot) };
    put_locked(slot);
    slot = NONE
  :: else -> break
  od
}

/* ---- threads ---- */

/* claim: a magazine that nobody has, or a new one, or none. In the process's lock,
 * here one step. */
inline begin() {
  atomic {
    if
    :: mine = NONE
    :: made < MAGAZINES -> mine = made; owner[mine] = me;
      if
      :: PUBLISHES_LATE -> made++
      :: else -> made++; magazines++
      fi
    :: magazines > 0 && owner[0] == NONE -> mine = 0; owner[0] = me
    :: magazines > 1 && owner[1] == NONE -> mine = 1; owner[1] = me
    fi
  }
}

/* slhi_slab_empty */
inline finish() {
  if
  :: mine != NONE && !ENDS_FULL ->
    if
    :: ENDS_ROUGHLY -> atomic { in = true; inside[mine] = true }
    :: else -> enter()
    fi;
    if
    :: in ->
      do
      :: loaded[mine] != 0 -> spill()
      :: else -> break
      od;
      leave()
    :: else ->
      acquire();
      do
      :: loaded[mine] != 0 ->
        atomic { choose(loaded[mine]); loaded[mine] = loaded[mine] & ~BIT(slot) };
        put_locked(slot);
        slot = NONE
      :: else -> break
      od;
      release()
    fi
  :: else
  fi;
  atomic {
    if
    :: mine != NONE -> owner[mine] = NONE; mine = NONE
    :: else
    fi
  }
}

proctype thread(byte me) {
  byte mine = NONE, slot = NONE, given = NONE, held, some, m, last, w;
  bool in, patient, expires;

  begin();
  do
  :: held == 0 -> /* it waits with empty hands only: all the others put what they have */
    if
    :: patient = false
    :: atomic { patient = true; expires = false }
    :: atomic { patient = true; expires = true }
    fi;
    take();
    atomic { patient = false; expires = false }
  :: COUNT(held) == 1 && SLOTS > THREADS -> take()
  :: held != 0 -> put()
#ifdef ENDS
  :: held == 0 -> finish(); begin()
#endif
  :: held == 0 -> break
  od;
  finish();
  gone++
}

#ifdef DECAY
/* slh_pool_decay and slh_pool_trim */
active proctype decayer() {
  byte me = THREADS, slot = NONE, some, m, last, w;
  byte rounds;
  bool all;

  do
  :: rounds < DECAY ->
    rounds++;
    if
    :: all = true
    :: all = false
    fi;
    acquire();
    flush();
    gather();
    drain(!all);
    dismiss();
    do
    :: empty_some(all);
      if
      :: release(); acquire()
      :: break
      fi
    od;
    gather();
    atomic {
      m = 0;
      do
      :: m < magazines -> assert(!inside[m]); m++
      :: else -> break
      od;
      m = 0;
      if
      :: cool == 0 -> cool = hot; hot = 0
      :: else
      fi
    }
    dismiss();
    release();
    all = false
  :: else -> break
  od
}
#endif

#ifdef RING
/* The system, which may take its time. */
active proctype ring() {
  byte slot;

end:
  do
  :: atomic {
      in_flight != 0 -> choose(in_flight);
      in_flight = in_flight & ~BIT(slot);
      warm = warm & ~BIT(slot);
      landed = landed | BIT(slot);
      slot = 0
    }
  od
}
#endif

/* While the lock is free, nobody waits for what is free; and in the end all is. */
active proctype observer() {
end:
  do
  :: atomic { lock == NONE && waiters > 0 && settled != 0 -> assert(false) }
  :: atomic {
      gone == THREADS && lock == NONE ->
      assert(settled == ALL && waiters == 0 && !attention);
      assert(((FREE_SETS) | (ALL & ~((1 << fresh) - 1))) == ALL);
      break
    }
  od
}

init {
  byte t;

  atomic {
    do
    :: t < THREADS -> run thread(t); t++
    :: else -> break
    od
  }
}
