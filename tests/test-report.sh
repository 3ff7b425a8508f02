#!/bin/sh
# The page has all figures of a file, in units, and only what is escaped; without
# gnuplot there are tables; a file that is none is refused by its line.
# Run by make check, in the build directory, with $srcdir set.
set -eu
: "${srcdir:?}"

if ! [ -x bench/slotheap-bench ]; then
  echo 'the harness was not built'
  exit 77
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
out=$work/out err=$work/err page=$work/page/index.html
figures=$srcdir/tests/report-figures.json

fail() {
  echo "$*" >&2
  cat "$out" "$err" >&2
  exit 1
}

# run STATUS ARGUMENTS: the exit status is as expected.
run() {
  expected=$1 status=0
  shift
  ran="report $*"
  bench/slotheap-bench report "$@" >"$out" 2>"$err" || status=$?
  [ "$status" -eq "$expected" ] || fail "$ran: exit status $status in place of $expected"
}

complains() {
  grep -Fq -e "$1" "$err" || fail "$ran does not complain: $1"
}

has() {
  grep -Fq -e "$1" "$page" || fail "the page has no: $1"
}

# row CASE SYSTEM CELL...: in this order, nothing between them.
row() {
  row="<tr><th>$1</th><th>$2</th>"
  shift 2
  for cell in "$@"; do
    row="$row<td>$cell</td>"
  done
  has "$row</tr>"
}

check_page() {
  has '<tr><th>processor</th><td class="text">One &amp; Only &lt;CPU&gt;</td></tr>'
  has '<tr><th>slotheap</th><td class="text">1.2.3</td></tr>'
  row n=0 slotheap '27.2 ns<small>26 ns to 30 ns</small>' \
    '1.00x<small>1.00x to 1.00x</small>' 9
  row n=0 glibc '1.90 ns<small>1.80 ns to 2.50 ns</small>' '0.07x<small>0.06x to 0.10x</small>' 9
  row n=1000 slotheap '1.71 us<small>1.70 us to 1.75 us</small>' \
    '1.00x<small>1.00x to 1.00x</small>' 9
  row n=1000 glibc '17.1 us<small>16.9 us to 18.2 us</small>' \
    '9.84x<small>9.50x to 10.50x</small>' 9
  row depth=16 slotheap '7.14 ns<small>7 ns to 7.50 ns</small>' \
    '16.5 MiB<small>16.5 MiB to 16.5 MiB</small>' '201<small>201 to 201</small>' 3
  # An empty cell: this system has no such figure.
  row depth=16 glibc '15.6 ns<small>15.1 ns to 16.2 ns</small>' \
    '9.38 MiB<small>9.38 MiB to 9.38 MiB</small>' '' 3
  # shellcheck disable=SC2016 # the system's name, which no shell reads
  row '50% of &lt;b&gt;&#39;depth&#39;&lt;/b&gt; &amp; &quot;more&quot;' \
    'it&#39;s `date` &amp; &lt;i&gt;' '20 ns<small>19 ns to 21 ns</small>' '' '' 3
  row 'live 45%, generational' default '1.02x<small>1.00x to 1.10x</small>' 5
  row 'live 45%, generational' every-64K n/a 0
  has '<h2>&lt;unheard&gt; &amp; of</h2>'
  row only one 411k 1
  [ "$(grep -c '^<tr><th>.*</th><th>.*<td>' "$page")" -eq 10 ] || fail 'there are ten rows'
  if grep -Eq '<script|https?:|<b>|<i>' "$page"; then
    fail 'the page has what it should not have'
  fi
}

# ---- plots, where there is a gnuplot ----

if command -v gnuplot >/dev/null 2>&1; then
  run 0 --from "$figures" --output "$work/page"
  check_page
  for plot in store trees policy-generational; do
    has "<img src=\"$plot.svg\""
    grep -q '</svg>' "$work/page/$plot.svg" || fail "$plot.svg is not whole"
    if command -v xmllint >/dev/null 2>&1; then
      xmllint --noout "$work/page/$plot.svg" || fail "$plot.svg is no XML"
    fi
  done
  # shellcheck disable=SC2016 # as above
  grep -Fq 'it'"'"'s `date` &amp; &lt;i' "$work/page/trees.svg" ||
    fail 'a name is not in trees.svg as it is'
  for plot in scaling density-memory policy-copying; do
    [ ! -e "$work/page/$plot.svg" ] || fail "$plot.svg has no figures"
  done
  rm -r "$work/page"
fi

# ---- without ----

mkdir "$work/empty"
ran='report without gnuplot'
if PATH=$work/empty bench/slotheap-bench report --from "$figures" --output "$work/page" \
  >"$out" 2>"$err"; then
  fail "$ran: the exit status is 0"
fi
complains gnuplot-nox
check_page
has '<strong>Something failed'
[ -z "$(find "$work/page" -name '*.svg')" ] || fail 'there are plots without gnuplot'
if grep -q '<img' "$page"; then
  fail 'the page speaks of plots that are not there'
fi

# ---- what it cannot use ----

# refuse LINE MESSAGE: behind lines that are good; the page is not written.
refuse() {
  rm -rf "$work/page"
  cp "$figures" "$work/bad.json"
  printf '%s\n' "$1" >>"$work/bad.json"
  run 1 --from "$work/bad.json" --output "$work/page"
  complains "bad.json:$(wc -l <"$work/bad.json"): $2"
  [ ! -e "$page" ] || fail "$ran: there is a page"
}

entry='"bench":"b","case":"c","system":"s","metric":"m"'
refuse '{"bench":"store","case":"n=1' 'not JSON'
refuse 'store 1 2 3' 'not JSON'
refuse '' 'not JSON'
refuse '[1]' 'not all of'
refuse '{"bench":"b","case":"c","system":"s"}' 'not all of'
refuse "{$entry}" 'median, min'
refuse "{$entry,\"median\":1,\"min\":2,\"max\":3,\"runs\":1}" 'median, min'
refuse "{$entry,\"median\":null,\"min\":2,\"max\":3,\"runs\":1}" 'median, min'
refuse "{$entry,\"median\":\"1\",\"min\":1,\"max\":1,\"runs\":1}" 'median, min'
refuse "{$entry,\"median\":1,\"min\":1,\"max\":1,\"runs\":-1}" 'median, min'
refuse "$(tail -n 1 "$figures")" '<unheard> & of, only, one, stores_per_s is there a second time'

: >"$work/bad.json"
run 1 --from "$work/bad.json" --output "$work/page"
complains 'no figures in'
run 1 --from "$work/none.json" --output "$work/page"
complains 'cannot read'
run 1 --from "$figures" --output "$work/none/page"
complains 'cannot make'
run 64 --from "$figures" --quick
complains 'runs nothing'
run 64 nonsense
complains nonsense
