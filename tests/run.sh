#!/bin/bash
# Installs what is missing (Debian 12), builds with g++ and clang++, and runs all tests. Ends non-zero if one fails.
# WEIR_CXX=g++ bash tests/run.sh restricts the compilers.
set -euo pipefail
cd "$(dirname "$0")/.."
. bench/packages.sh
need $build_packages clang libclang-rt-dev doctest-dev dataset-fashion-mnist libonnx-testdata python3-onnx python3-numpy
need libcpp-httplib-dev libssl-dev libbrotli-dev  # for weir serve
need dpkg-dev file pkg-config  # for the .deb
# For the Python module and its tests; those of PyTorch, torchvision and ONNX are skipped where these are not installed.
need pybind11-dev python3-dev python3-venv python3-pip python3-setuptools python3-wheel python3-pytest python3-sklearn
# The report is also opened in a browser, where Chromium is installed (apt install chromium: 130 MB, so not here).
need python3-nbclient python3-ipykernel python3-matplotlib  # for the chapters
need python3-distributed  # for an example with Dask
# For random/run.sh, which is skipped where node or onnxruntime-node is not to be had.
command -v npm >/dev/null || (need nodejs npm) || echo "no npm: random networks will be skipped"
for cxx in ${WEIR_CXX:-g++ clang++}; do
  echo "== tests with $cxx"
  if [ "$cxx" = clang++ ]; then
    # The second compiler is for what it warns of, and for its sanitizers and fuzzers: the library and a part of the tests
    # under them, a minute of each fuzz target, and a look at the sources of all tests.
    bash tests/fuzz/run.sh 1
    cmake --build build-fuzz -j "$(nproc)" --target tests_syntax
  else
    cmake -S . -B build -DCMAKE_CXX_COMPILER="$cxx" >/dev/null  # the programs are those that bench/run.sh runs
    cmake --build build -j "$(nproc)"
    ctest --test-dir build --output-on-failure --parallel "$(nproc)"
  fi
done
