#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""An error on a single rank ends all ranks, with its exit code and one message that names the rank. An error that
every rank meets is reported by one rank only."""
import gzip

from launch import MPIRUN, SWITCHYARD, Run, pretrain, require, settings, workplace

SECONDS = 20
COMMON = {"train.steps": 20000, "train.eval_every": 0, "train.checkpoint_every": 0}


def check(run, code, rank, *words):
    ended = run.end(SECONDS)
    require(ended == code, f"the exit code is {ended}, not {code}", run)
    said = run.errors()
    require(len([line for line in said if not line.startswith("  ")]) == 1, f"{len(said)} messages instead of one", run)
    for word in words:
        require(word in said[0], f"the message does not mention {word}", run)
    require(rank is None or f"[rank {rank}/2 " in run.text(), f"the message does not come from rank {rank}", run)
    print(f"{run.out.stem}: exit code {code}, {said[0]}")


def on_each_rank(folder, name, first, second):
    """A run whose rank 0 has the first settings and rank 1 the second."""
    command = list(MPIRUN)
    for given in (first, second):
        command += ["-n", 1, SWITCHYARD, "pretrain", folder / "tiny.yaml",
                    *settings({"run.name": name, **COMMON, **given}), ":"]
    return Run(command[:-1], folder / f"{name}.out")


def spoil(shard):
    """Truncates a shard in the middle."""
    whole = shard.read_bytes()
    shard.write_bytes(whole[:len(whole) // 2])


with workplace() as folder:
    # Before MPI is initialised, the rank is known only from the launcher.
    check(on_each_rank(folder, "unknown-key", {}, {"train.stepz": 3}), 2, None, "train.stepz")
    check(on_each_rank(folder, "bad-mesh", {}, {"mesh.expert": 4}), 2, 1, "mesh.expert: 4")
    check(on_each_rank(folder, "no-tokenizer", {}, {"data.tokenizer": folder / "none.model"}), 3, 1, "none.model")
    # Rank 0's text is fine; rank 1's contains an invalid record.
    bad = folder / "bad.json.gz"
    with gzip.open(bad, "wt", encoding="utf-8") as file:
        file.write("{}\n" * 3)
    check(on_each_rank(folder, "one-bad-shard", {}, {"data.train": f"[{bad}]", "data.on_bad_record": "fail"}),
          3, 1, "bad.json.gz:1", "data.on_bad_record: skip")
    # Errors that all ranks meet, before and after MPI is initialised.
    check(Run([*MPIRUN, "-n", 3, SWITCHYARD, "pretrain", folder / "tiny.yaml", "--resum", "auto"],
              folder / "usage.out"), 2, None, "--resum")
    check(pretrain(folder, 3, "key", {"train.stepz": 3}), 2, None, "train.stepz")
    check(pretrain(folder, 2, "mesh", {"mesh.expert": 4}), 2, 0, "mesh.expert: 4")
    run = pretrain(folder, 2, "seed", {"train.steps": 1})
    require(run.end(SECONDS) == 0, "a run of one step", run)
    check(pretrain(folder, 2, "seed", {"run.seed": 4}), 2, 0, "belongs to another run")
    for shard in folder.glob("c4-train.*.json.gz"):
        spoil(shard)
    given = {**COMMON, "data.on_bad_record": "fail", "data.shuffle_buffer": 64}
    check(pretrain(folder, 2, "all-shards-cut-off", given), 3, 0, "c4-train.", "fetch the shard again")
