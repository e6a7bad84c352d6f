#!/bin/bash
# The examples, run on the networks of the repository: run.sh FOLDER_OF_PROGRAMS NETWORKS
set -euo pipefail
bin=$1 networks=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$bin/run_network" "$networks/fashion_resnet.onnx" >"$work/out"
grep -q 'class 7, left at' "$work/out" && [ "$(grep -c '^class' "$work/out")" = 8 ]
"$bin/run_network" "$work/nosuch.onnx" 2>"$work/error" && exit 1
grep -q '^error: .*nosuch.onnx' "$work/error"

# A trace of 4,000 examples and two stages: the first is right where its confidence is high.
awk 'BEGIN {
  srand(3); print "label,small.prediction,small.loss,small.seconds,small.f.confidence,full.prediction,full.loss,full.seconds"
  for (i = 0; i < 4000; ++i) {
    c = rand(); wrong = rand() > 0.35 + 0.65 * c ? 1 : 0
    printf "%d,%d,%d,0.001,%.4f,%d,0,0.01\n", i % 10, (i + wrong) % 10, wrong, c, i % 10
  }
}' >"$work/trace.csv"
"$bin/learn_policy" "$work/trace.csv" "$work/policy.json" | tee "$work/learned"
grep -q 'at most 0.0' "$work/learned" && grep -q '"weir_policy"' "$work/policy.json"
"$bin/serve_policy" "$work/policy.json" "$work/nosuch.png" 2>"$work/error" && exit 1
grep -q "'cascade' is missing" "$work/error"
