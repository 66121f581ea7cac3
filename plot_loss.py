#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Draws the loss of a run: a picture for a browser, and a small plot for the terminal.

    plot_loss.py RUN

RUN is the run's folder. Reads RUN/metrics.jsonl, writes RUN/loss.svg and prints the terminal's plot. A run on several
corpora has a curve for each. The scores of a run on tasks become a second plot, and RUN/scores.svg. Standard library
only. Exit codes: 0 done; 2 wrong use; 3 the metrics are missing or damaged.
"""

import itertools
import json
import math
import sys
from pathlib import Path

SETTLED = 0.02  # the share of the steps after which the vertical axis must show every loss

WIDTH, HEIGHT = 720, 400  # of the picture, in pixels
LEFT, RIGHT, TOP, BOTTOM = 60, 20, 40, 50  # its margins
NAMES = {"train": "training", "evaluation": "validation"}
TICKS = (0.1, 0.5, 1, 2, 5, 10, 20, 50, 100)  # of the vertical axis

COLUMNS, ROWS = 68, 14  # of the terminal's plot
# Of the first curve, the second and so on, in the picture and in the terminal.
COLORS = ("#8aa5c8", "#b5372a", "#4d8b57", "#c98a1b", "#7a5aa6", "#2a8a9c", "#b35c8f", "#6b6b6b")
MARKS = ".o+x*#@%"


def fail(code, message):
    print(f"plot_loss.py: {message}", file=sys.stderr)
    sys.exit(code)


def number(value):
    return math.nan if value is None else float(value)  # not finite: null in the metrics


def add_parts(record, step, losses, scores):
    """The losses of corpora and the scores of tasks, if a line has any."""
    for corpus, loss in record.get("corpora", {}).items():
        losses.setdefault(corpus, []).append((step, number(loss)))
    for task, metrics in record.get("tasks", {}).items():
        for metric, score in metrics.items():
            scores.setdefault(f"{task} {metric}", []).append((step, number(score)))


def read_metrics(path):
    """(losses, scores): each {name: [(step, value)]}, losses first of training and validation."""
    losses, scores = {name: [] for name in NAMES.values()}, {}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        fail(3, f"{path} cannot be read ({error}); name the folder of a run, such as runs/quickstart")
    for line_number, line in enumerate(lines, 1):
        try:
            record = json.loads(line)
            step = int(record["step"])
            losses[NAMES[record["kind"]]].append((step, number(record["loss"])))
            add_parts(record, step, losses, scores)
        except (ValueError, KeyError, TypeError, AttributeError):
            fail(3, f"{path}:{line_number}: not a line of metrics; remove it or run again")
    if not losses["training"]:
        fail(3, f"{path} has no training step yet; wait for the first one that is logged")
    return losses, scores


class Axes:
    """The ranges of both axes. Values of the first steps, such as losses far above all later ones, may lie outside."""

    def __init__(self, curves):
        points = [point for series in curves.values() for point in series if math.isfinite(point[1])]
        self.last_step = max([step for step, _ in points], default=1) or 1
        shown = [value for step, value in points if step >= SETTLED * self.last_step] or [0.0]
        self.tick = next((tick for tick in TICKS if max(shown) - min(shown) <= 10 * tick), max(shown) - min(shown))
        self.low = self.tick * math.floor(min(shown) / self.tick)
        self.high = self.tick * math.ceil(max(shown) / self.tick)
        if self.high == self.low:
            self.high += self.tick

    def across(self, step):
        return step / self.last_step

    def up(self, value):
        return (value - self.low) / (self.high - self.low)

    def has(self, value):
        return math.isfinite(value) and self.low <= value <= self.high

    def value_ticks(self):
        return [self.low + i * self.tick for i in range(round((self.high - self.low) / self.tick) + 1)]

    def step_ticks(self):
        rough = self.last_step / 5
        power = 10 ** math.floor(math.log10(rough)) if rough >= 1 else 1
        tick = max(1, int(power * min(f for f in (1, 2, 5, 10) if f * power >= rough or f == 10)))
        return range(0, self.last_step + 1, tick)


def draw_svg(curves, axes, title, unit):
    def x(step):
        return LEFT + axes.across(step) * (WIDTH - LEFT - RIGHT)

    def y(value):
        return HEIGHT - BOTTOM - axes.up(value) * (HEIGHT - TOP - BOTTOM)

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
    for value in axes.value_ticks():
        parts.append(f'<path d="M{LEFT} {y(value):.1f}H{right}" stroke="#ddd"/>')
        parts.append(text(LEFT - 8, y(value) + 4, f"{value:.1f}", "end"))
    for step in axes.step_ticks():
        parts.append(text(x(step), bottom + 18, str(step)))
    parts.append(text((LEFT + right) / 2, HEIGHT - 12, "step"))
    parts.append(text(16, (TOP + bottom) / 2, unit, extra=f' transform="rotate(-90 16 {(TOP + bottom) / 2})"'))
    parts.append(f'<clipPath id="plot"><rect x="{LEFT}" y="{TOP}" width="{right - LEFT}" height="{bottom - TOP}"/></clipPath>')
    for place, ((name, series), color) in enumerate(zip(curves.items(), itertools.cycle(COLORS))):
        points = [(x(step), y(value)) for step, value in series if math.isfinite(value)]
        line = " ".join(f"{at_x:.1f},{at_y:.1f}" for at_x, at_y in points)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{color}" stroke-width="2" clip-path="url(#plot)"/>')
        parts.append(text(right - 8, TOP + 18 + 18 * place, name, "end", f' style="fill:{color}"'))
    return "\n".join(parts) + "\n</svg>\n"


def draw_text(curves, axes, title, unit):
    rows = [[" "] * COLUMNS for _ in range(ROWS)]
    marks = dict(zip(curves, itertools.cycle(MARKS)))
    for name, series in curves.items():
        for step, value in series:
            if axes.has(value):
                row = ROWS - 1 - round(axes.up(value) * (ROWS - 1))
                rows[row][round(axes.across(step) * (COLUMNS - 1))] = marks[name]
    labels = {ROWS - 1 - round(axes.up(value) * (ROWS - 1)): f"{value:.1f}" for value in axes.value_ticks()}
    lines = [f"{labels.get(number, ''):>6} |{''.join(row).rstrip()}" for number, row in enumerate(rows)]
    lines.append(" " * 7 + "+" + "-" * COLUMNS)
    lines.append(" " * 8 + "step 0" + f"{axes.last_step:>{COLUMNS - 6}}")
    keys = ", ".join(f"{mark} {name}" for name, mark in marks.items())
    return "\n".join([f"{title:>6}  {unit}: {keys}", *lines])


def draw(run, curves, title, unit):
    """RUN/TITLE.svg, and the terminal's plot."""
    axes = Axes(curves)
    (run / f"{title}.svg").write_text(draw_svg(curves, axes, f"{run.resolve().name}: {title}", unit), encoding="utf-8")
    print(draw_text(curves, axes, title, unit))


def main():
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        print(__doc__)
        sys.exit(0 if sys.argv[1:] in (["-h"], ["--help"]) else 2)
    run = Path(sys.argv[1])
    losses, scores = read_metrics(run / "metrics.jsonl")
    draw(run, losses, "loss", "nats a target token")
    if scores:
        draw(run, scores, "scores", "percent")


main()
