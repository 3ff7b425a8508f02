#!/bin/sh
# examples/event-loop collects in all three ways, and ends.
# Run by make check, in the build directory.
set -eu

output=$(./examples/event-loop 20000)
echo "$output"
for way in 'at once' 'in increments' 'asynchronously'; do
  echo "$output" | grep -q "^$way  *[0-9.]* ms\$"
done
