#!/bin/bash
# fast_math.sh CXX INCLUDE...: every header that asks whether a number is finite refuses -ffast-math, with a sentence that
# says what to do, and compiles where the checks are kept.
set -euo pipefail
cxx=$1
includes=()
for folder in "${@:2}"; do includes+=(-I "$folder"); done
root=$(cd "$(dirname "$0")/../.." && pwd)
fail() { echo "FAILED: $*" >&2; exit 1; }
preprocess() { printf '#include <weir/%s>\n' "$header" | "$cxx" -std=c++20 -Wfatal-errors "${includes[@]}" "$@" -E -x c++ - -o /dev/null 2>&1; }
n=0
for header in core/error.hpp $(cd "$root" && grep -lrE 'std::(isfinite|isnan|isinf)|NaN' core layers policy io --include=*.hpp); do
  case $header in core/finite_math.hpp | core/finite.hpp) continue ;; esac  # the refusal itself; looks at bits
  for flag in -ffast-math -Ofast -ffinite-math-only; do
    said=$(preprocess $flag) && fail "$header is taken with $flag"
    grep -q -- '-fno-finite-math-only' <<<"$said" || fail "$header with $flag: $said"
    [ "$header" = core/error.hpp ] || break
  done
  n=$((n + 1))
done
[ $n -gt 30 ] || fail "only $n headers were found"
header=core/error.hpp
said=$(preprocess -ffast-math -fno-finite-math-only) || fail "refused although the checks are kept: $said"
said=$(preprocess -O2) || fail "refused without the flag: $said"
echo "fast math: refused by $n headers"
