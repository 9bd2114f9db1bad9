#!/bin/sh
# Builds with coverage, runs the tests, and prints which lines and branches of src they reach. Those of the
# suite `install` are omitted: the programs that they link with the library have no coverage. Fails below 98 %
# of the lines or 92 % of the branches.
#
#     meson compile -C build measure-coverage
#
# Not counted: lines with assert(), whose other branch is a caller's bug, which tests do not have; and the
# example for gdb, which is not part of the program.
set -eu
source=$(cd "$(dirname "$0")/.." && pwd)
build=${1:-$source/build-coverage}
umask 0                          # one test runs the program as another user, who has to write counts, too
export GCOV_ERROR_FILE=/dev/null # some tests limit the size of files, and check stderr

# The tensor engine's loops are inlined once for each number of rows, which multiplies their branches. Here
# they are functions.
[ -d "$build" ] || meson setup "$build" "$source" -Db_coverage=true \
    "-Dc_args=['-DALWAYS_INLINE=static', '-DMEASURES_COVERAGE']"
meson compile -C "$build"
find "$build" -name '*.gcda' -delete
failed=0
meson test -C "$build" --no-rebuild --print-errorlogs --no-suite install || failed=1
cd "$source"
# Some tests are compiled with modified or optimised sources of src, which are not counted. Tests with threads
# may count a few branches wrongly, which gcov then reports in another form.
gcovr --root . --filter src/ --exclude src/examples/ \
    --exclude-directories '.*/(ablation_|expression_|no_margin_|test_exactmath_without_).*' \
    --exclude-lines-by-pattern '.*\bassert\(.*' --print-summary --gcov-ignore-parse-errors \
    --fail-under-line 98 --fail-under-branch 92 "$build" || failed=1
exit $failed
