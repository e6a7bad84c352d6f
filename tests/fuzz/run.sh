#!/bin/bash
# Builds the fuzz targets with clang++ (build-fuzz) and runs them, after the tests that are worth running under its
# sanitizers:
#   bash tests/fuzz/run.sh [MINUTES [JOBS]]     each target for so long (1), with so many processes in all (2)
# Starts from seeds.tar.gz and from what earlier runs found (build-fuzz/corpus). What breaks a target is left in
# build-fuzz/found, and the script ends non-zero: `build-fuzz/tests/fuzz/onnx_fuzz build-fuzz/found/onnx/crash-...` shows
# it again. 60 s of each is far from enough to find what is rare: run it by hand for an hour after changes to operators.
set -euo pipefail
cd "$(dirname "$0")/../.."
. bench/packages.sh
need $build_packages clang libclang-rt-dev doctest-dev  # the second: the run-time libraries of sanitizers
minutes=${1:-1} jobs=${2:-2} build=build-fuzz
cmake -S . -B $build -DCMAKE_CXX_COMPILER=clang++ -DWEIR_FUZZ=ON -DCMAKE_DISABLE_FIND_PACKAGE_BLAS=ON >/dev/null
cmake --build $build -j "$(nproc)" --target onnx_fuzz files_fuzz sanitized_tests
bin=$build/tests/fuzz
"$bin/sanitized_tests"

seeds=$build/seeds
rm -rf "$seeds" && mkdir -p "$seeds"
tar xzf tests/fuzz/seeds.tar.gz -C "$seeds"
WEIR_FUZZ_COVERED=1 "$bin/onnx_fuzz" -runs=0 "$seeds/onnx" 2>&1 | tail -n 1  # every operator runs
limits=(-max_len=10240 -timeout=30 -rss_limit_mb=2500 -malloc_limit_mb=1024)
pids=()
for target in onnx files; do
  mkdir -p "$build/corpus/$target" "$build/found/$target"
  own=()
  [ $target = files ] && own=(-dict=tests/fuzz/files.dict)
  "$bin/${target}_fuzz" -fork=$(((jobs + 1) / 2)) "${limits[@]}" "${own[@]}" -max_total_time=$((minutes * 60)) \
    -ignore_crashes=1 -ignore_timeouts=1 -ignore_ooms=1 -artifact_prefix="$build/found/$target/" \
    "$build/corpus/$target" "$seeds/$target" >"$build/$target.log" 2>&1 &
  pids+=($!)
done
status=0
for pid in "${pids[@]}"; do wait "$pid" || status=1; done
for target in onnx files; do
  echo "$target: $(grep '^#' "$build/$target.log" | tail -n 1)"
  for found in "$build/found/$target"/*; do
    [ -e "$found" ] || continue
    "$bin/${target}_fuzz" "${limits[@]}" "$found" >"$build/again.log" 2>&1 && rm "$found" && continue  # mended since
    echo "FAILED: $found: $(grep -m 1 -E 'ERROR|runtime error|^output|: [0-9.]+ s,' "$build/again.log")"
    status=1
  done
done
exit $status
