#!/bin/bash
# How much the user's compiler and flags matter: builds the timing program by g++ -O2 (what weir's own programs get), by
# g++ -O3 -march=native and by clang++ -O2, runs the three in turn on each network, and prints the best times and their
# ratios to the first.
#   bash bench/flags.sh [NETWORK.onnx...]      the networks of bench/networks if none is given
# ROUNDS (5), SECONDS_EACH (0.5), BATCH (1) and THREADS (1) change how it measures.
set -euo pipefail
cd "$(dirname "$0")/.."
. bench/packages.sh
need $build_packages clang
networks=("$@")
[ $# -gt 0 ] || networks=(bench/networks/*.onnx)
names=("g++ -O2" "g++ -O3 -march=native" "clang++ -O2")
for i in "${!names[@]}"; do
  read -r cxx flags <<<"${names[$i]}"
  cmake -S . -B "build-flags/$i" -DCMAKE_CXX_COMPILER="$cxx" -DCMAKE_CXX_FLAGS_RELEASE="$flags -DNDEBUG" >/dev/null
  echo "building with ${names[$i]}"
  cmake --build "build-flags/$i" --target network -j "$(nproc)" >build.log 2>&1 || { tail -n 40 build.log >&2; exit 1; }
done
printf '%-24s%14s%26s%16s   ratios\n' network "${names[@]}"
for network in "${networks[@]}"; do
  best=()
  for _ in $(seq "${ROUNDS:-5}"); do
    for i in "${!names[@]}"; do
      ms=$("build-flags/$i/bench/network" --onnx "$network" --batch "${BATCH:-1}" --threads "${THREADS:-1}" \
        --seconds "${SECONDS_EACH:-0.5}" | tail -n 1 | cut -d, -f5)
      best[i]=$(awk -v a="$ms" -v b="${best[i]:-1e9}" 'BEGIN { print a < b ? a : b }')
    done
  done
  awk -v n="$(basename "$network" .onnx)" -v a="${best[0]}" -v b="${best[1]}" -v c="${best[2]}" \
    'BEGIN { printf "%-24s%11.3f ms%23.3f ms%13.3f ms   1.00 %.2f %.2f\n", n, a, b, c, b / a, c / a }'
done
