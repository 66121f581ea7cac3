#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Draws the loss of a run: a picture for a browser, and a small plot for the terminal.

    plot_loss.py RUN

RUN is the run's folder. Reads RUN/metrics.jsonl, writes RUN/loss.svg and prints the terminal's plot. Standard
library only. Exit codes: 0 done; 2 wrong use; 3 the metrics are missing or damaged.
"""

import json
import math
import sys
from pathlib import Path

SETTLED = 0.02  # the share of the steps after which the vertical axis must show every loss

WIDTH, HEIGHT = 720, 400  # of the picture, in pixels
LEFT, RIGHT, TOP, BOTTOM = 60, 20, 40, 50  # its margins
SERIES = {"train": "#8aa5c8", "evaluation": "#b5372a"}
NAMES = {"train": "training", "evaluation": "validation"}

COLUMNS, ROWS = 68, 14  # of the terminal's plot
MARKS = {"train": ".", "evaluation": "o"}


def fail(code, message):
    print(f"plot_loss.py: {message}", file=sys.stderr)
    sys.exit(code)


def read_losses(path):
    """{kind: [(step, loss)]}, kinds as in SERIES."""
    losses = {kind: [] for kind in SERIES}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        fail(3, f"{path} cannot be read ({error}); name the folder of a run, such as runs/quickstart")
    for number, line in enumerate(lines, 1):
        try:
            record = json.loads(line)
            step, loss = int(record["step"]), float(record["loss"])
            losses[record["kind"]].append((step, loss))
        except (ValueError, KeyError, TypeError):
            fail(3, f"{path}:{number}: not a line of metrics; remove it or run again")
    if not losses["train"]:
        fail(3, f"{path} has no training step yet; wait for the first one that is logged")
    return losses


class Axes:
    """The ranges of both axes. Losses of the first steps, far above all later ones, may lie outside."""

    def __init__(self, losses):
        points = [point for series in losses.values() for point in series if math.isfinite(point[1])]
        self.last_step = max([step for step, _ in points], default=1) or 1
        shown = [loss for step, loss in points if step >= SETTLED * self.last_step] or [0.0]
        self.tick = 0.5 if max(shown) - min(shown) > 1 else 0.1
        self.low = self.tick * math.floor(min(shown) / self.tick)
        self.high = self.tick * math.ceil(max(shown) / self.tick)
        if self.high == self.low:
            self.high += self.tick

    def across(self, step):
        return step / self.last_step

    def up(self, loss):
        return (loss - self.low) / (self.high - self.low)

    def has(self, loss):
        return math.isfinite(loss) and self.low <= loss <= self.high

    def loss_ticks(self):
        return [self.low + i * self.tick for i in range(round((self.high - self.low) / self.tick) + 1)]

    def step_ticks(self):
        rough = self.last_step / 5
        power = 10 ** math.floor(math.log10(rough)) if rough >= 1 else 1
        tick = max(1, int(power * min(f for f in (1, 2, 5, 10) if f * power >= rough or f == 10)))
        return range(0, self.last_step + 1, tick)


def draw_svg(losses, axes, title):
    def x(step):
        return LEFT + axes.across(step) * (WIDTH - LEFT - RIGHT)

    def y(loss):
        return HEIGHT - BOTTOM - axes.up(loss) * (HEIGHT - TOP - BOTTOM)

    def text(at_x, at_y, words, anchor="middle", extra=""):
        words = words.replace("&", "&amp;").replace("<", "&lt;")
        return f'<text x="{at_x:.1f}" y="{at_y:.1f}" text-anchor="{anchor}"{extra}>{words}</text>'

    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}"'
        ' font-family="sans-serif" font-size="12" fill="#222">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        text(LEFT, 22, title, "start", ' font-size="15"'),
    ]
    for loss in axes.loss_ticks():
        parts.append(f'<path d="M{LEFT} {y(loss):.1f}H{right}" stroke="#ddd"/>')
        parts.append(text(LEFT - 8, y(loss) + 4, f"{loss:.1f}", "end"))
    for step in axes.step_ticks():
        parts.append(text(x(step), bottom + 18, str(step)))
    parts.append(text((LEFT + right) / 2, HEIGHT - 12, "step"))
    parts.append(text(16, (TOP + bottom) / 2, "nats a target token", extra=f' transform="rotate(-90 16 {(TOP + bottom) / 2})"'))
    parts.append(f'<clipPath id="plot"><rect x="{LEFT}" y="{TOP}" width="{right - LEFT}" height="{bottom - TOP}"/></clipPath>')
    for number, (kind, color) in enumerate(SERIES.items()):
        points = [(x(step), y(loss)) for step, loss in losses[kind] if math.isfinite(loss)]
        line = " ".join(f"{at_x:.1f},{at_y:.1f}" for at_x, at_y in points)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{color}" stroke-width="2" clip-path="url(#plot)"/>')
        parts.append(text(right - 8, TOP + 18 + 18 * number, NAMES[kind], "end", f' style="fill:{color}"'))
    return "\n".join(parts) + "\n</svg>\n"


def draw_text(losses, axes):
    rows = [[" "] * COLUMNS for _ in range(ROWS)]
    for kind, series in losses.items():
        for step, loss in series:
            if axes.has(loss):
                row = ROWS - 1 - round(axes.up(loss) * (ROWS - 1))
                rows[row][round(axes.across(step) * (COLUMNS - 1))] = MARKS[kind]
    labels = {ROWS - 1 - round(axes.up(loss) * (ROWS - 1)): f"{loss:.1f}" for loss in axes.loss_ticks()}
    lines = [f"{labels.get(number, ''):>6} |{''.join(row).rstrip()}" for number, row in enumerate(rows)]
    lines.append(" " * 7 + "+" + "-" * COLUMNS)
    lines.append(" " * 8 + "step 0" + f"{axes.last_step:>{COLUMNS - 6}}")
    keys = ", ".join(f"{MARKS[kind]} {NAMES[kind]}" for kind in SERIES)
    return "\n".join([f"{'loss':>6}  nats a target token: {keys}", *lines])


def main():
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        print(__doc__)
        sys.exit(0 if sys.argv[1:] in (["-h"], ["--help"]) else 2)
    run = Path(sys.argv[1])
    losses = read_losses(run / "metrics.jsonl")
    axes = Axes(losses)
    (run / "loss.svg").write_text(draw_svg(losses, axes, f"{run.resolve().name}: loss"), encoding="utf-8")
    print(draw_text(losses, axes))


main()
