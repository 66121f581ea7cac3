#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# commit.sh: the commit that --version names follows the repository, and its header is written only when that changes. Skipped
# (77) without git.
set -euo pipefail
command -v git >/dev/null || { echo "git is not installed"; exit 77; }
script=$(cd "$(dirname "$0")/../.." && pwd)/cmake/write_commit.cmake
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
tree=$folder/tree
mkdir "$tree"
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null GIT_CEILING_DIRECTORIES=$folder
repository() { git -C "$tree" -c user.name=test -c user.email=test@localhost "$@"; }

# expect COMMIT: what the script writes.
expect() {
  cmake -D SOURCE="$tree" -D HEADER="$folder/commit.h" -P "$script"
  [[ $(cat "$folder/commit.h") == "#define SY_COMMIT \"$1\"" ]] || { echo "$(cat "$folder/commit.h") instead of $1"; exit 1; }
}

expect unknown
repository init -q
expect unknown  # no commit yet
echo 1 >"$tree/file"
repository add file
repository commit -qm first
first=$(repository rev-parse --short=12 HEAD)
expect "$first"
touch -d '2001-01-01' "$folder/commit.h"
expect "$first"
[[ $(date -r "$folder/commit.h" +%Y) == 2001 ]] || { echo "the header is written again though nothing changed"; exit 1; }
echo 2 >"$tree/untracked"
expect "$first"
echo 2 >"$tree/file"
expect "$first-dirty"
repository commit -qam second
repository tag v9  # a tag is not taken for the commit
expect "$(repository rev-parse --short=12 HEAD)"
mkdir "$tree/copy" && tree=$tree/copy  # unpacked inside of another repository
expect unknown
