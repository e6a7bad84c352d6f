#!/bin/bash
# notebook.sh JUPYTER ADAPT NOTEBOOK FOLDER: runs the short main job and executes a chapter over its results.
# Ends with 77 (skipped) where Jupyter cannot execute notebooks with matplotlib.
set -euo pipefail
"$1" nbconvert --version >/dev/null 2>&1 && /usr/bin/env python3 -c 'import matplotlib, ipykernel' 2>/dev/null ||
  /usr/bin/python3 -c 'import matplotlib, ipykernel' 2>/dev/null || exit 77
mkdir -p "$4"
"$2" --quick --measure 200 --out "$4/results" >"$4/adapt.log"
WEIR_RESULTS="$4/results" "$1" nbconvert --to notebook --execute --output-dir "$4" "$3"
