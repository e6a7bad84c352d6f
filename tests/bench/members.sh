#!/bin/bash
# members.sh ADAPT RUN FOLDER: one network given, an 8-bit copy made of it, exits in both, a policy over them that moves with
# its folder and decides the same on another instruction set; a run without copies leaves none of an earlier one behind.
# Ends with 77 (skipped) without Fashion-MNIST.
set -euo pipefail
adapt=$(realpath "$1") run=$(realpath "$2")
data=/usr/share/datasets/fashion-mnist
[ -e $data/t10k-images-idx3-ubyte.gz ] || exit 77
networks=$(cd "$(dirname "$0")/../../bench/networks" && pwd)
rm -rf "$3" && mkdir -p "$3" && cd "$3"
fail() { echo "FAILED: $*" >&2; exit 1; }
images="$data/t10k-images-idx3-ubyte.gz[0:1200]"
given=(--network "$networks/fashion_resnet.onnx" --preprocess "$networks/models.json" --images "$images")
small=(--quick --measure 60 --exits 2 --confidence 0 --max-loss 0.05)
summary() { python3 -c "import json, sys; s = json.load(open(sys.argv[1] + '/summary.json')); print($2)" "$1"; }
is() { [ "$1" = "$2" ] || fail "$1 is not $2"; }

# What is not known, or does not go together, is refused before anything is made.
says() {  # says TEXT OPTIONS
  local status=0
  timeout 60 "$adapt" "${given[@]}" --labels none --out refused "${@:2}" >said 2>&1 || status=$?
  [ $status != 0 ] && [ $status -lt 124 ] || fail "status $status of: ${*:2}"
  grep -qF -- "$1" said || fail "'$1' is not in '$(cat said)' of: ${*:2}"
  [ ! -e refused ] || fail "refused, and a folder was made: ${*:2}"
}
says "int9" --make int9
says "none goes with nothing else" --make none,int8
printf '%s\n' stage,cost fashion_resnet,1 >table.csv
says "yet to be made" --make int8 --costs table.csv
cp "$networks/fashion_resnet.onnx" fashion_resnet_int8.onnx
sed 's/fashion_alexnet/fashion_resnet_int8/' "$networks/models.json" >both.json
given[3]=both.json
says "would have its name" --make int8 --network fashion_resnet_int8.onnx
given[3]=$networks/models.json

# Without labels, with copies: what is made stands in the table, in the files, and in the policies.
"$adapt" "${given[@]}" --labels none "${small[@]}" --make int8,exits --out made --bundle bundle >made.txt 2>&1 ||
  fail "$(cat made.txt)"
grep -qE '^8-bit copy of fashion_resnet: [0-9.]+ us an image, fp32 [0-9.]+ us \(batch 1, one thread, in turn\): ' made.txt ||
  fail "no line about the copy in: $(cat made.txt)"
is "$(summary made 's["members"][0]["of"], s["members"][0]["n_policy_images"], s["full"]["name"]')" \
  "fashion_resnet 200 fashion_resnet"
if [ "$(summary made 's["members"][0]["kept"]')" = True ]; then
  is "$(summary made '[n["name"] for n in s["networks"]]')" "['fashion_resnet_int8', 'fashion_resnet']"
  is "$(summary made '[a["mode"] for a in s["adaptive"] if a["full"] != "fashion_resnet"]')" "[]"
  is "$(ls made | grep onnx)" member_fashion_resnet_int8.onnx
  grep -q 'Members made' made/report.html || fail "the report says nothing of members"
  grep -qF "exits inside fashion_resnet_int8, too: " made.txt || fail "no exit heads in: $(cat made.txt)"

  with_copy=$(grep -lF '"file": "member_fashion_resnet_int8.onnx"' made/policy*.json | head -n 1)
  [ -n "$with_copy" ] || fail "no policy names the copy"
  answers() { "$run" "$@" | cut -d, -f1-3,5; }  # without probability and ms
  python3 - "$data/t10k-images-idx3-ubyte.gz" <<'PYTHON'
import gzip, struct, sys
with gzip.open(sys.argv[1]) as f:
    data = f.read(16 + 784 * 300)
with open('some.idx', 'wb') as f:  # the first 300
    f.write(struct.pack('>IIII', 0x803, 300, 28, 28) + data[16:])
PYTHON
  answers "$with_copy" some.idx --allow-outside >there.csv
  is "$(wc -l <there.csv)" 301
  mkdir -p elsewhere/deep && mv made elsewhere/deep/made
  answers "elsewhere/deep/$with_copy" some.idx --networks "$networks" >moved.csv
  cmp there.csv moved.csv || fail "the moved policy decides otherwise"
  answers "bundle/$(basename "$with_copy")" some.idx >bundled.csv
  cmp there.csv bundled.csv || fail "the bundled policy decides otherwise"
  grep -qE ',fashion_resnet_int8(@|$)' there.csv || fail "no image leaves in the copy"
  for isa in portable avx2; do
    [ $isa = portable ] || grep -qw $isa /proc/cpuinfo || continue
    WEIR_ISA=$isa answers "bundle/$(basename "$with_copy")" some.idx >$isa.csv
    cmp there.csv $isa.csv || fail "the $isa kernels decide otherwise"
  done
  mv elsewhere/deep/made made
else
  [ -z "$(ls made | grep onnx || true)" ] || fail "a copy that was not kept is there"
fi

# Copies alone: the sentence that they do without gates stands where the figures say so, and nowhere else.
"$adapt" --network "$networks/fashion_alexnet.onnx" "${given[@]:2}" --labels none "${small[@]}" --make int8 --out alone \
  >alone.txt 2>&1 || fail "$(cat alone.txt)"
is "$(summary alone '[a["mode"] for a in s["adaptive"] if a["mode"] != "selection"]')" "[]"
for run_of in made alone; do
  said=$(grep -c '^gates add nothing here: the 8-bit copy alone' $run_of.txt || true)
  is "$said" "$(grep -c 'gates add nothing here: the 8-bit copy alone' $run_of/report.html || true)"
  python3 - $run_of "$said" <<'PYTHON'
import json, sys
s = json.load(open(sys.argv[1] + '/summary.json'))
copies = [n for n in s['networks'] if n['name'] == s['full']['name'] + '_int8']
fastest = max(a['speedup'] for a in s['adaptive'])
does = any(n['excess_loss'] <= s['budget'] and n['speedup'] > 1 and fastest <= 1.05 * n['speedup'] for n in copies)
assert does == (sys.argv[2] == '1'), (copies, fastest, sys.argv)
PYTHON
done

# A run without copies removes what the one before it made, and nothing else.
cp "$networks/fashion_resnet.onnx" made/mine_int8.onnx
touch made/member_of_an_earlier_run_int8.onnx
"$adapt" "${given[@]}" --labels none "${small[@]}" --make none --out made >none.txt 2>&1 || fail "$(cat none.txt)"
is "$(ls made | grep onnx)" mine_int8.onnx
is "$(summary made 's["members"], [n["name"] for n in s["networks"]]')" "[] ['fashion_resnet']"
! grep -q '8-bit' none.txt || fail "copies in: $(cat none.txt)"

# A network that an earlier run made there cannot be what this one starts from: it would be removed.
cp "$networks/fashion_resnet.onnx" made/member_x_int8.onnx
! timeout 60 "$adapt" --network made/member_x_int8.onnx "${given[@]:4}" --labels none --out made >said 2>&1 ||
  fail "taken: a network of the results folder"
grep -qF "this one replaces" said || fail "$(cat said)"
[ -e made/member_x_int8.onnx ] || fail "the network is gone"
echo "members: all as they should be"
