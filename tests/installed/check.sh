#!/bin/sh
# check.sh LIBDIR: builds hosts outside of the tree against the library that is
# installed in LIBDIR, as pkg-config says to, and runs them.
# Run by make installcheck, with CC, CXX, NM, PKG_CONFIG, SANITIZER_FLAGS and
# DESTDIR set.
set -eu

sources=$(cd "$(dirname "$0")" && pwd)
libdir=$1
installed=$DESTDIR$libdir
shared=$installed/libslotheap.so
archive=$installed/libslotheap.a
warnings='-Wall -Wextra -Wpedantic -Wshadow -Werror'

fail() {
  echo "installcheck: $*" >&2
  exit 1
}

if [ -z "$PKG_CONFIG" ]; then
  echo 'installcheck: skipped, for it needs pkg-config'
  exit 0
fi
export PKG_CONFIG_PATH="$installed/pkgconfig"
export PKG_CONFIG_SYSROOT_DIR="$DESTDIR"
export LD_LIBRARY_PATH="$installed${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

cflags=$($PKG_CONFIG --cflags slotheap)
libs=$($PKG_CONFIG --libs slotheap)
static_libs=$($PKG_CONFIG --static --libs slotheap | sed 's/-lslotheap/-l:libslotheap.a/')

# build OUTPUT COMPILER ARGUMENTS...: compiles a host. Flags are lists of words.
# shellcheck disable=SC2086
build() {
  output=$1
  compiler=$2
  shift 2
  $compiler $SANITIZER_FLAGS $warnings "$@" -o "$output" || fail "$output does not build"
}

# shellcheck disable=SC2086
hosts() {
  kind=$1
  shift
  build "c-$kind" "$CC" -std=c11 $cflags "$sources/hello.c" "$@"
  "./c-$kind"
  if command -v "${CXX%% *}" >/dev/null; then
    build "cc-$kind" "$CXX" -std=c++11 $cflags "$sources/hello.cc" "$@"
    "./cc-$kind"
    build "raii-$kind" "$CXX" -std=c++17 $cflags "$sources/raii.cc" "$@"
    "./raii-$kind"
  else
    echo "installcheck: no C++ compiler: C++ is not checked"
  fi
}

[ -e "$shared" ] || [ -e "$archive" ] || fail "there is no library in $installed"
if [ -e "$shared" ]; then
  # shellcheck disable=SC2086
  hosts shared $libs
  build load "$CC" "$sources/load.c" -ldl
  ./load "$shared"
fi
if [ -e "$archive" ]; then
  # shellcheck disable=SC2086
  hosts static $static_libs
  # Without anything shared, as slotheap.pc says; sanitizers have no such libraries.
  if [ -z "$SANITIZER_FLAGS" ]; then
    # shellcheck disable=SC2046,SC2086
    build quickstart "$CC" -Wno-unused-parameter -static -std=gnu11 $cflags \
      "$sources/../../examples/quickstart.c" \
      $($PKG_CONFIG --static --libs slotheap)
    ./quickstart | grep -q '^SLH_OK: ' || fail 'the static quickstart does not work'
  fi
fi

# The companion, where it was built.
if [ -e "$installed/pkgconfig/slotheap-export.pc" ] && [ -e "$shared" ]; then
  # shellcheck disable=SC2046
  build export "$CC" -std=gnu11 $($PKG_CONFIG --cflags slotheap-export) "$sources/export.c" \
    $($PKG_CONFIG --libs slotheap-export)
  ./export >metrics
  grep -q '^slotheap_pool_slots{pool="installed"} 1$' metrics || fail 'the companion says something else'
fi

# What a host sees of the library is the slh_ calls; sanitizers add their own.
if [ -e "$shared" ] && [ -z "$SANITIZER_FLAGS" ]; then
  "${NM%% *}" -D --defined-only "$shared" | sed 's/.* //; s/@.*//' >symbols
  grep -q '^slh_' symbols || fail "$shared exports no slh_ call"
  if grep -v '^slh_' symbols >others; then
    fail "$shared exports what it should hide: $(tr '\n' ' ' <others)"
  fi
fi
