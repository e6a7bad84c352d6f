#!/bin/bash
# Installs what is missing (Debian 12), builds with g++ and clang++, and runs all tests. Ends non-zero if one fails.
# WEIR_CXX=g++ bash tests/run.sh restricts the compilers.
set -euo pipefail
cd "$(dirname "$0")/.."
. bench/packages.sh
need $build_packages clang doctest-dev dataset-fashion-mnist
for cxx in ${WEIR_CXX:-g++ clang++}; do
  echo "== tests with $cxx"
  cmake -S . -B "build-$cxx" -DCMAKE_CXX_COMPILER="$cxx" -DCMAKE_CXX_FLAGS_RELEASE="-O1" >/dev/null
  targets=all
  # The programs that no test runs are compiled once, by g++.
  [ "$cxx" = clang++ ] && targets="weir_tests readme_example adapt network record train"
  cmake --build "build-$cxx" -j "$(nproc)" --target $targets
  ctest --test-dir "build-$cxx" --output-on-failure
done
