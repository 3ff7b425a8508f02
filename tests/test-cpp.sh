#!/bin/sh
# tests/test-cpp.cc builds without a warning by each C++ compiler there is, and works.
# Run by make check, in the build directory, with $srcdir set.
set -eu
: "${srcdir:?}"

# setting NAME: what configure has found
setting() {
  sed -n "s/^$1 = //p" Makefile
}

sanitizers="$(setting SANITIZER_FLAGS) $(setting COVERAGE_FLAGS)"
compilers='g++ clang++'
case "$(setting CC) $sanitizers" in
*clang*-fsanitize*) compilers=clang++ ;; # a program has one set of their libraries
*-fsanitize* | *--coverage*) compilers=g++ ;;
esac
libraries="$(setting LIBURING_LIBS) $(setting LIBS)"
archive=.libs/libslotheap.a
if ! [ -e "$archive" ]; then
  archive=.libs/libslotheap.so
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tried=0
for compiler in ${CXX-$compilers}; do
  command -v "$compiler" >/dev/null || continue
  # A compiler for the machine that configure was told of alone.
  [ "$("$compiler" -dumpmachine | sed 's/-.*//')" = "$(setting host_cpu)" ] || continue
  tried=1
  # shellcheck disable=SC2086
  "$compiler" -std=c++17 -O1 -Wall -Wextra -Wpedantic -Wshadow -Werror $sanitizers \
    -I"$srcdir/include" "$srcdir/tests/test-cpp.cc" "$archive" $libraries -o "$work/test-cpp"
  LD_LIBRARY_PATH=.libs${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} "$work/test-cpp" "$work/image"
done
if [ "$tried" -eq 0 ]; then
  echo 'there is no C++ compiler'
  exit 77
fi
