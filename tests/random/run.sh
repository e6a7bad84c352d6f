#!/bin/bash
# run.sh [COUNT] [SEED]: compares weir with ONNX Runtime on COUNT random networks. Ends non-zero if one is answered
# wrongly; its files are then in random_kept/ of the build folder. Ends with 77 (skipped) where ONNX Runtime is not to be had.
#
# WEIR_BUILD is the build folder (default: build/), WEIR_ORT a folder with node_modules/onnxruntime-node; without it
# one is made in the build folder, once.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
build=$(realpath "${WEIR_BUILD:-$here/../../build}") count=${1:-1000} seed=${2:-1} jobs=$(nproc)
python=/usr/bin/python3
"$python" -c "import numpy, onnx" 2>/dev/null || { echo "skipped: no python3-onnx"; exit 77; }
command -v node >/dev/null || { echo "skipped: no node"; exit 77; }
export MODULES=${WEIR_ORT:-$build/ort}
if [ ! -d "$MODULES/node_modules/onnxruntime-node" ]; then
  mkdir -p "$MODULES"
  if ! (cd "$MODULES" && npm install --ignore-scripts --silent --no-fund --no-audit onnxruntime-node) >"$MODULES/log" 2>&1; then
    echo "skipped: npm cannot install onnxruntime-node (see $MODULES/log)"
    exit 77
  fi
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# A thousand at a time, so that the files of a long run do not pile up.
failed=0
for ((done = 0; done < count; done += 1000)); do
  n=$((count - done < 1000 ? count - done : 1000))
  echo "== $n networks of seed $seed"
  rm -rf "${work:?}"/*
  for job in $(seq 0 $((jobs - 1))); do
    { "$python" "$here/generate.py" "$work" "$n" "$seed" "$job" "$jobs" &&
      node "$here/reference.cjs" "$work" "$n" "$job" "$jobs" || touch "$work/failed"; } &
  done
  wait
  [ ! -e "$work/failed" ] || exit 1
  "$build/tests/random_networks" "$work" "$n" "$build/random_kept" "$jobs" || failed=1
  seed=$((seed + 1))
done
exit $failed
