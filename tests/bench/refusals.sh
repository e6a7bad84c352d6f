#!/bin/bash
# refusals.sh ADAPT RECORD TRAIN INFER FOLDER: what cannot be kept or cannot work is refused at once, in a sentence that
# says what is wrong and what to do, and before anything is written; results folders never hold two runs. Programs that
# are not built are passed over. Ends with 77 (skipped) without Fashion-MNIST.
set -euo pipefail
adapt=$(realpath -m "$1") record=$(realpath -m "$2") train=$(realpath -m "$3") infer=$(realpath -m "$4")
data=/usr/share/datasets/fashion-mnist
[ -e $data/t10k-images-idx3-ubyte.gz ] || exit 77
networks=$(cd "$(dirname "$0")/../../bench/networks" && pwd)
rm -rf "$5" && mkdir -p "$5" && cd "$5"
fail() { echo "FAILED: $*" >&2; exit 1; }
# says TEXT COMMAND...: the command ends with an error that holds the text, in less than a minute.
says() {
  local text=$1 status=0
  shift
  timeout 60 "$@" >said 2>&1 || status=$?
  [ $status != 0 ] && [ $status -lt 124 ] || fail "status $status of: $*"
  grep -qF -- "$text" said || fail "'$text' is not in '$(cat said)' of: $*"
}
a=$networks/fashion_alexnet.onnx g=$networks/fashion_googlenet.onnx m=$networks/models.json
nets=(--network "$a" --network "$g" --preprocess "$m")
some() { echo --images "$data/t10k-images-idx3-ubyte.gz[0:$1]" --labels $data/t10k-labels-idx1-ubyte.gz; }

# A guarantee is kept or refused. A quarter of 160 images is 40.
says "95 % for 1 % needs 299 images with no regression; there are 40 for calibration" "$adapt" "${nets[@]}" $(some 160)
says "--confidence 0" "$adapt" "${nets[@]}" $(some 160)
says "99 % for 5 % needs 90 images" "$adapt" "${nets[@]}" $(some 160) --confidence 0.99 --max-loss 0.05
says "more images than there can be" "$adapt" "${nets[@]}" $(some 2000) --max-loss 0
says "are not 0 or 1" "$adapt" "${nets[@]}" $(some 2000) --loss cross_entropy
says "such as top5:0.005" "$adapt" "${nets[@]}" $(some 2000) --also top5
says "losses of cross_entropy are not 0 or 1" "$adapt" "${nets[@]}" $(some 2000) --also cross_entropy:0.1
says "they need a --confidence above 0" "$adapt" "${nets[@]}" $(some 2000) --also top5:0.1 --confidence 0
says "among the best 10" "$adapt" "${nets[@]}" $(some 2000) --also top10:0.1
says "95 % for 0.1 % needs 2995 images of class" "$adapt" "${nets[@]}" $(some 2000) --also class:0.001
says "95 % for 0.1 % needs 2995 images with no regression" "$adapt" "${nets[@]}" $(some 2000) --given-exit 0.001

# What is of no use without what is missing.
says "--network needs --images" "$adapt" "${nets[@]}"
says "--network needs --images" "$adapt" "${nets[@]}" --labels mine.csv
for option in labels test-images test-labels head-images head-labels classes; do
  says "--$option needs --images" "$adapt" --$option x
done
says "--preprocess needs --network" "$adapt" --preprocess "$m"
says "--test-labels needs --test-images" "$adapt" "${nets[@]}" $(some 2000) --test-labels x

# Models and models.json, labels, loss: before any image is decoded. Most images cannot be decoded, so a check that comes
# after them would show their message instead.
mkdir -p images
python3 - <<'PYTHON'
import struct, zlib
def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
raw = b"".join(b"\0" + bytes((x * y) % 256 for x in range(28)) for y in range(28))
png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 28, 28, 8, 0, 0, 0, 0)) + \
    chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")
for i in range(1200):
    open(f"images/{i}.png", "wb").write(png if i == 0 else b"no image")
PYTHON
labels() { { echo "file,label"; for i in $(seq 0 1199); do echo "$i.png,$((i % 10))"; done; } | sed "$1" >labels.csv; }
folder=(--images images --labels labels.csv --split 0.5,0.25,0.25)
try() { says "$1" "$adapt" "${nets[@]}" "${folder[@]}" "${@:2}"; }
labels ""
says "8-bit images need --preprocess" "$adapt" --network "$a" --network "$g" "${folder[@]}"
sed 's/"scale"/"scal"/' "$m" >scal.json
says "key 'scal' is unknown; the nearest is 'scale'" "$adapt" --network "$a" --network "$g" --preprocess scal.json "${folder[@]}"
sed 's/fashion_googlenet.onnx/fashion_gogglenet.onnx/' "$m" >other.json
says "has no entry for fashion_googlenet.onnx; the nearest is 'fashion_gogglenet.onnx'" "$adapt" --network "$a" --network "$g" --preprocess other.json "${folder[@]}"
mkdir -p twin && cp "$a" twin/
says "results go by that name" "$adapt" --network twin/fashion_alexnet.onnx "${nets[@]}" "${folder[@]}"
try "--loss top10: with 10 classes" --loss top10
try "instruction set" --isa nosuch
try "is none of the --network files" --early-exit other.onnx
try "has no tensor 'nosuch'; it has 67, from '" --early-exit "$g:nosuch"
labels "5s/,.*/,11/"
try "labels.csv:5: label 11, but"
labels "7s/,.*/,shirt/"
sed '/"classes": \["/d' "$m" >unnamed.json
unnamed() { says "$1" "$adapt" --network "$a" --network "$g" --preprocess unnamed.json "${folder[@]}"; }
unnamed "labels.csv:7: 'shirt' is not a label"
unnamed "--classes FILE"
try "the nearest is 'Shirt'"
printf '%s\n' top trouser pullover dress coat sandal shirt sneaker bag boot >classes.txt
labels "7s/,.*/,shirts/"
try "labels.csv:7: 'shirts' is not a label" --classes classes.txt
try "the nearest is 'shirt'" --classes classes.txt
echo another >>classes.txt
labels ""
try "classes.txt: names of 11 classes" --classes classes.txt
labels "9s/7.png/6.png/"
try "labels.csv:9: file '6.png' is listed twice, first in line 8"
labels "1d"
try "the first line must be the header file,label"
ls -d results 2>/dev/null && [ -n "$(ls -A results)" ] && fail "refused runs left $(ls -A results)"

# Names that are no UTF-8, and control characters.
labels ""
cp "$a" $'bad\xff.onnx'
says 'bad\xff.onnx: the name is not UTF-8' "$adapt" --network $'bad\xff.onnx' "${nets[@]}" "${folder[@]}"
says '\x1b]0;title\x07' "$adapt" "${nets[@]}" --images $'\x1b]0;title\x07' --labels labels.csv
! grep -q $'\x1b' said || fail "an escape character reaches the terminal"
says '\x1b' "$adapt" $'--\x1b'
! grep -q $'\x1b' said || fail "an escape character reaches the terminal"

# The results folder is proved writable before anything is learned.
echo x >file
says "file" "$adapt" "${nets[@]}" $(some 2000) --out file/results
mkdir -p taken/policy.json
says "is a folder where a file is to be written" "$adapt" "${nets[@]}" $(some 2000) --out taken

# A small run: every file names it, an earlier run goes, a user's files stay; names that are not UTF-8 lose nothing.
cp $data/t10k-labels-idx1-ubyte.gz $'labels\xff.gz'
mkdir -p out && echo '{"weir_policy": 2}' >out/policy_early_exit.json && echo mine >out/policy_mine.json && echo mine >out/notes.txt
"$adapt" --quick --measure 60 --images "$data/t10k-images-idx3-ubyte.gz[0:1300]" --labels $'labels\xff.gz' "${nets[@]}" \
  --exits 1 --early-exit "$a" --costs flops --save-traces traces --out out >small.txt 2>&1 || fail "$(cat small.txt)"
run=$(python3 -c "import json; print(json.load(open('out/summary.json'))['run'])")
for file in summary.json curve.csv tradeoff.svg report.html policy.json; do
  grep -qF "$run" out/$file || fail "$file does not name its run"
done
grep -qF "$run" traces/traces.json || fail "the traces do not name their run"
[ "$(cat out/policy_mine.json out/notes.txt)" = $'mine\nmine' ] || fail "a user's file was touched"
[ ! -e out/policy_early_exit.json ] || grep -qF "$run" out/policy_early_exit.json || fail "a policy of another run is left"
[ -z "$(ls -A out | grep weir-run || true)" ] || fail "left behind: $(ls -A out)"
python3 -c "import json; b = json.load(open('out/policy.json'))['budget']; assert b['margin'] == 'upper_limit', b" || fail "margin"

# Loading it: networks outside its folder need a word.
if [ -x "$record" ]; then
  says "--networks DIR" "$record" --policy out/policy.json $(some 300) --out t.csv
  says "--allow-outside" "$record" --policy out/policy.json $(some 300) --out t.csv
  "$record" --policy out/policy.json --networks "$networks" $(some 700) --out t.csv >/dev/null || fail "--networks"
  "$record" --policy out/policy.json --allow-outside $(some 300) --out u.csv >/dev/null || fail "--allow-outside"
  sed 's/"cost_unit"/"cost_units"/' out/policy.json >misspelt.json
  says "the nearest is 'cost_unit'" "$record" --policy misspelt.json --networks "$networks" $(some 300) --out v.csv
fi
if [ -x "$record" ] && [ -x "$train" ]; then
  says "95 % for 1 % needs 299 images with no regression; there are 150 for calibration" "$train" --trace u.csv --policy out/policy.json --out new.json
  [ ! -e new.json ] || fail "a policy without its guarantee was written"
  "$train" --trace t.csv --policy out/policy.json --out new.json >/dev/null || fail "350 images suffice"
  grep -q '"margin": "upper_limit"' new.json || fail "no guarantee in new.json"
fi

# Out of memory: the process ends, promptly, with the message.
for limit in 150000 100000; do
  status=0
  (ulimit -v $limit; timeout 30 "$adapt" "${nets[@]}" --images "$data/train-images-idx3-ubyte.gz[0:50000]" \
    --labels $data/train-labels-idx1-ubyte.gz --out memory >said 2>&1) || status=$?
  [ $status = 1 ] && grep -q "error: out of memory" said || fail "$limit KiB: status $status, $(cat said)"
done
echo "refusals: all as they should be"
