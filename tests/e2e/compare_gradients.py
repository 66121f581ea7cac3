# SPDX-License-Identifier: Apache-2.0
"""compare_gradients.py TOLERANCE A B: checks that the gradients of step 1 of two runs agree, with each tensor's
difference within TOLERANCE of its norm. A and B are checkpoints of step 1 under AdamW, whose first moment is then the
gradient times (1 - beta1) and the clipping factor, the same for all tensors."""
import sys

import h5py
import numpy as np

SUFFIX = "/first"


def gradients(path):
    found = {}
    with h5py.File(f"{path}/index.h5", "r") as index:
        def visit(name, item):
            if isinstance(item, h5py.Dataset) and name.startswith("optimizer/") and name.endswith(SUFFIX):
                found[name] = item[...].astype(np.float64)
        index.visititems(visit)
    return found


def main():
    tolerance, a, b = float(sys.argv[1]), gradients(sys.argv[2]), gradients(sys.argv[3])
    assert a and a.keys() == b.keys(), f"the sets of tensors differ: {a.keys() ^ b.keys()}"
    worst, where = max((np.linalg.norm(b[name] - whole) / np.linalg.norm(whole), name)
                       for name, whole in a.items() if whole.any())
    print(f"{len(a)} tensors, largest relative difference of a gradient {worst:.1e} ({where})")
    assert worst <= tolerance, f"more than {tolerance}"


main()
