#!/bin/sh
# The README's first C block is examples/quickstart.c, and that program works.
# Run by make check, in the build directory, with $srcdir set.
set -eu
: "${srcdir:?}"

shown=$(mktemp)
trap 'rm -f "$shown"' EXIT
awk '/^```c$/ { inside = 1; next } /^```$/ && inside { exit } inside' \
  "$srcdir/README.md" >"$shown"

if ! [ -s "$shown" ]; then
  echo 'README.md has no block that begins with ```c' >&2
  exit 1
fi
diff -u --label README.md --label examples/quickstart.c "$shown" "$srcdir/examples/quickstart.c"

./examples/quickstart
