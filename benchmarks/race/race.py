#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Times training steps of Hugging Face's SwitchTransformers and T5 on PyTorch against Switchyard's, on this machine,
with the same sizes, batch, precision and work. The sides take turns, round after round; each turn is a fresh process.

    python benchmarks/race/race.py [--sizes 512-8,512-dense] [--precisions float32,bfloat16] [--rounds 5] [--steps 3]
    python benchmarks/race/race.py --settings "float32,float32 compile" --sizes 512-8     compares settings of PyTorch
    python benchmarks/race/race.py --profile --sizes 512-8                                profiles PyTorch's operators

It needs torch, transformers and PyYAML (`pip install torch transformers pyyaml`), and build/switchyard. Tokens are
input plus target tokens, none of them padding. Figures are medians over the rounds; the ratio is the median of the
rounds' ratios. For fairness the side that goes first changes from round to round."""
import argparse
import json
import os
import pathlib
import statistics
import sys

from contestants import Switchyard, Torch, Unavailable
from sizes import SIZES, arguments, resolve
from torch_settings import BEST, SETTINGS

ROOT = pathlib.Path(__file__).resolve().parents[2]


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    comma = lambda text: text.split(",")
    parser.add_argument("--sizes", type=comma, default=list(SIZES), help=", ".join(SIZES))
    parser.add_argument("--precisions", type=comma, default=["float32", "bfloat16"])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=3, help="timed steps per turn, after two untimed ones")
    parser.add_argument("--set", action="append", default=[], help="KEY=VALUE for both sides")
    parser.add_argument("--switchyard", default=str(ROOT / "build" / "switchyard"))
    parser.add_argument("--torch-python", default=sys.executable, help="the interpreter that has torch")
    parser.add_argument("--settings", type=comma, help="compare these settings of PyTorch: " + "; ".join(SETTINGS))
    parser.add_argument("--busy", action="store_true", help="with --settings: use one thread and processor time, for a "
                        "machine under other load")
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--json", help="append every turn to this file, one JSON object per line")
    options = parser.parse_args()
    for size in options.sizes:
        if size not in SIZES:
            parser.error(f"unknown size {size}; the sizes are {', '.join(SIZES)}")
    for setting in options.settings or []:
        if setting not in SETTINGS:
            parser.error(f"unknown setting {setting}; the settings are {'; '.join(SETTINGS)}")
    return options


def take_turns(sides, options, note):
    """{name of the side: its turns}. A side that cannot run drops out, and its reason is printed."""
    turns, able = {side.name: [] for side in sides}, list(sides)
    for number in range(options.rounds):
        for side in (able if number % 2 == 0 else able[::-1]):
            try:
                turn = side.turn(options.steps)
            except Unavailable as reason:
                print(f"  {side.name}: {reason}", file=sys.stderr)
                able = [other for other in able if other is not side]
                continue
            turns[side.name].append(turn)
            note(side.name, number, turn)
    return {name: taken for name, taken in turns.items() if taken}


def median_of(turns, field):
    return statistics.median(getattr(turn, field) for turn in turns)


def row(name, turns, cells=()):
    speeds = [turn.tokens_per_second for turn in turns]
    figures = [f"{median_of(turns, 'tokens_per_second'):.0f}", f"{min(speeds):.0f} to {max(speeds):.0f}",
               f"{median_of(turns, 'first_step_seconds'):.2f} s", f"{median_of(turns, 'peak_bytes') / 2**20:.0f} MiB"]
    return "| " + " | ".join([name, *figures, *cells]) + " |"


def make_sides(options, size, precision):
    config, overrides = SIZES[size]
    config, overrides = str(ROOT / config), overrides + options.set
    resolved = resolve(options.switchyard, arguments(config, overrides))
    threads = os.cpu_count()
    if options.settings:
        return [Torch(options.torch_python, resolved, name, threads, name, busy=options.busy)
                for name in options.settings]
    torch = Torch(options.torch_python, resolved, BEST[precision], threads, profile=options.profile)
    if options.profile:
        return [torch]
    return [torch, Switchyard(options.switchyard, config, overrides + [f"precision={precision}"])]


def race(options, size, precision, log):
    def note(name, number, turn):
        print(f"  round {number + 1}: {name} {turn.tokens_per_second:.0f} tokens/s", file=sys.stderr)
        if log:
            log.write(json.dumps(dict(size=size, precision=precision, side=name, round=number, **vars(turn))) + "\n")

    sides = make_sides(options, size, precision)
    turns = take_turns(sides, options, note)
    for name, taken in turns.items():
        print(row(f"{size}, {precision} | {name}" if precision else f"{size} | {name}", taken), flush=True)
    if {"Switchyard", "PyTorch"} <= turns.keys():
        pairs = zip(turns["Switchyard"], turns["PyTorch"])
        ratios = [ours.tokens_per_second / theirs.tokens_per_second for ours, theirs in pairs]
        print(f"|  | ratio | {statistics.median(ratios):.2f} | {min(ratios):.2f} to {max(ratios):.2f} |  |  |")
    for side in sides:
        for operator, share in getattr(side, "shares", {}).items():
            print(f"  {100 * share:5.1f} % {operator}")


def main():
    options = parse()
    print("| size | side | tokens/s | range | time to first step | peak resident |\n|---|---|---|---|---|---|")
    log = open(options.json, "a", encoding="utf-8") if options.json else None
    for size in options.sizes:
        for precision in [""] if options.settings else options.precisions:
            race(options, size, precision, log)


if __name__ == "__main__":
    main()
