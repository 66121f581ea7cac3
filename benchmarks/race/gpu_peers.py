#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Times on a GPU what others make of Switchyard's work, in bfloat16 and at its sizes: training steps of transformers' T5
and SwitchTransformers, the products of a sparse layer one expert at a time and batched, and PyTorch's
scaled_dot_product_attention with a bias.

    python3 benchmarks/race/gpu_peers.py [--switchyard PROGRAM] [--sequences 128] [--json FILE]

It needs torch, transformers and PyYAML; without, it says so and exits with 77. Seconds are medians. A step that does not
fit into memory is tried with half of the sequences. With --beside FOLDER it reads Switchyard's own figures there
(on_gpu.sh's bench-*.json), and prints both. --device cpu is for tests, with --set for tiny sizes."""
import argparse
import json
import pathlib
import sys
import time

try:
    import torch
    import transformers
    import yaml  # noqa: F401, pylint: disable=unused-import
except ImportError as missing:
    print(f"skipped: {sys.executable} cannot import torch, transformers and PyYAML: {missing}")
    sys.exit(77)

import peer_steps
import peer_works
from sizes import arguments, resolve

ROOT = pathlib.Path(__file__).resolve().parents[2]
CONFIGS = ("t5-base", "switch-base-8")


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--switchyard", default=str(ROOT / "build" / "switchyard"), help="it resolves the configurations")
    parser.add_argument("--sequences", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=7, help="timed repetitions; two more are not timed")
    parser.add_argument("--seconds", type=float, default=80, help="no further part is begun after this time")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--set", action="append", default=[], help="KEY=VALUE of the configurations")
    parser.add_argument("--beside", type=pathlib.Path, help="a folder with bench-CONFIG-SEQUENCES.json")
    parser.add_argument("--json", type=pathlib.Path)
    return parser.parse_args()


def parts_of(options):
    """(group, name, function that returns its figures), most valuable first."""
    runs = {name: resolve(options.switchyard, arguments(ROOT / "configs" / f"{name}.yaml", options.set)) for name in CONFIGS}
    clock = peer_works.Clock(options.device, options.rounds)
    for name, run in runs.items():
        for precision in ("autocast", "bfloat16 weights"):
            yield ("steps", f"{name}, {precision}",
                   lambda run=run, precision=precision: peer_steps.fitting(run, precision, options.sequences, clock))
    for stack in ("encoder", "decoder"):
        yield "experts", stack, lambda stack=stack: peer_works.experts(runs["switch-base-8"], stack, options.sequences, clock)
    for kind in peer_works.ATTENTIONS:
        yield "attention", kind, lambda kind=kind: peer_works.attention(runs["t5-base"], kind, options.sequences, clock)


def ours(folder, config):
    """Tokens per second of Switchyard, or None."""
    files = sorted(folder.glob(f"bench-{config}-*.json")) if folder else []
    return json.loads(files[0].read_text())["step"]["tokens_per_second"] if files else None


def note(found, folder):
    clauses = []
    for config in CONFIGS:
        theirs = [step["tokens_per_second"] for name, step in found["steps"].items()
                  if name.startswith(config) and "tokens_per_second" in step]
        if theirs:
            own = ours(folder, config)
            beside = f", Switchyard {own:.0f} ({own / max(theirs):.2f} times)" if own else ""
            clauses.append(f"{config}: transformers {max(theirs):.0f} tokens/s{beside}")
    clauses += [f"{name} experts, one by one / batched {of['each_seconds'] / of['batched_seconds']:.2f}"
                for name, of in found["experts"].items() if "each_seconds" in of]
    return "; ".join(clauses) or "nothing was timed"


def main():
    options = parse()
    if options.device == "cuda" and not torch.cuda.is_available():
        print("skipped: PyTorch finds no GPU")
        return 77
    device = torch.cuda.get_device_name() if options.device == "cuda" else "CPU"
    found = dict(torch=torch.__version__, transformers=transformers.__version__, device=device, steps={}, experts={},
                 attention={})
    begun = time.monotonic()
    for group, name, measure in parts_of(options):
        if time.monotonic() - begun > options.seconds:
            found[group][name] = dict(skipped="no time was left")
            continue
        try:
            found[group][name] = measure()
        except Exception as error:  # one library's failure should not lose the others' figures  # pylint: disable=broad-except
            found[group][name] = dict(failed=f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}")
        print(f"{group}, {name}: {json.dumps(found[group][name])}", flush=True)
        if options.json:
            options.json.write_text(json.dumps(found, indent=1) + "\n")
        print("note:", note(found, options.beside), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
