#!/bin/sh
# Layers (doc/design.md) are what they are said to be: includes and calls point
# downwards, few files call the system, names show who may use them, and public headers
# need nothing but one another. What is allowed stands in tables here.
# Run by make check, in the build directory, with $srcdir set.
set -eu
: "${srcdir:?}"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0
skipped=

complain() {
  echo "$*" >&2
  failed=1
}

# none FILE WHAT...: WHAT is wrong with the lines of FILE, if there are any
none() {
  lines=$1
  shift
  [ ! -s "$lines" ] || complain "$*:
$(sed 's/^/  /' "$lines")"
}

# setting NAME: what configure has found
setting() {
  sed -n "s/^$1 = //p" Makefile
}

# unlisted TABLE FILE: those lines of FILE, "SOURCE WORD", whose word is in no row of
# TABLE for that source. A row is two patterns, of whole sources and of whole words.
unlisted() {
  awk 'NR == FNR { if (NF == 2) { sources[++rows] = $1; words[rows] = $2 }; next }
    {
      for (row = 1; row <= rows; row++)
        if ($1 ~ "^(" sources[row] ")$" && $2 ~ "^(" words[row] ")$")
          next
      print
    }' "$1" "$2"
}

# ---- includes point downwards ----

# Quotes are of headers of the tree: without a slash, of the file's own folder.
cat >"$work/may-include" <<'END'
include/.*                   <slotheap[.]h>|<slotheap/[a-z-]+[.]h>
include/.*[.]hpp             <(cstring|exception|initializer_list|memory|utility)>|<slotheap/[a-z]+[.]hpp>
include/slotheap-export[.]h  <stdio[.]h>
include/slotheap/base[.]h    <std(bool|def|int)[.]h>|<string[.]h>
pool/.*                      "pool/.*"|"config[.]h"|<slotheap/.*>
lib/.*                       "(lib|pool)/.*"|<slotheap/.*>
export/.*                    "export/.*"|<slotheap-export[.]h>|<slotheap/.*>|<yajl/.*>
tool/.*                      "tool/.*"|<slotheap(-export)?[.]h>
examples/.*                  "[^/]*"|<slotheap(-export)?[.]h>
bench/.*                     "[^/]*"|<slotheap[.]h>|<slotheap/.*>
END

# Below the public interface, each for a reason: the command tells what the kernel has, of which
# no call tells a host; image files are read where no heap is made of them; the bench
# measures the port and its engines without a pool around them. Numbers in arguments are read
# as those in options are, inline.
cat >>"$work/may-include" <<'END'
tool/probe[.]c                     "pool/os[.]h"
tool/inspect[.]c                   "lib/image-format[.]h"
(tool/size|bench/options)[.]c      "pool/number[.]h"
bench/(decommit|image-graph|touch)[.]c  "pool/(os|decommit)[.]h"
END

# The system's, by what the library calls of it; elsewhere they are free.
cat >>"$work/may-include" <<'END'
(lib|pool|export)/.*              <(assert|ctype|errno|inttypes|limits|math|setjmp|signal|stdio|stdlib|string|time)[.]h>
(lib|pool|export)/.*              <std(align|arg|atomic|bool|def|int|noreturn)[.]h>
lib/image-format[.]c              <xxhash[.]h>
lib/hide[.]h                      <(sanitizer/asan_interface|valgrind/memcheck)[.]h>
(pool|export)/.*                  <(pthread|sched|unistd|sys/types)[.]h>
pool/(new-)?file[.]c              <(fcntl|sys/stat|liburing)[.]h>
pool/host-memory[.]c              <jemalloc/jemalloc[.]h>
pool/events[.][ch]                <sys/sdt[.]h>
pool/os[.]h                       <sys/uio[.]h>
pool/os-flags[.]h                 <sys/mman[.]h>
pool/os-.*[.]c                    <.*>
END

(
  cd "$srcdir"
  find include pool lib export tool examples bench -name '*.[ch]' -o -name '*.hpp' | sort >"$work/sources"
  xargs grep -HE '^[[:space:]]*#[[:space:]]*include' <"$work/sources" |
    sed -E 's/^([^:]*):[[:space:]]*#[[:space:]]*include[[:space:]]*([^[:space:]]*).*/\1 \2/'
) | awk '$1 !~ /^(tool|examples|bench)/ || $2 ~ /^("|<slotheap)/' >"$work/includes"
[ "$(wc -l <"$work/includes")" -gt 400 ] || complain 'too few includes were found'
unlisted "$work/may-include" "$work/includes" >"$work/upward"
none "$work/upward" 'these files must not include that (see the tables in test-layering.sh)'

# A name without a slash is found beside the file, or might be another folder's.
sed -nE 's/^([^ ]*)\/[^ \/]* "([^"\/]*)".*/\1\/\2/p' "$work/includes" | grep -v '^pool/config.h$' |
  sort -u | while read -r header; do
  [ -e "$srcdir/$header" ] || echo "$header"
done >"$work/missing"
none "$work/missing" 'these are included by their name alone, and are not beside the file'

# ---- files say what they are for ----

# Sources have the second line for that, unless the header of that name says it; the README
# has the code of quickstart.c as it is.
(cd "$srcdir" && find include pool lib export tool examples bench tests -name '*.[ch]' -o -name '*.hpp') |
  grep -Ev '^examples/quickstart|/node_modules/' | while read -r source; do
  sed -n 2p "$srcdir/$source" | grep -q '^/[*/]' || {
    [ "${source%.c}" != "$source" ] && [ -e "$srcdir/${source%.c}.h" ]
  } || echo "$source"
done >"$work/silent"
none "$work/silent" 'these files must begin with a comment, in the second line, that says what they are for'

# ---- guards have their header's path ----

grep -E '\.h(pp)?$' "$work/sources" | grep -Ev '^(bench|examples)/' | while read -r header; do
  guard=$(echo "${header#include/}" | sed 's/^slotheap-/slotheap\//; /^slotheap/!s/^/slotheap\//' |
    tr 'a-z/.-' 'A-Z___')
  sed -n '/^#/{N;p;q;}' "$srcdir/$header" | tr '\n' ' ' |
    grep -qx "#ifndef $guard #define $guard " || echo "$header: $guard"
done >"$work/guards"
none "$work/guards" 'these headers must begin with #ifndef and #define of that'

# ---- the glossary has every struct, with its place ----

(cd "$srcdir" && grep -HE '^struct [a-z_0-9]+ [{]' lib/*.h pool/*.h) |
  sed -E 's/^([^:]*):struct ([a-z_0-9]*) .*/\2 \1/' | sort >"$work/structs"
[ "$(wc -l <"$work/structs")" -gt 50 ] || complain 'too few structs were found'
sed -nE '/^## Glossary/,$s/^\| `([a-z_0-9]*)` \|.*\| `([a-z]*\/[a-z-]*[.]h)` \|.*/\1 \2/p' "$srcdir/doc/design.md" |
  sort >"$work/glossary"
comm -23 "$work/structs" "$work/glossary" >"$work/lines"
none "$work/lines" 'the glossary of doc/design.md lacks these structs'
comm -13 "$work/structs" "$work/glossary" >"$work/lines"
none "$work/lines" 'the glossary of doc/design.md has rows of structs that are not there'

# ---- promises are cited where they are kept, and where they are tested ----

# shellcheck disable=SC2016
sed -n '/^## What is promised/,/^## /s/^| `\([a-z-]*\)` |.*/\1/p' "$srcdir/SECURITY.md" | sort >"$work/promises"
[ "$(wc -l <"$work/promises")" -gt 10 ] || complain 'too few promises were found'
for folder in 'lib pool' tests; do
  # shellcheck disable=SC2086
  (cd "$srcdir" && grep -rhoE '\[promise [a-z-]+\]' --include='*.[ch]' $folder) |
    sed 's/^\[promise //; s/\]$//' | sort -u >"$work/cited"
  comm -23 "$work/promises" "$work/cited" >"$work/lines"
  none "$work/lines" "these promises of SECURITY.md are cited nowhere in $folder"
  comm -13 "$work/promises" "$work/cited" >"$work/lines"
  none "$work/lines" "these promises are cited in $folder, and are not in SECURITY.md"
done

# ---- public headers stand alone, and say what they declare ----

cxx=
for compiler in ${CXX-c++ g++ clang++}; do
  if command -v "${compiler%% *}" >/dev/null; then
    cxx=$compiler
    break
  fi
done
[ -n "$cxx" ] || echo 'there is no C++ compiler: headers are compiled as C alone'

# compile HEADER COMPILER OPTIONS...
compile() {
  echo "#include <$1>" >"$work/alone.c"
  header=$1
  shift
  "$@" -Wall -Wextra -Wpedantic -Werror -fsyntax-only -I"$srcdir/include" "$work/alone.c" ||
    complain "<$header> does not compile alone: $*"
}

cc=$(setting CC)
for header in $(cd "$srcdir/include" && echo slotheap*.h slotheap/*.h); do
  # shellcheck disable=SC2086
  compile "$header" $cc -std=c11 -x c
  # shellcheck disable=SC2086
  [ -z "$cxx" ] || compile "$header" $cxx -std=c++11 -x c++
done
for header in $(cd "$srcdir/include" && echo slotheap.hpp slotheap/*.hpp); do
  # shellcheck disable=SC2086
  [ -z "$cxx" ] || compile "$header" $cxx -std=c++17 -x c++
done

# A comment belongs to the declarations that follow it without a blank line.
awk '
  FNR == 1 || /^$/ { told = 0 }
  /^\/\*/ { inside = 1 }
  inside { if (/\*\/$/) { inside = 0; told = 1 }; next }
  /^(SLH_API|static inline) / && !told { print FILENAME ":" FNR ": " $0 }' \
  "$srcdir"/include/slotheap-export.h "$srcdir"/include/slotheap/*.h >"$work/silent"
none "$work/silent" 'these functions have no comment in front'

# ---- calls ----

# Words that are system calls, or stand for them, in code that may not be compiled here.
(cd "$srcdir" && grep -nHE \
  '(^|[^a-z_])((m(map|unmap|protect|remap|advise|incore|lock)|memfd_create|process_madvise|membarrier|ftruncate|fcntl|ioctl|prctl|syscall|asm|__asm__) *\(|F_ADD_SEALS|io_uring_[a-z])' \
  lib/*.[ch] pool/*.[ch] export/*.[ch]) | grep -Ev '^pool/(os-[a-z]+|file)\.c:' >"$work/calls" || :
none "$work/calls" 'only pool/os-*.c and pool/file.c call the system like this'

# What objects need that is not of the library. lib/ has not even malloc: its memory comes
# from slhi_allocate, so that a failure can be tried. (<xxhash.h> has, but is not asked.)
cat >"$work/may-call" <<'END'
(lib|pool|export)/.*         mem(chr|cmp|cpy|move|set)|str(chr|cmp|cpy|len|ncmp|rchr)|bcmp|bsearch|qsort|qsort_r
(lib|pool|export)/.*         stderr|fprintf|fputc|fputs|fwrite|abort|clock_gettime
(pool|export)/.*             pthread_[a-z_]+|sched_yield|getpid|snprintf|vsnprintf
lib/image-format             malloc|free
pool/decay                   sigfillset
pool/error                   strerrordesc_np|strerror_r
pool/file                    open|close|read|write|lseek|fstat|fcntl|io_uring_[a-z_]+
pool/host-memory             realloc|free|(malloc|dalloc|ralloc)x|mallctl
pool/misuse                  pause
pool/new-file                open|close|stat|fsync|rename|unlink|mkostemps
pool/option-text             str(c)?spn
pool/os-.*                   .*
pool/trap                    sig[a-z]+|raise|longjmp
export/.*                    malloc|calloc|realloc|free|fflush|ferror|yajl_gen_[a-z_]+
export/trace(-write)?        gettid|program_invocation_short_name
(lib/.*|pool/(trap|decommit)) slotheap_[a-z_]+_semaphore
END

# objects LAYER: those of its sources; a build folder may have older ones, too. libtool
# compiles twice, for the archive and for the shared library.
objects() {
  for source in "$srcdir/$1"/*.c; do
    name=${source##*/}
    for object in "$1/"*_la-"${name%.c}.o" "$1/.libs/"*_la-"${name%.c}.o"; do
      [ ! -e "$object" ] || echo "$object"
    done
  done
}

# symbols LAYER NM-OPTIONS...: lines "SOURCE NAME" of its objects. What begins with an
# underscore is the compiler's, or of a sanitizer, but for checked and renamed calls.
symbols() {
  layer=$1
  shift
  # shellcheck disable=SC2086
  objects "$layer" | xargs -r $nm -A "$@" | sed -E '
    s/:[^:]* ([^ ]*)$/ \1/
    s/[.]libs\///
    s/lib[a-z_]*_la-//
    s/[.]o / /
    s/ __isoc[0-9]+_/ /
    s/ __io_uring/ io_uring/
    s/ __([a-z]*)_chk$/ \1/
    / [a-z][^ ]*$/!d' | sort -u
}

# outside NEEDED DEFINED...: lines of NEEDED with names of the library that are not in DEFINED
outside() {
  needed=$1
  shift
  cat "$@" | awk 'NR == FNR { has[$2]; next } $2 ~ /^slh[ix]?_/ && !($2 in has)' - "$needed"
}

check_objects() {
  for layer in lib pool export; do
    symbols "$layer" -u >"$work/$layer-needs"
    symbols "$layer" -g --defined-only >"$work/$layer-has"
  done
  [ "$(cat "$work/lib-has" "$work/pool-has" | wc -l)" -gt 300 ] ||
    complain "$nm finds too few functions in lib/ and pool/"

  cat "$work"/*-needs | grep -Ev ' slh[ix]?_' >"$work/foreign"
  unlisted "$work/may-call" "$work/foreign" >"$work/calls"
  none "$work/calls" 'these objects must not call that (see the table in test-layering.sh)'

  outside "$work/pool-needs" "$work/pool-has" >"$work/upward"
  none "$work/upward" 'pool/ calls what is above it'
  outside "$work/lib-needs" "$work/lib-has" "$work/pool-has" >"$work/upward"
  none "$work/upward" 'lib/ calls what is above it'
  grep ' slhi_' "$work/export-needs" >"$work/private" || :
  none "$work/private" 'export/ calls what is no public interface'

  # Probes' semaphores have the names that tracers look for.
  cat "$work/lib-has" "$work/pool-has" | grep -Ev ' (slhi?_|slotheap_[a-z_]+_semaphore$)' >"$work/names" || :
  grep -Ev ' (slhx?_)' "$work/export-has" >>"$work/names" || :
  none "$work/names" 'names that cross files begin with slhi_ (of export/: slhx_) or, if exported, slh_'
}

# exports LIBRARY LAYER...: the slh_ names of these layers, all of them and nothing else.
# test-manual.sh looks whether headers have them.
exports() {
  library=$1
  shift
  if ! [ -e "$library" ]; then
    echo "$library was not built: what it exports is not checked"
    return 0
  fi
  $nm -D --defined-only "$library" | sed 's/.* //; s/@.*//' | grep -v '^_' | sort -u >"$work/exported"
  for layer in "$@"; do
    cut -d' ' -f2 "$work/$layer-has"
  done | grep '^slh_' | sort -u >"$work/public"
  comm -13 "$work/exported" "$work/public" >"$work/names"
  none "$work/names" "$library hides what has the names of public calls"
  comm -23 "$work/exported" "$work/public" >"$work/names"
  none "$work/names" "$library exports what is no public call"
}

nm=$(setting NM)
if command -v "${nm%% *}" >/dev/null; then
  check_objects
  if ! grep -q '^SANITIZER_FLAGS = .*-fsanitize' Makefile; then
    exports .libs/libslotheap.so lib pool
    exports .libs/libslotheap-export.so export
  fi
else
  skipped="there is no ${nm:-nm}: objects were not looked at"
fi

[ "$failed" -eq 0 ] || exit 1
[ -z "$skipped" ] || {
  echo "SKIP: $skipped"
  exit 77
}
