#!/bin/bash
# notebook.sh JUPYTER ADAPT NOTEBOOK FOLDER: runs the short main job and executes a chapter over its results.
set -euo pipefail
mkdir -p "$4"
"$2" --quick --measure 200 --out "$4/results" >"$4/adapt.log"
WEIR_RESULTS="$4/results" "$1" nbconvert --to notebook --execute --output-dir "$4" "$3"
