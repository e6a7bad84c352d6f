#!/bin/bash
# weir beside ONNX Runtime, PyTorch and OpenCV's DNN module on eight networks: installs what is missing (Debian 12, npm),
# builds weir, makes the networks, times all in turn, and leaves build/peers/peers.csv and build/peers/peers.md.
#   bash bench/peers/run.sh                       3 rounds of 1 s for each of 36 rows and each engine: half an hour
#   bash bench/peers/run.sh --quick --rows 'cifar*,1,*'
#   bash bench/peers/run.sh --int8                instead: 8-bit copies beside fp32, and ONNX Runtime on the same files
#   bash bench/peers/run.sh --errors              instead: each engine's errors against double precision
#   bash bench/peers/run.sh --help                the other options
# A peer that cannot be installed, or fails on a network, is named in the table. PYTHON and NODE choose interpreters.
set -euo pipefail
cd "$(dirname "$0")/../.."
. bench/packages.sh
export PYTHON=${PYTHON:-/usr/bin/python3} NODE=${NODE:-node} WEIR_PEERS=$PWD/build/peers/npm
python_packages="python3-torch python3-torchvision python3-onnx"

may_fail() { ("$@") || echo "warning: failed: $*" >&2; }

program=network targets=network
for option in "$@"; do
  [ "$option" = --errors ] && program=infer targets=infer
  [ "$option" = --int8 ] && targets="network quantize"
  case $option in -h | --help) exec python3 bench/peers/race.py --help ;; esac
done
need $build_packages python3
may_fail need $python_packages
may_fail need python3-opencv
if ! command -v "$NODE" >/dev/null || ! command -v npm >/dev/null; then may_fail need nodejs npm; fi

mkdir -p build/peers
log=build/peers/build.log
quiet() { "$@" >>$log 2>&1 || { tail -n 40 $log >&2; exit 1; }; }
: >$log
quiet cmake -S . -B build -DCMAKE_BUILD_TYPE=Release
quiet cmake --build build --target $targets -j "$(nproc)"
# Without install scripts: theirs would fetch a GPU part.
if ! [ -d "$WEIR_PEERS/node_modules/onnxruntime-node" ]; then
  may_fail npm install --silent --ignore-scripts --no-audit --no-fund --prefix "$WEIR_PEERS" onnxruntime-node
fi
quiet "$PYTHON" bench/peers/make_networks.py build/peers/models

if [ $program = infer ]; then
  exec "$PYTHON" bench/peers/errors.py --build build --models build/peers/models --out build/peers/errors.md
fi

cached() { sed -n "s/^$1:[A-Z]*=//p" build/CMakeCache.txt; }
compiler=$(cached CMAKE_CXX_COMPILER)
flags="$(basename "$compiler") $("$compiler" -dumpfullversion -dumpversion) $(cached CMAKE_CXX_FLAGS_RELEASE)"
exec "$PYTHON" bench/peers/race.py "$@" --build build --models build/peers/models --flags "$flags"
