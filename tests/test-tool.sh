#!/bin/sh
# The command says what there is and what pools come to, as text and as JSON; what
# it cannot use it says in a message, with an exit status.
# Run by make check, in the build directory.
set -eu

if ! [ -x tool/slotheap ]; then
  echo 'the command was not built: there is no argp'
  exit 77
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
out=$work/out err=$work/err

fail() {
  echo "$*" >&2
  cat "$out" "$err" >&2
  exit 1
}

# run STATUS ARGUMENTS: the exit status is as expected; words of a failure are
# on standard error alone.
run() {
  expected=$1 status=0
  shift
  ran="slotheap $*"
  tool/slotheap "$@" >"$out" 2>"$err" || status=$?
  [ "$status" -eq "$expected" ] || fail "$ran: exit status $status in place of $expected"
  if [ "$expected" -ne 0 ] && { [ -s "$out" ] || ! [ -s "$err" ]; }; then
    fail "$ran: the message is not on standard error"
  fi
  if [ "$expected" -eq 0 ] && [ -s "$err" ]; then
    fail "$ran: there is a message"
  fi
}

says() {
  grep -Eq -e "$1" "$out" || fail "$ran does not say: $1"
}

complains() {
  grep -Eq -e "$1" "$err" || fail "$ran does not complain: $1"
}

# Every line is an object of strings, numbers and truth values, and no more.
is_json() {
  string='"[^"\\]*"'
  value="($string|[0-9]+|true|false)"
  pair="$string: $value"
  if grep -Evq "^\{$pair(, $pair)*\}\$" "$out"; then
    fail "$ran: not JSON"
  fi
  if command -v jq >/dev/null 2>&1; then
    jq -e . "$out" >/dev/null || fail "$ran: not JSON for jq"
  fi
}

# number KEY: its value in a line of JSON.
number() {
  sed -n "s/.*\"$1\": \([0-9]*\).*/\1/p" "$out"
}

# ---- in general ----

run 2
complains 'Usage: slotheap'
run 2 nonsense
complains "no command 'nonsense'; there are inspect, options, plan.* and"
run 2 --nonsense
complains nonsense
run 0 --help
says 'probe  .*features'
says 'plan  .*options'
run 0 --version
says '^slotheap [0-9]+\.[0-9]+\.[0-9]+, [a-z]+ .*, zeal [0-9]+, sanitizers '
[ "$(wc -l <"$out")" -eq 1 ] || fail "$ran: one line"

# ---- probe ----

run 0 probe --help
says 'Usage: slotheap probe'
run 2 probe --nonsense
run 2 probe nonsense
run 0 probe
says '^  page  .*KiB'
for engine in memset madvise batch runs uring; do
  says "^  $engine  *(yes|no)"
done
says 'GUARD_INSTALL  *(yes|no)'
says '^auto gives'

run 0 probe --json
is_json
says '"page_bytes": (4096|16384|65536)'
says '"engine": "memset", "available": true'
[ "$(grep -c '"engine"' "$out")" -eq 5 ] || fail 'there are five engines'
[ "$(grep -c '"feature"' "$out")" -ge 6 ] || fail 'there are features'

# ---- plan ----

run 0 plan --help
says '--address-space=SIZE'
says 'Usage: slotheap plan .*NAME=VALUE'
run 0 plan
says '^A wide pool'
says '^  slots  *1000$'
says '^  address space in all .*%\)'
run 0 plan -j
is_json
says '"kind": "wide", "slots": 1000'
[ "$(number guard_bytes)" -eq 1048576 ] || fail 'the guard of a wide pool'

run 0 plan --json kind=dense,slots=1048576,slot_bytes=64KiB max_heap_bytes=1M
is_json
says '"kind": "dense", "slots": 1048576, "sizes": 5, "slot_stride_bytes": 65536'
run 0 plan kind=dense slots=10 slot_bytes=512
says '^A dense pool'
says '^  from one slot to the next  *512 B'

# Each option reaches its field.
run 0 plan --json "$(printf 'slots=7 # seven\nmax_heap_bytes=3M guard_bytes=2M')" \
  keep_resident_bytes=64K,max_collections=3 keep_evacuation_bytes=128K --page=16384
is_json
for field in slots=7 max_heap_bytes=3145728 guard_bytes=2097152 keep_resident_bytes=65536 \
  evacuation_spaces=3 keep_evacuation_bytes=131072; do
  [ "$(number "${field%=*}")" = "${field#*=}" ] || fail "$ran: not $field"
done

# ---- options ----

run 0 options --help
says 'Usage: slotheap options'
run 2 options nonsense
run 0 options
says '^  slots  *1000  *1 to 2147483648$'
says '^  isolation  *scrub  *scrub, strict, none$'
cp "$out" "$work/options"
run 0 options --json
is_json
[ "$(grep -c '"struct"' "$out")" -eq "$(grep -c '^  [a-z]' "$work/options")" ] ||
  fail "$ran: another number of options"
# What is printed as a default can be set.
sed -nE '/^slh_runtime/q; s/^  ([a-z_]+) +([^- ]+) .*/\1=\2/p' "$work/options" >"$work/defaults"
[ "$(wc -l <"$work/defaults")" -gt 10 ] || fail "$ran: few have defaults"
run 0 plan
mv "$out" "$work/expected"
run 0 plan "$(cat "$work/defaults")"
cmp "$out" "$work/expected" || fail "$ran: not what it is without"

# ---- limits ----

run 1 plan slots=1000 --address-space=1G
complains 'exceed the 1073741824 bytes of address space; 0 slots would fit'
complains 'a dense pool'
run 1 plan slots=30000 --mappings=4096
complains 'vm.max_map_count'
fits=$(sed -n 's/.* \([0-9]*\) slots would fit.*/\1/p' "$err")
run 0 plan "slots=$fits" --mappings=4096
run 1 plan "slots=$((fits + 1))" --mappings=4096
run 1 plan kind=dense slots=1048576 slot_bytes=64K --address-space=1G
complains 'a smaller max_heap_bytes'

# ---- bad input ----

for size in '' x 1x 1KK -1 ' 1' 1.5 1KB 18446744073709551616 16777216T 99999999999G; do
  run 2 plan "--mappings=$size"
  complains "mappings is '$size'; allowed are numbers"
done
run 2 plan nonsense
complains "at 'nonsense': allowed are NAME=VALUE"
run 2 plan slots=0x7
complains "slots is '0x7', allowed are 1 to 2147483648"
run 2 plan slot=7
complains "no option 'slot': is it slots"
run 2 plan --nonsense
run 2 plan --page
run 1 plan kind=dense slot_bytes=1000
complains 'slot_bytes is 1000, allowed are'
run 1 plan slot_bytes=64K
complains 'slot_bytes'
run 1 plan guard_bytes=1
complains 'guard_bytes is 1, allowed are'
run 1 plan --page=5000
complains 'page_bytes'

# ---- inspect ----

run 0 inspect --help
says 'Usage: slotheap inspect'
run 2 inspect
complains 'which FILE'
run 2 inspect a b
complains 'one FILE'
run 1 inspect "$work/none"
complains 'none: opening .*No such file'
echo 'this is none' >"$work/none"
run 1 inspect "$work/none"
complains 'truncated: 13 bytes of 96'
head -c 200 tool/slotheap >"$work/none"
run 1 inspect "$work/none"
complains 'not an image file'

# 10 pairs in a list, an array of 3 references, and a name that is no text.
if tests/make-image "$work/image"; then
  run 0 inspect "$work/image"
  says '^An image, version 1, checksum [0-9a-f]{16}: [0-9.]+ KiB, of which 184 B are objects'
  says '^  roots  *3$'
  says '^  0 +list  0x[0-9a-f]+  pair$'
  says '^  1 +0x[0-9a-f]+  \\x1b\[31m\\"refs$'
  says '^  2 +number  0x[0-9a-f]+  i31$'
  says '^ +10 +160  pair$'
  says '^ +1 +24  \\x1b\[31m'
  run 0 inspect --json "$work/image"
  if command -v jq >/dev/null 2>&1; then
    jq -e . "$out" >/dev/null || fail "$ran: not JSON for jq"
  fi
  says '"version": 1, .*"bytes": 184, "objects": 11, "types": 2, "roots": 3'
  says '"root": 0, "name": "list", "ref": 4096, "type": "pair"'
  says '"objects": 10, "bytes": 160, "type": "pair"'
  says '"type": "\\u001b\[31m\\"refs"'

  # ---- snapshot and summary, where libslotheap-export was built ----

  if tool/slotheap --help | grep -q '^  summary'; then
    run 0 summary "$work/image"
    says '^ +160 +10  pair$'
    says '^ +24 +1  \\x1b\[31m"refs$'
    says '^Reachable: 184 bytes, 11 objects; dead: 0 bytes'
    says '^ +160 +16 +pair at 0x1000$'
    [ "$(grep -c ' at 0x' "$out")" -eq 11 ] || fail "$ran: there are 11 objects"
    run 0 summary --top=3 -o "$work/summary" "$work/image"
    [ "$(sed '1,/^Dominators/d' "$work/summary" | wc -l)" -eq 3 ] || fail "$ran: not 3 lines"
    run 0 snapshot "$work/image"
    says '"node_count":16,"edge_count":17,'
    mv "$out" "$work/expected"
    run 0 snapshot "$work/image" -o "$work/snapshot"
    cmp "$work/expected" "$work/snapshot" || fail "$ran: not the same"
    if command -v jq >/dev/null 2>&1; then
      jq -e '(.nodes | length) == 7 * 16 and (.edges | length) == 3 * 17' "$work/snapshot" \
        >/dev/null || fail "$ran: not JSON for jq, or of another length"
    fi
    run 1 snapshot "$work/none"
    complains 'not an image file'
    run 1 summary "$work/image" -o "$work/none/there"
    complains 'there: Not a directory'
    run 2 snapshot
    complains 'which FILE'
  fi

  head -c 4100 "$work/image" >"$work/part"
  run 1 inspect "$work/part"
  complains 'part: the image file is truncated: 4100 bytes of 4280'
fi
