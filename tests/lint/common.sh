# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Sourced by every lint. A lint takes the root of a tree (default: this repository), prints one line per
# violation as FILE[:LINE]: RULE, and exits with 1 if there was any.
set -euo pipefail
cd "${1:-$(dirname "${BASH_SOURCE[0]}")/../..}"

faults=0
fault() {
  echo "$*"
  faults=$((faults + 1))
}

finish() {
  ((faults == 0)) || echo "$faults violations"
  exit $((faults > 0))
}

# sources PATTERN...: the files whose names match one of the patterns, except built and downloaded ones.
# It does not use git's list, so that a release without .git can be checked as well.
sources() {
  local names=()
  for pattern in "$@"; do names+=(-o -name "$pattern"); done
  find . \( -path './build*' -o -path './.*' -o -path ./runs -o -path ./shared \
    -o -path ./data/sample -o -path ./data/large -o -path ./data/languages -o -path ./studies/runs -o -path ./data/downloads -o -name __pycache__ \) -prune \
    -o -type f \( "${names[@]:1}" \) -print | sed 's,^\./,,' | sort
}
