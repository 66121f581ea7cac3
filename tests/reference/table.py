# SPDX-License-Identifier: Apache-2.0
"""The table of docs/parity.md."""

from dataclasses import dataclass

import torch
import transformers

import compare
from cases import Case

BEGIN = "<!-- written by tests/reference/parity.py --write -->"
END = "<!-- end of what parity.py writes -->"
HEAD = (
    "| model | quantity | float32: Switchyard from transformers | where | "
    "transformers' float32 from its float64 | Switchyard's float32 from that float64 | "
    "float64: Switchyard from transformers |\n"
    "|---|---|---|---|---|---|---|"
)
ORDER = ("logits", "cross_entropy", "balance_loss", "z_loss", "loss", compare.GRADIENTS)


@dataclass(frozen=True)
class Row:
    """Differences by quantity."""

    case: Case
    dropped: tuple  # tokens without a place, and all that were routed
    both: dict
    theirs: dict
    ours: dict
    wide: dict


def _lines(row):
    for quantity in ORDER:
        if quantity not in row.both:
            continue
        columns = [each[quantity].value for each in (row.both, row.theirs, row.ours, row.wide)]
        numbers = [f"{value:.1e}" for value in columns]
        where = row.both[quantity].where
        named = f"`{where}`" if where else ""
        label = quantity.replace("_", " ")
        yield "| " + " | ".join([row.case.name, label, numbers[0], named, *numbers[1:]]) + " |"


def _description(row):
    dropped, routed = row.dropped
    drops = f"; {dropped} of {routed} routed tokens dropped" if routed else ""
    return f"- {row.case.name}: {row.case.family}, {row.case.says}{drops}"


def text(rows):
    return "\n".join([HEAD] + [line for row in rows for line in _lines(row)])


def write(path, rows):
    """Replaces what lies between the two marks."""
    before, rest = path.read_text().split(BEGIN)
    after = rest.split(END)[1]
    models = "\n".join(map(_description, rows))
    versions = f"torch {torch.__version__}, transformers {transformers.__version__}, on a CPU."
    path.write_text(f"{before}{BEGIN}\n{versions}\n\n{models}\n\n{text(rows)}\n{END}{after}")
