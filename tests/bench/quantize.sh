#!/bin/bash
# quantize.sh BUILD FOLDER: the program `quantize` on a real network: what it prints, writes and refuses; its file is
# answered by ONNX Runtime as by weir: at most one step apart in the last quantised tensor, the same classes. Ends with 77
# (skipped) without Fashion-MNIST; where ONNX Runtime is not to be had, its part is left out.
#
# WEIR_ORT is a folder with node_modules/onnxruntime-node; without it one is made in the build folder, once.
set -euo pipefail
build=$(realpath "$1") folder=$2
data=/usr/share/datasets/fashion-mnist
networks=$(cd "$(dirname "$0")/../../bench/networks" && pwd)
fail() { echo "FAILED: $*" >&2; exit 1; }
refuses() {  # refuses TEXT ARGUMENTS
  ! "$build/bench/quantize" "${@:2}" >"$folder/out" 2>"$folder/err" || fail "taken: ${*:2}"
  grep -qF -- "$1" "$folder/err" || fail "'$1' is not in: $(cat "$folder/err")"
}
[ -e $data/t10k-images-idx3-ubyte.gz ] || exit 77
rm -rf "$folder" && mkdir -p "$folder"
given=(--preprocess "$networks/models.json" --images "$data/t10k-images-idx3-ubyte.gz[0:400]")
made=$folder/made.onnx

"$build/bench/quantize" --onnx "$networks/fashion_alexnet.onnx" "${given[@]}" --labels $data/t10k-labels-idx1-ubyte.gz \
  --weight-bits 7 --calibrate 100 --out "$made" >"$folder/report"
for text in "calibrated on 50 images, judged on 50 others" "taken: " "stays in fp32: " "SNR dB" \
  "on 300 further images: the same class" "written to $made"; do
  grep -qF -- "$text" "$folder/report" || fail "'$text' is not in: $(cat "$folder/report")"
done

refuses "is the network itself" --onnx "$made" "${given[@]}" --out "$made"
refuses "is quantised already" --onnx "$made" "${given[@]}" --out "$folder/x.onnx"
refuses "nosuch" --onnx "$networks/fashion_alexnet.onnx" "${given[@]:0:2}" --images nosuch --out "$folder/x.onnx"
refuses "nosuch.onnx" --onnx nosuch.onnx "${given[@]}" --out "$folder/x.onnx"
refuses "cannot be written" --onnx "$networks/fashion_alexnet.onnx" "${given[@]}" --out /nosuch/x.onnx
refuses "no Conv, Gemm or MatMul 'nosuch'" --onnx "$networks/fashion_alexnet.onnx" "${given[@]}" --keep nosuch --out "$folder/x.onnx"
[ ! -e "$folder/x.onnx" ] || fail "something was written all the same"

python=/usr/bin/python3
"$python" -c "import numpy, onnx" 2>/dev/null && command -v node >/dev/null || exit 0
export WEIR_PEERS=${WEIR_ORT:-$build/ort}
[ -d "$WEIR_PEERS/node_modules/onnxruntime-node" ] || { mkdir -p "$WEIR_PEERS" && (cd "$WEIR_PEERS" &&
  npm install --ignore-scripts --silent --no-fund --no-audit onnxruntime-node) >"$folder/npm" 2>&1; } || exit 0
"$python" -B "$(dirname "$0")/quantize_answers.py" "$made" "$folder" "$build/bench/infer"

# Matrix products. The name is one that models.json knows.
mkdir "$folder/tokens" && tokens=$folder/tokens/fashion_alexnet.onnx
"$python" -B "$(dirname "$0")/matmul_network.py" "$tokens"
"$build/bench/quantize" --onnx "$tokens" "${given[@]}" --calibrate 100 --worth 1 --out "$folder/tokens/made.onnx" \
  >"$folder/tokens/report"
[ "$(grep -cE "^(up|down|mixed)_node +MatMul +8 " "$folder/tokens/report")" = 3 ] || fail "not on integers: $(cat "$folder/tokens/report")"
"$python" -B "$(dirname "$0")/quantize_answers.py" "$folder/tokens/made.onnx" "$folder" "$build/bench/infer"
