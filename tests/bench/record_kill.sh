#!/bin/bash
# record_kill.sh RECORD TRAIN NETWORKS FOLDER: recordings of plain networks that are really killed (kill -9) and go on,
# or are made by several processes at once, end in the bytes of one that nobody disturbed; and policies are learned from
# them. NETWORKS: bench/networks; FOLDER: to work in. Ends with 77 (skipped) without Fashion-MNIST.
set -euo pipefail
record=$(realpath "$1") train=$(realpath "$2") networks=$(realpath "$3") data=/usr/share/datasets/fashion-mnist
[ -r "$data/t10k-images-idx3-ubyte.gz" ] || exit 77
rm -rf "$4" && mkdir -p "$4" && cd "$4"
fail() { echo "FAILED: $1" >&2; exit 1; }
trap 'kill -9 $(jobs -p) 2>/dev/null || true' EXIT
images=(--images "$data/t10k-images-idx3-ubyte.gz[0:1200]" --labels "$data/t10k-labels-idx1-ubyte.gz" --threads 1)
plain=(--network "$networks/fashion_alexnet.onnx" --network "$networks/fashion_googlenet.onnx"
  --network "$networks/fashion_resnet.onnx" --preprocess "$networks/models.json")
rank() { OMPI_COMM_WORLD_RANK=$1 OMPI_COMM_WORLD_SIZE=$2 "$record" "${@:3}" >/dev/null; }
rows() { if [ -e "$1" ]; then wc -l <"$1"; else echo 0; fi; }
# more FILE ROWS: as rows does, but by the shell alone: a process for each look would come too late on a busy machine.
more() {
  local lines=()
  mapfile -t lines 2>/dev/null <"$1" || true
  [ "${#lines[@]}" -gt "$2" ]
} 2>/dev/null
# killed FILE ROWS COMMAND...: kills the command when the file has more than so many rows; fails if it ends before.
killed() {
  "${@:3}" >/dev/null &
  local pid=$! status=0
  while kill -0 $pid 2>/dev/null && ! more "$1" "$2"; do :; done
  kill -9 $pid 2>/dev/null || true
  wait $pid 2>/dev/null || status=$?
  [ $status = 137 ] || fail "not killed, but ended with $status: ${*:3}"
}

# Three processes at once, of which the first to come measures what the networks cost, and all record with that.
for i in 0 1 2; do rank $i 3 "${plain[@]}" "${images[@]}" --out ranks.csv & done
for pid in $(jobs -p); do wait "$pid" || fail "a rank"; done
"$record" --merge ranks.csv.*-of-3 --out ranks.csv >/dev/null
[ "$(rows ranks.csv)" = 1201 ] || fail "rows of three ranks: $(rows ranks.csv)"
[ ! -e ranks.policy.json.lock ] || fail "a lock is left"

# The same by one process, undisturbed.
cp ranks.policy.json whole.policy.json
"$record" "${plain[@]}" "${images[@]}" --out whole.csv >/dev/null
cmp ranks.csv whole.csv || fail "ranks and one process record different bytes"

# Killed again and again; block by block it goes on.
cp ranks.policy.json killed.policy.json
for at in 2 60 61 200 500; do
  killed killed.csv.part $at "$record" "${plain[@]}" "${images[@]}" --block 4 --out killed.csv
  [ ! -e killed.csv ] || fail "a killed run left a trace"
done
"$record" "${plain[@]}" "${images[@]}" --out killed.csv >/dev/null
cmp killed.csv whole.csv || fail "a killed run goes on to different bytes"

# One shard of several is killed, and goes on alone.
cp ranks.policy.json shard.policy.json
killed shard.csv.1-of-2 100 "$record" "${plain[@]}" "${images[@]}" --shard 1/2 --block 1 --out shard.csv
"$record" "${plain[@]}" "${images[@]}" --shard 0/2 --out shard.csv >/dev/null
! "$record" --merge shard.csv.*-of-2 --out shard.csv 2>error || fail "an unfinished shard was merged"
grep -q 'shard.csv.1-of-2: unfinished' error || fail "$(cat error)"
"$record" "${plain[@]}" "${images[@]}" --shard 1/2 --out shard.csv >/dev/null
"$record" --merge shard.csv.1-of-2 shard.csv.0-of-2 --out shard.csv >/dev/null
cmp shard.csv whole.csv || fail "shards of which one was killed give different bytes"

# Killed while it measures: nothing is left that stands in the way.
"$record" "${plain[@]}" "${images[@]}" --out early.csv >/dev/null &
pid=$!
while kill -0 $pid 2>/dev/null && [ ! -e early.policy.json.lock ]; do sleep 0.005; done
kill -9 $pid 2>/dev/null || true
wait $pid 2>/dev/null || true
rm -f early.policy.json  # if it was quick
"$record" "${plain[@]}" "${images[@]}" --seconds 1e-4,3e-4,1e-3 --out early.csv >/dev/null
[ "$(rows early.csv)" = 1201 ] || fail "rows behind an early kill"

# Under a real mpirun.
if command -v mpirun >/dev/null; then
  cp ranks.policy.json mpi.policy.json
  mpirun --allow-run-as-root --oversubscribe -n 4 "$record" "${plain[@]}" "${images[@]}" --out mpi.csv >/dev/null
  "$record" --merge mpi.csv.*-of-4 --out mpi.csv >/dev/null
  cmp mpi.csv whole.csv || fail "mpirun records different bytes"
fi

# A policy is learned, and its own recording is the same trace.
"$train" --trace whole.csv --max-loss 0.02 --confidence 0 --out learned.json | grep -q '600 images to learn from' ||
  fail "training"
! "$record" --policy learned.json "${images[@]}" --out learned.csv 2>error || fail "networks outside the policy's folder"
grep -q -- '--networks DIR' error || fail "$(cat error)"
"$record" --policy learned.json --networks "$networks" "${images[@]}" --out learned.csv >/dev/null
cmp learned.csv whole.csv || fail "the learned policy's recording differs"

# With class probabilities, killed on the way: the same rows, and gates learn from expected losses.
killed kept.csv.part 100 "$record" "${plain[@]}" "${images[@]}" --seconds 1e-4,3e-4,1e-3 --probabilities --block 4 --out kept.csv
"$record" "${plain[@]}" "${images[@]}" --seconds 1e-4,3e-4,1e-3 --probabilities --out kept.csv >/dev/null
[ "$(stat -c %s kept.probabilities.npy)" -gt $((1200 * 3 * 10 * 4)) ] && [ -z "$(ls kept.csv.part* 2>/dev/null)" ] ||
  fail "probabilities"
cut -d, -f1-3 kept.csv | cmp - <(cut -d, -f1-3 whole.csv) || fail "rows differ with probabilities"
"$train" --trace kept.csv --max-loss 0.02 --confidence 0 --out kept.json | grep -q 'expected under fashion_resnet' ||
  fail "gates do not learn from expected losses"
"$train" --trace kept.csv --max-loss 0.02 --learn-from labels --out kept.json | grep -q 'gates learn from labels' ||
  fail "gates do not learn from labels"
! "$train" --trace kept.csv --loss top5 --out none.json 2>error || fail "learned from another loss than was recorded"
grep -q -- "--loss top5: the losses of stage 'fashion_alexnet'" error || fail "$(cat error)"
! "$train" --trace whole.csv --learn-from full --out none.json 2>error || fail "learned from probabilities that are not there"
grep -q -- '--learn-from full: stage' error || fail "$(cat error)"

# What does not fit is refused, and nothing is overwritten.
for wrong in "--network $networks/fashion_alexnet.onnx --preprocess $networks/models.json" "${plain[*]} --seconds 1,2,3"; do
  ! "$record" $wrong "${images[@]}" --out whole.csv 2>error || fail "recorded over other networks: $wrong"
  grep -q 'whole.policy.json: there already' error || fail "$(cat error)"
done
for wrong in "${plain[*]} --seconds 1,2" "${plain[*]} --seconds 1,2,0" "${plain[*]} --policy learned.json" ""; do
  ! "$record" $wrong "${images[@]}" --out new.csv 2>/dev/null || fail "accepted: $wrong"
done
[ ! -e new.csv ] && cmp ranks.policy.json whole.policy.json || fail "something was overwritten"
echo "recording: killed, sharded and undisturbed runs are equal"
