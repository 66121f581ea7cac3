# SPDX-License-Identifier: Apache-2.0
"""record_numbers.py RUN OUT: writes a run's numbers in a form that `diff` can compare. OUT.metrics is metrics.jsonl
without timings; OUT.tensors has the shape and a checksum of every float tensor of the newest checkpoint."""
import glob
import hashlib
import json
import sys

import h5py

from compare_metrics import CLOCK


def main():
    run, out = sys.argv[1:]
    with open(f"{run}/metrics.jsonl", encoding="utf-8") as lines, open(f"{out}.metrics", "w", encoding="utf-8") as file:
        for line in lines:
            numbers = {key: value for key, value in json.loads(line).items() if key not in CLOCK}
            file.write(json.dumps(numbers) + "\n")
    index = sorted(glob.glob(f"{run}/checkpoints/step-*/index.h5"))[-1]
    with h5py.File(index) as checkpoint, open(f"{out}.tensors", "w", encoding="utf-8") as file:
        def show(name, item):
            if isinstance(item, h5py.Dataset) and item.dtype.kind == "f":
                file.write(f"{name} {item.shape} {hashlib.sha256(item[()].tobytes()).hexdigest()}\n")

        checkpoint.visititems(show)


main()
