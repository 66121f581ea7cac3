# SPDX-License-Identifier: Apache-2.0
"""Text with a bad stretch: pages of a shard that hold one rare letter again and again.

bad_shard.py make SAMPLE FOLDER     writes FOLDER/{mended,mixed,text}.json.gz of the sample's documents. `mixed` has the
                                    bad pages, `mended` others in their place
bad_shard.py skipped RUN BINARY     checks that RUN applied no step with a good part of bad text and every step without,
                                    and that its log and its metrics name the same steps
bad_shard.py losses CLEAN UNGUARDED GUARDED...
                                    compares the last validation losses of these runs"""
import collections
import glob
import gzip
import json
import pathlib
import re
import subprocess
import sys

PAGES, FIRST_BAD, END_BAD = 150, 84, 112  # of a shard; every second one goes to the same stream
LETTERS = 400  # of a page, so that all streams come to the bad ones at about the same time
BAD = "ë" * 140  # about as many tokens
BATCH, STEPS = 16, 48


def make(sample, folder):
    pages = []
    for path in sorted(glob.glob(f"{sample}/c4-train.*.json.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as file:
            texts = [json.loads(line)["text"] for line in file]
        pages += [text[:LETTERS] for text in texts if len(text) >= LETTERS]
    assert len(pages) >= 2 * PAGES, f"{len(pages)} pages"
    text, mended = pages[:PAGES], pages[PAGES:2 * PAGES]
    mixed = [BAD if FIRST_BAD <= i < END_BAD else page for i, page in enumerate(mended)]
    for name, of in (("mended", mended), ("mixed", mixed), ("text", text)):
        with gzip.open(f"{folder}/{name}.json.gz", "wt", encoding="utf-8") as file:
            file.writelines(json.dumps({"text": page}) + "\n" for page in of)


def bad_examples(run, binary):
    """How many examples of each step are bad, which are those that are one token for the most part."""
    output = subprocess.run([binary, "inspect", "data", f"{run}/config.yaml", "--examples", str(BATCH * STEPS)],
                            check=True, capture_output=True, text=True).stdout
    bad = collections.Counter()
    for example in map(json.loads, output.splitlines()):
        tokens = example["inputs"] + example["targets"]
        bad[example["index"] // BATCH + 1] += max(collections.Counter(tokens).values()) > len(tokens) / 2
    return bad


def skipped(run, binary):
    lines = [json.loads(line) for line in open(f"{run}/metrics.jsonl", encoding="utf-8")]
    limits = {line["step"] for line in lines if "spike_limit" in line}
    bad = bad_examples(run, binary)
    for step in range(1, STEPS + 1):
        assert step in limits or bad[step] < BATCH // 4, f"step {step} with {bad[step]} bad examples was applied"
        assert step not in limits or bad[step] > 0, f"step {step} without a bad example was not applied"
    assert len(limits) >= 4, f"spikes: {limits}"
    named = re.findall(r"step (\d+): loss [\d.]+ leaps over", pathlib.Path(run, "log.txt").read_text(encoding="utf-8"))
    assert {int(step) for step in named} == limits, f"the log names {named}, the metrics {limits}"
    print(f"{run}: not applied {sorted(limits)}, bad examples {dict(sorted(bad.items()))}")


def last_loss(run):
    lines = [json.loads(line) for line in open(f"{run}/metrics.jsonl", encoding="utf-8")]
    return next(line["loss"] for line in reversed(lines) if line["kind"] == "evaluation")


def losses(clean, unguarded, *guarded):
    best, worst = last_loss(clean), last_loss(unguarded)
    of = {run: last_loss(run) for run in guarded}
    print(f"clean {best:.4f}, unguarded {worst:.4f}, guarded {of}")
    for run, loss in of.items():
        assert loss - best < 0.15, f"{run}: {loss}, without the bad pages {best}"
        assert worst - loss > 0.3, f"{run}: {loss}, without a guard {worst}"


if __name__ == "__main__":
    {"make": make, "skipped": skipped, "losses": losses}[sys.argv[1]](*sys.argv[2:])
