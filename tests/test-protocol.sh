#!/bin/sh
# The models of doc/protocol.md, searched to the end; and each of their mutants, which
# must be found out. With an argument: larger ones as well, for some minutes.
set -eu

command -v spin >/dev/null || exit 77
models=$(cd "${srcdir:-.}/pool" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
started=0

# search MODEL OPTIONS...: leaves what the search says in pan.log, in a folder of its own
search() {
  model=$1
  shift
  cd "$(mktemp -d -p "$work")"
  spin -a "$@" "$models/$model.pml" >spin.log 2>&1 || cat spin.log
  "${CC:-cc}" -w -O0 -DSAFETY -o pan pan.c
  ./pan -m2000000 -w22 >pan.log 2>&1 || true
}

# fail WHAT...: the others are searched nevertheless
fail() {
  echo "FAILED: $*"
  cat pan.log
  : >"$work/failed"
}

check_holds() {
  search "$@"
  if ! grep -q 'errors: 0' pan.log || grep -qE 'max search depth|out of memory|truncated' pan.log; then
    fail "$@"
  else
    echo "holds in $(sed -n 's/^ *\([0-9.e+]*\) states, stored.*/\1/p' pan.log) states: $*"
  fi
}

check_refuted() {
  search "$@"
  if ! grep -q 'errors: 1' pan.log; then
    fail "no error found: $*"
  else
    echo "refuted ($(sed -n 's/^pan:1: \(.*\) (at depth.*/\1/p' pan.log)): $*"
  fi
}

# Two at a time.
start() {
  ("$@" || : >"$work/failed") &
  started=$((started + 1))
  if [ $((started % 2)) -eq 0 ]; then
    wait
  fi
}

# MODEL OPTIONS... holds in all states: nothing was cut off, nothing found.
holds() {
  start check_holds "$@"
}

# It does not.
refuted() {
  start check_refuted "$@"
}

holds attention
holds attention -DREORDER
holds attention -DSYMMETRIC
for mutant in 1 2 3 4 5 6 7; do
  refuted attention -DMUTANT=$mutant
done
for mutant in 1 7; do
  refuted attention -DSYMMETRIC -DMUTANT=$mutant
done

holds stack
for mutant in 1 2 3; do
  refuted stack -DMUTANT=$mutant
done

holds magazine
holds magazine -DSLOTS=1
holds magazine -DRELIEVE
holds magazine -DSLOTS=1 -DQUEUE=1
holds magazine -DSLOTS=1 -DRING
holds magazine -DTHREADS=1 -DDECAY=2 -DQUEUE=2
for mutant in 1 2 3 12 13; do
  refuted magazine -DMUTANT=$mutant
done
for mutant in 5 6 7 9 15; do
  refuted magazine -DSLOTS=1 -DMUTANT=$mutant
done
for mutant in 4 8 14; do
  refuted magazine -DSLOTS=1 -DQUEUE=2 -DMUTANT=$mutant
done
for mutant in 10 11; do
  refuted magazine -DENDS -DMUTANT=$mutant
done

if [ $# -gt 0 ]; then
  holds stack -DTHREADS=3 -DCHANGES=6
  holds magazine -DENDS
  holds magazine -DQUEUE=2
  holds magazine -DRING
  holds magazine -DTHREADS=1 -DDECAY=2 -DRING
fi
wait
[ ! -e "$work/failed" ]
