#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the same model and batch through Switchyard and through Hugging Face transformers, compares
logits, losses and the gradient of every parameter, and writes the table of docs/parity.md.

setup.sh makes the Python environment for it; `ninja -C build sy_parity` builds the other side.
Exit codes: 0 all agree; 1 something does not."""

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from safetensors.numpy import save_file

import cases
import compare
import table
import transformers_run

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent


def write_run(folder, outputs, gradients):
    (folder / "gradients").mkdir(parents=True)
    save_file(outputs, folder / "outputs.safetensors")
    save_file(gradients, folder / "gradients" / "model.safetensors")


def run_switchyard(tool, work, wide):
    out = work / ("switchyard64" if wide else "switchyard")
    options = ["--float64"] if wide else []
    command = [tool, *options, work / "model", work / "batch.safetensors", out]
    subprocess.run(list(map(str, command)), check=True)
    return out


def prepare(case, work):
    """The model's folder, its batch and what transformers makes of them in float32."""
    model = transformers_run.make_model(case)
    batch = transformers_run.make_batch(case)
    work.mkdir(parents=True)
    model.save_pretrained(work / "model", max_shard_size="50GB")
    save_file(batch, work / "batch.safetensors")
    write_run(work / "transformers", *transformers_run.run(model, batch, router_losses(case)))
    return model, batch


def router_losses(case):
    return case.family == cases.SWITCH


def compare_case(case, tool, work):
    model, batch = prepare(case, work)
    dropped = transformers_run.count_dropped(model, batch)
    write_run(work / "transformers64", *transformers_run.run(model, batch, router_losses(case), True))
    del model
    one = run_switchyard(tool, work, False)
    two = run_switchyard(tool, work, True)
    if faults := transformers_run.loading_faults(case, one / "gradients"):
        raise SystemExit(f"transformers does not take the folder that Switchyard wrote: {faults}")
    return table.Row(
        case,
        dropped,
        both=compare.differences(one, work / "transformers"),
        theirs=compare.differences(work / "transformers", work / "transformers64"),
        ours=compare.differences(one, work / "transformers64"),
        wide=compare.differences(two, work / "transformers64"),
    )


def remake(chosen):
    for case in chosen:
        if not case.kept:
            continue
        folder = HERE / "data" / case.name
        shutil.rmtree(folder, ignore_errors=True)
        prepare(case, folder)
        (folder / "model" / "generation_config.json").unlink(missing_ok=True)
        print(f"made {folder}")


def disagreements(row):
    """In float32. Where transformers' float32 is farther from its own float64 than the limit allows, that float64 is
    the reference, with the same limit: a ReLU's input next to 0 may fall on the wrong side of it on some processors."""
    theirs, ours = compare.faults(row.theirs), compare.faults(row.ours)
    found = []
    for quantity in compare.faults(row.both):
        if quantity in theirs and quantity not in ours:
            print(f"{row.case.name}: {quantity}: transformers' float32 is {row.theirs[quantity].value:.1e} from its own "
                  f"float64; judged by that, from which Switchyard's is {row.ours[quantity].value:.1e}")
        else:
            found.append(quantity)
    return found


def compare_all(chosen, tool):
    rows, failed = [], False
    for case in chosen:
        with tempfile.TemporaryDirectory(prefix="parity-") as work:
            row = compare_case(case, tool, Path(work) / case.name)
        rows.append(row)
        print(table.text([row]), flush=True)
        for quantity in disagreements(row) + compare.faults(row.wide, wide=True):
            print(f"{case.name}: {quantity} does not agree", file=sys.stderr)
            failed = True
    return rows, failed


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("cases", nargs="*", help="names of tests/reference/cases.py; all where none is given")
    parser.add_argument("--tool", default=ROOT / "build/tests/sy_parity", help="sy_parity")
    parser.add_argument("--remake", action="store_true", help="write tests/reference/data anew and stop")
    parser.add_argument("--write", action="store_true", help="put the table into docs/parity.md")
    options = parser.parse_args()
    unknown = set(options.cases) - {case.name for case in cases.CASES}
    if unknown:
        parser.error(f"no case {', '.join(sorted(unknown))}")
    if options.write and options.cases:
        parser.error("--write is for the table of all cases")
    if not options.remake and not Path(options.tool).exists():
        parser.error(f"{options.tool} is missing; ninja -C build sy_parity builds it")
    chosen = [case for case in cases.CASES if not options.cases or case.name in options.cases]
    if options.remake:
        return remake(chosen)
    rows, failed = compare_all(chosen, options.tool)
    if options.write:
        table.write(ROOT / "docs/parity.md", rows)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
