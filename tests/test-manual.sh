#!/bin/sh
# The manuals have what there is: a page for each header, that tells of each
# function and of none that is gone; and the commands' options, as --help has them.
# Run by make check, in the build directory, with $srcdir set.
set -eu
: "${srcdir:?}"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
manual=$srcdir/doc/man
failed=0

complain() {
  echo "$*" >&2
  failed=1
}

# names HEADER...: of the functions that it declares
names() {
  for header in "$@"; do
    awk -f "$srcdir/doc/headers.awk" -v as=names "$header"
  done | sort
}

# ---- functions ----

for header in "$srcdir"/include/slotheap/*.h; do
  page=slh_$(basename "$header" .h)
  if ! [ -s "doc/man/$page.3" ]; then
    complain "$header has no page doc/man/$page.3: see Makefile.am"
    continue
  fi
  grep -q "^\\.BR $page (3)" "$manual/slotheap.3" || complain "slotheap.3 does not name $page(3)"
  grep -q "slotheap/$(basename "$header")" "$srcdir/include/slotheap.h" ||
    complain "slotheap.h does not include $header"
  names "$header" >"$work/names"
  # Of those that a macro defines for all types there is one, slh_get_X.
  while read -r name; do
    grep -Eq "$name\(|${name%_*}_X\(" "doc/man/$page.3" || echo "$page(3) does not tell of $name"
  done <"$work/names" >"$work/missing"
  [ ! -s "$work/missing" ] || complain "$(cat "$work/missing")"
done
names "$srcdir"/include/slotheap/*.h >"$work/functions"
[ "$(wc -l <"$work/functions")" -gt 200 ] || complain 'headers.awk finds too few functions'
[ -z "$(uniq -d "$work/functions")" ] || complain "two pages: $(uniq -d "$work/functions")"

# What the library exports is in the headers.
if [ -e .libs/libslotheap.so ] && command -v nm >/dev/null; then
  nm -D --defined-only .libs/libslotheap.so | sed -n 's/.* \(slh_[a-z0-9_]*\).*/\1/p' |
    sort -u >"$work/exported"
  comm -23 "$work/exported" "$work/functions" >"$work/secret"
  [ ! -s "$work/secret" ] || complain "exported, and in no header: $(cat "$work/secret")"
  sed -n 's/^ \(slh_[a-z0-9_]*\)@.*/\1/p' "$srcdir/debian/libslotheap1.symbols" | sort |
    diff --label debian/libslotheap1.symbols --label libslotheap.so - "$work/exported" >&2 || failed=1
fi

# Pages and tutorials speak of nothing that is gone.
cat "$srcdir"/include/slotheap/*.h |
  sed 's/[^A-Za-z0-9_]/\n/g' | grep -E '^(slh|SLH)_' | sort -u >"$work/known"
for header in "$srcdir"/include/slotheap/*.h; do
  echo "slh_$(basename "$header" .h)"
done | sort -u - "$work/functions" "$work/known" >"$work/words"
for text in "$manual"/*.[137] "$srcdir/doc/embedding.md" "$srcdir/doc/choosing.md"; do
  sed 's/\\-/-/g; s/[^A-Za-z0-9_*]/\n/g' "$text" | grep -E '^(slh|SLH)_' | grep -v '\*$' |
    sort -u | comm -23 - "$work/words" >"$work/gone"
  [ ! -s "$work/gone" ] || complain "$text speaks of what is not there: $(cat "$work/gone")"
done

# ---- commands ----

# commands PROGRAM: the names in the list at the end of --help
commands() {
  "$1" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p'
}

# options: of the help or the page on standard input, each with its letter, but for those of all
options() {
  sed 's/\\-/-/g' | sed -nE 's/^(\.BI?R? | +)((-[a-z])( ", " |, ))?--([a-z-]+).*/\5 \3/p' |
    grep -Evx "($common) .*" | sort -u
}

# section PAGE NAME: what is under .SS NAME
section() {
  awk -v name="$2" '/^\.S[SH] / { inside = $1 == ".SS" && $2 == name } inside' "$1"
}

# check_command PROGRAM PAGE
check_command() {
  [ -x "$1" ] || return 0
  commands "$1" >"$work/commands"
  [ -s "$work/commands" ] || complain "$1 --help lists no commands"
  while read -r command; do
    section "$2" "$command" >"$work/section"
    if ! [ -s "$work/section" ]; then
      complain "$2 does not tell of $command"
      continue
    fi
    "$1" "$command" --help | options >"$work/helped" || :
    options <"$work/section" >"$work/paged" || :
    diff -u --label "$command --help" --label "$2" "$work/helped" "$work/paged" >&2 || failed=1
  done <"$work/commands"
  sed -nE 's/^\.SS ([a-z]+)( .*)?$/\1/p' "$2" | grep -vxF -f "$work/commands" |
    grep -Evx "$absent" >"$work/gone" || :
  [ ! -s "$work/gone" ] || complain "$2 has commands that are gone: $(cat "$work/gone")"
}

absent=none
if ! grep -q '^#define HAVE_YAJL' config.h; then
  absent='snapshot|summary'
fi
common='help|usage|version'
check_command tool/slotheap "$manual/slotheap.1"
common='help|usage|version|json|quick|seed'
check_command bench/slotheap-bench "$manual/slotheap-bench.1"

# ---- options ----

# fields STRUCT: those that are no pointers, but for the size
fields() {
  sed -nE "/^typedef struct $1 [{]/,/^}/s/^  [a-z][a-z0-9_ ]* ([a-z_]+);.*/\1/p" \
    "$srcdir"/include/slotheap/*.h | grep -vx struct_size
}

if [ -x tool/slotheap ]; then
  tool/slotheap options >"$work/options"
  awk '/^\.SH / { inside = $2 == "OPTIONS" } inside' "$manual/slotheap.7" |
    sed '1,/^\.EX/d; /^\.EE/,$d; s/\\-/-/g' |
    diff -u --label slotheap.7 --label 'slotheap options' - "$work/options" >&2 || failed=1
  for name in slh_pool_options slh_runtime_options slh_heap_options; do
    fields "$name" >"$work/fields"
    sed -nE "/^$name/,/^\$/s/^  ([a-z_]+) .*/\1/p" "$work/options" |
      diff -u --label "$name" --label 'the table' "$work/fields" - >&2 || failed=1
  done
fi

# ---- form ----

version=$(sed -n 's/^#define SLH_VERSION_[A-Z]* //p' "$srcdir/include/slotheap/base.h" | paste -sd. -)
for page in "$manual"/*.[137] doc/man/*.3; do
  grep -q "^\\.TH .*\"slotheap $version\"" "$page" || complain "$page is not of version $version"
  if command -v groff >/dev/null; then
    groff -man -Tutf8 -ww -z "$page" >"$work/warnings" 2>&1 || :
    [ ! -s "$work/warnings" ] || complain "$page: $(cat "$work/warnings")"
  fi
  if command -v mandoc >/dev/null; then
    mandoc -Tlint -Wwarning "$page" >"$work/warnings" 2>&1 || complain "$(cat "$work/warnings")"
  fi
done

exit "$failed"
