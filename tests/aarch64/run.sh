#!/bin/bash
# run.sh BUILD FOLDER: 8-bit networks give the same bits on aarch64, under qemu-user, as on this machine's instruction sets,
# with one thread and two. BUILD is a build folder with libweir.a (cmake --build BUILD --target weir); FOLDER takes what
# this makes. Five minutes of a processor, most of it compiling for aarch64, where weir has its portable kernels only.
# Ends with 77 (skipped), saying why, without Debian's g++-aarch64-linux-gnu and qemu-user, or where libtbb12 of arm64,
# which is unpacked in FOLDER and not installed, cannot be downloaded.
set -euo pipefail
build=$(realpath "$1") folder=$2
here=$(cd "$(dirname "$0")" && pwd)
skip() { echo "skipped: $*"; exit 77; }
for program in aarch64-linux-gnu-g++ qemu-aarch64 apt-get dpkg; do
  command -v $program >/dev/null || skip "there is no $program (Debian: apt-get install g++-aarch64-linux-gnu qemu-user)"
done
[ -e "$build/libweir.a" ] || skip "there is no $build/libweir.a: cmake --build $build --target weir"
mkdir -p "$folder" && folder=$(realpath "$folder")
cd "$folder"

# oneTBB of arm64: its own lists of packages, so that the system's stay as they are. The headers of all architectures are
# those that are installed here.
libraries=$folder/system/usr/lib/aarch64-linux-gnu
if [ ! -e "$libraries/libtbb.so.12" ]; then
  mkdir -p apt/lists/partial apt/cache/archives/partial
  for command in "update -qq" "download -qq libtbb12"; do
    apt-get -o APT::Architecture=arm64 -o APT::Architectures=arm64 -o Dir::State::lists="$folder/apt/lists" \
      -o Dir::Cache="$folder/apt/cache" $command >apt.log 2>&1 || skip "libtbb12 of arm64 cannot be downloaded: $(tail -n 1 apt.log)"
  done
  dpkg -x libtbb12_*_arm64.deb system
fi
mkdir -p include
for headers in tbb oneapi; do ln -sfn /usr/include/$headers include/$headers; done

aarch64-linux-gnu-g++ -std=c++20 -O1 -Wall -Wextra -Wno-psabi -Werror -DWEIR_IMPLEMENTATION -isystem include \
  -I "$build/include" "$here/checksums.cpp" "$libraries/libtbb.so.12" -o checksums.aarch64
for program in make_networks checksums; do
  g++ -std=c++20 -O1 -Wall -Wextra -Werror -I "$build/include" "$here/$program.cpp" "$build/libweir.a" -ltbb -lz -o $program
done
rm -rf networks && mkdir networks
./make_networks networks

qemu-aarch64 -L /usr/aarch64-linux-gnu -E LD_LIBRARY_PATH="$libraries" ./checksums.aarch64 networks/*.onnx >right.txt
cat right.txt
[ "$(wc -l <right.txt)" = "$(find networks -name '*.onnx' | wc -l)" ] || { echo "FAILED: a network is missing"; exit 1; }
same() {  # same NAME COMMAND: prints what aarch64 printed
  "${@:2}" >"$1.txt"
  cmp -s right.txt "$1.txt" || { echo "FAILED: $1 differs from aarch64:"; diff right.txt "$1.txt"; exit 1; }
  echo "$1: equal"
}
same aarch64_2_threads qemu-aarch64 -L /usr/aarch64-linux-gnu -E LD_LIBRARY_PATH="$libraries" ./checksums.aarch64 \
  --threads 2 networks/*.onnx
for isa in portable avx2 avx512; do
  case $isa in avx512) flags="avx512f avx512vl" ;; avx2) flags="avx2" ;; *) flags="" ;; esac
  for flag in $flags; do
    grep -qw $flag /proc/cpuinfo || { echo "$isa: not of this processor"; continue 2; }
  done
  for threads in 1 2; do same "${isa}_${threads}_threads" ./checksums --isa $isa --threads $threads networks/*.onnx; done
done
