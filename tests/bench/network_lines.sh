#!/bin/bash
# network_lines.sh PROGRAM MODEL: what build/bench/network prints has the form that is promised; no time is looked at.
set -euo pipefail
program=$1 model=$2 name=$(basename "$2" .onnx)
fail() { echo "FAILED: $1: $2" >&2; exit 1; }
number='[0-9]+\.[0-9]+'

mapfile -t lines < <("$program" --onnx "$model" --batch 2 --seconds 0)
[ "${lines[0]}" = engine,network,batch,threads,min_ms,median_ms ] || fail "a header" "${lines[0]}"
line=${lines[1]}
[[ $line =~ ^weir,$name,2,1,$number,$number$ ]] || fail "a time" "$line"
mapfile -t lines < <("$program" --onnx "$model" --startup)
[ "${lines[0]}" = engine,network,batch,threads,first_ms,peak_mb,before_mb ] || fail "a header" "${lines[0]}"
line=${lines[1]}
[[ $line =~ ^weir,$name,1,1,$number,$number,$number$ ]] || fail "--startup" "$line"

mapfile -t lines < <("$program" --onnx "$model" --profile --seconds 0 --isa portable)
[[ ${lines[0]} =~ ^peak\ $number\ GFLOP/s\;\ portable,\ 1\ thread,\ batch\ 1,\ $number\ MFLOP$ ]] || fail head "${lines[0]}"
[[ ${lines[1]} =~ ^layer\ +operators\ +algorithm\ +output\ +at\ once\ +MFLOP\ +KiB\ +us\ +share\ %\ +GFLOP/s\ +peak\ %$ ]] ||
  fail columns "${lines[1]}"
count=${#lines[@]}
[ "$count" -gt 4 ] || fail "number of lines" "$count"
for line in "${lines[@]:2:count-3}"; do
  [[ $line =~ ^[^\ ]+\ +[A-Za-z0-9+]+\ +.*\[[0-9,\ ]+\]\ +[0-9]+(\ +$number){6}$ ]] || fail "a step" "$line"
done
[[ ${lines[count - 1]} =~ ^all(\ +$number){6}$ ]] || fail sum "${lines[count - 1]}"
printf '%s\n' "${lines[@]}" | grep -q 'Conv+.*Relu' || fail "fusion" "no Conv+Relu"
! "$program" --onnx "$model" --profile --startup 2>/dev/null || fail "options" "--profile and --startup together"
