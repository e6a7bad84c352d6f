#!/bin/bash
# programs.sh WEIR FOLDER: the program `weir`: what it lists, hands over to, completes and refuses; a policy that is
# learned, bundled, moved and run on images. Ends with 77 (skipped) without Fashion-MNIST.
set -euo pipefail
weir=$1 folder=$2
data=/usr/share/datasets/fashion-mnist
fail() { echo "FAILED: $*" >&2; exit 1; }
is() { [ "$1" = "$2" ] || fail "'$1' is not '$2'"; }
refuses() {  # refuses TEXT ARGUMENTS
  ! "$weir" "${@:2}" >"$folder/out" 2>"$folder/err" || fail "taken: ${*:2}"
  grep -qF -- "$1" "$folder/err" || fail "'$1' is not in: $(cat "$folder/err")"
}
rm -rf "$folder" && mkdir -p "$folder"
networks=$(cd "$(dirname "$0")/../../bench/networks" && pwd)

"$weir" --version | grep -qE '^weir [0-9]+\.[0-9]+\.[0-9]+$' || fail "--version"
programs=$("$weir" --help | sed -n 's/^  \([a-z]\+\)  .*/\1/p')
for program in $programs; do
  "$weir" "$program" --help >"$folder/help" || fail "$program --help"
  grep -q "^Usage: weir $program" "$folder/help" || fail "$program: $(cat "$folder/help")"
  grep -q "^Examples:" "$folder/help" || fail "$program --help has no examples"
done
is "$program" learners  # the last that is listed
refuses "the nearest is 'adapt'" adopt
refuses "Usage: weir PROGRAM"
refuses "bash, zsh and fish are the shells" --completion tcsh
refuses "--rules: names of rules, each once; or all, or none" adapt --rules none,margin
refuses "nonsense" adapt --rules nonsense

# The examples of --help: each is a command of this program as it was called, whose options the program knows. They run
# where their files are missing, so most end with 1; 2 says that options are wrong.
examples() { sed -n '/^Examples:/,$p' | sed -e 1d -e '/^ *$/d' | sed -e 's/^  //' -e ':a' -e '/\\$/{N; s/\\\n */ /; ba' -e '}'; }
try_examples() {  # try_examples NAME < HELP
  local command rc n=0
  while read -r command; do
    n=$((n + 1))
    case $command in
      "curl --data-binary @photo.jpg "*) continue ;;  # needs a server
      *"/conv "*) continue ;;  # has Google Benchmark's options
      "$1 "* | *" | $1 "*) ;;
      *) fail "an example of $1: $command" ;;
    esac
    rc=0
    (cd "$folder/bare" && timeout 60 bash -c "$command") </dev/null >"$folder/out" 2>"$folder/err" || rc=$?
    [ $rc -le 1 ] || fail "$command ends with $rc: $(cat "$folder/err")"
  done < <(examples)
  [ $n -gt 0 ] || fail "$1 --help has no examples"
}
mkdir "$folder/bare"
bin=$(cd "$(dirname "$weir")" && pwd)
PATH=$bin:$PATH
for program in $programs; do try_examples "weir $program" < <(weir "$program" --help); done
for program in "$bin"/*; do  # each by itself
  [ -f "$program" ] && [ -x "$program" ] && [ "$program" != "$bin/weir" ] || continue
  "$program" --version | grep -q '^weir [0-9]' || fail "$program --version"
  try_examples "$program" < <("$program" --help)
done

# Completion, in the shells that are here.
for shell in bash zsh fish; do
  "$weir" --completion $shell >"$folder/completion.$shell" || fail "--completion $shell"
  ! command -v $shell >/dev/null || $shell -n "$folder/completion.$shell" || fail "$shell: syntax"
done
bash -c 'source "$1"; COMP_WORDS=(weir ad) COMP_CWORD=1; _weir
  [ "${COMPREPLY[*]}" = adapt ] && COMP_WORDS=(weir run --work) COMP_CWORD=2 && _weir && [ "${COMPREPLY[*]}" = --workers ] &&
  COMP_WORDS=(weir --vers) COMP_CWORD=1 && _weir && [ "${COMPREPLY[*]}" = --version ] || exit 1
  COMP_WORDS=(weir w); _weir; [ "${COMPREPLY[*]}" = "" ]' bash "$folder/completion.bash" || fail "completion in bash"
if command -v fish >/dev/null; then
  is "$(HOME=$folder fish -c "source $folder/completion.fish; complete -C 'weir ad' | cut -f1")" adapt
  is "$(HOME=$folder fish -c "source $folder/completion.fish; complete -C 'weir run --work'")" --workers
fi
! command -v zsh >/dev/null ||
  is "$(zsh -f -c "source $folder/completion.zsh; echo \$+functions[_weir] \$+_comps[weir]")" "1 1"

refuses "nosuch.json: cannot be opened" run "$folder/nosuch.json" "$folder/nosuch.png"
refuses "policy is required" run

[ -e $data/t10k-images-idx3-ubyte.gz ] || exit 77
mkdir "$folder/full" && touch "$folder/full/mine"
learn() {
  "$weir" adapt --quick --measure 50 --images "$data/t10k-images-idx3-ubyte.gz[0:2000]" \
    --labels $data/t10k-labels-idx1-ubyte.gz --network "$networks/fashion_alexnet.onnx" \
    --network "$networks/fashion_googlenet.onnx" --preprocess "$networks/models.json" --exits 1 \
    --lead selection --out "$folder/results" "$@"
}
! learn --bundle "$folder/full" 2>"$folder/err" || fail "a folder with something in it was taken"
grep -q "there is something here" "$folder/err" && ! [ -e "$folder/results" ] || fail "learned before it was refused"
learn --bundle "$folder/made" >"$folder/learned"
mv "$folder/made" "$folder/moved"
is "$(ls "$folder/moved" | tr '\n' ' ')" \
  "CMakeLists.txt classes.txt fashion_alexnet.onnx fashion_googlenet.onnx main.cpp policy.json policy_early_exit.json "
cmp "$folder/moved/classes.txt" "$folder/results/classes.txt"

# Images: grey squares of several sizes as PGM, one of them damaged.
mkdir -p "$folder/images/more"
for i in 1 2 3; do { printf 'P5 28 28 255\n'; head -c 784 /dev/zero | tr '\0' "\\$((i * 20))"; } >"$folder/images/$i.pgm"; done
cp "$folder/images/2.pgm" "$folder/images/more/4,5.PGM"
seq 10 | sed 's/^/class /' >"$folder/classes"
"$weir" run "$folder/moved/policy.json" "$folder/images" --classes "$folder/classes" --workers 2 >"$folder/answers.csv"
python3 - "$folder/answers.csv" <<'PYTHON'
import csv, sys
rows = list(csv.DictReader(open(sys.argv[1])))
assert [r["file"] for r in rows] == ["1.pgm", "2.pgm", "3.pgm", "more/4,5.PGM"], rows
assert all(r["name"] == f"class {int(r['label']) + 1}" for r in rows), rows
assert all(0.1 <= float(r["probability"]) <= 1 and float(r["ms"]) > 0 for r in rows), rows
assert {r["exit"] for r in rows} <= {"fashion_alexnet", "fashion_googlenet"}, rows
assert [rows[1][k] for k in ("label", "probability", "exit")] == [rows[3][k] for k in ("label", "probability", "exit")]
PYTHON
# Without --classes the names are those that the networks were learned with, and models.json may be named, too.
"$weir" run "$folder/moved/policy.json" "$folder/images/1.pgm" >"$folder/named.csv"
"$weir" run "$folder/moved/policy.json" "$folder/images/1.pgm" --classes "$networks/models.json" >"$folder/named2.csv"
is "$(cut -d, -f1-5 "$folder/named.csv")" "$(cut -d, -f1-5 "$folder/named2.csv")"
label=$(tail -n 1 "$folder/named.csv" | cut -d, -f2)
is "$(tail -n 1 "$folder/named.csv" | cut -d, -f3)" "$(sed -n "$((label + 1))p" "$folder/moved/classes.txt")"
find "$folder/images" -name '*.[pP][gG][mM]' | sort | "$weir" run "$folder/moved/policy.json" - >"$folder/listed.csv"
is "$(cut -d, -f2,4 "$folder/listed.csv" | head -n 4)" "$(cut -d, -f2,4 "$folder/answers.csv" | head -n 4)"
"$weir" run "$folder/moved/policy.json" "$data/t10k-images-idx3-ubyte.gz" --batch 64 >"$folder/all.csv"
is "$(wc -l <"$folder/all.csv")" 10001

# A large image, of which the networks see the middle: said once for each network that runs, not for small ones.
{ printf 'P5 200 200 255\n'; head -c 40000 /dev/zero; } >"$folder/large.pgm"
"$weir" run "$folder/moved/policy.json" "$folder/large.pgm" "$folder/large.pgm" >"$folder/out" 2>"$folder/err"
is "$(grep -c 'fashion_alexnet.onnx sees only 2 % of an image of 200 x 200' "$folder/err")" 1
"$weir" run "$folder/moved/policy.json" "$folder/images/1.pgm" >"$folder/out" 2>"$folder/err"
is "$(cat "$folder/err")" ""

echo broken >"$folder/images/2.pgm"
refuses "1 of 4 images have no answer" run "$folder/moved/policy.json" "$folder/images"
grep -q "2.pgm" "$folder/err" || fail "which image? $(cat "$folder/err")"
is "$(wc -l <"$folder/out")" 4
refuses "1 of 2 images have no answer" run "$folder/moved/policy.json" "$folder/nosuch.pgm" "$folder/images/1.pgm"
grep -q "nosuch.pgm" "$folder/err" && is "$(wc -l <"$folder/out")" 2
refuses "not a policy file" run "$networks/models.json" "$folder/images"
refuses "holds no images" run "$folder/moved/policy.json" "$folder/moved"
rm "$folder/moved/fashion_googlenet.onnx"
refuses "there is no $folder/moved/fashion_googlenet.onnx" run "$folder/moved/policy.json" "$folder/images"
