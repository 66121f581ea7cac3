# SPDX-License-Identifier: Apache-2.0
"""Which runs a study needs: bases that start from bases, in what order, and what a run's digest depends on; and what is
kept of a distillation."""

import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "studies"))

try:
    import runs
except ImportError:
    print("skipped: python3-yaml is not installed (setup.sh --tests installs it)")
    sys.exit(77)

STUDY = {
    "configuration": "base.yaml",
    "seeds": [1, 2],
    "bases": {
        "text": {"train.steps": 3},
        "wide": {"train.steps": 3, "model.d_ff": 64},
        "tuned": {"command": "finetune", "train.initialize_from": "{text}"},
    },
    "arms": {"plain": {}, "taught": {"command": "distill", "distill.teacher": "{tuned}/best/sort"}},
}


class Runs(unittest.TestCase):
    def setUp(self):
        folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.path, self.runs = folder / "made.yaml", folder / "runs"
        (folder / "base.yaml").write_text("model: {d_ff: 32}\ntrain: {steps: 6}\n", encoding="utf-8")

    def run_of(self, arm="taught", **bases):
        return runs.run_of({**STUDY, "bases": {**STUDY["bases"], **bases}}, self.path, self.runs, arm, 1)

    def test_bases_of_bases_are_a_later_stage(self):
        stages = runs.stages_of(STUDY, self.path, self.runs)
        self.assertEqual([[(run.arm, run.seed) for run in stage] for stage in stages],
                         [[("text", 1), ("wide", 1), ("text", 2), ("wide", 2)], [("tuned", 1), ("tuned", 2)]])  # fmt: skip
        self.assertEqual(runs.stages_of({**STUDY, "bases": {}}, self.path, self.runs), [])
        tuned, text = stages[1][0], stages[0][0]
        self.assertIn(f"train.initialize_from={text.folder}", tuned.command)
        self.assertTrue(tuned.is_base)

    def test_a_place_within_a_base(self):
        tuned = runs.bases_of(STUDY, self.path, self.runs, 1)["tuned"]
        self.assertIn(f"distill.teacher={tuned.folder}/best/sort", self.run_of().command)

    def test_a_run_is_another_with_another_base_of_its_base(self):
        self.assertNotEqual(self.run_of().digest, self.run_of(text={"train.steps": 4}).digest)
        self.assertEqual(self.run_of().digest, self.run_of(wide={"train.steps": 4}).digest)
        self.assertEqual(self.run_of("plain").digest, self.run_of("plain", text={"train.steps": 4}).digest)

    def test_sizes_of_student_and_teacher(self):
        run = self.run_of()
        self.assertEqual(runs.sizes_of(run), [])
        run.folder.mkdir(parents=True)
        log = run.folder / "log.txt"
        log.write_text("step 6\ndistilled: the student has 120 parameters, 40.0 % fewer than the teacher's 200\n", encoding="utf-8")
        self.assertEqual(runs.sizes_of(run), [{"kind": "distilled", "student": 120, "teacher": 200}])
        log.write_text("step 6\n", encoding="utf-8")
        self.assertEqual(runs.sizes_of(run), [])


if __name__ == "__main__":
    unittest.main()
