#!/bin/bash
# Installs what is missing (Debian 12), builds with g++ and clang++, and runs all tests. Ends non-zero if one fails.
set -euo pipefail
cd "$(dirname "$0")/.."
packages="g++ clang cmake make libtbb-dev libeigen3-dev nlohmann-json3-dev libprotozero-dev libstb-dev zlib1g-dev doctest-dev"
missing=
for p in $packages; do dpkg -s "$p" >/dev/null 2>&1 || missing="$missing $p"; done
if [ -n "$missing" ]; then
  echo "installing:$missing"
  sudo=
  [ "$(id -u)" = 0 ] || sudo=sudo
  $sudo apt-get update -qq
  $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
fi
for cxx in ${WEIR_CXX:-g++ clang++}; do
  echo "== tests with $cxx"
  cmake -S . -B "build-$cxx" -DCMAKE_CXX_COMPILER="$cxx" -DCMAKE_CXX_FLAGS_RELEASE="-O1" >/dev/null
  cmake --build "build-$cxx" -j "$(nproc)"
  ctest --test-dir "build-$cxx" --output-on-failure
done
