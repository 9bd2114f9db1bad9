#!/bin/sh
# gcc -fanalyzer, clang-tidy (.clang-tidy says which checks) and cppcheck over all of src. Fails if one of
# them reports something.
#
#     meson compile -C build analyse
#
# Two checks of gcc are disabled, for leaks and for uninitialised values: version 12 does not track a pointer
# in a struct, or memory that memcpy() has filled. Other tests show that there are none: the test
# `allocations`, the builds with the address and the memory sanitizer, valgrind.
set -eu
source=$(cd "$(dirname "$0")/.." && pwd)
build=${1:-$source/build-analyse}
failed=0

# Inlined once for each number of rows, the tensor engine's loops would take gcc hours.
[ -d "$build/gcc" ] || CC=gcc meson setup "$build/gcc" "$source" -Dtests=disabled --werror \
    "-Dc_args=['-fanalyzer', '-Wno-analyzer-malloc-leak', '-Wno-analyzer-use-of-uninitialized-value', '-DALWAYS_INLINE=static']"
meson compile -C "$build/gcc" || failed=1
[ -d "$build/clang" ] || CC=clang meson setup "$build/clang" "$source" -Dtests=disabled
meson compile -C "$build/clang" || failed=1 # makes the headers that are generated
cd "$source"
# One file at a time: with several files, clang 14 does not know va_start() in the second one.
find src -name '*.c' -print0 |
    xargs -0 -n 1 clang-tidy -p "$build/clang" --quiet --warnings-as-errors='*' || failed=1
cppcheck --quiet --std=c11 --enable=warning,style,performance,portability --error-exitcode=1 \
    -D__x86_64__ -DLANES_AVX2 -Iinclude -Isrc \
    src || failed=1
exit $failed
