#!/bin/bash
# costs.sh ADAPT TRAIN FOLDER: every kind of --costs, and --batch, from the command line to the files. Ends with 77
# (skipped) without Fashion-MNIST.
set -euo pipefail
adapt=$1 train=$2 folder=$3
data=/usr/share/datasets/fashion-mnist
[ -e $data/t10k-images-idx3-ubyte.gz ] || exit 77
fail() { echo "FAILED: $*" >&2; exit 1; }
rm -rf "$folder" && mkdir -p "$folder"
networks=$(cd "$(dirname "$0")/../../bench/networks" && pwd)
run() {  # run NAME OPTIONS: a small main job over two networks
  "$adapt" --quick --measure 100 --images "$data/t10k-images-idx3-ubyte.gz[0:2000]" \
    --labels $data/t10k-labels-idx1-ubyte.gz --network "$networks/fashion_alexnet.onnx" \
    --network "$networks/fashion_googlenet.onnx" --preprocess "$networks/models.json" --exits 1 \
    --out "$folder/$1" "${@:2}" >"$folder/$1.txt" 2>&1
}
refuses() {  # refuses TEXT OPTIONS
  ! run refused "${@:2}" || fail "taken: ${*:2}"
  grep -qF -- "$1" "$folder/refused.txt" || fail "'$1' is not in: $(cat "$folder/refused.txt")"
}
summary() { python3 -c "import json, sys; s = json.load(open(sys.argv[1] + '/summary.json')); print($2)" "$folder/$1"; }
is() { [ "$1" = "$2" ] || fail "$1 is not $2"; }

run flops --costs flops --save-traces "$folder/traces"
is "$(summary flops 's["cost_unit"], s["costs"], s["batch"]')" "FLOP flops 1"
is "$(summary flops 'all(a["predicted_mean_s"] is None and a["predicted_mean_cost"] > 1e4 for a in s["adaptive"])')" True
grep -qE '[0-9]+(\.[0-9]+)? MFLOP' "$folder/flops/report.html" || fail "no MFLOP in the report"
! grep -q 'adds, us' "$folder/flops/report.html" || fail "FLOP are called microseconds"
grep -q '"cost_unit": "FLOP"' "$folder/flops/policy.json" || fail "no unit in policy.json"
head -n 1 "$folder/traces/selection_policy.csv" | grep -q '^label,cost_unit,.*fashion_alexnet\.cost,' || fail "trace"
! head -n 1 "$folder/traces/selection_policy.csv" | grep -q seconds || fail "FLOP are called seconds in the trace"

stages="selection:fashion_googlenet,9 early_exit:fashion_googlenet,6"
exit1=$(summary flops '[a for a in s["adaptive"] if a["mode"] == "early_exit"][0]["exits"][0]["stage"]')
{ echo "stage,cost"; printf '%s\n' $stages fashion_alexnet,1 "$exit1,3"; } >"$folder/table.csv"
run table --costs "$folder/table.csv"
is "$(summary table 's["cost_unit"], [e["cost"] for a in s["adaptive"] for e in a["exits"]]')" "cost [1.0, 9.0, 3.0, 6.0]"
{ echo "stage,cost"; printf '%s\n' $stages "$exit1,3"; } >"$folder/bad.csv"
refuses "no line for 'fashion_alexnet'" --costs "$folder/bad.csv"
{ cat "$folder/table.csv"; echo "resnet,3"; } >"$folder/bad.csv"
refuses "there is no 'resnet'" --costs "$folder/bad.csv"
{ cat "$folder/table.csv"; echo "$exit1,3"; } >"$folder/bad.csv"
refuses "is there twice" --costs "$folder/bad.csv"
sed 's/,9/,nan/' "$folder/table.csv" >"$folder/bad.csv"
refuses "'nan' is not a finite number" --costs "$folder/bad.csv"
sed 's/,9/,-9/' "$folder/table.csv" >"$folder/bad.csv"
refuses "'-9' is negative" --costs "$folder/bad.csv"
refuses "--costs" --costs "$folder/none.csv"

# A processor that draws 20 watts.
zone=$folder/powercap/intel-rapl:0
refuses "no counter was found" --costs energy --powercap "$folder/powercap"
mkdir -p "$zone"
echo package-0 >"$zone/name"
echo 100000000 >"$zone/max_energy_range_uj"
python3 - "$zone" <<'PYTHON' &
import os, sys, time
start = time.monotonic()
while os.path.isdir(sys.argv[1]):
    with open(sys.argv[1] + "/beside", "w") as f:
        f.write(f"{int(20e6 * (time.monotonic() - start)) % 100000000}\n")
    os.rename(sys.argv[1] + "/beside", sys.argv[1] + "/energy_uj")
    time.sleep(0.001)
PYTHON
meter=$!
trap 'kill $meter 2>/dev/null || true' EXIT
for _ in $(seq 100); do [ -e "$zone/energy_uj" ] && break; sleep 0.1; done
run energy --costs energy --powercap "$folder/powercap"
is "$(summary energy 's["cost_unit"]')" J
# Watts times the seconds that a stage takes alone, give or take what else this machine does.
is "$(summary energy 'all(1e-5 < e["cost"] < 1 for a in s["adaptive"] for e in a["exits"][:1])')" True
kill $meter

# Gates that see more than confidence, beside rules that do not.
run features --features confidence,image
is "$(summary features 's["adaptive"][0]["features"]')" "['confidence', 'image']"

run batch --batch 16
is "$(summary batch 's["batch"], s["cost_unit"], [a["batch"] for a in s["adaptive"]]')" "16 seconds [16, 16]"
is "$(summary batch 'all(a["decisions_that_differ_from_trace"] == 0 for a in s["adaptive"])')" True
is "$(summary batch 'all(0 < p <= 1 for a in s["adaptive"] for p in a["priced_for_shares"])')" True
grep -q 'batches of 16' "$folder/batch/report.html" || fail "the report does not speak of batches"

[ -x "$train" ] || exit 0
learn() { "$train" --trace "$folder/traces/selection_calibration.csv" --policy "$folder/flops/policy.json" \
  --networks "$networks" --out "$folder/new.json" --max-loss 0.05 --confidence 0 "$@" >"$folder/train.txt" 2>&1; }
unit() { python3 -c "import json, sys; print(json.load(open(sys.argv[1]))['cost_unit'])" "$folder/new.json"; }
learn || fail "$(cat "$folder/train.txt")"
is "$(unit)" FLOP
grep -q MFLOP "$folder/train.txt" || fail "no unit in: $(cat "$folder/train.txt")"
printf '%s\n' stage,cost,unit,cost@16 fashion_alexnet,1,EUR,0.5 fashion_googlenet,5,EUR,1 >"$folder/table.csv"
learn --costs "$folder/table.csv" --batch 16 || fail "$(cat "$folder/train.txt")"
is "$(unit)" EUR
learn --costs flops
is "$(unit)" FLOP
learn --costs seconds --images "$data/t10k-images-idx3-ubyte.gz[0:100]" --labels $data/t10k-labels-idx1-ubyte.gz
is "$(unit)" seconds
! learn --costs energy --powercap "$folder/powercap" || fail "energy of nothing"
grep -q "give --images" "$folder/train.txt" || fail "$(cat "$folder/train.txt")"
! learn --batch 4 || fail "batches of a trace of single images"
grep -q "the trace says what single images cost" "$folder/train.txt" || fail "$(cat "$folder/train.txt")"
