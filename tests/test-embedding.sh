#!/bin/sh
# Each block of C in doc/embedding.md is a part of the files in examples/embedding,
# which are all programs that work, and each block of output is what a program prints.
# Run by make check, in the build directory, with $srcdir set.
set -eu
: "${srcdir:?}"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
page=$srcdir/doc/embedding.md
sources=$srcdir/examples/embedding

fail() {
  echo "$*" >&2
  exit 1
}

# A file for each block: N.c, or STEP.output.
awk -v work="$work" '
  /^```c$/ { file = work "/" ++count ".c"; next }
  /^```output / { file = work "/" $2 ".output"; printf "" >file; next }
  /^```$/ { if (file) close(file); file = ""; next }
  file { print >file }
  END { print count + 0 }
' "$page" >"$work/count"
[ "$(cat "$work/count")" -ge 20 ] || fail "$page has too few blocks of C"

for block in "$work"/*.c; do
  awk -v block="$block" -v page="$page" '
    BEGIN {
      while ((getline line <block) > 0)
        wanted = wanted line "\n"
    }
    FNR == 1 { found = found || index(text, "\n" wanted); text = "\n" }
    { text = text $0 "\n" }
    END {
      if (found || index(text, "\n" wanted))
        exit 0
      print page ": no source has this:\n" wanted
      exit 1
    }
  ' "$sources"/*.[ch] >&2
done

for source in "$sources"/step*.c; do
  step=$(basename "$source" .c)
  [ -e "$work/$step.output" ] || fail "$page does not say what $step prints"
  "./examples/embedding/$step" >"$work/$step.printed"
  diff -u --label "doc/embedding.md" --label "$step" "$work/$step.output" "$work/$step.printed"
  rm "$work/$step.output"
done
for output in "$work"/*.output; do
  [ ! -e "$output" ] || fail "$page has the output of $output, which is no program"
done
