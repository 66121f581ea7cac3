#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every exit code that batch scripts rely on, from real runs on one rank without mpirun and on two ranks with it."""
import signal

from launch import SWITCHYARD, Run, checkpoints, pretrain, require, settings, verify, workplace

SHORT = {"train.steps": 4, "train.eval_every": 0, "train.checkpoint_every": 2}
LONG = {**SHORT, "train.steps": 20000}


def start(folder, ranks, name, given):
    if ranks > 1:
        return pretrain(folder, ranks, name, given)
    return Run([SWITCHYARD, "pretrain", folder / "tiny.yaml", *settings({"run.name": name, **given})],
               folder / f"{name}.out")


def check(run, code, errors):
    ended = run.end()
    require(ended == code, f"{run.out.stem}: the exit code is {ended}, not {code}", run)
    require(len(run.errors()) == errors, f"{run.out.stem}: {len(run.errors())} messages, not {errors}", run)


def damage(checkpoint):
    """Flips a bit in the middle of each shard."""
    for shard in checkpoint.glob("shard-*.h5"):
        data = bytearray(shard.read_bytes())
        data[len(data) // 2] ^= 0x40
        shard.write_bytes(data)


def check_damaged(folder):
    checkpoint = checkpoints(folder, "done-2")[4]
    damage(checkpoint)
    run = Run([SWITCHYARD, "inspect", checkpoint, "--verify"], folder / "inspect.out")
    require(run.end() == 3 and "every checksum agrees" not in run.text(), "the damage is not detected", run)
    require(all("shard-0000" in line for line in run.errors()) and run.errors(),
            "the message does not name the damaged file", run)
    run = pretrain(folder, 2, "named", {**SHORT, "train.steps": 6}, resume=checkpoint)
    check(run, 3, errors=1)


with workplace() as folder:
    (folder / "file").write_text("in the way")
    for ranks in (1, 2):
        check(start(folder, ranks, f"done-{ranks}", SHORT), 0, errors=0)
        require(sorted(checkpoints(folder, f"done-{ranks}")) == [2, 4], "checkpoints of steps 2 and 4 are due")
        # The run is complete: a second start repeats no step and writes no checkpoint.
        check(start(folder, ranks, f"done-{ranks}", SHORT), 0, errors=0)
        check(start(folder, ranks, f"failed-{ranks}", {**SHORT, "run.directory": folder / "file"}), 1, errors=1)
        check(start(folder, ranks, f"usage-{ranks}", {**SHORT, "mesh.expert": 4}), 2, errors=1)
        check(start(folder, ranks, f"data-{ranks}", {**SHORT, "data.train": f"[{folder}/none-*.json.gz]"}), 3,
              errors=1)
        run = start(folder, ranks, f"stopped-{ranks}", LONG)
        require(run.wait_for("step 3/"), "the run ended by itself", run)
        run.signal(signal.SIGUSR1)
        check(run, 75, errors=0)
        kept = checkpoints(folder, f"stopped-{ranks}")
        require(f"after step {max(kept)}: " in run.text(), "the newest checkpoint is not of the last step", run)
        verify(kept[max(kept)])
        print(f"{ranks} ranks: 0, 1, 2, 3 and 75")
    check_damaged(folder)
    print("a damaged checkpoint: 3")
