#!/bin/bash
# Runs what is concurrent or handles memory itself under the sanitizers of g++ (Debian 12):
#   bash tests/sanitize.sh            address and undefined together, then thread
#   bash tests/sanitize.sh thread     one of them: address, thread
# WEIR_TESTS='core/*_test.cpp' bash tests/sanitize.sh restricts the sources (globs in tests/, separated by spaces).
# Not part of run.sh: each kind compiles the whole engine again (tests/fuzz/run.sh has address and undefined
# over operators, hostile files and serving). Run it after changes to what threads share: core/parallel.ipp, plans,
# packed weights, policy/serve; WEIR_TESTS='core/shared_network_test.cpp policy/serve/busy_stream_test.cpp' is the least.
# Ends non-zero at the first finding. tests/suppressions.tsan says what of oneTBB is passed over.
set -euo pipefail
cd "$(dirname "$0")/.."
. bench/packages.sh
need $build_packages doctest-dev
tests=${WEIR_TESTS:-policy/serve/*_test.cpp core/*_test.cpp core/plan/schedule_test.cpp policy/run/cascade_executor*_test.cpp policy/run/count_allocations_test.cpp}
for kind in ${1:-address thread}; do
  case $kind in
    address) flags="-fsanitize=address,undefined -fno-sanitize-recover=undefined" ;;
    thread) flags="-fsanitize=thread" ;;
    *) echo "error: '$kind': say address or thread" >&2; exit 1 ;;
  esac
  flags+=" -Wno-maybe-uninitialized"  # under sanitizers g++ sees reads that no path makes
  echo "== tests with $flags"
  cmake -S . -B "build-$kind" -DCMAKE_CXX_COMPILER=g++ -DCMAKE_CXX_FLAGS_RELEASE="-O1 -g1 $flags" \
    -DCMAKE_DISABLE_FIND_PACKAGE_BLAS=ON -DWEIR_TESTS="${tests// /;}" >/dev/null  # OpenBLAS knows no sanitizer
  cmake --build "build-$kind" -j "$(nproc)" --target weir_tests
  ASAN_OPTIONS=detect_stack_use_after_return=1 UBSAN_OPTIONS=print_stacktrace=1 \
    TSAN_OPTIONS="halt_on_error=1 history_size=7 second_deadlock_stack=1 suppressions=$PWD/tests/suppressions.tsan" \
    "build-$kind/tests/weir_tests"
done
