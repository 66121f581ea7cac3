#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""make_manuals_task.py FOLDER [EXAMPLES]: makes a task of few examples of real text: from which manual is a passage?

FOLDER holds a sample (make_sample.sh, also --large). Writes FOLDER/manuals-train.jsonl, EXAMPLES of them (400), and
FOLDER/manuals-validation.jsonl (320): {"input": "manual: PASSAGE", "target": "git"}. A passage is about 200 characters
of a document; each manual has as many as any other. No document gives passages to both files: those for training are
of three documents in four. The same sample gives the same bytes. Standard library only."""
import gzip
import hashlib
import itertools
import json
import random
import sys
from pathlib import Path

from make_sample import LARGE_SOURCES

# Short, so that what is to be learnt is which of them and not its spelling.
NAMES = {
    "apache2-doc": "apache", "debian-handbook": "handbook", "debian-policy": "policy", "debian-reference-en": "reference",
    "developers-reference": "developers", "erlang-doc": "erlang", "git-doc": "git", "libboost1.74-doc": "boost",
    "linux-doc-6.1": "linux", "llvm-14-doc": "llvm", "openjdk-17-doc": "java", "postgresql-doc-15": "postgresql",
    "python-django-doc": "django", "python3.11-doc": "python", "qtbase5-doc-html": "qt", "sqlite3-doc": "sqlite",
}  # fmt: skip
TRAIN, VALIDATION = 400, 320
VALIDATION_EVERY = 4  # one document of a manual in so many
SHORTEST, LONGEST = 160, 200  # characters of a passage


def name_of(url):
    """The manual's, from the page's address."""
    for package, (folder, _) in LARGE_SOURCES.items():
        if url.startswith(f"file:///{folder}/"):
            return NAMES[package]
    sys.exit(f"make_manuals_task.py: {url} is of none of the packages of make_sample.sh; make the sample again")


def place(document):
    return hashlib.sha256(document[0].encode()).digest()


def read_documents(folder):
    """{manual: [text]}, manuals by name and documents in an order that only their addresses decide."""
    manuals = {}
    for shard in sorted(folder.glob("c4-*.json.gz")):
        with gzip.open(shard, "rt", encoding="utf-8") as lines:
            for line in lines:
                record = json.loads(line)
                manuals.setdefault(name_of(record["url"]), []).append((record["url"], record["text"]))
    if not manuals:
        sys.exit(f"make_manuals_task.py: {folder} holds no sample; run data/make_sample.sh")
    return {name: [text for _, text in sorted(manuals[name], key=place)] for name in sorted(manuals)}


def passages(text):
    """Whole words of the text, LONGEST characters at most, one passage after another."""
    found, passage = [], ""
    for word in text.split():
        longer = f"{passage} {word}".strip()
        if len(longer) <= LONGEST:
            passage = longer
            continue
        found.append(passage)
        passage = word
    return [each for each in [*found, passage] if len(each) >= SHORTEST]


def draw(texts, number, chance):
    """`number` passages, of as many of the texts as there are; fewer if they have no more."""
    piles = [passages(text) for text in texts]
    for pile in piles:
        chance.shuffle(pile)
    in_turn = itertools.chain.from_iterable(itertools.zip_longest(*piles))
    return [passage for passage in in_turn if passage][:number]


def write(path, manuals, examples, chance):
    """As many passages of each manual, `examples` of all together or a few less, in a random order."""
    each = examples // len(manuals)
    drawn = [(passage, name) for name, texts in manuals.items() for passage in draw(texts, each, chance)]
    chance.shuffle(drawn)
    with open(path, "w", encoding="utf-8") as file:
        for passage, name in drawn:
            file.write(json.dumps({"input": f"manual: {passage}", "target": name}, ensure_ascii=False) + "\n")
    print(f"  {path}: {len(drawn)} passages of {len(manuals)} manuals")


def main():
    if len(sys.argv) not in (2, 3) or sys.argv[1] in ("-h", "--help"):
        print(__doc__)
        return 2
    folder, examples = Path(sys.argv[1]), int((sys.argv[2:] + [TRAIN])[0])
    manuals = read_documents(folder)
    chance = random.Random(1)
    held = {name: texts[::VALIDATION_EVERY] for name, texts in manuals.items()}
    kept = {name: [text for i, text in enumerate(texts) if i % VALIDATION_EVERY] for name, texts in manuals.items()}
    write(folder / "manuals-train.jsonl", kept, examples, chance)
    write(folder / "manuals-validation.jsonl", held, VALIDATION, chance)
    return 0


if __name__ == "__main__":
    sys.exit(main())
