#!/bin/sh
# Builds with coverage, runs the tests, and prints which lines and branches of src they reach. Those
# of the suite `install` are left out: what they link with the library knows nothing of coverage.
# Fails below 98 % of the lines or 92 % of the branches.
#
#     meson compile -C build measure-coverage
#
# Not counted: lines with assert(), whose other branch is a caller's bug that no test may make; and
# the example for gdb, which is no part of the program.
set -eu
source=$(cd "$(dirname "$0")/.." && pwd)
build=${1:-$source/build-coverage}
export GCOV_ERROR_FILE=/dev/null # some tests leave no room for its files, and look at stderr

# The tensor engine's loops are inlined once for each number of rows, and each has its own branches
# then: here they are functions.
[ -d "$build" ] || meson setup "$build" "$source" -Db_coverage=true \
    "-Dc_args=['-DALWAYS_INLINE=static', '-DMEASURES_COVERAGE']"
meson compile -C "$build"
find "$build" -name '*.gcda' -delete
failed=0
meson test -C "$build" --no-rebuild --print-errorlogs --no-suite install || failed=1
cd "$source"
# Some tests have sources of src in them that are altered, or optimised: those are not src.
# Tests with threads may count a few branches wrongly, which gcov then prints in a way of its own.
gcovr --root . --filter src/ --exclude src/examples/ \
    --exclude-directories '.*/(ablation_|expression_|no_margin_|test_exactmath_without_).*' \
    --exclude-lines-by-pattern '.*\bassert\(.*' --print-summary --gcov-ignore-parse-errors \
    --fail-under-line 98 --fail-under-branch 92 "$build" || failed=1
exit $failed
