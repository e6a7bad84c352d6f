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

"$bin/look_inside" "$networks/fashion_resnet.onnx" /3/Relu_1_output_0 >"$work/out"
grep -q '% zeros' "$work/out" && grep -q 'stopped at /3/Relu_1_output_0' "$work/out"
grep -q 'change by up to 0$' "$work/out" && exit 1
"$bin/add_operator" "$networks/fashion_alexnet.onnx" >"$work/out"
grep -q "slope 0: as weir's Relu" "$work/out" && grep -q 'slope 0.2: other outputs' "$work/out"
"$bin/run_int8" >"$work/out"
grep -Eq 'signal to noise [3-9][0-9] dB' "$work/out" && grep -q 'instruction set: yes' "$work/out"
if [ -x "$bin/benchmark_conv" ]; then
  "$bin/benchmark_conv" --benchmark_min_time=0.01 >"$work/out" 2>"$work/error"
  [ "$(grep -c 'GFLOP/s=' "$work/out")" = 2 ]
fi

# Images through alexnet, and the resnet where alexnet is not sure: a white one, a black one, and a file that is none.
mkdir "$work/images"
{ printf 'P5 28 28 255\n' && head -c 784 /dev/zero; } >"$work/images/black.pgm"
{ printf 'P5 28 28 255\n' && head -c 784 /dev/zero | tr '\0' '\377'; } >"$work/images/white.pgm"
echo no image >"$work/images/no.png"
"$bin/serve_folder" "$(dirname "$0")/policy.json" "$networks" "$work/images" >"$work/out" 2>"$work/error"
[ "$(grep -c ': class [0-9], left at' "$work/out")" = 2 ] && grep -q 'skipped: .*no.png' "$work/error"
cp "$(dirname "$0")/policy.json" "$networks"/fashion_{alexnet,resnet}.onnx "$work"  # the networks lie beside it
"$bin/serve_policy" "$work/policy.json" "$work/images/black.pgm" "$work/images/white.pgm" >"$work/out"
[ "$(grep -c 'class [0-9]' "$work/out")" = 3 ]
"$bin/serve_policy" "$(dirname "$0")/policy.json" "$work/images/black.pgm" 2>"$work/error" && exit 1
grep -q "network 0: 'file'" "$work/error"  # no folder was named, and the networks do not lie beside the policy

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
"$bin/certify_rule" "$work/trace.csv" f.confidence 0.02 | tee "$work/out"
grep -Eq '^exit where f.confidence is at least 0.*; at most 0.01' "$work/out"
"$bin/certify_rule" "$work/trace.csv" nosuch 0.02 2>"$work/error" && exit 1
grep -q 'no feature nosuch' "$work/error"
"$bin/add_learner" "$work/trace.csv" >"$work/out"
grep -Eq '^stump: mean cost ([0-9.]+), read back \1$' "$work/out"
"$bin/serve_policy" "$work/policy.json" "$work/nosuch.png" 2>"$work/error" && exit 1
grep -q "'cascade' is missing" "$work/error"
