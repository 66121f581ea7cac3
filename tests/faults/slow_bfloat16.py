#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A run in bfloat16 says at its start, once and in its log too, if this processor multiplies float32 faster; one in
float32 says nothing. The line must agree with itself and with whether it was due."""
import re

from launch import SWITCHYARD, Run, pretrain, require, workplace

SHORT = {"train.steps": 1, "train.eval_every": 0, "train.checkpoint_every": 0}

with workplace() as folder:
    run = pretrain(folder, 2, "float32", SHORT)
    require(run.end() == 0 and "bfloat16" not in run.text(), "a run in float32 speaks of bfloat16", run)
    run = pretrain(folder, 2, "bfloat16", {**SHORT, "precision": "bfloat16"})
    require(run.end() == 0, "a run in bfloat16 fails", run)
    said = re.findall(r"precision: bfloat16 multiplies at ([\d.]+) times .*precision: float32 would be faster",
                      run.text())
    require(len(said) <= 1, "it is said more than once", run)
    doctor = Run([SWITCHYARD, "doctor", "--folder", folder], folder / "doctor.out")
    doctor.end()
    ratio = float(re.search(r"([\d.]+) times float32", doctor.text())[1])
    # Two measurements differ; far from 1 they cannot differ in what they say.
    require(bool(said) if ratio < 0.75 else not said if ratio > 1.33 else True,
            f"the doctor measures {ratio} times float32, and the run says {said}", run)
    require(not said or said[0] in (folder / "bfloat16/log.txt").read_text(), "the log lacks it", run)
    print(f"{ratio} times float32: {said}")
