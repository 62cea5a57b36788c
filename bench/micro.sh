#!/usr/bin/env bash
# Micro benchmarks of what is hot: the time of a row, a value, a request (CPU, median of five, and how they differ).
# database: none
#   bench/micro.sh '' BUILD_DIR [FILTER…]
# A FILTER is a regular expression for names; --benchmark_… flags are passed on (--benchmark_out=FILE: all as JSON).
set -euo pipefail
build=${2:?build folder}
shift 2
filter='' flags=(--benchmark_repetitions=5 --benchmark_min_time=0.1 --benchmark_display_aggregates_only=true)
for argument; do
  if [[ $argument == --* ]]; then flags+=("$argument"); else filter+=${filter:+|}$argument; fi
done
exec "$build/gridlight-micro" "${flags[@]}" --benchmark_filter="${filter:-.}"
