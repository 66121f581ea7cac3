#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# run.sh N [--seed S] [--only K] [--kind WORDS] [--ranks R] [--jobs J] [--keep FOLDER]: injects N faults into tiny runs of
# build/switchyard, or of $SWITCHYARD, and prints a table of what came of them. --only K repeats the K-th of the seed.
# In a mount namespace of its own where that is permitted, for disks that are full or go away.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
if [[ -z ${SWITCHYARD_OWN_MOUNTS-} ]]; then
  for namespace in "--mount" "--mount --map-root-user"; do
    # shellcheck disable=SC2086
    unshare $namespace mount -t tmpfs tmpfs /tmp 2>/dev/null &&
      SWITCHYARD_OWN_MOUNTS=1 exec unshare $namespace "${BASH_SOURCE[0]}" "$@"
  done
fi
if (($# == 0)); then
  sed -n '3,5s/^# \?//p' "$0"
  exit 2
fi
switchyard=${SWITCHYARD:-$here/../../build/switchyard}
preload=${SWITCHYARD_INJECT:-$(dirname "$switchyard")/tests/libinject.so}
exec python3 "$here/campaign/campaign.py" "$switchyard" "$preload" "$@"
