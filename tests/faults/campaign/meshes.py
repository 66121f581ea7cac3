# SPDX-License-Identifier: Apache-2.0
"""The meshes of the campaign, and on each the undisturbed run that all others are compared with."""
import collections
import json
import subprocess
import sys

import launch

LAST = 40
KEEP = 3  # checkpoints
GIVEN = {"train.steps": LAST, "train.eval_every": 20, "train.checkpoint_every": 4, "train.keep_checkpoints": KEEP,
         "optimizer.warmup_steps": 10}
MESHES = {"1": (1, {}), "2": (2, {}), "2-zero": (2, {"mesh.zero_stage": 1}), "2-model": (2, {"mesh.model": 2}),
          "4": (4, {"mesh.model": 2, "mesh.sequence_parallel": "true"})}


class Mesh:
    """moments: of each rank, {kind: how many the undisturbed run has}; folder: that of its run, with all checkpoints."""

    def __init__(self, name, root, preload):
        self.name = name
        self.ranks, self.settings = MESHES[name]
        self.folder = root / f"straight-{name}"
        ledger = root / f"ledger-{name}"
        given = {**GIVEN, **self.settings, "run.directory": root, "run.name": self.folder.name,
                 "train.keep_checkpoints": 0}
        run = launch.Run([*launch.MPIRUN, "-x", f"LD_PRELOAD={preload}", "-n", self.ranks, launch.SWITCHYARD,
                          "pretrain", root / "tiny.yaml", *launch.settings(given)],
                         root / f"straight-{name}.out", {"FAULT_LEDGER": str(ledger), "FAULT_FOLDER": str(self.folder)})
        launch.require(run.end(180) == 0, f"the undisturbed run on mesh {name} fails", run)
        self.moments = collections.defaultdict(collections.Counter)
        for words in (line.split() for line in ledger.read_text().splitlines()):
            if words[0] != "committed":
                self.moments[int(words[0])][words[1]] = int(words[2])

    def require_equal(self, folder):
        """Metrics and the last checkpoint's tensors and streams, to the last bit."""
        files = [place / "metrics.jsonl" for place in (self.folder, folder)]
        done = subprocess.run([sys.executable, launch.COMPARE, "0", *files], capture_output=True, text=True,
                              check=False)
        difference = done.stderr.strip().splitlines()
        launch.require(done.returncode == 0, f"metrics differ: {difference[-1] if difference else ''}")
        ends = [json.loads((place / "checkpoints" / f"step-{LAST:08d}" / "manifest.json").read_text())
                for place in (self.folder, folder)]
        for part in ("tensors", "streams"):
            launch.require(ends[0][part] and ends[0][part] == ends[1][part], f"{part} of the last checkpoints differ")
