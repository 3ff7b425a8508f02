#!/bin/sh
# examples/calc runs good and hostile scripts, many in one process, and says of
# each what tests/test-calc.expected has: `$` the arguments, then the output,
# `!` before lines on standard error, and the exit status.
# Run by make check, in the build directory, with $srcdir set.
set -eu
: "${srcdir:?}"

if ! grep -q 'define SLH_DEFAULT_ZEAL 0$' config.h; then
  echo 'collections out of zeal cost steps, which the expected output counts'
  exit 77
fi

if ! [ -x examples/calc/calc ]; then
  echo 'the example was not built: there is no argp'
  exit 77
fi

calc=$PWD/examples/calc/calc
expected=$(cd "$srcdir/tests" && pwd)/test-calc.expected
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$srcdir"/examples/calc/*.calc "$srcdir"/examples/calc/lines.txt "$work"
cd "$work"

# Too much nesting for any stack, in the text and in a value.
{
  echo 'print("not reached");'
  printf '%05000d' 0 | tr 0 '('
} >nested-text.calc
cat >nested-list.calc <<'END'
let nest = fn(list, n) => if n == 0 then list else nest(cons(list, nil), n - 1);
print(len(nest(nil, 5000)));
print(nest(nil, 5000));
END
echo 'let f = fn(x) => x; print(f(1, 2));' >wrong-call.calc
echo 'print("a" * 2);' >wrong-type.calc
echo 'let x = 1 print(x);' >wrong-text.calc
echo 'open("../secret");' >wrong-path.calc

run() {
  status=0
  "$calc" "$@" >out 2>err || status=$?
  echo "\$ calc $*"
  cut -c -100 out
  sed 's/^/! /' err
  echo "exit status $status"
  echo
}

{
  run hello.calc
  run closures.calc
  run strings.calc
  run files.calc
  run wrong-call.calc wrong-type.calc wrong-text.calc wrong-path.calc hello.calc
  run nested-text.calc nested-list.calc hello.calc

  # Each uses up something else, in one process; the others do not notice.
  run --max-heap 4M --steps 3M hostile-heap.calc hello.calc hostile-recursion.calc closures.calc \
    hostile-strings.calc strings.calc hostile-files.calc files.calc hostile-steps.calc hello.calc \
    trap.calc files.calc trap.calc hello.calc

  # The same, short of something from the start.
  run --max-heap 64K hostile-heap.calc hostile-strings.calc trap.calc hello.calc
  run --max-host 2K hostile-recursion.calc hostile-files.calc hello.calc
  run --steps 20K hostile-strings.calc hostile-heap.calc hello.calc
  run --max-heap 64 hello.calc
  run --max-host 64 hello.calc
  run --steps 1 hello.calc
} >transcript

diff -u --label expected --label actual "$expected" transcript
