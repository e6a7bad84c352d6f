# Sourced by bench/run.sh and tests/run.sh. need PACKAGE...: installs the Debian packages that are missing, and says so.
need() {
  local missing=() p sudo=
  for p in "$@"; do dpkg -s "$p" >/dev/null 2>&1 || missing+=("$p"); done
  [ ${#missing[@]} -eq 0 ] && return
  if ! command -v apt-get >/dev/null; then
    echo "error: please install (names as in Debian 12): ${missing[*]}" >&2
    exit 1
  fi
  echo "installing Debian packages: ${missing[*]}"
  [ "$(id -u)" = 0 ] || sudo=sudo
  local log
  log=$(mktemp)
  if ! { $sudo apt-get update -qq &&
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    echo "error: could not install: ${missing[*]}" >&2
    exit 1
  fi
  rm -f "$log"
}
build_packages="g++ cmake make libtbb-dev libeigen3-dev libopenblas-dev nlohmann-json3-dev libprotozero-dev libstb-dev zlib1g-dev libcli11-dev libbenchmark-dev"
