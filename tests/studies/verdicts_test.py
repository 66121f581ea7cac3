# SPDX-License-Identifier: Apache-2.0
"""Verdicts on curves made by hand, whose numbers are worked out beside them."""

import math
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "studies"))
import verdicts  # noqa: E402
from curves import measured  # noqa: E402


def curve(*losses):
    return [{"step": 10 * i, "loss": loss, "dropped_fraction": 0.1, "expert_load_max": 2} for i, loss in enumerate(losses)]


# `dense` ends at 3 on average. `wide` passes 3 between steps 10 (3.5) and 20 (2.5): at 15 of 30.
CURVES = {
    "dense": {1: curve(5, 4, 3.5, 3.1), 2: curve(5, 4, 3.4, 2.9)},
    "wide": {1: curve(5, 3.5, 2.5, 2.2), 2: curve(5, 3.5, 2.5, 2.0)},
    "wild": {1: curve(5, 6, 7, float("nan"))},
    "absent": {},
}


def verdict(**claim):
    return verdicts.verdict({"arm": "wide", "than": "dense", **claim}, CURVES)


class Verdicts(unittest.TestCase):
    def test_what_is_measured(self):
        lines = [{"step": 0, "loss": 3}, {"step": 9, "loss": 2, "tasks": {"t": {"f1": 75}}, "corpora": {"de": 1.5}}]
        self.assertEqual(measured(lines, None), lines)
        self.assertEqual([line["loss"] for line in measured(lines, {"task": "t", "score": "f1"})], [25])
        self.assertEqual([line["loss"] for line in measured(lines, {"corpus": "de"})], [1.5])
        scored = [{"step": i, "tasks": {"t": {"f1": score}}} for i, score in enumerate((10, 30, 20))]
        self.assertEqual([line["loss"] for line in measured(scored, {"task": "t", "score": "f1"})], [90, 70, 80])
        self.assertEqual([line["loss"] for line in measured(scored, {"task": "t", "score": "f1", "peak": True})], [90, 70, 70])

    def test_steps_to_a_loss(self):
        self.assertEqual(verdicts.steps_to(curve(5, 3.5, 2.5), 3), 15)
        self.assertEqual(verdicts.steps_to(curve(5, 3), 3), 10)
        self.assertIsNone(verdicts.steps_to(curve(5, 3.5), 3))

    def test_faster(self):
        self.assertEqual(verdicts.fraction_of_steps(CURVES, "wide", "dense"), [0.5, 0.5])
        self.assertTrue(verdict(kind="faster", at_most=0.5)[0])
        self.assertFalse(verdict(kind="faster", at_most=0.49)[0])
        never = verdict(kind="faster", arm="dense", than="wide", at_most=1.0)
        self.assertEqual(never, (False, "2 of 2 runs never reach it"))

    def test_better(self):
        # Seeds differ by 1, but the arms by 0.2 and 0.4 on the same seed: a mean of 0.3, an sd of 0.1 sqrt(2).
        curves = {"low": {1: curve(1.0), 2: curve(2.0)}, "high": {2: curve(2.4), 1: curve(1.2)}}

        def better(arm, than, by_sd):
            return verdicts.verdict({"kind": "better", "arm": arm, "than": than, "by_sd": by_sd}, curves, 2)

        self.assertTrue(better("low", "high", 2.1)[0])
        self.assertFalse(better("low", "high", 2.2)[0])
        self.assertIn("by seed lower by 0.3000, 2.1 sd", better("low", "high", 1)[1])
        self.assertFalse(better("high", "low", 1)[0])
        self.assertTrue(verdict(kind="better", by_sd=100)[0])  # by exactly 0.9 with both seeds

    def test_keeps(self):
        curves = {"dense": {1: curve(3.0)}, "student": {1: curve(2.7)}, "teacher": {1: curve(2.0)}}
        claim = {"kind": "keeps", "arm": "student", "than": "dense", "of": "teacher", "at_least": 0.29}
        self.assertEqual(verdicts.verdict(claim, curves), (True, "30 % of the gain"))
        self.assertFalse(verdicts.verdict({**claim, "at_least": 0.31}, curves)[0])
        noisy = {"dense": {1: curve(3.0), 2: curve(3.0)}, "student": {1: curve(2.7), 2: curve(2.7)}, "teacher": {1: curve(2.0), 2: curve(3.9)}}
        self.assertEqual(verdicts.verdict(claim, noisy)[0], None)
        self.assertIn("`teacher` itself gains 0.0500", verdicts.verdict(claim, noisy)[1])
        self.assertIsNone(verdicts.verdict({**claim, "of": "dense"}, {**curves, "dense": {}})[0])
        self.assertEqual(verdicts.problem_of({**claim, "of": "nobody"}, curves), "nobody is no arm")

    def test_equal_and_diverges(self):
        self.assertTrue(verdict(kind="equal", arm="dense", within=0)[0])
        self.assertFalse(verdict(kind="equal", within=0.89)[0])
        self.assertTrue(verdict(kind="diverges", arm="wild", by=1)[0])
        self.assertFalse(verdict(kind="diverges", by=1)[0])
        self.assertTrue(verdict(kind="diverges", arm="dense", than="wide", by=0.8)[0])

    def test_runs_that_are_not_there(self):
        self.assertEqual(verdict(kind="better", arm="absent", by_sd=1), (None, "not all runs are done"))

    def test_table(self):
        claim = {"kind": "faster", "arm": "wide", "than": "dense", "at_most": 0.6, "text": "Wide is faster"}
        study = {"title": "T", "arms": CURVES, "seeds": [1, 2], "claims": [claim, {**claim, "arm": "wild"}]}
        # Eight lines of training; the last two, a quarter, are what the table shows.
        lines = [{"dropped_fraction": 0.01 * i, "expert_load_max": 1.0 + i} for i in range(8)]
        text = verdicts.table(study, CURVES, {"wide": {1: lines, 2: lines}})
        self.assertIn("| wide | 2 | 2.1000 | 0.1414 | 50 % | 6.5 % | 10.0 % | 7.50 |", text)
        self.assertIn("| dense | 2 | 3.0000 | 0.1414 | 100 % |  | 10.0 % |  |", text)
        self.assertIn("| absent | 0 | | | | | | |", text)
        self.assertIn("- Wide is faster: **holds** (50 % of the steps (sd 0.0))", text)
        self.assertIn("- Wide is faster: **open** (not all runs are done)", text)  # `wild` has one of two seeds
        self.assertTrue(math.isnan(verdicts.mean_sd([1.0])[1]))

    def test_compressions(self):
        study = {"title": "T", "arms": CURVES}
        sizes = {"dense": {1: []}, "wide": {1: [{"kind": "distilled", "student": 2500, "teacher": 10000}], 2: []}}
        text = verdicts.table(study, CURVES, {}, sizes)
        self.assertIn("\n- `wide` has 2,500 parameters, 75 % fewer than its teacher's 10,000\n", text)
        self.assertNotIn("`dense` has", text)

    def test_claims_that_are_wrong(self):
        good = {"kind": "better", "arm": "wide", "than": "dense", "by_sd": 3, "text": "x"}
        self.assertIsNone(verdicts.problem_of(good, CURVES))
        self.assertIn("no arm", verdicts.problem_of({**good, "than": "denes"}, CURVES))
        self.assertIn("by_sd", verdicts.problem_of({**good, "at_most": 1}, CURVES))
        self.assertIn("kind", verdicts.problem_of({**good, "kind": "bigger"}, CURVES))


if __name__ == "__main__":
    unittest.main()
