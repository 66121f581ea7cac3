#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""make_sort_task.py FOLDER [LETTERS [EXAMPLES]]: makes a task to try fine-tuning on (configs/finetune-sort.yaml).

Writes FOLDER/sort-train.jsonl and, with other examples, FOLDER/sort-validation.jsonl. An input is "sort: d b a c", a
target its letters in alphabetical order: up to LETTERS of them (5), drawn from a to h, none twice. EXAMPLES (4000) are
for training, 256 for validation. The same numbers give the same bytes."""
import itertools
import json
import os
import random
import sys

VALIDATION = 256


def write(path, words):
    with open(path, "w", encoding="utf-8") as file:
        for word in words:
            file.write(json.dumps({"input": "sort: " + " ".join(word), "target": " ".join(sorted(word))}) + "\n")


def main():
    if len(sys.argv) not in (2, 3, 4) or sys.argv[1] in ("-h", "--help"):
        print(__doc__)
        return 2
    folder = sys.argv[1]
    letters, examples = (int(word) for word in (sys.argv[2:] + ["5", "4000"][len(sys.argv) - 2:]))
    words = [word for length in range(2, letters + 1) for word in itertools.permutations("abcdefgh", length)]
    random.Random(1).shuffle(words)
    examples = min(examples, len(words) - VALIDATION)
    os.makedirs(folder, exist_ok=True)
    write(f"{folder}/sort-train.jsonl", words[VALIDATION:VALIDATION + examples])
    write(f"{folder}/sort-validation.jsonl", words[:VALIDATION])
    return 0


if __name__ == "__main__":
    sys.exit(main())
