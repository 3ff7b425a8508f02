#!/bin/sh
# What no object has is hidden: the address sanitizer or valgrind reports reads of it, and
# reports nothing else. Run by make check, in the build directory, if configured
# with --enable-memory-tools.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
out=$work/out

if grep -q '__asan' tests/wild-read; then
  report='use-after-poison'
  set --
elif command -v valgrind >/dev/null 2>&1; then
  report='Invalid read of size 1'
  set -- valgrind -q --error-exitcode=9
else
  echo 'there is no valgrind'
  exit 77
fi

fail() {
  echo "$*" >&2
  cat "$out" >&2
  exit 1
}

for kind in wide dense; do
  "$@" tests/wild-read object "$kind" >"$out" 2>&1 || fail "$kind: reading an object is reported"
  for where in behind dead; do
    if "$@" tests/wild-read "$where" "$kind" >"$out" 2>&1; then
      fail "$kind, $where: not reported"
    fi
    grep -q "$report" "$out" || fail "$kind, $where: reported as something else"
  done
done
