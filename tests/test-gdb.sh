#!/bin/sh
# gdb's printers and commands, on a program that stands still.
# Run by make check, in the build directory.
set -eu

script=${srcdir:-.}/gdb/slotheap-gdb.py
if ! command -v gdb >/dev/null 2>&1; then
  echo 'there is no gdb'
  exit 77
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
out=$work/out

# Without the libtool script that a program can have around it.
program=tests/debuggee
[ -x tests/.libs/debuggee ] && program=tests/.libs/debuggee

cat >"$work/commands" <<'END'
set confirm off
set pagination off
set breakpoint pending on
set startup-with-shell off
break stop_here
run
print list
print $slh_object(heap, list)
print $slh_object(heap, 4096)
print $slh_object(heap, array)
print $slh_object(heap, 4100)
print $slh_object(heap, 0x100000)
print $slh_object(heap, 85)
print *pair
print *heap
info slotheap
slotheap walk heap
slotheap walk heap 1
continue
print *heap
slotheap walk heap
kill
quit
END
gdb -nx -batch -iex 'set auto-load no' -x "$script" -x "$work/commands" "$program" >"$out" 2>&1 ||
  true

if grep -q 'ptrace: Operation not permitted\|Could not trace the inferior\|Python scripting is not supported' "$out"; then
  echo 'gdb cannot run programs here, or not with Python'
  exit 77
fi

# says WHAT: as a line's regular expression.
says() {
  if ! grep -Eq -e "$1" "$out"; then
    echo "gdb does not say: $1" >&2
    cat "$out" >&2
    exit 1
  fi
}

says '^\$[0-9]+ = ref 0x1010$'
says '= "pair at 0x1010 \{first = ref 0x1000, number = 42, small = -7\}"$'
says '= "pair at 0x1000 \{first = i31 -3, number = 0, small = 0\}"$'
says '= "bytes at 0x1020, length 100 \{\[0\] = 0, .*\.\.\. = 84 more\}"$'
says '= "no object at 0x1004: objects lie in \[0x1000, 0x10f0\)"$'
says '= "no object at 0x100000:'
says '= "i31 42"$'
says '= struct pair \{ref first, i32 number, i8 small\}$'
says '= heap \[0x1000, 0x10f0\) of 0x'
says '^\(slh_pool \*\) 0x[0-9a-f]+: wide pool, 1 of 3 slots in use$'
says '^  \(slh_heap \*\) 0x[0-9a-f]+: heap \[0x1000, 0x10f0\)'
says '^pair at 0x1010 \{first = ref 0x1000'
says '^\.\.\.$'

# Where bump is in a hole: the objects before it, in it and behind it, and not its rest.
# (Builds with memory tools, or zeal, ask for each object, and have the larger one there.)
says '= heap \[0x1000, 0x[df]010\) of 0x'
grep -q '= heap \[0x1000, 0xf010)' "$out" || exit 0
sed -n '/^\$.* = heap \[0x1000, 0xf010)/,$p' "$out" | grep '^[a-z]* at ' | sed 's/ {.*//' >"$work/walked"
diff - "$work/walked" <<'END'
cell at 0x1000
bytes at 0x1008, length 16376
cell at 0x9008
bytes at 0x9010, length 24568
END
