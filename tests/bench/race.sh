#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# race.sh PROGRAM: both sides of the race take their steps and report plausible figures. The Python that has torch
# is $SWITCHYARD_TORCH_PYTHON, or else python3.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
python=${SWITCHYARD_TORCH_PYTHON:-python3}
if ! "$python" -c 'import yaml, torch, transformers; torch.optim.Adafactor' 2>/dev/null; then
  echo "skipped: $python has no torch (2.5 or newer), transformers and PyYAML; set \$SWITCHYARD_TORCH_PYTHON to a Python that has them"
  exit 77
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

small=(--set model.d_model=64 --set data.encoder_length=32)
"$python" "$here/../../benchmarks/race/race.py" --switchyard "$1" --torch-python "$python" --sizes 256-8,256-dense \
  --precisions float32 --rounds 1 --steps 1 "${small[@]}" --json "$folder/turns" | tee "$folder/table"
[[ $(grep -c '| ratio |' "$folder/table") == 2 ]]
"$python" - "$folder/turns" <<'PYTHON'
import json
import sys

turns = [json.loads(line) for line in open(sys.argv[1], encoding="utf-8")]
assert len(turns) == 4, turns
for turn in turns:
    assert turn["tokens_per_second"] > 0, turn
    assert 0 < turn["first_step_seconds"] < 300, turn
    assert 2**22 < turn["peak_bytes"] < 2**33, turn
PYTHON
