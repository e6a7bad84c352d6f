#!/bin/bash
# head_images.sh ADAPT FOLDER: exit heads from images without labels are those from the same images with labels; their size is
# chosen, said and stored; heads of one layer are refused such images. Ends with 77 (skipped) without Fashion-MNIST.
set -euo pipefail
adapt=$(realpath "$1")
data=/usr/share/datasets/fashion-mnist
[ -e $data/t10k-images-idx3-ubyte.gz ] || exit 77
networks=$(cd "$(dirname "$0")/../../bench/networks" && pwd)
rm -rf "$2" && mkdir -p "$2" && cd "$2"
fail() { echo "FAILED: $*" >&2; exit 1; }
images=$data/t10k-images-idx3-ubyte.gz labels=$data/t10k-labels-idx1-ubyte.gz
small=(--network "$networks/fashion_resnet.onnx" --preprocess "$networks/models.json" --images "$images[0:1200]"
  --labels $labels --head-images "$images[1200:3200]" --quick --measure 60 --exits 2 --confidence 0 --max-loss 0.05
  --rules none --costs flops)
run() {  # run NAME OPTIONS
  timeout 300 "$adapt" "${small[@]}" --out "$1" "${@:2}" >"$1.txt" 2>&1 || fail "$(cat "$1.txt")"
}

# Heads of one layer learn labels: refused before anything that takes long.
for none in "" none; do
  ! timeout 60 "$adapt" "${small[@]}" --hidden 0 ${none:+--head-labels $none} --out refused >said 2>&1 ||
    fail "taken: --hidden 0 without labels"
  grep -qF "exit heads of one layer (--hidden 0) learn labels; name their file with --head-labels" said || fail "$(cat said)"
done
! timeout 60 "$adapt" "${small[@]}" --hidden many >said 2>&1 || fail "taken: --hidden many"

run without
run with --head-labels $labels
run again --head-labels none
run fixed --hidden 48
grep -qxF "exit heads: trained on 2000 further images, which have no labels" without.txt || fail "$(cat without.txt)"
grep -qxF "exit heads: trained on 2000 further images" with.txt || fail "$(cat with.txt)"
grep -qE '^exit heads of fashion_resnet: (32|64) hidden units, .*: 32 units [0-9.]+ MFLOP, 64 units [0-9.]+ MFLOP$' without.txt ||
  fail "no line about sizes in: $(cat without.txt)"
! grep -q "the smallest size within" fixed.txt || fail "a size is chosen though --hidden says it"
python3 - <<'PYTHON'
import json
def read(name, file): return json.load(open(f'{name}/{file}'))
def heads(name): return [s['exit_head'] for s in read(name, 'policy.json')['stages'] if s.get('exit_head')]
def units(name): return {len(h['hidden']['bias']) for h in heads(name)}
first = heads('without')
assert len(first) == 2, len(first)
for other in ('with', 'again'):
    assert heads(other) == first, f'heads of {other} differ'
assert units('fixed') == {48} and read('fixed', 'summary.json')['adaptive'][0]['head_sizes'] == []
[sizes] = read('without', 'summary.json')['adaptive'][0]['head_sizes']
assert sizes['network'] == 'fashion_resnet' and len(sizes['tensors']) == 2 and sizes['unit'] == 'FLOP', sizes
cost = {t['hidden']: t['cost'] for t in sizes['tried']}
assert list(cost) == [32, 64], cost
assert sizes['hidden'] == min(h for h in cost if cost[h] <= 1.02 * min(cost.values())), sizes
assert units('without') == {sizes['hidden']}, (units('without'), sizes)
assert read('without', 'policy.json')['provenance']['head_sizes'] == [sizes]
PYTHON
echo "head images: all as they should be"
