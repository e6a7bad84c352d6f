#!/bin/bash
# compile.sh CXX INCLUDE: what core/compile.hpp makes of each way to compile weir; it refuses two at once, and warns where
# its definitions are compiled without optimisation, there only.
set -euo pipefail
cxx=$1
include=$2
fail() { echo "FAILED: $*" >&2; exit 1; }
compile() {
  printf '#include <weir/core/compile.hpp>\n#define TEXT(a) #a\n#define TEXT_OF(a) TEXT(a)\n%s\n' \
    "static_assert(WEIR_DEFINITIONS == ${definitions:-1}); static_assert(sizeof(TEXT_OF(WEIR_INLINE)) == ${letters:-1});" |
    "$cxx" -std=c++20 -I "$include" "$@" -fsyntax-only -x c++ - 2>&1
}
said=$(compile -O2 -DWEIR_HEADER_ONLY -DWEIR_IMPLEMENTATION) && fail "both ways at once are taken"
grep -q 'not both' <<<"$said" || fail "both ways at once: $said"
silent() {
  said=$(compile "$@") || fail "$*: $said"
  [ -z "$said" ] || fail "$*: $said"
}
for way in -DWEIR_HEADER_ONLY -DWEIR_IMPLEMENTATION; do
  letters=1
  [ $way = -DWEIR_IMPLEMENTATION ] || letters=7  # "inline" and the zero behind it
  said=$(compile $way -O0) || fail "$way: $said"
  grep -q 'without optimisation' <<<"$said" || fail "$way without optimisation: no warning"
  for quiet in -O1 -Os -DWEIR_UNOPTIMISED; do silent $way $quiet; done
done
definitions=0 letters=1
silent -O0
echo "compile: three ways"
