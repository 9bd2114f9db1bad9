#!/bin/sh
# Fuzzes one target: fuzz.sh TARGET NEW-INPUTS CORPUS SECONDS
set -eu
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
mkdir -p "$2"
exec "$1" -max_total_time="$4" -max_len=65536 -timeout=60 -rss_limit_mb=4096 -print_final_stats=1 "$2" "$3"
