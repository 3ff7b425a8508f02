/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * A stack of free slots: pop and push (shard.c), by threads that may be
 * stopped between any two of their accesses. The word is the top and a count of
 * changes, compared and swapped as one. See doc/protocol.md.
 *
 *   -DTHREADS=N -DSLOTS=N   of each
 *   -DCHANGES=N             most changes of the stack, so that the count never wraps
 *   -DMUTANT=N              breaks it, see below
 */
#ifndef THREADS
#define THREADS 2
#endif
#ifndef SLOTS
#define SLOTS 3
#endif
#ifndef CHANGES
#define CHANGES 10
#endif
#ifndef MUTANT
#define MUTANT 0
#endif

/* What each of them breaks. */
#define COMPARES_TOP_ONLY (MUTANT == 1) /* a top that came back passes for one that stayed */
#define LINKS_ONCE (MUTANT == 2)        /* a push that has to try again keeps its link */
#define STORES (MUTANT == 3)            /* a push stores the word, whatever it is meanwhile */

/* Slots are numbered from 1; 0 is none. */
byte top;
byte count;
byte next[SLOTS + 1];
byte user[SLOTS + 1]; /* ghost: who has the slot, plus 1; 0: it is on the stack */

inline read() {
  d_step { seen = top; seen_count = count }
}

/* Whether the word is still as read; then it is replaced. */
inline swap(number) {
  d_step {
    if
    :: seen == top && (seen_count == count || COMPARES_TOP_ONLY) ->
      top = number;
      count++;
      done = true
    :: else -> seen = top; seen_count = count
    fi
  }
}

inline pop() {
  read();
  do
  :: done || seen == 0 -> break
  :: else ->
    below = next[seen];
    slot = seen;
    swap(below)
  od;
  atomic {
    if
    :: done -> assert(user[slot] == 0); user[slot] = me + 1; held++
    :: else -> slot = 0
    fi;
    below = 0; seen = 0; seen_count = 0
  }
  /* slhi_slab_take */
  if
  :: done -> next[slot] = 0
  :: else
  fi;
  atomic { slot = 0; done = false }
}

inline push() {
  d_step { user[slot] = 0; held-- }
  read();
  next[slot] = seen;
  do
  :: done -> break
  :: STORES -> d_step { top = slot; count++; done = true }
  :: !done && !STORES ->
    swap(slot);
    if
    :: !done && !LINKS_ONCE -> next[slot] = seen
    :: else
    fi
  od;
  atomic { slot = 0; seen = 0; seen_count = 0; done = false }
}

/* One of the thread's slots, whichever. */
inline pick() {
  slot = 1;
  do
  :: user[slot] == me + 1 -> break
  :: slot < SLOTS -> slot++
  od
}

proctype thread(byte me) {
  byte seen, seen_count, below, slot, held;
  bool done;

  do
  :: count < CHANGES -> pop()
  :: count < CHANGES && held > 0 -> d_step { pick() }; push()
  :: break
  od
}

/* When all have stopped: each slot is on the stack once, or somebody's. */
inline check() {
  slot = top;
  do
  :: slot != 0 ->
    assert(user[slot] == 0);
    found++;
    assert(found <= SLOTS);
    slot = next[slot]
  :: else -> break
  od;
  slot = 1;
  do
  :: slot <= SLOTS -> found = found + (user[slot] != 0 -> 1 : 0); slot++
  :: else -> break
  od;
  assert(found == SLOTS)
}

init {
  byte slot, found;

  atomic {
    do
    :: top < SLOTS -> next[top + 1] = top; top++
    :: else -> break
    od;
    do
    :: slot < THREADS -> run thread(slot); slot++
    :: else -> break
    od
  }
  _nr_pr == 1;
  d_step { check() }
}
