#!/bin/bash
# Time of an example by size of batch, and the worst step up from a smaller batch to a larger one (1.00: no cliff).
#   bash bench/batches.sh [NETWORK.onnx...]      the networks of bench/networks if none is given
# BATCHES (1 to 64), THREADS (1 2), ROUNDS (3) and SECONDS_EACH (0.3) change what is measured and how.
set -euo pipefail
cd "$(dirname "$0")/.."
. bench/packages.sh
need $build_packages
networks=("$@")
[ $# -gt 0 ] || networks=(bench/networks/*.onnx)
read -ra batches <<<"${BATCHES:-1 2 3 4 6 8 12 16 24 32 48 64}"
read -ra threads <<<"${THREADS:-1 2}"
cmake -S . -B build -DCMAKE_BUILD_TYPE=Release >/dev/null
echo "building (log in build.log)"
cmake --build build --target network -j "$(nproc)" >build.log 2>&1 || { tail -n 40 build.log >&2; exit 1; }
printf 'ms of an example, the best of %s rounds in turns\n%-24s%8s' "${ROUNDS:-3}" network threads
printf '%9s' "${batches[@]}"
printf '   worst step\n'
for network in "${networks[@]}"; do
  for t in "${threads[@]}"; do
    best=()
    for _ in $(seq "${ROUNDS:-3}"); do
      for i in "${!batches[@]}"; do
        ms=$(build/bench/network --onnx "$network" --batch "${batches[$i]}" --threads "$t" \
          --seconds "${SECONDS_EACH:-0.3}" | tail -n 1 | cut -d, -f5)
        best[i]=$(awk -v a="$ms" -v n="${batches[$i]}" -v b="${best[i]:-1e9}" 'BEGIN { a /= n; print a < b ? a : b }')
      done
    done
    printf '%-24s%8s' "$(basename "$network" .onnx)" "$t"
    printf '%s\n' "${best[@]}" | awk '{ printf "%9.3f", $1; if (NR > 1 && $1 / least > worst) worst = $1 / least
                                        if (NR == 1 || $1 < least) least = $1 } END { printf "%13.2f\n", worst }'
  done
done
