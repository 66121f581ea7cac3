#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Makes the Python environment that parity.py runs in: torch and transformers, pinned, from PyPI.
#   setup.sh [FOLDER]      build/reference-venv where left out
# Downloads about 3 GB and takes 7 (PyPI's torch for x86-64 brings the CUDA libraries); again only what
# is missing.
# Exit codes: 0 it is there; 1 the installation failed; 2 wrong use, or no suitable Python.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

usage() { sed -n '3,7s/^# \?//p' "$0"; }
if [[ ${1:-} == -h || ${1:-} == --help ]]; then
  usage
  exit 0
fi
if [[ $# -gt 1 || ${1:-} == -* ]]; then
  usage >&2
  exit 2
fi
venv=${1:-$here/../../build/reference-venv}

if ! python3 -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
  echo "setup.sh: python3 of at least 3.10 with its venv module is needed (Debian: python3-venv)" >&2
  exit 2
fi

[[ -x $venv/bin/pip ]] || python3 -m venv "$venv"
if ! "$venv/bin/pip" install --quiet --disable-pip-version-check -r "$here/requirements.txt"; then
  echo "setup.sh: pip could not install $here/requirements.txt into $venv" >&2
  exit 1
fi
"$venv/bin/python" -c 'import torch, transformers
print(f"setup.sh: torch {torch.__version__}, transformers {transformers.__version__}")'
