#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# setup.sh waits for another package manager's lock, says so once, and gives up on any other error. apt-get, dpkg-query
# and sleep are stand-ins: the first reads its answers, one a line, from the file "answers".
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
if ((EUID != 0)); then # setup.sh installs as root only
  unshare -r true 2>/dev/null || { echo "skipped: neither root nor a user namespace"; exit 77; }
  exec unshare -r "$0"
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/bin"

cat >"$folder/bin/apt-get" <<'STUB'
#!/usr/bin/env bash
echo "$1" >>"$FOLDER/calls"
answer=$(head -n 1 "$FOLDER/answers")
sed -i 1d "$FOLDER/answers"
case $answer in
  locked)
    echo "E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 4 (apt)" >&2
    echo "E: Unable to acquire the dpkg frontend lock, is another process using it?" >&2
    exit 100 ;;
  absent) echo "E: Unable to locate package cmake" >&2; exit 100 ;;
esac
STUB
printf '#!/bin/sh\nexit 1\n' >"$folder/bin/dpkg-query"
printf '#!/bin/sh\necho slept >>"%s/calls"\n' "$folder" >"$folder/bin/sleep"
chmod +x "$folder"/bin/*

fail() {
  cat "$folder/out"
  echo "FAILED: $*" >&2
  exit 1
}

# expect CODE CALLS ANSWER...: setup.sh with these answers of apt-get.
expect() {
  local code=$1 calls=$2 got=0
  shift 2
  printf '%s\n' "$@" >"$folder/answers"
  : >"$folder/calls"
  FOLDER=$folder PATH=$folder/bin:$PATH bash "$root/setup.sh" >"$folder/out" 2>&1 || got=$?
  [[ $got == "$code" ]] || fail "the exit code is $got, not $code, for $*"
  [[ $(paste -sd ' ' "$folder/calls") == "$calls" ]] || fail "the calls are $(paste -sd ' ' "$folder/calls")"
}

said() { grep -c "waiting for another package manager" "$folder/out" || true; }

expect 0 "update install" ok ok
[[ $(said) == 0 ]] || fail "it speaks of waiting without a lock"
expect 0 "update slept update install slept install slept install" locked ok locked locked ok
[[ $(said) == 2 ]] || fail "it says that it waits $(said) times, not once for each of two calls"
grep -q "held by process 4 (apt)" "$folder/out" || fail "it does not say who holds the lock"
expect 1 "update install" ok absent
grep -q "Unable to locate package" "$folder/out" || fail "it does not show the error of apt-get"
