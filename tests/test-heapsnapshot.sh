#!/bin/sh
# A parser that is not ours reads a snapshot, and finds what the heap has.
# Run by make check, in the build directory. Get the parser, if you want the test, by
#     npm ci --prefix tests/npm
# in the source directory; or put it into a directory of NODE_PATH.
set -eu

source=${srcdir:-.}/tests/npm
if ! [ -x tests/make-snapshot ]; then
  echo 'libslotheap-export was not built'
  exit 77
fi
if ! command -v node >/dev/null 2>&1; then
  echo 'there is no node'
  exit 77
fi
NODE_PATH=$(cd "$source" && pwd)/node_modules${NODE_PATH:+:$NODE_PATH}
export NODE_PATH
if ! node -e 'require("v8-heapsnapshot")' >/dev/null 2>&1; then
  echo 'there is no v8-heapsnapshot: npm ci --prefix tests/npm'
  exit 77
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tests/make-snapshot "$work/snapshot" >"$work/expected"
node "$source/check.js" "$work/snapshot" "$work/expected"
