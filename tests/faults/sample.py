"""A little text of our own: shards in C4's form, drawn word by word from a seed, and a tokenizer trained on
them. The only place that knows where the text of these tests comes from."""
import gzip
import json
import pathlib
import random
import subprocess

SYLLABLES = "ba de fi go hu ka le mi no pu ra se ti vo zu".split()


def make_words(draw, count):
    return ["".join(draw.choices(SYLLABLES, k=draw.randint(1, 4))) for _ in range(count)]


def make_sample(folder, switchyard, shards=4, documents=60, seed=1):
    """Writes train-N.json.gz, validation-0.json.gz and small.model into `folder`."""
    draw = random.Random(seed)
    words = make_words(draw, 300)
    folder = pathlib.Path(folder)
    names = [f"train-{shard}" for shard in range(shards)] + ["validation-0"]
    for name in names:
        with gzip.open(folder / f"{name}.json.gz", "wt", encoding="utf-8") as file:
            for _ in range(documents):
                text = " ".join(draw.choices(words, k=draw.randint(20, 80)))
                file.write(json.dumps({"text": text}) + "\n")
    subprocess.run([switchyard, "tokenizer", "train", "--shards", str(folder / "train-*.json.gz"),
                    "--output", str(folder / "small.model"), "--vocab-size", "128"],
                   check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=60)
