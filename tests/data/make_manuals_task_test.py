# SPDX-License-Identifier: Apache-2.0
"""What data/make_manuals_task.py makes of a sample by hand: as many passages of each manual, of other documents for
validation, and the same bytes whatever the order of the shards' lines."""

import gzip
import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

PROGRAM = Path(__file__).resolve().parents[2] / "data/make_manuals_task.py"
URLS = {"git": "file:///usr/share/doc/git-doc/", "python": "file:///usr/share/doc/python3.11/"}
DOCUMENTS = 8


def text_of(name, document):
    """About six passages, whose words say where they are from."""
    return " ".join(f"{name}{document}-{word}" for word in range(100))


def write_sample(folder, shards):
    """As many documents of each manual, dealt out to so many shards."""
    records = [
        json.dumps({"text": text_of(name, i), "timestamp": "", "url": f"{url}{i}.html"})
        for i in range(DOCUMENTS)
        for name, url in URLS.items()
    ]
    for number in range(shards):
        with gzip.open(folder / f"c4-train.{number}.json.gz", "wt") as shard:
            shard.write("".join(f"{record}\n" for record in records[number::shards]))


def make(folder, *more):
    done = subprocess.run([sys.executable, PROGRAM, folder, *more], capture_output=True, text=True, check=False)
    return done.returncode, done.stderr


def read(folder, split):
    return [json.loads(line) for line in (folder / f"manuals-{split}.jsonl").read_text().splitlines()]


def documents_of(examples):
    return {example["input"].split()[1].split("-")[0] for example in examples}


class Manuals(unittest.TestCase):
    def setUp(self):
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))

    def test_examples(self):
        write_sample(self.folder, 2)
        self.assertEqual(make(self.folder, "24"), (0, ""))
        train, held = read(self.folder, "train"), read(self.folder, "validation")
        self.assertEqual(sorted(example["target"] for example in train), ["git"] * 12 + ["python"] * 12)
        for example in train + held:
            passage = example["input"].removeprefix("manual: ")
            self.assertTrue(passage.startswith(example["target"]), example)
            self.assertTrue(160 <= len(passage) <= 200, passage)
        # Six documents of each manual for training, each giving two passages, and two others for validation.
        self.assertEqual(len(documents_of(train)), 12)
        self.assertEqual(len(documents_of(held)), 4)
        self.assertFalse(documents_of(train) & documents_of(held))
        self.assertEqual(len({example["input"] for example in train}), 24)
        self.assertNotEqual([example["target"] for example in train], sorted(example["target"] for example in train))

    def test_the_same_documents_in_other_shards(self):
        write_sample(self.folder, 3)
        make(self.folder)
        first = (self.folder / "manuals-train.jsonl").read_bytes()
        write_sample(self.folder, 1)
        for number in (1, 2):
            (self.folder / f"c4-train.{number}.json.gz").unlink()
        make(self.folder)
        self.assertEqual((self.folder / "manuals-train.jsonl").read_bytes(), first)

    def test_every_manual_has_a_name_of_its_own(self):
        sys.path.insert(0, str(PROGRAM.parent))
        import make_manuals_task

        self.assertEqual(make_manuals_task.NAMES.keys(), make_manuals_task.LARGE_SOURCES.keys())
        self.assertEqual(len(set(make_manuals_task.NAMES.values())), len(make_manuals_task.NAMES))

    def test_no_sample(self):
        code, error = make(self.folder)
        self.assertEqual(code, 1)
        self.assertIn("holds no sample; run data/make_sample.sh", error)
        with gzip.open(self.folder / "c4-train.0.json.gz", "wt") as shard:
            shard.write('{"text": "x", "url": "https://elsewhere"}\n')
        self.assertIn("https://elsewhere is of none of the packages", make(self.folder)[1])


if __name__ == "__main__":
    unittest.main()
