#!/bin/bash
# Format and lint, as .clang-format and .clang-tidy say: bash tests/tidy.sh [FILE...] (all sources without arguments).
set -euo pipefail
cd "$(dirname "$0")/.."
. bench/packages.sh
need $build_packages clang-format clang-tidy doctest-dev
mapfile -t files < <(if [ $# -gt 0 ]; then printf '%s\n' "$@"; else git ls-files '*.hpp' '*.cpp'; fi)
clang-format --dry-run -Werror "${files[@]}"
[ -d build/include/weir ] || cmake -S . -B build >/dev/null
# One translation unit that includes every header is read once instead of once for each.
headers=$(mktemp --suffix=.cpp)
trap 'rm -f "$headers"' EXIT
printf '%s\n' "${files[@]}" | sed -nE 's,^((core|layers|policy|io)/.*\.hpp)$,#include <weir/\1>,p' | grep -vE '/umbrella/|policy/python/' >"$headers"
clang-tidy --quiet --config-file=.clang-tidy "$headers" -- -x c++ -std=c++20 -Ibuild/include -isystem /usr/include/eigen3
