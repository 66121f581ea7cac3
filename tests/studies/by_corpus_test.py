# SPDX-License-Identifier: Apache-2.0
"""Losses and speed-ups of corpora on curves made by hand, whose numbers are worked out beside them."""

import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "studies"))
import by_corpus  # noqa: E402
import verdicts  # noqa: E402


def evaluations(**losses):
    """Every 10 steps, the losses of each corpus and their mean."""
    lines = []
    for step, at in enumerate(zip(*losses.values())):
        lines.append({"step": 10 * step, "loss": sum(at) / len(at), "corpora": dict(zip(losses, at))})
    return lines


# `dense` ends at 3 in en and at 4 in sw, after 40 steps. `wide` reaches them at steps 10 and 25 with seed 1, at 20 and 20
# with seed 2.
CURVES = {
    "dense": {1: evaluations(en=[9, 6, 5, 4, 3], sw=[9, 8, 6, 5, 4]), 2: evaluations(en=[9, 6, 5, 4, 3], sw=[9, 8, 6, 5, 4])},
    "wide": {1: evaluations(en=[9, 3, 2.5, 2, 1], sw=[9, 8, 5, 3, 2]), 2: evaluations(en=[9, 4, 3, 2, 2], sw=[9, 8, 4, 3, 3])},
}


def verdict(**claim):
    return verdicts.verdict({"arm": "wide", "than": "dense", **claim}, CURVES, 2)


class ByCorpus(unittest.TestCase):
    def test_speed_ups_by_seed(self):
        self.assertEqual(by_corpus.speed_ups(CURVES["wide"], CURVES["dense"], "en"), {1: 4, 2: 2})
        self.assertEqual(by_corpus.speed_ups(CURVES["wide"], CURVES["dense"], "sw"), {1: 1.6, 2: 2})
        self.assertEqual(by_corpus.mean_speed_up(CURVES["wide"], CURVES["dense"], "en"), 3)

    def test_a_loss_that_is_never_reached(self):
        self.assertEqual(by_corpus.speed_ups(CURVES["dense"], CURVES["wide"], "en"), {1: None, 2: None})
        self.assertIsNone(by_corpus.mean_speed_up(CURVES["dense"], CURVES["wide"], "en"))
        never = verdict(arm="dense", than="wide", kind="speed_up", mean=0.1)
        self.assertEqual(never, (False, "2 of 2 never reach it"))

    def test_the_mean_over_corpora(self):
        self.assertEqual(verdict(kind="speed_up", mean=2.4), (True, "2.40 on average; least in sw, 1.80"))
        self.assertFalse(verdict(kind="speed_up", mean=2.41)[0])

    def test_better_in_each(self):
        self.assertEqual(verdict(kind="better_in_each"), (True, "lower in 2 of 2; least in en, by 1.5000"))
        self.assertFalse(verdict(arm="dense", than="wide", kind="better_in_each")[0])

    def test_table(self):
        study = {"title": "T", "arms": dict.fromkeys(CURVES, {}), "seeds": [1, 2]}
        text = verdicts.table(study, CURVES, {})
        self.assertIn("| corpus | loss of `dense` | loss of `wide` | speed-up |", text)
        self.assertIn("| en | 3.0000 | 1.5000 | 3.00 |", text)
        self.assertIn("| sw | 4.0000 | 2.5000 | 1.80 |", text)

    def test_runs_without_corpora_have_no_such_table(self):
        plain = {"dense": {1: [{"step": 0, "loss": 2.0}]}, "wide": {}}
        self.assertNotIn("corpus", verdicts.table({"arms": plain, "seeds": [1]}, plain, {}))


if __name__ == "__main__":
    unittest.main()
