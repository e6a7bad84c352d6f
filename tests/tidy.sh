#!/bin/bash
# Format and lint, as .clang-format and .clang-tidy say: bash tests/tidy.sh [FILE...] (all sources without arguments).
set -euo pipefail
cd "$(dirname "$0")/.."
. bench/packages.sh
need $build_packages clang-format clang-tidy doctest-dev
mapfile -t files < <(if [ $# -gt 0 ]; then printf '%s\n' "$@"; else git ls-files '*.hpp' '*.cpp'; fi)
clang-format --dry-run -Werror "${files[@]}"
[ -d build/include/weir ] || cmake -S . -B build >/dev/null
printf '%s\n' "${files[@]}" | grep '\.hpp$' | grep -E '^(core|layers|policy|io)/' |
  xargs -P "$(nproc)" -n 1 sh -c 'clang-tidy --quiet "$0" -- -x c++ -std=c++20 -Ibuild/include -isystem /usr/include/eigen3 2>/dev/null'
