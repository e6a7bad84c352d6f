#!/bin/bash
# The main job, on a bare Debian 12: installs what is missing, builds, and makes real networks faster at a bounded loss.
#   bash bench/run.sh            Fashion-MNIST, results in results/
#   bash bench/run.sh --quick    the same on fewer test images, for continuous integration
#   bash bench/run.sh OPTIONS    options of build/bench/adapt, see build/bench/adapt --help
set -euo pipefail
cd "$(dirname "$0")/.."
. bench/packages.sh
need $build_packages dataset-fashion-mnist
cmake -S . -B build -DCMAKE_BUILD_TYPE=Release >build.log 2>&1 || { cat build.log >&2; exit 1; }
echo "building (log in build.log)"
# On a terminal a line says how much is built.
cmake --build build --target adapt -j "$(nproc)" 2>&1 | tee -a build.log | if [ -t 1 ]; then
  while IFS= read -r line; do [[ $line =~ ^\[\ *([0-9]+%)\] ]] && printf '\rbuilding: %s ' "${BASH_REMATCH[1]}"; done
  printf '\r\033[K'
else
  cat >/dev/null
fi || { tail -n 40 build.log >&2; exit 1; }
exec build/bench/adapt "$@"
