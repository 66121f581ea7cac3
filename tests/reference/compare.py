# SPDX-License-Identifier: Apache-2.0
"""How far two runs are from each other: the largest relative difference of each quantity."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import safe_open

GRADIENTS = "gradients"
# In float32. Of logits and losses: the largest difference over the largest value; of a gradient:
# the norm of the difference over the norm.
LIMITS = {GRADIENTS: 1e-4}
OUTPUT_LIMIT = 1e-5
# Of all, computed in float64 and kept in float32.
WIDE_LIMIT = 1e-6


@dataclass(frozen=True)
class Difference:
    value: float
    where: str = ""


def _ratio(error, size):
    if size == 0:
        return 0.0 if error == 0 else np.inf
    return float(error / size)


def _norm_ratio(a, b):
    return _ratio(np.linalg.norm(np.subtract(a, b, dtype=np.float64)), np.linalg.norm(b))


def _largest_ratio(a, b):
    return _ratio(np.abs(np.subtract(a, b, dtype=np.float64)).max(), np.abs(b).max())


def _open(folder, name):
    return safe_open(Path(folder) / name, framework="numpy")


def _largest_gradient(a, b):
    extra = {name for name in set(a.keys()) - set(b.keys()) if "embed_tokens" not in name}
    missing = set(b.keys()) - set(a.keys())
    if extra or missing:
        raise SystemExit(f"gradients of other parameters: {sorted(extra)}, none of {sorted(missing)}")
    ratios = {name: _norm_ratio(a.get_tensor(name), b.get_tensor(name)) for name in b.keys()}
    where = max(ratios, key=ratios.get)
    return Difference(ratios[where], where)


def differences(folder, reference):
    """Of the run in `folder` from the one in `reference`, by quantity."""
    found = {}
    with _open(folder, "outputs.safetensors") as a, _open(reference, "outputs.safetensors") as b:
        for name in sorted(b.keys()):
            found[name] = Difference(_largest_ratio(a.get_tensor(name), b.get_tensor(name)))
    gradients = "gradients/model.safetensors"
    with _open(folder, gradients) as a, _open(reference, gradients) as b:
        found[GRADIENTS] = _largest_gradient(a, b)
    return found


def faults(found, wide=False):
    """The quantities that are farther apart than rounding explains."""

    def limit(quantity):
        return WIDE_LIMIT if wide else LIMITS.get(quantity, OUTPUT_LIMIT)

    return [quantity for quantity, d in found.items() if not d.value <= limit(quantity)]
